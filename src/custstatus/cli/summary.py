"""What the demo tells at its end, for a person; read from the store, all but the counts of what was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from rich.console import Console
from rich.text import Text

from custstatus import (
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Activity,
    AnyAction,
    CustomerStatus,
    Effect,
    Entry,
    Listed,
    Refusal,
    StatusService,
)
from custstatus.cli.programme import PROGRAMME, Label
from custstatus.cli.purchases import Purchases
from custstatus.cli.replay import Outcome
from custstatus.cli.story import Part
from custstatus.cli.tables import day_and_time, history, many, place, plain, table

__all__ = ["Summary"]

_ZONE = PROGRAMME.time_zone
_FIRST = 8
"""How many rows of a long list are shown."""
_ALL = 10_000


class Summary:
    """The end of the demo."""

    def __init__(self, service: StatusService[Label], outcome: Outcome, purchases: Purchases) -> None:
        self._service = service
        self._outcome = outcome
        self._purchases = purchases

    def print(self, console: Console) -> None:
        """Print all of it."""
        for title, parts in (
            (self._title(), ()),
            ("Where the customers stand", self._counts()),
            ("What they asked for", self._decisions()),
            *self._played(),
            ("Inactive for more than 90 days", self._inactive()),
            ("Deleted", self._deleted()),
            ("Verification", self._verification()),
        ):
            console.print(Text(title, style="bold"))
            for part in parts:
                console.print(part)
            console.print()

    def _title(self) -> str:
        bought = self._purchases
        return (
            f"{many(len(bought.baskets), 'basket')} and {many(len(bought.redemptions), 'coupon redemption')} of "
            f"{many(bought.households, 'household')}, {bought.first_day} to {bought.last_day}"
        )

    def _counts(self) -> Iterator[object]:
        rows = [
            (lifecycle.name, place(tally.status and tally.status.value, tally.label and tally.label.text), tally.accounts)
            for lifecycle in (CUSTOMER_STATUS, MEMBERSHIP)
            for tally in self._service.counts(lifecycle)
        ]
        lines = ((name, where, f"{accounts:,}") for name, where, accounts in rows)
        yield table("lifecycle", "stands at", "accounts", rows=lines, numbers=[2])
