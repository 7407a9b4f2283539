"""Databases with tables, as new for the next test: to make one takes longer than most tests do."""

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

TABLES = f"""
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace AND relname NOT IN {LEFT}
"""

KEEP = f"""
DO $$
DECLARE
    name text;
    filled boolean;
BEGIN
    CREATE SCHEMA kept;
    FOR name IN {TABLES} LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO filled;
        IF filled THEN
            EXECUTE format('CREATE TABLE kept.%I AS TABLE %I', name, name);
        END IF;
    END LOOP;
END
$$
"""
"""Keeps a copy of what there is."""

RENEW = f"""
DO $$
DECLARE name text;
BEGIN
    FOR name IN {TABLES} LOOP
        EXECUTE format('DELETE FROM %I', name);
        IF to_regclass(format('kept.%I', name)) IS NOT NULL THEN
            EXECUTE format('INSERT INTO %I OVERRIDING SYSTEM VALUE TABLE kept.%I', name, name);
        END IF;
    END LOOP;
END
$$
"""
"""Deletes everything, and puts back what was kept."""


def prepared(address: str) -> None:
    """Make the tables, as a store does."""
    PostgresStore(address).close()


@frozen
class Lent:
    """A database, and the connection that renews it."""

    address: str
    connection: psycopg.Connection[Any]
    left: list[object]

    @classmethod
    def of(cls, address: str, stack: ExitStack) -> Lent:
        """One that has its tables, and perhaps rows that belong to it."""
        connection = stack.enter_context(psycopg.connect(address, autocommit=True))
        connection.execute("SET session_replication_role = replica")  # else the history is not deleted
        connection.execute("SET lock_timeout = '30s'")
        connection.execute(KEEP.encode())
        return cls(address, connection, _left(connection))

    def renew(self) -> None:
        """Undo all that a test has written; AssertionError where it has changed more than that."""
        while self.connection.execute(OTHERS.encode()).fetchall():
            sleep(PAUSE)
        self.connection.execute(RENEW.encode())
        assert _left(self.connection) == self.left, "not to be lent again: a test has made another database of it"


def _left(connection: psycopg.Connection[Any]) -> list[object]:
    return [connection.execute(f"SELECT * FROM {name}".encode()).fetchall() for name in LEFT]


@define(eq=False)
class Emptied:
    """Databases that are all made the same way."""

    server: Server
    make: Callable[[str], object]
    """Given the address of an empty database, or of a copy, makes it ready, rows included, and leaves no connection open."""
    template: str | None
    stack: ExitStack
    free: list[Lent] = field(factory=list, init=False)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The address of one, until the end of a test, which must leave its tables and settings as they are."""
        lent = self.free.pop() if self.free else self._another()
        yield lent.address
        lent.renew()
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
