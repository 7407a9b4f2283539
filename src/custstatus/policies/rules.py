"""
Restrictions: which actions are marked or blocked in which status or under which label, for which party, and why.

A policy is exactly the rules that are written, in any order: of all that apply the strictest wins. What they
compile to is in `verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

from attrs import field, frozen

from custstatus.bounds import bounded, check_id, check_text, kind_of
from custstatus.errors import InvalidInputError
from custstatus.lifecycles.lifecycle import Status
from custstatus.policies.conditions import Condition
from custstatus.records import Action, AnyAction, Effect, StatusLabel
from custstatus.values import Value

__all__ = [
    "TWO_PARTY",
    "Party",
    "Place",
    "Restriction",
    "RestrictionPolicy",
    "acts",
    "block",
    "block_everything",
    "mark",
    "places",
]

Place = Status | StatusLabel
"""Where a rule applies: a status means all its labels (D26)."""


TWO_PARTY: frozenset[AnyAction] = frozenset({Action.POINTS_TRANSFER, Action.ACCOUNT_MERGE})
"""The shipped actions between two customers."""


class Party(Enum):
    """Which side of an action between two customers is asked: of a points transfer, of a merge (D39)."""

    SOURCE = "source"
    DESTINATION = "destination"

    __hash__ = object.__hash__


def places(when: Place | Iterable[Place]) -> frozenset[Place]:
    """One place or several, as a set; InvalidInputError where it is neither."""
    if isinstance(when, (Status, StatusLabel)):
        return frozenset([when])
    if not isinstance(when, Iterable) or isinstance(when, str):
        raise InvalidInputError("when", "statuses or labels", kind_of(when))
    several = frozenset(when)
    for place in several:
        if not isinstance(place, Status | StatusLabel):
            raise InvalidInputError("when", "statuses or labels", kind_of(place))
    if not several:
        raise InvalidInputError("when", "at least one status or label", "none")
    return several


def acts(actions: Iterable[AnyAction] | None) -> frozenset[AnyAction] | None:
    """Several actions, as a set, None being all; InvalidInputError where it is something else, or none."""
    if actions is None:
        return None
    if not isinstance(actions, Iterable) or isinstance(actions, str):
        raise InvalidInputError("actions", "actions", kind_of(actions))
    several = frozenset(actions)
    for action in several:
        if not isinstance(action, AnyAction):
            raise InvalidInputError("actions", "actions", kind_of(action))
    if not several:
        raise InvalidInputError("actions", "at least one action", "none")
    return several


@frozen(repr=False)
class Restriction(Value):
    """One rule: at any of these places these actions have this effect."""

    effect: Effect
    actions: frozenset[AnyAction] | None = field(converter=acts)
    """None: every action that the configuration has."""
    when: frozenset[Place] = field(converter=places)
    reason: str = field(default="", validator=bounded(check_text))
    """For staff: why the rule exists, with its source."""
    customer_message: str | None = field(default=None, validator=bounded(check_text, optional=True))
    """Safe to show the customer; by default a neutral text that gives nothing away (D105)."""
    code: str | None = field(default=None, validator=bounded(check_id, 64, optional=True))
    """Stable, for programs; by default effect and action, such as `block.points_redemption`."""
    party: Party | None = None
    """For actions between two customers: the side that it concerns; None: both."""
    condition: Condition[Any] | None = None
    """What decides of each attempt whether the rule applies; None: it always does."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.effect, Effect) or self.effect is Effect.ALLOW:
            raise InvalidInputError("Restriction.effect", "Effect.MARK or Effect.BLOCK", str(self.effect))
        if self.party is not None and (not isinstance(self.party, Party) or self.actions is None):
            raise InvalidInputError("Restriction.party", "a Party, of actions that are named", kind_of(self.party))
        if self.condition is not None and not isinstance(self.condition, Condition):
            raise InvalidInputError("Restriction.condition", "a Condition", kind_of(self.condition))

    def code_for(self, action: AnyAction) -> str:
        """The stable code of this rule for one action."""
        return self.code or f"{self.effect.value}.{action.value}"


@frozen(init=False, repr=False)
class RestrictionPolicy(Value):
    """
    The restrictions of an organisation.

    Nothing is restricted that no rule names, and nothing by an unset standing (D37).
    """

    rules: tuple[Restriction, ...]

    def __init__(self, *rules: Restriction) -> None:
        for rule in rules:
            if not isinstance(rule, Restriction):
                raise InvalidInputError("RestrictionPolicy.rules", "restrictions", kind_of(rule))
        self.__attrs_init__(tuple(rules))

    def __iter__(self) -> Iterator[Restriction]:
        return iter(self.rules)

    def __add__(self, other: RestrictionPolicy) -> RestrictionPolicy:
        """Both policies' rules; adding one never loosens anything."""
        return RestrictionPolicy(*self.rules, *other.rules)


def mark(
    *actions: AnyAction,
    when: Place | Iterable[Place],
    reason: str = "",
    customer_message: str | None = None,
    code: str | None = None,
    party: Party | None = None,
    condition: Condition[Any] | None = None,
) -> Restriction:
    """A rule that lets the actions pass but flags them as outliers (D33)."""
    return Restriction(Effect.MARK, actions, when, reason, customer_message, code, party, condition)


def block(
    *actions: AnyAction,
    when: Place | Iterable[Place],
    reason: str = "",
    customer_message: str | None = None,
    code: str | None = None,
    party: Party | None = None,
    condition: Condition[Any] | None = None,
) -> Restriction:
    """A rule that refuses the actions."""
    return Restriction(Effect.BLOCK, actions, when, reason, customer_message, code, party, condition)


def block_everything(
    *,
    when: Place | Iterable[Place],
    reason: str = "",
    customer_message: str | None = None,
    code: str | None = None,
    condition: Condition[Any] | None = None,
) -> Restriction:
    """A rule that refuses every action of the configuration (D30)."""
    return Restriction(Effect.BLOCK, None, when, reason, customer_message, code, None, condition)
