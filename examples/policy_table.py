"""
The policy as a table, joined with real baskets in SQLite and in DuckDB.

`policy.as_table()` has a row for every place, action and side. With the standings and the baskets it is loaded into both
engines; each says what the customer of every basket may do now, and all answers are compared with `decide`.

    python -m examples.policy_table            of the small sample, which is replayed first
    python -m examples.policy_table year.db    of what `make demo DATA=examples/data DB=year.db` has kept
"""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import duckdb  # type: ignore[import-not-found, unused-ignore]

from custstatus import Action, Effect, MemoryStore, Page, SQLiteStore, StatusService
from custstatus.adapters import Accounts
from examples.demo.programme import PROGRAMME
from examples.demo.purchases import SAMPLE, Purchases
from examples.demo.replay import Replay

TABLES = """
CREATE TABLE policy (
    lifecycle TEXT, status TEXT, label TEXT, action TEXT, party TEXT,
    effect TEXT, strictness INTEGER, code TEXT, depends_on TEXT, least INTEGER, most INTEGER);
CREATE TABLE standing (customer TEXT, lifecycle TEXT, status TEXT, label TEXT);
CREATE TABLE basket (customer TEXT, reference TEXT); CREATE INDEX baskets_of ON basket (customer)
"""

# The strictest lifecycle wins. NULL is what a condition or an own policy decides at run time: for that there is `decide`.
ANSWERS = """
SELECT standing.customer, policy.action, policy.party,
       CASE WHEN max(policy.least) = max(policy.most) THEN max(policy.most) END AS strictness
FROM standing JOIN policy ON policy.lifecycle = standing.lifecycle
 AND coalesce(policy.status, '') = coalesce(standing.status, '')
 AND coalesce(policy.label, '') = coalesce(standing.label, '')
GROUP BY standing.customer, policy.action, policy.party
"""

BASKETS = f"""
WITH answer AS ({ANSWERS})
SELECT basket.customer, answer.action, answer.strictness, count(*)
FROM basket JOIN answer ON answer.customer = basket.customer WHERE answer.party IS NULL
GROUP BY basket.customer, answer.action, answer.strictness
"""  # noqa: S608  # put together of constants only


def all_of(page_after: Callable[[str | None], Page[Any]]) -> Iterator[Any]:
    """The items of all pages."""
    yield from (page := page_after(None))
    while page.next is not None:
        yield from (page := page_after(page.next))


def baskets_of(service: StatusService[Any], customer: str) -> Iterator[tuple[str, str]]:
    """The receipts of a customer."""
    for done in all_of(lambda after: service.activities(customer, after=after, limit=10_000)):
        if done.kind is Action.TRANSACTION:
            yield customer, done.reference


def engines(tables: dict[str, list[Any]]) -> dict[str, Any]:
    """SQLite and DuckDB, each with these tables."""
    sqlite, duck = sqlite3.connect(":memory:"), duckdb.connect()
    sqlite.executescript(TABLES)
    duck.execute(TABLES)
    for table, rows in tables.items():
        width = len(rows[0])
        sqlite.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", rows)  # noqa: S608
        columns = [list(column) for column in zip(*rows, strict=True)]  # row by row DuckDB takes minutes
        duck.execute(f"INSERT INTO {table} SELECT {', '.join(['unnest(?)'] * width)}", columns)
    return {"SQLite": sqlite, "DuckDB": duck}


def run(service: StatusService[Any]) -> None:
    """Ask `decide` and both engines, compare, and print what they say of every action."""
    org = service.config.org
    accounts = list(all_of(lambda after: service.store.page(Accounts(org=org, after=after, limit=10_000))))
    baskets = [basket for account in accounts for basket in baskets_of(service, account.customer)]
    tables: dict[str, list[Any]] = {
        "policy": list(service.config.policy.as_table()),
        "standing": [
            (each.customer, row.lifecycle, row.status, row.label) for each in accounts for row in each.standings
        ],
        "basket": baskets,
    }
    count = Counter(customer for customer, _ in baskets)
    decided = sorted(
        (each.customer, action.value, decision.effect.strictness, count[each.customer])
        for each in accounts
        if count[each.customer]
        for action, decision in service.decide_all(each.customer, service.config.all_actions).items()
    )
    for name, engine in engines(tables).items():
        with closing(engine):
            if sorted(engine.execute(BASKETS).fetchall()) != decided:
                sys.exit(f"{name} and decide differ")
        print(f"{name}: {len(decided):,} answers, {len(count):,} customers, {len(baskets):,} baskets: as decide says")
    print(f"\n{'action':<27}{'effect':<7}{'customers':>9}{'baskets':>9}")
    for action in service.config.all_actions:
        for effect in Effect:
            found = [row[3] for row in decided if row[1:3] == (action.value, effect.strictness)]
            if found:
                print(f"{action.value:<27}{effect.value:<7}{len(found):>9,}{sum(found):>9,}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with closing(SQLiteStore(sys.argv[1])) as store:
            run(StatusService(store, PROGRAMME))
    else:
        replay = Replay(MemoryStore(), Purchases.read(SAMPLE, PROGRAMME.time_zone))
        replay.run()
        run(replay.service)
