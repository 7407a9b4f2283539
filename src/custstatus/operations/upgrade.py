"""
Upgrading: the accounts at old labels and statuses are moved to those that a map declares for them.

Every change goes through the gate under the new configuration, account by account, as an ordinary entry. Sources are met as
stored text, so that the new configuration need not know the old labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, field, frozen

from custstatus.adapters.queries import Customers
from custstatus.bounds import kind_of
from custstatus.errors import ConflictError, InvalidInputError
from custstatus.gate.outcome import Applied, Plan
from custstatus.gate.plan import plan
from custstatus.gate.prepare import prepare
from custstatus.gate.refusal import Refusal, RefusalCode
from custstatus.lifecycles.lifecycle import Status
from custstatus.operations.upgrade_check import check_configs
from custstatus.records import StatusLabel
from custstatus.states import CustomerStatus
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.config.config import OrgConfig
    from custstatus.gate.prepared import PreparedChange
    from custstatus.gate.request import Request

__all__ = ["Upgrade", "UpgradeMap", "Upgraded", "upgrade"]

UpgradeMap = Mapping[StatusLabel | Status | str, StatusLabel | Status]
"""
Old to new: labels and statuses of the old configuration, labels also as their text, to those of the new one.

A customer status is all its labels (D26), but for those that the map names themselves; and its accounts without a label.
"""

_PAGE = 1_000


class Upgraded(NamedTuple):
    """One customer that an upgrade moves."""

    customer: str
    outcome: Plan | Applied | Refusal
    """A Plan in a preview; a Refusal where the new configuration does not let this request move them."""
    target: StatusLabel | Status
    """Where the map puts them."""


@frozen(eq=False, repr=False)
class Upgrade(Value):
    """What an upgrade did, or in a preview would do."""

    run: str
    """The run's id, which its entries carry."""
    rows: tuple[Upgraded, ...] = field(repr=False)
    closed: tuple[str, ...] = field(default=(), repr=False)
    """Closed accounts at an old place, which take no change."""

    @property
    def moved(self) -> tuple[Upgraded, ...]:
        """Customers that were moved, or would be."""
        return tuple(row for row in self.rows if not isinstance(row.outcome, Refusal))

    @property
    def refused(self) -> tuple[Upgraded, ...]:
        """Those who were left where they are, and why."""
        return tuple(row for row in self.rows if isinstance(row.outcome, Refusal))


async def upgrade(
    store: AsyncStore,
    template: Request,
    old: OrgConfig[Any],
    new: OrgConfig[Any],
    mapping: UpgradeMap,
    now: datetime,
    *,
    preview: bool = False,
) -> Upgrade:
    """As `Desk.upgrade`: every request is the template for one customer and one target."""
    check_configs(old, new)
    changes = _changes(mapping, old, new)
    rows: list[Upgraded] = []
    closed: list[str] = []
    for change in changes:
        query: Customers | None = Customers(
            org=new.org,
            lifecycle=change.lifecycle,
            statuses=frozenset([change.status]),
            places=frozenset([change.label or change.status]),
            limit=_PAGE,
        )
        while query is not None:
            page = await store.page(query)
            for listed in page:
                request = evolve(template, customer=listed.customer, targets=(change.target,))
                outcome = await _moved(store, request, change, new, now, preview=preview)
                if isinstance(outcome, Refusal) and RefusalCode.CLOSED in outcome.codes:
                    closed.append(listed.customer)
                elif outcome is not None:
                    rows.append(Upgraded(listed.customer, outcome, change.target))
            query = None if page.next is None else evolve(query, after=page.next)
    return Upgrade(template.run or "", tuple(rows), tuple(closed))


async def _moved(
    store: AsyncStore, request: Request, change: _Change, config: OrgConfig[Any], now: datetime, *, preview: bool
) -> Plan | Applied | Refusal | None:
    """One account, from its old place only: None where it is there no longer."""
    prepared = prepare(request, config, now)
    found = await store.read(prepared)
    account = found.account
    standing = None if account is None else account.standing(change.lifecycle)
    if account is None or standing is None or (standing.status, standing.label) != (change.status, change.label):
        return None
    # What was looked at is what is moved: after any other change in between, the version is another.
    prepared = evolve(_with_idle(prepared, change), expected=account.version)
    planned = plan(found, prepared)
    if preview or not isinstance(planned, Plan):
        return planned
    got = await store.commit(planned)
    if isinstance(got, Applied):
        return got
    refused = plan(got, prepared)
    if isinstance(refused, Plan):
        raise ConflictError(config.org, request.customer, 1)
    return refused


def _with_idle(prepared: PreparedChange, change: _Change) -> PreparedChange:
    """
    The change with an old idle label counted as one of those that the target belongs to, if it is idle too.

    Otherwise an idle customer would be set aside again, their way back leading to the label that is given up.
    """
    if not change.idle or change.label is None:
        return prepared
    steps = tuple(
        evolve(step, group_labels=step.group_labels | {change.label}) if step.group_labels else step
        for step in prepared.steps
    )
    return evolve(prepared, steps=steps)


class _Change(NamedTuple):
    """One old place, as it is stored, and where its accounts are to go."""

    lifecycle: str
    status: str
    label: str | None
    idle: bool
    """Whether the old configuration's idle rules put customers there."""
    target: StatusLabel | Status


def _changes(mapping: UpgradeMap, old: OrgConfig[Any], new: OrgConfig[Any]) -> tuple[_Change, ...]:
    """A map as places to be emptied, one by one; InvalidInputError where it cannot be one."""
    if not isinstance(mapping, Mapping):
        raise InvalidInputError("mapping", "a mapping of old places to new ones", kind_of(mapping))
    changes: dict[tuple[str, str, str | None], _Change] = {}
    # A label's own line counts more than its status's.
    for source, target in sorted(mapping.items(), key=lambda item: isinstance(item[0], Status)):
        label = old.label(source) if isinstance(source, str) else source
        there = _place(label, old, "a label or status of the old configuration")
        to = _labelled(target, new)
        end = _place(to, new, "a label or status of the new configuration")
        if there[0] != end[0]:
            raise InvalidInputError("mapping", f"a target on {there[0]}, as its source", f"one on {end[0]}")
        if there in changes:
            raise InvalidInputError("mapping", "each source once", f"{there[2] or there[1]!r} twice")
        for place in _places(label, there, old):
            if place not in changes and (place == there or place != end):
                changes[place] = _Change(*place, place[2] in old.idle_labels, to)
    ends = {_place(change.target, new, "") for change in changes.values()}
    chained = sorted(change.label or change.status for place, change in changes.items() if place in ends)
    if chained:
        expected = "no target that is a source as well: map each to where it ends, or upgrade twice"
        raise InvalidInputError("mapping", expected, ", ".join(map(repr, chained)))
    return tuple(changes.values())


def _place(place: object, config: OrgConfig[Any], expected: str) -> tuple[str, str, str | None]:
    """A label or a status as it is stored, with its lifecycle."""
    known = type(place) is config.labels if isinstance(place, StatusLabel) else isinstance(place, Status)
    lifecycle = config.lifecycle_of(place) if known and isinstance(place, StatusLabel | Status) else None
    if lifecycle is None:
        raise InvalidInputError("mapping", expected, f"{type(place).__name__} {getattr(place, 'name', '')}".strip())
    if isinstance(place, StatusLabel):
        return lifecycle.name, str(place.status.value), place.text
    return lifecycle.name, str(getattr(place, "value", "")), None


def _labelled(target: StatusLabel | Status, config: OrgConfig[Any]) -> StatusLabel | Status:
    """A customer status as its default label: asked for by status, another label of it would be no change."""
    if not isinstance(target, CustomerStatus):
        return target
    return config.default_label(target) or target


def _places(
    source: StatusLabel | Status, there: tuple[str, str, str | None], config: OrgConfig[Any]
) -> Iterator[tuple[str, str, str | None]]:
    """Every place that a source of a map means."""
    lifecycle = config.lifecycle_of(source)
    status = source.status if isinstance(source, StatusLabel) else source
    if lifecycle is not None and status in lifecycle.closing:
        expected = "a source whose accounts can be moved: closed ones take no change, keep what they stand under"
        raise InvalidInputError("mapping", expected, f"{type(source).__name__}.{source.name}")
    yield there
    if isinstance(source, CustomerStatus):
        for label in config.labels_of(source):
            yield there[0], there[1], label.text
