"""Proofs: whether something holds of a policy, with the cells where it does not, and what an organisation has approved."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from attrs import field, frozen

from custstatus.bounds import check_id, check_text
from custstatus.errors import InvalidInputError
from custstatus.policies.rules import Place, acts, places
from custstatus.records import AnyAction, Effect
from custstatus.states import CustomerStatus
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.policies.compiled import Cell, CompiledPolicy
    from custstatus.policies.verdicts import Verdict

__all__ = ["DONE", "Counterexample", "Invariant", "Loosening", "Proof", "ProofResult", "names_of"]


class ProofResult(Enum):
    """What came of a proof."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"
    """It depends on a condition, or on a policy of the host's own."""

    __hash__ = object.__hash__


class Counterexample(NamedTuple):
    """A cell where an invariant does not hold, or is not known to."""

    cell: Cell
    who: str
    """The cell in words: a customer at which place, doing what."""
    floor: Effect
    """What the policy says there, no condition holding."""
    effect: Effect
    """What it says there, every condition holding."""
    expected: str
    why: str = ""
    """The rule's words, or what it depends on."""

    @classmethod
    def of(cls, policy: CompiledPolicy, cell: Cell, expected: str) -> Counterexample:
        """What a policy says of a cell, against what was expected."""
        verdict = policy.verdict(cell.status, cell.label, cell.action, cell.party)
        return cls(cell, _spoken(cell, policy), verdict.floor, verdict.effect, expected, _because(verdict))

    def __str__(self) -> str:
        done = " or ".join(dict.fromkeys([DONE[self.floor], DONE[self.effect]]))
        return f"{self.who} is {done}{f' ({self.why})' if self.why else ''}; expected {self.expected}"


DONE = {Effect.ALLOW: "allowed", Effect.MARK: "marked", Effect.BLOCK: "blocked"}


def _spoken(cell: Cell, policy: CompiledPolicy) -> str:
    """A cell in words: who does what."""
    where = cell.status.value.replace("_", " ")
    if cell.label is not None:
        where += f" under {cell.label.text!r}"
    elif isinstance(cell.status, CustomerStatus) and len(policy.labels):
        where += " without a label, as before there were any"
    if not isinstance(cell.status, CustomerStatus):
        where += f" ({cell.lifecycle.replace('_', ' ')})"
    party = "" if cell.party is None else f" as {cell.party.value}"
    return f"a customer who is {where}: {cell.action.value.replace('_', ' ')}{party}"


@frozen(repr=False)
class Proof(Value):
    """Whether an invariant holds, and where it does not."""

    invariant: Invariant
    outcome: ProofResult
    cells: int
    """How many cells were looked at."""
    counterexamples: tuple[Counterexample, ...] = ()
    unknown: tuple[Counterexample, ...] = ()
    """The cells where it depends on what is decided at run time."""
    depends_on: tuple[str, ...] = ()
    """The names of the conditions, and of the host's own policies, on which it depends."""

    def unapproved(self, loosenings: Iterable[Loosening]) -> tuple[Counterexample, ...]:
        """The counterexamples that no approval covers; an approval covers nothing of what is fixed."""
        if not self.invariant.is_guarded:
            return self.counterexamples
        return tuple(
            each for each in self.counterexamples if not any(approval.covers(each.cell) for approval in loosenings)
        )

    @property
    def is_proved(self) -> bool:
        """Whether it holds of every cell, whatever is decided at run time."""
        return self.outcome is ProofResult.PROVED

    def __str__(self) -> str:
        shown = self.counterexamples if self.outcome is ProofResult.REFUTED else self.unknown
        more = len(shown) - _SHOWN
        told = "; ".join(map(str, shown[:_SHOWN])) + (f"; and {more} more" if more > 0 else "")
        named = f", it depends on {', '.join(self.depends_on)}" if self.outcome is ProofResult.UNKNOWN else ""
        return f"{self.outcome.name}: {self.invariant}{named}" + (f": {told}" if told else f" ({self.cells} cells)")


_SHOWN = 3


@frozen(repr=False)
class Invariant(Value):
    """The base of invariants: a host may write its own with a `proof` method."""

    @property
    def is_guarded(self) -> bool:
        """Whether an organisation may give it up with a `Loosening`; otherwise it is fixed."""
        return False

    def proof(self, policy: CompiledPolicy) -> Proof:
        """Look at every cell that it speaks of."""
        raise NotImplementedError


@frozen(repr=False)
class Loosening(Value):
    """Somebody's consent to treating these actions more mildly in these places than before, or than a guarded invariant says."""

    actions: frozenset[AnyAction] | None = field(converter=acts)
    """None: every action."""
    when: frozenset[Place] = field(converter=places)
    """A status means all its labels."""
    by: str
    """Who approved: 1 to 128 characters."""
    reason: str
    """Why: 1 to 1,000 characters."""

    def __attrs_post_init__(self) -> None:
        check_id("Loosening.by", self.by)
        if not check_text("Loosening.reason", self.reason).strip():
            raise InvalidInputError("Loosening.reason", "a reason", "none")

    def covers(self, cell: Cell) -> bool:
        """Whether it speaks of a cell's place and action."""
        return (self.actions is None or cell.action in self.actions) and bool(self.when & {cell.status, cell.label})


def _because(verdict: Verdict) -> str:
    """The words of the strictest rule, or what it depends on."""
    if not verdict.contributions:
        return "no rule restricts it"
    if verdict.conditions:
        return f"by {', '.join(names_of(verdict))}"
    rule = verdict.contributions[0].rule
    return rule.reason or rule.code_for(verdict.action)


def names_of(verdict: Verdict, least: int = 0) -> tuple[str, ...]:
    """The conditions that make a verdict at least so strict where its floor is milder."""
    conditions = [each.rule.condition for each in verdict.contributions if each.rule.effect.strictness >= least]
    return tuple(condition.name for condition in verdict.conditions if condition in conditions)
