"""The embedded default: a store in one SQLite file."""

from custstatus.adapters.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
