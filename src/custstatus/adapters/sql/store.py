"""The verbs of the SQL stores that block; how an operation is read or written is each engine's own."""

from __future__ import annotations

from typing import ClassVar, Self, TypeVar

from custstatus.adapters.protocol import ActivityBatch, Recorded, StoredActivity
from custstatus.adapters.sql.operations import Operations
from custstatus.adapters.sql.running import Operation
from custstatus.changes import Applied, Found, GuardedChange, Plan
from custstatus.feeds import FeedPage, Lag
from custstatus.queries import Accounts, Activities, Customers, Feed, Log
from custstatus.records import Account, Entry, HeldIdentifier, Listed, Page, Tally
from custstatus.sets import GuardedSet, Moved

__all__ = ["SqlStore"]

T = TypeVar("T")


class SqlStore:
    """Every verb but those that an engine runs in a way of its own: `apply`, `inside` and `close`."""

    _operations: ClassVar[Operations]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, operation: Operation[T]) -> T:
        """Run an operation that only reads."""
        raise NotImplementedError

    def _write(self, operation: Operation[T | None]) -> T | None:
        """Run an operation in one transaction, undone where it answers None."""
        raise NotImplementedError

    def load(self, org: str, customer: str) -> Account | None:
        return self._read(self._operations.load(org, customer))

    def read(self, guarded: GuardedChange) -> Found:
        return self._read(self._operations.read(guarded))

    def commit(self, plan: Plan) -> Applied | Found:
        return self._write(self._operations.commit(plan)) or self.read(plan.guarded)

    def apply_set(self, guarded: GuardedSet) -> tuple[Moved | Found, ...]:
        step = guarded.step
        moved = (None if step is None else self._write(self._operations.apply_set(guarded, step))) or ()
        left = guarded.left(moved)
        return guarded.answers(moved, self._read(self._operations.read_set(guarded, left)) if left else {})

    def find(self, org: str, token: str) -> str | None:
        return self._read(self._operations.find(org, token))

    def find_all(self, org: str, tokens: tuple[str, ...]) -> dict[str, str]:
        return self._read(self._operations.find_all(org, tokens))

    def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        return self._read(self._operations.identifiers(org, customer))

    def log(self, query: Log) -> Page[Entry]:
        return self._read(self._operations.log(query))

    def customers(self, query: Customers) -> Page[Listed[str, str]]:
        return self._read(self._operations.customers(query))

    def customer_ids(self, query: Customers) -> Page[str]:
        return self._read(self._operations.customer_ids(query))

    def count(self, query: Customers) -> int:
        return self._read(self._operations.count(query))

    def accounts(self, query: Accounts) -> Page[Account]:
        return self._read(self._operations.accounts(query))

    def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        return self._read(self._operations.tally(org, lifecycle))

    def record(self, batch: ActivityBatch) -> Recorded:
        recorded = self._write(self._operations.record(batch))
        assert recorded is not None
        return recorded

    def activities(self, query: Activities) -> Page[StoredActivity]:
        return self._read(self._operations.activities(query))

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
