"""Looking, awaited: the verbs of `looking.Look` over a store that is awaited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from custstatus import flows
from custstatus.adapters.protocol import AsyncStore
from custstatus.feeds import FeedPage, Lag
from custstatus.flows import Flow
from custstatus.lifecycle import Lifecycle, Status
from custstatus.reading import Reading
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

__all__ = ["AsyncLook"]

L = TypeVar("L", bound=StatusLabel)
S = TypeVar("S", bound=Status)
T = TypeVar("T")


class AsyncLook(Generic[L]):
    """What an organisation's accounts are and were. Means, answers and raises what the looking half of `StatusService` does."""

    def __init__(self, store: AsyncStore, reading: Reading[L]) -> None:
        self._store = store
        self._reading = reading

    async def standing(
        self, customer: str, lifecycle: Lifecycle[S], *, at: datetime | None = None
    ) -> Standing[S, L] | None:
        """As `StatusService.standing`."""
        return await self._run(self._reading.standing(customer, lifecycle, at))

    async def standings(self, customer: str, *, at: datetime | None = None) -> tuple[Standing[Status, L], ...]:
        """As `StatusService.standings`."""
        return await self._run(self._reading.standings(customer, at))

    async def displayed(self, customer: str) -> str:
        """As `StatusService.displayed`."""
        return await self._run(self._reading.displayed(customer))

    async def account(self, customer: str) -> Account:
        """As `StatusService.account`."""
        return await self._run(self._reading.account(customer))

    async def history(
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
        """As `StatusService.history`."""
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
        return await self._run(flow)

    async def find(self, identifier: Identifier) -> str | None:
        """As `StatusService.find`."""
        return await self._run(self._reading.find(identifier))

    async def identifiers(self, customer: str) -> tuple[HeldIdentifier, ...]:
        """As `StatusService.identifiers`."""
        return await self._run(self._reading.identifiers(customer))

    async def customers(
        self,
        lifecycle: Lifecycle[S],
        *statuses: S,
        label: L | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page[Listed[S, L]]:
        """As `StatusService.customers`."""
        return await self._run(self._reading.customers(lifecycle, statuses, label, after=after, limit=limit))

    async def deleted(self, *, after: str | None = None, limit: int = 100) -> Page[Listed[CustomerStatus, L]]:
        """As `StatusService.deleted`."""
        return await self.customers(CUSTOMER_STATUS, CustomerStatus.DELETED, after=after, limit=limit)

    async def inactive(
        self, period: timedelta, *, after: str | None = None, limit: int = 100
    ) -> Page[Listed[CustomerStatus, L]]:
        """As `StatusService.inactive`."""
        return await self._run(self._reading.inactive(period, after=after, limit=limit))

    async def reportable(
        self, *, after: str | None = None, limit: int = 100
    ) -> Page[Listed[CustomerStatus | LegacyFraudStatus, L]]:
        """As `StatusService.reportable`."""
        return await self._run(self._reading.reportable(after=after, limit=limit))

    async def counts(self, lifecycle: Lifecycle[S]) -> tuple[Tally[S, L], ...]:
        """As `StatusService.counts`."""
        return await self._run(self._reading.counts(lifecycle))

    async def activities(
        self, customer: str, *, newest_first: bool = True, after: str | None = None, limit: int = 7
    ) -> Page[Activity]:
        """As `StatusService.activities`."""
        return await self._run(self._reading.activities(customer, newest_first=newest_first, after=after, limit=limit))

    async def by_reference(self, reference: str) -> tuple[Activity, ...]:
        """As `StatusService.by_reference`."""
        return await self._run(self._reading.by_reference(reference))

    async def timeline(self, customer: str, *, after: str | None = None, limit: int = 50) -> Page[Entry | Activity]:
        """As `StatusService.timeline`."""
        return await self._run(self._reading.timeline(customer, after, limit))

    async def accounts(self, *, after: str | None = None, limit: int = 500) -> Page[Account]:
        """As `StatusService.accounts`."""
        return await self._run(self._reading.accounts(after, limit))

    async def feed(self, after: str | None = None, *, limit: int = 100) -> FeedPage:
        """As `StatusService.feed`."""
        return await self._run(self._reading.feed(after, limit))

    async def lag(self, after: str | None = None) -> Lag:
        """As `StatusService.lag`."""
        return await self._run(self._reading.lag(after))

    async def position(self, consumer: str) -> str | None:
        """As `StatusService.position`."""
        return await self._run(self._reading.position(consumer))

    async def keep_position(self, consumer: str, position: str | None) -> None:
        """As `StatusService.keep_position`."""
        await self._run(self._reading.keep_position(consumer, position))

    async def verify(self, *, progress: Callable[[int], None] | None = None) -> Verification:
        """As `StatusService.verify`."""
        return await self._run(self._reading.verify(progress))

    async def _run(self, flow: Flow[T]) -> T:
        return await flows.run_async(flow, self._store)
