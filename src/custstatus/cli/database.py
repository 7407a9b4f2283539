"""`custstatus db`: the schema of a database made, looked at, and brought up to date."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Protocol

import typer
from attrs import frozen

from custstatus.adapters.sqlite import migrate_schema, schema_sql, schema_status
from custstatus.cli.addresses import ADDRESSES, driver, is_postgres, telling
from custstatus.cli.errors import CommandError
from custstatus.cli.tables import plain

__all__ = ["database"]

database = typer.Typer(
    name="db",
    help="Make the tables of a database, look at which step they are, bring them up to date.",
    no_args_is_help=True,
)

Address = Annotated[
    str | None,
    typer.Argument(help=f"Where the database is: {ADDRESSES}. A password is better kept in PGPASSWORD or ~/.pgpass."),
]
Sql = Annotated[
    bool,
    typer.Option(
        "--sql",
        help="Print the SQL, for somebody else to run, and change nothing: of what the database lacks, or with --dialect "
        "alone of all steps.",
    ),
]


class Dialect(StrEnum):
    """Whose SQL is printed where there is no database to look at."""

    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


SqlFor = Annotated[Dialect | None, typer.Option("--dialect", help="Whose SQL, where no address says it.")]

# With several words, as of an address without its quotes, typer would repeat them: one may be the password.
_WORDS = {"allow_extra_args": True}


class _Status(Protocol):
    """At which step a database is, whatever the engine."""

    @property
    def at(self) -> int: ...
    @property
    def known(self) -> int: ...
    @property
    def missing(self) -> tuple[str, ...]: ...
    @property
    def server(self) -> str: ...
    @property
    def moved(self) -> bool: ...
    @property
    def differs(self) -> bool: ...
    @property
    def current(self) -> bool: ...


@frozen
class _Schema:
    """What can be asked of the schema of one database."""

    status: Callable[[], _Status]
    migrate: Callable[[bool], tuple[str, ...]]
    """Take what is missing; whether to make tables where there are none."""


@database.command(context_settings=_WORDS)
def init(context: typer.Context, address: Address = None, sql: Sql = False, dialect: SqlFor = None) -> None:
    """Make the tables, where there are none yet."""
    with telling(address):
        if sql:
            chosen = _dialect(context, address, dialect)
            there = None if address is None or _is_new(address) else _schema(address).status()
            _print_sql(chosen, 0, there)
            return
        named = _address(context, address)
        schema = _schema(named)
        found = None if _is_new(named) else schema.status()
        if found is not None and found.at:
            _tell(found, "the tables are there already, ")
            raise typer.Exit(0 if found.current else 1)
        _tell_taken(schema.migrate(True), schema.status())


@database.command(context_settings=_WORDS)
def status(context: typer.Context, address: Address = None) -> None:
    """Tell at which step the tables are, and which steps are missing; the exit code is 1 where they are not up to date."""
    with telling(address):
        found = _schema(_address(context, address)).status()
        _tell(found)
        raise typer.Exit(0 if found.current else 1)


@database.command(context_settings=_WORDS)
def upgrade(
    context: typer.Context,
    address: Address = None,
    sql: Sql = False,
    dialect: SqlFor = None,
    after: Annotated[
        int | None,
        typer.Option(help="With --dialect: the step at which the database is.", show_default=False),
    ] = None,
) -> None:
    """Take the steps that are missing, all in one transaction; it may be in use meanwhile."""
    with telling(address):
        if not sql:
            schema = _schema(_address(context, address))
            _tell_taken(schema.migrate(False), schema.status())
            return
        chosen = _dialect(context, address, dialect)
        if address is None and after is None:
            raise CommandError("--sql needs an address to look at, or --dialect and --after", code=2)
        found = None if address is None else _schema(address).status()
        if found is not None and not found.at:
            _tell(found, err=True)
            raise typer.Exit(1)
        _print_sql(chosen, after, found)


def _print_sql(dialect: Dialect, after: int | None, found: _Status | None) -> None:
    """Print the script of what a database lacks, or of the steps after one; where that is nothing, say so beside it."""
    if found is not None:
        if found.differs or not found.missing:
            _tell(found, err=True)
            raise typer.Exit(0 if found.current else 1)
        after = after or found.at
    script = _sql(dialect)(after or 0)
    typer.echo(script or f"nothing is missing after step {after}\n", nl=False, err=not script)


def _tell(found: _Status, before: str = "", *, err: bool = False) -> None:
    if not found.at:
        what = "no tables of custstatus: `custstatus db init` makes them"
    elif found.at > found.known:
        what = f"{before}at step {found.at}, this version knows {found.known}: upgrade custstatus"
    elif found.differs:
        what = (
            f"{before}at step {found.at}, made by another build of custstatus: make a new database, or use the version that "
            "made this one"
        )
    elif found.moved:
        what = f"{before}restored from a copy: `custstatus db upgrade` before it is used"
    else:
        end = ", up to date" if found.current else ": `custstatus db upgrade` takes what is missing"
        what = f"{before}at step {found.at} of {found.known}{end}"
    typer.echo(plain(f"{found.server}: {what}"), err=err)
    for name in () if found.differs else found.missing:
        typer.echo(f"  missing: {name}", err=err)


def _tell_taken(taken: tuple[str, ...], found: _Status) -> None:
    for name in taken:
        typer.echo(f"  taken: {name}")
    _tell(found)


def _address(context: typer.Context, address: str | None) -> str:
    """The one address that is given, which is not repeated."""
    if address is None or context.args:
        raise CommandError(f"one address is needed: {ADDRESSES}", code=2)
    return address


def _dialect(context: typer.Context, address: str | None, dialect: Dialect | None) -> Dialect:
    """Whose SQL is wanted."""
    if address is None and dialect is not None:
        return dialect
    if address is None:
        raise CommandError(f"--sql needs --dialect ({' or '.join(Dialect)}), or an address", code=2)
    found = _dialect_of(_address(context, address))
    if dialect not in (None, found):
        raise CommandError(f"the address is one of {found}, --dialect says {dialect}", code=2)
    return found


def _dialect_of(address: str) -> Dialect:
    """What kind of database an address is of."""
    return Dialect.POSTGRESQL if is_postgres(address) else Dialect.SQLITE


def _is_new(address: str) -> bool:
    """Whether it is the path of a file that is not there yet."""
    return _dialect_of(address) is Dialect.SQLITE and not Path(address).exists()


def _schema(address: str) -> _Schema:
    if _dialect_of(address) is Dialect.SQLITE:
        return _Schema(partial(schema_status, address), lambda create: migrate_schema(address, create=create))
    with driver():
        from custstatus.adapters.postgres import migrate_schema as migrate_postgres
        from custstatus.adapters.postgres import schema_status as postgres_status
    return _Schema(partial(postgres_status, address), lambda create: migrate_postgres(address, create=create))


def _sql(dialect: Dialect) -> Callable[[int], str]:
    """The script of the steps after one."""
    if dialect is Dialect.SQLITE:
        return schema_sql
    with driver():
        from custstatus.adapters.postgres import schema_sql as postgres_sql
    return postgres_sql
