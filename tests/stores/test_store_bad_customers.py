"""Customers that are none: to every verb that takes one, the same error whatever the store, and nothing written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from alike import CUSTOMERS, HUGE, MOBILE, Services, Use, desk, refused_alike

from custstatus import CUSTOMER_STATUS, Action, Activity, CuststatusError, Identifier, StatusService
from custstatus.adapters import Log
from custstatus.testing import ExampleLabel, MovableClock, example
from custstatus.testing.snapshots import plain
from custstatus.testing.strategies import every_bad_id

CUSTOMER_USES: dict[str, Use] = {
    "register": lambda service, bad: desk(service).register(bad),
    "change": lambda service, bad: desk(service).change(bad, ExampleLabel.LOST_PHONE, reason="x"),
    "restore": lambda service, bad: desk(service).restore(bad, reason="x"),
    "preview": lambda service, bad: desk(service).preview(bad, ExampleLabel.LOST_PHONE),
    "options": lambda service, bad: desk(service).options(bad),
    "add_identifier": lambda service, bad: desk(service).add_identifier(bad, Identifier("email", "e")),
    "replace_identifier": lambda service, bad: desk(service).replace_identifier(bad, MOBILE, Identifier("mobile", "2")),
    "remove_identifier": lambda service, bad: desk(service).remove_identifier(bad, MOBILE),
    "decide": lambda service, bad: service.decide(bad, Action.LOGIN),
    "decide_all": lambda service, bad: service.decide_all(bad, [Action.LOGIN]),
    "check": lambda service, bad: service.check(bad, Action.LOGIN),
    "standing": lambda service, bad: service.standing(bad, CUSTOMER_STATUS),
    "standing at": lambda service, bad: service.standing(bad, CUSTOMER_STATUS, at=datetime(2024, 6, 1, tzinfo=UTC)),
    "standings": lambda service, bad: service.standings(bad),
    "account": lambda service, bad: service.account(bad),
    "identifiers": lambda service, bad: service.identifiers(bad),
    "activities": lambda service, bad: service.activities(bad),
    "timeline": lambda service, bad: service.timeline(bad),
    "Activity": lambda service, bad: service.record(Activity(bad, Action.TRANSACTION, "r-9", datetime.now(UTC))),
}


@pytest.mark.parametrize("verb", CUSTOMER_USES)
def test_customers(services: Services, verb: str) -> None:
    refused_alike(services, {verb: CUSTOMER_USES[verb]}, [*every_bad_id(), HUGE, None])


def test_customers_whose_history_is_asked_for(services: Services) -> None:
    refused_alike(services, {"history": lambda service, bad: service.history(bad)}, [*every_bad_id(), HUGE])


def test_customers_that_are_not_there(services: Services) -> None:
    uses = {
        name: use for name, use in CUSTOMER_USES.items() if name not in ("register", "Activity", "preview", "options")
    }
    changes = {"change", "restore", "add_identifier", "replace_identifier", "remove_identifier"}
    unknown = ["nobody", "C-1", "c-1 ", "c", "acme", "x" * 128, "😀"]
    refused_alike(
        services, {name: use for name, use in uses.items() if name not in changes}, unknown, "UnknownCustomerError"
    )
    refused_alike(services, {name: use for name, use in uses.items() if name in changes}, unknown, "RefusedError")


def test_ids_of_another_organisation(services: Services) -> None:
    for service in services:
        other = StatusService(service.store, example("other"), clock=MovableClock())
        for customer in CUSTOMERS:
            for name, use in CUSTOMER_USES.items():
                if name not in ("register", "preview", "options", "Activity"):
                    with pytest.raises(CuststatusError) as caught:
                        use(other, customer)
                    assert type(caught.value).__name__ in ("UnknownCustomerError", "RefusedError"), name
        assert other.find(MOBILE) is None
        assert other.by_reference("r-1") == ()
        assert other.record(Activity("c-1", Action.LOGIN, "r-9", MovableClock()())).unknown == ("c-1",)
        assert plain(service.store.page(Log(org="other")).items) == ()
