"""Decisions between two customers: both sides are asked, each with rules and reasons of its own."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from organisation import ACME, STORES, Label, ShopAction, World, in_memory, opened

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
    Party,
    Restriction,
    RestrictionPolicy,
    TwoPartyDecision,
    UnknownCustomerError,
    Verdict,
    block,
    mark,
)
from custstatus.errors import UnknownActionError
from custstatus.policies import Question

SUSPENDED, SUSPECTED = CustomerStatus.SUSPENDED, CustomerStatus.FRAUD_SUSPECTED
TRANSFER, MERGE = Action.POINTS_TRANSFER, Action.ACCOUNT_MERGE
SIDES = (Party.SOURCE, Party.DESTINATION)

FRAUD = (
    block(TRANSFER, when=SUSPECTED, reason="source is suspected", code="415", party=Party.SOURCE),
    block(TRANSFER, when=SUSPECTED, reason="destination is suspected", code="414", party=Party.DESTINATION),
)
"""The rules of D39, with the codes that the products give them."""


@frozen
class Transfer:
    """What the host says of an attempt."""

    points: Decimal


def configured(*rules: Restriction, **given: Any) -> OrgConfig[Label]:
    """The example organisation with these rules besides Capillary's."""
    return evolve(ACME, restrictions=CAPILLARY_POLICY + RestrictionPolicy(*rules), **given)


def peopled(world: World[Any]) -> World[Any]:
    """With an active, a suspended and a suspected customer, two of each."""
    for name in ("active", "suspended", "suspected"):
        for number in (1, 2):
            world.desk.register(f"{name}-{number}")
            if name == "suspended":
                world.desk.change(f"{name}-{number}", Label.ABROAD, reason="travels")
            if name == "suspected":
                world.desk.change(f"{name}-{number}", Label.UNUSUAL, reason="odd sales")
    return world


def world(*rules: Restriction, **given: Any) -> World[Label]:
    """Such an organisation, peopled."""
    return peopled(in_memory(configured(*rules, **given)))


def rule(effect: Effect, party: Party | None, **given: Any) -> list[Restriction]:
    """What gives one side an effect in SUSPENDED."""
    makes = {Effect.MARK: mark, Effect.BLOCK: block}
    return [] if effect is Effect.ALLOW else [makes[effect](TRANSFER, when=SUSPENDED, party=party, **given)]


@pytest.fixture(params=STORES)
def fraud(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World[Label]]:
    """An organisation with the rules of D39, over each kind of store."""
    with opened(request.param, tmp_path, configured(*FRAUD)) as made:
        yield peopled(made)


class TestBothAreAsked:
    # D39

    @pytest.mark.parametrize(
        ("source", "destination", "codes"),
        [
            ("active-1", "active-2", ("allow", "allow")),
            ("suspected-1", "active-1", ("415", "allow")),
            ("active-1", "suspected-1", ("allow", "414")),
            ("suspected-1", "suspected-2", ("415", "414")),
        ],
    )
    def test_a_transfer_is_refused_if_either_party_is_fraud_each_with_a_reason_of_its_own(
        self, fraud: World[Label], source: str, destination: str, codes: tuple[str, str]
    ) -> None:
        decision = fraud.service.decide_between(TRANSFER, source, destination)
        assert (decision.source.code, decision.destination.code) == codes
        blocked = [code for code in codes if code != "allow"]
        assert decision.effect is (Effect.BLOCK if blocked else Effect.ALLOW)
        assert decision.code == (blocked[0] if blocked else "allow")
        assert [each.code for each in decision.denials] == blocked
        for side, party in zip(decision, SIDES, strict=True):
            assert side.verdict.party is party
            if side.effect is Effect.BLOCK:
                assert f"POINTS_TRANSFER is blocked as {party.value}" in side.staff_message
                assert f"as {party.value}: {party.value} is suspected [{side.code}]" in side.staff_message
                assert [each.rule.party for each in side.contributions] == [party]

    @pytest.mark.parametrize(("source", "destination"), list(product(Effect, Effect)), ids=str)
    def test_every_combination_of_effects(self, source: Effect, destination: Effect) -> None:
        rules = rule(source, Party.SOURCE) + rule(destination, Party.DESTINATION)
        service = world(*rules).service
        decision = service.decide_between(TRANSFER, "suspended-1", "suspended-2")
        assert (decision.source.effect, decision.destination.effect) == (source, destination)
        assert decision.effect.strictness == max(source.strictness, destination.strictness)
        expected = decision.destination if destination.strictness > source.strictness else decision.source
        assert decision.stricter is expected
        assert decision.code == expected.code
        denying = [side for side in (decision.source, decision.destination) if side.effect is Effect.BLOCK]
        assert list(decision.denials) == denying
        if not denying:
            assert service.check_between(TRANSFER, "suspended-1", "suspended-2") == decision
            return
        with pytest.raises(DeniedError) as denied:
            service.check_between(TRANSFER, "suspended-1", "suspended-2")
        # The source's where both are blocked.
        assert denied.value.decision == denying[0]
        customer = "suspended-1" if source is Effect.BLOCK else "suspended-2"
        assert f"customer '{customer}'" in str(denied.value)

    @pytest.mark.parametrize("party", SIDES)
    def test_a_rule_for_one_side_leaves_the_other_alone(self, party: Party) -> None:
        service = world(*rule(Effect.BLOCK, party)).service
        decision = service.decide_between(TRANSFER, "suspended-1", "suspended-2")
        other = SIDES[1 - SIDES.index(party)]
        by_party = dict(zip(SIDES, decision, strict=True))
        assert (by_party[party].effect, by_party[other].effect) == (Effect.BLOCK, Effect.ALLOW)
        assert service.decide_between(TRANSFER, "active-1", "active-2").effect is Effect.ALLOW

    def test_a_rule_for_no_side_in_particular_is_for_both(self) -> None:
        decision = world(*rule(Effect.BLOCK, None)).service.decide_between(TRANSFER, "suspended-1", "suspended-2")
        assert [side.effect for side in decision] == [Effect.BLOCK, Effect.BLOCK]

    def test_asked_alone_the_rules_for_either_side_apply(self) -> None:
        service = world(*rule(Effect.MARK, Party.SOURCE), *rule(Effect.BLOCK, Party.DESTINATION)).service
        alone = service.decide("suspended-1", TRANSFER)
        assert alone.verdict.party is None
        assert alone.effect is Effect.BLOCK
        assert {each.rule.party for each in alone.contributions} == set(SIDES)
        with pytest.raises(DeniedError):
            service.check("suspended-1", TRANSFER)
        # One way of asking is not remembered for another.
        for _ in range(2):
            decision = service.decide_between(TRANSFER, "suspended-1", "suspended-2")
            assert [side.effect for side in decision] == [Effect.MARK, Effect.BLOCK]
            assert service.decide("suspended-1", TRANSFER) == alone

    def test_the_standings_of_each_side_are_its_own(self) -> None:
        made = world(block(TRANSFER, when=Membership.ON_HOLD, reason="on hold", party=Party.DESTINATION), *FRAUD)
        made.desk.register("held", Membership.ENROLLED)
        made.desk.change("held", Membership.ON_HOLD, reason="asked")
        decision = made.service.decide_between(TRANSFER, "suspected-1", "held")
        assert [each.lifecycle for each in decision.source.contributions] == ["customer_status"]
        assert [each.lifecycle for each in decision.destination.contributions] == ["membership"]
        assert {lift.lifecycle for lift in decision.destination.lifts} == {"membership"}
        assert made.service.decide_between(TRANSFER, "held", "active-1").effect is Effect.ALLOW

    def test_what_lifts_it_is_told_for_the_side_that_was_asked(self) -> None:
        # A place that blocks the other side only is milder for this one.
        made = world(
            block(TRANSFER, when=Label.ABROAD, party=Party.SOURCE),
            block(TRANSFER, when=Label.LOST_PHONE, party=Party.DESTINATION),
        )
        decision = made.service.decide_between(TRANSFER, "suspended-1", "suspended-2")
        assert Label.LOST_PHONE in {lift.label for lift in decision.source.lifts}
        assert decision.destination.effect is Effect.ALLOW

    def test_a_deleted_side_is_blocked_like_everything_of_his(self) -> None:
        # D30
        made = world(*FRAUD)
        made.desk.change("active-1", Label.CLOSED, reason="at the customer's request")
        for ends in (("active-1", "active-2"), ("active-2", "active-1")):
            decision = made.service.decide_between(MERGE, *ends)
            assert [side.account.customer for side in decision.denials] == ["active-1"]


class TestAsking:
    @pytest.mark.parametrize("action", [Action.LOGIN, Action.TRANSACTION, ShopAction.GIFT_WRAP])
    def test_an_action_of_a_single_customer_is_no_question_for_two(self, action: Any) -> None:
        service = world().service
        for ask in (service.decide_between, service.check_between):
            with pytest.raises(InvalidInputError, match="two_party") as refused:
                ask(action, "active-1", "active-2")
            assert refused.value.field == "action"

    @pytest.mark.parametrize("action", ["points_transfer", None, 5, [], {}, SUSPENDED, Party.SOURCE], ids=repr)
    def test_an_unknown_action_is_an_error(self, action: Any) -> None:
        service = world().service
        for ask in (service.decide_between, service.check_between):
            with pytest.raises(UnknownActionError):
                ask(action, "active-1", "active-2")

    @pytest.mark.parametrize("ends", [("nobody", "active-1"), ("active-1", "nobody")])
    def test_an_unknown_customer_on_either_side_is_named(self, fraud: World[Label], ends: tuple[str, str]) -> None:
        for ask in (fraud.service.decide_between, fraud.service.check_between):
            with pytest.raises(UnknownCustomerError) as refused:
                ask(TRANSFER, *ends)
            assert refused.value.customer == "nobody"

    def test_a_customer_transfers_nothing_to_himself(self, fraud: World[Label]) -> None:
        # D72
        for customer in ("active-1", "suspected-1", "nobody"):
            with pytest.raises(InvalidInputError, match="another customer than the source") as refused:
                fraud.service.decide_between(MERGE, customer, customer)
            assert refused.value.field == "destination"

    @pytest.mark.parametrize("customer", ["", "x" * 129, "a\nb", None, 5])
    def test_what_can_be_no_customer_is_invalid(self, fraud: World[Label], customer: Any) -> None:
        for ends in ((customer, "active-1"), ("active-1", customer)):
            with pytest.raises(InvalidInputError, match="customer"):
                fraud.service.decide_between(TRANSFER, *ends)

    def test_an_organisation_says_which_actions_are_between_two(self) -> None:
        gift = block(ShopAction.GIFT_WRAP, when=SUSPENDED, code="no_gifts", party=Party.DESTINATION)
        service = world(gift, two_party=[ShopAction.GIFT_WRAP]).service
        decision = service.decide_between(ShopAction.GIFT_WRAP, "suspended-1", "suspended-2")
        assert (decision.source.code, decision.destination.code) == ("allow", "no_gifts")
        with pytest.raises(InvalidInputError):
            service.decide_between(TRANSFER, "active-1", "active-2")

    def test_asking_writes_nothing(self, fraud: World[Label]) -> None:
        before = fraud.everything()
        fraud.service.decide_between(TRANSFER, "active-1", "suspected-1")
        assert fraud.everything() == before


class TestRunTime:
    def test_the_context_is_the_same_for_both_sides_and_neither_is_remembered(self) -> None:
        large = Condition("large", Transfer, lambda transfer: transfer.points > 500)
        service = world(
            block(TRANSFER, when=SUSPENDED, reason="too many", condition=large, party=Party.SOURCE),
            mark(TRANSFER, when=SUSPENDED, condition=large, party=Party.DESTINATION),
        ).service
        for points, expected in [
            (900, [Effect.BLOCK, Effect.MARK]),
            (20, [Effect.ALLOW, Effect.ALLOW]),
            (None, [Effect.BLOCK, Effect.MARK]),
            (20, [Effect.ALLOW, Effect.ALLOW]),
        ]:
            context = None if points is None else Transfer(Decimal(points))
            decision = service.decide_between(TRANSFER, "suspended-1", "suspended-2", context=context)
            assert [side.effect for side in decision] == expected
        small = Transfer(Decimal(20))
        assert service.check_between(TRANSFER, "suspended-1", "suspended-2", context=small).effect is Effect.ALLOW
        with pytest.raises(DeniedError):
            service.check_between(TRANSFER, "suspended-1", "suspended-2")
        assert service.decide("suspended-1", TRANSFER, context=small).effect is Effect.ALLOW

    @pytest.mark.parametrize("party", SIDES)
    def test_a_policy_of_the_hosts_own_may_refuse_one_side(self, party: Party) -> None:
        def own(question: Question) -> Verdict:
            effect = Effect.BLOCK if question.party is party else Effect.ALLOW
            return Verdict(question.action, effect, f"risk.{party.value}", "by risk")

        service = world(policies={"risk": own}).service
        decision = service.decide_between(TRANSFER, "active-1", "active-2")
        assert [each.code for each in decision.denials] == [f"risk.{party.value}"]
        assert f"POINTS_TRANSFER is blocked as {party.value}: risk: by risk" in decision.stricter.staff_message
        with pytest.raises(DeniedError) as denied:
            service.check_between(TRANSFER, "active-1", "active-2")
        assert denied.value.decision.verdict.party is party


class TestTwoPartyDecision:
    def test_it_has_no_truth_value(self, fraud: World[Label]) -> None:
        decision = fraud.service.decide_between(TRANSFER, "active-1", "active-2")
        with pytest.raises(TypeError, match="ask for its effect"):
            bool(decision)
        with pytest.raises(TypeError):
            assert not decision

    def test_it_survives_being_sent_to_another_process(self, fraud: World[Label]) -> None:
        decision = fraud.service.decide_between(TRANSFER, "active-1", "suspected-1")
        again = pickle.loads(pickle.dumps(decision))
        assert again == decision
        assert isinstance(again, TwoPartyDecision)
        assert [each.code for each in again.denials] == ["414"]

    def test_each_side_has_the_account_that_it_rests_on(self, fraud: World[Label]) -> None:
        decision = fraud.service.decide_between(TRANSFER, "active-1", "suspected-1")
        assert [side.account.customer for side in decision] == ["active-1", "suspected-1"]
        assert {side.config for side in decision} == {fraud.config.hash}

    def test_the_customers_are_told_a_text_that_gives_nothing_away(self, fraud: World[Label]) -> None:
        # D105: whoever sends to a suspect does not learn of the suspicion.
        decision = fraud.service.decide_between(TRANSFER, "active-1", "suspected-1")
        for telling in ("fraud", "suspect", "414", "destination"):
            assert telling not in decision.stricter.customer_message.lower()
        assert decision.source.customer_message == ""
