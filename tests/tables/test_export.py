"""Exports: what the tables hold, what they leave out, and CSV that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from organisation import Label, some_examples

from custstatus.adapters.queries import Listed
from custstatus.errors import InvalidInputError
from custstatus.records import Account, Actor, ActorKind, Entry, EntryKind, RequestedBy, Standing
from custstatus.states import CustomerStatus, Membership
from custstatus.tables.csv import rows_of, rows_of_csv
from custstatus.tables.export import as_columns, as_csv, history_table, import_table, listed_table, standings_table
from custstatus.tables.shapes import CUSTOMER_STATUS_IMPORT, StatusRow
from custstatus.testing.strategies import ids

pa: Any = import_module("pyarrow")

BEGUN = datetime(2024, 1, 1, 9, tzinfo=UTC)
SINCE = datetime(2024, 5, 1, 13, 30, 0, 250_000, tzinfo=UTC)
AGENT = Actor("agent-7", ActorKind.PERSON, "Ann Example")


def standing(lifecycle: str, status: Any, label: Any = None) -> Standing[Any, Any]:
    return Standing(lifecycle, status, label, SINCE, SINCE - timedelta(days=1), AGENT, 2)


def account(*standings: Standing[Any, Any], customer: str = "c-42", closed: datetime | None = None) -> Account:
    return Account("acme", customer, 2, BEGUN, closed, standings)


def suspended(customer: str) -> Account:
    return account(standing("customer_status", "suspended", "Lost phone"), customer=customer)


def test_where_accounts_stand() -> None:
    table = standings_table(
        [
            account(standing("customer_status", "suspended", "Lost phone"), standing("membership", "enrolled")),
            account(standing("customer_status", None), customer="c-43", closed=SINCE),
        ],
        ["customer_status", "membership"],
    )
    assert table.header == (
        *("customer", "registered", "closed", "customer_status", "customer_status_label", "customer_status_since"),
        *("membership", "membership_since", "membership_shopper_status", "membership_loyalty_member"),
    )
    since, begun = "2024-05-01T13:30:00.250000Z", "2024-01-01T09:00:00Z"
    assert list(table.rows) == [
        ("c-42", begun, None, "suspended", "Lost phone", since, "enrolled", since, "A", "1"),
        ("c-43", begun, since, None, None, None, None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("status", "codes"),
    [
        (Membership.ACTIVE, ("A", "0")),
        (Membership.ENROLLED, ("A", "1")),
        (Membership.UNENROLLED, ("I", "0")),
        (Membership.ON_HOLD, ("I", "1")),
        (Membership.MERGED, ("I", "0")),
    ],
)
def test_membership_by_the_codes_of_its_product(status: Membership, codes: tuple[str, str]) -> None:  # D77, D71
    (row,) = standings_table([account(standing("membership", status.value))], ["membership"]).rows
    assert row[3] == status.value
    assert row[5:] == codes


def test_a_status_of_membership_that_is_not_ours() -> None:
    (row,) = standings_table([account(standing("membership", "paused"))], ["membership"]).rows
    assert row[3:] == ("paused", "2024-05-01T13:30:00.250000Z", None, None)


def test_a_list_of_customers_in_an_organisations_own_words() -> None:
    where = standing("customer_status", CustomerStatus.SUSPENDED, Label.LOST_PHONE)
    table = listed_table([Listed("c-42", where, BEGUN, None)], "customer_status")
    assert table.header[2:] == ("last_activity", "customer_status", "customer_status_label", "customer_status_since")
    assert list(table.rows) == [
        ("c-42", "2024-01-01T09:00:00Z", None, "suspended", "Lost phone", "2024-05-01T13:30:00.250000Z")
    ]


@pytest.mark.parametrize("lifecycles", [["a", "a"], [""], ["a\n"]])
def test_lifecycles_that_are_none(lifecycles: list[str]) -> None:
    with pytest.raises(InvalidInputError, match="lifecycles"):
        standings_table([], lifecycles)


ENTRY = Entry(
    *("acme", "c-42", 2, EntryKind.MOVED, "customer_status", "active", "Regular", "suspended", "Lost phone"),
    *(SINCE, SINCE, AGENT, RequestedBy.CUSTOMER, "member_care", "0f" * 32),
    reason="lost it on the train",
    key="req-17",
    run="run-1",
)


def test_a_history_without_free_text_unless_it_is_asked_for() -> None:
    header, rows = history_table([ENTRY]).header, list(history_table([ENTRY]).rows)
    row = dict(zip(header, rows[0], strict=True))
    assert "reason" not in row
    assert "Ann Example" not in row.values()
    assert ENTRY.reason not in row.values()
    assert row["customer"] == "c-42"
    assert (row["from_label"], row["to_label"], row["to_status"]) == ("Regular", "Lost phone", "suspended")
    assert (row["actor"], row["actor_kind"], row["requested_by"], row["run"]) == (
        "agent-7",
        "person",
        "customer",
        "run-1",
    )
    assert row["effective_at"] == "2024-05-01T13:30:00.250000Z"
    asked = history_table([ENTRY, evolve(ENTRY, reason=None, closes=True)], reasons=True)
    assert asked.header == (*header, "reason")
    first, second = asked.rows
    assert first == (*rows[0], "lost it on the train")
    assert (second[asked.header.index("closes")], second[-1]) == ("true", None)


def test_every_field_of_an_entry_is_a_column_or_left_out_for_a_reason() -> None:
    left_out = {"org", "reason", "reason_digest", "digest", "return_to", "ordinal"}
    fields = {field.name for field in Entry.__attrs_attrs__}
    assert set(history_table([]).header) - {"actor_kind"} == fields - left_out


@some_examples
@given(
    st.lists(ids().filter(lambda text: not text.isspace())), st.none() | ids().filter(lambda text: not text.isspace())
)
def test_what_is_exported_can_be_imported(customers: list[str], shop: str | None) -> None:
    table = import_table(map(suspended, customers), shop=shop)
    text = "".join(as_csv(table.header, table.rows))
    read = list(rows_of_csv(io.StringIO(text, newline=""), CUSTOMER_STATUS_IMPORT))
    assert read == [
        StatusRow(line, customer, (), "Lost phone", None, shop) for line, customer in enumerate(customers, 2)
    ]


def test_the_status_stands_in_for_a_label_and_the_unset_are_left_out() -> None:
    accounts = [
        account(standing("customer_status", "internal")),
        account(standing("customer_status", None), customer="c-43"),
        account(standing("membership", "enrolled"), customer="c-44"),
    ]
    table = import_table(accounts, customer="External ID")
    assert table.header == ("External ID", "Status Label", "StoreCode")
    assert list(table.rows) == [("c-42", "internal", None)]


@pytest.mark.parametrize("wrong", [{"customer": "Status Label"}, {"customer": ""}, {"shop": "a\nb"}, {"shop": ""}])
def test_a_product_table_that_could_not_be_read_back(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        import_table([], **wrong)


FORMULA = tuple("=+-@\t\r\n＝＋－＠")
cells = st.none() | st.text(
    st.sampled_from([*FORMULA, "'", '"', ",", ";", " ", "a", "1", "\x00", "\u2028", "é", "\ufeff"]), max_size=6
)


@some_examples
@given(st.lists(st.tuples(cells, cells, cells)), st.sampled_from([",", ";", "\t", "|"]))
def test_no_cell_begins_as_a_formula_does_and_none_is_lost(rows: list[tuple[str | None, ...]], delimiter: str) -> None:
    text = "".join(as_csv(["=a", "b", "c"], rows, delimiter=delimiter))
    header, *read = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    assert header == ["'=a", "b", "c"]
    assert not [cell for row in read for cell in row if cell.startswith(FORMULA)]
    undone = [tuple(cell[1:] if cell.lstrip("'").startswith(FORMULA) else cell for cell in row) for row in read]
    assert undone == [tuple("" if cell is None else cell for cell in row) for row in rows]


def test_csv_as_the_standard_has_it() -> None:
    assert list(as_csv(["a", "b"], [(None, 'say "no", now'), ("+44", "'+44")])) == [
        "a,b\r\n",
        ',"say ""no"", now"\r\n',
        "'+44,''+44\r\n",
    ]


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "'", "\n", "\r", " ", "é", None])
def test_a_delimiter_that_is_none(delimiter: Any) -> None:
    with pytest.raises(InvalidInputError, match="delimiter"):
        as_csv(["a"], [], delimiter=delimiter)


@pytest.mark.parametrize("write", [as_csv, as_columns])
@pytest.mark.parametrize("row", [("x",), ("x", "y", "z")])
def test_a_row_that_is_not_as_long_as_the_header(write: Any, row: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInputError, match=f"row 2: expected 2 cells, as in the header, got {len(row)}"):
        list(write(["a", "b"], [("x", None), row]))


def test_columns_for_arrow() -> None:
    table = import_table(map(suspended, ["+44", "c-43"]))
    columns = as_columns(table.header, table.rows)
    assert columns == {
        "User ID": ["+44", "c-43"],
        "Status Label": ["Lost phone", "Lost phone"],
        "StoreCode": [None, None],
    }
    assert list(rows_of(pa.table(columns).to_pylist(), CUSTOMER_STATUS_IMPORT)) == [
        StatusRow(1, "+44", (), "Lost phone", None, None),
        StatusRow(2, "c-43", (), "Lost phone", None, None),
    ]
    assert as_columns(["a"], []) == {"a": []}
    with pytest.raises(InvalidInputError, match="header: expected every header once"):
        as_columns(["a", "a"], [])
