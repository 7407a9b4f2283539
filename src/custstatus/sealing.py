"""
Identifiers and free text made into tokens and digests, with the host's key where it gives one.

Without a key a token still holds the identifier itself, so that it can be read back; with one, an HMAC-SHA-256 that
only the same key finds again. There is no key rotation: another key finds none of the old identifiers.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from attrs import field, frozen

from custstatus.errors import InvalidInputError
from custstatus.gate.request import Token
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.records import Identifier

__all__ = ["Seal"]


def _joined(*parts: str) -> bytes:
    """The parts, each behind its length: no two lists of parts give the same bytes."""
    coded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in coded)


@frozen(repr=False)
class Seal(Value):
    """A host's key, or none."""

    key: bytes | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.key is not None and (not isinstance(self.key, bytes) or len(self.key) < 16):
            raise InvalidInputError("Seal.key", "at least 16 bytes", type(self.key).__name__)

    def token(self, org: str, identifier: Identifier) -> Token:
        """The one text by which a store knows an identifier of an organisation."""
        parts = (identifier.type, identifier.value, identifier.source, identifier.account)
        if self.key is None:
            return Token(identifier.type, json.dumps(parts, ensure_ascii=False, separators=(",", ":")))
        return Token(identifier.type, hmac.new(self.key, _joined(org, *parts), hashlib.sha256).hexdigest())

    def digest(self, text: str | None) -> bytes | None:
        """The keyed digest of a free text; None without a key, as short texts could be guessed from a plain one."""
        if self.key is None or text is None:
            return None
        return hmac.new(self.key, _joined(text), hashlib.sha256).digest()
