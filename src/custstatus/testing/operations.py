"""
What hosts do with a service, as values: each is done to a service, and can be done alike to another one.

Times are given as so long ago and versions as so many beside the right one, so that an operation makes sense wherever in a
random run it falls.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from attrs import frozen

from custstatus import (
    CUSTOMER_STATUS,
    Action,
    Activity,
    Actor,
    AnyAction,
    AnyChannel,
    Channel,
    CustomerStatus,
    Desk,
    Effect,
    Entry,
    Identifier,
    Lifecycle,
    RequestedBy,
    Status,
    StatusLabel,
    StatusService,
    SweepLimits,
    UnknownCustomerError,
)
from custstatus.testing.clock import MovableClock
from custstatus.testing.snapshots import in_order

__all__ = [
    "AddIdentifier",
    "Ask",
    "Change",
    "Find",
    "Host",
    "Look",
    "Manner",
    "Operation",
    "Preview",
    "Register",
    "RemoveIdentifier",
    "ReplaceIdentifier",
    "Report",
    "Restore",
    "Sweep",
    "Wait",
    "Wander",
]


@frozen
class Host:
    """A service and the clock that it goes by."""

    service: StatusService[Any]
    clock: MovableClock

    def at(self, ago: timedelta | None) -> datetime | None:
        """The time so long ago; None for none."""
        return None if ago is None else self.clock() - ago

    def lifecycle(self, name: str) -> Lifecycle[Any]:
        """The lifecycle of a name, which must be on."""
        found = self.service.config.lifecycle(name)
        assert found is not None, f"lifecycle {name!r} is off"
        return found

    def version(self, customer: str, beside: int | None) -> int | None:
        """The version so many beside an account's; None for none, and 1 where there is no such account."""
        if beside is None:
            return None
        try:
            return self.service.account(customer).version + beside
        except UnknownCustomerError:
            return 1


class Operation(Protocol):
    """Something that a host does."""

    def perform(self, host: Host) -> object:
        """Do it, and answer what the service does."""
        ...


_ADA = Actor("agent-7", name="Ada")


@frozen
class Manner:
    """Who makes a change, by which way, and what he says with it."""

    actor: Actor = _ADA
    channel: AnyChannel = Channel.MEMBER_CARE
    requested_by: RequestedBy | None = None
    reason: str | None = "as asked"
    reason_code: str | None = None
    key: str | None = None

    def desk(self, service: StatusService[Any]) -> Desk[Any]:
        """Where he makes it."""
        return service.acting(self.actor, self.channel, requested_by=self.requested_by)

    @property
    def said(self) -> dict[str, Any]:
        """Reason, code and key."""
        return {"reason": self.reason, "reason_code": self.reason_code, "key": self.key}


@frozen
class Wait:
    """Nothing, for a while; or, by a negative one, the clock is set back."""

    period: timedelta

    def perform(self, host: Host) -> object:
        return host.clock.advance(self.period)


@frozen
class Register:
    customer: str
    targets: tuple[Status | StatusLabel, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    manner: Manner = Manner()
    ago: timedelta | None = None

    def perform(self, host: Host) -> object:
        return self.manner.desk(host.service).register(
            self.customer, *self.targets, identifiers=self.identifiers, at=host.at(self.ago), **self.manner.said
        )


@frozen
class Change:
    customer: str
    target: Status | StatusLabel
    manner: Manner = Manner()
    ago: timedelta | None = None
    beside: int | None = None
    """The version that is expected: so many beside that of the account; None for any."""

    def perform(self, host: Host) -> object:
        return self.manner.desk(host.service).change(
            self.customer,
            self.target,
            at=host.at(self.ago),
            expected=host.version(self.customer, self.beside),
            **self.manner.said,
        )


@frozen
class Preview:
    customer: str
    target: Status | StatusLabel
    manner: Manner = Manner()

    def perform(self, host: Host) -> object:
        return self.manner.desk(host.service).preview(self.customer, self.target, **self.manner.said)


@frozen
class Wander:
    """To one of the places that are open from where the customer is: so that a random run gets anywhere."""

    customer: str
    turn: int
    """Which one: counted round and round, first the statuses, then the labels of each."""
    lifecycle: str = CUSTOMER_STATUS.name
    """Its name."""
    manner: Manner = Manner()
    ago: timedelta | None = None
    beside: int | None = None

    def perform(self, host: Host) -> object:
        desk = self.manner.desk(host.service)
        options = desk.options(
            self.customer,
            host.lifecycle(self.lifecycle),
            reason=self.manner.reason,
            reason_code=self.manner.reason_code,
        )
        targets: dict[Status, list[Status | StatusLabel]] = {}
        for option in options:
            if option.refusal is None:
                target = option.target
                targets.setdefault(target.status if isinstance(target, StatusLabel) else target, []).append(target)
        if not targets:
            return options
        turn, turned = self.turn % len(targets), self.turn // len(targets)
        labels = list(targets.values())[turn]
        target = labels[turned % len(labels)]
        at, expected = host.at(self.ago), host.version(self.customer, self.beside)
        return desk.change(self.customer, target, at=at, expected=expected, **self.manner.said)


@frozen
class Restore:
    customer: str
    lifecycle: str = CUSTOMER_STATUS.name
    """Its name."""
    manner: Manner = Manner()
    beside: int | None = None

    def perform(self, host: Host) -> object:
        expected = host.version(self.customer, self.beside)
        return self.manner.desk(host.service).restore(
            self.customer, host.lifecycle(self.lifecycle), expected=expected, **self.manner.said
        )


@frozen
class AddIdentifier:
    customer: str
    identifier: Identifier
    manner: Manner = Manner()

    def perform(self, host: Host) -> object:
        return self.manner.desk(host.service).add_identifier(self.customer, self.identifier, **self.manner.said)


@frozen
class ReplaceIdentifier:
    customer: str
    old: Identifier
    new: Identifier
    manner: Manner = Manner()

    def perform(self, host: Host) -> object:
        return self.manner.desk(host.service).replace_identifier(self.customer, self.old, self.new, **self.manner.said)


@frozen
class RemoveIdentifier:
    customer: str
    identifier: Identifier
    manner: Manner = Manner()

    def perform(self, host: Host) -> object:
        return self.manner.desk(host.service).remove_identifier(self.customer, self.identifier, **self.manner.said)


@frozen
class Find:
    """Who holds an identifier."""

    identifier: Identifier

    def perform(self, host: Host) -> object:
        return host.service.find(self.identifier)


@frozen
class Report:
    """Activities of customers, each some time ago: bought, attempted, reported twice, late."""

    activities: tuple[tuple[str, AnyAction, str, timedelta, Decimal | None, Effect], ...]
    """Customer, kind, reference, how long ago, amount, effect."""

    @classmethod
    def bought(cls, customer: str, reference: str, ago: timedelta = timedelta(0)) -> Report:
        """One purchase."""
        return cls(((customer, Action.TRANSACTION, reference, ago, Decimal("9.90"), Effect.ALLOW),))

    def perform(self, host: Host) -> object:
        return host.service.record(
            *(
                Activity(customer, kind, reference, host.clock() - ago, amount, effect)
                for customer, kind, reference, ago, amount, effect in self.activities
            )
        )


_NO_LIMITS = SweepLimits()


@frozen
class Sweep:
    """The idle rules, as a preview or for good."""

    preview: bool = False
    run: str | None = None
    limits: SweepLimits = _NO_LIMITS
    after: timedelta = timedelta(0)
    """How long after what came before."""

    def perform(self, host: Host) -> object:
        host.clock.advance(self.after)
        service = host.service
        return (
            service.sweep(limits=self.limits, preview=True)
            if self.preview
            else service.sweep(run=self.run, limits=self.limits)
        )


@frozen
class Ask:
    customer: str
    action: AnyAction

    def perform(self, host: Host) -> object:
        return host.service.decide(self.customer, self.action), host.service.check(self.customer, self.action)


@frozen
class Look:
    """Everything there is to look at, in pages of a given length."""

    customer: str
    ago: timedelta = timedelta(0)
    limit: int = 2

    def perform(self, host: Host) -> object:
        service, limit = host.service, self.limit
        then = host.clock() - self.ago
        return (
            service.account(self.customer),
            service.standings(self.customer),
            service.standings(self.customer, at=max(then, service.account(self.customer).registered_at)),
            service.identifiers(self.customer),
            service.history(self.customer, limit=limit),
            service.history(self.customer, newest_first=True, since=then, limit=limit),
            self._organisation_s(service, then),
            service.activities(self.customer, limit=limit),
            service.timeline(self.customer, limit=limit),
            service.counts(CUSTOMER_STATUS),
            service.customers(CUSTOMER_STATUS, limit=limit),
            service.customers(CUSTOMER_STATUS, CustomerStatus.DELETED, limit=limit),
            service.reportable(limit=limit),
            service.inactive(self.ago or timedelta(days=180), limit=limit),
            Manner().desk(host.service).options(self.customer),
        )

    def _organisation_s(self, service: StatusService[Any], until: datetime) -> list[Entry]:
        """The whole history of the organisation, page by page."""
        page = service.history(until=until, limit=10 * self.limit)
        entries = list(page)
        while page.next is not None:
            page = service.history(until=until, limit=10 * self.limit, after=page.next)
            entries += page
        return in_order(entries)
