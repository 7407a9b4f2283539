"""Proofs as a person reads them: proved, a counterexample that a shop manager understands, or unknown and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from attrs import evolve, frozen
from hypothesis import given
from hypothesis import strategies as st
from organisation import ACME, Label
from random_policies import (
    CONDITIONS,
    Deed,
    Ground,
    Holding,
    Organisation,
    Shade,
    grounds,
    holdings_of,
    organisations,
    rules_for,
)
from test_laws import all_cells, compiled, naive_effect, tried

from custstatus import (
    CAPILLARY_POLICY,
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    AnyAction,
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
from custstatus.policies import CompiledPolicy, Invariant, Loosening, Proof, ProofResult, Question
from custstatus.policies.analysis import (
    AsStrictAs,
    AtLeast,
    AtMost,
    LoosensNothing,
    always_allow,
    never_allow,
    prove,
)
from custstatus.policies.compiled import Cell

ACTIVE, SUSPENDED, DELETED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED, CustomerStatus.DELETED
SUSPECTED = CustomerStatus.FRAUD_SUSPECTED


@frozen
class Sale:
    """What a shop knows of a sale."""

    amount: Decimal


LARGE = Condition("large_sale", Sale, lambda sale: sale.amount > 500)


def config(*rules: Restriction, **given: Any) -> OrgConfig[Any]:
    """A configuration without labels: the usual rules, and these."""
    return OrgConfig("acme", NoLabels, restrictions=CAPILLARY_POLICY + RestrictionPolicy(*rules), **given)


def careful(question: Question) -> Verdict:
    """A policy of the host's own."""
    return Verdict(question.action, Effect.ALLOW)


class TestAsAPersonReadsThem:
    def test_what_is_proved_says_how_many_cells_were_looked_at(self) -> None:
        proof = prove(ACME.policy, never_allow(Action.LOGIN, Action.OFFERS, when=DELETED, why="D30"))
        assert str(proof) == "PROVED: LOGIN, OFFERS at least blocked in DELETED (D30) (4 cells)"
        assert (proof.is_proved, proof.counterexamples, proof.unknown, proof.depends_on) == (True, (), (), ())

    def test_a_counterexample_says_who_does_what_and_by_which_rule(self) -> None:
        policy = config(mark(Action.LOGIN, when=SUSPENDED, reason="looked at later")).policy
        assert str(prove(policy, never_allow(Action.LOGIN, when=SUSPENDED))) == (
            "REFUTED: LOGIN at least blocked in SUSPENDED: "
            "a customer who is suspended: login is marked (looked at later); expected blocked"
        )

    def test_where_no_rule_restricts_that_is_said(self) -> None:
        assert str(prove(config().policy, never_allow(Action.LOGIN, when=SUSPENDED))) == (
            "REFUTED: LOGIN at least blocked in SUSPENDED: "
            "a customer who is suspended: login is allowed (no rule restricts it); expected blocked"
        )

    def test_what_depends_on_a_condition_is_unknown_with_its_name(self) -> None:
        policy = config(block(Action.TRANSACTION, when=SUSPENDED, condition=LARGE)).policy
        proof = prove(policy, never_allow(Action.TRANSACTION, when=SUSPENDED))
        assert str(proof) == (
            "UNKNOWN: TRANSACTION at least blocked in SUSPENDED, it depends on large_sale: "
            "a customer who is suspended: transaction is marked or blocked (by large_sale); expected blocked"
        )
        assert (proof.outcome, proof.depends_on, proof.counterexamples) == (ProofResult.UNKNOWN, ("large_sale",), ())

    def test_what_comes_out_the_same_whatever_a_condition_says_is_proved(self) -> None:
        policy = config(block(Action.TRANSACTION, when=SUSPENDED, condition=LARGE)).policy
        assert prove(policy, AtLeast(Effect.MARK, [Action.TRANSACTION], SUSPENDED)).is_proved
        assert prove(policy, AtMost(Effect.BLOCK, [Action.TRANSACTION], SUSPENDED)).is_proved

    def test_the_side_of_an_action_between_two_customers_is_named(self) -> None:
        policy = config(block(Action.POINTS_TRANSFER, when=SUSPENDED, party=Party.SOURCE)).policy
        proof = prove(policy, never_allow(Action.POINTS_TRANSFER, when=SUSPENDED))
        assert [str(each) for each in proof.counterexamples] == [
            "a customer who is suspended: points transfer as destination is allowed (no rule restricts it); "
            "expected blocked"
        ]

    def test_another_lifecycle_is_named(self) -> None:
        proof = prove(ACME.policy, never_allow(Action.OFFERS, when=Membership.ON_HOLD))
        (counterexample,) = proof.counterexamples
        assert str(counterexample).startswith("a customer who is on hold (membership): offers is allowed")

    def test_at_most_three_counterexamples_are_told_and_the_rest_are_counted(self) -> None:
        proof = prove(config().policy, never_allow(when=SUSPENDED))
        assert len(proof.counterexamples) > 20
        assert str(proof).count("a customer who is") == 3
        assert str(proof).endswith(f"; and {len(proof.counterexamples) - 3} more")

    def test_each_kind_of_invariant_says_itself(self) -> None:
        assert str(always_allow(Action.LOGIN, when=ACTIVE, why="D27")) == "LOGIN at most allowed in ACTIVE (D27)"
        assert str(AsStrictAs(SUSPECTED, SUSPENDED, why="ours")) == (
            "FRAUD_SUSPECTED is at least as strict as SUSPENDED (ours)"
        )
        assert str(AsStrictAs(Label.ABROAD, Label.LOST_PHONE)) == "'Abroad' is at least as strict as 'Lost phone'"
        assert str(LoosensNothing(block(Action.LOGIN, when=SUSPENDED))) == "adding 1 rule loosens nothing"
        assert str(LoosensNothing([])) == "adding 0 rules loosens nothing"

    def test_a_comparison_of_some_actions_names_them(self) -> None:
        assert "LOGIN" in str(AsStrictAs(SUSPECTED, SUSPENDED, [Action.LOGIN]))


class TestAsStrictAs:
    ORGANISATION = Organisation((CUSTOMER_STATUS, MEMBERSHIP), Shade)

    def test_a_status_that_is_milder_is_refuted(self) -> None:
        policy = config(block(Action.LOGIN, when=SUSPENDED), mark(Action.LOGIN, when=SUSPECTED)).policy
        proof = prove(policy, AsStrictAs(SUSPECTED, SUSPENDED, [Action.LOGIN]))
        assert [str(each) for each in proof.counterexamples] == [
            "a customer who is fraud suspected: login is marked (mark.login); expected blocked, as in SUSPENDED"
        ]
        assert prove(policy, AsStrictAs(SUSPENDED, SUSPECTED, [Action.LOGIN])).is_proved

    def test_one_condition_for_both_is_no_doubt(self) -> None:
        both = config(block(Action.LOGIN, when=[SUSPENDED, SUSPECTED], condition=LARGE)).policy
        assert prove(both, AsStrictAs(SUSPECTED, SUSPENDED, [Action.LOGIN])).is_proved

    @pytest.mark.parametrize(
        "rules",
        [
            # The first label leaves it open, the second refutes it.
            [
                block(Deed.BUY, when=Shade.LOST_PHONE, condition=CONDITIONS[0]),
                block(Deed.BUY, when=Shade.ABROAD),
            ],
            # Whether the condition holds or not, it is milder: allowed against marked, marked against blocked.
            [
                mark(Deed.BUY, when=ACTIVE, condition=CONDITIONS[0]),
                mark(Deed.BUY, when=SUSPENDED),
                block(Deed.BUY, when=SUSPENDED, condition=CONDITIONS[0]),
            ],
        ],
        ids=["an open label first", "milder either way"],
    )
    def test_what_fails_whatever_holds_is_refuted(self, rules: list[Restriction]) -> None:
        proofs_are_so(prove, Proven(self.ORGANISATION, rules, AsStrictAs(ACTIVE, SUSPENDED)))


class TestLoosensNothing:
    def test_adding_a_rule_loosens_nothing(self) -> None:
        proof = prove(
            ACME.policy, LoosensNothing([mark(Action.LOGIN, when=DELETED), block(Action.OFFERS, when=ACTIVE)])
        )
        assert proof.is_proved
        assert proof.cells == len(list(ACME.policy.every_cell()))


class TestOwnPolicies:
    def test_what_an_own_policy_may_make_stricter_is_unknown_with_its_name(self) -> None:
        policy = config(policies={"careful": careful}).policy
        proof = prove(policy, never_allow(Action.LOGIN, when=SUSPENDED))
        assert (proof.outcome, proof.depends_on) == (ProofResult.UNKNOWN, ("careful",))
        assert str(proof).startswith("UNKNOWN: LOGIN at least blocked in SUSPENDED, it depends on careful: ")

    def test_that_something_is_let_through_cannot_be_proved_beside_one(self) -> None:
        policy = config(policies={"careful": careful}).policy
        assert prove(policy, always_allow(Action.LOGIN, when=ACTIVE)).outcome is ProofResult.UNKNOWN
        assert prove(policy, AsStrictAs(SUSPENDED, ACTIVE)).outcome is ProofResult.UNKNOWN

    def test_one_only_adds_so_what_is_blocked_stays_so(self) -> None:
        policy = config(policies={"careful": careful}).policy
        assert prove(policy, never_allow(when=DELETED)).is_proved
        assert prove(policy, AsStrictAs(DELETED, SUSPENDED)).is_proved

    def test_what_is_too_strict_without_it_is_refuted(self) -> None:
        policy = config(policies={"careful": careful}).policy
        assert prove(policy, always_allow(Action.LOGIN, when=DELETED)).outcome is ProofResult.REFUTED


class TestInAConfiguration:
    BROKEN: Invariant = never_allow(Action.LOGIN, when=SUSPENDED, guarded=True)

    def test_one_that_is_refuted_is_a_fault(self) -> None:
        with pytest.raises(ConfigurationError, match="login is allowed"):
            config(invariants=[self.BROKEN])

    def test_a_guarded_one_gives_way_to_an_approval_and_a_fixed_one_does_not(self) -> None:
        loosenings = [Loosening([Action.LOGIN], SUSPENDED, "ada", "a trial in one shop")]
        assert config(invariants=[self.BROKEN], loosenings=loosenings).loosenings
        with pytest.raises(ConfigurationError):
            config(invariants=[evolve(self.BROKEN, guarded=False)], loosenings=loosenings)  # type: ignore[call-arg]

    def test_an_approval_of_something_else_does_not_cover_it(self) -> None:
        with pytest.raises(ConfigurationError):
            config(invariants=[self.BROKEN], loosenings=[Loosening([Action.OFFERS], SUSPENDED, "ada", "a trial")])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: never_allow(Action.LOGIN, when=[]),
        lambda: AtLeast(Effect.BLOCK, [Action.LOGIN], ["suspended"]),  # type: ignore[list-item]
        lambda: AtLeast("block", [Action.LOGIN], SUSPENDED),  # type: ignore[arg-type]
        lambda: AtMost(Effect.ALLOW, ["login"], SUSPENDED),  # type: ignore[list-item]
        lambda: AsStrictAs("suspended", ACTIVE),  # type: ignore[arg-type]
        lambda: LoosensNothing(["no rule"]),  # type: ignore[list-item]
    ],
)
def test_an_invariant_over_something_else_is_refused_when_it_is_written(wrong: Any) -> None:
    with pytest.raises(InvalidInputError):
        wrong()


# -- at random ------------------------------------------------------------------------------------------------------


class Proven(NamedTuple):
    """A policy, and what is to be proved of it."""

    organisation: Organisation
    rules: list[Restriction]
    invariant: Invariant


def _narrow(organisation: Organisation) -> Ground:
    """One action in two statuses, one of them with labels: rules for the labels of one status meet."""
    labels = [label for label in organisation.labels if label.status is CustomerStatus.SUSPENDED]
    return Ground((CustomerStatus.SUSPENDED, CustomerStatus.ACTIVE, *labels), (Deed.BUY,))


@st.composite
def proven(draw: st.DrawFn) -> Proven:
    """Policies and invariants, about places that rules are about."""
    organisation = draw(organisations)
    kind = draw(st.sampled_from([AsStrictAs, AsStrictAs, AtLeast, AtMost, LoosensNothing]))
    ground = _narrow(organisation) if kind is AsStrictAs and draw(st.booleans()) else draw(grounds(organisation))
    rules = draw(rules_for(ground, 2))
    places = list(ground.places)
    actions = draw(st.none() | st.frozensets(st.sampled_from(Deed), min_size=1, max_size=2))
    when = draw(st.frozensets(st.sampled_from(places), min_size=1, max_size=2))
    invariant: Invariant
    if kind is AsStrictAs:
        place, than = draw(st.permutations(places))[:2]
        invariant = AsStrictAs(place, than, actions if draw(st.booleans()) else None)
    elif kind is LoosensNothing:
        invariant = LoosensNothing(draw(rules_for(ground, 0, 2)))
    else:
        invariant = kind(draw(st.sampled_from([Effect.ALLOW, Effect.MARK, Effect.BLOCK])), actions, when)
    return Proven(organisation, rules, invariant)


def _spoken_of(cells: list[Cell], when: frozenset[Any], actions: frozenset[AnyAction] | None) -> list[Cell]:
    return [
        cell
        for cell in cells
        if (cell.status in when or cell.label in when) and (actions is None or cell.action in actions)
    ]


def broken_cells(asked: Proven) -> dict[Cell, list[bool]]:
    """Each cell that an invariant speaks of: for every assignment of the conditions, whether it fails there."""
    organisation, rules, invariant = asked
    more = list(invariant.rules) if isinstance(invariant, LoosensNothing) else []
    holdings = list(holdings_of(*rules, *more))
    cells = all_cells(organisation)

    def strictness(cell: Cell, holding: Holding, some: Sequence[Restriction] = rules) -> int:
        return naive_effect(organisation, some, cell, holding).strictness

    if isinstance(invariant, AtLeast):
        spoken = _spoken_of(cells, invariant.when, invariant.actions)
        return {cell: [strictness(cell, each) < invariant.effect.strictness for each in holdings] for cell in spoken}
    if isinstance(invariant, AtMost):
        spoken = _spoken_of(cells, invariant.when, invariant.actions)
        return {cell: [strictness(cell, each) > invariant.effect.strictness for each in holdings] for cell in spoken}
    if isinstance(invariant, LoosensNothing):
        return {
            cell: [strictness(cell, each, [*rules, *more]) < strictness(cell, each) for each in holdings]
            for cell in cells
        }
    assert isinstance(invariant, AsStrictAs)
    than = _spoken_of(cells, frozenset([invariant.than]), invariant.actions)
    return {
        cell: [
            any(
                strictness(cell, each) < strictness(other, each)
                for other in than
                if (other.action, other.party) == (cell.action, cell.party)
            )
            for each in holdings
        ]
        for cell in _spoken_of(cells, frozenset([invariant.place]), invariant.actions)
    }


def proofs_are_so(prove: Callable[[CompiledPolicy, Invariant], Proof], asked: Proven) -> None:
    """
    PROVED exactly when no cell fails under any assignment, REFUTED exactly when one fails under all of them.

    And the counterexamples are the cells that fail under all, the unknown ones those that fail under some.
    """
    proof = prove(compiled(CompiledPolicy.build, asked.organisation, asked.rules), asked.invariant)
    broken = broken_cells(asked)
    always = {cell for cell, fails in broken.items() if all(fails)}
    sometimes = {cell for cell, fails in broken.items() if any(fails)} - always
    assert {each.cell for each in proof.counterexamples} == always
    assert {each.cell for each in proof.unknown} == sometimes
    assert proof.outcome is (
        ProofResult.REFUTED if always else ProofResult.UNKNOWN if sometimes else ProofResult.PROVED
    )
    assert proof.is_proved is (not always and not sometimes)
    assert proof.cells == len(broken)
    more = asked.invariant.rules.rules if isinstance(asked.invariant, LoosensNothing) else ()
    names = {rule.condition.name for rule in (*asked.rules, *more) if rule.condition is not None}
    assert names.issuperset(proof.depends_on)
    assert proof.depends_on or not sometimes


@tried
@given(asked=proven())
def test_proofs_of_any_policy(asked: Proven) -> None:
    proofs_are_so(prove, asked)
