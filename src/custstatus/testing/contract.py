"""The contract of stores, whole: what a host's own store has to pass."""

from __future__ import annotations

from custstatus.testing.contracts.activities import ActivityContract
from custstatus.testing.contracts.closing import ClosingContract
from custstatus.testing.contracts.exactness import ExactnessContract
from custstatus.testing.contracts.feeds import FeedContract
from custstatus.testing.contracts.founds import FoundContract
from custstatus.testing.contracts.guards import GuardContract
from custstatus.testing.contracts.identifiers import IdentifierContract
from custstatus.testing.contracts.keys import KeyContract
from custstatus.testing.contracts.lists import ListContract
from custstatus.testing.contracts.logs import LogContract
from custstatus.testing.contracts.organisations import OrganisationContract
from custstatus.testing.contracts.plans import PlanContract
from custstatus.testing.contracts.setguards import SetGuardContract
from custstatus.testing.contracts.sweeps import SweepContract

__all__ = ["StoreContract"]


class StoreContract(
    PlanContract,
    GuardContract,
    FoundContract,
    KeyContract,
    IdentifierContract,
    LogContract,
    FeedContract,
    ListContract,
    ActivityContract,
    OrganisationContract,
    ExactnessContract,
    ClosingContract,
    SetGuardContract,
    SweepContract,
):
    """
    The tests that a store must pass: subclass it, say how a store is made, and let a runner collect it.

    ```python
    class TestMyStore(StoreContract):                               # pytest
        def make_store(self) -> MyStore:
            return MyStore(f"/tmp/{uuid4()}")                       # empty, and apart from all others

    class MyStoreTest(StoreContract, unittest.TestCase):            # unittest
        ...
    ```

    Every test makes the stores that it needs, and closes them. Where a store has a transaction to join (`JoinableStore`), that
    part is its own to test. With `pytest.register_assert_rewrite("custstatus.testing")` in a conftest, pytest shows both sides of
    what failed. Random operations against a store that is known to be good are `custstatus.testing.laws`.
    """
