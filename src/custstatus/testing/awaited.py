"""
Stores that block as stores that are awaited, and the other way round: so that each kind can be had, and tested, by way of the
other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock, Thread
from typing import Any, Self, TypeVar

from custstatus import (
    Account,
    Accounts,
    Activities,
    ActivityBatch,
    Applied,
    Customers,
    Entry,
    Feed,
    FeedPage,
    Found,
    GuardedChange,
    GuardedSet,
    HeldIdentifier,
    InvalidInputError,
    JoinableStore,
    Lag,
    Listed,
    Log,
    Moved,
    Page,
    Plan,
    Recorded,
    Store,
    StoredActivity,
    Tally,
)
from custstatus.aio import AsyncStore

__all__ = ["Awaited", "Blocking"]

T = TypeVar("T")


class Awaited:
    """
    A store that blocks, as an `AsyncStore`: each verb runs at once, and holds up the event loop while it does.

    For tests, over a `MemoryStore` above all. No verb lets other tasks go on in between.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def load(self, org: str, customer: str) -> Account | None:
        return self.store.load(org, customer)

    async def read(self, guarded: GuardedChange) -> Found:
        return self.store.read(guarded)

    async def apply(self, guarded: GuardedChange) -> Applied | Found:
        return self.store.apply(guarded)

    async def commit(self, plan: Plan) -> Applied | Found:
        return self.store.commit(plan)

    async def apply_set(self, guarded: GuardedSet) -> tuple[Moved | Found, ...]:
        return self.store.apply_set(guarded)

    async def find(self, org: str, token: str) -> str | None:
        return self.store.find(org, token)

    async def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        return self.store.find_all(org, tokens)

    async def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        return self.store.identifiers(org, customer)

    async def log(self, query: Log) -> Page[Entry]:
        return self.store.log(query)

    async def customers(self, query: Customers) -> Page[Listed[str, str]]:
        return self.store.customers(query)

    async def customer_ids(self, query: Customers) -> Page[str]:
        return self.store.customer_ids(query)

    async def count(self, query: Customers) -> int:
        return self.store.count(query)

    async def accounts(self, query: Accounts) -> Page[Account]:
        return self.store.accounts(query)

    async def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        return self.store.tally(org, lifecycle)

    async def record(self, batch: ActivityBatch) -> Recorded:
        return self.store.record(batch)

    async def activities(self, query: Activities) -> Page[StoredActivity]:
        return self.store.activities(query)

    async def feed(self, query: Feed) -> FeedPage:
        return self.store.feed(query)

    async def lag(self, org: str, after: str | None) -> Lag:
        return self.store.lag(org, after)

    async def position(self, org: str, consumer: str) -> str | None:
        return self.store.position(org, consumer)

    async def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        self.store.keep_position(org, consumer, position)

    async def keep_config(self, org: str, config_hash: str, text: str) -> None:
        self.store.keep_config(org, config_hash, text)

    async def config(self, org: str, config_hash: str) -> str | None:
        return self.store.config(org, config_hash)

    async def organisations(self) -> tuple[str, ...]:
        return self.store.organisations()

    async def close(self) -> None:
        self.store.close()

    def inside(self, connection: Any) -> Awaited:
        if not isinstance(self.store, JoinableStore):
            raise InvalidInputError("store", "a store that joins a host's transaction", type(self.store).__name__)
        return Awaited(self.store.inside(connection))


class Blocking:
    """
    A store that is awaited, as a `Store`: each verb runs to its end on an event loop of its own, in a thread of its own.

    So the suite `StoreContract` runs on an `AsyncStore`: answer `Blocking(MyStore(...))` from its `make_store`. Make the store
    where no loop runs yet; what it binds to a loop it binds to this one, at its first verb. Use it from any thread, and close it.
    """

    def __init__(self, store: AsyncStore) -> None:
        self.store = store
        self._lock = Lock()
        self._going: set[Future[Any]] = set()
        self._closed = False
        self._ended = asyncio.Event()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._thread = Thread(target=self._live, name="custstatus-blocking", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, org: str, customer: str) -> Account | None:
        return self._wait(self.store.load(org, customer))

    def read(self, guarded: GuardedChange) -> Found:
        return self._wait(self.store.read(guarded))

    def apply(self, guarded: GuardedChange) -> Applied | Found:
        return self._wait(self.store.apply(guarded))

    def commit(self, plan: Plan) -> Applied | Found:
        return self._wait(self.store.commit(plan))

    def apply_set(self, guarded: GuardedSet) -> tuple[Moved | Found, ...]:
        return self._wait(self.store.apply_set(guarded))

    def find(self, org: str, token: str) -> str | None:
        return self._wait(self.store.find(org, token))

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        return self._wait(self.store.find_all(org, tokens))

    def identifiers(self, org: str, customer: str) -> tuple[HeldIdentifier, ...]:
        return self._wait(self.store.identifiers(org, customer))

    def log(self, query: Log) -> Page[Entry]:
        return self._wait(self.store.log(query))

    def customers(self, query: Customers) -> Page[Listed[str, str]]:
        return self._wait(self.store.customers(query))

    def customer_ids(self, query: Customers) -> Page[str]:
        return self._wait(self.store.customer_ids(query))

    def count(self, query: Customers) -> int:
        return self._wait(self.store.count(query))

    def accounts(self, query: Accounts) -> Page[Account]:
        return self._wait(self.store.accounts(query))

    def tally(self, org: str, lifecycle: str) -> tuple[Tally[str, str], ...]:
        return self._wait(self.store.tally(org, lifecycle))

    def record(self, batch: ActivityBatch) -> Recorded:
        return self._wait(self.store.record(batch))

    def activities(self, query: Activities) -> Page[StoredActivity]:
        return self._wait(self.store.activities(query))

    def feed(self, query: Feed) -> FeedPage:
        return self._wait(self.store.feed(query))

    def lag(self, org: str, after: str | None) -> Lag:
        return self._wait(self.store.lag(org, after))

    def position(self, org: str, consumer: str) -> str | None:
        return self._wait(self.store.position(org, consumer))

    def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        self._wait(self.store.keep_position(org, consumer, position))

    def keep_config(self, org: str, config_hash: str, text: str) -> None:
        self._wait(self.store.keep_config(org, config_hash, text))

    def config(self, org: str, config_hash: str) -> str | None:
        return self._wait(self.store.config(org, config_hash))

    def organisations(self) -> tuple[str, ...]:
        return self._wait(self.store.organisations())

    def close(self) -> None:
        with self._lock:
            first, self._closed = not self._closed, True
        if not first:
            return self._wait(self.store.close())
        try:
            asyncio.run_coroutine_threadsafe(self.store.close(), self._loop).result()
            wait(tuple(self._going))
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()

    def _live(self) -> None:
        with self._runner:
            self._runner.run(self._ended.wait())

    def _wait(self, verb: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            going = None if self._closed else asyncio.run_coroutine_threadsafe(verb, self._loop)
            if going is not None:
                self._going.add(going)
        if going is None:
            with ThreadPoolExecutor(1) as moment:  # what a closed store answers, it answers on any loop
                return moment.submit(asyncio.run, verb).result()
        try:
            return going.result()
        finally:
            with self._lock:
                self._going.discard(going)
