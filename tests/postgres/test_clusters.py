"""Data directories that are copied: each server has its own, and the one that the tests share is told from all others."""

from __future__ import annotations

import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import clusters
import psycopg
import pytest
from binaries import Account, NoServerError, find_binaries
from clusters import copy_data, make_data
from psycopg.rows import scalar_row
from servers import OwnServer, Server, database


def identifier(server: Server) -> int:
    """By which a server is told from others, and from those that are copies of it."""
    with psycopg.connect(server.address, row_factory=scalar_row) as connection:
        found = connection.execute("SELECT system_identifier FROM pg_control_system()").fetchone()
        assert isinstance(found, int)
        return found


def test_those_that_are_alike_are_apart_and_are_not_the_one_that_tests_share(
    server: Server, own_server: OwnServer
) -> None:
    other = OwnServer.fresh(find_binaries())
    try:
        with database(own_server) as address:
            with psycopg.connect(address) as connection:
                connection.execute("CREATE TABLE deed ()")
            with psycopg.connect(other.address) as connection:
                assert connection.execute("SELECT count(*) FROM pg_database").fetchone() == (3,)
        assert identifier(other) == identifier(own_server) != identifier(server)
    finally:
        other.close()


def test_a_copy_is_what_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "_made", {})
    account, binaries = Account.ours(), find_binaries()
    with TemporaryDirectory(prefix="custstatus-") as name:
        folder = Path(name)
        account.owns(folder)
        for data in "first", "second":
            copy_data(folder / data, binaries, account, binaries)
        first, second = (
            {path.relative_to(data): path.is_dir() or path.read_bytes() for path in data.rglob("*")}
            for data in (folder / "first", folder / "second")
        )
        assert len(first) > 500
        assert first == second
        found = (folder / "second").stat()
        assert stat.S_IMODE(found.st_mode) == 0o700
        assert found.st_uid == folder.stat().st_uid


def test_what_cannot_be_made_is_said(tmp_path: Path) -> None:
    for program in "initdb", "postgres":
        (tmp_path / program).write_text("#!/bin/sh\necho no room\nexit 1\n")
        (tmp_path / program).chmod(0o755)
    with pytest.raises(NoServerError, match="no room"):
        make_data(tmp_path / "data", tmp_path, Account())
    for _ in range(2):  # what was not made is not copied
        with pytest.raises(NoServerError, match="no room"):
            copy_data(tmp_path / "data", tmp_path, Account(), tmp_path)
