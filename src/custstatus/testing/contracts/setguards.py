"""Sets under conditions: whom one leaves where he is, from when it counts, what it closes and to where it leads back."""

from __future__ import annotations

from datetime import timedelta

from attrs import evolve

from custstatus import ActorKind
from custstatus.adapters import ActivityBatch, SetRow, Snapshot
from custstatus.testing.contracts.sets import SetContract
from custstatus.testing.drafts import ADA, CRM, ORG, T0, US, bought, mobile, registration, step, transition

__all__ = ["SetGuardContract"]

_DAY = timedelta(days=1)
_LATER = T0 + _DAY
_FRAUD = ("fraud_suspected", "fraud_confirmed")
_IDLE = ("Dormant", "Asleep")
_SUSPEND = step("suspended", "Lost phone")


class SetGuardContract(SetContract):
    """The conditions of the verb `apply_set`."""

    def test_a_set_that_asks_for_quiet(self) -> None:  # D60, D61, D63
        quiet = T0 + 3 * US
        with self.opened() as store:
            self.registered(store, "at", "before", "never", "uncounted", "since")
            self.written(store, registration("new", at=quiet))
            rows = [bought("at", "r", quiet), bought("before", "r", quiet - US), bought("before", "s", T0)]
            rows += [bought("since", "r", quiet + US), bought("since", "s", T0)]
            rows += [bought("uncounted", "r", quiet + US, counts=False)]
            store.record(ActivityBatch(ORG, tuple(rows)))
            several = self.asked(_SUSPEND, "since", "uncounted", "new", "never", "before", "at", quiet_since=quiet)
            founds = self.applies(store, several, self.planned(store, several, "uncounted", "never", "before"))
            active = {customer: found.last_activity_at for customer, found in founds.items()}
            assert active == {"since": quiet + US, "new": None, "at": quiet}

    def test_a_set_leaves_whom_a_person_has_put_there_of_late(self) -> None:  # D63
        late = T0 + 5 * US
        moved = {
            "in": (late, ADA),
            "out": (late - US, ADA),
            "since": (late + _DAY, ADA),
            "system": (late + US, CRM),
            "himself": (late + US, evolve(ADA, kind=ActorKind.CUSTOMER)),
        }
        with self.opened() as store:
            for customer, (at, actor) in moved.items():
                account = self.registered(store, customer)
                self.written(store, transition(account, "active", "Trending", now=at, actor=actor))
            self.written(store, registration("registered", at=late))
            account = self.written(store, registration("at once", at=late))
            self.written(store, transition(account, "active", "Trending", now=late))
            account = self.registered(store, "elsewhere")
            self.written(store, transition(account, "enrolled", lifecycle="membership", now=late))
            several = self.asked(
                _SUSPEND, *moved, "registered", "at once", "elsewhere", now=late + 2 * _DAY, grace_since=late
            )
            rest = ("out", "system", "himself", "registered", "at once", "elsewhere")
            founds = self.applies(store, several, self.planned(store, several, *rest))
            assert list(founds) == ["in", "since"]

    def test_a_set_changes_only_what_stands_at_the_entry_that_a_row_names(self) -> None:  # D103
        with self.opened() as store:
            self.registered(store, "c-1", "c-2", "c-3", "c-4")
            for customer, lifecycle in (("c-2", "membership"), ("c-3", "customer_status")):
                account = store.load(ORG, customer)
                assert account is not None
                self.written(store, transition(account, "active", "Trending", lifecycle=lifecycle))
            rows = [SetRow(f"c-{number}", entry=2) for number in (3, 2, 1)]
            several = self.asked(_SUSPEND, *rows, SetRow("c-4", entry=1))
            founds = self.applies(store, several, self.planned(store, several, "c-1", "c-2"))
            assert list(founds) == ["c-3", "c-4"]
            many = self.asked(step("active", sources=["suspended"]), "c-1", SetRow("c-3", entry=3), run="r-2", entry=3)
            self.applies(store, many, self.planned(store, many, "c-1"))
            # Also where the entry is that of all.
            self.leaves_all(store, self.asked(step("active", sources=["suspended"]), "c-2", run="r-3", entry=1))

    def test_a_set_touches_only_certain_places(self) -> None:  # D63
        with self.opened() as store:
            for customer, label in (("a", "Regular"), ("b", "Trending"), ("c", None), ("d", "Reg"), ("e", "active")):
                self.written(store, registration(customer, label=label))
            for number, (places, touched) in enumerate(
                (
                    ([], ""),
                    (["regular", "Regular ", "Regula", "suspended"], ""),
                    (["Regular"], "a"),
                    (["Trending", "active"], "bce"),
                )
            ):
                asks = step("suspended", only_from=places)
                several = self.asked(asks, *"edcba", run=f"r-{number}")
                self.applies(store, several, self.planned(store, several, *touched))

    def test_a_set_with_an_effective_time(self) -> None:  # D55
        at = T0 + 3 * US
        with self.opened() as store:
            for customer, since in (("before", at - US), ("at", at), ("after", at + US)):
                account = self.registered(store, customer)
                self.written(store, transition(account, "active", "Trending", now=since))
            account = self.registered(store, "elsewhere")
            self.written(store, transition(account, "enrolled", lifecycle="membership", now=at + US))
            several = self.asked(_SUSPEND, "elsewhere", "after", "at", "before", at=at)
            founds = self.applies(store, several, self.planned(store, several, "before", "at", "elsewhere"))
            assert list(founds) == ["after"]

    def test_a_set_counts_no_earlier_than_the_last_entry_though_the_clock_was_set_back(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            self.written(store, transition(account, "active", "Trending", now=_LATER))
            self.registered(store, "c-2")
            several = self.asked(_SUSPEND, "c-2", "c-1", now=T0)
            plans = self.planned(store, several, "c-1", effective=_LATER) | self.planned(store, several, "c-2")
            self.applies(store, several, plans)

    def test_a_set_that_closes_comes_after_every_lifecycle_s_last_entry(self) -> None:  # D5, D6
        close = step("deleted", "Closed", closes=True)
        with self.opened() as store:
            for customer in ("c-1", "c-2", "c-3", "c-4"):
                account = self.written(store, registration(customer, adds=[mobile(customer), mobile(f"{customer}'")]))
                if customer < "c-3":
                    self.written(store, transition(account, "enrolled", lifecycle="membership", now=_LATER))
            several = self.asked(close, "c-2", "c-1", "c-3", now=_LATER + US, at=_LATER - US)
            self.applies(store, several, self.planned(store, several, "c-3"))
            assert store.identifiers(ORG, "c-3") == ()
            assert [store.find_all(ORG, (token,)).get(token) for token in ("c-1", "c-2'", "c-3", "c-3'")] == [
                "c-1",
                "c-2",
                None,
                None,
            ]
            several = self.asked(close, "c-1", "c-3", "c-4", run="r-2", now=T0 + US)
            plans = self.planned(store, several, "c-1", effective=_LATER) | self.planned(store, several, "c-4")
            self.applies(store, several, plans)
            self.makes_all(store, self.asked(close, "c-2", run="r-3", now=_LATER + US, at=_LATER))
            assert store.find_all(ORG, ("c-1", "c-1'", "c-2", "c-2'", "c-3")) == {}

    def test_a_set_keeps_and_takes_ways_back(self) -> None:  # D11, D63, D95
        dormant = step("active", "Dormant", sources=["active", "suspended"], idle=_IDLE)
        pending = step("pending_deletion", "Pending", sources=["active", *_FRAUD], group=["pending_deletion"])
        regular = step("active", "Regular", sources=["active"], back=["pending_deletion"])
        with self.opened() as store:
            self.registered(store, "c-1", "c-2", "c-3")
            self.makes_all(store, self.asked(_SUSPEND, "c-3", run="s-0"))
            several = self.asked(dormant, "c-2", "c-3", "c-1", run="s-1")
            plans = self.planned(store, several, "c-1", "c-2", return_to=2) | self.planned(store, several, "c-3")
            self.applies(store, several, plans)
            self.makes_all(store, self.asked(step("active", "Asleep", idle=_IDLE), "c-1", run="s-2"), return_to=2)
            self.makes_all(store, self.asked(regular, "c-2", run="s-3"))
            several = self.asked(pending, "c-1", "c-2", run="s-4")
            plans = self.planned(store, several, "c-1", "c-2", return_to=4)
            self.applies(store, several, plans)
            # One was Asleep before, which is not where this leads.
            several = self.asked(regular, "c-1", "c-2", run="s-5")
            founds = self.applies(store, several, self.planned(store, several, "c-2"))
            assert [entry.to_label for entry in founds["c-1"].origins] == ["Asleep"]
            asleep = step("active", "Asleep", sources=[], back=["pending_deletion"], idle=_IDLE)
            self.makes_all(store, self.asked(asleep, "c-1", run="s-6"), return_to=2)

    def test_a_set_leaves_who_stands_there_already(self) -> None:  # D23
        with self.opened() as store:
            self.written(store, registration("c-1"), registration("c-2", label=None), registration("c-3", None))
            by_status = step("active", "Trending", sources=["active", None], by_status=True)
            several = self.asked(by_status, "c-2", "c-1", "c-3")
            self.applies(store, several, self.planned(store, several, "c-3"))
            by_label = step("active", "Regular", sources=["active", None])
            several = self.asked(by_label, "c-2", "c-1", "c-3", run="r-2")
            self.applies(store, several, self.planned(store, several, "c-2", "c-3"))

    def test_a_set_leaves_who_has_no_row_on_the_lifecycle_and_moves_who_is_unset(self) -> None:  # D37
        enroll = step("enrolled", lifecycle="membership", sources=[None])
        with self.opened() as store:
            self.written(store, registration("with"), registration("without", lifecycles=["customer_status"]))
            several = self.asked(enroll, "without", "with")
            answers = store.apply_set(self.asked(enroll, "without", "with", preview=True))
            assert [type(answer) for answer in answers] == [Snapshot, Snapshot]
            self.applies(store, several, self.planned(store, several, "with", "without"))
