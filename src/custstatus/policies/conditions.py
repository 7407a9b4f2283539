"""
Conditions: what decides at run time, of one attempt, whether a rule applies.

A condition is a callable of the host's, so no analysis can see through it: every one says UNKNOWN, with its name, of what
depends on it. Whatever keeps it from being tested makes the rule apply, and the decision says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

from attrs import field, frozen

from custstatus import bounds
from custstatus.bounds import check_id, check_text, kind_of
from custstatus.errors import InvalidInputError
from custstatus.values import Value

__all__ = ["Absent", "Condition", "Tested"]

C = TypeVar("C")


class Absent:
    """Placeholder for a condition or policy whose code is not loaded, as the configuration was read from JSON."""

    def __call__(self, *_: object) -> NoReturn:
        raise LookupError("not loaded")


@frozen(repr=False)
class Condition(Value, Generic[C]):
    """
    A named test of a context that the host declares: an amount, a store, a time.

    >>> from decimal import Decimal
    >>> @frozen
    ... class Sale:
    ...     amount: Decimal
    >>> large = Condition("large_sale", Sale, lambda sale: sale.amount > 500)
    >>> large.test(Sale(Decimal(20))).held
    False
    >>> large.test(None)
    Tested(name='large_sale', held=True, failure='no context was given')
    """

    name: str
    """1 to 64 characters; one name means one condition in an organisation."""
    over: type[C]
    """The class of the context: a frozen attrs class, a frozen dataclass or a named tuple."""
    holds: Callable[[C], bool] = field(repr=False)
    """Whether the rule applies to an attempt."""
    why: str = ""
    """For staff: what it asks for."""

    def __attrs_post_init__(self) -> None:
        if "," in check_id("Condition.name", self.name, bounds.LABEL):
            raise InvalidInputError("Condition.name", "a name without a comma, which parts names", "one with")
        if not isinstance(self.over, type) or not self._is_frozen(self.over):
            raise InvalidInputError("Condition.over", "a frozen class", kind_of(self.over))
        if not callable(self.holds):
            raise InvalidInputError("Condition.holds", "a callable over the context", kind_of(self.holds))
        check_text("Condition.why", self.why)

    def _is_frozen(self, kind: type[Any]) -> bool:
        """Whether the values of a class cannot be changed: a named tuple, a frozen dataclass, or a frozen attrs class as this."""
        ours: object = type(self).__setattr__
        parameters = getattr(kind, "__dataclass_params__", None)
        return issubclass(kind, tuple) or getattr(parameters, "frozen", kind.__setattr__ is ours)

    @classmethod
    def absent(cls, name: str) -> Condition[Any]:
        """A condition of which the name alone is known: the rule applies."""
        return Condition(name, tuple, Absent())

    def test(self, context: object) -> Tested:
        """Whether it holds of a context; it counts as holding where that cannot be said."""
        if isinstance(self.holds, Absent):
            return Tested(self.name, True, "its code is not loaded")
        if context is None:
            return Tested(self.name, True, "no context was given")
        if not isinstance(context, self.over):
            return Tested(self.name, True, f"it asks for {self.over.__name__}, not {type(context).__name__}")
        try:
            held = self.holds(context)
        except (
            Exception
        ) as error:  # whatever a host's callable raises; its text may hold personal data, its kind does not
            return Tested(self.name, True, f"it raised {type(error).__name__}")
        if not isinstance(held, bool):
            return Tested(self.name, True, f"it answered {type(held).__name__}, not bool")
        return Tested(self.name, held)


class Tested(NamedTuple):
    """What came of testing a condition."""

    name: str
    held: bool
    failure: str | None = None
    """Why it could not be said, and so counts as holding."""
