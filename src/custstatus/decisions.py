"""Decisions: a verdict for one customer, with the standings that it rests on and the configuration it comes from."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from custstatus.config import OrgConfig
from custstatus.lifecycle import Status
from custstatus.policies.verdicts import Contribution, Lift, Verdict
from custstatus.records import Account, AnyAction, Effect, Standing, StatusLabel

__all__ = ["Decision"]

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
        """Where the customer stands on each lifecycle that is on and that he has entered: since when and by whom."""
        return self.organisation.standings(self.account)

    def __repr__(self) -> str:
        verdict = self.verdict
        return f"Decision({verdict.action}, {verdict.effect}, {verdict.code!r}, customer={self.account.customer!r})"

    def __bool__(self) -> bool:
        raise TypeError("a decision has no truth value: ask for its effect")
