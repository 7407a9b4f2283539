"""
Two services alike but for their stores, put to the same bad input: each use must be refused alike, and leave no trace.

Customers are registered under the ids "5", "0", "1", "-1", "5.0" and "True", so that a store which takes a number for its text
would find somebody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from custstatus import Action, Activity, Actor, Channel, Desk, Identifier, StatusService
from custstatus.adapters import Store
from custstatus.testing import MovableClock, example
from custstatus.testing.snapshots import answer, snapshot

HUGE = "x" * 10_000_000
CUSTOMERS = ("c-1", "5", "0", "1", "-1", "5.0", "True")
LIFECYCLES = ("customer_status", "client_state", "membership", "loyalty_type")
MOBILE = Identifier("mobile", "1")
KEY = b"sixteen secret b"
Service = StatusService[Any]
Services = tuple[Service, Service]
Use = Callable[[Service, Any], object]


def desk(service: Service, *given: Any, **named: Any) -> Desk[Any]:
    """A desk of an agent, or of whoever is given."""
    return service.acting(*(given or (Actor("agent-7"), Channel.MEMBER_CARE)), **named)


def peopled(store: Store, key: bytes | None = None) -> Service:
    """A service with customers, one of whom holds a mobile number, each of whom has bought once."""
    service = StatusService(store, example(), key=key, clock=MovableClock())
    for customer in CUSTOMERS:
        desk(service).register(customer, identifiers=[MOBILE] if customer == "c-1" else [])
        service.record(Activity(customer, Action.TRANSACTION, "r-1", MovableClock()()))
    return service


def refused_alike(
    services: Services,
    uses: dict[str, Use],
    values: Iterable[object],
    error: str = "InvalidInputError",
) -> None:
    """Every use of every value is answered with the error, by both services alike, and nothing is written."""
    before = [snapshot(service.store, "acme", LIFECYCLES) for service in services]
    faults = []
    for value in values:
        for name, use in uses.items():
            shown = f"{name} of {type(value).__name__} {repr(value)[:60]}"
            answers = [answered(use, service, value) for service in services]
            if answers[0] != answers[1]:
                faults.append(f"{shown}: memory {str(answers[0])[:200]}, SQLite {str(answers[1])[:200]}")
            elif answers[0][:2] != ("raised", error):
                faults.append(f"{shown}: {str(answers[0])[:200]}")
    for service, held in zip(services, before, strict=True):
        if snapshot(service.store, "acme", LIFECYCLES) != held:
            faults.append(f"something was written to {type(service.store).__name__}")
    assert not faults, "\n".join(faults)


def answered(use: Use, service: Service, value: object) -> tuple[object, ...]:
    """What a use answers or raises; errors of others than this library are leaks."""
    try:
        return answer(use, service, value)
    except Exception as error:
        return "leaked", type(error).__name__, str(error)[:100]
