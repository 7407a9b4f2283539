"""Sets of changes that meet: each customer is changed by a run once, and no two sets wait for each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from emptied import Emptied
from organisation import ACME, AGENT, Clock, Label, finished
from rivals import Answers, Blocked, at_once, changed, import_once, import_together, together
from test_postgres_concurrency import check, lines_of
from wholeness import faults_in, opened, rows

from custstatus import Action, Activity, Applied, Channel, Membership, Plan, StatusService, StoreError
from custstatus.adapters._made.awaited import Awaited
from custstatus.adapters.postgres import statements
from custstatus.adapters.postgres.cursors import RawCursor
from custstatus.adapters.postgres.statements import SQL
from custstatus.adapters.sql.statements import Statement
from custstatus.gate import loop
from custstatus.gate.request import Operation, Request
from custstatus.service.service import utc_now

CUSTOMERS = [f"c-{number}" for number in range(60)]
TARGETS = (Label.LOST_PHONE, Label.TRENDING, Label.ABROAD, Label.DORMANT)
PROCESSES, TIMES = 4, 5


@pytest.fixture
def address(emptied: Emptied) -> Iterator[str]:
    """A database with tables, and nothing in them."""
    with emptied.lent() as lent:
        yield lent


@contextmanager
def peopled(address: str, *customers: str) -> Iterator[StatusService[Label]]:
    """A service with some customers."""
    with opened(address) as service:
        for customer in customers:
            service.acting(AGENT).register(customer)
        yield service


class TestProcesses:
    """Four processes at once, each with the same customers in an order of its own, again and again."""

    def test_one_run_changes_each_customer_once_whoever_runs_it(self, address: str) -> None:
        with peopled(address, *CUSTOMERS) as service:
            before = lines_of(service)

        def arguments(number: int) -> tuple[Any, ...]:
            return address, CUSTOMERS, TARGETS[number], "r-1", f"{number}", TIMES

        answers = at_once(PROCESSES, 1, import_together, arguments)
        assert answers.counts == {"SetResult": len(CUSTOMERS) * PROCESSES * TIMES}
        assert answers.first == dict.fromkeys(CUSTOMERS, 1)
        check(address, before, answers)

    def test_different_runs_make_what_each_says_one_after_the_other(self, address: str) -> None:
        with peopled(address, *CUSTOMERS) as service:
            before = lines_of(service)

        def arguments(number: int) -> tuple[Any, ...]:
            return address, CUSTOMERS, TARGETS[number], f"r-{number}", f"{number}", TIMES

        answers = at_once(PROCESSES, 1, import_together, arguments)
        assert set(answers.counts) <= {"SetResult", "no_change"}
        assert all(1 <= answers.first[customer] <= PROCESSES for customer in CUSTOMERS)
        assert len(answers.written) > len(CUSTOMERS)
        check(address, before, answers)


class TestOneRun:
    """Two sets of one run, the second of which comes while the first goes on."""

    NAMES = ("c-1", "c-2", "c-3")

    def test_the_second_sees_what_the_first_has_done(self, address: str) -> None:
        answers = self.second(address)
        assert answers.errors == []
        assert (answers.counts, answers.first) == ({"SetResult": 3}, {})
        assert rows(address, "SELECT count(*) FROM custstatus_entry WHERE run = 'r-1'") == [(3,)]
        assert faults_in(address) == []

    def test_without_the_lock_it_would_fail(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with changed(monkeypatch, "FOR UPDATE SKIP LOCKED", "", "applying_set"):
            answers = self.second(address)
        assert "UniqueViolation" in "".join(answers.errors)

    def second(self, address: str) -> Answers:
        """What a set is answered whose run is changing the same customers otherwise, in a transaction that goes on."""
        with peopled(address, *self.NAMES) as service, psycopg.connect(address) as host:
            import_once(service.inside(host), self.NAMES, Label.TRENDING, "r-1")
            second = Importing(address, service, self.NAMES[::-1], Label.LOST_PHONE, "r-1")
            assert second.waits
            host.commit()
            return second.answers()

    def test_a_set_leaves_whom_others_have_changed_since_it_began(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with paused(monkeypatch):
            answers = self.overtaken(address)
        assert answers.errors == []
        assert (answers.counts, answers.first) == ({"SetResult": 3}, {})
        assert rows(address, "SELECT count(*) FROM custstatus_entry WHERE run = 'r-1'") == [(3,)]
        assert faults_in(address) == []

    def test_without_the_version_read_anew_the_run_would_change_them_twice(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with changed(monkeypatch, f" AND {statements._UNCHANGED}", "", "applying_set"), paused(monkeypatch):
            self.overtaken(address)
        assert rows(address, "SELECT count(*) FROM custstatus_entry WHERE run = 'r-1'") == [(6,)]

    def overtaken(self, address: str) -> Answers:
        """What a set is answered whose run has changed the same customers after its statement began."""
        with peopled(address, *self.NAMES) as service, psycopg.connect(address, autocommit=True) as holding:
            holding.execute("SELECT pg_advisory_lock(7)")
            late = Importing(address, service, self.NAMES, Label.LOST_PHONE, "r-1")
            assert late.waits
            for name in self.NAMES:
                request = Request(
                    *(Operation.CHANGE, name, (Label.TRENDING,), AGENT, Channel.IMPORT), reason="r-1", run="r-1"
                )
                made = finished(loop.make(Awaited(service.store), request, ACME, utc_now()))
                assert isinstance(made, Applied)
            holding.execute("SELECT pg_advisory_unlock(7)")
            return late.answers()


class TestOrder:
    """Sets of the same customers in opposite orders, and batches of activities, while somebody holds one of the customers."""

    def test_no_two_sets_wait_for_each_other(self, address: str) -> None:
        answers = self.opposite(address)
        assert answers.errors == []
        assert answers.first == {"c-1": 2, "c-2": 2}
        assert faults_in(address) == []

    @staticmethod
    def opposite(address: str) -> Answers:
        with peopled(address, "c-1", "c-2") as service, psycopg.connect(address) as host:
            service.inside(host).acting(AGENT).change("c-2", Label.ABROAD, reason="x")
            backwards = Importing(address, service, ["c-2", "c-1"], Label.LOST_PHONE, "r-1")
            forwards = Importing(address, service, ["c-1", "c-2"], Label.TRENDING, "r-2", waiting=2)
            assert backwards.waits
            assert forwards.waits
            host.commit()
            answers = backwards.answers()
            answers += forwards.answers()
            return answers

    def test_a_set_and_an_agent_do_not_wait_for_each_other(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.met_by_an_agent(address, monkeypatch) == ["Applied"]
        assert faults_in(address) == []

    def test_if_the_set_locked_the_account_alone_they_would(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock = "x.lifecycle = $3\n        FOR UPDATE SKIP LOCKED"
        with changed(monkeypatch, lock, "x.lifecycle = $3 OFFSET 0", "applying_set"):
            assert "DeadlockDetected" in "".join(self.met_by_an_agent(address, monkeypatch))

    @staticmethod
    def met_by_an_agent(address: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What a set is answered where it is not moved, and an agent who comes when it has locked its customers."""
        with (
            paused(monkeypatch, f"FROM h {statements._found('custstatus_standing', ' AND y.lifecycle = $3')}", "h"),
            peopled(address, "c-1", "c-2") as service,
            psycopg.connect(address, autocommit=True) as holding,
        ):
            holding.execute("SELECT pg_advisory_lock(7)")
            several = Importing(address, service, ["c-1", "c-2"], Label.LOST_PHONE, "r-1")
            assert several.waits
            agent = Blocked(address, lambda: service.acting(AGENT).change("c-1", Label.TRENDING, reason="x"), waiting=2)
            assert agent.waits
            holding.execute("SELECT pg_advisory_unlock(7)")
            came = agent.end()
            cause = came.__cause__ if isinstance(came, StoreError) else came
            return [*several.answers().errors, type(cause).__name__]

    def test_who_plans_and_who_applies_by_one_statement_do_not_wait_for_each_other(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sound, agents = RawCursor.ask, list[Blocked]()
        with peopled(address, "c-1") as service, psycopg.connect(address) as host:
            service.acting(AGENT).change("c-1", Label.LOST_PHONE, reason="x")

            def ask(cursor: RawCursor, statement: Statement, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
                written = sound(cursor, statement, parameters)
                if statement in (SQL.put_standing, SQL.advance_account) and not agents:
                    desk = service.acting(AGENT)
                    agents.append(Blocked(address, lambda: desk.change("c-1", Label.ABROAD, reason="y")))
                return written

            with monkeypatch.context() as patch:
                patch.setattr(RawCursor, "ask", ask)
                planned = service.inside(host).acting(AGENT).preview("c-1", Label.TRENDING, reason="x")
                assert isinstance(planned, Plan)
                joined = service.inside(host).store
                assert isinstance(joined.commit(planned), Applied)
            (agent,) = agents
            assert agent.waits
            host.commit()
            assert isinstance(agent.end(), Applied)
        assert faults_in(address) == []

    @pytest.mark.parametrize("target", [Label.ABROAD, Membership.ENROLLED], ids=["same-lifecycle", "another"])
    def test_a_set_waits_for_nobody_while_it_holds_somebody(self, address: str, target: Label | Membership) -> None:
        assert not self.held_up(address, target)
        assert faults_in(address) == []

    @pytest.mark.parametrize(
        ("target", "lock"),
        [
            (Label.ABROAD, "x.lifecycle = $3\n        FOR UPDATE"),
            (Membership.ENROLLED, "x.customer = w.customer FOR UPDATE"),
        ],
        ids=["same-lifecycle", "another"],
    )
    def test_if_it_waited_others_would_wait_with_it(
        self, address: str, target: Label | Membership, lock: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with changed(monkeypatch, f"{lock} SKIP LOCKED", lock, "applying_set"):
            assert self.held_up(address, target)

    @staticmethod
    def held_up(address: str, target: Label | Membership) -> bool:
        """Whether an agent waits for a set that has come to a customer whom somebody holds."""
        with peopled(address, "c-1", "c-2") as service, psycopg.connect(address) as host:
            service.inside(host).acting(AGENT).change("c-2", target, reason="x")
            several = Importing(address, service, ["c-1", "c-2"], Label.LOST_PHONE, "r-1")
            assert several.waits
            agent = Blocked(address, lambda: service.acting(AGENT).change("c-1", Label.TRENDING, reason="x"), waiting=2)
            host.commit()
            assert isinstance(agent.end(), Applied)
            assert several.answers().errors == []
            return agent.waits

    def test_a_sweep_and_who_records_purchases_do_not_wait_for_each_other(self, address: str) -> None:
        assert self.bought_backwards(address) == ["c-2"]
        assert faults_in(address) == []

    def test_if_the_sweep_waited_for_a_purchase_they_would(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        guard = "l.customer = cur.customer FOR UPDATE"
        with changed(monkeypatch, f"{guard} SKIP LOCKED", guard, "applying_set"):
            assert self.bought_backwards(address) == ["DeadlockDetected"]

    @staticmethod
    def bought_backwards(address: str) -> list[str]:
        """Whom a sweep moves or what stops it, or the buyers, who buy one after the other in one transaction."""
        clock = Clock()
        with opened(address, clock=clock) as service, psycopg.connect(address) as host:
            for customer in ("c-1", "c-2", "c-3"):
                service.acting(AGENT).register(customer)
            clock.forward(days=200)
            inside = service.inside(host)
            inside.record(Activity("c-3", Action.TRANSACTION, "r", clock()))
            sweep = Blocked(address, service.sweep)
            assert sweep.waits
            stopped: list[object] = []
            try:
                inside.record(Activity("c-1", Action.TRANSACTION, "r", clock()))
                host.commit()
            except StoreError as error:
                stopped.append(error.__cause__)
                host.rollback()
            swept: Any = sweep.end()
            if isinstance(swept, StoreError):
                stopped.append(swept.__cause__)
            return [type(each).__name__ for each in stopped] or [
                row.customer for row in swept.moved if service.account(row.customer).version == 3
            ]


class Importing(Blocked):
    """Some customers to one place, as part of a run, in a thread of its own until it waits."""

    def __init__(
        self,
        address: str,
        service: StatusService[Label],
        customers: Sequence[str],
        target: Label,
        run: str,
        waiting: int = 1,
    ) -> None:
        super().__init__(address, lambda: together([lambda: import_once(service, customers, target, run)]), waiting)

    def answers(self) -> Answers:
        """What it was answered, when nobody is in its way."""
        came = self.end()
        assert isinstance(came, Answers)
        return came


@contextmanager
def paused(monkeypatch: pytest.MonkeyPatch, before: str = "FROM unnest(", source: str = "unnest(") -> Iterator[None]:
    """The statement of a set waits for the advisory lock 7, once it has begun: before it reads from a source."""
    pause = before.replace(
        f"FROM {source}", f"FROM (SELECT pg_advisory_xact_lock_shared(7)) AS paused CROSS JOIN {source}"
    )
    with changed(monkeypatch, before, pause, "applying_set"):
        yield
