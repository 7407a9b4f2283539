"""
Asking, and what customers do, as flows: what they may do, what they did, and who was idle.

Each verb is what `service.StatusService` says of the one of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import frozen

from custstatus import sweeping
from custstatus.bounds import LATEST, check_id, check_told, kind_of
from custstatus.decisions import Decision, TwoPartyDecision
from custstatus.errors import DeniedError, InvalidInputError
from custstatus.flows import Flow
from custstatus.policies.rules import Party
from custstatus.reading import Reading
from custstatus.records import Activity, AnyAction, Effect, StatusLabel
from custstatus.sweeping import Brakes, Report, Sweep, Swept

__all__ = ["BATCH", "Asking", "allowed", "latest"]

L = TypeVar("L", bound=StatusLabel)

BATCH = 10_000
"""How many activities are recorded in one transaction where there are any number."""

_AHEAD = timedelta(days=1)


@frozen(eq=False)
class Asking(Reading[L]):
    """Whatever a service does beside looking, for one organisation."""

    def decide_all(
        self, customer: str, actions: Iterable[AnyAction], context: object
    ) -> Flow[dict[AnyAction, Decision[L]]]:
        if isinstance(actions, str) or not isinstance(actions, Iterable):
            raise InvalidInputError("actions", "several actions", kind_of(actions))
        account = yield from self.account(customer)
        verdict_of = self.config.policy.verdict_of
        return {
            action: Decision(verdict_of(account, action, context=context), account, self.config) for action in actions
        }

    def decide_between(
        self, action: AnyAction, source: str, destination: str, context: object
    ) -> Flow[TwoPartyDecision[L]]:
        policy = self.config.policy
        policy.check_action(action)
        if action not in policy.two_party:
            raise InvalidInputError(
                "action", "an action between two customers (`two_party`)", "one of a single customer"
            )
        if source == destination:
            raise InvalidInputError("destination", "another customer than the source", "the same")
        one = yield from self._side(source, action, Party.SOURCE, context)
        return TwoPartyDecision(one, (yield from self._side(destination, action, Party.DESTINATION, context)))

    def check_between(
        self, action: AnyAction, source: str, destination: str, context: object
    ) -> Flow[TwoPartyDecision[L]]:
        decision = yield from self.decide_between(action, source, destination, context)
        for denial in decision.denials:
            raise DeniedError(denial)
        return decision

    def record(self, activities: tuple[Activity, ...]) -> Flow[Report]:
        now = self.now()
        until = latest(now)
        for activity in activities:
            if not isinstance(activity, Activity) or not self.config.policy.knows(activity.kind):
                raise InvalidInputError("activities", "activities of configured actions", kind_of(activity))
            if activity.at > until:
                raise InvalidInputError("Activity.at", "a time no later than a day from now", "one in the future")
        return sweeping.record(activities, self.config, now)

    def preview_sweep(self, brakes: Brakes) -> Flow[Sweep]:
        return sweeping.sweep(self.config, self.now(), brakes=_brakes(brakes), dry=True)

    def sweep(self, run: str | None, brakes: Brakes, told: Callable[[Sequence[Swept]], None] | None) -> Flow[Sweep]:
        if run is not None:
            check_id("run", run)
        check_told(told)
        return sweeping.sweep(self.config, self.now(), run=run, brakes=_brakes(brakes), told=told)

    def _side(self, customer: str, action: AnyAction, party: Party, context: object) -> Flow[Decision[L]]:
        account = yield from self.account(customer)
        verdict = self.config.policy.verdict_of(account, action, party=party, context=context)
        return Decision(verdict, account, self.config)


def latest(now: datetime) -> datetime:
    """The latest time that an activity may have: a day ahead, as the clocks of shops differ."""
    return now + _AHEAD if now < LATEST - _AHEAD else LATEST


def _brakes(brakes: Brakes) -> Brakes:
    if not isinstance(brakes, Brakes):
        raise InvalidInputError("brakes", "Brakes", kind_of(brakes))
    return brakes


def allowed(decision: Decision[L]) -> Decision[L]:
    """The decision, unless it denies: DeniedError."""
    if decision.effect is Effect.BLOCK:
        raise DeniedError(decision)
    return decision
