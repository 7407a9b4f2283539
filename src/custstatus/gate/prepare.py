"""
The first half of the gate: turns a request into data that any store can apply. Pure.

`prepare` knows the request and the configuration, but no account. Every change goes through it, then through `plan`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from datetime import datetime
from typing import Any, cast

from custstatus import bounds
from custstatus.bounds import check_id, check_moment, check_text
from custstatus.config.codec import utc_text
from custstatus.config.config import OrgConfig
from custstatus.errors import InvalidInputError
from custstatus.gate.prepared import PreparedChange, Step
from custstatus.gate.refusal import Reason, RefusalCode, Warned
from custstatus.gate.request import Operation, Request, Token
from custstatus.lifecycles.lifecycle import Requirement, Status
from custstatus.records import (
    Actor,
    ActorKind,
    AnyChannel,
    RequestedBy,
    StatusLabel,
)
from custstatus.states import CUSTOMER_STATUS, CustomerStatus

__all__ = ["prepare"]

_REQUESTED_BY = {
    ActorKind.PERSON: RequestedBy.STAFF,
    ActorKind.SYSTEM: RequestedBy.SYSTEM,
    ActorKind.CUSTOMER: RequestedBy.CUSTOMER,
}


def prepare(request: Request, config: OrgConfig[Any], now: datetime) -> PreparedChange:
    """
    A request as data that any store can apply: for every legal source what the request lacks there, and all bounds checked.

    Raises:
        InvalidInputError: A field of the request is out of bounds.
    """
    _check(request)
    at = None if request.at is None else check_moment("at", request.at)
    requested_by = request.requested_by or _REQUESTED_BY[request.actor.kind]
    met = _met(request, requested_by)
    faults: list[Reason] = []
    registers = request.operation is Operation.REGISTER
    targets, warnings = _entered(request.targets, config) if registers else (request.targets, ())
    steps: tuple[Step, ...] = ()
    for target in targets:
        step = _step(target, request, config, met, faults)
        if step is not None:
            steps += (step,)
    if at is not None and at > now:
        message = "the effective time is in the future: give one no later than now, or none"
        faults.append(Reason(RefusalCode.IN_THE_FUTURE, message))
    if registers and any(step.closes for step in steps) and (len(request.targets) > 1 or request.adds):
        expected = "a closing status on its own, without identifiers, as the account is closed at once"
        raise InvalidInputError("targets", expected, "more than that")
    if request.adds:
        faults += _unsupported(request.adds, config)
    # By position: naming 27 arguments costs more than all the rest of preparing.
    return PreparedChange(
        config.org,
        request.customer,
        steps,
        now,
        at,
        request.actor,
        requested_by,
        request.channel._value_,
        config.hash,
        request.reason,
        request.reason_code,
        request.reason_digest,
        request.key,
        None if request.key is None else _digest(request, config, at),
        request.expected,
        registers,
        tuple(lifecycle.name for lifecycle in config.lifecycles) if registers else (),
        request.adds,
        request.drops,
        request.quiet_since,
        request.run,
        request.approval,
        request.shop,
        request.grace_since,
        request.entry,
        tuple(faults),
        warnings,
    )


def _unsupported(tokens: tuple[Token, ...], config: OrgConfig[Any]) -> list[Reason]:
    """The identifiers to add whose types are not configured."""
    known = ", ".join(config.identifiers) or "none"
    return [
        Reason(
            RefusalCode.IDENTIFIER_UNSUPPORTED,
            f"identifiers of type {token.type!r} are not configured: configure the type, or use one of {known}",
        )
        for token in tokens
        if token.type not in config.identifiers
    ]


def _entered(
    targets: tuple[Status | StatusLabel, ...], config: OrgConfig[Any]
) -> tuple[tuple[Status | StatusLabel, ...], tuple[Warned, ...]]:
    """Where a new account starts: as asked, and ACTIVE by default (D1), or unset with a warning (D2)."""
    asked = any(isinstance(target, StatusLabel | CustomerStatus) or _closes(target, config) for target in targets)
    if asked or config.lifecycle(CUSTOMER_STATUS.name) is None:
        return targets, ()
    if config.has_labels and config.default_label(CustomerStatus.ACTIVE) is None:
        return targets, (Warned.NO_DEFAULT_LABEL,)
    return (CustomerStatus.ACTIVE, *targets), ()


def _closes(target: Status | StatusLabel, config: OrgConfig[Any]) -> bool:
    """Whether a target closes the account, which then gets no other status."""
    lifecycle = config.lifecycle_of(target)
    return lifecycle is not None and target in lifecycle.closing


def _check(request: Request) -> None:
    check_id("customer", request.customer)
    if not isinstance(request.actor, Actor):
        raise InvalidInputError("actor", "an Actor", bounds.kind_of(request.actor))
    if not isinstance(request.channel, AnyChannel):
        raise InvalidInputError("channel", "a channel", bounds.kind_of(request.channel))
    if request.requested_by is not None and not isinstance(request.requested_by, RequestedBy):
        raise InvalidInputError("requested_by", "a RequestedBy", bounds.kind_of(request.requested_by))
    for target in request.targets:
        if not isinstance(target, (Status, StatusLabel)):
            raise InvalidInputError("target", "a status or a label", bounds.kind_of(target))
    if len(request.targets) > 1:
        axes = {CustomerStatus if isinstance(target, StatusLabel) else type(target) for target in request.targets}
        if len(axes) < len(request.targets):
            raise InvalidInputError("targets", "at most one on each lifecycle", "several on one")
    if request.adds or request.drops:
        tokens = request.adds + request.drops
        for token in tokens:
            if tokens.count(token) > 1:
                raise InvalidInputError("identifiers", "each identifier once", f"a {token.type} more than once")
    if request.reason is not None:
        check_text("reason", request.reason)
    if request.reason_code is not None:
        check_id("reason_code", request.reason_code, bounds.LABEL)
    if request.key is not None:
        check_id("key", request.key)
    if request.run is not None:
        check_id("run", request.run)
    if request.approval is not None:
        check_id("approval", request.approval)
    if request.shop is not None:
        check_id("shop", request.shop)
    if request.expected is not None and (type(request.expected) is not int or not 1 <= request.expected < 2**63):
        raise InvalidInputError("expected", "a version of 1 or more", bounds.kind_of(request.expected))


def _met(request: Request, requested_by: RequestedBy) -> frozenset[Requirement]:
    """The requirements that a request meets."""
    reason = request.reason
    return _MET[
        request.actor.kind is ActorKind.PERSON,
        request.system_operation,
        requested_by is RequestedBy.CUSTOMER,
        request.reason_code is not None or (reason is not None and reason != "" and not reason.isspace()),
    ]


_MET = {
    met: frozenset(requirement for requirement, holds in zip(Requirement, met, strict=True) if holds)
    for met in itertools.product((False, True), repeat=len(Requirement))
}
"""Every set of requirements, by which of them are met."""


def _digest(request: Request, config: OrgConfig[Any], at: datetime | None) -> bytes:
    """What a key identifies: the request as the caller gave it, no default resolved."""
    given = [
        request.operation.value,
        request.customer,
        # Where a restored account was is found by us, not given.
        request.restores or [_stored(target, config) for target in request.targets],
        # With a key its digest, as the reason may be erased while what it can be guessed by stays.
        request.reason if request.reason_digest is None else request.reason_digest.hex(),
        request.reason_code,
        [request.actor.id, request.actor.kind.value],
        request.requested_by and request.requested_by.value,
        at and utc_text(at),
        [token.token for token in request.adds],
        [token.token for token in request.drops],
    ]
    return hashlib.sha256(json.dumps(given, separators=(",", ":")).encode()).digest()


def _stored(target: Status | StatusLabel, config: OrgConfig[Any]) -> list[str]:
    """A target by what it is stored by, which stays when a member is renamed in the code."""
    if isinstance(target, StatusLabel):
        return ["label", str(target.text)]
    lifecycle = config.lifecycle_of(target)
    return [type(target).__name__ if lifecycle is None else lifecycle.name, str(target.value)]


def _step(
    target: Status | StatusLabel,
    request: Request,
    config: OrgConfig[Any],
    met: frozenset[Requirement],
    faults: list[Reason],
) -> Step | None:
    """One target as a step; or None, with what is wrong with it for any account added to the faults."""
    asks_reason = request.channel not in config.reason_optional
    key = (target, met, asks_reason, request.only_from, request.stands_for)
    known = config.steps.get(key)
    if known is not None:
        return known
    name = type(target).__name__
    lifecycle = config.lifecycle_of(target)
    if lifecycle is None:
        message = f"{name} is not on in this organisation: add its lifecycle to the configuration first"
        faults.append(Reason(RefusalCode.LIFECYCLE_OFF, message))
        return None
    if isinstance(target, StatusLabel):
        if type(target) is not config.labels:
            message = f"{name}.{target.name} is not a label of this organisation: use one of {config.labels.__name__}"
            faults.append(Reason(RefusalCode.UNKNOWN_LABEL, message, lifecycle.name))
            return None
        status, label = cast("Status", target.status), target
    else:
        status, label = target, None
        if isinstance(target, CustomerStatus) and config.has_labels:
            label = config.default_label(target)
            if label is None:
                message = f"{target.name} has no label in this organisation, so it cannot be set: configure one"
                faults.append(Reason(RefusalCode.STATUS_WITHOUT_LABEL, message, lifecycle.name))
                return None
    transitions = lifecycle.into(status)
    by_status = not isinstance(target, StatusLabel)
    lacks = {
        (transition.from_ and transition.from_.value): (
            transition.requirements
            | ({Requirement.REASON} if asks_reason and transition.from_ is not None else frozenset())
        )
        - met
        for transition in transitions
        if not (by_status and transition.from_ is status)
    }
    back_only = frozenset(
        transition.from_.value for transition in transitions if transition.back and transition.from_ is not None
    )
    text = None if label is None else label.text
    step = Step(
        lifecycle=lifecycle.name,
        to=status.value,
        label=text,
        by_status=by_status,
        lacks=lacks,
        open=frozenset(source for source, lacking in lacks.items() if not lacking and source not in back_only),
        back=frozenset(source for source in back_only if not lacks[source]),
        back_only=back_only,
        group_statuses=frozenset(each.value for each in lifecycle.group_of(status)),
        group_labels=config.idle_labels if text in config.idle_labels else frozenset(),
        closes=status in lifecycle.closing,
        only_from=None if request.only_from is None else frozenset(_place(place) for place in request.only_from),
        stands_for=request.stands_for | {text},
    )
    config.steps[key] = step
    return step


def _place(place: Status | StatusLabel) -> str:
    return place.text if isinstance(place, StatusLabel) else str(place.value)
