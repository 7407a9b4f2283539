"""
Stores that are broken on purpose, each in one way that a real one could be: the kit has to refuse every one of them.

All are the store in memory with something done to it. `SelfApplying`, by itself, is not broken: it applies changes by planning
them; its subclasses overlook something that stands in the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import evolve

from custstatus import (
    Account,
    Activities,
    ActivityBatch,
    Applied,
    Customers,
    Each,
    Entry,
    Found,
    GuardedChange,
    GuardedSet,
    Listed,
    Log,
    MemoryStore,
    Moved,
    Page,
    Plan,
    Recorded,
    Step,
    Store,
    StoredActivity,
    StoreError,
)
from custstatus.planning import plan
from custstatus.testing import RelayStore

US = timedelta(microseconds=1)


class Broken(RelayStore):
    """The store in memory, not broken yet."""

    def __init__(self, store: Store | None = None) -> None:
        super().__init__(store or MemoryStore())


# -- commit ---------------------------------------------------------------------------------------------------------------


class WithoutCompareAndSet(Broken):
    """Writes over whatever version stands there: the last writer wins."""

    def commit(self, plan: Plan) -> Applied | Found:
        accounts = []
        for planned in plan.accounts:
            there = self.store.load(planned.org, planned.customer)
            accounts.append(evolve(planned, expected=None if there is None else there.version))
        return self.store.commit(evolve(plan, accounts=tuple(accounts)))


class AccountByAccount(Broken):
    """Writes each account of a plan in a transaction of its own."""

    def commit(self, plan: Plan) -> Applied | Found:
        for planned in plan.accounts:
            got = self.store.commit(evolve(plan, guarded=evolve(plan.guarded, key=None), accounts=(planned,)))
            if isinstance(got, Found):
                return got
        return Applied(plan.entries)


class EntriesThenRows(Broken):
    """Writes the entries in one transaction and the rows in another, before which it may die."""

    dies = False

    def commit(self, plan: Plan) -> Applied | Found:
        if self.dies and len(plan.accounts) == 1:
            (planned,) = plan.accounts
            self.store.commit(evolve(plan, accounts=(evolve(planned, standings=(), closed_at=None),)))
            raise StoreError("the process died between two transactions")
        return self.store.commit(plan)


class AcknowledgesFirst(Broken):
    """Says that it has written before it has; then it dies."""

    dies = True

    def commit(self, plan: Plan) -> Applied | Found:
        return Applied(plan.entries) if self.dies else self.store.commit(plan)


class KeyBlind(Broken):
    """Does not look whether a key has written before."""

    def commit(self, plan: Plan) -> Applied | Found:
        return self.store.commit(evolve(plan, guarded=evolve(plan.guarded, key=None)))


class KeyByTarget(Broken):
    """Looks for a key only among the entries that lead where the plan leads."""

    def commit(self, plan: Plan) -> Applied | Found:
        prior = self.store.read(plan.guarded).prior
        targets = {(entry.lifecycle, entry.to_status) for entry in prior}
        if not prior or targets & {(entry.lifecycle, entry.to_status) for entry in plan.entries}:
            return self.store.commit(plan)
        (planned,) = plan.accounts
        keyless = evolve(planned, entries=tuple(evolve(entry, key=None) for entry in planned.entries))
        return self.store.commit(evolve(plan, accounts=(keyless,)))


class QuietLate(Broken):
    """Takes an activity exactly at the limit for one before it."""

    def commit(self, plan: Plan) -> Applied | Found:
        quiet = plan.guarded.quiet_since
        return self.store.commit(evolve(plan, guarded=evolve(plan.guarded, quiet_since=quiet and quiet + US)))


class KeepsIdentifiers(Broken):
    """Does not release the identifiers of an account that is closed: finds them still."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def commit(self, plan: Plan) -> Applied | Found:
        got = self.store.commit(plan)
        if isinstance(got, Applied):
            self.kept.update({(each.org, token.token): each.customer for each in plan.accounts for token in each.adds})
        return got

    def find(self, org: str, token: str) -> str | None:
        return self.store.find(org, token) or self.kept.get((org, token))


# -- apply ----------------------------------------------------------------------------------------------------------------


class SelfApplying(Broken):
    """Applies a change by planning it, with nothing overlooked."""

    def apply(self, guarded: GuardedChange) -> Applied | Found:
        if guarded.single is None:
            return self.store.read(guarded)
        seen, asked = self.overlook(self.store.read(guarded), guarded)
        planned = plan(seen, asked)
        got = self.store.commit(planned) if isinstance(planned, Plan) else None
        return got if isinstance(got, Applied) else self.store.read(guarded)

    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        return found, guarded


def _steps(guarded: GuardedChange, **changes: Any) -> GuardedChange:
    return evolve(guarded, steps=tuple(evolve(step, **changes) for step in guarded.steps))


def _account(found: Found, **changes: Any) -> Found:
    return found if found.account is None else evolve(found, account=evolve(found.account, **changes))


class IgnoresOnlyFrom(SelfApplying):
    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        return found, _steps(guarded, only_from=None)


class IgnoresBack(SelfApplying):
    """Goes back from where it was set aside, but to anywhere."""

    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        def anywhere(step: Step) -> Step:
            return evolve(step, open=step.open | step.back, back=frozenset(), back_only=frozenset())

        return found, evolve(guarded, steps=tuple(map(anywhere, guarded.steps)))


class ForgetsTheWayBack(SelfApplying):
    """Does not remember where the account was when it is set aside."""

    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        return found, _steps(guarded, group_statuses=frozenset(), group_labels=frozenset())


class SetsAsideFromAnywhere(SelfApplying):
    """Remembers the way back from an idle label to a status other than its own: takes it for a group of statuses."""

    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        def always(step: Step) -> Step:
            return evolve(step, group_statuses=step.group_statuses or frozenset(step.group_labels and {"none"}))

        return found, evolve(guarded, steps=tuple(map(always, guarded.steps)))


class IgnoresClosed(SelfApplying):
    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        return _account(found, closed_at=None), guarded


class IgnoresExpected(SelfApplying):
    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        return found, evolve(guarded, expected=None)


class IgnoresQuiet(SelfApplying):
    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        return found, evolve(guarded, quiet_since=None)


class WrongFloor(SelfApplying):
    """Lets a change count from now, though the last entry counts from later: the clock was set back."""

    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        if found.account is None or guarded.at is not None:
            return found, guarded
        rows = tuple(evolve(row, since=min(row.since, guarded.now)) for row in found.account.standings)
        registered = min(found.account.registered_at, guarded.now)
        return _account(found, standings=rows, registered_at=registered), guarded


class NoFloorForGivenTimes(SelfApplying):
    """Lets a change count from before the last entry, where such a time is given."""

    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        if found.account is None or guarded.at is None:
            return found, guarded
        rows = tuple(evolve(row, since=min(row.since, guarded.at)) for row in found.account.standings)
        return _account(found, standings=rows), guarded


class WritesAndSaysFound(SelfApplying):
    """Makes the change, but answers what stands there: it would be made twice."""

    def apply(self, guarded: GuardedChange) -> Applied | Found:
        super().apply(guarded)
        return self.store.read(guarded)


# -- apply_set ------------------------------------------------------------------------------------------------------------


class IgnoresGrace(SelfApplying):
    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        return found, evolve(guarded, grace_since=None)


class IgnoresEntry(SelfApplying):
    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        return found, evolve(guarded, entry=None)


class IgnoresRun(SelfApplying):
    """Lets a run change a customer again."""

    def overlook(self, found: Found, guarded: GuardedChange) -> tuple[Found, GuardedChange]:
        return evolve(found, prior=() if guarded.key is None else found.prior), guarded


class AnswersInAnotherOrder(SelfApplying):
    """Answers a set in the order of the customers."""

    def apply_set(self, guarded: GuardedSet) -> tuple[Moved | Found, ...]:
        answers = zip(guarded.rows, super().apply_set(guarded), strict=True)
        return tuple(answer for _, answer in sorted(answers, key=lambda each: each[0].customer))


class WritesWhatItOnlyReads(SelfApplying):
    """Makes a set that was only to be read."""

    def apply_set(self, guarded: GuardedSet) -> tuple[Moved | Found, ...]:
        return super().apply_set(evolve(guarded, only_read=False))


class MakesASetAndSaysFound(SelfApplying):
    """Makes the changes of a set, but answers what stands there."""

    def apply_set(self, guarded: GuardedSet) -> tuple[Moved | Found, ...]:
        super().apply_set(guarded)
        return tuple(map(self.read, guarded.each()))


class MakesHalfASet(SelfApplying):
    """Acknowledges a set of which it has made the first half."""

    def apply_set(self, guarded: GuardedSet) -> tuple[Moved | Found, ...]:
        half = len(guarded.rows) // 2
        made = super().apply_set(evolve(guarded, rows=guarded.rows[:half]))
        accounts = [(row, self.store.load(guarded.guarded.org, row.customer)) for row in guarded.rows[half:]]
        name = guarded.guarded.steps[0].lifecycle
        acknowledged = [
            Moved(row.customer, account.version + 1, standing.status, standing.label)
            for row, account in accounts
            if account is not None and (standing := account.standing(name)) is not None
        ]
        return *made, *acknowledged


class SaysTheSameOfAll(SelfApplying):
    """Writes what all rows of a set have in common, and not what one has of its own."""

    def apply_set(self, guarded: GuardedSet) -> tuple[Moved | Found, ...]:
        return super().apply_set(
            evolve(guarded, rows=tuple(Each(row.customer, entry=row.entry) for row in guarded.rows))
        )


class FindsHalfOfASet(SelfApplying):
    """Answers of a set's rows that it leaves the account alone."""

    def apply_set(self, guarded: GuardedSet) -> tuple[Moved | Found, ...]:
        answers = super().apply_set(guarded)
        return tuple(Found(answer.account) if isinstance(answer, Found) else answer for answer in answers)


class ReadsNoRuns(Broken):
    """Does not say what a run has written."""

    def read(self, guarded: GuardedChange) -> Found:
        return self.store.read(evolve(guarded, run=None))


# -- read -----------------------------------------------------------------------------------------------------------------


class ReadsNothingBehind(Broken):
    def read(self, guarded: GuardedChange) -> Found:
        return evolve(self.store.read(guarded), behind=())


class ReadsNoHolders(Broken):
    def read(self, guarded: GuardedChange) -> Found:
        return evolve(self.store.read(guarded), holders={})


class ReadsNoPrior(Broken):
    def read(self, guarded: GuardedChange) -> Found:
        return evolve(self.store.read(guarded), prior=())


class CaseBlind(Broken):
    """Takes ids that differ in case for one."""

    def load(self, org: str, customer: str) -> Account | None:
        return self.store.load(org, customer.lower()) or self.store.load(org, customer)


class SharesIdentifiers(Broken):
    """Finds what another organisation's customer holds."""

    def find(self, org: str, token: str) -> str | None:
        return self.store.find(org, token) or self.store.find("acme", token)


class LosesTheFirstOfAPage(Broken):
    """Every page but the first begins one too late."""

    def log(self, query: Log) -> Page[Entry]:
        page = self.store.log(query)
        return page if query.after is None else Page(page.items[1:], page.next)


class ListsInclusively(Broken):
    """Lists those who were active exactly at the limit as inactive."""

    def asked(self, query: Customers) -> Customers:
        return evolve(query, quiet_since=query.quiet_since and query.quiet_since + US)

    def customers(self, query: Customers) -> Page[Listed[str, str]]:
        return self.store.customers(self.asked(query))

    def customer_ids(self, query: Customers) -> Page[str]:
        return self.store.customer_ids(self.asked(query))

    def count(self, query: Customers) -> int:
        return self.store.count(self.asked(query))


class ListsWhomAPersonHasPutThere(ListsInclusively):
    def asked(self, query: Customers) -> Customers:
        return evolve(query, grace_since=None)


class ListsTheExempt(ListsInclusively):
    def asked(self, query: Customers) -> Customers:
        return evolve(query, exempt=frozenset())


class CountsAPage(Broken):
    """Counts those of the page that is asked for, not all."""

    def count(self, query: Customers) -> int:
        return len(self.store.customers(query))


class CountsFromThePage(Broken):
    """Counts from the page that is asked for."""

    def count(self, query: Customers) -> int:
        page = self.store.customers(evolve(query, limit=10_000))
        return len(page)


class GivesIdsOfTheNextPage(Broken):
    def customer_ids(self, query: Customers) -> Page[str]:
        page = self.store.customer_ids(query)
        return Page(page.items, None if page.next is None else page.items[0])


class FindsAllOfEverybody(Broken):
    """Finds what others than living customers of the organisation hold, where several are asked for."""

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        return {**self.store.find_all("zenith", tokens), **self.store.find_all(org, tokens)}


class FindsAFew(Broken):
    """Takes no more than a thousand tokens at once."""

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Mapping[str, str]:
        return self.store.find_all(org, tokens[-1_000:])


class RunsAsTheyWereWritten(Broken):
    """Gives the entries of a run in the order of writing."""

    def log(self, query: Log) -> Page[Entry]:
        page = self.store.log(query)
        if query.run is None or query.customer is not None:
            return page
        written = self.store.log(Log(org=query.org, limit=10_000, newest_first=query.newest_first)).items
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

    def activities(self, query: Activities) -> Page[StoredActivity]:
        page = self.store.activities(query)
        rows = (evolve(row, amount=row.amount and type(row.amount)(float(row.amount))) for row in page)
        return Page(tuple(rows), page.next)


class NeverCloses(Broken):
    def close(self) -> None:
        pass
