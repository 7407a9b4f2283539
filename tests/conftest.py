"""
The `--soak` option: tests marked `soak` run at full length, and only when it is given.

And the PostgreSQL server of a process that runs tests, with databases on it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from emptied import Emptied, emptying
from servers import Server, serving


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak", action="store_true", help="run the tests marked soak too: the failure tests at full length"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: a failure test at full length, left out unless --soak is given")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--soak"):
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server that most tests share: nothing may stop it, or change its settings."""
    with serving() as found:
        yield found


@pytest.fixture(scope="session")
def emptied(server: Server) -> Iterator[Emptied]:
    """Databases with our tables, and nothing in them."""
    with emptying(server) as databases:
        yield databases
