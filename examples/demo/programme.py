"""
The loyalty programme of the demo: a grocer's labels, restrictions and idle rule.

An organisation's whole configuration, as it would stand in the organisation's own code. Building it checks it: what does
not hold together is told at import, all of it at once.
"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from custstatus import (
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    CustomerStatus,
    IdleRule,
    Membership,
    OrgConfig,
    RestrictionPolicy,
    StatusLabel,
    block,
    block_everything,
    mark,
)

__all__ = ["PROGRAMME", "Label"]


class Label(StatusLabel):
    """What the grocer's people choose and see; each maps to one status, whose default is the first of its labels."""

    REGULAR = "Regular", CustomerStatus.ACTIVE
    TRENDING = "Trending", CustomerStatus.ACTIVE
    DORMANT = "Dormant", CustomerStatus.ACTIVE
    LOST_PHONE = "Lost phone", CustomerStatus.SUSPENDED
    SUSPECT = "Suspect", CustomerStatus.FRAUD_SUSPECTED
    CONFIRMED_FRAUD = "Confirmed fraud", CustomerStatus.FRAUD_CONFIRMED
    STAFF = "Staff", CustomerStatus.INTERNAL
    PENDING = "Deletion pending", CustomerStatus.PENDING_DELETION
    CLOSED = "Closed", CustomerStatus.DELETED


RESTRICTIONS = RestrictionPolicy(
    # Suspended: the customer may go on shopping, but each sale is an outlier until we know who is buying.
    mark(
        Action.TRANSACTION,
        Action.POINTS_ALLOCATION,
        when=CustomerStatus.SUSPENDED,
        reason="a suspended customer's sale is an outlier (D34)",
    ),
    # Whoever holds the phone could spend what the customer has saved.
    block(
        Action.POINTS_REDEMPTION,
        Action.COUPON_REDEMPTION,
        when=Label.LOST_PHONE,
        reason="the phone may be in other hands (D35)",
        customer_message="Your account is suspended for your safety. Please contact customer service to redeem.",
    ),
    # A suspicion is not told to the customer: sales and coupons pass, marked; what cannot be undone waits.
    mark(
        Action.TRANSACTION,
        Action.POINTS_ALLOCATION,
        Action.COUPON_REDEMPTION,
        when=CustomerStatus.FRAUD_SUSPECTED,
        reason="to be looked at when the verification ends",
    ),
    block(
        Action.POINTS_REDEMPTION,
        Action.POINTS_TRANSFER,
        Action.IDENTIFIER_CHANGE,
        Action.ACCOUNT_MERGE,
        when=CustomerStatus.FRAUD_SUSPECTED,
        reason="cannot be undone should the suspicion be right",
    ),
    mark(Action.TRANSACTION, when=CustomerStatus.FRAUD_CONFIRMED, reason="a sale is a sale, but no basis for reports"),
    block(
        Action.POINTS_ALLOCATION,
        Action.POINTS_REDEMPTION,
        Action.POINTS_TRANSFER,
        Action.COUPON_ISSUE,
        Action.COUPON_REDEMPTION,
        Action.IDENTIFIER_CHANGE,
        Action.ACCOUNT_MERGE,
        when=CustomerStatus.FRAUD_CONFIRMED,
        reason="the fraud is confirmed",
    ),
    # While the deletion is pending nothing new is promised; what was earned may still be spent.
    block(
        Action.COUPON_ISSUE,
        Action.PROMOTION_ISSUE,
        Action.PROMOTION_ENROLL,
        when=CustomerStatus.PENDING_DELETION,
        reason="the account is about to be deleted",
    ),
    block_everything(when=CustomerStatus.DELETED, reason="the account is deleted (D30)"),
    # Another lifecycle: who is no member any more may shop and use coupons, but neither earns nor spends points.
    block(
        Action.POINTS_ALLOCATION,
        Action.POINTS_REDEMPTION,
        when=[Membership.UNENROLLED, Membership.ON_HOLD],
        reason="no member at present (D69, D70)",
    ),
)

PROGRAMME = OrgConfig(
    "greengrocer",
    Label,
    lifecycles=[CUSTOMER_STATUS, MEMBERSHIP],
    restrictions=RESTRICTIONS,
    # Who has not bought for 90 days is put under Dormant by the monthly sweep; the next purchase leads back (D60, D63).
    idle=[IdleRule(after=timedelta(days=90), to=Label.DORMANT)],
    identifiers=["mobile"],
    time_zone=ZoneInfo("America/New_York"),
)
"""The configuration, as a service takes it."""
