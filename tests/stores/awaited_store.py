"""The awaited PostgreSQL store, opened where it will be used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from custstatus.adapters.postgres import AsyncPostgresStore


class Opened:
    """A store of an event loop, opened there by the first verb."""

    def __init__(self, address: str) -> None:
        self._opening = asyncio.Lock()
        self._address = address
        self._store: AsyncPostgresStore | None = None

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        async def asked(*arguments: object) -> object:
            async with self._opening:
                self._store = self._store or await AsyncPostgresStore.open(self._address, connections=6)
            return await getattr(self._store, verb)(*arguments)

        return asked
