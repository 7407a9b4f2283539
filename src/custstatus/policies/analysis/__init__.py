"""
Analysis: what can be said of a policy by looking at all of it, before it goes live and after.

Each is a function that returns data, for a host's own tests; `custstatus policy` has a command for each.
"""

from custstatus.policies.analysis.differences import Change, Difference, Direction, Group, diff
from custstatus.policies.analysis.linting import Finding, Lint, lint
from custstatus.policies.analysis.matrices import Column, Matrix, Row, matrix
from custstatus.policies.analysis.replaying import Affected, Replay, replay
from custstatus.policies.compiled import CompiledPolicy
from custstatus.policies.invariants import Invariant, Proof

__all__ = [
    "Affected",
    "Change",
    "Column",
    "Difference",
    "Direction",
    "Finding",
    "Group",
    "Lint",
    "Matrix",
    "Replay",
    "Row",
    "diff",
    "lint",
    "matrix",
    "prove",
    "replay",
]


def prove(policy: CompiledPolicy, invariant: Invariant) -> Proof:
    """
    Look at every cell that an invariant speaks of: proved, refuted with counterexamples, or unknown and why.

    >>> from custstatus import Action, CustomerStatus, NoLabels, OrgConfig, never_allow
    >>> prove(OrgConfig("acme", NoLabels).policy, never_allow(when=CustomerStatus.DELETED)).is_proved
    True
    """
    return invariant.proof(policy)
