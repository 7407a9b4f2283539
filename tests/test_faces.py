"""The made faces: none is stale, and a check says so where one is; those of the service are compared in `aio/test_aio.py`."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from custstatus.adapters import Store
from custstatus.aio import AsyncStore
from custstatus.testing import Awaited, Blocking, RelayStore
from tools import faces


def verbs(kind: type) -> dict[str, object]:
    """The public functions of a class, those that it inherits too."""
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: function for name, function in found if not name.startswith("_")}


def parameters(function: object) -> list[tuple[str, object, object]]:
    """Names, kinds and defaults of what a function takes."""
    taken = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    return [(each.name, each.kind, each.default) for each in taken]


def test_no_face_is_stale() -> None:
    assert list(faces.stale()) == []


def test_every_made_file_says_of_what_it_is_made() -> None:
    for path in faces.FACES:
        assert "by `make faces`: change th" in (faces.PACKAGE / path).read_text()


def test_a_source_that_has_changed_makes_its_faces_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that nothing makes any more."""
    package = tmp_path / "custstatus"
    for path in [*faces.PACKAGE.rglob("*.py")]:
        copy = package / path.relative_to(faces.PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    monkeypatch.setattr(faces, "PACKAGE", package)
    assert list(faces.stale()) == []
    desk = package / "service" / "desk.py"
    desk.write_text(desk.read_text().replace("async def restore(", "async def bring_back("))
    left = package / "service" / "_made" / "left_over.py"
    left.write_text("")
    assert list(faces.stale()) == ["service/_made/desk.py", "service/_made/left_over.py"]


def test_the_check_exits_with_0_where_all_are_fresh() -> None:
    done = subprocess.run([sys.executable, faces.__file__, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("awaited", "blocking", "by_hand"),
    [
        (AsyncStore, Store, set()),
        (Store, RelayStore, set()),
        (Store, Awaited, {"inside"}),
        (Store, Blocking, set()),
    ],
)
def test_both_forms_of_a_store_have_the_same_verbs_and_take_the_same(
    awaited: type, blocking: type, by_hand: set[str]
) -> None:
    ours, theirs = verbs(awaited), verbs(blocking)
    assert set(ours) - by_hand == set(theirs) - by_hand
    for name in set(ours) - by_hand:
        assert parameters(ours[name]) == parameters(theirs[name]), name


def test_work_that_waits_is_no_work_for_a_store_that_blocks() -> None:
    """A store whose verbs wait is not finished by one `send`: it is said, not left half done."""

    from custstatus.service._made import desk

    class Wait:
        def __await__(self):  # type: ignore[no-untyped-def]
            yield

    async def work() -> None:
        await Wait()

    with pytest.raises(RuntimeError, match="a store that blocks has waited"):
        desk._run(work())
