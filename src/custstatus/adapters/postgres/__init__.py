"""The stores on PostgreSQL, and their schema: an extra, `pip install 'custstatus[postgres]'`."""

from custstatus.adapters.postgres.aio import AsyncPostgresStore
from custstatus.adapters.postgres.migrating import (
    SchemaStatus,
    migrate_schema,
    schema_sql,
    schema_statements,
    schema_status,
)
from custstatus.adapters.postgres.store import PostgresStore

__all__ = [
    "AsyncPostgresStore",
    "PostgresStore",
    "SchemaStatus",
    "migrate_schema",
    "schema_sql",
    "schema_statements",
    "schema_status",
]
