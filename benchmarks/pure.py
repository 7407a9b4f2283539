"""What needs no database: verdicts, decisions, plans, and importing the package."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median

from benchmarks.measure import Figure, Given, interleaved, scaled
from benchmarks.organisation import ACME, Label, desk_on
from custstatus import Action, Actor, Channel, CustomerStatus, MemoryStore
from custstatus.gate.outcome import Plan
from custstatus.gate.plan import plan
from custstatus.gate.prepare import prepare
from custstatus.gate.request import Operation, Request
from custstatus.states import CustomerStatusChart

__all__ = ["figures"]


def figures(given: Given) -> Iterator[Figure]:
    """Each figure as it is measured."""
    yield Figure("verdict / dict look-up", _verdict(), 2, at_least=False)
    yield Figure("decision / bare read, memory", _decision(), 6, at_least=False)
    yield Figure("engine / plan a change", _plan(preparing=False), 50, at_least=True)
    yield Figure("engine / prepare and plan a change", _plan(preparing=True), 50, at_least=True)
    yield Figure("import / its dependencies", _import(), 1.6, at_least=False)


def _verdict() -> float:
    cells = dict(ACME.policy.cells)
    keys = [(label.status, label, action) for label in Label for action in Action]
    verdict = ACME.policy.verdict

    def ours() -> None:
        for status, label, action in keys:
            verdict(status, label, action)

    def peer() -> None:
        for status, label, action in keys:
            cells[status, label, action]

    return interleaved(ours, peer, rounds=15, times=500)


def _decision() -> float:
    store = MemoryStore()
    service, desk = desk_on(store)
    customers = [f"c-{number}" for number in range(100)]
    for number, customer in enumerate(customers):
        desk.register(customer, list(Label)[number % len(Label)], reason="a new one")

    def ours() -> None:
        for customer in customers:
            service.decide(customer, Action.POINTS_REDEMPTION)

    def peer() -> None:
        for customer in customers:
            store.load("acme", customer)

    return interleaved(ours, peer, rounds=15, times=300)


def _plan(*, preparing: bool) -> float:
    """Planning a prepared change, or preparing it as well, against restoring a machine and firing the event."""
    store = MemoryStore()
    _, desk = desk_on(store)
    desk.register("c-1")
    now = datetime.now(UTC)
    actor = Actor("agent-7")
    request = Request(Operation.CHANGE, "c-1", (Label.LOST_PHONE,), actor, Channel.MEMBER_CARE, reason="Lost it")
    prepared = prepare(request, ACME, now)
    found = store.read(prepared)

    def ours() -> None:
        for _ in range(scaled(50, 1)):
            plan(found, prepare(request, ACME, now) if preparing else prepared)

    def peer() -> None:
        for _ in range(scaled(50, 1)):
            machine = CustomerStatusChart(start_value=CustomerStatus.ACTIVE)
            machine.send("suspend")

    assert isinstance(plan(found, prepared), Plan)
    return 1 / interleaved(ours, peer, rounds=15)


def _import() -> float:
    """A fresh interpreter's import as it times it itself, byte code kept, as wherever the package is used twice."""
    with tempfile.TemporaryDirectory() as cache:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = {"PYTHONPYCACHEPREFIX": cache, **kept}

        def took(modules: str) -> float:
            code = f"import time; t = time.perf_counter(); import {modules}; print(time.perf_counter() - t)"
            command = [sys.executable, "-c", code]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            return float(done.stdout)

        took("custstatus")
        return median(took("custstatus") / took("attrs, cattrs, statemachine") for _ in range(scaled(15, 1)))
