"""A host's own policies: any callable of the shape, the strictest wins, and whatever goes wrong with one blocks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product
from typing import Any

import pytest
from attrs import evolve, field, frozen
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st
from organisation import ACME, Label, ShopAction, World, in_memory, some_examples

from custstatus import (
    Action,
    AnyAction,
    CustomerStatus,
    DeniedError,
    Effect,
    InvalidInputError,
    OrgConfig,
    Party,
    RestrictionPolicy,
    Verdict,
    Waiver,
    block,
    block_everything,
    mark,
)
from custstatus.errors import UnknownActionError
from custstatus.policies import Absent, Opinion, Policy, Question

SUSPENDED = CustomerStatus.SUSPENDED
SECRET = "+447900000042"
"""What stands for personal data."""


@frozen
class Says:
    """A policy with state of its own: it says the same of everything, and remembers what it was asked."""

    effect: Effect
    code: str = "theirs"
    reason: str = "they say so"
    customer_message: str = ""
    asked: list[Question] = field(factory=list)

    def __call__(self, question: Question, /) -> Verdict:
        self.asked.append(question)
        return Verdict(question.action, self.effect, self.code, self.reason, self.customer_message)


def says(effect: Effect, **given: Any) -> Says:
    """Such a policy with a memory of its own."""
    return Says(effect, **given)


def world(*, effect: Effect = Effect.ALLOW, policies: dict[str, Any] | None = None) -> World[Label]:
    """The example organisation, which treats an offer to the suspended customer c so, with policies of its own."""
    rules = {
        Effect.ALLOW: [],
        Effect.MARK: [mark(Action.OFFERS, when=SUSPENDED, reason="ours", code="ours")],
        Effect.BLOCK: [block(Action.OFFERS, when=SUSPENDED, reason="ours", code="ours", customer_message="Ours.")],
    }
    restrictions = ACME.restrictions + RestrictionPolicy(*rules[effect])
    made = in_memory(evolve(ACME, restrictions=restrictions, policies=policies or {}))
    made.desk.register("c")
    made.desk.change("c", Label.ABROAD, reason="travels")
    return made


class TestStrictestWins:
    @pytest.mark.parametrize(("ours", "theirs"), list(product(Effect, Effect)), ids=str)
    def test_of_the_restrictions_and_a_policy_both_ways(self, ours: Effect, theirs: Effect) -> None:
        policy = says(theirs, customer_message="Theirs.")
        decision = world(effect=ours, policies={"risk": policy}).service.decide("c", Action.OFFERS)
        decides = theirs.strictness > ours.strictness
        assert decision.effect is (theirs if decides else ours)
        # Of two that are alike the restrictions' own code and message are told.
        assert decision.code == ("theirs" if decides else "allow" if ours is Effect.ALLOW else "ours")
        said = {True: "Theirs.", False: "Ours."}[decides] if decision.effect is Effect.BLOCK else ""
        assert decision.customer_message == said

    @pytest.mark.parametrize(("ours", "theirs"), list(product(Effect, Effect)), ids=str)
    def test_both_are_told_whichever_wins(self, ours: Effect, theirs: Effect) -> None:
        decision = world(effect=ours, policies={"risk": says(theirs)}).service.decide("c", Action.OFFERS)
        assert [each.rule.reason for each in decision.contributions] == ([] if ours is Effect.ALLOW else ["ours"])
        assert [each.policy for each in decision.opinions] == ([] if theirs is Effect.ALLOW else ["risk"])
        assert ("ours [ours]" in decision.staff_message) is (ours is not Effect.ALLOW)
        assert ("risk: they say so [theirs]" in decision.staff_message) is (theirs is not Effect.ALLOW)

    def test_one_that_allows_changes_nothing(self) -> None:
        for effect in Effect:
            plain = world(effect=effect).service.decide("c", Action.OFFERS)
            asked = world(effect=effect, policies={"risk": says(Effect.ALLOW)}).service.decide("c", Action.OFFERS)
            assert asked.verdict == plain.verdict
            assert asked.lifts == plain.lifts

    @some_examples
    @given(st.lists(st.sampled_from(Effect), max_size=4), st.sampled_from(Effect))
    def test_of_any_number_whatever_their_order(self, effects: list[Effect], ours: Effect) -> None:
        policies = {f"p{number}": says(effect) for number, effect in enumerate(effects)}
        expected = max([ours, *effects], key=lambda effect: effect.strictness)
        for order in list(permutations(policies))[:6]:
            made = world(effect=ours, policies={name: policies[name] for name in order})
            decision = made.service.decide("c", Action.OFFERS)
            assert decision.effect is expected
            assert {each.policy for each in decision.opinions} == {
                name for name, policy in policies.items() if policy.effect is not Effect.ALLOW
            }

    def test_the_order_in_which_they_are_configured_does_not_matter_at_all(self) -> None:
        # Both have the same hash, so they must decide alike: by the same code too.
        one, other = says(Effect.BLOCK, code="one"), says(Effect.BLOCK, code="other")
        worlds = [world(policies={"one": one, "other": other}), world(policies={"other": other, "one": one})]
        assert len({made.config.hash for made in worlds}) == 1
        assert len({made.service.decide("c", Action.OFFERS).code for made in worlds}) == 1
        assert len({made.service.decide("c", Action.OFFERS).staff_message for made in worlds}) == 1

    def test_one_may_restrict_where_no_rule_does_and_check_denies(self) -> None:
        service = world(policies={"risk": says(Effect.BLOCK)}).service
        with pytest.raises(DeniedError, match=r"OFFERS is denied to customer 'c' \[theirs\]"):
            service.check("c", Action.OFFERS)

    def test_the_neutral_text_stands_where_it_has_none_for_the_customer(self) -> None:
        # D105
        text = world(policies={"risk": says(Effect.BLOCK)}).service.decide("c", Action.OFFERS).customer_message
        assert (
            text
            == world(effect=Effect.ALLOW)
            .config.policy.verdict(CustomerStatus.DELETED, Label.CLOSED, Action.OFFERS)
            .customer_message
        )
        assert world(policies={"risk": says(Effect.MARK)}).service.decide("c", Action.OFFERS).customer_message == ""

    def test_what_blocks_is_never_coded_as_allowed(self) -> None:
        def short(question: Question) -> Verdict:
            return Verdict(question.action, Effect.BLOCK)

        decision = world(policies={"risk": short}).service.decide("c", Action.OFFERS)
        assert decision.effect is Effect.BLOCK
        assert decision.code != "allow"


def unasked() -> None:
    """No policy: it takes no question."""


class TestFailing:
    FAILING: list[tuple[str, Callable[..., Any], str]] = [
        ("raises", lambda _: 1 // 0, "it raised ZeroDivisionError"),
        ("None", lambda _: None, "it gave no verdict on the action"),
        ("an effect", lambda _: Effect.ALLOW, "it gave no verdict on the action"),
        ("a boolean", lambda _: True, "it gave no verdict on the action"),
        ("another action", lambda _: Verdict(Action.LOGIN, Effect.ALLOW), "it gave no verdict on the action"),
        ("no effect", lambda asked: Verdict(asked.action, "allow"), "it gave no verdict on the action"),  # type: ignore[arg-type]
        ("another shape", unasked, "it raised TypeError"),
    ]

    @pytest.mark.parametrize(("policy", "said"), [case[1:] for case in FAILING], ids=[case[0] for case in FAILING])
    def test_it_blocks_and_says_so(self, policy: Callable[..., Any], said: str) -> None:
        for effect in Effect:
            decision = world(effect=effect, policies={"risk": policy}).service.decide("c", Action.OFFERS)
            assert decision.effect is Effect.BLOCK
            assert [(each.policy, each.failure) for each in decision.opinions] == [("risk", said)]
            assert f"risk: {said} [policy_failed]" in decision.staff_message
            assert decision.code == ("ours" if effect is Effect.BLOCK else "policy_failed")

    def test_one_whose_code_is_not_at_hand_blocks(self) -> None:
        decision = world(policies={"risk": Absent()}).service.decide("c", Action.OFFERS)
        assert (decision.effect, decision.code) == (Effect.BLOCK, "policy_failed")
        assert "risk: its code is not loaded" in decision.staff_message

    def test_the_others_are_asked_all_the_same(self) -> None:
        other = says(Effect.MARK)
        policies = {"broken": lambda _: None, "other": other}
        decision = world(policies=policies).service.decide("c", Action.OFFERS)
        assert {each.policy for each in decision.opinions} == {"broken", "other"}
        assert len(other.asked) == 1

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
    def test_what_is_no_exception_of_a_program_passes_through(self, error: type[BaseException]) -> None:
        def stopped(_: Question) -> Verdict:
            raise error

        with pytest.raises(error):
            world(policies={"risk": stopped}).service.decide("c", Action.OFFERS)

    def test_the_text_of_its_exception_is_never_told(self) -> None:
        def leaking(_: Question) -> Verdict:
            raise ValueError(SECRET)

        service = world(policies={"risk": leaking}).service
        decision = service.decide("c", Action.OFFERS, context=SECRET)
        with pytest.raises(DeniedError) as denied:
            service.check("c", Action.OFFERS, context=SECRET)
        told = [decision.staff_message, decision.customer_message, repr(decision), repr(decision.verdict)]
        told += [str(denied.value), repr(denied.value), repr(decision.opinions)]
        assert [text for text in told if SECRET in text] == []


class TestQuestion:
    def test_it_carries_action_account_and_context(self) -> None:
        policy = says(Effect.ALLOW)
        made = world(policies={"risk": policy})
        context = object()
        decision = made.service.decide("c", Action.OFFERS, context=context)
        assert policy.asked == [Question(Action.OFFERS, decision.account, None, context)]
        made.service.decide_all("c", [Action.LOGIN, ShopAction.GIFT_WRAP])
        assert [(each.action, each.context) for each in policy.asked[1:]] == [
            (Action.LOGIN, None),
            (ShopAction.GIFT_WRAP, None),
        ]

    def test_each_side_of_an_action_between_two_is_asked_as_that_side(self) -> None:
        # D39
        policy = says(Effect.ALLOW)
        made = world(policies={"risk": policy})
        made.desk.register("d")
        made.service.decide_between(Action.POINTS_TRANSFER, "c", "d", context="x")
        assert [(each.account.customer, each.party, each.context) for each in policy.asked] == [
            ("c", Party.SOURCE, "x"),
            ("d", Party.DESTINATION, "x"),
        ]

    def test_it_is_frozen_and_does_not_show_its_context(self) -> None:
        question = Question(Action.OFFERS, ACME_ACCOUNT, None, SECRET)
        with pytest.raises(FrozenInstanceError):
            setattr(question, "action", Action.LOGIN)  # noqa: B010
        assert SECRET not in repr(question)

    def test_it_is_asked_anew_for_every_attempt(self) -> None:
        effects = iter([Effect.BLOCK, Effect.ALLOW, Effect.MARK])
        service = world(policies={"risk": lambda asked: Verdict(asked.action, next(effects))}).service
        assert [service.decide("c", Action.OFFERS).effect for _ in range(3)] == [
            Effect.BLOCK,
            Effect.ALLOW,
            Effect.MARK,
        ]

    @pytest.mark.parametrize("action", ["offers", None, [], SUSPENDED])
    def test_of_an_action_that_is_not_there_it_is_never_asked(self, action: Any) -> None:
        policy = says(Effect.ALLOW)
        made = world(policies={"risk": policy})
        for ask in (made.service.decide, made.service.check):
            with pytest.raises(UnknownActionError):
                ask("c", action)
        assert policy.asked == []


ACME_ACCOUNT = world().service.account("c")


class TestAsPolicies:
    def test_our_own_is_a_policy_like_any_other(self) -> None:
        policy: Policy = ACME.policy
        question = Question(Action.POINTS_REDEMPTION, ACME_ACCOUNT)
        assert policy(question) is ACME.policy.verdict_of(ACME_ACCOUNT, Action.POINTS_REDEMPTION)

    def test_another_configurations_restrictions_combine_with_ours(self) -> None:
        rules = RestrictionPolicy(
            block(Action.OFFERS, when=SUSPENDED, reason="head office says so", code="ho", customer_message="Ask them."),
            block_everything(when=CustomerStatus.DELETED),
        )
        head_office = evolve(ACME, org="head_office", restrictions=rules, waives=[Waiver.CLOSING_MAY_BE_UNBLOCKED])
        decision = world(policies={"head_office": head_office.policy}).service.decide("c", Action.OFFERS)
        assert (decision.effect, decision.code, decision.customer_message) == (Effect.BLOCK, "ho", "Ask them.")
        assert "head_office: customer_status SUSPENDED / Abroad: head office says so [ho]" in decision.staff_message

    def test_one_that_lacks_the_action_blocks_it(self) -> None:
        narrow = OrgConfig("narrow", Label, lifecycles=ACME.lifecycles)
        service = world(policies={"narrow": narrow.policy}).service
        decision = service.decide("c", ShopAction.GIFT_WRAP)
        assert decision.effect is Effect.BLOCK
        assert "narrow: it raised UnknownActionError [policy_failed]" in decision.staff_message

    def test_the_host_may_give_a_function_a_lambda_or_an_object(self) -> None:
        def function(question: Question) -> Verdict:
            return Verdict(question.action, Effect.MARK, "f", "function")

        policies: dict[str, Policy] = {
            "function": function,
            "lambda": lambda asked: Verdict(asked.action, Effect.MARK, "l", "lambda"),
            "object": says(Effect.MARK),
        }
        opinions = world(policies=policies).service.decide("c", Action.OFFERS).opinions
        assert {each.policy for each in opinions} == set(policies)
        assert all(isinstance(each, Opinion) and each.failure is None for each in opinions)

    def test_what_it_lifts_nobody_claims_to_know(self) -> None:
        decision = world(policies={"risk": says(Effect.BLOCK)}).service.decide("c", Action.OFFERS)
        assert decision.lifts == ()
        assert "No available transition lifts it" not in decision.staff_message

    def test_the_cells_do_not_know_what_they_say(self) -> None:
        policy = says(Effect.BLOCK)
        config = world(policies={"risk": policy}).config
        assert config.policy.verdict(SUSPENDED, Label.ABROAD, Action.OFFERS).effect is Effect.ALLOW
        assert config.policy.restricted(ACME_ACCOUNT, Action.OFFERS).effect is Effect.ALLOW
        assert policy.asked == []
        assert config.policy.own == {"risk": policy}


@pytest.mark.parametrize("reason", [5, None, ["x"]], ids=repr)
def test_a_verdict_that_is_not_in_words_is_told_or_blocks_but_does_no_harm(reason: Any) -> None:
    def odd(question: Question) -> Verdict:
        return Verdict(question.action, Effect.BLOCK, "odd", reason)

    decision = world(policies={"risk": odd}).service.decide("c", Action.OFFERS)
    assert decision.effect is Effect.BLOCK
    assert decision.staff_message


def test_every_action_of_the_organisation_is_asked_about() -> None:
    policy = says(Effect.MARK)
    made = world(policies={"risk": policy})
    decisions = made.service.decide_all("c", made.config.all_actions)
    every: set[AnyAction] = {question.action for question in policy.asked}
    assert every == set(decisions) == set(made.config.all_actions)
    with pytest.raises(InvalidInputError):
        made.service.decide_all("c", "offers")  # type: ignore[arg-type]
