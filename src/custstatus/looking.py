"""
Looking: the half of the service that only reads, lifting what is stored to the organisation's own enums.

Lists are in a fixed order and paged: give a page's `next` as `after` to get the following one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from custstatus import flows
from custstatus.adapters.protocol import Store
from custstatus.feeds import FeedPage, Lag
from custstatus.flows import Flow
from custstatus.lifecycle import Lifecycle, Status
from custstatus.reading import HIDDEN_FROM_REPORTS, Reading
from custstatus.records import (
    Account,
    Activity,
    Entry,
    HeldIdentifier,
    Identifier,
    Listed,
    Page,
    Standing,
    StatusLabel,
    Tally,
)
from custstatus.states import CUSTOMER_STATUS, CustomerStatus, LegacyFraudStatus
from custstatus.verifying import Verification

__all__ = ["HIDDEN_FROM_REPORTS", "Look"]

L = TypeVar("L", bound=StatusLabel)
S = TypeVar("S", bound=Status)
T = TypeVar("T")


class Look(Generic[L]):
    """
    What an organisation's accounts are and were.

    All of it raises StoreError where the store cannot be read, StoredValueError where it holds what the configuration
    lacks, and UnknownLifecycleError about a lifecycle that is off.
    """

    def __init__(self, store: Store, reading: Reading[L]) -> None:
        self._store = store
        self._reading = reading

    def standing(self, customer: str, lifecycle: Lifecycle[S], *, at: datetime | None = None) -> Standing[S, L] | None:
        """
        Where a customer stands on one lifecycle, now or as of an effective time; None where it is unset.

        Raises:
            UnknownCustomerError: No such customer (at that time).
            UnknownLifecycleError: The lifecycle is off.
            StoredValueError: The configuration lacks the stored status or label.
        """
        return self._run(self._reading.standing(customer, lifecycle, at))

    def standings(self, customer: str, *, at: datetime | None = None) -> tuple[Standing[Status, L], ...]:
        """Where a customer stands on every lifecycle that is on and that he has entered. Raises as `standing` does."""
        return self._run(self._reading.standings(customer, at))

    def displayed(self, customer: str) -> str:
        """
        What a screen shows of a customer: his label (the status's name where he has none) if customer status is on, else the
        name of his legacy fraud status; empty where neither is set (D46).

        Raises:
            UnknownCustomerError: No such customer.
            StoredValueError: The configuration lacks the stored status or label.
        """
        return self._run(self._reading.displayed(customer))

    def account(self, customer: str) -> Account:
        """
        The account as it is stored: its version, registered and closed times, standings as text.

        Raises:
            UnknownCustomerError: No such customer.
        """
        return self._run(self._reading.account(customer))

    def history(
        self,
        customer: str | None = None,
        *,
        lifecycle: Lifecycle[S] | None = None,
        status: S | None = None,
        actor: str | None = None,
        run: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        newest_first: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> Page[Entry]:
        """
        Entries of one customer, or of the whole organisation, oldest first unless asked otherwise (D51 to D53).

        Args:
            customer: None for the whole organisation.
            lifecycle: Only moves on it.
            status: Only moves to it; with its lifecycle.
            actor: Only those of an actor of this id.
            run: Only those of a bulk run of this id, by customer (D103).
            since: Only those recorded at or after this time.
            until: Only those recorded before this time.
            newest_first: The other way round.
            after: The `next` of the page before.
            limit: 1 to 10,000.

        Raises:
            UnknownCustomerError: No such customer.
        """
        flow = self._reading.history(
            customer,
            lifecycle,
            status,
            actor=actor,
            run=run,
            since=since,
            until=until,
            newest_first=newest_first,
            after=after,
            limit=limit,
        )
        return self._run(flow)

    def find(self, identifier: Identifier) -> str | None:
        """The customer id of the living account that holds an identifier; None where none does."""
        return self._run(self._reading.find(identifier))

    def identifiers(self, customer: str) -> tuple[HeldIdentifier, ...]:
        """The identifiers that a customer holds, the organisation's primary type first."""
        return self._run(self._reading.identifiers(customer))

    def customers(
        self,
        lifecycle: Lifecycle[S],
        *statuses: S,
        label: L | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page[Listed[S, L]]:
        """
        Customers by where they stand on a lifecycle, in the order of their customer ids.

        In any of the statuses; where neither a status nor a label is given, in any but those that close an account (D62).
        With *label*, only those under it.
        """
        return self._run(self._reading.customers(lifecycle, statuses, label, after=after, limit=limit))

    def deleted(self, *, after: str | None = None, limit: int = 100) -> Page[Listed[CustomerStatus, L]]:
        """The deleted customers (D62)."""
        return self.customers(CUSTOMER_STATUS, CustomerStatus.DELETED, after=after, limit=limit)

    def inactive(
        self, period: timedelta, *, after: str | None = None, limit: int = 100
    ) -> Page[Listed[CustomerStatus, L]]:
        """
        The customers, the deleted left out, whose last activity that counts is older than the period, or who have had none
        since they registered longer ago than that (D60). Exactly at the limit counts as active (D61).
        """
        return self._run(self._reading.inactive(period, after=after, limit=limit))

    def reportable(
        self, *, after: str | None = None, limit: int = 100
    ) -> Page[Listed[CustomerStatus | LegacyFraudStatus, L]]:
        """
        The customers that reports count: all but DELETED, INTERNAL and FRAUD_CONFIRMED; the unset stay (D65).

        Where customer status is off and the legacy fraud status is on: all but CONFIRMED, RECONFIRMED and INTERNAL (D44).
        """
        return self._run(self._reading.reportable(after=after, limit=limit))

    def counts(self, lifecycle: Lifecycle[S]) -> tuple[Tally[S, L], ...]:
        """How many customers stand where on a lifecycle, the unset included if it was on when they were registered."""
        return self._run(self._reading.counts(lifecycle))

    def activities(
        self, customer: str, *, newest_first: bool = True, after: str | None = None, limit: int = 7
    ) -> Page[Activity]:
        """The last activities of a customer (D90)."""
        return self._run(self._reading.activities(customer, newest_first=newest_first, after=after, limit=limit))

    def by_reference(self, reference: str) -> tuple[Activity, ...]:
        """Every activity of the organisation under one reference: a receipt, say."""
        return self._run(self._reading.by_reference(reference))

    def timeline(self, customer: str, *, after: str | None = None, limit: int = 50) -> Page[Entry | Activity]:
        """
        What happened to a customer and what he did, as one list by effective time, the newest first.

        Args:
            customer: Who.
            after: The `next` of the page before.
            limit: 1 to 10,000.
        """
        return self._run(self._reading.timeline(customer, after, limit))

    def accounts(self, *, after: str | None = None, limit: int = 500) -> Page[Account]:
        """A page of all accounts, whatever their standings, by customer id; statuses and labels as they are stored."""
        return self._run(self._reading.accounts(after, limit))

    def feed(self, after: str | None = None, *, limit: int = 100) -> FeedPage:
        """
        The entries that were committed after a position, each once, in an order that no slow writer can break.

        Unlike a list, a feed never ends: ask again with the page's `position`. On PostgreSQL an entry is held back while a
        transaction that began before it is open, anybody's; `lag` says how many are.

        Args:
            after: The `position` of an earlier page; by default the beginning.
            limit: 1 to 10,000.

        Raises:
            PositionLostError: The database was restored from a copy since: begin anew.
        """
        return self._run(self._reading.feed(after, limit))

    def lag(self, after: str | None = None) -> Lag:
        """How many entries follow a position: those that the feed gives now, and those that it holds back."""
        return self._run(self._reading.lag(after))

    def position(self, consumer: str) -> str | None:
        """The position that a consumer of the feed has kept; None where it has none yet."""
        return self._run(self._reading.position(consumer))

    def keep_position(self, consumer: str, position: str | None) -> None:
        """
        Keep the position of a consumer, beside the entries: with `inside`, in the transaction of what it did with them.

        One that lies before what is kept changes nothing; None forgets it.

        Raises:
            PositionLostError: The position is not of this database as it is now; see `feed`.
        """
        self._run(self._reading.keep_position(consumer, position))

    def verify(self, *, progress: Callable[[int], None] | None = None) -> Verification:
        """
        Fold the history of every account and compare it with the current rows; and find histories without an account.

        Args:
            progress: Told how many accounts are done, page by page.
        """
        return self._run(self._reading.verify(progress))

    def _run(self, flow: Flow[T]) -> T:
        return flows.run(flow, self._store)
