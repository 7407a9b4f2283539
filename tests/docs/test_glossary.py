"""The glossary: every public name is made of its words, and none of words that were given up."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
SURFACES = (
    "custstatus",
    "custstatus.adapters",
    "custstatus.aio",
    "custstatus.operations",
    "custstatus.policies",
    "custstatus.policies.analysis",
    "custstatus.tables",
)
GIVEN_UP = frozenset({"move", "moves", "need", "needs", "guard", "wish", "brakes", "told", "dry", "behind"})
"""Words for which the glossary has better ones."""

PLAIN = frozenset({"error", "unknown", "not"})
"""Of errors and the like: no word of the domain."""


def words(name: str) -> set[str]:
    """The words that a name is made of."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def known() -> set[str]:
    """Every word of the glossary's first column, and its plural."""
    rows = [line.split("|")[1].strip() for line in GLOSSARY.read_text().splitlines() if line.startswith("| ")]
    found = {word for row in rows[1:] for word in re.split(r"[ ,-]+", row)}
    return (
        found
        | {f"{word}s" for word in found}
        | {re.sub("y$", "ies", word) for word in found}
        | {"reversed", "upgraded", "imported", "loosens"}
    )


def public() -> Iterator[tuple[str, object]]:
    """Every public name."""
    for surface in SURFACES:
        module = importlib.import_module(surface)
        for name in module.__all__:
            yield f"{surface}.{name}", getattr(module, name)


def test_the_glossary_is_in_order_and_says_each_word_once() -> None:
    rows = [line.split("|")[1].strip() for line in GLOSSARY.read_text().splitlines() if line.startswith("| ")][1:]
    assert rows == sorted(set(rows))


def given_up(names: Iterator[tuple[str, object]]) -> list[str]:
    """Names, and parameters of what they name, that are made of a word that was given up."""
    found = []
    for path, value in names:
        named = [path.rpartition(".")[2]]
        functions = [value] if inspect.isfunction(value) else []
        if inspect.isclass(value):
            functions = [each for name, each in vars(value).items() if inspect.isfunction(each) and name[0] != "_"]
            named += [name for name in vars(value) if name[0] != "_"]
        for function in functions:
            named += [f"{function.__name__}({each})" for each in inspect.signature(function).parameters]
        found += [f"{path}: {name}" for name in named if words(name) & GIVEN_UP]
    return found


def test_no_public_name_has_a_word_that_was_given_up() -> None:
    assert given_up(public()) == []


def test_one_that_had_would_be_found() -> None:
    def sweep(*, brakes: int) -> int:
        return brakes

    assert given_up(iter([("custstatus.sweep", sweep)])) == ["custstatus.sweep: sweep(brakes)"]


@pytest.mark.parametrize(("path", "value"), [each for each in public() if inspect.isclass(each[1])])
def test_every_public_class_is_named_by_a_word_of_the_glossary(path: str, value: object) -> None:
    name = path.rpartition(".")[2]
    assert words(name) & (known() | PLAIN), f"{path}: say what it is in docs/glossary.md"
