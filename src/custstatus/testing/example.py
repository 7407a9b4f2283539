"""The organisation on which the kit runs: every kind of lifecycle, labels, idle rules, restrictions of both effects."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import evolve

from custstatus import (
    CAPILLARY_POLICY,
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LOYALTY_TYPE,
    MEMBERSHIP,
    Action,
    CustomerStatus,
    IdleRule,
    Lifecycle,
    Membership,
    OrgConfig,
    Requirement,
    RestrictionPolicy,
    StatusLabel,
    block,
)

__all__ = ["ExampleLabel", "example", "run_by_staff"]


class ExampleLabel(StatusLabel):
    """Labels of every status, several of those that idle rules and suspicions lead to and from."""

    REGULAR = "Regular", CustomerStatus.ACTIVE
    TRENDING = "Trending", CustomerStatus.ACTIVE
    DORMANT = "Dormant", CustomerStatus.ACTIVE
    ASLEEP = "Asleep", CustomerStatus.ACTIVE
    LOST_PHONE = "Lost phone", CustomerStatus.SUSPENDED
    ON_LEAVE = "On leave", CustomerStatus.SUSPENDED
    SUSPECTED = "Suspected", CustomerStatus.FRAUD_SUSPECTED
    CONFIRMED = "Confirmed", CustomerStatus.FRAUD_CONFIRMED
    STAFF = "Staff", CustomerStatus.INTERNAL
    DELETION_PENDING = "Deletion pending", CustomerStatus.PENDING_DELETION
    CLOSED = "Closed", CustomerStatus.DELETED


def run_by_staff(lifecycle: Lifecycle[Any]) -> Lifecycle[Any]:
    """The same lifecycle with every operation of the system's own open to staff: so a test can make every transition by hand."""
    theirs = [
        transition for transition in lifecycle.transitions if Requirement.SYSTEM_OPERATION in transition.requirements
    ]
    return lifecycle.adding(
        *(
            evolve(
                transition, requirements=transition.requirements - {Requirement.SYSTEM_OPERATION} | {Requirement.PERSON}
            )
            for transition in theirs
        )
    )


def example(org: str = "acme") -> OrgConfig[ExampleLabel]:
    """The example organisation, under any id."""
    return OrgConfig(
        org,
        ExampleLabel,
        lifecycles=[run_by_staff(CUSTOMER_STATUS), run_by_staff(CLIENT_STATE), run_by_staff(MEMBERSHIP), LOYALTY_TYPE],
        restrictions=CAPILLARY_POLICY
        + RestrictionPolicy(
            block(Action.POINTS_REDEMPTION, when=[CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED]),
            block(Action.LOGIN, Action.POINTS_REDEMPTION, when=[Membership.ON_HOLD, ExampleLabel.LOST_PHONE]),
        ),
        idle=[
            IdleRule(timedelta(days=180), ExampleLabel.DORMANT),
            IdleRule(timedelta(days=365), ExampleLabel.ASLEEP),
            IdleRule(timedelta(days=1_000), CustomerStatus.DELETED),
        ],
    )
