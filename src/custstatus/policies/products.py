"""
What single products do, to use as it is or to start from: restrictions, and transition tables laxer or stricter than ours.

They are parts: add them to each other and to `CAPILLARY_POLICY`. Each rule has its source beside it (D1 to D108,
`docs/rules.md`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, TypeVar, overload

from attrs import Attribute, field, frozen

from custstatus.bounds import kind_of
from custstatus.errors import InvalidInputError
from custstatus.lifecycles.lifecycle import Lifecycle, Requirement, Status, Transition
from custstatus.policies.capillary import CAPILLARY_POLICY
from custstatus.policies.conditions import Condition
from custstatus.policies.rules import Party, Place, Restriction, RestrictionPolicy, block, block_everything, mark
from custstatus.records import Action, StatusLabel
from custstatus.states import (
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    ClientState,
    CustomerStatus,
    LegacyFraudStatus,
    Membership,
)
from custstatus.values import Value

__all__ = [
    "LAX_CUSTOMER_STATUS",
    "LAX_LEGACY_FRAUD_STATUS",
    "LEGACY_FRAUD_OLDER_POLICY",
    "LEGACY_FRAUD_POLICY",
    "LOYMAX_POLICY",
    "MEMBERSHIP_WITHOUT_RETURN",
    "STRICT_MEMBERSHIP",
    "SWAN_DEACTIVATION_POLICY",
    "TIBCO_MEMBERSHIP_POLICY",
    "UNASKED_MESSAGE",
    "Message",
    "Switch",
    "account_block",
    "capillary",
    "legacy_fraud",
    "loymax",
]

P = TypeVar("P", bound=CustomerStatus | StatusLabel)

_EARNING = (Action.POINTS_ALLOCATION, Action.GOODWILL)
"""Earning from every source, goodwill too (D31)."""

# -- Capillary: customer status -------------------------------------------------------------------------------------


def _check_flag(instance: object, attribute: Attribute[bool], value: bool) -> None:
    if type(value) is not bool:
        raise InvalidInputError(f"{type(instance).__name__}.{attribute.name}", "True or False", kind_of(value))


@frozen(repr=False)
class Message(Value):
    """What a host says of a message that it is about to send: the context of `UNASKED_MESSAGE`."""

    asked_for_by_customer: bool = field(default=False, validator=_check_flag)
    """Whether it is a confirmation that the customer asked for: a one-time password, say (D17)."""


def _is_unasked(message: Message) -> bool:
    return not message.asked_for_by_customer


UNASKED_MESSAGE = Condition(
    "unasked_message", Message, _is_unasked, "all but a confirmation that the customer asked for (D36)"
)
"""Holds of every message that the customer has not asked for; `OrgConfig.from_json` needs it where a configuration has it."""


class Switch(Enum):
    """Capillary's restrictions of a label, by its own tokens (D28; those but BLOCK_POINTS_ALLOCATION are ours)."""

    BLOCK_TRANSACTION = "BLOCK_TRANSACTION"
    MARK_TRANSACTION_OUTLIER = "MARK_TRANSACTION_OUTLIER"
    BLOCK_POINTS_ALLOCATION = "BLOCK_POINTS_ALLOCATION"
    """Earning from every source, goodwill too (D31); tiers are apart (D32)."""
    BLOCK_POINTS_REDEMPTION = "BLOCK_POINTS_REDEMPTION"
    BLOCK_COUPON_ISSUE = "BLOCK_COUPON_ISSUE"
    BLOCK_COUPON_REDEMPTION = "BLOCK_COUPON_REDEMPTION"
    BLOCK_PROMOTION_ISSUE = "BLOCK_PROMOTION_ISSUE"
    BLOCK_PROMOTION_ENROLL = "BLOCK_PROMOTION_ENROLL"
    BLOCK_BADGE_ISSUE = "BLOCK_BADGE_ISSUE"
    BLOCK_TIER_UPGRADE = "BLOCK_TIER_UPGRADE"
    BLOCK_IDENTIFIER_CHANGE_AND_MERGE = "BLOCK_IDENTIFIER_CHANGE_AND_MERGE"
    """One switch (D29)."""
    BLOCK_COMMUNICATION = "BLOCK_COMMUNICATION"
    """Messages of every kind, one-time passwords too, except those that the customer asked for (D36)."""
    BLOCK_EVERYTHING = "BLOCK_EVERYTHING"
    """Of DELETED and its labels only, and the only one that they have (D30)."""

    __hash__ = object.__hash__


_BLOCKED: Mapping[Switch, tuple[tuple[Action, ...], str]] = {
    Switch.BLOCK_TRANSACTION: ((Action.TRANSACTION,), "transactions are blocked (D28)"),
    Switch.BLOCK_POINTS_ALLOCATION: (_EARNING, "earns from no source; a tier is another switch (D31, D32)"),
    Switch.BLOCK_POINTS_REDEMPTION: ((Action.POINTS_REDEMPTION,), "redeems no points (D28, D35)"),
    Switch.BLOCK_COUPON_ISSUE: ((Action.COUPON_ISSUE,), "gets no coupons (D28)"),
    Switch.BLOCK_COUPON_REDEMPTION: ((Action.COUPON_REDEMPTION,), "redeems no coupons (D28, D35)"),
    Switch.BLOCK_PROMOTION_ISSUE: ((Action.PROMOTION_ISSUE,), "gets no promotions (D28)"),
    Switch.BLOCK_PROMOTION_ENROLL: ((Action.PROMOTION_ENROLL,), "enrols in no promotions (D28)"),
    Switch.BLOCK_BADGE_ISSUE: ((Action.BADGE_ISSUE,), "gets no badges (D28)"),
    Switch.BLOCK_TIER_UPGRADE: ((Action.TIER_UPGRADE,), "stays in their tier (D32)"),
    Switch.BLOCK_IDENTIFIER_CHANGE_AND_MERGE: (
        (Action.IDENTIFIER_CHANGE, Action.ACCOUNT_MERGE),
        "neither changes identifiers nor is merged: one switch (D29)",
    ),
    Switch.BLOCK_COMMUNICATION: (
        (Action.COMMUNICATION_PROMOTIONAL,),
        "gets no messages, whatever they opted for (D36)",
    ),
}


def _rules_of(switch: Switch, when: Iterable[Place]) -> list[Restriction]:
    if switch is Switch.BLOCK_EVERYTHING:
        return [block_everything(when=when, reason="everything is blocked (D30)")]
    if switch is Switch.MARK_TRANSACTION_OUTLIER:
        return [mark(Action.TRANSACTION, when=when, reason="transactions are outliers (D33)")]
    actions, reason = _BLOCKED[switch]
    rules = [block(*actions, when=when, reason=reason)]
    if switch is Switch.BLOCK_COMMUNICATION:
        rules.append(block(Action.COMMUNICATION_SERVICE, when=when, reason=reason, condition=UNASKED_MESSAGE))
    return rules


# Twice, as a mapping is invariant in its keys: of both kinds in one, and of one kind only.
@overload
def capillary(switches: Mapping[CustomerStatus | StatusLabel, Iterable[Switch]]) -> RestrictionPolicy: ...
@overload
def capillary(switches: Mapping[P, Iterable[Switch]]) -> RestrictionPolicy: ...
def capillary(switches: Mapping[Any, Iterable[Switch]]) -> RestrictionPolicy:
    """
    `CAPILLARY_POLICY`, and the switches of labels; those of a status are those of all its labels (D26).

    It needs no waiver: a configuration refuses a switch of ACTIVE (D27), and BLOCK_EVERYTHING elsewhere than in DELETED (D30).

    >>> from custstatus import NoLabels, OrgConfig
    >>> policy = capillary({CustomerStatus.SUSPENDED: [Switch.BLOCK_POINTS_REDEMPTION]})
    >>> OrgConfig("acme", NoLabels, restrictions=policy).policy.verdict(
    ...     CustomerStatus.SUSPENDED, None, Action.POINTS_REDEMPTION
    ... ).code
    'block.points_redemption'

    Raises:
        InvalidInputError: DELETED or a label of it has a finer switch than BLOCK_EVERYTHING (D30); or these are no switches
            of statuses and labels.
    """
    if not isinstance(switches, Mapping):
        raise InvalidInputError("switches", "a mapping of statuses and labels to switches", kind_of(switches))
    places: dict[Switch, list[Place]] = {switch: [] for switch in Switch}
    for place, several in switches.items():
        if not isinstance(place, CustomerStatus | StatusLabel):
            raise InvalidInputError("switches", "customer statuses or labels", kind_of(place))
        if not isinstance(several, Iterable) or isinstance(several, str):
            raise InvalidInputError(f"switches of {place.name}", "several switches", kind_of(several))
        status = place.status if isinstance(place, StatusLabel) else place
        for switch in dict.fromkeys(several):
            if not isinstance(switch, Switch):
                raise InvalidInputError(f"switches of {place.name}", "switches", kind_of(switch))
            if status is CustomerStatus.DELETED and switch is not Switch.BLOCK_EVERYTHING:
                raise InvalidInputError(f"switches of {place.name}", "BLOCK_EVERYTHING alone (D30)", switch.name)
            places[switch].append(place)
    rules = (rule for switch, when in places.items() if when for rule in _rules_of(switch, when))
    return CAPILLARY_POLICY + RestrictionPolicy(*rules)


# -- Capillary: legacy fraud status ---------------------------------------------------------------------------------


def legacy_fraud(
    billing: Iterable[LegacyFraudStatus] = (),
    redemption: Iterable[LegacyFraudStatus] = (),
    transfer: Iterable[LegacyFraudStatus] = (),
) -> RestrictionPolicy:
    """
    The disallowed fraud statuses of each action; an empty list blocks nothing (D43). It needs no waiver.

    Args:
        billing: Of transactions.
        redemption: Of redeeming points or coupons.
        transfer: Of points transfers, on either side, each with a reason and a code of its own (D39).

    Raises:
        InvalidInputError: A list holds something else than legacy fraud statuses.
    """
    lists = {"billing": billing, "redemption": redemption, "transfer": transfer}
    for name, statuses in lists.items():
        if not isinstance(statuses, Iterable):
            raise InvalidInputError(name, "several legacy fraud statuses", kind_of(statuses))
        lists[name] = tuple(statuses)
        for status in lists[name]:
            if not isinstance(status, LegacyFraudStatus):
                raise InvalidInputError(name, "legacy fraud statuses", kind_of(status))
    rules = []
    if lists["billing"]:
        rules.append(block(Action.TRANSACTION, when=lists["billing"], reason="on the list for billing (D43)"))
    if lists["redemption"]:
        redeeming = (Action.POINTS_REDEMPTION, Action.COUPON_REDEMPTION)
        rules.append(block(*redeeming, when=lists["redemption"], reason="on the list for redemption (D43)"))
    if lists["transfer"]:
        for party, code in ((Party.SOURCE, "415"), (Party.DESTINATION, "414")):
            reason = f"the {party.value} is on the list for transfers (D39, D43)"
            rules.append(block(Action.POINTS_TRANSFER, when=lists["transfer"], reason=reason, code=code, party=party))
    return RestrictionPolicy(*rules)


def _legacy_effects(*statuses: LegacyFraudStatus) -> RestrictionPolicy:
    # C10; MARKED and NOT_FRAUD restrict nothing.
    return RestrictionPolicy(
        block(Action.POINTS_REDEMPTION, when=statuses, reason="redeems no points (D44)"),
        block(Action.COUPON_ISSUE, when=statuses, reason="gets no vouchers (D44)"),
        block(Action.IDENTIFIER_CHANGE, when=statuses, reason="does not change their mobile (D44)"),
    )


LEGACY_FRAUD_POLICY = _legacy_effects(LegacyFraudStatus.CONFIRMED, LegacyFraudStatus.RECONFIRMED)
"""The default effects of the legacy fraud status (D44); add the lists of `legacy_fraud` to it. It needs no waiver."""

LEGACY_FRAUD_OLDER_POLICY = _legacy_effects(
    LegacyFraudStatus.CONFIRMED, LegacyFraudStatus.RECONFIRMED, LegacyFraudStatus.INTERNAL
)
"""The same as the older document has it: for INTERNAL too (D44)."""

# -- TIBCO: membership ----------------------------------------------------------------------------------------------

TIBCO_MEMBERSHIP_POLICY = RestrictionPolicy(
    # S2: no member any more, and the e-mail option false
    block(*_EARNING, when=Membership.UNENROLLED, reason="no member: no accrual (D69)"),
    block(Action.OFFERS, when=Membership.UNENROLLED, reason="no member: no offers (D69)"),
    block(Action.LOGIN, when=Membership.UNENROLLED, reason="no member: no sign-in (D69)"),
    block(Action.COMMUNICATION_PROMOTIONAL, when=Membership.UNENROLLED, reason="e-mail is opted out (D69)"),
    # S2, T1: on hold; no rule touches the points that there are.
    block(Action.LOGIN, when=Membership.ON_HOLD, reason="on hold: no login (D70)"),
    block(*_EARNING, when=Membership.ON_HOLD, reason="on hold: no accrual (D70)"),
    # T3. MERGED restricts nothing else: what the source does later stays on the source (D74).
    block(
        Action.ACCOUNT_MERGE,
        when=[Membership.UNENROLLED, Membership.ON_HOLD],
        reason="only an active or enrolled account is merged into another (D72)",
        code="merge_source",
        party=Party.SOURCE,
    ),
    block(
        Action.ACCOUNT_MERGE,
        when=Membership.MERGED,
        reason="merged already, and its points moved: a merge is one-time (D73, D74)",
        code="merge_source_merged",
        party=Party.SOURCE,
    ),
    block(
        Action.ACCOUNT_MERGE,
        when=[Membership.ACTIVE, Membership.UNENROLLED, Membership.ON_HOLD, Membership.MERGED],
        reason="accounts are merged into an enrolled one only (D72)",
        code="merge_destination",
        party=Party.DESTINATION,
    ),
)
"""What membership restricts (D69, D70, D72 to D74); an unset one restricts nothing. It needs no waiver."""

# -- Loymax: client state and account block -------------------------------------------------------------------------


def loymax(deduct_before_registration: bool = False) -> RestrictionPolicy:
    """
    What client state restricts; REGISTERED does everything. It needs no waiver.

    Args:
        deduct_before_registration: Whether ANONYMOUS and NEW clients, who buy and earn, deduct points too (D80).
    """
    if type(deduct_before_registration) is not bool:
        got = kind_of(deduct_before_registration)
        raise InvalidInputError("deduct_before_registration", "True or False", got)
    closed = block_everything(
        when=[ClientState.DELETED, ClientState.EXCLUDED], reason="the account is closed (D83, D84)"
    )
    if deduct_before_registration:
        return RestrictionPolicy(closed)
    before = (ClientState.ANONYMOUS, ClientState.NEW)
    reason = "points are deducted after registration only (D80)"
    return RestrictionPolicy(
        closed,
        block(Action.POINTS_REDEMPTION, when=before, reason=reason),
        # No document speaks of it, but a transfer deducts from the giver.
        block(Action.POINTS_TRANSFER, when=before, reason=f"{reason[:-1]}; ours)", party=Party.SOURCE),
    )


LOYMAX_POLICY = loymax()
"""Loymax's client state, points deducted after registration only."""


def account_block(*places: Place, reason: str = "the account is blocked (D87)") -> RestrictionPolicy:
    """
    The rule set of a blocked account: no operation at all, wherever these places are (D87).

    It needs `Waiver.ANY_STATUS_MAY_BLOCK_EVERYTHING`, unless each of the places closes the account.

    Raises:
        InvalidInputError: No place is given, or something else than statuses and labels.
    """
    if not all(isinstance(place, Status | StatusLabel) for place in places):
        raise InvalidInputError("places", "statuses or labels", "something else")
    return RestrictionPolicy(block_everything(when=places, reason=reason))


# -- SWAN -----------------------------------------------------------------------------------------------------------

SWAN_DEACTIVATION_POLICY = RestrictionPolicy(
    block(*_EARNING, when=CustomerStatus.SUSPENDED, reason="deactivated: does not earn (D76)"),
    block(
        *(Action.POINTS_REDEMPTION, Action.COUPON_REDEMPTION),
        when=CustomerStatus.SUSPENDED,
        reason="deactivated: does not redeem (D76)",
    ),
    block_everything(when=Membership.MERGED, reason="the source of a merge is blocked from the system (D76)"),
    # Not SWAN's, which knows no deletion: whatever closes an account blocks everything.
    block_everything(when=CustomerStatus.DELETED, reason="the account is deleted (D30)"),
)
"""
What a deactivated customer, SUSPENDED here, and the source of a merge do not do (D76).

It needs `Waiver.ANY_STATUS_MAY_BLOCK_EVERYTHING`, for MERGED; use it with `MEMBERSHIP_WITHOUT_RETURN`.
"""

# -- transitions, as the products have them -------------------------------------------------------------------------

_BY_STAFF = frozenset({Requirement.PERSON, Requirement.REASON})

LAX_CUSTOMER_STATUS: Lifecycle[CustomerStatus] = CUSTOMER_STATUS.adding(
    Transition(
        CustomerStatus.ACTIVE,
        CustomerStatus.FRAUD_CONFIRMED,
        "confirm_unsuspected",
        _BY_STAFF,
        why="without a suspicion first, the lax profile (D7)",
    )
)
"""Customer status where staff may confirm a fraud that nobody suspected before (D7)."""

LAX_LEGACY_FRAUD_STATUS: Lifecycle[LegacyFraudStatus] = LEGACY_FRAUD_STATUS.adding(
    *(
        Transition(
            source, target, f"set_{target.value}", frozenset({Requirement.REASON}), why="any value from any value (D42)"
        )
        for source in (None, *LegacyFraudStatus)
        for target in LegacyFraudStatus
        if source is not target
    )
)
"""Legacy fraud status as the products' API and CSV take it, for imports: any value from any value, with a reason (D42, D50)."""

MEMBERSHIP_WITHOUT_RETURN: Lifecycle[Membership] = MEMBERSHIP.without((Membership.MERGED, Membership.ENROLLED))
"""Membership where a merge is never undone, as at SWAN and Capillary (D68, D76)."""

STRICT_MEMBERSHIP: Lifecycle[Membership] = MEMBERSHIP_WITHOUT_RETURN.without(
    (Membership.ACTIVE, Membership.ON_HOLD)
).adding(
    Transition(
        Membership.ACTIVE,
        Membership.ENROLLED,
        "join",
        frozenset({Requirement.OWN_REQUEST}),
        why="staff change the status of enrolled customers only; others join by themselves (D68, TIBCO 19.4; ours)",
    )
)
"""
Membership as TIBCO 19.4 has it: staff change the status of enrolled customers only, and reactivate those on hold.

Customers that are not enrolled become members at their own request, for the first time or again (ours: the document says what
staff cannot do, and nothing of what a customer can).
"""
