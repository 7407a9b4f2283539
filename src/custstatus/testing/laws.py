"""
Laws that hold of every store, to be put to the test with operations of any kind, random ones above all.

Each raises AssertionError where it is broken. Where two stores are compared, both start empty of the organisation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from custstatus import Applied, OrgConfig, StatusService
from custstatus.adapters import Accounts, Log, PreparedChange, PreparedSet, SetResult, Snapshot, Store, fold
from custstatus.testing.clock import MovableClock
from custstatus.testing.example import example
from custstatus.testing.naive import naive_faults
from custstatus.testing.operations import Host, Operation
from custstatus.testing.relay import RelayStore
from custstatus.testing.snapshots import answer, everything, plain, snapshot

__all__ = ["CheckedApply", "PlannedApply", "applies_as_planned", "history_folds", "same_behaviour"]


def same_behaviour(
    operations: Iterable[Operation],
    store_a: Store,
    store_b: Store,
    config: OrgConfig[Any] | None = None,
    *,
    key: bytes | None = None,
) -> list[tuple[object, ...]]:
    """
    Two stores answer the same to the same operations, and hold the same in the end.

    Compared are every answer (entries, refusals, decisions, pages) or error, and at last all that both stores hold.

    Args:
        operations: What is done, in order.
        store_a: One store.
        store_b: The other.
        config: The organisation; by default the example.
        key: The service's.

    Returns:
        What the operations were answered.
    """
    config = example() if config is None else config
    one_host, other_host = (_host(store, config, key) for store in (store_a, store_b))
    answers = []
    for operation in operations:
        one, other = answer(operation.perform, one_host), answer(operation.perform, other_host)
        assert one == other, f"{operation}:\n  one store {one}\n  the other {other}"
        answers.append(one)
    lifecycles = tuple(lifecycle.name for lifecycle in config.lifecycles)
    one_holds, other_holds = (snapshot(store, config.org, lifecycles) for store in (store_a, store_b))
    for what, held in one_holds.items():
        assert held == other_holds[what], f"{what}:\n  one store {held}\n  the other {other_holds[what]}"
    return answers


def _host(store: Store, config: OrgConfig[Any], key: bytes | None) -> Host:
    clock = MovableClock()
    return Host(StatusService(store, config, key=key, clock=clock), clock)


class PlannedApply(RelayStore):
    """The same store, but one that plans every change: its `apply` and its `apply_set` only read."""

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        return self.store.read(prepared)


class CheckedApply(RelayStore):
    """
    The same store; where its `apply` makes no change, it must have read it all and written nothing.

    Of its `apply_set` likewise, row by row.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.applied: list[PreparedChange] = []
        """The changes that it made by itself."""
        self.found: list[PreparedChange] = []
        """Those for which it answered what stands there."""
        self.moved: list[PreparedChange] = []
        """The changes that it made as part of a set."""
        self.left: list[PreparedChange] = []
        """Those of sets for which it answered what stands there."""

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        before = self.store.read(prepared)
        got = self.store.apply(prepared)
        if isinstance(got, Applied):
            self.applied.append(prepared)
            return got
        self.found.append(prepared)
        after = self.store.read(prepared)
        assert plain(got) == plain(before), f"apply found {got}, read {before}"
        assert plain(after) == plain(before), (
            f"apply wrote, though it answered Snapshot: before {before}, after {after}"
        )
        return got

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        before = [self.store.read(each) for each in prepared.each()]
        answers = self.store.apply_set(prepared)
        assert len(answers) == len(before), f"apply_set answered {len(answers)} of {len(before)} rows"
        for each, read, got in zip(prepared.each(), before, answers, strict=True):
            after = self.store.read(each)
            if isinstance(got, SetResult):
                self.moved.append(each)
                stands = after.account
                assert stands is not None, f"apply_set moved {got}, who is not there"
                assert not prepared.preview, f"apply_set moved {got}, asked only to read"
                assert not got.replayed, f"apply_set made {got} anew and calls it a replay"
                assert (got.customer, got.version) == (stands.customer, stands.version), (
                    f"apply_set made {got}: {after}"
                )
                assert not read.prior, f"apply_set moved {got}, whom the run had moved: {read.prior}"
            else:
                self.left.append(each)
                assert plain(got) == plain(read), f"apply_set found {got}, read {read}"
                assert plain(after) == plain(read), (
                    f"apply_set wrote, though it answered Snapshot: {read}, then {after}"
                )
        return answers


def applies_as_planned(
    operations: Iterable[Operation], store: Store, twin: Store, config: OrgConfig[Any] | None = None
) -> CheckedApply:
    """
    What a store's `apply` and `apply_set` do is what reading, planning and committing would have done on an equal twin.

    Args:
        operations: What is done, in order.
        store: The store whose `apply` and `apply_set` are tried.
        twin: Another one like it, whose own are not used.
        config: The organisation; by default the example.

    Returns:
        Which changes it made by itself, one by one or as part of a set, and which it left to be planned: see to it that the
        former are not few.
    """
    checked = CheckedApply(store)
    same_behaviour(operations, checked, PlannedApply(twin), config)
    return checked


def history_folds(service: StatusService[Any]) -> int:
    """
    Every account is what its history gives, by the library's fold as well as by another one that shares nothing with it.

    Returns:
        How many entries were folded.
    """
    verification = service.verify()
    assert not verification.faults, verification.faults
    store, config = service.store, service.config
    seen = 0
    for account in everything(store.page, Accounts(org=config.org)):
        entries = list(everything(store.page, Log(org=config.org, customer=account.customer)))
        seen += len(entries)
        folded = fold(entries)
        assert folded is not None, f"{account.customer} has no history"
        entered = tuple(row for row in account.standings if row.status is not None)
        gives = (folded.version, folded.registered_at, folded.closed_at, folded.standings)
        stands = (account.version, account.registered_at, account.closed_at, entered)
        assert plain(gives) == plain(stands), f"{account.customer}: its history gives {gives}, it stands at {stands}"
        faults = naive_faults(account, entries, len(service.identifiers(account.customer)), config)
        assert not faults, f"{account.customer}: {faults}"
    assert seen == verification.entries, f"{seen} entries were folded, {verification.entries} verified"
    return seen
