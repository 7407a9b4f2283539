"""
Killed at any moment: what was acknowledged is there, nothing is half written, and what was in doubt is done once by a retry.

A kill proves nothing about the disk, for the operating system keeps what it was given; that the store asks the disk for
more is proved where it is opened.
"""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import pytest
from attrs import define, field
from children import start
from lives import Checkpointing, Deed, Halved, Hasty, Sound, deeds, live, versions
from soundness import faults_in, opened, rows

from custstatus import Applied, CuststatusError

SHORT, LONG = range(12), range(200)
"""The seeds of the lives."""

PATIENCE = range(1_000, 1_060)
"""The seeds on which a broken engine must be caught."""


@define
class Life:
    """One life: how it was ended, and what it had acknowledged until then."""

    seed: int
    path: Path
    engine: type[sqlite3.Connection] | None = None
    """None for one by the seed, sound."""
    acknowledged: dict[int, list[list[int]]] = field(factory=dict)
    """For each worker the versions that each deed has written, in the order of the deeds."""
    faults: list[str] = field(factory=list)
    done_in_doubt: int = 0
    """Deeds that were done but not acknowledged."""

    def run(self) -> list[str]:
        """Live, be killed, and look; everything that is wrong."""
        random = Random(self.seed)
        workers = random.choice([1, 1, 3]) if self.engine is None else 1
        count = random.choice([0, 1, *[random.randrange(2, 40)] * 6])
        rests = count > 0 and random.random() < 0.25
        engine = self.engine or random.choice([Sound, Checkpointing])
        # From none to what opening, or else what several deeds, may take.
        busy = 0 if rests else random.randrange(20_000 if count else 1_000_000)
        self.acknowledged = {worker: [] for worker in range(workers)}

        process, pipe = start(live, self.path, self.seed, workers, count if rests else None, engine)
        assert pipe.recv() == "opening"
        for _ in range(count):
            self.note(pipe.recv())
        for _ in range(busy):
            pass
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        try:
            while True:
                self.note(pipe.recv())
        except (EOFError, OSError):  # the end, if need be in the middle of an acknowledgement
            pipe.close()

        with opened(self.path):  # makes what the kill may have kept from being made
            pass
        self.faults += faults_in(self.path)
        self.look()
        self.faults += faults_in(self.path)
        return [f"seed {self.seed}: {fault}" for fault in self.faults]

    def note(self, acknowledgement: tuple[int, int, list[int]]) -> None:
        """Keep an acknowledgement."""
        worker, place, written = acknowledgement
        assert place == len(self.acknowledged[worker])
        self.acknowledged[worker].append(written)

    def look(self) -> None:
        """Whether each deed was done as often as it should have been, and is, when it is retried, once."""
        with opened(self.path, f"org-{self.seed}") as service:
            for worker, acknowledged in self.acknowledged.items():
                for place, deed in enumerate(deeds(self.seed, worker)):
                    there = self.written(deed)
                    if place < len(acknowledged):
                        self.check(there == (acknowledged[place] or [0]), deed, f"acknowledged, and there: {there}")
                    elif place > len(acknowledged):
                        self.check(there == [], deed, f"not begun, and there: {there}")
                    else:
                        self.done_in_doubt += there != []
                        for before in (there, True):
                            try:
                                did = deed.do(service)
                            except CuststatusError as error:
                                self.check(False, deed, f"in doubt, and on a retry: {error}")
                                continue
                            again = did.replayed if isinstance(did, Applied) else did.repeated == 1
                            self.check(again is bool(before), deed, f"in doubt, there: {before}, a replay: {again}")
                            self.check(self.written(deed) == (versions(did) or [0]), deed, "in doubt, not there once")

    def written(self, deed: Deed) -> list[int]:
        """The versions of the entries that a deed has written; a zero for each time that a purchase was recorded."""
        org = f"org-{self.seed}"
        if deed.kind == "record":
            statement = "SELECT 0 FROM custstatus_activity WHERE org = ? AND reference = ?"
        else:
            statement = "SELECT version FROM custstatus_entry WHERE org = ? AND key = ? ORDER BY ordinal"
        return [version for (version,) in rows(self.path, statement, org, deed.key)]

    def check(self, holds: bool, deed: Deed, otherwise: str) -> None:
        """Keep a fault unless something holds."""
        if not holds:
            self.faults.append(f"{deed.key} ({deed.kind}): {otherwise}")


def faults_of(seeds: Iterable[int], folder: Path, engine: type[sqlite3.Connection] | None = None) -> Iterator[str]:
    """What is wrong after each of some lives, several of them on one file after the other."""
    for seed in seeds:
        yield from Life(seed, folder / f"{seed // 5}.db", engine).run()


def test_nothing_acknowledged_is_lost_or_doubled_or_half_written(tmp_path: Path) -> None:
    assert list(faults_of(SHORT, tmp_path)) == []


@pytest.mark.soak
def test_nothing_is_in_many_lives(tmp_path: Path) -> None:
    assert list(faults_of(LONG, tmp_path)) == []


def test_a_store_that_acknowledges_before_it_commits_is_caught(tmp_path: Path) -> None:
    fault = next(faults_of(PATIENCE, tmp_path, Hasty), "")
    assert "acknowledged, and there: []" in fault


def test_a_store_that_commits_an_entry_before_its_rows_is_caught(tmp_path: Path) -> None:
    fault = next(faults_of(PATIENCE, tmp_path, Halved), "")
    assert any(
        half in fault for half in ("an entry without its", "a standing that is not", "not what its history gives")
    )
