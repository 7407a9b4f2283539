"""What the page on growing says of partitions: the contract on partitioned tables, and every statement of the page, run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from emptied import Emptied, emptying
from organisation import ACME, AGENT, Label
from partitioned import make, partition, partitioned
from psycopg.errors import InvalidColumnReference, RaiseException
from servers import Server
from wholeness import faults_in, rows

from custstatus import (
    CUSTOMER_STATUS,
    CustomerStatus,
    RefusedError,
    StatusService,
    StoreError,
    UnknownCustomerError,
)
from custstatus.adapters.postgres import PostgresStore, migrate_schema, schema_statements
from custstatus.adapters.postgres.listening import Listener, hints
from custstatus.testing import MovableClock, StoreContract
from custstatus.testing.contracts.feeds import FeedContract
from custstatus.testing.contracts.guards import GuardContract
from custstatus.testing.contracts.setguards import SetGuardContract

PAGE = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
ASIDE, FILLED, BEFOREHAND, SPLIT, PUT_AWAY = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
END = "1000000000"
"""Where the page ends the first range of the history."""

PARTS = 3


def parted_tables(address: str) -> None:
    """Make the tables, and let a store see them for the first time."""
    make(address, PARTS)
    PostgresStore(address, create=False).close()


@pytest.fixture(scope="module")
def emptied(server: Server) -> Iterator[Emptied]:
    with emptying(server, parted_tables) as databases:
        yield databases


class OnPartitions:
    """How a store on partitioned tables is made."""

    @pytest.fixture(autouse=True)
    def _on(self, emptied: Emptied) -> Iterator[None]:
        self._emptied = emptied
        with ExitStack() as self._taken:
            yield

    def make_store(self) -> PostgresStore:
        return PostgresStore(self._taken.enter_context(self._emptied.lent()), create=False, connections=6)


class TestShort(
    OnPartitions,
    GuardContract,
    FeedContract,
    SetGuardContract,
):
    """Those parts of the contract that guard and follow."""


@pytest.mark.soak
class TestContract(OnPartitions, StoreContract):
    """Everything that is asked of a store."""


@pytest.fixture
def parted(emptied: Emptied) -> Iterator[str]:
    """The address of a partitioned database."""
    with emptied.lent() as address:
        yield address


def service(store: PostgresStore) -> StatusService[Label]:
    return StatusService(store, ACME, clock=MovableClock())


def peopled(store: PostgresStore) -> StatusService[Label]:
    """Customers with a history, of which one is set aside."""
    shop = service(store)
    desk = shop.acting(AGENT)
    for customer in "c-1", "c-2":
        desk.register(customer)
    desk.change("c-1", Label.LOST_PHONE, reason="lost", key="lost-1")
    desk.change("c-2", CustomerStatus.FRAUD_SUSPECTED, reason="odd")
    return shop


class TestTables:
    """What the tables are."""

    def test_every_table_of_organisations_has_partitions_with_its_storage(self, parted: str) -> None:
        whole = {name for (name,) in rows(parted, "SELECT relname FROM pg_class WHERE relkind = 'p'")}
        has_org = "\n".join(schema_statements()).split("CREATE TABLE ")[1:]
        assert whole == {text.split()[0] for text in has_org if "\n    org " in text.split(";")[0].split("CREATE ")[0]}
        assert len(whole) == 9
        tables = dict(
            rows(parted, "SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND relname ~ '_p[0-9]$'")
        )
        assert tables.keys() == {partition(name, number) for name in whole for number in range(PARTS)}
        assert {name.removeprefix("custstatus_")[:-3] for name, options in tables.items() if options} == {
            *("account", "standing", "last_activity")
        }

    def test_organisations_are_in_different_partitions(self, parted: str) -> None:
        with PostgresStore(parted, create=False) as store:
            for number in range(12):
                store.keep_config(f"org-{number}", "0", "{}")
        assert len(rows(parted, "SELECT DISTINCT tableoid FROM custstatus_config")) == PARTS

    def test_every_unique_index_begins_with_the_organisation(self, parted: str) -> None:
        found = rows(
            parted,
            "SELECT t.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid "
            "WHERE t.relkind = 'p' AND i.indisunique",
        )
        assert len(found) == 11
        assert all("(org, " in index for _, index in found)
        # Those that could not be partitioned by customer as well.
        named = "account", "standing", "last_activity", "text", "activity"
        without = {table for table, index in found if "customer" not in index.partition("(org, ")[2]}
        assert without == {f"custstatus_{name}" for name in ("entry", "identifier", "config", "consumer")}
        assert not without & {f"custstatus_{name}" for name in named}

    def test_the_history_is_append_only_in_each_partition(self, parted: str) -> None:
        with PostgresStore(parted, create=False) as store:
            peopled(store)
        ((filled,),) = rows(parted, "SELECT DISTINCT tableoid::regclass::text FROM custstatus_entry")
        every = [partition("custstatus_entry", number) for number in range(PARTS)]
        statements = [f"TRUNCATE {table}" for table in ("custstatus_entry", *every)]
        statements += [f"DELETE FROM {filled}", f"UPDATE {filled} SET actor = 'nobody'", "DELETE FROM custstatus_entry"]
        for statement in statements:
            with pytest.raises(RaiseException, match="append-only"):
                rows(parted, statement)

    def test_a_store_opened_as_usual_and_a_migration_find_nothing_to_do(self, parted: str) -> None:
        PostgresStore(parted).close()
        assert migrate_schema(parted) == ()
        assert rows(parted, "SELECT epoch FROM custstatus_feed") == [(0,)]

    def test_hints_are_given(self, parted: str) -> None:
        hints(parted)
        try:
            with Listener(parted, ACME.org) as listener, PostgresStore(parted, create=False) as store:
                assert listener.wait(5)  # the first connects
                peopled(store)
                assert listener.wait(5)
        finally:
            hints(parted, on=False)


SHIFTED = "CREATE OR REPLACE FUNCTION custstatus_shift() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 5::bigint'"
"""As where the database was restored under lower numbers of transactions."""


def test_a_database_in_use_is_moved_into_partitions(address: str) -> None:
    with PostgresStore(address) as store:
        rows(address, SHIFTED)
        shop = peopled(store)
        first = shop.feed(limit=2)
        shop.keep_position("crm", first.position)
        before = shop.history().items
    with psycopg.connect(address) as connection:
        connection.execute(ASIDE.encode())
        for statement in partitioned(PARTS):
            connection.execute(statement.encode())
        connection.execute(FILLED.encode())
    with PostgresStore(address, create=False) as store:
        shop = service(store)
        assert shop.history().items == before
        assert shop.acting(AGENT).change("c-1", Label.LOST_PHONE, reason="lost", key="lost-1").replayed
        new = shop.acting(AGENT).restore("c-2", reason="cleared").entries
        assert [*first, *shop.feed(shop.position("crm"))] == [*before, *new]
        assert shop.verify().faults == ()
    assert faults_in(address) == []
    assert rows(address, "SELECT count(*) = max(id) FROM custstatus_entry") == [(True,)]
    assert rows(address, "SELECT custstatus_shift()") == [(5,)]
    rows(address, "DROP SCHEMA custstatus_before CASCADE")
    assert rows(address, "SELECT relkind::text FROM pg_class WHERE relname = 'custstatus_entry'") == [("p",)]


class TestHistoryByTime:
    """The plan, as far as SQL goes."""

    def test_keys_and_versions_are_in_the_way_and_the_order_of_the_feed_is_not(self, address: str) -> None:
        PostgresStore(address).close()
        like = "CREATE TABLE other (LIKE custstatus_entry, {}) PARTITION BY RANGE ({})"
        for unique in "UNIQUE (org, customer, version)", "UNIQUE (org, key, ordinal)":
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                rows(address, like.format(unique, "xid"))
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            rows(address, like.format("PRIMARY KEY (org, xid, id)", "recorded_at"))
        rows(address, like.format("PRIMARY KEY (org, xid, id)", "xid"))

    def test_every_statement_of_the_plan(self, address: str) -> None:
        with PostgresStore(address) as store:
            before = peopled(store).history().items
        # The first range ends where the next transaction begins.
        ((end,),) = rows(address, "SELECT max(xid) + 1 FROM custstatus_entry")

        def ours(text: str) -> bytes:
            return re.sub(rf"\b{END}\b", str(end), text).encode()

        assert PAGE.count(END) == 3
        with psycopg.connect(address, autocommit=True) as connection:
            for statement in BEFOREHAND.split(";\n"):
                connection.execute(ours(statement))
            connection.execute(b"BEGIN;" + ours(SPLIT) + b"COMMIT")
        with PostgresStore(address, create=False) as store:
            shop = service(store)
            assert shop.history().items == tuple(shop.feed()) == before
            assert shop.verify().faults == ()
            with pytest.raises(StoreError) as refused:
                shop.acting(AGENT).change("c-1", Label.REGULAR, reason="found", key="found-1")
            # No index is the one that a change names.
            assert isinstance(refused.value.__cause__, InvalidColumnReference)
        columns = "org, customer, kind, effective_at, recorded_at, actor, actor_kind, requested_by, channel, config"
        columns += ", ordinal, closes"
        rows(
            address,
            f"INSERT INTO custstatus_entry ({columns}, version, xid) SELECT {columns}, version + 10, xid - 5 + {end} "
            f"FROM custstatus_entry WHERE xid >= {end} - 5",
        )
        ((old, new, greatest),) = rows(
            address,
            "SELECT (SELECT count(*) FROM custstatus_entry_1), count(*), (SELECT count(*) = max(id) FROM custstatus_entry) "
            "FROM custstatus_entry_2",
        )
        assert (old, new > 0, greatest) == (len(before), True, True)
        # The feed reads the partitions that it needs.
        plan = rows(
            address,
            f"EXPLAIN SELECT * FROM custstatus_entry WHERE org = 'acme' AND (xid, id) > ({end}, 0) AND xid >= {end}",
        )
        assert "custstatus_entry_1" not in str(plan)
        for table in "custstatus_entry_1", "custstatus_entry_2":
            for statement in f"DELETE FROM {table}", f"TRUNCATE {table}":
                with pytest.raises(RaiseException, match="append-only"):
                    rows(address, statement)
        detach, *rest = PUT_AWAY.split(";\n")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(detach.encode())
            for statement in rest:
                connection.execute(statement.encode())
        assert rows(address, "SELECT count(*) FROM custstatus_entry") == [(new,)]
        assert rows(address, "SELECT count(*) FROM custstatus_text") == [(0,)]
        assert rows(address, "SELECT key FROM custstatus_key") == [("lost-1",)]


def test_what_is_missed_where_old_entries_are_gone(address: str) -> None:
    with PostgresStore(address) as store:
        shop = peopled(store)
        desk = shop.acting(AGENT)
        first = shop.feed(limit=1)
        at = shop.history("c-1").items[0].effective_at
        assert shop.standing("c-1", CUSTOMER_STATUS, at=at) is not None
        rows(
            address,
            "ALTER TABLE custstatus_entry DISABLE TRIGGER ALL; DELETE FROM custstatus_entry WHERE version < 3;"
            "DELETE FROM custstatus_entry WHERE key IS NOT NULL",
        )
        stands = shop.standing("c-2", CUSTOMER_STATUS)
        assert stands is not None
        assert stands.status is CustomerStatus.FRAUD_SUSPECTED
        assert [entry.version for entry in shop.history("c-2")] == [3]
        for moment in at, stands.since:
            with pytest.raises(UnknownCustomerError):
                shop.standing("c-2", CUSTOMER_STATUS, at=moment)
        assert {fault.customer for fault in shop.verify().faults} == {"c-1", "c-2"}
        assert [(entry.customer, entry.version) for entry in shop.feed(first.position)] == [("c-2", 3)]
        with pytest.raises(RefusedError):
            desk.restore("c-2", reason="cleared")
        desk.change("c-1", Label.REGULAR, reason="found")
        assert not desk.change("c-1", Label.LOST_PHONE, reason="lost", key="lost-1").replayed
