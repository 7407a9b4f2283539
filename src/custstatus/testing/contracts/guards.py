"""
Guards: `apply` makes a change without planning it, exactly as it would have been planned, or answers what stands there.

A store that plans nothing, and always answers Snapshot, passes: what is tried is what it makes of the changes that it does make.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from attrs import evolve

from custstatus import Account, Applied, Plan
from custstatus.adapters import ActivityBatch, Log, PreparedChange, Snapshot, Step, Store
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import CRM, ORG, T0, US, after, bought, mobile, prepared, registration, step, transition
from custstatus.testing.snapshots import plain

__all__ = ["GuardContract"]

_DAY = timedelta(days=1)
_LATER = T0 + _DAY
_FRAUD = ("fraud_suspected", "fraud_confirmed")
_IDLE = ("Dormant", "Asleep")
_TO_SUSPECTED = step("fraud_suspected", "Suspected", sources=["active", "suspended"], group=_FRAUD)
_TO_CONFIRMED = step("fraud_confirmed", "Confirmed", sources=["fraud_suspected"], group=_FRAUD)
_TO_PENDING = step("pending_deletion", "Pending", sources=["active", *_FRAUD], group=["pending_deletion"])
_TO_DORMANT = step("active", "Dormant", sources=["active", "suspended"], idle=_IDLE)
_TO_REGULAR = step("active", "Regular", sources=["active", *_FRAUD], back=["pending_deletion"])


class GuardContract(Contract):
    """The verb `apply`."""

    def makes(self, store: Store, account: Account, plan: Plan) -> Account:
        """Apply the change of a plan written by hand: what it makes is the plan; where it makes nothing, commit the plan."""
        read = plain(store.read(plan.prepared))
        got = store.apply(plan.prepared)
        if isinstance(got, Snapshot):
            assert plain(got) == read, f"found {got}, read {read}"
            assert plain(store.load(account.org, account.customer)) == plain(account), "found, and yet it was written"
            got = store.commit(plan)
        assert plain(got) == plain(Applied(plan.entries)), f"made {got}, planned {plan.entries}"
        loaded = store.load(account.org, account.customer)
        assert loaded is not None
        assert plain(loaded) == plain(after(account, plan)), f"stands at {loaded}, planned {after(account, plan)}"
        last = store.page(Log(org=account.org, customer=account.customer, newest_first=True, limit=1))
        assert plain(last.items) == plain(plan.entries), f"logged {last.items}, planned {plan.entries}"
        return loaded

    def leaves(self, store: Store, change: PreparedChange) -> Snapshot:
        """Apply a change that must not be made: what stands there is answered whole, and nothing is written."""
        before = plain(store.read(change)), plain(store.page(Log(org=change.org)))
        got = store.apply(change)
        assert isinstance(got, Snapshot), f"made {got}, though something stands in the way of {change}"
        assert plain(got) == before[0], f"found {got}, read {before[0]}"
        assert (plain(store.read(change)), plain(store.page(Log(org=change.org)))) == before, "found, and yet written"
        return got

    def standing_at(self, store: Store, status: str, label: str | None, **given: Any) -> Account:
        """An account that was moved there by hand."""
        account = self.registered(store, "c-1")
        return self.written(store, transition(account, status, label, **given))

    def test_a_move_is_made_whole(self) -> None:
        said: dict[str, Any] = {
            "reason": "naïve\n😀",
            "reason_code": "phone",
            "reason_digest": b"\x00\xff",
            "key": "k-1",
        }
        with self.opened() as store:
            account = self.registered(store, "c-1")
            self.makes(store, account, transition(account, "suspended", "Lost phone", now=_LATER, **said))

    def test_a_move_that_is_part_of_a_run(self) -> None:  # D103
        with self.opened() as store:
            account = self.registered(store, "c-1")
            said: dict[str, Any] = {"reason": "naïve\n😀", "run": "r-1", "approval": "a-1", "shop": "s-1"}
            account = self.makes(store, account, transition(account, "suspended", "Lost phone", now=_LATER, **said))
            back = prepared("c-1", step("active", "Regular", sources=["suspended"]), run="r-1")
            assert [entry.version for entry in self.leaves(store, back).prior] == [3]
            found = self.leaves(store, prepared("c-1", step("suspended"), run="r-2"))
            assert found.prior == ()

    def test_by_any_actor_with_a_name_or_without(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            account = self.makes(store, account, transition(account, "suspended", actor=CRM))
            asks = step("active", sources=["suspended"])
            self.makes(store, account, transition(account, "active", asks=asks, actor=evolve(CRM, name="")))

    def test_from_unset(self) -> None:  # D37
        with self.opened() as store:
            account = self.written(store, registration("c-1", status=None))
            asks = step("enrolled", lifecycle="membership", sources=[None])
            account = self.makes(store, account, transition(account, "enrolled", asks=asks, lifecycle="membership"))
            self.leaves(store, prepared("c-1", step("suspended", sources=["active"])))

    def test_not_where_no_move_starts(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1")
            self.leaves(store, prepared("c-1", step("suspended", sources=["suspended", "internal", None])))
            self.leaves(store, prepared("c-1", step("suspended", sources=[])))

    def test_not_for_who_is_not_registered(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-2")
            assert self.leaves(store, prepared("c-1", step("suspended"))).account is None

    def test_not_where_the_account_stands_already(self) -> None:  # D23
        with self.opened() as store:
            account = self.registered(store, "c-1")
            self.leaves(store, prepared("c-1", step("active", "Regular")))
            self.leaves(store, prepared("c-1", step("active", "Trending", by_status=True)))
            self.makes(store, account, transition(account, "active", "Trending"))

    def test_another_label_of_the_same_status_keeps_its_since(self) -> None:  # D22
        with self.opened() as store:
            account = self.registered(store, "c-1")
            account = self.makes(store, account, transition(account, "active", "Trending", now=_LATER))
            row = account.standing("customer_status")
            assert row is not None
            assert (row.since, row.status_since) == (_LATER, T0)

    def test_not_on_a_closed_account(self) -> None:  # D5
        with self.opened() as store:
            self.standing_at(store, "deleted", "Closed", closes=True)
            self.leaves(store, prepared("c-1", step("active", "Regular", sources=["deleted", "active"])))
            self.leaves(store, prepared("c-1", step("deleted", "Gone", sources=["deleted"], closes=True)))
            self.leaves(store, prepared("c-1", step("enrolled", lifecycle="membership", sources=[None])))

    def test_closing(self) -> None:  # D5, D6
        with self.opened() as store:
            account = self.written(store, registration("c-1", adds=[mobile("1"), mobile("2")]))
            self.makes(store, account, transition(account, "deleted", "Closed", now=_LATER, closes=True))
            assert store.identifiers(ORG, "c-1") == ()
            assert store.find_all(ORG, ("1",)).get("1") is None

    def test_only_from_certain_places(self) -> None:  # D63
        with self.opened() as store:
            account = self.registered(store, "c-1")
            self.leaves(store, prepared("c-1", step("suspended", only_from=["Trending", "Dormant"])))
            self.leaves(store, prepared("c-1", step("suspended", only_from=["active"])))
            self.leaves(store, prepared("c-1", step("suspended", only_from=[])))
            asks = step("suspended", only_from=["Trending", "Regular"])
            account = self.makes(store, account, transition(account, "suspended", asks=asks))
            self.leaves(store, prepared("c-1", step("active", sources=["suspended"], only_from=["active"])))
            asks = step("active", sources=["suspended"], only_from=["suspended"])
            self.makes(store, account, transition(account, "active", asks=asks))

    def test_a_place_s_name_is_taken_whole(self) -> None:
        with self.opened() as store:
            self.standing_at(store, "active", "Old")
            for label in ("Ol", "ld", "old", "Old ", "Older", "%", "O_d"):
                self.leaves(store, prepared("c-1", step("suspended", only_from=[label])))
            for source in ("activ", "inactive", "act", "ACTIVE", "active,suspended", ""):
                self.leaves(store, prepared("c-1", step("suspended", sources=[source])))

    def test_only_at_the_version_that_is_expected(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            for version in (1, 3, 2**63 - 1):
                self.leaves(store, prepared("c-1", step("suspended"), expected=version))
            self.makes(store, account, transition(account, "suspended", expected=2))

    def test_not_before_the_last_entry_on_the_lifecycle(self) -> None:  # D55
        with self.opened() as store:
            account = self.standing_at(store, "suspended", None, now=_LATER, at=T0 + 2 * US)
            back = step("active", sources=["suspended"])
            self.leaves(store, prepared("c-1", back, now=_LATER, at=T0 + US))
            self.leaves(store, prepared("c-1", back, now=_LATER, at=datetime.fromisoformat("1970-01-01T00:00:00Z")))
            self.makes(store, account, transition(account, "active", asks=back, now=_LATER, at=T0 + 2 * US))

    def test_an_effective_time_that_is_given(self) -> None:  # D55
        with self.opened() as store:
            account = self.registered(store, "c-1")
            self.makes(store, account, transition(account, "suspended", now=_LATER, at=T0 + US))

    def test_no_earlier_than_the_last_entry_though_the_clock_was_set_back(self) -> None:
        with self.opened() as store:
            account = self.standing_at(store, "suspended", None, now=_LATER)
            back = step("active", sources=["suspended"])
            plan = transition(account, "active", asks=back, now=T0, effective=_LATER)
            assert (plan.entries[0].effective_at, plan.entries[0].recorded_at) == (_LATER, T0)
            self.makes(store, account, plan)

    def test_asking_for_quiet(self) -> None:  # D60, D61, D63
        with self.opened() as store:
            account = self.registered(store, "c-1")
            self.leaves(store, prepared("c-1", _TO_DORMANT, now=_LATER, quiet_since=T0))
            store.record(ActivityBatch(ORG, (bought("c-1", "r-1", T0 + 2 * US), bought("c-1", "r-2", T0))))
            store.record(ActivityBatch(ORG, (bought("c-1", "r-3", T0 + 9 * US, counts=False),)))
            assert self.leaves(
                store, prepared("c-1", _TO_DORMANT, now=_LATER, quiet_since=T0 + 2 * US)
            ).last_activity_at == (T0 + 2 * US)
            quiet = T0 + 3 * US
            plan = transition(
                account, "active", "Dormant", asks=_TO_DORMANT, now=_LATER, return_to=2, quiet_since=quiet
            )
            self.makes(store, account, plan)

    def test_a_key_that_has_written(self) -> None:
        with self.opened() as store:
            account = self.written(store, registration("c-1", key="k-1"))
            assert len(self.leaves(store, prepared("c-1", step("suspended"), key="k-1")).prior) == 2
            other = self.registered(store, "c-2")
            found = self.leaves(store, prepared("c-2", step("suspended"), key="k-1"))
            assert [entry.customer for entry in found.prior] == ["c-1", "c-1"]
            account = self.makes(store, account, transition(account, "suspended", key="k-2"))
            self.leaves(store, prepared("c-1", step("active", sources=["suspended"]), key="k-2"))
            self.makes(store, other, transition(other, "suspended", key="k-3"))

    def test_being_set_aside_remembers_where_the_account_was(self) -> None:  # D95
        with self.opened() as store:
            account = self.registered(store, "c-1")
            plan = transition(account, "fraud_suspected", "Suspected", asks=_TO_SUSPECTED, return_to=account.version)
            self.makes(store, account, plan)

    def test_within_a_group_the_way_back_stays(self) -> None:  # D95
        with self.opened() as store:
            account = self.standing_at(store, "fraud_suspected", "Suspected", return_to=2)
            self.makes(
                store, account, transition(account, "fraud_confirmed", "Confirmed", asks=_TO_CONFIRMED, return_to=2)
            )

    def test_a_group_within_a_group_keeps_both_ways_back(self) -> None:  # D11, D95
        with self.opened() as store:
            account = self.standing_at(store, "fraud_suspected", "Suspected", return_to=2)
            plan = transition(account, "pending_deletion", "Pending", asks=_TO_PENDING, return_to=account.version)
            account = self.makes(store, account, plan)
            asks = step("fraud_suspected", "Suspected", sources=[], back=["pending_deletion"], group=_FRAUD)
            account = self.makes(
                store, account, transition(account, "fraud_suspected", "Suspected", asks=asks, return_to=2)
            )
            self.makes(store, account, transition(account, "active", "Regular", asks=_TO_REGULAR, return_to=None))

    def test_back_only_to_where_it_was(self) -> None:  # D11, D95
        with self.opened() as store:
            account = self.standing_at(store, "pending_deletion", "Pending", return_to=2)
            for status, label in (("suspended", "Regular"), ("active", "Trending"), ("active", None)):
                self.leaves(store, prepared("c-1", step(status, label, sources=[], back=["pending_deletion"])))
            self.makes(store, account, transition(account, "active", "Regular", asks=_TO_REGULAR))

    def test_not_back_where_nothing_was_left(self) -> None:
        with self.opened() as store:
            self.standing_at(store, "pending_deletion", "Pending", return_to=None)
            self.leaves(store, prepared("c-1", _TO_REGULAR))

    def test_leaving_elsewhere_forgets_the_way_back(self) -> None:
        with self.opened() as store:
            account = self.standing_at(store, "fraud_suspected", "Suspected", return_to=2)
            asks = step("suspended", "Lost phone", sources=["fraud_suspected"])
            self.makes(store, account, transition(account, "suspended", "Lost phone", asks=asks, return_to=None))

    def test_back_by_the_way_that_is_open_anyhow(self) -> None:  # D95
        with self.opened() as store:
            account = self.standing_at(store, "fraud_suspected", "Suspected", return_to=2)
            self.makes(store, account, transition(account, "active", "Regular", asks=_TO_REGULAR, return_to=None))

    def test_an_idle_label_sets_aside_from_its_own_status_only(self) -> None:  # D63
        asleep = step("active", "Asleep", idle=_IDLE)
        with self.opened() as store:
            account = self.registered(store, "c-1")
            account = self.makes(
                store, account, transition(account, "active", "Dormant", asks=_TO_DORMANT, return_to=2)
            )
            account = self.makes(store, account, transition(account, "active", "Asleep", asks=asleep, return_to=2))
            account = self.makes(store, account, transition(account, "active", "Regular", asks=_TO_REGULAR))
            account = self.makes(store, account, transition(account, "suspended"))
            self.makes(store, account, transition(account, "active", "Dormant", asks=_TO_DORMANT, return_to=None))

    def test_each_lifecycle_has_its_own_way_back(self) -> None:  # D70
        hold = step("on_hold", lifecycle="membership", sources=["enrolled"], group=["on_hold"])
        back = step("enrolled", lifecycle="membership", sources=[None], back=["on_hold"])
        with self.opened() as store:
            account = self.registered(store, "c-1")
            account = self.makes(store, account, transition(account, "enrolled", asks=back, lifecycle="membership"))
            plan = transition(account, "fraud_suspected", "Suspected", asks=_TO_SUSPECTED, return_to=2)
            account = self.makes(store, account, plan)
            account = self.makes(
                store, account, transition(account, "on_hold", asks=hold, lifecycle="membership", return_to=3)
            )
            account = self.makes(store, account, transition(account, "enrolled", asks=back, lifecycle="membership"))
            row = account.standing("customer_status")
            assert row is not None
            assert row.return_to == 2

    def test_what_a_store_may_leave_to_be_planned(self) -> None:
        """Registrations, identifiers, several lifecycles at once: made or found, and if found, then whole."""
        with self.opened() as store:
            plan = registration("c-1", adds=[mobile("1")])
            if isinstance(store.apply(plan.prepared), Snapshot):
                self.leaves(store, plan.prepared)
                self.written(store, plan)
            steps: tuple[Step, ...] = step("suspended"), step("enrolled", lifecycle="membership", sources=[None])
            change = prepared("c-1", *steps, adds=[mobile("2")])
            if isinstance(store.apply(change), Snapshot):
                self.leaves(store, change)
