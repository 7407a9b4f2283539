"""
A store that passes every verb on.

Made of `adapters/protocol.py` by `make faces`: change that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from custstatus.adapters import (
    Account,
    ActivityBatch,
    Applied,
    Feed,
    FeedPage,
    HeldIdentifier,
    Lag,
    Page,
    Placed,
    Plan,
    PreparedChange,
    PreparedSet,
    Query,
    Recorded,
    SetResult,
    Snapshot,
    Store,
    Tally,
)

__all__ = ["Relay"]

T = TypeVar("T")


class Relay:
    """Every verb of a store, passed on to another."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def load(self, org: str, customer: str) -> Account | None:
        return self.store.load(org, customer)

    def read(self, prepared: PreparedChange) -> Snapshot:
        return self.store.read(prepared)

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        return self.store.apply(prepared)

    def commit(self, plan: Plan) -> Applied | Snapshot:
        return self.store.commit(plan)

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        return self.store.apply_set(prepared)

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        return self.store.find_all(org, tokens)

    def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        return self.store.identifiers(org, customer)

    def page(self, query: Query[T]) -> Page[T]:
        return self.store.page(query)

    def count(self, query: Placed) -> int:
        return self.store.count(query)

    def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        return self.store.tally(org, lifecycle)

    def record(self, batch: ActivityBatch) -> Recorded:
        return self.store.record(batch)

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
