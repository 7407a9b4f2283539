"""
`make bench`: a line a figure, name, value, target, ok or short. Always exits 0: it measures, it judges nothing.

Arguments name the parts to measure: `python -m benchmarks postgres pgbench`; by default all are, but for `large`.
"""

from __future__ import annotations

import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

from benchmarks.measure import Given, quickly, scaled

PARTS = ("pure", "policies", "batches", "changes", "bulk", "postgres", "pgbench", "sets")
"""The modules that measure, in this order: each has `figures`, the lines of its report as they are measured."""
LARGE = ("large",)
"""Those that take so long that they are measured only where they are named, as `make bench-large` does."""
CUSTOMERS = 100_000
TMPFS = Path("/dev/shm")


def lines(parts: Iterable[str], customers: int = CUSTOMERS) -> Iterator[object]:
    """Every line of the parts, as it is measured."""
    where = TMPFS if TMPFS.is_dir() else None
    here = scaled(Path.cwd(), where)
    with tempfile.TemporaryDirectory(dir=where) as memory, tempfile.TemporaryDirectory(dir=here) as disk:
        given = Given(Path(memory), Path(disk), customers)
        for part in parts:
            # Imported only now, so that none needs the libraries of another.
            yield from import_module(f"benchmarks.{part}").figures(given)


def main(arguments: Sequence[str]) -> None:
    """Measure what the arguments say."""
    parser = ArgumentParser(prog="python -m benchmarks", description="Measure, and print a line a figure.")
    parser.add_argument("part", nargs="*", help=f"of {', '.join(PARTS + LARGE)}; by default all but {', '.join(LARGE)}")
    parser.add_argument("--quick", action="store_true", help="only go every way once: the figures mean nothing")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="how many, in `sets` and `large`")
    asked = parser.parse_args(arguments)
    unknown = [part for part in asked.part if part not in PARTS + LARGE]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS + LARGE)}")
    with quickly() if asked.quick else nullcontext():
        for line in lines(asked.part or PARTS, asked.customers):
            print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
