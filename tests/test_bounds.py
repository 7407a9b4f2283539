"""Bounds: what comes from outside is checked, named by its field, and never repeated in an error."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from organisation import some_examples

from custstatus.bounds import (
    EPOCH,
    ID,
    LATEST,
    TEXT,
    check_amount,
    check_id,
    check_moment,
    check_text,
    kind_of,
)
from custstatus.errors import InvalidInputError

any_text = st.text(st.characters(exclude_categories=()), max_size=ID + 2)
hard_text = st.text(st.sampled_from("aé😀 \x00\n\x1f\x7f\x85\u200b\u2028\ud800\udfff"), max_size=8)


def control_or_surrogate(character: str) -> bool:
    """What no id may hold, by the standard: control characters, line and paragraph separators, lone surrogates."""
    code = ord(character)
    return code < 0x20 or 0x7F <= code < 0xA0 or code in (0x2028, 0x2029) or 0xD800 <= code <= 0xDFFF


class TestIds:
    @some_examples
    @given(any_text | hard_text)
    def test_an_id_is_1_to_128_code_points_without_control_characters(self, text: str) -> None:
        if 0 < len(text) <= ID and not any(map(control_or_surrogate, text)):
            assert check_id("customer", text) == text
        else:
            with pytest.raises(InvalidInputError) as refused:
                check_id("customer", text)
            assert refused.value.field == "customer"

    @pytest.mark.parametrize("character", ["a", "é", "😀", " ", "\u0301", "\u200b"])
    def test_length_is_counted_in_code_points(self, character: str) -> None:
        assert check_id("key", character * ID) == character * ID
        with pytest.raises(InvalidInputError, match="key: expected text of 1 to 128 characters, got text of 129"):
            check_id("key", character * (ID + 1))

    @pytest.mark.parametrize("value", [None, 5, True, b"c-1", ["c-1"], 1.5])
    def test_only_text_is_an_id(self, value: object) -> None:
        with pytest.raises(InvalidInputError) as refused:
            check_id("customer", value)
        assert refused.value.came == type(value).__name__

    def test_text_is_exact_neither_trimmed_nor_folded(self) -> None:
        for text in (" c ", "C", "Ａ", "e\u0301"):
            assert check_id("customer", text) == text

    def test_text_of_a_subclass_comes_back_as_the_plain_text_that_it_is(self) -> None:
        class Known(str, Enum):  # noqa: UP042
            FIRST = "c-1"

        assert check_id("customer", Known.FIRST) == "c-1"
        assert type(check_id("customer", Known.FIRST)) is str


class TestTexts:
    @some_examples
    @given(any_text | hard_text)
    def test_free_text_holds_anything_but_nul_and_lone_surrogates(self, text: str) -> None:
        if "\x00" in text or any(0xD800 <= ord(character) <= 0xDFFF for character in text):
            with pytest.raises(InvalidInputError, match="reason: expected text without NUL or lone surrogates"):
                check_text("reason", text)
        else:
            assert check_text("reason", text) == text

    def test_free_text_may_be_empty_and_has_up_to_1000_code_points(self) -> None:
        assert check_text("reason", "") == ""
        assert check_text("reason", "😀" * TEXT) == "😀" * TEXT
        with pytest.raises(InvalidInputError, match="text of up to 1000 characters, got text of 1001 characters"):
            check_text("reason", "x" * (TEXT + 1))

    @pytest.mark.parametrize("value", [None, 5, b"reason"])
    def test_only_text_is_text(self, value: object) -> None:
        with pytest.raises(InvalidInputError):
            check_text("reason", value)


class Nowhere(tzinfo):
    """A time zone that says nothing."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return None

    def dst(self, _: datetime | None) -> timedelta | None:
        return None

    def tzname(self, _: datetime | None) -> str | None:
        return None


class Broken(Nowhere):
    """A host's own time zone that does not work."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        raise RuntimeError("no such zone")


offsets = st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda minutes: timezone(timedelta(minutes=minutes)))


class TestMoments:
    @some_examples
    @given(st.datetimes(timezones=offsets))
    def test_an_aware_time_between_1970_and_9999_becomes_the_same_instant_in_utc(self, moment: datetime) -> None:
        # Compared by hand: both ends of the calendar overflow on conversion.
        since_epoch = moment.replace(tzinfo=UTC) - EPOCH - (moment.utcoffset() or timedelta())
        if timedelta(0) <= since_epoch <= LATEST - EPOCH:
            checked = check_moment("at", moment)
            assert checked.tzinfo is UTC
            assert checked - EPOCH == since_epoch
        else:
            with pytest.raises(InvalidInputError, match="at: expected a time between 1970 and 9999"):
                check_moment("at", moment)

    def test_the_bounds_themselves_are_within(self) -> None:
        assert check_moment("at", EPOCH) == EPOCH
        assert check_moment("at", LATEST) == LATEST
        with pytest.raises(InvalidInputError):
            check_moment("at", EPOCH - timedelta(microseconds=1))

    @pytest.mark.parametrize(
        "moment",
        [
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
            datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
            datetime.min.replace(tzinfo=UTC),
        ],
    )
    def test_the_ends_of_the_calendar_are_refused_not_overflowed(self, moment: datetime) -> None:
        with pytest.raises(InvalidInputError, match="between 1970 and 9999"):
            check_moment("at", moment)

    @pytest.mark.parametrize("zone", [None, Nowhere()])
    def test_a_naive_time_is_refused_with_what_to_do(self, zone: tzinfo | None) -> None:
        # D55: a given time must carry a zone.
        with pytest.raises(InvalidInputError, match="give it a tzinfo"):
            check_moment("at", datetime(2024, 1, 1, tzinfo=zone))

    def test_a_zone_that_raises_is_refused_and_its_error_kept_as_the_cause(self) -> None:
        with pytest.raises(InvalidInputError, match="a working time zone") as refused:
            check_moment("at", datetime(2024, 1, 1, tzinfo=Broken()))
        assert isinstance(refused.value.__cause__, RuntimeError)

    @pytest.mark.parametrize("value", [None, 0, "2024-01-01T00:00:00Z", date(2024, 1, 1)])
    def test_only_a_datetime_is_a_time(self, value: object) -> None:
        with pytest.raises(InvalidInputError, match="at: expected an aware datetime"):
            check_moment("at", value)

    def test_both_sides_of_a_repeated_hour_stay_apart(self) -> None:
        berlin = ZoneInfo("Europe/Berlin")
        first, second = (datetime(2024, 10, 27, 2, 30, tzinfo=berlin, fold=fold) for fold in (0, 1))
        assert check_moment("at", second) - check_moment("at", first) == timedelta(hours=1)


class TestAmounts:
    @some_examples
    @given(st.integers(-(10**24) + 1, 10**24 - 1), st.integers(0, 6))
    def test_18_digits_before_the_point_and_6_after_it_are_within(self, digits: int, places: int) -> None:
        amount = Decimal(digits).scaleb(-places) if abs(digits) < 10 ** (18 + places) else Decimal(digits % 10**18)
        assert check_amount("amount", amount) is amount

    @pytest.mark.parametrize(
        "text", ["NaN", "sNaN", "Infinity", "-Infinity", "1E18", "1E+400", "0.0000001", "1000000000000000000", "1E-7"]
    )
    def test_what_is_beyond_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInputError, match="amount: expected a Decimal of up to 18 digits"):
            check_amount("amount", Decimal(text))

    @pytest.mark.parametrize("value", [1, 1.5, "1.50", None])
    def test_only_a_decimal_is_an_amount(self, value: object) -> None:
        with pytest.raises(InvalidInputError, match=f"got {kind_of(value)}"):
            check_amount("amount", value)


class TestKinds:
    @some_examples
    @given(st.text(min_size=1))
    def test_the_kind_of_a_text_is_its_length_alone(self, text: str) -> None:
        assert kind_of(text) == f"text of {len(text)} characters"

    @pytest.mark.parametrize("value", [None, 5, b"secret", {"secret": "secret"}, Decimal(42)])
    def test_the_kind_of_anything_else_is_its_type(self, value: Any) -> None:
        assert kind_of(value) == type(value).__name__
