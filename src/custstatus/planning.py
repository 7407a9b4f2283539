"""
The second half of the gate: a guarded change met with an account. Pure.

`plan` knows the account, but nothing beyond the guard's data, which is all that a store has too: a store that applies a guarded
change by itself does what `plan` and `commit` would have done, and `plan` is the only one to explain. `advance` is how an
entry moves a standing, in a plan as well as in `fold`, which replays a history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from attrs import evolve

from custstatus.changes import (
    LACKING,
    AccountPlan,
    Applied,
    Found,
    GuardedChange,
    Plan,
    Reason,
    Refusal,
    RefusalCode,
    Step,
    Was,
)
from custstatus.codec import utc_text
from custstatus.lifecycle import Need
from custstatus.records import (
    Account,
    Actor,
    ActorKind,
    Entry,
    EntryKind,
    Standing,
)

__all__ = ["advance", "fold", "plan"]


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
    # Of a closed account there is nothing more to say: no other way leads out of it.
    if (account is None) is guarded.registers and (account is None or account.closed_at is None):
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
    if guarded.entry is not None and (standing is None or standing.entry != guarded.entry):
        message = (
            f"entry {guarded.entry} is no longer the last of {step.lifecycle}: others have moved the account since"
        )
        reasons.append(Reason(RefusalCode.MOVED_ON, message, step.lifecycle))
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
    if _in_grace(account, standing, guarded):
        message = "a person put the customer there not long ago: wait for the end of the grace, or do it by hand"
        reasons.append(Reason(RefusalCode.IN_GRACE, message, step.lifecycle))
    if step.only_from is not None and (label or status) not in step.only_from:
        message = f"the change does not touch accounts at {label or status or 'unset'}"
        reasons.append(Reason(RefusalCode.NOT_FROM_HERE, message, step.lifecycle))
    floor = _floor(account, standing, step)
    if guarded.at is not None and floor is not None and guarded.at < floor:
        message = f"the effective time precedes the last entry's, {utc_text(floor)}: give a later one, or none"
        reasons.append(Reason(RefusalCode.BEFORE_LAST_ENTRY, message, step.lifecycle))


_NEEDED = {
    Need.PERSON: "only a member of staff makes this move: have a person make it",
    Need.SYSTEM_OPERATION: "nobody makes this move by hand: it is part of an operation of the system's own",
    Need.OWN_WISH: "only at the customer's own wish: say so where it is",
    Need.REASON: "a reason that is not blank is needed: give one",
}


def _in_grace(account: Account | None, standing: Standing[str, str] | None, guarded: GuardedChange) -> bool:
    """Whether a person has put the customer there, after his registration, within the grace that is asked for."""
    if guarded.grace_since is None or account is None or standing is None or standing.by.kind is not ActorKind.PERSON:
        return False
    return standing.since >= guarded.grace_since and standing.since > account.registered_at


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
        floor = _floor(account, standing, step)
        if floor is not None and floor > since:
            since = floor
        if standing is not None:
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
        None,
        guarded.approval,
        guarded.shop,
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
