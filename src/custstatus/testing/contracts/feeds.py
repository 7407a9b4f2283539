"""The feed: every entry once and in order, by pages of every length; its lag; the positions that consumers keep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from time import monotonic
from typing import Any

from attrs import evolve

from custstatus import Account, Entry, InvalidInputError, Lag, Plan
from custstatus.adapters import Feed, Log, Store
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import CRM, ORG, T0, US, holding, mobile, registration, together, transition
from custstatus.testing.snapshots import plain

__all__ = ["FeedContract"]

_NO_POSITIONS = (
    *("", "0", "0.0", "1.2.3.4", "a.b.c", "0.0.", "..", "-1.0.0", "0.-1.0", "+1.0.0", "0.0.1e3", " 0.0.0", "0.0.0\n"),
    *("٣.٣.٣", "0.²", "0.0.²", "1,2,3", "c-1", '["c-1", 2]', "9" * 40, "0.0." + "9" * 19, "0." * 400),
)
"""What no feed has given: cursors of lists among them."""

_LONG = 60
"""Seconds after which a feed that still holds something back is not expected to give it."""


class FeedContract(Contract):
    """The verbs `feed`, `lag`, `position` and `keep_position`."""

    def followed(self, store: Store, after: str | None = None, *, org: str = ORG, limit: int = 100) -> list[Entry]:
        """What the feed gives from a position on, until a page is empty."""
        entries: list[Entry] = []
        while True:
            page = store.feed(Feed(org=org, after=after, limit=limit))
            assert len(page) <= limit, f"{len(page)} entries in a page of {limit}"
            assert isinstance(page.position, str)
            if not page.entries:
                assert after in (None, page.position), f"nothing new, and from {after} the position went to {page}"
                assert store.lag(org, after).ready == 0, "there is more, and the page is empty"
                return entries
            assert page.position != after, f"{page.entries} again after {after}"
            entries += page.entries
            after = page.position

    def fed(self, store: Store, *plans: Plan) -> Account:
        """
        Commit plans, and see to it that the feed gives them: an engine may hold them back while others are writing.

        The others are an engine's own (it looks after its tables), or those of other tests.
        """
        account = self.written(store, *plans)
        deadline = monotonic() + _LONG
        for plan in plans:
            while store.lag(plan.accounts[0].org, None).held:
                assert monotonic() < deadline, f"held back, and nobody writes: {plan}"
        return account

    def fed_in_turn(self, store: Store, turns: int = 3) -> list[Entry]:
        """What three customers do in turn; the entries in the order of writing."""
        written: list[Entry] = []
        accounts = {}
        for customer in ("c-2", "c-1", "c-3"):
            plan = registration(customer, adds=[mobile(customer)], reason="came", key=f"k-{customer}")
            accounts[customer] = self.fed(store, plan)
            written += plan.entries
        for turn in range(turns):
            for customer, account in accounts.items():
                # A clock that was set back changes nothing.
                now = T0 - turn * US
                plan = holding(account, drops=[mobile(customer)], now=now)
                if turn:
                    plan = transition(account, "suspended" if turn % 2 else "active", now=T0 + turn * US, actor=CRM)
                accounts[customer] = self.fed(store, plan)
                written += plan.entries
        return written

    def test_the_feed_has_every_entry_once_in_order_by_pages_of_every_length(self) -> None:
        with self.opened() as store:
            written = self.fed_in_turn(store)
            for limit in (*range(1, len(written) + 2), 10_000):
                got = self.followed(store, limit=limit)
                assert plain(got) == plain(written), f"limit {limit}"

    def test_a_full_page_is_as_long_as_asked_for(self) -> None:
        with self.opened() as store:
            written = self.fed_in_turn(store)
            for limit in range(1, len(written) + 1):
                assert plain(store.feed(Feed(org=ORG, limit=limit)).entries) == plain(written[:limit])

    def test_a_position_resumes_wherever_it_was_read(self) -> None:
        with self.opened() as store:
            written = self.fed_in_turn(store)
            for place in range(len(written) + 1):
                position = store.feed(Feed(org=ORG, limit=place)).position if place else None
                assert plain(self.followed(store, position, limit=2)) == plain(written[place:])
                again = self.followed(store, position, limit=3)
                assert plain(again) == plain(written[place:]), "a position can be used again"

    def test_what_is_written_later_follows_and_nothing_is_given_again(self) -> None:
        with self.opened() as store:
            written = self.fed_in_turn(store)
            end = store.feed(Feed(org=ORG, limit=10_000)).position
            for number in range(4):
                assert store.feed(Feed(org=ORG, after=end)).entries == ()
                assert store.feed(Feed(org=ORG, after=end)).position == end
                plan = registration(f"d-{number}")
                self.fed(store, plan)
                page = store.feed(Feed(org=ORG, after=end))
                assert plain(page.entries) == plain(plan.entries)
                written += plan.entries
                end = page.position
            assert plain(self.followed(store)) == plain(written)

    def test_an_empty_feed_has_a_position_from_which_all_follows(self) -> None:
        with self.opened() as store:
            page = store.feed(Feed(org=ORG))
            assert page.entries == ()
            assert store.feed(Feed(org=ORG, after=page.position)) == page
            written = self.fed_in_turn(store)
            assert plain(self.followed(store, page.position)) == plain(written)

    def test_several_accounts_of_one_plan_are_all_there(self) -> None:
        with self.opened() as store:
            account = self.fed(store, registration("c-1"))
            after = store.feed(Feed(org=ORG)).position
            plan = together(transition(account, "suspended", now=T0 + US), registration("c-2"))
            self.fed(store, plan)
            got = self.followed(store, after, limit=1)
            assert sorted(plain(got)) == sorted(plain([entry for each in plan.accounts for entry in each.entries]))
            assert [entry.version for entry in got if entry.customer == "c-2"] == [1, 2]

    def test_the_feed_never_has_an_entry_of_another_organisation(self) -> None:
        with self.opened() as store:
            positions: dict[str, str | None] = {ORG: None, "others": None, "acm": None}
            written: dict[str, list[Entry]] = {org: [] for org in positions}
            for number in range(4):
                for org, entries in written.items():
                    plan = registration(f"c-{number}", org=org)
                    self.fed(store, plan)
                    entries += plan.entries
                    page = store.feed(Feed(org=org, after=positions[org]))
                    positions[org] = page.position
                    assert plain(page.entries) == plain(plan.entries)
                    store.keep_position(org, "crm", page.position)
            for org, entries in written.items():
                assert plain(self.followed(store, org=org, limit=3)) == plain(entries)
                assert store.position(org, "crm") == positions[org]
                assert store.lag(org, None).ready + store.lag(org, None).held == len(entries)
            assert self.followed(store, org="acme-2") == []
            assert store.lag("acme-2", None) == Lag(0, 0, None)
            assert store.position("acme-2", "crm") is None
            store.keep_position("acm", "crm", None)
            assert store.position(ORG, "crm") == positions[ORG]

    def test_what_no_feed_has_given_is_no_position(self) -> None:
        with self.opened() as store:
            self.fed_in_turn(store)
            cursor = store.page(Log(org=ORG, limit=1)).next
            for text in (*_NO_POSITIONS, *([] if cursor is None or cursor.count(".") == 2 else [cursor])):
                for asked in (
                    lambda text=text: store.feed(Feed(org=ORG, after=text)),
                    lambda text=text: store.lag(ORG, text),
                    lambda text=text: store.keep_position(ORG, "crm", text),
                ):
                    self.refuses_a_position(asked, text)
            assert store.position(ORG, "crm") is None, "what was refused was kept"

    def refuses_a_position(self, asked: Any, text: str) -> None:
        """Ask, and be told that it is no position."""
        try:
            asked()
        except InvalidInputError:
            return
        raise AssertionError(f"{text!r} was taken for a position")

    def test_the_lag_counts_what_follows_a_position(self) -> None:
        with self.opened() as store:
            assert store.lag(ORG, None) == Lag(0, 0, None)
            written: list[Entry] = []
            for number in range(3):
                plan = registration(f"c-{number}", at=T0 + number * US)
                self.fed(store, plan)
                written += plan.entries
            for place in range(len(written) + 1):
                position = store.feed(Feed(org=ORG, limit=place)).position if place else None
                lag = store.lag(ORG, position)
                assert (lag.ready, lag.held) == (len(written) - place, 0)
                assert lag.since == min((entry.recorded_at for entry in written[place:]), default=None)

    def test_a_kept_position_is_given_back_and_goes_on(self) -> None:
        with self.opened() as store:
            written = self.fed_in_turn(store)
            assert store.position(ORG, "crm") is None
            got: list[Entry] = []
            for _ in range(len(written)):
                page = store.feed(Feed(org=ORG, after=store.position(ORG, "crm"), limit=2))
                got += page.entries
                store.keep_position(ORG, "crm", page.position)
                assert store.position(ORG, "crm") == page.position
            assert plain(got) == plain(written)

    def test_a_kept_position_never_goes_back(self) -> None:
        with self.opened() as store:
            written = self.fed_in_turn(store)
            positions = [store.feed(Feed(org=ORG, limit=limit)).position for limit in range(1, len(written) + 1)]
            beginning = store.feed(Feed(org="nobody")).position
            for place, position in enumerate(positions):
                store.keep_position(ORG, "crm", position)
                for earlier in (beginning, *positions[: place + 1]):
                    store.keep_position(ORG, "crm", earlier)
                    assert store.position(ORG, "crm") == position

    def test_a_position_that_is_forgotten_begins_anew(self) -> None:
        with self.opened() as store:
            written = self.fed_in_turn(store)
            first = store.feed(Feed(org=ORG, limit=1)).position
            store.keep_position(ORG, "crm", None)
            store.keep_position(ORG, "crm", store.feed(Feed(org=ORG)).position)
            store.keep_position(ORG, "crm", None)
            assert store.position(ORG, "crm") is None
            assert plain(self.followed(store, store.position(ORG, "crm"))) == plain(written)
            store.keep_position(ORG, "crm", first)
            assert store.position(ORG, "crm") == first

    def test_each_consumer_has_a_position_of_its_own(self) -> None:
        with self.opened() as store:
            written = self.fed_in_turn(store)
            kept = {
                name: store.feed(Feed(org=ORG, limit=limit)).position
                for limit, name in enumerate(("crm", "crm ", "CRM", "c-1", "Ψ" * 128), 1)
            }
            for name, position in kept.items():
                store.keep_position(ORG, name, position)
            assert {name: store.position(ORG, name) for name in kept} == kept
            store.keep_position(ORG, "crm", None)
            assert store.position(ORG, "CRM") == kept["CRM"]
            assert plain(self.followed(store, kept["CRM"])) == plain(written[3:])

    def test_the_feed_has_what_the_history_has(self) -> None:  # D53
        with self.opened() as store:
            written = self.fed_in_turn(store, turns=5)
            for customer in ("c-1", "c-2", "c-3"):
                own = [entry for entry in self.followed(store, limit=4) if entry.customer == customer]
                assert plain(own) == plain(self.paged(store.page, Log(org=ORG, customer=customer)))
                assert [entry.version for entry in own] == list(range(1, len(own) + 1))
            assert len(self.followed(store)) == len(written)

    def test_a_reader_beside_writers_sees_each_entry_once_and_by_version(self) -> None:
        writers, turns = 3, 8
        with self.opened() as store:
            begin, done = Barrier(writers + 1), Event()

            def write(number: int) -> None:
                begin.wait()
                account = self.registered(store, f"w-{number}")
                for turn in range(turns):
                    status = "active" if turn % 2 else "suspended"
                    account = self.written(store, transition(account, status, now=T0 + turn * US))

            def read() -> list[Entry]:
                begin.wait()
                got: list[Entry] = []
                after = None
                while True:
                    last = done.is_set() and store.lag(ORG, after).held == 0
                    page = store.feed(Feed(org=ORG, after=after, limit=2))
                    got += page.entries
                    after = page.position
                    if last and not page.entries:
                        return got

            with ThreadPoolExecutor(writers + 1) as threads:
                reading = threads.submit(read)
                try:
                    for writing in [threads.submit(write, number) for number in range(writers)]:
                        writing.result()
                finally:
                    done.set()
                got = reading.result()
            seen = [(entry.customer, entry.version) for entry in got]
            assert sorted(seen) == [
                (f"w-{number}", version) for number in range(writers) for version in range(1, turns + 3)
            ]
            for number in range(writers):
                own = [version for customer, version in seen if customer == f"w-{number}"]
                assert own == sorted(own), f"w-{number}: {own}"
            assert plain(self.followed(store)) == plain(got), "read again it is the same"

    def test_a_page_of_the_feed_is_bounded(self) -> None:
        with self.opened() as store:
            self.fed_in_turn(store)
            for limit in (0, -1, 10_001, 1.5, "1", None, True):
                given: Any = limit
                self.refuses_a_position(lambda given=given: store.feed(Feed(org=ORG, limit=given)), str(limit))
            assert evolve(store.feed(Feed(org=ORG, limit=10_000))) == store.feed(Feed(org=ORG))
