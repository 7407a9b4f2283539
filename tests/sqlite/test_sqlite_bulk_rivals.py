"""Two processes sweep and import one organisation while agents change its customers by hand, on one SQLite file."""

from __future__ import annotations

from pathlib import Path

import pytest
from bulk_runs import RunBlind, rivalled
from soundness import faults_in


def test_nothing_is_lost_or_doubled_or_half_written(tmp_path: Path) -> None:
    where = tmp_path / "statuses.db"
    faults, answers = rivalled(str(where), customers=30, rounds=2, times=40, chunk=10)
    assert faults == []
    assert faults_in(where) == []
    assert answers.counts["moved"] > 30
    assert answers.counts["replayed"] > 0


@pytest.mark.soak
def test_nothing_is_by_many(tmp_path: Path) -> None:
    where = tmp_path / "statuses.db"
    faults, answers = rivalled(str(where), customers=120, rounds=10, times=1_000, chunk=25)
    assert faults == []
    assert faults_in(where) == []
    assert answers.counts["moved"] > 1_000


def test_a_store_that_does_not_look_at_the_run_is_caught(tmp_path: Path) -> None:
    # The control; how often an agent comes in between is a matter of the machine.
    def caught(attempt: int) -> bool:
        where = tmp_path / f"statuses-{attempt}.db"
        faults, _ = rivalled(str(where), customers=10, rounds=4, times=150, chunk=3, broken=RunBlind)
        return any("times" in fault for fault in faults)

    assert any(map(caught, range(10)))
