"""Questions that are none: actions, lifecycles, filters, pages; the same error whatever the store, and nothing written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from alike import HUGE, MOBILE, Services, Use, answered, desk, refused_alike

from custstatus import (
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    Action,
    Activity,
    CustomerStatus,
    Effect,
    Membership,
    StatusLabel,
)
from custstatus.testing import ExampleLabel
from custstatus.testing.strategies import BAD_CURSORS, BAD_LIMITS, BAD_MOMENTS, every_bad_id


class OtherLabel(StatusLabel):
    """Labels of another organisation."""

    REGULAR = "Regular", CustomerStatus.ACTIVE


LIFECYCLE_USES: dict[str, Use] = {
    "standing": lambda service, bad: service.standing("c-1", bad),
    "history": lambda service, bad: service.history("c-1", lifecycle=bad),
    "customers": lambda service, bad: service.customers(bad),
    "counts": lambda service, bad: service.counts(bad),
    "restore": lambda service, bad: desk(service).restore("c-1", bad, reason="x"),
    "options": lambda service, bad: desk(service).options("c-1", bad),
}


def test_lifecycles_that_are_off(services: Services) -> None:  # D16
    refused_alike(services, LIFECYCLE_USES, [LEGACY_FRAUD_STATUS], "UnknownLifecycleError")


@pytest.mark.parametrize("verb", LIFECYCLE_USES)
def test_lifecycles_that_are_none(services: Services, verb: str) -> None:
    nothing = ["customer_status", "", 5, CustomerStatus, CustomerStatus.ACTIVE, object(), [], {}]
    refused_alike(services, {verb: LIFECYCLE_USES[verb]}, nothing)


@pytest.mark.parametrize("verb", ["decide", "decide_all", "check"])
def test_actions(services: Services, verb: str) -> None:
    uses: dict[str, Use] = {
        "decide": lambda service, bad: service.decide("c-1", bad),
        "decide_all": lambda service, bad: service.decide_all("c-1", [bad]),
        "check": lambda service, bad: service.check("c-1", bad),
    }
    nothing = ["login", 5, None, Action, Effect.ALLOW, CustomerStatus.ACTIVE, [], {}, object()]
    refused_alike(services, {verb: uses[verb]}, nothing, "UnknownActionError")


def test_actions_that_are_no_list(services: Services) -> None:
    uses: dict[str, Use] = {"decide_all": lambda service, bad: service.decide_all("c-1", bad)}
    refused_alike(services, uses, [Action.LOGIN, 5, None])


def test_activities(services: Services) -> None:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    refused_alike(
        services, {"reference": lambda _, bad: Activity("c-1", Action.LOGIN, bad, now)}, [*every_bad_id(), HUGE, None]
    )
    refused_alike(services, {"at": lambda _, bad: Activity("c-1", Action.LOGIN, "r-1", bad)}, [*BAD_MOMENTS, None])
    amounts = [1, 1.5, "1", float("nan"), *map(Decimal, ("NaN", "Infinity", "1e30", "1e-7", "sNaN"))]
    refused_alike(services, {"amount": lambda _, bad: Activity("c-1", Action.LOGIN, "r-1", now, bad)}, amounts)
    refused_alike(
        services,
        {
            "kind": lambda _, bad: Activity("c-1", bad, "r-1", now),
            "effect": lambda _, bad: Activity("c-1", Action.LOGIN, "r-1", now, None, bad),
        },
        ["login", "allow", 5, None, Action, Effect, object(), []],
    )
    refused_alike(
        services,
        {
            "record": lambda service, bad: service.record(Activity("c-1", Action.LOGIN, "r-8", now), bad),
            "record_several": lambda service, bad: service.record([bad]),
        },
        [None, "x", 5, ("c-1", Action.LOGIN), Activity, object(), MOBILE],
    )


PAGED: dict[str, Callable[..., object]] = {
    "history": lambda service, **given: service.history(**given),
    "history of one": lambda service, **given: service.history("c-1", **given),
    "customers": lambda service, **given: service.customers(CUSTOMER_STATUS, **given),
    "deleted": lambda service, **given: service.customers(CUSTOMER_STATUS, CustomerStatus.DELETED, **given),
    "inactive": lambda service, **given: service.inactive(timedelta(days=1), **given),
    "reportable": lambda service, **given: service.reportable(**given),
    "activities": lambda service, **given: service.activities("c-1", **given),
    "timeline": lambda service, **given: service.timeline("c-1", **given),
}


@pytest.mark.parametrize("verb", PAGED)
def test_limits(services: Services, verb: str) -> None:
    uses: dict[str, Use] = {verb: lambda service, bad: PAGED[verb](service, limit=bad)}
    refused_alike(services, uses, BAD_LIMITS)


@pytest.mark.parametrize("verb", PAGED)
def test_cursors(services: Services, verb: str) -> None:
    uses: dict[str, Use] = {verb: lambda service, bad: PAGED[verb](service, after=bad)}
    values: list[object] = [*BAD_CURSORS, HUGE]
    if verb in ("history", "history of one"):
        values += ["", "x", "-1", "1.0", "1 ", "٣", "²", "9" * 19, "9" * 1_000, "[]", '"1"', "0x1", "1e3", "None"]
    if verb in ("activities", "timeline"):
        values += [
            "",
            "x",
            "5",
            "null",
            "[]",
            "{}",
            "[1]",
            "[" * 1_000,
            '["1","a","b","c"]',
            "[1.0,1,1,1]",
            "9" * 1_999,
        ]
        values += [
            '[1,"a","b"]',
            '[1,"a","b",5]',
            "[9223372036854775808,0,0,1,1]",
            '[true,"a","b","c"]',
            '[NaN,"","",""]',
        ]
    if verb == "activities":
        values += ['[9223372036854775808,"a","b","c"]', '[-9223372036854775809,"a","b","c"]', '[1e5,"a","b","c"]']
    if verb == "timeline":
        values += [
            '[1,2,1,"a","b"]',
            '[-1,0,1,"a","b"]',
            '[1,0,"1","a","b"]',
            '[1,0,1,5,"b"]',
            "[4611686018427387904,0,1,1,1]",
        ]
    refused_alike(services, uses, values)


@pytest.mark.parametrize("verb", ["activities", "timeline"])
@pytest.mark.parametrize("text", ["\\ud800", "\\u0000", "\\udc00x"])
def test_cursors_that_hold_what_no_store_can(services: Services, verb: str, text: str) -> None:
    cursors = [f'[1,"{text}","",""]', f'[1,"","{text}",""]', f'[1,"","","{text}"]']
    if verb == "timeline":
        cursors = [f'[1,0,0,"{text}",""]', f'[1,0,0,"","{text}"]']
    answers = [
        [answered(lambda s, bad: PAGED[verb](s, after=bad), service, cursor) for cursor in cursors]
        for service in services
    ]
    assert answers[0] == answers[1]
    assert "leaked" not in {each[0] for each in answers[0]}


def test_cursors_from_one_store_or_list_in_another_raise_nothing_else(services: Services) -> None:
    cursors = []
    for service in services:
        for page in PAGED.values():
            found = page(service, limit=1)
            cursors += [found.next] if found.next is not None else []  # type: ignore[attr-defined]
    assert len(cursors) > 8
    for verb, use in PAGED.items():
        for cursor in cursors:
            kinds = [answered(lambda s, bad, use=use: use(s, after=bad), service, cursor)[:2] for service in services]
            assert {kind[0] for kind in kinds} <= {"answered", "raised"}, f"{verb} {cursor}: {kinds}"
            assert all(kind[0] == "answered" or kind[1] == "InvalidInputError" for kind in kinds), f"{verb}: {kinds}"


def test_filters(services: Services) -> None:
    uses: dict[str, Use] = {"actor": lambda service, bad: service.history(actor=bad)}
    refused_alike(services, uses, [*every_bad_id(), HUGE])
    refused_alike(
        services,
        {
            "since": lambda service, bad: service.history(since=bad),
            "until": lambda service, bad: service.history("c-1", until=bad),
            "standing": lambda service, bad: service.standing("c-1", CUSTOMER_STATUS, at=bad),
            "standings": lambda service, bad: service.standings("c-1", at=bad),
        },
        BAD_MOMENTS,
    )
    statuses = ["active", 5, Membership.ACTIVE, ExampleLabel.REGULAR, CustomerStatus, object(), []]
    refused_alike(
        services,
        {
            "history": lambda service, bad: service.history(lifecycle=CUSTOMER_STATUS, status=bad),
            "history without its lifecycle": lambda service, bad: service.history(status=bad),
            "customers": lambda service, bad: service.customers(CUSTOMER_STATUS, bad),
        },
        [*statuses],
    )
    labels = ["Regular", 5, OtherLabel.REGULAR, CustomerStatus.ACTIVE, ExampleLabel, object()]
    refused_alike(services, {"label": lambda service, bad: service.customers(CUSTOMER_STATUS, label=bad)}, labels)
    periods = [timedelta(0), timedelta(days=-1), 180, "180", None, timedelta, object()]
    refused_alike(services, {"period": lambda service, bad: service.inactive(bad)}, periods)


def test_the_longest_period(services: Services) -> None:
    for service in services:
        assert service.inactive(timedelta.max).items == ()


@pytest.mark.parametrize("verb", ["history", "history of one", "activities"])
def test_newest_first_that_is_neither_true_nor_false(services: Services, verb: str) -> None:
    uses: dict[str, Use] = {verb: lambda service, bad: PAGED[verb](service, newest_first=bad)}
    refused_alike(services, uses, ["yes", None, 5, [], b""])


def test_receipts(services: Services) -> None:
    uses: dict[str, Use] = {"by_reference": lambda service, bad: service.by_reference(bad)}
    refused_alike(services, uses, [*every_bad_id(), HUGE, None])
