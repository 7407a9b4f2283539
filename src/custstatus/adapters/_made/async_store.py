"""
What a store is that is awaited.

Made of `adapters/protocol.py` by `make faces`: change that.
"""

from __future__ import annotations

from custstatus.adapters.protocol import ActivityBatch, Recorded, StoredActivity
from typing import TYPE_CHECKING
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from custstatus.adapters.feeds import FeedPage, Lag
    from custstatus.adapters.queries import Feed, Page, Placed, Query, Tally
    from custstatus.gate.outcome import Applied, Plan, Snapshot
    from custstatus.gate.prepared import PreparedChange
    from custstatus.gate.sets import PreparedSet, SetResult
    from custstatus.records import Account, HeldIdentifier

__all__ = ["AsyncJoinableStore", "AsyncStore"]

T = TypeVar("T")

class AsyncStore(Protocol):
    """
    The contract of `Store` for an engine that is awaited: every verb means what the verb of that name means there.

    It is used on one event loop, by any number of tasks at once. A verb that is cancelled has written all or nothing.
    """

    async def load(self, org: str, customer: str) -> Account | None:
        """One account with its standings, ordered by lifecycle; None where there is none."""
        ...

    async def read(self, prepared: PreparedChange) -> Snapshot:
        """
        A snapshot of what the store has that concerns a change.

        The account; where the change has a key, the entries that it has written (ordered by ordinal), and where it is part of a
        run, those of the run for the customer on its lifecycles; the entries that the
        standings' `return_to` name; who holds each token that it adds or drops; where it asks for quiet, the last
        activity that counts. All from one snapshot, or the key looked up after the account.
        """
        ...

    async def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        """
        Make a change without planning it, or return a snapshot; the change has no reasons against it.

        What it writes is exactly what `commit(plan(read(prepared), prepared))` would have written, in one transaction. It
        answers a Snapshot, complete, wherever that plan would not have been a Plan; and may answer one wherever it cannot
        make the change by itself, or always: the service plans then.
        """
        ...

    async def commit(self, plan: Plan) -> Applied | Snapshot:
        """
        Write exactly this, for all its accounts, in one transaction; or nothing, and answer what is there.

        The accounts, each at most once, are taken in their order: an identifier that one gives up is free for those after it.
        It is not written if an account is not at the version that the plan expects (or is there when none is expected),
        if a key of its entries has written before, if a living account holds an added token, if the account does not hold a
        dropped one, or if a customer was active since `quiet_since`. An account that is closed releases all its identifiers.
        """
        ...

    async def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        """
        Make one change of several accounts, each as `apply` would, or return a snapshot; in the order of the rows.

        In one transaction or in several; what it returns as a SetResult is written. A run that has written for a customer on the
        lifecycle does not again: its entry is then the Snapshot's `prior`.
        """
        ...

    async def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        """The living account that holds each of these identifiers; those that none holds are left out."""
        ...

    async def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        """The identifiers that an account holds, by type, then in the order in which they were added."""
        ...

    async def page(self, query: Query[T]) -> Page[T]:
        """
        A page of a list, in the list's fixed order; each kind of query says what its rows are and how they are ordered.

        Activities that tie in time are in the order of kind, reference and customer, or in its reverse.
        """
        ...

    async def count(self, query: Placed) -> int:
        """How many accounts there are on all pages."""
        ...

    async def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        """How many accounts are at each status and label of a lifecycle, ordered by status and label, unset first."""
        ...

    async def record(self, batch: ActivityBatch) -> Recorded:
        """Record activities in one transaction; repeats and unknown customers are reported, not errors."""
        ...

    async def feed(self, query: Feed) -> FeedPage:
        """
        The committed entries that follow a position, in an order in which nothing can come before what was given.

        Those of a customer are in the order of their versions.

        Raises:
            PositionLostError: The position is of before the database was restored from a copy.
        """
        ...

    async def lag(self, org: str, after: str | None) -> Lag:
        """How far a position is behind what is committed; raises as `feed` does."""
        ...

    async def position(self, org: str, consumer: str) -> str | None:
        """The position that a consumer has kept; None where it has none."""
        ...

    async def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        """
        Keep the position of a consumer; one that lies before what is kept changes nothing, None forgets it.

        Raises:
            PositionLostError: As `feed` does.
        """
        ...

    async def keep_config(self, org: str, config_hash: str, text: str) -> None:
        """Keep a configuration under its hash; what is kept there already stays."""
        ...

    async def config(self, org: str, config_hash: str) -> str | None:
        """The configuration of a hash, as it was kept."""
        ...

    async def organisations(self) -> tuple[str, ...]:
        """Every organisation that has kept a configuration, in order."""
        ...

    async def close(self) -> None:
        """Release what it holds; any later use raises StoreClosedError. Closing again does nothing."""
        ...


@runtime_checkable
class AsyncJoinableStore(Protocol):
    """An `AsyncStore` that can write within a transaction of the host's own."""

    def inside(self, connection: Any) -> AsyncStore:
        """As `JoinableStore.inside`: it awaits nothing, so that what must be asked of the engine is asked by the verbs."""
        ...
