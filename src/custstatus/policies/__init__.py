"""
Policies: what is restricted, and everything that a policy can be asked.

What most organisations need is in `custstatus` itself. Presets are in `policies.presets`, proofs and other analyses in
`policies.analysis`, millions of decisions at once in `policies.batches`.
"""

from custstatus.policies.compiled import Cell, CompiledPolicy, PolicyRow
from custstatus.policies.conditions import Absent, Tested
from custstatus.policies.policy import Policy, Question
from custstatus.policies.proofs import Counterexample, Invariant, Loosening, Proof, ProofResult
from custstatus.policies.verdicts import Contribution, Lift, Opinion

__all__ = [
    "Absent",
    "Cell",
    "CompiledPolicy",
    "Contribution",
    "Counterexample",
    "Invariant",
    "Lift",
    "Loosening",
    "Opinion",
    "Policy",
    "PolicyRow",
    "Proof",
    "ProofResult",
    "Question",
    "Tested",
]
