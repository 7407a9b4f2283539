"""Two servers: a primary, and a standby that follows it and takes its place when it is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from time import sleep

from attrs import define
from binaries import PATIENCE, find_binaries
from servers import OwnServer
from wholeness import PAUSE, rows

FOLLOWS = """
    SELECT application_name FROM pg_stat_replication
    WHERE state = 'streaming' AND sync_state = %s AND flush_lsn >= (%s::text)::pg_lsn
"""
"""The standby, where it follows in this way, and has all that was written up to there."""


@define(eq=False)
class Pair:
    """A primary and its standby; which of the two servers is which changes with every failure."""

    primary: OwnServer
    standby: OwnServer

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Pair]:
        """Two servers, the second a standby of the first, taken away at the end."""
        primary = OwnServer.fresh(find_binaries())
        try:
            standby = OwnServer.fresh(find_binaries())
            try:
                pair = cls(primary, standby)
                pair.follow()
                yield pair
            finally:
                standby.close()
        finally:
            primary.close()

    def follow(self) -> None:
        """Make the standby anew, from the primary as it is, while others change it; it is behind for a moment."""
        server = self.standby
        if not server.running:
            server.start()  # what a killed one has left in the machine's memory goes with it
        server.stop()
        shutil.rmtree(server.data)
        copying = server.account.start(
            server.binaries / "pg_basebackup",
            *("--pgdata", server.data, "--dbname", self.primary.tcp),
            *("--wal-method=stream", "--checkpoint=fast", "--no-sync", "--write-recovery-conf"),
            cwd=server.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            said, _ = copying.communicate(timeout=PATIENCE)
        except BaseException:
            os.killpg(copying.pid, signal.SIGKILL)
            copying.communicate()
            raise
        assert copying.returncode == 0, said.decode(errors="replace")
        server.start()

    def have_it_follow(self, *, synchronous: bool) -> None:
        """
        Have every change acknowledged only when the standby has it too, or else at once.

        When this returns the standby has all that was acknowledged before. If synchronous, all that is later, too.
        """
        names, state = ("'*'", "sync") if synchronous else ("''", "async")
        self.primary.do(f"ALTER SYSTEM SET synchronous_standby_names = {names}")
        self.primary.do("SELECT pg_reload_conf()")
        self._wait(FOLLOWS, state, "0/0")
        self.primary.do("CHECKPOINT")  # it is its process that tells all others of the setting
        self._wait(FOLLOWS, state, rows(self.primary.address, "SELECT pg_current_wal_lsn()::text")[0][0])

    def hold_back(self) -> None:
        """Have the standby receive nothing more."""
        self.standby.do("ALTER SYSTEM SET primary_conninfo = ''")
        self.standby.do("SELECT pg_reload_conf()")
        self._wait("SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_replication)")

    def fail(self) -> None:
        """Kill the primary, and promote the standby: the other one is the standby now, and does not run."""
        self.primary.kill()
        self.standby.do("SELECT pg_promote()")
        assert rows(self.standby.address, "SELECT pg_is_in_recovery()") == [(False,)]
        self.primary, self.standby = self.standby, self.primary

    def _wait(self, statement: str, *parameters: object) -> None:
        """Wait until a statement finds something on the primary."""
        for _ in range(5_000):
            if rows(self.primary.address, statement, *parameters):
                return
            sleep(PAUSE)
        raise AssertionError(statement)
