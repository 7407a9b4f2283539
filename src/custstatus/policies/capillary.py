"""The policy of an organisation that writes none: the defaults of Capillary's customer status."""

from __future__ import annotations

from custstatus.policies.rules import RestrictionPolicy, block_everything, mark
from custstatus.records import Action
from custstatus.states import ClientState, CustomerStatus

__all__ = ["CAPILLARY_POLICY"]

CAPILLARY_POLICY = RestrictionPolicy(
    # S0: "Any new transactions of a suspended account are marked as an outlier" (D34)
    mark(Action.TRANSACTION, when=CustomerStatus.SUSPENDED, reason="a suspended customer's sale is an outlier (D34)"),
    # C1: DELETED has one switch only, and code 3042 refuses whatever comes after it (D5, D30)
    block_everything(when=CustomerStatus.DELETED, reason="the account is deleted (D30)"),
    # Loymax's closing states close as DELETED does (D83, D84); they matter only where client state is on.
    block_everything(when=[ClientState.DELETED, ClientState.EXCLUDED], reason="the account is closed (D83, D84)"),
)
"""What applies where an organisation writes no policy of its own."""
