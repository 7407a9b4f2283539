"""
Servers that are killed, networks that fall silent, locks that others hold: an error says so in time, and nothing is lost.

What was acknowledged is there, nothing is half written, and what was in doubt is done once by a retry with its key.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from time import sleep
from typing import Any

import psycopg
import pytest
from attrs import define, field
from binaries import find_binaries
from organisation import ACME, AGENT, START, Label
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from servers import OwnServer, database
from wholeness import PAUSE, faults_in, opened, rows, soon_none, taking

from custstatus import Action, Activity, Applied, Identifier, StatusService, StoreBusyError, StoreError
from custstatus.adapters.postgres import PostgresStore, connecting, migrating, schema_status
from custstatus.adapters.postgres.cursors import PreparedCursor
from custstatus.adapters.sql.running import Script
from custstatus.adapters.sql.schema import At, Schema
from custstatus.errors import StoreClosedError

SHORT, LONG = 5, 100
"""How often a server is killed."""

WORKERS = 4

SOON = 0.2
"""Seconds of patience, where it is to end."""


@pytest.fixture(scope="module")
def killable() -> Iterator[OwnServer]:
    """A server to be killed and started again, at the end of each test left running."""
    own = OwnServer.fresh(find_binaries())
    yield own
    own.close()


@pytest.fixture
def full(own_server: OwnServer) -> OwnServer:
    """A server that takes six connections."""
    own_server.stop()
    own_server.start(max_connections=6, superuser_reserved_connections=0, max_wal_senders=0)
    return own_server


@define
class Worker:
    """Somebody who changes a customer of his own, one deed after the other, each again until it is acknowledged."""

    name: str
    service: StatusService[Label]
    keyed: bool = True
    acknowledged: dict[str, list[int]] = field(factory=dict)
    """By its key or reason: the versions that each deed has written."""
    doubts: int = 0
    """Deeds that were answered by an error."""
    late: int = 0
    """Deeds in doubt that had been made."""
    wrong: list[str] = field(factory=list)

    def do(self, number: int) -> Applied:
        """One deed."""
        desk = self.service.acting(AGENT)
        why = f"{self.name}/{number}"
        key = why if self.keyed else None
        place = number % 4
        if place == 0:
            return desk.register(f"{self.name}-{number // 4}", identifiers=[Identifier("external_id", why)], key=key)
        customer = f"{self.name}-{number // 4}"
        if place == 1:
            return desk.change(customer, Label.LOST_PHONE, reason=why, key=key)
        if place == 2:
            return desk.add_identifier(customer, Identifier("email", why), reason=why, key=key)
        return desk.change(customer, Label.CLOSED, reason=why, key=key)

    def try_once(self, number: int) -> Applied | None:
        """One deed; None where that is in doubt."""
        try:
            return self.do(number)
        except StoreError as error:
            if not any(said in str(error) for said in ("same key", "could not be reached")):
                raise
            self.doubts += 1
            return None

    def work(self, done: threading.Event, back: threading.Event) -> None:
        """Work until it is done; after an error wait until the server is back."""
        number = 0
        try:
            while not done.is_set():
                in_doubt = False
                while (made := self.try_once(number)) is None:
                    in_doubt = True
                    back.wait()
                self.late += in_doubt and made.replayed
                if made.replayed and not in_doubt:
                    self.wrong.append(f"{number} was replayed, and never in doubt")
                self.acknowledged[f"{self.name}/{number}"] = [entry.version for entry in made.entries]
                number += 1
        except Exception as error:
            self.wrong.append(f"{number}: {error!r} because of {error.__cause__!r}")


def faults_after(kills: int, server: OwnServer, address: str) -> Iterator[str]:
    """What is wrong after a server was killed so often while some workers worked."""
    random = Random(kills)
    done, back = threading.Event(), threading.Event()
    back.set()
    with PostgresStore(address, patience=10) as store:
        service = StatusService(store, ACME)
        workers = [Worker(f"w{number}", service) for number in range(WORKERS)]
        threads = [threading.Thread(target=worker.work, args=(done, back)) for worker in workers]
        for thread in threads:
            thread.start()
        for _ in range(kills):
            enough = sum(len(worker.acknowledged) for worker in workers) + random.randrange(20, 120)
            while sum(len(worker.acknowledged) for worker in workers) < enough and any(
                map(threading.Thread.is_alive, threads)
            ):
                threading.Event().wait(0.001)
            back.clear()
            server.kill()
            server.start()
            back.set()
        done.set()
        for thread in threads:
            thread.join()
        for worker in workers:
            yield from worker.wrong
    assert sum(worker.doubts for worker in workers) >= kills
    there: dict[str, list[int]] = {}
    for key, version in rows(address, "SELECT key, version FROM custstatus_entry ORDER BY customer, version"):
        there.setdefault(key, []).append(version)
    acknowledged = {key: versions for worker in workers for key, versions in worker.acknowledged.items()}
    for key in there.keys() | acknowledged.keys():
        if there.get(key) != acknowledged.get(key):
            yield f"{key}: acknowledged {acknowledged.get(key)}, there {there.get(key)}"
    yield from faults_in(address)


class TestKilledServers:
    """Killed as by a crash, in the middle of changes."""

    def test_nothing_acknowledged_is_lost_or_doubled_or_half_written(self, killable: OwnServer) -> None:
        with database(killable) as address:
            assert list(faults_after(SHORT, killable, address)) == []

    @pytest.mark.soak
    def test_nothing_is_by_many_kills(self, killable: OwnServer) -> None:
        with database(killable) as address:
            assert list(faults_after(LONG, killable, address)) == []

    def test_a_server_that_acknowledges_before_it_keeps_is_caught(self, own_server: OwnServer) -> None:
        # The control: were the settings of the session not kept, as here, a kill would lose what was acknowledged.
        own_server.stop()
        own_server.start(synchronous_commit="off", wal_writer_delay="10s", wal_writer_flush_after="1GB")
        sound = connecting.settings

        def hasty(patience: float) -> str:
            return sound(patience).replace("synchronous_commit = on", "synchronous_commit = off")

        with database(own_server) as address, pytest.MonkeyPatch.context() as patch:
            PostgresStore(address).close()  # the tables are there for good
            patch.setattr(connecting, "settings", hasty)
            found = list(faults_after(2, own_server, address))
        assert any("acknowledged" in fault or "unknown_customer" in fault for fault in found), found

    def test_without_a_key_a_retry_of_what_was_made_is_made_again(self, killable: OwnServer) -> None:
        with database(killable) as address, opened(address) as service:
            desk = service.acting(AGENT)
            desk.register("c")
            for key, version in ("k-1", 4), (None, 7):
                with lost_answer(), pytest.raises(StoreError, match="same key"):
                    desk.change("c", Label.LOST_PHONE, reason="lost", key=key)
                desk.change("c", Label.REGULAR, reason="found")
                # What the caller cannot know: it had been made. Without a key it is made once more.
                again = desk.change("c", Label.LOST_PHONE, reason="lost", key=key)
                assert again.replayed is (key is not None)
                assert service.account("c").version == version
            assert faults_in(address) == []


@contextmanager
def lost_answer() -> Iterator[None]:
    """Every answer of a server is lost, with the connection, after what was asked has been done."""
    ask = PreparedCursor.ask

    def lost(self: PreparedCursor, *asked: Any) -> Any:
        ask(self, *asked)
        self.connection.pgconn.finish()
        raise psycopg.OperationalError("the connection is lost")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PreparedCursor, "ask", lost)
        yield


class TestLostConnections:
    """An error that says what to do, and the same store afterwards."""

    def test_a_server_that_is_back_is_used_again_by_the_same_store_however_many_connections_were_idle(
        self, killable: OwnServer
    ) -> None:
        with database(killable) as address, opened(address, connections=6) as service:
            service.acting(AGENT).register("c")
            self.use_at_once(service.store, 6)
            killable.kill()
            with pytest.raises(StoreError, match="same key"):
                service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost", key="k-1")
            with pytest.raises(StoreError, match="could not be reached"):
                service.account("c")
            killable.start()
            # One error for all six: the others have been let go of.
            for _ in range(7):
                assert service.account("c").version == 2
            assert not service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost", key="k-1").replayed
            self.use_at_once(service.store, 6)

    def test_a_restart_that_nobody_saw_is_one_error(self, killable: OwnServer) -> None:
        with database(killable) as address, opened(address, connections=6) as service:
            service.acting(AGENT).register("c")
            self.use_at_once(service.store, 6)
            killable.stop()
            killable.start()
            with pytest.raises(StoreError, match="same key"):
                service.account("c")
            for _ in range(7):
                assert service.account("c").version == 2

    def test_a_connection_that_the_server_has_ended_is_one_error(self, address: str) -> None:
        with opened(address, connections=1) as service:
            service.acting(AGENT).register("c")
            rows(
                address,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'custstatus'"
                " AND datname = current_database()",
            )
            with pytest.raises(StoreError, match="same key") as lost:
                service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost", key="k-1")
            assert not isinstance(lost.value, StoreBusyError)
            assert not service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost", key="k-1").replayed

    @staticmethod
    def use_at_once(store: Any, connections: int) -> None:
        """Have so many connections, all idle again afterwards."""
        held = []
        for _ in range(connections):
            context = taking(store)
            context.__enter__()
            held.append(context)
        for context in held:
            context.__exit__(None, None, None)


class Proxy:
    """A network between us and a server, which can fall silent: it takes what is sent, and hands nothing on."""

    def __init__(self, port: int) -> None:
        self.flows = threading.Event()
        self.flows.set()
        self._ended = False
        self._port = port
        self._sockets: list[socket.socket] = [socket.create_server(("127.0.0.1", 0))]
        self.port = self._sockets[0].getsockname()[1]
        self._start(self._accept)

    @staticmethod
    def _start(body: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=body, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._sockets[0].accept()
                self.flows.wait()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += near, far
                self._start(self._pump, near, far)
                self._start(self._pump, far, near)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while read := source.recv(65_536):
                self.flows.wait()
                target.sendall(read)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End every connection."""
        self.flows.set()
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class TestSilence:
    """A peer that acknowledges everything and answers nothing."""

    def test_every_call_ends_with_an_error_and_the_store_works_when_the_network_is_back(
        self, killable: OwnServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connecting, "GRACE", SOON)
        with database(killable) as address:
            network = Proxy(killable.port)
            through = make_conninfo(address, host="127.0.0.1", port=network.port)
            try:
                with opened(through, connections=3, patience=SOON) as service:
                    desk = service.acting(AGENT)
                    desk.register("c")
                    TestLostConnections.use_at_once(service.store, 3)
                    network.flows.clear()
                    for ask in (
                        lambda: desk.change("c", Label.LOST_PHONE, reason="lost", key="k-1"),
                        lambda: desk.add_identifier("c", Identifier("email", "c@example.org"), reason="x", key="k-2"),
                        lambda: service.account("c"),
                        lambda: service.record(Activity("c", Action.TRANSACTION, "r-1", START)),
                        lambda: PostgresStore(through, patience=SOON),
                    ):
                        with pytest.raises(StoreError):
                            ask()
                    network.flows.set()
                    desk.change("c", Label.LOST_PHONE, reason="lost", key="k-1")
                    desk.add_identifier("c", Identifier("email", "c@example.org"), reason="x", key="k-2")
                    assert service.account("c").version == 4
                assert faults_in(address) == []
            finally:
                network.close()

    def test_so_does_looking_at_the_step_where_it_falls_silent_after_the_connection(
        self, killable: OwnServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connecting, "GRACE", SOON)
        monkeypatch.setattr(migrating, "_CONNECTING", SOON)
        sound = migrating._found
        with database(killable) as address:
            network = Proxy(killable.port)

            def found(schema: Schema) -> Script[tuple[At, bool]]:
                network.flows.clear()
                return (yield from sound(schema))

            monkeypatch.setattr(migrating, "_found", found)
            try:
                with pytest.raises(StoreError):
                    schema_status(make_conninfo(address, host="127.0.0.1", port=network.port))
            finally:
                network.close()


def connected(address: str) -> Iterator[psycopg.Connection[Any]]:
    """As many connections as a server takes."""
    with suppress(psycopg.OperationalError):
        while True:
            yield psycopg.connect(address)


def taken(store: PostgresStore) -> Iterator[Any]:
    """As many connections of a store's as a server takes."""
    with suppress(StoreError):
        while True:
            context = taking(store)
            context.__enter__()
            yield context


class TestBusy:
    """Who waits longer than he has the patience for is told so, and has written nothing."""

    WRITES: tuple[Callable[[StatusService[Label]], object], ...] = (
        lambda service: service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost", key="k-1"),
        lambda service: service.acting(AGENT).change("c", Label.CLOSED, reason="asked", key="k-2"),
        lambda service: service.acting(AGENT).add_identifier(
            "c", Identifier("email", "c@x.org"), reason="x", key="k-3"
        ),
        lambda service: service.acting(AGENT).restore("c", reason="x", key="k-4"),
    )

    @pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
    def test_a_lock_that_another_holds(self, address: str, setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
        # One of the two is enough: whichever comes first.
        sound = connecting.settings
        monkeypatch.setattr(connecting, "settings", lambda patience: f"{sound(patience)}; SET {setting} = 0")
        with opened(address) as patient:
            patient.acting(AGENT).register("c")
            patient.acting(AGENT).change("c", Label.UNUSUAL, reason="odd sales")
        with opened(address, patience=SOON) as service, psycopg.connect(address) as other:
            other.execute("SELECT * FROM custstatus_account FOR UPDATE")
            for write in self.WRITES:
                with pytest.raises(StoreBusyError, match="same key"):
                    write(service)
            assert service.account("c").version == 3  # who reads does not wait
            other.rollback()
            assert service.acting(AGENT).restore("c", reason="all in order").entries
            assert not service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost", key="k-1").replayed
        assert faults_in(address) == []

    def test_a_statement_that_somebody_cancels(self, address: str) -> None:
        cancelled = (
            "SELECT pg_cancel_backend(pid) FROM pg_locks JOIN pg_stat_activity a USING (pid) WHERE NOT granted "
            "AND a.datname = current_database()"
        )
        with opened(address) as service, psycopg.connect(address) as other:
            service.acting(AGENT).register("c")
            other.execute("SELECT * FROM custstatus_account FOR UPDATE")
            came: list[object] = []

            def change() -> None:
                try:
                    came.append(service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost", key="k-1"))
                except Exception as error:
                    came.append(error)

            thread = threading.Thread(target=change)
            thread.start()
            while thread.is_alive():
                rows(address, cancelled)
                sleep(PAUSE)
            assert isinstance(came[0], StoreBusyError)
            other.rollback()
            assert not service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost", key="k-1").replayed

    def test_two_who_wait_for_each_other(self, address: str) -> None:
        with opened(address) as service, psycopg.connect(address) as one, psycopg.connect(address) as two:
            for name in "c", "d":
                service.acting(AGENT).register(name)
            service.inside(one).acting(AGENT).change("c", Label.ABROAD, reason="x")
            service.inside(two).acting(AGENT).change("d", Label.ABROAD, reason="x")
            came: list[object] = []

            def change(host: Any, name: str) -> None:
                try:
                    came.append(service.inside(host).acting(AGENT).change(name, Label.ABROAD, reason="x"))
                except Exception as error:
                    came.append(error)
                    host.rollback()

            threads = [threading.Thread(target=change, args=pair) for pair in ((one, "d"), (two, "c"))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sum(isinstance(each, StoreBusyError) for each in came) == 1
        assert faults_in(address) == []

    def test_no_connection_is_free(self, address: str) -> None:
        with PostgresStore(address, connections=2, patience=SOON) as store:
            both = taking(store), taking(store)
            with both[0], both[1], pytest.raises(StoreBusyError, match="no connection was free"):
                store.load("acme", "c")
            assert store.load("acme", "c") is None

    def test_a_server_that_takes_no_more_connections_is_not_reached_and_is_later(self, full: OwnServer) -> None:
        with database(full) as address, PostgresStore(address, connections=8) as store:
            others = list(connected(address))
            with taking(store), pytest.raises(StoreBusyError, match="no connection left"):
                store.load("acme", "c")
            for other in others:
                other.close()
            while (
                full.pid
                and len(rows(full.address, "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend'")) > 2
            ):
                sleep(PAUSE)
            for _ in range(8):
                assert store.load("acme", "c") is None

    def test_where_the_server_takes_no_more_those_that_are_idle_are_used(self, full: OwnServer) -> None:
        with database(full) as address, PostgresStore(address, connections=8) as store:
            held = list(taken(store))
            for context in held:
                context.__exit__(None, None, None)
            try:
                for _ in range(8):
                    assert store.load("acme", "c") is None
            finally:
                store.close()  # else there is none to drop the database with


class TestClosing:
    """Closed is closed, and every connection with it."""

    def test_every_use_says_so(self, address: str) -> None:
        store = PostgresStore(address)
        service = StatusService(store, ACME)
        service.acting(AGENT).register("c")
        store.close()
        store.close()
        for use in (
            lambda: service.account("c"),
            lambda: service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost"),
            lambda: service.acting(AGENT).register("d"),
            lambda: service.record(Activity("c", Action.TRANSACTION, "r-1", START)),
            lambda: service.verify(),
        ):
            with pytest.raises(StoreClosedError):
                use()
        database = conninfo_to_dict(address)["dbname"]
        left = f"SELECT pid FROM pg_stat_activity WHERE datname = '{database}' AND application_name = 'custstatus'"
        assert soon_none(address, left)

    def test_a_connection_in_use_is_closed_when_it_is_given_back(self, address: str) -> None:
        store = PostgresStore(address)
        with taking(store) as cursor:
            store.close()
            assert cursor.execute("SELECT 1").fetchall() == [(1,)]
        assert cursor.connection.closed


class TestForks:
    """A process has connections of its own."""

    def test_a_child_is_refused_and_its_parent_goes_on(self, address: str) -> None:
        with opened(address) as service:
            desk = service.acting(AGENT)
            desk.register("c")
            for end in "leave", "close":
                answers, answer = os.pipe()
                child = os.fork()
                if child == 0:
                    try:
                        service.account("c")
                        said = "was answered"
                    except StoreError as error:
                        said = f"StoreError: {error}"
                    except BaseException as error:
                        said = repr(error)
                    with suppress(BaseException):
                        if end == "close":
                            service.store.close()
                    os.write(answer, said.encode())
                    os._exit(0)
                os.close(answer)
                os.waitpid(child, 0)
                with os.fdopen(answers) as pipe:
                    assert pipe.read() == "StoreError: the process was forked: open the store after the fork"
                label = Label.LOST_PHONE if end == "leave" else Label.REGULAR
                assert not desk.change("c", label, reason="x").replayed
            assert service.account("c").version == 4
