"""
Operations: what reads a store and then changes many customers, or looks at all of them, one file each.

Most are verbs of the service and of a desk. Those that a host calls by themselves are here, with what operations answer.
Each is loaded when it is first asked for, as most programs need none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from custstatus.operations._made.blocking import check_upgrade, replay
    from custstatus.operations.import_activities import RecordedRow, Recording
    from custstatus.operations.import_statuses import Import, ImportedRow
    from custstatus.operations.replaying import Affected, Replay
    from custstatus.operations.reverse import Reversal, Reversed
    from custstatus.operations.upgrade import Upgrade, Upgraded, UpgradeMap
    from custstatus.operations.upgrade_check import InUse, LostAction, PastTransition, UpgradeCheck
    from custstatus.operations.verify import Fault

__all__ = [
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
]

_HOMES = {
    "_made.blocking": ("check_upgrade", "replay"),
    "import_activities": ("RecordedRow", "Recording"),
    "import_statuses": ("Import", "ImportedRow"),
    "replaying": ("Affected", "Replay"),
    "reverse": ("Reversal", "Reversed"),
    "upgrade": ("Upgrade", "UpgradeMap", "Upgraded"),
    "verify": ("Fault",),
    "upgrade_check": ("InUse", "LostAction", "PastTransition", "UpgradeCheck"),
}


def __getattr__(name: str) -> Any:
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
