"""Acting: who makes changes and over which channel, and how a verb's arguments become a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from custstatus.bounds import check_text, kind_of
from custstatus.config.config import OrgConfig
from custstatus.errors import InvalidInputError
from custstatus.gate.request import Operation, Request
from custstatus.records import Actor, AnyChannel, Identifier, RequestedBy, StatusLabel
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.gate.request import Token
    from custstatus.lifecycles.lifecycle import Status
    from custstatus.sealing import Seal

__all__ = ["Acting"]

L = TypeVar("L", bound=StatusLabel)


@frozen(eq=False, repr=False)
class Acting(Value, Generic[L]):
    """One actor over one channel; the desk documents what each change carries."""

    _store: AsyncStore
    _config: OrgConfig[L]
    _clock: Callable[[], datetime]
    _seal: Seal
    actor: Actor
    channel: AnyChannel
    requested_by: RequestedBy | None = None

    def _request(self, operation: Operation, customer: str, *targets: L | Status, **given: Any) -> Request:
        digest = self._digest(given.get("reason"))
        return Request(
            operation, customer, targets, self.actor, self.channel, self.requested_by, reason_digest=digest, **given
        )

    def _digest(self, reason: str | None) -> bytes | None:
        if reason is None or self._seal.key is None:
            return None
        return self._seal.digest(check_text("reason", reason))

    def _tokens(self, identifiers: Iterable[Identifier]) -> tuple[Token, ...]:
        if isinstance(identifiers, (str, type)) or not isinstance(identifiers, Iterable):
            raise InvalidInputError("identifiers", "several Identifiers", kind_of(identifiers))
        tokens = []
        for identifier in identifiers:
            if not isinstance(identifier, Identifier):
                raise InvalidInputError("identifier", "an Identifier", kind_of(identifier))
            tokens.append(self._seal.token(self._config.org, identifier))
        return tuple(tokens)
