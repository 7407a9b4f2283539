"""Why the demo ends early, beside the library's own errors."""

from __future__ import annotations

__all__ = ["DemoError"]


class DemoError(Exception):
    """The demo cannot do what it was asked: one line for a person, and the exit code (2 where the usage is wrong)."""

    def __init__(self, message: str, *, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
