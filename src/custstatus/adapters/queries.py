"""
What a store is asked to read beyond one account: frozen objects, so that the store's verbs need not multiply.

Every list is in a fixed order and paged by keyset: `after` is the `next` of the page before, at most `limit` items a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from attrs import Attribute, field, frozen

from custstatus.bounds import bounded, check_id, check_moment, check_text, kind_of
from custstatus.errors import InvalidInputError
from custstatus.values import Value

if TYPE_CHECKING:
    # Some are named in bases only, as text.
    from custstatus.adapters.protocol import StoredActivity  # noqa: F401
    from custstatus.records import Account, Entry, Standing  # noqa: F401

__all__ = [
    "MOST",
    "MOST_IDS",
    "Accounts",
    "Activities",
    "CustomerIds",
    "Customers",
    "Feed",
    "Listed",
    "Log",
    "Page",
    "Placed",
    "Query",
    "Tally",
]

S_co = TypeVar("S_co", covariant=True)
L_co = TypeVar("L_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)


@frozen(slots=False, repr=False)
class Listed(Value, Generic[S_co, L_co]):
    """One row of a list of customers."""

    customer: str
    standing: Standing[S_co, L_co]
    registered_at: datetime
    last_activity_at: datetime | None
    """The last activity that counts, UTC."""


@frozen(slots=False, repr=False)
class Tally(Value, Generic[S_co, L_co]):
    """How many accounts are at one place of a lifecycle."""

    status: S_co | None
    label: L_co | None
    accounts: int


@frozen(slots=False, repr=False)
class Page(Value, Generic[T_co]):
    """One page of a list; give `next` as `after` to get the following one."""

    items: tuple[T_co, ...]
    next: str | None = None

    def __iter__(self) -> Iterator[T_co]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


MOST = 10_000
"""The longest page."""
MOST_IDS = 100_000
"""The longest page of customer ids."""


def _check_flag(instance: object, attribute: Attribute[bool], value: bool) -> None:
    if type(value) is not bool:
        raise InvalidInputError(f"{type(instance).__name__}.{attribute.name}", "True or False", kind_of(value))


def _check_limit(instance: object, _: object, value: int) -> None:
    most = instance.most if isinstance(instance, Query) else MOST
    if type(value) is not int or not 1 <= value <= most:
        raise InvalidInputError(f"{type(instance).__name__}.limit", f"1 to {most}", kind_of(value))


class Query(Value, Generic[T_co]):
    """A list that a store is asked for, a page at a time, by what its rows are; `Store.page` answers them all."""

    __slots__ = ()

    most: ClassVar[int] = MOST
    """The longest page of it."""


_ID = bounded(check_id)
_OPTIONAL_ID = bounded(check_id, optional=True)
_CURSOR = bounded(check_text, 2_000, optional=True)


@frozen(kw_only=True, repr=False)
class Log(Query["Entry"]):
    """Entries, by version within a customer, else in the order in which the store wrote them."""

    org: str = field(validator=_ID)
    customer: str | None = field(default=None, validator=_OPTIONAL_ID)
    """None: the whole organisation."""
    lifecycle: str | None = field(default=None, validator=_OPTIONAL_ID)
    status: str | None = field(default=None, validator=_OPTIONAL_ID)
    """Entries that lead to it."""
    actor: str | None = field(default=None, validator=_OPTIONAL_ID)
    run: str | None = field(default=None, validator=_OPTIONAL_ID)
    """Entries of one bulk run; those of a whole organisation are in the order of the customers then."""
    since: datetime | None = field(default=None, validator=bounded(check_moment, optional=True))
    """Recorded at or after this time."""
    until: datetime | None = field(default=None, validator=bounded(check_moment, optional=True))
    """Recorded before this time."""
    newest_first: bool = field(default=False, validator=_check_flag)
    after: str | None = field(default=None, validator=_CURSOR)
    limit: int = field(default=100, validator=_check_limit)


@frozen(kw_only=True, repr=False)
class Placed(Value):
    """Accounts by where they are on one lifecycle, in the order of their customer ids; `Store.count` counts them."""

    org: str = field(validator=_ID)
    lifecycle: str = field(validator=_ID)
    statuses: frozenset[str | None] | None = None
    """Those of these statuses, None being unset; None for all."""
    without: frozenset[str] = frozenset()
    """Not those of these statuses; the unset stay."""
    label: str | None = field(default=None, validator=_OPTIONAL_ID)
    """Those under this label."""
    places: frozenset[str] | None = None
    """Those under these labels, or with these statuses where there is no label."""
    quiet_since: datetime | None = field(default=None, validator=bounded(check_moment, optional=True))
    """Those without an activity that counts at or after this time, registered before it."""
    active_since: datetime | None = field(default=None, validator=bounded(check_moment, optional=True))
    """Those with an activity that counts at or after this time."""
    grace_since: datetime | None = field(default=None, validator=bounded(check_moment, optional=True))
    """Not those whose status staff set at or after this time, unless by registering them."""
    exempt: frozenset[str] = field(default=frozenset(), repr=False)
    """Not these customers."""
    after: str | None = field(default=None, validator=_CURSOR)
    limit: int = field(default=100, validator=_check_limit)


@frozen(kw_only=True, repr=False)
class Customers(Placed, Query[Listed[str, str]]):
    """A list of them, each with its standing and times."""


@frozen(kw_only=True, repr=False)
class CustomerIds(Placed, Query[str]):
    """The same where only their ids are wanted, of which a page may hold ten times as many."""

    most: ClassVar[int] = MOST_IDS


@frozen(kw_only=True, repr=False)
class Activities(Query["StoredActivity"]):
    """Activities by time, ties by kind and reference; give a customer or a reference."""

    org: str = field(validator=_ID)
    customer: str | None = field(default=None, validator=_OPTIONAL_ID)
    reference: str | None = field(default=None, validator=_OPTIONAL_ID)
    newest_first: bool = field(default=True, validator=_check_flag)
    after: str | None = field(default=None, validator=_CURSOR)
    limit: int = field(default=100, validator=_check_limit)

    def __attrs_post_init__(self) -> None:
        if self.customer is None and self.reference is None:
            raise InvalidInputError("Activities", "a customer, a reference or both", "neither")


@frozen(kw_only=True, repr=False)
class Accounts(Query["Account"]):
    """Every account of an organisation, in the order of their customer ids."""

    org: str = field(validator=_ID)
    after: str | None = field(default=None, validator=_CURSOR)
    limit: int = field(default=500, validator=_check_limit)


@frozen(kw_only=True, repr=False)
class Feed(Value):
    """The entries of an organisation that follow a position, as a consumer is to see them; see `feeds`."""

    org: str = field(validator=_ID)
    after: str | None = field(default=None, validator=_CURSOR)
    """The position so far; None for the beginning."""
    limit: int = field(default=100, validator=_check_limit)
