"""What SQLite writes in a way of its own: the engine, the statements that apply a change, and transactions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from custstatus.adapters.sql.statements import Engine, Statement, Statements

__all__ = ["SQL", "statement"]


def statement(numbered: str) -> Statement:
    """A numbered text with the driver's plain placeholders."""
    places = [int(place) - 1 for place in re.findall(r"\?(\d+)", numbered)]
    in_order = places == list(range(len(places)))
    return Statement(re.sub(r"\?\d+", "?", numbered), None if in_order else itemgetter(*places))


def _array(values: Iterable[Any]) -> str:
    return json.dumps(list(values))


_MEMBERS = "{0} IN (SELECT value FROM json_each({1}))"

_OTHERS = "{0} NOT IN (SELECT value FROM json_each({1}))"

SQL = Statements(Engine(statement, _array, among=_MEMBERS, outside=_OTHERS, among_numbers=_MEMBERS))
"""The statements of every engine."""

PLACE = statement(
    """
SELECT a.version, a.closed_at, s.status, s.label, s.since, s.entry, s.return_to,
    b.to_status, b.to_label, b.return_to
FROM custstatus_account a
JOIN custstatus_standing s ON s.org = a.org AND s.customer = a.customer AND s.lifecycle = ?3
LEFT JOIN custstatus_entry b ON b.org = s.org AND b.customer = s.customer AND b.version = s.return_to
WHERE a.org = ?1 AND a.customer = ?2
"""
)

PLACES = statement(
    """
SELECT a.customer, a.version, a.registered_at, coalesce(l.at, a.registered_at), a.closed_at, s.actor_kind,
    CASE WHEN ?4 THEN (
        SELECT max(x.since) FROM custstatus_standing x WHERE x.org = a.org AND x.customer = a.customer
    ) ELSE s.since END,
    EXISTS (
        SELECT 1 FROM custstatus_entry e
        WHERE e.org = a.org AND e.run = ?5 AND e.customer = a.customer AND e.lifecycle = ?3
    ),
    s.status, s.label, s.since, s.entry, s.return_to, b.to_status, b.to_label, b.return_to
FROM json_each(?2) w
CROSS JOIN custstatus_account a ON a.org = ?1 AND a.customer = w.value
CROSS JOIN custstatus_standing s ON s.org = a.org AND s.customer = a.customer AND s.lifecycle = ?3
LEFT JOIN custstatus_last_activity l ON l.org = a.org AND l.customer = a.customer
LEFT JOIN custstatus_entry b ON b.org = s.org AND b.customer = s.customer AND b.version = s.return_to
"""
)
"""The places of several customers, and the earliest time at which each may be changed; CROSS begins at the customers."""

LATEST = statement("SELECT max(since) FROM custstatus_standing WHERE org = ?1 AND customer = ?2")

MOVE_STANDING = statement(
    """
UPDATE custstatus_standing SET status = ?4, label = ?5, since = ?6, status_since = ?6,
    actor = ?7, actor_kind = ?8, entry = ?9, return_to = ?10, until = NULL
WHERE org = ?1 AND customer = ?2 AND lifecycle = ?3
"""
)

# Naming the status here would rewrite its index for nothing.
RELABEL_STANDING = statement(
    """
UPDATE custstatus_standing SET label = ?4, since = ?5,
    actor = ?6, actor_kind = ?7, entry = ?8, return_to = ?9, until = NULL
WHERE org = ?1 AND customer = ?2 AND lifecycle = ?3
"""
)

STEP_ACCOUNT = statement(
    """
UPDATE custstatus_account SET version = ?3, closed_at = ?4 WHERE org = ?1 AND customer = ?2
"""
)

RECORD = statement(
    """
INSERT INTO custstatus_activity (org, customer, kind, reference, at, amount, effect, counts)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING
"""
)

BEGIN_IMMEDIATE = Statement("BEGIN IMMEDIATE")
BEGIN = Statement("BEGIN")
COMMIT = Statement("COMMIT")
ROLLBACK = Statement("ROLLBACK")
# A name that no host gives one of its own.
SAVEPOINT = Statement("SAVEPOINT custstatus_operation")
ROLLBACK_TO = Statement("ROLLBACK TO custstatus_operation")
RELEASE = Statement("RELEASE custstatus_operation")
