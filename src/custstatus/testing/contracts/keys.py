"""Keys: what a key has written once, nothing writes again under it in the same organisation."""

from __future__ import annotations

from custstatus import Plan
from custstatus.adapters import Log, Snapshot, Store
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import ORG, holding, mobile, registration, together, transition
from custstatus.testing.snapshots import plain

__all__ = ["KeyContract"]


class KeyContract(Contract):
    """What `commit` does with keys: unique by organisation, key and ordinal."""

    def used(self, store: Store, plan: Plan) -> Snapshot:
        """Commit a plan whose key has written before: nothing is written, and what the key wrote is answered."""
        entries = plain(store.page(Log(org=plan.prepared.org)))
        got = store.commit(plan)
        assert isinstance(got, Snapshot), f"written, though its key is used: {plan}"
        assert got.prior, f"not told what the key had written: {got}"
        assert plain(store.page(Log(org=plan.prepared.org))) == entries
        return got

    def test_a_key_writes_once(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            plan = transition(account, "suspended", key="k-1")
            account = self.written(store, plan)
            assert plain(self.used(store, plan).prior) == plain(plan.entries)
            again = transition(account, "active", "Regular", key="k-1")
            assert plain(self.used(store, again).prior) == plain(plan.entries)
            assert plain(self.used(store, again).account) == plain(account)

    def test_a_key_is_one_for_all_customers(self) -> None:
        with self.opened() as store:
            one, other = self.registered(store, "c-1"), self.registered(store, "c-2")
            self.written(store, transition(one, "suspended", key="k-1"))
            found = self.used(store, transition(other, "suspended", key="k-1"))
            assert [entry.customer for entry in found.prior] == ["c-1"]
            self.used(store, registration("c-3", key="k-1"))
            assert store.load(ORG, "c-3") is None

    def test_a_key_is_one_for_all_operations(self) -> None:
        with self.opened() as store:
            account = self.written(store, registration("c-1", key="k-1", adds=[mobile("1")]))
            self.used(store, transition(account, "suspended", key="k-1"))
            self.used(store, holding(account, [mobile("2")], key="k-1"))
            self.used(store, together(transition(account, "suspended", key="k-1"), registration("c-2")))
            assert store.find_all(ORG, ("2",)).get("2") is None
            assert plain(store.load(ORG, "c-1")) == plain(account)

    def test_a_key_is_one_for_all_statuses_and_lifecycles(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            plan = transition(account, "fraud_suspected", key="k-1")
            account = self.written(store, plan)
            # Also where a status of another lifecycle is stored by the same value.
            for status, lifecycle in (
                ("suspended", "customer_status"),
                ("enrolled", "membership"),
                ("fraud_suspected", "membership"),
            ):
                found = self.used(store, transition(account, status, lifecycle=lifecycle, key="k-1"))
                assert plain(found.prior) == plain(plan.entries)

    def test_a_refused_key_is_not_used(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            stale = account
            account = self.written(store, transition(account, "suspended"))
            assert isinstance(store.commit(transition(stale, "internal", key="k-1")), Snapshot)
            self.written(store, transition(account, "active", "Regular", key="k-1"))

    def test_without_a_key_anything_is_written_again(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            for label in ("Trending", "Regular", "Trending", "Regular"):
                account = self.written(store, transition(account, "active", label))
            assert account.version == 6

    def test_keys_are_exact(self) -> None:
        keys = (
            "k",
            "K",
            "k ",
            " k",
            "k1",
            "ｋ",
            "é",
            "e\u0301",
            "k" * 128,
            "😀" * 128,
            "%",
            "_",
            "'; --",
            "NULL",
            "0",
            "00",
        )
        with self.opened() as store:
            account = self.registered(store, "c-1")
            for number, key in enumerate(keys):
                account = self.written(store, transition(account, "active", f"{number}", key=key))
            for number, key in enumerate(keys):
                found = self.used(store, transition(account, "active", "Regular", key=key))
                assert [(entry.key, entry.to_label) for entry in found.prior] == [(key, f"{number}")]
