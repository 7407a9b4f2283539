"""The worlds of the tests here: those of `test_*_awaited` have the awaited service, wherever they are made."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from organisation import ACME, Label
from twins import AwaitedWorld

from custstatus import MemoryStore, OrgConfig, StatusLabel


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Runs what is awaited, on one event loop a test."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def awaited(runner: asyncio.Runner) -> AwaitedWorld[Label]:
    """The example organisation, awaited."""
    return AwaitedWorld(ACME, MemoryStore(), runner=runner)


@pytest.fixture(autouse=True)
def _awaited_everywhere(
    request: pytest.FixtureRequest, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worlds that the tests of a twin make by themselves."""

    def in_memory(config: OrgConfig[StatusLabel], *, key: bytes | None = None) -> AwaitedWorld[StatusLabel]:
        return AwaitedWorld(config, MemoryStore(), key, runner=runner)

    name = request.module.__name__
    twin = name.removesuffix("_awaited")
    if twin != name:
        monkeypatch.setattr(f"{twin}.in_memory", in_memory)
