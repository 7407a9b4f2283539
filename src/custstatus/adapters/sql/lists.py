"""The operations of every SQL store that read beyond one account: lists, the log, the feed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import evolve

from custstatus.adapters.cursors import activity_cursor, numbers, page, read_activity_cursor, run_cursor, run_place
from custstatus.adapters.feeds import FeedPage, Lag, Position
from custstatus.adapters.queries import (
    Accounts,
    Activities,
    CustomerIds,
    Customers,
    Feed,
    Listed,
    Log,
    Page,
    Placed,
    Query,
    Tally,
)
from custstatus.adapters.sql import rows
from custstatus.adapters.sql.statements import REGISTERED, Asked, Statements
from custstatus.bounds import micros, moment
from custstatus.errors import InvalidInputError, PositionLostError
from custstatus.records import Account, ActorKind, Entry

if TYPE_CHECKING:
    from custstatus.adapters.protocol import StoredActivity
    from custstatus.adapters.sql.running import Script

__all__ = ["Lists"]


T = TypeVar("T")


class Lists:
    """Every verb that reads a page, a count or a position."""

    def __init__(self, sql: Statements) -> None:
        self.sql = sql

    def page(self, query: Query[T]) -> Script[Page[T]]:
        found: Any  # of the rows that the query is of
        if isinstance(query, Log):
            found = yield from self._log(query)
        elif isinstance(query, Customers):
            found = yield from self._customers(query)
        elif isinstance(query, CustomerIds):
            found = yield from self._customer_ids(query)
        elif isinstance(query, Accounts):
            found = yield from self._accounts(query)
        elif isinstance(query, Activities):
            found = yield from self._activities(query)
        else:
            raise InvalidInputError("query", "a list that this store knows", type(query).__name__)
        return cast("Page[T]", found)

    def _log(self, query: Log) -> Script[Page[Entry]]:
        # By version within a customer, by customer within a run, else in the order of the rows.
        place: tuple[str, ...] = self.sql.engine.place
        if query.customer is not None:
            place = ("e.version",)
        elif query.run is not None:
            place = ("e.customer", "e.version")
        filters: list[tuple[str, tuple[Any, ...]]] = [("e.org = {}", (query.org,))]
        if query.after is not None:
            of_run = len(place) == 2 and place[0] == "e.customer"
            after = run_place(query.after) if of_run else numbers(query.after, len(place))
            filters.append(_beyond(place, "<" if query.newest_first else ">", after or ()))
        filters += [
            (condition, (value,))
            for condition, value in (
                ("e.customer = {}", query.customer),
                ("e.run = {}", query.run),
                ("e.lifecycle = {}", query.lifecycle),
                ("e.to_status = {}", query.status),
                ("e.actor = {}", query.actor),
                ("e.recorded_at >= {}", None if query.since is None else micros(query.since)),
                ("e.recorded_at < {}", None if query.until is None else micros(query.until)),
            )
            if value is not None
        ]
        order = f"ORDER BY {', '.join(column + (' DESC' if query.newest_first else '') for column in place)} LIMIT {{}}"
        found = yield self.sql.log(filters, order, query.limit + 1)
        if query.customer is not None:
            return page([(str(row[2]), rows.entry(row)) for row in found], query.limit)
        if query.run is not None:
            return page([(run_cursor(row[1], row[2]), rows.entry(row)) for row in found], query.limit)
        return page([(".".join(map(str, row[rows.PLACE :])), rows.entry(row)) for row in found], query.limit)

    def _customers(self, query: Customers) -> Script[Page[Listed[str, str]]]:
        found = yield self.sql.customers(self._asked(query), "ORDER BY s.customer LIMIT {}", query.limit + 1)
        return page([(row[0], rows.listed(row)) for row in found], query.limit)

    def _customer_ids(self, query: CustomerIds) -> Script[Page[str]]:
        found = yield self.sql.customer_ids(self._asked(query), "ORDER BY s.customer LIMIT {}", query.limit + 1)
        return page([(customer, customer) for (customer,) in found], query.limit)

    def count(self, query: Placed) -> Script[int]:
        ((counted,),) = yield self.sql.count(self._asked(evolve(query, after=None)))
        return int(counted)

    def _asked(self, query: Placed) -> Asked:
        """The conditions of a list of customers."""
        engine = self.sql.engine

        def among(what: str, members: Iterable[str | None]) -> tuple[str, tuple[Any, ...]]:
            return engine.among.format(what, "{}"), (engine.array(sorted(member or "" for member in members)),)

        filters: list[tuple[str, tuple[Any, ...]]] = [
            ("s.org = {}", (query.org,)),
            ("s.lifecycle = {}", (query.lifecycle,)),
        ]
        if query.statuses is not None:
            # One status is an index's own; several are not, as its order would be another than the list's.
            (status,) = query.statuses if len(query.statuses) == 1 else (None,)
            one = status is not None and query.label is None
            # The index of those who are not active is found by the words that it has itself.
            condition = "s.status = {}" if status == "active" else "s.status = {} AND s.status <> 'active'"
            filters.append((condition, (status,)) if one else among("coalesce(s.status, '')", query.statuses))
        if query.label is not None:
            filters.append(("s.label = {}", (query.label,)))
        if query.without:
            condition, values = among("s.status", query.without)
            filters.append((f"(s.status IS NULL OR NOT {condition})", values))
        if query.places is not None:
            # Not `coalesce`, of whose values a planner knows nothing: a page would be planned as if hardly anybody stood there.
            (labelled, named), (plain, _) = among("s.label", query.places), among("s.status", query.places)
            filters.append((f"({labelled} OR s.label IS NULL AND {plain})", named * 2))
        if query.quiet_since is not None:
            filters.append(("coalesce(l.at, a.registered_at) < {}", (micros(query.quiet_since),)))
        if query.active_since is not None:
            filters.append(("l.at >= {}", (micros(query.active_since),)))
        if query.grace_since is not None:
            spared = (ActorKind.PERSON.value, micros(query.grace_since))
            filters.append((f"NOT (s.actor_kind = {{}} AND s.since >= {{}} AND s.since > {REGISTERED})", spared))
        if query.exempt:
            filters.append((engine.outside.format("s.customer", "{}"), (engine.array(sorted(query.exempt)),)))
        if query.after is not None:
            filters.append(("s.customer > {}", (query.after,)))
        by_activity = query.quiet_since is not None or query.active_since is not None
        return Asked(filters, by_activity, query.after)

    def _accounts(self, query: Accounts) -> Script[Page[Account]]:
        found = yield self.sql.accounts, (query.org, query.after or "", query.limit + 1)
        grouped: dict[str, list[tuple[Any, ...]]] = {}
        for row in found:
            grouped.setdefault(row[0], []).append(row[1:])
        return page([(name, rows.account(query.org, name, each)) for name, each in grouped.items()], query.limit)

    def tally(self, org: str, lifecycle: str) -> Script[tuple[Tally[str, str], ...]]:
        found = yield self.sql.tally, (org, lifecycle)
        return tuple(Tally(status, label, accounts) for status, label, accounts in found)

    def _activities(self, query: Activities) -> Script[Page[StoredActivity]]:
        filters: list[tuple[str, tuple[Any, ...]]] = [("org = {}", (query.org,))]
        filters += [("customer = {}", (query.customer,))] if query.customer is not None else []
        filters += [("reference = {}", (query.reference,))] if query.reference is not None else []
        if query.after is not None:
            sign = "<" if query.newest_first else ">"
            condition = f"(at, kind, reference, customer) {sign} ({{}}, {{}}, {{}}, {{}})"
            filters.append((condition, read_activity_cursor(query.after)))
        columns = ("at", "kind", "reference") if query.customer is not None else ("at", "kind", "reference", "customer")
        order = ", ".join(f"{column}{' DESC' if query.newest_first else ''}" for column in columns)
        found = yield self.sql.activities(filters, f"ORDER BY {order} LIMIT {{}}", query.limit + 1)
        kept = [rows.activity(row) for row in found]
        return page([(activity_cursor(activity), activity) for activity in kept], query.limit)

    def feed(self, query: Feed) -> Script[FeedPage]:
        place, horizon, filters = yield from self._following(query.org, query.after)
        if horizon is not None:
            filters.append(("e.xid < {}", (horizon,)))
        order = f"ORDER BY {', '.join(self.sql.engine.place)} LIMIT {{}}"
        found = yield self.sql.log(filters, order, query.limit)
        if found:
            place = Position(place.epoch, *([0] * (rows.PLACE + 2 - len(found[-1]))), *found[-1][rows.PLACE :])
        return FeedPage(tuple(map(rows.entry, found)), str(place))

    def lag(self, org: str, after: str | None) -> Script[Lag]:
        _, horizon, filters = yield from self._following(org, after)
        if horizon is None:
            ((ready, since),) = yield self.sql.log_count(filters)
            return Lag(ready, 0, None if since is None else moment(since))
        # Each by the horizon, so that what is committed between the two is not taken off the wrong one.
        ((ready, first),) = yield self.sql.log_count([*filters, ("e.xid < {}", (horizon,))])
        ((held, second),) = yield self.sql.log_count([*filters, ("e.xid >= {}", (horizon,))])
        since = min((each for each in (first, second) if each is not None), default=None)
        return Lag(ready, held, None if since is None else moment(since))

    def _following(
        self, org: str, after: str | None
    ) -> Script[tuple[Position, int | None, list[tuple[str, tuple[Any, ...]]]]]:
        """A position in this database's epoch, up to which transaction all are complete, and what follows the position."""
        ((epoch, horizon, ours),) = yield self.sql.horizon, ()
        columns = self.sql.engine.place
        place = Position(epoch) if after is None else self._place(after)
        if not ours:
            raise PositionLostError(
                "the database was restored from a copy: open the store once with create=True, or upgrade its schema"
            )
        if place.epoch != epoch:
            raise PositionLostError(
                "the database was restored from a copy since the position was read: read the feed from its beginning"
            )
        filters: list[tuple[str, tuple[Any, ...]]] = [("e.org = {}", (org,))]
        filters.append(_beyond(columns, ">", place[3 - len(columns) :]))
        return place, horizon, filters

    def _place(self, position: str) -> Position:
        """A position in the feed of a store of this kind; InvalidInputError if it is of another."""
        place = Position.read(position)
        if (place.transaction > 0) is not (place.entry > 0 and len(self.sql.engine.place) == 2):
            raise InvalidInputError(
                "position", "the `position` of an earlier page of this feed", "one of another store"
            )
        return place

    def position(self, org: str, consumer: str) -> Script[str | None]:
        found = yield self.sql.position, (org, consumer)
        return str(Position(*found[0])) if found else None

    def keep_position(self, org: str, consumer: str, position: str | None) -> Script[bool]:
        if position is None:
            yield self.sql.forget_position, (org, consumer)
        else:
            place, _, _ = yield from self._following(org, position)
            yield self.sql.keep_position, (org, consumer, *place)
        return True


def _beyond(columns: tuple[str, ...], sign: str, place: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The condition that a row is before or after a place."""
    if len(columns) == 1:
        return f"{columns[0]} {sign} {{}}", place
    return f"({', '.join(columns)}) {sign} ({', '.join(['{}'] * len(columns))})", place
