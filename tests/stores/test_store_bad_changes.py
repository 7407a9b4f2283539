"""Changes that are none: every field bad in every way, the same error whatever the store, and nothing written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from alike import HUGE, MOBILE, Service, Services, Use, desk, refused_alike

from custstatus import (
    CUSTOMER_STATUS,
    Action,
    Activity,
    Actor,
    ActorKind,
    Channel,
    CustomerStatus,
    Effect,
    Identifier,
    LegacyFraudStatus,
    Membership,
    StatusLabel,
    StatusService,
    TrialGroup,
)
from custstatus.testing import ExampleLabel, MovableClock, example
from custstatus.testing.strategies import BAD_MOMENTS, BAD_VERSIONS, every_bad_id, every_bad_text


class OtherLabel(StatusLabel):
    """Labels of another organisation."""

    REGULAR = "Regular", CustomerStatus.ACTIVE


def _said(name: str) -> dict[str, Use]:
    """The changes that take a field, with that field bad and everything else good."""

    def given(bad: Any, **others: Any) -> Any:
        return {**others, name: bad}

    uses: dict[str, Use] = {
        "register": lambda service, bad: desk(service).register("c-9", **given(bad)),
        "change": lambda service, bad: desk(service).change(
            "c-1", ExampleLabel.LOST_PHONE, **given(bad, reason_code="x")
        ),
        "restore": lambda service, bad: desk(service).restore("c-1", **given(bad, reason_code="x")),
        "preview": lambda service, bad: desk(service).preview("c-1", ExampleLabel.LOST_PHONE, **given(bad)),
        "options": lambda service, bad: desk(service).options("c-1", **given(bad)),
        "add_identifier": lambda service, bad: desk(service).add_identifier(
            "c-1", Identifier("email", "e"), **given(bad)
        ),
        "replace_identifier": lambda service, bad: desk(service).replace_identifier(
            "c-1", MOBILE, Identifier("mobile", "2"), **given(bad)
        ),
        "remove_identifier": lambda service, bad: desk(service).remove_identifier("c-1", MOBILE, **given(bad)),
        "change of nobody": lambda service, bad: desk(service).change("nobody", ExampleLabel.LOST_PHONE, **given(bad)),
    }
    without = {
        "at": {"options", "add_identifier", "replace_identifier", "remove_identifier"},
        "expected": {"register", "options"},
        "key": {"options"},
    }
    return {verb: use for verb, use in uses.items() if verb not in without.get(name, set())}


def test_reasons(services: Services) -> None:
    refused_alike(services, _said("reason"), [*every_bad_text(), HUGE])


def test_reasons_that_are_sealed(sealed: Services) -> None:
    refused_alike(sealed, _said("reason"), [*every_bad_text(), HUGE])


def test_reason_codes(services: Services) -> None:
    refused_alike(services, _said("reason_code"), [*every_bad_id(64), HUGE])


def test_keys(services: Services) -> None:
    refused_alike(services, _said("key"), [*every_bad_id(), HUGE])


def test_times_from_which_changes_count(services: Services) -> None:
    refused_alike(services, _said("at"), BAD_MOMENTS)


def test_versions_that_are_expected(services: Services) -> None:
    refused_alike(services, _said("expected"), BAD_VERSIONS)


def test_who_by_which_way_and_at_whose_wish(services: Services) -> None:
    nothing = ["agent-7", "api", "person", 5, b"x", object(), ActorKind, Channel, None]
    refused_alike(
        services,
        {
            "actor": lambda service, bad: desk(service, bad).change("c-1", ExampleLabel.LOST_PHONE, reason="x"),
            "actor who registers": lambda service, bad: desk(service, bad).register("c-9"),
            "actor who looks": lambda service, bad: desk(service, bad).options("c-1"),
            "channel": lambda service, bad: desk(service, Actor("x"), bad).change(
                "c-1", ExampleLabel.STAFF, reason="x"
            ),
            "requested_by": lambda service, bad: desk(service, requested_by=bad or 0).register("c-9"),
            "restoring": lambda service, bad: desk(service, bad).restore("c-1", reason="x"),
        },
        [*nothing, ActorKind.PERSON, [], {}],
    )


def test_actors(services: Services) -> None:
    refused_alike(services, {"id": lambda _, bad: Actor(bad)}, [*every_bad_id(), HUGE, None])
    refused_alike(services, {"name": lambda _, bad: Actor("x", name=bad)}, [*every_bad_text(128), HUGE])
    refused_alike(services, {"kind": lambda _, bad: Actor("x", bad)}, ["person", None, 1, ActorKind, Effect.ALLOW])


def test_targets(services: Services) -> None:
    uses: dict[str, Use] = {
        "change": lambda service, bad: desk(service).change("c-1", bad, reason="x"),
        "register": lambda service, bad: desk(service).register("c-9", bad),
        "preview": lambda service, bad: desk(service).preview("c-1", bad),
    }
    nothing = [
        "suspended",
        "Lost phone",
        "",
        5,
        None,
        b"x",
        object(),
        CustomerStatus,
        ExampleLabel,
        Action.LOGIN,
        (),
        {},
        [],
    ]
    refused_alike(services, uses, nothing)
    elsewhere = [OtherLabel.REGULAR, LegacyFraudStatus.MARKED, TrialGroup.TEST]
    writes = {name: use for name, use in uses.items() if name != "preview"}
    refused_alike(services, writes, elsewhere, "RefusedError")  # D16, D21
    two = [(ExampleLabel.STAFF, CustomerStatus.ACTIVE), (Membership.ACTIVE, Membership.ENROLLED)]
    refused_alike(services, {"several": lambda service, bad: desk(service).register("c-9", *bad)}, two)


def test_identifiers(services: Services) -> None:
    refused_alike(services, {"type": lambda _, bad: Identifier(bad, "1")}, [*every_bad_id(64), HUGE, None])
    refused_alike(services, {"value": lambda _, bad: Identifier("mobile", bad)}, [*every_bad_id(256), HUGE, None])
    refused_alike(
        services, {"source": lambda _, bad: Identifier("mobile", "1", bad)}, [*every_bad_text(128), HUGE, None]
    )
    refused_alike(
        services, {"account": lambda _, bad: Identifier("mobile", "1", "", bad)}, [*every_bad_text(128), HUGE, None]
    )


def test_what_is_no_identifier(services: Services) -> None:
    refused_alike(
        services,
        {
            "register": lambda service, bad: desk(service).register("c-9", identifiers=[bad]),
            "add": lambda service, bad: desk(service).add_identifier("c-1", bad),
            "replace": lambda service, bad: desk(service).replace_identifier("c-1", MOBILE, bad),
            "replace by": lambda service, bad: desk(service).replace_identifier("c-1", bad, MOBILE),
            "remove": lambda service, bad: desk(service).remove_identifier("c-1", bad),
        },
        ["mobile", None, 5, ("mobile", "1"), Identifier, object(), b"x"],
    )


def test_finding_what_is_no_identifier(services: Services) -> None:
    uses: dict[str, Use] = {"find": lambda service, bad: service.find(bad)}
    refused_alike(services, uses, ["mobile", None, 5, ("mobile", "1"), Identifier, object()])


def test_identifiers_that_are_no_list(services: Services) -> None:
    uses: dict[str, Use] = {"register": lambda service, bad: desk(service).register("c-9", identifiers=bad)}
    refused_alike(services, uses, [5, None, MOBILE, object(), "mobile", Identifier])


def test_the_same_identifier_twice_or_of_another_type(services: Services) -> None:  # D108
    refused_alike(
        services,
        {
            "register": lambda service, bad: desk(service).register("c-9", identifiers=[bad, bad]),
            "replace": lambda service, bad: desk(service).replace_identifier("c-1", bad, bad),
        },
        [MOBILE, Identifier("mobile", "2")],
    )
    other: dict[str, Use] = {"replace": lambda service, bad: desk(service).replace_identifier("c-1", MOBILE, bad)}
    refused_alike(services, other, [Identifier("email", "1")])
    refused_alike(
        services, {"add": lambda s, bad: desk(s).add_identifier("c-1", bad)}, [Identifier("card", "1")], "RefusedError"
    )


def test_runs(services: Services) -> None:
    uses: dict[str, Use] = {"sweep": lambda service, bad: service.sweep(run=bad)}
    refused_alike(services, uses, [*every_bad_id(), HUGE])


def test_clocks_that_are_wrong(services: Services) -> None:
    def wrong(service: Service, bad: Any) -> Service:
        return StatusService(service.store, service.config, clock=lambda: bad)

    refused_alike(
        services,
        {
            "change": lambda service, bad: desk(wrong(service, bad)).change("c-1", ExampleLabel.LOST_PHONE, reason="x"),
            "register": lambda service, bad: desk(wrong(service, bad)).register("c-9"),
            "restore": lambda service, bad: desk(wrong(service, bad)).restore("c-1"),
            "preview": lambda service, bad: desk(wrong(service, bad)).preview("c-1", ExampleLabel.LOST_PHONE),
            "options": lambda service, bad: desk(wrong(service, bad)).options("c-1"),
            "add_identifier": lambda service, bad: desk(wrong(service, bad)).add_identifier(
                "c-1", Identifier("email", "e")
            ),
            "record": lambda service, bad: wrong(service, bad).record(
                Activity("c-1", Action.LOGIN, "r-7", MovableClock()())
            ),
            "inactive": lambda service, bad: wrong(service, bad).inactive(timedelta(days=1)),
            "sweep_preview": lambda service, bad: wrong(service, bad).sweep(preview=True),
            "sweep": lambda service, bad: wrong(service, bad).sweep(),
        },
        [*BAD_MOMENTS, None],
    )


def test_services_of_what_is_no_configuration_or_key(services: Services) -> None:
    for make, values in (
        (lambda service, bad: StatusService(service.store, bad), [None, "acme", {}, example]),
        (lambda service, bad: StatusService(service.store, service.config, key=bad), ["x" * 16, b"short", 5, b""]),
        (lambda service, bad: service.inside(bad), [None, "x", object()]),
    ):
        refused_alike(services[:1] * 2, {"service": make}, values)


def test_times_at_both_ends_are_no_bad_input(services: Services) -> None:
    for number, service in enumerate(services):
        last = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
        first = datetime(1970, 1, 1, tzinfo=UTC)
        other = StatusService(service.store, example(f"ends-{number}"), clock=MovableClock(last))
        desk(other).register("c-1", at=first)
        desk(other).change("c-1", ExampleLabel.LOST_PHONE, reason="x")
        standing = other.standing("c-1", CUSTOMER_STATUS, at=first)
        assert standing is not None
        assert (standing.label, standing.since) == (ExampleLabel.REGULAR, first)
        assert other.account("c-1").standing("customer_status").since == last  # type: ignore[union-attr]
        assert other.sweep().rows == ()
        assert [entry.effective_at for entry in other.history("c-1")] == [first, first, last]
