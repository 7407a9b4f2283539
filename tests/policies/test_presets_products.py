"""What single products do: Capillary's switches and legacy fraud, TIBCO's membership, Loymax's client state, SWAN."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st
from organisation import AGENT, Label, World, in_memory, some_examples
from test_presets import brought, effects, everything, restricted

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    SHIPPED,
    Action,
    Actor,
    ActorKind,
    ClientState,
    ConfigurationError,
    CustomerStatus,
    Effect,
    InvalidInputError,
    LegacyFraudStatus,
    Lifecycle,
    Membership,
    NoLabels,
    OrgConfig,
    RefusedError,
    Requirement,
    RestrictionPolicy,
    Status,
    StatusLabel,
    Transition,
    Waiver,
)
from custstatus.policies.presets import (
    CAPILLARY_POLICY,
    LEGACY_FRAUD_OLDER_POLICY,
    LEGACY_FRAUD_POLICY,
    LOYMAX_POLICY,
    MEMBERSHIP_WITHOUT_RETURN,
    SWAN_DEACTIVATION_POLICY,
    TIBCO_MEMBERSHIP_POLICY,
    UNASKED_MESSAGE,
    Message,
    Switch,
    account_block,
    capillary,
    legacy_fraud,
    loymax,
)

SUSPENDED, DELETED = CustomerStatus.SUSPENDED, CustomerStatus.DELETED
MARKED, CONFIRMED = LegacyFraudStatus.MARKED, LegacyFraudStatus.CONFIRMED
BLOCK, MARK, ALLOW = Effect.BLOCK, Effect.MARK, Effect.ALLOW


def blocked(*actions: Action) -> dict[Action, Effect]:
    """These actions, blocked."""
    return dict.fromkeys(actions, BLOCK)


def org(policy: RestrictionPolicy, *lifecycles: Lifecycle[Any], **given: Any) -> OrgConfig[Any]:
    """An organisation without labels that has a policy."""
    return OrgConfig("acme", NoLabels, lifecycles=lifecycles or (CUSTOMER_STATUS,), restrictions=policy, **given)


# -- Capillary: the switches of customer status ---------------------------------------------------------------------

SWITCHES = {
    "BLOCK_TRANSACTION": blocked(Action.TRANSACTION),
    "MARK_TRANSACTION_OUTLIER": {Action.TRANSACTION: MARK},
    "BLOCK_POINTS_ALLOCATION": blocked(Action.POINTS_ALLOCATION, Action.GOODWILL),
    "BLOCK_POINTS_REDEMPTION": blocked(Action.POINTS_REDEMPTION),
    "BLOCK_COUPON_ISSUE": blocked(Action.COUPON_ISSUE),
    "BLOCK_COUPON_REDEMPTION": blocked(Action.COUPON_REDEMPTION),
    "BLOCK_PROMOTION_ISSUE": blocked(Action.PROMOTION_ISSUE),
    "BLOCK_PROMOTION_ENROLL": blocked(Action.PROMOTION_ENROLL),
    "BLOCK_BADGE_ISSUE": blocked(Action.BADGE_ISSUE),
    "BLOCK_TIER_UPGRADE": blocked(Action.TIER_UPGRADE),
    "BLOCK_IDENTIFIER_CHANGE_AND_MERGE": blocked(Action.IDENTIFIER_CHANGE, Action.ACCOUNT_MERGE),
    "BLOCK_COMMUNICATION": blocked(Action.COMMUNICATION_PROMOTIONAL, Action.COMMUNICATION_SERVICE),
}
FINER = [switch for switch in Switch if switch is not Switch.BLOCK_EVERYTHING]
SWITCHED = [Label.LOST_PHONE, Label.ABROAD, Label.UNUSUAL, Label.PROVEN, Label.TESTER]


def at_label(world: World[Label], customer: str, label: Label) -> str:
    """A new customer under a label."""
    brought(world, customer, label.status)
    if world.label(customer) is not label:
        world.desk.change(customer, label, reason="the other one")
    return customer


def labelled(policy: RestrictionPolicy) -> World[Label]:
    """A world of the example labels."""
    return in_memory(OrgConfig("acme", Label, restrictions=policy))


class TestCapillary:
    def test_every_switch_is_known_to_this_test(self) -> None:
        # D28
        assert {switch.value for switch in Switch} == {*SWITCHES, "BLOCK_EVERYTHING"}
        assert all(switch.name == switch.value for switch in Switch)

    @pytest.mark.parametrize("switch", FINER)
    def test_each_switch_restricts_its_own_actions_and_no_other(self, switch: Switch) -> None:
        # D28, D29, D31, D32, D36
        world = labelled(capillary({Label.UNUSUAL: [switch]}))
        assert restricted(world, at_label(world, "c", Label.UNUSUAL)) == SWITCHES[switch.value]

    def test_it_is_of_a_label_and_one_of_a_status_is_of_all_its_labels(self) -> None:
        # D26
        world = labelled(
            capillary({Label.UNUSUAL: [Switch.BLOCK_COUPON_ISSUE], SUSPENDED: [Switch.BLOCK_COUPON_ISSUE]})
        )
        found = {
            label: world.service.decide(at_label(world, label.name, label), Action.COUPON_ISSUE).effect
            for label in (Label.UNUSUAL, Label.WATCHED, Label.LOST_PHONE, Label.ABROAD, Label.TESTER)
        }
        assert [label for label, effect in found.items() if effect is BLOCK] == [
            *(Label.UNUSUAL, Label.LOST_PHONE, Label.ABROAD)
        ]

    @some_examples
    @given(st.dictionaries(st.sampled_from(SWITCHED), st.lists(st.sampled_from(FINER)), max_size=4))
    def test_whatever_is_switched_each_label_has_its_own(self, switches: dict[Label, list[Switch]]) -> None:
        # D26, D33
        world = labelled(capillary(switches))
        for label in SWITCHED:
            expected: dict[Action, Effect] = {Action.TRANSACTION: MARK} if label.status is SUSPENDED else {}
            for switch in sorted(switches.get(label, []), key=lambda each: each is Switch.BLOCK_TRANSACTION):
                expected |= SWITCHES[switch.value]
            assert restricted(world, at_label(world, label.name, label)) == expected, label

    def test_without_switches_it_is_the_default(self) -> None:
        # D34
        assert capillary({}) == capillary({Label.UNUSUAL: []}) == CAPILLARY_POLICY
        world = labelled(capillary({}))
        assert restricted(world, at_label(world, "c", Label.ABROAD)) == {Action.TRANSACTION: MARK}

    def test_active_carries_no_switch(self) -> None:
        # D27
        for place in (CustomerStatus.ACTIVE, Label.TRENDING):
            with pytest.raises(ConfigurationError, match="ACTIVE carries no restriction"):
                labelled(capillary({place: [Switch.BLOCK_COUPON_ISSUE]}))

    @pytest.mark.parametrize("place", [DELETED, Label.CLOSED])
    @pytest.mark.parametrize("switch", FINER)
    def test_deleted_has_no_finer_switch(self, switch: Switch, place: CustomerStatus | Label) -> None:
        # D30
        with pytest.raises(InvalidInputError, match="BLOCK_EVERYTHING alone"):
            capillary({place: [Switch.BLOCK_EVERYTHING, switch]})

    def test_everything_is_blocked_in_deleted_only(self) -> None:
        # D30
        for place in (DELETED, Label.CLOSED):
            world = labelled(capillary({place: [Switch.BLOCK_EVERYTHING]}))
            assert effects(world, at_label(world, "c", Label.CLOSED)) == everything(BLOCK)
        for place in (SUSPENDED, Label.PROVEN):
            with pytest.raises(ConfigurationError, match="only a closing status blocks everything"):
                labelled(capillary({place: [Switch.BLOCK_EVERYTHING]}))

    def test_identifiers_and_merges_are_one_switch(self) -> None:
        # D29
        world = labelled(capillary({Label.PROVEN: [Switch.BLOCK_IDENTIFIER_CHANGE_AND_MERGE]}))
        proven = at_label(world, "proven", Label.PROVEN)
        at_label(world, "regular", Label.REGULAR)
        assert world.service.decide(proven, Action.IDENTIFIER_CHANGE).effect is BLOCK
        for parties in ((proven, "regular"), ("regular", proven)):
            assert world.service.decide_between(Action.ACCOUNT_MERGE, *parties).effect is BLOCK

    def test_points_are_stopped_from_every_source_and_tiers_are_not(self) -> None:
        # D31, D32
        world = labelled(capillary({SUSPENDED: [Switch.BLOCK_POINTS_ALLOCATION]}))
        found = effects(world, at_label(world, "c", Label.ABROAD))
        assert (found[Action.POINTS_ALLOCATION], found[Action.GOODWILL], found[Action.TIER_UPGRADE]) == (
            *(BLOCK, BLOCK),
            ALLOW,
        )

    def test_a_sale_is_marked_and_if_blocked_too_it_is_blocked(self) -> None:
        # D33, D34
        marks = capillary({Label.UNUSUAL: [Switch.MARK_TRANSACTION_OUTLIER]})
        both = capillary({Label.UNUSUAL: [Switch.MARK_TRANSACTION_OUTLIER, Switch.BLOCK_TRANSACTION]})
        for policy, effect in ((marks, MARK), (both, BLOCK)):
            world = labelled(policy)
            decision = world.service.decide(at_label(world, "c", Label.UNUSUAL), Action.TRANSACTION)
            assert decision.effect is effect
            # D38
            assert decision.code == f"{effect.value}.transaction"
            assert {each.label for each in decision.contributions} == {Label.UNUSUAL}

    def test_suspended_may_be_set_to_redeem_nothing(self) -> None:
        # D35
        world = labelled(capillary({SUSPENDED: [Switch.BLOCK_POINTS_REDEMPTION, Switch.BLOCK_COUPON_REDEMPTION]}))
        assert restricted(world, at_label(world, "c", Label.ABROAD)) == {
            Action.TRANSACTION: MARK,
            **blocked(Action.POINTS_REDEMPTION, Action.COUPON_REDEMPTION),
        }

    def test_an_unset_status_blocks_nothing(self) -> None:
        # D37
        before = in_memory(org(RestrictionPolicy(), MEMBERSHIP))
        before.desk.register("c")
        every = dict.fromkeys([SUSPENDED, CustomerStatus.INTERNAL], FINER)
        world = before.under(org(capillary(every)))
        assert world.status("c") is None
        assert restricted(world, "c") == {}

    def test_what_is_no_switch_or_no_place_is_invalid(self) -> None:
        wrong: Any
        for wrong in (None, [Switch.BLOCK_TRANSACTION], {"suspended": []}, {Membership.ON_HOLD: []}):
            with pytest.raises(InvalidInputError):
                capillary(wrong)
        for wrong in ("BLOCK_TRANSACTION", Switch.BLOCK_TRANSACTION, ["BLOCK_TRANSACTION"], None):
            with pytest.raises(InvalidInputError, match="switches of SUSPENDED"):
                capillary({SUSPENDED: wrong})


class TestMessages:
    def world(self) -> World[Label]:
        world = labelled(capillary({SUSPENDED: [Switch.BLOCK_COMMUNICATION]}))
        at_label(world, "c", Label.ABROAD)
        return world

    def test_all_are_stopped_but_a_confirmation_that_the_customer_asked_for(self) -> None:
        # D36
        decide = self.world().service.decide
        for action in (Action.COMMUNICATION_PROMOTIONAL, Action.COMMUNICATION_SERVICE):
            assert decide("c", action).effect is BLOCK
            assert decide("c", action, context=Message()).effect is BLOCK
            assert decide("c", action, context=Message(asked_for_by_customer=False)).effect is BLOCK
        asked = Message(asked_for_by_customer=True)
        assert decide("c", Action.COMMUNICATION_SERVICE, context=asked).effect is ALLOW
        assert decide("c", Action.COMMUNICATION_PROMOTIONAL, context=asked).effect is BLOCK
        # Not a way around any other restriction.
        assert decide("c", Action.TRANSACTION, context=asked).effect is MARK

    def test_what_cannot_be_told_is_stopped_and_the_decision_says_so(self) -> None:
        # D36
        decide = self.world().service.decide
        assert "no context was given" in decide("c", Action.COMMUNICATION_SERVICE).staff_message
        other = decide("c", Action.COMMUNICATION_SERVICE, context="a message")
        assert (other.effect, "it asks for Message, not str" in other.staff_message) == (BLOCK, True)

    def test_a_message_is_frozen_and_holds_a_flag(self) -> None:
        with pytest.raises(FrozenInstanceError):
            Message().asked_for_by_customer = True  # type: ignore[misc]
        wrong: Any
        for wrong in (1, "yes", None):
            with pytest.raises(InvalidInputError, match=r"Message\.asked_for_by_customer: expected True or False"):
                Message(wrong)

    def test_a_configuration_that_has_it_is_written_and_read(self) -> None:
        config = self.world().config
        assert OrgConfig.from_json(config.to_json(), Label, conditions=[UNASKED_MESSAGE]) == config


# -- Capillary: legacy fraud status ---------------------------------------------------------------------------------


def fraud_world(policy: RestrictionPolicy) -> World[Any]:
    """Customers in each legacy fraud status, and one in none; each named by it."""
    world = in_memory(org(policy, LEGACY_FRAUD_STATUS))
    brought(world, "none")
    for status in LegacyFraudStatus:
        brought(world, status.value, status)
    return world


def by_status(world: World[Any]) -> dict[str, dict[Action, Effect]]:
    """What is restricted in each legacy fraud status; those where nothing is are left out."""
    names = ["none", *(status.value for status in LegacyFraudStatus)]
    return {name: found for name in names if (found := restricted(world, name))}


class TestLegacyFraud:
    def test_an_empty_list_blocks_nothing(self) -> None:
        # D43
        assert legacy_fraud() == RestrictionPolicy()
        assert by_status(fraud_world(legacy_fraud())) == {}

    @some_examples
    @given(*[st.lists(st.sampled_from(LegacyFraudStatus))] * 3)
    def test_each_list_blocks_its_own_action_in_its_own_statuses(
        self,
        billing: list[LegacyFraudStatus],
        redemption: list[LegacyFraudStatus],
        transfer: list[LegacyFraudStatus],
    ) -> None:
        # D43, D37
        world = fraud_world(legacy_fraud(billing=billing, redemption=redemption, transfer=transfer))
        for status in LegacyFraudStatus:
            expected = {
                **(blocked(Action.TRANSACTION) if status in billing else {}),
                **(blocked(Action.POINTS_REDEMPTION, Action.COUPON_REDEMPTION) if status in redemption else {}),
                **(blocked(Action.POINTS_TRANSFER) if status in transfer else {}),
            }
            assert restricted(world, status.value) == expected
        assert restricted(world, "none") == {}

    def test_a_transfer_is_refused_if_either_party_is_fraud_each_with_its_reason(self) -> None:
        # D39
        world = fraud_world(legacy_fraud(transfer=[CONFIRMED]))
        between = world.service.decide_between
        gives = between(Action.POINTS_TRANSFER, "confirmed", "none")
        takes = between(Action.POINTS_TRANSFER, "none", "confirmed")
        assert (gives.effect, gives.code) == (BLOCK, "415")
        assert (takes.effect, takes.code) == (BLOCK, "414")
        assert gives.source.staff_message != takes.destination.staff_message
        assert between(Action.POINTS_TRANSFER, "none", "marked").effect is ALLOW

    def test_by_default_confirmed_and_reconfirmed_lose_three_things(self) -> None:
        # D44
        three = blocked(Action.POINTS_REDEMPTION, Action.COUPON_ISSUE, Action.IDENTIFIER_CHANGE)
        assert by_status(fraud_world(LEGACY_FRAUD_POLICY)) == {"confirmed": three, "reconfirmed": three}
        older = by_status(fraud_world(LEGACY_FRAUD_OLDER_POLICY))
        assert older == {"confirmed": three, "reconfirmed": three, "internal": three}

    def test_they_are_left_out_of_reports(self) -> None:
        # D44
        world = fraud_world(LEGACY_FRAUD_POLICY)
        assert [row.customer for row in world.service.reportable()] == ["marked", "none", "not_fraud"]

    def test_the_effects_and_the_lists_add_up(self) -> None:
        # D43, D44
        world = fraud_world(LEGACY_FRAUD_POLICY + legacy_fraud(billing=[MARKED, CONFIRMED]))
        assert set(by_status(world)) == {"marked", "confirmed", "reconfirmed"}
        assert restricted(world, "marked") == blocked(Action.TRANSACTION)

    def test_where_customer_status_is_on_they_are_no_longer_evaluated(self) -> None:
        # D45
        world = in_memory(org(CAPILLARY_POLICY + LEGACY_FRAUD_POLICY, CUSTOMER_STATUS, LEGACY_FRAUD_STATUS))
        assert restricted(world, brought(world, "c", CONFIRMED)) == {}

    def test_a_list_holds_legacy_fraud_statuses(self) -> None:
        wrong: Any
        for wrong in ([CustomerStatus.FRAUD_CONFIRMED], "marked", MARKED, [None], None):
            for name in ("billing", "redemption", "transfer"):
                with pytest.raises(InvalidInputError, match=name):
                    legacy_fraud(**{name: wrong})

    def test_a_list_may_be_read_once_only(self) -> None:
        # D43
        once: Iterable[LegacyFraudStatus] = iter([MARKED, CONFIRMED])
        assert legacy_fraud(transfer=once) == legacy_fraud(transfer=[CONFIRMED, MARKED])


# -- TIBCO ----------------------------------------------------------------------------------------------------------


def members() -> World[Any]:
    """Customers in each membership, and one in none; each named by it."""
    world = in_memory(org(TIBCO_MEMBERSHIP_POLICY, MEMBERSHIP))
    brought(world, "none")
    for status in Membership:
        brought(world, status.value, status)
    return world


class TestTibco:
    def test_who_left_earns_nothing_gets_no_offers_does_not_sign_in_and_is_opted_out(self) -> None:
        # D69
        assert restricted(members(), "unenrolled") == blocked(
            *(Action.POINTS_ALLOCATION, Action.GOODWILL, Action.OFFERS, Action.LOGIN),
            *(Action.COMMUNICATION_PROMOTIONAL, Action.ACCOUNT_MERGE),
        )

    def test_on_hold_no_login_and_no_accrual_and_the_points_stay_as_they_are(self) -> None:
        # D70
        world = members()
        assert restricted(world, "on_hold") == blocked(
            *(Action.POINTS_ALLOCATION, Action.GOODWILL, Action.LOGIN, Action.ACCOUNT_MERGE)
        )
        brought(world, "back", Membership.ENROLLED, Membership.ON_HOLD)
        world.desk.change("back", Membership.ENROLLED, reason="dues paid")
        assert effects(world, "back") == effects(world, "enrolled")

    def test_a_known_customer_and_a_member_are_free_but_for_the_sides_of_a_merge(self) -> None:
        # D67
        world = members()
        assert restricted(world, "none") == restricted(world, "enrolled") == {}
        assert restricted(world, "active") == blocked(Action.ACCOUNT_MERGE)

    def test_who_may_be_merged_into_whom(self) -> None:
        # D72, D73, D74
        world = members()
        for status in Membership:
            brought(world, f"other-{status.value}", status)
        may = [
            (source, destination)
            for source in Membership
            for destination in Membership
            if world.service.decide_between(Action.ACCOUNT_MERGE, source.value, f"other-{destination.value}").effect
            is ALLOW
        ]
        assert may == [(Membership.ACTIVE, Membership.ENROLLED), (Membership.ENROLLED, Membership.ENROLLED)]
        with pytest.raises(InvalidInputError, match="another customer"):
            world.service.decide_between(Action.ACCOUNT_MERGE, "enrolled", "enrolled")

    def test_each_side_of_a_merge_has_its_own_code(self) -> None:
        # D72, D73
        between = members().service.decide_between
        assert between(Action.ACCOUNT_MERGE, "enrolled", "active").code == "merge_destination"
        assert between(Action.ACCOUNT_MERGE, "unenrolled", "enrolled").code == "merge_source"
        again = between(Action.ACCOUNT_MERGE, "merged", "enrolled")
        assert again.code == "merge_source_merged"
        assert "points moved" in again.source.staff_message

    def test_what_a_merged_account_does_later_stays_its_own(self) -> None:
        # D74
        assert restricted(members(), "merged") == blocked(Action.ACCOUNT_MERGE)


# -- Loymax ---------------------------------------------------------------------------------------------------------


class BlockOfAccount(Status):
    """A host's own lifecycle: whether an account is blocked."""

    FREE = "free"
    BLOCKED = "blocked"


_RIGHT = frozenset({Requirement.PERSON, Requirement.REASON})
BLOCK_OF_ACCOUNT = Lifecycle(
    "block_of_account",
    BlockOfAccount,
    (
        Transition(None, BlockOfAccount.BLOCKED, "block", _RIGHT),
        Transition(BlockOfAccount.FREE, BlockOfAccount.BLOCKED, "block", _RIGHT),
        Transition(BlockOfAccount.BLOCKED, BlockOfAccount.FREE, "unblock", _RIGHT),
    ),
)


def clients(policy: RestrictionPolicy) -> World[Any]:
    """Customers in each client state, and one in none; each named by it."""
    world = in_memory(org(policy, CLIENT_STATE))
    brought(world, "none")
    for status in ClientState:
        brought(world, status.value, status)
    return world


class TestLoymax:
    @pytest.mark.parametrize("deducts", [False, True])
    def test_before_registration_they_earn_and_deducting_is_a_setting(self, deducts: bool) -> None:
        # D80
        world = clients(loymax(deduct_before_registration=deducts))
        expected = {} if deducts else blocked(Action.POINTS_REDEMPTION, Action.POINTS_TRANSFER)
        for state in ("anonymous", "new"):
            found = effects(world, state)
            assert found[Action.TRANSACTION] is found[Action.POINTS_ALLOCATION] is ALLOW
            assert restricted(world, state) == expected
            gives = world.service.decide_between(Action.POINTS_TRANSFER, state, "registered")
            takes = world.service.decide_between(Action.POINTS_TRANSFER, "registered", state)
            assert (gives.effect, takes.effect) == (ALLOW if deducts else BLOCK, ALLOW)
        assert restricted(world, "registered") == restricted(world, "none") == {}

    def test_the_default_is_that_they_deduct_nothing(self) -> None:
        # D80
        assert loymax() == LOYMAX_POLICY == loymax(deduct_before_registration=False)
        assert loymax(True) != LOYMAX_POLICY

    @pytest.mark.parametrize("deducts", [False, True])
    @pytest.mark.parametrize("closed", ["deleted", "excluded"])
    def test_the_closed_do_nothing(self, closed: str, deducts: bool) -> None:
        # D83, D84
        assert effects(clients(loymax(deducts)), closed) == everything(BLOCK)

    def test_the_setting_is_a_flag(self) -> None:
        wrong: Any = "no"
        with pytest.raises(InvalidInputError, match="deduct_before_registration"):
            loymax(wrong)


class TestAccountBlock:
    def world(self) -> World[Any]:
        return in_memory(
            org(
                LOYMAX_POLICY + account_block(BlockOfAccount.BLOCKED),
                *(CLIENT_STATE, BLOCK_OF_ACCOUNT),
                waives=[Waiver.ANY_STATUS_MAY_BLOCK_EVERYTHING],
            )
        )

    def test_a_blocked_account_does_nothing_and_its_state_is_unchanged(self) -> None:
        # D87
        world = self.world()
        brought(world, "c", ClientState.REGISTERED)
        world.desk.change("c", BlockOfAccount.BLOCKED, reason="a rule broken")
        assert effects(world, "c") == everything(BLOCK)
        standing = world.service.standing("c", CLIENT_STATE)
        assert standing is not None
        assert standing.status is ClientState.REGISTERED
        world.desk.change("c", BlockOfAccount.FREE, reason="settled")
        assert restricted(world, "c") == {}

    def test_blocking_needs_a_right_and_a_reason(self) -> None:
        # D87
        world = self.world()
        brought(world, "c", ClientState.REGISTERED)
        machine = world.service.acting(Actor("m", ActorKind.SYSTEM))
        attempts: list[Callable[[], object]] = [
            lambda: world.desk.change("c", BlockOfAccount.BLOCKED, reason=" "),
            lambda: machine.change("c", BlockOfAccount.BLOCKED, reason="r"),
        ]
        for attempt in attempts:
            with pytest.raises(RefusedError):
                attempt()

    def test_it_is_of_whatever_places_it_is_given(self) -> None:
        # D87, D30
        policy = CAPILLARY_POLICY + account_block(Label.LOST_PHONE, Membership.ON_HOLD, reason="misused (D87)")
        with pytest.raises(ConfigurationError, match="unless waived"):
            OrgConfig("acme", Label, lifecycles=[CUSTOMER_STATUS, MEMBERSHIP], restrictions=policy)
        config = OrgConfig(
            "acme",
            Label,
            lifecycles=[CUSTOMER_STATUS, MEMBERSHIP],
            restrictions=policy,
            waives=[Waiver.ANY_STATUS_MAY_BLOCK_EVERYTHING],
        )
        world = in_memory(config)
        assert effects(world, at_label(world, "lost", Label.LOST_PHONE)) == everything(BLOCK)
        assert effects(world, brought(world, "held", Membership.ON_HOLD)) == everything(BLOCK)
        assert restricted(world, at_label(world, "abroad", Label.ABROAD)) == {Action.TRANSACTION: MARK}
        assert "misused (D87)" in world.service.decide("lost", Action.LOGIN).staff_message

    def test_it_needs_places(self) -> None:
        wrong: Any = "suspended"
        for places in ((), (wrong,)):
            with pytest.raises(InvalidInputError):
                account_block(*places)


# -- SWAN, and all of them together ---------------------------------------------------------------------------------


class TestSwan:
    def world(self, *lifecycles: Lifecycle[Any]) -> World[Any]:
        waived = [Waiver.ANY_STATUS_MAY_BLOCK_EVERYTHING]
        return in_memory(org(SWAN_DEACTIVATION_POLICY, *lifecycles, waives=waived))

    def test_deactivated_they_neither_earn_nor_redeem_and_a_reason_is_needed(self) -> None:
        # D76
        world = self.world(CUSTOMER_STATUS)
        assert restricted(world, brought(world, "c", SUSPENDED)) == blocked(
            *(Action.POINTS_ALLOCATION, Action.GOODWILL, Action.POINTS_REDEMPTION, Action.COUPON_REDEMPTION)
        )
        world.desk.register("d")
        with pytest.raises(RefusedError):
            world.desk.change("d", SUSPENDED)

    def test_the_source_of_a_merge_is_blocked_from_the_system_for_good(self) -> None:
        # D76
        world = self.world(CUSTOMER_STATUS, MEMBERSHIP_WITHOUT_RETURN)
        assert effects(world, brought(world, "c", Membership.MERGED)) == everything(BLOCK)
        with pytest.raises(RefusedError):
            world.desk.change("c", Membership.ENROLLED, reason="undo it")

    def test_it_needs_a_waiver(self) -> None:
        with pytest.raises(ConfigurationError, match="MERGED, unless waived"):
            org(SWAN_DEACTIVATION_POLICY, CUSTOMER_STATUS, MEMBERSHIP)


THREE: dict[Lifecycle[Any], RestrictionPolicy] = {
    LEGACY_FRAUD_STATUS: LEGACY_FRAUD_POLICY + legacy_fraud(billing=[MARKED]),
    MEMBERSHIP: TIBCO_MEMBERSHIP_POLICY,
    CLIENT_STATE: LOYMAX_POLICY,
}


@some_examples
@given(st.tuples(*(st.none() | st.sampled_from(lifecycle.statuses) for lifecycle in THREE)))
def test_each_lifecycle_restricts_by_itself_whatever_the_others_say(places: tuple[Status | None, ...]) -> None:
    # D86
    fraud, membership, client = THREE.values()
    together = in_memory(org(fraud + membership + client, *THREE))
    statuses = [status for status in places if status is not None]
    found = effects(together, brought(together, "c", *statuses))
    alone = []
    for (lifecycle, policy), status in zip(THREE.items(), places, strict=True):
        world = in_memory(org(policy, lifecycle))
        alone.append(effects(world, brought(world, "c", *([] if status is None else [status]))))
    assert found == {action: max((each[action] for each in alone), key=lambda e: e.strictness) for action in Action}


class Card(Status):
    """A host's own lifecycle: the state of a customer's card."""

    ACTIVATED = "activated"
    BLOCKED = "blocked"


CARD = Lifecycle(
    "card", Card, (Transition(None, Card.ACTIVATED, "activate"), Transition(Card.ACTIVATED, Card.BLOCKED, "block"))
)


def test_a_blocked_card_restricts_no_customer() -> None:
    # D40
    policy = CAPILLARY_POLICY + LEGACY_FRAUD_POLICY + TIBCO_MEMBERSHIP_POLICY + LOYMAX_POLICY
    world = in_memory(org(policy, CUSTOMER_STATUS, MEMBERSHIP, CLIENT_STATE, CARD))
    brought(world, "c", Membership.ENROLLED, ClientState.REGISTERED, Card.ACTIVATED)
    before = effects(world, "c")
    world.service.acting(AGENT).change("c", Card.BLOCKED, reason="lost")
    assert effects(world, "c") == before == everything(ALLOW)


@pytest.mark.parametrize("labels", [NoLabels, Label])
def test_all_that_go_together_build_one_organisation(labels: type[StatusLabel]) -> None:
    policy = capillary({SUSPENDED: FINER}) + LEGACY_FRAUD_POLICY + TIBCO_MEMBERSHIP_POLICY + LOYMAX_POLICY
    config = OrgConfig("acme", labels, lifecycles=SHIPPED, restrictions=policy)
    assert config.waives == frozenset()
