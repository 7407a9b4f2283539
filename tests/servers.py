"""
A PostgreSQL server for the tests: one that the environment names, else one started here and gone afterwards.

One of our own runs on a free port of 127.0.0.1 and on a socket of the file system, and nowhere else. Where none can be had the
tests fail, and say what was tried: a test that is left out proves nothing.
"""

from __future__ import annotations

import atexit
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from typing import Literal, LiteralString
from uuid import uuid4

import psycopg
from attrs import define, field
from binaries import NAMED, PATIENCE, Account, NoServerError, Process, copied, find_binaries, may_run
from clusters import copy_data, make_data
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Composable, Identifier

STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}

SETTINGS: Mapping[str, object] = {
    # Nothing here outlives the machine. Whole pages are still logged: a killed process may leave half a page.
    "fsync": "off",
    "shared_buffers": "32MB",
    # In the data directory, for /dev/shm would keep what a killed server leaves.
    "dynamic_shared_memory_type": "mmap",
}
"""For every server that is started here. What is acknowledged is in its log, as it is by default."""

ROOM = 1 << 30
"""Bytes that must be free in memory to keep files there; some machines have 64 MB in all."""

AFTERWARDS = """
read -r _
[ -e "$1/data/postmaster.pid" ] && "$2/pg_ctl" stop --pgdata="$1/data" --mode=immediate --silent --timeout=20
[ -e "$1/data/postmaster.pid" ] && ipcrm -m $(awk 'NR == 7 { print $2 }' "$1/data/postmaster.pid")
shift 2
for attempt in 1 2 3 4 5; do rm -rf "$@" && break; sleep 1; done # one that is still being made resists
"""
"""
A server's guardian: waits for the end of the process that started it, however it ends, and takes everything away.

A file that is still there after the stop is a killed server's, and holds the shared memory that it has left.
"""


@define(eq=False)
class Server:
    """A server that tests make databases on, and all that is known of one that the environment names."""

    base: str
    """How to reach it, whatever the database."""
    templates: dict[Callable[[str], object], str] = field(factory=dict, init=False)
    """The databases to copy, by what has prepared them."""

    @property
    def running(self) -> bool:
        """Whether it can be asked at all, as far as is known."""
        return True

    @property
    def address(self) -> str:
        """Where its databases are made and dropped."""
        return make_conninfo(self.base)

    @property
    def version(self) -> int:
        """Its major version."""
        with psycopg.connect(self.address) as connection:
            return connection.info.server_version // 10_000

    def at(self, database: str) -> str:
        """The address of one of its databases."""
        return make_conninfo(self.base, dbname=database)

    def do(self, statement: LiteralString, *names: str) -> None:
        """Run a statement outside a transaction."""
        parts: list[Composable] = [Identifier(name) for name in names]
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(SQL(statement).format(*parts))

    def make(self, prefix: str, template: str | None = None) -> str:
        """A new database, empty or as a template is; its name."""
        name = f"{prefix}_{uuid4().hex}"
        if template is None:
            words = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
            self.do("CREATE DATABASE {} " + words + self.strategy, name)
        else:
            self.do("CREATE DATABASE {} TEMPLATE {}" + self.strategy, name, template)
        return name

    @cached_property
    def strategy(self) -> LiteralString:
        """So that a template's files are copied, rather than each page of it logged; before 15 they always are."""
        return " STRATEGY FILE_COPY" if self.version >= 15 else ""

    def drop(self, name: str) -> None:
        """Drop a database, with all connections to it. One with a prepared transaction or a slot is not dropped."""
        self.do("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def close(self) -> None:
        """Leave nothing behind."""
        while self.templates:
            self.drop(self.templates.popitem()[1])


@contextmanager
def database(server: Server, prepare: Callable[[str], object] | None = None) -> Iterator[str]:
    """
    The address of a new database, dropped afterwards: empty, or a copy of what `prepare` makes of an empty one.

    `prepare` is given an address, once for a server, and leaves no connection to it open.
    """
    if prepare is None:
        name = server.make("test")
    else:
        if prepare not in server.templates:
            template = server.make("template")
            try:
                prepare(server.at(template))
            except BaseException:
                server.drop(template)
                raise
            server.templates[prepare] = template
        name = server.make("test", server.templates[prepare])
    try:
        yield server.at(name)
    finally:
        if server.running:
            server.drop(name)


@define(eq=False)
class OwnServer(Server):
    """A server started here: it can be stopped, killed and started again, at the same address, with the same data."""

    binaries: Path
    folder: Path
    """The socket, the log, and the data."""
    port: int
    settings: dict[str, object]
    account: Account
    guardian: Process
    process: Process | None = None
    lifeline: int | None = None
    """Held open by every process of the server, and read here: at its end when the last of them is gone."""
    owner: int = field(factory=os.getpid, init=False)

    @classmethod
    def fresh(cls, binaries: Path, *, place: Path | None = None, alike: bool = True, **settings: object) -> OwnServer:
        """
        Start a server with no data yet; settings are named as in its configuration.

        Its folder is made in the place, where anybody may make one, as in /var/tmp; by default in memory, if there is room.
        Those that are alike have one system identifier, and are there sooner.
        """
        account, source = Account.ours(), binaries
        folder = Path(tempfile.mkdtemp(prefix="custstatus-", dir=memory() if place is None else place))
        folders = [folder]
        guardian: Process | None = None
        try:
            account.owns(folder)
            if not may_run(account, binaries):
                # Such as those of a virtual environment under a home that only its owner may enter.
                folders.append(Path(tempfile.mkdtemp(prefix="custstatus-")))  # in memory nothing may be executable
                binaries = copied(binaries, folders[-1])
                account.owns(folders[-1])
            guardian = account.start(
                "/bin/sh",
                "-c",
                AFTERWARDS,
                "guardian",
                folder,
                binaries,
                *folders,
                cwd=Path("/"),
                stdin=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            server = cls(f"host={folder} user=postgres dbname=postgres", binaries, folder, 0, {}, account, guardian)
        except BaseException:
            for path in folders:
                shutil.rmtree(path, ignore_errors=True)
            if guardian is not None:
                guardian.communicate()
            raise
        atexit.register(server.close)
        try:
            if alike:
                copy_data(server.data, binaries, account, source)
            else:
                make_data(server.data, binaries, account)
            server._start_anywhere({**SETTINGS, **settings})
        except BaseException:
            server.close()
            raise
        return server

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def tcp(self) -> str:
        """Its address by TCP; the others are a socket of the file system."""
        return make_conninfo(self.base, host="127.0.0.1")

    @property
    def pid(self) -> int:
        """Of the first of its processes; of the last such one, where it does not run."""
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        """The end of what it has said."""
        path = self.folder / "log"
        return path.read_text(errors="replace")[-4_000:] if path.exists() else ""

    def start(self, **settings: object) -> None:
        """Start again on the same data, at the same address; the settings are added to those before."""
        assert not self.running, "it runs"
        self._settle()
        self.settings |= settings
        options = [f"--{name}={value}" for name, value in self.settings.items()]
        self.lifeline, held = os.pipe()
        try:
            with (self.folder / "log").open("ab") as log:
                self.process = self.account.start(
                    self.binaries / "postgres",
                    "-D",
                    self.data,
                    *options,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(held,),
                )
        finally:
            os.close(held)
        deadline = monotonic() + PATIENCE
        while self.running and not self._ready():
            if monotonic() > deadline:
                self.kill()
            sleep(0.005)
        if not self.running:
            self._settle()
            raise NoServerError(f"{self.binaries / 'postgres'} does not start:\n{self.log}")

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop as `pg_ctl stop` does, and wait for the end."""
        os.kill(self.pid, STOPS[mode])
        self._settle()

    def kill(self) -> None:
        """Kill every process of the server at once, as a crash does; they are gone when this returns."""
        os.kill(self.pid, signal.SIGSTOP)  # else it could start another meanwhile
        for pid in self.pid, *children_of(self.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._settle()

    def close(self) -> None:
        """Stop, and take everything away; what was forked from us leaves it to us."""
        if self.guardian.stdin is None or self.guardian.stdin.closed or self.owner != os.getpid():
            return
        atexit.unregister(self.close)
        try:
            if self.running:
                self.stop("immediate")
            self._settle()
        finally:
            self.guardian.stdin.close()
            self.guardian.wait(PATIENCE)
        assert not self.folder.exists(), f"{self.folder} is left behind"

    def _start_anywhere(self, settings: dict[str, object]) -> None:
        """Start on a port that nobody has: another, where somebody was faster."""
        settings |= {"listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder}
        for attempts_left in reversed(range(5)):
            self.port = free_port()
            self.base = make_conninfo(self.base, port=self.port)
            try:
                self.start(**settings, port=self.port)
            except NoServerError:
                if not attempts_left or "Address already in use" not in self.log:
                    raise
            else:
                break

    def _ready(self) -> bool:
        """Whether it takes connections; the file may be that of a server that was killed."""
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return lines[0] == str(self.pid) and len(lines) > 7 and lines[7].strip() == "ready"

    def _settle(self) -> None:
        """Wait until no process of the server is left."""
        if self.process is not None:
            self.process.wait(PATIENCE)
        if self.lifeline is not None:
            ended, _, _ = select.select([self.lifeline], [], [], PATIENCE)
            assert ended, "a process of the server outlives it"
            os.close(self.lifeline)
            self.lifeline = None


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, and that it still has."""
    if sys.platform == "linux":
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it ended meanwhile
                # The name, in parentheses, may hold anything; the parent is the second word after it.
                if int(path.read_text(errors="replace").rpartition(")")[2].split()[1]) == pid:
                    found.append(int(path.parent.name))
        return found
    lines = subprocess.run(["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, check=True).stdout.splitlines()
    return [int(line.split()[0]) for line in lines if int(line.split()[1]) == pid]


@contextmanager
def serving(environ: Mapping[str, str] = os.environ) -> Iterator[Server]:
    """The server to test with, until the end: the one that the environment names, else one of our own."""
    named = environ.get(NAMED)
    server = Server(named) if named else OwnServer.fresh(find_binaries(environ), alike=False)
    try:
        yield server
    finally:
        server.close()


def memory() -> Path | None:
    """Where files are kept in memory, if there is room; else they are for the temporary directory."""
    shared = Path("/dev/shm")
    with suppress(OSError):
        if os.access(shared, os.W_OK | os.X_OK) and shutil.disk_usage(shared).free >= ROOM:
            return shared
    return None
