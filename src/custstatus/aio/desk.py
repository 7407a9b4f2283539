"""The desk, awaited: the verbs of `desk.Desk` over a store that is awaited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from custstatus import flows
from custstatus.adapters.protocol import AsyncStore
from custstatus.changes import Applied, Operation, Plan, Refusal
from custstatus.config import OrgConfig
from custstatus.flows import Flow, Option
from custstatus.lifecycle import Lifecycle, Status
from custstatus.records import Identifier, StatusLabel
from custstatus.requesting import Requesting, made
from custstatus.states import CUSTOMER_STATUS

if TYPE_CHECKING:
    from custstatus.bulk.importing import Import, ImportedRow
    from custstatus.bulk.reversing import Reversal, Reversed
    from custstatus.bulk.shapes import BadRow, StatusRow
    from custstatus.upgrading.mending import Upgrade, UpgradeMap

__all__ = ["AsyncDesk"]

L = TypeVar("L", bound=StatusLabel)
T = TypeVar("T")


@frozen(eq=False, repr=False)
class AsyncDesk(Requesting[AsyncStore, L]):
    """
    Who makes changes and by which way, said once. Get one from `AsyncStatusService.acting`.

    Each change carries and raises what that of `Desk` does. One whose task is cancelled was made whole or not at all; with a
    `key` it can be tried again.
    """

    async def register(
        self,
        customer: str,
        *targets: L | Status,
        identifiers: Iterable[Identifier] = (),
        reason: str | None = None,
        reason_code: str | None = None,
        at: datetime | None = None,
        key: str | None = None,
    ) -> Applied:
        """As `Desk.register`."""
        flow = self._make(
            Operation.REGISTER,
            customer,
            *targets,
            adds=identifiers,
            reason=reason,
            reason_code=reason_code,
            at=at,
            key=key,
        )
        return await self._run(flow)

    async def change(
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
        """As `Desk.change`."""
        return made(await self._run(self._change(customer, target, reason, reason_code, at, key, expected)))

    async def restore(
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
        """As `Desk.restore`."""
        flow = self._restore(
            customer, lifecycle, reason=reason, reason_code=reason_code, at=at, key=key, expected=expected
        )
        return await self._run(flow)

    async def preview(
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
        """As `Desk.preview`."""
        flow = self._preview(
            customer, target, reason=reason, reason_code=reason_code, at=at, key=key, expected=expected
        )
        return await self._run(flow)

    async def moves(
        self,
        customer: str,
        lifecycle: Lifecycle[Any] = CUSTOMER_STATUS,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
    ) -> tuple[Option, ...]:
        """As `Desk.moves`."""
        return await self._run(self._moves(customer, lifecycle, reason=reason, reason_code=reason_code))

    async def add_identifier(
        self,
        customer: str,
        identifier: Identifier,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        key: str | None = None,
        expected: int | None = None,
    ) -> Applied:
        """As `Desk.add_identifier`."""
        flow = self._make(
            Operation.ADD_IDENTIFIER,
            customer,
            adds=[identifier],
            reason=reason,
            reason_code=reason_code,
            key=key,
            expected=expected,
        )
        return await self._run(flow)

    async def replace_identifier(
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
        """As `Desk.replace_identifier`."""
        flow = self._replace(customer, old, new, reason=reason, reason_code=reason_code, key=key, expected=expected)
        return await self._run(flow)

    async def remove_identifier(
        self,
        customer: str,
        identifier: Identifier,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        key: str | None = None,
        expected: int | None = None,
    ) -> Applied:
        """As `Desk.remove_identifier`."""
        flow = self._make(
            Operation.REMOVE_IDENTIFIER,
            customer,
            drops=[identifier],
            reason=reason,
            reason_code=reason_code,
            key=key,
            expected=expected,
        )
        return await self._run(flow)

    async def upgrade(
        self,
        old: OrgConfig[Any],
        mapping: UpgradeMap,
        *,
        reason: str | None = "the configuration was upgraded",
        reason_code: str | None = "upgrade",
        run: str | None = None,
        preview: bool = False,
    ) -> Upgrade:
        """As `Desk.upgrade`."""
        flow = self._upgrade(old, mapping, reason=reason, reason_code=reason_code, run=run, dry=preview)
        return await self._run(flow)

    async def import_statuses(
        self,
        rows: Iterable[StatusRow | BadRow],
        lifecycle: Lifecycle[Any] = CUSTOMER_STATUS,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        approval: str | None = None,
        run: str | None = None,
        most: int | None = None,
        told: Callable[[Sequence[ImportedRow]], None] | None = None,
        preview: bool = False,
    ) -> Import:
        """As `Desk.import_statuses`."""
        given = {"reason": reason, "reason_code": reason_code, "approval": approval}
        return await self._run(self._import(rows, lifecycle, run=run, given=given, most=most, told=told, dry=preview))

    async def reverse(
        self,
        run: str,
        *,
        reason: str | None = "the run was reversed",
        reason_code: str | None = "reversed",
        approval: str | None = None,
        reversal: str | None = None,
        told: Callable[[Sequence[Reversed]], None] | None = None,
        preview: bool = False,
    ) -> Reversal:
        """As `Desk.reverse`."""
        flow = self._reverse(
            run, run=reversal, dry=preview, told=told, reason=reason, reason_code=reason_code, approval=approval
        )
        return await self._run(flow)

    async def _run(self, flow: Flow[T]) -> T:
        return await flows.run_async(flow, self._store)
