"""
The loop that every change goes through: prepare, apply, and while other writers come first: plan, commit.

Everything here is a coroutine over a store that is awaited. `custstatus.service` also drives them where the store blocks:
a coroutine that never waits is finished by a single `send`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve

from custstatus.config.config import OrgConfig
from custstatus.errors import ConflictError, RefusedError, StoredValueError
from custstatus.gate.outcome import Applied, Plan, Snapshot
from custstatus.gate.plan import plan
from custstatus.gate.prepare import prepare
from custstatus.gate.refusal import Reason, Refusal
from custstatus.gate.request import Operation, Request
from custstatus.gate.sets import PreparedSet, SetResult, SetRow
from custstatus.policies.compiled import places_of
from custstatus.states import CustomerStatus

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.gate.prepared import PreparedChange
    from custstatus.lifecycles.lifecycle import Lifecycle, Status
    from custstatus.records import StatusLabel

__all__ = ["ATTEMPTS", "Option", "applied_or_raise", "make", "make_set", "options", "preview", "restore"]

ATTEMPTS = 8
"""How often a change is planned anew after others came first, before it is a conflict."""


async def make(store: AsyncStore, request: Request, config: OrgConfig[Any], now: datetime) -> Applied | Refusal:
    """
    Make one change, of any kind and over any store.

    Raises:
        ConflictError: Others came first every time.
    """
    prepared = prepare(request, config, now)
    got = await (store.read(prepared) if prepared.reasons else store.apply(prepared))
    if isinstance(got, Applied) and not prepared.warnings:
        return got
    return await _settled(store, got, prepared)


async def _settled(store: AsyncStore, got: Applied | Snapshot, prepared: PreparedChange) -> Applied | Refusal:
    """What became of a prepared change: planned and committed, while others come first."""
    attempts = 0
    while not isinstance(got, Applied):
        planned = plan(got, prepared)
        if isinstance(planned, Refusal):
            return planned
        if isinstance(planned, Plan):
            if attempts == ATTEMPTS:
                raise ConflictError(prepared.org, prepared.customer, ATTEMPTS)
            attempts += 1
            got = await store.commit(planned)
        else:
            got = planned
    return evolve(got, warnings=prepared.warnings) if prepared.warnings else got


async def make_set(
    store: AsyncStore,
    request: Request,
    rows: Sequence[SetRow],
    config: OrgConfig[Any],
    now: datetime,
    *,
    reasons: tuple[Reason, ...] = (),
    preview: bool = False,
) -> list[SetResult | Plan | Refusal]:
    """
    The same for several customers as part of a run: what the store does not change as a set is planned one by one.

    Args:
        request: What they have in common, of a single lifecycle; the run is its own.
        rows: The customers, each once.
        config: The organisation.
        now: When.
        reasons: Further reasons that apply to all of them.
        preview: Plan it only.

    Raises:
        ConflictError: Others came first every time; those that came before are changed.
    """
    prepared = prepare(evolve(request, customer=rows[0].customer), config, now)
    if reasons:
        prepared = evolve(prepared, reasons=prepared.reasons + reasons)
    several = PreparedSet(prepared, tuple(rows), preview)
    answers = await store.apply_set(several)
    outcomes: list[SetResult | Plan | Refusal] = []
    for row, got in zip(rows, answers, strict=True):
        if isinstance(got, SetResult):
            outcomes.append(got)
            continue
        each = several.of(row)
        planned = plan(got, each) if preview else (await _settled(store, got, each))
        outcomes.append(SetResult.by(planned) if isinstance(planned, Applied) else planned)
    return outcomes


async def preview(
    store: AsyncStore, request: Request, config: OrgConfig[Any], now: datetime
) -> Plan | Applied | Refusal:
    """What `make` would do, without doing it."""
    prepared = prepare(request, config, now)
    found = await store.read(prepared)
    return plan(found, prepared)


async def restore(
    store: AsyncStore,
    request: Request,
    lifecycle: Lifecycle[Any],
    config: OrgConfig[Any],
    now: datetime,
    *,
    preview: bool = False,
) -> Plan | Applied | Refusal:
    """
    Back to where the account was before it was set aside, status and label (D11, D70, D95); with *preview*, planned only.

    Raises:
        ConflictError: Others came first every time.
    """
    asked = evolve(request, operation=Operation.RESTORE, targets=(), restores=lifecycle.name)
    found = await store.read(prepare(asked, config, now))
    for _ in range(ATTEMPTS):
        target, replaced = _origin_of(found, lifecycle, config)
        version = None if found.account is None else found.account.version
        resolved = evolve(
            asked,
            targets=() if target is None else (target,),
            expected=asked.expected or version,
            stands_for=replaced,
        )
        planned = plan(found, prepare(resolved, config, now))
        if preview or not isinstance(planned, Plan):
            return planned
        got = await store.commit(planned)
        if isinstance(got, Applied):
            return got
        # As at first: what the same run has changed before was not done by this call.
        found = await store.read(prepare(asked, config, now))
    raise ConflictError(config.org, request.customer, ATTEMPTS)


def _origin_of(
    found: Snapshot, lifecycle: Lifecycle[Any], config: OrgConfig[Any]
) -> tuple[Status | StatusLabel | None, frozenset[str | None]]:
    """Where the account was before it was set aside, if it was; and the label, retired since, that this replaces."""
    standing = None if found.account is None else found.account.standing(lifecycle.name)
    origin = next((entry for entry in found.origins if standing and entry.version == standing.return_to), None)
    if origin is None or origin.to_status is None:
        return None, frozenset()
    try:
        status: Status = lifecycle.statuses(origin.to_status)
    except ValueError:
        raise StoredValueError(lifecycle.name, "status", origin.to_status) from None
    if not isinstance(status, CustomerStatus):
        return status, frozenset()
    # One that has come to mean another status since is not where the account was.
    label = next((label for label in config.labels_of(status) if label.text == origin.to_label), None)
    if label is not None:
        return label, frozenset()
    return config.default_label(status) or status, frozenset([origin.to_label])


class Option(NamedTuple):
    """One status or label of a lifecycle, and why the account cannot be set to it; None where it can."""

    target: Status | StatusLabel
    refusal: Refusal | None


async def options(
    store: AsyncStore, request: Request, lifecycle: Lifecycle[Any], config: OrgConfig[Any], now: datetime
) -> tuple[Option, ...]:
    """For every place of a lifecycle whether the request could go there, by the same gate as a change."""
    found = await store.read(prepare(evolve(request, targets=()), config, now))
    options = []
    for status, label in places_of(lifecycle, config.labels):
        target = label or status
        planned = plan(found, prepare(evolve(request, targets=(target,)), config, now))
        options.append(Option(target, planned if isinstance(planned, Refusal) else None))
    return tuple(options)


def applied_or_raise(outcome: Applied | Plan | Refusal) -> Applied:
    """What was applied; RefusedError where it was refused."""
    if isinstance(outcome, Refusal):
        raise RefusedError(outcome)
    if isinstance(outcome, Plan):  # only previews plan without applying
        raise TypeError("a plan is no change")
    return outcome
