"""
Charts: what a `statemachine.StateMachine` class may declare so that a transition table can hold all of it.

A chart starts at a state named `unset` (the account is not on this lifecycle yet), so registering is a transition like any
other, and it holds transitions only: whatever else it declares (guards, callbacks, listeners, nesting, ambiguous edges) is
refused by name. The engine itself is never run by this library; the tests use it as the oracle for the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from statemachine import State, StateMachine
from statemachine.state import HistoryState
from statemachine.states import States

from custstatus.errors import ChartError

if TYPE_CHECKING:
    from statemachine.event import Event
    from statemachine.transition import Transition

__all__ = ["Edge", "chart_edges"]


class Edge(NamedTuple):
    """One transition of a chart."""

    source: Any
    """None is unset."""
    target: Any
    event: str
    why: str


def chart_edges(statuses: type[Enum], chart: type[StateMachine]) -> tuple[Edge, ...]:
    """
    Every transition of a chart over the members of an enum.

    Raises:
        ChartError: The chart declares something that a table cannot hold; every offender is named.
    """
    faults = list(_chart_faults(statuses, chart))
    if faults:
        raise ChartError(f"chart {getattr(chart, '__name__', chart)}", faults)
    return tuple(
        Edge(None if state.id == "unset" else state.value, transition.target.value, event.id, str(event.name))
        for state in chart.states
        for transition in state.transitions
        if transition.target is not None
        for event in transition.events
    )


# What a chart class may hold beside its states and events: what the engine and Python put there, and the switches of
# the engine's own validation.
_KNOWN = frozenset(
    {
        *vars(type("_Empty", (StateMachine,), {})),
        *("initial_state", "final_states"),
        *("validate_disconnected_states", "validate_trap_states", "validate_final_reachability"),
    }
)

# The engine takes other names for patterns, for callbacks or for members of its own.
_EVENT = re.compile(r"(?!(?:on|before|after|error|done|invoke|enter|exit|prepare)_)[a-z][a-z0-9_]{0,63}")


def _events(chart: type[StateMachine]) -> list[Event]:
    return list(cast("list[Event]", chart.events))


def _chart_faults(statuses: type[Enum], chart: type[StateMachine]) -> Iterator[str]:
    """Everything in a chart that a transition table cannot hold, each by its name."""
    if not (isinstance(chart, type) and issubclass(chart, StateMachine)):
        yield f"{getattr(chart, '__name__', chart)} is no StateMachine (a StateChart ignores illegal and unknown events)"
        return
    states, events = list(chart.states), _events(chart)
    known = _KNOWN | {state.id for state in states} | {event.id for event in events}
    for owner in chart.__mro__:
        if owner not in StateMachine.__mro__:
            for name, value in vars(owner).items():
                if name not in known and not isinstance(value, States) and not _pythons_own(name, value):
                    expected = "a chart holds transitions only (no callback, guard, listener or attribute)"
                    yield f"{name!r} is not a transition: {expected}"
    yield from (fault for event in events for fault in _event_faults(event))
    for state in states:
        yield from _state_faults(statuses, state)
    values = [state.value for state in states if isinstance(state.value, statuses)]
    missing = [status.name for status in statuses if status not in values]
    if missing:
        yield f"statuses without a state in the chart: {', '.join(missing)}"
    twice = sorted({value.name for value in values if values.count(value) > 1})
    if twice:
        yield f"statuses with two states in the chart: {', '.join(twice)}"
    if not any(state.id == "unset" and state.initial for state in states):
        yield "the chart must start at a state named 'unset' (State(initial=True))"


def _pythons_own(name: str, value: object) -> bool:
    """Whether Python itself puts such a name into a class, as each version does others: what is no function of the author's."""
    if not (name.startswith("__") and name.endswith("__")):
        return False
    return name.startswith("__annotate") or not (
        callable(value) or isinstance(value, (classmethod, staticmethod, property))
    )


def _event_faults(event: Event) -> Iterator[str]:
    if event.delay or event.internal:
        yield f"event {event.id!r} is delayed or internal"
    if not _EVENT.fullmatch(event.id) or hasattr(StateMachine, event.id):
        yield f"event {event.id!r}: the engine takes such a name for something else; use lower-case words"


def _state_faults(statuses: type[Enum], state: State) -> Iterator[str]:
    if state.states or state.parallel or state.history or isinstance(state, HistoryState):
        yield f"state {state.id!r} is nested, parallel or has a history"
        return
    if (state.id == "unset") is isinstance(state.value, statuses):
        expected = "no member" if state.id == "unset" else "a member"
        yield f"state {state.id!r} must have as its value {expected} of {statuses.__name__}"
    if any(not spec.is_convention for spec in state._specs):
        yield f"state {state.id!r} has a callback on entering, leaving or staying"
    for transition in state.transitions:
        yield from _edge_faults(state, transition)


def _edge_faults(state: State, transition: Transition) -> Iterator[str]:
    targets = ", ".join(target.id for target in transition.targets) or "nowhere"
    edge = f"{state.id} -> {targets}"
    if len(transition.targets) != 1:
        yield f"{edge}: a transition has one target"
    elif transition.targets[0].id == "unset":
        yield f"{edge}: nothing leads back to unset"
    if len(list(transition.events)) != 1:
        names = ", ".join(sorted(event.id for event in transition.events)) or "none"
        yield f"{edge}: expected one event, found {names}"
    if transition.internal:
        yield f"{edge}: is internal"
    # The engine itself attaches the conventional names (`on_x`); whatever else is attached is a callback or a guard.
    for spec in transition._specs:
        if not spec.is_convention:
            yield f"{edge}: has a guard or callback {spec.attr_name!r}"
