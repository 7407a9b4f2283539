"""The demo's sample: real rows, chosen by the rule that is written beside the full data, and the story in them."""

from __future__ import annotations

import csv
import gzip
import runpy
from pathlib import Path

import pytest
from slices import NAMES

from examples.demo.programme import PROGRAMME
from examples.demo.purchases import SAMPLE, Purchases
from examples.demo.story import Part, Story

FULL = Path(__file__).parents[2] / "examples" / "data"


def test_it_is_small_and_the_same_bytes_every_time() -> None:
    packed = [(SAMPLE / name).read_bytes() for name in NAMES]
    assert sum(map(len, packed)) < 100_000
    for content in packed:
        flags, time = content[3], content[4:8]
        assert (flags, time) == (0, bytes(4))  # neither a name nor a time in the header


def test_its_source_is_named_beside_it() -> None:
    said = (SAMPLE / "README.md").read_text()
    assert "The Complete Journey" in said
    assert "84.51°" in said
    assert "MIT" in said


@pytest.mark.skipif(
    not (FULL / NAMES[0]).exists(), reason="the full data are in the repository, not in the source distribution"
)
def test_it_is_what_the_rule_chooses_from_the_full_data() -> None:
    made = runpy.run_path(str(FULL / "make_sample.py"))["sample"]()
    for name in NAMES:
        assert gzip.decompress(made[name]) == gzip.decompress((SAMPLE / name).read_bytes())


def test_everything_that_the_demo_tells_is_in_it() -> None:
    purchases = Purchases.read(SAMPLE, PROGRAMME.time_zone)
    assert set(Story.of(purchases).cast) == set(Part)
    assert len(set(Story.of(purchases).cast.values())) == len(Part)


def test_times_are_local_and_days_are_the_shops() -> None:
    purchases = Purchases.read(SAMPLE, PROGRAMME.time_zone)
    text = gzip.decompress((SAMPLE / "baskets.csv.gz").read_bytes()).decode()
    local = {row["basket_id"]: row["at"] for row in csv.DictReader(text.splitlines())}
    winter, summer = "2017-01", "2017-07"
    for basket in purchases.baskets:
        at = local[basket.reference]
        assert str(basket.day) == at[:10]
        offset = {winter: "-05:00", summer: "-04:00"}.get(at[:7])
        if offset is not None:
            assert (
                basket.at.isoformat() == basket.at.fromisoformat(at + offset).astimezone(basket.at.tzinfo).isoformat()
            )
    assert [basket.at for basket in purchases.baskets] == sorted(basket.at for basket in purchases.baskets)


def test_a_coupon_belongs_to_a_basket_of_its_day_or_to_noon() -> None:
    purchases = Purchases.read(SAMPLE, PROGRAMME.time_zone)
    visits = {(basket.household, basket.day, basket.at) for basket in purchases.baskets}
    for coupon in purchases.redemptions:
        noon = coupon.at.astimezone(purchases.zone).strftime("%H:%M") == "12:00"
        assert (coupon.household, coupon.day, coupon.at) in visits or noon
    references = [(coupon.household, coupon.reference) for coupon in purchases.redemptions]
    assert len(set(references)) == len(references)
