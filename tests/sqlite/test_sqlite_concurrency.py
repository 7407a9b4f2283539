"""Many threads and processes on one file: nothing is lost, nothing is done twice, and nobody is told anything but why."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from children import start
from hammer import Answers, change_at_random, hammer, line, phone, share_keys, together
from organisation import ACME, AGENT, IDLE_AFTER, Clock, Label
from soundness import faults_in, opened, rows

from custstatus import (
    CUSTOMER_STATUS,
    Action,
    Activity,
    ConflictError,
    Refusal,
    RefusalCode,
    SQLiteStore,
    StatusService,
    StoreBusyError,
)
from custstatus.adapters import PreparedSet, SetResult

THREADS, TIMES = 16, 40
PROCESSES, TIMES_EACH, KEYS_EACH = 4, 40, 60
KEYS = 400

HOT = [f"hot-{number}" for number in range(5)]


def own(name: object) -> list[str]:
    """Customers whom one thread alone changes."""
    return [f"own-{name}-{number}" for number in range(5)]


def lines_of(service: StatusService[Label]) -> list[Any]:
    """The whole history in short."""
    found = []
    after = None
    while True:
        page = service.history(after=after, limit=10_000)
        found += map(line, page)
        if page.next is None:
            return found
        after = page.next


def check(path: Path, before: list[Any], answers: Answers) -> None:
    """Every entry that was acknowledged is there once, and no other; every activity likewise; and the file is sound."""
    assert answers.errors == []
    with opened(path) as service:
        assert sorted(lines_of(service), key=repr) == sorted(before + answers.written, key=repr)
    recorded = [reference for (reference,) in rows(path, "SELECT reference FROM custstatus_activity")]
    assert sorted(recorded) == sorted(answers.recorded)
    assert faults_in(path) == []


class TestThreads:
    """One store, sixteen threads."""

    def test_no_update_is_lost_half_of_the_threads_on_the_same_five_customers(self, tmp_path: Path) -> None:
        path = tmp_path / "statuses.db"
        with opened(path) as service:
            for customer in (*HOT, *(each for number in range(THREADS // 2) for each in own(number))):
                service.acting(AGENT).register(customer)
            before = lines_of(service)

            def body(number: int) -> Callable[[], Answers]:
                customers = HOT if number % 2 else own(number // 2)
                return lambda: change_at_random(service, str(number), customers, TIMES)

            answers = together([body(number) for number in range(THREADS)])
        assert answers.counts["StoreBusyError"] == 0
        assert answers.counts["made"] > THREADS * TIMES / 8
        check(path, before, answers)

    def test_every_key_is_applied_once_however_many_threads_use_it(self, tmp_path: Path) -> None:
        path = tmp_path / "statuses.db"
        with opened(path) as service:
            for customer in (*HOT, *(f"k-{number}" for number in range(0, KEYS, 3))):
                service.acting(AGENT).register(customer)
            before = lines_of(service)
            answers = together(
                [
                    lambda number=number: share_keys(service, str(number), KEYS)  # type: ignore[misc]
                    for number in range(THREADS)
                ]
            )
        assert answers.first == {f"key-{number}": 1 for number in range(KEYS)}
        assert answers.counts["replayed"] == KEYS * (THREADS - 1)
        check(path, before, answers)

    def test_readers_see_each_change_whole(self, tmp_path: Path) -> None:
        # Two lifecycles move in one registration, standings and history in one change: no reader sees the one only.
        with opened(tmp_path / "statuses.db") as service:
            desk = service.acting(AGENT)
            desk.register("c")
            done = threading.Event()
            torn: list[object] = []

            def look() -> None:
                while not done.is_set():
                    account = service.account("c")
                    if max(standing.entry for standing in account.standings) != account.version:
                        torn.append(account)
                    preview = desk.preview("c", Label.TRENDING, reason="x", key="never")
                    if not isinstance(preview, Refusal) and preview.entries[0].version <= account.version:
                        torn.append(preview)

            lookers = [threading.Thread(target=look) for _ in range(4)]
            for looker in lookers:
                looker.start()
            for number in range(100):
                desk.change("c", Label.LOST_PHONE if number % 2 == 0 else Label.REGULAR, reason=str(number))
            done.set()
            for looker in lookers:
                looker.join()
            assert torn == []


class TestProcesses:
    """One file, four processes of three threads each."""

    def test_no_update_is_lost_and_every_key_is_applied_once(self, tmp_path: Path) -> None:
        path = tmp_path / "statuses.db"
        with opened(path) as service:
            names = [f"p{number}" for number in range(PROCESSES)]
            for customer in (
                *HOT,
                *(each for name in names for each in own(name)),
                *(f"k-{n}" for n in range(0, KEYS_EACH, 3)),
            ):
                service.acting(AGENT).register(customer)
            before = lines_of(service)
        started = [start(hammer, path, name, HOT, own(name), TIMES_EACH, KEYS_EACH) for name in names]
        assert [pipe.recv() for _, pipe in started] == ["ready"] * PROCESSES
        for _, pipe in started:
            pipe.send("go")
        answers = Answers()
        for _, pipe in started:
            answers += pipe.recv()
        for process, _ in started:
            process.join()
            assert process.exitcode == 0
        assert answers.first == {f"key-{number}": 1 for number in range(KEYS_EACH)}
        check(path, before, answers)

    def test_who_waits_longer_than_he_would_is_told_that_it_is_busy_and_has_written_nothing(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "statuses.db"
        with (
            closing(SQLiteStore(path, busy_timeout=0.01)) as store,
            closing(sqlite3.connect(path, isolation_level=None)) as other,
        ):
            service = StatusService(store, ACME)
            service.acting(AGENT).register("c")
            other.execute("BEGIN IMMEDIATE")
            for write in (
                lambda: service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost", key="k-1"),
                lambda: service.acting(AGENT).register("d", key="k-2"),
                lambda: service.record(Activity("c", Action.TRANSACTION, "r-1", Clock()())),
            ):
                with pytest.raises(StoreBusyError):
                    write()
            assert service.account("c").version == 2  # who reads does not wait
            assert len(service.history()) == 2
            other.execute("ROLLBACK")
            assert not service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost", key="k-1").replayed
            assert not service.acting(AGENT).register("d", key="k-2").replayed
        assert faults_in(path) == []

    def test_others_that_come_first_every_time_are_a_conflict(self, tmp_path: Path) -> None:
        path = tmp_path / "statuses.db"
        with opened(path) as other:
            other.acting(AGENT).register("c")

            class Overtaken(SQLiteStore):
                def commit(self, plan: Any) -> Any:
                    label = Label.TRENDING if other.account("c").version % 2 == 0 else Label.REGULAR
                    other.acting(AGENT).change("c", label, reason="first")
                    return super().commit(plan)

            with closing(Overtaken(path)) as store:
                desk = StatusService(store, ACME).acting(AGENT)
                with pytest.raises(ConflictError):
                    desk.add_identifier("c", phone(1), reason="late")
        assert faults_in(path) == []


class TestSweep:
    """Nobody who has bought within the period ends up idle, however a sweep and his purchase meet."""

    def test_while_others_record_purchases(self, tmp_path: Path) -> None:
        path, clock = tmp_path / "statuses.db", Clock()
        customers = [f"c-{number}" for number in range(40)]
        with opened(path, clock=clock) as service:
            for customer in customers:
                service.acting(AGENT).register(customer)
            for turn in range(5):
                clock.forward(IDLE_AFTER + timedelta(days=1))
                random = Random(turn)
                buyers = [random.sample(customers, 12) for _ in range(3)]
                done = threading.Event()
                errors: list[str] = []

                def sweep(done: threading.Event = done, turn: int = turn, errors: list[str] = errors) -> None:
                    try:
                        again = True
                        while again:  # once more when all have bought
                            again = not done.is_set()
                            service.sweep(run=f"s-{turn}")
                    except Exception as error:
                        errors.append(repr(error))

                def buy(own: list[str], name: str, errors: list[str] = errors) -> None:
                    try:
                        for customer in own:
                            service.record(Activity(customer, Action.TRANSACTION, name, clock()))
                    except Exception as error:
                        errors.append(repr(error))

                sweeper = threading.Thread(target=sweep)
                buying = [
                    threading.Thread(target=buy, args=(own, f"{turn}-{number}")) for number, own in enumerate(buyers)
                ]
                for thread in (sweeper, *buying):
                    thread.start()
                for thread in buying:
                    thread.join()
                done.set()
                sweeper.join()
                assert errors == []
                bought = {customer for own in buyers for customer in own}
                idle = {
                    listed.customer for listed in service.customers(CUSTOMER_STATUS, label=Label.DORMANT, limit=10_000)
                }
                assert idle == set(customers) - bought
        assert faults_in(path) == []

    def test_a_purchase_between_the_sweep_s_look_and_its_move_keeps_him_where_he_is(self, tmp_path: Path) -> None:
        path, clock = tmp_path / "statuses.db", Clock()

        class Bought(SQLiteStore):
            """Where somebody buys just before he is moved."""

            def apply_set(self, prepared: PreparedSet) -> Any:
                with opened(path, clock=clock) as till:
                    for row in prepared.rows:
                        till.record(Activity(row.customer, Action.TRANSACTION, "r-1", clock()))
                return super().apply_set(prepared)

        with closing(Bought(path)) as store:
            service = StatusService(store, ACME, clock=clock)
            service.acting(AGENT).register("c")
            clock.forward(days=200)
            (swept,) = service.sweep().rows
            assert isinstance(swept.outcome, Refusal)
            assert swept.outcome.codes == {RefusalCode.NOT_INACTIVE}
            assert service.account("c").version == 2
        assert faults_in(path) == []

    def test_a_purchase_just_after_the_move_brings_him_back(self, tmp_path: Path) -> None:
        path, clock = tmp_path / "statuses.db", Clock()

        class Bought(SQLiteStore):
            """Where somebody buys just after he was moved."""

            def apply_set(self, prepared: PreparedSet) -> Any:
                moved = super().apply_set(prepared)
                with opened(path, clock=clock) as till:
                    assert till.record(Activity("c", Action.TRANSACTION, "r-1", clock())).back
                return moved

        with closing(Bought(path)) as store:
            service = StatusService(store, ACME, clock=clock)
            service.acting(AGENT).register("c")
            clock.forward(days=200)
            (swept,) = service.sweep().rows
            assert isinstance(swept.outcome, SetResult)
            standing = service.standing("c", CUSTOMER_STATUS)
            assert standing is not None
            assert standing.label is Label.REGULAR
        assert faults_in(path) == []
