"""Our default and "as the products do": every cell of the published matrix, and what an organisation may make of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import pytest
from attrs import evolve, fields
from attrs.exceptions import FrozenInstanceError
from organisation import AGENT, COLLEAGUE, Label, World, in_memory

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    ClientState,
    ConfigurationError,
    CustomerStatus,
    Effect,
    Lifecycle,
    Membership,
    NoLabels,
    OrgConfig,
    RequestedBy,
    Requirement,
    RestrictionPolicy,
    Status,
    StatusLabel,
    block,
    block_everything,
    mark,
)
from custstatus.policies import Loosening
from custstatus.policies.presets import (
    AS_THE_PRODUCTS_CAN,
    AS_THE_PRODUCTS_DO,
    CAPILLARY_POLICY,
    LEGACY_FRAUD_OLDER_POLICY,
    LEGACY_FRAUD_POLICY,
    LOYMAX_POLICY,
    OURS_FIXED,
    OURS_GUARDED,
    OURS_POLICY,
    SWAN_DEACTIVATION_POLICY,
    TIBCO_MEMBERSHIP_POLICY,
)

MATRIX = """
| action | SUSPENDED | FRAUD_SUSPECTED | FRAUD_CONFIRMED | INTERNAL | PENDING_DELETION |
|---|---|---|---|---|---|
| TRANSACTION | M* S0 | M, so that they can "continue" | M | M | A |
| POINTS_ALLOCATION | M | M | B | A | A |
| POINTS_REDEMPTION | B* | B | B*^ C10 | A | A |
| COUPON_ISSUE / COUPON_REDEMPTION | A / B* | M / M | B*^ / B^ | A / A | B / A |
| PROMOTION_ISSUE, PROMOTION_ENROLL, BADGE_ISSUE, OFFERS | A | A | B | A | B |
| TIER_UPGRADE (own switch, D32) | A | M | B | A | B |
| IDENTIFIER_CHANGE / ACCOUNT_MERGE (D29) | B / B | B^ / B^ | B*^ / B*^ | B / B | B / B^ |
| COMMUNICATION promotional / service | A* / A | A* / A | B* / A | B* / A | A* / A |
| POINTS_TRANSFER | B | B^ | B*^ 414, 415 | B | B |
| LOGIN | B | A no tip-off | B | A | A, to cancel |
| CARD_ISSUE / CARD_REPLACE | B / M | B / B | B / B | A / A | B / B |
| RETURN / CLAWBACK | A^ / A! | A^ / A! | A^ / A! | A / A | A^ / A |
| GOODWILL | M | B | B^ | A | B |
| PASSWORD_RESET / PROFILE_EDIT | B / B | M / M | B / B | A / A | A / B |
| OPT_OUT / DELETION_REQUEST | A! / A! | A! / M! | A! / M! | A! / A | A! / B |
"""
"""A allow, M mark, B block; * a source has it, ! fixed, ^ loosened with approval only. ACTIVE and unset A, DELETED B."""

EFFECTS = {"A": Effect.ALLOW, "M": Effect.MARK, "B": Effect.BLOCK}
SUSPECTED, CONFIRMED = CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED
DELETED = CustomerStatus.DELETED


class Told(NamedTuple):
    """What the matrix says of one action in one status."""

    effect: Effect
    flags: str


Place = tuple[CustomerStatus, Action]


def _actions(head: str) -> list[Action]:
    names = [name.strip() for name in re.split(r"[/,]", re.sub(r"\(.*?\)", "", head))]
    if names[0] == "COMMUNICATION promotional":
        names = ["COMMUNICATION_PROMOTIONAL", "COMMUNICATION_SERVICE"]
    return [Action[name] for name in names]


@cache
def matrix() -> Mapping[Place, Told]:
    """The matrix, cell by cell."""
    head, _, *rows = (line.strip("| ").split(" | ") for line in MATRIX.strip().splitlines())
    found = {}
    for first, *cells in rows:
        actions = _actions(first)
        for status, cell in zip(head[1:], cells, strict=True):
            parts = cell.split(" / ") if " / " in first else [cell] * len(actions)
            for action, part in zip(actions, parts, strict=True):
                letter, flags = re.match(r"([AMB])([*!^]*)", part).groups()  # type: ignore[union-attr]
                found[CustomerStatus[status], action] = Told(EFFECTS[letter], flags)
    return found


def test_the_matrix_of_this_test_has_every_cell() -> None:
    assert len(matrix()) == 5 * len(Action) == 125
    assert {action for _, action in matrix()} == set(Action)
    assert sum("^" in told.flags for told in matrix().values()) == 15
    assert sum("!" in told.flags for told in matrix().values()) == 11
    assert sum("*" in told.flags for told in matrix().values()) == 13


# -- customers who stand where a test wants them --------------------------------------------------------------------


def _path(lifecycle: Lifecycle[Any], source: Status | None, target: Status) -> list[Any]:
    """The moves by which an account gets there, the fewest."""
    paths: list[tuple[Status | None, list[Any]]] = [(source, [])]
    seen: set[Status | None] = {source}
    for status, transitions in paths:
        if status is target:
            return transitions
        for transition in lifecycle.out_of(status):
            if not transition.back and transition.to not in seen:
                seen.add(transition.to)
                paths.append((transition.to, [*transitions, transition]))
    raise AssertionError(f"no way to {target}")


def brought(world: World[Any], customer: str, *statuses: Status) -> str:
    """A new customer who was moved, by moves that the tables have, into these statuses."""
    world.desk.register(customer)
    for status in statuses:
        lifecycle = world.config.lifecycle_of(status)
        assert lifecycle is not None
        now = world.service.standing(customer, lifecycle)
        for number, transition in enumerate(_path(lifecycle, None if now is None else now.status, status)):
            if Requirement.SYSTEM_OPERATION in transition.requirements:
                world.operate(customer, transition.to)
                continue
            requested_by = RequestedBy.CUSTOMER if Requirement.OWN_REQUEST in transition.requirements else None
            desk = world.service.acting((AGENT, COLLEAGUE)[number % 2], requested_by=requested_by)
            desk.change(customer, transition.to, reason="as the test wants it")
    return customer


def effects(world: World[Any], customer: str, context: object = None) -> dict[Action, Effect]:
    """What may be done now, asked of the service."""
    decisions = {action: world.service.decide(customer, action, context=context) for action in Action}
    return {action: decision.effect for action, decision in decisions.items()}


def everything(effect: Effect) -> dict[Action, Effect]:
    """Every action with one effect."""
    return dict.fromkeys(Action, effect)


def restricted(world: World[Any], customer: str, context: object = None) -> dict[Action, Effect]:
    """The actions that are not simply allowed."""
    return {each: done for each, done in effects(world, customer, context).items() if done is not Effect.ALLOW}


def ours(labels: type[StatusLabel] = NoLabels, **given: Any) -> OrgConfig[Any]:
    """An organisation with our default."""
    return OrgConfig(
        "acme", labels, **{"restrictions": OURS_POLICY, "invariants": (*OURS_FIXED, *OURS_GUARDED), **given}
    )


def builds(policy: RestrictionPolicy, *loosenings: Loosening) -> bool:
    """Whether an organisation with the fixed and the guarded cells can have a policy."""
    try:
        ours(restrictions=policy, loosenings=loosenings)
    except ConfigurationError:
        return False
    return True


# -- our default ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [NoLabels, Label])
class TestOurs:
    @pytest.mark.parametrize("status", [status for status in CustomerStatus if (status, Action.RETURN) in matrix()])
    def test_every_cell_is_as_the_matrix_has_it(self, status: CustomerStatus, labels: type[StatusLabel]) -> None:
        # D26, D34, D35, D44, D65, D97, D98, D106
        world = in_memory(ours(labels))
        labelled = next((label for label in labels if label.status is status), status)
        found = effects(world, brought(world, "c", status))
        assert found == {action: matrix()[status, action].effect for action in Action}, labelled

    def test_active_and_unset_are_free_and_deleted_does_nothing(self, labels: type[StatusLabel]) -> None:
        # D27, D30, D37
        before = in_memory(ours(lifecycles=[MEMBERSHIP]))
        before.desk.register("unset")
        world = before.under(ours(labels))
        assert world.status("unset") is None
        assert effects(world, "unset") == everything(Effect.ALLOW)
        assert effects(world, brought(world, "active")) == everything(Effect.ALLOW)
        assert effects(world, brought(world, "deleted", DELETED)) == everything(Effect.BLOCK)

    @pytest.mark.parametrize("closing", [ClientState.DELETED, ClientState.EXCLUDED])
    def test_closing_client_states_do_nothing(self, closing: ClientState, labels: type[StatusLabel]) -> None:
        # D83, D84
        world = in_memory(ours(labels, lifecycles=[CUSTOMER_STATUS, CLIENT_STATE]))
        assert effects(world, brought(world, "c", closing)) == everything(Effect.BLOCK)

    @pytest.mark.parametrize("status", [SUSPECTED, CONFIRMED])
    def test_a_transfer_is_refused_for_fraud_on_either_side_each_with_its_reason(
        self, status: CustomerStatus, labels: type[StatusLabel]
    ) -> None:
        # D39
        world = in_memory(ours(labels))
        fraud, honest = brought(world, "fraud", status), brought(world, "honest")
        gives = world.service.decide_between(Action.POINTS_TRANSFER, fraud, honest)
        takes = world.service.decide_between(Action.POINTS_TRANSFER, honest, fraud)
        assert (gives.effect, gives.code, len(gives.denials)) == (Effect.BLOCK, "415", 1)
        assert (takes.effect, takes.code, len(takes.denials)) == (Effect.BLOCK, "414", 1)
        assert gives.source.contributions[0].rule.reason != takes.destination.contributions[0].rule.reason
        assert gives.destination.effect is takes.source.effect is Effect.ALLOW
        # D105: the same text for suspected and confirmed, and for either side
        assert gives.source.customer_message == takes.destination.customer_message
        assert "fraud" not in gives.source.customer_message

    @pytest.mark.parametrize(
        "status", [CustomerStatus.SUSPENDED, CustomerStatus.INTERNAL, CustomerStatus.PENDING_DELETION]
    )
    def test_others_who_are_restricted_transfer_nothing_either_way(
        self, status: CustomerStatus, labels: type[StatusLabel]
    ) -> None:
        world = in_memory(ours(labels))
        one, other = brought(world, "one", status), brought(world, "other")
        for parties in ((one, other), (other, one)):
            assert world.service.decide_between(Action.POINTS_TRANSFER, *parties).effect is Effect.BLOCK


class TestChangingOurs:
    """What an organisation makes of the matrix: here written as rules of the test's own, one a cell."""

    def policy(self, changes: Mapping[Place, Effect]) -> RestrictionPolicy:
        made = {place: told.effect for place, told in matrix().items()} | dict(changes)
        rules = [
            (mark if effect is Effect.MARK else block)(action, when=status)
            for (status, action), effect in made.items()
            if effect is not Effect.ALLOW
        ]
        closed = block_everything(when=[DELETED, ClientState.DELETED, ClientState.EXCLUDED])
        return RestrictionPolicy(*rules, closed)

    def others(self, flag: str) -> Iterator[tuple[Place, Effect, Effect]]:
        """Every cell of a flag, with what it is and each thing that it could be instead."""
        for place, told in matrix().items():
            if told.flags.strip("*") == flag:
                yield from ((place, told.effect, effect) for effect in Effect if effect is not told.effect)

    def keeps(self, place: Place, effect: Effect) -> bool:
        """Whether FRAUD_CONFIRMED stays as strict as FRAUD_SUSPECTED, and what is never blocked unblocked."""
        status, action = place
        made = {each: matrix()[each, action].effect for each in (SUSPECTED, CONFIRMED)} | {status: effect}
        free = (Action.RETURN, Action.CLAWBACK, Action.OPT_OUT, Action.DELETION_REQUEST)
        return made[CONFIRMED].strictness >= made[SUSPECTED].strictness and not (
            action in free and effect is Effect.BLOCK
        )

    def test_as_it_is_it_builds_without_a_waiver(self) -> None:
        assert builds(OURS_POLICY)
        assert builds(self.policy({}))
        assert ours().waives == frozenset()

    def test_what_is_fixed_is_not_changed_even_with_an_approval(self) -> None:
        # D106
        for place, _, effect in self.others("!"):
            consent = Loosening(None, tuple(CustomerStatus), "the board", "all of it")
            assert not builds(self.policy({place: effect})), (place, effect)
            assert not builds(self.policy({place: effect}), consent), (place, effect)

    def test_what_is_guarded_is_tightened_freely_and_loosened_with_an_approval(self) -> None:
        tightened = loosened = 0
        for place, was, effect in self.others("^"):
            _, action = place
            if effect is Effect.BLOCK:
                assert not builds(self.policy({place: effect})), place  # D106: only RETURN could be blocked more
                continue
            changes = {place: effect}
            if not self.keeps(place, effect):
                changes |= {(SUSPECTED, action): effect, (CONFIRMED, action): effect}
                assert not builds(self.policy({place: effect})), place
            if effect.strictness > was.strictness:
                assert builds(self.policy(changes)), (place, effect)
                tightened += 1
                continue
            assert not builds(self.policy(changes)), (place, effect)
            assert builds(self.policy(changes), Loosening([action], list(_statuses(changes)), "the board", "r"))
            other = Loosening([Action.LOGIN], list(_statuses(changes)), "the board", "r")
            assert not builds(self.policy(changes), other), (place, effect)
            elsewhere = Loosening([action], [CustomerStatus.SUSPENDED], "the board", "r")
            assert not builds(self.policy(changes), elsewhere), (place, effect)
            loosened += 1
        assert (tightened, loosened) == (4, 22)

    def test_what_is_neither_is_the_organisations_to_change(self) -> None:
        for place, _, effect in self.others(""):
            assert builds(self.policy({place: effect})) is self.keeps(place, effect), (place, effect)

    def test_a_rule_added_to_ours_tightens_it(self) -> None:
        assert builds(OURS_POLICY + RestrictionPolicy(mark(Action.RETURN, when=CustomerStatus.SUSPENDED)))
        assert not builds(OURS_POLICY + RestrictionPolicy(block(Action.RETURN, when=CustomerStatus.SUSPENDED)))  # D106

    def test_a_label_of_a_status_is_held_to_it_as_well(self) -> None:
        # D26
        more = RestrictionPolicy(mark(Action.OPT_OUT, when=Label.WATCHED))
        with pytest.raises(ConfigurationError, match="OPT_OUT at most allowed"):
            ours(Label, restrictions=OURS_POLICY + more)

    @pytest.mark.parametrize(
        ("missing", "said"),
        [
            (Action.POINTS_REDEMPTION, "COUPON_ISSUE, POINTS_REDEMPTION at least blocked in FRAUD_CONFIRMED"),
            (Action.POINTS_TRANSFER, "POINTS_TRANSFER at least blocked in FRAUD_CONFIRMED, FRAUD_SUSPECTED"),
        ],
    )
    def test_a_rule_of_ours_left_out_is_told(self, missing: Action, said: str) -> None:
        kept = (rule for rule in OURS_POLICY if rule.actions is None or missing not in rule.actions)
        with pytest.raises(ConfigurationError, match=said):
            ours(restrictions=RestrictionPolicy(*kept))

    def test_one_side_of_a_transfer_is_not_let_go_alone(self) -> None:
        # D39
        kept = (rule for rule in OURS_POLICY if rule.code != "414")
        assert not builds(RestrictionPolicy(*kept))

    def test_active_and_deleted_are_fixed_whatever_is_waived(self) -> None:
        # D27, D30
        from custstatus import Waiver

        waived = frozenset(Waiver)
        with pytest.raises(ConfigurationError, match="D27"):
            ours(
                restrictions=OURS_POLICY + RestrictionPolicy(mark(Action.LOGIN, when=CustomerStatus.ACTIVE)),
                waives=waived,
            )
        for closing, on in ((DELETED, CUSTOMER_STATUS), (ClientState.EXCLUDED, CLIENT_STATE)):
            kept = (evolve(rule, when=rule.when - {closing}) for rule in OURS_POLICY if rule.when != {closing})
            with pytest.raises(ConfigurationError, match=closing.name):
                ours(restrictions=RestrictionPolicy(*kept), waives=waived, lifecycles=[on])


def _statuses(changes: Mapping[Place, Effect]) -> set[CustomerStatus]:
    return {status for status, _ in changes}


# -- as the products do ---------------------------------------------------------------------------------------------


class TestAsTheProductsDo:
    def test_unasked_they_restrict_little(self) -> None:
        # D27, D30, D34, D44
        world = in_memory(ours(restrictions=AS_THE_PRODUCTS_DO, invariants=()))
        found = {status: restricted(world, brought(world, status.value, status)) for status in CustomerStatus}
        assert found == {
            CustomerStatus.ACTIVE: {},
            CustomerStatus.SUSPENDED: {Action.TRANSACTION: Effect.MARK},
            SUSPECTED: {},
            CONFIRMED: dict.fromkeys(
                [Action.POINTS_REDEMPTION, Action.COUPON_ISSUE, Action.IDENTIFIER_CHANGE], Effect.BLOCK
            ),
            CustomerStatus.INTERNAL: {},
            CustomerStatus.PENDING_DELETION: {},
            DELETED: everything(Effect.BLOCK),
        }

    def test_with_their_settings_they_restrict_what_has_a_source_and_no_more(self) -> None:
        # D29, D35, D39, D65
        world = in_memory(ours(restrictions=AS_THE_PRODUCTS_CAN, invariants=()))
        for status in {status for status, _ in matrix()}:
            told = {action: matrix()[status, action] for action in Action}
            sourced = {each: said.effect if "*" in said.flags else Effect.ALLOW for each, said in told.items()}
            assert effects(world, brought(world, status.value, status)) == sourced, status
        assert effects(world, brought(world, "deleted", DELETED)) == everything(Effect.BLOCK)
        assert effects(world, brought(world, "active")) == everything(Effect.ALLOW)
        transfers = [
            world.service.decide_between(Action.POINTS_TRANSFER, *parties).code
            for parties in ((CONFIRMED.value, "active"), ("active", CONFIRMED.value))
        ]
        assert transfers == ["415", "414"]


@pytest.mark.parametrize("preset", [AS_THE_PRODUCTS_DO, AS_THE_PRODUCTS_CAN])
@pytest.mark.parametrize("closing", [ClientState.DELETED, ClientState.EXCLUDED])
def test_as_the_products_do_closing_client_states_do_nothing(closing: ClientState, preset: RestrictionPolicy) -> None:
    # D83, D84
    world = in_memory(ours(restrictions=preset, invariants=(), lifecycles=[CLIENT_STATE]))
    assert effects(world, brought(world, "c", closing)) == everything(Effect.BLOCK)


# -- every preset ---------------------------------------------------------------------------------------------------

PRESETS = {
    "CAPILLARY_POLICY": CAPILLARY_POLICY,
    "OURS_POLICY": OURS_POLICY,
    "AS_THE_PRODUCTS_DO": AS_THE_PRODUCTS_DO,
    "AS_THE_PRODUCTS_CAN": AS_THE_PRODUCTS_CAN,
    "LEGACY_FRAUD_POLICY": LEGACY_FRAUD_POLICY,
    "LEGACY_FRAUD_OLDER_POLICY": LEGACY_FRAUD_OLDER_POLICY,
    "TIBCO_MEMBERSHIP_POLICY": TIBCO_MEMBERSHIP_POLICY,
    "LOYMAX_POLICY": LOYMAX_POLICY,
    "SWAN_DEACTIVATION_POLICY": SWAN_DEACTIVATION_POLICY,
}


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
class TestEveryPreset:
    def test_it_is_frozen(self, preset: RestrictionPolicy) -> None:
        with pytest.raises(FrozenInstanceError):
            preset.rules = ()  # type: ignore[misc]
        for rule in preset:
            with pytest.raises(FrozenInstanceError):
                rule.effect = Effect.MARK  # type: ignore[misc]

    def test_each_rule_has_its_source_beside_it(self, preset: RestrictionPolicy) -> None:
        for rule in preset:
            assert re.search(r"\((D\d+(, D\d+)*(; ours)?|ours)\)$", rule.reason), rule

    def test_no_customer_is_told_more_than_that_it_is_not_possible(self, preset: RestrictionPolicy) -> None:
        # D105
        assert all(rule.customer_message is None for rule in preset)

    def test_a_merged_source_apart_it_restricts_no_active_customer(self, preset: RestrictionPolicy) -> None:
        # D27
        assert all(CustomerStatus.ACTIVE not in rule.when for rule in preset)
        merging = frozenset({Action.ACCOUNT_MERGE})
        assert all(rule.actions == merging for rule in preset if Membership.ACTIVE in rule.when)


def test_each_invariant_of_ours_has_its_source() -> None:
    for invariant in (*OURS_FIXED, *OURS_GUARDED):
        said = getattr(invariant, "why", "")
        assert re.search(r"\b(D\d+|ours)$", said), invariant
    assert all(not getattr(each, "guarded", False) for each in OURS_FIXED)
    assert all(getattr(each, "guarded", False) for each in OURS_GUARDED)
    assert "why" in {each.name for each in fields(type(OURS_FIXED[0]))}
