"""The stores on PostgreSQL: an extra, `pip install 'custstatus[postgres]'`."""

from custstatus.adapters.postgres.aio import AsyncPostgresStore
from custstatus.adapters.postgres.store import PostgresStore

__all__ = ["AsyncPostgresStore", "PostgresStore"]
