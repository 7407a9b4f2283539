"""The PostgreSQL store, awaited: the same operations on connections of an event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Self, TypeVar

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus

from custstatus.adapters.postgres import migrating
from custstatus.adapters.postgres.connecting import (
    GRACE,
    arguments,
    busy_error,
    check_joinable,
    check_transaction,
    checked,
    closed_error,
    settings,
    translated,
    unreached,
)
from custstatus.adapters.postgres.cursors import AsyncPreparedCursor, AsyncRawCursor
from custstatus.adapters.postgres.migrating import OLDEST, check, migrate
from custstatus.adapters.postgres.operations import JOINED, OWN, PostgresOperations, within
from custstatus.adapters.postgres.statements import SQL
from custstatus.adapters.sql.running import Many, Script
from custstatus.adapters.sql.store import AsyncSqlStore
from custstatus.bounds import kind_of
from custstatus.errors import InvalidInputError, SchemaError, StoreClosedError, StoreError

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.gate.outcome import Applied, Snapshot
    from custstatus.gate.prepared import PreparedChange

__all__ = ["AsyncPostgresStore"]

T = TypeVar("T")

_OPERATIONS = PostgresOperations(SQL)


class _Connection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """A connection that waits no longer than it has the patience for."""

    patience = 0.0

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """As the driver does, but with an end."""
        return await super().wait(gen, interval, self.patience + GRACE if timeout is None else timeout)


class AsyncConnections:
    """Up to so many connections to one database, each with a cursor, handed out to the tasks of one loop in turn."""

    def __init__(self, address: str, most: int, patience: float, prepare: bool) -> None:
        self._address = address
        self._patience = patience
        self._arguments = arguments(patience, prepare)
        self._settings = settings(patience)
        self._cursor: type[AsyncRawCursor] = AsyncPreparedCursor if prepare else AsyncRawCursor
        # While there is one of these, or a place left for another connection, nobody waits.
        self._idle: deque[AsyncRawCursor] = deque()
        self._left = most
        # None is the place of a connection that is gone.
        self._waiting: deque[asyncio.Future[AsyncRawCursor | None]] = deque()
        self._closed = False

    async def take(self) -> AsyncRawCursor:
        """A cursor, to be given back; raises as `Connections.take` does."""
        if self._closed:
            raise closed_error()
        if self._idle:
            return self._idle.popleft()
        if self._left:
            self._left -= 1
            cursor = None
        else:
            cursor = await self._waited()
        try:
            if self._closed:
                raise closed_error()
            return cursor or await self._connect()
        except BaseException:
            self._put(cursor)
            raise

    async def _waited(self) -> AsyncRawCursor | None:
        """What is handed over in one's turn."""
        turn: asyncio.Future[AsyncRawCursor | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                return await turn
        except BaseException as error:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():
                self._put(turn.result())
            if isinstance(error, TimeoutError):
                raise busy_error() from None
            raise

    def _put(self, cursor: AsyncRawCursor | None) -> None:
        """A cursor, or the place of one, for the next waiter."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(cursor)
                return
        if cursor is not None:
            self._idle.append(cursor)
        else:
            self._left += 1

    async def _connect(self) -> AsyncRawCursor:
        try:
            connection = await _Connection.connect(self._address, **self._arguments)
            connection.patience = self._patience
            try:
                await connection.execute(self._settings, prepare=False)
            except BaseException:
                await connection.close()
                raise
        except psycopg.Error as error:
            raise unreached(error) from error
        return self._cursor(connection)

    async def give(self, cursor: AsyncRawCursor) -> None:
        """A cursor that is not used any more; its connection is kept if it can be."""
        connection = cursor.connection
        if self._closed or connection.pgconn.transaction_status != TransactionStatus.IDLE:
            # Cancelled in a transaction, or of no further use.
            self._put(None)
            await connection.close()
        else:
            self._put(cursor)

    async def renew(self) -> None:
        """Let go of all that are idle: after a lost server each would fail in its turn."""
        idle, self._idle = self._idle, deque()
        for cursor in idle:
            self._put(None)
            await cursor.connection.close()

    async def close(self) -> None:
        """Close them; those in use are closed when they are given back."""
        self._closed = True
        await self.renew()


class AsyncPostgresStore(AsyncSqlStore):
    """
    `PostgresStore` for an event loop: get one with `await AsyncPostgresStore.open(address)`, on the loop that will use it.

    Cancelled in the middle of a change, a connection is given up, and the change is either made or not, as if the
    connection had been lost: send it again with its key.
    """

    _operations = _OPERATIONS
    _connections: AsyncConnections

    @classmethod
    async def open(
        cls,
        address: str,
        *,
        create: bool = True,
        connections: int = 8,
        patience: float = 7.0,
        prepare: bool = True,
    ) -> Self:
        """Connect; arguments and errors are those of `PostgresStore`."""
        checked(address, connections, patience)
        store = cls.__new__(cls)
        store._connections = AsyncConnections(address, connections, patience, prepare)
        try:
            cursor = await store._connections.take()
            version = cursor.connection.info.server_version
            await store._connections.give(cursor)
            if version < OLDEST:
                raise SchemaError("PostgreSQL is too old: 14 or later is needed")
            await (store._write(migrate(migrating.SCHEMA)) if create else store._read(check(migrating.SCHEMA)))
            await store._write(_OPERATIONS.settle(create=create))
        except BaseException:
            await store.close()
            raise
        return store

    async def _read(self, operation: Script[T]) -> T:
        cursor = await self._connections.take()
        try:
            return await run(operation, cursor)
        except psycopg.Error as error:
            if cursor.connection.closed:
                await self._connections.renew()
            raise translated(error) from error
        finally:
            await self._connections.give(cursor)

    async def _write(self, operation: Script[T | None]) -> T | None:
        return await self._read(within(OWN, operation))

    async def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        step = prepared.plain
        applied = None if step is None else await self._read(_OPERATIONS.apply(prepared, step))
        return applied or await self.read(prepared)

    def inside(self, connection: Any) -> AsyncStore:
        return _AsyncJoinedPostgresStore(connection)

    async def close(self) -> None:
        await self._connections.close()


class _AsyncJoinedPostgresStore(AsyncPostgresStore):
    """The store on a host's connection, within the host's transaction."""

    def __init__(self, connection: Any) -> None:
        if not isinstance(connection, psycopg.AsyncConnection):
            raise InvalidInputError("connection", "an open psycopg.AsyncConnection", kind_of(connection))
        self._connection = connection

    async def _read(self, operation: Script[T]) -> T:
        if self._connection.closed:
            raise StoreClosedError("the connection was closed: open another one")
        try:
            check_joinable(self._connection)
            return await run(operation, AsyncRawCursor(self._connection))
        except psycopg.Error as error:
            raise translated(error) from error

    async def _write(self, operation: Script[T | None]) -> T | None:
        check_transaction(self._connection)
        return await self._read(within(JOINED, operation))

    async def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        check_transaction(self._connection)
        return await super().apply(prepared)

    async def close(self) -> None:
        """Nothing: the connection is the host's."""


async def run(operation: Script[T], cursor: AsyncRawCursor) -> T:
    """Await an operation's statements on a cursor."""
    try:
        asked = next(operation)
        while True:
            try:
                assert not isinstance(asked, Many), "SQLite's alone"
                answer = await cursor.ask(*asked)
            except BaseException as error:
                asked = operation.throw(error)
            else:
                asked = operation.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except (ArithmeticError, KeyError) as error:  # the forms in which a row that somebody has changed by hand shows
        raise StoreError("a row holds what this library never wrote; the cause says what") from error
