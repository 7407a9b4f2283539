"""Running the command line, or a program like it, within the process, as its entry point does."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from attrs import frozen

from custstatus.cli import main


@frozen
class Ran:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str
    program: str = "custstatus"

    @property
    def error(self) -> str:
        """The one line that went wrong."""
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith(f"{self.program}: ")
        return self.err.removeprefix(f"{self.program}: ").rstrip("\n")


def run(*arguments: object) -> Ran:
    """Run `custstatus` with these arguments, its output piped."""
    return run_program(main, "custstatus", *arguments)


def run_program(program: Callable[[], None], name: str, *arguments: object) -> Ran:
    """Run a program of that name with these arguments, its output piped."""
    out, err = io.StringIO(), io.StringIO()
    code: object = "it did not exit"
    with patch.object(sys, "argv", [name, *map(str, arguments)]), redirect_stdout(out), redirect_stderr(err):
        try:
            program()
        except SystemExit as ended:
            code = ended.code or 0
    assert isinstance(code, int), code
    return Ran(code, out.getvalue(), err.getvalue(), name)
