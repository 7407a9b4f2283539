"""
Shapes: which column of a table is what, and the rows that come of it.

A column is known by its header, whatever its case and the white space around it. Ready-made are the shapes of today's products;
a host makes others of the same two classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from attrs import field, frozen

from custstatus.bounds import LABEL, bounded, check_id, kind_of
from custstatus.errors import InvalidInputError
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.records import Effect

__all__ = [
    "ACTIVITY_IMPORT",
    "CUSTOMER_STATUS_IMPORT",
    "FRAUD_STATUS_IMPORT",
    "ActivityRow",
    "ActivityShape",
    "BadRow",
    "Column",
    "Layout",
    "Part",
    "Shape",
    "StatusRow",
    "StatusShape",
]


class StatusRow(NamedTuple):
    """A customer and the status that they are to have, as a table says it."""

    line: int
    """Where the row begins: the line of a file, else the number of the row; both from 1."""
    customer: str | None
    identifiers: tuple[tuple[str, str], ...]
    """(type, value), in the order of the shape; only those that are filled in."""
    target: str
    """A status label or a status, as it is written."""
    reason: str | None
    shop: str | None


class ActivityRow(NamedTuple):
    """What a customer did, as a table says it."""

    line: int
    customer: str | None
    identifiers: tuple[tuple[str, str], ...]
    kind: str
    reference: str
    at: datetime
    """UTC."""
    amount: Decimal | None
    effect: Effect


class BadRow(NamedTuple):
    """A row that cannot be read, and why: the message holds columns and bounds, never what the row holds."""

    line: int
    message: str


R_co = TypeVar("R_co", bound=StatusRow | ActivityRow, covariant=True)


class Part(Enum):
    """What a column is of its row."""

    CUSTOMER = "customer"
    IDENTIFIER = "identifier"
    TARGET = "target"
    REASON = "reason"
    SHOP = "shop"
    KIND = "kind"
    REFERENCE = "reference"
    AT = "at"
    AMOUNT = "amount"
    EFFECT = "effect"

    __hash__ = object.__hash__


@frozen(repr=False)
class Column(Value):
    """One column of a shape."""

    header: str
    part: Part
    type: str | None = None
    """Of an identifier, its type."""
    required: bool = False
    """Whether the table has to have it, and every row to fill it in."""


@frozen(repr=False)
class Layout(Value):
    """Where the columns of a shape are in one table."""

    width: int
    """How many columns the table has."""
    places: tuple[tuple[int, Column], ...]
    """Where each column is, from 0; in the order of the shape, those only that the table has."""
    unused: tuple[str, ...] = ()
    """The headers of the columns that the shape knows nothing of."""


def _headers(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _set(value: str | Iterable[str]) -> frozenset[str]:
    return frozenset(_headers(value))


def _pairs(value: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    pairs = value.items() if isinstance(value, Mapping) else value
    return tuple((header, kind) for header, kind in pairs)


def _text(header: str) -> str:
    """A header without the white space around it; a byte order mark is no part of it either."""
    return header.strip().removeprefix("\ufeff").strip()


def _key(header: str) -> str:
    """What headers are compared by."""
    return _text(header).casefold()


@frozen(kw_only=True, repr=False)
class Shape(Value, Generic[R_co]):
    """
    Which column of a table is what; make a `StatusShape` or an `ActivityShape`.

    Every row has to name its customer: by a customer id, by an identifier, or by several of them.

    Raises:
        InvalidInputError: No column names the customer, a header is empty or there twice, or a required one is missing.
    """

    name: str = field(validator=bounded(check_id))
    """For people to read."""
    identifiers: tuple[tuple[str, str], ...] = field(default=(), converter=_pairs)
    """(header, identifier type); a mapping will do. A type may have several columns."""
    customer: tuple[str, ...] = field(default=(), converter=_headers)
    """The headers that the column of the customer id may have."""
    required: frozenset[str] = field(default=frozenset(), converter=_set)
    """The headers of columns, beyond those that every row needs, that must be there and filled in."""

    def __attrs_post_init__(self) -> None:
        name = type(self).__name__
        columns = self.columns
        if not self.identifiers and not self.customer:
            raise InvalidInputError(name, "a column of an identifier or of the customer id", "neither")
        for column in columns:
            check_id(f"{name} header", column.header)
            if column.type is not None:
                check_id(f"{name}.identifiers", column.type, LABEL)
        keys = [_key(column.header) for column in columns]
        if len(set(keys)) < len(keys) or "" in keys:
            raise InvalidInputError(name, "every header once, and none that is blank", "one twice or blank")
        lost = sorted(self.required - {column.header for column in columns})
        if lost:
            raise InvalidInputError(f"{name}.required", "headers of its own", ", ".join(map(repr, lost)))

    @property
    def columns(self) -> tuple[Column, ...]:
        """Every column that it knows, in order."""
        return tuple(self._columns())

    def layout(self, header: Sequence[object]) -> Layout:
        """
        Where the columns are in a table with this header.

        Cells without text are columns without a name, which are ignored.

        Raises:
            InvalidInputError: A required column is missing, none names a row's customer, or a header is there twice.
        """
        known = {_key(column.header): column for column in self.columns}
        seen: dict[str, int] = {}
        unused = []
        for place, cell in enumerate(header):
            if not isinstance(cell, str):
                raise InvalidInputError(f"column {place + 1} of the table", "a header of text", kind_of(cell))
            key = _key(cell)
            if not key:
                continue
            if key in seen:
                # Without a header line these cells are somebody's data: only a header that is known is shown.
                what = repr(known[key].header) if key in known else "one header"
                raise InvalidInputError(
                    "table", "every header once", f"{what} in columns {seen[key] + 1} and {place + 1}"
                )
            seen[key] = place
            if key not in known:
                unused.append(_text(cell))
        places = [(seen[key], column) for key, column in known.items() if key in seen]
        self._check(column for _, column in places)
        return Layout(len(header), tuple(places), tuple(unused))

    def score(self, header: Sequence[str]) -> int:
        """How many of these headers it knows."""
        return len({_key(cell) for cell in header} & {_key(column.header) for column in self.columns})

    def _check(self, columns: Iterable[Column]) -> None:
        found = set(columns)
        missing = [repr(column.header) for column in self.columns if column.required and column not in found]
        subjects = [column for column in self.columns if column.part in (Part.CUSTOMER, Part.IDENTIFIER)]
        if not found & set(subjects):
            missing.insert(0, "one of " + ", ".join(repr(column.header) for column in subjects))
        if missing:
            expected = f"the columns of {self.name!r}: {', '.join(column.header for column in self.columns)}"
            raise InvalidInputError("table", expected, f"a header without {' and '.join(missing)}")
        customers = [repr(column.header) for column in found if column.part is Part.CUSTOMER]
        if len(customers) > 1:
            raise InvalidInputError("table", "one column of the customer id", " and ".join(sorted(customers)))

    def _columns(self) -> Iterator[Column]:
        for header in self.customer:
            yield Column(header, Part.CUSTOMER, None, header in self.required)
        for header, kind in self.identifiers:
            yield Column(header, Part.IDENTIFIER, kind, header in self.required)

    def _column(self, header: str | None, part: Part, *, always: bool = False) -> Iterator[Column]:
        if header is not None:
            yield Column(header, part, None, always or header in self.required)


@frozen(kw_only=True, repr=False)
class StatusShape(Shape[StatusRow]):
    """The shape of a table of statuses: which customer, and which status label or status."""

    target: str
    """The header of the status label or status; every row has it."""
    reason: str | None = None
    shop: str | None = None

    def _columns(self) -> Iterator[Column]:
        yield from super()._columns()
        yield from self._column(self.target, Part.TARGET, always=True)
        yield from self._column(self.reason, Part.REASON)
        yield from self._column(self.shop, Part.SHOP)


@frozen(kw_only=True, repr=False)
class ActivityShape(Shape[ActivityRow]):
    """The shape of a table of activities: which customer, what, which receipt, and when."""

    kind: str
    reference: str
    at: str
    amount: str | None = None
    effect: str | None = None

    def _columns(self) -> Iterator[Column]:
        yield from super()._columns()
        yield from self._column(self.kind, Part.KIND, always=True)
        yield from self._column(self.reference, Part.REFERENCE, always=True)
        yield from self._column(self.at, Part.AT, always=True)
        yield from self._column(self.amount, Part.AMOUNT)
        yield from self._column(self.effect, Part.EFFECT)


_CUSTOMER = ("User ID", "Customer")
_IDENTIFIERS = {"Mobile": "mobile", "External ID": "external_id", "Email": "email"}

CUSTOMER_STATUS_IMPORT = StatusShape(
    name="Customer Status Import",
    identifiers=_IDENTIFIERS,
    customer=_CUSTOMER,
    target="Status Label",
    reason="Reason",
    shop="StoreCode",
)
"""Capillary's "Customer Status Import": `Mobile,External ID,Status Label,StoreCode`; the reason is ours."""

FRAUD_STATUS_IMPORT = StatusShape(
    name="Update Fraud Status",
    identifiers=_IDENTIFIERS,
    customer=_CUSTOMER,
    target="Status",
    reason="Reason",
    shop="StoreCode",
    required=["Reason", "StoreCode"],
)
"""Capillary's "Update Fraud Status": `Mobile,Status,Reason,StoreCode`; all of them are needed (D50)."""

ACTIVITY_IMPORT = ActivityShape(
    name="Activity Import",
    identifiers=_IDENTIFIERS,
    customer=_CUSTOMER,
    kind="Kind",
    reference="Reference",
    at="At",
    amount="Amount",
    effect="Effect",
)
"""Activities: `Customer,Kind,Reference,At,Amount,Effect`, or with identifiers in the customer's place."""
