"""
The SQLite store: its connections, transactions and the runner. What is run on them is in `operations`.

One connection writes, one writer at a time in the process; readers take one of a pool, as many as read at the same time.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from custstatus.adapters.sql._made.store import SqlStore
from custstatus.adapters.sql.running import Many, Script, Transaction
from custstatus.adapters.sqlite import migrating
from custstatus.adapters.sqlite.connecting import checked, connected, translated, translating
from custstatus.adapters.sqlite.migrating import check_ours, migrate
from custstatus.adapters.sqlite.operations import JOINED, OWN, SNAPSHOT, CountedMany, SQLiteOperations
from custstatus.adapters.sqlite.statements import RELEASE, ROLLBACK_TO, SQL
from custstatus.bounds import kind_of
from custstatus.errors import InvalidInputError, SchemaError, StoreClosedError, StoreError

if TYPE_CHECKING:
    from custstatus.adapters.protocol import Store
    from custstatus.gate.outcome import Applied, Snapshot
    from custstatus.gate.prepared import PreparedChange

__all__ = ["SQLiteStore"]

T = TypeVar("T")

_OPERATIONS = SQLiteOperations(SQL)

_FORK_PATIENCE = 1.0
"""Seconds that a fork waits for a write in another thread."""

_OLDEST = (3, 38, 0)
"""STRICT tables, RETURNING, and JSON built in."""


class SQLiteStore(SqlStore):
    """
    A store in one SQLite file, shared by any number of threads and processes on one machine.

    Args:
        path: The file; it is made, or its schema brought up to date, where necessary. The tables are named `custstatus_...`, so
            the host's own may stand beside them.
        create: False to open only a file that is there and holds our tables, and to leave any other untouched.
        busy_timeout: Seconds to wait for other processes' transactions before StoreBusyError.

    Raises:
        SchemaError: The engine is too old, or the file was made by a newer version of this library, or by another build of it.
        StoreError: The file cannot be opened, or does not keep the settings that it is given (WAL, synchronous FULL).
    """

    _operations = _OPERATIONS

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True, busy_timeout: float = 10.0) -> None:
        if sqlite3.sqlite_version_info < _OLDEST:
            raise SchemaError(f"SQLite {sqlite3.sqlite_version} is too old: 3.38 or later is needed")
        self._path = checked(path)
        self._busy_timeout = busy_timeout
        if not create:
            check_ours(self._path)
        self._open()
        try:
            with translating():
                migrate(self._writer or self._connect(), migrating.SCHEMA)
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._lock = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._borrowed: set[sqlite3.Connection] = set()
        self._closed = self._inherited = self._forking = False
        self._writer: sqlite3.Connection | None = self._connect()
        _STORES.add(self)

    def _connect(self) -> sqlite3.Connection:
        return connected(self._path, self._busy_timeout)

    def _before_fork(self) -> None:
        """
        Without a connection of ours: SQLite keeps what it knows of locks in the process, and a child would take it for its own.

        The lock is held until after the fork. Where another thread is in the middle of something, the child is refused the store.
        """
        self._forking = self._lock.acquire(timeout=_FORK_PATIENCE)
        if self._forking and self._writer is not None and not self._writer.in_transaction:
            self._writer.close()
            self._writer = None
        while self._idle:
            self._idle.pop().close()

    def _after_fork_in_parent(self) -> None:
        if self._forking:
            self._lock.release()

    def _after_fork_in_child(self) -> None:
        self._inherited = self._inherited or bool(self._borrowed) or self._writer is not None
        self._lock = threading.RLock()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError("the store was closed: open another one")
        if self._inherited:
            raise StoreError("the process was forked in the middle of a read or write: open the store after the fork")

    def _read(self, operation: Script[T], transaction: Transaction | None = None) -> T:
        self._check_open()
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        self._borrowed.add(connection)
        try:
            return _run(operation, connection, transaction)
        finally:
            self._borrowed.discard(connection)
            # One that was interrupted in a snapshot, or outlived the store, is of no further use.
            if self._closed or connection.in_transaction:
                connection.close()
            else:
                self._idle.append(connection)

    def _write(self, operation: Script[T | None]) -> T | None:
        with self._lock:
            self._check_open()
            writer = self._writer = self._writer or self._connect()
            try:
                return _run(operation, writer, OWN)
            finally:
                if writer.in_transaction:  # interrupted between two statements
                    writer.execute("ROLLBACK")

    def read(self, prepared: PreparedChange) -> Snapshot:
        return self._read(_OPERATIONS.read(prepared), SNAPSHOT)

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        step = prepared.plain
        applied = None if step is None else self._write(_OPERATIONS.apply(prepared, step))
        return applied or self.read(prepared)

    def inside(self, connection: Any) -> Store:
        return _JoinedSQLiteStore(connection)

    def close(self) -> None:
        if self._closed:
            return
        with self._lock:
            self._closed = True
            if self._inherited:
                return  # to close what the parent works on might take its write-ahead log away
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            while self._idle:
                self._idle.pop().close()


_STORES: WeakSet[SQLiteStore] = WeakSet()


def _before_fork() -> None:
    for store in list(_STORES):
        store._before_fork()


def _after_fork_in_parent() -> None:
    for store in list(_STORES):
        store._after_fork_in_parent()


def _after_fork_in_child() -> None:
    for store in list(_STORES):
        store._after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)


class _JoinedSQLiteStore(SQLiteStore):
    """The store on a host's connection, within the host's transaction."""

    def __init__(self, connection: Any) -> None:
        if not isinstance(connection, sqlite3.Connection):
            raise InvalidInputError("connection", "an open sqlite3.Connection", kind_of(connection))
        if connection.text_factory is not str:
            raise InvalidInputError("connection", "one whose text_factory is str", "one with another")
        self._connection = connection

    def _read(self, operation: Script[T], transaction: Transaction | None = None) -> T:
        return _run(operation, self._connection, transaction)

    def _write(self, operation: Script[T | None]) -> T | None:
        # Releasing an outermost savepoint would commit, which is the host's to do.
        with translating():
            joined = self._connection.in_transaction
        if not joined:
            raise InvalidInputError("connection", "one with an open transaction (BEGIN IMMEDIATE)", "one without")
        try:
            return _run(operation, self._connection, JOINED)
        except BaseException:
            # Perhaps interrupted between two statements; where it has undone itself there is no such savepoint left.
            with suppress(sqlite3.Error):
                self._connection.execute(ROLLBACK_TO.text)
                self._connection.execute(RELEASE.text)
            raise

    def read(self, prepared: PreparedChange) -> Snapshot:
        return self._read(_OPERATIONS.read(prepared))

    def close(self) -> None:
        """Nothing: the connection is the host's."""


def _run(operation: Script[T], connection: sqlite3.Connection, transaction: Transaction | None = None) -> T:
    """
    Run an operation's statements on a connection; errors of the driver come out as ours.

    In one transaction, if one is given: undone where the operation fails, or answers None.
    """
    try:
        cursor = connection.cursor()
        cursor.row_factory = None  # a host's connection may have one of its own
        if transaction is None:
            return _driven(operation, cursor)
        cursor.execute(transaction.begin.text)
        try:
            result = _driven(operation, cursor)
            if result is not None:
                cursor.execute(transaction.commit.text)
                return result
        except BaseException:
            # Where the engine has rolled back by itself (a full disk, say) there is nothing left to undo.
            with suppress(Exception):
                for statement in transaction.rollback:
                    cursor.execute(statement.text)
            raise
        for statement in transaction.rollback:
            cursor.execute(statement.text)
        return result
    except sqlite3.Error as error:
        raise translated(error) from error
    except (ArithmeticError, KeyError) as error:  # the forms in which a row that somebody has changed by hand shows
        raise StoreError("a row holds what this library never wrote; the cause says what") from error


def _driven(operation: Script[T], cursor: sqlite3.Cursor) -> T:
    """What an operation answers, once its statements have been run."""
    execute = cursor.execute
    try:
        asked = next(operation)
        while True:
            try:
                if isinstance(asked, Many):
                    text, arrange, _ = asked.statement
                    rows = asked.rows if arrange is None else map(arrange, asked.rows)
                    answer: list[tuple[Any, ...]]
                    if isinstance(asked, CountedMany):
                        answer = [(execute(text, row).rowcount,) for row in rows]
                    else:
                        answer = [(cursor.executemany(text, rows).rowcount,)]
                else:
                    (text, arrange, _), parameters = asked
                    answer = execute(text, parameters if arrange is None else arrange(parameters)).fetchall()
            except BaseException as error:
                asked = operation.throw(error)
            else:
                asked = operation.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
