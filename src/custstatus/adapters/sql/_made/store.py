"""
The verbs of the SQL stores, where they block.

Made of `adapters/sql/store.py` by `make faces`: change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import ClassVar, Self, TypeVar

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

__all__ = ["SqlStore"]

T = TypeVar("T")

class SqlStore:
    """Every verb but those that an engine runs in a way of its own: `apply`, `inside` and `close`."""

    _operations: ClassVar[Operations]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, operation: Script[T]) -> T:
        """Run an operation that only reads."""
        raise NotImplementedError

    def _write(self, operation: Script[T | None]) -> T | None:
        """Run an operation in one transaction, undone where it answers None."""
        raise NotImplementedError

    def load(self, org: str, customer: str) -> Account | None:
        return self._read(self._operations.load(org, customer))

    def read(self, prepared: PreparedChange) -> Snapshot:
        return self._read(self._operations.read(prepared))

    def commit(self, plan: Plan) -> Applied | Snapshot:
        return self._write(self._operations.commit(plan)) or self.read(plan.prepared)

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        step = prepared.step
        moved = (None if step is None else self._write(self._operations.apply_set(prepared, step))) or ()
        left = prepared.left(moved)
        found = self._read(self._operations.read_set(prepared, left)) if left else {}
        return prepared.answers(moved, found)

    def find_all(self, org: str, tokens: tuple[str, ...]) -> dict[str, str]:
        return self._read(self._operations.find_all(org, tokens))

    def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        return self._read(self._operations.identifiers(org, customer))

    def page(self, query: Query[T]) -> Page[T]:
        return self._read(self._operations.page(query))

    def count(self, query: Placed) -> int:
        return self._read(self._operations.count(query))

    def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        return self._read(self._operations.tally(org, lifecycle))

    def record(self, batch: ActivityBatch) -> Recorded:
        recorded = self._write(self._operations.record(batch))
        assert recorded is not None
        return recorded

    def feed(self, query: Feed) -> FeedPage:
        return self._read(self._operations.feed(query))

    def lag(self, org: str, after: str | None) -> Lag:
        return self._read(self._operations.lag(org, after))

    def position(self, org: str, consumer: str) -> str | None:
        return self._read(self._operations.position(org, consumer))

    def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        self._write(self._operations.keep_position(org, consumer, position))

    def keep_config(self, org: str, config_hash: str, text: str) -> None:
        if self.config(org, config_hash) is None:
            self._write(self._operations.keep_config(org, config_hash, text))

    def config(self, org: str, config_hash: str) -> str | None:
        return self._read(self._operations.config(org, config_hash))

    def organisations(self) -> tuple[str, ...]:
        return self._read(self._operations.organisations())

    def close(self) -> None:
        """Release what it holds."""
        raise NotImplementedError
