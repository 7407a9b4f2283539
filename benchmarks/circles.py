"""
Changes that go on for as long as they are asked for: a customer who goes round through some labels.

Processes of their own run it, so it imports little.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any

from attrs import frozen

from benchmarks.organisation import ACME, Label
from custstatus import Actor, Channel, CustomerStatus, OrgConfig, StatusLabel, StatusService
from custstatus.adapters.postgres import PostgresStore

__all__ = ["Circle", "work"]

ACTOR, CHANNEL, REASON = Actor("agent-7"), Channel.MEMBER_CARE, "for the measure"


class Place(StatusLabel):
    """Two labels for each of eight who change one customer: whatever the others did, each changes something."""

    A_1, A_2 = ("A 1", CustomerStatus.ACTIVE), ("A 2", CustomerStatus.ACTIVE)
    B_1, B_2 = ("B 1", CustomerStatus.ACTIVE), ("B 2", CustomerStatus.ACTIVE)
    C_1, C_2 = ("C 1", CustomerStatus.ACTIVE), ("C 2", CustomerStatus.ACTIVE)
    D_1, D_2 = ("D 1", CustomerStatus.ACTIVE), ("D 2", CustomerStatus.ACTIVE)
    E_1, E_2 = ("E 1", CustomerStatus.ACTIVE), ("E 2", CustomerStatus.ACTIVE)
    F_1, F_2 = ("F 1", CustomerStatus.ACTIVE), ("F 2", CustomerStatus.ACTIVE)
    G_1, G_2 = ("G 1", CustomerStatus.ACTIVE), ("G 2", CustomerStatus.ACTIVE)
    H_1, H_2 = ("H 1", CustomerStatus.ACTIVE), ("H 2", CustomerStatus.ACTIVE)


HOT = OrgConfig("hot", Place)


@frozen
class Circle:
    """The changes of one client: a customer who goes round through some labels."""

    config: OrgConfig[Any]
    customer: str
    labels: tuple[StatusLabel, ...]

    @classmethod
    def of(cls, whose: str, place: int, how: str) -> Circle:
        """The changes of one client of several, `ours` or `peer`: of a customer of its own, or of one that all change."""
        if how == "hot":
            # The second of the two first: the very first of all is where a new customer stands already.
            return cls(HOT, whose, tuple(Place)[2 * place : 2 * place + 2][::-1])
        return cls(ACME, f"{whose}-{place}", (Label.TRENDING, Label.LOST_PHONE, Label.REGULAR))

    def run(self, store: PostgresStore) -> Callable[[float], tuple[int, float]]:
        """What makes changes by the service for so many seconds; it answers how many, and how long it took."""
        desk = StatusService(store, self.config).acting(ACTOR, CHANNEL)
        labels = cycle(self.labels)

        def changes(seconds: float) -> tuple[int, float]:
            made, start, took = 0, perf_counter(), 0.0
            while took < seconds:
                desk.change(self.customer, next(labels), reason=REASON)
                made += 1
                took = perf_counter() - start
            return made, took

        return changes


def work(pipe: Connection, address: str, place: int, how: str) -> None:
    """Change customers for as many seconds as the pipe says, each time; answer with how many, and how long it took."""
    changes = Circle.of("ours", place, how).run(PostgresStore(address, connections=1))
    while True:
        pipe.send(changes(pipe.recv()))
