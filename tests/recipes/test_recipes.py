"""Every recipe is short, and there is one for each host that we speak of."""

from __future__ import annotations

import pytest
from hosts import FOLDER

RECIPES = sorted(path.stem for path in FOLDER.glob("*.py"))

MOST = 25
"""Lines of a recipe, what it imports included."""


def lines(text: str) -> int:
    """How many lines a recipe has, from its first import to where its use begins; the blank ones at its end do not count."""
    proper, mark, _ = text.partition("\n# In use:\n")
    assert mark
    _, docstring, proper = proper.removeprefix('"""').partition('"""\n')
    assert docstring
    return len(proper.strip().splitlines())


def test_there_is_a_recipe_for_each_host() -> None:
    assert RECIPES == [
        "alembic_versions",
        "django_atomic",
        "fastapi_dependency",
        "sqlalchemy_async",
        "sqlalchemy_session",
    ]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_short(name: str) -> None:
    assert 10 <= lines((FOLDER / f"{name}.py").read_text()) <= MOST


def test_a_longer_one_is_found() -> None:
    text = (FOLDER / "fastapi_dependency.py").read_text()
    longer = text.replace("# In use:", "x = 1\n\n\n# In use:")
    assert lines(longer) > MOST
