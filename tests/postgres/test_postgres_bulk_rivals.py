"""
Two processes sweep and import one organisation while agents change its customers by hand, on one PostgreSQL database.

Every refusal is typed, every history folds, the other organisation stays as it was, and nothing is lost or doubled.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bulk_runs import RunBlind, rivalled
from emptied import Emptied
from wholeness import faults_in


@pytest.fixture
def address(emptied: Emptied) -> Iterator[str]:
    """A database with tables, and nothing in them."""
    with emptied.lent() as lent:
        yield lent


def test_nothing_is_lost_or_doubled_or_half_written(address: str) -> None:
    faults, answers = rivalled(address, customers=30, rounds=2, times=60, chunk=10)
    assert faults == []
    assert faults_in(address) == []
    # They did meet.
    assert answers.counts["moved"] > 30
    assert answers.counts["replayed"] > 0
    assert answers.counts["made"] > 10


@pytest.mark.soak
@pytest.mark.parametrize("chunk", [1, 7, 100, 5_000])
def test_nothing_is_by_many(chunk: int, address: str) -> None:
    faults, answers = rivalled(address, customers=120, rounds=15, times=1_500, chunk=chunk)
    assert faults == []
    assert faults_in(address) == []
    assert answers.counts["moved"] > 1_000


def test_a_store_that_does_not_look_at_the_run_is_caught(emptied: Emptied) -> None:
    # The control: a table that both import moves a customer twice, if an agent has moved him in between. How often he has
    # is a matter of the machine: mostly at once, and in ten attempts always.
    def caught() -> bool:
        with emptied.lent() as address:
            faults, _ = rivalled(address, customers=10, rounds=4, times=150, chunk=3, broken=RunBlind)
        return any("times" in fault for fault in faults)

    assert any(caught() for _ in range(10))
