"""Many threads and processes on one database: nothing is lost, nothing is done twice, and nobody is told anything but why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import psycopg
import pytest
from emptied import Emptied
from organisation import AGENT, Clock, Label
from rivals import Answers, Blocked, at_once, change_at_random, changed, hammer, line, share_keys, together
from wholeness import faults_in, opened, rows

from custstatus import (
    CUSTOMER_STATUS,
    Action,
    Activity,
    Applied,
    Identifier,
    Lifecycle,
    Membership,
    OrgConfig,
    Refusal,
    RefusalCode,
    RefusedError,
    Status,
    StatusService,
    Transition,
)
from custstatus.adapters import SetResult
from custstatus.adapters.postgres import PostgresStore, statements
from custstatus.adapters.postgres import store as postgres_store
from custstatus.adapters.postgres.operations import PostgresOperations
from custstatus.adapters.sql.statements import Statement

THREADS, TIMES = 16, 30
PROCESSES, TIMES_EACH, KEYS_EACH = 4, 30, 45
KEYS = 120

HOT = [f"hot-{number}" for number in range(5)]
MAIL = Identifier("email", "c@example.org")


@pytest.fixture
def address(emptied: Emptied) -> Iterator[str]:
    """A database with tables, and nothing in them."""
    with emptied.lent() as lent:
        yield lent


class Visit(Status):
    """A lifecycle with two ways back, one within the other."""

    HERE = "here"
    ASLEEP = "asleep"
    ABSENT = "absent"


VISIT = Lifecycle(
    "visit",
    Visit,
    (
        Transition(None, Visit.HERE, "come"),
        Transition(Visit.HERE, Visit.ASLEEP, "sleep"),
        Transition(Visit.ASLEEP, Visit.ABSENT, "leave"),
        Transition(Visit.ABSENT, Visit.ASLEEP, "sleep"),
        Transition(Visit.ASLEEP, Visit.HERE, "wake"),
    ),
    aside=(frozenset({Visit.ASLEEP}), frozenset({Visit.ABSENT})),
)


def own(name: object) -> list[str]:
    """Customers whom one thread alone changes."""
    return [f"own-{name}-{number}" for number in range(5)]


def lines_of(service: StatusService[Label]) -> list[Any]:
    """The whole history in short."""
    found: list[Any] = []
    after = None
    while True:
        page = service.history(after=after, limit=10_000)
        found += map(line, page)
        if page.next is None:
            return found
        after = page.next


def check(address: str, before: list[Any], answers: Answers) -> None:
    """Every entry that was acknowledged is there once, and no other; every activity likewise; and all of it is sound."""
    assert answers.errors == []
    with opened(address) as service:
        assert sorted(lines_of(service), key=repr) == sorted(before + answers.written, key=repr)
    recorded = [reference for (reference,) in rows(address, "SELECT reference FROM custstatus_activity")]
    assert sorted(recorded) == sorted(answers.recorded)
    assert faults_in(address) == []


class TestThreads:
    """One store."""

    @pytest.mark.parametrize("customers", [["hot-0"], HOT], ids=["one", "many"])
    def test_no_update_is_lost(self, address: str, customers: list[str]) -> None:
        threads = 8 if customers == ["hot-0"] else THREADS
        with opened(address) as service:
            for customer in (*customers, *(each for number in range(threads // 2) for each in own(number))):
                service.acting(AGENT).register(customer)
            before = lines_of(service)

            def body(number: int) -> Callable[[], Answers]:
                names = own(number // 2) if len(customers) > 1 and number % 2 else customers
                return lambda: change_at_random(service, str(number), names, TIMES)

            answers = together([body(number) for number in range(threads)])
        assert answers.counts["made"] > threads * TIMES / 8
        check(address, before, answers)

    def test_every_key_is_applied_once_however_many_threads_use_it(self, address: str) -> None:
        with opened(address) as service:
            for customer in (*HOT, *(f"k-{number}" for number in range(0, KEYS, 3))):
                service.acting(AGENT).register(customer)
            before = lines_of(service)
            answers = together([partial(share_keys, service, str(number), KEYS) for number in range(8)])
        assert answers.first == {f"key-{number}": 1 for number in range(KEYS)}
        assert answers.counts["replayed"] == KEYS * 7
        check(address, before, answers)

    def test_of_those_who_register_the_same_customer_at_once_one_wins(self, address: str) -> None:
        with opened(address) as service:
            for turn in range(10):
                name, came = f"c-{turn}", Answers()

                def register(name: str = name) -> Answers:
                    answers = Answers()
                    answers.ask(
                        lambda: service.acting(AGENT).register(name, identifiers=[Identifier("external_id", name)])
                    )
                    return answers

                came = together([register] * 8)
                assert came.errors == []
                assert came.counts == {"made": 1, "RefusedError": 7}
        assert faults_in(address) == []

    @pytest.mark.parametrize("lock", [" FOR UPDATE)", " FOR UPDATE OF s, a)"], ids=["without-key", "with-key"])
    def test_a_statement_that_looks_without_locking_loses_updates_and_is_caught(
        self, lock: str, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with opened(address) as service:
            service.acting(AGENT).register("hot-0")
            before = lines_of(service)
            with changed(monkeypatch, lock, ")"):
                answers = together(
                    [partial(change_at_random, service, str(number), ["hot-0"], 10) for number in range(8)]
                )
        with pytest.raises(AssertionError):
            check(address, before, answers)


class TestProcesses:
    """One database, four processes of three threads each."""

    def test_no_update_is_lost_and_every_key_is_applied_once(self, address: str) -> None:
        names = [f"p{number}" for number in range(PROCESSES)]
        with opened(address) as service:
            keyed = [f"k-{number}" for number in range(0, KEYS_EACH, 3)]
            for customer in (*HOT, *(each for name in names for each in own(name)), *keyed):
                service.acting(AGENT).register(customer)
            before = lines_of(service)

        def arguments(number: int) -> tuple[Any, ...]:
            return address, names[number], HOT, own(names[number]), TIMES_EACH, KEYS_EACH

        answers = at_once(PROCESSES, 1, hammer, arguments)
        assert answers.first == {f"key-{number}": 1 for number in range(KEYS_EACH)}
        check(address, before, answers)


KEYED = [pytest.param(None, id="without-key"), pytest.param("k-1", id="with-key")]


class TestGuards:
    """Where two changes of one account meet in the middle of the one statement."""

    @pytest.mark.parametrize("key", KEYED)
    def test_who_closes_waits_for_an_identifier_that_is_being_added_and_takes_it_away(
        self, key: str | None, address: str
    ) -> None:
        self.close_while_an_identifier_is_added(address, key)
        assert faults_in(address) == []
        with opened(address) as service:
            assert service.find(MAIL) is None
            assert (
                not service.acting(AGENT).register("d", identifiers=[MAIL]).replayed
            )  # D6: released, and free for another

    @pytest.mark.parametrize("key", KEYED)
    def test_without_the_version_read_anew_the_identifier_would_stay(
        self, key: str | None, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        unchanged = statements._UNCHANGED if key else statements._UNCHANGED.replace("v =", "x.version =")
        with changed(monkeypatch, f" AND {unchanged}", ""):
            self.close_while_an_identifier_is_added(address, key)
        assert any("another number of identifiers" in fault for fault in faults_in(address))

    @staticmethod
    def close_while_an_identifier_is_added(address: str, key: str | None) -> None:
        with opened(address) as service, psycopg.connect(address) as host:
            service.acting(AGENT).register("c")
            service.inside(host).acting(AGENT).add_identifier("c", MAIL, reason="asked")
            closing = Blocked(address, lambda: service.acting(AGENT).change("c", Label.CLOSED, reason="asked", key=key))
            assert closing.waits
            host.commit()
            closed = closing.end()
            assert isinstance(closed, Applied), closed
            assert closed.entries[0].version == 4
            assert service.find(MAIL) == "c" or service.account("c").closed_at is not None

    def test_who_closes_counts_from_after_a_change_of_another_lifecycle_that_is_being_made(self, address: str) -> None:
        clock = Clock()
        with opened(address, clock=clock) as service, psycopg.connect(address) as host:
            service.acting(AGENT).register("c")
            later = Clock()
            later.forward(days=2)
            with opened(address, clock=later) as ahead:
                ahead.inside(host).acting(AGENT).change("c", Membership.ENROLLED, reason="joined")
            closing = Blocked(address, lambda: service.acting(AGENT).change("c", Label.CLOSED, reason="asked"))
            assert closing.waits
            host.commit()
            closed = closing.end()
            assert isinstance(closed, Applied), closed
            assert closed.entries[0].effective_at == later()
        assert faults_in(address) == []

    def test_the_way_back_may_begin_at_an_entry_that_was_not_to_be_seen(self, address: str) -> None:
        first, return_to = self.back_while_he_is_set_aside(address)
        assert return_to == first

    def test_without_looking_for_that_entry_the_way_back_would_be_another(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with changed(monkeypatch, statements._KNOWN_BEHIND, "true"):
            first, return_to = self.back_while_he_is_set_aside(address)
        assert return_to != first

    @staticmethod
    def back_while_he_is_set_aside(address: str) -> tuple[int, int | None]:
        """Where the first way back begins, and where it does for one who comes back to it from a second."""
        config: OrgConfig[Label] = OrgConfig("acme", Label, lifecycles=[CUSTOMER_STATUS, VISIT])
        with PostgresStore(address) as store, psycopg.connect(address) as host:
            service = StatusService(store, config)
            desk = service.acting(AGENT)
            desk.register("c")
            first = desk.change("c", Visit.HERE, reason="came").entries[0].version
            inside = service.inside(host).acting(AGENT)
            inside.change("c", Visit.ASLEEP, reason="tired")
            inside.change("c", Visit.ABSENT, reason="gone")
            back = Blocked(address, lambda: desk.change("c", Visit.ASLEEP, reason="tired again"))
            assert back.waits
            host.commit()
            came = back.end()
            assert isinstance(came, Applied), came
            standing = service.account("c").standing(VISIT.name)
            assert standing is not None
            assert standing.status == "asleep"
            assert service.verify().faults == () or standing.return_to != first
            return first, standing.return_to


class TestQuiet:
    """Nobody who has bought within the period ends up idle, however a sweep and his purchase meet."""

    def test_a_purchase_in_flight_makes_the_sweep_wait_and_leave_him_where_he_is(self, address: str) -> None:
        came = self.sweep_while_he_buys(address, waits=True)
        assert isinstance(came, Refusal), came
        assert came.codes == {RefusalCode.NOT_INACTIVE}
        assert self.label_in(address) == "Regular"
        assert faults_in(address) == []

    def test_without_the_lock_he_would_be_idle(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        guard = "l.customer = cur.customer FOR UPDATE SKIP LOCKED)"
        with changed(monkeypatch, guard, "l.customer = cur.customer)", "applying_set") as texts:
            came = self.sweep_while_he_buys(address, waits=False)
        assert all(text.count("FOR UPDATE") == 2 for text in texts)
        assert isinstance(came, SetResult), came
        assert self.label_in(address) == "Dormant"

    def test_what_is_planned_waits_for_it_too(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plan_always(monkeypatch)
        came = self.sweep_while_he_buys(address, waits=True)
        assert isinstance(came, Refusal), came
        assert came.codes == {RefusalCode.NOT_INACTIVE}
        assert faults_in(address) == []

    def test_what_is_planned_would_not_without_the_lock(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plan_always(monkeypatch)
        sql = postgres_store._OPERATIONS.sql
        monkeypatch.setattr(sql, "last_activity", Statement(sql.last_activity.text.replace("FOR UPDATE", "")))
        assert isinstance(self.sweep_while_he_buys(address, waits=False), SetResult)

    @staticmethod
    def plan_always(monkeypatch: pytest.MonkeyPatch) -> None:
        """No set by the one statement."""

        def apply_set(self: PostgresOperations, prepared: Any, step: Any) -> Any:
            return []
            yield

        monkeypatch.setattr(PostgresOperations, "apply_set", apply_set)

    @staticmethod
    def label_in(address: str) -> str | None:
        with opened(address) as service:
            standing = service.standing("c", CUSTOMER_STATUS)
            assert standing is not None
            assert standing.label is not None
            return standing.label.text

    @staticmethod
    def sweep_while_he_buys(address: str, *, waits: bool) -> object:
        clock = Clock()
        with opened(address, clock=clock) as service, psycopg.connect(address) as host:
            service.acting(AGENT).register("c")
            clock.forward(days=200)
            service.inside(host).record(Activity("c", Action.TRANSACTION, "r-1", clock()))
            sweep = Blocked(address, service.sweep)
            assert sweep.waits is waits
            host.commit()
            swept: Any = sweep.end()
            return swept.rows[0].outcome

    def test_the_first_purchase_and_the_sweep_of_many_threads(self, address: str) -> None:
        clock = Clock()
        customers = [f"c-{number}" for number in range(24)]
        with opened(address, clock=clock) as service:
            for customer in customers:
                service.acting(AGENT).register(customer)
            clock.forward(days=181)
            bought = customers[::2]

            def buy(own: list[str]) -> Answers:
                for customer in own:
                    service.record(Activity(customer, Action.TRANSACTION, "r", clock()))
                return Answers()

            def sweep() -> Answers:
                service.sweep()
                return Answers()

            answers = together([sweep, *(partial(buy, bought[part::3]) for part in range(3))])
            assert answers.errors == []
            service.sweep()
            idle = {listed.customer for listed in service.customers(CUSTOMER_STATUS, label=Label.DORMANT, limit=10_000)}
            assert idle == set(customers) - set(bought)
        assert faults_in(address) == []


def test_a_key_that_another_is_using_is_waited_for_and_applied_once(address: str) -> None:
    with opened(address) as service, psycopg.connect(address) as host:
        for name in "c", "d":
            service.acting(AGENT).register(name)
        service.inside(host).acting(AGENT).change("c", Label.ABROAD, reason="x", key="k-1")
        same = Blocked(address, lambda: service.acting(AGENT).change("c", Label.ABROAD, reason="x", key="k-1"))
        assert same.waits
        host.commit()
        made = same.end()
        assert isinstance(made, Applied)
        assert made.replayed

        # On another customer nothing is locked but the key.
        service.inside(host).acting(AGENT).change("c", Label.REGULAR, reason="x", key="k-2")
        other = Blocked(address, lambda: service.acting(AGENT).change("d", Label.ABROAD, reason="x", key="k-2"))
        assert other.waits
        host.commit()
        refused = other.end()
        assert isinstance(refused, RefusedError)
        assert refused.refusal.code is RefusalCode.KEY_REUSED

        service.inside(host).acting(AGENT).change("c", Label.ABROAD, reason="x", key="k-3")
        third = Blocked(address, lambda: service.acting(AGENT).change("d", Label.ABROAD, reason="x", key="k-3"))
        host.rollback()
        assert isinstance(third.end(), Applied)
    assert faults_in(address) == []


def test_the_guards_are_in_the_statement_as_these_tests_take_them_away() -> None:
    for shape in product((False, True), repeat=len(statements.StatementShape._fields)):
        assert statements.applying(statements.StatementShape(*shape)).text.count("FOR UPDATE") == 1
    assert statements.applying_set(closes=True, text=True).text.count("FOR UPDATE") == 3
