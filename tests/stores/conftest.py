"""Stores to try, one of each kind for a whole module: every example has an organisation of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from custstatus import MemoryStore, SQLiteStore

pytest.register_assert_rewrite("custstatus.testing")


@pytest.fixture(scope="module")
def memory() -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.close()


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path_factory.mktemp("stores") / "statuses.db")
    yield store
    store.close()


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path_factory.mktemp("twins") / "statuses.db")
    yield store
    store.close()
