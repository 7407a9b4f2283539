"""
Every preset: policies, invariants and transition tables to use as they are or to start from, each rule with its source beside it.

Those about customer status as a whole are written in `defaults`, those of one product each in `products`.
"""

from custstatus.policies.capillary import CAPILLARY_POLICY
from custstatus.policies.defaults import (
    AS_THE_PRODUCTS_CAN,
    AS_THE_PRODUCTS_DO,
    OURS_FIXED,
    OURS_GUARDED,
    OURS_POLICY,
)
from custstatus.policies.products import (
    LAX_CUSTOMER_STATUS,
    LAX_LEGACY_FRAUD_STATUS,
    LEGACY_FRAUD_OLDER_POLICY,
    LEGACY_FRAUD_POLICY,
    LOYMAX_POLICY,
    MEMBERSHIP_WITHOUT_RETURN,
    STRICT_MEMBERSHIP,
    SWAN_DEACTIVATION_POLICY,
    TIBCO_MEMBERSHIP_POLICY,
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
    "CAPILLARY_POLICY",
    "LAX_CUSTOMER_STATUS",
    "LAX_LEGACY_FRAUD_STATUS",
    "LEGACY_FRAUD_OLDER_POLICY",
    "LEGACY_FRAUD_POLICY",
    "LOYMAX_POLICY",
    "MEMBERSHIP_WITHOUT_RETURN",
    "OURS_FIXED",
    "OURS_GUARDED",
    "OURS_POLICY",
    "STRICT_MEMBERSHIP",
    "SWAN_DEACTIVATION_POLICY",
    "TIBCO_MEMBERSHIP_POLICY",
    "UNASKED_MESSAGE",
    "Message",
    "Switch",
    "account_block",
    "capillary",
    "legacy_fraud",
    "loymax",
]
