"""What a chart may declare: its moves, exactly; whatever else it declares is refused, and the offender named."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from charts import Body, Drawn, Light, disagreements, drawn_charts, faults_of, light_chart, some_charts
from hypothesis import given
from statemachine import Event, HistoryState, State, StateChart, StateMachine
from statemachine.states import States

from custstatus.errors import ChartError
from custstatus.lifecycles.charts import Edge, chart_edges
from custstatus.lifecycles.lifecycle import Lifecycle, Status
from custstatus.states import Membership


def faults_in(chart: Any, statuses: type[Status] = Light) -> tuple[str, ...]:
    """The faults that a chart is refused for, by itself and on the way to a table."""
    faults = faults_of(lambda: chart_edges(statuses, chart))
    assert faults_of(lambda: Lifecycle.from_chart(statuses, chart)) == faults
    return faults


def callback() -> Callable[..., bool]:
    """A new function for a chart to call; it never is, for no chart that has one is compiled."""

    def lamp_works(*args: object) -> bool:
        raise AssertionError("a chart was run")

    return lamp_works


def with_extra(**options: Any) -> Callable[[Body], None]:
    """One more move, GREEN -> DARK, with something on it."""

    def spoil(body: Body) -> None:
        body["extra"] = Event(body["s"].GREEN.to(body["s"].DARK, **options))

    return spoil


def with_name(name: str, value: object) -> Callable[[Body], None]:
    """One more name in the body of the class."""
    return lambda body: body.update({name: value})


class Watchful:
    """A base of ordinary Python that the engine would look for callbacks in."""

    on_stop = callback()


class Watched(StateMachine):
    """A base of the engine's with a callback."""

    def on_enter_state(self) -> None:
        raise AssertionError("a chart was run")


class Listened(StateMachine):
    """A base with a listener, which the engine hands down."""

    listeners = [Watchful]


def taken(event: str) -> str:
    """The fault of an event whose name the engine takes for something else."""
    return f"event {event!r}: the engine takes such a name for something else; use lower-case words"


class TestEdges:
    """A sound chart gives its transitions, all of them and nothing else."""

    def test_an_edge_has_its_ends_its_event_and_the_name_of_the_event(self) -> None:
        assert set(chart_edges(Light, light_chart())) == {
            Edge(None, Light.GREEN, "switch_on", "Switch on"),
            Edge(Light.GREEN, Light.RED, "stop", "somebody wants to cross"),
            Edge(Light.RED, Light.GREEN, "go", "Go"),
            Edge(Light.RED, Light.DARK, "fail", "Fail"),
            Edge(Light.DARK, Light.RED, "mend", "Mend"),
        }

    @some_charts
    @given(drawn_charts())
    def test_the_edges_of_a_random_chart_are_those_it_was_drawn_with(self, drawn: Drawn) -> None:
        edges = chart_edges(drawn.statuses, drawn.chart)
        assert {(edge.source, edge.target): edge.event for edge in edges} == drawn.edges
        assert len(edges) == len(drawn.edges)

    @pytest.mark.parametrize("switch", ["disconnected_states", "trap_states", "final_reachability"])
    def test_a_switch_of_the_engines_own_validation_is_no_offence(self, switch: str) -> None:
        chart = light_chart(with_name(f"validate_{switch}", False))
        assert chart_edges(Light, chart) == chart_edges(Light, light_chart())


class TestWhatNoTableCanHold:
    """Every offender is refused, and named."""

    @pytest.mark.parametrize("kind", ["cond", "unless", "validators", "before", "on", "after"])
    @pytest.mark.parametrize("by", [callback(), "lamp_works"], ids=["function", "name"])
    def test_a_guard_validator_or_callback_on_a_move(self, kind: str, by: object) -> None:
        faults = faults_in(light_chart(with_extra(**{kind: by})))
        assert faults == ("GREEN -> DARK: has a guard or callback 'lamp_works'",)

    def test_a_guard_on_moves_from_any_state(self) -> None:
        def spoil(body: Body) -> None:
            body["smash"] = Event(body["s"].DARK.from_.any(cond="lamp_works"))

        faults = faults_in(light_chart(spoil))
        assert "unset -> DARK: has a guard or callback 'lamp_works'" in faults
        assert "GREEN -> DARK: has a guard or callback 'lamp_works'" in faults

    def test_a_guard_added_by_a_decorator(self) -> None:
        faults = faults_in(light_chart(lambda body: body["stop"].cond(callback())))
        assert faults == ("GREEN -> RED: has a guard or callback 'lamp_works'",)

    def test_an_event_that_decorates_a_method(self) -> None:
        def spoil(body: Body) -> None:
            body["extra"] = body["s"].GREEN.to(body["s"].DARK)(callback())

        faults = faults_in(light_chart(spoil))
        assert any(fault.startswith("GREEN -> DARK: has a guard or callback") for fault in faults)
        assert all("extra" in fault or "lamp_works" in fault for fault in faults)

    @pytest.mark.parametrize(
        "name",
        [
            *("on_stop", "before_stop", "after_stop", "on_transition", "before_transition", "after_transition"),
            *("on_enter_state", "on_exit_state", "on_enter_RED", "on_exit_RED", "on_enter_unset", "on_invoke_state"),
            *("prepare_event", "on_end", "plain_method", "_private_method"),
        ],
    )
    def test_a_method_whether_the_engine_would_call_it_or_not(self, name: str) -> None:
        (fault,) = faults_in(light_chart(with_name(name, callback())))
        assert fault.startswith(f"{name!r} is not a transition")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("colour", "yellow"),
            ("model", None),
            ("listeners", [Watchful]),
            ("listeners_inherit", False),
            ("allow_event_without_transition", True),
            ("catch_errors_as_events", True),
        ],
    )
    def test_an_attribute_a_listener_or_a_switch_of_the_engine(self, name: str, value: object) -> None:
        (fault,) = faults_in(light_chart(with_name(name, value)))
        assert fault.startswith(f"{name!r} is not a transition")

    @pytest.mark.parametrize(
        ("bases", "name"),
        [
            ((Watchful, StateMachine), "on_stop"),
            ((StateMachine, Watchful), "on_stop"),
            ((Watched,), "on_enter_state"),
            ((Listened,), "listeners"),
        ],
    )
    def test_what_is_inherited_from_a_base(self, bases: tuple[type, ...], name: str) -> None:
        own = faults_in(light_chart(lambda body: None, *bases))
        (fault,) = (each for each in own if not each.startswith(("'__dict__'", "'__weakref__'")))  # of any class
        assert fault.startswith(f"{name!r} is not a transition")

    def test_a_callback_attached_after_the_class_was_made(self) -> None:
        chart = light_chart()
        chart.on_stop = callback()
        (fault,) = faults_in(chart)
        assert fault.startswith("'on_stop' is not a transition")

    @pytest.mark.parametrize("when", ["enter", "exit", "invoke"])
    def test_a_callback_on_a_state(self, when: str) -> None:
        called: Any = {when: callback()}

        class Chart(StateMachine):
            unset = State(initial=True)
            red = State(value=Light.RED, **called)
            green, dark = State(value=Light.GREEN), State(value=Light.DARK)
            go = Event(unset.to(red) | red.to(green) | green.to(dark) | dark.to(red))

        faults = faults_in(Chart)
        assert any("'red'" in fault and "callback" in fault for fault in faults)

    def test_data_of_a_final_state(self) -> None:
        class Chart(StateMachine):
            unset = State(initial=True)
            red = State(value=Light.RED, final=True, donedata=callback())
            green, dark = State(value=Light.GREEN), State(value=Light.DARK)
            go = Event(unset.to(green) | green.to(dark) | dark.to(red))

        (fault,) = faults_in(Chart)
        assert "'red'" in fault

    def test_a_compound_state(self) -> None:
        class Chart(StateMachine):
            unset = State(initial=True)

            class lit(State.Compound):
                red, green = State(value=Light.RED, initial=True), State(value=Light.GREEN)
                change = red.to(green) | green.to(red)

            dark = State(value=Light.DARK)
            switch_on, fail, mend = Event(unset.to(lit)), Event(lit.to(dark)), Event(dark.to(lit))

        assert "state 'lit' is nested, parallel or has a history" in faults_in(Chart)

    def test_parallel_states(self) -> None:
        class Chart(StateMachine):
            unset = State(initial=True)

            class lit(State.Parallel):
                class cars(State.Compound):
                    red, green = State(value=Light.RED, initial=True), State(value=Light.GREEN)
                    change = red.to(green) | green.to(red)

                class people(State.Compound):
                    walk, wait = State(initial=True), State()
                    step = walk.to(wait) | wait.to(walk)

            dark = State(value=Light.DARK)
            switch_on, fail, mend = Event(unset.to(lit)), Event(lit.to(dark)), Event(dark.to(lit))

        assert "state 'lit' is nested, parallel or has a history" in faults_in(Chart)

    def test_a_state_with_a_history(self) -> None:
        class Chart(StateMachine):
            unset = State(initial=True)

            class lit(State.Compound):
                red, green = State(value=Light.RED, initial=True), State(value=Light.GREEN)
                before = HistoryState()
                change = red.to(green) | green.to(red)

            dark = State(value=Light.DARK)
            switch_on, fail, mend = Event(unset.to(lit)), Event(lit.to(dark)), Event(dark.to(lit.before))

        assert "state 'lit' is nested, parallel or has a history" in faults_in(Chart)

    def test_a_history_beside_the_states(self) -> None:
        def spoil(body: Body) -> None:
            body["before"] = HistoryState()
            body["recall"] = Event(body["s"].DARK.to(body["before"]))
            body["again"] = Event(body["before"].to(body["s"].RED))

        assert "state 'before' is nested, parallel or has a history" in faults_in(light_chart(spoil))

    def test_an_internal_transition(self) -> None:
        def spoil(body: Body) -> None:
            body["blink"] = Event(body["s"].GREEN.to.itself(internal=True))

        assert faults_in(light_chart(spoil)) == ("GREEN -> GREEN: is internal",)

    def test_a_move_without_an_event(self) -> None:
        faults = faults_in(light_chart(lambda body: body["s"].GREEN.to(body["s"].DARK)))
        assert faults == ("GREEN -> DARK: expected one event, found none",)

    @pytest.mark.parametrize("options", [{"delay": 1000}, {"internal": True}], ids=["delayed", "internal"])
    def test_a_delayed_or_internal_event(self, options: dict[str, Any]) -> None:
        def spoil(body: Body) -> None:
            body["extra"] = Event(body["s"].GREEN.to(body["s"].DARK), **options)

        assert faults_in(light_chart(spoil)) == ("event 'extra' is delayed or internal",)

    @pytest.mark.parametrize("options", [{"delay": 1000}, {"internal": True}], ids=["delayed", "internal"])
    def test_an_event_delayed_or_internal_on_the_transition(self, options: dict[str, Any]) -> None:
        chart = light_chart(
            lambda body: body["s"].GREEN.to(body["s"].DARK, event=Event("extra", **options)),
        )
        assert faults_in(chart) == ("event 'extra' is delayed or internal",)

    def test_an_event_under_another_name_than_its_own(self) -> None:
        def spoil(body: Body) -> None:
            body["extra"] = Event(body["s"].GREEN.to(body["s"].DARK), id="fade")

        (fault,) = faults_in(light_chart(spoil))
        assert fault.startswith("'extra' is not a transition")

    def test_one_transition_with_two_targets(self) -> None:
        chart = light_chart(with_extra())
        chart.GREEN.transitions[-1].targets.append(chart.RED)
        assert faults_in(chart) == ("GREEN -> DARK, RED: a transition has one target",)

    def test_a_transition_that_leads_nowhere(self) -> None:
        def spoil(body: Body) -> None:
            body["extra"] = Event(body["s"].GREEN.to(None))

        assert faults_in(light_chart(spoil)) == ("GREEN -> nowhere: a transition has one target",)

    def test_two_events_for_one_transition(self) -> None:
        faults = faults_in(light_chart(lambda body: body["s"].GREEN.to(body["s"].DARK, event="fade break")))
        assert faults == ("GREEN -> DARK: expected one event, found break, fade",)

    @pytest.mark.parametrize(
        ("name", "dotted"),
        [
            ("error_lamp", "error.lamp"),
            ("done_state_red", "done.state.red"),
            ("done_invoke_red", "done.invoke.red"),
        ],
    )
    def test_an_event_that_the_engine_also_knows_by_a_dotted_name(self, name: str, dotted: str) -> None:
        def spoil(body: Body) -> None:
            body[name] = Event(body["s"].GREEN.to(body["s"].DARK))

        assert set(faults_in(light_chart(spoil))) == {
            taken(name),
            taken(dotted),
            f"GREEN -> DARK: expected one event, found {dotted}, {name}",
        }

    def test_a_move_back_to_unset(self) -> None:
        def spoil(body: Body) -> None:
            body["switch_off"] = Event(body["s"].RED.to(body["unset"]))

        assert faults_in(light_chart(spoil)) == ("RED -> unset: nothing leads back to unset",)

    def test_a_chart_without_unset(self) -> None:
        class Chart(StateMachine):
            s: Any = States.from_enum(Light, initial=Light.RED)
            go = Event(s.RED.to(s.GREEN) | s.GREEN.to(s.DARK) | s.DARK.to(s.RED))

        assert faults_in(Chart) == ("the chart must start at a state named 'unset' (State(initial=True))",)

    def test_a_chart_that_starts_elsewhere_than_at_unset(self) -> None:
        class Chart(StateMachine):
            s: Any = States.from_enum(Light, initial=Light.RED)
            unset = State()
            go = Event(s.RED.to(s.GREEN) | s.GREEN.to(s.DARK) | s.DARK.to(unset) | unset.to(s.RED))

        assert "the chart must start at a state named 'unset' (State(initial=True))" in faults_in(Chart)

    def test_a_state_that_is_no_member(self) -> None:
        def spoil(body: Body) -> None:
            body["yellow"] = State()
            body["warn"] = Event(body["s"].GREEN.to(body["yellow"]) | body["yellow"].to(body["s"].RED))

        assert faults_in(light_chart(spoil)) == ("state 'yellow' must have as its value a member of Light",)

    def test_states_of_another_enum(self) -> None:
        faults = faults_in(light_chart(), statuses=Membership)
        assert "state 'RED' must have as its value a member of Membership" in faults
        assert "statuses without a state in the chart: ACTIVE, ENROLLED, UNENROLLED, ON_HOLD, MERGED" in faults

    def test_states_by_value_instead_of_by_member(self) -> None:
        class Chart(StateMachine):
            unset = State(initial=True)
            s: Any = States.from_enum(Light, initial=None, use_enum_instance=False)
            go = Event(unset.to(s.RED) | s.RED.to(s.GREEN) | s.GREEN.to(s.DARK) | s.DARK.to(s.RED))

        faults = faults_in(Chart)
        for state in ("RED", "GREEN", "DARK"):
            assert f"state {state!r} must have as its value a member of Light" in faults

    def test_a_member_without_a_state(self) -> None:
        class Chart(StateMachine):
            unset = State(initial=True)
            red, green = State(value=Light.RED), State(value=Light.GREEN)
            go = Event(unset.to(red) | red.to(green) | green.to(red))

        assert faults_in(Chart) == ("statuses without a state in the chart: DARK",)

    def test_the_base_that_ignores_illegal_events(self) -> None:
        (fault,) = faults_in(light_chart(lambda body: None, StateChart))
        assert fault.startswith("LightChart is no StateMachine")

    def test_a_chart_without_states(self) -> None:
        class Chart(StateMachine):
            pass

        assert "statuses without a state in the chart: RED, GREEN, DARK" in faults_in(Chart)

    def test_all_offenders_are_told_at_once_with_the_chart(self) -> None:
        def spoil(body: Body) -> None:
            body["colour"] = "yellow"
            with_extra(cond=callback())(body)
            body["switch_off"] = Event(body["s"].RED.to(body["unset"]))
            body["fade"] = Event(body["s"].DARK.to(body["s"].GREEN), delay=1000)

        chart = light_chart(spoil)
        with pytest.raises(ChartError, match="LightChart: 4 fault") as refused:
            chart_edges(Light, chart)
        assert len(refused.value.faults) == 4
        for offender in ("'colour'", "GREEN -> DARK", "RED -> unset", "'fade'"):
            assert sum(offender in fault for fault in refused.value.faults) == 1


def event_called(name: str) -> Any:
    """A chart with one more event, of a name of its own."""
    return light_chart(lambda body: body["s"].GREEN.to(body["s"].DARK, event=name))


def event_held_as(name: str) -> Any:
    """A chart with one more event, as an attribute of that name."""
    return light_chart(lambda body: body.update({name: Event(body["s"].DARK.to(body["s"].GREEN))}))


def made_with_a_listener() -> Any:
    """A chart that hands a listener to the engine when a machine is made."""

    def __init__(self: Any, *args: Any, **options: Any) -> None:
        StateMachine.__init__(self, *args, listeners=[Watchful()], **options)

    return light_chart(with_name("__init__", __init__))


def unset_stands_for_red() -> Any:
    """A chart whose first state is a member: the engine can be restored there, the table has it as unset."""

    class Chart(StateMachine):
        unset = State(initial=True, value=Light.RED)
        green, dark = State(value=Light.GREEN), State(value=Light.DARK)
        go = Event(unset.to(green) | green.to(dark) | dark.to(green))

    return Chart


def two_states_for_red() -> Any:
    """A chart with two states of one value: the engine knows one of them, the table has the moves of both."""

    class Chart(StateMachine):
        unset = State(initial=True)
        red, crimson = State(value=Light.RED), State(value=Light.RED)
        green, dark = State(value=Light.GREEN), State(value=Light.DARK)
        switch_on, go, stop = Event(unset.to(red)), Event(red.to(green)), Event(green.to(crimson))
        fail, mend = Event(crimson.to(dark)), Event(dark.to(green))

    return Chart


# Under three of these names the engine cannot even make the class.
MEMBERS = sorted(
    {name for name in dir(StateMachine) if re.fullmatch("[a-z][a-z0-9_]*", name)} - {"events", "states", "states_map"}
)


class TestNamesOfEvents:
    """An event is named by lower-case words that the engine takes for nothing else."""

    @pytest.mark.parametrize(
        "name",
        ["*", "", "stop.now", "error.lamp", "Fade", "fadeOut", "_fade", "2fade", "fade-out", "fäde", "状態", "x" * 65],
    )
    def test_a_name_of_other_than_lower_case_words(self, name: str) -> None:
        assert faults_in(event_called(name)) == (taken(name),)

    @pytest.mark.parametrize(
        "prefix", ["on_", "before_", "after_", "error_", "done_", "invoke_", "enter_", "exit_", "prepare_"]
    )
    @pytest.mark.parametrize("rest", ["stop", "state", "x", ""])
    def test_a_name_that_begins_like_a_callback_or_an_event_of_the_engine(self, prefix: str, rest: str) -> None:
        assert faults_in(event_called(prefix + rest)) == (taken(prefix + rest),)
        assert taken(prefix + rest) in faults_in(event_held_as(prefix + rest))

    @pytest.mark.parametrize("name", MEMBERS)
    def test_the_name_of_a_member_of_the_engines_base(self, name: str) -> None:
        assert taken(name) in faults_in(event_called(name))

    def test_an_event_in_the_place_of_a_method_of_the_engine(self) -> None:
        assert faults_in(event_held_as("send")) == (taken("send"),)

    @pytest.mark.parametrize(
        "name", ["x", "x" * 64, "fade_2", "once", "online", "done", "error", "enter", "doner_kebab", "come_on_stop"]
    )
    @pytest.mark.parametrize("way", ["called", "held"])
    def test_any_other_name_is_taken_and_the_table_agrees_with_the_engine(self, name: str, way: str) -> None:
        chart = (event_called if way == "called" else event_held_as)(name)
        assert name in {edge.event for edge in chart_edges(Light, chart)}
        assert disagreements(Lifecycle.from_chart(Light, chart), chart) == []


class TestWhatWouldMakeTableAndEngineDiffer:
    """Kinds of chart for which the engine does something else than the table would."""

    def test_a_listener_handed_over_by_init(self) -> None:
        (fault,) = faults_in(made_with_a_listener())
        assert fault.startswith("'__init__' is not a transition")

    def test_unset_standing_for_a_member(self) -> None:
        assert faults_in(unset_stands_for_red()) == ("state 'unset' must have as its value no member of Light",)

    def test_two_states_for_one_member(self) -> None:
        assert faults_in(two_states_for_red()) == ("statuses with two states in the chart: RED",)

    def test_a_member_named_unset_in_the_place_of_unset(self) -> None:
        class Odd(Status):
            unset = "unset"
            RED = "red"

        class Chart(StateMachine):
            s: Any = States.from_enum(Odd, initial=Odd.unset)
            go = Event(s.unset.to(s.RED) | s.RED.to.itself())

        assert faults_in(Chart, statuses=Odd) == ("state 'unset' must have as its value no member of Odd",)
