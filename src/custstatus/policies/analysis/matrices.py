"""The whole of a policy as a table for a person to look at: a row an action, a column a status."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from attrs import frozen

from custstatus.policies.rules import Party
from custstatus.states import CustomerStatus
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.lifecycles.lifecycle import Lifecycle, Status
    from custstatus.policies.compiled import CompiledPolicy
    from custstatus.policies.verdicts import Verdict
    from custstatus.records import AnyAction, StatusLabel

__all__ = ["Matrix", "MatrixColumn", "MatrixRow", "markdown_table", "matrix", "shown"]


class MatrixColumn(NamedTuple):
    """A status, or those of its labels that are treated alike where others are not."""

    lifecycle: str
    status: Status
    labels: tuple[StatusLabel, ...] = ()
    """Empty: the whole status."""

    def __str__(self) -> str:
        return self.status.name + "".join(f" / {label.text}" for label in self.labels)


class MatrixRow(NamedTuple):
    """An action, and a verdict for each column."""

    action: AnyAction
    party: Party | None
    verdicts: tuple[Verdict, ...]

    def __str__(self) -> str:
        return self.action.name + (f" as {self.party.value}" if self.party is not None else "")


@frozen(repr=False)
class Matrix(Value):
    """The table: with an action's two sides where they differ, and what the host's own policies may add."""

    columns: tuple[MatrixColumn, ...]
    rows: tuple[MatrixRow, ...]
    own: tuple[str, ...] = ()
    """The host's own policies: each may make any cell stricter at run time."""

    def cells(self) -> list[list[str]]:
        """The table as text, its heading first."""
        lines = [["action", *map(str, self.columns)]]
        lines += [[str(row), *(shown(verdict) for verdict in row.verdicts)] for row in self.rows]
        return lines

    @property
    def note(self) -> str:
        """What the table cannot show; empty where it shows everything."""
        return f"UNKNOWN at run time: {', '.join(self.own)} may make any cell stricter." if self.own else ""

    def markdown(self) -> str:
        """The table as Markdown, a table a lifecycle."""
        tables = []
        for name, numbers in self.lifecycles():
            heading, *lines = [[line[0], *(line[number + 1] for number in numbers)] for line in self.cells()]
            tables.append(f"### {name}\n\n" + markdown_table(heading, lines))
        return "\n".join([*tables, *([self.note + "\n"] if self.note else [])])

    def lifecycles(self) -> list[tuple[str, list[int]]]:
        """Each lifecycle with the numbers of its columns."""
        numbers: dict[str, list[int]] = {}
        for number, column in enumerate(self.columns):
            numbers.setdefault(column.lifecycle, []).append(number)
        return list(numbers.items())


def markdown_table(heading: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    rows = [heading, ["---"] * len(heading), *lines]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows)


def shown(verdict: Verdict) -> str:
    """A cell: its effect, or UNKNOWN with what it depends on and what it lies between."""
    if not verdict.conditions:
        return verdict.effect.value
    names = ", ".join(condition.name for condition in verdict.conditions)
    return f"UNKNOWN: {verdict.floor.value} to {verdict.effect.value} by {names}"


def _shown_places(policy: CompiledPolicy, lifecycle: Lifecycle[Any]) -> Iterator[tuple[Status, StatusLabel | None]]:
    """Every label of a status, or the status where it has none."""
    labels = [label for label in policy.labels if lifecycle.statuses is CustomerStatus]
    for status in lifecycle.statuses:
        own: list[StatusLabel | None] = [label for label in labels if label.status is status]
        yield from ((status, label) for label in own or [None])


def matrix(policy: CompiledPolicy) -> Matrix:
    """
    Every verdict of a policy; the labels of a status are told apart only where they differ. A status that has labels is shown
    by them, not as it is for who stood there before there were any.

    >>> from custstatus import NoLabels, OrgConfig
    >>> print(matrix(OrgConfig("acme", NoLabels).policy).markdown().splitlines()[2])
    | action | ACTIVE | SUSPENDED | FRAUD_SUSPECTED | FRAUD_CONFIRMED | INTERNAL | PENDING_DELETION | DELETED |
    """
    asked: list[tuple[AnyAction, Party | None]] = []
    for action in policy.actions:
        apart = action in policy.two_party and any(
            policy.sides[Party.SOURCE][status, label, action].contributions
            != policy.sides[Party.DESTINATION][status, label, action].contributions
            for _, status, label in policy.places
        )
        asked += [(action, party) for party in (Party if apart else (None,))]
    columns: list[MatrixColumn] = []
    several: list[list[Verdict]] = []
    for lifecycle in policy.lifecycles:
        alike: dict[tuple[Status, tuple[str, ...]], list[StatusLabel]] = {}
        verdicts: dict[tuple[Status, tuple[str, ...]], list[Verdict]] = {}
        for status, label in _shown_places(policy, lifecycle):
            found = [policy.verdict(status, label, action, party) for action, party in asked]
            key = status, tuple(map(shown, found))
            alike.setdefault(key, []).extend([] if label is None else [label])
            verdicts.setdefault(key, found)
        groups = [status for status, _ in alike]
        for (status, texts), labels in alike.items():
            columns.append(MatrixColumn(lifecycle.name, status, tuple(labels) if groups.count(status) > 1 else ()))
            several.append(verdicts[status, texts])
    rows = (MatrixRow(*each, tuple(found[number] for found in several)) for number, each in enumerate(asked))
    return Matrix(tuple(columns), tuple(rows), tuple(policy.own))
