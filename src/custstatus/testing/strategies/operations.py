"""Strategies of what hosts do: few customers, keys and identifiers, so that they meet again and again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from hypothesis import strategies as st

from custstatus import (
    Action,
    Actor,
    ActorKind,
    Channel,
    Effect,
    Identifier,
    Lifecycle,
    OrgConfig,
    RequestedBy,
    Status,
    StatusLabel,
    SweepLimits,
)
from custstatus.tables import StatusRow
from custstatus.testing.operations import (
    AddIdentifier,
    Ask,
    Change,
    Find,
    Look,
    Manner,
    Operation,
    Preview,
    Register,
    RemoveIdentifier,
    ReplaceIdentifier,
    Report,
    Restore,
    Sweep,
    Wait,
    Wander,
)
from custstatus.testing.runs import Import, Reverse

__all__ = ["CUSTOMERS", "bulk_operations", "manners", "operation_runs", "operations", "targets"]

CUSTOMERS = ("c-1", "c-2", "c-3")
"""The customers of a random run, the first two the busiest."""

T = TypeVar("T")

_RUNS = ("run-1", "run-2")
_KEYS = ("k-1", "k-2", "k-3", "k-4")
_ACTORS = (
    Actor("agent-7", name="Ada"),
    Actor("agent-7", name="Ada"),
    Actor("agent-8"),
    Actor("crm", ActorKind.SYSTEM),
    Actor("c-1", ActorKind.CUSTOMER, name="Ines"),
)
_MICROSECOND = timedelta(microseconds=1)
_AGO = (timedelta(0), timedelta(0), _MICROSECOND, timedelta(hours=1), timedelta(days=2), timedelta(days=400))
_WAITS = (_MICROSECOND, timedelta(minutes=1), timedelta(days=1), timedelta(days=31), timedelta(days=200))


def manners(keys: tuple[str, ...] = _KEYS) -> st.SearchStrategy[Manner]:
    """Who, by which way, and what he says; mostly a member of staff, with a reason and no key."""
    reasons = ("as asked", "as asked", "as asked", "", "  ", None, "naïve 😀\nsecond line", "x" * 1_000)
    return st.builds(
        Manner,
        st.sampled_from(_ACTORS),
        st.sampled_from(Channel),
        st.sampled_from((None, None, None, *RequestedBy)),
        st.sampled_from(reasons),
        st.sampled_from((None, None, None, "lost_phone")),
        st.sampled_from((None,) * 2 * len(keys) + keys),
    )


def targets(config: OrgConfig[Any]) -> st.SearchStrategy[Status | StatusLabel]:
    """A label of the organisation, or a status of one of its lifecycles."""
    labels: type[StatusLabel] = config.labels
    places: list[Status | StatusLabel] = [*labels]
    places += [status for lifecycle in config.lifecycles for status in lifecycle.statuses]
    return st.sampled_from(places)


def operations(config: OrgConfig[Any]) -> st.SearchStrategy[Operation]:
    """One operation of any kind, on one of a few customers; most change something."""
    customers = st.sampled_from((*CUSTOMERS[:2] * 4, *CUSTOMERS))
    names = [lifecycle.name for lifecycle in config.lifecycles]
    lifecycles = st.sampled_from(names[:1] * 4 + names)
    kinds = st.sampled_from(config.identifiers[:2])
    identifiers = st.builds(Identifier, kinds, st.sampled_from(("1", "2")))
    replaced = kinds.flatmap(lambda kind: st.permutations([Identifier(kind, value) for value in ("1", "2", "3")]))
    manner = manners()
    keyed = st.builds(Manner, key=st.sampled_from(_KEYS))
    staff = _any([st.just(Manner())] * 3 + [keyed, manner])
    target = targets(config)
    ago = st.sampled_from((*(None,) * 6, *_AGO, -_MICROSECOND))
    beside = st.sampled_from((*(None,) * 6, 0, 0, 0, -1, 1))
    activity = st.tuples(
        customers,
        st.sampled_from((Action.TRANSACTION, Action.TRANSACTION, Action.POINTS_REDEMPTION)),
        st.sampled_from(("r-1", "r-2", "r-3")),
        st.sampled_from((*_AGO, timedelta(days=-1))),
        st.sampled_from((None, Decimal("9.90"), Decimal("-0.00"))),
        st.sampled_from((Effect.ALLOW, Effect.ALLOW, *Effect)),
    )
    wander = st.builds(Wander, customers, st.integers(0, 23), lifecycles, staff, ago, beside)
    change = st.builds(Change, customers, target, staff, ago, beside)
    restore = st.builds(Restore, customers, lifecycles, staff, beside)
    wait = st.builds(Wait, st.sampled_from((*_WAITS, -timedelta(hours=2))))
    often: list[st.SearchStrategy[Operation]] = [wander, wander, wander, wander, change, change, restore, restore, wait]
    seldom: list[st.SearchStrategy[Operation]] = [
        st.builds(
            Register,
            customers,
            st.lists(target, max_size=2).map(tuple),
            st.lists(identifiers, max_size=2, unique_by=lambda each: each.type).map(tuple),
            manner,
            ago,
        ),
        st.builds(AddIdentifier, customers, identifiers, manner),
        st.builds(lambda who, of, how: ReplaceIdentifier(who, of[0], of[1], how), customers, replaced, manner),
        st.builds(RemoveIdentifier, customers, identifiers, manner),
        st.builds(Report, st.lists(activity, max_size=3).map(tuple)),
        st.builds(Preview, customers, target, manner),
        st.builds(Find, identifiers),
        st.builds(Ask, customers, st.sampled_from(Action)),
        st.builds(Look, customers, st.sampled_from(_AGO), st.integers(1, 5)),
    ]
    return _any([*often, *often, *seldom, *[bulk_operations(config)] * 4])


def bulk_operations(config: OrgConfig[Any]) -> st.SearchStrategy[Operation]:
    """Imports, reversals and sweeps, of runs that are begun again and again."""
    runs = st.sampled_from((None, *_RUNS))
    limits = st.builds(
        SweepLimits,
        most=st.sampled_from((None, None, None, 0, 1)),
        share=st.sampled_from((None, None, None, 0.5, 1.0)),
        grace=st.sampled_from((None, None, timedelta(days=30), _MICROSECOND)),
        exempt=st.sampled_from((frozenset(), frozenset(), frozenset(CUSTOMERS[:1]))),
    )
    after = st.sampled_from((timedelta(0), timedelta(days=31), timedelta(days=200), timedelta(days=200)))
    sweep = st.builds(Sweep, st.sampled_from((False, False, True)), runs, st.just(SweepLimits()) | limits, after)
    staff = st.just(Manner(channel=Channel.IMPORT))
    imports = [
        st.builds(
            Import,
            _tables(config, lifecycle),
            st.just(lifecycle.name),
            staff | staff | manners(),
            runs,
            st.sampled_from((None, "approval-1", "approval-1")),
            st.sampled_from((False, False, False, True)),
        )
        for lifecycle in config.lifecycles
    ]
    reverse = st.builds(
        Reverse, st.sampled_from(_RUNS), st.just(Manner()) | manners(), st.sampled_from((False, False, True))
    )
    return _any([*[sweep] * 5, *imports[:1] * 4, *imports, *[reverse] * 3])


def _tables(config: OrgConfig[Any], lifecycle: Lifecycle[Any]) -> st.SearchStrategy[tuple[StatusRow, ...]]:
    """The rows of a table: mostly of each customer once, mostly to one place."""
    places = [status.name for status in lifecycle.statuses] + [str(status.value) for status in lifecycle.statuses]
    if lifecycle.name == config.lifecycles[0].name:
        places += [label.text for label in config.labels] * 3
    identifiers = st.tuples(st.sampled_from(config.identifiers[:2]), st.sampled_from(("1", "2")))
    whom = [(customer, ()) for customer in CUSTOMERS]
    others = st.tuples(st.sampled_from((None, "nobody", CUSTOMERS[0])), st.lists(identifiers, max_size=2).map(tuple))
    said = st.tuples(
        st.sampled_from((None, None, "its own", "", " ")), st.sampled_from((None, "shop-1")), st.integers(0, 5)
    )

    def row(line: int, named: Any, target: str, other: str, own: tuple[str | None, str | None, int]) -> StatusRow:
        reason, shop, turn = own
        customer, held = named
        return StatusRow(line, customer, held, other if turn == 0 else target, reason, shop)

    target = st.sampled_from((*places, "nowhere"))
    named = st.permutations(whom) | st.permutations(whom) | st.lists(others | st.sampled_from(whom), max_size=4)
    return st.tuples(named, target, target, st.lists(said, min_size=4, max_size=4)).map(
        lambda drawn: tuple(
            row(line, each, drawn[1], drawn[2], own)
            for line, (each, own) in enumerate(zip(drawn[0], drawn[3], strict=False), 2)
        )
    )


def _any(several: Sequence[st.SearchStrategy[T]]) -> st.SearchStrategy[T]:
    """One of several, as often as it is among them: `one_of` takes the same strategy once only."""
    return st.sampled_from(several).flatmap(lambda each: each)


def operation_runs(
    config: OrgConfig[Any], also: st.SearchStrategy[Operation] | None = None, most: int = 30
) -> st.SearchStrategy[list[Operation]]:
    """
    Operations one after the other, on customers of whom all but the last are registered first; some are repeated word for word.

    Args:
        config: The organisation.
        also: More kinds of operation, mixed in half and half.
        most: The longest run.
    """
    kinds = operations(config) if also is None else st.one_of(operations(config), also)
    return _runs(config.identifiers[0], kinds, most)


@st.composite
def _runs(draw: st.DrawFn, identifier: str, kinds: st.SearchStrategy[Operation], most: int) -> list[Operation]:
    least = min(8, most)
    run: list[Operation] = [
        Register(customer, identifiers=(Identifier(identifier, value),))
        for customer, value in zip(CUSTOMERS, ("1", "2"), strict=False)
    ]
    run += draw(st.lists(kinds, min_size=least, max_size=most))
    for place, again in draw(st.lists(st.tuples(st.integers(0, most), st.integers(0, most)), max_size=3)):
        # What was done before is done once more, later: with a key a replay, without one as if for the first time.
        run.insert(max(place, again) % (len(run) + 1), run[min(place, again) % len(run)])
    return run
