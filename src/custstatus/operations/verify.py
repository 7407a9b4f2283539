"""VerifyReport: that folding every account's history gives its current rows, and where it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from attrs import evolve, frozen

from custstatus.adapters.queries import MOST, Accounts, Log
from custstatus.gate.history import fold
from custstatus.records import Account, Entry, EntryKind
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.adapters._made.async_store import AsyncStore

__all__ = ["Fault", "VerifyReport", "entries_of", "verify"]


class Fault(NamedTuple):
    """One thing about one account that its history does not bear out."""

    customer: str
    what: str


@frozen(repr=False)
class VerifyReport(Value):
    """What was looked at, and every fault found."""

    accounts: int
    entries: int
    faults: tuple[Fault, ...] = ()

    def __add__(self, other: VerifyReport) -> VerifyReport:
        """Both in one."""
        return VerifyReport(self.accounts + other.accounts, self.entries + other.entries, self.faults + other.faults)


async def verify(store: AsyncStore, org: str, progress: Callable[[int], None] | None) -> VerifyReport:
    """Fold the history of every account and compare it with the current rows; and find histories without an account."""
    total = VerifyReport(0, 0)
    accounts: Accounts | None = Accounts(org=org)
    while accounts is not None:
        verified, following = await _verify_page(store, accounts)
        total += verified
        if progress is not None:
            progress(total.accounts)
        accounts = None if following is None else evolve(accounts, after=following)
    log: Log | None = Log(org=org, limit=MOST)
    while log is not None:
        lost, following = await _verify_log(store, log)
        total += VerifyReport(0, 0, lost)
        log = None if following is None else evolve(log, after=following)
    return total


async def _verify_page(store: AsyncStore, query: Accounts) -> tuple[VerifyReport, str | None]:
    """Verify one page of accounts; also answers where the next page begins."""
    page = await store.page(query)
    seen = 0
    faults: list[Fault] = []
    for account in page:
        entries = await entries_of(store, account)
        seen += len(entries)
        faults += [Fault(account.customer, what) for what in _faults(account, entries)]
    return VerifyReport(len(page), seen, tuple(faults)), page.next


async def _verify_log(store: AsyncStore, query: Log) -> tuple[tuple[Fault, ...], str | None]:
    """Whether each registration in one page of an organisation's log has its account; also where the next page begins."""
    page = await store.page(query)
    lost: list[Fault] = []
    for entry in page:
        if entry.kind is EntryKind.REGISTERED:
            account: Account | None = await store.load(entry.org, entry.customer)
            lost += [] if account else [Fault(entry.customer, "its history is there, but not the account")]
    return tuple(lost), page.next


async def entries_of(store: AsyncStore, account: Account) -> list[Entry]:
    """The whole history of an account, in the order of the versions."""
    query = Log(org=account.org, customer=account.customer, limit=MOST)
    entries: list[Entry] = []
    more = True
    while more:
        page = await store.page(query)
        entries += page.items
        query, more = evolve(query, after=page.next), page.next is not None
    return entries


def _faults(account: Account, entries: list[Entry]) -> list[str]:
    faults = []
    if [entry.version for entry in entries] != list(range(1, len(entries) + 1)):
        faults.append("the versions of its entries are not 1, 2, 3 and so on")
    if not entries or entries[0].kind is not EntryKind.REGISTERED:
        faults.append("its history does not begin with its registration")
    at: dict[str | None, tuple[str | None, str | None]] = {}
    for entry in entries:
        if entry.kind is EntryKind.MOVED:
            if at.get(entry.lifecycle, (None, None)) != (entry.from_status, entry.from_label):
                faults.append(f"entry {entry.version} does not start where the one before it ended")
            at[entry.lifecycle] = (entry.to_status, entry.to_label)
    folded = fold(entries)
    if folded is None:
        return faults
    faults += [
        f"its {name} is not what its history gives"
        for name in ("version", "registered_at", "closed_at")
        if getattr(folded, name) != getattr(account, name)
    ]
    entered = tuple(row for row in account.standings if row.status is not None)
    if folded.standings != entered:
        faults.append("its standings are not what its history gives")
    return faults
