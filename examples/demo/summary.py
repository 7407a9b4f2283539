"""What the demo tells at its end, for a person; read from the store, all but the counts of what was asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.text import Text

from custstatus import CUSTOMER_STATUS, CustomerStatus, Effect, Identifier, Listed, StatusService
from examples.demo.programme import PROGRAMME, Label
from examples.demo.purchases import Purchases
from examples.demo.replay import Outcome
from examples.demo.story import Part
from examples.demo.tables import day_and_time, history, many, place, table, words

__all__ = ["Summary"]

Lines = Iterator[RenderableType]

_ZONE = PROGRAMME.time_zone
_IDLE = PROGRAMME.idle[0]
_FIRST = 8
"""How many rows of a long list are shown."""
_PAGE = 10_000
_DONE = {Effect.MARK: "marked", Effect.BLOCK: "blocked"}


class Summary:
    """The end of the demo, as the store and the replay tell it."""

    def __init__(self, service: StatusService[Label], outcome: Outcome, purchases: Purchases) -> None:
        self._service = service
        self._outcome = outcome
        self._purchases = purchases

    def print(self, console: Console) -> None:
        """Print all of it, section by section."""
        for title, lines in self._sections():
            console.print(Text(title, style="bold"))
            for line in lines:
                console.print(line)
            console.print()

    def _sections(self) -> Iterator[tuple[str, Lines]]:
        played = self._outcome.played
        yield "What happened", self._replayed()
        yield "Where the customers stand", self._counts()
        yield "What was asked, and decided", self._decisions()
        if customer := played.get(Part.LOSES_PHONE):
            yield f"{customer} lost the phone", self._lost_phone(customer)
        if customer := played.get(Part.IS_SUSPECTED):
            yield f"{customer} was suspected of fraud, and cleared", self._suspected(customer)
        if customer := played.get(Part.LEAVES_PROGRAMME):
            yield f"{customer} left the programme and shops on", self._left(customer)
        yield f"Inactive: no purchase for more than {_IDLE.after.days} days", self._inactive()
        yield "Deleted", self._deleted()
        if self._outcome.returned is not None:
            yield f"{self._outcome.returned.old} came back", self._returned()
        yield "Verification", self._verification()

    def _replayed(self) -> Lines:
        bought = self._purchases
        yield (
            f"{many(len(bought.baskets), 'basket')} and {many(len(bought.redemptions), 'coupon redemption')} of "
            f"{many(bought.households, 'household')}, from {bought.first_day} to {bought.last_day}, were asked for one by "
            f"one and recorded day by day."
        )

    def _counts(self) -> Lines:
        rows = []
        for lifecycle in PROGRAMME.lifecycles:
            for tally in self._service.counts(lifecycle):
                status, label = tally.status and tally.status.value, tally.label and tally.label.text
                rows.append([words(lifecycle.name), place(status, label), f"{tally.accounts:,}"])
        yield table("lifecycle", "stands at", "accounts", rows=rows, numbers=[2])

    def _decisions(self) -> Lines:
        counted = self._outcome.decisions
        asked = [action for action in PROGRAMME.all_actions if any((action, effect) in counted for effect in Effect)]
        rows = ([words(action.value), *(f"{counted[action, effect]:,}" for effect in Effect)] for action in asked)
        yield table("action", "allowed", "marked", "blocked", rows=rows, numbers=[1, 2, 3])

    def _lost_phone(self, customer: str) -> Lines:
        yield history(self._service.history(customer), _ZONE)
        yield f"Meanwhile: {self._restricted(customer)}."
        denial = self._outcome.denials.get(customer)
        if denial is not None:
            yield f"Staff read:    {denial.code}: {'; '.join(each.rule.reason for each in denial.contributions)}"
            yield f"Lifted by:     {denial.lifts[0]}"
            yield f"Customer told: {denial.customer_message}"

    def _suspected(self, customer: str) -> Lines:
        yield history(self._service.history(customer, lifecycle=CUSTOMER_STATUS), _ZONE)
        yield f"Meanwhile: {self._restricted(customer)}. Clearing restored status and label."

    def _left(self, customer: str) -> Lines:
        for standing in self._service.standings(customer):
            label = standing.label and standing.label.text
            since = day_and_time(standing.since, _ZONE)
            yield f"{words(standing.lifecycle)}: {place(standing.status and standing.status.value, label)} since {since}"
        yield f"Since then: {self._restricted(customer)}."

    def _restricted(self, customer: str) -> str:
        """What a customer did that was not simply allowed, counted."""
        done = self._service.activities(customer, limit=_PAGE)
        found = Counter((words(activity.kind.value), activity.effect) for activity in done)
        told = [f"{kind} {_DONE[effect]} {count:,}x" for (kind, effect), count in found.items() if effect in _DONE]
        return ", ".join(sorted(told)) or "nothing was restricted"

    def _inactive(self) -> Lines:
        swept = [(day, len(sweep.moved)) for day, sweep in self._outcome.sweeps if sweep.moved]
        if swept:
            listed = ", ".join(f"{day} ({count:,})" for day, count in swept)
            moved, back = sum(count for _, count in swept), len(self._outcome.recorded.back)
            yield f"Put under {Label.DORMANT.text} by the monthly sweep: {moved:,}; on {listed}."
            yield f"Brought back by their next purchase: {back:,}."
        yield from self._listed(self._everyone_inactive())

    def _everyone_inactive(self) -> Iterator[Listed[CustomerStatus, Label]]:
        after: str | None = None
        while True:
            page = self._service.inactive(_IDLE.after, after=after, limit=_PAGE)
            yield from page
            if page.next is None:
                return
            after = page.next

    def _deleted(self) -> Lines:
        yield from self._listed(iter(self._service.customers(CUSTOMER_STATUS, CustomerStatus.DELETED, limit=_PAGE)))

    def _listed(self, listed: Iterator[Listed[CustomerStatus, Label]]) -> Lines:
        everyone = list(listed)
        rows = (
            [
                each.customer,
                place(
                    each.standing.status and each.standing.status.value,
                    each.standing.label and each.standing.label.text,
                ),
                day_and_time(each.standing.since, _ZONE),
                day_and_time(each.last_activity_at, _ZONE),
            ]
            for each in everyone[:_FIRST]
        )
        if everyone:
            yield table("customer", "stands at", "since", "last purchase", rows=rows)
        more = f", of whom the first {_FIRST} are shown" if len(everyone) > _FIRST else ""
        yield f"{many(len(everyone), 'customer')} in all{more}."

    def _returned(self) -> Lines:
        came = self._outcome.returned
        if came is None:
            return
        holder = self._service.find(Identifier("mobile", came.mobile))
        rows = []
        for customer in (came.old, came.new):
            account = self._service.account(customer)
            standing = account.standing(CUSTOMER_STATUS.name)
            stands = "-" if standing is None else place(standing.status, standing.label)
            mobile = came.mobile if customer == holder else "released"
            lifetime = [day_and_time(at, _ZONE) for at in (account.registered_at, account.closed_at)]
            rows.append([customer, mobile, stands, *lifetime])
        yield table("customer", "mobile", "stands at", "registered", "closed", rows=rows)
        if came.refusal is not None:
            yield f"The old account was wanted back, and refused: {came.refusal.reasons[0].message}."

    def _verification(self) -> Lines:
        verified = self._service.verify()
        yield (
            f"{many(verified.accounts, 'account')}, {many(verified.entries, 'entry', 'entries')}, "
            f"{many(len(verified.faults), 'fault')}: "
            + ("not every" if verified.faults else "every")
            + " current row is what folding the history gives."
        )
        yield from (f"{fault.customer}: {fault.what}" for fault in verified.faults)
