"""The embedded default: a store in one SQLite file, and its schema."""

from custstatus.adapters.sql.schema import SchemaStatus
from custstatus.adapters.sqlite.migrating import migrate_schema, schema_sql, schema_status
from custstatus.adapters.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore", "SchemaStatus", "migrate_schema", "schema_sql", "schema_status"]
