"""`custstatus diagram`: the transitions as the library ships them, or as a file's configuration has them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from terminal import run

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    LOYALTY_TYPE,
    MEMBERSHIP,
    TRIAL_GROUP,
    Actor,
    CustomerStatus,
    Lifecycle,
    NoLabels,
    OrgConfig,
    SQLiteStore,
    Status,
    StatusService,
)

EDITED = CUSTOMER_STATUS.without((CustomerStatus.ACTIVE, CustomerStatus.INTERNAL))


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """A file of an organisation with a table of its own."""
    db = tmp_path / "edited.db"
    with closing(SQLiteStore(db)) as store:
        StatusService(store, OrgConfig("alpha", NoLabels, lifecycles=[EDITED])).acting(Actor("anna")).register("c1")
    return db


@pytest.mark.parametrize(
    "lifecycle", [CUSTOMER_STATUS, LEGACY_FRAUD_STATUS, CLIENT_STATE, MEMBERSHIP, LOYALTY_TYPE, TRIAL_GROUP]
)
def test_every_shipped_lifecycle_in_both_forms(lifecycle: Lifecycle[Status]) -> None:
    assert run("diagram", lifecycle.name).out == lifecycle.mermaid()
    assert run("diagram", lifecycle.name, "--format", "mermaid").out == lifecycle.mermaid()
    assert run("diagram", lifecycle.name, "--format", "table").out == lifecycle.table()


def test_customer_status_by_default() -> None:
    assert run("diagram").out == CUSTOMER_STATUS.mermaid()


def test_the_table_of_a_file_as_it_was_edited(edited: Path) -> None:
    assert EDITED.table() != CUSTOMER_STATUS.table()
    assert run("diagram", "--db", edited).out == EDITED.mermaid()
    assert run("diagram", "--format", "table", "--db", edited).out == EDITED.table()


def test_the_demo_has_two(db: Path) -> None:
    assert run("diagram", "membership", "--db", db).out == MEMBERSHIP.mermaid()


def test_a_lifecycle_that_is_off(edited: Path) -> None:
    ran = run("diagram", "membership", "--db", edited)
    assert ran.code == 1
    assert "has no lifecycle 'membership'" in ran.error


def test_a_file_without_an_entry(tmp_path: Path) -> None:
    with closing(SQLiteStore(tmp_path / "new.db")) as store:
        StatusService(store, OrgConfig("alpha", NoLabels))
    ran = run("diagram", "--db", tmp_path / "new.db")
    assert ran.code == 1
    assert "no entry yet" in ran.error


@pytest.mark.parametrize("arguments", [("no_such_lifecycle",), ("--format", "svg")])
def test_bad_usage(arguments: tuple[str, ...]) -> None:
    ran = run("diagram", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert arguments[-1] in ran.err
