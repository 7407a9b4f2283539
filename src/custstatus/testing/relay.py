"""A store that passes every verb on to another: the base of those that watch one, or break one on purpose."""

from __future__ import annotations

from custstatus.adapters import Applied, PreparedSet, SetResult, Snapshot
from custstatus.testing._made.relay import Relay

__all__ = ["RelayStore"]


class RelayStore(Relay):
    """Override a verb to see what comes by, or to do it otherwise."""

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        """One by one, by `apply`, so that there is one verb to override."""
        answers = map(self.read if prepared.preview else self.apply, prepared.each())
        return tuple(SetResult.by(answer) if isinstance(answer, Applied) else answer for answer in answers)
