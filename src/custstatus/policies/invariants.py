"""
Invariants: what must hold of a policy whatever its rules are, proved by looking at every cell that it speaks of.

Each is about what a place itself brings. That something is at least so strict then holds for every account that stands
there, as other lifecycles and a host's own policies only add to it. What depends on a condition is UNKNOWN, unless it
comes out the same whatever the condition says.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from attrs import field, frozen

from custstatus.bounds import check_id, check_text, kind_of
from custstatus.errors import InvalidInputError
from custstatus.lifecycle import Status
from custstatus.policies.compiled import Cell, Cells, CompiledPolicy, Located
from custstatus.policies.rules import Party, Place, Restriction, RestrictionPolicy, acts, places
from custstatus.policies.verdicts import Verdict
from custstatus.records import AnyAction, Effect, StatusLabel
from custstatus.states import CustomerStatus
from custstatus.values import Value

__all__ = [
    "Approval",
    "AsStrictAs",
    "AtLeast",
    "AtMost",
    "Counterexample",
    "Invariant",
    "LoosensNothing",
    "Outcome",
    "Proof",
    "always_allow",
    "never_allow",
]


class Outcome(Enum):
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
    """The cell in words: a customer who stands where, doing what."""
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
        done = " or ".join(dict.fromkeys([_DONE[self.floor], _DONE[self.effect]]))
        return f"{self.who} is {done}{f' ({self.why})' if self.why else ''}; expected {self.expected}"


_DONE = {Effect.ALLOW: "allowed", Effect.MARK: "marked", Effect.BLOCK: "blocked"}


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
    outcome: Outcome
    cells: int
    """How many cells were looked at."""
    counterexamples: tuple[Counterexample, ...] = ()
    unknown: tuple[Counterexample, ...] = ()
    """The cells where it depends on what is decided at run time."""
    depends_on: tuple[str, ...] = ()
    """The names of the conditions, and of the host's own policies, on which it depends."""

    def unapproved(self, approvals: Iterable[Approval]) -> tuple[Counterexample, ...]:
        """The counterexamples that no approval covers; an approval covers nothing of what is fixed."""
        if not self.invariant.is_guarded:
            return self.counterexamples
        return tuple(
            each for each in self.counterexamples if not any(approval.covers(each.cell) for approval in approvals)
        )

    @property
    def is_proved(self) -> bool:
        """Whether it holds of every cell, whatever is decided at run time."""
        return self.outcome is Outcome.PROVED

    def __str__(self) -> str:
        shown = self.counterexamples if self.outcome is Outcome.REFUTED else self.unknown
        more = len(shown) - _SHOWN
        told = "; ".join(map(str, shown[:_SHOWN])) + (f"; and {more} more" if more > 0 else "")
        named = f", it depends on {', '.join(self.depends_on)}" if self.outcome is Outcome.UNKNOWN else ""
        return f"{self.outcome.name}: {self.invariant}{named}" + (f": {told}" if told else f" ({self.cells} cells)")


_SHOWN = 3


@frozen(repr=False)
class Invariant(Value):
    """The base of invariants: a host may write its own with a `proof` method."""

    @property
    def is_guarded(self) -> bool:
        """Whether an organisation may give it up with an `Approval`; otherwise it is fixed."""
        return False

    def proof(self, policy: CompiledPolicy) -> Proof:
        """Look at every cell that it speaks of."""
        raise NotImplementedError


@frozen(repr=False)
class _Bounded(Invariant):
    effect: Effect
    actions: frozenset[AnyAction] | None = field(converter=acts)
    """None: every action."""
    when: frozenset[Place] = field(converter=places)
    """A status means all its labels."""
    guarded: bool = field(default=False, kw_only=True)
    """Whether an organisation may give it up with an `Approval`; otherwise it is fixed."""
    why: str = field(default="", kw_only=True)
    """The source."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.effect, Effect):
            raise InvalidInputError("Invariant.effect", "an Effect", kind_of(self.effect))
        check_text("Invariant.why", self.why)

    @property
    def is_guarded(self) -> bool:
        """Whether an organisation may give it up with an `Approval`; otherwise it is fixed."""
        return self.guarded

    def _said(self, how: str) -> str:
        actions = "every action" if self.actions is None else ", ".join(sorted(each.name for each in self.actions))
        places = ", ".join(sorted(map(_placed_name, self.when)))
        return f"{actions} {how} {_DONE[self.effect]} in {places}{f' ({self.why})' if self.why else ''}"


def _cells_in(
    policy: CompiledPolicy, when: frozenset[Place], actions: frozenset[AnyAction] | None
) -> list[tuple[Party | None, Located, AnyAction, Verdict]]:
    """The cells of some places and actions; what the organisation does not have is passed over."""
    asked = policy.actions if actions is None else [action for action in policy.actions if action in actions]
    tables: list[tuple[Party | None, Cells, Iterable[AnyAction]]] = [(None, policy.cells, asked)]
    tables += [(party, cells, policy.two_party.intersection(asked)) for party, cells in policy.sides.items()]
    there = [place for place in policy.places if place.status in when or place.label in when]
    return [
        (party, place, action, cells[place.status, place.label, action])
        for party, cells, some in tables
        for place in there
        for action in some
    ]


def _proof(invariant: Invariant, cells: int, found: Iterable[tuple[Counterexample, tuple[str, ...]]]) -> Proof:
    """The proof of what was found: each with the names that it depends on; with none, it is refuted."""
    all_found = tuple(found)
    against = tuple(each for each, names in all_found if not names)
    unknown = tuple(each for each, names in all_found if names)
    names = tuple(sorted({name for _, each in all_found for name in each}))
    outcome = Outcome.REFUTED if against else Outcome.UNKNOWN if unknown else Outcome.PROVED
    return Proof(invariant, outcome, cells, against, unknown, names)


def _because(verdict: Verdict) -> str:
    """The words of the strictest rule, or what it depends on."""
    if not verdict.contributions:
        return "no rule restricts it"
    if verdict.conditions:
        return f"by {', '.join(_names(verdict))}"
    rule = verdict.contributions[0].rule
    return rule.reason or rule.code_for(verdict.action)


@frozen(repr=False)
class AtLeast(_Bounded):
    """
    These actions are treated at least so strictly in these places, for every account that stands there.

    >>> from custstatus import Action, CustomerStatus, NoLabels, OrgConfig
    >>> ours = OrgConfig("acme", NoLabels).policy
    >>> print(AtLeast(Effect.BLOCK, [Action.LOGIN], CustomerStatus.DELETED).proof(ours))
    PROVED: LOGIN at least blocked in DELETED (1 cells)
    >>> AtLeast(Effect.BLOCK, [Action.LOGIN], CustomerStatus.SUSPENDED).proof(ours).outcome
    <Outcome.REFUTED: 'refuted'>
    """

    def proof(self, policy: CompiledPolicy) -> Proof:
        """Look at every cell of these places and actions."""
        cells = _cells_in(policy, self.when, self.actions)
        strict_enough = [effect for effect in Effect if effect.strictness >= self.effect.strictness]
        expected = f"at least {_DONE[self.effect]}" if self.effect is Effect.MARK else _DONE[self.effect]
        found = []
        for party, place, action, verdict in cells:
            if verdict.effect not in strict_enough:
                found.append((_against(policy, party, place, action, expected), tuple(policy.own)))
            elif verdict.is_tested and verdict.floor not in strict_enough:
                names = (*policy.own, *_names(verdict, self.effect.strictness))
                found.append((_against(policy, party, place, action, expected), names))
        return _proof(self, len(cells), found)

    def __str__(self) -> str:
        return self._said("at least")


@frozen(repr=False)
class AtMost(_Bounded):
    """These places by themselves treat these actions at most so strictly (another lifecycle may add to it)."""

    def proof(self, policy: CompiledPolicy) -> Proof:
        """Look at every cell of these places and actions."""
        cells = _cells_in(policy, self.when, self.actions)
        mild_enough = [effect for effect in Effect if effect.strictness <= self.effect.strictness]
        own = tuple(policy.own) if self.effect is not Effect.BLOCK else ()
        expected = f"at most {_DONE[self.effect]}"
        found: list[tuple[Counterexample, tuple[str, ...]]] = []
        for party, place, action, verdict in cells:
            if verdict.floor not in mild_enough:
                found.append((_against(policy, party, place, action, expected), ()))
            elif own or verdict.effect not in mild_enough:
                names = own + (() if verdict.effect in mild_enough else _names(verdict))
                found.append((_against(policy, party, place, action, expected), names))
        return _proof(self, len(cells), found)

    def __str__(self) -> str:
        return self._said("at most")


def never_allow(*actions: AnyAction, when: Place | Iterable[Place], guarded: bool = False, why: str = "") -> AtLeast:
    """These actions are blocked in these places; every action where none is named."""
    return AtLeast(Effect.BLOCK, actions or None, when, guarded=guarded, why=why)


def always_allow(*actions: AnyAction, when: Place | Iterable[Place], guarded: bool = False, why: str = "") -> AtMost:
    """These places leave these actions alone; every action where none is named."""
    return AtMost(Effect.ALLOW, actions or None, when, guarded=guarded, why=why)


@frozen(repr=False)
class AsStrictAs(Invariant):
    """A place, under whichever label, treats every action at least as strictly as another place does under any of its."""

    place: Place
    than: Place
    actions: frozenset[AnyAction] | None = field(default=None, converter=acts)
    """None: every action."""
    why: str = field(default="", kw_only=True)
    """The source."""

    def __attrs_post_init__(self) -> None:
        for place in (self.place, self.than):
            if not isinstance(place, Status | StatusLabel):
                raise InvalidInputError("AsStrictAs", "two statuses or labels", kind_of(place))
        check_text("AsStrictAs.why", self.why)

    def proof(self, policy: CompiledPolicy) -> Proof:
        """Compare every cell of the one with every cell of the other."""
        than: dict[tuple[Party | None, AnyAction], list[Verdict]] = {}
        for party, _, action, verdict in _cells_in(policy, frozenset([self.than]), self.actions):
            if verdict.effect is not Effect.ALLOW:
                others = than.setdefault((party, action), [])
                if not any(other.is_as_strict_as(verdict) for other in others):
                    others.append(verdict)
        cells = _cells_in(policy, frozenset([self.place]), self.actions)
        found: list[tuple[Counterexample, tuple[str, ...]]] = []
        for party, place, action, verdict in cells:
            if verdict.effect is Effect.BLOCK and not verdict.is_tested:
                continue
            stricter = [other for other in than.get((party, action), ()) if not verdict.is_as_strict_as(other)]
            surely = [other for other in stricter if verdict.is_milder_than(other)]
            expected = f"as in {_placed_name(self.than)}"
            if stricter:
                other = (surely or stricter)[0]
                names = (*policy.own, *(() if surely else (*_names(verdict), *_names(other))))
                expected = f"{_DONE[other.effect]}, {expected}"
                found.append((_against(policy, party, place, action, expected), names))
            elif policy.own and verdict.floor is not Effect.BLOCK:
                found.append((_against(policy, party, place, action, expected), tuple(policy.own)))
        return _proof(self, len(cells), found)

    def __str__(self) -> str:
        said = f"{_placed_name(self.place)} is at least as strict as {_placed_name(self.than)}"
        if self.actions is not None:
            said += f" for {', '.join(sorted(action.name for action in self.actions))}"
        return said + (f" ({self.why})" if self.why else "")


def _rules(rules: Restriction | Iterable[Restriction]) -> RestrictionPolicy:
    if not isinstance(rules, Restriction | Iterable):
        raise InvalidInputError("rules", "restrictions", kind_of(rules))
    return RestrictionPolicy(*([rules] if isinstance(rules, Restriction) else rules))


@frozen(repr=False)
class LoosensNothing(Invariant):
    """With these rules added no action is treated more mildly anywhere."""

    rules: RestrictionPolicy = field(converter=_rules)

    def proof(self, policy: CompiledPolicy) -> Proof:
        """Compile the policy with the rules, and compare every cell."""
        more = policy.with_rules(policy.restrictions + self.rules)
        cells = list(policy.every_cell())
        found = []
        for (cell, before), (_, after) in zip(cells, more.every_cell(), strict=True):
            if not after.is_as_strict_as(before):
                names = () if after.is_milder_than(before) else (*_names(after), *_names(before))
                found.append(
                    (
                        Counterexample(
                            cell, _spoken(cell, more), after.floor, after.effect, _DONE[before.effect], _because(after)
                        ),
                        names,
                    )
                )
        return _proof(self, len(cells), found)

    def __str__(self) -> str:
        count = len(self.rules.rules)
        return f"adding {count} rule{'' if count == 1 else 's'} loosens nothing"


@frozen(repr=False)
class Approval(Value):
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
        check_id("Approval.by", self.by)
        if not check_text("Approval.reason", self.reason).strip():
            raise InvalidInputError("Approval.reason", "a reason", "none")

    def covers(self, cell: Cell) -> bool:
        """Whether it speaks of a cell's place and action."""
        return (self.actions is None or cell.action in self.actions) and bool(self.when & {cell.status, cell.label})


def _against(
    policy: CompiledPolicy, party: Party | None, place: Located, action: AnyAction, expected: str
) -> Counterexample:
    return Counterexample.of(policy, Cell(place.lifecycle, place.status, place.label, action, party), expected)


def _placed_name(place: Place) -> str:
    if isinstance(place, StatusLabel):
        return repr(place.text)
    return place.name if isinstance(place, CustomerStatus) else f"{type(place).__name__}.{place.name}"


def _names(verdict: Verdict, least: int = 0) -> tuple[str, ...]:
    """The conditions that make a verdict at least so strict where its floor is milder."""
    conditions = [each.rule.condition for each in verdict.contributions if each.rule.effect.strictness >= least]
    return tuple(condition.name for condition in verdict.conditions if condition in conditions)
