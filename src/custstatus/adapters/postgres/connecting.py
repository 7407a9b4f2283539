"""
How the stores connect, and what the driver's errors are: nothing is left to luck, and nothing waits without a bound.

Connections are kept open and handed out in turn. The driver's own pool does more, and takes a third of a change's time.
"""

from __future__ import annotations

import os
from collections import deque
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import PipelineStatus, TransactionStatus

from custstatus.adapters.postgres.cursors import PreparedCursor, RawCursor
from custstatus.bounds import kind_of
from custstatus.errors import InvalidInputError, StoreBusyError, StoreClosedError, StoreError

__all__ = [
    "GRACE",
    "Connections",
    "arguments",
    "busy_error",
    "check_joinable",
    "check_transaction",
    "checked",
    "closed_error",
    "settings",
    "translated",
    "unreached",
]

_BUSY = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.QueryCanceled,
)


def arguments(patience: float, prepare: bool) -> dict[str, Any]:
    """With what a connection of our own is made: dead servers and dead networks are noticed within the patience."""
    seconds = max(2, round(patience))
    return {
        "autocommit": True,
        "prepare_threshold": 0 if prepare else None,
        "application_name": "custstatus",
        "client_encoding": "UTF8",
        "connect_timeout": seconds,
        "keepalives": 1,
        "keepalives_idle": seconds,
        "keepalives_interval": 1,
        "keepalives_count": 3,
        "tcp_user_timeout": seconds * 1000,
    }


_SESSION = "; ".join(
    [
        "SET synchronous_commit = on",
        "SET default_transaction_isolation = 'read committed'",
        "SET default_transaction_read_only = off",
        # Compiling a statement takes longer than running any of ours does.
        "SET jit = off",
        "SET idle_session_timeout = 0",
        # There from PostgreSQL 17 on.
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'",
    ]
)


def settings(patience: float) -> str:
    """What a connection of our own asks of its session, whatever the server's and the role's defaults are."""
    milliseconds = round(patience * 1000)
    return (
        f"{_SESSION}; SET statement_timeout = {milliseconds}; SET lock_timeout = {milliseconds}; "
        f"SET idle_in_transaction_session_timeout = {milliseconds * 6}"
    )


def checked(address: str, connections: int, patience: float) -> None:
    """InvalidInputError unless these are arguments of a store."""
    if not isinstance(address, str) or not address or "\0" in address or not address.isascii():
        raise InvalidInputError("address", "where a PostgreSQL database is, percent-encoded", kind_of(address))
    try:
        conninfo_to_dict(address)
    except psycopg.ProgrammingError:  # which repeats a part of the address: of the password, it may be
        expected = "an address that libpq can read, the password percent-encoded"
        raise InvalidInputError("address", expected, "another") from None
    if type(connections) is not int or connections < 1:
        raise InvalidInputError("connections", "a number from 1 on", kind_of(connections))
    if type(patience) not in (int, float) or not 0.001 <= patience <= 86_400:
        raise InvalidInputError("patience", "seconds, from a thousandth up to a day's", kind_of(patience))


def unreached(error: psycopg.Error) -> StoreError:
    """The error of ours that an error of the driver on connecting is."""
    if isinstance(error, errors.TooManyConnections) or "too many clients" in str(error):
        return StoreBusyError("the server has no connection left: try again with the same key")
    return StoreError("the database could not be reached; the cause says why")


def translated(error: psycopg.Error) -> StoreError:
    """The error of ours that an error of the driver is."""
    if isinstance(error, _BUSY):
        return StoreBusyError("the database was busy with others for too long: try again with the same key")
    # Other conditions of the server are operational errors of the driver as well: a full disk, say.
    if isinstance(error, psycopg.OperationalError) and (error.sqlstate or "08")[:2] in ("08", "57"):
        return StoreError("the connection was lost, and with it whether a change was made: try again with the same key")
    return StoreError("PostgreSQL could not do it; the cause says why")


GRACE = 2.0
"""Seconds beyond the patience after which a server that gave no sign is given up: it would have reported a timeout by then."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """
    A connection that waits no longer than it has the patience for.

    A peer that acknowledges and never answers is no dead network: neither keepalives nor the user timeout notice it.
    """

    patience = 0.0

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """As the driver does, but with an end."""
        return super().wait(gen, interval, self.patience + GRACE if timeout is None else timeout)


def check_joinable(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """InvalidInputError unless statements of ours can be run on a host's connection."""
    if connection.info.encoding != "utf-8":
        raise InvalidInputError(
            "connection", "one whose client_encoding is UTF8", f"one with {connection.info.encoding}"
        )
    if connection.info.pipeline_status is not PipelineStatus.OFF:
        raise InvalidInputError("connection", "one outside a pipeline", "one within")


def check_transaction(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """InvalidInputError where the host's driver would commit each of our statements by itself."""
    if connection.autocommit and connection.info.transaction_status is TransactionStatus.IDLE:
        raise InvalidInputError("connection", "one with an open transaction", "one without, in autocommit mode")


def closed_error() -> StoreClosedError:
    """Of a store that was closed."""
    return StoreClosedError("the store was closed: open another one")


def busy_error() -> StoreBusyError:
    """Of a store whose connections are all in use."""
    return StoreBusyError("no connection was free in time: try again with the same key")


class Connections:
    """
    Up to so many connections to one database, each with a cursor, handed out to threads in turn.

    Waiters are served in order, so a busy thread cannot starve the others.
    """

    def __init__(self, address: str, most: int, patience: float, prepare: bool) -> None:
        self._address = address
        self._patience = patience
        self._arguments = arguments(patience, prepare)
        self._settings = settings(patience)
        self._cursor: type[RawCursor] = PreparedCursor if prepare else RawCursor
        self._lock = Lock()
        # While there is one of these, or a place left for another connection, nobody waits.
        self._idle: deque[RawCursor] = deque()
        self._left = most
        # None is the place of a connection that is gone.
        self._waiting: deque[SimpleQueue[RawCursor | None]] = deque()
        self._closed = False
        self._process = os.getpid()

    def take(self) -> RawCursor:
        """
        A cursor, to be given back.

        Raises:
            StoreBusyError: None was free in time.
            StoreClosedError: They were closed.
            StoreError: A new connection could not be made.
        """
        if self._closed:
            raise closed_error()
        if self._process != os.getpid():
            raise StoreError("the process was forked: open the store after the fork")
        turn: SimpleQueue[RawCursor | None] | None = None
        with self._lock:
            if self._idle:
                return self._idle.popleft()
            if self._left:
                self._left -= 1
            else:
                turn = SimpleQueue()
                self._waiting.append(turn)
        cursor = None if turn is None else self._waited(turn)
        try:
            if self._closed:
                raise closed_error()
            return cursor or self._connect()
        except BaseException:
            self._put(cursor)
            raise

    def _waited(self, turn: SimpleQueue[RawCursor | None]) -> RawCursor | None:
        """What is handed over in one's turn."""
        try:
            return turn.get(timeout=self._patience)
        except BaseException as error:
            with self._lock:
                handed = turn not in self._waiting
                if not handed:
                    self._waiting.remove(turn)
            if handed and isinstance(error, Empty):
                return turn.get()
            if handed:
                self._put(turn.get())
            if isinstance(error, Empty):
                raise busy_error() from None
            raise

    def _put(self, cursor: RawCursor | None) -> None:
        """A cursor, or the place of one, for the next waiter."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().put(cursor)
            elif cursor is not None:
                self._idle.append(cursor)
            else:
                self._left += 1

    def _connect(self) -> RawCursor:
        try:
            connection = Connection.connect(self._address, **self._arguments)
            connection.patience = self._patience
            try:
                connection.execute(self._settings, prepare=False)
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            raise unreached(error) from error
        return self._cursor(connection)

    def give(self, cursor: RawCursor) -> None:
        """A cursor that is not used any more; its connection is kept if it can be."""
        connection = cursor.connection
        # Also not so of a closed one.
        if self._closed or connection.pgconn.transaction_status != TransactionStatus.IDLE:
            # Interrupted in a transaction, or of no further use.
            connection.close()
            self._put(None)
        else:
            self._put(cursor)

    def renew(self) -> None:
        """Let go of all that are idle: after a lost server each would fail in its turn."""
        with self._lock:
            idle, self._idle = self._idle, deque()
        for cursor in idle:
            cursor.connection.close()
            self._put(None)

    def close(self) -> None:
        """Close them; those in use are closed when they are given back."""
        self._closed = True
        if self._process == os.getpid():
            self.renew()
