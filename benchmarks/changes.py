"""One change on SQLite: against the same statements by hand, and against an ORM with a version column."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from benchmarks.measure import Figure, Given, interleaved, scaled
from benchmarks.organisation import ACME, Label, desk_on
from benchmarks.orm import OrmPeer, on_sqlite
from custstatus import SQLiteStore, VerifyReport
from custstatus.adapters.sql.statements import Statement
from custstatus.adapters.sqlite import statements
from custstatus.bounds import micros

__all__ = ["figures"]

CHANGES = 300, 3
"""How many changes a round; and in a quick run."""


def figures(given: Given) -> Iterator[Figure]:
    """Each figure as it is measured: on tmpfs, then on the disk."""
    memory, disk = given.memory, given.disk
    ours, by_hand = Ours(memory / "ours.db"), ByHand(memory / "hand.db")
    yield Figure("change / by hand, tmpfs (rate)", 1 / interleaved(ours.run, by_hand.run), 0.5, at_least=True)
    extra = ours.statements() - by_hand.statements()
    yield Figure("change: statements more than by hand", extra, 0, at_least=False)
    assert written(memory / "hand.db") == written(memory / "ours.db")
    with closing(OrmPeer(on_sqlite(memory / "orm.db"), scaled(*CHANGES))) as orm:
        yield Figure("change / ORM, tmpfs (rate)", 1 / interleaved(ours.run, orm.run, rounds=5), 6, at_least=True)
    ours, by_hand = Ours(disk / "ours.db"), ByHand(disk / "hand.db")
    ratio = interleaved(ours.run, by_hand.run, rounds=15)
    yield Figure("change / by hand, disk at FULL (rate)", 1 / ratio, 0.7, at_least=True)
    assert written(disk / "hand.db") == written(disk / "ours.db")


def written(path: Path) -> VerifyReport:
    """What a file holds, verified: by hand there is to be as much as ours, and as sound."""
    with SQLiteStore(path) as store:
        service, _ = desk_on(store)
        found = service.verify()
    assert found.faults == (), found.faults[:3]
    return found


class Ours:
    """A customer who is relabelled, suspended and reinstated, by the service."""

    def __init__(self, path: Path) -> None:
        self.store = SQLiteStore(path)
        _, self.desk = desk_on(self.store)
        self.desk.register("c-1")
        self._labels = cycle([Label.TRENDING, Label.LOST_PHONE, Label.REGULAR])

    def run(self) -> None:
        for _ in range(scaled(*CHANGES)):
            self.desk.change("c-1", next(self._labels), reason="for the measure")

    def statements(self) -> int:
        """How many statements one change is."""
        traced: list[str] = []
        writer = self.store._writer
        writer.set_trace_callback(traced.append)
        self.desk.change("c-1", next(self._labels), reason="for the measure")
        writer.set_trace_callback(None)
        return len(traced)


class ByHand:
    """The same by a specialist on sqlite3: the place read and checked, compare-and-set, history, reason."""

    def __init__(self, path: Path) -> None:
        _, desk = desk_on(SQLiteStore(path))
        desk.register("c-1")
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous = FULL")
        self._labels = cycle([Label.TRENDING, Label.LOST_PHONE, Label.REGULAR])

    def run(self) -> None:
        for _ in range(scaled(*CHANGES)):
            self.change(next(self._labels))

    def execute(self, statement: Statement, *parameters: object) -> sqlite3.Cursor:
        given = parameters if statement.arrange is None else statement.arrange(parameters)
        return self.connection.execute(statement.text, given)

    def change(self, label: Label) -> None:
        execute, name = self.execute, ("acme", "c-1", "customer_status")
        status, now = label.status.value, micros(datetime.now(UTC))
        self.connection.execute("BEGIN IMMEDIATE")
        version, closed, at, text, since, *_ = execute(statements.PLACE, *name).fetchone()
        legal = {"active": ("active", "suspended"), "suspended": ("active",)}
        if closed is not None or at not in legal[status] or (at, text) == (status, label.text):
            self.connection.execute("ROLLBACK")
            return
        new, then = version + 1, max(now, since)
        who = ("agent-7", "person", "staff", "member_care", ACME.hash)
        entry = ("acme", "c-1", new, "moved", "customer_status", at, text, status, label.text, then, now, *who)
        later = (None, None, None, None, 0, None, None, 0, None, None, None, None)
        execute(statements.SQL.append_entry, *entry, *later)
        execute(statements.SQL.keep_text, "acme", "c-1", new, "for the measure", None)
        if at == status:
            execute(statements.RELABEL_STANDING, *name, label.text, then, "agent-7", "person", new, None)
        else:
            execute(statements.MOVE_STANDING, *name, status, label.text, then, "agent-7", "person", new, None)
        execute(statements.STEP_ACCOUNT, "acme", "c-1", new, None)
        self.connection.execute("COMMIT")

    def statements(self) -> int:
        traced: list[str] = []
        self.connection.set_trace_callback(traced.append)
        self.change(next(self._labels))
        self.connection.set_trace_callback(None)
        return len(traced)
