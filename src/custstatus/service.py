"""
The service: asking, and what customers do; looking is in `looking`, changes are made at a `Desk`.

A thin shell over a store: it holds the configuration and the clock, and runs the flows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from custstatus import flows, sweeping
from custstatus.adapters.protocol import JoinableStore, Store
from custstatus.bounds import LATEST, check_id, kind_of
from custstatus.config import OrgConfig
from custstatus.decisions import Decision
from custstatus.desk import Desk
from custstatus.errors import (
    DeniedError,
    InvalidInputError,
)
from custstatus.lifecycle import Status
from custstatus.looking import Look
from custstatus.policies.verdicts import Verdict
from custstatus.records import (
    Account,
    Activity,
    Actor,
    AnyAction,
    AnyChannel,
    Channel,
    Effect,
    StatusLabel,
    Wish,
)
from custstatus.sealing import Seal
from custstatus.sweeping import Report, Sweep

__all__ = ["StatusService", "utc_now"]

L = TypeVar("L", bound=StatusLabel)
S = TypeVar("S", bound=Status)

_AHEAD = timedelta(days=1)

_BATCH = 10_000
"""How many activities are recorded in one transaction."""


# The constructor of a named tuple, less the function around it: half the cost of a decision.
_decision: Callable[[tuple[Verdict, Account, OrgConfig[Any]]], Decision[Any]] = partial(tuple.__new__, Decision)


def utc_now() -> datetime:
    """The time of the machine, UTC."""
    return datetime.now(UTC)


class StatusService(Look[L]):
    """
    The customer-status module of one organisation over one store. Safe to use from several threads.

    It keeps the configuration in the store when it is made, under its hash, so that every entry and decision can be resolved.

    Args:
        store: Where the accounts are kept.
        config: The organisation.
        key: At least 16 secret bytes, with which identifiers are stored as HMACs and reasons get a digest; without it the
            store holds identifiers as they are. Another key finds none of the old identifiers: there is no rotation.
        clock: What time it is, aware.

    Raises:
        StoreError: The store could not be written.
    """

    def __init__(
        self,
        store: Store,
        config: OrgConfig[L],
        *,
        key: bytes | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        if not isinstance(config, OrgConfig):
            raise InvalidInputError("config", "an OrgConfig", kind_of(config))
        super().__init__(store, config, Seal(key), clock)
        store.keep_config(config.org, config.hash, config.to_json())

    @property
    def config(self) -> OrgConfig[L]:
        """The organisation's configuration."""
        return self._config

    @property
    def store(self) -> Store:
        """Where the accounts are kept."""
        return self._store

    def acting(self, actor: Actor, channel: AnyChannel = Channel.API, *, wish: Wish | None = None) -> Desk[L]:
        """
        Where an actor makes changes.

        Args:
            actor: Who.
            channel: By which way.
            wish: At whose wish (D101); by default at that of the actor's own kind.
        """
        return Desk(self._store, self._config, self._now, self._seal, actor, channel, wish)

    def inside(self, connection: Any) -> StatusService[L]:
        """
        The same service within the host's own open transaction on *connection*, which it never commits.

        Raises:
            InvalidInputError: The store cannot work on this connection.
        """
        if not isinstance(self._store, JoinableStore):
            raise InvalidInputError("store", "a store that joins a host's transaction", kind_of(self._store))
        joined = StatusService.__new__(StatusService)
        joined.__dict__.update(self.__dict__, _store=self._store.inside(connection))
        return joined

    # -- ask --------------------------------------------------------------------------------------------------------

    def decide(self, customer: str, action: AnyAction) -> Decision[L]:
        """
        Say whether the customer may do *action* now, and why not.

        One read of the store, then one look-up; never raises for a denial (see `check`), and never writes.

        Raises:
            UnknownCustomerError: No such customer in this organisation.
            UnknownActionError: The configuration does not have the action.
            StoredValueError: The customer stands where the configuration has no place.
            StoreError: The store could not be read.
        """
        if type(customer) is not str:
            customer = check_id("customer", customer)
        try:
            account = self._store.load(self._org, customer)
        except Exception:
            check_id("customer", customer)
            raise
        if account is None:
            raise self._unknown(customer)
        return _decision((self._policy.verdict_of(account, action), account, self._config))

    def decide_all(self, customer: str, actions: Iterable[AnyAction]) -> dict[AnyAction, Decision[L]]:
        """Say of several actions whether the customer may do them now, all from one read. Raises as `decide` does."""
        if isinstance(actions, str) or not isinstance(actions, Iterable):
            raise InvalidInputError("actions", "several actions", kind_of(actions))
        account = self._account(customer)
        verdict_of = self._policy.verdict_of
        return {action: Decision(verdict_of(account, action), account, self._config) for action in actions}

    def check(self, customer: str, action: AnyAction) -> Decision[L]:
        """
        The decision, unless it denies.

        Raises:
            DeniedError: The action is blocked. Otherwise as `decide` does.
        """
        decision = self.decide(customer, action)
        if decision.effect is Effect.BLOCK:
            raise DeniedError(decision)
        return decision

    # -- activities -------------------------------------------------------------------------------------------------

    def record(self, *activities: Activity) -> Report:
        """
        Record what customers did: one by one, or as many as one transaction should hold.

        A late report never makes a customer look less active, and the first report of a (customer, kind, reference)
        stands. An idle customer whose activity counts and lies within his rule's period comes back (D63).

        Raises:
            InvalidInputError: An action that the configuration lacks, or a time more than a day ahead (clocks of shops
                differ; a purchase of next year would keep its customer active till then). Nothing was recorded.
        """
        now = self._now()
        latest = now + _AHEAD if now < LATEST - _AHEAD else LATEST
        for activity in activities:
            if not isinstance(activity, Activity) or activity.kind not in self._policy.actions:
                raise InvalidInputError("activities", "activities of configured actions", kind_of(activity))
            if activity.at > latest:
                raise InvalidInputError("Activity.at", "a time no later than a day from now", "one in the future")
        return flows.run(sweeping.record(activities, self._config, now), self._store)

    def record_all(self, activities: Iterable[Activity]) -> Report:
        """Record any number of activities, ten thousand a transaction; those before a failure stay recorded."""
        report = Report(0, 0)
        remaining = iter(activities)
        while batch := tuple(islice(remaining, _BATCH)):
            report += self.record(*batch)
        return report

    def preview_sweep(self) -> Sweep:
        """What `sweep` would do now, planned only (D63)."""
        return flows.run(sweeping.sweep(self._config, self._now(), dry=True), self._store)

    def sweep(self, *, run: str | None = None) -> Sweep:
        """
        Apply the idle rules: everyone inactive for longer than a rule's period moves, everyone idle who bought again comes back.

        Args:
            run: The id that the run's entries carry; by default made of the time.
        """
        if run is not None:
            check_id("run", run)
        return flows.run(sweeping.sweep(self._config, self._now(), run=run), self._store)
