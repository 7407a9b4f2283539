"""Activities recorded on the server: in parts, each one statement, and by several at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
import pytest
from emptied import Emptied
from organisation import AGENT, START, Label
from rivals import Blocked
from wholeness import faults_in, opened, rows

from custstatus import Action, Activity, Report, StatusService, StoreBusyError

PARTS = "custstatus.adapters.postgres.operations._PART"


@pytest.fixture
def address(emptied: Emptied) -> Iterator[str]:
    """A database with tables, and nothing in them."""
    with emptied.lent() as lent:
        yield lent


def sale(customer: str, reference: str = "r") -> Activity:
    """A purchase."""
    return Activity(customer, Action.TRANSACTION, reference, START)


class TestParts:
    """What is too much for one statement is recorded by several, and answered as a whole."""

    @pytest.mark.parametrize("part", [1, 2, 3, 4, 5, 6])
    def test_each_of_a_batch_is_told_to_be_new_or_a_repeat_however_it_is_parted(
        self, address: str, part: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(PARTS, part)
        with opened(address) as service:
            for customer in "abc":
                service.acting(AGENT).register(customer)
            service.record(sale("b"), sale("a", "s"))
            batch = [sale("c"), sale("b"), sale("nobody"), sale("a"), sale("c"), sale("a", "s"), sale("c", "s")]
            report = service.record(*batch)
            assert (report.new, report.repeats, report.unrecorded) == (3, (1, 4, 5), 1)
            kept = rows(address, "SELECT customer, reference FROM custstatus_activity ORDER BY 1, 2")
            assert kept == [("a", "r"), ("a", "s"), ("b", "r"), ("c", "r"), ("c", "s")]
        assert faults_in(address) == []

    def test_texts_and_what_is_left_out_arrive_as_they_are(self, address: str) -> None:
        names = ['"', "\\", "{}", "NULL", "null", "a,b", " ", "'", "é", "%s", "$1"]
        with opened(address) as service:
            for name in names:
                service.acting(AGENT).register(name)
            assert service.record(*(sale(name, name) for name in names)).new == len(names)
            assert service.record(*(sale(name, name) for name in names[::-1])).repeats == tuple(range(len(names)))
            assert [service.activities(name).items for name in names] == [(sale(name, name),) for name in names]


class Recording(Blocked):
    """Purchases recorded in a thread of its own, until it waits."""

    def __init__(self, address: str, service: StatusService[Label], customers: Sequence[str], waiting: int = 1) -> None:
        super().__init__(address, lambda: service.record(*map(sale, customers)), waiting)


class TestOrder:
    """Two that report the same activities in opposite orders, one of them while somebody else is reporting a third."""

    def test_they_do_not_wait_for_each_other(self, address: str) -> None:
        assert self.opposite(address) == [Report(3), Report(0, repeats=(0, 1))]
        assert faults_in(address) == []

    def test_in_the_order_in_which_they_are_given_they_would(
        self, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The control: the keys as they are given, of which the last is met first.
        as_given = "custstatus.adapters.sql.operations.sorted"
        monkeypatch.setattr(as_given, lambda keys: list(keys)[::-1], raising=False)
        stopped = [each for each in self.opposite(address) if isinstance(each, StoreBusyError)]
        assert [type(each.__cause__) for each in stopped] == [psycopg.errors.DeadlockDetected]

    @staticmethod
    def opposite(address: str) -> list[object]:
        """What becomes of both, where he for whom the first waits takes his report back."""
        with opened(address) as service, psycopg.connect(address) as host:
            for customer in "abc":
                service.acting(AGENT).register(customer)
            service.inside(host).record(sale("c"))
            backwards = Recording(address, service, "bca")
            forwards = Recording(address, service, "ab", 2)
            assert backwards.waits
            assert forwards.waits
            host.rollback()
            return [backwards.end(), forwards.end()]
