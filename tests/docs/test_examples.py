"""The examples run, and the policy as a table, joined in SQL, says what `decide` says."""

from __future__ import annotations

import runpy
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from organisation import AGENT, START, Label

from custstatus import (
    CUSTOMER_STATUS,
    MEMBERSHIP,
    TRIAL_GROUP,
    Account,
    Action,
    Condition,
    CustomerStatus,
    Effect,
    Membership,
    OrgConfig,
    Party,
    Restriction,
    RestrictionPolicy,
    Standing,
    TrialGroup,
    Waiver,
)

ROOT = Path(__file__).parents[2]
SQL = runpy.run_module("examples.policy_table")


def test_both_engines_join_the_baskets_as_decide_says() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.policy_table"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    told = "1,875 answers, 75 customers, 5,039 baskets: as decide says"
    assert lines[:2] == [f"SQLite: {told}", f"DuckDB: {told}"]
    customers: Counter[str] = Counter()
    baskets: Counter[str] = Counter()
    for action, _, some, many in map(str.split, lines[4:]):
        customers[action] += int(some)
        baskets[action] += int(many.replace(",", ""))
    assert customers == {action.value: 75 for action in Action}
    assert baskets == {action.value: 5_039 for action in Action}
    assert [line.split()[1:] for line in lines if line.startswith("points_redemption")][1:] == [["block", "2", "117"]]


ACTIONS = [Action.LOGIN, Action.TRANSACTION, Action.POINTS_TRANSFER]
LIFECYCLES: list[Any] = [CUSTOMER_STATUS, MEMBERSHIP, TRIAL_GROUP]
CONDITION = Condition("there_is_something", tuple, bool)
EFFECTS = st.sampled_from([Effect.MARK, Effect.BLOCK])
WHEN = st.lists(st.sampled_from([*CustomerStatus, *Label, *Membership, *TrialGroup]), min_size=1, max_size=4)
CONDITIONS = st.sampled_from([None, None, CONDITION])
ALONE = st.lists(st.sampled_from(ACTIONS), min_size=1)
TRANSFER = st.just([Action.POINTS_TRANSFER])
RULES = st.one_of(
    st.builds(Restriction, EFFECTS, ALONE, WHEN, condition=CONDITIONS),
    st.builds(Restriction, EFFECTS, TRANSFER, WHEN, party=st.sampled_from(Party), condition=CONDITIONS),
)
MEMBERS = [None, *(status.value for status in Membership)]
GROUPS = [None, *(status.value for status in TrialGroup)]
PLACES = st.tuples(
    st.sampled_from(
        [(None, None), ("active", None), ("suspended", None), *((each.status.value, each.text) for each in Label)]
    ),
    st.sampled_from(MEMBERS),
    st.sampled_from(GROUPS),
)


@settings(max_examples=60, deadline=None)
@given(rules=st.lists(RULES, max_size=12), places=st.lists(PLACES, min_size=1, max_size=20))
def test_the_joined_table_is_what_decide_says(rules: list[Restriction], places: list[Any]) -> None:
    config = OrgConfig("any", Label, lifecycles=LIFECYCLES, restrictions=RestrictionPolicy(*rules), waives=list(Waiver))
    accounts = []
    for number, (customer, member, group) in enumerate(places):
        rows: Any = [("customer_status", *customer), ("membership", member, None), ("trial_group", group, None)]
        standings = tuple(Standing(name, status, label, START, START, AGENT, 1) for name, status, label in rows)
        accounts.append(Account("any", f"c-{number}", 1, START, None, standings))
    with closing(sqlite3.connect(":memory:")) as engine:
        engine.executescript(SQL["TABLES"])
        engine.executemany(f"INSERT INTO policy VALUES ({', '.join('?' * 11)})", config.policy.as_table())
        stands = [(each.customer, row.lifecycle, row.status, row.label) for each in accounts for row in each.standings]
        engine.executemany("INSERT INTO standing VALUES (?, ?, ?, ?)", stands)
        joined = {(customer, *asked): told for customer, *asked, told in engine.execute(SQL["ANSWERS"])}
    expected = {}
    for each in accounts:
        for action in config.all_actions:
            for party in (None, *Party) if action in config.two_party else (None,):
                with_it = config.policy.verdict_of(each, action, party=party, context=(1,)).effect
                without = config.policy.verdict_of(each, action, party=party, context=()).effect
                answer = with_it.strictness if with_it is without else None
                expected[each.customer, action.value, party and party.value] = answer
    assert joined == expected
