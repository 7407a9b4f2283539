"""Configurations as JSON: what is written is read back whole, and nothing else is read at all."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from organisation import (
    ACME,
    CONSENT,
    POLICY,
    Consent,
    ForeignLabel,
    Label,
    ShopAction,
    ShopChannel,
    some_examples,
)

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    Channel,
    Condition,
    ConfigurationError,
    CustomerStatus,
    Effect,
    IdleRule,
    InvalidInputError,
    Lifecycle,
    Membership,
    NoLabels,
    OrgConfig,
    Party,
    Requirement,
    RestrictionPolicy,
    Status,
    Transition,
    Verdict,
    Waiver,
    block,
    block_everything,
    mark,
)
from custstatus.policies import Absent, Loosening, Question
from custstatus.states import SHIPPED

LAX = CUSTOMER_STATUS.adding(
    Transition(
        CustomerStatus.ACTIVE,
        CustomerStatus.FRAUD_CONFIRMED,
        "confirm_at_once",
        frozenset({Requirement.PERSON}),
        why="D7",
    )
).without((CustomerStatus.INTERNAL, CustomerStatus.DELETED))


class Sale(NamedTuple):
    """What the host says of an attempt."""

    amount: int


def risk(question: Question) -> Verdict:
    """A policy of the host's own."""
    return Verdict(question.action, Effect.ALLOW)


CLOSED = RestrictionPolicy(block_everything(when=CustomerStatus.DELETED))
LARGE = Condition("large", Sale, lambda sale: sale.amount > 500)

RICH: OrgConfig[Label] = OrgConfig(
    "acme",
    Label,
    lifecycles=[LAX, MEMBERSHIP, CLIENT_STATE, CONSENT],
    actions=[Action, ShopAction],
    restrictions=POLICY
    + RestrictionPolicy(
        block(
            ShopAction.GIFT_WRAP,
            when=[Consent.PAUSED, Label.WATCHED],
            reason="“none” – \u2028 said",
            customer_message="später",
            code="681",
        ),
        block_everything(when=CustomerStatus.FRAUD_CONFIRMED),
        mark(Action.POINTS_TRANSFER, when=Label.WATCHED, party=Party.DESTINATION, condition=LARGE),
    ),
    two_party=[Action.POINTS_TRANSFER, ShopAction.GIFT_WRAP],
    policies={"risk": risk, "fraud": risk},
    loosenings=[
        Loosening([Action.LOGIN, ShopAction.GIFT_WRAP], [Label.WATCHED, Membership.ON_HOLD], "ada", "they ask for it"),
        Loosening(None, CustomerStatus.SUSPENDED, "bob", "– and more"),
    ],
    idle=[
        IdleRule(timedelta(days=90, microseconds=1), Label.DORMANT, [Label.TRENDING]),
        IdleRule(timedelta(days=900), CustomerStatus.DELETED),
    ],
    counts_as_activity=[Action.TRANSACTION, ShopAction.GIFT_WRAP],
    reason_optional=[Channel.IMPORT, ShopChannel.KIOSK],
    identifiers=["loyalty card", "mobile"],
    time_zone=ZoneInfo("Asia/Kolkata"),
    waives=[Waiver.ANY_STATUS_MAY_BLOCK_EVERYTHING, Waiver.CLOSING_MAY_BE_UNBLOCKED],
)


def read(text: str, labels: Any = Label) -> OrgConfig[Any]:
    """A configuration of JSON, with everything that the example organisation has in code."""
    return OrgConfig.from_json(
        text,
        labels,
        lifecycles=[*SHIPPED, CONSENT],
        actions=[Action, ShopAction],
        channels=[Channel, ShopChannel],
        conditions=[LARGE],
        policies={"risk": risk, "fraud": risk, "unused": risk},
    )


def spoilt(**fields: object) -> str:
    """The rich configuration as JSON with some fields otherwise."""
    return json.dumps(json.loads(RICH.to_json()) | fields)


class TestThereAndBack:
    @pytest.mark.parametrize(
        "config",
        [
            RICH,
            ACME,
            OrgConfig("plain", Label),
            OrgConfig("bare", NoLabels, lifecycles=[]),
            OrgConfig("bare", NoLabels, lifecycles=[CONSENT]),
            OrgConfig("bare", NoLabels, actions=[ShopAction], restrictions=CLOSED, counts_as_activity=[]),
        ],
        ids=["rich", "example", "plain", "nothing on", "own lifecycle", "own actions"],
    )
    def test_a_configuration_goes_to_json_and_back(self, config: OrgConfig[Any]) -> None:
        again = read(config.to_json(), config.labels)
        assert again == config
        assert again.hash == config.hash
        assert again.to_json() == config.to_json()

    def test_edited_tables_of_moves_are_those_of_the_text(self) -> None:
        edited = read(RICH.to_json()).lifecycle("customer_status")
        assert edited is not None
        assert edited.transitions == LAX.transitions
        assert edited.transition(CustomerStatus.INTERNAL, CustomerStatus.DELETED) is None

    def test_the_text_is_canonical(self) -> None:
        document = json.loads(RICH.to_json())
        assert RICH.to_json() == json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def test_the_form_of_the_text_does_not_matter(self) -> None:
        loose = json.dumps(json.loads(RICH.to_json()), indent=2)
        assert read(loose).hash == RICH.hash


class TestWhatTheCodeLacks:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("lifecycles", [json.loads(RICH.to_json())["lifecycles"][0] | {"name": "card"}]),
            ("actions", ["fly"]),
            ("actions", ["transaction"]),
            ("restrictions", [json.loads(RICH.to_json())["restrictions"][0] | {"effect": "allow"}]),
            ("restrictions", [json.loads(RICH.to_json())["restrictions"][0] | {"effect": "forbid"}]),
            ("restrictions", [json.loads(RICH.to_json())["restrictions"][0] | {"actions": ["fly"]}]),
            ("restrictions", [json.loads(RICH.to_json())["restrictions"][0] | {"actions": []}]),
            ("restrictions", [json.loads(RICH.to_json())["restrictions"][0] | {"when": []}]),
            ("counts_as_activity", ["fly"]),
            ("reason_optional", ["pigeon"]),
            ("time_zone", "Mars/Olympus"),
            ("time_zone", ""),
            ("time_zone", "../../etc/passwd"),
            ("time_zone", "Europe"),
        ],
    )
    def test_a_name_that_the_code_lacks_is_invalid_input(self, field: str, value: object) -> None:
        with pytest.raises(InvalidInputError):
            read(spoilt(**{field: value}))

    def test_the_labels_must_be_those_of_the_text_in_their_order(self) -> None:
        with pytest.raises(InvalidInputError, match="the labels of ForeignLabel, in their order"):
            read(RICH.to_json(), ForeignLabel)

    def test_the_hosts_own_enums_must_be_given(self) -> None:
        with pytest.raises(InvalidInputError, match="gift_wrap"):
            OrgConfig.from_json(RICH.to_json(), Label, conditions=[LARGE], policies={"risk": risk, "fraud": risk})

    @pytest.mark.parametrize("missing", ["conditions", "policies"])
    def test_conditions_and_policies_must_be_given_and_are_named_where_they_are_not(self, missing: str) -> None:
        given: dict[str, Any] = {"conditions": [LARGE], "policies": {"risk": risk, "fraud": risk}}
        enums: dict[str, Any] = {
            "lifecycles": [*SHIPPED, CONSENT],
            "actions": [Action, ShopAction],
            "channels": [Channel, ShopChannel],
        }
        assert OrgConfig.from_json(RICH.to_json(), Label, **enums, **given) == RICH
        del given[missing]
        with pytest.raises(InvalidInputError) as refused:
            OrgConfig.from_json(RICH.to_json(), Label, **enums, **given)
        name = {"conditions": "condition", "policies": "policy"}[missing]
        assert refused.value.field == f"configuration.{name}"
        assert {"conditions": "'large'", "policies": "'fraud'"}[missing] in str(refused.value)

    def test_those_that_are_not_at_hand_may_be_stood_in_for_by_name(self) -> None:
        again = OrgConfig.from_json(
            RICH.to_json(),
            Label,
            lifecycles=[*SHIPPED, CONSENT],
            actions=[Action, ShopAction],
            channels=[Channel, ShopChannel],
            conditions=[Condition.absent("large")],
            policies={"risk": Absent(), "fraud": Absent()},
        )
        assert again.hash == RICH.hash
        transfer = again.policy.verdict(
            CustomerStatus.FRAUD_SUSPECTED, Label.WATCHED, Action.POINTS_TRANSFER, Party.DESTINATION
        )
        assert [each.name for each in transfer.conditions] == ["large"]

    @pytest.mark.parametrize(
        ("field", "change"),
        [
            ("two_party", ["fly"]),
            ("two_party", "points_transfer"),
            ("policies", ["unheard of"]),
            ("policies", {"risk": "risk"}),
            ("loosenings", [{"actions": ["fly"], "when": [], "by": "ada", "reason": "why"}]),
            ("loosenings", [{"actions": None, "when": [], "by": "ada", "reason": "why"}]),
            ("loosenings", [json.loads(RICH.to_json())["loosenings"][0] | {"by": ""}]),
            ("loosenings", [json.loads(RICH.to_json())["loosenings"][0] | {"reason": " "}]),
            ("restrictions", [json.loads(RICH.to_json())["restrictions"][-1] | {"party": "both"}]),
            ("restrictions", [json.loads(RICH.to_json())["restrictions"][-1] | {"condition": "unheard of"}]),
            ("restrictions", [json.loads(RICH.to_json())["restrictions"][-1] | {"actions": None}]),
        ],
    )
    def test_what_the_policies_name_is_looked_for_as_well(self, field: str, change: object) -> None:
        with pytest.raises(InvalidInputError):
            read(spoilt(**{field: change}))

    def test_a_waiver_that_the_code_lacks_is_invalid_input(self) -> None:
        with pytest.raises(InvalidInputError):
            read(spoilt(waives=["anything_goes"]))

    def test_other_statuses_than_those_of_the_code_are_invalid_input(self) -> None:
        lifecycles = json.loads(RICH.to_json())["lifecycles"]
        lifecycles[-1]["statuses"].append("revoked")
        with pytest.raises(InvalidInputError):
            read(spoilt(lifecycles=lifecycles))


def first_lifecycle(change: Callable[[dict[str, Any]], object]) -> str:
    """The rich configuration with something done to its first lifecycle."""
    lifecycles = json.loads(RICH.to_json())["lifecycles"]
    change(lifecycles[0])
    return spoilt(lifecycles=lifecycles)


class TestOtherForms:
    @pytest.mark.parametrize(
        "text",
        ["", "{", "null", "[]", "5", '"acme"', "{}", "[" * 20_000, "NaN", "\ufeff{}", RICH.to_json()[:-1]],
        ids=lambda text: text[:8],
    )
    def test_what_is_no_such_json_is_invalid_input(self, text: str) -> None:
        with pytest.raises(InvalidInputError, match="configuration: expected JSON of the form of ConfigDocument"):
            read(text)

    @pytest.mark.parametrize("text", [None, 5, {}, ["{}"]])
    def test_what_is_no_text_is_invalid_input(self, text: Any) -> None:
        with pytest.raises(InvalidInputError):
            read(text)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("org", 5),
            ("org", None),
            ("org", ["acme"]),
            ("labels", {"text": "Regular"}),
            ("labels", [["Regular", "active"]]),
            ("identifiers", None),
            ("identifiers", [5]),
            ("time_zone", 0),
            ("idle", [{"after_microseconds": "5", "to": {"label": "Dormant", "lifecycle": None, "status": None}}]),
            ("lifecycles", ["customer_status"]),
            ("waives", [1]),
            ("surplus", True),
        ],
    )
    def test_nothing_is_coerced_or_passed_over(self, field: str, value: object) -> None:
        with pytest.raises(InvalidInputError):
            read(spoilt(**{field: value}))

    @pytest.mark.parametrize("value", ["mobile", {"mobile": 1}], ids=["text", "object"])
    def test_only_a_list_is_a_list(self, value: object) -> None:
        with pytest.raises(InvalidInputError):
            read(spoilt(identifiers=value))

    def test_a_field_that_is_missing_is_invalid_input(self) -> None:
        for name in json.loads(RICH.to_json()):
            document = json.loads(RICH.to_json())
            del document[name]
            with pytest.raises(InvalidInputError):
                read(json.dumps(document))

    def test_a_document_that_does_not_hold_together_is_a_configuration_error(self) -> None:
        with pytest.raises(ConfigurationError, match="appears more than once"):
            read(spoilt(identifiers=["mobile", "mobile"]))

    def test_a_period_beyond_the_calendar_is_invalid_input(self) -> None:
        idle = json.loads(RICH.to_json())["idle"]
        idle[0]["after_microseconds"] = 10**30
        with pytest.raises(InvalidInputError):
            read(spoilt(idle=idle))

    @pytest.mark.parametrize(
        "change",
        [
            lambda lifecycle: lifecycle["transitions"].append(lifecycle["transitions"][0]),
            lambda lifecycle: lifecycle["transitions"][0].update(why="\ud800"),
            lambda lifecycle: lifecycle.update(closing=["active"]),
        ],
        ids=["ambiguous", "a lone surrogate", "out of a closing status"],
    )
    def test_a_table_of_moves_that_does_not_hold_together_is_invalid_input(
        self, change: Callable[[dict[str, Any]], object]
    ) -> None:
        with pytest.raises((InvalidInputError, ConfigurationError)):
            read(first_lifecycle(change))


plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(value: object, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [here, *(path for key, each in inner for path in paths(each, (*here, key)))]


DOCUMENT = json.loads(RICH.to_json())
PLACES = paths(DOCUMENT)[1:]


def replaced(places: list[tuple[Any, ...]], values: list[Any]) -> str:
    """The rich document with some of its places holding something else, or nothing."""
    document = copy.deepcopy(DOCUMENT)
    for place, value in zip(places, values, strict=True):
        at = document
        try:
            for key in place[:-1]:
                at = at[key]
            if value is ...:
                del at[place[-1]]
            else:
                at[place[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier replacement has taken the place away
    return json.dumps(document)


class TestAnyJson:
    @some_examples
    @given(plain_json)
    def test_no_json_value_leaks_another_error(self, value: object) -> None:
        with pytest.raises(InvalidInputError):
            read(json.dumps(value))

    @some_examples
    @given(st.data())
    def test_no_spoilt_document_leaks_another_error(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, 3))
        places = data.draw(st.lists(st.sampled_from(PLACES), min_size=number, max_size=number))
        others: st.SearchStrategy[Any] = st.sampled_from(
            [..., "", "active", "transaction", "customer_status", "Regular", 0, -1, [], {}, None]
        )
        values = data.draw(st.lists(others | plain_json, min_size=number, max_size=number))
        try:
            config = read(replaced(places, values))
        except (InvalidInputError, ConfigurationError):
            return
        assert config.hash

    @some_examples
    @given(st.text(max_size=40))
    def test_no_text_leaks_another_error(self, text: str) -> None:
        with pytest.raises(InvalidInputError):
            read(text)


class Reduced(Status):
    """The lifecycle of the host's own, one status fewer."""

    ASKED = "asked"
    GIVEN = "given"


def test_a_move_to_a_status_that_the_code_lost_is_invalid_input() -> None:
    reduced = Lifecycle("consent", Reduced, (Transition(None, Reduced.ASKED, "ask"),))
    with pytest.raises(InvalidInputError, match="the statuses of Reduced, in their order"):
        OrgConfig.from_json(
            OrgConfig("acme", NoLabels, lifecycles=[CONSENT]).to_json(), NoLabels, lifecycles=[*SHIPPED, reduced]
        )


def test_a_configuration_read_back_keeps_its_parts_apart_from_the_original() -> None:
    again = read(RICH.to_json())
    assert again.lifecycles[0] is not RICH.lifecycles[0]
    assert evolve(again, org="zeta").hash != RICH.hash
