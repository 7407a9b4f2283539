"""What many threads or processes do to one database at once, by their seeds, and what each of them was answered."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from random import Random
from threading import Barrier, Thread
from time import sleep
from typing import Any, TypeAlias

import psycopg
import pytest
from attrs import define, field
from children import start
from organisation import AGENT, Label
from wholeness import PAUSE, opened

from custstatus import (
    Action,
    Activity,
    Applied,
    Channel,
    ConflictError,
    CustomerStatus,
    Entry,
    Identifier,
    Membership,
    Refusal,
    RefusedError,
    StatusService,
)
from custstatus.adapters import SetResult
from custstatus.adapters.postgres import operations, statements
from custstatus.adapters.sql.statements import Statement
from custstatus.operations import ImportedRow
from custstatus.service.service import utc_now
from custstatus.tables import StatusRow

LABELS = (Label.REGULAR, Label.TRENDING, Label.LOST_PHONE, Label.ABROAD, Label.UNUSUAL, Label.WATCHED, Label.PROVEN)
STATUSES = (CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED, CustomerStatus.FRAUD_SUSPECTED, Membership.ENROLLED)

Line: TypeAlias = tuple[str, int, str, str | None, str | None, str | None, str | None]
"""An entry in short, to be told apart from every other."""


def line(entry: Entry) -> Line:
    """An entry in short."""
    return (
        entry.customer,
        entry.version,
        entry.kind.value,
        entry.from_label or entry.from_status,
        entry.to_label or entry.to_status,
        entry.key,
        entry.reason,
    )


@define
class Answers:
    """What was answered, added up over threads and processes."""

    written: list[Line] = field(factory=list)
    recorded: list[str] = field(factory=list)
    """References of activities that were new."""
    counts: Counter[str] = field(factory=Counter)
    first: Counter[str] = field(factory=Counter)
    """How often each key was answered as not replayed."""
    errors: list[str] = field(factory=list)
    """What nobody should be answered."""

    def __iadd__(self, other: Answers) -> Answers:
        self.written += other.written
        self.recorded += other.recorded
        self.counts += other.counts
        self.first += other.first
        self.errors += other.errors
        return self

    def ask(self, change: Callable[[], Applied]) -> Applied | None:
        """Ask for a change, and keep the answer; None where it was refused, or others came first every time."""
        try:
            made = change()
        except (RefusedError, ConflictError) as error:
            self.counts[type(error).__name__] += 1
            return None
        except Exception as error:
            self.errors.append(f"{error!r} because of {error.__cause__!r}")
            return None
        self.counts["replayed" if made.replayed else "made"] += 1
        if not made.replayed:
            self.written += map(line, made.entries)
        return made


def change_at_random(service: StatusService[Label], seed: str, customers: Sequence[str], times: int) -> Answers:
    """Changes of every kind to some customers, legal or not; the customers share eight phones."""
    random = Random(seed)
    desk = service.acting(AGENT)
    answers = Answers()
    for number in range(times):
        customer = random.choice(customers)
        why = f"{seed}/{number}"
        old, new = (Identifier("mobile", f"+44790000{phone:04}") for phone in random.sample(range(8), 2))
        key = why if random.random() < 0.3 else None
        kinds: list[Callable[[], Applied]] = [
            lambda: desk.change(customer, random.choice(LABELS), reason=why, key=key),  # noqa: B023
            lambda: desk.change(customer, random.choice(STATUSES), reason=why, key=key),  # noqa: B023
            lambda: desk.restore(customer, reason=why, key=key),  # noqa: B023
            lambda: desk.add_identifier(customer, new, reason=why, key=key),  # noqa: B023
            lambda: desk.remove_identifier(customer, old, reason=why, key=key),  # noqa: B023
            lambda: desk.replace_identifier(customer, old, new, reason=why, key=key),  # noqa: B023
        ]
        kind = random.choice([*kinds, *kinds[:2], None])
        if kind is not None:
            answers.ask(kind)
        elif service.record(Activity(customer, Action.TRANSACTION, why, utc_now())).new:
            answers.recorded.append(why)
    return answers


def share_keys(service: StatusService[Label], seed: str, keys: int) -> Answers:
    """Every one of some operations that others do too, each under its key, in an order of one's own, until it is done."""
    desk = service.acting(AGENT)
    answers = Answers()
    numbers = list(range(keys))
    Random(seed).shuffle(numbers)
    for number in numbers:
        key = f"key-{number}"
        identifier = Identifier("external_id", key)
        operations: list[Callable[[], Applied]] = [
            lambda: desk.change(f"k-{number}", Label.LOST_PHONE, reason=key, key=key),  # noqa: B023
            lambda: desk.register(f"k-{number}", identifiers=[identifier], key=key),  # noqa: B023
            lambda: desk.add_identifier(f"hot-{number % 5}", identifier, reason=key, key=key),  # noqa: B023
        ]
        made = None
        while made is None and not answers.errors:
            before = answers.counts["RefusedError"]
            made = answers.ask(operations[number % 3])
            if answers.counts["RefusedError"] > before:
                answers.errors.append(f"{key} was refused")
        if made is not None and not made.replayed:
            answers.first[key] += 1
    return answers


def together(bodies: Sequence[Callable[[], Answers]]) -> Answers:
    """Run in a thread each, begun at once."""
    begin = Barrier(len(bodies))
    all_of_it = Answers()
    got: list[Answers] = []

    def run(body: Callable[[], Answers]) -> None:
        begin.wait()
        try:
            got.append(body())
        except Exception as error:
            got.append(Answers(errors=[f"{error!r} because of {error.__cause__!r}"]))

    threads = [Thread(target=run, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answers in got:
        all_of_it += answers
    return all_of_it


def hammer(
    pipe: Connection, address: str, name: str, hot: Sequence[str], own: Sequence[str], times: int, keys: int
) -> None:
    """A process of its own: when told, one thread changes customers that others change too, one its own, one shares keys."""
    with opened(address) as service:
        pipe.send("ready")
        pipe.recv()
        pipe.send(
            together(
                [
                    lambda: change_at_random(service, f"{name}-hot", hot, times),
                    lambda: change_at_random(service, f"{name}-own", own, times),
                    lambda: share_keys(service, name, keys),
                ]
            )
        )


def enter(pipe: Connection, addresses: Sequence[str], name: str, threads: int) -> None:
    """A process of its own: opens each database when told, in several threads at once, each of which registers somebody."""

    def register(address: str, number: int) -> Answers:
        answers = Answers()
        with opened(address, connections=1) as service:
            answers.ask(lambda: service.acting(AGENT).register(f"{name}-{number}"))
        return answers

    for address in addresses:
        pipe.send("ready")
        pipe.recv()
        pipe.send(
            together(
                [lambda number=number: register(address, number) for number in range(threads)]  # type: ignore[misc]  # noqa: B023
            )
        )


def at_once(
    processes: int, rounds: int, body: Callable[..., None], arguments: Callable[[int], tuple[Any, ...]]
) -> Answers:
    """Run a body in processes of its own, begun at once in each round; what all of them were answered."""
    answers = Answers()
    started = [start(body, *arguments(number)) for number in range(processes)]
    for _ in range(rounds):
        assert [pipe.recv() for _, pipe in started] == ["ready"] * processes
        for _, pipe in started:
            pipe.send("go")
        for _, pipe in started:
            answers += pipe.recv()
    for process, pipe in started:
        process.join()
        pipe.close()
        assert process.exitcode == 0
    return answers


def import_together(
    pipe: Connection, address: str, customers: Sequence[str], target: Label, run: str, seed: str, times: int
) -> None:
    """A process of its own: when told, some customers to one place as parts of a run, each time in an order of its own."""
    random = Random(seed)
    with opened(address) as service:
        pipe.send("ready")
        pipe.recv()
        answers = Answers()
        for _ in range(times):
            order = random.sample(customers, len(customers))
            try:
                answers += import_once(service, order, target, run)
            except Exception as error:
                answers.errors.append(f"{error!r} because of {error.__cause__!r}")
        pipe.send(answers)


def import_once(service: StatusService[Label], customers: Sequence[str], target: Label, run: str) -> Answers:
    """Some customers to one place, as part of a run; whom it moved, and how often it was answered what."""
    answers = Answers()
    told: list[ImportedRow] = []
    rows = (StatusRow(line, name, (), target.text, None, None) for line, name in enumerate(customers, 2))
    service.acting(AGENT, Channel.IMPORT).import_statuses(rows, reason=run, run=run, on_rows=told.extend)
    for row in told:
        outcome = row.outcome
        if isinstance(outcome, SetResult) and not outcome.replayed:
            before = outcome.label or outcome.status
            answers.written.append((outcome.customer, outcome.version, "moved", before, target.text, None, run))
            answers.first[outcome.customer] += 1
        answers.counts[outcome.code.value if isinstance(outcome, Refusal) else type(outcome).__name__] += 1
    return answers


class Blocked:
    """What runs in a thread of its own until it waits for a lock that somebody holds; with it so many wait."""

    def __init__(self, address: str, body: Callable[[], object], waiting: int = 1) -> None:
        self.came: object = None
        self._body = body
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        with psycopg.connect(address, autocommit=True) as connection:
            asked = (
                "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
                "WHERE NOT granted AND datname = current_database()"
            )
            while self._thread.is_alive():
                row = connection.execute(asked).fetchone()
                if row is not None and row[0] >= waiting:
                    break
                sleep(PAUSE)
        self.waits = self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.came = self._body()
        except Exception as error:
            self.came = error

    def end(self) -> object:
        """What it answers, when nobody is in its way."""
        self._thread.join()
        return self.came


MADE_ANEW = operations._shaped.__wrapped__
"""Makes the statement of a step each time; those that are kept would be sound ones."""


@contextmanager
def changed(
    monkeypatch: pytest.MonkeyPatch, guard: str, instead: str, statement: str = "applying"
) -> Iterator[list[str]]:
    """The statements that apply a change, or a set of them, with a guard taken away where it is; the texts that were changed."""
    sound, texts = getattr(statements, statement), []

    def broken(*shape: statements.StatementShape, **what: bool) -> Statement:
        whole: Statement = sound(*shape, **what)
        if guard not in whole.text:
            return whole
        texts.append(whole.text.replace(guard, instead))
        return whole._replace(text=texts[-1])

    with monkeypatch.context() as patch:
        patch.setattr(statements, statement, broken)
        patch.setattr(operations, "_shaped", MADE_ANEW)
        yield texts
    assert texts
