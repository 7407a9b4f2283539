"""
A request as pure data, ready for any store: its steps, and the prepared change.

A store that applies a change by itself asks `Step.admits` and `Step.way_back`; nothing else decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import field, frozen

from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.gate.refusal import Reason, Warned
    from custstatus.gate.request import Token
    from custstatus.lifecycles.lifecycle import Requirement
    from custstatus.records import Actor, Entry, RequestedBy

__all__ = ["PreparedChange", "Step"]


Origin = tuple[str | None, str | None, int | None]
"""Status, label and `return_to` of the entry whose result an account left on being set aside."""


@frozen(eq=False, slots=False, repr=False)
class Step(Value):
    """
    One lifecycle of one change; like requests under one configuration share one object.

    A store that applies a change by itself asks `admits` and `way_back`; what the request `lacks` only explains.
    """

    lifecycle: str
    to: str
    label: str | None
    by_status: bool
    """Asked for by status: if the account is in it already, that is no change, whatever the label."""
    lacks: Mapping[str | None, frozenset[Requirement]]
    """For each status with a transition to the target: the requirements that the request does not meet."""
    open: frozenset[str | None]
    """The sources where nothing is lacking; None is unset."""
    back: frozenset[str]
    """The sources where nothing is lacking, but that lead only to where the account was."""
    back_only: frozenset[str]
    """The statuses from which the transition only leads back, whatever the request lacks there."""
    group_statuses: frozenset[str]
    group_labels: frozenset[str]
    """The set-aside group that the target belongs to, by status or by label."""
    closes: bool
    only_from: frozenset[str] | None = None
    """Labels, or statuses where there is no label, outside which the change is not made."""
    stands_for: frozenset[str | None] = frozenset()
    """On the way back: the label itself, and one that has been retired (or none, before there were labels)."""

    def leads_to(self, origin: Origin | None) -> bool:
        """Whether the step leads to where the account was before it was set aside."""
        return origin is not None and origin[0] == self.to and origin[1] in self.stands_for

    def admits(self, status: str | None, label: str | None, origin: Origin | None) -> bool:
        """Whether the step can be made from a place, given where the account was before it was set aside."""
        if status == self.to and (self.by_status or label == self.label):
            return False
        if self.only_from is not None and (label or status) not in self.only_from:
            return False
        return status in self.open or (status in self.back and self.leads_to(origin))

    def way_back(
        self, status: str | None, label: str | None, entry: int, return_to: int | None, origin: Origin | None
    ) -> int | None:
        """
        The version of the entry to which the way back leads after the step: kept, restored, begun or cleared.

        Args:
            status: Where the account is.
            label: Likewise.
            entry: The version of the entry that put it there.
            return_to: Where the way back leads so far.
            was: What that entry's result was.
        """
        if status is None:
            return None
        if status in self.group_statuses or label in self.group_labels:
            return return_to
        if self.leads_to(origin):
            return None if origin is None else origin[2]
        # An idle label is entered only from its own status: a purchase never leads back into a suspicion (D63).
        begins = self.group_statuses or (self.group_labels and status == self.to)
        return entry if begins else None


@frozen(eq=False, slots=False, repr=False)
class PreparedChange(Value):
    """A request as pure data: all that a store needs to apply it."""

    org: str
    customer: str
    steps: tuple[Step, ...]
    now: datetime
    at: datetime | None
    """The effective time as the caller gave it."""
    actor: Actor
    requested_by: RequestedBy
    channel: str
    config: str
    reason: str | None = field(default=None, repr=False)
    reason_code: str | None = None
    reason_digest: bytes | None = field(default=None, repr=False)
    key: str | None = None
    digest: bytes | None = field(default=None, repr=False)
    expected: int | None = None
    registers: bool = False
    lifecycles: tuple[str, ...] = ()
    """When it registers: every lifecycle that is on."""
    adds: tuple[Token, ...] = ()
    drops: tuple[Token, ...] = ()
    quiet_since: datetime | None = None
    run: str | None = None
    approval: str | None = None
    shop: str | None = None
    grace_since: datetime | None = None
    entry: int | None = None
    reasons: tuple[Reason, ...] = ()
    """Reasons that apply to any account: with any of them there is nothing to apply, only to explain."""
    warnings: tuple[Warned, ...] = ()

    @property
    def single(self) -> Step | None:
        """The step of a change of one lifecycle of an account that is there, and of nothing else; None for all others."""
        others = self.registers or self.adds or self.drops or self.reasons
        return self.steps[0] if len(self.steps) == 1 and not others else None

    @property
    def plain(self) -> Step | None:
        """That step, where the change belongs to no bulk run and asks for nothing that only those ask for."""
        step = self.single
        bulk = self.run or self.shop or self.approval or self.quiet_since or self.grace_since or self.entry
        return None if bulk or step is None or step.only_from is not None else step

    def of_run(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """Those of a customer's entries that the change's run has written on its lifecycles; none without a run."""
        if self.run is None:
            return ()
        lifecycles = {step.lifecycle for step in self.steps}
        return tuple(entry for entry in entries if entry.run == self.run and entry.lifecycle in lifecycles)
