"""
Reversing a bulk run: customers that nobody has changed since go back to their previous status, by a new entry (D103).

Nothing is undone that others have built on: a customer that someone has changed since stays, and is listed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, frozen

from custstatus import bounds
from custstatus.adapters.queries import Log
from custstatus.errors import InvalidInputError
from custstatus.gate.loop import make_set
from custstatus.gate.refusal import Reason, Refusal, RefusalCode
from custstatus.gate.sets import SetResult, SetRow
from custstatus.operations.import_statuses import CHUNK, unapproved
from custstatus.records import Entry, EntryKind, StatusLabel
from custstatus.states import CustomerStatus
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.config.config import OrgConfig
    from custstatus.gate.outcome import Plan
    from custstatus.gate.request import Request
    from custstatus.lifecycles.lifecycle import Status

__all__ = ["Reversal", "Reversed", "reversal_of", "reverse"]


class Reversed(NamedTuple):
    """One entry of the run that is reversed, and what became of it."""

    customer: str
    version: int
    """The entry's."""
    outcome: SetResult | Plan | Refusal
    """A Plan in a preview; a Refusal if someone has changed the customer since, or no transition leads back."""


@frozen(eq=False, repr=False)
class Reversal(Value):
    """What reversing a run did, or in a preview would do."""

    run: str
    """The id of the reversal, itself a run."""
    of: str
    """The run that was reversed."""
    moved: int
    replayed: int
    """Customers that the same reversal had returned before."""
    refused: tuple[Reversed, ...]
    """Those who were left where they are, and why."""


async def reverse(
    store: AsyncStore,
    of: str,
    template: Request,
    config: OrgConfig[Any],
    now: datetime,
    *,
    on_rows: Callable[[Sequence[Reversed]], None] | None = None,
    preview: bool = False,
) -> Reversal:
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
        page = await store.page(log)
        entries = [*kept, *page]
        # The next page may have more of the last customer.
        kept = [] if page.next is None else [entry for entry in entries if entry.customer == entries[-1].customer]
        done = await _reversed(store, entries[: len(entries) - len(kept)], template, config, now, preview=preview)
        for row in done:
            if isinstance(row.outcome, Refusal):
                refused.append(row)
            else:
                again = isinstance(row.outcome, SetResult) and row.outcome.replayed
                replayed += again
                moved += not again
        if on_rows is not None and done:
            on_rows(done)
        log = None if page.next is None else evolve(log, after=page.next)
    return Reversal(template.run or "", of, moved, replayed, tuple(refused))


async def _reversed(
    store: AsyncStore,
    entries: Sequence[Entry],
    template: Request,
    config: OrgConfig[Any],
    now: datetime,
    *,
    preview: bool,
) -> list[Reversed]:
    """Everything that a run wrote for some customers, in order: those that lead back to one place are one set."""
    # A sweep moves a customer and, begun again, may bring them back: they go to where they were before the first of both.
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
        # A customer is in a set once: a target is on one lifecycle, of which the last entry counts.
        rows = [SetRow(entry.customer, entry=entry.version) for _, entry in placed]
        asked = evolve(template, targets=(target,))
        reasons = unapproved(target, template.approval)
        outcomes = await make_set(store, asked, rows, config, now, reasons=reasons, preview=preview)
        for (place, entry), outcome in zip(placed, outcomes, strict=True):
            done[place] = Reversed(entry.customer, entry.version, outcome)
    return [done[place] for place in range(len(done))]


def _back(entry: Entry, config: OrgConfig[Any]) -> Status | StatusLabel | Reason:
    """Where an entry's customer was before it, or why there is no way back."""
    lifecycle = None if entry.lifecycle is None else config.lifecycle(entry.lifecycle)
    if entry.kind is not EntryKind.MOVED or lifecycle is None:
        message = "the entry changed no lifecycle that is on, so there is nothing to reverse"
        return Reason(RefusalCode.NOTHING_TO_RESTORE, message, entry.lifecycle)
    if entry.from_status is None:
        message = "the customer was unset before, which cannot be set again: change the customer manually"
        return Reason(RefusalCode.NO_TRANSITION, message, entry.lifecycle)
    status: Status | None = next((each for each in lifecycle.statuses if each.value == entry.from_status), None)
    if status is None:
        message = "the previous status is no longer configured: change the customer manually"
        return Reason(RefusalCode.NO_TRANSITION, message, entry.lifecycle)
    if entry.from_label is None or not isinstance(status, CustomerStatus):
        return status
    label: StatusLabel | None = next((each for each in config.labels_of(status) if each.text == entry.from_label), None)
    if label is None:
        message = "the previous label no longer belongs to that status: change the customer manually"
        return Reason(RefusalCode.UNKNOWN_LABEL, message, entry.lifecycle)
    return label


def reversal_of(run: str) -> str:
    """The id of a run's reversal: made of the run's own, or of its digest where that is too long."""
    named = f"reverse-{run}"
    return named if len(named) <= bounds.ID else f"reverse-{hashlib.sha256(run.encode()).hexdigest()}"
