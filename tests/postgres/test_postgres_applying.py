"""A change of one lifecycle is made by the store itself, by one statement that plans nothing, and just as it is planned."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from applying import Applying
from emptied import Emptied

from custstatus.adapters import Store
from custstatus.adapters.postgres import PostgresStore


class TestPostgresStore(Applying):
    @pytest.fixture
    def stores(self, emptied: Emptied) -> Iterator[tuple[Store, Store]]:
        with (
            emptied.lent() as here,
            emptied.lent() as there,
            PostgresStore(here, connections=1) as one,
            PostgresStore(there, connections=1) as other,
        ):
            yield one, other
