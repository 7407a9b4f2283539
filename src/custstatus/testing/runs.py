"""What hosts do to many customers at once, as operations: imports of tables, and runs taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from custstatus import CUSTOMER_STATUS, Channel
from custstatus.bulk import ImportedRow, Reversed, StatusRow
from custstatus.testing.operations import Host, Manner

__all__ = ["Import", "Reverse"]

_AGENT = Manner()
_IMPORTER = Manner(channel=Channel.IMPORT)


@frozen
class Import:
    """Statuses of several customers, from a table."""

    rows: tuple[StatusRow, ...]
    lifecycle: str = CUSTOMER_STATUS.name
    """Its name."""
    manner: Manner = _IMPORTER
    run: str | None = None
    approval: str | None = None
    dry: bool = False

    @classmethod
    def of(cls, target: str, *customers: str, **given: Any) -> Import:
        """Some customers to one place."""
        rows = (StatusRow(line, customer, (), target, None, None) for line, customer in enumerate(customers, 2))
        return cls(tuple(rows), **given)

    def perform(self, host: Host) -> object:
        told: list[Sequence[ImportedRow]] = []
        done = self.manner.desk(host.service).import_statuses(
            self.rows,
            host.lifecycle(self.lifecycle),
            reason=self.manner.reason,
            reason_code=self.manner.reason_code,
            approval=self.approval,
            run=self.run,
            told=told.append,
            preview=self.dry,
        )
        return done, told


@frozen
class Reverse:
    """A run taken back."""

    run: str
    manner: Manner = _AGENT
    dry: bool = False

    def perform(self, host: Host) -> object:
        told: list[Sequence[Reversed]] = []
        desk, manner = self.manner.desk(host.service), self.manner
        done = desk.reverse(
            self.run, reason=manner.reason, reason_code=manner.reason_code, told=told.append, preview=self.dry
        )
        return done, told
