"""A few households of the demo's sample, written as a data directory of their own."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

from examples.demo.purchases import SAMPLE

LOSES_PHONE, COMES_BACK, SUSPECTED, LEAVES_PROGRAMME, TWICE_IDLE, IDLE_AT_THE_END = 1, 122, 627, 182, 1281, 10
"""What becomes of them, by the story's rules and by what they really bought."""

HOUSEHOLDS = (LOSES_PHONE, COMES_BACK, SUSPECTED, LEAVES_PROGRAMME, TWICE_IDLE, IDLE_AT_THE_END)

NAMES = ("baskets.csv.gz", "coupon_redemptions.csv.gz")


def rows(name: str) -> list[dict[str, str]]:
    """The rows of the slice from one of the sample's files."""
    text = gzip.decompress((SAMPLE / name).read_bytes()).decode()
    return [row for row in csv.DictReader(text.splitlines()) if int(row["household_id"]) in HOUSEHOLDS]


def write_slice(directory: Path) -> Path:
    """Write the slice's two files."""
    for name in NAMES:
        kept = rows(name)
        lines = [",".join(kept[0]), *(",".join(row.values()) for row in kept)]
        write(directory / name, "\n".join(lines) + "\n")
    return directory


def write(path: Path, text: str) -> None:
    """Write a gzipped text."""
    path.write_bytes(gzip.compress(text.encode()))
