"""
The history as a feed: every committed entry once, for consumers that keep a position of their own.

A position is a text to hand back as it is. Entries come in an order that no slow writer can break, and within a customer by
version; what is not committed, or might still be preceded by what is not, is not shown yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from attrs import frozen

from custstatus.errors import InvalidInputError
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.records import Entry

__all__ = ["FeedPage", "Lag", "Position"]


class Position(NamedTuple):
    """A place in the feed of a store."""

    epoch: int = 0
    """A number of the database, greater in a copy of it: there transactions are numbered anew."""
    transaction: int = 0
    entry: int = 0

    @classmethod
    def read(cls, text: str | None) -> Position:
        """The place that a text holds, the beginning for None; InvalidInputError if it is no such text."""
        if text is None:
            return cls()
        parts = text.split(".")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
            raise InvalidInputError("after", "the `position` of an earlier page of the feed", "something else")
        return cls(*map(int, parts))

    def __str__(self) -> str:
        return f"{self.epoch}.{self.transaction}.{self.entry}"


@frozen(repr=False)
class FeedPage(Value):
    """Some entries of a feed, and the position after them."""

    entries: tuple[Entry, ...]
    position: str
    """What to give as `after` to go on; the same as before where there was nothing new."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


@frozen(repr=False)
class Lag(Value):
    """How far a position is behind."""

    ready: int
    """Entries that the feed gives now."""
    held: int
    """Entries that are committed, but not visible yet because an older transaction is still open."""
    since: datetime | None
    """When the oldest of them was recorded, UTC; None where there is none."""
