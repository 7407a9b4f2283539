"""
The same change of many accounts, as data for a store: what they have in common is guarded once.

A store that changes a set by itself makes of each row what it would have made of that row alone; one that does not applies
them one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from attrs import evolve, field, frozen

from custstatus.changes import Applied, Found, GuardedChange, Step
from custstatus.values import Value

__all__ = ["Each", "GuardedSet", "Moved"]


class Each(NamedTuple):
    """What one account's change has of its own."""

    customer: str
    reason: str | None = None
    """Where it is not that of all."""
    reason_digest: bytes | None = None
    shop: str | None = None
    entry: int | None = None
    """The version of the entry that must still be the last of the lifecycle."""


@frozen(eq=False, repr=False)
class GuardedSet(Value):
    """One change of several accounts, each once: of a single lifecycle, part of a run, without a key or an expected version."""

    guarded: GuardedChange
    """What all have in common; its customer counts for nothing."""
    rows: tuple[Each, ...] = field(repr=False)
    only_read: bool = False
    """Whether to answer what stands there of all, and change none."""

    @property
    def step(self) -> Step | None:
        """The step by which a store may change the set as one; None where each row is to be read, or planned by itself."""
        return None if self.only_read else self.guarded.single

    def each(self) -> Iterator[GuardedChange]:
        """The changes one by one."""
        return map(self.of, self.rows)

    def of(self, row: Each) -> GuardedChange:
        """One row as a change of its own."""
        common = self.guarded
        own = row.reason is not None
        return evolve(
            common,
            customer=row.customer,
            reason=row.reason if own else common.reason,
            reason_digest=row.reason_digest if own else common.reason_digest,
            shop=row.shop or common.shop,
            entry=row.entry or common.entry,
        )

    def left(self, moved: Iterable[Moved]) -> tuple[str, ...]:
        """The customers who are not among those that were moved, in the order of the rows."""
        done = {each.customer for each in moved}
        return tuple(row.customer for row in self.rows if row.customer not in done)

    def answers(self, moved: Iterable[Moved], found: Mapping[str, Found]) -> tuple[Moved | Found, ...]:
        """What became of each row, in their order: moved, or what was found of those that are left."""
        answers: dict[str, Moved | Found] = {each.customer: each for each in moved}
        answers.update(found)
        return tuple(answers[row.customer] for row in self.rows)


class Moved(NamedTuple):
    """One account that was changed as part of a set."""

    customer: str
    version: int
    """The entry's."""
    status: str | None
    """Where it stood before."""
    label: str | None
    replayed: bool = False
    """The run had changed it before; nothing was written now."""

    @classmethod
    def by(cls, applied: Applied) -> Moved:
        """One that was changed by itself."""
        entry = applied.entries[0]
        return cls(entry.customer, entry.version, entry.from_status, entry.from_label, applied.replayed)
