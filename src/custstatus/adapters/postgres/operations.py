"""The operations of the PostgreSQL stores: those of every SQL store, and changes applied by one statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from custstatus.adapters.postgres import statements
from custstatus.adapters.postgres.statements import StatementShape, array_text
from custstatus.adapters.sql.operations import Key, Operations, moved
from custstatus.adapters.sql.rows import activity_row
from custstatus.adapters.sql.running import Script, Transaction
from custstatus.adapters.sql.statements import Statement
from custstatus.bounds import micros, moment
from custstatus.errors import SchemaError
from custstatus.gate.outcome import Applied, Snapshot
from custstatus.gate.sets import PreparedSet, SetResult

if TYPE_CHECKING:
    from custstatus.adapters.protocol import StoredActivity
    from custstatus.gate.prepared import PreparedChange, Step

__all__ = ["JOINED", "OWN", "PostgresOperations", "within"]

T = TypeVar("T")

OWN = Transaction(statements.BEGIN, statements.COMMIT, (statements.ROLLBACK,))
JOINED = Transaction(statements.SAVEPOINT, statements.RELEASE, (statements.ROLLBACK_TO, statements.RELEASE))

_NOBODY_WRITES = Statement("LOCK TABLE custstatus_account IN SHARE ROW EXCLUSIVE MODE")

_PART = 10_000
"""How many activities one statement records: it has the patience of one, however many are reported at once."""


def within(transaction: Transaction, operation: Script[T | None]) -> Script[T | None]:
    """An operation in one transaction; one that answers None is undone."""
    yield transaction.begin, ()
    try:
        result = yield from operation
        if result is not None:
            yield transaction.commit, ()
            return result
    except GeneratorExit:
        raise  # the runner was interrupted between two statements, and undoes them itself
    except BaseException:
        # Where the engine has rolled back by itself (a full disk, say) there is nothing left to undo.
        with suppress(Exception):
            for statement in transaction.rollback:
                yield statement, ()
        raise
    for statement in transaction.rollback:
        yield statement, ()
    return None


class PostgresOperations(Operations):
    """The verbs; a change of one lifecycle is one statement, and so one round trip."""

    def apply(self, prepared: PreparedChange, step: Step) -> Script[Applied | None]:
        """Make a change without planning it, by what its guard says of where the account is; None where it is not made."""
        at, reason, name = prepared.at, prepared.reason, prepared.actor.name
        text = reason is not None or name is not None
        shaped = _shaped(step, at is not None, prepared.expected is not None, prepared.key is not None, text)
        found = yield (
            shaped,
            (
                prepared.org,
                prepared.customer,
                *_of_step(step),
                *_of_change(prepared),
                prepared.expected,
                prepared.key,
                prepared.digest,
                reason,
                name,
            ),
        )
        if not found:
            return None
        version, effective_at, return_to, status, label = found[0]
        entry = moved(prepared, step, version, (status, label), moment(effective_at), return_to)
        return Applied((entry,))

    def read(self, prepared: PreparedChange) -> Script[Snapshot]:
        found = yield from super().read(prepared)
        if found.prior:
            # It may be on this server only, where its commit was cancelled while it waited for a standby: a lock waits for that.
            yield statements.LOCK_ACCOUNTS, (prepared.org, array_text([found.prior[0].customer]))
        return found

    def read_set(self, prepared: PreparedSet, left: tuple[str, ...]) -> Script[dict[str, Snapshot]]:
        answers = yield from super().read_set(prepared, left)
        replayed = sorted(customer for customer, found in answers.items() if found.prior)
        if replayed and not prepared.preview:
            yield statements.LOCK_ACCOUNTS, (prepared.prepared.org, array_text(replayed))
        return answers

    def settle(self, *, create: bool) -> Script[bool]:
        """
        Whether the database is the one that its feed counts by; a copy counts on from there, in an epoch of its own.

        Raises:
            SchemaError: It is a copy, and nothing is to be made.
        """
        ((ours,),) = yield statements.THIS, ()
        if ours:
            return True
        if not create:
            raise SchemaError(
                "the database was restored from a copy: open it once with create=True, or upgrade its schema"
            )
        # A writer still counts as the database did that it was copied from: what it commits later must not be missed.
        yield _NOBODY_WRITES, ()
        yield statements.RESTORED, ()
        return True

    def apply_set(self, prepared: PreparedSet, step: Step) -> Script[list[SetResult]]:
        common, each = prepared.prepared, prepared.rows
        reasons = _column(row.reason for row in each)
        text = reasons != _NONE or common.reason is not None or common.actor.name is not None
        found = yield (
            statements.applying_set(closes=step.closes, text=text),
            (
                common.org,
                array_text([row.customer for row in each]),
                *_of_step(step),
                *_of_change(common),
                common.run,
                common.approval,
                common.shop,
                None if step.only_from is None else _texts(step.only_from),
                None if common.quiet_since is None else micros(common.quiet_since),
                None if common.grace_since is None else micros(common.grace_since),
                _column(None if (last := row.entry or common.entry) is None else str(last) for row in each),
                _column(None if row.reason_digest is None else f"\\x{row.reason_digest.hex()}" for row in each),
                _column(row.shop for row in each),
                *([reasons, common.reason, common.actor.name] if text else []),
            ),
        )
        return list(map(SetResult._make, found))

    def _keep(self, org: str, activities: Mapping[Key, StoredActivity]) -> Script[set[Key]]:
        kept: set[Key] = set()
        left = iter(activities.values())
        while part := [activity_row(org, each) for each in islice(left, _PART)]:
            _, customers, kinds, references, at, amounts, effects, counts = zip(*part, strict=True)
            texts = (*map(array_text, (customers, kinds, references)), array_text(map(str, at)), _column(amounts))
            kept.update((yield statements.RECORD, (org, *texts, array_text(effects), array_text(map(str, counts)))))
        return kept


@lru_cache(maxsize=4_096)
def _shaped(step: Step, at: bool, expected: bool, key: bool, text: bool) -> Statement:
    """The statement that applies a step; the rest is said of `StatementShape`."""
    aside = bool(step.group_statuses or step.group_labels)
    return statements.applying(
        StatementShape(step.closes, step.by_status, bool(step.back), aside, at, expected, key, text)
    )


@lru_cache(maxsize=1_024)
def _of_step(step: Step) -> tuple[Any, ...]:
    """The parameters 3 to 11, which like changes have in common."""
    return (
        step.lifecycle,
        _texts(step.open),
        _texts(step.back),
        step.to,
        step.label,
        step.by_status,
        _texts(step.stands_for),
        _texts(step.group_statuses),
        _texts(step.group_labels),
    )


def _of_change(prepared: PreparedChange) -> tuple[Any, ...]:
    """The parameters 12 to 20: what is the same for one customer and for several."""
    return (
        micros(prepared.now),
        prepared.actor.id,
        prepared.actor.kind._value_,
        prepared.requested_by._value_,
        prepared.channel,
        prepared.config,
        prepared.reason_code,
        prepared.reason_digest,
        None if prepared.at is None else micros(prepared.at),
    )


_NONE = array_text([])


def _column(values: Iterable[str | None]) -> str:
    """What several rows have of their own as an array; where none has anything it is empty, and stands for NULL in each."""
    members = list(values)
    return _NONE if all(member is None for member in members) else array_text(members)


@lru_cache(maxsize=4_096)
def _texts(members: frozenset[str | None]) -> str:
    """A set as an array, which few changes differ in; unset, and no label, are ''."""
    return array_text(sorted(member or "" for member in members))
