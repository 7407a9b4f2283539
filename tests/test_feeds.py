"""The feed: positions, events of CloudEvents 1.0, the service's verbs, a position kept in a host's SQLite transaction."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, fields
from hypothesis import given
from hypothesis import strategies as st
from organisation import ACME, AGENT, START, Clock, Label, some_examples

from custstatus import (
    Actor,
    ActorKind,
    Entry,
    EntryKind,
    FeedPage,
    Identifier,
    InvalidInputError,
    Lag,
    MemoryStore,
    RequestedBy,
    SQLiteStore,
    StatusService,
)
from custstatus.adapters import Feed
from custstatus.adapters.feeds import Position
from custstatus.aio import AsyncStatusService
from custstatus.bounds import EPOCH, LATEST, check_id
from custstatus.errors import PositionLostError
from custstatus.tables import to_cloudevent
from custstatus.testing import Awaited
from custstatus.testing.contracts.feeds import FeedContract


def is_id(text: str) -> bool:
    """Whether a text may be an id."""
    try:
        check_id("id", text)
    except InvalidInputError:
        return False
    return True


NUMBERS = st.integers(0, 10**18 - 1)
ODD = st.sampled_from(["\ufdd0", "\ufffe", "\uffff", "\U0010ffff", "%", "/", "?", "#", " ", "..", "é", "ß/ü", "𝄞"])
IDS = st.one_of(
    st.text(min_size=1, max_size=6).filter(is_id),
    st.builds("".join, st.lists(st.one_of(ODD, st.sampled_from("ab/%.1")), min_size=1, max_size=5)).filter(is_id),
)
TEXTS = st.one_of(st.none(), IDS)
TIMES = st.datetimes(EPOCH.replace(tzinfo=None), LATEST.replace(tzinfo=None)).map(lambda at: at.replace(tzinfo=UTC))
SECRET = "Ω-secret-Ω"

ENTRIES = st.builds(
    Entry,
    org=IDS,
    customer=IDS,
    version=st.integers(1, 2**62),
    kind=st.sampled_from(EntryKind),
    lifecycle=TEXTS,
    from_status=TEXTS,
    from_label=TEXTS,
    to_status=TEXTS,
    to_label=TEXTS,
    effective_at=TIMES,
    recorded_at=TIMES,
    actor=st.builds(Actor, IDS, st.sampled_from(ActorKind), st.sampled_from([None, SECRET])),
    requested_by=st.sampled_from(RequestedBy),
    channel=IDS,
    config=IDS,
    reason=st.sampled_from([None, SECRET]),
    reason_code=TEXTS,
    reason_digest=st.sampled_from([None, SECRET.encode()]),
    subject=TEXTS,
    key=TEXTS,
    ordinal=st.integers(0, 9),
    digest=st.sampled_from([None, SECRET.encode()]),
    return_to=st.one_of(st.none(), st.integers(1, 9)),
    closes=st.booleans(),
    run=TEXTS,
    related=TEXTS,
    approval=TEXTS,
    shop=TEXTS,
)

ENTRY = Entry(
    *("acme", "c-42", 3, EntryKind.MOVED, "customer_status", "active", "Regular", "suspended", "Lost phone"),
    *(START, START, AGENT, RequestedBy.STAFF, "api", "0" * 32),
)

ATTRIBUTES = {"specversion", "id", "source", "type", "subject", "time", "datacontenttype"}
REFERENCE = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
"""RFC 3986: which characters a reference to a URI has."""
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
"""RFC 3339."""


def said_wrong(character: str) -> bool:
    """Whether the text of an attribute may not hold a character: controls, surrogates, what is no character."""
    code = ord(character)
    return (
        code < 0x20
        or 0x7F <= code < 0xA0
        or 0xD800 <= code < 0xE000
        or 0xFDD0 <= code < 0xFDF0
        or code & 0xFFFE == 0xFFFE
    )


def event_faults(event: dict[str, Any]) -> Iterator[str]:
    """What CloudEvents 1.0 has against an event in its JSON form, and our word that there is no extension."""
    for name in ("specversion", "id", "source", "type"):
        if not event.get(name):
            yield f"no {name}"
    if event.get("specversion") != "1.0":
        yield "another version"
    for name, value in event.items():
        if name == "data":
            continue
        if name not in ATTRIBUTES:
            yield f"{name} is an extension"
        if not isinstance(value, str) or not value or any(map(said_wrong, value)):
            yield f"{name} is no text of an attribute: {value!r}"
    source = event.get("source", "")
    before, colon, _ = source.partition(":")
    if not REFERENCE.fullmatch(source) or (colon and "/" not in before and not SCHEME.fullmatch(before)):
        yield f"{source!r} is no reference to a URI"
    if "time" in event and not MOMENT.fullmatch(event["time"]):
        yield "no time of RFC 3339"
    try:
        if json.loads(json.dumps(event, allow_nan=False)) != event:
            yield "JSON changes it"
    except (TypeError, ValueError) as error:
        yield f"no JSON: {error}"


class TestPositions:
    """A place in the feed as a text."""

    @given(NUMBERS, NUMBERS, NUMBERS)
    def test_a_position_reads_as_it_was_written(self, epoch: int, transaction: int, entry: int) -> None:
        position = Position(epoch, transaction, entry)
        assert Position.read(str(position)) == position

    @given(st.text(max_size=60))
    def test_any_other_text_is_refused(self, text: str) -> None:
        try:
            position = Position.read(text)
        except InvalidInputError:
            return
        assert all(0 <= part < 2**63 for part in position)
        assert [int(part) for part in text.split(".")] == list(position)

    def test_none_is_the_beginning(self) -> None:
        assert Position.read(None) == Position(0, 0, 0)

    def test_a_page_is_read_like_a_list(self) -> None:
        page = FeedPage((ENTRY, ENTRY), "0.1.2")
        assert (list(page), len(page)) == ([ENTRY, ENTRY], 2)
        assert "Ada" not in repr(page)


class TestEvents:
    """An entry as an event."""

    @some_examples
    @given(ENTRIES)
    def test_every_entry_is_an_event(self, entry: Entry) -> None:
        event = to_cloudevent(entry)
        assert list(event_faults(event)) == []
        assert event["time"] == event["data"]["recorded_at"]
        at = datetime.fromisoformat(event["time"])
        assert (at, at.utcoffset()) == (entry.recorded_at, entry.recorded_at.utcoffset())
        assert event["data"]["customer"] == entry.customer
        assert event["data"]["org"] == entry.org

    @some_examples
    @given(ENTRIES)
    def test_no_free_text_no_name_and_no_digest_leaves(self, entry: Entry) -> None:
        event = to_cloudevent(entry)
        told = json.dumps(event, ensure_ascii=False)
        assert SECRET not in told
        assert SECRET.encode().hex() not in told
        assert set(event["data"]["actor"]) == {"id", "kind"}
        assert set(event["data"]) == {each.name for each in fields(Entry)} - {"reason", "reason_digest", "digest"}

    @some_examples
    @given(ENTRIES, ENTRIES, st.sampled_from(["/custstatus", "https://crm.example/status/"]))
    def test_two_entries_are_never_one_event(self, one: Entry, other: Entry, source: str) -> None:
        same = (one.org, one.customer, one.version) == (other.org, other.customer, other.version)
        events = [to_cloudevent(entry, source=source) for entry in (one, other)]
        assert (len({(event["source"], event["id"]) for event in events}) == 1) is same

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (("a", "b/1", 2), ("a", "b", 12)),
            (("a", "b%2F1", 2), ("a", "b/1", 2)),
            (("a/b", "c", 1), ("a", "b/c", 1)),
            (("a", "c", 1), ("b", "c", 1)),
            (("a b", "c", 1), ("a%20b", "c", 1)),
        ],
    )
    def test_ids_that_look_like_paths_are_told_apart(self, one: Any, other: Any) -> None:
        events = []
        for org, customer, version in (one, other):
            event = to_cloudevent(
                evolve(ENTRY, org=org, customer=customer, version=version), source="https://x.example/"
            )
            events.append((event["source"], event["id"]))
        assert events[0] != events[1]

    def test_an_event_in_full(self) -> None:
        event = to_cloudevent(evolve(ENTRY, reason="told us on the phone", shop="s-1"), source="https://crm.example")
        data = event.pop("data")
        assert event == {
            "specversion": "1.0",
            "id": "c-42/3",
            "source": "https://crm.example/acme",
            "type": "custstatus.moved",
            "subject": "c-42",
            "time": "2024-01-01T09:00:00Z",
            "datacontenttype": "application/json",
        }
        assert data["actor"] == {"id": "agent-7", "kind": "person"}
        assert {name: data[name] for name in ("from_label", "to_status", "to_label", "shop", "closes")} == {
            "from_label": "Regular",
            "to_status": "suspended",
            "to_label": "Lost phone",
            "shop": "s-1",
            "closes": False,
        }

    @pytest.mark.parametrize("source", ["", "a b", "https://x.example/?a=1", "/a#b", "/é", "/%4", "\n", None, b"/a"])
    def test_a_source_that_is_no_uri_is_refused(self, source: Any) -> None:
        with pytest.raises(InvalidInputError, match="source"):
            to_cloudevent(ENTRY, source=source)

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ({"id": ""}, "no id"),
            ({"specversion": "0.3"}, "another version"),
            ({"source": "/custstatus/a b"}, "no reference"),
            ({"source": "/custstatus/é"}, "no reference"),
            ({"subject": "c\ufffe"}, "no text of an attribute"),
            ({"subject": None}, "no text of an attribute"),
            ({"time": "2024-01-01 09:00:00"}, "no time"),
            ({"time": "2024-01-01T09:00:00"}, "no time"),
            ({"org": "acme"}, "extension"),
            ({"data": {1: 2}}, "JSON changes it"),
            ({"data": b""}, "no JSON"),
        ],
    )
    def test_a_wrong_event_is_found(self, change: dict[str, Any], fault: str) -> None:
        assert any(fault in each for each in event_faults({**to_cloudevent(ENTRY), **change}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "statuses.db"


@pytest.fixture
def service(path: Path) -> Iterator[StatusService[Label]]:
    with SQLiteStore(path) as store:
        yield StatusService(store, ACME, clock=Clock())


def change(service: StatusService[Label], *customers: str) -> None:
    """Register each, and change each."""
    for customer in customers:
        service.acting(AGENT).register(customer)
        service.acting(AGENT).change(customer, Label.LOST_PHONE, reason="lost")


class TestService:
    """The verbs, as a host calls them."""

    def test_following_page_by_page(self, service: StatusService[Label]) -> None:
        change(service, "c-1", "c-2")
        history = list(service.history())
        got: list[Entry] = []
        while page := service.feed(service.position("crm"), limit=3):
            assert service.lag(service.position("crm")) == Lag(len(history) - len(got), 0, START)
            got += page
            service.keep_position("crm", page.position)
        assert got == history
        assert service.lag(service.position("crm")) == Lag(0, 0, None)
        service.keep_position("crm", None)
        assert service.position("crm") is None

    def test_it_is_of_the_organisation(self, service: StatusService[Label]) -> None:
        other = StatusService(service.store, evolve(ACME, org="other"))
        change(service, "c-1")
        change(other, "c-9")
        assert {entry.customer for entry in service.feed()} == {"c-1"}
        service.keep_position("crm", service.feed().position)
        assert other.position("crm") is None

    @pytest.mark.parametrize(
        "asked",
        [
            lambda service: service.feed("c-1"),
            lambda service: service.feed(7),
            lambda service: service.feed(limit=0),
            lambda service: service.feed(limit=10_001),
            lambda service: service.lag("1.2"),
            lambda service: service.position(""),
            lambda service: service.position("a\nb"),
            lambda service: service.keep_position("", "0.0.1"),
            lambda service: service.keep_position("crm", "here"),
            lambda service: service.keep_position("crm", 1),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, service: StatusService[Label], asked: Callable[[StatusService[Label]], object]
    ) -> None:
        with pytest.raises(InvalidInputError):
            asked(service)

    def test_awaited_it_is_the_same(self) -> None:
        store = MemoryStore()
        blocking = StatusService(store, ACME, clock=Clock())
        change(blocking, "c-1", "c-2")

        async def follow() -> list[Entry]:
            service = await AsyncStatusService.open(Awaited(store), ACME)
            got: list[Entry] = []
            while page := await service.feed(await service.position("crm"), limit=2):
                assert await service.lag(await service.position("crm")) == Lag(len(history) - len(got), 0, START)
                got += page
                await service.keep_position("crm", page.position)
            return got

        history = list(blocking.history())
        assert asyncio.run(follow()) == history

    def test_a_position_of_postgresql_is_none_of_sqlite(self, service: StatusService[Label]) -> None:
        with pytest.raises(InvalidInputError, match="position"):
            service.feed("0.700.3")
        with pytest.raises(InvalidInputError, match="position"):
            service.lag("0.700.0")

    def test_a_position_of_another_epoch_is_lost(self, service: StatusService[Label]) -> None:
        with pytest.raises(PositionLostError):
            service.feed("1.0.3")

    def test_nor_is_it_kept_where_nothing_could_follow_it(self, service: StatusService[Label]) -> None:
        with pytest.raises(PositionLostError):
            service.keep_position("crm", "1.0.3")
        assert service.position("crm") is None


class TestInside:
    """What is done with the entries, and the position, in one transaction of the host's on SQLite."""

    @pytest.fixture
    def host(self, service: StatusService[Label], path: Path) -> Iterator[sqlite3.Connection]:
        change(service, "c-1", "c-2", "c-3")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("CREATE TABLE told (customer TEXT, version INTEGER, PRIMARY KEY (customer, version))")
            yield connection

    def step(self, service: StatusService[Label], host: sqlite3.Connection, end: str) -> int:
        """Take over a page in one transaction, ended as told; how many entries it had."""
        host.execute("BEGIN IMMEDIATE")
        inside = service.inside(host)
        page = inside.feed(inside.position("told"), limit=2)
        # A repeat would violate the primary key.
        host.executemany("INSERT INTO told VALUES (?, ?)", [(entry.customer, entry.version) for entry in page])
        inside.keep_position("told", page.position)
        assert inside.position("told") == page.position
        host.execute(end)
        return len(page)

    def test_effects_and_position_stand_or_fall_together(
        self, service: StatusService[Label], host: sqlite3.Connection
    ) -> None:
        for number in range(100):
            kept, told = service.position("told"), host.execute("SELECT count(*) FROM told").fetchone()
            taken = self.step(service, host, "ROLLBACK" if number % 3 else "COMMIT")
            now = host.execute("SELECT count(*) FROM told").fetchone()
            if number % 3:
                assert (service.position("told"), now) == (kept, told)
            elif not taken:
                break
            else:
                assert now[0] == told[0] + taken
        else:
            pytest.fail("it never ended")
        assert host.execute("SELECT * FROM told ORDER BY customer, version").fetchall() == sorted(
            (entry.customer, entry.version) for entry in service.history()
        )

    def test_its_own_entries_are_in_its_feed(self, service: StatusService[Label], host: sqlite3.Connection) -> None:
        before = service.feed(limit=1_000)
        host.execute("BEGIN IMMEDIATE")
        inside = service.inside(host)
        inside.acting(AGENT).register("c-4", identifiers=[Identifier("mobile", "+447900000004")])
        page = inside.feed(before.position)
        assert {entry.customer for entry in page} == {"c-4"}
        assert inside.lag(before.position).ready == len(page)
        host.execute("ROLLBACK")
        assert service.feed(before.position) == FeedPage((), before.position)


class Unordered(MemoryStore):
    def feed(self, query: Feed) -> FeedPage:
        page = super().feed(query)
        return evolve(page, entries=page.entries[::-1])


class Skipping(MemoryStore):
    def feed(self, query: Feed) -> FeedPage:
        page = super().feed(query)
        place = Position.read(page.position)
        return evolve(page, position=str(place._replace(entry=place.entry + (len(page) > 2))))


class Repeating(MemoryStore):
    def feed(self, query: Feed) -> FeedPage:
        page = super().feed(query)
        place = Position.read(page.position)
        return evolve(page, position=str(place._replace(entry=place.entry - (len(page) > 2))))


class Lengthy(MemoryStore):
    def feed(self, query: Feed) -> FeedPage:
        return super().feed(evolve(query, limit=min(query.limit + 1, 10_000)))


class Mixing(MemoryStore):
    def feed(self, query: Feed) -> FeedPage:
        orgs = [name for name in self._orgs if name.startswith(query.org)]
        return super().feed(evolve(query, org=orgs[0] if orgs else query.org))


class GoingBack(MemoryStore):
    def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        super().keep_position(org, consumer, None)
        super().keep_position(org, consumer, position)


class GoingBackByText(MemoryStore):
    def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        kept = self.position(org, consumer)
        if None in (kept, position) or str(position) > str(kept):
            super().keep_position(org, consumer, None)
            super().keep_position(org, consumer, position)


class Unforgetting(MemoryStore):
    def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        if position is not None:
            super().keep_position(org, consumer, position)


class OnePosition(MemoryStore):
    def position(self, org: str, consumer: str) -> str | None:
        return super().position(org, consumer.casefold().strip())

    def keep_position(self, org: str, consumer: str, position: str | None) -> None:
        super().keep_position(org, consumer.casefold().strip(), position)


class Trusting(MemoryStore):
    def feed(self, query: Feed) -> FeedPage:
        try:
            return super().feed(query)
        except InvalidInputError:
            return super().feed(evolve(query, after=None))


class LateSince(MemoryStore):
    def lag(self, org: str, after: str | None) -> Lag:
        return evolve(super().lag(org, after), since=self._org(org).log[-1].recorded_at if self._org(org).log else None)


class FromTheBeginning(MemoryStore):
    def lag(self, org: str, after: str | None) -> Lag:
        return super().lag(org, None)


CONTROLS: list[tuple[type[MemoryStore], str]] = [
    (Unordered, "test_the_feed_has_every_entry_once_in_order_by_pages_of_every_length"),
    (Unordered, "test_the_feed_has_what_the_history_has"),
    (Skipping, "test_the_feed_has_every_entry_once_in_order_by_pages_of_every_length"),
    (Skipping, "test_a_position_resumes_wherever_it_was_read"),
    (Skipping, "test_what_is_written_later_follows_and_nothing_is_given_again"),
    (Repeating, "test_the_feed_has_every_entry_once_in_order_by_pages_of_every_length"),
    (Lengthy, "test_a_full_page_is_as_long_as_asked_for"),
    (Mixing, "test_the_feed_never_has_an_entry_of_another_organisation"),
    (GoingBack, "test_a_kept_position_never_goes_back"),
    (GoingBackByText, "test_a_kept_position_is_given_back_and_goes_on"),
    (Unforgetting, "test_a_position_that_is_forgotten_begins_anew"),
    (OnePosition, "test_each_consumer_has_a_position_of_its_own"),
    (Trusting, "test_what_no_feed_has_given_is_no_position"),
    (LateSince, "test_the_lag_counts_what_follows_a_position"),
    (FromTheBeginning, "test_the_lag_counts_what_follows_a_position"),
]


@pytest.mark.parametrize(("broken", "name"), CONTROLS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_contract_refuses_a_broken_feed(broken: type[MemoryStore], name: str) -> None:
    contract = FeedContract()
    contract.make_store = broken  # type: ignore[method-assign]
    with pytest.raises(AssertionError):
        getattr(contract, name)()
