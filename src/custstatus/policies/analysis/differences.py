"""What changes from one configuration's policy to another's: every cell, grouped so that ten thousand read as a few lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from custstatus.config.document import document_of
from custstatus.policies.analysis.matrices import markdown_table
from custstatus.policies.conditions import Absent, Condition
from custstatus.policies.rules import Party
from custstatus.records import AnyAction, Effect
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.config.config import OrgConfig
    from custstatus.policies.compiled import Cell, CompiledPolicy
    from custstatus.policies.proofs import Loosening
    from custstatus.policies.verdicts import Verdict

__all__ = ["Change", "Difference", "Direction", "Group", "diff", "differing", "own_differing"]


class Direction(Enum):
    """What happened to a cell, as the restrictions have it; a policy of the host's own that stays may still block there."""

    LOOSENED = "loosened"
    UNKNOWN = "unknown"
    """It depends on a condition, or on a policy of the host's own."""
    TIGHTENED = "tightened"
    REREASONED = "re-reasoned"
    """As strict as before, but by other rules, or in other words."""
    ADDED = "added"
    """The old configuration did not have it."""
    REMOVED = "removed"
    """The new configuration does not have it."""

    __hash__ = object.__hash__


class Change(NamedTuple):
    """One cell that is not decided as before."""

    cell: Cell
    """As the new configuration has it; where it has none, the old."""
    direction: Direction
    before: Verdict | None
    after: Verdict | None
    depends_on: tuple[str, ...] = ()
    may_loosen: bool = False
    """Whether it is milder, or may turn out to be."""
    approval: Loosening | None = None
    """The approval, new in the new configuration, that covers it."""


class Group(NamedTuple):
    """Changes of one kind that cover every action of some at every place of some."""

    direction: Direction
    before: Effect | None
    after: Effect | None
    depends_on: tuple[str, ...]
    is_approved: bool
    actions: tuple[str, ...]
    places: tuple[str, ...]
    cells: int

    def __str__(self) -> str:
        effects = [effect.value for effect in (self.before, self.after) if effect is not None]
        effect = " to ".join(dict.fromkeys(effects))
        named = f", by {', '.join(self.depends_on)}" if self.depends_on else ""
        approved = " (approved)" if self.is_approved else ""
        cells = f"{self.cells:,} cell{'' if self.cells == 1 else 's'}"
        where = f"{', '.join(self.actions)} in {', '.join(self.places)}"
        return f"{self.direction.value}{approved}, {effect}{named}: {where} ({cells})"


@frozen(repr=False)
class Difference(Value):
    """Everything that is not decided as before. It has no truth value: ask for `is_empty`, or for `unapproved`."""

    changes: tuple[Change, ...]
    groups: tuple[Group, ...]
    """The same, for people."""

    def __bool__(self) -> bool:
        raise TypeError("a difference has no truth value: ask whether it is_empty, or for what is unapproved")

    @property
    def is_empty(self) -> bool:
        """Whether both decide alike on every cell."""
        return not self.changes

    def of(self, *directions: Direction) -> tuple[Change, ...]:
        """The changes of some kinds."""
        return tuple(change for change in self.changes if change.direction in directions)

    @property
    def loosened(self) -> tuple[Change, ...]:
        """The cells that are milder than before."""
        return self.of(Direction.LOOSENED)

    @property
    def unapproved(self) -> tuple[Change, ...]:
        """The cells that are milder, or may be, without an approval that is new in the new configuration."""
        return tuple(change for change in self.changes if change.may_loosen and change.approval is None)

    def __str__(self) -> str:
        return "\n".join(map(str, self.groups)) or "no difference"

    def markdown(self) -> str:
        """For a pull request: a line a group, the loosened first."""
        if self.is_empty:
            return "The policy decides every cell as before.\n"
        refused = len(self.unapproved)
        head = f"**{refused:,} cell(s) are milder, or may be, without an approval.**\n\n" if refused else ""
        heading = ["change", "before", "after", "actions", "where", "depends on", "cells"]
        rows = [
            [
                each.direction.value + (" (approved)" if each.is_approved else ""),
                _effect(each.before),
                _effect(each.after),
                ", ".join(each.actions),
                ", ".join(each.places),
                ", ".join(each.depends_on),
                f"{each.cells:,}",
            ]
            for each in self.groups
        ]
        return head + markdown_table(heading, rows)


def _effect(effect: Effect | None) -> str:
    return "" if effect is None else effect.value


def diff(old: OrgConfig[Any], new: OrgConfig[Any]) -> Difference:
    """
    Compare what two configurations of an organisation decide, cell by cell; both may have enums of their own, known by value.

    Two conditions, or two policies of the host's own, under one name are the same if they are the same callable, or if one
    of the configurations was read from JSON without its code.

    Args:
        old: What is live.
        new: What is to be. Its loosenings count, but for those that the old configuration has already.
    """
    loosenings = _new_approvals(old, new)
    before = {_key(cell): (cell, verdict) for cell, verdict in old.policy.every_cell()}
    after = {_key(cell): (cell, verdict) for cell, verdict in new.policy.every_cell()}
    own = own_differing(old.policy, new.policy)
    changes = []
    for key in dict.fromkeys([*after, *before]):
        (cell, _), was, now = after.get(key) or before[key], before.get(key), after.get(key)
        change = _change(cell, was and was[1], now and now[1], own, new.policy)
        if change is not None:
            covering = (each for each in loosenings if each.covers(cell))
            changes.append(change._replace(approval=next(covering, None) if change.may_loosen else None))
    order = list(Direction)
    changes.sort(key=lambda change: order.index(change.direction))
    return Difference(tuple(changes), tuple(_groups(changes, old, new)))


def _key(cell: Cell) -> tuple[str | None, ...]:
    label = None if cell.label is None else cell.label.text
    party = None if cell.party is None else cell.party.value
    return cell.lifecycle, cell.status.value, label, cell.action.value, party


def _new_approvals(old: OrgConfig[Any], new: OrgConfig[Any]) -> list[Loosening]:
    """One that stood in the old configuration has been used: it approves nothing further."""
    used = {json.dumps(each, sort_keys=True) for each in document_of(old)["loosenings"]}
    documents = document_of(new)["loosenings"]
    return [
        approval
        for approval, document in zip(new.loosenings, documents, strict=True)
        if json.dumps(document, sort_keys=True) not in used
    ]


def own_differing(old: CompiledPolicy, new: CompiledPolicy) -> dict[str, bool]:
    """The host's own policies that are not the same in both, and whether that may loosen: one that comes only adds."""
    names = dict.fromkeys([*old.own, *new.own])
    return {name: name in old.own for name in names if not _same_callable(old.own.get(name), new.own.get(name))}


def _same_callable(one: object, other: object) -> bool:
    return one == other or isinstance(one, Absent) or isinstance(other, Absent)


def _same_condition(one: Condition[Any], other: Condition[Any]) -> bool:
    return one.name == other.name and (one == other or _same_callable(one.holds, other.holds))


def _change(
    cell: Cell, before: Verdict | None, after: Verdict | None, own: Mapping[str, bool], policy: CompiledPolicy
) -> Change | None:
    """How one cell has changed; None where it is decided as before."""
    if before is None:
        return Change(cell, Direction.ADDED, None, after)
    if after is None:
        # A lifecycle that is off restricts nobody any more; a label or an action that is gone is an error when it is met.
        off = before.effect is not Effect.ALLOW and cell.lifecycle not in (each.name for each in policy.lifecycles)
        names = tuple(condition.name for condition in before.conditions) if off else ()
        direction = Direction.UNKNOWN if names else Direction.LOOSENED if off else Direction.REMOVED
        return Change(cell, direction, before, None, names, off)
    strict = before.floor is Effect.BLOCK and after.floor is Effect.BLOCK
    theirs = {} if strict else own
    depends = (*theirs, *differing(before, after))
    if depends:
        milder = any(theirs.values()) or _renewed(before, after) or not after.is_as_strict_as(before)
        return Change(cell, Direction.UNKNOWN, before, after, depends, milder)
    if before.effect is not after.effect:
        loosened = after.effect.strictness < before.effect.strictness
        return Change(cell, Direction.LOOSENED if loosened else Direction.TIGHTENED, before, after, (), loosened)
    same = _words(before) == _words(after) and not _renewed(before, after)
    return None if same else Change(cell, Direction.REREASONED, before, after)


def _deciding(verdict: Verdict) -> dict[str, tuple[Condition[Any], int]]:
    """The conditions that make a cell stricter than its floor, each with how strict."""
    found: dict[str, tuple[Condition[Any], int]] = {}
    for each in verdict.contributions:
        condition, strictness = each.rule.condition, each.rule.effect.strictness
        if condition is not None and strictness > verdict.floor.strictness:
            found[condition.name] = condition, max(strictness, found.get(condition.name, (condition, 0))[1])
    return found


def differing(before: Verdict, after: Verdict) -> tuple[str, ...]:
    """The conditions because of which it cannot be said what has become of a cell; empty where none decides it otherwise."""
    was, now = _deciding(before), _deciding(after)
    same = was.keys() == now.keys() and all(
        was[name][1] == now[name][1] and _same_condition(was[name][0], now[name][0]) for name in was
    )
    if same and before.floor is after.floor:
        return ()
    return tuple(dict.fromkeys([*was, *now]))


def _renewed(before: Verdict, after: Verdict) -> bool:
    """Whether a condition is another callable under the same name."""
    was = {each.rule.condition.name: each.rule.condition for each in before.contributions if each.rule.condition}
    now = {each.rule.condition.name: each.rule.condition for each in after.contributions if each.rule.condition}
    return any(not _same_condition(was[name], now[name]) for name in was.keys() & now.keys())


def _words(verdict: Verdict) -> tuple[Any, ...]:
    """What is reported of a decision, beyond its effect."""
    rules = (
        (
            each.rule.effect.value,
            each.rule.code_for(verdict.action),
            each.rule.reason,
            each.rule.customer_message or "",
            "" if each.rule.condition is None else each.rule.condition.name,
            "" if each.rule.party is None else each.rule.party.value,
        )
        for each in verdict.contributions
    )
    return verdict.code, verdict.customer_message, sorted(rules)


Place = tuple[str, str, str | None]
"""Lifecycle, status and label, by name."""

Asked = tuple[AnyAction, Party | None]


def _place(cell: Cell) -> Place:
    return cell.lifecycle, cell.status.name, None if cell.label is None else cell.label.text


def _groups(changes: Iterable[Change], old: OrgConfig[Any], new: OrgConfig[Any]) -> Iterator[Group]:
    """The changes as rectangles: every place that has the same actions changed in the same way is reported with the others."""
    kinds: dict[tuple[Any, ...], dict[Place, dict[Asked, None]]] = {}
    for each in changes:
        before = None if each.before is None else each.before.effect
        after = None if each.after is None else each.after.effect
        kind = each.direction, before, after, each.depends_on, each.approval is not None
        kinds.setdefault(kind, {}).setdefault(_place(each.cell), {})[each.cell.action, each.cell.party] = None
    cells = [cell for config in (old, new) for cell, _ in config.policy.every_cell()]
    known = {_place(cell) for cell in cells}
    asked = {cell.action.value: cell.action for cell in cells}
    sides = {(cell.action.value, cell.party) for cell in cells}
    for kind, places in kinds.items():
        alike: dict[tuple[Asked, ...], list[Place]] = {}
        for place, actions in places.items():
            alike.setdefault(tuple(actions), []).append(place)
        for several, found in alike.items():
            names = _actions(several, asked, sides)
            yield Group(*kind, names, _places(found, known), len(several) * len(found))


def _actions(
    changed: tuple[Asked, ...], known: Mapping[str, AnyAction], sides: set[tuple[str, Party | None]]
) -> tuple[str, ...]:
    """Actions by name; one that changes asked alone and on both sides is reported once, nearly all as all but a few."""
    names = [action.name for action in known.values()]

    def named(action: AnyAction) -> str:
        return action.name if names.count(action.name) == 1 else f"{type(action).__name__}.{action.name}"

    there = {(action.value, party) for action, party in changed}
    whole = {value for value in known if {side for side in sides if side[0] == value} <= there}
    told = {
        named(action) + ("" if party is None or action.value in whole else f" as {party.value}")
        for action, party in changed
        if party is None or action.value not in whole
    }
    rest = [named(action) for value, action in known.items() if value not in whole]
    if len(told) == len(whole) and len(rest) <= _FEW < len(whole):
        return ("every action" + (f" but {' and '.join(rest)}" if rest else ""),)
    order = [named(action) for action, _ in changed]
    return tuple(sorted(told, key=lambda name: (order.index(name.split(" as ")[0]), name)))


_FEW = 2


def _places(found: list[Place], known: set[Place]) -> tuple[str, ...]:
    """Places by name: a lifecycle for all its statuses, a status for all its labels."""
    lifecycles: dict[str, set[str]] = {}
    for lifecycle, status, _ in known:
        lifecycles.setdefault(status, set()).add(lifecycle)

    def named(lifecycle: str, status: str) -> str:
        return status if len(lifecycles[status]) == 1 else f"{status} ({lifecycle})"

    left, told = set(found), []
    for name in dict.fromkeys(place[0] for place in found):
        whole = {place for place in known if place[0] == name}
        if len(whole) > 1 and whole <= left:
            told.append(f"all of {name}")
            left -= whole
    for upper in dict.fromkeys(place[:2] for place in found):
        whole = {place for place in known if place[:2] == upper}
        if whole <= left:
            told.append(named(*upper))
            left -= whole
    for lifecycle, status, label in found:
        if (lifecycle, status, label) in left:
            told.append(named(lifecycle, status) + (" without a label" if label is None else f" / {label}"))
    return tuple(told)
