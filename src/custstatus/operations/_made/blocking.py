"""
Operations that a host calls by themselves, where the store blocks.

Made of `operations/upgrade_check.py` and `operations/replaying.py` by `make faces`: change those.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeVar
from custstatus.adapters._made.awaited import Awaited
from custstatus.adapters.protocol import Store
from custstatus.operations.upgrade_check import check_upgrade as _check_upgrade
from custstatus.operations.upgrade_check import UpgradeCheck
from custstatus.operations.replaying import replay as _replay
from custstatus.operations.replaying import Replay
from typing import Any
from custstatus.config.config import OrgConfig
from collections.abc import Callable

__all__ = ["check_upgrade", "replay"]

T = TypeVar("T")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that never waits, as none does over a store that blocks."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        work.close()
    raise RuntimeError("a store that blocks has waited")


def check_upgrade(
    old: OrgConfig[Any], new: OrgConfig[Any], store: Store, *, examples: int = 10
) -> UpgradeCheck:
    """
    Say what a new configuration would find in the store: accounts at places it lacks, or with no way on.

    It reads every account and every entry of the organisation, once each, and writes nothing. Counts are exact if nobody
    writes at the same time.

    Args:
        old: The configuration so far.
        new: The one to come, of the same organisation.
        store: Where the accounts are kept.
        examples: How many customers each line names; 0 or more.

    Raises:
        InvalidInputError: The configurations are of two organisations.
        StoreError: The store could not be read.
    """
    return _run(_check_upgrade(old, new, Awaited(store), examples=examples))


def replay(
    old: OrgConfig[Any], new: OrgConfig[Any], store: Store, *, progress: Callable[[int], None] | None = None
) -> Replay:
    """
    Go through every account's history, and every activity at the standing of its time, with both policies.

    Conditions and the host's own policies cannot be asked about the past: what depends on one is reported with its name.

    Args:
        old: What was live; its organisation is the one that is read.
        new: What is to be.
        store: Where the accounts are.
        progress: Called with the number of finished accounts, page by page.

    Raises:
        StoreError: The store could not be read.
    """
    return _run(_replay(old, new, Awaited(store), progress=progress))
