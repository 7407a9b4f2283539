"""What a database of the PostgreSQL store must hold whatever happened to it, read by hand beside the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from time import sleep
from typing import Any

import psycopg
from attrs import evolve
from organisation import ACME, Label

from custstatus import StatusService
from custstatus.adapters.postgres import PostgresStore
from custstatus.service.service import utc_now

PAUSE = 0.002
"""Seconds between two looks at what is soon so: who looks without a pause keeps a processor from those that he waits for."""

_ENTRY = "custstatus_entry e USING (org, customer, version)"

CHECKS = {
    "a text without its entry": f"SELECT * FROM custstatus_text LEFT JOIN {_ENTRY} WHERE e.id IS NULL",
    # In these tests whoever writes an entry has a name or a reason.
    "an entry without its text": """
        SELECT * FROM custstatus_entry LEFT JOIN custstatus_text t USING (org, customer, version)
        WHERE coalesce(t.reason, t.actor_name) IS NULL AND NOT (channel = 'sweep' AND reason_code = 'idle')
    """,
    "an entry without its account": """
        SELECT * FROM custstatus_entry LEFT JOIN custstatus_account a USING (org, customer) WHERE a.version IS NULL
    """,
    "versions with a gap": """
        SELECT org, customer, a.version, min(e.version), max(e.version), count(e.id)
        FROM custstatus_account a LEFT JOIN custstatus_entry e USING (org, customer) GROUP BY org, customer, a.version
        HAVING min(e.version) IS DISTINCT FROM 1 OR max(e.version) <> a.version OR count(e.id) <> a.version
    """,
    "a standing that is not what its entry says": """
        SELECT * FROM custstatus_standing s LEFT JOIN custstatus_entry e
        ON e.org = s.org AND e.customer = s.customer AND e.version = s.entry
        WHERE e.id IS NULL OR (s.status IS NOT NULL AND (e.lifecycle, e.to_status, e.to_label, e.return_to)
        IS DISTINCT FROM (s.lifecycle, s.status, s.label, s.return_to))
    """,
    "an account without its standings": """
        SELECT * FROM custstatus_account LEFT JOIN custstatus_standing s USING (org, customer) WHERE s.lifecycle IS NULL
    """,
    "a standing without its account": """
        SELECT * FROM custstatus_standing LEFT JOIN custstatus_account a USING (org, customer) WHERE a.version IS NULL
    """,
    "an account without the row that its last activity will have": """
        SELECT * FROM custstatus_account a LEFT JOIN custstatus_last_activity l USING (org, customer) WHERE l.org IS NULL
    """,
    "an identifier without its entry": """
        SELECT * FROM custstatus_identifier i LEFT JOIN custstatus_entry e
        ON e.org = i.org AND e.customer = i.customer AND e.version = i.entry
        WHERE e.kind IS NULL OR e.kind NOT IN ('identifier_added', 'identifier_replaced') OR e.subject <> i.type
    """,
    "another number of identifiers than its entries say": """
        SELECT * FROM (SELECT org, customer, closed_at,
            (SELECT count(*) FROM custstatus_identifier i WHERE i.org = a.org AND i.customer = a.customer) AS held,
            (SELECT count(*) FILTER (WHERE kind = 'identifier_added') - count(*) FILTER (WHERE kind = 'identifier_removed')
             FROM custstatus_entry e WHERE e.org = a.org AND e.customer = a.customer) AS said
        FROM custstatus_account a) x WHERE held <> CASE WHEN closed_at IS NULL THEN said ELSE 0 END
    """,
    "a key that stands for two requests, or for a part of one": """
        SELECT org, key, count(*) AS entries FROM custstatus_entry WHERE key IS NOT NULL GROUP BY org, key
        HAVING count(DISTINCT customer) > 1 OR count(DISTINCT digest) > 1
        OR min(ordinal) <> 0 OR max(ordinal) <> count(*) - 1 OR max(version) - min(version) <> count(*) - 1
    """,
    "an entry after the one that closed the account": """
        SELECT e.* FROM custstatus_entry e JOIN custstatus_entry c USING (org, customer)
        WHERE c.closes = 1 AND e.version > c.version
    """,
    "an activity without its account": """
        SELECT * FROM custstatus_activity LEFT JOIN custstatus_account a USING (org, customer) WHERE a.version IS NULL
    """,
    "a last activity that is not the last": """
        SELECT * FROM (SELECT org, customer, (
            SELECT max(at) FROM custstatus_activity y WHERE y.org = a.org AND y.customer = a.customer AND counts = 1
        ) AS last, (
            SELECT at FROM custstatus_last_activity l WHERE l.org = a.org AND l.customer = a.customer
        ) AS kept FROM custstatus_account a) x WHERE last IS DISTINCT FROM kept
    """,
}
"""What is wrong, and the statement that finds where."""


def rows(address: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of a statement on a connection of its own, which commits: what is committed."""
    with psycopg.connect(address) as connection:
        return _rows(connection, statement, *parameters)


def _rows(connection: psycopg.Connection[Any], statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    cursor = connection.execute(statement.encode(), parameters or None)
    return cursor.fetchall() if cursor.description else []


def soon_none(address: str, statement: str) -> bool:
    """Whether a statement finds nothing any more, of what a server notices in a moment."""
    with psycopg.connect(address, autocommit=True) as connection:
        for _ in range(5_000):
            if not _rows(connection, statement):
                return True
            sleep(PAUSE)
    return False


def everything(address: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that is committed, the host's too."""
    with psycopg.connect(address, autocommit=True) as connection:  # each statement sees what is committed by then
        names = _rows(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return {name: sorted(_rows(connection, f"SELECT * FROM {name}"), key=repr) for (name,) in names}


@contextmanager
def opened(
    address: str, org: str = ACME.org, clock: Callable[[], datetime] = utc_now, **options: Any
) -> Iterator[StatusService[Label]]:
    """A service of an organisation over a store of its own on the database, closed at the end."""
    with PostgresStore(address, **options) as store:
        yield StatusService(store, ACME if org == ACME.org else evolve(ACME, org=org), clock=clock)


@contextmanager
def taking(store: PostgresStore) -> Iterator[Any]:
    """A cursor on one of a store's own connections, given back at the end."""
    cursor = store._connections.take()
    try:
        yield cursor
    finally:
        store._connections.give(cursor)


def faults_in(address: str) -> list[str]:
    """Everything that is wrong with a database: by hand, and by folding every history."""
    return list(_faults(address))


def _faults(address: str) -> Iterator[str]:
    with psycopg.connect(address, autocommit=True) as connection:
        for what, statement in CHECKS.items():
            yield from (f"{what}: {row}" for row in _rows(connection, statement))
        orgs = _rows(connection, "SELECT DISTINCT org FROM custstatus_account ORDER BY org")
    for (org,) in orgs:
        with opened(address, org) as service:
            yield from (f"{org}: {fault.customer}: {fault.what}" for fault in service.verify().faults)
