"""The public names: pinned, described, and importable with nothing but what is installed by default."""

from __future__ import annotations

import json
import subprocess
import sys
from enum import Enum
from importlib import import_module
from importlib.metadata import metadata
from importlib.resources import files
from importlib.util import find_spec
from types import ModuleType

import pytest

import custstatus
import custstatus.testing

# Each is a promise: one that goes, or comes to mean something else, asks for a new major version.
PUBLIC = [
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

# What few programs need stands apart: of stores, policies, operations, tables, the awaited service, and the rarer errors.
APART = {
    "custstatus.adapters": [
        "Account",
        "AccountPlan",
        "Accounts",
        "Activities",
        "ActivityBatch",
        "Applied",
        "CustomerIds",
        "Customers",
        "Entry",
        "Feed",
        "FeedPage",
        "HeldIdentifier",
        "JoinableStore",
        "Lag",
        "Listed",
        "Log",
        "Page",
        "Placed",
        "Plan",
        "Position",
        "PreparedChange",
        "PreparedSet",
        "Query",
        "Recorded",
        "SetResult",
        "SetRow",
        "Snapshot",
        "Standing",
        "Step",
        "Store",
        "StoredActivity",
        "Tally",
        "Token",
        "fold",
    ],
    "custstatus.aio": [
        "AsyncDesk",
        "AsyncJoinableStore",
        "AsyncLook",
        "AsyncStatusService",
        "AsyncStore",
        "Awaited",
    ],
    "custstatus.errors": [
        "ChartError",
        "ConfigurationError",
        "ConflictError",
        "CuststatusError",
        "DeniedError",
        "InvalidInputError",
        "PositionLostError",
        "RefusedError",
        "SchemaError",
        "StoreBusyError",
        "StoreClosedError",
        "StoreError",
        "StoredValueError",
        "SweepStoppedError",
        "UnknownActionError",
        "UnknownCustomerError",
        "UnknownError",
        "UnknownLabelError",
        "UnknownLifecycleError",
    ],
    "custstatus.operations": [
        "Affected",
        "Fault",
        "Import",
        "ImportedRow",
        "InUse",
        "LostAction",
        "PastTransition",
        "RecordedRow",
        "Recording",
        "Replay",
        "Reversal",
        "Reversed",
        "Upgrade",
        "UpgradeCheck",
        "UpgradeMap",
        "Upgraded",
        "check_upgrade",
        "replay",
    ],
    "custstatus.policies": [
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
    ],
    "custstatus.tables": [
        "ACTIVITY_IMPORT",
        "CUSTOMER_STATUS_IMPORT",
        "FRAUD_STATUS_IMPORT",
        "ActivityRow",
        "ActivityShape",
        "BadRow",
        "Row",
        "Rows",
        "Shape",
        "StatusRow",
        "StatusShape",
        "Table",
        "as_columns",
        "as_csv",
        "history_table",
        "import_table",
        "listed_table",
        "rows_of",
        "rows_of_arrow",
        "rows_of_csv",
        "standings_table",
        "to_cloudevent",
    ],
}

# The same of the kit for integrators.
TESTING = [
    "Awaited",
    "Blocking",
    "ExampleLabel",
    "MovableClock",
    "RelayStore",
    "StoreContract",
    "applies_as_planned",
    "example",
    "history_folds",
    "laws",
    "same_behaviour",
    "strategies",
]

# Values and generic aliases, which have no docstring of their own: the line below each in the code says what it is.
CONSTANTS = {
    "CAPILLARY_POLICY",
    "CLIENT_STATE",
    "CUSTOMER_STATUS",
    "LEGACY_FRAUD_STATUS",
    "LOYALTY_TYPE",
    "MEMBERSHIP",
    "SHIPPED",
    "TRIAL_GROUP",
}


def test_the_public_names_are_these() -> None:
    assert custstatus.__all__ == PUBLIC


def test_the_front_door_is_no_wider_than_a_reader_can_take_in() -> None:
    assert len(PUBLIC) <= 80


@pytest.mark.parametrize("surface", APART)
def test_those_that_stand_apart_are_these(surface: str) -> None:
    module = import_module(surface)
    assert sorted(module.__all__) == sorted(APART[surface])
    assert [name for name in APART[surface] if not hasattr(module, name)] == []


def test_those_of_the_kit_are_these() -> None:
    assert custstatus.testing.__all__ == TESTING


@pytest.mark.parametrize(
    ("package", "names"), [(custstatus, PUBLIC), (custstatus.testing, TESTING)], ids=["", "testing"]
)
def test_each_is_there_once(package: ModuleType, names: list[str]) -> None:
    assert len(set(names)) == len(names)
    assert [name for name in names if not hasattr(package, name)] == []


def test_nothing_else_is_public() -> None:
    """What the package holds besides are its modules."""
    others = {name for name in vars(custstatus) if not name.startswith("_")} - set(PUBLIC)
    assert {name for name in others if find_spec(f"custstatus.{name}") is None} == set()


@pytest.mark.parametrize(
    ("package", "name"),
    [(custstatus, name) for name in PUBLIC if name not in CONSTANTS] + [(custstatus.testing, name) for name in TESTING],
)
def test_every_public_name_says_what_it_is(package: ModuleType, name: str) -> None:
    value = getattr(package, name)
    own = value.__dict__["__doc__"] if isinstance(value, type) else value.__doc__
    # attrs and enum write one where there is none.
    assert own is not None
    assert not own.startswith("Method generated by attrs")
    assert own != Enum.__doc__


def test_the_constants_are_constants() -> None:
    assert [name for name in CONSTANTS if isinstance(getattr(custstatus, name), type)] == []


def test_it_is_typed() -> None:
    assert files("custstatus").joinpath("py.typed").is_file()


def test_its_metadata() -> None:
    told = metadata("custstatus")
    assert told["Name"] == "custstatus"
    assert told["Version"] == "0.1.0"
    assert told["Requires-Python"] == ">=3.11"
    assert set(told.get_all("Provides-Extra") or ()) == {"cli", "postgres", "testing"}


def test_importing_it_imports_none_of_the_extras() -> None:
    code = "import custstatus, json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(ran.stdout))
    assert "custstatus" in loaded
    assert loaded & {"typer", "click", "rich", "hypothesis", "pytest", "sqlalchemy", "psycopg"} == set()
