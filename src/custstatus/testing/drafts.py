"""
Prepared changes, plans and accounts written by hand, so that a store is tried below the service, at each of its verbs.

The service's own gate is not asked: what a draft holds is what the contract says, not what the library happens to make.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from attrs import evolve

from custstatus import CUSTOMER_STATUS, Account, Actor, ActorKind, Effect, Entry, EntryKind, Plan, RequestedBy, Standing
from custstatus.adapters import AccountPlan, PreparedChange, Step, StoredActivity, Token

__all__ = [
    "ADA",
    "CRM",
    "ORG",
    "T0",
    "US",
    "after",
    "bought",
    "holding",
    "mobile",
    "prepared",
    "registration",
    "step",
    "together",
    "transition",
]

ORG = "acme"
T0 = datetime(2024, 3, 1, 12, tzinfo=UTC)
"""When most things happen."""
US = timedelta(microseconds=1)
ADA = Actor("agent-7", ActorKind.PERSON, "Ada Lovelace")
CRM = Actor("crm", ActorKind.SYSTEM)

_LIFECYCLE = CUSTOMER_STATUS.name
_CONFIG = "0" * 32


def mobile(number: str) -> Token:
    """A token of a mobile number."""
    return Token("mobile", number)


def bought(customer: str, reference: str, at: datetime = T0, *, counts: bool = True) -> StoredActivity:
    """A purchase."""
    return StoredActivity(customer, "transaction", reference, at, Decimal("9.90"), Effect.ALLOW, counts)


def step(
    to: str,
    label: str | None = None,
    *,
    lifecycle: str = _LIFECYCLE,
    sources: Iterable[str | None] = ("active",),
    back: Iterable[str] = (),
    group: Iterable[str] = (),
    idle: Iterable[str] = (),
    only_from: Iterable[str] | None = None,
    closes: bool = False,
    by_status: bool = False,
) -> Step:
    """
    One lifecycle of a change: open from *sources*, and from *back* where it leads to where the account was.

    Args:
        to: The status.
        label: Its label.
        lifecycle: By default customer status.
        sources: From which statuses nothing is lacking; None is unset.
        back: From which statuses it only leads back.
        group: The set-aside statuses that the target is one of.
        idle: The idle labels that the label is one of.
        only_from: Labels, or statuses without one, outside which nothing is changed.
        closes: Whether the target closes the account.
        by_status: Whether the status was asked for, not the label.
    """
    sources, back = frozenset(sources), frozenset(back)
    return Step(
        lifecycle=lifecycle,
        to=to,
        label=label,
        by_status=by_status,
        lacks=dict.fromkeys(sources | back, frozenset()),
        open=sources,
        back=back,
        back_only=back,
        group_statuses=frozenset(group),
        group_labels=frozenset(idle),
        closes=closes,
        only_from=None if only_from is None else frozenset(only_from),
        stands_for=frozenset({label}),
    )


def prepared(
    customer: str, *steps: Step, org: str = ORG, now: datetime = T0, at: datetime | None = None, **given: Any
) -> PreparedChange:
    """A change as a store gets it; with a key, its digest is made of the customer and the steps."""
    digest = (
        f"{customer} {[(each.to, each.label) for each in steps]}".encode() if given.get("key") is not None else None
    )
    said = {
        "actor": ADA,
        "requested_by": RequestedBy.STAFF,
        "channel": "member_care",
        "config": _CONFIG,
        "digest": digest,
    }
    return PreparedChange(org, customer, steps, now, at, **{**said, **given})


def registration(
    customer: str,
    status: str | None = "active",
    label: str | None = "Regular",
    *,
    org: str = ORG,
    at: datetime = T0,
    lifecycles: Iterable[str] = (_LIFECYCLE, "membership"),
    adds: Iterable[Token] = (),
    **given: Any,
) -> Plan:
    """A new account: unset on every lifecycle, or on customer status in a status from the first."""
    adds = tuple(adds)
    change = prepared(customer, org=org, now=at, registers=True, lifecycles=tuple(lifecycles), adds=adds, **given)
    entries = [_entry(change, 1, EntryKind.REGISTERED)]
    rows = {name: _row(name, None, None, entries[0]) for name in change.lifecycles}
    if status is not None:
        moved = evolve(
            _entry(change, 2, EntryKind.MOVED, ordinal=1), lifecycle=_LIFECYCLE, to_status=status, to_label=label
        )
        entries.append(moved)
        rows[_LIFECYCLE] = _row(_LIFECYCLE, status, label, moved)
    for token in adds:
        number = len(entries)
        entries.append(_entry(change, number + 1, EntryKind.IDENTIFIER_ADDED, ordinal=number, subject=token.type))
    planned = AccountPlan(org, customer, None, tuple(entries), tuple(rows.values()), at, None, adds, ())
    return Plan(change, (planned,))


def transition(
    account: Account,
    to: str,
    label: str | None = None,
    *,
    asks: Step | None = None,
    lifecycle: str = _LIFECYCLE,
    now: datetime = T0,
    effective: datetime | None = None,
    return_to: int | None = None,
    closes: bool = False,
    **given: Any,
) -> Plan:
    """
    An account moved on one lifecycle, from wherever it stands.

    Args:
        account: As it stands.
        to: The status.
        label: Its label.
        asks: The step of the change that the plan is to be of, if it is more than the target.
        lifecycle: By default customer status.
        now: When it is written.
        effective: From when it counts; by default as given (`at`), or now.
        return_to: Where the way back leads then.
        closes: Whether it closes the account.
        given: More fields of the change.
    """
    asks = asks or step(to, label, lifecycle=lifecycle, closes=closes)
    change = prepared(account.customer, asks, org=account.org, now=now, **given)
    before = account.standing(lifecycle)
    status, named = (None, None) if before is None else (before.status, before.label)
    entry = _entry(change, account.version + 1, EntryKind.MOVED)
    entry = evolve(
        entry,
        lifecycle=lifecycle,
        from_status=status,
        from_label=named,
        to_status=to,
        to_label=label,
        effective_at=effective or entry.effective_at,
        return_to=return_to,
        closes=closes,
    )
    row = _row(lifecycle, to, label, entry)
    if before is not None and status == to:
        row = evolve(row, status_since=before.status_since)
    closed_at = entry.effective_at if closes else None
    planned = AccountPlan(account.org, account.customer, account.version, (entry,), (row,), None, closed_at)
    return Plan(change, (planned,))


def holding(
    account: Account, adds: Iterable[Token] = (), drops: Iterable[Token] = (), *, now: datetime = T0, **given: Any
) -> Plan:
    """An account that gets identifiers, or loses them, or both: then one takes the other's place."""
    adds, drops = tuple(adds), tuple(drops)
    change = prepared(account.customer, org=account.org, now=now, adds=adds, drops=drops, **given)
    kinds = [(EntryKind.IDENTIFIER_ADDED, token.type) for token in adds]
    kinds += [(EntryKind.IDENTIFIER_REMOVED, token.type) for token in drops]
    if adds and drops:
        kinds = [(EntryKind.IDENTIFIER_REPLACED, adds[0].type)]
    entries = tuple(
        _entry(change, account.version + place + 1, kind, ordinal=place, subject=subject)
        for place, (kind, subject) in enumerate(kinds)
    )
    return Plan(
        change, (AccountPlan(account.org, account.customer, account.version, entries, (), adds=adds, drops=drops),)
    )


def together(*plans: Plan) -> Plan:
    """Several plans as one; the first one's change stands for all of them, their entries are numbered through."""
    first = plans[0].prepared
    accounts: list[AccountPlan] = []
    ordinal = 0
    for plan in plans:
        for account in plan.accounts:
            entries = []
            for entry in account.entries:
                entries.append(evolve(entry, key=first.key, digest=first.digest, ordinal=ordinal))
                ordinal += 1
            accounts.append(evolve(account, entries=tuple(entries)))
    return Plan(first, tuple(accounts))


def after(account: Account | None, plan: Plan) -> Account:
    """What an account is once a plan of it has been written."""
    (planned,) = plan.accounts
    rows = {} if account is None else {row.lifecycle: row for row in account.standings}
    rows |= {row.lifecycle: row for row in planned.standings}
    return Account(
        planned.org,
        planned.customer,
        planned.entries[-1].version,
        account.registered_at if account is not None else planned.registered_at or T0,
        planned.closed_at if account is None else account.closed_at or planned.closed_at,
        tuple(rows[name] for name in sorted(rows)),
    )


def _entry(
    change: PreparedChange, version: int, kind: EntryKind, *, ordinal: int = 0, subject: str | None = None
) -> Entry:
    return Entry(
        org=change.org,
        customer=change.customer,
        version=version,
        kind=kind,
        lifecycle=None,
        from_status=None,
        from_label=None,
        to_status=None,
        to_label=None,
        effective_at=change.now if change.at is None else change.at,
        recorded_at=change.now,
        actor=change.actor,
        requested_by=change.requested_by,
        channel=change.channel,
        config=change.config,
        reason=change.reason,
        reason_code=change.reason_code,
        reason_digest=change.reason_digest,
        subject=subject,
        key=change.key,
        ordinal=ordinal,
        digest=change.digest,
        run=change.run,
        approval=change.approval,
        shop=change.shop,
    )


def _row(lifecycle: str, status: str | None, label: str | None, entry: Entry) -> Standing[str, str]:
    """A standing as an entry leaves it: by its actor, without his name."""
    since = entry.effective_at
    by = evolve(entry.actor, name=None)
    return Standing(lifecycle, status, label, since, since, by, entry.version, entry.return_to)
