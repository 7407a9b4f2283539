"""Migrations of a database that is in use: nobody waits long, nothing is lost, and one that dies leaves all as it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Event, Thread
from time import sleep
from typing import Any

import psycopg
import pytest
from children import start
from organisation import AGENT, Label
from psycopg.conninfo import conninfo_to_dict
from rivals import Answers, Line, at_once, line, together
from servers import Server, database
from stepped import in_three, knowing, more
from wholeness import PAUSE, everything, faults_in, opened, rows

from custstatus import Identifier, InvalidInputError, StatusService, StoreBusyError, StoreError
from custstatus.adapters.postgres import (
    PostgresStore,
    SchemaStatus,
    migrate_schema,
    migrating,
    schema_statements,
    schema_status,
)
from custstatus.adapters.postgres.migrating import Changed
from custstatus.adapters.sql.running import Transaction
from custstatus.adapters.sql.schema import Schema
from custstatus.adapters.sql.statements import Statement
from custstatus.errors import SchemaError
from custstatus.service.service import utc_now

SHIPPED = migrating.SCHEMA
SCHEMA = in_three(SHIPPED)
"""What the databases of these tests are made by, unless a test says otherwise."""
STEPS = [step.number for step in SCHEMA.steps]

ADDED = """
ALTER TABLE custstatus_account ADD COLUMN more text;

ALTER TABLE custstatus_entry ADD COLUMN more text NOT NULL DEFAULT '';

CREATE INDEX custstatus_entry_by_actor ON custstatus_entry (org, actor);
"""
# What is written between the copy and its return would be lost; the loop leaves room for it, and has an end where nobody can.
REWRITTEN = """
CREATE TABLE custstatus_copy AS SELECT * FROM custstatus_text;

DO $$
DECLARE
    seen bigint := (SELECT count(*) FROM custstatus_entry);
BEGIN
    FOR turn IN 1..30 LOOP
        EXIT WHEN (SELECT count(*) FROM custstatus_entry) > seen + 20;
        PERFORM pg_sleep(0.01);
    END LOOP;
END
$$;

TRUNCATE custstatus_text;

INSERT INTO custstatus_text SELECT * FROM custstatus_copy;

DROP TABLE custstatus_copy;
"""
VERSION_LATER = more(SCHEMA, {"0901_added": ADDED, "0902_rewritten": REWRITTEN})
"""What a version has that has two steps more."""

GATE = "SELECT pg_advisory_xact_lock(42);\n"
"""A statement that waits for the test."""
AT_GATE = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted"
BEHIND = "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'custstatus_account'::regclass AND NOT granted"

VERSIONS = "SELECT customer, version FROM custstatus_entry"

START = 140
"""How many entries there are when it is migrated: those of before, and some more."""

BEGUN = f"SELECT count(*) > {START} FROM custstatus_entry"

OLD = [f"old-{number}" for number in range(8)]
NEW = [f"new-{number}" for number in range(8)]

# As the first version of the store does it, statement by statement, with the columns that there were. The standing is locked
# before the account, as every writer has it: else one that waits for one of them holds what the other waits for.
LOCKED = """
SELECT a.version, s.label, s.since FROM custstatus_account a JOIN custstatus_standing s USING (org, customer)
WHERE (org, customer, lifecycle) = ('acme', %s, 'customer_status') FOR UPDATE OF s, a
"""
APPENDED = """
INSERT INTO custstatus_entry (org, customer, version, kind, lifecycle, from_status, from_label, to_status, to_label,
    effective_at, recorded_at, actor, actor_kind, requested_by, channel, config, key, ordinal, digest, closes, xid)
SELECT org, customer, %(version)s, 'moved', 'customer_status', 'active', %(was)s, 'active', %(label)s, %(now)s, %(now)s, actor,
    actor_kind, requested_by, channel, config, %(key)s, 0, %(digest)s, 0,
    (SELECT greatest(xid, pg_current_xact_id()::text::bigint) FROM custstatus_account a
    WHERE (a.org, a.customer) = ('acme', %(customer)s))
FROM custstatus_entry WHERE (org, customer, version) = ('acme', %(customer)s, 2)
"""
EXPLAINED = (
    "INSERT INTO custstatus_text (org, customer, version, reason) VALUES ('acme', %(customer)s, %(version)s, %(key)s)"
)
ADVANCED = """
UPDATE custstatus_account SET (version, xid) = (SELECT version, xid FROM custstatus_entry
    WHERE (org, customer, version) = ('acme', %(customer)s, %(version)s))
WHERE (org, customer) = ('acme', %(customer)s)
"""
MOVED = """
UPDATE custstatus_standing SET label = %(label)s, since = %(now)s, entry = %(version)s, return_to = NULL,
    (actor, actor_kind) = (SELECT actor, actor_kind FROM custstatus_entry
        WHERE (org, customer, version) = ('acme', %(customer)s, %(version)s))
WHERE (org, customer, lifecycle) = ('acme', %(customer)s, 'customer_status')
"""


def change_as_before(connection: psycopg.Connection[Any], customer: str, key: str) -> Line:
    """Change a label by hand, as a program of the first version would; the entry in short."""
    with connection.transaction():
        version, origin, since = connection.execute(LOCKED.encode(), [customer]).fetchall()[0]
        label = Label.TRENDING.text if origin == Label.REGULAR.text else Label.REGULAR.text
        now = max(since, int(utc_now().timestamp() * 1_000_000))
        given = {"customer": customer, "version": version + 1, "was": origin, "label": label, "now": now, "key": key}
        for statement in APPENDED, EXPLAINED, ADVANCED, MOVED:
            connection.execute(statement.encode(), {**given, "digest": key.encode()})
    return customer, version + 1, "moved", origin, label, key, key


def one(connection: psycopg.Connection[Any], statement: str) -> Any:
    """The one value of a statement."""
    ((value,),) = connection.execute(statement.encode()).fetchall()
    return value


def migrated(connection: psycopg.Connection[Any]) -> bool:
    """Whether all later steps are taken."""
    return one(connection, "SELECT max(step) FROM custstatus_schema") == 902


def waits(connection: psycopg.Connection[Any], query: str) -> None:
    """Until a query finds something."""
    for _ in range(20_000):
        if any(value for row in connection.execute(query.encode()) for value in row):
            return
        sleep(PAUSE)
    pytest.fail(f"never: {query}")


def go_on(connection: psycopg.Connection[Any], change: Callable[[int], None]) -> None:
    """Change until the database is migrated, and a while longer."""
    left, number = 30, 0
    while left and number < 3_000:
        change(number)
        number += 1
        left -= migrated(connection)
    assert not left, "it was not migrated"


def in_use(pipe: Connection, address: str, role: str, schema: Schema) -> None:
    """A process of its own: changes as programs of before do, or as those of now when it is migrated."""

    def before(number: int) -> Answers:
        answers = Answers()

        def change(turn: int) -> None:
            customer = OLD[turn % len(OLD)]
            answers.written.append(change_as_before(connection, customer, f"before-{number}-{turn}"))

        with psycopg.connect(address, autocommit=True) as connection:
            go_on(connection, change)
        return answers

    def now() -> Answers:
        answers = Answers()
        with psycopg.connect(address, autocommit=True) as connection:
            waits(connection, "SELECT max(step) = 902 FROM custstatus_schema")
            with opened(address, connections=1) as service:
                go_on(connection, lambda turn: change_as_now(service, turn, answers))
        return answers

    migrating.SCHEMA = schema
    pipe.send("ready")
    pipe.recv()
    pipe.send(together([now] if role == "now" else [lambda: before(1), lambda: before(2)]))


def change_as_now(service: StatusService[Label], number: int, answers: Answers) -> None:
    """A change by a store."""
    customer, key, turn = (OLD + NEW)[number % 16], f"now-{number}", number // 16 % 2
    # By hand only labels under active are changed.
    label = Label.REGULAR if turn else Label.TRENDING if customer in OLD else Label.LOST_PHONE
    answers.ask(lambda: service.acting(AGENT).change(customer, label, reason=key, key=key))


@pytest.fixture(autouse=True)
def _in_three_steps() -> Iterator[None]:
    with knowing(migrating, SCHEMA):
        yield


@contextmanager
def at(server: Server, step: int) -> Iterator[str]:
    """A database at a step, with what a store has written, as far as its columns were there already."""
    with database(server, written) as source, database(server) as address:
        with psycopg.connect(address) as connection:
            for statement in schema_statements(0, step):
                connection.execute(statement.encode())
        carry_over(source, address)
        yield address


def written(address: str) -> None:
    """What a store has written."""
    with opened(address) as service:
        desk = service.acting(AGENT)
        for customer in OLD + NEW:
            desk.register(customer, identifiers=[Identifier("mobile", f"+44{customer}")], key=f"key-{customer}")
        for customer in NEW:
            desk.change(customer, Label.UNUSUAL, reason="odd")
            desk.restore(customer, reason="even")
        assert service.verify().faults == ()
    assert len(rows(address, VERSIONS)) < START - 20


def carry_over(source: str, target: str) -> None:
    """Every row, in the columns that both have."""
    columns = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    shared = sorted({*rows(source, columns)} & {*rows(target, columns)})
    for table in sorted({table for table, _ in shared} - {"custstatus_schema", "custstatus_feed"}):
        names = ", ".join(column for each, column in shared if each == table)
        with (
            psycopg.connect(source) as reading,
            psycopg.connect(target) as writing,
            reading.cursor().copy(f"COPY {table} ({names}) TO STDOUT".encode()) as out,
            writing.cursor().copy(f"COPY {table} ({names}) FROM STDIN".encode()) as into,
        ):
            for part in out:
                into.write(part)
    rows(target, "SELECT setval(pg_get_serial_sequence('custstatus_entry', 'id'), max(id)) FROM custstatus_entry")


def kept(address: str) -> list[Line]:
    """Every entry in short."""
    found: list[Line] = []
    with opened(address) as service:
        after = None
        while True:
            page = service.history(after=after, limit=10_000)
            found += map(line, page)
            if page.next is None:
                return found
            after = page.next


class TestInUse:
    """A database at each step, changed by programs of before, by those of now, and migrated meanwhile."""

    @staticmethod
    def run(address: str, schema: Schema = VERSION_LATER) -> Answers:
        """What all were answered, in two processes and in this one, which migrates."""
        done = Event()
        wrong: list[str] = []

        def migrate() -> None:
            try:
                with psycopg.connect(address, autocommit=True) as connection:
                    while not (done.is_set() or one(connection, BEGUN)):
                        pass
                migrate_schema(address)
            except Exception as error:
                wrong.append(f"{error!r} because of {error.__cause__!r}")

        migrates = Thread(target=migrate)
        migrates.start()
        try:
            answers = at_once(2, 1, in_use, lambda number: (address, ("before", "now")[number], schema))
        finally:
            done.set()
            migrates.join()
        answers.errors += wrong
        return answers

    @pytest.mark.parametrize(
        "step", [step if step == STEPS[0] else pytest.param(step, marks=pytest.mark.soak) for step in STEPS]
    )
    def test_nothing_acknowledged_is_lost(self, server: Server, step: int) -> None:
        with at(server, step) as address, knowing(migrating, VERSION_LATER):
            before = {(customer, version) for customer, version in rows(address, VERSIONS)}
            answers = self.run(address)
            assert answers.errors == []
            assert faults_in(address) == []
            assert schema_status(address).current
            after = kept(address)
        assert {each[:2] for each in after} >= before
        assert sorted(answers.written, key=repr) == sorted((each for each in after if each[:2] not in before), key=repr)
        assert {str(each[5]).split("-")[0] for each in answers.written} == {"before", "now"}

    def test_without_its_locks_something_is(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        # The control: what is changed between the copy of a table and its return, by a step that locks nothing else.
        def goes_wrong() -> bool:
            with at(server, STEPS[-1]) as address:
                with knowing(migrating, rewritten):
                    answers = self.run(address, rewritten)
                    faults = faults_in(address)
                return answers.errors == [] and any("without its text" in fault for fault in faults)

        rewritten = more(SCHEMA, {"0902_rewritten": REWRITTEN})
        monkeypatch.setattr(migrating, "_changed", lambda *_: Changed((), True))
        assert any(goes_wrong() for _ in range(5))

    def test_stores_that_are_open_go_on(self, server: Server) -> None:
        # As programs of the version before do, with statements that are prepared.
        with (
            database(server, written) as address,
            opened(address) as service,
            psycopg.connect(address, autocommit=True) as connection,
            psycopg.connect(address, autocommit=True) as looking,
        ):
            answers = Answers()

            def change() -> None:
                go_on(connection, lambda number: change_as_now(service, number, answers))

            changing = Thread(target=change)
            changing.start()
            waits(looking, BEGUN)
            with knowing(migrating, VERSION_LATER):
                migrate_schema(address)
                changing.join()
                assert answers.errors == []
                assert faults_in(address) == []
                assert {each[5] for each in kept(address)} >= {each[5] for each in answers.written}
        assert answers.counts["made"] > 50


@pytest.fixture
def address(server: Server) -> Iterator[str]:
    """A database of the version that is shipped, with what a store has written."""
    with database(server, written) as made:
        migrate_schema(made)  # a copy is told that it is one
        yield made


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Gives the version of this process one step more."""
    return lambda text: monkeypatch.setattr(migrating, "SCHEMA", more(SCHEMA, {"0901_more": text}))


class TestWaiting:
    """How long it waits for others, and others for it."""

    def test_others_in_the_way_are_waited_for_and_those_behind_go_on(
        self, address: str, step: Callable[[str], None]
    ) -> None:
        step("ALTER TABLE custstatus_account ADD COLUMN more text;\n")
        taken: list[tuple[str, ...]] = []
        migrates = Thread(target=lambda: taken.append(migrate_schema(address)))
        with psycopg.connect(address, autocommit=True) as looking:
            with psycopg.connect(address) as report:
                report.execute("SELECT FROM custstatus_account")
                migrates.start()
                for _ in range(3):
                    waits(looking, BEHIND)
                    # Who comes now is queued behind the migration, which gives up its place in time.
                    looking.execute("SET statement_timeout = '5s'")
                    looking.execute("SELECT count(*) FROM custstatus_account")
            migrates.join()
        assert taken == [("0901_more",)]

    def test_with_a_lock_that_is_not_given_up_they_would_not(
        self, address: str, step: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The control.
        step("ALTER TABLE custstatus_account ADD COLUMN more text;\n")
        rows(address, f"ALTER DATABASE {conninfo_to_dict(address)['dbname']} SET deadlock_timeout = '60s'")
        monkeypatch.setattr(migrating, "_LONGEST", 20_000)
        migrates = Thread(target=migrate_schema, args=[address])
        with psycopg.connect(address, autocommit=True) as looking:
            with psycopg.connect(address) as report:
                report.execute("SELECT FROM custstatus_account")
                migrates.start()
                waits(looking, BEHIND)
                looking.execute("SET statement_timeout = '2s'")
                with pytest.raises(psycopg.errors.QueryCanceled):
                    looking.execute("SELECT count(*) FROM custstatus_account")
            migrates.join()

    @pytest.mark.parametrize("text", ["ALTER TABLE custstatus_standing ADD more text;\n", "DROP TABLE host;\n"])
    def test_who_is_in_the_way_for_too_long_makes_it_busy_and_nothing_is_changed(
        self, address: str, step: Callable[[str], None], text: str
    ) -> None:
        rows(address, "CREATE TABLE host (x int)")
        step(f"CREATE TABLE custstatus_more (x int);\n\n{text}")
        before = everything(address)
        with psycopg.connect(address) as report:
            report.execute("SELECT FROM custstatus_standing, host")
            with pytest.raises(StoreBusyError, match="nothing was changed"):
                migrate_schema(address, patience=0.1)
            with pytest.raises(StoreBusyError):
                PostgresStore(address, patience=0.1)
        assert everything(address) == before
        assert migrate_schema(address) == ("0901_more",)

    def test_others_that_wait_for_it_are_no_victims_of_a_deadlock(
        self, address: str, step: Callable[[str], None]
    ) -> None:
        assert self.crossed(address, step) == []

    def test_without_an_end_of_its_waiting_they_would_be(
        self, address: str, step: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The control.
        monkeypatch.setattr(migrating, "_LONGEST", 40_000)
        (victim,) = self.crossed(address, step)
        assert isinstance(victim, psycopg.errors.DeadlockDetected)

    @staticmethod
    def crossed(address: str, step: Callable[[str], None]) -> list[Exception]:
        """Somebody who has changed the one table, and changes the other when the migration has it; what he is told."""
        step("ALTER TABLE custstatus_account ADD more text;\n\nALTER TABLE custstatus_standing ADD more text;\n")
        wrong: list[Exception] = []
        migrates = Thread(target=migrate_schema, args=[address])
        with psycopg.connect(address) as other, psycopg.connect(address, autocommit=True) as looking:
            # The migration does not look for a deadlock; who is in one with it does after a second.
            rows(address, f"ALTER DATABASE {conninfo_to_dict(address)['dbname']} SET deadlock_timeout = '60s'")
            other.execute("UPDATE custstatus_standing SET label = label")
            migrates.start()
            waits(looking, BEHIND.replace("account", "standing"))
            try:
                other.execute("UPDATE custstatus_account SET version = version")
                other.commit()
            except psycopg.Error as error:
                wrong.append(error)
                other.rollback()
        migrates.join()
        assert schema_status(address).current
        return wrong

    def test_who_opens_an_up_to_date_database_waits_for_nobody(self, address: str) -> None:
        with psycopg.connect(address) as other:
            other.execute(migrating._ALONE.text.encode())
            PostgresStore(address, patience=0.2).close()


def migrates(_: Connection, address: str, schema: Schema) -> None:
    """A process of its own, to be killed."""
    migrating.SCHEMA = schema
    migrate_schema(address)


class TestTorn:
    """A migration that does not come to its end has not happened; two at once are one."""

    def test_one_that_is_killed_leaves_everything_as_it_was(self, address: str, step: Callable[[str], None]) -> None:
        step(f"{ADDED}\n{GATE}\nCREATE TABLE custstatus_more (x int);\n")
        before = everything(address)
        with psycopg.connect(address, autocommit=True) as gate:
            gate.execute("SELECT pg_advisory_lock(42)")
            process, pipe = start(migrates, address, migrating.SCHEMA)
            waits(gate, AT_GATE)
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            pipe.close()
            waits(gate, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database()")
            assert everything(address) == before
        assert migrate_schema(address) == ("0901_more",)
        assert faults_in(address) == []

    @pytest.mark.parametrize("torn", [False, True])
    def test_one_that_fails_half_way_does_too(
        self, address: str, step: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, torn: bool
    ) -> None:
        step(f"{ADDED}\nSELECT no_such_column;\n")
        before = everything(address)
        if torn:  # the control: without its transaction
            nothing = Statement("SELECT 1")
            monkeypatch.setattr(migrating, "OWN", Transaction(nothing, nothing, (nothing,)))
            monkeypatch.setattr(migrating, "SAVEPOINT", nothing)
            monkeypatch.setattr(migrating, "_changed", lambda *_: Changed((), True))
        with pytest.raises(StoreError, match="could not do it"):
            migrate_schema(address)
        assert (everything(address) == before) is not torn

    @pytest.mark.parametrize("alone", [True, False])
    def test_two_at_once_are_one(
        self, address: str, step: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, alone: bool
    ) -> None:
        step(f"{GATE}\nCREATE TABLE custstatus_more (x int);\n")
        if not alone:  # the control: without waiting for each other
            monkeypatch.setattr(migrating, "_ALONE", Statement("SELECT 1"))
        got: list[object] = []

        def migrate() -> None:
            try:
                got.append(migrate_schema(address))
            except StoreError as error:
                got.append(error)

        both = [Thread(target=migrate) for _ in range(2)]
        with psycopg.connect(address, autocommit=True) as gate:
            gate.execute("SELECT pg_advisory_lock(42)")
            for thread in both:
                thread.start()
            if alone:  # one at the gate, the other behind it
                waits(gate, AT_GATE)
                key = "SELECT count(*) = 2 FROM pg_locks WHERE locktype = 'advisory' AND objid <> 42"
                waits(gate, key)
            else:
                waits(gate, f"SELECT count(*) = 2 FROM ({AT_GATE}) x")
        for thread in both:
            thread.join()
        if alone:
            assert sorted(got, key=repr) == [("0901_more",), ()]
        else:
            assert [type(each) for each in got if each != ("0901_more",)] == [StoreError]


class TestAsked:
    """What is asked of the schema from Python."""

    def test_an_empty_database_is_at_no_step_and_gets_all(self, server: Server) -> None:
        with database(server) as empty:
            found = schema_status(empty)
            assert (found.at, found.known, found.current) == (0, STEPS[-1], False)
            with pytest.raises(SchemaError, match="without the tables"):
                migrate_schema(empty, create=False)
            assert everything(empty) == {}
            assert migrate_schema(empty) == found.missing == tuple(each.name for each in SCHEMA.steps)
            assert schema_status(empty) == SchemaStatus(STEPS[-1], STEPS[-1], (), found.server)
            assert migrate_schema(empty, create=False) == ()
            PostgresStore(empty, create=False).close()

    def test_a_copy_is_told_that_it_is_one(self, server: Server, address: str) -> None:
        copy = server.make("test", str(conninfo_to_dict(address)["dbname"]))
        try:
            assert not schema_status(server.at(copy)).current
            with pytest.raises(SchemaError, match="copy"):
                PostgresStore(server.at(copy), create=False)
            assert migrate_schema(server.at(copy)) == ()
            assert schema_status(server.at(copy)).current
            PostgresStore(server.at(copy), create=False).close()
        finally:
            server.drop(copy)

    def test_one_of_a_later_version_is_told_and_left(self, address: str) -> None:
        rows(address, "INSERT INTO custstatus_schema VALUES (9999, '')")
        before = everything(address)
        found = schema_status(address)
        assert (found.at, found.missing, found.current) == (9999, (), False)
        with pytest.raises(SchemaError, match="upgrade custstatus"):
            migrate_schema(address)
        assert everything(address) == before

    def test_what_is_no_database_is_told(self) -> None:
        for ask in migrate_schema, schema_status:
            with pytest.raises(StoreError, match="could not be reached"):
                ask("host=127.0.0.1 port=1")
            with pytest.raises(InvalidInputError, match="address"):
                ask("")
        with pytest.raises(InvalidInputError, match="patience"):
            migrate_schema("dbname=x", patience=0)

    @pytest.mark.parametrize(("after", "to"), [(-1, None), (9_999, None), (0, 9_999), (True, None), ("1", None)])
    def test_there_are_no_other_steps_than_there_are(self, after: Any, to: Any) -> None:
        with pytest.raises(InvalidInputError, match="a step's number"):
            schema_statements(after, to)

    def test_what_a_step_changes_is_locked_and_no_more(self, step: Callable[[str], None]) -> None:
        cases = {
            "CREATE TABLE custstatus_more (x int)": [],
            "CREATE INDEX a ON custstatus_entry (org)": ["custstatus_entry IN SHARE ROW EXCLUSIVE"],
            "ALTER TABLE custstatus_entry ADD a int": ["custstatus_entry IN ACCESS EXCLUSIVE"],
            "DROP INDEX custstatus_standing_by_label": ["custstatus_standing IN ACCESS EXCLUSIVE"],
            "-- custstatus_text\nALTER TABLE custstatus_entry ADD a int": ["custstatus_entry IN ACCESS EXCLUSIVE"],
            "CREATE INDEX a ON custstatus_entry (org);\n\nALTER TABLE custstatus_account ADD a int": [
                "custstatus_account, custstatus_entry IN ACCESS EXCLUSIVE"
            ],
            "UPDATE custstatus_entry SET run = NULL": ["custstatus_entry IN SHARE ROW EXCLUSIVE"],
        }
        for text, expected in cases.items():
            step(f"{text};\n")
            locks = [each for each in schema_statements(STEPS[-1]) if each.startswith("LOCK")]
            assert locks == [f"LOCK TABLE {each} MODE" for each in expected], text
