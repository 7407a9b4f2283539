"""An example organisation for the tests: labels, configuration, a clock that is moved by hand, a service over either store."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from attrs import define, field
from hypothesis import HealthCheck, settings

from custstatus import (
    CAPILLARY_POLICY,
    CLIENT_STATE,
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    Activity,
    Actor,
    ActorKind,
    AnyAction,
    AnyChannel,
    Applied,
    Channel,
    CustomerStatus,
    Desk,
    Effect,
    IdleRule,
    Lifecycle,
    Membership,
    MemoryStore,
    OrgConfig,
    Plan,
    Refusal,
    RefusedError,
    Report,
    Requirement,
    RestrictionPolicy,
    SQLiteStore,
    Status,
    StatusLabel,
    StatusService,
    Transition,
    block,
    mark,
)
from custstatus.adapters import Accounts, Activities, Log, Store
from custstatus.adapters._made.awaited import Awaited
from custstatus.gate import loop
from custstatus.gate.request import Operation, Request

STORES = ("memory", "sqlite")
"""The kinds of store that `opened` makes."""

START = datetime(2024, 1, 1, 9, tzinfo=UTC)
"""What the clock of a world shows at first."""

some_examples = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
"""How many examples a property is tried on, however slow the machine; some are tried again with what is awaited."""

L = TypeVar("L", bound=StatusLabel)
T = TypeVar("T")


class Label(StatusLabel):
    """The labels of the example organisation; the first of a status is its default."""

    REGULAR = "Regular", CustomerStatus.ACTIVE
    TRENDING = "Trending", CustomerStatus.ACTIVE
    DORMANT = "Dormant", CustomerStatus.ACTIVE
    LOST_PHONE = "Lost phone", CustomerStatus.SUSPENDED
    ABROAD = "Abroad", CustomerStatus.SUSPENDED
    UNUSUAL = "Unusual", CustomerStatus.FRAUD_SUSPECTED
    WATCHED = "Watched", CustomerStatus.FRAUD_SUSPECTED
    PROVEN = "Proven", CustomerStatus.FRAUD_CONFIRMED
    TESTER = "Tester", CustomerStatus.INTERNAL
    LEAVING = "Leaving", CustomerStatus.PENDING_DELETION
    CLOSED = "Closed", CustomerStatus.DELETED


class ForeignLabel(StatusLabel):
    """The labels of another organisation."""

    REGULAR = "Regular", CustomerStatus.ACTIVE
    GONE = "Gone", CustomerStatus.DELETED


class ShopAction(AnyAction):
    """Actions of the host's own."""

    GIFT_WRAP = "gift_wrap"


class ShopChannel(AnyChannel):
    """Channels of the host's own."""

    KIOSK = "kiosk"


class Consent(Status):
    """A lifecycle of the host's own."""

    ASKED = "asked"
    GIVEN = "given"
    PAUSED = "paused"


CONSENT = Lifecycle(
    "consent",
    Consent,
    (
        Transition(None, Consent.ASKED, "ask"),
        Transition(
            Consent.ASKED, Consent.GIVEN, "give", frozenset({Requirement.OWN_REQUEST}), why="by the customer himself"
        ),
        Transition(Consent.GIVEN, Consent.PAUSED, "pause"),
        Transition(Consent.ASKED, Consent.PAUSED, "pause"),
        Transition(Consent.PAUSED, Consent.GIVEN, "resume_given", back=True),
        Transition(Consent.PAUSED, Consent.ASKED, "resume_asked", back=True),
    ),
    aside=(frozenset({Consent.PAUSED}),),
)

IDLE_AFTER = timedelta(days=180)
GONE_AFTER = timedelta(days=730)

POLICY = CAPILLARY_POLICY + RestrictionPolicy(
    block(
        Action.POINTS_REDEMPTION,
        Action.COUPON_REDEMPTION,
        when=Label.LOST_PHONE,
        reason="the phone may be in other hands",
        customer_message="Please tell us when your phone is found.",
    ),
    mark(Action.TRANSACTION, when=CustomerStatus.FRAUD_SUSPECTED, reason="a suspect's sale is an outlier"),
    block(Action.POINTS_REDEMPTION, when=[CustomerStatus.FRAUD_SUSPECTED, CustomerStatus.FRAUD_CONFIRMED]),
    block(Action.POINTS_ALLOCATION, Action.LOGIN, when=[Membership.ON_HOLD, Membership.UNENROLLED]),
    mark(Action.POINTS_REDEMPTION, when=Membership.ON_HOLD, reason="points stay untouched"),
)

ACME: OrgConfig[Label] = OrgConfig(
    "acme",
    Label,
    lifecycles=[CUSTOMER_STATUS, MEMBERSHIP, CLIENT_STATE],
    actions=[Action, ShopAction],
    restrictions=POLICY,
    idle=[IdleRule(IDLE_AFTER, Label.DORMANT), IdleRule(GONE_AFTER, CustomerStatus.DELETED)],
)

AGENT = Actor("agent-7", name="Ada Agent")
COLLEAGUE = Actor("agent-8")
CUSTOMER = Actor("app", ActorKind.CUSTOMER)
MACHINE = Actor("nightly", ActorKind.SYSTEM)


@define
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        """What it shows."""
        return self.now

    def forward(self, by: timedelta | None = None, /, **parts: float) -> datetime:
        """Move it on, by a period or by the parts of one."""
        self.now += timedelta(**parts) if by is None else by
        return self.now


@define
class World(Generic[L]):
    """A service over a store of its own, with its clock, and shorthands for what tests do with it."""

    config: OrgConfig[L]
    store: Store
    key: bytes | None = None
    clock: Clock = field(factory=Clock)
    service: StatusService[L] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.service = StatusService(self.store, self.config, key=self.key, clock=self.clock)

    @property
    def desk(self) -> Desk[L]:
        """A member of staff at the counter."""
        return self.service.acting(AGENT, Channel.MEMBER_CARE)

    def under(self, config: OrgConfig[Any]) -> World[Any]:
        """The same store and clock under another configuration."""
        return World(config, self.store, self.key, self.clock)

    def request(self, customer: str, *targets: Status | StatusLabel, **given: Any) -> Request:
        """A request as an operation of the library's own makes it."""
        options: dict[str, Any] = {"reason": "part of an operation", "system_operation": True, **given}
        return Request(Operation.CHANGE, customer, targets, MACHINE, Channel.REQUEST_WORKFLOW, **options)

    def make(self, request: Request) -> Applied | Refusal:
        """A request put through the one write path."""
        return finished(loop.make(Awaited(self.store), request, self.config, self.clock()))

    def operate(self, customer: str, target: Status | StatusLabel, **given: Any) -> Applied:
        """A change that only an operation of the library's own makes."""
        came = self.make(self.request(customer, target, **given))
        assert isinstance(came, Applied), came
        return came

    def restore(
        self, customer: str, lifecycle: Lifecycle[Any] = CUSTOMER_STATUS, *, preview: bool = False, **given: Any
    ) -> Applied | Plan | Refusal:
        """A restoration that an operation of the library's own makes."""
        request = self.request(customer, **given)
        store, now = Awaited(self.store), self.clock()
        return finished(loop.restore(store, request, lifecycle, self.config, now, preview=preview))

    def bought(
        self, customer: str, reference: str, at: datetime | None = None, effect: Effect = Effect.ALLOW
    ) -> Report:
        """Record a sale, by default one of this moment."""
        sale = Activity(customer, Action.TRANSACTION, reference, at or self.clock(), effect=effect)
        return self.service.record(sale)

    def label(self, customer: str) -> L | None:
        """The label under which a customer stands."""
        standing = self.service.standing(customer, CUSTOMER_STATUS)
        return None if standing is None else standing.label

    def status(self, customer: str) -> CustomerStatus | None:
        """The customer status in which a customer stands."""
        standing = self.service.standing(customer, CUSTOMER_STATUS)
        return None if standing is None else standing.status

    def everything(self) -> object:
        """All that the store holds of the organisation, to be compared before and after."""
        org = self.config.org
        accounts = self.store.page(Accounts(org=org, limit=10_000)).items
        names = [account.customer for account in accounts]
        return (
            accounts,
            self.store.page(Log(org=org, limit=10_000)).items,
            [self.store.identifiers(org, name) for name in names],
            [self.store.page(Activities(org=org, customer=name, limit=10_000)).items for name in names],
        )


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What comes of work over a store that blocks: it never waits, so it is done at the first step."""
    try:
        work.send(None)
    except StopIteration as done:
        return cast(T, done.value)
    finally:
        work.close()
    raise AssertionError("it waits, though its store blocks")


def outcome(attempt: Callable[[], object]) -> object:
    """What came of a change: what was applied, or the refusal that it raised or answered."""
    try:
        return attempt()
    except RefusedError as error:
        return error.refusal


def refusal(attempt: Callable[[], object]) -> Refusal:
    """The refusal that a change raises or answers."""
    came = outcome(attempt)
    assert isinstance(came, Refusal), came
    return came


def opened_store(kind: str, path: Path) -> Store:
    """A new store of a kind, in a directory if it needs one."""
    return MemoryStore() if kind == "memory" else SQLiteStore(path / "statuses.db")


@contextmanager
def opened(kind: str, path: Path, config: OrgConfig[L], *, key: bytes | None = None) -> Iterator[World[L]]:
    """A world over a new store of a kind, closed at the end."""
    store = opened_store(kind, path)
    try:
        yield World(config, store, key)
    finally:
        store.close()


def in_memory(config: OrgConfig[L], *, key: bytes | None = None) -> World[L]:
    """A world over a new store in memory."""
    return World(config, MemoryStore(), key)
