"""
Lifecycles: a chart of statuses and transitions, compiled once into an immutable table; only the table runs.

What a chart may declare is in `charts`, what ours declare in `states`. What restricts an action in a status is not here
(`policies`), nor is what a request lacks for a transition (`gate`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve, field, frozen

from custstatus.errors import ChartError
from custstatus.lifecycles.charts import chart_edges
from custstatus.values import Value

if TYPE_CHECKING:
    from statemachine import StateMachine

__all__ = ["Lifecycle", "Requirement", "Status", "Transition"]


class Status(Enum):
    """
    The base of a lifecycle's statuses: subclass it with members of text values, by which they are stored.

    Hashed by identity: as fast a key as a string, and `CustomerStatus.DELETED` is never `ClientState.DELETED`.
    """

    __hash__ = object.__hash__


class Requirement(Enum):
    """What a transition requires of a request, beyond being legal."""

    PERSON = "person"
    """The actor is a member of staff, not a system and not the customer (a right, until verification exists)."""
    SYSTEM_OPERATION = "system_operation"
    """Reserved for operations of this library; a caller cannot request it directly (D10, D83)."""
    OWN_REQUEST = "own_request"
    """The customer asked for it themselves, regardless of who enters it (D84, D101)."""
    REASON = "reason"
    """A reason that is not blank, on every channel (D54, D102)."""

    __hash__ = object.__hash__


S = TypeVar("S", bound=Status)


@frozen(repr=False)
class Transition(Value, Generic[S]):
    """One legal step of a lifecycle."""

    from_: S | None
    """Where it starts; None is unset."""
    to: S
    event: str
    """What happens, as the chart names it. (source, target) names one event."""
    requirements: frozenset[Requirement] = frozenset()
    back: bool = False
    """Whether it leads only back to where the account was before it was set aside."""
    why: str = ""
    """The reason why the transition exists, with its source."""


@frozen(repr=False)
class Lifecycle(Value, Generic[S]):
    """
    A named set of statuses and the legal transitions between them.

    Build one with `from_chart`; an organisation edits the table with `adding` and `without`.
    """

    name: str
    statuses: type[S]
    transitions: tuple[Transition[S], ...] = field(repr=False)
    """In the order of the statuses, unset first."""
    aside: tuple[frozenset[S], ...] = ()
    """Groups of statuses that set an account aside: on entering one, it is remembered where the account was."""
    closing: frozenset[S] = frozenset()
    """Statuses that close the account for good: identifiers are released and every lifecycle is frozen (D5)."""
    _table: Mapping[tuple[S | None, S], Transition[S]] = field(init=False, repr=False, eq=False)
    _into: Mapping[S, tuple[Transition[S], ...]] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        faults = list(_table_faults(self))
        if faults:
            raise ChartError(f"lifecycle {self.name!r}", faults)
        order: dict[S | None, int] = {None: -1, **{status: place for place, status in enumerate(self.statuses)}}
        transitions = tuple(
            sorted(self.transitions, key=lambda transition: (order[transition.from_], order[transition.to]))
        )
        object.__setattr__(self, "transitions", transitions)
        object.__setattr__(
            self, "_table", {(transition.from_, transition.to): transition for transition in transitions}
        )
        into = {
            status: tuple(transition for transition in transitions if transition.to is status)
            for status in self.statuses
        }
        object.__setattr__(self, "_into", into)

    @classmethod
    def from_chart(
        cls,
        statuses: type[S],
        chart: type[StateMachine],
        *,
        name: str | None = None,
        requirements: Mapping[str, Iterable[Requirement]] | None = None,
        back: Iterable[str] = (),
        aside: Iterable[Iterable[S]] = (),
        closing: Iterable[S] = (),
    ) -> Lifecycle[S]:
        """
        Compile a chart into its transition table.

        Args:
            statuses: The enum whose members are the values of the chart's states.
            chart: Starts at `unset`, holds transitions only; an event's `name` says why its transitions exist.
            name: Where standings on it are stored; by default the enum's name in snake case.
            requirements: What each event's transitions require. An event whose requirements differ by source is two events.
            back: Events whose transitions lead only back to where the account was.
            aside: The groups of statuses that set an account aside.
            closing: The statuses that close the account.

        Raises:
            ChartError: The chart declares something that a table cannot hold; every offender is named.
        """
        edges = chart_edges(statuses, chart)
        asked = {event: frozenset(wanted) for event, wanted in (requirements or {}).items()}
        back = frozenset(back)
        unknown = sorted({*asked, *back} - {edge.event for edge in edges})
        if unknown:
            raise ChartError(
                f"chart {chart.__name__}",
                [f"requirements or back name no event of the chart: {event!r}" for event in unknown],
            )
        transitions = tuple(
            Transition(
                edge.source, edge.target, edge.event, asked.get(edge.event, frozenset()), edge.event in back, edge.why
            )
            for edge in edges
        )
        return cls(
            name=name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", statuses.__name__).lower(),
            statuses=statuses,
            transitions=transitions,
            aside=tuple(frozenset(group) for group in aside),
            closing=frozenset(closing),
        )

    def transition(self, source: S | None, target: S) -> Transition[S] | None:
        """The transition from one status to another, or None where there is none."""
        return self._table.get((source, target))

    def into(self, target: S) -> tuple[Transition[S], ...]:
        """Every transition that leads to a status."""
        return self._into[target]

    def out_of(self, source: S | None) -> tuple[Transition[S], ...]:
        """Every transition that starts at a status, or at unset."""
        return tuple(transition for transition in self.transitions if transition.from_ is source)

    def group_of(self, status: S) -> frozenset[S]:
        """The group of set-aside statuses that a status belongs to; empty for all others."""
        return next((group for group in self.aside if status in group), frozenset())

    def adding(self, *transitions: Transition[S]) -> Lifecycle[S]:
        """
        The same lifecycle with more transitions, or with other requirements for those that it has.

        Raises:
            ChartError: A transition starts at a closing status, or makes an event ambiguous.
        """
        replaced = {(transition.from_, transition.to) for transition in transitions}
        kept = tuple(transition for transition in self.transitions if (transition.from_, transition.to) not in replaced)
        return evolve(self, transitions=kept + transitions)

    def without(self, *pairs: tuple[S | None, S]) -> Lifecycle[S]:
        """
        The same lifecycle with transitions taken away.

        Raises:
            ChartError: There is no such transition.
        """
        missing = [pair for pair in pairs if pair not in self._table]
        if missing:
            faults = [
                f"there is no transition {_named(source)} -> {_named(target)} to take away"
                for source, target in missing
            ]
            raise ChartError(f"lifecycle {self.name!r}", faults)
        return evolve(
            self,
            transitions=tuple(
                transition for transition in self.transitions if (transition.from_, transition.to) not in pairs
            ),
        )

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram: each edge with its event and its requirements."""
        lines = ["stateDiagram-v2"]
        for transition in self.transitions:
            source = "[*]" if transition.from_ is None else transition.from_.name
            requirements = "".join(
                f"<br/>{requirement.value}" for requirement in Requirement if requirement in transition.requirements
            )
            lines.append(
                f"    {source} --> {transition.to.name}: {transition.event}{requirements}{'<br/>back' if transition.back else ''}"
            )
        lines += [f"    {status.name} --> [*]" for status in self.statuses if status in self.closing]
        return "\n".join(lines) + "\n"

    def table(self) -> str:
        """The table as text, a transition a line: from, to, event, requirements, why."""
        rows = [("from", "to", "event", "requirements", "why")]
        for transition in self.transitions:
            requirements = [
                requirement.value for requirement in Requirement if requirement in transition.requirements
            ] + (["back"] if transition.back else [])
            rows.append(
                (
                    _named(transition.from_),
                    transition.to.name,
                    transition.event,
                    ", ".join(requirements) or "-",
                    transition.why,
                )
            )
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
    for transition in lifecycle.transitions:
        wrong = list(_transition_faults(lifecycle, transition))
        yield from wrong
        if not wrong:
            sound.append(transition)
    yield from _clashes(sound)
    yield from _group_faults(lifecycle)


def _transition_faults(lifecycle: Lifecycle[Any], transition: Transition[Any]) -> Iterator[str]:
    """What is wrong with one transition by itself."""
    edge = f"{_named(transition.from_)} -> {_named(transition.to)}"
    ends = [transition.to] if transition.from_ is None else [transition.from_, transition.to]
    if not all(isinstance(status, lifecycle.statuses) for status in ends):
        yield f"{edge}: both ends must be statuses of {lifecycle.statuses.__name__}, the source may be unset"
        return
    if not isinstance(transition.event, str) or not _EVENT.fullmatch(transition.event):
        yield f"{edge}: event {transition.event!r} is no name of 1 to 64 lower-case letters, digits and underscores"
    strays = [requirement for requirement in transition.requirements if not isinstance(requirement, Requirement)]
    if strays:
        yield f"{edge}: requires what no request can meet: {', '.join(sorted(map(repr, strays)))}"
    if not isinstance(transition.why, str) or not (transition.why == "" or transition.why.isprintable()):
        yield f"{edge}: its reason is no one line of text"
    if transition.back and transition.from_ is transition.to:
        yield f"{edge}: leads back to where it starts"
    elif transition.back and not any(transition.from_ in group for group in lifecycle.aside):
        yield f"{edge}: leads back from {_named(transition.from_)}, which sets no account aside"
    if transition.from_ in lifecycle.closing:
        yield f"{edge}: leads out of {_named(transition.from_)}, which closes the account for good"


def _clashes(transitions: Iterable[Transition[Any]]) -> Iterator[str]:
    """Where two transitions contradict each other."""
    pairs: set[tuple[object, object]] = set()
    targets: dict[tuple[object, str], Status] = {}
    rules: dict[str, tuple[frozenset[Requirement], bool]] = {}
    for transition in transitions:
        if (transition.from_, transition.to) in pairs:
            yield f"{_named(transition.from_)} -> {_named(transition.to)}: more than one event for one pair of statuses"
        pairs.add((transition.from_, transition.to))
        other = targets.setdefault((transition.from_, transition.event), transition.to)
        if other is not transition.to:
            ends = f"{_named(other)} and {_named(transition.to)}"
            yield f"event {transition.event!r} from {_named(transition.from_)}: two targets, {ends}"
        if rules.setdefault(transition.event, (transition.requirements, transition.back)) != (
            transition.requirements,
            transition.back,
        ):
            yield f"event {transition.event!r}: its requirements differ by source; make it two events"


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
