"""A change of one lifecycle is made by the store itself, in one transaction that plans nothing, and just as it is planned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from applying import Applying

from custstatus import SQLiteStore
from custstatus.adapters import Store


class TestSQLiteStore(Applying):
    @pytest.fixture
    def stores(self, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
        with SQLiteStore(tmp_path / "one.db") as one, SQLiteStore(tmp_path / "other.db") as other:
            yield one, other
