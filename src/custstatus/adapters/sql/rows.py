"""Values to and from the rows of every SQL store: times as microseconds, enums by value."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter
from typing import Any

from custstatus.adapters.protocol import StoredActivity
from custstatus.adapters.queries import Listed
from custstatus.adapters.sql.statements import ENTRY_COLUMNS
from custstatus.bounds import micros, moment
from custstatus.records import Account, Actor, ActorKind, Effect, Entry, EntryKind, RequestedBy, Standing

__all__ = [
    "PLACE",
    "account",
    "activity",
    "activity_row",
    "entry",
    "entry_row",
    "listed",
    "standing",
    "standing_row",
]

_KINDS = {kind.value: kind for kind in EntryKind}
_ACTORS = {kind.value: kind for kind in ActorKind}
_REQUESTED_BY = {requested_by.value: requested_by for requested_by in RequestedBy}
_EFFECTS = {effect.value: effect for effect in Effect}

Row = Sequence[Any]

PLACE = len(ENTRY_COLUMNS) + 2
"""From which column on a row of an entry has its place in the order of the organisation's."""


@lru_cache(maxsize=1_024)
def _actor(actor: str, kind: str) -> Actor:
    """An actor without a name; there are few of them, and checking their bounds costs more than the rest of a row."""
    return Actor(actor, _ACTORS[kind])


def standing(row: Row) -> Standing[str, str]:
    """A standing of its ten columns."""
    lifecycle, status, label, since, status_since, actor, actor_kind, version, return_to, until = row
    at = moment(since)
    return Standing(
        lifecycle,
        status,
        label,
        at,
        at if status_since == since else moment(status_since),
        _actor(actor, actor_kind),
        version,
        return_to,
        None if until is None else moment(until),
    )


def standing_row(org: str, customer: str, row: Standing[str, str]) -> tuple[Any, ...]:
    """The columns of a standing."""
    return (
        org,
        customer,
        row.lifecycle,
        row.status,
        row.label,
        micros(row.since),
        micros(row.status_since),
        row.by.id,
        row.by.kind._value_,
        row.entry,
        row.return_to,
        None if row.until is None else micros(row.until),
    )


_LIFECYCLE = itemgetter(3)


def account(org: str, customer: str, rows: Sequence[Row]) -> Account:
    """
    An account of its rows, in any order: version, registered and closed times, a standing's columns, NULL if it has none.

    What `standing` does is written out once more, for a decision waits for little else.
    """
    if len(rows) > 1:
        rows = sorted(rows, key=_LIFECYCLE)
    version, registered, closed_at = rows[0][:3]
    registered_at = moment(registered)
    standings = []
    for _, _, _, lifecycle, status, label, since, status_since, actor, actor_kind, number, return_to, until in rows:
        if lifecycle is None:
            break
        at = registered_at if since == registered else moment(since)
        standings.append(
            Standing(
                lifecycle,
                status,
                label,
                at,
                at if status_since == since else moment(status_since),
                _actor(actor, actor_kind),
                number,
                return_to,
                None if until is None else moment(until),
            )
        )
    return Account(
        org, customer, version, registered_at, None if closed_at is None else moment(closed_at), tuple(standings)
    )


def listed(row: Row) -> Listed[str, str]:
    """A listed account of its customer id, a standing's columns, its registered time and its last activity."""
    last = row[12]
    return Listed(row[0], standing(row[1:11]), moment(row[11]), None if last is None else moment(last))


def entry(row: Row) -> Entry:
    """An entry of its columns, then reason, actor's name and whatever more."""
    return Entry(
        org=row[0],
        customer=row[1],
        version=row[2],
        kind=_KINDS[row[3]],
        lifecycle=row[4],
        from_status=row[5],
        from_label=row[6],
        to_status=row[7],
        to_label=row[8],
        effective_at=moment(row[9]),
        recorded_at=moment(row[10]),
        actor=_actor(row[11], row[12]) if row[29] is None else Actor(row[11], _ACTORS[row[12]], row[29]),
        requested_by=_REQUESTED_BY[row[13]],
        channel=row[14],
        config=row[15],
        reason_code=row[16],
        reason_digest=row[17],
        subject=row[18],
        key=row[19],
        ordinal=row[20],
        digest=row[21],
        return_to=row[22],
        closes=bool(row[23]),
        run=row[24],
        related=row[25],
        approval=row[26],
        shop=row[27],
        reason=row[28],
    )


def entry_row(each: Entry) -> tuple[Any, ...]:
    """The columns of an entry, without its text."""
    return (
        each.org,
        each.customer,
        each.version,
        each.kind._value_,
        each.lifecycle,
        each.from_status,
        each.from_label,
        each.to_status,
        each.to_label,
        micros(each.effective_at),
        micros(each.recorded_at),
        each.actor.id,
        each.actor.kind._value_,
        each.requested_by._value_,
        each.channel,
        each.config,
        each.reason_code,
        each.reason_digest,
        each.subject,
        each.key,
        each.ordinal,
        each.digest,
        each.return_to,
        int(each.closes),
        each.run,
        each.related,
        each.approval,
        each.shop,
    )


def activity(row: Row) -> StoredActivity:
    """An activity of its seven columns."""
    customer, kind, reference, at, amount, effect, counts = row
    paid = None if amount is None else Decimal(amount)
    return StoredActivity(customer, kind, reference, moment(at), paid, _EFFECTS[effect], bool(counts))


def activity_row(org: str, each: StoredActivity) -> tuple[Any, ...]:
    """The columns of an activity."""
    return (
        org,
        each.customer,
        each.kind,
        each.reference,
        micros(each.at),
        None if each.amount is None else str(each.amount),
        each.effect._value_,
        int(each.counts),
    )
