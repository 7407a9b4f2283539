"""The examples take of the library what any host could: its public names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from test_house import SURFACES, imports, modules, public_names

EXAMPLES = Path(__file__).parents[2] / "examples"


def faults(texts: Mapping[str, str]) -> list[str]:
    """Imports of what is not public."""
    known = modules()
    public = {module: public_names(known[module]) for module in SURFACES}
    return [
        f"{name}:{each.line} imports {each.name} of {each.module or 'the package'}"
        for name, text in texts.items()
        for each in imports(name, text, known)
        if each.ours and each.name not in public.get(each.module, ())
    ]


def test_they_import_public_names_only() -> None:
    texts = {str(path.relative_to(EXAMPLES)): path.read_text() for path in EXAMPLES.rglob("*.py")}
    assert len(texts) > 10
    assert faults(texts) == []


@pytest.mark.parametrize(
    "planted",
    [
        "from custstatus.cli.tables import plain",
        "from custstatus.gate import plan",
        "def late():\n    import custstatus.adapters.sqlite.store",
        "from custstatus.testing import MovableClock",
    ],
)
def test_an_import_of_anything_else_is_found(planted: str) -> None:
    assert len(faults({"planted": planted})) == 1
