"""Activities and idleness through the service: exact to the microsecond, and never for whom they do not concern."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from custstatus import Action, Activity, CustomerStatus, Effect, Refusal, RefusalCode, StatusService
from custstatus.adapters import ActivityBatch, PreparedSet, SetResult, Snapshot
from custstatus.testing.clock import MovableClock
from custstatus.testing.contracts.services import ServiceContract
from custstatus.testing.drafts import US, bought
from custstatus.testing.example import ExampleLabel, example
from custstatus.testing.operations import Host
from custstatus.testing.relay import RelayStore

__all__ = ["SweepContract"]

_IDLE, _LONG, _LONGEST = timedelta(days=180), timedelta(days=365), timedelta(days=1_000)


class SweepContract(ServiceContract):
    """What customers do, and what becomes of those who do nothing."""

    def buys(self, host: Host, customer: str, reference: str, ago: timedelta = timedelta(0), **given: Any) -> Any:
        """Report a purchase."""
        return host.service.record(Activity(customer, Action.TRANSACTION, reference, host.clock() - ago, **given))

    def label(self, host: Host, customer: str) -> Any:
        """The label under which a customer stands."""
        return self.place(host, customer)[1]

    def test_inactive_is_exact_to_the_microsecond(self) -> None:  # D60, D61
        with self.hosted("never", "buys") as host:
            host.clock.advance(timedelta(days=1))
            self.buys(host, "buys", "r-1")
            host.clock.advance(_IDLE - timedelta(days=1))
            assert [row.customer for row in host.service.inactive(_IDLE)] == []
            host.clock.advance(US)
            assert [row.customer for row in host.service.inactive(_IDLE)] == ["never"]
            host.clock.advance(timedelta(days=1) - US)
            assert [row.customer for row in host.service.inactive(_IDLE)] == ["never"]
            host.clock.advance(US)
            assert [row.customer for row in host.service.inactive(_IDLE)] == ["buys", "never"]

    def test_the_sweep_moves_whom_its_preview_names(self) -> None:  # D63
        with self.hosted("c-1", "c-2") as host:
            host.clock.advance(_IDLE)
            assert host.service.sweep().rows == ()
            self.buys(host, "c-2", "r-1")
            host.clock.advance(US)
            preview = host.service.sweep(preview=True)
            assert [row.customer for row in preview.moved] == ["c-1"]
            assert self.label(host, "c-1") is ExampleLabel.REGULAR
            sweep = host.service.sweep(run="r-7")
            assert [row.customer for row in sweep.moved] == ["c-1"]
            assert (self.label(host, "c-1"), self.label(host, "c-2")) == (ExampleLabel.DORMANT, ExampleLabel.REGULAR)
            (entry,) = host.service.history("c-1", newest_first=True, limit=1)
            assert (entry.run, entry.channel, entry.reason_code) == ("r-7", "sweep", "idle")
            assert host.service.sweep().rows == ()

    def test_the_idle_come_back_where_they_were_by_buying(self) -> None:  # D63
        with self.hosted("c-1") as host:
            self.desk(host).change("c-1", ExampleLabel.TRENDING, reason="x")
            host.clock.advance(_IDLE + US)
            host.service.sweep()
            host.clock.advance(_LONG - _IDLE)
            host.service.sweep()
            assert self.label(host, "c-1") is ExampleLabel.ASLEEP
            assert self.buys(host, "c-1", "r-1", effect=Effect.BLOCK).back == ()
            assert self.buys(host, "c-1", "r-2", ago=_LONG + US).back == ()
            assert self.label(host, "c-1") is ExampleLabel.ASLEEP
            assert len(self.buys(host, "c-1", "r-3").back) == 1
            assert self.label(host, "c-1") is ExampleLabel.TRENDING
            assert self.buys(host, "c-1", "r-3").back == ()

    def test_who_bought_while_his_return_was_lost_comes_back_with_the_sweep(self) -> None:  # D63
        with self.hosted("c-1") as host:
            host.clock.advance(_IDLE + US)
            host.service.sweep()
            row = bought("c-1", "r-1", host.clock())
            host.service.store.record(ActivityBatch(host.service.config.org, (row,)))
            assert [each.customer for each in host.service.sweep().back] == ["c-1"]
            assert self.label(host, "c-1") is ExampleLabel.REGULAR

    def test_the_sweep_touches_the_active_only(self) -> None:  # D63
        with self.hosted("c-1", "c-2", "c-3", "c-4", "c-5") as host:
            labels = [
                ExampleLabel.LOST_PHONE,
                ExampleLabel.SUSPECTED,
                ExampleLabel.STAFF,
                ExampleLabel.DELETION_PENDING,
                ExampleLabel.CLOSED,
            ]
            for number, label in enumerate(labels, 1):
                self.desk(host).change(f"c-{number}", label, reason="x")
            host.clock.advance(_LONGEST + US)
            assert host.service.sweep().rows == ()
            assert [self.label(host, f"c-{number}") for number in range(1, 6)] == labels

    def test_the_long_inactive_are_deleted(self) -> None:  # D64
        with self.hosted("c-1") as host:
            host.clock.advance(_LONGEST)
            host.service.sweep()
            assert self.place(host)[0] is CustomerStatus.ACTIVE
            host.clock.advance(US)
            host.service.sweep()
            assert self.place(host)[0] is CustomerStatus.DELETED
            assert host.service.account("c-1").closed_at == host.clock()

    def test_a_purchase_in_flight_saves_from_the_sweep(self) -> None:  # D61, D63
        with self.opened() as store:
            clock = MovableClock()
            late = LatePurchase(store)
            service = StatusService(late, example(), clock=clock)
            host = Host(service, clock)
            for customer in ("c-1", "c-2"):
                self.desk(host).register(customer)
            clock.advance(_IDLE + US)
            late.whose = "c-2"
            outcomes = {row.customer: row.outcome for row in service.sweep().rows}
            assert isinstance(outcomes["c-1"], SetResult)
            refused = outcomes["c-2"]
            assert isinstance(refused, Refusal)
            assert refused.code is RefusalCode.NOT_INACTIVE
            assert self.label(host, "c-2") is ExampleLabel.REGULAR

    def test_a_timeline_tells_what_happened_and_what_he_did_once_each(self) -> None:
        with self.hosted("c-1") as host:
            for number in range(3):
                host.clock.advance(timedelta(days=1))
                self.buys(host, "c-1", f"r-{number}")
                self.buys(host, "c-1", f"late-{number}", ago=timedelta(days=30 + number))
                self.desk(host).change("c-1", (ExampleLabel.REGULAR, ExampleLabel.TRENDING)[number % 2 - 1], reason="x")
            whole = host.service.timeline("c-1", limit=100).items
            assert len(whole) == 11
            for limit in range(1, 12):
                page = host.service.timeline("c-1", limit=limit)
                items = list(page)
                while page.next is not None:
                    page = host.service.timeline("c-1", limit=limit, after=page.next)
                    items += page
                assert items == list(whole), f"{limit} a page: {items}"


class LatePurchase(RelayStore):
    """A store on which a customer buys just before a set with him in it is applied."""

    whose = ""

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        if any(row.customer == self.whose for row in prepared.rows):
            purchase = bought(self.whose, "in flight", prepared.prepared.now)
            self.store.record(ActivityBatch(prepared.prepared.org, (purchase,)))
        return self.store.apply_set(prepared)
