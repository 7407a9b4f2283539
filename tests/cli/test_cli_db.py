"""`custstatus db`: the tables made, looked at and brought up to date, on real databases; and no password in what is said."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from servers import Server, database
from stepped import edited, knowing, more
from terminal import run

from custstatus import SQLiteStore
from custstatus.adapters.postgres import PostgresStore
from custstatus.adapters.postgres import migrating as postgres_migrating
from custstatus.adapters.sqlite import migrating as sqlite_migrating

COMMANDS = ("init", "status", "upgrade")
POSTGRES_SCHEMA, SQLITE_SCHEMA = postgres_migrating.SCHEMA, sqlite_migrating.SCHEMA
POSTGRES = [step.name for step in POSTGRES_SCHEMA.steps]
SQLITE = [step.name for step in SQLITE_SCHEMA.steps]
LATER = "CREATE TABLE custstatus_more (x integer);\n"

SECRET = "hunter2"


@pytest.fixture
def address(server: Server) -> Iterator[str]:
    """The address of an empty database."""
    with database(server) as empty:
        yield empty


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Two steps more than are shipped, in a context of their own; undone, this version knows the shipped ones only."""
    texts = {"0901_more": LATER, "0902_most": LATER.replace("more", "most")}
    with monkeypatch.context() as patched:
        for module in postgres_migrating, sqlite_migrating:
            patched.setattr(module, "SCHEMA", more(module.SCHEMA, texts))
        yield patched


def tables(address: str) -> set[str]:
    """The tables of ours in a PostgreSQL database."""
    with psycopg.connect(address) as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


def drawn(path: Path) -> list[str]:
    """Everything that a SQLite file declares, and the steps that it has taken."""
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        return sorted(map(str, made + connection.execute("SELECT * FROM custstatus_schema").fetchall()))


class TestPostgres:
    def test_tables_are_made_once(self, address: str) -> None:
        made = run("db", "init", address)
        assert (made.code, made.err) == (0, "")
        assert re.findall(r"taken: (\w+)", made.out) == POSTGRES
        assert made.out.endswith(", up to date\n")
        again = run("db", "init", address)
        assert (again.code, again.err) == (0, "")
        assert "there already" in again.out
        assert "taken" not in again.out
        PostgresStore(address, create=False).close()

    def test_the_status_says_what_is_there_and_the_code_whether_it_is_enough(
        self, address: str, later: pytest.MonkeyPatch
    ) -> None:
        none = run("db", "status", address)
        assert none.code == 1
        assert "custstatus db init" in none.out
        assert re.findall(r"missing: (\w+)", none.out) == [*POSTGRES, "0901_more", "0902_most"]
        assert tables(address) == set()
        assert run("db", "init", address).code == 0
        found = run("db", "status", address)
        assert (found.code, found.err) == (0, "")
        with psycopg.connect(address) as connection:
            version = connection.info.parameter_status("server_version")
        assert found.out == f"PostgreSQL {version}: at step 902 of 902, up to date\n"
        later.undo()
        newer = run("db", "status", address)
        assert newer.code == 1
        assert f"at step 902, this version knows {len(POSTGRES)}: upgrade custstatus" in newer.out

    def test_an_upgrade_takes_what_is_missing(self, address: str, later: pytest.MonkeyPatch) -> None:
        with knowing(postgres_migrating, POSTGRES_SCHEMA):
            assert run("db", "init", address).code == 0
        behind = run("db", "status", address)
        assert behind.code == 1
        assert re.findall(r"missing: (\w+)", behind.out) == ["0901_more", "0902_most"]
        told = run("db", "init", address)
        assert told.code == 1
        assert "custstatus_more" not in tables(address)
        taken = run("db", "upgrade", address)
        assert (taken.code, taken.err) == (0, "")
        assert re.findall(r"taken: (\w+)", taken.out) == ["0901_more", "0902_most"]
        assert {"custstatus_more", "custstatus_most"} < tables(address)
        assert "taken" not in run("db", "upgrade", address).out
        later.undo()
        newer = run("db", "upgrade", address)
        assert newer.code == 1
        assert "upgrade custstatus" in newer.error

    def test_an_upgrade_makes_no_tables_where_there_are_none(self, address: str) -> None:
        ran = run("db", "upgrade", address)
        assert ran.code == 1
        assert "without the tables of custstatus" in ran.error
        assert tables(address) == set()

    def test_the_sql_does_the_same_by_another_hand(
        self, server: Server, address: str, later: pytest.MonkeyPatch
    ) -> None:
        script = run("db", "init", "--sql", "--dialect", "postgresql")
        assert (script.code, script.err) == (0, "")
        assert script == run("db", "init", "--sql", address)
        assert tables(address) == set()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(script.out.encode())
        assert run("db", "status", address).code == 0
        with database(server) as twin:
            assert run("db", "init", twin).code == 0
            assert dumped(address) == dumped(twin)
            with psycopg.connect(address, autocommit=True) as connection, pytest.raises(psycopg.errors.DuplicateTable):
                connection.execute(script.out.encode())
            assert dumped(address) == dumped(twin)

    def test_the_sql_of_an_upgrade_fits_one_step_only(self, address: str, later: pytest.MonkeyPatch) -> None:
        with knowing(postgres_migrating, POSTGRES_SCHEMA):
            assert run("db", "init", address).code == 0
        script = run("db", "upgrade", "--sql", address)
        assert (script.code, script.err) == (0, "")
        assert script.out == run("db", "upgrade", "--sql", "--dialect", "postgresql", "--after", len(POSTGRES)).out
        assert "custstatus_more" not in tables(address)
        wrong = run("db", "upgrade", "--sql", "--dialect", "postgresql", "--after", 901).out
        with psycopg.connect(address, autocommit=True) as connection:
            with pytest.raises(psycopg.errors.RaiseException, match="another step than 901"):
                connection.execute(wrong.encode())
            connection.execute("ROLLBACK")
            assert "custstatus_most" not in tables(address)
            connection.execute(script.out.encode())
            with pytest.raises(psycopg.errors.RaiseException, match="another step"):
                connection.execute(script.out.encode())
        assert run("db", "status", address).code == 0

    @pytest.mark.parametrize("command", ["init", "upgrade"])
    def test_the_sql_for_an_address_is_of_what_is_missing_there(
        self, command: str, address: str, later: pytest.MonkeyPatch
    ) -> None:
        with knowing(postgres_migrating, POSTGRES_SCHEMA):
            assert run("db", "init", address).code == 0
            whole = run("db", command, "--sql", address)
            assert (whole.code, whole.out) == (0, "")
            assert re.fullmatch(
                rf"PostgreSQL .*: at step {len(POSTGRES)} of {len(POSTGRES)}, up to date.*\n", whole.err
            )
        script = run("db", command, "--sql", address)
        assert (script.code, script.err) == (0, "")
        assert script.out == run("db", "upgrade", "--sql", "--dialect", "postgresql", "--after", len(POSTGRES)).out
        assert re.findall(r"CREATE TABLE (\w+)", script.out) == ["custstatus_more", "custstatus_most"]
        assert "custstatus_more" not in tables(address)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(script.out.encode())
        later.undo()
        newer = run("db", command, "--sql", address)
        assert (newer.code, newer.out) == (1, "")
        assert "at step 902, this version knows" in newer.err

    @pytest.mark.parametrize("command", ["init", "upgrade"])
    def test_no_sql_tells_a_copy_that_it_is_one(self, command: str, address: str) -> None:
        assert run("db", "init", address).code == 0
        with psycopg.connect(address) as connection:
            connection.execute("UPDATE custstatus_feed SET system = 'another'")
        ran = run("db", command, "--sql", address)
        assert (ran.code, ran.out) == (1, "")
        assert "restored from a copy: `custstatus db upgrade`" in ran.err

    def test_the_sql_of_an_upgrade_makes_no_tables_where_there_are_none(self, address: str) -> None:
        ran = run("db", "upgrade", "--sql", address)
        assert (ran.code, ran.out) == (1, "")
        assert "custstatus db init" in ran.err

    def test_a_url_and_words_are_both_addresses(self, address: str) -> None:
        parts = {name: str(value) for name, value in conninfo_to_dict(address).items()}
        url = f"postgresql:///{parts.pop('dbname')}?" + "&".join(f"{name}={value}" for name, value in parts.items())
        for each in address, url, url.replace("postgresql:", "postgres:"):
            assert "custstatus db init" in run("db", "status", each).out

    def test_an_old_server_is_told_of(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgres_migrating, "OLDEST", 990_000)
        assert "too old" in run("db", "init", address).error
        assert tables(address) == set()

    def test_a_role_without_the_right_is_told_why(self, server: Server, address: str) -> None:
        role = f"role_of_{conninfo_to_dict(address)['dbname']}"
        server.do("CREATE ROLE {} LOGIN", role)
        try:
            with psycopg.connect(address) as connection:
                connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            ran = run("db", "init", make_conninfo(address, user=role))
            assert ran.code == 1
            assert "permission denied" in ran.error
        finally:
            server.do("DROP ROLE {}", role)


def dumped(address: str) -> list[tuple[object, ...]]:
    """Every column, index, constraint, trigger and step of ours."""
    with psycopg.connect(address) as connection:
        found: list[tuple[object, ...]] = []
        for query in (
            "SELECT table_name, column_name, data_type, column_default, is_nullable, collation_name, identity_generation"
            " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
            " ORDER BY 1",
            "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
            "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1",
            "SELECT step, hash FROM custstatus_schema ORDER BY 1",
        ):
            found += connection.execute(query.encode()).fetchall()
        return found


class TestSQLite:
    def test_a_file_is_made_once(self, tmp_path: Path) -> None:
        path = tmp_path / "a folder" / "x=1.db"
        path.parent.mkdir()
        made = run("db", "init", path)
        assert (made.code, made.err) == (0, "")
        assert re.findall(r"taken: (\w+)", made.out) == SQLITE
        again = run("db", "init", path)
        assert again.code == 0
        assert "there already" in again.out
        ran = run("db", "status", path)
        assert (ran.code, ran.out) == (
            0,
            f"SQLite {sqlite3.sqlite_version}: at step {len(SQLITE)} of {len(SQLITE)}, up to date\n",
        )
        SQLiteStore(path, create=False).close()

    def test_an_upgrade_takes_what_is_missing(self, tmp_path: Path, later: pytest.MonkeyPatch) -> None:
        path = tmp_path / "statuses.db"
        with knowing(sqlite_migrating, SQLITE_SCHEMA):
            assert run("db", "init", path).code == 0
        before = path.read_bytes()
        behind = run("db", "status", path)
        assert behind.code == 1
        assert re.findall(r"missing: (\w+)", behind.out) == ["0901_more", "0902_most"]
        assert run("db", "init", path).code == 1
        assert path.read_bytes() == before
        script = run("db", "upgrade", "--sql", path)
        assert script.code == 0
        assert path.read_bytes() == before
        copied = Path(shutil.copy(path, tmp_path / "copied.db"))
        taken = run("db", "upgrade", path)
        assert (taken.code, taken.err) == (0, "")
        assert re.findall(r"taken: (\w+)", taken.out) == ["0901_more", "0902_most"]
        with closing(sqlite3.connect(copied)) as connection:
            connection.executescript(script.out)
            with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
                connection.executescript(script.out)
        assert drawn(copied) == drawn(path)
        assert run("db", "status", copied).code == 0

    def test_the_sql_makes_the_same_file(self, tmp_path: Path) -> None:
        script = run("db", "init", "--sql", "--dialect", "sqlite")
        assert (script.code, script.err) == (0, "")
        with closing(sqlite3.connect(tmp_path / "by hand.db")) as connection:
            connection.executescript(script.out)
        assert run("db", "init", tmp_path / "by us.db").code == 0
        assert drawn(tmp_path / "by hand.db") == drawn(tmp_path / "by us.db")
        assert run("db", "status", tmp_path / "by hand.db").code == 0

    def test_the_sql_for_a_file_is_of_what_is_missing_there(self, tmp_path: Path, later: pytest.MonkeyPatch) -> None:
        path = tmp_path / "statuses.db"
        whole = run("db", "init", "--sql", "--dialect", "sqlite")
        assert run("db", "init", "--sql", path) == whole
        assert not path.exists()
        path.touch()
        assert run("db", "init", "--sql", path) == whole
        last = run("db", "upgrade", "--sql", "--dialect", "sqlite", "--after", 902)
        assert (last.code, last.out, last.err) == (0, "", "nothing is missing after step 902\n")
        with knowing(sqlite_migrating, SQLITE_SCHEMA):
            assert run("db", "init", path).code == 0
        before = path.read_bytes()
        script = run("db", "init", "--sql", path)
        assert (script.code, script.err) == (0, "")
        assert script.out == run("db", "upgrade", "--sql", path).out
        assert path.read_bytes() == before
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script.out)
        for command in "init", "upgrade":
            ran = run("db", command, "--sql", path)
            assert (ran.code, ran.out) == (0, "")
            assert ran.err.endswith(": at step 902 of 902, up to date\n")

    @pytest.mark.parametrize("command", ["status", "upgrade"])
    def test_a_file_that_is_not_there_or_not_ours_is_left_so(self, tmp_path: Path, command: str) -> None:
        path = tmp_path / "statuses.db"
        assert "no such file" in run("db", command, path).error
        path.write_bytes(b"no database" * 100)
        ran = run("db", command, path)
        assert ran.code == 1
        assert path.read_bytes() == b"no database" * 100
        path.unlink()
        with closing(sqlite3.connect(path)) as host, host:
            host.execute("CREATE TABLE sale (x)")
        before = path.read_bytes()
        assert run("db", command, path).code == 1
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]


class TestAnotherBuild:
    """Tables that were made by other steps of the same numbers."""

    @pytest.fixture(params=["sqlite", "postgresql"])
    def other(self, request: pytest.FixtureRequest, tmp_path: Path) -> str:
        if request.param == "sqlite":
            made = str(tmp_path / "statuses.db")
            with knowing(sqlite_migrating, edited(SQLITE_SCHEMA)):
                assert run("db", "init", made).code == 0
            return made
        address: str = request.getfixturevalue("address")
        with knowing(postgres_migrating, edited(POSTGRES_SCHEMA)):
            assert run("db", "init", address).code == 0
        return address

    @pytest.mark.parametrize("further", [False, True])
    def test_every_command_says_so_and_takes_and_prints_nothing(
        self, other: str, request: pytest.FixtureRequest, further: bool
    ) -> None:
        if further:  # what there would be to take
            request.getfixturevalue("later")
        what = "made by another build of custstatus: make a new database, or use the version that made this one"
        for words in ("status",), ("init",), ("init", "--sql"), ("upgrade", "--sql"):
            ran = run("db", *words, other)
            said = ran.err if "--sql" in words else ran.out
            assert (ran.code, ran.out + ran.err) == (1, said), words
            assert re.fullmatch(rf"\w+ .*: .*at step 1, {what}\n", said), words
        taken = run("db", "upgrade", other)
        assert (taken.code, taken.out) == (1, "")
        assert "another build of custstatus made the tables" in taken.error


class TestUsage:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_it_explains_itself(self, command: str) -> None:
        ran = run("db", command, "--help")
        assert (ran.code, ran.err) == (0, "")

    @pytest.mark.parametrize(
        "words",
        [
            ("init",),
            ("status",),
            ("upgrade",),
            ("init", "--sql"),
            ("upgrade", "--sql"),
            ("upgrade", "--sql", "--dialect", "postgresql"),
            ("init", "--sql", "--dialect", "sqlite", "host=x"),
            ("status", "mysql://host/database"),
            ("status", "postgresql+psycopg://host/database"),
        ],
        ids=" ".join,
    )
    def test_what_is_not_to_be_understood_is_told_in_a_line(self, words: tuple[str, ...]) -> None:
        ran = run("db", *words)
        assert (ran.code, ran.out) == (2, "")
        assert ran.error

    @pytest.mark.parametrize("dialect", ["postgresql", "sqlite"])
    @pytest.mark.parametrize("after", [-1, 9_999])
    def test_a_step_that_there_is_not(self, dialect: str, after: int) -> None:
        ran = run("db", "upgrade", "--sql", "--dialect", dialect, "--after", after)
        assert ran.code == 1
        assert "after: expected a step's number" in ran.error

    @pytest.mark.parametrize("command", COMMANDS)
    def test_without_the_driver_it_says_how_to_get_it(self, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name.startswith(("psycopg", "custstatus.adapters.postgres"))]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "psycopg", None)
        ran = run("db", command, "host=127.0.0.1 dbname=x")
        assert (ran.code, ran.out) == (1, "")
        assert "pip install 'custstatus[postgres]'" in ran.error

    def test_without_libpq_it_says_how_to_get_it(self) -> None:
        code = "import sys; sys.argv[1:] = ['db', 'status', 'dbname=x']; from custstatus.cli import main; main()"
        nowhere = "import sys, ctypes.util; ctypes.util.find_library = lambda name: None; sys.modules['psycopg_binary'] = None; "
        ran = subprocess.run([sys.executable, "-c", nowhere + code], capture_output=True, text=True)
        assert ran.returncode == 1
        assert ran.stderr.count("\n") == 1
        assert "pip install 'psycopg[binary]'" in ran.stderr


class TestSecrets:
    """No password of an address, rightly written or not, is in anything that is said."""

    @pytest.mark.parametrize("command", COMMANDS)
    @pytest.mark.parametrize(
        "words",
        [
            [f"postgresql://till:{SECRET}@127.0.0.1:1/shop"],
            [
                f"postgresql://till:a@{SECRET}@127.0.0.1:1/shop"
            ],  # an @ that is not encoded: the host begins with the rest
            [f"postgresql://till:a/{SECRET}@127.0.0.1:1/shop"],
            [f"postgresql://till:a:{SECRET}@127.0.0.1:1/shop"],
            [f"postgresql://till:a#{SECRET}@127.0.0.1:1/shop"],
            [f"postgresql://till:a?{SECRET}@127.0.0.1:1/shop"],
            [f"postgresql://till:a%{SECRET}@127.0.0.1:1/shop"],
            [f"postgresql://till:%{SECRET.encode().hex('%')}%zz@127.0.0.1:1/shop"],
            [f"postgresql://till:{SECRET}"],  # no host: taken for the port
            [f"postgresql://127.0.0.1:1/shop?user=till&password={SECRET}"],
            [f"postgresql://127.0.0.1:1/shop?password={SECRET}&nonsense={SECRET}"],
            [f"host=127.0.0.1 port=1 password={SECRET} dbname=shop"],
            [f"host=127.0.0.1 port=1 password=a {SECRET} dbname=shop"],
            [f"host=127.0.0.1 port=1 password='a {SECRET}' dbname=shop"],
            [f"host=127.0.0.1 port=1 password='a {SECRET} dbname=shop"],
            [f"host=127.0.0.1 port=1 PASSWORD = {SECRET}"],
            ["host=127.0.0.1", "port=1", f"password={SECRET}"],  # without its quotes
            [f"till:{SECRET}@127.0.0.1/shop"],
            [f"postgresql+psycopg://till:{SECRET}@127.0.0.1/shop"],
            [f"mysql://till:{SECRET}@127.0.0.1/shop"],
        ],
        ids=lambda words: " ".join(words).replace(SECRET, "S"),
    )
    def test_it_is_not_told(self, command: str, words: list[str]) -> None:
        ran = run("db", command, *words)
        assert ran.code in (1, 2)
        assert SECRET not in ran.out + ran.err
        assert ran.error

    def test_what_the_driver_says_is_told_where_it_holds_none(self) -> None:
        ran = run("db", "status", f"postgresql://till:{SECRET}@127.0.0.1:1/shop")
        assert "Connection refused" in ran.error

    def test_a_driver_does_repeat_what_it_is_given(self) -> None:
        # The control: it is not the driver that keeps it to itself.
        with pytest.raises(psycopg.Error, match=SECRET):
            psycopg.connect(f"host=127.0.0.1 port=1 password=a {SECRET} dbname=shop")
