"""Pages and their cursors, the same in every store: where a page ends is where the next begins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from custstatus.adapters.queries import Page
from custstatus.bounds import check_text, micros
from custstatus.errors import InvalidInputError

if TYPE_CHECKING:
    from custstatus.adapters.protocol import StoredActivity

__all__ = [
    "activity_cursor",
    "activity_place",
    "number",
    "numbers",
    "page",
    "read_activity_cursor",
    "run_cursor",
    "run_place",
]

T = TypeVar("T")


def page(rows: Sequence[tuple[str, T]], limit: int) -> Page[T]:
    """The first *limit* of the rows, each given behind its cursor; one row more tells that there is a next page."""
    return Page(tuple(row for _, row in rows[:limit]), rows[limit - 1][0] if len(rows) > limit else None)


def numbers(cursor: str, count: int) -> tuple[int, ...]:
    """The numbers that a cursor of rows with so many numbers holds; InvalidInputError if it is no such cursor."""
    parts = cursor.split(".")
    if len(parts) != count or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise InvalidInputError("after", "the `next` of an earlier page", "something else")
    return tuple(map(int, parts))


def number(cursor: str | None) -> int | None:
    """The number that a cursor of numbered rows holds; InvalidInputError if it is no such cursor."""
    return None if cursor is None else numbers(cursor, 1)[0]


def run_cursor(customer: str, version: int) -> str:
    """The place of an entry among those of its run as a cursor."""
    return f"{version}.{customer}"


def run_place(cursor: str | None) -> tuple[str, int] | None:
    """The place that a cursor of a run's entries holds; InvalidInputError if it is no such cursor."""
    if cursor is None:
        return None
    version, _, customer = cursor.partition(".")
    return check_text("after", customer), numbers(version, 1)[0]


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
