"""The shipped lifecycles against the matrices of moves they were made from, cell by cell."""

from __future__ import annotations

import re
from typing import Any

import pytest

from custstatus.lifecycles.lifecycle import Lifecycle, Requirement, Status, Transition
from custstatus.states import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    LOYALTY_TYPE,
    MEMBERSHIP,
    SHIPPED,
    TRIAL_GROUP,
    ClientState,
    CustomerStatus,
    LegacyFraudStatus,
    LoyaltyType,
    Membership,
    TrialGroup,
)

BY_STAFF = {Requirement.PERSON, Requirement.REASON}

each_shipped = pytest.mark.parametrize("lifecycle", SHIPPED, ids=lambda lifecycle: lifecycle.name)

# The matrices. A allowed, to anyone; V by staff with a reason; S by an operation of the library's own; W at the
# customer's own wish; L another label of the same status; N never. "-" is a status to itself where there are no labels.

# D3 D4 D5 D7 D8 D9 D10 D11 D97
CUSTOMER_STATUS_MATRIX = """
                 ACTIVE SUSPENDED FRAUD_SUSPECTED FRAUD_CONFIRMED INTERNAL PENDING_DELETION DELETED
unset            A      A         A               N               A        S                A
ACTIVE           L      A         A               N               A        S                A
SUSPENDED        V      L         A               N               N        S                A
FRAUD_SUSPECTED  V      V         L               V               N        S                V
FRAUD_CONFIRMED  V      V         V               L               N        S                V
INTERNAL         A      N         A               N               L        S                A
PENDING_DELETION S      S         S               S               S        N                S
DELETED          N      N         N               N               N        N                N
"""

# D41 D42
LEGACY_FRAUD_MATRIX = """
            unset MARKED CONFIRMED RECONFIRMED NOT_FRAUD INTERNAL
unset       -     A      N         N           V         A
MARKED      N     L      V         N           V         N
CONFIRMED   N     A      -         V           V         N
RECONFIRMED N     A      N         L           V         N
NOT_FRAUD   N     A      N         N           -         A
INTERNAL    A     A      N         N           N         -
"""

# D79 D83 D84
CLIENT_STATE_MATRIX = """
           ANONYMOUS NEW REGISTERED DELETED EXCLUDED
unset      A         S   A          N       N
ANONYMOUS  -         N   A          S       V
NEW        N         -   A          S       N
REGISTERED N         N   -          N       V
DELETED    N         N   N          -       N
EXCLUDED   N         N   N          N       -
"""

# D67 D68 D69 D70 D71; the row of unset is ours
MEMBERSHIP_MATRIX = """
           ACTIVE ENROLLED UNENROLLED ON_HOLD MERGED
unset      A      A        N          N       N
ACTIVE     -      A        N          A       S
ENROLLED   N      -        A          A       S
UNENROLLED N      A        -          N       N
ON_HOLD    A      A        N          -       N
MERGED     N      A        N          N       -
"""

# D78; the row of unset is ours
LOYALTY_TYPE_MATRIX = """
            NON_LOYALTY LOYALTY
unset       A           A
NON_LOYALTY -           A
LOYALTY     N           -
"""

# D107; the row of unset is ours
TRIAL_GROUP_MATRIX = """
        TEST CONTROL
unset   A    A
TEST    -    A
CONTROL A    -
"""

DELIBERATE: dict[str, dict[tuple[str, str], tuple[str, str]]] = {
    "customer_status": {
        # D63 D101: never by a sweep nor any other system; what staff placed only staff lifts.
        ("SUSPENDED", "DELETED"): ("A", "V"),
        # D11: a cancelled deletion restores the status before, and nothing leads back to unset.
        ("unset", "PENDING_DELETION"): ("S", "N"),
    },
    "legacy_fraud_status": {
        # Nothing leads back to unset, on any lifecycle.
        ("INTERNAL", "unset"): ("A", "N"),
        # Labels belong to customer status: here is nothing to change from a status to itself.
        ("MARKED", "MARKED"): ("L", "N"),
        ("RECONFIRMED", "RECONFIRMED"): ("L", "N"),
    },
    "client_state": {
        # D84: the member may enter it himself, so it is his wish that is asked for, not a member of staff.
        ("ANONYMOUS", "EXCLUDED"): ("V", "W"),
        ("REGISTERED", "EXCLUDED"): ("V", "W"),
    },
    "membership": {
        # D68: what the customer closed themselves reopens only at their own request.
        ("UNENROLLED", "ENROLLED"): ("A", "W"),
    },
}
"""Where a shipped lifecycle is meant to differ: the cell, what the matrix says, what we have."""

MATRICES = {
    "customer_status": CUSTOMER_STATUS_MATRIX,
    "legacy_fraud_status": LEGACY_FRAUD_MATRIX,
    "client_state": CLIENT_STATE_MATRIX,
    "membership": MEMBERSHIP_MATRIX,
    "loyalty_type": LOYALTY_TYPE_MATRIX,
    "trial_group": TRIAL_GROUP_MATRIX,
}


def cells(matrix: str) -> dict[tuple[str, str], str]:
    """A matrix as (from, to) to its letter."""
    header, *rows = [line.split() for line in matrix.strip().splitlines()]
    return {(row[0], target): letter for row in rows for target, letter in zip(header, row[1:], strict=True)}


def letter(transition: Transition[Any] | None) -> str:
    """The letter of a move as the matrices write it."""
    if transition is None:
        return "N"
    if transition.from_ is transition.to:
        return "L"
    if Requirement.SYSTEM_OPERATION in transition.requirements:
        return "S"
    if Requirement.PERSON in transition.requirements:
        return "V"
    return "W" if Requirement.OWN_REQUEST in transition.requirements else "A"


def names(statuses: object) -> set[str]:
    """The names of statuses, unset included."""
    found: Any = statuses
    return {"unset" if status is None else status.name for status in found}


def sources(lifecycle: Lifecycle[Any], target: Status) -> set[str]:
    """The names of the statuses that a status can be reached from, another label of its own apart."""
    return names(transition.from_ for transition in lifecycle.into(target) if transition.from_ is not target)


def targets(lifecycle: Lifecycle[Any], source: Status | None) -> set[str]:
    """The names of the statuses that a status leads to, another label of its own apart."""
    return names(transition.to for transition in lifecycle.out_of(source) if transition.to is not source)


class TestMatrices:
    @each_shipped
    def test_every_cell_is_that_of_the_matrix_but_where_a_difference_is_meant(self, lifecycle: Lifecycle[Any]) -> None:
        expected = cells(MATRICES[lifecycle.name])
        for cell, (theirs, ours) in DELIBERATE.get(lifecycle.name, {}).items():
            assert expected[cell] == theirs
            expected[cell] = ours
        actual = dict.fromkeys(expected, "N")
        for source in (None, *lifecycle.statuses):
            for target in lifecycle.statuses:
                cell = ("unset" if source is None else source.name, target.name)
                actual[cell] = letter(lifecycle.transition(source, target))
        assert actual == {cell: "N" if told == "-" else told for cell, told in expected.items()}

    @each_shipped
    def test_what_staff_moves_and_what_the_library_moves_asks_for_the_same_everywhere(
        self, lifecycle: Lifecycle[Any]
    ) -> None:
        for transition in lifecycle.transitions:
            if Requirement.SYSTEM_OPERATION in transition.requirements:
                assert transition.requirements == {Requirement.SYSTEM_OPERATION}
            elif Requirement.PERSON in transition.requirements:
                assert transition.requirements == BY_STAFF

    @each_shipped
    def test_every_move_tells_its_reason_with_the_rule_it_follows(self, lifecycle: Lifecycle[Any]) -> None:
        assert all(re.search(r"\bD\d+\b", transition.why) for transition in lifecycle.transitions)

    @each_shipped
    def test_every_status_can_be_reached_from_unset(self, lifecycle: Lifecycle[Any]) -> None:
        reached: set[Status | None] = {None}
        while more := {transition.to for transition in lifecycle.transitions if transition.from_ in reached} - reached:
            reached |= more
        assert reached == {None, *lifecycle.statuses}


class TestShipped:
    def test_the_lifecycles_are_six_with_names_of_their_own(self) -> None:
        assert [lifecycle.name for lifecycle in SHIPPED] == list(MATRICES)

    def test_the_statuses_of_all_lifecycles_are_different_and_hash_apart(self) -> None:
        statuses = [status for lifecycle in SHIPPED for status in lifecycle.statuses]
        assert len(statuses) == len(set(statuses)) == len({hash(status) for status in statuses})

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (CustomerStatus.DELETED, ClientState.DELETED),
            (CustomerStatus.ACTIVE, Membership.ACTIVE),
            (CustomerStatus.INTERNAL, LegacyFraudStatus.INTERNAL),
        ],
    )
    def test_two_statuses_of_one_value_are_no_key_for_each_other(self, one: Status, other: Status) -> None:
        assert one.value == other.value
        assert one != other
        assert hash(one) != hash(other)
        assert other not in {one: "found"}

    def test_the_statuses_that_close_an_account(self) -> None:
        # D5 D83 D84
        closing = {lifecycle.name: names(lifecycle.closing) for lifecycle in SHIPPED if lifecycle.closing}
        assert closing == {"customer_status": {"DELETED"}, "client_state": {"DELETED", "EXCLUDED"}}

    def test_the_groups_that_set_an_account_aside(self) -> None:
        # D11 D70 D95
        aside = {
            lifecycle.name: [names(group) for group in lifecycle.aside] for lifecycle in SHIPPED if lifecycle.aside
        }
        assert aside == {
            "customer_status": [{"FRAUD_SUSPECTED", "FRAUD_CONFIRMED"}, {"PENDING_DELETION"}],
            "membership": [{"ON_HOLD"}],
        }

    @each_shipped
    def test_only_what_sets_aside_is_left_by_going_back(self, lifecycle: Lifecycle[Any]) -> None:
        assert all(
            transition.from_ in frozenset().union(*lifecycle.aside)
            for transition in lifecycle.transitions
            if transition.back
        )


class TestCustomerStatus:
    def test_the_statuses_are_seven(self) -> None:
        # D3
        assert [status.value for status in CustomerStatus] == [
            *("active", "suspended", "fraud_suspected", "fraud_confirmed", "internal", "pending_deletion", "deleted"),
        ]

    def test_a_new_customer_becomes_active_with_nothing_asked(self) -> None:
        # D1
        transition = CUSTOMER_STATUS.transition(None, CustomerStatus.ACTIVE)
        assert transition is not None
        assert transition.requirements == frozenset()

    def test_a_suspension_is_for_a_reason_and_ended_by_staff(self) -> None:
        # D4 D104
        there = CUSTOMER_STATUS.transition(CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED)
        back = CUSTOMER_STATUS.transition(CustomerStatus.SUSPENDED, CustomerStatus.ACTIVE)
        assert there is not None
        assert back is not None
        assert there.requirements == {Requirement.REASON}
        assert back.requirements == BY_STAFF

    def test_nothing_leads_out_of_deleted_not_even_to_another_label(self) -> None:
        # D5
        assert CUSTOMER_STATUS.out_of(CustomerStatus.DELETED) == ()

    def test_fraud_is_confirmed_only_where_it_was_suspected(self) -> None:
        # D7: and when a deletion of such an account is cancelled
        transitions = CUSTOMER_STATUS.into(CustomerStatus.FRAUD_CONFIRMED)
        by_hand = [
            transition for transition in transitions if transition.from_ is not transition.to and not transition.back
        ]
        assert [(transition.from_, transition.requirements) for transition in by_hand] == [
            (CustomerStatus.FRAUD_SUSPECTED, BY_STAFF)
        ]

    def test_whoever_was_taken_for_a_fraud_can_be_cleared_by_staff(self) -> None:
        # D8 D95 D96
        for status in (CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED):
            transition = CUSTOMER_STATUS.transition(status, CustomerStatus.ACTIVE)
            assert transition is not None
            assert (transition.requirements, transition.back) == (BY_STAFF, False)

    def test_a_confirmed_fraud_is_corrected_to_suspended_only_where_it_was_so_before(self) -> None:
        # D95 D96
        transition = CUSTOMER_STATUS.transition(CustomerStatus.FRAUD_CONFIRMED, CustomerStatus.SUSPENDED)
        assert transition is not None
        assert transition.back

    def test_internal_hides_nobody(self) -> None:
        # D9 D97: beside going back from a cancelled deletion, which only restores
        entered = sources(CUSTOMER_STATUS, CustomerStatus.INTERNAL)
        assert entered == {"unset", "ACTIVE", "PENDING_DELETION"}
        restored = CUSTOMER_STATUS.transition(CustomerStatus.PENDING_DELETION, CustomerStatus.INTERNAL)
        assert restored is not None
        assert restored.back
        left = targets(CUSTOMER_STATUS, CustomerStatus.INTERNAL)
        assert left == {"ACTIVE", "FRAUD_SUSPECTED", "PENDING_DELETION", "DELETED"}

    def test_internal_is_entered_with_a_reference(self) -> None:
        # D97
        for source in (None, CustomerStatus.ACTIVE):
            transition = CUSTOMER_STATUS.transition(source, CustomerStatus.INTERNAL)
            assert transition is not None
            assert transition.requirements == {Requirement.REASON}

    def test_a_deletion_is_scheduled_from_every_open_status_and_by_the_deletion_flow_only(self) -> None:
        # D10 D11
        transitions = CUSTOMER_STATUS.into(CustomerStatus.PENDING_DELETION)
        everywhere = names(CustomerStatus) - {"PENDING_DELETION", "DELETED"}
        assert names(transition.from_ for transition in transitions) == everywhere
        assert all(transition.requirements == {Requirement.SYSTEM_OPERATION} for transition in transitions)

    def test_no_deletion_is_scheduled_from_unset_for_none_could_be_cancelled_back_to_it(self) -> None:
        # D11
        assert CUSTOMER_STATUS.transition(None, CustomerStatus.PENDING_DELETION) is None

    def test_a_cancelled_deletion_restores_and_a_lapsed_one_deletes(self) -> None:
        # D11
        transitions = CUSTOMER_STATUS.out_of(CustomerStatus.PENDING_DELETION)
        assert all(transition.requirements == {Requirement.SYSTEM_OPERATION} for transition in transitions)
        before = sources(CUSTOMER_STATUS, CustomerStatus.PENDING_DELETION)
        assert names(transition.to for transition in transitions if transition.back) == before
        assert names(transition.to for transition in transitions if not transition.back) == {"DELETED"}

    def test_no_system_deletes_whom_it_may_not_touch(self) -> None:
        # D63 D98
        for source in (CustomerStatus.SUSPENDED, CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED):
            transition = CUSTOMER_STATUS.transition(source, CustomerStatus.DELETED)
            assert transition is not None
            assert transition.requirements == BY_STAFF

    def test_who_is_long_inactive_may_be_deleted_by_a_system(self) -> None:
        # D64
        transition = CUSTOMER_STATUS.transition(CustomerStatus.ACTIVE, CustomerStatus.DELETED)
        assert transition is not None
        assert transition.requirements == {Requirement.REASON}

    @pytest.mark.parametrize(
        "target",
        [
            *(CustomerStatus.SUSPENDED, CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED),
            CustomerStatus.DELETED,
        ],
        ids=lambda status: status.name,
    )
    def test_suspension_fraud_and_deletion_are_never_without_a_reason(self, target: CustomerStatus) -> None:
        # D54 D102
        transitions = CUSTOMER_STATUS.into(target)
        assert all(
            transition.requirements & {Requirement.REASON, Requirement.SYSTEM_OPERATION} for transition in transitions
        )

    def test_only_a_new_account_and_another_label_of_an_ordinary_one_need_no_reason(self) -> None:
        # D54
        free = {
            (transition.from_, transition.to)
            for transition in CUSTOMER_STATUS.transitions
            if not transition.requirements
        }
        assert free == {
            (None, CustomerStatus.ACTIVE),
            (CustomerStatus.ACTIVE, CustomerStatus.ACTIVE),
            (CustomerStatus.INTERNAL, CustomerStatus.INTERNAL),
        }

    def test_another_label_asks_for_more_where_more_is_at_stake(self) -> None:
        # D22
        relabels = {
            transition.from_: transition.requirements
            for transition in CUSTOMER_STATUS.transitions
            if transition.from_ is transition.to
        }
        assert relabels == {
            CustomerStatus.ACTIVE: frozenset(),
            CustomerStatus.SUSPENDED: {Requirement.REASON},
            CustomerStatus.FRAUD_SUSPECTED: BY_STAFF,
            CustomerStatus.FRAUD_CONFIRMED: BY_STAFF,
            CustomerStatus.INTERNAL: frozenset(),
        }


class TestLegacyFraudStatus:
    def test_the_statuses_are_five(self) -> None:
        # D41
        assert [status.value for status in LegacyFraudStatus] == [
            *("marked", "confirmed", "reconfirmed", "not_fraud", "internal"),
        ]

    def test_no_value_comes_without_the_one_it_follows(self) -> None:
        # D42 D49: a score flag is a suspicion without a mark
        assert sources(LEGACY_FRAUD_STATUS, LegacyFraudStatus.CONFIRMED) == {"MARKED"}
        assert sources(LEGACY_FRAUD_STATUS, LegacyFraudStatus.RECONFIRMED) == {"CONFIRMED"}
        suspected = {"unset", "MARKED", "CONFIRMED", "RECONFIRMED"}
        assert sources(LEGACY_FRAUD_STATUS, LegacyFraudStatus.NOT_FRAUD) == suspected

    def test_every_change_is_for_a_reason(self) -> None:
        # D50
        assert all(Requirement.REASON in transition.requirements for transition in LEGACY_FRAUD_STATUS.transitions)


class TestClientState:
    def test_the_states_are_five(self) -> None:
        # D79
        values = [state.value for state in ClientState]
        assert values == ["anonymous", "new", "registered", "deleted", "excluded"]

    def test_the_names_of_the_api_are_aliases(self) -> None:
        # D79
        assert ClientState.NORMAL is ClientState.NEW
        assert ClientState.DEREGISTERED is ClientState.EXCLUDED
        assert ClientState["DEREGISTERED"].value == "excluded"

    def test_registration_is_completed_from_every_state_before_it(self) -> None:
        # D81
        transitions = CLIENT_STATE.into(ClientState.REGISTERED)
        assert names(transition.from_ for transition in transitions) == {"unset", "ANONYMOUS", "NEW"}
        assert all(transition.requirements == frozenset() for transition in transitions)

    def test_only_temporary_owners_are_deleted_and_only_by_a_joint_operation(self) -> None:
        # D82 D83
        transitions = CLIENT_STATE.into(ClientState.DELETED)
        assert names(transition.from_ for transition in transitions) == {"ANONYMOUS", "NEW"}
        assert all(transition.requirements == {Requirement.SYSTEM_OPERATION} for transition in transitions)

    def test_exclusion_is_at_the_members_own_wish_with_a_reason(self) -> None:
        # D84
        transitions = CLIENT_STATE.into(ClientState.EXCLUDED)
        assert names(transition.from_ for transition in transitions) == {"ANONYMOUS", "REGISTERED"}
        assert all(
            transition.requirements == {Requirement.OWN_REQUEST, Requirement.REASON} for transition in transitions
        )

    def test_who_was_excluded_or_deleted_never_comes_back_to_the_same_account(self) -> None:
        # D85
        assert CLIENT_STATE.out_of(ClientState.EXCLUDED) == CLIENT_STATE.out_of(ClientState.DELETED) == ()


class TestMembership:
    def test_unenrolled_and_on_hold_are_two_statuses_of_five(self) -> None:
        # D67 D71
        values = [status.value for status in Membership]
        assert values == ["active", "enrolled", "unenrolled", "on_hold", "merged"]

    def test_enrolment_is_open_to_all_but_a_hold(self) -> None:
        # D68: a hold is reactivated, which only restores
        transitions = MEMBERSHIP.into(Membership.ENROLLED)
        enrolling = names(transition.from_ for transition in transitions if not transition.back)
        assert enrolling == {"unset", "ACTIVE", "UNENROLLED", "MERGED"}

    def test_who_left_comes_back_at_his_own_request_only(self) -> None:
        # D68 D101
        transition = MEMBERSHIP.transition(Membership.UNENROLLED, Membership.ENROLLED)
        assert transition is not None
        assert transition.requirements == {Requirement.OWN_REQUEST}
        assert targets(MEMBERSHIP, Membership.UNENROLLED) == {"ENROLLED"}

    def test_only_a_member_can_be_unenrolled(self) -> None:
        # D69
        assert sources(MEMBERSHIP, Membership.UNENROLLED) == {"ENROLLED"}

    def test_from_a_hold_only_back_to_where_it_was(self) -> None:
        # D70
        transitions = MEMBERSHIP.out_of(Membership.ON_HOLD)
        assert (
            names(transition.to for transition in transitions)
            == sources(MEMBERSHIP, Membership.ON_HOLD)
            == {"ACTIVE", "ENROLLED"}
        )
        assert all(transition.back for transition in transitions)

    @pytest.mark.parametrize("target", [Membership.UNENROLLED, Membership.ON_HOLD], ids=lambda status: status.name)
    def test_unenrolment_and_holds_are_never_without_a_reason(self, target: Membership) -> None:
        # D102
        assert all(Requirement.REASON in transition.requirements for transition in MEMBERSHIP.into(target))

    def test_the_source_of_a_merge_is_active_or_enrolled_and_moved_by_the_merge_only(self) -> None:
        # D72 D73
        transitions = MEMBERSHIP.into(Membership.MERGED)
        assert names(transition.from_ for transition in transitions) == {"ACTIVE", "ENROLLED"}
        assert all(transition.requirements == {Requirement.SYSTEM_OPERATION} for transition in transitions)

    def test_a_product_that_forbids_it_takes_away_the_way_back_from_a_merge(self) -> None:
        # D76
        edited = MEMBERSHIP.without((Membership.MERGED, Membership.ENROLLED))
        assert edited.out_of(Membership.MERGED) == ()

    def test_the_export_codes(self) -> None:
        # D77
        assert {status.name: status.export_codes for status in Membership} == {
            "ACTIVE": ("A", "0"),
            "ENROLLED": ("A", "1"),
            "UNENROLLED": ("I", "0"),
            "ON_HOLD": ("I", "1"),
            "MERGED": ("I", "0"),
        }


class TestSmallLifecycles:
    def test_the_loyalty_type_changes_one_way_only(self) -> None:
        # D78
        assert targets(LOYALTY_TYPE, LoyaltyType.NON_LOYALTY) == {"LOYALTY"}
        assert LOYALTY_TYPE.out_of(LoyaltyType.LOYALTY) == ()

    def test_the_loyalty_type_starts_either_way(self) -> None:
        # D107
        assert targets(LOYALTY_TYPE, None) == {"NON_LOYALTY", "LOYALTY"}

    def test_the_trial_group_changes_both_ways(self) -> None:
        # D107
        assert targets(TRIAL_GROUP, TrialGroup.TEST) == {"CONTROL"}
        assert targets(TRIAL_GROUP, TrialGroup.CONTROL) == {"TEST"}
        assert targets(TRIAL_GROUP, None) == {"TEST", "CONTROL"}
