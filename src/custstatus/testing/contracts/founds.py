"""What stands there: `read` answers all that concerns a change, from one moment."""

from __future__ import annotations

from datetime import timedelta

from custstatus.adapters import ActivityBatch, Store
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import ORG, T0, bought, mobile, prepared, registration, step, transition
from custstatus.testing.snapshots import plain

__all__ = ["FoundContract"]

_DAY = timedelta(days=1)


class FoundContract(Contract):
    """The verb `read`."""

    def aside(self, store: Store) -> None:
        """A customer who is set aside on two lifecycles, twice on one of them."""
        account = self.written(store, registration("c-1", adds=[mobile("1")], key="k-1", reason="new"))
        account = self.written(store, transition(account, "enrolled", lifecycle="membership"))
        account = self.written(store, transition(account, "fraud_suspected", "Suspected", return_to=2, reason="odd"))
        account = self.written(store, transition(account, "on_hold", lifecycle="membership", return_to=4))
        self.written(store, transition(account, "pending_deletion", "Pending", return_to=5))

    def test_nothing_stands_there(self) -> None:
        with self.opened() as store:
            found = store.read(prepared("c-1", step("active"), key="k-1", adds=(mobile("1"),), quiet_since=T0))
            assert found.account is None
            assert found.prior == ()
            assert found.origins == ()
            assert dict(found.holders) == {}
            assert found.last_activity_at is None

    def test_the_account_as_it_is_loaded(self) -> None:
        with self.opened() as store:
            self.aside(store)
            change = prepared("c-1", step("active"))
            assert plain(store.read(change).account) == plain(store.load(ORG, "c-1"))
            assert store.read(change).account is not None

    def test_the_entries_that_the_key_has_written(self) -> None:
        with self.opened() as store:
            self.aside(store)
            found = store.read(prepared("c-1", step("active"), key="k-1"))
            assert [(entry.version, entry.ordinal, entry.reason) for entry in found.prior] == [
                (1, 0, "new"),
                (2, 1, "new"),
                (3, 2, "new"),
            ]
            assert plain(store.read(prepared("c-9", step("active"), key="k-1")).prior) == plain(found.prior)
            assert store.read(prepared("c-1", step("active"), key="k-2")).prior == ()
            assert store.read(prepared("c-1", step("active"))).prior == ()

    def test_the_entries_that_the_run_has_written_of_the_customer_on_the_lifecycles(self) -> None:  # D103
        with self.opened() as store:
            account = self.registered(store, "c-1", "c-2")
            account = self.written(store, transition(account, "suspended", run="r-1", reason="first"))
            account = self.written(store, transition(account, "active", "Regular", run="r-1"))
            account = self.written(store, transition(account, "enrolled", lifecycle="membership", run="r-1"))
            self.written(store, transition(account, "suspended", run="r-2"))
            status, membership = step("suspended"), step("active", lifecycle="membership")
            versions = {}
            for name, change in {
                "status": prepared("c-2", status, run="r-1"),
                "membership": prepared("c-2", membership, run="r-1"),
                "both": prepared("c-2", membership, status, run="r-1"),
                "no lifecycle": prepared("c-2", run="r-1"),
                "another run": prepared("c-2", status, run="r-2"),
                "no run": prepared("c-2", status),
                "another customer": prepared("c-1", status, run="r-1"),
                "with a key": prepared("c-2", status, run="r-1", key="k-1"),
            }.items():
                prior = store.read(change).prior
                versions[name] = [entry.version for entry in prior]
                assert all(entry.customer == "c-2" for entry in prior)
            assert versions == {
                "status": [3, 4],
                "membership": [5],
                "both": [3, 4, 5],
                "no lifecycle": [],
                "another run": [6],
                "no run": [],
                "another customer": [],
                "with a key": [],
            }
            assert store.read(prepared("c-2", status, run="r-1")).prior[0].reason == "first"

    def test_the_entries_behind_every_standing(self) -> None:
        with self.opened() as store:
            self.aside(store)
            origins = {entry.version: entry for entry in store.read(prepared("c-1", step("active"))).origins}
            assert sorted(origins) == [4, 5]
            assert (origins[4].lifecycle, origins[4].to_status) == ("membership", "enrolled")
            assert (origins[5].to_status, origins[5].to_label, origins[5].return_to, origins[5].reason) == (
                "fraud_suspected",
                "Suspected",
                2,
                "odd",
            )

    def test_who_holds_what_comes_and_what_goes(self) -> None:
        with self.opened() as store:
            self.aside(store)
            self.written(store, registration("c-2", adds=[mobile("2"), mobile("3")]))
            change = prepared("c-2", adds=(mobile("1"), mobile("9")), drops=(mobile("2"), mobile("8")))
            assert dict(store.read(change).holders) == {"1": "c-1", "2": "c-2"}
            assert dict(store.read(prepared("nobody", adds=(mobile("3"),))).holders) == {"3": "c-2"}

    def test_the_last_activity_that_counts(self) -> None:
        with self.opened() as store:
            self.aside(store)
            change = prepared("c-1", step("active"), quiet_since=T0)
            assert store.read(change).last_activity_at is None
            for number, (days, counts) in enumerate([(2, True), (1, True), (3, False), (2, True)]):
                row = bought("c-1", f"r-{number}", T0 + days * _DAY, counts=counts)
                store.record(ActivityBatch(ORG, (row,)))
            assert store.read(change).last_activity_at == T0 + 2 * _DAY
