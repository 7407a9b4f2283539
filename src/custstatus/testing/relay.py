"""A store that passes every verb on to another: the base of those that watch one, or break one on purpose."""

from __future__ import annotations

from collections.abc import Mapping

from custstatus import (
    Account,
    Accounts,
    Activities,
    ActivityBatch,
    Applied,
    Customers,
    Entry,
    Feed,
    FeedPage,
    Found,
    GuardedChange,
    GuardedSet,
    HeldIdentifier,
    Lag,
    Listed,
    Log,
    Moved,
    Page,
    Plan,
    Recorded,
    Store,
    StoredActivity,
    Tally,
)

__all__ = ["RelayStore"]


class RelayStore:
    """Override a verb to see what comes by, or to do it otherwise."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def load(self, org: str, customer: str) -> Account | None:
        return self.store.load(org, customer)

    def read(self, guarded: GuardedChange) -> Found:
        return self.store.read(guarded)

    def apply(self, guarded: GuardedChange) -> Applied | Found:
        return self.store.apply(guarded)

    def commit(self, plan: Plan) -> Applied | Found:
        return self.store.commit(plan)

    def apply_set(self, guarded: GuardedSet) -> tuple[Moved | Found, ...]:
        """One by one, by `apply`, so that there is one verb to override."""
        answers = map(self.read if guarded.only_read else self.apply, guarded.each())
        return tuple(Moved.by(answer) if isinstance(answer, Applied) else answer for answer in answers)

    def find(self, org: str, token: str) -> str | None:
        return self.store.find(org, token)

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        return self.store.find_all(org, tokens)

    def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        return self.store.identifiers(org, customer)

    def log(self, query: Log) -> Page[Entry]:
        return self.store.log(query)

    def customers(self, query: Customers) -> Page[Listed[str, str]]:
        return self.store.customers(query)

    def customer_ids(self, query: Customers) -> Page[str]:
        return self.store.customer_ids(query)

    def count(self, query: Customers) -> int:
        return self.store.count(query)

    def accounts(self, query: Accounts) -> Page[Account]:
        return self.store.accounts(query)

    def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        return self.store.tally(org, lifecycle)

    def record(self, batch: ActivityBatch) -> Recorded:
        return self.store.record(batch)

    def activities(self, query: Activities) -> Page[StoredActivity]:
        return self.store.activities(query)

    def feed(self, query: Feed) -> FeedPage:
        return self.store.feed(query)

    def lag(self, org: str, after: str | None) -> Lag:
        return self.store.lag(org, after)

    def position(self, org: str, consumer: str) -> str | None:
        return self.store.position(org, consumer)

    def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        self.store.keep_position(org, consumer, position)

    def keep_config(self, org: str, config_hash: str, text: str) -> None:
        self.store.keep_config(org, config_hash, text)

    def config(self, org: str, config_hash: str) -> str | None:
        return self.store.config(org, config_hash)

    def organisations(self) -> tuple[str, ...]:
        return self.store.organisations()

    def close(self) -> None:
        self.store.close()
