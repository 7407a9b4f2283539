"""Many at once on SQLite: activities in batches, and lists paged deep."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.measure import Figure, Given, interleaved, scaled
from benchmarks.organisation import desk_on
from custstatus import CUSTOMER_STATUS, Action, Activity, CustomerStatus, SQLiteStore
from custstatus.bounds import micros

__all__ = ["figures"]

ACTIVITIES = 100_000, 200
"""How many; and in a quick run."""
CUSTOMERS = 100_000, 200
BATCH = 10_000, 100
START = datetime(2026, 1, 1, tzinfo=UTC)


def figures(given: Given) -> Iterator[Figure]:
    """Each figure as it is measured."""
    yield Figure("100,000 activities / executemany (rate)", _activities(given.memory), 0.6, at_least=True)
    yield Figure("list page 2,000 / page 1", _pages(given.memory / "pages.db"), 1.5, at_least=False)


def _activities(folder: Path) -> float:
    """Fresh files every round: 2,000 customers, one report in twenty a repeat."""
    numbers, customers, rounds = count(), scaled(2_000, 20), 5
    rows = [
        (f"c-{n % customers:06}", f"r-{n - n % 20 // 19}", START + timedelta(seconds=n))
        for n in range(scaled(*ACTIVITIES))
    ]
    activities = [Activity(who, Action.TRANSACTION, ref, at, Decimal("12.50")) for who, ref, at in rows]
    plain = [("acme", who, "transaction", ref, micros(at), "12.50", "allow", 1) for who, ref, at in rows]

    def store() -> Path:
        path = folder / f"activities-{next(numbers)}.db"
        with_customers(path, customers)
        return path

    paths = [store() for _ in range(2 * (1 + scaled(rounds, 1)))]

    def ours() -> None:
        service, _ = desk_on(SQLiteStore(paths.pop()))
        service.record(activities)

    def by_hand() -> None:
        connection = sqlite3.connect(paths.pop(), isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        for batch in _batches(plain):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR IGNORE INTO custstatus_activity (org, customer, kind, reference, at, amount, effect, counts)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                batch,
            )
            connection.executemany(
                "INSERT INTO custstatus_last_activity (org, customer, at) VALUES (?, ?, ?) ON CONFLICT (org, customer)"
                " DO UPDATE SET at = excluded.at WHERE excluded.at > custstatus_last_activity.at",
                [(row[0], row[1], row[4]) for row in batch],
            )
            connection.execute("COMMIT")

    return 1 / interleaved(ours, by_hand, rounds=rounds)


def _batches(rows: list[tuple[object, ...]]) -> Iterator[list[tuple[object, ...]]]:
    size = scaled(*BATCH)
    return (rows[start : start + size] for start in range(0, len(rows), size))


def with_customers(path: Path, customers: int) -> None:
    """A file with so many customers, written straight to its tables: registering them is not what is measured."""
    desk_on(SQLiteStore(path))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    names = [f"c-{number:06}" for number in range(customers)]
    at = micros(START)
    connection.executemany(
        "INSERT INTO custstatus_account (org, customer, version, registered_at) VALUES ('acme', ?, 2, ?)",
        [(name, at) for name in names],
    )
    connection.executemany(
        "INSERT INTO custstatus_standing (org, customer, lifecycle, status, label, since, status_since, actor, actor_kind,"
        " entry) VALUES ('acme', ?, 'customer_status', 'active', 'Regular', ?, ?, 'agent-7', 'person', 2)",
        [(name, at, at) for name in names],
    )
    connection.execute("COMMIT")
    connection.close()


def _pages(path: Path) -> float:
    """Pages of 50 in 100,000 customers: the first and the two-thousandth, in turn."""
    customers, times = scaled(*CUSTOMERS), scaled(20, 1)
    with_customers(path, customers)
    service, _ = desk_on(SQLiteStore(path))
    deep = f"c-{customers - 51:06}"
    ratios = []
    for _ in range(scaled(15, 1)):
        start = perf_counter()
        for _ in range(times):
            first = service.customers(CUSTOMER_STATUS, CustomerStatus.ACTIVE, limit=50)
        middle = perf_counter()
        for _ in range(times):
            last = service.customers(CUSTOMER_STATUS, CustomerStatus.ACTIVE, limit=50, after=deep)
        ratios.append((perf_counter() - middle) / (middle - start))
        assert len(first) == len(last) == 50
    return median(ratios)
