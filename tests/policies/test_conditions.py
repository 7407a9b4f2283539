"""Conditions: decided of each attempt, tested once, and counting as holding wherever they cannot be tested."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from attrs import define, evolve, field, frozen
from attrs.validators import instance_of
from hypothesis import given
from hypothesis import strategies as st
from organisation import ACME, Label, World, in_memory, some_examples

from custstatus import (
    CAPILLARY_POLICY,
    Action,
    Condition,
    CustomerStatus,
    DeniedError,
    Effect,
    InvalidInputError,
    Membership,
    OrgConfig,
    Restriction,
    RestrictionPolicy,
    Verdict,
    block,
    mark,
)
from custstatus.policies import Question
from custstatus.policies import Tested as Came

SUSPENDED = CustomerStatus.SUSPENDED
SECRET = "+447900000042"
"""What stands for personal data."""


@frozen
class Sale:
    """An attempt, as an attrs class."""

    amount: Decimal
    phone: str = SECRET


@dataclass(frozen=True)
class Visit:
    """The same as a dataclass."""

    amount: Decimal
    phone: str = SECRET


class Ticket(NamedTuple):
    """The same as a named tuple."""

    amount: Decimal
    phone: str = SECRET


class OnlineSale(Sale):
    """A context of a class of its own, below another."""


@frozen
class Attempt(ABC):
    """What several contexts have in common."""

    amount: Decimal

    @abstractmethod
    def where(self) -> str:
        """Where it is made."""


def rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1))


@define
class Mutable:
    amount: Decimal


@define
class MutableChecked:
    amount: Decimal = field(validator=instance_of(Decimal))


@define
class MutableConverted:
    amount: Decimal = field(converter=rounded)


@dataclass
class MutableDataclass:
    amount: Decimal


class Plain:
    amount = Decimal(0)


SMALL, LARGE = Sale(Decimal(20)), Sale(Decimal(900))


def is_large(sale: Any) -> bool:
    """What the condition of most of these tests asks."""
    return bool(sale.amount > 500)


large: Condition[Sale] = Condition("large_sale", Sale, is_large)


def raises(_: Sale) -> bool:
    raise LookupError(f"no such customer {SECRET}")


def world(*rules: Restriction, **given: Any) -> World[Label]:
    """The example organisation with these rules besides Capillary's, and customer c suspended in it."""
    made = in_memory(evolve(ACME, restrictions=CAPILLARY_POLICY + RestrictionPolicy(*rules), **given))
    made.desk.register("c", Label.REGULAR, Membership.ENROLLED)
    made.desk.change("c", Label.ABROAD, reason="travels")
    return made


def conditional(condition: Condition[Any]) -> World[Label]:
    """That organisation where the suspended redeem nothing if a condition holds."""
    return world(block(Action.POINTS_REDEMPTION, when=SUSPENDED, reason="too much", condition=condition))


class TestDeclaring:
    @pytest.mark.parametrize("kind", [Sale, Visit, Ticket, OnlineSale, Attempt], ids=lambda kind: kind.__name__)
    def test_a_context_is_any_frozen_class(self, kind: type[Any]) -> None:
        assert Condition("large_sale", kind, is_large).over is kind

    @pytest.mark.parametrize("kind", [Sale, Visit, Ticket], ids=lambda kind: kind.__name__)
    def test_it_is_asked_with_a_value_of_that_class(self, kind: type[Any]) -> None:
        condition = Condition("large_sale", kind, is_large)
        assert condition.test(kind(Decimal(900))) == Came("large_sale", True)
        assert condition.test(kind(Decimal(20))) == Came("large_sale", False)

    @pytest.mark.parametrize(
        "kind",
        [
            *(Mutable, MutableChecked, MutableConverted, MutableDataclass, Plain),
            *(object, dict, list, int, Decimal, str, Effect, SMALL, None, "Sale"),
        ],
        ids=repr,
    )
    def test_a_class_that_is_not_frozen_is_refused(self, kind: Any) -> None:
        with pytest.raises(InvalidInputError) as refused:
            Condition("large_sale", kind, is_large)
        assert refused.value.field == "Condition.over"

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"name": ""}, "Condition.name"),
            ({"name": "x" * 65}, "Condition.name"),
            ({"name": "a\nb"}, "Condition.name"),
            ({"name": None}, "Condition.name"),
            ({"holds": True}, "Condition.holds"),
            ({"holds": None}, "Condition.holds"),
            ({"why": "x" * 1_001}, "Condition.why"),
            ({"why": None}, "Condition.why"),
        ],
    )
    def test_a_mistake_is_told_where_it_is_written(self, given: dict[str, Any], field: str) -> None:
        fields: dict[str, Any] = {"name": "large_sale", "over": Sale, "holds": is_large, **given}
        with pytest.raises(InvalidInputError) as refused:
            Condition(**fields)
        assert refused.value.field == field

    @pytest.mark.parametrize("condition", [is_large, "large_sale", Sale, True])
    def test_a_rule_takes_a_condition_and_nothing_else(self, condition: Any) -> None:
        with pytest.raises(InvalidInputError) as refused:
            block(Action.LOGIN, when=SUSPENDED, condition=condition)
        assert refused.value.field == "Restriction.condition"

    def test_one_of_which_the_name_alone_is_known_holds_and_says_why(self) -> None:
        tested = Condition.absent("large_sale").test(SMALL)
        assert tested == Came("large_sale", True, "its code is not loaded")


UNTESTABLE: list[tuple[str, Callable[[Any], Any], object, str]] = [
    ("missing", is_large, None, "no context was given"),
    ("other class", is_large, Visit(Decimal(900)), "it asks for Sale, not Visit"),
    ("no class at all", is_large, SECRET, "it asks for Sale, not str"),
    ("raises", raises, SMALL, "it raised LookupError"),
    ("None", lambda _: None, SMALL, "it answered NoneType, not bool"),
    ("a number", lambda _: 0, SMALL, "it answered int, not bool"),
    ("a text", lambda sale: sale.phone, SMALL, "it answered str, not bool"),
]


class TestUntestable:
    @pytest.mark.parametrize(
        ("holds", "context", "said"), [case[1:] for case in UNTESTABLE], ids=[case[0] for case in UNTESTABLE]
    )
    def test_the_rule_applies_and_the_decision_says_why(
        self, holds: Callable[[Any], Any], context: object, said: str
    ) -> None:
        service = conditional(Condition("large_sale", Sale, holds)).service
        decision = service.decide("c", Action.POINTS_REDEMPTION, context=context)
        assert (decision.effect, decision.code) == (Effect.BLOCK, "block.points_redemption")
        assert [each.tested for each in decision.contributions] == [Came("large_sale", True, said)]
        assert f"as large_sale could not be tested ({said}): too much" in decision.staff_message

    @pytest.mark.parametrize(
        ("holds", "context"), [case[1:3] for case in UNTESTABLE], ids=[case[0] for case in UNTESTABLE]
    )
    def test_neither_the_context_nor_an_exceptions_text_is_ever_told(
        self, holds: Callable[[Any], Any], context: object
    ) -> None:
        def own(question: Question) -> Verdict:
            raise ValueError(f"{question.context} {SECRET}")

        rule = block(Action.POINTS_REDEMPTION, when=SUSPENDED, condition=Condition("large_sale", Sale, holds))
        service = world(rule, policies={"risk": own}).service
        decision = service.decide("c", Action.POINTS_REDEMPTION, context=context)
        with pytest.raises(DeniedError) as denied:
            service.check("c", Action.POINTS_REDEMPTION, context=context)
        question = Question(Action.POINTS_REDEMPTION, decision.account, None, context)
        told = [repr(question), repr(decision), repr(decision.verdict), repr(decision.contributions)]
        told += [repr(decision.opinions), decision.staff_message, decision.customer_message]
        told += [str(denied.value), repr(denied.value)]
        assert [text for text in told if SECRET in text or "900" in text] == []

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_what_is_no_exception_of_a_program_passes_through(self, error: type[BaseException]) -> None:
        def stopped(_: Sale) -> bool:
            raise error

        with pytest.raises(error):
            conditional(Condition("large_sale", Sale, stopped)).service.decide(
                "c", Action.POINTS_REDEMPTION, context=SMALL
            )

    def test_a_context_of_a_class_below_the_one_that_it_asks_for_will_do(self) -> None:
        decision = conditional(large).service.decide("c", Action.POINTS_REDEMPTION, context=OnlineSale(Decimal(20)))
        assert decision.effect is Effect.ALLOW


class TestDeciding:
    def test_the_rule_applies_where_the_condition_holds_and_only_there(self) -> None:
        service = conditional(large).service
        held = service.decide("c", Action.POINTS_REDEMPTION, context=LARGE)
        assert held.effect is Effect.BLOCK
        assert held.contributions[0].tested == Came("large_sale", True)
        assert ", if large_sale: too much [block.points_redemption]" in held.staff_message
        spared = service.decide("c", Action.POINTS_REDEMPTION, context=SMALL)
        assert spared.verdict == Verdict(Action.POINTS_REDEMPTION, Effect.ALLOW)
        assert (spared.contributions, spared.lifts, spared.staff_message) == ((), (), "")

    def test_a_milder_rule_decides_where_the_condition_of_the_stricter_does_not_hold(self) -> None:
        # D33
        service = world(
            mark(Action.POINTS_REDEMPTION, when=SUSPENDED, reason="watched"),
            block(Action.POINTS_REDEMPTION, when=SUSPENDED, condition=large, customer_message="Too much for now."),
        ).service
        spared = service.decide("c", Action.POINTS_REDEMPTION, context=SMALL)
        assert (spared.effect, spared.code, spared.customer_message) == (Effect.MARK, "mark.points_redemption", "")
        assert [each.rule.reason for each in spared.contributions] == ["watched"]
        assert {lift.effect for lift in spared.lifts} == {Effect.ALLOW}
        held = service.decide("c", Action.POINTS_REDEMPTION, context=LARGE)
        assert (held.effect, held.customer_message) == (Effect.BLOCK, "Too much for now.")
        assert len(held.contributions) == 2

    def test_a_mild_rule_with_a_condition_adds_nothing_to_a_stricter_one_but_is_told(self) -> None:
        service = world(
            block(Action.LOGIN, when=SUSPENDED), mark(Action.LOGIN, when=SUSPENDED, condition=large)
        ).service
        assert len(service.decide("c", Action.LOGIN, context=SMALL).contributions) == 1
        assert len(service.decide("c", Action.LOGIN, context=LARGE).contributions) == 2
        assert service.decide("c", Action.LOGIN, context=SMALL).effect is Effect.BLOCK

    def test_every_way_of_asking_takes_the_context(self) -> None:
        service = conditional(large).service
        several = service.decide_all("c", Action, context=SMALL)
        assert several[Action.POINTS_REDEMPTION].effect is Effect.ALLOW
        assert service.check("c", Action.POINTS_REDEMPTION, context=SMALL).effect is Effect.ALLOW
        assert service.decide_all("c", [Action.POINTS_REDEMPTION])[Action.POINTS_REDEMPTION].effect is Effect.BLOCK
        for context in (LARGE, None):
            with pytest.raises(DeniedError):
                service.check("c", Action.POINTS_REDEMPTION, context=context)

    def test_what_no_condition_decides_is_asked_with_a_context_as_without(self) -> None:
        service = conditional(large).service
        assert (
            service.decide("c", Action.TRANSACTION, context=LARGE).verdict
            is service.decide("c", Action.TRANSACTION).verdict
        )

    def test_a_condition_is_tested_once_a_decision_and_only_where_its_rule_stands(self) -> None:
        asked: list[Sale] = []

        def counted(sale: Sale) -> bool:
            asked.append(sale)
            return False

        condition = Condition("counted", Sale, counted)
        made = world(
            block(Action.LOGIN, Action.OFFERS, when=SUSPENDED, condition=condition),
            mark(Action.LOGIN, when=Label.ABROAD, condition=condition),
            block(Action.LOGIN, when=Membership.ENROLLED, condition=condition),
        )
        assert made.service.decide("c", Action.LOGIN, context=SMALL).effect is Effect.ALLOW
        assert asked == [SMALL]
        made.service.decide_all("c", [Action.LOGIN, Action.OFFERS], context=LARGE)
        assert asked == [SMALL, LARGE, LARGE]
        made.service.decide("c", Action.TRANSACTION, context=SMALL)
        made.service.decide("c", Action.LOGIN)
        made.desk.register("d")
        made.service.decide("d", Action.LOGIN, context=SMALL)
        assert len(asked) == 3

    @some_examples
    @given(st.lists(st.none() | st.integers(0, 1000), min_size=2, max_size=8))
    def test_nothing_is_remembered_from_one_attempt_to_the_next(self, amounts: list[int | None]) -> None:
        service = conditional(large).service
        for amount in amounts:
            context = None if amount is None else Sale(Decimal(amount))
            blocked = service.decide("c", Action.POINTS_REDEMPTION, context=context).effect is Effect.BLOCK
            assert blocked is (amount is None or amount > 500)

    def test_the_cells_of_a_policy_count_every_condition_as_holding(self) -> None:
        config: OrgConfig[Label] = conditional(large).config
        verdict = config.policy.verdict(SUSPENDED, Label.ABROAD, Action.POINTS_REDEMPTION)
        assert (verdict.effect, verdict.floor) == (Effect.BLOCK, Effect.ALLOW)
        assert verdict.conditions == (large,)
        assert verdict.contributions[0].tested is None
        assert ", if large_sale: too much" in verdict.staff_message
