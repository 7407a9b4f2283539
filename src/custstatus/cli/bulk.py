"""`custstatus import`, `sweep` and `reverse`: many customers at once, with what was refused and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from custstatus import Actor, ActorKind, Channel, Desk, InvalidInputError, Lifecycle, StatusService, SweepLimits
from custstatus.cli.addresses import Database, shown, stored
from custstatus.cli.configs import config_of
from custstatus.cli.errors import CommandError
from custstatus.cli.outcomes import REFUSED, REPORT, Outcomes, listed
from custstatus.cli.progress import bar
from custstatus.cli.tables import many, plain
from custstatus.tables import (
    ACTIVITY_IMPORT,
    CUSTOMER_STATUS_IMPORT,
    FRAUD_STATUS_IMPORT,
    ActivityRow,
    Rows,
    Shape,
    StatusRow,
    StatusShape,
    rows_of_csv,
)

__all__ = ["imports", "reverse", "sweep"]

T = TypeVar("T", bound=StatusRow | ActivityRow)

imports = typer.Typer(name="import", help="Import statuses or activities from a table.", no_args_is_help=True)


class StatusShapes(StrEnum):
    """The shapes of a table of statuses."""

    STATUS = "status"
    FRAUD = "fraud"

    @property
    def shape(self) -> StatusShape:
        """Which column is what."""
        return FRAUD_STATUS_IMPORT if self is StatusShapes.FRAUD else CUSTOMER_STATUS_IMPORT

    @property
    def lifecycle(self) -> str:
        """The lifecycle that such a table is about, unless another one is named."""
        return "legacy_fraud_status" if self is StatusShapes.FRAUD else "customer_status"


File = Annotated[Path, typer.Argument(help="A CSV file, UTF-8; commas, tabs or semicolons.", show_default=False)]
Config = Annotated[
    str, typer.Option("--config", help="The organisation's configuration, as MODULE:NAME.", show_default=False)
]
ActorId = Annotated[str, typer.Option("--actor", help="Who does it; not a personal name.", show_default=False)]
System = Annotated[bool, typer.Option("--system", help="The actor is a program, not a member of staff.")]
Run = Annotated[
    str | None, typer.Option("--run", help="The run's id; give it again to go on.", show_default="made of the time")
]
Approval = Annotated[
    str | None,
    typer.Option(help="Who approved it: needed into FRAUD_SUSPECTED, FRAUD_CONFIRMED and DELETED.", show_default=False),
]
Refused = Annotated[Path | None, typer.Option("--refused", help="A CSV file for what is refused.", show_default=False)]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help="The file of the key that identifiers are sealed with.", show_default=False),
]
Preview = Annotated[bool, typer.Option("--preview", help="Tell what would be done, and write nothing.")]


@imports.command("statuses")
def import_statuses(
    file: File,
    db: Database,
    config: Config,
    actor: ActorId,
    lifecycle: Annotated[
        str | None, typer.Option(help="The lifecycle that the table is about.", show_default="by the shape")
    ] = None,
    shape: Annotated[StatusShapes, typer.Option(help="Which columns the table has.")] = StatusShapes.STATUS,
    reason: Annotated[
        str | None, typer.Option(help="The reason, where a row has none of its own.", show_default=False)
    ] = None,
    run: Run = None,
    approval: Approval = None,
    most: Annotated[
        int | None, typer.Option(min=0, help="With more rows than this nothing is written.", show_default=False)
    ] = None,
    preview: Preview = False,
    refused: Refused = None,
    key_file: KeyFile = None,
    system: System = False,
) -> None:
    """
    Set the statuses of customers from the rows of a table; each refused row is reported with its cause.

    Ends with 1 where a row was refused; customers who are there already do not count. Interrupted, it goes on with the same
    --run.
    """
    run = run or _now("import")
    with _service(db, config, key_file) as service:
        there = _lifecycle(service, lifecycle or shape.lifecycle)
        desk = _desk(service, actor, system=system, reason=reason, approval=approval, run=run)
        with (
            _table(file, shape.shape, service) as rows,
            _writing(refused, run, preview, file, rows) as outcomes,
            outcomes.resumable(f"--run {run}"),
        ):
            desk.import_statuses(
                rows,
                there,
                reason=reason,
                approval=approval,
                run=run,
                most=most,
                on_rows=outcomes.rows,
                preview=preview,
            )
    outcomes.tell(moved="would be moved" if preview else "moved")


@imports.command("activities")
def import_activities(
    file: File,
    db: Database,
    config: Config,
    report: Annotated[
        Path | None, typer.Option(help="A CSV file for what became of every row.", show_default=False)
    ] = None,
    refused: Refused = None,
    key_file: KeyFile = None,
) -> None:
    """
    Record the activities of a table; each row left out is reported with its cause.

    Ends with 1 where a row was left out. Interrupted, the same command goes on: what was recorded is not recorded twice.
    """
    with (
        _service(db, config, key_file) as service,
        _table(file, ACTIVITY_IMPORT, service) as rows,
        _writing(refused, None, False, file, rows, report) as outcomes,
        outcomes.resumable(None),
    ):
        done = service.import_activities(rows, on_rows=outcomes.recorded)
    if done.back:
        typer.echo(f"{many(len(done.back), 'idle customer')} came back")
    outcomes.tell(moved="recorded", before="repeated")


def sweep(
    db: Database,
    config: Config,
    preview: Preview = False,
    most: Annotated[
        int | None,
        typer.Option(min=0, help="If there are more customers to move than this, it moves none.", show_default=False),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Likewise as a share of all customers, 0 to 1.", show_default=False),
    ] = None,
    grace: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=36_500,
            help="Skip customers whose status staff set within this many days.",
            show_default=False,
        ),
    ] = None,
    exempt: Annotated[
        Path | None, typer.Option(help="A file of customer ids that are never moved, one a line.", show_default=False)
    ] = None,
    run: Run = None,
    refused: Refused = None,
) -> None:
    """
    Apply the idle rules: move customers inactive for too long, and bring back those who bought again.

    Ends with 1 where the limits stopped it, or where a customer was skipped who had been changed, or active, since.
    """
    run = run or _now("sweep")
    with _usage():
        period = None if grace is None else timedelta(days=grace)
        limits = SweepLimits(most=most, share=share, grace=period, exempt=_ids(exempt))
    with _service(db, config, None) as service:
        _has_entries(service, run)  # which checks its id, before it is reported
        with _writing(refused, run, preview) as outcomes, outcomes.resumable(f"--run {run}"):
            if preview:
                outcomes.swept(service.sweep(limits=limits, preview=True).rows)
            else:
                service.sweep(run=run, limits=limits, on_rows=outcomes.swept)
    outcomes.tell(moved="would be moved" if preview else "moved")


def reverse(
    run: Annotated[str, typer.Argument(help="The id of the run to reverse.", show_default=False)],
    db: Database,
    config: Config,
    actor: ActorId,
    reason: Annotated[str, typer.Option(help="Why.", show_default=False)],
    approval: Approval = None,
    preview: Preview = False,
    refused: Refused = None,
    key_file: KeyFile = None,
    system: System = False,
) -> None:
    """
    Undo a bulk run: return customers that nobody has changed since to their previous status, and list the rest.

    Ends with 1 where somebody was left. Interrupted, the same command goes on; a second time nothing is left to do.
    """
    with _service(db, config, key_file) as service:
        desk = _desk(service, actor, system=system, reason=reason, approval=approval, run=run)
        if not _has_entries(service, run):
            raise CommandError(f"run {run} has no entry of organisation {service.config.org}")
        with _writing(refused, None, preview) as outcomes, outcomes.resumable(None):
            reversal = desk.reverse(run, reason=reason, approval=approval, on_rows=outcomes.reversed, preview=preview)
    typer.echo(f"run {reversal.run}")
    outcomes.tell(moved="would be moved back" if preview else "moved back")


def _now(what: str) -> str:
    """The id of a run that is begun now."""
    return f"{what}-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


@contextmanager
def _usage() -> Iterator[None]:
    """Where the values of options are checked."""
    try:
        yield
    except InvalidInputError as error:
        raise CommandError(str(error), code=2) from None


@contextmanager
def _service(db: str, config: str, key_file: Path | None) -> Iterator[StatusService[Any]]:
    """A service over an existing database that has the organisation."""
    found = config_of(config)
    key = None
    if key_file is not None:
        key = key_file.read_bytes()
        if len(key) < 16:
            raise CommandError(f"{key_file}: a key has at least 16 bytes", code=2)
    with stored(db) as store:
        known = store.organisations()
        if found.org not in known:
            names = ", ".join(known) or "none"
            raise CommandError(f"{shown(db)} has no organisation {found.org}; it has: {names}", code=2)
        yield StatusService(store, found, key=key)


@contextmanager
def _table(file: Path, shape: Shape[T], service: StatusService[Any]) -> Iterator[Rows[T]]:
    """The rows of a file; times without an offset are of the organisation's time zone."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        yield rows_of_csv(lines, shape, time_zone=service.config.time_zone)


def _lifecycle(service: StatusService[Any], name: str) -> Lifecycle[Any]:
    found = service.config.lifecycle(name)
    if found is None:
        known = ", ".join(each.name for each in service.config.lifecycles)
        raise CommandError(f"lifecycle {name} is not on in organisation {service.config.org}; on are: {known}", code=2)
    return found


def _desk(
    service: StatusService[Any], actor: str, *, system: bool, reason: str | None, approval: str | None, run: str
) -> Desk[Any]:
    """The desk of who does it; the options of its run are checked, as they are before any change."""
    with _usage():
        desk = service.acting(Actor(actor, ActorKind.SYSTEM if system else ActorKind.PERSON), Channel.IMPORT)
        there = service.config.lifecycles[0]
        target = next(status.name for status in there.statuses)
        row = StatusRow(1, "-", (), target, None, None)
        desk.import_statuses([row], there, reason=reason, approval=approval, run=run, preview=True)
        return desk


def _has_entries(service: StatusService[Any], run: str) -> bool:
    """Whether there are entries of a run, whose id is checked."""
    with _usage():
        return bool(service.history(run=run, limit=1))


@contextmanager
def _writing(
    refused: Path | None,
    run: str | None,
    preview: bool,
    table: Path | None = None,
    rows: Rows[Any] | None = None,
    report: Path | None = None,
) -> Iterator[Outcomes]:
    """What becomes of the rows, reported on the terminal, and in files where there are any; what is begun is reported first."""
    for path, what in ((refused, "what is refused"), (report, "the report")):
        if path is not None and table is not None and path.exists() and path.samefile(table):
            raise CommandError(f"{path} is the table itself: name another file for {what}", code=2)
    if refused is not None and report is not None and refused.resolve() == report.resolve():
        raise CommandError(f"{report} is the file for what is refused: name another one for the report", code=2)
    with listed(refused, REFUSED) as write, listed(report, REPORT) as write_all:
        if rows is not None and rows.unused:
            typer.echo(plain(f"columns that are not used: {', '.join(rows.unused)}"), err=True)
        if run is not None and not preview:
            typer.echo(f"run {run}")
        with bar("previewing" if preview else "working") as progress:
            yield Outcomes(write, write_all, progress)


def _ids(path: Path | None) -> Iterable[str]:
    """The customer ids of a file, one a line."""
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise CommandError(f"{path}: expected text in UTF-8", code=2) from None
    # An id may begin with a space: that customer is skipped.
    return {form for line in lines for form in (line, line.strip()) if form.strip()}
