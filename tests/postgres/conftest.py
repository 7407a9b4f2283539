"""Databases on the server that the tests share, and servers of a test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from binaries import find_binaries
from servers import OwnServer, Server, database


@pytest.fixture
def address(server: Server) -> Iterator[str]:
    """The address of an empty database, dropped afterwards."""
    with database(server) as empty:
        yield empty


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    """A server of the test's own, to stop, to kill and to start again, even where the environment names another."""
    own = OwnServer.fresh(find_binaries())
    yield own
    own.close()
