"""What every part of the contract has: the one method that a host writes, and how a store is opened and written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from attrs import evolve

from custstatus import Account, Applied, Page, Plan
from custstatus.adapters import Accounts, Activities, CustomerIds, Customers, Log, Store
from custstatus.testing.drafts import registration

__all__ = ["Contract"]

Q = TypeVar("Q", Log, Customers, CustomerIds, Activities, Accounts)
T = TypeVar("T")


class Contract:
    """A part of the contract of stores."""

    def make_store(self) -> Store:
        """An empty store, apart from every other one; the tests close it."""
        raise NotImplementedError("say how a store of yours is made: override make_store")

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """A store, for as long as a test takes."""
        store = self.make_store()
        try:
            yield store
        finally:
            store.close()

    def written(self, store: Store, *plans: Plan) -> Account:
        """Commit plans, each of which must be written; the account of the last one."""
        for plan in plans:
            got = store.commit(plan)
            assert isinstance(got, Applied), f"not written: {plan}, found {got}"
        account = store.load(plans[-1].accounts[0].org, plans[-1].accounts[0].customer)
        assert account is not None, "what was committed is not there"
        return account

    def registered(self, store: Store, *customers: str, org: str = "acme") -> Account:
        """Register customers in ACTIVE under the label Regular; the last one's account."""
        return self.written(store, *(registration(customer, org=org) for customer in customers))

    def paged(self, read: Callable[[Q], Page[T]], query: Q) -> list[T]:
        """
        A whole list, read in pages of every length up to one more than it has: each time the same, in the same order, no
        page longer than asked for, none empty but the only one, and a `next` wherever something follows, and nowhere else.
        """
        (*whole,) = read(evolve(query, limit=10_000)).items
        for limit in range(1, len(whole) + 2):
            items: list[T] = []
            page = read(evolve(query, limit=limit))
            while True:
                assert len(page.items) == min(limit, len(whole) - len(items)), f"limit {limit}: {page} after {items}"
                items += page.items
                follows = len(items) < len(whole)
                assert (page.next is not None) is follows, f"limit {limit}: next {page.next!r}, {follows=}"
                if page.next is None:
                    break
                page = read(evolve(query, limit=limit, after=page.next))
            assert items == whole, f"limit {limit}: {items}, not {whole}"
        return whole
