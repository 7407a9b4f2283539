"""One action for a million customers at once: their places encoded before, against a dict of (status, label)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from random import Random
from typing import Any

from benchmarks.measure import Figure, Given, interleaved, scaled
from benchmarks.organisation import ACME, Label
from custstatus import CUSTOMER_STATUS, LOYALTY_TYPE, MEMBERSHIP, TRIAL_GROUP, Action, Lifecycle, OrgConfig
from custstatus.policies import CompiledPolicy
from custstatus.policies.batches import EncodedAccounts, effects, encode_columns, encode_places

__all__ = ["figures"]

CUSTOMERS = 1_000_000, 3_000
"""How many; and in a quick run, where they still stand at more places than one byte can number."""
ACTION = Action.POINTS_REDEMPTION


def figures(given: Given) -> Iterator[Figure]:
    """Each figure as it is measured."""
    yield Figure("column / list over a dict", _few(), 50, at_least=True)
    yield Figure("column of 300 combinations / list over a dict", _many(), 5, at_least=True)


def _few() -> float:
    """One lifecycle: what an organisation's customers stand at is a handful of places."""
    policy = ACME.policy
    every = [(label.status, label) for label in Label]
    table = {place: policy.verdict(*place, ACTION).effect.strictness for place in every}
    places = Random(1).choices(every, k=scaled(*CUSTOMERS))
    return _measured(policy, encode_places(policy, "customer_status", places), table, places)


def _many() -> float:
    """Four lifecycles at once, so that a combination's number takes two bytes."""
    lifecycles: list[Lifecycle[Any]] = [CUSTOMER_STATUS, MEMBERSHIP, TRIAL_GROUP, LOYALTY_TYPE]
    policy = OrgConfig("many", Label, lifecycles=lifecycles, restrictions=ACME.restrictions).policy
    first = [(label.status.value, label.text) for label in Label]
    others = [[None, *(status.value for status in lifecycle.statuses)] for lifecycle in lifecycles[1:]]
    every = list(product(first, *others))
    every = Random(1).sample(every, min(300, len(every)))
    table = {
        place: policy.verdict(*policy.resolve("customer_status", *place[0]), ACTION).effect.strictness
        for place in every
    }
    places = Random(1).choices(every, k=scaled(*CUSTOMERS))
    columns: dict[str, Any] = {
        "customer_status": ([place[0][0] for place in places], [place[0][1] for place in places]),
        **{
            lifecycle.name: ([place[at] for place in places], None)
            for at, lifecycle in enumerate(lifecycles[1:], start=1)
        },
    }
    column = encode_columns(policy, columns)
    assert len(column.places) > 256
    return _measured(policy, column, table, places)


def _measured(policy: CompiledPolicy, column: EncodedAccounts, table: dict[Any, int], places: Sequence[Any]) -> float:
    def ours() -> bytes:
        return effects(policy, column, ACTION)

    def peer() -> list[int]:
        return [table[place] for place in places]

    assert list(ours()) == peer()
    return 1 / interleaved(ours, peer, rounds=9)
