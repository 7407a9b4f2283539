"""Configurations: checked whole with all faults at once, and named by a hash of everything that they mean."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from organisation import ACME, CONSENT, Consent, ForeignLabel, Label, ShopAction, ShopChannel

from custstatus import (
    CAPILLARY_POLICY,
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    Action,
    AnyAction,
    Channel,
    ClientState,
    Condition,
    ConfigurationError,
    CustomerStatus,
    Effect,
    IdleRule,
    InvalidInputError,
    LegacyFraudStatus,
    Lifecycle,
    Membership,
    NoLabels,
    OrgConfig,
    Party,
    Requirement,
    RestrictionPolicy,
    Status,
    StatusLabel,
    Transition,
    Verdict,
    Waiver,
    block,
    block_everything,
    mark,
)
from custstatus.errors import UnknownLabelError
from custstatus.policies import Loosening, Question
from custstatus.policies.analysis import (
    never_allow,
)

ACTIVE, SUSPENDED, DELETED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED, CustomerStatus.DELETED
DAYS_180 = timedelta(days=180)


def configured(**given: Any) -> OrgConfig[Any]:
    """The plain configuration with some fields otherwise."""
    fields: dict[str, Any] = {"org": "acme", "labels": Label, **given}
    return OrgConfig(**fields)


def faults(**given: Any) -> tuple[str, ...]:
    """What is wrong with such a configuration."""
    with pytest.raises(ConfigurationError) as refused:
        configured(**given)
    assert all(fault in str(refused.value) for fault in refused.value.faults)
    return refused.value.faults


def policy(*rules: Any) -> RestrictionPolicy:
    """Capillary's policy with more rules."""
    return CAPILLARY_POLICY + RestrictionPolicy(*rules)


class Twice(StatusLabel):
    """One label under two statuses, another one repeated."""

    REGULAR = "Regular", ACTIVE
    ALSO_REGULAR = "Regular", SUSPENDED
    AWAY = "Away", SUSPENDED
    AWAY_AGAIN = "Away", SUSPENDED
    GONE = "Gone", DELETED


class Misnamed(StatusLabel):
    """Labels out of bounds, and one that is called like another status."""

    EMPTY = "", ACTIVE
    LONG = "x" * 65, ACTIVE
    BROKEN = "a\nb", ACTIVE
    SUSPENDED = "suspended", ACTIVE
    OWN_NAME = "active", ACTIVE
    GONE = "Gone", DELETED


class WithoutDeleted(StatusLabel):
    """An organisation in which nobody can be deleted by hand."""

    REGULAR = "Regular", ACTIVE
    LATENT = "Latent", ACTIVE


class TestLabels:
    def test_a_label_is_unique_across_all_statuses(self) -> None:
        # D19
        assert set(faults(labels=Twice)) == {
            "labels: 'Regular' appears more than once",
            "labels: 'Away' appears more than once",
        }

    def test_a_label_out_of_bounds_or_called_like_another_status_is_refused(self) -> None:
        told = " ".join(faults(labels=Misnamed))
        assert all(f"label {name}" in told for name in ("EMPTY", "LONG", "BROKEN", "SUSPENDED"))
        assert "OWN_NAME" not in told

    def test_a_label_that_maps_to_no_customer_status_is_refused(self) -> None:
        class Wrong(StatusLabel):
            MEMBER = "Member", Membership.ENROLLED
            NUMBER = 5, ACTIVE

        assert faults(labels=Wrong) == (
            "label MEMBER: expected a text and a CustomerStatus",
            "label NUMBER: expected a text and a CustomerStatus",
        )

    def test_the_first_label_of_a_status_is_its_default(self) -> None:
        # D20
        assert configured().default_label(ACTIVE) is Label.REGULAR
        assert configured().default_label(SUSPENDED) is Label.LOST_PHONE
        assert configured().labels_of(SUSPENDED) == (Label.LOST_PHONE, Label.ABROAD)

    def test_a_status_without_a_label_has_no_default(self) -> None:
        assert configured(labels=WithoutDeleted).default_label(DELETED) is None
        assert configured(labels=NoLabels).default_label(ACTIVE) is None
        assert not configured(labels=NoLabels).has_labels

    def test_a_label_is_found_by_its_text_and_its_status_follows(self) -> None:
        # D21
        assert configured().label("Lost phone").status is SUSPENDED

    def test_a_text_that_is_no_label_is_an_error_that_lists_the_labels(self) -> None:
        # D21
        with pytest.raises(UnknownLabelError) as refused:
            configured().label("lost phone")
        assert refused.value.name == "lost phone"
        assert set(refused.value.known) == {label.text for label in Label}

    @pytest.mark.parametrize("text", ["", "x" * 65, "\x00", 5, None, Label.REGULAR, ["Regular"]])
    def test_what_cannot_be_a_label_at_all_is_invalid(self, text: Any) -> None:
        with pytest.raises(InvalidInputError, match="label: expected text"):
            configured().label(text)

    def test_labels_need_customer_status(self) -> None:
        # D16
        assert any("which is off" in fault for fault in faults(lifecycles=[MEMBERSHIP]))
        assert configured(lifecycles=[MEMBERSHIP], labels=NoLabels).lifecycle("customer_status") is None


class Impostor(Status):
    """A lifecycle that calls itself customer status."""

    HERE = "here"


class Other(Status):
    """Another lifecycle that takes the name of one that is there."""

    HERE = "here"


class TestLifecycles:
    def test_customer_status_alone_is_on_by_default(self) -> None:
        assert configured().lifecycles == (CUSTOMER_STATUS,)

    def test_the_lifecycle_of_a_target_is_the_one_that_the_organisation_has_edited(self) -> None:
        edited = CUSTOMER_STATUS.without((ACTIVE, DELETED))
        config = configured(lifecycles=[edited])
        assert config.lifecycle_of(ACTIVE) is edited
        assert config.lifecycle_of(Label.CLOSED) is edited
        assert config.lifecycle_of(Membership.ENROLLED) is None

    def test_names_and_enums_of_lifecycles_are_told_apart(self) -> None:
        twin = Lifecycle("membership", Other, (Transition(None, Other.HERE, "come"),))
        assert "lifecycles: 'membership' appears more than once" in faults(
            lifecycles=[CUSTOMER_STATUS, MEMBERSHIP, twin]
        )
        again = evolve(MEMBERSHIP, name="membership_too")
        assert "lifecycles' enums: 'Membership' appears more than once" in faults(
            lifecycles=[CUSTOMER_STATUS, MEMBERSHIP, again]
        )

    @pytest.mark.parametrize(
        "lifecycle",
        [
            Lifecycle("customer_status", Impostor, (Transition(None, Impostor.HERE, "come"),)),
            evolve(CUSTOMER_STATUS, name="status"),
        ],
        ids=["name", "enum"],
    )
    def test_nothing_else_passes_for_customer_status(self, lifecycle: Lifecycle[Any]) -> None:
        told = " ".join(faults(lifecycles=[lifecycle], labels=NoLabels, restrictions=RestrictionPolicy()))
        assert "only customer status has that name and that enum" in told

    def test_a_lifecycle_may_be_off_and_nothing_be_on_at_all(self) -> None:
        # D16
        config = configured(lifecycles=[], labels=NoLabels)
        assert config.lifecycles == ()
        assert config.lifecycle_of(ACTIVE) is None


class Repeating(AnyAction):
    """An action of a host that has the value of one of ours."""

    SALE = "transaction"


class TestActions:
    def test_the_universe_is_every_member_of_every_enum_in_order(self) -> None:
        assert configured(actions=[Action, ShopAction]).all_actions == (*Action, ShopAction.GIFT_WRAP)

    def test_an_action_is_found_by_its_value(self) -> None:
        config = configured(actions=[Action, ShopAction])
        assert config.action("gift_wrap") is ShopAction.GIFT_WRAP
        assert config.action("wrap") is None

    def test_values_are_unique_over_all_enums(self) -> None:
        assert "actions: 'transaction' appears more than once" in faults(actions=[Action, Repeating])

    def test_a_value_out_of_bounds_is_refused(self) -> None:
        class Odd(AnyAction):
            EMPTY = ""
            NUMBER = 5

        told = " ".join(faults(actions=[Action, Odd]))
        assert "action EMPTY" in told
        assert "action NUMBER" in told

    def test_what_counts_as_activity_must_be_configured(self) -> None:
        # D60
        assert faults(counts_as_activity=[ShopAction.GIFT_WRAP]) == (
            "counts_as_activity: action GIFT_WRAP is not configured",
        )

    def test_an_unknown_action_in_a_rule_is_an_error_when_configuring(self) -> None:
        # D28
        told = faults(restrictions=policy(mark(ShopAction.GIFT_WRAP, when=SUSPENDED)))
        assert told == ("restriction 4 (MARK): action GIFT_WRAP is not configured",)


class TestRestrictions:
    @pytest.mark.parametrize("place", [ACTIVE, Label.TRENDING])
    def test_active_and_its_labels_carry_no_restriction(self, place: Any) -> None:
        # D27
        told = faults(restrictions=policy(mark(Action.OFFERS, when=place)))
        assert told == ("restriction 4 (MARK): ACTIVE carries no restriction (D27), unless waived",)

    def test_the_rule_about_active_can_be_waived(self) -> None:
        # D27
        rules = policy(mark(Action.OFFERS, when=Label.TRENDING))
        assert configured(restrictions=rules, waives=[Waiver.ACTIVE_MAY_BE_RESTRICTED]).restrictions is rules

    @pytest.mark.parametrize("place", [SUSPENDED, Label.PROVEN, CustomerStatus.PENDING_DELETION])
    def test_only_deleted_blocks_everything(self, place: Any) -> None:
        # D30
        (fault,) = faults(restrictions=policy(block_everything(when=place)))
        assert "only a closing status blocks everything (D30)" in fault

    def test_the_rule_about_blocking_everything_can_be_waived(self) -> None:
        # D30
        rules = policy(block_everything(when=SUSPENDED))
        assert configured(restrictions=rules, waives=[Waiver.ANY_STATUS_MAY_BLOCK_EVERYTHING]).restrictions is rules

    def test_a_closing_status_must_block_everything(self) -> None:
        # D30
        (fault,) = faults(restrictions=RestrictionPolicy())
        assert "CustomerStatus.DELETED closes the account but does not block every action" in fault
        kept = configured(restrictions=RestrictionPolicy(), waives=[Waiver.CLOSING_MAY_BE_UNBLOCKED])
        assert kept.restrictions.rules == ()

    def test_the_closing_statuses_of_other_lifecycles_must_as_well(self) -> None:
        # D84
        told = faults(
            lifecycles=[CUSTOMER_STATUS, CLIENT_STATE], restrictions=RestrictionPolicy(block_everything(when=DELETED))
        )
        assert [fault.split(" closes")[0] for fault in told] == [
            "restrictions: ClientState.DELETED",
            "restrictions: ClientState.EXCLUDED",
        ]

    def test_marking_everything_is_not_blocking_it(self) -> None:
        assert faults(restrictions=RestrictionPolicy(mark(*Action, when=DELETED)))

    @pytest.mark.parametrize(
        "rules",
        [
            RestrictionPolicy(block_everything(when=Label.CLOSED)),
            RestrictionPolicy(block(*Action, when=DELETED)),
        ],
        ids=["by every label", "by every action"],
    )
    def test_a_closing_status_may_block_everything_label_by_label_or_action_by_action(
        self, rules: RestrictionPolicy
    ) -> None:
        # D26
        assert configured(restrictions=rules).restrictions is rules

    def test_one_label_of_a_closing_status_left_out_is_not_everything(self) -> None:
        class TwoEnds(StatusLabel):
            REGULAR = "Regular", ACTIVE
            GONE = "Gone", DELETED
            MOVED = "Moved away", DELETED

        rules = RestrictionPolicy(block_everything(when=TwoEnds.GONE))
        assert "does not block every action" in faults(labels=TwoEnds, restrictions=rules)[0]

    def test_a_label_of_another_organisation_is_refused(self) -> None:
        told = faults(restrictions=policy(mark(Action.OFFERS, when=ForeignLabel.GONE)))
        assert told == ("restriction 4 (MARK): label 'Gone' is not one of Label",)


class TestIdleRules:
    def test_two_rules_for_the_idle_and_the_long_inactive_hold_together(self) -> None:
        # D64
        config = configured(idle=[IdleRule(DAYS_180, Label.DORMANT), IdleRule(DAYS_180 * 4, DELETED)])
        assert config.idle_labels == {"Dormant"}

    @pytest.mark.parametrize(
        "status",
        [status for status in CustomerStatus if status not in (ACTIVE, DELETED)],
        ids=lambda status: str(status.value),
    )
    def test_a_rule_leads_to_a_label_of_active_or_to_deleted_only(self, status: CustomerStatus) -> None:
        # D63
        (fault,) = faults(idle=[IdleRule(DAYS_180, status)])
        assert f"leads to {status.name}; expected a label of ACTIVE, or DELETED" in fault

    @pytest.mark.parametrize(
        ("to", "said"),
        [
            (ACTIVE, "ACTIVE itself is where an active customer is"),
            (Label.REGULAR, "the default label of ACTIVE, where every new customer is"),
            (ForeignLabel.REGULAR, "label 'Regular' is not one of Label"),
        ],
    )
    def test_a_rule_leads_to_a_label_of_its_own(self, to: Any, said: str) -> None:
        assert any(said in fault for fault in faults(idle=[IdleRule(DAYS_180, to)]))

    def test_a_rule_cannot_lead_where_no_label_is(self) -> None:
        told = faults(labels=WithoutDeleted, idle=[IdleRule(DAYS_180, DELETED)])
        assert told == ("idle rule 1: DELETED has no label, so it cannot be reached",)

    @pytest.mark.parametrize(
        ("of", "said"),
        [
            ([], "touches no label"),
            ([Label.LOST_PHONE], "touches labels of ACTIVE only (D63)"),
            ([SUSPENDED], "touches labels of ACTIVE only (D63)"),
            ([ACTIVE], "name labels of ACTIVE, not the status"),
            ([Label.DORMANT], "leads from 'Dormant' to itself"),
            ([ForeignLabel.REGULAR], "label 'Regular' is not one of Label"),
        ],
        ids=["none", "label", "status", "active", "itself", "foreign"],
    )
    def test_a_rule_touches_labels_of_active_only(self, of: list[Any], said: str) -> None:
        # D63
        assert any(said in fault for fault in faults(idle=[IdleRule(DAYS_180, Label.DORMANT, of)]))

    def test_two_rules_have_two_periods(self) -> None:
        told = faults(idle=[IdleRule(DAYS_180, Label.DORMANT), IdleRule(DAYS_180, DELETED)])
        assert told == ("idle: two rules with the same period",)

    def test_idle_rules_need_customer_status(self) -> None:
        told = faults(lifecycles=[MEMBERSHIP], labels=NoLabels, idle=[IdleRule(DAYS_180, DELETED)])
        assert "idle: customer status is off" in told

    def test_idle_labels_need_a_relabelling_that_the_sweep_may_make(self) -> None:
        (fault,) = faults(
            lifecycles=[CUSTOMER_STATUS.without((ACTIVE, ACTIVE))], idle=[IdleRule(DAYS_180, Label.DORMANT)]
        )
        assert "no free relabelling of ACTIVE" in fault

    def test_without_labels_a_rule_touches_active_itself(self) -> None:
        rule = IdleRule(DAYS_180, DELETED)
        config = configured(labels=NoLabels, idle=[rule])
        assert config.idle_from(rule) == {ACTIVE}
        assert config.idle_labels == frozenset()

    def test_by_default_a_rule_touches_all_labels_of_active_but_its_own_and_those_of_longer_rules(self) -> None:
        # D63, D64
        idle, gone = IdleRule(DAYS_180, Label.DORMANT), IdleRule(DAYS_180 * 4, DELETED)
        config = configured(idle=[idle, gone])
        assert config.idle_from(idle) == {Label.REGULAR, Label.TRENDING}
        assert config.idle_from(gone) == {Label.REGULAR, Label.TRENDING, Label.DORMANT}


TRANSFER = Action.POINTS_TRANSFER
AGREED = Loosening([Action.LOGIN], SUSPENDED, "ada", "they ask for it")


def holds(_: object) -> bool:
    return True


def condition(name: str) -> Condition[Any]:
    """A condition of that name."""
    return Condition(name, tuple, holds)


def allows(question: Question) -> Verdict:
    return Verdict(question.action, Effect.ALLOW)


class TestTwoParties:
    @pytest.mark.parametrize("action", [Action.LOGIN, ShopAction.GIFT_WRAP])
    def test_a_rule_for_a_side_of_an_action_that_has_none_is_a_fault(self, action: AnyAction) -> None:
        # D39
        rules = policy(block(action, TRANSFER, when=SUSPENDED, party=Party.DESTINATION))
        told = faults(actions=[Action, ShopAction], restrictions=rules)
        assert told == (f"restriction 4: action {action.name} has no destination, it is not in two_party",)
        config = configured(actions=[Action, ShopAction], restrictions=rules, two_party=[action, TRANSFER])
        assert config.policy.two_party == {action, TRANSFER}

    def test_an_action_between_two_must_be_configured(self) -> None:
        assert faults(two_party=[ShopAction.GIFT_WRAP]) == ("two_party: action GIFT_WRAP is not configured",)

    def test_those_that_are_shipped_are_passed_over_where_the_organisation_has_them_not(self) -> None:
        rules = RestrictionPolicy(block_everything(when=DELETED))
        config = configured(actions=[ShopAction], restrictions=rules, counts_as_activity=[])
        assert config.policy.two_party == frozenset()

    def test_to_block_one_side_is_not_to_block_everything(self) -> None:
        # D30
        gift = block(ShopAction.GIFT_WRAP, when=DELETED, party=Party.SOURCE)
        given: dict[str, Any] = {"actions": [ShopAction], "counts_as_activity": [], "two_party": list(ShopAction)}
        (fault,) = faults(restrictions=RestrictionPolicy(gift), **given)
        assert "does not block every action" in fault


class TestConditionsAndPolicies:
    def test_one_name_is_one_condition(self) -> None:
        other = Condition("large", tuple, lambda _: False)
        rules = [block(Action.OFFERS, when=SUSPENDED, condition=each) for each in (condition("large"), other)]
        told = faults(restrictions=policy(*rules))
        assert told == ("restriction 5: another condition is called 'large' already",)
        again = [block(Action.OFFERS, when=SUSPENDED, condition=condition("large")) for _ in range(2)]
        assert len(configured(restrictions=policy(*again)).restrictions.rules) == 5

    def test_a_condition_and_a_policy_are_told_by_different_names(self) -> None:
        # Whoever reads that something depends on `risk` must know on which.
        rules = policy(block(Action.OFFERS, when=SUSPENDED, condition=condition("risk")))
        assert faults(restrictions=rules, policies={"risk": allows})

    @pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", 5, None])
    def test_a_policys_name_is_bounded(self, name: Any) -> None:
        (fault,) = faults(policies={name: allows})
        assert fault.startswith("policies: a name: expected text")

    @pytest.mark.parametrize("own", [None, 5, "risk", Verdict(Action.LOGIN, Effect.ALLOW)], ids=repr)
    def test_what_is_no_callable_is_no_policy(self, own: Any) -> None:
        (fault,) = faults(policies={"risk": own})
        assert fault.startswith("policies: expected a callable over a Question, got ")

    def test_a_condition_does_not_make_active_restrictable(self) -> None:
        # D27
        told = faults(restrictions=policy(mark(Action.OFFERS, when=ACTIVE, condition=condition("large"))))
        assert told == ("restriction 4 (MARK): ACTIVE carries no restriction (D27), unless waived",)

    def test_what_closes_an_account_blocks_everything_whatever_a_condition_says(self) -> None:
        # D30
        for rule in (
            block_everything(when=DELETED, condition=condition("large")),
            block(*Action, when=DELETED, condition=condition("large")),
        ):
            (fault,) = faults(restrictions=RestrictionPolicy(rule))
            assert "CustomerStatus.DELETED closes the account but does not block every action" in fault
            both = RestrictionPolicy(rule, block_everything(when=DELETED))
            assert configured(restrictions=both).restrictions is both

    def test_the_policies_are_those_that_were_given_whatever_becomes_of_the_mapping(self) -> None:
        given = {"risk": allows}
        config = configured(policies=given)
        given["fraud"] = allows
        assert dict(config.policies) == {"risk": allows}
        assert dict(config.policy.own) == {"risk": allows}


class TestInvariants:
    NEVER = never_allow(Action.LOGIN, when=SUSPENDED, why="D104")
    GUARDED = evolve(NEVER, guarded=True)

    def test_one_that_is_broken_is_a_fault_that_names_the_cell_in_words(self) -> None:
        rules = policy(block(Action.LOGIN, when=Label.ABROAD))
        (fault,) = faults(restrictions=rules, invariants=[self.NEVER])
        assert fault == (
            "restrictions: not so that LOGIN at least blocked in SUSPENDED (D104): a customer who is suspended under "
            "'Lost phone': login is allowed (no rule restricts it); expected blocked; and 1 more"
        )

    def test_every_one_that_is_broken_is_told(self) -> None:
        told = faults(invariants=[self.NEVER, never_allow(when=DELETED), never_allow(Action.OFFERS, when=SUSPENDED)])
        assert [fault.split(" at least")[0].split(" ")[-1] for fault in told] == ["LOGIN", "OFFERS"]

    def test_the_other_faults_come_first(self) -> None:
        (fault,) = faults(identifiers=["a", "a"], invariants=[self.NEVER])
        assert fault.startswith("identifiers")

    def test_one_that_holds_and_one_of_which_nothing_is_known_are_let_pass(self) -> None:
        rules = policy(block(Action.LOGIN, when=SUSPENDED, condition=condition("large")))
        assert configured(restrictions=rules, invariants=[self.NEVER]).invariants == (self.NEVER,)
        assert configured(policies={"risk": allows}, invariants=[self.NEVER]).invariants == (self.NEVER,)

    @pytest.mark.parametrize(
        ("loosenings", "held"),
        [
            ([], False),
            ([AGREED], True),
            ([evolve(AGREED, actions=None)], True),
            ([evolve(AGREED, actions=[Action.OFFERS])], False),
            ([evolve(AGREED, when=[DELETED])], False),
            # Those who stand there without a label are not spoken of.
            ([evolve(AGREED, when=[Label.LOST_PHONE, Label.ABROAD])], False),
            ([evolve(AGREED, when=[DELETED]), AGREED], True),
        ],
    )
    def test_one_that_is_guarded_is_given_up_with_an_approval(self, loosenings: list[Loosening], held: bool) -> None:
        if held:
            assert configured(invariants=[self.GUARDED], loosenings=loosenings).loosenings == tuple(loosenings)
        else:
            assert len(faults(invariants=[self.GUARDED], loosenings=loosenings)) == 1
        # One that is fixed is not.
        assert len(faults(invariants=[self.NEVER], loosenings=loosenings)) == 1

    def test_they_are_no_part_of_the_hash_and_approvals_are(self) -> None:
        plain = configured(loosenings=[AGREED])
        assert configured(loosenings=[AGREED], invariants=[self.GUARDED]).hash == plain.hash
        assert configured(loosenings=[AGREED], invariants=[self.GUARDED]) == plain
        assert plain.hash != configured().hash

    def test_an_approval_speaks_of_the_organisations_own_labels(self) -> None:
        told = faults(loosenings=[evolve(AGREED, when=[ForeignLabel.GONE])])
        assert told == ("loosening 1: label 'Gone' is not one of Label",)

    @pytest.mark.parametrize("action", [ShopAction.GIFT_WRAP])
    def test_an_approval_speaks_of_the_organisations_own_actions(self, action: AnyAction) -> None:
        told = faults(loosenings=[evolve(AGREED, actions=[action])])
        assert told == ("loosening 1: action GIFT_WRAP is not configured",)


class TestFaults:
    def test_all_faults_are_told_at_once(self) -> None:
        told = faults(
            labels=Twice,
            restrictions=RestrictionPolicy(mark(ShopAction.GIFT_WRAP, when=ACTIVE)),
            idle=[IdleRule(DAYS_180, SUSPENDED)],
            counts_as_activity=[ShopAction.GIFT_WRAP],
            identifiers=["mobile", "mobile", "a\nb", ""],
        )
        assert len(told) == 10
        for said in ("labels", "restriction 1", "restrictions", "idle rule 1", "counts_as_activity", "identifiers"):
            assert any(fault.startswith(said) for fault in told)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("org", ""),
            ("org", 5),
            ("labels", None),
            ("labels", Label.REGULAR),
            ("lifecycles", [CustomerStatus]),
            ("actions", [Action.TRANSACTION]),
            ("restrictions", None),
            ("restrictions", [block_everything(when=DELETED)]),
            ("idle", [DAYS_180]),
            ("counts_as_activity", ["transaction"]),
            ("reason_optional", ["import"]),
            ("identifiers", [5]),
            ("time_zone", "Europe/Berlin"),
            ("waives", ["active_may_be_restricted"]),
            ("two_party", ["points_transfer"]),
            ("policies", [allows]),
            ("policies", None),
            ("policies", allows),
            ("invariants", [AGREED]),
            ("loosenings", ["ada"]),
        ],
    )
    def test_a_field_of_the_wrong_kind_is_told_by_its_name(self, field: str, value: object) -> None:
        assert [fault for fault in faults(**{field: value}) if fault.startswith(field)]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("lifecycles", CUSTOMER_STATUS),
            ("idle", IdleRule(DAYS_180, DELETED)),
            ("counts_as_activity", Action.TRANSACTION),
            ("reason_optional", Channel.IMPORT),
            ("waives", Waiver.CLOSING_MAY_BE_UNBLOCKED),
            ("two_party", TRANSFER),
            ("invariants", never_allow(when=DELETED)),
            ("loosenings", AGREED),
        ],
    )
    def test_one_value_where_several_are_expected_is_a_fault_of_the_configuration(
        self, field: str, value: object
    ) -> None:
        assert faults(**{field: value})

    def test_a_bare_text_is_not_a_list_of_identifier_types(self) -> None:
        assert faults(identifiers="mobile")

    def test_a_time_zone_without_a_key_cannot_be_kept(self) -> None:
        with Path("/usr/share/zoneinfo/Europe/Berlin").open("rb") as file:
            zone = ZoneInfo.from_file(file)
        (fault,) = faults(time_zone=zone)
        assert fault.startswith("time_zone: expected datetime.UTC, or a zoneinfo.ZoneInfo with a key")

    def test_the_zone_of_utc_may_be_given_in_either_form(self) -> None:
        assert configured(time_zone=UTC).hash == configured(time_zone=ZoneInfo("UTC")).hash == configured().hash


_OPTIONAL = (Channel.CONNECT_PLUS, Channel.IMPORT)


def edited() -> list[tuple[str, OrgConfig[Any]]]:
    """Configurations that differ from the plain one in one meaning each."""
    needing = Transition(CustomerStatus.ACTIVE, SUSPENDED, "suspend_by_staff", frozenset({Requirement.PERSON}))
    returning = Transition(CustomerStatus.FRAUD_SUSPECTED, ACTIVE, "clear", frozenset({Requirement.REASON}), back=True)
    moved: dict[str, Lifecycle[Any]] = {
        "a move less": CUSTOMER_STATUS.without((ACTIVE, DELETED)),
        "a move more": CUSTOMER_STATUS.adding(Transition(ACTIVE, CustomerStatus.FRAUD_CONFIRMED, "confirm_at_once")),
        "other needs": CUSTOMER_STATUS.adding(needing),
        "a move back": CUSTOMER_STATUS.adding(returning),
        "another reason for a move": CUSTOMER_STATUS.adding(evolve(returning, why="ours")),
        "another group": evolve(CUSTOMER_STATUS, aside=(*CUSTOMER_STATUS.aside, frozenset({SUSPENDED}))),
    }
    return [
        ("another organisation", configured(org="acme2")),
        ("no labels", configured(labels=NoLabels)),
        ("other labels", configured(labels=ForeignLabel)),
        ("another lifecycle", configured(lifecycles=[CUSTOMER_STATUS, MEMBERSHIP])),
        *((name, configured(lifecycles=[lifecycle])) for name, lifecycle in moved.items()),
        ("own actions", configured(actions=[Action, ShopAction])),
        ("a rule", configured(restrictions=policy(mark(Action.OFFERS, when=SUSPENDED)))),
        ("another place", configured(restrictions=policy(mark(Action.OFFERS, when=Label.ABROAD)))),
        ("another effect", configured(restrictions=policy(block(Action.OFFERS, when=SUSPENDED)))),
        ("a code", configured(restrictions=policy(block(Action.OFFERS, when=SUSPENDED, code="681")))),
        ("a reason", configured(restrictions=policy(block(Action.OFFERS, when=SUSPENDED, reason="said")))),
        ("a text", configured(restrictions=policy(block(Action.OFFERS, when=SUSPENDED, customer_message="no")))),
        ("an idle rule", configured(idle=[IdleRule(DAYS_180, Label.DORMANT)])),
        ("another period", configured(idle=[IdleRule(DAYS_180 + timedelta(microseconds=1), Label.DORMANT)])),
        ("another goal", configured(idle=[IdleRule(DAYS_180, DELETED)])),
        ("other sources", configured(idle=[IdleRule(DAYS_180, DELETED, [Label.DORMANT])])),
        ("what counts", configured(counts_as_activity=[Action.TRANSACTION, Action.LOGIN])),
        ("reasons everywhere", configured(reason_optional=[])),
        ("own channels", configured(reason_optional=[ShopChannel.KIOSK])),
        ("another primary identifier", configured(identifiers=["email", "mobile", "external_id"])),
        ("another time zone", configured(time_zone=ZoneInfo("Europe/Berlin"))),
        ("a waiver", configured(waives=[Waiver.ACTIVE_MAY_BE_RESTRICTED])),
        ("a transfer", configured(restrictions=policy(block(TRANSFER, when=SUSPENDED)))),
        ("one side", configured(restrictions=policy(block(TRANSFER, when=SUSPENDED, party=Party.SOURCE)))),
        ("the other", configured(restrictions=policy(block(TRANSFER, when=SUSPENDED, party=Party.DESTINATION)))),
        ("a condition", configured(restrictions=policy(block(TRANSFER, when=SUSPENDED, condition=condition("a"))))),
        ("another", configured(restrictions=policy(block(TRANSFER, when=SUSPENDED, condition=condition("b"))))),
        ("one between two", configured(two_party=[TRANSFER])),
        ("none between two", configured(two_party=[])),
        ("a policy", configured(policies={"risk": allows})),
        ("a policy by another name", configured(policies={"fraud": allows})),
        ("an approval", configured(loosenings=[AGREED])),
        ("an approval by another", configured(loosenings=[evolve(AGREED, by="bob")])),
        ("an approval elsewhere", configured(loosenings=[evolve(AGREED, when=[Label.ABROAD])])),
        ("an approval of everything", configured(loosenings=[evolve(AGREED, actions=None)])),
    ]


class TestHash:
    def test_every_change_of_meaning_changes_the_hash(self) -> None:
        hashes = {config.hash: name for name, config in [("plain", configured()), *edited()]}
        assert len(hashes) == 1 + len(edited())

    def test_the_order_of_labels_has_a_meaning_and_so_changes_the_hash(self) -> None:
        # D20: the first is the default.
        class Turned(StatusLabel):
            GONE = "Gone", DELETED
            REGULAR = "Regular", ACTIVE

        assert configured(labels=Turned).hash != configured(labels=ForeignLabel).hash

    @pytest.mark.parametrize(
        "same",
        [
            lambda: configured(),
            lambda: configured(counts_as_activity={Action.TRANSACTION}, reason_optional=[*_OPTIONAL, *_OPTIONAL]),
            lambda: configured(lifecycles=(CUSTOMER_STATUS,), actions=(Action,), restrictions=CAPILLARY_POLICY),
            lambda: configured(lifecycles=[evolve(CUSTOMER_STATUS, transitions=CUSTOMER_STATUS.transitions[::-1])]),
        ],
    )
    def test_what_means_the_same_has_the_same_hash(self, same: Callable[[], OrgConfig[Any]]) -> None:
        assert same().hash == configured().hash

    def test_a_hash_is_32_hexadecimal_digits(self) -> None:
        assert len(ACME.hash) == 32
        assert int(ACME.hash, 16) >= 0

    def test_the_hash_is_the_same_in_every_process(self) -> None:
        seed = "77" if os.environ.get("PYTHONHASHSEED") != "77" else "78"
        here = Path(__file__).parent
        path = os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])
        printed = subprocess.run(
            [sys.executable, "-c", "from organisation import ACME; print(ACME.hash)"],
            cwd=here,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        assert printed.stdout.strip() == ACME.hash

    def test_a_frozen_configuration_is_changed_by_making_another(self) -> None:
        other = evolve(ACME, org="zeta")
        assert other.hash != ACME.hash
        assert evolve(ACME) == ACME


def test_closing_statuses_of_lifecycles_that_are_off_do_no_harm() -> None:
    assert ClientState.EXCLUDED in {place for rule in configured().restrictions for place in rule.when}
    assert LegacyFraudStatus not in {lifecycle.statuses for lifecycle in configured().lifecycles}
    assert configured(lifecycles=[CUSTOMER_STATUS, LEGACY_FRAUD_STATUS, CONSENT]).lifecycle("consent") is CONSENT
    assert configured(lifecycles=[CONSENT], labels=NoLabels).lifecycle_of(Consent.ASKED) is CONSENT
