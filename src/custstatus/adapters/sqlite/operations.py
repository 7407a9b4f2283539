"""The operations of the SQLite store: those of every SQL store, and a change applied statement by statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from custstatus.adapters.sql.operations import Key, Operations, moved
from custstatus.adapters.sql.rows import activity_row
from custstatus.adapters.sql.running import Many, Script, Transaction
from custstatus.adapters.sqlite import statements
from custstatus.bounds import micros, moment
from custstatus.gate.outcome import Applied
from custstatus.gate.sets import PreparedSet, SetResult
from custstatus.records import ActorKind, EntryKind

if TYPE_CHECKING:
    from custstatus.adapters.protocol import StoredActivity
    from custstatus.gate.prepared import PreparedChange, Step

__all__ = ["JOINED", "OWN", "SNAPSHOT", "CountedMany", "SQLiteOperations"]

OWN = Transaction(statements.BEGIN_IMMEDIATE, statements.COMMIT, (statements.ROLLBACK,))
JOINED = Transaction(statements.SAVEPOINT, statements.RELEASE, (statements.ROLLBACK_TO, statements.RELEASE))
SNAPSHOT = Transaction(statements.BEGIN, statements.COMMIT, (statements.ROLLBACK,))


class CountedMany(Many):
    """A `Many` that answers a row for each of its rows: how many that one wrote."""


class SQLiteOperations(Operations):
    """The verbs; one transaction writes at a time, so that what was read stays so."""

    def apply(self, prepared: PreparedChange, step: Step) -> Script[Applied | None]:
        """Make a change without planning it, by what its guard says of where the account is; None where it is not made."""
        org, customer, actor = prepared.org, prepared.customer, prepared.actor
        found = yield statements.PLACE, (org, customer, step.lifecycle)
        if not found:
            return None
        version, closed_at, status, label, since, entered, return_to, *origins = found[0]
        origin = None if return_to is None else (origins[0], origins[1], origins[2])
        if closed_at is not None or prepared.expected not in (None, version) or not step.admits(status, label, origin):
            return None
        now = micros(prepared.now)
        if step.closes:  # which comes after the last entry of every lifecycle
            since = (yield statements.LATEST, (org, customer))[0][0]
        effective = max(now, since) if prepared.at is None else micros(prepared.at)
        if effective < since:
            return None
        version += 1
        return_to = step.way_back(status, label, entered, return_to, origin)
        effective_at = prepared.now if effective == now else moment(effective)
        entry = moved(prepared, step, version, (status, label), effective_at, return_to)
        if not (yield from self._append(entry)):
            return None
        kind = actor.kind._value_
        if status == step.to:
            label_row = (org, customer, step.lifecycle, step.label, effective, actor.id, kind, version, return_to)
            yield statements.RELABEL_STANDING, label_row
        else:
            row = (org, customer, step.lifecycle, step.to, step.label, effective, actor.id, kind, version, return_to)
            yield statements.MOVE_STANDING, row
        yield statements.STEP_ACCOUNT, (org, customer, version, effective if step.closes else None)
        if step.closes:
            yield self.sql.release_all, (org, customer)
        return Applied((entry,))

    def apply_set(self, prepared: PreparedSet, step: Step) -> Script[list[SetResult]]:
        common, org, lifecycle = prepared.prepared, prepared.prepared.org, step.lifecycle
        rows = {row.customer: row for row in prepared.rows}
        now, at = micros(common.now), None if common.at is None else micros(common.at)
        quiet = None if common.quiet_since is None else micros(common.quiet_since)
        grace = None if common.grace_since is None else micros(common.grace_since)
        actor, kind = common.actor.id, common.actor.kind._value_
        asked = (org, self.sql.engine.array(rows), lifecycle, step.closes, common.run)
        changed: list[SetResult] = []
        entries: list[tuple[Any, ...]] = []
        moved_rows: list[tuple[Any, ...]] = []
        relabelled: list[tuple[Any, ...]] = []
        accounts: list[tuple[Any, ...]] = []
        texts: list[tuple[Any, ...]] = []
        for found in (yield statements.PLACES, asked):
            (
                customer,
                version,
                registered_at,
                active,
                closed_at,
                by,
                floor,
                done,
                status,
                label,
                since,
                entry,
                return_to,
                *origins,
            ) = found
            row = rows[customer]
            origin = None if return_to is None else (origins[0], origins[1], origins[2])
            if closed_at is not None or done or not step.admits(status, label, origin):
                continue
            last = row.entry or common.entry
            if (last is not None and entry != last) or (quiet is not None and active >= quiet):
                continue
            if grace is not None and by == ActorKind.PERSON._value_ and since >= grace and since > registered_at:
                continue
            effective = max(now, floor) if at is None else at
            if effective < floor:
                continue
            version += 1
            return_to = step.way_back(status, label, entry, return_to, origin)
            reason, digest = common.reason, common.reason_digest
            if row.reason is not None:
                reason, digest = row.reason, row.reason_digest
            changed.append(SetResult(customer, version, status, label))
            entries.append(
                (
                    *(org, customer, version, EntryKind.MOVED._value_, lifecycle, status, label, step.to, step.label),
                    *(effective, now, actor, kind, common.requested_by._value_, common.channel, common.config),
                    *(common.reason_code, digest, None, None, 0, None, return_to, int(step.closes), common.run, None),
                    *(common.approval, row.shop or common.shop),
                )
            )
            accounts.append((org, customer, version, effective if step.closes else None))
            if status == step.to:
                relabelled.append((org, customer, lifecycle, step.label, effective, actor, kind, version, return_to))
            else:
                moved_rows.append(
                    (org, customer, lifecycle, step.to, step.label, effective, actor, kind, version, return_to)
                )
            if reason is not None or common.actor.name is not None:
                texts.append((org, customer, version, reason, common.actor.name))
        if changed:
            yield Many(self.sql.append_entry, entries)
            yield Many(statements.MOVE_STANDING, moved_rows)
            yield Many(statements.RELABEL_STANDING, relabelled)
            yield Many(statements.STEP_ACCOUNT, accounts)
            yield Many(self.sql.keep_text, texts)
            if step.closes:
                yield Many(self.sql.release_all, [(org, each.customer) for each in changed])
        return changed

    def _keep(self, org: str, activities: Mapping[Key, StoredActivity]) -> Script[set[Key]]:
        written = yield CountedMany(statements.RECORD, (activity_row(org, each) for each in activities.values()))
        return {key for key, (many,) in zip(activities, written, strict=True) if many}
