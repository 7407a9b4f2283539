"""`custstatus export`: standings and histories as CSV, without what customers are found by."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from custstatus import Account, Entry, Page
from custstatus.cli.addresses import Database
from custstatus.cli.errors import CommandError
from custstatus.cli.kept import opened
from custstatus.cli.progress import bar
from custstatus.tables import Table, as_csv, history_table, import_table, standings_table

__all__ = ["exports"]

T = TypeVar("T")

exports = typer.Typer(name="export", help="Export standings or histories as a table.", no_args_is_help=True)

PAGE = 5_000
"""How many rows are read at a time."""

Organisation = Annotated[
    str | None,
    typer.Option("--org", help="The organisation; by default the only one in the database.", show_default=False),
]
Out = Annotated[
    str | None,
    typer.Option(
        "--out", metavar="FILE", help="The file; '-' is standard output, as is the default.", show_default=False
    ),
]


@exports.command()
def standings(
    db: Database,
    org: Organisation = None,
    lifecycle: Annotated[
        list[str] | None,
        typer.Option(help="A lifecycle, or several; by default all that are on.", show_default=False),
    ] = None,
    importable: Annotated[
        bool, typer.Option("--importable", help="Customer status in the shape that `import statuses` reads.")
    ] = False,
    out: Out = None,
) -> None:
    """Export where every customer is, in the order of their ids."""
    if importable and lifecycle:
        raise CommandError("--importable is of customer status: leave out --lifecycle", code=2)
    with opened(db, org) as kept:
        service = kept.service()
        on = [each.name for each in kept.config.lifecycles] if kept.config is not None else ["customer_status"]
        unknown = set(lifecycle or ()) - set(on)
        if unknown and kept.config is not None:
            raise CommandError(f"no lifecycle {', '.join(sorted(unknown))} is on; on are: {', '.join(on)}", code=2)

        def page(after: str | None) -> Page[Account]:
            return service.accounts(after=after, limit=PAGE)

        with bar("exporting") as progress:
            accounts = _all(page, progress)
            _write(import_table(accounts) if importable else standings_table(accounts, lifecycle or on), out)


@exports.command()
def history(
    db: Database,
    org: Organisation = None,
    run: Annotated[
        str | None, typer.Option(help="Only the entries of this bulk run, by customer.", show_default=False)
    ] = None,
    reasons: Annotated[bool, typer.Option("--reasons", help="With the free text of the reasons.")] = False,
    out: Out = None,
) -> None:
    """
    Export every entry, in the order in which they were written.

    Ends with 1 where no entry has the run that is asked for.
    """
    with opened(db, org) as kept:
        service = kept.service()
        if run is not None and not service.history(run=run, limit=1):
            raise CommandError(f"run {run} has no entry of organisation {kept.org}")

        def page(after: str | None) -> Page[Entry]:
            return service.history(run=run, after=after, limit=PAGE)

        with bar("exporting") as progress:
            _write(history_table(_all(page, progress), reasons=reasons), out)


def _all(page: Callable[[str | None], Page[T]], progress: Callable[[int], None]) -> Iterator[T]:
    """The items of every page."""
    after, done = None, 0
    while True:
        items = page(after)
        yield from items
        done += len(items)
        progress(done)
        after = items.next
        if after is None:
            return


def _write(table: Table, name: str | None) -> None:
    """Write a table; a file is there when it is whole. A pipe or a device is written to, and never replaced."""
    lines: Iterable[str] = as_csv(table.header, table.rows)
    if name is None or name == "-":  # './-' is a file of that name, which a Path would not tell
        sys.stdout.writelines(lines)
        return
    out = Path(name)
    if out.exists() and not out.is_file():
        with out.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(lines)
        return
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
