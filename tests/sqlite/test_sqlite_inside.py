"""Inside the host's own transaction: our write stands or falls with it, and whatever goes wrong, it stays the host's."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from organisation import ACME, AGENT, Clock, Label
from soundness import everything, faults_in, opened, rows

from custstatus import (
    CUSTOMER_STATUS,
    MEMBERSHIP,
    Action,
    Activity,
    Applied,
    CustomerStatus,
    Desk,
    Effect,
    Identifier,
    InvalidInputError,
    Membership,
    MemoryStore,
    RefusalCode,
    RefusedError,
    StatusService,
    StoreBusyError,
    StoreError,
)
from custstatus.adapters import JoinableStore
from custstatus.errors import StoreClosedError

PHONE, NEW_PHONE = Identifier("mobile", "+447900000042"), Identifier("mobile", "+447900000043")
MAIL, NEW_MAIL = Identifier("email", "c@example.org"), Identifier("email", "new@example.org")

WAYS: dict[str, dict[str, Any]] = {"BEGIN IMMEDIATE": {"isolation_level": None}, "implicit": {}}
"""How hosts connect: transactions of their own words, or begun by Python before the first write."""
if sys.version_info >= (3, 12):
    WAYS["never autocommit"] = {"autocommit": False}


@frozen
class Host:
    """A host with sales of its own on the same file, one open connection, and our service."""

    path: Path
    connection: sqlite3.Connection
    service: StatusService[Label]
    clock: Clock

    def sell(self, number: int) -> None:
        """A write of the host's own, in its open transaction, or the first of a new one."""
        if not self.connection.in_transaction and self.connection.isolation_level is None:
            self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("INSERT INTO sale VALUES (?)", (number,))
        assert self.connection.in_transaction

    @property
    def sold(self) -> list[int]:
        """The sales that are committed."""
        return [number for (number,) in rows(self.path, "SELECT number FROM sale ORDER BY number")]

    @property
    def inside(self) -> StatusService[Label]:
        """Our service within the host's transaction."""
        return self.service.inside(self.connection)

    @property
    def desk(self) -> Desk[Label]:
        """Where changes are made within it."""
        return self.inside.acting(AGENT)

    @property
    def committed(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that another connection sees."""
        return everything(self.path)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How the host connects."""
    way: str = request.param
    return way


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file where customer `c` holds a phone, `s` is suspected, `d` is idle and `q` has not bought for long."""
    path, clock = tmp_path_factory.mktemp("template") / "host.db", Clock()
    rows(path, "CREATE TABLE sale (number INTEGER)")
    with opened(path, clock=clock) as service:
        desk = service.acting(AGENT)
        desk.register("c", identifiers=[PHONE], key="k-c")
        desk.register("s")
        desk.change("s", Label.UNUSUAL, reason="odd sales")
        desk.register("d")
        desk.change("d", Label.DORMANT, reason="asleep")
        desk.register("q")
        clock.forward(days=199)
        service.record(*(Activity(customer, Action.TRANSACTION, f"r-{customer}", clock()) for customer in ("c", "s")))
    return path


@pytest.fixture
def host(template: Path, tmp_path: Path, way: str) -> Iterator[Host]:
    """A host on a file of his own."""
    path, clock = tmp_path / "host.db", Clock()
    clock.forward(days=200)
    shutil.copyfile(template, path)
    with opened(path, clock=clock) as service, closing(sqlite3.connect(path, **WAYS[way])) as connection:
        yield Host(path, connection, service, clock)


def sale(customer: str, host: Host, reference: str = "r-1") -> Activity:
    """A sale of this moment."""
    return Activity(customer, Action.TRANSACTION, reference, host.clock())


WRITES: dict[str, Callable[[Host], object]] = {
    "register": lambda host: host.desk.register("new", identifiers=[NEW_MAIL], key="k-new"),
    "change by label": lambda host: host.desk.change("c", Label.LOST_PHONE, reason="lost", key="k-1"),
    "change by status": lambda host: host.desk.change("c", CustomerStatus.SUSPENDED, reason="lost"),
    "change on another lifecycle": lambda host: host.desk.change("c", Membership.ENROLLED, reason="joined"),
    "close": lambda host: host.desk.change("c", Label.CLOSED, reason="asked for it"),
    "restore": lambda host: host.desk.restore("s", reason="all in order", key="k-s"),
    "add identifier": lambda host: host.desk.add_identifier("c", MAIL, reason="asked"),
    "replace identifier": lambda host: host.desk.replace_identifier("c", PHONE, NEW_PHONE, reason="new"),
    "remove identifier": lambda host: host.desk.remove_identifier("c", PHONE, reason="lost"),
    "record": lambda host: host.inside.record(sale("c", host), sale("nobody", host)),
    "record and bring back": lambda host: host.inside.record(sale("d", host)),
    "sweep": lambda host: host.inside.sweep(run="s-1"),
}

each_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


class TestStandsOrFalls:
    """Our write is committed by the host's commit, undone by the host's rollback, and seen by nobody before."""

    @each_write
    def test_it_stands_with_the_host_s_commit(self, host: Host, write: Callable[[Host], object]) -> None:
        host.sell(1)
        before = host.committed
        write(host)
        assert host.connection.in_transaction
        assert host.committed == before
        host.connection.commit()
        assert host.sold == [1]
        assert host.committed != {**before, "sale": [(1,)]}
        assert faults_in(host.path) == []

    @each_write
    def test_it_falls_with_the_host_s_rollback_and_can_be_made_again(
        self, host: Host, write: Callable[[Host], object]
    ) -> None:
        before = host.committed
        host.sell(1)
        write(host)
        host.connection.rollback()
        assert host.committed == before
        host.sell(2)
        made = write(host)
        host.connection.commit()
        assert not isinstance(made, Applied) or not made.replayed
        assert host.sold == [2]
        assert faults_in(host.path) == []

    @each_write
    def test_it_neither_begins_nor_commits_nor_rolls_back(self, host: Host, write: Callable[[Host], object]) -> None:
        host.sell(1)
        told: list[str] = []
        host.connection.set_trace_callback(told.append)
        write(host)
        host.connection.set_trace_callback(None)
        assert len(told) > 2
        words = {statement.split()[0].upper() for statement in told if not statement.startswith("--")}
        assert words <= {"SAVEPOINT", "RELEASE", "ROLLBACK", "SELECT", "INSERT", "UPDATE", "DELETE"}
        assert not any(statement.upper().startswith("ROLLBACK") and " TO " not in statement for statement in told)

    def test_what_is_written_inside_is_read_inside_and_nowhere_else(self, host: Host) -> None:
        host.sell(1)
        host.desk.register("new", identifiers=[MAIL])
        host.desk.change("c", Label.LOST_PHONE, reason="lost")
        host.inside.record(sale("c", host))
        assert host.inside.find(MAIL) == "new"
        assert host.service.find(MAIL) is None
        assert host.inside.account("c").version > host.service.account("c").version
        assert host.inside.decide("c", Action.POINTS_REDEMPTION).effect is Effect.BLOCK
        assert host.service.decide("c", Action.POINTS_REDEMPTION).effect is not Effect.BLOCK
        assert [len(service.activities("c")) for service in (host.inside, host.service)] == [2, 1]
        assert [len(service.customers(CUSTOMER_STATUS)) for service in (host.inside, host.service)] == [5, 4]
        assert host.inside.verify().faults == ()
        host.connection.rollback()
        assert host.inside.account("c") == host.service.account("c")

    def test_several_writes_stand_or_fall_together(self, host: Host) -> None:
        before = host.committed
        for end in (host.connection.rollback, host.connection.commit):
            host.sell(1)
            for name, write in WRITES.items():
                if name not in ("change by status", "close", "remove identifier"):  # others have been there before
                    write(host)
            assert host.committed == before
            end()
        assert host.sold == [1]
        assert faults_in(host.path) == []
        with opened(host.path, clock=host.clock) as service:
            assert service.find(NEW_PHONE) == "c"

    def test_a_host_s_savepoints_hold_ours_as_they_hold_his_own(self, host: Host) -> None:
        host.sell(1)
        host.desk.change("c", Label.TRENDING, reason="kept")
        host.connection.execute("SAVEPOINT custstatus")  # the host may name his as ours are named
        host.sell(2)
        host.desk.change("c", Label.LOST_PHONE, reason="undone")
        host.connection.execute("SAVEPOINT inner")
        host.desk.register("new")
        host.connection.execute("RELEASE inner")
        assert host.inside.account("new").version == 2
        host.connection.execute("ROLLBACK TO custstatus")
        host.desk.change("c", Label.REGULAR, reason="kept too")
        host.connection.execute("RELEASE custstatus")
        assert host.connection.in_transaction
        host.connection.commit()
        assert host.sold == [1]
        assert [entry.reason for entry in host.service.history("c")][-2:] == ["kept", "kept too"]
        assert faults_in(host.path) == []

    @pytest.mark.parametrize("way", ["BEGIN IMMEDIATE"], indirect=True)
    def test_a_savepoint_alone_is_a_transaction_of_the_host_s(self, host: Host) -> None:
        before = host.committed
        host.connection.execute("SAVEPOINT outermost")
        host.desk.change("c", Label.LOST_PHONE, reason="lost")
        assert host.committed == before
        host.connection.execute("RELEASE outermost")
        assert host.committed != before
        assert not host.connection.in_transaction

    def test_inside_of_inside_is_the_same_and_closing_it_closes_nothing(self, host: Host) -> None:
        host.sell(1)
        store = host.inside.store
        assert isinstance(store, JoinableStore)
        host.inside.inside(host.connection).acting(AGENT).change("c", Label.LOST_PHONE, reason="lost")
        store.close()
        store.inside(host.connection).close()
        assert host.connection.in_transaction
        host.connection.rollback()
        assert host.service.account("c").version == 3
        assert host.sold == []

    def test_a_host_goes_on_when_the_service_s_own_store_was_closed(self, host: Host) -> None:
        inside = host.inside
        host.service.store.close()
        host.sell(1)
        inside.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost")
        host.connection.commit()
        assert faults_in(host.path) == []


class TestNoTransaction:
    """Without an open transaction of the host's nothing is written: a write of ours alone would commit itself."""

    @pytest.fixture(params=[way for way in WAYS if way != "never autocommit"])
    def way(self, request: pytest.FixtureRequest) -> str:
        way: str = request.param
        return way

    @each_write
    def test_nothing_is_written(self, host: Host, write: Callable[[Host], object]) -> None:
        before = host.committed
        with pytest.raises(InvalidInputError, match="connection: expected one with an open transaction"):
            write(host)
        assert not host.connection.in_transaction
        assert host.committed == before

    def test_reading_works_and_opens_none(self, host: Host) -> None:
        for service in (host.service, host.inside):
            assert service.account("c").version == 3
            assert service.decide("c", Action.TRANSACTION).effect is Effect.ALLOW
            assert service.find(PHONE) == "c"
            assert service.history("s").items[-1].to_label == "Unusual"
            assert service.sweep(preview=True).moved[0].customer == "q"
            assert service.verify().faults == ()
            preview = service.acting(AGENT).preview("c", Label.LOST_PHONE, reason="lost")
            assert not isinstance(preview, RefusedError)
        assert host.service.history() == host.inside.history()
        assert not host.connection.in_transaction

    def test_one_that_was_committed_is_no_longer_open(self, host: Host) -> None:
        inside = host.inside
        host.sell(1)
        inside.acting(AGENT).change("c", Label.LOST_PHONE, reason="lost")
        host.connection.commit()
        with pytest.raises(InvalidInputError):
            inside.acting(AGENT).change("c", Label.REGULAR, reason="found")
        assert host.service.account("c").version == 4


class TestNothingIsSpoilt:
    """What is refused, repeated or fails within the host's transaction leaves it open, usable and his."""

    @pytest.mark.parametrize(
        ("ask", "code"),
        [
            (lambda desk: desk.change("c", Label.PROVEN, reason="sure"), RefusalCode.NO_TRANSITION),
            (lambda desk: desk.change("nobody", Label.TRENDING, reason="x"), RefusalCode.UNKNOWN_CUSTOMER),
            (lambda desk: desk.change("c", Label.LOST_PHONE, reason="x", expected=99), RefusalCode.OTHER_VERSION),
            (lambda desk: desk.change("c", Label.TRENDING, reason="x", key="k-c"), RefusalCode.KEY_REUSED),
            (lambda desk: desk.register("new", key="k-c"), RefusalCode.KEY_REUSED),
            (lambda desk: desk.register("c"), RefusalCode.ALREADY_REGISTERED),
            (lambda desk: desk.register("new", identifiers=[PHONE]), RefusalCode.IDENTIFIER_TAKEN),
            (lambda desk: desk.add_identifier("s", PHONE, reason="x"), RefusalCode.IDENTIFIER_TAKEN),
            (lambda desk: desk.remove_identifier("s", PHONE, reason="x"), RefusalCode.IDENTIFIER_NOT_HELD),
            (lambda desk: desk.restore("c", reason="x"), RefusalCode.NOTHING_TO_RESTORE),
        ],
    )
    def test_a_refusal(self, host: Host, ask: Callable[[Desk[Label]], object], code: RefusalCode) -> None:
        before = host.committed
        host.sell(1)
        host.desk.change("s", Label.WATCHED, reason="before")
        with pytest.raises(RefusedError) as refused:
            ask(host.desk)
        assert refused.value.refusal.code is code
        self.goes_on(host, before)

    def test_a_key_that_another_request_has_used_in_the_same_transaction(self, host: Host) -> None:
        before = host.committed
        host.sell(1)
        host.desk.change("s", Label.WATCHED, reason="before", key="k-1")
        with pytest.raises(RefusedError) as refused:
            host.desk.change("c", Label.LOST_PHONE, reason="lost", key="k-1")
        assert refused.value.refusal.code is RefusalCode.KEY_REUSED
        self.goes_on(host, before)

    def test_a_replay_of_what_was_committed_and_of_what_was_not_yet(self, host: Host) -> None:
        before = host.committed
        host.sell(1)
        assert host.desk.register("c", identifiers=[PHONE], key="k-c").replayed
        first = host.desk.change("s", Label.WATCHED, reason="before", key="k-1")
        again = host.desk.change("s", Label.WATCHED, reason="before", key="k-1")
        assert (first.replayed, again.replayed) == (False, True)
        assert again.entries == first.entries
        self.goes_on(host, before)

    def test_a_failure_half_way_undoes_our_own_operation_alone(self, host: Host) -> None:
        before = host.committed
        host.connection.execute(
            "CREATE TEMP TRIGGER fail BEFORE UPDATE ON main.custstatus_account WHEN new.customer = 'c' "
            "BEGIN SELECT RAISE(ABORT, 'failed half way'); END"
        )
        host.connection.commit()
        host.sell(1)
        host.desk.change("s", Label.WATCHED, reason="before")
        for _ in range(2):
            with pytest.raises(StoreError) as failed:
                host.desk.change("c", Label.LOST_PHONE, reason="lost", key="k-1")
            assert "failed half way" in str(failed.value.__cause__)
        with pytest.raises(StoreError):
            host.desk.add_identifier("c", MAIL, reason="asked")
        assert host.inside.account("c").version == 3
        host.connection.execute("DROP TRIGGER fail")
        self.goes_on(host, before)

    def test_a_failure_leaves_a_savepoint_of_the_host_s_alone_whatever_its_name(self, host: Host) -> None:
        host.connection.execute(
            "CREATE TEMP TRIGGER fail BEFORE UPDATE ON main.custstatus_account "
            "BEGIN SELECT RAISE(ABORT, 'failed half way'); END"
        )
        host.connection.commit()
        host.sell(1)
        host.connection.execute("SAVEPOINT custstatus")
        host.sell(2)
        with pytest.raises(StoreError):
            host.desk.change("c", Label.LOST_PHONE, reason="lost")
        with pytest.raises(RefusedError):
            host.desk.change("c", Label.PROVEN, reason="sure")
        host.connection.execute("RELEASE custstatus")
        host.connection.commit()
        assert host.sold == [1, 2]
        assert faults_in(host.path) == []

    def test_a_failure_in_the_middle_of_a_batch_of_activities_undoes_the_batch(self, host: Host) -> None:
        before = host.committed
        host.connection.execute(
            "CREATE TEMP TRIGGER fail BEFORE INSERT ON main.custstatus_activity WHEN new.reference = 'r-7' "
            "BEGIN SELECT RAISE(ABORT, 'failed half way'); END"
        )
        host.connection.commit()
        host.sell(1)
        host.desk.change("s", Label.WATCHED, reason="before")
        with pytest.raises(StoreError):
            host.inside.record(*(sale("c", host, f"r-{number}") for number in range(10)))
        assert len(host.inside.activities("c")) == 1
        host.connection.execute("DROP TRIGGER fail")
        self.goes_on(host, before)

    @pytest.mark.parametrize("way", ["BEGIN IMMEDIATE"], indirect=True)
    def test_a_deferred_transaction_that_another_has_overtaken_is_busy_for_good_and_stays_the_host_s(
        self, host: Host
    ) -> None:
        host.connection.execute("BEGIN")
        assert host.inside.account("c").version == 3
        host.service.acting(AGENT).change("c", Label.TRENDING, reason="overtakes")
        for _ in range(2):
            with pytest.raises(StoreBusyError):
                host.desk.change("s", Label.WATCHED, reason="too late")
            assert host.connection.in_transaction
            assert host.inside.account("c").version == 3
        host.connection.rollback()
        self.goes_on(host, host.committed)

    @staticmethod
    def goes_on(host: Host, before: object) -> None:
        """The host's transaction is open, nothing of it is committed, and all that was not refused in it can be."""
        assert host.committed == before
        host.sell(2)
        host.desk.change("c", Label.TRENDING if host.inside.account("c").version == 3 else Label.ABROAD, reason="after")
        assert host.committed == before
        host.connection.commit()
        assert host.sold[-1] == 2
        assert host.service.history("c").items[-1].reason == "after"
        if host.sold == [1, 2]:
            assert host.service.history("s").items[-1].reason == "before"
        assert faults_in(host.path) == []


class Interrupted(sqlite3.Connection):
    """A host's connection on which somebody interrupts after a chosen statement."""

    after: str | None = None

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or InterruptedCursor)


class InterruptedCursor(sqlite3.Cursor):
    """Raises what ends a program, or a request that took too long."""

    connection: Interrupted

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        done = super().execute(sql, parameters)
        if self.connection.after is not None and self.connection.after in sql:
            self.connection.after = None
            raise KeyboardInterrupt
        return done


@pytest.mark.parametrize("after", ["INTO custstatus_entry", "INTO custstatus_text", "UPDATE custstatus_standing"])
@pytest.mark.parametrize("savepoint", ["host", "custstatus"])
def test_an_interruption_half_way_undoes_our_own_operation_alone(tmp_path: Path, after: str, savepoint: str) -> None:
    path = tmp_path / "host.db"
    rows(path, "CREATE TABLE sale (number INTEGER)")
    connecting = sqlite3.connect(path, isolation_level=None, factory=Interrupted)
    with opened(path, clock=Clock()) as service, closing(connecting) as connection:
        service.acting(AGENT).register("c")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO sale VALUES (1)")
        connection.execute(f"SAVEPOINT {savepoint}")
        connection.execute("INSERT INTO sale VALUES (2)")
        connection.after = after
        with pytest.raises(KeyboardInterrupt):
            service.inside(connection).acting(AGENT).change("c", Label.LOST_PHONE, reason="lost")
        connection.execute(f"RELEASE {savepoint}")
        connection.execute("COMMIT")
    assert rows(path, "SELECT number FROM sale") == [(1,), (2,)]
    assert rows(path, "SELECT version FROM custstatus_account") == [(2,)]
    assert faults_in(path) == []


class TestConnections:
    """Whose connection it may be, and that it stays as it was."""

    @pytest.mark.parametrize(
        "factory",
        [
            sqlite3.Row,
            lambda cursor, row: {column[0]: cell for column, cell in zip(cursor.description, row, strict=True)},
            lambda cursor, row: row[0],
            lambda cursor, row: 1 / 0,
        ],
        ids=["Row", "dict", "first", "failing"],
    )
    def test_a_row_factory_of_the_host_s_is_left_alone_and_harmless(self, host: Host, factory: Any) -> None:
        plain = host.service.account("c"), host.service.history(), host.service.verify()
        host.connection.row_factory = factory
        assert (host.inside.account("c"), host.inside.history(), host.inside.verify()) == plain
        host.sell(1)
        host.desk.change("c", Label.LOST_PHONE, reason="lost")
        host.desk.register("new", identifiers=[MAIL])
        host.inside.record(sale("d", host))
        host.inside.sweep()
        assert host.connection.row_factory is factory
        host.connection.commit()
        assert faults_in(host.path) == []

    @pytest.mark.parametrize("factory", [bytes, lambda text: text.decode()], ids=["bytes", "function"])
    def test_a_connection_that_gives_other_text_is_refused(self, host: Host, factory: Any) -> None:
        host.connection.text_factory = factory
        with pytest.raises(InvalidInputError, match="text_factory"):
            host.service.inside(host.connection)

    @pytest.mark.parametrize("connection", [None, "host.db", object()])
    def test_what_is_no_connection_of_sqlite3_is_refused(self, host: Host, connection: object) -> None:
        with pytest.raises(InvalidInputError, match=r"connection: expected an open sqlite3\.Connection"):
            host.service.inside(connection)

    def test_a_store_that_cannot_join_says_so(self, host: Host) -> None:
        with pytest.raises(InvalidInputError, match="store: expected a store that joins"):
            StatusService(MemoryStore(), ACME).inside(host.connection)

    @pytest.mark.parametrize(
        "use",
        [
            lambda service: service.account("c"),
            lambda service: service.acting(AGENT).change("c", Label.TRENDING, reason="x"),
        ],
        ids=["reading", "writing"],
    )
    def test_a_connection_that_the_host_has_closed_is_a_failure_of_the_store(
        self, host: Host, use: Callable[[StatusService[Label]], object]
    ) -> None:
        inside = host.inside
        host.connection.close()
        with pytest.raises(StoreClosedError):
            use(inside)

    def test_a_connection_to_another_database_is_a_failure_of_the_store(self, host: Host) -> None:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as other:
            inside = host.service.inside(other)
            with pytest.raises(StoreError):
                inside.account("c")
            other.execute("BEGIN")
            with pytest.raises(StoreError):
                inside.acting(AGENT).register("c")
            assert other.in_transaction

    def test_a_sale_and_its_decision_in_one_transaction(self, host: Host) -> None:
        # As a host would use it: the sale, its activity and what follows from it, all or none.
        host.sell(1)
        assert host.inside.check("d", Action.TRANSACTION).effect is Effect.ALLOW
        report = host.inside.record(sale("d", host, "sale-1"))
        assert [entry.to_label for applied in report.back for entry in applied.entries] == ["Regular"]
        host.desk.change("d", Membership.ENROLLED, reason="joined at the till", key="sale-1")
        host.connection.commit()
        with opened(host.path, clock=host.clock) as service:
            assert service.inactive(timedelta(days=180)).items[0].customer == "q"
            standing = service.standing("d", MEMBERSHIP)
            assert standing is not None
            assert standing.status is Membership.ENROLLED
        assert faults_in(host.path) == []
