"""Lists: accounts by where they stand, all of them, and how many stand where."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import product

from attrs import evolve, fields
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custstatus import Account, ActorKind, Listed, Page, Tally
from custstatus.adapters import Accounts, ActivityBatch, CustomerIds, Customers, Store
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import ADA, CRM, ORG, T0, US, bought, registration, transition
from custstatus.testing.snapshots import plain

__all__ = ["ListContract"]

_DAY = timedelta(days=1)
_LIFECYCLE = "customer_status"
# In this order by code points: neither by case, nor by alphabet, nor by UTF-16.
_IDS = ("!", "-1", "10", "9", "Z", "a", "a ", "a b", "aa", "é", "\ufb00", "\uffee", "😀", "😀😀")


class ListContract(Contract):
    """The verb `page` of lists of accounts, and the verbs `count` and `tally`."""

    def population(self, store: Store) -> dict[str, Account]:
        """Accounts at every kind of place, unset and closed ones among them, some of them active of late."""
        accounts: dict[str, Account] = {}
        places = [("active", "Regular"), ("active", "Dormant"), ("suspended", "Lost phone"), ("deleted", "Closed")]
        for number, customer in enumerate(reversed(_IDS)):
            status, label = [*places, ("suspended", None), (None, None)][number % 6]
            account = self.written(store, registration(customer, status, label, at=T0 + number * US))
            if status == "deleted":
                account = self.written(store, transition(account, status, "Gone", now=T0 + _DAY, closes=True))
            if number % 6 == 4:
                by, at = (CRM, T0 + 2 * _DAY) if number == 4 else (ADA, T0 + _DAY + US)
                account = self.written(store, transition(account, "suspended", "On leave", now=at, actor=by))
            if number % 3 == 0:
                account = self.written(store, transition(account, "enrolled", lifecycle="membership"))
            if number % 4 == 0:
                store.record(ActivityBatch(ORG, (bought(customer, f"r-{number}", T0 + number * US),)))
            accounts[customer] = account
        return {customer: accounts[customer] for customer in _IDS}

    def test_every_account_in_the_order_of_the_ids_by_code_points(self) -> None:
        with self.opened() as store:
            assert self.paged(store.page, Accounts(org=ORG)) == []
            population = self.population(store)
            assert plain(self.paged(store.page, Accounts(org=ORG))) == plain(list(population.values()))
            assert self.paged(store.page, Accounts(org="others")) == []

    def test_accounts_without_any_standing_are_listed_as_well(self) -> None:
        with self.opened() as store:
            for customer in ("c-2", "c-1", "c-3"):
                self.written(store, registration(customer, None, lifecycles=[] if customer != "c-3" else ["x"]))
            assert [account.customer for account in self.paged(store.page, Accounts(org=ORG))] == [
                "c-1",
                "c-2",
                "c-3",
            ]

    def test_all_who_have_a_row_on_a_lifecycle(self) -> None:
        with self.opened() as store:
            population = self.population(store)
            for lifecycle in (_LIFECYCLE, "membership"):
                rows = self.paged(store.page, Customers(org=ORG, lifecycle=lifecycle))
                assert [row.customer for row in rows] == list(population)
                for row in rows:
                    assert plain(row.standing) == plain(population[row.customer].standing(lifecycle))
                    assert row.registered_at == population[row.customer].registered_at
            assert self.paged(store.page, Customers(org=ORG, lifecycle="client_state")) == []
            assert self.paged(store.page, Customers(org="others", lifecycle=_LIFECYCLE)) == []

    def test_every_filter_of_a_list_and_all_of_them_together(self) -> None:  # D62, D63, D65, D89
        statuses: list[frozenset[str | None] | None] = [
            *(None, frozenset(), frozenset({None}), frozenset({"active"}), frozenset({"activ"})),
            *(frozenset({"suspended", "deleted"}), frozenset({"active", None})),
        ]
        withouts = frozenset[str](), frozenset({"deleted"}), frozenset({"active", "suspended"})
        labels = None, "Regular", "regular", "Lost phone"
        places = (
            None,
            frozenset[str](),
            frozenset({"Regular", "suspended"}),
            frozenset({"Dormant"}),
            frozenset({"active"}),
        )
        quiets = None, T0, T0 + 5 * US, T0 + _DAY
        actives = None, T0 + 6 * US
        with self.opened() as store:
            self.population(store)
            everyone = list(store.page(Customers(org=ORG, lifecycle=_LIFECYCLE)))
            asked = product(statuses, withouts, labels, places, quiets, actives)
            for status, without, label, place, quiet, active in asked:
                query = Customers(
                    org=ORG,
                    lifecycle=_LIFECYCLE,
                    statuses=status,
                    without=without,
                    label=label,
                    places=place,
                    quiet_since=quiet,
                    active_since=active,
                )
                expected = [row for row in everyone if _fits(row, query)]
                assert list(store.page(query)) == expected, f"{query}"

    def test_a_filtered_list_page_by_page(self) -> None:
        queries = Customers(org=ORG, lifecycle=_LIFECYCLE, statuses=frozenset({"suspended"}))
        with self.opened() as store:
            population = self.population(store)
            for query in (
                queries,
                evolve(queries, statuses=frozenset({None, "active"})),
                evolve(queries, statuses=None, label="Regular"),
                evolve(queries, statuses=None, without=frozenset({"deleted"})),
                evolve(queries, statuses=None, places=frozenset({"Dormant", "Lost phone"})),
                evolve(queries, statuses=None, quiet_since=T0 + 6 * US),
                evolve(queries, statuses=None, active_since=T0 + 6 * US),
            ):
                assert 0 < len(self.paged(store.page, query)) < len(population), f"{query}"

    def test_ids_and_counts_are_those_of_the_list(self) -> None:  # D62, D63
        with self.opened() as store:
            self.population(store)
            everyone = {
                name: list(store.page(Customers(org=ORG, lifecycle=name))) for name in (_LIFECYCLE, "membership")
            }
            sizes = Counter[str]()

            def check(query: Customers) -> None:
                fitting = [row for row in everyone[query.lifecycle] if _fits(row, query)]
                expected = [row for row in fitting if query.after is None or row.customer > query.after][: query.limit]
                rows, ids = store.page(query), store.page(_ids(query))
                assert ids.next == rows.next
                assert list(rows) == expected, f"{query}"
                assert plain(ids) == plain(Page(tuple(row.customer for row in rows), rows.next)), f"{query}"
                assert store.count(query) == len(fitting), f"{query}"
                sizes.update([f"{min(len(fitting), 4)}"])

            @settings(
                deadline=None,
                max_examples=100,
                database=None,
                report_multiple_bugs=False,
                suppress_health_check=[HealthCheck.too_slow],
            )
            @given(_queries())
            def law(query: Customers) -> None:
                check(query)

            law()
            # And each limit exactly, which chance might leave out.
            exact = Customers(org=ORG, lifecycle=_LIFECYCLE)
            for moment in sorted({row.last_activity_at or row.registered_at for row in everyone[_LIFECYCLE]}):
                check(evolve(exact, quiet_since=moment))
                check(evolve(exact, active_since=moment))
            assert len(sizes) >= 3, f"lists of too few lengths: {sizes}"

    def test_ids_page_by_page(self) -> None:
        whole = Customers(org=ORG, lifecycle=_LIFECYCLE)
        with self.opened() as store:
            assert self.paged(store.page, _ids(whole)) == []
            assert store.count(whole) == 0
            population = self.population(store)
            assert self.paged(store.page, _ids(whole)) == list(population)
            some = evolve(whole, statuses=frozenset({"suspended"}))
            assert self.paged(store.page, _ids(some)) == [row.customer for row in self.paged(store.page, some)]
            for nobody in (evolve(whole, org="others"), evolve(whole, lifecycle="client_state")):
                assert (self.paged(store.page, _ids(nobody)), store.count(nobody)) == ([], 0)

    def test_the_exempt_are_in_no_list(self) -> None:  # D63
        whole = Customers(org=ORG, lifecycle=_LIFECYCLE)
        with self.opened() as store:
            population = self.population(store)
            exempt = frozenset({"!", "😀", "nobody", "A", "", "NULL", '"', "{}", "aa,a"})
            spared = evolve(whole, exempt=exempt)
            rest = [customer for customer in population if customer not in exempt]
            assert len(rest) == len(population) - 2
            assert self.paged(store.page, _ids(spared)) == rest
            assert [row.customer for row in self.paged(store.page, spared)] == rest
            assert store.count(spared) == len(rest)
            assert store.count(evolve(whole, exempt=frozenset(population))) == 0

    def test_grace_is_exact_to_the_microsecond_and_for_persons_only(self) -> None:  # D63
        late = T0 + 5 * US
        kinds = {"system": CRM, "customer": evolve(ADA, kind=ActorKind.CUSTOMER), "person": ADA}
        with self.opened() as store:
            for name, actor in kinds.items():
                account = self.registered(store, name)
                self.written(store, transition(account, "active", "Trending", now=late, actor=actor))
            self.written(store, registration("registered", at=late))
            account = self.registered(store, "elsewhere")
            self.written(store, transition(account, "enrolled", lifecycle="membership", now=late))
            everybody = ["customer", "elsewhere", "person", "registered", "system"]
            for since, left in ((T0, ["person"]), (late, ["person"]), (late + US, [])):
                query = Customers(org=ORG, lifecycle=_LIFECYCLE, grace_since=since)
                expected = [each for each in everybody if each not in left]
                assert [row.customer for row in store.page(query)] == expected, f"{since}"
                assert (list(store.page(_ids(query))), store.count(query)) == (expected, len(expected))
            membership = Customers(org=ORG, lifecycle="membership", grace_since=late)
            assert list(store.page(_ids(membership))) == [each for each in everybody if each != "elsewhere"]

    def test_a_row_tells_the_last_activity_that_counts(self) -> None:  # D60
        with self.opened() as store:
            self.registered(store, "c-1", "c-2")
            rows = [
                bought("c-1", "r-1", T0 + _DAY),
                bought("c-1", "r-2", T0),
                bought("c-1", "r-3", T0 + 2 * _DAY, counts=False),
            ]
            for row in rows:
                store.record(ActivityBatch(ORG, (row,)))
            listed = store.page(Customers(org=ORG, lifecycle=_LIFECYCLE))
            assert [row.last_activity_at for row in listed] == [T0 + _DAY, None]

    def test_quiet_is_exact_to_the_microsecond(self) -> None:  # D60, D61
        with self.opened() as store:
            self.registered(store, "bought", "never")
            store.record(ActivityBatch(ORG, (bought("bought", "r-1", T0 + _DAY),)))
            for quiet, expected in (
                (T0, []),
                (T0 + US, ["never"]),
                (T0 + _DAY, ["never"]),
                (T0 + _DAY + US, ["bought", "never"]),
            ):
                rows = store.page(Customers(org=ORG, lifecycle=_LIFECYCLE, quiet_since=quiet))
                assert [row.customer for row in rows] == expected, f"{quiet}"

    def test_how_many_stand_where_unset_first(self) -> None:
        with self.opened() as store:
            assert store.tally(ORG, _LIFECYCLE) == ()
            population = self.population(store)
            for lifecycle in (_LIFECYCLE, "membership", "client_state"):
                rows = [account.standing(lifecycle) for account in population.values()]
                counted = Counter((row.status, row.label) for row in rows if row is not None)
                places = sorted(counted, key=lambda place: (place[0] or "", place[1] or ""))
                expected = tuple(Tally(status, label, counted[status, label]) for status, label in places)
                assert store.tally(ORG, lifecycle) == expected
            assert store.tally("others", _LIFECYCLE) == ()

    def test_lists_follow_every_change(self) -> None:
        active = Customers(org=ORG, lifecycle=_LIFECYCLE, statuses=frozenset({"active"}))
        with self.opened() as store:
            account = self.registered(store, "c-2", "c-1")
            assert [row.customer for row in store.page(active)] == ["c-1", "c-2"]
            self.written(store, transition(account, "suspended", "Lost phone"))
            assert [row.customer for row in store.page(active)] == ["c-2"]
            assert [tally.accounts for tally in store.tally(ORG, _LIFECYCLE)] == [1, 1]


def _queries() -> st.SearchStrategy[Customers]:
    """What a list can be asked for, of a population; most of it is left out of most."""
    moments = [T0, T0 + 4 * US, T0 + 9 * US, T0 + _DAY, T0 + _DAY + US, T0 + 2 * _DAY, T0 + 2 * _DAY + US]
    statuses = ["active", "suspended", "deleted", "enrolled"]
    none = st.none()
    return st.builds(
        Customers,
        org=st.just(ORG),
        lifecycle=st.sampled_from((_LIFECYCLE, _LIFECYCLE, "membership")),
        statuses=none | none | st.frozensets(st.sampled_from([None, *statuses])),
        without=st.just(frozenset()) | st.frozensets(st.sampled_from(statuses), max_size=2),
        label=none | none | none | st.sampled_from(("Regular", "Lost phone", "On leave")),
        places=none | none | st.frozensets(st.sampled_from(("Regular", "Dormant", "Gone", "On leave", "enrolled"))),
        quiet_since=none | none | st.sampled_from(moments),
        active_since=none | none | none | none | none | st.sampled_from(moments),
        grace_since=none | st.sampled_from(moments),
        exempt=st.just(frozenset()) | st.frozensets(st.sampled_from((*_IDS, "nobody"))),
        after=none | none | st.sampled_from(_IDS),
        limit=st.integers(1, len(_IDS) + 1),
    )


def _fits(row: Listed[str, str], query: Customers) -> bool:
    """Whether a row belongs in a list, told in the plainest way."""
    status, label = row.standing.status, row.standing.label
    quiet = row.last_activity_at or row.registered_at
    by_hand = row.standing.by.kind is ActorKind.PERSON and row.standing.since > row.registered_at
    return (
        (query.statuses is None or status in query.statuses)
        and (status is None or status not in query.without)
        and query.label in (None, label)
        and (query.places is None or (label if label is not None else status) in query.places)
        and (query.quiet_since is None or quiet < query.quiet_since)
        and (query.active_since is None or (row.last_activity_at or T0 - _DAY) >= query.active_since)
        and not (query.grace_since is not None and by_hand and row.standing.since >= query.grace_since)
        and row.customer not in query.exempt
    )


def _ids(query: Customers) -> CustomerIds:
    """The same list, only of ids."""
    return CustomerIds(**{each.name: getattr(query, each.name) for each in fields(Customers)})
