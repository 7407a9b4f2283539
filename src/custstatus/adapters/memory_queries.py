"""What a query asks for among the rows of a store in memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from operator import attrgetter, gt, lt
from typing import TYPE_CHECKING, TypeVar

from custstatus.adapters.cursors import (
    activity_cursor,
    activity_place,
    number,
    page,
    read_activity_cursor,
    run_cursor,
    run_place,
)
from custstatus.records import Account, ActorKind, Entry, Standing

if TYPE_CHECKING:
    from custstatus.adapters.protocol import StoredActivity
    from custstatus.adapters.queries import Activities, Log, Page, Placed

__all__ = ["activities", "after", "fits_activity", "log", "matches"]

P = TypeVar("P", int, tuple[str, int], tuple[int, str, str, str])
T = TypeVar("T")


def after(ids: list[str], cursor: str | None) -> list[str]:
    """The ids that follow one."""
    if cursor is None:
        return ids
    place = bisect_left(ids, cursor)
    return ids[place + 1 if place < len(ids) and ids[place] == cursor else place :]


def log(entries: list[Entry], query: Log) -> Page[Entry]:
    """A page of entries, given in the order in which they were written; those of a run are in the order of its customers."""
    if query.run is not None and query.customer is None:
        of_run = sorted((entry for entry in entries if _is_asked(entry, query)), key=attrgetter("customer", "version"))
        placed = (((entry.customer, entry.version), entry) for entry in of_run)
        return _page(placed, query, run_place(query.after), lambda _, entry: run_cursor(entry.customer, entry.version))
    numbered = ((place, entry) for place, entry in enumerate(entries, 1) if _is_asked(entry, query))
    return _page(numbered, query, number(query.after), lambda place, _: str(place))


def activities(rows: list[StoredActivity], query: Activities) -> Page[StoredActivity]:
    """A page of activities, given in the order of their places."""
    placed = ((activity_place(row), row) for row in rows if query.reference in (None, row.reference))
    begin = None if query.after is None else read_activity_cursor(query.after)
    return _page(placed, query, begin, lambda _, row: activity_cursor(row))


def _page(
    placed: Iterable[tuple[P, T]], query: Log | Activities, begin: P | None, cursor: Callable[[P, T], str]
) -> Page[T]:
    """The page of the rows that come after a place in the order that is asked for, each row given behind its own."""
    rows = list(placed)
    if query.newest_first:
        rows.reverse()
    comes = lt if query.newest_first else gt
    left = ((cursor(place, row), row) for place, row in rows if begin is None or comes(place, begin))
    return page(list(islice(left, query.limit + 1)), query.limit)


def _is_asked(entry: Entry, query: Log) -> bool:
    return (
        (query.lifecycle is None or entry.lifecycle == query.lifecycle)
        and (query.status is None or entry.to_status == query.status)
        and (query.actor is None or entry.actor.id == query.actor)
        and (query.run is None or entry.run == query.run)
        and (query.since is None or entry.recorded_at >= query.since)
        and (query.until is None or entry.recorded_at < query.until)
    )


def matches(account: Account, row: Standing[str, str], query: Placed) -> bool:
    """Whether a query asks for an account, by where it is."""
    by_hand = row.by.kind is ActorKind.PERSON and row.since > account.registered_at
    in_grace = by_hand and query.grace_since is not None and row.since >= query.grace_since
    spared = in_grace or account.customer in query.exempt
    return not spared and (
        (query.statuses is None or row.status in query.statuses)
        and row.status not in query.without
        and (query.label is None or row.label == query.label)
        and (query.places is None or (row.label or row.status) in query.places)
    )


def fits_activity(account: Account, last: datetime | None, query: Placed) -> bool:
    """Whether an account, by its last activity that counts, is one that is asked for."""
    return (query.quiet_since is None or (last or account.registered_at) < query.quiet_since) and (
        query.active_since is None or (last is not None and last >= query.active_since)
    )
