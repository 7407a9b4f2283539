"""The desk: changes to customers, made by one actor on one channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import frozen

from custstatus import flows
from custstatus.adapters.protocol import Store
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

__all__ = ["Desk"]

L = TypeVar("L", bound=StatusLabel)
T = TypeVar("T")


@frozen(eq=False, repr=False)
class Desk(Requesting[Store, L]):
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
        return self._run(flow)

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
        return made(self._run(self._change(customer, target, reason, reason_code, at, key, expected)))

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
        flow = self._restore(
            customer, lifecycle, reason=reason, reason_code=reason_code, at=at, key=key, expected=expected
        )
        return self._run(flow)

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
        flow = self._preview(
            customer, target, reason=reason, reason_code=reason_code, at=at, key=key, expected=expected
        )
        return self._run(flow)

    def moves(
        self,
        customer: str,
        lifecycle: Lifecycle[Any] = CUSTOMER_STATUS,
        *,
        reason: str | None = None,
        reason_code: str | None = None,
    ) -> tuple[Option, ...]:
        """Every label or status of a lifecycle: open to this actor now, or what stands in the way. Writes nothing."""
        return self._run(self._moves(customer, lifecycle, reason=reason, reason_code=reason_code))

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
        flow = self._make(
            Operation.ADD_IDENTIFIER,
            customer,
            adds=[identifier],
            reason=reason,
            reason_code=reason_code,
            key=key,
            expected=expected,
        )
        return self._run(flow)

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
        flow = self._replace(customer, old, new, reason=reason, reason_code=reason_code, key=key, expected=expected)
        return self._run(flow)

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
        flow = self._make(
            Operation.REMOVE_IDENTIFIER,
            customer,
            drops=[identifier],
            reason=reason,
            reason_code=reason_code,
            key=key,
            expected=expected,
        )
        return self._run(flow)

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
            ConflictError: Others changed an account while it was being moved; those moved so far stay moved. Begin again with
                the same run.
            StoreError: The store failed; those moved so far stay moved.
        """
        flow = self._upgrade(old, mapping, reason=reason, reason_code=reason_code, run=run, dry=preview)
        return self._run(flow)

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
        told: Callable[[Sequence[ImportedRow]], None] | None = None,
        preview: bool = False,
    ) -> Import:
        """
        Put many customers where the rows of a table say, and tell of each row that is refused why (D66).

        Rows are read as they are needed (`custstatus.bulk`), and changed five thousand a transaction. A customer is in a
        run once. After a failure begin again with the same rows and the same run: what it has done it does not do again,
        also where somebody has moved the customer since.

        Args:
            rows: What a table holds.
            lifecycle: On which lifecycle the rows' targets are.
            reason: In every entry whose row has none of its own.
            reason_code: In every entry.
            approval: Who approved the run, or under which number: asked for where rows lead to FRAUD_SUSPECTED,
                FRAUD_CONFIRMED or DELETED (D103).
            run: The id that the entries carry; by default made of the time.
            most: With more rows than this nothing is written; they are then read before the first is changed.
            told: Told of the rows, part by part, as they are done.
            preview: Plan it only, and write nothing.

        Raises:
            InvalidInputError: There are more rows than `most`, or the table is none of its shape.
            ConflictError: Others kept changing the same account; those moved so far stay moved. Begin again with the same
                rows and the same run.
            StoreError: The store failed; those moved so far stay moved.
        """
        given = {"reason": reason, "reason_code": reason_code, "approval": approval}
        return self._run(self._import(rows, lifecycle, run=run, given=given, most=most, told=told, dry=preview))

    def reverse(
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
        """
        Put whoever still stands where a bulk run has put him back to where he was before, by new entries (D103).

        Whom somebody has moved since is left and listed, as is whom no move leads back that this actor may make. A second
        time there is nothing left to do.

        Args:
            run: The run's id. One that nothing was written under has nothing to reverse, be it as it should or mistyped.
            reason: In every entry.
            reason_code: In every entry.
            approval: Who approved it.
            reversal: The id that the new entries carry, for the reversal is a run too; by default made of the run's.
            told: Told of the entries, part by part, as they are reversed.
            preview: Plan it only, and write nothing.

        Raises:
            InvalidInputError: The reversal has the id of the run itself.
            ConflictError: Others kept changing the same account; those moved so far stay moved. Do it again with the same
                reversal.
            StoreError: The store failed; those moved so far stay moved. Do it again.
        """
        flow = self._reverse(
            run, run=reversal, dry=preview, told=told, reason=reason, reason_code=reason_code, approval=approval
        )
        return self._run(flow)

    def _run(self, flow: Flow[T]) -> T:
        return flows.run(flow, self._store)
