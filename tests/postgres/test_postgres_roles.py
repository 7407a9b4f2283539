"""The rights that the page on the schema gives: enough for a store, none too many, and none to change the history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from attrs import define
from emptied import Emptied, emptying
from organisation import ACME, AGENT, Label
from psycopg.conninfo import make_conninfo
from psycopg.errors import InsufficientPrivilege
from servers import Server
from wholeness import everything, faults_in, rows

from custstatus import CUSTOMER_STATUS, Action, Activity, Identifier, StatusService, StoreError
from custstatus.adapters import Feed
from custstatus.adapters.postgres import PostgresStore, migrate_schema
from custstatus.service.service import utc_now
from custstatus.testing import StoreContract
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.contracts.guards import GuardContract
from custstatus.testing.contracts.setguards import SetGuardContract
from custstatus.testing.contracts.sweeps import SweepContract

PAGE = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text()
PROGRAM, REST, ERASING = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BY_REQUEST, BY_AGE = ERASING.split("\n\n")

RIGHTS = sorted(
    {
        (right, table)
        for rights, tables in re.findall(r"GRANT ([\w, ]+) ON ([\w, ]+) TO shop;", PROGRAM)
        for right, table in product(rights.split(", "), tables.split(", "))
    }
)
"""Every right that a program has on a table."""

PHONE = Identifier("mobile", "+447900000001")


SHAPE = """
SELECT relname::text, relacl::text, relnatts::text, relhasrules::text,
    (SELECT string_agg(tgname || tgenabled::text, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid)
FROM pg_class c WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT proname::text, proacl::text, prosrc, NULL, NULL FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1
"""
"""All that a role could change of the tables themselves."""


@define
class Roles:
    """Roles of the server's, and a database whose tables belong to the first."""

    server: Server
    owner: str
    shop: str
    reports: str
    erasing: str
    template: str
    """With the tables, and the rights of the page."""

    @property
    def all(self) -> tuple[str, ...]:
        return self.owner, self.shop, self.reports, self.erasing

    def named(self, sql: str) -> str:
        """SQL of the page, for these roles."""
        for name, role in (("shop_reports", self.reports), ("shop_erasing", self.erasing), ("shop", self.shop)):
            sql = re.sub(rf"\b{name}\b(?=;)", role, sql)
        return sql

    def told(self, address: str) -> None:
        """Tell a copy that it is one, as its owner does."""
        migrate_schema(make_conninfo(address, user=self.owner))

    def at(self, database: str, role: str) -> str:
        """The address of a database for one of them."""
        return make_conninfo(self.server.at(database), user=role)


@pytest.fixture(scope="module")
def roles(server: Server) -> Iterator[Roles]:
    """The roles of the page, under names that nobody else has."""
    names = [f"custstatus_{role}_{uuid4().hex}" for role in ("owner", "shop", "reports", "erasing")]
    made = Roles(server, *names, template=server.make("roles"))
    try:
        for role in made.all:
            server.do("CREATE ROLE {} LOGIN", role)
        address = server.at(made.template)
        rows(address, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        rows(address, f"GRANT CREATE ON SCHEMA public TO {made.owner}")
        migrate_schema(made.at(made.template, made.owner))
        rows(made.at(made.template, made.owner), made.named(PROGRAM))
        rows(made.at(made.template, made.owner), made.named(REST))
        yield made
    finally:
        server.drop(made.template)
        for role in made.all:
            server.do("DROP ROLE IF EXISTS {}", role)


@define
class Kept:
    """A database of its own for a test."""

    roles: Roles
    database: str

    @property
    def owner(self) -> str:
        return self.roles.at(self.database, self.roles.owner)

    @property
    def shop(self) -> str:
        return self.roles.at(self.database, self.roles.shop)

    @property
    def reports(self) -> str:
        return self.roles.at(self.database, self.roles.reports)

    @property
    def erasing(self) -> str:
        return self.roles.at(self.database, self.roles.erasing)

    @property
    def anybody(self) -> str:
        """Who may do everything."""
        return self.roles.server.at(self.database)


def copied(roles: Roles, stack: ExitStack) -> Kept:
    """A copy of the database that the roles have, told that it is one, and dropped at the end."""
    name = roles.server.make("test", roles.template)
    stack.callback(roles.server.drop, name)
    roles.told(roles.server.at(name))
    return Kept(roles, name)


@pytest.fixture
def kept(roles: Roles) -> Iterator[Kept]:
    """A database with a history, written under the program's role."""
    with ExitStack() as stack:
        made = copied(roles, stack)
        with PostgresStore(made.shop, create=False) as store:
            used(store)
        yield made


@pytest.fixture(scope="module")
def emptied(roles: Roles) -> Iterator[Emptied]:
    """Copies of the database that the roles have, with nothing in them."""
    with emptying(roles.server, roles.told, roles.template) as databases:
        yield databases


@pytest.fixture(scope="module")
def kept_by_all(roles: Roles) -> Iterator[Kept]:
    """One such database for all that is refused, or only read."""
    with ExitStack() as stack:
        made = copied(roles, stack)
        with PostgresStore(made.shop, create=False) as store:
            used(store)
        yield made


@pytest.fixture
def unchanged(kept_by_all: Kept) -> Iterator[Kept]:
    """A database with a history, that nobody changes: nothing in its tables, nor what they are."""
    before = everything(kept_by_all.anybody), rows(kept_by_all.anybody, SHAPE)
    yield kept_by_all
    assert (everything(kept_by_all.anybody), rows(kept_by_all.anybody, SHAPE)) == before


class UnderTheRole(Contract):
    """A store of the program's role, which makes no tables."""

    @pytest.fixture(autouse=True)
    def _on(self, roles: Roles, emptied: Emptied) -> Iterator[None]:
        with ExitStack() as self.databases:
            self.roles, self.emptied = roles, emptied
            yield

    def make_store(self) -> PostgresStore:
        address = self.databases.enter_context(self.emptied.lent())
        return PostgresStore(make_conninfo(address, user=self.roles.shop), create=False, connections=6)


class TestShort(UnderTheRole, GuardContract, SetGuardContract, SweepContract):
    """Those parts of the contract that guard and sweep, under the program's role."""


@pytest.mark.soak
class TestContract(UnderTheRole, StoreContract):
    """Everything that is asked of a store, under the program's role."""


def used(store: PostgresStore) -> None:
    """A use of each verb."""
    service = StatusService(store, ACME)
    desk = service.acting(AGENT)
    for customer in "c-1", "c-2":
        desk.register(customer, identifiers=[PHONE] if customer == "c-1" else [], key=f"new-{customer}")
        service.record(Activity(customer, Action.TRANSACTION, f"r-{customer}", utc_now()))
    desk.change("c-1", Label.LOST_PHONE, reason="lost", key="lost")
    desk.remove_identifier("c-1", PHONE, reason="lost")
    desk.add_identifier("c-1", PHONE, reason="found")
    desk.change("c-1", Label.UNUSUAL, reason="odd")
    desk.restore("c-1", reason="found")
    service.sweep()
    assert service.find(PHONE) == "c-1"
    assert service.history("c-1").items
    assert service.counts(CUSTOMER_STATUS)
    assert service.verify().faults == ()
    position = store.feed(Feed(org=ACME.org)).position
    for place in store.feed(Feed(org=ACME.org, limit=1)).position, position, None:
        store.keep_position(ACME.org, "reports", place)
    store.organisations()


def test_a_store_can_do_all_it_does_and_its_history_folds(unchanged: Kept) -> None:
    assert faults_in(unchanged.anybody) == []


def test_a_store_opened_as_usual_finds_nothing_to_do(unchanged: Kept) -> None:
    PostgresStore(unchanged.shop).close()


def test_every_table_of_ours_is_thought_of(unchanged: Kept) -> None:
    tables = {
        name for (name,) in rows(unchanged.anybody, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    }
    assert {table for _, table in RIGHTS} == tables
    owners = rows(unchanged.anybody, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == [(unchanged.roles.owner,)]


@pytest.mark.parametrize(("right", "table"), RIGHTS)
def test_none_of_the_rights_could_be_left_out(roles: Roles, right: str, table: str) -> None:
    with ExitStack() as stack:
        kept = copied(roles, stack)
        rows(kept.owner, f"REVOKE {right} ON {table} FROM {roles.shop}")
        with pytest.raises(StoreError) as refused, PostgresStore(kept.shop, create=False) as store:
            used(store)
        assert isinstance(refused.value.__cause__, InsufficientPrivilege)
        assert table in str(refused.value.__cause__)


HISTORY = [
    "UPDATE custstatus_entry SET actor = 'nobody'",
    "DELETE FROM custstatus_entry",
    "TRUNCATE custstatus_entry",
    "TRUNCATE custstatus_text, custstatus_entry CASCADE",
    "INSERT INTO custstatus_entry (org, customer, version, kind, effective_at, recorded_at, actor, actor_kind, requested_by,"
    " channel, config, ordinal, closes) SELECT org, customer, version, kind, 0, 0, '', '', '', '', '', 0, 0"
    " FROM custstatus_entry ON CONFLICT (org, customer, version) DO UPDATE SET actor = 'nobody'",
    "MERGE INTO custstatus_entry e USING custstatus_account a ON e.customer = a.customer WHEN MATCHED THEN DELETE",
    "SELECT FROM custstatus_entry FOR UPDATE",
    "DROP TRIGGER custstatus_entry_is_not_changed ON custstatus_entry",
    "ALTER TABLE custstatus_entry DISABLE TRIGGER ALL",
    "ALTER TABLE custstatus_entry DROP COLUMN actor",
    "CREATE TRIGGER other BEFORE INSERT ON custstatus_entry EXECUTE FUNCTION custstatus_history_is_append_only()",
    "CREATE RULE other AS ON INSERT TO custstatus_entry DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION custstatus_history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RETURN NEW; END $$",
    "CREATE OR REPLACE FUNCTION custstatus_shift() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 9::bigint'",
    "DROP FUNCTION custstatus_history_is_append_only CASCADE",
    "DROP TABLE custstatus_entry",
    "SET session_replication_role = replica",
    "UPDATE custstatus_text SET reason = 'other'",
    "DELETE FROM custstatus_text",
    "UPDATE custstatus_feed SET epoch = 7",
    "INSERT INTO custstatus_schema VALUES (9999, '')",
    "CREATE TABLE custstatus_more (x int)",
]


@pytest.mark.parametrize("statement", HISTORY)
def test_a_program_cannot_change_what_has_happened(unchanged: Kept, statement: str) -> None:
    if statement.startswith("MERGE") and unchanged.roles.server.version < 15:
        statement = "DELETE FROM custstatus_entry e USING custstatus_account a WHERE e.customer = a.customer"
    with pytest.raises(InsufficientPrivilege):
        rows(unchanged.shop, statement)
    assert faults_in(unchanged.anybody) == []


def test_nor_can_it_become_somebody_who_could(unchanged: Kept) -> None:
    for statement in f"SET ROLE {unchanged.roles.owner}", f"SET SESSION AUTHORIZATION {unchanged.roles.owner}":
        with pytest.raises(InsufficientPrivilege):
            rows(unchanged.shop, statement)
    with psycopg.connect(unchanged.shop) as connection:
        connection.execute(f"GRANT UPDATE ON custstatus_entry TO {unchanged.roles.shop}".encode())
    with pytest.raises(InsufficientPrivilege):
        rows(unchanged.shop, "UPDATE custstatus_entry SET actor = 'nobody'")


def test_the_owner_could(kept: Kept) -> None:
    # The control: it is the role that stands in the way, and nothing else.
    rows(kept.owner, "ALTER TABLE custstatus_entry DISABLE TRIGGER ALL")
    rows(kept.owner, "DELETE FROM custstatus_entry WHERE version = 2")
    assert faults_in(kept.anybody) != []


def test_what_a_program_writes_past_the_library_is_found(kept: Kept) -> None:
    rows(kept.shop, "UPDATE custstatus_standing SET status = 'suspended' WHERE lifecycle = 'customer_status'")
    assert faults_in(kept.anybody) != []


class TestReports:
    def test_it_reads_what_is_not_personal(self, unchanged: Kept) -> None:
        for table in "account", "standing", "entry", "activity", "last_activity", "config":
            assert rows(unchanged.reports, f"SELECT * FROM custstatus_{table}")

    @pytest.mark.parametrize("table", ["text", "identifier"])
    def test_it_does_not_read_what_is(self, unchanged: Kept, table: str) -> None:
        with pytest.raises(InsufficientPrivilege):
            rows(unchanged.reports, f"SELECT * FROM custstatus_{table}")
        assert rows(unchanged.shop, f"SELECT * FROM custstatus_{table}")

    @pytest.mark.parametrize("table", sorted({table for _, table in RIGHTS}))
    def test_it_writes_nothing(self, unchanged: Kept, table: str) -> None:
        (column,) = rows(
            unchanged.anybody,
            f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' "
            "ORDER BY ordinal_position DESC LIMIT 1",
        )[0]
        for statement in (
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"UPDATE {table} SET {column} = {column}",
            f"INSERT INTO {table} DEFAULT VALUES",
        ):
            with pytest.raises(InsufficientPrivilege):
                rows(unchanged.reports, statement)


class TestErasing:
    """Who erases can do that and no more (D59)."""

    def test_the_texts_of_a_customer_go_and_the_history_stays(self, kept: Kept) -> None:
        before = rows(kept.anybody, "SELECT * FROM custstatus_entry ORDER BY id")
        rows(kept.erasing, BY_REQUEST.replace("'c-42'", "'c-1'"))
        assert rows(kept.anybody, "SELECT DISTINCT customer FROM custstatus_text") == [("c-2",)]
        assert rows(kept.anybody, "SELECT * FROM custstatus_entry ORDER BY id") == before
        with PostgresStore(kept.shop, create=False) as store:
            service = StatusService(store, ACME)
            assert service.verify().faults == ()
            assert {entry.reason for entry in service.history("c-1")} == {None}

    def test_texts_of_an_age_go(self, kept: Kept) -> None:
        rows(kept.erasing, BY_AGE)
        assert rows(kept.anybody, "SELECT count(*) > 0 FROM custstatus_text") == [(True,)]
        rows(kept.erasing, BY_AGE.replace("- interval '10 years'", "+ interval '1 day'"))
        assert rows(kept.anybody, "SELECT * FROM custstatus_text") == []

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT reason FROM custstatus_text",
            "SELECT * FROM custstatus_text",
            "DELETE FROM custstatus_text RETURNING reason",
            "DELETE FROM custstatus_text WHERE reason LIKE 'a%'",
            "UPDATE custstatus_text SET reason = 'x'",
            "SELECT actor FROM custstatus_entry",
            "SELECT * FROM custstatus_identifier",
            "DELETE FROM custstatus_entry",
            "DELETE FROM custstatus_identifier",
        ],
    )
    def test_it_can_do_nothing_else(self, unchanged: Kept, statement: str) -> None:
        with pytest.raises(InsufficientPrivilege):
            rows(unchanged.erasing, statement)
