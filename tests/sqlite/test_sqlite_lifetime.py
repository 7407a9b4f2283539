"""Threads that end, processes that fork, interruptions at any line, a full disk: the store stays usable, and whole."""

from __future__ import annotations

import gc
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import forks
import pytest
from attrs import define
from children import start
from engine import Engine
from organisation import ACME, AGENT, Label
from soundness import everything, faults_in, opened, rows

from custstatus import CUSTOMER_STATUS, Action, Identifier, SQLiteStore, StatusService, StoreError
from custstatus.adapters.sqlite import connecting, operations
from custstatus.adapters.sqlite import store as sqlite_store
from custstatus.errors import StoreClosedError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "statuses.db"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(sqlite3, "connect", engine)
    return engine


def in_a_child(body: Callable[..., None], *arguments: object) -> Any:
    """What a body of a process of its own answers; the process ends well."""
    process, pipe = start(body, *arguments)
    answer = pipe.recv()
    process.join()
    assert process.exitcode == 0
    return answer


class TestThreads:
    """Connections are for as many threads as use the store at once, not for as many as ever did."""

    def test_threads_that_come_and_go_leave_no_connections_behind(self, path: Path, engine: Engine) -> None:
        with opened(path) as service:
            service.acting(AGENT).register("c")
            for _ in range(100):
                reader = threading.Thread(target=service.decide, args=("c", Action.TRANSACTION))
                reader.start()
                reader.join()
            assert len(engine.opened) <= 3

    def test_closing_while_others_read_ends_their_reading_and_not_the_process(self, tmp_path: Path) -> None:
        assert in_a_child(forks.close_while_others_read, tmp_path) == {"StoreClosedError"}

    def test_a_connection_in_use_when_the_store_is_closed_is_shut_when_it_is_done(
        self, path: Path, engine: Engine
    ) -> None:
        with opened(path) as service:
            service.acting(AGENT).register("c")
            reading, go_on = threading.Event(), threading.Event()

            def hold(statement: str) -> None:
                if "custstatus_account" in statement:
                    reading.set()
                    go_on.wait()

            engine.heard = hold
            got: list[object] = []

            def ask() -> None:
                try:
                    got.append(service.decide("c", Action.TRANSACTION))
                except StoreClosedError as error:
                    got.append(error)

            asker = threading.Thread(target=ask)
            asker.start()
            reading.wait()
            closer = threading.Thread(target=service.store.close)  # which may wait for whoever reads
            closer.start()
            go_on.set()
            for thread in (asker, closer):
                thread.join()
            assert len(got) == 1
            with pytest.raises(StoreClosedError):
                service.decide("c", Action.TRANSACTION)
        for connection in engine.opened:
            with pytest.raises(sqlite3.ProgrammingError, match="closed"):
                connection.execute("SELECT 1")

    def test_a_store_that_is_closed_while_a_reader_connects_stays_closed(self, path: Path, engine: Engine) -> None:
        store = SQLiteStore(path)
        service = StatusService(store, ACME)
        service.acting(AGENT).register("c")

        class Late(sqlite3.Connection):
            """Opened when the store has just been closed."""

            def __init__(self, *arguments: Any, **options: Any) -> None:
                closer = threading.Thread(target=store.close)
                closer.start()
                closer.join()
                super().__init__(*arguments, **options)

        reading, go_on = threading.Event(), threading.Event()

        def hold(statement: str) -> None:
            if "custstatus_account" in statement and not reading.is_set():
                reading.set()
                go_on.wait()

        engine.heard = hold
        first = threading.Thread(target=service.decide, args=("c", Action.TRANSACTION))
        first.start()
        reading.wait()  # so that the next to read needs a connection of its own
        engine.factories[len(engine.opened)] = Late
        for _ in range(2):
            with suppress(StoreClosedError):
                service.counts(CUSTOMER_STATUS)
        with pytest.raises(StoreClosedError):
            service.counts(CUSTOMER_STATUS)
        go_on.set()
        first.join()
        for connection in engine.opened:
            with pytest.raises(sqlite3.ProgrammingError, match="closed"):
                connection.execute("SELECT 1")


def refused(answer: str) -> bool:
    """Whether a fork was refused the store."""
    return answer.startswith(("StoreError", "StoreClosedError"))


class TestForks:
    """A connection does not survive a fork: a child is refused the store, or it harms neither itself nor its parent."""

    def test_a_child_says_nothing_on_its_parent_s_connections(self, path: Path) -> None:
        answer, last = in_a_child(forks.use_in_a_fork, path)
        assert refused(answer) or answer == "(4, [])"
        assert last == (4 if refused(answer) else 5)
        assert faults_in(path) == []

    @pytest.mark.parametrize(
        "kind",
        [
            "inherited",
            "own",
            pytest.param(
                "connecting",
                marks=pytest.mark.xfail(
                    strict=True, reason="a reader that is connecting in another thread is not told from none"
                ),
            ),
        ],
    )
    def test_what_a_child_was_told_is_written_is_there_when_its_parent_has_closed_the_store(
        self, path: Path, kind: str
    ) -> None:
        answer = in_a_child(forks.write_in_a_fork_beside_its_parent, path, kind)
        with opened(path) as service:
            assert refused(answer) or (answer, service.account("c").version) == ("(3, 4)", 4)
        assert faults_in(path) == []

    def test_a_child_that_closes_the_store_closes_it_for_itself_alone(self, path: Path) -> None:
        unused, used, changed, version = in_a_child(forks.close_in_a_fork, path)
        assert unused == "None"
        assert refused(used) or used == "(3, None)"
        assert changed == version == (3 if refused(used) else 4)
        assert faults_in(path) == []

    def test_one_that_was_closed_is_in_nobody_s_way(self, path: Path) -> None:
        assert in_a_child(forks.fork_after_closing, path) == []

    def test_a_child_made_in_the_middle_of_another_thread_s_write_is_not_locked_out(self, path: Path) -> None:
        answer, version = in_a_child(forks.fork_while_another_thread_writes, path, "change")
        assert refused(answer) or (answer, version) == ("4", 4)
        assert faults_in(path) == []

    def test_a_child_made_in_the_middle_of_another_thread_s_write_can_close_the_store(self, path: Path) -> None:
        answer, version = in_a_child(forks.fork_while_another_thread_writes, path, "close")
        assert (answer, version) == ("None", 3)
        assert faults_in(path) == []

    def test_two_threads_of_a_child_that_begin_at_once_leave_the_parent_s_connections_alone(self, path: Path) -> None:
        answer = in_a_child(forks.use_in_two_threads_of_a_fork, path)
        assert refused(answer) or answer == "[]"


class TookTooLongError(Exception):
    """What a host's time limit raises, wherever the program is."""


@define
class Interruption:
    """Raises an error at the nth line that the adapter runs in this thread."""

    error: type[BaseException]
    lines: int
    """So many more lines are run."""
    happened: bool = False

    FILES = (sqlite_store.__file__, connecting.__file__, operations.__file__)

    @contextmanager
    def expected(self) -> Iterator[None]:
        """Interrupted meanwhile, unless it is over before."""
        sys.settrace(self._enter)
        try:
            yield
        except self.error:
            assert self.happened
        finally:
            sys.settrace(None)

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        return self._line if frame.f_code.co_filename in self.FILES else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line" and not self.happened:
            self.lines -= 1
            if self.lines < 0:
                self.happened = True
                raise self.error
        return self._line


each_error = pytest.mark.parametrize("error", [KeyboardInterrupt, TookTooLongError])


def interruptions(error: type[BaseException]) -> Iterator[Interruption]:
    """One at the first line, one at the second and so on, until one comes too late to happen."""
    for lines in count():
        interruption = Interruption(error, lines)
        yield interruption
        if not interruption.happened:
            assert lines > 20
            return


# A connection that is dropped in the middle of being opened, or of being given back, is shut by Python.
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
class TestInterruptions:
    """Wherever a thread is interrupted, nothing stays half written, and the store goes on as if nothing had been."""

    @pytest.fixture(autouse=True)
    def dropped(self) -> Iterator[None]:
        """Have what was dropped shut now, and not in the middle of another test."""
        yield
        gc.collect()

    @each_error
    def test_a_change_is_made_once_when_it_is_retried(self, path: Path, error: type[BaseException]) -> None:
        with opened(path) as service:
            desk = service.acting(AGENT)
            for interruption in interruptions(error):
                customer = f"c-{interruption.lines}"
                desk.register(customer)
                with interruption.expected():
                    desk.change(customer, Label.LOST_PHONE, reason="lost", key=customer)
                retried = desk.change(customer, Label.LOST_PHONE, reason="lost", key=customer)
                assert [entry.version for entry in retried.entries] == [3]
                assert service.account(customer).version == 3
        assert faults_in(path) == []

    @each_error
    def test_a_registration_is_made_once_when_it_is_retried(self, path: Path, error: type[BaseException]) -> None:
        with opened(path) as service:
            desk = service.acting(AGENT)
            for interruption in interruptions(error):
                customer = f"c-{interruption.lines}"
                phones = [Identifier("mobile", customer)]
                with interruption.expected():
                    desk.register(customer, identifiers=phones, key=customer)
                desk.register(customer, identifiers=phones, key=customer)
                assert service.account(customer).version == 3
                assert service.find(phones[0]) == customer
        assert faults_in(path) == []

    @each_error
    def test_a_reader_does_not_stay_in_the_past(self, path: Path, error: type[BaseException]) -> None:
        with opened(path) as service, opened(path) as other:
            for interruption in interruptions(error):
                customer = f"c-{interruption.lines}"
                other.acting(AGENT).register(customer)
                with interruption.expected():
                    service.acting(AGENT).preview(customer, Label.LOST_PHONE, reason="lost", key="k")
                other.acting(AGENT).change(customer, Label.LOST_PHONE, reason="lost")
                for _ in range(3):
                    assert service.account(customer).version == 3

    @each_error
    def test_inside_a_host_s_transaction_our_operation_alone_is_undone(
        self, path: Path, error: type[BaseException]
    ) -> None:
        rows(path, "CREATE TABLE sale (customer TEXT)")
        with opened(path) as service, closing(sqlite3.connect(path, isolation_level=None)) as host:
            for sales, interruption in enumerate(interruptions(error), 1):
                customer = f"c-{interruption.lines}"
                service.acting(AGENT).register(customer)
                host.execute("BEGIN IMMEDIATE")
                host.execute("INSERT INTO sale VALUES (?)", (customer,))
                with interruption.expected():
                    service.inside(host).acting(AGENT).change(customer, Label.LOST_PHONE, reason="lost")
                host.execute("COMMIT")
                assert rows(path, "SELECT count(*) FROM sale") == [(sales,)]
        assert faults_in(path) == []


class TestFullDisk:
    """A disk that is full fails what does not fit, with its own cause, and nothing else."""

    @staticmethod
    def fill(connection: sqlite3.Connection) -> None:
        """Let the file grow no further on this connection."""
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    @staticmethod
    def writes(service: StatusService[Label]) -> None:
        """More than fits into a page."""
        for number in range(100):
            service.acting(AGENT).change(f"c-{number}", Label.LOST_PHONE, reason="x" * 900, key=f"k-{number}")

    @pytest.fixture
    def service(self, path: Path, engine: Engine) -> Iterator[StatusService[Label]]:
        with opened(path) as service:
            for number in range(100):
                service.acting(AGENT).register(f"c-{number}")
            yield service

    def test_a_write_that_does_not_fit_says_so_and_the_next_that_does_is_made(
        self, path: Path, engine: Engine, service: StatusService[Label]
    ) -> None:
        writer = engine.opened[0]
        self.fill(writer)
        with pytest.raises(StoreError) as failed:
            self.writes(service)
        assert "full" in str(failed.value.__cause__)
        before = everything(path)
        with pytest.raises(StoreError):
            self.writes(service)
        assert everything(path) == before
        writer.execute("PRAGMA max_page_count = 1000000")
        self.writes(service)
        assert faults_in(path) == []

    def test_inside_a_host_s_transaction_it_says_so_and_nothing_is_half_written(
        self, path: Path, engine: Engine, service: StatusService[Label]
    ) -> None:
        with closing(engine.connect(path, isolation_level=None)) as host:
            before = everything(path)
            host.execute("BEGIN IMMEDIATE")
            self.fill(host)
            with pytest.raises(StoreError) as failed:
                self.writes(service.inside(host))
            assert "full" in str(failed.value.__cause__)
            if host.in_transaction:  # the engine may have undone all of it
                host.execute("ROLLBACK")
            assert everything(path) == before
        assert faults_in(path) == []

    def test_a_new_file_without_room_for_the_tables_says_so(self, path: Path, engine: Engine) -> None:
        class Small(sqlite3.Connection):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                self.execute("PRAGMA max_page_count = 8")

        engine.factories[0] = Small
        with pytest.raises(StoreError) as failed:
            SQLiteStore(path)
        assert "full" in str(failed.value.__cause__)
        assert everything(path) == {}
