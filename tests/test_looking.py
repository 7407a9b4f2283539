"""Looking: what stands now and what stood then, the history, lists, counts and the timeline."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from organisation import (
    ACME,
    AGENT,
    COLLEAGUE,
    CUSTOMER,
    START,
    STORES,
    ForeignLabel,
    Label,
    ShopAction,
    World,
    in_memory,
    opened,
    some_examples,
)

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    LOYALTY_TYPE,
    MEMBERSHIP,
    Action,
    Activity,
    Actor,
    ClientState,
    CustomerStatus,
    Effect,
    Entry,
    EntryKind,
    Identifier,
    InvalidInputError,
    LegacyFraudStatus,
    Lifecycle,
    Listed,
    Membership,
    NoLabels,
    OrgConfig,
    Page,
    Standing,
    StatusLabel,
    Tally,
    UnknownCustomerError,
)
from custstatus.errors import StoredValueError, UnknownLifecycleError

ACTIVE, SUSPENDED, DELETED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED, CustomerStatus.DELETED
DAY = timedelta(days=1)


@pytest.fixture(params=STORES)
def acme(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World[Label]]:
    """The example organisation over each kind of store."""
    with opened(request.param, tmp_path, ACME) as world:
        yield world


@pytest.fixture
def story(acme: World[Label]) -> World[Label]:
    """Customer c, changed once a day by one actor or another."""
    acme.desk.register("c")
    for label, actor in ((Label.TRENDING, AGENT), (Label.ABROAD, CUSTOMER), (Label.REGULAR, COLLEAGUE)):
        acme.clock.forward(days=1)
        acme.service.acting(actor).change("c", label, reason="r")
    return acme


def paged(fetch: Callable[[str | None], Page[Any]]) -> list[Any]:
    """Everything on all pages of a list."""
    items: list[Any] = []
    page = fetch(None)
    while True:
        items += page.items
        if page.next is None:
            return items
        page = fetch(page.next)


class TestStandings:
    def test_where_a_customer_stands_since_when_and_by_whom(self, story: World[Label]) -> None:
        # D56
        standing = story.service.standing("c", CUSTOMER_STATUS)
        assert standing is not None
        assert (standing.status, standing.label) == (ACTIVE, Label.REGULAR)
        assert (standing.since, standing.status_since) == (START + 3 * DAY, START + 3 * DAY)
        assert (standing.by, standing.entry) == (COLLEAGUE, 5)

    def test_an_unset_lifecycle_is_none(self, story: World[Label]) -> None:
        assert story.service.standing("c", MEMBERSHIP) is None
        assert [row.lifecycle for row in story.service.standings("c")] == ["customer_status"]

    def test_every_lifecycle_that_was_entered_is_listed(self, acme: World[Label]) -> None:
        acme.desk.register("c", Membership.ENROLLED, ClientState.REGISTERED)
        assert [(row.status, row.label) for row in acme.service.standings("c")] == [
            (ClientState.REGISTERED, None),
            (ACTIVE, Label.REGULAR),
            (Membership.ENROLLED, None),
        ]

    def test_as_of_a_time_it_is_what_counted_then(self, story: World[Label]) -> None:
        def label_at(at: datetime) -> StatusLabel | None:
            standing = story.service.standing("c", CUSTOMER_STATUS, at=at)
            return None if standing is None else standing.label

        assert label_at(START) is Label.REGULAR
        assert label_at(START + DAY - timedelta(microseconds=1)) is Label.REGULAR
        assert label_at(START + DAY) is Label.TRENDING
        assert label_at(START + 2.5 * DAY) is Label.ABROAD
        assert label_at(datetime(9999, 1, 1, tzinfo=UTC)) is Label.REGULAR

    def test_as_of_a_time_in_any_zone(self, story: World[Label]) -> None:
        there = (START + DAY).astimezone(timezone(timedelta(hours=-7)))
        standing = story.service.standing("c", CUSTOMER_STATUS, at=there)
        assert standing is not None
        assert standing.label is Label.TRENDING
        with pytest.raises(InvalidInputError, match="at: expected an aware datetime"):
            story.service.standing("c", CUSTOMER_STATUS, at=datetime(2024, 1, 1))

    def test_as_of_a_time_it_goes_by_when_a_change_counts_not_by_when_it_was_recorded(self, acme: World[Label]) -> None:
        acme.desk.register("c", at=START - 9 * DAY)
        acme.desk.change("c", Label.ABROAD, reason="told late", at=START - 4 * DAY)
        standing = acme.service.standing("c", CUSTOMER_STATUS, at=START - 3 * DAY)
        assert standing is not None
        assert standing.label is Label.ABROAD

    def test_before_the_registration_there_is_no_such_customer(self, story: World[Label]) -> None:
        with pytest.raises(UnknownCustomerError):
            story.service.standing("c", CUSTOMER_STATUS, at=START - timedelta(microseconds=1))

    def test_as_of_now_is_what_stands_now(self, story: World[Label]) -> None:
        assert story.service.standings("c", at=story.clock()) == story.service.standings("c")

    def test_a_lifecycle_that_is_off_is_an_error(self, story: World[Label]) -> None:
        # D16
        for look in (
            lambda: story.service.standing("c", LOYALTY_TYPE),
            lambda: story.service.customers(LOYALTY_TYPE),
            lambda: story.service.counts(LOYALTY_TYPE),
            lambda: story.service.history("c", lifecycle=LOYALTY_TYPE),
        ):
            with pytest.raises(UnknownLifecycleError, match="'loyalty_type'"):
                look()

    def test_an_unknown_customer_is_an_error_wherever_one_is_named(self, story: World[Label]) -> None:
        look = story.service
        for ask in (
            lambda: look.standing("x", CUSTOMER_STATUS),
            lambda: look.standing("x", CUSTOMER_STATUS, at=START),
            lambda: look.standings("x"),
            lambda: look.account("x"),
            lambda: look.history("x"),
            lambda: look.identifiers("x"),
            lambda: look.activities("x"),
            lambda: look.timeline("x"),
        ):
            with pytest.raises(UnknownCustomerError, match="no customer 'x'"):
                ask()


class TestStoredValues:
    @pytest.fixture
    def older(self, story: World[Label]) -> World[Any]:
        """The same store under labels that lack where c once stood and where d stands."""
        story.desk.register("d", Label.TRENDING)
        return story.under(OrgConfig("acme", ForeignLabel))

    def test_a_stored_label_that_the_configuration_lacks_is_named(self, older: World[Any]) -> None:
        look = older.service
        older.clock.forward(days=1)
        for ask in (
            lambda: look.standing("d", CUSTOMER_STATUS),
            lambda: look.standings("d"),
            lambda: look.customers(CUSTOMER_STATUS),
            lambda: look.inactive(timedelta(microseconds=1)),
            lambda: look.reportable(),
            lambda: look.counts(CUSTOMER_STATUS),
            lambda: look.standing("c", CUSTOMER_STATUS, at=START + DAY),
        ):
            with pytest.raises(StoredValueError) as told:
                ask()
            error = told.value
            assert (error.lifecycle, error.kind, error.value) == ("customer_status", "label", "Trending")

    def test_the_history_is_text_and_stays_readable(self, older: World[Any]) -> None:
        assert [entry.to_label for entry in older.service.history("c")][1:] == [
            "Regular",
            "Trending",
            "Abroad",
            "Regular",
        ]

    def test_others_who_stand_where_the_configuration_has_a_place_are_fine(self, older: World[Any]) -> None:
        assert older.label("c") is ForeignLabel.REGULAR

    def test_an_activity_of_an_action_that_the_configuration_lacks_is_named(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        acme.service.record(Activity("c", ShopAction.GIFT_WRAP, "r", START))
        later = acme.under(OrgConfig("acme", Label))
        with pytest.raises(StoredValueError, match="action 'gift_wrap'"):
            later.service.activities("c")


class TestHistory:
    def test_every_accepted_change_is_an_entry_oldest_first(self, story: World[Label]) -> None:
        # D51, D53
        entries = list(story.service.history("c"))
        assert [entry.version for entry in entries] == [1, 2, 3, 4, 5]
        assert [entry.to_label for entry in entries] == [None, "Regular", "Trending", "Abroad", "Regular"]
        assert [entry.from_label for entry in entries] == [None, None, "Regular", "Trending", "Abroad"]

    def test_exactly_one_entry_of_a_lifecycle_is_active_the_last(self, story: World[Label]) -> None:
        # D52
        transitions = [entry for entry in story.service.history("c") if entry.lifecycle == "customer_status"]
        standing = story.service.standing("c", CUSTOMER_STATUS)
        assert standing is not None
        assert [entry.version for entry in transitions if entry.version == standing.entry] == [transitions[-1].version]

    def test_an_entry_carries_previous_and_current_status_and_label_and_the_reason(self, story: World[Label]) -> None:
        # D58
        entry = story.service.history("c").items[3]
        assert (entry.from_status, entry.from_label) == ("active", "Trending")
        assert (entry.to_status, entry.to_label, entry.reason) == ("suspended", "Abroad", "r")

    @pytest.mark.parametrize("newest_first", [False, True])
    @pytest.mark.parametrize("limit", [1, 2, 5, 100])
    @pytest.mark.parametrize("customer", ["c", None])
    def test_pages_hold_everything_once_in_both_directions(
        self, newest_first: bool, limit: int, customer: str | None, story: World[Label]
    ) -> None:
        # D53
        story.desk.register("d")
        everything = list(story.service.history(customer))
        assert len(everything) == (5 if customer else 7)
        read = paged(lambda after: story.service.history(customer, newest_first=newest_first, after=after, limit=limit))
        assert read == (everything[::-1] if newest_first else everything)

    def test_it_is_filtered_by_actor(self, story: World[Label]) -> None:
        # D53
        assert [entry.version for entry in story.service.history("c", actor="agent-7")] == [1, 2, 3]
        assert [entry.version for entry in story.service.history(actor="app")] == [4]
        assert len(story.service.history("c", actor="nobody")) == 0

    def test_it_is_filtered_by_lifecycle_and_status(self, story: World[Label]) -> None:
        # D53
        story.desk.change("c", Membership.ACTIVE)
        look = story.service
        assert [entry.version for entry in look.history("c", lifecycle=MEMBERSHIP)] == [6]
        suspended = look.history("c", lifecycle=CUSTOMER_STATUS, status=SUSPENDED)
        assert [entry.version for entry in suspended] == [4]
        # ACTIVE of membership is another status than ACTIVE of customer status, though stored alike.
        assert [entry.version for entry in look.history("c", lifecycle=MEMBERSHIP, status=Membership.ACTIVE)] == [6]

    def test_it_is_filtered_by_when_it_was_recorded_from_a_time_on_until_before_another(
        self, story: World[Label]
    ) -> None:
        # D53
        look = story.service
        assert [entry.version for entry in look.history("c", since=START + DAY)] == [3, 4, 5]
        assert [entry.version for entry in look.history("c", until=START + DAY)] == [1, 2]
        assert [entry.version for entry in look.history("c", since=START + DAY, until=START + 2 * DAY)] == [3]

    def test_filters_are_combined_and_paged(self, story: World[Label]) -> None:
        # D53
        read = paged(
            lambda after: story.service.history(
                "c", actor="agent-7", since=START, newest_first=True, after=after, limit=1
            )
        )
        assert [entry.version for entry in read] == [3, 2, 1]

    @pytest.mark.parametrize(
        "given",
        [
            {"status": SUSPENDED},
            {"lifecycle": MEMBERSHIP, "status": SUSPENDED},
            {"limit": 0},
            {"limit": 10_001},
            {"limit": True},
            {"after": "the next"},
            {"after": "-1"},
            {"after": "9" * 40},
            {"actor": ""},
            {"since": datetime(2024, 1, 1)},
            {"until": "2024"},
        ],
    )
    def test_a_question_out_of_bounds_is_invalid(self, given: dict[str, Any], story: World[Label]) -> None:
        with pytest.raises(InvalidInputError):
            story.service.history("c", **given)

    def test_an_empty_page_of_a_customer_who_is_there_is_no_error(self, story: World[Label]) -> None:
        assert story.service.history("c", since=START + 99 * DAY).items == ()


class TestIdentifiers:
    def test_they_are_listed_the_primary_type_first_then_as_they_were_added(self, acme: World[Label]) -> None:
        # D108
        acme.desk.register("c")
        added = [
            Identifier("email", "z"),
            Identifier("email", "a"),
            Identifier("mobile", "9"),
            Identifier("email", "b"),
        ]
        for identifier in added:
            acme.clock.forward(days=1)
            acme.desk.add_identifier("c", identifier)
        held = acme.service.identifiers("c")
        assert [(each.type, json.loads(each.token)[1]) for each in held] == [
            ("mobile", "9"),
            ("email", "z"),
            ("email", "a"),
            ("email", "b"),
        ]
        assert [each.since for each in held] == [START + days * DAY for days in (3, 1, 2, 4)]

    def test_those_that_were_added_at_once_are_listed_as_they_were_given(self, acme: World[Label]) -> None:
        # D108
        acme.desk.register("c", identifiers=[Identifier("email", name) for name in "zab"])
        assert [json.loads(each.token)[1] for each in acme.service.identifiers("c")] == ["z", "a", "b"]

    def test_nobody_is_found_by_what_nobody_holds(self, acme: World[Label]) -> None:
        assert acme.service.find(Identifier("mobile", "1")) is None


@pytest.fixture
def crowd(acme: World[Label]) -> World[Label]:
    """One customer in each customer status, and one in none."""
    acme.under(UNLABELLED).desk.register("unset")
    for label in (Label.REGULAR, Label.ABROAD, Label.UNUSUAL):
        acme.desk.register(label.name.lower(), label, reason="r")
    for label in (Label.PROVEN, Label.TESTER, Label.LEAVING, Label.CLOSED):
        name = label.name.lower()
        acme.desk.register(name)
        if label is Label.PROVEN:
            acme.desk.change(name, Label.UNUSUAL, reason="r")
        acme.make(evolve(acme.request(name, label), actor=AGENT))
    return acme


class Empty(StatusLabel):
    """No label but one of DELETED: whoever registers has no status."""

    GONE = "Gone", DELETED


UNLABELLED = OrgConfig("acme", Empty, lifecycles=ACME.lifecycles)


def names(page: Page[Listed[Any, Any]]) -> list[str]:
    """The customers of a list."""
    return [listed.customer for listed in page]


def _page(one: Callable[..., Page[Any]], limit: int, after: str | None) -> Page[Any]:
    """A page of a list."""
    return one(after=after, limit=limit)


class TestLists:
    def test_customers_are_selected_by_state(self, crowd: World[Label]) -> None:
        # D89
        look = crowd.service
        assert names(look.customers(CUSTOMER_STATUS, SUSPENDED)) == ["abroad"]
        assert names(look.customers(CUSTOMER_STATUS, ACTIVE, SUSPENDED)) == ["abroad", "regular"]
        assert names(look.customers(CUSTOMER_STATUS, label=Label.UNUSUAL)) == ["unusual"]
        assert names(look.customers(CUSTOMER_STATUS, ACTIVE, label=Label.UNUSUAL)) == []
        crowd.desk.change("regular", ClientState.REGISTERED)
        assert names(look.customers(CLIENT_STATE, ClientState.REGISTERED)) == ["regular"]

    def test_a_listed_customer_comes_with_his_standing_and_times(self, crowd: World[Label]) -> None:
        crowd.bought("regular", "r", START + DAY)
        (listed,) = crowd.service.customers(CUSTOMER_STATUS, ACTIVE)
        assert (listed.standing.status, listed.standing.label) == (ACTIVE, Label.REGULAR)
        assert (listed.registered_at, listed.last_activity_at) == (START, START + DAY)

    def test_where_no_status_is_given_all_that_have_entered_the_lifecycle_but_the_closed(
        self, crowd: World[Label]
    ) -> None:
        # D62: normal searches leave out the deleted
        everybody = names(crowd.service.customers(CUSTOMER_STATUS))
        assert everybody == ["abroad", "leaving", "proven", "regular", "tester", "unusual"]
        assert names(crowd.service.customers(MEMBERSHIP)) == []

    def test_under_the_label_of_a_closing_status_the_closed_are_listed(self, crowd: World[Label]) -> None:
        assert names(crowd.service.customers(CUSTOMER_STATUS, label=Label.CLOSED)) == ["closed"]

    def test_the_deleted_are_listed(self, crowd: World[Label]) -> None:
        # D62
        assert names(crowd.service.customers(CUSTOMER_STATUS, CustomerStatus.DELETED)) == ["closed"]

    def test_reports_leave_out_deleted_internal_and_confirmed_fraud_and_keep_the_unset(
        self, crowd: World[Label]
    ) -> None:
        # D65
        assert names(crowd.service.reportable()) == ["abroad", "leaving", "regular", "unset", "unusual"]

    @pytest.mark.parametrize("kind", STORES)
    @pytest.mark.parametrize("limit", [1, 2, 100])
    def test_where_only_the_legacy_fraud_status_is_on_reports_leave_out_by_it(
        self, limit: int, kind: str, tmp_path: Path
    ) -> None:
        # D44: MARKED and NOT_FRAUD stay, and so does who has none
        config = OrgConfig("acme", NoLabels, lifecycles=[LEGACY_FRAUD_STATUS])
        with opened(kind, tmp_path, config) as world:
            marked, confirmed = LegacyFraudStatus.MARKED, LegacyFraudStatus.CONFIRMED
            for name, *statuses in (
                ("none",),
                ("marked", marked),
                ("confirmed", marked, confirmed),
                ("reconfirmed", marked, confirmed, LegacyFraudStatus.RECONFIRMED),
                ("cleared", marked, LegacyFraudStatus.NOT_FRAUD),
                ("tester", LegacyFraudStatus.INTERNAL),
            ):
                world.desk.register(name)
                for status in statuses:
                    world.desk.change(name, status, reason="r")
            reported = paged(partial(_page, world.service.reportable, limit))
            assert [row.customer for row in reported] == ["cleared", "marked", "none"]
            assert [row.standing.status for row in reported] == [LegacyFraudStatus.NOT_FRAUD, marked, None]

    def test_where_both_are_on_reports_go_by_customer_status(self) -> None:
        # D45, D65
        world = in_memory(OrgConfig("acme", NoLabels, lifecycles=[LEGACY_FRAUD_STATUS, CUSTOMER_STATUS]))
        world.desk.register("tester", LegacyFraudStatus.INTERNAL, reason="r")
        world.desk.register("internal", CustomerStatus.INTERNAL, reason="r")
        assert names(world.service.reportable()) == ["tester"]

    def test_where_neither_is_on_there_is_no_telling(self) -> None:
        world = in_memory(OrgConfig("acme", NoLabels, lifecycles=[MEMBERSHIP]))
        with pytest.raises(UnknownLifecycleError, match="'customer_status'"):
            world.service.reportable()

    @pytest.mark.parametrize("limit", [1, 2, 3, 100])
    def test_every_list_is_paged_in_the_order_of_the_customer_ids(self, limit: int, crowd: World[Label]) -> None:
        look = crowd.service
        crowd.clock.forward(days=9)
        lists: list[Callable[..., Page[Any]]] = [
            partial(look.customers, CUSTOMER_STATUS),
            partial(look.customers, CUSTOMER_STATUS, ACTIVE, SUSPENDED),
            partial(look.customers, CUSTOMER_STATUS, label=Label.ABROAD),
            partial(look.inactive, DAY),
            look.reportable,
            partial(look.customers, CUSTOMER_STATUS, CustomerStatus.DELETED),
        ]
        for one in lists:
            whole = names(one(limit=100))
            assert whole == sorted(whole)
            assert [row.customer for row in paged(partial(_page, one, limit))] == whole

    def test_a_list_of_what_cannot_be_is_invalid(self, crowd: World[Label]) -> None:
        wrong: Any
        for wrong in (Membership.ACTIVE, "active", None):
            with pytest.raises(InvalidInputError, match="statuses of customer_status"):
                crowd.service.customers(CUSTOMER_STATUS, wrong)
        for wrong in (ForeignLabel.REGULAR, "Regular", ACTIVE):
            with pytest.raises(InvalidInputError, match="a label of Label"):
                crowd.service.customers(CUSTOMER_STATUS, label=wrong)

    def test_how_many_stand_where_is_counted_the_unset_included(self, crowd: World[Label]) -> None:
        crowd.desk.register("second")
        counts = set(crowd.service.counts(CUSTOMER_STATUS))
        others = (Label.ABROAD, Label.UNUSUAL, Label.PROVEN, Label.TESTER, Label.LEAVING, Label.CLOSED)
        assert counts == {
            Tally(None, None, 1),
            Tally(ACTIVE, Label.REGULAR, 2),
            *(Tally(label.status, label, 1) for label in others),
        }
        assert set(crowd.service.counts(CLIENT_STATE)) == {Tally(None, None, 9)}
        assert set(crowd.service.counts(MEMBERSHIP)) == {Tally(None, None, 9)}


class TestInactive:
    @pytest.mark.parametrize("period", [timedelta(0), -DAY, 180, None])
    def test_a_period_is_more_than_none(self, period: Any, acme: World[Label]) -> None:
        with pytest.raises(InvalidInputError, match="period: expected a timedelta of more than none"):
            acme.service.inactive(period)

    def test_who_has_not_bought_within_the_period_is_listed(self, acme: World[Label]) -> None:
        # D60
        acme.desk.register("bought late")
        acme.desk.register("bought early")
        acme.clock.forward(days=101)
        acme.bought("bought early", "r", START + DAY)
        acme.bought("bought late", "r", START + 50 * DAY)
        assert names(acme.service.inactive(60 * DAY)) == ["bought early"]

    def test_who_never_bought_is_listed_once_he_registered_longer_ago(self, acme: World[Label]) -> None:
        # D60
        acme.desk.register("old", at=START - 60 * DAY - timedelta(microseconds=1))
        acme.desk.register("new")
        assert names(acme.service.inactive(60 * DAY)) == ["old"]

    def test_exactly_at_the_limit_counts_as_active(self, acme: World[Label]) -> None:
        # D61
        acme.desk.register("bought")
        acme.desk.register("registered", at=START - 30 * DAY)
        acme.bought("bought", "r", START - 30 * DAY)
        assert names(acme.service.inactive(30 * DAY)) == []
        acme.bought("bought", "r-2", START - 30 * DAY + timedelta(microseconds=1))
        acme.clock.forward(microseconds=1)
        assert names(acme.service.inactive(30 * DAY)) == ["registered"]

    def test_a_sale_before_the_registration_counts_from_when_it_was(self, acme: World[Label]) -> None:
        # D60
        acme.desk.register("c")
        acme.bought("c", "r", START - 90 * DAY)
        assert names(acme.service.inactive(60 * DAY)) == ["c"]

    def test_the_deleted_are_left_out(self, acme: World[Label]) -> None:
        # D60, D62
        acme.desk.register("c")
        acme.desk.change("c", Label.CLOSED, reason="at the customer's request")
        acme.clock.forward(days=99)
        assert names(acme.service.inactive(DAY)) == []

    def test_only_what_counts_keeps_a_customer_active(self, acme: World[Label]) -> None:
        # D60, D106: a login does not count here, nor do outliers, returns and attempts.
        acme.desk.register("c", at=START - 99 * DAY)
        acme.bought("c", "marked", effect=Effect.MARK)
        acme.bought("c", "blocked", effect=Effect.BLOCK)
        acme.service.record(
            Activity("c", Action.LOGIN, "login", START), Activity("c", Action.RETURN, "back to the shop", START)
        )
        assert names(acme.service.inactive(DAY)) == ["c"]

    def test_a_period_longer_than_the_calendar_has_nobody_inactive(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        assert names(acme.service.inactive(timedelta(days=999_999))) == []


class TestActivities:
    def test_the_last_seven_are_shown_newest_first(self, acme: World[Label]) -> None:
        # D90
        acme.desk.register("c")
        acme.clock.forward(days=9)
        for number in range(9):
            acme.bought("c", f"r-{number}", START + number * DAY)
        page = acme.service.activities("c")
        assert [activity.reference for activity in page] == [f"r-{number}" for number in range(8, 1, -1)]
        assert [activity.reference for activity in acme.service.activities("c", after=page.next)] == ["r-1", "r-0"]

    def test_they_are_paged_both_ways_even_at_one_time(self, acme: World[Label]) -> None:
        # D90
        acme.desk.register("c")
        kinds = (Action.TRANSACTION, Action.LOGIN, ShopAction.GIFT_WRAP)
        acme.service.record(
            *(Activity("c", kind, f"r-{number}", START + (number // 3) * DAY) for number in range(6) for kind in kinds)
        )
        oldest = paged(lambda after: acme.service.activities("c", newest_first=False, after=after, limit=4))
        newest = paged(lambda after: acme.service.activities("c", after=after, limit=5))
        assert len(set(oldest)) == 18
        assert newest == oldest[::-1]
        assert [activity.at for activity in oldest] == sorted(activity.at for activity in oldest)

    def test_those_of_one_reference_are_found_over_all_customers(self, acme: World[Label]) -> None:
        for name in ("c", "d"):
            acme.desk.register(name)
            acme.bought(name, "shared")
        acme.bought("c", "other")
        assert [activity.customer for activity in acme.service.by_reference("shared")] in (["c", "d"], ["d", "c"])
        assert acme.service.by_reference("none") == ()

    @pytest.mark.parametrize("after", ["x", "[1]", '["1","a","b","c"]', "[1,2,3,4]", "null", "[" * 999, '{"a": 1}'])
    def test_what_is_no_cursor_is_invalid(self, after: str, acme: World[Label]) -> None:
        acme.desk.register("c")
        for look in (acme.service.activities, acme.service.timeline):
            with pytest.raises(InvalidInputError) as refused:
                look("c", after=after)
            assert refused.value.field.endswith("after")


def told(item: Entry | Activity) -> tuple[datetime, int, object]:
    """What a timeline is ordered by: the time, then what was done before what changed, then the order of each."""
    if isinstance(item, Entry):
        return item.effective_at, 1, item.version
    return item.at, 0, (item.kind.value, item.reference)


class TestTimelines:
    def test_changes_and_activities_are_one_list_newest_first(self, story: World[Label]) -> None:
        story.bought("c", "early", START + timedelta(hours=1))
        story.bought("c", "same time", START + DAY)
        story.service.record(Activity("c", Action.LOGIN, "same time", START + DAY))
        items = story.service.timeline("c").items
        assert len(items) == 8
        assert list(items) == sorted(items, key=told, reverse=True)
        kinds = [item.kind for item in items]
        assert kinds[2:5] == [EntryKind.MOVED, Action.TRANSACTION, Action.LOGIN]

    @pytest.mark.parametrize("limit", [1, 2, 3, 50])
    def test_its_pages_hold_everything_once(self, limit: int, story: World[Label]) -> None:
        for number in range(3):
            story.bought("c", f"r-{number}", START + DAY)
            story.bought("c", f"s-{number}", START + number * DAY)
        whole = list(story.service.timeline("c"))
        assert len(whole) == 11
        assert paged(lambda after: story.service.timeline("c", after=after, limit=limit)) == whole

    @some_examples
    @given(
        st.lists(
            st.tuples(st.integers(-3, 3), st.sampled_from(["a", "b"]), st.sampled_from([*Action][:3])), max_size=8
        ),
        st.lists(st.integers(0, 2), max_size=4),
        st.integers(1, 4),
    )
    def test_whatever_happened_the_pages_are_the_whole_in_order(
        self, done: list[tuple[int, str, Action]], gaps: list[int], limit: int
    ) -> None:
        world = in_memory(ACME)
        world.desk.register("c", at=START - timedelta(hours=1))
        for hours, reference, kind in done:
            world.service.record(Activity("c", kind, reference, START + timedelta(hours=hours)))
        for gap, label in zip(gaps, [Label.TRENDING, Label.REGULAR] * 2, strict=False):
            world.clock.forward(hours=gap)
            world.desk.change("c", label, reason="r")
        whole = list(world.service.timeline("c"))
        assert whole == sorted(whole, key=told, reverse=True)
        assert paged(lambda after: world.service.timeline("c", after=after, limit=limit)) == whole

    def test_sales_from_before_the_registration_are_on_its_pages_too(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        for number in range(5):
            acme.bought("c", f"r-{number}", START - number * DAY)
        whole = list(acme.service.timeline("c"))
        assert len(whole) == 7
        assert paged(lambda after: acme.service.timeline("c", after=after, limit=2)) == whole


def test_what_stands_is_lifted_to_the_organisations_own_labels(story: World[Label]) -> None:
    standing: Standing[CustomerStatus, Label] | None = story.service.standing("c", CUSTOMER_STATUS)
    assert standing is not None
    assert type(standing.status) is CustomerStatus
    assert type(standing.label) is Label


def test_the_name_of_an_actor_is_in_his_entries_alone(acme: World[Label]) -> None:
    # D56
    acme.service.acting(Actor("agent-9", name="Cy Clerk")).register("c")
    assert {entry.actor.name for entry in acme.service.history("c")} == {"Cy Clerk"}
    standing = acme.service.standing("c", CUSTOMER_STATUS)
    assert standing is not None
    assert (standing.by.id, standing.by.name) == ("agent-9", None)


class TestDisplayed:
    """D46: the label if customer status is on, else the fraud status, blank if neither is set."""

    def shown(self, *lifecycles: Lifecycle[Any]) -> str:
        """A customer who is suspended and marked as fraud, as far as these lifecycles are on."""
        world = in_memory(OrgConfig("acme", NoLabels, lifecycles=[CUSTOMER_STATUS, LEGACY_FRAUD_STATUS]))
        world.desk.register("c", SUSPENDED, LegacyFraudStatus.MARKED, reason="r")
        return world.under(OrgConfig("acme", NoLabels, lifecycles=lifecycles)).service.displayed("c")

    def test_it_is_the_label(self, story: World[Label]) -> None:
        # D46
        assert story.service.displayed("c") == "Regular"
        story.desk.change("c", Label.ABROAD, reason="r")
        assert story.service.displayed("c") == "Abroad"

    def test_without_labels_it_is_the_status(self) -> None:
        # D46, D45
        assert self.shown(CUSTOMER_STATUS) == self.shown(LEGACY_FRAUD_STATUS, CUSTOMER_STATUS) == "SUSPENDED"

    def test_without_customer_status_it_is_the_fraud_status(self) -> None:
        # D46
        assert self.shown(LEGACY_FRAUD_STATUS) == self.shown(MEMBERSHIP, LEGACY_FRAUD_STATUS) == "MARKED"

    def test_it_is_blank_where_neither_is_on_or_set(self) -> None:
        # D46
        assert self.shown(MEMBERSHIP) == ""
        before = in_memory(OrgConfig("acme", NoLabels, lifecycles=[LEGACY_FRAUD_STATUS]))
        before.desk.register("unset")
        before.desk.register("marked", LegacyFraudStatus.MARKED, reason="r")
        assert before.service.displayed("unset") == ""
        # Customer status, once on, stands for both (D45).
        both = before.under(OrgConfig("acme", NoLabels, lifecycles=[LEGACY_FRAUD_STATUS, CUSTOMER_STATUS]))
        assert both.service.displayed("marked") == ""

    def test_an_unknown_customer_is_an_error_whatever_is_on(self, story: World[Label]) -> None:
        for world in (story, story.under(OrgConfig("acme", NoLabels, lifecycles=[MEMBERSHIP]))):
            with pytest.raises(UnknownCustomerError):
                world.service.displayed("nobody")
