"""
One change and one decision on PostgreSQL: against the same statement by hand, the plainest one, a bare read, and an ORM.

The statements of either are counted in the server's own log.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import psycopg
from binaries import find_binaries
from psycopg.conninfo import make_conninfo
from servers import OwnServer, Server, database
from sqlalchemy import create_engine

from benchmarks.measure import Figure, Given, interleaved, scaled
from benchmarks.organisation import ACME, Label, desk_on
from benchmarks.orm import OrmPeer
from custstatus import Action, Actor, Channel, OrgConfig, StatusLabel
from custstatus.adapters.postgres import AsyncPostgresStore, PostgresStore
from custstatus.adapters.postgres.connecting import settings
from custstatus.adapters.postgres.cursors import AsyncRawCursor, RawCursor
from custstatus.adapters.postgres.operations import PostgresOperations
from custstatus.adapters.postgres.statements import SQL
from custstatus.aio import AsyncStatusService
from custstatus.bounds import micros
from custstatus.gate.prepare import prepare
from custstatus.gate.request import Operation, Request

__all__ = ["DISK", "crowd", "figures", "lent", "running", "started", "statements"]

DISK = Path("/var/tmp") if Path("/var/tmp").is_dir() else Path(gettempdir())
"""Where data is on the disk: what stays there when the machine is started anew is not in memory."""
CHANGES = 200, 3
"""How many changes a round; and in a quick run."""
PLAIN = """
WITH moved AS (
    UPDATE custstatus_standing SET status = $2, label = $3, since = $4, status_since = $4, entry = entry + 1
    WHERE org = 'acme' AND customer = $1 AND lifecycle = 'customer_status' AND status = ANY ($5::text[])
    RETURNING org, customer, lifecycle, status, label, entry)
INSERT INTO custstatus_entry (org, customer, version, kind, lifecycle, to_status, to_label, effective_at, recorded_at, actor,
    actor_kind, requested_by, channel, config, ordinal, closes, xid)
SELECT org, customer, entry, 'moved', lifecycle, status, label, $4, $4, $6, 'person', 'staff', 'member_care', $7, 0, 0,
    pg_current_xact_id()::text::bigint
FROM moved RETURNING version
"""
"""The plainest statement over the same tables: move the row, append the entry; no lock, no key, no reason, no way back."""

_lent: list[Callable[[], Server]] = []


@contextmanager
def started(place: Path | None = None, **settings: object) -> Iterator[OwnServer]:
    """A server of our own, its data in memory, or in a folder where not in a quick run."""
    server = OwnServer.fresh(find_binaries(), place=scaled(place, None), **settings)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def running(place: Path | None = None, **settings: object) -> Iterator[OwnServer]:
    """Such a server, for those who neither stop it nor change its settings: the one that is lent, where there is one."""
    server = _lent[-1]() if _lent else None
    if isinstance(server, OwnServer):  # its log can be read, and its binaries be used
        yield server
    else:
        with started(place, **settings) as own:
            yield own


@contextmanager
def lent(server: Callable[[], Server]) -> Iterator[None]:
    """Within, whoever can shares a server that runs already, whatever its settings: it is asked for when it is needed."""
    _lent.append(server)
    try:
        yield
    finally:
        _lent.pop()


def figures(given: Given) -> Iterator[Figure]:
    """Each figure as it is measured."""
    with running() as server, database(server) as address:
        yield from _figures(address)
        yield from _counted(server, address)
    with running(DISK, fsync="on", synchronous_commit="on") as server, database(server) as address:
        yield _on_disk(address)


def crowd(address: str, whom: str) -> None:
    """So many customers more, copied from one, and the tables analyzed: a handful of rows is planned as no real table is."""
    customers = scaled(10_000, 10)
    with psycopg.connect(address, autocommit=True) as connection:
        for table in ("account", "standing", "entry", "last_activity"):
            question = (
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attidentity = ''"
            )
            columns = [name for (name,) in connection.execute(question, (f"custstatus_{table}",))]
            values = ", ".join("'x-' || n" if name == "customer" else name for name in columns)
            connection.execute(
                f"INSERT INTO custstatus_{table} ({', '.join(columns)}) SELECT {values} "
                f"FROM custstatus_{table}, generate_series(1, {customers}) AS n WHERE customer = %s".encode(),
                (whom,),
            )
        connection.execute("VACUUM ANALYZE")


def _figures(address: str) -> Iterator[Figure]:
    store = PostgresStore(address)
    service, desk = desk_on(store)
    for customer in ("c-1", "c-2", "c-3", "c-4", *(f"a-{number}" for number in range(8))):
        desk.register(customer)
    crowd(address, "c-1")
    labels, codes = (cycle([Label.TRENDING, Label.LOST_PHONE, Label.REGULAR]) for _ in range(2))

    def changes() -> None:
        for _ in range(scaled(*CHANGES)):
            desk.change("c-1", next(labels), reason="for the measure")

    def plain_changes() -> None:
        for _ in range(scaled(*CHANGES)):
            desk.change("c-4", next(codes), reason_code="measure")

    hand = ByHand(address)
    ratio = 1 / interleaved(changes, hand.own)
    yield Figure("postgres: change / own statement by hand (rate)", ratio, 0.85, at_least=True)
    # With a code, as the plainest keeps no text either.
    ratio = 1 / interleaved(plain_changes, hand.plain)
    yield Figure("postgres: change / plainest CTE (rate)", ratio, 0.6, at_least=True)
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(address))
    with closing(OrmPeer(engine, scaled(*CHANGES))) as orm:
        yield Figure("postgres: change / ORM (rate)", 1 / interleaved(changes, orm.run, rounds=5), 6, at_least=True)

    def decisions() -> None:
        for _ in range(scaled(*CHANGES)):
            service.decide("c-1", Action.POINTS_REDEMPTION)

    yield Figure("postgres: decision / bare read (rate)", 1 / interleaved(decisions, hand.read), 0.75, at_least=True)
    hand.close()
    store.close()
    yield Figure("postgres: async changes / raw async (rate)", _awaited(address), 0.85, at_least=True)


def _on_disk(address: str) -> Figure:
    store = PostgresStore(address)
    _, desk = desk_on(store)
    for customer in ("c-1", "c-2"):
        desk.register(customer)
    crowd(address, "c-1")
    labels, hand = cycle([Label.TRENDING, Label.LOST_PHONE, Label.REGULAR]), ByHand(address)

    def changes() -> None:
        for _ in range(scaled(*CHANGES)):
            desk.change("c-1", next(labels), reason="for the measure")

    ratio = interleaved(changes, hand.own, rounds=15)
    hand.close()
    store.close()
    return Figure("postgres: change / own statement by hand, disk (rate)", 1 / ratio, 0.95, at_least=True)


def _counted(server: OwnServer, address: str) -> Iterator[Figure]:
    """How many statements a change and a decision are, by what the server says it was asked."""
    store = PostgresStore(make_conninfo(address, options="-c log_statement=all"), connections=1)
    service, desk = desk_on(store)
    desk.register("counted")
    log = server.folder / "log"

    def asked(what: Callable[[], object]) -> int:
        before = log.stat().st_size
        what()
        with log.open("rb") as said:
            said.seek(before)
            count = len(re.findall(rb"LOG:  (?:execute|statement)", said.read()))
        assert count, "the server's log says nothing"
        return count

    changed = asked(lambda: desk.change("counted", Label.TRENDING, reason="for the measure", key="counted"))
    yield Figure("postgres: statements a change", changed, 1, at_least=False)
    decided = asked(lambda: service.decide("counted", Action.POINTS_REDEMPTION))
    yield Figure("postgres: statements a decision", decided, 1, at_least=False)
    store.close()


class ByHand:
    """A specialist's connection, prepared statements and the same settings as ours."""

    def __init__(self, address: str) -> None:
        connection = psycopg.connect(address, autocommit=True, prepare_threshold=0)
        connection.execute(settings(10), prepare=False)
        self.cursor = RawCursor(connection)
        self.statements = cycle(statements("c-2"))
        self.places = cycle([("active", "Trending"), ("suspended", "Lost phone"), ("active", "Regular")])

    def close(self) -> None:
        self.cursor.connection.close()

    def own(self) -> None:
        """The store's own statement, its parameters made beforehand."""
        for _ in range(scaled(*CHANGES)):
            self.cursor.execute(*next(self.statements))
            assert self.cursor.fetchall()

    def plain(self) -> None:
        for _ in range(scaled(*CHANGES)):
            now, (status, label) = micros(datetime.now(UTC)), next(self.places)
            self.cursor.execute(PLAIN, ("c-3", status, label, now, ["active", "suspended"], "agent-7", ACME.hash))
            assert self.cursor.fetchall()

    def read(self) -> None:
        for _ in range(scaled(*CHANGES)):
            self.cursor.execute("SELECT * FROM custstatus_account WHERE org = $1 AND customer = $2", ("acme", "c-1"))
            assert self.cursor.fetchall()


def statements(
    customer: str,
    labels: Iterable[StatusLabel] = (Label.TRENDING, Label.LOST_PHONE, Label.REGULAR),
    config: OrgConfig[Any] = ACME,
) -> list[tuple[str, tuple[Any, ...]]]:
    """The statement that a change of the service is, with its parameters, for changes in a circle."""
    made = []
    for label in labels:
        actor = Actor("agent-7")
        request = Request(Operation.CHANGE, customer, (label,), actor, Channel.MEMBER_CARE, reason="for the measure")
        prepared = prepare(request, config, datetime.now(UTC))
        assert prepared.single is not None
        # What the operation asks for first is the whole of it.
        asked: Any = next(PostgresOperations(SQL).apply(prepared, prepared.single))
        statement, parameters = asked
        made.append((statement.text, statement.arrange(parameters)))
    return made


def _awaited(address: str) -> float:
    """Eight customers changed at once on eight connections of one loop: ours against raw statements."""
    labels = [cycle([Label.TRENDING, Label.LOST_PHONE, Label.REGULAR]) for _ in range(8)]
    texts = [cycle(statements(f"a-{number}")) for number in range(8)]

    async def connected() -> AsyncRawCursor:
        connection = await psycopg.AsyncConnection.connect(address, autocommit=True, prepare_threshold=0)
        await connection.execute(settings(10), prepare=False)
        return AsyncRawCursor(connection)

    with asyncio.Runner() as runner:
        store = runner.run(AsyncPostgresStore.open(address, connections=8))
        service = runner.run(AsyncStatusService.open(store, ACME))
        desk = service.acting(Actor("agent-7"), Channel.MEMBER_CARE)
        cursors = [runner.run(connected()) for _ in range(8)]

        async def ours(number: int) -> None:
            for _ in range(scaled(30, 3)):
                await desk.change(f"a-{number}", next(labels[number]), reason="for the measure")

        async def raw(number: int) -> None:
            for _ in range(scaled(30, 3)):
                await cursors[number].execute(*next(texts[number]))
                assert await cursors[number].fetchall()

        async def all_of(one: Callable[[int], Any]) -> None:
            await asyncio.gather(*map(one, range(8)))

        ratio = 1 / interleaved(lambda: runner.run(all_of(ours)), lambda: runner.run(all_of(raw)))
        for cursor in cursors:
            runner.run(cursor.connection.close())
        runner.run(store.close())
    return ratio
