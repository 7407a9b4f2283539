"""Why a change is not made: stable codes, reasons, refusals; and warnings about one that was made."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from attrs import field, frozen

from custstatus.lifecycles.lifecycle import Requirement
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.records import Account

__all__ = ["Reason", "Refusal", "RefusalCode", "Warned"]


class RefusalCode(Enum):
    """Why a change is not made. The values are stable: hosts may store and compare them."""

    UNKNOWN_CUSTOMER = "unknown_customer"
    ALREADY_REGISTERED = "already_registered"
    CLOSED = "closed"
    """The account is closed for good: no change of anything is accepted (D5, Capillary 3042)."""
    LIFECYCLE_OFF = "lifecycle_off"
    """The organisation has not switched the lifecycle on (D16, Capillary 3044)."""
    UNKNOWN_LABEL = "unknown_label"
    """Not a label of this organisation (D21, Capillary 8086)."""
    STATUS_WITHOUT_LABEL = "status_without_label"
    """Labels are configured, but none for this status: it cannot be set (Capillary 3034)."""
    NO_CHANGE = "no_change"
    """The account is there already (D23, Capillary 3039)."""
    NO_TRANSITION = "no_transition"
    """The lifecycle has no such transition from where the account is."""
    NOT_WHERE_IT_WAS = "not_where_it_was"
    """The transition only returns an account to where it was before it was set aside."""
    NOTHING_TO_RESTORE = "nothing_to_restore"
    """The account is not set aside."""
    PERSON_NEEDED = "person_needed"
    SYSTEM_OPERATION_NEEDED = "system_operation_needed"
    OWN_REQUEST_NEEDED = "own_request_needed"
    REASON_NEEDED = "reason_needed"
    NOT_FROM_HERE = "not_from_here"
    """A bulk change skips accounts that are here (D63)."""
    IN_GRACE = "in_grace"
    """Staff set this status recently, so a sweep skips the customer until the grace period ends."""
    MOVED_ON = "moved_on"
    """The account has changed since the entry being reversed (D103)."""
    APPROVAL_NEEDED = "approval_needed"
    """A bulk run into this status must name who approved it (D103)."""
    AMBIGUOUS = "ambiguous"
    """The identifiers of a row belong to different customers."""
    TWICE = "twice"
    """An earlier row of the same run is for this customer."""
    NOT_INACTIVE = "not_inactive"
    """The customer has been active."""
    BEFORE_LAST_ENTRY = "before_last_entry"
    """The given effective time precedes the lifecycle's last entry (D55)."""
    IN_THE_FUTURE = "in_the_future"
    """The given effective time is in the future."""
    OTHER_VERSION = "other_version"
    """The account is not at the version that the caller expects."""
    KEY_REUSED = "key_reused"
    """The key was used for a different request."""
    IDENTIFIER_TAKEN = "identifier_taken"
    """Another open account of the organisation has it."""
    IDENTIFIER_UNSUPPORTED = "identifier_unsupported"
    """The organisation does not support identifiers of this type."""
    IDENTIFIER_NOT_HELD = "identifier_not_held"
    """The account does not have the identifier to be removed."""
    IDENTIFIER_HELD = "identifier_held"
    """The account already has the identifier to be added."""

    __hash__ = object.__hash__


LACKING = {
    Requirement.PERSON: RefusalCode.PERSON_NEEDED,
    Requirement.SYSTEM_OPERATION: RefusalCode.SYSTEM_OPERATION_NEEDED,
    Requirement.OWN_REQUEST: RefusalCode.OWN_REQUEST_NEEDED,
    Requirement.REASON: RefusalCode.REASON_NEEDED,
}
"""The code for each requirement that a request does not meet."""


@frozen(slots=False, repr=False)
class Reason(Value):
    """One reason why a change is not made."""

    code: RefusalCode
    message: str
    """For staff: what is wrong, and what to do."""
    lifecycle: str | None = None


@frozen(slots=False, repr=False)
class Refusal(Value):
    """A change that is not made, with every reason why; nothing was written."""

    customer: str
    reasons: tuple[Reason, ...]
    account: Account | None = field(default=None, repr=False)
    """The account as it is, where there is one."""

    @property
    def code(self) -> RefusalCode:
        """The first reason's code."""
        return self.reasons[0].code

    @property
    def codes(self) -> frozenset[RefusalCode]:
        """The codes of all reasons."""
        return frozenset(reason.code for reason in self.reasons)

    def __str__(self) -> str:
        return f"customer {self.customer!r}: " + "; ".join(
            f"{reason.message} [{reason.code.value}]" for reason in self.reasons
        )


class Warned(Enum):
    """What a caller should know about a change that was made."""

    NO_DEFAULT_LABEL = "no_default_label"
    """Registered with an unset customer status: ACTIVE has no label (D2, Capillary 8107)."""

    __hash__ = object.__hash__
