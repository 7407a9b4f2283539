"""
Every SQL statement of the SQLite store.

Their parameters are numbered here, so that one can be used twice; the driver takes them one by one (`Statement`).

A set in a parameter is one text: its members between unit separators (`rows.packed`), which no status or label can hold;
unset is the empty member.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import itemgetter
from typing import Any, NamedTuple


class Statement(NamedTuple):
    """A text with plain placeholders, and what puts the numbered parameters in their order; None where they are in it."""

    text: str
    arrange: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None = None


def _statement(numbered: str) -> Statement:
    places = [int(place) - 1 for place in re.findall(r"\?(\d+)", numbered)]
    in_order = places == list(range(len(places)))
    return Statement(re.sub(r"\?\d+", "?", numbered), None if in_order else itemgetter(*places))


_ENTRY_COLUMNS = (
    "org, customer, version, kind, lifecycle, from_status, from_label, to_status, to_label, effective_at, recorded_at, "
    "actor, actor_kind, wish, channel, config, reason_code, reason_digest, subject, key, ordinal, digest, back_to, "
    "closes, run, related, approval"
)
_ENTRY_SELECT = ", ".join(f"e.{name}" for name in _ENTRY_COLUMNS.split(", "))

_STANDING_COLUMNS = (
    "org, customer, lifecycle, status, label, since, status_since, actor, actor_kind, entry, back_to, until"
)
_STANDING_SELECT = (
    "s.lifecycle, s.status, s.label, s.since, s.status_since, s.actor, s.actor_kind, s.entry, s.back_to, s.until"
)

_ACTIVITY_COLUMNS = "customer, kind, reference, at, amount, effect, counts"

LOAD = _statement(
    f"""
SELECT a.version, a.registered_at, a.closed_at, {_STANDING_SELECT}
FROM custstatus_account a LEFT JOIN custstatus_standing s ON s.org = a.org AND s.customer = a.customer
WHERE a.org = ?1 AND a.customer = ?2 ORDER BY s.lifecycle
"""
)

_ENTRIES = f"""
SELECT e.id, {_ENTRY_SELECT}, t.reason, t.actor_name
FROM custstatus_entry e
LEFT JOIN custstatus_text t ON t.org = e.org AND t.customer = e.customer AND t.version = e.version
"""

PRIOR = _statement(_ENTRIES + "WHERE e.org = ?1 AND e.key = ?2 ORDER BY e.ordinal")

BEHIND = _statement(
    _ENTRIES
    + "WHERE e.org = ?1 AND e.customer = ?2 AND e.version IN (SELECT value FROM json_each(?3)) ORDER BY e.version"
)

HOLDERS = _statement(
    """
SELECT token, customer FROM custstatus_identifier WHERE org = ?1 AND token IN (SELECT value FROM json_each(?2))
"""
)

LAST_ACTIVITY = _statement("SELECT at FROM custstatus_last_activity WHERE org = ?1 AND customer = ?2")

PLACE = _statement(
    """
SELECT a.version, a.registered_at, a.closed_at, s.status, s.label, s.since, s.entry, s.back_to,
    b.to_status, b.to_label, b.back_to
FROM custstatus_account a
JOIN custstatus_standing s ON s.org = a.org AND s.customer = a.customer AND s.lifecycle = ?3
LEFT JOIN custstatus_entry b ON b.org = s.org AND b.customer = s.customer AND b.version = s.back_to
WHERE a.org = ?1 AND a.customer = ?2
"""
)

LATEST = _statement("SELECT max(since) FROM custstatus_standing WHERE org = ?1 AND customer = ?2")

MOVE_STANDING = _statement(
    """
UPDATE custstatus_standing SET status = ?4, label = ?5, since = ?6, status_since = ?6,
    actor = ?7, actor_kind = ?8, entry = ?9, back_to = ?10, until = NULL
WHERE org = ?1 AND customer = ?2 AND lifecycle = ?3
"""
)

# Naming the status here would rewrite its index for nothing.
RELABEL_STANDING = _statement(
    """
UPDATE custstatus_standing SET label = ?4, since = ?5,
    actor = ?6, actor_kind = ?7, entry = ?8, back_to = ?9, until = NULL
WHERE org = ?1 AND customer = ?2 AND lifecycle = ?3
"""
)

STEP_ACCOUNT = _statement(
    """
UPDATE custstatus_account SET version = ?3, closed_at = ?4 WHERE org = ?1 AND customer = ?2
"""
)

ADVANCE_ACCOUNT = _statement(
    """
UPDATE custstatus_account SET version = ?3, closed_at = coalesce(closed_at, ?4)
WHERE org = ?1 AND customer = ?2 AND version = ?5 RETURNING registered_at
"""
)

OPEN_ACCOUNT = _statement(
    """
INSERT INTO custstatus_account (org, customer, version, closed_at, registered_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT DO NOTHING RETURNING registered_at
"""
)

APPEND_ENTRY = _statement(
    f"""
INSERT INTO custstatus_entry ({_ENTRY_COLUMNS})
VALUES ({", ".join(f"?{place}" for place in range(1, 28))})
"""
)

APPEND_ENTRY_ONCE = Statement(
    APPEND_ENTRY.text + "ON CONFLICT (org, key, ordinal) WHERE key IS NOT NULL DO NOTHING RETURNING id"
)

KEEP_TEXT = _statement(
    """
INSERT INTO custstatus_text (org, customer, version, reason, actor_name) VALUES (?1, ?2, ?3, ?4, ?5)
"""
)

PUT_STANDING = _statement(
    f"""
INSERT OR REPLACE INTO custstatus_standing ({_STANDING_COLUMNS})
VALUES ({", ".join(f"?{place}" for place in range(1, 13))})
"""
)

HOLD_IDENTIFIER = _statement(
    """
INSERT INTO custstatus_identifier (org, token, type, customer, since, entry) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT DO NOTHING RETURNING token
"""
)

RELEASE_IDENTIFIER = _statement(
    """
DELETE FROM custstatus_identifier WHERE org = ?1 AND token = ?2 AND customer = ?3 RETURNING token
"""
)

RELEASE_ALL = _statement("DELETE FROM custstatus_identifier WHERE org = ?1 AND customer = ?2")

FIND = _statement("SELECT customer FROM custstatus_identifier WHERE org = ?1 AND token = ?2")

HELD = _statement(
    """
SELECT type, token, since FROM custstatus_identifier WHERE org = ?1 AND customer = ?2 ORDER BY type, entry
"""
)

_LOG_FILTERS = """
    AND (?3 IS NULL OR e.lifecycle = ?3) AND (?4 IS NULL OR e.to_status = ?4) AND (?5 IS NULL OR e.actor = ?5)
    AND (?6 IS NULL OR e.recorded_at >= ?6) AND (?7 IS NULL OR e.recorded_at < ?7)
"""

LOG = {
    # (of one customer, newest first): the cursor is a version within a customer, else an id
    (True, False): _statement(
        _ENTRIES
        + "WHERE e.org = ?1 AND e.customer = ?2 AND e.version > coalesce(?8, 0)"
        + _LOG_FILTERS
        + "ORDER BY e.version LIMIT ?9"
    ),
    (True, True): _statement(
        _ENTRIES
        + "WHERE e.org = ?1 AND e.customer = ?2 AND e.version < coalesce(?8, 9223372036854775807)"
        + _LOG_FILTERS
        + "ORDER BY e.version DESC LIMIT ?9"
    ),
    (False, False): _statement(
        _ENTRIES
        + "WHERE e.org = ?1 AND ?2 IS NULL AND e.id > coalesce(?8, 0)"
        + _LOG_FILTERS
        + "ORDER BY e.id LIMIT ?9"
    ),
    (False, True): _statement(
        _ENTRIES
        + "WHERE e.org = ?1 AND ?2 IS NULL AND e.id < coalesce(?8, 9223372036854775807)"
        + _LOG_FILTERS
        + "ORDER BY e.id DESC LIMIT ?9"
    ),
}

_LISTED = f"""
SELECT s.customer, {_STANDING_SELECT}, a.registered_at, l.at
FROM custstatus_standing s
JOIN custstatus_account a ON a.org = s.org AND a.customer = s.customer
LEFT JOIN custstatus_last_activity l ON l.org = s.org AND l.customer = s.customer
"""

_LISTED_REST = """
    AND (?6 IS NULL OR s.status IS NULL OR NOT instr(?6, ?10 || s.status || ?10))
    AND (?7 IS NULL OR instr(?7, ?10 || coalesce(s.label, s.status) || ?10))
    AND (?8 IS NULL OR coalesce(l.at, a.registered_at) < ?8)
    AND s.customer > ?9
ORDER BY s.customer LIMIT ?11
"""

CUSTOMERS = {
    # one status: its index is in the order of customers; one label: likewise; else all of the organisation in that order
    "status": _statement(
        _LISTED + "WHERE s.org = ?1 AND s.lifecycle = ?2 AND s.status = ?3 AND ?4 IS NULL AND ?5 IS NULL" + _LISTED_REST
    ),
    "label": _statement(
        _LISTED
        + "WHERE s.org = ?1 AND s.lifecycle = ?2 AND s.label = ?4 AND ?3 IS NULL"
        + " AND (?5 IS NULL OR instr(?5, ?10 || coalesce(s.status, '') || ?10))"
        + _LISTED_REST
    ),
    "all": _statement(
        _LISTED
        + "WHERE s.org = ?1 AND s.lifecycle = ?2 AND ?3 IS NULL AND ?4 IS NULL"
        + " AND (?5 IS NULL OR instr(?5, ?10 || coalesce(s.status, '') || ?10))"
        + _LISTED_REST
    ),
}

ACCOUNTS = _statement(
    f"""
SELECT a.customer, a.version, a.registered_at, a.closed_at, {_STANDING_SELECT}
FROM (
    SELECT * FROM custstatus_account WHERE org = ?1 AND customer > ?2 ORDER BY customer LIMIT ?3
) a LEFT JOIN custstatus_standing s ON s.org = a.org AND s.customer = a.customer
ORDER BY a.customer, s.lifecycle
"""
)

TALLY = _statement(
    """
SELECT status, label, count(*) FROM custstatus_standing WHERE org = ?1 AND lifecycle = ?2
GROUP BY status, label ORDER BY status, label
"""
)

KNOWN = _statement(
    """
SELECT customer FROM custstatus_account WHERE org = ?1 AND customer IN (SELECT value FROM json_each(?2))
"""
)

RECORD = _statement(
    f"""
INSERT INTO custstatus_activity (org, {_ACTIVITY_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT DO NOTHING
"""
)

TOUCH = _statement(
    """
INSERT INTO custstatus_last_activity (org, customer, at)
SELECT ?1, c.value, (
    SELECT y.at FROM custstatus_activity y WHERE y.org = ?1 AND y.customer = c.value AND y.counts = 1
    ORDER BY y.at DESC LIMIT 1
) AS latest
FROM json_each(?2) c WHERE latest IS NOT NULL
ON CONFLICT (org, customer) DO UPDATE SET at = excluded.at WHERE excluded.at > custstatus_last_activity.at
"""
)

WATCHED = _statement(
    _LISTED
    + """
WHERE s.org = ?1 AND s.lifecycle = ?2 AND instr(?3, ?4 || s.label || ?4)
    AND s.customer IN (SELECT value FROM json_each(?5))
ORDER BY s.customer
"""
)

ACTIVITIES = {
    # (of one customer, newest first)
    (True, True): _statement(
        f"""
SELECT {_ACTIVITY_COLUMNS} FROM custstatus_activity
WHERE org = ?1 AND customer = ?2 AND (?3 IS NULL OR reference = ?3)
    AND (?4 IS NULL OR (at, kind, reference, customer) < (?4, ?5, ?6, ?7))
ORDER BY at DESC, kind DESC, reference DESC LIMIT ?8
"""
    ),
    (True, False): _statement(
        f"""
SELECT {_ACTIVITY_COLUMNS} FROM custstatus_activity
WHERE org = ?1 AND customer = ?2 AND (?3 IS NULL OR reference = ?3)
    AND (?4 IS NULL OR (at, kind, reference, customer) > (?4, ?5, ?6, ?7))
ORDER BY at, kind, reference LIMIT ?8
"""
    ),
    (False, True): _statement(
        f"""
SELECT {_ACTIVITY_COLUMNS} FROM custstatus_activity
WHERE org = ?1 AND ?2 IS NULL AND reference = ?3
    AND (?4 IS NULL OR (at, kind, reference, customer) < (?4, ?5, ?6, ?7))
ORDER BY at DESC, kind DESC, reference DESC, customer DESC LIMIT ?8
"""
    ),
    (False, False): _statement(
        f"""
SELECT {_ACTIVITY_COLUMNS} FROM custstatus_activity
WHERE org = ?1 AND ?2 IS NULL AND reference = ?3
    AND (?4 IS NULL OR (at, kind, reference, customer) > (?4, ?5, ?6, ?7))
ORDER BY at, kind, reference, customer LIMIT ?8
"""
    ),
}

KEEP_CONFIG = _statement("INSERT INTO custstatus_config (org, hash, text) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")

CONFIG = _statement("SELECT text FROM custstatus_config WHERE org = ?1 AND hash = ?2")

ORGANISATIONS = _statement("SELECT DISTINCT org FROM custstatus_config ORDER BY org")

BEGIN_IMMEDIATE = Statement("BEGIN IMMEDIATE")
BEGIN = Statement("BEGIN")
COMMIT = Statement("COMMIT")
ROLLBACK = Statement("ROLLBACK")
# A name that no host gives one of its own.
SAVEPOINT = Statement("SAVEPOINT custstatus_operation")
ROLLBACK_TO = Statement("ROLLBACK TO custstatus_operation")
RELEASE = Statement("RELEASE custstatus_operation")
