"""What is printed for people: where it goes, and the tables that more than one command shows."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from custstatus import Entry, EntryKind

__all__ = ["console", "day_and_time", "history", "many", "place", "plain", "table"]

_PIPED = 100
"""How wide a line is where no terminal says so."""


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


def day_and_time(moment: datetime | None, zone: ZoneInfo) -> str:
    """A time as the organisation's clocks show it."""
    return "-" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def place(status: str | None, label: str | None) -> str:
    """Where an account stands: the label and its status, or the status alone."""
    if status is None:
        return "-"
    return plain(status if label is None else f"{label} ({status})")


def many(count: int, what: str) -> str:
    """How many of something."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def table(*columns: str, rows: Iterable[Iterable[str]], numbers: Iterable[int] = ()) -> Table:
    """A table of plain text; *numbers* names the columns that are flush right."""
    made = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    flush = set(numbers)
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number in flush else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def history(entries: Iterable[Entry], zone: ZoneInfo) -> Table:
    """Entries as stored: when, what, from, to, by whom, by which way and why (D51)."""
    return table("when", "what", "from", "to", "by", "channel", "why", rows=(_line(entry, zone) for entry in entries))


def _line(entry: Entry, zone: ZoneInfo) -> list[str]:
    moved = entry.kind is EntryKind.MOVED
    by = entry.actor.id if entry.actor.name is None else f"{entry.actor.id} ({entry.actor.name})"
    return [
        day_and_time(entry.effective_at, zone),
        (entry.lifecycle or "-") if moved else entry.kind.value.replace("_", " "),
        place(entry.from_status, entry.from_label) if moved else "",
        place(entry.to_status, entry.to_label) if moved else plain(entry.subject or ""),
        plain(by),
        plain(entry.channel),
        plain(entry.reason or entry.reason_code or ""),
    ]
