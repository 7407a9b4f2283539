"""Entries as CloudEvents 1.0."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from custstatus.bounds import kind_of
from custstatus.config.codec import to_data, utc_text
from custstatus.errors import InvalidInputError

if TYPE_CHECKING:
    from custstatus.records import Entry

__all__ = ["to_cloudevent"]


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
