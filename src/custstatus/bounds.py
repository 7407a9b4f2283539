"""
The bounds of every value that comes from outside, in code points; checked before any store sees it.

Ids, actors, references and keys have 1 to 128 characters, labels 64, identifiers 256, reasons 1,000. None holds a
NUL or a lone surrogate (one engine or another chokes on them), ids no control character. Times are aware, from 1970
to 9999, and UTC inside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from custstatus.errors import InvalidInputError

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = [
    "EPOCH",
    "ID",
    "IDENTIFIER",
    "LABEL",
    "LATEST",
    "TEXT",
    "bounded",
    "check_amount",
    "check_id",
    "check_moment",
    "check_on_rows",
    "check_text",
    "kind_of",
    "micros",
    "moment",
]

ID = 128
LABEL = 64
IDENTIFIER = 256
TEXT = 1_000

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

_MICROSECOND = timedelta(microseconds=1)

_CONTROL_OR_SURROGATE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NUL_OR_SURROGATE = re.compile("[\x00\ud800-\udfff]")


def kind_of(value: object) -> str:
    """What kind of thing a value is, without saying what it holds."""
    return f"text of {len(value)} characters" if isinstance(value, str) else type(value).__name__


def check_id(field: str, value: object, most: int = ID) -> str:
    """A text of 1 to *most* characters without control characters; InvalidInputError otherwise."""
    if type(value) is str and 0 < len(value) <= most and value.isprintable():
        return value
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise InvalidInputError(field, f"text of 1 to {most} characters", kind_of(value))
    if _CONTROL_OR_SURROGATE.search(value):
        raise InvalidInputError(field, "text without control characters or lone surrogates", "text with some")
    return str.__str__(value)  # of an enum of text, its text


def check_text(field: str, value: object, most: int = TEXT) -> str:
    """A text of up to *most* characters without NUL or lone surrogates; InvalidInputError otherwise."""
    if not isinstance(value, str) or len(value) > most:
        raise InvalidInputError(field, f"text of up to {most} characters", kind_of(value))
    if not value.isprintable() and _NUL_OR_SURROGATE.search(value):
        raise InvalidInputError(field, "text without NUL or lone surrogates", "text with some")
    return str.__str__(value)  # of an enum of text, its text


def check_moment(field: str, value: object) -> datetime:
    """An aware time between 1970 and 9999, in UTC; InvalidInputError otherwise."""
    if not isinstance(value, datetime):
        raise InvalidInputError(field, "an aware datetime", kind_of(value))
    if value.tzinfo is UTC:
        if value >= EPOCH:
            return value
    else:
        try:
            offset = value.utcoffset()
        except Exception as error:  # a host's own tzinfo may raise anything
            raise InvalidInputError(field, "an aware datetime with a working time zone", "one that raises") from error
        if offset is None:
            raise InvalidInputError(field, "an aware datetime (give it a tzinfo)", "a naive one")
        # Subtracted by hand: astimezone raises OverflowError at both ends of the calendar.
        moment = value.replace(tzinfo=UTC) - EPOCH - offset
        if timedelta(0) <= moment <= LATEST - EPOCH:
            return EPOCH + moment
    raise InvalidInputError(field, "a time between 1970 and 9999, in UTC", "one outside")


def check_on_rows(on_rows: object) -> None:
    """InvalidInputError unless it is None or callable."""
    if on_rows is not None and not callable(on_rows):
        raise InvalidInputError("on_rows", "a callable taking a sequence of rows", kind_of(on_rows))


def check_amount(field: str, value: object) -> Decimal:
    """A finite Decimal of up to 18 digits before the point and 6 after it; InvalidInputError otherwise."""
    expected = "a Decimal of up to 18 digits before the point and 6 after it"
    if not isinstance(value, Decimal):
        raise InvalidInputError(field, expected, kind_of(value))
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or not -6 <= exponent <= 18 or len(digits) + exponent > 18:
        raise InvalidInputError(field, expected, "one outside")
    return value


def bounded(
    check: Callable[..., object], most: int | None = None, *, optional: bool = False
) -> Callable[[Any, Attribute[Any], Any], None]:
    """A check as an attrs validator, its field named `Class.field`."""

    def validate(instance: object, attribute: Attribute[Any], value: object) -> None:
        if value is None and optional:
            return
        name = f"{type(instance).__name__}.{attribute.name}"
        check(name, value) if most is None else check(name, value, most)

    return validate


def micros(at: datetime) -> int:
    """Microseconds since 1970, UTC."""
    return (at - EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    """The UTC time of so many microseconds since 1970."""
    return EPOCH + _MICROSECOND * micros  # multiplied, as its constructor takes half as long again
