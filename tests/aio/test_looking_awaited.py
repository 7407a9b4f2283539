"""What the tests of `looking.py` say, said of the awaited twin: the same tests, in a world with the other service."""

from __future__ import annotations

import pytest
from organisation import Label, World
from test_looking import *  # noqa: F403 # every test, and the fixtures on which they stand
from twins import AwaitedWorld


@pytest.fixture
def acme(awaited: AwaitedWorld[Label]) -> World[Label]:
    """The example organisation, awaited."""
    return awaited
