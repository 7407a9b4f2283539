"""
A standby in the place of a killed primary: where the primary waits for it, nothing acknowledged is lost or doubled.

Threads of several processes change customers of their own, each change with its key. When the primary is killed they open
a store on what was the standby, and send again what is in doubt.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from random import Random

import pytest
from attrs import define, field
from children import start
from organisation import ACME, AGENT, Label
from standby import Pair
from test_postgres_failures import Worker
from wholeness import faults_in, rows

from custstatus import Applied, Identifier, StatusService, StoreError
from custstatus.adapters.postgres import AsyncPostgresStore, PostgresStore
from custstatus.aio import AsyncStatusService
from custstatus.errors import StoreClosedError

ROUNDS = 10
"""How often a primary is killed."""

PROCESSES, THREADS = 2, 3

PATIENCE, SOON = 5.0, 1.0
"""Seconds of patience, and where it is to end."""

Ask = Callable[[AsyncStatusService[Label]], Awaitable[Applied]]


@define
class Mover(Worker):
    """A worker whose store may be closed while he works, as the next one is opened at another address."""

    def try_once(self, number: int) -> Applied | None:
        """One deed; None where that is in doubt."""
        try:
            return super().try_once(number)
        except StoreClosedError:
            self.doubts += 1
            return None


def work(pipe: Connection, address: str, name: str) -> None:
    """A process of its own: some work at this address, wait when told so, go on at the next that is told, and end."""
    done, back = threading.Event(), threading.Event()
    back.set()
    store = PostgresStore(address, patience=PATIENCE)
    workers = [Mover(f"{name}-{number}", StatusService(store, ACME)) for number in range(THREADS)]
    threads = [threading.Thread(target=worker.work, args=(done, back)) for worker in workers]
    for thread in threads:
        thread.start()
    pipe.send("at work")
    while (told := pipe.recv()) != "end":
        if told == "wait":
            back.clear()
        else:
            store.close()
            store = PostgresStore(told, patience=PATIENCE)
            service = StatusService(store, ACME)
            for worker in workers:
                worker.service = service
            back.set()
    done.set()
    for thread in threads:
        thread.join()
    store.close()
    pipe.send([(worker.acknowledged, worker.wrong, worker.doubts) for worker in workers])


@define
class Staff:
    """The processes that work on a database, whose name is the same on both servers."""

    database: str
    pipes: list[Connection] = field(factory=list)
    processes: list[BaseProcess] = field(factory=list)

    @classmethod
    @contextmanager
    def hired(cls, pair: Pair) -> Iterator[Staff]:
        """Start them on an empty database; at the end none is left, whatever came of them."""
        staff = cls(pair.primary.make("test"))
        address = pair.primary.at(staff.database)
        PostgresStore(address).close()
        try:
            for number in range(PROCESSES):
                process, ours = start(work, address, f"p{number}")
                staff.pipes.append(ours)
                staff.processes.append(process)
            assert [pipe.recv() for pipe in staff.pipes] == ["at work"] * PROCESSES
            yield staff
        finally:
            for started, pipe in zip(staff.processes, staff.pipes, strict=True):
                started.kill()
                started.join()
                pipe.close()

    def tell(self, what: str) -> None:
        """Tell all of them."""
        for pipe in self.pipes:
            pipe.send(what)

    def wait_for(self, entries: int, pair: Pair) -> None:
        """Wait until they have written so many more."""
        address, count = pair.primary.at(self.database), "SELECT count(*) FROM custstatus_entry"
        enough = rows(address, count)[0][0] + entries
        assert any(rows(address, count)[0][0] >= enough for _ in range(5_000)), "nobody works"

    def fail_over(self, pair: Pair) -> None:
        """Let the primary fail, and have them go on at what was its standby."""
        self.tell("wait")
        pair.fail()
        self.tell(pair.primary.at(self.database))

    def faults(self, pair: Pair, failures: int) -> Iterator[str]:
        """End their work; what is wrong with what is there, by what was acknowledged."""
        self.tell("end")
        answers = [answer for pipe in self.pipes for answer in pipe.recv()]
        for _, wrong, _ in answers:
            yield from wrong
        assert sum(doubts for _, _, doubts in answers) >= failures
        acknowledged = {key: versions for each, _, _ in answers for key, versions in each.items()}
        address = pair.primary.at(self.database)
        there: dict[str, list[int]] = {}
        for key, version in rows(address, "SELECT key, version FROM custstatus_entry ORDER BY customer, version"):
            there.setdefault(key, []).append(version)
        for key in there.keys() | acknowledged.keys():
            if there.get(key) != acknowledged.get(key):
                yield f"{key}: acknowledged {acknowledged.get(key)}, there {there.get(key)}"
        yield from faults_in(address)


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A primary with a standby."""
    with Pair.opened() as opened:
        yield opened


async def change(service: AsyncStatusService[Label]) -> Applied:
    """One statement."""
    return await service.acting(AGENT).change("c", Label.ABROAD, reason="x", key="k")


async def add_identifier(service: AsyncStatusService[Label]) -> Applied:
    """A transaction, after a read."""
    return await service.acting(AGENT).add_identifier("c", Identifier("email", "c@x.org"), reason="x", key="k")


@pytest.mark.soak
class TestStandby:
    """Promoted, again and again."""

    def test_nothing_acknowledged_is_lost_where_the_primary_waits_for_it(self, pair: Pair) -> None:
        random = Random(ROUNDS)
        with Staff.hired(pair) as staff:
            for number in range(ROUNDS):
                if number:
                    pair.follow()
                pair.have_it_follow(synchronous=True)
                staff.wait_for(random.randrange(50, 400), pair)
                staff.fail_over(pair)
            assert list(staff.faults(pair, ROUNDS)) == []

    def test_where_it_does_not_wait_the_loss_is_found(self, pair: Pair) -> None:
        # The control: a standby that is behind, as one may be that nobody waits for.
        with Staff.hired(pair) as staff:
            pair.have_it_follow(synchronous=False)
            pair.hold_back()
            staff.wait_for(50, pair)
            staff.fail_over(pair)
            assert any(fault.endswith("there None") for fault in staff.faults(pair, 1))

    @pytest.mark.parametrize("cancelled", [True, False], ids=["cancelled", "given up"])
    @pytest.mark.parametrize("ask", [change, add_identifier])
    def test_what_the_standby_lacks_is_not_acknowledged_when_it_is_repeated_either(
        self, pair: Pair, ask: Ask, cancelled: bool
    ) -> None:
        # A cancelled statement no longer waits for the standby: what it wrote is to be seen on the primary, and only there.
        database = pair.primary.make("test")

        async def main() -> None:
            async with await AsyncPostgresStore.open(pair.primary.at(database), patience=SOON) as store:
                service = await AsyncStatusService.open(store, ACME)
                await service.acting(AGENT).register("c")
                pair.have_it_follow(synchronous=True)
                pair.hold_back()
                asked = asyncio.ensure_future(ask(service))
                for _ in range(5_000):
                    if rows(pair.primary.address, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"):
                        break
                    await asyncio.sleep(0)
                else:
                    pytest.fail("nobody waits for the standby")
                if cancelled:
                    asked.cancel()
                with pytest.raises(asyncio.CancelledError if cancelled else StoreError):
                    await asked
                with pytest.raises(StoreError):
                    await ask(service)

        async def repeat() -> None:
            async with await AsyncPostgresStore.open(pair.primary.at(database)) as store:
                assert not (await ask(await AsyncStatusService.open(store, ACME))).replayed

        asyncio.run(main())
        pair.fail()
        asyncio.run(repeat())
        assert faults_in(pair.primary.at(database)) == []
