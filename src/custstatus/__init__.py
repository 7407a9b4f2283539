"""The status of a loyalty or retail programme's customers: what it restricts, how it changes, and its history."""

from custstatus.adapters.feeds import FeedPage, Lag
from custstatus.adapters.memory import MemoryStore
from custstatus.adapters.queries import Listed, Page, Tally
from custstatus.adapters.sqlite import SQLiteStore
from custstatus.config.config import OrgConfig
from custstatus.config.waivers import Waiver
from custstatus.errors import (
    ChartError,
    ConfigurationError,
    ConflictError,
    CuststatusError,
    DeniedError,
    InvalidInputError,
    RefusedError,
    StoreBusyError,
    StoreError,
    SweepStoppedError,
    UnknownCustomerError,
)
from custstatus.gate.loop import Option
from custstatus.gate.outcome import Applied, Plan
from custstatus.gate.refusal import Reason, Refusal, RefusalCode, Warned
from custstatus.lifecycles.lifecycle import Lifecycle, Requirement, Status, Transition
from custstatus.operations.record import Report
from custstatus.operations.sweep import Sweep, Swept
from custstatus.operations.sweep_limits import SweepLimits
from custstatus.operations.verify import VerifyReport
from custstatus.policies.capillary import CAPILLARY_POLICY
from custstatus.policies.conditions import Condition
from custstatus.policies.decisions import Decision, TwoPartyDecision
from custstatus.policies.idle import IdleRule
from custstatus.policies.rules import Party, Restriction, RestrictionPolicy, block, block_everything, mark
from custstatus.policies.verdicts import Verdict
from custstatus.records import (
    Account,
    Action,
    Activity,
    Actor,
    ActorKind,
    AnyAction,
    AnyChannel,
    Channel,
    Effect,
    Entry,
    EntryKind,
    HeldIdentifier,
    Identifier,
    NoLabels,
    RequestedBy,
    Standing,
    StatusLabel,
)
from custstatus.service._made.desk import Desk
from custstatus.service._made.service import StatusService
from custstatus.states import (
    CLIENT_STATE,
    CUSTOMER_STATUS,
    LEGACY_FRAUD_STATUS,
    LOYALTY_TYPE,
    MEMBERSHIP,
    SHIPPED,
    TRIAL_GROUP,
    ClientState,
    CustomerStatus,
    LegacyFraudStatus,
    LoyaltyType,
    Membership,
    TrialGroup,
)

__all__ = [
    "CAPILLARY_POLICY",
    "CLIENT_STATE",
    "CUSTOMER_STATUS",
    "LEGACY_FRAUD_STATUS",
    "LOYALTY_TYPE",
    "MEMBERSHIP",
    "SHIPPED",
    "TRIAL_GROUP",
    "Account",
    "Action",
    "Activity",
    "Actor",
    "ActorKind",
    "AnyAction",
    "AnyChannel",
    "Applied",
    "Channel",
    "ChartError",
    "ClientState",
    "Condition",
    "ConfigurationError",
    "ConflictError",
    "CustomerStatus",
    "CuststatusError",
    "Decision",
    "DeniedError",
    "Desk",
    "Effect",
    "Entry",
    "EntryKind",
    "FeedPage",
    "HeldIdentifier",
    "Identifier",
    "IdleRule",
    "InvalidInputError",
    "Lag",
    "LegacyFraudStatus",
    "Lifecycle",
    "Listed",
    "LoyaltyType",
    "Membership",
    "MemoryStore",
    "NoLabels",
    "Option",
    "OrgConfig",
    "Page",
    "Party",
    "Plan",
    "Reason",
    "Refusal",
    "RefusalCode",
    "RefusedError",
    "Report",
    "RequestedBy",
    "Requirement",
    "Restriction",
    "RestrictionPolicy",
    "SQLiteStore",
    "Standing",
    "Status",
    "StatusLabel",
    "StatusService",
    "StoreBusyError",
    "StoreError",
    "Sweep",
    "SweepLimits",
    "SweepStoppedError",
    "Swept",
    "Tally",
    "Transition",
    "TrialGroup",
    "TwoPartyDecision",
    "UnknownCustomerError",
    "Verdict",
    "VerifyReport",
    "Waiver",
    "Warned",
    "block",
    "block_everything",
    "mark",
]
