"""Tasks that are cancelled: no change is half made, and nothing of what ran is left waiting."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from organisation import ACME, AGENT, GONE_AFTER, START, Clock, Label, in_memory
from pausing import VERBS, Pausing

from custstatus import Applied, Identifier, MemoryStore, StatusService
from custstatus.adapters import Accounts, Log, PreparedChange, Snapshot, Store
from custstatus.aio import AsyncStatusService, AsyncStore
from custstatus.gate import loop
from custstatus.testing.laws import PlannedApply
from custstatus.testing.snapshots import plain


def held(store: Store) -> dict[str, object]:
    """All that there is of each customer."""
    accounts = store.page(Accounts(org="acme", limit=100))
    return {
        each.customer: (
            plain(each),
            plain(store.page(Log(org="acme", customer=each.customer, limit=100))),
            plain(store.identifiers("acme", each.customer)),
        )
        for each in accounts
    }


class Stuck(Pausing):
    """A store whose verb of a number never answers: before it did anything, or after it did it all."""

    def __init__(self, store: Store, number: int, *, done: bool) -> None:
        super().__init__(store)
        self.number = number
        self.done = done
        self.reached = asyncio.Event()

    def opened(self) -> AsyncStore:
        """Itself; that the configuration is kept is not counted."""
        return cast(AsyncStore, self)

    def __getattr__(self, verb: str) -> Any:
        if verb not in VERBS:
            raise AttributeError(verb)

        async def stuck(*arguments: object) -> object:
            if verb != "keep_config":
                self.calls.append(verb)
            last = verb != "keep_config" and len(self.calls) == self.number
            if last and not self.done:
                self.reached.set()
                await asyncio.Event().wait()
            answer = await getattr(self.awaited, verb)(*arguments)
            if last:
                self.reached.set()
                await asyncio.Event().wait()
            return answer

        return stuck


async def cancelled(work: Awaitable[object], store: Stuck) -> bool:
    """Start it, cancel it where the store is stuck, and say whether it came so far."""
    task = asyncio.ensure_future(work)
    stuck = asyncio.ensure_future(store.reached.wait())
    await asyncio.wait({task, stuck}, return_when=asyncio.FIRST_COMPLETED)
    if not store.reached.is_set():
        stuck.cancel()
        await task
        return False
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return True


WORK: dict[str, Callable[[AsyncStatusService[Label]], Awaitable[object]]] = {
    "change": lambda service: service.acting(AGENT).change("c-1", Label.ABROAD, reason="travels"),
    "register": lambda service: service.acting(AGENT).register("d", identifiers=[Identifier("email", "z")]),
    "restore": lambda service: service.acting(AGENT).restore("c-2", reason="cleared"),
    "sweep": lambda service: service.sweep(run="s-1"),
}


class TestCancelling:
    @pytest.mark.parametrize("done", [False, True], ids=["before it is done", "after it is done"])
    @pytest.mark.parametrize("planned", [False, True], ids=["applied", "planned"])
    @pytest.mark.parametrize("work", WORK)
    def test_between_any_two_calls_it_leaves_no_change_half_made(self, work: str, planned: bool, done: bool) -> None:
        async def host(number: int) -> tuple[bool, dict[str, object]]:
            store, clock = MemoryStore(), Clock()
            service = StatusService(store, ACME, clock=clock)
            for customer in ("c-1", "c-2", "c-3"):
                service.acting(AGENT).register(customer)
            service.acting(AGENT).change("c-2", Label.UNUSUAL, reason="odd")
            if work == "sweep":
                clock.forward(GONE_AFTER * 2)
            before = held(store)
            stuck = Stuck(PlannedApply(store) if planned else store, number, done=done)
            cut = await cancelled(WORK[work](await AsyncStatusService.open(stuck.opened(), ACME, clock=clock)), stuck)
            now = held(store)
            assert service.verify().faults == ()
            if work == "sweep":  # one change a customer: each is made whole or not at all
                service.sweep(run="s-1")
                ends = held(store)
                assert all(now[customer] in (before[customer], ends[customer]) for customer in ends)
            return cut, now

        outcomes = []
        number, cut = 0, True
        while cut:
            number += 1
            cut, now = asyncio.run(host(number))
            outcomes.append(now)
        assert number > 1 + planned
        if work != "sweep":  # everything or nothing of one change
            assert all(now in (outcomes[0], outcomes[-1]) for now in outcomes)
            assert done or outcomes[0] != outcomes[-1]

    def test_what_ran_is_over_where_it_waits(self) -> None:
        async def host() -> None:
            store = Stuck(MemoryStore(), 1, done=False)
            request = in_memory(ACME).request("c", Label.ABROAD)
            waiting = loop.make(cast(AsyncStore, store), request, ACME, START)
            assert await cancelled(waiting, store)
            assert store.calls == ["apply"]
            assert inspect.getcoroutinestate(waiting) == inspect.CORO_CLOSED

        asyncio.run(host())

    def test_a_store_that_blocks_may_be_interrupted_and_nothing_is_written(self) -> None:
        class Interrupted(MemoryStore):
            interrupts = True

            def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
                if self.interrupts:
                    raise KeyboardInterrupt
                return super().apply(prepared)

        store = Interrupted()
        desk = StatusService(store, ACME).acting(AGENT)
        with pytest.raises(KeyboardInterrupt):
            desk.register("c")
        assert store.load("acme", "c") is None
        store.interrupts = False
        assert not desk.register("c").replayed
