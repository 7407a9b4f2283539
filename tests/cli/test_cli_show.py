"""`custstatus show`: one customer's card, of the demo's file and of any other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from slices import COMES_BACK, IDLE_AT_THE_END, LEAVES_PROGRAMME, LOSES_PHONE, rows
from terminal import run

from custstatus import (
    CUSTOMER_STATUS,
    Action,
    Activity,
    Actor,
    AnyAction,
    AnyChannel,
    CustomerStatus,
    Identifier,
    Lifecycle,
    NoLabels,
    OrgConfig,
    Requirement,
    RestrictionPolicy,
    SQLiteStore,
    Status,
    StatusLabel,
    StatusService,
    Transition,
    block,
    block_everything,
)


class Deposit(Status):
    EMPTY = "empty"
    PAID_IN = "paid_in"


class Label(StatusLabel):
    PLAIN = "Plain", CustomerStatus.ACTIVE
    LOUD = "[red]Loud[/red]", CustomerStatus.ACTIVE
    GONE = "Gone", CustomerStatus.DELETED


class Deed(AnyAction):
    SING = "sing"


class Way(AnyChannel):
    PIGEON = "pigeon"


DEPOSIT = Lifecycle(
    "deposit",
    Deposit,
    (
        Transition(None, Deposit.EMPTY, "open"),
        Transition(Deposit.EMPTY, Deposit.PAID_IN, "pay_in", frozenset({Requirement.REASON})),
    ),
)

ALPHA = OrgConfig(
    "alpha",
    Label,
    lifecycles=[CUSTOMER_STATUS.without((CustomerStatus.ACTIVE, CustomerStatus.INTERNAL)), DEPOSIT],
    actions=[Action, Deed],
    restrictions=RestrictionPolicy(
        block(Deed.SING, when=Deposit.PAID_IN, reason="the money is in"), block_everything(when=CustomerStatus.DELETED)
    ),
    reason_optional=[Way.PIGEON],
)


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A file of two organisations whose enums the command line does not have."""
    db = tmp_path / "others.db"
    with closing(SQLiteStore(db)) as store:
        alpha = StatusService(store, ALPHA).acting(Actor("anna", name="Anna \x1b[2J"), Way.PIGEON)
        alpha.register("c1", Deposit.EMPTY, identifiers=[Identifier("email", "c1@example.com")])
        alpha.change("c1", Label.LOUD)
        alpha.change("c1", Deposit.PAID_IN, reason="first line\nsecond \x1b[31mline [bold]x[/bold]")
        StatusService(store, ALPHA).record(Activity("c1", Deed.SING, "s1", datetime.now(UTC), Decimal("1E+3")))
        StatusService(store, OrgConfig("beta", NoLabels)).acting(Actor("ben")).register("c1")
    return db


def section(out: str, title: str) -> list[str]:
    """The lines of one section, words only."""
    return [" ".join(line.split()) for line in out.partition(f"\n{title}\n")[2].partition("\n\n")[0].splitlines()]


def test_standings_with_last_updated_on_and_by(db: Path) -> None:
    ran = run("show", "h0001", "--db", db)
    assert (ran.code, ran.err) == (0, "")
    # D56: those of the entry that the standing comes from
    stands = section(ran.out, "Stands at")
    assert "customer status Regular (active) 2017-06-02 09:00 2017-06-02 09:00 agent-7" in stands
    assert "membership enrolled 2017-01-07 18:55 2017-01-07 18:55 till" in stands


def test_the_whole_history_with_reasons(db: Path) -> None:
    history = " ".join(section(run("show", "h0001", "--db", db).out, "History"))
    assert "Lost mobile" in history
    assert "agent-7" in history
    assert "Lost phone" in history
    assert "identifier mobile till api added" in history  # in two lines


def test_the_last_seven_activities_newest_first(db: Path) -> None:
    # D90
    shown = section(run("show", "h0001", "--db", db).out, "Last 7 activities")[2:]
    bought = [row for row in rows("baskets.csv.gz") if int(row["household_id"]) == LOSES_PHONE]
    assert [line.split()[3] for line in shown] == [row["basket_id"] for row in reversed(bought[-7:])]
    assert [Decimal(line.split()[4]) for line in shown] == [Decimal(row["amount"]) for row in reversed(bought[-7:])]


def test_identifiers_by_type_only(db: Path) -> None:
    ran = run("show", "h0001", "--db", db)
    assert section(ran.out, "Found by") == ["mobile since 2017-01-07 18:55"]
    assert "+1555" not in ran.out


def test_what_is_restricted_now(db: Path) -> None:
    assert section(run("show", f"h{IDLE_AT_THE_END:04}", "--db", db).out, "Restricted now") == ["Nothing."]
    left = section(run("show", f"h{LEAVES_PROGRAMME:04}", "--db", db).out, "Restricted now")
    assert "points allocation block no member at present (D69, D70)" in left
    deleted = run("show", f"h{COMES_BACK:04}", "--db", db).out
    assert "everything block the account is deleted (D30)" in section(deleted, "Restricted now")  # D30
    assert section(deleted, "Found by") == ["-"]
    assert "Closed for good 2017-02-10 09:00." in deleted


def test_an_unknown_customer(db: Path) -> None:
    ran = run("show", "nobody", "--db", db)
    assert (ran.code, ran.out) == (1, "")
    assert "no customer 'nobody'" in ran.error


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    ran = run("show", "h0001", "--db", tmp_path / "none.db")
    assert (ran.code, ran.out) == (1, "")
    assert "no such file" in ran.error
    assert list(tmp_path.iterdir()) == []


def test_looking_writes_nothing(db: Path) -> None:
    before = db.read_bytes()
    assert run("show", "h0001", "--db", db).code == 0
    assert run("verify", "--db", db).code == 0
    assert db.read_bytes() == before


def test_several_organisations(others: Path) -> None:
    ran = run("show", "c1", "--db", others)
    assert ran.code == 2
    assert "several organisations, say --org: alpha, beta" in ran.error
    assert run("show", "c1", "--db", others, "--org", "beta").code == 0
    unknown = run("show", "c1", "--db", others, "--org", "gamma")
    assert unknown.code == 1
    assert "it has: alpha, beta" in unknown.error


def test_another_organisation_is_shown_without_its_code(others: Path) -> None:
    ran = run("show", "c1", "--db", others, "--org", "alpha")
    assert ran.code == 0
    assert any(line.startswith("deposit paid in") for line in section(ran.out, "Stands at"))
    assert "sing block the money is in" in section(ran.out, "Restricted now")
    assert section(ran.out, "Last 7 activities")[-1].endswith("sing s1 1000 allow")


def test_stored_text_steers_no_terminal(others: Path) -> None:
    ran = run("show", "c1", "--db", others, "--org", "alpha")
    assert "\x1b" not in ran.out
    assert "[red]Loud[/red] (active)" in " ".join(section(ran.out, "Stands at"))
    assert "[bold]x[/bold]" in " ".join(section(ran.out, "History"))


@pytest.mark.parametrize("text", ["{}", "no json", '{"labels": 5}'])
def test_entries_are_shown_as_stored_where_the_configuration_cannot_be_resolved(others: Path, text: str) -> None:
    with closing(sqlite3.connect(others)) as connection:
        connection.execute("UPDATE custstatus_config SET text = ?", (text,))
        connection.commit()
    ran = run("show", "c1", "--db", others, "--org", "alpha")
    assert ran.code == 0
    assert any(line.startswith("deposit paid in") for line in section(ran.out, "Stands at"))
    assert section(ran.out, "Restricted now")[0].startswith("Not known")
    assert any("deposit empty paid in" in line for line in section(ran.out, "History"))
