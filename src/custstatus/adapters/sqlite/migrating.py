"""The schema of a SQLite file, step by numbered step: brought up to date, or found to be so."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from custstatus.adapters.sql.schema import At, Schema, SchemaStatus
from custstatus.adapters.sqlite.connecting import checked, translating
from custstatus.errors import SchemaError

__all__ = ["SCHEMA", "SchemaStatus", "check_ours", "migrate", "migrate_schema", "schema_sql", "schema_status"]

SCHEMA = Schema.read(Path(__file__).with_name("schema"))
"""The steps that this version knows, and that every store and function here goes by."""

_IS_THERE = "SELECT 1 FROM sqlite_master WHERE name = 'custstatus_schema'"
_MADE = "CREATE TABLE {}custstatus_schema (step INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT"
# All columns, for there may be none of the hash.
_AT = "SELECT * FROM custstatus_schema ORDER BY step DESC LIMIT 1"
_DONE = "INSERT INTO custstatus_schema (step, hash) VALUES ({}, '{}')"

_BUSY = "others wrote to the file for too long: try again"

_SCRIPT = "-- The tables of custstatus in SQLite 3.38 or later, after step {after}. To run it: sqlite3 -bail FILE"
# A file at another step, or made by others, breaks a constraint, and ends the script before anything was done.
_GUARD = """
CREATE TEMP TABLE custstatus_at (step INTEGER CHECK (step = {after}), hash TEXT CHECK (hash IS '{hash}'));
INSERT INTO temp.custstatus_at SELECT coalesce(max(step), 0), hash FROM custstatus_schema;
DROP TABLE temp.custstatus_at;
""".strip()


def check_ours(path: str) -> None:
    """SchemaError unless the file is there and holds our tables; it is only read."""
    with _looking(path) as connection:
        ours = connection.execute(_IS_THERE).fetchone() is not None
    if not ours:
        raise SchemaError(f"{path}: a database without the tables of custstatus: `custstatus db init` makes them")


def migrate(connection: sqlite3.Connection, schema: Schema) -> tuple[str, ...]:
    """
    Take the steps that are missing, in one transaction that waits for others that write; their names.

    Raises:
        SchemaError: The file was made by a newer version of this library, or by another build of it.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_MADE.format("IF NOT EXISTS "))
        missing = schema.after(schema.check(_at(connection)))
        for step in missing:
            for statement in _statements(step.text):
                connection.execute(statement)
            connection.execute(_DONE.format(step.number, step.hash))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # of a full disk, say, the engine itself rolls back
            connection.execute("ROLLBACK")
        raise
    return tuple(step.name for step in missing)


def _at(connection: sqlite3.Connection) -> At:
    row = connection.execute(_AT).fetchone()
    return At() if row is None else At(*row[:2])


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
        SchemaError: The file was made by a newer version of this library or by another build of it or, with `create=False`, is
            not ours.
        StoreBusyError: Others wrote for longer than that.
        StoreError: It cannot be opened, or a step cannot be taken; nothing is changed then.
    """
    name = checked(path)
    if not create:
        check_ours(name)
    with translating(_BUSY), closing(sqlite3.connect(name, timeout=patience, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        return migrate(connection, SCHEMA)


def schema_status(path: str | os.PathLike[str]) -> SchemaStatus:
    """
    At which step a file is; it is only read.

    Raises:
        SchemaError: There is no such file, or it is no database.
    """
    name, at = checked(path), At()
    with _looking(name) as connection:
        if connection.execute(_IS_THERE).fetchone() is not None:
            at = _at(connection)
    missing = tuple(step.name for step in SCHEMA.after(at.step))
    engine = f"SQLite {sqlite3.sqlite_version}"
    return SchemaStatus(at.step, SCHEMA.last, missing, engine, differs=SCHEMA.differs(at))


def schema_sql(after: int = 0) -> str:
    """
    A script of the steps after one, for the engine's own shell; empty where there are none.

    Raises:
        InvalidInputError: There is no such step.
    """
    missing = SCHEMA.after(SCHEMA.known("after", after))
    if not missing:
        return ""
    parts = [_SCRIPT.format(after=after), "BEGIN IMMEDIATE;"]
    if after == 0:
        parts.append(f"{_MADE.format('')};")
    else:
        parts.append(_GUARD.format(after=after, hash=SCHEMA.hash_of(after)))
    for step in missing:
        parts += [step.text, f"{_DONE.format(step.number, step.hash)};"]
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
