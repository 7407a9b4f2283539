"""
What a store is: the contract between the service and whatever keeps the accounts.

A store decides nothing. It keeps accounts, their entries and their activities by organisation, applies what was prepared
or planned, and reads. To write one of your own, implement `Store` and run the suite of `custstatus.testing` on it.

Common to all verbs:

- Values were checked before they come here; text is exact, times are aware UTC to the microsecond.
- A failure of the engine is raised as a `StoreError` (its cause is the driver's error) and leaves nothing half written.
- What is acknowledged is as durable as the engine makes it, and read by every later call from any thread.
- An organisation sees its own rows only.
- Text is ordered by code point; a page's `next` is None exactly where nothing follows; `after` is the one thing that was
  not checked before: InvalidInputError where it is no `next` of the same list.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from attrs import field, frozen

from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters.feeds import FeedPage, Lag
    from custstatus.adapters.queries import Feed, Listed, Page, Placed, Query, Tally
    from custstatus.gate.outcome import Applied, Plan, Snapshot
    from custstatus.gate.prepared import PreparedChange
    from custstatus.gate.sets import PreparedSet, SetResult
    from custstatus.records import Account, Effect, HeldIdentifier

__all__ = ["ActivityBatch", "JoinableStore", "Recorded", "Store", "StoredActivity"]


T = TypeVar("T")


@frozen(repr=False)
class StoredActivity(Value):
    """An activity as a store keeps it."""

    customer: str
    kind: str
    reference: str
    at: datetime
    amount: Decimal | None
    effect: Effect
    counts: bool
    """Whether it keeps the customer active, as the configuration said when it was recorded."""


@frozen(eq=False, repr=False)
class ActivityBatch(Value):
    """Activities to record, all or none."""

    org: str
    activities: tuple[StoredActivity, ...] = field(repr=False)
    watch: frozenset[str] = frozenset()
    """Labels of customer status: the store answers which of the batch's customers are there."""


@frozen(repr=False)
class Recorded(Value):
    """What became of a batch."""

    new: int
    repeats: tuple[int, ...] = field(default=(), repr=False)
    """Which were reported before, or earlier in the batch, by their positions in it from 0 on: the first report is kept."""
    unknown: tuple[str, ...] = ()
    """Customers that are not registered: their activities were not recorded."""
    watched: tuple[Listed[str, str], ...] = ()
    """The batch's customers, with an activity that counts in it, that are under a watched label; by customer id."""

    @property
    def repeated(self) -> int:
        """How many were reported before."""
        return len(self.repeats)


class Store(Protocol):
    """Keeps the accounts, entries and activities of any number of organisations."""

    def load(self, org: str, customer: str) -> Account | None:
        """One account with its standings, ordered by lifecycle; None where there is none."""
        ...

    def read(self, prepared: PreparedChange) -> Snapshot:
        """
        A snapshot of what the store has that concerns a change.

        The account; where the change has a key, the entries that it has written (ordered by ordinal), and where it is part of a
        run, those of the run for the customer on its lifecycles; the entries that the
        standings' `return_to` name; who holds each token that it adds or drops; where it asks for quiet, the last
        activity that counts. All from one snapshot, or the key looked up after the account.
        """
        ...

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        """
        Make a change without planning it, or return a snapshot; the change has no reasons against it.

        What it writes is exactly what `commit(plan(read(prepared), prepared))` would have written, in one transaction. It
        answers a Snapshot, complete, wherever that plan would not have been a Plan; and may answer one wherever it cannot
        make the change by itself, or always: the service plans then.
        """
        ...

    def commit(self, plan: Plan) -> Applied | Snapshot:
        """
        Write exactly this, for all its accounts, in one transaction; or nothing, and answer what is there.

        The accounts, each at most once, are taken in their order: an identifier that one gives up is free for those after it.
        It is not written if an account is not at the version that the plan expects (or is there when none is expected),
        if a key of its entries has written before, if a living account holds an added token, if the account does not hold a
        dropped one, or if a customer was active since `quiet_since`. An account that is closed releases all its identifiers.
        """
        ...

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        """
        Make one change of several accounts, each as `apply` would, or return a snapshot; in the order of the rows.

        In one transaction or in several; what it returns as a SetResult is written. A run that has written for a customer on the
        lifecycle does not again: its entry is then the Snapshot's `prior`.
        """
        ...

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        """The living account that holds each of these identifiers; those that none holds are left out."""
        ...

    def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        """The identifiers that an account holds, by type, then in the order in which they were added."""
        ...

    def page(self, query: Query[T]) -> Page[T]:
        """
        A page of a list, in the list's fixed order; each kind of query says what its rows are and how they are ordered.

        Activities that tie in time are in the order of kind, reference and customer, or in its reverse.
        """
        ...

    def count(self, query: Placed) -> int:
        """How many accounts there are on all pages."""
        ...

    def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        """How many accounts are at each status and label of a lifecycle, ordered by status and label, unset first."""
        ...

    def record(self, batch: ActivityBatch) -> Recorded:
        """Record activities in one transaction; repeats and unknown customers are reported, not errors."""
        ...

    def feed(self, query: Feed) -> FeedPage:
        """
        The committed entries that follow a position, in an order in which nothing can come before what was given.

        Those of a customer are in the order of their versions.

        Raises:
            PositionLostError: The position is of before the database was restored from a copy.
        """
        ...

    def lag(self, org: str, after: str | None) -> Lag:
        """How far a position is behind what is committed; raises as `feed` does."""
        ...

    def position(self, org: str, consumer: str) -> str | None:
        """The position that a consumer has kept; None where it has none."""
        ...

    def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        """
        Keep the position of a consumer; one that lies before what is kept changes nothing, None forgets it.

        Raises:
            PositionLostError: As `feed` does.
        """
        ...

    def keep_config(self, org: str, config_hash: str, text: str) -> None:
        """Keep a configuration under its hash; what is kept there already stays."""
        ...

    def config(self, org: str, config_hash: str) -> str | None:
        """The configuration of a hash, as it was kept."""
        ...

    def organisations(self) -> tuple[str, ...]:
        """Every organisation that has kept a configuration, in order."""
        ...

    def close(self) -> None:
        """Release what it holds; any later use raises StoreClosedError. Closing again does nothing."""
        ...


@runtime_checkable
class JoinableStore(Protocol):
    """A store that can write within a transaction of the host's own."""

    def inside(self, connection: Any) -> Store:
        """
        The same store on the host's open connection, within its open transaction, never committing it.

        What is acknowledged there commits or rolls back with the host's transaction.

        Raises:
            InvalidInputError: It is no connection that this store can use.
        """
        ...
