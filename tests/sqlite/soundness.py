"""What a file of the SQLite store must hold whatever happened to it, read by hand beside the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import evolve
from organisation import ACME, Label

from custstatus import SQLiteStore, StatusService
from custstatus.service.service import utc_now

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
    "a standing that is not what its entry says": """
        SELECT * FROM custstatus_standing s LEFT JOIN custstatus_entry e
        ON e.org = s.org AND e.customer = s.customer AND e.version = s.entry
        WHERE e.id IS NULL OR (s.status IS NOT NULL AND (e.lifecycle, e.to_status, e.to_label, e.return_to)
        IS NOT (s.lifecycle, s.status, s.label, s.return_to))
    """,
    "an account without its standings": """
        SELECT * FROM custstatus_account LEFT JOIN custstatus_standing s USING (org, customer) WHERE s.lifecycle IS NULL
    """,
    "a standing without its account": """
        SELECT * FROM custstatus_standing LEFT JOIN custstatus_account a USING (org, customer) WHERE a.version IS NULL
    """,
    "an identifier without its entry": """
        SELECT * FROM custstatus_identifier i LEFT JOIN custstatus_entry e
        ON e.org = i.org AND e.customer = i.customer AND e.version = i.entry
        WHERE e.kind IS NULL OR e.kind NOT IN ('identifier_added', 'identifier_replaced') OR e.subject <> i.type
    """,
    "another number of identifiers than its entries say": """
        SELECT org, customer, closed_at,
            (SELECT count(*) FROM custstatus_identifier i WHERE i.org = a.org AND i.customer = a.customer) AS held,
            (SELECT count(*) FILTER (WHERE kind = 'identifier_added') - count(*) FILTER (WHERE kind = 'identifier_removed')
             FROM custstatus_entry e WHERE e.org = a.org AND e.customer = a.customer) AS said
        FROM custstatus_account a WHERE held <> iif(closed_at IS NULL, said, 0)
    """,
    "a key that stands for two requests, or for a part of one": """
        SELECT org, key, count(*) AS entries FROM custstatus_entry WHERE key IS NOT NULL GROUP BY org, key
        HAVING count(DISTINCT customer) > 1 OR count(DISTINCT digest) > 1
        OR min(ordinal) <> 0 OR max(ordinal) <> count(*) - 1 OR max(version) - min(version) <> count(*) - 1
    """,
    "an activity without its account": """
        SELECT * FROM custstatus_activity LEFT JOIN custstatus_account a USING (org, customer) WHERE a.version IS NULL
    """,
    "a last activity that is not the last": """
        SELECT org, customer,
            (SELECT max(at) FROM custstatus_activity y WHERE y.org = a.org AND y.customer = a.customer AND counts) AS last,
            (SELECT at FROM custstatus_last_activity l WHERE l.org = a.org AND l.customer = a.customer) AS kept
        FROM custstatus_account a WHERE last IS NOT kept
    """,
}
"""What is wrong, and the statement that finds where."""


def rows(path: Path, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of a statement on a connection of its own: what is committed."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement, parameters).fetchall()


def everything(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that is committed, the host's too."""
    names = rows(path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return {name: sorted(rows(path, f"SELECT * FROM {name}"), key=repr) for (name,) in names}


@contextmanager
def opened(path: Path, org: str = ACME.org, clock: Callable[[], datetime] = utc_now) -> Iterator[StatusService[Label]]:
    """A service of an organisation over a store of its own on the file, closed at the end."""
    with closing(SQLiteStore(path)) as store:
        yield StatusService(store, ACME if org == ACME.org else evolve(ACME, org=org), clock=clock)


def faults_in(path: Path) -> list[str]:
    """Everything that is wrong with a file: by the engine, by hand, and by folding every history."""
    return list(_faults(path))


def _faults(path: Path) -> Iterator[str]:
    for (answer,) in rows(path, "PRAGMA integrity_check"):
        if answer != "ok":
            yield answer
    for what, statement in CHECKS.items():
        yield from (f"{what}: {row}" for row in rows(path, statement))
    for (org,) in rows(path, "SELECT DISTINCT org FROM custstatus_account ORDER BY org"):
        with opened(path, org) as service:
            yield from (f"{org}: {fault.customer}: {fault.what}" for fault in service.verify().faults)
