"""
What a new configuration would find in a store: accounts at places it lacks, or with no way on, and what stays as it was.

Read only. `upgrade` moves the accounts that this reports.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, evolve, field, frozen

from custstatus.adapters.queries import MOST, Accounts, Activities, Log
from custstatus.bounds import kind_of
from custstatus.config.config import OrgConfig
from custstatus.errors import InvalidInputError, StoredValueError
from custstatus.records import Account, Entry, EntryKind, Standing
from custstatus.states import CustomerStatus
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.lifecycles.lifecycle import Lifecycle, Status

__all__ = [
    "InUse",
    "LostAction",
    "PastTransition",
    "UpgradeCheck",
    "check_configs",
    "check_upgrade",
    "status_of",
]


@frozen(repr=False)
class InUse(Value):
    """One place at which accounts are, or to which their way back leads."""

    lifecycle: str
    status: str
    label: str | None
    accounts: int
    """How many, exactly."""
    customers: tuple[str, ...] = field(repr=False)
    """Some of them, by customer id."""
    advice: str = field(repr=False)
    """What the new configuration makes of it, and the next step."""

    def __str__(self) -> str:
        label = "" if self.label is None else f", label {self.label!r}"
        return f"{self.lifecycle}: {self.status}{label}: {_counted(self.accounts, 'account')}: {self.advice}"


@frozen(repr=False)
class PastTransition(Value):
    """Transitions of real histories that the new table does not have."""

    lifecycle: str
    source: str | None
    """None is unset."""
    target: str
    entries: int
    """How many, exactly."""
    customers: tuple[str, ...] = field(repr=False)
    """Some of them, the last to do so first."""

    def __str__(self) -> str:
        return f"{self.lifecycle}: {self.source or 'unset'} -> {self.target}: {_counted(self.entries, 'entry')}"


@frozen(repr=False)
class LostAction(Value):
    """An action that the new configuration lacks, with what customers did of it."""

    action: str
    activities: int
    """How many are recorded, exactly."""

    def __str__(self) -> str:
        recorded = _counted(self.activities, "recorded activity")
        return f"{self.action}: {recorded}: customers that have one cannot be shown their activities; keep the action"


@frozen(repr=False)
class UpgradeCheck(Value):
    """What the new configuration of an organisation would find in its store."""

    org: str
    old: str
    """The hash of the configuration so far."""
    new: str
    accounts: int
    """How many were looked at."""
    entries: int
    lost: tuple[InUse, ...] = ()
    """Labels and statuses in use that the new configuration does not have (D24)."""
    remapped: tuple[InUse, ...] = ()
    """Labels in use whose text it keeps, but with another status (D24)."""
    stranded: tuple[InUse, ...] = ()
    """Places in use from which it has no way on, though there was one; and all on a lifecycle that is off now."""
    closed: tuple[InUse, ...] = ()
    """Places of closed accounts that it cannot read. They take no change: the places they are at must stay."""
    ways_back: tuple[InUse, ...] = ()
    """Where accounts that are set aside were before, if the new configuration cannot lead them back just there."""
    illegal: tuple[PastTransition, ...] = ()
    """Transitions once made that its tables do not have. They stay as they are, and block nothing."""
    actions: tuple[LostAction, ...] = ()
    """Recorded activities that it cannot read."""

    @property
    def is_ready(self) -> bool:
        """Whether it can be switched on: everything can be read, and every living account has a place and a way on."""
        return not (self.lost or self.remapped or self.stranded or self.closed or self.actions)

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to tell at all: it is ready, every way back leads there, every history is legal."""
        return self.is_ready and not (self.ways_back or self.illegal)

    def __str__(self) -> str:
        """As Markdown, for people."""
        looked = f"{_counted(self.accounts, 'account')} and {_counted(self.entries, 'entry')}"
        verdict = "nothing to tell" if self.is_clean else "ready" if self.is_ready else "not ready"
        lines = [f"# Upgrade of {self.org}: {verdict}", "", f"Looked at {looked}."]
        for title, rows in self._sections():
            if rows:
                lines += ["", f"## {title}", "", *(f"- {row}{_for_example(row.customers)}" for row in rows)]
        if self.actions:
            lines += ["", "## Actions lost", "", *(f"- {lost}" for lost in self.actions)]
        return "\n".join(lines) + "\n"

    def _sections(self) -> Iterator[tuple[str, tuple[InUse, ...] | tuple[PastTransition, ...]]]:
        yield "Labels and statuses lost", self.lost
        yield "Labels with another status", self.remapped
        yield "No way on", self.stranded
        yield "Closed accounts that cannot be read", self.closed
        yield "Ways back", self.ways_back
        yield "Past transitions that are not legal now", self.illegal


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun[:-1] + 'ies' if noun.endswith('y') else noun + 's'}"


def _for_example(customers: tuple[str, ...]) -> str:
    return f" ({', '.join(customers)})" if customers else ""


async def check_upgrade(
    old: OrgConfig[Any], new: OrgConfig[Any], store: AsyncStore, *, examples: int = 10
) -> UpgradeCheck:
    """
    Say what a new configuration would find in the store: accounts at places it lacks, or with no way on.

    It reads every account and every entry of the organisation, once each, and writes nothing. Counts are exact if nobody
    writes at the same time.

    Args:
        old: The configuration so far.
        new: The one to come, of the same organisation.
        store: Where the accounts are kept.
        examples: How many customers each line names; 0 or more.

    Raises:
        InvalidInputError: The configurations are of two organisations.
        StoreError: The store could not be read.
    """
    check_configs(old, new)
    if type(examples) is not int or examples < 0:
        raise InvalidInputError("examples", "a number, 0 or more", kind_of(examples))
    survey = _Survey(old, new, examples)
    kept = {action.value for action in new.all_actions}
    lost = [action.value for action in old.all_actions if action.value not in kept]
    done: Counter[str] = Counter()
    query: Accounts | None = Accounts(org=new.org)
    while query is not None:
        page = await store.page(query)
        for account in page:
            survey.look_at(account)
            # Stores list activities by customer: only where an action was lost is that worth its time.
            if lost:
                done += await _kinds(store, account)
        query = None if page.next is None else evolve(query, after=page.next)
    # The newest first, so that what a way back leads to comes after it: one may begin where another ends.
    log: Log | None = Log(org=new.org, newest_first=True, limit=MOST)
    while log is not None:
        entries = await store.page(log)
        for entry in entries:
            survey.look_back_at(entry)
        log = None if entries.next is None else evolve(log, after=entries.next)
    actions = tuple(LostAction(action, done[action]) for action in lost if done[action])
    return survey.found(actions)


def check_configs(old: object, new: object) -> None:
    """Two configurations of one organisation; InvalidInputError otherwise."""
    for name, config in (("old", old), ("new", new)):
        if not isinstance(config, OrgConfig):
            raise InvalidInputError(name, "an OrgConfig", kind_of(config))
    if isinstance(old, OrgConfig) and isinstance(new, OrgConfig) and old.org != new.org:
        raise InvalidInputError("new", f"a configuration of {old.org!r}, as the old one", repr(new.org))


async def _kinds(store: AsyncStore, account: Account) -> Counter[str]:
    """How many activities of each kind a customer has."""
    kinds: Counter[str] = Counter()
    query: Activities | None = Activities(org=account.org, customer=account.customer, limit=MOST)
    while query is not None:
        page = await store.page(query)
        kinds.update(activity.kind for activity in page)
        query = None if page.next is None else evolve(query, after=page.next)
    return kinds


def status_of(lifecycle: Lifecycle[Any] | None, value: str | None) -> Status | None:
    """The status of a stored value; None where the lifecycle is off or has none."""
    statuses: Any = () if lifecycle is None else lifecycle.statuses
    return next((status for status in statuses if status.value == value), None)


class _Kind(Enum):
    """What can be reported of a place."""

    LOST = "lost"
    REMAPPED = "remapped"
    STRANDED = "stranded"
    CLOSED = "closed"
    WAY_BACK = "ways_back"


Where = tuple[str, str, str | None]
"""Lifecycle, status and label, as they are stored."""


@define
class _Group:
    """The accounts of which one thing is reported."""

    advice: str = ""
    size: int = 0
    customers: dict[str, None] = Factory(dict)

    def add(self, customer: str, examples: int) -> None:
        self.size += 1
        if len(self.customers) < examples:
            self.customers[customer] = None


@define
class _Survey:
    """What was seen so far."""

    old: OrgConfig[Any]
    new: OrgConfig[Any]
    examples: int
    accounts: int = 0
    entries: int = 0
    groups: dict[_Kind, dict[Where, _Group]] = Factory(lambda: {kind: {} for kind in _Kind})
    past: dict[tuple[str, str | None, str], _Group] = Factory(dict)
    origins: set[tuple[str, int]] = Factory(set)
    """The entries to which ways back lead, by customer and version."""
    known: dict[tuple[Where, bool], tuple[_Kind, str] | None] = Factory(dict)
    legal: dict[str, frozenset[tuple[str | None, str]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.legal = {
            lifecycle.name: frozenset(
                (transition.from_ and transition.from_.value, transition.to.value)
                for transition in lifecycle.transitions
            )
            for lifecycle in self.new.lifecycles
        }

    def look_at(self, account: Account) -> None:
        """Where one account is."""
        self.accounts += 1
        closed = account.closed_at is not None
        for row in account.standings:
            if row.status is None:
                continue
            where = (row.lifecycle, row.status, row.label)
            if (where, closed) not in self.known:
                self.known[where, closed] = self._trouble(row, closed)
            trouble = self.known[where, closed]
            if trouble is not None:
                self._tell(account.customer, where, *trouble)
            if row.return_to is not None and not closed and self.new.lifecycle(row.lifecycle) is not None:
                self.origins.add((account.customer, row.return_to))

    def look_back_at(self, entry: Entry) -> None:
        """What one entry says of the past."""
        self.entries += 1
        if entry.kind is not EntryKind.MOVED or entry.lifecycle is None or entry.to_status is None:
            return
        legal = self.legal.get(entry.lifecycle)
        if legal is not None and (entry.from_status, entry.to_status) not in legal:
            transition = (entry.lifecycle, entry.from_status, entry.to_status)
            self.past.setdefault(transition, _Group()).add(entry.customer, self.examples)
        if (entry.customer, entry.version) in self.origins:
            trouble = self._way_back(entry.lifecycle, entry.to_status, entry.to_label)
            if trouble is not None:
                where = (entry.lifecycle, entry.to_status, entry.to_label)
                self._tell(entry.customer, where, _Kind.WAY_BACK, trouble)
            if entry.return_to is not None:
                self.origins.add((entry.customer, entry.return_to))

    def found(self, actions: tuple[LostAction, ...]) -> UpgradeCheck:
        """All of it."""
        illegal = tuple(
            PastTransition(*transition, group.size, tuple(group.customers))
            for transition, group in sorted(self.past.items(), key=lambda item: tuple(part or "" for part in item[0]))
        )
        return UpgradeCheck(
            self.new.org,
            self.old.hash,
            self.new.hash,
            self.accounts,
            self.entries,
            self._in_use(_Kind.LOST),
            self._in_use(_Kind.REMAPPED),
            self._in_use(_Kind.STRANDED),
            self._in_use(_Kind.CLOSED),
            self._in_use(_Kind.WAY_BACK),
            illegal,
            actions,
        )

    def _in_use(self, kind: _Kind) -> tuple[InUse, ...]:
        groups = sorted(self.groups[kind].items(), key=lambda item: tuple(part or "" for part in item[0]))
        return tuple(InUse(*where, group.size, tuple(sorted(group.customers)), group.advice) for where, group in groups)

    def _tell(self, customer: str, where: Where, kind: _Kind, advice: str) -> None:
        self.groups[kind].setdefault(where, _Group(advice)).add(customer, self.examples)

    def _trouble(self, row: Standing[str, str], closed: bool) -> tuple[_Kind, str] | None:
        """What there is to report of accounts at a place; None where all is well."""
        lifecycle = self.new.lifecycle(row.lifecycle)
        if lifecycle is None:
            # Of a closed account nobody reads it, and nobody else misses it.
            advice = "the lifecycle is off: it neither restricts nor takes a change; switch it on to move its customers"
            return None if closed else (_Kind.STRANDED, advice)
        try:
            self.new.policy.resolve(row.lifecycle, row.status, row.label)
        except StoredValueError as error:
            keep = f"closed accounts take no change, and lists and counts that meet one fail: keep the {error.kind}"
            if closed:
                return _Kind.CLOSED, keep
            if error.kind == "status":
                advice = "the status is gone: keep its value in the new enum, with a transition out of it, and map it"
                return _Kind.LOST, advice
            other = self._status_of_label(row.label)
            if other is not None:
                return _Kind.REMAPPED, f"the label is one of {other.value} now: map it, by a legal transition"
            if not self.new.has_labels:
                return _Kind.LOST, "there are no labels any more: keep one for the status, and map it to that"
            return _Kind.LOST, "the label is gone: map it to another"
        if not closed and self._way_on(self.old, row) and not self._way_on(self.new, row):
            return _Kind.STRANDED, "no transition leads out of the status any more: add one"
        return None

    def _status_of_label(self, text: str | None) -> CustomerStatus | None:
        return next((label.status for label in self.new.labels if label.text == text), None)

    def _way_on(self, config: OrgConfig[Any], row: Standing[str, str]) -> bool:
        """Whether a transition leads from a status to another that can be set, whatever it requires; true where it closes."""
        lifecycle = config.lifecycle(row.lifecycle)
        status = status_of(lifecycle, row.status)
        if lifecycle is None or status is None:
            return False
        return status in lifecycle.closing or any(
            transition.to is not status and _is_reached(config, transition.to)
            for transition in lifecycle.out_of(status)
        )

    def _way_back(self, name: str, value: str, label: str | None) -> str | None:
        """What there is to tell of accounts whose way back leads to a place; None where it leads just there."""
        status = status_of(self.new.lifecycle(name), value)
        if status is None:
            return "the status is gone, so that nothing can be restored: keep its value in the new enum"
        if not isinstance(status, CustomerStatus):
            return None
        other = self._status_of_label(label)
        default = self.new.default_label(status)
        if default is None and self.new.has_labels:
            return "the status has no label, so that nothing can be restored: configure one"
        if label is None or other is status:
            return None
        gone = "gone" if other is None else f"one of {other.value} now"
        return f"the label is {gone}: restored to {'no label' if default is None else repr(default.text)}"


def _is_reached(config: OrgConfig[Any], status: Status) -> bool:
    """Whether a status can be entered: of customer status, only with a label where labels are configured."""
    labelled = isinstance(status, CustomerStatus) and config.has_labels
    return not labelled or config.default_label(status) is not None  # type: ignore[arg-type]
