"""The PostgreSQL store: connections, transactions and the runner. What is run on them is in `operations`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from custstatus.adapters.postgres import migrating
from custstatus.adapters.postgres.connecting import (
    Connections,
    check_joinable,
    check_transaction,
    checked,
    translated,
)
from custstatus.adapters.postgres.cursors import RawCursor
from custstatus.adapters.postgres.migrating import OLDEST, check, migrate
from custstatus.adapters.postgres.operations import JOINED, OWN, PostgresOperations, within
from custstatus.adapters.postgres.statements import SQL
from custstatus.adapters.sql._made.store import SqlStore
from custstatus.adapters.sql.running import Many, Script
from custstatus.bounds import kind_of
from custstatus.errors import InvalidInputError, SchemaError, StoreClosedError, StoreError

if TYPE_CHECKING:
    from custstatus.adapters.protocol import Store
    from custstatus.gate.outcome import Applied, Snapshot
    from custstatus.gate.prepared import PreparedChange

__all__ = ["PostgresStore"]

T = TypeVar("T")

_OPERATIONS = PostgresOperations(SQL)


class PostgresStore(SqlStore):
    """
    A store in a PostgreSQL database (14 or later), shared by any number of threads, processes and machines.

    Args:
        address: Where it is, as the driver takes it: `postgresql://user@host/database`, or `host=... dbname=...`. The tables are
            named `custstatus_...`, so the host's own may stand beside them.
        create: False to open only a database whose schema is there and up to date, and to leave any other untouched.
        connections: How many at most are open at a time, from 1.
        patience: Seconds to wait for a connection, for a lock or for an answer before StoreBusyError, and two more before
            StoreError where the server gives no sign.
        prepare: False where statements cannot be prepared: behind a pool of the server's that hands out a connection anew for
            every transaction.

    Raises:
        SchemaError: The server is too old, or the database was made by a newer version of this library, or by another build of
            it.
        StoreError: The database cannot be reached.
    """

    _operations = _OPERATIONS

    def __init__(
        self,
        address: str,
        *,
        create: bool = True,
        connections: int = 8,
        patience: float = 7.0,
        prepare: bool = True,
    ) -> None:
        checked(address, connections, patience)

        self._connections = Connections(address, connections, patience, prepare)
        try:
            cursor = self._connections.take()
            version = cursor.connection.info.server_version
            self._connections.give(cursor)
            if version < OLDEST:
                raise SchemaError("PostgreSQL is too old: 14 or later is needed")
            self._write(migrate(migrating.SCHEMA)) if create else self._read(check(migrating.SCHEMA))
            self._write(_OPERATIONS.settle(create=create))
        except BaseException:
            self.close()
            raise

    def _read(self, operation: Script[T]) -> T:
        cursor = self._connections.take()
        try:
            return run(operation, cursor)
        except psycopg.Error as error:
            if cursor.connection.closed:
                self._connections.renew()
            raise translated(error) from error
        finally:
            self._connections.give(cursor)

    def _write(self, operation: Script[T | None]) -> T | None:
        return self._read(within(OWN, operation))

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        step = prepared.plain
        # One statement, and so a transaction by itself.
        applied = None if step is None else self._read(_OPERATIONS.apply(prepared, step))
        return applied or self.read(prepared)

    def inside(self, connection: Any) -> Store:
        return _JoinedPostgresStore(connection)

    def close(self) -> None:
        self._connections.close()


class _JoinedPostgresStore(PostgresStore):
    """The store on a host's connection, within the host's transaction."""

    def __init__(self, connection: Any) -> None:
        if not isinstance(connection, psycopg.Connection):
            raise InvalidInputError("connection", "an open psycopg.Connection", kind_of(connection))
        self._connection = connection

    def _read(self, operation: Script[T]) -> T:
        if self._connection.closed:
            raise StoreClosedError("the connection was closed: open another one")
        try:
            check_joinable(self._connection)
            return run(operation, RawCursor(self._connection))
        except psycopg.Error as error:
            raise translated(error) from error

    def _write(self, operation: Script[T | None]) -> T | None:
        check_transaction(self._connection)
        return self._read(within(JOINED, operation))

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        check_transaction(self._connection)
        return super().apply(prepared)

    def close(self) -> None:
        """Nothing: the connection is the host's."""


def run(operation: Script[T], cursor: RawCursor) -> T:
    """Run an operation's statements on a cursor."""
    try:
        asked = next(operation)
        while True:
            try:
                assert not isinstance(asked, Many), "SQLite's alone"
                answer = cursor.ask(*asked)
            except BaseException as error:
                asked = operation.throw(error)
            else:
                asked = operation.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    except (ArithmeticError, KeyError) as error:  # the forms in which a row that somebody has changed by hand shows
        raise StoreError("a row holds what this library never wrote; the cause says what") from error
