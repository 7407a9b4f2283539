"""
The one gate: what a request asks for made into data (`guard`), and that data met with an account (`plan`). Pure.

Every change on every path passes both. `guard` knows the request and the configuration but no account; `plan` knows
the account but nothing beyond the guard's data, which is all that a store has too: a store that applies a guarded change by
itself does what `plan` and `commit` would have done, and `plan` is the only one to explain. `advance` is how an entry moves a
standing, in a plan as well as in `fold`, which replays a history.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import evolve

from custstatus import bounds
from custstatus.bounds import check_id, check_moment, check_text
from custstatus.changes import (
    LACKING,
    AccountPlan,
    Applied,
    Found,
    GuardedChange,
    Operation,
    Plan,
    Reason,
    Refusal,
    RefusalCode,
    Request,
    Step,
    Warned,
    Was,
)
from custstatus.codec import utc_text
from custstatus.config import OrgConfig
from custstatus.errors import InvalidInputError
from custstatus.lifecycle import Need, Status
from custstatus.records import (
    Account,
    Actor,
    ActorKind,
    AnyChannel,
    Entry,
    EntryKind,
    Standing,
    StatusLabel,
    Wish,
)
from custstatus.states import CUSTOMER_STATUS, CustomerStatus

__all__ = ["advance", "fold", "guard", "plan"]

_WISH = {ActorKind.PERSON: Wish.STAFF, ActorKind.SYSTEM: Wish.SYSTEM, ActorKind.CUSTOMER: Wish.CUSTOMER}


def guard(request: Request, config: OrgConfig[Any], now: datetime) -> GuardedChange:
    """
    A request as data that any store can apply: for every legal source what the request lacks there, and all bounds checked.

    Raises:
        InvalidInputError: A field of the request is out of bounds.
    """
    _check(request)
    at = None if request.at is None else check_moment("at", request.at)
    wish = request.wish or _WISH[request.actor.kind]
    met = _met(request, wish)
    faults: list[Reason] = []
    registers = request.operation is Operation.REGISTER
    targets, warnings = _entered(request.targets, config) if registers else (request.targets, ())
    steps = tuple([step for target in targets if (step := _step(target, request, config, met, faults)) is not None])
    if at is not None and at > now:
        faults.append(Reason(RefusalCode.IN_THE_FUTURE, "the effective time is later than now: give one that has come"))
    if request.adds:
        if registers and any(step.closes for step in steps):
            raise InvalidInputError("identifiers", "none for an account that is closed from the first", "some")
        faults += _unsupported(request.adds, config)
    # By position: naming 27 arguments costs more than all the rest of guarding.
    return GuardedChange(
        config.org,
        request.customer,
        steps,
        now,
        at,
        request.actor,
        wish,
        request.channel._value_,
        config.hash,
        request.reason,
        request.reason_code,
        request.reason_digest,
        request.key,
        None if request.key is None else _digest(request, at),
        request.expected,
        registers,
        tuple(lifecycle.name for lifecycle in config.lifecycles) if registers else (),
        request.adds,
        request.drops,
        request.quiet_since,
        request.run,
        tuple(faults),
        warnings,
    )


def _unsupported(tokens: tuple[Token, ...], config: OrgConfig[Any]) -> list[Reason]:
    """What is wrong with the types of identifiers that are to come."""
    known = ", ".join(config.identifiers) or "none"
    return [
        Reason(
            RefusalCode.IDENTIFIER_UNSUPPORTED,
            f"identifiers of type {token.type!r} are not configured: use one of {known}",
        )
        for token in tokens
        if token.type not in config.identifiers
    ]


def _entered(
    targets: tuple[Status | StatusLabel, ...], config: OrgConfig[Any]
) -> tuple[tuple[Status | StatusLabel, ...], tuple[Warned, ...]]:
    """Where a new account enters: as asked, and ACTIVE by default (D1), or unset with a warning (D2)."""
    asked = any(isinstance(target, StatusLabel | CustomerStatus) for target in targets)
    if asked or config.lifecycle(CUSTOMER_STATUS.name) is None:
        return targets, ()
    if config.has_labels and config.default_label(CustomerStatus.ACTIVE) is None:
        return targets, (Warned.NO_DEFAULT_LABEL,)
    return (CustomerStatus.ACTIVE, *targets), ()


def _check(request: Request) -> None:
    check_id("customer", request.customer)
    if not isinstance(request.actor, Actor):
        raise InvalidInputError("actor", "an Actor", bounds.kind_of(request.actor))
    if not isinstance(request.channel, AnyChannel):
        raise InvalidInputError("channel", "a channel", bounds.kind_of(request.channel))
    if request.wish is not None and not isinstance(request.wish, Wish):
        raise InvalidInputError("wish", "a Wish", bounds.kind_of(request.wish))
    for target in request.targets:
        if not isinstance(target, (Status, StatusLabel)):
            raise InvalidInputError("target", "a status or a label", bounds.kind_of(target))
    if len(request.targets) > 1:
        axes = {CustomerStatus if isinstance(target, StatusLabel) else type(target) for target in request.targets}
        if len(axes) < len(request.targets):
            raise InvalidInputError("targets", "at most one on each lifecycle", "several on one")
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
    if request.expected is not None and (type(request.expected) is not int or not 1 <= request.expected < 2**63):
        raise InvalidInputError("expected", "a version of 1 or more", bounds.kind_of(request.expected))


def _met(request: Request, wish: Wish) -> frozenset[Need]:
    """The needs that a request meets."""
    reason = request.reason
    return _MET[
        request.actor.kind is ActorKind.PERSON,
        request.system_operation,
        wish is Wish.CUSTOMER,
        request.reason_code is not None or (reason is not None and reason != "" and not reason.isspace()),
    ]


_MET = {
    met: frozenset(need for need, holds in zip(Need, met, strict=True) if holds)
    for met in itertools.product((False, True), repeat=len(Need))
}
"""Every set of needs, by which of them are met."""


def _digest(request: Request, at: datetime | None) -> bytes:
    """What a key stands for: the request as the caller gave it, no default resolved."""
    given = [
        request.operation.value,
        request.customer,
        # Where a restored account was is found by us, not given.
        request.restores or [[type(target).__name__, target.name] for target in request.targets],
        request.reason,
        request.reason_code,
        [request.actor.id, request.actor.kind.value],
        request.wish and request.wish.value,
        at and utc_text(at),
        [token.token for token in request.adds],
        [token.token for token in request.drops],
    ]
    return hashlib.sha256(json.dumps(given, separators=(",", ":")).encode()).digest()


def _step(
    target: Status | StatusLabel,
    request: Request,
    config: OrgConfig[Any],
    met: frozenset[Need],
    faults: list[Reason],
) -> Step | None:
    """One target as a step, or what is wrong with it whatever the account."""
    asks_reason = request.channel not in config.reason_optional
    key = (target, met, asks_reason, request.only_from, request.instead_of)
    known = config.steps.get(key)
    if known is not None:
        return known
    name = type(target).__name__
    lifecycle = config.lifecycle_of(target)
    if lifecycle is None:
        message = f"{name} is not switched on in this organisation: configure its lifecycle first"
        faults.append(Reason(RefusalCode.LIFECYCLE_OFF, message))
        return None
    if isinstance(target, StatusLabel):
        if not isinstance(target, config.labels):
            message = f"{name}.{target.name} is not a label of this organisation: use one of {config.labels.__name__}"
            faults.append(Reason(RefusalCode.UNKNOWN_LABEL, message, lifecycle.name))
            return None
        status, label = target.status, target
    else:
        status, label = target, None
        if isinstance(target, CustomerStatus) and config.has_labels:
            label = config.default_label(target)
            if label is None:
                message = f"{target.name} has no label in this organisation, so it cannot be reached: configure one"
                faults.append(Reason(RefusalCode.STATUS_WITHOUT_LABEL, message, lifecycle.name))
                return None
    moves = lifecycle.into(status)
    by_status = not isinstance(target, StatusLabel)
    lacks = {
        (move.source and move.source.value): (
            move.needs | ({Need.REASON} if asks_reason and move.source is not None else frozenset())
        )
        - met
        for move in moves
        if not (by_status and move.source is status)
    }
    back_only = frozenset(move.source.value for move in moves if move.back and move.source is not None)
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
        instead_of=request.instead_of or text,
    )
    config.steps[key] = step
    return step


def _place(place: Status | StatusLabel) -> str:
    return place.text if isinstance(place, StatusLabel) else str(place.value)


def plan(found: Found, guarded: GuardedChange) -> Plan | Applied | Refusal:
    """
    What a guarded change writes over what was found, or why it writes nothing; a replay is recognised before any refusal.

    The refusal has every reason that applies, those of the request first.
    """
    if found.prior:
        if all(entry.digest == guarded.digest for entry in found.prior):
            return Applied(found.prior, replayed=True)
        message = "the key stands for another request: use a new one"
        return Refusal(guarded.customer, (Reason(RefusalCode.KEY_REUSED, message),), found.account)
    account = found.account
    rows = {} if account is None else {standing.lifecycle: standing for standing in account.standings}
    reasons = list(guarded.faults)
    _account_reasons(found, guarded, reasons)
    if (account is None) is guarded.registers:
        for step in guarded.steps:
            _step_reasons(step, account, rows.get(step.lifecycle), found.behind, guarded, reasons)
    if guarded.adds or guarded.drops:
        _identifier_reasons(found, guarded, reasons)
    elif not (reasons or guarded.steps or guarded.registers):
        message = "the account is not set aside there: there is nothing to go back to"
        reasons.append(Reason(RefusalCode.NOTHING_TO_RESTORE, message))
    if reasons:
        return Refusal(guarded.customer, tuple(reasons), account)
    return Plan(guarded, (_written(account, rows, found.behind, guarded),))


def _account_reasons(found: Found, guarded: GuardedChange, reasons: list[Reason]) -> None:
    account = found.account
    if guarded.registers:
        if account is not None:
            message = "registered already: change it, or register under another customer id"
            reasons.append(Reason(RefusalCode.ALREADY_REGISTERED, message))
        return
    if account is None:
        message = "no such customer in this organisation: register it first"
        reasons.append(Reason(RefusalCode.UNKNOWN_CUSTOMER, message))
        return
    if account.closed_at is not None:
        message = f"the account was closed at {utc_text(account.closed_at)} for good: register the customer anew"
        reasons.append(Reason(RefusalCode.CLOSED, message))
    if guarded.expected is not None and account.version != guarded.expected:
        message = f"the account is at version {account.version}, not {guarded.expected}: look at it again"
        reasons.append(Reason(RefusalCode.OTHER_VERSION, message))
    if guarded.quiet_since is not None and (found.last_activity_at or account.registered_at) >= guarded.quiet_since:
        reasons.append(Reason(RefusalCode.NOT_INACTIVE, "the customer was active within the period"))


def _step_reasons(
    step: Step,
    account: Account | None,
    standing: Standing[str, str] | None,
    behind: tuple[Entry, ...],
    guarded: GuardedChange,
    reasons: list[Reason],
) -> None:
    """What stands in the way of one step where the account is: the move itself, what it needs, when it counts from."""
    status, label = (None, None) if standing is None else (standing.status, standing.label)
    if status == step.to and (step.by_status or label == step.label):
        message = f"the account stands at {label or status} already: nothing to change"
        reasons.append(Reason(RefusalCode.NO_CHANGE, message, step.lifecycle))
    elif status not in step.lacks:
        message = (
            f"{step.lifecycle} has no move from {status or 'unset'} to {step.to}: go by another status, "
            "or have the organisation's table of moves changed"
        )
        reasons.append(Reason(RefusalCode.NO_MOVE, message, step.lifecycle))
    else:
        if step.lacks[status]:
            lacking = [need for need in Need if need in step.lacks[status]]
            reasons += [Reason(LACKING[need], _NEEDED[need], step.lifecycle) for need in lacking]
        if status in step.back_only and not step.leads_to(_was(standing, behind)):
            message = f"from {status} it goes back only to where it was before: restore it instead"
            reasons.append(Reason(RefusalCode.NOT_WHERE_IT_WAS, message, step.lifecycle))
    if step.only_from is not None and (label or status) not in step.only_from:
        message = f"the change does not touch accounts at {label or status or 'unset'}"
        reasons.append(Reason(RefusalCode.NOT_FROM_HERE, message, step.lifecycle))
    floor = _floor(account, standing)
    if guarded.at is not None and floor is not None and guarded.at < floor:
        message = f"the effective time precedes the last entry's, {utc_text(floor)}: give a later one, or none"
        reasons.append(Reason(RefusalCode.BEFORE_LAST_ENTRY, message, step.lifecycle))


_NEEDED = {
    Need.PERSON: "only a member of staff makes this move: have a person make it",
    Need.SYSTEM_OPERATION: "nobody makes this move by hand: it is part of an operation of the system's own",
    Need.OWN_WISH: "only at the customer's own wish: say so where it is",
    Need.REASON: "a reason that is not blank is needed: give one",
}


def _floor(account: Account | None, standing: Standing[str, str] | None) -> datetime | None:
    """The earliest time at which a change may count: the last entry of its lifecycle, else the registration."""
    if standing is not None:
        return standing.since
    return None if account is None else account.registered_at


def _was(standing: Standing[str, str] | None, behind: tuple[Entry, ...]) -> Was | None:
    """Where the account was before it was set aside."""
    if standing is None or standing.back_to is None:
        return None
    for entry in behind:
        if entry.version == standing.back_to:
            return entry.to_status, entry.to_label, entry.back_to
    return None


def _identifier_reasons(found: Found, guarded: GuardedChange, reasons: list[Reason]) -> None:
    for token in guarded.adds:
        holder = found.holders.get(token.token)
        if holder == guarded.customer:
            reasons.append(Reason(RefusalCode.IDENTIFIER_HELD, f"the account holds this {token.type} already"))
        elif holder is not None:
            message = f"another living account holds this {token.type}: remove it there first"
            reasons.append(Reason(RefusalCode.IDENTIFIER_TAKEN, message))
    for token in guarded.drops:
        if found.holders.get(token.token) != guarded.customer:
            message = f"the account does not hold this {token.type}: look at those that it holds"
            reasons.append(Reason(RefusalCode.IDENTIFIER_NOT_HELD, message))


def _written(
    account: Account | None,
    rows: Mapping[str, Standing[str, str]],
    behind: tuple[Entry, ...],
    guarded: GuardedChange,
) -> AccountPlan:
    """The entries and rows of a change that nothing stands in the way of."""
    version = 0 if account is None else account.version
    effective = guarded.now if guarded.at is None else guarded.at
    if account is not None and effective < account.registered_at:
        effective = account.registered_at  # a clock that was set back
    entries: list[Entry] = []
    moved: dict[str, Standing[str, str]] = {}
    closed_at: datetime | None = None
    if guarded.registers:
        first = _entry(guarded, version + 1, 0, EntryKind.REGISTERED, effective)
        entries.append(first)
        actor = _unnamed(guarded.actor)
        moved = {name: Standing(name, None, None, effective, effective, actor, 1) for name in guarded.lifecycles}
    for step in guarded.steps:
        standing = rows.get(step.lifecycle) or moved.get(step.lifecycle)
        since, back_to = effective, None
        if standing is not None:
            since = max(effective, standing.since)
            was = None if standing.back_to is None else _was(standing, behind)
            back_to = step.way_back(standing.status, standing.label, standing.entry, standing.back_to, was)
        ordinal = len(entries)
        entry = _entry(guarded, version + ordinal + 1, ordinal, EntryKind.MOVED, since, None, step, standing, back_to)
        entries.append(entry)
        moved[step.lifecycle] = advance(standing, entry)
        if step.closes:
            closed_at = since
    if guarded.adds or guarded.drops:
        for kind, subject in _identifier_changes(guarded):
            entries.append(_entry(guarded, version + len(entries) + 1, len(entries), kind, effective, subject))
    return AccountPlan(
        guarded.org,
        guarded.customer,
        None if account is None else account.version,
        tuple(entries),
        tuple(moved.values()),
        effective if guarded.registers else None,
        closed_at,
        guarded.adds,
        guarded.drops,
    )


def _identifier_changes(guarded: GuardedChange) -> list[tuple[EntryKind, str]]:
    """A replacement is one entry; otherwise each identifier that comes or goes has its own."""
    if guarded.adds and guarded.drops:
        return [(EntryKind.IDENTIFIER_REPLACED, guarded.adds[0].type)]
    added = [(EntryKind.IDENTIFIER_ADDED, token.type) for token in guarded.adds]
    return added + [(EntryKind.IDENTIFIER_REMOVED, token.type) for token in guarded.drops]


def _entry(
    guarded: GuardedChange,
    version: int,
    ordinal: int,
    kind: EntryKind,
    effective: datetime,
    subject: str | None = None,
    step: Step | None = None,
    standing: Standing[str, str] | None = None,
    back_to: int | None = None,
) -> Entry:
    """One entry of a change; with a step, the one that moves a standing. By position, which halves its cost."""
    return Entry(
        guarded.org,
        guarded.customer,
        version,
        kind,
        None if step is None else step.lifecycle,
        None if standing is None else standing.status,
        None if standing is None else standing.label,
        None if step is None else step.to,
        None if step is None else step.label,
        effective,
        guarded.now,
        guarded.actor,
        guarded.wish,
        guarded.channel,
        guarded.config,
        guarded.reason,
        guarded.reason_code,
        guarded.reason_digest,
        subject,
        guarded.key,
        ordinal,
        guarded.digest,
        back_to,
        step is not None and step.closes,
        guarded.run,
    )


def advance(standing: Standing[str, str] | None, entry: Entry) -> Standing[str, str]:
    """The standing after an entry that moves it."""
    stays = standing is not None and standing.status == entry.to_status
    return Standing(
        entry.lifecycle or "",
        entry.to_status,
        entry.to_label,
        entry.effective_at,
        standing.status_since if stays and standing is not None else entry.effective_at,
        _unnamed(entry.actor),
        entry.version,
        entry.back_to,
    )


def _unnamed(actor: Actor) -> Actor:
    return actor if actor.name is None else evolve(actor, name=None)


def fold(entries: Iterable[Entry], at: datetime | None = None) -> Account | None:
    """
    The account that a history gives, its entries in the order of their versions; None where it has none.

    With *at*, the account as of that effective time. Lifecycles that the account has never entered are left out.
    """
    first: Entry | None = None
    last: Entry | None = None
    closed_at: datetime | None = None
    standings: dict[str, Standing[str, str]] = {}
    for entry in entries:
        if at is not None and entry.effective_at > at:
            continue
        if entry.kind is EntryKind.REGISTERED:
            first = entry
        elif entry.kind is EntryKind.MOVED and entry.lifecycle is not None:
            standings[entry.lifecycle] = advance(standings.get(entry.lifecycle), entry)
            closed_at = entry.effective_at if entry.closes else closed_at
        last = entry
    if first is None or last is None:
        return None
    rows = tuple(standings[name] for name in sorted(standings))
    return Account(first.org, first.customer, last.version, first.effective_at, closed_at, rows)
