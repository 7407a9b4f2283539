"""Everything that can be wrong with an organisation's configuration, and what an organisation may waive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from custstatus import bounds
from custstatus.bounds import check_id, kind_of
from custstatus.config.waivers import Waiver
from custstatus.errors import InvalidInputError
from custstatus.lifecycles.lifecycle import Lifecycle
from custstatus.policies.idle import IdleRule
from custstatus.policies.proofs import Invariant, Loosening, ProofResult
from custstatus.policies.rules import TWO_PARTY, RestrictionPolicy
from custstatus.records import AnyAction, AnyChannel, Effect, StatusLabel
from custstatus.states import CUSTOMER_STATUS, SHIPPED, CustomerStatus

if TYPE_CHECKING:
    from custstatus.config.config import OrgConfig
    from custstatus.policies.compiled import CompiledPolicy
    from custstatus.policies.conditions import Condition

__all__ = ["faults", "invariant_faults", "shape_faults"]


def shape_faults(config: OrgConfig[Any]) -> Iterator[str]:
    """Fields that hold things of the wrong kind: without them nothing further can be checked."""
    try:
        check_id("org", config.org)
    except InvalidInputError as error:
        yield str(error)
    if not (isinstance(config.labels, type) and issubclass(config.labels, StatusLabel)) or config.labels is StatusLabel:
        yield "labels: expected a subclass of StatusLabel (NoLabels for none)"
    else:
        for name, label in config.labels.__members__.items():
            if not isinstance(getattr(label, "status", None), CustomerStatus) or not isinstance(label.text, str):
                yield f"label {name}: expected a text and a CustomerStatus"
    kinds: list[tuple[str, Sequence[object] | frozenset[object], Any]] = [
        ("lifecycles", config.lifecycles, Lifecycle),
        ("idle", config.idle, IdleRule),
        ("counts_as_activity", config.counts_as_activity, AnyAction),
        ("reason_optional", config.reason_optional, AnyChannel),
        ("identifiers", config.identifiers, str),
        ("waives", config.waives, Waiver),
        ("restrictions", [config.restrictions], RestrictionPolicy),
        ("two_party", config.two_party, AnyAction),
        ("invariants", config.invariants, Invariant),
        ("loosenings", config.loosenings, Loosening),
    ]
    for name, values, kind in kinds:
        if not isinstance(values, (tuple, frozenset, list)):
            yield f"{name}: expected several, got one {type(values).__name__}"
            continue
        for value in values:
            if not isinstance(value, kind):
                yield f"{name}: expected {kind.__name__}, got {type(value).__name__}"
    if not isinstance(config.policies, Mapping):
        yield f"policies: expected a mapping of names to policies, got {kind_of(config.policies)}"
    for actions in config.actions if isinstance(config.actions, tuple) else [config.actions]:
        if not (isinstance(actions, type) and issubclass(actions, AnyAction) and len(actions)):
            yield "actions: expected enums of actions"


def faults(config: OrgConfig[Any]) -> Iterator[str]:
    yield from _label_faults(config)
    yield from _lifecycle_faults(config)
    yield from _action_faults(config)
    yield from _restriction_faults(config)
    yield from _policy_faults(config)
    yield from _idle_faults(config)
    for name in config.identifiers:
        if not name or len(name) > bounds.LABEL or not name.isprintable():
            yield f"identifiers: {name!r} is no type of 1 to {bounds.LABEL} printable characters"
    yield from _repeats("identifiers", config.identifiers)
    if config.time_zone is not UTC and not isinstance(getattr(config.time_zone, "key", None), str):
        yield "time_zone: expected datetime.UTC, or a zoneinfo.ZoneInfo with a key of the time zone database"


def _repeats(what: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"{what}: {name!r} appears more than once"
        seen.add(name)


def _label_faults(config: OrgConfig[Any]) -> Iterator[str]:
    members = config.labels.__members__
    yield from _repeats("labels", (label.text for label in members.values()))
    statuses = {status.value: status for status in CustomerStatus}
    for name, label in members.items():
        try:
            check_id(f"label {name}", label.text, bounds.LABEL)
        except InvalidInputError as error:
            yield str(error)
        if statuses.get(label.text, label.status) is not label.status:
            yield f"label {name}: its text is the stored name of another status, {label.text!r}"
    if members and not any(lifecycle.name == CUSTOMER_STATUS.name for lifecycle in config.lifecycles):
        yield "labels belong to customer status, which is off: switch it on, or use NoLabels"


def _lifecycle_faults(config: OrgConfig[Any]) -> Iterator[str]:
    yield from _repeats("lifecycles", (lifecycle.name for lifecycle in config.lifecycles))
    yield from _repeats("lifecycles' enums", (lifecycle.statuses.__name__ for lifecycle in config.lifecycles))
    for lifecycle in config.lifecycles:
        if (lifecycle.name == CUSTOMER_STATUS.name) is not (lifecycle.statuses is CustomerStatus):
            yield f"lifecycle {lifecycle.name!r}: only customer status has that name and that enum"
        try:
            check_id("lifecycle's name", lifecycle.name, bounds.LABEL)
        except InvalidInputError as error:
            yield str(error)


def _action_faults(config: OrgConfig[Any]) -> Iterator[str]:
    yield from _repeats("actions", (str(action.value) for action in config.all_actions))
    for action in config.all_actions:
        try:
            check_id(f"action {action.name}", action.value, bounds.LABEL)
        except InvalidInputError as error:
            yield str(error)
    for kind in sorted(config.counts_as_activity - frozenset(config.all_actions), key=lambda action: action.name):
        yield f"counts_as_activity: action {kind.name} is not configured"


def _restriction_faults(config: OrgConfig[Any]) -> Iterator[str]:
    actions = frozenset(config.all_actions)
    closing = {status for lifecycle in config.lifecycles for status in lifecycle.closing}
    blocked: set[object] = set()
    for number, rule in enumerate(config.restrictions, 1):
        what = f"restriction {number} ({rule.effect.name})"
        for action in sorted((rule.actions or frozenset()) - actions, key=lambda action: action.name):
            yield f"{what}: action {action.name} is not configured"
        for place in rule.when:
            status = place.status if isinstance(place, StatusLabel) else place
            if isinstance(place, StatusLabel) and type(place) is not config.labels:
                yield f"{what}: label {place.text!r} is not one of {config.labels.__name__}"
            if status is CustomerStatus.ACTIVE and Waiver.ACTIVE_MAY_BE_RESTRICTED not in config.waives:
                yield f"{what}: ACTIVE carries no restriction (D27), unless waived"
            if rule.actions is None or (rule.actions >= actions and rule.effect is Effect.BLOCK):
                blocked |= {place} if rule.condition is None and rule.party is None else set()
                closes = status in closing or any(
                    status in lifecycle.closing for lifecycle in SHIPPED if lifecycle.statuses is type(status)
                )
                if rule.actions is None and not closes and Waiver.ANY_STATUS_MAY_BLOCK_EVERYTHING not in config.waives:
                    yield f"{what}: only a closing status blocks everything (D30), not {status.name}, unless waived"
    for status in sorted(closing, key=lambda status: (type(status).__name__, status.name)):
        labels = [label for label in config.labels if label.status is status]
        if status in blocked or (labels and all(label in blocked for label in labels)):
            continue
        if Waiver.CLOSING_MAY_BE_UNBLOCKED not in config.waives:
            name = f"{type(status).__name__}.{status.name}"
            yield f"restrictions: {name} closes the account but does not block every action, unless waived"


def _policy_faults(config: OrgConfig[Any]) -> Iterator[str]:
    actions = frozenset(config.all_actions)
    two_party = config.two_party & actions
    for action in sorted(config.two_party - TWO_PARTY - actions, key=lambda action: action.name):
        yield f"two_party: action {action.name} is not configured"
    conditions: dict[str, Condition[Any]] = {}
    for number, rule in enumerate(config.restrictions, 1):
        if rule.party is not None:
            for action in sorted((rule.actions or frozenset()) - two_party, key=lambda action: action.name):
                yield f"restriction {number}: action {action.name} has no {rule.party.value}, it is not in two_party"
        condition = rule.condition
        if condition is not None and conditions.setdefault(condition.name, condition) != condition:
            yield f"restriction {number}: another condition is called {condition.name!r} already"
    for name, policy in config.policies.items():
        try:
            check_id("policies: a name", name, bounds.LABEL)
        except InvalidInputError as error:
            yield str(error)
            continue
        if "," in name or name in conditions:
            yield f"policies: {name!r} holds a comma, which parts names, or is the name of a condition"
        if not callable(policy):
            yield f"policies: expected a callable over a Question, got {kind_of(policy)}"
    for number, loosening in enumerate(config.loosenings, 1):
        for action in sorted((loosening.actions or frozenset()) - actions, key=lambda action: action.name):
            yield f"loosening {number}: action {action.name} is not configured"
        for place in loosening.when:
            if isinstance(place, StatusLabel) and type(place) is not config.labels:
                yield f"loosening {number}: label {place.text!r} is not one of {config.labels.__name__}"


def invariant_faults(
    invariants: Iterable[Invariant], policy: CompiledPolicy, loosenings: Sequence[Loosening]
) -> Iterator[str]:
    """The invariants that a compiled policy breaks: the guarded ones only without an approval."""
    for invariant in invariants:
        try:
            proof = invariant.proof(policy)
        except Exception as error:  # an invariant of the host's own
            yield f"invariant {type(invariant).__name__} could not be proved: it raised {type(error).__name__}"
            continue
        against = proof.unapproved(loosenings)
        if proof.outcome is ProofResult.REFUTED and (against or not proof.counterexamples):
            more = f"; and {len(against) - 1} more" if len(against) > 1 else ""
            shown = f": {against[0]}{more}" if against else ""
            yield f"restrictions: not so that {invariant}{shown}"


def _idle_faults(config: OrgConfig[Any]) -> Iterator[str]:
    customer_status = config.lifecycle(CUSTOMER_STATUS.name)
    if config.idle and customer_status is None:
        yield "idle: customer status is off"
    for number, rule in enumerate(config.idle, 1):
        what = f"idle rule {number}"
        for place in [rule.to, *(rule.of or ())]:
            if isinstance(place, StatusLabel) and type(place) is not config.labels:
                yield f"{what}: label {place.text!r} is not one of {config.labels.__name__}"
        status = rule.to.status if isinstance(rule.to, StatusLabel) else rule.to
        if status not in (CustomerStatus.ACTIVE, CustomerStatus.DELETED):
            yield f"{what}: leads to {status.name}; expected a label of ACTIVE, or DELETED (D63, D64)"
        elif rule.to is CustomerStatus.ACTIVE:
            yield f"{what}: expected a label of ACTIVE, as ACTIVE itself is where an active customer is"
        elif config.has_labels and config.default_label(status) is None:
            yield f"{what}: {status.name} has no label, so it cannot be reached"
        elif status is CustomerStatus.ACTIVE and rule.to is config.default_label(status):
            yield f"{what}: leads to the default label of ACTIVE, where every new customer is"
        if rule.of is not None and not rule.of:
            yield f"{what}: touches no label"
        for place in rule.of or ():
            if (place.status if isinstance(place, StatusLabel) else place) is not CustomerStatus.ACTIVE:
                yield f"{what}: touches labels of ACTIVE only (D63)"
            elif config.has_labels and not isinstance(place, StatusLabel):
                yield f"{what}: name labels of ACTIVE, not the status, where labels are configured"
        if rule.of is not None and rule.to in rule.of:
            yield f"{what}: leads from {getattr(rule.to, 'text', rule.to.name)!r} to itself"
    periods = [rule.after for rule in config.idle]
    if len(set(periods)) != len(periods):
        yield "idle: two rules with the same period"
    if customer_status is not None and any(
        isinstance(rule.to, StatusLabel) and rule.to.status is CustomerStatus.ACTIVE for rule in config.idle
    ):
        relabel = customer_status.transition(CustomerStatus.ACTIVE, CustomerStatus.ACTIVE)
        if relabel is None or relabel.requirements:
            yield "idle: the transition table has no free relabelling of ACTIVE for the sweep to use"
