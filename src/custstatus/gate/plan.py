"""
The second half of the gate: what a prepared change does to an account. Pure.

`plan` knows the account and the prepared change, and nothing else, which is all that a store has too: a store that applies a
prepared change by itself does what `plan` and `commit` would have done, and only `plan` explains. `advance` is how an entry
changes a standing, in a plan as well as in `fold`, which replays a history.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from custstatus.config.codec import utc_text
from custstatus.gate.history import _unnamed, advance
from custstatus.gate.outcome import AccountPlan, Applied, Plan, Snapshot
from custstatus.gate.refusal import LACKING, Reason, Refusal, RefusalCode
from custstatus.lifecycles.lifecycle import Requirement
from custstatus.records import (
    Account,
    ActorKind,
    Entry,
    EntryKind,
    Standing,
)

if TYPE_CHECKING:
    from custstatus.gate.prepared import Origin, PreparedChange, Step

__all__ = ["plan"]


def plan(found: Snapshot, prepared: PreparedChange) -> Plan | Applied | Refusal:
    """
    What a prepared change writes over what was found, or why it writes nothing; a replay is recognised before any refusal.

    A refusal has every reason that applies, those of the request itself first.
    """
    if found.prior:
        if all(entry.digest == prepared.digest for entry in found.prior):
            return Applied(found.prior, replayed=True)
        message = "the key was already used for a different request: use a new key"
        return Refusal(prepared.customer, (Reason(RefusalCode.KEY_REUSED, message),), found.account)
    account = found.account
    rows = {} if account is None else {standing.lifecycle: standing for standing in account.standings}
    reasons = list(prepared.reasons)
    _account_reasons(found, prepared, reasons)
    # Of a closed account there is nothing more to say: no other way leads out of it.
    if (account is None) is prepared.registers and (account is None or account.closed_at is None):
        for step in prepared.steps:
            _step_reasons(step, account, rows.get(step.lifecycle), found.origins, prepared, reasons)
    if prepared.adds or prepared.drops:
        _identifier_reasons(found, prepared, reasons)
    elif not (reasons or prepared.steps or prepared.registers):
        message = "the account is not set aside on this lifecycle, so there is nothing to restore"
        reasons.append(Reason(RefusalCode.NOTHING_TO_RESTORE, message))
    if reasons:
        return Refusal(prepared.customer, tuple(reasons), account)
    return Plan(prepared, (_written(account, rows, found.origins, prepared),))


def _account_reasons(found: Snapshot, prepared: PreparedChange, reasons: list[Reason]) -> None:
    account = found.account
    if prepared.registers:
        if account is not None:
            message = "the customer is already registered: change the account, or register under another customer id"
            reasons.append(Reason(RefusalCode.ALREADY_REGISTERED, message))
        return
    if account is None:
        message = "no such customer in this organisation: register them first"
        reasons.append(Reason(RefusalCode.UNKNOWN_CUSTOMER, message))
        return
    if account.closed_at is not None:
        message = (
            f"the account was closed at {utc_text(account.closed_at)} and stays closed: register the customer again"
        )
        reasons.append(Reason(RefusalCode.CLOSED, message))
    if prepared.expected is not None and account.version != prepared.expected:
        message = f"the account is at version {account.version}, not {prepared.expected}: read it again"
        reasons.append(Reason(RefusalCode.OTHER_VERSION, message))
    if prepared.quiet_since is not None and (found.last_activity_at or account.registered_at) >= prepared.quiet_since:
        message = "the customer was active within the period: nothing to do"
        reasons.append(Reason(RefusalCode.NOT_INACTIVE, message))


def _step_reasons(
    step: Step,
    account: Account | None,
    standing: Standing[str, str] | None,
    origins: tuple[Entry, ...],
    prepared: PreparedChange,
    reasons: list[Reason],
) -> None:
    """The reasons against one step from where the account is: the transition, its requirements, its effective time."""
    status, label = (None, None) if standing is None else (standing.status, standing.label)
    if prepared.entry is not None and (standing is None or standing.entry != prepared.entry):
        message = (
            f"the account has changed since entry {prepared.entry} of {step.lifecycle}: change it directly instead"
        )
        reasons.append(Reason(RefusalCode.MOVED_ON, message, step.lifecycle))
    if status == step.to and (step.by_status or label == step.label):
        message = f"the account is already at {label or status}: nothing to change"
        reasons.append(Reason(RefusalCode.NO_CHANGE, message, step.lifecycle))
    elif status not in step.lacks:
        message = (
            f"{step.lifecycle} has no transition from {status or 'unset'} to {step.to}: go through another status, "
            "or add the transition to the organisation's configuration"
        )
        reasons.append(Reason(RefusalCode.NO_TRANSITION, message, step.lifecycle))
    else:
        if step.lacks[status]:
            lacking = [requirement for requirement in Requirement if requirement in step.lacks[status]]
            reasons += [Reason(LACKING[requirement], _REQUIRED[requirement], step.lifecycle) for requirement in lacking]
        if status in step.back_only and not step.leads_to(_origin(standing, origins)):
            message = f"from {status} the account can only return to its previous status: restore it instead"
            reasons.append(Reason(RefusalCode.NOT_WHERE_IT_WAS, message, step.lifecycle))
    if _in_grace(account, standing, prepared):
        message = "staff set this status recently: wait for the grace period to end, or change it manually"
        reasons.append(Reason(RefusalCode.IN_GRACE, message, step.lifecycle))
    if step.only_from is not None and (label or status) not in step.only_from:
        message = f"this change skips accounts at {label or status or 'unset'}: change the account manually if needed"
        reasons.append(Reason(RefusalCode.NOT_FROM_HERE, message, step.lifecycle))
    floor = _floor(account, standing, step)
    if prepared.at is not None and floor is not None and prepared.at < floor:
        message = f"the effective time is before that of the last entry, {utc_text(floor)}: give a later time, or none"
        reasons.append(Reason(RefusalCode.BEFORE_LAST_ENTRY, message, step.lifecycle))


_REQUIRED = {
    Requirement.PERSON: "only a member of staff can make this transition: ask one to make it",
    Requirement.SYSTEM_OPERATION: "reserved for system operations; it cannot be requested directly",
    Requirement.OWN_REQUEST: (
        "allowed only at the customer's request: pass requested_by=RequestedBy.CUSTOMER if it is"
    ),
    Requirement.REASON: "a non-blank reason is required: give a reason or a reason code",
}


def _in_grace(account: Account | None, standing: Standing[str, str] | None, prepared: PreparedChange) -> bool:
    """Whether staff set this status within the grace period, after the registration."""
    if prepared.grace_since is None or account is None or standing is None or standing.by.kind is not ActorKind.PERSON:
        return False
    return standing.since >= prepared.grace_since and standing.since > account.registered_at


def _floor(account: Account | None, standing: Standing[str, str] | None, step: Step) -> datetime | None:
    """
    The earliest time at which a change may count: the last entry of its lifecycle, else the registration.

    Closing ends every lifecycle, so it comes after the last entry of each.
    """
    if step.closes and account is not None:
        return max([account.registered_at, *(row.since for row in account.standings)])
    if standing is not None:
        return standing.since
    return None if account is None else account.registered_at


def _origin(standing: Standing[str, str] | None, origins: tuple[Entry, ...]) -> Origin | None:
    """Where the account was before it was set aside."""
    if standing is None or standing.return_to is None:
        return None
    for entry in origins:
        if entry.version == standing.return_to:
            return entry.to_status, entry.to_label, entry.return_to
    return None


def _identifier_reasons(found: Snapshot, prepared: PreparedChange, reasons: list[Reason]) -> None:
    for token in prepared.adds:
        holder = found.holders.get(token.token)
        if holder == prepared.customer:
            reasons.append(
                Reason(RefusalCode.IDENTIFIER_HELD, f"the account already has this {token.type}: nothing to add")
            )
        elif holder is not None:
            message = f"another open account has this {token.type}: remove it there first"
            reasons.append(Reason(RefusalCode.IDENTIFIER_TAKEN, message))
    for token in prepared.drops:
        if found.holders.get(token.token) != prepared.customer:
            message = f"the account does not have this {token.type}: check the identifiers that it has"
            reasons.append(Reason(RefusalCode.IDENTIFIER_NOT_HELD, message))


def _written(
    account: Account | None,
    rows: Mapping[str, Standing[str, str]],
    origins: tuple[Entry, ...],
    prepared: PreparedChange,
) -> AccountPlan:
    """The entries and rows of a change that has no reason against it."""
    version = 0 if account is None else account.version
    effective = prepared.now if prepared.at is None else prepared.at
    if account is not None and effective < account.registered_at:
        effective = account.registered_at  # a clock that was set back
    entries: list[Entry] = []
    moved: dict[str, Standing[str, str]] = {}
    closed_at: datetime | None = None
    if prepared.registers:
        first = _entry(prepared, version + 1, 0, EntryKind.REGISTERED, effective)
        entries.append(first)
        actor = _unnamed(prepared.actor)
        moved = {name: Standing(name, None, None, effective, effective, actor, 1) for name in prepared.lifecycles}
    for step in prepared.steps:
        standing = rows.get(step.lifecycle) or moved.get(step.lifecycle)
        since, return_to = effective, None
        floor = _floor(account, standing, step)
        if floor is not None and floor > since:
            since = floor
        if standing is not None:
            origin = None if standing.return_to is None else _origin(standing, origins)
            return_to = step.way_back(standing.status, standing.label, standing.entry, standing.return_to, origin)
        ordinal = len(entries)
        entry = _entry(
            prepared, version + ordinal + 1, ordinal, EntryKind.MOVED, since, None, step, standing, return_to
        )
        entries.append(entry)
        moved[step.lifecycle] = advance(standing, entry)
        if step.closes:
            closed_at = since
    if prepared.adds or prepared.drops:
        for kind, subject in _identifier_changes(prepared):
            entries.append(_entry(prepared, version + len(entries) + 1, len(entries), kind, effective, subject))
    return AccountPlan(
        prepared.org,
        prepared.customer,
        None if account is None else account.version,
        tuple(entries),
        tuple(moved.values()),
        effective if prepared.registers else None,
        closed_at,
        prepared.adds,
        prepared.drops,
    )


def _identifier_changes(prepared: PreparedChange) -> list[tuple[EntryKind, str]]:
    """A replacement is one entry; otherwise each identifier that comes or goes has its own."""
    if prepared.adds and prepared.drops:
        return [(EntryKind.IDENTIFIER_REPLACED, prepared.adds[0].type)]
    added = [(EntryKind.IDENTIFIER_ADDED, token.type) for token in prepared.adds]
    return added + [(EntryKind.IDENTIFIER_REMOVED, token.type) for token in prepared.drops]


def _entry(
    prepared: PreparedChange,
    version: int,
    ordinal: int,
    kind: EntryKind,
    effective: datetime,
    subject: str | None = None,
    step: Step | None = None,
    standing: Standing[str, str] | None = None,
    return_to: int | None = None,
) -> Entry:
    """One entry of a change; with a step, the one that changes a standing. By position, which halves its cost."""
    return Entry(
        prepared.org,
        prepared.customer,
        version,
        kind,
        None if step is None else step.lifecycle,
        None if standing is None else standing.status,
        None if standing is None else standing.label,
        None if step is None else step.to,
        None if step is None else step.label,
        effective,
        prepared.now,
        prepared.actor,
        prepared.requested_by,
        prepared.channel,
        prepared.config,
        prepared.reason,
        prepared.reason_code,
        prepared.reason_digest,
        subject,
        prepared.key,
        ordinal,
        prepared.digest,
        return_to,
        step is not None and step.closes,
        prepared.run,
        None,
        prepared.approval,
        prepared.shop,
    )
