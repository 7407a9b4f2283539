"""Inside the host's own transaction: our write stands or falls with it, and whatever is refused in it, it stays the host's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from attrs import frozen
from emptied import Emptied, emptying
from organisation import ACME, AGENT, Clock, Label
from psycopg.adapt import Dumper, Loader
from psycopg.pq import TransactionStatus
from psycopg.rows import class_row, dict_row, namedtuple_row, scalar_row
from servers import Server
from wholeness import everything, faults_in, opened, rows

from custstatus import (
    CUSTOMER_STATUS,
    Action,
    Activity,
    Applied,
    CustomerStatus,
    Desk,
    Effect,
    Identifier,
    InvalidInputError,
    Membership,
    RefusalCode,
    RefusedError,
    StatusService,
    StoreBusyError,
    StoreError,
)
from custstatus.errors import StoreClosedError

PHONE, NEW_PHONE = Identifier("mobile", "+447900000042"), Identifier("mobile", "+447900000043")
MAIL, NEW_MAIL = Identifier("email", "c@example.org"), Identifier("email", "new@example.org")

WAYS: dict[str, dict[str, Any]] = {
    "implicit": {},
    "in a block": {"autocommit": True},
    "never prepared": {"prepare_threshold": None},
    "always prepared": {"prepare_threshold": 0},
}
"""How hosts connect: transactions that the driver begins, or of their own words."""


@frozen
class Host:
    """A host with sales of its own in the same database, one open connection, and our service."""

    address: str
    connection: psycopg.Connection[Any]
    service: StatusService[Label]
    clock: Clock

    def sell(self, number: int) -> None:
        """A write of the host's own, in its open transaction, or the first of a new one."""
        if self.connection.autocommit and self.status is TransactionStatus.IDLE:
            self.connection.execute("BEGIN")
        self.connection.execute("INSERT INTO sale VALUES (%s)", (number,))
        assert self.status is TransactionStatus.INTRANS

    @property
    def status(self) -> TransactionStatus:
        """Where the host's transaction is."""
        return self.connection.info.transaction_status

    @property
    def sold(self) -> list[int]:
        """The sales that are committed."""
        return [number for (number,) in rows(self.address, "SELECT number FROM sale ORDER BY number")]

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
        return everything(self.address)


def prepared(address: str) -> None:
    """A database where customer `c` holds a phone, `s` is suspected, `d` is idle and `q` has not bought for long."""
    rows(address, "CREATE TABLE sale (number integer)")
    clock = Clock()
    with opened(address, clock=clock) as service:
        desk = service.acting(AGENT)
        desk.register("c", identifiers=[PHONE], key="k-c")
        desk.register("s")
        desk.change("s", Label.UNUSUAL, reason="odd sales")
        desk.register("d")
        desk.change("d", Label.DORMANT, reason="asleep")
        desk.register("q")
        clock.forward(days=199)
        service.record(*(Activity(customer, Action.TRANSACTION, f"r-{customer}", clock()) for customer in ("c", "s")))


@pytest.fixture(params=["implicit"])
def way(request: pytest.FixtureRequest) -> str:
    """How the host connects."""
    way: str = request.param
    return way


@pytest.fixture(scope="module")
def databases(server: Server) -> Iterator[Emptied]:
    """Databases of hosts, as new for each test."""
    with emptying(server, prepared) as databases:
        yield databases


@pytest.fixture
def host(databases: Emptied, way: str) -> Iterator[Host]:
    """A host with a database of its own."""
    clock = Clock()
    clock.forward(days=200)
    with databases.lent() as address, opened(address, clock=clock) as service:
        connection: psycopg.Connection[Any] = psycopg.connect(address, **WAYS[way])
        try:
            yield Host(address, connection, service, clock)
        finally:
            connection.close()


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
in_every_way = pytest.mark.parametrize("way", WAYS, indirect=True)


class TestStandsOrFalls:
    """Our write is committed by the host's commit, undone by the host's rollback, and seen by nobody before."""

    @each_write
    def test_it_falls_with_the_host_s_rollback_and_stands_with_its_commit(
        self, host: Host, write: Callable[[Host], object]
    ) -> None:
        before = host.committed
        host.sell(1)
        write(host)
        assert host.committed == before
        host.connection.rollback()
        assert host.committed == before
        host.sell(2)
        made = write(host)
        assert host.status is TransactionStatus.INTRANS
        assert host.committed == before
        host.connection.commit()
        assert not isinstance(made, Applied) or not made.replayed
        assert host.sold == [2]
        assert host.committed != {**before, "sale": [(2,)]}
        assert faults_in(host.address) == []

    @in_every_way
    def test_several_writes_stand_or_fall_together_however_the_host_connects(self, host: Host) -> None:
        before = host.committed
        for end in (host.connection.rollback, host.connection.commit):
            host.sell(1)
            for name, write in WRITES.items():
                if name not in ("change by status", "close", "remove identifier"):  # others have been there before
                    write(host)
            assert host.committed == before
            end()
        assert host.sold == [1]
        assert faults_in(host.address) == []
        assert host.service.find(NEW_PHONE) == "c"

    @each_write
    def test_as_the_first_of_the_host_s_transaction_it_stands_or_falls_too(
        self, host: Host, write: Callable[[Host], object]
    ) -> None:
        before = host.committed
        write(host)
        assert host.status is TransactionStatus.INTRANS
        assert host.committed == before
        host.connection.rollback()
        assert host.committed == before

    @each_write
    def test_it_neither_begins_nor_commits_nor_rolls_back(
        self, host: Host, write: Callable[[Host], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host.sell(1)
        told: list[str] = []
        for verb in "execute", "executemany":
            run = getattr(psycopg.RawCursor, verb)

            def hear(self: Any, text: str, *more: Any, run: Any = run, **how: Any) -> Any:
                told.append(text)
                return run(self, text, *more, **how)

            monkeypatch.setattr(psycopg.RawCursor, verb, hear)
        write(host)
        assert told
        words = {text.split()[0].upper() for text in told}
        assert words <= {"SAVEPOINT", "RELEASE", "ROLLBACK", "SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}
        assert not any(text.upper().startswith("ROLLBACK") and " TO " not in text for text in told)

    def test_what_is_written_inside_is_read_inside_and_nowhere_else(self, host: Host) -> None:
        host.desk.register("new", identifiers=[MAIL])
        host.desk.change("c", Label.LOST_PHONE, reason="lost")
        host.inside.record(sale("c", host))
        assert host.inside.find(MAIL) == "new"
        assert host.service.find(MAIL) is None
        assert host.inside.decide("c", Action.POINTS_REDEMPTION).effect is Effect.BLOCK
        assert host.service.decide("c", Action.POINTS_REDEMPTION).effect is not Effect.BLOCK
        assert [len(service.activities("c")) for service in (host.inside, host.service)] == [2, 1]
        assert [len(service.customers(CUSTOMER_STATUS)) for service in (host.inside, host.service)] == [5, 4]
        assert host.inside.verify().faults == ()
        host.connection.rollback()
        assert host.inside.account("c") == host.service.account("c")

    def test_a_host_s_savepoints_hold_ours_as_they_hold_his_own(self, host: Host) -> None:
        host.sell(1)
        host.desk.change("c", Label.TRENDING, reason="kept")
        with host.connection.transaction(force_rollback=True):
            host.sell(2)
            host.desk.change("c", Label.LOST_PHONE, reason="undone")
            with host.connection.transaction():
                host.desk.register("new")
            assert host.inside.account("new").version == 2
        host.desk.change("c", Label.REGULAR, reason="kept too")
        host.connection.commit()
        assert host.sold == [1]
        assert [entry.reason for entry in host.service.history("c")][-2:] == ["kept", "kept too"]
        assert faults_in(host.address) == []

    def test_inside_of_inside_is_the_same_and_closing_it_closes_nothing(self, host: Host) -> None:
        host.sell(1)
        store: Any = host.inside.store
        host.inside.inside(host.connection).acting(AGENT).change("c", Label.LOST_PHONE, reason="lost")
        store.close()
        store.inside(host.connection).close()
        assert host.status is TransactionStatus.INTRANS
        host.service.store.close()
        host.desk.change("s", Label.WATCHED, reason="still odd")  # the service's own store is not needed
        host.connection.rollback()
        assert rows(host.address, "SELECT max(version) FROM custstatus_account") == [(3,)]
        assert host.sold == []


class TestNoTransaction:
    """Without an open transaction of the host's nothing is written: a write of ours alone would commit itself."""

    @each_write
    @pytest.mark.parametrize("way", ["in a block"], indirect=True)
    def test_nothing_is_written(self, host: Host, write: Callable[[Host], object]) -> None:
        before = host.committed
        with pytest.raises(InvalidInputError, match="connection: expected one with an open transaction"):
            write(host)
        assert host.status is TransactionStatus.IDLE
        assert host.committed == before

    @pytest.mark.parametrize("way", ["in a block"], indirect=True)
    def test_reading_works_and_opens_none(self, host: Host) -> None:
        assert host.inside.account("c").version == 3
        assert host.inside.find(PHONE) == "c"
        assert host.inside.sweep(preview=True).moved[0].customer == "q"
        assert host.inside.verify().faults == ()
        assert host.service.history() == host.inside.history()
        assert host.status is TransactionStatus.IDLE

    @pytest.mark.parametrize("way", ["in a block"], indirect=True)
    def test_a_block_of_the_driver_s_is_a_transaction(self, host: Host) -> None:
        with host.connection.transaction():
            host.desk.change("c", Label.LOST_PHONE, reason="lost")
        assert host.service.account("c").version == 4
        with pytest.raises(InvalidInputError):
            host.desk.change("c", Label.REGULAR, reason="found")


class TestNothingIsSpoilt:
    """What is refused or repeated within the host's transaction leaves it open, usable and his."""

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

    def test_a_replay_of_what_was_committed_and_of_what_was_not_yet(self, host: Host) -> None:
        before = host.committed
        host.sell(1)
        assert host.desk.register("c", identifiers=[PHONE], key="k-c").replayed
        first = host.desk.change("s", Label.WATCHED, reason="before", key="k-1")
        again = host.desk.change("s", Label.WATCHED, reason="before", key="k-1")
        assert (first.replayed, again.replayed) == (False, True)
        assert again.entries == first.entries
        with pytest.raises(RefusedError) as refused:
            host.desk.change("c", Label.LOST_PHONE, reason="lost", key="k-1")
        assert refused.value.refusal.code is RefusalCode.KEY_REUSED
        self.goes_on(host, before)

    def test_an_identifier_that_another_took_in_between_undoes_our_own_operation_alone(
        self, host: Host, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = host.committed
        host.sell(1)
        host.desk.change("s", Label.WATCHED, reason="before")
        store: Any = host.inside.store
        commit = type(store).commit

        def overtaken(self: Any, plan: Any) -> Any:
            monkeypatch.undo()
            host.service.acting(AGENT).add_identifier("d", MAIL, reason="faster")
            return commit(self, plan)

        monkeypatch.setattr(type(store), "commit", overtaken)
        with pytest.raises(RefusedError) as refused:
            StatusService(store, ACME, clock=host.clock).acting(AGENT).add_identifier("c", MAIL, reason="slower")
        assert refused.value.refusal.code is RefusalCode.IDENTIFIER_TAKEN
        host.desk.change("c", Label.TRENDING, reason="after")
        host.connection.commit()
        assert host.service.find(MAIL) == "d"
        assert host.committed != before
        assert faults_in(host.address) == []

    @pytest.mark.parametrize(
        "write",
        [
            lambda desk: desk.change("c", Label.LOST_PHONE, reason="lost", key="k-1"),
            lambda desk: desk.add_identifier("c", MAIL, reason="asked", key="k-1"),
        ],
        ids=["one statement", "planned"],
    )
    def test_a_failure_half_way_is_an_error_of_ours_and_nothing_of_it_stays(
        self, host: Host, write: Callable[[Desk[Label]], object]
    ) -> None:
        before = host.committed
        broken = (
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''half way''; END'",
            "CREATE TRIGGER fail BEFORE UPDATE ON custstatus_account FOR EACH ROW WHEN (new.customer = 'c')"
            " EXECUTE FUNCTION fail()",
        )
        for statement in broken:
            rows(host.address, statement)
        host.sell(1)
        # In a block, as PostgreSQL asks of who goes on after an error.
        with pytest.raises(StoreError) as failed, host.connection.transaction():
            write(host.desk)
        assert "half way" in str(failed.value.__cause__)
        assert host.status is TransactionStatus.INTRANS
        assert host.inside.account("c").version == 3
        host.connection.rollback()
        rows(host.address, "DROP FUNCTION fail CASCADE")
        host.sell(1)
        host.desk.change("s", Label.WATCHED, reason="before")
        self.goes_on(host, before)

    def test_a_host_whose_snapshot_is_older_is_told_that_others_were_busy(self, host: Host) -> None:
        host.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for name in "change by label", "close", "add identifier":
            version = host.inside.account("c").version
            label = Label.TRENDING if version % 2 else Label.REGULAR
            host.service.acting(AGENT).change("c", label, reason="faster")
            with pytest.raises(StoreBusyError):
                WRITES[name](host)
            host.connection.rollback()
        assert host.service.account("c").version == 6
        assert faults_in(host.address) == []

    @staticmethod
    def goes_on(host: Host, before: object) -> None:
        """The host's transaction is open, nothing of it is committed, and all that was not refused in it can be."""
        assert host.status is TransactionStatus.INTRANS
        assert host.committed == before
        host.sell(2)
        host.desk.change("c", Label.TRENDING, reason="after")
        assert host.committed == before
        host.connection.commit()
        assert host.sold == [1, 2]
        assert host.service.history("c").items[-1].reason == "after"
        assert host.service.history("s").items[-1].reason == "before"
        assert faults_in(host.address) == []


class Shout(Loader):
    """Text as nobody has written it."""

    def load(self, data: Any) -> Any:
        return bytes(data).decode().upper()


class Quote(Loader):
    """Numbers as text."""

    def load(self, data: Any) -> Any:
        return f"number {bytes(data).decode()}"


class Whisper(Dumper):
    """Text as nobody meant it."""

    oid = 25

    def dump(self, obj: Any) -> bytes:
        return str(obj).upper().encode()


def uses(host: Host) -> None:
    """Every kind of use, written and read."""
    host.sell(1)
    host.desk.change("c", Label.LOST_PHONE, reason="lost", key="k-1")
    host.desk.register("new", identifiers=[MAIL])
    host.inside.record(sale("d", host))
    host.inside.sweep()
    host.connection.commit()


class TestConnections:
    """Whose connection it may be, and that it stays as it was."""

    @pytest.mark.parametrize(
        "factory",
        [dict_row, namedtuple_row, scalar_row, class_row(dict), lambda cursor: 1 / 0],
        ids=["dict", "namedtuple", "scalar", "class", "failing"],
    )
    def test_a_row_factory_of_the_host_s_is_left_alone_and_harmless(self, host: Host, factory: Any) -> None:
        plain = host.service.account("c"), host.service.history(), host.service.verify()
        host.sell(1)
        host.connection.row_factory = factory
        assert (host.inside.account("c"), host.inside.history(), host.inside.verify()) == plain
        host.desk.change("c", Label.LOST_PHONE, reason="lost")
        host.desk.register("new", identifiers=[MAIL])
        host.inside.record(sale("d", host))
        host.inside.sweep()
        assert host.connection.row_factory is factory
        host.connection.commit()
        assert faults_in(host.address) == []

    @pytest.mark.parametrize("cursor", [psycopg.ClientCursor, psycopg.RawCursor, psycopg.Cursor])
    def test_a_cursor_class_of_the_host_s_is_left_alone_and_harmless(self, host: Host, cursor: Any) -> None:
        host.connection.cursor_factory = cursor
        host.connection.execute("SELECT 1")
        host.desk.change("c", Label.LOST_PHONE, reason="lost")
        host.inside.record(sale("d", host))
        assert host.connection.cursor_factory is cursor
        host.connection.commit()
        assert faults_in(host.address) == []

    def test_numbers_of_the_host_s_are_adapted_as_before(self, host: Host) -> None:
        def types() -> object:
            asked = "SELECT pg_typeof(%s)::text, pg_typeof(%s)::text"
            return host.connection.execute(asked, (1, 1 << 40)).fetchone()

        before = types()
        host.desk.change("c", Label.LOST_PHONE, reason="lost")
        assert types() == before == ("smallint", "bigint")

    @pytest.mark.parametrize(
        "adapt",
        [
            lambda adapters: adapters.register_loader("text", Shout),
            lambda adapters: adapters.register_loader("int8", Quote),
            lambda adapters: adapters.register_dumper(str, Whisper),
        ],
        ids=["text read", "numbers read", "text written"],
    )
    def test_adapters_of_the_host_s_are_left_alone_and_harmless(
        self, host: Host, adapt: Callable[[Any], object]
    ) -> None:
        plain = host.service.account("c"), host.service.history()
        adapt(host.connection.adapters)
        assert (host.inside.account("c"), host.inside.history()) == plain
        uses(host)
        assert faults_in(host.address) == []

    def test_in_a_pipeline_of_the_host_s_it_is_answered_or_refused(self, host: Host) -> None:
        with host.connection.pipeline():
            host.connection.execute("SELECT 1")
            try:
                made = host.desk.change("c", Label.LOST_PHONE, reason="lost")
            except InvalidInputError:
                made = None
        host.connection.commit()
        assert host.service.account("c").version == (3 if made is None else 4)

    def test_a_connection_in_another_encoding(self, host: Host) -> None:
        host.connection.execute("SET client_encoding = 'LATIN1'")
        with pytest.raises(InvalidInputError, match="client_encoding"):
            host.desk.change("c", Label.LOST_PHONE, reason="5 €")

    @pytest.mark.parametrize("connection", [None, "host=x", object()])
    def test_what_is_no_connection_of_psycopg_is_refused(self, host: Host, connection: object) -> None:
        with pytest.raises(InvalidInputError, match=r"connection: expected an open psycopg\.Connection"):
            host.service.inside(connection)

    @pytest.mark.parametrize(
        "use",
        [
            lambda service: service.account("c"),
            lambda service: service.acting(AGENT).change("c", Label.TRENDING, reason="x"),
            lambda service: service.acting(AGENT).register("new"),
        ],
        ids=["reading", "one statement", "planned"],
    )
    @pytest.mark.parametrize("way", ["implicit", "in a block"], indirect=True)
    def test_a_connection_that_is_closed(self, host: Host, use: Callable[[StatusService[Label]], object]) -> None:
        inside = host.inside
        host.connection.close()
        with pytest.raises(StoreClosedError):
            use(inside)

    def test_a_connection_to_another_database_is_a_failure_of_the_store(self, host: Host, address: str) -> None:
        with psycopg.connect(address) as other:
            with pytest.raises(StoreError):
                host.service.inside(other).account("c")
            other.rollback()
            with pytest.raises(StoreError):
                host.service.inside(other).acting(AGENT).register("c")
            assert other.info.transaction_status is TransactionStatus.INERROR
            with pytest.raises(StoreError):  # and in one that has failed before
                host.service.inside(other).account("c")

    def test_a_sale_and_its_decision_in_one_transaction(self, host: Host) -> None:
        # As a host would use it: the sale, its activity and what follows from it, all or none.
        host.sell(1)
        assert host.inside.check("d", Action.TRANSACTION).effect is Effect.ALLOW
        report = host.inside.record(sale("d", host, "sale-1"))
        assert [entry.to_label for applied in report.back for entry in applied.entries] == ["Regular"]
        host.connection.commit()
        assert faults_in(host.address) == []
