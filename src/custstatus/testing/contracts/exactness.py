"""Exactness: every text comes back code point by code point, every time to the microsecond, from either end of its range."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from attrs import evolve

from custstatus import Actor, ActorKind, Effect, Plan, RequestedBy
from custstatus.adapters import Activities, ActivityBatch, Customers, Log, Store, StoredActivity, Token
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import ORG, T0, US, after, bought, registration, transition
from custstatus.testing.snapshots import plain

__all__ = ["ExactnessContract"]

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
_TIMES = (
    *(_FIRST, _FIRST + US, _FIRST + timedelta(seconds=1), datetime(2000, 2, 29, 23, 59, 59, 1, tzinfo=UTC)),
    *(
        datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
        datetime(2262, 4, 11, 23, 47, 16, 854_776, tzinfo=UTC),
        _LAST - US,
        _LAST,
    ),
)
# Ids of one another's look, each its own: by case, accent, composition, width, spaces, wildcards, numbers and quotes.
_IDS = (
    *(
        "a",
        "A",
        "ä",
        "a\u0308",
        "Ä",
        "å",
        "ａ",
        "а",
        "ß",
        "ss",
        "ẞ",
        "ı",
        "i",
        "İ",
        "I",
        "ﬁ",
        "fi",
        "ſ",
        "s",
        "K",
        "\u212a",
    ),
    *("x", "x ", " x", "x\u00a0", "x\u200b", "x\u202e", "\ufeffx", "1", "01", "1.0", "1e0", "+1", "０", "-0", "0"),
    *(
        "'",
        "''",
        '"',
        "`",
        "\\",
        "\\\\",
        "\\'",
        "%",
        "_",
        "*",
        "?",
        "$1",
        "?1",
        ":a",
        "@a",
        "--",
        "/*",
        ";",
        "{}",
        "[]",
        "()",
    ),
    *("NULL", "null", "None", "true", "\\N", "\\x00", "\\u0000", "%00", "&amp;", "<b>", "\ufffd", "\ufffe", "\uffff"),
    *(
        "😀",
        "👩\u200d🚀",
        "\U00010000",
        "\U0010ffff",
        "\ue000",
        "x" * 128,
        "x" * 127 + "y",
        "é" * 128,
        "漢" * 128,
        "😀" * 128,
    ),
)
_TEXTS = (
    *(
        "",
        " ",
        "\n",
        "\r\n",
        "\t\x01\x1f\x7f\x80",
        "a\u2028b",
        "naïve 😀",
        "'; DROP TABLE custstatus_entry; --",
        '"\\"',
    ),
    *("x" * 1_000, "😀" * 1_000, "\x1b[2J" * 250, "漢\n" * 500),
)


class ExactnessContract(Contract):
    """What goes in comes out, of every verb."""

    def test_ids_of_customers(self) -> None:
        with self.opened() as store:
            self.registered(store, *_IDS)
            for customer in _IDS:
                account = store.load(ORG, customer)
                assert account is not None, f"{customer!r} is not found"
                assert account.customer == customer
                assert {entry.customer for entry in store.page(Log(org=ORG, customer=customer))} == {customer}
            rows = store.page(Customers(org=ORG, lifecycle="customer_status", limit=1_000))
            assert [row.customer for row in rows] == sorted(_IDS)
            recorded = store.record(ActivityBatch(ORG, tuple(bought(customer, "r-1") for customer in _IDS)))
            assert (recorded.new, recorded.unknown) == (len(_IDS), ())

    def test_tokens(self) -> None:  # D108
        with self.opened() as store:
            tokens = [*_IDS, "x" * 256, "😀" * 256, '["mobile","😀\\n","",""]']
            self.written(
                store,
                *(registration(f"c-{number}", adds=[Token("mobile", token)]) for number, token in enumerate(tokens)),
            )
            for number, token in enumerate(tokens):
                assert store.find_all(ORG, (token,)).get(token) == f"c-{number}", f"{token!r}"
                assert [held.token for held in store.identifiers(ORG, f"c-{number}")] == [token]
            found = store.read(registration("c-x", adds=[Token("mobile", token) for token in tokens]).prepared)
            assert dict(found.holders) == {token: f"c-{number}" for number, token in enumerate(tokens)}

    def test_references(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1")
            store.record(ActivityBatch(ORG, tuple(bought("c-1", reference) for reference in _IDS)))
            for reference in _IDS:
                found = store.page(Activities(org=ORG, reference=reference))
                assert [row.reference for row in found] == [reference]
            rows = self.paged(store.page, Activities(org=ORG, customer="c-1", newest_first=False))
            assert [row.reference for row in rows] == sorted(_IDS)

    def test_everything_that_an_entry_says(self) -> None:  # D51, D101
        with self.opened() as store:
            account = self.registered(store, "c-1")
            for text in _TEXTS:
                name = text[:128]
                plan = transition(
                    account,
                    "active",
                    f"Label {account.version} 😀",
                    reason=text,
                    reason_digest=text.encode(),
                    actor=Actor("agent 😀'", ActorKind.CUSTOMER, name),
                    requested_by=RequestedBy.AUTHORITY,
                    channel="kiosk 😀",
                    reason_code="código'",
                    run="sweep 😀",
                    approval="approval 😀'",
                    shop="shop 😀'",
                )
                self.same(store, plan)
                account = after(account, plan)

    def same(self, store: Store, plan: Plan) -> None:
        """Commit a plan of one entry, which comes back as it is, by every way to read one."""
        account = self.written(store, plan)
        for customer in (account.customer, None):
            last = store.page(Log(org=ORG, customer=customer, newest_first=True, limit=1))
            assert plain(last.items) == plain(plan.entries)

    def test_what_is_not_said_is_none(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            self.same(store, transition(account, "active", "Other", actor=Actor("x", ActorKind.SYSTEM), reason=None))
            (entry,) = store.page(Log(org=ORG, newest_first=True, limit=1))
            said = (entry.reason, entry.reason_code, entry.reason_digest, entry.key, entry.digest, entry.run)
            assert said == (None,) * 6
            assert (entry.actor.name, entry.subject, entry.related, entry.approval, entry.shop) == (None,) * 5

    def test_whom_it_concerns_and_who_approved(self) -> None:
        with self.opened() as store:
            plan = transition(self.registered(store, "c-1"), "active", "Other")
            (planned,) = plan.accounts
            entry = evolve(planned.entries[0], related="c-2 😀", approval="a-1'")
            self.same(store, evolve(plan, accounts=(evolve(planned, entries=(entry,)),)))

    def test_when_a_standing_ends_by_itself(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            for until in _TIMES:
                plan = transition(account, "active", f"{until}")
                (planned,) = plan.accounts
                rows = tuple(evolve(row, until=until) for row in planned.standings)
                account = self.written(store, evolve(plan, accounts=(evolve(planned, standings=rows),)))
                row = account.standing("customer_status")
                assert row is not None
                assert row.until == until

    def test_times_of_accounts_and_entries(self) -> None:  # D55
        with self.opened() as store:
            for number, time in enumerate(_TIMES):
                plan = registration(f"c-{number}", at=time, adds=[Token("mobile", f"{number}")])
                account = self.written(store, plan)
                assert plain(account) == plain(after(None, plan))
                assert plain(store.page(Log(org=ORG, customer=f"c-{number}")).items) == plain(plan.entries)
                assert [held.since for held in store.identifiers(ORG, f"c-{number}")] == [time]
                closing = transition(account, "deleted", "Closed", now=time, closes=True)
                assert self.written(store, closing).closed_at == time
            rows = store.page(Customers(org=ORG, lifecycle="customer_status"))
            assert [row.registered_at for row in rows] == list(_TIMES)

    def test_times_of_activities(self) -> None:
        with self.opened() as store:
            self.registered(store, "c-1")
            for time in _TIMES:
                row = StoredActivity("c-1", "x", time.isoformat(), time, Decimal(1), Effect.ALLOW, True)
                store.record(ActivityBatch(ORG, (row,)))
                (listed,) = store.page(Customers(org=ORG, lifecycle="customer_status"))
                assert listed.last_activity_at == time
            rows = self.paged(store.page, Activities(org=ORG, customer="c-1", newest_first=False))
            assert [row.at.isoformat() for row in rows] == [time.isoformat() for time in _TIMES]

    def test_times_that_lists_are_asked_about(self) -> None:
        with self.opened() as store:
            for number, time in enumerate(_TIMES):
                self.written(store, registration(f"c-{number}", None, at=time))
            for number, time in enumerate(_TIMES):
                later = store.page(Log(org=ORG, since=time))
                assert [entry.recorded_at for entry in later] == list(_TIMES[number:])
                earlier = store.page(Log(org=ORG, until=time))
                assert [entry.recorded_at for entry in earlier] == list(_TIMES[:number])
                quiet = store.page(Customers(org=ORG, lifecycle="customer_status", quiet_since=time))
                assert [row.registered_at for row in quiet] == list(_TIMES[:number])

    def test_times_are_utc_and_aware(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            (entry, _) = store.page(Log(org=ORG))
            assert entry.recorded_at.utcoffset() == timedelta(0)
            assert {row.since.utcoffset() for row in account.standings} == {timedelta(0)}
            assert account.registered_at == T0

    def test_versions_go_far(self) -> None:
        with self.opened() as store:
            account = self.registered(store, "c-1")
            for number in range(100):
                account = self.written(store, transition(account, "active", f"{number}"))
            assert account.version == 102
            assert [entry.version for entry in store.page(Log(org=ORG, customer="c-1", limit=1_000))] == list(
                range(1, 103)
            )
