"""
Strategies of values that nothing accepts: each is answered with InvalidInputError, whatever the store.

All of it is drawn from lists, not at random, so that every kind comes up in few examples; the lists may be gone through whole.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from hypothesis import strategies as st

from custstatus.testing.strategies.values import ID, TEXT

__all__ = [
    "BAD_CURSORS",
    "BAD_LIMITS",
    "BAD_MOMENTS",
    "BAD_VERSIONS",
    "bad_cursors",
    "bad_ids",
    "bad_limits",
    "bad_moments",
    "bad_texts",
    "bad_versions",
    "every_bad_id",
    "every_bad_text",
]

_NO_TEXT: tuple[object, ...] = (5, 0, -1, 5.0, True, b"c-1", b"5", bytearray(b"5"), (), [], {}, object, UTC)
_UNSTORABLE = ("\x00", "a\x00", "\x00a", "\ud800", "a\udfff", "\udc80b", "\udfff\ud800")
_CONTROL = ("\n", "a\nb", "\t", "\x1f", "a\x1fb", "\x7f", "\x80", "\u2028", "\u2029", "\x1b[2J", "\r\n")


class BrokenZone(tzinfo):
    """A time zone of a host's own that raises when it is asked."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        raise ZeroDivisionError

    def dst(self, _: datetime | None) -> timedelta:
        raise ZeroDivisionError

    def tzname(self, _: datetime | None) -> str:
        return "broken"


class OddZone(BrokenZone):
    """A time zone of a host's own that answers what is no offset."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        return "+01:00"  # type: ignore[return-value]


class UndecidedZone(BrokenZone):
    """A time zone that does not know: what carries it is naive, though it has a tzinfo."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        return None  # type: ignore[return-value]


_EAST, _WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))

BAD_MOMENTS: tuple[object, ...] = (
    datetime(2024, 3, 1),  # noqa: DTZ001
    datetime.min,  # noqa: DTZ901
    datetime.max,  # noqa: DTZ901
    datetime(2024, 3, 1, tzinfo=BrokenZone()),
    datetime(2024, 3, 1, tzinfo=OddZone()),
    datetime(2024, 3, 1, tzinfo=UndecidedZone()),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1970, 1, 1, 13, 59, tzinfo=_EAST),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=_EAST),
    datetime(1, 1, 1, tzinfo=_WEST),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=_WEST),
    date(2024, 3, 1),
    "2024-03-01T00:00:00Z",
    1_709_251_200,
    1_709_251_200.0,
    timedelta(0),
)
"""No times between 1970 and 9999: naive, out of range (if only by their offset), or no times at all."""

BAD_VERSIONS: tuple[object, ...] = (0, -1, -(2**63), 2**63, 10**40, True, 1.0, "1", b"1", (), float("nan"))
"""No versions of an account."""

BAD_LIMITS: tuple[object, ...] = (0, -1, 10_001, 2**63, 10**40, True, 1.0, "1", None, ())
"""No lengths of a page."""

BAD_CURSORS: tuple[object, ...] = (*_UNSTORABLE, *(value for value in _NO_TEXT if value is not None), "x" * 10_000)
"""What can be the end of no page of any list; a list may refuse more."""


def every_bad_id(most: int = ID) -> tuple[object, ...]:
    """No ids of up to so many characters."""
    return ("", "x" * (most + 1), "😀" * (most + 1), "x" * 10_000, *_UNSTORABLE, *_CONTROL, *_NO_TEXT)


def every_bad_text(most: int = TEXT) -> tuple[object, ...]:
    """No free text of up to so many characters."""
    return ("x" * (most + 1), "😀" * (most + 1), *_UNSTORABLE, *_NO_TEXT)


def bad_ids(most: int = ID) -> st.SearchStrategy[object]:
    """What is no id of up to so many characters; None is not among it, as where an id may be left out."""
    return _drawn(every_bad_id(most))


def bad_texts(most: int = TEXT) -> st.SearchStrategy[object]:
    """What is no free text of up to so many characters."""
    return _drawn(every_bad_text(most))


def bad_moments() -> st.SearchStrategy[object]:
    """What is no time between 1970 and 9999."""
    return _drawn(BAD_MOMENTS)


def bad_versions() -> st.SearchStrategy[object]:
    """What is no version of an account."""
    return _drawn(BAD_VERSIONS)


def bad_limits() -> st.SearchStrategy[object]:
    """What is no length of a page."""
    return _drawn(BAD_LIMITS)


def bad_cursors() -> st.SearchStrategy[object]:
    """What can be the end of no page."""
    return _drawn(BAD_CURSORS)


def _drawn(values: tuple[object, ...]) -> st.SearchStrategy[object]:
    """One of them, by its place: some of them raise when they are hashed."""
    return st.sampled_from(range(len(values))).map(values.__getitem__)
