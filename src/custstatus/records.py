"""
The words the library speaks in: frozen values of who, by which way, what, where an account stands and what happened.

Values that come from a caller check their bounds here. Those that only a store makes (`Standing`, `Entry`, `Account`)
hold statuses and labels as the text they are stored by; the service lifts them to an organisation's own enums.
Free text and personal names are kept out of every repr. How a change is asked for and answered is in `changes`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import field, frozen

from custstatus import bounds
from custstatus.bounds import bounded, check_amount, check_id, check_moment, check_text
from custstatus.errors import InvalidInputError
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.states import CustomerStatus

__all__ = [
    "Account",
    "Action",
    "Activity",
    "Actor",
    "ActorKind",
    "AnyAction",
    "AnyChannel",
    "Channel",
    "Effect",
    "Entry",
    "EntryKind",
    "HeldIdentifier",
    "Identifier",
    "NoLabels",
    "RequestedBy",
    "Standing",
    "StatusLabel",
]

S_co = TypeVar("S_co", covariant=True)
L_co = TypeVar("L_co", covariant=True)


class AnyAction(Enum):
    """The open base of actions, what a customer does or receives; a host adds a subclass with members of text values."""

    __hash__ = object.__hash__


class Action(AnyAction):
    """The actions of today's products (D28), and those they lack (from RETURN on)."""

    TRANSACTION = "transaction"
    POINTS_ALLOCATION = "points_allocation"
    POINTS_REDEMPTION = "points_redemption"
    POINTS_TRANSFER = "points_transfer"
    COUPON_ISSUE = "coupon_issue"
    COUPON_REDEMPTION = "coupon_redemption"
    PROMOTION_ISSUE = "promotion_issue"
    PROMOTION_ENROLL = "promotion_enroll"
    BADGE_ISSUE = "badge_issue"
    OFFERS = "offers"
    TIER_UPGRADE = "tier_upgrade"
    IDENTIFIER_CHANGE = "identifier_change"
    ACCOUNT_MERGE = "account_merge"
    COMMUNICATION_PROMOTIONAL = "communication_promotional"
    COMMUNICATION_SERVICE = "communication_service"
    LOGIN = "login"
    CARD_ISSUE = "card_issue"
    CARD_REPLACE = "card_replace"
    RETURN = "return"
    CLAWBACK = "clawback"
    GOODWILL = "goodwill"
    PASSWORD_RESET = "password_reset"  # noqa: S105
    PROFILE_EDIT = "profile_edit"
    OPT_OUT = "opt_out"
    DELETION_REQUEST = "deletion_request"


class Effect(Enum):
    """What a rule or a decision does to an action, from the mildest to the strictest."""

    ALLOW = "allow"
    MARK = "mark"
    """Accepted, but flagged: an outlier (D33)."""
    BLOCK = "block"

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise TypeError("an effect has no truth value: compare it")

    @property
    def strictness(self) -> int:
        """0 for ALLOW, 1 for MARK, 2 for BLOCK."""
        return _STRICTNESS[self]


_STRICTNESS = {effect: place for place, effect in enumerate(Effect)}


class AnyChannel(Enum):
    """The open base of channels, by which way a change comes: a host adds a subclass with members of text values."""

    __hash__ = object.__hash__


class Channel(AnyChannel):
    """The ways of today's products (D57), and our own sweep."""

    API = "api"
    IMPORT = "import"
    CONNECT_PLUS = "connect_plus"
    MEMBER_CARE = "member_care"
    REQUEST_WORKFLOW = "request_workflow"
    SWEEP = "sweep"


class ActorKind(Enum):
    """What kind of actor makes a change."""

    PERSON = "person"
    """A member of staff."""
    SYSTEM = "system"
    CUSTOMER = "customer"

    __hash__ = object.__hash__


class RequestedBy(Enum):
    """Who asked for the change, regardless of who entered it (D101)."""

    CUSTOMER = "customer"
    STAFF = "staff"
    SYSTEM = "system"
    AUTHORITY = "authority"

    __hash__ = object.__hash__


@frozen(slots=False, repr=False)
class Actor(Value):
    """Who makes a change."""

    id: str = field(validator=bounded(check_id))
    """1 to 128 characters, not a personal name: it stays in the history for good."""
    kind: ActorKind = ActorKind.PERSON
    name: str | None = field(
        default=None, repr=False, eq=False, validator=bounded(check_text, bounds.ID, optional=True)
    )
    """For people to read; stored apart from the history, so that it can be erased."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.kind, ActorKind):
            raise InvalidInputError("Actor.kind", "an ActorKind", bounds.kind_of(self.kind))


class StatusLabel(Enum):
    """
    The base of an organisation's labels, each its text and the one customer status that it maps to (D19).

    A status's first label is its default (D20). Stored by its text, 1 to 64 characters.

    >>> from custstatus import CustomerStatus, StatusLabel
    >>> class Label(StatusLabel):
    ...     REGULAR = "Regular", CustomerStatus.ACTIVE
    ...     LOST_PHONE = "Lost phone", CustomerStatus.SUSPENDED
    >>> Label.LOST_PHONE.status
    <CustomerStatus.SUSPENDED: 'suspended'>
    """

    text: str
    status: CustomerStatus

    def __init__(self, text: str, status: CustomerStatus) -> None:
        self.text = text
        self.status = status

    __hash__ = object.__hash__


class NoLabels(StatusLabel):
    """The labels of an organisation that has none: customers have a status only."""


@frozen(slots=False, repr=False)
class Identifier(Value):
    """
    What a customer is found by (D108): opaque exact text, which the host normalises.

    Unique among an organisation's living accounts by all four fields together.
    """

    type: str = field(validator=bounded(check_id, bounds.LABEL))
    """For example mobile, email, external_id; an organisation configures those it supports."""
    value: str = field(repr=False, validator=bounded(check_id, bounds.IDENTIFIER))
    source: str = field(default="", validator=bounded(check_text, bounds.ID))
    """Where it comes from (a point of sale, a web shop), if that matters."""
    account: str = field(default="", repr=False, validator=bounded(check_text, bounds.ID))
    """The account within the source."""


@frozen(slots=False, repr=False)
class HeldIdentifier(Value):
    """An identifier that an account holds, as the store knows it: by its token."""

    type: str
    token: str = field(repr=False)
    since: datetime
    """When it was added, UTC."""


def _activity_at(value: datetime) -> datetime:
    return check_moment("Activity.at", value)


@frozen(slots=False, repr=False)
class Activity(Value):
    """
    What a customer did, as the host reports it: one receipt, one redemption, one attempt.

    A repeat is known by (customer, kind, reference): the first report stands.
    """

    customer: str = field(validator=bounded(check_id))
    kind: AnyAction
    reference: str = field(validator=bounded(check_id))
    """The host's own number for it: a receipt, say; 1 to 128 characters."""
    at: datetime = field(converter=_activity_at)
    """When it happened, aware; at most 9999."""
    amount: Decimal | None = field(default=None, validator=bounded(check_amount, optional=True))
    effect: Effect = Effect.ALLOW
    """What was decided: a marked one (an outlier) or a blocked one (an attempt) keeps nobody active (D106)."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.kind, AnyAction):
            raise InvalidInputError("Activity.kind", "an action", bounds.kind_of(self.kind))
        if not isinstance(self.effect, Effect):
            raise InvalidInputError("Activity.effect", "an Effect", bounds.kind_of(self.effect))


@frozen(slots=False, repr=False)
class Standing(Value, Generic[S_co, L_co]):
    """Where an account is on one lifecycle. From a store status and label are text, from the service enum members."""

    lifecycle: str
    status: S_co | None
    """None is unset."""
    label: L_co | None
    since: datetime
    """Effective time of the last entry on this lifecycle, UTC: "last updated on" (D56)."""
    status_since: datetime
    """Effective time at which the status was entered; a change of label leaves it."""
    by: Actor
    """Who made the last entry on this lifecycle: "last updated by" (D56); without a name."""
    entry: int
    """The version of that entry."""
    return_to: int | None = None
    """While set aside: the version of the entry whose result was left."""
    until: datetime | None = None
    """When it ends by itself, if it does."""


class EntryKind(Enum):
    """What an entry records."""

    REGISTERED = "registered"
    MOVED = "moved"
    IDENTIFIER_ADDED = "identifier_added"
    IDENTIFIER_REPLACED = "identifier_replaced"
    IDENTIFIER_REMOVED = "identifier_removed"

    __hash__ = object.__hash__


@frozen(slots=False, repr=False)
class Entry(Value):
    """
    One line of an account's history, for good. Only MOVED has a lifecycle, a from and a to.

    Free text (`reason`) and the actor's name come from a place of their own and are None once erased.
    """

    org: str
    customer: str
    version: int
    """1 for the registration, then without a gap."""
    kind: EntryKind
    lifecycle: str | None
    from_status: str | None
    from_label: str | None
    to_status: str | None
    to_label: str | None
    effective_at: datetime
    """When it counts from, UTC."""
    recorded_at: datetime
    """When it was written, UTC."""
    actor: Actor
    requested_by: RequestedBy
    channel: str
    """The channel's value."""
    config: str
    """The hash of the configuration under which it was made."""
    reason: str | None = field(default=None, repr=False)
    reason_code: str | None = None
    reason_digest: bytes | None = field(default=None, repr=False)
    """The keyed digest of the reason, which outlives the text."""
    subject: str | None = None
    """For an identifier: its type."""
    key: str | None = None
    ordinal: int = 0
    """Its place among the entries of one operation."""
    digest: bytes | None = field(default=None, repr=False)
    """What the key identifies: the digest of the request."""
    return_to: int | None = None
    closes: bool = False
    """Whether it closed the account."""
    run: str | None = None
    """The bulk run that it belongs to (D103)."""
    related: str | None = None
    """Another account that it concerns."""
    approval: str | None = None
    """Who approved it, or under which number, where a bulk run needs that (D103)."""
    shop: str | None = None
    """Where it was asked for: a shop's code, as bulk files have it (D50)."""


@frozen(slots=False, repr=False)
class Account(Value):
    """An account as a store holds it: one version over all its lifecycles."""

    org: str
    customer: str
    version: int
    """The number of its last entry."""
    registered_at: datetime
    closed_at: datetime | None
    standings: tuple[Standing[str, str], ...]
    """One for every lifecycle that was on, ordered by the lifecycle's name."""

    @cached_property
    def places(self) -> str:
        """Every lifecycle, status and label of the standings in one text: accounts with the same one get the same verdicts."""
        # One text, as its hash is kept: a tuple's is computed anew at every look-up.
        return "\x1f".join([f"{row.lifecycle}\x1f{row.status or ''}\x1f{row.label or ''}" for row in self.standings])

    def standing(self, lifecycle: str) -> Standing[str, str] | None:
        """Where it is on one lifecycle; None where it has no row for it."""
        return next((standing for standing in self.standings if standing.lifecycle == lifecycle), None)
