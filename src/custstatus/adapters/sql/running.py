"""What an operation is: a generator that yields statements and receives their rows; and what makes it one transaction."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, NamedTuple, TypeVar

from custstatus.adapters.sql.statements import Statement

__all__ = ["Many", "Script", "Transaction"]

T = TypeVar("T")


class Many(NamedTuple):
    """One statement over many rows."""

    statement: Statement
    rows: Iterable[tuple[Any, ...]]


Script = Generator[tuple[Statement, tuple[Any, ...]] | Many, list[tuple[Any, ...]], T]


class Transaction(NamedTuple):
    """How an operation's statements are made one: in a transaction of our own, or within the host's."""

    begin: Statement
    commit: Statement
    rollback: tuple[Statement, ...]
