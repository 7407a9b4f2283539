"""What a policy is: one method over one frozen question. Ours is data, compiled; a host's own is any callable of the shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from attrs import field, frozen

from custstatus.policies.conditions import Absent
from custstatus.policies.verdicts import Opinion, Verdict
from custstatus.records import Account, AnyAction, Effect
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.policies.rules import Party

__all__ = ["Policy", "Question", "opinion"]


@frozen(slots=False, repr=False)
class Question(Value):
    """May this customer do this now?"""

    action: AnyAction
    account: Account
    """The customer, as stored."""
    party: Party | None = None
    """The side of an action between two customers; None where it is asked alone."""
    context: object = field(default=None, repr=False)
    """What the host says of the attempt: a value of a frozen class of its own."""


class Policy(Protocol):
    """
    Whatever answers questions. An organisation's own policies are combined with its restrictions: the strictest wins.

    It must answer for every account and action. One that raises, or answers with no verdict on the action, blocks. No analysis
    sees into it.
    """

    def __call__(self, question: Question, /) -> Verdict:
        """The verdict on one question."""
        ...


def opinion(name: str, policy: Policy, question: Question) -> Opinion | None:
    """What one policy says of a question; None where it restricts nothing."""
    try:
        verdict = policy(question)
    except Exception as error:  # whatever a host's callable raises; its text may hold personal data, its kind does not
        failure = "its code is not loaded" if isinstance(policy, Absent) else f"it raised {type(error).__name__}"
    else:
        if _is_verdict(verdict, question.action):
            return None if verdict.effect is Effect.ALLOW else Opinion(name, verdict)
        failure = "it gave no verdict on the action"
    return Opinion(name, Verdict(question.action, Effect.BLOCK, "policy_failed", failure), failure)


def _is_verdict(answer: object, action: AnyAction) -> bool:
    """Whether a policy of the host's own has answered with a verdict on the action."""
    if not isinstance(answer, Verdict) or answer.action is not action or not isinstance(answer.effect, Effect):
        return False
    return all(isinstance(text, str) for text in (answer.code, answer.reason, answer.customer_message))
