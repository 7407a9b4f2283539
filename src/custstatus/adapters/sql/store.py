"""
The verbs of the SQL stores; how an operation is read or written is each engine's own.

Written awaited; those of the stores that block are made of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

if TYPE_CHECKING:
    from custstatus.adapters.feeds import FeedPage, Lag
    from custstatus.adapters.protocol import ActivityBatch, Recorded
    from custstatus.adapters.queries import Feed, Page, Placed, Query, Tally
    from custstatus.adapters.sql.operations import Operations
    from custstatus.adapters.sql.running import Script
    from custstatus.gate.outcome import Applied, Plan, Snapshot
    from custstatus.gate.prepared import PreparedChange
    from custstatus.gate.sets import PreparedSet, SetResult
    from custstatus.records import Account, HeldIdentifier

__all__ = ["AsyncSqlStore"]

T = TypeVar("T")


class AsyncSqlStore:
    """Every verb but those that an engine runs in a way of its own: `apply`, `inside` and `close`."""

    _operations: ClassVar[Operations]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _read(self, operation: Script[T]) -> T:
        """Run an operation that only reads."""
        raise NotImplementedError

    async def _write(self, operation: Script[T | None]) -> T | None:
        """Run an operation in one transaction, undone where it answers None."""
        raise NotImplementedError

    async def load(self, org: str, customer: str) -> Account | None:
        return await self._read(self._operations.load(org, customer))

    async def read(self, prepared: PreparedChange) -> Snapshot:
        return await self._read(self._operations.read(prepared))

    async def commit(self, plan: Plan) -> Applied | Snapshot:
        return await self._write(self._operations.commit(plan)) or await self.read(plan.prepared)

    async def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        step = prepared.step
        moved = (None if step is None else await self._write(self._operations.apply_set(prepared, step))) or ()
        left = prepared.left(moved)
        found = await self._read(self._operations.read_set(prepared, left)) if left else {}
        return prepared.answers(moved, found)

    async def find_all(self, org: str, tokens: tuple[str, ...]) -> dict[str, str]:
        return await self._read(self._operations.find_all(org, tokens))

    async def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        return await self._read(self._operations.identifiers(org, customer))

    async def page(self, query: Query[T]) -> Page[T]:
        return await self._read(self._operations.page(query))

    async def count(self, query: Placed) -> int:
        return await self._read(self._operations.count(query))

    async def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        return await self._read(self._operations.tally(org, lifecycle))

    async def record(self, batch: ActivityBatch) -> Recorded:
        recorded = await self._write(self._operations.record(batch))
        assert recorded is not None
        return recorded

    async def feed(self, query: Feed) -> FeedPage:
        return await self._read(self._operations.feed(query))

    async def lag(self, org: str, after: str | None) -> Lag:
        return await self._read(self._operations.lag(org, after))

    async def position(self, org: str, consumer: str) -> str | None:
        return await self._read(self._operations.position(org, consumer))

    async def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        await self._write(self._operations.keep_position(org, consumer, position))

    async def keep_config(self, org: str, config_hash: str, text: str) -> None:
        if await self.config(org, config_hash) is None:
            await self._write(self._operations.keep_config(org, config_hash, text))

    async def config(self, org: str, config_hash: str) -> str | None:
        return await self._read(self._operations.config(org, config_hash))

    async def organisations(self) -> tuple[str, ...]:
        return await self._read(self._operations.organisations())

    async def close(self) -> None:
        """Release what it holds."""
        raise NotImplementedError
