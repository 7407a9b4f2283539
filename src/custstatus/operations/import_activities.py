"""
Importing activities: each row of a table is matched with its customer and recorded, or left out with its cause.

An activity that was reported before is known by its customer, kind and reference, so that the same rows may be given again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import field, frozen

from custstatus.bounds import check_id, check_on_rows, kind_of
from custstatus.errors import InvalidInputError
from custstatus.gate.refusal import Reason, Refusal, RefusalCode
from custstatus.operations.import_statuses import Held, check_identifiers, holders, whom
from custstatus.operations.record import BATCH, latest, record
from custstatus.records import Action, Activity, AnyAction
from custstatus.tables.csv import Rows
from custstatus.tables.shapes import ActivityRow, BadRow
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.config.config import OrgConfig
    from custstatus.gate.outcome import Applied
    from custstatus.sealing import Seal

__all__ = ["RecordedRow", "Recording", "import_activities"]


class RecordedRow(NamedTuple):
    """What became of one row."""

    line: int
    customer: str | None
    """None where the row could not be matched with one customer."""
    outcome: Activity | Refusal | BadRow
    """The activity, if it is recorded, now or by an earlier report; else why it is not."""
    repeated: bool = False
    """Whether it was reported before, or in an earlier row: the first report is kept."""


@frozen(eq=False, repr=False)
class Recording(Value):
    """What an import of activities did."""

    new: int
    repeated: int
    """Reported before, or twice among the rows: the first report is kept."""
    refused: tuple[RecordedRow, ...] = field(repr=False)
    """Every row that was not recorded, with its cause, in the order of the rows."""
    back: tuple[Applied, ...] = field(repr=False)
    """The changes that brought idle customers back (D63)."""


async def import_activities(
    store: AsyncStore,
    rows: Iterable[ActivityRow | BadRow],
    config: OrgConfig[Any],
    seal: Seal,
    now: datetime,
    *,
    on_rows: Callable[[Sequence[RecordedRow]], None] | None = None,
) -> Recording:
    """As `StatusService.import_activities`: ten thousand rows a transaction."""
    check_on_rows(on_rows)
    kinds, until = _kinds(config), latest(now)
    new = repeated = 0
    refused: list[RecordedRow] = []
    back: list[Applied] = []
    # A table's rows were checked as they were read.
    remaining = iter(rows if isinstance(rows, Rows) else map(_checked, rows))
    while chunk := tuple(islice(remaining, BATCH)):
        held = await holders(store, chunk, config, seal)
        done = [_met(row, held, kinds, until) for row in chunk]
        given = [(place, row.outcome) for place, row in enumerate(done) if isinstance(row.outcome, Activity)]
        if given:
            report = await record(store, tuple(activity for _, activity in given), config, now)
            new, repeated = new + report.new, repeated + report.repeated
            back += report.back
            for repeat in report.repeats:
                place, _ = given[repeat]
                done[place] = done[place]._replace(repeated=True)
            unknown = frozenset(report.unknown)
            done = [_unknown(row) if row.customer in unknown else row for row in done]
        refused += [row for row in done if not isinstance(row.outcome, Activity)]
        if on_rows is not None:
            on_rows(done)
    return Recording(new, repeated, tuple(refused), tuple(back))


def _met(row: ActivityRow | BadRow, held: Held, kinds: Mapping[str, AnyAction], until: datetime) -> RecordedRow:
    """A row as an activity, or why it is none."""
    if isinstance(row, BadRow):
        return RecordedRow(row.line, None, row)
    customer, reason = whom(row, held)
    if customer is None or reason is not None:
        return RecordedRow(row.line, customer, Refusal("", () if reason is None else (reason,)))
    kind = kinds.get(row.kind) or kinds.get(row.kind.casefold())
    try:
        if kind is None:
            raise InvalidInputError("kind", "an action of the organisation", kind_of(row.kind))
        activity = Activity(customer, kind, row.reference, row.at, row.amount, row.effect)
    except InvalidInputError as error:
        return RecordedRow(row.line, customer, BadRow(row.line, str(error)))
    if activity.at > until:
        message = "the time is more than a day from now: report it when it has come"
        return RecordedRow(row.line, customer, Refusal(customer, (Reason(RefusalCode.IN_THE_FUTURE, message),)))
    return RecordedRow(row.line, customer, activity)


def _checked(row: ActivityRow | BadRow) -> ActivityRow | BadRow:
    """A row within bounds, for a host may make rows by itself; a bad one where it is not."""
    if isinstance(row, BadRow):
        return row
    if not isinstance(row, ActivityRow):
        raise InvalidInputError("rows", "the rows of a table", kind_of(row))
    try:
        check_id("kind", row.kind)
        check_identifiers(row.identifiers)
        # The rest are an activity's own bounds, whoever it is of.
        customer = "-" if row.customer is None else row.customer
        Activity(customer, Action.TRANSACTION, row.reference, row.at, row.amount, row.effect)
    except InvalidInputError as error:
        return BadRow(row.line, str(error))
    return row


def _unknown(row: RecordedRow) -> RecordedRow:
    """A row whose customer the store does not know."""
    if not isinstance(row.outcome, Activity):
        return row
    message = "no such customer in this organisation: register it first"
    return row._replace(outcome=Refusal(row.outcome.customer, (Reason(RefusalCode.UNKNOWN_CUSTOMER, message),)))


def _kinds(config: OrgConfig[Any]) -> dict[str, AnyAction]:
    """The organisation's actions by what a table may call them: by value, else by name or value with the case folded."""
    folded = {text.casefold(): action for action in config.all_actions for text in (action.name, str(action.value))}
    return {**folded, **{str(action.value): action for action in config.all_actions}}
