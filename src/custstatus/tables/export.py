"""
Exports: accounts and histories as tables of text, for people and other systems.

A table is a header and rows; a cell without a value is None. Statuses are as stored, labels by their text, times in RFC 3339,
UTC. No table holds what a customer is found by or anybody's name, and none a free text that was not asked for.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any

from attrs import frozen

from custstatus.bounds import check_id, kind_of
from custstatus.config.codec import utc_text
from custstatus.errors import InvalidInputError
from custstatus.records import Account, Entry, Standing, StatusLabel
from custstatus.states import CUSTOMER_STATUS, MEMBERSHIP, Membership
from custstatus.tables.csv import GUARD
from custstatus.tables.shapes import CUSTOMER_STATUS_IMPORT
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters.queries import Listed

__all__ = [
    "Row",
    "Table",
    "as_columns",
    "as_csv",
    "history_table",
    "import_table",
    "listed_table",
    "standings_table",
]

Row = tuple[str | None, ...]


@frozen(repr=False, eq=False)
class Table(Value):
    """A header, and rows as long as it, to be gone through once."""

    header: tuple[str, ...]
    rows: Iterable[Row]


def standings_table(accounts: Iterable[Account], lifecycles: Iterable[str]) -> Table:
    """
    Where accounts are: customer, registered, closed, then for each lifecycle its status and since when.

    Customer status has a column of its label too. Membership has TIBCO's pair of codes: un-enrolled and on hold are both 'I'
    there, and so is merged (D77).

    Args:
        accounts: As a store lists them.
        lifecycles: The names of those that are wanted, in order. An account that has no row on one, or is unset there, has
            empty cells.
    """
    names = _names(lifecycles)
    header = ["customer", "registered", "closed"]
    for name in names:
        header += _group(name)
    return Table(tuple(header), map(_account_row(names), accounts))


def listed_table(rows: Iterable[Listed[Any, Any]], lifecycle: str) -> Table:
    """
    A list of customers: customer, registered, last activity, then where they are on the lifecycle of the list.

    The columns of the lifecycle are those of `standings_table`.
    """
    (name,) = _names([lifecycle])
    header = ("customer", "registered", "last_activity", *_group(name))
    return Table(header, map(_listed_row(name), rows))


def import_table(accounts: Iterable[Account], *, customer: str = "User ID", shop: str | None = None) -> Table:
    """
    Customer status in the shape of `CUSTOMER_STATUS_IMPORT`: what was exported here can be imported elsewhere.

    The status label is the label, else the status as stored. Accounts whose customer status is unset are left out: a table
    of that shape cannot say it; nor can its cells hold a customer id of nothing but white space.

    Args:
        accounts: As a store lists them.
        customer: The header of the customer id: "User ID", or another column of that shape by which the other system knows
            it ("External ID", say).
        shop: The store code of every row.

    Raises:
        InvalidInputError: Another header, which that shape does not have for a customer.
    """
    shape = CUSTOMER_STATUS_IMPORT
    subjects = (*shape.customer, *(header for header, _ in shape.identifiers))
    if customer not in subjects:
        raise InvalidInputError("customer", f"one of {', '.join(subjects)}", kind_of(customer))
    if shop is not None:
        check_id("shop", shop)
    return Table((customer, "Status Label", "StoreCode"), _import_rows(accounts, shop))


def history_table(entries: Iterable[Entry], *, reasons: bool = False) -> Table:
    """
    Histories, an entry a row.

    Args:
        entries: In any order, of any customers.
        reasons: Whether the free text of the reasons is a column too, the last.
    """
    columns = [*_ENTRY.items(), ("reason", _reason)] if reasons else list(_ENTRY.items())
    readers = [read for _, read in columns]
    rows = (tuple([read(entry) for read in readers]) for entry in entries)
    return Table(tuple(header for header, _ in columns), rows)


def as_csv(header: Sequence[str], rows: Iterable[Sequence[str | None]], *, delimiter: str = ",") -> Iterator[str]:
    """
    A table as CSV (RFC 4180), a text with its line end for the header and for each row; write them to a file with `newline=""`.

    A cell that a spreadsheet would take for a formula gets an apostrophe before it: one that begins with a sign of equality,
    plus, minus or at (narrow or wide), with a tab or a line break, or with apostrophes before one of these. `+44` becomes `'+44`,
    and `'+44` becomes `''+44`. `rows_of_csv` takes that apostrophe away again; other programs must do so too. A spreadsheet that
    divides the text by another delimiter may still find a formula inside a cell.

    Raises:
        InvalidInputError: A row that is not as long as the header, or a delimiter that is none.
    """
    if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in " \"'\r\n" or not delimiter.isascii():
        raise InvalidInputError("delimiter", "one character such as a comma", kind_of(delimiter))
    return _csv_lines(header, rows, delimiter)


def as_columns(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> dict[str, list[str | None]]:
    """
    A table as columns, as pyarrow, pandas and polars take them. Nothing is put before any cell.

    Raises:
        InvalidInputError: A header that is there twice, or a row that is not as long as the header.
    """
    if len(set(header)) < len(header):
        raise InvalidInputError("header", "every header once", "one twice")
    columns: list[list[str | None]] = [[] for _ in header]
    for row in _checked(header, rows):
        for column, cell in zip(columns, row, strict=True):
            column.append(cell)
    return dict(zip(header, columns, strict=True))


class _Echo:
    """What a csv writer writes to: it hands each text back."""

    def write(self, text: str) -> str:
        return text


def _csv_lines(header: Sequence[str], rows: Iterable[Sequence[str | None]], delimiter: str) -> Iterator[str]:
    write = csv.writer(_Echo(), delimiter=delimiter, lineterminator="\r\n").writerow
    prepare = GUARD.match
    for row in chain([header], _checked(header, rows)):
        yield write(["" if cell is None else "'" + cell if prepare(cell) else cell for cell in row])


def _checked(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> Iterator[Sequence[str | None]]:
    width = len(header)
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise InvalidInputError(f"row {number}", f"{width} cells, as in the header", f"{len(row)}")
        yield row


def _names(lifecycles: Iterable[str]) -> tuple[str, ...]:
    names = tuple(lifecycles) if not isinstance(lifecycles, str) else (lifecycles,)
    for name in names:
        check_id("lifecycles", name)
    if len(set(names)) < len(names):
        raise InvalidInputError("lifecycles", "every lifecycle once", "one twice")
    return names


def _group(name: str) -> list[str]:
    """The headers of one lifecycle."""
    more = [f"{name}_label"] if name == CUSTOMER_STATUS.name else []
    codes = [f"{name}_shopper_status", f"{name}_loyalty_member"] if name == MEMBERSHIP.name else []
    return [name, *more, f"{name}_since", *codes]


def _group_cells(name: str, standing: Standing[Any, Any] | None) -> Iterator[str | None]:
    status = None if standing is None else _text(standing.status)
    yield status
    if name == CUSTOMER_STATUS.name:
        yield None if standing is None else _text(standing.label)
    yield None if standing is None or status is None else utc_text(standing.since)
    if name == MEMBERSHIP.name:
        yield from _CODES.get(status, (None, None))


_CODES: dict[str | None, tuple[str | None, str | None]] = {status.value: status.export_codes for status in Membership}


def _text(value: object) -> str | None:
    """A status or a label, as stored or as an organisation's own, in text."""
    if isinstance(value, StatusLabel):
        return value.text
    if isinstance(value, Enum):
        return str(value.value)
    return None if value is None else str(value)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)


def _account_row(names: tuple[str, ...]) -> Callable[[Account], Row]:
    def row(account: Account) -> Row:
        cells = [account.customer, _moment(account.registered_at), _moment(account.closed_at)]
        for name in names:
            cells += _group_cells(name, account.standing(name))
        return tuple(cells)

    return row


def _listed_row(name: str) -> Callable[[Listed[Any, Any]], Row]:
    def row(listed: Listed[Any, Any]) -> Row:
        times = _moment(listed.registered_at), _moment(listed.last_activity_at)
        return (listed.customer, *times, *_group_cells(name, listed.standing))

    return row


def _import_rows(accounts: Iterable[Account], shop: str | None) -> Iterator[Row]:
    for account in accounts:
        standing = account.standing(CUSTOMER_STATUS.name)
        if standing is not None and standing.status is not None:
            yield account.customer, _text(standing.label) or _text(standing.status), shop


def _reason(entry: Entry) -> str | None:
    return entry.reason


_ENTRY: dict[str, Callable[[Entry], str | None]] = {
    "customer": lambda entry: entry.customer,
    "version": lambda entry: str(entry.version),
    "kind": lambda entry: entry.kind.value,
    "lifecycle": lambda entry: entry.lifecycle,
    "from_status": lambda entry: entry.from_status,
    "from_label": lambda entry: entry.from_label,
    "to_status": lambda entry: entry.to_status,
    "to_label": lambda entry: entry.to_label,
    "effective_at": lambda entry: utc_text(entry.effective_at),
    "recorded_at": lambda entry: utc_text(entry.recorded_at),
    "actor": lambda entry: entry.actor.id,
    "actor_kind": lambda entry: entry.actor.kind.value,
    "requested_by": lambda entry: entry.requested_by.value,
    "channel": lambda entry: entry.channel,
    "reason_code": lambda entry: entry.reason_code,
    "subject": lambda entry: entry.subject,
    "key": lambda entry: entry.key,
    "run": lambda entry: entry.run,
    "related": lambda entry: entry.related,
    "approval": lambda entry: entry.approval,
    "shop": lambda entry: entry.shop,
    "closes": lambda entry: "true" if entry.closes else "false",
    "config": lambda entry: entry.config,
}
