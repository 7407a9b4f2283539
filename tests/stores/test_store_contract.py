"""The contract that every store has to pass, on the stores of this library; and that the contract hides none of its tests."""

from __future__ import annotations

import itertools
import unittest
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from awaited_store import Opened
from emptied import Emptied

from custstatus import Account, Applied, MemoryStore, Plan, SQLiteStore
from custstatus.adapters import PreparedChange, PreparedSet, SetResult, Snapshot, Store
from custstatus.adapters.postgres import PostgresStore
from custstatus.testing import Blocking, RelayStore, StoreContract
from custstatus.testing.contracts.closing import ClosingContract
from custstatus.testing.contracts.contract import Contract
from custstatus.testing.contracts.guards import GuardContract
from custstatus.testing.contracts.setguards import SetGuardContract


class TestMemoryStore(StoreContract):
    def make_store(self) -> MemoryStore:
        return MemoryStore()


class Eager(GuardContract, SetGuardContract):
    """The contract for a store that makes by itself all that can be made: a plain change, and of a set every row."""

    def makes(self, store: Store, account: Account, plan: Plan) -> Account:
        heard = Heard(store)
        stands = super().makes(heard, account, plan)
        assert plan.prepared.plain is None or isinstance(heard.answer, Applied), f"left to be planned: {plan.prepared}"
        return stands

    def applies(self, store: Store, several: PreparedSet, plans: dict[str, Plan]) -> dict[str, Snapshot]:
        heard = Heard(store)
        founds = super().applies(heard, several, plans)
        (step,) = several.prepared.steps
        for answer in heard.answers:
            if isinstance(answer, Snapshot) and answer.account is not None and answer.account.customer in plans:
                assert answer.account.standing(step.lifecycle) is None, f"left, though it could be made: {answer}"
        return founds


class Heard(RelayStore):
    """A store whose last answers to a change and to a set are heard."""

    answer: Applied | Snapshot | None = None
    answers: tuple[SetResult | Snapshot, ...] = ()

    def apply(self, prepared: PreparedChange) -> Applied | Snapshot:
        self.answer = self.store.apply(prepared)
        return self.answer

    def apply_set(self, prepared: PreparedSet) -> tuple[SetResult | Snapshot, ...]:
        self.answers = self.store.apply_set(prepared)
        return self.answers


class TestSQLiteStore(Eager, StoreContract):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path) -> None:
        self.paths = (tmp_path / f"{number}.db" for number in itertools.count())

    def make_store(self) -> SQLiteStore:
        return SQLiteStore(next(self.paths))


class TestPostgresStore(Eager, StoreContract):
    @pytest.fixture(autouse=True)
    def _on(self, emptied: Emptied) -> Iterator[None]:
        with ExitStack() as self.databases:
            self.emptied = emptied
            yield

    def make_store(self) -> PostgresStore:
        return PostgresStore(self.databases.enter_context(self.emptied.lent()), connections=6)


class TestAsyncPostgresStore(TestPostgresStore):
    def make_store(self) -> Blocking:  # type: ignore[override]
        return Blocking(Opened(self.databases.enter_context(self.emptied.lent())))


def test_no_part_of_the_contract_hides_another_s_test() -> None:
    parts = [part for part in StoreContract.__mro__ if issubclass(part, Contract) and part is not StoreContract]
    seen: dict[str, type] = {}
    for part in parts:
        for name in vars(part):
            if not name.startswith("__"):
                assert name not in seen, f"{name} of {part.__name__} is hidden by {seen[name].__name__}"
                seen[name] = part
    assert sum(name.startswith("test_") for name in seen) > 100


def test_closing_is_tried_of_every_verb() -> None:
    verbs = {name for name in vars(Store) if not name.startswith("_")}
    assert {use.split()[0] for use in ClosingContract().uses(MemoryStore())} == verbs - {"close"}


def test_a_host_with_unittest_collects_it() -> None:
    class Hosted(StoreContract, unittest.TestCase):
        def make_store(self) -> MemoryStore:
            return MemoryStore()

    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Hosted)
    assert suite.countTestCases() > 100
    some = unittest.TestSuite(test for test in suite if "key" in test.id())
    result = unittest.TestResult()
    some.run(result)
    assert (result.testsRun > 5, result.errors, result.failures) == (True, [], [])


def test_a_host_must_say_how_a_store_is_made() -> None:
    with pytest.raises(NotImplementedError, match="make_store"):
        StoreContract().test_a_key_writes_once()
