"""The numbered steps of a schema, and how far a database has come."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from attrs import frozen

__all__ = ["SchemaStatus", "Step", "steps"]

_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)


class Step(NamedTuple):
    """A numbered file of SQL."""

    number: int
    file: Path

    @property
    def name(self) -> str:
        """Number and noun, as the file has them."""
        return self.file.stem

    @property
    def text(self) -> str:
        """All of its statements."""
        return self.file.read_text(encoding="utf-8").strip()

    @property
    def statements(self) -> list[str]:
        """Its statements, where blank lines part them."""
        return [part for part in re.split(r"\n\n+", self.text) if _COMMENT.sub("", part + "\n").strip()]


@frozen
class SchemaStatus:
    """At which step of the schema a database is, and what it lacks."""

    at: int
    """The last step that was taken; 0 where there are no tables of ours."""
    known: int
    """The last step of this version of the library; a database may be further."""
    missing: tuple[str, ...]
    """The names of the steps to be taken, in their order."""
    server: str
    """The engine and its version."""
    moved: bool = False
    """Whether it is a copy and has not been told so: to migrate does that too. Never so of a SQLite file."""

    @property
    def current(self) -> bool:
        """Whether this version of the library can work on it as it is."""
        return self.at == self.known and not self.moved


def steps(folder: Path) -> list[Step]:
    """All steps that a folder has, in their order."""
    files = sorted(file for file in folder.iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", file.name))
    return [Step(int(file.name[:4]), file) for file in files]
