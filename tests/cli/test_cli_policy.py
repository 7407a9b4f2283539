"""`custstatus policy`: the whole of a policy, proofs, differences and replays, for people and for pipelines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from terminal import Ran, run

from custstatus import Action, Activity, Actor, CustomerStatus, NoLabels, OrgConfig, SQLiteStore, StatusService

SHOP = """
from decimal import Decimal
from typing import NamedTuple

from attrs import evolve

from custstatus import (
    CAPILLARY_POLICY, Action, Condition, CustomerStatus, Effect, OrgConfig, Party, RestrictionPolicy,
    StatusLabel, Verdict, block, mark,
)
from custstatus.policies import Loosening
from custstatus.policies.analysis import never_allow


class Label(StatusLabel):
    REGULAR = "Regular", CustomerStatus.ACTIVE
    PHONE = "Lost | phone", CustomerStatus.SUSPENDED
    ABROAD = "Abroad", CustomerStatus.SUSPENDED
    ODD = "Odd", CustomerStatus.FRAUD_SUSPECTED
    GONE = "Gone", CustomerStatus.DELETED


class Sale(NamedTuple):
    amount: Decimal


def risk(question):
    return Verdict(question.action, Effect.ALLOW)


def rules(*more):
    return CAPILLARY_POLICY + RestrictionPolicy(*more)


NO_LOGIN = block(Action.LOGIN, when=CustomerStatus.FRAUD_SUSPECTED, reason="a suspect stays out")
GIVES = block(Action.POINTS_TRANSFER, when=CustomerStatus.FRAUD_SUSPECTED, code="415", party=Party.SOURCE)
NEVER = never_allow(Action.LOGIN, when=CustomerStatus.FRAUD_SUSPECTED, guarded=True, why="D104")
CONSENT = Loosening([Action.LOGIN], CustomerStatus.FRAUD_SUSPECTED, "ada", "they ask for it")
large = Condition("large_sale", Sale, lambda sale: sale.amount > 500)

LIVE = OrgConfig("shop", Label, restrictions=rules(NO_LOGIN, GIVES), invariants=[NEVER])
STRICTER = evolve(LIVE, restrictions=rules(NO_LOGIN, GIVES, block(Action.TRANSACTION, when=Label.PHONE)))
MILDER = evolve(LIVE, restrictions=rules(GIVES), invariants=())
APPROVED = evolve(LIVE, restrictions=rules(GIVES), loosenings=[CONSENT])
CONDITIONAL = evolve(LIVE, restrictions=rules(NO_LOGIN, GIVES, block(Action.OFFERS, when=Label.ABROAD, condition=large)))
OWN = evolve(CONDITIONAL, policies={"risk": risk})
PLAIN = OrgConfig("shop", Label)
SEVERAL = [NEVER, never_allow(when=CustomerStatus.DELETED)]
NUMBER = 5
"""

BROKEN = """
from custstatus import *
from custstatus.policies.analysis import never_allow
LIVE = OrgConfig("a", NoLabels, invariants=[never_allow(when=CustomerStatus.ACTIVE)])
"""
"""A configuration that breaks its own invariant."""

numbers = count(1)


class Shop:
    """A module of an organisation in the working directory, by a name that no other test has."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.module = f"shop_{next(numbers)}"
        self.write(self.module, SHOP)

    def write(self, name: str, text: str) -> str:
        """Write a module."""
        self.directory.joinpath(f"{name}.py").write_text(text)
        return name

    def __call__(self, name: str) -> str:
        """A configuration as it is named on the command line."""
        return f"{self.module}:{name}"

    def config(self, name: str) -> OrgConfig[Any]:
        """The configuration itself."""
        found: OrgConfig[Any] = getattr(import_module(self.module), name)
        return found


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.chdir(tmp_path)
    yield Shop(tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith(("shop_", "broken_")):
            del sys.modules[name]


@pytest.fixture
def lived(shop: Shop, tmp_path: Path) -> Path:
    """A file in which two customers were suspected, one of them is still, and each tried to log in meanwhile."""
    db = tmp_path / "shop.db"
    now = [datetime(2026, 1, 1, 9, tzinfo=UTC)]
    with closing(SQLiteStore(db)) as store:
        service = StatusService(store, shop.config("LIVE"), clock=lambda: now[0])
        desk = service.acting(Actor("agent-7"))
        for customer in ("ann", "bob", "cid"):
            desk.register(customer)
        now[0] += timedelta(days=1)
        for customer in ("ann", "bob"):
            desk.change(customer, CustomerStatus.FRAUD_SUSPECTED, reason="odd sales")
        now[0] += timedelta(days=1)
        service.record(*(Activity(customer, Action.LOGIN, customer, now[0]) for customer in ("ann", "bob", "cid")))
        now[0] += timedelta(days=1)
        desk.change("bob", CustomerStatus.ACTIVE, reason="cleared")
    return db


def lines(ran: Ran) -> list[str]:
    """What was printed, words only."""
    return [" ".join(line.split()) for line in ran.out.splitlines() if line.strip()]


class TestMatrix:
    def test_a_row_an_action_and_a_column_a_status(self, shop: Shop) -> None:
        ran = run("policy", "matrix", "--config", shop("LIVE"))
        assert (ran.code, ran.err) == (0, "")
        assert lines(ran)[0] == "customer status"
        assert any(line.startswith("LOGIN ") for line in lines(ran))
        assert any("source" in line for line in lines(ran))

    def test_as_markdown_every_line_is_a_row_of_the_table(self, shop: Shop) -> None:
        ran = run("policy", "matrix", "--config", shop("STRICTER"), "--markdown")
        assert ran.code == 0
        title, heading, rule, *rows = lines(ran)
        assert title == "### customer_status"
        assert "SUSPENDED / Lost \\| phone" in heading
        columns = heading.replace("\\|", "").count("|")
        assert {line.replace("\\|", "").count("|") for line in (rule, *rows)} == {columns}
        (sale,) = [row for row in rows if row.startswith("| TRANSACTION ")]
        assert {"block", "mark", "allow"} <= set(sale.split())

    def test_what_is_decided_at_run_time_is_unknown_by_name(self, shop: Shop) -> None:
        ran = run("policy", "matrix", "--config", shop("OWN"), "--markdown")
        assert "UNKNOWN: allow to block by large_sale" in ran.out
        assert lines(ran)[-1] == "UNKNOWN at run time: risk may make any cell stricter."
        assert "risk" in run("policy", "matrix", "--config", shop("OWN")).out


class TestProve:
    def test_what_the_configuration_declares(self, shop: Shop) -> None:
        ran = run("policy", "prove", "--config", shop("LIVE"))
        assert (ran.code, ran.err) == (0, "")
        assert lines(ran) == ["PROVED: LOGIN at least blocked in FRAUD_SUSPECTED (D104) (2 cells)"]

    @pytest.mark.parametrize(
        ("never", "when", "code", "outcome"),
        [
            ("login", "FRAUD_SUSPECTED", 0, "PROVED"),
            ("LOGIN", "fraud_suspected", 0, "PROVED"),
            ("login", "Odd", 0, "PROVED"),
            ("offers", "DELETED", 0, "PROVED"),
            ("offers", "Odd", 1, "REFUTED"),
            ("offers", "Abroad", 1, "UNKNOWN"),
        ],
    )
    def test_what_is_asked_for(self, shop: Shop, never: str, when: str, code: int, outcome: str) -> None:
        ran = run("policy", "prove", "--config", shop("CONDITIONAL"), "--never", never, "--when", when)
        assert (ran.code, ran.err) == (code, "")
        assert lines(ran)[-1].startswith(f"{outcome}: ")
        assert ("large_sale" in lines(ran)[-1]) is (outcome == "UNKNOWN")

    def test_several_at_once(self, shop: Shop) -> None:
        asked = ["--never", "login", "--never", "offers", "--when", "DELETED", "--when", "Odd"]
        ran = run("policy", "prove", "--config", shop("PLAIN"), *asked, "--invariants", shop("SEVERAL"))
        assert ran.code == 1
        assert [line.split(":")[0] for line in lines(ran)] == ["REFUTED", "PROVED", "REFUTED"]
        one = run("policy", "prove", "--config", shop("LIVE"), "--invariants", shop("NEVER"))
        assert (one.code, len(lines(one))) == (0, 2)

    def test_one_that_was_given_up_with_an_approval_fails_no_pipeline(self, shop: Shop) -> None:
        ran = run("policy", "prove", "--config", shop("APPROVED"))
        assert "approved" in ran.out
        assert ran.code == 0

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ([], "nothing to prove"),
            (["--never", "login"], "--never and --when go together"),
            (["--when", "DELETED"], "--never and --when go together"),
            (["--never", "fly", "--when", "DELETED"], "no action 'fly'; there are: transaction, "),
            (["--never", "login", "--when", "Atlantis"], "no label and no status 'Atlantis'"),
            (["--invariants", "SHOP:NUMBER"], "holds no invariants"),
            (["--invariants", "SHOP:LIVE"], "holds no invariants"),
            (["--invariants", "SHOP:NOTHING"], "has no NOTHING"),
        ],
    )
    def test_what_cannot_be_asked(self, shop: Shop, asked: list[str], said: str) -> None:
        ran = run("policy", "prove", "--config", shop("PLAIN"), *(each.replace("SHOP", shop.module) for each in asked))
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.error

    def test_what_restricts_nobody_is_not_proved_by_looking_at_nothing(self, shop: Shop) -> None:
        # D45: the legacy fraud status is on, but customer status stands in for it.
        text = "from custstatus import *\nBOTH = OrgConfig('b', NoLabels, lifecycles=[CUSTOMER_STATUS, LEGACY_FRAUD_STATUS])\n"
        shop.write(f"{shop.module}_both", text)
        ran = run("policy", "prove", "--config", f"{shop.module}_both:BOTH", "--never", "login", "--when", "MARKED")
        assert ran.code != 0


class TestDiff:
    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            ("LIVE", "LIVE", 0),
            ("LIVE", "STRICTER", 0),
            ("LIVE", "MILDER", 1),
            ("LIVE", "APPROVED", 0),
            ("APPROVED", "LIVE", 0),
            ("LIVE", "CONDITIONAL", 0),
            ("CONDITIONAL", "LIVE", 1),
            ("LIVE", "OWN", 0),
            ("OWN", "LIVE", 1),
        ],
    )
    def test_it_fails_where_something_is_milder_without_an_approval(
        self, shop: Shop, old: str, new: str, code: int
    ) -> None:
        ran = run("policy", "diff", "--config", shop(new), "--old", shop(old))
        assert ran.code == code
        assert ("without an approval" in ran.err) is (code == 1)

    def test_it_says_what_and_where(self, shop: Shop) -> None:
        milder = run("policy", "diff", "--config", shop("MILDER"), "--old", shop("LIVE"))
        assert lines(milder) == ["loosened, block to allow: LOGIN in FRAUD_SUSPECTED (2 cells)"]
        assert milder.err == "2 cells are milder, or may be, without an approval\n"
        approved = run("policy", "diff", "--config", shop("APPROVED"), "--old", shop("LIVE"))
        assert lines(approved)[0].startswith("loosened (approved), block to allow: LOGIN")
        unknown = run("policy", "diff", "--config", shop("CONDITIONAL"), "--old", shop("LIVE"))
        assert any("by large_sale: OFFERS in SUSPENDED / Abroad" in line for line in lines(unknown))
        assert run("policy", "diff", "--config", shop("LIVE"), "--old", shop("LIVE")).out == "no difference\n"

    def test_as_markdown(self, shop: Shop) -> None:
        ran = run("policy", "diff", "--config", shop("STRICTER"), "--old", shop("LIVE"), "--markdown")
        heading, rule, row = [line.replace("\\|", "") for line in lines(ran)]
        assert row.startswith("| tightened | mark | block | TRANSACTION |")
        assert row.count("|") == rule.count("|") == heading.count("|")
        milder = run("policy", "diff", "--config", shop("MILDER"), "--old", shop("LIVE"), "--markdown")
        assert milder.code == 1
        assert lines(milder)[0] == "**2 cell(s) are milder, or may be, without an approval.**"

    def test_the_old_one_may_be_a_file_that_was_exported(self, shop: Shop, tmp_path: Path) -> None:
        exported = run("policy", "export", "--config", shop("OWN"))
        assert (exported.code, exported.err) == (0, "")
        assert exported.out == shop.config("OWN").to_json() + "\n"
        old = tmp_path / "live.json"
        old.write_text(exported.out, encoding="utf-8")
        same = run("policy", "diff", "--config", shop("OWN"), "--old", old)
        assert (same.code, same.out) == (0, "no difference\n")
        assert run("policy", "diff", "--config", shop("MILDER"), "--old", old).code == 1
        assert run("policy", "diff", "--config", old, "--old", shop("LIVE")).code == 0

    def test_the_old_one_may_be_what_a_file_was_last_written_under(self, shop: Shop, lived: Path) -> None:
        same = run("policy", "diff", "--config", shop("LIVE"), "--old", lived)
        assert (same.code, same.out) == (0, "no difference\n")
        assert run("policy", "diff", "--config", shop("MILDER"), "--old", lived).code == 1

    def test_of_several_organisations_in_a_file_it_takes_the_one_of_the_configuration(
        self, shop: Shop, lived: Path
    ) -> None:
        with closing(SQLiteStore(lived)) as store:
            StatusService(store, OrgConfig("another", NoLabels)).acting(Actor("ben")).register("c1")
        ran = run("policy", "diff", "--config", shop("LIVE"), "--old", lived)
        assert (ran.code, ran.out) == (0, "no difference\n")


class TestLint:
    def test_what_is_odd(self, shop: Shop) -> None:
        ran = run("policy", "lint", "--config", shop("STRICTER"))
        assert (ran.code, ran.err) == (0, "")
        told = lines(ran)
        assert any(line.startswith("labels differ: SUSPENDED: TRANSACTION is ") for line in told)
        (without,) = [line for line in told if line.startswith("action without rule: ")]
        assert "COUPON_ISSUE" in without
        assert "LOGIN" not in without
        assert told[-1].endswith(" findings")


class TestReplay:
    def test_who_would_be_treated_otherwise(self, shop: Shop, lived: Path) -> None:
        before = lived.read_bytes()
        ran = run("policy", "replay", "--config", shop("MILDER"), "--db", lived)
        assert (ran.code, ran.err) == (0, "")
        # Two customers stood there, one of them now; both tried meanwhile.
        assert "login Odd block to allow 2 1 2 ann, bob" in lines(ran)
        assert lines(ran)[-1] == "3 accounts, 3 activities"
        assert lived.read_bytes() == before

    def test_as_many_ids_as_are_asked_for(self, shop: Shop, lived: Path) -> None:
        few = run("policy", "replay", "--config", shop("MILDER"), "--db", lived, "--ids", 1)
        assert "login Odd block to allow 2 1 2 ann and 1 more" in lines(few)
        every = run("policy", "replay", "--config", shop("MILDER"), "--db", lived, "--ids", 0)
        assert "login Odd block to allow 2 1 2 ann, bob" in lines(every)

    def test_nobody(self, shop: Shop, lived: Path) -> None:
        ran = run("policy", "replay", "--config", shop("LIVE"), "--db", lived)
        assert ran.code == 0
        assert lines(ran) == ["No customer would be treated differently.", "3 accounts, 3 activities"]

    def test_against_another_configuration_than_the_one_it_was_written_under(self, shop: Shop, lived: Path) -> None:
        ran = run("policy", "replay", "--config", shop("MILDER"), "--old", shop("MILDER"), "--db", lived)
        assert lines(ran)[0] == "No customer would be treated differently."

    def test_a_file_by_any_name(self, shop: Shop, lived: Path) -> None:
        renamed = lived.rename(lived.with_name("statuses"))
        ran = run("policy", "replay", "--config", shop("LIVE"), "--db", renamed)
        assert (ran.code, ran.err) == (0, "")

    def test_a_file_that_is_not_there_is_not_made(self, shop: Shop, tmp_path: Path) -> None:
        ran = run("policy", "replay", "--config", shop("LIVE"), "--db", tmp_path / "none.db")
        assert (ran.code, ran.out) == (1, "")
        assert "no such file" in ran.error
        assert not (tmp_path / "none.db").exists()


class TestNames:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("", "expected MODULE:NAME"),
            ("SHOP", "expected MODULE:NAME"),
            (":LIVE", "expected MODULE:NAME"),
            ("SHOP:", "expected MODULE:NAME"),
            ("SHOP:NOTHING", "has no NOTHING"),
            ("SHOP:NUMBER", "is no OrgConfig, but int"),
            ("SHOP:OrgConfig", "is no OrgConfig, but"),
            ("no_such_module:LIVE", "no_such_module does not load: ModuleNotFoundError"),
            ("..:LIVE", "does not load"),
            ("none.json", "none.json cannot be read: No such file or directory"),
        ],
    )
    def test_what_names_no_configuration(self, shop: Shop, name: str, said: str) -> None:
        for command in ("matrix", "lint", "export", "prove"):
            ran = run("policy", command, "--config", name.replace("SHOP", shop.module))
            assert (ran.code, ran.out) == (2, "")
            assert said in ran.error

    @pytest.mark.parametrize(
        ("text", "code", "said"),
        [
            ("1 / 0", 2, "does not load: ZeroDivisionError: division by zero"),
            ("def (", 2, "does not load: SyntaxError"),
            ("raise Exception('one line\\nanother')", 2, "does not load: Exception: one line another"),
            ("from custstatus import *; OrgConfig('', NoLabels)", 1, "fault(s)"),
            (BROKEN, 1, "not so that every action at least blocked in ACTIVE"),
        ],
    )
    def test_a_module_that_does_not_load(self, shop: Shop, text: str, code: int, said: str) -> None:
        name = shop.write(f"broken_{next(numbers)}", text)
        ran = run("policy", "matrix", "--config", f"{name}:LIVE")
        assert (ran.code, ran.out) == (code, "")
        assert said in ran.error

    def test_a_module_that_ends_the_program_does_not_pass_for_a_success(self, shop: Shop) -> None:
        name = shop.write(f"broken_{next(numbers)}", "import sys; sys.exit(0)")
        ran = run("policy", "diff", "--config", f"{name}:LIVE", "--old", shop("LIVE"))
        assert ran.code != 0

    @pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", "{}", '{"labels": 5}', "\x00"], ids=repr)
    def test_a_file_that_holds_no_configuration(self, shop: Shop, tmp_path: Path, text: str) -> None:
        tmp_path.joinpath("odd.json").write_text(text)
        ran = run("policy", "matrix", "--config", "odd.json")
        assert (ran.code, ran.out) == (2, "")
        assert "odd.json holds no configuration" in ran.error

    @pytest.mark.parametrize("name", ["none.db", "none.sqlite", "none.sqlite3"])
    def test_a_database_that_is_not_there_is_not_made(self, shop: Shop, tmp_path: Path, name: str) -> None:
        ran = run("policy", "matrix", "--config", name)
        assert ran.code == 1
        assert "no such file" in ran.error
        assert not tmp_path.joinpath(name).exists()

    def test_a_database_without_an_entry_has_none(self, shop: Shop, tmp_path: Path) -> None:
        with closing(SQLiteStore(tmp_path / "new.db")) as store:
            StatusService(store, shop.config("LIVE"))
        ran = run("policy", "matrix", "--config", "new.db")
        assert (ran.code, ran.out) == (1, "")
        assert "new.db" in ran.error


class TestShow:
    @pytest.fixture
    def conditional(self, shop: Shop, tmp_path: Path) -> Path:
        """A file whose configuration has a condition and a policy of its own."""
        db = tmp_path / "conditional.db"
        with closing(SQLiteStore(db)) as store:
            service = StatusService(store, shop.config("OWN"))
            service.acting(Actor("agent-7")).register("ann")
            service.acting(Actor("agent-7")).change("ann", shop.config("OWN").label("Abroad"), reason="travels")
            service.record(Activity("ann", Action.TRANSACTION, "r-1", datetime.now(UTC), Decimal(20)))
        return db

    def test_conditions_and_policies_are_named_without_their_code(self, conditional: Path) -> None:
        ran = run("show", "ann", "--db", conditional)
        assert (ran.code, ran.err) == (0, "")
        restricted = " ".join(ran.out.partition("Restricted now")[2].partition("Found by")[0].split())
        assert "offers block (if large_sale)" in restricted
        assert "transaction mark a suspended customer's sale is an outlier (D34)" in restricted
        assert "Decided at run time as well, by code that is not loaded: risk." in restricted
        # What the policy that is not at hand would say is not taken for what is so.
        assert "policy_failed" not in restricted
        assert "login" not in restricted

    def test_it_verifies_without_their_code(self, conditional: Path) -> None:
        assert run("verify", "--db", conditional).code == 0

    def test_its_matrix_is_that_of_the_module(self, shop: Shop, conditional: Path) -> None:
        kept = run("policy", "matrix", "--config", conditional, "--markdown")
        assert kept.code == 0
        assert kept.out == run("policy", "matrix", "--config", shop("OWN"), "--markdown").out
