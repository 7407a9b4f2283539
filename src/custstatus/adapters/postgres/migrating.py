"""The schema of a PostgreSQL database, step by numbered step: brought up to date, or found to be so."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TypeVar

import psycopg
from attrs import frozen
from psycopg import errors

from custstatus.adapters.postgres.connecting import Connection, arguments, checked, settings, translated, unreached
from custstatus.adapters.postgres.cursors import RawCursor
from custstatus.adapters.postgres.operations import OWN, PostgresOperations, within
from custstatus.adapters.postgres.statements import RESTORED, ROLLBACK_TO, SAVEPOINT, SQL, THIS
from custstatus.adapters.sql.running import Script
from custstatus.adapters.sql.schema import At, Schema, SchemaStatus, SchemaStep
from custstatus.adapters.sql.statements import Statement
from custstatus.errors import SchemaError, StoreBusyError

__all__ = [
    "OLDEST",
    "SCHEMA",
    "SchemaStatus",
    "check",
    "migrate",
    "migrate_schema",
    "schema_sql",
    "schema_statements",
    "schema_status",
]

T = TypeVar("T")

OLDEST = 140_000
"""PostgreSQL 14."""

SCHEMA = Schema.read(Path(__file__).with_name("schema"))
"""The steps that this version knows, and that every store and function here goes by."""

_ALONE = Statement("SELECT pg_advisory_xact_lock(7164204418021912)")
# A name is not looked up twice in a transaction: to_regclass would not see what others have made since.
_IS_THERE = Statement(
    "SELECT count(*) > 0 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relname = 'custstatus_schema' AND n.nspname = ANY (current_schemas(false))"
)
_MADE = Statement('CREATE TABLE custstatus_schema (step integer PRIMARY KEY, hash text COLLATE "C" NOT NULL)')
# Of the row as a whole, for there may be no column of the hash.
_AT = Statement("SELECT step, to_jsonb(last) ->> 'hash' FROM custstatus_schema last ORDER BY step DESC LIMIT 1")
_DONE = Statement("INSERT INTO custstatus_schema (step, hash) VALUES ($1, $2)")

_TIMEOUTS = Statement(
    "SELECT current.setting::bigint, deadlock.setting::bigint FROM pg_settings current, pg_settings deadlock "
    "WHERE current.name = 'lock_timeout' AND deadlock.name = 'deadlock_timeout'"
)
_LONGEST = 500
"""Milliseconds that an attempt to lock the tables takes at most, and that others queue behind it."""
_PAUSE = Statement("SELECT pg_sleep(0.2)")
"""Between two attempts: those that were queued go on."""

_TABLE = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)
_INDEX = re.compile(r"^CREATE (?:UNIQUE )?INDEX (\w+) ON (\w+)", re.MULTILINE)
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)
_READABLE = re.compile(r"CREATE (UNIQUE )?INDEX|CREATE (TABLE|TRIGGER|FUNCTION|VIEW)|INSERT|UPDATE|COMMENT|GRANT")
"""How statements begin that leave a table to its readers."""

_GUARD = """
DO $$
BEGIN
    IF (SELECT coalesce(max(step), 0) FROM custstatus_schema) <> {at} THEN
        RAISE EXCEPTION 'the tables of custstatus are at another step than {at}';
    END IF;
    IF (SELECT to_jsonb(last) ->> 'hash' FROM custstatus_schema last WHERE step = {at}) IS DISTINCT FROM '{hash}' THEN
        RAISE EXCEPTION 'another build of custstatus made its tables';
    END IF;
END
$$
""".strip()
_SCRIPT = "-- The tables of custstatus in PostgreSQL 14 or later, after step {after}. For the role that shall own them."
_BOUND = f"SET LOCAL lock_timeout = '{_LONGEST}ms'"

_CONNECTING = 7.0
"""Seconds within which a server is reached, and after which a dead network is noticed."""


def migrate(schema: Schema) -> Script[tuple[str, ...]]:
    """
    Take the steps that are missing, in one transaction that waits for others that do; their names.

    The session's `lock_timeout` is how long it tries.

    Raises:
        SchemaError: The database was made by a newer version of this library, or by another build of it.
    """
    ((there,),) = yield _IS_THERE, ()
    if there and schema.check((yield from _at())) == schema.last:
        return ()  # without waiting for anybody
    yield _ALONE, ()
    ((there,),) = yield _IS_THERE, ()
    if not there:
        yield _MADE, ()
    at = schema.check((yield from _at()))
    missing = schema.after(at)
    yield from _take(missing, _changed(schema, at, missing))
    return tuple(step.name for step in missing)


def _take(missing: Iterable[SchemaStep], changed: Changed) -> Script[None]:
    """
    Take steps, again and again while others hold what is to be changed.

    All tables are locked before anything is done, in half of the time at most after which the server looks for a deadlock: who
    waits for us and holds what we wait for is let go on before it is taken for a victim.
    """
    ((patience, deadlock),) = yield _TIMEOUTS, ()
    each = max(1, min(_LONGEST, deadlock // 2) // max(1, len(changed.tables)))
    yield Statement(f"SET LOCAL lock_timeout = {each}"), ()
    deadline = monotonic() + patience / 1000 if patience else math.inf
    while True:
        yield SAVEPOINT, ()
        try:
            for text in changed.lock:
                yield Statement(text), ()
            for step in missing:
                for text in step.statements:
                    yield Statement(text), ()
                yield _DONE, (step.number, step.hash)
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            if monotonic() > deadline:
                raise
            yield ROLLBACK_TO, ()
            yield _PAUSE, ()
        else:
            return


@frozen
class Changed:
    """The tables of earlier steps that others change."""

    tables: tuple[str, ...]
    """In the order in which they were made, which is also that of a change: accounts first."""
    readable: bool
    """Whether others may go on reading them meanwhile."""

    @property
    def lock(self) -> list[str]:
        """The statement that locks them, if there are any."""
        mode = "SHARE ROW EXCLUSIVE" if self.readable else "ACCESS EXCLUSIVE"
        return [f"LOCK TABLE {', '.join(self.tables)} IN {mode} MODE"] if self.tables else []


def _changed(schema: Schema, at: int, missing: Iterable[SchemaStep]) -> Changed:
    """What the steps after one change of what is there by then."""
    before = "\n".join(text for step in schema.steps if step.number <= at for text in step.statements)
    tables = _TABLE.findall(before)
    table_of = {table: table for table in tables} | dict(_INDEX.findall(before))
    changed: set[str] = set()
    readable = True
    for step in missing:
        for text in step.statements:
            bare = _COMMENT.sub("", text)
            named = {table_of[name] for name in re.findall(r"\w+", bare) if name in table_of}
            changed |= named
            readable = readable and (not named or _READABLE.match(bare) is not None)
    return Changed(tuple(table for table in tables if table in changed), readable)


def check(schema: Schema) -> Script[bool]:
    """
    Whether the schema is there and up to date; nothing is written.

    Raises:
        SchemaError: It is not.
    """
    yield from _check_there()
    if schema.check((yield from _at())) < schema.last:
        raise SchemaError(
            "the database is at an earlier schema step than this version: `custstatus db upgrade` takes the rest"
        )
    return True


def _check_there() -> Script[bool]:
    ((there,),) = yield _IS_THERE, ()
    if not there:
        raise SchemaError("a database without the tables of custstatus: `custstatus db init` makes them")
    return True


def _at() -> Script[At]:
    found = yield _AT, ()
    return At(*found[0]) if found else At()


def _found(schema: Schema) -> Script[tuple[At, bool]]:
    """At which step it is, be it one that this version does not know; and whether it is a copy that does not know it."""
    ((there,),) = yield _IS_THERE, ()
    if not there:
        return At(), False
    at = yield from _at()
    if at.step != schema.last or schema.differs(at):
        return at, False
    ((ours,),) = yield THIS, ()
    return at, not ours


def migrate_schema(address: str, *, create: bool = True, patience: float = 60.0) -> tuple[str, ...]:
    """
    Bring the schema of a database up to date, in one transaction; the names of the steps that were taken.

    A step takes as long as it needs; what is bounded is how long it waits for others, and how long others queue behind it
    while it waits (half a second).

    Args:
        address: Where it is, as `PostgresStore` takes it.
        create: False to leave a database alone that has no tables of ours.
        patience: Seconds to wait for others that migrate, and to try again while others hold the tables. A step itself takes as
            long as it takes.

    Raises:
        SchemaError: The server is too old, the database was made by a newer version of this library or by another build of it
            or, with `create=False`, has no tables of ours.
        StoreBusyError: Others held the tables for longer than that.
        StoreError: It cannot be reached, or a step cannot be taken; nothing is changed then.
    """
    with _connected(address, patience) as cursor:
        if cursor.connection.info.server_version < OLDEST:
            raise SchemaError("PostgreSQL is too old: 14 or later is needed")
        if not create:
            _run(_check_there(), cursor)
        taken = _run(within(OWN, migrate(SCHEMA)), cursor)
        assert taken is not None
        _run(within(OWN, PostgresOperations(SQL).settle(create=True)), cursor)
        return taken


def schema_status(address: str) -> SchemaStatus:
    """
    At which step a database is; it is only read.

    Raises:
        StoreError: It cannot be reached, gives no sign for ten seconds, or its tables cannot be read.
    """
    with _connected(address, _CONNECTING, bounded=True) as cursor:
        at, moved = _run(_found(SCHEMA), cursor)
        version = cursor.connection.info.parameter_status("server_version")
    missing = tuple(step.name for step in SCHEMA.after(at.step))
    return SchemaStatus(at.step, SCHEMA.last, missing, f"PostgreSQL {version}", moved, SCHEMA.differs(at))


def schema_statements(after: int = 0, to: int | None = None) -> tuple[str, ...]:
    """
    The statements of the steps after one, for a transaction of the host's; none where there are no such steps.

    They wait for others that migrate, fail where the database is not at the first step or another build made it, lock what
    they change, and keep the number and the hash of each step. How long they wait for a lock is the session's `lock_timeout`.

    Args:
        after: The step at which the database is.
        to: The last to be taken; by default the last that this version knows.

    Raises:
        InvalidInputError: There are no such steps.
    """
    SCHEMA.known("after", after)
    to = SCHEMA.known("to", SCHEMA.last if to is None else to)
    missing = [step for step in SCHEMA.after(after) if step.number <= to]
    if not missing:
        return ()
    prepare = _MADE.text if after == 0 else _GUARD.format(at=after, hash=SCHEMA.hash_of(after))
    texts = [_ALONE.text, prepare, *_changed(SCHEMA, after, missing).lock]
    for step in missing:
        texts += [text.removesuffix(";") for text in step.statements]
        texts.append(_DONE.text.replace("$1", str(step.number)).replace("$2", f"'{step.hash}'"))
    if to == SCHEMA.last:  # as a store does that is opened
        texts.append(RESTORED.text.strip())
    return tuple(texts)


def schema_sql(after: int = 0) -> str:
    """
    A script of the steps after one, in a transaction; empty where there are none.

    Raises:
        InvalidInputError: There is no such step.
    """
    texts = schema_statements(after)
    script = [_SCRIPT.format(after=after), *(f"{text};" for text in ("BEGIN", _BOUND, *texts, "COMMIT"))]
    return "\n\n".join(script) + "\n" if texts else ""


def _run(operation: Script[T], cursor: RawCursor) -> T:
    from custstatus.adapters.postgres.store import run  # which has to know this module

    return run(operation, cursor)


@contextmanager
def _connected(address: str, patience: float, *, bounded: bool = False) -> Iterator[RawCursor]:
    """
    A connection for one operation, which waits so long for locks; errors of the driver come out as ours.

    Args:
        address: Where it is.
        patience: Seconds.
        bounded: Whether it waits no longer for an answer either; an index of many rows takes its time.
    """
    checked(address, 1, patience)
    try:
        connection = Connection.connect(address, **arguments(_CONNECTING, prepare=False))
    except psycopg.Error as error:
        raise unreached(error) from error
    with connection:
        try:
            connection.patience = patience
            connection.execute(settings(patience).encode())
            if not bounded:
                connection.patience = math.inf
                connection.execute("SET statement_timeout = 0")
            yield RawCursor(connection)
        except (errors.LockNotAvailable, errors.DeadlockDetected) as error:
            raise StoreBusyError("others held the tables for too long: nothing was changed, try again") from error
        except psycopg.Error as error:
            raise translated(error) from error
