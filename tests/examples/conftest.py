"""The demo of a slice of its sample in which everything happens, and the file that it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from slices import write_slice
from terminal import Ran, run_program

from custstatus import SQLiteStore, StatusService
from examples.demo.__main__ import main
from examples.demo.programme import PROGRAMME, Label


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What six households bought in a year."""
    return write_slice(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def kept(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """The demo's file of it, and what the demo said."""
    db = tmp_path_factory.mktemp("kept") / "year.db"
    return db, run_program(main, "demo", "--data", data, "--db", db)


@pytest.fixture
def service(kept: tuple[Path, Ran]) -> Iterator[StatusService[Label]]:
    """A service over the demo's file, only to be read."""
    with closing(SQLiteStore(kept[0])) as store:
        yield StatusService(store, PROGRAMME)
