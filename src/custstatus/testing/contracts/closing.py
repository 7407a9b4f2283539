"""Closing: a store that was closed answers nothing any more, and says so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from custstatus.adapters import (
    Accounts,
    Activities,
    ActivityBatch,
    CustomerIds,
    Customers,
    Feed,
    Log,
    PreparedSet,
    SetRow,
    Store,
)
from custstatus.errors import StoreClosedError
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import ORG, bought, mobile, prepared, registration, step, transition

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
            "read": lambda: store.read(prepared("c-1", step("suspended"), key="k-1")),
            "apply": lambda: store.apply(prepared("c-1", step("suspended"))),
            "apply to nobody": lambda: store.apply(prepared("nobody", step("suspended"))),
            "apply a registration": lambda: store.apply(registration("c-2").prepared),
            "commit": lambda: store.commit(transition(account, "suspended")),
            "commit a registration": lambda: store.commit(registration("c-2")),
            "apply_set": lambda: store.apply_set(
                PreparedSet(prepared("", step("suspended"), run="r-1"), (SetRow("c-1"),))
            ),
            "apply_set only read": lambda: store.apply_set(
                PreparedSet(prepared("", step("suspended"), run="r-1"), (SetRow("nobody"),), preview=True)
            ),
            "find_all": lambda: store.find_all(ORG, ("1", "2")),
            "find_all of one": lambda: store.find_all(ORG, ("1",)),
            "identifiers": lambda: store.identifiers(ORG, "c-1"),
            "page of a log": lambda: store.page(Log(org=ORG)),
            "page of one's log": lambda: store.page(Log(org=ORG, customer="c-1")),
            "page of customers": lambda: store.page(Customers(org=ORG, lifecycle="customer_status")),
            "page of ids": lambda: store.page(CustomerIds(org=ORG, lifecycle="customer_status")),
            "count": lambda: store.count(Customers(org=ORG, lifecycle="customer_status")),
            "page of accounts": lambda: store.page(Accounts(org=ORG)),
            "tally": lambda: store.tally(ORG, "customer_status"),
            "record": lambda: store.record(ActivityBatch(ORG, (bought("c-1", "r-1"),))),
            "record nothing": lambda: store.record(ActivityBatch(ORG, ())),
            "page of activities": lambda: store.page(Activities(org=ORG, customer="c-1")),
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
