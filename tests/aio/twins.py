"""The awaited service used as its twin that blocks is: what the tests of the one say then holds of the other."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from attrs import define, field
from organisation import AGENT, World
from pausing import pausing

from custstatus import Channel, OrgConfig, StatusLabel
from custstatus.aio import AsyncStatusService

L = TypeVar("L", bound=StatusLabel)


class Ran:
    """An awaited service, or a desk of one, whose verbs are run to their end one by one."""

    def __init__(self, awaited: Any, runner: asyncio.Runner) -> None:
        self._awaited = awaited
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        got = getattr(self._awaited, name)
        if iscoroutinefunction(got):
            return lambda *arguments, **given: self._run(got(*arguments, **given))
        if name in ("acting", "inside"):
            return lambda *arguments, **given: Ran(got(*arguments, **given), self._runner)
        return got.awaited.store if name == "store" else got

    def _run(self, verb: Coroutine[Any, Any, Any]) -> Any:
        if self._runner.get_loop().is_running():  # a rival's change, made while another's waits for the store
            with ThreadPoolExecutor(1) as rival:
                return rival.submit(asyncio.run, verb).result()
        return self._runner.run(verb)


@define
class AwaitedWorld(World[L]):
    """A world whose service is the awaited one."""

    runner: asyncio.Runner = field(kw_only=True)

    def __attrs_post_init__(self) -> None:
        opening = AsyncStatusService.open(pausing(self.store), self.config, key=self.key, clock=self.clock)
        self.service = cast(Any, Ran(self.runner.run(opening), self.runner))

    @property
    def desk(self) -> Any:
        """A member of staff at the counter."""
        return self.service.acting(AGENT, Channel.MEMBER_CARE)

    def under(self, config: OrgConfig[Any]) -> AwaitedWorld[Any]:
        """The same store and clock under another configuration."""
        return AwaitedWorld(config, self.store, self.key, self.clock, runner=self.runner)
