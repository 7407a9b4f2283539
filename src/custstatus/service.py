"""
The service: asking, and what customers do; looking is in `looking`, changes are made at a `Desk`.

A thin shell over a store: it holds the configuration and the clock, and runs the flows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from custstatus import asking
from custstatus.adapters.protocol import JoinableStore, Store
from custstatus.asking import Asking, allowed
from custstatus.bounds import check_id, kind_of
from custstatus.config import OrgConfig
from custstatus.decisions import Decision, TwoPartyDecision
from custstatus.desk import Desk
from custstatus.errors import InvalidInputError
from custstatus.looking import Look
from custstatus.policies.verdicts import Verdict
from custstatus.records import (
    Account,
    Activity,
    Actor,
    AnyAction,
    AnyChannel,
    Channel,
    StatusLabel,
    Wish,
)
from custstatus.sealing import Seal
from custstatus.sweeping import RELEASED, Brakes, Report, Sweep, Swept

if TYPE_CHECKING:
    from custstatus.bulk.activities import RecordedRow, Recording
    from custstatus.bulk.shapes import ActivityRow, BadRow

__all__ = ["StatusService", "utc_now"]

L = TypeVar("L", bound=StatusLabel)

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
        self._asking = Asking(config, Seal(key), clock)
        super().__init__(store, self._asking)
        self._config = config
        self._org = config.org
        self._policy = config.policy
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
        return Desk(self._store, self._config, self._asking.now, self._asking.seal, actor, channel, wish)

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

    def decide(self, customer: str, action: AnyAction, *, context: object = None) -> Decision[L]:
        """
        Say whether the customer may do *action* now, and why not.

        One read of the store, then one look-up; never raises for a denial (see `check`), and never writes.

        Args:
            customer: Who.
            action: What. Of an action between two customers the rules for either side apply; see `decide_between`.
            context: What is known of this attempt, for the rules that have a condition: a value of the class that the
                condition asks for. Without it such rules apply, and the decision says so.

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
            raise self._asking.unknown(customer)
        if context is None:
            return _decision((self._policy.verdict_of(account, action), account, self._config))
        return Decision(self._policy.verdict_of(account, action, context=context), account, self._config)

    def decide_all(
        self, customer: str, actions: Iterable[AnyAction], *, context: object = None
    ) -> dict[AnyAction, Decision[L]]:
        """Say of several actions whether the customer may do them now, all from one read. Raises as `decide` does."""
        return self._run(self._asking.decide_all(customer, actions, context))

    def decide_between(
        self, action: AnyAction, source: str, destination: str, *, context: object = None
    ) -> TwoPartyDecision[L]:
        """
        Say whether two customers may do *action* between them now: both are asked, each with reasons of its own (D39).

        Args:
            action: One of the configuration's `two_party`.
            source: Who gives: the points, or the account that is merged away.
            destination: Who receives.
            context: As for `decide`.

        Raises:
            InvalidInputError: No action between two customers, or one customer on both sides (D72).
            UnknownCustomerError: No such customer in this organisation. Otherwise as `decide` does.
        """
        return self._run(self._asking.decide_between(action, source, destination, context))

    def check_between(
        self, action: AnyAction, source: str, destination: str, *, context: object = None
    ) -> TwoPartyDecision[L]:
        """
        The decision, unless it denies.

        Raises:
            DeniedError: One side is blocked; it carries that side's decision, the source's where both are. Otherwise as
                `decide_between` does.
        """
        return self._run(self._asking.check_between(action, source, destination, context))

    def check(self, customer: str, action: AnyAction, *, context: object = None) -> Decision[L]:
        """
        The decision, unless it denies.

        Raises:
            DeniedError: The action is blocked. Otherwise as `decide` does.
        """
        return allowed(self.decide(customer, action, context=context))

    # -- activities -------------------------------------------------------------------------------------------------

    def record(self, *activities: Activity) -> Report:
        """
        Record what customers did: one by one, or as many as one transaction should hold.

        A late report never makes a customer look less active, and the first report of a (customer, kind, reference)
        stands: what is answered says which are repeats, by their places. An idle customer whose activity counts and lies
        within his rule's period comes back (D63).

        Raises:
            InvalidInputError: An action that the configuration lacks, or a time more than a day ahead (clocks of shops
                differ; a purchase of next year would keep its customer active till then). Nothing was recorded.
        """
        return self._run(self._asking.record(activities))

    def record_all(self, activities: Iterable[Activity]) -> Report:
        """Record any number of activities, ten thousand a transaction; those before a failure stay recorded."""
        report = Report(0, 0)
        remaining = iter(activities)
        while batch := tuple(islice(remaining, asking.BATCH)):
            report += self.record(*batch)
        return report

    def import_activities(
        self, rows: Iterable[ActivityRow | BadRow], *, told: Callable[[Sequence[RecordedRow]], None] | None = None
    ) -> Recording:
        """
        Record the activities of a table, ten thousand rows a transaction, and tell of each row that is left out why (D66).

        Rows are read as they are needed (`custstatus.bulk`). After a failure give the same rows again: those that were
        recorded are repeats.

        Args:
            rows: What a table holds.
            told: Told of the rows, part by part, as they are done.

        Raises:
            InvalidInputError: The table is none of its shape.
            StoreError: The store failed; those recorded so far stay recorded.
        """
        from custstatus.bulk.activities import import_activities  # most programs never import

        if isinstance(rows, str) or not isinstance(rows, Iterable):
            raise InvalidInputError("rows", "the rows of a table", kind_of(rows))
        flow = import_activities(rows, self._config, self._asking.seal, self._asking.now(), told=told)
        return self._run(flow)

    def preview_sweep(self, *, brakes: Brakes = RELEASED) -> Sweep:
        """
        What `sweep` would do now, planned only (D63).

        Raises:
            SweepStoppedError: With these brakes it would be stopped; without any, as by default, everybody is shown.
        """
        return self._run(self._asking.preview_sweep(brakes))

    def sweep(
        self,
        *,
        run: str | None = None,
        brakes: Brakes = RELEASED,
        told: Callable[[Sequence[Swept]], None] | None = None,
    ) -> Sweep:
        """
        Apply the idle rules: everyone inactive for longer than a rule's period moves, everyone idle who bought again comes back.

        Five thousand customers a transaction. After a failure give the same run again: whom it has moved it does not move twice.

        Args:
            run: The id that the run's entries carry; by default made of the time.
            brakes: How many it may move, and whom it leaves.
            told: Told of the customers, part by part, as they are done.

        Raises:
            SweepStoppedError: It would move more than the brakes allow. Nothing was written.
        """
        return self._run(self._asking.sweep(run, brakes, told))
