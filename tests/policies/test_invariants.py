"""Invariants: what they look at, what they prove of it, and what they say where it depends on run time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from organisation import ACME, Label, ShopAction, some_examples

from custstatus import (
    CAPILLARY_POLICY,
    Action,
    Condition,
    ConfigurationError,
    CustomerStatus,
    Effect,
    InvalidInputError,
    Membership,
    NoLabels,
    OrgConfig,
    Party,
    Restriction,
    RestrictionPolicy,
    Verdict,
    block,
    mark,
)
from custstatus.policies import Cell, CompiledPolicy, Counterexample, Invariant, Loosening, Proof, ProofResult
from custstatus.policies.analysis import (
    AsStrictAs,
    AtLeast,
    AtMost,
    LoosensNothing,
    always_allow,
    never_allow,
)

ACTIVE, SUSPENDED, DELETED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED, CustomerStatus.DELETED
SUSPECTED, CONFIRMED = CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED
PROVED, REFUTED, UNKNOWN = ProofResult.PROVED, ProofResult.REFUTED, ProofResult.UNKNOWN


@frozen
class Sale:
    amount: int


large = Condition("large", Sale, lambda sale: sale.amount > 500)
late = Condition("late", Sale, lambda sale: sale.amount > 900)


def own(question: Any) -> Verdict:
    """A host's own policy, which nothing is known of."""
    raise AssertionError("no proof asks a policy of the host's own")


def policy(*rules: Restriction, policies: dict[str, Any] | None = None) -> CompiledPolicy:
    """These rules besides Capillary's, for an organisation without labels."""
    return CompiledPolicy.build(
        "acme", CAPILLARY_POLICY + RestrictionPolicy(*rules), ACME.lifecycles, NoLabels, Action, own=policies or {}
    )


def proved(invariant: Invariant, *rules: Restriction, policies: dict[str, Any] | None = None) -> Proof:
    """The proof of an invariant over these rules."""
    return invariant.proof(policy(*rules, policies=policies))


MARKS, BLOCKS = mark(Action.LOGIN, when=SUSPENDED), block(Action.LOGIN, when=SUSPENDED)
MARKS_LARGE = mark(Action.LOGIN, when=SUSPENDED, condition=large)
BLOCKS_LARGE = block(Action.LOGIN, when=SUSPENDED, condition=large)
BLOCKS_LATE = block(Action.LOGIN, when=SUSPENDED, condition=late)


class TestThreeValues:
    @pytest.mark.parametrize(
        ("rules", "at_least", "at_most"),
        # At least, and at most, allowed, marked and blocked.
        [
            ((), (PROVED, REFUTED, REFUTED), (PROVED, PROVED, PROVED)),
            ((MARKS,), (PROVED, PROVED, REFUTED), (REFUTED, PROVED, PROVED)),
            ((BLOCKS,), (PROVED, PROVED, PROVED), (REFUTED, REFUTED, PROVED)),
            ((MARKS_LARGE,), (PROVED, UNKNOWN, REFUTED), (UNKNOWN, PROVED, PROVED)),
            ((BLOCKS_LARGE,), (PROVED, UNKNOWN, UNKNOWN), (UNKNOWN, UNKNOWN, PROVED)),
            ((MARKS, BLOCKS_LARGE), (PROVED, PROVED, UNKNOWN), (REFUTED, UNKNOWN, PROVED)),
            ((BLOCKS, MARKS_LARGE), (PROVED, PROVED, PROVED), (REFUTED, REFUTED, PROVED)),
        ],
    )
    def test_what_comes_out_the_same_whatever_the_condition_says_is_known(
        self, rules: tuple[Restriction, ...], at_least: tuple[ProofResult, ...], at_most: tuple[ProofResult, ...]
    ) -> None:
        for effect, least, most in zip(Effect, at_least, at_most, strict=True):
            for invariant, expected in [
                (AtLeast(effect, [Action.LOGIN], SUSPENDED), least),
                (AtMost(effect, [Action.LOGIN], SUSPENDED), most),
            ]:
                proof = proved(invariant, *rules)
                assert (proof.outcome, proof.cells) == (expected, 1)
                assert proof.is_proved is (expected is PROVED)
                assert len(proof.counterexamples) == (expected is REFUTED)
                assert len(proof.unknown) == (expected is UNKNOWN)
                assert proof.depends_on == (("large",) if expected is UNKNOWN else ())

    @pytest.mark.parametrize(
        ("rules", "at_least", "at_most"),
        [
            ((), (PROVED, UNKNOWN, UNKNOWN), (UNKNOWN, UNKNOWN, PROVED)),
            ((MARKS,), (PROVED, PROVED, UNKNOWN), (REFUTED, UNKNOWN, PROVED)),
            ((BLOCKS,), (PROVED, PROVED, PROVED), (REFUTED, REFUTED, PROVED)),
            ((BLOCKS_LARGE,), (PROVED, UNKNOWN, UNKNOWN), (UNKNOWN, UNKNOWN, PROVED)),
        ],
    )
    def test_a_policy_of_the_hosts_own_only_ever_adds(
        self, rules: tuple[Restriction, ...], at_least: tuple[ProofResult, ...], at_most: tuple[ProofResult, ...]
    ) -> None:
        for effect, least, most in zip(Effect, at_least, at_most, strict=True):
            for invariant, expected in [
                (AtLeast(effect, [Action.LOGIN], SUSPENDED), least),
                (AtMost(effect, [Action.LOGIN], SUSPENDED), most),
            ]:
                proof = proved(invariant, *rules, policies={"risk": own})
                assert proof.outcome is expected
                assert ("risk" in proof.depends_on) is (expected is UNKNOWN)

    def test_two_conditions_are_both_named_and_what_is_refuted_surely_comes_first(self) -> None:
        rules = (BLOCKS_LARGE, BLOCKS_LATE, block(Action.OFFERS, when=SUSPENDED))
        proof = proved(never_allow(Action.LOGIN, Action.OFFERS, Action.RETURN, when=SUSPENDED), *rules)
        assert (proof.outcome, proof.cells) == (REFUTED, 3)
        assert [each.cell.action for each in proof.counterexamples] == [Action.RETURN]
        assert [each.cell.action for each in proof.unknown] == [Action.LOGIN]
        assert proof.depends_on == ("large", "late")

    @some_examples
    @given(st.lists(st.sampled_from([MARKS, BLOCKS, MARKS_LARGE, BLOCKS_LARGE, BLOCKS_LATE]), max_size=4))
    def test_a_proof_is_what_trying_every_answer_of_the_conditions_says(self, rules: list[Restriction]) -> None:
        effects = set()
        for holding in product([True, False], repeat=2):
            held = dict(zip(("large", "late"), holding, strict=True))
            applying = [rule for rule in rules if rule.condition is None or held[rule.condition.name]]
            effects.add(max((rule.effect.strictness for rule in applying), default=0))
        for effect in Effect:
            for kind, holds in [
                (AtLeast, [each >= effect.strictness for each in effects]),
                (AtMost, [each <= effect.strictness for each in effects]),
            ]:
                expected = PROVED if all(holds) else UNKNOWN if any(holds) else REFUTED
                assert proved(kind(effect, [Action.LOGIN], SUSPENDED), *rules).outcome is expected


class TestCells:
    def test_a_status_means_all_its_labels_and_the_bare_status(self) -> None:
        # D26
        at_one = evolve(ACME, restrictions=CAPILLARY_POLICY + RestrictionPolicy(block(Action.LOGIN, when=Label.ABROAD)))
        proof = never_allow(Action.LOGIN, when=SUSPENDED).proof(at_one.policy)
        assert proof.outcome is REFUTED
        assert {each.cell.label for each in proof.counterexamples} == {Label.LOST_PHONE, None}
        assert never_allow(Action.LOGIN, when=Label.ABROAD).proof(at_one.policy).is_proved

    def test_without_actions_every_action_is_looked_at_on_both_sides_too(self) -> None:
        proof = proved(never_allow(when=DELETED))
        assert proof.is_proved
        assert proof.cells == len(Action) + 2 * 2

    def test_each_side_of_an_action_between_two_is_a_cell_of_its_own(self) -> None:
        # D39
        rule = block(Action.POINTS_TRANSFER, when=SUSPECTED, party=Party.SOURCE)
        proof = proved(never_allow(Action.POINTS_TRANSFER, when=SUSPECTED), rule)
        assert (proof.outcome, proof.cells) == (REFUTED, 3)
        (against,) = proof.counterexamples
        assert against.cell == Cell("customer_status", SUSPECTED, None, Action.POINTS_TRANSFER, Party.DESTINATION)
        assert "points transfer as destination is allowed" in str(against)

    def test_what_the_organisation_does_not_have_is_passed_over(self) -> None:
        proof = proved(never_allow(ShopAction.GIFT_WRAP, Action.LOGIN, when=[DELETED, Label.CLOSED]))
        assert (proof.outcome, proof.cells) == (PROVED, 1)

    def test_places_of_any_lifecycle(self) -> None:
        proof = proved(never_allow(Action.LOGIN, when=Membership.ON_HOLD), block(Action.LOGIN, when=Membership.ON_HOLD))
        assert (proof.outcome, proof.cells) == (PROVED, 1)


class TestAsStrictAs:
    @pytest.mark.parametrize(
        ("confirmed", "suspected", "outcome", "names"),
        [
            ((), (), PROVED, ()),
            ((block, None), (block, None), PROVED, ()),
            ((block, None), (mark, None), PROVED, ()),
            ((mark, None), (block, None), REFUTED, ()),
            ((), (mark, None), REFUTED, ()),
            ((block, large), (block, large), PROVED, ()),
            ((block, large), (mark, large), PROVED, ()),
            ((mark, large), (block, large), UNKNOWN, ("large",)),
            ((block, late), (block, large), UNKNOWN, ("large", "late")),
            ((block, large), (block, None), UNKNOWN, ("large",)),
            ((mark, None), (block, large), UNKNOWN, ("large",)),
            ((mark, None), (mark, large), PROVED, ()),
            ((mark, large), (block, None), REFUTED, ()),
            ((), (block, large), UNKNOWN, ("large",)),
        ],
    )
    def test_it_compares_whatever_the_conditions_say(
        self, confirmed: tuple[Any, ...], suspected: tuple[Any, ...], outcome: ProofResult, names: tuple[str, ...]
    ) -> None:
        rules = [
            how[0](Action.LOGIN, when=place, condition=how[1])
            for how, place in ((confirmed, CONFIRMED), (suspected, SUSPECTED))
            if how
        ]
        proof = proved(AsStrictAs(CONFIRMED, SUSPECTED), *rules)
        assert (proof.outcome, proof.depends_on) == (outcome, names)

    def test_milder_whatever_the_conditions_say_is_refuted_and_not_unknown(self) -> None:
        marked = mark(Action.LOGIN, when=SUSPECTED)
        cases = [
            ([marked, block(Action.LOGIN, when=SUSPECTED, condition=large)], REFUTED),
            ([marked, mark(Action.LOGIN, when=CONFIRMED, condition=large)], UNKNOWN),
            ([block(Action.LOGIN, when=SUSPECTED), mark(Action.LOGIN, when=CONFIRMED, condition=late)], REFUTED),
            (
                [
                    marked,
                    block(Action.LOGIN, when=SUSPECTED, condition=large),
                    mark(Action.LOGIN, when=CONFIRMED, condition=large),
                ],
                REFUTED,
            ),
            (
                [
                    marked,
                    block(Action.LOGIN, when=SUSPECTED, condition=large),
                    mark(Action.LOGIN, when=CONFIRMED, condition=late),
                ],
                UNKNOWN,
            ),
        ]
        for rules, outcome in cases:
            proof = proved(AsStrictAs(CONFIRMED, SUSPECTED), *rules)
            assert proof.outcome is outcome, rules
            assert len(proof.counterexamples) == (outcome is REFUTED)
            assert (proof.depends_on == ()) is (outcome is REFUTED)

    def test_it_is_compared_with_every_label_of_the_other(self) -> None:
        rules = RestrictionPolicy(block(Action.LOGIN, when=[Label.PROVEN, Label.WATCHED]))
        config = evolve(ACME, restrictions=CAPILLARY_POLICY + rules)
        assert AsStrictAs(Label.PROVEN, SUSPECTED).proof(config.policy).is_proved
        # Only who stands in FRAUD_CONFIRMED from before there were labels.
        proof = AsStrictAs(CONFIRMED, SUSPECTED).proof(config.policy)
        assert [each.cell.label for each in proof.counterexamples] == [None]
        assert "expected blocked, as in FRAUD_SUSPECTED" in str(proof)

    def test_a_policy_of_the_hosts_own_makes_it_unknown_but_for_what_is_blocked(self) -> None:
        policies = {"risk": own}
        proof = proved(AsStrictAs(CONFIRMED, SUSPECTED, [Action.LOGIN]), policies=policies)
        assert (proof.outcome, proof.depends_on) == (UNKNOWN, ("risk",))
        blocked = block(Action.LOGIN, when=CONFIRMED)
        assert proved(AsStrictAs(CONFIRMED, SUSPECTED, [Action.LOGIN]), blocked, policies=policies).is_proved
        # Of a single policy that is asked at both places nothing follows: it may say otherwise there.
        milder = block(Action.LOGIN, when=SUSPECTED)
        assert proved(AsStrictAs(CONFIRMED, SUSPECTED, [Action.LOGIN]), milder, policies=policies).outcome is UNKNOWN

    def test_of_the_actions_that_are_named_only(self) -> None:
        rules = block(Action.LOGIN, when=SUSPECTED)
        assert proved(AsStrictAs(CONFIRMED, SUSPECTED, [Action.OFFERS]), rules).is_proved
        assert proved(AsStrictAs(CONFIRMED, SUSPECTED, [Action.LOGIN]), rules).outcome is REFUTED


class TestLoosensNothing:
    RULES = st.lists(
        st.builds(
            lambda make, action, place, condition: make(action, when=place, condition=condition),
            st.sampled_from([mark, block]),
            st.sampled_from([Action.LOGIN, Action.POINTS_TRANSFER]),
            st.sampled_from([SUSPENDED, SUSPECTED, Membership.ON_HOLD]),
            st.sampled_from([None, large, late]),
        ),
        max_size=4,
    )

    @some_examples
    @given(RULES, RULES)
    def test_no_rules_that_are_added_ever_do(self, rules: list[Restriction], more: list[Restriction]) -> None:
        assert proved(LoosensNothing(more), *rules).is_proved

    def test_it_says_how_many(self) -> None:
        assert str(LoosensNothing(BLOCKS)) == "adding 1 rule loosens nothing"
        assert str(LoosensNothing([BLOCKS, MARKS])) == "adding 2 rules loosens nothing"
        assert LoosensNothing(CAPILLARY_POLICY).rules == CAPILLARY_POLICY


class TestWords:
    @pytest.mark.parametrize(
        ("invariant", "said"),
        [
            (never_allow(Action.LOGIN, when=DELETED, why="D30"), "LOGIN at least blocked in DELETED (D30)"),
            (never_allow(when=[DELETED, SUSPENDED]), "every action at least blocked in DELETED, SUSPENDED"),
            (always_allow(Action.OPT_OUT, when=DELETED), "OPT_OUT at most allowed in DELETED"),
            (AtMost(Effect.MARK, [Action.RETURN], DELETED), "RETURN at most marked in DELETED"),
            (AsStrictAs(CONFIRMED, SUSPECTED), "FRAUD_CONFIRMED is at least as strict as FRAUD_SUSPECTED"),
            (AsStrictAs(Label.ABROAD, SUSPENDED, why="ours"), "'Abroad' is at least as strict as SUSPENDED (ours)"),
        ],
    )
    def test_an_invariant_says_what_it_asks(self, invariant: Invariant, said: str) -> None:
        assert str(invariant) == said

    def test_a_proof_says_what_came_of_it_and_why(self) -> None:
        invariant = never_allow(Action.LOGIN, when=SUSPENDED)
        cell = "a customer who is suspended: login"
        assert str(proved(invariant, BLOCKS)) == f"PROVED: {invariant} (1 cells)"
        assert str(proved(invariant)) == (
            f"REFUTED: {invariant}: {cell} is allowed (no rule restricts it); expected blocked"
        )
        outlier = mark(Action.LOGIN, when=SUSPENDED, reason="an outlier")
        assert "is marked (an outlier); expected blocked" in str(proved(invariant, outlier))
        assert str(proved(invariant, BLOCKS_LARGE)) == (
            f"UNKNOWN: {invariant}, it depends on large: {cell} is allowed or blocked (by large); expected blocked"
        )

    def test_of_many_counterexamples_three_are_told(self) -> None:
        said = str(proved(never_allow(when=ACTIVE)))
        assert said.count("a customer who is active") == 3
        assert said.endswith(f"; and {len(Action) + 4 - 3} more")

    def test_a_label_and_another_lifecycle_are_told_apart(self) -> None:
        proof = never_allow(Action.OFFERS, when=[Label.ABROAD, Membership.ON_HOLD]).proof(ACME.policy)
        assert [str(each).split(":")[0] for each in proof.counterexamples] == [
            "a customer who is suspended under 'Abroad'",
            "a customer who is on hold (membership)",
        ]


WRONG: list[Callable[[], Any]] = [
    lambda: never_allow(when=[]),
    lambda: never_allow(when=5),  # type: ignore[arg-type]
    lambda: never_allow(when="suspended"),  # type: ignore[arg-type]
    lambda: never_allow(when=Action.LOGIN),  # type: ignore[arg-type]
    lambda: never_allow("login", when=DELETED),  # type: ignore[arg-type]
    lambda: never_allow(when=DELETED, why=5),  # type: ignore[arg-type]
    lambda: never_allow(when=DELETED, why="x" * 1_001),
    lambda: AtLeast(Effect.BLOCK, [], DELETED),
    lambda: AtLeast(Effect.BLOCK, Action.LOGIN, DELETED),  # type: ignore[arg-type]
    lambda: AtLeast("block", None, DELETED),  # type: ignore[arg-type]
    lambda: AtMost(Effect.MARK, "login", DELETED),  # type: ignore[arg-type]
    lambda: AsStrictAs(DELETED, "suspended"),  # type: ignore[arg-type]
    lambda: AsStrictAs(None, DELETED),  # type: ignore[arg-type]
    lambda: AsStrictAs(DELETED, SUSPENDED, "login"),  # type: ignore[arg-type]
    lambda: AsStrictAs(DELETED, SUSPENDED, 5),  # type: ignore[arg-type]
    lambda: AsStrictAs(DELETED, SUSPENDED, why=5),  # type: ignore[arg-type]
    lambda: LoosensNothing(5),  # type: ignore[arg-type]
    lambda: LoosensNothing("rules"),  # type: ignore[arg-type]
    lambda: Loosening(None, [], "ada", "why"),
    lambda: Loosening([], DELETED, "ada", "why"),
    lambda: Loosening(None, "deleted", "ada", "why"),  # type: ignore[arg-type]
    lambda: Loosening("login", DELETED, "ada", "why"),  # type: ignore[arg-type]
    lambda: Loosening(Action.LOGIN, DELETED, "ada", "why"),  # type: ignore[arg-type]
    lambda: Loosening(None, DELETED, "", "why"),
    lambda: Loosening(None, DELETED, "x" * 129, "why"),
    lambda: Loosening(None, DELETED, "ada", " "),
    lambda: Loosening(None, DELETED, "ada", "x" * 1_001),
]


@pytest.mark.parametrize("write", WRONG, ids=lambda write: str(WRONG.index(write)))
def test_a_mistake_is_told_where_it_is_written(write: Callable[[], Any]) -> None:
    with pytest.raises(InvalidInputError):
        write()


@frozen(repr=False)
class NoMoreThan(Invariant):
    """An invariant of a host's own: at most so many actions are blocked in a status."""

    most: int
    status: CustomerStatus

    def proof(self, policy: CompiledPolicy) -> Proof:
        cells = [(cell, verdict) for cell, verdict in policy.every_cell() if cell.status is self.status]
        against = [each for each in cells if each[1].effect is Effect.BLOCK][self.most :]
        found = tuple(
            Counterexample(cell=cell, who=cell.action.name, floor=said.floor, effect=said.effect, expected="fewer")
            for cell, said in against
        )
        return Proof(self, REFUTED if found else PROVED, len(cells), found)

    def __str__(self) -> str:
        return f"at most {self.most} blocked in {self.status.name}"


@frozen(repr=False)
class Bare(Invariant):
    """One that says no more than how it came out."""

    outcome: ProofResult

    def proof(self, policy: CompiledPolicy) -> Proof:
        return Proof(self, self.outcome, 0)


class TestAHostsOwn:
    def test_it_is_proved_when_a_configuration_is_built(self) -> None:
        rules = CAPILLARY_POLICY + RestrictionPolicy(block(Action.LOGIN, Action.OFFERS, when=SUSPENDED))
        holding = NoMoreThan(2, SUSPENDED)
        assert OrgConfig("acme", NoLabels, restrictions=rules, invariants=[holding]).invariants == (holding,)
        with pytest.raises(ConfigurationError, match="not so that at most 1 blocked in SUSPENDED: "):
            OrgConfig("acme", NoLabels, restrictions=rules, invariants=[NoMoreThan(1, SUSPENDED)])

    def test_its_proof_reads_like_ours(self) -> None:
        proof = proved(NoMoreThan(0, SUSPENDED), BLOCKS)
        assert str(proof) == "REFUTED: at most 0 blocked in SUSPENDED: LOGIN is blocked; expected fewer"

    def test_one_that_is_refuted_without_an_example_breaks_as_well(self) -> None:
        with pytest.raises(ConfigurationError, match="Bare"):
            OrgConfig("acme", NoLabels, invariants=[Bare(REFUTED)])
        for outcome in (PROVED, UNKNOWN):
            assert OrgConfig("acme", NoLabels, invariants=[Bare(outcome)]).invariants == (Bare(outcome),)
