"""Importing activities: each row is recorded, known already, or left out with its cause; the idle among them come back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from organisation import ACME, AGENT, IDLE_AFTER, START, Clock, Label, ShopAction, World, in_memory

from custstatus import Action, Activity, Effect, Identifier, InvalidInputError, MemoryStore, Refusal
from custstatus.aio import AsyncStatusService
from custstatus.operations import RecordedRow, Recording
from custstatus.tables import ACTIVITY_IMPORT, ActivityRow, BadRow, rows_of_csv
from custstatus.testing import Awaited

HEADER = "Customer,Mobile,Kind,Reference,At,Amount,Effect\n"


def rows(*lines: str) -> Iterable[ActivityRow | BadRow]:
    """The rows of a table; the first is line 2."""
    return rows_of_csv([HEADER, *(f"{line}\n" for line in lines)], ACTIVITY_IMPORT)


def causes(done: Recording) -> dict[int, set[str]]:
    """Why each row was left out that was."""
    told = {}
    for row in done.refused:
        is_refusal = isinstance(row.outcome, Refusal)
        told[row.line] = {code.value for code in row.outcome.codes} if is_refusal else {"unreadable"}  # type: ignore[union-attr]
    return told


@pytest.fixture
def two(acme: World[Label]) -> World[Label]:
    """The example organisation with two customers and their phones."""
    for customer in "ab":
        acme.desk.register(customer, identifiers=[Identifier("mobile", f"+{customer}")])
    return acme


class TestRows:
    def test_each_is_recorded_known_already_or_left_out_with_its_cause(self, two: World[Label]) -> None:
        # D66
        two.bought("a", "r-0")
        parts: list[Sequence[RecordedRow]] = []
        done = two.service.import_activities(
            rows(
                "a,,transaction,r-0,2024-01-01T08:00,99,",
                "a,,transaction,r-1,2024-01-01T08:00,12.50,",
                ",+b,POINTS_REDEMPTION,r-2,2024-01-01T08:30,,block",
                "a,,transaction,r-1,2024-01-01T08:00,12.50,",
                "nobody,,transaction,r-3,2024-01-01T08:00,,",
                ",+nobody,transaction,r-4,2024-01-01T08:00,,",
                "a,+b,transaction,r-5,2024-01-01T08:00,,",
                "a,,no such action,r-6,2024-01-01T08:00,,",
                "a,,transaction,r-7,yesterday,,",
                "a,,transaction,r-8,2024-01-02T09:00:01,,",
                "a,,transaction,r-9,2024-01-02T09:00,,",
                "b,,gift_wrap,r-10,2024-01-01T08:00,,",
                "a,,transaction,r-9,2024-01-01T08:00,,",
            ),
            on_rows=parts.append,
        )
        assert causes(done) == {
            6: {"unknown_customer"},
            7: {"unknown_customer"},
            8: {"ambiguous"},
            9: {"unreadable"},
            10: {"unreadable"},
            11: {"in_the_future"},
        }
        assert (done.new, done.repeated, done.back) == (4, 3, ())
        (told,) = parts
        assert [row.line for row in told] == list(range(2, 15))
        assert [row.line for row in told if isinstance(row.outcome, Activity)] == [2, 3, 4, 5, 12, 13, 14]
        assert [row.line for row in told if row.repeated] == [2, 5, 14]
        of_a = two.service.activities("a").items
        assert [each.reference for each in of_a] == ["r-9", "r-0", "r-1"]
        assert of_a[2] == Activity("a", Action.TRANSACTION, "r-1", START - timedelta(hours=1), Decimal("12.50"))
        wrapped, redeemed = sorted(two.service.activities("b"), key=lambda each: each.reference)
        assert (wrapped.kind, redeemed.effect, redeemed.amount) == (ShopAction.GIFT_WRAP, Effect.BLOCK, None)
        assert two.service.activities("a").items[1].amount is None  # the first report stands

    def test_the_messages_hold_nothing_of_the_rows(self, two: World[Label]) -> None:
        done = two.service.import_activities(
            rows("a,+secret,sekret,x,2024-01-01,,", ",+secret,transaction,x,2024-01-01,,")
        )
        assert len(done.refused) == 2
        assert "secret" not in str(done.refused)
        assert "sekret" not in str(done.refused)

    def test_the_same_rows_again_are_repeats(self, two: World[Label]) -> None:
        lines = [f"a,,transaction,r-{number},2024-01-01," for number in range(5)]
        lines = [f"{line}," for line in lines]
        assert two.service.import_activities(rows(*lines)).new == 5
        before = two.everything()
        again = two.service.import_activities(rows(*lines))
        assert (again.new, again.repeated, again.refused) == (0, 5, ())
        assert two.everything() == before

    def test_who_was_idle_comes_back(self, two: World[Label]) -> None:
        # D63
        two.clock.forward(IDLE_AFTER + timedelta(days=1))
        two.service.sweep()
        assert two.label("a") is Label.DORMANT
        at = two.clock().isoformat()
        done = two.service.import_activities(rows(f"a,,transaction,r,{at},,", f"b,,transaction,r,{at},,mark"))
        assert [came.entries[0].customer for came in done.back] == ["a"]
        assert (two.label("a"), two.label("b")) == (Label.REGULAR, Label.DORMANT)

    def test_they_are_recorded_part_by_part_and_those_before_a_failure_stay(
        self, two: World[Label], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("custstatus.operations.import_activities.BATCH", 2)
        parts: list[int] = []

        def tell(part: Sequence[RecordedRow]) -> None:
            parts.append(len(part))
            if len(parts) == 2:
                raise KeyboardInterrupt

        lines = [f"a,,transaction,r-{number},2024-01-01,," for number in range(5)]
        with pytest.raises(KeyboardInterrupt):
            two.service.import_activities(rows(*lines), on_rows=tell)
        assert len(two.service.activities("a")) == 4
        told_again: list[RecordedRow] = []
        again = two.service.import_activities(
            rows(*lines[::-1], "nobody,,transaction,r,2024-01-01,,"), on_rows=told_again.extend
        )
        assert (again.new, again.repeated) == (1, 4)
        assert [row.repeated for row in told_again] == [False, True, True, True, True, False]

    def test_rows_made_by_hand_are_checked_too(self, two: World[Label]) -> None:
        made = ActivityRow(1, "a", (), "transaction", "x" * 129, START, None, Effect.ALLOW)
        assert causes(two.service.import_activities([made])) == {1: {"unreadable"}}

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("customer", "x" * 129),
            ("customer", ["a"]),
            ("identifiers", None),
            ("identifiers", "mobile"),
            ("identifiers", (("mobile", "+a", "crm"),)),
            ("identifiers", (("mobile",),)),
            ("identifiers", (["mobile", "+a"],)),
            ("identifiers", (("mobile", "x" * 257),)),
            ("identifiers", (("mobile", ["+a"]),)),
            ("kind", None),
            ("kind", ["transaction"]),
            ("kind", "x" * 129),
            ("reference", "line\nbreak"),
            ("at", "2024-01-01"),
            ("at", datetime(2024, 1, 1)),
            ("amount", 12.5),
            ("effect", "block"),
        ],
    )
    def test_a_value_out_of_bounds_in_a_row_made_by_hand_is_told_like_one_of_a_table(
        self, field: str, value: Any, two: World[Label]
    ) -> None:
        # D66
        good = ActivityRow(1, "a", (), "transaction", "r-1", START, None, Effect.ALLOW)
        bad = good._replace(line=2, reference="r-2")._replace(**{field: value})
        parts: list[Sequence[RecordedRow]] = []
        done = two.service.import_activities([good, bad, good._replace(line=3, reference="r-3")], on_rows=parts.append)
        assert (done.new, causes(done)) == (2, {2: {"unreadable"}})
        assert [type(row.outcome) for row in parts[0]] == [Activity, BadRow, Activity]
        assert "xxx" not in str(done.refused)

    def test_a_bad_row_is_told_as_such_whoever_it_is_of(self, two: World[Label]) -> None:
        made = ActivityRow(1, "nobody", (), "transaction", "r", START, 12.5, Effect.ALLOW)  # type: ignore[arg-type]
        assert causes(two.service.import_activities([made])) == {1: {"unreadable"}}

    @pytest.mark.parametrize("row", [None, "a,,transaction,r", ("a",), {"Customer": "a"}, 5])
    def test_what_is_no_row_is_invalid_before_anything_is_written(self, row: Any, two: World[Label]) -> None:
        good = ActivityRow(1, "a", (), "transaction", "r-1", START, None, Effect.ALLOW)
        with pytest.raises(InvalidInputError, match="rows: expected the rows of a table"):
            two.service.import_activities([good, row])
        assert len(two.service.activities("a")) == 0

    @pytest.mark.parametrize("table", ["a", None, 5])
    def test_what_is_no_table_is_invalid(self, table: Any) -> None:
        with pytest.raises(InvalidInputError, match="rows"):
            in_memory(ACME).service.import_activities(table)

    def test_phones_sealed_with_a_key_are_found(self) -> None:
        world = in_memory(ACME, key=b"sixteen secret b")
        world.desk.register("a", identifiers=[Identifier("mobile", "+a")])
        assert world.service.import_activities(rows(",+a,transaction,r,2024-01-01,,")).new == 1


def test_awaited_it_is_the_same() -> None:
    async def host() -> tuple[Recording, list[int]]:
        service = await AsyncStatusService.open(Awaited(MemoryStore()), ACME, clock=Clock())
        await service.acting(AGENT).register("a")
        parts: list[int] = []
        lines = rows("a,,transaction,r,2024-01-01,,", "b,,transaction,r,2024-01-01,,")
        done = await service.import_activities(lines, on_rows=lambda part: parts.append(len(part)))
        with pytest.raises(InvalidInputError):
            await service.import_activities("rows")  # type: ignore[arg-type]
        return done, parts

    done, parts = asyncio.run(host())
    assert (done.new, causes(done), parts) == (1, {3: {"unknown_customer"}}, [2])


def test_no_more_rows_are_read_than_are_recorded_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custstatus.operations.import_activities.BATCH", 2)
    world = in_memory(ACME)
    world.desk.register("a")
    happened: list[str] = []

    def reading() -> Iterator[ActivityRow]:
        for number in range(3):
            happened.append("read")
            yield ActivityRow(number, "a", (), "transaction", f"r-{number}", START, None, Effect.ALLOW)

    world.service.import_activities(reading(), on_rows=lambda part: happened.append(f"told {len(part)}"))
    assert happened == ["read", "read", "told 2", "read", "told 1"]
