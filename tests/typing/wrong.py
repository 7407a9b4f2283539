"""
What a type checker catches, each mistake with the code it is caught by. It is checked, never run.

Under `warn_unused_ignores` a mistake that is no longer caught is an error.
"""

# ruff: noqa: B015, B018, FURB171
from __future__ import annotations

from datetime import UTC, datetime, timedelta

from attrs import frozen

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Account,
    Action,
    Activity,
    Actor,
    Channel,
    ClientState,
    Condition,
    CustomerStatus,
    Effect,
    Identifier,
    IdleRule,
    LegacyFraudStatus,
    Lifecycle,
    Membership,
    MemoryStore,
    OrgConfig,
    SQLiteStore,
    StatusLabel,
    StatusService,
    SweepLimits,
    Transition,
    Verdict,
    block,
    mark,
)
from custstatus.policies import Policy, Question
from custstatus.policies.analysis import (
    never_allow,
)


class Label(StatusLabel):
    REGULAR = "Regular", CustomerStatus.ACTIVE
    LOST_PHONE = "Lost phone", CustomerStatus.SUSPENDED


class Other(StatusLabel):
    REGULAR = "Regular", CustomerStatus.ACTIVE


@frozen
class Sale:
    amount: int


@frozen
class Visit:
    hour: int


def is_late(visit: Visit) -> bool:
    return visit.hour > 22


acme = StatusService(MemoryStore(), OrgConfig("acme", Label, lifecycles=[CUSTOMER_STATUS, MEMBERSHIP]))
desk = acme.acting(Actor("agent-7"), Channel.MEMBER_CARE)

# A misspelt name.
desk.change("c-42", Label.LOST_FONE)  # type: ignore[attr-defined]
desk.change("c-42", CustomerStatus.SUPSENDED)  # type: ignore[attr-defined]
acme.decide("c-42", Action.POINTS_REDEMTION)  # type: ignore[attr-defined]
acme.acting(Actor("agent-7"), Channel.MEMBERCARE)  # type: ignore[attr-defined]
acme.decide("c-42", Action.TRANSACTION).efect  # type: ignore[attr-defined]

# Another organisation's label.
desk.change("c-42", Other.REGULAR)  # type: ignore[arg-type]
desk.register("c-42", Other.REGULAR)  # type: ignore[arg-type]
desk.preview("c-42", Other.REGULAR)  # type: ignore[arg-type]
acme.customers(CUSTOMER_STATUS, label=Other.REGULAR)  # type: ignore[arg-type]
standing = acme.standing("c-42", CUSTOMER_STATUS)
assert standing is not None
standing.label == Other.REGULAR  # type: ignore[comparison-overlap]
standing.label is Other.REGULAR  # type: ignore[comparison-overlap]
standing.label in (Other.REGULAR,)  # type: ignore[comparison-overlap]
foreign: StatusService[Other] = acme  # type: ignore[assignment]
OrgConfig.from_json("", Label).default_label(CustomerStatus.ACTIVE) == Other.REGULAR  # type: ignore[comparison-overlap]

# A plain text for a member, an identifier, a time.
desk.change("c-42", "Lost phone")  # type: ignore[arg-type]
desk.register("c-42", "Regular")  # type: ignore[arg-type]
acme.decide("c-42", "points_redemption")  # type: ignore[arg-type]
acme.decide_all("c-42", ["points_redemption"])  # type: ignore[list-item]
block("points_redemption", when=Label.LOST_PHONE)  # type: ignore[arg-type]
block(Action.POINTS_REDEMPTION, when="Lost phone")  # type: ignore[arg-type]
mark(Action.TRANSACTION, when=["suspended"])  # type: ignore[list-item]
IdleRule(after=timedelta(days=180), to="Dormant")  # type: ignore[arg-type]
IdleRule(after=180, to=Label.REGULAR)  # type: ignore[arg-type]
OrgConfig("acme", "Label")  # type: ignore[arg-type]
OrgConfig("acme", Label, lifecycles=["customer_status"])  # type: ignore[list-item]
desk.register("c-42", identifiers="+447900000042")  # type: ignore[arg-type]
desk.register("c-42", identifiers=["+447900000042"])  # type: ignore[list-item]
desk.register("c-42", identifiers=Identifier("mobile", "+447900000042"))  # type: ignore[arg-type]
desk.add_identifier("c-42", "+447900000042")  # type: ignore[arg-type]
acme.find("+447900000042")  # type: ignore[arg-type]
acme.acting("agent-7")  # type: ignore[arg-type]
acme.acting(Actor("agent-7"), "member_care")  # type: ignore[arg-type]
acme.acting(Actor("agent-7", "system"))  # type: ignore[arg-type]
acme.acting(Actor("agent-7"), requested_by="customer")  # type: ignore[arg-type]
desk.change("c-42", Label.REGULAR, at="2026-01-01")  # type: ignore[arg-type]
Activity("c-42", "transaction", "receipt-1", datetime.now(UTC))  # type: ignore[arg-type]
Activity("c-42", Action.TRANSACTION, "receipt-1", datetime.now(UTC), effect="mark")  # type: ignore[arg-type]
acme.inactive(180)  # type: ignore[arg-type]
acme.standing("c-42", "customer_status")  # type: ignore[arg-type]
acme.standing("c-42", CustomerStatus)  # type: ignore[arg-type]
acme.customers(CustomerStatus.ACTIVE)  # type: ignore[arg-type]
SQLiteStore(42)  # type: ignore[arg-type]

# A member of another kind.
desk.change("c-42", CustomerStatus)  # type: ignore[arg-type]
acme.decide("c-42", Label.LOST_PHONE)  # type: ignore[arg-type]
acme.decide("c-42", Channel.API)  # type: ignore[arg-type]
acme.acting(Actor("agent-7"), Action.TRANSACTION)  # type: ignore[arg-type]
block(Label.LOST_PHONE, when=Action.TRANSACTION)  # type: ignore[arg-type]
acme.decide("c-42", Action.TRANSACTION) == Effect.BLOCK  # type: ignore[comparison-overlap]
acme.decide("c-42", Action.TRANSACTION).effect == "block"  # type: ignore[comparison-overlap]
acme.decide("c-42", Action.TRANSACTION).effect is Action.TRANSACTION  # type: ignore[comparison-overlap]

# A condition over another context, or that answers something else.
Condition("large", Sale, lambda sale: sale.amuont > 500)  # type: ignore[attr-defined]
Condition("large", Sale, lambda sale: "yes")  # type: ignore[arg-type, return-value]
Condition("large", Sale, is_late)  # type: ignore[arg-type]
Condition("large", Sale(20), lambda sale: True)  # type: ignore[arg-type]
block(Action.OFFERS, when=Label.LOST_PHONE, condition=is_late)  # type: ignore[arg-type]
block(Action.POINTS_TRANSFER, when=Label.LOST_PHONE, party="source")  # type: ignore[arg-type]


# A policy of another shape.
def asks_for_more(question: Question, more: int) -> Verdict:
    return Verdict(question.action, Effect.ALLOW)


def asks_an_account(account: Account) -> Verdict:
    return Verdict(Action.LOGIN, Effect.ALLOW)


def answers_an_effect(question: Question) -> Effect:
    return Effect.ALLOW


more: Policy = asks_for_more  # type: ignore[assignment]
account: Policy = asks_an_account  # type: ignore[assignment]
effect: Policy = answers_an_effect  # type: ignore[assignment]
OrgConfig("acme", Label, policies={"risk": answers_an_effect})  # type: ignore[dict-item]
OrgConfig("acme", Label, policies=[asks_an_account])  # type: ignore[arg-type]
OrgConfig("acme", Label, two_party=["points_transfer"])  # type: ignore[list-item]
Verdict(Action.LOGIN, "block")  # type: ignore[arg-type]
acme.decide_between("points_transfer", "c-42", "c-43")  # type: ignore[arg-type]
acme.decide_between(Action.POINTS_TRANSFER, "c-42")  # type: ignore[call-arg]
acme.decide_between(Action.POINTS_TRANSFER, "c-42", "c-43").code == Effect.BLOCK  # type: ignore[comparison-overlap]
never_allow("login", when=CustomerStatus.DELETED)  # type: ignore[arg-type]
never_allow(Action.LOGIN, when="deleted")  # type: ignore[arg-type]

# SweepLimits, tables, runs and positions of another kind.
SweepLimits(most="100")  # type: ignore[arg-type]
SweepLimits(share="5 %")  # type: ignore[arg-type]
SweepLimits(grace=30)  # type: ignore[arg-type]
acme.sweep(limits=100)  # type: ignore[arg-type]
acme.sweep(on_rows="done")  # type: ignore[arg-type]
acme.sweep(run="monthly").rows[0].outcome.entries  # type: ignore[union-attr]
desk.import_statuses(["c-42"])  # type: ignore[list-item]
desk.import_statuses([("c-42", Label.LOST_PHONE)])  # type: ignore[list-item]
desk.import_statuses([], CustomerStatus)  # type: ignore[arg-type]
desk.reverse(acme.sweep())  # type: ignore[arg-type]
acme.feed(after=5)  # type: ignore[arg-type]
acme.lag(acme.feed())  # type: ignore[arg-type]

# A status of another lifecycle.
acme.customers(CUSTOMER_STATUS, ClientState.NEW)  # type: ignore[misc]
acme.customers(CUSTOMER_STATUS, CustomerStatus.ACTIVE, Membership.ACTIVE)  # type: ignore[misc]
acme.history("c-42", lifecycle=CUSTOMER_STATUS, status=ClientState.DELETED)  # type: ignore[misc]
standing.status is ClientState.DELETED  # type: ignore[comparison-overlap]
standing.status == Membership.ACTIVE  # type: ignore[comparison-overlap]
CUSTOMER_STATUS.transition(CustomerStatus.ACTIVE, LegacyFraudStatus.MARKED)  # type: ignore[arg-type]
CUSTOMER_STATUS.adding(Transition(ClientState.NEW, ClientState.REGISTERED, "register"))  # type: ignore[arg-type]
wrong: Lifecycle[CustomerStatus] = CLIENT_STATE  # type: ignore[assignment]

# None, where there may be none; and an entry holds text, as it is stored.
acme.standing("c-42", CUSTOMER_STATUS).status  # type: ignore[union-attr]
acme.find(Identifier("mobile", "+447900000042")).upper()  # type: ignore[union-attr]
for entry in acme.history("c-42"):
    entry.to_label == Label.LOST_PHONE  # type: ignore[comparison-overlap]
    entry.to_status is CustomerStatus.SUSPENDED  # type: ignore[comparison-overlap]
