"""Flows: one write path for every store, what it answers when others come first, previews, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from attrs import define, evolve
from hypothesis import given
from hypothesis import strategies as st
from organisation import (
    ACME,
    AGENT,
    COLLEAGUE,
    CONSENT,
    MACHINE,
    START,
    STORES,
    Consent,
    Label,
    World,
    finished,
    in_memory,
    opened,
    outcome,
    some_examples,
)
from pausing import pausing

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Account,
    Action,
    Activity,
    Applied,
    Channel,
    ClientState,
    ConflictError,
    CustomerStatus,
    Lifecycle,
    Membership,
    MemoryStore,
    NoLabels,
    OrgConfig,
    Plan,
    Reason,
    Refusal,
    RefusalCode,
    RefusedError,
    RequestedBy,
    Status,
    StatusLabel,
    StoreError,
    Transition,
    Warned,
)
from custstatus.adapters import PreparedChange, SetResult, SetRow, Snapshot, Store
from custstatus.adapters._made.awaited import Awaited
from custstatus.aio import AsyncStore
from custstatus.gate import loop
from custstatus.testing.laws import PlannedApply

T = TypeVar("T")

ACTIVE, SUSPENDED, DELETED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED, CustomerStatus.DELETED
PENDING = CustomerStatus.PENDING_DELETION


@pytest.fixture(params=STORES)
def acme(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World[Label]]:
    """The example organisation over each kind of store."""
    with opened(request.param, tmp_path, ACME) as world:
        yield world


def refused(outcome: object) -> frozenset[RefusalCode]:
    """The codes of a refusal."""
    assert isinstance(outcome, Refusal), outcome
    return outcome.codes


class Contended(MemoryStore):
    """A store in which others come first, for as many commits as it is told."""

    def __init__(self, times: int, meanwhile: Any = lambda: None) -> None:
        super().__init__()
        self.times = times
        self.meanwhile = meanwhile
        self.commits = 0

    def commit(self, plan: Plan) -> Applied | Snapshot:
        self.commits += 1
        if self.commits <= self.times:
            self.meanwhile()
            return self.read(plan.prepared)
        return super().commit(plan)


class TestOthersComeFirst:
    def test_a_change_is_planned_anew_until_it_goes_through(self) -> None:
        world = World(ACME, Contended(loop.ATTEMPTS - 1))
        world.desk.register("c")
        assert world.label("c") is Label.REGULAR

    def test_after_every_attempt_it_is_a_conflict_and_nothing_was_written(self) -> None:
        world = World(ACME, Contended(loop.ATTEMPTS))
        with pytest.raises(ConflictError) as refused:
            world.desk.register("c")
        assert (refused.value.org, refused.value.customer, refused.value.attempts) == ("acme", "c", loop.ATTEMPTS)
        assert world.store.load("acme", "c") is None

    def test_a_restoration_is_likewise(self) -> None:
        store = Contended(0)
        world = World(ACME, store)
        world.desk.register("c")
        world.desk.change("c", Label.UNUSUAL, reason="odd")
        store.times = store.commits + loop.ATTEMPTS
        with pytest.raises(ConflictError):
            world.desk.restore("c", reason="cleared")
        assert world.label("c") is Label.UNUSUAL
        world.desk.restore("c", reason="cleared")
        assert world.label("c") is Label.REGULAR

    def test_what_others_did_meanwhile_is_planned_over(self) -> None:
        store = Contended(0)
        world = World(ACME, store)
        world.desk.register("c")
        store.times = store.commits + 1
        store.meanwhile = lambda: _raw(world, store, "c", Label.TRENDING)
        world.desk.change("c", Label.LOST_PHONE, reason="lost")
        assert [entry.to_label for entry in world.service.history("c")][1:] == ["Regular", "Trending", "Lost phone"]

    def test_what_others_did_meanwhile_may_be_a_reason_to_refuse(self) -> None:
        store = Contended(0)
        world = World(ACME, store)
        world.desk.register("c")
        store.times = store.commits + 1
        store.meanwhile = lambda: _raw(world, store, "c", Label.CLOSED)
        with pytest.raises(RefusedError) as caught:
            world.desk.change("c", Label.LOST_PHONE, reason="lost")
        assert RefusalCode.CLOSED in caught.value.refusal.codes

    def test_an_expected_version_is_not_planned_over(self) -> None:
        store = Contended(0)
        world = World(ACME, store)
        world.desk.register("c")
        store.times = store.commits + 1
        store.meanwhile = lambda: _raw(world, store, "c", Label.TRENDING)
        with pytest.raises(RefusedError) as caught:
            world.desk.change("c", Label.LOST_PHONE, reason="lost", expected=2)
        assert caught.value.refusal.codes == {RefusalCode.OTHER_VERSION}

    def test_the_same_request_from_elsewhere_meanwhile_makes_it_a_replay(self) -> None:
        store = Contended(0)
        world = World(ACME, store)
        store.times = 1
        store.meanwhile = lambda: world.desk.register("c", key="k")
        assert world.desk.register("c", key="k").replayed
        assert len(world.service.history("c")) == 2

    @pytest.mark.parametrize("times", [0, 1, loop.ATTEMPTS - 1])
    def test_warnings_come_with_the_answer_whenever_it_goes_through(self, times: int) -> None:
        # D2
        class OnlyGone(StatusLabel):
            GONE = "Gone", DELETED

        world = World(OrgConfig("acme", OnlyGone), Contended(times))
        assert world.desk.register("c", key="k").warnings == (Warned.NO_DEFAULT_LABEL,)
        again = world.desk.register("c", key="k")
        assert again.replayed
        assert again.warnings == (Warned.NO_DEFAULT_LABEL,)


def _raw(world: World[Label], store: Contended, customer: str, label: Label) -> None:
    """Another writer's change, which is not held up itself."""
    times, store.times = store.times, 0
    world.service.acting(COLLEAGUE, Channel.IMPORT).change(customer, label, reason="meanwhile")
    store.times = times


class TestRunning:
    def test_an_error_of_the_store_reaches_the_caller(self) -> None:
        class Failing(MemoryStore):
            def load(self, org: str, customer: str) -> Account | None:
                raise StoreError("no disk")

        world = World(ACME, Failing())
        with pytest.raises(StoreError, match="no disk"):
            world.service.account("c")

    def test_what_waits_though_the_store_blocks_is_ended_there(self) -> None:
        async def arriving() -> AsyncIterator[Activity]:
            await asyncio.sleep(0)
            yield Activity("c", Action.TRANSACTION, "r-1", START)

        world = in_memory(ACME)
        world.desk.register("c")
        sales: Any = arriving()
        with pytest.raises(RuntimeError, match="a store that blocks has waited"):
            world.service.record(sales)
        assert world.service.activities("c").items == ()
        assert world.service.record(Activity("c", Action.TRANSACTION, "r-1", START)).new == 1


Work = Callable[[AsyncStore], Coroutine[Any, Any, T]]


def at_once(work: Work[T], store: Store) -> T:
    """What comes of work over a store that blocks: all of it at one step."""
    return finished(work(Awaited(store)))


def in_its_time(work: Work[T], store: Store) -> T:
    """What comes of it over one that is awaited, and that lets others go on in between."""
    return asyncio.run(work(pausing(store)))


@pytest.mark.parametrize("run", [at_once, in_its_time])
class TestEachWay:
    """The coroutines themselves, over a store that blocks and over one that is awaited."""

    def test_a_change_is_made(self, run: Any) -> None:
        world = in_memory(ACME)
        world.desk.register("c")
        asked = world.request("c", Label.ABROAD)
        made = run(lambda store: loop.make(store, asked, ACME, world.clock()), world.store)
        assert isinstance(made, Applied)
        assert made.entries == world.service.history("c").items[-1:]
        assert world.label("c") is Label.ABROAD

    def test_a_refused_one_writes_nothing(self, run: Any) -> None:
        world = in_memory(ACME)
        world.desk.register("c")
        before = world.everything()
        for targets in ([Membership.MERGED], [PENDING], [Label.ABROAD, ClientState.EXCLUDED]):
            asked = world.request("c", *targets, system_operation=False, reason=None)
            answer = run(lambda store: loop.make(store, asked, ACME, world.clock()), world.store)  # noqa: B023
            assert isinstance(answer, Refusal)
            assert answer == run(lambda store: loop.preview(store, asked, ACME, world.clock()), world.store)  # noqa: B023
        assert world.everything() == before

    def test_a_preview_says_what_is_then_done_and_writes_nothing(self, run: Any) -> None:
        world = in_memory(ACME)
        world.desk.register("c")
        before = world.everything()
        asked = world.request("c", PENDING)
        planned = run(lambda store: loop.preview(store, asked, ACME, world.clock()), world.store)
        assert isinstance(planned, Plan)
        assert world.everything() == before
        assert planned.entries == world.operate("c", PENDING).entries

    def test_options_are_what_previews_say(self, run: Any) -> None:
        world = in_memory(ACME)
        world.desk.register("c")
        asked = world.request("c")
        before = world.everything()
        options = run(lambda store: loop.options(store, asked, CUSTOMER_STATUS, ACME, world.clock()), world.store)
        assert world.everything() == before
        assert [option.target for option in options] == list(Label)
        for option in options:
            each = world.request("c", option.target)
            previewed = run(lambda store: loop.preview(store, each, ACME, world.clock()), world.store)  # noqa: B023
            assert option.refusal == (previewed if isinstance(previewed, Refusal) else None)

    def test_a_restoration_leads_back(self, run: Any) -> None:
        world = in_memory(ACME)
        world.desk.register("c", Label.TRENDING)
        world.operate("c", PENDING)
        before = world.everything()
        asked = world.request("c")

        def restored(*, preview: bool) -> Any:
            return run(
                lambda store: loop.restore(store, asked, CUSTOMER_STATUS, ACME, world.clock(), preview=preview),
                world.store,
            )

        planned = restored(preview=True)
        assert isinstance(planned, Plan)
        assert world.everything() == before
        assert restored(preview=False).entries == planned.entries
        assert world.label("c") is Label.TRENDING
        assert refused(restored(preview=False)) == {RefusalCode.NOTHING_TO_RESTORE}

    def test_of_a_set_each_is_changed_or_refused(self, run: Any) -> None:
        world = in_memory(ACME)
        for customer in ("a", "b", "closed"):
            world.desk.register(customer)
        world.desk.change("closed", Label.CLOSED, reason="at the customer's request")
        asked = evolve(world.request("", Label.ABROAD), run="r-1")
        rows = [SetRow(customer) for customer in ("b", "closed", "a", "nobody")]

        def done(*, preview: bool = False, reasons: tuple[Reason, ...] = ()) -> Any:
            return run(
                lambda store: loop.make_set(store, asked, rows, ACME, world.clock(), preview=preview, reasons=reasons),
                world.store,
            )

        before = world.everything()
        assert [type(each) for each in done(preview=True)] == [Plan, Refusal, Plan, Refusal]
        reason = Reason(RefusalCode.REASON_NEEDED, "somebody has to approve it")
        assert all(RefusalCode.REASON_NEEDED in refused(each) for each in done(reasons=(reason,)))
        assert world.everything() == before
        one, closed, other, nobody = done()
        assert (one, other) == (SetResult("b", 3, "active", "Regular"), SetResult("a", 3, "active", "Regular"))
        assert RefusalCode.CLOSED in refused(closed)
        assert refused(nobody) == {RefusalCode.UNKNOWN_CUSTOMER}
        assert [each.replayed for each in done() if isinstance(each, SetResult)] == [True, True]

    @pytest.mark.parametrize("verb", ["make", "restore", "make_set"])
    def test_it_is_tried_as_often_as_said_and_then_a_conflict(self, verb: str, run: Any) -> None:
        store = Contended(0)
        world = World(ACME, store)
        world.desk.register("c", Label.TRENDING)
        world.operate("c", PENDING)
        planned = PlannedApply(store)
        asked = world.request("c", Label.TRENDING)
        work: dict[str, Any] = {
            "make": lambda store: loop.make(store, asked, ACME, world.clock()),
            "restore": lambda store: loop.restore(store, asked, CUSTOMER_STATUS, ACME, world.clock()),
            "make_set": lambda store: loop.make_set(
                store, evolve(asked, run="r-1"), [SetRow("c")], ACME, world.clock()
            ),
        }
        before, begun = world.everything(), store.commits
        store.times = begun + loop.ATTEMPTS
        with pytest.raises(ConflictError) as caught:
            run(work[verb], planned)
        assert (caught.value.org, caught.value.customer, caught.value.attempts) == ("acme", "c", loop.ATTEMPTS)
        assert store.commits == begun + loop.ATTEMPTS
        assert world.everything() == before
        store.times = store.commits + loop.ATTEMPTS - 1
        run(work[verb], planned)
        assert world.label("c") is Label.TRENDING

    def test_what_the_store_raises_is_raised_by_it(self, run: Any) -> None:
        class Failing(MemoryStore):
            def read(self, prepared: PreparedChange) -> Snapshot:
                raise StoreError("no disk")

        world = World(ACME, Failing())
        with pytest.raises(StoreError, match="no disk"):
            run(lambda store: loop.preview(store, world.request("c"), ACME, world.clock()), world.store)

    def test_what_awaits_the_store_may_catch_that_and_go_on(self, run: Any) -> None:
        class Failing(MemoryStore):
            def load(self, org: str, customer: str) -> Account | None:
                raise StoreError("no disk")

        async def going_on(store: AsyncStore) -> tuple[str, ...]:
            try:
                await store.load("acme", "c")
            except StoreError:
                return await store.organisations()
            return ("nothing was raised",)

        assert run(going_on, Failing()) == ()


AFTER_HOLD = {Membership.ENROLLED: "reactivate", Membership.ACTIVE: "reactivate_known"}


class TestGoingBack:
    def test_clearing_restores_status_and_label_before_the_suspicion(self, acme: World[Label]) -> None:
        # D8, D95
        acme.desk.register("c", Label.TRENDING)
        acme.desk.change("c", Label.WATCHED, reason="unusual")
        (entry,) = acme.desk.restore("c", reason="not fraud").entries
        assert (entry.from_label, entry.to_label) == ("Watched", "Trending")

    def test_confirmed_fraud_that_was_wrong_goes_back_beyond_the_suspicion(self, acme: World[Label]) -> None:
        # D8, D96: nested, and not to the status before the last move.
        acme.desk.register("c")
        acme.desk.change("c", Label.ABROAD, reason="travels")
        acme.desk.change("c", Label.UNUSUAL, reason="odd")
        acme.desk.change("c", Label.PROVEN, reason="seen")
        (entry,) = acme.desk.restore("c", reason="appeal won").entries
        assert (entry.from_status, entry.to_status, entry.to_label) == ("fraud_confirmed", "suspended", "Abroad")
        assert acme.label("c") is Label.ABROAD
        with pytest.raises(RefusedError) as caught:
            acme.desk.restore("c", reason="again")
        assert caught.value.refusal.codes == {RefusalCode.NOTHING_TO_RESTORE}

    def test_confirmed_fraud_leads_to_suspended_only_where_it_was_so(self, acme: World[Label]) -> None:
        # D96
        acme.desk.register("c")
        acme.desk.change("c", Label.UNUSUAL, reason="odd")
        acme.desk.change("c", Label.PROVEN, reason="seen")
        assert refused(acme.desk.preview("c", Label.ABROAD, reason="no")) == {RefusalCode.NOT_WHERE_IT_WAS}
        acme.desk.change("c", Label.TRENDING, reason="an appeal may put him anywhere in ACTIVE")
        assert acme.label("c") is Label.TRENDING

    def test_reopening_keeps_the_way_back(self, acme: World[Label]) -> None:
        # D96
        acme.desk.register("c", Label.TRENDING)
        for label in (Label.UNUSUAL, Label.PROVEN, Label.WATCHED, Label.UNUSUAL):
            acme.desk.change("c", label, reason="on it goes")
        acme.desk.restore("c", reason="cleared")
        assert acme.label("c") is Label.TRENDING

    def test_a_cancelled_deletion_restores_status_and_label(self, acme: World[Label]) -> None:
        # D11
        acme.desk.register("c")
        acme.desk.change("c", Label.ABROAD, reason="travels")
        acme.operate("c", PENDING)
        assert acme.label("c") is Label.LEAVING
        restored = acme.restore("c")
        assert isinstance(restored, Applied)
        assert acme.label("c") is Label.ABROAD

    def test_a_pending_deletion_is_entered_and_left_by_the_system_only(self, acme: World[Label]) -> None:
        # D11
        acme.desk.register("c")
        wanted = {RefusalCode.SYSTEM_OPERATION_NEEDED}
        assert refused(acme.desk.preview("c", PENDING, reason="at the customer's request")) == wanted
        acme.operate("c", PENDING)
        with pytest.raises(RefusedError) as caught:
            acme.desk.restore("c", reason="changed my mind")
        assert caught.value.refusal.codes == wanted
        assert refused(acme.desk.preview("c", Label.CLOSED, reason="now")) == wanted

    def test_a_cancelled_deletion_leads_nowhere_else(self, acme: World[Label]) -> None:
        # D11
        acme.desk.register("c", Label.TRENDING)
        acme.operate("c", PENDING)
        for other in (Label.REGULAR, Label.ABROAD, Label.UNUSUAL, Label.PROVEN, Label.TESTER):
            assert refused(acme.make(acme.request("c", other))) == {RefusalCode.NOT_WHERE_IT_WAS}
        assert isinstance(acme.make(acme.request("c", Label.TRENDING)), Applied)

    def test_the_waiting_period_ends_in_deletion(self, acme: World[Label]) -> None:
        # D11
        acme.desk.register("c")
        acme.operate("c", PENDING)
        acme.operate("c", Label.CLOSED)
        assert acme.status("c") is DELETED

    def test_a_pending_deletion_of_a_suspected_account_is_nested_in_the_suspicion(self, acme: World[Label]) -> None:
        # D11, D95, D98
        acme.desk.register("c", Label.TRENDING)
        acme.desk.change("c", Label.WATCHED, reason="odd")
        acme.operate("c", PENDING)
        acme.restore("c")
        assert acme.label("c") is Label.WATCHED
        acme.desk.restore("c", reason="cleared")
        assert acme.label("c") is Label.TRENDING

    def test_a_hold_restores_the_former_state_with_no_loss(self, acme: World[Label]) -> None:
        # D70
        for former in AFTER_HOLD:
            acme.desk.register(former.value, former)
            acme.desk.change(former.value, Membership.ON_HOLD, reason="asked for")
            assert acme.desk.restore(former.value, MEMBERSHIP, reason="back").entries[0].to_status == former.value

    def test_from_a_hold_only_reactivation_is_open(self, acme: World[Label]) -> None:
        # D68, D70
        acme.desk.register("c", Membership.ENROLLED)
        acme.desk.change("c", Membership.ON_HOLD, reason="asked for")
        options = {
            option.target: option.refusal for option in acme.desk.options("c", MEMBERSHIP, reason="what is open?")
        }
        assert [target for target, refusal in options.items() if refusal is None] == [Membership.ENROLLED]
        assert refused(options[Membership.UNENROLLED]) == {RefusalCode.NO_TRANSITION}
        assert refused(options[Membership.ACTIVE]) == {RefusalCode.NOT_WHERE_IT_WAS}

    def test_a_suspicion_during_a_hold_and_the_hold_end_each_by_itself(self, acme: World[Label]) -> None:
        # D95, D70: independent axes, a change on one never moves another.
        acme.desk.register("c", Label.TRENDING, Membership.ENROLLED)
        acme.desk.change("c", Membership.ON_HOLD, reason="asked for")
        acme.desk.change("c", Label.UNUSUAL, reason="odd")
        assert acme.service.standing("c", MEMBERSHIP, at=acme.clock()) is not None
        acme.desk.restore("c", MEMBERSHIP, reason="back")
        assert acme.label("c") is Label.UNUSUAL
        acme.desk.restore("c", reason="cleared")
        standing = acme.service.standing("c", MEMBERSHIP)
        assert standing is not None
        assert (acme.label("c"), standing.status) == (Label.TRENDING, Membership.ENROLLED)

    def test_with_nothing_to_restore_it_says_so_and_writes_nothing(self, acme: World[Label]) -> None:
        acme.desk.register("c")
        before = acme.everything()
        for lifecycle in (CUSTOMER_STATUS, MEMBERSHIP, CLIENT_STATE):
            with pytest.raises(RefusedError) as caught:
                acme.desk.restore("c", lifecycle, reason="back")
            assert caught.value.refusal.codes == {RefusalCode.NOTHING_TO_RESTORE}
        assert acme.everything() == before

    def test_restoring_needs_what_the_move_needs(self, acme: World[Label]) -> None:
        # D92
        acme.desk.register("c")
        acme.desk.change("c", Label.UNUSUAL, reason="odd")
        with pytest.raises(RefusedError) as caught:
            acme.service.acting(MACHINE).restore("c")
        assert caught.value.refusal.codes == {RefusalCode.PERSON_NEEDED, RefusalCode.REASON_NEEDED}

    def test_a_restoration_planned_dry_writes_nothing_and_is_what_it_then_does(self, acme: World[Label]) -> None:
        acme.desk.register("c", Label.TRENDING)
        acme.operate("c", PENDING)
        before = acme.everything()
        planned = acme.restore("c", preview=True)
        assert isinstance(planned, Plan)
        assert acme.everything() == before
        made = acme.restore("c")
        assert isinstance(made, Applied)
        assert made.entries == planned.entries

    def test_a_restoration_is_replayed_by_its_key(self, acme: World[Label]) -> None:
        acme.desk.register("c", Label.TRENDING)
        acme.desk.change("c", Label.UNUSUAL, reason="odd")
        first = acme.desk.restore("c", reason="cleared", key="k")
        again = acme.desk.restore("c", reason="cleared", key="k")
        assert again.replayed
        assert again.entries == first.entries

    def test_a_lifecycle_of_the_hosts_own_goes_back_the_same_way(self) -> None:
        world = in_memory(evolve(ACME, lifecycles=[CUSTOMER_STATUS, CONSENT]))
        for former in (Consent.ASKED, Consent.GIVEN):
            world.desk.register(former.value, Consent.ASKED)
            if former is Consent.GIVEN:
                world.operate(former.value, former, requested_by=RequestedBy.CUSTOMER)
            world.desk.change(former.value, Consent.PAUSED, reason="later")
            other = Consent.GIVEN if former is Consent.ASKED else Consent.ASKED
            assert refused(world.desk.preview(former.value, other, reason="no")) == {RefusalCode.NOT_WHERE_IT_WAS}
            assert world.desk.restore(former.value, CONSENT, reason="on").entries[0].to_status == former.value


class TestGoingBackOnALifecycleWithoutARow:
    """One that was switched on after the customer had registered, and on which nothing was done since."""

    @pytest.fixture
    def aside(self, acme: World[Label]) -> World[Label]:
        """Customer c, set aside on customer status before membership and client state are on."""
        before = acme.under(evolve(ACME, lifecycles=[CUSTOMER_STATUS]))
        before.desk.register("c", Label.TRENDING)
        before.desk.change("c", Label.UNUSUAL, reason="odd")
        return acme

    def test_there_is_nothing_to_restore_though_another_is_set_aside(self, aside: World[Label]) -> None:
        # D70, D95
        before = aside.everything()
        for lifecycle in (MEMBERSHIP, CLIENT_STATE):
            with pytest.raises(RefusedError) as caught:
                aside.desk.restore("c", lifecycle, reason="back")
            assert caught.value.refusal.codes == {RefusalCode.NOTHING_TO_RESTORE}
            assert refused(aside.restore("c", lifecycle)) == {RefusalCode.NOTHING_TO_RESTORE}
        assert aside.everything() == before

    def test_the_other_goes_back_all_the_same(self, aside: World[Label]) -> None:
        aside.desk.restore("c", reason="cleared")
        assert aside.label("c") is Label.TRENDING
        with pytest.raises(RefusedError) as caught:
            aside.desk.restore("c", MEMBERSHIP, reason="back")
        assert caught.value.refusal.codes == {RefusalCode.NOTHING_TO_RESTORE}


class Fewer(StatusLabel):
    """The example's labels without TRENDING."""

    REGULAR = "Regular", ACTIVE
    UNUSUAL = "Unusual", CustomerStatus.FRAUD_SUSPECTED
    LEAVING = "Leaving", PENDING
    CLOSED = "Closed", DELETED


class TestGoingBackUnderAnotherConfiguration:
    FEWER: OrgConfig[Fewer] = OrgConfig("acme", Fewer)
    NONE: OrgConfig[NoLabels] = OrgConfig("acme", NoLabels)

    def test_a_label_retired_meanwhile_is_stood_in_for_by_the_default(self) -> None:
        # D24, D95
        world = in_memory(ACME)
        world.desk.register("c", Label.TRENDING)
        world.desk.change("c", Label.UNUSUAL, reason="odd")
        later = world.under(self.FEWER)
        later.desk.restore("c", reason="cleared")
        assert later.label("c") is Fewer.REGULAR

    def test_also_where_the_move_leads_only_back(self) -> None:
        # D11, D24
        world = in_memory(ACME)
        world.desk.register("c", Label.TRENDING)
        world.operate("c", PENDING)
        later = world.under(self.FEWER)
        assert isinstance(later.restore("c"), Applied)
        assert later.label("c") is Fewer.REGULAR

    def test_a_suspicion_from_before_there_were_labels_goes_back_to_the_default(self) -> None:
        world = in_memory(self.NONE)
        world.desk.register("c")
        world.desk.change("c", CustomerStatus.FRAUD_SUSPECTED, reason="odd")
        later = world.under(self.FEWER)
        later.desk.restore("c", reason="cleared")
        assert later.label("c") is Fewer.REGULAR

    def test_also_where_that_move_leads_only_back(self) -> None:
        # D11
        world = in_memory(self.NONE)
        world.desk.register("c")
        world.operate("c", PENDING)
        later = world.under(self.FEWER)
        assert isinstance(later.restore("c"), Applied)

    def test_a_status_that_the_code_lost_is_told_as_such(self) -> None:
        class Before(Status):
            OPEN = "open"
            OLD = "old"
            PAUSED = "paused"

        class After(Status):
            OPEN = "open"
            PAUSED = "paused"

        def review(statuses: Any, *sources: Any) -> Lifecycle[Any]:
            transitions = [Transition(None, each, f"start_{each.value}") for each in sources]
            transitions += [Transition(each, statuses.PAUSED, "pause") for each in sources]
            transitions += [Transition(statuses.PAUSED, each, f"resume_{each.value}", back=True) for each in sources]
            return Lifecycle("review", statuses, tuple(transitions), aside=(frozenset({statuses.PAUSED}),))

        world = in_memory(evolve(ACME, lifecycles=[CUSTOMER_STATUS, review(Before, Before.OPEN, Before.OLD)]))
        world.desk.register("c", Before.OLD)
        world.desk.change("c", Before.PAUSED, reason="later")
        after = review(After, After.OPEN)
        later = world.under(evolve(ACME, lifecycles=[CUSTOMER_STATUS, after]))
        with pytest.raises(StoreError, match="'old'"):
            later.desk.restore("c", after, reason="on")


PLACES: list[Status | StatusLabel] = [*Label, *Membership]


@define
class Walked:
    """A customer after a few steps, and the world that he is in."""

    world: World[Label]
    steps: list[Status | StatusLabel]


@st.composite
def walks(draw: st.DrawFn) -> Walked:
    """A customer whom some changes have put somewhere, set aside or not."""
    world = in_memory(ACME)
    world.desk.register("c")
    steps = draw(st.lists(st.sampled_from(PLACES), max_size=5))
    for target in steps:
        world.clock.forward(hours=1)
        request = world.request("c", target)
        world.make(evolve(request, actor=AGENT) if draw(st.booleans()) else request)
    return Walked(world, steps)


class TestPreviews:
    @some_examples
    @given(walks(), st.sampled_from(PLACES), st.sampled_from([None, " ", "a reason"]), st.booleans())
    def test_a_preview_is_what_the_change_then_does(
        self, walked: Walked, target: Any, reason: str | None, wrong_version: bool
    ) -> None:
        world = walked.world
        expected = 99 if wrong_version else None
        before = world.everything()
        previewed = world.desk.preview("c", target, reason=reason, expected=expected)
        assert world.everything() == before
        made = outcome(lambda: world.desk.change("c", target, reason=reason, expected=expected))
        if isinstance(made, Refusal):
            assert isinstance(previewed, Refusal)
            assert previewed.reasons == made.reasons
            assert world.everything() == before
        else:
            assert isinstance(made, Applied)
            assert isinstance(previewed, Plan)
            assert previewed.entries == made.entries

    @some_examples
    @given(walks(), st.sampled_from([None, "a reason"]), st.sampled_from([CUSTOMER_STATUS, MEMBERSHIP]))
    def test_each_move_is_as_open_as_its_preview_says(
        self, walked: Walked, reason: str | None, lifecycle: Lifecycle[Any]
    ) -> None:
        world = walked.world
        before = world.everything()
        options = world.desk.options("c", lifecycle, reason=reason)
        assert world.everything() == before
        places = list(Label) if lifecycle is CUSTOMER_STATUS else list(Membership)
        assert [option.target for option in options] == places
        for option in options:
            target: Any = option.target
            previewed = world.desk.preview("c", target, reason=reason)
            if option.refusal is None:
                assert isinstance(previewed, Plan)
            else:
                assert isinstance(previewed, Refusal)
                assert previewed.reasons == option.refusal.reasons


def test_moves_of_an_unknown_customer_are_all_refused_as_such() -> None:
    world = in_memory(ACME)
    codes = {refused(option.refusal) for option in world.desk.options("nobody", reason="r")}
    assert codes == {frozenset({RefusalCode.UNKNOWN_CUSTOMER})}


def test_a_preview_of_a_replay_is_the_earlier_answer() -> None:
    world = in_memory(ACME)
    world.desk.register("c")
    made = world.desk.change("c", Label.ABROAD, reason="r", key="k")
    world.clock.forward(timedelta(days=1))
    previewed = world.desk.preview("c", Label.ABROAD, reason="r", key="k")
    assert previewed == Applied(made.entries, replayed=True)
    assert made.entries[0].recorded_at == START
