"""Idle rules: what one may say, checked when it is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from organisation import Label

from custstatus import Action, CustomerStatus, IdleRule, InvalidInputError, Membership

DAY = timedelta(days=1)


def test_a_rule_names_its_period_and_its_target() -> None:
    # D63
    rule = IdleRule(timedelta(days=180), Label.DORMANT)
    assert (rule.after, rule.to, rule.of) == (timedelta(days=180), Label.DORMANT, None)


def test_the_places_that_it_touches_are_a_set() -> None:
    assert IdleRule(DAY, Label.DORMANT, [Label.TRENDING, Label.TRENDING]).of == frozenset([Label.TRENDING])


def test_rules_that_say_the_same_are_equal_and_hashable() -> None:
    assert len({IdleRule(DAY, Label.DORMANT, [Label.REGULAR]), IdleRule(DAY, Label.DORMANT, (Label.REGULAR,))}) == 1


@pytest.mark.parametrize("after", [timedelta(0), -DAY, 180, "180 days", None])
def test_a_period_is_more_than_none(after: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"IdleRule\.after: expected a timedelta of more than none"):
        IdleRule(after, Label.DORMANT)


@pytest.mark.parametrize("to", ["Dormant", Membership.UNENROLLED, Action.OFFERS, None])
def test_a_target_is_a_label_or_a_customer_status(to: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"IdleRule\.to: expected a label, or a customer status"):
        IdleRule(DAY, to)


def test_the_shortest_period_is_a_microsecond() -> None:
    assert IdleRule(timedelta(microseconds=1), CustomerStatus.DELETED).after == timedelta(microseconds=1)
