"""
Analysis: what can be said of a policy by looking at all of it, before it goes live and after.

Each is a function that returns data, for a host's own tests; `custstatus policy` has a command for each.
"""

from custstatus.policies.analysis.differences import Change, Difference, Direction, Group, diff
from custstatus.policies.analysis.linting import Finding, Lint, lint
from custstatus.policies.analysis.matrices import Matrix, MatrixColumn, MatrixRow, matrix
from custstatus.policies.compiled import CompiledPolicy
from custstatus.policies.invariants import AsStrictAs, AtLeast, AtMost, LoosensNothing, always_allow, never_allow
from custstatus.policies.proofs import Invariant, Proof

__all__ = [
    "AsStrictAs",
    "AtLeast",
    "AtMost",
    "Change",
    "Difference",
    "Direction",
    "Finding",
    "Group",
    "Lint",
    "LoosensNothing",
    "Matrix",
    "MatrixColumn",
    "MatrixRow",
    "always_allow",
    "diff",
    "lint",
    "matrix",
    "never_allow",
    "prove",
]


def prove(policy: CompiledPolicy, invariant: Invariant) -> Proof:
    """
    Look at every cell that an invariant speaks of: proved, refuted with counterexamples, or unknown and why.

    >>> from custstatus import Action, CustomerStatus, NoLabels, OrgConfig
    >>> prove(OrgConfig("acme", NoLabels).policy, never_allow(when=CustomerStatus.DELETED)).is_proved
    True
    """
    return invariant.proof(policy)
