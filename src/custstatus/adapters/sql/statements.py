"""
The SQL statements of every engine, each written once; what one engine writes otherwise is in its `Engine`.

Parameters are numbered (`?1`), so that one can be used twice. Times are microseconds since 1970, and text is ordered by code
point, in every engine. Several values in one parameter are an array of the engine's own; in a set of places unset is ''.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

__all__ = [
    "ACTIVITY_COLUMNS",
    "ENTRY_COLUMNS",
    "REGISTERED",
    "STANDING",
    "STANDING_COLUMNS",
    "Asked",
    "Engine",
    "Statement",
    "Statements",
]


class Statement(NamedTuple):
    """A text as its driver takes it, and what puts the numbered parameters in their order; None where they are in it."""

    text: str
    arrange: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None = None
    sized: bool = False
    """Whether it is to be planned anew each time, by how many values its parameters hold."""


class Engine(NamedTuple):
    """What differs from engine to engine."""

    statement: Callable[[str], Statement]
    """A numbered text as its driver takes it."""
    array: Callable[[Iterable[Any]], Any]
    """Several values as one parameter."""
    among: str
    """The condition that `{0}` is one of the texts of an array in parameter `{1}`."""
    outside: str
    """The condition that it is none of them, of which there may be many thousands."""
    among_numbers: str
    """That a number is one of several."""
    for_update: str = ""
    """What locks the rows that are read; empty where one transaction writes at a time."""
    opens_activity: bool = False
    """Whether registering makes the row of the last activity, so that there is one to be locked."""
    place: tuple[str, ...] = ("e.id",)
    """What the entries of an organisation are ordered by."""
    transaction: str = ""
    """The number of the transaction, by which entries are ordered; empty where they are written in the order of commits."""
    horizon: str = "SELECT 0, NULL, 1"
    """Reads the epoch, up to which transaction all are complete, and whether the epoch is this database's."""


ENTRY_COLUMNS = (
    *("org", "customer", "version", "kind", "lifecycle", "from_status", "from_label", "to_status", "to_label"),
    *(
        "effective_at",
        "recorded_at",
        "actor",
        "actor_kind",
        "requested_by",
        "channel",
        "config",
        "reason_code",
        "reason_digest",
    ),
    *("subject", "key", "ordinal", "digest", "return_to", "closes", "run", "related", "approval", "shop"),
)
STANDING_COLUMNS = (
    *("org", "customer", "lifecycle", "status", "label", "since", "status_since", "actor", "actor_kind", "entry"),
    *("return_to", "until"),
)
STANDING = ", ".join(f"s.{name}" for name in STANDING_COLUMNS[2:])
ACTIVITY_COLUMNS = "customer, kind, reference, at, amount, effect, counts"

# Texts, times of registration and activities are looked up row by row: joined, a page deep in a large list would be planned as if
# it had to be read from the beginning.
_OF_ENTRY = "FROM custstatus_text t WHERE t.org = e.org AND t.customer = e.customer AND t.version = e.version"
_ENTRIES = f"""
SELECT {", ".join(f"e.{name}" for name in ENTRY_COLUMNS)}, (SELECT t.reason {_OF_ENTRY}), (SELECT t.actor_name {_OF_ENTRY})%s
FROM custstatus_entry e
"""

REGISTERED = "(SELECT x.registered_at FROM custstatus_account x WHERE x.org = s.org AND x.customer = s.customer)"
"""When the customer of a standing was registered."""
_LAST = "(SELECT x.at FROM custstatus_last_activity x WHERE x.org = s.org AND x.customer = s.customer)"

_LISTED = f"SELECT s.customer, {STANDING}, {REGISTERED}, {_LAST}"
_STANDINGS = "\nFROM custstatus_standing s\n"
_ACTIVITIES = """
FROM custstatus_standing s
JOIN custstatus_account a ON a.org = s.org AND a.customer = s.customer{0}
LEFT JOIN custstatus_last_activity l ON l.org = s.org AND l.customer = s.customer{1}
"""


def _values(count: int) -> str:
    return ", ".join(f"?{place}" for place in range(1, count + 1))


Filters = Sequence[tuple[str, tuple[Any, ...]]]
"""Conditions, each with its parameters, which are `{}` in it."""


class Asked(NamedTuple):
    """Which standings are listed."""

    filters: Filters
    by_activity: bool
    """Whether the conditions are on the account `a` and the last activity `l` as well."""
    after: str | None
    """The customer that the page follows."""


class Statements:
    """The statements as one engine takes them. Those with filters are made for the filters that are asked, and kept."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        make, among = engine.statement, engine.among.format
        self._entries = _ENTRIES % "".join(f", {column}" for column in engine.place)
        self.load = make(f"""
SELECT a.version, a.registered_at, a.closed_at, {STANDING}
FROM custstatus_account a LEFT JOIN custstatus_standing s ON s.org = a.org AND s.customer = a.customer
WHERE a.org = ?1 AND a.customer = ?2
""")
        self.load_all = make(f"""
SELECT a.customer, a.version, a.registered_at, a.closed_at, {STANDING}
FROM custstatus_account a LEFT JOIN custstatus_standing s ON s.org = a.org AND s.customer = a.customer
WHERE a.org = ?1 AND {among("a.customer", "?2")} ORDER BY a.customer, s.lifecycle
""")
        self.prior = make(self._entries + "WHERE e.org = ?1 AND e.key = ?2 ORDER BY e.ordinal")
        self.prior_of_run = make(
            self._entries + f"WHERE e.org = ?1 AND e.run = ?2 AND {among('e.customer', '?3')} ORDER BY e.version"
        )
        versions = engine.among_numbers.format("e.version", "?3")
        self.behind_of = make(self._entries + f"WHERE e.org = ?1 AND {among('e.customer', '?2')} AND e.version = ?3")
        self.origins = make(self._entries + f"WHERE e.org = ?1 AND e.customer = ?2 AND {versions} ORDER BY e.version")
        self.holders = make(f"""
SELECT token, customer FROM custstatus_identifier WHERE org = ?1 AND {among("token", "?2")}
""")
        self.last_activity = make(f"""
SELECT at FROM custstatus_last_activity WHERE org = ?1 AND customer = ?2{engine.for_update}
""")
        column, number = (", xid", f", {engine.transaction}") if engine.transaction else ("", "")
        self.last_activities = make(f"""
SELECT customer, at FROM custstatus_last_activity WHERE org = ?1 AND {among("customer", "?2")}
""")
        self.open_account = make(f"""
INSERT INTO custstatus_account (org, customer, version, closed_at, registered_at{column})
VALUES (?1, ?2, ?3, ?4, ?5{number}) ON CONFLICT DO NOTHING RETURNING registered_at
""")
        self.open_activity = make("INSERT INTO custstatus_last_activity (org, customer, at) VALUES (?1, ?2, NULL)")
        # An account has the greatest number of its entries, so that they are in order whichever writer waited for another.
        greatest = f", xid = greatest(xid, {engine.transaction})" if engine.transaction else ""
        self.advance_account = make(f"""
UPDATE custstatus_account SET version = ?3, closed_at = coalesce(closed_at, ?4){greatest}
WHERE org = ?1 AND customer = ?2 AND version = ?5 RETURNING registered_at
""")
        its_number = ", (SELECT xid FROM custstatus_account WHERE org = ?1 AND customer = ?2)" if column else ""
        append = (
            f"INSERT INTO custstatus_entry ({', '.join(ENTRY_COLUMNS)}{column}) "
            f"VALUES ({_values(len(ENTRY_COLUMNS))}{its_number})\n"
        )
        self.append_entry = make(append)
        self.append_entry_once = make(
            append + "ON CONFLICT (org, key, ordinal) WHERE key IS NOT NULL DO NOTHING RETURNING version"
        )
        self.keep_text = make(
            "INSERT INTO custstatus_text (org, customer, version, reason, actor_name) VALUES (?1, ?2, ?3, ?4, ?5)"
        )
        changed = ", ".join(f"{name} = excluded.{name}" for name in STANDING_COLUMNS[3:])
        self.put_standing = make(f"""
INSERT INTO custstatus_standing ({", ".join(STANDING_COLUMNS)}) VALUES ({_values(len(STANDING_COLUMNS))})
ON CONFLICT (org, customer, lifecycle) DO UPDATE SET {changed}
""")
        self.hold_identifier = make("""
INSERT INTO custstatus_identifier (org, token, type, customer, since, entry) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT DO NOTHING RETURNING token
""")
        self.release_identifier = make("""
DELETE FROM custstatus_identifier WHERE org = ?1 AND token = ?2 AND customer = ?3 RETURNING token
""")
        self.release_all = make("DELETE FROM custstatus_identifier WHERE org = ?1 AND customer = ?2")
        self.find = make("SELECT customer FROM custstatus_identifier WHERE org = ?1 AND token = ?2")
        self.held = make("""
SELECT type, token, since FROM custstatus_identifier WHERE org = ?1 AND customer = ?2 ORDER BY type, entry
""")
        self.accounts = make(f"""
SELECT a.customer, a.version, a.registered_at, a.closed_at, {STANDING}
FROM (
    SELECT * FROM custstatus_account WHERE org = ?1 AND customer > ?2 ORDER BY customer LIMIT ?3
) a LEFT JOIN custstatus_standing s ON s.org = a.org AND s.customer = a.customer
ORDER BY a.customer, s.lifecycle
""")
        self.tally = make("""
SELECT status, label, count(*) FROM custstatus_standing WHERE org = ?1 AND lifecycle = ?2
GROUP BY status, label ORDER BY status NULLS FIRST, label NULLS FIRST
""")
        self.known = make(f"""
SELECT customer FROM custstatus_account WHERE org = ?1 AND {among("customer", "?2")}
""")
        self.touch = make(f"""
INSERT INTO custstatus_last_activity (org, customer, at)
SELECT c.org, c.customer, c.latest FROM (
    SELECT a.org, a.customer, (
        SELECT y.at FROM custstatus_activity y WHERE y.org = a.org AND y.customer = a.customer AND y.counts = 1
        ORDER BY y.at DESC LIMIT 1
    ) AS latest
    FROM custstatus_account a WHERE a.org = ?1 AND {among("a.customer", "?2")}
) c WHERE c.latest IS NOT NULL ORDER BY c.customer
ON CONFLICT (org, customer) DO UPDATE SET at = excluded.at
WHERE custstatus_last_activity.at IS NULL OR excluded.at > custstatus_last_activity.at
""")
        self.watched = make(
            _LISTED
            + _STANDINGS
            + f"""
WHERE s.org = ?1 AND s.lifecycle = ?2 AND {among("s.label", "?3")} AND {among("s.customer", "?4")}
ORDER BY s.customer
"""
        )
        self.horizon = make(engine.horizon)
        self.position = make("SELECT epoch, xid, entry FROM custstatus_consumer WHERE org = ?1 AND consumer = ?2")
        self.keep_position = make("""
INSERT INTO custstatus_consumer (org, consumer, epoch, xid, entry) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (org, consumer) DO UPDATE SET epoch = excluded.epoch, xid = excluded.xid, entry = excluded.entry
WHERE (excluded.epoch, excluded.xid, excluded.entry)
    > (custstatus_consumer.epoch, custstatus_consumer.xid, custstatus_consumer.entry)
""")
        self.forget_position = make("DELETE FROM custstatus_consumer WHERE org = ?1 AND consumer = ?2")
        self.keep_config = make(
            "INSERT INTO custstatus_config (org, hash, text) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
        )
        self.config = make("SELECT text FROM custstatus_config WHERE org = ?1 AND hash = ?2")
        self.organisations = make("SELECT DISTINCT org FROM custstatus_config ORDER BY org")
        self._made: dict[tuple[str, ...], Statement] = {}

    def log(self, filters: Filters, tail: str, *more: Any) -> tuple[Statement, tuple[Any, ...]]:
        """Entries: filtered, then ordered and limited by a tail with parameters of its own."""
        return self._filtered(self._entries, filters, tail, more)

    def log_count(self, filters: Filters) -> tuple[Statement, tuple[Any, ...]]:
        """How many entries there are, and when the first of them was recorded."""
        return self._filtered("SELECT count(*), min(e.recorded_at) FROM custstatus_entry e\n", filters, "", ())

    def customers(self, asked: Asked, tail: str, *more: Any) -> tuple[Statement, tuple[Any, ...]]:
        """Listed accounts, likewise."""
        return self._standings(_LISTED, asked, tail, more)

    def customer_ids(self, asked: Asked, tail: str, *more: Any) -> tuple[Statement, tuple[Any, ...]]:
        """Their customers only, likewise."""
        return self._standings("SELECT s.customer", asked, tail, more)

    def count(self, asked: Asked) -> tuple[Statement, tuple[Any, ...]]:
        """How many there are."""
        return self._standings("SELECT count(*)", asked, "", ())

    def _standings(
        self, what: str, asked: Asked, tail: str, more: tuple[Any, ...]
    ) -> tuple[Statement, tuple[Any, ...]]:
        if not asked.by_activity:
            return self._filtered(what + _STANDINGS, asked.filters, tail, more)
        if asked.after is None:
            return self._filtered(what + _ACTIVITIES.format("", ""), asked.filters, tail, more)
        # Each table is read from there on: that they are joined does not say so of the others.
        source = _ACTIVITIES.format(" AND a.customer > {}", " AND l.customer > {}")
        return self._filtered(what + source, asked.filters, tail, more, (asked.after, asked.after))

    def activities(self, filters: Filters, tail: str, *more: Any) -> tuple[Statement, tuple[Any, ...]]:
        """Activities, likewise."""
        return self._filtered(f"SELECT {ACTIVITY_COLUMNS} FROM custstatus_activity\n", filters, tail, more)

    def _filtered(
        self, what: str, filters: Filters, tail: str, more: tuple[Any, ...], first: tuple[Any, ...] = ()
    ) -> tuple[Statement, tuple[Any, ...]]:
        values = [*first, *(value for _, several in filters for value in several)]
        key = (what, *(condition for condition, _ in filters), tail)
        made = self._made.get(key)
        if made is None:
            text = f"{what}WHERE {' AND '.join(condition for condition, _ in filters)}\n{tail}"
            places = (f"?{place}" for place in range(1, len(values) + len(more) + 1))
            made = self._made[key] = self.engine.statement(text.format(*places))
        return made, (*values, *more)
