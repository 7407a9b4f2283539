"""`custstatus verify`: a clean file passes, a tampered one does not, and a foreign one is not touched."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from terminal import run


def executed(db: Path, script: str) -> None:
    """Run a script on a database, past the library."""
    with closing(sqlite3.connect(db)) as connection:
        connection.executescript(script)
        connection.commit()


def test_a_clean_file(db: Path) -> None:
    ran = run("verify", "--db", db)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("7 accounts, ")
    assert ran.out.endswith(" entries, 0 faults\n")


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("UPDATE custstatus_standing SET status = 'suspended' WHERE customer = 'h0001'", "standings"),
        (
            "UPDATE custstatus_standing SET label = 'Trending' WHERE customer = 'h0001' AND label = 'Regular'",
            "standings",
        ),
        ("UPDATE custstatus_standing SET status = 'no such status' WHERE customer = 'h0001'", "standings"),
        ("UPDATE custstatus_standing SET actor = 'somebody else' WHERE customer = 'h0001'", "standings"),
        ("DELETE FROM custstatus_standing WHERE customer = 'h0001'", "standings"),
        ("UPDATE custstatus_account SET version = version + 1 WHERE customer = 'h0001'", "version"),
        ("UPDATE custstatus_account SET closed_at = 5 WHERE customer = 'h0001'", "closed_at"),
        (
            "DROP TRIGGER custstatus_entry_is_not_deleted; DELETE FROM custstatus_entry WHERE customer = 'h0001'",
            "registration",
        ),
    ],
)
def test_what_was_changed_past_the_library_is_found(db: Path, tmp_path: Path, script: str, what: str) -> None:
    tampered = Path(shutil.copy(db, tmp_path / "tampered.db"))
    executed(tampered, script)
    ran = run("verify", "--db", tampered, "--org", "greengrocer")
    assert ran.code == 1
    assert any(line.startswith("h0001: ") and what in line for line in ran.out.splitlines())
    assert ", 0 faults" not in ran.out


def test_a_configuration_is_not_needed(db: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copy(db, tmp_path / "copied.db"))
    executed(copied, "UPDATE custstatus_config SET text = '{}'")
    before = copied.read_bytes()
    assert run("verify", "--db", copied).code == 0
    assert copied.read_bytes() == before


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    ran = run("verify", "--db", tmp_path / "none.db")
    assert ran.code == 1
    assert "no such file" in ran.error
    assert list(tmp_path.iterdir()) == []


def test_a_directory_and_a_file_of_another_kind(tmp_path: Path) -> None:
    assert "no such file" in run("verify", "--db", tmp_path).error
    for content, told in ((b"", "without the tables of custstatus"), (b"no database", "no SQLite database")):
        other = tmp_path / "other"
        other.write_bytes(content)
        ran = run("verify", "--db", other)
        assert ran.code == 1
        assert told in ran.error
        assert other.read_bytes() == content


def test_a_database_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.db"
    executed(foreign, "CREATE TABLE customers (name TEXT)")
    before = foreign.read_bytes()
    ran = run("verify", "--db", foreign)
    assert ran.code == 1
    assert "without the tables of custstatus" in ran.error
    assert foreign.read_bytes() == before
    assert list(tmp_path.iterdir()) == [foreign]


def test_a_file_of_a_newer_version(db: Path, tmp_path: Path) -> None:
    newer = Path(shutil.copy(db, tmp_path / "newer.db"))
    executed(newer, "INSERT INTO custstatus_schema VALUES (9999, '')")
    ran = run("verify", "--db", newer)
    assert ran.code == 1
    assert "upgrade custstatus" in ran.error


def test_errors_of_the_engine_are_one_line_with_their_cause(db: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copy(db, tmp_path / "broken.db"))
    executed(broken, "DROP TABLE custstatus_entry")
    ran = run("verify", "--db", broken)
    assert ran.code == 1
    assert "no such table: custstatus_entry" in ran.error
