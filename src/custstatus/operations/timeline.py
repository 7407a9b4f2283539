"""What happened to a customer and what they did, as one list."""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import itemgetter
from typing import TYPE_CHECKING

from custstatus.adapters.queries import Activities, Page
from custstatus.bounds import check_text, micros
from custstatus.errors import InvalidInputError
from custstatus.operations.verify import entries_of

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.adapters.protocol import StoredActivity
    from custstatus.records import Account, Activity, Entry

__all__ = ["timeline"]


async def timeline(
    store: AsyncStore,
    account: Account,
    activity_of: Callable[[StoredActivity], Activity],
    *,
    after: str | None,
    limit: int,
) -> Page[Entry | Activity]:
    """Entries and activities by effective time, the newest first."""
    end = None if after is None else _read_place(after)
    # At the same time an entry comes after (that is, it is shown before) an activity.
    query = Activities(
        org=account.org,
        customer=account.customer,
        after=None if end is None else json.dumps([end[0] + end[1], end[3], end[4], account.customer]),
        limit=limit,
    )
    done = await store.page(query)
    items: list[tuple[tuple[int, int, int, str, str], Entry | Activity]] = [
        ((micros(stored.at), 0, 0, stored.kind, stored.reference), activity_of(stored)) for stored in done
    ]
    for entry in await entries_of(store, account):
        place = (micros(entry.effective_at), 1, entry.version, "", "")
        if end is None or place < end:
            items.append((place, entry))
    items.sort(key=itemgetter(0), reverse=True)
    shown = items[:limit]
    more = len(items) > limit or done.next is not None
    return Page(tuple(item for _, item in shown), json.dumps(shown[-1][0]) if more else None)


def _read_place(cursor: str) -> tuple[int, int, int, str, str]:
    """The place in a timeline that a cursor holds; InvalidInputError if it is no such cursor."""
    try:
        at, rank, version, kind, reference = json.loads(cursor)
    except (ValueError, TypeError, RecursionError):
        at = rank = version = kind = reference = None
    numbered = type(at) is int and 0 <= at < 2**62 and rank in (0, 1) and type(version) is int
    if not numbered:
        raise InvalidInputError("after", "the `next` of an earlier page", "something else")
    return at, rank, version, check_text("after", kind), check_text("after", reference)
