"""The operations of the PostgreSQL stores: those of every SQL store, and a change applied by one statement."""

from __future__ import annotations

from functools import lru_cache

from custstatus.adapters.cursors import micros, moment
from custstatus.adapters.postgres import statements
from custstatus.adapters.sql.operations import Operation, Operations, Transaction, moved
from custstatus.changes import Applied, GuardedChange, Step

__all__ = ["JOINED", "OWN", "PostgresOperations"]

OWN = Transaction(statements.BEGIN, statements.COMMIT, (statements.ROLLBACK,))
JOINED = Transaction(statements.SAVEPOINT, statements.RELEASE, (statements.ROLLBACK_TO, statements.RELEASE))


class PostgresOperations(Operations):
    """The verbs; a change of one lifecycle is one statement, and so one round trip."""

    def apply(self, guarded: GuardedChange, step: Step) -> Operation[Applied | None]:
        """Make a change without planning it, by what its guard says of where the account is; None where it is not made."""
        actor, quiet = guarded.actor, guarded.quiet_since
        text = guarded.reason is not None or actor.name is not None
        more = [guarded.reason, actor.name] if text else []
        found = yield (
            statements.applying(quiet=quiet is not None, closes=step.closes, text=text),
            (
                guarded.org,
                guarded.customer,
                step.lifecycle,
                guarded.expected,
                _texts(step.open),
                _texts(step.back),
                step.to,
                step.label,
                step.by_status,
                None if step.only_from is None else _texts(step.only_from),
                _texts(step.stands_for),
                _texts(step.group_statuses),
                None if guarded.at is None else micros(guarded.at),
                micros(guarded.now),
                actor.id,
                actor.kind._value_,
                guarded.wish._value_,
                guarded.channel,
                guarded.config,
                guarded.reason_code,
                guarded.reason_digest,
                guarded.key,
                guarded.digest,
                _texts(step.group_labels),
                guarded.run,
                *more,
                *([] if quiet is None else [micros(quiet)]),
            ),
        )
        if not found:
            return None
        version, effective_at, back_to, status, label = found[0]
        entry = moved(guarded, step, version, (status, label), moment(effective_at), back_to)
        return Applied((entry,))


@lru_cache(maxsize=4_096)
def _texts(members: frozenset[str | None]) -> str:
    """A set as an array in the engine's own text, which few changes differ in; unset, and no label, are ''."""
    quoted = ('"' + (member or "").replace("\\", "\\\\").replace('"', '\\"') + '"' for member in members)
    return "{" + ",".join(sorted(quoted)) + "}"
