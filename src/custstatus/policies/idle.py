"""Idle rules: after how long without an activity that counts a customer is put where."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from attrs import field, frozen

from custstatus.bounds import kind_of
from custstatus.errors import InvalidInputError
from custstatus.records import StatusLabel
from custstatus.states import CustomerStatus
from custstatus.values import Value

__all__ = ["IdleRule"]


def _places(places: Iterable[CustomerStatus | StatusLabel] | None) -> frozenset[CustomerStatus | StatusLabel] | None:
    return None if places is None else frozenset(places)


@frozen(repr=False)
class IdleRule(Value):
    """
    A customer whose last activity lies further back than the period goes to the target (D60 to D64).

    One exactly at the limit counts as active (D61). It touches ACTIVE only, whatever the transition table allows (D63).
    """

    after: timedelta
    """The period, more than none."""
    to: CustomerStatus | StatusLabel
    """A label of ACTIVE, left again at the next purchase, or DELETED for the long inactive (D64)."""
    of: frozenset[CustomerStatus | StatusLabel] | None = field(default=None, converter=_places)
    """The labels of ACTIVE that it touches; None: all but the targets of this rule and of those of longer periods."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.after, timedelta) or self.after <= timedelta(0):
            raise InvalidInputError("IdleRule.after", "a timedelta of more than none", kind_of(self.after))
        if not isinstance(self.to, CustomerStatus | StatusLabel):
            raise InvalidInputError("IdleRule.to", "a label, or a customer status", kind_of(self.to))
