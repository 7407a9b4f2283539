"""Closing: a store that was closed answers nothing any more, and says so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from custstatus import (
    Accounts,
    Activities,
    ActivityBatch,
    Customers,
    Each,
    Feed,
    GuardedSet,
    Log,
    Store,
    StoreClosedError,
)
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import ORG, bought, guarded, mobile, move, registration, step

__all__ = ["ClosingContract"]


class ClosingContract(Contract):
    """The verb `close`."""

    def uses(self, store: Store) -> dict[str, Callable[[], object]]:
        """Every verb but `close`, on customers that are there and on others that are not."""
        account = self.written(store, registration("c-1", adds=[mobile("1")]))
        store.keep_config(ORG, "h-1", "{}")
        return {
            "load": lambda: store.load(ORG, "c-1"),
            "load nobody": lambda: store.load(ORG, "nobody"),
            "load of another organisation": lambda: store.load("others", "c-1"),
            "read": lambda: store.read(guarded("c-1", step("suspended"), key="k-1")),
            "apply": lambda: store.apply(guarded("c-1", step("suspended"))),
            "apply to nobody": lambda: store.apply(guarded("nobody", step("suspended"))),
            "apply a registration": lambda: store.apply(registration("c-2").guarded),
            "commit": lambda: store.commit(move(account, "suspended")),
            "commit a registration": lambda: store.commit(registration("c-2")),
            "apply_set": lambda: store.apply_set(GuardedSet(guarded("", step("suspended"), run="r-1"), (Each("c-1"),))),
            "apply_set only read": lambda: store.apply_set(
                GuardedSet(guarded("", step("suspended"), run="r-1"), (Each("nobody"),), only_read=True)
            ),
            "find": lambda: store.find(ORG, "1"),
            "find_all": lambda: store.find_all(ORG, ("1", "2")),
            "identifiers": lambda: store.identifiers(ORG, "c-1"),
            "log": lambda: store.log(Log(org=ORG)),
            "log of one": lambda: store.log(Log(org=ORG, customer="c-1")),
            "customers": lambda: store.customers(Customers(org=ORG, lifecycle="customer_status")),
            "customer_ids": lambda: store.customer_ids(Customers(org=ORG, lifecycle="customer_status")),
            "count": lambda: store.count(Customers(org=ORG, lifecycle="customer_status")),
            "accounts": lambda: store.accounts(Accounts(org=ORG)),
            "tally": lambda: store.tally(ORG, "customer_status"),
            "record": lambda: store.record(ActivityBatch(ORG, (bought("c-1", "r-1"),))),
            "record nothing": lambda: store.record(ActivityBatch(ORG, ())),
            "activities": lambda: store.activities(Activities(org=ORG, customer="c-1")),
            "feed": lambda: store.feed(Feed(org=ORG)),
            "lag": lambda: store.lag(ORG, None),
            "position": lambda: store.position(ORG, "mirror"),
            "keep_position": lambda: store.keep_position(ORG, "mirror", None),
            "keep_config": lambda: store.keep_config(ORG, "h-2", "{}"),
            "keep_config again": lambda: store.keep_config(ORG, "h-1", "{}"),
            "config": lambda: store.config(ORG, "h-1"),
            "organisations": lambda: store.organisations(),
        }

    def test_every_verb_says_that_it_is_closed(self) -> None:
        with self.opened() as store:
            uses = self.uses(store)
            store.close()
            for verb, use in uses.items():
                assert _closed(use), f"{verb} answered, though the store is closed"

    def test_to_every_thread(self) -> None:
        with self.opened() as store, ThreadPoolExecutor(1) as before, ThreadPoolExecutor(1) as afterwards:
            uses = self.uses(store)
            before.submit(uses["load"]).result()
            store.close()
            for verb, use in uses.items():
                assert before.submit(_closed, use).result(), f"{verb} answered a thread that had used the store before"
                assert afterwards.submit(_closed, use).result(), f"{verb} answered a thread that had not"

    def test_closing_again_does_nothing(self) -> None:
        with self.opened() as store:
            uses = self.uses(store)
            store.close()
            store.close()
            assert _closed(uses["load"])

    def test_closing_one_leaves_others_open(self) -> None:
        with self.opened() as one, self.opened() as other:
            self.registered(other, "c-1")
            one.close()
            assert other.load(ORG, "c-1") is not None


def _closed(use: Callable[[], object]) -> bool:
    """Whether a use is answered with StoreClosedError; other errors pass."""
    try:
        use()
    except StoreClosedError:
        return True
    return False
