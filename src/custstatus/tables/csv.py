"""
Tables read row by row: CSV and TSV, Arrow, mappings. Nothing is opened here, and no more than one row or slice is held.

What is true of the whole table (its header, its encoding, where its rows end) raises InvalidInputError; what is true of one row
makes that row a `BadRow`, and the others go on.

Cells are taken exactly. One of nothing but white space is empty, and a row of such cells is blank: blank rows are skipped. In
CSV the apostrophe that `exports.as_csv` puts before what a spreadsheet would take for a formula is taken away again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, tzinfo
from itertools import chain
from typing import Any, Generic, TypeVar

from attrs import evolve

from custstatus.bounds import ID, kind_of
from custstatus.errors import InvalidInputError
from custstatus.tables.cells import Fold, Read, Times, as_text, reader
from custstatus.tables.shapes import ActivityRow, BadRow, Column, Layout, Part, R_co, Shape, StatusRow

__all__ = [
    "GUARD",
    "LONGEST",
    "ActivityRow",
    "BadRow",
    "Rows",
    "StatusRow",
    "rows_of",
    "rows_of_arrow",
    "rows_of_csv",
]

LONGEST = 131_072
"""The longest row of a CSV file, in characters."""

GUARD = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""
How a cell begins that a spreadsheet takes for a formula, apostrophes before it or not: with a sign of equality, plus, minus or
at, narrow or wide, a tab or a line break. Written with one apostrophe more, it is read with one less.
"""

_DELIMITERS = (",", "\t", ";")
_SLICE = 4_096
"""How many rows of an Arrow batch are Python objects at a time."""
_TEXTS = frozenset({"string", "large_string", "string_view"})
"""The Arrow types of text."""
_FREE = frozenset({Part.AT, Part.AMOUNT})
"""What may be of a kind of its own, as a datetime or a Decimal is."""
_MOST_LAYOUTS = 64
"""How many different headers of mappings are remembered."""

_END = object()

T = TypeVar("T", bound=StatusRow | ActivityRow)


class Rows(Generic[R_co]):
    """The rows of a table, to be gone through once, with what is known of the table from its header."""

    __slots__ = ("_rows", "_unused")

    def __init__(self, rows: Iterator[R_co | BadRow], unused: Iterable[str]) -> None:
        self._rows = rows
        self._unused = unused

    @property
    def unused(self) -> tuple[str, ...]:
        """The headers of the columns that were ignored; of mappings, those met so far."""
        return tuple(self._unused)

    def __iter__(self) -> Iterator[R_co | BadRow]:
        return self._rows


def rows_of_csv(
    lines: Iterable[str],
    shape: Shape[R_co],
    *,
    delimiter: str | None = None,
    guarded: bool = True,
    time_zone: tzinfo = UTC,
    fold: Fold = None,
) -> Rows[R_co]:
    """
    The rows of a CSV file, whose first line that is not blank is the header.

    The line of a row is where it begins, as the lines come: a quoted line break makes a row span several.

    Args:
        lines: The lines with their ends, as those of a file that was opened with `newline=""` and `encoding="utf-8-sig"`.
        shape: Which column is what.
        delimiter: By default a comma, a tab or a semicolon, whichever fits the header.
        guarded: Whether an apostrophe before a formula's first character is taken away (`'+44` is read as `+44`).
        time_zone: Where a time without an offset belongs.
        fold: Which of the two times is meant that a clock shows twice, when it is put back: 0 the first, 1 the second. By
            default such a row is a bad one. So is always a time that the clock leaves out.

    Raises:
        InvalidInputError: At once, where the header does not fit; on the way, where what follows could be misread: a quote
            that is not closed within 131,072 characters, or text that is not in the encoding the file was opened with.
    """
    if isinstance(lines, str | bytes):
        raise InvalidInputError("lines", "an iterable of lines of text", kind_of(lines))
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in ' "\r\n'):
        raise InvalidInputError("delimiter", "one character such as a comma", kind_of(delimiter))
    times = Times(time_zone, fold)
    begin, first, rest = _first_line(lines)
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=lambda each: shape.score(_cells(first, each)))
    table = _CSV(chain([first], rest), delimiter, begin)
    layout = shape.layout(table.header(guarded=guarded))
    return Rows(table.rows(reader(shape, layout, times), guarded=guarded), layout.unused)


def rows_of_arrow(source: object, shape: Shape[R_co], *, time_zone: tzinfo = UTC, fold: Fold = None) -> Rows[R_co]:
    """
    The rows of a pyarrow Table, RecordBatch or RecordBatchReader, or of whatever else is an Arrow stream.

    Columns of text and of whole numbers are text; the time may be a timestamp, the amount a decimal. The other arguments are
    those of `rows_of_csv`.

    Raises:
        InvalidInputError: At once, where it is no Arrow table or its header does not fit; on the way, where a column cannot
            be made Python objects.
    """
    times = Times(time_zone, fold)
    names, batches = _batches(source)
    layout = shape.layout(names)
    read = reader(shape, _narrow(layout), times)
    return Rows(_rows_of_batches(batches, layout, read), layout.unused)


def rows_of(
    mappings: Iterable[Mapping[str, object]], shape: Shape[R_co], *, time_zone: tzinfo = UTC, fold: Fold = None
) -> Rows[R_co]:
    """
    The rows of mappings from headers to cells: of `csv.DictReader`, or objects of JSON.

    Each may have headers of its own, so that what a header lacks makes a bad row. Cells are text, None, or whole numbers; the
    time may be a datetime, the amount a Decimal. Arguments as of `rows_of_csv`.
    """
    unused: dict[str, None] = {}
    return Rows(_rows_of_mappings(mappings, shape, Times(time_zone, fold), unused), unused)


class _TooLongError(Exception):
    """A row of CSV goes on for longer than is read."""


class _CSV:
    """A CSV file as its rows. It keeps the lines of the row that is being read, to tell where that began and what ails it."""

    def __init__(self, lines: Iterator[str], delimiter: str, begin: int) -> None:
        self._source = lines
        self._delimiter = delimiter
        self._begin = begin
        self._kept: list[str] = []
        self._pushed: list[str] = []
        self._ended = False
        self._reader = self._new_reader()

    def header(self, *, guarded: bool) -> list[str]:
        """The first row; InvalidInputError where there is none that can be read."""
        try:
            cells = next(self._reader)
        except (csv.Error, _TooLongError) as error:
            raise InvalidInputError(f"line {self._begin}", "a header", "a row that cannot be read") from error
        self._next_row()
        return _unguarded(cells) if guarded else cells

    def rows(self, read: Read[T], *, guarded: bool) -> Iterator[T | BadRow]:
        """The rows after the header."""
        delimiter = self._delimiter
        tabs, gap = delimiter == "\t", delimiter + " "
        try:
            for line in self._source:
                begin = self._begin
                if not isinstance(line, str):
                    raise _no_text(line)
                text = line.rstrip("\r\n")
                if '"' in text or "\r" in text or "\n" in text or len(text) > LONGEST:
                    self._pushed.append(line)
                    cells = self._quoted()
                    if isinstance(cells, BadRow):
                        yield cells
                        continue
                    sound = self._begin == begin + 1 and '" ' not in text
                else:
                    # Without a quote the csv module does the same, more slowly.
                    self._begin = begin + 1
                    cells = text.split(delimiter)
                    sound = True
                # A cell of spaces only stands behind a delimiter, a quote or nothing.
                sound = (
                    sound
                    and len(text) <= ID
                    and "'" not in text
                    and (text.replace("\t", ",") if tabs else text).isprintable()
                    and gap not in text
                    and text[:1] != " "
                )
                if guarded and not sound:
                    cells = _unguarded(cells)
                row = read(begin, cells, sound)
                if row is not None:
                    yield row
        except UnicodeError:
            raise _undecodable(self._begin) from None

    def _quoted(self) -> list[str] | BadRow:
        """The cells of the row that begins with the line that was pushed back."""
        try:
            cells = next(self._reader)
        except csv.Error as error:
            return self._unread(f"expected a row of CSV, got one that cannot be read ({error})")
        except _TooLongError:
            self._reader = self._new_reader()
            return self._unread(f"expected a row of up to {LONGEST} characters, got a longer one")
        self._next_row()
        return cells

    def _unread(self, cause: str) -> BadRow:
        """
        The row that was being read, as a bad one.

        With an odd number of quotes it is open where it stops. What follows may then be the text of a cell, made to look like
        rows, so that nothing after it may be read: InvalidInputError, unless nothing is left.
        """
        begin, end = self._begin, self._begin + len(self._kept) - 1
        if sum(line.count('"') for line in self._kept) % 2:
            if not self._ended:
                raise InvalidInputError(f"line {begin}", "quotes that are closed", "one that is not")
            cause = f"expected quotes that are closed, got one that is not: nothing was read of lines {begin} to {end}"
        self._next_row()
        return BadRow(begin, cause)

    def _next_row(self) -> None:
        self._begin += len(self._kept)
        self._kept.clear()

    def _new_reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines(), delimiter=self._delimiter, strict=True)

    def _lines(self) -> Iterator[str]:
        """The lines for the csv module: the one that was pushed back, then those of the file for as long as a row goes on."""
        kept, pushed, source, size = self._kept, self._pushed, self._source, 0
        while True:
            line = pushed.pop() if pushed else next(source, _END)
            if not isinstance(line, str):
                if line is _END:
                    self._ended = True
                    return
                raise _no_text(line)
            kept.append(line)
            size = size + len(line) if len(kept) > 1 else len(line)
            if size > LONGEST:
                raise _TooLongError
            yield line


def _unguarded(cells: list[str]) -> list[str]:
    return [cell[1:] if cell[:1] == "'" and GUARD.match(cell) else cell for cell in cells]


def _no_text(line: object) -> InvalidInputError:
    return InvalidInputError("lines", "lines of text (of a file that is opened as text)", kind_of(line))


def _undecodable(line: int) -> InvalidInputError:
    return InvalidInputError(f"after line {line}", "text in the encoding that the file was opened with", "other bytes")


def _first_line(lines: Iterable[str]) -> tuple[int, str, Iterator[str]]:
    """The first line that is not blank, after its number and before those that follow it."""
    rest = iter(lines)
    try:
        for number, line in enumerate(rest, 1):
            if not isinstance(line, str):
                raise _no_text(line)
            if line.startswith("\u00ef\u00bb\u00bf"):
                raise InvalidInputError(
                    "lines", "text of a file that is opened as UTF-8", "UTF-8 opened as something else"
                )
            text = line.removeprefix("\ufeff")
            if text.strip():
                return number, text, rest
    except UnicodeError:
        raise _undecodable(0) from None
    raise InvalidInputError("table", "a header", "nothing")


def _cells(line: str, delimiter: str) -> list[str]:
    """The cells of a line, as far as it can be read by itself."""
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return []


def _batches(source: Any) -> tuple[list[str], Iterable[Any]]:
    """The names of the columns, and the record batches, of whatever is Arrow."""
    if hasattr(source, "to_batches") and hasattr(source, "schema"):
        return list(source.schema.names), source.to_batches()
    if hasattr(source, "read_next_batch"):
        return list(source.schema.names), source
    if hasattr(source, "schema") and hasattr(source, "num_rows") and hasattr(source, "slice"):
        return list(source.schema.names), (source,)
    if hasattr(source, "__arrow_c_stream__"):
        try:
            import pyarrow  # type: ignore[import-untyped]
        except ImportError:
            raise InvalidInputError("source", "a pyarrow Table (pyarrow is not installed)", kind_of(source)) from None
        stream = pyarrow.RecordBatchReader.from_stream(source)
        return list(stream.schema.names), stream
    raise InvalidInputError(
        "source", "a pyarrow Table, RecordBatch or RecordBatchReader, or an Arrow stream", kind_of(source)
    )


def _narrow(layout: Layout) -> Layout:
    """The layout of rows that hold the columns of the shape only."""
    columns = tuple(enumerate(column for _, column in layout.places))
    return evolve(layout, width=len(columns), places=columns)


def _rows_of_batches(batches: Iterable[Any], layout: Layout, read: Read[T]) -> Iterator[T | BadRow]:
    line = 0
    for batch in batches:
        for start in range(0, batch.num_rows, _SLICE):
            pieces = [(batch.column(place).slice(start, _SLICE), column) for place, column in layout.places]
            columns = [_objects(piece, column) for piece, column in pieces]
            # Texts and nothing: the cells are as they should be.
            plain = all(column.part in _FREE or str(piece.type) in _TEXTS for piece, column in pieces)
            for cells in zip(*columns, strict=True):
                line += 1
                row = read(line, cells, False) if plain else _row(line, cells, layout, read)
                if row is not None:
                    yield row


def _objects(piece: Any, column: Column) -> list[Any]:
    """The cells of a piece of an Arrow column."""
    try:
        # One cell of a dictionary takes 50 times as long as one of text.
        decoded = piece.dictionary_decode() if hasattr(piece, "dictionary_decode") else piece
        cells: list[Any] = decoded.to_pylist()
    except Exception as error:  # whatever pyarrow raises: of nanoseconds, say, or of text that is not UTF-8
        expected = "a column of text, whole numbers, times in microseconds or decimals"
        raise InvalidInputError(column.header, expected, f"one that cannot be read ({kind_of(error)})") from error
    return cells


def _row(line: int, cells: Iterable[Any], layout: Layout, read: Read[T]) -> T | BadRow | None:
    """A row of cells that may be other than text."""
    try:
        return read(
            line,
            [
                cell if column.part in _FREE else as_text(column.header, cell)
                for cell, (_, column) in zip(cells, layout.places, strict=True)
            ],
            False,
        )
    except InvalidInputError as error:
        return BadRow(line, str(error))


def _rows_of_mappings(
    mappings: Iterable[Mapping[str, object]], shape: Shape[T], times: Times, unused: dict[str, None]
) -> Iterator[T | BadRow]:
    known: dict[tuple[str, ...], tuple[Layout, Read[T]]] = {}
    for line, mapping in enumerate(mappings, 1):
        if not isinstance(mapping, Mapping):
            yield BadRow(line, f"row: expected a mapping from headers to cells, got {kind_of(mapping)}")
            continue
        header = tuple(mapping)
        if header not in known:
            try:
                layout = shape.layout(header)
            except InvalidInputError as error:
                if any(mapping.values()):
                    yield BadRow(line, str(error))
                continue
            if len(known) == _MOST_LAYOUTS:
                known.clear()
            known[header] = layout, reader(shape, _narrow(layout), times)
            unused.update(dict.fromkeys(layout.unused))
        layout, read = known[header]
        row = _row(line, [mapping[header[place]] for place, _ in layout.places], layout, read)
        if row is not None:
            yield row
