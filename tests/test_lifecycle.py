"""Charts compiled to tables: the table does what the engine does, and what makes it ambiguous is refused by name."""

from __future__ import annotations

import copy
import pickle
import re
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Any

import pytest
from attrs import evolve
from attrs.exceptions import FrozenInstanceError
from charts import (
    Body,
    Drawn,
    Light,
    chart_of,
    disagreements,
    drawn_charts,
    edges_of,
    faults_of,
    fires,
    light_chart,
    some_charts,
)
from hypothesis import example, given
from hypothesis import strategies as st
from statemachine import Event, State, StateMachine

from custstatus.errors import ChartError
from custstatus.lifecycles.lifecycle import Lifecycle, Requirement, Status, Transition
from custstatus.states import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    LOYALTY_TYPE,
    MEMBERSHIP,
    SHIPPED,
    TRIAL_GROUP,
    ClientState,
    ClientStateChart,
    CustomerStatus,
    CustomerStatusChart,
    LegacyFraudStatusChart,
    LoyaltyTypeChart,
    Membership,
    MembershipChart,
    TrialGroupChart,
)

CHARTS: dict[str, type[StateMachine]] = {
    CUSTOMER_STATUS.name: CustomerStatusChart,
    LEGACY_FRAUD_STATUS.name: LegacyFraudStatusChart,
    CLIENT_STATE.name: ClientStateChart,
    MEMBERSHIP.name: MembershipChart,
    LOYALTY_TYPE.name: LoyaltyTypeChart,
    TRIAL_GROUP.name: TrialGroupChart,
}
BY_STAFF = frozenset({Requirement.PERSON, Requirement.REASON})
LIGHT = Lifecycle.from_chart(Light, light_chart())
GREEN_ASIDE = Lifecycle.from_chart(Light, light_chart(), aside=[{Light.GREEN}])

each_shipped = pytest.mark.parametrize("lifecycle", SHIPPED, ids=lambda lifecycle: lifecycle.name)


def faults_in(chart: Any, statuses: type[Status] = Light, **options: Any) -> tuple[str, ...]:
    """The faults that a chart is refused for."""
    return faults_of(lambda: Lifecycle.from_chart(statuses, chart, **options))


class TestTableIsEngine:
    """The engine is the oracle: fired, or refused and left where it stood."""

    @each_shipped
    def test_each_shipped_table_agrees_with_the_engine_on_every_state_and_event(
        self, lifecycle: Lifecycle[Any]
    ) -> None:
        assert disagreements(lifecycle, CHARTS[lifecycle.name]) == []

    @pytest.mark.parametrize("transition", LIGHT.transitions, ids=lambda transition: transition.event)
    def test_a_table_that_lost_a_move_or_has_another_target_disagrees_with_the_engine(
        self, transition: Transition[Light]
    ) -> None:
        lost = LIGHT.without((transition.from_, transition.to))
        elsewhere = next(status for status in Light if LIGHT.transition(transition.from_, status) is None)
        assert disagreements(lost, light_chart())
        assert disagreements(lost.adding(evolve(transition, to=elsewhere)), light_chart())

    @some_charts
    @given(drawn_charts())
    def test_a_random_table_agrees_with_the_engine_on_every_state_and_event(self, drawn: Drawn) -> None:
        assert disagreements(drawn.lifecycle(), drawn.chart) == []

    @some_charts
    @given(drawn_charts())
    def test_a_random_chart_compiles_to_its_moves_with_their_needs_and_nothing_else(self, drawn: Drawn) -> None:
        lifecycle = drawn.lifecycle()
        assert set(lifecycle.transitions) == {drawn.transition(source, target) for source, target in drawn.edges}
        assert len(lifecycle.transitions) == len(drawn.edges)
        assert lifecycle.closing == drawn.closing
        assert lifecycle.aside == drawn.aside

    @some_charts
    @given(drawn_charts(), st.data())
    def test_a_randomly_edited_table_agrees_with_the_engine_on_a_chart_of_the_edited_moves(
        self, drawn: Drawn, data: st.DataObject
    ) -> None:
        original = drawn.lifecycle()
        gone = data.draw(st.sets(st.sampled_from(sorted(drawn.edges, key=str))))
        open_sources = [None, *(status for status in drawn.statuses if status not in drawn.closing)]
        pair = st.tuples(st.sampled_from(open_sources), st.sampled_from(list(drawn.statuses)))
        more = {at: f"new{number}" for number, at in enumerate(data.draw(st.lists(pair, unique=True, max_size=4)))}
        edited = original.without(*gone).adding(*(Transition(*at, event) for at, event in more.items()))
        edges = {at: event for at, event in drawn.edges.items() if at not in gone} | more
        assert edges_of(edited) == edges
        assert edges_of(original) == drawn.edges
        assert disagreements(edited, chart_of(drawn.statuses, edges, checked=False)) == []

    def test_the_deletion_flow_as_an_edit_agrees_with_the_engine(self) -> None:
        # D10
        by_hand = [
            transition for transition in CUSTOMER_STATUS.into(CustomerStatus.DELETED) if transition.event != "lapse"
        ]
        edited = CUSTOMER_STATUS.without(*((transition.from_, transition.to) for transition in by_hand))
        assert [transition.from_ for transition in edited.into(CustomerStatus.DELETED)] == [
            CustomerStatus.PENDING_DELETION
        ]
        assert disagreements(edited, chart_of(CustomerStatus, edges_of(edited), [CustomerStatus.DELETED])) == []

    def test_a_chart_with_moves_from_any_state_agrees_with_the_engine(self) -> None:
        def spoil(body: Body) -> None:
            del body["fail"]
            body["s"].RED.transitions.transitions.pop()
            body["fail"] = Event(body["s"].DARK.from_.any())

        chart = light_chart(spoil)
        lifecycle = Lifecycle.from_chart(Light, chart)
        assert [transition.from_ for transition in lifecycle.into(Light.DARK)] == [
            None,
            Light.RED,
            Light.GREEN,
            Light.DARK,
        ]
        assert disagreements(lifecycle, chart) == []

    def test_a_chart_that_adds_moves_to_an_inherited_one_agrees_with_the_engine(self) -> None:
        base = light_chart()
        chart = type(StateMachine)("Wider", (base,), {"flash": base.GREEN.to(base.DARK)})
        lifecycle = Lifecycle.from_chart(Light, chart)
        assert set(edges_of(lifecycle)) - set(edges_of(LIGHT)) == {(Light.GREEN, Light.DARK)}
        assert disagreements(lifecycle, chart) == []

    def test_the_engine_fires_refuses_and_stays(self) -> None:
        chart = light_chart()
        assert fires(chart, None, "switch_on") is Light.GREEN
        assert fires(chart, Light.RED, "stop") is None
        assert fires(chart, Light.RED, "no_such_event") is None


class TestLookingUp:
    @some_charts
    @given(drawn_charts())
    def test_every_way_to_ask_gives_the_same_moves(self, drawn: Drawn) -> None:
        lifecycle = drawn.lifecycle()
        everywhere = (None, *drawn.statuses)
        transitions = {(transition.from_, transition.to): transition for transition in lifecycle.transitions}
        for source in everywhere:
            assert lifecycle.out_of(source) == tuple(
                transition for transition in lifecycle.transitions if transition.from_ is source
            )
            for target in drawn.statuses:
                assert lifecycle.transition(source, target) is transitions.get((source, target))
        for target in drawn.statuses:
            assert lifecycle.into(target) == tuple(
                transition for transition in lifecycle.transitions if transition.to is target
            )
            assert lifecycle.group_of(target) == next((group for group in drawn.aside if target in group), frozenset())

    def test_moves_are_in_the_order_of_the_statuses_with_unset_first(self) -> None:
        assert [(transition.from_, transition.to) for transition in LIGHT.transitions] == [
            (None, Light.GREEN),
            (Light.RED, Light.GREEN),
            (Light.RED, Light.DARK),
            (Light.GREEN, Light.RED),
            (Light.DARK, Light.RED),
        ]

    def test_the_name_is_the_enums_in_snake_case_unless_given(self) -> None:
        assert CUSTOMER_STATUS.name == "customer_status"
        assert LIGHT.name == "light"
        assert Lifecycle.from_chart(Light, light_chart(), name="crossing").name == "crossing"

    def test_the_name_of_an_event_says_why(self) -> None:
        transition = LIGHT.transition(Light.GREEN, Light.RED)
        assert transition is not None
        assert transition.why == "somebody wants to cross"

    def test_a_move_asks_for_nothing_unless_told(self) -> None:
        assert {(transition.requirements, transition.back) for transition in LIGHT.transitions} == {
            (frozenset(), False)
        }

    def test_needs_and_back_are_those_of_the_event(self) -> None:
        lifecycle = Lifecycle.from_chart(
            Light, light_chart(), requirements={"stop": BY_STAFF}, back=["mend"], aside=[{Light.DARK}]
        )
        assert [transition.event for transition in lifecycle.transitions if transition.requirements == BY_STAFF] == [
            "stop"
        ]
        assert [transition.event for transition in lifecycle.transitions if transition.back] == ["mend"]

    def test_two_compilations_of_one_chart_are_equal_and_hash_alike(self) -> None:
        again = Lifecycle.from_chart(Light, light_chart())
        assert again == LIGHT
        assert hash(again) == hash(LIGHT)

    @each_shipped
    def test_a_lifecycle_survives_copying_and_pickling(self, lifecycle: Lifecycle[Any]) -> None:
        for again in (copy.deepcopy(lifecycle), pickle.loads(pickle.dumps(lifecycle))):
            assert again == lifecycle
            assert all(
                again.transition(transition.from_, transition.to) == transition for transition in lifecycle.transitions
            )


class TestOptionsOfAChart:
    @pytest.mark.parametrize(
        "options", [{"requirements": {"dim": BY_STAFF}}, {"back": ["dim"]}], ids=["requirements", "back"]
    )
    def test_needs_and_back_name_only_events_of_the_chart(self, options: dict[str, Any]) -> None:
        assert faults_in(light_chart(), **options) == ("requirements or back name no event of the chart: 'dim'",)

    def test_every_name_that_is_no_event_of_the_chart_is_told_at_once_with_the_chart(self) -> None:
        with pytest.raises(ChartError, match="chart LightChart: 2 fault") as refused:
            Lifecycle.from_chart(Light, light_chart(), requirements={"glow": (), "go": ()}, back=["dim"])
        assert refused.value.faults == (
            "requirements or back name no event of the chart: 'dim'",
            "requirements or back name no event of the chart: 'glow'",
        )

    @pytest.mark.parametrize(
        ("requirements", "told"),
        [
            (["person"], "'person'"),
            (["a_wish"], "'a_wish'"),
            ([None], "None"),
            ([Requirement.PERSON, 5, "reason"], "'reason', 5"),
            ("ow", "'o', 'w'"),
        ],
        ids=["value", "text", "none", "some", "bare text"],
    )
    def test_needs_are_needs(self, requirements: Any, told: str) -> None:
        expected = f"RED -> GREEN: requires what no request can meet: {told}"
        assert faults_in(light_chart(), requirements={"go": requirements}) == (expected,)

    def test_the_name_of_an_event_is_one_line(self) -> None:
        chart = light_chart(lambda body: body.update(glow=Event(body["s"].GREEN.to(body["s"].DARK), name="a\nb")))
        assert faults_in(chart) == ("GREEN -> DARK: its reason is no one line of text",)

    def test_one_event_with_two_targets_from_one_state(self) -> None:
        def spoil(body: Body) -> None:
            body["extra"] = Event(body["s"].GREEN.to(body["s"].DARK) | body["s"].GREEN.to.itself())

        (fault,) = faults_in(light_chart(spoil))
        assert fault == "event 'extra' from GREEN: two targets, DARK and GREEN"

    def test_two_events_for_one_pair(self) -> None:
        def spoil(body: Body) -> None:
            body["halt"] = Event(body["s"].GREEN.to(body["s"].RED))

        assert faults_in(light_chart(spoil)) == ("GREEN -> RED: more than one event for one pair of statuses",)

    def test_one_pair_twice_under_one_event(self) -> None:
        def spoil(body: Body) -> None:
            body["extra"] = Event(body["s"].GREEN.to(body["s"].DARK) | body["s"].GREEN.to(body["s"].DARK))

        assert faults_in(light_chart(spoil)) == ("GREEN -> DARK: more than one event for one pair of statuses",)

    def test_no_move_leads_back_to_where_it_starts(self) -> None:
        def spoil(body: Body) -> None:
            body["blink"] = Event(body["s"].GREEN.to.itself())

        faults = faults_in(light_chart(spoil), back=["blink"], aside=[{Light.GREEN}])
        assert faults == ("GREEN -> GREEN: leads back to where it starts",)

    @pytest.mark.parametrize("aside", [(), [{Light.DARK}]], ids=["nothing aside", "another aside"])
    @pytest.mark.parametrize(
        ("event", "edge", "source"),
        [("go", "RED -> GREEN", "RED"), ("switch_on", "unset -> GREEN", "unset"), ("stop", "GREEN -> RED", "GREEN")],
    )
    def test_only_what_is_set_aside_is_led_back(self, aside: Any, event: str, edge: str, source: str) -> None:
        faults = faults_in(light_chart(), back=[event], aside=aside)
        assert faults == (f"{edge}: leads back from {source}, which sets no account aside",)

    def test_an_event_of_several_sources_leads_back_from_those_set_aside_only(self) -> None:
        edges = {(None, Light.RED): "a", (Light.RED, Light.GREEN): "b", (Light.GREEN, Light.DARK): "c",
                 (Light.RED, Light.DARK): "c", (Light.DARK, Light.RED): "d"}  # fmt: skip
        chart = chart_of(Light, edges)
        expected = "RED -> DARK: leads back from RED, which sets no account aside"
        assert faults_in(chart, back=["c"], aside=[{Light.GREEN}]) == (expected,)
        both = Lifecycle.from_chart(Light, chart, back=["c"], aside=[{Light.GREEN}, {Light.RED}])
        assert [transition.from_ for transition in both.transitions if transition.back] == [Light.RED, Light.GREEN]

    @pytest.mark.parametrize("aside", [[()], [{Light.RED}, ()]], ids=["alone", "beside another"])
    def test_no_group_set_aside_is_empty(self, aside: Any) -> None:
        assert faults_in(light_chart(), aside=aside) == ("a set-aside group without a status",)

    def test_groups_set_aside_do_not_overlap(self) -> None:
        aside = [{Light.RED, Light.DARK}, {Light.DARK, Light.GREEN}]
        assert faults_in(light_chart(), aside=aside) == ("set-aside groups overlap at DARK",)

    def test_a_status_is_not_both_set_aside_and_closing(self) -> None:
        chart = chart_of(Light, {(None, Light.RED): "a", (Light.RED, Light.GREEN): "b", (Light.RED, Light.DARK): "c",
                                 (Light.GREEN, Light.DARK): "d"}, final=[Light.DARK])  # fmt: skip
        assert faults_in(chart, aside=[{Light.DARK}], closing=[Light.DARK]) == ("both set aside and closing: DARK",)

    def test_no_move_leads_out_of_a_closing_status(self) -> None:
        (fault,) = faults_in(light_chart(), closing=[Light.DARK])
        assert fault.startswith("DARK -> RED: leads out of DARK")

    @pytest.mark.parametrize(
        "options", [{"aside": [{Membership.ON_HOLD}]}, {"closing": [Membership.ON_HOLD]}], ids=["aside", "closing"]
    )
    def test_what_is_set_aside_or_closing_is_a_status_of_the_lifecycle(self, options: dict[str, Any]) -> None:
        (fault,) = faults_in(light_chart(), **options)
        assert "no status of Light" in fault
        assert "ON_HOLD" in fault


def one_status(value: object) -> Any:
    """A lifecycle of one status with this value, compiled."""
    enum: Any = Status
    statuses = enum("One", {"ONLY": value})
    return Lifecycle.from_chart(statuses, chart_of(statuses, {(None, statuses.ONLY): "go"}, final=[statuses.ONLY]))


class TestStatuses:
    def test_an_enum_of_text_is_refused(self) -> None:
        class Word(str, Status):
            RED = "red"

        chart = chart_of(Word, {(None, Word.RED): "go"}, final=[Word.RED])
        (fault,) = faults_in(chart, statuses=Word)
        assert fault.startswith("<enum 'Word'>: expected an enum of Status, not of text")

    def test_an_enum_of_another_base_is_refused(self) -> None:
        class Plain(Enum):
            RED = "red"

        statuses: Any = Plain
        chart = chart_of(statuses, {(None, statuses.RED): "go"}, final=[statuses.RED])
        (fault,) = faults_in(chart, statuses=statuses)
        assert fault.startswith("<enum 'Plain'>: expected an enum of Status")

    @pytest.mark.parametrize("statuses", [None, int, Light.RED, "Light"], ids=str)
    def test_what_is_no_enum_is_refused(self, statuses: Any) -> None:
        (fault,) = faults_of(lambda: Lifecycle("odd", statuses, ()))
        assert fault.startswith(f"{statuses!r}: expected an enum of Status")

    def test_a_status_named_unset_is_refused(self) -> None:
        class Odd(Status):
            unset = "off"
            RED = "red"

        class Chart(StateMachine):
            unset = State(initial=True)
            off, red = State(value=Odd.unset), State(value=Odd.RED, final=True)
            go = Event(unset.to(off) | off.to(red))

        (fault,) = faults_in(Chart, statuses=Odd)
        assert fault.startswith("a status named 'unset'")
        assert faults_of(lambda: Lifecycle("odd", Odd, ())) == (fault,)


class TestValues:
    """Statuses are stored by their values."""

    @pytest.mark.parametrize(
        "value",
        ["", 5, None, b"red", ("red",), "a\nb", "\x00", "\x7f", "\x9f", "\u2028", "\ud800", "x" * 65],
        ids=[
            *("empty", "number", "none", "bytes", "tuple", "line feed", "nul", "delete", "control", "separator"),
            *("surrogate", "too long"),
        ],
    )
    def test_a_value_that_cannot_be_stored_is_refused(self, value: object) -> None:
        (fault,) = faults_of(lambda: one_status(value))
        assert fault.startswith(f"status value {value!r}: ")

    @pytest.mark.parametrize("value", ["x", "x" * 64, "gelöscht", "on hold", "状態"])
    def test_any_other_text_may_be_a_value(self, value: str) -> None:
        (transition,) = one_status(value).transitions
        assert transition.to.value == value

    def test_an_alias_is_no_status_of_its_own(self) -> None:
        class Odd(Status):
            RED = "red"
            CRIMSON = RED

        lifecycle = Lifecycle.from_chart(Odd, chart_of(Odd, {(None, Odd.RED): "go"}, final=[Odd.RED]))
        assert lifecycle.transition(None, Odd.CRIMSON) is lifecycle.transition(None, Odd.RED)


class TestEditing:
    def test_an_added_move_is_in_the_new_lifecycle_only(self) -> None:
        before = LIGHT.transitions
        fade = Transition(Light.GREEN, Light.DARK, "fade", frozenset({Requirement.REASON}), why="the bulb is old")
        edited = LIGHT.adding(fade)
        assert edited.transition(Light.GREEN, Light.DARK) is fade
        assert LIGHT.transition(Light.GREEN, Light.DARK) is None
        assert LIGHT.transitions is before
        assert set(edited.transitions) == {*before, fade}

    def test_a_move_taken_away_is_missing_in_the_new_lifecycle_only(self) -> None:
        before = LIGHT.transitions
        edited = LIGHT.without((Light.RED, Light.DARK), (None, Light.GREEN))
        assert edited.transition(Light.RED, Light.DARK) is None
        assert edited.out_of(None) == ()
        assert edited.into(Light.DARK) == ()
        assert LIGHT.transitions is before
        assert LIGHT.transition(Light.RED, Light.DARK) in before
        assert len(edited.transitions) == len(before) - 2

    def test_all_moves_can_be_taken_away(self) -> None:
        assert LIGHT.without(*edges_of(LIGHT)).transitions == ()

    def test_taking_away_what_was_added_gives_the_same_lifecycle(self) -> None:
        edited = LIGHT.adding(Transition(Light.GREEN, Light.DARK, "fade"))
        assert edited != LIGHT
        assert edited.without((Light.GREEN, Light.DARK)) == LIGHT

    def test_a_move_added_where_one_is_replaces_it(self) -> None:
        staffed = Transition(Light.RED, Light.DARK, "fail", BY_STAFF)
        edited = LIGHT.adding(staffed)
        assert edited.transition(Light.RED, Light.DARK) is staffed
        assert len(edited.transitions) == len(LIGHT.transitions)
        renamed = LIGHT.adding(Transition(Light.RED, Light.DARK, "smash"))
        assert [transition.event for transition in renamed.into(Light.DARK)] == ["smash"]

    def test_a_move_into_a_closing_status_can_be_added_again_with_other_needs(self) -> None:
        transition = Transition(
            CustomerStatus.ACTIVE, CustomerStatus.DELETED, "delete_at_own_wish", frozenset({Requirement.OWN_REQUEST})
        )
        assert transition in CUSTOMER_STATUS.adding(transition).into(CustomerStatus.DELETED)

    def test_everything_else_of_a_lifecycle_is_kept(self) -> None:
        for edited in (
            CUSTOMER_STATUS.without((None, CustomerStatus.INTERNAL)),
            CUSTOMER_STATUS.adding(Transition(CustomerStatus.INTERNAL, CustomerStatus.SUSPENDED, "lend")),
        ):
            assert (edited.name, edited.statuses) == (CUSTOMER_STATUS.name, CUSTOMER_STATUS.statuses)
            assert (edited.aside, edited.closing) == (CUSTOMER_STATUS.aside, CUSTOMER_STATUS.closing)

    def test_the_lax_profile_of_fraud_is_an_edit(self) -> None:
        # D7
        lax = Transition(CustomerStatus.ACTIVE, CustomerStatus.FRAUD_CONFIRMED, "confirm_at_once", BY_STAFF)
        edited = CUSTOMER_STATUS.adding(lax)
        assert edited.transition(CustomerStatus.ACTIVE, CustomerStatus.FRAUD_CONFIRMED) is lax

    @pytest.mark.parametrize("target", CustomerStatus, ids=lambda status: status.name)
    def test_no_move_out_of_deleted_can_be_added_not_even_another_label(self, target: CustomerStatus) -> None:
        # D5
        transition = Transition(
            CustomerStatus.DELETED, target, "raise_the_dead", frozenset({Requirement.SYSTEM_OPERATION})
        )
        (fault,) = faults_of(lambda: CUSTOMER_STATUS.adding(transition))
        assert fault.startswith(f"DELETED -> {target.name}: leads out of DELETED")

    @pytest.mark.parametrize("source", [ClientState.DELETED, ClientState.EXCLUDED], ids=lambda status: status.name)
    def test_no_move_out_of_a_closed_client_state_can_be_added(self, source: ClientState) -> None:
        # D83 D85
        (fault,) = faults_of(lambda: CLIENT_STATE.adding(Transition(source, ClientState.REGISTERED, "come_back")))
        assert fault.startswith(f"{source.name} -> REGISTERED: leads out of {source.name}")

    def test_an_added_move_has_the_needs_of_its_event(self) -> None:
        (fault,) = faults_of(lambda: LIGHT.adding(Transition(Light.GREEN, Light.DARK, "fail", BY_STAFF)))
        assert fault == "event 'fail': its requirements differ by source; make it two events"

    def test_an_event_leads_back_from_all_its_sources_or_from_none(self) -> None:
        (fault,) = faults_of(lambda: GREEN_ASIDE.adding(Transition(Light.GREEN, Light.DARK, "fail", back=True)))
        assert fault == "event 'fail': its requirements differ by source; make it two events"

    @pytest.mark.parametrize("source", [None, Light.RED, Light.DARK], ids=["unset", "RED", "DARK"])
    def test_an_added_move_leads_back_from_what_is_set_aside_only(self, source: Light | None) -> None:
        target = Light.DARK if source is not Light.DARK else Light.GREEN
        name = "unset" if source is None else source.name
        (fault,) = faults_of(lambda: GREEN_ASIDE.adding(Transition(source, target, "return_there", back=True)))
        assert fault == f"{name} -> {target.name}: leads back from {name}, which sets no account aside"

    def test_an_added_move_gives_no_event_a_second_target(self) -> None:
        (fault,) = faults_of(lambda: LIGHT.adding(Transition(Light.RED, Light.RED, "go")))
        assert fault == "event 'go' from RED: two targets, GREEN and RED"

    def test_one_pair_cannot_be_added_twice(self) -> None:
        pair = (Light.GREEN, Light.DARK)
        (fault,) = faults_of(lambda: LIGHT.adding(Transition(*pair, "fade"), Transition(*pair, "smash")))
        assert fault == "GREEN -> DARK: more than one event for one pair of statuses"

    @pytest.mark.parametrize(
        ("source", "target", "edge"),
        [
            (Light.RED, Membership.MERGED, "RED -> MERGED"),
            (Membership.MERGED, Light.RED, "MERGED -> RED"),
            (Light.RED, None, "RED -> unset"),
            (None, Membership.MERGED, "unset -> MERGED"),
        ],
    )
    def test_both_ends_of_an_added_move_are_statuses_of_the_lifecycle(
        self, source: Any, target: Any, edge: str
    ) -> None:
        (fault,) = faults_of(lambda: LIGHT.adding(Transition(source, target, "leap")))
        assert fault.startswith(f"{edge}: both ends must be statuses of Light")

    @pytest.mark.parametrize(("source", "target"), [("red", Light.GREEN), (Light.RED, "green")])
    def test_a_value_is_no_status(self, source: Any, target: Any) -> None:
        (fault,) = faults_of(lambda: LIGHT.adding(Transition(source, target, "leap")))
        assert "both ends must be statuses of Light" in fault

    def test_a_value_is_no_status_to_take_a_move_away_by(self) -> None:
        pair: Any = ("red", "green")
        (fault,) = faults_of(lambda: LIGHT.without(pair))
        assert "red" in fault

    @pytest.mark.parametrize("requirement", ["person", 5, None])
    def test_an_added_move_needs_needs(self, requirement: Any) -> None:
        (fault,) = faults_of(
            lambda: LIGHT.adding(
                Transition(Light.GREEN, Light.DARK, "fade", frozenset({Requirement.PERSON, requirement}))
            )
        )
        assert fault == f"GREEN -> DARK: requires what no request can meet: {requirement!r}"

    @pytest.mark.parametrize(
        "event",
        ["", "a\nb", "fade\n", "fade out", "Fade", "_fade", "2fade", "fäde", "*", "stop.now", "x" * 65, None, 5],
        ids=repr,
    )
    def test_an_added_move_names_its_event_by_lower_case_words(self, event: Any) -> None:
        (fault,) = faults_of(lambda: LIGHT.adding(Transition(Light.GREEN, Light.DARK, event)))
        assert fault.startswith(f"GREEN -> DARK: event {event!r} is no name")

    @pytest.mark.parametrize("event", ["x", "fade_2", "x" * 64])
    def test_any_lower_case_words_name_an_added_move(self, event: str) -> None:
        transition = Transition(Light.GREEN, Light.DARK, event)
        assert LIGHT.adding(transition).transition(Light.GREEN, Light.DARK) is transition

    @pytest.mark.parametrize(
        "why", ["a\nb", "a\r", "\x00", "\x1b[31m", "a\u2028b", "\ud800", None, 5, b"old"], ids=ascii
    )
    def test_the_reason_of_an_added_move_is_one_line_of_text(self, why: Any) -> None:
        (fault,) = faults_of(lambda: LIGHT.adding(Transition(Light.GREEN, Light.DARK, "fade", why=why)))
        assert fault == "GREEN -> DARK: its reason is no one line of text"

    def test_every_faulty_move_added_is_named_at_once(self) -> None:
        faults = faults_of(
            lambda: LIGHT.adding(
                Transition(Light.GREEN, Light.DARK, "Fade", why="a\nb"),
                Transition(None, Light.RED, "start", back=True),
                Transition(Light.RED, Light.RED, "go"),
            )
        )
        assert sorted(fault.split(":")[0] for fault in faults) == [
            *("GREEN -> DARK", "GREEN -> DARK", "event 'go' from RED", "unset -> RED"),
        ]

    def test_every_missing_move_to_take_away_is_named(self) -> None:
        faults = faults_of(
            lambda: LIGHT.without((Light.GREEN, Light.DARK), (Light.RED, Light.GREEN), (None, Light.RED))
        )
        assert faults == (
            "there is no transition GREEN -> DARK to take away",
            "there is no transition unset -> RED to take away",
        )

    def test_a_faulty_edit_changes_nothing_and_names_the_lifecycle(self) -> None:
        before = LIGHT.transitions
        with pytest.raises(ChartError, match="lifecycle 'light'"):
            LIGHT.adding(Transition(Light.GREEN, Light.DARK, "fade"), Transition(Light.RED, Light.RED, "go"))
        assert LIGHT.transitions is before

    @pytest.mark.parametrize("name", ["name", "transitions", "aside", "closing", "_table"])
    def test_a_lifecycle_is_frozen(self, name: str) -> None:
        with pytest.raises(FrozenInstanceError):
            setattr(LIGHT, name, ())

    @pytest.mark.parametrize("name", ["from_", "to", "event", "requirements", "back", "why"])
    def test_a_move_is_frozen(self, name: str) -> None:
        with pytest.raises(FrozenInstanceError):
            setattr(LIGHT.transitions[0], name, None)


def mermaid_edges(drawing: str) -> Counter[tuple[str, str, str]]:
    """The (source, target, event) of every edge drawn."""
    return Counter(re.findall(r"^ +(\S+) --> (\S+): ([^<\n]+)", drawing, re.MULTILINE))


def table_rows(text: str) -> list[tuple[str, ...]]:
    """The cells of every line of a table."""
    return [tuple(re.split(r" {2,}", line, maxsplit=4)) for line in text.splitlines()]


def drawn_as(transitions: Iterable[Transition[Any]], unset: str) -> Counter[tuple[str, str, str]]:
    """What a drawing of these moves holds: each exactly once."""
    return Counter(
        (transition.from_.name if transition.from_ else unset, transition.to.name, transition.event)
        for transition in transitions
    )


class TestDrawings:
    def assert_drawn(self, lifecycle: Lifecycle[Any]) -> None:
        lines = lifecycle.mermaid().splitlines()
        assert lines[0] == "stateDiagram-v2"
        assert mermaid_edges(lifecycle.mermaid()) == drawn_as(lifecycle.transitions, "[*]")
        ends = [line.split()[0] for line in lines if line.endswith("--> [*]")]
        assert sorted(ends) == sorted(status.name for status in lifecycle.closing)
        assert len(lines) == 1 + len(lifecycle.transitions) + len(ends)
        header, *rows = table_rows(lifecycle.table())
        assert header == ("from", "to", "event", "requirements", "why")
        assert Counter(row[:3] for row in rows) == drawn_as(lifecycle.transitions, "unset")
        for row, transition in zip(rows, lifecycle.transitions, strict=True):
            told = [requirement.value for requirement in Requirement if requirement in transition.requirements] + (
                ["back"] if transition.back else []
            )
            assert row[3] == (", ".join(told) or "-")
            assert row[4] == transition.why

    @each_shipped
    def test_a_drawing_holds_every_move_of_a_shipped_lifecycle_once(self, lifecycle: Lifecycle[Any]) -> None:
        self.assert_drawn(lifecycle)

    @some_charts
    @given(drawn_charts())
    def test_a_drawing_holds_every_move_of_a_random_lifecycle_once(self, drawn: Drawn) -> None:
        self.assert_drawn(drawn.lifecycle())

    def test_a_drawing_is_that_of_the_edited_table(self) -> None:
        fade = Transition(Light.GREEN, Light.DARK, "fade", BY_STAFF, back=True, why="the bulb is old")
        edited = GREEN_ASIDE.adding(fade).without((Light.RED, Light.DARK))
        self.assert_drawn(edited)
        assert "    GREEN --> DARK: fade<br/>person<br/>reason<br/>back\n" in edited.mermaid()
        assert "RED --> DARK" not in edited.mermaid()
        assert ("GREEN", "DARK", "fade", "person, reason, back", "the bulb is old") in table_rows(edited.table())
        assert "fade" not in GREEN_ASIDE.mermaid() + GREEN_ASIDE.table()

    def test_a_lifecycle_without_moves_is_drawn_too(self) -> None:
        empty = LIGHT.without(*edges_of(LIGHT))
        assert empty.mermaid() == "stateDiagram-v2\n"
        assert table_rows(empty.table()) == [("from", "to", "event", "requirements", "why")]

    @given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" ")))
    @example("the  bulb --> is: old")
    def test_a_line_of_the_table_is_a_move_whatever_its_reason(self, why: str) -> None:
        edited = LIGHT.adding(Transition(Light.GREEN, Light.DARK, "fade", why=why))
        lines = edited.table().splitlines()
        assert len(lines) == 1 + len(edited.transitions)
        (line,) = (line for line in lines if re.match(r"GREEN +DARK +fade ", line))
        assert line.endswith(why.rstrip())


def test_a_status_is_neither_its_value_nor_a_status_of_another_lifecycle() -> None:
    class Lamp(Status):
        RED = "red"

    one: Status = Lamp.RED
    assert one != Light.RED
    assert hash(one) != hash(Light.RED)
    assert len({one, Light.RED, "red"}) == 3
