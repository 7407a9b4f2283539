"""
Whatever reads a store and then writes it, as generators: each yields calls of the store's verbs and receives the answers.

A flow neither runs nor awaits anything, so that one text serves a store that blocks and one that is awaited: `run` runs it on
the former, `run_async` on the latter.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from attrs import evolve

from custstatus.adapters.protocol import AsyncStore, Store
from custstatus.changes import Applied, Found, GuardedChange, Operation, Plan, Reason, Refusal, Request
from custstatus.config import OrgConfig
from custstatus.errors import ConflictError, StoredValueError
from custstatus.guarding import guard
from custstatus.lifecycle import Lifecycle, Status
from custstatus.planning import plan
from custstatus.policies.compiled import places_of
from custstatus.records import StatusLabel
from custstatus.sets import Each, GuardedSet, Moved
from custstatus.states import CustomerStatus

__all__ = ["ATTEMPTS", "Call", "Flow", "Option", "make", "make_set", "moves", "preview", "restore", "run", "run_async"]

T = TypeVar("T")

ATTEMPTS = 8
"""How often a change is planned anew after others came first, before it is a conflict."""


class Call(NamedTuple):
    """One verb of a store, with its arguments."""

    verb: str
    arguments: tuple[Any, ...]

    @classmethod
    def of(cls, verb: str, *arguments: Any) -> Call:
        """A call, its arguments one by one."""
        return cls(verb, arguments)


Flow = Generator[Call, Any, T]


def run(flow: Flow[T], store: Store) -> T:
    """Run a flow on a store that blocks."""
    try:
        call = next(flow)
        while True:
            try:
                answer = getattr(store, call.verb)(*call.arguments)
            except Exception as error:
                call = flow.throw(error)
            else:
                call = flow.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


async def run_async(flow: Flow[T], store: AsyncStore) -> T:
    """
    Run a flow on a store that is awaited.

    Where the task is cancelled the flow ends at the call that it waits for: what the calls before it wrote stays, each being
    whole by itself.
    """
    try:
        call = next(flow)
        while True:
            try:
                answer = await getattr(store, call.verb)(*call.arguments)
            except Exception as error:
                call = flow.throw(error)
            else:
                call = flow.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


def make(request: Request, config: OrgConfig[Any], now: datetime) -> Flow[Applied | Refusal]:
    """
    The whole write path, for every store and every kind of change: guard, apply, and while others came first: plan, commit.

    Raises:
        ConflictError: Others came first every time.
    """
    guarded = guard(request, config, now)
    got: Applied | Found = yield Call("read" if guarded.faults else "apply", (guarded,))
    if isinstance(got, Applied) and not guarded.warnings:
        return got
    return (yield from _settled(got, guarded, config))


def _settled(got: Applied | Found, guarded: GuardedChange, config: OrgConfig[Any]) -> Flow[Applied | Refusal]:
    """What became of a guarded change: planned and committed, while others come first."""
    attempts = 0
    while not isinstance(got, Applied):
        planned = plan(got, guarded)
        if isinstance(planned, Refusal):
            return planned
        if isinstance(planned, Plan):
            if attempts == ATTEMPTS:
                raise ConflictError(config.org, guarded.customer, ATTEMPTS)
            attempts += 1
            got = yield Call.of("commit", planned)
        else:
            got = planned
    return evolve(got, warnings=guarded.warnings) if guarded.warnings else got


def make_set(
    request: Request,
    rows: Sequence[Each],
    config: OrgConfig[Any],
    now: datetime,
    *,
    faults: tuple[Reason, ...] = (),
    dry: bool = False,
) -> Flow[list[Moved | Plan | Refusal]]:
    """
    The same for several customers as part of a run: what the store does not change as a set is planned one by one.

    Args:
        request: What they have in common, of a single lifecycle; the run is its own.
        rows: The customers, each once.
        config: The organisation.
        now: When.
        faults: What stands in the way of all of them besides.
        dry: Plan it only.

    Raises:
        ConflictError: Others came first every time; those that came before are changed.
    """
    guarded = guard(evolve(request, customer=rows[0].customer), config, now)
    if faults:
        guarded = evolve(guarded, faults=guarded.faults + faults)
    several = GuardedSet(guarded, tuple(rows), dry)
    answers: tuple[Moved | Found, ...] = yield Call.of("apply_set", several)
    outcomes: list[Moved | Plan | Refusal] = []
    for row, got in zip(rows, answers, strict=True):
        if isinstance(got, Moved):
            outcomes.append(got)
            continue
        each = several.of(row)
        planned = plan(got, each) if dry else (yield from _settled(got, each, config))
        outcomes.append(Moved.by(planned) if isinstance(planned, Applied) else planned)
    return outcomes


def preview(request: Request, config: OrgConfig[Any], now: datetime) -> Flow[Plan | Applied | Refusal]:
    """What `make` would do, without doing it."""
    guarded = guard(request, config, now)
    found: Found = yield Call.of("read", guarded)
    return plan(found, guarded)


def restore(
    request: Request, lifecycle: Lifecycle[Any], config: OrgConfig[Any], now: datetime, *, dry: bool = False
) -> Flow[Plan | Applied | Refusal]:
    """
    Back to where the account was before it was set aside, status and label (D11, D70, D95); with *dry*, planned only.

    Raises:
        ConflictError: Others came first every time.
    """
    asked = evolve(request, operation=Operation.RESTORE, targets=(), restores=lifecycle.name)
    found: Found = yield Call.of("read", guard(asked, config, now))
    for _ in range(ATTEMPTS):
        target, replaced = _behind(found, lifecycle, config)
        version = None if found.account is None else found.account.version
        resolved = evolve(
            asked,
            targets=() if target is None else (target,),
            expected=asked.expected or version,
            stands_for=replaced,
        )
        planned = plan(found, guard(resolved, config, now))
        if dry or not isinstance(planned, Plan):
            return planned
        got: Applied | Found = yield Call.of("commit", planned)
        if isinstance(got, Applied):
            return got
        # As at first: what the same run has moved before is nothing that was done for this one.
        found = yield Call.of("read", guard(asked, config, now))
    raise ConflictError(config.org, request.customer, ATTEMPTS)


def _behind(
    found: Found, lifecycle: Lifecycle[Any], config: OrgConfig[Any]
) -> tuple[Status | StatusLabel | None, frozenset[str | None]]:
    """Where the account was before it was set aside, if it was; and the label, retired since, that this stands in for."""
    standing = None if found.account is None else found.account.standing(lifecycle.name)
    was = next((entry for entry in found.behind if standing and entry.version == standing.back_to), None)
    if was is None or was.to_status is None:
        return None, frozenset()
    try:
        status: Status = lifecycle.statuses(was.to_status)
    except ValueError:
        raise StoredValueError(lifecycle.name, "status", was.to_status) from None
    if not isinstance(status, CustomerStatus):
        return status, frozenset()
    # One that has come to stand for another status since is not where the account was.
    label = next((label for label in config.labels_of(status) if label.text == was.to_label), None)
    if label is not None:
        return label, frozenset()
    return config.default_label(status) or status, frozenset([was.to_label])


class Option(NamedTuple):
    """One status or label that an account could be put at, and what stands in the way; None where nothing does."""

    target: Status | StatusLabel
    refusal: Refusal | None


def moves(
    request: Request, lifecycle: Lifecycle[Any], config: OrgConfig[Any], now: datetime
) -> Flow[tuple[Option, ...]]:
    """For every place of a lifecycle whether the request could go there, by the same gate as a change."""
    found: Found = yield Call.of("read", guard(evolve(request, targets=()), config, now))
    options = []
    for status, label in places_of(lifecycle, config.labels):
        target = label or status
        planned = plan(found, guard(evolve(request, targets=(target,)), config, now))
        options.append(Option(target, planned if isinstance(planned, Refusal) else None))
    return tuple(options)
