"""What a type checker makes of the main API. It is checked, never run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from sqlite3 import Connection
from typing import assert_type

from statemachine import Event, State, StateMachine
from statemachine.states import States

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    Account,
    Action,
    Activity,
    Actor,
    AnyAction,
    AnyChannel,
    Applied,
    Channel,
    ClientState,
    CustomerStatus,
    Decision,
    Desk,
    Effect,
    Entry,
    HeldIdentifier,
    Identifier,
    IdleRule,
    LegacyFraudStatus,
    Lifecycle,
    Listed,
    Membership,
    MemoryStore,
    NoLabels,
    Option,
    OrgConfig,
    Page,
    Plan,
    Refusal,
    Report,
    RestrictionPolicy,
    SQLiteStore,
    Standing,
    Status,
    StatusLabel,
    StatusService,
    Store,
    Sweep,
    Tally,
    Verdict,
    Verification,
    Wish,
    block,
    block_everything,
    mark,
)


class Label(StatusLabel):
    REGULAR = "Regular", CustomerStatus.ACTIVE
    DORMANT = "Dormant", CustomerStatus.ACTIVE
    LOST_PHONE = "Lost phone", CustomerStatus.SUSPENDED
    CLOSED = "Closed", CustomerStatus.DELETED


class ShopAction(AnyAction):
    PARKING = "parking"


class ShopChannel(AnyChannel):
    TILL = "till"


class Card(Status):
    ISSUED = "issued"
    BLOCKED = "blocked"


class CardChart(StateMachine):
    unset = State(initial=True)
    s = States.from_enum(Card, initial=None)
    issue = Event(unset.to(s.ISSUED))
    block = Event(s.ISSUED.to(s.BLOCKED))
    unblock = Event(s.BLOCKED.to(s.ISSUED))


CARD = Lifecycle.from_chart(Card, CardChart)

assert_type(CARD, Lifecycle[Card])
assert_type(CUSTOMER_STATUS, Lifecycle[CustomerStatus])
assert_type(LEGACY_FRAUD_STATUS, Lifecycle[LegacyFraudStatus])
assert_type(CLIENT_STATE, Lifecycle[ClientState])
assert_type(MEMBERSHIP, Lifecycle[Membership])
assert_type(CARD.without((Card.ISSUED, Card.BLOCKED)), Lifecycle[Card])

ACME = OrgConfig(
    "acme",
    Label,
    lifecycles=[CUSTOMER_STATUS, MEMBERSHIP, CARD],
    actions=[Action, ShopAction],
    restrictions=RestrictionPolicy(
        mark(Action.TRANSACTION, when=CustomerStatus.SUSPENDED),
        block(Action.POINTS_REDEMPTION, ShopAction.PARKING, when=[Label.LOST_PHONE, Card.BLOCKED]),
        block_everything(when=CustomerStatus.DELETED),
    ),
    idle=[IdleRule(after=timedelta(days=180), to=Label.DORMANT, of=[Label.REGULAR])],
    reason_optional=[Channel.IMPORT, ShopChannel.TILL],
)
assert_type(ACME, OrgConfig[Label])
assert_type(OrgConfig.from_json(ACME.to_json(), Label), OrgConfig[Label])
assert_type(ACME.label("Regular"), Label)
assert_type(ACME.default_label(CustomerStatus.ACTIVE), Label | None)
assert_type(ACME.labels_of(CustomerStatus.ACTIVE), tuple[Label, ...])

memory: Store = MemoryStore()
sqlite: Store = SQLiteStore("statuses.db")
acme = StatusService(memory, ACME, key=b"sixteen bytes or more", clock=lambda: datetime.now(UTC))
assert_type(acme, StatusService[Label])
assert_type(acme.config, OrgConfig[Label])

plain = StatusService(sqlite, OrgConfig("plain", NoLabels))
assert_type(plain, StatusService[NoLabels])


def in_the_hosts_transaction(connection: Connection) -> None:
    assert_type(acme.inside(connection), StatusService[Label])


# change
desk = acme.acting(Actor("agent-7"), Channel.MEMBER_CARE, wish=Wish.CUSTOMER)
assert_type(desk, Desk[Label])
assert_type(acme.acting(Actor("till-3"), ShopChannel.TILL), Desk[Label])
phone = Identifier("mobile", "+447900000042")
assert_type(desk.register("c-42", Label.REGULAR, Membership.ENROLLED, identifiers=[phone]), Applied)
assert_type(desk.change("c-42", Label.LOST_PHONE, reason="Lost mobile phone", key="req-17"), Applied)
assert_type(desk.change("c-42", CustomerStatus.ACTIVE, expected=3), Applied)
assert_type(desk.change("c-42", Card.BLOCKED), Applied)
assert_type(desk.restore("c-42"), Applied)
assert_type(desk.restore("c-42", MEMBERSHIP), Applied)
assert_type(desk.preview("c-42", Label.CLOSED), Plan | Applied | Refusal)
assert_type(desk.moves("c-42", MEMBERSHIP), tuple[Option, ...])
assert_type(desk.replace_identifier("c-42", phone, Identifier("mobile", "+447900000043")), Applied)
plain.acting(Actor("agent-7")).change("c-42", CustomerStatus.SUSPENDED)

# ask
decision = acme.decide("c-42", Action.POINTS_REDEMPTION)
assert_type(decision, Decision[Label])
assert_type(decision.effect, Effect)
assert_type(decision.effect is Effect.BLOCK, bool)
assert_type(decision.verdict, Verdict)
assert_type(acme.check("c-42", ShopAction.PARKING), Decision[Label])
several = acme.decide_all("c-42", [Action.TRANSACTION, ShopAction.PARKING])
assert_type(several, dict[AnyAction, Decision[Label]])

# look
standing = acme.standing("c-42", CUSTOMER_STATUS)
assert_type(standing, Standing[CustomerStatus, Label] | None)
if standing is not None:
    assert_type(standing.status, CustomerStatus | None)
    assert_type(standing.label, Label | None)
    assert_type(standing.label is Label.LOST_PHONE, bool)
    assert_type(standing.label == Label.LOST_PHONE, bool)
    assert_type(standing.status is CustomerStatus.ACTIVE, bool)
    assert_type(standing.since, datetime)
assert_type(acme.standing("c-42", MEMBERSHIP), Standing[Membership, Label] | None)
assert_type(acme.standing("c-42", CARD, at=datetime.now(UTC)), Standing[Card, Label] | None)
assert_type(plain.standing("c-42", CUSTOMER_STATUS), Standing[CustomerStatus, NoLabels] | None)
assert_type(acme.standings("c-42"), tuple[Standing[Status, Label], ...])
assert_type(acme.account("c-42"), Account)
assert_type(acme.history("c-42", lifecycle=CUSTOMER_STATUS, status=CustomerStatus.DELETED), Page[Entry])
assert_type(acme.find(phone), str | None)
assert_type(acme.identifiers("c-42"), tuple[HeldIdentifier, ...])
assert_type(acme.customers(CUSTOMER_STATUS, CustomerStatus.ACTIVE), Page[Listed[CustomerStatus, Label]])
assert_type(acme.customers(CUSTOMER_STATUS, label=Label.DORMANT), Page[Listed[CustomerStatus, Label]])
assert_type(acme.customers(CARD, Card.ISSUED, Card.BLOCKED), Page[Listed[Card, Label]])
assert_type(acme.deleted(), Page[Listed[CustomerStatus, Label]])
assert_type(acme.inactive(timedelta(days=180)), Page[Listed[CustomerStatus, Label]])
assert_type(acme.reportable(), Page[Listed[CustomerStatus, Label]])
assert_type(acme.counts(MEMBERSHIP), tuple[Tally[Membership, Label], ...])
assert_type(acme.activities("c-42"), Page[Activity])
assert_type(acme.by_reference("receipt-1"), tuple[Activity, ...])
assert_type(acme.timeline("c-42"), Page[Entry | Activity])
assert_type(acme.verify(), Verification)
for row in acme.customers(CUSTOMER_STATUS):
    assert_type(row, Listed[CustomerStatus, Label])

# propose
assert_type(acme.record(Activity("c-42", ShopAction.PARKING, "ticket-1", datetime.now(UTC))), Report)
assert_type(acme.preview_sweep(), Sweep)
assert_type(acme.sweep(run="monthly"), Sweep)
