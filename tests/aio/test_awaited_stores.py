"""Stores that block as ones that are awaited, and back: the contract of stores by way of both, and the thread in between."""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from organisation import ACME
from pausing import pausing

from custstatus import MemoryStore, SQLiteStore, StatusService
from custstatus.adapters import Store
from custstatus.adapters._made import awaited
from custstatus.aio import AsyncJoinableStore, AsyncStore
from custstatus.errors import StoreClosedError
from custstatus.testing import Awaited, Blocking, StoreContract


class TestAwaitedMemory(StoreContract):
    """A store in memory, awaited, and waited for."""

    def make_store(self) -> Blocking:
        return Blocking(Awaited(MemoryStore()))


class TestAStoreThatTakesItsTime(StoreContract):
    """The same where every verb lets others go on."""

    def make_store(self) -> Blocking:
        return Blocking(pausing(MemoryStore()))


def threads() -> list[str]:
    """The threads in which loops of stores run."""
    return [thread.name for thread in threading.enumerate() if thread.name == "custstatus-blocking"]


@pytest.mark.parametrize(
    ("contract", "store"), [(Store, Blocking), (AsyncStore, Awaited), (AsyncStore, awaited.Awaited)]
)
def test_each_has_the_verbs_of_its_contract(contract: type, store: type) -> None:
    for name, verb in vars(contract).items():
        if inspect.isfunction(verb) and not name.startswith("_"):
            assert inspect.signature(getattr(store, name)) == inspect.signature(verb), name


def test_the_awaited_contract_has_the_verbs_of_the_other_and_each_is_awaited() -> None:
    verbs = {name: verb for name, verb in vars(Store).items() if not name.startswith("_")}
    for name, verb in verbs.items():
        twin = getattr(AsyncStore, name)
        assert inspect.iscoroutinefunction(twin), name
        assert inspect.signature(twin) == inspect.signature(verb), name
        assert twin.__doc__ == verb.__doc__, name
    assert {name for name in vars(AsyncStore) if not name.startswith("_")} == set(verbs)


def test_closing_ends_the_thread_and_closing_again_does_nothing() -> None:
    before = threads()
    with Blocking(Awaited(MemoryStore())) as store:
        assert len(threads()) == len(before) + 1
    store.close()
    assert threads() == before
    with pytest.raises(StoreClosedError):
        store.load("acme", "c")


def test_it_can_be_used_where_a_loop_runs_already() -> None:
    async def host() -> None:
        with Blocking(pausing(MemoryStore())) as store:
            StatusService(store, ACME)
            assert store.organisations() == ("acme",)

    asyncio.run(host())


def test_a_verb_that_came_before_the_closing_is_answered() -> None:
    begun, going_on = threading.Event(), threading.Event()

    class Slow(Awaited):
        async def organisations(self) -> tuple[str, ...]:
            begun.set()
            await asyncio.to_thread(going_on.wait)
            for _ in range(100):  # long after the store has closed
                await asyncio.sleep(0)
            return ("acme",)

        async def close(self) -> None:
            going_on.set()

    store = Blocking(Slow(MemoryStore()))
    with ThreadPoolExecutor(1) as other:
        answer = other.submit(store.organisations)
        begun.wait()
        store.close()
        assert answer.result() == ("acme",)


def test_what_the_store_raises_is_raised() -> None:
    class Failing(MemoryStore):
        def organisations(self) -> Any:
            raise KeyError("of the driver")

    with Blocking(Awaited(Failing())) as store, pytest.raises(KeyError, match="of the driver"):
        store.organisations()


def test_an_awaited_store_is_closed_at_the_end_of_its_block() -> None:
    async def host() -> None:
        async with Awaited(MemoryStore()) as store:
            assert await store.organisations() == ()
        with pytest.raises(StoreClosedError):
            await store.organisations()

    asyncio.run(host())


def test_it_joins_a_transaction_where_its_store_does(tmp_path: Path) -> None:
    with SQLiteStore(tmp_path / "statuses.db") as kept:
        assert isinstance(Awaited(kept), AsyncJoinableStore)
        assert not isinstance(pausing(kept), AsyncJoinableStore)
        with pytest.raises(Exception, match="connection"):
            Awaited(kept).inside(object())
    with pytest.raises(Exception, match="a store that joins a host's transaction, got MemoryStore"):
        Awaited(MemoryStore()).inside(cast(Any, None))
