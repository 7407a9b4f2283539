"""Operations of the library's own, as the loop that makes them does it: what no caller can ask for by hand."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from hypothesis import strategies as st
from organisation import finished

from custstatus import CUSTOMER_STATUS, Channel, OrgConfig, Refusal, RefusedError, Status, StatusLabel
from custstatus.adapters._made.awaited import Awaited
from custstatus.gate import loop
from custstatus.gate.request import Operation, Request
from custstatus.testing.operations import Host, Manner
from custstatus.testing.strategies.operations import CUSTOMERS

SYSTEM = Manner(channel=Channel.SWEEP)


@frozen
class SystemChange:
    """A change that only an operation of the system's own makes: a deletion scheduled, cancelled, lapsed (D11)."""

    customer: str
    target: Status | StatusLabel
    manner: Manner = SYSTEM

    def perform(self, host: Host) -> object:
        request = _request(Operation.CHANGE, self.customer, (self.target,), self.manner)
        return _made(finished(loop.make(Awaited(host.service.store), request, host.service.config, host.clock())))


@frozen
class SystemRestore:
    """Back to where the customer was, as an operation of the system's own: a deletion that is cancelled (D11)."""

    customer: str
    lifecycle: str = CUSTOMER_STATUS.name
    manner: Manner = SYSTEM

    def perform(self, host: Host) -> object:
        request = _request(Operation.RESTORE, self.customer, (), self.manner)
        lifecycle = host.lifecycle(self.lifecycle)
        store = Awaited(host.service.store)
        return _made(finished(loop.restore(store, request, lifecycle, host.service.config, host.clock())))


def system_operations(config: OrgConfig[Any]) -> st.SearchStrategy[Any]:
    """Operations of the system's own in an organisation."""
    labels: type[StatusLabel] = config.labels
    statuses: list[Any] = [status for lifecycle in config.lifecycles for status in lifecycle.statuses]
    targets: list[Any] = [*labels, *statuses]
    often = [each for each in targets if getattr(each, "status", each).name in ("PENDING_DELETION", "MERGED")]
    customers = st.sampled_from((*CUSTOMERS[:2] * 3, *CUSTOMERS))
    manners = st.sampled_from((SYSTEM, SYSTEM, Manner(key="k-1"), Manner(key="k-9", reason=None)))
    change = st.builds(SystemChange, customers, st.sampled_from(targets), manners)
    schedule = st.builds(SystemChange, customers, st.sampled_from(often or targets), manners)
    restore = st.builds(SystemRestore, customers, st.sampled_from([each.name for each in config.lifecycles]), manners)
    return st.one_of(change, schedule, restore)


def _request(operation: Operation, customer: str, targets: tuple[Any, ...], manner: Manner) -> Request:
    return Request(
        operation,
        customer,
        targets,
        manner.actor,
        manner.channel,
        manner.requested_by,
        system_operation=True,
        **manner.said,
    )


def _made(outcome: object) -> object:
    if isinstance(outcome, Refusal):
        raise RefusedError(outcome)
    return outcome
