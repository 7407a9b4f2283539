"""What the store says to the engine, counted: no statement more than by hand."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import define, field
from engine import Engine
from organisation import ACME, AGENT, COLLEAGUE, Clock, Label

from custstatus import (
    CUSTOMER_STATUS,
    Action,
    Activity,
    CustomerStatus,
    Desk,
    Identifier,
    Membership,
    RefusedError,
    SQLiteStore,
    StatusService,
)

PHONE, MAIL = Identifier("mobile", "+447900000042"), Identifier("email", "c@example.org")

_SHORT = re.compile(
    r"(BEGIN IMMEDIATE|BEGIN|COMMIT|ROLLBACK|SELECT|INSERT|UPDATE|DELETE|PRAGMA)\b"
    r"(?:(?:[^()]|\((?:[^()]|\([^()]*\))*\))*?\bcuststatus_(\w+))?"
)


@define
class Heard:
    """A service, and what its store has said to the engine, in short: `INSERT entry`, say."""

    service: StatusService[Label]
    engine: Engine
    statements: list[str] = field(factory=list)

    @property
    def desk(self) -> Desk[Label]:
        """Of an actor without a name, so that only reasons make texts."""
        return self.service.acting(COLLEAGUE)

    @contextmanager
    def heard(self) -> Iterator[list[str]]:
        """What is said meanwhile."""
        said: list[str] = []

        def hear(statement: str) -> None:
            found = _SHORT.match(statement.strip())
            assert found is not None, statement
            said.append(" ".join(filter(None, found.groups())))

        self.engine.heard = hear
        yield said
        self.engine.heard = None

    def said(self, use: Callable[[], object]) -> list[str]:
        """What is said while something is used."""
        with self.heard() as said:
            use()
        return said


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """Customers `c` and `s`, whom the store has just looked at, so that it has a connection that reads."""
    engine = Engine()
    monkeypatch.setattr(sqlite3, "connect", engine)
    store = SQLiteStore(tmp_path / "statuses.db")
    world = Heard(StatusService(store, ACME, clock=Clock()), engine)
    world.desk.register("c", identifiers=[PHONE])
    world.desk.register("s")
    world.desk.change("s", Label.UNUSUAL, reason="odd sales")
    world.service.decide("c", Action.TRANSACTION)
    yield world
    store.close()


class TestChanges:
    """By hand a change is: begin, look, append, move two rows, keep the reason, commit."""

    def test_a_change_with_a_reason(self, world: Heard) -> None:
        said = world.said(lambda: world.desk.change("c", Label.LOST_PHONE, reason="lost"))
        assert said == [
            "BEGIN IMMEDIATE",
            "SELECT account",
            "INSERT entry",
            "INSERT text",
            "UPDATE standing",
            "UPDATE account",
            "COMMIT",
        ]

    @pytest.mark.parametrize("key", [None, "k-1"])
    def test_a_change_with_a_code_alone_keeps_no_text_and_a_key_costs_nothing(
        self, world: Heard, key: str | None
    ) -> None:
        said = world.said(lambda: world.desk.change("c", Label.LOST_PHONE, reason_code="lost", key=key))
        assert said == [
            "BEGIN IMMEDIATE",
            "SELECT account",
            "INSERT entry",
            "UPDATE standing",
            "UPDATE account",
            "COMMIT",
        ]

    def test_a_change_on_another_lifecycle_is_as_cheap(self, world: Heard) -> None:
        said = world.said(lambda: world.desk.change("c", Membership.ENROLLED, reason_code="joined"))
        assert len(said) == 6

    def test_an_actor_s_name_is_kept_with_the_reason(self, world: Heard) -> None:
        desk = world.service.acting(AGENT)
        assert desk.actor.name is not None
        said = world.said(lambda: desk.change("c", Label.LOST_PHONE, reason="lost"))
        assert said.count("INSERT text") == 1
        assert len(said) == 7

    def test_a_change_that_closes_the_account_releases_its_identifiers_beside(self, world: Heard) -> None:
        said = world.said(lambda: world.desk.change("c", Label.CLOSED, reason_code="asked"))
        assert said == [
            "BEGIN IMMEDIATE",
            "SELECT account",
            "SELECT standing",  # the last entry of every lifecycle, after which closing comes
            "INSERT entry",
            "UPDATE standing",
            "UPDATE account",
            "DELETE identifier",
            "COMMIT",
        ]

    def test_a_registration_writes_each_row_once(self, world: Heard) -> None:
        said = world.said(lambda: world.desk.register("new", identifiers=[MAIL]))
        read, wrote = said[: said.index("BEGIN IMMEDIATE")], said[said.index("BEGIN IMMEDIATE") :]
        assert read == ["BEGIN", "SELECT account", "SELECT identifier", "COMMIT"]
        lifecycles = len(ACME.lifecycles)
        assert wrote == [
            "BEGIN IMMEDIATE",
            "INSERT account",
            *["INSERT entry"] * 3,
            *["INSERT standing"] * lifecycles,
            "INSERT identifier",
            "COMMIT",
        ]

    def test_a_refusal_writes_nothing(self, world: Heard) -> None:
        def refuse() -> None:
            with pytest.raises(RefusedError):
                world.desk.change("c", Label.PROVEN, reason="sure")

        said = world.said(refuse)
        assert said == ["BEGIN IMMEDIATE", "SELECT account", "ROLLBACK", "BEGIN", "SELECT account", "COMMIT"]

    def test_a_replay_writes_nothing(self, world: Heard) -> None:
        def change() -> None:
            world.desk.change("c", Label.LOST_PHONE, reason="lost", key="k-1")

        change()
        said = world.said(change)
        assert said == [
            *("BEGIN IMMEDIATE", "SELECT account", "ROLLBACK"),
            *("BEGIN", "SELECT account", "SELECT entry", "COMMIT"),
        ]

    def test_a_restoration_reads_once_and_writes_once(self, world: Heard) -> None:
        said = world.said(lambda: world.desk.restore("s", reason="all in order"))
        assert said == [
            *("BEGIN", "SELECT account", "SELECT entry", "COMMIT"),
            *("BEGIN IMMEDIATE", "INSERT standing", "UPDATE account", "INSERT entry", "INSERT text", "COMMIT"),
        ]


class TestReads:
    """A question is one statement."""

    def test_a_decision(self, world: Heard) -> None:
        assert world.said(lambda: world.service.decide("c", Action.TRANSACTION)) == ["SELECT account"]

    def test_several_decisions_of_one_customer(self, world: Heard) -> None:
        assert world.said(lambda: world.service.decide_all("c", list(Action)[:5])) == ["SELECT account"]

    @pytest.mark.parametrize(
        "ask",
        [
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
        said = world.said(lambda: ask(world.service))
        assert len(said) == 1
        assert said[0].startswith("SELECT ")


class TestActivities:
    """However many in a batch, one transaction."""

    def test_ten_thousand_activities_are_one_transaction(self, world: Heard) -> None:
        many = [
            Activity(customer, Action.TRANSACTION, f"r-{number}", Clock()())
            for number in range(5_000)
            for customer in ("c", "s")
        ]
        said = world.said(lambda: world.service.record(many))
        assert said == [
            "BEGIN IMMEDIATE",
            "SELECT account",
            *["INSERT activity"] * 10_000,
            "INSERT last_activity",
            "SELECT standing",
            "COMMIT",
        ]

    def test_one_activity(self, world: Heard) -> None:
        one = Activity("c", Action.TRANSACTION, "r-1", Clock()())
        assert world.said(lambda: world.service.record(one)) == [
            *(
                "BEGIN IMMEDIATE",
                "SELECT account",
                "INSERT activity",
                "INSERT last_activity",
                "SELECT standing",
                "COMMIT",
            )
        ]

    def test_ten_thousand_and_one_are_two(self, world: Heard) -> None:
        many = [Activity("c", Action.LOGIN, f"r-{number}", Clock()()) for number in range(10_001)]
        said = world.said(lambda: world.service.record(many))
        assert said.count("BEGIN IMMEDIATE") == said.count("COMMIT") == 2
