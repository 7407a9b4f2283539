"""The base of the frozen values: how they show themselves."""

from __future__ import annotations

from typing import Any, cast

from attrs import fields

__all__ = ["Value"]


class Value:
    """
    A frozen value whose repr is short: what is empty or as by default is left out, and so is all that may be personal.

    One repr for all of them, as generating one for each takes a tenth of the time of importing the package.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        shown = []
        for each in fields(cast(Any, type(self))):
            value = getattr(self, each.name)
            if each.repr and value not in (None, (), {}, each.default):
                shown.append(f"{each.alias}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"
