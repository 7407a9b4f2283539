"""An awaited SQLAlchemy session hands its connection over: what it writes and what we write is one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
from hosts import SHOP, Seen, locked, recipe
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.exc import InternalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from custstatus import CUSTOMER_STATUS, CustomerStatus, InvalidInputError, NoLabels, StoreBusyError
from custstatus.adapters.postgres import AsyncPostgresStore
from custstatus.aio import AsyncStatusService

ACTIVE, SUSPENDED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED

RECIPE = recipe("sqlalchemy_async")
joined, sell = RECIPE["joined"], RECIPE["sell"]

Host = Callable[[AsyncSession, AsyncStatusService[NoLabels]], Awaitable[None]]


@asynccontextmanager
async def opened(address: str, **options: str) -> AsyncIterator[tuple[AsyncSession, AsyncStatusService[NoLabels]]]:
    """A session of the host's, and the service."""
    engine = create_async_engine("postgresql+psycopg://", connect_args=conninfo_to_dict(address), **options)
    try:
        async with await AsyncPostgresStore.open(address, connections=2) as store, AsyncSession(engine) as session:
            yield session, await AsyncStatusService.open(store, SHOP)
    finally:
        await engine.dispose()


@pytest.fixture
def run(address: str) -> Iterator[Callable[..., None]]:
    """Runs a host on an event loop."""
    with asyncio.Runner() as runner:

        async def hosted(host: Host, options: dict[str, str]) -> None:
            async with opened(address, **options) as (session, shop):
                await host(session, shop)

        yield lambda host, **options: runner.run(hosted(host, options))


def test_both_are_committed_and_by_the_session_only(run: Callable[..., None], seen: Seen) -> None:
    async def host(session: AsyncSession, shop: AsyncStatusService[NoLabels]) -> None:
        assert await sell(session, shop, "s-1", "c-1")
        await session.flush()
        standing = await (await joined(shop, session)).standing("c-1", CUSTOMER_STATUS)
        assert standing is not None
        assert standing.status is SUSPENDED
        assert seen.both() == ([], ACTIVE)
        await session.commit()

    run(host)
    assert seen.both() == (["s-1"], SUSPENDED)


def test_both_are_rolled_back(run: Callable[..., None], seen: Seen) -> None:
    async def host(session: AsyncSession, shop: AsyncStatusService[NoLabels]) -> None:
        with suppress(LookupError):
            async with session.begin():
                assert await sell(session, shop, "s-1", "c-1")
                await session.flush()
                raise LookupError
        assert seen.both() == ([], ACTIVE)
        async with session.begin():
            assert await sell(session, shop, "s-1", "c-1")  # with the same key: there is nothing of it left

    run(host)
    assert seen.both() == (["s-1"], SUSPENDED)


def test_after_a_refusal_the_transaction_goes_on(run: Callable[..., None], seen: Seen) -> None:
    async def host(session: AsyncSession, shop: AsyncStatusService[NoLabels]) -> None:
        async with session.begin():
            assert await sell(session, shop, "s-1", "c-1")
            assert not await sell(session, shop, "s-2", "c-1")
            assert await sell(session, shop, "s-3", "c-2")

    run(host)
    assert seen.both() == (["s-1", "s-2", "s-3"], SUSPENDED)
    assert seen.status("c-2") is SUSPENDED


def test_an_error_of_the_database_ends_the_transaction_or_its_savepoint(
    run: Callable[..., None], seen: Seen, address: str
) -> None:
    async def host(session: AsyncSession, shop: AsyncStatusService[NoLabels]) -> None:
        async with session.begin():
            await session.execute(text("SET LOCAL lock_timeout = '1ms'"))
            with pytest.raises(StoreBusyError):
                async with session.begin_nested():
                    await sell(session, shop, "s-1", "c-1")
            assert await sell(session, shop, "s-2", "c-2")
        await session.execute(text("SET LOCAL lock_timeout = '1ms'"))
        with pytest.raises(StoreBusyError):
            await sell(session, shop, "s-3", "c-1")
        with pytest.raises(InternalError, match="current transaction is aborted"):
            await session.flush()

    with locked(address):
        run(host)
    assert seen.both() == (["s-2"], ACTIVE)


def test_a_session_without_transactions_is_told(run: Callable[..., None], seen: Seen) -> None:
    async def host(session: AsyncSession, shop: AsyncStatusService[NoLabels]) -> None:
        with pytest.raises(InvalidInputError, match="open transaction"):
            await sell(session, shop, "s-1", "c-1")

    run(host, isolation_level="AUTOCOMMIT")
    assert seen.both() == ([], ACTIVE)
