"""The numbered steps of a schema, and how far a database has come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from attrs import frozen

from custstatus.errors import InvalidInputError, SchemaError

__all__ = ["At", "Schema", "SchemaStatus", "SchemaStep"]

_NAME = re.compile(r"\d{4}_\w+")
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)


class SchemaStep(NamedTuple):
    """A numbered text of SQL."""

    number: int
    name: str
    """Number and noun, as its file has them."""
    text: str
    """All of its statements."""
    hash: str
    """SHA-256 of its text and of those before it, in hexadecimal digits."""

    @property
    def statements(self) -> list[str]:
        """Its statements, where blank lines part them."""
        return [part for part in re.split(r"\n\n+", self.text) if _COMMENT.sub("", part + "\n").strip()]


class At(NamedTuple):
    """The last step that a database has taken."""

    step: int = 0
    """0 where it has taken none."""
    hash: str | None = None
    """What it keeps as the hash of the steps by then; None where it keeps none."""


@frozen
class Schema:
    """All steps that a version of the library knows for an engine."""

    steps: tuple[SchemaStep, ...]
    """In the order of their numbers."""

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Schema:
        """The steps with these names, such as 0001_tables."""
        steps: list[SchemaStep] = []
        hashed = sha256()
        for name in sorted(texts):
            text = texts[name].strip()
            hashed.update(f"{text}\0".encode())  # no text of SQL has one
            steps.append(SchemaStep(int(name[:4]), name, text, hashed.hexdigest()))
        return cls(tuple(steps))

    @classmethod
    def read(cls, folder: Path) -> Schema:
        """The steps that a folder has, a file each."""
        files = [file for file in folder.iterdir() if file.suffix == ".sql" and _NAME.fullmatch(file.stem)]
        return cls.of({file.stem: file.read_text(encoding="utf-8") for file in files})

    @property
    def last(self) -> int:
        """The number of the last step."""
        return self.steps[-1].number

    def after(self, number: int) -> tuple[SchemaStep, ...]:
        """The steps to be taken after one."""
        return tuple(step for step in self.steps if step.number > number)

    def known(self, name: str, number: object) -> int:
        """A step's number, or 0; InvalidInputError, for the argument of that name, where there is no such step."""
        if type(number) is not int or number not in (0, *(step.number for step in self.steps)):
            raise InvalidInputError(name, f"a step's number, from 0 to {self.last}", repr(number)[:20])
        return number

    def hash_of(self, number: int) -> str | None:
        """The hash of the steps up to one; None where there is no such step."""
        return next((step.hash for step in self.steps if step.number == number), None)

    def differs(self, at: At) -> bool:
        """Whether a database was made by other steps of the same numbers than these, as far as these know its number."""
        return 0 < at.step <= self.last and (at.hash is None or at.hash != self.hash_of(at.step))

    def check(self, at: At) -> int:
        """
        The last step of a database that was made by these steps, and may lack some.

        Raises:
            SchemaError: It was made by others, or by a newer version.
        """
        if at.step > self.last:
            raise SchemaError(
                f"the database is at schema step {at.step}, this version knows {self.last}: upgrade custstatus"
            )
        if self.differs(at):
            raise SchemaError(
                f"another build of custstatus made the tables: the hash of schema step {at.step} is {_short(at.hash)}, expected "
                f"{_short(self.hash_of(at.step))}; make a new database, or use the version that made this one"
            )
        return at.step


def _short(kept: str | None) -> str:
    """A hash in a message."""
    return "not there" if kept is None else kept[:12]


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
    """Whether it is a copy and has not been marked so: to migrate does that too. Never so of a SQLite file."""
    differs: bool = False
    """Whether another build of the library made its tables, by other steps of the same numbers: neither opened nor migrated."""

    @property
    def current(self) -> bool:
        """Whether this version of the library can work on it as it is."""
        return self.at == self.known and not self.moved and not self.differs
