"""`make demo`: it says everything, the same every time, and what it says has happened in the store."""

from __future__ import annotations

import io
import subprocess
import sys
from collections import Counter
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import pytest
from slices import (
    COMES_BACK,
    IDLE_AT_THE_END,
    LEAVES_PROGRAMME,
    LOSES_PHONE,
    SUSPECTED,
    TWICE_IDLE,
    rows,
    write,
    write_slice,
)
from terminal import Ran, run_program

from custstatus import (
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    Activity,
    Actor,
    Channel,
    CustomerStatus,
    Effect,
    Entry,
    EntryKind,
    Identifier,
    Membership,
    Refusal,
    RefusalCode,
    RequestedBy,
    StatusService,
)
from examples.demo.__main__ import main
from examples.demo.programme import Label

ROOT = Path(__file__).parents[2]

Service = StatusService[Label]


def demo(*arguments: object) -> Ran:
    """Run the demo with these arguments, its output piped."""
    return run_program(main, "demo", *arguments)


def customer(household: int) -> str:
    return f"h{household:04}"


def mobile(household: int) -> Identifier:
    return Identifier("mobile", f"+1555{household:07}")


def transitions(service: Service, household: int) -> list[Entry]:
    """The transitions of customer status after the registration."""
    history = service.history(customer(household), lifecycle=CUSTOMER_STATUS)
    return [entry for entry in history if entry.from_status is not None]


def activities(service: Service, name: str) -> list[Activity]:
    return list(service.activities(name, newest_first=False, limit=10_000))


def effects(done: list[Activity], since: datetime, until: datetime) -> Counter[tuple[object, Effect]]:
    return Counter((each.kind, each.effect) for each in done if since <= each.at < until)


# -- what is printed --------------------------------------------------------------------------------------------------


def test_it_tells_the_whole_story(kept: tuple[Path, Ran], service: Service) -> None:
    db, ran = kept
    assert (ran.code, ran.err) == (0, "")
    for title in (
        "What happened",
        "Where the customers stand",
        "What was asked, and decided",
        "h0001 lost the phone",
        "h0627 was suspected of fraud, and cleared",
        "h0182 left the programme and shops on",
        "Inactive: no purchase for more than 90 days",
        "Deleted",
        "h0122 came back",
        "Verification",
    ):
        assert f"\n{title}\n" in f"\n{ran.out}", title
    verified = service.verify()
    assert (verified.accounts, verified.faults) == (7, ())
    assert f"7 accounts, {verified.entries} entries, 0 faults: every current row" in ran.out
    assert f"Kept in {db}" in ran.out
    assert max(map(len, ran.out.splitlines()[:-1])) <= 100


def test_it_says_the_same_every_time_and_nothing_of_where_or_when_it_ran(data: Path, kept: tuple[Path, Ran]) -> None:
    again = demo("--data", data)
    assert again.code == 0
    assert kept[1].out.startswith(again.out)
    assert kept[1].out.removeprefix(again.out).startswith("Kept in")
    assert str(data) not in again.out


def test_every_basket_is_asked_for_once_and_recorded_with_its_exact_amount(service: Service) -> None:
    bought: Counter[int] = Counter()
    spent: dict[int, Decimal] = {}
    for row in rows("baskets.csv.gz"):
        household = int(row["household_id"])
        bought[household] += 1
        spent[household] = spent.get(household, Decimal()) + Decimal(row["amount"])
    for household in bought:
        names = [customer(household)] + ([f"{customer(household)}-2"] if household == COMES_BACK else [])
        sales = [each for name in names for each in activities(service, name) if each.kind is Action.TRANSACTION]
        assert len(sales) == bought[household]
        assert sum(each.amount or 0 for each in sales) == spent[household]


# -- what happened ----------------------------------------------------------------------------------------------------


def test_while_the_phone_is_lost_sales_are_marked_and_coupons_denied(service: Service) -> None:
    lost, found = transitions(service, LOSES_PHONE)
    assert (lost.from_label, lost.to_label, lost.to_status) == ("Regular", "Lost phone", "suspended")
    assert (lost.actor, lost.actor.name, lost.channel) == (Actor("agent-7"), "Robin Okafor", "member_care")
    assert lost.reason == "Lost mobile phone"
    assert (found.from_label, found.to_label) == ("Lost phone", "Regular")
    assert found.effective_at - lost.effective_at == timedelta(weeks=3)
    done = activities(service, customer(LOSES_PHONE))
    meanwhile = effects(done, lost.effective_at, found.effective_at)
    assert set(meanwhile) == {
        (Action.TRANSACTION, Effect.MARK),  # D34
        (Action.POINTS_ALLOCATION, Effect.MARK),
        (Action.COUPON_REDEMPTION, Effect.BLOCK),  # D35; the attempt is recorded all the same (D36)
    }
    before = effects(done, done[0].at, lost.effective_at)
    after = effects(done, found.effective_at, done[-1].at)
    assert {effect for _, effect in (*before, *after)} == {Effect.ALLOW}


def test_who_deleted_the_account_comes_back_with_the_same_mobile(service: Service) -> None:
    old, new = customer(COMES_BACK), f"{customer(COMES_BACK)}-2"
    (deleted,) = transitions(service, COMES_BACK)
    assert (deleted.to_status, deleted.closes, deleted.requested_by) == ("deleted", True, RequestedBy.CUSTOMER)
    # D6: a new customer id in its entry status, found by the mobile, with a history of its own
    assert service.find(mobile(COMES_BACK)) == new
    assert service.identifiers(old) == ()
    first = service.history(new).items[0]
    assert (first.kind, first.version) == (EntryKind.REGISTERED, 1)
    standing = service.standing(new, CUSTOMER_STATUS)
    assert standing is not None
    assert standing.label is Label.REGULAR
    # the old one stays deleted, and nobody shops with it any more
    gone = service.standing(old, CUSTOMER_STATUS)
    assert gone is not None
    assert gone.status is CustomerStatus.DELETED
    assert activities(service, old)[-1].at < deleted.effective_at < first.effective_at <= activities(service, new)[0].at


def test_a_deleted_account_is_never_given_back(service: Service, kept: tuple[Path, Ran]) -> None:
    # D5: no change from DELETED, whoever asks
    desk = service.acting(Actor("agent-7"), Channel.MEMBER_CARE)
    refused = desk.preview(customer(COMES_BACK), Label.REGULAR, reason="wants it back")
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.CLOSED
    assert "The old account was wanted back, and refused: the account was closed" in kept[1].out


def test_clearing_a_suspicion_restores_status_and_label(service: Service) -> None:
    noticed, suspected, cleared = transitions(service, SUSPECTED)
    assert noticed.to_label == "Trending"
    assert (suspected.from_label, suspected.to_status) == ("Trending", "fraud_suspected")
    # D8, D95: not the default label of ACTIVE, but the one before the suspicion
    assert (cleared.to_status, cleared.to_label) == ("active", "Trending")
    assert cleared.actor == Actor("agent-12")
    meanwhile = effects(activities(service, customer(SUSPECTED)), suspected.effective_at, cleared.effective_at)
    assert meanwhile[Action.TRANSACTION, Effect.MARK] > 0


def test_two_lifecycles_are_independent(service: Service) -> None:
    name = customer(LEAVES_PROGRAMME)
    membership, status = service.standing(name, MEMBERSHIP), service.standing(name, CUSTOMER_STATUS)
    assert membership is not None
    assert status is not None
    assert (membership.status, status.status) == (Membership.UNENROLLED, CustomerStatus.ACTIVE)
    done = activities(service, name)
    since = effects(done, membership.since, done[-1].at + timedelta(1))
    # D69: no member, so no points; a sale all the same
    assert set(since) == {(Action.TRANSACTION, Effect.ALLOW), (Action.POINTS_ALLOCATION, Effect.BLOCK)}


def test_the_sweep_finds_the_idle_and_a_purchase_brings_them_back(service: Service) -> None:
    # D60, D63: by the sweep, with its run and a reason; back to the label before at the next purchase
    went, came, went_again, came_again = transitions(service, TWICE_IDLE)
    for idle, back in ((went, came), (went_again, came_again)):
        assert (idle.from_label, idle.to_label, idle.channel) == ("Regular", "Dormant", "sweep")
        assert (idle.reason_code, idle.run) == ("idle", f"idle-{idle.effective_at:%Y-%m-%d}")
        assert (back.from_label, back.to_label, back.reason_code) == ("Dormant", "Regular", "active_again")
        bought = [each.at for each in activities(service, customer(TWICE_IDLE))]
        last = max(at for at in bought if at < idle.effective_at)
        following = min(at for at in bought if at > idle.effective_at)
        assert idle.effective_at - last > timedelta(days=90)
        assert timedelta(0) < back.effective_at - following <= timedelta(days=1)


def test_the_lists_of_the_inactive_and_the_deleted(kept: tuple[Path, Ran], service: Service) -> None:
    inactive = kept[1].out.partition("Inactive:")[2].partition("\nDeleted\n")
    assert customer(IDLE_AT_THE_END) in inactive[0]  # D60
    assert customer(COMES_BACK) not in inactive[0]
    # D62: the deleted list; the account that came back is not in it
    assert [each.customer for each in service.customers(CUSTOMER_STATUS, CustomerStatus.DELETED)] == [
        customer(COMES_BACK)
    ]
    assert "1 customer in all." in inactive[2]


def test_what_was_decided_is_what_is_printed(kept: tuple[Path, Ran], service: Service) -> None:
    found: Counter[tuple[str, Effect]] = Counter()
    for page in (service.reportable(limit=100), service.customers(CUSTOMER_STATUS, CustomerStatus.DELETED)):
        for each in page:
            for activity in activities(service, each.customer):
                found[activity.kind.value, activity.effect] += 1
    printed = {line.split("  ")[0]: line.split()[-3:] for line in kept[1].out.splitlines()}
    assert printed["transaction"] == [str(found["transaction", effect]) for effect in Effect]
    assert printed["coupon redemption"] == [str(found["coupon_redemption", effect]) for effect in Effect]
    assert printed["points allocation"][1:] == [
        str(found["points_allocation", effect]) for effect in (Effect.MARK, Effect.BLOCK)
    ]


# -- what it refuses --------------------------------------------------------------------------------------------------


def test_an_existing_file_is_left_alone(data: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.db"
    mine.write_text("precious")
    ran = demo("--data", data, "--db", mine)
    assert ran.code == 2
    assert "exists already" in ran.error
    assert mine.read_text() == "precious"


def test_a_file_that_cannot_be_made(data: Path, tmp_path: Path) -> None:
    ran = demo("--data", data, "--db", tmp_path / "nowhere" / "year.db")
    assert ran.code == 2
    assert "cannot be made" in ran.error


def test_data_that_are_not_there(tmp_path: Path) -> None:
    ran = demo("--data", tmp_path)
    assert ran.code == 2
    assert "baskets.csv.gz: no such file" in ran.error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("household_id,basket_id\n1,2\n", "expected the columns household_id, basket_id, at, amount"),
        ("household_id,basket_id,at,amount\n1,2,2017-01-01T10:00:00\n", "line 2: expected 4 columns, found 3"),
        ("household_id,basket_id,at,amount\nx,2,2017-01-01T10:00:00,1.00\n", "line 2: expected a household's number"),
        ("household_id,basket_id,at,amount\n1,2,yesterday,1.00\n", "line 2: expected a household's number"),
        ("household_id,basket_id,at,amount\n1,2,2017-01-01T10:00:00,free\n", "line 2: expected a household's number"),
        ("household_id,basket_id,at,amount\n1,2,2017-01-01T10:00:00Z,1.00\n", "line 2: expected a household's number"),
        ("household_id,basket_id,at,amount\n1,2,2017-01-01T10:00:00,NaN\n", "line 2: expected a household's number"),
        ("household_id,basket_id,at,amount\n", "no baskets in it"),
        ("", "expected the columns"),
    ],
)
def test_data_that_are_not_right(text: str, said: str, tmp_path: Path) -> None:
    write_slice(tmp_path)
    write(tmp_path / "baskets.csv.gz", text)
    ran = demo("--data", tmp_path)
    assert ran.code == 1
    assert said in ran.error


def test_data_that_are_cut_off(tmp_path: Path) -> None:
    write_slice(tmp_path)
    whole = (tmp_path / "baskets.csv.gz").read_bytes()
    for content in (whole[:-100], b"no gzip at all"):
        (tmp_path / "baskets.csv.gz").write_bytes(content)
        ran = demo("--data", tmp_path)
        assert ran.code == 1
        assert "no gzipped text, or is cut off" in ran.error


def test_parts_that_nobody_fits_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "baskets.csv.gz", "household_id,basket_id,at,amount\n7,b1,2017-03-12T02:30:00,1.00\n")
    write(tmp_path / "coupon_redemptions.csv.gz", "household_id,coupon_upc,at\n7,c1,2017-03-12\n7,c1,2017-03-12\n")
    ran = demo("--data", tmp_path)
    assert ran.code == 0
    assert "1 basket and 2 coupon redemptions of 1 household" in ran.out
    assert "lost the phone" not in ran.out
    assert "1 account, 4 entries, 0 faults" in ran.out


# -- how it is asked --------------------------------------------------------------------------------------------------


def test_bad_usage() -> None:
    ran = demo("--days", "3")
    assert (ran.code, ran.out) == (2, "")
    assert "usage: python -m examples.demo" in ran.err


def test_it_explains_itself() -> None:
    ran = demo("--help")
    assert (ran.code, ran.err) == (0, "")
    assert "--data" in ran.out
    assert "--db" in ran.out


def test_it_can_be_piped_in_any_encoding(data: Path, tmp_path: Path) -> None:
    raw = io.BytesIO()
    piped = io.TextIOWrapper(raw, encoding="ascii")
    with (
        patch.object(sys, "argv", ["demo", "--data", str(data), "--db", str(tmp_path / "année.db")]),
        redirect_stdout(piped),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    piped.flush()
    assert not ended.value.code
    assert b"h0001 lost the phone" in raw.getvalue()
    assert b"ann\\xe9e.db" in raw.getvalue()


def test_it_runs_as_a_module_from_the_root_on_the_sample_as_the_makefile_does() -> None:
    ran = subprocess.run([sys.executable, "-m", "examples.demo"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "5,039 baskets and 108 coupon redemptions of 74 households" in ran.stdout
