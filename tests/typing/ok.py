"""What a type checker makes of the main API. It is checked, never run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection
from typing import Any, NamedTuple, assert_type

from attrs import frozen
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
    Condition,
    CustomerStatus,
    Decision,
    Desk,
    Effect,
    Entry,
    FeedPage,
    HeldIdentifier,
    Identifier,
    IdleRule,
    Lag,
    LegacyFraudStatus,
    Lifecycle,
    Listed,
    Membership,
    MemoryStore,
    NoLabels,
    Option,
    OrgConfig,
    Page,
    Party,
    Plan,
    Refusal,
    Report,
    RequestedBy,
    RestrictionPolicy,
    SQLiteStore,
    Standing,
    Status,
    StatusLabel,
    StatusService,
    Sweep,
    SweepLimits,
    Swept,
    Tally,
    TwoPartyDecision,
    Verdict,
    VerifyReport,
    block,
    block_everything,
    mark,
)
from custstatus.adapters import SetResult, Store
from custstatus.operations import Import, ImportedRow, Reversal, Reversed
from custstatus.policies import Loosening, Policy, Proof, Question
from custstatus.policies.analysis import (
    AsStrictAs,
    always_allow,
    never_allow,
)
from custstatus.tables import BadRow, StatusRow, to_cloudevent


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
desk = acme.acting(Actor("agent-7"), Channel.MEMBER_CARE, requested_by=RequestedBy.CUSTOMER)
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
assert_type(desk.options("c-42", MEMBERSHIP), tuple[Option, ...])
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


# ask with conditions, with policies of the host's own, and between two
@frozen
class Sale:
    amount: int


class Ticket(NamedTuple):
    amount: int


large = Condition("large", Sale, lambda sale: sale.amount > 500)
assert_type(large, Condition[Sale])
assert_type(Condition("large", Ticket, lambda ticket: ticket.amount > 500), Condition[Ticket])
block(Action.POINTS_TRANSFER, when=CustomerStatus.SUSPENDED, condition=large, party=Party.SOURCE)
block_everything(when=CustomerStatus.DELETED, condition=large)


def risk(question: Question) -> Verdict:
    assert_type(question.action, AnyAction)
    assert_type(question.account, Account)
    assert_type(question.party, Party | None)
    assert_type(question.context, object)
    return Verdict(question.action, Effect.MARK, "risk", "by risk")


class Risk:
    def __call__(self, question: Question) -> Verdict:
        return Verdict(question.action, Effect.ALLOW)


own: list[Policy] = [risk, Risk(), ACME.policy, lambda question: Verdict(question.action, Effect.ALLOW)]
invariants = [
    never_allow(Action.LOGIN, when=CustomerStatus.DELETED, guarded=True),
    always_allow(when=[Label.REGULAR, CustomerStatus.ACTIVE]),
    AsStrictAs(Label.CLOSED, CustomerStatus.SUSPENDED),
]
guarded = OrgConfig(
    "guarded",
    Label,
    two_party=[Action.POINTS_TRANSFER],
    policies={"risk": risk, "object": Risk(), "acme": ACME.policy},
    invariants=invariants,
    loosenings=[Loosening([Action.LOGIN], CustomerStatus.DELETED, "ada", "why")],
)
assert_type(guarded, OrgConfig[Label])
assert_type(OrgConfig.from_json("", Label, conditions=[large], policies={"risk": risk}), OrgConfig[Label])
assert_type(acme.decide("c-42", Action.LOGIN, context=Sale(20)), Decision[Label])
between = acme.decide_between(Action.POINTS_TRANSFER, "c-42", "c-43", context=Sale(20))
assert_type(between, TwoPartyDecision[Label])
assert_type(between.source, Decision[Label])
assert_type(between.denials, tuple[Decision[Label], ...])
assert_type(acme.check_between(Action.POINTS_TRANSFER, "c-42", "c-43"), TwoPartyDecision[Label])
assert_type(never_allow(when=Label.CLOSED).proof(ACME.policy), Proof)

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
assert_type(acme.customers(CUSTOMER_STATUS, CustomerStatus.DELETED), Page[Listed[CustomerStatus, Label]])
assert_type(acme.inactive(timedelta(days=180)), Page[Listed[CustomerStatus, Label]])
assert_type(acme.reportable(), Page[Listed[CustomerStatus | LegacyFraudStatus, Label]])
assert_type(acme.counts(MEMBERSHIP), tuple[Tally[Membership, Label], ...])
assert_type(acme.activities("c-42"), Page[Activity])
assert_type(acme.by_reference("receipt-1"), tuple[Activity, ...])
assert_type(acme.timeline("c-42"), Page[Entry | Activity])
assert_type(acme.verify(), VerifyReport)
for row in acme.customers(CUSTOMER_STATUS):
    assert_type(row, Listed[CustomerStatus, Label])

# propose
assert_type(acme.record(Activity("c-42", ShopAction.PARKING, "ticket-1", datetime.now(UTC))), Report)
assert_type(acme.sweep(preview=True), Sweep)
assert_type(acme.sweep(run="monthly"), Sweep)


def hear(swept: Sequence[Swept]) -> None:
    for row in swept:
        assert_type(row.outcome, Plan | SetResult | Refusal)
        assert_type(row.rule, IdleRule | None)


limits = SweepLimits(most=100, share=0.05, grace=timedelta(days=30), exempt=["c-42"])
assert_type(acme.sweep(limits=limits, on_rows=hear), Sweep)
assert_type(acme.sweep(limits=limits, preview=True).moved, tuple[Swept, ...])

# many at once
rows: list[StatusRow | BadRow] = [
    StatusRow(2, "c-42", (("mobile", "+447900000042"),), "Lost phone", None, None),
    BadRow(3, "no customer"),
]
imported = desk.import_statuses(rows, approval="board-7", run="import-1", most=100)
assert_type(imported, Import)
assert_type(imported.refused, tuple[ImportedRow, ...])
assert_type(imported.refused[0].outcome, SetResult | Plan | Refusal | BadRow)
assert_type(desk.import_statuses((row for row in rows), MEMBERSHIP, preview=True), Import)


def hear_reversed(several: Sequence[Reversed]) -> None:
    assert_type(several[0].outcome, SetResult | Plan | Refusal)


reversal = desk.reverse("import-1", on_rows=hear_reversed)
assert_type(reversal, Reversal)
assert_type(reversal.refused[0].outcome, SetResult | Plan | Refusal)

# the feed
feed = acme.feed(after=acme.position("mirror"), limit=10)
assert_type(feed, FeedPage)
assert_type(feed.position, str)
for each in feed:
    assert_type(each, Entry)
    assert_type(to_cloudevent(each), dict[str, Any])
assert_type(acme.lag(feed.position), Lag)
