"""Sweeping: the idle are moved and come back when they buy, and nobody else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from organisation import (
    ACME,
    AGENT,
    COLLEAGUE,
    GONE_AFTER,
    IDLE_AFTER,
    MACHINE,
    START,
    STORES,
    Label,
    ShopAction,
    World,
    in_memory,
    opened,
    refusal,
    some_examples,
)

from custstatus import (
    Action,
    Activity,
    ActorKind,
    Applied,
    Channel,
    CustomerStatus,
    Effect,
    Entry,
    Identifier,
    IdleRule,
    InvalidInputError,
    Membership,
    MemoryStore,
    NoLabels,
    OrgConfig,
    Plan,
    Refusal,
    RefusalCode,
    Report,
    RequestedBy,
    Sweep,
)
from custstatus.adapters import ActivityBatch, Log, Snapshot, StoredActivity

ACTIVE, DELETED = CustomerStatus.ACTIVE, CustomerStatus.DELETED
MICROSECOND = timedelta(microseconds=1)
TRANSACTION = Action.TRANSACTION


@pytest.fixture(params=STORES)
def acme(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World[Label]]:
    """The example organisation over each kind of store: Dormant after 180 days, deleted after 730."""
    with opened(request.param, tmp_path, ACME) as world:
        yield world


@pytest.fixture
def idle(acme: World[Label]) -> World[Label]:
    """The same, with customer c swept from TRENDING to DORMANT, by now."""
    acme.desk.register("c", Label.TRENDING)
    acme.clock.forward(IDLE_AFTER + MICROSECOND)
    acme.service.sweep()
    assert acme.label("c") is Label.DORMANT
    return acme


def entries(world: World[Any], sweep: Sweep) -> list[Entry]:
    """The entry of everyone whom a sweep concerns: the one that a preview plans, or the one that was written."""
    made = []
    for row in sweep.rows:
        assert not isinstance(row.outcome, Refusal), row
        if isinstance(row.outcome, Plan):
            (entry,) = row.outcome.entries
        else:
            entry = world.store.page(Log(org="acme", customer=row.customer, limit=100)).items[row.outcome.version - 1]
            before = (row.outcome.customer, row.outcome.version, row.outcome.status, row.outcome.label)
            assert before == (row.customer, entry.version, entry.from_status, entry.from_label)
        made.append(entry)
    return made


def changes(world: World[Any], sweep: Sweep) -> list[tuple[str, str | None, str | None]]:
    """Whom a sweep concerns, and where it puts them."""
    return [(entry.customer, entry.from_label, entry.to_label) for entry in entries(world, sweep)]


class TestMoving:
    def test_who_has_done_nothing_for_longer_than_the_period_is_moved(self, acme: World[Label]) -> None:
        # D60, D63
        acme.desk.register("idle")
        acme.desk.register("bought")
        acme.clock.forward(IDLE_AFTER + MICROSECOND)
        acme.bought("bought", "r")
        assert changes(acme, acme.service.sweep()) == [("idle", "Regular", "Dormant")]
        assert (acme.label("idle"), acme.label("bought")) == (Label.DORMANT, Label.REGULAR)
        assert acme.status("idle") is ACTIVE

    def test_exactly_at_the_limit_is_active(self, acme: World[Label]) -> None:
        # D61
        acme.desk.register("registered")
        acme.desk.register("bought", at=START - timedelta(days=99))
        acme.bought("bought", "r", START)
        acme.clock.forward(IDLE_AFTER)
        assert acme.service.sweep().rows == ()
        acme.clock.forward(MICROSECOND)
        assert [row.customer for row in acme.service.sweep().moved] == ["bought", "registered"]

    def test_the_long_inactive_are_deleted_by_a_second_longer_period(self, acme: World[Label]) -> None:
        # D64
        acme.desk.register("c", identifiers=[Identifier("mobile", "1")])
        acme.clock.forward(IDLE_AFTER + MICROSECOND)
        acme.service.sweep()
        acme.clock.forward(GONE_AFTER - IDLE_AFTER)
        assert changes(acme, acme.service.sweep()) == [("c", "Dormant", "Closed")]
        assert acme.status("c") is DELETED
        assert acme.service.find(Identifier("mobile", "1")) is None

    def test_who_was_never_swept_goes_where_the_longest_period_that_is_over_puts_him(self, acme: World[Label]) -> None:
        # D64
        acme.desk.register("c")
        acme.clock.forward(GONE_AFTER + MICROSECOND)
        assert changes(acme, acme.service.sweep()) == [("c", "Regular", "Closed")]

    @pytest.mark.parametrize(
        "label", [label for label in Label if label.status is not ACTIVE], ids=lambda label: label.name
    )
    def test_no_other_status_is_ever_touched(self, label: Label) -> None:
        # D63
        world = in_memory(ACME)
        world.desk.register("c")
        for step in (Label.UNUSUAL, label) if label is Label.PROVEN else (label,):
            world.make(evolve(world.request("c", step), actor=AGENT))
        assert world.label("c") is label
        world.clock.forward(GONE_AFTER * 2)
        assert world.service.sweep(preview=True).rows == ()
        assert world.service.sweep().rows == ()
        assert world.label("c") is label

    def test_the_entry_says_that_it_was_a_sweep_and_why(self, acme: World[Label]) -> None:
        # D63, D102
        acme.desk.register("c")
        acme.clock.forward(IDLE_AFTER + MICROSECOND)
        sweep = acme.service.sweep(run="night-7")
        entry = list(acme.service.history("c"))[-1]
        assert (entry.actor.kind, entry.channel, entry.requested_by) == (ActorKind.SYSTEM, "sweep", RequestedBy.SYSTEM)
        assert (entry.reason, entry.reason_code) == (None, "idle")
        assert (entry.run, entry.key) == ("night-7", None)
        assert sweep.run == "night-7"
        (row,) = sweep.rows
        assert row.rule == ACME.idle[0]

    def test_a_run_has_an_id_of_its_own_by_default(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        acme.clock.forward(IDLE_AFTER + MICROSECOND)
        sweep = acme.service.sweep()
        assert sweep.run
        assert list(acme.service.history("c"))[-1].run == sweep.run

    @pytest.mark.parametrize("run", ["", "x" * 129, "a\nb", 5])
    def test_a_run_out_of_bounds_is_invalid(self, run: Any, acme: World[Label]) -> None:
        with pytest.raises(InvalidInputError, match="run"):
            acme.service.sweep(run=run)

    def test_sweeping_twice_moves_once(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        acme.clock.forward(IDLE_AFTER + MICROSECOND)
        assert len(acme.service.sweep().moved) == 1
        before = acme.everything()
        assert acme.service.sweep().rows == ()
        assert acme.everything() == before

    def test_any_number_of_customers_is_swept_page_by_page(
        self, acme: World[Label], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("custstatus.operations.sweep.CHUNK", 2)
        for number in range(5):
            acme.desk.register(f"c-{number}")
        acme.clock.forward(IDLE_AFTER + MICROSECOND)
        assert [row.customer for row in acme.service.sweep().moved] == [f"c-{number}" for number in range(5)]

    def test_without_rules_nobody_is_moved(self) -> None:
        world = in_memory(OrgConfig("acme", Label))
        world.desk.register("c")
        world.clock.forward(days=9_999)
        assert world.service.sweep().rows == ()

    def test_without_labels_the_long_inactive_are_deleted(self) -> None:
        # D64
        world = in_memory(OrgConfig("acme", NoLabels, idle=[IdleRule(GONE_AFTER, DELETED)]))
        world.desk.register("c")
        world.clock.forward(GONE_AFTER + MICROSECOND)
        assert [row.customer for row in world.service.sweep().moved] == ["c"]
        assert world.status("c") is DELETED

    def test_a_rule_may_name_the_labels_that_it_touches(self) -> None:
        # D63
        world = in_memory(evolve(ACME, idle=[IdleRule(IDLE_AFTER, Label.DORMANT, [Label.TRENDING])]))
        world.desk.register("regular")
        world.desk.register("trending", Label.TRENDING)
        world.clock.forward(IDLE_AFTER + MICROSECOND)
        assert changes(world, world.service.sweep()) == [("trending", "Trending", "Dormant")]


class TestPreview:
    def test_a_preview_says_what_the_sweep_then_does_and_writes_nothing(self, acme: World[Label]) -> None:
        # D63
        acme.desk.register("gone")
        acme.clock.forward(GONE_AFTER - IDLE_AFTER)
        acme.desk.register("idle", Label.TRENDING)
        acme.desk.register("back")
        acme.service.acting(AGENT).change("back", Label.DORMANT, reason="said so")
        acme.clock.forward(IDLE_AFTER + MICROSECOND)
        acme.store.record(ActivityBatch("acme", (missed(acme, "back"),)))
        before = acme.everything()
        preview = acme.service.sweep(preview=True)
        assert acme.everything() == before
        assert changes(acme, preview) == [
            ("gone", "Regular", "Closed"),
            ("idle", "Trending", "Dormant"),
            ("back", "Dormant", "Regular"),
        ]
        sweep = acme.service.sweep()
        assert changes(acme, sweep) == changes(acme, preview)
        assert entries(acme, sweep) == entries(acme, preview)
        assert [row.rule for row in sweep.rows] == [row.rule for row in preview.rows]

    @some_examples
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([Label.REGULAR, Label.TRENDING, Label.DORMANT, Label.ABROAD, Label.TESTER]),
                st.integers(0, 900),
                st.none() | st.integers(0, 900),
            ),
            max_size=6,
        )
    )
    def test_whoever_is_there_the_preview_is_the_sweep_and_a_second_one_finds_nothing(
        self, customers: list[tuple[Label, int, int | None]]
    ) -> None:
        # D61, D63, D64
        world = in_memory(ACME)
        for number, (label, registered, bought) in enumerate(customers):
            world.desk.register(f"c-{number}", label, reason="r", at=START - timedelta(days=registered))
            if bought is not None:
                sale = missed(world, f"c-{number}", bought)
                world.store.record(ActivityBatch("acme", (sale,)))
        before = world.everything()
        preview = world.service.sweep(preview=True)
        assert world.everything() == before
        sweep = world.service.sweep()
        assert entries(world, sweep) == entries(world, preview)
        assert sweep.refused == ()
        assert world.service.sweep().rows == ()
        for number, (label, registered, bought) in enumerate(customers):
            quiet = registered if bought is None else bought
            expected = label
            if label.status is ACTIVE and quiet > GONE_AFTER.days:
                expected = Label.CLOSED
            elif label.status is ACTIVE and quiet > IDLE_AFTER.days:
                expected = Label.DORMANT
            elif (
                label is Label.DORMANT and bought is not None and bought <= registered
            ):  # bought since he was put there
                expected = Label.REGULAR
            assert world.label(f"c-{number}") is expected


def missed(world: World[Label], customer: str, days_ago: int = 0) -> StoredActivity:
    """A sale as a store keeps it, whose come-back was missed: the process died after recording it, say."""
    at = world.clock() - timedelta(days=days_ago)
    return StoredActivity(customer, "transaction", "missed", at, None, Effect.ALLOW, counts=True)


class TestComingBack:
    def test_whom_staff_put_among_the_idle_stays_there_until_he_buys_again(self, acme: World[Label]) -> None:
        # D63
        acme.desk.register("c")
        acme.bought("c", "r-1")
        acme.clock.forward(days=1)
        acme.service.acting(AGENT).change("c", Label.DORMANT, reason="asked to rest")
        assert acme.service.sweep().rows == ()
        assert acme.label("c") is Label.DORMANT
        acme.clock.forward(days=1)
        assert len(acme.bought("c", "r-2").back) == 1
        assert acme.label("c") is Label.REGULAR

    def test_a_purchase_of_the_day_after_tomorrow_is_no_purchase(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        day = timedelta(days=1)
        with pytest.raises(InvalidInputError, match=r"Activity\.at: expected a time no later than a day from now"):
            acme.bought("c", "r-1", acme.clock() + day + MICROSECOND)
        assert acme.service.activities("c").items == ()
        assert acme.bought("c", "r-1", acme.clock() + day).new == 1

    def test_a_purchase_brings_an_idle_customer_back_to_the_label_before(self, idle: World[Label]) -> None:
        # D63
        idle.clock.forward(days=3)
        report = idle.bought("c", "r")
        ((entry,),) = [applied.entries for applied in report.back]
        assert (entry.from_label, entry.to_label) == ("Dormant", "Trending")
        assert (entry.actor.kind, entry.channel, entry.reason_code) == (ActorKind.SYSTEM, "sweep", "active_again")
        assert entry.reason
        assert idle.label("c") is Label.TRENDING

    def test_a_repeated_report_brings_nobody_back_twice(self, idle: World[Label]) -> None:
        # D63
        idle.bought("c", "r")
        assert idle.bought("c", "r") == Report(0, repeats=(0,))

    def test_a_late_report_of_a_sale_within_the_period_brings_him_back(self, idle: World[Label]) -> None:
        # D63
        assert len(idle.bought("c", "r", idle.clock() - IDLE_AFTER).back) == 1

    def test_one_of_a_sale_before_the_period_does_not(self, idle: World[Label]) -> None:
        # D63
        assert idle.bought("c", "r", idle.clock() - IDLE_AFTER - MICROSECOND).back == ()
        assert idle.label("c") is Label.DORMANT

    def test_a_late_report_never_makes_a_customer_look_less_active(self, acme: World[Label]) -> None:
        # D60
        acme.desk.register("c")
        acme.clock.forward(days=100)
        acme.bought("c", "r-1")
        acme.bought("c", "r-0", START)
        acme.clock.forward(days=100)
        assert acme.service.sweep().rows == ()

    @pytest.mark.parametrize("effect", [Effect.MARK, Effect.BLOCK])
    def test_what_was_marked_or_blocked_brings_nobody_back_and_keeps_nobody_active(
        self, effect: Effect, idle: World[Label]
    ) -> None:
        # D106
        assert idle.bought("c", "r", effect=effect).back == ()
        assert idle.label("c") is Label.DORMANT
        idle.desk.register("d", at=START)
        idle.bought("d", "r", effect=effect)
        assert [row.customer for row in idle.service.sweep().moved] == ["d"]

    def test_nor_does_what_does_not_count(self, idle: World[Label]) -> None:
        # D60
        report = idle.service.record(
            Activity("c", Action.LOGIN, "r", idle.clock()), Activity("c", ShopAction.GIFT_WRAP, "r", idle.clock())
        )
        assert (report.new, report.back) == (2, ())

    def test_which_kinds_count_is_configured(self) -> None:
        # D60
        world = in_memory(evolve(ACME, counts_as_activity=[ShopAction.GIFT_WRAP]))
        world.desk.register("c", Label.TRENDING)
        world.clock.forward(IDLE_AFTER + MICROSECOND)
        world.service.sweep()
        assert world.bought("c", "r").back == ()
        assert len(world.service.record(Activity("c", ShopAction.GIFT_WRAP, "r", world.clock())).back) == 1

    def test_the_sweep_makes_up_for_a_come_back_that_was_missed(self, idle: World[Label]) -> None:
        # D63
        idle.store.record(ActivityBatch("acme", (missed(idle, "c"),)))
        assert idle.label("c") is Label.DORMANT
        sweep = idle.service.sweep()
        assert [row.customer for row in sweep.back] == ["c"]
        assert (sweep.moved, sweep.refused) == ((), ())
        assert idle.label("c") is Label.TRENDING

    def test_a_batch_brings_back_all_of_its_idle_customers(self, idle: World[Label]) -> None:
        # D63
        idle.desk.register("d", Label.DORMANT)
        idle.desk.register("e")
        sales = [Activity(customer, TRANSACTION, "r", idle.clock()) for customer in "ecdx"]
        report = idle.service.record(iter(sales))
        assert (report.new, report.repeated, report.unrecorded, report.unknown) == (3, 0, 1, ("x",))
        assert sorted(applied.entries[0].customer for applied in report.back) == ["c", "d"]

    def test_who_was_idle_from_the_first_comes_back_to_the_default_label(self, acme: World[Label]) -> None:
        # D63
        acme.desk.register("c", Label.DORMANT)
        acme.bought("c", "r")
        assert acme.label("c") is Label.REGULAR

    def test_a_label_that_an_agent_has_put_him_under_comes_back_too(self, acme: World[Label]) -> None:
        # D63
        acme.desk.register("c", Label.TRENDING)
        acme.desk.change("c", Label.DORMANT, reason="abroad for a year")
        acme.clock.forward(days=1)
        acme.bought("c", "r")
        assert acme.label("c") is Label.TRENDING

    def test_an_idle_label_that_an_agent_has_left_leaves_no_way_back(self, idle: World[Label]) -> None:
        # D63
        idle.desk.change("c", Label.REGULAR, reason="called him")
        assert idle.bought("c", "r").back == ()
        assert idle.label("c") is Label.REGULAR
        came = refusal(lambda: idle.desk.restore("c", reason="r"))
        assert came.codes == {RefusalCode.NOTHING_TO_RESTORE}

    def test_the_second_time_he_comes_back_to_where_he_was_the_second_time(self, idle: World[Label]) -> None:
        # D63
        idle.bought("c", "r-1")
        idle.desk.change("c", Label.REGULAR, reason="r")
        idle.clock.forward(IDLE_AFTER + MICROSECOND)
        idle.service.sweep()
        assert idle.label("c") is Label.DORMANT
        idle.bought("c", "r-2")
        assert idle.label("c") is Label.REGULAR

    def test_an_idle_customer_who_is_suspected_comes_back_step_by_step(self, idle: World[Label]) -> None:
        # D63, D95: nobody buys his way out of a suspicion.
        idle.desk.change("c", Label.UNUSUAL, reason="odd")
        assert idle.bought("c", "r").back == ()
        assert idle.label("c") is Label.UNUSUAL
        idle.desk.restore("c", reason="cleared")
        assert idle.label("c") is Label.DORMANT
        assert [row.customer for row in idle.service.sweep().back] == ["c"]
        assert idle.label("c") is Label.TRENDING

    @pytest.mark.parametrize("label", [Label.UNUSUAL, Label.ABROAD, Label.TESTER], ids=lambda label: label.name)
    def test_nobody_buys_his_way_back_to_another_status(self, label: Label, acme: World[Label]) -> None:
        # D63: who came to an idle label from elsewhere comes back to the default label of ACTIVE.
        acme.desk.register("c", Label.TRENDING)
        acme.make(evolve(acme.request("c", label), actor=AGENT))
        acme.desk.change("c", Label.DORMANT, reason="over, but not heard of since")
        assert len(acme.bought("c", "r").back) == 1
        assert acme.label("c") is Label.REGULAR

    def test_whoever_stands_elsewhere_is_left_alone_by_a_purchase(self, acme: World[Label]) -> None:
        # D63
        for label in (Label.ABROAD, Label.UNUSUAL, Label.TESTER, Label.REGULAR):
            acme.desk.register(label.name, label, reason="r")
            assert acme.bought(label.name, "r").back == ()
            assert acme.label(label.name) is label


class Buying(MemoryStore):
    """A store in which a customer buys between the sweep's reading and its writing."""

    def __init__(self) -> None:
        super().__init__()
        self.sale: Any = None

    def commit(self, plan: Plan) -> Applied | Snapshot:
        if self.sale is not None:
            self.record(ActivityBatch("acme", (self.sale,)))
        return super().commit(plan)


class TestRaces:
    def test_a_purchase_in_flight_is_not_overtaken(self) -> None:
        # D63
        store = Buying()
        world = World(ACME, store)
        world.desk.register("c")
        world.clock.forward(IDLE_AFTER + MICROSECOND)
        store.sale = missed(world, "c")
        sweep = world.service.sweep()
        (row,) = sweep.refused
        assert isinstance(row.outcome, Refusal)
        assert row.outcome.codes == {RefusalCode.NOT_INACTIVE}
        assert sweep.moved == ()
        assert world.label("c") is Label.REGULAR

    @pytest.mark.parametrize("label", [Label.TESTER, Label.ABROAD], ids=lambda label: label.name)
    def test_who_was_moved_elsewhere_meanwhile_is_left_there(self, label: Label) -> None:
        # D63
        world = in_memory(ACME)
        world.desk.register("c")
        world.clock.forward(IDLE_AFTER + MICROSECOND)
        customer_ids = world.store.page

        def then_suspended(query: Any) -> Any:
            page = customer_ids(query)
            if page.items and world.label("c") is Label.REGULAR:
                world.service.acting(COLLEAGUE).change("c", label, reason="meanwhile")
            return page

        world.store.page = then_suspended  # type: ignore[method-assign]
        sweep = world.service.sweep()
        (row,) = sweep.refused
        assert isinstance(row.outcome, Refusal)
        assert RefusalCode.NOT_FROM_HERE in row.outcome.codes
        assert world.label("c") is label

    def test_a_run_begun_again_brings_back_whom_somebody_changes_meanwhile(self) -> None:
        # D63
        world = in_memory(ACME)
        world.desk.register("c")
        world.clock.forward(IDLE_AFTER + MICROSECOND)
        world.service.sweep(run="r")
        world.under(evolve(ACME, idle=[])).bought("c", "late", world.clock())
        commit, joined = world.store.commit, []

        def after_another(plan: Any) -> Any:
            if plan.entries[-1].run == "r" and not joined:
                joined.append(world.desk.change("c", Membership.ENROLLED, reason="joins"))
            return commit(plan)

        world.store.commit = after_another  # type: ignore[method-assign]
        assert [row.customer for row in world.service.sweep(run="r").back] == ["c"]
        assert world.label("c") is Label.REGULAR
        assert joined


def test_reports_add_up() -> None:
    first = Report(1, 1, (1, 3), ("b",))
    assert first + Report(3, 2, (0, 2), ("a", "b")) == Report(4, 3, (1, 3, 4, 6), ("a", "b"))
    assert (first.repeated, (first + first).repeats, Report(0) + first) == (2, (1, 3, 5, 7), first)


def test_the_sweeps_own_way_is_no_privilege_of_it(acme: World[Label]) -> None:
    # D54, D63: the sweep passes the same gate, and gives the reason that its moves need.
    acme.desk.register("c")
    came = refusal(lambda: acme.service.acting(MACHINE, Channel.SWEEP).change("c", Label.DORMANT))
    assert came.codes == {RefusalCode.REASON_NEEDED}
