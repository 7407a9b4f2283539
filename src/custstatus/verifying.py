"""Verification: that folding every account's history gives its current rows, and where it does not."""

from __future__ import annotations

from typing import NamedTuple

from attrs import evolve, frozen

from custstatus.flows import Call, Flow
from custstatus.planning import fold
from custstatus.queries import MOST, Accounts, Log
from custstatus.records import Account, Entry, EntryKind, Page
from custstatus.values import Value

__all__ = ["Fault", "Verification", "entries_of", "verify", "verify_log"]


class Fault(NamedTuple):
    """One thing about one account that its history does not bear out."""

    customer: str
    what: str


@frozen(repr=False)
class Verification(Value):
    """What was looked at, and every fault found."""

    accounts: int
    entries: int
    faults: tuple[Fault, ...] = ()

    def __add__(self, other: Verification) -> Verification:
        """Both in one."""
        return Verification(self.accounts + other.accounts, self.entries + other.entries, self.faults + other.faults)


def verify(query: Accounts) -> Flow[tuple[Verification, str | None]]:
    """Verify one page of accounts; also answers where the next page begins."""
    page: Page[Account] = yield Call.of("accounts", query)
    seen = 0
    faults: list[Fault] = []
    for account in page:
        entries = yield from entries_of(account)
        seen += len(entries)
        faults += [Fault(account.customer, what) for what in _faults(account, entries)]
    return Verification(len(page), seen, tuple(faults)), page.next


def verify_log(query: Log) -> Flow[tuple[tuple[Fault, ...], str | None]]:
    """Whether each registration in one page of an organisation's log has its account; also where the next page begins."""
    page: Page[Entry] = yield Call.of("log", query)
    lost: list[Fault] = []
    for entry in page:
        if entry.kind is EntryKind.REGISTERED:
            account: Account | None = yield Call.of("load", entry.org, entry.customer)
            lost += [] if account else [Fault(entry.customer, "its history is there, but not the account")]
    return tuple(lost), page.next


def entries_of(account: Account) -> Flow[list[Entry]]:
    """The whole history of an account, in the order of the versions."""
    query = Log(org=account.org, customer=account.customer, limit=MOST)
    entries: list[Entry] = []
    more = True
    while more:
        page: Page[Entry] = yield Call.of("log", query)
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
