"""A SQLAlchemy session hands its connection over: what it writes and what we write is one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hosts import AGENT, Seen, locked, recipe
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import InternalError
from sqlalchemy.orm import Session

from custstatus import CUSTOMER_STATUS, CustomerStatus, InvalidInputError, NoLabels, StatusService, StoreBusyError

ACTIVE, SUSPENDED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED

RECIPE = recipe("sqlalchemy_session")
joined, sell = RECIPE["joined"], RECIPE["sell"]


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    """The host's own connections."""
    made = create_engine("postgresql+psycopg://", connect_args=conninfo_to_dict(address))
    yield made
    made.dispose()


def test_both_are_committed_and_by_the_session_only(engine: Engine, shop: StatusService[NoLabels], seen: Seen) -> None:
    with Session(engine) as session:
        assert sell(session, shop, "s-1", "c-1")
        session.flush()
        standing = joined(shop, session).standing("c-1", CUSTOMER_STATUS)
        assert standing is not None
        assert standing.status is SUSPENDED
        assert seen.both() == ([], ACTIVE)
        session.commit()
    assert seen.both() == (["s-1"], SUSPENDED)


def test_both_are_rolled_back(engine: Engine, shop: StatusService[NoLabels], seen: Seen) -> None:
    with suppress(LookupError), Session(engine) as session, session.begin():
        assert sell(session, shop, "s-1", "c-1")
        session.flush()
        raise LookupError
    assert seen.both() == ([], ACTIVE)
    with Session(engine) as session, session.begin():
        assert sell(session, shop, "s-1", "c-1")  # with the same key: there is nothing of it left
    assert seen.both() == (["s-1"], SUSPENDED)


def test_a_row_that_the_host_cannot_write_takes_our_change_with_it(
    engine: Engine, shop: StatusService[NoLabels], seen: Seen
) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO sale VALUES ('s-1', 'c-2')"))
    with pytest.raises(Exception, match="duplicate key"), Session(engine) as session, session.begin():
        assert sell(session, shop, "s-1", "c-1")
    assert seen.both() == (["s-1"], ACTIVE)


def test_after_a_refusal_the_transaction_goes_on(engine: Engine, shop: StatusService[NoLabels], seen: Seen) -> None:
    shop.acting(AGENT).change("c-1", SUSPENDED, reason="phone lost")
    with Session(engine) as session, session.begin():
        assert not sell(session, shop, "s-1", "c-1")
        assert sell(session, shop, "s-2", "c-2")
    assert seen.both() == (["s-1", "s-2"], SUSPENDED)
    assert seen.status("c-2") is SUSPENDED


def test_a_session_goes_on_to_the_next_transaction(engine: Engine, shop: StatusService[NoLabels], seen: Seen) -> None:
    with Session(engine) as session:
        for number, customer in enumerate(["c-1", "c-2"]):
            assert sell(session, shop, f"s-{number}", customer)
            session.commit()
    assert seen.both() == (["s-0", "s-1"], SUSPENDED)
    assert seen.status("c-2") is SUSPENDED


def test_an_error_of_the_database_ends_the_transaction(
    engine: Engine, shop: StatusService[NoLabels], seen: Seen, address: str
) -> None:
    with locked(address), Session(engine) as session:
        session.execute(text("SET LOCAL lock_timeout = '1ms'"))
        with pytest.raises(StoreBusyError):
            sell(session, shop, "s-1", "c-1")
        with pytest.raises(InternalError, match="current transaction is aborted"):
            session.flush()
    assert seen.both() == ([], ACTIVE)


def test_but_not_what_is_round_a_savepoint(
    engine: Engine, shop: StatusService[NoLabels], seen: Seen, address: str
) -> None:
    with locked(address), Session(engine) as session, session.begin():
        session.execute(text("SET LOCAL lock_timeout = '1ms'"))
        with pytest.raises(StoreBusyError), session.begin_nested():
            sell(session, shop, "s-1", "c-1")
        assert sell(session, shop, "s-2", "c-2")
    assert seen.both() == (["s-2"], ACTIVE)
    assert seen.status("c-2") is SUSPENDED


def test_a_session_without_transactions_is_told(engine: Engine, shop: StatusService[NoLabels], seen: Seen) -> None:
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    with Session(alone) as session, pytest.raises(InvalidInputError, match="open transaction"):
        sell(session, shop, "s-1", "c-1")
    assert seen.both() == ([], ACTIVE)
