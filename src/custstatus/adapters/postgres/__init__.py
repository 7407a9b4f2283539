"""The stores on PostgreSQL, and their schema: an extra, `pip install 'custstatus[postgres]'`."""

from custstatus.adapters.postgres.aio import AsyncPostgresStore
from custstatus.adapters.postgres.listening import AsyncListener, Listener, hints
from custstatus.adapters.postgres.migrating import migrate_schema, schema_sql, schema_statements, schema_status
from custstatus.adapters.postgres.store import PostgresStore
from custstatus.adapters.sql.schema import SchemaStatus

__all__ = [
    "AsyncListener",
    "AsyncPostgresStore",
    "Listener",
    "PostgresStore",
    "SchemaStatus",
    "hints",
    "migrate_schema",
    "schema_sql",
    "schema_statements",
    "schema_status",
]
