"""
Verdicts: what a policy says of an action at a place, why, and what would make it milder.

Those of a compiled policy are built once and shared; what they say to people is written when it is first read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import Factory, evolve, field, frozen

from custstatus.lifecycles.lifecycle import Requirement, Status
from custstatus.records import AnyAction, Effect, StatusLabel
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.policies.conditions import Condition, Tested
    from custstatus.policies.rules import Party, Restriction

__all__ = ["Contribution", "Lift", "Opinion", "Verdict"]

_NEUTRAL = "This is not possible at the moment. Please contact customer service."


class Contribution(NamedTuple):
    """One rule that had its say, and the customer's place that made it apply."""

    rule: Restriction
    lifecycle: str
    status: Status
    label: StatusLabel | None
    tested: Tested | None = None
    """What came of testing the rule's condition; None where it has none, or before it is tested."""


class Opinion(NamedTuple):
    """What a host's own policy said, where it restricts."""

    policy: str
    """The name under which it is configured."""
    verdict: Verdict
    failure: str | None = None
    """Why it could not be asked, and so counts as blocking."""


class Lift(NamedTuple):
    """One change after which the action would be treated more mildly on this lifecycle."""

    lifecycle: str
    status: Status
    label: StatusLabel | None
    event: str
    requirements: frozenset[Requirement]
    back: bool
    """Whether it is open only if the customer was there before."""
    effect: Effect
    """What the action would be there, were every condition to hold."""

    def __str__(self) -> str:
        requirements = ", ".join(requirement.value for requirement in Requirement if requirement in self.requirements)
        place = self.status.name if self.label is None else f"{self.label.text!r} ({self.status.name})"
        return f"{self.event} to {place}{f' (requires {requirements})' if requirements else ''}: {self.effect.value}"


def strictest(effects: Iterable[Effect]) -> Effect:
    """The strictest of several effects; ALLOW of none."""
    return max(effects, key=lambda effect: effect.strictness, default=Effect.ALLOW)


def _default_code(verdict: Verdict) -> str:
    restricts = verdict.effect in (Effect.MARK, Effect.BLOCK)
    return f"{verdict.effect.value}.{verdict.action.value}" if restricts else "allow"


@frozen(slots=False, repr=False)
class Verdict(Value):
    """
    What a policy says of one action at one place, or at one place of each of several lifecycles.

    A host's own policy makes one of action, effect, code, reason and, for the customer, a message.
    """

    action: AnyAction
    effect: Effect
    """That of the strictest rule; in a cell of a compiled policy every condition counts as holding."""
    code: str = field(default=Factory(_default_code, takes_self=True))
    """The stable code of the strictest rule, by default effect and action; `allow` where none applies."""
    reason: str = ""
    """For staff: why a host's own policy restricts."""
    customer_message: str = ""
    """Safe to show the customer; empty unless blocked."""
    contributions: tuple[Contribution, ...] = ()
    """Every rule that applies, the strictest first, over all lifecycles."""
    opinions: tuple[Opinion, ...] = ()
    """Every policy of the host's own that restricts."""
    party: Party | None = None
    """The side that was asked; None: it was asked alone, and the rules for either side apply."""
    _lifting: Callable[[Verdict], tuple[Lift, ...]] | None = field(default=None, eq=False, repr=False)

    @classmethod
    def of(
        cls,
        action: AnyAction,
        contributions: tuple[Contribution, ...],
        lifting: Callable[[Verdict], tuple[Lift, ...]],
        party: Party | None = None,
    ) -> Verdict:
        """The verdict of the rules that apply, the strictest of them first."""
        if not contributions:
            return cls(action, Effect.ALLOW, party=party)
        rule = contributions[0].rule
        blocks = rule.effect is Effect.BLOCK
        message = (rule.customer_message or _NEUTRAL) if blocks else ""
        return cls(action, rule.effect, rule.code_for(action), "", message, contributions, (), party, lifting)

    @cached_property
    def floor(self) -> Effect:
        """The mildest that it can come to, whatever the conditions say."""
        return strictest(each.rule.effect for each in self.contributions if each.rule.condition is None)

    @cached_property
    def conditions(self) -> tuple[Condition[Any], ...]:
        """What decides at run time whether it is as strict as it says; empty where nothing does."""
        least = self.floor.strictness
        found = (each.rule.condition for each in self.contributions if each.rule.effect.strictness > least)
        return tuple({each.name: each for each in found if each is not None}.values())

    @cached_property
    def is_tested(self) -> bool:
        """Whether a rule that applies has a condition, so that it is decided anew for each attempt."""
        return any(each.rule.condition is not None for each in self.contributions)

    def is_as_strict_as(self, other: Verdict) -> bool:
        """Whether it is at least as strict as another on the same action, whatever the conditions, known by name, say."""
        if not other.is_tested:
            return self.floor is other.effect or self.floor.strictness >= other.effect.strictness
        least = self.floor.strictness
        if least < other.floor.strictness:
            return False
        mine = self._strictness()
        return all(max(least, mine.get(name, 0)) >= strictness for name, strictness in other._strictness().items())

    def is_milder_than(self, other: Verdict) -> bool:
        """Whether it is milder than another on the same action, whatever the conditions, known by name, say."""
        mine, theirs = self._strictness(), other._strictness()
        for most in range(other.floor.strictness, Effect.BLOCK.strictness + 1):
            # Of all that make the other no stricter than this, those that make this the strictest.
            held = [name for name in {*mine, *theirs} if theirs.get(name, 0) <= most]
            here = max([self.floor.strictness, *(mine.get(name, 0) for name in held)])
            if here >= max([other.floor.strictness, *(theirs.get(name, 0) for name in held)]):
                return False
        return True

    def _strictness(self) -> dict[str, int]:
        """How strict each condition makes it."""
        found: dict[str, int] = {}
        for each in self.contributions:
            if each.rule.condition is not None:
                name = each.rule.condition.name
                found[name] = max(found.get(name, 0), each.rule.effect.strictness)
        return found

    def given(self, context: object) -> Verdict:
        """The verdict on one attempt: each condition tested once, and only the rules kept whose condition holds."""
        tests: dict[str, Tested] = {}
        kept = []
        for each in self.contributions:
            condition = each.rule.condition
            if condition is None:
                kept.append(each)
                continue
            tested = tests.get(condition.name) or tests.setdefault(condition.name, condition.test(context))
            if tested.held:
                kept.append(each._replace(tested=tested))
        lifting = self._lifting
        return self if lifting is None else Verdict.of(self.action, tuple(kept), lifting, self.party)

    def joined(self, opinions: tuple[Opinion, ...]) -> Verdict:
        """The verdict together with what the host's own policies said: the strictest wins."""
        said = max(opinions, key=lambda each: each.verdict.effect.strictness, default=None)
        if said is None:
            return self
        if said.verdict.effect.strictness <= self.effect.strictness:
            return evolve(self, opinions=opinions)
        theirs = said.verdict
        message = (theirs.customer_message or _NEUTRAL) if theirs.effect is Effect.BLOCK else ""
        return evolve(self, effect=theirs.effect, code=theirs.code, customer_message=message, opinions=opinions)

    @cached_property
    def lifts(self) -> tuple[Lift, ...]:
        """What would make it milder, lifecycle by lifecycle; of the host's own policies nothing can be said."""
        return () if self._lifting is None else self._lifting(self)

    @cached_property
    def staff_message(self) -> str:
        """Says everything; empty where nothing is restricted."""
        if self.effect is Effect.ALLOW:
            return ""
        verb = "blocked" if self.effect is Effect.BLOCK else "marked"
        side = "" if self.party is None else f" as {self.party.value}"
        lifts = "; ".join(map(str, self.lifts))
        resolved = f" Lifted by: {lifts}." if lifts else " No available transition lifts it."
        own = ", ".join(each.policy for each in self.opinions)
        known = f" What would lift {own} is not known." if own else ""
        return f"{self.action.name} is {verb}{side}: {self._reasons()}.{resolved if self.contributions else ''}{known}"

    def _reasons(self) -> str:
        """Every rule's and every policy's own words."""
        said = [_told(each, self.action) for each in self.contributions]
        said += [
            _given(each.policy, each.failure or each.verdict.reason or each.verdict._reasons(), each.verdict.code)
            for each in self.opinions
        ]
        return "; ".join(said) or _given("", self.reason, self.code)


def _told(each: Contribution, action: AnyAction) -> str:
    """One rule's part of the message for staff."""
    rule = each.rule
    label = "" if each.label is None else f" / {each.label.text}"
    party = "" if rule.party is None else f", as {rule.party.value}"
    if rule.condition is None:
        when = ""
    elif each.tested is None or each.tested.failure is None:
        when = f", if {rule.condition.name}"
    else:
        when = f", as {rule.condition.name} could not be tested ({each.tested.failure})"
    return _given(f"{each.lifecycle} {each.status.name}{label}{party}{when}", rule.reason, rule.code_for(action))


def _given(where: str, reason: str, code: str) -> str:
    said = ": ".join(filter(None, [where, reason]))
    return said if said.endswith(f"[{code}]") else f"{said} [{code}]".strip()
