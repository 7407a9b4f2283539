"""What hosts do to many customers at once, as operations: imports of tables, and runs taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from custstatus import CUSTOMER_STATUS, Channel
from custstatus.operations import ImportedRow, Reversed
from custstatus.tables import StatusRow
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
    preview: bool = False

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
            on_rows=told.append,
            preview=self.preview,
        )
        return done, told


@frozen
class Reverse:
    """A run taken back."""

    run: str
    manner: Manner = _AGENT
    preview: bool = False

    def perform(self, host: Host) -> object:
        told: list[Sequence[Reversed]] = []
        desk, manner = self.manner.desk(host.service), self.manner
        done = desk.reverse(
            self.run, reason=manner.reason, reason_code=manner.reason_code, on_rows=told.append, preview=self.preview
        )
        return done, told
