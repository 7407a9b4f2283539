"""History: how an entry changes a standing, and the account that a whole history gives. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from attrs import evolve

from custstatus.records import (
    Account,
    Actor,
    Entry,
    EntryKind,
    Standing,
)

__all__ = ["advance", "fold"]


def advance(standing: Standing[str, str] | None, entry: Entry) -> Standing[str, str]:
    """The standing after an entry that changes it."""
    stays = standing is not None and standing.status == entry.to_status
    return Standing(
        entry.lifecycle or "",
        entry.to_status,
        entry.to_label,
        entry.effective_at,
        standing.status_since if stays and standing is not None else entry.effective_at,
        _unnamed(entry.actor),
        entry.version,
        entry.return_to,
    )


def _unnamed(actor: Actor) -> Actor:
    return actor if actor.name is None else evolve(actor, name=None)


def fold(entries: Iterable[Entry], at: datetime | None = None) -> Account | None:
    """
    The account that a history gives, its entries in the order of their versions; None where it has none.

    With *at*, the account as of that effective time. Lifecycles that the account has never entered are left out.
    """
    first: Entry | None = None
    last: Entry | None = None
    closed_at: datetime | None = None
    standings: dict[str, Standing[str, str]] = {}
    for entry in entries:
        if at is not None and entry.effective_at > at:
            continue
        if entry.kind is EntryKind.REGISTERED:
            first = entry
        elif entry.kind is EntryKind.MOVED and entry.lifecycle is not None:
            standings[entry.lifecycle] = advance(standings.get(entry.lifecycle), entry)
            closed_at = entry.effective_at if entry.closes else closed_at
        last = entry
    if first is None or last is None:
        return None
    rows = tuple(standings[name] for name in sorted(standings))
    return Account(first.org, first.customer, last.version, first.effective_at, closed_at, rows)
