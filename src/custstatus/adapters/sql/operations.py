"""
The operations of every SQL store, each a generator: it yields statements and receives their rows.

None of them touches a connection, so that each is written once, whatever runs or awaits it. A statement is its text and
parameters. What an engine does in a way of its own is in its subclass.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from custstatus.adapters.cursors import micros, moment
from custstatus.adapters.protocol import ActivityBatch, Recorded, StoredActivity
from custstatus.adapters.sql import rows
from custstatus.adapters.sql.lists import Lists
from custstatus.adapters.sql.running import Operation
from custstatus.changes import AccountPlan, Applied, Found, GuardedChange, Plan, Step
from custstatus.records import Account, Entry, EntryKind, HeldIdentifier, Listed
from custstatus.sets import GuardedSet, Moved
from custstatus.states import CUSTOMER_STATUS

__all__ = ["Key", "Operations", "moved"]

Key = tuple[str, str, str]
"""By what an activity is known within its organisation: customer, kind and reference."""


def moved(
    guarded: GuardedChange,
    step: Step,
    version: int,
    was: tuple[str | None, str | None],
    effective_at: datetime,
    back_to: int | None,
) -> Entry:
    """The entry of a change that is applied without being planned, *was* being status and label before."""
    return Entry(
        guarded.org,
        guarded.customer,
        version,
        EntryKind.MOVED,
        step.lifecycle,
        *was,
        step.to,
        step.label,
        effective_at,
        guarded.now,
        guarded.actor,
        guarded.wish,
        guarded.channel,
        guarded.config,
        guarded.reason,
        guarded.reason_code,
        guarded.reason_digest,
        None,
        guarded.key,
        0,
        guarded.digest,
        back_to,
        step.closes,
        guarded.run,
    )


class Operations(Lists):
    """Every verb of a store as an operation."""

    def load(self, org: str, customer: str) -> Operation[Account | None]:
        found = yield self.sql.load, (org, customer)
        return rows.account(org, customer, found) if found else None

    def read(self, guarded: GuardedChange) -> Operation[Found]:
        account = yield from self.load(guarded.org, guarded.customer)
        prior: tuple[Entry, ...] = ()
        behind: tuple[Entry, ...] = ()
        holders: dict[str, str] = {}
        last = None
        if account is not None:
            versions = [row.back_to for row in account.standings if row.back_to is not None]
            if versions:
                found = yield self.sql.behind, (guarded.org, guarded.customer, self.sql.engine.array(versions))
                behind = tuple(map(rows.entry, found))
        tokens = [token.token for token in (*guarded.adds, *guarded.drops)]
        if tokens:
            holders = dict((yield self.sql.holders, (guarded.org, self.sql.engine.array(tokens))))
        if guarded.quiet_since is not None:
            found = yield self.sql.last_activity, (guarded.org, guarded.customer)
            last = moment(found[0][0]) if found and found[0][0] is not None else None
        # After the account: a change that came in between is then one that has this key, or one that is planned again.
        if guarded.key is not None:
            prior = tuple(map(rows.entry, (yield self.sql.prior, (guarded.org, guarded.key))))
        elif guarded.run is not None:
            of_one = self.sql.engine.array([guarded.customer])
            found = yield self.sql.prior_of_run, (guarded.org, guarded.run, of_one)
            prior = guarded.of_run(map(rows.entry, found))
        return Found(account, prior, behind, holders, last)

    def read_set(self, guarded: GuardedSet, left: tuple[str, ...]) -> Operation[dict[str, Found]]:
        """What stands there of some customers of a set, as `read` answers it of each."""
        common, org = guarded.guarded, guarded.guarded.org
        named = self.sql.engine.array(left)
        grouped: dict[str, list[tuple[Any, ...]]] = {}
        for row in (yield self.sql.load_all, (org, named)):
            grouped.setdefault(row[0], []).append(row[1:])
        accounts = {customer: rows.account(org, customer, each) for customer, each in grouped.items()}
        behind: dict[str, list[Entry]] = {}
        aside: dict[int, list[str]] = {}
        for customer, account in accounts.items():
            for standing in account.standings:
                if standing.back_to is not None:
                    aside.setdefault(standing.back_to, []).append(customer)
        for version in sorted(aside):  # few, however many customers there are
            for row in (yield self.sql.behind_of, (org, self.sql.engine.array(aside[version]), version)):
                behind.setdefault(row[1], []).append(rows.entry(row))
        last: dict[str, int] = {}
        if common.quiet_since is not None:
            last = dict((yield self.sql.last_activities, (org, named)))
        prior: dict[str, list[Entry]] = {}
        if common.run is not None:
            for row in (yield self.sql.prior_of_run, (org, common.run, named)):
                prior.setdefault(row[1], []).append(rows.entry(row))
        return {
            customer: Found(
                accounts.get(customer),
                common.of_run(prior.get(customer, ())),
                tuple(behind.get(customer, ())),
                {},
                None if last.get(customer) is None else moment(last[customer]),
            )
            for customer in left
        }

    def apply_set(self, guarded: GuardedSet, step: Step) -> Operation[list[Moved]]:
        """Make one change of several customers, by what its guard says of where each is; those who are left are not answered."""
        raise NotImplementedError

    def _append(self, entry: Entry) -> Operation[bool]:
        """Append an entry with its text; False where its key has written before."""
        if entry.key is None:
            yield self.sql.append_entry, rows.entry_row(entry)
        elif not (yield self.sql.append_entry_once, rows.entry_row(entry)):
            return False
        if entry.reason is not None or entry.actor.name is not None:
            yield self.sql.keep_text, (entry.org, entry.customer, entry.version, entry.reason, entry.actor.name)
        return True

    def commit(self, plan: Plan) -> Operation[Applied | None]:
        """Write a plan; None where something it rests on has changed."""
        for account in plan.accounts:
            fits = yield from self._write(account, plan.guarded)
            if not fits:
                return None
        return Applied(plan.entries)

    def _write(self, planned: AccountPlan, guarded: GuardedChange) -> Operation[bool]:
        org, customer, last = planned.org, planned.customer, planned.entries[-1]
        closed_at = None if planned.closed_at is None else micros(planned.closed_at)
        if planned.expected is None:
            registered_at = micros(planned.registered_at or last.effective_at)
            opened = yield self.sql.open_account, (org, customer, last.version, closed_at, registered_at)
        else:
            # Before the account, as every writer has it: who waits for one of them then holds nothing that another waits for.
            for row in planned.standings:
                yield self.sql.put_standing, rows.standing_row(org, customer, row)
            opened = yield self.sql.advance_account, (org, customer, last.version, closed_at, planned.expected)
        if not opened:
            return False
        if planned.expected is None and self.sql.engine.opens_activity:
            yield self.sql.open_activity, (org, customer)
        if guarded.quiet_since is not None:
            active = yield self.sql.last_activity, (org, customer)
            active_at = active[0][0] if active and active[0][0] is not None else opened[0][0]
            if active_at >= micros(guarded.quiet_since):
                return False
        for entry in planned.entries:
            if not (yield from self._append(entry)):
                return False
        if planned.expected is None:
            for row in planned.standings:
                yield self.sql.put_standing, rows.standing_row(org, customer, row)
        for token in planned.drops:
            if not (yield self.sql.release_identifier, (org, token.token, customer)):
                return False
        for place, token in enumerate(reversed(planned.adds)):
            # The entries of added identifiers come last, one each; a replacement has one for both.
            held = org, token.token, token.type, customer, micros(last.effective_at), last.version - place
            if not (yield self.sql.hold_identifier, held):
                return False
        if planned.closed_at is not None:
            yield self.sql.release_all, (org, customer)
        return True

    def find(self, org: str, token: str) -> Operation[str | None]:
        found = yield self.sql.find, (org, token)
        return found[0][0] if found else None

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Operation[dict[str, str]]:
        return dict((yield self.sql.holders, (org, self.sql.engine.array(tokens))))

    def identifiers(self, org: str, customer: str) -> Operation[tuple[HeldIdentifier, ...]]:
        found = yield self.sql.held, (org, customer)
        return tuple(HeldIdentifier(type_, token, moment(since)) for type_, token, since in found)

    def record(self, batch: ActivityBatch) -> Operation[Recorded]:
        org, array = batch.org, self.sql.engine.array
        named = array(dict.fromkeys(activity.customer for activity in batch.activities))
        known = {customer for (customer,) in (yield self.sql.known, (org, named))}
        keys = [(activity.customer, activity.kind, activity.reference) for activity in batch.activities]
        first = dict(zip(reversed(keys), reversed(batch.activities), strict=True))
        # In the order of their key, so that two that report the same do not wait for each other in a circle.
        left = yield from self._keep(org, {key: first[key] for key in sorted(first) if key[0] in known})
        new, repeats = len(left), []
        for place, key in enumerate(keys):
            if key in left:
                left.remove(key)
            elif key[0] in known:
                repeats.append(place)
        counting = (activity.customer for activity in batch.activities if activity.counts)
        active = array(dict.fromkeys(customer for customer in counting if customer in known))
        yield self.sql.touch, (org, active)
        watched: tuple[Listed[str, str], ...] = ()
        if batch.watch:
            labels = array(sorted(batch.watch))
            found = yield self.sql.watched, (org, CUSTOMER_STATUS.name, labels, active)
            watched = tuple(map(rows.listed, found))
        unknown = sorted({activity.customer for activity in batch.activities} - known)
        return Recorded(new, tuple(repeats), tuple(unknown), watched)

    def _keep(self, org: str, activities: Mapping[Key, StoredActivity]) -> Operation[set[Key]]:
        """Write those activities that are not there yet, one after the other in their order; it answers which it wrote."""
        raise NotImplementedError

    def keep_config(self, org: str, config_hash: str, text: str) -> Operation[bool]:
        kept = yield self.sql.config, (org, config_hash)
        if not kept:
            yield self.sql.keep_config, (org, config_hash, text)
        return True

    def config(self, org: str, config_hash: str) -> Operation[str | None]:
        found = yield self.sql.config, (org, config_hash)
        return found[0][0] if found else None

    def organisations(self) -> Operation[tuple[str, ...]]:
        found = yield self.sql.organisations, ()
        return tuple(org for (org,) in found)
