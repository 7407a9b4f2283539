"""A database to look at: what the demo keeps of a slice of its sample in which everything happens."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from slices import write_slice

from custstatus import SQLiteStore
from examples.demo.programme import PROGRAMME
from examples.demo.purchases import Purchases
from examples.demo.replay import Replay


@pytest.fixture(scope="session")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's file, only to be read."""
    data = write_slice(tmp_path_factory.mktemp("data"))
    path = tmp_path_factory.mktemp("kept") / "year.db"
    with closing(SQLiteStore(path)) as store:
        Replay(store, Purchases.read(data, PROGRAMME.time_zone)).run()
    return path
