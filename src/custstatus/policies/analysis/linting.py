"""What is odd about a configuration without being wrong: for a person to look at, finding by finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import frozen

from custstatus.lifecycles.lifecycle import Lifecycle, Requirement, Status, Transition
from custstatus.policies.analysis.matrices import matrix, shown
from custstatus.policies.verdicts import Verdict, strictest
from custstatus.records import StatusLabel
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.config.config import OrgConfig
    from custstatus.policies.compiled import CompiledPolicy
    from custstatus.policies.rules import Restriction

__all__ = ["Finding", "Lint", "lint"]


class Lint(Enum):
    """What a finding is about."""

    RULE_NEVER_DECIDES = "rule_never_decides"
    """Nothing would be milder anywhere without the rule."""
    LABELS_DIFFER = "labels_differ"
    """Labels of one status are treated differently."""
    ACTION_WITHOUT_RULE = "action_without_rule"
    """No rule names the action."""
    NO_WAY_OUT = "no_way_out"
    """A status that does not close the account, and that no transition leaves."""
    ROUND_ABOUT = "round_about"
    """There is no transition from one status to another, but there are two in a row (D97)."""

    __hash__ = object.__hash__


@frozen(repr=False)
class Finding(Value):
    """One odd thing."""

    lint: Lint
    subject: str
    """The rule, the status, the action or the lifecycle that it is about."""
    message: str

    def __str__(self) -> str:
        return f"{self.lint.value}: {self.subject}: {self.message}"


def lint(config: OrgConfig[Any]) -> tuple[Finding, ...]:
    """Everything that is odd about a configuration, in the order of `Lint`."""
    return (
        *_silent_rules(config.policy),
        *_labels(config),
        *_actions(config),
        *(each for lifecycle in config.lifecycles for each in _dead_ends(lifecycle)),
        *(each for lifecycle in config.lifecycles for each in _detours(lifecycle)),
    )


def _named(rule: Restriction) -> str:
    actions = "every action" if rule.actions is None else ", ".join(sorted(action.name for action in rule.actions))
    places = ", ".join(sorted(place.name for place in rule.when))
    condition = "" if rule.condition is None else f" if {rule.condition.name}"
    party = "" if rule.party is None else f" as {rule.party.value}"
    return f"{rule.effect.value} {actions}{party} in {places}{condition}{f' ({rule.reason})' if rule.reason else ''}"


def _silent_rules(policy: CompiledPolicy) -> Iterator[Finding]:
    """
    Rules without which every cell would be as strict. Of two that say the same neither decides: either may go.

    A rule with a condition decides where it is stricter than every rule without one, and than those with the same.
    """
    deciding: set[int] = set()
    for _, verdict in policy.every_cell():
        rules = [each.rule for each in verdict.contributions]
        for place, rule in enumerate(rules):
            if id(rule) not in deciding and _decides(rule, rules[:place] + rules[place + 1 :]):
                deciding.add(id(rule))
    on = {place.status for place in policy.places}
    for number, rule in enumerate(policy.restrictions, 1):
        if id(rule) not in deciding:
            applies = any(place.status in on if isinstance(place, StatusLabel) else place in on for place in rule.when)
            why = "never decides anything" if applies else "its lifecycle is off"
            yield Finding(Lint.RULE_NEVER_DECIDES, f"rule {number}", f"{why}: {_named(rule)}")


def _decides(rule: Restriction, others: Iterable[Restriction]) -> bool:
    name = None if rule.condition is None else rule.condition.name
    surely = (other.effect for other in others if other.condition is None or other.condition.name == name)
    return rule.effect.strictness > strictest(surely).strictness


def _labels(config: OrgConfig[Any]) -> Iterator[Finding]:
    """Where the labels of a status differ: which actions, and how under which label."""
    table = matrix(config.policy)
    for status in dict.fromkeys(column.status for column in table.columns):
        columns = [(column, place) for place, column in enumerate(table.columns) if column.status is status]
        if len(columns) == 1:
            continue
        for row in table.rows:
            verdicts: list[tuple[str, Verdict]] = [
                (label.text, row.verdicts[place]) for column, place in columns for label in column.labels
            ]
            if len({shown(verdict) for _, verdict in verdicts}) > 1:
                told = ", ".join(f"{shown(verdict)} under {text!r}" for text, verdict in verdicts)
                yield Finding(Lint.LABELS_DIFFER, status.name, f"{row} is {told}")


def _actions(config: OrgConfig[Any]) -> Iterator[Finding]:
    named = {action for rule in config.restrictions for action in rule.actions or ()}
    for action in config.all_actions:
        if action not in named:
            yield Finding(Lint.ACTION_WITHOUT_RULE, action.name, "no rule names it")


def _dead_ends(lifecycle: Lifecycle[Any]) -> Iterator[Finding]:
    for status in lifecycle.statuses:
        out = [transition for transition in lifecycle.out_of(status) if transition.to is not status]
        if not out and status not in lifecycle.closing:
            said = "no transition leaves it, and it does not close the account"
            yield Finding(Lint.NO_WAY_OUT, lifecycle.name, f"{status.name}: {said}")


def _detours(lifecycle: Lifecycle[Any]) -> Iterator[Finding]:
    """Two transitions in a row that can be requested, where there is no direct one: wanted, or a gap (D97)."""

    def asked_for(transitions: Iterable[Transition[Any]]) -> list[Transition[Any]]:
        return [
            transition
            for transition in transitions
            if Requirement.SYSTEM_OPERATION not in transition.requirements
            and not transition.back
            and transition.from_ is not transition.to
        ]

    sources: list[Status | None] = [None, *(transition.to for transition in lifecycle.transitions)]
    for source in dict.fromkeys(sources):
        for first in asked_for(lifecycle.out_of(source)):
            for second in asked_for(lifecycle.out_of(first.to)):
                if second.to is not source and lifecycle.transition(source, second.to) is None:
                    requirements = first.requirements | second.requirements
                    asks = (
                        ", ".join(requirement.value for requirement in Requirement if requirement in requirements)
                        or "nothing"
                    )
                    start = "unset" if source is None else source.name
                    route = f"{start} -> {first.to.name} -> {second.to.name}"
                    said = f"{first.event}, then {second.event}; requires {asks}"
                    yield Finding(Lint.ROUND_ABOUT, lifecycle.name, f"{route} ({said}), with no direct transition")
