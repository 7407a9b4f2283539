"""The operations of the SQLite store: those of every SQL store, and a change applied statement by statement."""

from __future__ import annotations

from custstatus.adapters.cursors import micros, moment
from custstatus.adapters.sql.operations import Operation, Operations, Transaction, moved
from custstatus.adapters.sqlite import statements
from custstatus.changes import Applied, GuardedChange, Step

__all__ = ["JOINED", "OWN", "SNAPSHOT", "SQLiteOperations"]

OWN = Transaction(statements.BEGIN_IMMEDIATE, statements.COMMIT, (statements.ROLLBACK,))
JOINED = Transaction(statements.SAVEPOINT, statements.RELEASE, (statements.ROLLBACK_TO, statements.RELEASE))
SNAPSHOT = Transaction(statements.BEGIN, statements.COMMIT, (statements.ROLLBACK,))


class SQLiteOperations(Operations):
    """The verbs; one transaction writes at a time, so that what was read stays so."""

    def apply(self, guarded: GuardedChange, step: Step) -> Operation[Applied | None]:
        """Make a change without planning it, by what its guard says of where the account is; None where it is not made."""
        org, customer, actor = guarded.org, guarded.customer, guarded.actor
        found = yield statements.PLACE, (org, customer, step.lifecycle)
        if not found:
            return None
        version, registered_at, closed_at, status, label, since, entered, back_to, *behind = found[0]
        was = None if back_to is None else (behind[0], behind[1], behind[2])
        if closed_at is not None or guarded.expected not in (None, version) or not step.admits(status, label, was):
            return None
        now = micros(guarded.now)
        if step.closes:  # which comes after the last entry of every lifecycle
            since = (yield statements.LATEST, (org, customer))[0][0]
        effective = max(now, since) if guarded.at is None else micros(guarded.at)
        if effective < since:
            return None
        if guarded.quiet_since is not None:
            active = yield self.sql.last_activity, (org, customer)
            if (active[0][0] if active else registered_at) >= micros(guarded.quiet_since):
                return None
        version += 1
        back_to = step.way_back(status, label, entered, back_to, was)
        effective_at = guarded.now if effective == now else moment(effective)
        entry = moved(guarded, step, version, (status, label), effective_at, back_to)
        if not (yield from self._append(entry)):
            return None
        kind = actor.kind._value_
        if status == step.to:
            label_row = (org, customer, step.lifecycle, step.label, effective, actor.id, kind, version, back_to)
            yield statements.RELABEL_STANDING, label_row
        else:
            row = (org, customer, step.lifecycle, step.to, step.label, effective, actor.id, kind, version, back_to)
            yield statements.MOVE_STANDING, row
        yield statements.STEP_ACCOUNT, (org, customer, version, effective if step.closes else None)
        if step.closes:
            yield self.sql.release_all, (org, customer)
        return Applied((entry,))
