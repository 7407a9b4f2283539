"""What PostgreSQL writes in a way of its own: the engine, and the one statement that applies a change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from custstatus.adapters.sql.statements import Engine, Statement, Statements

__all__ = [
    "BEGIN",
    "COMMIT",
    "LOCK_ACCOUNTS",
    "RECORD",
    "RELEASE",
    "RESTORED",
    "ROLLBACK",
    "ROLLBACK_TO",
    "SAVEPOINT",
    "SQL",
    "THIS",
    "StatementShape",
    "applying",
    "applying_set",
    "array_text",
]


def _statement(numbered: str) -> Statement:
    return Statement(re.sub(r"\?(\d+)", r"$\1", numbered))


def array_text(values: Iterable[str | None]) -> str:
    """Several texts as an array in the engine's own form: quick to write, where the driver dumps one by one."""
    members = list(values)
    if not members:
        return "{}"
    if None in members:
        return "{" + ",".join("NULL" if member is None else _quoted(member) for member in members) + "}"
    joined = '","'.join(members)  # type: ignore[arg-type]
    if "\\" in joined or joined.count('"') != 2 * (len(members) - 1):
        return "{" + ",".join(_quoted(member or "") for member in members) + "}"
    return f'{{"{joined}"}}'


def _quoted(member: str) -> str:
    return '"' + member.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _array(values: Iterable[Any]) -> str:
    return array_text(map(str, values))


_TRANSACTION = "pg_current_xact_id()::text::bigint + custstatus_shift()"
"""The number of the transaction, counted on where the database was restored under a lower one."""

_THIS = """
(SELECT system_identifier FROM pg_control_system())::text || '/' ||
(SELECT oid FROM pg_database WHERE datname = current_database())::text
"""
"""Distinguishes a database from a copy of it."""

SQL = Statements(
    Engine(
        _statement,
        _array,
        among="{0} = ANY ({1}::text[])",
        outside="{0} NOT IN (SELECT unnest({1}::text[]))",
        among_numbers="{0} = ANY ({1}::bigint[])",
        for_update=" FOR UPDATE",
        opens_activity=True,
        place=("e.xid", "e.id"),
        transaction=_TRANSACTION,
        horizon=f"""
SELECT epoch, pg_snapshot_xmin(pg_current_snapshot())::text::bigint + custstatus_shift(), system = {_THIS} FROM custstatus_feed
""",
    )
)
"""The statements of every engine."""

LOCK_ACCOUNTS = Statement("""
SELECT FROM custstatus_account WHERE org = $1 AND customer = ANY ($2::text[]) ORDER BY customer FOR UPDATE
""")

THIS = Statement(f"SELECT coalesce(system = {_THIS}, false) FROM custstatus_feed")

# Organisation by organisation by the index, for all entries would take their time.
_GREATEST = """(
    WITH RECURSIVE o (org) AS (
        (SELECT org FROM custstatus_entry ORDER BY org LIMIT 1)
        UNION ALL
        SELECT (SELECT e.org FROM custstatus_entry e WHERE e.org > o.org ORDER BY e.org LIMIT 1) FROM o
        WHERE o.org IS NOT NULL)
    SELECT coalesce(max((SELECT max(e.xid) FROM custstatus_entry e WHERE e.org = o.org)), 0) FROM o)"""

# Numbers go on from the greatest there is, and positions of before are of another epoch; each of several copies has its own.
RESTORED = Statement(
    f"""
DO $restored$
BEGIN
    UPDATE custstatus_feed SET system = {_THIS},
        epoch = CASE WHEN system IS NULL THEN epoch
            ELSE greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) END
    WHERE system IS DISTINCT FROM {_THIS};
    IF FOUND THEN
        EXECUTE format('CREATE OR REPLACE FUNCTION custstatus_shift() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS %L',
            format('SELECT %s::bigint', greatest(0, 1 + {_GREATEST} - pg_current_xact_id()::text::bigint)));
    END IF;
END
$restored$
"""
)


_FLOOR = """greatest(since, (
            SELECT max(x.since) FROM custstatus_standing x WHERE x.org = cur.org AND x.customer = cur.customer))"""

_UNCHANGED = """v = (
        SELECT x.version FROM custstatus_account x WHERE x.org = cur.org AND x.customer = cur.customer)"""


# The rows of an account, moved from the entry `h`; the parameters 3, 6, 7, 13 and 14 say where to and by which actor.
_STANDING_MOVED = """u AS (
    UPDATE custstatus_standing x SET status = $6, label = $7, since = h.effective_at,
        status_since = CASE WHEN x.status = $6 THEN x.status_since ELSE h.effective_at END,
        actor = $13, actor_kind = $14, entry = h.version, return_to = h.return_to, until = NULL
    FROM h {found} x.org = $1 AND x.customer = {customer} AND x.lifecycle = $3)"""
_ACCOUNT_MOVED = """a AS (
    UPDATE custstatus_account x SET version = h.version, xid = h.xid{closed}
    FROM h {found} x.org = $1 AND x.customer = {customer})"""
_CLOSED = ", closed_at = h.effective_at"
_RELEASES = """,
i AS (
    DELETE FROM custstatus_identifier x USING h WHERE x.org = $1 AND x.customer = h.customer)"""
_TEXTS = """,
t AS (
    INSERT INTO custstatus_text (org, customer, version, reason, actor_name)
    SELECT $1, customer, version, $24::text, $25::text FROM h)"""


def _found(table: str, key: str) -> str:
    """Each row of a set by its key: the planner expects a single one, and might have the table read for each of them."""
    return f"""CROSS JOIN LATERAL (
        SELECT y.ctid AS place FROM {table} y WHERE y.org = $1 AND y.customer = h.customer{key} OFFSET 0) y
    WHERE x.ctid = y.place AND"""


_ENTRY = """INSERT INTO custstatus_entry (org, customer, version, kind, lifecycle, from_status, from_label, to_status,
        to_label, effective_at, recorded_at, actor, actor_kind, requested_by, channel, config, reason_code, reason_digest, closes,
        return_to, xid, ordinal"""

_BEHIND = """LEFT JOIN LATERAL (
        SELECT e.version, e.return_to, e.to_status = $6 AND coalesce(e.to_label, '') = ANY ($9::text[]) AS leads_back
        FROM custstatus_entry e WHERE e.org = cur.org AND e.customer = cur.customer AND e.version = cur.return_to OFFSET 0
    ) was ON true"""

_GREATEST_XID = f"greatest(cur.xid, {_TRANSACTION})"

_OPEN = "coalesce(status, '') = ANY ($4::text[])"
_ANOTHER_STATUS = "status IS DISTINCT FROM $6"
_ANOTHER_LABEL = "label IS DISTINCT FROM $7"
_KNOWN_BEHIND = "(cur.return_to IS NULL OR was.version IS NOT NULL)"

_KEPT = """WHEN status = ANY ($10::text[]) OR coalesce(label = ANY ($11::text[]), false) THEN cur.return_to
             """
_BEGUN = """
             WHEN cardinality($10::text[]) > 0 OR cardinality($11::text[]) > 0 AND status = $6 THEN cur.entry"""


def _way_back(aside: bool) -> str:
    """Where the way back leads afterwards, as `Step.way_back` has it; `aside` where the target is a place aside."""
    return f"""CASE WHEN status IS NULL THEN NULL
             {_KEPT if aside else ""}WHEN leads_back THEN was.return_to{_BEGUN if aside else ""} END"""


def _moved(
    effective_at: str,
    digest: str,
    closes: bool,
    way_back: str,
    xid: str,
    *,
    account: str = "cur.org, cur.customer, v + 1",
    origin: str = "status, label",
) -> str:
    """What an entry holds, as far as the columns of `_ENTRY` go."""
    return f"""{account}, 'moved', $3, {origin}, $6::text, $7::text, {effective_at}, $12::bigint,
        $13::text, $14::text, $15::text, $16::text, $17::text, $18::text, {digest}, {int(closes)},
        {way_back},
        {xid}, 0"""


class StatementShape(NamedTuple):
    """What a change is made of, so that its statement has nothing that it does not need."""

    closes: bool
    """It closes the account."""
    by_status: bool
    """It asks for a status, whatever the label."""
    back: bool
    """It may be made where nothing but a way back leads there."""
    aside: bool
    """It leads to a place aside, with a way back."""
    at: bool
    """It says when it counts from."""
    expected: bool
    """It names the version of the account."""
    key: bool
    text: bool
    """There is a reason or a name to keep."""


@cache
def applying(shape: StatementShape) -> Statement:
    """
    The one statement that applies a change: no longer than its shape, for what it is made of takes more time than what it does.

    The standing and then the account are locked, in the order of every writer, and read anew as others leave them; what is read
    besides is as the statement found it. So a change that closes is not made where the account has another version by then, for
    an identifier or a later entry may have come; and one whose way back begins at an entry that is not to be seen yet neither.

    The parameters are those of `PostgresOperations.apply`, of which it takes what it needs.
    """
    since = _FLOOR if shape.closes else "since"
    effective_at = "$20::bigint" if shape.at else f"greatest($12::bigint, {since})"
    # What is asked of the locked row is asked before it is locked, and once more where others had it.
    there = [f"({_ANOTHER_STATUS})" if shape.by_status else f"({_ANOTHER_STATUS} OR {_ANOTHER_LABEL})"]
    there += [] if shape.back else [_OPEN]
    then = ["closed_at IS NULL", _KNOWN_BEHIND]
    then += ["v = $21::bigint"] if shape.expected else []
    then += [f"({_OPEN} OR status = ANY ($5::text[]) AND leads_back)"] if shape.back else []
    then += [f"$20::bigint >= {since}"] if shape.at else []
    then += [_UNCHANGED] if shape.closes else []
    moved = _STANDING_MOVED.format(found="WHERE", customer="$2")
    moved += (_RELEASES if shape.closes else "") + (_TEXTS if shape.text else "")
    written = _keyed if shape.key else _unkeyed
    return _needed(written(shape, " AND ".join(there), " AND ".join(then), effective_at, moved))


_ANSWER = "version, effective_at, return_to, from_status, from_label"


def _unkeyed(shape: StatementShape, there: str, then: str, effective_at: str, moved: str) -> str:
    """The account first, for nothing but an error keeps the entry from being written: it need not be read and locked before."""
    then = re.sub(r"\bv\b", "x.version", then)
    closed = f", closed_at = {effective_at}" if shape.closes else ""
    entry = _moved(
        *("effective_at", "$19::bytea", shape.closes, "return_to", "xid"),
        account="org, customer, version",
        origin="from_status, from_label",
    )
    return f"""
WITH cur AS MATERIALIZED (
    SELECT org, customer, status, label, since, entry, return_to FROM custstatus_standing
    WHERE org = $1 AND customer = $2 AND lifecycle = $3 AND {there} FOR UPDATE),
h AS (
    UPDATE custstatus_account x SET version = x.version + 1, xid = greatest(x.xid, {_TRANSACTION}){closed}
    FROM cur {_BEHIND}
    WHERE x.org = $1 AND x.customer = $2 AND {then}
    RETURNING x.org, x.customer, x.version, {effective_at} AS effective_at,
        {_way_back(shape.aside)} AS return_to, x.xid, status AS from_status, label AS from_label),
{moved}
{_ENTRY})
SELECT {entry} FROM h
RETURNING {_ANSWER}
"""


def _keyed(shape: StatementShape, there: str, then: str, effective_at: str, moved: str) -> str:
    """The entry first, for its key may have written it before."""
    entry = _moved(effective_at, "$19::bytea", shape.closes, _way_back(shape.aside), _GREATEST_XID)
    return f"""
WITH cur AS MATERIALIZED (
    SELECT a.org, a.customer, a.version AS v, a.xid, a.closed_at, s.status, s.label, s.since, s.entry, s.return_to
    FROM custstatus_account a JOIN custstatus_standing s ON s.org = a.org AND s.customer = a.customer AND s.lifecycle = $3
    WHERE a.org = $1 AND a.customer = $2 AND {there} FOR UPDATE OF s, a),
h AS (
    {_ENTRY}, key, digest)
    SELECT {entry}, $22::text, $23::bytea
    FROM cur {_BEHIND}
    WHERE {then}
    ON CONFLICT (org, key, ordinal) WHERE key IS NOT NULL DO NOTHING
    RETURNING customer, xid, {_ANSWER}),
{_ACCOUNT_MOVED.format(found="WHERE", customer="$2", closed=_CLOSED if shape.closes else "")},
{moved}
SELECT {_ANSWER} FROM h
"""


def _needed(numbered: str) -> Statement:
    """A statement over some of the parameters it is given."""
    used = sorted({int(place) for place in re.findall(r"\$(\d+)", numbered)})
    places = {str(old): f"${new}" for new, old in enumerate(used, 1)}
    text = re.sub(r"\$(\d+)", lambda found: places[found[1]], numbered)
    return Statement(text, itemgetter(*[place - 1 for place in used]))


@cache
def applying_set(*, closes: bool, text: bool) -> Statement:
    """
    The same for several customers, as part of a run.

    It waits for nobody, as those who wait for what it has locked would wait with it: an account that others hold is left. So is
    one that others have changed since the statement began, for its entries are read as they were then.

    Args:
        closes: Whether it closes the accounts.
        text: Whether there are reasons or a name to keep, which are the parameters 30 to 32.
    """
    since = _FLOOR if closes else "since"
    conditions = [
        "closed_at IS NULL",
        f"({_OPEN} OR status = ANY ($5::text[]) AND leads_back)",
        f"({_ANOTHER_STATUS} OR NOT $8::boolean AND {_ANOTHER_LABEL})",
        f"($20::bigint IS NULL OR $20 >= {since})",
        _KNOWN_BEHIND,
        _UNCHANGED,
        # Not as a join, which would be planned as if a run had hardly any entries.
        """(SELECT true FROM custstatus_entry e
        WHERE e.org = $1 AND e.run = $21 AND e.customer = cur.customer AND e.lifecycle = $3 LIMIT 1) IS NULL""",
        "($24::text[] IS NULL OR coalesce(label, status) = ANY ($24))",
        """($25::bigint IS NULL OR coalesce((SELECT coalesce(l.at, registered_at) FROM custstatus_last_activity l
        WHERE l.org = cur.org AND l.customer = cur.customer FOR UPDATE SKIP LOCKED) < $25, false))""",
        "($26::bigint IS NULL OR NOT (cur.actor_kind = 'person' AND since >= $26 AND since > registered_at))",
        "(at_entry IS NULL OR cur.entry = at_entry)",
    ]
    effective_at = f"coalesce($20::bigint, greatest($12::bigint, {since}))"
    digest = "CASE WHEN cur.reason IS NULL THEN $19::bytea ELSE cur.digest END" if text else "$19::bytea"
    texts = """, t AS (
    INSERT INTO custstatus_text (org, customer, version, reason, actor_name)
    SELECT $1, h.customer, h.version, coalesce(cur.reason, $31::text), $32::text FROM h JOIN cur USING (customer)
    WHERE cur.reason IS NOT NULL OR coalesce($31, $32) IS NOT NULL)"""
    accounts = _ACCOUNT_MOVED.format(
        found=_found("custstatus_account", ""), customer="h.customer", closed=_CLOSED if closes else ""
    )
    standings = _STANDING_MOVED.format(
        found=_found("custstatus_standing", " AND y.lifecycle = $3"), customer="h.customer"
    )
    return Statement(
        f"""
WITH cur AS MATERIALIZED (
    SELECT a.org, a.customer, a.version AS v, a.registered_at, a.closed_at, a.xid, s.status, s.label, s.since, s.entry,
        s.return_to, s.actor_kind, w.at_entry, w.digest, w.shop{", w.reason" if text else ""}
    FROM unnest($2::text[], $27::bigint[], $28::bytea[], $29::text[]{", $30::text[]" if text else ""})
        AS w (customer, at_entry, digest, shop{", reason" if text else ""})
    -- Customer by customer by the keys: joined, a chunk of a not so large table would have all of it read.
    CROSS JOIN LATERAL (
        SELECT * FROM custstatus_standing x WHERE x.org = $1 AND x.customer = w.customer AND x.lifecycle = $3
        FOR UPDATE SKIP LOCKED) s
    CROSS JOIN LATERAL (
        SELECT * FROM custstatus_account x WHERE x.org = $1 AND x.customer = w.customer FOR UPDATE SKIP LOCKED) a),
h AS (
    {_ENTRY}, run, approval, shop)
    SELECT {_moved(effective_at, digest, closes, _way_back(aside=True), _GREATEST_XID)},
        $21::text, $22::text, coalesce(cur.shop, $23::text)
    FROM cur {_BEHIND}
    WHERE {" AND ".join(conditions)}
    RETURNING customer, xid, {_ANSWER}),
{accounts},
{standings}{_RELEASES if closes else ""}{texts if text else ""}
SELECT customer, version, from_status, from_label, false FROM h
""",
        sized=True,
    )


RECORD = Statement("""
INSERT INTO custstatus_activity (org, customer, kind, reference, at, amount, effect, counts)
SELECT $1, customer, kind, reference, at, amount, effect, counts
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::integer[])
    WITH ORDINALITY AS w (customer, kind, reference, at, amount, effect, counts, place)
ORDER BY place ON CONFLICT DO NOTHING RETURNING customer, kind, reference
""")
"""Activities that are not there yet, in the order given; it answers which those were."""

BEGIN = Statement("BEGIN")
COMMIT = Statement("COMMIT")
ROLLBACK = Statement("ROLLBACK")
# A name that no host gives one of its own.
SAVEPOINT = Statement("SAVEPOINT custstatus_operation")
ROLLBACK_TO = Statement("ROLLBACK TO SAVEPOINT custstatus_operation")
RELEASE = Statement("RELEASE SAVEPOINT custstatus_operation")
