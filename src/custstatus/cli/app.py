"""The commands: what can be asked on the command line, and with which code it ends."""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib.metadata import version as installed_version
from typing import Annotated, Any

import typer

from custstatus import SHIPPED, CuststatusError, Lifecycle
from custstatus.cli.addresses import Database, shown
from custstatus.cli.bulk import imports, reverse, sweep
from custstatus.cli.card import Card
from custstatus.cli.database import database
from custstatus.cli.errors import CommandError
from custstatus.cli.exporting import exports
from custstatus.cli.kept import opened
from custstatus.cli.policy import policy
from custstatus.cli.progress import bar
from custstatus.cli.tables import console, many, plain
from custstatus.errors import UnknownLifecycleError

__all__ = ["app", "run"]

app = typer.Typer(
    name="custstatus",
    help="The status of a loyalty or retail programme's customers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(policy)
app.add_typer(database)
app.add_typer(imports)
app.add_typer(exports)
app.command()(sweep)
app.command()(reverse)

Organisation = Annotated[
    str | None,
    typer.Option("--org", help="The organisation; by default the only one in the database.", show_default=False),
]


class Format(StrEnum):
    """How a diagram is written."""

    MERMAID = "mermaid"
    TABLE = "table"


def run() -> None:
    """Run the command line and exit; what goes wrong is one line on standard error."""
    try:
        app(prog_name="custstatus")
    except CommandError as error:
        _end(str(error), error.code)
    except CuststatusError as error:
        cause = "" if error.__cause__ is None else f" ({error.__cause__})"
        _end(f"{error}{cause}", 1)
    except OSError as error:
        _end(str(error), 1)


def _end(message: str, code: int) -> None:
    print(f"custstatus: {plain(message)}", file=sys.stderr)
    sys.exit(code)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(installed_version("custstatus"))
        raise typer.Exit


@app.callback()
def custstatus(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """The status of a loyalty or retail programme's customers."""


@app.command()
def show(
    customer: Annotated[str, typer.Argument(help="The customer's id.", show_default=False)],
    db: Database,
    org: Organisation = None,
) -> None:
    """Show one customer: standings, restrictions, history, last activities."""
    with opened(db, org) as kept:
        Card(kept, customer).print(console())


@app.command()
def verify(db: Database, org: Organisation = None) -> None:
    """Fold every history and compare it with the current rows."""
    with opened(db, org) as kept, bar("verifying") as done:
        verified = kept.service().verify(progress=done)
    typer.echo(
        f"{many(verified.accounts, 'account')}, {many(verified.entries, 'entry', 'entries')}, "
        f"{many(len(verified.faults), 'fault')}"
    )
    for fault in verified.faults:
        typer.echo(plain(f"{fault.customer}: {fault.what}"))
    if verified.faults:
        raise typer.Exit(1)


@app.command()
def diagram(
    lifecycle: Annotated[str, typer.Argument(help="The lifecycle's name.")] = "customer_status",
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.MERMAID,
    db: Annotated[
        str | None,
        typer.Option("--db", help="Take it from the configuration kept there, as edited.", show_default=False),
    ] = None,
    org: Organisation = None,
) -> None:
    """Draw the transitions of a lifecycle."""
    if db is None:
        found = next((each for each in SHIPPED if each.name == lifecycle), None)
        if found is None:
            raise typer.BadParameter(f"{lifecycle!r} is none of {', '.join(each.name for each in SHIPPED)}")
    else:
        found = _kept_lifecycle(db, org, lifecycle)
    typer.echo(found.mermaid() if form is Format.MERMAID else found.table(), nl=False)


def _kept_lifecycle(db: str, org: str | None, name: str) -> Lifecycle[Any]:
    """A lifecycle from the configuration kept in a database."""
    with opened(db, org) as kept:
        if kept.config is None:
            raise CommandError(f"{shown(db)}: no entry yet, or none whose configuration this version can resolve")
        found = kept.config.lifecycle(name)
        if found is None:
            raise UnknownLifecycleError(kept.org, name, (each.name for each in kept.config.lifecycles))
        return found
