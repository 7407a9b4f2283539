"""Changes through the service: what hosts rely on, whatever the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier
from typing import Any

from custstatus import (
    CUSTOMER_STATUS,
    LOYALTY_TYPE,
    MEMBERSHIP,
    Action,
    Actor,
    ActorKind,
    Applied,
    Channel,
    CustomerStatus,
    Desk,
    Effect,
    EntryKind,
    Identifier,
    LoyaltyType,
    Membership,
    Refusal,
    RefusalCode,
    RefusedError,
    StatusService,
)
from custstatus.testing.clock import MovableClock
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.drafts import US
from custstatus.testing.example import ExampleLabel, example
from custstatus.testing.laws import history_folds
from custstatus.testing.operations import Host
from custstatus.testing.snapshots import plain, snapshot

__all__ = ["ServiceContract"]

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_AGENT = Actor("agent-7", ActorKind.PERSON, "Ada Lovelace")


class ServiceContract(Contract):
    """Requests, refusals and replays; setting aside and going back; the history."""

    @contextmanager
    def hosted(self, *customers: str) -> Iterator[Host]:
        """A service of the example organisation; in the end every history must fold to what stands there."""
        clock = MovableClock()
        with self.opened() as store:
            host = Host(StatusService(store, example(), clock=clock), clock)
            for customer in customers:
                self.desk(host).register(customer)
            yield host
            history_folds(host.service)

    def desk(self, host: Host) -> Desk[Any]:
        """Where an agent makes changes."""
        return host.service.acting(_AGENT, Channel.MEMBER_CARE)

    def refusal(self, change: Callable[[], object]) -> Refusal:
        """Make a change that is refused; why it is."""
        try:
            made = change()
        except RefusedError as error:
            return error.refusal
        raise AssertionError(f"made, though it should have been refused: {made}")

    def refused(self, host: Host, change: Callable[[], object], *codes: RefusalCode) -> None:
        """Make a change that is refused for just these reasons: nothing is written (D51)."""
        org, lifecycles = host.service.config.org, ("customer_status", "membership")
        before = snapshot(host.service.store, org, lifecycles)
        refusal = self.refusal(change)
        assert refusal.codes == frozenset(codes), f"refused for {refusal}, not for {codes}"
        assert snapshot(host.service.store, org, lifecycles) == before, "refused, and yet something was written"

    def place(self, host: Host, customer: str = "c-1") -> tuple[Any, Any]:
        """Where a customer stands: status and label."""
        standing = host.service.standing(customer, CUSTOMER_STATUS)
        return (None, None) if standing is None else (standing.status, standing.label)

    def test_a_new_customer_is_active_under_the_default_label(self) -> None:  # D1, D20, D52
        with self.hosted() as host:
            applied = self.desk(host).register("c-1", identifiers=[Identifier("mobile", "1")])
            assert self.place(host) == (CustomerStatus.ACTIVE, ExampleLabel.REGULAR)
            assert [entry.kind for entry in applied.entries] == [
                EntryKind.REGISTERED,
                EntryKind.MOVED,
                EntryKind.IDENTIFIER_ADDED,
            ]
            assert plain(host.service.history("c-1").items) == plain(applied.entries)
            assert host.service.find(Identifier("mobile", "1")) == "c-1"
            config = host.service.config
            assert host.service.store.config(config.org, config.hash) == config.to_json()
            self.refused(host, lambda: self.desk(host).register("c-1"), RefusalCode.ALREADY_REGISTERED)

    def test_a_change_is_recorded_with_who_when_and_why(self) -> None:  # D4, D51, D56
        with self.hosted("c-1") as host:
            now = host.clock.advance(_DAY)
            applied = self.desk(host).change("c-1", ExampleLabel.LOST_PHONE, reason="lost\n😀", reason_code="phone")
            (entry,) = applied.entries
            assert (entry.from_label, entry.to_label, entry.to_status) == ("Regular", "Lost phone", "suspended")
            assert (entry.effective_at, entry.recorded_at, entry.channel) == (now, now, "member_care")
            assert (entry.actor, entry.actor.name, entry.reason, entry.reason_code) == (
                _AGENT,
                "Ada Lovelace",
                "lost\n😀",
                "phone",
            )
            standing = host.service.standing("c-1", CUSTOMER_STATUS)
            assert standing is not None
            assert (standing.since, standing.by, standing.by.name) == (now, _AGENT, None)
            assert plain(host.service.history("c-1", newest_first=True, limit=1).items) == plain(applied.entries)

    def test_what_cannot_be_is_refused_and_leaves_no_trace(self) -> None:  # D5, D7, D23, D51, D54
        with self.hosted("c-1") as host:
            change = self.desk(host).change
            self.refused(host, lambda: change("c-9", ExampleLabel.STAFF), RefusalCode.UNKNOWN_CUSTOMER)
            self.refused(host, lambda: change("c-1", ExampleLabel.REGULAR, reason="x"), RefusalCode.NO_CHANGE)
            self.refused(host, lambda: change("c-1", CustomerStatus.ACTIVE, reason="x"), RefusalCode.NO_CHANGE)
            self.refused(host, lambda: change("c-1", ExampleLabel.CONFIRMED, reason="x"), RefusalCode.NO_TRANSITION)
            self.refused(host, lambda: change("c-1", ExampleLabel.LOST_PHONE), RefusalCode.REASON_NEEDED)
            self.refused(
                host,
                lambda: change("c-1", ExampleLabel.LOST_PHONE, key="k-1", expected=1, at=host.clock() + US),
                RefusalCode.REASON_NEEDED,
                RefusalCode.OTHER_VERSION,
                RefusalCode.IN_THE_FUTURE,
            )
            change("c-1", ExampleLabel.LOST_PHONE, reason="x", key="k-1", expected=2)

    def test_effective_times_are_exact(self) -> None:  # D55
        with self.hosted("c-1") as host:
            start, now = host.clock(), host.clock.advance(_DAY)
            change = self.desk(host).change
            early = start - US
            self.refused(
                host,
                lambda: change("c-1", ExampleLabel.TRENDING, reason="x", at=early),
                RefusalCode.BEFORE_LAST_ENTRY,
            )
            change("c-1", ExampleLabel.TRENDING, reason="x", at=start)
            change("c-1", ExampleLabel.LOST_PHONE, reason="x", at=start + _SECOND)
            change("c-1", ExampleLabel.REGULAR, reason="x", at=now)
            labels = {
                at: standing.label
                for at in (start, start + _SECOND - US, start + _SECOND, now - US, now)
                if (standing := host.service.standing("c-1", CUSTOMER_STATUS, at=at)) is not None
            }
            assert list(labels.values()) == [
                ExampleLabel.TRENDING,
                ExampleLabel.TRENDING,
                ExampleLabel.LOST_PHONE,
                ExampleLabel.LOST_PHONE,
                ExampleLabel.REGULAR,
            ]

    def test_a_clock_that_is_set_back_turns_no_history_round(self) -> None:
        with self.hosted("c-1") as host:
            later = host.clock.advance(_DAY)
            self.desk(host).change("c-1", ExampleLabel.LOST_PHONE, reason="x")
            host.clock.advance(-2 * _DAY)
            (entry,) = self.desk(host).change("c-1", ExampleLabel.REGULAR, reason="x").entries
            assert (entry.effective_at, entry.recorded_at) == (later, host.clock())

    def test_a_repeated_request_is_applied_once(self) -> None:
        with self.hosted() as host:
            desk = self.desk(host)

            def requests() -> list[Applied]:
                mobile, email = Identifier("mobile", "1"), Identifier("email", "1")
                return [
                    desk.register("c-1", ExampleLabel.TRENDING, identifiers=[mobile], key="k-1"),
                    desk.change("c-1", ExampleLabel.SUSPECTED, reason="x", key="k-2"),
                    desk.restore("c-1", reason="x", key="k-3"),
                    desk.add_identifier("c-1", email, key="k-4"),
                    desk.replace_identifier("c-1", mobile, Identifier("mobile", "2"), key="k-5"),
                    desk.remove_identifier("c-1", email, key="k-6"),
                    desk.change("c-1", ExampleLabel.CLOSED, reason="x", key="k-7"),
                ]

            first = requests()
            host.clock.advance(_DAY)
            again = requests()
            assert [applied.replayed for applied in [*first, *again]] == [False] * 7 + [True] * 7
            assert plain([applied.entries for applied in again]) == plain([applied.entries for applied in first])
            assert len(host.service.history("c-1")) == 9

    def test_a_key_stands_for_one_request(self) -> None:
        with self.hosted("c-1", "c-2") as host:
            self.desk(host).change("c-1", ExampleLabel.LOST_PHONE, reason="x", key="k-1")
            for customer, label, reason in (
                ("c-2", ExampleLabel.LOST_PHONE, "x"),
                ("c-1", ExampleLabel.ON_LEAVE, "x"),
                ("c-1", ExampleLabel.LOST_PHONE, "y"),
            ):
                self.refused(
                    host,
                    lambda of=customer, to=label, why=reason: self.desk(host).change(of, to, reason=why, key="k-1"),  # type: ignore[misc]
                    RefusalCode.KEY_REUSED,
                )

    def test_a_key_stands_for_one_status_of_one_lifecycle(self) -> None:
        active, suspected = CustomerStatus.ACTIVE, CustomerStatus.FRAUD_SUSPECTED
        pairs: tuple[tuple[Any, Any], ...] = (
            (suspected, active),
            (Membership.ACTIVE, Membership.ENROLLED),
            (Membership.ENROLLED, LoyaltyType.LOYALTY),
            # Stored by the same value on two lifecycles.
            (active, Membership.ACTIVE),
            (Membership.ACTIVE, active),
        )
        for asked, other in pairs:
            with self.hosted("c-1") as host:
                desk = self.desk(host)
                desk.change("c-1", ExampleLabel.ON_LEAVE, reason="x")
                made = desk.change("c-1", asked, reason="x", key="k-1")
                self.refused(
                    host,
                    lambda at=desk, to=other: at.change("c-1", to, reason="x", key="k-1"),  # type: ignore[misc]
                    RefusalCode.KEY_REUSED,
                )
                again = desk.change("c-1", asked, reason="x", key="k-1")
                assert again.replayed
                assert plain(again.entries) == plain(made.entries)

    def test_the_same_request_sent_at_once_is_applied_once(self) -> None:
        with self.hosted("c-1") as host, ThreadPoolExecutor(4) as threads:
            for number, label in enumerate((ExampleLabel.LOST_PHONE, ExampleLabel.REGULAR, ExampleLabel.STAFF)):
                barrier = Barrier(4)

                def send(
                    _: int, label: ExampleLabel = label, number: int = number, barrier: Barrier = barrier
                ) -> Applied:
                    barrier.wait(timeout=60)
                    return self.desk(host).change("c-1", label, reason="x", key=f"k-{number}")

                applied = list(threads.map(send, range(4)))
                assert sorted(each.replayed for each in applied) == [False, True, True, True]
                assert len({plain(each.entries) for each in applied}) == 1
            assert host.service.account("c-1").version == 5

    def test_nothing_that_is_acknowledged_is_lost(self) -> None:
        labels = [ExampleLabel.REGULAR, ExampleLabel.TRENDING, ExampleLabel.DORMANT, ExampleLabel.ASLEEP]
        with self.hosted("c-1") as host, ThreadPoolExecutor(4) as threads:

            def send(number: int) -> str:
                key = f"k-{number}"
                try:
                    self.desk(host).change("c-1", labels[number % 4], reason="x", key=key)
                except RefusedError:  # it stands there already, as another thread has put it there
                    return ""
                return key

            acknowledged = sorted(filter(None, threads.map(send, range(24))))
            keys = sorted(entry.key for entry in host.service.history("c-1") if entry.key is not None)
            assert keys == acknowledged

    def test_set_aside_twice_and_back_again(self) -> None:  # D8, D11, D95
        with self.hosted("c-1") as host:
            desk = self.desk(host)
            way = [ExampleLabel.ON_LEAVE, ExampleLabel.SUSPECTED, ExampleLabel.CONFIRMED, ExampleLabel.DELETION_PENDING]
            for label in way:
                desk.change("c-1", label, reason="x")
                host.clock.advance(_DAY)
            self.refused(
                host,
                lambda: desk.change("c-1", ExampleLabel.ON_LEAVE, reason="x"),
                RefusalCode.NOT_WHERE_IT_WAS,
            )
            desk.restore("c-1", reason="cancelled")
            assert self.place(host) == (CustomerStatus.FRAUD_CONFIRMED, ExampleLabel.CONFIRMED)
            desk.restore("c-1", reason="an appeal")
            assert self.place(host) == (CustomerStatus.SUSPENDED, ExampleLabel.ON_LEAVE)
            self.refused(host, lambda: desk.restore("c-1", reason="x"), RefusalCode.NOTHING_TO_RESTORE)

    def test_a_hold_of_a_membership_restores_what_was(self) -> None:  # D68, D70
        with self.hosted("c-1", "c-2") as host:
            desk = self.desk(host)
            for customer, before in (("c-1", Membership.ENROLLED), ("c-2", Membership.ACTIVE)):
                desk.change(customer, before, reason="x")
                desk.change(customer, ExampleLabel.SUSPECTED, reason="x")
                desk.change(customer, Membership.ON_HOLD, reason="x")
                other = Membership.ACTIVE if before is Membership.ENROLLED else Membership.ENROLLED
                self.refused(
                    host,
                    lambda of=customer, to=other: desk.change(of, to, reason="x"),  # type: ignore[misc]
                    RefusalCode.NOT_WHERE_IT_WAS,
                )
                desk.restore(customer, MEMBERSHIP, reason="x")
                standing = host.service.standing(customer, MEMBERSHIP)
                assert standing is not None
                assert (standing.status, standing.return_to) == (before, None)
                assert self.place(host, customer)[0] is CustomerStatus.FRAUD_SUSPECTED

    def test_lifecycles_are_independent_axes(self) -> None:
        with self.hosted("c-1") as host:
            before = host.service.standing("c-1", CUSTOMER_STATUS)
            self.desk(host).change("c-1", LoyaltyType.LOYALTY, reason="x")
            assert host.service.standing("c-1", CUSTOMER_STATUS) == before
            standing = host.service.standing("c-1", LOYALTY_TYPE)
            assert standing is not None
            assert standing.status is LoyaltyType.LOYALTY
            assert host.service.standing("c-1", MEMBERSHIP) is None

    def test_a_deleted_customer_is_gone_for_good_and_may_come_anew(self) -> None:  # D5, D6, D62, D65
        mobile, email = Identifier("mobile", "1"), Identifier("email", "a@b.c")
        with self.hosted() as host:
            desk = self.desk(host)
            desk.register("c-1", identifiers=[mobile, email])
            desk.change("c-1", ExampleLabel.CLOSED, reason="x")
            changes: list[Callable[[], object]] = [
                lambda: desk.change("c-1", ExampleLabel.REGULAR, reason="x"),
                lambda: desk.change("c-1", Membership.ENROLLED, reason="x"),
                lambda: desk.restore("c-1", reason="x"),
                lambda: desk.add_identifier("c-1", mobile),
                lambda: desk.remove_identifier("c-1", mobile),
            ]
            for change in changes:
                assert RefusalCode.CLOSED in self.refusal(change).codes
            assert host.service.find(mobile) is None
            desk.register("c-2", identifiers=[mobile, email])
            assert host.service.find(mobile) == "c-2"
            assert [row.customer for row in host.service.customers(CUSTOMER_STATUS, CustomerStatus.DELETED)] == ["c-1"]
            assert [row.customer for row in host.service.reportable()] == ["c-2"]
            assert [entry.version for entry in host.service.history("c-2")] == [1, 2, 3, 4]

    def test_decisions_follow_every_lifecycle_at_once(self) -> None:  # D30, D34, D37
        with self.hosted("c-1") as host:

            def effect(action: Action) -> Effect:
                return host.service.decide("c-1", action).effect

            assert effect(Action.POINTS_REDEMPTION) is Effect.ALLOW
            self.desk(host).change("c-1", ExampleLabel.LOST_PHONE, reason="x")
            assert (effect(Action.TRANSACTION), effect(Action.LOGIN)) == (Effect.MARK, Effect.BLOCK)
            self.desk(host).change("c-1", Membership.ENROLLED, reason="x")
            self.desk(host).change("c-1", Membership.ON_HOLD, reason="x")
            self.desk(host).change("c-1", ExampleLabel.REGULAR, reason="x")
            assert (effect(Action.TRANSACTION), effect(Action.LOGIN)) == (Effect.ALLOW, Effect.BLOCK)
            self.desk(host).change("c-1", ExampleLabel.CLOSED, reason="x")
            assert {effect(action) for action in Action} == {Effect.BLOCK}
