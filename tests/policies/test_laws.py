"""
The laws of policies, each tried on policies at random.

A law is a function of what it is about (`CompiledPolicy.build`, `diff`, `lint`; of `prove` in `test_proofs`), so that
`test_law_controls` can give it a broken one and see it fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from hypothesis import given, settings
from naive_policy import Stand, naive
from random_policies import (
    TWO_SIDED,
    Case,
    Deed,
    Holding,
    Organisation,
    Pair,
    account_at,
    cases,
    holdings_of,
    pairs,
)

from custstatus import Condition, Effect, OrgConfig, Party, Restriction, RestrictionPolicy, Verdict
from custstatus.policies import CompiledPolicy
from custstatus.policies.analysis import Difference, Direction, Finding, Lint, diff, lint
from custstatus.policies.compiled import Cell

Build = Callable[..., CompiledPolicy]
"""Such as `CompiledPolicy.build`."""

tried = settings(max_examples=40, deadline=None)


def compiled(build: Build, organisation: Organisation, rules: Iterable[Restriction]) -> CompiledPolicy:
    """Rules, compiled for an organisation."""
    policy = RestrictionPolicy(*rules)
    return build("acme", policy, organisation.lifecycles, organisation.labels, tuple(Deed), two_party=TWO_SIDED)


def said_in(holding: Holding) -> Callable[[Condition[Any]], bool]:
    """Whether a condition holds, as the context says."""
    return lambda condition: bool(condition.holds(holding))


def all_cells(organisation: Organisation) -> list[Cell]:
    """Every cell that there should be, written down without the compiler."""
    found = []
    for lifecycle in organisation.lifecycles:
        if lifecycle.name == "legacy_fraud_status" and "customer_status" in organisation.on:  # D45
            continue
        for status in lifecycle.statuses:
            labels = [label for label in organisation.labels if label.status is status]
            for label in [None, *labels]:
                for action in Deed:
                    parties = (None, *Party) if action in TWO_SIDED else (None,)
                    found += [Cell(lifecycle.name, status, label, action, party) for party in parties]
    return found


Said = tuple[Effect, str, str, tuple[tuple[str, ...], ...]]
"""Effect, code, message for the customer, and the rules' words."""


def naive_effect(organisation: Organisation, rules: Sequence[Restriction], cell: Cell, holding: Holding) -> Effect:
    """What the rules come to in one cell."""
    stand = Stand(cell.lifecycle, cell.status, cell.label)
    return naive(rules, organisation.on, [stand], cell.action, cell.party, said_in(holding))[0]


def said(
    organisation: Organisation, rules: Sequence[Restriction], verdict: Verdict, cell: Cell, holding: Holding
) -> Said:
    """All that is told of one cell to an attempt in which some conditions hold."""
    stand = Stand(cell.lifecycle, cell.status, cell.label)
    effect, numbers = naive(rules, organisation.on, [stand], cell.action, cell.party, said_in(holding))
    if not numbers:
        return effect, "allow", "", ()
    told = verdict.given(holding)
    words = sorted(
        (
            rule.effect.value,
            rule.code or "",
            rule.reason,
            rule.customer_message or "",
            "" if rule.party is None else rule.party.value,
            "" if rule.condition is None else rule.condition.name,
        )
        for rule in (rules[number] for number in numbers)
    )
    return effect, told.code, told.customer_message, tuple(words)


# -- of one policy --------------------------------------------------------------------------------------------------


def compiled_is_naive(build: Build, case: Case) -> None:
    """Of every account, action and side, whatever holds: the effect and the rules of the naive interpreter."""
    policy = compiled(build, case.organisation, case.rules)
    account = account_at(case.stands)
    for action in Deed:
        for party in (None, *Party):
            side = party if action in TWO_SIDED else None
            effect, numbers = naive(case.rules, case.organisation.on, case.stands, action, side, said_in(case.holding))
            verdict = policy.verdict_of(account, action, party=party, context=case.holding)
            assert verdict.effect is effect
            assert {id(each.rule) for each in verdict.contributions} == {id(case.rules[number]) for number in numbers}


def every_cell_is_there(build: Build, case: Case) -> None:
    """The cells are all that an account can stand at, each once, and say what the naive interpreter says."""
    policy = compiled(build, case.organisation, case.rules)
    cells = dict(policy.every_cell())
    assert list(cells) == [cell for cell, _ in policy.every_cell()]
    assert set(cells) == set(all_cells(case.organisation))
    for cell, verdict in cells.items():
        assert verdict.given(case.holding).effect is naive_effect(case.organisation, case.rules, cell, case.holding)


def strictest_wins(build: Build, case: Case) -> None:
    """The effect is the strictest of the rules that are told, over all lifecycles, and so are the code and the message."""
    policy = compiled(build, case.organisation, case.rules)
    account = account_at(case.stands)
    for action in Deed:
        verdict = policy.verdict_of(account, action, context=case.holding)
        strictness = [each.rule.effect.strictness for each in verdict.contributions]
        assert verdict.effect.strictness == max(strictness, default=0)
        assert strictness == sorted(strictness, reverse=True)
        alone = [
            policy.verdict_of(account_at([stand]), action, context=case.holding).effect.strictness
            for stand in case.stands
        ]
        assert verdict.effect.strictness == max(alone, default=0)
        strictest = [each.rule for each in verdict.contributions if each.rule.effect is verdict.effect]
        assert verdict.code in [rule.code_for(action) for rule in strictest] or not strictest
        assert bool(verdict.customer_message) is (verdict.effect is Effect.BLOCK)


def order_is_irrelevant(build: Build, case: Case) -> None:
    """The rules in another order say the same, to the letter."""
    one, other = (compiled(build, case.organisation, rules) for rules in (case.rules, case.shuffled))
    account = account_at(case.stands)
    for action in Deed:
        for party in (None, *Party):
            mine = one.verdict_of(account, action, party=party, context=case.holding)
            theirs = other.verdict_of(account, action, party=party, context=case.holding)
            assert (mine.effect, mine.code) == (theirs.effect, theirs.code)
            assert mine.customer_message == theirs.customer_message
            assert mine.staff_message == theirs.staff_message


def adding_never_loosens(build: Build, case: Case) -> None:
    """With more rules every cell is at least as strict, whatever holds."""
    before = dict(compiled(build, case.organisation, case.rules).every_cell())
    after = dict(compiled(build, case.organisation, [*case.rules, *case.more]).every_cell())
    assert before.keys() == after.keys()
    for holding in holdings_of(*case.rules, *case.more):
        for cell, verdict in before.items():
            assert after[cell].given(holding).effect.strictness >= verdict.given(holding).effect.strictness


def is_as_strict_as_is_exact(build: Build, case: Case) -> None:
    """One verdict is as strict as another exactly when it is so whatever holds."""
    one, other = (compiled(build, case.organisation, rules) for rules in (case.rules, case.more))
    holdings = list(holdings_of(*case.rules, *case.more))
    for (_, mine), (_, theirs) in zip(one.every_cell(), other.every_cell(), strict=True):
        if mine.contributions or theirs.contributions:
            strict = all(
                mine.given(each).effect.strictness >= theirs.given(each).effect.strictness for each in holdings
            )
            assert mine.is_as_strict_as(theirs) is strict


def a_rule_never_decides_exactly_when_it_can_go(
    linted: Callable[[OrgConfig[Any]], Sequence[Finding]], case: Case
) -> None:
    """A rule is found never to decide exactly when nothing is milder without it, anywhere and whatever holds."""
    rules = case.rules
    config = case.organisation.config(rules)
    found = {each.subject for each in linted(config) if each.lint is Lint.RULE_NEVER_DECIDES}
    cells = [cell for cell, verdict in config.policy.every_cell() if verdict.contributions]
    holdings = list(holdings_of(*rules))
    expected = {
        f"rule {number + 1}"
        for number in range(len(rules))
        if all(
            naive_effect(case.organisation, rules, cell, holding)
            is naive_effect(case.organisation, [*rules[:number], *rules[number + 1 :]], cell, holding)
            for cell in cells
            for holding in holdings
        )
    }
    assert found == expected


# -- of two policies ------------------------------------------------------------------------------------------------

Diff = Callable[[OrgConfig[Any], OrgConfig[Any]], Difference]


class Compared(NamedTuple):
    """A pair, what `diff` says of it, and what brute force says."""

    difference: Difference
    told: dict[Cell, list[tuple[Said, Said]]]
    """What either says of each cell, for every assignment of the conditions."""


def compared(diff: Diff, pair: Pair) -> Compared:
    """A pair, compared by `diff` and by brute force."""
    organisation, old, new = pair
    one, other = organisation.config(old), organisation.config(new)
    was, now = dict(one.policy.every_cell()), dict(other.policy.every_cell())
    holdings = list(holdings_of(*old, *new))
    told = {
        cell: [
            (said(organisation, old, was[cell], cell, each), said(organisation, new, now[cell], cell, each))
            for each in holdings
        ]
        for cell in was
        if was[cell].contributions or now[cell].contributions
    }
    return Compared(diff(one, other), told)


def diff_is_empty_exactly_when_alike(diff: Diff, pair: Pair) -> None:
    """A cell is among the changes exactly when something that is told of it differs, for some assignment."""
    difference, told = compared(diff, pair)
    unlike = {cell for cell, several in told.items() if any(before != after for before, after in several)}
    assert {change.cell for change in difference.changes} == unlike
    assert difference.is_empty is (not unlike)
    assert len(difference.changes) == len(unlike)


def directions_are_so(diff: Diff, pair: Pair) -> None:
    """What is loosened is milder whatever holds, what is tightened stricter, what is re-reasoned as strict; else UNKNOWN."""
    difference, told = compared(diff, pair)
    for change in difference.changes:
        steps = {after[0].strictness - before[0].strictness for before, after in told[change.cell]}
        if change.direction is Direction.LOOSENED:
            assert max(steps) < 0
        elif change.direction is Direction.TIGHTENED:
            assert min(steps) > 0
        elif change.direction is Direction.REREASONED:
            assert steps == {0}
        else:
            assert change.direction is Direction.UNKNOWN
        assert bool(change.depends_on) is (change.direction is Direction.UNKNOWN)


def what_may_be_milder_is_told(diff: Diff, pair: Pair) -> None:
    """Where some assignment makes a cell milder, the change says so, and it is unapproved."""
    difference, told = compared(diff, pair)
    changes = {change.cell: change for change in difference.changes}
    renewed = any(rule.condition is not None and "renewed" in rule.condition.holds.__name__ for rule in pair.new)
    for cell, several in told.items():
        milder = any(after[0].strictness < before[0].strictness for before, after in several)
        if milder:
            assert changes[cell].may_loosen
            assert changes[cell] in difference.unapproved
        elif cell in changes and not renewed:
            assert not changes[cell].may_loosen


def groups_cover_the_changes(diff: Diff, pair: Pair) -> None:
    """The groups tell as many cells of each kind as there are changes."""
    difference, _ = compared(diff, pair)

    def kinds(effects: Iterable[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
        found: dict[tuple[Any, ...], int] = {}
        for *kind, cells in effects:
            found[tuple(kind)] = found.get(tuple(kind), 0) + cells
        return found

    changes = [
        (
            each.direction,
            None if each.before is None else each.before.effect,
            None if each.after is None else each.after.effect,
            each.depends_on,
            each.approval is not None,
            1,
        )
        for each in difference.changes
    ]
    groups = [
        (each.direction, each.before, each.after, each.depends_on, each.is_approved, each.cells)
        for each in difference.groups
    ]
    assert kinds(groups) == kinds(changes)


# -- they hold ------------------------------------------------------------------------------------------------------

OF_A_BUILD = [
    compiled_is_naive,
    every_cell_is_there,
    strictest_wins,
    order_is_irrelevant,
    adding_never_loosens,
    is_as_strict_as_is_exact,
]
OF_A_DIFF = [
    diff_is_empty_exactly_when_alike,
    directions_are_so,
    what_may_be_milder_is_told,
    groups_cover_the_changes,
]


@tried
@given(case=cases())
def test_of_any_policy(case: Case) -> None:
    for law in OF_A_BUILD:
        law(CompiledPolicy.build, case)


@tried
@given(pair=pairs())
def test_of_any_two_policies(pair: Pair) -> None:
    for law in OF_A_DIFF:
        law(diff, pair)


@tried
@given(case=cases())
def test_lint_of_any_policy(case: Case) -> None:
    a_rule_never_decides_exactly_when_it_can_go(lint, case)
