"""Histories: every entry in its order, filtered, page by page."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import evolve

from custstatus import Entry, EntryKind
from custstatus.adapters import Log, Store
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import ADA, CRM, ORG, T0, US, holding, mobile, registration, transition
from custstatus.testing.snapshots import plain

__all__ = ["LogContract"]

_DAY = timedelta(days=1)


class LogContract(Contract):
    """The verb `page` of logs."""

    def history(self, store: Store) -> list[Entry]:
        """What several customers, actors, lifecycles and days come to; the entries in the order of writing."""
        written: list[Entry] = []
        for number, customer in enumerate(("c-2", "c-1", "c-3")):
            plan = registration(customer, at=T0 + number * _DAY, adds=[mobile(customer)])
            account = self.written(store, plan)
            written += plan.entries
            plans = [transition(account, "suspended", "Lost phone", now=T0 + 5 * _DAY, actor=CRM)]
            plans.append(transition(evolve(account, version=4), "active", "Regular", now=T0 + 5 * _DAY + US))
            plans.append(transition(evolve(account, version=5), "active", lifecycle="membership", now=T0 + 6 * _DAY))
            # The clock of this one was set back: the order is that of writing all the same.
            plans.append(holding(evolve(account, version=6), drops=[mobile(customer)], now=T0, reason="gone"))
            for plan in plans:
                self.written(store, plan)
                written += plan.entries
        return written

    def test_one_customer_s_by_version(self) -> None:  # D53
        with self.opened() as store:
            history = self.history(store)
            for customer in ("c-1", "c-2", "c-3"):
                own = [entry for entry in history if entry.customer == customer]
                query = Log(org=ORG, customer=customer)
                assert [entry.version for entry in own] == list(range(1, 8))
                assert plain(self.paged(store.page, query)) == plain(own)
                assert plain(self.paged(store.page, evolve(query, newest_first=True))) == plain(own[::-1])

    def test_an_organisation_s_as_it_was_written(self) -> None:  # D53
        with self.opened() as store:
            history = self.history(store)
            assert plain(self.paged(store.page, Log(org=ORG))) == plain(history)
            assert plain(self.paged(store.page, Log(org=ORG, newest_first=True))) == plain(history[::-1])

    def test_those_of_a_run_by_customer_then_by_version(self) -> None:  # D103
        customers = ("c-10", "c-2", "1.2", ".", "c.1", "😀", "Z", "a b", "é", "2.c")
        with self.opened() as store:
            of_run: dict[str, list[Entry]] = {"r-1": [], "r-2": []}
            for org in (ORG, "zenith"):
                for number, customer in enumerate(customers):
                    account = self.registered(store, customer, org=org)
                    plans = [transition(account, "suspended", now=T0 + number * US, run="r-1", reason="it was so")]
                    if number % 2:
                        plans.append(transition(evolve(account, version=3), "active", "Regular", now=T0, actor=CRM))
                        plans.append(
                            transition(
                                evolve(account, version=4),
                                "enrolled",
                                lifecycle="membership",
                                run=f"r-{1 + number % 4 // 2}",
                            )
                        )
                    for plan in plans:
                        self.written(store, plan)
                        for entry in plan.entries:
                            if entry.run in of_run and org == ORG:
                                of_run[entry.run].append(entry)
            for run, entries in of_run.items():
                expected = sorted(entries, key=lambda entry: (entry.customer, entry.version))
                for filters in ({}, {"lifecycle": "membership"}, {"status": "suspended"}, {"since": T0 + US}):
                    query = evolve(Log(org=ORG, run=run), **filters)
                    fitting = [
                        entry
                        for entry in expected
                        if query.lifecycle in (None, entry.lifecycle)
                        and query.status in (None, entry.to_status)
                        and (query.since is None or entry.recorded_at >= query.since)
                    ]
                    assert plain(self.paged(store.page, query)) == plain(fitting)
                    assert plain(self.paged(store.page, evolve(query, newest_first=True))) == plain(fitting[::-1])
                for customer in customers:
                    own = [entry for entry in expected if entry.customer == customer]
                    query = Log(org=ORG, run=run, customer=customer)
                    assert plain(self.paged(store.page, query)) == plain(own)
                    assert plain(self.paged(store.page, evolve(query, newest_first=True))) == plain(own[::-1])
            assert self.paged(store.page, Log(org=ORG, run="r")) == []

    def test_of_nobody_it_is_empty(self) -> None:
        with self.opened() as store:
            assert self.paged(store.page, Log(org=ORG)) == []
            self.history(store)
            assert self.paged(store.page, Log(org=ORG, customer="nobody")) == []
            assert self.paged(store.page, Log(org="others")) == []

    def test_every_filter_of_a_history_and_all_of_them_together(self) -> None:  # D53
        times: list[datetime | None] = [None, T0, T0 + US, T0 + 5 * _DAY, T0 + 5 * _DAY + US]
        with self.opened() as store:
            history = self.history(store)
            for lifecycle in (None, "customer_status", "membership", "customer", "loyalty_type"):
                for status in (None, "active", "suspended", "ACTIVE"):
                    for actor in (None, ADA.id, CRM.id, "agent"):
                        for since, until in [*((time, None) for time in times), *((None, time) for time in times)]:
                            self.filtered(
                                store,
                                history,
                                Log(
                                    org=ORG,
                                    lifecycle=lifecycle,
                                    status=status,
                                    actor=actor,
                                    since=since,
                                    until=until,
                                    limit=10_000,
                                ),
                            )

    def filtered(self, store: Store, history: list[Entry], query: Log) -> None:
        """Ask, of all and of one, and compare with the whole history filtered here."""
        expected = [
            entry
            for entry in history
            if query.lifecycle in (None, entry.lifecycle)
            and query.status in (None, entry.to_status)
            and query.actor in (None, entry.actor.id)
            and (query.since is None or entry.recorded_at >= query.since)
            and (query.until is None or entry.recorded_at < query.until)
        ]
        assert list(store.page(query)) == expected, f"{query}"
        own = [entry for entry in expected if entry.customer == "c-1"]
        assert list(store.page(evolve(query, customer="c-1", newest_first=True))) == own[::-1], f"{query}"

    def test_a_filtered_history_page_by_page(self) -> None:
        with self.opened() as store:
            history = self.history(store)
            for query in (
                Log(org=ORG, lifecycle="membership"),
                Log(org=ORG, status="active", newest_first=True),
                Log(org=ORG, actor=CRM.id),
                Log(org=ORG, since=T0 + US, until=T0 + 6 * _DAY, newest_first=True),
                Log(org=ORG, customer="c-1", actor=ADA.id),
                Log(org=ORG, customer="c-1", lifecycle="customer_status", newest_first=True),
            ):
                assert 0 < len(self.paged(store.page, query)) < len(history)

    def test_what_comes_between_two_pages_is_neither_missed_nor_told_twice(self) -> None:
        with self.opened() as store:
            history = self.history(store)
            first = store.page(Log(org=ORG, limit=5))
            last = store.page(Log(org=ORG, limit=5, newest_first=True))
            plan = registration("c-0")
            self.written(store, plan)
            rest = store.page(Log(org=ORG, after=first.next))
            assert plain([*first, *rest]) == plain([*history, *plan.entries])
            rest = store.page(Log(org=ORG, after=last.next, newest_first=True))
            assert plain([*last, *rest]) == plain(history[::-1])

    def test_each_kind_of_entry_says_what_it_is(self) -> None:  # D51, D108
        with self.opened() as store:
            account = self.written(store, registration("c-1", adds=[mobile("1")]))
            account = self.written(store, holding(account, [mobile("2")], [mobile("1")]))
            self.written(store, holding(account, drops=[mobile("2")]))
            kinds = [(entry.kind, entry.subject, entry.lifecycle) for entry in store.page(Log(org=ORG))]
            assert kinds == [
                (EntryKind.REGISTERED, None, None),
                (EntryKind.MOVED, None, "customer_status"),
                (EntryKind.IDENTIFIER_ADDED, "mobile", None),
                (EntryKind.IDENTIFIER_REPLACED, "mobile", None),
                (EntryKind.IDENTIFIER_REMOVED, "mobile", None),
            ]
