"""
The drawn parts of docs/lifecycles.md, made of the lifecycles themselves.

    .venv/bin/python tests/docs/lifecycle_page.py

writes them anew, each between its pair of marks; what stands around them is written by hand.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from custstatus.lifecycles.lifecycle import Lifecycle, Requirement
from custstatus.states import SHIPPED

PAGE = Path(__file__).parents[2] / "docs" / "lifecycles.md"

MARKED = re.compile(r"(<!-- drawn: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def drawn(text: str) -> str:
    """The page with every drawn part as the lifecycles are now; an error where a lifecycle has no part, or two."""
    lifecycles: dict[str, Lifecycle[Any]] = {lifecycle.name: lifecycle for lifecycle in SHIPPED}
    parts = [name for _, name, _ in MARKED.findall(text)]
    if parts != list(lifecycles):
        raise ValueError(
            f"{PAGE.name}: expected a part for each of {', '.join(lifecycles)}, in this order, found {parts}"
        )
    return MARKED.sub(lambda part: part[1] + part_of(lifecycles[part[2]]) + part[3], text)


def part_of(lifecycle: Lifecycle[Any]) -> str:
    """The diagram of one lifecycle, what is special about its statuses, and its transitions."""
    lines = ["", "```mermaid", *lifecycle.mermaid().splitlines(), "```", ""]
    for group in lifecycle.aside:
        lines += [f"Sets an account aside: {named(lifecycle, group)}.", ""]
    if lifecycle.closing:
        lines += [f"Closes the account for good: {named(lifecycle, lifecycle.closing)}.", ""]
    lines += ["| from | to | event | requirements | why |", "|---|---|---|---|---|"]
    for transition in lifecycle.transitions:
        source = "unset" if transition.from_ is None else transition.from_.name
        requirements = [
            requirement.value.replace("_", " ") for requirement in Requirement if requirement in transition.requirements
        ]
        requirements += ["only back"] if transition.back else []
        lines.append(
            f"| {source} | {transition.to.name} | `{transition.event}` | {', '.join(requirements) or '-'} | {transition.why} |"
        )
    return "\n".join([*lines, "", ""])


def named(lifecycle: Lifecycle[Any], statuses: frozenset[Any]) -> str:
    """Some statuses of a lifecycle, in its order."""
    return ", ".join(status.name for status in lifecycle.statuses if status in statuses)


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
