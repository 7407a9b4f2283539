"""Shapes: headers find their columns, whatever their form, and a table that lacks one is told which."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from organisation import some_examples

from custstatus.errors import InvalidInputError
from custstatus.tables.shapes import (
    ACTIVITY_IMPORT,
    CUSTOMER_STATUS_IMPORT,
    FRAUD_STATUS_IMPORT,
    ActivityShape,
    Layout,
    Part,
    Shape,
    StatusShape,
)

SHIPPED: list[Shape[Any]] = [CUSTOMER_STATUS_IMPORT, FRAUD_STATUS_IMPORT, ACTIVITY_IMPORT]


def found(layout: Layout) -> dict[str, int]:
    """Where each column is, by its header."""
    return {column.header: place for place, column in layout.places}


def test_the_products_headers() -> None:
    layout = CUSTOMER_STATUS_IMPORT.layout(["Mobile", "External ID", "Status Label", "StoreCode"])
    assert found(layout) == {"Mobile": 0, "External ID": 1, "Status Label": 2, "StoreCode": 3}
    assert layout.unused == ()
    layout = FRAUD_STATUS_IMPORT.layout(["Mobile", "Status", "Reason", "StoreCode"])
    assert found(layout) == {"Mobile": 0, "Status": 1, "Reason": 2, "StoreCode": 3}


@pytest.mark.parametrize(
    ("header", "kind"),
    [("Mobile", "mobile"), ("External ID", "external_id"), ("Email", "email"), ("User ID", None), ("Customer", None)],
)
def test_one_column_that_says_of_whom_is_enough(header: str, kind: str | None) -> None:
    ((_, column), _) = CUSTOMER_STATUS_IMPORT.layout([header, "Status Label"]).places
    assert column.type == kind
    assert column.part is (Part.CUSTOMER if kind is None else Part.IDENTIFIER)


@pytest.mark.parametrize("lost", ["Status", "Reason", "StoreCode"])
def test_a_fraud_update_needs_value_reason_and_store(lost: str) -> None:  # D50
    header = [each for each in ("Mobile", "Status", "Reason", "StoreCode") if each != lost]
    with pytest.raises(InvalidInputError) as refused:
        FRAUD_STATUS_IMPORT.layout(header)
    assert refused.value.came == f"a header without {lost!r}"


def test_a_fraud_update_needs_an_identifier() -> None:  # D50
    with pytest.raises(
        InvalidInputError, match="without one of 'User ID', 'Customer', 'Mobile', 'External ID', 'Email'"
    ):
        FRAUD_STATUS_IMPORT.layout(["Status", "Reason", "StoreCode"])


def test_everything_that_is_missing_is_told_and_what_was_expected() -> None:
    with pytest.raises(InvalidInputError) as refused:
        ACTIVITY_IMPORT.layout(["At", "+447900000042"])
    assert str(refused.value) == (
        "table: expected the columns of 'Activity Import': User ID, Customer, Mobile, External ID, Email, Kind, Reference, At, "
        "Amount, Effect, got a header without one of 'User ID', 'Customer', 'Mobile', 'External ID', 'Email' and 'Kind' and "
        "'Reference'"
    )


@some_examples
@given(st.data())
def test_case_order_and_white_space_do_not_matter(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHIPPED))
    customer = {"User ID", "Customer"}
    header = [column.header for column in shape.columns if column.header not in customer] + ["note", "", " "]
    header = list(data.draw(st.permutations(header)))
    space = st.text(" \t\u00a0", max_size=2)
    written = [
        data.draw(space) + data.draw(st.sampled_from([str.upper, str.lower, str.title]))(each) + data.draw(space)
        for each in header
    ]
    if data.draw(st.booleans()):
        written[0] = "\ufeff" + written[0]
    layout = shape.layout(written)
    assert {name: header[place] for name, place in found(layout).items()} == {name: name for name in found(layout)}
    assert set(found(layout)) == set(header) - {"note", "", " "}
    assert [each.lower() for each in layout.unused] == ["note"]
    assert layout.width == len(header)


@pytest.mark.parametrize(
    ("header", "came"),
    [
        (["Mobile", "Status Label", "MOBILE "], "'Mobile' in columns 1 and 3"),
        (["Mobile", "Status Label", "\ufeffmobile"], "'Mobile' in columns 1 and 3"),
        (["Mobile", "Status Label", "+447900000042", "+447900000042"], "one header in columns 3 and 4"),
        (["User ID", "Status Label", "Customer"], "'Customer' and 'User ID'"),
    ],
)
def test_a_header_twice(header: list[str], came: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        CUSTOMER_STATUS_IMPORT.layout(header)
    assert refused.value.came == came


def test_headers_are_text() -> None:
    with pytest.raises(InvalidInputError, match="column 2 of the table: expected a header of text, got NoneType"):
        CUSTOMER_STATUS_IMPORT.layout(["Mobile", None])


def test_a_shape_of_a_host() -> None:
    shape = StatusShape(
        name="Cards",
        identifiers={"Card 1": "card", "Card 2": "card", "Phone": "mobile"},
        required="Phone",
        target="Label",
    )
    assert [(column.header, column.part, column.type, column.required) for column in shape.columns] == [
        ("Card 1", Part.IDENTIFIER, "card", False),
        ("Card 2", Part.IDENTIFIER, "card", False),
        ("Phone", Part.IDENTIFIER, "mobile", True),
        ("Label", Part.TARGET, None, True),
    ]
    with pytest.raises(InvalidInputError, match="without 'Phone'"):
        shape.layout(["Card 1", "Label"])
    assert hash(shape) == hash(
        StatusShape(
            name="Cards",
            identifiers=[("Card 1", "card"), ("Card 2", "card"), ("Phone", "mobile")],
            required=["Phone"],
            target="Label",
        )
    )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "StatusShape"),
        ({"customer": "Id", "target": "id "}, "StatusShape"),
        ({"customer": "Id", "identifiers": {"ID": "mobile"}}, "StatusShape"),
        ({"customer": "Id", "reason": " "}, "StatusShape"),
        ({"customer": ""}, "StatusShape header"),
        ({"customer": "Id", "shop": "a\x00b"}, "StatusShape header"),
        ({"identifiers": {"Phone": ""}}, "StatusShape.identifiers"),
        ({"identifiers": {"Phone": "x" * 65}}, "StatusShape.identifiers"),
        ({"customer": "Id", "required": ["Reason"]}, "StatusShape.required"),
        ({"customer": "Id", "name": ""}, "StatusShape.name"),
    ],
)
def test_a_shape_that_does_not_hold_together(wrong: dict[str, Any], field: str) -> None:
    given = {"name": "Mine", "target": "Label", **wrong}
    with pytest.raises(InvalidInputError) as refused:
        StatusShape(**given)
    assert refused.value.field == field


def test_an_activity_needs_what_which_and_when() -> None:
    shape = ActivityShape(name="Tills", customer="Id", kind="What", reference="Receipt", at="When")
    assert {column.header for column in shape.columns if column.required} == {"What", "Receipt", "When"}
