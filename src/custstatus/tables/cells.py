"""
The cells of one row, read by the layout of its table into what the row says, or into why it cannot be read.

Cells are taken exactly. One of nothing but white space is empty, and a row of such cells is blank.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeVar, cast

from attrs import field, frozen

from custstatus.bounds import ID, IDENTIFIER, LABEL, check_amount, check_id, check_moment, check_text, kind_of
from custstatus.errors import InvalidInputError
from custstatus.records import Effect
from custstatus.tables.shapes import ActivityRow, ActivityShape, BadRow, Column, Layout, Part, R_co, Shape, StatusRow
from custstatus.values import Value

__all__ = ["Fold", "Read", "Times", "as_text", "reader"]

T = TypeVar("T", bound=StatusRow | ActivityRow)

Read = Callable[[int, Sequence[Any], bool], T | BadRow | None]
"""
From the number of a row and its cells to what it says; None where it is blank.

The third argument is whether the cells are known to be sound: text of up to 128 characters in all, printable, and none of them
white space only. Then they are not looked through one by one.
"""

Fold = Literal[0, 1] | None

_Subject = Callable[[Sequence[Any]], tuple[str | None, tuple[tuple[str, str], ...]]]

_MOST_DIGITS = 10**40
"""No whole number as large as this is text: making it so would take long."""

_EFFECTS = {effect.value: effect for effect in Effect}


def _check_fold(_: object, __: object, value: object) -> None:
    if value is not None and not (type(value) is int and value in (0, 1)):
        raise InvalidInputError("fold", "0, 1 or None", kind_of(value))


def _check_zone(_: object, __: object, value: object) -> None:
    if not isinstance(value, tzinfo):
        raise InvalidInputError("time_zone", "a tzinfo", kind_of(value))


@frozen(repr=False)
class Times(Value):
    """What a time without an offset means."""

    zone: tzinfo = field(default=UTC, validator=_check_zone)
    fold: Fold = field(default=None, validator=_check_fold)
    """Which of the two is meant where the clock shows a time twice; None where neither is to be guessed."""

    def moment(self, header: str, cell: object) -> datetime:
        """
        The UTC time of a cell: ISO 8601 text or a datetime; of text, a date alone is its first moment.

        Raises:
            InvalidInputError: It is none, or it is one that the clock of the zone never showed, or showed twice.
        """
        if isinstance(cell, str):
            try:
                # What fromisoformat takes beyond this differs from one Python to the next.
                if cell[4:5] + cell[7:8] != "--" or cell[10:11] not in "T " or cell[11:13] == "24":
                    raise ValueError
                at = datetime.fromisoformat(cell)
            except ValueError:
                expected = "a time in ISO 8601, such as 2024-05-01T13:30:00, with Z or an offset or without"
                raise InvalidInputError(header, expected, kind_of(cell)) from None
        elif isinstance(cell, datetime):
            at = cell
        else:
            raise InvalidInputError(header, "a time", kind_of(cell))
        if at.tzinfo is None and self.zone is UTC:
            at = at.replace(tzinfo=UTC)
        if at.tzinfo is not None:
            return check_moment(header, at)
        first = check_moment(header, at.replace(tzinfo=self.zone, fold=0))
        second = check_moment(header, at.replace(tzinfo=self.zone, fold=1))
        if first == second:
            return first
        if second < first:
            raise InvalidInputError(header, f"a time that the clock of {self.zone} shows", "one that it leaves out")
        if self.fold is None:
            raise InvalidInputError(
                header, f"a time that the clock of {self.zone} shows once (give an offset)", "one that it shows twice"
            )
        return second if self.fold else first


def reader(shape: Shape[R_co], layout: Layout, times: Times) -> Read[R_co]:
    """How a row of this layout is read. Its cells are text, but those of time and amount may be of a kind of their own."""
    read: Any = _activity(layout, times) if isinstance(shape, ActivityShape) else _status(layout)
    return cast("Read[R_co]", read)


def as_text(header: str, cell: object) -> str:
    """A cell as text: a whole number in digits, nothing (None, or a NaN of pandas) as none; InvalidInputError otherwise."""
    if isinstance(cell, str):
        return cell
    if _blank(cell):
        return ""
    if isinstance(cell, int) and not isinstance(cell, bool) and -_MOST_DIGITS < cell < _MOST_DIGITS:
        return str(int(cell))
    raise InvalidInputError(header, "text or a whole number", kind_of(cell))


def _status(layout: Layout) -> Read[StatusRow]:
    width, subject, ids = layout.width, _subject(layout), _types(layout)
    customer, reason, shop = _place(layout, Part.CUSTOMER), _place(layout, Part.REASON), _place(layout, Part.SHOP)
    who, why, where = customer[0], reason[0], shop[0]
    at, target = _place(layout, Part.TARGET)
    needed = tuple(place for place, column in layout.places if column.required)

    def read(line: int, cells: Sequence[Any], sound: bool) -> StatusRow | BadRow | None:
        if sound and len(cells) == width and len(cells[at]) <= LABEL:
            name = cells[who] if who >= 0 else None
            found = tuple([(kind, cells[place]) for place, kind in ids if cells[place]])
            if (found or name) and all(map(cells.__getitem__, needed)):
                return _new(
                    StatusRow,
                    (
                        line,
                        name or None,
                        found,
                        cells[at],
                        (cells[why] or None) if why >= 0 else None,
                        (cells[where] or None) if where >= 0 else None,
                    ),
                )
        try:
            if len(cells) != width:
                cells = _fitted(cells, width)
            name, found = subject(cells)
            text = _filled(target, cells[at])
            return StatusRow(
                line, name, found, check_id(target.header, text, LABEL), _text(reason, cells), _id(shop, cells)
            )
        except InvalidInputError as error:
            return _bad(line, cells, error)

    return read


def _activity(layout: Layout, times: Times) -> Read[ActivityRow]:
    width, subject, ids = layout.width, _subject(layout), _types(layout)
    kind, reference = _place(layout, Part.KIND), _place(layout, Part.REFERENCE)
    (at, when), amount, effect = _place(layout, Part.AT), _place(layout, Part.AMOUNT), _place(layout, Part.EFFECT)
    who, what, which = _place(layout, Part.CUSTOMER)[0], kind[0], reference[0]
    needed = tuple(place for place, column in layout.places if column.required)

    def read(line: int, cells: Sequence[Any], sound: bool) -> ActivityRow | BadRow | None:
        try:
            name: str | None = None
            found: tuple[tuple[str, str], ...] = ()
            sound = sound and len(cells) == width
            if sound:
                name = (cells[who] or None) if who >= 0 else None
                found = tuple([(type_, cells[place]) for place, type_ in ids if cells[place]])
                sound = bool(found or name) and all(map(cells.__getitem__, needed))
            if not sound:
                if len(cells) != width:
                    cells = _fitted(cells, width)
                name, found = subject(cells)
            paid, done = _cell(amount, cells), _cell(effect, cells)
            return _new(
                ActivityRow,
                (
                    line,
                    name,
                    found,
                    cells[what] if sound else _needed(kind, cells),
                    cells[which] if sound else _needed(reference, cells),
                    times.moment(when.header, cells[at] if sound else _filled(when, cells[at])),
                    None if paid is None else _amount(amount[1], paid),
                    Effect.ALLOW if done is None else _effect(effect[1], done),
                ),
            )
        except InvalidInputError as error:
            return _bad(line, cells, error)

    return read


_Place = tuple[int, Column]
_new = tuple.__new__
"""What a named tuple calls in the end; twice as fast as by its name."""


def _place(layout: Layout, part: Part) -> _Place:
    """Where the column of a part is; past the end where the table has none."""
    return next((place for place in layout.places if place[1].part is part), (-1, Column("", part)))


def _types(layout: Layout) -> tuple[tuple[int, str], ...]:
    """Where the identifiers are, and of which types."""
    return tuple((place, column.type) for place, column in layout.places if column.type is not None)


def _subject(layout: Layout) -> _Subject:
    """How to read which customer a row is about."""
    ids = tuple((place, column, column.type) for place, column in layout.places if column.type is not None)
    customer = _place(layout, Part.CUSTOMER)
    headers = [column.header for _, column in layout.places if column.part in (Part.CUSTOMER, Part.IDENTIFIER)]

    def subject(cells: Sequence[Any]) -> tuple[str | None, tuple[tuple[str, str], ...]]:
        found = []
        for place, column, kind in ids:
            cell = cells[place]
            if cell and not cell.isspace():
                found.append((kind, check_id(column.header, cell, IDENTIFIER)))
            elif column.required:
                _filled(column, cell)
        who = _id(customer, cells)
        if who is None and not found:
            raise InvalidInputError(" or ".join(headers), "at least one of them", "nothing")
        return who, tuple(found)

    return subject


def _id(place: _Place, cells: Sequence[Any]) -> str | None:
    cell = _cell(place, cells)
    return None if cell is None else check_id(place[1].header, cell, ID)


def _needed(place: _Place, cells: Sequence[Any]) -> str:
    at, column = place
    return check_id(column.header, _filled(column, cells[at]), ID)


def _text(place: _Place, cells: Sequence[Any]) -> str | None:
    cell = _cell(place, cells)
    return None if cell is None else check_text(place[1].header, cell)


def _cell(place: _Place, cells: Sequence[Any]) -> Any:
    """What a cell holds; None where it or its column is empty and need not be filled in."""
    at, column = place
    if at < 0:
        return None
    return _filled(column, cells[at]) if column.required or not _blank(cells[at]) else None


def _filled(column: Column, cell: Any) -> Any:
    if _blank(cell):
        raise InvalidInputError(column.header, "something in every row", "nothing")
    return cell


def _amount(column: Column, cell: object) -> Decimal:
    if isinstance(cell, str):
        whole, _, part = cell.partition(".")
        if (whole + part).isdigit() and cell.isascii() and 0 < len(whole) <= 18 and len(part) <= 6:
            return Decimal(cell)  # what check_amount would find, three times as fast
        expected = "a decimal number with a point, such as 12.50"
        if len(cell) > 40 or not cell.isascii() or "_" in cell:
            raise InvalidInputError(column.header, expected, kind_of(cell))
        try:
            cell = Decimal(cell)
        except InvalidOperation:
            raise InvalidInputError(column.header, expected, kind_of(cell)) from None
    elif isinstance(cell, int) and not isinstance(cell, bool) and -_MOST_DIGITS < cell < _MOST_DIGITS:
        cell = Decimal(cell)
    return check_amount(column.header, cell)


def _effect(column: Column, cell: Any) -> Effect:
    effect = _EFFECTS.get(cell.strip().lower())
    if effect is None:
        raise InvalidInputError(column.header, f"one of {', '.join(_EFFECTS)}, or nothing", kind_of(cell))
    return effect


def _blank(cell: object) -> bool:
    """Whether a cell holds nothing: None, white space, or the NaN and NaT of pandas, which differ from themselves."""
    if isinstance(cell, str):
        return not cell or cell.isspace()
    return cell is None or (isinstance(cell, float | datetime) and cell != cell)


def _fitted(cells: Sequence[Any], width: int) -> Sequence[Any]:
    """The cells without empty ones past the header's end; InvalidInputError where there are too few, or text past it."""
    if len(cells) < width or not all(map(_blank, cells[width:])):
        raise InvalidInputError("row", f"{width} cells, as in the header", f"{len(cells)}")
    return cells[:width]


def _bad(line: int, cells: Sequence[Any], error: InvalidInputError) -> BadRow | None:
    return None if all(map(_blank, cells)) else BadRow(line, str(error))
