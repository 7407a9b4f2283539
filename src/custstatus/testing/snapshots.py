"""What an organisation's accounts come to, as plain values that can be compared whole, whichever store they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any, TypeVar

from attrs import evolve, fields, has

from custstatus import CuststatusError, Decision, Entry, Page
from custstatus.adapters import Accounts, Activities, Customers, Log, Store

__all__ = ["answer", "everything", "in_order", "plain", "snapshot"]

Q = TypeVar("Q", Log, Customers, Activities, Accounts)
T = TypeVar("T")

_FEW = 3
"""Small pages, so that reading everything turns many of them."""


_ATOMS = frozenset({str, int, bool, bytes, type(None)})


def plain(value: object) -> Any:
    """
    A value as nested tuples, every field of it, those included that its own equality passes over.

    Times compare with their time zone, amounts with their digits; of a page the items and whether another follows.
    """
    kind: Any = type(value)
    if kind in _ATOMS:
        return value
    if isinstance(value, Decision):
        return "Decision", value.verdict, plain(value.account), value.config
    if isinstance(value, Page):
        return "Page", plain(value.items), value.next is not None
    if isinstance(value, (tuple, list)):
        return tuple([plain(each) for each in value])
    names = _field_names(kind)
    if names is not None:
        return kind.__name__, *[plain(getattr(value, name)) for name in names]
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, (set, frozenset)):
        return frozenset(map(plain, value))
    return value


@cache
def _field_names(kind: Any) -> tuple[str, ...] | None:
    return tuple(each.name for each in fields(kind)) if has(kind) else None


def answer(ask: Callable[..., object], *arguments: object) -> tuple[object, ...]:
    """What a call answers, or the error of this library that it raises, with all that the error carries; others pass."""
    try:
        return "answered", plain(ask(*arguments))
    except CuststatusError as error:
        return "raised", type(error).__name__, plain(error.args)


def everything(read: Callable[[Q], Page[T]], query: Q) -> Iterator[T]:
    """Every item of a list, page by page."""
    page = read(query)
    yield from page
    while page.next is not None:
        page = read(evolve(query, after=page.next))
        yield from page


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """An organisation's entries as they came, those that a run wrote in one go by customer: there a store has a choice."""
    ordered: list[Entry] = []
    for (run, _), group in groupby(entries, lambda entry: (entry.run, entry.recorded_at)):
        several = list(group)
        ordered += several if run is None else sorted(several, key=lambda entry: (entry.customer, entry.version))
    return ordered


def snapshot(store: Store, org: str, lifecycles: tuple[str, ...]) -> dict[str, Any]:
    """All that a store holds of an organisation, read by every verb that reads."""
    accounts = list(everything(store.page, Accounts(org=org, limit=_FEW)))
    names = [account.customer for account in accounts]
    held = {name: store.identifiers(org, name) for name in names}
    return {
        "accounts": plain(accounts),
        "loaded": {name: plain(store.load(org, name)) for name in names},
        "log": plain(in_order(everything(store.page, Log(org=org, limit=_FEW)))),
        "histories": {
            name: plain(list(everything(store.page, Log(org=org, customer=name, limit=_FEW)))) for name in names
        },
        "identifiers": plain(held),
        "found": {
            each.token: store.find_all(org, (each.token,)).get(each.token)
            for tokens in held.values()
            for each in tokens
        },
        "activities": {
            name: plain(list(everything(store.page, Activities(org=org, customer=name, limit=_FEW)))) for name in names
        },
        "listed": {
            lifecycle: plain(list(everything(store.page, Customers(org=org, lifecycle=lifecycle, limit=_FEW))))
            for lifecycle in lifecycles
        },
        "tallies": {lifecycle: plain(store.tally(org, lifecycle)) for lifecycle in lifecycles},
    }
