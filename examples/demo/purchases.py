"""What households bought and redeemed, read from the data's two files."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from pathlib import Path

from attrs import frozen

from examples.demo.errors import DemoError

__all__ = ["SAMPLE", "Basket", "Purchases", "Redemption"]

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
"""Where the small sample is."""


@frozen
class Basket:
    """One visit to the till."""

    household: int
    reference: str
    """The receipt's number."""
    at: datetime
    """UTC."""
    day: date
    """As the shop's clock says."""
    amount: Decimal


@frozen
class Redemption:
    """One coupon handed in."""

    household: int
    reference: str
    at: datetime
    """UTC."""
    day: date


@frozen
class Purchases:
    """Everything that was bought and redeemed, in the order of time."""

    baskets: tuple[Basket, ...]
    redemptions: tuple[Redemption, ...]
    zone: tzinfo
    """Where the shops are."""

    @classmethod
    def read(cls, directory: Path, zone: tzinfo) -> Purchases:
        """
        Read `baskets.csv.gz` and `coupon_redemptions.csv.gz`.

        A coupon's redemption has a day only: it is taken to belong to the household's first basket of that day, and to have
        happened at noon where there was none.

        Raises:
            DemoError: A file is missing, or is not what it should be; the message says which and where.
        """
        baskets = sorted(_baskets(directory, zone), key=attrgetter("at", "reference"))
        first: dict[tuple[int, date], datetime] = {}
        for basket in baskets:
            first.setdefault((basket.household, basket.day), basket.at)
        redemptions = sorted(_redemptions(directory, zone, first), key=attrgetter("at", "reference"))
        if not baskets:
            raise DemoError(f"{directory}: no baskets in it")
        return cls(tuple(baskets), tuple(redemptions), zone)

    @property
    def households(self) -> int:
        """How many households there are."""
        return len({basket.household for basket in self.baskets} | {coupon.household for coupon in self.redemptions})

    @property
    def first_day(self) -> date:
        """The day of the first of them."""
        return min([basket.day for basket in self.baskets[:1]] + [coupon.day for coupon in self.redemptions[:1]])

    @property
    def last_day(self) -> date:
        """The day of the last of them."""
        return max([basket.day for basket in self.baskets[-1:]] + [coupon.day for coupon in self.redemptions[-1:]])

    def days(self) -> Iterator[tuple[date, list[Basket | Redemption]]]:
        """Every day from the first to the last, with what happened on it; a basket comes before its coupons."""
        by_day: dict[date, list[Basket | Redemption]] = {}
        for basket in self.baskets:
            by_day.setdefault(basket.day, []).append(basket)
        for coupon in self.redemptions:
            by_day.setdefault(coupon.day, []).append(coupon)
        day, last = self.first_day, self.last_day
        while day <= last:
            yield day, sorted(by_day.get(day, ()), key=attrgetter("at"))
            day += timedelta(days=1)


def _baskets(directory: Path, zone: tzinfo) -> Iterator[Basket]:
    wanted = "household_id", "basket_id", "at", "amount"
    for place, (household, basket, at, amount) in _rows(directory, "baskets.csv.gz", wanted):
        try:
            local, paid = datetime.fromisoformat(at), Decimal(amount)
            if local.tzinfo is not None or not paid.is_finite():
                raise ValueError
            moment = local.replace(tzinfo=zone).astimezone(UTC)
            yield Basket(int(household), basket, moment, local.date(), paid)
        except (ValueError, OverflowError, InvalidOperation):
            raise DemoError(f"{place}: expected a household's number, a local time and an amount") from None


def _redemptions(directory: Path, zone: tzinfo, first: dict[tuple[int, date], datetime]) -> Iterator[Redemption]:
    seen: Counter[tuple[str, str, str]] = Counter()
    wanted = "household_id", "coupon_upc", "at"
    for place, row in _rows(directory, "coupon_redemptions.csv.gz", wanted):
        household, coupon, at = row
        seen[household, coupon, at] += 1
        try:
            number, day = int(household), date.fromisoformat(at)
        except ValueError:
            raise DemoError(f"{place}: expected a household's number and a day") from None
        moment = first.get((number, day)) or datetime.combine(day, time(12), zone).astimezone(UTC)
        yield Redemption(number, f"{coupon}-{at}-{seen[household, coupon, at]}", moment, day)


def _rows(directory: Path, name: str, wanted: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The wanted columns of each row of a file, after where the row stands; DemoError where the file lacks them."""
    path = directory / name
    try:
        text = gzip.decompress(path.read_bytes()).decode()
    except FileNotFoundError:
        message = f"{path}: no such file; the data are baskets.csv.gz and coupon_redemptions.csv.gz"
        raise DemoError(message, code=2) from None
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError):
        raise DemoError(f"{path}: is no gzipped text, or is cut off") from None
    except OSError as error:
        raise DemoError(f"{path}: cannot be read: {error.strerror or error}", code=2) from None
    rows = csv.reader(io.StringIO(text, newline=""))
    header = next(rows, [])
    if not set(wanted) <= set(header):
        raise DemoError(f"{path}: expected the columns {', '.join(wanted)}")
    columns = [header.index(column) for column in wanted]
    for row in rows:
        place = f"{path}, line {rows.line_num}"
        if len(row) != len(header):
            raise DemoError(f"{place}: expected {len(header)} columns, found {len(row)}")
        yield place, tuple([row[column] for column in columns])
