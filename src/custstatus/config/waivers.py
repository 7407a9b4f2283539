"""What an organisation may declare itself exempt from."""

from __future__ import annotations

from enum import Enum

__all__ = ["Waiver"]


class Waiver(Enum):
    """A rule about configurations that an organisation says it knows and does without."""

    ACTIVE_MAY_BE_RESTRICTED = "active_may_be_restricted"
    """D27: ACTIVE and its labels carry no restriction."""
    ANY_STATUS_MAY_BLOCK_EVERYTHING = "any_status_may_block_everything"
    """D30: only DELETED and its labels block everything (closing statuses of other lifecycles do as well)."""
    CLOSING_MAY_BE_UNBLOCKED = "closing_may_be_unblocked"
    """A status that closes the account blocks every action."""

    __hash__ = object.__hash__
