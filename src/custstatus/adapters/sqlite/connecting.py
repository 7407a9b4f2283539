"""
How the store connects to a file, and what the driver's errors are.

Commits are on the disk before they are acknowledged: write-ahead log, synchronous FULL, both checked on opening.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from custstatus.errors import InvalidInputError, StoreBusyError, StoreClosedError, StoreError

__all__ = ["checked", "connected", "translated", "translating"]

_LOCKED = "the database stayed locked: try again with the same key"


def checked(path: str | os.PathLike[str]) -> str:
    """The path of a file as text; InvalidInputError where it is none."""
    name = os.fspath(path)
    if not isinstance(name, str) or name in ("", ":memory:") or name.startswith("file:") or "\0" in name:
        raise InvalidInputError("path", "the path of a file (MemoryStore keeps things in memory)", repr(name)[:80])
    return name


def connected(path: str, patience: float) -> sqlite3.Connection:
    """
    A connection of the store's own, which waits so many seconds for others.

    Raises:
        StoreBusyError: Others held the file for longer than that.
        StoreError: It cannot be opened, or does not keep the settings that it is given.
    """
    with translating():
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        try:
            mode = _journal_mode(connection, patience)
            connection.execute("PRAGMA synchronous = FULL")
            (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
        except BaseException:
            connection.close()
            raise
    if mode != "wal" or synchronous != 2:
        connection.close()
        raise StoreError(f"expected journal_mode wal and synchronous 2 (FULL), got {mode} and {synchronous}")
    return connection


def _journal_mode(connection: sqlite3.Connection, patience: float) -> str:
    """The journal mode, set to WAL; SQLite does not wait by itself where others hold the file just then."""
    deadline = monotonic() + patience
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError:
            if monotonic() > deadline:
                raise
            sleep(0.005)


@contextmanager
def translating(busy: str = _LOCKED) -> Iterator[None]:
    """Errors of the driver come out as ours, as `translated` has them."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, busy) from error


def translated(error: sqlite3.Error, busy: str = _LOCKED) -> StoreError:
    """The error of ours that an error of the driver is; *busy* is what is said where others held the file for too long."""
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return StoreClosedError("the store was closed: open another one")
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusyError(busy)
    return StoreError("SQLite could not do it; the cause says why")
