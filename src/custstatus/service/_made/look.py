"""
Looking where the store blocks.

Made of `service/look.py` by `make faces`: change that.
"""

from __future__ import annotations

from collections.abc import Coroutine
from custstatus.service.look import AsyncLook
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from custstatus.adapters.feeds import FeedPage, Lag
from custstatus.adapters.queries import Listed, Page, Tally
from custstatus.lifecycles.lifecycle import Lifecycle, Status
from custstatus.operations.timeline import timeline
from custstatus.operations.verify import VerifyReport, verify
from custstatus.records import Account, Activity, Entry, HeldIdentifier, Identifier, Standing, StatusLabel
from custstatus.states import CustomerStatus, LegacyFraudStatus

__all__ = ["Look"]

T = TypeVar("T")
L = TypeVar("L", bound=StatusLabel)
S = TypeVar("S", bound=Status)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that never waits, as none does over a store that blocks."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        work.close()
    raise RuntimeError("a store that blocks has waited")


class Look(Generic[L]):
    """
    What an organisation's accounts are and were.

    All verbs raise StoreError if the store cannot be read, StoredValueError if it holds something that is not configured,
    and UnknownLifecycleError for a lifecycle that is off.
    """

    _awaited: AsyncLook[L]

    def standing(
        self, customer: str, lifecycle: Lifecycle[S], *, at: datetime | None = None
    ) -> Standing[S, L] | None:
        """
        Where a customer is on one lifecycle, now or as of an effective time; None where it is unset.

        Raises:
            UnknownCustomerError: No such customer (at that time).
            UnknownLifecycleError: The lifecycle is off.
            StoredValueError: The configuration lacks the stored status or label.
        """
        return _run(self._awaited.standing(customer, lifecycle, at=at))

    def standings(self, customer: str, *, at: datetime | None = None) -> tuple[Standing[Status, L], ...]:
        """Where a customer is on every lifecycle that is on and that they have entered. Raises as `standing` does."""
        return _run(self._awaited.standings(customer, at=at))

    def displayed(self, customer: str) -> str:
        """
        What a screen shows of a customer: their label (or, without one, the name of their status) if customer status is on,
        else the name of their legacy fraud status; empty where neither is set (D46).

        Raises:
            UnknownCustomerError: No such customer.
            StoredValueError: The configuration lacks the stored status or label.
        """
        return _run(self._awaited.displayed(customer))

    def account(self, customer: str) -> Account:
        """
        The account as it is stored: its version, registered and closed times, standings as text.

        Raises:
            UnknownCustomerError: No such customer.
        """
        return _run(self._awaited.account(customer))

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
            lifecycle: Only changes on it.
            status: Only changes to it; together with its lifecycle.
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
        return _run(self._awaited.history(customer, lifecycle=lifecycle, status=status, actor=actor, run=run, since=since, until=until, newest_first=newest_first, after=after, limit=limit))

    def find(self, identifier: Identifier) -> str | None:
        """The customer id of the open account that has an identifier; None where none does."""
        return _run(self._awaited.find(identifier))

    def identifiers(self, customer: str) -> tuple[HeldIdentifier, ...]:
        """The identifiers that a customer has, the organisation's primary type first."""
        return _run(self._awaited.identifiers(customer))

    def customers(
        self,
        lifecycle: Lifecycle[S],
        *statuses: S,
        label: L | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page[Listed[S, L]]:
        """
        Customers by where they are on a lifecycle, in the order of their customer ids.

        In any of the statuses; where neither a status nor a label is given, in any but those that close an account (D62).
        With *label*, only those under it.
        """
        return _run(self._awaited.customers(lifecycle, *statuses, label=label, after=after, limit=limit))

    def inactive(
        self, period: timedelta, *, after: str | None = None, limit: int = 100
    ) -> Page[Listed[CustomerStatus, L]]:
        """
        The customers, the deleted left out, whose last activity that counts is older than the period, or who have had none
        since they registered longer ago than that (D60). Exactly at the limit counts as active (D61).
        """
        return _run(self._awaited.inactive(period, after=after, limit=limit))

    def reportable(
        self, *, after: str | None = None, limit: int = 100
    ) -> Page[Listed[CustomerStatus | LegacyFraudStatus, L]]:
        """
        The customers that reports count: all but DELETED, INTERNAL and FRAUD_CONFIRMED; the unset stay (D65).

        Where customer status is off and the legacy fraud status is on: all but CONFIRMED, RECONFIRMED and INTERNAL (D44).
        """
        return _run(self._awaited.reportable(after=after, limit=limit))

    def counts(self, lifecycle: Lifecycle[S]) -> tuple[Tally[S, L], ...]:
        """How many customers are at each place of a lifecycle, including unset if it was on when they were registered."""
        return _run(self._awaited.counts(lifecycle))

    def activities(
        self, customer: str, *, newest_first: bool = True, after: str | None = None, limit: int = 7
    ) -> Page[Activity]:
        """The last activities of a customer (D90)."""
        return _run(self._awaited.activities(customer, newest_first=newest_first, after=after, limit=limit))

    def by_reference(self, reference: str) -> tuple[Activity, ...]:
        """Every activity of the organisation under one reference: a receipt, say."""
        return _run(self._awaited.by_reference(reference))

    def timeline(self, customer: str, *, after: str | None = None, limit: int = 50) -> Page[Entry | Activity]:
        """
        What happened to a customer and what they did, as one list by effective time, the newest first.

        Args:
            customer: Who.
            after: The `next` of the page before.
            limit: 1 to 10,000.
        """
        return _run(self._awaited.timeline(customer, after=after, limit=limit))

    def accounts(self, *, after: str | None = None, limit: int = 500) -> Page[Account]:
        """A page of all accounts, whatever their standings, by customer id; statuses and labels as they are stored."""
        return _run(self._awaited.accounts(after=after, limit=limit))

    def feed(self, after: str | None = None, *, limit: int = 100) -> FeedPage:
        """
        The entries that were committed after a position, each once, in an order that no slow writer can break.

        Unlike a list, a feed never ends: ask again with the page's `position`. On PostgreSQL an entry is held back while a
        transaction that began before it is open, anybody's; `lag` says how many are.

        Args:
            after: The `position` of an earlier page; by default the beginning.
            limit: 1 to 10,000.

        Raises:
            PositionLostError: The database was restored from a copy since: begin again.
        """
        return _run(self._awaited.feed(after, limit=limit))

    def lag(self, after: str | None = None) -> Lag:
        """How many entries follow a position: those that the feed gives now, and those that it holds back."""
        return _run(self._awaited.lag(after))

    def position(self, consumer: str) -> str | None:
        """The position that a consumer of the feed has kept; None where it has none yet."""
        return _run(self._awaited.position(consumer))

    def keep_position(self, consumer: str, position: str | None) -> None:
        """
        Keep the position of a consumer: inside the host's transaction it commits together with the consumer's own writes.

        A position before the kept one changes nothing; None forgets it.

        Raises:
            PositionLostError: The position is not of this database as it is now; see `feed`.
        """
        _run(self._awaited.keep_position(consumer, position))

    def verify(self, *, progress: Callable[[int], None] | None = None) -> VerifyReport:
        """
        Fold the history of every account and compare it with the current rows; and find histories without an account.

        Args:
            progress: Called with the number of finished accounts, page by page.
        """
        return _run(self._awaited.verify(progress=progress))
