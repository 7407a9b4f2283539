"""
How statements are asked on a connection: as the driver's cursors do, or prepared, with less in between.

On a connection of our own nobody else prepares anything or changes how values are read, so that a prepared statement is its
name and its parameters as text, handed to libpq as they are. Of a change that is asked in a tenth of a millisecond the driver's
own way, which looks up for each parameter how it is to be written, is a fifth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import psycopg
from psycopg import generators
from psycopg.abc import PQGen, Transformer
from psycopg.adapt import AdaptersMap
from psycopg.adapt import Transformer as Loading
from psycopg.errors import error_from_result
from psycopg.postgres import register_default_adapters
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import tuple_row
from psycopg.types.numeric import Int8Dumper

from custstatus.adapters.sql.statements import Statement

__all__ = ["AsyncPreparedCursor", "AsyncRawCursor", "PreparedCursor", "RawCursor"]

Row = tuple[Any, ...]

ADAPTERS = AdaptersMap(types=psycopg.adapters.types)
"""The driver's own, whatever a host has registered for its connections or for all of them."""
register_default_adapters(ADAPTERS)
# By default the driver's type of a number depends on its size, and a text would be prepared anew for each.
ADAPTERS.register_dumper(int, Int8Dumper)


class RawCursor(psycopg.RawCursor[Row]):
    """A cursor with adapters of our own, on any connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection, row_factory=tuple_row)

    @property
    def adapters(self) -> AdaptersMap:
        """The driver's own."""
        return ADAPTERS

    def ask(self, statement: Statement, parameters: Row) -> list[Row]:
        """The rows that a statement answers; none where it answers none."""
        self.execute(statement.text, _arranged(statement, parameters), prepare=False if statement.sized else None)
        # Asked for less directly, the driver would describe every column first.
        return [] if self.rownumber is None else self.fetchall()

    def ask_many(self, statement: Statement, rows: Iterable[Row]) -> int:
        """How many rows a statement writes over many rows of parameters."""
        self.executemany(statement.text, rows)
        return self.rowcount


class AsyncRawCursor(psycopg.AsyncRawCursor[Row]):
    """The same, awaited."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        super().__init__(connection, row_factory=tuple_row)

    @property
    def adapters(self) -> AdaptersMap:
        """The driver's own."""
        return ADAPTERS

    async def ask(self, statement: Statement, parameters: Row) -> list[Row]:
        """As `RawCursor.ask`."""
        await self.execute(statement.text, _arranged(statement, parameters), prepare=False if statement.sized else None)
        return [] if self.rownumber is None else await self.fetchall()

    async def ask_many(self, statement: Statement, rows: Iterable[Row]) -> int:
        """As `RawCursor.ask_many`."""
        await self.executemany(statement.text, rows)
        return self.rowcount


def _arranged(statement: Statement, parameters: Row) -> Row | None:
    """The parameters as the driver takes them."""
    arranged = parameters if statement.arrange is None else statement.arrange(parameters)
    return arranged or None


def _number(value: int) -> bytes:
    return b"%d" % value


def _bytes(value: bytes) -> bytes:
    return b"\\x" + value.hex().encode()


def _truth(value: bool) -> bytes:
    return b"t" if value else b"f"


def _null(_: None) -> None:
    return None


_WRITTEN: dict[type, Callable[[Any], bytes | None]] = {
    str: str.encode,
    int: _number,
    bytes: _bytes,
    bool: _truth,
    type(None): _null,
}
"""How each type of a parameter is written; the server takes its type from where it stands."""


def _written(parameters: Row) -> list[bytes | None]:
    """The parameters as text."""
    written = [value.encode() if type(value) is str else _WRITTEN[type(value)](value) for value in parameters]
    if b"\0" in b"".join([value for value in written if value]):  # where libpq would end it
        raise psycopg.DataError("a text holds a NUL character, which PostgreSQL does not store")
    return written


class _Prepared:
    """The statements that one connection has prepared."""

    def __init__(self, pgconn: PGconn, transformer: Transformer) -> None:
        self._pgconn = pgconn
        self._transformer = transformer
        self._names: dict[str, bytes] = {}
        self._numbers = count()

    def asking(self, statement: Statement, parameters: Row) -> PQGen[list[Row]]:
        """What the driver waits for, until there are the rows that a statement answers."""
        text, arrange, sized = statement
        pgconn, written = self._pgconn, _written(parameters if arrange is None else arrange(parameters))
        if sized:
            pgconn.send_query_params(text.encode(), written)
        else:
            name = self._names.get(text)
            if name is None:
                # Another one each time: whoever was interrupted may have prepared it without having seen that.
                name = b"custstatus_%d" % next(self._numbers)
                pgconn.send_prepare(name, text.encode())
                _checked((yield from generators.execute(pgconn)))
                self._names[text] = name
            pgconn.send_query_prepared(name, written)
        result = _checked((yield from generators.execute(pgconn)))
        rows = result.ntuples
        if not rows:
            return []
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, rows, tuple)


_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


def _checked(results: list[PGresult]) -> PGresult:
    """The result of a statement; the driver's error where it failed."""
    for result in results:
        if result.status not in _DONE:
            raise error_from_result(result)
    return results[-1]


class PreparedCursor(RawCursor):
    """A cursor on a connection of our own, which prepares whatever it asks."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection)
        self._prepared = _Prepared(connection.pgconn, Loading(self))

    def ask(self, statement: Statement, parameters: Row) -> list[Row]:
        return self.connection.wait(self._prepared.asking(statement, parameters))


class AsyncPreparedCursor(AsyncRawCursor):
    """The same, awaited."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        super().__init__(connection)
        self._prepared = _Prepared(connection.pgconn, Loading(self))

    async def ask(self, statement: Statement, parameters: Row) -> list[Row]:
        return await self.connection.wait(self._prepared.asking(statement, parameters))
