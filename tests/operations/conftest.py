"""Databases for bulk work: in memory, in a file, and on the PostgreSQL server that all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from emptied import Emptied
from organisation import ACME, Label, World

from custstatus import MemoryStore, SQLiteStore
from custstatus.adapters import Store
from custstatus.adapters.postgres import PostgresStore


def emptied_of(request: pytest.FixtureRequest) -> Emptied:
    """PostgreSQL databases, for those who have one."""
    found: Emptied = request.getfixturevalue("emptied")
    return found


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a new database of each kind is that several processes can use."""
    if request.param == "sqlite":
        yield str(tmp_path / "statuses.db")
        return
    with emptied_of(request).lent() as address:
        yield address


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def acme(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World[Label]]:
    """The example organisation over a new store of each kind."""
    with ExitStack() as stack:
        store: Store
        if request.param == "memory":
            store = MemoryStore()
        elif request.param == "sqlite":
            store = stack.enter_context(SQLiteStore(tmp_path / "statuses.db"))
        else:
            address = stack.enter_context(emptied_of(request).lent())
            store = stack.enter_context(PostgresStore(address))
        yield World(ACME, store)


@pytest.fixture(scope="module", params=["memory", "sqlite", "postgres"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of each kind for many random examples, each of an organisation of its own."""
    with ExitStack() as stack:
        if request.param == "memory":
            yield MemoryStore()
        elif request.param == "sqlite":
            yield stack.enter_context(SQLiteStore(tmp_path_factory.mktemp("bulk") / "statuses.db"))
        else:
            address = stack.enter_context(emptied_of(request).lent())
            yield stack.enter_context(PostgresStore(address))
