"""
Reversing a bulk run, as a flow: whoever still stands where the run has put him goes back, by a new entry (D103).

Nothing is taken back that others have built on: a customer whom somebody has moved since stays, and is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from attrs import evolve, frozen

from custstatus.bulk.importing import CHUNK, unapproved
from custstatus.changes import Plan, Reason, Refusal, RefusalCode, Request
from custstatus.config import OrgConfig
from custstatus.errors import InvalidInputError
from custstatus.flows import Call, Flow, make_set
from custstatus.lifecycle import Status
from custstatus.queries import Log
from custstatus.records import Entry, EntryKind, Page, StatusLabel
from custstatus.sets import Each, Moved
from custstatus.states import CustomerStatus
from custstatus.values import Value

__all__ = ["Reversal", "Reversed", "reverse"]


class Reversed(NamedTuple):
    """One entry of the run that is reversed, and what became of it."""

    customer: str
    version: int
    """The entry's."""
    outcome: Moved | Plan | Refusal
    """A Plan in a preview; a Refusal where somebody has moved the customer since, or no move leads back."""


@frozen(eq=False, repr=False)
class Reversal(Value):
    """What reversing a run did, or in a preview would do."""

    run: str
    """The id of the reversal, itself a run."""
    of: str
    """The run that was reversed."""
    moved: int
    replayed: int
    """Those whom the same reversal had moved before."""
    refused: tuple[Reversed, ...]
    """Those who were left where they are, and why."""


def reverse(
    of: str,
    template: Request,
    config: OrgConfig[Any],
    now: datetime,
    *,
    told: Callable[[Sequence[Reversed]], None] | None = None,
    dry: bool = False,
) -> Flow[Reversal]:
    """
    As `Desk.reverse`: every request is the template for one customer.

    Raises:
        InvalidInputError: The reversal has the id of the run itself.
    """
    if template.run == of:
        raise InvalidInputError("reversal", "another id than that of the run", "the same")
    moved = replayed = 0
    refused: list[Reversed] = []
    log: Log | None = Log(org=config.org, run=of, limit=CHUNK)
    kept: list[Entry] = []
    while log is not None:
        page: Page[Entry] = yield Call.of("log", log)
        entries = [*kept, *page]
        # The next page may have more of the last customer.
        kept = [] if page.next is None else [entry for entry in entries if entry.customer == entries[-1].customer]
        done = yield from _reversed(entries[: len(entries) - len(kept)], template, config, now, dry=dry)
        for row in done:
            if isinstance(row.outcome, Refusal):
                refused.append(row)
            else:
                again = isinstance(row.outcome, Moved) and row.outcome.replayed
                replayed += again
                moved += not again
        if told is not None and done:
            told(done)
        log = None if page.next is None else evolve(log, after=page.next)
    return Reversal(template.run or "", of, moved, replayed, tuple(refused))


def _reversed(
    entries: Sequence[Entry], template: Request, config: OrgConfig[Any], now: datetime, *, dry: bool
) -> Flow[list[Reversed]]:
    """Everything that a run wrote for some customers, in order: those that lead back to one place are one set."""
    # A sweep moves a customer and, begun again, may bring him back: he goes to where he was before the first of both.
    first: dict[tuple[str, str | None], Entry] = {}
    last: dict[tuple[str, str | None], Entry] = {}
    for entry in entries:
        first.setdefault((entry.customer, entry.lifecycle), entry)
        last[entry.customer, entry.lifecycle] = entry
    done: dict[int, Reversed] = {}
    sets: dict[Status | StatusLabel, list[tuple[int, Entry]]] = {}
    for place, (whose, entry) in enumerate(last.items()):
        target = _back(first[whose], config)
        if isinstance(target, Reason):
            done[place] = Reversed(entry.customer, entry.version, Refusal(entry.customer, (target,)))
        else:
            sets.setdefault(target, []).append((place, entry))
    for target, placed in sets.items():
        # A customer is in a set once: a target is on one lifecycle, of which his last entry stands for all.
        rows = [Each(entry.customer, entry=entry.version) for _, entry in placed]
        asked = evolve(template, targets=(target,))
        faults = unapproved(target, template.approval)
        outcomes = yield from make_set(asked, rows, config, now, faults=faults, dry=dry)
        for (place, entry), outcome in zip(placed, outcomes, strict=True):
            done[place] = Reversed(entry.customer, entry.version, outcome)
    return [done[place] for place in range(len(done))]


def _back(entry: Entry, config: OrgConfig[Any]) -> Status | StatusLabel | Reason:
    """Where an entry's customer was before it, or why there is no way back."""
    lifecycle = None if entry.lifecycle is None else config.lifecycle(entry.lifecycle)
    if entry.kind is not EntryKind.MOVED or lifecycle is None:
        message = "the entry moved nothing on a lifecycle that is on: there is nothing to go back to"
        return Reason(RefusalCode.NOTHING_TO_RESTORE, message, entry.lifecycle)
    if entry.from_status is None:
        message = "the customer was unset before, and nothing leads back to that: move him by hand"
        return Reason(RefusalCode.NO_MOVE, message, entry.lifecycle)
    status: Status | None = next((each for each in lifecycle.statuses if each.value == entry.from_status), None)
    if status is None:
        message = "the status before is no longer configured: move the customer by hand"
        return Reason(RefusalCode.NO_MOVE, message, entry.lifecycle)
    if entry.from_label is None or not isinstance(status, CustomerStatus):
        return status
    label: StatusLabel | None = next((each for each in config.labels_of(status) if each.text == entry.from_label), None)
    if label is None:
        message = "the label before is no longer one of that status: move the customer by hand"
        return Reason(RefusalCode.UNKNOWN_LABEL, message, entry.lifecycle)
    return label
