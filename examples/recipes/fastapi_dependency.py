"""Dependencies of FastAPI: a transaction for each request, and a desk in it. It ends before the response is sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from custstatus import Actor, Channel, CustomerStatus, NoLabels, OrgConfig, RefusedError
from custstatus.adapters.postgres import AsyncPostgresStore
from custstatus.aio import AsyncDesk, AsyncStatusService


async def open_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.sessions.begin() as session:
        yield session


# By default a dependency ends after the response, which could not say any more that the commit has failed.
OpenSession = Annotated[AsyncSession, Depends(open_session, scope="function")]


async def open_desk(request: Request, session: OpenSession, agent: Annotated[str, Header()]) -> AsyncDesk[NoLabels]:
    connection = await (await session.connection()).get_raw_connection()
    shop: AsyncStatusService[NoLabels] = request.app.state.shop
    return shop.inside(connection.driver_connection).acting(Actor(agent), Channel.MEMBER_CARE)


# In use:


def make_app(engine: AsyncEngine, address: str, config: OrgConfig[NoLabels]) -> FastAPI:
    """The host's application; who its agents are is for its own authentication to say, not for a header."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with await AsyncPostgresStore.open(address) as store:
            app.state.shop = await AsyncStatusService.open(store, config)
            app.state.sessions = async_sessionmaker(engine)
            yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/sales/{sale}", status_code=201)
    async def sell(
        sale: str, customer: str, session: OpenSession, desk: Annotated[AsyncDesk[NoLabels], Depends(open_desk)]
    ) -> None:
        """Keep a sale that looks odd, and suspend its customer; both or, where that is refused, neither."""
        own = await session.connection()
        await own.exec_driver_sql("INSERT INTO sale VALUES (%s, %s)", (sale, customer))
        try:
            await desk.change(customer, CustomerStatus.SUSPENDED, reason="looks odd", key=f"odd-{sale}")
        except RefusedError as error:
            raise HTTPException(409, [reason.code.value for reason in error.refusal.reasons]) from error

    return app
