"""One change and one decision on PostgreSQL: against the same statement by hand, the plainest one, a bare read, and an ORM."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import psycopg
from binaries import find_binaries
from psycopg.rows import tuple_row
from servers import OwnServer, database
from sqlalchemy import create_engine

from benchmarks.measure import Figure, interleaved
from benchmarks.organisation import ACME, Label, desk_on
from benchmarks.orm import OrmPeer
from custstatus import Action, Actor, Channel
from custstatus.adapters.cursors import micros
from custstatus.adapters.postgres import AsyncPostgresStore, PostgresStore
from custstatus.adapters.postgres.connecting import AsyncRawCursor, RawCursor, settings
from custstatus.adapters.postgres.operations import PostgresOperations
from custstatus.adapters.postgres.statements import SQL
from custstatus.aio import AsyncStatusService
from custstatus.changes import Operation, Request
from custstatus.guarding import guard

__all__ = ["figures"]

CHANGES = 200
"""How many changes a round."""
PLAIN = """
WITH moved AS (
    UPDATE custstatus_standing SET status = $2, label = $3, since = $4, status_since = $4, entry = entry + 1
    WHERE org = 'acme' AND customer = $1 AND lifecycle = 'customer_status' AND status = ANY ($5::text[])
    RETURNING org, customer, lifecycle, status, label, entry)
INSERT INTO custstatus_entry (org, customer, version, kind, lifecycle, to_status, to_label, effective_at, recorded_at, actor,
    actor_kind, wish, channel, config, ordinal, closes)
SELECT org, customer, entry, 'moved', lifecycle, status, label, $4, $4, $6, 'person', 'staff', 'member_care', $7, 0, 0
FROM moved RETURNING version
"""
"""The plainest statement over the same tables: move the row, append the entry; no lock, no key, no reason, no way back."""


def figures() -> Iterator[Figure]:
    """Each figure as it is measured, on a server of its own in memory."""
    server = OwnServer.fresh(find_binaries())
    try:
        with database(server) as address:
            yield from _figures(address)
    finally:
        server.close()


def _figures(address: str) -> Iterator[Figure]:
    store = PostgresStore(address)
    service, desk = desk_on(store)
    for customer in ("c-1", "c-2", "c-3", *(f"a-{number}" for number in range(8))):
        desk.register(customer)
    labels = cycle([Label.TRENDING, Label.LOST_PHONE, Label.REGULAR])

    def changes() -> None:
        for _ in range(CHANGES):
            desk.change("c-1", next(labels), reason="for the measure")

    hand = ByHand(address)
    yield Figure(
        "postgres: change / own statement by hand (rate)", 1 / interleaved(changes, hand.own), 0.85, at_least=True
    )
    yield Figure("postgres: change / plainest CTE (rate)", 1 / interleaved(changes, hand.plain), 0.6, at_least=True)
    orm = OrmPeer(create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(address)), CHANGES)
    yield Figure("postgres: change / ORM (rate)", 1 / interleaved(changes, orm.run, rounds=5), 6, at_least=True)

    def decisions() -> None:
        for _ in range(CHANGES):
            service.decide("c-1", Action.POINTS_REDEMPTION)

    yield Figure("postgres: decision / bare read (rate)", 1 / interleaved(decisions, hand.read), 0.75, at_least=True)
    store.close()
    yield Figure("postgres: async changes / raw async (rate)", _awaited(address), 0.85, at_least=True)


class ByHand:
    """A specialist's connection, prepared statements and the same settings as ours."""

    def __init__(self, address: str) -> None:
        connection = psycopg.connect(address, autocommit=True, prepare_threshold=0)
        connection.execute(settings(10), prepare=False)
        self.cursor = RawCursor(connection, row_factory=tuple_row)
        self.statements = cycle(statements("c-2"))
        self.places = cycle([("active", "Trending"), ("suspended", "Lost phone"), ("active", "Regular")])

    def own(self) -> None:
        """The store's own statement, its parameters made beforehand."""
        for _ in range(CHANGES):
            self.cursor.execute(*next(self.statements))
            assert self.cursor.fetchall()

    def plain(self) -> None:
        for _ in range(CHANGES):
            now, (status, label) = micros(datetime.now(UTC)), next(self.places)
            self.cursor.execute(PLAIN, ("c-3", status, label, now, ["active", "suspended"], "agent-7", ACME.hash))
            assert self.cursor.fetchall()

    def read(self) -> None:
        for _ in range(CHANGES):
            self.cursor.execute("SELECT * FROM custstatus_account WHERE org = $1 AND customer = $2", ("acme", "c-1"))
            assert self.cursor.fetchall()


def statements(customer: str) -> list[tuple[Any, tuple[Any, ...]]]:
    """The statement that a change of the service is, with its parameters, for three changes in a circle."""
    made = []
    for label in (Label.TRENDING, Label.LOST_PHONE, Label.REGULAR):
        actor = Actor("agent-7")
        request = Request(Operation.CHANGE, customer, (label,), actor, Channel.MEMBER_CARE, reason="for the measure")
        guarded = guard(request, ACME, datetime.now(UTC))
        assert guarded.single is not None
        statement, parameters = next(PostgresOperations(SQL).apply(guarded, guarded.single))
        made.append((statement.text, parameters))
    return made


def _awaited(address: str) -> float:
    """Eight customers changed at once on eight connections of one loop: ours against raw statements."""
    loop = asyncio.new_event_loop()

    async def prepared() -> tuple[Callable[[], Any], Callable[[], Any]]:
        store = await AsyncPostgresStore.open(address, connections=8)
        service = await AsyncStatusService.open(store, ACME)
        desk = service.acting(Actor("agent-7"), Channel.MEMBER_CARE)
        cursors = []
        for _ in range(8):
            connection = await psycopg.AsyncConnection.connect(address, autocommit=True, prepare_threshold=0)
            await connection.execute(settings(10), prepare=False)
            cursors.append(AsyncRawCursor(connection, row_factory=tuple_row))
        labels = [cycle([Label.TRENDING, Label.LOST_PHONE, Label.REGULAR]) for _ in range(8)]
        texts = [cycle(statements(f"a-{number}")) for number in range(8)]

        async def ours(number: int) -> None:
            for _ in range(30):
                await desk.change(f"a-{number}", next(labels[number]), reason="for the measure")

        async def raw(number: int) -> None:
            for _ in range(30):
                await cursors[number].execute(*next(texts[number]))
                assert await cursors[number].fetchall()

        async def all_of(one: Callable[[int], Any]) -> None:
            await asyncio.gather(*map(one, range(8)))

        return lambda: all_of(ours), lambda: all_of(raw)

    ours, raw = loop.run_until_complete(prepared())
    return 1 / interleaved(lambda: loop.run_until_complete(ours()), lambda: loop.run_until_complete(raw()))
