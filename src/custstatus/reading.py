"""
Reading, as flows: what an organisation's accounts are and were, lifted from what is stored to its own enums.

Each verb is what `looking.Look` says of the one of its name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Generic, TypeVar

from attrs import evolve, frozen

from custstatus import verifying
from custstatus.adapters.cursors import micros
from custstatus.adapters.protocol import StoredActivity
from custstatus.bounds import EPOCH, check_id, check_moment, check_text, kind_of
from custstatus.config import OrgConfig
from custstatus.errors import InvalidInputError, StoredValueError, UnknownCustomerError, UnknownLifecycleError
from custstatus.feeds import FeedPage, Lag, Position
from custstatus.flows import Call, Flow
from custstatus.lifecycle import Lifecycle, Status
from custstatus.planning import fold
from custstatus.queries import MOST, Accounts, Activities, Customers, Feed, Log
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
from custstatus.verifying import Verification, entries_of

__all__ = ["HIDDEN_FROM_REPORTS", "Reading", "lifecycle_on"]

L = TypeVar("L", bound=StatusLabel)
S = TypeVar("S", bound=Status)

HIDDEN_FROM_REPORTS = frozenset({CustomerStatus.DELETED, CustomerStatus.INTERNAL, CustomerStatus.FRAUD_CONFIRMED})
"""Whom reports leave out (D65)."""

_FRAUD_HIDDEN_FROM_REPORTS = frozenset(
    {LegacyFraudStatus.CONFIRMED, LegacyFraudStatus.RECONFIRMED, LegacyFraudStatus.INTERNAL}
)
"""Whom they leave out where the legacy fraud status stands in for customer status (D44)."""


@frozen(eq=False)
class Reading(Generic[L]):
    """Whatever only reads, for one organisation."""

    config: OrgConfig[L]
    seal: Seal
    clock: Callable[[], datetime]

    def now(self) -> datetime:
        """What time it is; InvalidInputError where the clock is naive."""
        return check_moment("clock", self.clock())

    def unknown(self, customer: str) -> UnknownCustomerError:
        """That there is no such customer."""
        return UnknownCustomerError(self.config.org, check_id("customer", customer))

    def account(self, customer: str) -> Flow[Account]:
        account: Account | None = yield Call.of("load", self.config.org, check_id("customer", customer))
        if account is None:
            raise self.unknown(customer)
        return account

    def standing(self, customer: str, lifecycle: Lifecycle[S], at: datetime | None) -> Flow[Standing[S, L] | None]:
        lifecycle_on(lifecycle, self.config)
        row = (yield from self._as_of(customer, at)).standing(lifecycle.name)
        return None if row is None or row.status is None else self.config.lifted(row)

    def standings(self, customer: str, at: datetime | None) -> Flow[tuple[Standing[Status, L], ...]]:
        return self.config.standings((yield from self._as_of(customer, at)))

    def displayed(self, customer: str) -> Flow[str]:
        on = self.config.lifecycle(CUSTOMER_STATUS.name) or self.config.lifecycle(LEGACY_FRAUD_STATUS.name)
        if on is None:
            yield from self.account(customer)
            return ""
        standing = yield from self.standing(customer, on, None)
        if standing is None or standing.status is None:
            return ""
        name: str = standing.status.name
        return name if standing.label is None else standing.label.text

    def history(
        self, customer: str | None, lifecycle: Lifecycle[S] | None, status: S | None, **asked: Any
    ) -> Flow[Page[Entry]]:
        if lifecycle is not None:
            lifecycle_on(lifecycle, self.config)
        if status is not None and (lifecycle is None or not isinstance(status, lifecycle.statuses)):
            raise InvalidInputError("status", "a status of the lifecycle that is given with it", type(status).__name__)
        query = Log(
            org=self.config.org,
            customer=customer,
            lifecycle=None if lifecycle is None else lifecycle.name,
            status=None if status is None else status.value,
            **asked,
        )
        page: Page[Entry] = yield Call.of("log", query)
        if customer is not None and not page.items:
            yield from self.account(customer)
        return page

    def find(self, identifier: Identifier) -> Flow[str | None]:
        if not isinstance(identifier, Identifier):
            raise InvalidInputError("identifier", "an Identifier", kind_of(identifier))
        org = self.config.org
        holder: str | None = yield Call.of("find", org, self.seal.token(org, identifier).token)
        return holder

    def identifiers(self, customer: str) -> Flow[tuple[HeldIdentifier, ...]]:
        yield from self.account(customer)
        order = {name: place for place, name in enumerate(self.config.identifiers)}
        held: tuple[HeldIdentifier, ...] = yield Call.of("identifiers", self.config.org, customer)
        return tuple(sorted(held, key=lambda each: order.get(each.type, len(order))))

    def customers(
        self, lifecycle: Lifecycle[S], statuses: tuple[S, ...], label: L | None, **paged: Any
    ) -> Flow[Page[Listed[S, L]]]:
        lifecycle_on(lifecycle, self.config)
        labels = self.config.labels
        for status in statuses:
            if not isinstance(status, lifecycle.statuses):
                raise InvalidInputError("statuses", f"statuses of {lifecycle.name}", type(status).__name__)
        if label is not None and type(label) is not labels:
            raise InvalidInputError("label", f"a label of {labels.__name__}", type(label).__name__)
        everybody = set(lifecycle.statuses)
        shown = statuses or (everybody - lifecycle.closing if label is None else everybody)
        return self._listed(
            lifecycle.name,
            statuses=frozenset(status.value for status in shown),
            label=None if label is None else label.text,
            **paged,
        )

    def inactive(self, period: timedelta, **paged: Any) -> Flow[Page[Listed[CustomerStatus, L]]]:
        lifecycle_on(CUSTOMER_STATUS, self.config)
        if not isinstance(period, timedelta) or period <= timedelta(0):
            raise InvalidInputError("period", "a timedelta of more than none", kind_of(period))
        now = self.now()
        return self._listed(
            CUSTOMER_STATUS.name,
            without=frozenset([CustomerStatus.DELETED.value]),
            quiet_since=now - period if now - EPOCH > period else EPOCH,
            **paged,
        )

    def reportable(self, **paged: Any) -> Flow[Page[Listed[CustomerStatus | LegacyFraudStatus, L]]]:
        lifecycle, hidden = CUSTOMER_STATUS.name, frozenset(status.value for status in HIDDEN_FROM_REPORTS)
        if self.config.lifecycle(lifecycle) is None and self.config.lifecycle(LEGACY_FRAUD_STATUS.name) is not None:
            lifecycle = LEGACY_FRAUD_STATUS.name
            hidden = frozenset(status.value for status in _FRAUD_HIDDEN_FROM_REPORTS)
        else:
            lifecycle_on(CUSTOMER_STATUS, self.config)
        return self._listed(lifecycle, without=hidden, **paged)

    def counts(self, lifecycle: Lifecycle[S]) -> Flow[tuple[Tally[S, L], ...]]:
        lifecycle_on(lifecycle, self.config)
        lift = self.config.policy.lift
        counted: tuple[Tally[str, str], ...] = yield Call.of("tally", self.config.org, lifecycle.name)
        tallies: list[Tally[Any, Any]] = [
            Tally(*lift(lifecycle.name, tally.status, tally.label), tally.accounts) for tally in counted
        ]
        return tuple(tallies)

    def activities(self, customer: str, **paged: Any) -> Flow[Page[Activity]]:
        query = Activities(org=self.config.org, customer=customer, **paged)
        page: Page[StoredActivity] = yield Call.of("activities", query)
        if not page.items:
            yield from self.account(customer)
        return Page(tuple(map(self._activity, page)), page.next)

    def by_reference(self, reference: str) -> Flow[tuple[Activity, ...]]:
        query = Activities(org=self.config.org, reference=reference, limit=MOST)
        page: Page[StoredActivity] = yield Call.of("activities", query)
        return tuple(map(self._activity, page))

    def timeline(self, customer: str, after: str | None, limit: int) -> Flow[Page[Entry | Activity]]:
        account = yield from self.account(customer)
        end = None if after is None else _read_place(after)
        # At the same time an entry comes after (that is, it is shown before) an activity.
        query = Activities(
            org=self.config.org,
            customer=customer,
            after=None if end is None else json.dumps([end[0] + end[1], end[3], end[4], customer]),
            limit=limit,
        )
        done: Page[StoredActivity] = yield Call.of("activities", query)
        items: list[tuple[tuple[int, int, int, str, str], Entry | Activity]] = [
            ((micros(stored.at), 0, 0, stored.kind, stored.reference), self._activity(stored)) for stored in done
        ]
        for entry in (yield from entries_of(account)):
            place = (micros(entry.effective_at), 1, entry.version, "", "")
            if end is None or place < end:
                items.append((place, entry))
        items.sort(key=itemgetter(0), reverse=True)
        shown = items[:limit]
        more = len(items) > limit or done.next is not None
        return Page(tuple(item for _, item in shown), json.dumps(shown[-1][0]) if more else None)

    def accounts(self, after: str | None, limit: int) -> Flow[Page[Account]]:
        page: Page[Account] = yield Call.of("accounts", Accounts(org=self.config.org, after=after, limit=limit))
        return page

    def feed(self, after: str | None, limit: int) -> Flow[FeedPage]:
        page: FeedPage = yield Call.of("feed", Feed(org=self.config.org, after=after, limit=limit))
        return page

    def lag(self, after: str | None) -> Flow[Lag]:
        lag: Lag = yield Call.of("lag", self.config.org, Feed(org=self.config.org, after=after).after)
        return lag

    def position(self, consumer: str) -> Flow[str | None]:
        kept: str | None = yield Call.of("position", self.config.org, check_id("consumer", consumer))
        return kept

    def keep_position(self, consumer: str, position: str | None) -> Flow[None]:
        kept = None if position is None else str(Position.read(check_text("position", position)))
        yield Call.of("keep_position", self.config.org, check_id("consumer", consumer), kept)

    def verify(self, progress: Callable[[int], None] | None) -> Flow[Verification]:
        total = Verification(0, 0)
        accounts: Accounts | None = Accounts(org=self.config.org)
        while accounts is not None:
            verified, following = yield from verifying.verify(accounts)
            total += verified
            if progress is not None:
                progress(total.accounts)
            accounts = None if following is None else evolve(accounts, after=following)
        log: Log | None = Log(org=self.config.org, limit=MOST)
        while log is not None:
            lost, following = yield from verifying.verify_log(log)
            total += Verification(0, 0, lost)
            log = None if following is None else evolve(log, after=following)
        return total

    def _as_of(self, customer: str, at: datetime | None) -> Flow[Account]:
        if at is None:
            return (yield from self.account(customer))
        at = check_moment("at", at)
        now = yield from self.account(customer)
        then = fold((yield from entries_of(now)), at)
        if then is None:
            raise self.unknown(customer)
        return then

    def _listed(self, lifecycle: str, **asked: Any) -> Flow[Page[Listed[Any, Any]]]:
        query = Customers(org=self.config.org, lifecycle=lifecycle, **asked)
        page: Page[Listed[str, str]] = yield Call.of("customers", query)
        lifted = self.config.lifted
        rows = (
            Listed(row.customer, lifted(row.standing), row.registered_at, row.last_activity_at) for row in page.items
        )
        return Page(tuple(rows), page.next)

    def _activity(self, stored: StoredActivity) -> Activity:
        kind = self.config.action(stored.kind)
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
