"""
Lives of a process that writes to a store until it is killed: what it does, in which order, and on which engine.

What a life does follows from its seed alone, so that whoever comes after knows what was to be done, and which of it was
acknowledged over the pipe.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from attrs import frozen
from organisation import AGENT, START, Label
from soundness import opened

from custstatus import Action, Activity, Applied, Identifier, Report, StatusService

CUSTOMERS = 40
"""How many customers each worker would see through, if it lived."""


@frozen
class Deed:
    """One change, or one purchase; known by its key, or its reference."""

    kind: str
    customer: str
    key: str
    target: Label | None = None
    identifiers: tuple[Identifier, ...] = ()

    def do(self, service: StatusService[Label]) -> Applied | Report:
        """Do it, for the first time or again."""
        desk = service.acting(AGENT)
        why = {"reason": f"because of {self.key}", "key": self.key}
        if self.kind == "record":
            return service.record(Activity(self.customer, Action.TRANSACTION, self.key, START))
        if self.kind == "register":
            return desk.register(self.customer, identifiers=self.identifiers, key=self.key)
        if self.kind == "restore":
            return desk.restore(self.customer, **why)
        if self.target is not None:
            return desk.change(self.customer, self.target, **why)
        made: Applied = getattr(desk, f"{self.kind}_identifier")(self.customer, *self.identifiers, **why)
        return made


def deeds(seed: int, worker: int) -> Iterator[Deed]:
    """What one worker of a life does, one after the other: customers of its own from registration to closing."""
    random = Random(f"{seed}/{worker}")
    for number in range(CUSTOMERS):
        customer = f"w{worker}-{number}"
        phone, other, mail = (
            Identifier(kind, f"{customer}-{name}") for kind, name in (("mobile", "a"), ("mobile", "b"), ("email", "c"))
        )
        visits: list[list[tuple[str, Label | None, tuple[Identifier, ...]]]] = [
            [("change", Label.LOST_PHONE, ()), ("change", Label.REGULAR, ())],
            [("change", Label.UNUSUAL, ()), ("restore", None, ())],
            [("change", Label.TRENDING, ()), ("change", Label.REGULAR, ())],
            [("add", None, (mail,)), ("remove", None, (mail,))],
            [("replace", None, (phone, other)), ("add", None, (phone,))],
            [("record", None, ())],
            [("record", None, ())],
        ]
        random.shuffle(visits)
        chosen = visits[: random.randrange(2, 6)]
        steps = [
            ("register", None, (phone,)),
            *(step for visit in chosen for step in visit),
            ("change", Label.CLOSED, ()),
        ]
        for place, (kind, target, identifiers) in enumerate(steps):
            yield Deed(kind, customer, f"{customer}-{place}", target, identifiers)


def live(
    pipe: Connection,
    path: Path,
    seed: int,
    workers: int,
    rest: int | None,
    engine: type[sqlite3.Connection],
) -> None:
    """
    Do a life's deeds, and acknowledge each after the call has returned: worker, place, versions written.

    Args:
        pipe: Where to acknowledge.
        path: The file.
        seed: Which life; its organisation is of that name.
        workers: How many threads work.
        rest: After so many acknowledgements there are no more; None for as many as there are deeds.
        engine: What the store connects with.
    """
    sqlite3.connect = partial(sqlite3.connect, factory=engine)  # type: ignore[assignment]
    pipe.send("opening")
    acknowledging = threading.Lock()
    left = [rest]

    def work(worker: int) -> None:
        for place, deed in enumerate(deeds(seed, worker)):
            did = deed.do(service)
            with acknowledging:
                pipe.send((worker, place, versions(did)))
                if left[0] is not None:
                    left[0] -= 1
                    if left[0] == 0:
                        threading.Event().wait()

    with opened(path, f"org-{seed}") as service:
        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        threading.Event().wait()


def versions(did: Applied | Report) -> list[int]:
    """The versions that a deed has written; none for a purchase."""
    return [entry.version for entry in did.entries] if isinstance(did, Applied) else []


class Sound(sqlite3.Connection):
    """As the store finds it."""


class Checkpointing(sqlite3.Connection):
    """Moves its log into the file every few pages, so that many a kill falls into that."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute("PRAGMA wal_autocheckpoint = 4")


class _HastyCursor(sqlite3.Cursor):
    pending: sqlite3.Connection | None = None

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        before, _HastyCursor.pending = _HastyCursor.pending, None
        if before is not None:
            before.commit()
        if sql != "COMMIT":
            return super().execute(sql, parameters)
        _HastyCursor.pending = self.connection
        return self


class Hasty(sqlite3.Connection):
    """Broken: what was to be committed is committed before the next statement only, so acknowledged before."""

    def cursor(self, factory: Any = _HastyCursor) -> Any:
        return super().cursor(factory)


class _HalvedCursor(sqlite3.Cursor):
    appended = False

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if self.appended and sql not in ("COMMIT", "ROLLBACK"):
            self.connection.commit()
            super().execute("BEGIN IMMEDIATE")
        self.appended = "INTO custstatus_entry" in sql
        return super().execute(sql, parameters)


class Halved(sqlite3.Connection):
    """Broken: an entry is committed by itself, before the rows that follow from it."""

    def cursor(self, factory: Any = _HalvedCursor) -> Any:
        return super().cursor(factory)
