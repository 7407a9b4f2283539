"""What PostgreSQL writes in a way of its own: the engine, and the one statement that applies a change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from custstatus.adapters.sql.statements import Engine, Statement, Statements

__all__ = ["BEGIN", "COMMIT", "RELEASE", "ROLLBACK", "ROLLBACK_TO", "SAVEPOINT", "SQL", "applying"]


def _statement(numbered: str) -> Statement:
    return Statement(re.sub(r"\?(\d+)", r"$\1", numbered))


def _array(values: Iterable[Any]) -> list[Any]:
    return list(values)


SQL = Statements(
    Engine(
        _statement,
        _array,
        among="{0} = ANY ({1}::text[])",
        among_numbers="{0} = ANY ({1}::bigint[])",
        for_update=" FOR UPDATE",
        opens_activity=True,
    )
)
"""The statements of every engine."""


@cache
def applying(*, quiet: bool, closes: bool, text: bool) -> Statement:
    """
    The one statement that applies a change, with what this change does not need left out.

    The account and its standing are locked and read anew as others leave them; what is read besides is as the statement
    found it. So a change that closes is not made where the account has another version by then, for an identifier or a
    later entry may have come; and one whose way back begins at an entry that is not to be seen yet neither.

    Args:
        quiet: Whether it is made only where the customer has not been active; since when is the last parameter.
        closes: Whether it closes the account.
        text: Whether there is a reason or a name to keep, which are the parameters 26 and 27.
    """
    floor = "greatest(since, (SELECT max(since) FROM custstatus_standing WHERE org = $1 AND customer = $2))"
    since = floor if closes else "since"
    conditions = [
        "closed_at IS NULL",
        "($4::bigint IS NULL OR v = $4)",
        "(coalesce(status, '') = ANY ($5::text[]) OR status = ANY ($6::text[]) AND leads_back)",
        "NOT (status IS NOT DISTINCT FROM $7 AND ($9::boolean OR label IS NOT DISTINCT FROM $8))",
        "($10::text[] IS NULL OR coalesce(label, status) = ANY ($10))",
        f"($13::bigint IS NULL OR $13 >= {since})",
        "(cur.back_to IS NULL OR was.version IS NOT NULL)",
    ]
    if quiet:
        conditions.append(f"coalesce(quiet.at, registered_at) < ${28 if text else 26}")
    if closes:
        conditions.append("v = (SELECT version FROM custstatus_account WHERE org = $1 AND customer = $2)")
    more = [
        """u AS (
    UPDATE custstatus_standing x SET status = $7, label = $8, since = h.effective_at,
        status_since = CASE WHEN x.status = $7 THEN x.status_since ELSE h.effective_at END,
        actor = $15, actor_kind = $16, entry = h.version, back_to = h.back_to, until = NULL
    FROM h WHERE x.org = h.org AND x.customer = h.customer AND x.lifecycle = $3)""",
        f"""a AS (
    UPDATE custstatus_account x SET version = h.version{", closed_at = h.effective_at" if closes else ""}
    FROM h WHERE x.org = h.org AND x.customer = h.customer)""",
    ]
    if text:
        more.append("""t AS (
    INSERT INTO custstatus_text (org, customer, version, reason, actor_name)
    SELECT org, customer, version, $26::text, $27::text FROM h)""")
    if closes:
        more.append("""i AS (
    DELETE FROM custstatus_identifier x USING h WHERE x.org = h.org AND x.customer = h.customer)""")
    locked = """
quiet AS MATERIALIZED (
    SELECT at FROM custstatus_last_activity WHERE org = $1 AND customer = $2 FOR UPDATE),"""
    return Statement(f"""
WITH cur AS MATERIALIZED (
    SELECT a.org, a.customer, a.version AS v, a.registered_at, a.closed_at, s.status, s.label, s.since, s.entry, s.back_to
    FROM custstatus_account a JOIN custstatus_standing s ON s.org = a.org AND s.customer = a.customer AND s.lifecycle = $3
    WHERE a.org = $1 AND a.customer = $2 FOR UPDATE OF a, s),{locked if quiet else ""}
was AS (
    SELECT e.version, e.back_to, e.to_status = $7 AND coalesce(e.to_label, '') = ANY ($11::text[]) AS leads_back
    FROM cur JOIN custstatus_entry e ON e.org = cur.org AND e.customer = cur.customer AND e.version = cur.back_to),
h AS (
    INSERT INTO custstatus_entry (org, customer, version, kind, lifecycle, from_status, from_label, to_status, to_label,
        effective_at, recorded_at, actor, actor_kind, wish, channel, config, reason_code, reason_digest, key, ordinal,
        digest, back_to, closes, run)
    SELECT cur.org, cur.customer, v + 1, 'moved', $3, status, label, $7::text, $8::text,
        coalesce($13::bigint, greatest($14::bigint, {since})), $14::bigint, $15::text, $16::text, $17::text, $18::text, $19::text,
        $20::text, $21::bytea, $22::text, 0, $23::bytea,
        CASE WHEN status IS NULL THEN NULL
             WHEN status = ANY ($12::text[]) OR coalesce(label = ANY ($24::text[]), false) THEN cur.back_to
             WHEN leads_back THEN was.back_to
             WHEN cardinality($12::text[]) > 0 OR cardinality($24::text[]) > 0 AND status = $7 THEN cur.entry END,
        {int(closes)}, $25::text
    FROM cur LEFT JOIN was ON true{" LEFT JOIN quiet ON true" if quiet else ""}
    WHERE {" AND ".join(conditions)}
    ON CONFLICT (org, key, ordinal) WHERE key IS NOT NULL DO NOTHING
    RETURNING org, customer, version, effective_at, back_to),
{", ".join(more)}
SELECT h.version, h.effective_at, h.back_to, cur.status, cur.label FROM h JOIN cur USING (org, customer)
""")


BEGIN = Statement("BEGIN")
COMMIT = Statement("COMMIT")
ROLLBACK = Statement("ROLLBACK")
# A name that no host gives one of its own.
SAVEPOINT = Statement("SAVEPOINT custstatus_operation")
ROLLBACK_TO = Statement("ROLLBACK TO SAVEPOINT custstatus_operation")
RELEASE = Statement("RELEASE SAVEPOINT custstatus_operation")
