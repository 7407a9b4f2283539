"""
The desk where the store blocks.

Made of `service/desk.py` by `make faces`: change that.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Generic
from custstatus.records import Actor, AnyChannel, RequestedBy
from custstatus.service.desk import AsyncDesk
from typing import TYPE_CHECKING
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from custstatus.gate.outcome import Applied, Plan
from custstatus.gate.refusal import Refusal
from custstatus.records import Identifier, StatusLabel
from custstatus.states import CUSTOMER_STATUS

if TYPE_CHECKING:
    from custstatus.config.config import OrgConfig
    from custstatus.gate.loop import Option
    from custstatus.lifecycles.lifecycle import Lifecycle, Status
    from custstatus.operations.import_statuses import Import, ImportedRow
    from custstatus.operations.reverse import Reversal, Reversed
    from custstatus.operations.upgrade import Upgrade, UpgradeMap
    from custstatus.tables.shapes import BadRow, StatusRow

__all__ = ["Desk"]

T = TypeVar("T")
L = TypeVar("L", bound=StatusLabel)


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


class Desk(Generic[L]):
    """
    Makes changes for one actor over one channel. Get one from `StatusService.acting`.

    Arguments that many verbs share:
        reason: Free text of up to 1,000 characters, which can be erased; most transitions require it or a code.
        reason_code: 1 to 64 characters, kept with the history.
        at: When it counts from: aware, no earlier than the lifecycle's last entry, no later than now; by default now.
        key: 1 to 128 characters, unique in the organisation: a repeated request is recognised by it and applied once.
        expected: The version of the account that the caller has seen.

    All verbs raise:
        RefusedError: The change is not allowed; `refusal` has every reason. Nothing was written.
        InvalidInputError: A value is out of bounds. Nothing was written.
        ConflictError: Other writers kept changing the same account. Nothing was written; retry.
        StoreError: The store failed; with a `key`, retry with the same one.
    """

    def __init__(self, awaited: AsyncDesk[L]) -> None:
        self._awaited = awaited

    @property
    def actor(self) -> Actor:
        """Who makes the changes."""
        return self._awaited.actor

    @property
    def channel(self) -> AnyChannel:
        """Over which channel."""
        return self._awaited.channel

    @property
    def requested_by(self) -> RequestedBy | None:
        """Who asked for the changes; None: by the kind of actor."""
        return self._awaited.requested_by

    def __repr__(self) -> str:
        return repr(self._awaited).removeprefix("Async")

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

        A customer whose account was closed registers again under another customer id, with the same identifiers (D6).
        """
        return _run(self._awaited.register(customer, *targets, identifiers=identifiers, reason=reason, reason_code=reason_code, at=at, key=key))

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
        Set a customer's label, or their status (for customer status, under its default label).

        A status that they already have is no change, whatever the label; another label of the same status is one (D22).
        """
        return _run(self._awaited.change(customer, target, reason=reason, reason_code=reason_code, at=at, key=key, expected=expected))

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
        """Return a customer to the status and label they had before being set aside: suspected, on hold, idle (D70, D95)."""
        return _run(self._awaited.restore(customer, lifecycle, reason=reason, reason_code=reason_code, at=at, key=key, expected=expected))

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
        return _run(self._awaited.preview(customer, target, reason=reason, reason_code=reason_code, at=at, key=key, expected=expected))

    def options(
        self,
        customer: str,
        lifecycle: Lifecycle[Any] = CUSTOMER_STATUS,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
    ) -> tuple[Option, ...]:
        """For each label or status: whether this actor can set it now and, if not, why. Writes nothing."""
        return _run(self._awaited.options(customer, lifecycle, reason=reason, reason_code=reason_code))

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
        """Add an identifier by which a customer can be found."""
        return _run(self._awaited.add_identifier(customer, identifier, reason=reason, reason_code=reason_code, key=key, expected=expected))

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
        """Replace an identifier by a new one of the same type."""
        return _run(self._awaited.replace_identifier(customer, old, new, reason=reason, reason_code=reason_code, key=key, expected=expected))

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
        """Remove an identifier from a customer; another account may then have it."""
        return _run(self._awaited.remove_identifier(customer, identifier, reason=reason, reason_code=reason_code, key=key, expected=expected))

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
        Move every account from its old place to the one that the map declares, by this configuration's transitions (D24).

        An account is refused where there is no such transition, or this actor cannot make it. Customers that were moved are
        no longer at an old place: after a failure run it again, with the same run id.

        Args:
            old: The previous configuration.
            mapping: Which place becomes which; every account at an old one is moved, even if both configurations have it.
            reason: In every entry.
            reason_code: In every entry.
            run: The id that the entries carry; by default made of the time.
            preview: Plan it only, and write nothing.

        Raises:
            InvalidInputError: The map names something not configured, leads from one lifecycle to another, from a place that
                it leads to itself, or from a status that closes accounts. Nothing was written.
            ConflictError: Other writers changed an account while it was being moved; customers moved so far stay moved. Repeat
                it with the same run.
            StoreError: The store failed; customers moved so far stay moved.
        """
        return _run(self._awaited.upgrade(old, mapping, reason=reason, reason_code=reason_code, run=run, preview=preview))

    def import_statuses(
        self,
        rows: Iterable[StatusRow | BadRow],
        lifecycle: Lifecycle[Any] = CUSTOMER_STATUS,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
        approval: str | None = None,
        run: str | None = None,
        most: int | None = None,
        on_rows: Callable[[Sequence[ImportedRow]], None] | None = None,
        preview: bool = False,
    ) -> Import:
        """
        Set the statuses of many customers from the rows of a table; each refused row is reported with its cause (D66).

        Rows are read as they are needed (`custstatus.tables`), and applied five thousand a transaction. A customer is in a
        run once. After a failure repeat it with the same rows and the same run: what it has done it does not do again,
        even if someone has changed the customer since.

        Args:
            rows: The rows of a table.
            lifecycle: On which lifecycle the rows' targets are.
            reason: For every entry whose row has none of its own.
            reason_code: In every entry.
            approval: Who approved the run, or under which number: required where rows lead to FRAUD_SUSPECTED,
                FRAUD_CONFIRMED or DELETED (D103).
            run: The id that the entries carry; by default made of the time.
            most: If there are more rows than this, nothing is written; all rows are then read before the first is applied.
            on_rows: Called with each finished batch of rows.
            preview: Plan it only, and write nothing.

        Raises:
            InvalidInputError: There are more rows than `most`, or the table does not have the expected shape.
            ConflictError: Other writers kept changing the same account; customers changed so far stay changed. Repeat it with the
                same rows and the same run.
            StoreError: The store failed; customers changed so far stay changed.
        """
        return _run(self._awaited.import_statuses(rows, lifecycle, reason=reason, reason_code=reason_code, approval=approval, run=run, most=most, on_rows=on_rows, preview=preview))

    def reverse(
        self,
        run: str,
        *,
        reason: str | None = "the run was reversed",
        reason_code: str | None = "reversed",
        approval: str | None = None,
        reversal: str | None = None,
        on_rows: Callable[[Sequence[Reversed]], None] | None = None,
        preview: bool = False,
    ) -> Reversal:
        """
        Undo a bulk run: return every customer it changed, and nobody has changed since, to their previous status (D103).

        The others are left and listed, as are customers that this actor cannot return. It writes new entries. Safe to
        repeat.

        Args:
            run: The run's id. A run id without entries reverses nothing, so a typo is not reported.
            reason: In every entry.
            reason_code: In every entry.
            approval: Who approved it.
            reversal: The id that the new entries carry, as the reversal is a run too; by default made from the run's id.
            on_rows: Called with each finished batch of rows.
            preview: Plan it only, and write nothing.

        Raises:
            InvalidInputError: The reversal has the id of the run itself.
            ConflictError: Other writers kept changing the same account; customers returned so far stay returned. Repeat it with
                the same reversal.
            StoreError: The store failed; customers returned so far stay returned. Repeat it.
        """
        return _run(self._awaited.reverse(run, reason=reason, reason_code=reason_code, approval=approval, reversal=reversal, on_rows=on_rows, preview=preview))
