"""Who waits for a connection gets the next that comes back, in the order of coming, from threads as in an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress
from time import sleep

import pytest
from emptied import Emptied

from custstatus import StoreBusyError
from custstatus.adapters.postgres.aio import AsyncConnections
from custstatus.adapters.postgres.connecting import Connections
from custstatus.adapters.postgres.cursors import RawCursor
from custstatus.errors import StoreClosedError

PAUSE = 0.002
"""Seconds between two looks at who waits."""


@pytest.fixture
def address(emptied: Emptied) -> Iterator[str]:
    """A database with tables, and nothing in them."""
    with emptied.lent() as lent:
        yield lent


@pytest.fixture
def one(address: str) -> Iterator[Connections]:
    """A single connection, for which nobody waits for long."""
    connections = Connections(address, 1, 5.0, True)
    yield connections
    connections.close()


class Waiting(threading.Thread):
    """A thread that has to wait for a connection; it tells in which order it came."""

    def __init__(self, connections: Connections, order: list[str], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._connections = connections
        self._order = order
        self._before = len(connections._waiting)
        self.failed: Exception | None = None
        self.start()
        while self.is_alive() and len(connections._waiting) == self._before:
            sleep(PAUSE)

    def run(self) -> None:
        try:
            cursor = self._connections.take()
        except Exception as error:
            self.failed = error
        else:
            self._order.append(self.name)
            self._connections.give(cursor)


class TestThreads:
    def test_who_gives_it_back_comes_after_those_who_wait(self, one: Connections) -> None:
        order: list[str] = []
        cursor = one.take()
        waiting = [Waiting(one, order, name) for name in ("first", "second")]
        one.give(cursor)
        again = one.take()
        order.append("giver")
        one.give(again)
        assert order == ["first", "second", "giver"]
        assert again is cursor
        for thread in waiting:
            thread.join()

    def test_who_has_given_up_is_handed_nothing(self, address: str) -> None:
        impatient = Connections(address, 1, 0.01, True)
        cursor = impatient.take()
        with pytest.raises(StoreBusyError):
            impatient.take()
        impatient.give(cursor)
        assert impatient.take() is cursor
        impatient.give(cursor)
        impatient.close()

    def test_in_the_place_of_a_lost_connection_who_waits_makes_another(self, one: Connections) -> None:
        order: list[str] = []
        cursor = one.take()
        waiting = Waiting(one, order, "first")
        cursor.connection.close()
        one.give(cursor)
        waiting.join()
        assert order == ["first"]
        another = one.take()
        assert another is not cursor
        one.give(another)

    def test_who_cannot_make_one_leaves_the_place_to_the_next(
        self, one: Connections, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        order: list[str] = []
        cursor = one.take()
        errors, sound = [OSError()], one._connect

        def connect() -> RawCursor:
            if errors:
                raise errors.pop()
            return sound()

        monkeypatch.setattr(one, "_connect", connect)
        waiting = [Waiting(one, order, name) for name in ("first", "second")]
        cursor.connection.close()
        one.give(cursor)
        for thread in waiting:
            thread.join()
        assert order == ["second"]
        assert isinstance(waiting[0].failed, OSError)

    def test_who_waits_when_it_is_closed_is_told_so(self, one: Connections) -> None:
        cursor = one.take()
        waiting = [Waiting(one, [], name) for name in ("first", "second")]
        one.close()
        one.give(cursor)
        for thread in waiting:
            thread.join()
            assert isinstance(thread.failed, StoreClosedError)


class TestEventLoop:
    @staticmethod
    async def taken(connections: AsyncConnections, order: list[str], name: str) -> None:
        cursor = await connections.take()
        order.append(name)
        await connections.give(cursor)

    def test_who_gives_it_back_comes_after_those_who_wait(self, address: str) -> None:
        async def ask() -> list[str]:
            one, order = AsyncConnections(address, 1, 5.0, True), list[str]()
            cursor = await one.take()
            waiting = [asyncio.create_task(self.taken(one, order, name)) for name in ("first", "second")]
            await asyncio.sleep(0)
            await one.give(cursor)
            await self.taken(one, order, "giver")
            await asyncio.gather(*waiting)
            await one.close()
            return order

        assert asyncio.run(ask()) == ["first", "second", "giver"]

    @pytest.mark.parametrize("handed", [False, True], ids=["before-his-turn", "just-after-it-was-handed-over"])
    def test_who_is_cancelled_leaves_it_to_the_next(self, handed: bool, address: str) -> None:
        async def ask() -> list[str]:
            one, order = AsyncConnections(address, 1, 5.0, True), list[str]()
            cursor = await one.take()
            first, second = (asyncio.create_task(self.taken(one, order, name)) for name in ("first", "second"))
            await asyncio.sleep(0)
            if handed:
                await one.give(cursor)
            first.cancel()
            with suppress(asyncio.CancelledError):
                await first
            if not handed:
                await one.give(cursor)
            await second
            await one.close()
            return order

        assert asyncio.run(ask()) == ["second"]

    def test_who_waits_for_too_long_is_told_so_and_handed_nothing(self, address: str) -> None:
        async def ask() -> None:
            one = AsyncConnections(address, 1, 0.01, True)
            cursor = await one.take()
            with pytest.raises(StoreBusyError):
                await one.take()
            await one.give(cursor)
            assert await one.take() is cursor
            await one.give(cursor)
            await one.close()

        asyncio.run(ask())
