"""Limits on what a sweep may do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from attrs import field, frozen

from custstatus.bounds import check_id, kind_of
from custstatus.errors import InvalidInputError
from custstatus.values import Value

__all__ = ["NO_LIMITS", "SweepLimits"]


def _customers(customers: Iterable[str]) -> frozenset[str]:
    if isinstance(customers, str) or not isinstance(customers, Iterable):
        raise InvalidInputError("SweepLimits.exempt", "several customers", kind_of(customers))
    return frozenset(check_id("SweepLimits.exempt", customer) for customer in customers)


@frozen(repr=False)
class SweepLimits(Value):
    """Limits on what a sweep may do."""

    most: int | None = None
    """The most customers a sweep may move; if there are more, it moves none."""
    share: float | None = None
    """Likewise as a share, 0 to 1, of the customers who are not DELETED."""
    grace: timedelta | None = None
    """Skip customers whose status staff set within this period (registration does not count)."""
    exempt: frozenset[str] = field(default=frozenset(), converter=_customers, repr=False)
    """Customers that are never moved; they still come back."""

    def __attrs_post_init__(self) -> None:
        if self.most is not None and (type(self.most) is not int or self.most < 0):
            raise InvalidInputError("SweepLimits.most", "0 or more", kind_of(self.most))
        if self.share is not None and not (type(self.share) in (int, float) and 0 <= self.share <= 1):
            raise InvalidInputError("SweepLimits.share", "0 to 1", kind_of(self.share))
        if self.grace is not None and not (isinstance(self.grace, timedelta) and self.grace > timedelta(0)):
            raise InvalidInputError("SweepLimits.grace", "a timedelta of more than none", kind_of(self.grace))


NO_LIMITS = SweepLimits()
"""No limits."""
