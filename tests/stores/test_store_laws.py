"""Laws, put to the test with random operations and with scripted ones: memory and SQLite behave alike, and as the gate says."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_profiles import LENGTHS
from system_changes import SystemChange, SystemRestore, system_operations

from custstatus import (
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    Actor,
    ActorKind,
    Channel,
    CustomerStatus,
    Effect,
    Identifier,
    Membership,
    MemoryStore,
    OrgConfig,
    SQLiteStore,
    StatusService,
    SweepLimits,
)
from custstatus.adapters import Log, PreparedChange, Store
from custstatus.tables import StatusRow
from custstatus.testing import ExampleLabel, applies_as_planned, example, history_folds, same_behaviour
from custstatus.testing.operations import (
    AddIdentifier,
    Ask,
    Change,
    Look,
    Manner,
    Operation,
    Register,
    RemoveIdentifier,
    ReplaceIdentifier,
    Report,
    Restore,
    Sweep,
    Wait,
)
from custstatus.testing.runs import Import, Reverse
from custstatus.testing.strategies import bulk_operations, configs, operation_runs

_ORGS = (f"org-{number}" for number in itertools.count())
_DAY = timedelta(days=1)
Run = tuple[OrgConfig[Any], list[Operation]]


@st.composite
def runs(draw: st.DrawFn) -> Run:
    """An organisation of its own, and what happens in it: two in three times the example, where most can happen."""
    org = next(_ORGS)
    if draw(st.integers(0, 2)) == 0:
        config = draw(configs(org))
        return config, draw(_operations(config))
    return example(org), draw(_OF_THE_EXAMPLE)


def _operations(config: OrgConfig[Any]) -> st.SearchStrategy[list[Operation]]:
    """Of any kind, half of them those of which there would be too few."""
    bulk = bulk_operations(config)
    return operation_runs(config, st.one_of(system_operations(config), bulk, bulk.map(lambda operation: operation)))


_OF_THE_EXAMPLE = _operations(example())
"""No operation names its organisation, and to make their strategies takes longer than most runs."""


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("other", ["sqlite", "postgres"])
def test_memory_and_the_sql_stores_behave_alike_and_fold(
    length: str, other: str, memory: MemoryStore, request: pytest.FixtureRequest
) -> None:
    """D51, D52, D53, D56."""
    sql: Store = request.getfixturevalue(other)
    seen: Counter[str] = Counter()

    @settings.get_profile(length)
    @given(runs())
    def law(run: Run) -> None:
        config, operations = run
        answers = same_behaviour(operations, memory, sql, config)
        entries = history_folds(StatusService(sql, config))
        assert history_folds(StatusService(memory, config)) == entries
        seen.update(str(answer[0]) for answer in answers)
        seen["entries"] += entries

    law()
    assert seen["answered"] > seen["raised"] / 3 > 30, f"too few were refused, or too many: {seen}"
    assert seen["entries"] > 300, f"too little happened: {seen}"


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(
    ("one", "other"), [("sqlite", "twin"), ("postgres", "postgres_twin"), ("async_postgres", "postgres_twin")]
)
def test_the_sql_stores_apply_as_planned(length: str, one: str, other: str, request: pytest.FixtureRequest) -> None:
    applying: Store = request.getfixturevalue(one)
    planning: Store = request.getfixturevalue(other)
    made: Counter[str] = Counter()

    @settings.get_profile(length)
    @given(runs())
    def law(run: Run) -> None:
        config, operations = run
        checked = applies_as_planned(operations, applying, planning, config)
        made["applied"] += len(checked.applied)
        made["plain"] += sum(change.plain is not None for change in (*checked.applied, *checked.found))
        made["moved"] += len(checked.moved)
        made["left"] += len(checked.left)

    law()
    assert made["applied"] > 60, f"too few changes were made by apply itself: {made}"
    assert made["applied"] > made["plain"] / 5, f"too many of those that apply could make were refused: {made}"
    assert made["moved"] > 9, f"too few changes were made as part of sets: {made}"
    assert made["left"] > 9, f"too few of sets were left: {made}"


_CRM = Manner(Actor("crm", ActorKind.SYSTEM), Channel.API)
_MOBILE, _OTHER, _EMAIL = Identifier("mobile", "1"), Identifier("mobile", "2"), Identifier("email", "a@b.c")


def _buys(customer: str, reference: str, ago: timedelta = timedelta(0), effect: Effect = Effect.ALLOW) -> Report:
    return Report(((customer, Action.TRANSACTION, reference, ago, Decimal("1.50"), effect),))


def _changes(*labels: Any, **given: Any) -> list[Operation]:
    return [each for label in labels for each in (Change("c-1", label, **given), Wait(_DAY))]


SCENARIOS: dict[str, list[Operation]] = {
    "suspensions within suspicions within deletions": [  # D4, D7, D8, D11, D95
        Register("c-1"),
        *_changes(ExampleLabel.TRENDING, ExampleLabel.ON_LEAVE, ExampleLabel.SUSPECTED, ExampleLabel.CONFIRMED),
        Change("c-1", ExampleLabel.REGULAR),
        Change("c-1", ExampleLabel.SUSPECTED),
        SystemChange("c-1", ExampleLabel.DELETION_PENDING),
        Change("c-1", ExampleLabel.ON_LEAVE),
        SystemChange("c-1", ExampleLabel.ON_LEAVE),
        SystemChange("c-1", ExampleLabel.SUSPECTED),
        Look("c-1"),
        SystemChange("c-1", ExampleLabel.DELETION_PENDING),
        SystemRestore("c-1"),
        SystemRestore("c-1"),
        Restore("c-1"),
        Look("c-1", 2 * _DAY),
    ],
    "cancelled and lapsed deletions": [  # D5, D11
        Register("c-1", identifiers=(_MOBILE, _EMAIL)),
        SystemChange("c-1", CustomerStatus.PENDING_DELETION, Manner(key="k-1")),
        SystemChange("c-1", CustomerStatus.PENDING_DELETION, Manner(key="k-1")),
        SystemRestore("c-1", manner=Manner(key="k-2")),
        SystemRestore("c-1", manner=Manner(key="k-2")),
        SystemChange("c-1", CustomerStatus.PENDING_DELETION),
        SystemChange("c-1", CustomerStatus.DELETED, Manner(key="k-3")),
        SystemChange("c-1", CustomerStatus.DELETED, Manner(key="k-3")),
        SystemRestore("c-1"),
        Register("c-2", identifiers=(_MOBILE, _EMAIL)),
        Look("c-1"),
        Look("c-2"),
    ],
    "holds of memberships": [  # D68, D70
        Register("c-1", (Membership.ENROLLED,)),
        Register("c-2", (Membership.ACTIVE, ExampleLabel.LOST_PHONE)),
        *(Change(customer, Membership.ON_HOLD) for customer in ("c-1", "c-2")),
        Change("c-1", ExampleLabel.SUSPECTED),
        *(Change(customer, Membership.ENROLLED) for customer in ("c-1", "c-2")),
        *(Restore(customer, MEMBERSHIP.name) for customer in ("c-1", "c-2")),
        Restore("c-1", CUSTOMER_STATUS.name),
        SystemChange("c-2", Membership.MERGED),
        Look("c-2"),
    ],
    "idle and back": [  # D60, D61, D63, D64
        *(Register(f"c-{number}") for number in range(1, 5)),
        Change("c-2", ExampleLabel.TRENDING),
        Change("c-3", ExampleLabel.LOST_PHONE),
        Wait(timedelta(days=180)),
        Sweep(),
        Wait(timedelta(microseconds=1)),
        _buys("c-4", "r-1", ago=_DAY),
        Sweep(preview=True),
        Sweep(),
        _buys("c-1", "r-1", ago=200 * _DAY),
        _buys("c-1", "r-2", effect=Effect.MARK),
        _buys("c-2", "r-1"),
        _buys("c-2", "r-1"),
        Wait(timedelta(days=185)),
        Sweep(),
        Change("c-1", ExampleLabel.SUSPECTED),
        Restore("c-1"),
        Wait(timedelta(days=700)),
        Sweep(),
        _buys("c-1", "r-3"),
        Look("c-1", timedelta(days=900)),
    ],
    "imports, limits and reversals": [  # D63, D66, D103
        *(Register(f"c-{number}", identifiers=(Identifier("mobile", f"{number}"),)) for number in range(1, 7)),
        Wait(_DAY),
        Import.of("Lost phone", "c-3", "c-1", "c-2", "nobody", "c-1", run="i-1"),
        Import.of("Lost phone", "c-3", "c-1", "c-2", "c-4", run="i-1"),
        Import.of("deleted", "c-5", "c-6", run="i-2"),
        Import.of("deleted", "c-5", run="i-2", approval="board-7"),
        Import.of("deleted", "c-6", run="i-3", approval="board-7", preview=True),
        Change("c-1", ExampleLabel.REGULAR),
        Reverse("i-1", preview=True),
        Reverse("i-1"),
        Reverse("i-1"),
        Import.of("FRAUD_SUSPECTED", "c-2", "c-1", run="i-4", approval="board-8"),
        Import(
            (
                StatusRow(1, "c-1", (), "pending_deletion", "asked by letter", "shop-1"),
                StatusRow(2, None, (("mobile", "2"),), "pending_deletion", None, "shop-2"),
                StatusRow(3, "c-3", (("mobile", "4"),), "pending_deletion", None, None),
                StatusRow(4, None, (("mobile", "9"),), "pending_deletion", None, None),
                StatusRow(5, "c-3", (), "nowhere", None, None),
            ),
            run="i-5",
        ),
        Reverse("i-5"),
        Import.of("ENROLLED", "c-1", "c-2", "c-5", lifecycle=MEMBERSHIP.name, run="i-6"),
        Import.of("ON_HOLD", "c-1", "c-2", lifecycle=MEMBERSHIP.name, run="i-7"),
        Reverse("i-7"),
        Wait(timedelta(days=179)),
        Change("c-3", ExampleLabel.TRENDING),
        Register("c-7", (ExampleLabel.TRENDING,)),
        Change("c-7", ExampleLabel.DORMANT),
        _buys("c-4", "r-1"),
        Wait(timedelta(days=182)),
        Sweep(limits=SweepLimits(most=1)),
        Sweep(limits=SweepLimits(share=0.1)),
        Sweep(preview=True, limits=SweepLimits(grace=timedelta(days=190), exempt=frozenset({"c-6"}))),
        Sweep(run="s-1", limits=SweepLimits(most=9, share=1.0, grace=timedelta(days=190), exempt=frozenset({"c-6"}))),
        Sweep(run="s-1"),
        _buys("c-4", "r-2"),
        Wait(timedelta(days=400)),
        Sweep(run="s-1"),
        Sweep(),
        Reverse("s-1"),
        Look("c-3", timedelta(days=300)),
    ],
    "identifiers": [  # D6, D108
        Register("c-1", identifiers=(_MOBILE,)),
        Register("c-2", identifiers=(_MOBILE,)),
        Register("c-2", identifiers=(_OTHER,)),
        AddIdentifier("c-1", _OTHER),
        AddIdentifier("c-1", _MOBILE),
        AddIdentifier("c-1", _EMAIL, Manner(key="k-1")),
        AddIdentifier("c-1", _EMAIL, Manner(key="k-1")),
        ReplaceIdentifier("c-1", _MOBILE, _OTHER),
        ReplaceIdentifier("c-1", _MOBILE, Identifier("mobile", "3", "shop", "a")),
        ReplaceIdentifier("c-2", _MOBILE, Identifier("mobile", "4")),
        AddIdentifier("c-2", _MOBILE),
        RemoveIdentifier("c-1", _MOBILE),
        RemoveIdentifier("c-2", _OTHER),
        AddIdentifier("c-2", Identifier("loyalty card", "1")),
        Change("c-1", CustomerStatus.DELETED),
        AddIdentifier("c-2", _EMAIL),
        Look("c-1"),
        Look("c-2"),
    ],
    "keys, times and versions": [  # D55
        Register("c-1", manner=Manner(key="k-1"), ago=_DAY),
        Register("c-1", manner=Manner(key="k-1"), ago=_DAY),
        Register("c-2", manner=Manner(key="k-1"), ago=_DAY),
        Change("c-1", ExampleLabel.LOST_PHONE, Manner(key="k-1")),
        Change("c-1", ExampleLabel.LOST_PHONE, Manner(key="k-2"), ago=_DAY + timedelta(microseconds=1)),
        Change("c-1", ExampleLabel.LOST_PHONE, Manner(key="k-2"), ago=-timedelta(microseconds=1)),
        Change("c-1", ExampleLabel.LOST_PHONE, Manner(key="k-2"), ago=_DAY, beside=1),
        Change("c-1", ExampleLabel.LOST_PHONE, Manner(key="k-2"), ago=_DAY, beside=0),
        Wait(-3 * _DAY),
        Change("c-1", ExampleLabel.REGULAR, Manner(key="k-3")),
        Change("c-1", ExampleLabel.REGULAR, Manner(key="k-3")),
        Change("c-1", ExampleLabel.TRENDING, Manner(key="k-3")),
        Wait(3 * _DAY),
        Restore("c-1", manner=Manner(key="k-4"), beside=0),
        Change("c-1", ExampleLabel.SUSPECTED, _CRM, beside=-1),
        Change("c-1", ExampleLabel.SUSPECTED, _CRM, beside=0),
        Restore("c-1", manner=Manner(key="k-4"), beside=0),
        Restore("c-1", manner=Manner(key="k-4"), beside=0),
        Ask("c-1", Action.LOGIN),
        Look("c-1", timedelta(hours=1)),
    ],
}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenarios(scenario: str, memory: MemoryStore, sqlite: SQLiteStore, twin: SQLiteStore) -> None:
    for key in (None, b"sixteen secret b"):
        config = example(next(_ORGS))
        same_behaviour(SCENARIOS[scenario], memory, sqlite, config, key=key)
        assert history_folds(StatusService(sqlite, config)) == len(sqlite.page(Log(org=config.org, limit=1_000)))
    applies_as_planned(SCENARIOS[scenario], sqlite, twin, example(next(_ORGS)))


@pytest.mark.parametrize(("one", "other"), [("sqlite", "twin"), ("postgres", "postgres_twin")])
def test_the_scenarios_have_changes_of_every_kind_made_by_the_stores(
    one: str, other: str, request: pytest.FixtureRequest
) -> None:
    applying: Store = request.getfixturevalue(one)
    planning: Store = request.getfixturevalue(other)
    applied: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for operations in SCENARIOS.values():
        checked = applies_as_planned(operations, applying, planning, example(next(_ORGS)))
        for made, changes in ((applied, checked.applied), (moved, checked.moved)):
            for change in changes:
                made.update({trait: int(has) for trait, has in traits(change).items()})
    # What only a run asks for goes by sets, what only one change has does not.
    of_runs = {"run", "approval", "shop", "quiet", "grace", "only from", "entry"}
    of_one = {"key", "expected", "given time"}
    assert {trait for trait, times in applied.items() if not times} == of_runs, f"made by apply: {applied}"
    assert {trait for trait, times in moved.items() if not times} == of_one, f"made by apply_set: {moved}"


def traits(change: PreparedChange) -> dict[str, bool]:
    """What a change has about it."""
    (step,) = change.steps
    return {
        "key": change.key is not None,
        "given time": change.at is not None,
        "expected": change.expected is not None,
        "run": change.run is not None,
        "approval": change.approval is not None,
        "shop": change.shop is not None,
        "quiet": change.quiet_since is not None,
        "grace": change.grace_since is not None,
        "entry": change.entry is not None,
        "only from": step.only_from is not None,
        "set aside": bool(step.group_statuses),
        "idle": bool(step.group_labels),
        "back": bool(step.back),
        "no label": step.label is None,
        "closes": step.closes,
    }
