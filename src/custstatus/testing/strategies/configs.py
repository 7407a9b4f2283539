"""Strategies of organisations: labels, lifecycles, restrictions and idle rules, in combinations that hold together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from hypothesis import strategies as st

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    LOYALTY_TYPE,
    MEMBERSHIP,
    TRIAL_GROUP,
    Action,
    Channel,
    CustomerStatus,
    IdleRule,
    Lifecycle,
    NoLabels,
    OrgConfig,
    Restriction,
    RestrictionPolicy,
    StatusLabel,
    block,
    block_everything,
    mark,
)
from custstatus.testing.example import run_by_staff
from custstatus.testing.strategies.values import ids

__all__ = ["configs", "labels"]

_OTHERS: tuple[Lifecycle[Any], ...] = (CLIENT_STATE, LEGACY_FRAUD_STATUS, LOYALTY_TYPE, MEMBERSHIP, TRIAL_GROUP)


@st.composite
def labels(draw: st.DrawFn) -> type[StatusLabel]:
    """The labels of an organisation: up to three of each status, or none at all."""
    if draw(st.integers(0, 5)) == 0:
        return NoLabels
    taken = {status.value for status in CustomerStatus}
    members: dict[str, tuple[str, CustomerStatus]] = {}
    for status in CustomerStatus:
        # An organisation may leave a status without a label: nobody can be put there then. Seldom so ACTIVE.
        least = 1 if status is CustomerStatus.ACTIVE and draw(st.integers(0, 9)) else 0
        for number in range(draw(st.integers(least, 3))):
            text = f"{status.name.title()} {number}"
            if draw(st.integers(0, 9)) == 0:
                text = draw(ids(64).filter(lambda text: text not in taken))
            taken.add(text)
            members[f"{status.name}_{number}"] = (text, status)
    functional: Any = StatusLabel
    return cast(type[StatusLabel], functional("Label", members)) if members else NoLabels


@st.composite
def configs(draw: st.DrawFn, org: str = "acme", *, staff: bool | None = None) -> OrgConfig[Any]:
    """
    An organisation that holds together.

    Args:
        org: Its id.
        staff: Whether what is an operation of the system's own is open to its staff (or either).
    """
    label = draw(labels())
    others = draw(st.lists(st.sampled_from(_OTHERS), unique_by=lambda each: each.name, max_size=3))
    lifecycles: list[Lifecycle[Any]] = [CUSTOMER_STATUS, *others]
    if draw(st.booleans()) if staff is None else staff:
        lifecycles = [run_by_staff(lifecycle) for lifecycle in lifecycles]
    return OrgConfig(
        org,
        label,
        lifecycles=lifecycles,
        restrictions=draw(_policies(lifecycles, label)),
        idle=draw(_idle_rules(label)),
        reason_optional=draw(st.frozensets(st.sampled_from(Channel))),
        identifiers=draw(st.permutations(("mobile", "email", "external_id"))),
    )


@st.composite
def _policies(draw: st.DrawFn, lifecycles: list[Lifecycle[Any]], label: type[StatusLabel]) -> RestrictionPolicy:
    """Closing statuses block everything; beside that anything, but nothing for ACTIVE."""
    closing = [status for lifecycle in lifecycles for status in lifecycle.closing]
    rules: list[Restriction] = [block_everything(when=closing)]
    places: list[Any] = [status for lifecycle in lifecycles for status in lifecycle.statuses]
    places = [each for each in (*places, *label) if getattr(each, "status", each) is not CustomerStatus.ACTIVE]
    for _ in range(draw(st.integers(0, 4))):
        actions = draw(st.lists(st.sampled_from(Action), min_size=1, max_size=4))
        when = draw(st.lists(st.sampled_from(places), min_size=1, max_size=4))
        rules.append(draw(st.sampled_from((mark, block)))(*actions, when=when))
    return RestrictionPolicy(*rules)


@st.composite
def _idle_rules(draw: st.DrawFn, label: type[StatusLabel]) -> list[IdleRule]:
    """Up to three, of different periods: to labels of ACTIVE other than the default, or to DELETED."""
    of = {status: [each for each in label if each.status is status] for status in CustomerStatus}
    targets: list[Any] = [*of[CustomerStatus.ACTIVE][1:], *of[CustomerStatus.DELETED][:1]]
    if not len(label):
        targets = [CustomerStatus.DELETED]
    if not targets or (len(label) and not of[CustomerStatus.ACTIVE]):
        return []
    periods = draw(st.lists(st.sampled_from((1, 30, 180, 365)), unique=True, max_size=3))
    return [IdleRule(timedelta(days=days), draw(st.sampled_from(targets))) for days in periods]
