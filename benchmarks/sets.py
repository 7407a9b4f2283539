"""
Many customers at once on PostgreSQL: an import and a sweep, against what a specialist writes by hand over the same tables.

Each measure has a database of its own, copied from one that was seeded; the rounds are taken in turn.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any

import psycopg
from attrs import evolve
from organisation import finished
from servers import Server, database

from benchmarks.large import name, seed
from benchmarks.measure import Figure, Given, scaled
from benchmarks.organisation import ACME, Label
from benchmarks.postgres import running
from custstatus import CUSTOMER_STATUS, Actor, Applied, Channel, StatusService
from custstatus.adapters import CustomerIds, PreparedSet, SetRow
from custstatus.adapters._made.awaited import Awaited
from custstatus.adapters.postgres import PostgresStore
from custstatus.adapters.postgres.connecting import settings
from custstatus.adapters.postgres.cursors import RawCursor
from custstatus.adapters.postgres.operations import PostgresOperations
from custstatus.adapters.postgres.statements import SQL
from custstatus.adapters.queries import MOST_IDS
from custstatus.bounds import micros
from custstatus.gate.loop import make
from custstatus.gate.prepare import prepare
from custstatus.gate.request import Operation, Request
from custstatus.operations.record import SWEEPER
from custstatus.operations.sweep import CHUNK
from custstatus.tables import CUSTOMER_STATUS_IMPORT, rows_of_csv

__all__ = ["figures"]

ROUNDS = 3
MOST = 1_000_000
"""How many customers are measured at most."""
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min", "synchronous_commit": "on"}
ONE_BY_ONE = 2_000
"""How many customers are changed one at a time."""

INCOMING = 'CREATE TEMPORARY TABLE incoming (customer text COLLATE "C" PRIMARY KEY, label text) ON COMMIT DROP'
NUMBER = "pg_current_xact_id()::text::bigint"
UPSERT = """
INSERT INTO custstatus_standing AS s (org, customer, lifecycle, status, label, since, status_since, actor, actor_kind, entry)
SELECT 'acme', i.customer, 'customer_status', 'active', i.label, $1, $1, 'agent-7', 'person', a.version + 1
FROM incoming i JOIN custstatus_account a ON a.org = 'acme' AND a.customer = i.customer
ON CONFLICT (org, customer, lifecycle) DO UPDATE SET label = excluded.label, since = excluded.since, entry = excluded.entry,
    actor = excluded.actor, actor_kind = excluded.actor_kind
WHERE s.status = 'active' AND s.label IS DISTINCT FROM excluded.label
"""
HISTORY = f"""
INSERT INTO custstatus_entry (org, customer, version, kind, lifecycle, from_status, to_status, to_label, effective_at,
    recorded_at, actor, actor_kind, requested_by, channel, config, ordinal, closes, run, xid)
SELECT 'acme', i.customer, s.entry, 'moved', 'customer_status', 'active', 'active', s.label, $1,
    $1, 'agent-7', 'person', 'staff', 'import', $2, 0, 0, 'by-hand', {NUMBER}
FROM incoming i JOIN custstatus_standing s ON s.org = 'acme' AND s.customer = i.customer AND s.lifecycle = 'customer_status'
WHERE s.since = $1
"""
VERSIONS = f"""
UPDATE custstatus_account a SET version = s.entry, xid = {NUMBER} FROM incoming i JOIN custstatus_standing s
    ON s.org = 'acme' AND s.customer = i.customer AND s.lifecycle = 'customer_status'
WHERE a.org = 'acme' AND a.customer = i.customer AND s.since = $1
"""
AT_ONCE = f"""
WITH cur AS MATERIALIZED (
    SELECT s.customer, s.label, a.version FROM custstatus_standing s
    JOIN custstatus_account a ON a.org = s.org AND a.customer = s.customer
    LEFT JOIN custstatus_last_activity l ON l.org = s.org AND l.customer = s.customer
    WHERE s.org = 'acme' AND s.lifecycle = 'customer_status' AND s.status = 'active' AND s.label <> 'Dormant'
        AND coalesce(l.at, a.registered_at) < $2),
h AS (
    INSERT INTO custstatus_entry (org, customer, version, kind, lifecycle, from_status, from_label, to_status, to_label,
        effective_at, recorded_at, actor, actor_kind, requested_by, channel, config, reason_code, ordinal, closes, run, xid,
        return_to)
    SELECT 'acme', customer, version + 1, 'moved', 'customer_status', 'active', label, 'active', 'Dormant',
        $1, $1, 'custstatus', 'system', 'system', 'sweep', $3, 'idle', 0, 0, 'by-hand', {NUMBER}, version FROM cur
    RETURNING customer, version, xid, return_to),
s AS (
    UPDATE custstatus_standing s SET label = 'Dormant', since = $1, entry = h.version, return_to = h.return_to,
        actor = 'custstatus', actor_kind = 'system'
    FROM h WHERE s.org = 'acme' AND s.customer = h.customer AND s.lifecycle = 'customer_status'),
a AS (
    UPDATE custstatus_account a SET version = h.version, xid = h.xid FROM h WHERE a.org = 'acme' AND a.customer = h.customer)
SELECT count(*) FROM h
"""


def figures(given: Given) -> Iterator[Figure]:
    """The figures of an import and a sweep among many customers, a tenth of them inactive."""
    customers = scaled(min(given.customers, MOST), 1_000)

    def fill(address: str) -> None:
        seed(address, customers).service.store.close()

    lines = ["User ID,Status Label\n"]
    # Those who are suspended from the first are left out: what they need is a transition of another kind.
    lines += [f"{name(n)},{'Regular' if n % 10 == 5 else 'Trending'}\n" for n in range(customers) if n % 10 != 3]
    size = f"{customers:,} customers"
    with running(**SETTINGS) as server:
        imports = _took(server, fill, {"ours": lambda at: _import(at, lines), "hand": lambda at: _copied(at, lines)})
        yield Figure(
            f"postgres: import of {len(lines) - 1:,} statuses / COPY, upsert and history by hand (rate)",
            imports["hand"] / imports["ours"],
            0.6,
            at_least=True,
        )
        sweeps = _took(
            server, fill, {"ours": _sweep, "chunks": _chunks, "at once": _at_once, "one by one": _one_by_one}
        )
        for peer, target in (("chunks", 0.8), ("at once", 0.5), ("one by one", 10)):
            title = f"postgres: sweep of {size}, a tenth inactive / the same {peer} by hand (rate)"
            yield Figure(
                title.replace("one by one by hand", "one by one"), sweeps[peer] / sweeps["ours"], target, at_least=True
            )


def _took(server: Server, fill: Callable[[str], None], ways: dict[str, Callable[[str], float]]) -> dict[str, float]:
    """Seconds for each way, the median over the rounds."""
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(scaled(ROUNDS, 1)):
        for way, measure in ways.items():
            with database(server, fill) as address:
                times[way].append(measure(address))
    return {way: median(took) for way, took in times.items()}


@contextmanager
def _service(address: str) -> Iterator[StatusService[Label]]:
    with PostgresStore(address, patience=60) as store:
        yield StatusService(store, ACME)


@contextmanager
def _cursor(address: str) -> Iterator[RawCursor]:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(settings(60), prepare=False)
        yield RawCursor(connection)


def _import(address: str, lines: list[str]) -> float:
    with _service(address) as service:
        desk = service.acting(Actor("agent-7"), Channel.IMPORT)
        start = perf_counter()
        report = desk.import_statuses(rows_of_csv(lines, CUSTOMER_STATUS_IMPORT), run="measured")
        took = perf_counter() - start
    assert (report.moved, report.refused) == (len(lines) - 1, ())
    return took


def _copied(address: str, lines: list[str]) -> float:
    with _cursor(address) as cursor:
        start = perf_counter()
        rows = csv.reader(lines)
        next(rows)
        with cursor.connection.transaction():
            cursor.execute(INCOMING)
            with cursor.copy("COPY incoming FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute("ANALYZE incoming")
            now = micros(datetime.now(UTC))
            cursor.execute(UPSERT, (now,))
            moved = cursor.rowcount
            cursor.execute(HISTORY, (now, ACME.hash))
            cursor.execute(VERSIONS, (now,))
        took = perf_counter() - start
    assert moved == len(lines) - 1
    return took


def _sweep(address: str) -> float:
    with _service(address) as service:
        start = perf_counter()
        sweep = service.sweep(run="measured")
        took = perf_counter() - start
    assert not sweep.refused
    return took


def _chunks(address: str) -> float:
    """The store's own two statements, with nothing made of their rows."""
    now = datetime.now(UTC)
    (rule,) = ACME.idle
    query = CustomerIds(
        org="acme",
        lifecycle="customer_status",
        statuses=frozenset(["active"]),
        places=frozenset(place.text for place in ACME.idle_from(rule) if isinstance(place, Label)),
        quiet_since=now - rule.after,
        limit=MOST_IDS,
    )
    prepared = prepare(_idle(name(0), now), ACME, now)
    assert prepared.single is not None
    operations = PostgresOperations(SQL)
    moved, more = 0, True
    with _cursor(address) as cursor:
        start = perf_counter()
        while more:
            page: Any = next(operations.page(query))
            ids = [customer for (customer,) in cursor.execute(page[0].text, page[1]).fetchall()]
            more = len(ids) > MOST_IDS
            ids = ids[:MOST_IDS]
            for begin in range(0, len(ids), CHUNK):
                several = PreparedSet(prepared, tuple(map(SetRow, ids[begin : begin + CHUNK])))
                asked: Any = next(operations.apply_set(several, prepared.single))
                moved += len(cursor.execute(asked[0].text, asked[1], prepare=False).fetchall())
            query = evolve(query, after=ids[-1])
        took = perf_counter() - start
    assert moved
    return took


def _at_once(address: str) -> float:
    now = datetime.now(UTC)
    with _cursor(address) as cursor:
        start = perf_counter()
        cursor.execute(AT_ONCE, (micros(now), micros(now - ACME.idle[0].after), ACME.hash))
        return perf_counter() - start


def _one_by_one(address: str) -> float:
    """What a change at a time would take for all, from the first so many of them."""
    with _service(address) as service:
        idle = service.inactive(ACME.idle[0].after, limit=scaled(ONE_BY_ONE, 3))
        everybody = sum(each.accounts for each in service.counts(CUSTOMER_STATUS)) // 10
        store = Awaited(service.store)
        start = perf_counter()
        for listed in idle:
            now = datetime.now(UTC)
            assert isinstance(finished(make(store, _idle(listed.customer, now), ACME, now)), Applied)
        return (perf_counter() - start) / len(idle) * everybody


def _idle(customer: str, now: datetime) -> Request:
    """What a sweep asks for one customer."""
    (rule,) = ACME.idle
    return Request(
        Operation.CHANGE,
        customer,
        (rule.to,),
        SWEEPER,
        Channel.SWEEP,
        reason="no activity for 180 days",
        reason_code="idle",
        run="one by one",
        only_from=ACME.idle_from(rule),
        quiet_since=now - rule.after,
    )
