"""By which steps a file was made: those of another build are refused, and the three of the tests make what is shipped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from soundness import everything, rows
from stepped import edited, in_three, knowing, more

from custstatus import SQLiteStore
from custstatus.adapters.sql.schema import Schema
from custstatus.adapters.sqlite import migrate_schema, migrating, schema_sql, schema_status
from custstatus.errors import SchemaError

SHIPPED = migrating.SCHEMA
SCHEMA = in_three(SHIPPED)
"""What the databases of these tests are made by, unless a test says otherwise."""
STEPS = [step.number for step in SCHEMA.steps]
VERSION_LATER = more(SCHEMA, {"0901_later": "CREATE TABLE custstatus_more (x integer);\n"})


@pytest.fixture(autouse=True)
def _in_three_steps() -> Iterator[None]:
    with knowing(migrating, SCHEMA):
        yield


class TestAnotherBuild:
    """A file whose steps have the numbers of ours, and were others: refused by everybody, and left as it is."""

    @pytest.fixture(params=["edited", "edited before", "without a hash", "behind"])
    def other(self, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
        made = tmp_path / "other.db"
        until = Schema(SCHEMA.steps[:2]) if request.param == "behind" else SCHEMA
        number = {"edited": STEPS[-1], "edited before": STEPS[0], "behind": 2}.get(request.param)
        with knowing(migrating, until if number is None else edited(until, number)):
            migrate_schema(made)
            if request.param != "behind":
                SQLiteStore(made).close()
        if number is None:
            rows(made, "ALTER TABLE custstatus_schema DROP COLUMN hash")
        return made

    def test_it_is_told_and_left(self, other: Path) -> None:
        before, kept = other.read_bytes(), everything(other)
        found = schema_status(other)
        assert (found.differs, found.current) == (True, False)
        told = r"another build .* expected [0-9a-f]{12}; make a new database, or use"
        for create in True, False:
            with pytest.raises(SchemaError, match=told):
                migrate_schema(other, create=create)
        assert other.read_bytes() == before
        for create in True, False:
            with pytest.raises(SchemaError, match=told):
                SQLiteStore(other, create=create)
        assert everything(other) == kept
        assert schema_status(other) == found

    def test_no_script_of_ours_goes_on_from_it(self, other: Path) -> None:
        at = schema_status(other).at
        with knowing(migrating, VERSION_LATER):
            script = schema_sql(at)
        before = everything(other)
        with closing(sqlite3.connect(other)) as connection, pytest.raises(sqlite3.Error):
            connection.executescript(script)
        assert everything(other) == before

    def test_nor_does_a_later_version(self, other: Path) -> None:
        before = everything(other)
        with knowing(migrating, VERSION_LATER), pytest.raises(SchemaError, match="another build"):
            migrate_schema(other)
        assert everything(other) == before

    def test_one_of_the_same_steps_is_opened_whoever_has_made_it(self, tmp_path: Path) -> None:
        # The control: the same text, read anew.
        made = tmp_path / "same.db"
        with knowing(migrating, Schema.of({step.name: step.text for step in SCHEMA.steps})):
            migrate_schema(made)
        assert schema_status(made).current
        SQLiteStore(made, create=False).close()


def declared(schema: Schema, path: Path) -> set[Any]:
    """Every column, index and trigger of a file that steps have made."""
    with knowing(migrating, schema):
        migrate_schema(path)
    with closing(sqlite3.connect(path)) as connection:
        made = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE type <> 'table'").fetchall()
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        columns = [
            (name, *column[1:])
            for (name,) in tables
            for column in connection.execute(f"SELECT * FROM pragma_table_xinfo('{name}')")
        ]
        return {*made, *columns}


def test_the_steps_of_these_tests_make_what_is_shipped(tmp_path: Path) -> None:
    assert declared(SCHEMA, tmp_path / "in three.db") == declared(SHIPPED, tmp_path / "shipped.db")
