"""Policies at random, small enough that rules meet: several lifecycles, parties, conditions, and pairs that differ in little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple, cast

from attrs import evolve, frozen
from hypothesis import strategies as st
from naive_policy import Stand
from organisation import AGENT, CONSENT, START, Consent

from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    Account,
    AnyAction,
    ClientState,
    Condition,
    CustomerStatus,
    Effect,
    LegacyFraudStatus,
    Lifecycle,
    Membership,
    NoLabels,
    OrgConfig,
    Party,
    Restriction,
    RestrictionPolicy,
    Standing,
    Status,
    StatusLabel,
    Waiver,
)

__all__ = [
    "CONDITIONS",
    "RENEWED",
    "TWO_SIDED",
    "Case",
    "Deed",
    "Ground",
    "Holding",
    "Organisation",
    "Pair",
    "Shade",
    "account_at",
    "cases",
    "grounds",
    "holdings_of",
    "organisations",
    "pairs",
    "rules_for",
    "stands_in",
]


class Deed(AnyAction):
    """What a customer of the random organisations can do."""

    BUY = "buy"
    REDEEM = "redeem"
    WRAP = "wrap"
    GIVE = "give"
    MERGE = "merge"


TWO_SIDED: frozenset[AnyAction] = frozenset({Deed.GIVE, Deed.MERGE})


class Shade(StatusLabel):
    """The labels of the random organisations; some statuses have none."""

    REGULAR = "Regular", CustomerStatus.ACTIVE
    GOLD = "Gold", CustomerStatus.ACTIVE
    LOST_PHONE = "Lost phone", CustomerStatus.SUSPENDED
    ABROAD = "Abroad", CustomerStatus.SUSPENDED
    CLOSED = "Closed", CustomerStatus.DELETED


@frozen
class Holding:
    """A context that says outright which condition holds."""

    large: bool = True
    night: bool = True
    foreign: bool = True
    large_renewed: bool = True
    night_renewed: bool = True
    foreign_renewed: bool = True


def _large(holding: Holding) -> bool:
    return holding.large


def _night(holding: Holding) -> bool:
    return holding.night


def _foreign(holding: Holding) -> bool:
    return holding.foreign


def _large_renewed(holding: Holding) -> bool:
    return holding.large_renewed


def _night_renewed(holding: Holding) -> bool:
    return holding.night_renewed


def _foreign_renewed(holding: Holding) -> bool:
    return holding.foreign_renewed


CONDITIONS: tuple[Condition[Holding], ...] = (
    Condition("large", Holding, _large),
    Condition("night", Holding, _night),
    Condition("foreign", Holding, _foreign),
)
RENEWED: dict[str, Condition[Holding]] = {
    "large": Condition("large", Holding, _large_renewed),
    "night": Condition("night", Holding, _night_renewed),
    "foreign": Condition("foreign", Holding, _foreign_renewed),
}
"""Other code under the same names."""


def holdings_of(*rules: Restriction) -> Iterator[Holding]:
    """Every assignment of the conditions of some rules; those that they do not use hold."""
    fields = []
    for name, renewed in RENEWED.items():
        used = [rule.condition for rule in rules if rule.condition is not None and rule.condition.name == name]
        fields += [name] if any(condition != renewed for condition in used) else []
        fields += [f"{name}_renewed"] if any(condition == renewed for condition in used) else []
    for held in product([True, False], repeat=len(fields)):
        yield Holding(**dict(zip(fields, held, strict=True)))


class Organisation(NamedTuple):
    """What a policy is for."""

    lifecycles: tuple[Lifecycle[Any], ...]
    labels: type[StatusLabel]

    @property
    def on(self) -> frozenset[str]:
        """The names of the lifecycles."""
        return frozenset(lifecycle.name for lifecycle in self.lifecycles)

    def config(self, rules: Sequence[Restriction], **given: Any) -> OrgConfig[Any]:
        """A configuration of these rules, with every rule about configurations waived."""
        return OrgConfig(
            "acme",
            self.labels,
            lifecycles=self.lifecycles,
            actions=[Deed],
            restrictions=RestrictionPolicy(*rules),
            two_party=TWO_SIDED,
            counts_as_activity=[Deed.BUY],
            waives=list(Waiver),
            **given,
        )


_ALL: tuple[Lifecycle[Any], ...] = (CUSTOMER_STATUS, MEMBERSHIP, CLIENT_STATE, LEGACY_FRAUD_STATUS, CONSENT)
_POOLS: dict[str, tuple[Status, ...]] = {
    "customer_status": (CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED, CustomerStatus.DELETED),
    "membership": (Membership.ON_HOLD, Membership.MERGED),
    "client_state": (ClientState.ANONYMOUS, ClientState.DELETED),
    "legacy_fraud_status": (LegacyFraudStatus.MARKED, LegacyFraudStatus.INTERNAL),
    "consent": (Consent.GIVEN, Consent.PAUSED),
}
"""The statuses that random rules are about: few, so that rules meet."""

organisations = st.sampled_from(
    [
        Organisation((CUSTOMER_STATUS, MEMBERSHIP, LEGACY_FRAUD_STATUS), Shade),
        Organisation((CLIENT_STATE, CUSTOMER_STATUS, CONSENT), Shade),
        Organisation((MEMBERSHIP, CUSTOMER_STATUS), Shade),
        Organisation((CUSTOMER_STATUS, LEGACY_FRAUD_STATUS), NoLabels),
        Organisation((LEGACY_FRAUD_STATUS, MEMBERSHIP, CONSENT), NoLabels),
    ]
)
_conditions = st.sampled_from([None, None, *CONDITIONS])


class Ground(NamedTuple):
    """What the rules of one policy are about: so little that they meet."""

    places: tuple[Status | StatusLabel, ...]
    actions: tuple[AnyAction, ...]


@st.composite
def grounds(draw: st.DrawFn, organisation: Organisation) -> Ground:
    """Some places, one of them on a lifecycle that may be off, and one or two actions."""
    one_lifecycle, another = draw(st.permutations(organisation.lifecycles))[:2]
    labels: list[Status | StatusLabel] = list(organisation.labels)
    places = [
        draw(st.sampled_from([*_POOLS[one_lifecycle.name], *labels])),
        draw(st.sampled_from([*labels, *_POOLS[one_lifecycle.name]])),
        draw(st.sampled_from(_POOLS[another.name])),
    ]
    other: Status = draw(st.sampled_from([status for pool in _POOLS.values() for status in pool]))
    one = draw(st.sampled_from([Deed.GIVE, Deed.MERGE]))
    actions = draw(st.sampled_from([(one,), (one, Deed.BUY), (Deed.BUY,)]))
    return Ground(tuple(dict.fromkeys([*places, other])), actions)


@st.composite
def _places(draw: st.DrawFn, ground: Ground) -> frozenset[Status | StatusLabel]:
    """One to three places; never a status beside a label of its own."""
    found = draw(st.frozensets(st.sampled_from(ground.places), min_size=1, max_size=3))
    return frozenset(place for place in found if not (isinstance(place, StatusLabel) and place.status in found))


@st.composite
def _rules(draw: st.DrawFn, ground: Ground) -> Restriction:
    sided = [action for action in ground.actions if action in TWO_SIDED]
    party = draw(st.sampled_from([None, None, *Party])) if sided else None
    actions = draw(st.frozensets(st.sampled_from(ground.actions if party is None else sided), min_size=1))
    everything = party is None and draw(st.integers(0, 7)) == 0
    return Restriction(
        draw(st.sampled_from([Effect.MARK, Effect.BLOCK])),
        None if everything else actions,
        draw(_places(ground)),
        draw(st.sampled_from(["", "ours", "theirs"])),
        draw(st.sampled_from([None, None, "Sorry."])),
        draw(st.sampled_from([None, None, "x1", "x2"])),
        party,
        draw(_conditions),
    )


def rules_for(ground: Ground, least: int = 1, most: int = 5) -> st.SearchStrategy[list[Restriction]]:
    """Rules about one ground."""
    return st.lists(_rules(ground), min_size=least, max_size=most)


@st.composite
def stands_in(draw: st.DrawFn, organisation: Organisation, ground: Ground) -> list[Stand]:
    """Where an account stands: on any lifecycles, those that are off among them; unset too, and without a label."""
    stands = []
    restricted = {place.status if isinstance(place, StatusLabel) else place for place in ground.places}
    for lifecycle in _ALL:
        met = [status for status in _POOLS[lifecycle.name] if status in restricted]
        status = draw(st.sampled_from([*met, *met, None] if met else [None, *_POOLS[lifecycle.name]]))
        labels: list[StatusLabel | None] = [label for label in organisation.labels if label.status is status]
        labels += [label for label in labels if label in ground.places] * 3
        on = lifecycle is CUSTOMER_STATUS and CUSTOMER_STATUS in organisation.lifecycles
        stands.append(Stand(lifecycle.name, status, draw(st.sampled_from([*labels, None])) if on and labels else None))
    return sorted(stands, key=lambda stand: stand.lifecycle)


def account_at(stands: Sequence[Stand]) -> Account:
    """An account that stands there, as a store holds it."""
    rows = tuple(
        Standing(
            stand.lifecycle,
            None if stand.status is None else cast("str", stand.status.value),
            None if stand.label is None else stand.label.text,
            START,
            START,
            AGENT,
            1,
        )
        for stand in stands
    )
    return Account("acme", "c", 1, START, None, rows)


class Case(NamedTuple):
    """A policy, more rules, the first ones in another order, an account, and what holds."""

    organisation: Organisation
    rules: list[Restriction]
    more: list[Restriction]
    shuffled: list[Restriction]
    stands: list[Stand]
    holding: Holding


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Cases for the laws of one policy."""
    organisation = draw(organisations)
    ground = draw(grounds(organisation))
    rules = draw(rules_for(ground))
    holding = Holding(draw(st.booleans()), draw(st.booleans()), draw(st.booleans()))
    return Case(
        organisation,
        rules,
        draw(rules_for(ground, 0, 2)),
        draw(st.permutations(rules)),
        draw(stands_in(organisation, ground)),
        holding,
    )


class Pair(NamedTuple):
    """Two policies of one organisation."""

    organisation: Organisation
    old: list[Restriction]
    new: list[Restriction]


def _changed(draw: st.DrawFn, rule: Restriction, ground: Ground) -> list[Restriction]:
    """One rule, changed in one thing, or gone."""
    what = draw(
        st.sampled_from(["gone", "effect", "reason", "code", "message", "condition", "renewed", "when", "party"])
    )
    if what == "gone":
        return []
    if what == "effect":
        return [evolve(rule, effect=Effect.MARK if rule.effect is Effect.BLOCK else Effect.BLOCK)]
    if what == "reason":
        return [evolve(rule, reason="otherwise")]
    if what == "code":
        return [evolve(rule, code="x3")]
    if what == "message":
        return [evolve(rule, customer_message="Please call us.")]
    if what == "condition":
        return [evolve(rule, condition=draw(_conditions))]
    if what == "renewed" and rule.condition is not None:
        return [evolve(rule, condition=RENEWED[rule.condition.name])]
    if what == "when":
        return [evolve(rule, when=draw(_places(ground)))]
    if what == "party" and rule.actions is not None and rule.actions <= TWO_SIDED:
        return [evolve(rule, party=draw(st.sampled_from([None, *Party])))]
    return [rule]


def _consistent(rules: list[Restriction]) -> list[Restriction]:
    """The rules, with one condition a name: the renewed one where a rule has it."""
    renewed = {
        rule.condition.name for rule in rules if rule.condition in RENEWED.values() and rule.condition is not None
    }
    return [
        evolve(rule, condition=RENEWED[rule.condition.name])
        if rule.condition is not None and rule.condition.name in renewed
        else rule
        for rule in rules
    ]


@st.composite
def pairs(draw: st.DrawFn, among: st.SearchStrategy[Organisation] = organisations) -> Pair:
    """Pairs that differ in one rule mostly, in everything sometimes, and in nothing but the order sometimes."""
    organisation = draw(among)
    ground = draw(grounds(organisation))
    old = draw(rules_for(ground))
    how = draw(st.sampled_from(["one", "one", "one", "one", "renewed", "other", "same"]))
    if how == "other":
        return Pair(organisation, old, _consistent(draw(rules_for(ground))))
    if how == "renewed":
        new = [evolve(rule, condition=rule.condition and RENEWED[rule.condition.name]) for rule in old]
        return Pair(organisation, old, new)
    if how == "same" or not old:
        return Pair(organisation, old, list(draw(st.permutations(old))))
    number = draw(st.integers(0, len(old) - 1))
    new = [*old[:number], *_changed(draw, old[number], ground), *old[number + 1 :]]
    return Pair(organisation, old, _consistent(new))
