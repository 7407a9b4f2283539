"""
Idleness: moving inactive customers, and bringing back those no longer idle.

Every change goes through the gate like any other, made by `SWEEPER` on the channel SWEEP (D63).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, field, frozen

from custstatus.adapters.queries import MOST_IDS, CustomerIds, Customers, Listed
from custstatus.config.codec import utc_text
from custstatus.config.config import OrgConfig
from custstatus.errors import SweepStoppedError
from custstatus.gate.loop import make_set
from custstatus.gate.outcome import Applied, Plan
from custstatus.gate.refusal import Refusal
from custstatus.gate.request import Operation, Request
from custstatus.gate.sets import SetResult, SetRow
from custstatus.operations.record import SWEEPER, active_again, bring_back, long_before, periods
from custstatus.operations.sweep_limits import NO_LIMITS, SweepLimits
from custstatus.records import Channel
from custstatus.states import CUSTOMER_STATUS, CustomerStatus
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.policies.idle import IdleRule

__all__ = ["Sweep", "Swept", "sweep"]


CHUNK = 5_000
"""How many customers are moved in one transaction."""


class Swept(NamedTuple):
    """One customer that a sweep moves or brings back."""

    customer: str
    outcome: Plan | SetResult | Refusal
    """A Plan in a preview; a Refusal if the customer has since been active, or was changed."""
    rule: IdleRule | None
    """The rule that moves the customer; None where they come back."""


@frozen(eq=False, repr=False)
class Sweep(Value):
    """What a sweep did, or in a preview would do."""

    run: str
    """The run's id, which its entries carry."""
    rows: tuple[Swept, ...] = field(repr=False)

    @property
    def moved(self) -> tuple[Swept, ...]:
        """Customers that a rule moved, or would move; without those that the same run had moved before."""
        return tuple(row for row in self.rows if row.rule is not None and _done(row))

    @property
    def back(self) -> tuple[Swept, ...]:
        """Those who came back, or would."""
        return tuple(row for row in self.rows if row.rule is None and _done(row))

    @property
    def refused(self) -> tuple[Swept, ...]:
        """Those who were left where they are, and why."""
        return tuple(row for row in self.rows if isinstance(row.outcome, Refusal))


def _done(row: Swept) -> bool:
    """Whether something was done, or would be."""
    return not (isinstance(row.outcome, Refusal) or (isinstance(row.outcome, SetResult) and row.outcome.replayed))


async def sweep(
    store: AsyncStore,
    config: OrgConfig[Any],
    now: datetime,
    *,
    run: str | None = None,
    limits: SweepLimits = NO_LIMITS,
    on_rows: Callable[[Sequence[Swept]], None] | None = None,
    preview: bool = False,
) -> Sweep:
    """
    Move customers that an idle rule applies to, the longest period first, and bring back those it no longer applies to.

    With *preview*, plan it only.

    Raises:
        SweepStoppedError: It would move more than the limits allow; nothing was written.
    """
    run = run or f"sweep-{utc_text(now)}"
    rules = sorted(config.idle, key=lambda rule: rule.after, reverse=True)
    asked = [_concerned(rule, config, now, limits) for rule in rules]
    if limits.most is not None or limits.share is not None:
        await _within_limits(store, asked, config, limits)
    rows: list[Swept] = []
    seen: set[str] = set()
    for rule, query in zip(rules, asked, strict=True):
        request = Request(
            Operation.CHANGE,
            "",
            (rule.to,),
            SWEEPER,
            Channel.SWEEP,
            reason_code="idle",
            run=run,
            only_from=config.idle_from(rule),
            quiet_since=query.quiet_since,
            grace_since=query.grace_since,
        )
        ids = [customer for customer in (await _ids(store, query)) if customer not in seen]
        if len(rules) > 1:
            # In a preview nobody has been moved out of the way of the rules with shorter periods.
            seen.update(ids)
        for begin in range(0, len(ids), CHUNK):
            each = [SetRow(customer) for customer in ids[begin : begin + CHUNK]]
            outcomes = await make_set(store, request, each, config, now, preview=preview)
            done = [Swept(row.customer, outcome, rule) for row, outcome in zip(each, outcomes, strict=True)]
            rows += done
            if on_rows is not None:
                on_rows(done)
    for label, period in periods(config).items():
        for listed in await _active(store, label, long_before(now, period), config):
            if active_again(listed, config, now):
                outcome = await bring_back(store, listed, config, now, run=run, preview=preview)
                came = SetResult.by(outcome) if isinstance(outcome, Applied) else outcome
                rows.append(Swept(listed.customer, came, None))
                if on_rows is not None:
                    on_rows(rows[-1:])
    return Sweep(run, tuple(rows))


def _concerned(rule: IdleRule, config: OrgConfig[Any], now: datetime, limits: SweepLimits) -> CustomerIds:
    """The customers that a rule moves."""
    return CustomerIds(
        org=config.org,
        lifecycle=CUSTOMER_STATUS.name,
        statuses=frozenset([CustomerStatus.ACTIVE.value]),
        places=frozenset(getattr(place, "text", place.value) for place in config.idle_from(rule)),
        quiet_since=long_before(now, rule.after),
        grace_since=None if limits.grace is None else long_before(now, limits.grace),
        exempt=limits.exempt,
        limit=MOST_IDS,
    )


async def _within_limits(
    store: AsyncStore, asked: list[CustomerIds], config: OrgConfig[Any], limits: SweepLimits
) -> None:
    """SweepStoppedError where more customers are concerned than the limits allow."""
    if len(asked) == 1:
        concerned = await store.count(asked[0])
    else:  # a customer may be inactive for longer than several periods
        ids: set[str] = set()
        for query in asked:
            ids.update(await _ids(store, query))
        concerned = len(ids)
    gone = frozenset([CustomerStatus.DELETED.value])
    everybody = await store.count(Customers(org=config.org, lifecycle=CUSTOMER_STATUS.name, without=gone))
    allowed = concerned if limits.most is None else min(concerned, limits.most)
    if limits.share is not None:
        # As it is written: 0.29 of a hundred are 29, though the nearest binary number is less.
        allowed = min(allowed, int(Decimal(repr(limits.share)) * everybody))
    if concerned > allowed:
        raise SweepStoppedError(config.org, concerned, allowed, everybody)


async def _ids(store: AsyncStore, query: CustomerIds) -> list[str]:
    """Everybody on a list. Read as a whole where it may be: page by page an engine reads each customer by itself."""
    ids: list[str] = []
    more: CustomerIds | None = query
    while more is not None:
        page = await store.page(more)
        ids += page.items
        more = None if page.next is None else evolve(more, after=page.next)
    return ids


async def _active(store: AsyncStore, label: str, since: datetime, config: OrgConfig[Any]) -> list[Listed[str, str]]:
    """Who is under an idle label and was active since a time."""
    rows: list[Listed[str, str]] = []
    more: Customers | None = Customers(
        org=config.org, lifecycle=CUSTOMER_STATUS.name, label=label, active_since=since, limit=CHUNK
    )
    while more is not None:
        page = await store.page(more)
        rows += page.items
        more = None if page.next is None else evolve(more, after=page.next)
    return rows
