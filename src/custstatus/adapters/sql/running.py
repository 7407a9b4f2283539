"""What an operation is: a generator that yields statements and receives their rows, and how several are one transaction."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from custstatus.adapters.sql.statements import Statement

__all__ = ["Many", "Operation", "Transaction", "within"]

T = TypeVar("T")


class Many(NamedTuple):
    """One statement over many rows."""

    statement: Statement
    rows: Iterable[tuple[Any, ...]]


Operation = Generator[tuple[Statement, tuple[Any, ...]] | Many, list[tuple[Any, ...]], T]


class Transaction(NamedTuple):
    """How an operation's statements are made one: in a transaction of our own, or within the host's."""

    begin: Statement
    commit: Statement
    rollback: tuple[Statement, ...]


def within(transaction: Transaction, operation: Operation[T | None]) -> Operation[T | None]:
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
