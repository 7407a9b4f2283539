"""
The shipped tables, partitioned by organisation: the same statements, changed where a partitioned table is written otherwise.

Run as a program it prints the script for an empty database: `python tests/postgres/partitioned.py 16`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import psycopg

from custstatus.adapters.postgres import schema_statements

__all__ = ["partition", "partitioned", "script"]

_TABLE = re.compile(
    r"^(?P<table>CREATE TABLE (?P<name>\w+) \(\n(?:    .*\n)*?    org (?:.*\n)*?\))(?P<storage> WITH \(.*\))?$",
    re.MULTILINE,
)
"""A table whose rows are an organisation's. Storage is set on partitions, not on the whole."""
_OF_STATEMENT = re.compile(r"^(?P<trigger>CREATE TRIGGER \w+ BEFORE TRUNCATE ON )(?P<name>\w+)(?=\s)", re.MULTILINE)
"""A trigger that a partition does not inherit, as those of each row are."""


def partitioned(parts: int) -> Iterator[str]:
    """The statements of every step, in their order, for tables of so many partitions each."""
    for statement in schema_statements():
        table = _TABLE.search(statement)
        if table is not None:
            head = statement[: table.start()]
            yield f"{head}{table['table']} PARTITION BY HASH (org)"
            for number in range(parts):
                values = f"FOR VALUES WITH (MODULUS {parts}, REMAINDER {number})"
                name = table["name"]
                yield f"CREATE TABLE {partition(name, number)} PARTITION OF {name} {values}{table['storage'] or ''}"
            continue
        yield statement
        trigger = _OF_STATEMENT.search(statement)
        if trigger is not None:
            for number in range(parts):
                name = partition(trigger["name"], number)
                yield _OF_STATEMENT.sub(rf"\g<trigger>{name}", statement)


def partition(table: str, number: int) -> str:
    """The name of a table's partition."""
    return f"{table}_p{number}"


def script(parts: int) -> str:
    """The same as one script, in a transaction."""
    return "".join(f"{statement};\n\n" for statement in ("BEGIN", *partitioned(parts), "COMMIT"))


def make(address: str, parts: int = 4) -> None:
    """Make the tables in an empty database."""
    with psycopg.connect(address) as connection:
        for statement in partitioned(parts):
            connection.execute(statement.encode())


if __name__ == "__main__":
    sys.stdout.write(script(int(sys.argv[1])))
