"""A store that is awaited and takes its time: whatever runs on it must let others go on in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

from custstatus.adapters import Store
from custstatus.aio import AsyncStore
from custstatus.testing import Awaited

__all__ = ["VERBS", "Pausing", "pausing"]

VERBS = frozenset(name for name in vars(AsyncStore) if not name.startswith("_"))


class Pausing:
    """An awaited store that lets every other task go on before each verb, and again before its answer."""

    def __init__(self, store: Store) -> None:
        self.awaited = Awaited(store)
        self.calls: list[str] = []

    def __getattr__(self, verb: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        if verb not in VERBS:
            raise AttributeError(verb)

        async def paused(*arguments: object) -> object:
            self.calls.append(verb)
            await asyncio.sleep(0)
            answer = await getattr(self.awaited, verb)(*arguments)
            await asyncio.sleep(0)
            return answer

        return paused


def pausing(store: Store) -> AsyncStore:
    """A store as one that is awaited and takes its time."""
    return cast(AsyncStore, Pausing(store))
