"""Verifying: it finds nothing where all is well, and everything that a history does not bear out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from organisation import ACME, AGENT, START, STORES, Label, World, in_memory, opened

from custstatus import Account, ClientState, Entry, EntryKind, Identifier, Membership, MemoryStore, Page, VerifyReport
from custstatus.adapters import Accounts, Log, Query
from custstatus.operations import Fault


@pytest.fixture(params=STORES)
def acme(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World[Label]]:
    """The example organisation over each kind of store."""
    with opened(request.param, tmp_path, ACME) as world:
        yield world


def lived(world: World[Label]) -> World[Label]:
    """The same with customer c, who has been everywhere, and customer d, who is closed."""
    world.desk.register("c", Label.TRENDING, Membership.ENROLLED, identifiers=[Identifier("mobile", "1")])
    world.desk.register("d", ClientState.REGISTERED)
    for label in (Label.ABROAD, Label.UNUSUAL, Label.PROVEN):
        world.clock.forward(days=1)
        world.desk.change("c", label, reason="r")
    world.desk.change("c", Membership.ON_HOLD, reason="r")
    world.desk.restore("c", reason="r")
    world.desk.replace_identifier("c", Identifier("mobile", "1"), Identifier("mobile", "2"))
    world.operate("c", Label.LEAVING)
    world.restore("c")
    world.desk.change("d", Label.CLOSED, reason="r")
    return world


class TestSoundStores:
    def test_an_empty_store_has_no_faults(self, acme: World[Label]) -> None:
        assert acme.service.verify() == VerifyReport(0, 0)

    def test_whatever_was_done_by_the_desk_folds_to_what_stands(self, acme: World[Label]) -> None:
        report = lived(acme).service.verify()
        assert report.faults == ()
        assert report.accounts == 2
        assert report.entries == len(acme.service.history(limit=1_000))

    def test_another_organisations_accounts_are_not_looked_at(self, acme: World[Label]) -> None:
        lived(acme)
        assert acme.under(evolve(ACME, org="zeta")).service.verify() == VerifyReport(0, 0)

    def test_it_tells_how_far_it_is_page_by_page(self, acme: World[Label], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("custstatus.operations.verify.Accounts", lambda **given: Accounts(**given, limit=2))
        monkeypatch.setattr("custstatus.operations.verify.MOST", 2)
        for number in range(5):
            acme.desk.register(f"c-{number}")
            acme.desk.change(f"c-{number}", Label.ABROAD, reason="r")
        told: list[int] = []
        report = acme.service.verify(progress=told.append)
        assert told == [2, 4, 5]
        assert (report.accounts, report.entries, report.faults) == (5, 15, ())


class Tampered(MemoryStore):
    """A store in which something was changed behind its back."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: Callable[[tuple[Entry, ...]], tuple[Entry, ...]] = lambda entries: entries
        self.account: dict[str, Any] = {}
        self.standing: dict[str, Any] = {}

    def page(self, query: Query[Any]) -> Page[Any]:
        page = super().page(query)
        if isinstance(query, Log) and query.customer == "c":
            return evolve(page, items=self.entries(page.items))
        if isinstance(query, Accounts):
            return evolve(page, items=tuple(map(self._tampered, page.items)))
        return page

    def _tampered(self, account: Account) -> Account:
        if account.customer != "c":
            return account
        changed = tuple(evolve(row, **self.standing) if row.status else row for row in account.standings)
        return evolve(account, **({"standings": changed} | self.account))


@pytest.fixture
def tampered() -> tuple[World[Label], Tampered]:
    """A world whose store can be tampered with: customer c moved twice, customer d never."""
    store = Tampered()
    world = World(ACME, store)
    for name in ("c", "d"):
        world.desk.register(name)
    for label in (Label.TRENDING, Label.ABROAD):
        world.clock.forward(days=1)
        world.desk.change("c", label, reason="r")
    assert world.service.verify().faults == ()
    return world, store


class TestTamperedStores:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("status", "active"),
            ("label", "Lost phone"),
            ("since", START),
            ("status_since", START),
            ("by", evolve(AGENT, id="agent-9")),
            ("entry", 3),
            ("return_to", 2),
            ("until", START),
        ],
    )
    def test_a_current_row_that_was_changed_is_found(
        self, field: str, value: object, tampered: tuple[World[Label], Tampered]
    ) -> None:
        world, store = tampered
        store.standing = {field: value}
        assert world.service.verify().faults == (Fault("c", "its standings are not what its history gives"),)

    @pytest.mark.parametrize(
        ("field", "value"), [("version", 5), ("registered_at", START - timedelta(days=1)), ("closed_at", START)]
    )
    def test_an_account_that_was_changed_is_found(
        self, field: str, value: object, tampered: tuple[World[Label], Tampered]
    ) -> None:
        world, store = tampered
        store.account = {field: value}
        assert world.service.verify().faults == (Fault("c", f"its {field} is not what its history gives"),)

    def test_a_row_that_was_taken_away_is_found(self, tampered: tuple[World[Label], Tampered]) -> None:
        world, store = tampered
        store.account = {"standings": ()}
        assert world.service.verify().faults == (Fault("c", "its standings are not what its history gives"),)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda entries: entries[:-1], "its version is not what its history gives"),
            (lambda entries: entries[:2] + entries[3:], "the versions of its entries are not 1, 2, 3 and so on"),
            (lambda entries: entries[:2] + entries[3:], "entry 4 does not start where the one before it ended"),
            (lambda entries: entries[1:], "its history does not begin with its registration"),
            (lambda entries: (), "its history does not begin with its registration"),
            (lambda entries: entries[::-1], "the versions of its entries are not 1, 2, 3 and so on"),
            (
                lambda entries: (*entries[:3], evolve(entries[3], from_label="Regular")),
                "entry 4 does not start where the one before it ended",
            ),
            (
                lambda entries: (*entries[:3], evolve(entries[3], to_label="Lost phone")),
                "its standings are not what its history gives",
            ),
            (
                lambda entries: (*entries[:3], evolve(entries[3], closes=True)),
                "its closed_at is not what its history gives",
            ),
            (
                lambda entries: (evolve(entries[0], kind=EntryKind.MOVED), *entries[1:]),
                "its history does not begin with its registration",
            ),
        ],
    )
    def test_a_history_that_was_changed_is_found(
        self, change: Callable[[Any], Any], said: str, tampered: tuple[World[Label], Tampered]
    ) -> None:
        # D53
        world, store = tampered
        store.entries = change
        faults = world.service.verify().faults
        assert Fault("c", said) in faults
        assert {fault.customer for fault in faults} == {"c"}


def test_rows_changed_by_hand_in_the_file_are_found(tmp_path: Path) -> None:
    with opened("sqlite", tmp_path, ACME) as world:
        lived(world)
        with closing(sqlite3.connect(tmp_path / "statuses.db")) as connection, connection:
            connection.execute("UPDATE custstatus_standing SET label = 'Regular' WHERE customer = 'c' AND label <> ''")
        assert {fault.customer for fault in world.service.verify().faults} == {"c"}


def test_the_history_in_the_file_is_append_only(tmp_path: Path) -> None:
    # D53
    with opened("sqlite", tmp_path, ACME) as world:
        lived(world)
        with closing(sqlite3.connect(tmp_path / "statuses.db")) as connection:
            for tampering in ("UPDATE custstatus_entry SET to_label = 'x'", "DELETE FROM custstatus_entry"):
                with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                    connection.execute(tampering)
        assert world.service.verify().faults == ()


def test_verifications_add_up() -> None:
    one, other = VerifyReport(1, 2, (Fault("a", "x"),)), VerifyReport(3, 4, (Fault("b", "y"),))
    assert one + other == VerifyReport(4, 6, (Fault("a", "x"), Fault("b", "y")))


def test_an_account_registered_before_a_lifecycle_was_on_is_sound() -> None:
    world = in_memory(evolve(ACME, lifecycles=ACME.lifecycles[:1], restrictions=ACME.restrictions))
    world.desk.register("c")
    later = world.under(ACME)
    later.desk.change("c", Membership.ENROLLED)
    assert later.service.verify().faults == ()
