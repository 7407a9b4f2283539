"""A change of one lifecycle as a store makes it by itself, held against what planning makes of it on another store like it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from organisation import ACME, AGENT, CUSTOMER, START, Label, World, refusal

from custstatus import Applied, Channel, CustomerStatus, Identifier, Membership, Plan, RefusalCode
from custstatus.adapters import PreparedChange, Snapshot, Store
from custstatus.testing import RelayStore
from custstatus.testing.laws import PlannedApply
from custstatus.testing.snapshots import plain

__all__ = ["Applying"]

Use = Callable[[World[Label]], Any]


class Heard(RelayStore):
    """A store that tells by which verbs a change was made."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.verbs: list[str] = []

    def read(self, prepared: PreparedChange) -> Snapshot:
        self.verbs.append("read")
        return self.store.read(prepared)

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        self.verbs.append("apply")
        return self.store.apply(prepared)

    def commit(self, plan: Plan) -> Applied | Snapshot:
        self.verbs.append("commit")
        return self.store.commit(plan)


def put(*labels: Label) -> Use:
    """What leads up to a change: customer c is put under one label after the other, a day apart."""

    def prepare(world: World[Label]) -> None:
        for label in labels:
            world.operate("c", label)
            world.clock.forward(days=1)

    return prepare


def change(target: Any, **given: Any) -> Use:
    """A change that the agent makes of customer c."""
    return lambda world: world.desk.change("c", target, **{"reason": "r"} | given)


CHANGES: dict[str, tuple[Use, Use]] = {
    "by label": (put(), change(Label.LOST_PHONE, reason="lost 😀", reason_code="phone", key="k-1", expected=3)),
    "by status": (put(), change(CustomerStatus.SUSPENDED)),
    "from a given time": (put(), change(Label.ABROAD, at=START + timedelta(hours=1))),
    "another label of the status": (put(), change(Label.TRENDING)),
    "on another lifecycle": (
        put(Label.ABROAD),
        lambda world: world.service.acting(CUSTOMER, Channel.API).change("c", Membership.ENROLLED, reason="joins"),
    ),
    "set aside": (put(Label.TRENDING), change(Label.UNUSUAL)),
    "set aside within": (put(Label.TRENDING, Label.UNUSUAL), change(Label.WATCHED)),
    "back": (put(Label.TRENDING, Label.UNUSUAL), change(Label.TRENDING)),
    "back where nothing else is open": (
        put(Label.TRENDING, Label.LEAVING),
        lambda world: world.operate("c", Label.TRENDING),
    ),
    "under a clock that was set back": (
        lambda world: (put(Label.ABROAD)(world), world.clock.forward(days=-3)),
        change(Label.REGULAR),
    ),
    "closing": (put(Label.ABROAD), change(Label.CLOSED)),
}
"""What leads up to a change of customer c, and the change."""

REFUSED: dict[str, tuple[Use, Use, RefusalCode]] = {
    "no transition": (put(), change(Label.PROVEN), RefusalCode.NO_TRANSITION),
    "no change": (put(Label.ABROAD), change(CustomerStatus.SUSPENDED), RefusalCode.NO_CHANGE),
    "not where it was": (
        put(Label.TRENDING, Label.LEAVING),
        lambda world: world.make(world.request("c", Label.REGULAR)),
        RefusalCode.NOT_WHERE_IT_WAS,
    ),
    "another version": (put(), change(Label.ABROAD, expected=2), RefusalCode.OTHER_VERSION),
    "before the last entry": (put(Label.ABROAD), change(Label.REGULAR, at=START), RefusalCode.BEFORE_LAST_ENTRY),
    "closed": (put(Label.CLOSED), change(Membership.ENROLLED), RefusalCode.CLOSED),
}
"""The same of what is refused, and why."""


def worlds(stores: tuple[Store, Store]) -> tuple[tuple[World[Label], Heard], tuple[World[Label], Heard]]:
    """One that lets its store apply changes and one that plans them all; in each customer c holds an identifier."""
    applying, planning = map(Heard, stores)
    one, other = World(ACME, applying), World(ACME, PlannedApply(planning))
    for world in one, other:
        world.service.acting(AGENT).register("c", identifiers=[Identifier("mobile", "1")])
        world.clock.forward(days=1)
    return (one, applying), (other, planning)


class Applying:
    """To be subclassed for a store that makes such changes by itself, with a fixture `stores` of two empty ones."""

    @pytest.mark.parametrize(("prepare", "make"), CHANGES.values(), ids=CHANGES)
    def test_it_is_made_by_apply_alone_and_as_planned(
        self, prepare: Use, make: Use, stores: tuple[Store, Store]
    ) -> None:
        (one, applying), (other, planning) = worlds(stores)
        for world, heard in ((one, applying), (other, planning)):
            prepare(world)
            heard.verbs.clear()
        made, planned = make(one), make(other)
        assert isinstance(made, Applied)
        assert applying.verbs == ["apply"]
        assert planning.verbs == ["read", "commit"]
        assert plain(made) == plain(planned)
        assert plain(one.everything()) == plain(other.everything())
        assert one.service.verify().faults == ()

    @pytest.mark.parametrize(("prepare", "make", "code"), REFUSED.values(), ids=REFUSED)
    def test_what_is_refused_is_read_by_apply_and_not_written(
        self, prepare: Use, make: Use, code: RefusalCode, stores: tuple[Store, Store]
    ) -> None:
        (one, applying), (other, _) = worlds(stores)
        prepare(one)
        prepare(other)
        applying.verbs.clear()
        before = plain(one.everything())
        came, planned = refusal(lambda: make(one)), refusal(lambda: make(other))
        assert came.codes == {code}
        assert applying.verbs == ["apply"]
        assert plain(came) == plain(planned)
        assert plain(one.everything()) == before == plain(other.everything())
