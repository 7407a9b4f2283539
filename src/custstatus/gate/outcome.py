"""What comes of a change: the snapshot of what the store has, the plan of what is to be written, and what was applied."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import field, frozen

from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.gate.prepared import PreparedChange
    from custstatus.gate.refusal import Warned
    from custstatus.gate.request import Token
    from custstatus.records import Account, Entry, Standing

__all__ = ["AccountPlan", "Applied", "Plan", "Snapshot"]


@frozen(eq=False, slots=False, repr=False)
class Snapshot(Value):
    """What the store has that concerns a change: the account, and earlier entries of the same key."""

    account: Account | None
    prior: tuple[Entry, ...] = ()
    """The entries that the change's key has already written, or its run for this customer on its lifecycles."""
    origins: tuple[Entry, ...] = ()
    """The entries that the standings' `return_to` name."""
    holders: Mapping[str, str] = field(factory=dict, repr=False)
    """Which living account holds each token that the change adds or drops."""
    last_activity_at: datetime | None = None
    """The last activity that counts; read when the change asks for quiet."""


@frozen(eq=False, slots=False, repr=False)
class AccountPlan(Value):
    """What is to be written for one account."""

    org: str
    customer: str
    expected: int | None
    """The version that the account must have; None: there must be no such account."""
    entries: tuple[Entry, ...]
    standings: tuple[Standing[str, str], ...]
    """The rows as they are to be; those of other lifecycles stay."""
    registered_at: datetime | None = None
    closed_at: datetime | None = None
    adds: tuple[Token, ...] = ()
    drops: tuple[Token, ...] = ()


@frozen(eq=False, slots=False, repr=False)
class Plan(Value):
    """Exactly what a change writes, for one account or several: all of it or nothing."""

    prepared: PreparedChange
    accounts: tuple[AccountPlan, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of all accounts, in order."""
        return tuple(entry for account in self.accounts for entry in account.entries)


@frozen(slots=False, repr=False)
class Applied(Value):
    """A change that was made, with its entries in order."""

    entries: tuple[Entry, ...]
    replayed: bool = False
    """The key, or the run, had made it before; nothing was written now."""
    warnings: tuple[Warned, ...] = ()
