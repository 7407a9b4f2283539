"""One customer's card, as a person at a desk reads it: what is stored, as it is stored."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve
from rich.console import Console, RenderableType
from rich.text import Text

from custstatus import CuststatusError, Effect, Entry, UnknownCustomerError
from custstatus.adapters import Activities, Log
from custstatus.cli.kept import Kept
from custstatus.cli.tables import History, day_and_time, place, plain, table, words
from custstatus.policies import Contribution

__all__ = ["Card"]

Lines = Iterator[RenderableType]

_LAST = 7
"""How many activities are shown (D90)."""


class Card:
    """
    A customer's card.

    Raises:
        UnknownCustomerError: No such customer.
        StoreError: The store could not be read.
    """

    def __init__(self, kept: Kept, customer: str) -> None:
        account = kept.store.load(kept.org, customer)
        if account is None:
            raise UnknownCustomerError(kept.org, customer)
        self._kept = kept
        self._account = account

    def print(self, console: Console) -> None:
        """Print all of it."""
        for title, lines in (
            (f"{plain(self._account.customer)} of {plain(self._kept.org)}", self._heading()),
            ("Stands at", self._standings()),
            ("Restricted now", self._restrictions()),
            ("Found by", self._identifiers()),
            ("History", self._history()),
            (f"Last {_LAST} activities", self._activities()),
        ):
            console.print(Text(title, style="bold"))
            for line in lines:
                console.print(line)
            console.print()

    def _heading(self) -> Lines:
        account, zone = self._account, self._kept.zone
        registered, named = day_and_time(account.registered_at, zone), getattr(zone, "key", "UTC")
        yield f"Registered {registered}, version {account.version}. Times: {named}."
        if account.closed_at is not None:
            yield f"Closed for good {day_and_time(account.closed_at, zone)}."

    def _standings(self) -> Lines:
        rows = (
            [
                words(standing.lifecycle),
                place(standing.status, standing.label),
                day_and_time(standing.status_since, self._kept.zone),
                day_and_time(standing.since, self._kept.zone),
                plain(standing.by.id),
            ]
            for standing in self._account.standings
            if standing.status is not None
        )
        yield table("lifecycle", "stands at", "status since", "last updated on", "by", rows=rows)

    def _restrictions(self) -> Lines:
        config = self._kept.config
        if config is None:
            yield "Not known: the configuration kept in the file cannot be resolved by this version."
            return
        try:
            verdicts = {action: config.policy.restricted(self._account, action) for action in config.all_actions}
        except CuststatusError as error:
            yield plain(str(error))
            return
        rows = [
            [words(action.value), each.effect.value, plain("; ".join(map(_because, each.contributions)))]
            for action, each in verdicts.items()
            if each.effect is not Effect.ALLOW
        ]
        if len(rows) == len(verdicts) and len({(effect, why) for _, effect, why in rows}) == 1:
            rows = [["everything", *rows[0][1:]]]
        yield table("action", "effect", "because", rows=rows) if rows else "Nothing."
        if config.policies:
            yield plain(f"Decided at run time as well, by code that is not loaded: {', '.join(config.policies)}.")

    def _identifiers(self) -> Lines:
        held = self._kept.store.identifiers(self._kept.org, self._account.customer)
        yield ", ".join(f"{words(each.type)} since {day_and_time(each.since, self._kept.zone)}" for each in held) or "-"

    def _history(self) -> Lines:
        yield History(tuple(self._entries()), self._kept.zone)

    def _entries(self) -> Iterator[Entry]:
        query: Log | None = Log(org=self._kept.org, customer=self._account.customer, limit=1_000)
        while query is not None:
            page = self._kept.store.page(query)
            yield from page
            query = None if page.next is None else evolve(query, after=page.next)

    def _activities(self) -> Lines:
        query = Activities(org=self._kept.org, customer=self._account.customer, limit=_LAST)
        rows = [
            [
                day_and_time(activity.at, self._kept.zone),
                words(activity.kind),
                plain(activity.reference),
                "" if activity.amount is None else f"{activity.amount:f}",
                activity.effect.value,
            ]
            for activity in self._kept.store.page(query)
        ]
        yield table("when", "what", "reference", "amount", "effect", rows=rows, numbers=[3]) if rows else "None."


def _because(each: Contribution) -> str:
    condition, party = each.rule.condition, each.rule.party
    side = "" if party is None else f" (as {party.value})"
    return each.rule.reason + side + ("" if condition is None else f" (if {condition.name})")
