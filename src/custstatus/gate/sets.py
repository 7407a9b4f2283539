"""
The same change of many accounts, as data for a store: the shared part is prepared once.

A store that changes a set at once does to each row what it would have done to that row alone; one that cannot applies them
one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from attrs import evolve, field, frozen

from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.gate.outcome import Applied, Snapshot
    from custstatus.gate.prepared import PreparedChange, Step

__all__ = ["PreparedSet", "SetResult", "SetRow"]


class SetRow(NamedTuple):
    """The part of a set's change that is one account's own."""

    customer: str
    reason: str | None = None
    """None for the shared one."""
    reason_digest: bytes | None = None
    shop: str | None = None
    entry: int | None = None
    """The version of the entry that must still be the last of the lifecycle."""


@frozen(eq=False, repr=False)
class PreparedSet(Value):
    """One change of several accounts, each once: of a single lifecycle, part of a run, without a key or an expected version."""

    prepared: PreparedChange
    """The shared part; its `customer` is ignored."""
    rows: tuple[SetRow, ...] = field(repr=False)
    preview: bool = False
    """Whether to return a snapshot of each, and change none."""

    @property
    def step(self) -> Step | None:
        """The step by which a store may change the set as one; None where each row is to be read, or planned by itself."""
        return None if self.preview else self.prepared.single

    def each(self) -> Iterator[PreparedChange]:
        """The changes one by one."""
        return map(self.of, self.rows)

    def of(self, row: SetRow) -> PreparedChange:
        """One row as a change of its own."""
        common = self.prepared
        own = row.reason is not None
        return evolve(
            common,
            customer=row.customer,
            reason=row.reason if own else common.reason,
            reason_digest=row.reason_digest if own else common.reason_digest,
            shop=row.shop or common.shop,
            entry=row.entry or common.entry,
        )

    def left(self, moved: Iterable[SetResult]) -> tuple[str, ...]:
        """The customers that were not changed, in the order of the rows."""
        done = {each.customer for each in moved}
        return tuple(row.customer for row in self.rows if row.customer not in done)

    def answers(self, moved: Iterable[SetResult], found: Mapping[str, Snapshot]) -> tuple[SetResult | Snapshot, ...]:
        """The result of each row, in their order: what was changed, or the snapshot of what was not."""
        answers: dict[str, SetResult | Snapshot] = {each.customer: each for each in moved}
        answers.update(found)
        return tuple(answers[row.customer] for row in self.rows)


class SetResult(NamedTuple):
    """One account that was changed as part of a set."""

    customer: str
    version: int
    """The entry's."""
    status: str | None
    """Where it was before."""
    label: str | None
    replayed: bool = False
    """The run had changed it before; nothing was written now."""

    @classmethod
    def by(cls, applied: Applied) -> SetResult:
        """The result for an account that was changed by itself."""
        entry = applied.entries[0]
        return cls(entry.customer, entry.version, entry.from_status, entry.from_label, applied.replayed)
