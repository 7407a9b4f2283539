"""The relay of the feed to a webhook: each event at least once and in order, whoever fails, is slow or is killed."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Event, Thread, Timer
from typing import Any, TypeAlias

import psycopg
import pytest
from attrs import define, field
from children import Program, start_program
from hosts import AGENT, SHOP

from custstatus import CustomerStatus, NoLabels, SQLiteStore, StatusService
from custstatus.adapters.postgres import PostgresStore
from custstatus.adapters.postgres.listening import hints

EXAMPLE = Path(__file__).parents[2] / "examples" / "feed_to_webhook.py"
SECRET = "hunter2"
PATIENCE = 120
"""Seconds after which somebody who waits is given up."""


@define(eq=False)
class Receiver:
    """A webhook that keeps each event once, by its source and id, and does as it is told."""

    url: str = ""
    came: list[tuple[str, str]] = field(factory=list)
    """The source and id of every event, as often as it came and was kept or known."""
    events: dict[tuple[str, str], dict[str, Any]] = field(factory=dict)
    """Each once, in the order in which they came first."""
    answers: list[int] = field(factory=list)
    """What is answered next, and nothing kept where it is no 2xx; 0 is no answer. Then it is 204."""
    kinds: set[str | None] = field(factory=set)
    arrived: Queue[int] = field(factory=Queue)
    """A number for every request, before it is answered."""
    go_on: Event = field(factory=Event)
    """Unless it is set no request is answered."""
    over: Event = field(factory=Event)

    def take(self, kind: str | None, body: bytes) -> int:
        """Take a request; what to answer."""
        answer = self.answers.pop(0) if self.answers else 204
        self.kinds.add(kind)
        if answer == 0 or 200 <= answer < 300:
            for event in json.loads(body):
                key = (event["source"], event["id"])
                self.came.append(key)
                self.events.setdefault(key, event)
        self.arrived.put(len(self.came))
        self.go_on.wait(PATIENCE)
        return answer


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver()
    receiver.go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = receiver.take(self.headers["Content-Type"], body)
            if not answer:
                receiver.over.wait(PATIENCE)  # longer than anybody waits for an answer
                return
            try:
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                pass  # who has asked is gone

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/events"
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.go_on.set()
            receiver.over.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the statuses are."""
    if request.param == "sqlite":
        SQLiteStore(tmp_path / "statuses.db").close()
        yield str(tmp_path / "statuses.db")
    else:
        yield request.getfixturevalue("address")


@pytest.fixture
def shop(database: str) -> Iterator[StatusService[NoLabels]]:
    with PostgresStore(database) if "=" in database else SQLiteStore(database) as store:
        yield StatusService(store, SHOP)


def changes(shop: StatusService[NoLabels], *customers: str) -> None:
    """Each registers and is changed, in turn."""
    for customer in customers:
        shop.acting(AGENT).register(customer)
    for status in (CustomerStatus.SUSPENDED, CustomerStatus.ACTIVE):
        for customer in customers:
            shop.acting(AGENT).change(customer, status, reason="odd")


Relay: TypeAlias = "Program | subprocess.Popen[str]"


def started(database: str, receiver: Receiver, *options: str) -> Relay:
    """The relay, as a process of its own."""
    return start_program(EXAMPLE, database, SHOP.org, receiver.url, "--batch=4", *options)


def begun(database: str, receiver: Receiver, *options: str) -> Relay:
    """The relay, by the command that its docstring tells."""
    command = [sys.executable, str(EXAMPLE), database, SHOP.org, receiver.url, "--batch=4", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def arrives(receiver: Receiver, process: Relay) -> None:
    """Wait for a request."""
    for _ in range(PATIENCE):
        with suppress(Empty):
            receiver.arrived.get(timeout=1)
            return
        assert process.poll() is None, "it has ended, and nothing came"
    raise AssertionError("nothing came")


def ended(process: Relay) -> tuple[int | None, str]:
    """How it has ended, and the last line of what it said."""
    code, said = told(process)
    return code, said[-1] if said else ""


def told(process: Relay) -> tuple[int | None, list[str]]:
    """How it has ended, and the lines of what it said."""
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said.strip().splitlines()


def says(process: Relay, lines: int) -> list[str]:
    """The next lines of what it says; empty ones where it says nothing for too long."""
    assert process.stderr is not None
    given_up = Timer(PATIENCE, process.kill)
    given_up.start()
    try:
        return [process.stderr.readline() for _ in range(lines)]
    finally:
        given_up.cancel()


def check(shop: StatusService[NoLabels], receiver: Receiver) -> None:
    """The receiver has every entry once, and by version within a customer."""
    assert receiver.kinds == {"application/cloudevents-batch+json"}
    events = list(receiver.events.values())
    got = [(event["data"]["customer"], event["data"]["version"]) for event in events]
    entries = list(shop.history(limit=10_000))
    assert sorted(got) == sorted((entry.customer, entry.version) for entry in entries)
    for customer in {customer for customer, _ in got}:
        versions = [version for name, version in got if name == customer]
        assert versions == list(range(1, len(versions) + 1)), customer
    assert {event["source"] for event in events} == {"/custstatus/shop"}
    assert "odd" not in json.dumps(events)


def test_each_comes_once_where_nobody_fails(database: str, shop: StatusService[NoLabels], receiver: Receiver) -> None:
    changes(shop, "d-1", "d-2", "d-3")
    assert ended(begun(database, receiver, "--once")) == (0, "")
    check(shop, receiver)
    assert len(receiver.came) == len(receiver.events)
    assert ended(started(database, receiver, "--once")) == (0, "")
    assert len(receiver.came) == len(receiver.events), "the position was kept"
    assert shop.lag(shop.position("webhook")).ready == 0


def test_who_is_killed_in_the_middle_of_it_goes_on(
    database: str, shop: StatusService[NoLabels], receiver: Receiver
) -> None:
    changes(shop, "d-1", "d-2", "d-3", "d-4")
    for batches in (0, 1, 2):
        receiver.go_on.set()
        process = started(database, receiver, "--once")
        for _ in range(batches):
            arrives(receiver, process)
        receiver.go_on.clear()
        arrives(receiver, process)
        process.kill()  # its batch is kept there, and it does not know
        process.communicate()
        while not receiver.arrived.empty():
            receiver.arrived.get()
    receiver.go_on.set()
    assert ended(started(database, receiver, "--once")) == (0, "")
    check(shop, receiver)
    assert len(receiver.came) > len(receiver.events), "what was in doubt came again"


def test_who_cannot_take_it_now_gets_it_again(database: str, shop: StatusService[NoLabels], receiver: Receiver) -> None:
    changes(shop, "d-1", "d-2")
    receiver.answers = [503, 500, 429, 204, 0, 502]
    code, said = told(started(database, receiver, "--once", "--timeout=0.5"))
    assert code == 0
    causes = ["503", "500", "429", "no answer in time", "502"]
    assert [re.sub(r"in \S+ s$", "in _ s", line) for line in said] == [
        f"feed_to_webhook: the receiver could not take 4 entries ({cause}): again in _ s" for cause in causes
    ]
    assert receiver.answers == []
    check(shop, receiver)
    assert len(receiver.came) > len(receiver.events), "without an answer nobody knows"


def test_a_receiver_that_is_not_there_is_told_of_and_its_address_is_not(
    database: str, shop: StatusService[NoLabels], receiver: Receiver
) -> None:
    changes(shop, "d-1")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}/{SECRET}?token={SECRET}"
    process = started(database, receiver)
    said = says(process, 2)
    process.kill()
    process.communicate()
    assert [line.partition(")")[0] for line in said] == [
        "feed_to_webhook: the receiver could not take 4 entries (ConnectionRefusedError"
    ] * 2
    assert SECRET not in "".join(said)


def test_who_refuses_it_stops_the_relay_and_nothing_is_passed_over(
    database: str, shop: StatusService[NoLabels], receiver: Receiver
) -> None:
    changes(shop, "d-1", "d-2")
    receiver.answers = [204, 422]
    code, said = ended(started(database, receiver, "--once"))
    assert (code, "422" in said) == (1, True)
    assert len(receiver.events) == 4
    assert ended(started(database, receiver, "--once")) == (0, "")
    check(shop, receiver)


def test_it_follows_what_is_written_while_it_runs(address: str, receiver: Receiver) -> None:
    hints(address)
    with PostgresStore(address) as store:
        shop = StatusService(store, SHOP)
        process = started(address, receiver, "--hints", "--every=0.2")
        try:
            for turn in range(3):
                changes(shop, f"d-{turn}")
                while len(receiver.events) < sum(1 for _ in shop.history(limit=10_000)):
                    receiver.arrived.get(timeout=PATIENCE)
        finally:
            process.kill()
            process.communicate()
        check(shop, receiver)


def test_a_database_that_cannot_be_asked_is_told_of_and_asked_again(address: str, receiver: Receiver) -> None:
    with PostgresStore(address) as store:
        shop = StatusService(store, SHOP)
        changes(shop, "d-1")
        with psycopg.connect(address, autocommit=True) as owner:
            process = started(f"{address} password={SECRET}", receiver, "--every=0.05")
            arrives(receiver, process)
            owner.execute("ALTER TABLE custstatus_consumer RENAME TO elsewhere")
            said = says(process, 2)
            owner.execute("ALTER TABLE elsewhere RENAME TO custstatus_consumer")
        try:
            changes(shop, "d-2")
            while len(receiver.events) < sum(1 for _ in shop.history(limit=10_000)):
                receiver.arrived.get(timeout=PATIENCE)
        finally:
            process.kill()
            process.communicate()
        check(shop, receiver)
    for line in said:
        assert re.fullmatch(r"feed_to_webhook: the database .*: again in 0\.05 s\n", line)
        assert SECRET not in line


def test_a_file_has_no_hints(tmp_path: Path, receiver: Receiver) -> None:
    path = tmp_path / "statuses.db"
    SQLiteStore(path).close()
    code, said = ended(begun(str(path), receiver, "--hints"))
    assert code == 2
    assert "--hints" in said
    assert "PostgreSQL" in said


def test_after_a_restored_copy_all_of_it_comes_again(address: str, receiver: Receiver) -> None:
    PostgresStore(address).close()
    assert ended(started(address, receiver, "--once")) == (0, "")
    before = len(receiver.came)
    with psycopg.connect(address) as connection:
        connection.execute("UPDATE custstatus_feed SET system = 'another'")
    code, said = ended(started(address, receiver, "--once"))
    assert (code, "restored" in said) == (1, True)
    with PostgresStore(address) as store:
        assert ended(started(address, receiver, "--once")) == (0, "")
        assert len(receiver.came) == 2 * before
        assert ended(started(address, receiver, "--once")) == (0, "")
        assert len(receiver.came) == 2 * before
        check(StatusService(store, SHOP), receiver)
