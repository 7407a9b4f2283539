"""
The feed on PostgreSQL: slow writers, long transactions, killed readers and restored copies make it miss nothing, give nothing
twice and nothing out of order; and the hints that there may be more.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from children import start
from followers import PATIENCE, Run, faults_in_reading, faults_so_far, follow_until_told, keys, take_over
from organisation import ACME, AGENT, Label
from psycopg.conninfo import conninfo_to_dict
from rivals import MADE_ANEW
from servers import OwnServer, Server, database
from wholeness import PAUSE, opened, rows

from custstatus import (
    CustomerStatus,
    FeedPage,
    Identifier,
    InvalidInputError,
    Lag,
    StatusService,
    StoreBusyError,
    StoreError,
)
from custstatus.adapters.postgres import AsyncListener, Listener, PostgresStore, hints, operations, statements
from custstatus.adapters.postgres.operations import PostgresOperations
from custstatus.adapters.sql.statements import Statement
from custstatus.errors import PositionLostError, SchemaError, StoreClosedError

WRITERS = 8
SHORT, LONG = 400, 10_000
"""How many entries the writers write."""

Service = StatusService[Label]


@pytest.fixture
def service(address: str) -> Iterator[Service]:
    with opened(address) as service:
        for customer in ("c-1", "c-2"):
            service.acting(AGENT).register(customer)
        yield service


@contextmanager
def host(address: str, *, numbered: bool = False) -> Iterator[psycopg.Connection[Any]]:
    """A host's connection, undone at the end; numbered, with a transaction that has its number already."""
    connection = psycopg.connect(address)
    try:
        if numbered:
            connection.execute("SELECT pg_current_xact_id()")
        yield connection
        connection.rollback()
    finally:
        connection.close()


def settle(service: Service) -> None:
    """Until nothing is held back by what the server does by itself."""
    deadline = monotonic() + PATIENCE
    while service.lag().held:
        assert monotonic() < deadline, "held back, and nobody writes"
        sleep(PAUSE)


def suspend(service: Service, customer: str) -> None:
    """A change by the one statement."""
    service.acting(AGENT).change(customer, Label.LOST_PHONE, reason="lost")


def identify(service: Service, customer: str) -> None:
    """A change that is planned first."""
    service.acting(AGENT).add_identifier(
        customer, Identifier("mobile", f"{customer} {service.account(customer).version}")
    )


def relabel(service: Service, customer: str) -> None:
    """Another change by the one statement."""
    service.acting(AGENT).change(customer, Label.ABROAD, reason="abroad")


CHANGES = pytest.mark.parametrize("late", [relabel, identify], ids=["one statement", "planned"])


class TestWriters:
    """Eight writers who take their number early and write late, three readers, and the control."""

    def test_none_is_missed_none_comes_twice_and_all_in_order(self, address: str) -> None:
        assert self.write_and_read(address, SHORT) > 0, "the control that polls the serial missed nothing"

    @pytest.mark.soak
    def test_none_of_ten_thousand(self, address: str) -> None:
        assert self.write_and_read(address, LONG) > 0, "the control that polls the serial missed nothing"

    def write_and_read(self, address: str, changes: int) -> int:
        """Run it; how many the control has missed."""
        run = Run(address, changes)
        run.go(WRITERS, control=True)
        assert run.wrong == []
        assert len(run.written) >= changes
        assert run.undone > 0
        there = rows(address, "SELECT customer, version FROM custstatus_entry")
        assert sorted(there) == sorted(run.written)
        control = run.read.pop("serial")
        assert set(run.read) == {"feed", "own table", "awaited"}
        for name, seen in run.read.items():
            assert list(faults_in_reading(run.written, seen)) == [], name
        for name in ("own table", "awaited"):
            with opened(address) as service:
                assert service.lag(service.position(name)) == Lag(0, 0, None)
        return len(set(run.written) - set(control))

    def test_what_is_wrong_with_a_reader_is_found(self) -> None:
        written = [("a", 1), ("b", 1), ("a", 2)]
        assert list(faults_in_reading(written, [("b", 1), ("a", 1), ("a", 2)])) == []
        for seen, fault in (
            ([("a", 1), ("a", 2)], "missed 1"),
            ([*written, ("a", 2)], "more than once"),
            ([("a", 2), ("a", 1), ("b", 1)], "a: 1 after 2"),
            ([*written, ("c", 1)], "invented"),
        ):
            assert any(fault in each for each in faults_in_reading(written, seen)), fault


class TestSchedules:
    """Two transactions, step by step."""

    def late_on_the_same_customer(self, address: str, service: Service, late: Callable[[Service, str], None]) -> None:
        """The older of two transactions changes a customer after the newer one has."""
        with host(address, numbered=True) as old:
            with host(address, numbered=True) as new:
                suspend(service.inside(new), "c-1")
                new.commit()
            late(service.inside(old), "c-1")
            old.commit()

    @CHANGES
    def test_within_a_customer_it_is_by_version(
        self, address: str, service: Service, late: Callable[[Service, str], None]
    ) -> None:
        self.late_on_the_same_customer(address, service, late)
        settle(service)
        assert faults_so_far(service) == []

    @CHANGES
    def test_by_the_transactions_own_numbers_it_would_not_be(
        self, address: str, service: Service, late: Callable[[Service, str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        by_own_number(monkeypatch)
        self.late_on_the_same_customer(address, service, late)
        settle(service)
        version = service.account("c-1").version
        assert faults_so_far(service) == [f"c-1: {version - 1} after {version}"]

    def late_on_another(self, address: str, service: Service, poll: Callable[[], list[Any]]) -> list[Any]:
        """What is polled where the older of two transactions commits after the newer one, with a poll between them."""
        with host(address, numbered=True) as old:
            # Its serial number is the first, too.
            suspend(service.inside(old), "c-1")
            with host(address, numbered=True) as new:
                suspend(service.inside(new), "c-2")
                new.commit()
            got = poll()
            old.commit()
        settle(service)
        return got + poll()

    def following(self, service: Service) -> Callable[[], list[Any]]:
        """A reader of the feed from now on."""
        settle(service)
        after = service.feed().position

        def poll() -> list[Any]:
            nonlocal after
            page = service.feed(after)
            after = page.position
            return keys(page)

        return poll

    def test_what_commits_late_is_not_missed(self, address: str, service: Service) -> None:
        assert sorted(self.late_on_another(address, service, self.following(service))) == [("c-1", 3), ("c-2", 3)]

    def test_without_the_horizon_it_would_be(
        self, address: str, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        poll = self.following(service)
        monkeypatch.setattr(
            statements.SQL, "horizon", Statement("SELECT epoch, NULL::bigint, true FROM custstatus_feed")
        )
        with host(address, numbered=True) as old:
            with host(address, numbered=True) as new:
                suspend(service.inside(new), "c-2")
                new.commit()
            got = poll()
            suspend(service.inside(old), "c-1")
            old.commit()
        assert got + poll() == [("c-2", 3)]

    def test_by_its_serial_number_it_would_be(self, address: str, service: Service) -> None:
        ((last,),) = rows(address, "SELECT max(id) FROM custstatus_entry")

        def poll() -> list[Any]:
            nonlocal last
            found = rows(address, "SELECT id, customer, version FROM custstatus_entry WHERE id > %s ORDER BY id", last)
            last = max([last, *(number for number, _, _ in found)])
            return [(customer, version) for _, customer, version in found]

        assert self.late_on_another(address, service, poll) == [("c-2", 3)]

    def test_one_s_own_entries_come_when_they_are_committed(self, address: str, service: Service) -> None:
        poll = self.following(service)
        with host(address) as mine:
            inside = service.inside(mine)
            after = inside.feed(limit=10_000).position
            suspend(inside, "c-1")
            assert inside.feed(after) == FeedPage((), after)
            assert inside.lag(after).held == 1
            mine.commit()
        settle(service)
        assert poll() == [("c-1", 3)]

    def test_a_position_of_sqlite_is_none_of_postgresql(self, service: Service) -> None:
        with pytest.raises(InvalidInputError, match="position"):
            service.feed("0.0.3")
        with pytest.raises(InvalidInputError, match="position"):
            service.lag("0.3.0")


def by_own_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the greater number of an earlier entry away."""
    sound = statements.applying

    def broken(*shape: statements.StatementShape, **what: bool) -> Statement:
        whole = sound(*shape, **what)
        text = re.sub(r"greatest\(\w+\.xid, pg_current", "greatest(0, pg_current", whole.text)
        assert text != whole.text
        return whole._replace(text=text)

    planned = statements.SQL.advance_account.text
    assert "greatest(xid, pg_current" in planned
    monkeypatch.setattr(statements, "applying", broken)
    monkeypatch.setattr(operations, "_shaped", MADE_ANEW)
    monkeypatch.setattr(
        statements.SQL,
        "advance_account",
        Statement(planned.replace("greatest(xid, pg_current", "greatest(0, pg_current")),
    )


class TestOwnTable:
    """What a reader writes of its own, and its position, in one transaction."""

    @pytest.fixture(autouse=True)
    def _table(self, address: str) -> None:
        rows(address, "CREATE TABLE taken (place bigint GENERATED ALWAYS AS IDENTITY, customer text, version bigint)")

    def test_they_stand_or_fall_together(self, address: str, service: Service) -> None:
        settle(service)
        with host(address) as mine:
            assert take_over(service, mine, "crm", 2) == 2
            mine.rollback()
            assert (service.position("crm"), rows(address, "SELECT * FROM taken")) == (None, [])
            assert take_over(service, mine, "crm", 2) == 2
            assert service.position("crm") is None
            mine.commit()
        assert service.position("crm") is not None
        assert len(rows(address, "SELECT * FROM taken")) == 2

    def test_a_reader_that_is_killed_goes_on_where_it_was(self, address: str, service: Service) -> None:
        for number in range(10):
            service.acting(AGENT).register(f"d-{number}")
        settle(service)
        for pages in (2, 1, None):
            process, ours = start(follow_until_told, address)
            done = 0
            while ours.recv() and done != pages:
                ours.send("commit")
                done += 1
            process.kill()  # between its writing and its commit
            process.join()
            ours.close()
        taken = rows(address, "SELECT customer, version FROM taken ORDER BY place")
        assert list(faults_in_reading(keys(service.history(limit=10_000)), taken)) == []


class TestLag:
    """What holds entries back, and what does not."""

    def test_one_long_transaction_holds_all_back_until_it_ends(self, address: str, service: Service) -> None:
        settle(service)
        after = service.feed().position
        assert service.lag(after) == Lag(0, 0, None)
        with host(address, numbered=True):
            for customer in ("c-1", "c-2"):
                suspend(service, customer)
            first = service.history("c-1").items[-1].recorded_at
            assert service.feed(after) == FeedPage((), after)
            assert service.lag(after) == Lag(0, 2, first)
            assert service.lag() == Lag(4, 2, service.history("c-1").items[0].recorded_at)
        settle(service)
        assert service.lag(after) == Lag(2, 0, first)
        assert keys(service.feed(after)) == [("c-1", 3), ("c-2", 3)]

    def test_what_holds_back_and_what_does_not(self, own_server: OwnServer) -> None:
        own_server.stop()
        own_server.start(max_prepared_transactions=2, wal_level="logical", autovacuum="off")
        with ExitStack() as stack:
            address, elsewhere = (stack.enter_context(database(own_server)) for _ in range(2))
            service = stack.enter_context(opened(address))
            held = iter(range(100))

            def holds() -> bool:
                customer = f"c-{next(held)}"
                service.acting(AGENT).register(customer)
                return service.lag().held > 0

            assert not holds()
            with host(elsewhere, numbered=True):
                assert holds(), "a transaction of another database"
            with host(address, numbered=True) as prepared:
                prepared.execute("PREPARE TRANSACTION 'waits'")
            assert holds(), "a prepared transaction"
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("ROLLBACK PREPARED 'waits'")
            with host(address) as reading:
                reading.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                reading.execute("SELECT count(*) FROM custstatus_entry")
                assert not holds(), "a transaction that only reads"
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("SELECT pg_create_logical_replication_slot('slot', 'pgoutput')")
                assert not holds(), "a replication slot"
                connection.execute("SELECT pg_drop_replication_slot('slot')")
            with Listener(address) as listener:
                assert listener.wait(0)
                assert not holds(), "a listener"


def filled(address: str) -> str:
    """Write something; a position in the middle of it, the last one being kept."""
    with opened(address) as service:
        for customer in ("c-1", "c-2", "c-3"):
            service.acting(AGENT).register(customer)
            suspend(service, customer)
        settle(service)
        service.keep_position("crm", service.feed().position)
        return service.feed(limit=4).position


@contextmanager
def copied(server: Server, address: str, way: str) -> Iterator[str]:
    """A database restored from a dump of another; where there is no program for that, a copy by the server."""
    program = server.binaries / "pg_dump" if isinstance(server, OwnServer) else None
    if way == "dumped" and program is not None and program.exists():
        with database(server) as empty:
            dump = subprocess.run([program, "--dbname", address], capture_output=True, check=True, timeout=PATIENCE)
            psql = [str(program.with_name("psql")), "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", empty]
            subprocess.run(psql, input=dump.stdout, capture_output=True, check=True, timeout=PATIENCE)
            yield empty
    else:
        name = server.make("test", str(conninfo_to_dict(address)["dbname"]))
        yield server.at(name)
        server.drop(name)


def goes_on(service: Service) -> None:
    """All of a copy can be followed from its beginning, and what is written from then on follows, each once and in order."""
    settle(service)
    assert faults_so_far(service) == []
    after = service.feed(limit=10_000).position
    service.keep_position("crm", after)
    assert service.position("crm") == after
    for customer in ("c-1", "c-2", "c-3"):
        service.acting(AGENT).change(customer, CustomerStatus.ACTIVE, reason="found")
        identify(service, customer)
    service.acting(AGENT).register("new")
    settle(service)
    assert sorted(keys(service.feed(service.position("crm")))) == [
        *(("c-1", version) for version in (4, 5)),
        *(("c-2", version) for version in (4, 5)),
        *(("c-3", version) for version in (4, 5)),
        *(("new", version) for version in (1, 2)),
    ]
    assert faults_so_far(service) == []


def on_a_lower_counter(server: Server, target: OwnServer, into: str) -> None:
    """Copy the tables of a database to a server whose transactions have lower numbers, as a restore does."""
    with database(server) as source:
        burn = "DO $$ BEGIN FOR i IN 1..3000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
        with psycopg.connect(source, autocommit=True) as connection:
            connection.execute(burn)
        filled(source)
        tables = rows(source, "SELECT tablename FROM pg_tables WHERE tablename LIKE 'custstatus_%' ORDER BY 1")
        with psycopg.connect(source) as theirs, psycopg.connect(into) as ours:
            for (table,) in tables:
                if table in ("custstatus_feed", "custstatus_schema", "custstatus_config"):
                    ours.execute(f"DELETE FROM {table}".encode())
                with (
                    theirs.cursor().copy(f"COPY {table} TO STDOUT".encode()) as parts,
                    ours.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy,
                ):
                    for part in parts:
                        copy.write(part)
            ours.execute(
                "SELECT setval(pg_get_serial_sequence('custstatus_entry', 'id'), max(id)) FROM custstatus_entry"
            )
    ((greatest, now),) = rows(
        into, "SELECT (SELECT max(xid) FROM custstatus_entry), pg_current_xact_id()::text::bigint"
    )
    assert now + 100 < greatest


class TestCopies:
    """A database that was restored elsewhere: its positions are of no use, and nothing is missed."""

    @pytest.mark.parametrize("way", ["dumped", "copied by the server"])
    def test_positions_of_before_are_lost_and_all_that_follows_is_there(
        self, server: Server, address: str, way: str
    ) -> None:
        middle = filled(address)
        with copied(server, address, way) as copy:
            with pytest.raises(SchemaError, match="restored"):
                PostgresStore(copy, create=False)
            with opened(copy) as service:
                kept = service.position("crm")
                for position in (middle, kept):
                    assert position is not None
                    with pytest.raises(PositionLostError, match="beginning"):
                        service.feed(position)
                    with pytest.raises(PositionLostError):
                        service.lag(position)
                goes_on(service)
                ahead = service.feed().position
            with opened(copy, create=False) as again:
                assert len(again.feed(again.position("crm"))) == 8
        with opened(address) as original:
            settle(original)
            with pytest.raises(PositionLostError):
                original.keep_position("crm", ahead)
            assert len(original.feed(middle)) == 5
            assert len(original.feed(original.position("crm"))) == 0

    def test_a_copy_that_nobody_has_opened_gives_nothing(self, server: Server, address: str) -> None:
        filled(address)
        with opened(address) as service:
            # As where a server is put in the place of another while a store is open.
            rows(address, "UPDATE custstatus_feed SET system = 'another'")
            for asked in (lambda: service.feed(), lambda: service.lag()):
                with pytest.raises(PositionLostError, match="create=True"):
                    asked()
            with opened(address) as anew:
                goes_on(anew)
            assert len(service.feed(limit=1)) == 1

    def test_on_a_server_with_lower_numbers_nothing_is_missed(self, server: Server, own_server: OwnServer) -> None:
        with database(own_server) as into:
            PostgresStore(into).close()
            on_a_lower_counter(server, own_server, into)
            with opened(into) as service:
                goes_on(service)

    def test_without_counting_on_it_would_be(self, server: Server, own_server: OwnServer) -> None:
        with database(own_server) as into:
            PostgresStore(into).close()
            on_a_lower_counter(server, own_server, into)
            with opened(into) as service:
                rows(
                    into,
                    "CREATE OR REPLACE FUNCTION custstatus_shift() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 0::bigint'",
                )
                # The horizon is low as well, and holds the old ones back.
                assert service.lag().held == 9
                service.acting(AGENT).register("new")
                assert set(keys(service.feed())) == {("new", 1), ("new", 2)}

    def test_who_writes_while_a_copy_is_opened_is_waited_for(self, server: Server, own_server: OwnServer) -> None:
        with database(own_server) as into, PostgresStore(into) as store:
            on_a_lower_counter(server, own_server, into)
            still = StatusService(store, ACME)  # it was open when the server was put in the place of another
            with host(into) as writing:
                still.inside(writing).acting(AGENT).register("late")
                opening = Thread(target=lambda: PostgresStore(into, patience=60).close())
                opening.start()
                waits = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted"
                while opening.is_alive() and rows(into, waits) == [(0,)]:
                    sleep(PAUSE)
                got, after = [], None
                if not opening.is_alive():
                    page = still.feed(limit=10_000)
                    got, after = keys(page), page.position
                writing.commit()
                opening.join()
            settle(still)
            got += keys(still.feed(after, limit=10_000))
            assert list(faults_in_reading(keys(still.history(limit=10_000)), got)) == []
            goes_on(still)

    def test_without_waiting_it_would_be_missed(
        self, server: Server, own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def hasty(self: PostgresOperations, *, create: bool) -> Any:
            yield statements.RESTORED, ()
            return True

        monkeypatch.setattr(PostgresOperations, "settle", hasty)
        with pytest.raises(AssertionError, match="missed"):
            self.test_who_writes_while_a_copy_is_opened_is_waited_for(server, own_server)

    def test_two_copies_of_one_database_are_told_apart(self, server: Server, address: str) -> None:
        filled(address)
        with copied(server, address, "dumped") as one, copied(server, address, "dumped") as other:
            with opened(one) as service:
                settle(service)
                of_one = service.feed().position
            with opened(other) as service, pytest.raises(PositionLostError):
                service.feed(of_one)


class Waiting:
    """A listener that is awaited, as one that blocks."""

    def __init__(self, address: str, org: str | None = None, *, patience: float = 7.0) -> None:
        self._runner = asyncio.Runner()
        self._listener = AsyncListener(address, org, patience=patience)

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._runner.close()

    def wait(self, timeout: float) -> bool:
        return self._runner.run(self._listener.wait(timeout))

    def close(self) -> None:
        self._runner.run(self._listener.close())

    def told(self, org: str) -> None:
        """Have it told something on its own connection, which is there at once."""

        async def tell() -> None:
            assert self._listener._connection is not None
            await self._listener._connection.execute("SELECT pg_notify('custstatus', %s)", (org,))

        self._runner.run(tell())


class Listening(Listener):
    def told(self, org: str) -> None:
        """The same."""
        assert self._connection is not None
        self._connection.execute("SELECT pg_notify('custstatus', %s)", (org,))


KINDS = pytest.mark.parametrize("kind", [Listening, Waiting], ids=["blocking", "awaited"])
HINTED = "SELECT (SELECT count(*) FROM pg_trigger WHERE tgname = 'custstatus_entry_is_hinted'), " + (
    "(SELECT count(*) FROM pg_proc WHERE proname = 'custstatus_hint')"
)


@KINDS
class TestHints:
    """LISTEN and NOTIFY."""

    def test_a_listener_is_told_of_what_is_committed_and_of_nothing_else(
        self, address: str, service: Service, kind: Any
    ) -> None:
        hints(address)
        with kind(address) as listener, host(address) as mine:
            assert listener.wait(0), "the first one may have missed something"
            assert not listener.wait(0)
            suspend(service.inside(mine), "c-1")
            mine.rollback()
            assert not listener.wait(0)
            suspend(service.inside(mine), "c-1")
            mine.commit()
            assert listener.wait(PATIENCE)
            identify(service, "c-2")
            assert listener.wait(PATIENCE)
            assert not listener.wait(0)

    def test_of_one_organisation_if_wanted(self, address: str, service: Service, kind: Any) -> None:
        with kind(address, "acme") as one, kind(address) as every:
            for listener in (one, every):
                assert listener.wait(0)
                listener.told("other")
            assert (one.wait(0), every.wait(0)) == (False, True)
            one.told("acme")
            assert one.wait(0)

    def test_a_hint_may_come_before_the_feed_gives_the_entry(self, address: str, service: Service, kind: Any) -> None:
        hints(address)
        settle(service)
        after = service.feed().position
        with kind(address) as listener:
            assert listener.wait(0)
            with host(address, numbered=True):
                suspend(service, "c-1")
                assert listener.wait(PATIENCE)
                assert len(service.feed(after)) == 0
            assert not listener.wait(0), "nobody tells that what was held back is not any more"
            settle(service)
            assert keys(service.feed(after)) == [("c-1", 3)]

    def test_a_lost_server_is_told_and_found_again(self, own_server: OwnServer, kind: Any) -> None:
        with database(own_server) as address:
            with opened(address) as service:
                service.acting(AGENT).register("c-1")
            hints(address)
            with kind(address, patience=2) as listener:
                assert listener.wait(0)
                own_server.kill()
                for _ in range(2):
                    with pytest.raises(StoreError):
                        listener.wait(PATIENCE)
                own_server.start()
                assert listener.wait(0)
                with opened(address) as service:
                    suspend(service, "c-1")
                assert listener.wait(PATIENCE)
                rows(
                    address,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%LISTEN%' "
                    "AND pid <> pg_backend_pid()",
                )
                with pytest.raises(StoreError, match="lost"):
                    listener.wait(PATIENCE)
                assert listener.wait(0)

    def test_what_cannot_be_meant(self, address: str, kind: Any) -> None:
        for given in ("", 7, "a\0b"):
            with pytest.raises(InvalidInputError):
                kind(given)
        with pytest.raises(InvalidInputError):
            kind(address, "")
        with kind(address) as listener:
            for timeout in (-1, None, "1", float("nan"), 1e9):
                with pytest.raises(InvalidInputError):
                    listener.wait(timeout)
            listener.close()
            listener.close()
            with pytest.raises(StoreClosedError):
                listener.wait(0)


class TestSwitch:
    """Hints are off until they are asked for."""

    def test_on_and_off_as_often_as_one_likes(self, address: str, service: Service) -> None:
        assert rows(address, HINTED) == [(0, 0)]
        for on in (False, True, True, False, False, True):
            hints(address, on=on)
            assert rows(address, HINTED) == [(on, on)]
            identify(service, "c-1")

    def test_as_it_is_already_it_waits_for_nobody(self, address: str, service: Service) -> None:
        hints(address)
        with host(address) as mine:
            suspend(service.inside(mine), "c-1")
            hints(address, patience=0.1)
            with pytest.raises(StoreBusyError, match="nothing was changed"):
                hints(address, on=False, patience=0.1)
        assert rows(address, HINTED) == [(1, 1)]

    def test_without_tables_or_rights_it_says_so(self, address: str) -> None:
        with pytest.raises(SchemaError, match="tables"):
            hints(address)
        PostgresStore(address).close()
        with host(address) as owner:
            owner.execute("CREATE ROLE custstatus_reader")
            owner.execute("GRANT SELECT ON custstatus_entry TO custstatus_reader")
            owner.commit()
        try:
            with pytest.raises(StoreError, match="cause"):
                hints(f"{address} options='-c role=custstatus_reader'")
        finally:
            rows(address, "REVOKE SELECT ON custstatus_entry FROM custstatus_reader")
            rows(address, "DROP ROLE custstatus_reader")
        assert rows(address, HINTED) == [(0, 0)]
