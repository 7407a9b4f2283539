"""Tables of moves that are laxer or stricter than ours, as a product has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from organisation import AGENT, COLLEAGUE, CUSTOMER, MACHINE, World, in_memory
from test_presets import brought

from custstatus import (
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    Channel,
    CustomerStatus,
    LegacyFraudStatus,
    Lifecycle,
    Membership,
    NoLabels,
    OrgConfig,
    RefusedError,
    RequestedBy,
    Requirement,
)
from custstatus.policies.presets import (
    LAX_CUSTOMER_STATUS,
    LAX_LEGACY_FRAUD_STATUS,
    MEMBERSHIP_WITHOUT_RETURN,
    STRICT_MEMBERSHIP,
)

ACTIVE, CONFIRMED = CustomerStatus.ACTIVE, CustomerStatus.FRAUD_CONFIRMED


def world_of(lifecycle: Lifecycle[Any]) -> World[Any]:
    """A world with one table of moves."""
    return in_memory(OrgConfig("acme", NoLabels, lifecycles=[lifecycle]))


def pairs(lifecycle: Lifecycle[Any]) -> set[tuple[Any, Any]]:
    """What leads where."""
    return {(transition.from_, transition.to) for transition in lifecycle.transitions}


class TestLaxCustomerStatus:
    def test_fraud_is_confirmed_from_active_by_staff_with_a_reason(self) -> None:
        # D7
        world = world_of(LAX_CUSTOMER_STATUS)
        world.desk.register("c")
        attempts: list[Callable[[], object]] = [
            lambda: world.desk.change("c", CONFIRMED, reason=" "),
            lambda: world.service.acting(MACHINE).change("c", CONFIRMED, reason="r"),
            lambda: world.service.acting(CUSTOMER).change("c", CONFIRMED, reason="r"),
        ]
        for attempt in attempts:
            with pytest.raises(RefusedError):
                attempt()
        world.desk.change("c", CONFIRMED, reason="caught in the act")
        assert world.status("c") is CONFIRMED
        # D8
        world.service.acting(COLLEAGUE).change("c", ACTIVE, reason="it was his brother")
        assert world.status("c") is ACTIVE

    def test_strictly_it_is_not(self) -> None:
        # D7
        world = world_of(CUSTOMER_STATUS)
        world.desk.register("c")
        with pytest.raises(RefusedError):
            world.desk.change("c", CONFIRMED, reason="caught in the act")

    def test_nothing_else_is_laxer(self) -> None:
        # D5
        assert pairs(LAX_CUSTOMER_STATUS) - pairs(CUSTOMER_STATUS) == {(ACTIVE, CONFIRMED)}
        assert set(CUSTOMER_STATUS.transitions) < set(LAX_CUSTOMER_STATUS.transitions)
        assert LAX_CUSTOMER_STATUS.closing == CUSTOMER_STATUS.closing


class TestLaxLegacyFraudStatus:
    @pytest.mark.parametrize("target", LegacyFraudStatus)
    @pytest.mark.parametrize("source", [None, *LegacyFraudStatus])
    def test_an_import_sets_any_value_from_any_value(
        self, source: LegacyFraudStatus | None, target: LegacyFraudStatus
    ) -> None:
        # D42
        world = world_of(LAX_LEGACY_FRAUD_STATUS)
        world.desk.register("c")
        importing = world.service.acting(MACHINE, Channel.IMPORT)
        if source is not None:
            importing.change("c", source, reason="row 1")
        if source is target:
            # D23
            with pytest.raises(RefusedError):
                importing.change("c", target, reason="row 2")
        else:
            # D50
            with pytest.raises(RefusedError):
                importing.change("c", target)
            importing.change("c", target, reason="row 2")
        standing = world.service.standing("c", LAX_LEGACY_FRAUD_STATUS)
        assert standing is not None
        assert standing.status is target

    def test_strictly_an_import_confirms_nothing(self) -> None:
        # D42
        world = world_of(LEGACY_FRAUD_STATUS)
        world.desk.register("c")
        importing = world.service.acting(MACHINE, Channel.IMPORT)
        with pytest.raises(RefusedError):
            importing.change("c", LegacyFraudStatus.RECONFIRMED, reason="row 1")


class TestMembership:
    def test_a_merge_is_undone_or_not(self) -> None:
        # D68, D76
        assert pairs(MEMBERSHIP) - pairs(MEMBERSHIP_WITHOUT_RETURN) == {(Membership.MERGED, Membership.ENROLLED)}
        assert MEMBERSHIP_WITHOUT_RETURN.out_of(Membership.MERGED) == ()
        free, strict = world_of(MEMBERSHIP), world_of(MEMBERSHIP_WITHOUT_RETURN)
        for world in (free, strict):
            brought(world, "c", Membership.MERGED)
        free.desk.change("c", Membership.ENROLLED, reason="r")
        with pytest.raises(RefusedError):
            strict.desk.change("c", Membership.ENROLLED, reason="r")

    @pytest.mark.parametrize("target", Membership)
    @pytest.mark.parametrize("source", Membership)
    def test_strictly_staff_change_enrolled_customers_only_and_reactivate(
        self, source: Membership, target: Membership
    ) -> None:
        # D68, D70: "Change Status option is available only for enrolled customers"; "Reactivate is the only valid option"
        world = world_of(STRICT_MEMBERSHIP)
        brought(world, "c", source)
        changed = {(Membership.ENROLLED, Membership.UNENROLLED), (Membership.ENROLLED, Membership.ON_HOLD)}
        reactivated = {(Membership.ON_HOLD, Membership.ENROLLED)}
        try:
            world.service.acting(AGENT).change("c", target, reason="r")
            done = True
        except RefusedError:
            done = False
        assert done is ((source, target) in changed | reactivated)

    @pytest.mark.parametrize("source", [Membership.ACTIVE, Membership.UNENROLLED])
    def test_strictly_who_is_not_enrolled_becomes_a_member_at_his_own_wish(self, source: Membership) -> None:
        # D68, D101
        world = world_of(STRICT_MEMBERSHIP)
        brought(world, "c", source)
        world.service.acting(AGENT, requested_by=RequestedBy.CUSTOMER).change("c", Membership.ENROLLED, reason="r")
        standing = world.service.standing("c", STRICT_MEMBERSHIP)
        assert standing is not None
        assert standing.status is Membership.ENROLLED

    def test_what_is_stricter_leads_nowhere_new(self) -> None:
        # D68
        assert pairs(STRICT_MEMBERSHIP) < pairs(MEMBERSHIP_WITHOUT_RETURN)
        operations = [
            transition
            for transition in STRICT_MEMBERSHIP.transitions
            if Requirement.SYSTEM_OPERATION in transition.requirements
        ]
        assert {transition.to for transition in operations} == {Membership.MERGED}
