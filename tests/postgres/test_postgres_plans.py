"""How the server plans a set: customer by customer by the keys, whatever it knows or does not know of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from organisation import ACME, AGENT, Label
from psycopg import sql
from rivals import changed
from servers import Server, database
from wholeness import opened

from custstatus import Channel, Identifier
from custstatus.adapters import PreparedSet, SetRow
from custstatus.adapters.postgres import statements
from custstatus.adapters.postgres.cursors import RawCursor
from custstatus.adapters.postgres.operations import PostgresOperations
from custstatus.adapters.postgres.statements import SQL
from custstatus.adapters.sql.running import Many
from custstatus.gate.prepare import prepare as prepared
from custstatus.gate.request import Operation, Request
from custstatus.service.service import utc_now

MAIL = Identifier("email", "c@example.org")
MANY = 1_000
TABLES = ("account", "standing", "entry", "identifier", "last_activity")


@pytest.fixture(params=["never-analysed", "analysed"])
def connection(server: Server, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Any]]:
    """To a database with many customers, each with two entries and an identifier."""
    with database(server) as address, psycopg.connect(address, autocommit=True) as connection:
        with opened(address) as service:
            service.acting(AGENT).register("c", identifiers=[MAIL])
            service.acting(AGENT).change("c", Label.TRENDING, reason="asked")
        for table in TABLES:
            multiply(connection, f"custstatus_{table}")
        if request.param == "analysed":
            connection.execute("ANALYZE")
        yield connection


def multiply(connection: psycopg.Connection[Any], table: str) -> None:
    """As many rows for other customers as there are for the one."""
    described = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).description or ()
    own = {"customer": sql.SQL("customer || '-' || n"), "token": sql.SQL("token || n")}
    columns = [column.name for column in described if column.name != "id"]
    connection.execute(
        sql.SQL("INSERT INTO {table} ({columns}) SELECT {values} FROM {table}, generate_series(1, {many}) n").format(
            table=sql.Identifier(table),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            values=sql.SQL(", ").join(own.get(column, sql.Identifier(column)) for column in columns),
            many=MANY,
        )
    )


def passed_over(connection: psycopg.Connection[Any], target: Label) -> float:
    """How many rows the server reads and passes over for a set of all of the customers, which it does not keep."""
    request = Request(*(Operation.CHANGE, "c", (target,), AGENT, Channel.IMPORT), reason="r-1", run="r-1", approval="b")
    several = PreparedSet(
        prepared(request, ACME, utc_now()), tuple(SetRow(f"c-{number}") for number in range(1, MANY + 1))
    )
    assert several.step is not None
    asked = next(PostgresOperations(SQL).apply_set(several, several.step))
    assert not isinstance(asked, Many)
    statement, parameters = asked
    explain = statement._replace(text=f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}")
    with connection.transaction(force_rollback=True):
        (((plan,),),) = RawCursor(connection).ask(explain, parameters)
        (written,) = connection.execute("SELECT count(*) FROM custstatus_entry WHERE run = 'r-1'").fetchone() or (0,)
    assert written == MANY

    def passed(node: dict[str, Any]) -> float:
        own = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
        return float(own * node["Actual Loops"] + sum(map(passed, node.get("Plans", ()))))

    return passed(plan["Plan"])


@pytest.mark.parametrize("target", [Label.LOST_PHONE, Label.CLOSED])
def test_no_table_is_read_for_each_customer(connection: psycopg.Connection[Any], target: Label) -> None:
    assert passed_over(connection, target) <= MANY


@pytest.mark.parametrize("connection", ["never-analysed"], indirect=True)
@pytest.mark.parametrize(
    ("guard", "instead"),
    [
        ("e.version = cur.return_to OFFSET 0", "e.version = cur.return_to"),
        (statements._found("custstatus_standing", " AND y.lifecycle = $3"), "WHERE"),
    ],
    ids=["entries", "standings"],
)
def test_a_plan_that_does_is_told(
    connection: psycopg.Connection[Any], guard: str, instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with changed(monkeypatch, guard, instead, "applying_set"):
        assert passed_over(connection, Label.LOST_PHONE) > MANY * MANY / 4
