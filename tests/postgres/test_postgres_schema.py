"""By which steps a database was made: those of another build are refused, and the three of the tests make what is shipped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from servers import Server, database
from stepped import edited, in_three, knowing, more
from wholeness import everything, rows

from custstatus.adapters.postgres import (
    AsyncPostgresStore,
    PostgresStore,
    migrate_schema,
    migrating,
    schema_sql,
    schema_status,
)
from custstatus.adapters.sql.schema import Schema
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
    """A database whose steps have the numbers of ours, and were others: refused by everybody, and left as it is."""

    @pytest.fixture(params=["edited", "edited before", "without a hash", "behind"])
    def other(self, request: pytest.FixtureRequest, server: Server) -> Iterator[str]:
        until = Schema(SCHEMA.steps[:2]) if request.param == "behind" else SCHEMA
        number = {"edited": STEPS[-1], "edited before": STEPS[0], "behind": 2}.get(request.param)
        with database(server) as made:
            with knowing(migrating, until if number is None else edited(until, number)):
                migrate_schema(made)
            if number is None:
                rows(made, "ALTER TABLE custstatus_schema DROP COLUMN hash")
            yield made

    def test_it_is_told_and_left(self, other: str) -> None:
        before = everything(other)
        found = schema_status(other)
        assert (found.differs, found.current) == (True, False)
        for create in True, False:
            for ask in migrate_schema, PostgresStore, awaited:
                with pytest.raises(
                    SchemaError, match=r"another build .* expected [0-9a-f]{12}; make a new database, or use"
                ):
                    ask(other, create=create)
        assert everything(other) == before

    def test_no_script_of_ours_goes_on_from_it(self, other: str) -> None:
        at = schema_status(other).at
        with knowing(migrating, VERSION_LATER):
            script = schema_sql(at)
        before = everything(other)
        with (
            psycopg.connect(other, autocommit=True) as connection,
            pytest.raises(psycopg.errors.RaiseException, match="another build"),
        ):
            connection.execute(script.encode())
        assert everything(other) == before

    def test_nor_does_a_later_version(self, other: str) -> None:
        before = everything(other)
        with knowing(migrating, VERSION_LATER), pytest.raises(SchemaError, match="another build"):
            migrate_schema(other)
        assert everything(other) == before

    def test_one_of_the_same_steps_is_opened_whoever_has_made_it(self, server: Server) -> None:
        # The control: the same text, read anew.
        with database(server) as made:
            with knowing(migrating, Schema.of({step.name: step.text for step in SCHEMA.steps})):
                migrate_schema(made)
            assert schema_status(made).current
            PostgresStore(made, create=False).close()
            awaited(made, create=False)


def awaited(address: str, *, create: bool) -> None:
    """Open an awaited store, and close it."""

    async def opens() -> None:
        async with await AsyncPostgresStore.open(address, create=create):
            pass

    asyncio.run(opens())


DECLARED = """
SELECT table_name, column_name, data_type, column_default, is_nullable, collation_name, identity_generation
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT indexdef, '', '', '', '', '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT conname, pg_get_constraintdef(oid), '', '', '', '', '' FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT pg_get_triggerdef(oid), '', '', '', '', '', '' FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT pg_get_functiondef(oid), '', '', '', '', '', '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT relname, reloptions::text, '', '', '', '', '' FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""


def declared(server: Server, schema: Schema) -> set[Any]:
    """Everything that steps make in a database."""
    with database(server) as made, knowing(migrating, schema):
        migrate_schema(made)
        return set(rows(made, DECLARED))


def test_the_steps_of_these_tests_make_what_is_shipped(server: Server) -> None:
    assert declared(server, SCHEMA) == declared(server, SHIPPED)
