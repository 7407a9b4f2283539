"""
Looking: the half of the service that only reads, resolving what is stored to the organisation's own enums.

Lists are in a fixed order and paged: give a page's `next` as `after` to get the following one. The awaited class is the
source; the blocking one is made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from custstatus.adapters.feeds import FeedPage, Lag, Position
from custstatus.adapters.queries import MOST, Accounts, Activities, Customers, Feed, Listed, Log, Page, Tally
from custstatus.bounds import EPOCH, check_id, check_moment, check_text, kind_of
from custstatus.config.config import OrgConfig
from custstatus.errors import InvalidInputError, StoredValueError, UnknownCustomerError, UnknownLifecycleError
from custstatus.gate.history import fold
from custstatus.lifecycles.lifecycle import Lifecycle, Status
from custstatus.operations.timeline import timeline
from custstatus.operations.verify import VerifyReport, entries_of, verify
from custstatus.records import Account, Activity, Entry, HeldIdentifier, Identifier, Standing, StatusLabel
from custstatus.states import CUSTOMER_STATUS, LEGACY_FRAUD_STATUS, CustomerStatus, LegacyFraudStatus

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.adapters.protocol import StoredActivity
    from custstatus.sealing import Seal

__all__ = ["HIDDEN_FROM_REPORTS", "AsyncLook", "lifecycle_on"]

L = TypeVar("L", bound=StatusLabel)
S = TypeVar("S", bound=Status)


HIDDEN_FROM_REPORTS = frozenset({CustomerStatus.DELETED, CustomerStatus.INTERNAL, CustomerStatus.FRAUD_CONFIRMED})
"""Customers that reports leave out (D65)."""

_FRAUD_HIDDEN_FROM_REPORTS = frozenset(
    {LegacyFraudStatus.CONFIRMED, LegacyFraudStatus.RECONFIRMED, LegacyFraudStatus.INTERNAL}
)
"""Customers that reports leave out where the legacy fraud status replaces customer status (D44)."""


class AsyncLook(Generic[L]):
    """
    What an organisation's accounts are and were.

    All verbs raise StoreError if the store cannot be read, StoredValueError if it holds something that is not configured,
    and UnknownLifecycleError for a lifecycle that is off.
    """

    _store: AsyncStore
    _config: OrgConfig[L]
    _clock: Callable[[], datetime]
    _seal: Seal

    async def standing(
        self, customer: str, lifecycle: Lifecycle[S], *, at: datetime | None = None
    ) -> Standing[S, L] | None:
        """
        Where a customer is on one lifecycle, now or as of an effective time; None where it is unset.

        Raises:
            UnknownCustomerError: No such customer (at that time).
            UnknownLifecycleError: The lifecycle is off.
            StoredValueError: The configuration lacks the stored status or label.
        """
        lifecycle_on(lifecycle, self._config)
        row = (await self._as_of(customer, at)).standing(lifecycle.name)
        return None if row is None or row.status is None else self._config.resolved(row)

    async def standings(self, customer: str, *, at: datetime | None = None) -> tuple[Standing[Status, L], ...]:
        """Where a customer is on every lifecycle that is on and that they have entered. Raises as `standing` does."""
        return self._config.standings(await self._as_of(customer, at))

    async def displayed(self, customer: str) -> str:
        """
        What a screen shows of a customer: their label (or, without one, the name of their status) if customer status is on,
        else the name of their legacy fraud status; empty where neither is set (D46).

        Raises:
            UnknownCustomerError: No such customer.
            StoredValueError: The configuration lacks the stored status or label.
        """
        on = self._config.lifecycle(CUSTOMER_STATUS.name) or self._config.lifecycle(LEGACY_FRAUD_STATUS.name)
        if on is None:
            await self.account(customer)
            return ""
        standing = await self.standing(customer, on)
        if standing is None or standing.status is None:
            return ""
        name: str = standing.status.name
        return name if standing.label is None else standing.label.text

    async def account(self, customer: str) -> Account:
        """
        The account as it is stored: its version, registered and closed times, standings as text.

        Raises:
            UnknownCustomerError: No such customer.
        """
        account: Account | None = await self._store.load(self._config.org, check_id("customer", customer))
        if account is None:
            raise self._unknown(customer)
        return account

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
        if lifecycle is not None:
            lifecycle_on(lifecycle, self._config)
        if status is not None and (lifecycle is None or not isinstance(status, lifecycle.statuses)):
            raise InvalidInputError("status", "a status of the lifecycle that is given with it", type(status).__name__)
        query = Log(
            org=self._config.org,
            customer=customer,
            lifecycle=None if lifecycle is None else lifecycle.name,
            status=None if status is None else status.value,
            actor=actor,
            run=run,
            since=since,
            until=until,
            newest_first=newest_first,
            after=after,
            limit=limit,
        )
        page = await self._store.page(query)
        if customer is not None and not page.items:
            await self.account(customer)
        return page

    async def find(self, identifier: Identifier) -> str | None:
        """The customer id of the open account that has an identifier; None where none does."""
        if not isinstance(identifier, Identifier):
            raise InvalidInputError("identifier", "an Identifier", kind_of(identifier))
        org = self._config.org
        token = self._seal.token(org, identifier).token
        return (await self._store.find_all(org, (token,))).get(token)

    async def identifiers(self, customer: str) -> tuple[HeldIdentifier, ...]:
        """The identifiers that a customer has, the organisation's primary type first."""
        await self.account(customer)
        order = {name: place for place, name in enumerate(self._config.identifiers)}
        held = await self._store.identifiers(self._config.org, customer)
        return tuple(sorted(held, key=lambda each: order.get(each.type, len(order))))

    async def customers(
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
        lifecycle_on(lifecycle, self._config)
        labels = self._config.labels
        for status in statuses:
            if not isinstance(status, lifecycle.statuses):
                raise InvalidInputError("statuses", f"statuses of {lifecycle.name}", type(status).__name__)
        if label is not None and type(label) is not labels:
            raise InvalidInputError("label", f"a label of {labels.__name__}", type(label).__name__)
        everybody = set(lifecycle.statuses)
        shown = statuses or (everybody - lifecycle.closing if label is None else everybody)
        return await self._listed(
            lifecycle.name,
            statuses=frozenset(status.value for status in shown),
            label=None if label is None else label.text,
            after=after,
            limit=limit,
        )

    async def inactive(
        self, period: timedelta, *, after: str | None = None, limit: int = 100
    ) -> Page[Listed[CustomerStatus, L]]:
        """
        The customers, the deleted left out, whose last activity that counts is older than the period, or who have had none
        since they registered longer ago than that (D60). Exactly at the limit counts as active (D61).
        """
        lifecycle_on(CUSTOMER_STATUS, self._config)
        if not isinstance(period, timedelta) or period <= timedelta(0):
            raise InvalidInputError("period", "a timedelta of more than none", kind_of(period))
        now = self._now()
        return await self._listed(
            CUSTOMER_STATUS.name,
            without=frozenset([CustomerStatus.DELETED.value]),
            quiet_since=now - period if now - EPOCH > period else EPOCH,
            after=after,
            limit=limit,
        )

    async def reportable(
        self, *, after: str | None = None, limit: int = 100
    ) -> Page[Listed[CustomerStatus | LegacyFraudStatus, L]]:
        """
        The customers that reports count: all but DELETED, INTERNAL and FRAUD_CONFIRMED; the unset stay (D65).

        Where customer status is off and the legacy fraud status is on: all but CONFIRMED, RECONFIRMED and INTERNAL (D44).
        """
        lifecycle, hidden = CUSTOMER_STATUS.name, frozenset(status.value for status in HIDDEN_FROM_REPORTS)
        if self._config.lifecycle(lifecycle) is None and self._config.lifecycle(LEGACY_FRAUD_STATUS.name) is not None:
            lifecycle = LEGACY_FRAUD_STATUS.name
            hidden = frozenset(status.value for status in _FRAUD_HIDDEN_FROM_REPORTS)
        else:
            lifecycle_on(CUSTOMER_STATUS, self._config)
        return await self._listed(lifecycle, without=hidden, after=after, limit=limit)

    async def counts(self, lifecycle: Lifecycle[S]) -> tuple[Tally[S, L], ...]:
        """How many customers are at each place of a lifecycle, including unset if it was on when they were registered."""
        lifecycle_on(lifecycle, self._config)
        resolve = self._config.policy.resolve
        counted = await self._store.tally(self._config.org, lifecycle.name)
        tallies: list[Tally[Any, Any]] = [
            Tally(*resolve(lifecycle.name, tally.status, tally.label), tally.accounts) for tally in counted
        ]
        return tuple(tallies)

    async def activities(
        self, customer: str, *, newest_first: bool = True, after: str | None = None, limit: int = 7
    ) -> Page[Activity]:
        """The last activities of a customer (D90)."""
        query = Activities(org=self._config.org, customer=customer, newest_first=newest_first, after=after, limit=limit)
        page = await self._store.page(query)
        if not page.items:
            await self.account(customer)
        return Page(tuple(map(self._activity, page)), page.next)

    async def by_reference(self, reference: str) -> tuple[Activity, ...]:
        """Every activity of the organisation under one reference: a receipt, say."""
        query = Activities(org=self._config.org, reference=reference, limit=MOST)
        page = await self._store.page(query)
        return tuple(map(self._activity, page))

    async def timeline(self, customer: str, *, after: str | None = None, limit: int = 50) -> Page[Entry | Activity]:
        """
        What happened to a customer and what they did, as one list by effective time, the newest first.

        Args:
            customer: Who.
            after: The `next` of the page before.
            limit: 1 to 10,000.
        """
        account = await self.account(customer)
        return await timeline(self._store, account, self._activity, after=after, limit=limit)

    async def accounts(self, *, after: str | None = None, limit: int = 500) -> Page[Account]:
        """A page of all accounts, whatever their standings, by customer id; statuses and labels as they are stored."""
        return await self._store.page(Accounts(org=self._config.org, after=after, limit=limit))

    async def feed(self, after: str | None = None, *, limit: int = 100) -> FeedPage:
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
        return await self._store.feed(Feed(org=self._config.org, after=after, limit=limit))

    async def lag(self, after: str | None = None) -> Lag:
        """How many entries follow a position: those that the feed gives now, and those that it holds back."""
        return await self._store.lag(self._config.org, Feed(org=self._config.org, after=after).after)

    async def position(self, consumer: str) -> str | None:
        """The position that a consumer of the feed has kept; None where it has none yet."""
        kept: str | None = await self._store.position(self._config.org, check_id("consumer", consumer))
        return kept

    async def keep_position(self, consumer: str, position: str | None) -> None:
        """
        Keep the position of a consumer: inside the host's transaction it commits together with the consumer's own writes.

        A position before the kept one changes nothing; None forgets it.

        Raises:
            PositionLostError: The position is not of this database as it is now; see `feed`.
        """
        kept = None if position is None else str(Position.read(check_text("position", position)))
        await self._store.keep_position(self._config.org, check_id("consumer", consumer), kept)

    async def verify(self, *, progress: Callable[[int], None] | None = None) -> VerifyReport:
        """
        Fold the history of every account and compare it with the current rows; and find histories without an account.

        Args:
            progress: Called with the number of finished accounts, page by page.
        """
        return await verify(self._store, self._config.org, progress)

    def _now(self) -> datetime:
        return check_moment("clock", self._clock())

    def _unknown(self, customer: str) -> UnknownCustomerError:
        """That there is no such customer."""
        return UnknownCustomerError(self._config.org, check_id("customer", customer))

    async def _as_of(self, customer: str, at: datetime | None) -> Account:
        if at is None:
            return await self.account(customer)
        at = check_moment("at", at)
        now = await self.account(customer)
        then = fold(await entries_of(self._store, now), at)
        if then is None:
            raise self._unknown(customer)
        return then

    async def _listed(self, lifecycle: str, **asked: Any) -> Page[Listed[Any, Any]]:
        page = await self._store.page(Customers(org=self._config.org, lifecycle=lifecycle, **asked))
        resolved = self._config.resolved
        rows = (
            Listed(row.customer, resolved(row.standing), row.registered_at, row.last_activity_at) for row in page.items
        )
        return Page(tuple(rows), page.next)

    def _activity(self, stored: StoredActivity) -> Activity:
        kind = self._config.action(stored.kind)
        if kind is None:
            raise StoredValueError("activity", "action", stored.kind)
        return Activity(stored.customer, kind, stored.reference, stored.at, stored.amount, stored.effect)


def lifecycle_on(lifecycle: Lifecycle[Any], config: OrgConfig[Any]) -> Lifecycle[Any]:
    """The lifecycle as the organisation has edited it; UnknownLifecycleError if it is off."""
    if not isinstance(lifecycle, Lifecycle):
        raise InvalidInputError("lifecycle", "a Lifecycle", kind_of(lifecycle))
    found = config.lifecycle(lifecycle.name)
    if found is None:
        raise UnknownLifecycleError(config.org, lifecycle.name, (each.name for each in config.lifecycles))
    return found
