"""
Stores that block as stores that are awaited, and the other way round: so that each kind can be had, and tested, by way of the
other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock, Thread
from typing import Any, Self, TypeVar

from custstatus.aio import AsyncStore, Awaited
from custstatus.testing._made.waited import Waited

__all__ = ["Awaited", "Blocking"]

T = TypeVar("T")


class Blocking(Waited):
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
