"""What became of the rows of bulk work: counted as they are reported, those that were refused with their causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer
from attrs import define, field

from custstatus import Activity, ConflictError, InvalidInputError, Plan, Refusal, RefusalCode, StoreError, Swept
from custstatus.adapters import SetResult
from custstatus.cli.errors import CommandError
from custstatus.cli.tables import plain
from custstatus.operations import ImportedRow, RecordedRow, Reversed
from custstatus.tables import BadRow, as_csv

__all__ = ["REFUSED", "REPORT", "Outcomes", "listed"]

SHOWN = 20
"""How many of the refused rows are reported on the terminal."""

INTERRUPTED = 130
"""How a command ends that was interrupted from the keyboard, as shells have it."""

UNREADABLE = "unreadable"
"""The cause of a row that cannot be read."""

Outcome = SetResult | Plan | Activity | Refusal | BadRow
Line = tuple[str, str, str, str]
"""Where, which customer, the causes or what became of it, and in words."""


REFUSED = "row", "customer", "cause", "message"
"""The columns of a file for those that are refused."""

REPORT = "row", "customer", "outcome", "message"
"""The columns of a file for all of them."""


@contextmanager
def listed(path: Path | None, header: Line) -> Iterator[Callable[[Iterable[Line]], None] | None]:
    """A file for what becomes of rows, written as they come; None where none is wanted."""
    if path is None:
        yield None
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(as_csv(header, ()))

        def write(lines: Iterable[Line]) -> None:
            _, *texts = as_csv(header, lines)
            file.writelines(texts)
            file.flush()

        yield write


@define
class Outcomes:
    """What is reported of the rows, added up."""

    write: Callable[[Iterable[Line]], None] | None
    """Where those that are refused are written."""
    report: Callable[[Iterable[Line]], None] | None
    """Where all of them are written."""
    progress: Callable[[int], None]
    done: int = 0
    moved: int = 0
    back: int = 0
    """Of a sweep: who came back."""
    before: int = 0
    unchanged: int = 0
    causes: Counter[str] = field(factory=Counter)
    lines: list[Line] = field(factory=list)
    """The first of those that were refused."""

    def rows(self, rows: Sequence[ImportedRow | RecordedRow]) -> None:
        """Rows of a table."""
        self._add((f"line {row.line}", row.customer, row.outcome) for row in rows)

    def recorded(self, rows: Sequence[RecordedRow]) -> None:
        """Rows of a table of activities."""
        if self.report is not None:
            self.report(map(_told, rows))
        self.rows(rows)
        repeated = sum(row.repeated for row in rows)
        self.before, self.moved = self.before + repeated, self.moved - repeated

    def swept(self, rows: Sequence[Swept]) -> None:
        """Customers that a sweep moves or brings back."""
        self._add(("", row.customer, row.outcome) for row in rows)
        came = [row.outcome for row in rows if row.rule is None]
        back = sum(isinstance(each, Plan) or (isinstance(each, SetResult) and not each.replayed) for each in came)
        self.back, self.moved = self.back + back, self.moved - back

    def reversed(self, rows: Sequence[Reversed]) -> None:
        """Entries that are reversed."""
        self._add((f"entry {row.version}", row.customer, row.outcome) for row in rows)

    def _add(self, rows: Iterable[tuple[str, str | None, Outcome]]) -> None:
        refused: list[Line] = []
        for where, customer, outcome in rows:
            self.done += 1
            if isinstance(outcome, SetResult):
                self.before += outcome.replayed
                self.moved += not outcome.replayed
            elif isinstance(outcome, Plan | Activity):
                self.moved += 1
            elif isinstance(outcome, Refusal) and outcome.code is RefusalCode.NO_CHANGE:
                self.unchanged += 1
            else:
                refused.append(_line(where, customer, outcome))
        self.causes.update(line[2].partition(" ")[0] for line in refused)
        self.lines += refused[: SHOWN - len(self.lines)]
        if self.write is not None and refused:
            self.write(refused)
        self.progress(self.done)

    @contextmanager
    def resumable(self, how: str | None) -> Iterator[None]:
        """Where what is done stays done when it is stopped: say how to go on, with which option beside the same ones."""
        again = "the same command" if how is None else f"the same command with {how}"
        try:
            yield
        except KeyboardInterrupt:
            message = f"interrupted; what was done stays done ({self.done:,} reported): go on with {again}"
            raise CommandError(message, code=INTERRUPTED) from None
        except (StoreError, ConflictError, InvalidInputError) as error:
            if self.done or not isinstance(error, InvalidInputError):
                message = f"stopped; what was done stays done ({self.done:,} reported): go on with {again}"
                typer.echo(message, err=True)
            raise

    def tell(self, *, moved: str, before: str = "done before") -> None:
        """Print what became of all of them; typer.Exit with 1 where one was refused."""
        refused = self.causes.total()
        counts = [(moved, self.moved), (before, self.before), ("unchanged", self.unchanged), ("refused", refused)]
        counts[1:1] = [("came back", self.back)] if self.back else []
        counts += [(f"  {cause}", count) for cause, count in self.causes.most_common()]
        width = max(len(name) for name, _ in counts)
        for name, count in counts:
            typer.echo(f"{name:<{width}}  {count:,}")
        for where, customer, _, message in self.lines:
            typer.echo(plain(": ".join(filter(None, (where, customer, message)))))
        if refused > len(self.lines):
            typer.echo(f"and {refused - len(self.lines):,} more")
        if refused:
            raise typer.Exit(1)


def _told(row: RecordedRow) -> Line:
    where = f"line {row.line}"
    if isinstance(row.outcome, Activity):
        return where, row.customer or "", "repeated" if row.repeated else "recorded", ""
    return _line(where, row.customer, row.outcome)


def _line(where: str, customer: str | None, outcome: Refusal | BadRow) -> Line:
    if isinstance(outcome, BadRow):
        return where, customer or "", UNREADABLE, f"{outcome.message} [{UNREADABLE}]"
    causes = " ".join(reason.code.value for reason in outcome.reasons)
    message = "; ".join(f"{reason.message} [{reason.code.value}]" for reason in outcome.reasons)
    return where, customer or "", causes, message
