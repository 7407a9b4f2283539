"""
Lives of a process that writes to a store until it is killed: what it does, in which order, and with which store.

What a life does follows from its seed alone, so that whoever comes after knows what was to be done, and which of it was
acknowledged over the pipe.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, cast

from attrs import evolve, frozen
from organisation import ACME, AGENT, START, Label

from custstatus import Action, Activity, Applied, Identifier, Report, SQLiteStore, StatusService
from custstatus.adapters import Store

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
    kind: Callable[[Path], Store],
) -> None:
    """
    Do a life's deeds, and acknowledge each after the call has returned: worker, place, versions written.

    Args:
        pipe: Where to acknowledge.
        path: The file.
        seed: Which life; its organisation is of that name.
        workers: How many threads work.
        rest: After so many acknowledgements there are no more; None for as many as there are deeds.
        kind: The store.
    """
    pipe.send("opening")
    acknowledging = threading.Lock()
    left = [rest]

    def work(worker: int) -> None:
        try:
            do_all(worker)
        except BaseException:  # ends the process, whose parent would wait for more otherwise
            traceback.print_exc()
            os._exit(1)

    def do_all(worker: int) -> None:
        for place, deed in enumerate(deeds(seed, worker)):
            did = deed.do(service)
            with acknowledging:
                pipe.send((worker, place, written_by(did)))
                if left[0] is not None:
                    left[0] -= 1
                    if left[0] == 0:
                        threading.Event().wait()

    service = StatusService(kind(path), evolve(ACME, org=f"org-{seed}"))
    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(workers)]
    for thread in threads:
        thread.start()
    threading.Event().wait()


def written_by(did: Applied | Report) -> list[int]:
    """The versions of the entries that a deed has written; a zero for a purchase."""
    return [entry.version for entry in did.entries] if isinstance(did, Applied) else [0]


def sound(path: Path) -> Store:
    """As it is."""
    return SQLiteStore(path)


def checkpointing(path: Path) -> Store:
    """As it is, but every few pages the log is moved into the file, so that many a kill falls into that."""
    sqlite3.connect = partial(sqlite3.connect, factory=_Checkpointing)  # type: ignore[assignment]
    return SQLiteStore(path)


def hasty(path: Path) -> Store:
    """Broken: what was written is committed when the store is used next, so after it was acknowledged."""
    store: Any = _Hasty(path)
    return cast(Store, store)


def halved(path: Path) -> Store:
    """Broken: an entry is committed by itself, before the rows that follow from it."""
    sqlite3.connect = partial(sqlite3.connect, factory=_Halved)  # type: ignore[assignment]
    return SQLiteStore(path)


class _Checkpointing(sqlite3.Connection):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute("PRAGMA wal_autocheckpoint = 4")


class _Hasty:
    def __init__(self, path: Path) -> None:
        self._store = SQLiteStore(path)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def __getattr__(self, verb: str) -> Any:
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        if verb not in ("apply", "commit", "record"):
            return getattr(self._store, verb)
        self._connection.execute("BEGIN IMMEDIATE")
        return getattr(self._store.inside(self._connection), verb)


class _HalvedCursor(sqlite3.Cursor):
    appended = False

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if self.appended and sql not in ("COMMIT", "ROLLBACK"):
            self.connection.commit()
            super().execute("PRAGMA wal_checkpoint").fetchall()  # to be in between for a while
            super().execute("BEGIN IMMEDIATE")
        self.appended = "INTO custstatus_entry" in sql
        return super().execute(sql, parameters)


class _Halved(sqlite3.Connection):
    def cursor(self, factory: Any = _HalvedCursor) -> Any:
        return super().cursor(factory)
