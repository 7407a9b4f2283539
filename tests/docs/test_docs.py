"""
The documents are true: their Python runs, their tables are those of the code, their links lead somewhere.

Each document is run as a whole, in its order and in a directory of its own; so are the examples in docstrings.
"""

from __future__ import annotations

import doctest
import importlib
import re
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lifecycle_page
import pytest
from servers import database
from sybil.document import Document
from sybil.parsers.markdown import PythonCodeBlockParser

from custstatus import RefusalCode, SQLiteStore, StatusService
from custstatus.testing import StoreContract

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "custstatus"

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
RUN = [path for path in DOCUMENTS if "```python" in path.read_text()]
DOCSTRINGS = sorted(path for path in SOURCE.rglob("*.py") if ">>> " in path.read_text())


def run_document(path: Path) -> dict[str, Any]:
    """Run every block of Python in a document, in order; the names that they leave."""
    document = Document.parse(str(path), PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS))
    document.namespace["__name__"] = "__main__"
    for example in document.examples():
        example.evaluate()
    return document.namespace


def passed(contract: type[StoreContract]) -> int:
    """Run the suite on a store, as a runner would; how many tests it has."""
    names = [name for name in dir(contract) if name.startswith("test_")]
    for name in names:
        getattr(contract(), name)()
    return len(names)


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.stem)
def test_the_python_of_a_document_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        if path.stem == "postgres":
            address = stack.enter_context(database(request.getfixturevalue("server")))
            monkeypatch.setenv("DATABASE_URL", address)
        names = run_document(path)
        try:
            for value in list(names.values()):
                if isinstance(value, type) and issubclass(value, StoreContract) and value is not StoreContract:
                    assert passed(value) > 100
        finally:
            close_all(names)


def close_all(names: dict[str, Any]) -> None:
    """Close what a document has left open: a reader's process ends there."""
    for value in names.values():
        if isinstance(value, StatusService):
            value.store.close()
        elif isinstance(value, SQLiteStore | sqlite3.Connection):
            value.close()


def test_the_documents_that_should_have_examples_have_them() -> None:
    assert {path.stem for path in RUN} >= {
        *("README", "configuration", "changing", "asking", "looking", "stores", "own-lifecycle"),
        *("policies", "upgrading", "postgres", "feed", "bulk"),
    }


@pytest.mark.parametrize(
    "block", ["assert 1 + 1 == 3", ">>> 1 + 1\n3", "raise RuntimeError", "desk.change('c-42')"], ids=str
)
def test_a_false_claim_in_a_document_is_found(block: str, tmp_path: Path) -> None:
    path = tmp_path / "false.md"
    path.write_text(f"# False\n\n```python\nx = 1\n```\n\n```python\n{block}\n```\n")
    with pytest.raises(Exception):  # noqa: B017
        run_document(path)


def test_every_block_that_says_python_is_run() -> None:
    """A block that is opened in another way than sybil expects would be passed over in silence."""
    for path in RUN:
        text = path.read_text()
        blocks = re.finditer(r"^ *```+ *(?:python|py|pycon)\b.*?^ *```+ *$", text, re.MULTILINE | re.DOTALL)
        places = [region.start for _, region in Document.parse(str(path), PythonCodeBlockParser()).regions]
        for block in blocks:
            assert any(block.start() <= place < block.end() for place in places), f"{path.name}: {block[0]}"


@pytest.mark.parametrize("path", DOCSTRINGS, ids=lambda path: path.stem)
def test_the_examples_in_docstrings_hold(path: Path) -> None:
    name = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0


def test_there_are_examples_in_docstrings() -> None:
    assert {path.stem for path in DOCSTRINGS} >= {"records", "config"}


def test_the_lifecycles_are_drawn_as_they_are() -> None:
    """To write the page anew: .venv/bin/python tests/docs/lifecycle_page.py"""
    text = lifecycle_page.PAGE.read_text()
    assert lifecycle_page.drawn(text) == text


def test_a_lifecycle_drawn_otherwise_is_found() -> None:
    text = lifecycle_page.PAGE.read_text()
    changed = text.replace("ACTIVE --> SUSPENDED", "ACTIVE --> INTERNAL", 1)
    assert changed != text
    assert lifecycle_page.drawn(changed) == text


def test_every_refusal_is_in_the_table() -> None:
    codes = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "changing.md").read_text(), re.MULTILINE)
    assert codes == [code.value for code in RefusalCode]


def test_every_rule_is_there_once_and_where_it_says() -> None:
    rows = re.findall(r"^\| D(\d+) \| .+ \| .+ \| (.+) \|$", (ROOT / "docs" / "rules.md").read_text(), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 109))
    for number, where in rows:
        named = re.findall(r"`([\w/]+\.py)`", where)
        assert named or "not yet" in where.lower() or "outside" in where.lower(), f"D{number}"
        for each in named:
            assert (SOURCE / each).is_file(), f"D{number}: {each}"


def test_the_house_has_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = [path.name for path in SOURCE.glob("*.py")] + [
        f"{path.parent.name}/" for path in SOURCE.glob("*/__init__.py")
    ]
    assert [room for room in rooms if f"`{room}`" not in text] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_links_and_paths_lead_somewhere(path: Path) -> None:
    text = path.read_text()
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text):
        if target.startswith("http"):
            continue
        page = path.parent / target if target else path
        assert page.exists(), target
        assert not anchor or anchor in anchors(page.read_text()), f"{target}#{anchor}"
    for named in re.findall(r"`((?:src|tests|docs|examples|benchmarks)/[\w./-]*)`", text):
        assert (ROOT / named).exists(), named


def anchors(text: str) -> set[str]:
    """What the headings of a page are linked by."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
