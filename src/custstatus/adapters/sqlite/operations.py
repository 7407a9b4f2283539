"""
The operations of the SQLite store, each a generator: it yields statements and receives their rows.

None of them touches a connection, so that each is written once, whatever runs it. A statement is its text and
parameters; a `Many` runs one text over many rows and answers the one row of how many it wrote.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from custstatus.adapters.cursors import activity_cursor, micros, moment, number, page, read_activity_cursor
from custstatus.adapters.protocol import ActivityBatch, Recorded, StoredActivity
from custstatus.adapters.sqlite import rows, statements
from custstatus.adapters.sqlite.statements import Statement
from custstatus.changes import AccountPlan, Applied, Found, GuardedChange, Plan, Step
from custstatus.queries import Accounts, Activities, Customers, Log
from custstatus.records import Account, Entry, EntryKind, HeldIdentifier, Listed, Page, Tally
from custstatus.states import CUSTOMER_STATUS

__all__ = ["Many", "Operation", "Transaction"]

T = TypeVar("T")


class Many(NamedTuple):
    """One statement over many rows."""

    statement: Statement
    rows: Iterable[tuple[Any, ...]]


Operation = Generator[tuple[Statement, tuple[Any, ...]] | Many, list[tuple[Any, ...]], T]


class Transaction(NamedTuple):
    """How an operation's statements are made one: in a transaction of our own, or within the host's."""

    begin: Statement
    commit: Statement
    rollback: tuple[Statement, ...]


OWN = Transaction(statements.BEGIN_IMMEDIATE, statements.COMMIT, (statements.ROLLBACK,))
JOINED = Transaction(statements.SAVEPOINT, statements.RELEASE, (statements.ROLLBACK_TO, statements.RELEASE))
SNAPSHOT = Transaction(statements.BEGIN, statements.COMMIT, (statements.ROLLBACK,))


def within(transaction: Transaction, operation: Operation[T | None]) -> Operation[T | None]:
    """An operation in one transaction; one that answers None is undone."""
    yield transaction.begin, ()
    try:
        result = yield from operation
        if result is not None:
            yield transaction.commit, ()
            return result
    except GeneratorExit:
        raise  # the runner was interrupted between two statements, and undoes them itself
    except BaseException:
        # Where the engine has rolled back by itself (a full disk, say) there is nothing left to undo.
        with suppress(Exception):
            for statement in transaction.rollback:
                yield statement, ()
        raise
    for statement in transaction.rollback:
        yield statement, ()
    return None


def load(org: str, customer: str) -> Operation[Account | None]:
    found = yield statements.LOAD, (org, customer)
    return rows.account(org, customer, found) if found else None


def read(guarded: GuardedChange) -> Operation[Found]:
    account = yield from load(guarded.org, guarded.customer)
    prior: tuple[Entry, ...] = ()
    behind: tuple[Entry, ...] = ()
    holders: dict[str, str] = {}
    last = None
    if guarded.key is not None:
        prior = tuple(map(rows.entry, (yield statements.PRIOR, (guarded.org, guarded.key))))
    if account is not None:
        versions = [row.back_to for row in account.standings if row.back_to is not None]
        if versions:
            found = yield statements.BEHIND, (guarded.org, guarded.customer, json.dumps(versions))
            behind = tuple(map(rows.entry, found))
    tokens = [token.token for token in (*guarded.adds, *guarded.drops)]
    if tokens:
        holders = dict((yield statements.HOLDERS, (guarded.org, json.dumps(tokens))))
    if guarded.quiet_since is not None:
        found = yield statements.LAST_ACTIVITY, (guarded.org, guarded.customer)
        last = moment(found[0][0]) if found else None
    return Found(account, prior, behind, holders, last)


def apply(guarded: GuardedChange, step: Step) -> Operation[Applied | None]:
    """Make a change without planning it, by what its guard says of the place where the account is; None where it is not made."""
    org, customer, actor = guarded.org, guarded.customer, guarded.actor
    found = yield statements.PLACE, (org, customer, step.lifecycle)
    if not found:
        return None
    version, registered_at, closed_at, status, label, since, entered, back_to, *behind = found[0]
    was = None if back_to is None else (behind[0], behind[1], behind[2])
    if closed_at is not None or guarded.expected not in (None, version) or not step.admits(status, label, was):
        return None
    now = micros(guarded.now)
    if step.closes:  # which comes after the last entry of every lifecycle
        since = (yield statements.LATEST, (org, customer))[0][0]
    effective = max(now, since) if guarded.at is None else micros(guarded.at)
    if effective < since:
        return None
    if guarded.quiet_since is not None:
        active = yield statements.LAST_ACTIVITY, (org, customer)
        if (active[0][0] if active else registered_at) >= micros(guarded.quiet_since):
            return None
    version += 1
    back_to = step.way_back(status, label, entered, back_to, was)
    entry = Entry(
        org,
        customer,
        version,
        EntryKind.MOVED,
        step.lifecycle,
        status,
        label,
        step.to,
        step.label,
        guarded.now if effective == now else moment(effective),
        guarded.now,
        actor,
        guarded.wish,
        guarded.channel,
        guarded.config,
        guarded.reason,
        guarded.reason_code,
        guarded.reason_digest,
        None,
        guarded.key,
        0,
        guarded.digest,
        back_to,
        step.closes,
        guarded.run,
    )
    if not (yield from _append(entry)):
        return None
    kind = actor.kind._value_
    if status == step.to:
        row = (org, customer, step.lifecycle, step.label, effective, actor.id, kind, version, back_to)
        yield statements.RELABEL_STANDING, row
    else:
        moved = (org, customer, step.lifecycle, step.to, step.label, effective, actor.id, kind, version, back_to)
        yield statements.MOVE_STANDING, moved
    yield statements.STEP_ACCOUNT, (org, customer, version, effective if step.closes else None)
    if step.closes:
        yield statements.RELEASE_ALL, (org, customer)
    return Applied((entry,))


def _append(entry: Entry) -> Operation[bool]:
    """Append an entry with its text; False where its key has written before."""
    if entry.key is None:
        yield statements.APPEND_ENTRY, rows.entry_row(entry)
    elif not (yield statements.APPEND_ENTRY_ONCE, rows.entry_row(entry)):
        return False
    if entry.reason is not None or entry.actor.name is not None:
        yield statements.KEEP_TEXT, (entry.org, entry.customer, entry.version, entry.reason, entry.actor.name)
    return True


def commit(plan: Plan) -> Operation[Applied | None]:
    """Write a plan; None where something it rests on has changed."""
    for account in plan.accounts:
        fits = yield from _write(account, plan.guarded)
        if not fits:
            return None
    return Applied(plan.entries)


def _write(planned: AccountPlan, guarded: GuardedChange) -> Operation[bool]:
    org, customer, last = planned.org, planned.customer, planned.entries[-1]
    closed_at = None if planned.closed_at is None else micros(planned.closed_at)
    if planned.expected is None:
        registered_at = micros(planned.registered_at or last.effective_at)
        opened = yield statements.OPEN_ACCOUNT, (org, customer, last.version, closed_at, registered_at)
    else:
        opened = yield statements.ADVANCE_ACCOUNT, (org, customer, last.version, closed_at, planned.expected)
    if not opened:
        return False
    if guarded.quiet_since is not None:
        active = yield statements.LAST_ACTIVITY, (org, customer)
        if (active or opened)[0][0] >= micros(guarded.quiet_since):
            return False
    for entry in planned.entries:
        if not (yield from _append(entry)):
            return False
    for row in planned.standings:
        yield statements.PUT_STANDING, rows.standing_row(org, customer, row)
    for token in planned.drops:
        if not (yield statements.RELEASE_IDENTIFIER, (org, token.token, customer)):
            return False
    for place, token in enumerate(reversed(planned.adds)):
        # The entries of added identifiers come last, one each; a replacement has one for both.
        held = org, token.token, token.type, customer, micros(last.effective_at), last.version - place
        if not (yield statements.HOLD_IDENTIFIER, held):
            return False
    if planned.closed_at is not None:
        yield statements.RELEASE_ALL, (org, customer)
    return True


def find(org: str, token: str) -> Operation[str | None]:
    found = yield statements.FIND, (org, token)
    return found[0][0] if found else None


def identifiers(org: str, customer: str) -> Operation[tuple[HeldIdentifier, ...]]:
    found = yield statements.HELD, (org, customer)
    return tuple(HeldIdentifier(type_, token, moment(since)) for type_, token, since in found)


def log(query: Log) -> Operation[Page[Entry]]:
    of_one = query.customer is not None
    found = yield (
        statements.LOG[of_one, query.newest_first],
        (
            query.org,
            query.customer,
            query.lifecycle,
            query.status,
            query.actor,
            None if query.since is None else micros(query.since),
            None if query.until is None else micros(query.until),
            number(query.after),
            query.limit + 1,
        ),
    )
    return page([(str(row[3] if of_one else row[0]), rows.entry(row)) for row in found], query.limit)


def customers(query: Customers) -> Operation[Page[Listed[str, str]]]:
    one_status = query.statuses is not None and len(query.statuses) == 1 and None not in query.statuses
    form = "label" if query.label is not None else "status" if one_status else "all"
    status = next(iter(query.statuses or ())) if form == "status" else None
    found = yield (
        statements.CUSTOMERS[form],
        (
            query.org,
            query.lifecycle,
            status,
            query.label,
            None if form == "status" or query.statuses is None else rows.packed(query.statuses),
            rows.packed(query.without) if query.without else None,
            None if query.places is None else rows.packed(query.places),
            None if query.quiet_since is None else micros(query.quiet_since),
            query.after or "",
            rows.SEPARATOR,
            query.limit + 1,
        ),
    )
    return page([(row[0], rows.listed(row)) for row in found], query.limit)


def accounts(query: Accounts) -> Operation[Page[Account]]:
    found = yield statements.ACCOUNTS, (query.org, query.after or "", query.limit + 1)
    grouped: dict[str, list[tuple[Any, ...]]] = {}
    for row in found:
        grouped.setdefault(row[0], []).append(row[1:])
    return page([(name, rows.account(query.org, name, each)) for name, each in grouped.items()], query.limit)


def tally(org: str, lifecycle: str) -> Operation[tuple[Tally[str, str], ...]]:
    found = yield statements.TALLY, (org, lifecycle)
    return tuple(Tally(status, label, accounts) for status, label, accounts in found)


def record(batch: ActivityBatch) -> Operation[Recorded]:
    org = batch.org
    named = json.dumps(list(dict.fromkeys(activity.customer for activity in batch.activities)))
    known = {customer for (customer,) in (yield statements.KNOWN, (org, named))}
    kept = [activity for activity in batch.activities if activity.customer in known]
    new = 0
    if kept:
        written = yield Many(statements.RECORD, [rows.activity_row(org, activity) for activity in kept])
        new = written[0][0]
    active = json.dumps(list(dict.fromkeys(activity.customer for activity in kept if activity.counts)))
    yield statements.TOUCH, (org, active)
    watched: tuple[Listed[str, str], ...] = ()
    if batch.watch:
        labels = rows.packed(batch.watch)
        found = yield statements.WATCHED, (org, CUSTOMER_STATUS.name, labels, rows.SEPARATOR, active)
        watched = tuple(map(rows.listed, found))
    unknown = sorted({activity.customer for activity in batch.activities} - known)
    return Recorded(new, len(kept) - new, tuple(unknown), watched)


def activities(query: Activities) -> Operation[Page[StoredActivity]]:
    place = (None,) * 4 if query.after is None else read_activity_cursor(query.after)
    found = yield (
        statements.ACTIVITIES[query.customer is not None, query.newest_first],
        (query.org, query.customer, query.reference, *place, query.limit + 1),
    )
    kept = [rows.activity(row) for row in found]
    return page([(activity_cursor(activity), activity) for activity in kept], query.limit)


def keep_config(org: str, config_hash: str, text: str) -> Operation[bool]:
    kept = yield statements.CONFIG, (org, config_hash)
    if not kept:
        yield statements.KEEP_CONFIG, (org, config_hash, text)
    return True


def config(org: str, config_hash: str) -> Operation[str | None]:
    found = yield statements.CONFIG, (org, config_hash)
    return found[0][0] if found else None


def organisations() -> Operation[tuple[str, ...]]:
    found = yield statements.ORGANISATIONS, ()
    return tuple(org for (org,) in found)
