"""Data directories for servers: as `initdb` makes them, which takes longer than most tests do, or copies of one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from binaries import PATIENCE, Account, NoServerError

__all__ = ["copy_data", "make_data"]

WORDS = "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--username=postgres"

_made: dict[Path, Mapping[Path, bytes | None]] = {}
"""By whose binaries: every file of a directory, and None for each folder. In memory there is nothing to take away."""


def make_data(data: Path, binaries: Path, account: Account) -> None:
    """Make a data directory, whose system identifier no other has. Raises `NoServerError`."""
    initdb = binaries / "initdb"
    making = account.start(
        initdb, f"--pgdata={data}", *WORDS, cwd=data.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        said, _ = making.communicate(timeout=PATIENCE)
    except BaseException:
        os.killpg(making.pid, signal.SIGKILL)
        making.communicate()
        raise
    if making.returncode:
        raise NoServerError(f"{initdb} fails:\n{said.decode(errors='replace')}")


def copy_data(data: Path, binaries: Path, account: Account, source: Path) -> None:
    """Make a data directory, the first of a source; the next are copies of it, its system identifier too."""
    if source not in _made:
        make_data(data, binaries, account)
        _made[source] = {
            path.relative_to(data): None if path.is_dir() else path.read_bytes() for path in sorted(data.rglob("*"))
        }
        return
    data.mkdir(0o700)
    for name, content in _made[source].items():
        if content is None:
            (data / name).mkdir(0o700)
        else:
            (data / name).write_bytes(content)
    account.owns(data)
