"""What is printed for people: where it goes, and the tables that more than one command shows."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

from attrs import frozen
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

from custstatus import Entry, EntryKind

__all__ = ["History", "console", "day_and_time", "many", "place", "plain", "table", "words"]

_PIPED = 100
"""How wide a line is where no terminal says so."""
_GAP = 2
"""Between two columns."""
_WORD = 20
"""Longer words may be broken."""


def console(*, error: bool = False) -> Console:
    """
    Standard output, or standard error: as wide as the terminal, 100 columns where there is none.

    Nothing in a text is taken for markup: what is shown comes from a store.
    """
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else _PIPED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def plain(text: str) -> str:
    """A stored text as one printable line: a reason may hold line breaks, or codes that would steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def words(value: str) -> str:
    """A stored value as words, which a narrow column can break: member_care as member care."""
    return plain(value).replace("_", " ")


def day_and_time(moment: datetime | None, zone: tzinfo) -> str:
    """A time as the organisation's clocks show it."""
    return "-" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def place(status: str | None, label: str | None) -> str:
    """Where an account is: the label and its status, or the status alone."""
    if status is None:
        return "-"
    return words(status) if label is None else f"{plain(label)} ({words(status)})"


def many(count: int, one: str, several: str | None = None) -> str:
    """How many of something."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def table(
    *columns: str,
    rows: Iterable[Sequence[str]],
    numbers: Iterable[int] = (),
    widths: Sequence[int] | None = None,
) -> Table:
    """A table of plain text; *numbers* are the columns that are flush right."""
    made = Table(box=SIMPLE_HEAD, header_style="bold", show_edge=False, padding=(0, _GAP - 1, 0, 0))
    flush = set(numbers)
    for number, column in enumerate(columns):
        width = None if widths is None else widths[number]
        made.add_column(column, justify="right" if number in flush else "left", overflow="fold", width=width)
    for row in rows:
        made.add_row(*row)
    return made


@frozen
class History:
    """Entries as stored, as a table: when, what, from, to, actor, channel and why (D51)."""

    entries: Sequence[Entry]
    zone: tzinfo

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, as wide as there is room."""
        columns = "when", "what", "from", "to", "by", "channel", "why"
        rows = [_line(entry, self.zone) for entry in self.entries]
        yield table(*columns, rows=rows, widths=_widths([columns, *rows], options.max_width - _GAP * len(columns)))


def _line(entry: Entry, zone: tzinfo) -> list[str]:
    moved = entry.kind is EntryKind.MOVED
    by = entry.actor.id if entry.actor.name is None else f"{entry.actor.id} ({entry.actor.name})"
    return [
        day_and_time(entry.effective_at, zone),
        words(entry.lifecycle or "" if moved else entry.kind.value),
        plain(entry.from_label or "") or words(entry.from_status or ""),
        place(entry.to_status, entry.to_label) if moved else words(entry.subject or ""),
        plain(by),
        words(entry.channel),
        plain(entry.reason or "") or words(entry.reason_code or ""),
    ]


def _widths(rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """As wide as the longest words, and what room is left shared out; None where there is too little of it."""
    columns = list(zip(*rows, strict=True))
    widths = [max(min(_WORD, cell_len(word)) for cell in column for word in cell.split() or [""]) for column in columns]
    wanted = [max(map(cell_len, column)) for column in columns]
    widths[0] = wanted[0]  # a time is not broken
    left = room - sum(widths)
    if left < 0:
        return None
    while left and widths != wanted:
        for number in reversed(range(len(widths))):
            if left and widths[number] < wanted[number]:
                widths[number] += 1
                left -= 1
    return widths
