"""Activities: recorded once each, however often, late or out of order they are reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from attrs import evolve

from custstatus import Effect
from custstatus.adapters import Activities, ActivityBatch, Customers, Recorded, Store, StoredActivity
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import ORG, T0, US, bought, registration, transition
from custstatus.testing.snapshots import plain

__all__ = ["ActivityContract"]

_DAY = timedelta(days=1)


def became(recorded: Recorded) -> tuple[int, tuple[int, ...]]:
    """How many of a batch were new, and which were not."""
    return recorded.new, recorded.repeats


class ActivityContract(Contract):
    """The verb `record`, and `page` of activities."""

    def report(self, store: Store, *rows: StoredActivity, watch: frozenset[str] = frozenset()) -> Recorded:
        """Record activities in one batch."""
        return store.record(ActivityBatch(ORG, rows, watch))

    def reported(self, store: Store, customer: str) -> list[StoredActivity]:
        """A customer's, the oldest first."""
        return list(store.page(Activities(org=ORG, customer=customer, newest_first=False)))

    def last_active(self, store: Store, customer: str) -> datetime | None:
        """When a customer was active last."""
        rows = {row.customer: row for row in store.page(Customers(org=ORG, lifecycle="customer_status"))}
        return rows[customer].last_activity_at

    def test_nothing_is_recorded_of_nothing(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1")
            assert self.report(store) == Recorded(0)
            assert self.reported(store, "c-1") == []
            assert self.reported(store, "nobody") == []

    def test_an_activity_is_kept_whole(self) -> None:  # D36, D106
        rows = [
            StoredActivity("c-1", "transaction", "r-1", T0, Decimal("9.90"), Effect.ALLOW, True),
            StoredActivity("c-1", "transaction", "r-2", T0 + US, None, Effect.MARK, False),
            StoredActivity("c-1", "points_redemption", "r-3", T0 + 2 * US, Decimal("-0.00"), Effect.BLOCK, False),
            StoredActivity(
                "c-1", "a kind of the host's own", "r-4", T0 + 3 * US, Decimal("1.000000"), Effect.ALLOW, True
            ),
            StoredActivity("c-1", "x", "r-5", T0 + 4 * US, Decimal("999999999999999999.999999"), Effect.ALLOW, True),
            StoredActivity("c-1", "x", "r-6", T0 + 5 * US, Decimal("-0.000001"), Effect.ALLOW, True),
            StoredActivity("c-1", "x", "r-7", T0 + 6 * US, Decimal("1E+3"), Effect.ALLOW, True),
            StoredActivity("c-1", "x", "r-8", T0 + 7 * US, Decimal(0), Effect.ALLOW, True),
        ]
        with self.opened() as store:
            self.registered(store, "c-1")
            assert became(self.report(store, *rows)) == (len(rows), ())
            assert plain(self.reported(store, "c-1")) == plain(rows)

    def test_the_first_report_stands(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1", "c-2")
            first = bought("c-1", "r-1", T0)
            assert became(self.report(store, first)) == (1, ())
            other = StoredActivity("c-1", "transaction", "r-1", T0 + _DAY, Decimal(5), Effect.BLOCK, False)
            assert became(self.report(store, other, first)) == (0, (0, 1))
            assert plain(self.reported(store, "c-1")) == plain([first])
            assert self.last_active(store, "c-1") == T0
            others = bought("c-2", "r-1"), evolve(first, kind="return")
            assert became(self.report(store, *others)) == (2, ())

    def test_of_two_in_a_batch_the_first_stands(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1")
            first, second = bought("c-1", "r-1", T0), bought("c-1", "r-1", T0 + _DAY)
            assert became(self.report(store, first, second, bought("c-1", "r-2"))) == (2, (1,))
            assert plain(self.reported(store, "c-1")) == plain([first, bought("c-1", "r-2")])
            assert self.last_active(store, "c-1") == T0

    def test_each_of_a_batch_is_told_to_be_new_or_a_repeat(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1", "c-2", "c-3")
            self.report(store, bought("c-2", "r-5"), bought("c-3", "r-1"))
            batch = [
                bought("c-9", "r-0"),
                bought("c-3", "r-2"),
                bought("c-3", "r-1", T0 + _DAY),
                bought("c-1", "r-4"),
                bought("c-9", "r-0"),
                bought("c-1", "r-3"),
                bought("c-3", "r-2", counts=False),
                bought("c-2", "r-1"),
                bought("c-2", "r-5"),
                evolve(bought("c-2", "r-5"), kind="return"),
                bought("c-1", "r-4"),
                bought("c-1", "r-4"),
            ]
            recorded = self.report(store, *batch)
            assert became(recorded) == (5, (2, 6, 8, 10, 11)), (
                "the places in the batch, as it was given, of those that were there already"
            )
            assert recorded.unknown == ("c-9",)
            self.registered(store, "c-9")
            assert became(self.report(store, *reversed(batch))) == (
                1,
                tuple(place for place in range(12) if place != 7),
            ), "of the same, reversed, only the one of who is registered by now is new"

    def test_a_late_report_makes_nobody_less_active(self) -> None:  # D60
        with self.opened() as store:
            self.registered(store, "c-1")
            for days, last in ((5, 5), (3, 5), (7, 7), (1, 7)):
                self.report(store, bought("c-1", f"r-{days}", T0 + days * _DAY))
                assert self.last_active(store, "c-1") == T0 + last * _DAY
            self.report(store, bought("c-1", "first", datetime(1970, 1, 1, tzinfo=UTC)))
            assert self.last_active(store, "c-1") == T0 + 7 * _DAY

    def test_what_does_not_count_keeps_nobody_active(self) -> None:  # D60, D106
        with self.opened() as store:
            self.registered(store, "c-1")
            self.report(store, bought("c-1", "r-1", counts=False))
            assert self.last_active(store, "c-1") is None
            self.report(store, bought("c-1", "r-2", T0), bought("c-1", "r-3", T0 + _DAY, counts=False))
            assert self.last_active(store, "c-1") == T0

    def test_who_is_not_registered_is_told_and_the_rest_is_recorded(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1")
            batch = bought("c-9", "r-1"), bought("c-1", "r-1"), bought("c-8", "r-1"), bought("c-9", "r-2")
            recorded = self.report(store, *batch, watch=frozenset({"Regular"}))
            assert (*became(recorded), sorted(recorded.unknown)) == (1, (), ["c-8", "c-9"])
            assert [row.customer for row in recorded.watched] == ["c-1"]
            assert self.reported(store, "c-9") == []
            assert store.load(ORG, "c-9") is None
            self.registered(store, "c-9")
            assert self.report(store, *batch).new == 2

    def test_a_closed_account_s_are_accepted_and_change_nothing(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            closed = self.written(store, transition(account, "deleted", "Closed", closes=True))
            assert became(self.report(store, bought("c-1", "r-1"))) == (1, ())
            assert plain(store.load(ORG, "c-1")) == plain(closed)
            assert len(self.reported(store, "c-1")) == 1

    def test_those_under_a_watched_label_are_told(self) -> None:  # D63
        watch = frozenset({"Dormant", "Asleep"})
        with self.opened() as store:
            for customer, label in (("c-3", "Dormant"), ("c-1", "Asleep"), ("c-2", "Regular"), ("c-4", "Dorm")):
                self.written(store, registration(customer, label=label))
            self.written(store, registration("c-5", None), registration("c-6", "suspended", None))
            everyone = [bought(f"c-{number}", "r-1", T0 + _DAY) for number in range(1, 7)]
            recorded = self.report(store, *everyone, watch=watch)
            assert [(row.customer, row.standing.label) for row in recorded.watched] == [
                ("c-1", "Asleep"),
                ("c-3", "Dormant"),
            ]
            row = recorded.watched[0]
            assert (row.registered_at, row.last_activity_at) == (T0, T0 + _DAY)
            again = self.report(store, *everyone, watch=watch)
            assert plain(again.watched) == plain(recorded.watched), (
                "a repeat is watched as well: a report may be the second try"
            )
            attempts = [evolve(each, reference="r-2", counts=False) for each in everyone]
            assert self.report(store, *attempts, watch=watch).watched == ()
            assert self.report(store, bought("c-2", "r-3"), watch=watch).watched == ()
            assert self.report(store, bought("c-1", "r-3")).watched == ()

    def many_reported(self, store: Store) -> list[StoredActivity]:
        """Activities of two customers, with ties, oldest first by time, kind, reference and customer."""
        self.registered(store, "c-1", "c-2")
        rows = [
            StoredActivity(customer, kind, reference, T0 + number * US, None, Effect.ALLOW, True)
            for number in (0, 2)
            for kind in ("login", "transaction")
            for reference in ("r-1", "r-2")
            for customer in ("c-1", "c-2")
        ]
        rows = [evolve(row, reference=f"{row.reference}{row.at.microsecond}") for row in rows]
        self.report(store, *rows[1::2], *rows[0::2])
        return rows

    def test_a_customer_s_in_order_page_by_page(self) -> None:  # D90
        with self.opened() as store:
            own = [row for row in self.many_reported(store) if row.customer == "c-2"]
            query = Activities(org=ORG, customer="c-2")
            assert plain(self.paged(store.page, query)) == plain(own[::-1])
            assert plain(self.paged(store.page, evolve(query, newest_first=False))) == plain(own)

    def test_by_reference_in_order_page_by_page(self) -> None:
        with self.opened() as store:
            rows = [row for row in self.many_reported(store) if row.reference == "r-10"]
            query = Activities(org=ORG, reference="r-10")
            assert len(rows) == 4
            assert plain(self.paged(store.page, query)) == plain(rows[::-1])
            assert plain(self.paged(store.page, evolve(query, newest_first=False))) == plain(rows)

    def test_by_customer_and_reference(self) -> None:
        with self.opened() as store:
            rows = [row for row in self.many_reported(store) if (row.customer, row.reference) == ("c-1", "r-22")]
            query = Activities(org=ORG, customer="c-1", reference="r-22", newest_first=False)
            assert len(rows) == 2
            assert plain(self.paged(store.page, query)) == plain(rows)
            assert self.paged(store.page, evolve(query, reference="r-2")) == []

    def test_a_report_that_comes_between_two_pages_moves_nothing(self) -> None:
        with self.opened() as store:
            own = [row for row in self.many_reported(store) if row.customer == "c-1"][::-1]
            query = Activities(org=ORG, customer="c-1", limit=3)
            first = store.page(query)
            self.report(store, bought("c-1", "new", T0 + _DAY), bought("c-1", "old", T0 - _DAY))
            rest = store.page(evolve(query, after=first.next, limit=100))
            assert plain([*first, *rest]) == plain([*own, bought("c-1", "old", T0 - _DAY)])

    def test_a_batch_of_thousands(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1", "c-2")
            rows = [bought(f"c-{number % 2 + 1}", f"r-{number}", T0 + number * US) for number in range(3_000)]
            assert became(self.report(store, *rows)) == (3_000, ())
            assert became(self.report(store, *rows)) == (0, tuple(range(3_000)))
            assert self.last_active(store, "c-2") == rows[-1].at
            mixed = [evolve(row, reference="new" * (place % 2) + row.reference) for place, row in enumerate(rows)]
            assert became(self.report(store, *mixed)) == (1_500, tuple(range(0, 3_000, 2)))
