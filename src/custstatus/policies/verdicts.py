"""
Verdicts: what a policy says of each place and action, built once, so that asking is a look-up.

The space is finite: the places of every lifecycle that is on, times the configured actions. Cells that no rule touches
share one ALLOW verdict an action. Several lifecycles are merged on first sight of a combination and remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from attrs import field, frozen

from custstatus.errors import StoredValueError, UnknownActionError
from custstatus.lifecycle import Lifecycle, Need, Status
from custstatus.policies.rules import Place, Restriction, RestrictionPolicy
from custstatus.records import Account, AnyAction, Effect, NoLabels, StatusLabel
from custstatus.states import CUSTOMER_STATUS, LEGACY_FRAUD_STATUS, CustomerStatus
from custstatus.values import Value

__all__ = ["CompiledPolicy", "Contribution", "Lift", "Verdict", "places_of"]

_NEUTRAL = "This is not possible at the moment. Please contact customer service."


class Contribution(NamedTuple):
    """One rule that had its say, and where the customer stands that made it apply."""

    rule: Restriction
    lifecycle: str
    status: Status
    label: StatusLabel | None


class Lift(NamedTuple):
    """One change after which the action would be treated more mildly on this lifecycle."""

    lifecycle: str
    status: Status
    label: StatusLabel | None
    event: str
    needs: frozenset[Need]
    back: bool
    """Whether it is open only if the customer was there before."""
    effect: Effect
    """What the action would be there."""

    def __str__(self) -> str:
        needs = ", ".join(need.value for need in Need if need in self.needs)
        place = self.status.name if self.label is None else f"{self.label.text!r} ({self.status.name})"
        return f"{self.event} to {place}{f' (needs {needs})' if needs else ''}: {self.effect.value}"


@frozen(repr=False)
class Verdict(Value):
    """What a policy says of one action at one place, or at one place of each of several lifecycles."""

    action: AnyAction
    effect: Effect
    contributions: tuple[Contribution, ...] = ()
    """Every rule that applies, the strictest first, over all lifecycles."""
    code: str = "allow"
    """The stable code of the strictest rule; `allow` where none applies."""
    staff_message: str = ""
    """Says everything; empty where nothing is restricted."""
    customer_message: str = ""
    """Safe to show the customer; empty unless blocked."""
    lifts: tuple[Lift, ...] = ()
    """What would make it milder, lifecycle by lifecycle."""


def places_of(
    lifecycle: Lifecycle[Any], labels: type[StatusLabel] = NoLabels
) -> tuple[tuple[Status, StatusLabel | None], ...]:
    """Every (status, label) at which an account can stand on a lifecycle, in the order of the statuses."""
    if lifecycle.statuses is not CustomerStatus or not len(labels):
        return tuple((status, None) for status in lifecycle.statuses)
    return tuple((status, label) for status in CustomerStatus for label in labels if label.status is status)


Cell = tuple[Status | None, StatusLabel | None, AnyAction]


@frozen(eq=False, repr=False)
class CompiledPolicy(Value):
    """A policy, compiled for the lifecycles, labels and actions of one organisation."""

    org: str
    actions: frozenset[AnyAction]
    cells: Mapping[Cell, Verdict] = field(repr=False)
    """The verdict of each (status, label, action) of every lifecycle that is on; (None, None, action) is unset."""
    _stored: Mapping[tuple[str, str | None, str | None], tuple[Status | None, StatusLabel | None]] = field(repr=False)
    _lifecycles: frozenset[str] = field(repr=False)
    _statuses: frozenset[tuple[str, str]] = field(repr=False)
    _merged: dict[str, dict[AnyAction, Verdict]] = field(factory=dict, init=False, repr=False)

    @classmethod
    def build(
        cls,
        org: str,
        policy: RestrictionPolicy,
        lifecycles: Sequence[Lifecycle[Any]],
        labels: type[StatusLabel],
        actions: Iterable[AnyAction],
    ) -> CompiledPolicy:
        """Compile every cell; legacy fraud gives way to customer status where both are on (D45)."""
        actions = tuple(actions)
        on = [lifecycle for lifecycle in lifecycles if not _superseded(lifecycle, lifecycles)]
        at: dict[Place, list[Restriction]] = {}
        for rule in policy:
            for place in rule.when:
                at.setdefault(place, []).append(rule)
        allowed = {action: Verdict(action, Effect.ALLOW) for action in actions}
        cells: dict[Cell, Verdict] = {(None, None, action): verdict for action, verdict in allowed.items()}
        stored: dict[tuple[str, str | None, str | None], tuple[Status | None, StatusLabel | None]] = {}
        for lifecycle in lifecycles:
            targets = places_of(lifecycle, labels)
            # An account that stood there before labels were configured has none; rules for its status still apply.
            places = dict.fromkeys([*targets, *((status, None) for status in lifecycle.statuses)])
            for status, label in places:
                stored[lifecycle.name, status.value, label.text if label is not None else None] = (status, label)
                cells.update(((status, label, action), allowed[action]) for action in actions)
            if lifecycle not in on:
                continue
            effects: dict[tuple[Place, AnyAction], Effect] = {}
            applying: dict[tuple[Status, StatusLabel | None], dict[AnyAction, list[Restriction]]] = {}
            for status, label in places:
                by_action = applying[status, label] = {}
                for rule in [*at.get(status, ()), *(at.get(label, ()) if label is not None else ())]:
                    for action in actions if rule.actions is None else rule.actions:
                        by_action.setdefault(action, []).append(rule)
                for action, rules in by_action.items():
                    effects[label or status, action] = max((r.effect for r in rules), key=lambda e: e.strictness)
            for (status, label), by_action in applying.items():
                for action, rules in by_action.items():
                    lifts = _lifts(lifecycle, targets, status, label, action, effects)
                    contributions = [Contribution(rule, lifecycle.name, status, label) for rule in rules]
                    cells[status, label, action] = _verdict(action, contributions, lifts)
        statuses = frozenset(
            (lifecycle.name, status.value) for lifecycle in lifecycles for status in lifecycle.statuses
        )
        names = frozenset(lifecycle.name for lifecycle in lifecycles)
        return cls(org, frozenset(actions), cells, stored, names, statuses)

    def verdict(self, status: Status | None, label: StatusLabel | None, action: AnyAction) -> Verdict:
        """
        What the policy says of one action at one place.

        Raises:
            UnknownActionError: The configuration does not have the action.
            StoredValueError: The configuration does not have the place.
        """
        try:
            return self.cells[status, label, action]
        except KeyError:
            self._check_action(action)
            raise StoredValueError(
                type(status).__name__, "place", f"{status and status.name} / {label and label.name}"
            ) from None

    def verdict_of(self, account: Account, action: AnyAction) -> Verdict:
        """
        What the policy says of one action for an account, over all its standings.

        Lifecycles that are off are passed over. Raises as `verdict` does.
        """
        try:
            return self._merged[account.places][action]
        except (KeyError, TypeError):
            return self._merge(account, action)

    def _merge(self, account: Account, action: AnyAction) -> Verdict:
        self._check_action(action)
        rows = [row for row in account.standings if row.lifecycle in self._lifecycles]
        verdicts = [self.verdict(*self.lift(row.lifecycle, row.status, row.label), action) for row in rows]
        restricting = [verdict for verdict in verdicts if verdict.contributions]
        if len(restricting) > 1:
            contributions = [contribution for verdict in restricting for contribution in verdict.contributions]
            merged = _verdict(action, contributions, [lift for verdict in restricting for lift in verdict.lifts])
        else:
            merged = restricting[0] if restricting else self.cells[None, None, action]
        self._merged.setdefault(account.places, {})[action] = merged
        return merged

    def lift(self, lifecycle: str, status: str | None, label: str | None) -> tuple[Status | None, StatusLabel | None]:
        """
        The enum members that a stored status and label stand for.

        Raises:
            StoredValueError: The configuration lacks one of them.
        """
        if status is None:
            return None, None
        try:
            return self._stored[lifecycle, status, label]
        except KeyError:
            if lifecycle not in self._lifecycles:
                raise StoredValueError(lifecycle, "lifecycle", lifecycle) from None
            if (lifecycle, status) not in self._statuses:
                raise StoredValueError(lifecycle, "status", status) from None
            raise StoredValueError(lifecycle, "label", label or "(none)") from None

    def _check_action(self, action: object) -> None:
        if not isinstance(action, AnyAction) or action not in self.actions:
            name = action.name if isinstance(action, AnyAction) else type(action).__name__
            raise UnknownActionError(self.org, name, (known.name for known in self.actions))


def _superseded(lifecycle: Lifecycle[Any], lifecycles: Sequence[Lifecycle[Any]]) -> bool:
    """Whether customer status, being on, stands in for this lifecycle (D45)."""
    names = {other.name for other in lifecycles}
    return lifecycle.name == LEGACY_FRAUD_STATUS.name and CUSTOMER_STATUS.name in names


def _lifts(
    lifecycle: Lifecycle[Any],
    places: Sequence[tuple[Status, StatusLabel | None]],
    status: Status,
    label: StatusLabel | None,
    action: AnyAction,
    effects: Mapping[tuple[Place, AnyAction], Effect],
) -> list[Lift]:
    here = effects[label or status, action]
    found: list[Lift] = []
    for to_status, to_label in places:
        move = lifecycle.move(status, to_status)
        effect = effects.get((to_label or to_status, action), Effect.ALLOW)
        # A suspicion may be milder than a suspension, but it is no way out of one; nor is what nobody can ask for.
        sets_aside = lifecycle.group_of(to_status) - lifecycle.group_of(status)
        if move is None or sets_aside or Need.SYSTEM_OPERATION in move.needs:
            continue
        if (to_label or to_status) is not (label or status) and effect.strictness < here.strictness:
            found.append(Lift(lifecycle.name, to_status, to_label, move.event, move.needs, move.back, effect))
    return found


def _verdict(action: AnyAction, contributions: list[Contribution], lifts: Sequence[Lift]) -> Verdict:
    contributions = sorted(
        contributions,
        key=lambda each: (-each.rule.effect.strictness, each.lifecycle, each.rule.code_for(action), each.rule.reason),
    )
    strictest = contributions[0].rule
    said = "; ".join(
        f"{each.lifecycle} {each.status.name}"
        + (f" / {each.label.text}" if each.label is not None else "")
        + (f": {each.rule.reason}" if each.rule.reason else "")
        + f" [{each.rule.code_for(action)}]"
        for each in contributions
    )
    lifted = "; ".join(map(str, lifts)) or "nothing that is open from here"
    blocks = strictest.effect is Effect.BLOCK
    return Verdict(
        action=action,
        effect=strictest.effect,
        contributions=tuple(contributions),
        code=strictest.code_for(action),
        staff_message=f"{action.name} is {'blocked' if blocks else 'marked'}: {said}. Milder after: {lifted}.",
        customer_message=(strictest.customer_message or _NEUTRAL) if blocks else "",
        lifts=tuple(lifts),
    )
