"""A schema's steps, how they are told from others of the same numbers, and which of them a database lacks."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from custstatus import InvalidInputError
from custstatus.adapters.postgres import migrating as postgres
from custstatus.adapters.sql.schema import At, Schema, SchemaStatus
from custstatus.adapters.sqlite import migrating as sqlite
from custstatus.errors import SchemaError

TEXTS = {"0001_a": "CREATE TABLE a (x);\n", "0002_b": "CREATE TABLE b (x);\n", "0004_d": "CREATE TABLE d (x);\n"}
SCHEMA = Schema.of(TEXTS)
ONE, TWO, FOUR = (step.hash for step in SCHEMA.steps)


def test_the_hash_of_a_step_is_of_all_texts_by_then() -> None:
    assert sha256(b"CREATE TABLE a (x);\0").hexdigest() == ONE
    assert sha256(b"CREATE TABLE a (x);\0CREATE TABLE b (x);\0").hexdigest() == TWO
    assert len({ONE, TWO, FOUR}) == 3
    assert [SCHEMA.hash_of(number) for number in (0, 1, 2, 3, 4)] == [None, ONE, TWO, None, FOUR]


def test_what_is_edited_changes_its_hash_and_all_after_it() -> None:
    other = Schema.of(TEXTS | {"0002_b": "CREATE TABLE b (x, y);\n"})
    assert [step.hash for step in other.steps][:1] == [ONE]
    assert {step.hash for step in other.steps}.isdisjoint({TWO, FOUR})


def test_where_one_text_ends_and_the_next_begins_counts() -> None:
    assert (
        Schema.of({"0001_a": "a", "0002_b": "bc"}).steps[-1].hash
        != Schema.of({"0001_a": "ab", "0002_b": "c"}).steps[-1].hash
    )


def test_a_folder_s_steps_are_its_numbered_files(tmp_path: Path) -> None:
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.sql").write_bytes(text.replace("\n", "\r\n").encode())  # as a checkout may have them
    for name in "3_misnamed.sql", "0003_notes.md", "0005-e.sql":
        (tmp_path / name).write_text("no step")
    assert Schema.read(tmp_path) == SCHEMA


@pytest.mark.parametrize("at", [At(), At(1, ONE), At(2, TWO), At(4, FOUR)])
def test_one_that_these_steps_have_made_is_ours(at: At) -> None:
    assert not SCHEMA.differs(at)
    assert SCHEMA.check(at) == at.step


@pytest.mark.parametrize("at", [At(1), At(1, ""), At(1, TWO), At(2, ONE), At(3, TWO), At(4), At(4, FOUR[:12])])
def test_one_that_others_have_made_is_not(at: At) -> None:
    assert SCHEMA.differs(at)
    with pytest.raises(SchemaError, match=f"another build .* schema step {at.step} .*; make a new database, or use"):
        SCHEMA.check(at)


def test_a_step_that_is_not_known_yet_is_of_a_newer_version() -> None:
    assert not SCHEMA.differs(At(5, "x"))
    with pytest.raises(SchemaError, match="step 5, this version knows 4: upgrade"):
        SCHEMA.check(At(5, "x"))


def test_what_is_missing_comes_after() -> None:
    assert [[step.number for step in SCHEMA.after(number)] for number in (0, 1, 4)] == [[1, 2, 4], [2, 4], []]
    assert [SCHEMA.known("after", number) for number in (0, 1, 4)] == [0, 1, 4]
    for wrong in 3, 5, -1, True, "1", None:
        with pytest.raises(InvalidInputError, match="after: expected a step's number, from 0 to 4"):
            SCHEMA.known("after", wrong)


def test_one_that_others_have_made_is_not_current() -> None:
    assert SchemaStatus(4, 4, (), "x").current
    assert not SchemaStatus(4, 4, (), "x", differs=True).current


@pytest.mark.parametrize("migrating", [sqlite, postgres])
def test_what_is_shipped_is_what_the_files_say(migrating: object) -> None:
    assert isinstance(migrating, type(sqlite))
    folder = Path(str(migrating.__file__)).with_name("schema")
    assert Schema.read(folder) == migrating.SCHEMA
    assert [step.name for step in migrating.SCHEMA.steps] == sorted(file.stem for file in folder.iterdir())
