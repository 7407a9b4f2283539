"""
What a type checker makes of the API: `typing/ok.py` is what it knows, `typing/wrong.py` what it catches.

One run of mypy over both, which must be clean, and over a copy of `wrong.py` without its ignores, which must have exactly the
errors that they name: so a run that looks at nothing fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CASES = Path(__file__).parent / "typing"

IGNORE = re.compile(r"  # type: ignore\[([a-z, -]+)\]$", re.MULTILINE)
ERROR = re.compile(r"^(?:.*[/\\])?(\w+)\.py:(\d+): error: .*\[([a-z-]+)\]$", re.MULTILINE)

MISTAKEN = """
from typing import assert_type
from custstatus import MEMBERSHIP, ClientState, Lifecycle

assert_type(MEMBERSHIP, Lifecycle[ClientState])
spare: int = 1  # type: ignore[assignment]
"""


def test_what_a_type_checker_knows_and_catches(tmp_path: Path) -> None:
    wrong = (CASES / "wrong.py").read_text()
    bare = tmp_path / "bare.py"
    bare.write_text(IGNORE.sub("", wrong))
    mistaken = tmp_path / "mistaken.py"
    mistaken.write_text(MISTAKEN)
    named = {
        ("bare", number, code)
        for number, line in enumerate(wrong.splitlines(), 1)
        for match in IGNORE.finditer(line)
        for code in match[1].split(", ")
    }
    assert len(named) > 50

    files = [CASES / "ok.py", CASES / "wrong.py", bare, mistaken]
    options = ["--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}", "--no-pretty", "--no-color-output"]
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *map(str, files)], capture_output=True, text=True, cwd=tmp_path
    )

    assert ran.stderr == ""
    found = {(name, int(line), code) for name, line, code in ERROR.findall(ran.stdout)}
    assert found == named | {("mistaken", 5, "assert-type"), ("mistaken", 6, "unused-ignore")}, ran.stdout
