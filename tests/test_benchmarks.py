"""Whatever `make bench` and `make bench-large` measure is measured here once, quickly, to its end: the figures mean nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks.postgres import lent

MODULES = Path(program.__file__).parent.glob("*.py")
MEASURING = {path.stem for path in MODULES if "\ndef figures(" in path.read_text()}


@pytest.mark.parametrize("part", sorted(MEASURING.union(program.PARTS, program.LARGE)))
def test_a_part_runs_to_its_end(part: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    assert part in program.PARTS + program.LARGE, "neither of `make bench` nor of `make bench-large`"
    with lent(lambda: request.getfixturevalue("server")):
        program.main(["--quick", part])
    lines = capsys.readouterr().out.splitlines()
    assert lines
    for line in lines:
        assert re.search(r"\t-?[\d,]+(\.\d+)?\t", line), f"no figure: {line}"
