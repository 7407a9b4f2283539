"""Pages and their cursors, the same in every store: where a page ends is where the next begins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from custstatus.adapters.protocol import StoredActivity
from custstatus.bounds import EPOCH, check_text
from custstatus.errors import InvalidInputError
from custstatus.records import Page

__all__ = ["activity_cursor", "activity_place", "micros", "moment", "number", "page", "read_activity_cursor"]

T = TypeVar("T")

_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (moment - EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    """The UTC time of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


def page(rows: Sequence[tuple[str, T]], limit: int) -> Page[T]:
    """The first *limit* of the rows, each given behind its cursor; one row more tells that there is a next page."""
    return Page(tuple(row for _, row in rows[:limit]), rows[limit - 1][0] if len(rows) > limit else None)


def number(cursor: str | None) -> int | None:
    """The number that a cursor of numbered rows holds; InvalidInputError if it is no such cursor."""
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise InvalidInputError("after", "the `next` of an earlier page", "something else")
    return int(cursor)


def activity_place(activity: StoredActivity) -> tuple[int, str, str, str]:
    """What activities are ordered by: time, kind, reference, customer."""
    return micros(activity.at), activity.kind, activity.reference, activity.customer


def activity_cursor(activity: StoredActivity) -> str:
    """The place of an activity as a cursor."""
    return json.dumps(activity_place(activity), ensure_ascii=False, separators=(",", ":"))


def read_activity_cursor(cursor: str) -> tuple[int, str, str, str]:
    """The place that a cursor of activities holds; InvalidInputError if it is no such cursor."""
    try:
        at, kind, reference, customer = json.loads(cursor)
    except (ValueError, TypeError, RecursionError):
        at = kind = reference = customer = None
    if type(at) is not int or abs(at) >= 2**63:
        raise InvalidInputError("after", "the `next` of an earlier page", "something else")
    return at, check_text("after", kind), check_text("after", reference), check_text("after", customer)
