"""
Stores that are broken on purpose, each in one way that a real one could be: the kit has to refuse every one of them.

All are the store in memory with something done to it. `SelfApplying`, by itself, is not broken: it applies changes by planning
them; its subclasses overlook something that stands in the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from attrs import evolve, fields

from custstatus import Account, Applied, MemoryStore, Page, Plan, StoreError
from custstatus.adapters import (
    Activities,
    ActivityBatch,
    CustomerIds,
    Customers,
    Log,
    Placed,
    PreparedChange,
    PreparedSet,
    Query,
    Recorded,
    SetResult,
    SetRow,
    Snapshot,
    Step,
    Store,
)
from custstatus.gate.plan import plan
from custstatus.testing import RelayStore

US = timedelta(microseconds=1)
PlacedQuery = TypeVar("PlacedQuery", bound=Placed)


def listing(query: Placed, *, limit: int) -> Customers:
    """The list of whom a query counts."""
    asked = {each.name: getattr(query, each.name) for each in fields(Placed)}
    return Customers(**asked | {"limit": limit})


class Broken(RelayStore):
    """The store in memory, not broken yet."""

    def __init__(self, store: Store | None = None) -> None:
        super().__init__(store or MemoryStore())


# -- commit ---------------------------------------------------------------------------------------------------------------


class WithoutCompareAndSet(Broken):
    """Writes over whatever version stands there: the last writer wins."""

    def commit(self, plan: Plan) -> Applied | Snapshot:
        accounts = []
        for planned in plan.accounts:
            there = self.store.load(planned.org, planned.customer)
            accounts.append(evolve(planned, expected=None if there is None else there.version))
        return self.store.commit(evolve(plan, accounts=tuple(accounts)))


class AccountByAccount(Broken):
    """Writes each account of a plan in a transaction of its own."""

    def commit(self, plan: Plan) -> Applied | Snapshot:
        for planned in plan.accounts:
            got = self.store.commit(evolve(plan, prepared=evolve(plan.prepared, key=None), accounts=(planned,)))
            if isinstance(got, Snapshot):
                return got
        return Applied(plan.entries)


class EntriesThenRows(Broken):
    """Writes the entries in one transaction and the rows in another, before which it may die."""

    dies = False

    def commit(self, plan: Plan) -> Applied | Snapshot:
        if self.dies and len(plan.accounts) == 1:
            (planned,) = plan.accounts
            self.store.commit(evolve(plan, accounts=(evolve(planned, standings=(), closed_at=None),)))
            raise StoreError("the process died between two transactions")
        return self.store.commit(plan)


class AcknowledgesFirst(Broken):
    """Says that it has written before it has; then it dies."""

    dies = True

    def commit(self, plan: Plan) -> Applied | Snapshot:
        return Applied(plan.entries) if self.dies else self.store.commit(plan)


class KeyBlind(Broken):
    """Does not look whether a key has written before."""

    def commit(self, plan: Plan) -> Applied | Snapshot:
        return self.store.commit(evolve(plan, prepared=evolve(plan.prepared, key=None)))


class KeyByTarget(Broken):
    """Looks for a key only among the entries that lead where the plan leads."""

    def commit(self, plan: Plan) -> Applied | Snapshot:
        prior = self.store.read(plan.prepared).prior
        targets = {(entry.lifecycle, entry.to_status) for entry in prior}
        if not prior or targets & {(entry.lifecycle, entry.to_status) for entry in plan.entries}:
            return self.store.commit(plan)
        (planned,) = plan.accounts
        keyless = evolve(planned, entries=tuple(evolve(entry, key=None) for entry in planned.entries))
        return self.store.commit(evolve(plan, accounts=(keyless,)))


class QuietLate(Broken):
    """Takes an activity exactly at the limit for one before it."""

    def commit(self, plan: Plan) -> Applied | Snapshot:
        quiet = plan.prepared.quiet_since
        return self.store.commit(evolve(plan, prepared=evolve(plan.prepared, quiet_since=quiet and quiet + US)))


class KeepsIdentifiers(Broken):
    """Does not release the identifiers of an account that is closed: finds them still."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def commit(self, plan: Plan) -> Applied | Snapshot:
        got = self.store.commit(plan)
        if isinstance(got, Applied):
            self.kept.update({(each.org, token.token): each.customer for each in plan.accounts for token in each.adds})
        return got

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        kept = {token: self.kept[org, token] for token in tokens if (org, token) in self.kept}
        return {**kept, **self.store.find_all(org, tokens)}


# -- apply ----------------------------------------------------------------------------------------------------------------


class SelfApplying(Broken):
    """Applies a change by planning it, with nothing overlooked."""

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        if prepared.single is None:
            return self.store.read(prepared)
        seen, asked = self.overlook(self.store.read(prepared), prepared)
        planned = plan(seen, asked)
        got = self.store.commit(planned) if isinstance(planned, Plan) else None
        return got if isinstance(got, Applied) else self.store.read(prepared)

    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        return found, prepared


def _steps(prepared: PreparedChange, **changes: Any) -> PreparedChange:
    return evolve(prepared, steps=tuple(evolve(step, **changes) for step in prepared.steps))


def _account(found: Snapshot, **changes: Any) -> Snapshot:
    return found if found.account is None else evolve(found, account=evolve(found.account, **changes))


class IgnoresOnlyFrom(SelfApplying):
    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        return found, _steps(prepared, only_from=None)


class IgnoresBack(SelfApplying):
    """Goes back from where it was set aside, but to anywhere."""

    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        def anywhere(step: Step) -> Step:
            return evolve(step, open=step.open | step.back, back=frozenset(), back_only=frozenset())

        return found, evolve(prepared, steps=tuple(map(anywhere, prepared.steps)))


class ForgetsTheWayBack(SelfApplying):
    """Does not remember where the account was when it is set aside."""

    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        return found, _steps(prepared, group_statuses=frozenset(), group_labels=frozenset())


class SetsAsideFromAnywhere(SelfApplying):
    """Remembers the way back from an idle label to a status other than its own: takes it for a group of statuses."""

    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        def always(step: Step) -> Step:
            return evolve(step, group_statuses=step.group_statuses or frozenset(step.group_labels and {"none"}))

        return found, evolve(prepared, steps=tuple(map(always, prepared.steps)))


class IgnoresClosed(SelfApplying):
    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        return _account(found, closed_at=None), prepared


class IgnoresExpected(SelfApplying):
    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        return found, evolve(prepared, expected=None)


class IgnoresQuiet(SelfApplying):
    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        return found, evolve(prepared, quiet_since=None)


class WrongFloor(SelfApplying):
    """Lets a change count from now, though the last entry counts from later: the clock was set back."""

    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        if found.account is None or prepared.at is not None:
            return found, prepared
        rows = tuple(evolve(row, since=min(row.since, prepared.now)) for row in found.account.standings)
        registered = min(found.account.registered_at, prepared.now)
        return _account(found, standings=rows, registered_at=registered), prepared


class NoFloorForGivenTimes(SelfApplying):
    """Lets a change count from before the last entry, where such a time is given."""

    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        if found.account is None or prepared.at is None:
            return found, prepared
        rows = tuple(evolve(row, since=min(row.since, prepared.at)) for row in found.account.standings)
        return _account(found, standings=rows), prepared


class WritesAndSaysFound(SelfApplying):
    """Makes the change, but answers what stands there: it would be made twice."""

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        super().apply(prepared)
        return self.store.read(prepared)


# -- apply_set ------------------------------------------------------------------------------------------------------------


class IgnoresGrace(SelfApplying):
    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        return found, evolve(prepared, grace_since=None)


class IgnoresEntry(SelfApplying):
    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        return found, evolve(prepared, entry=None)


class IgnoresRun(SelfApplying):
    """Lets a run change a customer again."""

    def overlook(self, found: Snapshot, prepared: PreparedChange) -> tuple[Snapshot, PreparedChange]:
        return evolve(found, prior=() if prepared.key is None else found.prior), prepared


class AnswersInAnotherOrder(SelfApplying):
    """Answers a set in the order of the customers."""

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        answers = zip(prepared.rows, super().apply_set(prepared), strict=True)
        return tuple(answer for _, answer in sorted(answers, key=lambda each: each[0].customer))


class WritesWhatItOnlyReads(SelfApplying):
    """Makes a set that was only to be read."""

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        return super().apply_set(evolve(prepared, preview=False))


class MakesASetAndSaysFound(SelfApplying):
    """Makes the changes of a set, but answers what stands there."""

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        super().apply_set(prepared)
        return tuple(map(self.read, prepared.each()))


class MakesHalfASet(SelfApplying):
    """Acknowledges a set of which it has made the first half."""

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        half = len(prepared.rows) // 2
        made = super().apply_set(evolve(prepared, rows=prepared.rows[:half]))
        accounts = [(row, self.store.load(prepared.prepared.org, row.customer)) for row in prepared.rows[half:]]
        name = prepared.prepared.steps[0].lifecycle
        acknowledged = [
            SetResult(row.customer, account.version + 1, standing.status, standing.label)
            for row, account in accounts
            if account is not None and (standing := account.standing(name)) is not None
        ]
        return *made, *acknowledged


class SaysTheSameOfAll(SelfApplying):
    """Writes what all rows of a set have in common, and not what one has of its own."""

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        return super().apply_set(
            evolve(prepared, rows=tuple(SetRow(row.customer, entry=row.entry) for row in prepared.rows))
        )


class FindsHalfOfASet(SelfApplying):
    """Answers of a set's rows that it leaves the account alone."""

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        answers = super().apply_set(prepared)
        return tuple(Snapshot(answer.account) if isinstance(answer, Snapshot) else answer for answer in answers)


class ReadsNoRuns(Broken):
    """Does not say what a run has written."""

    def read(self, prepared: PreparedChange) -> Snapshot:
        return self.store.read(evolve(prepared, run=None))


# -- read -----------------------------------------------------------------------------------------------------------------


class ReadsNothingBehind(Broken):
    def read(self, prepared: PreparedChange) -> Snapshot:
        return evolve(self.store.read(prepared), origins=())


class ReadsNoHolders(Broken):
    def read(self, prepared: PreparedChange) -> Snapshot:
        return evolve(self.store.read(prepared), holders={})


class ReadsNoPrior(Broken):
    def read(self, prepared: PreparedChange) -> Snapshot:
        return evolve(self.store.read(prepared), prior=())


class CaseBlind(Broken):
    """Takes ids that differ in case for one."""

    def load(self, org: str, customer: str) -> Account | None:
        return self.store.load(org, customer.lower()) or self.store.load(org, customer)


class SharesIdentifiers(Broken):
    """Finds what another organisation's customer holds."""

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        return {**self.store.find_all("acme", tokens), **self.store.find_all(org, tokens)}


class LosesTheFirstOfAPage(Broken):
    """Every page but the first begins one too late."""

    def page(self, query: Query[Any]) -> Page[Any]:
        page = self.store.page(query)
        first = not isinstance(query, Log) or query.after is None
        return page if first else Page(page.items[1:], page.next)


class ListsInclusively(Broken):
    """Lists those who were active exactly at the limit as inactive."""

    def asked(self, query: PlacedQuery) -> PlacedQuery:
        return evolve(query, quiet_since=query.quiet_since and query.quiet_since + US)

    def page(self, query: Query[Any]) -> Page[Any]:
        return self.store.page(self.asked(query) if isinstance(query, Customers | CustomerIds) else query)

    def count(self, query: Placed) -> int:
        return self.store.count(self.asked(query))


class ListsWhomAPersonHasPutThere(ListsInclusively):
    def asked(self, query: PlacedQuery) -> PlacedQuery:
        return evolve(query, grace_since=None)


class ListsTheExempt(ListsInclusively):
    def asked(self, query: PlacedQuery) -> PlacedQuery:
        return evolve(query, exempt=frozenset())


class CountsAPage(Broken):
    """Counts those of the page that is asked for, not all."""

    def count(self, query: Placed) -> int:
        return len(self.store.page(listing(query, limit=query.limit)))


class CountsFromThePage(Broken):
    """Counts from the page that is asked for."""

    def count(self, query: Placed) -> int:
        return len(self.store.page(listing(query, limit=10_000)))


class GivesIdsOfTheNextPage(Broken):
    def page(self, query: Query[Any]) -> Page[Any]:
        page = self.store.page(query)
        right = not isinstance(query, CustomerIds) or page.next is None
        return page if right else Page(page.items, page.items[0])


class FindsAllOfEverybody(Broken):
    """Finds what others than living customers of the organisation hold, where several are asked for."""

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        elsewhere = self.store.find_all("zenith", tokens) if len(tokens) > 1 else {}
        return {**elsewhere, **self.store.find_all(org, tokens)}


class FindsAFew(Broken):
    """Takes no more than a thousand tokens at once."""

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        return self.store.find_all(org, tokens[-1_000:])


class RunsAsTheyWereWritten(Broken):
    """Gives the entries of a run in the order of writing."""

    def page(self, query: Query[Any]) -> Page[Any]:
        page = self.store.page(query)
        if not isinstance(query, Log) or query.run is None or query.customer is not None:
            return page
        written = self.store.page(Log(org=query.org, limit=10_000, newest_first=query.newest_first)).items
        return Page(tuple(entry for entry in written if entry in page.items), page.next)


class CountsInMilliseconds(Broken):
    """Keeps the times of activities to the millisecond."""

    def record(self, batch: ActivityBatch) -> Recorded:
        rows = tuple(
            evolve(row, at=row.at.replace(microsecond=row.at.microsecond // 1000 * 1000)) for row in batch.activities
        )
        return self.store.record(evolve(batch, activities=rows))


class NumbersThemByKey(Broken):
    """Says which activities were repeats by their places among the batch's in the order of their keys."""

    def record(self, batch: ActivityBatch) -> Recorded:
        recorded = self.store.record(batch)
        keys = [(row.customer, row.kind, row.reference) for row in batch.activities]
        ordered = sorted(range(len(keys)), key=keys.__getitem__)
        return evolve(recorded, repeats=tuple(sorted(map(ordered.index, recorded.repeats))))


class NumbersTheKnownOnly(Broken):
    """Says which activities were repeats by their places among those of registered customers."""

    def record(self, batch: ActivityBatch) -> Recorded:
        recorded = self.store.record(batch)
        known = [place for place, row in enumerate(batch.activities) if row.customer not in recorded.unknown]
        return evolve(recorded, repeats=tuple(map(known.index, recorded.repeats)))


class SaysTheLastIsNew(Broken):
    """Of activities that are one, calls the last of a batch the new one, though the first stands."""

    def record(self, batch: ActivityBatch) -> Recorded:
        recorded = self.store.record(batch)
        keys = [(row.customer, row.kind, row.reference) for row in batch.activities]
        before = {keys[place] for place in recorded.repeats if place == keys.index(keys[place])}
        last = {key: place for place, key in enumerate(keys) if key not in before}
        known = (place for place, row in enumerate(batch.activities) if row.customer not in recorded.unknown)
        return evolve(recorded, repeats=tuple(place for place in known if last.get(keys[place]) != place))


class ForgetsAmounts(Broken):
    """Keeps amounts as floats."""

    def page(self, query: Query[Any]) -> Page[Any]:
        page = self.store.page(query)
        if not isinstance(query, Activities):
            return page
        rows = (evolve(row, amount=row.amount and type(row.amount)(float(row.amount))) for row in page)
        return Page(tuple(rows), page.next)


class NeverCloses(Broken):
    def close(self) -> None:
        pass
