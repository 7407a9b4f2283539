"""Negative controls: the kit refuses every broken store, and takes the same store where nothing is broken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import broken_stores as broken
import pytest
from attrs import evolve
from hypothesis import given, settings
from store_profiles import CONTROL
from system_changes import system_operations

from custstatus import Identifier, Membership, MemoryStore, Page, StatusService, StoreError
from custstatus.adapters import Accounts, Query, Store
from custstatus.tables import StatusRow
from custstatus.testing import (
    ExampleLabel,
    MovableClock,
    StoreContract,
    applies_as_planned,
    example,
    history_folds,
    same_behaviour,
)
from custstatus.testing.operations import (
    Change,
    Find,
    Host,
    Operation,
    Register,
    Restore,
    Sweep,
    Wait,
)
from custstatus.testing.runs import Import, Reverse
from custstatus.testing.strategies import operation_runs

BY_CONTRACT: list[tuple[type[broken.Broken], str]] = [
    (broken.WithoutCompareAndSet, "test_another_version_is_not_changed"),
    (broken.WithoutCompareAndSet, "test_of_two_that_write_at_once_one_wins"),
    (broken.AccountByAccount, "test_several_accounts_are_written_all_or_none"),
    (broken.AcknowledgesFirst, "test_a_registration_is_written_whole"),
    (broken.AcknowledgesFirst, "test_a_move_is_written_whole"),
    (broken.KeyBlind, "test_a_key_writes_once"),
    (broken.KeyBlind, "test_a_key_is_one_for_all_customers"),
    (broken.KeyBlind, "test_a_key_is_one_for_all_statuses_and_lifecycles"),
    (broken.KeyByTarget, "test_a_key_is_one_for_all_statuses_and_lifecycles"),
    (broken.QuietLate, "test_a_change_that_asks_for_quiet_is_exact_to_the_microsecond"),
    (broken.KeepsIdentifiers, "test_a_closed_account_releases_them_all"),
    (broken.IgnoresOnlyFrom, "test_only_from_certain_places"),
    (broken.IgnoresBack, "test_back_only_to_where_it_was"),
    (broken.IgnoresBack, "test_not_back_where_nothing_was_left"),
    (broken.ForgetsTheWayBack, "test_being_set_aside_remembers_where_the_account_was"),
    (broken.ForgetsTheWayBack, "test_within_a_group_the_way_back_stays"),
    (broken.SetsAsideFromAnywhere, "test_an_idle_label_sets_aside_from_its_own_status_only"),
    (broken.IgnoresClosed, "test_not_on_a_closed_account"),
    (broken.IgnoresExpected, "test_only_at_the_version_that_is_expected"),
    (broken.IgnoresQuiet, "test_asking_for_quiet"),
    (broken.IgnoresQuiet, "test_a_purchase_in_flight_saves_from_the_sweep"),
    (broken.WrongFloor, "test_no_earlier_than_the_last_entry_though_the_clock_was_set_back"),
    (broken.NoFloorForGivenTimes, "test_not_before_the_last_entry_on_the_lifecycle"),
    (broken.WritesAndSaysFound, "test_a_move_is_made_whole"),
    (broken.ReadsNothingBehind, "test_the_entries_behind_every_standing"),
    (broken.ReadsNoHolders, "test_who_holds_what_comes_and_what_goes"),
    (broken.ReadsNoPrior, "test_the_entries_that_the_key_has_written"),
    (broken.CaseBlind, "test_ids_of_customers"),
    (broken.SharesIdentifiers, "test_who_is_known_elsewhere_is_unknown_here"),
    (broken.LosesTheFirstOfAPage, "test_an_organisation_s_as_it_was_written"),
    (broken.ListsInclusively, "test_quiet_is_exact_to_the_microsecond"),
    (broken.CountsInMilliseconds, "test_times_of_activities"),
    (broken.NumbersThemByKey, "test_each_of_a_batch_is_told_to_be_new_or_a_repeat"),
    (broken.NumbersTheKnownOnly, "test_each_of_a_batch_is_told_to_be_new_or_a_repeat"),
    (broken.SaysTheLastIsNew, "test_each_of_a_batch_is_told_to_be_new_or_a_repeat"),
    (broken.ForgetsAmounts, "test_an_activity_is_kept_whole"),
    (broken.IgnoresQuiet, "test_a_set_that_asks_for_quiet"),
    (broken.IgnoresGrace, "test_a_set_leaves_whom_a_person_has_put_there_of_late"),
    (broken.IgnoresEntry, "test_a_set_changes_only_what_stands_at_the_entry_that_a_row_names"),
    (broken.IgnoresRun, "test_a_run_changes_a_lifecycle_of_a_customer_once"),
    (broken.IgnoresOnlyFrom, "test_a_set_touches_only_certain_places"),
    (broken.NoFloorForGivenTimes, "test_a_set_with_an_effective_time"),
    (broken.WrongFloor, "test_a_set_counts_no_earlier_than_the_last_entry_though_the_clock_was_set_back"),
    (broken.IgnoresBack, "test_a_set_keeps_and_takes_ways_back"),
    (broken.SetsAsideFromAnywhere, "test_a_set_keeps_and_takes_ways_back"),
    (broken.IgnoresClosed, "test_each_row_of_a_set_is_made_or_left_in_its_place"),
    (broken.AnswersInAnotherOrder, "test_each_row_of_a_set_is_made_or_left_in_its_place"),
    (broken.WritesWhatItOnlyReads, "test_a_set_that_only_reads_writes_nothing"),
    (broken.MakesASetAndSaysFound, "test_each_row_of_a_set_is_made_or_left_in_its_place"),
    (broken.MakesHalfASet, "test_sets_of_the_same_customers_at_once_change_each_once"),
    (broken.SaysTheSameOfAll, "test_what_a_row_of_a_set_says_of_its_own_comes_before_what_all_say"),
    (broken.FindsHalfOfASet, "test_a_run_changes_a_lifecycle_of_a_customer_once"),
    (broken.FindsHalfOfASet, "test_a_set_that_asks_for_quiet"),
    (broken.ReadsNoRuns, "test_the_entries_that_the_run_has_written_of_the_customer_on_the_lifecycles"),
    (broken.KeepsIdentifiers, "test_a_set_that_closes_comes_after_every_lifecycle_s_last_entry"),
    (broken.ListsInclusively, "test_ids_and_counts_are_those_of_the_list"),
    (broken.ListsWhomAPersonHasPutThere, "test_grace_is_exact_to_the_microsecond_and_for_persons_only"),
    (broken.ListsTheExempt, "test_the_exempt_are_in_no_list"),
    (broken.CountsAPage, "test_ids_and_counts_are_those_of_the_list"),
    (broken.CountsFromThePage, "test_ids_and_counts_are_those_of_the_list"),
    (broken.GivesIdsOfTheNextPage, "test_ids_page_by_page"),
    (broken.FindsAllOfEverybody, "test_several_at_once_are_found_as_one_by_one"),
    (broken.FindsAFew, "test_several_at_once_are_found_as_one_by_one"),
    (broken.RunsAsTheyWereWritten, "test_those_of_a_run_by_customer_then_by_version"),
    (broken.NeverCloses, "test_every_verb_says_that_it_is_closed"),
]
"""Broken how, and which test of the contract has to find it."""

BY_RANDOM_OPERATIONS = [
    *(broken.AcknowledgesFirst, broken.ForgetsTheWayBack, broken.NoFloorForGivenTimes, broken.WritesAndSaysFound),
    *(broken.ReadsNothingBehind, broken.ReadsNoHolders, broken.LosesTheFirstOfAPage),
]
"""
Those that random operations find soon. The others take long to come by, or show only where two writers meet, which needs the
contract.
"""

_IDENTIFIER = Identifier("mobile", "1")
BY_OPERATIONS: list[tuple[type[broken.Broken], list[Operation]]] = [
    (
        broken.KeepsIdentifiers,
        [Register("c-1", identifiers=(_IDENTIFIER,)), Change("c-1", ExampleLabel.CLOSED), Find(_IDENTIFIER)],
    ),
    (
        broken.IgnoresBack,
        [Register("c-1"), Change("c-1", ExampleLabel.DELETION_PENDING), Change("c-1", ExampleLabel.TRENDING)],
    ),
    (broken.IgnoresExpected, [Register("c-1"), Change("c-1", ExampleLabel.LOST_PHONE, beside=1)]),
    (
        broken.IgnoresClosed,
        [Register("c-1"), Change("c-1", ExampleLabel.CLOSED), Change("c-1", Membership.ENROLLED)],
    ),
    (
        broken.WrongFloor,
        [
            Register("c-1"),
            Wait(timedelta(days=1)),
            Change("c-1", ExampleLabel.LOST_PHONE),
            Wait(timedelta(hours=-1)),
            Change("c-1", ExampleLabel.REGULAR),
        ],
    ),
    (
        broken.SetsAsideFromAnywhere,
        [Register("c-1", (ExampleLabel.LOST_PHONE,)), Change("c-1", ExampleLabel.DORMANT), Restore("c-1")],
    ),
    (
        broken.ListsInclusively,
        [Register("c-1"), Wait(timedelta(days=180)), Sweep(preview=True)],
    ),
    (
        broken.IgnoresRun,
        [
            Register("c-1"),
            Import.of("Lost phone", "c-1", run="i-1"),
            Change("c-1", ExampleLabel.REGULAR),
            Import.of("Lost phone", "c-1", run="i-1"),
        ],
    ),
    (
        broken.IgnoresEntry,
        [
            Register("c-1"),
            Import.of("Lost phone", "c-1", run="i-1"),
            Change("c-1", ExampleLabel.ON_LEAVE),
            Reverse("i-1"),
        ],
    ),
    (broken.MakesHalfASet, [Register("c-1"), Register("c-2"), Import.of("Lost phone", "c-1", "c-2")]),
    (broken.MakesASetAndSaysFound, [Register("c-1"), Import.of("Lost phone", "c-1")]),
    (broken.SaysTheSameOfAll, [Register("c-1"), Import((StatusRow(1, "c-1", (), "Lost phone", "lost", "shop-1"),))]),
    (broken.WritesWhatItOnlyReads, [Register("c-1"), Import.of("Lost phone", "c-1", preview=True)]),
]
"""Broken how, and operations that show it."""


def contract(make: type[Store]) -> StoreContract:
    """The contract of a kind of store."""

    class Tried(StoreContract):
        def make_store(self) -> Store:
            return make()

    return Tried()


@pytest.mark.parametrize(("kind", "test"), BY_CONTRACT, ids=lambda each: getattr(each, "__name__", each))
def test_the_contract_refuses_a_store_that_is_broken(kind: type[broken.Broken], test: str) -> None:
    getattr(contract(broken.SelfApplying), test)()
    with pytest.raises(AssertionError):
        getattr(contract(kind), test)()


def random_operations_find(kind: type[Store]) -> None:
    """Random operations on a store and on one that plans everything: AssertionError where they differ."""

    @CONTROL
    @given(operation_runs(example(), system_operations(example())))
    def law(operations: list[Operation]) -> None:
        applies_as_planned(operations, kind(), MemoryStore())

    law()


@pytest.mark.parametrize("kind", BY_RANDOM_OPERATIONS, ids=lambda kind: kind.__name__)
def test_random_operations_find_a_store_that_is_broken(kind: type[broken.Broken]) -> None:
    with pytest.raises(AssertionError):
        random_operations_find(kind)


@pytest.mark.parametrize(("kind", "operations"), BY_OPERATIONS, ids=lambda each: getattr(each, "__name__", ""))
def test_operations_find_a_store_that_is_broken(kind: type[broken.Broken], operations: list[Operation]) -> None:
    applies_as_planned(operations, broken.SelfApplying(), MemoryStore())
    with pytest.raises(AssertionError):
        applies_as_planned(operations, kind(), MemoryStore())


def test_random_operations_find_nothing_where_nothing_is_broken() -> None:
    @settings(CONTROL, max_examples=50)
    @given(operation_runs(example(), system_operations(example())))
    def law(operations: list[Operation]) -> None:
        store = broken.SelfApplying()
        same_behaviour(operations, store, MemoryStore())
        history_folds(StatusService(store, example()))

    law()


@pytest.mark.parametrize("kind", [broken.ForgetsTheWayBack, broken.WrongFloor], ids=lambda kind: kind.__name__)
def test_what_a_broken_store_wrote_does_not_fold(kind: type[broken.Broken]) -> None:
    operations = [
        Register("c-1"),
        Wait(timedelta(days=1)),
        Change("c-1", ExampleLabel.SUSPECTED),
        Wait(timedelta(hours=-1)),
        Change("c-1", ExampleLabel.CONFIRMED),
    ]
    for store, folds in ((broken.SelfApplying(), True), (kind(), False)):
        clock = MovableClock()
        host = Host(StatusService(store, example(), clock=clock), clock)
        for operation in operations:
            operation.perform(host)
        if folds:
            assert history_folds(host.service) == 4
        else:
            with pytest.raises(AssertionError):
                history_folds(host.service)


def test_a_store_that_dies_between_two_transactions_leaves_what_does_not_fold() -> None:
    store = broken.EntriesThenRows()
    service = StatusService(store, example())
    desk = service.acting(Change("", ExampleLabel.STAFF).manner.actor)
    desk.register("c-1")
    assert history_folds(service) == 2
    store.dies = True
    with pytest.raises(StoreError):
        desk.change("c-1", ExampleLabel.LOST_PHONE, reason="x")
    with pytest.raises(AssertionError):
        history_folds(service)


def test_a_store_that_acknowledges_before_it_writes_loses_what_it_acknowledged() -> None:
    operations: list[Operation] = [Register("c-1"), Change("c-1", ExampleLabel.LOST_PHONE), Register("c-2")]
    store = broken.AcknowledgesFirst()
    with pytest.raises(AssertionError):
        same_behaviour(operations, store, MemoryStore())


def test_rows_that_were_tampered_with_are_not_what_the_history_gives() -> None:
    service = StatusService(broken.LosesTheFirstOfAPage(), example())
    for customer in ("c-1", "c-2"):
        service.acting(Change("", ExampleLabel.STAFF).manner.actor).register(customer)
    assert history_folds(service) == 4
    tampered = StatusService(Tampered(service.store), example())
    with pytest.raises(AssertionError):
        history_folds(tampered)


class Tampered(broken.Broken):
    """A store whose rows say another label than its entries."""

    def page(self, query: Query[Any]) -> Page[Any]:
        page = self.store.page(query)
        if not isinstance(query, Accounts):
            return page
        return evolve(
            page,
            items=tuple(
                evolve(
                    account, standings=tuple(evolve(row, label=row.label and "Trending") for row in account.standings)
                )
                for account in page
            ),
        )
