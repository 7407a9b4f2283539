"""
Killed at any moment: what was acknowledged is there, nothing is half written, and what was in doubt is done once by a retry.

A kill proves nothing about the disk, for the operating system keeps what it was given; that the store asks the disk for
more is proved where it is opened.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random

import pytest
from attrs import define, field
from children import start
from lives import Deed, checkpointing, deeds, halved, hasty, live, sound, written_by
from organisation import Label
from soundness import CHECKS, faults_in, opened, rows

from custstatus import Applied, CuststatusError, StatusService
from custstatus.adapters import Store

SHORT, LONG = range(12), range(200)
"""The seeds of the lives."""

PATIENCE = range(1_000, 1_200)
"""The seeds on which a broken store must be caught."""


@define
class Life:
    """One life: how it was ended, and what it had acknowledged until then."""

    seed: int
    path: Path
    broken: Callable[[Path], Store] | None = None
    """A store that must be caught; None for one that must hold."""
    acknowledged: dict[int, list[list[int]]] = field(factory=dict)
    """For each worker the versions that each deed has written, in the order of the deeds."""
    faults: list[str] = field(factory=list)
    org: str = field(init=False)
    done_in_doubt: int = 0
    """Deeds that were done but not acknowledged."""

    def __attrs_post_init__(self) -> None:
        self.org = f"org-{self.seed}"

    def run(self) -> list[str]:
        """Live, be killed, and look; everything that is wrong."""
        random = Random(self.seed)
        workers = random.choice([1, 1, 3]) if self.broken is None else 1
        count = random.choice([0, 1, *[random.randrange(2, 40)] * 6])
        rests = count > 0 and random.random() < 0.25
        kind = self.broken or random.choice([sound, checkpointing])
        # From none to what opening, or else what several deeds, may take.
        busy = 0 if rests else random.randrange(20_000 if count else 1_000_000)
        self.acknowledged = {worker: [] for worker in range(workers)}

        process, pipe = start(live, self.path, self.seed, workers, count if rests else None, kind)
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
        """Whether every deed that was acknowledged is there as it was, and the one in doubt is when it is retried, once."""
        there = self.there()
        with opened(self.path, self.org) as service:
            for worker, acknowledged in self.acknowledged.items():
                to_do = deeds(self.seed, worker)
                for written, deed in zip(acknowledged, to_do, strict=False):
                    self.check(there.pop(deed.key, []), written, deed, "acknowledged, and there")
                in_doubt = next(to_do)
                found = there.pop(in_doubt.key, [])
                self.done_in_doubt += found != []
                self.retry(in_doubt, found, service)
        self.faults += [f"{key}: not begun, and there: {written}" for key, written in there.items()]

    def retry(self, deed: Deed, found: list[int], service: StatusService[Label]) -> None:
        """Do a deed that was in doubt, twice."""
        for before in (found != [], True):
            try:
                did = deed.do(service)
            except CuststatusError as error:
                self.faults.append(f"{deed.key} ({deed.kind}): in doubt, and on a retry: {error}")
            else:
                again = did.replayed if isinstance(did, Applied) else did.repeated == 1
                self.check(again, before, deed, "in doubt, and a replay")
                self.check(self.there().get(deed.key), written_by(did), deed, "in doubt, and there after a retry")

    def there(self) -> dict[str, list[int]]:
        """What each deed has written, as it is acknowledged."""
        found: dict[str, list[int]] = {}
        for key, version in rows(
            self.path,
            """
            SELECT key, version FROM custstatus_entry WHERE org = ?
            UNION ALL SELECT reference, 0 FROM custstatus_activity WHERE org = ? ORDER BY 1, 2
            """,
            self.org,
            self.org,
        ):
            found.setdefault(key, []).append(version)
        return found

    def check(self, came: object, expected: object, deed: Deed, what: str) -> None:
        """Keep a fault unless what came is as expected."""
        if came != expected:
            self.faults.append(f"{deed.key} ({deed.kind}): {what}: {came}, not {expected}")


def faults_of(seeds: Iterable[int], folder: Path, broken: Callable[[Path], Store] | None = None) -> Iterator[str]:
    """What is wrong after each of some lives, several of them on one file after the other."""
    for seed in seeds:
        yield from Life(seed, folder / f"{seed // 5}.db", broken).run()


def test_nothing_acknowledged_is_lost_or_doubled_or_half_written(tmp_path: Path) -> None:
    assert list(faults_of(SHORT, tmp_path)) == []


@pytest.mark.soak
def test_nothing_is_in_many_lives(tmp_path: Path) -> None:
    assert list(faults_of(LONG, tmp_path)) == []


def test_a_store_that_acknowledges_before_it_commits_is_caught(tmp_path: Path) -> None:
    fault = next(faults_of(PATIENCE, tmp_path, hasty), "")
    assert "acknowledged, and there: []" in fault


def test_a_store_that_commits_an_entry_before_its_rows_is_caught(tmp_path: Path) -> None:
    fault = next(faults_of(PATIENCE, tmp_path, halved), "")
    assert any(what in fault for what in (*CHECKS, "not what its history gives"))
