"""How the demo prints what it tells: plain text in tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from custstatus import Entry, EntryKind

__all__ = ["console", "day_and_time", "history", "many", "place", "table", "words"]

_PIPED = 100
"""How wide a line is where no terminal says so."""


def console(stream: TextIO) -> Console:
    """A stream to print to; nothing in a text is taken for markup."""
    width = None if stream.isatty() else _PIPED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def words(value: str) -> str:
    """A stored value as words: member_care as member care."""
    return value.replace("_", " ")


def day_and_time(moment: datetime | None, zone: tzinfo) -> str:
    """A time as the programme's clocks show it."""
    return "-" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def place(status: str | None, label: str | None) -> str:
    """Where an account stands: the label and its status, or the status alone."""
    if status is None:
        return "-"
    return words(status) if label is None else f"{label} ({words(status)})"


def many(count: int, one: str, several: str | None = None) -> str:
    """How many of something."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def table(*columns: str, rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> Table:
    """A table of plain text; *numbers* are the columns that are flush right."""
    made = Table(box=SIMPLE_HEAD, header_style="bold", show_edge=False, padding=(0, 1, 0, 0))
    flush = set(numbers)
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number in flush else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def history(entries: Iterable[Entry], zone: tzinfo) -> Table:
    """Entries as stored: when, what, from, to, by whom, by which way and why (D51)."""
    made = table("when", "what", "from", "to", "by", "channel", "why", rows=(_line(entry, zone) for entry in entries))
    made.columns[0].no_wrap = True
    return made


def _line(entry: Entry, zone: tzinfo) -> list[str]:
    moved = entry.kind is EntryKind.MOVED
    by = entry.actor.id if entry.actor.name is None else f"{entry.actor.id} ({entry.actor.name})"
    return [
        day_and_time(entry.effective_at, zone),
        words(entry.lifecycle or "" if moved else entry.kind.value),
        entry.from_label or words(entry.from_status or ""),
        place(entry.to_status, entry.to_label) if moved else words(entry.subject or ""),
        by,
        words(entry.channel),
        entry.reason or words(entry.reason_code or ""),
    ]
