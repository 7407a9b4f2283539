"""Opening and closing a store: what it insists on, what it refuses, how the schema comes to be, what stays as it is."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from organisation import ACME, AGENT, Label
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from rivals import Answers, at_once, enter, together
from servers import Server, database
from stepped import more
from wholeness import everything, faults_in, opened, rows, soon_none, taking

from custstatus import Identifier, InvalidInputError, StatusService, StoreBusyError, StoreError
from custstatus.adapters.postgres import PostgresStore, connecting, migrating, store
from custstatus.adapters.sql.statements import Statement
from custstatus.errors import SchemaError

PROCESSES, THREADS, DATABASES = 2, 6, 3

SHIPPED = migrating.SCHEMA

Later = Callable[[dict[str, str]], None]
"""Gives the version of this process further steps, by their names."""

SETTINGS = {
    "jit": ("on", "off"),
    "synchronous_commit": ("off", "on"),
    "default_transaction_isolation": ("serializable", "read committed"),
    "default_transaction_read_only": ("on", "off"),
    "statement_timeout": ("1ms", "7s"),
    "lock_timeout": ("1ms", "7s"),
    "idle_in_transaction_session_timeout": ("1ms", "42s"),
    "idle_session_timeout": ("1h", "0"),
}
"""What a database may have as its default, and what our sessions have with seven seconds of patience."""


def told(address: str, **options: Any) -> dict[str, str]:
    """The settings of a store's session."""
    with PostgresStore(address, patience=7, connections=1, **options) as plain, taking(plain) as cursor:
        return {name: cursor.execute(f"SHOW {name}").fetchall()[0][0] for name in SETTINGS}


def named(address: str) -> str:
    """The database of an address."""
    return str(conninfo_to_dict(address)["dbname"])


class TestSessions:
    """What a session of ours is, whatever the server's, the database's and the role's defaults are."""

    def test_settings_are_ours_where_the_database_has_others(self, address: str) -> None:
        PostgresStore(address).close()
        for name, (theirs, _) in SETTINGS.items():
            if "timeout" not in name:
                rows(address, f"ALTER DATABASE {named(address)} SET {name} = '{theirs}'")
                with psycopg.connect(address, autocommit=True) as plain:
                    assert plain.execute(f"SHOW {name}".encode()).fetchone() == (theirs,)  # the control
                    plain.execute("SET default_transaction_read_only = off")
        assert told(address) == {name: ours for name, (_, ours) in SETTINGS.items()}
        with opened(address) as service:
            service.acting(AGENT).register("c")
            service.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost")

    def test_settings_are_ours_where_the_role_has_others(self, address: str) -> None:
        role = f"role_of_{named(address)}"
        rows(address, f"CREATE ROLE {role} LOGIN SUPERUSER")
        try:
            for name, (theirs, _) in SETTINGS.items():
                if name != "statement_timeout":  # by which nobody could connect
                    rows(address, f"ALTER ROLE {role} SET {name} = '{theirs}'")
            theirs_too = make_conninfo(address, user=role)
            assert told(theirs_too) == {name: ours for name, (_, ours) in SETTINGS.items()}
            assert told(theirs_too, prepare=False) == {name: ours for name, (_, ours) in SETTINGS.items()}
        finally:
            rows(address, f"REASSIGN OWNED BY {role} TO postgres")
            rows(address, f"DROP ROLE {role}")

    def test_settings_are_ours_where_the_address_asks_for_others(self, address: str) -> None:
        options = " ".join(f"-c {name}={theirs}" for name, (theirs, _) in SETTINGS.items() if " " not in theirs)
        asked = make_conninfo(address, options=options.replace("statement_timeout=1ms", "statement_timeout=1s"))
        assert told(asked) == {name: ours for name, (_, ours) in SETTINGS.items()}

    def test_a_session_that_is_not_told_has_the_defaults_of_others(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The control of all three.
        rows(address, f"ALTER DATABASE {named(address)} SET synchronous_commit = off")
        monkeypatch.setattr(connecting, "settings", lambda patience: "SET application_name = 'custstatus'")
        assert told(address)["synchronous_commit"] == "off"

    def test_dead_networks_are_noticed_within_the_patience(self, address: str) -> None:
        with PostgresStore(address, patience=7) as plain, taking(plain) as cursor:
            found = cursor.connection.info.get_parameters()
        assert found["application_name"] == "custstatus"
        assert found["connect_timeout"] == found["keepalives_idle"] == "7"
        assert found["tcp_user_timeout"] == "7000"


class TestRefusals:
    """What is no database that we could keep anything in."""

    @pytest.mark.parametrize(
        "address",
        [None, "", b"dbname=x", 7, object(), "dbname=\x00", "dbname=\ud800", "nonsense", "mysql://127.0.0.1/x"],
    )
    def test_what_is_no_address_is_refused(self, address: Any) -> None:
        with pytest.raises(InvalidInputError, match="address"):
            PostgresStore(address)

    @pytest.mark.parametrize(
        "address", ["postgresql://u:s3cret%zz@127.0.0.1/x", "host=127.0.0.1 password=s3 cret dbname=x"]
    )
    def test_a_password_that_cannot_be_read_is_not_repeated(self, address: str) -> None:
        with pytest.raises(InvalidInputError) as refused:
            PostgresStore(address)
        assert "cret" not in "".join(traceback.format_exception(refused.value)).replace(address, "")

    @pytest.mark.parametrize(
        "address",
        [
            "host=/nowhere dbname=x",
            "postgresql://127.0.0.1:1/x",
            "postgresql://no-such-host.invalid/x",
            "host=127.0.0.1 port=99999",
        ],
    )
    def test_what_cannot_be_reached_says_so(self, address: str) -> None:
        with pytest.raises(StoreError, match="could not be reached") as refused:
            PostgresStore(address, patience=1)
        assert isinstance(refused.value.__cause__, psycopg.Error)

    @pytest.mark.parametrize(
        ("argument", "value"),
        [
            *(("connections", 0), ("connections", True), ("patience", 0), ("patience", float("nan"))),
            *(("patience", "x"), ("patience", True), ("patience", 0.0004)),
        ],
    )
    def test_what_bounds_nothing_is_refused(self, argument: str, value: Any) -> None:
        with pytest.raises(InvalidInputError, match=argument):
            PostgresStore("dbname=x", **{argument: value})

    def test_a_database_or_a_role_that_is_not_there_says_so(self, address: str) -> None:
        for wrong in {"dbname": "no_such_database"}, {"user": "no_such_role"}, {"options": "-c no_such_setting=1"}:
            with pytest.raises(StoreError, match="could not be reached"):
                PostgresStore(make_conninfo(address, **wrong))

    def test_who_listens_and_says_nothing_is_given_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(StoreError, match="could not be reached"):
            PostgresStore(f"host=127.0.0.1 port={silent.getsockname()[1]} dbname=x", patience=0.1)

    def test_a_server_that_is_too_old_is_refused_and_left_as_it_is(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(store, "OLDEST", 990_000)
        with pytest.raises(SchemaError, match="too old"):
            PostgresStore(address)
        assert everything(address) == {}

    def test_a_role_that_may_make_no_tables_says_so(self, address: str) -> None:
        role = f"role_of_{named(address)}"
        rows(address, f"CREATE ROLE {role} LOGIN")
        try:
            rows(address, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            with pytest.raises(StoreError) as refused:
                PostgresStore(make_conninfo(address, user=role))
            assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)
            assert everything(address) == {}
        finally:
            rows(address, f"DROP ROLE {role}")

    @pytest.mark.parametrize("table", ["custstatus_entry (x int)", "custstatus_schema (x int)"])
    def test_a_table_of_the_host_s_under_a_name_of_ours_is_refused_and_nothing_is_made_beside_it(
        self, address: str, table: str
    ) -> None:
        rows(address, f"CREATE TABLE {table}")
        before = everything(address)
        with pytest.raises(StoreError):
            PostgresStore(address)
        assert everything(address) == before

    def test_a_refused_store_leaves_no_connection(self, address: str) -> None:
        with pytest.raises(SchemaError):
            PostgresStore(address, create=False)
        left = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{named(address)}' AND application_name = 'custstatus'"
        assert soon_none(address, left)


class TestOnlyToLook:
    """With create=False nothing is made."""

    def test_an_empty_database_is_refused_and_left_as_it_is(self, address: str) -> None:
        rows(address, "CREATE TABLE sale (number int)")
        with pytest.raises(SchemaError, match="without the tables"):
            PostgresStore(address, create=False)
        assert everything(address) == {"sale": []}
        assert rows(address, "SELECT 1 FROM pg_proc WHERE proname LIKE 'custstatus%'") == []

    def test_one_of_ours_is_opened(self, address: str) -> None:
        with opened(address) as service:
            service.acting(AGENT).register("c")
        before = everything(address)
        with opened(address, create=False) as service:
            assert service.account("c").version == 2
        assert everything(address) == before

    def test_one_at_an_earlier_step_is_refused(self, address: str) -> None:
        PostgresStore(address).close()
        rows(address, "DELETE FROM custstatus_schema")
        with pytest.raises(SchemaError, match="earlier schema step"):
            PostgresStore(address, create=False)


class TestMigration:
    """The schema comes to be by numbered steps, each of them once, all that are missing in one transaction."""

    @pytest.fixture
    def later(self, monkeypatch: pytest.MonkeyPatch) -> Later:
        """Gives the version of this process further steps than the shipped ones."""
        return lambda texts: monkeypatch.setattr(migrating, "SCHEMA", more(SHIPPED, texts))

    def test_the_shipped_steps_are_numbered_without_a_gap(self) -> None:
        numbers = [step.number for step in SHIPPED.steps]
        assert numbers == list(range(1, len(numbers) + 1))

    def test_tables_are_made_beside_the_host_s_which_stay_as_they_are(self, address: str) -> None:
        for name in "account", "entry", "schema":
            rows(address, f"CREATE TABLE {name} (name text)")
            rows(address, f"INSERT INTO {name} VALUES ('a')")
        before = everything(address)
        with opened(address) as service:
            service.acting(AGENT).register("c")
        after = everything(address)
        assert {name: after.pop(name) for name in before} == before
        assert len(after) > 8
        assert all(name.startswith("custstatus_") for name in after)
        assert faults_in(address) == []

    def test_opening_again_changes_nothing(self, address: str) -> None:
        with opened(address) as service:
            service.acting(AGENT).register("c")
        before = everything(address)
        for _ in range(3):
            PostgresStore(address).close()
        assert everything(address) == before

    def test_a_schema_of_a_later_version_is_refused_and_left_as_it_is(self, address: str) -> None:
        PostgresStore(address).close()
        rows(address, "INSERT INTO custstatus_schema VALUES (99, '')")
        before = everything(address)
        for create in True, False:
            with pytest.raises(SchemaError, match=r"step 99, this version knows \d+: upgrade custstatus"):
                PostgresStore(address, create=create)
        assert everything(address) == before

    def test_a_later_step_is_taken_once_and_what_is_kept_stays(self, address: str, later: Later) -> None:
        with opened(address) as service:
            service.acting(AGENT).register("c")
        before = everything(address)
        text = "ALTER TABLE custstatus_account ADD COLUMN more text;\n\nCREATE TABLE custstatus_more (x int);\n"
        later({"0901_later": text})
        with pytest.raises(SchemaError, match="earlier schema step"):
            PostgresStore(address, create=False)
        for _ in range(2):
            with opened(address) as service:
                assert service.account("c").version == 2
        after = everything(address)
        assert after["custstatus_schema"] == [*before["custstatus_schema"], (901, migrating.SCHEMA.hash_of(901))]
        assert after["custstatus_more"] == []
        assert after["custstatus_entry"] == before["custstatus_entry"]

    @pytest.mark.parametrize("empty", [True, False])
    def test_a_step_that_fails_half_way_leaves_nothing_of_itself_or_of_those_before_it(
        self, address: str, later: Later, empty: bool
    ) -> None:
        if not empty:
            PostgresStore(address).close()
        before = everything(address)
        wrong = "CREATE TABLE custstatus_most (x int);\n\nSELECT no_such_column;\n"
        later({"0901_later": "CREATE TABLE custstatus_more (x int);\n", "0902_wrong": wrong})
        with pytest.raises(StoreError):
            PostgresStore(address)
        assert everything(address) == before

    def test_one_that_others_migrate_for_longer_than_its_patience_is_busy(self, address: str) -> None:
        with psycopg.connect(address) as other:
            other.execute(migrating._ALONE.text.encode())
            with pytest.raises(StoreBusyError):
                PostgresStore(address, patience=0.2)
        assert everything(address) == {}
        PostgresStore(address, patience=10).close()


class TestManyAtOnce:
    """Processes and threads that open the same empty databases at once."""

    def test_all_succeed(self, server: Server) -> None:
        with ExitStack() as stack:
            empty = [stack.enter_context(database(server)) for _ in range(DATABASES)]
            answers = at_once(PROCESSES, DATABASES, enter, lambda number: (empty, f"p{number}", THREADS))
            assert answers.errors == []
            assert answers.counts == {"made": PROCESSES * THREADS * DATABASES}
            for address in empty:
                assert rows(address, "SELECT count(*) FROM custstatus_account") == [(PROCESSES * THREADS,)]
                assert rows(address, "SELECT count(*) FROM custstatus_schema") == [(len(SHIPPED.steps),)]
                assert faults_in(address) == []

    def test_without_one_waiting_for_the_other_somebody_would_fail(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(migrating, "_ALONE", Statement("SELECT 1"))

        def enter(address: str) -> Answers:
            PostgresStore(address).close()
            return Answers()

        def fails() -> bool:
            with database(server) as address:
                return bool(together([lambda: enter(address)] * THREADS).errors)

        assert any(fails() for _ in range(10))


class TestHistory:
    """The history is append-only by hand too; only text can be erased (D59)."""

    @pytest.fixture
    def kept(self, address: str) -> str:
        with opened(address) as service:
            service.acting(AGENT).register("c", identifiers=[Identifier("email", "c@example.org")])
        return address

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE custstatus_entry SET actor = 'nobody'",
            "UPDATE custstatus_entry SET version = version + 1 WHERE version = 1",
            "DELETE FROM custstatus_entry",
            "DELETE FROM custstatus_entry WHERE version = 1",
            "TRUNCATE custstatus_entry",
            "TRUNCATE custstatus_account, custstatus_entry CASCADE",
            "INSERT INTO custstatus_entry (org, customer, version, kind, effective_at, recorded_at, actor, actor_kind,"
            " requested_by, channel, config, ordinal, closes, xid)"
            " SELECT org, customer, version, kind, 0, 0, '', '', '', '', '', 0, 0, 0"
            " FROM custstatus_entry ON CONFLICT (org, customer, version) DO UPDATE SET actor = 'nobody'",
        ],
    )
    def test_it_is_not_changed_by_hand(self, kept: str, statement: str) -> None:
        before = everything(kept)
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            rows(kept, statement)
        assert everything(kept) == before

    def test_without_its_triggers_it_would_be(self, kept: str) -> None:
        # The control: it is the triggers that stand in the way, and nothing else.
        for trigger in "custstatus_entry_is_not_changed", "custstatus_entry_is_not_emptied":
            rows(kept, f"DROP TRIGGER {trigger} ON custstatus_entry")
        rows(kept, "UPDATE custstatus_entry SET actor = 'nobody'")
        rows(kept, "TRUNCATE custstatus_entry")
        assert faults_in(kept) != []

    def test_text_can_be_erased(self, kept: str) -> None:
        rows(kept, "DELETE FROM custstatus_text")
        with opened(kept) as service:
            assert {entry.reason for entry in service.history("c")} == {None}
            assert service.verify().faults == ()


def test_a_row_that_somebody_has_changed_by_hand_is_an_error_of_the_store(address: str) -> None:
    with opened(address) as service:
        service.acting(AGENT).register("c")
        rows(address, "UPDATE custstatus_standing SET actor_kind = 'nobody'")
        looks: tuple[Callable[[StatusService[Label]], object], ...] = (
            lambda service: service.account("c"),
            lambda service: service.acting(AGENT).restore("c", reason="x"),
        )
        for look in looks:
            with pytest.raises(StoreError, match="never wrote"):
                look(service)
        with PostgresStore(address) as plain:
            assert StatusService(plain, ACME).history("c").items
