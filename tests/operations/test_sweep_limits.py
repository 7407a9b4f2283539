"""The limits of a sweep: how many it may move, whom it leaves, and that nothing is written where it is stopped."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from organisation import ACME, AGENT, CUSTOMER, IDLE_AFTER, MACHINE, Label, World

from custstatus import (
    Channel,
    CustomerStatus,
    IdleRule,
    InvalidInputError,
    Plan,
    Refusal,
    Sweep,
    SweepLimits,
    SweepStoppedError,
)
from custstatus.adapters import SetResult, Store
from custstatus.tables import StatusRow

DAY = timedelta(days=1)
ONE_RULE = evolve(ACME, idle=[IdleRule(IDLE_AFTER, Label.DORMANT)])


@pytest.fixture
def idle(acme: World[Label]) -> World[Label]:
    """Ten customers, of whom c-0 to c-5 are idle by now and one is deleted, under one idle rule."""
    world = acme.under(ONE_RULE)
    for number in range(6):
        world.desk.register(f"c-{number}")
    world.clock.forward(IDLE_AFTER + DAY)
    for number in range(6, 10):
        world.desk.register(f"c-{number}")
    world.desk.register("gone")
    world.desk.change("gone", Label.CLOSED, reason="left")
    return world


def moved(sweep: Sweep) -> list[str]:
    """Whom a sweep moves."""
    return [row.customer for row in sweep.moved]


class TestHowMany:
    @pytest.mark.parametrize(
        "limits", [SweepLimits(most=5), SweepLimits(most=0), SweepLimits(share=0.5), SweepLimits(most=9, share=0.1)]
    )
    def test_it_moves_nobody_where_it_would_move_too_many(self, limits: SweepLimits, idle: World[Label]) -> None:
        # D103
        before = idle.everything()
        told: list[Any] = []
        with pytest.raises(SweepStoppedError) as stopped:
            idle.service.sweep(limits=limits, on_rows=told.append)
        assert (stopped.value.concerned, stopped.value.customers) == (6, 10)
        assert stopped.value.allowed < 6
        with pytest.raises(SweepStoppedError):
            idle.service.sweep(limits=limits, preview=True)
        assert told == []
        assert idle.everything() == before

    @pytest.mark.parametrize(
        "limits", [SweepLimits(most=6), SweepLimits(share=0.6), SweepLimits(share=1), SweepLimits(most=6, share=0.6)]
    )
    def test_exactly_as_many_as_are_allowed_is_allowed(self, limits: SweepLimits, idle: World[Label]) -> None:
        assert moved(idle.service.sweep(limits=limits, preview=True)) == [f"c-{number}" for number in range(6)]
        assert len(moved(idle.service.sweep(limits=limits))) == 6

    def test_the_deleted_are_no_customers_to_count(self, idle: World[Label]) -> None:
        # D62: six of ten, not of eleven.
        assert len(moved(idle.service.sweep(limits=SweepLimits(share=0.6)))) == 6

    def test_the_exempt_are_not_counted(self, idle: World[Label]) -> None:
        done = idle.service.sweep(limits=SweepLimits(most=4, exempt=frozenset(["c-1", "c-3"])))
        assert moved(done) == ["c-0", "c-2", "c-4", "c-5"]

    def test_who_comes_back_is_not_counted(self, idle: World[Label]) -> None:
        # D63
        idle.service.sweep()
        # Under a configuration without the rule, so that nobody comes back at once.
        ruleless = idle.under(evolve(ONE_RULE, idle=[]))
        for number in range(6):
            ruleless.bought(f"c-{number}", "r", idle.clock())
        assert len(idle.service.sweep(limits=SweepLimits(most=0)).back) == 6

    def test_a_sweep_that_was_stopped_midway_goes_on_with_what_is_left(
        self, idle: World[Label], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("custstatus.operations.sweep.CHUNK", 2)
        parts: list[Any] = []

        def on_rows(part: Any) -> None:
            parts.append(part)
            if len(parts) == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            idle.service.sweep(run="night", limits=SweepLimits(most=6), on_rows=on_rows)
        assert len(idle.service.history(run="night")) == 4
        assert moved(idle.service.sweep(run="night", limits=SweepLimits(most=2))) == ["c-4", "c-5"]
        assert len(idle.service.history(run="night")) == 6


class TestWhom:
    def test_who_was_reinstated_by_hand_is_left_for_the_grace(self, idle: World[Label]) -> None:
        # D63
        idle.desk.change("c-0", Label.LOST_PHONE, reason="lost")
        idle.desk.change("c-0", Label.REGULAR, reason="found")
        limits = SweepLimits(grace=30 * DAY)
        assert moved(idle.service.sweep(limits=limits, preview=True)) == [f"c-{number}" for number in range(1, 6)]
        assert "c-0" not in moved(idle.service.sweep(limits=limits))
        idle.clock.forward(30 * DAY)
        assert moved(idle.service.sweep(limits=limits)) == []  # to the very day
        idle.clock.forward(timedelta(microseconds=1))
        assert "c-0" in moved(idle.service.sweep(limits=limits))

    @pytest.mark.parametrize("actor", [MACHINE, CUSTOMER])
    def test_only_a_person_gives_a_grace(self, actor: Any, idle: World[Label]) -> None:
        idle.service.acting(actor).change("c-0", Label.TRENDING, reason="buys more")
        assert "c-0" in moved(idle.service.sweep(limits=SweepLimits(grace=30 * DAY)))

    def test_a_registration_gives_none(self, idle: World[Label]) -> None:
        assert len(moved(idle.service.sweep(limits=SweepLimits(grace=timedelta(days=9_999))))) == 6

    def test_an_import_by_a_person_gives_one(self, idle: World[Label]) -> None:
        desk = idle.service.acting(AGENT, Channel.IMPORT)
        assert desk.import_statuses([StatusRow(2, "c-0", (), "Trending", None, None)]).moved == 1
        assert "c-0" not in moved(idle.service.sweep(limits=SweepLimits(grace=DAY)))

    def test_the_exempt_are_never_moved_and_still_come_back(self, idle: World[Label]) -> None:
        idle.service.sweep()
        limits = SweepLimits(exempt=frozenset(["c-0"]))
        idle.under(evolve(ONE_RULE, idle=[])).bought("c-0", "r", idle.clock())
        assert [row.customer for row in idle.service.sweep(limits=limits).back] == ["c-0"]
        idle.clock.forward(IDLE_AFTER + DAY)
        assert "c-0" not in moved(idle.service.sweep(limits=limits))
        assert idle.label("c-0") is Label.REGULAR

    def test_those_that_nobody_knows_are_exempt_from_nothing(self, idle: World[Label]) -> None:
        assert len(moved(idle.service.sweep(limits=SweepLimits(exempt=frozenset(["nobody"]))))) == 6

    def test_in_preview_nothing_is_written(self, idle: World[Label]) -> None:
        before = idle.everything()
        would = idle.service.sweep(limits=SweepLimits(most=6, grace=DAY, exempt=frozenset(["c-0"])), preview=True)
        assert idle.everything() == before
        assert len(moved(would)) == 5
        assert all(isinstance(row.outcome, Plan) for row in would.rows)


@pytest.mark.parametrize(
    "given",
    [
        *({"most": -1}, {"most": 1.0}, {"most": True}, {"share": -0.1}, {"share": 1.1}, {"share": "1"}),
        *(
            {"share": float("nan")},
            {"grace": timedelta(0)},
            {"grace": 5},
            {"exempt": "c"},
            {"exempt": [5]},
            {"exempt": 5},
        ),
    ],
)
def test_what_is_out_of_bounds_is_invalid(given: Any) -> None:
    with pytest.raises(InvalidInputError, match="SweepLimits"):
        SweepLimits(**given)


numbered = count()


@given(
    drawn=st.lists(
        st.tuples(st.sampled_from([1, 100, 179, 181, 400]), st.sampled_from(["", "by hand", "bought", "away"])),
        max_size=8,
    ),
    grace=st.sampled_from([None, DAY, 200 * DAY]),
    exempt=st.sets(st.integers(0, 7), max_size=3),
    most=st.sampled_from([None, 0, 1, 3, 8]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_moves_whom_its_preview_says_or_nobody(
    shared: Store, drawn: list[tuple[int, str]], grace: timedelta | None, exempt: set[int], most: int | None
) -> None:
    # D63, D103
    world = World(evolve(ONE_RULE, org=f"limits-{next(numbered)}"), shared)
    begin = world.clock.now
    for number, (days, what) in enumerate(drawn):
        world.clock.now = begin + (400 - days) * DAY
        world.desk.register(f"c-{number}")
        if what == "by hand":
            world.clock.forward(DAY / 2)
            world.desk.change(f"c-{number}", Label.TRENDING, reason="buys more")
        elif what == "bought":
            world.clock.now = begin + 399 * DAY
            world.bought(f"c-{number}", "r")
        elif what == "away":
            world.desk.change(f"c-{number}", Label.ABROAD, reason="away")
    world.clock.now = begin + 400 * DAY
    expected = [
        f"c-{number}"
        for number, (days, what) in enumerate(drawn)
        if days > 180
        and what not in ("bought", "away")
        and number not in exempt
        # Half a day after the registration.
        and not (what == "by hand" and grace is not None and (days - 0.5) * DAY <= grace)
    ]
    limits = SweepLimits(most=most, grace=grace, exempt=frozenset(f"c-{number}" for number in exempt))
    before = world.everything()
    if most is not None and len(expected) > most:
        for sweeping in partial(world.service.sweep, preview=True), world.service.sweep:
            with pytest.raises(SweepStoppedError):
                sweeping(limits=limits)
        assert world.everything() == before
        return
    would = world.service.sweep(limits=limits, preview=True)
    assert world.everything() == before
    done = world.service.sweep(limits=limits, run="night")
    assert moved(would) == moved(done) == expected
    assert all(isinstance(row.outcome, SetResult) for row in done.rows)
    assert [entry.customer for entry in world.service.history(run="night")] == expected
    assert not any(isinstance(row.outcome, Refusal) for row in would.rows)
    assert {world.label(customer) for customer in expected} <= {Label.DORMANT}
    assert world.service.verify().faults == ()


def test_a_rule_may_delete_and_is_limited_as_well(acme: World[Label]) -> None:
    # D64, D103
    world = acme.under(evolve(ACME, idle=[IdleRule(IDLE_AFTER, CustomerStatus.DELETED)]))
    for number in range(3):
        world.desk.register(f"c-{number}")
    world.clock.forward(IDLE_AFTER + DAY)
    with pytest.raises(SweepStoppedError):
        world.service.sweep(limits=SweepLimits(most=2))
    assert len(moved(world.service.sweep(limits=SweepLimits(most=3)))) == 3
    assert world.status("c-0") is CustomerStatus.DELETED
