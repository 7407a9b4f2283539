"""The service: asking, one read each, and what customers do."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from organisation import (
    ACME,
    AGENT,
    START,
    STORES,
    ForeignLabel,
    Label,
    ShopAction,
    World,
    in_memory,
    opened,
)

from custstatus import (
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    Account,
    Action,
    Activity,
    Channel,
    CustomerStatus,
    DeniedError,
    Effect,
    InvalidInputError,
    LegacyFraudStatus,
    Membership,
    MemoryStore,
    NoLabels,
    OrgConfig,
    RestrictionPolicy,
    StatusService,
    UnknownCustomerError,
    Waiver,
    block,
    block_everything,
)
from custstatus.errors import StoreClosedError, StoredValueError, UnknownActionError

SUSPENDED = CustomerStatus.SUSPENDED


@pytest.fixture(params=STORES)
def acme(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World[Label]]:
    """The example organisation over each kind of store, with customer c in it."""
    with opened(request.param, tmp_path, ACME) as world:
        world.desk.register("c")
        yield world


def sale(customer: str = "c", reference: str = "r-1", **given: Any) -> Activity:
    """A sale at the start of all worlds."""
    fields: dict[str, Any] = {"kind": Action.TRANSACTION, "at": START, **given}
    return Activity(customer=customer, reference=reference, **fields)


class TestDeciding:
    def test_a_decision_says_whether_why_where_since_when_and_what_would_lift_it(self, acme: World[Label]) -> None:
        # D35, D38
        acme.clock.forward(days=3)
        acme.desk.change("c", Label.LOST_PHONE, reason="lost")
        acme.clock.forward(days=1)
        decision = acme.service.decide("c", Action.POINTS_REDEMPTION)
        assert (decision.action, decision.effect) == (Action.POINTS_REDEMPTION, Effect.BLOCK)
        assert decision.code == "block.points_redemption"
        assert [each.label for each in decision.contributions] == [Label.LOST_PHONE]
        assert [lift.event for lift in decision.lifts if lift.label is Label.REGULAR] == ["reinstate"]
        assert {row.lifecycle: row.since for row in decision.standings}["customer_status"] == START + timedelta(days=3)
        assert decision.account == acme.service.account("c")
        assert "in other hands" in decision.staff_message
        assert decision.customer_message == "Please tell us when your phone is found."

    def test_it_has_no_truth_value(self, acme: World[Label]) -> None:
        # D38
        decision = acme.service.decide("c", Action.TRANSACTION)
        with pytest.raises(TypeError, match="ask for its effect"):
            bool(decision)
        with pytest.raises(TypeError):
            assert not decision

    def test_a_suspended_customers_sale_is_accepted_and_marked(self, acme: World[Label]) -> None:
        # D33, D34
        acme.desk.change("c", Label.ABROAD, reason="travels")
        decision = acme.service.check("c", Action.TRANSACTION)
        assert decision.effect is Effect.MARK

    def test_a_deleted_customer_may_do_nothing(self, acme: World[Label]) -> None:
        # D30
        acme.desk.change("c", Label.CLOSED, reason="at the customer's request")
        decisions = acme.service.decide_all("c", ACME.all_actions)
        assert {decision.effect for decision in decisions.values()} == {Effect.BLOCK}

    def test_the_strictest_lifecycle_wins_and_all_that_contribute_are_told(self, acme: World[Label]) -> None:
        acme.desk.change("c", Label.LOST_PHONE, reason="lost")
        acme.desk.change("c", Membership.ENROLLED, reason="joins")
        acme.desk.change("c", Membership.ON_HOLD, reason="asked")
        decision = acme.service.decide("c", Action.POINTS_REDEMPTION)
        assert decision.effect is Effect.BLOCK
        assert [(each.lifecycle, each.rule.effect) for each in decision.contributions] == [
            ("customer_status", Effect.BLOCK),
            ("membership", Effect.MARK),
        ]
        assert {lift.lifecycle for lift in decision.lifts} == {"customer_status", "membership"}

    def test_an_unset_customer_may_do_everything(self) -> None:
        # D37
        rules = RestrictionPolicy(block_everything(when=[*CustomerStatus, *Membership]))
        world = in_memory(
            OrgConfig(
                "acme",
                NoLabels,
                lifecycles=[MEMBERSHIP],
                restrictions=rules,
                waives=[Waiver.ANY_STATUS_MAY_BLOCK_EVERYTHING, Waiver.ACTIVE_MAY_BE_RESTRICTED],
            )
        )
        world.desk.register("c")
        decisions = world.service.decide_all("c", Action)
        assert {decision.effect for decision in decisions.values()} == {Effect.ALLOW}

    def test_the_legacy_fraud_status_is_no_longer_evaluated_once_customer_status_is_on(self) -> None:
        # D45
        rules = ACME.restrictions + RestrictionPolicy(block(Action.LOGIN, when=LegacyFraudStatus.MARKED))
        both = evolve(ACME, lifecycles=[CUSTOMER_STATUS, LEGACY_FRAUD_STATUS, MEMBERSHIP, *ACME.lifecycles[2:]])
        world = in_memory(evolve(both, restrictions=rules))
        world.desk.register("c", LegacyFraudStatus.MARKED, reason="odd")
        assert world.service.decide("c", Action.LOGIN).effect is Effect.ALLOW

    def test_nothing_that_is_known_of_cards_restricts_the_customer(self, acme: World[Label]) -> None:
        # D40: who and what is asked, with what the host itself says of the attempt; what is reported of cards decides nothing.
        assert list(inspect.signature(StatusService.decide).parameters) == ["self", "customer", "action", "context"]
        before = {action: decision.verdict for action, decision in acme.service.decide_all("c", Action).items()}
        for number, kind in enumerate((Action.CARD_ISSUE, Action.CARD_REPLACE)):
            for effect in Effect:
                acme.service.record(sale(reference=f"card-{number}-{effect.value}", kind=kind, effect=effect))
        after = {action: decision.verdict for action, decision in acme.service.decide_all("c", Action).items()}
        assert after == before

    def test_the_customer_is_told_nothing_of_fraud(self, acme: World[Label]) -> None:
        # D105
        acme.desk.change("c", Label.UNUSUAL, reason="odd")
        suspected = acme.service.decide("c", Action.POINTS_REDEMPTION)
        acme.desk.change("c", Label.PROVEN, reason="seen")
        confirmed = acme.service.decide("c", Action.POINTS_REDEMPTION)
        assert suspected.customer_message == confirmed.customer_message
        for word in ("fraud", "suspect", "confirm", "Unusual", "Proven"):
            assert word.lower() not in suspected.customer_message.lower()

    def test_it_survives_pickling(self, acme: World[Label]) -> None:
        acme.desk.change("c", Label.LOST_PHONE, reason="lost")
        decision = acme.service.decide("c", Action.POINTS_REDEMPTION)
        again = pickle.loads(pickle.dumps(decision))
        assert again == decision
        assert again.effect is Effect.BLOCK


class TestChecking:
    def test_what_is_not_blocked_is_decided(self, acme: World[Label]) -> None:
        assert acme.service.check("c", Action.TRANSACTION).effect is Effect.ALLOW

    def test_what_is_blocked_raises_with_the_decision(self, acme: World[Label]) -> None:
        # D38
        acme.desk.change("c", Label.LOST_PHONE, reason="lost")
        with pytest.raises(DeniedError) as denied:
            acme.service.check("c", Action.COUPON_REDEMPTION)
        assert denied.value.decision == acme.service.decide("c", Action.COUPON_REDEMPTION)
        # D105: an error's text may reach the customer
        assert str(denied.value) == "COUPON_REDEMPTION is denied to customer 'c' [block.coupon_redemption]"


class Counting(MemoryStore):
    """A store that counts how often accounts are read."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0

    def load(self, org: str, customer: str) -> Account | None:
        self.loads += 1
        return super().load(org, customer)


class TestReads:
    def test_a_decision_is_one_read_and_many_at_once_are_one_too(self) -> None:
        store = Counting()
        world = World(ACME, store)
        world.desk.register("c")
        store.loads = 0
        world.service.decide("c", Action.LOGIN)
        assert store.loads == 1
        decisions = world.service.decide_all("c", ACME.all_actions)
        assert store.loads == 2
        assert list(decisions) == list(ACME.all_actions)
        assert {decision.account.version for decision in decisions.values()} == {2}

    def test_asking_writes_nothing(self, acme: World[Label]) -> None:
        before = acme.everything()
        acme.service.decide("c", Action.LOGIN)
        acme.service.decide_all("c", Action)
        acme.service.check("c", Action.LOGIN)
        assert acme.everything() == before


class TestUnknown:
    def test_an_unknown_customer_is_an_error_that_says_what_to_do(self, acme: World[Label]) -> None:
        for ask in (acme.service.decide, acme.service.check):
            with pytest.raises(
                UnknownCustomerError, match="no customer 'x' in organisation 'acme': register them first"
            ):
                ask("x", Action.LOGIN)
        with pytest.raises(UnknownCustomerError):
            acme.service.decide_all("x", [])

    @pytest.mark.parametrize("action", ["login", None, SUSPENDED])
    def test_an_unknown_action_is_an_error_never_a_silent_allow(self, action: Any, acme: World[Label]) -> None:
        # D28
        for ask in (acme.service.decide, acme.service.check):
            with pytest.raises(UnknownActionError):
                ask("c", action)
        with pytest.raises(UnknownActionError):
            acme.service.decide_all("c", [Action.LOGIN, action])

    @pytest.mark.parametrize("customer", ["", "x" * 129, "c\x00", "\ud800", 5, None, ["c"], b"c"])
    def test_what_cannot_be_a_customer_is_invalid(self, customer: Any, acme: World[Label]) -> None:
        for ask in (acme.service.decide, acme.service.check):
            with pytest.raises(InvalidInputError, match="customer"):
                ask(customer, Action.LOGIN)
        with pytest.raises(InvalidInputError, match="customer"):
            acme.service.decide_all(customer, [])

    def test_a_stored_label_that_the_configuration_lacks_is_named(self, acme: World[Label]) -> None:
        # D24
        acme.desk.change("c", Label.TRENDING, reason="r")
        with pytest.raises(StoredValueError, match="label 'Trending' on lifecycle 'customer_status'"):
            acme.under(OrgConfig("acme", ForeignLabel)).service.decide("c", Action.LOGIN)

    def test_a_closed_store_is_told_as_such(self, acme: World[Label]) -> None:
        acme.store.close()
        with pytest.raises(StoreClosedError):
            acme.service.decide("c", Action.LOGIN)


class TestConfigurations:
    def test_entries_and_decisions_carry_the_hash_and_the_store_resolves_it(self, acme: World[Label]) -> None:
        later = acme.under(evolve(ACME, identifiers=["email"]))
        later.desk.change("c", Label.ABROAD, reason="r")
        hashes = [entry.config for entry in later.service.history("c")]
        assert hashes == [ACME.hash, ACME.hash, later.config.hash]
        assert later.service.decide("c", Action.LOGIN).config == later.config.hash
        for config in (ACME, later.config):
            kept = acme.store.config("acme", config.hash)
            assert kept is not None
            again = OrgConfig.from_json(kept, Label, actions=[Action, ShopAction])
            assert (again.hash, again.identifiers) == (config.hash, config.identifiers)

    def test_the_organisations_that_have_kept_one_are_listed(self, acme: World[Label]) -> None:
        acme.under(evolve(ACME, org="zeta"))
        assert acme.store.organisations() == ("acme", "zeta")

    def test_a_configuration_is_kept_once(self, acme: World[Label]) -> None:
        acme.under(ACME)
        assert acme.store.config("acme", ACME.hash) == ACME.to_json()
        assert acme.store.config("acme", "0" * 32) is None


class TestMaking:
    def test_what_is_no_configuration_is_refused(self) -> None:
        wrong: Any = "acme"
        with pytest.raises(InvalidInputError, match="config: expected an OrgConfig, got text of 4 characters"):
            StatusService(MemoryStore(), wrong)

    @pytest.mark.parametrize("key", [b"", b"fifteen bytes..", "sixteen characters", 5])
    def test_a_key_has_at_least_16_bytes(self, key: Any) -> None:
        with pytest.raises(InvalidInputError, match="at least 16 bytes"):
            StatusService(MemoryStore(), ACME, key=key)

    def test_a_store_that_joins_no_transaction_says_so(self) -> None:
        with pytest.raises(InvalidInputError, match="a store that joins a host's transaction, got MemoryStore"):
            in_memory(ACME).service.inside(object())

    def test_what_it_was_made_of_can_be_seen(self, acme: World[Label]) -> None:
        assert acme.service.config is ACME
        assert acme.service.store is acme.store

    def test_the_clock_must_be_aware_and_may_be_in_any_zone(self) -> None:
        world = in_memory(ACME)
        naive = StatusService(world.store, ACME, clock=lambda: datetime(2024, 1, 1))
        with pytest.raises(InvalidInputError, match="clock: expected an aware datetime"):
            naive.acting(AGENT).register("c")
        with pytest.raises(InvalidInputError, match="clock: expected an aware datetime"):
            naive.inactive(timedelta(days=1))
        assert world.store.load("acme", "c") is None
        there = timezone(timedelta(hours=5))
        elsewhere = StatusService(world.store, ACME, clock=lambda: datetime(2024, 1, 1, 5, tzinfo=there))
        (entry, _) = elsewhere.acting(AGENT).register("c").entries
        assert entry.recorded_at == datetime(2024, 1, 1, tzinfo=UTC)
        assert entry.recorded_at.tzinfo is UTC

    def test_the_machines_clock_is_the_default(self) -> None:
        service = StatusService(MemoryStore(), ACME)
        (entry, _) = service.acting(AGENT, Channel.API).register("c").entries
        assert abs(datetime.now(UTC) - entry.recorded_at) < timedelta(minutes=5)


class TestRecording:
    def test_what_customers_did_is_recorded_once(self, acme: World[Label]) -> None:
        report = acme.service.record(sale(), sale(), sale(reference="r-2"))
        assert (report.new, report.repeats, report.unknown, report.back) == (2, (1,), (), ())
        again = acme.service.record(sale())
        assert (again.new, again.repeated) == (0, 1)

    def test_the_first_report_stands(self, acme: World[Label]) -> None:
        acme.service.record(sale(amount=Decimal("9.99")))
        acme.service.record(sale(amount=Decimal(5), at=START + timedelta(days=1), effect=Effect.BLOCK))
        (kept,) = acme.service.activities("c")
        assert (kept.amount, kept.at, kept.effect) == (Decimal("9.99"), START, Effect.ALLOW)

    def test_a_repeat_is_known_by_customer_kind_and_reference(self, acme: World[Label]) -> None:
        acme.desk.register("d")
        report = acme.service.record(sale(), sale("d"), sale(kind=Action.RETURN), sale(reference="r-2"))
        assert (report.new, report.repeated) == (4, 0)

    def test_unknown_customers_are_named_and_the_others_recorded(self, acme: World[Label]) -> None:
        report = acme.service.record(sale("y"), sale(), sale("x"), sale("x", "r-2"))
        assert (report.new, report.unrecorded, report.unknown) == (1, 3, ("x", "y"))

    def test_nothing_to_record_is_fine(self, acme: World[Label]) -> None:
        assert acme.service.record().new == 0
        assert acme.service.record([]).new == 0

    def test_any_number_is_recorded_batch_by_batch(self, acme: World[Label], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("custstatus.service.service.BATCH", 3)
        sales = [sale("c" if number % 4 else "x", f"r-{number % 10}") for number in range(20)]
        report = acme.service.record(iter(sales))
        assert (report.unknown, report.unrecorded) == (("x",), 5)
        assert report.new + report.repeated == 15
        seen = [(each.customer, each.reference) for each in sales]
        again = (place for place, key in enumerate(seen) if key in seen[:place])
        assert report.repeats == tuple(place for place in again if seen[place][0] == "c")
        assert report.new == len(acme.service.activities("c", limit=100))

    def test_an_action_that_is_not_configured_is_refused_and_nothing_is_recorded(self) -> None:
        # D28
        world = in_memory(OrgConfig("acme", Label))
        world.desk.register("c")
        with pytest.raises(InvalidInputError, match="activities of configured actions"):
            world.service.record(sale(), sale(reference="r-2", kind=ShopAction.GIFT_WRAP))
        assert len(world.service.activities("c")) == 0

    def test_what_is_no_activity_is_refused(self, acme: World[Label]) -> None:
        wrong: Any = "sale"
        with pytest.raises(InvalidInputError, match="activities"):
            acme.service.record(wrong)
