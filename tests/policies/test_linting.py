"""What is odd about a configuration: each kind of finding in a configuration that has exactly one, and none in a clean one."""

from __future__ import annotations

from typing import Any

import pytest
from random_policies import CONDITIONS

from custstatus import (
    CUSTOMER_STATUS,
    AnyAction,
    Condition,
    CustomerStatus,
    Lifecycle,
    NoLabels,
    OrgConfig,
    Party,
    Requirement,
    Restriction,
    RestrictionPolicy,
    Status,
    StatusLabel,
    Transition,
    Waiver,
    block,
    block_everything,
    mark,
)
from custstatus.policies.analysis import Lint, lint

LARGE, NIGHT, _ = CONDITIONS


class Visit(AnyAction):
    """What is done in a library."""

    BORROW = "borrow"
    LEND = "lend"


class Card(Status):
    """A library card."""

    VALID = "valid"
    LOST = "lost"


CARD = Lifecycle(
    "card",
    Card,
    (
        Transition(None, Card.VALID, "issue"),
        Transition(Card.VALID, Card.LOST, "lose"),
        Transition(Card.LOST, Card.VALID, "find"),
        Transition(None, Card.LOST, "import"),
    ),
)
RULES = (block(Visit.BORROW, when=Card.LOST), mark(Visit.LEND, when=Card.LOST))


def config(*rules: Restriction, **given: Any) -> OrgConfig[Any]:
    """A configuration of a library: clean with RULES."""
    options: dict[str, Any] = {"labels": NoLabels, "lifecycles": [CARD], "two_party": [Visit.LEND], **given}
    return OrgConfig(
        "acme",
        actions=[Visit],
        restrictions=RestrictionPolicy(*rules),
        counts_as_activity=[],
        waives=list(Waiver),
        **options,
    )


def findings(asked: OrgConfig[Any], kind: Lint) -> list[str]:
    """The findings of one kind, as a person reads them."""
    return [str(finding) for finding in lint(asked) if finding.lint is kind]


def test_a_clean_configuration_has_no_finding() -> None:
    assert lint(config(*RULES)) == ()


class TestRulesThatNeverDecide:
    def test_one_that_a_stricter_one_covers(self) -> None:
        assert list(map(str, lint(config(*RULES, mark(Visit.BORROW, when=Card.LOST, reason="flagged"))))) == [
            "rule_never_decides: rule 3: never decides anything: mark BORROW in LOST (flagged)"
        ]

    def test_one_about_a_lifecycle_that_is_off(self) -> None:
        found = findings(config(*RULES, block_everything(when=CustomerStatus.DELETED)), Lint.RULE_NEVER_DECIDES)
        assert found == ["rule_never_decides: rule 3: its lifecycle is off: block every action in DELETED"]

    def test_of_two_that_say_the_same_neither_decides(self) -> None:
        found = findings(config(*RULES, RULES[0]), Lint.RULE_NEVER_DECIDES)
        assert [line.split(": ")[1] for line in found] == ["rule 1", "rule 3"]

    def test_one_of_a_side_that_a_rule_for_both_covers(self) -> None:
        sided = block(Visit.LEND, when=Card.VALID, party=Party.SOURCE)
        assert findings(config(*RULES, sided), Lint.RULE_NEVER_DECIDES) == []
        covered = findings(config(*RULES, sided, block(Visit.LEND, when=Card.VALID)), Lint.RULE_NEVER_DECIDES)
        assert covered == ["rule_never_decides: rule 3: never decides anything: block LEND as source in VALID"]

    @pytest.mark.parametrize(
        ("rule", "decides"),
        [
            (block(Visit.LEND, when=Card.LOST, condition=LARGE), True),
            (mark(Visit.LEND, when=Card.LOST, condition=LARGE), False),
            (mark(Visit.BORROW, when=Card.LOST, condition=LARGE), False),
        ],
    )
    def test_one_with_a_condition_decides_where_it_is_stricter_than_those_without(
        self, rule: Restriction, decides: bool
    ) -> None:
        assert (findings(config(*RULES, rule), Lint.RULE_NEVER_DECIDES) == []) is decides

    def test_two_of_one_condition_cover_one_another(self) -> None:
        # The same condition, written twice: one name stands for one condition.
        again = Condition(LARGE.name, LARGE.over, LARGE.holds)
        rules = [
            mark(Visit.BORROW, when=Card.VALID, condition=LARGE),
            block(Visit.BORROW, when=Card.VALID, condition=again),
        ]
        assert findings(config(*RULES, *rules), Lint.RULE_NEVER_DECIDES) == [
            "rule_never_decides: rule 3: never decides anything: mark BORROW in VALID if large"
        ]

    def test_another_condition_covers_nothing(self) -> None:
        rules = [
            mark(Visit.BORROW, when=Card.VALID, condition=LARGE),
            block(Visit.BORROW, when=Card.VALID, condition=NIGHT),
        ]
        assert findings(config(*RULES, *rules), Lint.RULE_NEVER_DECIDES) == []


class Reader(StatusLabel):
    """Labels of the library."""

    CHILD = "Child", CustomerStatus.ACTIVE
    ADULT = "Adult", CustomerStatus.ACTIVE
    CLOSED = "Closed", CustomerStatus.DELETED


class TestLabelsThatDiffer:
    def test_labels_of_one_status_that_are_treated_differently(self) -> None:
        asked = config(
            *RULES, block(Visit.BORROW, when=Reader.CHILD), labels=Reader, lifecycles=[CARD, CUSTOMER_STATUS]
        )
        assert findings(asked, Lint.LABELS_DIFFER) == [
            "labels_differ: ACTIVE: BORROW is block under 'Child', allow under 'Adult'"
        ]

    def test_a_condition_under_one_label_alone_is_told_with_its_name(self) -> None:
        rule = block(Visit.BORROW, when=Reader.ADULT, condition=LARGE)
        asked = config(*RULES, rule, labels=Reader, lifecycles=[CUSTOMER_STATUS])
        assert findings(asked, Lint.LABELS_DIFFER) == [
            "labels_differ: ACTIVE: BORROW is allow under 'Child', UNKNOWN: allow to block by large under 'Adult'"
        ]

    def test_labels_that_are_treated_alike_are_no_finding(self) -> None:
        asked = config(
            *RULES, mark(Visit.BORROW, when=CustomerStatus.ACTIVE), labels=Reader, lifecycles=[CUSTOMER_STATUS]
        )
        assert findings(asked, Lint.LABELS_DIFFER) == []


def test_an_action_that_no_rule_names() -> None:
    assert list(map(str, lint(config(RULES[0])))) == ["action_without_rule: LEND: no rule names it"]
    everything = config(RULES[0], block_everything(when=Card.LOST))
    assert findings(everything, Lint.ACTION_WITHOUT_RULE) == ["action_without_rule: LEND: no rule names it"]


class TestDeadEnds:
    STUCK = CARD.without((Card.LOST, Card.VALID))

    def test_a_status_that_no_move_leaves(self) -> None:
        assert list(map(str, lint(config(*RULES, lifecycles=[self.STUCK])))) == [
            "no_way_out: card: LOST: no transition leaves it, and it does not close the account"
        ]

    def test_another_label_of_the_same_status_is_no_way_out(self) -> None:
        again = self.STUCK.adding(Transition(Card.LOST, Card.LOST, "lose_again"))
        assert len(findings(config(*RULES, lifecycles=[again]), Lint.NO_WAY_OUT)) == 1

    def test_one_that_closes_the_account_need_not_be_left(self) -> None:
        closing = Lifecycle("card", Card, self.STUCK.transitions, closing=frozenset([Card.LOST]))
        assert findings(config(*RULES, lifecycles=[closing]), Lint.NO_WAY_OUT) == []


class TestDetours:
    # D97
    ROUND = CARD.without((None, Card.LOST))

    def test_two_moves_round_one_that_is_missing(self) -> None:
        assert list(map(str, lint(config(*RULES, lifecycles=[self.ROUND])))) == [
            "round_about: card: unset -> VALID -> LOST (issue, then lose; requires nothing), with no direct transition"
        ]

    def test_it_says_what_both_of_them_need(self) -> None:
        needing = self.ROUND.adding(
            Transition(None, Card.VALID, "issue", frozenset({Requirement.PERSON})),
            Transition(Card.VALID, Card.LOST, "lose", frozenset({Requirement.REASON})),
        )
        assert findings(config(*RULES, lifecycles=[needing]), Lint.ROUND_ABOUT) == [
            "round_about: card: unset -> VALID -> LOST (issue, then lose; requires person, reason), with no direct transition"
        ]

    def test_a_move_that_nobody_can_ask_for_is_no_way_round(self) -> None:
        systems = self.ROUND.adding(
            Transition(Card.VALID, Card.LOST, "lose", frozenset({Requirement.SYSTEM_OPERATION}))
        )
        assert findings(config(*RULES, lifecycles=[systems]), Lint.ROUND_ABOUT) == []

    def test_internal_is_a_way_out_of_no_case_of_fraud(self) -> None:
        # D97: there is no way through INTERNAL that the shipped table leaves open to anybody without a finding.
        found = findings(OrgConfig("acme", NoLabels), Lint.ROUND_ABOUT)
        assert not any("FRAUD_CONFIRMED -> INTERNAL" in line for line in found)
