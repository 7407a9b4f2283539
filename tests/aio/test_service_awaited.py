"""What the tests of `service.py` say, said of the awaited twin: the same tests, in a world with the other service."""

from __future__ import annotations

import pytest
import test_service
from organisation import Label, World
from test_service import *  # noqa: F403 # every test, and the fixtures on which they stand
from twins import AwaitedWorld

from custstatus import InvalidInputError


@pytest.fixture
def acme(awaited: AwaitedWorld[Label]) -> World[Label]:
    """The example organisation, awaited, with customer c in it."""
    awaited.desk.register("c")
    return awaited


class TestMaking(test_service.TestMaking):
    """How a service is made, where the name of the store is another."""

    def test_a_store_that_joins_no_transaction_says_so(self, awaited: AwaitedWorld[Label]) -> None:  # type: ignore[override]
        with pytest.raises(InvalidInputError, match="a store that joins a host's transaction, got Pausing"):
            awaited.service.inside(object())
