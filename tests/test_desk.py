"""The desk: registering, changing and identifying customers; everything that stands in the way is told and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from organisation import (
    ACME,
    AGENT,
    COLLEAGUE,
    CUSTOMER,
    MACHINE,
    START,
    STORES,
    ForeignLabel,
    Label,
    ShopChannel,
    World,
    in_memory,
    opened,
    outcome,
    refusal,
)

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    Activity,
    Applied,
    Channel,
    ClientState,
    CustomerStatus,
    EntryKind,
    Identifier,
    InvalidInputError,
    LoyaltyType,
    Membership,
    NoLabels,
    OrgConfig,
    Refusal,
    RefusalCode,
    RefusedError,
    RequestedBy,
    Requirement,
    StatusLabel,
    Transition,
    Warned,
)
from custstatus.errors import UnknownLifecycleError
from custstatus.tables import StatusRow

ACTIVE, SUSPENDED, DELETED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED, CustomerStatus.DELETED
SUSPECTED, CONFIRMED = CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED
MOBILE, EMAIL = Identifier("mobile", "+447900000042"), Identifier("email", "a@example.org")


@pytest.fixture(params=STORES)
def acme(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World[Label]]:
    """The example organisation over each kind of store."""
    with opened(request.param, tmp_path, ACME) as world:
        yield world


@pytest.fixture
def memory() -> World[Label]:
    """The example organisation in memory, for what no store has a part in."""
    return in_memory(ACME)


class TestRegistering:
    def test_a_new_customer_is_active_under_the_default_label(self, acme: World[Label]) -> None:
        # D1
        applied = acme.desk.register("c")
        assert [entry.kind for entry in applied.entries] == [EntryKind.REGISTERED, EntryKind.MOVED]
        assert (acme.status("c"), acme.label("c")) == (ACTIVE, Label.REGULAR)
        assert applied.warnings == ()

    def test_unless_a_label_or_a_status_is_given(self, acme: World[Label]) -> None:
        # D1
        acme.desk.register("labelled", Label.TRENDING)
        acme.desk.register("tester", CustomerStatus.INTERNAL, reason="staff test account 12")
        assert acme.label("labelled") is Label.TRENDING
        assert acme.label("tester") is Label.TESTER

    def test_the_first_entry_has_no_previous_label(self, acme: World[Label]) -> None:
        # D52
        first, second = acme.desk.register("c").entries
        assert (first.from_label, first.from_status, second.from_label, second.from_status) == (None,) * 4
        assert (first.version, second.version) == (1, 2)

    def test_without_a_default_label_it_succeeds_unset_with_a_warning(self) -> None:
        # D2
        class OnlyGone(StatusLabel):
            GONE = "Gone", DELETED

        world = in_memory(OrgConfig("acme", OnlyGone))
        applied = world.desk.register("c")
        assert applied.warnings == (Warned.NO_DEFAULT_LABEL,)
        assert world.status("c") is None
        assert [entry.kind for entry in applied.entries] == [EntryKind.REGISTERED]

    def test_without_labels_there_is_a_status_alone(self) -> None:
        world = in_memory(OrgConfig("acme", NoLabels))
        assert world.desk.register("c").warnings == ()
        assert (world.status("c"), world.label("c")) == (ACTIVE, None)

    def test_where_customer_status_is_off_nothing_is_entered_and_nothing_warned_of(self) -> None:
        # D16
        world = in_memory(OrgConfig("acme", NoLabels, lifecycles=[MEMBERSHIP]))
        applied = world.desk.register("c")
        assert [entry.kind for entry in applied.entries] == [EntryKind.REGISTERED]
        assert applied.warnings == ()

    def test_several_lifecycles_are_entered_at_once(self, acme: World[Label]) -> None:
        applied = acme.desk.register("c", Membership.ENROLLED, ClientState.REGISTERED, key="k")
        assert [entry.lifecycle for entry in applied.entries] == [
            None,
            "customer_status",
            "membership",
            "client_state",
        ]
        assert [entry.ordinal for entry in applied.entries] == [0, 1, 2, 3]
        assert {entry.key for entry in applied.entries} == {"k"}
        assert acme.service.account("c").version == 4

    def test_every_lifecycle_that_is_on_has_a_row_even_unset(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        rows = {row.lifecycle: row.status for row in acme.service.account("c").standings}
        assert rows == {"client_state": None, "customer_status": "active", "membership": None}

    def test_an_entry_that_needs_a_reason_needs_it_at_registration_too(self, acme: World[Label]) -> None:
        # D54, D102
        assert refusal(lambda: acme.desk.register("c", Label.ABROAD)).codes == {RefusalCode.REASON_NEEDED}
        assert acme.store.load("acme", "c") is None

    def test_nobody_is_registered_as_a_confirmed_fraud(self, acme: World[Label]) -> None:
        # D7
        assert refusal(lambda: acme.desk.register("c", CONFIRMED, reason="r")).codes == {RefusalCode.NO_TRANSITION}

    def test_an_account_is_registered_once(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        before = acme.everything()
        assert refusal(lambda: acme.desk.register("c")).codes == {RefusalCode.ALREADY_REGISTERED}
        assert acme.everything() == before

    def test_one_that_was_deleted_is_not_registered_under_its_old_id(self, acme: World[Label]) -> None:
        # D5, D6
        acme.desk.register("c")
        acme.desk.change("c", Label.CLOSED, reason="at the customer's request")
        assert refusal(lambda: acme.desk.register("c")).codes == {RefusalCode.ALREADY_REGISTERED}

    def test_an_account_that_is_closed_from_the_first_enters_no_other_lifecycle(self, acme: World[Label]) -> None:
        # D5: closing freezes every lifecycle.
        with pytest.raises(InvalidInputError, match="targets: expected a closing status on its own"):
            acme.desk.register("c", Label.CLOSED, Membership.ENROLLED, reason="imported")
        assert acme.service.history().items == ()
        acme.desk.register("c", Label.CLOSED, reason="imported")
        assert acme.service.history().items[-1].closes

    def test_closing_comes_after_the_last_entry_of_every_lifecycle(self, acme: World[Label]) -> None:
        # D5, D55: a closed account has no later entry, whatever effective times were given
        hour = timedelta(hours=1)
        acme.desk.register("c", at=START - 9 * hour)
        acme.desk.change("c", Membership.ENROLLED, at=START - hour, reason="joins")
        with pytest.raises(RefusedError) as refused:
            acme.desk.change("c", Label.CLOSED, at=START - 5 * hour, reason="bye")
        assert refused.value.refusal.codes == {RefusalCode.BEFORE_LAST_ENTRY}
        (entry,) = acme.desk.change("c", Label.CLOSED, at=START - hour, reason="bye").entries
        assert entry.effective_at == START - hour
        assert acme.service.verify().faults == ()

    def test_organisations_share_no_customers(self, acme: World[Label]) -> None:
        zeta = acme.under(evolve(ACME, org="zeta"))
        acme.desk.register("c", identifiers=[MOBILE])
        zeta.desk.register("c", Label.TRENDING, identifiers=[MOBILE])
        assert (acme.label("c"), zeta.label("c")) == (Label.REGULAR, Label.TRENDING)


WALK = [
    (Label.ABROAD, SUSPENDED),
    (Label.UNUSUAL, SUSPECTED),
    (Label.PROVEN, CONFIRMED),
    (Label.REGULAR, ACTIVE),
    (Label.TESTER, CustomerStatus.INTERNAL),
    (Label.LEAVING, CustomerStatus.PENDING_DELETION),
    (Label.CLOSED, DELETED),
]


class TestCustomerStatus:
    def test_all_seven_statuses_can_be_stood_in(self, acme: World[Label]) -> None:
        # D3, D21
        acme.desk.register("c")
        for label, status in WALK:
            acme.make(evolve(acme.request("c", label), actor=AGENT))
            assert (acme.label("c"), acme.status("c")) == (label, status)
        assert {status for _, status in WALK} == set(CustomerStatus)

    def test_the_active_are_suspended_and_reinstated(self, acme: World[Label]) -> None:
        # D4
        acme.desk.register("c")
        acme.desk.change("c", Label.LOST_PHONE, reason="lost phone")
        assert acme.status("c") is SUSPENDED
        acme.desk.change("c", ACTIVE, reason="phone found")
        assert acme.status("c") is ACTIVE

    @pytest.mark.parametrize("target", [*CustomerStatus, *Label], ids=lambda target: target.name)
    def test_deleted_is_the_end(self, target: Any, memory: World[Label]) -> None:
        # D5
        memory.desk.register("c")
        memory.desk.change("c", Label.CLOSED, reason="at the customer's request")
        before = memory.everything()
        for system in (False, True):
            came = memory.make(evolve(memory.request("c", target, system_operation=system), actor=AGENT))
            assert isinstance(came, Refusal)
            assert RefusalCode.CLOSED in came.codes
        assert memory.everything() == before

    def test_a_deleted_account_is_frozen_on_every_lifecycle(self, acme: World[Label]) -> None:
        # D5
        acme.desk.register("c", Membership.ENROLLED, identifiers=[MOBILE])
        acme.desk.change("c", Label.CLOSED, reason="at the customer's request")
        assert RefusalCode.CLOSED in refusal(lambda: acme.desk.change("c", Membership.ON_HOLD, reason="r")).codes
        assert RefusalCode.CLOSED in refusal(lambda: acme.desk.add_identifier("c", EMAIL)).codes
        assert RefusalCode.CLOSED in refusal(lambda: acme.desk.restore("c", reason="r")).codes
        assert acme.service.account("c").closed_at == acme.clock()

    def test_fraud_is_confirmed_after_a_suspicion_only(self, acme: World[Label]) -> None:
        # D7
        acme.desk.register("c")
        assert refusal(lambda: acme.desk.change("c", Label.PROVEN, reason="r")).codes == {RefusalCode.NO_TRANSITION}
        acme.desk.change("c", Label.UNUSUAL, reason="odd")
        acme.desk.change("c", Label.PROVEN, reason="verified")
        assert acme.status("c") is CONFIRMED

    def test_a_lax_profile_confirms_at_once(self, acme: World[Label]) -> None:
        # D7
        at_once = Transition(ACTIVE, CONFIRMED, "confirm_at_once", frozenset({Requirement.PERSON, Requirement.REASON}))
        lax = acme.under(evolve(ACME, lifecycles=[CUSTOMER_STATUS.adding(at_once), MEMBERSHIP, CLIENT_STATE]))
        lax.desk.register("c")
        lax.desk.change("c", Label.PROVEN, reason="seen")
        assert lax.status("c") is CONFIRMED

    def test_a_machine_neither_confirms_nor_clears_a_suspicion(self, acme: World[Label]) -> None:
        # D7, D92
        acme.desk.register("c")
        machine = acme.service.acting(MACHINE)
        machine.change("c", Label.UNUSUAL, reason="score 1.7")
        for came in (
            refusal(lambda: machine.change("c", Label.PROVEN, reason="r")),
            refusal(lambda: machine.change("c", Label.REGULAR, reason="r")),
        ):
            assert came.codes == {RefusalCode.PERSON_NEEDED}

    def test_internal_is_entered_from_active_or_unset_and_left_to_active_or_suspicion(
        self, memory: World[Label]
    ) -> None:
        # D9, D97
        memory.desk.register("c")
        for label in (Label.ABROAD, Label.UNUSUAL, Label.PROVEN):
            memory.desk.change("c", label, reason="r")
            assert refusal(lambda: memory.desk.change("c", Label.TESTER, reason="r")).codes == {
                RefusalCode.NO_TRANSITION
            }
        memory.desk.register("t", Label.TESTER, reason="staff test account")
        open_to = {option.target for option in memory.desk.options("t", reason="r") if option.refusal is None}
        statuses = {target.status for target in open_to if isinstance(target, StatusLabel)}
        assert statuses == {ACTIVE, SUSPECTED, DELETED}

    def test_a_change_between_labels_of_one_status_is_a_logged_change(self, acme: World[Label]) -> None:
        # D22
        acme.desk.register("c")
        acme.clock.forward(days=1)
        (entry,) = acme.desk.change("c", Label.TRENDING, reason="buys a lot").entries
        assert (entry.from_label, entry.to_label) == ("Regular", "Trending")
        assert (entry.from_status, entry.to_status) == ("active", "active")
        standing = acme.service.standing("c", CUSTOMER_STATUS)
        assert standing is not None
        assert (standing.since, standing.status_since) == (acme.clock(), START)

    def test_the_label_that_the_customer_has_already_is_refused(self, acme: World[Label]) -> None:
        # D23
        acme.desk.register("c")
        by_label = refusal(lambda: acme.desk.change("c", Label.REGULAR, reason="r"))
        by_status = refusal(lambda: acme.desk.change("c", ACTIVE, reason="r"))
        assert by_label.codes == by_status.codes == {RefusalCode.NO_CHANGE}

    def test_a_status_in_which_he_stands_is_no_change_whatever_the_label(self, acme: World[Label]) -> None:
        # D23
        acme.desk.register("c", Label.TRENDING)
        assert refusal(lambda: acme.desk.change("c", ACTIVE, reason="r")).codes == {RefusalCode.NO_CHANGE}
        assert acme.label("c") is Label.TRENDING

    def test_who_stands_there_already_is_told_under_which_label(self, acme: World[Label]) -> None:
        # D23: without labels, in which status.
        acme.desk.register("c", Label.TRENDING, Membership.ENROLLED)
        for target in (Label.TRENDING, ACTIVE):
            (reason,) = refusal(lambda: acme.desk.change("c", target, reason="r")).reasons  # noqa: B023
            assert reason.code is RefusalCode.NO_CHANGE
            assert "Trending" in reason.message
        acme.desk.change("c", Label.LOST_PHONE, reason="lost")
        for target in (Label.LOST_PHONE, SUSPENDED):
            (reason,) = refusal(lambda: acme.desk.change("c", target, reason="r")).reasons  # noqa: B023
            assert "Lost phone" in reason.message
        (reason,) = refusal(lambda: acme.desk.change("c", Membership.ENROLLED, reason="r")).reasons
        assert "enrolled" in reason.message

    def test_a_customer_has_exactly_one_label(self, acme: World[Label]) -> None:
        # D25
        acme.desk.register("c")
        for label in (Label.TRENDING, Label.ABROAD, Label.LOST_PHONE):
            acme.desk.change("c", label, reason="r")
        rows = [row for row in acme.service.account("c").standings if row.label is not None]
        assert [row.label for row in rows] == ["Lost phone"]

    def test_another_organisations_label_is_refused(self, acme: World[Label]) -> None:
        # D21
        acme.desk.register("c")
        theirs: Any = ForeignLabel.REGULAR
        assert refusal(lambda: acme.desk.change("c", theirs, reason="r")).codes == {RefusalCode.UNKNOWN_LABEL}


class TestEntries:
    def test_an_entry_says_who_what_when_why_and_by_which_way(self, acme: World[Label]) -> None:
        # D51, D58
        acme.desk.register("c")
        acme.clock.forward(days=1)
        (entry,) = acme.desk.change("c", Label.LOST_PHONE, reason="lost at the fair").entries
        assert (entry.org, entry.customer, entry.version) == ("acme", "c", 3)
        assert (entry.from_status, entry.from_label) == ("active", "Regular")
        assert (entry.to_status, entry.to_label) == ("suspended", "Lost phone")
        assert (entry.reason, entry.actor.id, entry.actor.name) == ("lost at the fair", "agent-7", "Ada Agent")
        assert (entry.recorded_at, entry.effective_at) == (acme.clock(), acme.clock())
        assert (entry.channel, entry.requested_by, entry.config) == ("member_care", RequestedBy.STAFF, ACME.hash)
        assert list(acme.service.history("c"))[-1] == entry

    @pytest.mark.parametrize("channel", [*Channel, ShopChannel.KIOSK], ids=lambda channel: str(channel.value))
    def test_a_change_comes_by_any_channel_and_the_entry_says_which(self, channel: Any, memory: World[Label]) -> None:
        # D57
        (entry, _) = memory.service.acting(AGENT, channel).register("c").entries
        assert entry.channel == channel.value

    def test_it_is_said_at_whose_wish(self, acme: World[Label]) -> None:
        # D101
        acme.desk.register("c", Membership.ENROLLED)
        by_customer = acme.service.acting(CUSTOMER).change("c", Membership.UNENROLLED, reason="moved away")
        assert by_customer.entries[0].requested_by is RequestedBy.CUSTOMER
        reopened = acme.service.acting(AGENT, requested_by=RequestedBy.CUSTOMER).change(
            "c", Membership.ENROLLED, reason="he called"
        )
        assert (reopened.entries[0].requested_by, reopened.entries[0].actor) == (RequestedBy.CUSTOMER, AGENT)
        ordered = acme.service.acting(AGENT, requested_by=RequestedBy.AUTHORITY).change(
            "c", Label.ABROAD, reason="court order"
        )
        assert ordered.entries[0].requested_by is RequestedBy.AUTHORITY

    def test_a_reason_code_stays_beside_or_instead_of_the_text(self, acme: World[Label]) -> None:
        # D102
        acme.desk.register("c")
        (entry,) = acme.desk.change("c", Label.ABROAD, reason_code="travel").entries
        assert (entry.reason, entry.reason_code) == (None, "travel")


class TestReasons:
    @pytest.mark.parametrize("blank", [None, "", "   ", "\n\t"])
    @pytest.mark.parametrize("channel", [Channel.API, Channel.MEMBER_CARE, Channel.REQUEST_WORKFLOW, ShopChannel.KIOSK])
    def test_a_manual_or_api_change_needs_a_reason(self, channel: Any, blank: str | None, memory: World[Label]) -> None:
        # D54
        memory.desk.register("c")
        before = memory.everything()
        came = refusal(lambda: memory.service.acting(AGENT, channel).change("c", Label.TRENDING, reason=blank))
        assert came.codes == {RefusalCode.REASON_NEEDED}
        assert memory.everything() == before

    @pytest.mark.parametrize("channel", [Channel.IMPORT, Channel.CONNECT_PLUS])
    def test_a_bulk_change_of_label_needs_none(self, channel: Any, memory: World[Label]) -> None:
        # D54
        memory.desk.register("c")
        (entry,) = memory.service.acting(MACHINE, channel).change("c", Label.TRENDING).entries
        assert entry.reason is None

    def test_which_channels_those_are_is_configured(self, memory: World[Label]) -> None:
        # D54
        lenient = memory.under(evolve(ACME, reason_optional=[ShopChannel.KIOSK]))
        lenient.desk.register("c")
        lenient.service.acting(AGENT, ShopChannel.KIOSK).change("c", Label.TRENDING)
        came = refusal(lambda: lenient.service.acting(AGENT, Channel.IMPORT).change("c", Label.REGULAR))
        assert came.codes == {RefusalCode.REASON_NEEDED}

    @pytest.mark.parametrize("channel", [Channel.IMPORT, Channel.CONNECT_PLUS])
    @pytest.mark.parametrize(
        "target",
        [Label.ABROAD, Label.UNUSUAL, Label.CLOSED, Label.TESTER, Membership.ON_HOLD, Membership.UNENROLLED],
        ids=lambda target: target.name,
    )
    def test_fraud_suspension_deletion_hold_and_leaving_need_one_on_every_channel(
        self, target: Any, channel: Any, memory: World[Label]
    ) -> None:
        # D54, D102
        memory.desk.register("c", Membership.ENROLLED)
        came = refusal(lambda: memory.service.acting(AGENT, channel).change("c", target))
        assert came.codes == {RefusalCode.REASON_NEEDED}


class TestMembership:
    def test_who_is_known_becomes_a_member_leaves_and_comes_back_at_his_own_wish(self, acme: World[Label]) -> None:
        # D68, D69, D101
        acme.desk.register("c", Membership.ACTIVE)
        acme.desk.change("c", Membership.ENROLLED, reason="joins")
        acme.desk.change("c", Membership.UNENROLLED, reason="leaves")
        came = refusal(lambda: acme.desk.change("c", Membership.ENROLLED, reason="marketing"))
        assert came.codes == {RefusalCode.OWN_REQUEST_NEEDED}
        acme.service.acting(CUSTOMER).change("c", Membership.ENROLLED, reason="back again")
        standing = acme.service.standing("c", MEMBERSHIP)
        assert standing is not None
        assert standing.status is Membership.ENROLLED

    def test_who_left_or_is_on_hold_neither_earns_nor_signs_in(self, acme: World[Label]) -> None:
        # D69, D70
        for status in (Membership.UNENROLLED, Membership.ON_HOLD):
            acme.desk.register(status.value, Membership.ENROLLED)
            acme.desk.change(status.value, status, reason="r")
            decisions = acme.service.decide_all(status.value, [Action.POINTS_ALLOCATION, Action.LOGIN])
            assert {decision.effect.value for decision in decisions.values()} == {"block"}

    def test_merging_is_never_done_by_hand(self, acme: World[Label]) -> None:
        # D72
        acme.desk.register("c", Membership.ENROLLED)
        came = refusal(lambda: acme.desk.change("c", Membership.MERGED, reason="duplicate"))
        assert came.codes == {RefusalCode.SYSTEM_OPERATION_NEEDED}


class TestClientState:
    def test_the_registered_are_excluded_at_their_own_wish_with_a_reason_only(self, acme: World[Label]) -> None:
        # D84
        acme.desk.register("c", ClientState.REGISTERED, identifiers=[MOBILE])
        came = refusal(lambda: acme.desk.change("c", ClientState.EXCLUDED))
        assert came.codes == {RefusalCode.OWN_REQUEST_NEEDED, RefusalCode.REASON_NEEDED}
        operator = acme.service.acting(AGENT, Channel.MEMBER_CARE, requested_by=RequestedBy.CUSTOMER)
        operator.change("c", ClientState.EXCLUDED, reason_code="too_many_mailings")
        assert acme.service.find(MOBILE) is None
        assert acme.service.account("c").closed_at is not None

    def test_deleted_is_set_by_the_system_only(self, acme: World[Label]) -> None:
        # D83
        acme.desk.register("c", ClientState.ANONYMOUS)
        came = refusal(lambda: acme.desk.change("c", ClientState.DELETED, reason="r"))
        assert came.codes == {RefusalCode.SYSTEM_OPERATION_NEEDED}


class TestEffectiveTime:
    def test_a_given_time_counts_and_the_recorded_time_is_now(self, acme: World[Label]) -> None:
        # D55
        acme.desk.register("c", at=START - timedelta(days=9))
        at = datetime(2023, 12, 30, 23, tzinfo=timezone(timedelta(hours=-2)))
        (entry,) = acme.desk.change("c", Label.ABROAD, reason="r", at=at).entries
        assert entry.effective_at == datetime(2023, 12, 31, 1, tzinfo=UTC)
        assert entry.recorded_at == START

    def test_it_must_carry_a_zone(self, acme: World[Label]) -> None:
        # D55
        acme.desk.register("c")
        with pytest.raises(InvalidInputError, match="give it a tzinfo"):
            acme.desk.change("c", Label.ABROAD, reason="r", at=datetime(2024, 1, 1, 9))

    def test_it_must_not_precede_the_last_entry_of_its_lifecycle_but_may_equal_it(self, acme: World[Label]) -> None:
        # D55
        acme.desk.register("c", Membership.ENROLLED, at=START - timedelta(days=9))
        acme.desk.change("c", Label.ABROAD, reason="r", at=START - timedelta(days=3))
        early = START - timedelta(days=3, microseconds=1)
        came = refusal(lambda: acme.desk.change("c", Label.REGULAR, reason="r", at=early))
        assert came.codes == {RefusalCode.BEFORE_LAST_ENTRY}
        acme.desk.change("c", Membership.ON_HOLD, reason="r", at=early)
        acme.desk.change("c", Label.REGULAR, reason="r", at=START - timedelta(days=3))

    def test_it_must_have_come(self, acme: World[Label]) -> None:
        # D55
        acme.desk.register("c")
        came = refusal(lambda: acme.desk.change("c", Label.ABROAD, reason="r", at=START + timedelta(microseconds=1)))
        assert came.codes == {RefusalCode.IN_THE_FUTURE}
        acme.desk.change("c", Label.ABROAD, reason="r", at=START)

    def test_a_lifecycle_switched_on_later_is_not_entered_before_the_registration(self, acme: World[Label]) -> None:
        # D55
        acme.under(evolve(ACME, lifecycles=[CUSTOMER_STATUS, CLIENT_STATE])).desk.register("c")
        acme.clock.forward(days=2)
        came = refusal(lambda: acme.desk.change("c", Membership.ACTIVE, at=START - timedelta(days=1)))
        assert came.codes == {RefusalCode.BEFORE_LAST_ENTRY}
        acme.desk.change("c", Membership.ACTIVE, at=START + timedelta(days=1))

    def test_a_clock_that_was_set_back_does_not_turn_the_history_round(self, acme: World[Label]) -> None:
        # D55
        acme.desk.register("c")
        acme.clock.forward(days=1)
        acme.desk.change("c", Label.ABROAD, reason="r")
        acme.clock.forward(hours=-5)
        (after,) = acme.desk.change("c", Label.REGULAR, reason="r").entries
        assert (after.effective_at, after.recorded_at) == (START + timedelta(days=1), acme.clock())
        acme.clock.forward(days=-9)
        (before,) = acme.desk.change("c", Membership.ENROLLED).entries
        assert (before.effective_at, before.recorded_at) == (START, acme.clock())
        assert acme.service.verify().faults == ()

    def test_nor_do_identifiers_that_come_and_go_under_such_a_clock(self, acme: World[Label]) -> None:
        # D55: nothing of an account counts from before its registration.
        acme.desk.register("c", identifiers=[EMAIL])
        acme.clock.forward(days=-9)
        new = Identifier("mobile", "+447900000043")
        changes: list[Callable[[], Applied]] = [
            lambda: acme.desk.add_identifier("c", MOBILE),
            lambda: acme.desk.replace_identifier("c", MOBILE, new),
            lambda: acme.desk.remove_identifier("c", EMAIL),
        ]
        for change in changes:
            (entry,) = change().entries
            assert (entry.effective_at, entry.recorded_at) == (START, acme.clock())
        (held,) = acme.service.identifiers("c")
        assert (held.type, held.since) == ("mobile", START)
        assert acme.service.verify().faults == ()


class TestKeys:
    def test_the_same_request_is_applied_once_and_answered_alike(self, acme: World[Label]) -> None:
        # D23: a repeat of the same request is a no-op.
        acme.desk.register("c")
        first = acme.desk.change("c", Label.ABROAD, reason="r", key="k")
        before = acme.everything()
        acme.clock.forward(days=40)
        again = acme.desk.change("c", Label.ABROAD, reason="r", key="k")
        assert not first.replayed
        assert again.replayed
        assert again.entries == first.entries
        assert acme.everything() == before

    def test_a_registration_is_replayed_whole(self, acme: World[Label]) -> None:
        first = acme.desk.register("c", Membership.ENROLLED, identifiers=[MOBILE], key="k")
        again = acme.desk.register("c", Membership.ENROLLED, identifiers=[MOBILE], key="k")
        assert again.replayed
        assert again.entries == first.entries

    def test_a_replay_is_recognised_before_any_refusal(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        first = acme.desk.change("c", Label.ABROAD, reason="r", key="k", expected=2, at=START)
        acme.desk.change("c", Label.CLOSED, reason="at the customer's request")
        again = acme.desk.change("c", Label.ABROAD, reason="r", key="k", expected=2, at=START)
        assert again.replayed
        assert again.entries == first.entries

    def test_another_request_under_the_key_is_refused(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        acme.desk.register("d")
        acme.desk.change("c", Label.ABROAD, reason="r", key="k")
        others: list[Callable[[], Applied]] = [
            lambda: acme.desk.change("c", Label.LOST_PHONE, reason="r", key="k"),
            lambda: acme.desk.change("d", Label.ABROAD, reason="r", key="k"),
            lambda: acme.desk.change("c", Label.ABROAD, reason="s", key="k"),
            lambda: acme.desk.change("c", Label.ABROAD, reason="r", key="k", at=START),
            lambda: acme.service.acting(COLLEAGUE).change("c", Label.ABROAD, reason="r", key="k"),
            lambda: acme.desk.restore("c", reason="r", key="k"),
            lambda: acme.desk.register("e", Label.ABROAD, reason="r", key="k"),
            lambda: acme.desk.add_identifier("c", MOBILE, reason="r", key="k"),
        ]
        before = acme.everything()
        for other in others:
            assert refusal(other).codes == {RefusalCode.KEY_REUSED}
        assert acme.everything() == before

    @pytest.mark.parametrize(
        ("asked", "other"),
        [
            (SUSPECTED, ACTIVE),
            (ACTIVE, SUSPECTED),
            (Membership.ACTIVE, Membership.ENROLLED),
            # On another lifecycle, also where a status there is stored by the same value.
            (Membership.ENROLLED, ClientState.REGISTERED),
            (ACTIVE, Membership.ACTIVE),
            (Membership.ACTIVE, ACTIVE),
            (Membership.ACTIVE, Label.REGULAR),
        ],
        ids=lambda target: f"{type(target).__name__}.{target.name}",
    )
    def test_a_request_for_another_status_under_the_key_is_refused(
        self, asked: Any, other: Any, acme: World[Label]
    ) -> None:
        acme.desk.register("c")
        acme.desk.change("c", Label.ABROAD, reason="away")
        made = acme.desk.change("c", asked, reason="r", key="k")
        before = acme.everything()
        assert refusal(lambda: acme.desk.change("c", other, reason="r", key="k")).codes == {RefusalCode.KEY_REUSED}
        assert acme.everything() == before
        again = acme.desk.change("c", asked, reason="r", key="k")
        assert (again.replayed, again.entries) == (True, made.entries)

    def test_a_registration_in_another_status_under_the_key_is_refused(self, acme: World[Label]) -> None:
        made = acme.desk.register("c", Membership.ENROLLED, ClientState.REGISTERED, key="k")
        others: list[tuple[Any, ...]] = [
            (),
            (Membership.ENROLLED,),
            (ClientState.REGISTERED,),
            (Membership.ACTIVE, ClientState.REGISTERED),
            (Membership.ENROLLED, ClientState.ANONYMOUS),
            (ACTIVE, Membership.ENROLLED, ClientState.REGISTERED),
        ]
        for targets in others:
            came = refusal(lambda: acme.desk.register("c", *targets, key="k"))  # noqa: B023
            assert came.codes == {RefusalCode.KEY_REUSED}, targets
        assert acme.desk.register("c", Membership.ENROLLED, ClientState.REGISTERED, key="k").entries == made.entries

    def test_a_refused_request_leaves_its_key_free(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        refusal(lambda: acme.desk.change("c", Label.PROVEN, reason="r", key="k"))
        assert not acme.desk.change("c", Label.ABROAD, reason="r", key="k").replayed

    def test_keys_are_the_organisations_own(self, acme: World[Label]) -> None:
        zeta = acme.under(evolve(ACME, org="zeta"))
        acme.desk.register("c", key="k")
        assert not zeta.desk.register("z", key="k").replayed

    def test_identifier_changes_are_replayed_as_well(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        assert not acme.desk.add_identifier("c", MOBILE, key="a").replayed
        assert acme.desk.add_identifier("c", MOBILE, key="a").replayed
        assert not acme.desk.replace_identifier("c", MOBILE, Identifier("mobile", "2"), key="b").replayed
        assert acme.desk.replace_identifier("c", MOBILE, Identifier("mobile", "2"), key="b").replayed
        assert not acme.desk.remove_identifier("c", Identifier("mobile", "2"), key="r").replayed
        assert acme.desk.remove_identifier("c", Identifier("mobile", "2"), key="r").replayed

    def test_a_replay_is_one_under_a_later_configuration_too(self, acme: World[Label]) -> None:
        acme.desk.register("c", key="k")
        later = acme.under(evolve(ACME, identifiers=["email"]))
        assert later.desk.register("c", key="k").replayed

    def test_a_replay_is_one_after_a_label_was_renamed_in_code_alone(self, acme: World[Label]) -> None:
        class Before(StatusLabel):
            REGULAR = "Regular", ACTIVE
            TRENDING = "Trending", ACTIVE
            GONE = "Gone", DELETED

        class After(StatusLabel):
            STEADY = "Regular", ACTIVE
            UP = "Trending", ACTIVE
            GONE = "Gone", DELETED

        one, other = acme.under(OrgConfig("acme", Before)), acme.under(OrgConfig("acme", After))
        assert one.config.hash == other.config.hash
        one.desk.register("c")
        one.desk.change("c", Before.TRENDING, reason="r", key="k")
        again = outcome(lambda: other.desk.change("c", After.UP, reason="r", key="k"))
        assert isinstance(again, Applied)
        assert again.replayed


class TestVersions:
    def test_a_change_of_an_account_that_others_changed_meanwhile_is_refused(self, acme: World[Label]) -> None:
        seen = acme.desk.register("c").entries[-1].version
        acme.desk.change("c", Membership.ENROLLED, reason="elsewhere")
        came = refusal(lambda: acme.desk.change("c", Label.ABROAD, reason="r", expected=seen))
        assert came.codes == {RefusalCode.OTHER_VERSION}
        assert came.account is not None
        acme.desk.change("c", Label.ABROAD, reason="r", expected=came.account.version)

    def test_identifier_changes_and_restorations_mind_it_too(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        acme.desk.change("c", Label.UNUSUAL, reason="odd")
        assert refusal(lambda: acme.desk.restore("c", reason="r", expected=2)).codes == {RefusalCode.OTHER_VERSION}
        assert refusal(lambda: acme.desk.add_identifier("c", MOBILE, expected=2)).codes == {RefusalCode.OTHER_VERSION}


class TestIdentifiers:
    def test_a_customer_is_found_by_each_of_his_identifiers(self, acme: World[Label]) -> None:
        # D108
        acme.desk.register("c", identifiers=[MOBILE, EMAIL])
        acme.desk.add_identifier("c", Identifier("mobile", "+49"))
        assert {acme.service.find(each) for each in (MOBILE, EMAIL, Identifier("mobile", "+49"))} == {"c"}
        assert [each.type for each in acme.service.identifiers("c")] == ["mobile", "mobile", "email"]

    def test_each_has_an_entry_that_names_its_type_alone(self, acme: World[Label]) -> None:
        # D108
        applied = acme.desk.register("c", identifiers=[MOBILE, EMAIL])
        added = [entry for entry in applied.entries if entry.kind is EntryKind.IDENTIFIER_ADDED]
        assert [entry.subject for entry in added] == ["mobile", "email"]
        assert MOBILE.value not in str(applied)

    def test_replacing_is_one_entry_and_the_old_one_is_free(self, acme: World[Label]) -> None:
        acme.desk.register("c", identifiers=[MOBILE])
        new = Identifier("mobile", "+49")
        (entry,) = acme.desk.replace_identifier("c", MOBILE, new, reason="new phone").entries
        assert (entry.kind, entry.subject) == (EntryKind.IDENTIFIER_REPLACED, "mobile")
        assert (acme.service.find(MOBILE), acme.service.find(new)) == (None, "c")
        acme.desk.register("d", identifiers=[MOBILE])

    def test_replacing_stays_within_one_type(self, acme: World[Label]) -> None:
        acme.desk.register("c", identifiers=[MOBILE])
        with pytest.raises(InvalidInputError, match="an identifier of type 'mobile', as the old one, got 'email'"):
            acme.desk.replace_identifier("c", MOBILE, EMAIL)

    def test_a_removed_one_is_free(self, acme: World[Label]) -> None:
        acme.desk.register("c", identifiers=[MOBILE])
        (entry,) = acme.desk.remove_identifier("c", MOBILE).entries
        assert (entry.kind, entry.subject) == (EntryKind.IDENTIFIER_REMOVED, "mobile")
        assert acme.service.find(MOBILE) is None
        assert acme.service.identifiers("c") == ()

    def test_they_are_unique_among_living_accounts_by_all_four_parts(self, acme: World[Label]) -> None:
        # D108
        one = Identifier("mobile", "+44", "web", "main")
        acme.desk.register("c", identifiers=[one])
        assert refusal(lambda: acme.desk.register("d", identifiers=[one])).codes == {RefusalCode.IDENTIFIER_TAKEN}
        assert acme.store.load("acme", "d") is None
        for number, other in enumerate(
            [
                Identifier("email", "+44", "web", "main"),
                Identifier("mobile", "+45", "web", "main"),
                Identifier("mobile", "+44", "shop", "main"),
                Identifier("mobile", "+44", "web", "second"),
            ]
        ):
            acme.desk.register(f"other-{number}", identifiers=[other])

    def test_a_deleted_customer_registers_again_with_the_same_identifiers_and_a_history_of_his_own(
        self, acme: World[Label]
    ) -> None:
        # D5, D6
        acme.desk.register("c", identifiers=[MOBILE, EMAIL])
        acme.desk.change("c", Label.CLOSED, reason="at the customer's request")
        assert acme.service.find(MOBILE) is None
        assert acme.service.identifiers("c") == ()
        applied = acme.desk.register("c-again", identifiers=[MOBILE, EMAIL])
        assert acme.service.find(MOBILE) == "c-again"
        assert [entry.version for entry in applied.entries] == [1, 2, 3, 4]
        assert (acme.status("c-again"), acme.status("c")) == (ACTIVE, DELETED)

    @pytest.mark.parametrize("end", [ClientState.DELETED, ClientState.EXCLUDED])
    def test_every_closing_status_releases_them(self, end: ClientState, acme: World[Label]) -> None:
        # D6, D84, D85
        acme.desk.register("c", ClientState.ANONYMOUS, identifiers=[MOBILE])
        acme.operate("c", end, requested_by=RequestedBy.CUSTOMER)
        assert acme.service.find(MOBILE) is None
        acme.desk.register("again", ClientState.REGISTERED, identifiers=[MOBILE])

    def test_a_type_that_the_organisation_does_not_support_is_refused(self, acme: World[Label]) -> None:
        # D108
        acme.desk.register("c")
        came = refusal(lambda: acme.desk.add_identifier("c", Identifier("fax", "1")))
        assert came.codes == {RefusalCode.IDENTIFIER_UNSUPPORTED}
        assert "mobile, email, external_id" in str(came)

    def test_one_of_a_type_no_longer_supported_can_still_be_removed(self, acme: World[Label]) -> None:
        # D108
        acme.desk.register("c", identifiers=[MOBILE])
        later = acme.under(evolve(ACME, identifiers=["email"]))
        later.desk.remove_identifier("c", MOBILE)

    def test_what_is_no_identifier_is_invalid(self, acme: World[Label]) -> None:
        wrong: Any = "+447900000042"
        with pytest.raises(InvalidInputError, match="identifier: expected an Identifier, got text of 13 characters"):
            acme.desk.register("c", identifiers=[wrong])
        with pytest.raises(InvalidInputError, match="identifier: expected an Identifier"):
            acme.desk.add_identifier("c", wrong)


def registered(*targets: Any, **given: Any) -> Callable[[World[Label]], object]:
    """What leads up to an attempt: customer c is registered."""
    return lambda world: world.desk.register("c", *targets, identifiers=[MOBILE], **given)


def put(*labels: Label, key: str | None = None) -> Callable[[World[Label]], object]:
    """What leads up to an attempt: customer c is registered and put under one label after the other."""

    def prepare(world: World[Label]) -> None:
        world.desk.register("c")
        for label in labels:
            world.desk.change("c", label, reason="r", key=key)

    return prepare


def change(target: Any, **given: Any) -> Callable[[World[Label]], object]:
    """An attempt of the agent's to change customer c."""
    return lambda world: world.desk.change("c", target, **{"reason": "r"} | given)


def operate(**given: Any) -> Callable[[World[Label]], object]:
    """An attempt of an operation of the library's own to put customer c under another label."""
    return lambda world: world.make(world.request("c", Label.DORMANT, **given))


def put_later(label: Label) -> Callable[[World[Label]], object]:
    """What leads up to an attempt: customer c is registered, and put under a label the day after."""

    def prepare(world: World[Label]) -> None:
        world.desk.register("c")
        world.clock.forward(days=1)
        world.desk.change("c", label, reason="r")

    return prepare


def imported(*rows: tuple[str, tuple[tuple[str, str], ...], str]) -> Callable[[World[Label]], object]:
    """An attempt of a table to put customers elsewhere; what became of the only row that is refused."""
    table = [StatusRow(line, *row, "r", None) for line, row in enumerate(rows, 2)]

    def attempt(world: World[Label]) -> object:
        (refused,) = world.desk.import_statuses(table, preview=True).refused
        return refused.outcome

    return attempt


# What leads up to each code, and an attempt that is refused for it alone.
REFUSALS: dict[RefusalCode, tuple[Callable[[World[Label]], object], Callable[[World[Label]], object]]] = {
    RefusalCode.UNKNOWN_CUSTOMER: (lambda world: None, change(Label.ABROAD)),
    RefusalCode.ALREADY_REGISTERED: (registered(), lambda world: world.desk.register("c")),
    RefusalCode.CLOSED: (put(Label.CLOSED), lambda world: world.desk.add_identifier("c", EMAIL)),
    RefusalCode.LIFECYCLE_OFF: (registered(), change(LoyaltyType.LOYALTY)),
    RefusalCode.UNKNOWN_LABEL: (registered(), change(ForeignLabel.GONE)),
    RefusalCode.STATUS_WITHOUT_LABEL: (
        registered(),
        lambda world: world.under(OrgConfig("acme", ForeignLabel)).desk.change("c", SUSPENDED, reason="r"),
    ),
    RefusalCode.NO_CHANGE: (registered(), change(Label.REGULAR)),
    RefusalCode.NO_TRANSITION: (registered(), change(Label.PROVEN)),
    RefusalCode.NOT_WHERE_IT_WAS: (put(Label.UNUSUAL, Label.PROVEN), change(Label.ABROAD)),
    RefusalCode.NOTHING_TO_RESTORE: (registered(), lambda world: world.desk.restore("c", reason="r")),
    RefusalCode.PERSON_NEEDED: (
        put(Label.UNUSUAL),
        lambda world: world.service.acting(MACHINE).change("c", Label.PROVEN, reason="r"),
    ),
    RefusalCode.SYSTEM_OPERATION_NEEDED: (registered(Membership.ENROLLED), change(Membership.MERGED)),
    RefusalCode.OWN_REQUEST_NEEDED: (registered(ClientState.REGISTERED), change(ClientState.EXCLUDED)),
    RefusalCode.REASON_NEEDED: (registered(), change(Label.ABROAD, reason=None)),
    RefusalCode.NOT_FROM_HERE: (registered(), operate(only_from=frozenset({Label.TRENDING}))),
    RefusalCode.IN_GRACE: (put_later(Label.TRENDING), operate(grace_since=START)),
    RefusalCode.MOVED_ON: (registered(), operate(entry=1)),
    RefusalCode.APPROVAL_NEEDED: (registered(), imported(("c", (), "Closed"))),
    RefusalCode.AMBIGUOUS: (
        lambda world: (registered()(world), world.desk.register("d")),
        imported(("d", (("mobile", MOBILE.value),), "Abroad")),
    ),
    RefusalCode.TWICE: (registered(), imported(("c", (), "Abroad"), ("c", (), "Abroad"))),
    RefusalCode.NOT_INACTIVE: (registered(), operate(quiet_since=START)),
    RefusalCode.BEFORE_LAST_ENTRY: (registered(), change(Label.ABROAD, at=START - timedelta(microseconds=1))),
    RefusalCode.IN_THE_FUTURE: (registered(), change(Label.ABROAD, at=START + timedelta(microseconds=1))),
    RefusalCode.OTHER_VERSION: (registered(), change(Label.ABROAD, expected=77)),
    RefusalCode.KEY_REUSED: (put(Label.ABROAD, key="k"), change(Label.REGULAR, key="k")),
    RefusalCode.IDENTIFIER_TAKEN: (registered(), lambda world: world.desk.register("d", identifiers=[MOBILE])),
    RefusalCode.IDENTIFIER_UNSUPPORTED: (
        registered(),
        lambda world: world.desk.add_identifier("c", Identifier("fax", "1")),
    ),
    RefusalCode.IDENTIFIER_NOT_HELD: (registered(), lambda world: world.desk.remove_identifier("c", EMAIL)),
    RefusalCode.IDENTIFIER_HELD: (registered(), lambda world: world.desk.add_identifier("c", MOBILE)),
}


class TestRefusals:
    @pytest.mark.parametrize("code", list(RefusalCode), ids=lambda code: str(code.value))
    def test_each_code_is_told_with_a_message_and_nothing_is_written(
        self, code: RefusalCode, acme: World[Label]
    ) -> None:
        # D51: refused changes append nothing.
        prepare, attempt = REFUSALS[code]
        prepare(acme)
        before = acme.everything()
        came = refusal(lambda: attempt(acme))
        assert [reason.code for reason in came.reasons] == [code]
        assert f"{came.reasons[0].message} [{code.value}]" in str(came)
        assert acme.everything() == before

    def test_everything_that_stands_in_the_way_is_told_at_once(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        before = acme.everything()
        came = refusal(
            lambda: acme.service.acting(MACHINE).change("c", Label.CLOSED, at=START - timedelta(days=1), expected=9)
        )
        assert came.codes == {
            RefusalCode.OTHER_VERSION,
            RefusalCode.REASON_NEEDED,
            RefusalCode.BEFORE_LAST_ENTRY,
        }
        assert acme.everything() == before

    def test_faults_of_the_request_and_of_the_account_are_told_together(self, acme: World[Label]) -> None:
        acme.desk.register("c", identifiers=[MOBILE])
        came = refusal(
            lambda: acme.desk.register("c", identifiers=[MOBILE, Identifier("fax", "1")], at=START + timedelta(1))
        )
        assert came.codes == {
            RefusalCode.IN_THE_FUTURE,
            RefusalCode.IDENTIFIER_UNSUPPORTED,
            RefusalCode.ALREADY_REGISTERED,
            RefusalCode.IDENTIFIER_HELD,
        }

    def test_all_the_needs_of_a_move_are_told(self, acme: World[Label]) -> None:
        acme.desk.register("c", Label.UNUSUAL, reason="odd")
        came = refusal(lambda: acme.service.acting(MACHINE).change("c", Label.PROVEN))
        assert [reason.code for reason in came.reasons] == [RefusalCode.PERSON_NEEDED, RefusalCode.REASON_NEEDED]

    def test_a_refusal_shows_the_account_that_was_found(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        came = refusal(lambda: acme.desk.change("c", Label.PROVEN, reason="r"))
        assert came.account == acme.service.account("c")


class TestMistakes:
    def test_looking_at_the_moves_of_a_lifecycle_that_is_off_is_an_error(self, acme: World[Label]) -> None:
        # D16
        off = acme.under(evolve(ACME, lifecycles=[CUSTOMER_STATUS, CLIENT_STATE]))
        off.desk.register("c")
        with pytest.raises(UnknownLifecycleError, match="'membership'"):
            off.desk.options("c", MEMBERSHIP)
        with pytest.raises(UnknownLifecycleError, match="'membership'"):
            off.desk.restore("c", MEMBERSHIP)

    def test_a_change_on_a_lifecycle_that_is_off_is_refused(self) -> None:
        # D16
        world = in_memory(OrgConfig("acme", NoLabels, lifecycles=[MEMBERSHIP]))
        world.desk.register("c")
        came = refusal(lambda: world.desk.change("c", SUSPENDED, reason="r"))
        assert came.codes == {RefusalCode.LIFECYCLE_OFF}

    @pytest.mark.parametrize("target", ["Abroad", None, 5, Action.RETURN])
    def test_what_is_no_target_is_invalid_and_writes_nothing(self, target: Any, acme: World[Label]) -> None:
        acme.desk.register("c")
        before = acme.everything()
        with pytest.raises(InvalidInputError, match="target"):
            acme.desk.change("c", target, reason="r")
        assert acme.everything() == before

    def test_activities_of_a_closed_account_are_taken_and_change_nothing(self, acme: World[Label]) -> None:
        # D5
        acme.desk.register("c")
        acme.desk.change("c", Label.CLOSED, reason="at the customer's request")
        report = acme.service.record(Activity("c", Action.TRANSACTION, "late receipt", acme.clock()))
        assert (report.new, report.back) == (1, ())
        assert acme.status("c") is DELETED
