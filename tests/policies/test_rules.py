"""Restrictions: rules as they are written, checked when they are written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError
from organisation import Label, ShopAction

from custstatus import (
    CAPILLARY_POLICY,
    Action,
    ClientState,
    Condition,
    CustomerStatus,
    Effect,
    InvalidInputError,
    Membership,
    Party,
    Restriction,
    RestrictionPolicy,
    block,
    block_everything,
    mark,
)

SUSPENDED = CustomerStatus.SUSPENDED


def _any(value: object) -> Any:
    """A value that a checker would refuse."""
    return value


class TestWriting:
    def test_mark_and_block_say_what_and_where(self) -> None:
        rule = mark(Action.TRANSACTION, Action.GOODWILL, when=SUSPENDED, reason="why", code="9611")
        assert rule.effect is Effect.MARK
        assert rule.actions == frozenset([Action.TRANSACTION, Action.GOODWILL])
        assert rule.when == {SUSPENDED}
        assert (rule.reason, rule.code, rule.customer_message) == ("why", "9611", None)
        assert block(Action.TRANSACTION, when=SUSPENDED).effect is Effect.BLOCK

    def test_block_everything_names_no_action_and_so_means_all(self) -> None:
        # D30
        rule = block_everything(when=CustomerStatus.DELETED)
        assert rule.effect is Effect.BLOCK
        assert rule.actions is None

    def test_a_rule_may_apply_at_statuses_of_any_lifecycle_and_at_labels(self) -> None:
        # D26
        rule = block(Action.LOGIN, when=[Label.LOST_PHONE, Membership.ON_HOLD, SUSPENDED])
        assert rule.when == {Label.LOST_PHONE, Membership.ON_HOLD, SUSPENDED}

    def test_every_shipped_action_can_be_restricted_and_a_hosts_own(self) -> None:
        # D28
        for action in (*Action, ShopAction.GIFT_WRAP):
            assert block(action, when=SUSPENDED).actions == frozenset([action])

    def test_a_rule_is_frozen(self) -> None:
        with pytest.raises(FrozenInstanceError):
            setattr(mark(Action.OFFERS, when=SUSPENDED), "effect", Effect.BLOCK)  # noqa: B010

    def test_the_code_is_stable_and_by_default_effect_and_action(self) -> None:
        # D38
        rule = mark(Action.TRANSACTION, Action.GOODWILL, when=SUSPENDED)
        assert rule.code_for(Action.TRANSACTION) == "mark.transaction"
        assert block_everything(when=SUSPENDED).code_for(Action.RETURN) == "block.return"
        assert block(Action.RETURN, when=SUSPENDED, code="681").code_for(Action.RETURN) == "681"


class TestMistakes:
    @pytest.mark.parametrize(
        ("write", "field"),
        [
            (lambda: mark(when=SUSPENDED), "actions"),
            (lambda: mark(_any("transaction"), when=SUSPENDED), "actions"),
            (lambda: mark(Action.OFFERS, when=[]), "when"),
            (lambda: mark(Action.OFFERS, when=_any("Lost phone")), "when"),
            (lambda: mark(Action.OFFERS, when=_any([Action.OFFERS])), "when"),
            (lambda: mark(Action.OFFERS, when=SUSPENDED, reason="x" * 1_001), "Restriction.reason"),
            (lambda: mark(Action.OFFERS, when=SUSPENDED, reason=_any(None)), "Restriction.reason"),
            (lambda: mark(Action.OFFERS, when=SUSPENDED, customer_message="\x00"), "Restriction.customer_message"),
            (lambda: mark(Action.OFFERS, when=SUSPENDED, code=""), "Restriction.code"),
            (lambda: mark(Action.OFFERS, when=SUSPENDED, code="x" * 65), "Restriction.code"),
            (lambda: Restriction(Effect.ALLOW, None, frozenset({SUSPENDED})), "Restriction.effect"),
            (lambda: Restriction(_any("block"), None, frozenset({SUSPENDED})), "Restriction.effect"),
            (lambda: RestrictionPolicy(_any([mark(Action.OFFERS, when=SUSPENDED)])), "RestrictionPolicy.rules"),
            (lambda: RestrictionPolicy(_any(CAPILLARY_POLICY)), "RestrictionPolicy.rules"),
        ],
    )
    def test_a_mistake_is_told_where_it_is_written(self, write: Callable[[], Any], field: str) -> None:
        with pytest.raises(InvalidInputError) as refused:
            write()
        assert refused.value.field == field

    @pytest.mark.parametrize("when", [5, None, Action.OFFERS])
    def test_what_is_no_place_at_all_is_told_likewise(self, when: Any) -> None:
        with pytest.raises(InvalidInputError):
            mark(Action.OFFERS, when=when)

    @pytest.mark.parametrize(
        "write",
        [
            lambda: Restriction(Effect.BLOCK, None, _any(SUSPENDED)),
            lambda: hash(Restriction(Effect.BLOCK, _any([Action.LOGIN]), _any([SUSPENDED]))),
        ],
        ids=["one place", "lists"],
    )
    def test_a_rule_made_without_its_shorthand_is_checked_as_well(self, write: Callable[[], Any]) -> None:
        # Either taken as the sets that they stand for, or told.
        with suppress(InvalidInputError):
            write()


class TestPolicies:
    def test_a_policy_is_exactly_what_is_written(self) -> None:
        rules = (mark(Action.OFFERS, when=SUSPENDED), block(Action.LOGIN, when=SUSPENDED))
        assert RestrictionPolicy(*rules).rules == rules
        assert list(RestrictionPolicy(*rules)) == list(rules)
        assert RestrictionPolicy().rules == ()

    def test_adding_policies_keeps_the_rules_of_both(self) -> None:
        mine = RestrictionPolicy(mark(Action.OFFERS, when=SUSPENDED))
        assert (CAPILLARY_POLICY + mine).rules == (*CAPILLARY_POLICY.rules, *mine.rules)

    def test_capillarys_policy_marks_the_suspendeds_sales_and_blocks_the_closed(self) -> None:
        # D34, D30, D84
        marks, *blocks = CAPILLARY_POLICY
        assert marks.effect is Effect.MARK
        assert marks.actions == frozenset([Action.TRANSACTION])
        assert marks.when == {SUSPENDED}
        assert all(rule.actions is None for rule in blocks)
        closed = {place for rule in blocks for place in rule.when}
        assert closed == {CustomerStatus.DELETED, ClientState.DELETED, ClientState.EXCLUDED}


class TestSidesAndConditions:
    LARGE = Condition("large", tuple, lambda _: True)

    def test_a_rule_may_be_for_one_side_and_under_a_condition(self) -> None:
        # D39
        for write in (mark, block):
            rule = write(Action.POINTS_TRANSFER, when=SUSPENDED, party=Party.SOURCE, condition=self.LARGE)
            assert (rule.party, rule.condition) == (Party.SOURCE, self.LARGE)
            assert write(Action.POINTS_TRANSFER, when=SUSPENDED).party is None
        assert block_everything(when=SUSPENDED, condition=self.LARGE).condition is self.LARGE

    @pytest.mark.parametrize("party", ["source", 5, True, Action.LOGIN])
    def test_what_is_no_side_is_told(self, party: Any) -> None:
        with pytest.raises(InvalidInputError) as refused:
            mark(Action.POINTS_TRANSFER, when=SUSPENDED, party=party)
        assert refused.value.field == "Restriction.party"

    def test_a_side_is_one_of_actions_that_are_named(self) -> None:
        with pytest.raises(InvalidInputError, match="of actions that are named"):
            Restriction(Effect.BLOCK, None, frozenset({SUSPENDED}), party=Party.SOURCE)

    def test_a_rule_tells_its_side_and_its_condition(self) -> None:
        rule = block(Action.POINTS_TRANSFER, when=SUSPENDED, party=Party.SOURCE, condition=self.LARGE)
        assert "party=<Party.SOURCE: 'source'>" in repr(rule)
        assert "condition=Condition(name='large'" in repr(rule)
        assert "lambda" not in repr(rule)
