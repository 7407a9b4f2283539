"""
Compiled policies: the verdict of each place and action, built once, so that asking is a look-up.

The space is finite: the places of every lifecycle that is on, times the configured actions. Cells that no rule touches
share one ALLOW verdict an action. Several lifecycles are merged on first sight of a combination and remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from attrs import field, frozen

from custstatus.bounds import kind_of
from custstatus.errors import InvalidInputError, StoredValueError, UnknownActionError
from custstatus.lifecycles.lifecycle import Lifecycle, Requirement, Status
from custstatus.policies.policy import Policy, Question, opinion
from custstatus.policies.rules import TWO_PARTY, Party, Place, Restriction, RestrictionPolicy
from custstatus.policies.verdicts import Contribution, Lift, Verdict, strictest
from custstatus.records import Account, AnyAction, Effect, NoLabels, StatusLabel
from custstatus.states import CUSTOMER_STATUS, LEGACY_FRAUD_STATUS, CustomerStatus
from custstatus.values import Value

__all__ = ["Cell", "Cells", "CompiledPolicy", "Located", "PolicyRow", "places_of"]

Where = tuple[Status | None, StatusLabel | None]
"""Status and label; a status without labels has None, an unset standing has neither."""


class Located(NamedTuple):
    """A place, and the lifecycle that it is on."""

    lifecycle: str
    status: Status
    label: StatusLabel | None


class Cell(NamedTuple):
    """One question that a compiled policy answers for all customers alike."""

    lifecycle: str
    status: Status
    label: StatusLabel | None
    action: AnyAction
    party: Party | None = None


class PolicyRow(NamedTuple):
    """
    One cell as plain text and numbers, as any engine takes them.

    Of several lifecycles the strictest wins: an account's answer lies between the greatest `least` and the greatest `most`
    of the rows where it stands, and is known where those are the same.
    """

    lifecycle: str
    status: str | None
    """As stored; None is unset."""
    label: str | None
    action: str
    party: str | None
    """None: asked alone."""
    effect: str
    """What the restrictions say, every condition holding."""
    strictness: int
    """That of the effect: 0 allow, 1 mark, 2 block."""
    code: str
    depends_on: str
    """The conditions and own policies that decide at run time, joined by a comma; empty where none does."""
    least: int
    """The mildest strictness that it can come to, whatever those say."""
    most: int
    """The strictest."""


def places_of(
    lifecycle: Lifecycle[Any], labels: type[StatusLabel] = NoLabels
) -> tuple[tuple[Status, StatusLabel | None], ...]:
    """Every (status, label) that an account can be put at on a lifecycle, in the order of the statuses."""
    if lifecycle.statuses is not CustomerStatus or not len(labels):
        return tuple((status, None) for status in lifecycle.statuses)
    return tuple((status, label) for status in CustomerStatus for label in labels if label.status is status)


def _all_places(lifecycle: Lifecycle[Any], labels: type[StatusLabel]) -> Iterable[tuple[Status, StatusLabel | None]]:
    """Those, and the bare statuses: an account that was there before labels were configured has none."""
    return dict.fromkeys([*places_of(lifecycle, labels), *((status, None) for status in lifecycle.statuses)])


Cells = Mapping[tuple[Status | None, StatusLabel | None, AnyAction], Verdict]


@frozen(eq=False, repr=False)
class CompiledPolicy(Value):
    """A policy, compiled for the lifecycles, labels and actions of one organisation."""

    org: str
    restrictions: RestrictionPolicy = field(repr=False)
    lifecycles: tuple[Lifecycle[Any], ...] = field(repr=False)
    """Those that restrict: legacy fraud gives way to customer status where both are on (D45)."""
    labels: type[StatusLabel] = field(repr=False)
    actions: tuple[AnyAction, ...] = field(repr=False)
    """Every configured action."""
    two_party: frozenset[AnyAction] = field(repr=False)
    """The actions between two customers."""
    own: Mapping[str, Policy] = field(repr=False)
    """The host's own policies, by name; no cell knows what they say."""
    places: tuple[Located, ...] = field(repr=False)
    """Where an account may be; with labels the bare statuses too, where it was before there were any."""
    cells: Cells = field(repr=False)
    """The verdict of each (status, label, action) of every lifecycle that is on; (None, None, action) is unset."""
    sides: Mapping[Party, Cells] = field(repr=False)
    """The same of actions between two customers, as either side is asked."""
    _stored: Mapping[tuple[str, str | None, str | None], Where] = field(repr=False)
    _statuses: frozenset[tuple[str, str]] = field(repr=False)
    _on: frozenset[str] = field(repr=False)
    _known: frozenset[AnyAction] = field(repr=False)
    _merged: dict[str, dict[AnyAction, Verdict]] = field(factory=dict, init=False, repr=False)
    _tested: dict[tuple[str, AnyAction, Party | None], Verdict] = field(factory=dict, init=False, repr=False)

    @classmethod
    def build(
        cls,
        org: str,
        policy: RestrictionPolicy,
        lifecycles: Sequence[Lifecycle[Any]],
        labels: type[StatusLabel],
        actions: Iterable[AnyAction],
        *,
        two_party: frozenset[AnyAction] = TWO_PARTY,
        own: Mapping[str, Policy] | None = None,
    ) -> CompiledPolicy:
        """Compile every cell."""
        actions = tuple(actions)
        cells: dict[tuple[Status | None, StatusLabel | None, AnyAction], Verdict] = {}
        sides: dict[Party, dict[tuple[Status | None, StatusLabel | None, AnyAction], Verdict]] = {
            party: {} for party in Party
        }
        on = tuple(lifecycle for lifecycle in lifecycles if not _superseded(lifecycle, lifecycles))
        compiled = cls(
            org=org,
            restrictions=policy,
            lifecycles=on,
            labels=labels,
            actions=actions,
            two_party=two_party & frozenset(actions),
            own=dict(sorted((own or {}).items())),
            places=tuple(Located(each.name, *where) for each in on for where in _all_places(each, labels)),
            cells=cells,
            sides=sides,
            stored={
                (lifecycle.name, status.value, label.text if label is not None else None): (status, label)
                for lifecycle in lifecycles
                for status, label in _all_places(lifecycle, labels)
            },
            statuses=frozenset(
                (lifecycle.name, status.value) for lifecycle in lifecycles for status in lifecycle.statuses
            ),
            on=frozenset(lifecycle.name for lifecycle in lifecycles),
            known=frozenset(actions),
        )
        tables: list[tuple[Party | None, Any, tuple[AnyAction, ...]]] = [(None, cells, actions)]
        tables += [(party, sides[party], tuple(compiled.two_party)) for party in Party]
        lifting = compiled._lifts
        at: dict[Place, dict[int, Restriction]] = {}
        for rank, rule in enumerate(sorted(policy, key=_rank)):
            for place in rule.when:
                at.setdefault(place, {})[rank] = rule
        for party, table, asked in tables:
            allowed = {action: Verdict.of(action, (), lifting, party) for action in asked}
            for where in [(None, None), *compiled._stored.values()]:
                table.update({(*where, action): verdict for action, verdict in allowed.items()})
        for lifecycle, status, label in compiled.places:
            # A rule for a status and one of its labels applies once.
            rules = (
                at.get(status, {}) if label is None else dict(sorted((at.get(status, {}) | at.get(label, {})).items()))
            )
            contributions = [Contribution(rule, lifecycle, status, label) for rule in rules.values()]
            for party, table, asked in tables:
                for action, applying in _by_action(contributions, party, asked).items():
                    table[status, label, action] = Verdict.of(action, tuple(applying), lifting, party)
        return compiled

    def with_rules(self, policy: RestrictionPolicy) -> CompiledPolicy:
        """Other restrictions, compiled for the same organisation."""
        return self.build(
            self.org, policy, self.lifecycles, self.labels, self.actions, two_party=self.two_party, own=self.own
        )

    def __call__(self, question: Question, /) -> Verdict:
        """The verdict on one question: this is a `Policy` like any other."""
        return self.verdict_of(question.account, question.action, party=question.party, context=question.context)

    def knows(self, action: object) -> bool:
        """Whether the configuration has an action."""
        return isinstance(action, AnyAction) and action in self._known

    def every_cell(self) -> Iterator[tuple[Cell, Verdict]]:
        """Every cell at which an account may be, lifecycle by lifecycle; actions between two customers asked each way."""
        for place in self.places:
            for action in self.actions:
                yield Cell(*place, action), self.cells[place.status, place.label, action]
                if action in self.two_party:
                    for party, cells in self.sides.items():
                        yield Cell(*place, action, party), cells[place.status, place.label, action]

    def as_table(self) -> tuple[PolicyRow, ...]:
        """
        Every cell as a row, and those of the unset standings (D37).

        Each standing on a lifecycle that restricts finds exactly one row for an action and party.
        """
        unset = [(lifecycle.name, None, None) for lifecycle in self.lifecycles]
        tables = [self.cells, *self.sides.values()]
        return tuple(
            self._row(lifecycle, status and status.value, label and label.text, cells[status, label, action])
            for lifecycle, status, label in (*unset, *self.places)
            for action in self.actions
            for cells in (tables if action in self.two_party else tables[:1])
        )

    def _row(self, lifecycle: str, status: str | None, label: str | None, verdict: Verdict) -> PolicyRow:
        action, party, effect, least = verdict.action.value, verdict.party, verdict.effect, verdict.floor
        own = () if least is Effect.BLOCK else self.own
        names = ",".join([*(condition.name for condition in verdict.conditions), *own])
        said = (action, party and party.value, effect.value, effect.strictness, verdict.code, names)
        return PolicyRow(
            lifecycle, status, label, *said, least.strictness, (Effect.BLOCK if own else effect).strictness
        )

    def verdict(
        self, status: Status | None, label: StatusLabel | None, action: AnyAction, party: Party | None = None
    ) -> Verdict:
        """
        What the restrictions say of one action at one place, were every condition to hold.

        Raises:
            UnknownActionError: The configuration does not have the action.
            StoredValueError: The configuration does not have the place.
        """
        try:
            if party is None or action not in self.two_party:
                return self.cells[status, label, action]
            return self.sides[party][status, label, action]
        except (KeyError, TypeError):
            self.check_action(action)
            _check_party(party)
            raise StoredValueError(
                type(status).__name__, "place", f"{status and status.name} / {label and label.name}"
            ) from None

    def verdict_of(
        self, account: Account, action: AnyAction, *, party: Party | None = None, context: object = None
    ) -> Verdict:
        """
        What the policy says of one action for an account, over all its standings.

        Lifecycles that are off are passed over. Raises as `verdict` does.
        """
        if party is None:
            try:
                return self._merged[account.places][action]
            except (KeyError, TypeError):
                pass
        return self._asked(account, action, party, context)

    def _asked(self, account: Account, action: AnyAction, party: Party | None, context: object) -> Verdict:
        """The verdict that is not remembered: not yet, or because it depends on more than the places."""
        merged = self.restricted(account, action, party)
        if not (merged.is_tested or self.own):
            if party is None:
                self._merged.setdefault(account.places, {})[action] = merged
            return merged
        if merged.is_tested:
            merged = merged.given(context)
        if self.own:
            question = Question(action, account, party, context)
            said = [opinion(name, policy, question) for name, policy in self.own.items()]
            merged = merged.joined(tuple(each for each in said if each is not None))
        return merged

    def restricted(self, account: Account, action: AnyAction, party: Party | None = None) -> Verdict:
        """What the restrictions alone say for an account, were every condition to hold. Raises as `verdict` does."""
        self.check_action(action)
        _check_party(party)
        party = party if action in self.two_party else None
        merged = self._tested.get((account.places, action, party))
        return self._merge(account, action, party) if merged is None else merged

    def _merge(self, account: Account, action: AnyAction, party: Party | None) -> Verdict:
        """The verdicts of all standings in one; remembered."""
        rows = (row for row in account.standings if row.lifecycle in self._on)
        verdicts = [self.verdict(*self.resolve(row.lifecycle, row.status, row.label), action, party) for row in rows]
        restricting = [verdict for verdict in verdicts if verdict.contributions]
        if len(restricting) > 1:
            contributions = (contribution for verdict in restricting for contribution in verdict.contributions)
            ordered = sorted(contributions, key=lambda each: (-each.rule.effect.strictness, each.lifecycle))
            merged = Verdict.of(action, tuple(ordered), self._lifts, party)
        else:
            merged = restricting[0] if restricting else self.verdict(None, None, action, party)
        self._tested[account.places, action, party] = merged
        return merged

    def resolve(self, lifecycle: str, status: str | None, label: str | None) -> Where:
        """
        The enum members that a stored status and label mean.

        Raises:
            StoredValueError: The configuration lacks one of them.
        """
        if status is None:
            return None, None
        try:
            return self._stored[lifecycle, status, label]
        except KeyError:
            if lifecycle not in self._on:
                raise StoredValueError(lifecycle, "lifecycle", lifecycle) from None
            if (lifecycle, status) not in self._statuses:
                raise StoredValueError(lifecycle, "status", status) from None
            raise StoredValueError(lifecycle, "label", label or "(none)") from None

    def _lifts(self, verdict: Verdict) -> tuple[Lift, ...]:
        """Every change after which the rules would treat the action more mildly on one of the lifecycles that restrict it."""
        found: list[Lift] = []
        for (name, status, label), each in groupby(
            sorted(verdict.contributions, key=attrgetter("lifecycle")), key=_standing
        ):
            lifecycle = next(lifecycle for lifecycle in self.lifecycles if lifecycle.name == name)
            here = strictest(contribution.rule.effect for contribution in each).strictness
            for to_status, to_label in places_of(lifecycle, self.labels):
                transition = lifecycle.transition(status, to_status)
                # A suspicion may be milder than a suspension, but it is no way out of one; nor is what nobody can ask for.
                sets_aside = lifecycle.group_of(to_status) - lifecycle.group_of(status)
                if transition is None or sets_aside or Requirement.SYSTEM_OPERATION in transition.requirements:
                    continue
                effect = self.verdict(to_status, to_label, verdict.action, verdict.party).effect
                if (to_label or to_status) is not (label or status) and effect.strictness < here:
                    found.append(
                        Lift(
                            name,
                            to_status,
                            to_label,
                            transition.event,
                            transition.requirements,
                            transition.back,
                            effect,
                        )
                    )
        return tuple(found)

    def check_action(self, action: object) -> None:
        """UnknownActionError unless the configuration has the action."""
        if not self.knows(action):
            name = action.name if isinstance(action, AnyAction) else type(action).__name__
            raise UnknownActionError(self.org, name, (known.name for known in self.actions))


def _rank(rule: Restriction) -> tuple[Any, ...]:
    """The order in which rules are reported, whatever the order in which they are written: the strictest first."""
    texts = rule.code or "", rule.reason, rule.customer_message or ""
    party = "" if rule.party is None else rule.party.value
    condition = "" if rule.condition is None else rule.condition.name
    actions = [] if rule.actions is None else sorted(action.value for action in rule.actions)
    return -rule.effect.strictness, condition != "", *texts, party, condition, actions


def _check_party(party: object) -> None:
    if not isinstance(party, Party | None):
        raise InvalidInputError("party", "a Party, or None", kind_of(party))


def _standing(each: Contribution) -> tuple[str, Status, StatusLabel | None]:
    return each.lifecycle, each.status, each.label


def _by_action(
    contributions: Iterable[Contribution], party: Party | None, asked: tuple[AnyAction, ...]
) -> dict[AnyAction, list[Contribution]]:
    """Of the rules that apply at a place: those for each action, on the side that is asked."""
    found: dict[AnyAction, list[Contribution]] = {}
    for each in contributions:
        rule = each.rule
        if party is None or rule.party is None or rule.party is party:
            named = rule.actions if rule.actions is None or party is None else rule.actions & frozenset(asked)
            for action in asked if named is None else named:
                found.setdefault(action, []).append(each)
    return found


def _superseded(lifecycle: Lifecycle[Any], lifecycles: Sequence[Lifecycle[Any]]) -> bool:
    """Whether customer status, being on, stands in for this lifecycle (D45)."""
    names = {other.name for other in lifecycles}
    return lifecycle.name == LEGACY_FRAUD_STATUS.name and CUSTOMER_STATUS.name in names
