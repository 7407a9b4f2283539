"""
Who in the data plays which part in the demo, and when: chosen by fixed rules, so that the same data tell the same story.

A part goes to the first household whose real purchases fit it; none plays two, and one that nobody fits is left out. What
happens in each scene is in `replay`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import pairwise

from attrs import define, field, frozen

from examples.demo.purchases import Purchases

__all__ = ["Part", "Scene", "Story", "Turn"]


class Part(Enum):
    """The parts."""

    LOSES_PHONE = "loses_phone"
    COMES_BACK = "comes_back"
    IS_SUSPECTED = "is_suspected"
    LEAVES_PROGRAMME = "leaves_programme"


class Turn(Enum):
    """What happens to a customer in a scene."""

    PHONE_LOST = "phone_lost"
    PHONE_REPLACED = "phone_replaced"
    ACCOUNT_DELETED = "account_deleted"
    SPENDS_MORE = "spends_more"
    SUSPICION = "suspicion"
    SUSPICION_CLEARED = "suspicion_cleared"
    UNENROLLED = "unenrolled"


@frozen
class Scene:
    """One turn of the story, at nine in the morning."""

    household: int
    turn: Turn
    at: datetime
    """UTC."""


@define
class _Diary:
    """The days on which one household was seen, in order, one for each basket and each coupon."""

    household: int
    shopped: list[date] = field(factory=list)
    redeemed: list[date] = field(factory=list)
    largest: tuple[Decimal, date] = (Decimal(-1), date.min)
    """Its largest basket, and that basket's day."""

    def shops(self, after: date, before: date) -> int:
        """How many baskets it bought strictly between two days."""
        return sum(after < day < before for day in self.shopped)

    def is_active(self, day: date) -> bool:
        """Whether it is a customer for at least a month by then, and has bought in the month before."""
        return self.shopped[0] <= day - _MONTH and self.shops(day - _MONTH, day) > 0


_MONTH = timedelta(days=30)
_DAY = timedelta(days=1)

Turns = list[tuple[Turn, date]]
"""What happens to one household, on which days."""


@frozen
class Story:
    """The cast and the scenes."""

    cast: dict[Part, int]
    """Which household plays a part, where one fits it."""
    scenes: tuple[Scene, ...]
    """In the order of time."""

    @classmethod
    def of(cls, purchases: Purchases) -> Story:
        """The story that is in the data."""
        diaries = _diaries(purchases)
        by_number = sorted(diaries, key=lambda diary: diary.household)
        by_largest = sorted(by_number, key=lambda diary: diary.largest[0], reverse=True)
        cast: dict[Part, int] = {}
        scenes: list[Scene] = []

        def give(part: Part, candidates: Iterable[_Diary], fits: Callable[[_Diary], Turns]) -> None:
            for diary in candidates:
                turns = [] if diary.household in cast.values() else fits(diary)
                if turns:
                    cast[part] = diary.household
                    scenes.extend(Scene(diary.household, turn, _morning(day, purchases)) for turn, day in turns)
                    return

        give(Part.LOSES_PHONE, by_number, _loses_phone)
        give(Part.COMES_BACK, by_number, _comes_back)
        give(Part.IS_SUSPECTED, by_largest, _is_suspected)
        give(Part.LEAVES_PROGRAMME, by_number, _leaves_programme)
        return cls(cast, tuple(sorted(scenes, key=lambda scene: scene.at)))


def _diaries(purchases: Purchases) -> list[_Diary]:
    diaries: dict[int, _Diary] = {}
    for basket in purchases.baskets:
        diary = diaries.setdefault(basket.household, _Diary(basket.household))
        diary.shopped.append(basket.day)
        if basket.amount > diary.largest[0]:
            diary.largest = basket.amount, basket.day
    for redemption in purchases.redemptions:
        if redemption.household in diaries:
            diaries[redemption.household].redeemed.append(redemption.day)
    return list(diaries.values())


def _loses_phone(diary: _Diary) -> Turns:
    """Three weeks without a phone, in which it shops and hands in a coupon; it shops on afterwards."""
    for day in diary.redeemed:
        lost, found = day - timedelta(days=5), day + timedelta(days=16)
        if diary.is_active(lost) and diary.shops(lost, found) and diary.shops(found, date.max):
            return [(Turn.PHONE_LOST, lost), (Turn.PHONE_REPLACED, found)]
    return []


def _comes_back(diary: _Diary) -> Turns:
    """Five weeks to two months without a purchase, in which it deletes its account; it shops before and after."""
    for last, following in pairwise(diary.shopped):
        away = timedelta(days=35) <= following - last <= timedelta(days=60)
        untouched = not any(last < day < following for day in diary.redeemed)
        if away and untouched and diary.shops(date.min, last) >= 5 and diary.shops(following, date.max) >= 5:
            return [(Turn.ACCOUNT_DELETED, last + timedelta(days=7))]
    return []


def _is_suspected(diary: _Diary) -> Turns:
    """The morning after its largest basket it is suspected, for two weeks; it shops meanwhile and afterwards."""
    _, day = diary.largest
    noticed, raised, cleared = day - timedelta(days=9), day + _DAY, day + timedelta(days=15)
    if diary.is_active(noticed) and diary.shops(raised, cleared) and diary.shops(cleared, date.max):
        return [(Turn.SPENDS_MORE, noticed), (Turn.SUSPICION, raised), (Turn.SUSPICION_CLEARED, cleared)]
    return []


def _leaves_programme(diary: _Diary) -> Turns:
    """After four months it is a member no longer, but shops on."""
    day = diary.shopped[0] + timedelta(days=120)
    return [(Turn.UNENROLLED, day)] if diary.is_active(day) and diary.shops(day, date.max) >= 10 else []


def _morning(day: date, purchases: Purchases) -> datetime:
    return datetime.combine(day, time(9), purchases.zone).astimezone(UTC)
