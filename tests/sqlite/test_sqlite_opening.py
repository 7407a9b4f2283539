"""Opening and closing a store in a file: what it insists on, what it refuses, how the schema comes to be, what stays shut."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from children import start
from engine import Engine
from openers import open_at_once
from organisation import ACME, AGENT, START, Clock, Label
from soundness import everything, faults_in, opened, rows
from stepped import more

from custstatus import (
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    Activity,
    CuststatusError,
    Identifier,
    InvalidInputError,
    SQLiteStore,
    StatusService,
    StoreBusyError,
    StoreError,
)
from custstatus.adapters.sqlite import migrating
from custstatus.errors import SchemaError, StoreClosedError

PROCESSES, THREADS, FILES = 2, 8, 2

Later = Callable[[dict[int, str]], None]
"""Gives the version of this process further steps, by their numbers."""

FULL = 2
"""What PRAGMA synchronous answers for FULL."""

SHIPPED = migrating.SCHEMA
STEPS = [(step.number, step.hash) for step in SHIPPED.steps]
LAST = SHIPPED.last


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(sqlite3, "connect", engine)
    return engine


def answering(pragma: str, answer: object) -> type[sqlite3.Connection]:
    """Connections that answer one PRAGMA otherwise than the engine would."""

    class Liar(sqlite3.Connection):
        def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
            if sql.startswith(f"PRAGMA {pragma}"):
                return super().execute("SELECT ?", (answer,))
            return super().execute(sql, *parameters)

    return Liar


def is_shut(connection: sqlite3.Connection) -> bool:
    """Whether a connection was closed."""
    try:
        connection.total_changes  # noqa: B018
    except sqlite3.ProgrammingError:
        return True
    return False


class TestDurability:
    """Write-ahead log and synchronous FULL on every connection, or no store."""

    def test_the_writer_and_every_reader_write_ahead_and_sync_fully(self, tmp_path: Path, engine: Engine) -> None:
        with opened(tmp_path / "statuses.db") as service:
            service.acting(AGENT).register("c")
            together = threading.Barrier(4)
            engine.heard = lambda statement: together.wait() if "custstatus_account" in statement else None
            askers = [threading.Thread(target=service.decide, args=("c", Action.TRANSACTION)) for _ in range(4)]
            for asker in askers:
                asker.start()
            for asker in askers:
                asker.join()
            modes = {
                connection.execute("PRAGMA journal_mode").fetchone()
                + connection.execute("PRAGMA synchronous").fetchone()
                for connection in engine.opened
            }
        assert len(engine.opened) >= 5  # one that writes, and four that have read at once
        assert modes == {("wal", FULL)}
        assert all(map(is_shut, engine.opened))

    @pytest.mark.parametrize(
        ("pragma", "answer"),
        [("journal_mode", "delete"), ("journal_mode", "memory"), ("synchronous", 1), ("synchronous", 0)],
    )
    def test_a_writer_that_finds_another_mode_is_no_store(
        self, tmp_path: Path, engine: Engine, pragma: str, answer: object
    ) -> None:
        engine.factories[0] = answering(pragma, answer)
        with pytest.raises(StoreError, match=f"got .*{answer}"):
            SQLiteStore(tmp_path / "statuses.db")
        assert list(map(is_shut, engine.opened)) == [True]

    def test_a_reader_that_finds_another_mode_reads_nothing_and_the_next_is_asked_anew(
        self, tmp_path: Path, engine: Engine
    ) -> None:
        with opened(tmp_path / "statuses.db") as service:
            service.acting(AGENT).register("c")
            reading, go_on = threading.Event(), threading.Event()

            def hold(statement: str) -> None:
                if "custstatus_account" in statement:
                    reading.set()
                    go_on.wait()

            engine.heard = hold
            reader = threading.Thread(target=service.decide, args=("c", Action.TRANSACTION))
            reader.start()
            reading.wait()  # so that the next to read needs a connection of its own
            engine.factories[len(engine.opened)] = answering("synchronous", 1)
            with pytest.raises(
                StoreError, match=r"expected journal_mode wal and synchronous 2 \(FULL\), got wal and 1"
            ):
                service.counts(MEMBERSHIP)
            assert is_shut(engine.opened[-1])
            assert service.counts(MEMBERSHIP)[0].accounts == 1
            assert not is_shut(engine.opened[-1])
            go_on.set()
            reader.join()

    def test_a_file_in_another_journal_mode_becomes_write_ahead(self, tmp_path: Path) -> None:
        path = tmp_path / "host.db"
        assert rows(path, "PRAGMA journal_mode = DELETE") == [("delete",)]
        SQLiteStore(path).close()
        assert rows(path, "PRAGMA journal_mode") == [("wal",)]

    def test_a_file_that_another_holds_in_another_journal_mode_is_busy_until_it_is_let_go(self, tmp_path: Path) -> None:
        path = tmp_path / "host.db"
        with closing(sqlite3.connect(path, isolation_level=None)) as host:
            host.execute("CREATE TABLE sale (number INTEGER)")
            host.execute("BEGIN")
            host.execute("SELECT * FROM sale").fetchall()
            with pytest.raises(StoreBusyError):
                SQLiteStore(path, busy_timeout=0.01)
            host.execute("COMMIT")
            SQLiteStore(path, busy_timeout=0.01).close()

    @pytest.mark.parametrize(
        "begin",
        [
            "BEGIN",
            "BEGIN IMMEDIATE",
        ],
    )
    def test_who_opens_such_a_file_waits_until_it_is_let_go(self, tmp_path: Path, engine: Engine, begin: str) -> None:
        # As do those who open a new file at once: each but one finds it held for a moment.
        path = tmp_path / "host.db"
        with closing(engine.connect(path, isolation_level=None)) as host:
            host.execute("CREATE TABLE sale (number INTEGER)")
            host.execute(begin)
            host.execute("SELECT * FROM sale").fetchall()
            tried = 0
            tried_again = threading.Event()

            def hear(statement: str) -> None:
                nonlocal tried
                tried += statement == "PRAGMA journal_mode = WAL"
                if tried > 1:
                    tried_again.set()

            engine.heard = hear
            got: list[object] = []

            def enter() -> None:
                try:
                    SQLiteStore(path).close()
                    got.append("opened")
                except StoreError as error:
                    got.append(repr(error))

            opener = threading.Thread(target=enter)
            opener.start()
            tried_again.wait(1)  # as long, where the engine itself does the waiting
            host.execute("COMMIT")
            opener.join()
        assert got == ["opened"]


class TestRefusals:
    """What is no store for this version is refused with a typed error, and left as it was."""

    @pytest.mark.parametrize("name", ["", ":memory:", "file:statuses.db", "file::memory:?cache=shared", b"statuses.db"])
    def test_what_is_no_path_of_a_file_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: Any
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InvalidInputError, match="path: expected the path of a file"):
            SQLiteStore(name)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("kind", [str, Path])
    def test_a_path_is_text_or_path_like(self, tmp_path: Path, kind: Callable[[str], Any]) -> None:
        SQLiteStore(kind(str(tmp_path / "statuses.db"))).close()
        assert faults_in(tmp_path / "statuses.db") == []

    def test_an_engine_that_is_too_old_is_refused_before_the_file_is_touched(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
        with pytest.raises(SchemaError, match="too old"):
            SQLiteStore(tmp_path / "statuses.db")
        assert list(tmp_path.iterdir()) == []

    def test_a_schema_of_a_later_version_is_refused_and_left_as_it_is(self, tmp_path: Path, engine: Engine) -> None:
        path = tmp_path / "statuses.db"
        with opened(path) as service:
            service.acting(AGENT).register("c")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("INSERT INTO custstatus_schema VALUES (9999, '')")
        before = everything(path)
        with pytest.raises(SchemaError, match="step 9999"):
            SQLiteStore(path)
        assert everything(path) == before

    @pytest.mark.parametrize(
        "content", [b"this is no database, whatever its name says\n" * 100, b"SQLite format 3\0" * 64]
    )
    def test_what_is_no_database_is_refused_and_left_as_it_is(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "statuses.db"
        path.write_bytes(content)
        with pytest.raises(StoreError) as refused:
            SQLiteStore(path)
        assert isinstance(refused.value.__cause__, sqlite3.DatabaseError)
        assert path.read_bytes() == content

    @pytest.mark.parametrize("name", [".", "no/such/folder/statuses.db"])
    def test_a_path_where_no_file_can_be_is_refused(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(StoreError):
            SQLiteStore(tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    def test_a_table_of_the_host_under_a_name_of_ours_is_refused_and_nothing_is_made_beside_it(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "host.db"
        rows(path, "CREATE TABLE custstatus_identifier (number INTEGER)")
        with pytest.raises(StoreError):
            SQLiteStore(path)
        assert everything(path) == {"custstatus_identifier": []}

    def test_a_connection_that_a_refused_store_has_opened_is_shut(self, tmp_path: Path, engine: Engine) -> None:
        path = tmp_path / "host.db"
        rows(path, "CREATE TABLE custstatus_identifier (number INTEGER)")
        with pytest.raises(StoreError):
            SQLiteStore(path)
        assert all(map(is_shut, engine.opened))


class TestOnlyToLook:
    """Opened with `create=False`, a file that is not ours is refused and left as it was."""

    def test_a_file_of_ours_is_opened(self, tmp_path: Path) -> None:
        path = tmp_path / "a folder?" / "50% #1.db"
        path.parent.mkdir()
        with opened(path) as service:
            service.acting(AGENT).register("c")
        with closing(SQLiteStore(path, create=False)) as store:
            assert StatusService(store, ACME).account("c").version == 2

    def test_a_file_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        with pytest.raises(SchemaError, match="no such file"):
            SQLiteStore(tmp_path / "statuses.db", create=False)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("content", [None, b"", b"no database" * 1_000])
    def test_a_file_of_somebody_else_s_is_left_as_it_is(self, tmp_path: Path, content: bytes | None) -> None:
        path = tmp_path / "host.db"
        if content is None:
            rows(path, "CREATE TABLE sale (number INTEGER)")
        else:
            path.write_bytes(content)
        before = path.read_bytes()
        with pytest.raises(SchemaError):
            SQLiteStore(path, create=False)
        assert path.read_bytes() == before
        assert [found.name for found in tmp_path.iterdir()] == ["host.db"]

    def test_a_store_is_a_context_that_closes_it(self, tmp_path: Path) -> None:
        with SQLiteStore(tmp_path / "statuses.db") as store:
            assert store.organisations() == ()
        with pytest.raises(StoreClosedError):
            store.organisations()


class TestManyAtOnce:
    """A new file that several open at once is made once."""

    def test_processes_and_threads_that_open_the_same_new_files_at_once_all_succeed(self, tmp_path: Path) -> None:
        paths = [tmp_path / f"{number}.db" for number in range(FILES)]
        started = [start(open_at_once, paths, f"p{number}", THREADS) for number in range(PROCESSES)]
        pipes = [pipe for _, pipe in started]
        for path in paths:
            assert [pipe.recv() for pipe in pipes] == ["ready"] * PROCESSES
            for pipe in pipes:
                pipe.send("go")
            assert [pipe.recv() for pipe in pipes] == [[]] * PROCESSES
            with opened(path) as service:
                assert sum(tally.accounts for tally in service.counts(CUSTOMER_STATUS)) == PROCESSES * THREADS
            assert rows(path, "SELECT step, hash FROM custstatus_schema") == STEPS
            assert faults_in(path) == []
        for process, _ in started:
            process.join()
            assert process.exitcode == 0

    def test_one_that_opens_while_another_writes_waits_for_it(self, tmp_path: Path) -> None:
        path = tmp_path / "statuses.db"
        SQLiteStore(path).close()
        with closing(sqlite3.connect(path, isolation_level=None)) as host:
            host.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusyError):
                SQLiteStore(path, busy_timeout=0.01)
            got: list[object] = []
            opener = threading.Thread(target=lambda: got.append(SQLiteStore(path)))
            opener.start()
            host.execute("COMMIT")
            opener.join()
        (store,) = got
        assert isinstance(store, SQLiteStore)
        store.close()


class TestMigration:
    """The schema comes to be by numbered steps, each file of them once, all that are missing in one transaction."""

    @pytest.fixture
    def later(self, monkeypatch: pytest.MonkeyPatch) -> Later:
        """Gives the version of this process further steps than the shipped ones, instead of those given before."""

        def give(texts: dict[int, str]) -> None:
            named = {f"{number:04}_later": text for number, text in texts.items()}
            monkeypatch.setattr(migrating, "SCHEMA", more(SHIPPED, named))

        return give

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "statuses.db"

    def test_the_shipped_steps_are_numbered_without_a_gap(self) -> None:
        numbers = [step.number for step in SHIPPED.steps]
        assert numbers == list(range(1, len(numbers) + 1))

    @pytest.mark.parametrize("made", ["absent", "empty", "without tables"])
    def test_a_file_without_tables_gets_them(self, path: Path, made: str) -> None:
        if made == "empty":
            path.touch()
        elif made == "without tables":
            rows(path, "PRAGMA user_version = 7")
        SQLiteStore(path).close()
        assert rows(path, "SELECT step, hash FROM custstatus_schema") == STEPS
        names = [name for (name,) in rows(path, "SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert len(names) > 8
        assert all(name.startswith("custstatus_") for name in names)
        assert rows(path, "PRAGMA user_version") == [(7 if made == "without tables" else 0,)]

    def test_the_host_s_tables_and_rows_beside_ours_stay_as_they_are(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as host, host:
            host.execute("CREATE TABLE account (name TEXT)")
            host.execute("CREATE TABLE entry (name TEXT)")
            host.execute("CREATE TABLE schema (step INTEGER)")
            host.executemany("INSERT INTO account VALUES (?)", [("a",), ("b",)])
        before = everything(path)
        with opened(path) as service:
            service.acting(AGENT).register("c")
        after = everything(path)
        assert {name: after[name] for name in before} == before
        assert faults_in(path) == []

    def test_opening_again_changes_nothing(self, path: Path) -> None:
        with opened(path) as service:
            service.acting(AGENT).register("c")
        before = everything(path)
        for _ in range(3):
            SQLiteStore(path).close()
        assert everything(path) == before

    def test_a_later_step_is_taken_once_and_what_is_kept_stays(self, path: Path, later: Later) -> None:
        with opened(path) as service:
            service.acting(AGENT).register("c")
            service.acting(AGENT).change("c", Label.LOST_PHONE, reason="Lost mobile phone")
        before = everything(path)
        later(
            {
                LAST + 1: "-- More; of it.\nCREATE TABLE custstatus_more (name TEXT);\nINSERT INTO custstatus_more\n"
                "VALUES ('a;b');\n",
                LAST + 9: "CREATE TRIGGER custstatus_no_more BEFORE DELETE ON custstatus_more\nBEGIN\n  SELECT 1;\n"
                "  SELECT RAISE(ABORT, 'never; ever');\nEND;\nINSERT INTO custstatus_more VALUES ('c');",
            }
        )
        for _ in range(2):
            SQLiteStore(path).close()
        after = everything(path)
        assert after.pop("custstatus_more") == [("a;b",), ("c",)]
        taken = [(step.number, step.hash) for step in migrating.SCHEMA.steps]
        assert [number for number, _ in taken] == [*(number for number, _ in STEPS), LAST + 1, LAST + 9]
        assert after.pop("custstatus_schema") == sorted(taken, key=repr)
        assert after == {name: kept for name, kept in before.items() if name != "custstatus_schema"}
        assert rows(path, "SELECT name FROM sqlite_master WHERE name = 'custstatus_no_more'")
        assert faults_in(path) == []

    def test_a_step_that_fails_half_way_leaves_nothing_of_itself_or_of_those_before_it(
        self, path: Path, later: Later
    ) -> None:
        with opened(path) as service:
            service.acting(AGENT).register("c")
        before = everything(path)
        sound = {LAST + 1: "CREATE TABLE custstatus_more (name TEXT);\n"}
        wrong = "CREATE TABLE custstatus_most (name TEXT);\nINSERT INTO custstatus_none VALUES (1);\n"
        later(sound | {LAST + 2: wrong})
        with pytest.raises(StoreError) as failed:
            SQLiteStore(path)
        assert "custstatus_none" in str(failed.value.__cause__)
        assert everything(path) == before
        later(sound)
        with opened(path) as service:
            service.acting(AGENT).change("c", Label.TRENDING, reason="buys much")
        assert rows(path, "SELECT step, hash FROM custstatus_schema") == [
            *STEPS,
            (LAST + 1, migrating.SCHEMA.hash_of(LAST + 1)),
        ]

    def test_a_new_file_whose_step_fails_stays_without_tables(self, path: Path, later: Later) -> None:
        later({LAST + 1: "CREATE TABLE custstatus_account (name TEXT);\n"})
        with pytest.raises(StoreError):
            SQLiteStore(path)
        assert everything(path) == {}

    def test_a_version_without_a_step_that_the_file_has_taken_refuses_it(self, path: Path, later: Later) -> None:
        later({LAST + 1: "CREATE TABLE custstatus_more (name TEXT);\n"})
        SQLiteStore(path).close()
        later({})
        with pytest.raises(SchemaError, match=rf"step {LAST + 1}.* knows {LAST}"):
            SQLiteStore(path)


class TestHistory:
    """Entries are neither changed nor deleted, even by hand."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "statuses.db"
        with opened(path) as service:
            service.acting(AGENT).register("c", key="k")
            service.acting(AGENT).change("c", Label.LOST_PHONE, reason="Lost mobile phone")
        return path

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE custstatus_entry SET actor = 'nobody'",
            "UPDATE custstatus_entry SET actor = 'nobody' WHERE id = 1",
            "UPDATE custstatus_entry SET actor = actor",
            "UPDATE OR REPLACE custstatus_entry SET version = 2 WHERE version = 1",
            "DELETE FROM custstatus_entry",
            "DELETE FROM custstatus_entry WHERE version = 3",
            "INSERT INTO custstatus_entry SELECT * FROM custstatus_entry WHERE true ON CONFLICT DO UPDATE SET actor = 'nobody'",
        ],
    )
    def test_it_is_not_changed_or_deleted_by_hand(self, path: Path, statement: str) -> None:
        before = everything(path)
        with (
            closing(sqlite3.connect(path)) as connection,
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
            connection,
        ):
            connection.execute(statement)
        assert everything(path) == before


class TestClosing:
    """What is closed stays shut, for every verb and every thread."""

    USES: tuple[Callable[[StatusService[Label]], object], ...] = (
        lambda service: service.decide("c", Action.TRANSACTION),
        lambda service: service.standing("c", CUSTOMER_STATUS),
        lambda service: service.history(),
        lambda service: service.customers(CUSTOMER_STATUS),
        lambda service: service.counts(CUSTOMER_STATUS),
        lambda service: service.find(Identifier("mobile", "1")),
        lambda service: service.identifiers("c"),
        lambda service: service.activities("c"),
        lambda service: service.verify(),
        lambda service: service.acting(AGENT).register("d"),
        lambda service: service.acting(AGENT).change("c", Label.TRENDING, reason="buys much"),
        lambda service: service.acting(AGENT).add_identifier("c", Identifier("mobile", "1"), reason="asked"),
        lambda service: service.acting(AGENT).restore("c", reason="back"),
        lambda service: service.acting(AGENT).preview("c", Label.TRENDING),
        lambda service: service.record(Activity("c", Action.TRANSACTION, "r", START)),
        lambda service: service.sweep(),
        lambda service: service.store.organisations(),
        lambda service: StatusService(service.store, ACME),
    )

    @staticmethod
    def closed(path: Path, *, asked: bool) -> StatusService[Label]:
        """A service over a store that was closed, after this thread had read from it or before."""
        store = SQLiteStore(path)
        service = StatusService(store, ACME, clock=Clock())
        service.acting(AGENT).register("c")
        if asked:
            service.decide("c", Action.TRANSACTION)
        store.close()
        store.close()
        return service

    def test_a_thread_that_had_read_is_told_that_it_is_closed(self, tmp_path: Path) -> None:
        service = self.closed(tmp_path / "statuses.db", asked=True)
        before = everything(tmp_path / "statuses.db")
        for use in self.USES:
            with pytest.raises(StoreClosedError):
                use(service)
        assert everything(tmp_path / "statuses.db") == before

    def test_a_thread_that_had_not_read_is_told_so_too(self, tmp_path: Path) -> None:
        service = self.closed(tmp_path / "statuses.db", asked=False)
        told: list[CuststatusError] = []

        def use_all() -> None:
            for use in self.USES:
                try:
                    use(service)
                except StoreClosedError as error:
                    told.append(error)

        user = threading.Thread(target=use_all)
        user.start()
        user.join()
        assert len(told) == len(self.USES)

    def test_what_was_written_is_there_for_the_next_to_open_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "statuses.db"
        self.closed(path, asked=True)
        assert [found.name for found in tmp_path.iterdir()] == ["statuses.db"]
        with opened(path) as service:
            assert service.account("c").version == 2
