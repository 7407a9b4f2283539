"""
Interleaved measuring: two callables in turn, the ratio of each round, the median of the rounds.

And how much is measured: in a quick run just enough to go every way that there is, so that its figures mean nothing.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TypeVar

from attrs import frozen

__all__ = ["Figure", "Given", "interleaved", "quickly", "scaled", "synced"]

T = TypeVar("T")

_quick = False


@contextmanager
def quickly() -> Iterator[None]:
    """Within, everything is measured once, and as little of it as there can be."""
    global _quick
    before, _quick = _quick, True
    try:
        yield
    finally:
        _quick = before


def scaled(full: T, quick: T) -> T:
    """The first, and in a quick run the second."""
    return quick if _quick else full


def synced() -> None:
    """Wait until the disk has everything, so that it is not written while something is measured; not in a quick run."""
    if not _quick:
        os.sync()


@frozen
class Given:
    """What every part is given."""

    memory: Path
    """A folder in memory, where there is such a place."""
    disk: Path
    """A folder on the disk."""
    customers: int
    """How many customers a large organisation has, for those parts that measure one."""


@frozen
class Figure:
    """One line of the report."""

    name: str
    value: float
    target: float
    at_least: bool

    @property
    def ok(self) -> bool:
        """Whether the value reaches its target."""
        return self.value >= self.target if self.at_least else self.value <= self.target

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{self.name}\t{self.value:.2f}\t{sign}{self.target:g}\t{'ok' if self.ok else 'short'}"


def interleaved(ours: Callable[[], object], peer: Callable[[], object], *, rounds: int = 9, times: int = 1) -> float:
    """The median over the rounds of our time divided by the peer's, each called so many times a round, in turn."""
    ours()
    peer()
    gc.collect()
    ratios = []
    for number in range(scaled(rounds, 1)):
        first, second = (ours, peer) if number % 2 else (peer, ours)
        took = {}
        for each in (first, second):
            start = perf_counter()
            for _ in range(scaled(times, 1)):
                each()
            took[each] = perf_counter() - start
        ratios.append(took[ours] / took[peer])
    return median(ratios)
