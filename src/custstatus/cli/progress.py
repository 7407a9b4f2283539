"""How far a command has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn

from custstatus.cli.tables import console

__all__ = ["bar"]


@contextmanager
def bar(what: str) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, called with how many are done; only where that is a terminal."""
    terminal = console(error=True)
    if not terminal.is_terminal:
        yield lambda _: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}")
    with Progress(*columns, console=terminal, transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done: progress.update(task, completed=done)
