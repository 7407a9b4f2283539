"""
How statements are asked on a connection: as the driver's cursors do, or prepared, with less in between.

On a connection of our own nobody else prepares anything or changes how values are read, so that a prepared statement is its
name and its parameters as text, handed to libpq as they are. Of a change that is asked in a tenth of a millisecond the driver's
own way, which looks up for each parameter how it is to be written, is a fifth.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
from attrs import define
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

if TYPE_CHECKING:
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


def _arranged(statement: Statement, parameters: Row) -> Row | None:
    """The parameters as the driver takes them."""
    arranged = parameters if statement.arrange is None else statement.arrange(parameters)
    return arranged or None


def _bytes(value: bytes) -> str:
    return "\\x" + value.hex()


def _truth(value: bool) -> str:
    return "t" if value else "f"


def _null(_: None) -> str:
    return ""


_WRITTEN: dict[type, Callable[[Any], str]] = {
    int: str,
    bytes: _bytes,
    bool: _truth,
    type(None): _null,
}
"""How each type of a parameter that is no text is written; the server takes its type from where it stands."""


def _written(parameters: Row) -> list[bytes | None]:
    """The parameters as text, encoded at once."""
    if not parameters:
        return []
    texts = [value if type(value) is str else _WRITTEN[type(value)](value) for value in parameters]
    written: list[bytes | None] = [*"\0".join(texts).encode().split(b"\0")]
    if len(written) != len(texts):  # libpq would end the text there
        raise psycopg.DataError("a text holds a NUL character, which PostgreSQL does not store")
    if None in parameters:
        for place, value in enumerate(parameters):
            if value is None:
                written[place] = None
    return written


class _Prepared:
    """The statements that one connection has prepared, each with what reads its rows."""

    def __init__(self, pgconn: PGconn, loading: Callable[[], Transformer]) -> None:
        self._pgconn = pgconn
        self._loading = loading
        self._known: dict[str, _Known] = {}
        self._numbers = count()

    def asking(self, statement: Statement, parameters: Row) -> PQGen[list[Row]]:
        """What the driver waits for, until there are the rows that a statement answers."""
        text, arrange, sized = statement
        pgconn, written = self._pgconn, _written(parameters if arrange is None else arrange(parameters))
        known = self._known.get(text)
        if sized:
            known = _Known(b"", self._loading())
            pgconn.send_query_params(text.encode(), written)
        else:
            if known is None:
                # Another one each time: one that was interrupted may have prepared it without having seen that.
                name = b"custstatus_%d" % next(self._numbers)
                pgconn.send_prepare(name, text.encode())
                _check((yield from generators.execute(pgconn)))
                known = self._known[text] = _Known(name, self._loading())
            pgconn.send_query_prepared(known.name, written)
        results = yield from generators.execute(pgconn)
        result = results[-1]
        if result.status != ExecStatus.TUPLES_OK:
            _check(results)
        # The columns are those of the first time: a statement whose columns change is an error of the server.
        known.transformer.set_pgresult(result, set_loaders=not known.read)
        known.read = True
        return known.transformer.load_rows(0, result.ntuples, tuple)


@define
class _Known:
    """A prepared statement, and what reads its rows, by how it read the first."""

    name: bytes
    transformer: Transformer
    read: bool = False


def _check(results: list[PGresult]) -> None:
    """The driver's error where a statement failed; a server that goes down may answer more than once."""
    for result in results:
        if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise error_from_result(result)


class PreparedCursor(RawCursor):
    """A cursor on a connection of our own, which prepares whatever it asks."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection)
        self._prepared = _Prepared(connection.pgconn, partial(Loading, self))

    def ask(self, statement: Statement, parameters: Row) -> list[Row]:
        return self.connection.wait(self._prepared.asking(statement, parameters))


class AsyncPreparedCursor(AsyncRawCursor):
    """The same, awaited."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        super().__init__(connection)
        self._prepared = _Prepared(connection.pgconn, partial(Loading, self))

    async def ask(self, statement: Statement, parameters: Row) -> list[Row]:
        return await self.connection.wait(self._prepared.asking(statement, parameters))
