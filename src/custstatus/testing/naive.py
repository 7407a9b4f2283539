"""
What a history comes to, told once more in the plainest way: it shares no line with the library's own fold.

The way back is kept as a stack here, where entries and standings hold a pointer: a set-aside place is pushed on being left for
one, popped on going back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from custstatus import Account, CustomerStatus, Entry, EntryKind, OrgConfig, StatusLabel

__all__ = ["naive_faults"]


def naive_faults(account: Account, entries: Sequence[Entry], held: int, config: OrgConfig[Any]) -> list[str]:
    """
    Everything in which an account is not what its entries come to.

    Args:
        account: As it is stored.
        entries: Its whole history.
        held: How many identifiers it holds.
        config: The organisation; the ways back are followed only where it made all the entries.
    """
    faults = []
    if [entry.version for entry in entries] != list(range(1, account.version + 1)):
        faults.append(f"versions {[entry.version for entry in entries]} up to {account.version}")
    if not entries or entries[0].kind is not EntryKind.REGISTERED:
        return [*faults, "no registration at the beginning"]
    if account.registered_at != entries[0].effective_at:
        faults.append(f"registered at {account.registered_at}, not {entries[0].effective_at}")
    closings = [entry for entry in entries if entry.closes]
    if closings and any(entry.version > closings[0].version for entry in entries):
        faults.append("entries after the one that closed it")
    if account.closed_at != (closings[0].effective_at if closings else None):
        faults.append(f"closed at {account.closed_at}")
    for row in account.standings:
        moved = [entry for entry in entries if entry.lifecycle == row.lifecycle]
        faults += _row_faults(row, moved)
        if all(entry.config == config.hash for entry in moved):
            faults += _ways_back(moved, config)
    strays = {entry.lifecycle for entry in entries if entry.lifecycle} - {row.lifecycle for row in account.standings}
    if strays:
        faults.append(f"entries, but no rows, on {sorted(strays)}")
    come = sum(entry.kind is EntryKind.IDENTIFIER_ADDED for entry in entries)
    gone = sum(entry.kind is EntryKind.IDENTIFIER_REMOVED for entry in entries)
    if held != (0 if closings else come - gone):
        faults.append(f"{held} identifiers held, {come} added, {gone} removed")
    return faults


def _row_faults(row: Any, moved: Sequence[Entry]) -> list[str]:
    """Where a row is not what the last of the entries on its lifecycle says."""
    if not moved:
        return [] if (row.status, row.label, row.return_to) == (None, None, None) else [f"{row} without an entry"]
    last = moved[-1]
    entered = last
    for entry in reversed(moved):
        if entry.to_status != last.to_status:
            break
        entered = entry
    says = {
        "status": last.to_status,
        "label": last.to_label,
        "since": last.effective_at,
        "status_since": entered.effective_at,
        "by": (last.actor.id, last.actor.kind, None),
        "entry": last.version,
        "return_to": last.return_to,
    }
    stands = {
        "status": row.status,
        "label": row.label,
        "since": row.since,
        "status_since": row.status_since,
        "by": (row.by.id, row.by.kind, row.by.name),
        "entry": row.entry,
        "return_to": row.return_to,
    }
    return [f"{row.lifecycle}: {name} {stands[name]}, not {says[name]}" for name in says if stands[name] != says[name]]


def _ways_back(moved: Sequence[Entry], config: OrgConfig[Any]) -> list[str]:
    """Where an entry's way back is not the top of the stack."""
    faults = []
    stack: list[Entry] = []
    before: Entry | None = None
    for entry in moved:
        place, status = (entry.to_status, entry.to_label), entry.from_status
        group = _aside(config, entry)
        if before is None or status is None:
            stack = []
        elif status in group or entry.from_label in group:
            pass  # from one set-aside place to another of the same group
        elif stack and (stack[-1].to_status, stack[-1].to_label) == place:
            stack.pop()
        elif group and (entry.to_label not in group or status == entry.to_status):
            stack.append(before)
        else:
            stack = []
        if entry.return_to != (stack[-1].version if stack else None):
            faults.append(f"entry {entry.version} leads back to {entry.return_to}, not to {stack[-1:]}")
        if entry.effective_at < (before or entry).effective_at:
            faults.append(f"entry {entry.version} counts from before the one that it follows")
        before = entry
    return faults


def _aside(config: OrgConfig[Any], entry: Entry) -> frozenset[str]:
    """The set-aside group that an entry leads to: its statuses, or the idle labels."""
    lifecycle = config.lifecycle(entry.lifecycle or "")
    if lifecycle is None:
        return frozenset()
    for group in lifecycle.aside:
        values = frozenset(status.value for status in group)
        if entry.to_status in values:
            return values
    idle = frozenset(
        rule.to.text
        for rule in config.idle
        if isinstance(rule.to, StatusLabel) and rule.to.status is CustomerStatus.ACTIVE
    )
    return idle if entry.to_label in idle else frozenset()
