"""`custstatus import`, `export`, `sweep` and `reverse`: on a SQLite file and on a PostgreSQL database, as people run them."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from servers import Server, database
from terminal import Ran, run

from custstatus import (
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    MEMBERSHIP,
    Action,
    Activity,
    Actor,
    CustomerStatus,
    Identifier,
    IdleRule,
    OrgConfig,
    SQLiteStore,
    StatusLabel,
    StatusService,
)
from custstatus.adapters.postgres import PostgresStore

AGENT = Actor("agent-7", name="Ada Agent")
CONFIG = "shop_for_bulk:SHOP"
SECRET = "hunter2"
SHOP_TEXT = """
from datetime import timedelta
from custstatus import (
    CUSTOMER_STATUS, LEGACY_FRAUD_STATUS, MEMBERSHIP, CustomerStatus, IdleRule, OrgConfig, StatusLabel,
)

class Label(StatusLabel):
    REGULAR = "Regular", CustomerStatus.ACTIVE
    TRENDING = "Trending", CustomerStatus.ACTIVE
    DORMANT = "Dormant", CustomerStatus.ACTIVE
    LOST_PHONE = "Lost phone", CustomerStatus.SUSPENDED
    WATCHED = "Watched", CustomerStatus.FRAUD_SUSPECTED
    CLOSED = "Closed", CustomerStatus.DELETED

SHOP = OrgConfig("shop", Label, lifecycles=[CUSTOMER_STATUS, MEMBERSHIP, LEGACY_FRAUD_STATUS],
    idle=[IdleRule(timedelta(days=180), Label.DORMANT)])
OTHER = OrgConfig("other", Label)
NOT_A_CONFIG = 5
"""


class Label(StatusLabel):
    REGULAR = "Regular", CustomerStatus.ACTIVE
    TRENDING = "Trending", CustomerStatus.ACTIVE
    DORMANT = "Dormant", CustomerStatus.ACTIVE
    LOST_PHONE = "Lost phone", CustomerStatus.SUSPENDED
    WATCHED = "Watched", CustomerStatus.FRAUD_SUSPECTED
    CLOSED = "Closed", CustomerStatus.DELETED


SHOP = OrgConfig(
    "shop",
    Label,
    lifecycles=[CUSTOMER_STATUS, MEMBERSHIP, LEGACY_FRAUD_STATUS],
    idle=[IdleRule(timedelta(days=180), Label.DORMANT)],
)


@contextmanager
def service_at(db: str, **given: Any) -> Iterator[StatusService[Label]]:
    """A service over the database, as the shop's own programs have."""
    store = PostgresStore(db, connections=1) if "=" in db else SQLiteStore(db)
    with store:
        yield StatusService(store, SHOP, **given)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with the shop's configuration in it, which is the working directory."""
    (tmp_path / "shop_for_bulk.py").write_text(SHOP_TEXT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("shop_for_bulk", None)


@pytest.fixture
def file(shop: Path) -> str:
    """A SQLite file with ten customers of the shop."""
    return peopled(str(shop / "shop.db"))


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, shop: Path) -> Iterator[str]:
    """A database of each kind with ten customers of the shop."""
    if request.param == "sqlite":
        yield peopled(str(shop / "shop.db"))
        return
    with database(request.getfixturevalue("server")) as address:
        yield peopled(address)


def peopled(db: str) -> str:
    """Register c-0 to c-9, a year ago, each with a phone."""
    with service_at(db) as service:
        desk = service.acting(AGENT)
        for number in range(10):
            long_ago = datetime.now(UTC) - timedelta(days=365)
            desk.register(f"c-{number}", identifiers=[Identifier("mobile", f"+44790{number}")], at=long_ago)
    return db


def written(name: str, *lines: str) -> Path:
    """A table in the working directory."""
    path = Path(name)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def statuses(*lines: str) -> Path:
    """A table of statuses."""
    return written("statuses.csv", "User ID,Mobile,Status Label,Reason,StoreCode", *lines)


def imported(db: str, path: Path, *options: object, config: str = CONFIG) -> Ran:
    """An import of statuses by an agent."""
    return run("import", "statuses", path, "--db", db, "--config", config, "--actor", "agent-9", *options)


def counts(ran: Ran) -> dict[str, int]:
    """What a summary says."""
    found = re.findall(r"^ *([a-z_ ]+?)  +([\d,]+)$", ran.out, re.MULTILINE)
    return {name: int(number.replace(",", "")) for name, number in found}


class TestImportingStatuses:
    def test_rows_are_done_or_told_with_their_causes(self, db: str) -> None:
        # D66
        path = statuses(
            "c-0,,Trending,,north",
            "c-1,,Nonsense,,",
            "nobody,,Trending,,",
            ",+447902,Lost phone,gone,",
            "c-3,,Regular,,",
        )
        ran = imported(db, path, "--run", "r-1", "--refused", "refused.csv")
        assert (ran.code, ran.err) == (1, "")
        assert ran.out.startswith("run r-1\n")
        assert counts(ran) == {
            "moved": 2,
            "done before": 0,
            "unchanged": 1,
            "refused": 2,
            "unknown_label": 1,
            "unknown_customer": 1,
        }
        assert re.search(r"^line 3: c-1: no status and no label .*\[unknown_label\]$", ran.out, re.MULTILINE)
        assert re.search(r"^line 4: nobody: no such customer .*\[unknown_customer\]$", ran.out, re.MULTILINE)
        with Path("refused.csv").open(newline="") as file:
            table = list(csv.reader(file))
        assert table[0] == ["row", "customer", "cause", "message"]
        assert [row[:3] for row in table[1:]] == [
            ["line 3", "c-1", "unknown_label"],
            ["line 4", "nobody", "unknown_customer"],
        ]
        with service_at(db) as service:
            entries = service.history(run="r-1").items
            assert [(each.customer, each.actor.id, each.channel, each.shop) for each in entries] == [
                ("c-0", "agent-9", "import", "north"),
                ("c-2", "agent-9", "import", None),
            ]
            assert service.verify().faults == ()

    def test_it_ends_well_where_all_are_done_or_stood_there_already(self, db: str) -> None:
        path = statuses("c-0,,Trending,,", "c-1,,Regular,,")
        ran = imported(db, path, "--run", "r-1")
        assert (ran.code, counts(ran)["moved"], counts(ran)["unchanged"]) == (0, 1, 1)
        again = imported(db, path, "--run", "r-1")
        assert (again.code, counts(again)["moved"], counts(again)["done before"]) == (0, 0, 1)

    def test_a_preview_writes_nothing(self, db: str) -> None:
        path = statuses("c-0,,Trending,,", "c-1,,Nonsense,,")
        ran = imported(db, path, "--preview")
        assert (ran.code, ran.err) == (1, "")
        assert counts(ran)["would be moved"] == 1
        assert "run " not in ran.out
        with service_at(db) as service:
            assert service.account("c-0").version == 3

    def test_an_approval_is_asked_for_and_kept(self, file: str) -> None:
        # D103
        path = statuses("c-0,,Watched,odd,", "c-1,,Closed,left,")
        assert counts(imported(file, path))["approval_needed"] == 2
        assert imported(file, path, "--approval", "minutes 3", "--run", "r").code == 0
        with service_at(file) as service:
            assert {entry.approval for entry in service.history(run="r")} == {"minutes 3"}

    def test_the_shape_of_fraud_statuses(self, file: str) -> None:
        # D50
        path = written("fraud.csv", "Mobile;Status;Reason;StoreCode", "+447900;MARKED;odd;s-1", "+447901;MARKED;;s-1")
        ran = imported(file, path, "--shape", "fraud")
        assert (ran.code, counts(ran)["moved"], counts(ran)["unreadable"]) == (1, 1, 1)
        with service_at(file) as service:
            standing = service.standing("c-0", LEGACY_FRAUD_STATUS)
            assert standing is not None
            assert standing.status is not None
            assert standing.status.value == "marked"

    def test_another_lifecycle_and_a_reason_for_all(self, file: str) -> None:
        path = written("members.csv", "Customer,Status Label", "c-0,enrolled")
        assert imported(file, path, "--lifecycle", "membership").code == 0
        path = statuses("c-0,,Lost phone,,")
        assert imported(file, path).code == 1
        assert imported(file, path, "--reason", "a flood").code == 0

    def test_more_rows_than_the_limit(self, file: str) -> None:
        # D103
        ran = imported(file, statuses("c-0,,Trending,,", "c-1,,Trending,,"), "--most", 1)
        assert ran.code == 1
        assert "nothing was written" in ran.err
        with service_at(file) as service:
            assert service.account("c-0").version == 3

    def test_only_the_first_refused_are_told_but_all_are_written(self, file: str) -> None:
        ran = imported(file, statuses(*(f"n-{number},,Trending,," for number in range(50))), "--refused", "no.csv")
        assert ran.out.count("\nline ") == 20
        assert "and 30 more" in ran.out
        assert len(Path("no.csv").read_text().splitlines()) == 51

    def test_no_identifier_is_told(self, file: str) -> None:
        path = statuses(",+44SECRET,Trending,,", "c-0,+447901,Trending,,", ',+44SECRET,Trending,"' + "x" * 1_001 + '",')
        ran = imported(file, path, "--refused", "no.csv")
        assert counts(ran)["refused"] == 3
        for text in (ran.out, ran.err, Path("no.csv").read_text()):
            assert "SECRET" not in text
            assert "+447901" not in text

    def test_columns_that_are_not_used_are_told(self, file: str) -> None:
        path = written("more.csv", "Customer,Status Label,Shoe Size", "c-0,Trending,44")
        ran = imported(file, path)
        assert (ran.code, ran.err) == (0, "columns that are not used: Shoe Size\n")

    def test_a_program_that_acts_is_no_person(self, file: str) -> None:
        with service_at(file) as service:
            service.acting(AGENT).change("c-0", Label.LOST_PHONE, reason="lost")
        path = statuses("c-0,,Regular,found,")
        assert counts(imported(file, path, "--system"))["person_needed"] == 1
        assert imported(file, path).code == 0

    def test_identifiers_that_are_sealed_need_the_key(self, shop: Path) -> None:
        db, key = str(shop / "sealed.db"), b"sixteen secret b"
        with service_at(db, key=key) as service:
            service.acting(AGENT).register("c-0", identifiers=[Identifier("mobile", "+1")])
        Path("key").write_bytes(key)
        Path("short").write_bytes(b"short")
        path = statuses(",+1,Trending,,")
        assert counts(imported(db, path))["unknown_customer"] == 1
        assert imported(db, path, "--key-file", "short").code == 2
        assert imported(db, path, "--key-file", "key").code == 0


class TestUsage:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--lifecycle", "client_state"), "client_state is not on"),
            (("--shape", "other"), "--shape"),
            (("--most", "-1"), "--most"),
            (("--key-file", "none"), "none"),
            (("--refused", "statuses.csv"), "the table itself"),
        ],
    )
    def test_what_is_asked_wrongly_ends_with_two(self, options: Any, said: str, file: str) -> None:
        ran = imported(file, statuses("c-0,,Trending,,"), *options)
        assert ran.code == (1 if "--key-file" in options else 2)
        assert said in ran.err

    @pytest.mark.parametrize(
        "command",
        [("import", "statuses", "statuses.csv"), ("reverse", "r-1", "--reason", "the wrong table")],
        ids=lambda command: command[0],
    )
    @pytest.mark.parametrize(
        ("option", "wrong"),
        [("--actor", ""), ("--actor", "x" * 129), ("--reason", "x" * 1_001), ("--approval", "x" * 129)],
    )
    def test_nothing_is_told_or_written_before_the_options_are_checked(
        self, command: tuple[str, ...], option: str, wrong: str, file: str
    ) -> None:
        imported(file, statuses("c-0,,Trending,,"), "--run", "r-1")
        written("statuses.csv", "Customer,Status Label,Shoe Size", "c-1,Trending,44")
        Path("no.csv").write_text("of yesterday")
        given = "--db", file, "--config", CONFIG, "--actor", "agent-9", "--refused", "no.csv", option, wrong
        ran = run(*command, *given)
        assert (ran.code, ran.out) == (2, "")
        assert ran.error
        assert Path("no.csv").read_text() == "of yesterday"

    @pytest.mark.parametrize(
        "command",
        [("import", "statuses", "statuses.csv", "--actor", "agent-9"), ("sweep",)],
        ids=lambda words: words[0],
    )
    @pytest.mark.parametrize(
        ("option", "wrong", "code"), [("--run", "x" * 129, 2), ("--refused", "no folder/no.csv", 1)]
    )
    def test_a_run_that_cannot_begin_is_not_told_of(
        self, command: tuple[str, ...], option: str, wrong: str, code: int, file: str
    ) -> None:
        written("statuses.csv", "Customer,Status Label,Shoe Size", "c-1,Trending,44")
        ran = run(*command, "--db", file, "--config", CONFIG, option, wrong)
        assert (ran.code, ran.out) == (code, "")
        assert ran.error

    def test_a_table_that_does_not_fit_is_told(self, file: str) -> None:
        ran = imported(file, written("other.csv", "Name,Colour", "Ada,red"))
        assert ran.code == 1
        assert "Status Label" in ran.error
        assert "Ada" not in ran.error
        missing = imported(file, Path("none.csv"))
        assert missing.code == 1
        assert "none.csv" in missing.error

    @pytest.mark.parametrize("config", ["shop_for_bulk:NOT_A_CONFIG", "shop_for_bulk:OTHER", "none:X"])
    def test_a_configuration_that_is_not_of_the_database(self, config: str, file: str) -> None:
        before = Path(file).read_bytes()
        assert imported(file, statuses("c-0,,Trending,,"), config=config).code == 2
        assert Path(file).read_bytes() == before

    def test_a_database_that_is_not_there_is_not_made(self, shop: Path) -> None:
        ran = imported(str(shop / "none.db"), statuses("c-0,,Trending,,"))
        assert ran.code == 1
        assert "no such file" in ran.error
        assert not (shop / "none.db").exists()

    def test_no_password_is_told(self, shop: Path, server: Server) -> None:
        with database(server) as address:
            wrong = make_conninfo(address, password=SECRET, dbname="no_such_database")
            url = f"postgresql://u:{SECRET}@127.0.0.1:1/x"
            # Of this one the driver repeats the whole.
            unclosed = f"postgresql://u:{SECRET}@[bad/x"
            commands = [
                ("show", "c-0", "--db"),
                ("verify", "--db"),
                ("export", "standings", "--db"),
                ("sweep", "--config", CONFIG, "--db"),
                ("reverse", "r", "--actor", "a", "--reason", "x", "--config", CONFIG, "--db"),
            ]
            for command in commands:
                for db in wrong, url, unclosed:
                    ran = run(*command, db)
                    assert ran.code == 1, command
                    assert SECRET not in ran.out + ran.err
            ran = run("verify", "--db", f"postgresql+psycopg://u:{SECRET}@h/x")
            assert ran.code == 2
            assert SECRET not in ran.out + ran.err


class TestInterrupting:
    BIG = 2_000

    def big(self, db: str) -> Path:
        """A table of many rows, of customers that are there."""
        with service_at(db) as service:
            for number in range(10, self.BIG):
                service.acting(AGENT).register(f"c-{number}")
        return statuses(*(f"c-{number},,Trending,," for number in range(self.BIG)))

    def test_an_interrupted_import_says_how_to_go_on_and_does(self, file: str, shop: Path) -> None:
        # D103
        path = self.big(file)
        # In parts of ten, so that it is interrupted in the middle.
        code = (
            "import sys; from custstatus.operations import import_statuses; import_statuses.CHUNK = 10; "
            "from custstatus.cli import main; main()"
        )
        given = ["import", "statuses", path, "--db", file, "--config", CONFIG, "--actor", "agent-9"]
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, given)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        assert process.stdout is not None
        name = process.stdout.readline().removeprefix("run ").strip()
        with SQLiteStore(file) as store:
            service = StatusService(store, SHOP)
            while len(service.history(run=name, limit=100)) < 30 and process.poll() is None:
                pass
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130, err
        assert re.search(rf"interrupted; .*go on with the same command with --run {re.escape(name)}$", err.strip())
        again = imported(file, path, "--run", name)
        assert again.code == 0
        told = counts(again)
        assert told["done before"] >= 30
        assert told["moved"] == self.BIG - told["done before"]

    def test_a_store_that_fails_midway_leaves_a_run_to_go_on_with(
        self, file: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from custstatus import StoreError
        from custstatus.operations import import_statuses

        monkeypatch.setattr(import_statuses, "CHUNK", 2)
        path, sound = statuses(*(f"c-{number},,Trending,," for number in range(10))), SQLiteStore.apply_set
        sets: list[bool] = []  # whether they were to write

        def failing(store: SQLiteStore, prepared: Any) -> Any:
            sets.append(not prepared.preview)
            if sum(sets) == 3:
                raise StoreError("the disk is full")
            return sound(store, prepared)

        with monkeypatch.context() as patch:
            patch.setattr(SQLiteStore, "apply_set", failing)
            ran = imported(file, path, "--run", "r")
        assert ran.code == 1
        assert "--run r" in ran.err
        assert "the disk is full" in ran.err
        assert counts(imported(file, path, "--run", "r")) == {
            "moved": 6,
            "done before": 4,
            "unchanged": 0,
            "refused": 0,
        }


class TestLosingTheServer:
    KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    """
    LIBRARY = """
import sys
import shop_for_bulk
from custstatus import StatusService
from custstatus.adapters.postgres import PostgresStore
from custstatus.tables import ACTIVITY_IMPORT, rows_of_csv
with PostgresStore(sys.argv[1]) as store, open("activities.csv") as lines:
    StatusService(store, shop_for_bulk.SHOP).import_activities(rows_of_csv(lines, ACTIVITY_IMPORT))
"""

    def lost(self, address: str, *words: str) -> list[str]:
        """What a program says on standard error whose connection is ended while it records activities."""
        with psycopg.connect(address) as holder, psycopg.connect(address, autocommit=True) as other:
            holder.execute("LOCK TABLE custstatus_activity IN ACCESS EXCLUSIVE MODE")
            process = subprocess.Popen([sys.executable, *words], stderr=subprocess.PIPE, text=True)
            while process.poll() is None and not other.execute(self.KILL.encode()).fetchall():
                pass
            _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        return err.splitlines()

    def test_the_command_line_alone_tells_of_it(self, shop: Path, server: Server) -> None:
        path = written("activities.csv", "Customer,Kind,Reference,At", "c-0,transaction,r-1,2024-01-01")
        with database(server) as address:
            peopled(address)
            command = "import", "activities", str(path), "--db", address, "--config", CONFIG
            said = self.lost(address, "-m", "custstatus.cli", *command)
            assert [line.partition(";")[0].partition(":")[0] for line in said] == ["stopped", "custstatus"]
            # In a host's own program the error is the host's: the control.
            raised = self.lost(address, "-c", self.LIBRARY, address)
            assert raised[0].startswith("Traceback")
            assert raised[-1].startswith("custstatus.errors.StoreError: the connection was lost")


class TestImportingActivities:
    def test_rows_are_recorded_or_told_with_their_causes(self, db: str) -> None:
        # D66
        now = datetime.now(UTC).isoformat()
        path = written(
            "activities.csv", "Customer,Mobile,Kind,Reference,At,Amount",
            f"c-0,,transaction,r-1,{now},9.90", f",+447901,TRANSACTION,r-2,{now},", f"nobody,,transaction,r-3,{now},",
            f"c-0,,transaction,r-1,{now},9.90", "c-0,,transaction,r-4,2999-01-01,", f"c-0,,singing,r-5,{now},",
        )  # fmt: skip
        given = "import", "activities", path, "--db", db, "--config", CONFIG, "--refused", "no.csv"
        ran = run(*given)
        assert (ran.code, ran.err) == (1, "")
        assert counts(ran) == {
            "recorded": 2,
            "repeated": 1,
            "unchanged": 0,
            "refused": 3,
            "unknown_customer": 1,
            "in_the_future": 1,
            "unreadable": 1,
        }
        assert len(Path("no.csv").read_text().splitlines()) == 4
        again = run(*given)
        assert (counts(again)["recorded"], counts(again)["repeated"]) == (0, 3)

    def test_a_report_has_what_became_of_every_row(self, db: str) -> None:
        # D66
        sales = [f"c-0,transaction,r-{number},2024-01-01" for number in range(3)]
        header = "Customer,Kind,Reference,At"
        before = written("before.csv", header, sales[1])
        given = "--db", db, "--config", CONFIG
        assert run("import", "activities", before, *given).code == 0
        path = written("activities.csv", header, "nobody,transaction,r-0,2024-01-01", *sales, "c-0,,,", sales[0])
        ran = run("import", "activities", path, *given, "--report", "report.csv", "--refused", "no.csv")
        assert (ran.code, counts(ran)["recorded"], counts(ran)["repeated"]) == (1, 2, 2)
        report = list(csv.reader(Path("report.csv").read_text().splitlines()))
        assert report[0] == ["row", "customer", "outcome", "message"]
        assert [(row, customer, outcome) for row, customer, outcome, _ in report[1:]] == [
            ("line 2", "nobody", "unknown_customer"),
            ("line 3", "c-0", "recorded"),
            ("line 4", "c-0", "repeated"),
            ("line 5", "c-0", "recorded"),
            ("line 6", "", "unreadable"),
            ("line 7", "c-0", "repeated"),
        ]
        assert [message != "" for *_, message in report[1:]] == [True, False, False, False, True, False]
        refused = list(csv.reader(Path("no.csv").read_text().splitlines()))
        assert refused == [["row", "customer", "cause", "message"], report[1], report[5]]

    @pytest.mark.parametrize(
        ("files", "message"),
        [
            (("--report", "activities.csv"), "activities.csv is the table itself: name another file for the report"),
            (("--report", "a.csv", "--refused", "./a.csv"), "a.csv is the file for what is refused"),
        ],
    )
    def test_a_report_is_a_file_of_its_own(self, db: str, files: tuple[str, ...], message: str) -> None:
        path = written("activities.csv", "Customer,Kind,Reference,At", "c-0,transaction,r-1,2024-01-01")
        before = path.read_text()
        ran = run("import", "activities", path, "--db", db, "--config", CONFIG, *files)
        assert ran.code == 2
        assert message in ran.err
        assert path.read_text() == before
        with service_at(db) as service:
            assert service.activities("c-0").items == ()

    def test_who_comes_back_is_told(self, file: str) -> None:
        # D63
        assert run("sweep", "--db", file, "--config", CONFIG).code == 0
        now = datetime.now(UTC).isoformat()
        path = written("activities.csv", "Customer,Kind,Reference,At", f"c-0,transaction,r-1,{now}")
        ran = run("import", "activities", path, "--db", file, "--config", CONFIG)
        assert ran.code == 0
        assert "1 idle customer came back" in ran.out


class TestSweeping:
    def test_the_idle_move_and_the_run_is_told(self, db: str) -> None:
        # D63
        preview = run("sweep", "--db", db, "--config", CONFIG, "--preview")
        assert (preview.code, counts(preview)["would be moved"]) == (0, 10)
        with service_at(db) as service:
            service.record(Activity("c-0", Action.TRANSACTION, "r", datetime.now(UTC)))
        Path("exempt").write_text("c-1\n\n c-2 \n")
        given = "sweep", "--db", db, "--config", CONFIG, "--exempt", "exempt", "--most", 7, "--share", 0.7
        ran = run(*given, "--run", "night", "--grace", 30)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("run night\n")
        assert counts(ran)["moved"] == 7
        with service_at(db) as service:
            assert [each.customer for each in service.history(run="night")] == [
                f"c-{number}" for number in range(3, 10)
            ]

    @pytest.mark.parametrize("limit", [("--most", 9), ("--share", 0.9)])
    @pytest.mark.parametrize("preview", [(), ("--preview",)])
    def test_the_limits_stop_it_before_anything_is_written(self, limit: Any, preview: Any, db: str) -> None:
        # D103
        ran = run("sweep", "--db", db, "--config", CONFIG, *limit, *preview)
        assert ran.code == 1
        assert "would move 10 of 10 customers" in ran.err
        with service_at(db) as service:
            assert {service.account(f"c-{number}").version for number in range(10)} == {3}

    @pytest.mark.parametrize(
        "wrong", [("--most", "x"), ("--share", 2), ("--grace", 0), ("--exempt", "none"), ("--share", "nan")]
    )
    def test_what_is_asked_wrongly(self, wrong: Any, file: str) -> None:
        ran = run("sweep", "--db", file, "--config", CONFIG, *wrong)
        assert ran.code == (1 if "--exempt" in wrong else 2)

    def test_who_bought_again_comes_back(self, file: str) -> None:
        # D63
        run("sweep", "--db", file, "--config", CONFIG)
        with service_at(file) as service:
            ruleless = StatusService(service.store, OrgConfig("shop", Label, lifecycles=SHOP.lifecycles))
            ruleless.record(Activity("c-0", Action.TRANSACTION, "r", datetime.now(UTC)))
        ran = run("sweep", "--db", file, "--config", CONFIG)
        assert (ran.code, counts(ran)["came back"], counts(ran)["moved"]) == (0, 1, 0)


class TestReversing:
    def test_who_still_stands_there_goes_back_and_the_rest_are_told(self, db: str) -> None:
        # D103
        imported(db, statuses("c-0,,Trending,,", "c-1,,Trending,,"), "--run", "r-1")
        with service_at(db) as service:
            service.acting(AGENT).change("c-1", Label.LOST_PHONE, reason="lost")
        given = "reverse", "r-1", "--db", db, "--config", CONFIG, "--actor", "agent-9", "--reason", "the wrong table"
        preview = run(*given, "--preview")
        assert (preview.code, counts(preview)["would be moved back"]) == (1, 1)
        ran = run(*given)
        assert (ran.code, ran.err) == (1, "")
        assert ran.out.startswith("run reverse-r-1\n")
        assert (counts(ran)["moved back"], counts(ran)["moved_on"]) == (1, 1)
        assert re.search(r"^entry \d+: c-1: .*\[moved_on\]$", ran.out, re.MULTILINE)
        with service_at(db) as service:
            (entry,) = service.history(run="reverse-r-1")
            assert (entry.customer, entry.to_label, entry.reason) == ("c-0", "Regular", "the wrong table")
        again = run(*given)
        assert (counts(again)["moved back"], counts(again)["done before"]) == (0, 1)

    def test_all_of_it_went_back(self, file: str) -> None:
        imported(file, statuses("c-0,,Trending,,"), "--run", "r-1")
        given = "reverse", "r-1", "--db", file, "--config", CONFIG, "--actor", "agent-9"
        assert run(*given).code == 2  # a reason is needed
        assert run(*given, "--reason", "wrong").code == 0

    def test_a_run_that_nobody_made(self, file: str) -> None:
        ran = run("reverse", "never", "--db", file, "--config", CONFIG, "--actor", "a", "--reason", "x")
        assert ran.code == 1
        assert "no entry" in ran.error


class TestExporting:
    def test_standings_of_every_lifecycle(self, db: str) -> None:
        ran = run("export", "standings", "--db", db)
        assert (ran.code, ran.err) == (0, "")
        table = list(csv.DictReader(io.StringIO(ran.out)))
        assert [row["customer"] for row in table] == [f"c-{number}" for number in range(10)]
        assert {(row["customer_status"], row["customer_status_label"], row["membership"]) for row in table} == {
            ("active", "Regular", "")
        }
        assert "+4479" not in ran.out
        assert "Ada" not in ran.out

    def test_page_by_page_all_of_it(self, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("custstatus.cli.exporting.PAGE", 3)
        table = list(csv.DictReader(io.StringIO(run("export", "standings", "--db", file).out)))
        assert [row["customer"] for row in table] == [f"c-{number}" for number in range(10)]
        entries = list(csv.DictReader(io.StringIO(run("export", "history", "--db", file).out)))
        assert len({(row["customer"], row["version"]) for row in entries}) == len(entries) == 30

    def test_some_lifecycles_to_a_file(self, file: str, shop: Path) -> None:
        ran = run("export", "standings", "--db", file, "--lifecycle", "membership", "--out", "out.csv")
        assert (ran.code, ran.out) == (0, "")
        assert b"\r\n" in Path("out.csv").read_bytes()
        header = Path("out.csv").read_text().splitlines()[0]
        assert "customer_status" not in header
        assert "membership" in header
        assert list(shop.glob("*.part")) == []
        assert run("export", "standings", "--db", file, "--lifecycle", "nonsense").code == 2

    @pytest.mark.parametrize("what", ["standings", "history"])
    def test_a_dash_is_standard_output(self, what: str, file: str, shop: Path) -> None:
        there = set(shop.iterdir())
        ran = run("export", what, "--db", file, "--out", "-")
        assert ran == run("export", what, "--db", file)
        assert ran.out.startswith("customer,")
        assert set(shop.iterdir()) == there
        named = run("export", what, "--db", file, "--out", "./-")
        assert (named.code, named.out) == (0, "")
        with (shop / "-").open(newline="") as out:
            assert out.read() == ran.out

    def test_a_pipe_is_written_to_and_stays_one(self, file: str, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert run("export", "standings", "--db", file, "--out", str(pipe)).code == 0
            assert stat.S_ISFIFO(pipe.stat().st_mode)
            assert os.read(reading, 65_536).decode() == run("export", "standings", "--db", file).out
        finally:
            os.close(reading)

    def test_what_is_exported_for_it_can_be_imported(self, file: str) -> None:
        with service_at(file) as service:
            service.acting(AGENT).change("c-0", Label.LOST_PHONE, reason="lost")
        run("export", "standings", "--db", file, "--importable", "--out", "there.csv")
        with service_at(file) as service:
            service.acting(AGENT).change("c-0", Label.REGULAR, reason="found")
        ran = imported(file, Path("there.csv"), "--reason", "as it was")
        assert (ran.code, counts(ran)["moved"], counts(ran)["unchanged"]) == (0, 1, 9)

    def test_the_history_of_all_or_of_a_run(self, db: str) -> None:
        imported(db, statuses("c-0,,Lost phone,in the sea,"), "--run", "r-1")
        everything = list(csv.DictReader(io.StringIO(run("export", "history", "--db", db).out)))
        assert len(everything) == 31
        ran = run("export", "history", "--db", db, "--run", "r-1")
        (row,) = csv.DictReader(io.StringIO(ran.out))
        assert (row["customer"], row["to_label"], row["run"]) == ("c-0", "Lost phone", "r-1")
        assert "in the sea" not in ran.out
        assert "in the sea" in run("export", "history", "--db", db, "--run", "r-1", "--reasons").out

    def test_a_run_that_no_entry_has(self, db: str) -> None:
        Path("out.csv").write_text("of yesterday")
        for options in ((), ("--out", "out.csv")):
            ran = run("export", "history", "--db", db, "--run", "never", *options)
            assert (ran.code, ran.out) == (1, "")
            assert ran.error == "run never has no entry of organisation shop"
        assert Path("out.csv").read_text() == "of yesterday"


class TestLooking:
    def test_show_and_verify_read_either_kind_and_leave_it_as_it_is(self, db: str) -> None:
        card = run("show", "c-0", "--db", db)
        assert (card.code, card.err) == (0, "")
        assert "Regular" in card.out
        verified = run("verify", "--db", db)
        assert (verified.code, verified.out) == (0, "10 accounts, 30 entries, 0 faults\n")
        assert run("diagram", "membership", "--db", db).code == 0
        with service_at(db) as service:
            kept = service.store.organisations()
        assert kept == ("shop",)

    def test_an_organisation_that_is_not_there(self, db: str) -> None:
        ran = run("verify", "--db", db, "--org", "none")
        assert ran.code == 1
        assert "it has: shop" in ran.error
        assert "host=" not in ran.error
