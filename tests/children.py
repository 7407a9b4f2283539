"""Processes of their own for tests: forked from a server that has imported what they need, so that each starts at once."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from collections.abc import Callable
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Timer
from typing import Any, Concatenate, ParamSpec, TextIO

from attrs import frozen

__all__ = ["Program", "start", "start_program"]

P = ParamSpec("P")


@cache
def _forked() -> ForkServerContext:
    """The server's context, the server running."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["pytest", "organisation", "custstatus.adapters.postgres", "custstatus.tables", "urllib.request"]
    )
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # else it finds none of the tests' own modules
    try:
        forkserver.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    return context


def start(
    body: Callable[Concatenate[Connection, P], Any], *arguments: P.args, **options: P.kwargs
) -> tuple[BaseProcess, Connection]:
    """Start a process that runs a function of a module of the tests; the pipe to it, which ends with it."""
    ours, theirs = _forked().Pipe()
    process = _forked().Process(target=body, args=(theirs, *arguments), kwargs=options, daemon=True)
    process.start()
    theirs.close()
    return process, ours


@frozen(eq=False)
class Program:
    """A program that runs in a process of its own, used as one of `subprocess` is."""

    process: BaseProcess
    stderr: TextIO

    @property
    def returncode(self) -> int | None:
        """How it has ended, None as long as it runs."""
        return self.process.exitcode

    def poll(self) -> int | None:
        """How it has ended, None as long as it runs."""
        return self.process.exitcode

    def kill(self) -> None:
        """Kill it; it may be gone already."""
        self.process.kill()

    def communicate(self, timeout: float | None = None) -> tuple[None, str]:
        """Wait for its end, and kill it after so many seconds; None, and the rest of what it said on standard error."""
        given_up = Timer(timeout or 3_600, self.kill)
        given_up.start()
        try:
            with self.stderr:
                said = self.stderr.read()
            self.process.join()
        finally:
            given_up.cancel()
        return None, said


def start_program(path: Path, *arguments: str) -> Program:
    """Run a file as `python` does, with arguments."""
    process, pipe = start(_be, path, arguments)
    with pipe:
        return Program(process, os.fdopen(os.dup(pipe.fileno()), encoding="utf-8"))


def _be(pipe: Connection, path: Path, arguments: tuple[str, ...]) -> None:
    """A process of its own: becomes the program, whose standard error is the pipe."""
    os.dup2(pipe.fileno(), 2)
    pipe.close()
    sys.argv = [str(path), *arguments]
    runpy.run_path(str(path), run_name="__main__")
