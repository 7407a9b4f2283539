"""The checks of a file find what is planted for each of them, so that none can pass by looking nowhere."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from organisation import AGENT, Label
from soundness import CHECKS, everything, faults_in, opened

from custstatus import Action, Activity, Identifier
from custstatus.service.service import utc_now

PLANTED = {
    "a text without its entry": "INSERT INTO custstatus_text VALUES ('acme', 'c', 99, 'why', NULL)",
    "an entry without its text": "DELETE FROM custstatus_text",
    "an entry without its account": "UPDATE custstatus_account SET customer = 'd'",
    "a standing that is not what its entry says": "UPDATE custstatus_standing SET label = 'Trending' WHERE label NOT NULL",
    "an account without its standings": "DELETE FROM custstatus_standing",
    "a standing without its account": "UPDATE custstatus_account SET customer = 'd'",
    "an identifier without its entry": "UPDATE custstatus_identifier SET entry = 1",
    "another number of identifiers than its entries say": "DELETE FROM custstatus_identifier",
    "a key that stands for two requests, or for a part of one": """
        INSERT INTO custstatus_entry (org, customer, version, kind, effective_at, recorded_at, actor, actor_kind, requested_by,
            channel, config, key, ordinal, closes)
        SELECT org, customer, 99, kind, effective_at, recorded_at, actor, actor_kind, requested_by, channel, config,
            'k', 5, closes
        FROM custstatus_entry WHERE version = 1
    """,
    "an activity without its account": "UPDATE custstatus_activity SET customer = 'd'",
    "a last activity that is not the last": "UPDATE custstatus_last_activity SET at = at - 1",
}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound file with one row or more for every check to look at."""
    path = tmp_path_factory.mktemp("template") / "statuses.db"
    with opened(path) as service:
        desk = service.acting(AGENT)
        desk.register("c", identifiers=[Identifier("mobile", "+447900000042")], key="k")
        desk.change("c", Label.LOST_PHONE, reason="Lost mobile phone")
        service.record(Activity("c", Action.TRANSACTION, "r-1", utc_now()))
    return path


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "statuses.db"
    shutil.copyfile(template, path)
    return path


def test_a_file_that_only_the_store_has_written_has_no_faults(path: Path) -> None:
    before = everything(path)
    assert faults_in(path) == []
    assert everything(path) == before


def test_there_is_something_to_plant_for_every_check() -> None:
    assert PLANTED.keys() == CHECKS.keys()


@pytest.mark.parametrize("what", CHECKS)
def test_what_is_planted_is_found(path: Path, what: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(PLANTED[what]).rowcount > 0
    assert any(fault.startswith(what) for fault in faults_in(path))


def test_a_history_that_does_not_fold_to_its_rows_is_found(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE custstatus_account SET version = version + 1")
    assert any("its version is not what its history gives" in fault for fault in faults_in(path))
