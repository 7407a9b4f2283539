"""
The replay of the demo: a year of purchases, day by day, through the library's public names only.

It is what a host does: a till that registers customers, asks what they may do and reports what they did, people who change
statuses at their desks, a sweep at the end of the month. Only the clock is not the machine's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from attrs import define, field, frozen

from custstatus import (
    Action,
    Activity,
    Actor,
    ActorKind,
    AnyAction,
    Channel,
    Decision,
    Effect,
    Identifier,
    Membership,
    Refusal,
    Report,
    RequestedBy,
    StatusService,
    Sweep,
)
from custstatus.adapters import Store
from examples.demo.programme import PROGRAMME, Label
from examples.demo.purchases import Basket, Purchases, Redemption
from examples.demo.story import Part, Scene, Story, Turn

__all__ = ["Clock", "Outcome", "Replay", "Return"]

TILL = Actor("till", ActorKind.SYSTEM)
SCORING = Actor("scoring", ActorKind.SYSTEM)
MARKETING = Actor("marketing", ActorKind.SYSTEM)
AGENT = Actor("agent-7", name="Robin Okafor")
INVESTIGATOR = Actor("agent-12", name="Kim Larsen")


@define
class Clock:
    """A clock that is moved by hand."""

    now: datetime

    def __call__(self) -> datetime:
        """What time it is."""
        return self.now


@frozen
class Return:
    """A customer who deleted the account and registered anew, with the same mobile (D6)."""

    mobile: str
    old: str
    new: str
    refusal: Refusal | None
    """What came of asking for the old account back."""


@define
class Outcome:
    """What the replay did, beside what the store now holds."""

    decisions: Counter[tuple[AnyAction, Effect]] = field(factory=Counter)
    recorded: Report = field(factory=lambda: Report(0, 0))
    sweeps: list[tuple[date, Sweep]] = field(factory=list)
    """Those that concerned anyone, with the days on which they ran."""
    played: dict[Part, str] = field(factory=dict)
    """The customer ids of those who play a part."""
    denials: dict[str, Decision[Any]] = field(factory=dict)
    """The first denial that each customer met."""
    returned: Return | None = None


class Replay:
    """A year of purchases over a store."""

    def __init__(self, store: Store, purchases: Purchases) -> None:
        self._purchases = purchases
        self._clock = Clock(self._midnight(purchases.first_day))
        self._story = Story.of(purchases)
        self._customers: dict[int, str] = {}
        self._earlier: dict[int, list[str]] = {}
        self.outcome = Outcome()
        self.service = StatusService(store, PROGRAMME, clock=self._clock)
        # Who acts and by which way is said once: every change made there carries it.
        self._till = self.service.acting(TILL, Channel.API)
        self._scoring = self.service.acting(SCORING, Channel.API)
        self._marketing = self.service.acting(MARKETING, Channel.IMPORT)
        self._care = self.service.acting(AGENT, Channel.MEMBER_CARE)
        self._as_requested = self.service.acting(AGENT, Channel.MEMBER_CARE, requested_by=RequestedBy.CUSTOMER)
        self._fraud_desk = self.service.acting(INVESTIGATOR, Channel.MEMBER_CARE)

    def run(self, *, progress: Callable[[int], None] | None = None) -> Outcome:
        """Replay everything; *progress* is told after every day how many are done."""
        scenes = list(self._story.scenes)
        for number, (day, purchases) in enumerate(self._purchases.days(), 1):
            night = self._midnight(day + timedelta(days=1))
            due = [scene for scene in scenes if scene.at < night]
            del scenes[: len(due)]
            activities: list[Activity] = []
            for event in sorted([*due, *purchases], key=lambda event: event.at):
                self._clock.now = event.at
                if isinstance(event, Scene):
                    self._play(event)
                elif isinstance(event, Basket):
                    activities += self._sell(event)
                else:
                    activities += self._redeem(event)
            self._clock.now = night
            self._close_day(day, activities)
            if progress is not None:
                progress(number)
        for part, household in self._story.cast.items():
            self.outcome.played[part] = self._customers[household]
        return self.outcome

    def _sell(self, basket: Basket) -> list[Activity]:
        """A sale asks two things from one read: whether it counts as one, and whether it earns points."""
        customer = self._customer(basket.household)
        decisions = self.service.decide_all(customer, [Action.TRANSACTION, Action.POINTS_ALLOCATION])
        for decision in decisions.values():
            self._count(customer, decision)
        sale, points = decisions[Action.TRANSACTION].effect, decisions[Action.POINTS_ALLOCATION].effect
        done = [Activity(customer, Action.TRANSACTION, basket.reference, basket.at, basket.amount, sale)]
        # What was withheld or flagged is kept as an attempt (D36); points that were simply given are the host's matter.
        if points is not Effect.ALLOW:
            done.append(Activity(customer, Action.POINTS_ALLOCATION, basket.reference, basket.at, None, points))
        return done

    def _redeem(self, coupon: Redemption) -> list[Activity]:
        customer = self._customer(coupon.household)
        decision = self.service.decide(customer, Action.COUPON_REDEMPTION)
        self._count(customer, decision)
        return [Activity(customer, Action.COUPON_REDEMPTION, coupon.reference, coupon.at, None, decision.effect)]

    def _count(self, customer: str, decision: Decision[Any]) -> None:
        self.outcome.decisions[decision.action, decision.effect] += 1
        if decision.effect is Effect.BLOCK:
            self.outcome.denials.setdefault(customer, decision)

    def _customer(self, household: int) -> str:
        """Whom the till serves: found by the mobile, and registered where there is no living account with it."""
        known = self._customers.get(household)
        if known is not None:
            return known
        mobile = Identifier("mobile", f"+1555{household:07}")
        customer = self.service.find(mobile) or self._register(household, mobile)
        self._customers[household] = customer
        return customer

    def _register(self, household: int, mobile: Identifier) -> str:
        earlier = self._earlier.setdefault(household, [])
        customer = f"h{household:04}" + (f"-{len(earlier) + 1}" if earlier else "")
        if earlier:
            # The old account stays deleted, whoever asks (D5); the mobile is free, so it may register again (D6).
            wanted = self._care.preview(earlier[-1], Label.REGULAR, reason="wants the old account back")
            refusal = wanted if isinstance(wanted, Refusal) else None
            self.outcome.returned = Return(mobile.value, earlier[-1], customer, refusal)
        self._till.register(customer, Membership.ENROLLED, identifiers=[mobile], key=f"register-{customer}")
        earlier.append(customer)
        return customer

    def _close_day(self, day: date, activities: list[Activity]) -> None:
        """At midnight the day's activities are reported, in one batch; on the first of the month the sweep runs."""
        if activities:
            self.outcome.recorded += self.service.record(*activities)
        tomorrow = day + timedelta(days=1)
        if tomorrow.day == 1:
            sweep = self.service.sweep(run=f"idle-{tomorrow}")
            if sweep.rows:
                self.outcome.sweeps.append((tomorrow, sweep))

    def _play(self, scene: Scene) -> None:
        """What people and systems do to a customer; each request has a key, so that a repeat would change nothing."""
        customer = self._customers[scene.household]
        key = f"{scene.turn.value}-{customer}"
        match scene.turn:
            case Turn.PHONE_LOST:
                self._care.change(customer, Label.LOST_PHONE, reason="Lost mobile phone", key=key)
            case Turn.PHONE_REPLACED:
                self._care.change(customer, Label.REGULAR, reason="New phone, identified by passport", key=key)
            case Turn.ACCOUNT_DELETED:
                self._as_requested.change(customer, Label.CLOSED, reason="Does not want an account any more", key=key)
                del self._customers[scene.household]
            case Turn.SPENDS_MORE:
                self._marketing.change(customer, Label.TRENDING, reason_code="spends_more", key=key)
            case Turn.SUSPICION:
                self._scoring.change(customer, Label.SUSPECT, reason="Unusually large basket", key=key)
            case Turn.SUSPICION_CLEARED:
                # Not "to ACTIVE": back to where the customer was, label included (D95).
                self._fraud_desk.restore(customer, reason="Receipts seen: a family feast", key=key)
            case Turn.UNENROLLED:
                self._as_requested.change(customer, Membership.UNENROLLED, reason="Moved away", key=key)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._purchases.zone).astimezone(UTC)
