"""
Lifecycles: a chart of statuses and moves, compiled once into an immutable table; only the table runs.

What a chart may declare is in `charts`, what ours declare in `states`. What restricts an action in a status is not here
(`policies`), nor is what an account lacks for a move (`planning`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve, field, frozen

from custstatus.charts import chart_edges
from custstatus.errors import ChartError
from custstatus.values import Value

if TYPE_CHECKING:
    from statemachine import StateMachine

__all__ = ["Lifecycle", "Move", "Need", "Status"]


class Status(Enum):
    """
    The base of a lifecycle's statuses: subclass it with members of text values, by which they are stored.

    Hashed by identity: as fast a key as a string, and `CustomerStatus.DELETED` is never `ClientState.DELETED`.
    """

    __hash__ = object.__hash__


class Need(Enum):
    """What a move asks of the request for it, beyond being legal."""

    PERSON = "person"
    """The actor is a member of staff, not a system and not the customer (a right, until verification exists)."""
    SYSTEM_OPERATION = "system_operation"
    """Only an operation of this library's own makes the move, never a caller by hand (D10, D83)."""
    OWN_WISH = "own_wish"
    """The customer asked for it himself, whoever enters it (D84, D101)."""
    REASON = "reason"
    """A reason that is not blank, on every channel (D54, D102)."""

    __hash__ = object.__hash__


S = TypeVar("S", bound=Status)


@frozen(repr=False)
class Move(Value, Generic[S]):
    """One legal step of a lifecycle."""

    source: S | None
    """Where it starts; None is unset."""
    target: S
    event: str
    """What happens, as the chart names it. (source, target) names one event."""
    needs: frozenset[Need] = frozenset()
    back: bool = False
    """Whether it leads only back to where the account was before it was set aside."""
    why: str = ""
    """The reason why the move exists, with its source."""


@frozen(repr=False)
class Lifecycle(Value, Generic[S]):
    """
    A named set of statuses and the legal moves between them.

    Build one with `from_chart`; an organisation edits the table with `adding` and `without`.
    """

    name: str
    statuses: type[S]
    moves: tuple[Move[S], ...] = field(repr=False)
    """In the order of the statuses, unset first."""
    aside: tuple[frozenset[S], ...] = ()
    """Groups of statuses that set an account aside: on entering one, it is remembered where the account was."""
    closing: frozenset[S] = frozenset()
    """Statuses that close the account for good: identifiers are released and every lifecycle is frozen (D5)."""
    _table: Mapping[tuple[S | None, S], Move[S]] = field(init=False, repr=False, eq=False)
    _into: Mapping[S, tuple[Move[S], ...]] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        faults = list(_table_faults(self))
        if faults:
            raise ChartError(f"lifecycle {self.name!r}", faults)
        order: dict[S | None, int] = {None: -1, **{status: place for place, status in enumerate(self.statuses)}}
        moves = tuple(sorted(self.moves, key=lambda move: (order[move.source], order[move.target])))
        object.__setattr__(self, "moves", moves)
        object.__setattr__(self, "_table", {(move.source, move.target): move for move in moves})
        into = {status: tuple(move for move in moves if move.target is status) for status in self.statuses}
        object.__setattr__(self, "_into", into)

    @classmethod
    def from_chart(
        cls,
        statuses: type[S],
        chart: type[StateMachine],
        *,
        name: str | None = None,
        needs: Mapping[str, Iterable[Need]] | None = None,
        back: Iterable[str] = (),
        aside: Iterable[Iterable[S]] = (),
        closing: Iterable[S] = (),
    ) -> Lifecycle[S]:
        """
        Compile a chart into its table of moves.

        Args:
            statuses: The enum whose members are the values of the chart's states.
            chart: Starts at `unset`, holds moves only; an event's `name` says why its moves exist.
            name: Where standings on it are stored; by default the enum's name in snake case.
            needs: What each event's moves ask for. An event whose needs differ by source is two events.
            back: Events whose moves lead only back to where the account was.
            aside: The groups of statuses that set an account aside.
            closing: The statuses that close the account.

        Raises:
            ChartError: The chart declares something that a table cannot hold; every offender is named.
        """
        edges = chart_edges(statuses, chart)
        asked = {event: frozenset(wanted) for event, wanted in (needs or {}).items()}
        back = frozenset(back)
        unknown = sorted({*asked, *back} - {edge.event for edge in edges})
        if unknown:
            raise ChartError(
                f"chart {chart.__name__}", [f"needs or back name no event of the chart: {event!r}" for event in unknown]
            )
        moves = tuple(
            Move(edge.source, edge.target, edge.event, asked.get(edge.event, frozenset()), edge.event in back, edge.why)
            for edge in edges
        )
        return cls(
            name=name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", statuses.__name__).lower(),
            statuses=statuses,
            moves=moves,
            aside=tuple(frozenset(group) for group in aside),
            closing=frozenset(closing),
        )

    def move(self, source: S | None, target: S) -> Move[S] | None:
        """The move from one status to another, or None where there is none."""
        return self._table.get((source, target))

    def into(self, target: S) -> tuple[Move[S], ...]:
        """Every move that leads to a status."""
        return self._into[target]

    def out_of(self, source: S | None) -> tuple[Move[S], ...]:
        """Every move that starts at a status, or at unset."""
        return tuple(move for move in self.moves if move.source is source)

    def group_of(self, status: S) -> frozenset[S]:
        """The group of set-aside statuses that a status belongs to; empty for all others."""
        return next((group for group in self.aside if status in group), frozenset())

    def adding(self, *moves: Move[S]) -> Lifecycle[S]:
        """
        The same lifecycle with more moves, or with other needs for moves that it has.

        Raises:
            ChartError: A move starts at a closing status, or makes an event ambiguous.
        """
        replaced = {(move.source, move.target) for move in moves}
        kept = tuple(move for move in self.moves if (move.source, move.target) not in replaced)
        return evolve(self, moves=kept + moves)

    def without(self, *pairs: tuple[S | None, S]) -> Lifecycle[S]:
        """
        The same lifecycle with moves taken away.

        Raises:
            ChartError: There is no such move.
        """
        missing = [pair for pair in pairs if pair not in self._table]
        if missing:
            faults = [
                f"there is no move {_named(source)} -> {_named(target)} to take away" for source, target in missing
            ]
            raise ChartError(f"lifecycle {self.name!r}", faults)
        return evolve(self, moves=tuple(move for move in self.moves if (move.source, move.target) not in pairs))

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram: each edge with its event and what it needs."""
        lines = ["stateDiagram-v2"]
        for move in self.moves:
            source = "[*]" if move.source is None else move.source.name
            needs = "".join(f"<br/>{need.value}" for need in Need if need in move.needs)
            lines.append(f"    {source} --> {move.target.name}: {move.event}{needs}{'<br/>back' if move.back else ''}")
        lines += [f"    {status.name} --> [*]" for status in self.statuses if status in self.closing]
        return "\n".join(lines) + "\n"

    def table(self) -> str:
        """The table as text, a move a line: from, to, event, needs, why."""
        rows = [("from", "to", "event", "needs", "why")]
        for move in self.moves:
            needs = [need.value for need in Need if need in move.needs] + (["back"] if move.back else [])
            rows.append((_named(move.source), move.target.name, move.event, ", ".join(needs) or "-", move.why))
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "".join(
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip() + "\n"
            for row in rows
        )


_EVENT = re.compile(r"[a-z][a-z0-9_]{0,63}")


def _named(status: object) -> str:
    return "unset" if status is None else str(getattr(status, "name", repr(status)))


def _table_faults(lifecycle: Lifecycle[Any]) -> Iterator[str]:
    """What would make the table ambiguous, or lead out of a status that closes the account."""
    statuses: Any = lifecycle.statuses
    if not (isinstance(statuses, type) and issubclass(statuses, Status)) or issubclass(statuses, str):
        yield f"{statuses!r}: expected an enum of Status, not of text, whose members of two lifecycles would be equal"
        return
    for status in statuses:
        value = status.value
        if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 64:
            yield f"status value {value!r}: expected text of 1 to 64 printable characters, by which it is stored"
        if status.name == "unset":
            yield "a status named 'unset': that is where an account is before it enters the lifecycle"
    sound = []
    for move in lifecycle.moves:
        wrong = list(_move_faults(lifecycle, move))
        yield from wrong
        if not wrong:
            sound.append(move)
    yield from _clashes(sound)
    yield from _group_faults(lifecycle)


def _move_faults(lifecycle: Lifecycle[Any], move: Move[Any]) -> Iterator[str]:
    """What is wrong with one move by itself."""
    edge = f"{_named(move.source)} -> {_named(move.target)}"
    ends = [move.target] if move.source is None else [move.source, move.target]
    if not all(isinstance(status, lifecycle.statuses) for status in ends):
        yield f"{edge}: both ends must be statuses of {lifecycle.statuses.__name__}, the source may be unset"
        return
    if not isinstance(move.event, str) or not _EVENT.fullmatch(move.event):
        yield f"{edge}: event {move.event!r} is no name of 1 to 64 lower-case letters, digits and underscores"
    strays = [need for need in move.needs if not isinstance(need, Need)]
    if strays:
        yield f"{edge}: needs what no request can meet: {', '.join(sorted(map(repr, strays)))}"
    if not isinstance(move.why, str) or not (move.why == "" or move.why.isprintable()):
        yield f"{edge}: its reason is no one line of text"
    if move.back and move.source is move.target:
        yield f"{edge}: leads back to where it starts"
    elif move.back and not any(move.source in group for group in lifecycle.aside):
        yield f"{edge}: leads back from {_named(move.source)}, which sets no account aside"
    if move.source in lifecycle.closing:
        yield f"{edge}: leads out of {_named(move.source)}, which closes the account for good"


def _clashes(moves: Iterable[Move[Any]]) -> Iterator[str]:
    """Where two moves contradict each other."""
    pairs: set[tuple[object, object]] = set()
    targets: dict[tuple[object, str], Status] = {}
    rules: dict[str, tuple[frozenset[Need], bool]] = {}
    for move in moves:
        if (move.source, move.target) in pairs:
            yield f"{_named(move.source)} -> {_named(move.target)}: more than one event for one pair of statuses"
        pairs.add((move.source, move.target))
        other = targets.setdefault((move.source, move.event), move.target)
        if other is not move.target:
            yield f"event {move.event!r} from {_named(move.source)}: two targets, {_named(other)} and {_named(move.target)}"
        if rules.setdefault(move.event, (move.needs, move.back)) != (move.needs, move.back):
            yield f"event {move.event!r}: its needs differ by source; make it two events"


def _group_faults(lifecycle: Lifecycle[Any]) -> Iterator[str]:
    """What is wrong with the groups that set an account aside, and with the statuses that close it."""
    seen: set[Status] = set()
    for group in lifecycle.aside:
        if not group:
            yield "a set-aside group without a status"
        if group & seen:
            yield f"set-aside groups overlap at {', '.join(sorted(map(_named, group & seen)))}"
        seen |= group
    if seen & lifecycle.closing:
        yield f"both set aside and closing: {', '.join(sorted(map(_named, seen & lifecycle.closing)))}"
    strays = [status for status in (*seen, *lifecycle.closing) if not isinstance(status, lifecycle.statuses)]
    if strays:
        yield f"set aside or closing, but no status of {lifecycle.statuses.__name__}: {strays}"
