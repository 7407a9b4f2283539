"""
`make bench-large`: ten million customers on PostgreSQL, the data directory on the disk. It takes most of an hour.

`CUSTSTATUS_LARGE` says another number of customers, 10,000 at least. A line a figure, as in `make bench`; lines without a target
are told only. What is seeded is compared with what registering writes, and verified, at the small size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from shutil import disk_usage
from statistics import median
from time import perf_counter
from typing import Any

import psycopg
from attrs import define, field, frozen
from servers import OwnServer, database

from benchmarks.measure import Figure, Given, interleaved, scaled, synced
from benchmarks.organisation import ACME, Label, desk_on
from benchmarks.postgres import DISK, started
from custstatus import CUSTOMER_STATUS, Action, CustomerStatus, Desk, StatusService
from custstatus.adapters.postgres import PostgresStore
from custstatus.adapters.postgres.statements import SQL
from custstatus.adapters.queries import Accounts
from custstatus.bounds import micros

__all__ = ["figures"]

SMALL = 10_000, 400
"""How many customers the other organisation has, and the large one at least: there are pages enough; and in a quick run."""
PAGE = 50, 2
ROOM = 2_500
"""Bytes of free disk that are asked for each customer: his rows, their indexes, and the log of writing them."""
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "maintenance_work_mem": "256MB", "synchronous_commit": "on"}
CHUNK = 500_000, 300
CHANGES = 200, 3
"""How many changes a round; and in a quick run."""
STRIDE = 7_368_787
"""A prime: so many customers on is the next one that is taken, so that none shares a page of a large table with the last."""
ACTIVE, SUSPENDED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED
PERIOD = timedelta(days=180)
TABLES = ("account", "standing", "entry", "text", "last_activity")

# One customer in ten registered two years ago and did nothing since, the others within the last five months. One in ten is
# suspended from the first, one in ten has another label than the default.
PEOPLE = """
WITH people AS (
    SELECT 'c-' || lpad(n::text, 9, '0') AS customer,
        CASE n %% 10 WHEN 0 THEN %(old)s ELSE %(new)s END::bigint + n %% 86400 * 1000000 AS at,
        CASE n %% 10 WHEN 3 THEN 'suspended' ELSE 'active' END AS status,
        CASE n %% 10 WHEN 3 THEN 'Lost phone' WHEN 5 THEN 'Trending' ELSE 'Regular' END AS label
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n)
"""
ACCOUNTS = """
INSERT INTO custstatus_account (org, customer, version, registered_at, xid)
SELECT 'acme', customer, 2, at, %(number)s FROM people
"""
STANDINGS = """
INSERT INTO custstatus_standing (org, customer, lifecycle, status, label, since, status_since, actor, actor_kind, entry)
SELECT 'acme', customer, 'customer_status', status, label, at, at, 'agent-7', 'person', 2 FROM people
"""
ACTIVITIES = "INSERT INTO custstatus_last_activity (org, customer, at) SELECT 'acme', customer, NULL FROM people"
ENTRIES = """
INSERT INTO custstatus_entry (org, customer, version, kind, lifecycle, to_status, to_label, effective_at, recorded_at,
    actor, actor_kind, requested_by, channel, config, ordinal, closes, xid)
SELECT 'acme', customer, version, kind, lifecycle, CASE version WHEN 2 THEN status END, CASE version WHEN 2 THEN label END,
    at, at, 'agent-7', 'person', 'staff', 'member_care', %(config)s, version - 1, 0, %(number)s
FROM people, (VALUES (1, 'registered', NULL), (2, 'moved', 'customer_status')) AS e (version, kind, lifecycle)
ORDER BY customer, version
"""
APART = """
SELECT (SELECT to_jsonb(a) - ARRAY['customer', 'registered_at', 'xid'] FROM custstatus_account a WHERE customer = %(who)s),
    (SELECT to_jsonb(s) - ARRAY['customer', 'since', 'status_since'] FROM custstatus_standing s WHERE customer = %(who)s),
    (SELECT to_jsonb(l) - 'customer' FROM custstatus_last_activity l WHERE customer = %(who)s),
    (SELECT jsonb_agg(to_jsonb(e) - ARRAY['id', 'xid', 'customer', 'effective_at', 'recorded_at'] ORDER BY version)
        FROM custstatus_entry e WHERE customer = %(who)s),
    (SELECT bool_and(e.xid = a.xid) FROM custstatus_account a JOIN custstatus_entry e USING (org, customer)
        WHERE customer = %(who)s)
"""
"""All that is kept of a customer, but for who he is, the times, and the transaction, which is the same for all of it."""
SIZES = """
SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class WHERE relname = ANY (%s) ORDER BY relname
"""
INDEXES = """
SELECT c.relname, pg_relation_size(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid WHERE t.relname = ANY (%s) AND pg_relation_size(c.oid) > %s ORDER BY c.relname
"""


@frozen
class Told:
    """A line of the report that has no target."""

    name: str
    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.name}\t{self.value:,.{0 if self.value >= 100 else 3}f}\t{self.unit}"


@define(eq=False)
class Seeded:
    """An organisation of so many customers, and changes of theirs that do not end."""

    address: str
    customers: int
    service: StatusService[Label] = field(init=False)
    desk: Desk[Label] = field(init=False)
    changes: Iterator[tuple[str, Label]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.changes = self._changes()
        self.open()

    def open(self) -> None:
        """Connect, anew where the server was started anew."""
        self.service, self.desk = desk_on(PostgresStore(self.address))

    def _changes(self) -> Iterator[tuple[str, Label]]:
        """Customers who stand at the default label, far from each other, and on from there in a circle."""
        count = self.customers // 10
        for label in cycle((Label.TRENDING, Label.LOST_PHONE, Label.REGULAR)):
            for place in range(count):
                yield name(place * STRIDE % count * 10 + 1), label

    def change(self) -> None:
        for customer, label in islice(self.changes, scaled(*CHANGES)):
            self.desk.change(customer, label, reason="for the measure")

    def decide(self) -> None:
        for place in range(scaled(*CHANGES)):
            self.service.decide(name(place * STRIDE % self.customers), Action.POINTS_REDEMPTION)


def name(number: int) -> str:
    """The customer id of a number from 0."""
    return f"c-{number:09}"


def seed(address: str, customers: int) -> Seeded:
    """An organisation written straight to the tables: registering its customers is not what is measured."""
    seeded = Seeded(address, customers)
    now = datetime.now(UTC)
    given = {
        "config": ACME.hash,
        "old": micros(now - timedelta(days=730)),
        "new": micros(now - timedelta(days=150)),
    }

    # Each chunk of customers is as if it had been written in one transaction.
    size = scaled(*CHUNK)
    with psycopg.connect(address, autocommit=True) as connection:
        question: Any = f"SELECT {SQL.engine.transaction}"
        numbers = [number for _ in range(0, customers, size) for (number,) in connection.execute(question)]

    def write(*texts: str) -> None:
        with psycopg.connect(address, autocommit=True, prepare_threshold=None) as connection:
            for first, number in zip(range(0, customers, size), numbers, strict=True):
                chunk = {"first": first, "last": min(first + size, customers) - 1, "number": number}
                for text in texts:
                    query: Any = PEOPLE + text
                    connection.execute(query, given | chunk)

    with ThreadPoolExecutor(2) as threads:
        for each in [threads.submit(write, ENTRIES), threads.submit(write, ACCOUNTS, STANDINGS, ACTIVITIES)]:
            each.result()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return seeded


def check(seeded: Seeded) -> None:
    """AssertionError unless the seeded rows are what registering writes, and their histories bear them out."""
    verified = seeded.service.verify()
    assert (verified.accounts, verified.entries) == (seeded.customers, seeded.customers * 2), verified
    assert verified.faults == (), verified.faults[:3]
    seeded.desk.register("registered")
    with psycopg.connect(seeded.address) as connection:
        ours, theirs = (connection.execute(APART, {"who": who}).fetchone() for who in (name(1), "registered"))
    assert ours == theirs, (ours, theirs)


def figures(given: Given) -> Iterator[object]:
    """Each line as it is measured, on a server of its own on the disk."""
    customers, least = scaled(given.customers, SMALL[1]), scaled(*SMALL)
    if customers < least:
        yield f"large: not measured, {customers:,} customers are too few: {least:,} at least"
        return
    free = disk_usage(DISK).free
    if free < customers * ROOM:
        yield f"large: not measured, {customers:,} customers want {customers * ROOM:,} bytes on {DISK}, which has {free:,}"
        return
    with started(DISK, **SETTINGS) as server, database(server) as there, database(server) as here:
        small = seed(here, least)
        check(small)
        start = perf_counter()
        large = seed(there, customers)
        yield Told(f"large: {customers:,} customers, {customers * 2:,} entries seeded", perf_counter() - start, "s")
        yield from _sizes(large)
        synced()
        yield from _changes(large, small, "no fsync")
        yield from _asked(large, small)
        yield from _pages(large)
        yield from _verified(large)
        for each in large, small:
            each.service.store.close()
        yield from _durable(server, large, small)


def _sizes(seeded: Seeded) -> Iterator[Told]:
    """Bytes a customer, and bytes an entry for what is kept for each entry."""
    tables = [f"custstatus_{table}" for table in TABLES]
    with psycopg.connect(seeded.address) as connection:
        for table, rows, indexes in connection.execute(SIZES, (tables,)):
            count, each = (
                (seeded.customers * 2, "entry") if table == "custstatus_entry" else (seeded.customers, "customer")
            )
            yield Told(f"large: {table}, its rows", rows / count, f"bytes/{each}")
            yield Told(f"large: {table}, its indexes", indexes / count, f"bytes/{each}")
        for index, size in connection.execute(INDEXES, (tables, scaled(1_000_000, 0))):
            yield Told(f"large: index {index}", size / seeded.customers, "bytes/customer")
        for (size,) in connection.execute("SELECT pg_database_size(current_database())"):
            yield Told("large: the database", size / 1e9, "GB")


def _changes(large: Seeded, small: Seeded, how: str) -> Iterator[object]:
    title = f"large: change, {large.customers:,} / {small.customers:,} customers, {how} (time)"
    yield Figure(title, interleaved(large.change, small.change, rounds=15), 1.5, at_least=False)
    yield Told(f"large: changes at {large.customers:,}, {how}", scaled(*CHANGES) / _took(large.change), "/s")
    yield Told(f"large: changes at {small.customers:,}, {how}", scaled(*CHANGES) / _took(small.change), "/s")


def _durable(server: OwnServer, large: Seeded, small: Seeded) -> Iterator[object]:
    """Changes again on a server that waits for the disk."""
    server.stop()
    server.start(fsync="on")
    synced()
    for each in large, small:
        each.open()
    yield from _changes(large, small, "disk, synchronous_commit on")
    for each in large, small:
        each.service.store.close()


def _asked(large: Seeded, small: Seeded) -> Iterator[object]:
    ratio = interleaved(large.decide, small.decide)
    yield Told(f"large: decision, {large.customers:,} / {small.customers:,} customers (time)", ratio, "x")
    yield Told("large: decisions", scaled(*CHANGES) / _took(large.decide), "/s")
    yield Told("large: counts", _took(lambda: large.service.counts(CUSTOMER_STATUS), 3), "s")


def _pages(seeded: Seeded) -> Iterator[object]:
    """Pages of 50 (`PAGE`): the first, and such as begin at places all over the second half."""
    service, status, limit = seeded.service, CUSTOMER_STATUS, scaled(*PAGE)
    half = seeded.customers // 2
    # The last tenth is left over for the pages themselves.
    places = [half + place * STRIDE % (half - half // 10) for place in range(10)]
    customers = [name(place) for place in places]
    entries = [_cursor(seeded, customer) for customer in customers]

    def pages(title: str, page: Callable[[str | None], Any], after: list[str]) -> Iterator[object]:
        def first() -> None:
            for _ in after:
                assert len(page(None)) == limit

        def deep() -> None:
            for place in after:
                assert len(page(place)) == limit

        # Pages that take far longer than they should are not asked for as often.
        ratio = interleaved(deep, first, rounds=9 if _took(deep, 1) < 1 else 3)
        yield Figure(f"large: {title}, deep page / page 1 (time)", ratio, 1.5, at_least=False)
        yield Told(f"large: {title}, page 1", _took(first, 3) / len(after) * 1e3, "ms")

    yield from pages("list of a status", lambda n: service.customers(status, ACTIVE, limit=limit, after=n), customers)
    yield from pages(
        "list of a rare status", lambda n: service.customers(status, SUSPENDED, limit=limit, after=n), customers
    )
    yield from pages(
        "list of a label", lambda n: service.customers(status, label=Label.TRENDING, limit=limit, after=n), customers
    )
    yield from pages("list of all open", lambda n: service.customers(status, limit=limit, after=n), customers)
    yield from pages("list of the inactive", lambda n: service.inactive(PERIOD, limit=limit, after=n), customers)
    yield from pages("list of the reportable", lambda n: service.reportable(limit=limit, after=n), customers)
    yield from pages("history of all", lambda n: service.history(limit=limit, after=n), entries)
    yield from pages(
        "accounts for verifying",
        lambda n: service.store.page(Accounts(org="acme", limit=limit, after=n)).items,
        customers,
    )


def _cursor(seeded: Seeded, customer: str) -> str:
    """The `next` of a page of the whole history that ends with a customer's last entry."""
    place = ", ".join(SQL.engine.place)
    question: Any = f"SELECT {place} FROM custstatus_entry e WHERE org = 'acme' AND customer = %s ORDER BY version DESC"
    with psycopg.connect(seeded.address) as connection:
        numbers = connection.execute(question, (customer,)).fetchone()
    assert numbers is not None
    return ".".join(map(str, numbers))


class EnoughError(Exception):
    """Verifying goes no further."""


def _verified(seeded: Seeded) -> Iterator[Told]:
    """How fast accounts are verified: the first of them only, for all would take hours."""
    wanted, start, done = min(20_000, seeded.customers), perf_counter(), 0

    def progress(accounts: int) -> None:
        nonlocal done
        done = accounts
        if accounts >= wanted:
            raise EnoughError

    try:
        seeded.service.verify(progress=progress)
    except EnoughError:
        yield Told("large: accounts verified", done / (perf_counter() - start), "/s")


def _took(what: Callable[[], object], times: int = 5) -> float:
    """Seconds, the median of some."""
    taken = []
    for _ in range(scaled(times, 1)):
        start = perf_counter()
        what()
        taken.append(perf_counter() - start)
    return median(taken)
