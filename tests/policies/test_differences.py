"""What changes from one configuration to the next, as a person reads it before it goes live."""

from __future__ import annotations

from typing import Any

import pytest
from random_policies import CONDITIONS, RENEWED, Deed, Organisation, Shade

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    SHIPPED,
    Action,
    AnyAction,
    ClientState,
    Condition,
    CustomerStatus,
    Effect,
    LegacyFraudStatus,
    Membership,
    NoLabels,
    OrgConfig,
    Party,
    Restriction,
    RestrictionPolicy,
    StatusLabel,
    Verdict,
    Waiver,
    block,
    block_everything,
    mark,
)
from custstatus.policies import Loosening, Question
from custstatus.policies.analysis import Direction, diff

SUSPENDED, DELETED = CustomerStatus.SUSPENDED, CustomerStatus.DELETED
BOTH = Organisation((CUSTOMER_STATUS, MEMBERSHIP), Shade)
LARGE, NIGHT, _ = CONDITIONS
CLOSED = block_everything(when=DELETED)
BASE = (mark(Deed.BUY, when=SUSPENDED, reason="an outlier"), block(Deed.REDEEM, when=SUSPENDED), CLOSED)


def config(*rules: Restriction, **given: Any) -> OrgConfig[Any]:
    """A configuration of these rules."""
    return BOTH.config(rules, **given)


def lines(old: OrgConfig[Any], new: OrgConfig[Any]) -> list[str]:
    """What a difference says, line by line."""
    return str(diff(old, new)).splitlines()


class TestAsAPersonReadsIt:
    CHANGED = (
        mark(Deed.BUY, when=SUSPENDED, reason="flagged"),
        block(Deed.REDEEM, when=Shade.ABROAD),
        CLOSED,
        block(Deed.GIVE, when=Membership.ON_HOLD, condition=LARGE),
    )

    def test_line_by_line(self) -> None:
        assert lines(config(*BASE), config(*self.CHANGED)) == [
            "loosened, block to allow: REDEEM in SUSPENDED / Lost phone, SUSPENDED without a label (2 cells)",
            "unknown, allow to block, by large: GIVE in ON_HOLD (3 cells)",
            "re-reasoned, mark: BUY in SUSPENDED (3 cells)",
        ]

    def test_as_markdown(self) -> None:
        assert diff(config(*BASE), config(*self.CHANGED)).markdown() == (
            "**2 cell(s) are milder, or may be, without an approval.**\n"
            "\n"
            "| change | before | after | actions | where | depends on | cells |\n"
            "| --- | --- | --- | --- | --- | --- | --- |\n"
            "| loosened | block | allow | REDEEM | SUSPENDED / Lost phone, SUSPENDED without a label |  | 2 |\n"
            "| unknown | allow | block | GIVE | ON_HOLD | large | 3 |\n"
            "| re-reasoned | mark | mark | BUY | SUSPENDED |  | 3 |\n"
        )

    def test_nothing_changed(self) -> None:
        same = diff(config(*BASE), config(*BASE[::-1]))
        assert same.is_empty
        assert (str(same), same.markdown()) == ("no difference", "The policy decides every cell as before.\n")

    def test_it_has_no_truth_value(self) -> None:
        with pytest.raises(TypeError, match="is_empty"):
            bool(diff(config(), config()))

    def test_a_bar_in_a_labels_text_makes_no_column_of_its_own(self) -> None:
        class Barred(StatusLabel):
            ONE = "A|B", CustomerStatus.ACTIVE
            TWO = "C", CustomerStatus.ACTIVE

        organisation = Organisation((CUSTOMER_STATUS,), Barred)
        found = diff(organisation.config([]), organisation.config([block(Deed.BUY, when=Barred.ONE)]))
        assert "| ACTIVE / A\\|B |" in found.markdown()

    def test_statuses_of_one_name_on_two_lifecycles_are_told_apart(self) -> None:
        organisation = Organisation((CUSTOMER_STATUS, CLIENT_STATE), NoLabels)
        found = diff(
            organisation.config([]),
            organisation.config([block_everything(when=[DELETED, ClientState.DELETED])]),
        )
        (group,) = found.groups
        assert len(set(group.places)) == 2

    def test_every_action_means_each_side_too(self) -> None:
        # One side of GIVE and MERGE stays as it was: that must not read as every action.
        rules = [
            block(Deed.BUY, Deed.REDEEM, Deed.WRAP, when=Membership.ON_HOLD),
            block(Deed.GIVE, Deed.MERGE, when=Membership.ON_HOLD, party=Party.SOURCE),
        ]
        said = lines(config(), config(*rules))
        assert not any("every action" in line for line in said), said

    def test_actions_of_one_name_in_two_enums_are_counted_each(self) -> None:
        def both(*rules: Restriction) -> OrgConfig[Any]:
            return OrgConfig(
                "acme",
                NoLabels,
                actions=[Deed, Namesake],
                restrictions=RestrictionPolicy(*rules),
                counts_as_activity=[],
                waives=list(Waiver),
            )

        found = diff(both(), both(block(Deed.BUY, Namesake.BUY, when=SUSPENDED)))
        assert sum(group.cells for group in found.groups) == len(found.changes) == 2

    def test_a_whole_lifecycle_is_told_at_once(self) -> None:
        assert lines(config(), config(mark(Deed.BUY, when=[*Membership]))) == [
            "tightened, allow to mark: BUY in all of membership (5 cells)"
        ]


class Namesake(AnyAction):
    """An action of another product, called like one of the organisation's."""

    BUY = "buy_elsewhere"


class Plenty(AnyAction):
    """A hundred actions."""

    _ignore_ = ["number", "Plenty"]
    Plenty = vars()
    for number in range(100):
        Plenty[f"DEED_{number}"] = f"deed_{number}"


class Many(StatusLabel):
    """Fifty labels each of two statuses."""

    _ignore_ = ["number", "Many"]
    Many = vars()
    for number in range(50):
        Many[f"ACTIVE_{number}"] = f"Active {number}", CustomerStatus.ACTIVE
        Many[f"SUSPENDED_{number}"] = f"Suspended {number}", CustomerStatus.SUSPENDED


class TestManyCells:
    @staticmethod
    def large(*rules: Restriction) -> OrgConfig[Any]:
        return OrgConfig(
            "acme",
            Many,
            actions=[Plenty],
            restrictions=RestrictionPolicy(CLOSED, *rules),
            counts_as_activity=[],
            waives=list(Waiver),
        )

    def test_ten_thousand_cells_read_as_three_lines(self) -> None:
        alike = mark(*Plenty, when=[CustomerStatus.ACTIVE, SUSPENDED])
        some = block(Plenty.DEED_7, when=SUSPENDED)  # type: ignore[attr-defined]
        found = diff(self.large(), self.large(alike, some))
        assert len(found.changes) >= 10_000
        assert len(found.groups) <= 3
        assert sum(group.cells for group in found.groups) == len(found.changes)
        assert len(str(found).splitlines()) <= 3

    def test_all_of_them_alike_read_as_one(self) -> None:
        found = diff(self.large(), self.large(mark(*Plenty, when=[CustomerStatus.ACTIVE, SUSPENDED])))
        assert len(found.changes) == 10_200
        assert str(found) == "tightened, allow to mark: every action in ACTIVE, SUSPENDED (10,200 cells)"


class TestApprovals:
    OLD = config(*BASE)
    MILDER = (BASE[0], CLOSED)
    CONSENT = Loosening([Deed.REDEEM], SUSPENDED, "ada", "the shops asked for it")

    def test_a_loosening_is_unapproved(self) -> None:
        found = diff(self.OLD, config(*self.MILDER))
        assert len(found.unapproved) == len(found.loosened) == 3

    def test_an_approval_that_is_new_covers_it(self) -> None:
        found = diff(self.OLD, config(*self.MILDER, loosenings=[self.CONSENT]))
        assert found.unapproved == ()
        assert {change.approval for change in found.loosened} == {self.CONSENT}
        assert str(found) == "loosened (approved), block to allow: REDEEM in SUSPENDED (3 cells)"
        assert "| loosened (approved) | block | allow | REDEEM |" in found.markdown()
        assert "without an approval" not in found.markdown()

    def test_one_that_the_old_configuration_had_has_been_used(self) -> None:
        again = Loosening([Deed.REDEEM], SUSPENDED, "ada", "the shops asked for it")
        found = diff(config(*BASE, loosenings=[self.CONSENT]), config(*self.MILDER, loosenings=[again]))
        assert len(found.unapproved) == 3

    @pytest.mark.parametrize(
        "other",
        [
            Loosening([Deed.BUY], SUSPENDED, "ada", "other actions"),
            Loosening(None, DELETED, "ada", "another place"),
        ],
    )
    def test_one_of_something_else_covers_nothing(self, other: Loosening) -> None:
        assert len(diff(self.OLD, config(*self.MILDER, loosenings=[other])).unapproved) == 3

    def test_one_for_a_label_covers_that_label(self) -> None:
        approval = Loosening([Deed.REDEEM], Shade.ABROAD, "ada", "a trial")
        found = diff(self.OLD, config(*self.MILDER, loosenings=[approval]))
        assert [change.cell.label for change in found.unapproved] == [Shade.LOST_PHONE, None]

    def test_a_tightening_uses_none(self) -> None:
        everything = Loosening(None, [*CustomerStatus], "ada", "whatever comes")
        found = diff(config(), config(*BASE, loosenings=[everything]))
        assert not found.is_empty
        assert all(change.approval is None for change in found.changes)


class TestLifecycles:
    RULES = (CLOSED, block(Deed.BUY, when=Membership.ON_HOLD))

    def test_one_that_is_switched_off_loosens_what_it_restricted(self) -> None:
        found = diff(config(*self.RULES), Organisation((CUSTOMER_STATUS,), Shade).config(self.RULES))
        assert [(change.cell.status, change.cell.action) for change in found.loosened] == [
            (Membership.ON_HOLD, Deed.BUY)
        ]
        assert found.unapproved == found.loosened
        assert {change.direction for change in found.changes} == {Direction.LOOSENED, Direction.REMOVED}

    def test_what_a_condition_restricted_there_is_told_with_its_name(self) -> None:
        rules = [CLOSED, block(Deed.BUY, when=Membership.ON_HOLD, condition=LARGE)]
        found = diff(config(*rules), Organisation((CUSTOMER_STATUS,), Shade).config(rules))
        (change,) = found.unapproved
        assert (change.direction, change.depends_on) == (Direction.UNKNOWN, ("large",))

    def test_one_that_is_switched_on_is_added(self) -> None:
        found = diff(Organisation((CUSTOMER_STATUS,), Shade).config(self.RULES), config(*self.RULES))
        assert {change.direction for change in found.changes} == {Direction.ADDED}
        assert found.unapproved == ()

    def test_customer_status_switched_on_takes_away_what_legacy_fraud_restricted(self) -> None:
        # D45
        rules = [block(Deed.BUY, when=LegacyFraudStatus.CONFIRMED)]
        old = Organisation((LEGACY_FRAUD_STATUS,), NoLabels).config(rules)
        new = Organisation((LEGACY_FRAUD_STATUS, CUSTOMER_STATUS), NoLabels).config(rules)
        assert [change.cell.status for change in diff(old, new).unapproved] == [LegacyFraudStatus.CONFIRMED]


class Fewer(StatusLabel):
    """Without "Gold" and "Lost phone", and with a label that is new."""

    REGULAR = "Regular", CustomerStatus.ACTIVE
    ABROAD = "Abroad", CustomerStatus.SUSPENDED
    ILL = "Ill", CustomerStatus.SUSPENDED
    CLOSED = "Closed", CustomerStatus.DELETED


class TestLabels:
    def test_labels_that_come_and_go_are_added_and_removed(self) -> None:
        old, new = BOTH.config(BASE), Organisation(BOTH.lifecycles, Fewer).config(BASE)
        found = diff(old, new)
        label = {change.cell.label.text: change.direction for change in found.changes if change.cell.label}
        assert label == {"Ill": Direction.ADDED, "Gold": Direction.REMOVED, "Lost phone": Direction.REMOVED}
        assert found.unapproved == ()

    def test_those_of_two_enums_are_one_by_their_text(self) -> None:
        old = BOTH.config([block(Deed.BUY, when=Shade.ABROAD)])
        new = Organisation(BOTH.lifecycles, Fewer).config([mark(Deed.BUY, when=Fewer.ABROAD)])
        assert [change.cell.label for change in diff(old, new).loosened] == [Fewer.ABROAD]


class TestConditions:
    def test_a_condition_that_comes_is_unknown_and_may_loosen(self) -> None:
        (change, *_) = diff(config(block(Deed.BUY, when=SUSPENDED)), config(self.rule(LARGE))).changes
        assert (change.direction, change.depends_on, change.may_loosen) == (Direction.UNKNOWN, ("large",), True)

    def test_one_that_goes_is_unknown_and_loosens_nothing(self) -> None:
        found = diff(config(self.rule(LARGE)), config(block(Deed.BUY, when=SUSPENDED)))
        assert {change.direction for change in found.changes} == {Direction.UNKNOWN}
        assert found.unapproved == ()

    def test_one_under_another_name_may_loosen(self) -> None:
        found = diff(config(self.rule(LARGE)), config(self.rule(NIGHT)))
        assert {change.depends_on for change in found.unapproved} == {("large", "night")}

    def test_other_code_under_the_same_name_may_loosen(self) -> None:
        found = diff(config(self.rule(LARGE)), config(self.rule(RENEWED["large"])))
        assert {change.depends_on for change in found.unapproved} == {("large",)}

    def test_other_code_of_a_rule_that_decides_nothing_is_re_reasoned(self) -> None:
        sure = block(Deed.BUY, when=SUSPENDED)
        found = diff(
            config(sure, mark(Deed.BUY, when=SUSPENDED, condition=LARGE)),
            config(sure, mark(Deed.BUY, when=SUSPENDED, condition=RENEWED["large"])),
        )
        assert {change.direction for change in found.changes} == {Direction.REREASONED}

    def test_another_explanation_of_the_same_code_changes_nothing(self) -> None:
        explained = Condition(LARGE.name, LARGE.over, LARGE.holds, "five hundred and more")
        assert diff(config(self.rule(LARGE)), config(self.rule(explained))).is_empty

    def test_what_was_read_from_json_without_its_code_is_known_by_name(self) -> None:
        live = config(self.rule(LARGE), CLOSED)
        read = self.read(live, [Condition.absent("large")])
        assert diff(read, live).is_empty
        assert diff(live, read).is_empty
        assert not diff(read, config(self.rule(NIGHT), CLOSED)).is_empty

    @staticmethod
    def rule(condition: Condition[Any]) -> Restriction:
        return block(Deed.BUY, when=SUSPENDED, condition=condition)

    @staticmethod
    def read(live: OrgConfig[Any], conditions: list[Condition[Any]]) -> OrgConfig[Any]:
        return OrgConfig.from_json(
            live.to_json(), Shade, lifecycles=SHIPPED, actions=[Action, Deed], conditions=conditions
        )


def careful(question: Question) -> Verdict:
    """A policy of the host's own."""
    return Verdict(question.action, Effect.ALLOW)


def careless(question: Question) -> Verdict:
    """Another."""
    return Verdict(question.action, Effect.MARK)


class TestOwnPolicies:
    def test_one_that_comes_is_unknown_everywhere_but_loosens_nothing(self) -> None:
        found = diff(config(*BASE), config(*BASE, policies={"careful": careful}))
        assert {(change.direction, change.depends_on) for change in found.changes} == {
            (Direction.UNKNOWN, ("careful",))
        }
        assert found.unapproved == ()
        # What is blocked in any case stays so.
        assert not any(change.cell.status is DELETED for change in found.changes)

    def test_one_that_goes_may_loosen(self) -> None:
        found = diff(config(*BASE, policies={"careful": careful}), config(*BASE))
        assert found.changes
        assert found.unapproved == found.changes

    def test_other_code_under_its_name_may_loosen(self) -> None:
        found = diff(config(*BASE, policies={"careful": careful}), config(*BASE, policies={"careful": careless}))
        assert found.changes
        assert found.unapproved == found.changes

    def test_the_same_is_no_difference(self) -> None:
        both = [config(*BASE, policies={"careful": careful}) for _ in range(2)]
        assert diff(*both).is_empty

    def test_one_that_comes_hides_no_loosening_of_the_rules(self) -> None:
        found = diff(config(*BASE), config(CLOSED, policies={"careful": careful}))
        milder = {(change.cell.status, change.cell.action) for change in found.unapproved}
        assert milder == {(SUSPENDED, Deed.BUY), (SUSPENDED, Deed.REDEEM)}
