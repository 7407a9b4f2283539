"""The codec: values as plain data and JSON, and JSON read strictly."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from organisation import ACME, AGENT, START, Label, in_memory, some_examples

from custstatus import (
    CUSTOMER_STATUS,
    Action,
    Activity,
    Actor,
    Channel,
    CustomerStatus,
    IdleRule,
    InvalidInputError,
)
from custstatus.config.codec import canonical_json, from_json, to_data, utc_text


class TestTimes:
    @some_examples
    @given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))
    def test_a_time_is_rfc_3339_text_that_reads_back_as_the_same(self, moment: datetime) -> None:
        text = utc_text(moment)
        assert text.endswith("Z")
        assert datetime.fromisoformat(text) == moment

    def test_microseconds_are_there_where_there_are_any(self) -> None:
        assert utc_text(datetime(2017, 1, 1, 11, 53, 26, tzinfo=UTC)) == "2017-01-01T11:53:26Z"
        assert utc_text(datetime(2017, 1, 1, 11, 53, 26, 5, tzinfo=UTC)) == "2017-01-01T11:53:26.000005Z"


@frozen
class Form:
    """A form to be read."""

    name: str
    number: int
    flag: bool
    maybe: str | None


GOOD = {"name": "n", "number": 1, "flag": True, "maybe": None}


class TestPlainData:
    def test_words_become_their_values(self) -> None:
        assert [to_data(word) for word in (CustomerStatus.ACTIVE, Action.LOGIN, Channel.API)] == [
            "active",
            "login",
            "api",
        ]

    def test_times_amounts_periods_and_bytes_become_text_and_numbers(self) -> None:
        assert to_data(START) == "2024-01-01T09:00:00Z"
        assert to_data(Decimal("12.50")) == "12.50"
        assert to_data(timedelta(seconds=1, microseconds=1)) == 1_000_001
        assert to_data(b"\x00\xff") == "00ff"

    def test_sets_come_in_order(self) -> None:
        assert to_data(frozenset({Action.RETURN, Action.LOGIN, Action.OFFERS})) == ["login", "offers", "return"]

    def test_an_activity_is_plain(self) -> None:
        activity = Activity("c", Action.TRANSACTION, "r", START, Decimal("9.99"))
        assert json.loads(canonical_json(activity)) == {
            "customer": "c",
            "kind": "transaction",
            "reference": "r",
            "at": "2024-01-01T09:00:00Z",
            "amount": "9.99",
            "effect": "allow",
        }

    def test_what_a_change_wrote_is_plain(self) -> None:
        world = in_memory(ACME)
        world.desk.register("c")
        (entry,) = world.desk.change("c", Label.ABROAD, reason="travels").entries
        data = json.loads(canonical_json(entry))
        assert (data["kind"], data["to_label"], data["reason"]) == ("moved", "Abroad", "travels")
        assert json.loads(canonical_json(world.service.account("c")))["version"] == 3
        assert json.loads(canonical_json(world.desk.preview("c", Label.PROVEN, reason="r")))["customer"] == "c"

    def test_a_label_is_its_text_alone_and_in_whatever_holds_one(self) -> None:
        world = in_memory(ACME)
        world.desk.register("c")
        assert canonical_json(Label.ABROAD) == '"Abroad"'
        standing = json.loads(canonical_json(world.service.standing("c", CUSTOMER_STATUS)))
        assert (standing["status"], standing["label"]) == ("active", "Regular")
        assert json.loads(canonical_json(IdleRule(timedelta(days=1), Label.DORMANT)))["to"] == "Dormant"

    def test_canonical_json_is_one_text(self) -> None:
        assert canonical_json({"b": "é", "a": [1, None]}) == '{"a":[1,null],"b":"é"}'


class TestReading:
    def test_what_was_written_is_read(self) -> None:
        form = Form("n", 1, True, None)
        assert from_json(Form, canonical_json(form), "form") == form
        assert from_json(Form, json.dumps(GOOD | {"maybe": "m"}), "form").maybe == "m"

    @pytest.mark.parametrize(
        "changed",
        [
            {"name": 5},
            {"name": None},
            {"number": "1"},
            {"number": 1.0},
            {"number": True},
            {"flag": 1},
            {"flag": "true"},
            {"maybe": 5},
            {"more": 1},
        ],
    )
    def test_nothing_is_coerced_and_nothing_passed_over(self, changed: dict[str, Any]) -> None:
        with pytest.raises(InvalidInputError) as refused:
            from_json(Form, json.dumps(GOOD | changed), "form")
        assert refused.value.field == "form"
        assert refused.value.__cause__ is not None

    @pytest.mark.parametrize("name", list(GOOD))
    def test_nothing_may_be_missing(self, name: str) -> None:
        with pytest.raises(InvalidInputError):
            from_json(Form, json.dumps({key: value for key, value in GOOD.items() if key != name}), "form")

    @some_examples
    @given(st.text(max_size=30) | st.binary(max_size=30))
    def test_no_other_error_comes_out(self, text: Any) -> None:
        with pytest.raises(InvalidInputError):
            from_json(Form, text, "form")

    def test_the_error_names_the_form_and_not_what_came(self) -> None:
        with pytest.raises(InvalidInputError) as refused:
            from_json(Form, '{"name": "secret"}', "form")
        assert "secret" not in str(refused.value)


def test_the_name_of_an_actor_is_part_of_his_data() -> None:
    # Whoever writes entries out for others decides about names and reasons; reprs keep them, data does not.
    assert to_data(Actor("a", name="Ada")) == {"id": "a", "kind": "person", "name": "Ada"}
    assert to_data(AGENT)["name"] == "Ada Agent"
