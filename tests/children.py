"""Processes of their own for tests: forked from a server that has imported what they need, so that each starts at once."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from functools import cache
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any, Concatenate, ParamSpec

P = ParamSpec("P")


@cache
def _forked() -> ForkServerContext:
    """The server's context, the server running."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "organisation", "custstatus.adapters.postgres", "custstatus.bulk"])
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
