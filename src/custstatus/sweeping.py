"""
Activities and idleness, as flows: recording what customers did, moving the inactive, bringing back those who buy again.

Every move goes through the gate like any other change, made by `SWEEPER` on the channel SWEEP (D63).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from attrs import evolve, field, frozen

from custstatus.adapters.protocol import ActivityBatch, Recorded, StoredActivity
from custstatus.bounds import EPOCH, check_id, kind_of
from custstatus.changes import Applied, Operation, Plan, Refusal, RefusalCode, Request
from custstatus.codec import utc_text
from custstatus.config import OrgConfig
from custstatus.errors import InvalidInputError, SweepStoppedError
from custstatus.flows import Call, Flow, make, make_set, preview, restore
from custstatus.policies.idle import IdleRule
from custstatus.queries import MOST_IDS, CustomerIds, Customers
from custstatus.records import Activity, Actor, ActorKind, Channel, Effect, Listed, Page, StatusLabel
from custstatus.sets import Each, Moved
from custstatus.states import CUSTOMER_STATUS, CustomerStatus
from custstatus.values import Value

__all__ = ["RELEASED", "SWEEPER", "Brakes", "Report", "Sweep", "Swept", "record", "sweep"]

SWEEPER = Actor("custstatus", ActorKind.SYSTEM)
"""Who makes the changes that idle rules ask for."""

CHUNK = 5_000
"""How many customers are moved in one transaction."""


def _customers(customers: Iterable[str]) -> frozenset[str]:
    if isinstance(customers, str) or not isinstance(customers, Iterable):
        raise InvalidInputError("Brakes.exempt", "several customers", kind_of(customers))
    return frozenset(check_id("Brakes.exempt", customer) for customer in customers)


@frozen(repr=False)
class Report(Value):
    """What became of reported activities."""

    new: int
    unrecorded: int = 0
    """How many are of customers that are not registered."""
    repeats: tuple[int, ...] = field(default=(), repr=False)
    """Which were reported before, or earlier among them, by their places from 0 on: the first report stands."""
    unknown: tuple[str, ...] = ()
    """The customers that are not registered."""
    back: tuple[Applied, ...] = ()
    """The changes that brought idle customers back (D63)."""

    @property
    def repeated(self) -> int:
        """How many were reported before."""
        return len(self.repeats)

    def __add__(self, other: Report) -> Report:
        """Both reports in one, of the activities of this one and then the other's."""
        before = self.new + self.unrecorded + self.repeated
        return Report(
            self.new + other.new,
            self.unrecorded + other.unrecorded,
            self.repeats + tuple(before + place for place in other.repeats),
            tuple(sorted({*self.unknown, *other.unknown})),
            self.back + other.back,
        )


@frozen(repr=False)
class Brakes(Value):
    """What keeps a sweep from doing more than it should."""

    most: int | None = None
    """How many customers a sweep may move at most; with more of them it moves none."""
    share: float | None = None
    """Likewise as a share, 0 to 1, of the customers who are not DELETED."""
    grace: timedelta | None = None
    """How long a customer is left whom a person has put where he stands, after his registration: brought back by hand, say."""
    exempt: frozenset[str] = field(default=frozenset(), converter=_customers, repr=False)
    """Customers who are never moved; they still come back."""

    def __attrs_post_init__(self) -> None:
        if self.most is not None and (type(self.most) is not int or self.most < 0):
            raise InvalidInputError("Brakes.most", "0 or more", kind_of(self.most))
        if self.share is not None and not (type(self.share) in (int, float) and 0 <= self.share <= 1):
            raise InvalidInputError("Brakes.share", "0 to 1", kind_of(self.share))
        if self.grace is not None and not (isinstance(self.grace, timedelta) and self.grace > timedelta(0)):
            raise InvalidInputError("Brakes.grace", "a timedelta of more than none", kind_of(self.grace))


RELEASED = Brakes()
"""None of them."""


class Swept(NamedTuple):
    """One customer whom a sweep concerns."""

    customer: str
    outcome: Plan | Moved | Refusal
    """A Plan in a preview; a Refusal where he was active, or was changed, meanwhile."""
    rule: IdleRule | None
    """The rule that moves him; None where he comes back."""


@frozen(eq=False, repr=False)
class Sweep(Value):
    """What a sweep did, or in a preview would do."""

    run: str
    """The run's id, which its entries carry."""
    rows: tuple[Swept, ...] = field(repr=False)

    @property
    def moved(self) -> tuple[Swept, ...]:
        """Those whom a rule moved, or would move; not again those whom the same run had moved before."""
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
    return not (isinstance(row.outcome, Refusal) or (isinstance(row.outcome, Moved) and row.outcome.replayed))


def record(activities: tuple[Activity, ...], config: OrgConfig[Any], now: datetime) -> Flow[Report]:
    """Record activities in one batch, and bring back the idle customers among theirs."""
    counting = config.counts_as_activity
    rows = tuple(
        StoredActivity(
            activity.customer,
            activity.kind.value,
            activity.reference,
            activity.at,
            activity.amount,
            activity.effect,
            activity.effect is Effect.ALLOW and activity.kind in counting,
        )
        for activity in activities
    )
    recorded: Recorded = yield Call.of("record", ActivityBatch(config.org, rows, config.idle_labels))
    back: list[Applied] = []
    for listed in recorded.watched:
        if _active_again(listed, config, now):
            came = yield from _bring_back(listed, config, now, run=None, dry=False)
            if isinstance(came, Applied):
                back.append(came)
    unrecorded = len(rows) - recorded.new - recorded.repeated
    return Report(recorded.new, unrecorded, recorded.repeats, recorded.unknown, tuple(back))


def sweep(
    config: OrgConfig[Any],
    now: datetime,
    *,
    run: str | None = None,
    brakes: Brakes = RELEASED,
    told: Callable[[Sequence[Swept]], None] | None = None,
    dry: bool = False,
) -> Flow[Sweep]:
    """
    Move everyone whom an idle rule concerns, the longest period first, and bring back whom it concerns no longer.

    With *dry*, plan it only.

    Raises:
        SweepStoppedError: It would move more than the brakes allow; nothing was written.
    """
    run = run or f"sweep-{utc_text(now)}"
    rules = sorted(config.idle, key=lambda rule: rule.after, reverse=True)
    asked = [_concerned(rule, config, now, brakes) for rule in rules]
    if brakes.most is not None or brakes.share is not None:
        yield from _braked(asked, config, brakes)
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
        ids = [customer for customer in (yield from _ids(query)) if customer not in seen]
        if len(rules) > 1:
            # In a preview nobody has been moved out of the way of the rules with shorter periods.
            seen.update(ids)
        for begin in range(0, len(ids), CHUNK):
            each = [Each(customer) for customer in ids[begin : begin + CHUNK]]
            outcomes = yield from make_set(request, each, config, now, dry=dry)
            done = [Swept(row.customer, outcome, rule) for row, outcome in zip(each, outcomes, strict=True)]
            rows += done
            if told is not None:
                told(done)
    for label, period in _periods(config).items():
        for listed in (yield from _active(label, _back_from(now, period), config)):
            if _active_again(listed, config, now):
                outcome = yield from _bring_back(listed, config, now, run=run, dry=dry)
                came = Moved.by(outcome) if isinstance(outcome, Applied) else outcome
                rows.append(Swept(listed.customer, came, None))
                if told is not None:
                    told(rows[-1:])
    return Sweep(run, tuple(rows))


def _concerned(rule: IdleRule, config: OrgConfig[Any], now: datetime, brakes: Brakes) -> CustomerIds:
    """Whom a rule moves."""
    return CustomerIds(
        org=config.org,
        lifecycle=CUSTOMER_STATUS.name,
        statuses=frozenset([CustomerStatus.ACTIVE.value]),
        places=frozenset(getattr(place, "text", place.value) for place in config.idle_from(rule)),
        quiet_since=_back_from(now, rule.after),
        grace_since=None if brakes.grace is None else _back_from(now, brakes.grace),
        exempt=brakes.exempt,
        limit=MOST_IDS,
    )


def _back_from(now: datetime, period: timedelta) -> datetime:
    return now - period if now - EPOCH > period else EPOCH


def _braked(asked: list[CustomerIds], config: OrgConfig[Any], brakes: Brakes) -> Flow[None]:
    """SweepStoppedError where more customers are concerned than the brakes allow."""
    if len(asked) == 1:
        concerned: int = yield Call.of("count", asked[0])
    else:  # a customer may be inactive for longer than several periods
        ids: set[str] = set()
        for query in asked:
            ids.update((yield from _ids(query)))
        concerned = len(ids)
    gone = frozenset([CustomerStatus.DELETED.value])
    everybody = yield Call.of("count", Customers(org=config.org, lifecycle=CUSTOMER_STATUS.name, without=gone))
    allowed = concerned if brakes.most is None else min(concerned, brakes.most)
    if brakes.share is not None:
        # As it is written: 0.29 of a hundred are 29, though the nearest binary number is less.
        allowed = min(allowed, int(Decimal(repr(brakes.share)) * everybody))
    if concerned > allowed:
        raise SweepStoppedError(config.org, concerned, allowed, everybody)


def _ids(query: CustomerIds) -> Flow[list[str]]:
    """Everybody on a list. Read as a whole where it may be: page by page an engine reads each customer by itself."""
    ids: list[str] = []
    more: CustomerIds | None = query
    while more is not None:
        page: Page[str] = yield Call.of("customer_ids", more)
        ids += page.items
        more = None if page.next is None else evolve(more, after=page.next)
    return ids


def _periods(config: OrgConfig[Any]) -> dict[str, timedelta]:
    """
    For every idle label that a rule leads to, within which time an activity brings back.

    Where two rules lead to one label the shorter period counts, or the one would undo what the other does.
    """
    periods: dict[str, timedelta] = {}
    for rule in config.idle:
        label = getattr(rule.to, "text", None)
        if label is not None:
            periods[label] = min(rule.after, periods.get(label, rule.after))
    return periods


def _active(label: str, since: datetime, config: OrgConfig[Any]) -> Flow[list[Listed[str, str]]]:
    """Who is under an idle label and was active since a time."""
    rows: list[Listed[str, str]] = []
    more: Customers | None = Customers(
        org=config.org, lifecycle=CUSTOMER_STATUS.name, label=label, active_since=since, limit=CHUNK
    )
    while more is not None:
        page: Page[Listed[str, str]] = yield Call.of("customers", more)
        rows += page.items
        more = None if page.next is None else evolve(more, after=page.next)
    return rows


def _active_again(listed: Listed[str, str], config: OrgConfig[Any], now: datetime) -> bool:
    """Whether an idle customer has bought since; one whom a rule moved, also if a late report says that he was not idle."""
    last, standing = listed.last_activity_at, listed.standing
    period = _periods(config).get(standing.label or "")
    if last is None or period is None or now - last > period:
        return False
    return standing.by == SWEEPER or last >= standing.since


def _bring_back(
    listed: Listed[str, str], config: OrgConfig[Any], now: datetime, *, run: str | None, dry: bool
) -> Flow[Plan | Applied | Refusal]:
    """Back to the label that the customer had, or to the default label of ACTIVE where he never had another."""
    label: StatusLabel = config.label(listed.standing.label or "")
    request = Request(
        Operation.RESTORE,
        listed.customer,
        (),
        SWEEPER,
        Channel.SWEEP,
        reason="active again",
        reason_code="active_again",
        run=run,
        only_from=frozenset([label]),
    )
    restored = yield from restore(request, CUSTOMER_STATUS, config, now, dry=dry)
    if not isinstance(restored, Refusal) or restored.codes != {RefusalCode.NOTHING_TO_RESTORE}:
        return restored
    default = config.default_label(CustomerStatus.ACTIVE)
    change = evolve(request, operation=Operation.CHANGE, targets=() if default is None else (default,))
    return (yield from preview(change, config, now) if dry else make(change, config, now))
