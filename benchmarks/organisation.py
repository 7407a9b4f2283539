"""The organisation that is measured: small, but with labels, restrictions and an idle rule."""

from __future__ import annotations

from datetime import timedelta

from custstatus import (
    Action,
    Actor,
    Channel,
    CustomerStatus,
    Desk,
    IdleRule,
    OrgConfig,
    RestrictionPolicy,
    StatusLabel,
    StatusService,
    block,
    block_everything,
    mark,
)
from custstatus.adapters import Store

__all__ = ["ACME", "Label", "desk_on"]


class Label(StatusLabel):
    """The labels."""

    REGULAR = "Regular", CustomerStatus.ACTIVE
    TRENDING = "Trending", CustomerStatus.ACTIVE
    DORMANT = "Dormant", CustomerStatus.ACTIVE
    LOST_PHONE = "Lost phone", CustomerStatus.SUSPENDED
    CLOSED = "Closed", CustomerStatus.DELETED


ACME = OrgConfig(
    "acme",
    Label,
    restrictions=RestrictionPolicy(
        mark(Action.TRANSACTION, when=CustomerStatus.SUSPENDED),
        block(Action.POINTS_REDEMPTION, Action.COUPON_REDEMPTION, when=Label.LOST_PHONE),
        block_everything(when=CustomerStatus.DELETED),
    ),
    idle=[IdleRule(after=timedelta(days=180), to=Label.DORMANT)],
)


def desk_on(store: Store) -> tuple[StatusService[Label], Desk[Label]]:
    """A service on a store, and a desk of it."""
    service = StatusService(store, ACME)
    return service, service.acting(Actor("agent-7"), Channel.MEMBER_CARE)
