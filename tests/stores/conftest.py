"""Stores to try, one of each kind for a whole module: every random example has an organisation of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from servers import Server, database

from custstatus import MemoryStore, SQLiteStore
from custstatus.adapters.postgres import PostgresStore

if "custstatus.testing" not in sys.modules:
    pytest.register_assert_rewrite("custstatus.testing")

from alike import KEY, Services, peopled
from awaited_store import Opened

from custstatus.testing import Blocking


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


@pytest.fixture(scope="module")
def postgres(server: Server) -> Iterator[PostgresStore]:
    with database(server) as address, PostgresStore(address) as store:
        yield store


@pytest.fixture(scope="module")
def async_postgres(server: Server) -> Iterator[Blocking]:
    """The awaited one, on an event loop of its own."""
    with database(server) as address, Blocking(Opened(address)) as store:
        yield store


@pytest.fixture(scope="module")
def postgres_twin(server: Server) -> Iterator[PostgresStore]:
    with database(server) as address, PostgresStore(address) as store:
        yield store


@pytest.fixture(scope="module")
def services(memory: MemoryStore, sqlite: SQLiteStore) -> Services:
    return peopled(memory), peopled(sqlite)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services with a key of the host's, which seals identifiers and reasons."""
    stores = MemoryStore(), SQLiteStore(tmp_path_factory.mktemp("sealed") / "statuses.db")
    yield peopled(stores[0], KEY), peopled(stores[1], KEY)
    for store in stores:
        store.close()
