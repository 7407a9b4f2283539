"""
The service where the store blocks.

Made of `service/service.py` by `make faces`: change that.
"""

from __future__ import annotations

from collections.abc import Coroutine
from custstatus.service._made.look import Look
from custstatus.service.blocking import BlockingService
from custstatus.service.service import AsyncStatusService
from typing import TYPE_CHECKING
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from custstatus.operations.record import Report, record
from custstatus.operations.sweep_limits import NO_LIMITS, SweepLimits
from custstatus.policies.decisions import Decision, TwoPartyDecision
from custstatus.records import Activity, AnyAction, StatusLabel

if TYPE_CHECKING:
    from custstatus.operations.import_activities import RecordedRow, Recording
    from custstatus.operations.sweep import Sweep, Swept
    from custstatus.tables.shapes import ActivityRow, BadRow

__all__ = ["StatusService"]

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


class StatusService(BlockingService[L], Look[L]):
    __doc__ = BlockingService.__doc__
    _awaited: AsyncStatusService[L]

    def decide_all(
        self, customer: str, actions: Iterable[AnyAction], *, context: object = None
    ) -> dict[AnyAction, Decision[L]]:
        """Say of several actions whether the customer may do them now, all from one read. Raises as `decide` does."""
        return _run(self._awaited.decide_all(customer, actions, context=context))

    def decide_between(
        self, action: AnyAction, source: str, destination: str, *, context: object = None
    ) -> TwoPartyDecision[L]:
        """
        Say whether two customers may do *action* between them now: both are asked, each with reasons of its own (D39).

        Args:
            action: One of the configuration's `two_party`.
            source: Who gives: the points, or the account that is merged away.
            destination: Who receives.
            context: As for `decide`.

        Raises:
            InvalidInputError: No action between two customers, or one customer on both sides (D72).
            UnknownCustomerError: No such customer in this organisation. Otherwise as `decide` does.
        """
        return _run(self._awaited.decide_between(action, source, destination, context=context))

    def check_between(
        self, action: AnyAction, source: str, destination: str, *, context: object = None
    ) -> TwoPartyDecision[L]:
        """
        The decision, unless it denies.

        Raises:
            DeniedError: One side is blocked; it carries that side's decision, the source's where both are. Otherwise as
                `decide_between` does.
        """
        return _run(self._awaited.check_between(action, source, destination, context=context))

    def record(self, *activities: Activity | Iterable[Activity]) -> Report:
        """
        Record what customers did: one activity, several, or any iterable of them; ten thousand a transaction.

        A late report never makes a customer look less active, and only the first report of a (customer, kind, reference)
        is kept: the result lists the repeats by their positions. Idle customers whose activity counts and lies within
        their rule's period come back (D63). Those recorded before a failure stay recorded.

        Raises:
            InvalidInputError: An action that the configuration lacks, or a time more than a day ahead (clocks of shops
                differ; a purchase of next year would keep its customer active till then). Nothing of the transaction
                was recorded.
        """
        return _run(self._awaited.record(*activities))

    def import_activities(
        self, rows: Iterable[ActivityRow | BadRow], *, on_rows: Callable[[Sequence[RecordedRow]], None] | None = None
    ) -> Recording:
        """
        Record the activities of a table, ten thousand rows a transaction; each row left out is reported with its cause (D66).

        Rows are read as they are needed (`custstatus.tables`). After a failure give the same rows again: those already
        recorded are repeats.

        Args:
            rows: The rows of a table.
            on_rows: Called with each finished batch of rows.

        Raises:
            InvalidInputError: The table does not have the expected shape.
            StoreError: The store failed; those recorded so far stay recorded.
        """
        return _run(self._awaited.import_activities(rows, on_rows=on_rows))

    def sweep(
        self,
        *,
        run: str | None = None,
        limits: SweepLimits = NO_LIMITS,
        on_rows: Callable[[Sequence[Swept]], None] | None = None,
        preview: bool = False,
    ) -> Sweep:
        """
        Apply the idle rules: move customers inactive for longer than a rule's period, and bring back those who bought again.

        Five thousand customers a transaction. After a failure repeat it with the same run: nobody is moved twice.

        Args:
            run: The id that the run's entries carry; by default made from the time.
            limits: How many customers it may move, and which it skips.
            on_rows: Called with each finished batch of rows.
            preview: Plan it only, and write nothing.

        Raises:
            SweepStoppedError: It would move more than the limits allow. Nothing was written.
        """
        return _run(self._awaited.sweep(run=run, limits=limits, on_rows=on_rows, preview=preview))
