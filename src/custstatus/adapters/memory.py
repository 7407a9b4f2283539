"""
A store in memory, for tests and for trying things out: nothing outlives the process.

The plainest implementation of the contract, one lock over plain dicts. It plans nothing itself, so `apply` is `read`.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import evolve

from custstatus.adapters import memory_queries
from custstatus.adapters.cursors import activity_place, page
from custstatus.adapters.feeds import FeedPage, Lag, Position
from custstatus.adapters.protocol import ActivityBatch, Recorded, StoredActivity
from custstatus.adapters.queries import (
    Accounts,
    Activities,
    CustomerIds,
    Customers,
    Feed,
    Listed,
    Log,
    Page,
    Placed,
    Query,
    Tally,
)
from custstatus.errors import InvalidInputError, PositionLostError, StoreClosedError
from custstatus.gate.outcome import AccountPlan, Applied, Plan, Snapshot
from custstatus.records import Account, Entry, HeldIdentifier
from custstatus.states import CUSTOMER_STATUS

if TYPE_CHECKING:
    from custstatus.gate.prepared import PreparedChange
    from custstatus.gate.sets import PreparedSet, SetResult

__all__ = ["MemoryStore"]


T = TypeVar("T")


class _Org:
    """All rows of one organisation."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.ids: list[str] = []
        """The customer ids, sorted."""
        self.entries: dict[str, list[Entry]] = {}
        self.log: list[Entry] = []
        self.keys: dict[str, list[Entry]] = {}
        self.tokens: dict[str, str] = {}
        """Which living account holds each token."""
        self.held: dict[str, list[HeldIdentifier]] = {}
        self.activities: dict[tuple[str, str, str], StoredActivity] = {}
        self.by_customer: dict[str, list[StoredActivity]] = {}
        self.by_reference: dict[str, list[StoredActivity]] = {}
        self.last_activity: dict[str, datetime] = {}
        self.configs: dict[str, str] = {}
        self.positions: dict[str, Position] = {}


class MemoryStore:
    """A store that keeps everything in memory, safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._orgs: dict[str, _Org] = {}
        self._accounts: dict[tuple[str, str], Account] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, org: str, customer: str) -> Account | None:
        account = self._accounts.get((org, customer))
        if account is None:
            self._check_open()
        return account

    def read(self, prepared: PreparedChange) -> Snapshot:
        with self._lock:
            org = self._org(prepared.org)
            account = org.accounts.get(prepared.customer)
            origins: tuple[Entry, ...] = ()
            if account is not None:
                entries = org.entries[prepared.customer]
                origins = tuple(entries[row.return_to - 1] for row in account.standings if row.return_to is not None)
            if prepared.key is not None:
                prior = tuple(org.keys.get(prepared.key, ()))
            else:
                prior = prepared.of_run(org.entries.get(prepared.customer, ()))
            tokens = [token.token for token in (*prepared.adds, *prepared.drops)]
            return Snapshot(
                account,
                prior=prior,
                origins=origins,
                holders={token: org.tokens[token] for token in tokens if token in org.tokens},
                last_activity_at=None if prepared.quiet_since is None else org.last_activity.get(prepared.customer),
            )

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        return self.read(prepared)

    def commit(self, plan: Plan) -> Applied | Snapshot:
        prepared = plan.prepared
        with self._lock:
            if not all(self._fits(account, prepared) for account in plan.accounts) or not self._tokens_fit(plan):
                return self.read(prepared)
            for account in plan.accounts:
                self._write(account)
            return Applied(plan.entries)

    def _fits(self, planned: AccountPlan, prepared: PreparedChange) -> bool:
        org = self._org(planned.org)
        account = org.accounts.get(planned.customer)
        if (None if account is None else account.version) != planned.expected:
            return False
        if any(entry.key in org.keys for entry in planned.entries):
            return False
        if prepared.quiet_since is None or account is None:
            return True
        return org.last_activity.get(planned.customer, account.registered_at) < prepared.quiet_since

    def _tokens_fit(self, plan: Plan) -> bool:
        """Whether every token that comes is free and every one that goes is held, the accounts taken in their order."""
        if not any(account.adds or account.drops for account in plan.accounts):
            return True
        held = {org: dict(self._org(org).tokens) for org in {account.org for account in plan.accounts}}
        for account in plan.accounts:
            tokens = held[account.org]
            for dropped in account.drops:
                if tokens.pop(dropped.token, None) != account.customer:
                    return False
            for added in account.adds:
                if added.token in tokens:
                    return False
                tokens[added.token] = account.customer
            if account.closed_at is not None:
                held[account.org] = {token: who for token, who in tokens.items() if who != account.customer}
        return True

    def _write(self, planned: AccountPlan) -> None:
        org = self._org(planned.org)
        account = org.accounts.get(planned.customer)
        last = planned.entries[-1]
        rows = {} if account is None else {row.lifecycle: row for row in account.standings}
        rows |= {row.lifecycle: row for row in planned.standings}
        ordered = tuple(rows[name] for name in sorted(rows))
        if account is None:
            account = Account(
                planned.org,
                planned.customer,
                last.version,
                planned.registered_at or last.effective_at,
                planned.closed_at,
                ordered,
            )
            insort(org.ids, planned.customer)
        else:
            closed_at = account.closed_at or planned.closed_at
            account = evolve(account, version=last.version, standings=ordered, closed_at=closed_at)
        org.accounts[planned.customer] = self._accounts[planned.org, planned.customer] = account
        org.entries.setdefault(planned.customer, []).extend(planned.entries)
        org.log.extend(planned.entries)
        for entry in planned.entries:
            if entry.key is not None:
                org.keys.setdefault(entry.key, []).append(entry)
        dropped = {token.token for token in planned.drops}
        if planned.closed_at is not None:
            dropped = {token for token, holder in org.tokens.items() if holder == planned.customer}
        held = [each for each in org.held.get(planned.customer, []) if each.token not in dropped]
        for token in dropped:
            org.tokens.pop(token, None)
        if planned.closed_at is None:
            for added in planned.adds:
                org.tokens[added.token] = planned.customer
                held.append(HeldIdentifier(added.type, added.token, last.effective_at))
        org.held[planned.customer] = held

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        return tuple(map(self.read, prepared.each()))

    def find_all(self, org: str, tokens: tuple[str, ...]) -> dict[str, str]:
        with self._lock:
            held = self._org(org).tokens
            return {token: held[token] for token in tokens if token in held}

    def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        with self._lock:
            return tuple(sorted(self._org(org).held.get(customer, ()), key=lambda held: held.type))

    def page(self, query: Query[T]) -> Page[T]:
        found: Any  # of the rows that the query is of
        if isinstance(query, Log):
            found = self._log(query)
        elif isinstance(query, Customers):
            found = self._customers(query, query.limit)
        elif isinstance(query, CustomerIds):
            listed = self._customers(query, query.limit)
            found = Page(tuple(row.customer for row in listed), listed.next)
        elif isinstance(query, Accounts):
            found = self._accounts_page(query)
        elif isinstance(query, Activities):
            found = self._activities(query)
        else:
            raise InvalidInputError("query", "a list that this store knows", type(query).__name__)
        return cast("Page[T]", found)

    def _log(self, query: Log) -> Page[Entry]:
        with self._lock:
            org = self._org(query.org)
            entries = list(org.log if query.customer is None else org.entries.get(query.customer, ()))
        return memory_queries.log(entries, query)

    def _customers(self, query: Placed, limit: int) -> Page[Listed[str, str]]:
        with self._lock:
            kept = list(islice(self._asked(query), limit + 1))
        return page(kept, limit)

    def _asked(self, query: Placed) -> Iterator[tuple[str, Listed[str, str]]]:
        """All customers that a query asks for, each with their cursor, whatever its limit; to be read within the lock."""
        org = self._org(query.org)
        for customer in memory_queries.after(org.ids, query.after):
            account = org.accounts[customer]
            row = account.standing(query.lifecycle)
            last = org.last_activity.get(customer)
            if (
                row is not None
                and memory_queries.matches(account, row, query)
                and memory_queries.fits_activity(account, last, query)
            ):
                yield customer, Listed(customer, row, account.registered_at, last)

    def count(self, query: Placed) -> int:
        with self._lock:
            return sum(1 for _ in self._asked(evolve(query, after=None)))

    def _accounts_page(self, query: Accounts) -> Page[Account]:
        with self._lock:
            org = self._org(query.org)
            ids = memory_queries.after(org.ids, query.after)[: query.limit + 1]
            return page([(customer, org.accounts[customer]) for customer in ids], query.limit)

    def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        with self._lock:
            rows = [account.standing(lifecycle) for account in self._org(org).accounts.values()]
        counted = Counter((row.status, row.label) for row in rows if row is not None)
        ordered = sorted(counted, key=lambda place: (place[0] or "", place[1] or ""))
        return tuple(Tally(status, label, counted[status, label]) for status, label in ordered)

    def record(self, batch: ActivityBatch) -> Recorded:
        new = 0
        repeats: list[int] = []
        unknown: dict[str, None] = {}
        active: dict[str, None] = {}
        with self._lock:
            org = self._org(batch.org)
            for place, activity in enumerate(batch.activities):
                if activity.customer not in org.accounts:
                    unknown[activity.customer] = None
                    continue
                if activity.counts:
                    active[activity.customer] = None
                name = (activity.customer, activity.kind, activity.reference)
                if name in org.activities:
                    repeats.append(place)
                    continue
                new += 1
                org.activities[name] = activity
                insort(org.by_customer.setdefault(activity.customer, []), activity, key=activity_place)
                insort(org.by_reference.setdefault(activity.reference, []), activity, key=activity_place)
                if activity.counts:
                    before = org.last_activity.get(activity.customer, activity.at)
                    org.last_activity[activity.customer] = max(before, activity.at)
            watched = []
            for customer in sorted(active):
                account = org.accounts[customer]
                row = account.standing(CUSTOMER_STATUS.name)
                if row is not None and row.label in batch.watch:
                    last = org.last_activity.get(customer)
                    watched.append(Listed(customer, row, account.registered_at, last))
        return Recorded(new, tuple(repeats), tuple(sorted(unknown)), tuple(watched))

    def _activities(self, query: Activities) -> Page[StoredActivity]:
        with self._lock:
            org = self._org(query.org)
            if query.customer is not None:
                rows = list(org.by_customer.get(query.customer, ()))
            else:
                rows = list(org.by_reference.get(query.reference or "", ()))
        return memory_queries.activities(rows, query)

    def feed(self, query: Feed) -> FeedPage:
        place = _place(query.after)
        with self._lock:
            entries = self._org(query.org).log[place.entry : place.entry + query.limit]
        return FeedPage(tuple(entries), str(place._replace(entry=place.entry + len(entries))))

    def lag(self, org: str, after: str | None) -> Lag:
        with self._lock:
            left = self._org(org).log[_place(after).entry :]
        return Lag(len(left), 0, min((entry.recorded_at for entry in left), default=None))

    def position(self, org: str, consumer: str) -> str | None:
        with self._lock:
            kept = self._org(org).positions.get(consumer)
        return None if kept is None else str(kept)

    def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        with self._lock:
            positions = self._org(org).positions
            if position is None:
                positions.pop(consumer, None)
            else:
                place = _place(position)
                positions[consumer] = max(place, positions.get(consumer, place))

    def keep_config(self, org: str, config_hash: str, text: str) -> None:
        with self._lock:
            self._org(org).configs.setdefault(config_hash, text)

    def config(self, org: str, config_hash: str) -> str | None:
        with self._lock:
            return self._org(org).configs.get(config_hash)

    def organisations(self) -> tuple[str, ...]:
        with self._lock:
            self._check_open()
            return tuple(sorted(name for name, org in self._orgs.items() if org.configs))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._orgs.clear()
            self._accounts.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError("the store was closed: make another one")

    def _org(self, name: str) -> _Org:
        self._check_open()
        return self._orgs.setdefault(name, _Org())


def _place(after: str | None) -> Position:
    """A position in a store that has but one epoch, and numbers no transactions."""
    place = Position.read(after)
    if place.transaction:
        raise InvalidInputError("after", "a position in the feed of this store", "one of another kind of store")
    if place.epoch:
        raise PositionLostError("the position is of another store: read the feed from its beginning")
    return place
