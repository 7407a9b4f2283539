"""Tables: every file that comes is read row by row, row by row refused, or refused as a whole; never misread."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from importlib import import_module
from itertools import chain, repeat
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from organisation import some_examples

from custstatus.bounds import kind_of
from custstatus.errors import InvalidInputError
from custstatus.records import Effect
from custstatus.tables.csv import LONGEST, Rows, rows_of, rows_of_arrow, rows_of_csv
from custstatus.tables.export import as_csv
from custstatus.tables.shapes import (
    ACTIVITY_IMPORT,
    CUSTOMER_STATUS_IMPORT,
    FRAUD_STATUS_IMPORT,
    ActivityRow,
    BadRow,
    Shape,
    StatusRow,
    StatusShape,
)
from custstatus.testing.strategies import amounts, ids, moments, texts

pa: Any = import_module("pyarrow")

LONDON = ZoneInfo("Europe/London")


def lines_of(text: str) -> io.StringIO:
    """A file of this text, opened as CSV is to be."""
    return io.StringIO(text, newline="")


def by_kind(value: object) -> str:
    """The name of a test's value that would be too long by itself."""
    return kind_of(value)


def read(text: str, shape: Shape[Any] = CUSTOMER_STATUS_IMPORT, **options: Any) -> list[Any]:
    return list(rows_of_csv(lines_of(text), shape, **options))


def good(line: int, customer: str, target: str = "Regular", reason: str | None = None) -> StatusRow:
    return StatusRow(line, customer, (), target, reason, None)


def bad_lines(rows: Iterable[Any]) -> list[int]:
    return [row.line for row in rows if isinstance(row, BadRow)]


# What the products send


def test_a_status_import_as_the_product_has_it() -> None:
    rows = read("Mobile,External ID,Status Label,StoreCode\r\n447900000042,e-42,Lost phone,s-1\r\n,e-43,Regular,\r\n")
    assert rows == [
        StatusRow(2, None, (("mobile", "447900000042"), ("external_id", "e-42")), "Lost phone", None, "s-1"),
        StatusRow(3, None, (("external_id", "e-43"),), "Regular", None, None),
    ]


def test_a_fraud_update_as_the_product_has_it() -> None:  # D50
    rows = read(
        "Mobile,Status,Reason,StoreCode\n447900000042,MARKED,many returns,s-1\n"
        "447900000043,MARKED,,s-1\n447900000043,MARKED, ,s-1\n447900000043,MARKED,many,\n447900000043,,many,s-1\n"
        ",MARKED,many,s-1\n",
        FRAUD_STATUS_IMPORT,
    )
    assert rows == [
        StatusRow(2, None, (("mobile", "447900000042"),), "MARKED", "many returns", "s-1"),
        BadRow(3, "Reason: expected something in every row, got nothing"),
        BadRow(4, "Reason: expected something in every row, got nothing"),
        BadRow(5, "StoreCode: expected something in every row, got nothing"),
        BadRow(6, "Status: expected something in every row, got nothing"),
        BadRow(7, "Mobile: expected at least one of them, got nothing"),
    ]


def test_activities() -> None:
    rows = read(
        "Customer,Mobile,Kind,Reference,At,Amount,Effect\n"
        "c-42,,transaction,r-1,2024-05-01T13:30:00Z,12.50,\n"
        ",447900000042,return,r-2,2024-05-01 15:30:00+02:00,-3,Mark\n"
        "c-42,,transaction,r-3,2024-05-01,,block\n",
        ACTIVITY_IMPORT,
        time_zone=LONDON,
    )
    assert rows == [
        ActivityRow(
            2,
            "c-42",
            (),
            "transaction",
            "r-1",
            datetime(2024, 5, 1, 13, 30, tzinfo=UTC),
            Decimal("12.50"),
            Effect.ALLOW,
        ),
        ActivityRow(
            *(3, None, (("mobile", "447900000042"),), "return", "r-2"),
            *(datetime(2024, 5, 1, 13, 30, tzinfo=UTC), Decimal(-3), Effect.MARK),
        ),
        ActivityRow(4, "c-42", (), "transaction", "r-3", datetime(2024, 4, 30, 23, tzinfo=UTC), None, Effect.BLOCK),
    ]


# One file in every form


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("trailing", ["", "{d}", "{d}{d} "])
@pytest.mark.parametrize("given", [False, True])
def test_one_file_in_every_form(delimiter: str, end: str, quote: str, mark: str, trailing: str, given: bool) -> None:
    cells = [
        ["External ID", "User ID", "Status Label"],
        ["", "c-1", "Lost phone"],
        ["e;2", "c,2", "x"],
        ["e-3", "", "y"],
    ]
    if not quote:
        cells[2] = ["e2", "c2", "x"]
    lines = [delimiter.join(quote + cell + quote for cell in row) for row in cells]
    text = mark + "".join(line + trailing.format(d=delimiter) + end for line in lines)
    assert read(text, delimiter=delimiter if given else None) == [
        StatusRow(2, "c-1", (), "Lost phone", None, None),
        StatusRow(3, cells[2][1], (("external_id", cells[2][0]),), "x", None, None),
        StatusRow(4, None, (("external_id", "e-3"),), "y", None, None),
    ]


def test_the_delimiter_is_the_one_that_fits_the_header() -> None:
    text = 'User ID;Status Label;"a,b,c,d,e"\nc-1;x;1\n'
    assert read(text) == [good(2, "c-1", "x")]
    assert read("User ID|Status Label\nc-1|x\n", delimiter="|") == [good(2, "c-1", "x")]
    with pytest.raises(InvalidInputError, match="table: expected the columns of 'Customer Status Import'"):
        read("User ID|Status Label\nc-1|x\n")


@pytest.mark.parametrize("delimiter", ["", ",,", '"', " ", "\n", 5])
def test_a_delimiter_that_is_none(delimiter: Any) -> None:
    with pytest.raises(InvalidInputError, match="delimiter"):
        rows_of_csv([], CUSTOMER_STATUS_IMPORT, delimiter=delimiter)


def test_the_last_line_needs_no_end_and_lines_need_none_at_all() -> None:
    assert read("User ID,Status Label\nc-1,x") == [good(2, "c-1", "x")]
    assert list(rows_of_csv(["User ID,Status Label", "c-1,x"], CUSTOMER_STATUS_IMPORT)) == [good(2, "c-1", "x")]


def test_unused_columns_are_told_and_ignored() -> None:
    rows = rows_of_csv(lines_of('name,User ID,,Status Label, Age \nAnn\x00,c-1,?,x,"4\n2"\n'), CUSTOMER_STATUS_IMPORT)
    assert rows.unused == ("name", "Age")
    assert list(rows) == [good(2, "c-1", "x")]


def test_a_row_is_counted_where_an_editor_shows_it() -> None:
    text = '\n\n"User\tID",note,User ID,Status Label\n\n,"a\nb\r\nc",c-1,x\n , ,, \n,,c-2,\n\n,"\n",c-3,x\n,,c-4,x\n'
    rows = read(text)
    assert rows == [
        good(5, "c-1", "x"),
        BadRow(9, "Status Label: expected something in every row, got nothing"),
        good(11, "c-3", "x"),
        good(13, "c-4", "x"),
    ]
    editor = text.splitlines()
    assert all(editor[row.line - 1].startswith(",") for row in rows)


def test_a_header_over_several_lines() -> None:
    assert read('"Status Label","note\nof it",User ID\nx,,c-1\n') == [good(3, "c-1", "x")]


# Tables that are none


@pytest.mark.parametrize("text", ["", "\ufeff", "\n\r\n \n", "\ufeff\n"])
def test_an_empty_file(text: str) -> None:
    with pytest.raises(InvalidInputError, match="table: expected a header, got nothing"):
        read(text)


def test_a_header_only() -> None:
    assert read("User ID,Status Label\n") == []
    assert read("User ID,Status Label") == []


def test_a_file_without_a_header_shows_nobody() -> None:
    with pytest.raises(InvalidInputError) as refused:
        read("447900000042,e-42,Lost phone,s-1\n447900000043,e-43,Lost phone,s-1\n")
    assert "4479" not in str(refused.value)


def test_a_header_twice() -> None:
    with pytest.raises(InvalidInputError, match="'Status Label' in columns 2 and 3"):
        read("User ID,Status Label,status label\n")


@pytest.mark.parametrize(
    "header", ['"User ID,Status Label\nc-1,x\n', '"User ID"x,Status Label\n', '"' + "x" * LONGEST], ids=by_kind
)
def test_a_header_that_cannot_be_read(header: str) -> None:
    with pytest.raises(InvalidInputError, match="line 1: expected a header, got a row that cannot be read"):
        read(header, delimiter=",")


@pytest.mark.parametrize("lines", ["User ID,Status Label\nc-1,x\n", b"User ID", [b"User ID,Status Label"], [None]])
def test_lines_that_are_none(lines: Any) -> None:
    with pytest.raises(InvalidInputError, match="lines: expected"):
        rows_of_csv(lines, CUSTOMER_STATUS_IMPORT)


@pytest.mark.parametrize("wrong", [b"c-1,x\n", None, 5])
@pytest.mark.parametrize("before", [[], ['"c-0\n']])
def test_a_line_that_is_none(wrong: Any, before: list[str]) -> None:
    rows = rows_of_csv(["User ID,Status Label\n", *before, wrong], CUSTOMER_STATUS_IMPORT)
    with pytest.raises(InvalidInputError, match="lines: expected lines of text"):
        list(rows)


def test_a_file_in_another_encoding() -> None:
    text = "\ufeffUser ID,Status Label\n" + "c-1,Régulier\n" * 3
    latin = io.TextIOWrapper(io.BytesIO(text.encode()), "latin-1", newline="")
    with pytest.raises(InvalidInputError, match="opened as UTF-8"):
        rows_of_csv(latin, CUSTOMER_STATUS_IMPORT)
    for head in (1, 20_000):
        raw = b"User ID,Status Label\n" + b"c-1,x\n" * head + "c-2,Régulier\n".encode("latin-1")
        with pytest.raises(InvalidInputError, match=r"after line \d+: expected text in the encoding"):
            list(rows_of_csv(io.TextIOWrapper(io.BytesIO(raw), "utf-8", newline=""), CUSTOMER_STATUS_IMPORT))
    # Text that was misread before it came here is text all the same.
    garbled = "User ID,Status Label\nc-1,Régulier\n".encode().decode("latin-1")
    assert read(garbled) == [good(2, "c-1", "RÃ©gulier")]


# Rows that are none


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("c-1", "row: expected 3 cells, as in the header, got 1"),
        ("c-1,x", "row: expected 3 cells, as in the header, got 2"),
        ("c-1,x,,y", "row: expected 3 cells, as in the header, got 4"),
        (",x,", "User ID: expected at least one of them, got nothing"),
        (" ,x,", "User ID: expected at least one of them, got nothing"),
        ("c-1,,", "Status Label: expected something in every row, got nothing"),
        ("c-1,\u00a0,s", "Status Label: expected something in every row, got nothing"),
        ("c\x00,x,", "User ID: expected text without control characters or lone surrogates, got text with some"),
        ("c-1,x\x00,", "Status Label: expected text without control characters or lone surrogates, got text with some"),
        ("c-1,x,\ud800", "StoreCode: expected text without control characters or lone surrogates, got text with some"),
        (
            'c-1,"x\ny",',
            "Status Label: expected text without control characters or lone surrogates, got text with some",
        ),
        (f"{'c' * 129},x,", "User ID: expected text of 1 to 128 characters, got text of 129 characters"),
        (f"c-1,{'x' * 65},", "Status Label: expected text of 1 to 64 characters, got text of 65 characters"),
        (f"c-1,x,{'s' * 129}", "StoreCode: expected text of 1 to 128 characters, got text of 129 characters"),
        ('"c-1"x,x,', "expected a row of CSV, got one that cannot be read (',' expected after '\"')"),
        (f"c-1,x,{'s' * LONGEST}", f"expected a row of up to {LONGEST} characters, got a longer one"),
        (f'c-1,x,"{"s" * 1_000_000}"', f"expected a row of up to {LONGEST} characters, got a longer one"),
    ],
    ids=by_kind,
)
def test_a_row_that_is_none_leaves_the_others(row: str, message: str) -> None:  # D66
    text = f'User ID,Status Label,StoreCode\nc-0,x,\n{row}\n"c-2",x,\n'
    first, bad, last = read(text)
    assert (first.customer, last.customer) == ("c-0", "c-2")
    assert bad == BadRow(3, message)
    assert last.line == 4 + row.count("\n")


@pytest.mark.parametrize("cell", [" ", "  ", "\t", "\u00a0"])
@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_of_white_space_is_empty(cell: str, place: int, quote: str) -> None:
    cells = ["c-1", "x", "s-1"]
    cells[place] = quote + cell + quote
    (row,) = read("User ID,Status Label,StoreCode\n" + ",".join(cells) + "\n")
    if place == 2:
        assert row == good(2, "c-1", "x")
    else:
        assert isinstance(row, BadRow)
        assert row.message.endswith("got nothing")


def test_empty_cells_past_the_end_of_the_header() -> None:
    assert read("User ID,Status Label\nc-1,x,\nc-2,x,, \nc-3,x,,y\n") == [
        good(2, "c-1", "x"),
        good(3, "c-2", "x"),
        BadRow(4, "row: expected 2 cells, as in the header, got 4"),
    ]


def test_quoted_rows_without_end() -> None:
    text = "User ID,Status Label\n" + '"c-1","x"\n' * (LONGEST // 8)
    assert {row[1:] for row in read(text)} == {good(2, "c-1", "x")[1:]}


def test_the_bounds_themselves_are_within() -> None:
    row = ["m" * 256, "c" * 128, "x" * 64, "r\n" * 500, "s" * 128]
    text = "".join(as_csv(["Mobile", "User ID", "Status Label", "Reason", "StoreCode"], [row]))
    assert read(text) == [StatusRow(2, row[1], (("mobile", row[0]),), *row[2:])]
    assert bad_lines(read(text.replace("m" * 256, "m" * 257))) == [2]
    assert bad_lines(read(text.replace('"r\n', '"rr\n'))) == [2]


# Quotes: where a row ends must never be guessed


INNER = "c-2,Closed,\nc-3,Closed,\n"
"""What somebody wrote into a cell, to look like rows."""


def test_text_within_quotes_is_no_row() -> None:
    rows = read(f'User ID,Status Label,note\nc-1,x,"hello\n{INNER}"\nc-9,x,\n')
    assert rows == [good(2, "c-1", "x"), good(6, "c-9", "x")]


@pytest.mark.parametrize("filling", ["x" * LONGEST, f"\n{'x' * 60}" * 3_000], ids=by_kind)
def test_text_within_quotes_is_no_row_however_long_it_is(filling: str) -> None:
    rows = iter(
        rows_of_csv(
            lines_of(f'User ID,Status Label,note\nc-0,x,\nc-1,x,"{filling}\n{INNER}"\nc-9,x,\n'), CUSTOMER_STATUS_IMPORT
        )
    )
    assert next(rows) == good(2, "c-0", "x")
    with pytest.raises(InvalidInputError, match="line 3: expected quotes that are closed, got one that is not"):
        next(rows)
    assert list(rows) == []


def test_text_within_quotes_is_no_row_after_a_row_that_cannot_be_read() -> None:
    with pytest.raises(InvalidInputError, match="line 2: expected quotes that are closed"):
        read(f'User ID,Status Label,note\n"c-1"x,x,"hello\n{INNER}"\nc-9,x,\n')


def test_a_quote_that_is_never_closed_tells_what_was_lost() -> None:
    assert read('User ID,Status Label,note\nc-1,x,\nc-2,x,"hello\nc-3,x,\nc-4,x,\n') == [
        good(2, "c-1", "x"),
        BadRow(3, "expected quotes that are closed, got one that is not: nothing was read of lines 3 to 5"),
    ]
    with pytest.raises(InvalidInputError, match="line 3: expected quotes that are closed"):
        read('User ID,Status Label,note\nc-1,x,\nc-2,x,"hello\n' + "c-3,x,\n" * 20_000)


def test_a_quote_within_a_cell_is_a_character() -> None:
    assert read('User ID,Status Label\n5" pipe,x\n"say ""x""",x\n') == [
        good(2, '5" pipe', "x"),
        good(3, 'say "x"', "x"),
    ]


def test_lines_that_hold_several() -> None:
    rows = list(rows_of_csv(["User ID,Status Label\n", "c-1,x\nc-2,x\n", "c-3,x\n"], CUSTOMER_STATUS_IMPORT))
    assert bad_lines(rows) == [2]
    assert rows[1] == good(3, "c-3", "x")


def test_the_limit_of_the_csv_module_is_a_bad_row() -> None:
    before = csv.field_size_limit(100)
    try:
        rows = read(f'User ID,Status Label,note\nc-1,x,"{"n" * 101}"\nc-2,x,\n')
    finally:
        csv.field_size_limit(before)
    assert rows == [BadRow(2, rows[0].message), good(3, "c-2", "x")]
    assert "field larger than field limit" in rows[0].message


@pytest.mark.parametrize(
    "line", ["c-1,x,\n", '"c-1","x","n"\n', '"c-1","x","n\n"\n', "c" * 500 + "\n", "\n"], ids=by_kind
)
@pytest.mark.parametrize("opened", [False, True])
def test_memory_is_bounded_however_long_the_file_is(line: str, opened: bool) -> None:
    def lines() -> Iterator[str]:
        yield "User ID,Status Label,note\n"
        yield 'c-0,x,"\n' if opened else "\n"
        yield from repeat(line, 50_000)

    before = csv.field_size_limit(2**31 - 1)  # as others in the process may have set it
    tracemalloc.start()
    try:
        with suppress(InvalidInputError):
            for _ in rows_of_csv(lines(), CUSTOMER_STATUS_IMPORT):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        csv.field_size_limit(before)
    assert peak < 4_000_000


awkward = st.sampled_from(
    [
        "c-1",
        "x",
        ",",
        ";",
        "\t",
        '"',
        '""',
        "\n",
        "\r\n",
        "\r",
        "\x00",
        "'",
        "'=",
        "=",
        " ",
        "\ufeff",
        "é",
        "\ud800",
        "User ID",
        "Status Label",
    ]
)


@some_examples
@given(st.lists(awkward, max_size=40).map("".join), st.booleans())
def test_any_file_is_read_or_refused(text: str, headed: bool) -> None:
    rows: list[Any] = []
    told = []
    try:
        rows.extend(rows_of_csv(lines_of("User ID,Status Label,note\n" * headed + text), CUSTOMER_STATUS_IMPORT))
    except InvalidInputError as error:
        told.append(str(error))
    numbers = [row.line for row in rows]
    assert numbers == sorted(set(numbers))
    told += [row.message for row in rows if isinstance(row, BadRow)]
    assert not [message for message in told if "é" in message]


plain = st.lists(
    st.lists(
        st.text(st.sampled_from(["c", "é", " ", "'", "=", ".", "\x00", "\x1f", "\u2028"]), max_size=4),
        min_size=2,
        max_size=5,
    ),
    max_size=8,
)


@some_examples
@given(plain, st.sampled_from([",", ";", "\t"]), st.booleans())
def test_with_quotes_or_without_it_is_the_same_file(rows: list[list[str]], delimiter: str, guarded: bool) -> None:
    header = ["User ID", "Mobile", "Status Label", "StoreCode"]
    quote: Callable[[str], str] = '"{}"'.format
    bare = "".join(delimiter.join(row) + "\n" for row in [header, *rows])
    quoted = "".join(delimiter.join(map(quote, row)) + "\n" for row in [header, *rows])
    assert read(bare, delimiter=delimiter, guarded=guarded) == read(quoted, delimiter=delimiter, guarded=guarded)


# What is written is read back


def filled(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return strategy.filter(lambda text: not text.isspace() and bool(text))


status_rows = st.builds(
    lambda who, mobile, email, target, reason, shop: StatusRow(
        0, who, tuple((k, v) for k, v in (("mobile", mobile), ("email", email)) if v), target, reason, shop
    ),
    filled(ids()),
    st.none() | filled(ids(256)),
    st.none() | filled(ids(256)),
    filled(ids(64)),
    st.none() | filled(texts()),
    st.none() | filled(ids()),
)


@some_examples
@given(st.lists(status_rows, max_size=8), st.sampled_from([",", ";", "\t"]))
def test_statuses_written_are_read_back(rows: list[StatusRow], delimiter: str) -> None:
    header = ["User ID", "Mobile", "Email", "Status Label", "Reason", "StoreCode"]
    cells = [
        [row.customer, dict(row.identifiers).get("mobile"), dict(row.identifiers).get("email"), *row[3:]]
        for row in rows
    ]
    text = "".join(as_csv(header, cells, delimiter=delimiter))
    from_csv = read(text)
    assert [row._replace(line=0) for row in from_csv] == rows
    editor = list(lines_of(text))
    assert all(row.line == 2 or editor[row.line - 2].endswith("\r\n") for row in from_csv)
    numbered = [row._replace(line=number) for number, row in enumerate(rows, 1)]
    assert list(rows_of([dict(zip(header, row, strict=True)) for row in cells], CUSTOMER_STATUS_IMPORT)) == numbered
    table = pa.table([pa.array(column, pa.string()) for column in zip(*cells, strict=True)] or [[]] * 6, header)
    assert list(rows_of_arrow(table, CUSTOMER_STATUS_IMPORT)) == numbered


@some_examples
@given(st.lists(st.tuples(filled(ids()), filled(ids()), moments(), st.none() | amounts(), st.sampled_from(Effect))))
def test_activities_written_are_read_back(rows: list[tuple[str, str, datetime, Decimal | None, Effect]]) -> None:
    header = ["Customer", "Kind", "Reference", "At", "Amount", "Effect"]
    expected = [
        ActivityRow(0, who, (), "transaction", reference, at.astimezone(UTC), amount, effect)
        for who, reference, at, amount, effect in rows
    ]
    cells = [
        (
            row.customer,
            row.kind,
            row.reference,
            row.at.isoformat(),
            None if row.amount is None else str(row.amount),
            row.effect.value,
        )
        for row in expected
    ]
    read_back = read("".join(as_csv(header, cells)), ACTIVITY_IMPORT)
    assert [row._replace(line=0) for row in read_back] == expected
    assert [str(row.amount) for row in read_back] == [str(row.amount) for row in expected]
    objects = [dict(zip(header, (*row[1:2], *row[3:7], row.effect.value), strict=True)) for row in expected]
    assert [row._replace(line=0) for row in rows_of(objects, ACTIVITY_IMPORT)] == expected


def test_the_apostrophe_of_a_spreadsheet() -> None:
    text = "User ID,Mobile,Status Label\n'+44,''=1,'x\n'c,,'@x\n\"+44\",+55,'x\n"
    assert read(text) == [
        StatusRow(2, "+44", (("mobile", "'=1"),), "'x", None, None),
        StatusRow(3, "'c", (), "@x", None, None),
        StatusRow(4, "+44", (("mobile", "+55"),), "'x", None, None),
    ]
    assert read(text, guarded=False) == [
        StatusRow(2, "'+44", (("mobile", "''=1"),), "'x", None, None),
        StatusRow(3, "'c", (), "'@x", None, None),
        StatusRow(4, "+44", (("mobile", "+55"),), "'x", None, None),
    ]


# Times and amounts


def moment(text: object, zone: tzinfo = UTC, **options: Any) -> Any:
    row = {"Customer": "c-1", "Kind": "transaction", "Reference": "r-1", "At": text}
    (found,) = rows_of([row], ACTIVITY_IMPORT, time_zone=zone, **options)
    return found.at if isinstance(found, ActivityRow) else found.message


@pytest.mark.parametrize(
    "text",
    [
        *("2024-07-01T12:30:00Z", "2024-07-01 12:30Z", "2024-07-01T12:30:00.000Z", "2024-07-01T13:30:00+01:00"),
        *("2024-07-01T13:30:00", "2024-07-01 13:30", "2024-07-01T13:30:00,000", "2024-07-01T18:00:00.000000+0530"),
        datetime(2024, 7, 1, 13, 30),
        datetime(2024, 7, 1, 14, 30, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_one_time_in_every_form(text: object) -> None:
    assert moment(text, LONDON) == datetime(2024, 7, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "01/07/2024",
            "20240701",
            "2024-W27-1",
            "2024-W27-1T12:00",
            "2024-7-1",
            "2024-13-01",
            "2024-07-01x13:30",
            "now",
        ),
        *(
            "2024-07-01T24:00",
            "2024-07-01T25:00",
            "٢٠٢٤-07-01",
            "1719837000",
            "2024-07-01T13:30:00Europe/London",
            "-" * 50_000,
        ),
        *("1969-12-31T23:59:59Z", "0001-01-01", date(2024, 7, 1), 45_474, 45_474.5),
        datetime(1969, 12, 31, tzinfo=UTC),
    ],
    ids=by_kind,
)
def test_a_time_that_is_none(text: object) -> None:
    message = moment(text, LONDON)
    assert message.startswith("At: expected ")
    assert len(message) < 200


def test_a_time_that_the_clock_leaves_out() -> None:
    assert moment("2024-03-31T00:59:59", LONDON) == datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC)
    gap = "At: expected a time that the clock of Europe/London shows, got one that it leaves out"
    assert moment("2024-03-31T01:00", LONDON) == moment("2024-03-31T01:59:59", LONDON, fold=0) == gap
    assert moment("2024-03-31T02:00", LONDON) == datetime(2024, 3, 31, 1, tzinfo=UTC)


def test_a_time_that_the_clock_shows_twice() -> None:
    assert moment("2024-10-27T00:59", LONDON) == datetime(2024, 10, 26, 23, 59, tzinfo=UTC)
    twice = (
        "At: expected a time that the clock of Europe/London shows once (give an offset), got one that it shows twice"
    )
    assert moment("2024-10-27T01:30", LONDON) == twice
    assert moment("2024-10-27T01:30", LONDON, fold=0) == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert moment("2024-10-27T01:30", LONDON, fold=1) == datetime(2024, 10, 27, 1, 30, tzinfo=UTC)
    assert moment("2024-10-27T01:30+00:00", LONDON) == datetime(2024, 10, 27, 1, 30, tzinfo=UTC)
    assert moment("2024-10-27T02:00", LONDON) == datetime(2024, 10, 27, 2, tzinfo=UTC)
    # What stands in the datetime itself is no answer: pandas and pyarrow leave it at 0.
    assert moment(datetime(2024, 10, 27, 1, 30, fold=1), LONDON) == twice


class Broken(tzinfo):
    def utcoffset(self, at: datetime | None) -> timedelta:
        raise RuntimeError("no such zone")

    def dst(self, at: datetime | None) -> None:
        return None

    def tzname(self, at: datetime | None) -> str:
        return "nowhere"


def test_a_time_zone_that_raises_or_is_none() -> None:
    assert (
        moment("2024-05-01T12:00", Broken())
        == "At: expected an aware datetime with a working time zone, got one that raises"
    )
    with pytest.raises(InvalidInputError, match="time_zone: expected a tzinfo"):
        rows_of([], ACTIVITY_IMPORT, time_zone="Europe/London")  # type: ignore[arg-type]
    for fold in (2, True, "0"):
        with pytest.raises(InvalidInputError, match="fold: expected 0, 1 or None"):
            rows_of_csv([], ACTIVITY_IMPORT, fold=fold)  # type: ignore[arg-type]


def amount(cell: object) -> Any:
    row = {"Customer": "c-1", "Kind": "k", "Reference": "r-1", "At": "2024-05-01", "Amount": cell}
    (found,) = rows_of([row], ACTIVITY_IMPORT)
    return found.amount if isinstance(found, ActivityRow) else found.message


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *(("12.50", "12.50"), ("-0.000001", "-0.000001"), ("+5", "5"), ("007", "7"), (".5", "0.5"), ("5.", "5")),
        *(
            ("1E+3", "1E+3"),
            ("9" * 18 + "." + "9" * 6, "9" * 18 + "." + "9" * 6),
            (" 5 ", "5"),
            (5, "5"),
            (Decimal("1.0"), "1.0"),
        ),
    ],
)
def test_amounts(cell: object, value: str) -> None:
    assert str(amount(cell)) == value


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "12,50",
            "1_000",
            "NaN",
            "sNaN",
            "Infinity",
            "1e400",
            "1e99999999999",
            "٣",
            "£5",
            "0x10",
            "1" * 19,
            "0." + "1" * 7,
            ".",
        ),
        *("9" * 50_000, 5.5, True, b"5", 10**5_000, Decimal("sNaN"), Decimal("NaN"), Decimal("1e19")),
    ],
    ids=by_kind,
)
def test_an_amount_that_is_none(cell: object) -> None:
    assert amount(cell).startswith("Amount: expected ")


@pytest.mark.parametrize("nothing", [None, "", " ", float("nan")])
def test_no_amount(nothing: object) -> None:
    assert amount(nothing) is None


def test_an_effect_that_is_none() -> None:
    row = {"Customer": "c-1", "Kind": "k", "Reference": "r-1", "At": "2024-05-01", "Effect": "OUTLIER"}
    assert list(rows_of([row], ACTIVITY_IMPORT)) == [
        BadRow(1, "Effect: expected one of allow, mark, block, or nothing, got text of 7 characters")
    ]


@pytest.mark.parametrize("lost", ["Kind", "Reference", "At"])
def test_an_activity_says_what_which_and_when(lost: str) -> None:
    row = {"Customer": "c-1", "Kind": "k", "Reference": "r-1", "At": "2024-05-01"} | {lost: ""}
    text = "".join(as_csv(list(row), [list(row.values())]))
    for rows in (rows_of([row], ACTIVITY_IMPORT), rows_of_csv(lines_of(text), ACTIVITY_IMPORT)):
        assert [each.message for each in rows] == [f"{lost}: expected something in every row, got nothing"]  # type: ignore[union-attr]


def test_an_activity_is_somebodys() -> None:
    rows = read("Customer,Mobile,Kind,Reference,At\n,,transaction,r-1,2024-05-01\n", ACTIVITY_IMPORT)
    assert rows == [BadRow(2, "Customer or Mobile: expected at least one of them, got nothing")]


# Mappings


def test_mappings_may_have_headers_of_their_own() -> None:
    mappings: list[Any] = [
        {"user id": "c-1", "Status Label": "x"},
        {"Status Label": "x", "Mobile": 447900000042, "Age": 4, "Reason": "late"},
        {"User ID": "c-3"},
        {},
        {"User ID": None, "name": ""},
        ["c-4", "x"],
        {"User ID": "c-5", "Status Label": "x", None: ["more"]},
        {"User ID": 1.0, "Status Label": "x"},
        {"User ID": True, "Status Label": "x"},
        {"User ID": float("nan"), "Mobile": 10**5_000, "Status Label": "x"},
        {"User ID": "c-9", "Status Label": b"x"},
    ]
    rows = rows_of(mappings, CUSTOMER_STATUS_IMPORT)
    assert rows.unused == ()
    read: list[Any] = list(rows)
    assert read[:2] == [good(1, "c-1", "x"), StatusRow(2, None, (("mobile", "447900000042"),), "x", "late", None)]
    assert bad_lines(read) == [3, 6, 7, 8, 9, 10, 11]
    assert "without 'Status Label'" in read[2].message
    assert read[5].message == "User ID: expected text or a whole number, got float"
    assert list(rows.unused) == ["Age"]


def test_a_csv_dictreader() -> None:
    rows = csv.DictReader(lines_of("\ufeffMobile,Status Label\n447900000042,x\n447900000043\n1,2,3\n"))
    first, second, third = rows_of(rows, CUSTOMER_STATUS_IMPORT)
    assert first == StatusRow(1, None, (("mobile", "447900000042"),), "x", None, None)
    assert bad_lines([second, third]) == [2, 3]


def test_more_kinds_of_headers_than_are_remembered() -> None:
    mappings = [{"User ID": f"c-{i}", "Status Label": "x", f"extra {i % 150}": "y"} for i in range(300)]
    rows = rows_of(mappings, CUSTOMER_STATUS_IMPORT)
    assert [row.customer for row in rows] == [f"c-{i}" for i in range(300)]  # type: ignore[union-attr]
    assert len(rows.unused) == 150


# Arrow


def status_table(rows: int = 3) -> Any:
    return pa.table(
        {
            "Mobile": [f"4479{i:08d}" for i in range(rows)],
            "note": list(range(rows)),
            "Status Label": ["Regular", None, "Lost phone"] * (rows // 3),
        }
    )


def expected_rows(rows: int = 3) -> list[Any]:
    return [
        BadRow(i + 1, "Status Label: expected something in every row, got nothing")
        if i % 3 == 1
        else StatusRow(i + 1, None, (("mobile", f"4479{i:08d}"),), "Lost phone" if i % 3 else "Regular", None, None)
        for i in range(rows)
    ]


class Stream:
    """Whatever hands out an Arrow stream."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def dictionary(table: Any) -> Any:
    return table.set_column(2, "Status Label", table.column(2).dictionary_encode())


@pytest.mark.parametrize(
    "source",
    [
        lambda table: table,
        lambda table: pa.concat_tables([table.slice(0, 5_000), table.slice(5_000, 0), table.slice(5_000)]),
        lambda table: table.combine_chunks().to_batches()[0],
        lambda table: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=7)),
        lambda table: table.cast(
            pa.schema([("Mobile", "large_string"), ("note", "float64"), ("Status Label", "string_view")])
        ),
        lambda table: table.set_column(0, "Mobile", table.column(0).cast("int64")),
        dictionary,
        Stream,
    ],
)
def test_every_arrow_table(source: Callable[[Any], Any]) -> None:
    read: Rows[StatusRow] = rows_of_arrow(source(status_table(9_000)), CUSTOMER_STATUS_IMPORT)
    assert read.unused == ("note",)
    assert list(read) == expected_rows(9_000)


def test_a_table_of_duckdb() -> None:
    duckdb: Any = import_module("duckdb")
    query = "SELECT 'c-' || i AS \"User ID\", 'x' AS \"Status Label\" FROM range(3) t(i)"
    with duckdb.connect() as connection:
        assert list(rows_of_arrow(connection.sql(query), CUSTOMER_STATUS_IMPORT)) == [
            good(1, "c-0", "x"),
            good(2, "c-1", "x"),
            good(3, "c-2", "x"),
        ]


@pytest.mark.parametrize(
    ("kind", "hour"),
    [
        (pa.timestamp("s"), 12),
        (pa.timestamp("ns"), 12),
        (pa.timestamp("us", "UTC"), 13),
        (pa.timestamp("ms", "America/New_York"), 13),
        (pa.string(), 12),
    ],
    ids=str,
)
def test_times_and_amounts_of_arrow(kind: Any, hour: int) -> None:
    at: Any = datetime(2024, 7, 1, 13, 30)
    table = pa.table(
        {
            "Customer": pa.array([42], "int64"),
            "Kind": ["transaction"],
            "Reference": pa.array([7], "uint8"),
            "At": pa.array([at.isoformat() if kind == pa.string() else at], kind),
            "Amount": pa.array([Decimal("12.50")], pa.decimal128(10, 2)),
        }
    )
    moment = datetime(2024, 7, 1, hour, 30, tzinfo=UTC)
    assert list(rows_of_arrow(table, ACTIVITY_IMPORT, time_zone=LONDON)) == [
        ActivityRow(1, "42", (), "transaction", "7", moment, Decimal("12.50"), Effect.ALLOW)
    ]


def test_a_day_is_no_time_of_arrow() -> None:
    at = pa.array([date(2024, 7, 1)])
    table = pa.table({"Customer": ["c"], "Kind": ["k"], "Reference": ["r"], "At": at})
    assert list(rows_of_arrow(table, ACTIVITY_IMPORT)) == [BadRow(1, "At: expected a time, got date")]


def test_arrow_columns_that_cannot_be_read() -> None:
    nanoseconds = pa.array([1_719_837_000_000_000_001], pa.timestamp("ns"))
    invalid = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"], pa.binary()).buffers())
    activity = {"Customer": ["c"], "Kind": ["k"], "Reference": ["r"], "At": nanoseconds}
    for table, shape, header in (
        (pa.table(activity), ACTIVITY_IMPORT, "At"),
        (pa.table({"User ID": invalid, "Status Label": ["x"]}), CUSTOMER_STATUS_IMPORT, "User ID"),
    ):
        with pytest.raises(InvalidInputError, match=f"{header}: expected a column of text, whole numbers, times"):
            list(rows_of_arrow(table, shape))


@pytest.mark.parametrize("cells", [[1.5], [True], [b"x"], [["x"]], [{"a": 1}], [date(2024, 1, 1)]])
def test_an_arrow_cell_of_another_kind(cells: list[Any]) -> None:
    table = pa.table({"User ID": cells, "Status Label": ["x"]})
    (row,) = rows_of_arrow(table, CUSTOMER_STATUS_IMPORT)
    assert row == BadRow(1, f"User ID: expected text or a whole number, got {type(cells[0]).__name__}")


@pytest.mark.parametrize("source", [None, [], "table", {"User ID": ["c-1"]}, pa.array(["x"])])
def test_what_is_no_arrow_table(source: object) -> None:
    with pytest.raises(InvalidInputError, match="source: expected a pyarrow Table"):
        rows_of_arrow(source, CUSTOMER_STATUS_IMPORT)


def test_an_arrow_header_twice_or_missing() -> None:
    with pytest.raises(InvalidInputError, match="'User ID' in columns 1 and 2"):
        rows_of_arrow(pa.table([["a"], ["b"], ["c"]], ["User ID", "USER ID", "Status Label"]), CUSTOMER_STATUS_IMPORT)
    with pytest.raises(InvalidInputError, match="without 'Status Label'"):
        rows_of_arrow(pa.table({"User ID": ["c"]}), CUSTOMER_STATUS_IMPORT)


def test_rows_are_made_as_they_are_asked_for() -> None:
    taken: list[int] = []

    def lines() -> Iterator[str]:
        yield "User ID,Status Label\n"
        for i in range(10):
            taken.append(i)
            yield f"c-{i},x\n"

    rows = iter(rows_of_csv(lines(), CUSTOMER_STATUS_IMPORT))
    assert taken == []
    assert [next(rows).line for _ in range(3)] == [2, 3, 4]
    assert taken == [0, 1, 2]
    assert list(chain(rows)) != []


def test_several_columns_of_one_type_and_one_that_is_required() -> None:
    shape = StatusShape(
        name="Cards",
        identifiers={"Phone": "mobile", "Card 1": "card", "Card 2": "card"},
        required="Phone",
        target="Label",
    )
    assert read("Card 2,Card 1,Label,Phone\nb,a,x,447\nb,a,x,\n", shape) == [
        StatusRow(2, None, (("mobile", "447"), ("card", "a"), ("card", "b")), "x", None, None),
        BadRow(3, "Phone: expected something in every row, got nothing"),
    ]
