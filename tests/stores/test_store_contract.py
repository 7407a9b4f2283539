"""The contract that every store has to pass, on the stores of this library; and that the contract hides none of its tests."""

from __future__ import annotations

import asyncio
import itertools
import unittest
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from servers import Server, database

from custstatus import MemoryStore, SQLiteStore
from custstatus.adapters.postgres import AsyncPostgresStore, PostgresStore
from custstatus.testing import Blocking, StoreContract
from custstatus.testing.contracts.contract import Contract


class TestMemoryStore(StoreContract):
    def make_store(self) -> MemoryStore:
        return MemoryStore()


class TestSQLiteStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.paths = (tmp_path / f"{number}.db" for number in itertools.count())

    def make_store(self) -> SQLiteStore:
        return SQLiteStore(next(self.paths))


class TestPostgresStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _on(self, server: Server) -> Iterator[None]:
        with ExitStack() as self.databases:
            self.server = server
            yield

    def make_store(self) -> PostgresStore:
        return PostgresStore(self.databases.enter_context(database(self.server)), connections=6)


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


class TestAsyncPostgresStore(TestPostgresStore):
    def make_store(self) -> Blocking:  # type: ignore[override]
        return Blocking(Opened(self.databases.enter_context(database(self.server))))


def test_no_part_of_the_contract_hides_another_s_test() -> None:
    parts = [part for part in StoreContract.__mro__ if issubclass(part, Contract) and part is not StoreContract]
    seen: dict[str, type] = {}
    for part in parts:
        for name in vars(part):
            if not name.startswith("__"):
                assert name not in seen, f"{name} of {part.__name__} is hidden by {seen[name].__name__}"
                seen[name] = part
    assert sum(name.startswith("test_") for name in seen) > 100


def test_a_host_with_unittest_collects_it() -> None:
    class Hosted(StoreContract, unittest.TestCase):
        def make_store(self) -> MemoryStore:
            return MemoryStore()

    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Hosted)
    assert suite.countTestCases() > 100
    some = unittest.TestSuite(test for test in suite if "key" in test.id())
    result = unittest.TestResult()
    some.run(result)
    assert (result.testsRun > 5, result.errors, result.failures) == (True, [], [])


def test_a_host_must_say_how_a_store_is_made() -> None:
    with pytest.raises(NotImplementedError, match="make_store"):
        StoreContract().test_a_key_writes_once()
