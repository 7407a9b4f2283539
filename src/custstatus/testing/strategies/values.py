"""Strategies of the values that callers give: up to their bounds, in every script."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from custstatus import (
    Action,
    Activity,
    Actor,
    ActorKind,
    AnyAction,
    AnyChannel,
    Channel,
    Effect,
    Identifier,
    RequestedBy,
)
from custstatus.adapters import StoredActivity, Token

__all__ = [
    "activities",
    "actors",
    "amounts",
    "channels",
    "identifiers",
    "ids",
    "moments",
    "requesters",
    "stored_activities",
    "texts",
    "tokens",
]

ID, LABEL, IDENTIFIER, TEXT = 128, 64, 256, 1_000

# What people and stores confuse: quotes, wildcards, separators, look-alikes of one another, the ends of every plane.
_AWKWARD = (
    *("a", "A", "ä", "a\u0308", "ß", "SS", "ı", "İ", "ﬀ", " ", "\u00a0", "\u200b", "\u202e", "\ufeff"),
    *("'", '"', "`", "\\", "%", "_", "*", "?", ":", "|", "/", ",", ";", "--", "\ufffd", "\ufffe", "\uffff"),
    *("😀", "👩\u200d🚀", "\U00010000", "\U0010fffd", "\U0010ffff", "0", "01", "1e0", "NULL", "null", "{}", "[]"),
)
_MINUTES = st.integers(-23 * 60, 23 * 60)


def ids(most: int = ID) -> st.SearchStrategy[str]:
    """Ids, actors' ids, keys, references: 1 to *most* characters, none of them a control character."""
    characters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
    awkward = (
        st.lists(st.sampled_from(_AWKWARD), min_size=1, max_size=8).map("".join).filter(lambda text: len(text) <= most)
    )
    full = st.sampled_from(("x", "é", "漢", "😀")).map(lambda character: character * most)
    return st.one_of(st.text(characters, min_size=1, max_size=min(most, 12)), awkward, full)


def texts(most: int = TEXT) -> st.SearchStrategy[str]:
    """Free text: up to *most* characters, line breaks and control characters among them."""
    characters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
    full = st.sampled_from(("x", "\n", "漢", "😀")).map(lambda character: character * most)
    return st.one_of(st.text(characters, max_size=min(most, 30)), ids(most), full)


def moments(
    earliest: datetime = datetime(1970, 1, 1, tzinfo=UTC),
    latest: datetime = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
) -> st.SearchStrategy[datetime]:
    """Aware times from 1970 to 9999, in UTC and in other zones; both ends among them."""
    utc = st.datetimes(earliest.replace(tzinfo=None), latest.replace(tzinfo=None), timezones=st.just(UTC))
    zones = st.one_of(
        st.sampled_from((ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Apia"))),
        _MINUTES.map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
    return st.one_of(utc, st.sampled_from((earliest, latest)), st.builds(_elsewhere, utc, zones))


def _elsewhere(moment: datetime, zone: timezone | ZoneInfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:  # at the ends of the calendar
        return moment


def actors() -> st.SearchStrategy[Actor]:
    """Actors of every kind, with a name or without."""
    return st.builds(Actor, ids(), st.sampled_from(ActorKind), st.none() | texts(ID))


def channels() -> st.SearchStrategy[AnyChannel]:
    """The channels that the library ships."""
    return st.sampled_from(Channel)


def requesters() -> st.SearchStrategy[RequestedBy]:
    """At whose request."""
    return st.sampled_from(RequestedBy)


def identifiers(types: Sequence[str] = ("mobile", "email", "external_id")) -> st.SearchStrategy[Identifier]:
    """Identifiers of the given types; by default those that an organisation supports by default."""
    return st.builds(Identifier, st.sampled_from(types), ids(IDENTIFIER), texts(ID), texts(ID))


def tokens() -> st.SearchStrategy[Token]:
    """Identifiers as a store sees them."""
    return st.builds(Token, st.sampled_from(("mobile", "email", "external_id")), ids(IDENTIFIER))


def amounts() -> st.SearchStrategy[Decimal]:
    """Amounts: up to 18 digits before the point and 6 after it, trailing zeros and negative ones among them."""
    return st.builds(
        lambda digits, places: Decimal(digits).scaleb(-places),
        st.integers(-(10**18) + 1, 10**18 - 1),
        st.integers(0, 6),
    )


def activities(
    customers: st.SearchStrategy[str] | None = None, kinds: st.SearchStrategy[AnyAction] | None = None
) -> st.SearchStrategy[Activity]:
    """What customers did, as a host reports it."""
    return st.builds(
        Activity,
        ids() if customers is None else customers,
        st.sampled_from(Action) if kinds is None else kinds,
        ids(),
        moments(),
        st.none() | amounts(),
        st.sampled_from(Effect),
    )


def stored_activities(customers: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[StoredActivity]:
    """What customers did, as a store keeps it."""
    return st.builds(
        StoredActivity,
        ids() if customers is None else customers,
        st.sampled_from([action.value for action in Action]),
        ids(),
        moments().map(lambda moment: moment.astimezone(UTC)),
        st.none() | amounts(),
        st.sampled_from(Effect),
        st.booleans(),
    )
