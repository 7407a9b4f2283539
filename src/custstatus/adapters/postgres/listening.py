"""
Hints that there may be something new in the feed, for those who do not want to wait until they ask again.

Off unless it is asked for: a notification takes a lock of the whole database until its transaction is committed, and so
changes are committed one after the other. Nothing depends on a hint; who only asks again and again misses nothing.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, Self

import psycopg
from psycopg import errors

from custstatus.adapters.postgres.connecting import GRACE, Connection, arguments, checked, translated, unreached
from custstatus.bounds import check_id, kind_of
from custstatus.errors import InvalidInputError, SchemaError, StoreBusyError, StoreClosedError, StoreError

__all__ = ["AsyncListener", "Listener", "hints"]

_LISTEN = "SET idle_session_timeout = 0; LISTEN custstatus"

_STATE = b"""
SELECT to_regclass('custstatus_entry') IS NOT NULL, EXISTS (
    SELECT FROM pg_trigger WHERE tgrelid = to_regclass('custstatus_entry') AND tgname = 'custstatus_entry_is_hinted'
)
"""

_ON = b"""
LOCK TABLE custstatus_entry IN SHARE ROW EXCLUSIVE MODE;

CREATE OR REPLACE FUNCTION custstatus_hint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('custstatus', org) FROM (SELECT DISTINCT org FROM added) AS orgs;
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER custstatus_entry_is_hinted AFTER INSERT ON custstatus_entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION custstatus_hint()
"""
"""Once a statement for each organisation: a change in bulk hints once."""

_OFF = b"""
LOCK TABLE custstatus_entry IN ACCESS EXCLUSIVE MODE;

DROP TRIGGER IF EXISTS custstatus_entry_is_hinted ON custstatus_entry;

DROP FUNCTION IF EXISTS custstatus_hint()
"""

_ATTEMPT = b"SET LOCAL lock_timeout = '500ms'"
"""How long others may queue behind an attempt to lock the history."""
_PAUSE = b"SELECT pg_sleep(0.2)"


def hints(address: str, *, on: bool = True, patience: float = 7.0) -> None:
    """
    Have a database notify listeners of what is committed, or no longer; as it is already, nothing is done.

    Args:
        address: Where it is, as `PostgresStore` takes it, for the role that owns the tables.
        on: Whether it is to notify.
        patience: Seconds to try while others hold the history.

    Raises:
        SchemaError: There are no tables of ours.
        StoreBusyError: Others held the history for longer than that.
        StoreError: The database cannot be reached, or the role may not.
    """
    checked(address, 1, patience)
    with _connect(address, patience, "SET statement_timeout = 0") as connection:
        deadline = monotonic() + patience
        while True:
            try:
                _switch(connection, on)
                return
            except errors.LockNotAvailable as error:
                if monotonic() > deadline:
                    raise StoreBusyError("others held the history for too long: nothing was changed") from error
                connection.execute(_PAUSE)
            except psycopg.Error as error:
                raise translated(error) from error


def _switch(connection: psycopg.Connection[tuple[Any, ...]], on: bool) -> None:
    ((there, notifies),) = connection.execute(_STATE).fetchall()
    if not there:
        raise SchemaError("a database without the tables of custstatus: `custstatus db init` makes them")
    if notifies is not on:
        with connection.transaction():
            connection.execute(_ATTEMPT)
            connection.execute(_ON if on else _OFF)


def _connect(address: str, patience: float, settings: str) -> Connection:
    try:
        connection = Connection.connect(address, **arguments(patience, prepare=False))
        connection.patience = patience
        try:
            connection.execute(settings.encode())
        except BaseException:
            connection.close()
            raise
    except psycopg.Error as error:
        raise unreached(error) from error
    return connection


class _Hearing:
    """Base of Listener and AsyncListener."""

    def __init__(self, address: str, org: str | None = None, *, patience: float = 7.0) -> None:
        checked(address, 1, patience)
        self._address = address
        self._org = None if org is None else check_id("org", org)
        self._patience = patience
        self._closed = False

    def _until(self, timeout: float) -> float:
        if not isinstance(timeout, int | float) or not 0 <= timeout <= 86_400:
            raise InvalidInputError("timeout", "seconds, up to a day's", kind_of(timeout))
        if self._closed:
            raise StoreClosedError("the listener was closed: make another one")
        return monotonic() + timeout

    def _lost(self) -> StoreError:
        return StoreError("the connection was lost: wait again to connect anew")


class Listener(_Hearing):
    """
    Waits for hints, on a connection of its own; for one thread, with `with`.

    ```python
    with Listener(address, "acme") as listener:
        while True:
            listener.wait(30)                               # or at the latest then
            ...                                             # read the feed until a page is empty
    ```

    Args:
        address: Where the database is, as `PostgresStore` takes it; not behind a pool that hands out connections by transaction.
        org: The organisation whose entries matter; None for all.
        patience: Seconds to wait for a connection and for an answer, before StoreError.
    """

    _connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, timeout: float) -> bool:
        """
        Whether there may be something new: True as soon as a hint comes, False where none came in so many seconds.

        The first one, and the first after a lost connection, connects and answers True: hints sent before were not heard.
        What a hint is about is committed, but the feed may still hold it back: ask again after a False, too.

        Raises:
            StoreError: The database cannot be reached, or the connection was lost.
            StoreClosedError: After `close`.
        """
        deadline = self._until(timeout)
        if self._connection is None:
            self._connection = _connect(self._address, self._patience, _LISTEN)
            return True
        try:
            while True:
                heard = self._connection.notifies(timeout=max(0.0, deadline - monotonic()), stop_after=1)
                told = [each.payload for each in heard]
                if told and self._org in (None, *told):
                    return True
                if monotonic() >= deadline:
                    return False
        except psycopg.Error as error:
            self._forget()
            raise self._lost() from error

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Close the connection."""
        self._closed = True
        self._forget()


class AsyncListener(_Hearing):
    """The same, awaited, on one event loop and for one task, with `async with`; arguments and errors are those of `Listener`."""

    _connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def wait(self, timeout: float) -> bool:
        """As `Listener.wait`."""
        deadline = self._until(timeout)
        if self._connection is None:
            self._connection = await self._connect()
            return True
        try:
            while True:
                heard = self._connection.notifies(timeout=max(0.0, deadline - monotonic()), stop_after=1)
                told = [each.payload async for each in heard]
                if told and self._org in (None, *told):
                    return True
                if monotonic() >= deadline:
                    return False
        except psycopg.Error as error:
            await self._forget()
            raise self._lost() from error

    async def _connect(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        try:
            connection = await psycopg.AsyncConnection.connect(
                self._address, **arguments(self._patience, prepare=False)
            )
            try:
                await asyncio.wait_for(connection.execute(_LISTEN.encode()), self._patience + GRACE)
            except BaseException:
                await connection.close()
                raise
        except TimeoutError as error:
            raise self._lost() from error
        except psycopg.Error as error:
            raise unreached(error) from error
        return connection

    async def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def close(self) -> None:
        """Close the connection."""
        self._closed = True
        await self._forget()
