"""
Every preset: policies, invariants and tables of moves to use as they are or to start from, each rule with its source beside it.

Those about customer status as a whole are written in `defaults`, those of one product each in `products`.
"""

from custstatus.policies.capillary import CAPILLARY
from custstatus.policies.defaults import (
    AS_THE_PRODUCTS_CAN,
    AS_THE_PRODUCTS_DO,
    OURS,
    OURS_FIXED,
    OURS_GUARDED,
)
from custstatus.policies.products import (
    LAX_CUSTOMER_STATUS,
    LAX_LEGACY_FRAUD_STATUS,
    LEGACY_FRAUD,
    LEGACY_FRAUD_OLDER,
    LOYMAX,
    MEMBERSHIP_WITHOUT_RETURN,
    STRICT_MEMBERSHIP,
    SWAN_DEACTIVATION,
    TIBCO_MEMBERSHIP,
    UNASKED_MESSAGE,
    Message,
    Switch,
    account_block,
    capillary,
    legacy_fraud,
    loymax,
)

__all__ = [
    "AS_THE_PRODUCTS_CAN",
    "AS_THE_PRODUCTS_DO",
    "CAPILLARY",
    "LAX_CUSTOMER_STATUS",
    "LAX_LEGACY_FRAUD_STATUS",
    "LEGACY_FRAUD",
    "LEGACY_FRAUD_OLDER",
    "LOYMAX",
    "MEMBERSHIP_WITHOUT_RETURN",
    "OURS",
    "OURS_FIXED",
    "OURS_GUARDED",
    "STRICT_MEMBERSHIP",
    "SWAN_DEACTIVATION",
    "TIBCO_MEMBERSHIP",
    "UNASKED_MESSAGE",
    "Message",
    "Switch",
    "account_block",
    "capillary",
    "legacy_fraud",
    "loymax",
]
