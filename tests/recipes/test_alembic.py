"""Alembic makes and upgrades our tables: on its own connection, in its transaction, or as a script for somebody else."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy
from alembic import command
from alembic.config import Config
from attrs import define
from hosts import AGENT, FOLDER, SHOP
from psycopg.conninfo import conninfo_to_dict
from servers import Server, database
from sqlalchemy.exc import DBAPIError
from stepped import in_three, knowing, more

from custstatus import CustomerStatus, InvalidInputError, StatusService
from custstatus.adapters.postgres import PostgresStore, migrate_schema, migrating, schema_status

RECIPE = (FOLDER / "alembic_versions.py").read_text()

SCHEMA = in_three(migrating.SCHEMA)
"""What the databases of these tests are made by."""
STEPS = [step.number for step in SCHEMA.steps]

ENV = """
from alembic import context

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", dialect_opts={"paramstyle": "named"}, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    with context.config.attributes["engine"].connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""

OURS_POLICY = """
    SELECT 'column', table_name, column_name, data_type, column_default FROM information_schema.columns
    WHERE table_name LIKE 'custstatus%'
    UNION ALL SELECT 'index', indexdef, '', '', '' FROM pg_indexes WHERE tablename LIKE 'custstatus%'
    UNION ALL SELECT 'trigger', pg_get_triggerdef(oid), '', '', '' FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'step', step::text, hash, '', '' FROM custstatus_schema ORDER BY 1, 2, 3
"""


@define
class Project:
    """A host's Alembic project, with our recipe among its revisions."""

    folder: Path
    address: str
    last: str | None = None

    def __attrs_post_init__(self) -> None:
        (self.folder / "versions").mkdir(parents=True)
        (self.folder / "env.py").write_text(ENV)
        (self.folder / "script.py.mako").write_text("")

    @property
    def config(self) -> Config:
        config = Config(stdout=io.StringIO(), output_buffer=io.StringIO())
        config.set_main_option("script_location", str(self.folder))
        config.set_main_option("path_separator", "os")
        options: Any = conninfo_to_dict(self.address)
        config.attributes["engine"] = sqlalchemy.create_engine(
            "postgresql+psycopg://", connect_args=options, poolclass=sqlalchemy.NullPool
        )
        return config

    def add(self, revision: str, text: str) -> None:
        """A revision after the last."""
        (self.folder / "versions" / f"{revision}.py").write_text(
            text.replace('"custstatus_0001", None', f"{revision!r}, {self.last!r}")
        )
        self.last = revision

    def takes(self, revision: str, after: int, to: int) -> None:
        """Our recipe for some steps, as the next revision."""
        text = RECIPE.replace("AFTER, TO = 0, 1", f"AFTER, TO = {after}, {to}")
        assert text != RECIPE or (after, to) == (0, 1)
        self.add(revision, text)

    def upgrade(self, to: str = "head") -> None:
        """What `alembic upgrade` does."""
        command.upgrade(self.config, to)

    def script(self, span: str = "head") -> str:
        """What `alembic upgrade --sql` prints."""
        config = self.config
        command.upgrade(config, span, sql=True)
        text = config.output_buffer.getvalue()  # type: ignore[attr-defined]
        assert isinstance(text, str)
        return text

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What is committed."""
        with psycopg.connect(self.address) as connection:
            return connection.execute(query.encode()).fetchall()

    def tables(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


@pytest.fixture
def empty(server: Server) -> Iterator[str]:
    """The address of an empty database."""
    with database(server) as made:
        yield made


@pytest.fixture
def project(tmp_path: Path, empty: str) -> Project:
    """A project that takes the first step in one revision, and all others in the next."""
    made = Project(tmp_path / "migrations", empty)
    made.takes("custstatus_0001", 0, 1)
    made.takes("custstatus_later", 1, STEPS[-1])
    return made


@pytest.fixture(autouse=True)
def _in_three_steps() -> Iterator[None]:
    with knowing(migrating, SCHEMA):
        yield


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], int]:
    """Adds a step; its number."""

    def add(text: str) -> int:
        monkeypatch.setattr(migrating, "SCHEMA", more(SCHEMA, {"0901_more": text}))
        return 901

    return add


@pytest.fixture
def expected(server: Server) -> Iterator[Callable[[], list[tuple[Any, ...]]]]:
    """What our own migration makes of an empty database."""
    with database(server) as address:

        def made() -> list[tuple[Any, ...]]:
            migrate_schema(address)
            with psycopg.connect(address) as connection:
                return connection.execute(OURS_POLICY.encode()).fetchall()

        yield made


def test_it_makes_what_we_would_and_stores_open_it(
    project: Project, expected: Callable[[], list[tuple[Any, ...]]]
) -> None:
    project.upgrade("custstatus_0001")
    assert schema_status(project.address).at == 1
    project.upgrade()
    assert schema_status(project.address).current
    assert project.rows(OURS_POLICY) == expected()
    with PostgresStore(project.address, create=False) as store:
        desk = StatusService(store, SHOP).acting(AGENT)
        desk.register("c-1")
        desk.change("c-1", CustomerStatus.SUSPENDED, reason="looks odd")
        assert StatusService(store, SHOP).verify().faults == ()
    project.upgrade()
    assert migrate_schema(project.address) == ()


def test_it_is_alembic_s_transaction(project: Project) -> None:
    project.add(
        "failing",
        "revision, down_revision = 'failing', 'custstatus_later'\ndef upgrade():\n    raise LookupError('the host')\n",
    )
    with pytest.raises(LookupError, match="the host"):
        project.upgrade()
    assert project.tables() == set()


def test_offline_it_is_a_script_that_does_the_same(
    project: Project, expected: Callable[[], list[tuple[Any, ...]]]
) -> None:
    script = project.script()
    assert project.tables() == set()
    with psycopg.connect(project.address, autocommit=True) as connection:
        connection.execute(script.encode())
    assert project.rows(OURS_POLICY) == expected()
    with psycopg.connect(project.address, autocommit=True) as connection, pytest.raises(psycopg.Error):
        connection.execute(script.encode())


def test_what_alembic_and_the_driver_would_read_otherwise_is_left_as_it_is(
    project: Project, later: Callable[[str], int]
) -> None:
    odd = r"at 10:30, 100%, :name, %s, a\:b, ::text"
    number = later(
        f"CREATE TABLE custstatus_more (x text);\n\nINSERT INTO custstatus_more VALUES ('{odd}'), ('7'::text);\n"
    )
    project.takes("custstatus_more", STEPS[-1], number)
    script = project.script()
    project.upgrade()
    assert project.rows("SELECT x FROM custstatus_more") == [(odd,), ("7",)]
    with psycopg.connect(project.address, autocommit=True) as connection:
        for name in project.tables():
            connection.execute(f"DROP TABLE {name}".encode())
        connection.execute("DROP FUNCTION custstatus_history_is_append_only, custstatus_shift")
        connection.execute(script.encode())
    assert project.rows("SELECT x FROM custstatus_more") == [(odd,), ("7",)]


def test_going_back_is_refused_and_changes_nothing(project: Project) -> None:
    project.upgrade()
    before = project.rows(OURS_POLICY)
    for back in "-1", "base":
        with pytest.raises(NotImplementedError, match="append-only"):
            command.downgrade(project.config, back)
    assert project.rows(OURS_POLICY) == before
    assert project.rows("SELECT version_num FROM alembic_version") == [("custstatus_later",)]


def test_a_database_at_another_step_is_left_as_it_is(project: Project, later: Callable[[str], int]) -> None:
    number = later("CREATE TABLE custstatus_more (x text);\n")
    project.takes("custstatus_more", STEPS[-1], number)
    migrate_schema(project.address)  # a store that was opened with create=True, say
    before = project.rows(OURS_POLICY)
    with pytest.raises(DBAPIError, match="already exists"):
        project.upgrade()
    command.stamp(project.config, "custstatus_later")
    with pytest.raises(DBAPIError, match="another step"):
        project.upgrade()
    assert project.rows(OURS_POLICY) == before
    command.stamp(project.config, "head")  # the way out
    project.upgrade()


def test_others_do_not_queue_behind_it_for_long(project: Project, later: Callable[[str], int]) -> None:
    project.upgrade()
    number = later("ALTER TABLE custstatus_account ADD COLUMN more text;\n")
    project.takes("custstatus_more", STEPS[-1], number)
    with psycopg.connect(project.address) as other:
        other.execute("SELECT FROM custstatus_account")
        with pytest.raises(DBAPIError, match="lock timeout"):
            project.upgrade()
    project.upgrade()
    assert schema_status(project.address).at == number


def test_steps_that_this_version_does_not_know_are_told(project: Project) -> None:
    project.takes("custstatus_9999", STEPS[-1], 9_999)
    with pytest.raises(InvalidInputError, match="to: expected a step's number"):
        project.upgrade()
    assert project.tables() == set()
