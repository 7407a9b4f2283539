"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from custstatus import InvalidInputError

__all__ = ["MovableClock"]


class MovableClock:
    """
    A clock for tests: give it to a `StatusService`, and move it by hand.

    >>> from datetime import UTC, datetime, timedelta
    >>> clock = MovableClock(datetime(2024, 3, 1, tzinfo=UTC))
    >>> clock.advance(timedelta(days=1))
    datetime.datetime(2024, 3, 2, 0, 0, tzinfo=datetime.timezone.utc)
    >>> clock() == clock()
    True

    Raises:
        InvalidInputError: The start is naive.
    """

    def __init__(self, start: datetime = datetime(2024, 3, 1, 12, tzinfo=UTC)) -> None:
        if not isinstance(start, datetime) or start.utcoffset() is None:
            raise InvalidInputError("start", "an aware datetime", type(start).__name__)
        self._now = start

    def __call__(self) -> datetime:
        """The time that it shows."""
        return self._now

    def __repr__(self) -> str:
        return f"MovableClock({self._now.isoformat()})"

    def advance(self, period: timedelta) -> datetime:
        """Move it by a period (back, by a negative one, as clocks are) and say what it shows then."""
        self._now += period
        return self._now
