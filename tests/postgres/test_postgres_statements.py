"""What the store says to the server, counted on the wire: a change is one statement, and one round trip."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from attrs import define
from emptied import Emptied
from organisation import ACME, AGENT, COLLEAGUE, START, Clock, Label
from psycopg.pq import Trace
from wholeness import faults_in, taking

from custstatus import (
    CUSTOMER_STATUS,
    Action,
    Activity,
    CustomerStatus,
    Desk,
    Identifier,
    Membership,
    RefusalCode,
    RefusedError,
    StatusService,
)
from custstatus.adapters.postgres import PostgresStore

PHONE, MAIL = Identifier("mobile", "+447900000042"), Identifier("email", "c@example.org")

_SAID = re.compile(r"^F\t\d+\t(\w+)", re.MULTILINE)


@pytest.fixture
def address(emptied: Emptied) -> Iterator[str]:
    """A database with tables, and nothing in them."""
    with emptied.lent() as lent:
        yield lent


class Said(NamedTuple):
    """What was sent to the server."""

    statements: int
    round_trips: int


ONE = Said(1, 1)


@define
class Heard:
    """A service on one connection, on which the driver's own library says what it sends."""

    service: StatusService[Label]
    connection: psycopg.Connection[Any]
    clock: Clock
    path: Path

    @property
    def desk(self) -> Desk[Label]:
        """Of an actor without a name, so that only reasons make texts."""
        return self.service.acting(COLLEAGUE)

    def said(self, use: Callable[[], object], connection: psycopg.Connection[Any] | None = None) -> Said:
        """What is sent on a connection, by default that of the store, while something is used."""
        pgconn = (connection or self.connection).pgconn
        with self.path.open("w") as file:
            pgconn.trace(file.fileno())
            pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
            try:
                use()
            finally:
                pgconn.untrace()
        sent = _SAID.findall(self.path.read_text())
        return Said(sent.count("Execute") + sent.count("Query"), sent.count("Sync") + sent.count("Query"))


@pytest.fixture
def world(address: str, tmp_path: Path) -> Iterator[Heard]:
    """Customers `c`, `s`, suspected, and `q`, quiet; every kind of change has been made once, and is prepared."""
    clock = Clock()
    with PostgresStore(address, connections=1) as store:
        service = StatusService(store, ACME, clock=clock)
        with taking(store) as cursor:
            world = Heard(service, cursor.connection, clock, tmp_path / "wire")
        desk = service.acting(AGENT)
        for customer in "c", "twin", "s", "q", "before", "before too":
            desk.register(
                customer, identifiers=[phone for name, phone in (("c", PHONE), ("twin", MAIL)) if name == customer]
            )
        clock.forward(days=200)
        service.record(*(Activity(name, Action.TRANSACTION, "r", clock()) for name in ("c", "twin", "s", "before too")))
        service.sweep()
        clock.forward(days=200)
        service.record(*(Activity(name, Action.TRANSACTION, "r-1", clock()) for name in ("c", "twin", "s", "before")))
        for reasons in {"reason": "x"}, {"reason_code": "x"}:
            world.desk.change("before", Label.LOST_PHONE, **reasons)  # type: ignore[arg-type]
            world.desk.change("before", Label.REGULAR, **reasons)  # type: ignore[arg-type]
        world.desk.change("before", Label.CLOSED, reason="x")
        world.desk.change("before too", Label.CLOSED, reason_code="x")
        world.desk.change("s", Label.UNUSUAL, reason="odd sales")
        yield world
    assert [fault for fault in faults_in(address) if "without its text" not in fault] == []


class TestChanges:
    """A change of one lifecycle is one statement, whatever it takes along."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda desk, name: desk.change(name, Label.LOST_PHONE, reason="lost"),
            lambda desk, name: desk.change(name, Label.LOST_PHONE, reason_code="lost"),
            lambda desk, name: desk.change(name, Label.LOST_PHONE, reason_code="lost", key=f"k-{name}"),
            lambda desk, name: desk.change(name, Label.LOST_PHONE, reason="lost", key=f"k-{name}", expected=3),
            lambda desk, name: desk.change(name, Label.LOST_PHONE, reason="lost", at=START + timedelta(days=1)),
            lambda desk, name: desk.change(name, Membership.ENROLLED, reason_code="joined"),
            lambda desk, name: desk.change(name, Label.CLOSED, reason="asked", key=f"k-{name}"),
            lambda desk, name: desk.change(name, Label.CLOSED, reason_code="asked"),
        ],
    )
    def test_a_change(self, world: Heard, change: Callable[[Desk[Label], str], object]) -> None:
        change(world.desk, "twin")
        assert world.said(lambda: change(world.desk, "c")) == ONE

    def test_a_change_back_to_where_he_was(self, world: Heard) -> None:
        assert world.said(lambda: world.desk.change("s", Label.REGULAR, reason="all in order")) == ONE

    def test_an_actor_s_name_is_kept_by_the_same_statement(self, world: Heard) -> None:
        assert world.said(lambda: world.service.acting(AGENT).change("c", Label.LOST_PHONE, reason_code="x")) == ONE

    @pytest.mark.parametrize("many", [0, 50])
    def test_a_sweep_s_changes_are_one_statement_in_a_transaction_however_many(self, world: Heard, many: int) -> None:
        idle = world.said(world.service.sweep)
        names = ["c", *(f"more-{number}" for number in range(many))]
        for name in names[1:]:
            world.desk.register(name)
        world.clock.forward(days=200)  # more are idle now than before
        world.service.record(*(Activity(name, Action.TRANSACTION, "r-2", world.clock()) for name in ("s", "twin")))
        more = world.said(world.service.sweep)
        for name in names:
            standing = world.service.standing(name, CUSTOMER_STATUS)
            assert standing is not None
            assert standing.label is Label.DORMANT
        assert (more.statements - idle.statements, more.round_trips - idle.round_trips) == (3, 3)

    def test_inside_a_host_s_transaction_too(self, world: Heard, address: str) -> None:
        with psycopg.connect(address) as connection:
            desk = world.service.inside(connection).acting(COLLEAGUE)
            connection.execute("SELECT 1")
            desk.change("c", Label.LOST_PHONE, reason="lost")
            connection.prepare_threshold = None  # else the same again is prepared some time
            assert world.said(lambda: desk.change("c", Label.ABROAD, reason="away"), connection) == ONE

    def test_the_first_of_its_kind_on_a_connection_is_prepared_and_no_more(self, world: Heard, address: str) -> None:
        with PostgresStore(address, connections=1) as store:
            with taking(store) as cursor:
                connection = cursor.connection
            desk = StatusService(store, ACME, clock=world.clock).acting(COLLEAGUE)
            assert world.said(lambda: desk.change("c", Label.ABROAD, reason="away"), connection) == Said(1, 2)

    def test_without_preparing_it_is_one_too(self, world: Heard, address: str) -> None:
        with PostgresStore(address, connections=1, prepare=False) as store:
            with taking(store) as cursor:
                connection = cursor.connection
            desk = StatusService(store, ACME, clock=world.clock).acting(COLLEAGUE)
            for label in Label.ABROAD, Label.REGULAR:
                assert world.said(lambda: desk.change("c", label, reason="x"), connection) == ONE  # noqa: B023
            assert connection._prepared._names == {}

    @pytest.mark.parametrize(
        ("ask", "code", "reads"),
        [
            (lambda desk: desk.change("c", Label.PROVEN, reason="sure"), RefusalCode.NO_TRANSITION, 1),
            (lambda desk: desk.change("c", Label.PROVEN, reason="sure", key="k-9"), RefusalCode.NO_TRANSITION, 2),
            (lambda desk: desk.change("s", Label.TESTER, reason="x", key="k-9"), RefusalCode.NO_TRANSITION, 3),
            (lambda desk: desk.change("nobody", Label.ABROAD, reason="x"), RefusalCode.UNKNOWN_CUSTOMER, 1),
            (lambda desk: desk.change("c", Label.ABROAD, reason="x", expected=9), RefusalCode.OTHER_VERSION, 1),
        ],
    )
    def test_a_refusal_costs_the_statement_and_what_is_read(
        self, world: Heard, ask: Callable[[Desk[Label]], object], code: RefusalCode, reads: int
    ) -> None:
        def refuse() -> None:
            with pytest.raises(RefusedError) as refused:
                ask(world.desk)
            assert code in refused.value.refusal.codes

        refuse()
        assert world.said(refuse) == Said(1 + reads, 1 + reads)

    def test_a_replay_writes_nothing(self, world: Heard) -> None:
        def change() -> bool:
            return world.desk.change("c", Label.LOST_PHONE, reason="lost", key="k-1").replayed

        assert [change(), change()] == [False, True]
        # The statement, the account, the key, and a lock that waits for a commit that might still be on its way.
        assert world.said(change) == Said(4, 4)

    def test_what_is_planned_is_a_transaction_after_its_reads(self, world: Heard) -> None:
        # Restored twice, so that all is prepared the second time.
        world.desk.restore("s", reason="all in order")
        world.desk.change("s", Label.UNUSUAL, reason="odd sales again")
        # Account, way back; begin, account, entry, text, standing, commit.
        assert world.said(lambda: world.desk.restore("s", reason="all in order")) == Said(8, 8)


class TestReads:
    """A question is one statement."""

    @pytest.mark.parametrize(
        "ask",
        [
            lambda service: service.decide("c", Action.TRANSACTION),
            lambda service: service.decide_all("c", list(Action)[:5]),
            lambda service: service.standing("c", CUSTOMER_STATUS),
            lambda service: service.standings("c"),
            lambda service: service.account("c"),
            lambda service: service.history("c"),
            lambda service: service.history(),
            lambda service: service.find(PHONE),
            lambda service: service.customers(CUSTOMER_STATUS),
            lambda service: service.customers(CUSTOMER_STATUS, CustomerStatus.DELETED),
            lambda service: service.counts(CUSTOMER_STATUS),
        ],
    )
    def test_a_look(self, world: Heard, ask: Callable[[StatusService[Label]], object]) -> None:
        ask(world.service)
        assert world.said(lambda: ask(world.service)) == ONE


class TestActivities:
    """However many in a batch, one transaction."""

    @pytest.mark.parametrize("many", [1, 100, 10_000])
    def test_a_batch_is_one_transaction_and_waits_as_often_however_large_it_is(self, world: Heard, many: int) -> None:
        sales = [Activity("c", Action.TRANSACTION, f"many-{number}", world.clock()) for number in range(many)]
        # Begin, who is known, all of them, the last of each, who is idle, commit.
        assert world.said(lambda: world.service.record(*sales)) == Said(6, 6)


def test_what_is_said_is_counted(world: Heard) -> None:
    # The control: a statement more, or one by the simple protocol, is heard.
    def change() -> None:
        world.connection.execute("SELECT 1", prepare=False)
        world.connection.execute("SELECT 1; SELECT 2", prepare=False)
        world.desk.change("c", Label.LOST_PHONE, reason="lost")

    assert world.said(change) == Said(3, 3)
