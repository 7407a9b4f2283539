"""What the tests of charts and tables share: the engine as the oracle, a small chart to spoil, and random charts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import pytest
from attrs import field, frozen
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from statemachine import Event, State, StateMachine
from statemachine.exceptions import TransitionNotAllowed
from statemachine.states import States

from custstatus.errors import ChartError
from custstatus.lifecycles.lifecycle import Lifecycle, Requirement, Status, Transition

Edges: TypeAlias = Mapping[tuple[Status | None, Status], str]
"""A table of moves as plain data: (source, target) to event."""

UNKNOWN_EVENT = "no_such_event"

some_charts = settings(
    max_examples=settings().max_examples // 4,
    deadline=None,
    phases=set(Phase) - {Phase.explain},
    suppress_health_check=[HealthCheck.too_slow],
)


def fires(chart: type[StateMachine], source: Status | None, event: str) -> Status | None:
    """Where the engine, restored at a state, goes for an event; None where it refuses and stays."""
    machine = chart(start_value=source)
    stood = machine.current_state_value
    try:
        machine.send(event)
    except TransitionNotAllowed:
        assert machine.current_state_value is stood
        return None
    target: Status = machine.current_state_value
    return target


def disagreements(lifecycle: Lifecycle[Any], chart: type[StateMachine]) -> list[str]:
    """Every state and event for which the table and the engine do not say the same."""
    events = (
        {str(event) for event in chart.events}
        | {transition.event for transition in lifecycle.transitions}
        | {UNKNOWN_EVENT}
    )
    found = []
    for source in (None, *lifecycle.statuses):
        for event in sorted(events):
            table = [transition.to for transition in lifecycle.out_of(source) if transition.event == event]
            target = fires(chart, source, event)
            if table != ([] if target is None else [target]):
                found.append(f"{event!r} from {source}: the table says {table}, the engine {target}")
    return found


def edges_of(lifecycle: Lifecycle[Any]) -> dict[tuple[Status | None, Status], str]:
    """A lifecycle's table as plain data."""
    return {(transition.from_, transition.to): transition.event for transition in lifecycle.transitions}


def chart_of(statuses: type[Status], edges: Edges, final: Iterable[Status] = (), *, checked: bool = True) -> Any:
    """A chart with exactly these moves; with *checked* off, the engine takes unreachable states and dead ends."""
    states = States.from_enum(statuses, initial=None, final=list(final))
    body: dict[str, Any] = {"unset": State(initial=True), "s": states}
    if not checked:
        body["validate_disconnected_states"] = body["validate_trap_states"] = False
        body["validate_final_reachability"] = False
    transitions: dict[str, Any] = {}
    for (source, target), event in edges.items():
        start = body["unset"] if source is None else getattr(states, source.name)
        transition = start.to(getattr(states, target.name))
        transitions[event] = transitions[event] | transition if event in transitions else transition
    return type(StateMachine)("Chart", (StateMachine,), body | transitions)


class Light(Status):
    """The statuses of the small chart."""

    RED = "red"
    GREEN = "green"
    DARK = "dark"


Body: TypeAlias = dict[str, Any]


def light_chart(spoil: Callable[[Body], object] = lambda body: None, *bases: type) -> Any:
    """A small sound chart, spoilt: *spoil* may change the body of the class before the class is made."""
    s: Any = States.from_enum(Light, initial=None)
    unset = State(initial=True)
    body: Body = {
        "unset": unset,
        "s": s,
        "switch_on": Event(unset.to(s.GREEN)),
        "stop": Event(s.GREEN.to(s.RED), name="somebody wants to cross"),
        "go": Event(s.RED.to(s.GREEN)),
        "fail": Event(s.RED.to(s.DARK)),
        "mend": Event(s.DARK.to(s.RED)),
    }
    spoil(body)
    return type(StateMachine)("LightChart", bases or (StateMachine,), body)


def faults_of(attempt: Callable[[], object]) -> tuple[str, ...]:
    """The faults that an attempt is refused for."""
    with pytest.raises(ChartError) as refused:
        attempt()
    assert all(fault in str(refused.value) for fault in refused.value.faults)
    return refused.value.faults


@frozen
class Drawn:
    """A random chart with what it was drawn from."""

    statuses: type[Status]
    chart: type[StateMachine] = field(repr=False)
    edges: Edges
    requirements: Mapping[str, frozenset[Requirement]]
    back: frozenset[str]
    aside: tuple[frozenset[Status], ...]
    closing: frozenset[Status]

    def lifecycle(self) -> Lifecycle[Any]:
        """The chart, compiled."""
        return Lifecycle.from_chart(
            self.statuses,
            self.chart,
            requirements=self.requirements,
            back=self.back,
            aside=self.aside,
            closing=self.closing,
        )

    def transition(self, source: Status | None, target: Status) -> Transition[Any]:
        """The move as it should come out of compiling."""
        event = self.edges[source, target]
        why = str(next(each.name for each in self.chart.events if each == event))
        return Transition(source, target, event, self.requirements.get(event, frozenset()), event in self.back, why)


@st.composite
def drawn_charts(draw: st.DrawFn) -> Drawn:
    """Charts of 1 to 6 statuses that the engine accepts: connected, dead ends final, every final reachable."""
    enum: Any = Status
    size = draw(st.integers(1, 6))
    statuses: type[Status] = enum("Drawn", {f"S{place}": f"s{place}" for place in range(size)})
    members = list(statuses)
    pairs: set[tuple[Status | None, Status]] = set()
    for place, status in enumerate(members):  # a tree first: every status can be reached
        pairs.add((draw(st.sampled_from([None, *members[:place]])), status))
    anywhere = st.tuples(st.sampled_from([None, *members]), st.sampled_from(members))
    pairs |= draw(st.sets(anywhere, max_size=6))
    ends = [status for status in members if all(source is not status for source, _ in pairs)]
    final = draw(st.sets(st.sampled_from(ends))) if ends else set()
    pairs |= {(status, status) for status in ends if status not in final}
    if final:  # from every other status a way to a final one
        home = next(status for status in members if status in final)
        pairs |= {(status, home) for status in members if status not in final}
    edges: dict[tuple[Status | None, Status], str] = {}
    for source, target in sorted(pairs, key=lambda pair: (str(pair[0]), str(pair[1]))):
        taken = {event for (start, _), event in edges.items() if start is source}
        edges[source, target] = draw(
            st.sampled_from([f"e{number}" for number in range(8) if f"e{number}" not in taken])
        )
    events = sorted(set(edges.values()))
    apart = draw(st.lists(st.sampled_from([None, 0, 1]), min_size=len(members), max_size=len(members)))
    groups = [
        frozenset(
            status for status, group in zip(members, apart, strict=True) if group == number and status not in final
        )
        for number in (0, 1)
    ]
    apart_now = frozenset[Status | None]().union(*groups)
    stuck = {event for (source, target), event in edges.items() if source is target or source not in apart_now}
    returning = sorted(set(events) - stuck)  # only what is set aside is led back, and never to where it is
    return Drawn(
        statuses=statuses,
        chart=chart_of(statuses, edges, final),
        edges=edges,
        requirements=draw(st.dictionaries(st.sampled_from(events), st.frozensets(st.sampled_from(Requirement)))),
        back=frozenset(draw(st.sets(st.sampled_from(returning)))) if returning else frozenset(),
        aside=tuple(group for group in groups if group),
        closing=frozenset(final),
    )
