"""
The service for programs that await: the same verbs, rules and answers as `StatusService`, over an `AsyncStore`.

Both are shells around the same flows (`flows`, `reading`, `asking`, `requesting`); only who runs them differs.
"""

from custstatus.adapters.protocol import AsyncJoinableStore, AsyncStore
from custstatus.aio.desk import AsyncDesk
from custstatus.aio.looking import AsyncLook
from custstatus.aio.service import AsyncStatusService

__all__ = ["AsyncDesk", "AsyncJoinableStore", "AsyncLook", "AsyncStatusService", "AsyncStore"]
