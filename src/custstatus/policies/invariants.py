"""
Invariants: what must hold of a policy whatever its rules are, proved by looking at every cell that it speaks of.

Each is about what a place itself brings. That something is at least so strict then holds for every account that stands
there, as other lifecycles and a host's own policies only add to it. What depends on a condition is UNKNOWN, unless it
comes out the same whatever the condition says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import field, frozen

from custstatus.bounds import check_text, kind_of
from custstatus.errors import InvalidInputError
from custstatus.lifecycles.lifecycle import Status
from custstatus.policies.compiled import Cell, Cells, CompiledPolicy, Located
from custstatus.policies.proofs import DONE, Counterexample, Invariant, Proof, ProofResult, names_of
from custstatus.policies.rules import Party, Place, Restriction, RestrictionPolicy, acts, places
from custstatus.records import AnyAction, Effect, StatusLabel
from custstatus.states import CustomerStatus

if TYPE_CHECKING:
    from custstatus.policies.verdicts import Verdict

__all__ = ["AsStrictAs", "AtLeast", "AtMost", "LoosensNothing", "always_allow", "never_allow"]


@frozen(repr=False)
class _Bounded(Invariant):
    effect: Effect
    actions: frozenset[AnyAction] | None = field(converter=acts)
    """None: every action."""
    when: frozenset[Place] = field(converter=places)
    """A status means all its labels."""
    guarded: bool = field(default=False, kw_only=True)
    """Whether an organisation may give it up with a `Loosening`; otherwise it is fixed."""
    why: str = field(default="", kw_only=True)
    """The source."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.effect, Effect):
            raise InvalidInputError("Invariant.effect", "an Effect", kind_of(self.effect))
        check_text("Invariant.why", self.why)

    @property
    def is_guarded(self) -> bool:
        """Whether an organisation may give it up with a `Loosening`; otherwise it is fixed."""
        return self.guarded

    def _said(self, how: str) -> str:
        actions = "every action" if self.actions is None else ", ".join(sorted(each.name for each in self.actions))
        places = ", ".join(sorted(map(_placed_name, self.when)))
        return f"{actions} {how} {DONE[self.effect]} in {places}{f' ({self.why})' if self.why else ''}"


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
    outcome = ProofResult.REFUTED if against else ProofResult.UNKNOWN if unknown else ProofResult.PROVED
    return Proof(invariant, outcome, cells, against, unknown, names)


@frozen(repr=False)
class AtLeast(_Bounded):
    """
    These actions are treated at least so strictly in these places, for every account that is there.

    >>> from custstatus import Action, CustomerStatus, NoLabels, OrgConfig
    >>> ours = OrgConfig("acme", NoLabels).policy
    >>> print(AtLeast(Effect.BLOCK, [Action.LOGIN], CustomerStatus.DELETED).proof(ours))
    PROVED: LOGIN at least blocked in DELETED (1 cells)
    >>> AtLeast(Effect.BLOCK, [Action.LOGIN], CustomerStatus.SUSPENDED).proof(ours).outcome
    <ProofResult.REFUTED: 'refuted'>
    """

    def proof(self, policy: CompiledPolicy) -> Proof:
        """Look at every cell of these places and actions."""
        cells = _cells_in(policy, self.when, self.actions)
        strict_enough = [effect for effect in Effect if effect.strictness >= self.effect.strictness]
        expected = f"at least {DONE[self.effect]}" if self.effect is Effect.MARK else DONE[self.effect]
        found = []
        for party, place, action, verdict in cells:
            if verdict.effect not in strict_enough:
                found.append((_against(policy, party, place, action, expected), tuple(policy.own)))
            elif verdict.is_tested and verdict.floor not in strict_enough:
                names = (*policy.own, *names_of(verdict, self.effect.strictness))
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
        expected = f"at most {DONE[self.effect]}"
        found: list[tuple[Counterexample, tuple[str, ...]]] = []
        for party, place, action, verdict in cells:
            if verdict.floor not in mild_enough:
                found.append((_against(policy, party, place, action, expected), ()))
            elif own or verdict.effect not in mild_enough:
                names = own + (() if verdict.effect in mild_enough else names_of(verdict))
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
                names = (*policy.own, *(() if surely else (*names_of(verdict), *names_of(other))))
                expected = f"{DONE[other.effect]}, {expected}"
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
                names = () if after.is_milder_than(before) else (*names_of(after), *names_of(before))
                found.append(
                    (
                        Counterexample.of(more, cell, DONE[before.effect]),
                        names,
                    )
                )
        return _proof(self, len(cells), found)

    def __str__(self) -> str:
        count = len(self.rules.rules)
        return f"adding {count} rule{'' if count == 1 else 's'} loosens nothing"


def _against(
    policy: CompiledPolicy, party: Party | None, place: Located, action: AnyAction, expected: str
) -> Counterexample:
    return Counterexample.of(policy, Cell(place.lifecycle, place.status, place.label, action, party), expected)


def _placed_name(place: Place) -> str:
    if isinstance(place, StatusLabel):
        return repr(place.text)
    return place.name if isinstance(place, CustomerStatus) else f"{type(place).__name__}.{place.name}"
