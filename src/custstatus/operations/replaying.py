"""A new policy held against what really happened: who would have been blocked or marked, and who no longer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import evolve, frozen

from custstatus.adapters.queries import MOST, Accounts, Activities
from custstatus.errors import StoredValueError
from custstatus.gate.history import fold
from custstatus.operations.verify import entries_of
from custstatus.policies.analysis.differences import differing, own_differing
from custstatus.records import Account, AnyAction, Effect, Entry
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore
    from custstatus.adapters.protocol import StoredActivity
    from custstatus.config.config import OrgConfig
    from custstatus.policies.verdicts import Verdict

__all__ = ["Affected", "Replay", "replay"]


class Affected(NamedTuple):
    """The customers whose attempts at one action in one status are treated differently."""

    action: AnyAction
    """As the new configuration has it."""
    lifecycle: str
    """That of the standing which decides: of the stricter of the two verdicts."""
    status: str
    """As stored."""
    label: str | None
    before: Effect
    after: Effect
    depends_on: tuple[str, ...]
    """What is decided at run time, by name: without it, UNKNOWN whether it is so."""
    customers: tuple[str, ...]
    """Customers that were ever there."""
    now: tuple[str, ...]
    """Customers that are there now."""
    attempts: int
    """The recorded activities of this kind at such a time."""
    attempted_by: tuple[str, ...]
    """Whose they are."""

    @property
    def is_milder(self) -> bool:
        """Whether the new policy treats it more mildly."""
        return self.after.strictness < self.before.strictness


@frozen(repr=False)
class Replay(Value):
    """What a policy would have changed. Ids are in the order of the customers' ids."""

    accounts: int
    activities: int
    rows: tuple[Affected, ...] = ()
    """The attempted first, then by how many customers."""
    unresolved: tuple[str, ...] = ()
    """Customers that were at a place that one of the configurations lacks; see `check_upgrade`."""
    skipped: int = 0
    """Activities of a kind that one of the configurations does not have."""
    depends_on: tuple[str, ...] = ()
    """The host's own policies that are not the same in both: which customers they would treat differently is UNKNOWN."""

    def rows_to(self, effect: Effect) -> tuple[Affected, ...]:
        """What would come to an effect that it does not have now: BLOCK for who would have been blocked."""
        return tuple(row for row in self.rows if row.after is effect)

    def rows_from(self, effect: Effect) -> tuple[Affected, ...]:
        """What would lose an effect that it has now: BLOCK for who would be blocked no longer."""
        return tuple(row for row in self.rows if row.before is effect)


class _Key(NamedTuple):
    action: AnyAction
    lifecycle: str
    status: str
    label: str | None
    before: Effect
    after: Effect
    depends_on: tuple[str, ...]


class _Tally:
    """What has been counted of one key."""

    def __init__(self) -> None:
        self.customers: dict[str, None] = {}
        self.now: dict[str, None] = {}
        self.attempts = 0
        self.attempted_by: dict[str, None] = {}


async def replay(
    old: OrgConfig[Any], new: OrgConfig[Any], store: AsyncStore, *, progress: Callable[[int], None] | None = None
) -> Replay:
    """
    Go through every account's history, and every activity at the standing of its time, with both policies.

    Conditions and the host's own policies cannot be asked about the past: what depends on one is reported with its name.

    Args:
        old: What was live; its organisation is the one that is read.
        new: What is to be.
        store: Where the accounts are.
        progress: Called with the number of finished accounts, page by page.

    Raises:
        StoreError: The store could not be read.
    """
    counted: dict[_Key, _Tally] = {}
    compared = _Compared(old, new)
    accounts = activities = skipped = 0
    unresolved: dict[str, None] = {}
    query: Accounts | None = Accounts(org=old.org)
    while query is not None:
        page = await store.page(query)
        for account in page:
            entries, done = await _life(store, account)
            activities += len(done)
            try:
                skipped += _count(account, entries, done, compared, counted)
            except StoredValueError:
                unresolved[account.customer] = None
        accounts += len(page)
        if progress is not None:
            progress(accounts)
        query = None if page.next is None else evolve(query, after=page.next)
    rows = [
        Affected(*key, tuple(each.customers), tuple(each.now), each.attempts, tuple(each.attempted_by))
        for key, each in counted.items()
    ]
    rows.sort(
        key=lambda row: (
            -row.attempts,
            -len(row.customers),
            row.action.name,
            row.lifecycle,
            row.status,
            row.label or "",
        )
    )
    return Replay(
        accounts, activities, tuple(rows), tuple(unresolved), skipped, tuple(own_differing(old.policy, new.policy))
    )


async def _life(store: AsyncStore, account: Account) -> tuple[list[Entry], list[StoredActivity]]:
    """The whole history of an account, and everything that its customer did, in the order of the time."""
    entries = await entries_of(store, account)
    query = Activities(org=account.org, customer=account.customer, newest_first=False, limit=MOST)
    done: list[StoredActivity] = []
    more = True
    while more:
        page = await store.page(query)
        done += page.items
        query, more = evolve(query, after=page.next), page.next is not None
    return entries, done


class _Compared:
    """Where an account is, to what is decided differently there; remembered, as there are few such places."""

    def __init__(self, old: OrgConfig[Any], new: OrgConfig[Any]) -> None:
        self._old = old.policy
        self._new = new.policy
        theirs = {action.value: action for action in old.all_actions}
        self._actions = [(theirs[action.value], action) for action in new.all_actions if action.value in theirs]
        self._known: dict[str, dict[str, _Key]] = {}
        self.kinds = frozenset(action.value for _, action in self._actions)

    def at(self, account: Account) -> dict[str, _Key]:
        """By the stored value of the action: what would be otherwise."""
        known = self._known.get(account.places)
        if known is None:
            known = self._known[account.places] = dict(self._differing(account))
        return known

    def _differing(self, account: Account) -> Iterator[tuple[str, _Key]]:
        for origin, now in self._actions:
            before, after = self._old.restricted(account, origin), self._new.restricted(account, now)
            if before.effect is after.effect and not differing(before, after):
                continue
            names = _run_time(before, self._old.own) | _run_time(after, self._new.own)
            deciding = max(before, after, key=lambda verdict: verdict.effect.strictness).contributions[0]
            label = None if deciding.label is None else deciding.label.text
            status: str = deciding.status.value
            yield (
                now.value,
                _Key(now, deciding.lifecycle, status, label, before.effect, after.effect, tuple(sorted(names))),
            )


def _run_time(verdict: Verdict, own: Iterable[str]) -> set[str]:
    """What decides a verdict at run time, beyond the rules."""
    theirs = set() if verdict.floor is Effect.BLOCK else set(own)
    return theirs | {condition.name for condition in verdict.conditions}


def _count(
    account: Account,
    entries: list[Entry],
    done: list[StoredActivity],
    compared: _Compared,
    counted: dict[_Key, _Tally],
) -> int:
    """Count one account's part; answers how many of its activities are of a kind that one configuration lacks."""
    now = compared.at(account)
    stood: list[tuple[datetime, dict[str, _Key]]] = []
    for at in sorted({entry.effective_at for entry in entries}):
        then = fold(entries, at)
        stood.append((at, {} if then is None else compared.at(then)))
    # Counted from here on: nothing is raised any more.
    for key in now.values():
        counted.setdefault(key, _Tally()).now[account.customer] = None
    for _, keys in stood:
        for key in keys.values():
            counted.setdefault(key, _Tally()).customers[account.customer] = None
    skipped = place = 0
    for activity in done:
        while place < len(stood) and stood[place][0] <= activity.at:
            place += 1
        attempted = stood[place - 1][1].get(activity.kind) if place else None
        if activity.kind not in compared.kinds:
            skipped += 1
        elif attempted is not None:
            counted[attempted].attempts += 1
            counted[attempted].attempted_by[account.customer] = None
    return skipped
