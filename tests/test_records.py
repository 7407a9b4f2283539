"""Records: the words the library speaks in, their bounds, and what their reprs keep to themselves."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError
from organisation import AGENT, START, ForeignLabel, Label, ShopAction

from custstatus import (
    Account,
    Action,
    Activity,
    Actor,
    ActorKind,
    AnyAction,
    Channel,
    CustomerStatus,
    Effect,
    HeldIdentifier,
    Identifier,
    InvalidInputError,
    NoLabels,
    Page,
    RequestedBy,
    Standing,
    StatusLabel,
)

SECRET = "Käthe 0170-555"


class TestActions:
    def test_the_actions_of_todays_products_are_all_there(self) -> None:
        # D28: communication is split in two, and MARK_TRANSACTION_OUTLIER and BLOCK_EVERYTHING are effects of rules.
        restrictable = {
            *("transaction", "points_allocation", "points_redemption", "coupon_issue", "coupon_redemption"),
            *("promotion_issue", "promotion_enroll", "badge_issue", "tier_upgrade", "identifier_change"),
            *("account_merge", "communication_promotional", "communication_service", "points_transfer", "login"),
            *("offers", "card_issue", "card_replace", "return", "clawback", "goodwill", "password_reset"),
            *("profile_edit", "opt_out", "deletion_request"),
        }
        assert {action.value for action in Action} == restrictable

    def test_a_hosts_action_of_the_same_value_is_another_action(self) -> None:
        class Mine(AnyAction):
            TRANSACTION = "transaction"

        assert len({Mine.TRANSACTION, Action.TRANSACTION}) == 2

    def test_effects_go_from_the_mildest_to_the_strictest(self) -> None:
        # D33
        assert sorted(Effect, key=lambda effect: effect.strictness) == [Effect.ALLOW, Effect.MARK, Effect.BLOCK]


class TestChannels:
    def test_the_channels_of_todays_products_are_all_there_and_the_sweeps(self) -> None:
        # D57
        values = {"api", "import", "connect_plus", "member_care", "request_workflow", "sweep"}
        assert {channel.value for channel in Channel} == values


class TestLabels:
    def test_a_label_maps_to_exactly_one_status(self) -> None:
        # D19
        assert [label.status for label in Label if label.text == "Lost phone"] == [CustomerStatus.SUSPENDED]
        assert Label.LOST_PHONE.text == "Lost phone"

    def test_labels_of_two_organisations_are_never_the_same(self) -> None:
        assert Label.REGULAR.value == ForeignLabel.REGULAR.value
        assert len({Label.REGULAR, ForeignLabel.REGULAR}) == 2

    @pytest.mark.parametrize("definition", ["Regular", ("Regular",), ("Regular", CustomerStatus.ACTIVE, True)])
    def test_a_label_without_its_status_cannot_be_declared(self, definition: object) -> None:
        with pytest.raises(TypeError):
            declared(REGULAR=definition)

    def test_no_labels_has_none(self) -> None:
        assert list(NoLabels) == []


def declared(**members: object) -> object:
    """A class of labels with these members."""
    made: Any = type(StatusLabel)
    body = made.__prepare__("Declared", (StatusLabel,))
    body.update(members)
    return made("Declared", (StatusLabel,), body)


MEMBERS = [*CustomerStatus, *Label, *Action, *Effect, *Channel, *ActorKind, *RequestedBy]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda member: pickle.loads(pickle.dumps(member))])
def test_every_word_stays_itself_when_copied(copied: Callable[[object], object]) -> None:
    assert all(copied(member) is member for member in MEMBERS)


def actor_of(**given: Any) -> Actor:
    return Actor(**({"id": "agent-7"} | given))


def identifier_of(**given: Any) -> Identifier:
    return Identifier(**({"type": "mobile", "value": "+44"} | given))


def activity_of(**given: Any) -> Activity:
    ordinary: dict[str, Any] = {"customer": "c", "kind": Action.TRANSACTION, "reference": "r-1", "at": START}
    return Activity(**(ordinary | given))


class TestBoundsOfFields:
    @pytest.mark.parametrize(
        ("make", "field", "value"),
        [
            (actor_of, "id", ""),
            (actor_of, "id", "x" * 129),
            (actor_of, "id", "a\nb"),
            (actor_of, "id", 7),
            (actor_of, "kind", "person"),
            (actor_of, "name", "x" * 129),
            (actor_of, "name", "\ud800"),
            (identifier_of, "type", ""),
            (identifier_of, "type", "x" * 65),
            (identifier_of, "value", ""),
            (identifier_of, "value", "x" * 257),
            (identifier_of, "value", "\x00"),
            (identifier_of, "source", "x" * 129),
            (identifier_of, "source", "\x00"),
            (identifier_of, "source", None),
            (identifier_of, "account", "x" * 129),
            (activity_of, "customer", ""),
            (activity_of, "kind", "transaction"),
            (activity_of, "reference", "x" * 129),
            (activity_of, "at", datetime(2024, 1, 1)),
            (activity_of, "at", "2024-01-01"),
            (activity_of, "amount", 9.99),
            (activity_of, "amount", Decimal("NaN")),
            (activity_of, "effect", "mark"),
        ],
    )
    def test_a_field_out_of_bounds_is_refused_by_its_name(
        self, make: Callable[..., Any], field: str, value: object
    ) -> None:
        with pytest.raises(InvalidInputError) as refused:
            make(**{field: value})
        assert refused.value.field == f"{type(make()).__name__}.{field}"

    @pytest.mark.parametrize(
        ("make", "field", "value"),
        [
            (actor_of, "id", "x" * 128),
            (actor_of, "name", None),
            (identifier_of, "type", "x" * 64),
            (identifier_of, "value", "x" * 256),
            (identifier_of, "source", ""),
            (identifier_of, "account", "x" * 128),
            (activity_of, "reference", "x" * 128),
            (activity_of, "amount", None),
            (activity_of, "amount", Decimal("-12.345678")),
        ],
    )
    def test_a_field_at_its_bounds_is_taken_as_it_is(self, make: Callable[..., Any], field: str, value: object) -> None:
        assert getattr(make(**{field: value}), field) == value

    def test_the_time_of_an_activity_is_kept_in_utc(self) -> None:
        at = datetime(2024, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
        assert activity_of(at=at).at == datetime(2024, 6, 1, 10, tzinfo=UTC)
        assert activity_of(at=at).at.tzinfo is UTC

    def test_values_are_frozen(self) -> None:
        for value, name in ((actor_of(), "id"), (identifier_of(), "value"), (activity_of(), "at")):
            with pytest.raises(FrozenInstanceError):
                setattr(value, name, None)


class TestIdentity:
    def test_an_actor_is_known_by_id_and_kind_not_by_the_name_for_people(self) -> None:
        assert Actor("a", name="Ada") == Actor("a", name="Bob")
        assert Actor("a", ActorKind.SYSTEM) != Actor("a", ActorKind.PERSON)

    def test_an_identifier_is_known_by_all_four_of_its_parts(self) -> None:
        # D108
        whole = Identifier("mobile", "+44", "web", "main")
        others = [
            Identifier("email", "+44", "web", "main"),
            Identifier("mobile", "+49", "web", "main"),
            Identifier("mobile", "+44", "shop", "main"),
            Identifier("mobile", "+44", "web", "other"),
        ]
        assert whole == Identifier("mobile", "+44", "web", "main")
        assert len({whole, *others}) == 5

    def test_it_is_said_at_whose_wish(self) -> None:
        # D101
        assert {requested_by.value for requested_by in RequestedBy} == {"customer", "staff", "system", "authority"}


class TestReprs:
    @pytest.mark.parametrize(
        "value",
        [
            Actor("agent-7", name=SECRET),
            Identifier("mobile", SECRET, account=SECRET),
            HeldIdentifier("mobile", SECRET, START),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_no_personal_data_is_in_a_repr(self, value: object) -> None:
        assert SECRET not in repr(value)
        assert SECRET not in str(value)


class TestAccounts:
    def test_an_account_has_one_place_on_each_lifecycle(self) -> None:
        # D25: exactly one current status label.
        rows: tuple[Standing[str, str], ...] = (
            Standing("customer_status", "active", "Regular", START, START, AGENT, 2),
            Standing("membership", None, None, START, START, AGENT, 1),
        )
        account = Account("acme", "c", 2, START, None, rows)
        assert [standing.lifecycle for standing in account.standings] == ["customer_status", "membership"]
        assert account.standing("customer_status") is rows[0]
        assert account.standing("membership") is rows[1]
        assert account.standing("client_state") is None

    def test_accounts_at_the_same_places_are_known_by_it(self) -> None:
        def at(*rows: tuple[str, str | None, str | None]) -> str:
            standings = tuple(Standing(*row, START, START, AGENT, 1) for row in rows)
            return Account("acme", "c", 1, START, None, standings).places

        several = [
            at(),
            at(("customer_status", None, None)),
            at(("customer_status", "active", None)),
            at(("customer_status", "active", "Regular")),
            at(("customer_status", "active", "Trending")),
            at(("customer_status", None, None), ("membership", None, None)),
            at(("customer_status", "active", None), ("membership", None, None)),
            at(("customer_status", None, None), ("membership", "active", None)),
        ]
        assert len(set(several)) == len(several)
        assert at(("membership", "active", None)) == at(("membership", "active", None))


class TestPages:
    def test_a_page_is_iterated_and_counted_like_its_items(self) -> None:
        page = Page((1, 2, 3), next="3")
        assert list(page) == [1, 2, 3]
        assert len(page) == 3
        assert Page(()).next is None


def test_an_action_of_the_hosts_own_is_an_activity() -> None:
    assert activity_of(kind=ShopAction.GIFT_WRAP).kind is ShopAction.GIFT_WRAP
