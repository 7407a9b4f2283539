"""The service, awaited: the verbs of `service.StatusService` over a store that is awaited."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Never, Self, TypeVar

from custstatus import asking
from custstatus.adapters.protocol import AsyncJoinableStore, AsyncStore
from custstatus.aio.desk import AsyncDesk
from custstatus.aio.looking import AsyncLook
from custstatus.asking import Asking, allowed
from custstatus.bounds import check_id, kind_of
from custstatus.config import OrgConfig
from custstatus.decisions import Decision, TwoPartyDecision
from custstatus.errors import InvalidInputError
from custstatus.records import (
    Activity,
    Actor,
    AnyAction,
    AnyChannel,
    Channel,
    StatusLabel,
    Wish,
)
from custstatus.sealing import Seal
from custstatus.service import utc_now
from custstatus.sweeping import RELEASED, Brakes, Report, Sweep, Swept

if TYPE_CHECKING:
    from custstatus.bulk.activities import RecordedRow, Recording
    from custstatus.bulk.shapes import ActivityRow, BadRow

__all__ = ["AsyncStatusService"]

L = TypeVar("L", bound=StatusLabel)


class AsyncStatusService(AsyncLook[L]):
    """
    The customer-status module of one organisation over one store that is awaited: `await AsyncStatusService.open(...)`.

    Every verb means, answers and raises what that of `StatusService` does, and any number of tasks of one event loop may use
    it at once. A task that is cancelled leaves no change half made.
    """

    _asking: Asking[L]

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
        if not isinstance(config, OrgConfig):
            raise InvalidInputError("config", "an OrgConfig", kind_of(config))
        service = cls._over(store, Asking(config, Seal(key), clock))
        await store.keep_config(config.org, config.hash, config.to_json())
        return service

    @classmethod
    def _over(cls, store: AsyncStore, flows: Asking[L]) -> Self:
        service = cls.__new__(cls)
        service._store, service._reading, service._asking = store, flows, flows
        return service

    @property
    def config(self) -> OrgConfig[L]:
        """The organisation's configuration."""
        return self._asking.config

    @property
    def store(self) -> AsyncStore:
        """Where the accounts are kept."""
        return self._store

    def acting(self, actor: Actor, channel: AnyChannel = Channel.API, *, wish: Wish | None = None) -> AsyncDesk[L]:
        """As `StatusService.acting`."""
        return AsyncDesk(self._store, self.config, self._asking.now, self._asking.seal, actor, channel, wish)

    def inside(self, connection: Any) -> AsyncStatusService[L]:
        """As `StatusService.inside`; the connection is one that is awaited."""
        if not isinstance(self._store, AsyncJoinableStore):
            raise InvalidInputError("store", "a store that joins a host's transaction", kind_of(self._store))
        return self._over(self._store.inside(connection), self._asking)

    # -- ask --------------------------------------------------------------------------------------------------------

    async def decide(self, customer: str, action: AnyAction, *, context: object = None) -> Decision[L]:
        """As `StatusService.decide`: one read of the store, then one look-up."""
        config = self._asking.config
        account = await self._store.load(config.org, check_id("customer", customer))
        if account is None:
            raise self._asking.unknown(customer)
        return Decision(config.policy.verdict_of(account, action, context=context), account, config)

    async def check(self, customer: str, action: AnyAction, *, context: object = None) -> Decision[L]:
        """As `StatusService.check`."""
        return allowed(await self.decide(customer, action, context=context))

    async def decide_all(
        self, customer: str, actions: Iterable[AnyAction], *, context: object = None
    ) -> dict[AnyAction, Decision[L]]:
        """As `StatusService.decide_all`."""
        return await self._run(self._asking.decide_all(customer, actions, context))

    async def decide_between(
        self, action: AnyAction, source: str, destination: str, *, context: object = None
    ) -> TwoPartyDecision[L]:
        """As `StatusService.decide_between`."""
        return await self._run(self._asking.decide_between(action, source, destination, context))

    async def check_between(
        self, action: AnyAction, source: str, destination: str, *, context: object = None
    ) -> TwoPartyDecision[L]:
        """As `StatusService.check_between`."""
        return await self._run(self._asking.check_between(action, source, destination, context))

    # -- activities -------------------------------------------------------------------------------------------------

    async def record(self, *activities: Activity) -> Report:
        """As `StatusService.record`."""
        return await self._run(self._asking.record(activities))

    async def record_all(self, activities: Iterable[Activity] | AsyncIterable[Activity]) -> Report:
        """As `StatusService.record_all`; the activities may be awaited, one by one."""
        report = Report(0, 0)
        waiting: list[Activity] = []
        async for activity in _each(activities):
            waiting.append(activity)
            if len(waiting) == asking.BATCH:
                report += await self.record(*waiting)
                waiting.clear()
        return report + await self.record(*waiting) if waiting else report

    async def import_activities(
        self, rows: Iterable[ActivityRow | BadRow], *, told: Callable[[Sequence[RecordedRow]], None] | None = None
    ) -> Recording:
        """As `StatusService.import_activities`."""
        from custstatus.bulk.activities import import_activities  # most programs never import

        if isinstance(rows, str) or not isinstance(rows, Iterable):
            raise InvalidInputError("rows", "the rows of a table", kind_of(rows))
        flow = import_activities(rows, self.config, self._asking.seal, self._asking.now(), told=told)
        return await self._run(flow)

    async def preview_sweep(self, *, brakes: Brakes = RELEASED) -> Sweep:
        """As `StatusService.preview_sweep`."""
        return await self._run(self._asking.preview_sweep(brakes))

    async def sweep(
        self,
        *,
        run: str | None = None,
        brakes: Brakes = RELEASED,
        told: Callable[[Sequence[Swept]], None] | None = None,
    ) -> Sweep:
        """As `StatusService.sweep`."""
        return await self._run(self._asking.sweep(run, brakes, told))


async def _each(activities: Iterable[Activity] | AsyncIterable[Activity]) -> AsyncIterator[Activity]:
    """Activities one by one, awaited where they are."""
    if isinstance(activities, AsyncIterable):
        async for activity in activities:
            yield activity
    else:
        for activity in activities:
            yield activity
