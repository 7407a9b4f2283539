"""Faults planted on purpose: each must be seen by the law that is named beside it, or that law proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_policies import cases, pairs
from test_laws import (
    OF_A_BUILD,
    OF_A_DIFF,
    a_rule_never_decides_exactly_when_it_can_go,
    adding_never_loosens,
    compiled_is_naive,
    diff_is_empty_exactly_when_alike,
    directions_are_so,
    every_cell_is_there,
    groups_cover_the_changes,
    is_as_strict_as_is_exact,
    order_is_irrelevant,
    strictest_wins,
    what_may_be_milder_is_told,
)
from test_proofs import proofs_are_so, proven

from custstatus import Effect, OrgConfig, Restriction, RestrictionPolicy, StatusLabel, Verdict
from custstatus.policies import CompiledPolicy, Invariant, Proof, ProofResult
from custstatus.policies import compiled as compiling
from custstatus.policies.analysis import Difference, diff, differences, lint, prove
from custstatus.policies.analysis.linting import Finding, Lint

few = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def catches(law: Callable[[Any, Any], None], subject: object, samples: st.SearchStrategy[Any]) -> bool:
    """Whether a law fails of a subject, on a fixed number of samples that are the same each time."""

    @few
    @given(samples)
    def tried(sample: Any) -> None:
        law(subject, sample)

    try:
        tried()
    except AssertionError:
        return True
    return False


# -- what compiles ----------------------------------------------------------------------------------------------------

Build = Callable[..., CompiledPolicy]
Patch = pytest.MonkeyPatch


def _with_rules(change: Callable[[Restriction], Restriction | None]) -> Build:
    """A build that changes each rule, or leaves it out."""

    def build(org: str, policy: RestrictionPolicy, *others: Any, **given: Any) -> CompiledPolicy:
        changed = ((rule, change(rule)) for rule in policy)
        # The rule itself stays where nothing changes: the naive interpreter compares by identity.
        kept = [rule if new == rule else new for rule, new in changed if new is not None]
        return CompiledPolicy.build(org, RestrictionPolicy(*kept), *others, **given)

    return build


def _without_labels(rule: Restriction) -> Restriction | None:
    statuses = [place for place in rule.when if not isinstance(place, StatusLabel)]
    return evolve(rule, when=statuses) if statuses else None


def label_rules_ignored(_: Patch) -> Build:
    return _with_rules(_without_labels)


def the_condition_ignored(_: Patch) -> Build:
    return _with_rules(lambda rule: evolve(rule, condition=None))


def the_party_ignored(_: Patch) -> Build:
    return _with_rules(lambda rule: evolve(rule, party=None))


def one_cell_off(_: Patch) -> Build:
    def build(*given: Any, **named: Any) -> CompiledPolicy:
        policy = CompiledPolicy.build(*given, **named)
        cells: Any = policy.cells
        for place, verdict in policy.cells.items():
            if verdict.contributions:
                cells[place] = Verdict(verdict.action, Effect.ALLOW)
                break
        return policy

    return build


def one_cell_missing(_: Patch) -> Build:
    def build(*given: Any, **named: Any) -> CompiledPolicy:
        policy = CompiledPolicy.build(*given, **named)
        return evolve(policy, places=policy.places[:-1])

    return build


def the_order_of_the_effects_swapped(patch: Patch) -> Build:
    rank = compiling._rank
    patch.setattr(compiling, "_rank", lambda rule: (-rank(rule)[0], *rank(rule)[1:]))
    return CompiledPolicy.build


def the_order_as_written(patch: Patch) -> Build:
    patch.setattr(compiling, "_rank", lambda rule: -rule.effect.strictness)
    return CompiledPolicy.build


def the_mildest_lifecycle_wins(patch: Patch) -> Build:
    of = Verdict.of

    def mildest_first(action: Any, contributions: tuple[Any, ...], *others: Any) -> Verdict:
        several = len({each.lifecycle for each in contributions}) > 1
        ordered = sorted(contributions, key=lambda each: each.rule.effect.strictness) if several else contributions
        return of(action, tuple(ordered), *others)

    patch.setattr(Verdict, "of", mildest_first)
    return CompiledPolicy.build


def legacy_fraud_not_superseded(patch: Patch) -> Build:
    # D45
    patch.setattr(compiling, "_superseded", lambda *_: False)
    return CompiledPolicy.build


def the_last_rule_takes_one_away(_: Patch) -> Build:
    def build(org: str, policy: RestrictionPolicy, *others: Any, **given: Any) -> CompiledPolicy:
        rules = policy.rules[1:] if len(policy.rules) > 2 else policy.rules
        return CompiledPolicy.build(org, RestrictionPolicy(*rules), *others, **given)

    return build


def the_floor_forgotten(patch: Patch) -> Build:
    def is_as_strict_as(self: Verdict, other: Verdict) -> bool:
        return self.effect.strictness >= other.effect.strictness

    patch.setattr(Verdict, "is_as_strict_as", is_as_strict_as)
    return CompiledPolicy.build


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        (the_order_of_the_effects_swapped, strictest_wins),
        (the_order_of_the_effects_swapped, compiled_is_naive),
        (the_mildest_lifecycle_wins, strictest_wins),
        (label_rules_ignored, compiled_is_naive),
        (label_rules_ignored, every_cell_is_there),
        (one_cell_off, every_cell_is_there),
        (one_cell_missing, every_cell_is_there),
        (the_condition_ignored, compiled_is_naive),
        (the_party_ignored, compiled_is_naive),
        (legacy_fraud_not_superseded, compiled_is_naive),
        (legacy_fraud_not_superseded, every_cell_is_there),
        (the_order_as_written, order_is_irrelevant),
        (the_last_rule_takes_one_away, adding_never_loosens),
        (the_floor_forgotten, is_as_strict_as_is_exact),
    ],
    ids=lambda each: str(each.__name__),
)
def test_a_fault_of_the_compiler_is_caught(fault: Any, law: Any, monkeypatch: Patch) -> None:
    assert law in OF_A_BUILD
    assert catches(law, fault(monkeypatch), cases())


# -- what compares ----------------------------------------------------------------------------------------------------

Diff = Callable[[OrgConfig[Any], OrgConfig[Any]], Difference]


def _on_words(patch: Patch, change: Callable[[tuple[Any, ...]], object]) -> Diff:
    words = differences._words
    patch.setattr(differences, "_words", lambda verdict: change(words(verdict)))
    return diff


def a_code_overlooked(patch: Patch) -> Diff:
    return _on_words(patch, lambda words: (words[1], [(rule[0], *rule[2:]) for rule in words[2]]))


def a_message_overlooked(patch: Patch) -> Diff:
    return _on_words(patch, lambda words: (words[0], [(*rule[:3], *rule[4:]) for rule in words[2]]))


def a_reason_overlooked(patch: Patch) -> Diff:
    return _on_words(patch, lambda words: (*words[:2], [(*rule[:2], *rule[3:]) for rule in words[2]]))


def conditions_overlooked(patch: Patch) -> Diff:
    patch.setattr(differences, "differing", lambda *_: ())
    return diff


def other_code_under_a_name_overlooked(patch: Patch) -> Diff:
    patch.setattr(differences, "_same_condition", lambda one, other: one.name == other.name)
    return diff


def one_change_overlooked(_: Patch) -> Diff:
    return lambda old, new: evolve(diff(old, new), changes=diff(old, new).changes[1:])


def old_and_new_mixed_up(_: Patch) -> Diff:
    return lambda old, new: diff(new, old)


def what_is_unknown_is_no_loosening(_: Patch) -> Diff:
    def broken(old: OrgConfig[Any], new: OrgConfig[Any]) -> Difference:
        found = diff(old, new)
        return evolve(
            found, changes=tuple(change._replace(may_loosen=not change.depends_on) for change in found.changes)
        )

    return broken


def a_cell_miscounted(_: Patch) -> Diff:
    def broken(old: OrgConfig[Any], new: OrgConfig[Any]) -> Difference:
        found = diff(old, new)
        return evolve(found, groups=tuple(group._replace(cells=len(group.places)) for group in found.groups))

    return broken


def a_group_left_out(_: Patch) -> Diff:
    return lambda old, new: evolve(diff(old, new), groups=diff(old, new).groups[:-1])


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        (a_code_overlooked, diff_is_empty_exactly_when_alike),
        (a_message_overlooked, diff_is_empty_exactly_when_alike),
        (a_reason_overlooked, diff_is_empty_exactly_when_alike),
        (one_change_overlooked, diff_is_empty_exactly_when_alike),
        (other_code_under_a_name_overlooked, diff_is_empty_exactly_when_alike),
        (conditions_overlooked, directions_are_so),
        (old_and_new_mixed_up, directions_are_so),
        (old_and_new_mixed_up, what_may_be_milder_is_told),
        (what_is_unknown_is_no_loosening, what_may_be_milder_is_told),
        (a_cell_miscounted, groups_cover_the_changes),
        (a_group_left_out, groups_cover_the_changes),
    ],
    ids=lambda each: str(each.__name__),
)
def test_a_fault_of_the_comparison_is_caught(fault: Any, law: Any, monkeypatch: Patch) -> None:
    assert law in OF_A_DIFF
    assert catches(law, fault(monkeypatch), pairs())


# -- what proves ------------------------------------------------------------------------------------------------------


def _proved(proof: Proof) -> Proof:
    return evolve(proof, outcome=ProofResult.PROVED, counterexamples=(), unknown=(), depends_on=())


def unknown_taken_for_proved(policy: CompiledPolicy, invariant: Invariant) -> Proof:
    proof = prove(policy, invariant)
    return _proved(proof) if proof.outcome is ProofResult.UNKNOWN else proof


def unknown_taken_for_refuted(policy: CompiledPolicy, invariant: Invariant) -> Proof:
    proof = prove(policy, invariant)
    found = (*proof.counterexamples, *proof.unknown)
    return evolve(proof, outcome=ProofResult.REFUTED if found else proof.outcome, counterexamples=found, unknown=())


def the_last_counterexample_left_out(policy: CompiledPolicy, invariant: Invariant) -> Proof:
    proof = prove(policy, invariant)
    left = proof.counterexamples[:-1]
    return evolve(proof, counterexamples=left) if left else _proved(proof)


def labels_are_passed_over(policy: CompiledPolicy, invariant: Invariant) -> Proof:
    return prove(evolve(policy, places=tuple(place for place in policy.places if place.label is None)), invariant)


@pytest.mark.parametrize(
    "fault",
    [
        unknown_taken_for_proved,
        unknown_taken_for_refuted,
        the_last_counterexample_left_out,
        labels_are_passed_over,
    ],
    ids=lambda each: str(each.__name__),
)
def test_a_fault_of_the_proofs_is_caught(fault: Any) -> None:
    assert catches(proofs_are_so, fault, proven())


def test_a_fault_in_how_strict_a_verdict_is_makes_a_wrong_proof_and_is_caught(monkeypatch: Patch) -> None:
    the_floor_forgotten(monkeypatch)
    assert catches(proofs_are_so, prove, proven())


# -- what lints -------------------------------------------------------------------------------------------------------


def one_finding_left_out(config: OrgConfig[Any]) -> tuple[Finding, ...]:
    found = [each for each in lint(config) if each.lint is Lint.RULE_NEVER_DECIDES]
    return tuple(found[1:])


def conditions_taken_to_hold(config: OrgConfig[Any]) -> tuple[Finding, ...]:
    rules = [evolve(rule, condition=None) for rule in config.restrictions]
    return lint(evolve(config, restrictions=RestrictionPolicy(*rules)))


@pytest.mark.parametrize("fault", [one_finding_left_out, conditions_taken_to_hold], ids=lambda each: str(each.__name__))
def test_a_fault_of_the_linting_is_caught(fault: Any) -> None:
    assert catches(a_rule_never_decides_exactly_when_it_can_go, fault, cases())
