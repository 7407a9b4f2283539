"""Plans: `commit` writes exactly this, or nothing; `load` reads it back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from attrs import evolve

from custstatus import Applied, Plan
from custstatus.adapters import ActivityBatch, Log, Snapshot, Store
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import (
    CRM,
    ORG,
    T0,
    US,
    after,
    bought,
    holding,
    mobile,
    registration,
    together,
    transition,
)
from custstatus.testing.snapshots import plain, snapshot

__all__ = ["PlanContract"]

_DAY = timedelta(days=1)


class PlanContract(Contract):
    """The verbs `load` and `commit`."""

    def refuses(self, store: Store, plan: Plan) -> Snapshot:
        """Commit a plan that must not be written: nothing is, and what stands there is answered whole."""
        before = self.held(store)
        got = store.commit(plan)
        assert isinstance(got, Snapshot), f"written: {plan}"
        assert self.held(store) == before, f"refused, and yet something was written: {plan}"
        assert plain(got) == plain(store.read(plan.prepared)), f"found {got}, read {store.read(plan.prepared)}"
        return got

    def held(self, store: Store) -> dict[str, object]:
        """All that the store holds of the organisation."""
        return snapshot(store, ORG, ("customer_status", "membership"))

    def test_there_is_no_account_before_it_is_registered(self) -> None:
        with self.opened() as store:
            assert store.load(ORG, "c-1") is None

    def test_a_registration_is_written_whole(self) -> None:  # D1, D51, D52
        with self.opened() as store:
            plan = registration("c-1", adds=[mobile("1")], reason="new", reason_code="shop", run="r-1", key="k-1")
            assert plain(store.commit(plan)) == plain(Applied(plan.entries))
            assert plain(store.load(ORG, "c-1")) == plain(after(None, plan))
            assert plain(store.page(Log(org=ORG, customer="c-1")).items) == plain(plan.entries)
            assert store.find_all(ORG, ("1",)).get("1") == "c-1"

    def test_an_account_may_be_unset_everywhere(self) -> None:  # D37
        with self.opened() as store:
            plan = registration("c-1", status=None, lifecycles=["membership", "customer_status"])
            account = self.written(store, plan)
            assert plain(account) == plain(after(None, plan))
            assert [(row.lifecycle, row.status, row.entry) for row in account.standings] == [
                ("customer_status", None, 1),
                ("membership", None, 1),
            ]

    def test_an_account_may_be_on_no_lifecycle(self) -> None:
        with self.opened() as store:
            assert self.written(store, registration("c-1", status=None, lifecycles=[])).standings == ()

    def test_a_move_is_written_whole(self) -> None:  # D51, D56
        with self.opened() as store:
            account = self.registered(store, "c-1")
            plan = transition(
                account, "suspended", "Lost phone", now=T0 + _DAY, reason="naïve\n😀", key="k-1", actor=CRM
            )
            assert plain(store.commit(plan)) == plain(Applied(plan.entries))
            assert plain(store.load(ORG, "c-1")) == plain(after(account, plan))
            assert plain(store.page(Log(org=ORG, customer="c-1")).items[-1:]) == plain(plan.entries)

    def test_the_time_and_the_way_back_of_an_entry_are_the_plan_s(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            plan = transition(account, "fraud_suspected", "Suspected", at=T0 + US, now=T0 + _DAY, return_to=2)
            written = self.written(store, plan)
            assert plain(written) == plain(after(account, plan))
            row = written.standing("customer_status")
            assert row is not None
            assert (row.since, row.return_to, row.entry) == (T0 + US, 2, 3)

    def test_other_lifecycles_stay_as_they_are(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            account = self.written(store, transition(account, "enrolled", lifecycle="membership", now=T0 + US))
            plan = transition(account, "suspended", "Lost phone", now=T0 + _DAY)
            moved = self.written(store, plan)
            assert plain(moved.standing("membership")) == plain(account.standing("membership"))
            assert moved.version == account.version + 1

    def test_a_lifecycle_that_is_switched_on_later_gets_its_row(self) -> None:  # D16
        with self.opened() as store:
            account = self.registered(store, "c-1")
            plan = transition(account, "loyalty", lifecycle="loyalty_type")
            written = self.written(
                store, plan, transition(after(account, plan), "registered", lifecycle="client_state")
            )
            assert [row.lifecycle for row in written.standings] == [
                "client_state",
                "customer_status",
                "loyalty_type",
                "membership",
            ]

    def test_what_is_registered_already_is_not_registered_again(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            found = self.refuses(store, registration("c-1", label="Trending", at=T0 + _DAY, adds=[mobile("1")]))
            assert plain(found.account) == plain(account)

    def test_who_is_not_registered_is_not_changed(self) -> None:
        with self.opened() as store:
            other = self.registered(store, "c-2")
            assert self.refuses(store, transition(evolve(other, customer="c-1"), "suspended")).account is None

    def test_another_version_is_not_changed(self) -> None:
        with self.opened() as store:
            first = self.registered(store, "c-1")
            second = self.written(store, transition(first, "suspended", "Lost phone"))
            found = self.refuses(store, transition(first, "internal", "Staff"))
            assert plain(found.account) == plain(second)
            self.refuses(store, transition(evolve(second, version=second.version + 1), "internal", "Staff"))
            self.refuses(store, transition(evolve(second, version=1), "internal", "Staff"))

    def test_of_two_that_write_at_once_one_wins(self) -> None:
        rounds, writers = 5, 4
        with self.opened() as store, ThreadPoolExecutor(writers) as threads:
            account = self.registered(store, "c-1")
            for number in range(rounds):
                barrier = Barrier(writers)
                plans = [transition(account, "active", f"{number}-{writer}") for writer in range(writers)]
                answers = list(threads.map(_committing(store, barrier), plans))
                won = [got for got in answers if isinstance(got, Applied)]
                assert len(won) == 1, f"{len(won)} of {writers} were told that they had won: {answers}"
                loaded = store.load(ORG, "c-1")
                assert loaded is not None
                assert loaded.version == account.version + 1
                row = loaded.standing("customer_status")
                assert row is not None
                assert row.label == won[0].entries[0].to_label
                account = loaded
            assert len(store.page(Log(org=ORG, customer="c-1"))) == 2 + rounds

    def test_what_one_thread_writes_every_thread_reads(self) -> None:
        with self.opened() as store, ThreadPoolExecutor(1) as other:
            assert other.submit(store.load, ORG, "c-1").result() is None
            account = self.registered(store, "c-1")
            assert plain(other.submit(store.load, ORG, "c-1").result()) == plain(account)
            moved = other.submit(self.written, store, transition(account, "suspended")).result()
            assert plain(store.load(ORG, "c-1")) == plain(moved)

    def test_several_accounts_are_written_together(self) -> None:
        with self.opened() as store:
            one, other = self.registered(store, "c-1"), self.registered(store, "c-2")
            third = registration("c-3", adds=[mobile("3")])
            parts = transition(one, "suspended", key="k-1"), holding(other, [mobile("2")]), third
            plan = together(*parts)
            assert plain(store.commit(plan)) == plain(Applied(plan.entries))
            assert plain(store.load(ORG, "c-1")) == plain(after(one, parts[0]))
            assert plain(store.load(ORG, "c-2")) == plain(after(other, parts[1]))
            assert plain(store.load(ORG, "c-3")) == plain(after(None, third))
            assert (store.find_all(ORG, ("2",)).get("2"), store.find_all(ORG, ("3",)).get("3")) == ("c-2", "c-3")
            prior = store.read(plan.prepared).prior
            assert [entry.ordinal for entry in prior] == [0, 1, 2, 3, 4]

    def test_several_accounts_are_written_all_or_none(self) -> None:
        with self.opened() as store:
            one, stale = self.registered(store, "c-1"), self.registered(store, "c-2")
            self.written(store, transition(stale, "suspended"), registration("c-9", adds=[mobile("9")], key="used"))
            good = [transition(one, "suspended", reason="why"), registration("c-3", adds=[mobile("3")])]
            bad = [
                transition(stale, "internal"),
                registration("c-2"),
                transition(evolve(stale, customer="nobody"), "suspended"),
                registration("c-4", adds=[mobile("9")]),
            ]
            for wrong in bad:
                self.refuses(store, together(*good, wrong))
                self.refuses(store, together(wrong, *good))
                self.refuses(store, together(good[0], wrong, good[1]))
            self.refuses(store, together(transition(one, "suspended", key="used"), good[1]))
            self.written(store, together(*good))

    def test_a_change_that_asks_for_quiet_is_exact_to_the_microsecond(self) -> None:  # D60, D61, D63
        with self.opened() as store:
            account = self.registered(store, "c-1")
            last = T0 + _DAY
            store.record(ActivityBatch(ORG, (bought("c-1", "r-1", last), bought("c-1", "r-2", T0 - _DAY))))
            found = self.refuses(store, transition(account, "active", "Dormant", now=T0 + 2 * _DAY, quiet_since=last))
            assert found.last_activity_at == last
            self.refuses(store, transition(account, "active", "Dormant", now=T0 + 2 * _DAY, quiet_since=last - US))
            self.written(store, transition(account, "active", "Dormant", now=T0 + 2 * _DAY, quiet_since=last + US))

    def test_who_never_did_anything_is_quiet_since_he_registered(self) -> None:  # D60
        with self.opened() as store:
            account = self.registered(store, "c-1")
            store.record(ActivityBatch(ORG, (bought("c-1", "r-1", T0 + _DAY, counts=False),)))
            found = self.refuses(store, transition(account, "active", "Dormant", now=T0 + _DAY, quiet_since=T0))
            assert found.last_activity_at is None
            self.written(store, transition(account, "active", "Dormant", now=T0 + _DAY, quiet_since=T0 + US))

    def test_an_account_is_closed_once_and_for_all(self) -> None:  # D5
        with self.opened() as store:
            account = self.registered(store, "c-1")
            plan = transition(account, "deleted", "Closed", now=T0 + _DAY, closes=True)
            closed = self.written(store, plan)
            assert closed.closed_at == T0 + _DAY
            assert plain(closed) == plain(after(account, plan))
            later = self.written(store, transition(closed, "merged", lifecycle="membership", now=T0 + 2 * _DAY))
            assert later.closed_at == T0 + _DAY

    def test_an_account_may_be_closed_from_the_first(self) -> None:
        with self.opened() as store:
            plan = registration("c-1", status="deleted", label="Closed")
            (planned,) = plan.accounts
            entries = planned.entries[0], evolve(planned.entries[1], closes=True)
            plan = evolve(plan, accounts=(evolve(planned, entries=entries, closed_at=T0),))
            assert self.written(store, plan).closed_at == T0

    def test_history_is_never_written_over(self) -> None:  # D53
        with self.opened() as store:
            account = self.registered(store, "c-1")
            seen: tuple[object, ...] = ()
            for number in range(5):
                account = self.written(store, transition(account, "active", f"{number}", now=T0 + number * _DAY))
                log = plain(store.page(Log(org=ORG, customer="c-1")).items)
                assert log[: len(seen)] == seen
                assert len(log) == account.version
                seen = log

    def test_stores_are_apart_from_one_another(self) -> None:
        with self.opened() as one, self.opened() as other:
            self.registered(one, "c-1")
            assert other.load(ORG, "c-1") is None
            self.registered(other, "c-1")


def _committing(store: Store, barrier: Barrier) -> Callable[[Plan], Applied | Snapshot]:
    def commit(plan: Plan) -> Applied | Snapshot:
        barrier.wait(timeout=60)
        return store.commit(plan)

    return commit
