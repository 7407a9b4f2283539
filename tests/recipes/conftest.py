"""A PostgreSQL server for these tests, one for each process that runs them, and databases on it with a host's own table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hosts import SHOP, Seen, prepare
from servers import Server, database

from custstatus import NoLabels, StatusService
from custstatus.adapters.postgres import PostgresStore


@pytest.fixture
def address(server: Server) -> Iterator[str]:
    """The address of a host's database, dropped afterwards."""
    with database(server, prepare) as filled:
        yield filled


@pytest.fixture
def seen(address: str) -> Seen:
    """What others see of it."""
    return Seen(address)


@pytest.fixture
def shop(address: str) -> Iterator[StatusService[NoLabels]]:
    """The service of the host."""
    with PostgresStore(address, connections=2, patience=5) as store:
        yield StatusService(store, SHOP)
