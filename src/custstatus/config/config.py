"""
An organisation's configuration: labels, lifecycles, actions, restrictions, idle rules; checked whole, hashed.

Written in code, by the organisation's team. Building one checks everything and reports all faults at once. Its hash
names the resolved configuration, transition tables included; every entry and decision carries it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from attrs import evolve, field, frozen

from custstatus import bounds
from custstatus.bounds import check_id
from custstatus.config.codec import canonical_json, from_json
from custstatus.config.document import ConfigDocument, Known, document_of, read_document
from custstatus.config.faults import faults, invariant_faults, shape_faults
from custstatus.config.waivers import Waiver
from custstatus.errors import ConfigurationError, UnknownLabelError
from custstatus.lifecycles.lifecycle import Lifecycle, Status
from custstatus.policies.capillary import CAPILLARY_POLICY
from custstatus.policies.compiled import CompiledPolicy
from custstatus.policies.rules import TWO_PARTY
from custstatus.records import Account, Action, AnyAction, AnyChannel, Channel, Standing, StatusLabel
from custstatus.states import CUSTOMER_STATUS, SHIPPED, CustomerStatus
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.gate.prepared import Step
    from custstatus.policies.conditions import Condition
    from custstatus.policies.idle import IdleRule
    from custstatus.policies.policy import Policy
    from custstatus.policies.proofs import Invariant, Loosening
    from custstatus.policies.rules import RestrictionPolicy

__all__ = ["OrgConfig"]

L = TypeVar("L", bound=StatusLabel)


def _several(values: Any, kind: Callable[[Any], Any]) -> Any:
    """The values, as a tuple or a frozenset; one where several are expected is left as it is, to be reported as a fault."""
    return kind(values) if isinstance(values, Iterable) and not isinstance(values, str) else values


def _lifecycles(values: Iterable[Lifecycle[Any]]) -> tuple[Lifecycle[Any], ...]:
    return cast("tuple[Lifecycle[Any], ...]", _several(values, tuple))


def _enums(values: Iterable[type[AnyAction]]) -> tuple[type[AnyAction], ...]:
    return cast("tuple[type[AnyAction], ...]", _several(values, tuple))


def _rules(values: Iterable[IdleRule]) -> tuple[IdleRule, ...]:
    return cast("tuple[IdleRule, ...]", _several(values, tuple))


def _actions(values: Iterable[AnyAction]) -> frozenset[AnyAction]:
    return cast("frozenset[AnyAction]", _several(values, frozenset))


def _channels(values: Iterable[AnyChannel]) -> frozenset[AnyChannel]:
    return cast("frozenset[AnyChannel]", _several(values, frozenset))


def _names(values: Iterable[str]) -> tuple[str, ...]:
    return cast("tuple[str, ...]", _several(values, tuple))


def _waivers(values: Iterable[Waiver]) -> frozenset[Waiver]:
    return cast("frozenset[Waiver]", _several(values, frozenset))


def _invariants(values: Iterable[Invariant]) -> tuple[Invariant, ...]:
    return cast("tuple[Invariant, ...]", _several(values, tuple))


def _loosenings(values: Iterable[Loosening]) -> tuple[Loosening, ...]:
    return cast("tuple[Loosening, ...]", _several(values, tuple))


def _policies(values: Mapping[str, Policy]) -> Mapping[str, Policy]:
    return dict(values) if isinstance(values, Mapping) else values


def _time_zone(value: tzinfo) -> tzinfo:
    return UTC if getattr(value, "key", None) == "UTC" else value


@frozen(repr=False)
class OrgConfig(Value, Generic[L]):
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
    restrictions: RestrictionPolicy = CAPILLARY_POLICY
    two_party: frozenset[AnyAction] = field(default=TWO_PARTY, converter=_actions)
    """The actions between two customers, of which either side can be asked (D39)."""
    policies: Mapping[str, Policy] = field(factory=dict, converter=_policies)
    """The host's own policies, by the name under which they are reported; the strictest wins, over the restrictions too."""
    invariants: tuple[Invariant, ...] = field(default=(), converter=_invariants, eq=False)
    """What must hold of the restrictions: one that is refuted when the configuration is built is a fault; no part of the hash."""
    loosenings: tuple[Loosening, ...] = field(default=(), converter=_loosenings)
    """What may be milder than a guarded invariant, or an earlier configuration, has it; and who said so."""
    idle: tuple[IdleRule, ...] = field(default=(), converter=_rules)
    counts_as_activity: frozenset[AnyAction] = field(default=frozenset({Action.TRANSACTION}), converter=_actions)
    """The kinds of activity that keep a customer active (D60)."""
    reason_optional: frozenset[AnyChannel] = field(
        default=frozenset({Channel.IMPORT, Channel.CONNECT_PLUS}), converter=_channels
    )
    """The channels on which a transition that requires no reason itself needs none (D54)."""
    identifiers: tuple[str, ...] = field(default=("mobile", "email", "external_id"), converter=_names)
    """The types of identifier that are supported, the primary one first (D108)."""
    time_zone: tzinfo = field(default=UTC, converter=_time_zone)
    """For what falls on days: `zoneinfo.ZoneInfo("Europe/Paris")`, say, or `datetime.UTC`."""
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
        wrong = list(shape_faults(self)) or list(faults(self))
        if wrong:
            raise ConfigurationError(f"organisation {self.org!r}", wrong)

        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("_by_text", {label.text: label for label in self.labels})
        put("_by_statuses", {lifecycle.statuses: lifecycle for lifecycle in self.lifecycles})
        policy = CompiledPolicy.build(
            self.org,
            self.restrictions,
            self.lifecycles,
            self.labels,
            self.all_actions,
            two_party=self.two_party,
            own=self.policies,
        )
        broken = list(invariant_faults(self.invariants, policy, self.loosenings))
        if broken:
            raise ConfigurationError(f"organisation {self.org!r}", broken)
        put("policy", policy)
        put("two_party", policy.two_party)
        put("_json", canonical_json(document_of(self)))
        put("hash", hashlib.sha256(self._json.encode()).hexdigest()[:32])

    @property
    def all_actions(self) -> tuple[AnyAction, ...]:
        """Every configured action, in the order of its enum."""
        return tuple(action for kind in self.actions for action in kind)

    @property
    def has_labels(self) -> bool:
        """Whether customers have labels."""
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

    def resolved(self, row: Standing[str, str]) -> Standing[Any, L]:
        """
        A standing with this organisation's own enum members in the place of the stored text.

        Raises:
            StoredValueError: The configuration lacks one of them.
        """
        status, label = self.policy.resolve(row.lifecycle, row.status, row.label)
        standing: Standing[Any, Any] = evolve(cast("Standing[Any, Any]", row), status=status, label=label)
        return standing

    def standings(self, account: Account) -> tuple[Standing[Status, L], ...]:
        """Every standing of an account that is not unset, on the lifecycles that are on; raises as `resolved` does."""
        on = {lifecycle.name for lifecycle in self.lifecycles}
        return tuple(self.resolved(row) for row in account.standings if row.status is not None and row.lifecycle in on)

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
        conditions: Iterable[Condition[Any]] = (),
        policies: Mapping[str, Policy] | None = None,
    ) -> OrgConfig[L]:
        """
        The configuration that `to_json` wrote, over the enums in code.

        Args:
            text: What `to_json` gave.
            labels: The organisation's labels.
            lifecycles: Where the enums of the statuses are found; the tables of moves are those of the text.
            actions: The enums where the actions are found.
            channels: The enums where the channels are found.
            conditions: The conditions of the rules that have one.
            policies: The host's own policies.

        Invariants are no part of the text: what is read is held against none.

        Raises:
            InvalidInputError: The text is not such a configuration, or names what the enums lack.
            ConfigurationError: It is one, but does not hold together.
        """
        document = from_json(ConfigDocument, text, "configuration")
        known = Known(labels, tuple(lifecycles), tuple(actions), tuple(channels), tuple(conditions), policies or {})
        found = read_document(document, known)
        return cls(
            document["org"],
            labels,
            lifecycles=found.lifecycles,
            actions=found.actions,
            restrictions=found.restrictions,
            two_party=found.two_party,
            policies=found.policies,
            loosenings=found.loosenings,
            idle=found.idle,
            counts_as_activity=found.counts_as_activity,
            reason_optional=found.reason_optional,
            identifiers=tuple(document["identifiers"]),
            time_zone=found.time_zone,
            waives=found.waives,
        )
