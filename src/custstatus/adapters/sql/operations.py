"""
The operations of every SQL store, each a generator: it yields statements and receives their rows.

None of them touches a connection, so that each is written once, whatever runs or awaits it. A statement is its text and
parameters; a `Many` runs one text over many rows and answers the one row of how many it wrote. What an engine does in a way
of its own is in its subclass.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from custstatus.adapters.cursors import activity_cursor, micros, moment, number, page, read_activity_cursor
from custstatus.adapters.protocol import ActivityBatch, Recorded, StoredActivity
from custstatus.adapters.sql import rows
from custstatus.adapters.sql.statements import Statement, Statements
from custstatus.changes import AccountPlan, Applied, Found, GuardedChange, Plan, Step
from custstatus.queries import Accounts, Activities, Customers, Log
from custstatus.records import Account, Entry, EntryKind, HeldIdentifier, Listed, Page, Tally
from custstatus.states import CUSTOMER_STATUS

__all__ = ["Many", "Operation", "Operations", "Transaction", "moved", "within"]

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


def moved(
    guarded: GuardedChange,
    step: Step,
    version: int,
    was: tuple[str | None, str | None],
    effective_at: datetime,
    back_to: int | None,
) -> Entry:
    """The entry of a change that is applied without being planned, *was* being status and label before."""
    return Entry(
        guarded.org,
        guarded.customer,
        version,
        EntryKind.MOVED,
        step.lifecycle,
        *was,
        step.to,
        step.label,
        effective_at,
        guarded.now,
        guarded.actor,
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


class Operations:
    """Every verb of a store as an operation."""

    def __init__(self, sql: Statements) -> None:
        self.sql = sql

    def load(self, org: str, customer: str) -> Operation[Account | None]:
        found = yield self.sql.load, (org, customer)
        return rows.account(org, customer, found) if found else None

    def read(self, guarded: GuardedChange) -> Operation[Found]:
        account = yield from self.load(guarded.org, guarded.customer)
        prior: tuple[Entry, ...] = ()
        behind: tuple[Entry, ...] = ()
        holders: dict[str, str] = {}
        last = None
        if account is not None:
            versions = [row.back_to for row in account.standings if row.back_to is not None]
            if versions:
                found = yield self.sql.behind, (guarded.org, guarded.customer, self.sql.engine.array(versions))
                behind = tuple(map(rows.entry, found))
        tokens = [token.token for token in (*guarded.adds, *guarded.drops)]
        if tokens:
            holders = dict((yield self.sql.holders, (guarded.org, self.sql.engine.array(tokens))))
        if guarded.quiet_since is not None:
            found = yield self.sql.last_activity, (guarded.org, guarded.customer)
            last = moment(found[0][0]) if found and found[0][0] is not None else None
        # After the account: a change that came in between is then one that has this key, or one that is planned again.
        if guarded.key is not None:
            prior = tuple(map(rows.entry, (yield self.sql.prior, (guarded.org, guarded.key))))
        return Found(account, prior, behind, holders, last)

    def _append(self, entry: Entry) -> Operation[bool]:
        """Append an entry with its text; False where its key has written before."""
        if entry.key is None:
            yield self.sql.append_entry, rows.entry_row(entry)
        elif not (yield self.sql.append_entry_once, rows.entry_row(entry)):
            return False
        if entry.reason is not None or entry.actor.name is not None:
            yield self.sql.keep_text, (entry.org, entry.customer, entry.version, entry.reason, entry.actor.name)
        return True

    def commit(self, plan: Plan) -> Operation[Applied | None]:
        """Write a plan; None where something it rests on has changed."""
        for account in plan.accounts:
            fits = yield from self._write(account, plan.guarded)
            if not fits:
                return None
        return Applied(plan.entries)

    def _write(self, planned: AccountPlan, guarded: GuardedChange) -> Operation[bool]:
        org, customer, last = planned.org, planned.customer, planned.entries[-1]
        closed_at = None if planned.closed_at is None else micros(planned.closed_at)
        if planned.expected is None:
            registered_at = micros(planned.registered_at or last.effective_at)
            opened = yield self.sql.open_account, (org, customer, last.version, closed_at, registered_at)
        else:
            opened = yield self.sql.advance_account, (org, customer, last.version, closed_at, planned.expected)
        if not opened:
            return False
        if planned.expected is None and self.sql.engine.opens_activity:
            yield self.sql.open_activity, (org, customer)
        if guarded.quiet_since is not None:
            active = yield self.sql.last_activity, (org, customer)
            active_at = active[0][0] if active and active[0][0] is not None else opened[0][0]
            if active_at >= micros(guarded.quiet_since):
                return False
        for entry in planned.entries:
            if not (yield from self._append(entry)):
                return False
        for row in planned.standings:
            yield self.sql.put_standing, rows.standing_row(org, customer, row)
        for token in planned.drops:
            if not (yield self.sql.release_identifier, (org, token.token, customer)):
                return False
        for place, token in enumerate(reversed(planned.adds)):
            # The entries of added identifiers come last, one each; a replacement has one for both.
            held = org, token.token, token.type, customer, micros(last.effective_at), last.version - place
            if not (yield self.sql.hold_identifier, held):
                return False
        if planned.closed_at is not None:
            yield self.sql.release_all, (org, customer)
        return True

    def find(self, org: str, token: str) -> Operation[str | None]:
        found = yield self.sql.find, (org, token)
        return found[0][0] if found else None

    def identifiers(self, org: str, customer: str) -> Operation[tuple[HeldIdentifier, ...]]:
        found = yield self.sql.held, (org, customer)
        return tuple(HeldIdentifier(type_, token, moment(since)) for type_, token, since in found)

    def log(self, query: Log) -> Operation[Page[Entry]]:
        of_one = query.customer is not None
        # The cursor is a version within a customer, else the number of the row.
        place, after = "e.version" if of_one else "e.id", number(query.after)
        filters: list[tuple[str, tuple[Any, ...]]] = [("e.org = {}", (query.org,))]
        filters += [("e.customer = {}", (query.customer,))] if of_one else []
        filters += [(f"{place} {'<' if query.newest_first else '>'} {{}}", (after,))] if after is not None else []
        filters += [
            (condition, (value,))
            for condition, value in (
                ("e.lifecycle = {}", query.lifecycle),
                ("e.to_status = {}", query.status),
                ("e.actor = {}", query.actor),
                ("e.recorded_at >= {}", None if query.since is None else micros(query.since)),
                ("e.recorded_at < {}", None if query.until is None else micros(query.until)),
            )
            if value is not None
        ]
        order = f"ORDER BY {place}{' DESC' if query.newest_first else ''} LIMIT {{}}"
        found = yield self.sql.log(filters, order, query.limit + 1)
        return page([(str(row[3] if of_one else row[0]), rows.entry(row)) for row in found], query.limit)

    def customers(self, query: Customers) -> Operation[Page[Listed[str, str]]]:
        engine = self.sql.engine

        def among(what: str, members: Iterable[str | None]) -> tuple[str, tuple[Any, ...]]:
            return engine.among.format(what, "{}"), (engine.array(sorted(member or "" for member in members)),)

        filters: list[tuple[str, tuple[Any, ...]]] = [
            ("s.org = {}", (query.org,)),
            ("s.lifecycle = {}", (query.lifecycle,)),
        ]
        if query.statuses is not None:
            # One status is an index's own; several are not, as its order would be another than the list's.
            (status,) = query.statuses if len(query.statuses) == 1 else (None,)
            one = status is not None and query.label is None
            filters.append(("s.status = {}", (status,)) if one else among("coalesce(s.status, '')", query.statuses))
        if query.label is not None:
            filters.append(("s.label = {}", (query.label,)))
        if query.without:
            condition, values = among("s.status", query.without)
            filters.append((f"(s.status IS NULL OR NOT {condition})", values))
        if query.places is not None:
            filters.append(among("coalesce(s.label, s.status)", query.places))
        if query.quiet_since is not None:
            filters.append(("coalesce(l.at, a.registered_at) < {}", (micros(query.quiet_since),)))
        if query.after is not None:
            filters.append(("s.customer > {}", (query.after,)))
        found = yield self.sql.customers(filters, "ORDER BY s.customer LIMIT {}", query.limit + 1)
        return page([(row[0], rows.listed(row)) for row in found], query.limit)

    def accounts(self, query: Accounts) -> Operation[Page[Account]]:
        found = yield self.sql.accounts, (query.org, query.after or "", query.limit + 1)
        grouped: dict[str, list[tuple[Any, ...]]] = {}
        for row in found:
            grouped.setdefault(row[0], []).append(row[1:])
        return page([(name, rows.account(query.org, name, each)) for name, each in grouped.items()], query.limit)

    def tally(self, org: str, lifecycle: str) -> Operation[tuple[Tally[str, str], ...]]:
        found = yield self.sql.tally, (org, lifecycle)
        return tuple(Tally(status, label, accounts) for status, label, accounts in found)

    def record(self, batch: ActivityBatch) -> Operation[Recorded]:
        org, array = batch.org, self.sql.engine.array
        named = array(dict.fromkeys(activity.customer for activity in batch.activities))
        known = {customer for (customer,) in (yield self.sql.known, (org, named))}
        kept = [activity for activity in batch.activities if activity.customer in known]
        new = 0
        if kept:
            written = yield Many(self.sql.record, [rows.activity_row(org, activity) for activity in kept])
            new = written[0][0]
        active = array(dict.fromkeys(activity.customer for activity in kept if activity.counts))
        yield self.sql.touch, (org, active)
        watched: tuple[Listed[str, str], ...] = ()
        if batch.watch:
            labels = array(sorted(batch.watch))
            found = yield self.sql.watched, (org, CUSTOMER_STATUS.name, labels, active)
            watched = tuple(map(rows.listed, found))
        unknown = sorted({activity.customer for activity in batch.activities} - known)
        return Recorded(new, len(kept) - new, tuple(unknown), watched)

    def activities(self, query: Activities) -> Operation[Page[StoredActivity]]:
        filters: list[tuple[str, tuple[Any, ...]]] = [("org = {}", (query.org,))]
        filters += [("customer = {}", (query.customer,))] if query.customer is not None else []
        filters += [("reference = {}", (query.reference,))] if query.reference is not None else []
        if query.after is not None:
            sign = "<" if query.newest_first else ">"
            condition = f"(at, kind, reference, customer) {sign} ({{}}, {{}}, {{}}, {{}})"
            filters.append((condition, read_activity_cursor(query.after)))
        columns = ("at", "kind", "reference") if query.customer is not None else ("at", "kind", "reference", "customer")
        order = ", ".join(f"{column}{' DESC' if query.newest_first else ''}" for column in columns)
        found = yield self.sql.activities(filters, f"ORDER BY {order} LIMIT {{}}", query.limit + 1)
        kept = [rows.activity(row) for row in found]
        return page([(activity_cursor(activity), activity) for activity in kept], query.limit)

    def keep_config(self, org: str, config_hash: str, text: str) -> Operation[bool]:
        kept = yield self.sql.config, (org, config_hash)
        if not kept:
            yield self.sql.keep_config, (org, config_hash, text)
        return True

    def config(self, org: str, config_hash: str) -> Operation[str | None]:
        found = yield self.sql.config, (org, config_hash)
        return found[0][0] if found else None

    def organisations(self) -> Operation[tuple[str, ...]]:
        found = yield self.sql.organisations, ()
        return tuple(org for (org,) in found)
