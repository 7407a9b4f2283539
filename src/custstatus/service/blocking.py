"""
What of the blocking service is written by hand: how it begins, and the decision, which is made in one call of the store.

The rest is made of the awaited service, by `make faces`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from custstatus.adapters._made.awaited import Awaited
from custstatus.adapters.protocol import JoinableStore, Store
from custstatus.bounds import check_id, kind_of
from custstatus.errors import InvalidInputError
from custstatus.policies.decisions import Decision, allowed
from custstatus.records import Account, Actor, AnyAction, AnyChannel, Channel, RequestedBy, StatusLabel
from custstatus.service._made.desk import Desk
from custstatus.service.service import AsyncStatusService, utc_now

if TYPE_CHECKING:
    from custstatus.config.config import OrgConfig
    from custstatus.policies.verdicts import Verdict

__all__ = ["BlockingService"]

L = TypeVar("L", bound=StatusLabel)

# The constructor of a named tuple, less the function around it: half the cost of a decision.
_decision: Callable[[tuple[Verdict, Account, OrgConfig[Any]]], Decision[Any]] = partial(tuple.__new__, Decision)


class BlockingService(Generic[L]):
    """
    The customer-status module of one organisation over one store. Safe to use from several threads.

    It keeps the configuration in the store when it is made, under its hash, so that every entry and decision can be resolved.

    Args:
        store: Where the accounts are kept.
        config: The organisation.
        key: At least 16 secret bytes, with which identifiers are stored as HMACs and reasons get a digest; without it the
            store holds identifiers as they are. Another key finds none of the old identifiers: there is no rotation.
        clock: What time it is, aware.

    Raises:
        StoreError: The store could not be written.
    """

    def __init__(
        self,
        store: Store,
        config: OrgConfig[L],
        *,
        key: bytes | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._awaited = AsyncStatusService._over(Awaited(store), config, key, clock)
        self._store = store
        self._config = config
        self._org = config.org
        self._policy = config.policy
        store.keep_config(config.org, config.hash, config.to_json())

    @property
    def config(self) -> OrgConfig[L]:
        """The organisation's configuration."""
        return self._config

    @property
    def store(self) -> Store:
        """Where the accounts are kept."""
        return self._store

    def acting(
        self, actor: Actor, channel: AnyChannel = Channel.API, *, requested_by: RequestedBy | None = None
    ) -> Desk[L]:
        """
        Where an actor makes changes.

        Args:
            actor: Who.
            channel: Over which channel.
            requested_by: Who asked for the changes, regardless of who enters them (D101); by default by the kind of the actor.
        """
        return Desk(self._awaited.acting(actor, channel, requested_by=requested_by))

    def inside(self, connection: Any) -> Self:
        """
        The same service within the host's own open transaction on *connection*, which it never commits.

        Raises:
            InvalidInputError: The store cannot work on this connection.
        """
        if not isinstance(self._store, JoinableStore):
            raise InvalidInputError("store", "a store that joins a host's transaction", kind_of(self._store))
        joined = self.__class__.__new__(self.__class__)
        store = self._store.inside(connection)
        joined.__dict__.update(self.__dict__, _store=store, _awaited=self._awaited._on(Awaited(store)))
        return joined

    def decide(self, customer: str, action: AnyAction, *, context: object = None) -> Decision[L]:
        """
        Say whether the customer may do *action* now, and why not.

        One read of the store, then one look-up; never raises for a denial (see `check`), and never writes.

        Args:
            customer: Who.
            action: What. Of an action between two customers the rules for either side apply; see `decide_between`.
            context: What is known of this attempt, for the rules that have a condition: a value of the class that the
                condition asks for. Without it such rules apply, and the decision says so.

        Raises:
            UnknownCustomerError: No such customer in this organisation.
            UnknownActionError: The configuration does not have the action.
            StoredValueError: The customer is at a status or label that is not configured.
            StoreError: The store could not be read.
        """
        if type(customer) is not str:
            customer = check_id("customer", customer)
        try:
            account = self._store.load(self._org, customer)
        except Exception:
            check_id("customer", customer)
            raise
        if account is None:
            raise self._awaited._unknown(customer)
        if context is None:
            return _decision((self._policy.verdict_of(account, action), account, self._config))
        return Decision(self._policy.verdict_of(account, action, context=context), account, self._config)

    def check(self, customer: str, action: AnyAction, *, context: object = None) -> Decision[L]:
        """
        The decision, unless it denies.

        Raises:
            DeniedError: The action is blocked. Otherwise as `decide` does.
        """
        return allowed(self.decide(customer, action, context=context))
