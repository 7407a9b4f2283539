"""Upgrading: what a new configuration would find is told exactly, and a declared map mends it through the gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from organisation import (
    ACME,
    AGENT,
    CONSENT,
    IDLE_AFTER,
    MACHINE,
    STORES,
    Consent,
    ForeignLabel,
    Label,
    ShopAction,
    World,
    in_memory,
    opened,
    outcome,
    refusal,
    some_examples,
)

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    Activity,
    Actor,
    AnyChannel,
    Applied,
    Channel,
    CustomerStatus,
    IdleRule,
    InvalidInputError,
    Lifecycle,
    Membership,
    NoLabels,
    OrgConfig,
    Page,
    Plan,
    Refusal,
    RefusalCode,
    RequestedBy,
    Requirement,
    Status,
    StatusLabel,
    StatusService,
    StoreError,
    Transition,
    Waiver,
)
from custstatus.adapters import Accounts, Log, PreparedChange, Query, Snapshot, Store
from custstatus.errors import StoredValueError
from custstatus.operations import InUse, Upgrade, UpgradeCheck, UpgradeMap, check_upgrade
from custstatus.testing.relay import RelayStore

ACTIVE, SUSPENDED, SUSPECTED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED, CustomerStatus.FRAUD_SUSPECTED
INTERNAL, DELETED = CustomerStatus.INTERNAL, CustomerStatus.DELETED
ON = (CUSTOMER_STATUS, MEMBERSHIP, CLIENT_STATE)
OLD: OrgConfig[Label] = OrgConfig("acme", Label, lifecycles=ON, actions=[Action, ShopAction])
TEXTS: dict[str, CustomerStatus] = {label.text: label.status for label in Label}


def with_labels(texts: dict[str, CustomerStatus], **given: Any) -> OrgConfig[Any]:
    """The organisation under other labels."""
    make: Any = StatusLabel
    labels = make("NewLabel", {f"LABEL_{number}": pair for number, pair in enumerate(texts.items())})
    return OrgConfig(**{"org": "acme", "labels": labels, "lifecycles": ON, "actions": [Action, ShopAction], **given})


def without(*gone: str, **given: CustomerStatus) -> dict[str, CustomerStatus]:
    """The organisation's labels but for some, and with others."""
    return {text: status for text, status in TEXTS.items() if text not in gone} | {
        text.replace("_", " "): status for text, status in given.items()
    }


def told(rows: tuple[InUse, ...]) -> dict[tuple[str, str | None], int]:
    """How many accounts stand at each place of which something is told."""
    return {(row.status, row.label): row.accounts for row in rows}


def upgrade(
    old: OrgConfig[Any],
    new: OrgConfig[Any],
    store: Store,
    mapping: UpgradeMap,
    *,
    actor: Actor,
    now: datetime,
    channel: AnyChannel = Channel.IMPORT,
    requested_by: RequestedBy | None = None,
    **given: Any,
) -> Upgrade:
    """An upgrade at the desk of an actor."""
    return (
        StatusService(store, new, clock=lambda: now)
        .acting(actor, channel, requested_by=requested_by)
        .upgrade(old, mapping, **given)
    )


def mended(world: World[Any], new: OrgConfig[Any], mapping: Any, **given: Any) -> Upgrade:
    """An upgrade by a member of staff."""
    options: dict[str, Any] = {"actor": AGENT, "now": world.clock(), "run": "run-1", **given}
    return upgrade(world.config, new, options.pop("store", world.store), mapping, **options)


def codes(done: Upgrade) -> dict[str, frozenset[RefusalCode]]:
    """Why those who were left are left."""
    return {row.customer: row.outcome.codes for row in done.refused if isinstance(row.outcome, Refusal)}


def populated(world: World[Label]) -> World[Label]:
    """Two customers under most labels, put there in ways that are legal."""
    for label in (Label.REGULAR, Label.TRENDING, Label.LOST_PHONE, Label.ABROAD, Label.UNUSUAL, Label.TESTER):
        for number in range(2):
            world.desk.register(f"{label.name.lower()}-{number}", label, reason="so it begins")
            world.clock.forward(minutes=1)
    for number in range(2):
        world.desk.register(f"closed-{number}", Membership.ENROLLED)
        world.desk.change(f"closed-{number}", DELETED, reason="at the customer's wish")
    return world


# -- what is told -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STORES)
def test_of_the_same_configuration_there_is_nothing_to_tell(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, OLD) as world:
        populated(world)
        checked = check_upgrade(OLD, OLD, world.store)
        assert checked.is_clean
        assert (checked.accounts, checked.entries) == (14, len(world.store.page(Log(org="acme", limit=1_000))))
        assert "nothing to tell" in str(checked)


@pytest.mark.parametrize("kind", STORES)
def test_labels_in_use_that_are_lost_or_remapped_are_told(kind: str, tmp_path: Path) -> None:
    # D24
    with opened(kind, tmp_path, OLD) as world:
        populated(world)
        before = world.everything()
        new = with_labels(without("Lost phone", "Watched") | {"Trending": INTERNAL})
        checked = check_upgrade(OLD, new, world.store, examples=1)
        assert told(checked.lost) == {("suspended", "Lost phone"): 2}
        assert told(checked.remapped) == {("active", "Trending"): 2}
        assert checked.lost[0].customers == ("lost_phone-0",)
        assert "internal" in checked.remapped[0].advice
        assert (checked.stranded, checked.closed, checked.ways_back, checked.actions) == ((), (), (), ())
        assert not checked.is_ready
        assert world.everything() == before
        # And just so it is: what is lost cannot be read under the new configuration.
        for row in (*checked.lost, *checked.remapped):
            with pytest.raises(StoredValueError):
                world.under(new).service.standing(row.customers[0], CUSTOMER_STATUS)


@pytest.mark.parametrize("kind", STORES)
def test_closed_accounts_are_told_apart_and_their_label_has_to_stay(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, OLD) as world:
        populated(world)
        new = with_labels(without("Closed", Gone=DELETED))
        checked = check_upgrade(OLD, new, world.store)
        assert told(checked.closed) == {("deleted", "Closed"): 2}
        assert checked.lost == ()
        assert not checked.is_ready
        assert "keep the label" in checked.closed[0].advice
        # One of them is enough for every list and every count to fail.
        after = world.under(new).service
        for read in (lambda: after.customers(CUSTOMER_STATUS, DELETED), lambda: after.counts(CUSTOMER_STATUS)):
            with pytest.raises(StoredValueError):
                read()
        kept = with_labels(without(Gone=DELETED))
        assert check_upgrade(OLD, kept, world.store).is_clean
        assert len(world.under(kept).service.customers(CUSTOMER_STATUS, CustomerStatus.DELETED)) == 2


@pytest.mark.parametrize("kind", STORES)
def test_a_status_without_a_way_on_and_a_lifecycle_that_is_off(kind: str, tmp_path: Path) -> None:
    # D16
    with opened(kind, tmp_path, OLD) as world:
        populated(world)
        for name in ("regular-0", "regular-1", "trending-0"):
            world.desk.change(name, Membership.ENROLLED, reason="signed up")
        out = [
            (transition.from_, transition.to)
            for transition in CUSTOMER_STATUS.out_of(INTERNAL)
            if transition.to is not transition.from_
        ]
        strict = CUSTOMER_STATUS.without(*out)
        new = with_labels(TEXTS, lifecycles=[strict, CLIENT_STATE])
        checked = check_upgrade(OLD, new, world.store)
        assert told(checked.stranded) == {("internal", "Tester"): 2, ("enrolled", None): 3}
        assert [row.lifecycle for row in checked.stranded] == ["customer_status", "membership"]
        # A status that never had a way on is not told of again.
        assert check_upgrade(new, new, world.store).stranded[0].lifecycle == "membership"


def test_a_way_on_needs_a_label_that_can_be_reached() -> None:
    world = in_memory(OLD)
    world.desk.register("c-1", Label.UNUSUAL, reason="so it begins")
    only = CUSTOMER_STATUS.without(
        *[
            (SUSPECTED, transition.to)
            for transition in CUSTOMER_STATUS.out_of(SUSPECTED)
            if transition.to not in (CustomerStatus.FRAUD_CONFIRMED, SUSPECTED)
        ]
    )
    assert check_upgrade(OLD, with_labels(TEXTS, lifecycles=[only]), world.store).stranded == ()
    nowhere = with_labels(without("Proven"), lifecycles=[only])
    assert told(check_upgrade(OLD, nowhere, world.store).stranded) == {("fraud_suspected", "Unusual"): 1}


@pytest.mark.parametrize("kind", STORES)
def test_moves_of_the_past_that_are_not_legal_now_are_counted(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, OLD) as world:
        for name in ("a", "b", "c"):
            world.desk.register(name)
            for _ in range(2):
                world.desk.change(name, SUSPENDED, reason="lost")
                world.desk.change(name, ACTIVE, reason="found")
        new = with_labels(TEXTS, lifecycles=[CUSTOMER_STATUS.without((ACTIVE, SUSPENDED))])
        checked = check_upgrade(OLD, new, world.store, examples=2)
        (illegal,) = checked.illegal
        assert (illegal.lifecycle, illegal.source, illegal.target) == ("customer_status", "active", "suspended")
        assert (illegal.entries, illegal.customers) == (6, ("c", "b"))
        assert checked.is_ready
        assert not checked.is_clean
        assert "active -> suspended: 6 entries (c, b)" in str(checked)


@pytest.mark.parametrize("kind", STORES)
def test_a_way_back_to_a_label_that_is_gone_is_told_and_where_it_leads_instead(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, OLD) as world:
        for name in ("a", "b"):
            world.desk.register(name, Label.TRENDING)
            world.desk.change(name, Label.UNUSUAL, reason="many cards")
        new = with_labels(without("Trending"))
        checked = check_upgrade(OLD, new, world.store)
        assert told(checked.ways_back) == {("active", "Trending"): 2}
        assert "'Regular'" in checked.ways_back[0].advice
        assert checked.is_ready
        back = world.under(new).desk.restore("a", reason="cleared")
        assert back.entries[0].to_label == "Regular"
        assert told(check_upgrade(OLD, new, world.store).ways_back) == {("active", "Trending"): 1}


@pytest.mark.parametrize("kind", STORES)
def test_a_way_back_that_begins_where_another_ends_is_followed(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, OLD) as world:
        world.desk.register("a", Label.TRENDING)
        world.desk.change("a", Label.UNUSUAL, reason="many cards")
        world.operate("a", Label.LEAVING)
        checked = check_upgrade(OLD, with_labels(without("Trending", "Unusual")), world.store)
        assert told(checked.ways_back) == {("active", "Trending"): 1, ("fraud_suspected", "Unusual"): 1}


def test_a_way_back_to_a_label_of_another_status_leads_to_the_default_label() -> None:
    world = in_memory(OLD)
    world.desk.register("a", Label.TRENDING)
    world.desk.change("a", Label.UNUSUAL, reason="many cards")
    checked = check_upgrade(OLD, with_labels(TEXTS | {"Trending": INTERNAL}), world.store)
    assert told(checked.ways_back) == {("active", "Trending"): 1}
    assert checked.ways_back[0].advice == "the label is one of internal now: restored to 'Regular'"
    bare = {text: status for text, status in TEXTS.items() if status is not ACTIVE}
    checked = check_upgrade(OLD, with_labels(bare), world.store)
    assert "configure one" in checked.ways_back[0].advice


@pytest.mark.parametrize("kind", STORES)
def test_recorded_activities_of_an_action_that_is_lost_are_counted(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, OLD) as world:
        for name in ("a", "b"):
            world.desk.register(name)
            for number in range(3):
                world.service.record(Activity(name, ShopAction.GIFT_WRAP, f"{name}-{number}", world.clock()))
            world.bought(name, f"sale-{name}")
        new = with_labels(TEXTS, actions=[Action])
        (lost,) = check_upgrade(OLD, new, world.store).actions
        assert (lost.action, lost.activities) == ("gift_wrap", 6)
        assert "gift_wrap: 6 recorded activities" in str(check_upgrade(OLD, new, world.store))
        with pytest.raises(StoredValueError):
            world.under(new).service.activities("a")


def test_an_action_that_was_never_used_may_go() -> None:
    assert check_upgrade(OLD, with_labels(TEXTS, actions=[Action]), in_memory(OLD).store).is_clean


class ShortPages(RelayStore):
    """Answers at most so many entries at once."""

    def page(self, query: Query[Any]) -> Page[Any]:
        return self.store.page(evolve(query, limit=500) if isinstance(query, Log) else query)


def test_it_reads_every_page() -> None:
    world = in_memory(OLD)
    for number in range(1_203):
        world.desk.register(f"c-{number:04}", Label.TRENDING)
    checked = check_upgrade(OLD, with_labels(without("Trending")), ShortPages(world.store), examples=0)
    assert (checked.accounts, checked.entries) == (1_203, 2_406)
    assert told(checked.lost) == {("active", "Trending"): 1_203}
    assert checked.lost[0].customers == ()
    assert len(mended(world, with_labels(without("Trending")), {Label.TRENDING: ACTIVE}).moved) == 1_203


places = st.sampled_from([label for label in Label if label not in (Label.LEAVING, Label.PROVEN)])
statuses = st.sampled_from([ACTIVE, SUSPENDED, SUSPECTED, INTERNAL, DELETED])


@given(
    st.lists(places, max_size=12),
    st.sets(st.sampled_from(sorted(TEXTS)), max_size=5),
    st.dictionaries(st.sampled_from(sorted(TEXTS)), statuses, max_size=4),
)
@some_examples
def test_every_account_is_told_of_just_as_reading_it_goes(
    standing: list[Label], gone: set[str], moved: dict[str, CustomerStatus]
) -> None:
    world = in_memory(OLD)
    for number, label in enumerate(standing):
        world.desk.register(f"c-{number}", label, reason="so it begins")
    labels = {text: moved.get(text, status) for text, status in TEXTS.items() if text not in gone}
    new = with_labels(labels)
    checked = check_upgrade(OLD, new, world.store)
    expected: dict[str, Counter[tuple[str, str | None]]] = {name: Counter() for name in ("lost", "remapped", "closed")}
    after = world.under(new).service
    for number, label in enumerate(standing):
        try:
            after.standing(f"c-{number}", CUSTOMER_STATUS)
        except StoredValueError:
            kind = "closed" if label.status is DELETED else "remapped" if label.text in labels else "lost"
            expected[kind][label.status.value, label.text] += 1
    assert {kind: told(getattr(checked, kind)) for kind in expected} == expected


# -- mending ----------------------------------------------------------------------------------------------------------

RENAMED = with_labels(
    without("Trending", "Lost phone", "Abroad", "Unusual", Buying_more=ACTIVE, Phone_gone=SUSPENDED, Odd=SUSPECTED)
)
NEW = {label.text: label for label in RENAMED.labels}
MAP: dict[Any, Any] = {
    Label.TRENDING: NEW["Buying more"],
    "Lost phone": NEW["Phone gone"],
    Label.ABROAD: NEW["Phone gone"],
    Label.UNUSUAL: NEW["Odd"],
}


@pytest.mark.parametrize("kind", STORES)
def test_a_complete_map_mends_everything_with_one_entry_each(kind: str, tmp_path: Path) -> None:
    # D24
    with opened(kind, tmp_path, OLD) as world:
        populated(world)
        other = World(OrgConfig("other", Label), world.store, clock=world.clock)
        other.desk.register("trending-0", Label.TRENDING)
        others, untouched = other.everything(), world.service.account("regular-0")
        assert len(check_upgrade(OLD, RENAMED, world.store).lost) == 4
        world.clock.forward(days=1)
        done = mended(world, RENAMED, MAP, channel=Channel.MEMBER_CARE)
        assert (len(done.moved), done.refused, done.closed) == (8, (), ())
        # The new configuration can be resolved, though no service was ever made with it.
        assert world.store.config("acme", RENAMED.hash) == RENAMED.to_json()
        checked = check_upgrade(OLD, RENAMED, world.store)
        assert checked.is_clean
        after = world.under(RENAMED)
        assert after.service.verify().faults == ()
        assert other.everything() == others
        assert world.service.account("regular-0") == untouched
        written = [entry for entry in after.service.history(limit=1_000) if entry.run == "run-1"]
        assert Counter(entry.customer for entry in written) == Counter(row.customer for row in done.moved)
        assert {(entry.from_label, entry.to_label) for entry in written} == {
            ("Trending", "Buying more"),
            ("Lost phone", "Phone gone"),
            ("Abroad", "Phone gone"),
            ("Unusual", "Odd"),
        }
        first = written[0]
        assert (first.actor.id, first.channel, first.config) == (AGENT.id, "member_care", RENAMED.hash)
        assert (first.reason, first.reason_code) == ("the configuration was upgraded", "upgrade")
        assert first.effective_at == world.clock()
        # A rename is a change of label: the status is as old as it was.
        standing = after.service.standing("trending-0", CUSTOMER_STATUS)
        assert standing is not None
        assert standing.status_since < standing.since
        # And again there is nothing to do.
        before = after.everything()
        assert mended(world, RENAMED, MAP).rows == ()
        assert after.everything() == before


@pytest.mark.parametrize("kind", STORES)
def test_a_preview_plans_and_writes_nothing(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, OLD) as world:
        before = populated(world).everything()
        planned = mended(world, RENAMED, MAP, preview=True)
        assert world.everything() == before
        done = mended(world, RENAMED, MAP)
        plans = [row.outcome.entries for row in planned.moved if isinstance(row.outcome, Plan)]
        made = [row.outcome.entries for row in done.moved if isinstance(row.outcome, Applied)]
        assert plans == made


@pytest.mark.parametrize("kind", STORES)
def test_a_remapped_label_is_a_move_of_status_like_any_other(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, OLD) as world:
        populated(world)
        new = with_labels(TEXTS | {"Trending": INTERNAL, "Lost phone": INTERNAL})
        labels = {label.text: label for label in new.labels}
        mapping = {Label.TRENDING: labels["Trending"], Label.LOST_PHONE: labels["Lost phone"]}
        done = mended(world, new, mapping)
        assert codes(done) == {f"lost_phone-{number}": {RefusalCode.NO_TRANSITION} for number in range(2)}
        assert [row.customer for row in done.moved] == ["trending-0", "trending-1"]
        assert world.under(new).status("trending-0") is INTERNAL
        assert told(check_upgrade(OLD, new, world.store).remapped) == {("suspended", "Lost phone"): 2}
        # The way to go: to another label of the old status.
        done = mended(world, new, {Label.LOST_PHONE: labels["Abroad"]})
        assert len(done.moved) == 2
        assert check_upgrade(OLD, new, world.store).is_ready


def test_the_gate_is_as_strict_as_for_anybody() -> None:
    world = populated(in_memory(OLD))
    world.operate("regular-0", Label.LEAVING)
    new = with_labels(without("Leaving", "Unusual", "Lost phone", Away=CustomerStatus.PENDING_DELETION))
    labels = {label.text: label for label in new.labels}
    mapping = {Label.LEAVING: labels["Away"], Label.UNUSUAL: labels["Watched"], Label.LOST_PHONE: labels["Abroad"]}
    before = world.everything()
    done = mended(world, new, mapping, actor=MACHINE, channel=Channel.API, reason=" ", reason_code=None)
    assert codes(done) == {
        "regular-0": {RefusalCode.NO_TRANSITION},
        **{f"unusual-{number}": {RefusalCode.PERSON_NEEDED, RefusalCode.REASON_NEEDED} for number in range(2)},
        **{f"lost_phone-{number}": {RefusalCode.REASON_NEEDED} for number in range(2)},
    }
    assert done.moved == ()
    assert world.everything() == before
    # With a move of its own, that of PENDING_DELETION is made too; and the way back from there is kept.
    renaming = Transition(
        CustomerStatus.PENDING_DELETION,
        CustomerStatus.PENDING_DELETION,
        "relabel_leaving",
        frozenset({Requirement.REASON}),
    )
    new = evolve(new, lifecycles=[CUSTOMER_STATUS.adding(renaming), *ON[1:]])
    assert len(mended(world, new, mapping).moved) == 5
    came = world.under(new).restore("regular-0")
    assert isinstance(came, Applied)
    assert came.entries[0].to_label == "Regular"


def test_labels_cannot_be_given_up_altogether_while_they_are_in_use() -> None:
    world = in_memory(OLD)
    world.desk.register("a")
    new = OrgConfig("acme", NoLabels)
    assert "keep one" in check_upgrade(OLD, new, world.store).lost[0].advice
    done = mended(world, new, {Label.REGULAR: ACTIVE})
    assert codes(done) == {"a": {RefusalCode.NO_CHANGE}}


@pytest.mark.parametrize("kind", STORES)
def test_labels_come_to_an_organisation_that_had_none(kind: str, tmp_path: Path) -> None:
    plain = OrgConfig("acme", NoLabels)
    with opened(kind, tmp_path, plain) as world:
        world.desk.register("a")
        world.desk.register("b", SUSPENDED, reason="lost")
        assert check_upgrade(plain, OLD, world.store).is_clean
        after = world.under(OLD)
        after.desk.register("c", Label.TRENDING)
        done = mended(world, OLD, {ACTIVE: Label.TRENDING, SUSPENDED: SUSPENDED})
        assert [row.customer for row in done.moved] == ["a", "b"]
        assert (after.label("a"), after.label("b")) == (Label.TRENDING, Label.LOST_PHONE)
        assert mended(world, OLD, {ACTIVE: Label.TRENDING}).rows == ()


def test_a_label_that_has_the_text_of_its_status_is_another_place_than_none() -> None:
    plain = OrgConfig("acme", NoLabels)
    world = in_memory(plain)
    world.desk.register("bare")
    named = with_labels({"active": ACTIVE, "Regular": ACTIVE})
    labels = {label.text: label for label in named.labels}
    world.under(named).desk.register("named")
    done = upgrade(named, named, world.store, {labels["active"]: labels["Regular"]}, actor=AGENT, now=world.clock())
    assert [row.customer for row in done.rows] == ["named"]
    assert [row.customer for row in mended(world, named, {ACTIVE: labels["Regular"]}).rows] == ["bare"]


def test_a_status_is_all_its_labels_but_those_named_themselves() -> None:
    # D26
    world = populated(in_memory(OLD))
    new = with_labels(without("Regular", "Trending", "Dormant", Gold=ACTIVE, Silver=ACTIVE))
    labels = {label.text: label for label in new.labels}
    done = mended(world, new, {ACTIVE: labels["Silver"], Label.TRENDING: labels["Gold"]})
    assert {row.customer: row.target for row in done.moved} == {
        **{f"trending-{number}": labels["Gold"] for number in range(2)},
        **{f"regular-{number}": labels["Silver"] for number in range(2)},
    }
    # One of the labels may be the target: whoever stands there stays.
    after = world.under(new)
    merged = upgrade(new, new, world.store, {ACTIVE: labels["Gold"]}, actor=AGENT, now=world.clock())
    assert [row.customer for row in merged.moved] == ["regular-0", "regular-1"]
    assert merged.run.startswith("upgrade-2024-01-01")
    assert after.label("trending-0") is labels["Gold"]


def test_without_a_stop_by_way_of_a_configuration_that_has_both() -> None:
    # D24: no label is ever in use that the configuration of the moment does not have.
    world = populated(in_memory(OLD))
    both = with_labels(TEXTS | {"Buying more": ACTIVE})
    labels = {label.text: label for label in both.labels}
    assert check_upgrade(OLD, both, world.store).is_clean
    serving = world.under(both)
    assert (
        len(
            upgrade(
                both, both, world.store, {labels["Trending"]: labels["Buying more"]}, actor=AGENT, now=world.clock()
            ).moved
        )
        == 2
    )
    assert serving.label("trending-0") is labels["Buying more"]
    last = with_labels(without("Trending", Buying_more=ACTIVE))
    assert check_upgrade(both, last, world.store).is_clean


# -- statuses of the host's own ---------------------------------------------------------------------------------------


class Tier(Status):
    SILVER = "silver"
    GOLD = "gold"


class NewTier(Status):
    SILVER = "silver"
    GOLD = "golden"


class MendedTier(Status):
    SILVER = "silver"
    GOLD = "golden"
    RETIRED_GOLD = "gold"


def tiers(statuses: Any, *more: Transition[Any]) -> OrgConfig[Label]:
    """The organisation with the host's tiers."""
    transitions = [
        Transition(None, statuses.SILVER, "join"),
        Transition(statuses.SILVER, statuses.GOLD, "rise"),
        Transition(statuses.GOLD, statuses.SILVER, "fall"),
        *more,
    ]
    return OrgConfig("acme", Label, lifecycles=[CUSTOMER_STATUS, Lifecycle("tier", statuses, tuple(transitions))])


@pytest.mark.parametrize("kind", STORES)
def test_a_status_stored_otherwise_is_lost_until_it_is_declared_as_retired(kind: str, tmp_path: Path) -> None:
    before, after = tiers(Tier), tiers(NewTier)
    with opened(kind, tmp_path, before) as world:
        for name in ("a", "b", "closed"):
            world.desk.register(name, Tier.SILVER)
            world.desk.change(name, Tier.GOLD, reason="buys much")
        world.desk.change("closed", DELETED, reason="at his wish")
        checked = check_upgrade(before, after, world.store)
        assert told(checked.lost) == {("gold", None): 2}
        assert told(checked.closed) == {("gold", None): 1}
        assert "keep its value in the new enum, with a transition out of it" in checked.lost[0].advice
        refused = mended(world, after, {Tier.GOLD: NewTier.GOLD})
        assert codes(refused) == {"a": {RefusalCode.NO_TRANSITION}, "b": {RefusalCode.NO_TRANSITION}}
        assert refused.closed == ("closed",)
        # As advised:
        retired = tiers(MendedTier, Transition(MendedTier.RETIRED_GOLD, MendedTier.GOLD, "rename"))
        checked = check_upgrade(before, retired, world.store)
        assert checked.is_ready
        assert [(row.source, row.target, row.entries) for row in checked.illegal] == [("silver", "gold", 3)]
        done = mended(world, retired, {Tier.GOLD: MendedTier.GOLD})
        assert [row.customer for row in done.moved] == ["a", "b"]
        service = world.under(retired).service
        standing = service.standing("a", retired.lifecycles[1])
        assert standing is not None
        assert standing.status is MendedTier.GOLD
        assert service.verify().faults == ()
        # The closed account stands there for good: it can be read as long as the value is kept.
        assert service.standing("closed", retired.lifecycles[1]) is not None
        assert mended(world, retired, {Tier.GOLD: MendedTier.GOLD}).rows == ()


def test_nobody_is_stranded_at_what_closes_the_account_now() -> None:
    open_end = Lifecycle(
        "tier", Tier, (Transition(None, Tier.GOLD, "join"), Transition(Tier.GOLD, Tier.SILVER, "fall"))
    )
    before = OrgConfig("acme", Label, lifecycles=[CUSTOMER_STATUS, open_end])
    world = in_memory(before)
    world.desk.register("a", Tier.GOLD)
    after = evolve(before, lifecycles=[CUSTOMER_STATUS, open_end.without((Tier.GOLD, Tier.SILVER))])
    assert told(check_upgrade(before, after, world.store).stranded) == {("gold", None): 1}
    last = evolve(open_end.without((Tier.GOLD, Tier.SILVER)), closing=frozenset({Tier.GOLD}))
    after = evolve(before, lifecycles=[CUSTOMER_STATUS, last], waives=[Waiver.CLOSING_MAY_BE_UNBLOCKED])
    assert check_upgrade(before, after, world.store).is_clean


# -- idle labels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STORES)
def test_a_renamed_idle_label_leads_back_where_the_old_one_did(kind: str, tmp_path: Path) -> None:
    # D63
    with opened(kind, tmp_path, evolve(OLD, idle=[IdleRule(IDLE_AFTER, Label.DORMANT)])) as world:
        world.desk.register("a", Label.TRENDING)
        world.clock.forward(days=200)
        world.service.sweep()
        assert world.label("a") is Label.DORMANT
        new = with_labels(without("Dormant", Asleep=ACTIVE))
        labels = {label.text: label for label in new.labels}
        new = evolve(new, idle=[IdleRule(IDLE_AFTER, labels["Asleep"])])
        assert len(mended(world, new, {Label.DORMANT: labels["Asleep"]}).moved) == 1
        assert check_upgrade(world.config, new, world.store).is_clean
        after = world.under(new)
        world.clock.forward(days=1)
        after.bought("a", "sale")
        assert after.label("a") is labels["Trending"]
        assert after.service.verify().faults == ()


def test_an_idle_label_that_is_retired_into_another_ends_being_set_aside() -> None:
    world = in_memory(evolve(OLD, idle=[IdleRule(IDLE_AFTER, Label.DORMANT)]))
    world.desk.register("a", Label.TRENDING)
    world.clock.forward(days=200)
    world.service.sweep()
    new = with_labels(without("Dormant"))
    assert len(mended(world, new, {Label.DORMANT: ACTIVE}).moved) == 1
    after = world.under(new)
    standing = after.service.standing("a", CUSTOMER_STATUS)
    assert standing is not None
    assert (standing.label.text if standing.label else None, standing.return_to) == ("Regular", None)


# -- failures and rivals ----------------------------------------------------------------------------------------------


class FailingStore(RelayStore):
    """Fails at one commit, before or after it was made."""

    def __init__(self, store: Store, at: int, *, made: bool) -> None:
        super().__init__(store)
        self.left, self.made = at, made

    def commit(self, plan: Plan) -> Applied | Snapshot:
        self.left -= 1
        if self.left == 0:
            if self.made:
                self.store.commit(plan)
            raise StoreError("the engine is gone")
        return self.store.commit(plan)


@pytest.mark.parametrize("made", [False, True])
@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.parametrize("kind", STORES)
def test_an_upgrade_that_failed_is_run_again_and_nobody_moves_twice(
    kind: str, at: int, made: bool, tmp_path: Path
) -> None:
    with opened(kind, tmp_path, OLD) as world:
        populated(world)
        with pytest.raises(StoreError):
            mended(world, RENAMED, MAP, store=FailingStore(world.store, at, made=made))
        half = {row.customer for row in mended(world, RENAMED, MAP).moved}
        assert len(half) == 8 - (at - 1) - made
        entries = world.store.page(Log(org="acme", limit=1_000)).items
        assert Counter(entry.customer for entry in entries if entry.run == "run-1") == {
            f"{name}-{number}": 1 for name in ("trending", "lost_phone", "abroad", "unusual") for number in range(2)
        }
        assert check_upgrade(OLD, RENAMED, world.store).is_clean
        assert world.under(RENAMED).service.verify().faults == ()


class RivalStore(RelayStore):
    """Lets somebody else in, once, before a read or before a commit."""

    def __init__(self, store: Store, before: str, rival: Callable[[], object]) -> None:
        super().__init__(store)
        self.before, self.rival = before, rival

    def _let_in(self, verb: str) -> None:
        if verb == self.before:
            self.before = ""
            self.rival()

    def read(self, prepared: PreparedChange) -> Snapshot:
        self._let_in("read")
        return self.store.read(prepared)

    def commit(self, plan: Plan) -> Applied | Snapshot:
        self._let_in("commit")
        return self.store.commit(plan)


@pytest.mark.parametrize("kind", STORES)
def test_whoever_moved_meanwhile_is_left_alone(kind: str, tmp_path: Path) -> None:
    with opened(kind, tmp_path, OLD) as world:
        world.desk.register("a", Label.TRENDING)
        rival = RivalStore(world.store, "read", lambda: world.desk.change("a", Label.ABROAD, reason="travels"))
        assert mended(world, RENAMED, {Label.TRENDING: NEW["Buying more"]}, store=rival).rows == ()
        assert world.label("a") is Label.ABROAD
        world.desk.change("a", Label.TRENDING, reason="is back")
        rival = RivalStore(world.store, "commit", lambda: world.desk.change("a", Membership.ENROLLED, reason="joins"))
        done = mended(world, RENAMED, {Label.TRENDING: NEW["Buying more"]}, store=rival)
        assert codes(done) == {"a": {RefusalCode.OTHER_VERSION}}
        assert len(mended(world, RENAMED, {Label.TRENDING: NEW["Buying more"]}).moved) == 1


@pytest.mark.parametrize("kind", STORES)
def test_who_came_to_the_same_text_in_the_new_status_meanwhile_is_left_alone(kind: str, tmp_path: Path) -> None:
    new = with_labels(TEXTS | {"Trending": INTERNAL})
    labels = {label.text: label for label in new.labels}
    with opened(kind, tmp_path, OLD) as world:
        world.desk.register("a", Label.TRENDING)
        after = world.under(new)
        rival = RivalStore(
            world.store, "read", lambda: after.desk.change("a", labels["Trending"], reason="works for us")
        )
        assert mended(world, new, {Label.TRENDING: labels["Regular"]}, store=rival).rows == ()
        assert after.status("a") is INTERNAL


# -- maps that are none -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ({Label.TRENDING: Membership.ENROLLED}, "on customer_status"),
        ({ForeignLabel.REGULAR: NEW["Regular"]}, "of the old configuration"),
        ({Label.TRENDING: Label.REGULAR}, "of the new configuration"),
        ({Label.TRENDING: "Regular"}, "of the new configuration"),
        ({Consent.ASKED: NEW["Regular"]}, "of the old configuration"),
        ({None: NEW["Regular"]}, "of the old configuration"),
        ({Label.CLOSED: NEW["Closed"]}, "closed ones take no change"),
        ({DELETED: NEW["Closed"]}, "closed ones take no change"),
        ({Label.REGULAR: NEW["Regular"]}, "upgrade twice"),
        ({Label.TRENDING: NEW["Regular"], Label.REGULAR: NEW["Buying more"]}, "upgrade twice"),
        ({Label.TRENDING: NEW["Regular"], "Trending": NEW["Buying more"]}, "each source once"),
        ([(Label.TRENDING, NEW["Regular"])], "a mapping"),
    ],
)
def test_a_map_that_cannot_be_one_is_refused_whole(mapping: Any, said: str) -> None:
    world = populated(in_memory(OLD))
    before = world.everything()
    with pytest.raises(InvalidInputError, match=said):
        mended(world, RENAMED, mapping)
    assert world.everything() == before


def test_two_organisations_are_no_upgrade() -> None:
    world = in_memory(OLD)
    other: Any = OrgConfig("other", Label)
    for attempt in (
        lambda: check_upgrade(OLD, other, world.store),
        lambda: mended(world, other, {}),
        lambda: check_upgrade(OLD, None, world.store),  # type: ignore[arg-type]
        lambda: check_upgrade(OLD, OLD, world.store, examples=-1),
        lambda: mended(world, OLD, {}, run=""),
    ):
        with pytest.raises(InvalidInputError):
            attempt()


# -- the property -----------------------------------------------------------------------------------------------------

entered = st.sampled_from([*(label for label in Label if label is not Label.PROVEN and label is not Label.LEAVING)])


@given(st.data())
@some_examples
def test_after_an_upgrade_nothing_is_lost_but_what_was_refused(data: st.DataObject) -> None:
    world = in_memory(OLD)
    other = World(OrgConfig("other", Label), world.store, clock=world.clock)
    other.desk.register("c-0", Label.TRENDING)
    others = other.everything()
    for number, label in enumerate(data.draw(st.lists(entered, max_size=10))):
        world.desk.register(f"c-{number}", label, reason="so it begins")
        for target in data.draw(st.lists(st.sampled_from(list(Label)), max_size=3)):
            # By an operation of the system's own and a member of staff, so that every status is reached.
            outcome(lambda: world.make(world.request(f"c-{number}", target, requested_by=RequestedBy.STAFF)))  # noqa: B023
            outcome(lambda: world.desk.change(f"c-{number}", target, reason="so it goes"))  # noqa: B023
    gone = data.draw(st.sets(st.sampled_from([text for text, status in TEXTS.items() if status is not DELETED])))
    drawn = data.draw(st.dictionaries(st.sampled_from(sorted(set(TEXTS) - {"Closed"})), statuses, max_size=2))
    moved = {text: status for text, status in drawn.items() if text not in gone}
    labels = {text: moved.get(text, status) for text, status in TEXTS.items() if text not in gone}
    labels |= {f"New {text}": TEXTS[text] for text in (*sorted(gone), *moved)}
    new = with_labels(labels)
    by_text = {label.text: label for label in new.labels}
    mapping = {text: by_text[f"New {text}"] for text in (*gone, *moved)}
    before = {account.customer: account for account in world.store.page(Accounts(org="acme"))}

    done = mended(world, new, mapping)

    checked: UpgradeCheck = check_upgrade(OLD, new, world.store)
    refused = {row.customer for row in done.refused}
    # Only PENDING_DELETION has no move to another label.
    assert {name for row in (*checked.lost, *checked.remapped) for name in row.customers} == refused
    assert all(before[name].standing("customer_status").status == "pending_deletion" for name in refused)  # type: ignore[union-attr]
    assert checked.closed == ()
    assert checked.stranded == ()
    assert world.under(new).service.verify().faults == ()
    touched = {row.customer for row in done.moved}
    for account in world.store.page(Accounts(org="acme")):
        was = before[account.customer]
        assert account.version == was.version + (account.customer in touched)
        if account.customer not in touched:
            assert account == was
    entries = world.store.page(Log(org="acme", limit=1_000)).items
    assert sorted(entry.customer for entry in entries if entry.run == "run-1") == sorted(touched)
    assert other.everything() == others
    assert mended(world, new, mapping).moved == ()


def test_the_past_is_read_under_what_it_was_written_under() -> None:
    world = in_memory(OLD)
    world.desk.register("a", Label.TRENDING)
    then = world.clock()
    world.clock.forward(days=1)
    assert mended(world, RENAMED, {Label.TRENDING: NEW["Buying more"]}).moved
    after = world.under(RENAMED).service
    assert [entry.to_label for entry in after.history("a") if entry.to_label] == ["Trending", "Buying more"]
    with pytest.raises(StoredValueError):
        after.standing("a", CUSTOMER_STATUS, at=then)
    standing = world.service.standing("a", CUSTOMER_STATUS, at=then)
    assert standing is not None
    assert standing.label is Label.TRENDING


def test_a_host_that_switches_a_lifecycle_on_has_nothing_to_mend() -> None:
    world = populated(in_memory(OLD))
    assert check_upgrade(OLD, evolve(OLD, lifecycles=[*ON, CONSENT]), world.store).is_clean
    assert refusal(lambda: world.desk.change("regular-0", Consent.ASKED, reason="x")).codes
    assert ACME.org == OLD.org
