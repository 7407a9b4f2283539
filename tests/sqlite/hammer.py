"""What many threads or processes do to one file at once, by their seeds, and what each of them was answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from threading import Barrier, Thread
from typing import TypeAlias

from attrs import define, field
from organisation import AGENT, Label
from soundness import opened

from custstatus import (
    Action,
    Activity,
    Applied,
    ConflictError,
    CustomerStatus,
    Entry,
    Identifier,
    Membership,
    RefusedError,
    StatusService,
    StoreBusyError,
)
from custstatus.service.service import utc_now

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
        except (RefusedError, ConflictError, StoreBusyError) as error:
            self.counts[type(error).__name__] += 1
            return None
        except Exception as error:
            self.errors.append(repr(error))
            return None
        self.counts["replayed" if made.replayed else "made"] += 1
        if not made.replayed:
            self.written += map(line, made.entries)
        return made


def phone(number: int) -> Identifier:
    """One of the phones that all customers share."""
    return Identifier("mobile", f"+44790000{number:04}")


def change_at_random(service: StatusService[Label], seed: str, customers: Sequence[str], times: int) -> Answers:
    """Changes of every kind to some customers, legal or not."""
    random = Random(seed)
    desk = service.acting(AGENT)
    answers = Answers()
    for number in range(times):
        customer = random.choice(customers)
        why = f"{seed}/{number}"
        old, new = map(phone, random.sample(range(8), 2))
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
            got.append(Answers(errors=[repr(error)]))

    threads = [Thread(target=run, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answers in got:
        all_of_it += answers
    return all_of_it


def hammer(
    pipe: Connection, path: Path, name: str, hot: Sequence[str], own: Sequence[str], times: int, keys: int
) -> None:
    """A process of its own: when told, one thread changes customers that others change too, one its own, one shares keys."""
    with opened(path) as service:
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
