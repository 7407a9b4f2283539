"""
A store that is awaited, waited for.

Made of `adapters/protocol.py` by `make faces`: change that.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from custstatus.aio import AsyncStore

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

__all__ = ["Waited"]

T = TypeVar("T")


class Waited:
    """Every verb of a store that is awaited, as one that blocks until it is done."""

    store: AsyncStore

    def _wait(self, verb: Coroutine[Any, Any, T]) -> T:
        """The result of a verb, once it is there."""
        raise NotImplementedError

    def load(self, org: str, customer: str) -> Account | None:
        return self._wait(self.store.load(org, customer))

    def read(self, prepared: PreparedChange) -> Snapshot:
        return self._wait(self.store.read(prepared))

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        return self._wait(self.store.apply(prepared))

    def commit(self, plan: Plan) -> Applied | Snapshot:
        return self._wait(self.store.commit(plan))

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        return self._wait(self.store.apply_set(prepared))

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        return self._wait(self.store.find_all(org, tokens))

    def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        return self._wait(self.store.identifiers(org, customer))

    def page(self, query: Query[T]) -> Page[T]:
        return self._wait(self.store.page(query))

    def count(self, query: Placed) -> int:
        return self._wait(self.store.count(query))

    def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        return self._wait(self.store.tally(org, lifecycle))

    def record(self, batch: ActivityBatch) -> Recorded:
        return self._wait(self.store.record(batch))

    def feed(self, query: Feed) -> FeedPage:
        return self._wait(self.store.feed(query))

    def lag(self, org: str, after: str | None) -> Lag:
        return self._wait(self.store.lag(org, after))

    def position(self, org: str, consumer: str) -> str | None:
        return self._wait(self.store.position(org, consumer))

    def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        self._wait(self.store.keep_position(org, consumer, position))

    def keep_config(self, org: str, config_hash: str, text: str) -> None:
        self._wait(self.store.keep_config(org, config_hash, text))

    def config(self, org: str, config_hash: str) -> str | None:
        return self._wait(self.store.config(org, config_hash))

    def organisations(self) -> tuple[str, ...]:
        return self._wait(self.store.organisations())
