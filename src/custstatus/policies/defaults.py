"""
Policies to use as they are or to start from, each rule with its source beside it.

Here those that are about customer status as a whole; those of one product each are in `products`. A source is one of the
rules (D1 to D108, `docs/rules.md`); what no product publishes is marked `ours`. Ours, with what keeps it in shape:

>>> from custstatus import NoLabels, OrgConfig
>>> config = OrgConfig("acme", NoLabels, restrictions=OURS_POLICY, invariants=(*OURS_FIXED, *OURS_GUARDED))
>>> print(config.policy.verdict(CustomerStatus.FRAUD_SUSPECTED, None, Action.TRANSACTION).effect)
Effect.MARK
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from custstatus.policies.capillary import CAPILLARY_POLICY
from custstatus.policies.invariants import AsStrictAs, AtLeast, AtMost, always_allow, never_allow
from custstatus.policies.rules import Party, RestrictionPolicy, block, mark
from custstatus.records import Action, Effect
from custstatus.states import ClientState, CustomerStatus

if TYPE_CHECKING:
    from custstatus.policies.proofs import Invariant

__all__ = ["AS_THE_PRODUCTS_CAN", "AS_THE_PRODUCTS_DO", "OURS_FIXED", "OURS_GUARDED", "OURS_POLICY"]

_SUSPENDED = CustomerStatus.SUSPENDED
_SUSPECTED = CustomerStatus.FRAUD_SUSPECTED
_CONFIRMED = CustomerStatus.FRAUD_CONFIRMED
_INTERNAL = CustomerStatus.INTERNAL
_PENDING = CustomerStatus.PENDING_DELETION
_FRAUD = (_SUSPECTED, _CONFIRMED)
_RESTRICTED = (_SUSPENDED, *_FRAUD, _INTERNAL, _PENDING)
"""Every status but ACTIVE, which restricts nothing, and DELETED, which blocks everything."""

# -- our default ----------------------------------------------------------------------------------------------------

_TRANSFER_SOURCE = block(
    Action.POINTS_TRANSFER,
    when=_FRAUD,
    reason="the source of the transfer is suspected of fraud, or it is confirmed (D39)",
    code="415",
    party=Party.SOURCE,
)
_TRANSFER_DESTINATION = block(
    Action.POINTS_TRANSFER,
    when=_FRAUD,
    reason="the destination of the transfer is suspected of fraud, or it is confirmed (D39)",
    code="414",
    party=Party.DESTINATION,
)

OURS_POLICY = CAPILLARY_POLICY + RestrictionPolicy(
    # SUSPENDED: mostly at the customer's own request, a lost phone say; it is in other hands until the contrary is shown.
    mark(
        Action.POINTS_ALLOCATION, Action.GOODWILL, when=_SUSPENDED, reason="what an outlier earns is flagged too (ours)"
    ),
    block(
        *(Action.POINTS_REDEMPTION, Action.COUPON_REDEMPTION),
        when=_SUSPENDED,
        reason="a suspended customer redeems neither points nor coupons (D35)",
    ),
    block(Action.POINTS_TRANSFER, when=_SUSPENDED, reason="a transfer would redeem by another way (D35; ours)"),
    block(
        *(Action.LOGIN, Action.PASSWORD_RESET, Action.PROFILE_EDIT, Action.CARD_ISSUE),
        *(Action.IDENTIFIER_CHANGE, Action.ACCOUNT_MERGE),
        when=_SUSPENDED,
        reason="the phone may be in other hands, and the account must not change them as well (D29, D104; ours)",
    ),
    mark(
        Action.CARD_REPLACE,
        when=_SUSPENDED,
        reason="a lost card may be why they are suspended, or how it is misused (ours)",
    ),
    # FRAUD_SUSPECTED: what happens goes on, flagged, so that nobody is warned (D105) nor wronged; what would be gone is kept.
    mark(
        *(Action.TRANSACTION, Action.POINTS_ALLOCATION, Action.COUPON_ISSUE, Action.COUPON_REDEMPTION),
        *(Action.TIER_UPGRADE, Action.PASSWORD_RESET, Action.PROFILE_EDIT),
        when=_SUSPECTED,
        reason="a suspect continues and is not warned, and what they do is flagged (D105, D106; ours)",
    ),
    block(
        *(Action.POINTS_REDEMPTION, Action.GOODWILL),
        when=_SUSPECTED,
        reason="points that are gone do not come back if the suspicion is confirmed (ours)",
    ),
    # FRAUD_CONFIRMED
    mark(Action.TRANSACTION, when=_CONFIRMED, reason="anyone may buy, but the sale is an outlier (ours)"),
    block(
        *(Action.POINTS_REDEMPTION, Action.COUPON_ISSUE),
        when=_CONFIRMED,
        reason="neither points redeemed nor vouchers issued, the fraud being confirmed (D44)",
    ),
    block(
        *(Action.POINTS_ALLOCATION, Action.COUPON_REDEMPTION, Action.GOODWILL, Action.PROMOTION_ISSUE),
        *(Action.PROMOTION_ENROLL, Action.BADGE_ISSUE, Action.OFFERS, Action.TIER_UPGRADE),
        when=_CONFIRMED,
        reason="the programme gives nothing more, the fraud being confirmed (ours)",
    ),
    block(
        *(Action.LOGIN, Action.PASSWORD_RESET, Action.PROFILE_EDIT),
        when=_CONFIRMED,
        reason="the account is out of the fraudster's hands until an appeal (D96; ours)",
    ),
    # Both of them
    block(
        *(Action.IDENTIFIER_CHANGE, Action.ACCOUNT_MERGE),
        when=_FRAUD,
        reason="no identifier leaves a case of fraud and no merge launders it (D29, D44, D100)",
    ),
    _TRANSFER_SOURCE,
    _TRANSFER_DESTINATION,
    block(Action.CARD_ISSUE, Action.CARD_REPLACE, when=_FRAUD, reason="no new means for a case of fraud (ours)"),
    mark(Action.DELETION_REQUEST, when=_FRAUD, reason="recorded, and decided after the outcome (D98, D106)"),
    # INTERNAL: test and staff accounts
    mark(Action.TRANSACTION, when=_INTERNAL, reason="a test is no business (D97; ours)"),
    block(
        *(Action.IDENTIFIER_CHANGE, Action.ACCOUNT_MERGE, Action.POINTS_TRANSFER),
        when=_INTERNAL,
        reason="nothing of a test account passes to a customer, nor the other way (D97, D100; ours)",
    ),
    block(
        Action.COMMUNICATION_PROMOTIONAL,
        when=[_CONFIRMED, _INTERNAL],
        reason="a message's audience leaves confirmed fraud and internal accounts out (D65)",
    ),
    # PENDING_DELETION: what there is may be used up, and the request cancelled; nothing is added.
    block(
        *(Action.COUPON_ISSUE, Action.PROMOTION_ISSUE, Action.PROMOTION_ENROLL, Action.BADGE_ISSUE, Action.OFFERS),
        *(Action.TIER_UPGRADE, Action.GOODWILL, Action.CARD_ISSUE, Action.CARD_REPLACE),
        when=_PENDING,
        reason="nothing new for an account that is about to be deleted (ours)",
    ),
    block(
        *(Action.IDENTIFIER_CHANGE, Action.ACCOUNT_MERGE, Action.POINTS_TRANSFER, Action.PROFILE_EDIT),
        when=_PENDING,
        reason="what is deleted is what the request was about (D98, D100; ours)",
    ),
    block(Action.DELETION_REQUEST, when=_PENDING, reason="one was approved already (D11; ours)"),
)
"""
Our default: what fraud and support teams need, with all the actions that we ship.

Build it with what keeps it in shape, `OURS_FIXED` and `OURS_GUARDED`; it needs no waiver. An organisation that wants it
stricter adds rules; one that wants it milder writes a policy of its own from these, with a `Loosening` where `OURS_GUARDED`
speaks.
"""

OURS_FIXED: tuple[Invariant, ...] = (
    always_allow(when=CustomerStatus.ACTIVE, why="ACTIVE carries no restriction, D27"),
    never_allow(when=CustomerStatus.DELETED, why="D30"),
    never_allow(when=[ClientState.DELETED, ClientState.EXCLUDED], why="D83, D84"),
    # D106: never blocked short of DELETED; where the matrix fixes them, not even marked.
    always_allow(Action.OPT_OUT, when=_RESTRICTED, why="D106"),
    always_allow(Action.CLAWBACK, when=[_SUSPENDED, *_FRAUD], why="D106"),
    always_allow(Action.DELETION_REQUEST, when=_SUSPENDED, why="D106"),
    AtMost(Effect.MARK, [Action.RETURN], _RESTRICTED, why="D106"),
    AtMost(Effect.MARK, [Action.CLAWBACK], [_INTERNAL, _PENDING], why="D106"),
    # Not in PENDING_DELETION, where there is such a request already.
    AtMost(Effect.MARK, [Action.DELETION_REQUEST], [*_FRAUD, _INTERNAL], why="D106"),
    AtLeast(Effect.MARK, [Action.DELETION_REQUEST], _FRAUD, why="recorded, and decided after the outcome, D98"),
    AsStrictAs(_CONFIRMED, _SUSPECTED, why="a proof loosens nothing that a suspicion restricts; ours"),
)
"""What no organisation that starts from `OURS_POLICY` changes: a `Loosening` does not help."""

OURS_GUARDED: tuple[Invariant, ...] = (
    never_allow(Action.POINTS_REDEMPTION, Action.COUPON_ISSUE, when=_CONFIRMED, guarded=True, why="D44"),
    never_allow(Action.COUPON_REDEMPTION, Action.GOODWILL, when=_CONFIRMED, guarded=True, why="ours"),
    never_allow(Action.IDENTIFIER_CHANGE, Action.ACCOUNT_MERGE, when=_FRAUD, guarded=True, why="D29, D44, D100"),
    never_allow(Action.ACCOUNT_MERGE, when=_PENDING, guarded=True, why="D100"),
    never_allow(Action.POINTS_TRANSFER, when=_FRAUD, guarded=True, why="D39"),
)
"""
What an organisation that starts from `OURS_POLICY` loosens only with a `Loosening` of the action and the place.

What FRAUD_SUSPECTED blocks as well, as points redemption, is loosened there too: see `AsStrictAs` in `OURS_FIXED`. RETURN
may be marked without asking; that it is never blocked is fixed.
"""

# -- as the products do ---------------------------------------------------------------------------------------------

AS_THE_PRODUCTS_DO = CAPILLARY_POLICY + RestrictionPolicy(
    block(
        *(Action.POINTS_REDEMPTION, Action.COUPON_ISSUE, Action.IDENTIFIER_CHANGE),
        when=_CONFIRMED,
        reason="no redemption of points, no voucher and no change of mobile, the fraud being confirmed (D44)",
    ),
)
"""
What the products do unasked: suspected and internal customers do everything, sales of suspended ones are marked, and confirmed
fraud redeems no points, gets no coupon and changes no identifier. It needs no waiver.
"""

AS_THE_PRODUCTS_CAN = AS_THE_PRODUCTS_DO + RestrictionPolicy(
    block(
        *(Action.POINTS_REDEMPTION, Action.COUPON_REDEMPTION),
        when=_SUSPENDED,
        reason="a suspended customer redeems neither points nor coupons, if so configured (D35)",
    ),
    block(Action.ACCOUNT_MERGE, when=_CONFIRMED, reason="one switch with the change of identifiers (D29)"),
    block(
        Action.COMMUNICATION_PROMOTIONAL,
        when=[_CONFIRMED, _INTERNAL],
        reason="a message's audience leaves confirmed fraud and internal accounts out (D65)",
    ),
    block(
        Action.POINTS_TRANSFER,
        when=_CONFIRMED,
        reason="the source of the transfer is confirmed as fraud (D39)",
        code="415",
        party=Party.SOURCE,
    ),
    block(
        Action.POINTS_TRANSFER,
        when=_CONFIRMED,
        reason="the destination of the transfer is confirmed as fraud (D39)",
        code="414",
        party=Party.DESTINATION,
    ),
)
"""Besides, what a product's document has as a setting: every restriction of ours that has a source. It needs no waiver."""
