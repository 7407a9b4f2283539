"""The kit's own parts: its clock, and strategies whose good values every store takes exactly and whose bad ones nobody takes."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_profiles import LENGTHS

from custstatus import (
    CUSTOMER_STATUS,
    Activity,
    Actor,
    AnyAction,
    AnyChannel,
    Identifier,
    InvalidInputError,
    MemoryStore,
    NoLabels,
    OrgConfig,
    SQLiteStore,
    StatusService,
)
from custstatus.adapters import Activities, ActivityBatch, Log, StoredActivity, Token
from custstatus.testing import ExampleLabel, MovableClock, example, strategies
from custstatus.testing.snapshots import plain

_ORGS = (f"org-{number}" for number in itertools.count())


def test_the_clock_stands_still_until_it_is_moved() -> None:
    clock = MovableClock(datetime(2024, 3, 1, tzinfo=UTC))
    assert clock() == clock() == datetime(2024, 3, 1, tzinfo=UTC)
    assert clock.advance(timedelta(microseconds=1)) == clock() == datetime(2024, 3, 1, 0, 0, 0, 1, tzinfo=UTC)
    clock.advance(-timedelta(days=1))
    assert clock().day == 29
    assert repr(clock) == "MovableClock(2024-02-29T00:00:00.000001+00:00)"
    with pytest.raises(InvalidInputError):
        MovableClock(datetime(2024, 3, 1))
    with pytest.raises(InvalidInputError):
        MovableClock("now")  # type: ignore[arg-type]


@pytest.mark.parametrize("length", LENGTHS)
def test_what_is_said_comes_back_exactly_from_both_stores(
    length: str, memory: MemoryStore, sqlite: SQLiteStore
) -> None:
    config = example()

    @settings.get_profile(length)
    @given(
        st.tuples(strategies.ids(), strategies.ids(), strategies.ids(), strategies.ids(64)),
        strategies.texts().filter(lambda text: text and not text.isspace()),
        strategies.actors(),
        strategies.channels(),
        strategies.requesters(),
        strategies.moments(),
        strategies.identifiers(),
        st.sampled_from((None, b"sixteen secret b")),
    )
    def law(
        names: Any, reason: Any, actor: Any, channel: Any, requested_by: Any, moment: Any, identifier: Any, key: Any
    ) -> None:
        customer, request, reference, code = names
        tried = OrgConfig(next(_ORGS), config.labels, lifecycles=config.lifecycles)
        answers = []
        for store in (memory, sqlite):
            service = StatusService(
                store, tried, key=key, clock=lambda: datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC)
            )
            desk = service.acting(actor, channel, requested_by=requested_by)
            desk.register(customer, identifiers=[identifier], at=moment, key=request, reason=reason)
            desk.change(customer, ExampleLabel.LOST_PHONE, reason=reason, reason_code=code, at=moment)
            service.record(Activity(customer, next(iter(tried.all_actions)), reference, moment))
            entries = store.page(Log(org=tried.org)).items
            assert [entry.customer for entry in entries] == [customer] * 4
            said = {(each.actor.id, each.actor.name, each.reason, each.channel, each.requested_by) for each in entries}
            assert said == {(actor.id, actor.name, reason, channel.value, requested_by)}
            assert {each.effective_at.isoformat() for each in entries} == {moment.astimezone(UTC).isoformat()}
            assert (entries[0].key, entries[-1].reason_code) == (request, code)
            assert service.find(identifier) == customer
            assert [each.at for each in service.by_reference(reference)] == [moment]
            standing = service.standing(customer, CUSTOMER_STATUS, at=moment)
            answers.append(plain((entries, standing, service.identifiers(customer), service.timeline(customer))))
        assert answers[0] == answers[1]

    law()


@pytest.mark.parametrize("length", LENGTHS)
def test_activities_come_back_exactly_from_both_stores(length: str, memory: MemoryStore, sqlite: SQLiteStore) -> None:
    @settings.get_profile(length)
    @given(st.lists(strategies.stored_activities(st.sampled_from(("c-1", "c-2"))), max_size=8), st.integers(1, 9))
    def law(rows: list[StoredActivity], limit: int) -> None:
        config = example(next(_ORGS))
        answers = []
        for store in (memory, sqlite):
            StatusService(store, config).acting(Actor("x")).register("c-1")
            recorded = store.record(ActivityBatch(config.org, tuple(rows), frozenset({"Regular"})))
            kept = [
                list(store.page(Activities(org=config.org, customer="c-1", newest_first=newest, limit=limit)))
                for newest in (True, False)
            ]
            first = {(row.kind, row.reference): row for row in reversed(rows) if row.customer == "c-1"}
            ordered = sorted(first.values(), key=lambda row: (row.at, row.kind, row.reference))
            assert plain(kept[1]) == plain(ordered[:limit])
            counted = [row.at for row in first.values() if row.counts]
            last = [each.last_activity_at for each in StatusService(store, config).customers(CUSTOMER_STATUS)]
            assert last == [max(counted, default=None)]
            keys = [(row.customer, row.kind, row.reference) for row in rows]
            again = (place for place, key in enumerate(keys) if keys.index(key) < place)
            assert recorded.repeats == tuple(place for place in again if rows[place].customer == "c-1")
            answers.append(plain((recorded.new, recorded.repeats, recorded.unknown, kept)))
        assert answers[0] == answers[1]

    law()


@settings.get_profile("stores")
@given(strategies.bad_ids(), strategies.bad_texts(128), strategies.bad_moments(), strategies.bad_limits())
def test_what_is_bad_is_refused(bad_id: Any, bad_text: Any, bad_moment: Any, bad_limit: Any) -> None:
    for make in (
        lambda: Actor(bad_id),
        lambda: Actor("x", name=bad_text),
        lambda: Identifier("mobile", "1", source=bad_text),
        lambda: Log(org=bad_id),
        lambda: Log(org="x", since=bad_moment),
        lambda: Log(org="x", limit=bad_limit),
    ):
        with pytest.raises(InvalidInputError):
            make()


@settings.get_profile("stores")
@given(strategies.bad_versions(), strategies.bad_cursors())
def test_what_is_bad_is_refused_by_a_service(bad_version: Any, bad_cursor: Any) -> None:
    service = StatusService(MemoryStore(), example())
    desk = service.acting(Actor("x"))
    with pytest.raises(InvalidInputError):
        desk.change("c-1", ExampleLabel.STAFF, expected=bad_version)
    with pytest.raises(InvalidInputError):
        service.history(after=bad_cursor)


@settings.get_profile("stores")
@given(strategies.configs())
def test_configurations_hold_together(config: OrgConfig[Any]) -> None:
    again = OrgConfig.from_json(config.to_json(), config.labels)
    assert (again.hash, again.to_json()) == (config.hash, config.to_json())
    assert config.has_labels is (config.labels is not NoLabels)


@pytest.mark.parametrize(
    "kind",
    [Actor, Identifier, Activity, StoredActivity, Token, AnyAction, AnyChannel, OrgConfig],
    ids=lambda kind: kind.__name__,
)
def test_hypothesis_makes_our_types_once_it_is_told(kind: type) -> None:
    strategies.register()
    made = []

    @settings(settings.get_profile("stores"), max_examples=5)
    @given(st.from_type(kind))
    def law(value: object) -> None:
        made.append(value)

    law()
    assert made
    assert all(isinstance(value, kind) for value in made)
