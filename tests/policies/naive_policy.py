"""
A policy read rule by rule, in the plainest way: what the compiled one must come to.

It shares nothing with the compiler: no table, no order, no merging; slow, and short enough to be seen to be right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from custstatus import AnyAction, Condition, Effect, Party, Restriction, Status, StatusLabel

__all__ = ["Stand", "naive"]


class Stand(NamedTuple):
    """Where an account stands on one lifecycle; a status of None is unset."""

    lifecycle: str
    status: Status | None
    label: StatusLabel | None = None


def naive(
    rules: Sequence[Restriction],
    on: Collection[str],
    stands: Iterable[Stand],
    action: AnyAction,
    party: Party | None,
    holds: Callable[[Condition[Any]], bool],
) -> tuple[Effect, frozenset[int]]:
    """
    What the rules come to for an account, and the numbers of those that apply.

    Args:
        rules: The rules as they are written.
        on: The names of the lifecycles that are on.
        stands: Where the account stands, lifecycles that are off among them.
        action: What is asked for.
        party: The side that is asked; None for an action of one customer, or one that is asked alone.
        holds: Whether a condition holds.
    """
    applying: set[int] = set()
    for stand in stands:
        if stand.lifecycle not in on or stand.status is None:
            continue
        if stand.lifecycle == "legacy_fraud_status" and "customer_status" in on:  # D45
            continue
        for number, rule in enumerate(rules):
            here = any(place is stand.status or (place is stand.label and place is not None) for place in rule.when)
            asked = rule.actions is None or action in rule.actions
            side = party is None or rule.party is None or rule.party is party
            if here and asked and side and (rule.condition is None or holds(rule.condition)):
                applying.add(number)
    effects = [rules[number].effect for number in applying]
    if Effect.BLOCK in effects:
        return Effect.BLOCK, frozenset(applying)
    if Effect.MARK in effects:
        return Effect.MARK, frozenset(applying)
    return Effect.ALLOW, frozenset(applying)
