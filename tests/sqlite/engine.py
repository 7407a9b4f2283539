"""What stands before `sqlite3.connect` in a test: it keeps every connection, and hears every statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from attrs import define, field


@define
class Engine:
    """Put in the place of `sqlite3.connect`."""

    opened: list[sqlite3.Connection] = field(factory=list)
    factories: dict[int, type[sqlite3.Connection]] = field(factory=dict)
    """What to open a connection as, by its place: the first, which writes, is 0."""
    heard: Callable[[str], object] | None = None
    """Told of each statement as it begins, in the thread that runs it."""
    connect: Callable[..., sqlite3.Connection] = field(factory=lambda: sqlite3.connect)
    """The real one."""

    def __call__(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        factory = self.factories.get(len(self.opened), sqlite3.Connection)
        connection = self.connect(*arguments, **{"factory": factory, **options})
        connection.set_trace_callback(self._hear)
        self.opened.append(connection)
        return connection

    def _hear(self, statement: str) -> None:
        if self.heard is not None:
            self.heard(statement)
