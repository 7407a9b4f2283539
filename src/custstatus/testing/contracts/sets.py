"""
Sets: `apply_set` makes one change of several accounts, of each what it would have made of that one alone, or answers what
stands there.

A store that plans nothing, and always answers Snapshot, passes: what is tried is what it makes of the rows that it does make.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

from attrs import evolve

from custstatus import Applied, Plan, Reason, RefusalCode
from custstatus.adapters import ActivityBatch, Log, PreparedSet, SetResult, SetRow, Snapshot, Step, Store
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import ADA, CRM, ORG, T0, US, after, bought, prepared, step, transition
from custstatus.testing.snapshots import plain

__all__ = ["SetContract"]

_DAY = timedelta(days=1)
_LATER = T0 + _DAY
_SUSPEND = step("suspended", "Lost phone")
_SAID = (
    *("now", "at", "actor", "requested_by", "channel", "reason", "reason_code", "reason_digest"),
    *("run", "approval", "shop", "quiet_since"),
)
# What is something else in an array's text, in JSON or in SQL.
_AWKWARD = ("NULL", "null", "{}", "[]", "a,b", '"', '{"a"}', "\\", '\\"', "'", " ", "%", "é", "😀", "$1", "?1", "a\\,b")


class SetContract(Contract):
    """The verb `apply_set`."""

    def asked(
        self, change: Step, *rows: str | SetRow, preview: bool = False, now: datetime = _LATER, **given: Any
    ) -> PreparedSet:
        """A set as a store gets it, part of the run r-1 unless another is given."""
        common = prepared("", change, now=now, **{"run": "r-1", **given})
        each = tuple(row if isinstance(row, SetRow) else SetRow(row) for row in rows)
        return PreparedSet(common, each, preview)

    def planned(
        self,
        store: Store,
        several: PreparedSet,
        *customers: str,
        effective: datetime | None = None,
        return_to: int | None = None,
        **given: Any,
    ) -> dict[str, Plan]:
        """
        What a set is to make of some customers, written by hand from where each stands.

        Args:
            store: Where they stand.
            several: The set.
            customers: Those whom it is to change.
            effective: From when it counts; by default as given, or now.
            return_to: Where the way back leads then.
            given: What a row says of its own.
        """
        (change,) = several.prepared.steps
        said = {name: getattr(several.prepared, name) for name in _SAID} | given
        plans = {}
        for customer in customers:
            account = store.load(several.prepared.org, customer)
            assert account is not None, f"{customer} is not there"
            plans[customer] = transition(
                account,
                change.to,
                change.label,
                asks=change,
                lifecycle=change.lifecycle,
                effective=effective,
                return_to=return_to,
                closes=change.closes,
                **said,
            )
        return plans

    def applies(self, store: Store, several: PreparedSet, plans: dict[str, Plan]) -> dict[str, Snapshot]:
        """
        Apply a set: of a row with a plan it makes just that, every other one it leaves, and each is answered in its place.

        What is left is answered whole, and nothing of it is written. Where the store makes nothing of a row with a plan, that
        plan is committed.

        Returns:
            What stands there of each customer that was left.
        """
        org = several.prepared.org
        whole = Log(org=org, limit=10_000)
        before = {row.customer: plain(store.read(several.of(row))) for row in several.rows}
        accounts = {row.customer: store.load(org, row.customer) for row in several.rows}
        history = list(store.page(whole))
        answers = store.apply_set(several)
        assert len(answers) == len(several.rows), f"{len(answers)} answers to {len(several.rows)} rows"
        founds = {}
        for row, answer in zip(several.rows, answers, strict=True):
            plan = plans.get(row.customer)
            if isinstance(answer, SetResult):
                assert plan is not None, f"moved {answer}, though something stands in the way"
                (entry,) = plan.entries
                expected = SetResult(row.customer, entry.version, entry.from_status, entry.from_label)
                assert answer == expected, f"answered {answer}, not {expected}"
            else:
                assert isinstance(answer, Snapshot), f"{row.customer}: answered {answer}"
                assert plain(answer) == before[row.customer], f"{row.customer}: {answer}, read {before[row.customer]}"
                again = plain(store.read(several.of(row)))
                assert again == before[row.customer], f"{row.customer}: found, and yet it was written"
                if plan is None:
                    founds[row.customer] = answer
                else:
                    assert isinstance(store.commit(plan), Applied), f"{row.customer}: {plan} was not written"
            if plan is not None:
                stands = store.load(org, row.customer)
                expects = after(accounts[row.customer], plan)
                assert plain(stands) == plain(expects), f"stands at {stands}, planned {expects}"
        written = [entry for plan in plans.values() for entry in plan.entries]
        logged = sorted(store.page(whole), key=lambda entry: (entry.customer, entry.version))
        expected_log = sorted([*history, *written], key=lambda entry: (entry.customer, entry.version))
        assert plain(logged) == plain(expected_log), f"logged {logged}, planned {written} after {history}"
        return founds

    def leaves_all(self, store: Store, several: PreparedSet) -> dict[str, Snapshot]:
        """Apply a set of which nothing may be made."""
        return self.applies(store, several, {})

    def makes_all(self, store: Store, several: PreparedSet, **given: Any) -> None:
        """Apply a set of which everything is to be made."""
        customers = [row.customer for row in several.rows]
        self.applies(store, several, self.planned(store, several, *customers, **given))

    def at_once(self, store: Store, sets: Sequence[PreparedSet]) -> list[tuple[SetResult | Snapshot, ...]]:
        """Apply sets at once, each in a thread of its own."""
        barrier = Barrier(len(sets))

        def apply(several: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
            barrier.wait()
            return store.apply_set(several)

        with ThreadPoolExecutor(len(sets)) as threads:
            return list(threads.map(apply, sets))

    def test_each_row_of_a_set_is_made_or_left_in_its_place(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1", "c-2", "c-3", "c-5", "c-9")
            for customer, status, closes in (("c-2", "suspended", False), ("c-5", "deleted", True)):
                account = store.load(ORG, customer)
                assert account is not None
                self.written(store, transition(account, status, closes=closes))
            change = step("suspended", "Lost phone", sources=["active", "deleted"])
            several = self.asked(change, "c-9", "nobody", "c-2", "c-1", "c-5", "c-3")
            founds = self.applies(store, several, self.planned(store, several, "c-9", "c-1", "c-3"))
            assert founds["nobody"].account is None
            assert [found.account and found.account.customer for found in founds.values()] == [None, "c-2", "c-5"]
            assert store.apply_set(self.asked(_SUSPEND)) == ()

    def test_a_set_of_many(self) -> None:
        numbers = [(7 * number) % 120 for number in range(120)]
        with self.opened() as store:
            self.registered(store, *(f"c-{number}" for number in range(120) if number % 3))
            several = self.asked(_SUSPEND, *(f"c-{number}" for number in numbers))
            customers = [f"c-{number}" for number in numbers if number % 3]
            founds = self.applies(store, several, self.planned(store, several, *customers))
            assert list(founds) == [f"c-{number}" for number in numbers if not number % 3]

    def test_what_a_row_of_a_set_says_of_its_own_comes_before_what_all_say(self) -> None:  # D103
        said: dict[str, Any] = {"reason": "all", "reason_digest": b"\x00all", "shop": "s-0", "approval": "a-1"}
        for common in ({}, said):
            with self.opened() as store:
                rows = [SetRow(f"{text}!", text, text.encode(), f"{text}.") for text in _AWKWARD]
                rows += [SetRow("plain"), SetRow("in a shop", shop="s-1"), SetRow("without digest", "own")]
                self.registered(store, *(row.customer for row in rows))
                several = self.asked(_SUSPEND, *rows, reason_code="code", **common)
                plans: dict[str, Plan] = {}
                for row in rows:
                    own: dict[str, Any] = {"shop": row.shop or common.get("shop")}
                    if row.reason is not None:
                        own |= {"reason": row.reason, "reason_digest": row.reason_digest}
                    plans |= self.planned(store, several, row.customer, **own)
                self.applies(store, several, plans)

    def test_who_makes_a_set_and_what_all_of_it_say(self) -> None:  # D51, D103
        named = evolve(CRM, name="Nightly \\ \"run\" {'NULL'}")
        ways: list[dict[str, Any]] = [
            {"actor": CRM},
            {"actor": named},
            {"actor": evolve(ADA, name=None), "reason": "naïve\n😀 {NULL}"},
            {"actor": ADA, "reason": "", "reason_code": "idle", "reason_digest": b"\xff"},
            {"actor": CRM, "approval": "NULL", "shop": "{}", "channel": "import", "run": "naïve 😀"},
        ]
        with self.opened() as store:
            for number, said in enumerate(ways):
                self.registered(store, f"a-{number}", f"b-{number}")
                self.makes_all(store, self.asked(_SUSPEND, f"b-{number}", f"a-{number}", **said))

    def test_a_run_changes_a_lifecycle_of_a_customer_once(self) -> None:  # D103
        back = step("active", "Regular", sources=["suspended"])
        with self.opened() as store:
            self.registered(store, "c-1", "c-2")
            self.makes_all(store, self.asked(_SUSPEND, "c-1", reason="first"))
            # Whatever is asked of the run, and whatever happened meanwhile: it has had its turn.
            founds = self.leaves_all(store, self.asked(back, "c-1"))
            assert [(entry.version, entry.reason) for entry in founds["c-1"].prior] == [(3, "first")]
            account = store.load(ORG, "c-1")
            assert account is not None
            self.written(store, transition(account, "active", "Regular"))
            several = self.asked(_SUSPEND, "c-2", "c-1", reason="again")
            founds = self.applies(store, several, self.planned(store, several, "c-2"))
            assert [(entry.version, entry.reason) for entry in founds["c-1"].prior] == [(3, "first")]
            enroll = step("enrolled", lifecycle="membership", sources=[None])
            self.makes_all(store, self.asked(enroll, "c-1"))
            self.makes_all(store, self.asked(_SUSPEND, "c-1", run="r-10"))
            founds = self.leaves_all(store, self.asked(back, "c-1", run="r-10"))
            assert [entry.version for entry in founds["c-1"].prior] == [6]

    def test_a_run_of_another_customer_or_none_stands_in_nobody_s_way(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1", "c-2")
            self.makes_all(store, self.asked(_SUSPEND, "c-1"))
            self.makes_all(store, self.asked(_SUSPEND, "c-2"))
            self.makes_all(store, self.asked(step("active", sources=["suspended"]), "c-1", "c-2", run=None))
            founds = self.leaves_all(store, self.asked(step("active", sources=["suspended"]), "c-1", run=None))
            assert founds["c-1"].prior == ()

    def test_a_set_that_only_reads_writes_nothing(self) -> None:  # D103
        with self.opened() as store:
            account = self.registered(store, "c-1", "c-2")
            self.written(store, transition(account, "fraud_suspected", "Suspected", return_to=2, run="r-1"))
            store.record(ActivityBatch(ORG, (bought("c-1", "r", T0 + US),)))
            rows = ("c-2", "nobody", "c-1")
            founds = self.leaves_all(store, self.asked(_SUSPEND, *rows, preview=True, quiet_since=_LATER))
            assert founds["c-1"].last_activity_at == T0 + US
            assert [(entry.version, entry.return_to) for entry in founds["c-2"].prior] == [(3, 2)]
            assert [entry.version for entry in founds["c-2"].origins] == [2]

    def test_a_set_with_reasons_is_only_explained(self) -> None:
        reason = Reason(RefusalCode.APPROVAL_NEEDED, "name who approved it")
        with self.opened() as store:
            self.registered(store, "c-1", "c-2")
            self.leaves_all(store, self.asked(_SUSPEND, "c-2", "c-1", reasons=(reason,)))

    def test_a_set_reaches_into_no_other_organisation(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1", "c-2")
            self.registered(store, "c-1", org="zenith")
            theirs = self.asked(_SUSPEND, "c-2", "c-1", org="zenith")
            founds = self.applies(store, theirs, self.planned(store, theirs, "c-1"))
            assert founds["c-2"].account is None
            for customer in ("c-1", "c-2"):
                account = store.load(ORG, customer)
                assert account is not None
                assert account.version == 2
            store.record(ActivityBatch("zenith", (bought("c-1", "r", _LATER),)))
            self.makes_all(store, self.asked(_SUSPEND, "c-1", "c-2", quiet_since=_LATER))

    def test_sets_of_the_same_customers_at_once_change_each_once(self) -> None:  # D103
        customers = [f"c-{number}" for number in range(12)]
        with self.opened() as store:
            self.registered(store, *customers)
            orders: list[Sequence[str]] = [customers, customers[::-1], customers[6:] + customers[:6]]
            answers = self.at_once(store, [self.asked(_SUSPEND, *order) for order in orders])
            self.once(store, customers, answers)

    def test_sets_of_the_same_customers_in_different_runs_at_once_make_what_each_says(self) -> None:
        customers = [f"c-{number}" for number in range(12)]
        with self.opened() as store:
            self.registered(store, *customers)
            orders: list[Sequence[str]] = [customers, customers[::-1], customers[6:] + customers[:6]]
            sets = [self.asked(_SUSPEND, *order, run=f"r-{number}") for number, order in enumerate(orders)]
            self.once(store, customers, self.at_once(store, sets))

    def once(self, store: Store, customers: Sequence[str], answers: Sequence[Sequence[SetResult | Snapshot]]) -> None:
        """Each customer was moved by one set at most; the others know where he stands, or stood when they passed him by."""
        for customer in customers:
            moved = [
                each for answer in answers for each in answer if each == SetResult(customer, 3, "active", "Regular")
            ]
            found = [each for answer in answers for each in answer if isinstance(each, Snapshot)]
            stands = store.load(ORG, customer)
            assert stands is not None
            assert len(moved) == stands.version - 2 <= 1, f"{customer} at {stands}: {moved}"
            accounts = [each.account for each in found if each.account and each.account.customer == customer]
            assert len(accounts) == len(answers) - len(moved)
            assert all(account.version == 2 or plain(account) == plain(stands) for account in accounts), (
                f"{accounts}, not {stands}"
            )
