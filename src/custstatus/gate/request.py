"""What is asked for: operations, identifiers as tokens, and the request itself."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from attrs import field, frozen

from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.lifecycles.lifecycle import Status
    from custstatus.records import Actor, AnyChannel, RequestedBy, StatusLabel

__all__ = ["Operation", "Request", "Token"]


class Operation(Enum):
    """What a request asks for; part of what an idempotency key identifies."""

    REGISTER = "register"
    CHANGE = "change"
    RESTORE = "restore"
    ADD_IDENTIFIER = "add_identifier"
    REPLACE_IDENTIFIER = "replace_identifier"
    REMOVE_IDENTIFIER = "remove_identifier"

    __hash__ = object.__hash__


@frozen(slots=False, repr=False)
class Token(Value):
    """An identifier as a store sees it: its type, and one opaque text that no two identifiers share."""

    type: str
    token: str = field(repr=False)


@frozen(eq=False, slots=False, repr=False)
class Request(Value):
    """What is asked for. A target is a status, or one of the organisation's labels."""

    operation: Operation
    customer: str
    targets: tuple[Status | StatusLabel, ...]
    actor: Actor
    channel: AnyChannel
    requested_by: RequestedBy | None = None
    """None: by the kind of actor."""
    reason: str | None = field(default=None, repr=False)
    reason_code: str | None = None
    reason_digest: bytes | None = field(default=None, repr=False)
    at: datetime | None = None
    key: str | None = None
    expected: int | None = None
    adds: tuple[Token, ...] = ()
    drops: tuple[Token, ...] = ()
    run: str | None = None
    """The bulk run; a run changes a lifecycle of a customer once."""
    approval: str | None = None
    shop: str | None = None
    only_from: frozenset[Status | StatusLabel] | None = None
    quiet_since: datetime | None = None
    grace_since: datetime | None = None
    """Not made where a person put the customer at or after this time."""
    entry: int | None = None
    """Made only where this entry is still the last of the lifecycle."""
    system_operation: bool = False
    """Set by operations of the library's own only."""
    restores: str | None = None
    """The lifecycle on which the target is where the account was, resolved from the account."""
    stands_for: frozenset[str | None] = frozenset()
    """Where that was a label that has been retired, or none: what the target replaces."""
