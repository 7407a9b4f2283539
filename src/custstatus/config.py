"""
An organisation's configuration: labels, lifecycles, actions, restrictions, idle rules; checked whole, hashed.

Written in code, by the organisation's team. Building one checks everything and reports all faults at once. Its hash
names the resolved configuration, tables of moves included; every entry and decision carries it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import cached_property
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from attrs import field, frozen

from custstatus import bounds
from custstatus.bounds import check_id
from custstatus.changes import Step
from custstatus.codec import canonical_json, from_json
from custstatus.documents import ConfigDocument, document_of, read_document
from custstatus.errors import ConfigurationError, InvalidInputError, UnknownLabelError
from custstatus.lifecycle import Lifecycle, Status
from custstatus.policies.idle import IdleRule
from custstatus.policies.presets import CAPILLARY
from custstatus.policies.rules import RestrictionPolicy
from custstatus.policies.verdicts import CompiledPolicy
from custstatus.records import Action, AnyAction, AnyChannel, Channel, Effect, StatusLabel
from custstatus.states import CUSTOMER_STATUS, SHIPPED, CustomerStatus

__all__ = ["OrgConfig", "Waiver"]

L = TypeVar("L", bound=StatusLabel)


class Waiver(Enum):
    """A rule about configurations that an organisation says it knows and does without."""

    ACTIVE_MAY_BE_RESTRICTED = "active_may_be_restricted"
    """D27: ACTIVE and its labels carry no restriction."""
    ANY_STATUS_MAY_BLOCK_EVERYTHING = "any_status_may_block_everything"
    """D30: only DELETED and its labels block everything (closing statuses of other lifecycles do as well)."""
    CLOSING_MAY_BE_UNBLOCKED = "closing_may_be_unblocked"
    """A status that closes the account blocks every action."""

    __hash__ = object.__hash__


def _lifecycles(values: Iterable[Lifecycle[Any]]) -> tuple[Lifecycle[Any], ...]:
    return tuple(values)


def _enums(values: Iterable[type[AnyAction]]) -> tuple[type[AnyAction], ...]:
    return tuple(values)


def _rules(values: Iterable[IdleRule]) -> tuple[IdleRule, ...]:
    return tuple(values)


def _actions(values: Iterable[AnyAction]) -> frozenset[AnyAction]:
    return frozenset(values)


def _channels(values: Iterable[AnyChannel]) -> frozenset[AnyChannel]:
    return frozenset(values)


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _waivers(values: Iterable[Waiver]) -> frozenset[Waiver]:
    return frozenset(values)


@frozen
class OrgConfig(Generic[L]):
    """
    The configuration of one organisation.

    >>> class Label(StatusLabel):
    ...     REGULAR = "Regular", CustomerStatus.ACTIVE
    ...     CLOSED = "Closed", CustomerStatus.DELETED
    >>> OrgConfig("acme", Label).default_label(CustomerStatus.ACTIVE)
    <Label.REGULAR: ('Regular', <CustomerStatus.ACTIVE: 'active'>)>

    Raises:
        ConfigurationError: Something does not hold together; every fault is listed.
    """

    org: str
    """1 to 128 characters: part of every key."""
    labels: type[L]
    """`NoLabels` for an organisation that has none."""
    lifecycles: tuple[Lifecycle[Any], ...] = field(default=(CUSTOMER_STATUS,), converter=_lifecycles)
    """Those that are on (D16)."""
    actions: tuple[type[AnyAction], ...] = field(default=(Action,), converter=_enums)
    """The enums whose members are all the actions there are."""
    restrictions: RestrictionPolicy = CAPILLARY
    idle: tuple[IdleRule, ...] = field(default=(), converter=_rules)
    counts_as_activity: frozenset[AnyAction] = field(default=frozenset({Action.TRANSACTION}), converter=_actions)
    """The kinds of activity that keep a customer active (D60)."""
    reason_optional: frozenset[AnyChannel] = field(
        default=frozenset({Channel.IMPORT, Channel.CONNECT_PLUS}), converter=_channels
    )
    """The channels on which a move that asks for no reason itself needs none (D54)."""
    identifiers: tuple[str, ...] = field(default=("mobile", "email", "external_id"), converter=_names)
    """The types of identifier that are supported, the primary one first (D108)."""
    time_zone: ZoneInfo = field(factory=lambda: ZoneInfo("UTC"))
    """For what falls on days."""
    waives: frozenset[Waiver] = field(default=frozenset(), converter=_waivers)
    policy: CompiledPolicy = field(init=False, repr=False, eq=False)
    """The restrictions, compiled."""
    hash: str = field(init=False, eq=False)
    """32 hexadecimal digits that name the resolved configuration."""
    steps: dict[object, Step] = field(factory=dict, init=False, repr=False, eq=False)
    """What guarding has compiled of this configuration so far, for its own use."""
    _json: str = field(init=False, repr=False, eq=False)
    _by_text: dict[str, L] = field(init=False, repr=False, eq=False)
    _by_statuses: dict[type[Status], Lifecycle[Any]] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        faults = list(_shape_faults(self)) or list(_faults(self))
        if faults:
            raise ConfigurationError(f"organisation {self.org!r}", faults)

        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("_by_text", {label.text: label for label in self.labels})
        put("_by_statuses", {lifecycle.statuses: lifecycle for lifecycle in self.lifecycles})
        put("policy", CompiledPolicy.build(self.org, self.restrictions, self.lifecycles, self.labels, self.all_actions))
        put("_json", canonical_json(document_of(self)))
        put("hash", hashlib.sha256(self._json.encode()).hexdigest()[:32])

    @property
    def all_actions(self) -> tuple[AnyAction, ...]:
        """Every configured action, in the order of its enum."""
        return tuple(action for kind in self.actions for action in kind)

    @property
    def has_labels(self) -> bool:
        """Whether customers stand under labels."""
        return len(self.labels) > 0

    def label(self, text: str) -> L:
        """
        The label of a given text.

        Raises:
            UnknownLabelError: There is none (D21).
        """
        try:
            return self._by_text[text]
        except (KeyError, TypeError):
            raise UnknownLabelError(self.org, check_id("label", text, bounds.LABEL), self._by_text) from None

    def default_label(self, status: CustomerStatus) -> L | None:
        """The first label of a status (D20); None where it has none."""
        return next(iter(self.labels_of(status)), None)

    def labels_of(self, status: CustomerStatus) -> tuple[L, ...]:
        """The labels of a status, the default first."""
        return tuple(label for label in self.labels if label.status is status)

    def action(self, value: str) -> AnyAction | None:
        """The action of a stored value; None where the configuration has none."""
        return next((action for action in self.all_actions if action.value == value), None)

    def lifecycle_of(self, target: Status | StatusLabel) -> Lifecycle[Any] | None:
        """The lifecycle that a target is on, as this organisation has edited it; None if it is off."""
        return self._by_statuses.get(type(target) if isinstance(target, Status) else CustomerStatus)

    def lifecycle(self, name: str) -> Lifecycle[Any] | None:
        """The lifecycle of a name, if it is on."""
        return next((lifecycle for lifecycle in self.lifecycles if lifecycle.name == name), None)

    @cached_property
    def idle_labels(self) -> frozenset[str]:
        """The texts of the labels of ACTIVE where idle rules put customers: they set an account aside."""
        targets = (rule.to for rule in self.idle)
        return frozenset(
            to.text for to in targets if isinstance(to, StatusLabel) and to.status is CustomerStatus.ACTIVE
        )

    def idle_from(self, rule: IdleRule) -> frozenset[CustomerStatus | StatusLabel]:
        """The places that an idle rule touches."""
        if rule.of is not None:
            return rule.of
        longer = {other.to for other in self.idle if other.after >= rule.after}
        labels = frozenset(
            label for label in self.labels if label.status is CustomerStatus.ACTIVE and label not in longer
        )
        return labels if self.has_labels else frozenset([CustomerStatus.ACTIVE])

    def to_json(self) -> str:
        """The resolved configuration as canonical JSON; `hash` is its digest."""
        return self._json

    @classmethod
    def from_json(
        cls,
        text: str,
        labels: type[L],
        *,
        lifecycles: Iterable[Lifecycle[Any]] = SHIPPED,
        actions: Iterable[type[AnyAction]] = (Action,),
        channels: Iterable[type[AnyChannel]] = (Channel,),
    ) -> OrgConfig[L]:
        """
        The configuration that `to_json` wrote, over the enums in code.

        Args:
            text: What `to_json` gave.
            labels: The organisation's labels.
            lifecycles: Where the enums of the statuses are found; the tables of moves are those of the text.
            actions: The enums where the actions are found.
            channels: The enums where the channels are found.

        Raises:
            InvalidInputError: The text is not such a configuration, or names what the enums lack.
            ConfigurationError: It is one, but does not hold together.
        """
        document = from_json(ConfigDocument, text, "configuration")
        found = read_document(document, labels, tuple(lifecycles), tuple(actions), tuple(channels))
        return cls(
            document["org"],
            labels,
            lifecycles=found.lifecycles,
            actions=found.actions,
            restrictions=found.restrictions,
            idle=found.idle,
            counts_as_activity=found.counts_as_activity,
            reason_optional=found.reason_optional,
            identifiers=tuple(document["identifiers"]),
            time_zone=found.time_zone,
            waives=frozenset(Waiver(value) for value in document["waives"] if value in {w.value for w in Waiver}),
        )


def _shape_faults(config: OrgConfig[Any]) -> Iterator[str]:
    """Fields that hold things of the wrong kind: without them nothing further can be checked."""
    try:
        check_id("org", config.org)
    except InvalidInputError as error:
        yield str(error)
    if not (isinstance(config.labels, type) and issubclass(config.labels, StatusLabel)):
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
        ("time_zone", [config.time_zone], ZoneInfo),
    ]
    for name, values, kind in kinds:
        for value in values:
            if not isinstance(value, kind):
                yield f"{name}: expected {kind.__name__}, got {type(value).__name__}"
    for actions in config.actions:
        if not (isinstance(actions, type) and issubclass(actions, AnyAction) and len(actions)):
            yield "actions: expected enums of actions"


def _faults(config: OrgConfig[Any]) -> Iterator[str]:
    yield from _label_faults(config)
    yield from _lifecycle_faults(config)
    yield from _action_faults(config)
    yield from _restriction_faults(config)
    yield from _idle_faults(config)
    for name in config.identifiers:
        if not name or len(name) > bounds.LABEL or not name.isprintable():
            yield f"identifiers: {name!r} is no type of 1 to {bounds.LABEL} printable characters"
    yield from _repeats("identifiers", config.identifiers)
    if config.time_zone.key is None:
        yield "time_zone: expected one with a key of the time zone database"


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
            if isinstance(place, StatusLabel) and not isinstance(place, config.labels):
                yield f"{what}: label {place.text!r} is not one of {config.labels.__name__}"
            if status is CustomerStatus.ACTIVE and Waiver.ACTIVE_MAY_BE_RESTRICTED not in config.waives:
                yield f"{what}: ACTIVE carries no restriction (D27), unless waived"
            if rule.actions is None or (rule.actions >= actions and rule.effect is Effect.BLOCK):
                blocked.add(place)
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


def _idle_faults(config: OrgConfig[Any]) -> Iterator[str]:
    customer_status = config.lifecycle(CUSTOMER_STATUS.name)
    if config.idle and customer_status is None:
        yield "idle: customer status is off"
    for number, rule in enumerate(config.idle, 1):
        what = f"idle rule {number}"
        for place in [rule.to, *(rule.of or ())]:
            if isinstance(place, StatusLabel) and not isinstance(place, config.labels):
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
        relabel = customer_status.move(CustomerStatus.ACTIVE, CustomerStatus.ACTIVE)
        if relabel is None or relabel.needs:
            yield "idle: the table of moves has no free relabelling of ACTIVE for the sweep to use"
