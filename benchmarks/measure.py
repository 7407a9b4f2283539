"""Interleaved measuring: two callables in turn, the ratio of each round, the median of the rounds."""

from __future__ import annotations

import gc
from collections.abc import Callable
from statistics import median
from time import perf_counter

from attrs import frozen

__all__ = ["Figure", "interleaved"]


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
    for number in range(rounds):
        first, second = (ours, peer) if number % 2 else (peer, ours)
        took = {}
        for each in (first, second):
            start = perf_counter()
            for _ in range(times):
                each()
            took[each] = perf_counter() - start
        ratios.append(took[ours] / took[peer])
    return median(ratios)
