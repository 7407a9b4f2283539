"""The schema of a SQLite file, step by numbered step: brought up to date, or found to be so."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from custstatus.adapters.sql.schema import SchemaStatus, Step, steps
from custstatus.adapters.sqlite.connecting import checked, translating
from custstatus.errors import InvalidInputError, SchemaError

__all__ = ["SchemaStatus", "check_ours", "migrate", "migrate_schema", "schema_sql", "schema_status"]

_SCHEMA = Path(__file__).with_name("schema")

_IS_THERE = "SELECT 1 FROM sqlite_master WHERE name = 'custstatus_schema'"
_MADE = "CREATE TABLE {}custstatus_schema (step INTEGER PRIMARY KEY) STRICT"
_AT = "SELECT coalesce(max(step), 0) FROM custstatus_schema"

_BUSY = "others wrote to the file for too long: try again"

_SCRIPT = "-- The tables of custstatus in SQLite 3.38 or later, after step {after}. To run it: sqlite3 -bail FILE"
# A file at another step breaks the constraint, and ends the script before anything was done.
_GUARD = """
CREATE TEMP TABLE custstatus_at (step INTEGER CHECK (step = {after}));
INSERT INTO temp.custstatus_at SELECT coalesce(max(step), 0) FROM custstatus_schema;
DROP TABLE temp.custstatus_at;
""".strip()


def _steps() -> list[Step]:
    return steps(_SCHEMA)


def check_ours(path: str) -> None:
    """SchemaError unless the file is there and holds our tables; it is only read."""
    with _looking(path) as connection:
        ours = connection.execute(_IS_THERE).fetchone() is not None
    if not ours:
        raise SchemaError(f"{path}: a database without the tables of custstatus: `custstatus db init` makes them")


def migrate(connection: sqlite3.Connection) -> tuple[str, ...]:
    """
    Bring the schema up to date, in one transaction that waits for others that write; the names of the steps taken.

    Raises:
        SchemaError: The file was written by a newer version of this library.
    """
    steps = _steps()
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_MADE.format("IF NOT EXISTS "))
        (at,) = connection.execute(_AT).fetchone()
        if at > steps[-1].number:
            newest = steps[-1].number
            raise SchemaError(f"the file is at schema step {at}, this version knows {newest}: upgrade custstatus")
        missing = [step for step in steps if step.number > at]
        for step in missing:
            for statement in _statements(step.text):
                connection.execute(statement)
            connection.execute("INSERT INTO custstatus_schema (step) VALUES (?)", (step.number,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # of a full disk, say, the engine itself rolls back
            connection.execute("ROLLBACK")
        raise
    return tuple(step.name for step in missing)


def _statements(text: str) -> Iterator[str]:
    """The single statements of a script; executescript would commit before it."""
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def migrate_schema(path: str | os.PathLike[str], *, create: bool = True, patience: float = 60.0) -> tuple[str, ...]:
    """
    Bring the schema of a file up to date, in one transaction; the names of the steps that were taken.

    Args:
        path: The file.
        create: False to leave a file alone that is not there, or has no tables of ours.
        patience: Seconds to wait for others that write.

    Raises:
        SchemaError: The file was written by a newer version of this library, or, with `create=False`, is not ours.
        StoreBusyError: Others wrote for longer than that.
        StoreError: It cannot be opened, or a step cannot be taken; nothing is changed then.
    """
    name = checked(path)
    if not create:
        check_ours(name)
    with translating(_BUSY), closing(sqlite3.connect(name, timeout=patience, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        return migrate(connection)


def schema_status(path: str | os.PathLike[str]) -> SchemaStatus:
    """
    At which step a file is; it is only read.

    Raises:
        SchemaError: There is no such file, or it is no database.
    """
    name, at, steps = checked(path), 0, _steps()
    with _looking(name) as connection:
        if connection.execute(_IS_THERE).fetchone() is not None:
            (at,) = connection.execute(_AT).fetchone()
    missing = tuple(step.name for step in steps if step.number > at)
    return SchemaStatus(at, steps[-1].number, missing, f"SQLite {sqlite3.sqlite_version}")


def schema_sql(after: int = 0) -> str:
    """
    A script of the steps after one, for the engine's own shell; empty where there are none.

    Raises:
        InvalidInputError: There is no such step.
    """
    steps = _steps()
    if type(after) is not int or after not in (0, *(step.number for step in steps)):
        raise InvalidInputError("after", f"a step's number, from 0 to {steps[-1].number}", repr(after)[:20])
    missing = [step for step in steps if step.number > after]
    if not missing:
        return ""
    done = "INSERT INTO custstatus_schema (step) VALUES ({});"
    parts = [_SCRIPT.format(after=after), "BEGIN IMMEDIATE;"]
    parts.append(f"{_MADE.format('')};" if after == 0 else _GUARD.format(after=after))
    for step in missing:
        parts += [step.text, done.format(step.number)]
    return "\n\n".join([*parts, "COMMIT;"]) + "\n"


@contextmanager
def _looking(path: str) -> Iterator[sqlite3.Connection]:
    """A connection that can only read; SchemaError where there is nothing to be read."""
    if not Path(path).is_file():
        raise SchemaError(f"{path}: no such file")
    try:
        with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        raise SchemaError(f"{path}: no SQLite database, or one that cannot be read") from error
