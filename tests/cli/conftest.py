"""A slice of the packaged sample in which everything happens, and the demo's file of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from slices import write_slice
from terminal import Ran, run

from custstatus import SQLiteStore, StatusService
from custstatus.cli.programme import PROGRAMME, Label


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What six households bought in a year."""
    return write_slice(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def kept(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """The demo's file of it, and what the demo said."""
    db = tmp_path_factory.mktemp("kept") / "year.db"
    return db, run("demo", "--data", data, "--db", db)


@pytest.fixture(scope="session")
def db(kept: tuple[Path, Ran]) -> Path:
    """The demo's file, only to be read."""
    return kept[0]


@pytest.fixture
def service(db: Path) -> Iterator[StatusService[Label]]:
    """A service over the demo's file."""
    with closing(SQLiteStore(db)) as store:
        yield StatusService(store, PROGRAMME)
