"""Reversing a run: who still stands where it put him goes back, once; who does not is left and listed (D103)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from attrs import evolve
from bulk_runs import RUN, import_table, killed, people, reverse_table, service_at, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from organisation import ACME, AGENT, COLLEAGUE, IDLE_AFTER, MACHINE, Label, World

from custstatus import (
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Channel,
    CustomerStatus,
    Desk,
    Identifier,
    InvalidInputError,
    Lifecycle,
    Membership,
    OrgConfig,
    Refusal,
    Status,
    StatusLabel,
    Transition,
)
from custstatus.adapters import Store
from custstatus.operations import Reversal, Reversed
from custstatus.tables import BadRow, StatusRow

SHORT, LONG = range(2), range(50)
"""The seeds of the reversals that are killed."""


def row(customer: str, target: str, reason: str | None = "by table") -> StatusRow:
    """One row of a table."""
    return StatusRow(2, customer, (), target, reason, None)


def importing(world: World[Any]) -> Desk[Any]:
    """A desk at which a member of staff imports."""
    return world.service.acting(AGENT, Channel.IMPORT)


def imported(world: World[Any], *rows: StatusRow | BadRow, run: str = "r") -> None:
    """A run that moved all of these, an hour later."""
    done = importing(world).import_statuses(rows, run=run, approval="board")
    assert done.refused == (), done.refused
    world.clock.forward(hours=1)


def left(done: Reversal) -> dict[str, set[str]]:
    """Who was left where he is, and why."""
    told: dict[str, set[str]] = {}
    for each in done.refused:
        assert isinstance(each.outcome, Refusal)
        told[each.customer] = {code.value for code in each.outcome.codes}
    return told


@pytest.fixture
def six(acme: World[Label]) -> World[Label]:
    """The example organisation with customers a to f."""
    for customer in "abcdef":
        acme.desk.register(customer, identifiers=[Identifier("mobile", customer)])
    return acme


class TestGoingBack:
    def test_who_still_stands_there_goes_back_and_the_rest_are_listed(self, six: World[Label]) -> None:
        # D103
        six.desk.change("b", Label.TRENDING, reason="buys more")
        six.desk.change("c", Label.ABROAD, reason="away")
        imported(
            six,
            row("a", "Lost phone"),
            row("b", "Unusual"),
            row("c", "Unusual"),
            row("d", "Closed"),
            row("e", "Abroad"),
        )
        six.desk.change("e", Label.LOST_PHONE, reason="meanwhile")
        parts: list[Sequence[Reversed]] = []
        done = importing(six).reverse("r", on_rows=parts.append)
        assert (done.of, done.run, done.moved, done.replayed) == ("r", "reverse-r", 3, 0)
        assert left(done) == {"d": {"closed"}, "e": {"moved_on"}}
        assert [six.label(customer) for customer in "abcde"] == [
            *(Label.REGULAR, Label.TRENDING, Label.ABROAD, Label.CLOSED, Label.LOST_PHONE),
        ]
        assert [each.customer for part in parts for each in part] == list("abcde")
        entries = six.service.history(run="reverse-r").items
        assert [(entry.customer, entry.reason_code, entry.from_label) for entry in entries] == [
            ("a", "reversed", "Lost phone"),
            ("b", "reversed", "Unusual"),
            ("c", "reversed", "Unusual"),
        ]
        assert six.service.verify().faults == ()

    def test_a_closed_account_stays_closed(self, six: World[Label]) -> None:
        # D5
        imported(six, row("a", "Closed"))
        assert left(importing(six).reverse("r")) == {"a": {"closed"}}

    def test_a_second_time_nothing_is_left_to_do(self, six: World[Label]) -> None:
        # D103
        imported(six, row("a", "Lost phone"), row("b", "Trending"))
        importing(six).reverse("r")
        before = six.everything()
        again = importing(six).reverse("r")
        assert (again.moved, again.replayed, again.refused) == (0, 2, ())
        as_another = importing(six).reverse("r", reversal="again")
        assert as_another.moved == 0
        assert left(as_another) == {"a": {"moved_on", "no_change"}, "b": {"moved_on", "no_change"}}
        assert six.everything() == before

    def test_an_agent_s_change_after_it_stays_when_it_is_done_again(self, six: World[Label]) -> None:
        imported(six, row("a", "Trending"))
        importing(six).reverse("r")
        six.desk.change("a", Label.TRENDING, reason="he is")
        assert importing(six).reverse("r").replayed == 1
        assert six.label("a") is Label.TRENDING

    def test_a_reversal_is_a_run_and_can_be_reversed(self, six: World[Label]) -> None:
        # D103
        imported(six, row("a", "Trending"))
        importing(six).reverse("r")
        six.clock.forward(hours=1)
        assert importing(six).reverse("reverse-r").moved == 1
        assert six.label("a") is Label.TRENDING

    def test_back_into_fraud_asks_for_an_approval_as_every_run_does(self, six: World[Label]) -> None:
        # D103
        six.desk.change("a", Label.UNUSUAL, reason="odd")
        imported(six, row("a", "Regular"), row("b", "Trending"))
        before = six.label("a")
        done = importing(six).reverse("r")
        assert left(done) == {"a": {"approval_needed"}}
        assert (before, six.label("a"), six.label("b")) == (Label.REGULAR, Label.REGULAR, Label.REGULAR)
        assert importing(six).reverse("r", approval="board").moved == 1
        assert six.label("a") is Label.UNUSUAL
        assert six.service.history(run="reverse-r").items[0].approval == "board"

    def test_the_way_back_out_of_a_suspicion_is_kept(self, six: World[Label]) -> None:
        # D95
        six.desk.change("a", Label.LOST_PHONE, reason="lost")
        six.desk.change("a", Label.UNUSUAL, reason="odd")
        imported(six, row("a", "Watched"))
        assert importing(six).reverse("r", approval="board").moved == 1
        assert six.label("a") is Label.UNUSUAL
        restored = six.desk.restore("a", reason="cleared")
        assert restored.entries[0].to_label == "Lost phone"

    def test_who_may_not_make_the_move_back_leaves_him(self, six: World[Label]) -> None:
        # D66
        imported(six, row("a", "Lost phone"))
        machine = six.service.acting(MACHINE, Channel.IMPORT)
        assert left(machine.reverse("r")) == {"a": {"person_needed"}}
        assert six.label("a") is Label.LOST_PHONE

    def test_a_lifecycle_that_was_unset_has_no_way_back(self, six: World[Label]) -> None:
        done = importing(six).import_statuses([row("a", "enrolled")], MEMBERSHIP, run="r")
        assert done.moved == 1
        assert left(importing(six).reverse("r")) == {"a": {"no_transition"}}

    def test_another_lifecycle_goes_back_by_itself(self, six: World[Label]) -> None:
        six.desk.change("a", Membership.ENROLLED, reason="joins")
        assert importing(six).import_statuses([row("a", "on_hold")], MEMBERSHIP, run="r").moved == 1
        six.desk.change("a", Label.TRENDING, reason="buys more")
        assert importing(six).reverse("r").moved == 1
        standing = six.service.standing("a", MEMBERSHIP)
        assert standing is not None
        assert (standing.status, six.label("a")) == (Membership.ENROLLED, Label.TRENDING)

    def test_a_run_over_two_lifecycles_goes_back_on_both(self, six: World[Label]) -> None:
        six.desk.change("a", Membership.ENROLLED, reason="joins")
        imported(six, row("a", "Trending"))
        assert importing(six).import_statuses([row("a", "on_hold")], MEMBERSHIP, run="r").moved == 1
        assert importing(six).reverse("r").moved == 2
        assert six.label("a") is Label.REGULAR

    def test_a_sweep_can_be_reversed(self, six: World[Label]) -> None:
        # D63, D103
        six.clock.forward(IDLE_AFTER + timedelta(days=1))
        six.desk.change("a", Label.TRENDING, reason="buys more")
        six.service.sweep(run="night")
        assert {six.label(customer) for customer in "abcdef"} == {Label.DORMANT}
        assert importing(six).reverse("night").moved == 6
        assert [six.label(customer) for customer in "ab"] == [Label.TRENDING, Label.REGULAR]
        assert six.service.verify().faults == ()

    @pytest.mark.parametrize("chunk", [1, 5_000])
    def test_whom_the_run_itself_had_brought_back_it_leaves(
        self, chunk: int, six: World[Label], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("custstatus.operations.reverse.CHUNK", chunk)
        six.clock.forward(IDLE_AFTER + timedelta(days=1))
        six.service.sweep(run="r")
        six.under(evolve(ACME, idle=[])).bought("c", "late", six.clock())
        assert [each.customer for each in six.service.sweep(run="r").back] == ["c"]
        done = importing(six).reverse("r")
        assert (done.moved, left(done)) == (5, {"c": {"no_change"}})
        assert {six.label(customer) for customer in "abcdef"} == {Label.REGULAR}

    def test_an_upgrade_can_be_reversed(self, six: World[Label]) -> None:
        done = six.desk.upgrade(ACME, {Label.REGULAR: Label.TRENDING}, run="up")
        assert done.run == "up"
        assert importing(six).reverse("up").moved == 6
        assert {six.label(customer) for customer in "abcdef"} == {Label.REGULAR}

    def test_a_label_that_is_no_more_is_told(self, six: World[Label]) -> None:
        class Fewer(StatusLabel):
            REGULAR = "Regular", CustomerStatus.ACTIVE
            TRENDING = "Trending", CustomerStatus.SUSPENDED
            DORMANT = "Dormant", CustomerStatus.ACTIVE

        six.desk.change("a", Label.TRENDING, reason="buys more")
        imported(six, row("a", "Dormant"))
        fewer = six.under(OrgConfig("acme", Fewer))
        assert left(importing(fewer).reverse("r")) == {"a": {"unknown_label"}}

    def test_a_status_that_is_no_more_is_told(self, six: World[Label]) -> None:
        class Before(Status):
            OLD = "old"
            NEW = "new"

        class After(Status):
            NEW = "new"

        begun = Lifecycle(
            "review", Before, (Transition(None, Before.OLD, "begin"), Transition(Before.OLD, Before.NEW, "renew"))
        )
        before = six.under(evolve(ACME, lifecycles=[CUSTOMER_STATUS, begun]))
        before.desk.register("g", Before.OLD)
        assert importing(before).import_statuses([row("g", "new")], begun, run="r").moved == 1
        renewed = Lifecycle("review", After, (Transition(None, After.NEW, "begin"),))
        after = six.under(evolve(ACME, lifecycles=[CUSTOMER_STATUS, renewed]))
        done = importing(after).reverse("r")
        assert left(done) == {"g": {"no_transition"}}
        assert "no longer configured" in str(done.refused[0].outcome)

    def test_a_run_that_nobody_made_reverses_nothing(self, six: World[Label]) -> None:
        done = importing(six).reverse("never")
        assert (done.moved, done.replayed, done.refused) == (0, 0, ())

    @pytest.mark.parametrize(
        "given", [{"run": ""}, {"run": 5}, {"run": "r", "reversal": "r"}, {"run": "r", "reversal": ""}]
    )
    def test_what_is_out_of_bounds_is_invalid(self, given: Any, six: World[Label]) -> None:
        imported(six, row("a", "Trending"))
        before = six.everything()
        with pytest.raises(InvalidInputError):
            importing(six).reverse(**given)
        assert six.everything() == before

    def test_page_by_page(self, six: World[Label], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("custstatus.operations.reverse.CHUNK", 2)
        imported(six, *(row(customer, "Trending") for customer in "abcde"))
        parts: list[int] = []
        done = importing(six).reverse("r", on_rows=lambda part: parts.append(len(part)))
        assert (done.moved, parts) == (5, [1, 2, 2])


# -- properties -----------------------------------------------------------------------------------------------------------

TARGETS = [label.text for label in Label]
MEANWHILE = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(list(Label))), max_size=4)
numbered = count()


@given(
    before=MEANWHILE,
    targets=st.lists(st.sampled_from(TARGETS), min_size=6, max_size=6),
    meanwhile=MEANWHILE,
    chunk=st.integers(1, 7),
    approval=st.sampled_from([None, "board"]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_does_what_its_preview_says_and_leaves_nobody_where_the_run_alone_put_him(
    shared: Store, before: Any, targets: list[str], meanwhile: Any, chunk: int, approval: str | None
) -> None:
    # D103
    world = World(evolve(ACME, org=f"back-{next(numbered)}"), shared)
    for customer in "abcdef":
        world.desk.register(customer)
    for customer, label in before:
        world.make(evolve(world.request(customer, label), actor=AGENT))
    origin = {customer: world.label(customer) for customer in "abcdef"}
    desk = importing(world)
    desk.import_statuses([row(c, t) for c, t in zip("abcdef", targets, strict=True)], run="r", approval="board")
    moved = {entry.customer: entry.version for entry in world.service.history(run="r")}
    for customer, label in meanwhile:
        world.make(evolve(world.request(customer, label), actor=COLLEAGUE))
    kept = {c: world.label(c) for c in "abcdef"}
    still = {c for c, version in moved.items() if world.service.account(c).version == version}
    held = world.everything()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("custstatus.operations.reverse.CHUNK", chunk)
        would = desk.reverse("r", approval=approval, preview=True)
        assert world.everything() == held
        done = desk.reverse("r", approval=approval)
        again = desk.reverse("r", approval=approval)
    assert (would.moved, left(would)) == (done.moved, left(done))
    assert (again.moved, again.replayed, left(again)) == (0, done.moved, left(done))
    back = {entry.customer for entry in world.service.history(run="reverse-r")}
    assert back | set(left(done)) == set(moved)
    assert back & set(left(done)) == set()
    assert back <= still
    for customer in "abcdef":
        assert world.label(customer) is (origin if customer in back else kept)[customer]
    for customer in set(moved) - still:
        assert left(done)[customer] & {"moved_on", "closed"}
    assert world.service.verify().faults == ()


# -- killed ---------------------------------------------------------------------------------------------------------------

CUSTOMERS = 60


def faults_after_a_kill(seed: int, where: str, chunk: int) -> Iterator[str]:
    """What is wrong after a reversal was killed, an agent changed who was in it, and it was done again."""
    with service_at(where) as service:
        people(service, CUSTOMERS)
        desk = service.acting(AGENT, Channel.IMPORT)
        assert desk.import_statuses(table(CUSTOMERS), run=RUN, approval="board").moved == CUSTOMERS
    told = killed(f"reverse-{seed}", CUSTOMERS // chunk, reverse_table, where, chunk)
    with service_at(where) as service:
        done = {entry.customer: entry for entry in service.history(run=f"reverse-{RUN}", limit=1_000)}
        yield from (f"{customer} was told of, and is not moved" for customer in set(told) - set(done))
        moved_on = sorted(done)[::3]
        for customer in moved_on:
            service.acting(COLLEAGUE).change(customer, Label.TRENDING, reason="meanwhile")
        again = service.acting(COLLEAGUE, Channel.IMPORT).reverse(RUN, approval="board")
        if (again.replayed, again.moved, again.refused) != (len(done), CUSTOMERS - len(done), ()):
            yield f"{len(done)} were done, then {again.replayed} replayed, {again.moved} moved, {again.refused}"
        labels = {entry.customer: entry.to_label for entry in service.history(limit=10_000)}
        for number in range(CUSTOMERS):
            customer = f"c-{number:03}"
            expected = "Trending" if customer in moved_on else "Regular"
            if labels[customer] != expected:
                yield f"{customer} is {labels[customer]}, not {expected}"
        third = service.acting(COLLEAGUE, Channel.IMPORT).reverse(RUN, approval="board")
        if (third.moved, third.replayed) != (0, CUSTOMERS):
            yield f"a third time moved {third.moved}"
        yield from (f"{fault.customer}: {fault.what}" for fault in service.verify().faults)


@pytest.mark.parametrize("seed", SHORT)
def test_a_reversal_that_is_killed_is_done_once_when_it_is_done_again(seed: int, where: str) -> None:
    # D103
    assert list(faults_after_a_kill(seed, where, 7)) == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", LONG)
def test_so_are_many(seed: int, where: str) -> None:
    assert list(faults_after_a_kill(seed, where, seed % 9 + 1)) == []


def test_an_import_that_was_killed_is_reversed_as_far_as_it_came(where: str) -> None:
    # D103
    with service_at(where) as service:
        people(service, CUSTOMERS)
    killed("half", 6, import_table, where, CUSTOMERS, 7)
    with service_at(where) as service:
        done = {entry.customer for entry in service.history(run=RUN, limit=1_000)}
        reversal = service.acting(COLLEAGUE, Channel.IMPORT).reverse(RUN, approval="board")
        assert (reversal.moved, reversal.refused) == (len(done), ())
        assert {tally.label for tally in service.counts(CUSTOMER_STATUS)} == {Label.REGULAR}
