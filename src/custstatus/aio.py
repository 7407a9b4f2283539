"""The service for programs that await: the same verbs, rules and answers as `StatusService`, over an `AsyncStore`."""

from custstatus.adapters._made.async_store import AsyncJoinableStore, AsyncStore
from custstatus.adapters._made.awaited import Awaited
from custstatus.service.desk import AsyncDesk
from custstatus.service.look import AsyncLook
from custstatus.service.service import AsyncStatusService

__all__ = ["AsyncDesk", "AsyncJoinableStore", "AsyncLook", "AsyncStatusService", "AsyncStore", "Awaited"]
