"""`make bench`: a line a figure, name, value, target, ok or short. Always exits 0: it measures, it judges nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import batches, bulk, changes, policies, postgres, pure
from benchmarks.measure import Figure

TMPFS = Path("/dev/shm")


def figures() -> Iterator[Figure]:
    """Every figure, as it is measured."""
    yield from pure.figures()
    yield from policies.figures()
    yield from batches.figures()
    where = TMPFS if TMPFS.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where) as memory, tempfile.TemporaryDirectory(dir=Path.cwd()) as disk:
        yield from changes.figures(Path(memory), Path(disk))
        yield from bulk.figures(Path(memory))
    yield from postgres.figures()


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
