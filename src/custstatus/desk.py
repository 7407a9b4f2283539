"""The desk: changes to customers, made by one actor on one channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from custstatus import flows
from custstatus.adapters.protocol import Store
from custstatus.bounds import check_id, check_text, kind_of
from custstatus.changes import Applied, Operation, Plan, Refusal, Request, Token
from custstatus.codec import utc_text
from custstatus.config import OrgConfig
from custstatus.errors import InvalidInputError, RefusedError, UnknownLifecycleError
from custstatus.flows import Option
from custstatus.lifecycle import Lifecycle, Status
from custstatus.records import Actor, AnyChannel, Identifier, StatusLabel, Wish
from custstatus.sealing import Seal
from custstatus.states import CUSTOMER_STATUS
from custstatus.values import Value

if TYPE_CHECKING:
    from custstatus.upgrading.mending import Upgrade, UpgradeMap

__all__ = ["Desk"]

L = TypeVar("L", bound=StatusLabel)


@frozen(eq=False, repr=False)
class Desk(Value, Generic[L]):
    """
    Who makes changes and by which way, said once. Get one from `StatusService.acting`.

    Changes may carry, each where it has the argument:
        reason: Free text of up to 1,000 characters, which can be erased; most moves need it or a code.
        reason_code: 1 to 64 characters, kept with the history.
        at: When it counts from: aware, no earlier than the lifecycle's last entry, no later than now; by default now.
        key: 1 to 128 characters, unique in the organisation: a repeated request is known by it and applied once.
        expected: The version of the account that the caller has seen.

    All of them raise:
        RefusedError: Something stands in the way; `refusal` says everything that does. Nothing was written.
        InvalidInputError: A value is out of bounds. Nothing was written.
        ConflictError: Others kept changing the same account. Nothing was written; try again.
        StoreError: The store failed; with a `key`, try again with the same one.
    """

    _store: Store
    _config: OrgConfig[L]
    _clock: Callable[[], datetime]
    _seal: Seal
    actor: Actor
    channel: AnyChannel
    wish: Wish | None = None

    def register(
        self,
        customer: str,
        *targets: L | Status,
        identifiers: Iterable[Identifier] = (),
        reason: str | None = None,
        reason_code: str | None = None,
        at: datetime | None = None,
        key: str | None = None,
    ) -> Applied:
        """
        Open an account: in ACTIVE under its default label (D1), unless a label or a status is given; unset on other lifecycles.

        A customer whose account was closed registers anew under another customer id, with the same identifiers (D6).
        """
        tokens = self._tokens(identifiers)
        return self._make(
            Operation.REGISTER, customer, targets, reason=reason, reason_code=reason_code, at=at, key=key, adds=tokens
        )

    def change(
        self,
        customer: str,
        target: L | Status,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        at: datetime | None = None,
        key: str | None = None,
        expected: int | None = None,
    ) -> Applied:
        """
        Put a customer under a label, or in a status (of customer status: under its default label).

        A status in which he stands already is no change, whatever the label; another label of the same status is one (D22).
        """
        return self._make(
            Operation.CHANGE,
            customer,
            (target,),
            reason=reason,
            reason_code=reason_code,
            at=at,
            key=key,
            expected=expected,
        )

    def restore(
        self,
        customer: str,
        lifecycle: Lifecycle[Any] = CUSTOMER_STATUS,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        at: datetime | None = None,
        key: str | None = None,
        expected: int | None = None,
    ) -> Applied:
        """Back to the status and label that a customer had before he was set aside: suspected, on hold, idle (D70, D95)."""
        request = self._request(
            Operation.RESTORE,
            customer,
            (),
            reason=reason,
            reason_code=reason_code,
            at=at,
            key=key,
            expected=expected,
        )
        return _made(flows.run(flows.restore(request, self._on(lifecycle), self._config, self._clock()), self._store))

    def preview(
        self,
        customer: str,
        target: L | Status,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        at: datetime | None = None,
        key: str | None = None,
        expected: int | None = None,
    ) -> Plan | Applied | Refusal:
        """What `change` would do: the plan, an earlier answer to the same key, or the refusal. Writes and raises nothing."""
        request = self._request(
            Operation.CHANGE,
            customer,
            (target,),
            reason=reason,
            reason_code=reason_code,
            at=at,
            key=key,
            expected=expected,
        )
        return flows.run(flows.preview(request, self._config, self._clock()), self._store)

    def moves(
        self,
        customer: str,
        lifecycle: Lifecycle[Any] = CUSTOMER_STATUS,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
    ) -> tuple[Option, ...]:
        """Every label or status of a lifecycle: open to this actor now, or what stands in the way. Writes nothing."""
        request = self._request(Operation.CHANGE, customer, (), reason=reason, reason_code=reason_code)
        flow = flows.moves(request, self._on(lifecycle), self._config, self._clock())
        return flows.run(flow, self._store)

    def add_identifier(
        self,
        customer: str,
        identifier: Identifier,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        key: str | None = None,
        expected: int | None = None,
    ) -> Applied:
        """Let a customer be found by one more identifier."""
        return self._make(
            Operation.ADD_IDENTIFIER,
            customer,
            (),
            reason=reason,
            reason_code=reason_code,
            key=key,
            expected=expected,
            adds=self._tokens([identifier]),
        )

    def replace_identifier(
        self,
        customer: str,
        old: Identifier,
        new: Identifier,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        key: str | None = None,
        expected: int | None = None,
    ) -> Applied:
        """Put a new identifier of the same type in the place of an old one."""
        if isinstance(old, Identifier) and isinstance(new, Identifier) and old.type != new.type:
            raise InvalidInputError("new", f"an identifier of type {old.type!r}, as the old one", repr(new.type))
        return self._make(
            Operation.REPLACE_IDENTIFIER,
            customer,
            (),
            reason=reason,
            reason_code=reason_code,
            key=key,
            expected=expected,
            adds=self._tokens([new]),
            drops=self._tokens([old]),
        )

    def remove_identifier(
        self,
        customer: str,
        identifier: Identifier,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        key: str | None = None,
        expected: int | None = None,
    ) -> Applied:
        """Let a customer no longer be found by an identifier; it is free for another account."""
        return self._make(
            Operation.REMOVE_IDENTIFIER,
            customer,
            (),
            reason=reason,
            reason_code=reason_code,
            key=key,
            expected=expected,
            drops=self._tokens([identifier]),
        )

    def upgrade(
        self,
        old: OrgConfig[Any],
        mapping: UpgradeMap,
        *,
        reason: str | None = "the configuration was upgraded",
        reason_code: str | None = "upgrade",
        run: str | None = None,
        preview: bool = False,
    ) -> Upgrade:
        """
        Move every account from where the old configuration had it to what the map declares, by the moves of this one (D24).

        A move that the table does not have, or that this actor cannot make, is a refusal of that account. Whoever was moved
        stands no longer at an old place: after a failure run it again, with the same run's id.

        Args:
            old: The configuration so far.
            mapping: Which place becomes which; every account at an old one is moved, also where both configurations have it.
            reason: In every entry.
            reason_code: In every entry.
            run: The id that the entries carry; by default made of the time.
            preview: Plan it only, and write nothing.

        Raises:
            InvalidInputError: The map names what a configuration lacks, leads from one lifecycle to another, from a place that
                it leads to itself, or from a status that closes accounts. Nothing was written.
            StoreError: The store failed; those moved so far stay moved.
        """
        from custstatus.upgrading.mending import mend  # needed once in a configuration's life

        now = self._clock()
        run = f"upgrade-{utc_text(now)}" if run is None else check_id("run", run)
        given = self._request(Operation.CHANGE, "", (), reason=reason, reason_code=reason_code, run=run)
        return flows.run(mend(given, old, self._config, mapping, now, dry=preview), self._store)

    def _make(self, operation: Operation, customer: str, targets: tuple[L | Status, ...], **given: Any) -> Applied:
        request = self._request(operation, customer, targets, **given)
        return _made(flows.run(flows.make(request, self._config, self._clock()), self._store))

    def _request(self, operation: Operation, customer: str, targets: tuple[L | Status, ...], **given: Any) -> Request:
        reason = given.get("reason")
        digest = None if reason is None else self._seal.digest(check_text("reason", reason))
        return Request(operation, customer, targets, self.actor, self.channel, self.wish, reason_digest=digest, **given)

    def _tokens(self, identifiers: Iterable[Identifier]) -> tuple[Token, ...]:
        if isinstance(identifiers, (str, type)) or not isinstance(identifiers, Iterable):
            raise InvalidInputError("identifiers", "several Identifiers", kind_of(identifiers))
        tokens = []
        for identifier in identifiers:
            if not isinstance(identifier, Identifier):
                raise InvalidInputError("identifier", "an Identifier", kind_of(identifier))
            tokens.append(self._seal.token(self._config.org, identifier))
        return tuple(tokens)

    def _on(self, lifecycle: Lifecycle[Any]) -> Lifecycle[Any]:
        """The lifecycle as this organisation has edited it; UnknownLifecycleError if it is off."""
        if not isinstance(lifecycle, Lifecycle):
            raise InvalidInputError("lifecycle", "a Lifecycle", kind_of(lifecycle))
        found = self._config.lifecycle(lifecycle.name)
        if found is None:
            names = (each.name for each in self._config.lifecycles)
            raise UnknownLifecycleError(self._config.org, lifecycle.name, names)
        return found


def _made(outcome: Applied | Plan | Refusal) -> Applied:
    """What was applied; RefusedError where it was refused."""
    if isinstance(outcome, Refusal):
        raise RefusedError(outcome)
    if isinstance(outcome, Plan):  # only previews plan without applying
        raise TypeError("a plan is no change")
    return outcome
