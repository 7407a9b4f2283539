"""
The history as a feed: every committed entry once, for consumers that keep a position of their own.

A position is a text to hand back as it is. Entries come in an order that no slow writer can break, and within a customer by
version; what is not committed, or might still be preceded by what is not, is not shown yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from attrs import frozen

from custstatus.bounds import kind_of
from custstatus.codec import to_data, utc_text
from custstatus.errors import InvalidInputError
from custstatus.records import Entry
from custstatus.values import Value

__all__ = ["FeedPage", "Lag", "Position", "to_cloudevent"]


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
    """Entries that are committed, and held back until a transaction that began earlier has ended."""
    since: datetime | None
    """When the oldest of them was recorded, UTC; None where there is none."""


_SOURCE = re.compile(r"([A-Za-z0-9\-._~:/@!$&'()*+,;=\[\]]|%[0-9A-Fa-f]{2})+")
"""A reference to a URI without a query and a fragment, by its characters."""
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_NO_CHARACTERS = re.compile(
    "[\ufdd0-\ufdef" + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF)) + "]"
)
"""What an id may hold and the text of an event may not."""
_HIDDEN = {"reason", "digest", "reason_digest"}


def to_cloudevent(entry: Entry, *, source: str = "/custstatus") -> dict[str, Any]:
    """
    An entry as an event of CloudEvents 1.0, in its JSON form.

    Its source and id together are of the entry itself, so that one that is delivered again is known by them. Without the free
    text and the names, which can be erased here and could not be there; and without the digests.

    Args:
        entry: What happened.
        source: A URI of the system that tells, or a reference to one; the organisation is added to it as the last segment.

    Raises:
        InvalidInputError: The source is no such URI, or has a query or a fragment.
    """
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        raise InvalidInputError("source", "a URI, percent-encoded, without a query and a fragment", kind_of(source))
    data = {name: value for name, value in to_data(entry).items() if name not in _HIDDEN}
    data["actor"] = {"id": entry.actor.id, "kind": entry.actor.kind.value}
    return {
        "specversion": "1.0",
        "id": f"{_percent_encoded(entry.customer)}/{entry.version}",
        "source": f"{source.rstrip('/')}/{_percent_encoded(entry.org)}",
        "type": f"custstatus.{entry.kind.value}",
        "subject": _NO_CHARACTERS.sub(lambda found: _percent_encoded(found[0]), entry.customer),
        "time": utc_text(entry.recorded_at),
        "datacontenttype": "application/json",
        "data": data,
    }


def _percent_encoded(text: str) -> str:
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())
