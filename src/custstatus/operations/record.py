"""Recording what customers did, and bringing back idle customers who buy again (D63)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from custstatus.adapters.protocol import ActivityBatch, StoredActivity
from custstatus.bounds import EPOCH, LATEST
from custstatus.config.config import OrgConfig
from custstatus.gate import loop
from custstatus.gate.outcome import Applied, Plan
from custstatus.gate.refusal import Refusal, RefusalCode
from custstatus.gate.request import Operation, Request
from custstatus.records import Activity, Actor, ActorKind, Channel, Effect, StatusLabel
from custstatus.states import CUSTOMER_STATUS, CustomerStatus
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.adapters.queries import Listed

__all__ = ["BATCH", "SWEEPER", "Report", "active_again", "bring_back", "latest", "long_before", "periods", "record"]


BATCH = 10_000
"""How many activities are recorded in one transaction where there are any number."""

_AHEAD = timedelta(days=1)

SWEEPER = Actor("custstatus", ActorKind.SYSTEM)
"""Who makes the changes that idle rules ask for."""


@frozen(repr=False)
class Report(Value):
    """What became of reported activities."""

    new: int
    unrecorded: int = 0
    """How many are of customers that are not registered."""
    repeats: tuple[int, ...] = field(default=(), repr=False)
    """Which were reported before, or earlier among them, by their places from 0 on: the first report is kept."""
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


async def record(store: AsyncStore, activities: tuple[Activity, ...], config: OrgConfig[Any], now: datetime) -> Report:
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
    recorded = await store.record(ActivityBatch(config.org, rows, config.idle_labels))
    back: list[Applied] = []
    for listed in recorded.watched:
        if active_again(listed, config, now):
            came = await bring_back(store, listed, config, now, run=None, preview=False)
            if isinstance(came, Applied):
                back.append(came)
    unrecorded = len(rows) - recorded.new - recorded.repeated
    return Report(recorded.new, unrecorded, recorded.repeats, recorded.unknown, tuple(back))


def long_before(now: datetime, period: timedelta) -> datetime:
    """The time so long ago, or the first that there is."""
    return now - period if now - EPOCH > period else EPOCH


def periods(config: OrgConfig[Any]) -> dict[str, timedelta]:
    """
    For every idle label that a rule leads to, within which time an activity brings back.

    Where two rules lead to one label the shorter period counts, or the one would undo what the other does.
    """
    found: dict[str, timedelta] = {}
    for rule in config.idle:
        label = getattr(rule.to, "text", None)
        if label is not None:
            found[label] = min(rule.after, found.get(label, rule.after))
    return found


def active_again(listed: Listed[str, str], config: OrgConfig[Any], now: datetime) -> bool:
    """Whether an idle customer has bought since; one that a rule moved, also if a late report says that they were not idle."""
    last, standing = listed.last_activity_at, listed.standing
    period = periods(config).get(standing.label or "")
    if last is None or period is None or now - last > period:
        return False
    return standing.by == SWEEPER or last >= standing.since


async def bring_back(
    store: AsyncStore,
    listed: Listed[str, str],
    config: OrgConfig[Any],
    now: datetime,
    *,
    run: str | None,
    preview: bool,
) -> Plan | Applied | Refusal:
    """Back to the label that the customer had, or to the default label of ACTIVE where they never had another."""
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
    restored = await loop.restore(store, request, CUSTOMER_STATUS, config, now, preview=preview)
    if not isinstance(restored, Refusal) or restored.codes != {RefusalCode.NOTHING_TO_RESTORE}:
        return restored
    default = config.default_label(CustomerStatus.ACTIVE)
    change = evolve(request, operation=Operation.CHANGE, targets=() if default is None else (default,))
    return await (loop.preview if preview else loop.make)(store, change, config, now)


def latest(now: datetime) -> datetime:
    """The latest time that an activity may have: a day ahead, as the clocks of shops differ."""
    return now + _AHEAD if now < LATEST - _AHEAD else LATEST
