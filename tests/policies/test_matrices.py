"""The whole of a policy as a table that a person looks at."""

from __future__ import annotations

from random_policies import CONDITIONS, Deed, Organisation, Shade

from custstatus import (
    CUSTOMER_STATUS,
    MEMBERSHIP,
    CustomerStatus,
    Effect,
    Membership,
    NoLabels,
    Party,
    Restriction,
    StatusLabel,
    Verdict,
    block,
    block_everything,
    mark,
)
from custstatus.policies import Question
from custstatus.policies.analysis import matrix

SUSPENDED, DELETED = CustomerStatus.SUSPENDED, CustomerStatus.DELETED
LABELLED = Organisation((CUSTOMER_STATUS, MEMBERSHIP), Shade)
PLAIN = Organisation((MEMBERSHIP,), NoLabels)
LARGE, NIGHT, _ = CONDITIONS


def markdown(organisation: Organisation, *rules: Restriction) -> str:
    """The table of a policy as Markdown."""
    return matrix(organisation.config(rules).policy).markdown()


def test_the_whole_table_as_markdown() -> None:
    assert markdown(
        LABELLED,
        mark(Deed.BUY, when=SUSPENDED),
        block(Deed.REDEEM, when=Shade.LOST_PHONE),
        block(Deed.GIVE, when=Membership.ON_HOLD, party=Party.SOURCE),
        block_everything(when=[*CustomerStatus][2:]),
    ) == (
        "### customer_status\n\n"
        "| action | ACTIVE | SUSPENDED / Lost phone | SUSPENDED / Abroad "
        "| FRAUD_SUSPECTED | FRAUD_CONFIRMED | INTERNAL | PENDING_DELETION | DELETED |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| BUY | allow | mark | mark | block | block | block | block | block |\n"
        "| REDEEM | allow | block | allow | block | block | block | block | block |\n"
        "| WRAP | allow | allow | allow | block | block | block | block | block |\n"
        "| GIVE as source | allow | allow | allow | block | block | block | block | block |\n"
        "| GIVE as destination | allow | allow | allow | block | block | block | block | block |\n"
        "| MERGE | allow | allow | allow | block | block | block | block | block |\n"
        "\n"
        "### membership\n\n"
        "| action | ACTIVE | ENROLLED | UNENROLLED | ON_HOLD | MERGED |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| BUY | allow | allow | allow | allow | allow |\n"
        "| REDEEM | allow | allow | allow | allow | allow |\n"
        "| WRAP | allow | allow | allow | allow | allow |\n"
        "| GIVE as source | allow | allow | allow | block | allow |\n"
        "| GIVE as destination | allow | allow | allow | allow | allow |\n"
        "| MERGE | allow | allow | allow | allow | allow |\n"
    )


def test_the_two_sides_are_told_apart_only_where_they_differ() -> None:
    both = markdown(PLAIN, block(Deed.GIVE, when=Membership.ON_HOLD))
    assert "| GIVE | allow | allow | allow | block | allow |\n" in both
    assert "source" not in both


def test_labels_that_are_treated_alike_share_a_column() -> None:
    table = matrix(LABELLED.config([block(Deed.BUY, when=Shade.ABROAD)]).policy)
    assert [str(column) for column in table.columns if column.status is SUSPENDED] == [
        "SUSPENDED / Lost phone",
        "SUSPENDED / Abroad",
    ]
    alike = matrix(LABELLED.config([block(Deed.BUY, when=SUSPENDED)]).policy)
    assert [str(column) for column in alike.columns if column.status is SUSPENDED] == ["SUSPENDED"]


def test_two_labels_against_a_third() -> None:
    class Three(StatusLabel):
        ONE = "One", CustomerStatus.ACTIVE
        TWO = "Two", CustomerStatus.ACTIVE
        THREE = "Three|3", CustomerStatus.ACTIVE

    table = matrix(Organisation((CUSTOMER_STATUS,), Three).config([mark(Deed.BUY, when=Three.TWO)]).policy)
    assert [str(column) for column in table.columns][:3] == ["ACTIVE / One / Three|3", "ACTIVE / Two", "SUSPENDED"]
    # A bar in a label's text would make a column of its own.
    assert "| action | ACTIVE / One / Three\\|3 | ACTIVE / Two |" in table.markdown()


def test_a_cell_that_depends_on_conditions_is_unknown_with_their_names() -> None:
    shown = markdown(
        PLAIN,
        block(Deed.BUY, when=Membership.ON_HOLD, condition=LARGE),
        mark(Deed.BUY, when=Membership.ON_HOLD, condition=NIGHT),
        mark(Deed.REDEEM, when=Membership.ON_HOLD),
        block(Deed.REDEEM, when=Membership.ON_HOLD, condition=LARGE),
        block(Deed.WRAP, when=Membership.ON_HOLD),
        mark(Deed.WRAP, when=Membership.ON_HOLD, condition=LARGE),
    )
    assert "| BUY | allow | allow | allow | UNKNOWN: allow to block by large, night | allow |" in shown
    assert "| REDEEM | allow | allow | allow | UNKNOWN: mark to block by large | allow |" in shown
    # Blocked in any case: nothing is open.
    assert "| WRAP | allow | allow | allow | block | allow |" in shown


def test_the_hosts_own_policies_are_named_as_what_no_table_can_show() -> None:
    def careful(question: Question) -> Verdict:
        return Verdict(question.action, Effect.ALLOW)

    table = matrix(PLAIN.config([], policies={"careful": careful}).policy)
    assert table.note == "UNKNOWN at run time: careful may make any cell stricter."
    assert table.markdown().endswith("\n" + table.note + "\n")
    assert matrix(PLAIN.config([]).policy).note == ""


def test_every_verdict_of_the_table_is_that_of_the_policy() -> None:
    policy = LABELLED.config([mark(Deed.BUY, when=SUSPENDED), block(Deed.GIVE, when=Shade.ABROAD)]).policy
    table = matrix(policy)
    for row in table.rows:
        for column, verdict in zip(table.columns, row.verdicts, strict=True):
            labels = column.labels or tuple(label for label in Shade if label.status is column.status)
            for label in labels or (None,):
                assert policy.verdict(column.status, label, row.action, row.party).effect is verdict.effect


def test_every_status_has_a_column_even_without_a_label_of_its_own() -> None:
    columns = {column.status for column in matrix(LABELLED.config([]).policy).columns}
    assert columns == {*CustomerStatus, *Membership}
