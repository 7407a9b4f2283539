"""
Tasks that are cancelled at every point where a verb awaits, on a real server: a change is made whole or not at all.

Afterwards the store has all its connections, each of use, and a repeated request is there once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager
from enum import Enum
from types import coroutine
from typing import Any, TypeVar

import psycopg
import pytest
from attrs import define, frozen
from emptied import Emptied
from organisation import ACME, AGENT, START, Label
from wholeness import faults_in, rows, soon_none

from custstatus import Action, Activity, Applied, Decision, Identifier, Membership, Report
from custstatus.adapters.postgres import AsyncPostgresStore
from custstatus.aio import AsyncStatusService

T = TypeVar("T")

CONNECTIONS = 2
"""Of each store."""

MOST = 400
"""More points than any verb has."""


@pytest.fixture
def address(emptied: Emptied) -> Iterator[str]:
    """A database with tables, and nothing in them."""
    with emptied.lent() as lent:
        yield lent


class When(Enum):
    """When a task is cancelled that comes to an await point."""

    COMING = "as it comes there"
    GOING = "when what it awaits is there, before it goes on"
    AGAIN = "as it comes there, and at every later point too"


@define
class Points:
    """The points at which a coroutine awaits, and at which of them its task is cancelled."""

    number: int
    """The point's, from 0."""
    when: When
    passed: int = 0
    """How many it has come to."""

    @property
    def reached(self) -> bool:
        """Whether it came so far."""
        return self.passed > self.number

    @coroutine
    def run(self, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        """Await something, in a task that is cancelled meanwhile."""
        task = asyncio.current_task()
        assert task is not None
        error: BaseException | None = None
        while True:
            try:
                awaited = work.send(None) if error is None else work.throw(error)
            except StopIteration as stop:
                result: T = stop.value
                return result
            finally:
                error = None  # else it would keep alive whatever it came by
            here = self.passed == self.number or (self.when is When.AGAIN and self.reached)
            self.passed += 1
            if here and self.when is When.GOING and awaited is not None:
                awaited.add_done_callback(lambda _: task.cancel())  # before the task's own
            elif here:
                task.cancel()
            try:
                yield awaited
            except BaseException as came:
                error = came


@frozen
class Verb:
    """A verb to be cancelled in."""

    ask: Callable[[AsyncStatusService[Label], str, str], Coroutine[Any, Any, Any]]
    """Of a service, a customer and a key."""
    written: str = "SELECT key, ordinal, kind, version FROM custstatus_entry WHERE key = %s"
    """What it has written, by its key."""
    prepare: Callable[[AsyncStatusService[Label], str], Awaitable[object]] | None = None
    """What comes before, for each customer."""


def _sales(customer: str, key: str) -> list[Activity]:
    return [Activity(customer, Action.TRANSACTION, f"{key}-{number}", START) for number in range(3)]


VERBS = {
    "change": Verb(
        lambda service, customer, key: service.acting(AGENT).change(customer, Label.ABROAD, reason="x", key=key)
    ),
    "close": Verb(
        lambda service, customer, key: service.acting(AGENT).change(customer, Label.CLOSED, reason="x", key=key)
    ),
    "register": Verb(
        lambda service, customer, key: service.acting(AGENT).register(
            f"{customer}-new", Label.REGULAR, Membership.ENROLLED, identifiers=[Identifier("email", key)], key=key
        )
    ),
    "restore": Verb(
        lambda service, customer, key: service.acting(AGENT).restore(customer, reason="x", key=key),
        prepare=lambda service, customer: service.acting(AGENT).change(customer, Label.UNUSUAL, reason="odd"),
    ),
    "replace_identifier": Verb(
        lambda service, customer, key: service.acting(AGENT).replace_identifier(
            customer, Identifier("mobile", customer), Identifier("mobile", key), reason="x", key=key
        )
    ),
    "record": Verb(
        lambda service, customer, key: service.record(*_sales(customer, key)),
        "SELECT reference FROM custstatus_activity WHERE reference LIKE %s || '-%%'",
    ),
    "decide": Verb(lambda service, customer, key: service.decide(customer, Action.POINTS_REDEMPTION)),
}


@define
class Host:
    """A service over a store of its own, and customers one after the other."""

    address: str
    store: AsyncPostgresStore
    service: AsyncStatusService[Label]
    customers: int = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls, address: str) -> AsyncIterator[Host]:
        """On an empty database, which is whole at the end, and has no more sessions than there are connections."""
        async with await AsyncPostgresStore.open(address, connections=CONNECTIONS, patience=5) as store:
            yield cls(address, store, await AsyncStatusService.open(store, ACME))
            assert soon_none(
                address,
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'custstatus' "
                f"OFFSET {CONNECTIONS}",
            )
        assert faults_in(address) == []

    async def customer(self, verb: Verb) -> str:
        """Another customer, for whom a verb is due."""
        self.customers += 1
        name = f"c-{self.customers}"
        await self.service.acting(AGENT).register(name, identifiers=[Identifier("mobile", name)])
        if verb.prepare is not None:
            await verb.prepare(self.service, name)
        return name

    async def take_all(self) -> list[Any]:
        """Every connection of the store's, each of use; fails where one is not to be had."""
        taken = [await self.store._connections.take() for _ in range(CONNECTIONS)]
        for cursor in taken:
            await cursor.execute("SELECT 1")
            assert await cursor.fetchall() == [(1,)]
        return taken

    async def give(self, taken: list[Any]) -> None:
        """Give them back."""
        for cursor in taken:
            await self.store._connections.give(cursor)

    async def held_to(self, verb: Verb, customer: str, came: object) -> bool:
        """Fail where a promise is broken to a verb that was cancelled, or else answered; whether it had been made."""
        key = f"key-{customer}"
        await self.give(await self.take_all())
        made = rows(self.address, verb.written, key)
        again = await verb.ask(self.service, customer, key)
        now = rows(self.address, verb.written, key)
        assert made in ([], now), "half made"
        if isinstance(again, Applied):
            assert (again.replayed, len(again.entries)) == (bool(made), len(now))
        if isinstance(again, Report):
            assert (again.new, again.repeated) == ((0, 3) if made else (3, 0))
        assert came is None or made or isinstance(came, Decision)
        return bool(made)

    async def cancel(self, verb: Verb, points: Points, *, cold: bool = False) -> bool:
        """Have a verb cancelled there, if it comes so far, *cold* when it has to connect first; whether it had been made."""
        customer = await self.customer(verb)
        if cold:
            await self.store._connections.renew()
        came = await answered(points.run(verb.ask(self.service, customer, f"key-{customer}")))
        assert (came is None) == points.reached, f"cancelled at point {points.number}, it answers {came}"
        return await self.held_to(verb, customer, came)


async def answered(work: Awaitable[T]) -> T | None:
    """What comes of work in a task of its own; None where that is cancelled."""

    async def task() -> T:
        return await work

    try:
        return await asyncio.ensure_future(task())
    except asyncio.CancelledError:
        return None


class TestCancelledVerbs:
    """Whole or not at all, at every point where a task may be cancelled."""

    @pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.soak)], ids=["some", "all"])
    @pytest.mark.parametrize("when", When, ids=lambda when: when.name.lower())
    @pytest.mark.parametrize("verb", [*VERBS, "change, connecting first"])
    def test_at_every_point(self, address: str, verb: str, when: When, every: int) -> None:
        name, _, connecting = verb.partition(", ")

        async def main() -> None:
            async with Host.opened(address) as host:
                made = [await host.cancel(VERBS[name], Points(MOST, when))]
                # The three ways take turns where not every point is tried.
                for number in range(list(When).index(when) % every, MOST, every):
                    points = Points(number, when)
                    made.append(await host.cancel(VERBS[name], points, cold=bool(connecting)))
                    if not points.reached:
                        break
                else:
                    pytest.fail("it has no end")
                if every == 1 and when is When.GOING and name != "decide":
                    assert any(made[1:-1]), "nothing was made by a task that was cancelled"

        asyncio.run(main())

    @pytest.mark.parametrize("verb", ["change", "close", "restore", "replace_identifier"])
    def test_while_it_waits_for_a_lock(self, address: str, verb: str) -> None:
        async def main() -> None:
            async with Host.opened(address) as host:
                customer = await host.customer(VERBS[verb])
                async with await psycopg.AsyncConnection.connect(address) as other:
                    await other.execute("SELECT FROM custstatus_account FOR UPDATE")
                    asked = asyncio.ensure_future(VERBS[verb].ask(host.service, customer, f"key-{customer}"))
                    for _ in range(5_000):
                        if rows(address, "SELECT pid FROM pg_locks WHERE NOT granted"):
                            break
                        await asyncio.sleep(0)
                    else:
                        pytest.fail("nobody waits for a lock")
                    asked.cancel()
                    assert await answered(asked) is None
                    await other.rollback()
                assert not await host.held_to(VERBS[verb], customer, None)

        asyncio.run(main())

    @pytest.mark.parametrize("turns", range(6))
    def test_while_it_waits_for_a_connection_that_is_given_back(self, address: str, turns: int) -> None:
        async def main() -> None:
            async with Host.opened(address) as host:
                verb = VERBS["change"]
                customer = await host.customer(verb)
                for given in True, False:
                    taken = await host.take_all()
                    waiting = asyncio.ensure_future(verb.ask(host.service, customer, f"key-{customer}"))
                    for _ in range(3):
                        await asyncio.sleep(0)
                    if given:
                        await host.give(taken)
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    assert waiting.cancel()
                    came = await answered(waiting)
                    assert came is None, "it goes on, though cancelled"
                    if not given:
                        await host.give(taken)
                await host.held_to(verb, customer, None)

        asyncio.run(main())
