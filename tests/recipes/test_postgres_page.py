"""What the page on PostgreSQL says in SQL and of the sessions is so; its Python is run with that of the other documents."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hosts import AGENT

from custstatus import CustomerStatus, NoLabels, StatusService
from custstatus.adapters.postgres.connecting import settings
from custstatus.bounds import micros

TEXT = (Path(__file__).parents[2] / "docs" / "postgres.md").read_text()
VIEW, CONDITION, ROLE = re.findall(r"^```sql\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
MOMENT = re.findall(r"timestamptz 'epoch' \+ (\w+) \* interval '1 microsecond'", VIEW)


def test_the_view_has_the_history_with_its_times(address: str, shop: StatusService[NoLabels]) -> None:
    shop.acting(AGENT).change("c-1", CustomerStatus.SUSPENDED, reason="looks odd")
    entries = shop.history("c-1").items
    with psycopg.connect(address) as connection:
        connection.execute("SET timezone = 'Asia/Kathmandu'")
        connection.execute(VIEW.encode())
        columns = "version, to_status, reason, effective, recorded"
        rows = connection.execute(f"SELECT {columns} FROM history WHERE customer = 'c-1' ORDER BY version".encode())
        expected = [
            (each.version, each.to_status, each.reason, each.effective_at, each.recorded_at) for each in entries
        ]
        assert rows.fetchall() == expected
        assert expected[-1][2] == "looks odd"


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2254, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
    ids=lambda moment: str(moment.year),
)
def test_a_time_is_read_to_the_microsecond(address: str, moment: datetime) -> None:
    assert MOMENT == ["effective_at", "recorded_at"]
    with psycopg.connect(address) as connection:
        query = "SELECT timestamptz 'epoch' + %s::bigint * interval '1 microsecond'"
        assert connection.execute(query, [micros(moment)]).fetchone() == (moment,)


def test_the_condition_finds_who_has_moved_lately(address: str) -> None:
    ours = CONDITION.replace("'acme'", "'shop'")
    assert ours != CONDITION
    with psycopg.connect(address) as connection:
        assert sorted(connection.execute(ours.encode())) == [("c-1", "active"), ("c-2", "active")]
        earlier = ours.replace("- interval '7 days'", "+ interval '7 days'")
        assert list(connection.execute(earlier.encode())) == []


def test_a_role_can_have_every_setting_that_the_store_would_have_made(address: str) -> None:
    with psycopg.connect(address) as connection:
        # Roles are the server's, which may have one of this name: ours is never committed.
        connection.execute("CREATE ROLE custstatus_page")
        connection.execute(ROLE.replace("ALTER ROLE shop", "ALTER ROLE custstatus_page").encode())
        held = connection.execute(
            "SELECT setconfig FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = setrole WHERE rolname = 'custstatus_page'"
        )
        ((settled,),) = held.fetchall()
        connection.rollback()
    with psycopg.connect(address) as connection:
        names = re.findall(r"SET (\w+) =", settings(5))
        assert sorted(each.partition("=")[0] for each in settled) == sorted(names)
        for each in settled:
            name, _, value = each.partition("=")
            connection.execute(f"SET {name} = '{value}'".encode())
        shown = {name: connection.execute(f"SHOW {name}".encode()).fetchone() for name in names}
        connection.rollback()
        connection.execute(settings(5).encode())
        assert {name: connection.execute(f"SHOW {name}".encode()).fetchone() for name in names} == shown


def test_the_page_tells_every_setting_of_a_session() -> None:
    told = TEXT[TEXT.index("## What it sets on its sessions") : TEXT.index("## One round trip a change")]
    for name in re.findall(r"SET (\w+) =", settings(5)):
        assert f"`{name}`" in told
