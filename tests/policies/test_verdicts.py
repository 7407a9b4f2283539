"""Verdicts: of all rules that apply the strictest wins, everything that contributes is told, and what would lift it."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any, NamedTuple

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from organisation import ACME, AGENT, START, ForeignLabel, Label, ShopAction, some_examples

from custstatus import (
    CAPILLARY_POLICY,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    Account,
    Action,
    AnyAction,
    Condition,
    CustomerStatus,
    Effect,
    InvalidInputError,
    LegacyFraudStatus,
    Lifecycle,
    LoyaltyType,
    Membership,
    NoLabels,
    OrgConfig,
    Party,
    Requirement,
    Restriction,
    RestrictionPolicy,
    Standing,
    Status,
    StatusLabel,
    Verdict,
    Waiver,
    block,
    mark,
)
from custstatus.errors import StoredValueError, UnknownActionError
from custstatus.policies import CompiledPolicy, Question
from custstatus.policies.compiled import places_of

ACTIVE, SUSPENDED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED
SUSPECTED, CONFIRMED = CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED
BOTH: tuple[Lifecycle[Any], ...] = (CUSTOMER_STATUS, MEMBERSHIP)
SOME_ACTIONS = (Action.TRANSACTION, Action.POINTS_REDEMPTION, Action.LOGIN)


ALL_ACTIONS: tuple[AnyAction, ...] = (*Action, ShopAction.GIFT_WRAP)


def compiled(
    *rules: Restriction,
    lifecycles: tuple[Lifecycle[Any], ...] = BOTH,
    labels: type[StatusLabel] = Label,
    actions: tuple[AnyAction, ...] = ALL_ACTIONS,
) -> CompiledPolicy:
    """A policy, compiled for the example organisation."""
    return CompiledPolicy.build("acme", RestrictionPolicy(*rules), lifecycles, labels, actions)


def stored(*rows: tuple[str, str | None, str | None]) -> Account:
    """An account that stands at these (lifecycle, status, label)."""
    standings = [Standing(*row, START, START, AGENT, 1) for row in rows]
    return Account("acme", "c", 1, START, None, tuple(standings))


def at(*places: StatusLabel | Status) -> Account:
    """An account that stands under a label or in statuses."""
    rows: list[tuple[str, str | None, str | None]] = []
    for place in places:
        if isinstance(place, StatusLabel):
            rows.append(("customer_status", place.status.value, place.text))
        else:
            rows.append(("membership", place.value, None))
    return stored(*rows)


class TestStrictness:
    def test_a_rule_at_a_status_means_all_labels_of_that_status(self) -> None:
        # D26
        policy = compiled(block(Action.LOGIN, when=SUSPENDED))
        effects = {label: policy.verdict(label.status, label, Action.LOGIN).effect for label in Label}
        assert {label for label, effect in effects.items() if effect is Effect.BLOCK} == {
            Label.LOST_PHONE,
            Label.ABROAD,
        }

    def test_a_rule_at_a_label_is_for_that_label_alone(self) -> None:
        # D26
        policy = compiled(block(Action.LOGIN, when=Label.ABROAD))
        assert policy.verdict(SUSPENDED, Label.ABROAD, Action.LOGIN).effect is Effect.BLOCK
        assert policy.verdict(SUSPENDED, Label.LOST_PHONE, Action.LOGIN).effect is Effect.ALLOW

    def test_if_an_action_is_both_marked_and_blocked_the_block_wins_and_both_are_told(self) -> None:
        # D33
        verdict = compiled(
            mark(Action.TRANSACTION, when=SUSPENDED, reason="an outlier"),
            block(Action.TRANSACTION, when=Label.LOST_PHONE, reason="phone lost"),
        ).verdict(SUSPENDED, Label.LOST_PHONE, Action.TRANSACTION)
        assert verdict.effect is Effect.BLOCK
        assert [each.rule.effect for each in verdict.contributions] == [Effect.BLOCK, Effect.MARK]
        assert "an outlier" in verdict.staff_message
        assert "phone lost" in verdict.staff_message

    def test_a_marked_action_is_accepted_with_a_flag(self) -> None:
        # D33
        verdict = compiled(*CAPILLARY_POLICY).verdict(SUSPENDED, Label.ABROAD, Action.TRANSACTION)
        assert verdict.effect is Effect.MARK
        assert verdict.code == "mark.transaction"
        assert verdict.customer_message == ""

    def test_the_suspendeds_new_sales_are_marked_by_default(self) -> None:
        # D34
        policy = OrgConfig("acme", Label).policy
        assert policy.verdict(SUSPENDED, Label.LOST_PHONE, Action.TRANSACTION).effect is Effect.MARK
        others = [action for action in Action if action is not Action.TRANSACTION]
        assert {policy.verdict(SUSPENDED, Label.LOST_PHONE, action).effect for action in others} == {Effect.ALLOW}

    def test_the_suspended_can_be_refused_to_redeem(self) -> None:
        # D35
        policy = ACME.policy
        for action in (Action.POINTS_REDEMPTION, Action.COUPON_REDEMPTION):
            assert policy.verdict(SUSPENDED, Label.LOST_PHONE, action).effect is Effect.BLOCK
            assert policy.verdict(SUSPENDED, Label.ABROAD, action).effect is Effect.ALLOW

    def test_the_strictest_of_several_lifecycles_wins_and_all_are_told(self) -> None:
        policy = compiled(
            mark(Action.LOGIN, when=SUSPENDED),
            block(Action.LOGIN, when=Membership.ON_HOLD),
            mark(Action.OFFERS, when=Membership.ON_HOLD),
        )
        verdict = policy.verdict_of(at(Label.ABROAD, Membership.ON_HOLD), Action.LOGIN)
        assert verdict.effect is Effect.BLOCK
        assert [(each.lifecycle, each.status, each.label) for each in verdict.contributions] == [
            ("membership", Membership.ON_HOLD, None),
            ("customer_status", SUSPENDED, Label.ABROAD),
        ]
        assert policy.verdict_of(at(Label.ABROAD, Membership.ON_HOLD), Action.OFFERS).effect is Effect.MARK

    def test_deleted_blocks_everything_even_what_the_host_has_added(self) -> None:
        # D30
        policy = compiled(*CAPILLARY_POLICY)
        for action in ALL_ACTIONS:
            assert policy.verdict(CustomerStatus.DELETED, Label.CLOSED, action).effect is Effect.BLOCK


class TestUnset:
    @pytest.mark.parametrize("action", ALL_ACTIONS, ids=lambda action: str(action.value))
    def test_an_unset_status_blocks_nothing(self, action: Any) -> None:
        # D37
        everywhere = [*CustomerStatus, *Membership]
        policy = compiled(block(action, when=everywhere))
        unset = stored(("customer_status", None, None), ("membership", None, None))
        assert policy.verdict_of(unset, action).effect is Effect.ALLOW
        assert policy.verdict_of(stored(), action).effect is Effect.ALLOW
        assert policy.verdict(None, None, action).effect is Effect.ALLOW


class TestSuperseding:
    RULES = (block(Action.POINTS_REDEMPTION, when=LegacyFraudStatus.CONFIRMED),)
    ACCOUNT = stored(("customer_status", "active", "Regular"), ("legacy_fraud_status", "confirmed", None))

    def test_with_customer_status_on_the_legacy_fraud_status_is_no_longer_evaluated(self) -> None:
        # D45
        policy = compiled(*self.RULES, lifecycles=(CUSTOMER_STATUS, LEGACY_FRAUD_STATUS))
        assert policy.verdict_of(self.ACCOUNT, Action.POINTS_REDEMPTION).effect is Effect.ALLOW

    def test_alone_it_is(self) -> None:
        # D45
        policy = compiled(*self.RULES, lifecycles=(LEGACY_FRAUD_STATUS,), labels=NoLabels)
        assert policy.verdict_of(self.ACCOUNT, Action.POINTS_REDEMPTION).effect is Effect.BLOCK


rules = st.builds(
    lambda effect, actions, when: Restriction(effect, actions, when),
    st.sampled_from([Effect.MARK, Effect.BLOCK]),
    st.none() | st.frozensets(st.sampled_from(SOME_ACTIONS), min_size=1),
    st.frozensets(st.sampled_from([*CustomerStatus, *Label, *Membership]), min_size=1, max_size=4),
)


def applying(policy: list[Restriction], places: tuple[Any, ...], action: Action) -> list[Restriction]:
    """The oracle: the rules that apply to an action at places, read off the rules one by one."""
    stands = [{place, place.status} if isinstance(place, StatusLabel) else {place} for place in places]
    return [
        rule
        for rule in policy
        for stand in stands
        if stand & rule.when and (rule.actions is None or action in rule.actions)
    ]


class TestAnyPolicy:
    @some_examples
    @given(st.lists(rules, max_size=6), st.sampled_from(Label), st.sampled_from([None, *Membership]))
    def test_the_effect_is_the_strictest_of_the_rules_that_apply_and_all_of_them_contribute(
        self, policy: list[Restriction], label: Label, membership: Membership | None
    ) -> None:
        places = (label,) if membership is None else (label, membership)
        compiled_policy = compiled(*policy, actions=SOME_ACTIONS)
        for action in SOME_ACTIONS:
            verdict = compiled_policy.verdict_of(at(*places), action)
            expected = applying(policy, places, action)
            strictness = max((rule.effect.strictness for rule in expected), default=0)
            assert verdict.effect.strictness == strictness
            told = [each.rule for each in verdict.contributions]
            assert sorted(map(repr, told)) == sorted(map(repr, expected))
            assert all(repr(rule.code_for(action)) for rule in told)
            assert [rule.effect.strictness for rule in told] == sorted(
                (rule.effect.strictness for rule in told), reverse=True
            )

    @some_examples
    @given(st.lists(rules, max_size=6), st.lists(rules, max_size=3), st.sampled_from(Label))
    def test_adding_rules_never_loosens_anything(
        self, policy: list[Restriction], more: list[Restriction], label: Label
    ) -> None:
        for action in SOME_ACTIONS:
            before = compiled(*policy, actions=SOME_ACTIONS).verdict(label.status, label, action).effect
            after = compiled(*policy, *more, actions=SOME_ACTIONS).verdict(label.status, label, action).effect
            assert after.strictness >= before.strictness

    @settings(some_examples, max_examples=10)
    @given(st.permutations([*ACME.restrictions]))
    def test_the_order_of_the_rules_does_not_matter(self, shuffled: list[Restriction]) -> None:
        mine, theirs = compiled(*shuffled), compiled(*ACME.restrictions)
        for label, action in product(Label, SOME_ACTIONS):
            assert (
                mine.verdict(label.status, label, action).staff_message
                == theirs.verdict(label.status, label, action).staff_message
            )


class TestLifts:
    def test_a_lift_is_a_move_to_where_the_action_is_treated_more_mildly(self) -> None:
        policy = compiled(mark(Action.LOGIN, when=SUSPENDED), block(Action.LOGIN, when=[SUSPECTED, CONFIRMED]))
        lifts = policy.verdict(SUSPECTED, Label.UNUSUAL, Action.LOGIN).lifts
        assert {(lift.event, lift.status, lift.effect) for lift in lifts} >= {
            ("clear", ACTIVE, Effect.ALLOW),
            ("clear_as_victim", SUSPENDED, Effect.MARK),
        }
        assert not any(lift.status in (SUSPECTED, CONFIRMED) for lift in lifts)

    @pytest.mark.parametrize("label", list(Label), ids=lambda label: label.name)
    def test_every_milder_place_that_a_move_leads_to_is_a_lift_unless_it_sets_the_account_aside(
        self, label: Label
    ) -> None:
        for action in (Action.TRANSACTION, Action.POINTS_REDEMPTION):
            verdict = ACME.policy.verdict(label.status, label, action)
            expected = {
                (target, ACME.policy.verdict(target.status, target, action).effect)
                for target in Label
                if CUSTOMER_STATUS.transition(label.status, target.status) is not None
                and not CUSTOMER_STATUS.group_of(target.status) - CUSTOMER_STATUS.group_of(label.status)
                and ACME.policy.verdict(target.status, target, action).effect.strictness < verdict.effect.strictness
            }
            assert {(lift.label, lift.effect) for lift in verdict.lifts} == expected
            for lift in verdict.lifts:
                assert isinstance(lift.status, CustomerStatus)
                transition = CUSTOMER_STATUS.transition(label.status, lift.status)
                assert transition is not None
                assert (lift.event, lift.requirements, lift.back) == (
                    transition.event,
                    transition.requirements,
                    transition.back,
                )

    def test_a_lift_says_what_the_transition_requires(self) -> None:
        policy = compiled(block(Action.LOGIN, when=SUSPENDED))
        (lift,) = [
            each for each in policy.verdict(SUSPENDED, Label.ABROAD, Action.LOGIN).lifts if each.label is Label.REGULAR
        ]
        assert lift.requirements == {Requirement.PERSON, Requirement.REASON}
        assert str(lift) == "reinstate to 'Regular' (ACTIVE) (requires person, reason): allow"

    def test_nothing_lifts_what_is_closed_and_that_is_said(self) -> None:
        # D5
        verdict = compiled(*CAPILLARY_POLICY).verdict(CustomerStatus.DELETED, Label.CLOSED, Action.LOGIN)
        assert verdict.lifts == ()
        assert "No available transition lifts it" in verdict.staff_message


class TestMessages:
    def test_a_verdict_is_more_than_a_boolean(self) -> None:
        # D38
        verdict = ACME.policy.verdict(SUSPENDED, Label.LOST_PHONE, Action.POINTS_REDEMPTION)
        assert verdict.effect is Effect.BLOCK
        assert verdict.code == "block.points_redemption"
        (contribution,) = verdict.contributions
        assert (contribution.lifecycle, contribution.status, contribution.label) == (
            "customer_status",
            SUSPENDED,
            Label.LOST_PHONE,
        )
        assert contribution.rule.reason == "the phone may be in other hands"
        assert verdict.customer_message == "Please tell us when your phone is found."

    def test_what_is_allowed_says_nothing(self) -> None:
        verdict = ACME.policy.verdict(ACTIVE, Label.REGULAR, Action.LOGIN)
        assert verdict == Verdict(Action.LOGIN, Effect.ALLOW)
        assert (verdict.code, verdict.staff_message, verdict.customer_message) == ("allow", "", "")

    def test_the_customer_is_told_one_neutral_text_that_gives_nothing_away(self) -> None:
        # D105: suspected, confirmed and suspended by staff read the same.
        policy = compiled(block(Action.LOGIN, when=[SUSPECTED, CONFIRMED, SUSPENDED], reason="fraud suspected"))
        texts = {
            policy.verdict(label.status, label, Action.LOGIN).customer_message
            for label in (Label.UNUSUAL, Label.WATCHED, Label.PROVEN, Label.ABROAD)
        }
        assert len(texts) == 1
        (text,) = texts
        for telling in ("fraud", "suspect", "confirm", "suspend", "verif", "Unusual", "login"):
            assert telling.lower() not in text.lower()

    def test_the_text_for_the_customer_is_that_of_the_strictest_rule(self) -> None:
        # D105
        verdict = compiled(
            mark(Action.LOGIN, when=SUSPENDED, customer_message="marked"),
            block(Action.LOGIN, when=Label.ABROAD, customer_message="blocked"),
        ).verdict(SUSPENDED, Label.ABROAD, Action.LOGIN)
        assert verdict.customer_message == "blocked"

    def test_staff_are_told_place_reason_code_and_what_lifts_it(self) -> None:
        said = ACME.policy.verdict(SUSPENDED, Label.LOST_PHONE, Action.POINTS_REDEMPTION).staff_message
        for part in (
            "POINTS_REDEMPTION",
            "blocked",
            "SUSPENDED / Lost phone",
            "in other hands",
            "[block.",
            "reinstate",
        ):
            assert part in said


class TestUnknown:
    @pytest.mark.parametrize("action", ["transaction", None, SUSPENDED, Effect.BLOCK])
    def test_an_unknown_action_is_an_error_when_asking(self, action: Any) -> None:
        # D28
        with pytest.raises(UnknownActionError):
            ACME.policy.verdict(ACTIVE, Label.REGULAR, action)
        with pytest.raises(UnknownActionError):
            ACME.policy.verdict_of(at(Label.REGULAR), action)

    def test_an_action_that_is_not_configured_is_named_with_those_that_are(self) -> None:
        policy = OrgConfig("acme", Label).policy
        with pytest.raises(UnknownActionError, match="organisation 'acme' has no action 'GIFT_WRAP'") as refused:
            policy.verdict_of(stored(), ShopAction.GIFT_WRAP)
        assert set(refused.value.known) == {action.name for action in Action}

    @pytest.mark.parametrize(
        ("place", "kind", "value"),
        [
            (("customer_status", "retired", "Regular"), "status", "retired"),
            (("customer_status", "active", "Platinum"), "label", "Platinum"),
            (("customer_status", "suspended", "Regular"), "label", "Regular"),
            (("membership", "gone", None), "status", "gone"),
        ],
    )
    def test_a_stored_value_that_the_configuration_lacks_is_named(
        self, place: tuple[str, str, str | None], kind: str, value: str
    ) -> None:
        with pytest.raises(StoredValueError) as refused:
            ACME.policy.verdict_of(stored(place), Action.LOGIN)
        assert (refused.value.lifecycle, refused.value.kind, refused.value.value) == (place[0], kind, value)
        assert repr(value) in str(refused.value)

    @pytest.mark.parametrize(
        ("status", "label"),
        [
            (LoyaltyType.LOYALTY, None),
            (ACTIVE, Label.ABROAD),
            (ACTIVE, ForeignLabel.REGULAR),
            (Membership.ON_HOLD, Label.REGULAR),
            (None, Label.REGULAR),
        ],
        ids=str,
    )
    def test_a_place_that_the_configuration_lacks_is_named_and_has_no_verdict(self, status: Any, label: Any) -> None:
        for action, party in ((Action.LOGIN, None), *((Action.POINTS_TRANSFER, party) for party in (None, *Party))):
            with pytest.raises(StoredValueError) as refused:
                ACME.policy.verdict(status, label, action, party)
            assert refused.value.kind == "place"
            for part in (status, label):
                assert part is None or part.name in refused.value.value

    def test_lifecycles_that_are_off_are_passed_over(self) -> None:
        assert ACME.policy.verdict_of(stored(("loyalty_type", "loyalty", None)), Action.LOGIN).effect is Effect.ALLOW

    def test_a_status_from_before_there_were_labels_is_still_restricted(self) -> None:
        policy = compiled(block(Action.LOGIN, when=SUSPENDED))
        assert policy.verdict_of(stored(("customer_status", "suspended", None)), Action.LOGIN).effect is Effect.BLOCK


class TestPlaces:
    def test_with_labels_customers_stand_under_labels(self) -> None:
        assert places_of(CUSTOMER_STATUS, Label) == tuple((label.status, label) for label in Label)

    def test_without_labels_and_on_other_lifecycles_they_stand_in_statuses(self) -> None:
        assert places_of(CUSTOMER_STATUS) == tuple((status, None) for status in CustomerStatus)
        assert places_of(MEMBERSHIP, Label) == tuple((status, None) for status in Membership)


def test_verdicts_are_built_once_and_shared() -> None:
    policy = ACME.policy
    one, other = (at(Label.LOST_PHONE, Membership.ON_HOLD) for _ in range(2))
    assert policy.verdict_of(one, Action.LOGIN) is policy.verdict_of(other, Action.LOGIN)
    assert policy.verdict(ACTIVE, Label.REGULAR, Action.LOGIN) is policy.verdict(ACTIVE, Label.TRENDING, Action.LOGIN)


def test_a_waived_policy_restricts_active() -> None:
    # D27
    rules = CAPILLARY_POLICY + RestrictionPolicy(block(Action.OFFERS, when=ACTIVE))
    config = evolve(OrgConfig("acme", Label), restrictions=rules, waives=[Waiver.ACTIVE_MAY_BE_RESTRICTED])
    assert config.policy.verdict(ACTIVE, Label.REGULAR, Action.OFFERS).effect is Effect.BLOCK


class Held(NamedTuple):
    """A context that says outright which conditions hold."""

    names: frozenset[str]


def holding(name: str) -> Condition[Held]:
    """A condition that holds of a context which says so."""
    return Condition(name, Held, lambda held: name in held.names)


CONDITIONS = {name: holding(name) for name in ("x", "y")}
EVERY_ANSWER = [Held(frozenset(names)) for names in ((), ("x",), ("y",), ("x", "y"))]

conditional_rules = st.builds(
    lambda effect, when, name: Restriction(effect, [Action.LOGIN], when, condition=CONDITIONS.get(name)),
    st.sampled_from([Effect.MARK, Effect.BLOCK]),
    st.sampled_from([SUSPENDED, Label.ABROAD, Membership.ON_HOLD]),
    st.sampled_from(["x", "y", ""]),
)


class TestConditions:
    """What is said of a verdict without asking its conditions, held against asking them with every answer there is."""

    @staticmethod
    def strictnesses(verdict: Verdict) -> list[int]:
        """How strict it comes out, for every answer of the conditions."""
        return [verdict.given(answer).effect.strictness for answer in EVERY_ANSWER]

    @some_examples
    @given(st.lists(conditional_rules, max_size=5))
    def test_a_rule_applies_exactly_where_its_condition_holds(self, policy: list[Restriction]) -> None:
        here = {SUSPENDED, Label.ABROAD, Membership.ON_HOLD}
        account = at(Label.ABROAD, Membership.ON_HOLD)
        made = compiled(*policy)
        for answer in EVERY_ANSWER:
            expected = [
                rule
                for rule in policy
                for _ in here & rule.when
                if rule.condition is None or rule.condition.name in answer.names
            ]
            verdict = made.verdict_of(account, Action.LOGIN, context=answer)
            assert sorted(repr(each.rule) for each in verdict.contributions) == sorted(map(repr, expected))
            assert verdict.effect.strictness == max((rule.effect.strictness for rule in expected), default=0)
            assert made(Question(Action.LOGIN, account, None, answer)) == verdict

    @some_examples
    @given(st.lists(conditional_rules, max_size=5))
    def test_floor_effect_and_conditions_are_what_every_answer_says(self, policy: list[Restriction]) -> None:
        verdict = compiled(*policy).verdict(SUSPENDED, Label.ABROAD, Action.LOGIN)
        strict = self.strictnesses(verdict)
        assert (verdict.floor.strictness, verdict.effect.strictness) == (min(strict), max(strict))
        deciding = {
            name
            for name in CONDITIONS
            for answer in EVERY_ANSWER
            if verdict.given(answer).effect is not verdict.given(Held(answer.names ^ {name})).effect
        }
        assert {condition.name for condition in verdict.conditions} == deciding

    @some_examples
    @given(st.lists(conditional_rules, max_size=4), st.lists(conditional_rules, max_size=4))
    def test_as_strict_as_another_is_so_for_every_answer(
        self, policy: list[Restriction], other: list[Restriction]
    ) -> None:
        mine, theirs = (compiled(*each).verdict(SUSPENDED, Label.ABROAD, Action.LOGIN) for each in (policy, other))
        expected = all(
            ours >= his for ours, his in zip(self.strictnesses(mine), self.strictnesses(theirs), strict=True)
        )
        assert mine.is_as_strict_as(theirs) is expected

    @some_examples
    @given(st.lists(conditional_rules, max_size=4), st.lists(conditional_rules, max_size=4))
    def test_milder_than_another_is_so_for_every_answer(
        self, policy: list[Restriction], other: list[Restriction]
    ) -> None:
        mine, theirs = (compiled(*each).verdict(SUSPENDED, Label.ABROAD, Action.LOGIN) for each in (policy, other))
        pairs = list(zip(self.strictnesses(mine), self.strictnesses(theirs), strict=True))
        assert mine.is_milder_than(theirs) is all(ours < his for ours, his in pairs)

    def test_every_pair_of_a_few_rules_is_compared_as_every_answer_says(self) -> None:
        # So few that none is left to chance: both outcomes of both comparisons come often.
        makes = [
            make(Action.LOGIN, when=SUSPENDED, condition=CONDITIONS.get(name))
            for make in (mark, block)
            for name in ("", "x", "y")
        ]
        some = [compiled(*rules) for count in range(4) for rules in combinations(makes, count)]
        verdicts = [policy.verdict(SUSPENDED, Label.ABROAD, Action.LOGIN) for policy in some]
        strict = [self.strictnesses(verdict) for verdict in verdicts]
        milder = 0
        for (mine, ours), (theirs, his) in product(zip(verdicts, strict, strict=True), repeat=2):
            pairs = list(zip(ours, his, strict=True))
            assert mine.is_as_strict_as(theirs) is all(one >= other for one, other in pairs)
            assert mine.is_milder_than(theirs) is all(one < other for one, other in pairs)
            milder += mine.is_milder_than(theirs)
        assert milder > 100

    @pytest.mark.parametrize("make", [mark, block], ids=["mark", "block"])
    def test_of_rules_alike_in_strictness_the_one_without_a_condition_is_told_first(self, make: Any) -> None:
        # By code, reason and message the others would come first; the stable code must not hang on what the attempt is.
        always = make(Action.LOGIN, when=SUSPENDED, code="z", reason="z", customer_message="z")
        others = [
            make(
                Action.LOGIN, when=Label.ABROAD, code="a", reason="a", customer_message="a", condition=CONDITIONS["x"]
            ),
            make(Action.LOGIN, when=SUSPENDED, condition=CONDITIONS["y"]),
        ]
        for written in ([always, *others], [*others, always]):
            policy = compiled(*written)
            verdict = policy.verdict(SUSPENDED, Label.ABROAD, Action.LOGIN)
            asked = [policy.verdict_of(at(Label.ABROAD), Action.LOGIN, context=answer) for answer in EVERY_ANSWER]
            for said in (verdict, *asked):
                assert (said.contributions[0].rule, said.code) == (always, "z")
                assert said.customer_message == ("z" if make is block else "")
            assert [len(said.contributions) for said in asked] == [1, 2, 2, 3]

    def test_a_stricter_rule_is_told_before_one_without_a_condition(self) -> None:
        verdict = compiled(
            mark(Action.LOGIN, when=SUSPENDED, code="always"),
            block(Action.LOGIN, when=SUSPENDED, code="strict", condition=CONDITIONS["x"]),
        ).verdict(SUSPENDED, Label.ABROAD, Action.LOGIN)
        assert [each.rule.code for each in verdict.contributions] == ["strict", "always"]
        assert verdict.code == "strict"

    def test_conditional_rules_of_several_lifecycles_are_merged_and_asked_together(self) -> None:
        policy = compiled(
            block(Action.LOGIN, when=SUSPENDED, condition=CONDITIONS["x"]),
            mark(Action.LOGIN, when=Membership.ON_HOLD, condition=CONDITIONS["y"]),
        )
        account = at(Label.ABROAD, Membership.ON_HOLD)
        effects = [policy.verdict_of(account, Action.LOGIN, context=answer).effect for answer in EVERY_ANSWER]
        assert effects == [Effect.ALLOW, Effect.BLOCK, Effect.MARK, Effect.BLOCK]


class TestSides:
    RULES = (
        block(Action.POINTS_TRANSFER, when=SUSPENDED, party=Party.SOURCE, code="415"),
        mark(Action.POINTS_TRANSFER, when=SUSPENDED, party=Party.DESTINATION, code="414"),
    )

    def test_each_side_has_a_cell_of_its_own_and_asked_alone_both_apply(self) -> None:
        # D39
        policy = compiled(*self.RULES)
        codes = {
            party: policy.verdict(SUSPENDED, Label.ABROAD, Action.POINTS_TRANSFER, party).code
            for party in (None, *Party)
        }
        assert codes == {None: "415", Party.SOURCE: "415", Party.DESTINATION: "414"}
        alone = policy.verdict(SUSPENDED, Label.ABROAD, Action.POINTS_TRANSFER)
        assert [each.rule.code for each in alone.contributions] == ["415", "414"]

    def test_the_side_of_an_action_of_one_customer_is_passed_over(self) -> None:
        policy = compiled(*self.RULES, block(Action.LOGIN, when=SUSPENDED))
        for party in Party:
            asked = policy.verdict_of(at(Label.ABROAD), Action.LOGIN, party=party)
            assert asked is policy.verdict_of(at(Label.ABROAD), Action.LOGIN)

    @pytest.mark.parametrize("party", ["source", 5, Action.LOGIN, []], ids=repr)
    def test_what_is_no_side_is_told_and_not_taken_for_a_stored_value(self, party: Any) -> None:
        policy = compiled(*self.RULES)
        with pytest.raises(InvalidInputError, match="party"):
            policy.verdict(SUSPENDED, Label.ABROAD, Action.POINTS_TRANSFER, party)
        with pytest.raises(InvalidInputError, match="party"):
            policy.verdict_of(at(Label.ABROAD), Action.POINTS_TRANSFER, party=party)
