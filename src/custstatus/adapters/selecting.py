"""What a query asks for among the rows of a store in memory."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from operator import attrgetter

from custstatus.adapters.cursors import page, run_cursor, run_place
from custstatus.queries import Customers, Log
from custstatus.records import Account, ActorKind, Entry, Page, Standing

__all__ = ["after", "fits_activity", "is_asked", "log_of_run", "matches"]


def after(ids: list[str], cursor: str | None) -> list[str]:
    """The ids that follow one."""
    if cursor is None:
        return ids
    place = bisect_left(ids, cursor)
    return ids[place + 1 if place < len(ids) and ids[place] == cursor else place :]


def is_asked(entry: Entry, query: Log) -> bool:
    return (
        (query.lifecycle is None or entry.lifecycle == query.lifecycle)
        and (query.status is None or entry.to_status == query.status)
        and (query.actor is None or entry.actor.id == query.actor)
        and (query.run is None or entry.run == query.run)
        and (query.since is None or entry.recorded_at >= query.since)
        and (query.until is None or entry.recorded_at < query.until)
    )


def log_of_run(query: Log, entries: list[Entry]) -> Page[Entry]:
    begin = run_place(query.after)
    placed = [
        ((entry.customer, entry.version), entry)
        for entry in sorted(entries, key=attrgetter("customer", "version"))
        if is_asked(entry, query)
    ]
    if query.newest_first:
        placed.reverse()
    kept = [
        (run_cursor(*place), entry)
        for place, entry in placed
        if begin is None or (place < begin if query.newest_first else place > begin)
    ]
    return page(kept, query.limit)


def matches(account: Account, row: Standing[str, str], query: Customers) -> bool:
    by_hand = row.by.kind is ActorKind.PERSON and row.since > account.registered_at
    in_grace = by_hand and query.grace_since is not None and row.since >= query.grace_since
    spared = in_grace or account.customer in query.exempt
    return not spared and (
        (query.statuses is None or row.status in query.statuses)
        and row.status not in query.without
        and (query.label is None or row.label == query.label)
        and (query.places is None or (row.label or row.status) in query.places)
    )


def fits_activity(account: Account, last: datetime | None, query: Customers) -> bool:
    return (query.quiet_since is None or (last or account.registered_at) < query.quiet_since) and (
        query.active_since is None or (last is not None and last >= query.active_since)
    )
