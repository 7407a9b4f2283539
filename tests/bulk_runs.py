"""Bulk runs in processes of their own: to be killed in the middle, or to rival each other and agents; and stores to catch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from random import Random
from typing import Any, Concatenate, ParamSpec

from attrs import define, evolve, field
from children import start
from organisation import ACME, AGENT, COLLEAGUE, Label

from custstatus import (
    Action,
    Activity,
    Applied,
    Channel,
    ConflictError,
    Entry,
    Refusal,
    RefusedError,
    SQLiteStore,
    StatusService,
    StoreBusyError,
)
from custstatus.adapters import PreparedChange, SetResult, Snapshot, Store
from custstatus.adapters.postgres import PostgresStore
from custstatus.operations import import_statuses, reverse
from custstatus.service.service import utc_now
from custstatus.tables import BadRow, StatusRow
from custstatus.testing import RelayStore

P = ParamSpec("P")

RUN = "table-7"
"""The run that is killed."""

ELSEWHERE = "other"
"""An organisation that nobody touches."""

TARGETS = ("Trending", "Lost phone", "Unusual", "Abroad")


class RunBlind(RelayStore):
    """Does not look whether a run has moved a customer before."""

    def read(self, prepared: PreparedChange) -> Snapshot:
        return evolve(self.store.read(prepared), prior=())

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        return self.read(prepared)

    def commit(self, plan: Any) -> Applied | Snapshot:
        got = self.store.commit(plan)
        return evolve(got, prior=()) if isinstance(got, Snapshot) else got


class Hasty(RelayStore):
    """Tells of a set as moved, and writes the last of it only when it is asked for the next."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.owed: list[Any] = []

    def apply_set(self, prepared: Any) -> tuple[SetResult | Snapshot, ...]:
        owed, self.owed = self.owed, [prepared]
        for each in owed:
            self.store.apply_set(each)
        return tuple(SetResult(row.customer, 0, None, None) for row in prepared.rows)


@contextmanager
def service_at(
    where: str, org: str = ACME.org, broken: Callable[[Store], Store] | None = None
) -> Iterator[StatusService[Label]]:
    """A service over a store of its own: of an address of PostgreSQL, or of the path of a SQLite file."""
    store: Store = PostgresStore(where, connections=2) if "=" in where else SQLiteStore(where)
    try:
        config = ACME if org == ACME.org else evolve(ACME, org=org)
        yield StatusService(store if broken is None else broken(store), config)
    finally:
        store.close()


# -- to be killed ---------------------------------------------------------------------------------------------------------


def table(customers: int) -> list[StatusRow | BadRow]:
    """A row for each of some customers, by his id, to a place and for a reason that go by his number."""
    rows: list[StatusRow | BadRow] = []
    for number in range(customers):
        target = TARGETS[number % len(TARGETS)]
        rows.append(StatusRow(number + 2, f"c-{number:03}", (), target, f"row {number}", "shop-1"))
    return rows


def people(service: StatusService[Label], customers: int) -> None:
    """Register those of the table."""
    desk = service.acting(AGENT)
    for number in range(customers):
        desk.register(f"c-{number:03}")


def import_table(pipe: Connection, where: str, customers: int, chunk: int, broken: Any = None) -> None:
    """A process of its own: imports the table in small parts, telling of each which customers are moved."""
    import_statuses.CHUNK = chunk

    def on_rows(rows: Sequence[Any]) -> None:
        pipe.send([row.customer for row in rows if isinstance(row.outcome, SetResult)])

    with service_at(where, broken=broken) as service:
        pipe.send("begun")
        service.acting(AGENT, Channel.IMPORT).import_statuses(
            table(customers), run=RUN, approval="board", on_rows=on_rows
        )


def reverse_table(pipe: Connection, where: str, chunk: int) -> None:
    """A process of its own: reverses the run in small parts, likewise."""
    reverse.CHUNK = chunk  # type: ignore[attr-defined]

    def on_rows(rows: Sequence[Any]) -> None:
        pipe.send([row.customer for row in rows if isinstance(row.outcome, SetResult)])

    with service_at(where) as service:
        pipe.send("begun")
        service.acting(COLLEAGUE, Channel.IMPORT).reverse(RUN, approval="board", on_rows=on_rows)


def killed(
    seed: str, parts: int, body: Callable[Concatenate[Connection, P], Any], *arguments: P.args, **options: P.kwargs
) -> list[str]:
    """Run a body, kill it after some of its parts and a random while more; the customers that it told of as moved."""
    random = Random(seed)
    process, pipe = start(body, *arguments, **options)
    told: list[str] = []
    try:
        assert pipe.recv() == "begun"
        for _ in range(random.randrange(parts)):
            told += pipe.recv()
        for _ in range(random.randrange(60_000)):
            pass
        process.kill()
        process.join()
        while True:
            told += pipe.recv()
    except (EOFError, OSError):  # the end, if need be in the middle of what it told
        process.join()
        pipe.close()
    return told


# -- rivals ---------------------------------------------------------------------------------------------------------------


@define
class Answers:
    """What was answered, added up over processes."""

    acknowledged: list[tuple[str, int, str]] = field(factory=list)
    """Customer and version of an entry, and its run or else its reason."""
    counts: Counter[str] = field(factory=Counter)
    errors: list[str] = field(factory=list)
    """What nobody should be answered."""
    doubted: set[str] = field(factory=set)
    """Runs that were stopped by a conflict: what the last part of one has moved was not told."""

    def __iadd__(self, other: Answers) -> Answers:
        self.acknowledged += other.acknowledged
        self.counts += other.counts
        self.errors += other.errors
        self.doubted |= other.doubted
        return self

    def entries(self, entries: Sequence[Entry]) -> None:
        """Keep entries that were answered."""
        self.acknowledged += [(entry.customer, entry.version, entry.run or entry.reason or "") for entry in entries]

    def of(self, run: str) -> Callable[[Sequence[Any]], None]:
        """Keep what is told of a run."""

        def keep(rows: Sequence[Any]) -> None:
            for row in rows:
                if isinstance(row.outcome, SetResult):
                    self.counts["replayed" if row.outcome.replayed else "moved"] += 1
                    if not row.outcome.replayed:
                        self.acknowledged.append((row.customer, row.outcome.version, run))
                elif isinstance(row.outcome, Refusal):
                    self.counts[row.outcome.code.value] += 1
                else:
                    self.errors.append(f"{row!r} is neither moved nor refused")

        return keep

    def ask(self, deed: Callable[[], object], run: str | None = None) -> bool:
        """Do something; whether it was done rather than refused, or stopped by others."""
        try:
            made = deed()
        except RefusedError as error:
            self.counts[error.refusal.code.value] += 1
            return False
        except (ConflictError, StoreBusyError) as error:
            self.counts[type(error).__name__] += 1
            self.doubted |= set() if run is None else {run}
            return False
        except Exception as error:
            self.errors.append(f"{error!r} because of {error.__cause__!r}")
            return False
        if isinstance(made, Applied):
            self.counts["made"] += 1
            self.entries(made.entries)
        return True


def idle_people(service: StatusService[Label], customers: int) -> None:
    """Register customers who have not bought for longer than an idle rule allows, some of whom stand elsewhere."""
    desk = service.acting(AGENT)
    for number in range(customers):
        desk.register(f"c-{number:03}", at=utc_now() - timedelta(days=200))
        if number % 5 == 0:
            desk.change(f"c-{number:03}", Label.LOST_PHONE, reason="lost")


def sweep_and_import(
    pipe: Connection, where: str, name: str, customers: int, rounds: int, chunk: int, broken: Any = None
) -> None:
    """A process of its own: when told, in turn sweeps, imports a table of its own, and one that others import as well."""
    import_statuses.CHUNK = chunk
    random, answers = Random(name), Answers()
    with service_at(where, broken=broken) as service:
        desk = service.acting(COLLEAGUE, Channel.IMPORT)
        pipe.send("ready")
        pipe.recv()
        for number in range(rounds):
            sweeping, own, shared = f"sweep-{name}-{number}", f"own-{name}-{number}", f"shared-{number}"
            answers.ask(lambda: service.sweep(run=sweeping, on_rows=answers.of(sweeping)), sweeping)  # noqa: B023
            for run, seed in ((own, random.random()), (shared, number)):
                rows = random_table(f"{seed}", customers)
                for _ in range(20):  # a conflict, or a busy file, stops a run, which then goes on
                    before = answers.counts["ConflictError"] + answers.counts["StoreBusyError"]
                    answers.ask(
                        lambda: desk.import_statuses(rows, run=run, approval="board", on_rows=answers.of(run)),  # noqa: B023
                        run,
                    )
                    if answers.counts["ConflictError"] + answers.counts["StoreBusyError"] == before:
                        break
    pipe.send(answers)


def random_table(seed: str, customers: int) -> list[StatusRow | BadRow]:
    """A row for each of some customers, in any order, to any place but closed ones."""
    random = Random(seed)
    numbers = list(range(customers))
    random.shuffle(numbers)
    targets = [label.text for label in Label if label is not Label.CLOSED]
    return [
        StatusRow(line, f"c-{number:03}", (), random.choice(targets), f"{seed}/{number}", None)
        for line, number in enumerate(numbers, 2)
    ]


def change_by_hand(pipe: Connection, where: str, name: str, customers: int, times: int) -> None:
    """A process of its own: an agent who, when told, changes customers at random, and records what they buy."""
    random, answers = Random(name), Answers()
    labels = [label for label in Label if label is not Label.CLOSED]
    with service_at(where) as service:
        desk = service.acting(AGENT, Channel.MEMBER_CARE)
        pipe.send("ready")
        pipe.recv()
        for number in range(times):
            customer, why = f"c-{random.randrange(customers):03}", f"{name}/{number}"
            if random.random() < 0.2:
                bought = Activity(customer, Action.TRANSACTION, why, utc_now())

                def buy() -> None:
                    for came in service.record(bought).back:  # noqa: B023
                        answers.entries(came.entries)

                answers.ask(buy)
            elif random.random() < 0.2:
                answers.ask(lambda: desk.restore(customer, reason=why))  # noqa: B023
            else:
                answers.ask(lambda: desk.change(customer, random.choice(labels), reason=why))  # noqa: B023
    pipe.send(answers)


def rivalled(
    where: str, customers: int, rounds: int, times: int, chunk: int, broken: Any = None
) -> tuple[list[str], Answers]:
    """
    Two processes sweep and import the same organisation while two agents change its customers by hand.

    What is wrong afterwards, and what all of them were answered.
    """
    with service_at(where) as service, service_at(where, ELSEWHERE) as other:
        idle_people(service, customers)
        idle_people(other, 5)
        untouched = held(other)
        before = {(entry.customer, entry.version) for entry in all_entries(service)}
    bodies: list[tuple[Any, ...]] = [
        (sweep_and_import, where, "one", customers, rounds, chunk, broken),
        (sweep_and_import, where, "two", customers, rounds, chunk, broken),
        (change_by_hand, where, "ada", customers, times),
        (change_by_hand, where, "bob", customers, times),
    ]
    started = [start(*body) for body in bodies]
    answers = Answers()
    assert [pipe.recv() for _, pipe in started] == ["ready"] * len(started)
    for _, pipe in started:
        pipe.send("go")
    for process, pipe in started:
        answers += pipe.recv()
        process.join()
        pipe.close()
        assert process.exitcode == 0
    with service_at(where) as service, service_at(where, ELSEWHERE) as other:
        faults = list(answers.errors)
        faults += [f"{fault.customer}: {fault.what}" for each in (service, other) for fault in each.verify().faults]
        if held(other) != untouched:
            faults.append("the other organisation is not as it was")
        there = {(entry.customer, entry.version): entry for entry in all_entries(service)}
    told = Counter((customer, version) for customer, version, _ in answers.acknowledged)
    faults += [f"{place} was told of {count} times" for place, count in told.items() if count > 1]
    for customer, version, why in answers.acknowledged:
        entry = there.get((customer, version))
        if entry is None or why not in (entry.run, entry.reason):
            faults.append(f"{customer}/{version} was told of as of {why}, and there is {entry}")
    for place, entry in there.items():
        if place not in told and place not in before and entry.run not in answers.doubted:
            faults.append(f"{place} is there, and nobody was told: {entry}")
    # A sweep brings back by its own run whom it has just moved, where he has bought since: that is another deed.
    runs = [entry for entry in there.values() if entry.run is not None and entry.reason_code != "active_again"]
    once = Counter((entry.run, entry.customer) for entry in runs)
    faults += [f"run {run} moved {customer} {count} times" for (run, customer), count in once.items() if count > 1]
    return faults, answers


def all_entries(service: StatusService[Label]) -> list[Entry]:
    """The whole log."""
    entries: list[Entry] = []
    after = None
    while True:
        page = service.history(after=after, limit=10_000)
        entries += page.items
        after = page.next
        if after is None:
            return entries


def held(service: StatusService[Label]) -> object:
    """What an organisation holds, to be compared."""
    return service.accounts(limit=10_000).items, all_entries(service)
