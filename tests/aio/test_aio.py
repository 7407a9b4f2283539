"""The awaited service: the verbs of its twin and what they leave, what fails, and what comes at once."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from organisation import ACME, AGENT, START, Label, finished
from pausing import Pausing, pausing
from twins import AwaitedWorld, Ran

from custstatus import (
    CUSTOMER_STATUS,
    Action,
    Activity,
    Applied,
    ConflictError,
    Desk,
    Identifier,
    InvalidInputError,
    MemoryStore,
    OrgConfig,
    RefusedError,
    SQLiteStore,
    StatusService,
    StoreError,
)
from custstatus.adapters import Store
from custstatus.aio import AsyncDesk, AsyncLook, AsyncStatusService, AsyncStore
from custstatus.service._made.look import Look
from custstatus.testing import Awaited, MovableClock, example
from custstatus.testing.laws import PlannedApply
from custstatus.testing.operations import Host, Operation
from custstatus.testing.snapshots import answer, snapshot
from custstatus.testing.strategies import operation_runs

TWINS = [(Look, AsyncLook), (Desk, AsyncDesk), (StatusService, AsyncStatusService)]

AT_ONCE = {"config", "store", "acting", "inside"}
"""What asks the store nothing, and is not awaited."""


def public(owner: type) -> dict[str, Any]:
    """The public verbs and properties of a class, those of its bases too."""
    return {name: inspect.getattr_static(owner, name) for name in dir(owner) if not name.startswith("_")}


def blocking(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter of the awaited face as the other has it, where nobody is there to await what it is given."""
    return parameter.replace(annotation=str(parameter.annotation).replace(" | AsyncIterable[Activity]", ""))


def told_of(owner: Any) -> str:
    """What a class or a verb says of itself, but for which of the services it names."""
    return (owner.__doc__ or "").replace("`AsyncStatusService", "`StatusService").replace(" an awaited *", " *")


class TestTheSameVerbs:
    """The one is made of the other, but for what is written by hand; so both are held against each other whole."""

    @pytest.mark.parametrize(("blocks", "awaits"), TWINS)
    def test_each_has_the_verbs_of_the_other(self, blocks: type, awaits: type) -> None:
        assert set(public(awaits)) - {"open"} == set(public(blocks))

    @pytest.mark.parametrize(
        ("blocks", "awaits", "verb"),
        [(one, other, name) for one, other in TWINS for name, verb in public(one).items() if inspect.isfunction(verb)],
    )
    def test_each_verb_takes_the_same_answers_the_same_and_is_awaited(
        self, blocks: type, awaits: type, verb: str
    ) -> None:
        one, other = getattr(blocks, verb), getattr(awaits, verb)
        assert inspect.iscoroutinefunction(other) == (verb not in AT_ONCE)
        ours, theirs = inspect.signature(one), inspect.signature(other)
        assert list(map(blocking, theirs.parameters.values())) == [
            each.replace(annotation=str(each.annotation)) for each in ours.parameters.values()
        ]
        answers = str(ours.return_annotation)
        assert theirs.return_annotation == (f"Async{answers}" if verb == "acting" else answers)

    @pytest.mark.parametrize(
        ("blocks", "awaits", "verb"),
        [
            (one, other, name)
            for one, other in TWINS
            for name, verb in public(one).items()
            if inspect.isfunction(verb) or isinstance(inspect.getattr_static(other, name), property)
        ],
    )
    def test_each_verb_says_the_same_of_itself(self, blocks: type, awaits: type, verb: str) -> None:
        one, other = getattr(blocks, verb), getattr(awaits, verb)
        assert told_of(one)
        assert told_of(one) == told_of(other)

    @pytest.mark.parametrize(("blocks", "awaits"), TWINS[:2])
    def test_each_face_says_the_same_of_itself(self, blocks: type, awaits: type) -> None:
        assert told_of(blocks)
        assert told_of(blocks) == told_of(awaits)

    def test_opening_one_takes_what_making_the_other_does(self) -> None:
        made = list(inspect.signature(StatusService).parameters.values())
        opened = list(inspect.signature(AsyncStatusService.open).parameters.values())
        assert [(each.name, each.kind, each.default) for each in made] == [
            (each.name, each.kind, each.default) for each in opened
        ]


class TestTheSameOutcome:
    @settings(max_examples=40, deadline=None)
    @given(st.data())
    @pytest.mark.parametrize("kind", [Awaited, pausing], ids=["at once", "in its time"])
    def test_whatever_is_done_is_answered_alike_and_leaves_the_same(
        self, kind: Callable[[Store], AsyncStore], data: st.DataObject
    ) -> None:
        config = example()
        operations: list[Operation] = data.draw(operation_runs(config))
        one, other = MemoryStore(), MemoryStore()
        clock, twin = MovableClock(), MovableClock()
        with asyncio.Runner() as runner:
            service = runner.run(AsyncStatusService.open(kind(other), config, clock=twin))
            blocks = Host(StatusService(one, config, clock=clock), clock)
            awaits = Host(cast(Any, Ran(service, runner)), twin)
            for operation in operations:
                assert answer(operation.perform, blocks) == answer(operation.perform, awaits), operation
        lifecycles = tuple(lifecycle.name for lifecycle in config.lifecycles)
        assert snapshot(one, config.org, lifecycles) == snapshot(other, config.org, lifecycles)

    def test_verifying_tells_how_far_it_is(self, awaited: AwaitedWorld[Label], runner: asyncio.Runner) -> None:
        async def host() -> None:
            service = await AsyncStatusService.open(pausing(awaited.store), ACME)
            told: list[int] = []
            assert (await service.verify(progress=told.append)).accounts == 1
            assert told == [1]

        awaited.desk.register("c")
        runner.run(host())

    def test_a_decision_is_one_read(self, awaited: AwaitedWorld[Label], runner: asyncio.Runner) -> None:
        async def host() -> None:
            store = Pausing(awaited.store)
            service = await AsyncStatusService.open(cast(AsyncStore, store), ACME)
            assert store.calls == ["keep_config"]
            await service.decide("c", Action.TRANSACTION)
            assert store.calls == ["keep_config", "load"]

        awaited.desk.register("c")
        runner.run(host())


class TestOpening:
    def test_the_configuration_is_kept_before_there_is_a_service(self) -> None:
        async def host() -> None:
            store = MemoryStore()
            service = await AsyncStatusService.open(Awaited(store), ACME)
            assert store.config("acme", ACME.hash) == ACME.to_json()
            assert service.config is ACME

        asyncio.run(host())

    def test_it_is_not_made_without(self) -> None:
        made: Any = AsyncStatusService
        with pytest.raises(TypeError, match=r"await AsyncStatusService\.open"):
            made(Awaited(MemoryStore()), ACME)

    @pytest.mark.parametrize(("config", "key"), [("acme", None), (ACME, b"short")])
    def test_what_it_is_made_of_is_checked_and_nothing_is_kept(self, config: Any, key: bytes | None) -> None:
        store = MemoryStore()
        with pytest.raises(InvalidInputError):
            asyncio.run(AsyncStatusService.open(Awaited(store), config, key=key))
        assert store.organisations() == ()

    def test_a_subclass_opens_and_joins_as_itself(self, tmp_path: Any) -> None:
        class Ours(AsyncStatusService[Label]):
            """A host's own."""

        class Joined(Awaited):
            def inside(self, connection: Any) -> Awaited:
                return Awaited(connection)

        async def host() -> None:
            service = await Ours.open(Joined(MemoryStore()), ACME)
            other = MemoryStore()
            inside = service.inside(other)
            assert isinstance(service, Ours)
            assert isinstance(inside, Ours)
            await inside.acting(AGENT).register("c")
            assert other.load("acme", "c") is not None
            assert await service.find(Identifier("email", "z")) is None
            with pytest.raises(Exception, match="no customer 'c'"):
                await service.account("c")

        asyncio.run(host())

    def test_what_is_done_inside_a_host_s_transaction_falls_with_it(self, tmp_path: Any) -> None:
        async def host() -> None:
            with SQLiteStore(tmp_path / "statuses.db") as store:
                service = await AsyncStatusService.open(Awaited(store), ACME)
                connection = sqlite3.connect(tmp_path / "statuses.db", isolation_level=None)
                connection.execute("BEGIN IMMEDIATE")
                await service.inside(connection).acting(AGENT).register("c")
                connection.execute("ROLLBACK")
                connection.close()
                assert store.load("acme", "c") is None

        asyncio.run(host())


class Failing(MemoryStore):
    """A store in which a customer cannot be read."""

    def load(self, org: str, customer: str) -> Any:
        raise StoreError("broken")


class TestFailing:
    def test_what_the_store_raises_reaches_whoever_awaits_it_and_he_may_go_on(self) -> None:
        async def going_on(store: AsyncStore) -> tuple[str, ...]:
            with pytest.raises(StoreError, match="broken"):
                await store.load("acme", "c")
            return await store.organisations()

        assert finished(going_on(Awaited(Failing()))) == ()
        assert asyncio.run(going_on(pausing(Failing()))) == ()

    def test_what_it_does_not_take_is_raised(self) -> None:
        async def host() -> None:
            service = await AsyncStatusService.open(pausing(Failing()), ACME)
            for ask in (service.account("c"), service.decide("c", Action.LOGIN), service.timeline("c")):
                with pytest.raises(StoreError, match="broken"):
                    await ask

        asyncio.run(host())


class TestManyAtOnce:
    async def _adding(self, service: AsyncStatusService[Label], number: int) -> bool:
        """Whether one more identifier was added."""
        try:
            await service.acting(AGENT).add_identifier("c", Identifier("email", f"e-{number}"))
        except ConflictError:
            return False
        return True

    def test_what_others_came_before_is_told_and_nothing_that_was_acknowledged_is_lost(self) -> None:
        async def host() -> None:
            service = await AsyncStatusService.open(pausing(PlannedApply(MemoryStore())), ACME)
            await service.acting(AGENT).register("c")
            left, conflicts = list(range(40)), 0
            while left:
                made = await asyncio.gather(*(self._adding(service, number) for number in left))
                assert any(made)
                left = [number for number, was in zip(left, made, strict=True) if not was]
                assert len(await service.identifiers("c")) == 40 - len(left)
                conflicts += len(left)
            assert conflicts > 0  # where every change is planned, not all of so many can come first in time
            assert [entry.version for entry in await service.history("c")] == list(range(1, 43))
            assert (await service.verify()).faults == ()

        asyncio.run(host())

    @pytest.mark.parametrize("planned", [False, True], ids=["applied", "planned"])
    def test_changes_to_and_fro_are_each_an_entry_or_refused(self, planned: bool) -> None:
        async def host() -> None:
            store = MemoryStore()
            service = await AsyncStatusService.open(pausing(PlannedApply(store) if planned else store), ACME)
            desk = service.acting(AGENT)
            await desk.register("c")
            targets = [Label.TRENDING, Label.ABROAD, Label.LOST_PHONE, Label.REGULAR] * 5
            made = await asyncio.gather(
                *(desk.change("c", target, reason="r") for target in targets), return_exceptions=True
            )
            assert {type(each) for each in made} <= {Applied, RefusedError, ConflictError}
            entries = [each.entries[0] for each in made if isinstance(each, Applied)]
            assert 1 < len(entries) < len(targets)
            history = await service.history("c", lifecycle=CUSTOMER_STATUS)
            assert list(history)[1:] == sorted(entries, key=lambda entry: entry.version)

        asyncio.run(host())

    def test_a_key_is_applied_once(self) -> None:
        async def host() -> None:
            service = await AsyncStatusService.open(pausing(PlannedApply(MemoryStore())), ACME)
            desk = service.acting(AGENT)
            await desk.register("c")
            made = await asyncio.gather(*(desk.change("c", Label.ABROAD, reason="travels", key="k") for _ in range(20)))
            assert sorted(each.replayed for each in made) == [False] + [True] * 19
            assert len(await service.history("c", lifecycle=CUSTOMER_STATUS)) == 2

        asyncio.run(host())


class TestRecordingAnyNumber:
    @pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 6, 7])
    def test_they_may_be_awaited_and_come_batch_by_batch(self, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("custstatus.service.service.BATCH", 3)
        sales = [Activity("c", Action.TRANSACTION, f"r-{each}", START) for each in range(number)]

        async def arriving() -> AsyncIterator[Activity]:
            for each in sales:
                await asyncio.sleep(0)
                yield each

        async def host(config: OrgConfig[Label]) -> None:
            for reported in (sales, iter(sales), arriving()):
                store = Pausing(MemoryStore())
                service = await AsyncStatusService.open(cast(AsyncStore, store), config)
                await service.acting(AGENT).register("c")
                report = await service.record(reported)
                assert (report.new, report.repeated, report.unknown) == (number, 0, ())
                assert store.calls.count("record") == -(-number // 3)

        asyncio.run(host(ACME))
