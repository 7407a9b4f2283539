"""
`make bench`: a line a figure, name, value, target, ok or short. Always exits 0: it measures, it judges nothing.

Arguments name the parts to measure: `python -m benchmarks postgres pgbench`; by default all are.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from attrs import frozen

from benchmarks import batches, bulk, changes, pgbench, policies, postgres, pure, sets

TMPFS = Path("/dev/shm")


@frozen
class Folders:
    """Where files are kept: in memory, where there is such a place, and on the disk."""

    memory: Path
    disk: Path


PARTS: dict[str, Callable[[Folders], Iterable[object]]] = {
    "pure": lambda folders: pure.figures(),
    "policies": lambda folders: policies.figures(),
    "batches": lambda folders: batches.figures(),
    "changes": lambda folders: changes.figures(folders.memory, folders.disk),
    "bulk": lambda folders: bulk.figures(folders.memory),
    "postgres": lambda folders: postgres.figures(),
    "pgbench": lambda folders: pgbench.figures(),
    "sets": lambda folders: sets.figures(100_000),
}
"""What measures each part: the lines of the report, as they are measured. A further part is a line here."""


def lines(parts: Iterable[str]) -> Iterator[object]:
    """Every line of the parts, as it is measured."""
    where = TMPFS if TMPFS.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where) as memory, tempfile.TemporaryDirectory(dir=Path.cwd()) as disk:
        for part in parts:
            yield from PARTS[part](Folders(Path(memory), Path(disk)))


if __name__ == "__main__":
    unknown = [part for part in sys.argv[1:] if part not in PARTS]
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    for line in lines(sys.argv[1:] or PARTS):
        print(line, flush=True)
