"""
How a change is asked for, guarded, planned and answered: the values that pass between the gate and the stores.

`Request` is what a caller wants; `GuardedChange` the same as pure data for any store; `Found` what stands in the
store; `Plan` exactly what is to be written; `Applied` what was; `Refusal` why nothing is. What makes one of the other
is in `guarding` and `planning`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum

from attrs import field, frozen

from custstatus.lifecycle import Need, Status
from custstatus.records import Account, Actor, AnyChannel, Entry, Standing, StatusLabel, Wish
from custstatus.values import Value

__all__ = [
    "AccountPlan",
    "Applied",
    "Found",
    "GuardedChange",
    "Operation",
    "Plan",
    "Reason",
    "Refusal",
    "RefusalCode",
    "Request",
    "Step",
    "Token",
    "Warned",
]


class Operation(Enum):
    """What a request asks for; part of what an idempotency key stands for."""

    REGISTER = "register"
    CHANGE = "change"
    RESTORE = "restore"
    ADD_IDENTIFIER = "add_identifier"
    REPLACE_IDENTIFIER = "replace_identifier"
    REMOVE_IDENTIFIER = "remove_identifier"

    __hash__ = object.__hash__


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
    """Labels are configured, but none for this status: it cannot be reached (Capillary 3034)."""
    NO_CHANGE = "no_change"
    """It stands there already (D23, Capillary 3039)."""
    NO_MOVE = "no_move"
    """The lifecycle has no move from where the account is."""
    NOT_WHERE_IT_WAS = "not_where_it_was"
    """The move leads only back to where the account was before it was set aside."""
    NOTHING_TO_RESTORE = "nothing_to_restore"
    """The account is not set aside."""
    PERSON_NEEDED = "person_needed"
    SYSTEM_OPERATION_NEEDED = "system_operation_needed"
    OWN_WISH_NEEDED = "own_wish_needed"
    REASON_NEEDED = "reason_needed"
    NOT_FROM_HERE = "not_from_here"
    """A bulk change does not touch accounts that stand here (D63)."""
    IN_GRACE = "in_grace"
    """A person put the customer there not long ago, and a sweep leaves him for a while."""
    MOVED_ON = "moved_on"
    """The account stands no longer where the entry that is to be reversed had put it (D103)."""
    APPROVAL_NEEDED = "approval_needed"
    """A bulk run into this status names who approved it (D103)."""
    AMBIGUOUS = "ambiguous"
    """The identifiers of a row are of several customers."""
    TWICE = "twice"
    """The customer is in the same run already, with another row."""
    NOT_INACTIVE = "not_inactive"
    """The customer was active meanwhile."""
    BEFORE_LAST_ENTRY = "before_last_entry"
    """The given effective time precedes the lifecycle's last entry (D55)."""
    IN_THE_FUTURE = "in_the_future"
    """The given effective time is later than now."""
    OTHER_VERSION = "other_version"
    """The account is not at the version that the caller expects."""
    KEY_REUSED = "key_reused"
    """The key stands for another request."""
    IDENTIFIER_TAKEN = "identifier_taken"
    """Another living account of the organisation holds it."""
    IDENTIFIER_UNSUPPORTED = "identifier_unsupported"
    """The organisation does not support identifiers of this type."""
    IDENTIFIER_NOT_HELD = "identifier_not_held"
    """The account does not hold the identifier that is to go."""
    IDENTIFIER_HELD = "identifier_held"
    """The account holds the identifier that is to come."""

    __hash__ = object.__hash__


LACKING = {
    Need.PERSON: RefusalCode.PERSON_NEEDED,
    Need.SYSTEM_OPERATION: RefusalCode.SYSTEM_OPERATION_NEEDED,
    Need.OWN_WISH: RefusalCode.OWN_WISH_NEEDED,
    Need.REASON: RefusalCode.REASON_NEEDED,
}
"""The code of each need that a request does not meet."""


@frozen(slots=False, repr=False)
class Reason(Value):
    """One thing that stands in the way of a change."""

    code: RefusalCode
    message: str
    """For staff: what stands in the way, and the next step."""
    lifecycle: str | None = None


@frozen(slots=False, repr=False)
class Refusal(Value):
    """A change that is not made, with everything that stands in its way; nothing was written."""

    customer: str
    reasons: tuple[Reason, ...]
    account: Account | None = field(default=None, repr=False)
    """What stands there, where it was found."""

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
    """What a caller should know of a change that was made."""

    NO_DEFAULT_LABEL = "no_default_label"
    """Registered with an unset customer status: ACTIVE has no label (D2, Capillary 8107)."""

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
    wish: Wish | None = None
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
    """Where that was a label that has been retired, or none: what the target stands in for."""


Was = tuple[str | None, str | None, int | None]
"""Status, label and `back_to` of the entry whose result an account left on being set aside."""


@frozen(eq=False, slots=False, repr=False)
class Step(Value):
    """
    One lifecycle of one change; like requests under one configuration share one object.

    A store that applies a change by itself asks `admits` and `way_back`; what the request `lacks` only explains.
    """

    lifecycle: str
    to: str
    label: str | None
    by_status: bool
    """Asked for by status: where the status stands already, that is no change, whatever the label."""
    lacks: Mapping[str | None, frozenset[Need]]
    """For each source of a legal move: what the request lacks there."""
    open: frozenset[str | None]
    """The sources where nothing is lacking; None is unset."""
    back: frozenset[str]
    """The sources where nothing is lacking, but that lead only to where the account was."""
    back_only: frozenset[str]
    """The sources of moves that lead only back, whatever the request lacks there."""
    group_statuses: frozenset[str]
    group_labels: frozenset[str]
    """The set-aside group that the target belongs to, by status or by label."""
    closes: bool
    only_from: frozenset[str] | None = None
    """Labels, or statuses where there is no label, outside which the change is not made."""
    stands_for: frozenset[str | None] = frozenset()
    """On the way back: the label itself, and one that has been retired (or none, before there were labels)."""

    def leads_to(self, was: Was | None) -> bool:
        """Whether the step leads to where the account was before it was set aside."""
        return was is not None and was[0] == self.to and was[1] in self.stands_for

    def admits(self, status: str | None, label: str | None, was: Was | None) -> bool:
        """Whether nothing stands in the step's way at a place, where the account was elsewhere before it was set aside."""
        if status == self.to and (self.by_status or label == self.label):
            return False
        if self.only_from is not None and (label or status) not in self.only_from:
            return False
        return status in self.open or (status in self.back and self.leads_to(was))

    def way_back(
        self, status: str | None, label: str | None, entry: int, back_to: int | None, was: Was | None
    ) -> int | None:
        """
        The version of the entry to which the way back leads after the step: kept, restored, begun or cleared.

        Args:
            status: Where the account stands.
            label: Likewise.
            entry: The version of the entry that put it there.
            back_to: Where the way back leads so far.
            was: What that entry's result was.
        """
        if status is None:
            return None
        if status in self.group_statuses or label in self.group_labels:
            return back_to
        if self.leads_to(was):
            return None if was is None else was[2]
        # An idle label is entered only from its own status: nobody buys his way back into a suspicion (D63).
        begins = self.group_statuses or (self.group_labels and status == self.to)
        return entry if begins else None


@frozen(eq=False, slots=False, repr=False)
class GuardedChange(Value):
    """A request as pure data: all that a store needs to apply it, or to say what stands in its way."""

    org: str
    customer: str
    steps: tuple[Step, ...]
    now: datetime
    at: datetime | None
    """The effective time as the caller gave it."""
    actor: Actor
    wish: Wish
    channel: str
    config: str
    reason: str | None = field(default=None, repr=False)
    reason_code: str | None = None
    reason_digest: bytes | None = field(default=None, repr=False)
    key: str | None = None
    digest: bytes | None = field(default=None, repr=False)
    expected: int | None = None
    registers: bool = False
    lifecycles: tuple[str, ...] = ()
    """When it registers: every lifecycle that is on."""
    adds: tuple[Token, ...] = ()
    drops: tuple[Token, ...] = ()
    quiet_since: datetime | None = None
    run: str | None = None
    approval: str | None = None
    shop: str | None = None
    grace_since: datetime | None = None
    entry: int | None = None
    faults: tuple[Reason, ...] = ()
    """What stands in the way whatever the account: with any, there is nothing to apply, only to explain."""
    warnings: tuple[Warned, ...] = ()

    @property
    def single(self) -> Step | None:
        """The step of a change of one lifecycle of an account that is there, and of nothing else; None for all others."""
        others = self.registers or self.adds or self.drops or self.faults
        return self.steps[0] if len(self.steps) == 1 and not others else None

    @property
    def plain(self) -> Step | None:
        """That step, where the change belongs to no bulk run and asks for nothing that only those ask for."""
        step = self.single
        bulk = self.run or self.shop or self.approval or self.quiet_since or self.grace_since or self.entry
        return None if bulk or step is None or step.only_from is not None else step

    def of_run(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """Those of a customer's entries that the change's run has written on its lifecycles; none without a run."""
        if self.run is None:
            return ()
        lifecycles = {step.lifecycle for step in self.steps}
        return tuple(entry for entry in entries if entry.run == self.run and entry.lifecycle in lifecycles)


@frozen(eq=False, slots=False, repr=False)
class Found(Value):
    """What stands in the store in the way, or instead, of a change."""

    account: Account | None
    prior: tuple[Entry, ...] = ()
    """The entries that the change's key has already written, or its run for this customer on its lifecycles."""
    behind: tuple[Entry, ...] = ()
    """The entries that the standings' `back_to` name."""
    holders: Mapping[str, str] = field(factory=dict, repr=False)
    """Which living account holds each token that the change adds or drops."""
    last_activity_at: datetime | None = None
    """The last activity that counts; read when the change asks for quiet."""


@frozen(eq=False, slots=False, repr=False)
class AccountPlan(Value):
    """What is to be written for one account."""

    org: str
    customer: str
    expected: int | None
    """The version that must stand there; None: there must be no such account."""
    entries: tuple[Entry, ...]
    standings: tuple[Standing[str, str], ...]
    """The rows as they are to be; those of other lifecycles stay."""
    registered_at: datetime | None = None
    closed_at: datetime | None = None
    adds: tuple[Token, ...] = ()
    drops: tuple[Token, ...] = ()


@frozen(eq=False, slots=False, repr=False)
class Plan(Value):
    """Exactly what a change writes, for one account or several: all of it or nothing."""

    guarded: GuardedChange
    accounts: tuple[AccountPlan, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of all accounts, in order."""
        return tuple(entry for account in self.accounts for entry in account.entries)


@frozen(slots=False, repr=False)
class Applied(Value):
    """A change that was made, with its entries in order."""

    entries: tuple[Entry, ...]
    replayed: bool = False
    """The key, or the run, had made it before; nothing was written now."""
    warnings: tuple[Warned, ...] = ()
