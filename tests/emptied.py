"""Databases with tables and nothing in them, emptied for the next test: to make one takes longer than most tests do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import sleep
from typing import Any

import psycopg
from attrs import define, field, frozen
from servers import Server

from custstatus.adapters.postgres import PostgresStore

__all__ = ["Emptied", "emptying", "prepared"]

LEFT = "custstatus_schema", "custstatus_feed"
"""The tables that say which database it is; no use of a store changes them."""

OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
"""Ends every other session; those that are still about to end are among its rows."""

PAUSE = 0.002
"""Seconds between two looks at those."""

EMPTY = f"""
DO $$
DECLARE name text;
BEGIN
    FOR name IN
        SELECT oid::regclass FROM pg_class
        WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
        AND relname NOT IN {LEFT}
    LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
END
$$
"""


def prepared(address: str) -> None:
    """Make the tables, as a store does."""
    PostgresStore(address).close()


@frozen
class Lent:
    """A database, and the connection that empties it."""

    address: str
    connection: psycopg.Connection[Any]
    left: list[object]

    @classmethod
    def of(cls, address: str, stack: ExitStack) -> Lent:
        """One that has its tables."""
        connection = stack.enter_context(psycopg.connect(address, autocommit=True))
        connection.execute("SET session_replication_role = replica")  # else the history is not deleted
        connection.execute("SET lock_timeout = '30s'")
        return cls(address, connection, _left(connection))

    def empty(self) -> None:
        """Delete all that a test has written; AssertionError where it has changed more than that."""
        while self.connection.execute(OTHERS.encode()).fetchall():
            sleep(PAUSE)
        self.connection.execute(EMPTY.encode())
        assert _left(self.connection) == self.left, "not to be lent again: a test has made another database of it"


def _left(connection: psycopg.Connection[Any]) -> list[object]:
    return [connection.execute(f"SELECT * FROM {name}".encode()).fetchall() for name in LEFT]


@define(eq=False)
class Emptied:
    """Databases that are all made the same way."""

    server: Server
    make: Callable[[str], object]
    """Given the address of an empty database, or of a copy, makes it ready, and leaves no connection open."""
    template: str | None
    stack: ExitStack
    free: list[Lent] = field(factory=list, init=False)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The address of one, until the end of a test, which must leave its tables and settings as they are."""
        lent = self.free.pop() if self.free else self._another()
        yield lent.address
        lent.empty()
        self.free.append(lent)

    def _another(self) -> Lent:
        name = self.server.make("emptied", self.template)
        self.stack.callback(self._drop, name)
        address = self.server.at(name)
        self.make(address)
        return Lent.of(address, self.stack)

    def _drop(self, name: str) -> None:
        if self.server.running:
            self.server.drop(name)


@contextmanager
def emptying(
    server: Server, make: Callable[[str], object] = prepared, template: str | None = None
) -> Iterator[Emptied]:
    """Databases of a server, empty at first or copies of a template, and dropped at the end."""
    with ExitStack() as stack:
        yield Emptied(server, make, template, stack)
