"""A new policy held against a history: one written by hand with its right answers, and histories at random."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_policy import Stand, naive
from organisation import STORES, ShopAction, World, in_memory, opened, outcome
from random_policies import CONDITIONS, Deed, Holding, Organisation, Pair, Shade, holdings_of, pairs

from custstatus import (
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Activity,
    CustomerStatus,
    Effect,
    Entry,
    EntryKind,
    Membership,
    OrgConfig,
    Restriction,
    Status,
    StatusLabel,
    Verdict,
    block,
    block_everything,
    mark,
)
from custstatus.adapters import Accounts, Activities, Log
from custstatus.operations import Affected, Replay, replay
from custstatus.policies import Question

SUSPENDED, DELETED = CustomerStatus.SUSPENDED, CustomerStatus.DELETED
BOTH = Organisation((MEMBERSHIP, CUSTOMER_STATUS), Shade)
LARGE, NIGHT, _ = CONDITIONS
CLOSED = block_everything(when=DELETED)
OLD = evolve(BOTH.config([mark(Deed.BUY, when=SUSPENDED), CLOSED]), actions=[Deed, ShopAction])


def day(month: int, number: int) -> datetime:
    """A day of the year in which it all happened."""
    return datetime(2024, month, number, 12, tzinfo=UTC)


def config(*rules: Restriction, **given: Any) -> OrgConfig[Any]:
    """A new configuration."""
    return BOTH.config([*rules, CLOSED], **given)


STRICTER = config(block(Deed.BUY, when=SUSPENDED))


def lived(world: World[Any]) -> World[Any]:
    """
    What happened.

    ann was suspended all of March, and bought before, then, and after; the purchase of March came in late.
    ben is suspended, abroad, and bought nothing. cid never was. dot was suspended, bought, and closed her account.
    """
    buy, wrap = Deed.BUY, ShopAction.GIFT_WRAP
    for customer in ("ann", "ben", "cid", "dot"):
        world.desk.register(customer)
    world.clock.now = day(3, 1)
    for customer, label in (("ann", Shade.LOST_PHONE), ("ben", Shade.ABROAD), ("dot", Shade.LOST_PHONE)):
        world.desk.change(customer, label, reason="asked for it")
    world.clock.now = day(3, 5)
    world.service.record(Activity("dot", buy, "d1", day(3, 5)))
    world.clock.now = day(4, 1)
    world.desk.change("ann", CustomerStatus.ACTIVE, reason="the phone is found")
    world.desk.change("dot", DELETED, reason="her own wish")
    world.clock.now = day(6, 1)
    world.service.record(
        Activity("ann", buy, "a1", day(2, 1)),
        Activity("ann", buy, "a2", day(3, 10)),
        Activity("ann", buy, "a3", day(5, 1)),
        Activity("ann", wrap, "a2", day(3, 10)),
        Activity("cid", buy, "c1", day(3, 10)),
    )
    return world


@pytest.fixture(params=STORES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World[Any]]:
    with opened(request.param, tmp_path, OLD) as world:
        yield lived(world)


def bought(label: str, before: Effect, after: Effect, depends_on: tuple[str, ...] = ()) -> dict[str, Any]:
    """The first half of a row about buying while suspended."""
    return {
        "action": Deed.BUY,
        "lifecycle": "customer_status",
        "status": "suspended",
        "label": label,
        "before": before,
        "after": after,
        "depends_on": depends_on,
    }


LOST: dict[str, Any] = {"customers": ("ann", "dot"), "now": (), "attempts": 2, "attempted_by": ("ann", "dot")}
AWAY: dict[str, Any] = {"customers": ("ben",), "now": ("ben",), "attempts": 0, "attempted_by": ()}


class TestAHistory:
    def test_who_would_have_been_blocked(self, world: World[Any]) -> None:
        marked, blocked = Effect.MARK, Effect.BLOCK
        found = replay(OLD, STRICTER, world.store)
        assert found == Replay(
            4,
            6,
            (
                Affected(**bought("Lost phone", marked, blocked), **LOST),
                Affected(**bought("Abroad", marked, blocked), **AWAY),
            ),
            (),
            1,
        )
        assert found.rows_to(Effect.BLOCK) == found.rows
        assert found.rows_from(Effect.BLOCK) == ()
        assert not any(row.is_milder for row in found.rows)

    def test_and_the_other_way_who_no_longer(self, world: World[Any]) -> None:
        found = replay(STRICTER, OLD, world.store)
        assert found.rows_from(Effect.BLOCK) == found.rows
        assert all(row.is_milder for row in found.rows)
        assert [(row.customers, row.attempts) for row in found.rows] == [(("ann", "dot"), 2), (("ben",), 0)]

    def test_the_same_policy_changes_nothing(self, world: World[Any]) -> None:
        assert replay(OLD, OLD, world.store) == Replay(4, 6)

    def test_what_depends_on_a_condition_is_told_with_its_name(self, world: World[Any]) -> None:
        rules = [mark(Deed.BUY, when=SUSPENDED), block(Deed.BUY, when=Shade.ABROAD, condition=LARGE)]
        (row,) = replay(OLD, config(*rules), world.store).rows
        assert row == Affected(**bought("Abroad", Effect.MARK, Effect.BLOCK, ("large",)), **AWAY)

    def test_other_code_of_a_condition_is_told_though_the_effects_read_alike(self, world: World[Any]) -> None:
        was, now = (config(block(Deed.BUY, when=Shade.ABROAD, condition=each)) for each in (LARGE, NIGHT))
        (row,) = replay(was, now, world.store).rows
        assert (row.before, row.after, row.depends_on) == (Effect.BLOCK, Effect.BLOCK, ("large", "night"))

    def test_a_policy_of_the_hosts_own_that_is_new_is_told(self, world: World[Any]) -> None:
        def careful(question: Question) -> Verdict:
            return Verdict(question.action, Effect.BLOCK)

        found = replay(OLD, config(mark(Deed.BUY, when=SUSPENDED), policies={"careful": careful}), world.store)
        assert found.depends_on == ("careful",)

    def test_who_stood_under_a_label_that_is_gone_is_unresolved(self, world: World[Any]) -> None:
        class Fewer(StatusLabel):
            REGULAR = "Regular", CustomerStatus.ACTIVE
            ABROAD = "Abroad", CustomerStatus.SUSPENDED
            CLOSED = "Closed", CustomerStatus.DELETED

        new = Organisation(BOTH.lifecycles, Fewer).config([block(Deed.BUY, when=SUSPENDED), CLOSED])
        found = replay(OLD, new, world.store)
        assert found.unresolved == ("ann", "dot")
        assert [(row.label, row.customers) for row in found.rows] == [("Abroad", ("ben",))]

    def test_a_closed_account_is_told_where_it_stands_now(self, world: World[Any]) -> None:
        rules = [mark(Deed.BUY, when=SUSPENDED), block(*[deed for deed in Deed if deed is not Deed.BUY], when=DELETED)]
        (row,) = replay(OLD, BOTH.config(rules), world.store).rows
        assert (row.action, row.status, row.customers, row.now) == (Deed.BUY, "deleted", ("dot",), ("dot",))
        assert row.attempts == 0

    def test_it_says_how_far_it_is(self, world: World[Any]) -> None:
        told: list[int] = []
        replay(OLD, STRICTER, world.store, progress=told.append)
        assert told == [4]

    def test_it_reads_its_own_organisation_alone(self, world: World[Any]) -> None:
        assert replay(evolve(OLD, org="other"), evolve(STRICTER, org="other"), world.store) == Replay(0, 0)


class TestATime:
    @pytest.mark.parametrize(
        ("at", "attempts"),
        [
            (day(3, 1) - timedelta(microseconds=1), 0),
            (day(3, 1), 1),
            (day(4, 1) - timedelta(microseconds=1), 1),
            (day(4, 1), 0),
        ],
    )
    def test_a_move_counts_from_its_very_moment(self, at: datetime, attempts: int) -> None:
        world = lived(in_memory(OLD))
        before = sum(row.attempts for row in replay(OLD, STRICTER, world.store).rows)
        world.service.record(Activity("ann", Deed.BUY, "more", at))
        assert sum(row.attempts for row in replay(OLD, STRICTER, world.store).rows) - before == attempts

    def test_what_was_done_before_the_registration_is_no_attempt(self) -> None:
        world = in_memory(OLD)
        world.clock.now = day(3, 1)
        world.desk.register("eve", Shade.ABROAD, reason="comes as she is")
        world.service.record(Activity("eve", Deed.BUY, "e1", day(2, 1)), Activity("eve", Deed.BUY, "e2", day(3, 1)))
        (row,) = replay(OLD, STRICTER, world.store).rows
        assert (row.attempts, row.attempted_by) == (1, ("eve",))


# -- histories at random ----------------------------------------------------------------------------------------------

TARGETS = (*Shade, SUSPENDED, Membership.ENROLLED, Membership.ON_HOLD, Membership.UNENROLLED)
steps = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([*TARGETS, *[None] * 8]), st.sampled_from(Deed)),
    min_size=4,
    max_size=12,
)
"""A customer, and where to or, for None, what he does."""

STATUSES: dict[str, type[Status]] = {"customer_status": CustomerStatus, "membership": Membership}


def stands_at(entries: list[Entry], at: datetime) -> list[Stand]:
    """Where an account stood, read off its entries one by one."""
    found: dict[str, Stand] = {}
    for entry in entries:
        if entry.kind is EntryKind.MOVED and entry.lifecycle is not None and entry.effective_at <= at:
            status = STATUSES[entry.lifecycle](entry.to_status)
            label = next((label for label in Shade if label.text == entry.to_label), None)
            found[entry.lifecycle] = Stand(entry.lifecycle, status, label)
    return list(found.values())


Counted = dict[tuple[Deed, Effect, Effect], tuple[set[str], set[str], int, set[str]]]
"""Action, before and after, to: who ever stood there, who does now, how many attempts, whose."""


def by_brute_force(pair: Pair, world: World[Any]) -> Counted:
    """Every account, every time at which it stood somewhere, every action, every assignment of the conditions."""
    counted: Counted = {}
    holdings = list(holdings_of(*pair.old, *pair.new))

    def otherwise(stands: list[Stand], deed: Deed) -> tuple[Deed, Effect, Effect] | None:
        def effect(rules: list[Restriction], holding: Holding) -> Effect:
            return naive(rules, pair.organisation.on, stands, deed, None, lambda each: each.holds(holding))[0]

        if all(effect(pair.old, each) is effect(pair.new, each) for each in holdings):
            return None
        return deed, effect(pair.old, Holding()), effect(pair.new, Holding())

    for account in world.store.page(Accounts(org="acme")):
        entries = list(world.store.page(Log(org="acme", customer=account.customer)))
        times = {entry.effective_at for entry in entries}
        for deed in Deed:
            for at in times:
                key = otherwise(stands_at(entries, at), deed)
                if key is not None:
                    counted.setdefault(key, (set(), set(), 0, set()))[0].add(account.customer)
                    if at == max(times):
                        counted[key][1].add(account.customer)
        for activity in world.store.page(Activities(org="acme", customer=account.customer)):
            key = otherwise(stands_at(entries, activity.at), Deed(activity.kind))
            if key is not None:
                ever, now, attempts, by = counted[key]
                counted[key] = ever, now, attempts + 1, by | {account.customer}
    return counted


@settings(max_examples=40, deadline=None)
@given(pair=pairs(st.just(BOTH)), history=steps)
def test_it_counts_what_brute_force_counts(pair: Pair, history: list[tuple[str, Any, Deed]]) -> None:
    old, new = pair.organisation.config(pair.old), pair.organisation.config(pair.new)
    world = in_memory(old)
    for customer in ("a", "b"):
        world.desk.register(customer, Membership.ENROLLED)
    for number, (customer, target, deed) in enumerate(history):
        world.clock.forward(days=1)
        if target is None:
            world.service.record(Activity(customer, deed, f"r{number}", world.clock()))
        else:
            outcome(lambda target=target, customer=customer: world.desk.change(customer, target, reason="so"))  # type: ignore[misc]
    found: Counted = {}
    for row in replay(old, new, world.store).rows:
        assert isinstance(row.action, Deed)
        key = row.action, row.before, row.after
        ever, now, attempts, by = found.get(key, (set(), set(), 0, set()))
        found[key] = ever | {*row.customers}, now | {*row.now}, attempts + row.attempts, by | {*row.attempted_by}
    assert found == by_brute_force(pair, world)
