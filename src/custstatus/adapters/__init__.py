"""
Stores, and what who writes one needs: the contract, and every value that passes between the gate and a store.

The stores of each engine are in `custstatus.adapters.sqlite` and `custstatus.adapters.postgres`.
"""

from custstatus.adapters.feeds import FeedPage, Lag, Position
from custstatus.adapters.protocol import ActivityBatch, JoinableStore, Recorded, Store, StoredActivity
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
from custstatus.gate.history import fold
from custstatus.gate.outcome import AccountPlan, Applied, Plan, Snapshot
from custstatus.gate.prepared import PreparedChange, Step
from custstatus.gate.request import Token
from custstatus.gate.sets import PreparedSet, SetResult, SetRow
from custstatus.records import Account, Entry, HeldIdentifier, Standing

__all__ = [
    "Account",
    "AccountPlan",
    "Accounts",
    "Activities",
    "ActivityBatch",
    "Applied",
    "CustomerIds",
    "Customers",
    "Entry",
    "Feed",
    "FeedPage",
    "HeldIdentifier",
    "JoinableStore",
    "Lag",
    "Listed",
    "Log",
    "Page",
    "Placed",
    "Plan",
    "Position",
    "PreparedChange",
    "PreparedSet",
    "Query",
    "Recorded",
    "SetResult",
    "SetRow",
    "Snapshot",
    "Standing",
    "Step",
    "Store",
    "StoredActivity",
    "Tally",
    "Token",
    "fold",
]
