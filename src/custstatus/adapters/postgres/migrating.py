"""The schema, step by numbered step: brought up to date, or found to be so."""

from __future__ import annotations

import re
from pathlib import Path

from custstatus.adapters.sql.operations import Operation
from custstatus.adapters.sql.statements import Statement
from custstatus.errors import SchemaError

__all__ = ["OLDEST", "check", "migrate"]

OLDEST = 140_000
"""PostgreSQL 14."""

_SCHEMA = Path(__file__).with_name("schema")
_ALONE = Statement("SELECT pg_advisory_xact_lock(7164204418021912)")
_IS_THERE = Statement("SELECT to_regclass('custstatus_schema') IS NOT NULL")
_MADE = Statement("CREATE TABLE custstatus_schema (step integer PRIMARY KEY)")
_AT = Statement("SELECT coalesce(max(step), 0) FROM custstatus_schema")
_DONE = Statement("INSERT INTO custstatus_schema (step) VALUES ($1)")


def _steps() -> list[tuple[int, list[str]]]:
    """Each step's number and statements, which blank lines part."""
    files = sorted(step for step in _SCHEMA.iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", step.name))
    return [(int(step.name[:4]), re.split(r"\n\n+", step.read_text(encoding="utf-8").strip())) for step in files]


def migrate() -> Operation[bool]:
    """
    Bring the schema up to date, in one transaction that waits for others that do; answers whether there was anything to do.

    Raises:
        SchemaError: The database was written by a newer version of this library.
    """
    yield _ALONE, ()
    ((there,),) = yield _IS_THERE, ()
    if not there:
        yield _MADE, ()
    at = yield from _at()
    behind = [(number, statements) for number, statements in _steps() if number > at]
    for number, statements in behind:
        for text in statements:
            yield Statement(text), ()
        yield _DONE, (number,)
    return bool(behind)


def check() -> Operation[bool]:
    """
    Whether the schema is there and up to date; nothing is written.

    Raises:
        SchemaError: It is not.
    """
    ((there,),) = yield _IS_THERE, ()
    if not there:
        raise SchemaError("a database without the tables of custstatus")
    if (yield from _at()) < _steps()[-1][0]:
        raise SchemaError("the database is at an earlier schema step than this version knows: migrate it")
    return True


def _at() -> Operation[int]:
    ((at,),) = yield _AT, ()
    newest = _steps()[-1][0]
    if at > newest:
        raise SchemaError(f"the database is at schema step {at}, this version knows {newest}: upgrade custstatus")
    return int(at)
