"""Policies: one verdict against general engines, compiling, proving."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle, islice, product
from typing import Any

import casbin
import cedarpy
from casbin.model import FastModel

from benchmarks.measure import Figure, Given, interleaved
from benchmarks.organisation import ACME, Label
from custstatus import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Account,
    Action,
    Actor,
    AnyAction,
    ClientState,
    CustomerStatus,
    Effect,
    Entry,
    EntryKind,
    Lifecycle,
    Membership,
    OrgConfig,
    RequestedBy,
    RestrictionPolicy,
    Status,
    StatusLabel,
    block,
    mark,
)
from custstatus.adapters import fold
from custstatus.policies import CompiledPolicy
from custstatus.policies.presets import OURS_FIXED, OURS_GUARDED, OURS_POLICY, TIBCO_MEMBERSHIP_POLICY

__all__ = ["figures"]

Place = tuple[Status, StatusLabel | None]


def figures(given: Given) -> Iterator[Figure]:
    """Each figure as it is measured."""
    yield Figure("verdict over 3 lifecycles / dict look-up", _three(), 4, at_least=False)
    yield Figure("casbin / verdict", _engine(_casbin()), 100, at_least=True)
    yield Figure("cedar / verdict", _engine(_cedar()), 100, at_least=True)
    compiling, proving = _large()
    yield Figure("compile 200 rules / naive pass of rules", compiling, 1, at_least=False)
    yield Figure("prove shipped invariants / naive pass of cells", proving, 3, at_least=False)


def _account(*places: tuple[Lifecycle[Any], str, str | None]) -> Account:
    """An account that stands at these places, as its history gives it."""
    now = datetime.now(UTC)

    def entry(version: int, kind: EntryKind, lifecycle: str | None, status: str | None, label: str | None) -> Entry:
        return Entry(
            "acme",
            "c",
            version,
            kind,
            lifecycle,
            None,
            None,
            status,
            label,
            now,
            now,
            Actor("a"),
            RequestedBy.STAFF,
            "api",
            "-",
        )

    moved = [entry(number, EntryKind.MOVED, each.name, *at) for number, (each, *at) in enumerate(places, 2)]
    account = fold([entry(1, EntryKind.REGISTERED, None, None, None), *moved])
    assert account is not None
    return account


def _three() -> float:
    config = OrgConfig(
        "acme",
        Label,
        lifecycles=(CUSTOMER_STATUS, MEMBERSHIP, CLIENT_STATE),
        restrictions=ACME.restrictions + TIBCO_MEMBERSHIP_POLICY + OURS_POLICY,
    )
    accounts = [
        _account(
            (CUSTOMER_STATUS, label.status.value, label.text),
            (MEMBERSHIP, member.value, None),
            (CLIENT_STATE, ClientState.REGISTERED.value, None),
        )
        for label, member in product(Label, Membership)
    ]
    asked = [(account, action) for account in accounts for action in Action]
    cells = dict(config.policy.cells)
    keys = list(islice(cycle((label.status, label, action) for label in Label for action in Action), len(asked)))
    verdict_of = config.policy.verdict_of

    def ours() -> None:
        for account, action in asked:
            verdict_of(account, action)

    def peer() -> None:
        for status, label, action in keys:
            cells[status, label, action]

    return interleaved(ours, peer, rounds=15, times=100)


ASKED: list[tuple[Label, Action]] = list(product(Label, Action))


def _blocked() -> list[tuple[Label, Action]]:
    policy = ACME.policy
    return [each for each in ASKED if policy.verdict(each[0].status, *each).effect is Effect.BLOCK]


def _engine(allows: Callable[[Label, Action], bool]) -> float:
    """How many times as long an engine takes for the same answers."""
    blocked = set(_blocked())
    assert [allows(*each) for each in ASKED] == [each not in blocked for each in ASKED], "the answers differ"
    verdict = ACME.policy.verdict

    def ours() -> None:
        for label, action in ASKED:
            verdict(label.status, label, action)

    def theirs() -> None:
        for label, action in ASKED:
            allows(label, action)

    return 1 / interleaved(ours, theirs, rounds=7)


def _casbin() -> Callable[[Label, Action], bool]:
    """Its fast enforcer, every blocked cell a line, indexed by both columns."""
    model = FastModel((0, 1))
    model.load_model_from_text(
        "[request_definition]\nr = sub, act\n[policy_definition]\np = sub, act, eft\n"
        "[policy_effect]\ne = !some(where (p.eft == deny))\n[matchers]\nm = r.sub == p.sub && r.act == p.act\n"
    )
    enforcer = casbin.FastEnforcer(model, cache_key_order=(0, 1))
    for label, action in _blocked():
        enforcer.add_policy(label.text, action.value, "deny")
    enforce = enforcer.enforce
    return lambda label, action: bool(enforce(label.text, action.value))


def _cedar() -> Callable[[Label, Action], bool]:
    """Its parsed handles: a forbidding policy for each rule, a label being in its status."""
    rules = ["permit(principal, action, resource);"]
    for rule in ACME.restrictions:
        if rule.effect is Effect.BLOCK:
            for place in rule.when:
                name = json.dumps(place.text if isinstance(place, StatusLabel) else place.value)
                actions = ", ".join(f'Action::"{action.value}"' for action in rule.actions or ())
                which = f"action in [{actions}]" if rule.actions is not None else "action"
                rules.append(f"forbid(principal in Place::{name}, {which}, resource);")
    entities = [
        {"uid": {"type": "Place", "id": status.value}, "attrs": {}, "parents": []} for status in CustomerStatus
    ] + [
        {
            "uid": {"type": "Place", "id": label.text},
            "attrs": {},
            "parents": [{"type": "Place", "id": label.status.value}],
        }
        for label in Label
    ]
    policies = cedarpy.PolicySet.from_str("\n".join(rules))
    graph = cedarpy.Entities.from_json_str(json.dumps(entities))
    resource = {"type": "Programme", "id": "acme"}

    def allows(label: Label, action: Action) -> bool:
        request = {
            "principal": {"type": "Place", "id": label.text},
            "action": {"type": "Action", "id": action.value},
            "resource": resource,
            "context": {},
        }
        return bool(cedarpy.is_authorized(request, policies, graph).allowed)

    return allows


def _large() -> tuple[float, float]:
    """A policy of 200 rules over 50 labels and 30 actions: compiled against interpreted, and proved against read."""
    statuses = list(CustomerStatus)
    extra = AnyAction("ExtraAction", {f"EXTRA_{number}": f"extra_{number}" for number in range(30 - len(Action))})
    labels: Any = StatusLabel("ManyLabels", {f"L{n}": (f"Label {n}", statuses[n % 7]) for n in range(50)})
    actions: list[AnyAction] = [*Action, *extra]
    rules = list(OURS_POLICY)
    free = {CustomerStatus.ACTIVE, CustomerStatus.FRAUD_SUSPECTED}  # what the shipped invariants bound from above
    places: list[Any] = [each for each in [*statuses, *labels] if getattr(each, "status", each) not in free]
    number = 0
    while len(rules) < 200:
        number += 1
        make = block if number % 3 else mark
        acts = [actions[(number * 7 + each) % 30] for each in range(1 + number % 4)]
        kept = [each for each in acts if each not in _LEFT_ALONE]
        if kept:
            when = [places[(number * 11 + each * 5) % len(places)] for each in range(1 + number % 3)]
            rules.append(make(*kept, when=when, reason=f"rule {number}"))
    policy = RestrictionPolicy(*rules)

    def build() -> CompiledPolicy:
        return CompiledPolicy.build("acme", policy, (CUSTOMER_STATUS,), labels, actions)

    compiled = build()
    every = [(place.status, place.label, action) for place in compiled.places for action in actions]

    def interpret() -> dict[Any, Effect]:
        found = {}
        for status, label, action in every:
            effect = Effect.ALLOW
            for rule in rules:
                applies = (rule.actions is None or action in rule.actions) and (
                    status in rule.when or label in rule.when
                )
                if applies and rule.effect.strictness > effect.strictness:
                    effect = rule.effect
            found[status, label, action] = effect
        return found

    assert {key: compiled.cells[key].effect for key in every} == interpret(), "the answers differ"
    invariants = (*OURS_FIXED, *OURS_GUARDED)
    assert all(each.proof(compiled).is_proved for each in invariants), [
        str(each.proof(compiled)) for each in invariants
    ]

    def prove() -> None:
        for each in invariants:
            each.proof(compiled)

    def read() -> None:
        for status, label, action in every:
            assert compiled.verdict(status, label, action).effect is not None

    return interleaved(build, interpret, rounds=9), interleaved(prove, read, rounds=15, times=5)


_LEFT_ALONE = frozenset({Action.RETURN, Action.CLAWBACK, Action.OPT_OUT, Action.DELETION_REQUEST})
"""What the shipped invariants say that nothing restricts short of DELETED."""
