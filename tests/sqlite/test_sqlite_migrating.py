"""Migrations of a file that is in use: whoever opens it migrates it once, and nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from children import start
from hammer import Answers, line, together
from organisation import AGENT, Label
from soundness import everything, faults_in, opened, rows
from stepped import in_three, knowing, more

from custstatus import Identifier, InvalidInputError, SQLiteStore, StatusService, StoreBusyError, StoreError
from custstatus.adapters.sql.schema import Schema
from custstatus.adapters.sqlite import migrating
from custstatus.adapters.sqlite.migrating import SchemaStatus, migrate_schema, schema_sql, schema_status
from custstatus.errors import SchemaError
from custstatus.service.service import utc_now

SHIPPED = migrating.SCHEMA
SCHEMA = in_three(SHIPPED)
"""What the files of these tests are made by, unless a test says otherwise."""
STEPS = [step.number for step in SCHEMA.steps]

# What is written between the copy and its return would be lost.
REWRITTEN = (
    "CREATE TABLE custstatus_copy AS SELECT * FROM custstatus_standing;\n",
    "DELETE FROM custstatus_standing;\nINSERT INTO custstatus_standing SELECT * FROM custstatus_copy;\n"
    "DROP TABLE custstatus_copy;\n",
)
LATER = {
    "0901_added": "ALTER TABLE custstatus_account ADD COLUMN more TEXT;\n"
    "CREATE INDEX custstatus_entry_by_actor ON custstatus_entry (org, actor);\n",
    "0902_rewritten": "".join(REWRITTEN),
}
VERSION_LATER = more(SCHEMA, LATER)
"""What a version has that has two steps more."""

START = 140
"""How many entries there are when it is migrated: those of before, and some more."""

NOT_MIGRATED = "it was not migrated while others changed it"

MOST = 30_000
"""Changes of a thread: more than it takes until who migrates has come by SQLite's lock, which is not fair."""

PAUSE = 0.001
"""Seconds between two looks at how far the others are."""

OLD = [f"old-{number}" for number in range(8)]
NEW = [f"new-{number}" for number in range(8)]

# As the first version of the store does it, with the columns that there were.
FOUND = """
SELECT a.version, s.label, s.since FROM custstatus_account a JOIN custstatus_standing s USING (org, customer)
WHERE (org, customer, lifecycle) = ('acme', ?, 'customer_status')
"""
APPENDED = """
INSERT INTO custstatus_entry (org, customer, version, kind, lifecycle, from_status, from_label, to_status, to_label,
    effective_at, recorded_at, actor, actor_kind, requested_by, channel, config, key, ordinal, digest, closes)
SELECT org, customer, :version, 'moved', 'customer_status', 'active', :was, 'active', :label, :now, :now, actor, actor_kind,
    requested_by, channel, config, :key, 0, :digest, 0
FROM custstatus_entry WHERE (org, customer, version) = ('acme', :customer, 2)
"""
EXPLAINED = "INSERT INTO custstatus_text (org, customer, version, reason) VALUES ('acme', :customer, :version, :key)"
ADVANCED = "UPDATE custstatus_account SET version = :version WHERE (org, customer) = ('acme', :customer)"
MOVED = """
UPDATE custstatus_standing SET label = :label, since = :now, entry = :version, return_to = NULL,
    (actor, actor_kind) = (SELECT actor, actor_kind FROM custstatus_entry
        WHERE (org, customer, version) = ('acme', :customer, :version))
WHERE (org, customer, lifecycle) = ('acme', :customer, 'customer_status')
"""


def connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=60)


def change_as_before(connection: sqlite3.Connection, customer: str, key: str) -> Any:
    """Change a label by hand, as a program of the first version would; the entry in short."""
    connection.execute("BEGIN IMMEDIATE")
    version, origin, since = connection.execute(FOUND, [customer]).fetchone()
    label = Label.TRENDING.text if origin == Label.REGULAR.text else Label.REGULAR.text
    now = max(since, int(utc_now().timestamp() * 1_000_000))
    given = {"customer": customer, "version": version + 1, "was": origin, "label": label, "now": now, "key": key}
    for statement in APPENDED, EXPLAINED, ADVANCED, MOVED:
        connection.execute(statement, {**given, "digest": key.encode()})
    connection.execute("COMMIT")
    return customer, version + 1, "moved", origin, label, key, key


def change_as_now(service: StatusService[Label], number: int, name: str, answers: Answers) -> None:
    """A change by a store."""
    customer, key, turn = (OLD + NEW)[number % 16], f"{name}-{number}", number // 16 % 2
    # By hand only labels under active are changed.
    label = Label.REGULAR if turn else Label.TRENDING if customer in OLD else Label.LOST_PHONE
    answers.ask(lambda: service.acting(AGENT).change(customer, label, reason=key, key=key))


def entries(connection: sqlite3.Connection) -> int:
    """How many there are."""
    return int(connection.execute("SELECT count(*) FROM custstatus_entry").fetchone()[0])


def migrated(connection: sqlite3.Connection) -> bool:
    """Whether all later steps are taken."""
    return bool(connection.execute("SELECT max(step) = 902 FROM custstatus_schema").fetchone()[0])


def go_on(connection: sqlite3.Connection, change: Callable[[int], None]) -> None:
    """Change until the file is migrated, and a while longer."""
    left, number = 30, 0
    while left and number < MOST:
        change(number)
        number += 1
        left -= migrated(connection)
    assert not left, NOT_MIGRATED


def in_use(pipe: Connection, path: Path, role: str, schema: Schema, torn: bool) -> None:
    """A process of its own: changes as programs of before do, or opens stores as those of now, which migrate it."""

    def before(number: int) -> Answers:
        answers = Answers()

        def change(turn: int) -> None:
            customer = OLD[turn % len(OLD)]
            answers.written.append(change_as_before(connection, customer, f"before-{number}-{turn}"))

        with closing(connected(path)) as connection:
            go_on(connection, change)
        return answers

    def now(number: int) -> Answers:
        answers = Answers()
        with closing(connected(path)) as connection:
            while entries(connection) < START:
                sleep(PAUSE)
            if torn and number:
                while not migrated(connection):
                    sleep(PAUSE)
            elif torn:
                migrate_torn(connection)
            with opened(path) as service:
                go_on(connection, lambda turn: change_as_now(service, turn, f"{role}-{number}", answers))
        return answers

    migrating.SCHEMA = schema
    pipe.send("ready")
    pipe.recv()
    change = before if role == "before" else now
    pipe.send(together([lambda: change(1), lambda: change(0)]))


def as_soon_as_free(connection: sqlite3.Connection, statement: str) -> None:
    """Run a statement as soon as nobody has the lock: SQLite's own waiting is not fair, and may take until the others end."""
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        else:
            return


def migrate_torn(connection: sqlite3.Connection) -> None:
    """What the later steps do, each statement by itself, with changes in between."""
    copied, returned = REWRITTEN
    connection.execute("PRAGMA busy_timeout = 0")
    as_soon_as_free(connection, copied)
    seen = entries(connection)
    for _ in range(5_000):
        if entries(connection) >= seen + 20:
            break
        sleep(PAUSE)
    else:
        raise AssertionError(NOT_MIGRATED)
    for statement in migrating._statements(returned):
        as_soon_as_free(connection, statement)
    for step in migrating.SCHEMA.steps:
        if step.name == "0901_added":
            for statement in migrating._statements(step.text):
                as_soon_as_free(connection, statement)
    for step in migrating.SCHEMA.after(STEPS[-1]):
        as_soon_as_free(connection, migrating._DONE.format(step.number, step.hash))
    connection.execute("PRAGMA busy_timeout = 60000")


@pytest.fixture(autouse=True)
def _in_three_steps() -> Iterator[None]:
    with knowing(migrating, SCHEMA):
        yield


def at(tmp_path: Path, step: int) -> Path:
    """A file at a step, with what a store has written, as far as its columns were there already."""
    written, path = tmp_path / "written.db", tmp_path / f"at {step}.db"
    until = Schema(tuple(each for each in SCHEMA.steps if each.number <= step))
    with opened(written) as service:
        desk = service.acting(AGENT)
        for customer in OLD + NEW:
            desk.register(customer, identifiers=[Identifier("mobile", f"+44{customer}")], key=f"key-{customer}")
        for customer in NEW:
            desk.change(customer, Label.UNUSUAL, reason="odd")
            desk.restore(customer, reason="even")
        assert service.verify().faults == ()
    with knowing(migrating, until), closing(connected(path)) as connection:
        assert migrate_schema(path)[-1] == until.steps[-1].name
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("ATTACH ? AS w", [str(written)])
        for (table,) in rows(
            path, "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'custstatus_schema'"
        ):
            names = ", ".join(column for (column,) in rows(path, f"SELECT name FROM pragma_table_info('{table}')"))
            connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM w.{table}")
        assert 0 < entries(connection) < START - 20
    return path


def kept(path: Path) -> list[Any]:
    """Every entry in short."""
    found: list[Any] = []
    with opened(path) as service:
        after = None
        while True:
            page = service.history(after=after, limit=10_000)
            found += map(line, page)
            if page.next is None:
                return found
            after = page.next


class TestInUse:
    """A file at each step, changed by programs of before, and opened by four of now at once."""

    @staticmethod
    def run(path: Path, torn: bool = False) -> Answers:
        """What all were answered."""
        roles = ("before", "now-1", "now-2")[: 2 if torn else 3]
        started = [start(in_use, path, role, VERSION_LATER, torn) for role in roles]
        answers = Answers()
        for _, pipe in started:
            assert pipe.recv() == "ready"
        for _, pipe in started:
            pipe.send("go")
        for process, pipe in started:
            answers += pipe.recv()
            process.join()
            assert process.exitcode == 0
        return answers

    @pytest.mark.parametrize("step", STEPS)
    def test_nothing_acknowledged_is_lost(self, tmp_path: Path, step: int) -> None:
        path = at(tmp_path, step)
        before = set(rows(path, "SELECT customer, version FROM custstatus_entry"))
        answers = self.run(path)
        assert answers.errors == []
        with knowing(migrating, VERSION_LATER):
            assert faults_in(path) == []
            assert schema_status(path).current
            after = kept(path)
        assert {each[:2] for each in after} >= before
        assert sorted(answers.written, key=repr) == sorted((each for each in after if each[:2] not in before), key=repr)
        assert {str(each[5]).split("-")[0] for each in answers.written} == {"before", "now"}

    def test_step_by_step_something_is(self, tmp_path: Path) -> None:
        # The control: the same statements, each a transaction of its own.
        def goes_wrong(number: int) -> bool:
            folder = tmp_path / f"{number}"
            folder.mkdir()
            path = at(folder, STEPS[-1])
            answers = self.run(path, torn=True)
            with knowing(migrating, VERSION_LATER):
                wrong = any(NOT_MIGRATED not in error for error in answers.errors)
                return wrong or faults_in(path) != []

        assert any(goes_wrong(number) for number in range(5))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of the version that is shipped."""
    made = tmp_path / "statuses.db"
    with opened(made) as service:
        service.acting(AGENT).register("c-1")
    return made


def stops(pipe: Connection, path: Path, schema: Schema) -> None:
    """A process of its own, which is killed in the middle of a migration."""
    with closing(connected(path)) as connection:

        def halt() -> None:
            pipe.send("halted")
            pipe.recv()

        connection.create_function("halt", 0, halt)
        migrating.migrate(connection, schema)


class TestTorn:
    def test_one_that_is_killed_leaves_everything_as_it_was(self, path: Path) -> None:
        before = everything(path)
        halting = more(VERSION_LATER, {"0903_halting": "CREATE TABLE custstatus_more (x);\nSELECT halt();\n"})
        process, pipe = start(stops, path, halting)
        assert pipe.recv() == "halted"
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert everything(path) == before
        with knowing(migrating, VERSION_LATER):
            assert migrate_schema(path) == tuple(LATER)
            assert faults_in(path) == []

    def test_others_that_write_for_too_long_make_it_busy(self, path: Path) -> None:
        before = everything(path)
        with knowing(migrating, VERSION_LATER), closing(connected(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreBusyError):
                migrate_schema(path, patience=0.01)
            other.execute("ROLLBACK")
            assert everything(path) == before
            assert migrate_schema(path, patience=0.01) == tuple(LATER)


class TestAsked:
    """What is asked of the schema from Python."""

    def test_a_new_file_gets_all_and_an_old_one_what_is_missing(self, tmp_path: Path) -> None:
        path = tmp_path / "statuses.db"
        for ask in schema_status, lambda path: migrate_schema(path, create=False):
            with pytest.raises(SchemaError, match="no such file"):
                ask(path)
        assert not path.exists()
        assert migrate_schema(path) == tuple(step.name for step in SCHEMA.steps)
        assert schema_status(path) == SchemaStatus(STEPS[-1], STEPS[-1], (), f"SQLite {sqlite3.sqlite_version}")
        with knowing(migrating, VERSION_LATER):
            assert schema_status(str(path)).missing == tuple(LATER)
            assert migrate_schema(path, create=False) == tuple(LATER)
            assert schema_status(path).current
        assert not schema_status(path).current
        with pytest.raises(SchemaError, match="upgrade custstatus"):
            migrate_schema(path)

    def test_a_file_without_our_tables(self, tmp_path: Path) -> None:
        path = tmp_path / "host.db"
        rows(path, "CREATE TABLE sale (x)")
        before = path.read_bytes()
        assert schema_status(path).at == 0
        with pytest.raises(SchemaError, match="without the tables"):
            migrate_schema(path, create=False)
        assert path.read_bytes() == before
        migrate_schema(path)
        SQLiteStore(path, create=False).close()

    def test_what_is_no_database(self, tmp_path: Path) -> None:
        path = tmp_path / "text"
        path.write_bytes(b"no database" * 1_000)
        with pytest.raises(SchemaError, match="no SQLite database"):
            schema_status(path)
        with pytest.raises(StoreError):
            migrate_schema(path)
        assert path.read_bytes() == b"no database" * 1_000

    @pytest.mark.parametrize("path", ["", ":memory:", "file:x.db", b"x.db", "x\0.db"])
    def test_what_is_no_path(self, path: Any) -> None:
        for ask in schema_status, migrate_schema:
            with pytest.raises(InvalidInputError, match="path"):
                ask(path)

    @pytest.mark.parametrize("after", [-1, 9_999, True, "1"])
    def test_there_are_no_other_steps_than_there_are(self, after: Any) -> None:
        with pytest.raises(InvalidInputError, match="a step's number"):
            schema_sql(after)
        assert schema_sql(STEPS[-1]) == ""
