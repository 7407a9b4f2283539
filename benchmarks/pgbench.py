"""
Changes on PostgreSQL against pgbench with the store's own statement: one client, eight, and eight on one customer.

pgbench is the server's own tool, written in C: what it reaches with a statement is what the server can do with it. Each run of
it, and each of ours, takes a time; runs are in turn, and the median of the ratios of their rates counts. Every change is asked
for in the history afterwards: one that was acknowledged and is not there is lost.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from attrs import frozen
from binaries import BINARIES, NoServerError, find_binaries
from children import start
from psycopg.adapt import PyFormat, Transformer
from servers import OwnServer, database

from benchmarks.circles import ACTOR, CHANNEL, Circle, work
from benchmarks.measure import Figure, Given, scaled
from benchmarks.postgres import DISK, crowd, running, statements
from custstatus import StatusService
from custstatus.adapters.postgres import PostgresStore
from custstatus.adapters.postgres.cursors import RawCursor

__all__ = ["Missing", "figures"]

CLIENTS = 8, 2
"""How many change customers at once; and in a quick run."""
SECONDS = 2
"""How long a run takes, but for a quick one."""
WARM = 10
"""Transactions of a pgbench client that are not counted: in them its statements are prepared and planned, as ours are by then."""


@frozen
class Missing:
    """A figure that could not be measured here."""

    name: str
    target: float
    why: str

    def __str__(self) -> str:
        return f"{self.name}\tnot measured\t>={self.target:g}\t{self.why}"


class Script:
    """
    A script of pgbench: each client goes round his own circle, a transaction of pgbench being once round.

    What is not NULL is a variable, which pgbench sends as a parameter each time, as the driver does.
    """

    def __init__(self, address: str, circles: Sequence[Circle]) -> None:
        self.changes = len(circles[0].labels)
        """A transaction."""
        self._values: dict[str, str] = {}
        lines = []
        with psycopg.connect(address, autocommit=True) as connection:
            for place, circle in enumerate(circles):
                lines.append(f"\\if :client_id = {place}\n")
                for asked in statements(circle.customer, circle.labels, circle.config):
                    lines.append(self._statement(connection, *asked))  # noqa: PERF401
                lines.append("\\endif\n")
        self.text = "".join(lines)

    @property
    def variables(self) -> list[str]:
        """The arguments that set them."""
        return [f"--define={variable}={value}" for value, variable in self._values.items()]

    def _statement(self, connection: psycopg.Connection[Any], text: str, parameters: tuple[Any, ...]) -> str:
        """The statement, its parameters dumped as the store's driver does, each of the type that the server takes it for."""
        dumper = Transformer(RawCursor(connection))
        given = dumper.dump_sequence(parameters, [PyFormat.TEXT] * len(parameters))
        connection.pgconn.prepare(b"", text.encode(), dumper.types)
        described = connection.pgconn.describe_prepared(b"")
        types = [described.param_type(place) for place in range(described.nparams)]
        assert len(types) == len(parameters), connection.pgconn.error_message
        written = []
        for value, oid in zip(given, types, strict=True):
            ((name,),) = connection.execute("SELECT format_type(%s, NULL)", (oid,))
            if value is None:
                written.append(f"NULL::{name}")
            else:
                variable = self._values.setdefault(bytes(value).decode(), f"v{len(self._values)}")
                written.append(f":{variable}::{name}")
        return re.sub(r"\$(\d+)", lambda found: written[int(found[1]) - 1], text).strip() + ";\n"


class Pgbench:
    """Runs of pgbench with one script."""

    def __init__(self, program: Path, address: str, circles: Sequence[Circle], folder: Path) -> None:
        self._script = Script(address, circles)
        self._folder = folder
        file = folder / "script.sql"
        file.write_text(self._script.text)
        clients, threads = len(circles), min(2, len(circles))
        extent = scaled(f"--time={SECONDS}", f"--transactions={2 * WARM}")
        words = "--no-vacuum", "--protocol=prepared", f"--client={clients}", f"--jobs={threads}", extent
        log = "--log", f"--log-prefix={folder / 'log'}"
        self._command = [str(program), *words, *log, *self._script.variables, f"--file={file}", address]
        self._warm = WARM * clients

    def run(self) -> tuple[float, int]:
        """Changes a second, and how many were made."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        subprocess.run(self._command, capture_output=True, check=True, env=environ)
        ends = []
        for log in self._folder.glob("log.*"):
            # Client, number, microseconds it took, script, and when it ended: seconds and microseconds.
            ends += [int(words[4]) + int(words[5]) / 1e6 for words in map(str.split, log.read_text().splitlines())]
            log.unlink()
        ends.sort()
        counted = ends[self._warm :]
        rate = (len(counted) - 1) * self._script.changes / (counted[-1] - counted[0])
        return rate, len(ends) * self._script.changes


class Processes:
    """Processes that each have a store of their own, and make changes when they are told to."""

    def __init__(self, address: str, clients: int, how: str) -> None:
        self._all = [start(work, address, place, how) for place in range(clients)]

    def run(self) -> tuple[float, int]:
        """Changes a second of all of them, and how many were acknowledged."""
        rate, made = 0.0, 0
        for _, pipe in self._all:
            pipe.send(scaled(SECONDS, 0.01))
        for _, pipe in self._all:
            count, took = pipe.recv()
            rate += count / took
            made += count
        return rate, made

    def close(self) -> None:
        """End them."""
        for process, pipe in self._all:
            process.kill()
            process.join()
            pipe.close()


def program(binaries: Path) -> Path | None:
    """pgbench: the server's own, else any, the last that of the tests' wheel; None where there is none."""
    for path in binaries / "pgbench", *sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True):
        if path.exists():
            return path
    found = shutil.which("pgbench")
    if found is not None:
        return Path(found)
    with suppress(NoServerError):
        return find_binaries({BINARIES: "wheel"}) / "pgbench"
    return None


def figures(given: Given) -> Iterator[object]:
    """Each figure as it is measured: in memory, then on the disk."""
    clients = scaled(*CLIENTS)
    with running() as server:
        yield from _figures(server, "1 process, tmpfs", 0.6, 1, "apart")
        yield from _figures(server, "8 processes, tmpfs", 0.6, clients, "apart")
    with running(DISK, fsync="on", synchronous_commit="on") as server:
        yield from _figures(server, "1 process, disk", 0.85, 1, "apart")
        yield from _figures(server, "8 processes, disk", 0.7, clients, "apart")
        yield from _figures(server, "8 processes on one customer, disk", 0.8, clients, "hot")


def _figures(server: OwnServer, where: str, target: float, clients: int, how: str) -> Iterator[object]:
    title = f"postgres: change / pgbench, {where} (rate)"
    tool = program(server.binaries)
    if tool is None:
        yield Missing(title, target, "there is no pgbench")
        return
    with database(server) as address, TemporaryDirectory() as folder:
        circles = {whose: [Circle.of(whose, place, how) for place in range(clients)] for whose in ("ours", "peer")}
        store = PostgresStore(address)
        service = StatusService(store, circles["ours"][0].config)
        for customer in {circle.customer for each in circles.values() for circle in each}:
            service.acting(ACTOR, CHANNEL).register(customer)
        crowd(address, circles["ours"][0].customer)
        ours, peer = Processes(address, clients, how), Pgbench(tool, address, circles["peer"], Path(folder))
        try:
            ratio, made, peer_made = in_turn(ours.run, peer.run)
        finally:
            ours.close()
        yield Figure(title, ratio, target, at_least=True)
        # Beside the changes, each customer has an entry for the registration and one for where it led to.
        written = {whose: changes_of(address, {circle.customer for circle in each}) for whose, each in circles.items()}
        assert written["peer"] == peer_made, "pgbench ran statements that changed nothing"
        analyze(address)
        assert service.verify().faults == ()
        lost = f"postgres: changes acknowledged and not there, of {made:,}, {where}"
        yield Figure(lost, abs(made - written["ours"]), 0, at_least=False)
        store.close()


def in_turn(
    ours: Callable[[], tuple[float, int]], peer: Callable[[], tuple[float, int]], rounds: int = 7
) -> tuple[float, int, int]:
    """The median over the rounds of our rate divided by the peer's, and how many changes either made in all."""
    made = {ours: ours()[1], peer: peer()[1]}
    ratios = []
    for number in range(scaled(rounds, 1)):
        rates = {}
        for each in (ours, peer) if number % 2 else (peer, ours):
            rates[each], more = each()
            made[each] += more
        ratios.append(rates[ours] / rates[peer])
    return median(ratios), made[ours], made[peer]


def changes_of(address: str, customers: set[str]) -> int:
    """How many entries these have beside those of their registration."""
    with psycopg.connect(address) as connection:
        question = "SELECT count(*) FROM custstatus_entry WHERE customer = ANY (%s) AND version > 2"
        ((count,),) = connection.execute(question, (list(customers),))
        return int(count)


def analyze(address: str) -> None:
    """Tell the server what the tables hold by now: its plans are still those for empty ones."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("ANALYZE")
