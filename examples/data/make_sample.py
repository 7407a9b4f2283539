"""
Choose the small sample from the full data: python examples/data/make_sample.py, from the root of the project.

Everything that a chosen household did in the year goes in. Chosen are, of the households in the order of their numbers,
every 60th; every 30th of those that redeem coupons; every 30th of those that stay away for more than 90 days and come
back; every 20th of those that stay away for more than 90 days and are not seen again.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

FULL = Path(__file__).parent
SAMPLE = FULL / "sample"
NAMES = ("baskets.csv.gz", "coupon_redemptions.csv.gz")

LONG = timedelta(days=90)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of one file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def chosen(baskets: list[dict[str, str]], redemptions: list[dict[str, str]]) -> set[str]:
    """The numbers of the households in the sample, by the rule above."""
    days: dict[str, list[date]] = {}
    for row in baskets:
        days.setdefault(row["household_id"], []).append(date.fromisoformat(row["at"][:10]))
    end = max(last for seen in days.values() for last in seen)
    gone = {household for household, seen in days.items() if end - max(seen) > LONG}
    returning = {
        household
        for household, seen in days.items()
        if any(later - earlier > LONG for earlier, later in pairwise(seen))
    }
    redeeming = {row["household_id"] for row in redemptions}
    return {*nth(days, 60), *nth(redeeming, 30), *nth(returning, 30), *nth(gone, 20)}


def nth(households: Iterable[str], step: int) -> list[str]:
    """Every so-manieth household, in the order of their numbers."""
    return sorted(households, key=int)[::step]


def packed(rows: list[dict[str, str]]) -> bytes:
    """Rows as a gzipped CSV file, the same bytes every time: no name, no time."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return gzip.compress(text.getvalue().encode(), 9, mtime=0)


def sample() -> dict[str, bytes]:
    """The sample's files, by name."""
    tables = [read(FULL / name) for name in NAMES]
    households = chosen(*tables)
    return {
        name: packed([row for row in table if row["household_id"] in households])
        for name, table in zip(NAMES, tables, strict=True)
    }


if __name__ == "__main__":
    for name, content in sample().items():
        (SAMPLE / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")
