"""
The `--soak` option: tests marked `soak` run at full length, and only when it is given.

And what a process that runs tests has: its PostgreSQL server with databases on it, its files, and what it spends on garbage.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from emptied import Emptied, emptying
from servers import Server, memory, serving

GARBAGE = 2_000, 20, 50
"""When rubbish is looked for: less often than by default, and not so late that what is looked through fits no cache."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak", action="store_true", help="run the tests marked soak too: the failure tests at full length"
    )


def pytest_configure(config: pytest.Config) -> None:
    place = memory()
    if place is not None:  # else each commit waits for a disk
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(place))
    gc.set_threshold(*GARBAGE)
    # A shell that starts us in the background has it ignored, by all whom we start too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "soak: a failure test at full length, left out unless --soak is given")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--soak"):
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


def pytest_collection_finish(session: pytest.Session) -> None:
    """What there is now stays until the end, and is not looked through again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    gc.unfreeze()  # else libraries say, as the process ends, that they have lost something


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
