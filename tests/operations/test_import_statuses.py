"""Importing statuses: each row is done or refused with its cause, once, by the same gate as a change by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any, cast

import pytest
from attrs import evolve
from bulk_runs import RUN, Hasty, RunBlind, import_table, killed, people, service_at, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from organisation import ACME, AGENT, COLLEAGUE, MACHINE, START, Label, World, in_memory, outcome

from custstatus import (
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    Applied,
    Channel,
    CustomerStatus,
    Desk,
    Entry,
    Identifier,
    InvalidInputError,
    Membership,
    NoLabels,
    OrgConfig,
    Plan,
    Refusal,
    StatusLabel,
)
from custstatus.adapters import SetResult, Store
from custstatus.errors import UnknownLifecycleError
from custstatus.operations import Import, ImportedRow
from custstatus.tables import CUSTOMER_STATUS_IMPORT, FRAUD_STATUS_IMPORT, BadRow, StatusRow, rows_of_csv

HEADER = "User ID,Mobile,Status Label,Reason,StoreCode\n"
SHORT, LONG = range(4), range(50)
"""The seeds of the imports that are killed."""


def rows(*lines: str, header: str = HEADER) -> Iterable[StatusRow | BadRow]:
    """The rows of a table; the first is line 2."""
    return rows_of_csv([header, *(f"{line}\n" for line in lines)], CUSTOMER_STATUS_IMPORT)


def importing(world: World[Any]) -> Desk[Any]:
    """A desk at which a member of staff imports."""
    return world.service.acting(AGENT, Channel.IMPORT)


def phone(number: int) -> Identifier:
    """The phone of a customer."""
    return Identifier("mobile", f"+44790000{number:04}")


def codes(came: object) -> frozenset[str]:
    """Why something was refused; nothing where it was not."""
    if isinstance(came, BadRow):
        return frozenset(["unreadable"])
    return frozenset(code.value for code in came.codes) if isinstance(came, Refusal) else frozenset()


def causes(done: Import) -> dict[int, set[str]]:
    """Why each row was refused that was."""
    return {row.line: set(codes(row.outcome)) for row in done.refused}


def last(world: World[Any], customer: str) -> Entry:
    """A customer's last entry."""
    return world.service.history(customer, limit=10_000).items[-1]


@pytest.fixture
def ten(acme: World[Label]) -> World[Label]:
    """The example organisation with customers c-0 to c-9 and their phones."""
    for number in range(10):
        acme.desk.register(f"c-{number}", identifiers=[phone(number)])
    return acme


class TestCauses:
    def test_each_refused_row_has_its_cause_and_those_around_it_are_done(self, ten: World[Label]) -> None:
        # D66, D54, D103
        ten.desk.change("c-5", Label.CLOSED, reason="left")
        ten.desk.change("c-6", Label.UNUSUAL, reason="odd receipts")
        parts: list[Sequence[ImportedRow]] = []
        done = ten.service.acting(MACHINE, Channel.IMPORT).import_statuses(
            rows(
                "c-0,,Trending,,north",
                "c-1,,No such label,,",
                "nobody,,Trending,,",
                ",+449999,Trending,,",
                "c-5,,Regular,back,",
                "c-6,,Proven,sure,",
                "c-2,,Lost phone,,",
                "c-8,,Unusual,odd,",
                "c-0,,Dormant,,",
                f"c-3,{phone(4).value},Trending,,",
                "c-3,Trending",
                "c-3,,Regular,,",
                f",{phone(4).value},Trending,,south",
                "c-7,,Lost phone,lost it,south",
                "c-9,,Closed,left,",
            ),
            run="r-1",
            on_rows=parts.append,
        )
        assert causes(done) == {
            3: {"unknown_label"},
            4: {"unknown_customer"},
            5: {"unknown_customer"},
            6: {"closed"},
            7: {"person_needed", "approval_needed"},
            8: {"reason_needed"},
            9: {"approval_needed"},
            10: {"twice"},
            11: {"ambiguous"},
            12: {"unreadable"},
            13: {"no_change"},
            16: {"approval_needed"},
        }
        assert (done.run, done.moved, done.replayed, done.unchanged) == ("r-1", 3, 0, 1)
        assert {getattr(row.outcome, "account", None) for row in done.refused} == {None}
        (told,) = parts
        assert [row.line for row in told] == list(range(2, 17))
        assert [row.customer for row in told if isinstance(row.outcome, SetResult)] == ["c-0", "c-4", "c-7"]
        assert [ten.label(f"c-{number}") for number in (0, 1, 2, 3, 4, 6, 7, 8, 9)] == [
            *(Label.TRENDING, Label.REGULAR, Label.REGULAR, Label.REGULAR, Label.TRENDING, Label.UNUSUAL),
            *(Label.LOST_PHONE, Label.REGULAR, Label.REGULAR),
        ]

    @pytest.mark.parametrize(
        ("target", "asks"), [("Trending", False), ("Lost phone", True), ("Unusual", True), ("Closed", True)]
    )
    def test_the_reason_is_optional_but_where_the_status_asks_for_it(
        self, target: str, asks: bool, ten: World[Label]
    ) -> None:
        # D54
        for customer, reason in ("c-0", None), ("c-1", " \t "):
            row = StatusRow(2, customer, (), target, reason, None)
            done = importing(ten).import_statuses([row], approval="board")
            assert causes(done) == ({2: {"reason_needed"}} if asks else {})
        row = StatusRow(2, "c-2", (), target, "told", None)
        assert importing(ten).import_statuses([row], approval="board", run="another").refused == ()

    def test_one_reason_or_code_for_all_serves_and_a_row_s_own_comes_first(self, ten: World[Label]) -> None:
        # D54
        lines = "c-0,,Lost phone,his own,", "c-1,,Lost phone,,"
        assert importing(ten).import_statuses(rows(*lines), reason="of all").refused == ()
        assert [last(ten, customer).reason for customer in ("c-0", "c-1")] == ["his own", "of all"]
        blank = StatusRow(2, "c-3", (), "Lost phone", " \t ", None)
        assert importing(ten).import_statuses([blank], reason="of all", run="blank").refused == ()
        assert last(ten, "c-3").reason == "of all"
        assert importing(ten).import_statuses(rows("c-2,,Lost phone,,"), reason_code="lost", run="code").refused == ()
        assert (last(ten, "c-2").reason, last(ten, "c-2").reason_code) == (None, "lost")

    @pytest.mark.parametrize("target", ["Unusual", "Proven", "Closed", "FRAUD_SUSPECTED", "deleted"])
    def test_fraud_and_deletion_need_an_approval(self, target: str, ten: World[Label]) -> None:
        # D103
        if target == "Proven":
            ten.desk.change("c-0", Label.UNUSUAL, reason="odd")
        before = ten.everything()
        assert causes(importing(ten).import_statuses(rows(f"c-0,,{target},why,"))) == {2: {"approval_needed"}}
        assert ten.everything() == before
        assert importing(ten).import_statuses(rows(f"c-0,,{target},why,"), approval="minutes 12").moved == 1
        assert last(ten, "c-0").approval == "minutes 12"

    def test_nobody_else_s_right_is_lent_by_an_approval(self, ten: World[Label]) -> None:
        # D66, D92
        ten.desk.change("c-0", Label.UNUSUAL, reason="odd")
        machine = ten.service.acting(MACHINE, Channel.IMPORT)
        done = machine.import_statuses(rows("c-0,,Proven,sure,"), approval="board")
        assert causes(done) == {2: {"person_needed"}}

    def test_another_organisation_s_customer_is_unknown(self, ten: World[Label]) -> None:
        # D66
        other = ten.under(evolve(ACME, org="other"))
        other.desk.register("theirs", identifiers=[Identifier("mobile", "+1")])
        done = importing(ten).import_statuses(rows("theirs,,Trending,,", ",+1,Trending,,"))
        assert causes(done) == {2: {"unknown_customer"}, 3: {"unknown_customer"}}
        assert other.label("theirs") is Label.REGULAR


class TestEntries:
    def test_each_carries_the_run_the_shop_and_the_channel(self, ten: World[Label]) -> None:
        # D103, D50, D51, D57
        lines = "c-0,,Trending,,north", "c-1,,Closed,left,south", "c-2,,Trending,,"
        done = importing(ten).import_statuses(rows(*lines), approval="board", run="r-9")
        entries = ten.service.history(run="r-9").items
        assert [(entry.customer, entry.shop, entry.run) for entry in entries] == [
            ("c-0", "north", "r-9"),
            ("c-1", "south", "r-9"),
            ("c-2", None, "r-9"),
        ]
        assert {(entry.channel, entry.actor, entry.approval) for entry in entries} == {("import", AGENT, "board")}
        assert done.moved == 3
        assert ten.service.verify().faults == ()

    def test_a_run_has_an_id_of_its_own_by_default(self, ten: World[Label]) -> None:
        # D103
        done = importing(ten).import_statuses(rows("c-0,,Trending,,"))
        assert done.run.startswith("import-2024-01-01T09:00")
        assert last(ten, "c-0").run == done.run

    def test_a_closed_account_gives_up_its_phone(self, ten: World[Label]) -> None:
        # D5, D6
        assert importing(ten).import_statuses(rows("c-0,,Closed,left,"), approval="board").moved == 1
        assert ten.service.find(phone(0)) is None
        assert ten.service.account("c-0").closed_at is not None

    def test_with_a_key_of_the_host_s_phones_are_found_and_reasons_digested(self) -> None:
        world = in_memory(ACME, key=b"sixteen secret b")
        world.desk.register("c-0", identifiers=[phone(0)])
        world.desk.register("c-1", identifiers=[phone(1)])
        lines = f",{phone(0).value},Lost phone,his,", f",{phone(1).value},Lost phone,,"
        assert importing(world).import_statuses(rows(*lines), reason="all").refused == ()
        by_hand = in_memory(ACME, key=b"sixteen secret b")
        for number, reason in enumerate(["his", "all"]):
            by_hand.desk.register(f"c-{number}")
            by_hand.desk.change(f"c-{number}", Label.LOST_PHONE, reason=reason)
            assert last(world, f"c-{number}").reason_digest == last(by_hand, f"c-{number}").reason_digest is not None


@pytest.mark.parametrize("named", [None, "mobile", (("mobile",),), (["mobile", "+1"],), (("mobile", ""),)])
def test_identifiers_that_a_host_makes_are_checked(named: Any) -> None:
    world = in_memory(ACME)
    world.desk.register("c")
    done = importing(world).import_statuses([StatusRow(1, "c", named, "Lost phone", "why", None)])
    assert [type(each.outcome) for each in done.refused] == [BadRow]


def test_whoever_cannot_be_told_is_refused_before_anything_is_written() -> None:
    world = in_memory(ACME)
    world.desk.register("c")
    several, before = cast("Any", 5), len(world.service.history())
    row = StatusRow(1, "c", (), "Lost phone", "why", None)
    for verb in (
        lambda: importing(world).import_statuses([row], on_rows=several),
        lambda: importing(world).reverse("r-1", on_rows=several),
        lambda: world.service.import_activities([], on_rows=several),
        lambda: world.service.sweep(on_rows=several),
    ):
        with pytest.raises(InvalidInputError, match="on_rows"):
            verb()
    assert len(world.service.history()) == before


@pytest.mark.parametrize("given", [{"reason": "x" * 1_001}, {"approval": ""}])
def test_what_is_said_of_all_is_checked_where_every_row_has_its_own(given: dict[str, str]) -> None:
    world = in_memory(ACME)
    world.desk.register("c")
    with pytest.raises(InvalidInputError):
        importing(world).import_statuses([StatusRow(1, "c", (), "Lost phone", "why", None)], **given)  # type: ignore[arg-type]
    assert world.label("c") is Label.REGULAR


class TestTargets:
    @pytest.mark.parametrize(
        ("text", "label"),
        [
            ("Lost phone", Label.LOST_PHONE),
            ("LOST PHONE", Label.LOST_PHONE),
            ("Abroad", Label.ABROAD),
            ("SUSPENDED", Label.LOST_PHONE),
            ("suspended", Label.LOST_PHONE),
            ("Suspended", Label.LOST_PHONE),
        ],
    )
    def test_a_place_is_named_by_label_or_status_whatever_the_case(self, text: str, label: Label) -> None:
        world = in_memory(ACME)
        world.desk.register("c")
        assert importing(world).import_statuses(rows(f"c,,{text},why,")).moved == 1
        assert world.label("c") is label

    def test_labels_that_differ_by_case_alone_are_named_exactly(self) -> None:
        class Cases(StatusLabel):
            REGULAR = "Regular", CustomerStatus.ACTIVE
            SMALL = "vip", CustomerStatus.ACTIVE
            LARGE = "VIP", CustomerStatus.ACTIVE

        world = in_memory(OrgConfig("acme", Cases))
        for customer in "abc":
            world.desk.register(customer)
        done = importing(world).import_statuses(rows("a,,vip,,", "b,,VIP,,", "c,,Vip,,"))
        assert causes(done) == {4: {"unknown_label"}}
        assert (world.label("a"), world.label("b")) == (Cases.SMALL, Cases.LARGE)

    def test_a_label_comes_before_a_status_of_its_name(self) -> None:
        class Named(StatusLabel):
            REGULAR = "Regular", CustomerStatus.ACTIVE
            AWAY = "Suspended", CustomerStatus.ACTIVE

        world = in_memory(OrgConfig("acme", Named))
        for customer in "abc":
            world.desk.register(customer)
        lines = "a,,Suspended,,", "b,,sUSPENDED,,", "c,,SUSPENDED,why,"
        done = importing(world).import_statuses(rows(*lines))
        # The status by its exact name; it has no label here, so that it cannot be reached.
        assert causes(done) == {4: {"status_without_label"}}
        assert (world.label("a"), world.label("b")) == (Named.AWAY, Named.AWAY)

    def test_an_edited_table_of_moves_has_its_labels_still(self) -> None:
        edited = CUSTOMER_STATUS.without((CustomerStatus.ACTIVE, CustomerStatus.INTERNAL))
        world = in_memory(evolve(ACME, lifecycles=[edited, MEMBERSHIP]))
        world.desk.register("c")
        assert importing(world).import_statuses(rows("c,,Trending,,")).moved == 1

    def test_another_lifecycle_has_no_labels(self, ten: World[Label]) -> None:
        lines = "c-0,,enrolled,,", "c-1,,ENROLLED,,", "c-2,,Regular,,"
        done = importing(ten).import_statuses(rows(*lines), MEMBERSHIP)
        assert causes(done) == {4: {"unknown_label"}}
        standing = ten.service.standing("c-1", MEMBERSHIP)
        assert standing is not None
        assert standing.status is Membership.ENROLLED

    def test_the_table_of_fraud_statuses_is_of_the_legacy_lifecycle(self) -> None:
        # D50, D41
        world = in_memory(OrgConfig("acme", NoLabels, lifecycles=[CUSTOMER_STATUS, LEGACY_FRAUD_STATUS]))
        world.desk.register("c", identifiers=[Identifier("mobile", "+1")])
        text = ["Mobile,Status,Reason,StoreCode\n", "+1,MARKED,odd,shop-1\n", "+1,MARKED,,shop-1\n"]
        done = importing(world).import_statuses(rows_of_csv(text, FRAUD_STATUS_IMPORT), LEGACY_FRAUD_STATUS)
        assert causes(done) == {3: {"unreadable"}}
        entry = last(world, "c")
        assert (entry.to_status, entry.reason, entry.shop) == ("marked", "odd", "shop-1")

    def test_a_lifecycle_that_is_off_is_told_before_anything_is_read(self, ten: World[Label]) -> None:
        def never() -> Iterator[StatusRow]:
            raise AssertionError("read")
            yield

        with pytest.raises(UnknownLifecycleError):
            importing(ten).import_statuses(never(), LEGACY_FRAUD_STATUS)


class TestRuns:
    def test_a_run_that_was_stopped_goes_on_where_it_was(
        self, ten: World[Label], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # D103
        monkeypatch.setattr("custstatus.operations.import_statuses.CHUNK", 3)
        lines = [f"c-{number},,Trending,," for number in range(10)]
        parts = 0

        def stop(_: object) -> None:
            nonlocal parts
            parts += 1
            if parts == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            importing(ten).import_statuses(rows(*lines), run="r", on_rows=stop)
        assert len(ten.service.history(run="r")) == 6
        ten.clock.forward(hours=1)
        ten.desk.change("c-1", Label.LOST_PHONE, reason="meanwhile")
        again = importing(ten).import_statuses(rows(*lines), run="r")
        assert (again.moved, again.replayed, again.refused) == (4, 6, ())
        assert ten.label("c-1") is Label.LOST_PHONE
        assert len(ten.service.history(run="r")) == 10
        third = importing(ten).import_statuses(rows(*lines), run="r")
        assert (third.moved, third.replayed) == (0, 10)

    def test_who_has_the_phone_of_one_whom_the_run_closed_is_not_closed(self, ten: World[Label]) -> None:
        # D6
        ten.clock.forward(hours=1)
        line = f",{phone(0).value},Closed,left,"
        assert importing(ten).import_statuses(rows(line), run="r", approval="board").moved == 1
        ten.clock.forward(hours=1)
        ten.desk.register("new", identifiers=[phone(0)], at=START)
        again = importing(ten).import_statuses(rows(line, f",{phone(1).value},Closed,left,"), run="r", approval="board")
        assert causes(again) == {2: {"unknown_customer"}}
        assert again.moved == 1
        assert ten.label("new") is Label.REGULAR
        # By name he is meant, and another run means whoever holds the phone then.
        assert importing(ten).import_statuses(rows("new,,Closed,left,"), run="r", approval="board").moved == 1

    def test_a_preview_knows_that_a_closed_account_gives_up_its_phone(
        self, ten: World[Label], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # D103, D5
        monkeypatch.setattr("custstatus.operations.import_statuses.CHUNK", 1)
        lines = f",{phone(0).value},Closed,left,", f",{phone(0).value},Trending,,"
        for preview in True, False:
            done = importing(ten).import_statuses(rows(*lines), approval="board", preview=preview)
            assert (done.moved, causes(done)) == (1, {3: {"unknown_customer"}})

    def test_with_more_rows_than_the_limit_nothing_is_written(self, ten: World[Label]) -> None:
        # D103
        before = ten.everything()
        lines = "c-0,,Trending,,", "c-1,,Trending,,", "c-2"
        with pytest.raises(InvalidInputError, match="nothing was written"):
            importing(ten).import_statuses(rows(*lines), most=2)
        assert ten.everything() == before
        done = importing(ten).import_statuses(rows(*lines), most=3)
        assert (done.moved, causes(done)) == (2, {4: {"unreadable"}})
        assert importing(ten).import_statuses((), most=0).moved == 0

    @pytest.mark.parametrize(
        "given", [{"most": -1}, {"most": True}, {"run": ""}, {"run": "x" * 129}, {"approval": "a\nb"}, {"reason": 5}]
    )
    def test_what_is_out_of_bounds_is_invalid(self, given: Any, ten: World[Label]) -> None:
        before = ten.everything()
        with pytest.raises(InvalidInputError):
            importing(ten).import_statuses(rows("c-0,,Trending,,"), **given)
        assert ten.everything() == before

    @pytest.mark.parametrize("table", ["c-0", None, 5])
    def test_what_is_no_table_is_invalid(self, table: Any, ten: World[Label]) -> None:
        with pytest.raises(InvalidInputError, match="rows"):
            importing(ten).import_statuses(table)

    def test_no_more_rows_are_read_than_are_done_next(self, ten: World[Label], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("custstatus.operations.import_statuses.CHUNK", 2)
        happened: list[str] = []

        def reading() -> Iterator[StatusRow]:
            for number in range(4):
                happened.append("read")
                yield StatusRow(number, f"c-{number}", (), "Trending", None, None)

        importing(ten).import_statuses(reading(), on_rows=lambda part: happened.append(f"told {len(part)}"))
        assert happened == ["read", "read", "told 2", "read", "read", "told 2"]


# -- properties -----------------------------------------------------------------------------------------------------------

PLACES = (Label.REGULAR, Label.TRENDING, Label.LOST_PHONE, Label.UNUSUAL, Label.PROVEN, Label.TESTER, Label.CLOSED)
TEXTS = (*(label.text for label in Label), "active", "SUSPENDED", "fraud_suspected", "deleted", "no such place")
WHO = st.integers(0, 5)
SUBJECTS = st.one_of(
    st.tuples(WHO, st.none()), st.tuples(st.none(), WHO), st.tuples(WHO, WHO), st.just((9, None)), st.just((None, 9))
)
ROWS = st.lists(
    st.tuples(SUBJECTS, st.sampled_from(TEXTS), st.sampled_from([None, "why", " "]), st.sampled_from([None, "s"])),
    max_size=12,
)
random_tables = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
numbered = count()


def placed(store: Store, places: list[Label]) -> World[Label]:
    """A new organisation whose customers stand at these places."""
    world = World(evolve(ACME, org=f"org-{next(numbered)}"), store)
    for number, place in enumerate(places):
        world.desk.register(f"c-{number}", identifiers=[phone(number)])
        steps = (Label.UNUSUAL, place) if place is Label.PROVEN else (place,)
        for step in steps if place is not Label.REGULAR else ():
            made = world.make(evolve(world.request(f"c-{number}", step), actor=AGENT))
            assert isinstance(made, Applied), made
    world.clock.forward(hours=1)
    return world


def table_of(drawn: list[Any]) -> list[StatusRow | BadRow]:
    """Drawn rows as those of a table."""
    made: list[StatusRow | BadRow] = []
    for line, ((customer, mobile), target, reason, shop) in enumerate(drawn, 2):
        named = () if mobile is None else (("mobile", phone(mobile).value),)
        made.append(StatusRow(line, None if customer is None else f"c-{customer}", named, target, reason, shop))
    return made


def shown(row: ImportedRow) -> tuple[Any, ...]:
    """What became of a row, or in a preview what would."""
    came = row.outcome
    if isinstance(came, Plan):
        (entry,) = came.entries
        return row.line, row.customer, entry.version, entry.from_status, entry.from_label, frozenset()
    if isinstance(came, SetResult):
        return row.line, row.customer, came.version, came.status, came.label, frozenset()
    return row.line, row.customer, None, None, None, codes(came)


def told_by(desk: Desk[Any], table: list[StatusRow | BadRow], **given: Any) -> tuple[list[Any], Import]:
    """What an import tells of every row, and in the end."""
    told: list[Any] = []
    done = desk.import_statuses(table, on_rows=lambda part: told.extend(map(shown, part)), **given)
    return told, done


def by_hand(world: World[Label], table: list[StatusRow | BadRow]) -> list[Any]:
    """The same rows as changes, one by one, at the same desk."""
    desk, seen = importing(world), set[str]()
    told: list[Any] = []
    holders = {phone(number).value: world.service.find(phone(number)) for number in range(10)}
    for row in table:
        assert isinstance(row, StatusRow)
        named = {row.customer, *(holders[value] for _, value in row.identifiers)} - {None}
        target: Any = next((label for label in Label if label.text == row.target), None)
        target = target or next((s for s in CustomerStatus if row.target in (s.name, s.value)), None)
        why = frozenset({"unknown_label"} if target is None else ())
        customer = min(filter(None, named)) if len(named) == 1 else None
        if not named:
            why |= {"unknown_customer"}
        elif len(named) > 1:
            why |= {"ambiguous"}
        elif customer in seen:
            why |= {"twice"}
        if why or customer is None:
            told.append((row.line, customer, None, None, None, why))
            continue
        seen.add(customer)
        reason = None if row.reason is None or row.reason.isspace() else row.reason
        came = outcome(lambda: desk.change(customer, target, reason=reason))  # noqa: B023
        if isinstance(came, Applied):
            (entry,) = came.entries
            told.append((row.line, customer, entry.version, entry.from_status, entry.from_label, frozenset()))
        else:
            told.append((row.line, customer, None, None, None, codes(came)))
    return told


def plainly(entries: Iterable[Entry]) -> set[Entry]:
    """Entries as a change by hand makes them, in any organisation."""
    return {evolve(entry, org="", run=None, approval=None, shop=None, config="") for entry in entries}


@given(places=st.lists(st.sampled_from(PLACES), min_size=6, max_size=6), drawn=ROWS)
@random_tables
def test_it_does_what_changes_one_by_one_would_have_done(shared: Store, places: list[Label], drawn: list[Any]) -> None:
    # D66
    imported, changed = placed(shared, places), placed(shared, places)
    table = table_of(drawn)
    told, done = told_by(importing(imported), table, approval="board", run="r")
    assert told == by_hand(changed, table)
    assert plainly(imported.service.history(limit=10_000)) == plainly(changed.service.history(limit=10_000))
    assert {entry.run for entry in imported.service.history(limit=10_000)} <= {None, "r"}
    assert imported.service.verify().faults == ()
    assert done.moved == sum(row[2] is not None for row in told) == len(imported.service.history(run="r", limit=1_000))
    assert [row.line for row in done.refused] == [row[0] for row in told if row[2] is None]


@given(
    places=st.lists(st.sampled_from(PLACES), min_size=6, max_size=6),
    drawn=ROWS,
    chunk=st.integers(1, 5),
    approval=st.sampled_from([None, "board"]),
)
@random_tables
def test_a_preview_writes_nothing_and_says_what_the_run_then_does(
    shared: Store, places: list[Label], drawn: list[Any], chunk: int, approval: str | None
) -> None:
    # D103
    world = placed(shared, places)
    table = table_of(drawn)
    before = world.everything()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("custstatus.operations.import_statuses.CHUNK", chunk)
        previewed, would = told_by(importing(world), table, approval=approval, run="r", preview=True)
        assert world.everything() == before
        told, done = told_by(importing(world), table, approval=approval, run="r")
    assert previewed == told
    assert (would.moved, would.unchanged, causes(would)) == (done.moved, done.unchanged, causes(done))
    assert (done.moved == 0) is (world.everything() == before)


# -- killed ---------------------------------------------------------------------------------------------------------------

CUSTOMERS = 60


def faults_after_a_kill(seed: int, where: str, chunk: int = 7, broken: Any = None) -> Iterator[str]:
    """What is wrong after an import was killed, agents changed who was in it, and it was begun again."""
    with service_at(where) as service:
        people(service, CUSTOMERS)
    told = killed(f"import-{seed}", CUSTOMERS // chunk, import_table, where, CUSTOMERS, chunk, broken=broken)
    with service_at(where) as service:
        done = {entry.customer: entry for entry in service.history(run=RUN, limit=1_000)}
        yield from (f"{customer} was told of, and is not moved" for customer in set(told) - set(done))
        # Every third of them, whom an agent moves meanwhile.
        moved_on = sorted(done)[::3]
        for customer in moved_on:
            label = Label.WATCHED if done[customer].to_label == "Unusual" else Label.REGULAR
            service.acting(COLLEAGUE).change(customer, label, reason="meanwhile")
    with service_at(where, broken=broken) as service:
        before = {customer: service.account(customer) for customer in moved_on}
        again = service.acting(AGENT, Channel.IMPORT).import_statuses(table(CUSTOMERS), run=RUN, approval="board")
    with service_at(where) as service:
        yield from (f"line {row.line} was refused: {row.outcome}" for row in again.refused)
        if again.moved + again.replayed != CUSTOMERS or again.replayed != len(done):
            yield f"{len(done)} were done, then {again.replayed} were replayed and {again.moved} moved"
        entries = [entry.customer for entry in service.history(run=RUN, limit=1_000)]
        yield from (f"{customer} was moved twice" for customer in set(entries) if entries.count(customer) > 1)
        yield from (f"c-{n:03} was not moved" for n in range(CUSTOMERS) if f"c-{n:03}" not in entries)
        yield from (
            f"{customer} was moved again" for customer in moved_on if service.account(customer) != before[customer]
        )
        yield from (f"{fault.customer}: {fault.what}" for fault in service.verify().faults)


@pytest.mark.parametrize("seed", SHORT)
def test_an_import_that_is_killed_does_each_row_once_when_it_is_begun_again(seed: int, where: str) -> None:
    # D103
    assert list(faults_after_a_kill(seed, where)) == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", LONG)
def test_so_do_many(seed: int, where: str) -> None:
    assert list(faults_after_a_kill(seed, where, chunk=seed % 9 + 1)) == []


def test_a_store_that_does_not_look_at_the_run_is_caught(where: str) -> None:
    # The control.
    found = list(faults_after_a_kill(3, where, chunk=5, broken=RunBlind))
    assert any("moved again" in fault for fault in found), found


def test_a_store_that_tells_of_what_it_has_not_written_is_caught(tmp_path: Any) -> None:
    # The control.
    found: list[str] = []
    for seed in range(20):
        found = list(faults_after_a_kill(seed, str(tmp_path / f"{seed}.db"), chunk=5, broken=Hasty))
        if any("is not moved" in fault for fault in found):
            return
    raise AssertionError(found)
