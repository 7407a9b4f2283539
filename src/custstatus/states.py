"""
Every lifecycle that the library ships: an enum and a chart each, data only.

The charts are strict by default. Where no product publishes a transition, ours are marked as such in the reason beside
the edge (`ours`); an organisation edits the compiled table (`Lifecycle.adding`, `Lifecycle.without`). The rules'
numbers (D1 to D108) are explained in `docs/rules.md`.

PERSON is required where a product asks for a right, a verification or a second person; SYSTEM_OPERATION where only an
operation of the library's own may make the transition.
"""

from __future__ import annotations

from statemachine import Event, State, StateMachine
from statemachine.states import States

from custstatus.lifecycles.lifecycle import Lifecycle, Requirement, Status

__all__ = [
    "CLIENT_STATE",
    "CUSTOMER_STATUS",
    "LEGACY_FRAUD_STATUS",
    "LOYALTY_TYPE",
    "MEMBERSHIP",
    "SHIPPED",
    "TRIAL_GROUP",
    "ClientState",
    "ClientStateChart",
    "CustomerStatus",
    "CustomerStatusChart",
    "LegacyFraudStatus",
    "LegacyFraudStatusChart",
    "LoyaltyType",
    "LoyaltyTypeChart",
    "Membership",
    "MembershipChart",
    "TrialGroup",
    "TrialGroupChart",
]

_BY_STAFF = (Requirement.PERSON, Requirement.REASON)
_BY_REASON = (Requirement.REASON,)
_BY_SYSTEM = (Requirement.SYSTEM_OPERATION,)


class CustomerStatus(Status):
    """Capillary's customer status (D3)."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    FRAUD_SUSPECTED = "fraud_suspected"
    FRAUD_CONFIRMED = "fraud_confirmed"
    INTERNAL = "internal"
    PENDING_DELETION = "pending_deletion"
    DELETED = "deleted"


class CustomerStatusChart(StateMachine):
    """The transitions of customer status, deletion flow off (with it on, only PENDING_DELETION leads to DELETED, D10)."""

    unset = State(initial=True)
    s = States.from_enum(CustomerStatus, initial=None, final=CustomerStatus.DELETED)

    register = Event(unset.to(s.ACTIVE), name="a new customer, with the default label (D1)")
    suspend = Event(unset.to(s.SUSPENDED) | s.ACTIVE.to(s.SUSPENDED), name="for a time: a lost phone, say (D4)")
    reinstate = Event(s.SUSPENDED.to(s.ACTIVE), name="the suspension ends, the person identified (D4, D104; ours)")
    suspect = Event(
        unset.to(s.FRAUD_SUSPECTED)
        | s.ACTIVE.to(s.FRAUD_SUSPECTED)
        | s.SUSPENDED.to(s.FRAUD_SUSPECTED)
        | s.INTERNAL.to(s.FRAUD_SUSPECTED),
        name="unusual behaviour (D3, D97)",
    )
    confirm = Event(s.FRAUD_SUSPECTED.to(s.FRAUD_CONFIRMED), name="after a verification, never from ACTIVE (D7, D92)")
    clear = Event(s.FRAUD_SUSPECTED.to(s.ACTIVE), name="the suspicion was wrong (D8, D95)")
    clear_as_victim = Event(s.FRAUD_SUSPECTED.to(s.SUSPENDED), name="a victim of it, or suspended before (D93; ours)")
    correct = Event(s.FRAUD_CONFIRMED.to(s.ACTIVE), name="corrected, or an appeal won (D8, D96)")
    correct_to_suspended = Event(s.FRAUD_CONFIRMED.to(s.SUSPENDED), name="corrected; suspended before (D95, D96; ours)")
    reopen = Event(s.FRAUD_CONFIRMED.to(s.FRAUD_SUSPECTED), name="a new verification (D96; ours)")
    mark_internal = Event(
        unset.to(s.INTERNAL) | s.ACTIVE.to(s.INTERNAL), name="a test or staff account, with a reference (D9, D97)"
    )
    leave_internal = Event(s.INTERNAL.to(s.ACTIVE), name="no longer a test or staff account (D97)")
    # Not from unset: a cancelled deletion leads back to where the account was, and nothing leads back to unset.
    schedule_deletion = Event(
        s.ACTIVE.to(s.PENDING_DELETION)
        | s.SUSPENDED.to(s.PENDING_DELETION)
        | s.FRAUD_SUSPECTED.to(s.PENDING_DELETION)
        | s.FRAUD_CONFIRMED.to(s.PENDING_DELETION)
        | s.INTERNAL.to(s.PENDING_DELETION),
        name="a deletion request was approved (D11)",
    )
    cancel_deletion = Event(s.PENDING_DELETION.to(s.ACTIVE), name="cancelled in time: status and label restored (D11)")
    cancel_deletion_to_suspended = Event(s.PENDING_DELETION.to(s.SUSPENDED), name="cancelled in time (D11)")
    cancel_deletion_to_suspected = Event(s.PENDING_DELETION.to(s.FRAUD_SUSPECTED), name="cancelled in time (D11)")
    cancel_deletion_to_confirmed = Event(s.PENDING_DELETION.to(s.FRAUD_CONFIRMED), name="cancelled in time (D11)")
    cancel_deletion_to_internal = Event(s.PENDING_DELETION.to(s.INTERNAL), name="cancelled in time (D11)")
    lapse = Event(s.PENDING_DELETION.to(s.DELETED), name="the waiting period is over (D11)")
    delete = Event(
        unset.to(s.DELETED) | s.ACTIVE.to(s.DELETED) | s.INTERNAL.to(s.DELETED),
        name="at the customer's request, or inactive for long (D5, D64)",
    )
    delete_by_staff = Event(
        s.SUSPENDED.to(s.DELETED) | s.FRAUD_SUSPECTED.to(s.DELETED) | s.FRAUD_CONFIRMED.to(s.DELETED),
        name="never by a sweep (D63); after the outcome, with a right (D98, D99)",
    )
    relabel = Event(s.ACTIVE.to.itself() | s.INTERNAL.to.itself(), name="another label of the same status (D22)")
    relabel_suspended = Event(s.SUSPENDED.to.itself(), name="another label of the same status (D22)")
    relabel_fraud = Event(
        s.FRAUD_SUSPECTED.to.itself() | s.FRAUD_CONFIRMED.to.itself(), name="another label of the same status (D22)"
    )


CUSTOMER_STATUS = Lifecycle.from_chart(
    CustomerStatus,
    CustomerStatusChart,
    requirements={
        "suspend": _BY_REASON,
        "reinstate": _BY_STAFF,
        "suspect": _BY_REASON,
        "confirm": _BY_STAFF,
        "clear": _BY_STAFF,
        "clear_as_victim": _BY_STAFF,
        "correct": _BY_STAFF,
        "correct_to_suspended": _BY_STAFF,
        "reopen": _BY_STAFF,
        "mark_internal": _BY_REASON,
        "leave_internal": _BY_REASON,
        "schedule_deletion": _BY_SYSTEM,
        "cancel_deletion": _BY_SYSTEM,
        "cancel_deletion_to_suspended": _BY_SYSTEM,
        "cancel_deletion_to_suspected": _BY_SYSTEM,
        "cancel_deletion_to_confirmed": _BY_SYSTEM,
        "cancel_deletion_to_internal": _BY_SYSTEM,
        "lapse": _BY_SYSTEM,
        "delete": _BY_REASON,
        "delete_by_staff": _BY_STAFF,
        "relabel_suspended": _BY_REASON,
        "relabel_fraud": _BY_STAFF,
    },
    back=[
        "correct_to_suspended",
        "cancel_deletion",
        "cancel_deletion_to_suspended",
        "cancel_deletion_to_suspected",
        "cancel_deletion_to_confirmed",
        "cancel_deletion_to_internal",
    ],
    aside=[
        {CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED},
        {CustomerStatus.PENDING_DELETION},
    ],
    closing=[CustomerStatus.DELETED],
)


class LegacyFraudStatus(Status):
    """The fraud status that customer status superseded (D41, D45)."""

    MARKED = "marked"
    CONFIRMED = "confirmed"
    RECONFIRMED = "reconfirmed"
    NOT_FRAUD = "not_fraud"
    INTERNAL = "internal"


class LegacyFraudStatusChart(StateMachine):
    """The transitions of the legacy fraud status, strict: no value without the one it follows (D42)."""

    unset = State(initial=True)
    s = States.from_enum(LegacyFraudStatus, initial=None)

    mark = Event(
        unset.to(s.MARKED) | s.NOT_FRAUD.to(s.MARKED) | s.INTERNAL.to(s.MARKED), name="fraudulent behaviour (D41)"
    )
    reopen = Event(s.CONFIRMED.to(s.MARKED) | s.RECONFIRMED.to(s.MARKED), name="reopened (D42; ours)")
    confirm = Event(s.MARKED.to(s.CONFIRMED), name="follows a mark (D42)")
    reconfirm = Event(s.CONFIRMED.to(s.RECONFIRMED), name="fraudulent behaviour again (D42)")
    clear = Event(
        unset.to(s.NOT_FRAUD) | s.MARKED.to(s.NOT_FRAUD) | s.CONFIRMED.to(s.NOT_FRAUD) | s.RECONFIRMED.to(s.NOT_FRAUD),
        name="a suspicion, a score flag included, was wrong (D42, D49)",
    )
    mark_internal = Event(unset.to(s.INTERNAL) | s.NOT_FRAUD.to(s.INTERNAL), name="a test account (D41)")


LEGACY_FRAUD_STATUS = Lifecycle.from_chart(
    LegacyFraudStatus,
    LegacyFraudStatusChart,
    requirements={
        "mark": _BY_REASON,
        "reopen": _BY_REASON,
        "confirm": _BY_STAFF,
        "reconfirm": _BY_STAFF,
        "clear": _BY_STAFF,
        "mark_internal": _BY_REASON,
    },
)


class ClientState(Status):
    """Loymax's client state (D79); the names of its API are aliases."""

    ANONYMOUS = "anonymous"
    NEW = "new"
    REGISTERED = "registered"
    DELETED = "deleted"
    EXCLUDED = "excluded"

    NORMAL = NEW
    DEREGISTERED = EXCLUDED


class ClientStateChart(StateMachine):
    """The transitions of client state that concern one account; those of several accounts at once are system operations."""

    unset = State(initial=True)
    s = States.from_enum(ClientState, initial=None, final=[ClientState.DELETED, ClientState.EXCLUDED])

    install = Event(unset.to(s.ANONYMOUS), name="by the app, before registration (D79)")
    pack = Event(unset.to(s.NEW), name="a temporary owner, made when cards are packed (D79)")
    register = Event(
        unset.to(s.REGISTERED) | s.ANONYMOUS.to(s.REGISTERED) | s.NEW.to(s.REGISTERED),
        name="registration completed (D81)",
    )
    replace = Event(
        s.ANONYMOUS.to(s.DELETED) | s.NEW.to(s.DELETED), name="a temporary owner gave way to the real one (D82, D83)"
    )
    exclude = Event(
        s.ANONYMOUS.to(s.EXCLUDED) | s.REGISTERED.to(s.EXCLUDED), name="only at the member's own request (D84)"
    )


CLIENT_STATE = Lifecycle.from_chart(
    ClientState,
    ClientStateChart,
    requirements={"pack": _BY_SYSTEM, "replace": _BY_SYSTEM, "exclude": (Requirement.OWN_REQUEST, Requirement.REASON)},
    closing=[ClientState.DELETED, ClientState.EXCLUDED],
)


class Membership(Status):
    """TIBCO's membership (D67); un-enrolled and on hold are told apart inside its INACTIVE (D71)."""

    ACTIVE = "active"
    """Known, not a member."""
    ENROLLED = "enrolled"
    UNENROLLED = "unenrolled"
    ON_HOLD = "on_hold"
    MERGED = "merged"

    @property
    def export_codes(self) -> tuple[str, str]:
        """TIBCO's pair of ShopperStatus ('A', 'I') and LoyaltyMember ('1', '0') (D77; the one of ON_HOLD is ours)."""
        return _EXPORT_CODES[self]


_EXPORT_CODES = {
    Membership.ACTIVE: ("A", "0"),
    Membership.ENROLLED: ("A", "1"),
    Membership.UNENROLLED: ("I", "0"),
    Membership.ON_HOLD: ("I", "1"),
    Membership.MERGED: ("I", "0"),
}


class MembershipChart(StateMachine):
    """The transitions of membership; merging, which concerns two accounts, is a system operation."""

    unset = State(initial=True)
    s = States.from_enum(Membership, initial=None)

    know = Event(unset.to(s.ACTIVE), name="an account that is no member (D67)")
    enroll = Event(
        unset.to(s.ENROLLED) | s.ACTIVE.to(s.ENROLLED) | s.MERGED.to(s.ENROLLED), name="becomes a member (D68)"
    )
    enroll_again = Event(s.UNENROLLED.to(s.ENROLLED), name="what the customer left reopens at their own request (D68)")
    unenroll = Event(s.ENROLLED.to(s.UNENROLLED), name="leaves the programme (D69)")
    hold = Event(s.ACTIVE.to(s.ON_HOLD) | s.ENROLLED.to(s.ON_HOLD), name="on hold, points untouched (D70)")
    reactivate = Event(s.ON_HOLD.to(s.ENROLLED), name="restores the former state with no loss (D70)")
    reactivate_known = Event(s.ON_HOLD.to(s.ACTIVE), name="restores the former state with no loss (D70)")
    merge = Event(s.ACTIVE.to(s.MERGED) | s.ENROLLED.to(s.MERGED), name="the source of a merge (D72, D73)")


MEMBERSHIP = Lifecycle.from_chart(
    Membership,
    MembershipChart,
    requirements={
        "enroll_again": (Requirement.OWN_REQUEST,),
        "unenroll": _BY_REASON,
        "hold": _BY_REASON,
        "merge": _BY_SYSTEM,
    },
    back=["reactivate", "reactivate_known"],
    aside=[{Membership.ON_HOLD}],
)


class LoyaltyType(Status):
    """Whether a customer takes part in the loyalty programme (D78, D107)."""

    NON_LOYALTY = "non_loyalty"
    LOYALTY = "loyalty"


class LoyaltyTypeChart(StateMachine):
    """One way only (D78)."""

    unset = State(initial=True)
    s = States.from_enum(LoyaltyType, initial=None, final=LoyaltyType.LOYALTY)

    start = Event(unset.to(s.NON_LOYALTY), name="not in the programme (D107)")
    join = Event(unset.to(s.LOYALTY) | s.NON_LOYALTY.to(s.LOYALTY), name="joins, and never leaves by this way (D78)")


LOYALTY_TYPE = Lifecycle.from_chart(LoyaltyType, LoyaltyTypeChart)


class TrialGroup(Status):
    """Whether a customer is in the test or in the control group of a campaign (D107)."""

    TEST = "test"
    CONTROL = "control"


class TrialGroupChart(StateMachine):
    """Both ways (D107)."""

    unset = State(initial=True)
    s = States.from_enum(TrialGroup, initial=None)

    to_test = Event(unset.to(s.TEST) | s.CONTROL.to(s.TEST), name="measured with the campaign (D107)")
    to_control = Event(unset.to(s.CONTROL) | s.TEST.to(s.CONTROL), name="measured without it (D107)")


TRIAL_GROUP = Lifecycle.from_chart(TrialGroup, TrialGroupChart)

SHIPPED = (CUSTOMER_STATUS, LEGACY_FRAUD_STATUS, CLIENT_STATE, MEMBERSHIP, LOYALTY_TYPE, TRIAL_GROUP)
"""Every lifecycle declared here."""
