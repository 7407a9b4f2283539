"""
A configuration as a JSON document, and back: every enum member by its stored value, every transition table in full.

What a configuration means and which ones hold together is in `config`; this is its form on paper only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from custstatus.config.waivers import Waiver
from custstatus.errors import ChartError, InvalidInputError
from custstatus.lifecycles.lifecycle import Lifecycle, Requirement, Status, Transition
from custstatus.policies.idle import IdleRule
from custstatus.policies.proofs import Loosening
from custstatus.policies.rules import Party, Restriction, RestrictionPolicy
from custstatus.records import AnyAction, AnyChannel, Effect, StatusLabel

if TYPE_CHECKING:
    from custstatus.config.config import OrgConfig
    from custstatus.policies.conditions import Condition
    from custstatus.policies.policy import Policy

__all__ = ["ConfigDocument", "Known", "document_of", "read_document"]


class LabelDocument(TypedDict):
    text: str
    status: str


TransitionDocument = TypedDict(
    "TransitionDocument",
    {"from": str | None, "to": str, "event": str, "requirements": list[str], "back": bool, "why": str},
)


class LifecycleDocument(TypedDict):
    name: str
    statuses: list[str]
    transitions: list[TransitionDocument]
    aside: list[list[str]]
    closing: list[str]


class PlaceDocument(TypedDict):
    """A label by its text, or a status by its lifecycle and value."""

    label: str | None
    lifecycle: str | None
    status: str | None


class RestrictionDocument(TypedDict):
    effect: str
    actions: list[str] | None
    when: list[PlaceDocument]
    reason: str
    customer_message: str | None
    code: str | None
    party: str | None
    condition: str | None


class ApprovalDocument(TypedDict):
    actions: list[str] | None
    when: list[PlaceDocument]
    by: str
    reason: str


class IdleDocument(TypedDict):
    after_microseconds: int
    to: PlaceDocument
    of: list[PlaceDocument] | None


class ConfigDocument(TypedDict):
    """The whole configuration of one organisation."""

    org: str
    labels: list[LabelDocument]
    lifecycles: list[LifecycleDocument]
    actions: list[str]
    restrictions: list[RestrictionDocument]
    two_party: list[str]
    policies: list[str]
    loosenings: list[ApprovalDocument]
    idle: list[IdleDocument]
    counts_as_activity: list[str]
    reason_optional: list[str]
    identifiers: list[str]
    time_zone: str
    waives: list[str]


class Known(NamedTuple):
    """Where a document's names are looked for."""

    labels: type[StatusLabel]
    lifecycles: Sequence[Lifecycle[Any]]
    actions: Sequence[type[AnyAction]]
    channels: Sequence[type[AnyChannel]]
    conditions: Sequence[Condition[Any]]
    policies: Mapping[str, Policy]


class Resolved(NamedTuple):
    """What a document names, found in the code."""

    lifecycles: tuple[Lifecycle[Any], ...]
    actions: tuple[type[AnyAction], ...]
    restrictions: RestrictionPolicy
    two_party: frozenset[AnyAction]
    policies: Mapping[str, Policy]
    loosenings: tuple[Loosening, ...]
    idle: tuple[IdleRule, ...]
    counts_as_activity: frozenset[AnyAction]
    reason_optional: frozenset[AnyChannel]
    time_zone: tzinfo
    waives: frozenset[Waiver]


def document_of(config: OrgConfig[Any]) -> ConfigDocument:
    """The document of a configuration."""
    names = {lifecycle.statuses: lifecycle.name for lifecycle in config.lifecycles}

    def place(each: Status | StatusLabel) -> PlaceDocument:
        if isinstance(each, StatusLabel):
            return PlaceDocument(label=each.text, lifecycle=None, status=None)
        name = names.get(type(each), type(each).__name__)
        return PlaceDocument(label=None, lifecycle=name, status=each.value)

    def places(several: Iterable[Status | StatusLabel]) -> list[PlaceDocument]:
        return sorted(map(place, several), key=lambda p: (p["label"] or "", p["lifecycle"] or "", p["status"] or ""))

    def values(actions: Iterable[AnyAction] | None) -> list[str] | None:
        return None if actions is None else sorted(action.value for action in actions)

    return ConfigDocument(
        org=config.org,
        labels=[LabelDocument(text=label.text, status=label.status.value) for label in config.labels],
        lifecycles=[
            LifecycleDocument(
                name=lifecycle.name,
                statuses=[status.value for status in lifecycle.statuses],
                transitions=[
                    {
                        "from": None if transition.from_ is None else transition.from_.value,
                        "to": transition.to.value,
                        "event": transition.event,
                        "requirements": sorted(requirement.value for requirement in transition.requirements),
                        "back": transition.back,
                        "why": transition.why,
                    }
                    for transition in lifecycle.transitions
                ],
                aside=[sorted(status.value for status in group) for group in lifecycle.aside],
                closing=sorted(status.value for status in lifecycle.closing),
            )
            for lifecycle in config.lifecycles
        ],
        actions=[action.value for action in config.all_actions],
        restrictions=[
            RestrictionDocument(
                effect=rule.effect.value,
                actions=values(rule.actions),
                when=places(rule.when),
                reason=rule.reason,
                customer_message=rule.customer_message,
                code=rule.code,
                party=None if rule.party is None else rule.party.value,
                condition=None if rule.condition is None else rule.condition.name,
            )
            for rule in config.restrictions
        ],
        two_party=sorted(action.value for action in config.policy.two_party),
        policies=sorted(config.policies),
        loosenings=[
            ApprovalDocument(actions=values(each.actions), when=places(each.when), by=each.by, reason=each.reason)
            for each in config.loosenings
        ],
        idle=[
            IdleDocument(
                after_microseconds=rule.after // timedelta(microseconds=1),
                to=place(rule.to),
                of=None if rule.of is None else places(rule.of),
            )
            for rule in config.idle
        ],
        counts_as_activity=sorted(action.value for action in config.counts_as_activity),
        reason_optional=sorted(channel.value for channel in config.reason_optional),
        identifiers=list(config.identifiers),
        time_zone=getattr(config.time_zone, "key", "UTC"),
        waives=sorted(waiver.value for waiver in config.waives),
    )


def read_document(document: ConfigDocument, known: Known) -> Resolved:
    """
    Find in the code what a document names.

    Raises:
        InvalidInputError: It names something that the code lacks, or the labels are not those of the document.
    """
    try:
        return _read(document, known)
    except ChartError as error:
        raise InvalidInputError(
            "configuration.lifecycles", "transition tables that are consistent", str(error)
        ) from error
    except OverflowError as error:
        raise InvalidInputError("configuration.idle", "periods within the calendar", "one beyond it") from error


def _read(document: ConfigDocument, known: Known) -> Resolved:
    labels = known.labels
    if [(label["text"], label["status"]) for label in document["labels"]] != [
        (lab.text, lab.status.value) for lab in labels
    ]:
        raise InvalidInputError("configuration.labels", f"the labels of {labels.__name__}, in their order", "others")
    shipped = {lifecycle.name: lifecycle for lifecycle in known.lifecycles}
    shipped |= {lifecycle.statuses.__name__: lifecycle for lifecycle in known.lifecycles}
    known_actions = {action.value: action for kind in known.actions for action in kind}
    known_conditions = {condition.name: condition for condition in known.conditions}
    if len(known_conditions) < len(known.conditions):
        raise InvalidInputError("conditions", "conditions of different names", "two of one name")
    known_labels = {label.text: label for label in labels}

    def status(lifecycle: str, value: str) -> Status:
        found: Status = _named(_named(shipped, lifecycle, "lifecycle").statuses, value, "status")
        return found

    def place(each: PlaceDocument) -> Any:
        if each["label"] is not None:
            return _named(known_labels, each["label"], "label")
        return status(each["lifecycle"] or "", each["status"] or "")

    def lifecycle(each: LifecycleDocument) -> Lifecycle[Any]:
        transitions = (
            Transition(
                None if transition["from"] is None else status(each["name"], transition["from"]),
                status(each["name"], transition["to"]),
                transition["event"],
                frozenset(
                    _named(Requirement, requirement, "requirement") for requirement in transition["requirements"]
                ),
                transition["back"],
                transition["why"],
            )
            for transition in each["transitions"]
        )
        statuses = _named(shipped, each["name"], "lifecycle").statuses
        if [member.value for member in statuses] != each["statuses"]:
            expected = f"the statuses of {statuses.__name__}, in their order"
            raise InvalidInputError(f"configuration.{each['name']}", expected, "others")
        return Lifecycle(
            each["name"],
            statuses,
            tuple(transitions),
            tuple(frozenset(status(each["name"], value) for value in group) for group in each["aside"]),
            frozenset(status(each["name"], value) for value in each["closing"]),
        )

    def action(value: str) -> AnyAction:
        found: AnyAction = _named(known_actions, value, "action")
        return found

    kinds = dict.fromkeys(type(action(value)) for value in document["actions"])
    if [each.value for kind in kinds for each in kind] != document["actions"]:
        raise InvalidInputError("configuration.actions", "every action of its enums, in their order", "others")
    known_channels = {channel.value: channel for kind in known.channels for channel in kind}
    try:
        time_zone = _time_zone(document["time_zone"])
    except Exception as error:  # ZoneInfo raises KeyError, ValueError or OSError, by what is wrong with the key
        raise InvalidInputError("configuration.time_zone", "a key of the time zone database", "another") from error
    return Resolved(
        lifecycles=tuple(map(lifecycle, document["lifecycles"])),
        actions=tuple(kinds),
        restrictions=RestrictionPolicy(
            *(
                Restriction(
                    _named(Effect, rule["effect"], "effect"),
                    None if rule["actions"] is None else frozenset(map(action, rule["actions"])),
                    frozenset(map(place, rule["when"])),
                    rule["reason"],
                    rule["customer_message"],
                    rule["code"],
                    None if rule["party"] is None else _named(Party, rule["party"], "party"),
                    None if rule["condition"] is None else _named(known_conditions, rule["condition"], "condition"),
                )
                for rule in document["restrictions"]
            )
        ),
        two_party=frozenset(map(action, document["two_party"])),
        policies={name: _named(known.policies, name, "policy") for name in document["policies"]},
        loosenings=tuple(
            Loosening(
                None if each["actions"] is None else frozenset(map(action, each["actions"])),
                frozenset(map(place, each["when"])),
                each["by"],
                each["reason"],
            )
            for each in document["loosenings"]
        ),
        idle=tuple(
            IdleRule(
                timedelta(microseconds=rule["after_microseconds"]),
                place(rule["to"]),
                None if rule["of"] is None else map(place, rule["of"]),
            )
            for rule in document["idle"]
        ),
        counts_as_activity=frozenset(map(action, document["counts_as_activity"])),
        reason_optional=frozenset(_named(known_channels, value, "channel") for value in document["reason_optional"]),
        time_zone=time_zone,
        waives=frozenset(_named(Waiver, value, "waiver") for value in document["waives"]),
    )


def _time_zone(key: str) -> tzinfo:
    # Looked up only where an organisation has one: not every system has the time zone database.
    from zoneinfo import ZoneInfo

    return UTC if key == "UTC" else ZoneInfo(key)


def _named(known: Any, name: str, what: str) -> Any:
    """A member of an enum by its value, or an item of a mapping by its key; InvalidInputError where there is none."""
    try:
        return known[name] if isinstance(known, Mapping) else known(name)
    except (KeyError, ValueError) as error:
        raise InvalidInputError(f"configuration.{what}", f"a {what} that the code has", repr(name)[:80]) from error
