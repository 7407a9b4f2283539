"""The gate, pure: a request as data for any store, that data met with an account, and a history folded."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from organisation import (
    ACME,
    AGENT,
    COLLEAGUE,
    CUSTOMER,
    MACHINE,
    START,
    ForeignLabel,
    Label,
    in_memory,
    some_examples,
)

from custstatus import (
    CUSTOMER_STATUS,
    Applied,
    Channel,
    CustomerStatus,
    Entry,
    EntryKind,
    Identifier,
    InvalidInputError,
    LoyaltyType,
    Membership,
    NoLabels,
    OrgConfig,
    Plan,
    Reason,
    Refusal,
    RefusalCode,
    RequestedBy,
    Requirement,
    Status,
    StatusLabel,
    Warned,
)
from custstatus.adapters import PreparedChange, Snapshot, Step, Token, fold
from custstatus.gate.plan import plan
from custstatus.gate.prepare import prepare
from custstatus.gate.request import Operation, Request

ACTIVE, SUSPENDED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED


def asked(*targets: Status | StatusLabel, **given: Any) -> Request:
    """A request of the agent's, to change customer c unless said otherwise."""
    fields: dict[str, Any] = {
        "operation": Operation.CHANGE,
        "customer": "c",
        "targets": targets,
        "actor": AGENT,
        "channel": Channel.MEMBER_CARE,
        **given,
    }
    return Request(**fields)


def prepared(*targets: Status | StatusLabel, config: OrgConfig[Any] = ACME, **given: Any) -> PreparedChange:
    """What guarding makes of such a request."""
    return prepare(asked(*targets, **given), config, START)


def only_step(*targets: Status | StatusLabel, **given: Any) -> Step:
    """The one step of a request."""
    (step,) = prepared(*targets, **given).steps
    return step


class TestGuarding:
    def test_for_each_source_it_is_said_what_the_request_lacks_there(self) -> None:
        step = only_step(ACTIVE, actor=MACHINE)
        assert step.lacks["suspended"] == {Requirement.PERSON, Requirement.REASON}
        assert step.lacks["pending_deletion"] == {Requirement.SYSTEM_OPERATION, Requirement.REASON}
        assert step.lacks[None] == frozenset()
        assert "deleted" not in step.lacks

    def test_open_are_the_sources_that_lack_nothing(self) -> None:
        step = only_step(ACTIVE, reason="said so")
        assert step.open == {None, "suspended", "fraud_suspected", "fraud_confirmed", "internal"}
        assert step.back_only == {"pending_deletion"}
        assert step.back == frozenset()
        assert only_step(ACTIVE, reason="said so", system_operation=True).back == {"pending_deletion"}

    def test_the_open_sources_are_those_of_the_table_whose_needs_are_met(self) -> None:
        for label in Label:
            step = only_step(label, reason="said so")
            transitions = CUSTOMER_STATUS.into(label.status)
            assert set(step.lacks) == {transition.from_ and transition.from_.value for transition in transitions}
            met = {Requirement.PERSON, Requirement.REASON}
            assert step.open == {
                transition.from_ and transition.from_.value
                for transition in transitions
                if not transition.requirements - met and not transition.back
            }

    def test_a_label_fixes_the_status_and_a_status_takes_its_default_label(self) -> None:
        # D20, D21
        by_label, by_status = only_step(Label.ABROAD), only_step(SUSPENDED)
        assert (by_label.to, by_label.label, by_label.by_status) == ("suspended", "Abroad", False)
        assert (by_status.to, by_status.label, by_status.by_status) == ("suspended", "Lost phone", True)
        assert only_step(Membership.ENROLLED).label is None

    @pytest.mark.parametrize(
        ("actor", "requested_by"),
        [(AGENT, RequestedBy.STAFF), (MACHINE, RequestedBy.SYSTEM), (CUSTOMER, RequestedBy.CUSTOMER)],
    )
    def test_the_wish_is_by_default_that_of_the_actors_kind(self, actor: Any, requested_by: RequestedBy) -> None:
        # D101
        assert prepared(Label.ABROAD, actor=actor).requested_by is requested_by
        assert (
            prepared(Label.ABROAD, actor=actor, requested_by=RequestedBy.AUTHORITY).requested_by
            is RequestedBy.AUTHORITY
        )

    @pytest.mark.parametrize("reason", [None, "", " ", "\n\t ", "\u2003\u00a0"])
    def test_a_blank_reason_is_none(self, reason: str | None) -> None:
        # D54
        assert Requirement.REASON in only_step(Label.ABROAD, reason=reason).lacks["active"]

    @pytest.mark.parametrize(
        "given", [{"reason": "lost"}, {"reason_code": "lost"}, {"reason": " ", "reason_code": "l"}]
    )
    def test_a_text_or_a_code_is_a_reason(self, given: dict[str, str]) -> None:
        # D54, D102
        assert Requirement.REASON not in only_step(Label.ABROAD, **given).lacks["active"]

    def test_a_reason_is_optional_on_some_channels_but_never_for_moves_that_ask_for_one(self) -> None:
        # D54, D102
        imported = only_step(Label.TRENDING, channel=Channel.IMPORT)
        assert imported.lacks["active"] == frozenset()
        assert only_step(Label.TRENDING).lacks["active"] == {Requirement.REASON}
        for label in (Label.ABROAD, Label.UNUSUAL, Label.CLOSED):
            assert Requirement.REASON in only_step(label, channel=Channel.IMPORT).lacks["active"]
        for status in (Membership.ON_HOLD, Membership.UNENROLLED):
            assert Requirement.REASON in only_step(status, channel=Channel.IMPORT).lacks["enrolled"]

    def test_what_stands_in_the_way_whatever_the_account_is_told_at_once(self) -> None:
        change = prepared(
            ForeignLabel.REGULAR,
            LoyaltyType.LOYALTY,
            at=START + timedelta(seconds=1),
            adds=(Token("fax", "t1"), Token("telex", "t2")),
        )
        assert [reason.code for reason in change.reasons] == [
            RefusalCode.UNKNOWN_LABEL,
            RefusalCode.LIFECYCLE_OFF,
            RefusalCode.IN_THE_FUTURE,
            RefusalCode.IDENTIFIER_UNSUPPORTED,
            RefusalCode.IDENTIFIER_UNSUPPORTED,
        ]

    def test_a_status_without_a_label_cannot_be_reached(self) -> None:
        change = prepared(SUSPENDED, config=OrgConfig("acme", ForeignLabel))
        assert [reason.code for reason in change.reasons] == [RefusalCode.STATUS_WITHOUT_LABEL]

    def test_it_carries_the_hash_of_the_configuration(self) -> None:
        assert prepared(Label.ABROAD).config == ACME.hash


class TestEntering:
    def entered(self, *targets: Status | StatusLabel, config: OrgConfig[Any] = ACME) -> PreparedChange:
        return prepared(*targets, config=config, operation=Operation.REGISTER)

    def test_a_new_account_enters_active_under_its_default_label(self) -> None:
        # D1
        (step,) = self.entered().steps
        assert (step.to, step.label) == ("active", "Regular")

    def test_a_status_of_another_lifecycle_does_not_stand_in_for_it(self) -> None:
        # D1
        assert [step.to for step in self.entered(Membership.ENROLLED).steps] == ["active", "enrolled"]

    def test_a_label_or_status_that_is_given_does(self) -> None:
        # D1
        assert [step.label for step in self.entered(Label.TRENDING).steps] == ["Trending"]
        assert [step.label for step in self.entered(CustomerStatus.INTERNAL).steps] == ["Tester"]

    def test_without_a_default_label_it_enters_unset_with_a_warning(self) -> None:
        # D2
        class OnlyGone(StatusLabel):
            GONE = "Gone", CustomerStatus.DELETED

        change = self.entered(config=OrgConfig("acme", OnlyGone))
        assert change.steps == ()
        assert change.warnings == (Warned.NO_DEFAULT_LABEL,)

    def test_without_labels_there_is_nothing_to_warn_of(self) -> None:
        # D2
        change = self.entered(config=OrgConfig("acme", NoLabels))
        assert [(step.to, step.label) for step in change.steps] == [("active", None)]
        assert change.warnings == ()

    def test_every_lifecycle_that_is_on_gets_a_row(self) -> None:
        assert set(self.entered().lifecycles) == {"customer_status", "membership", "client_state"}


class TestBoundsOfRequests:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("customer", ""),
            ("customer", "c\n"),
            ("customer", 5),
            ("actor", "agent-7"),
            ("channel", "api"),
            ("requested_by", "customer"),
            ("reason", "x" * 1_001),
            ("reason", "\x00"),
            ("reason", 5),
            ("reason_code", ""),
            ("reason_code", "x" * 65),
            ("key", ""),
            ("key", "x" * 129),
            ("expected", 0),
            ("expected", True),
            ("expected", 1.0),
            ("expected", 2**63),
            ("at", datetime(2024, 1, 1)),
            ("at", "2024-01-01"),
        ],
    )
    def test_a_field_out_of_bounds_is_named(self, field: str, value: Any) -> None:
        with pytest.raises(InvalidInputError) as refused:
            prepared(Label.ABROAD, **{field: value})
        assert refused.value.field == field

    @pytest.mark.parametrize("target", ["Abroad", None, 5, Requirement.REASON])
    def test_a_target_is_a_status_or_a_label(self, target: Any) -> None:
        with pytest.raises(InvalidInputError, match="target: expected a status or a label"):
            prepared(target)

    @pytest.mark.parametrize("targets", [(Label.ABROAD, ACTIVE), (Label.ABROAD, Label.REGULAR), (ACTIVE, ACTIVE)])
    def test_there_is_at_most_one_target_on_each_lifecycle(self, targets: tuple[Any, ...]) -> None:
        with pytest.raises(InvalidInputError, match="at most one on each lifecycle"):
            prepared(*targets, operation=Operation.REGISTER)

    def test_an_identifier_comes_or_goes_once(self) -> None:
        token = Token("mobile", "t")
        for adds, drops in (((token, token), ()), ((token,), (token,))):
            with pytest.raises(InvalidInputError, match="each identifier once, got a mobile more than once"):
                prepared(adds=adds, drops=drops)


PLAIN = asked(Label.ABROAD, key="k", reason="r", at=START)
OTHERS = [
    evolve(PLAIN, operation=Operation.RESTORE),
    evolve(PLAIN, customer="d"),
    evolve(PLAIN, targets=(Label.LOST_PHONE,)),
    evolve(PLAIN, targets=(SUSPENDED,)),
    evolve(PLAIN, targets=(ACTIVE,)),
    evolve(PLAIN, targets=(Membership.ACTIVE,)),
    evolve(PLAIN, targets=(Membership.ENROLLED,)),
    evolve(PLAIN, reason="s"),
    evolve(PLAIN, reason=None),
    evolve(PLAIN, reason=None, reason_code="r"),
    evolve(PLAIN, actor=COLLEAGUE),
    evolve(PLAIN, actor=evolve(AGENT, kind=MACHINE.kind)),
    evolve(PLAIN, requested_by=RequestedBy.AUTHORITY),
    evolve(PLAIN, at=None),
    evolve(PLAIN, at=START - timedelta(microseconds=1)),
    evolve(PLAIN, adds=(Token("mobile", "t"),)),
    evolve(PLAIN, drops=(Token("mobile", "t"),)),
]


def digest(request: Request, config: OrgConfig[Any] = ACME, now: datetime = START) -> bytes | None:
    """What the key of a request stands for."""
    return prepare(request, config, now).digest


class TestDigests:
    def test_the_same_request_has_the_same_digest(self) -> None:
        assert digest(PLAIN) == digest(evolve(PLAIN))

    def test_every_other_request_has_another(self) -> None:
        assert len({digest(PLAIN), *map(digest, OTHERS)}) == 1 + len(OTHERS)

    def test_resolved_defaults_the_clock_and_the_configuration_do_not_matter(self) -> None:
        later = START + timedelta(days=1)
        assert digest(PLAIN, now=later) == digest(PLAIN)
        assert digest(PLAIN, config=evolve(ACME, identifiers=("email",))) == digest(PLAIN)
        assert digest(evolve(PLAIN, expected=3, channel=Channel.API)) == digest(PLAIN)

    def test_the_same_instant_in_another_zone_is_the_same_request(self) -> None:
        zones = [timezone(timedelta(hours=-9)), ZoneInfo("Asia/Kolkata")]
        assert {digest(evolve(PLAIN, at=START.astimezone(zone))) for zone in zones} == {digest(PLAIN)}

    def test_without_a_key_there_is_none(self) -> None:
        assert digest(evolve(PLAIN, key=None)) is None


CODES = [
    "unknown_customer",
    "already_registered",
    "closed",
    "lifecycle_off",
    "unknown_label",
    "status_without_label",
    "no_change",
    "no_transition",
    "not_where_it_was",
    "nothing_to_restore",
    "person_needed",
    "system_operation_needed",
    "own_request_needed",
    "reason_needed",
    "not_from_here",
    "in_grace",
    "moved_on",
    "approval_needed",
    "ambiguous",
    "twice",
    "not_inactive",
    "before_last_entry",
    "in_the_future",
    "other_version",
    "key_reused",
    "identifier_taken",
    "identifier_unsupported",
    "identifier_not_held",
    "identifier_held",
]


def test_the_codes_of_refusals_are_stable() -> None:
    # Hosts store and compare them: one may be added, none may change.
    assert [code.value for code in RefusalCode] == CODES


def test_a_refusal_tells_its_codes_and_every_message() -> None:
    reasons = (Reason(RefusalCode.NO_TRANSITION, "one", "customer_status"), Reason(RefusalCode.OTHER_VERSION, "two"))
    refusal = Refusal("c", reasons)
    assert refusal.code is RefusalCode.NO_TRANSITION
    assert refusal.codes == {RefusalCode.NO_TRANSITION, RefusalCode.OTHER_VERSION}
    assert str(refusal) == "customer 'c': one [no_transition]; two [other_version]"


class TestPlanning:
    def test_a_replay_is_recognised_before_any_refusal(self) -> None:
        world = in_memory(ACME)
        applied = world.desk.register("c", key="k")
        change = prepared(operation=Operation.REGISTER, actor=AGENT, key="k")
        found = world.store.read(change)
        assert plan(found, change) == Applied(applied.entries, replayed=True)

    def test_a_key_of_another_request_is_the_only_reason_told(self) -> None:
        world = in_memory(ACME)
        world.desk.register("c", key="k")
        change = prepared(ForeignLabel.GONE, key="k")
        refusal = plan(world.store.read(change), change)
        assert isinstance(refusal, Refusal)
        assert refusal.codes == {RefusalCode.KEY_REUSED}

    def test_a_plan_says_exactly_what_is_written_and_over_which_version(self) -> None:
        world = in_memory(ACME)
        world.desk.register("c")
        change = prepared(Label.ABROAD, reason="moved")
        whole = plan(world.store.read(change), change)
        assert isinstance(whole, Plan)
        (account,) = whole.accounts
        assert (account.org, account.customer, account.expected) == ("acme", "c", 2)
        (entry,) = whole.entries
        assert (entry.version, entry.from_label, entry.to_label) == (3, "Regular", "Abroad")
        (standing,) = account.standings
        assert (standing.status, standing.label, standing.entry) == ("suspended", "Abroad", 3)

    def test_planning_changes_nothing(self) -> None:
        world = in_memory(ACME)
        world.desk.register("c")
        before = world.everything()
        change = prepared(Label.ABROAD, reason="moved")
        one, other = (plan(world.store.read(change), change) for _ in range(2))
        assert isinstance(one, Plan)
        assert isinstance(other, Plan)
        assert one.entries == other.entries
        assert world.everything() == before

    def test_no_account_and_no_registration_is_an_unknown_customer(self) -> None:
        refusal = plan(Snapshot(None), prepared(Label.ABROAD))
        assert isinstance(refusal, Refusal)
        assert refusal.codes == {RefusalCode.UNKNOWN_CUSTOMER}


def moved(version: int, at: datetime, to: str, label: str, was: str | None = None) -> Entry:
    """An entry of customer status."""
    return Entry(
        "acme",
        "c",
        version,
        EntryKind.MOVED,
        "customer_status",
        was,
        None,
        to,
        label,
        at,
        at,
        AGENT,
        RequestedBy.STAFF,
        "api",
        ACME.hash,
    )


HOUR = timedelta(hours=1)
REGISTERED = evolve(moved(1, START, "", ""), kind=EntryKind.REGISTERED, lifecycle=None, to_status=None, to_label=None)


class TestFolding:
    HISTORY = (
        REGISTERED,
        moved(2, START, "active", "Regular"),
        moved(3, START + HOUR, "active", "Trending", "active"),
        moved(4, START + HOUR, "suspended", "Abroad", "active"),
        evolve(moved(5, START + 2 * HOUR, "deleted", "Closed", "suspended"), closes=True),
    )

    def test_a_history_gives_the_account(self) -> None:
        account = fold(self.HISTORY)
        assert account is not None
        assert (account.version, account.registered_at, account.closed_at) == (5, START, START + 2 * HOUR)
        (standing,) = account.standings
        assert (standing.status, standing.label, standing.entry) == ("deleted", "Closed", 5)

    def test_a_change_of_label_leaves_since_when_the_status_is(self) -> None:
        account = fold(self.HISTORY[:3])
        assert account is not None
        assert account.standings[0].since == START + HOUR
        assert account.standings[0].status_since == START

    def test_as_of_a_time_what_counts_from_then_is_in_and_what_comes_later_is_not(self) -> None:
        labels = {
            offset: account and account.standings[0].label
            for offset in (0, 0.5, 1, 1.5, 2)
            for account in [fold(self.HISTORY, START + offset * HOUR)]
        }
        # At the same time the higher version counts.
        assert labels == {0: "Regular", 0.5: "Regular", 1: "Abroad", 1.5: "Abroad", 2: "Closed"}

    def test_before_the_registration_there_is_no_account(self) -> None:
        assert fold(self.HISTORY, START - timedelta(microseconds=1)) is None
        assert fold(()) is None


@some_examples
@given(st.data())
def test_whatever_is_done_the_history_folds_to_the_account(data: st.DataObject) -> None:
    # D52
    world = in_memory(ACME)
    world.desk.register("c", identifiers=[Identifier("mobile", "1")], at=START - timedelta(days=1))
    for _ in range(data.draw(st.integers(1, 8))):
        world.clock.forward(hours=data.draw(st.integers(-3, 3)))
        target = data.draw(st.sampled_from([*Label, *Membership, CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED]))
        operation = data.draw(st.booleans())
        if data.draw(st.integers(0, 3)):
            world.make(world.request("c", target, system_operation=operation))
        else:
            world.restore("c", system_operation=operation)
        account = world.service.account("c")
        folded = fold(world.service.history("c"))
        assert folded is not None
        assert folded == evolve(account, standings=tuple(row for row in account.standings if row.status is not None))
        versions = [entry.version for entry in world.service.history("c")]
        assert versions == list(range(1, account.version + 1))
