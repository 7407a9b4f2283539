"""
Slow writers and those who follow the feed beside them: who has what, and what is wrong with it.

A writer takes its transaction's number first and writes late. What it waits for is that the readers have asked again, which no
writer can be in the way of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from random import Random
from threading import Condition, Thread
from typing import Any

import psycopg
from attrs import define, field
from organisation import ACME, AGENT, Label

from custstatus import CUSTOMER_STATUS, CustomerStatus, Entry, RefusedError, StatusService, StoreError
from custstatus.adapters import Feed
from custstatus.adapters.postgres import AsyncPostgresStore, PostgresStore

Seen = list[tuple[str, int]]
"""Customers and versions, in the order in which they were given."""

PATIENCE = 120
"""Seconds after which somebody who waits is given up."""

HOT = [f"hot-{number}" for number in range(3)]


@define
class Polls:
    """How often anybody has asked the feed, for those who wait for it."""

    count: int = 0
    told: Condition = field(factory=Condition)

    def one_more(self) -> None:
        """Somebody has asked."""
        with self.told:
            self.count += 1
            self.told.notify_all()

    def wait_for(self, more: int) -> None:
        """Wait until it was asked so often from now on."""
        with self.told:
            enough = self.count + more
            assert self.told.wait_for(lambda: self.count >= enough, PATIENCE), "nobody reads"


@define
class Run:
    """Writers and readers of one database, and what they came to."""

    address: str
    changes: int
    """How many entries there are to be at least."""
    polls: Polls = field(factory=Polls)
    written: Seen = field(factory=list)
    """What was acknowledged to be committed."""
    undone: int = 0
    """Transactions that ended otherwise."""
    read: dict[str, Seen] = field(factory=dict)
    wrong: list[str] = field(factory=list)
    done: bool = False

    def write(self, number: int) -> None:
        """Write in transactions of a host's own, several customers each, in any order, until there is enough."""
        random = Random(number)
        with (
            PostgresStore(self.address, connections=1) as store,
            psycopg.connect(self.address, options="-c deadlock_timeout=50ms -c lock_timeout=60s") as host,
        ):
            service = StatusService(store, ACME)
            own = [f"own-{number}-{turn}" for turn in range(4)]
            while len(self.written) < self.changes:
                try:
                    seen = self.transact(service, host, random, [*HOT, *HOT, *own])
                except StoreError:  # two who wait for each other: one of them is told, and undone
                    host.rollback()
                    self.undone += 1
                    continue
                if random.random() < 0.15:
                    host.rollback()
                    self.undone += 1
                else:
                    host.commit()
                    self.written += seen

    def transact(
        self, service: StatusService[Label], host: psycopg.Connection[Any], random: Random, customers: list[str]
    ) -> Seen:
        """One transaction, not ended yet; what it would have written."""
        host.execute("SELECT pg_current_xact_id()")
        seen: Seen = []
        desk = service.inside(host).acting(AGENT)
        for customer in random.sample(customers, random.randint(1, 5)):
            if random.random() < 0.5:
                self.polls.wait_for(random.randint(1, 3))
            try:
                standing = service.inside(host).standing(customer, CUSTOMER_STATUS)
                suspended = standing is not None and standing.status is CustomerStatus.SUSPENDED
                label = Label.REGULAR if suspended else Label.LOST_PHONE
                made = desk.change(customer, label, reason="slowly")
            except RefusedError:
                continue  # another was faster
            seen += [(entry.customer, entry.version) for entry in made.entries]
        return seen

    def read_in(self, name: str, read: Callable[[Random, Seen], None]) -> None:
        """Read in a manner of its own, and keep what was read."""
        seen = self.read[name] = []
        read(Random(name), seen)

    def by_serial(self, random: Random, seen: Seen) -> None:
        """The control: read what has a greater serial number than the last one."""
        after = 0
        with psycopg.connect(self.address, autocommit=True) as connection:
            while True:
                last = self.done
                found = connection.execute(
                    "SELECT id, customer, version FROM custstatus_entry WHERE id > %s ORDER BY id LIMIT %s",
                    (after, random.randint(1, 20)),
                ).fetchall()
                self.polls.one_more()
                if found:
                    after = found[-1][0]
                    seen += [(customer, version) for _, customer, version in found]
                elif last:
                    return

    def by_feed(self, random: Random, seen: Seen) -> None:
        """Follow the feed, and keep the position at hand."""
        after: str | None = None
        with PostgresStore(self.address, connections=1) as store:
            while True:
                last = self.done
                page = store.feed(Feed(org=ACME.org, after=after, limit=random.randint(1, 20)))
                self.polls.one_more()
                seen += keys(page)
                after = page.position
                if last and not page.entries and store.lag(ACME.org, after).held == 0:
                    return

    def by_own_table(self, random: Random, seen: Seen) -> None:
        """Take over pages into a table of one's own, with the position in the same transaction, which is often undone."""
        with PostgresStore(self.address, connections=1) as store, psycopg.connect(self.address) as host:
            service = StatusService(store, ACME)
            while True:
                last = self.done
                taken = take_over(service, host, "own table", random.randint(1, 20))
                self.polls.one_more()
                if random.random() < 0.3:
                    host.rollback()
                    continue
                host.commit()
                if last and not taken and service.lag(service.position("own table")).held == 0:
                    break
            seen += host.execute("SELECT customer, version FROM taken ORDER BY place").fetchall()

    def awaited(self, random: Random, seen: Seen) -> None:
        """Follow the feed on an event loop, with a position kept in the database."""

        async def follow() -> None:
            async with await AsyncPostgresStore.open(self.address, connections=2) as store:
                while True:
                    last = self.done
                    after = await store.position(ACME.org, "awaited")
                    page = await store.feed(Feed(org=ACME.org, after=after, limit=random.randint(1, 20)))
                    self.polls.one_more()
                    seen.extend(keys(page))
                    await store.keep_position(ACME.org, "awaited", page.position)
                    if last and not page.entries and (await store.lag(ACME.org, after)).held == 0:
                        return

        asyncio.run(follow())

    def go(self, writers: int, *, control: bool) -> None:
        """Write and read, until all is written and read."""
        with PostgresStore(self.address) as store:
            desk = StatusService(store, ACME).acting(AGENT)
            for customer in (*HOT, *(f"own-{number}-{turn}" for number in range(writers) for turn in range(4))):
                self.written += [(entry.customer, entry.version) for entry in desk.register(customer).entries]
        with psycopg.connect(self.address) as connection:
            connection.execute(
                "CREATE TABLE taken (place bigint GENERATED ALWAYS AS IDENTITY, customer text, version bigint)"
            )
        ways = {"feed": self.by_feed, "own table": self.by_own_table, "awaited": self.awaited}
        ways |= {"serial": self.by_serial} if control else {}
        readers = [self.started(self.read_in, name, way) for name, way in ways.items()]
        writing = [self.started(self.write, number) for number in range(writers)]
        for thread in writing:
            thread.join()
        self.done = True
        for thread in readers:
            thread.join()

    def started(self, body: Callable[..., None], *arguments: Any) -> Thread:
        """A thread whose error is kept."""

        def run() -> None:
            try:
                body(*arguments)
            except Exception as error:
                self.wrong.append(f"{arguments[0]}: {error!r} because of {error.__cause__!r}")

        thread = Thread(target=run)
        thread.start()
        return thread


def keys(entries: Iterable[Entry]) -> Seen:
    """Entries in short."""
    return [(entry.customer, entry.version) for entry in entries]


def take_over(service: StatusService[Label], host: psycopg.Connection[Any], consumer: str, limit: int) -> int:
    """Write a page into the table `taken`, and the position, in the host's transaction; how many entries it had."""
    inside = service.inside(host)
    page = inside.feed(inside.position(consumer), limit=limit)
    with host.cursor() as cursor:
        cursor.executemany("INSERT INTO taken (customer, version) VALUES (%s, %s)", keys(page))
    inside.keep_position(consumer, page.position)
    return len(page)


def follow_until_told(pipe: Any, address: str) -> None:
    """A process that takes over page by page; before it commits each, it says so and waits."""
    with PostgresStore(address, connections=1) as store, psycopg.connect(address) as host:
        service = StatusService(store, ACME)
        while True:
            taken = take_over(service, host, "process", 3)
            pipe.send(taken)
            pipe.recv()
            host.commit()


def faults_in_reading(written: Seen, seen: Seen) -> Iterator[str]:
    """What a reader has against what was written: each once, and by version within a customer."""
    missed = set(written) - set(seen)
    if missed:
        yield f"missed {len(missed)}: {sorted(missed)[:5]}"
    if set(seen) - set(written):
        yield f"invented {sorted(set(seen) - set(written))[:5]}"
    if len(set(seen)) < len(seen):
        yield f"{len(seen) - len(set(seen))} more than once"
    last: dict[str, int] = {}
    for customer, version in seen:
        if version <= last.get(customer, 0):
            yield f"{customer}: {version} after {last[customer]}"
        last[customer] = version


def faults_so_far(service: StatusService[Label]) -> list[str]:
    """What is wrong with the whole feed against the whole history, both read now."""
    entries: list[Entry] = []
    after = None
    while page := service.feed(after, limit=50):
        entries += page
        after = page.position
    written: Seen = []
    more: str | None = None
    while True:
        listed = service.history(after=more, limit=1_000)
        written += keys(listed)
        more = listed.next
        if more is None:
            return list(faults_in_reading(written, keys(entries)))
