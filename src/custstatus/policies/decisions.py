"""Decisions: a verdict for one customer, with the standings that it rests on and the configuration it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from custstatus.errors import DeniedError
from custstatus.policies.verdicts import Contribution, Lift, Opinion, Verdict, strictest
from custstatus.records import Account, AnyAction, Effect, Standing, StatusLabel

if TYPE_CHECKING:
    from custstatus.config.config import OrgConfig
    from custstatus.lifecycles.lifecycle import Status

__all__ = ["Decision", "TwoPartyDecision", "allowed"]

L = TypeVar("L", bound=StatusLabel)


class Decision(NamedTuple, Generic[L]):
    """
    Whether one customer may do one thing now, and why not.

    It has no truth value: ask for its `effect`. Everything that does not depend on the customer is in the verdict,
    which is built once and shared.
    """

    verdict: Verdict
    account: Account
    """What the decision rests on, as stored."""
    organisation: OrgConfig[L]
    """The configuration that decided."""

    @property
    def config(self) -> str:
        """The hash of the configuration that decided; the store resolves it."""
        return self.organisation.hash

    @property
    def action(self) -> AnyAction:
        """What was asked for."""
        return self.verdict.action

    @property
    def effect(self) -> Effect:
        """ALLOW, MARK (accepted, but flagged as an outlier) or BLOCK."""
        return self.verdict.effect

    @property
    def code(self) -> str:
        """The stable code of the strictest rule, for programs; `allow` where none applies."""
        return self.verdict.code

    @property
    def contributions(self) -> tuple[Contribution, ...]:
        """Every rule that applies, over all lifecycles, the strictest first."""
        return self.verdict.contributions

    @property
    def opinions(self) -> tuple[Opinion, ...]:
        """Every policy of the host's own that restricts it."""
        return self.verdict.opinions

    @property
    def lifts(self) -> tuple[Lift, ...]:
        """What would make it milder."""
        return self.verdict.lifts

    @property
    def staff_message(self) -> str:
        """Everything there is to say, for staff only."""
        return self.verdict.staff_message

    @property
    def customer_message(self) -> str:
        """Safe to show the customer."""
        return self.verdict.customer_message

    @property
    def standings(self) -> tuple[Standing[Status, L], ...]:
        """Where the customer is on each lifecycle that is on and that they have entered: since when, and set by which actor."""
        return self.organisation.standings(self.account)

    def __repr__(self) -> str:
        verdict = self.verdict
        return f"Decision({verdict.action}, {verdict.effect}, {verdict.code!r}, customer={self.account.customer!r})"

    def __bool__(self) -> bool:
        raise TypeError("a decision has no truth value: ask for its effect")


class TwoPartyDecision(NamedTuple, Generic[L]):
    """
    Whether two customers may do one thing between them, a points transfer or a merge: each side's decision (D39).

    It has no truth value: ask for its `effect`.
    """

    source: Decision[L]
    destination: Decision[L]

    @property
    def effect(self) -> Effect:
        """The stricter of the two."""
        return strictest([self.source.effect, self.destination.effect])

    @property
    def action(self) -> AnyAction:
        """What was asked for."""
        return self.source.action

    @property
    def stricter(self) -> Decision[L]:
        """The side that decides; the source where they are alike."""
        return self.source if self.source.effect is self.effect else self.destination

    @property
    def code(self) -> str:
        """The stable code of the side that decides."""
        return self.stricter.code

    @property
    def staff_message(self) -> str:
        """Everything there is to say of both sides, for staff only."""
        return " ".join(filter(None, (decision.staff_message for decision in self)))

    @property
    def customer_message(self) -> str:
        """Safe to show either customer."""
        return self.stricter.customer_message

    @property
    def denials(self) -> tuple[Decision[L], ...]:
        """The sides that are blocked."""
        return tuple(decision for decision in self if decision.effect is Effect.BLOCK)

    def __bool__(self) -> bool:
        raise TypeError("a decision has no truth value: ask for its effect")


def allowed(decision: Decision[L]) -> Decision[L]:
    """The decision, unless it denies: DeniedError."""
    if decision.effect is Effect.BLOCK:
        raise DeniedError(decision)
    return decision
