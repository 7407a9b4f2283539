"""
A store that blocks, awaited.

Made of `adapters/protocol.py` by `make faces`: change that.
"""

from __future__ import annotations

from typing import Self
from custstatus.errors import InvalidInputError
from custstatus.adapters.protocol import ActivityBatch, JoinableStore, Recorded, Store, StoredActivity
from typing import TYPE_CHECKING
from collections.abc import Mapping
from typing import Any, TypeVar

if TYPE_CHECKING:
    from custstatus.adapters.feeds import FeedPage, Lag
    from custstatus.adapters.queries import Feed, Page, Placed, Query, Tally
    from custstatus.gate.outcome import Applied, Plan, Snapshot
    from custstatus.gate.prepared import PreparedChange
    from custstatus.gate.sets import PreparedSet, SetResult
    from custstatus.records import Account, HeldIdentifier

__all__ = ["Awaited"]

T = TypeVar("T")

class Awaited:
    """
    A store that blocks, as an `AsyncStore`: each verb runs at once, and holds up the event loop while it does.

    The blocking service runs its coroutines on it. No verb lets other tasks go on in between.
    """

    __slots__ = ("store",)

    def __init__(self, store: Store) -> None:
        self.store = store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def inside(self, connection: Any) -> Awaited:
        """As `JoinableStore.inside`."""
        if not isinstance(self.store, JoinableStore):
            raise InvalidInputError("store", "a store that joins a host's transaction", type(self.store).__name__)
        return Awaited(self.store.inside(connection))

    async def load(self, org: str, customer: str) -> Account | None:
        return self.store.load(org, customer)

    async def read(self, prepared: PreparedChange) -> Snapshot:
        return self.store.read(prepared)

    async def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        return self.store.apply(prepared)

    async def commit(self, plan: Plan) -> Applied | Snapshot:
        return self.store.commit(plan)

    async def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        return self.store.apply_set(prepared)

    async def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        return self.store.find_all(org, tokens)

    async def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        return self.store.identifiers(org, customer)

    async def page(self, query: Query[T]) -> Page[T]:
        return self.store.page(query)

    async def count(self, query: Placed) -> int:
        return self.store.count(query)

    async def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        return self.store.tally(org, lifecycle)

    async def record(self, batch: ActivityBatch) -> Recorded:
        return self.store.record(batch)

    async def feed(self, query: Feed) -> FeedPage:
        return self.store.feed(query)

    async def lag(self, org: str, after: str | None) -> Lag:
        return self.store.lag(org, after)

    async def position(self, org: str, consumer: str) -> str | None:
        return self.store.position(org, consumer)

    async def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        self.store.keep_position(org, consumer, position)

    async def keep_config(self, org: str, config_hash: str, text: str) -> None:
        self.store.keep_config(org, config_hash, text)

    async def config(self, org: str, config_hash: str) -> str | None:
        return self.store.config(org, config_hash)

    async def organisations(self) -> tuple[str, ...]:
        return self.store.organisations()

    async def close(self) -> None:
        self.store.close()
