"""
From one configuration to the next: what the new one would find in a store, and what came of moving accounts to new places.

`Desk.upgrade` moves them.
"""

from custstatus.upgrading.checking import InUse, LostAction, PastMove, UpgradeCheck, check_upgrade
from custstatus.upgrading.mending import Upgrade, Upgraded, UpgradeMap

__all__ = [
    "InUse",
    "LostAction",
    "PastMove",
    "Upgrade",
    "UpgradeCheck",
    "UpgradeMap",
    "Upgraded",
    "check_upgrade",
]
