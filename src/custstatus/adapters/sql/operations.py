"""
The operations of every SQL store, each a generator: it yields statements and receives their rows.

None of them touches a connection, so that each is written once, whatever runs or awaits it. A statement is its text and
parameters. What an engine does in a way of its own is in its subclass.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from custstatus.adapters.protocol import ActivityBatch, Recorded, StoredActivity
from custstatus.adapters.sql import rows
from custstatus.adapters.sql.lists import Lists
from custstatus.bounds import micros, moment
from custstatus.gate.outcome import AccountPlan, Applied, Plan, Snapshot
from custstatus.records import Account, Entry, EntryKind, HeldIdentifier
from custstatus.states import CUSTOMER_STATUS

if TYPE_CHECKING:
    from custstatus.adapters.queries import Listed
    from custstatus.adapters.sql.running import Script
    from custstatus.gate.prepared import PreparedChange, Step
    from custstatus.gate.sets import PreparedSet, SetResult

__all__ = ["Key", "Operations", "moved"]

Key = tuple[str, str, str]
"""By what an activity is known within its organisation: customer, kind and reference."""


def moved(
    prepared: PreparedChange,
    step: Step,
    version: int,
    origin: tuple[str | None, str | None],
    effective_at: datetime,
    return_to: int | None,
) -> Entry:
    """The entry of a change that is applied without being planned, *was* being status and label before."""
    return Entry(
        prepared.org,
        prepared.customer,
        version,
        EntryKind.MOVED,
        step.lifecycle,
        *origin,
        step.to,
        step.label,
        effective_at,
        prepared.now,
        prepared.actor,
        prepared.requested_by,
        prepared.channel,
        prepared.config,
        prepared.reason,
        prepared.reason_code,
        prepared.reason_digest,
        None,
        prepared.key,
        0,
        prepared.digest,
        return_to,
        step.closes,
        prepared.run,
    )


class Operations(Lists):
    """Every verb of a store as an operation."""

    def load(self, org: str, customer: str) -> Script[Account | None]:
        found = yield self.sql.load, (org, customer)
        return rows.account(org, customer, found) if found else None

    def read(self, prepared: PreparedChange) -> Script[Snapshot]:
        account = yield from self.load(prepared.org, prepared.customer)
        prior: tuple[Entry, ...] = ()
        origins: tuple[Entry, ...] = ()
        holders: dict[str, str] = {}
        last = None
        if account is not None:
            versions = [row.return_to for row in account.standings if row.return_to is not None]
            if versions:
                found = yield self.sql.origins, (prepared.org, prepared.customer, self.sql.engine.array(versions))
                origins = tuple(map(rows.entry, found))
        tokens = [token.token for token in (*prepared.adds, *prepared.drops)]
        if tokens:
            holders = dict((yield self.sql.holders, (prepared.org, self.sql.engine.array(tokens))))
        if prepared.quiet_since is not None:
            found = yield self.sql.last_activity, (prepared.org, prepared.customer)
            last = moment(found[0][0]) if found and found[0][0] is not None else None
        # After the account: a change that came in between is then one that has this key, or one that is planned again.
        if prepared.key is not None:
            prior = tuple(map(rows.entry, (yield self.sql.prior, (prepared.org, prepared.key))))
        elif prepared.run is not None:
            of_one = self.sql.engine.array([prepared.customer])
            found = yield self.sql.prior_of_run, (prepared.org, prepared.run, of_one)
            prior = prepared.of_run(map(rows.entry, found))
        return Snapshot(account, prior, origins, holders, last)

    def read_set(self, prepared: PreparedSet, left: tuple[str, ...]) -> Script[dict[str, Snapshot]]:
        """A snapshot of each of some customers of a set, as `read` returns it."""
        common, org = prepared.prepared, prepared.prepared.org
        named = self.sql.engine.array(left)
        grouped: dict[str, list[tuple[Any, ...]]] = {}
        for row in (yield self.sql.load_all, (org, named)):
            grouped.setdefault(row[0], []).append(row[1:])
        accounts = {customer: rows.account(org, customer, each) for customer, each in grouped.items()}
        origins: dict[str, list[Entry]] = {}
        aside: dict[int, list[str]] = {}
        for customer, account in accounts.items():
            for standing in account.standings:
                if standing.return_to is not None:
                    aside.setdefault(standing.return_to, []).append(customer)
        for version in sorted(aside):  # few, however many customers there are
            for row in (yield self.sql.behind_of, (org, self.sql.engine.array(aside[version]), version)):
                origins.setdefault(row[1], []).append(rows.entry(row))
        last: dict[str, int] = {}
        if common.quiet_since is not None:
            last = dict((yield self.sql.last_activities, (org, named)))
        prior: dict[str, list[Entry]] = {}
        if common.run is not None:
            for row in (yield self.sql.prior_of_run, (org, common.run, named)):
                prior.setdefault(row[1], []).append(rows.entry(row))
        return {
            customer: Snapshot(
                accounts.get(customer),
                common.of_run(prior.get(customer, ())),
                tuple(origins.get(customer, ())),
                {},
                None if last.get(customer) is None else moment(last[customer]),
            )
            for customer in left
        }

    def apply_set(self, prepared: PreparedSet, step: Step) -> Script[list[SetResult]]:
        """Make one change of several customers, by what its guard says of where each is; those who are left are not answered."""
        raise NotImplementedError

    def _append(self, entry: Entry) -> Script[bool]:
        """Append an entry with its text; False where its key has written before."""
        if entry.key is None:
            yield self.sql.append_entry, rows.entry_row(entry)
        elif not (yield self.sql.append_entry_once, rows.entry_row(entry)):
            return False
        if entry.reason is not None or entry.actor.name is not None:
            yield self.sql.keep_text, (entry.org, entry.customer, entry.version, entry.reason, entry.actor.name)
        return True

    def commit(self, plan: Plan) -> Script[Applied | None]:
        """Write a plan; None where something it rests on has changed."""
        for account in plan.accounts:
            fits = yield from self._write(account, plan.prepared)
            if not fits:
                return None
        return Applied(plan.entries)

    def _write(self, planned: AccountPlan, prepared: PreparedChange) -> Script[bool]:
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
        if prepared.quiet_since is not None:
            active = yield self.sql.last_activity, (org, customer)
            active_at = active[0][0] if active and active[0][0] is not None else opened[0][0]
            if active_at >= micros(prepared.quiet_since):
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

    def find_all(self, org: str, tokens: tuple[str, ...]) -> Script[dict[str, str]]:
        return dict((yield self.sql.holders, (org, self.sql.engine.array(tokens))))

    def identifiers(self, org: str, customer: str) -> Script[tuple[HeldIdentifier, ...]]:
        found = yield self.sql.held, (org, customer)
        return tuple(HeldIdentifier(type_, token, moment(since)) for type_, token, since in found)

    def record(self, batch: ActivityBatch) -> Script[Recorded]:
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

    def _keep(self, org: str, activities: Mapping[Key, StoredActivity]) -> Script[set[Key]]:
        """Write those activities that are not there yet, one after the other in their order; it answers which it wrote."""
        raise NotImplementedError

    def keep_config(self, org: str, config_hash: str, text: str) -> Script[bool]:
        kept = yield self.sql.config, (org, config_hash)
        if not kept:
            yield self.sql.keep_config, (org, config_hash, text)
        return True

    def config(self, org: str, config_hash: str) -> Script[str | None]:
        found = yield self.sql.config, (org, config_hash)
        return found[0][0] if found else None

    def organisations(self) -> Script[tuple[str, ...]]:
        found = yield self.sql.organisations, ()
        return tuple(org for (org,) in found)
