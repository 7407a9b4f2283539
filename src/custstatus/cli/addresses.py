"""Databases as they are named on the command line: a SQLite file, or an address of PostgreSQL, whose password is not repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import typer

from custstatus import CuststatusError, SQLiteStore
from custstatus.adapters import Store
from custstatus.cli.errors import CommandError

__all__ = ["ADDRESSES", "Database", "driver", "is_postgres", "shown", "stored", "telling"]

ADDRESSES = "postgresql://user@host/database, 'host=... dbname=...' in quotes, or the path of a SQLite file"

Database = Annotated[str, typer.Option("--db", help=f"The database: {ADDRESSES}.", show_default=False)]

_NO_DRIVER = "PostgreSQL needs the extra of that name: pip install 'custstatus[postgres]'"
_NO_LIBPQ = "psycopg finds no libpq on this machine: pip install 'psycopg[binary]'"
_UNTOLD = (
    "what the driver says is left out, for it may repeat a part of the password; are its characters percent-encoded?"
)


def is_postgres(address: str) -> bool:
    """
    Whether an address is one of PostgreSQL, rather than the path of a file.

    Raises:
        CommandError: It is one of another form, SQLAlchemy's, say.
    """
    if re.match(r"postgres(ql)?://|\s*\w+\s*=", address):
        return True
    if re.match(r"[\w+]+://|[^/]*:[^/]*@", address):
        raise CommandError(f"that is no address that can be used: {ADDRESSES}", code=2)
    return False


def shown(address: str) -> str:
    """What a database is called in a message: a file by its path, an address not at all."""
    return "the database" if is_postgres(address) else address


@contextmanager
def stored(address: str) -> Iterator[Store]:
    """
    The store of an address, which is found, never made; closed at the end.

    Raises:
        CommandError: It cannot be opened, or what was done with it failed.
    """
    with telling(address):
        if not is_postgres(address):
            with SQLiteStore(Path(address), create=False) as file:
                yield file
            return
        with driver():
            from custstatus.adapters.postgres import PostgresStore
        with PostgresStore(address, create=False) as server:
            yield server


@contextmanager
def driver() -> Iterator[None]:
    """Where the driver is imported: an extra."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "psycopg":
            raise CommandError(_NO_DRIVER) from None
        if "pq wrapper" in str(error):
            raise CommandError(_NO_LIBPQ) from None
        raise


@contextmanager
def telling(address: str | None) -> Iterator[None]:
    """Errors with their cause, but without what may be the address's password."""
    try:
        yield
    except CuststatusError as error:
        cause = "" if error.__cause__ is None else str(error.__cause__)
        if any(secret in cause for secret in _secrets(address or "")):
            cause = _UNTOLD
        raise CommandError(f"{error} ({cause})" if cause else str(error)) from None


def _secrets(address: str) -> set[str]:
    """The words that an address's password is made of, be it written rightly or not."""
    found = re.findall(r"password\s*=\s*('(?:[^'\\]|\\.)*'?|.*?(?=\s+\w+\s*=|&|$))", address, re.IGNORECASE)
    _, url, rest = address.partition("://")
    if url:
        user, at, _ = rest.rpartition("@")
        # Without a host it may have been taken for the port.
        found.append((user if at else re.sub(r":\d+(?=/|$)", "", rest)).partition(":")[2])
    whole = [*found, *map(unquote, found)]
    return {word for text in whole for word in re.split(r"[\s'\"@/:?#&=\\%\[\],]+", text) if word}
