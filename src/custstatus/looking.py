"""
Looking: the half of the service that only reads, lifting what is stored to the organisation's own enums.

Lists are in a fixed order and paged: give a page's `next` as `after` to get the following one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Generic, TypeVar

from attrs import evolve

from custstatus import flows, verifying
from custstatus.adapters.cursors import micros
from custstatus.adapters.protocol import Store, StoredActivity
from custstatus.bounds import EPOCH, check_id, check_moment, check_text, kind_of
from custstatus.config import OrgConfig
from custstatus.errors import InvalidInputError, StoredValueError, UnknownCustomerError, UnknownLifecycleError
from custstatus.lifecycle import Lifecycle, Status
from custstatus.planning import fold
from custstatus.queries import MOST, Accounts, Activities, Customers, Log
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
from custstatus.sealing import Seal
from custstatus.states import CUSTOMER_STATUS, LEGACY_FRAUD_STATUS, CustomerStatus, LegacyFraudStatus
from custstatus.verifying import Verification

__all__ = ["HIDDEN_FROM_REPORTS", "Look"]

L = TypeVar("L", bound=StatusLabel)
S = TypeVar("S", bound=Status)

HIDDEN_FROM_REPORTS = frozenset({CustomerStatus.DELETED, CustomerStatus.INTERNAL, CustomerStatus.FRAUD_CONFIRMED})
"""Whom reports leave out (D65)."""

_FRAUD_HIDDEN_FROM_REPORTS = frozenset(
    {LegacyFraudStatus.CONFIRMED, LegacyFraudStatus.RECONFIRMED, LegacyFraudStatus.INTERNAL}
)
"""Whom they leave out where the legacy fraud status stands in for customer status (D44)."""


class Look(Generic[L]):
    """
    What an organisation's accounts are and were.

    All of it raises StoreError where the store cannot be read, StoredValueError where it holds what the configuration
    lacks, and UnknownLifecycleError about a lifecycle that is off.
    """

    def __init__(self, store: Store, config: OrgConfig[L], seal: Seal, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._config = config
        self._org = config.org
        self._policy = config.policy
        self._seal = seal
        self._clock = clock

    def standing(self, customer: str, lifecycle: Lifecycle[S], *, at: datetime | None = None) -> Standing[S, L] | None:
        """
        Where a customer stands on one lifecycle, now or as of an effective time; None where it is unset.

        Raises:
            UnknownCustomerError: No such customer (at that time).
            UnknownLifecycleError: The lifecycle is off.
            StoredValueError: The configuration lacks the stored status or label.
        """
        self._check_on(lifecycle)
        row = self._as_of(customer, at).standing(lifecycle.name)
        return None if row is None or row.status is None else self._config.lifted(row)

    def standings(self, customer: str, *, at: datetime | None = None) -> tuple[Standing[Status, L], ...]:
        """Where a customer stands on every lifecycle that is on and that he has entered. Raises as `standing` does."""
        return self._config.standings(self._as_of(customer, at))

    def displayed(self, customer: str) -> str:
        """
        What a screen shows of a customer: his label (the status's name where he has none) if customer status is on, else the
        name of his legacy fraud status; empty where neither is set (D46).

        Raises:
            UnknownCustomerError: No such customer.
            StoredValueError: The configuration lacks the stored status or label.
        """
        on = self._config.lifecycle(CUSTOMER_STATUS.name) or self._config.lifecycle(LEGACY_FRAUD_STATUS.name)
        if on is None:
            self._account(customer)
            return ""
        standing = self.standing(customer, on)
        if standing is None or standing.status is None:
            return ""
        name: str = standing.status.name
        return name if standing.label is None else standing.label.text

    def account(self, customer: str) -> Account:
        """
        The account as it is stored: its version, registered and closed times, standings as text.

        Raises:
            UnknownCustomerError: No such customer.
        """
        return self._account(customer)

    def history(
        self,
        customer: str | None = None,
        *,
        lifecycle: Lifecycle[S] | None = None,
        status: S | None = None,
        actor: str | None = None,
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
            since: Only those recorded at or after this time.
            until: Only those recorded before this time.
            newest_first: The other way round.
            after: The `next` of the page before.
            limit: 1 to 10,000.

        Raises:
            UnknownCustomerError: No such customer.
        """
        if lifecycle is not None:
            self._check_on(lifecycle)
        if status is not None and (lifecycle is None or not isinstance(status, lifecycle.statuses)):
            raise InvalidInputError("status", "a status of the lifecycle that is given with it", type(status).__name__)
        page = self._store.log(
            Log(
                org=self._org,
                customer=customer,
                lifecycle=None if lifecycle is None else lifecycle.name,
                status=None if status is None else status.value,
                actor=actor,
                since=since,
                until=until,
                newest_first=newest_first,
                after=after,
                limit=limit,
            )
        )
        if customer is not None and not page.items:
            self._account(customer)
        return page

    def find(self, identifier: Identifier) -> str | None:
        """The customer id of the living account that holds an identifier; None where none does."""
        if not isinstance(identifier, Identifier):
            raise InvalidInputError("identifier", "an Identifier", kind_of(identifier))
        return self._store.find(self._org, self._seal.token(self._org, identifier).token)

    def identifiers(self, customer: str) -> tuple[HeldIdentifier, ...]:
        """The identifiers that a customer holds, the organisation's primary type first."""
        self._account(customer)
        order = {name: place for place, name in enumerate(self._config.identifiers)}
        held = self._store.identifiers(self._org, customer)
        return tuple(sorted(held, key=lambda each: order.get(each.type, len(order))))

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
        self._check_on(lifecycle)
        for status in statuses:
            if not isinstance(status, lifecycle.statuses):
                raise InvalidInputError("statuses", f"statuses of {lifecycle.name}", type(status).__name__)
        if label is not None and type(label) is not self._config.labels:
            raise InvalidInputError("label", f"a label of {self._config.labels.__name__}", type(label).__name__)
        everybody = set(lifecycle.statuses)
        shown = statuses or (everybody - lifecycle.closing if label is None else everybody)
        return self._listed(
            Customers(
                org=self._org,
                lifecycle=lifecycle.name,
                statuses=frozenset(status.value for status in shown),
                label=None if label is None else label.text,
                after=after,
                limit=limit,
            )
        )

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
        self._check_on(CUSTOMER_STATUS)
        if not isinstance(period, timedelta) or period <= timedelta(0):
            raise InvalidInputError("period", "a timedelta of more than none", kind_of(period))
        now = self._now()
        return self._listed(
            Customers(
                org=self._org,
                lifecycle=CUSTOMER_STATUS.name,
                without=frozenset([CustomerStatus.DELETED.value]),
                quiet_since=now - period if now - EPOCH > period else EPOCH,
                after=after,
                limit=limit,
            )
        )

    def reportable(
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
            self._check_on(CUSTOMER_STATUS)
        return self._listed(Customers(org=self._org, lifecycle=lifecycle, without=hidden, after=after, limit=limit))

    def counts(self, lifecycle: Lifecycle[S]) -> tuple[Tally[S, L], ...]:
        """How many customers stand where on a lifecycle, the unset included if it was on when they were registered."""
        self._check_on(lifecycle)
        lift = self._policy.lift
        counted = self._store.tally(self._org, lifecycle.name)
        tallies: list[Tally[Any, Any]] = [
            Tally(*lift(lifecycle.name, tally.status, tally.label), tally.accounts) for tally in counted
        ]
        return tuple(tallies)

    def activities(
        self, customer: str, *, newest_first: bool = True, after: str | None = None, limit: int = 7
    ) -> Page[Activity]:
        """The last activities of a customer (D90)."""
        page = self._store.activities(
            Activities(org=self._org, customer=customer, newest_first=newest_first, after=after, limit=limit)
        )
        if not page.items:
            self._account(customer)
        return Page(tuple(map(self._activity, page)), page.next)

    def by_reference(self, reference: str) -> tuple[Activity, ...]:
        """Every activity of the organisation under one reference: a receipt, say."""
        page = self._store.activities(Activities(org=self._org, reference=reference, limit=MOST))
        return tuple(map(self._activity, page))

    def timeline(self, customer: str, *, after: str | None = None, limit: int = 50) -> Page[Entry | Activity]:
        """
        What happened to a customer and what he did, as one list by effective time, the newest first.

        Args:
            customer: Who.
            after: The `next` of the page before.
            limit: 1 to 10,000.
        """
        self._account(customer)
        end = None if after is None else _read_place(after)
        # At the same time an entry comes after (that is, it is shown before) an activity.
        query = Activities(
            org=self._org,
            customer=customer,
            after=None if end is None else json.dumps([end[0] + end[1], end[3], end[4], customer]),
            limit=limit,
        )
        done = self._store.activities(query)
        items: list[tuple[tuple[int, int, int, str, str], Entry | Activity]] = [
            ((micros(stored.at), 0, 0, stored.kind, stored.reference), self._activity(stored)) for stored in done
        ]
        for entry in self._entries(customer):
            place = (micros(entry.effective_at), 1, entry.version, "", "")
            if end is None or place < end:
                items.append((place, entry))
        items.sort(key=itemgetter(0), reverse=True)
        shown = items[:limit]
        more = len(items) > limit or done.next is not None
        return Page(tuple(item for _, item in shown), json.dumps(shown[-1][0]) if more else None)

    def verify(self, *, progress: Callable[[int], None] | None = None) -> Verification:
        """
        Fold the history of every account and compare it with the current rows; and find histories without an account.

        Args:
            progress: Told how many accounts are done, page by page.
        """
        total = Verification(0, 0)
        accounts: Accounts | None = Accounts(org=self._org)
        while accounts is not None:
            verified, following = flows.run(verifying.verify(accounts), self._store)
            total += verified
            if progress is not None:
                progress(total.accounts)
            accounts = None if following is None else evolve(accounts, after=following)
        log: Log | None = Log(org=self._org, limit=MOST)
        while log is not None:
            lost, following = flows.run(verifying.verify_log(log), self._store)
            total += Verification(0, 0, lost)
            log = None if following is None else evolve(log, after=following)
        return total

    def _now(self) -> datetime:
        return check_moment("clock", self._clock())

    def _unknown(self, customer: str) -> UnknownCustomerError:
        return UnknownCustomerError(self._org, check_id("customer", customer))

    def _account(self, customer: str) -> Account:
        account = self._store.load(self._org, check_id("customer", customer))
        if account is None:
            raise self._unknown(customer)
        return account

    def _as_of(self, customer: str, at: datetime | None) -> Account:
        if at is None:
            return self._account(customer)
        at = check_moment("at", at)
        self._account(customer)
        account = fold(self._entries(customer), at)
        if account is None:
            raise self._unknown(customer)
        return account

    def _entries(self, customer: str) -> Iterator[Entry]:
        page = self.history(customer, limit=MOST)
        yield from page
        while page.next is not None:
            page = self.history(customer, limit=MOST, after=page.next)
            yield from page

    def _check_on(self, lifecycle: Lifecycle[Any]) -> None:
        if not isinstance(lifecycle, Lifecycle):
            raise InvalidInputError("lifecycle", "a Lifecycle", kind_of(lifecycle))
        if self._config.lifecycle(lifecycle.name) is None:
            raise UnknownLifecycleError(self._org, lifecycle.name, (each.name for each in self._config.lifecycles))

    def _listed(self, query: Customers) -> Page[Listed[Any, Any]]:
        page = self._store.customers(query)
        lifted = self._config.lifted
        rows = (
            Listed(row.customer, lifted(row.standing), row.registered_at, row.last_activity_at) for row in page.items
        )
        return Page(tuple(rows), page.next)

    def _activity(self, stored: StoredActivity) -> Activity:
        kind = self._config.action(stored.kind)
        if kind is None:
            raise StoredValueError("activity", "action", stored.kind)
        return Activity(stored.customer, kind, stored.reference, stored.at, stored.amount, stored.effect)


def _read_place(cursor: str) -> tuple[int, int, int, str, str]:
    """The place in a timeline that a cursor holds; InvalidInputError if it is no such cursor."""
    try:
        at, rank, version, kind, reference = json.loads(cursor)
    except (ValueError, TypeError, RecursionError):
        at = rank = version = kind = reference = None
    numbered = type(at) is int and 0 <= at < 2**62 and rank in (0, 1) and type(version) is int
    if not numbered:
        raise InvalidInputError("after", "the `next` of an earlier page", "something else")
    return at, rank, version, check_text("after", kind), check_text("after", reference)
