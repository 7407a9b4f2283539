"""
The service: decisions and activities; reading is in `look`, changes are made at a desk.

The awaited service is the source; the blocking one is generated from it, except for what is written in `blocking`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Never, Self, TypeVar

from custstatus.adapters._made.async_store import AsyncJoinableStore, AsyncStore
from custstatus.bounds import check_id, check_on_rows, kind_of
from custstatus.config.config import OrgConfig
from custstatus.errors import DeniedError, InvalidInputError
from custstatus.operations.record import BATCH, Report, latest, record
from custstatus.operations.sweep_limits import NO_LIMITS, SweepLimits
from custstatus.policies.decisions import Decision, TwoPartyDecision, allowed
from custstatus.policies.rules import Party
from custstatus.records import Activity, Actor, AnyAction, AnyChannel, Channel, RequestedBy, StatusLabel
from custstatus.sealing import Seal
from custstatus.service.desk import AsyncDesk
from custstatus.service.look import AsyncLook

if TYPE_CHECKING:
    from custstatus.operations.import_activities import RecordedRow, Recording
    from custstatus.operations.sweep import Sweep, Swept
    from custstatus.tables.shapes import ActivityRow, BadRow

__all__ = ["AsyncStatusService", "utc_now"]

L = TypeVar("L", bound=StatusLabel)


def utc_now() -> datetime:
    """The time of the machine, UTC."""
    return datetime.now(UTC)


class AsyncStatusService(AsyncLook[L]):
    """
    The customer-status module of one organisation over one store that is awaited: `await AsyncStatusService.open(...)`.

    Every verb means, answers and raises what that of `StatusService` does, and any number of tasks of one event loop may use
    it at once. A task that is cancelled leaves no change half made.
    """

    def __init__(self, *_: Never, **__: Never) -> None:
        raise TypeError(
            "a service is opened, as its configuration is kept first: await AsyncStatusService.open(store, config)"
        )

    @classmethod
    async def open(
        cls,
        store: AsyncStore,
        config: OrgConfig[L],
        *,
        key: bytes | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> Self:
        """
        A service whose configuration the store has kept, so that every entry and decision can be resolved.

        The arguments are those of `StatusService`, whose constructor does the same: there is no service before it is done.

        Raises:
            StoreError: The store could not be written.
        """
        service = cls._over(store, config, key, clock)
        await store.keep_config(config.org, config.hash, config.to_json())
        return service

    @classmethod
    def _over(cls, store: AsyncStore, config: OrgConfig[L], key: bytes | None, clock: Callable[[], datetime]) -> Self:
        """A service over a store that is known to have kept the configuration."""
        if not isinstance(config, OrgConfig):
            raise InvalidInputError("config", "an OrgConfig", kind_of(config))
        service = cls.__new__(cls)
        service._store, service._config, service._clock, service._seal = store, config, clock, Seal(key)
        return service

    @property
    def config(self) -> OrgConfig[L]:
        """The organisation's configuration."""
        return self._config

    @property
    def store(self) -> AsyncStore:
        """Where the accounts are kept."""
        return self._store

    def acting(
        self, actor: Actor, channel: AnyChannel = Channel.API, *, requested_by: RequestedBy | None = None
    ) -> AsyncDesk[L]:
        """
        Where an actor makes changes.

        Args:
            actor: Who.
            channel: Over which channel.
            requested_by: Who asked for the changes, regardless of who enters them (D101); by default by the kind of the actor.
        """
        return AsyncDesk(self._store, self._config, self._clock, self._seal, actor, channel, requested_by)

    def inside(self, connection: Any) -> Self:
        """
        The same service within the host's own open transaction on an awaited *connection*, which it never commits.

        Raises:
            InvalidInputError: The store cannot work on this connection.
        """
        if not isinstance(self._store, AsyncJoinableStore):
            raise InvalidInputError("store", "a store that joins a host's transaction", kind_of(self._store))
        return self._on(self._store.inside(connection))

    def _on(self, store: AsyncStore) -> Self:
        """The same service over another store, or another connection to this one."""
        other = self.__class__.__new__(self.__class__)
        other.__dict__.update(self.__dict__, _store=store)
        return other

    # -- ask --------------------------------------------------------------------------------------------------------

    async def decide(self, customer: str, action: AnyAction, *, context: object = None) -> Decision[L]:
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
            StoredValueError: The customer is at a status or label that is not configured.
            StoreError: The store could not be read.
        """
        account = await self._store.load(self._config.org, check_id("customer", customer))
        if account is None:
            raise self._unknown(customer)
        return Decision(self._config.policy.verdict_of(account, action, context=context), account, self._config)

    async def check(self, customer: str, action: AnyAction, *, context: object = None) -> Decision[L]:
        """
        The decision, unless it denies.

        Raises:
            DeniedError: The action is blocked. Otherwise as `decide` does.
        """
        return allowed(await self.decide(customer, action, context=context))

    async def decide_all(
        self, customer: str, actions: Iterable[AnyAction], *, context: object = None
    ) -> dict[AnyAction, Decision[L]]:
        """Say of several actions whether the customer may do them now, all from one read. Raises as `decide` does."""
        if isinstance(actions, str) or not isinstance(actions, Iterable):
            raise InvalidInputError("actions", "several actions", kind_of(actions))
        account = await self.account(customer)
        verdict_of = self._config.policy.verdict_of
        return {
            action: Decision(verdict_of(account, action, context=context), account, self._config) for action in actions
        }

    async def decide_between(
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
        policy = self._config.policy
        policy.check_action(action)
        if action not in policy.two_party:
            raise InvalidInputError(
                "action", "an action between two customers (`two_party`)", "one of a single customer"
            )
        if source == destination:
            raise InvalidInputError("destination", "another customer than the source", "the same")
        one = await self._side(source, action, Party.SOURCE, context)
        return TwoPartyDecision(one, await self._side(destination, action, Party.DESTINATION, context))

    async def check_between(
        self, action: AnyAction, source: str, destination: str, *, context: object = None
    ) -> TwoPartyDecision[L]:
        """
        The decision, unless it denies.

        Raises:
            DeniedError: One side is blocked; it carries that side's decision, the source's where both are. Otherwise as
                `decide_between` does.
        """
        decision = await self.decide_between(action, source, destination, context=context)
        for denial in decision.denials:
            raise DeniedError(denial)
        return decision

    async def _side(self, customer: str, action: AnyAction, party: Party, context: object) -> Decision[L]:
        account = await self.account(customer)
        verdict = self._config.policy.verdict_of(account, action, party=party, context=context)
        return Decision(verdict, account, self._config)

    # -- activities -------------------------------------------------------------------------------------------------

    async def record(self, *activities: Activity | Iterable[Activity] | AsyncIterable[Activity]) -> Report:
        """
        Record what customers did: one activity, several, or any iterable of them; ten thousand a transaction.

        A late report never makes a customer look less active, and only the first report of a (customer, kind, reference)
        is kept: the result lists the repeats by their positions. Idle customers whose activity counts and lies within
        their rule's period come back (D63). Those recorded before a failure stay recorded.

        Raises:
            InvalidInputError: An action that the configuration lacks, or a time more than a day ahead (clocks of shops
                differ; a purchase of next year would keep its customer active till then). Nothing of the transaction
                was recorded.
        """
        report = Report(0, 0)
        waiting: list[Activity] = []
        async for activity in _each(activities):
            waiting.append(activity)
            if len(waiting) == BATCH:
                report += await self._record(tuple(waiting))
                waiting.clear()
        return report + await self._record(tuple(waiting)) if waiting else report

    async def _record(self, activities: tuple[Activity, ...]) -> Report:
        now = self._now()
        until = latest(now)
        for activity in activities:
            if not isinstance(activity, Activity) or not self._config.policy.knows(activity.kind):
                raise InvalidInputError("activities", "activities of configured actions", kind_of(activity))
            if activity.at > until:
                raise InvalidInputError("Activity.at", "a time no later than a day from now", "one in the future")
        return await record(self._store, activities, self._config, now)

    async def import_activities(
        self, rows: Iterable[ActivityRow | BadRow], *, on_rows: Callable[[Sequence[RecordedRow]], None] | None = None
    ) -> Recording:
        """
        Record the activities of a table, ten thousand rows a transaction; each row left out is reported with its cause (D66).

        Rows are read as they are needed (`custstatus.tables`). After a failure give the same rows again: those already
        recorded are repeats.

        Args:
            rows: The rows of a table.
            on_rows: Called with each finished batch of rows.

        Raises:
            InvalidInputError: The table does not have the expected shape.
            StoreError: The store failed; those recorded so far stay recorded.
        """
        from custstatus.operations.import_activities import import_activities  # most programs never import

        if isinstance(rows, str) or not isinstance(rows, Iterable):
            raise InvalidInputError("rows", "the rows of a table", kind_of(rows))
        return await import_activities(self._store, rows, self._config, self._seal, self._now(), on_rows=on_rows)

    async def sweep(
        self,
        *,
        run: str | None = None,
        limits: SweepLimits = NO_LIMITS,
        on_rows: Callable[[Sequence[Swept]], None] | None = None,
        preview: bool = False,
    ) -> Sweep:
        """
        Apply the idle rules: move customers inactive for longer than a rule's period, and bring back those who bought again.

        Five thousand customers a transaction. After a failure repeat it with the same run: nobody is moved twice.

        Args:
            run: The id that the run's entries carry; by default made from the time.
            limits: How many customers it may move, and which it skips.
            on_rows: Called with each finished batch of rows.
            preview: Plan it only, and write nothing.

        Raises:
            SweepStoppedError: It would move more than the limits allow. Nothing was written.
        """
        from custstatus.operations.sweep import sweep  # by the clock, where it is called at all

        if run is not None:
            check_id("run", run)
        check_on_rows(on_rows)
        if not isinstance(limits, SweepLimits):
            raise InvalidInputError("limits", "SweepLimits", kind_of(limits))
        return await sweep(
            self._store, self._config, self._now(), run=run, limits=limits, on_rows=on_rows, preview=preview
        )


async def _each(
    activities: Iterable[Activity | Iterable[Activity] | AsyncIterable[Activity]],
) -> AsyncIterator[Activity]:
    """Activities one by one, awaited where they are."""
    for given in activities:
        if isinstance(given, AsyncIterable):
            async for activity in given:
                yield activity
        elif isinstance(given, Iterable):
            for activity in given:
                yield activity
        else:
            yield given
