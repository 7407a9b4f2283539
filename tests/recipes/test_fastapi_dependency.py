"""A dependency of FastAPI's has a desk in the request's transaction, which ends before the response is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from hosts import AGENT, SHOP, Seen, locked, recipe
from httpx import ASGITransport, AsyncClient, Response
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.ext.asyncio import create_async_engine

from custstatus import Channel, CustomerStatus, NoLabels, StatusService

ACTIVE, SUSPENDED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED

RECIPE = recipe("fastapi_dependency")


Post = Callable[[str], Response]


@asynccontextmanager
async def serving(address: str) -> AsyncIterator[AsyncClient]:
    """The host's application from start to end, and who asks it; an error in it is a response, as it is to others."""
    options = {**conninfo_to_dict(address), "options": "-c lock_timeout=1ms"}
    app = RECIPE["make_app"](create_async_engine("postgresql+psycopg://", connect_args=options), address, SHOP)
    transport = ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), AsyncClient(transport=transport, base_url="http://till") as client:
        yield client


@pytest.fixture
def post(address: str) -> Iterator[Post]:
    """Sends a request as an agent."""
    with asyncio.Runner() as runner:
        served = serving(address)
        client = runner.run(served.__aenter__())
        yield lambda path: runner.run(client.post(path, headers={"agent": AGENT.id}))
        runner.run(served.__aexit__(None, None, None))


def test_both_are_committed(post: Post, shop: StatusService[NoLabels], seen: Seen) -> None:
    assert post("/sales/s-1?customer=c-1").status_code == 201
    assert seen.both() == (["s-1"], SUSPENDED)
    entry = shop.history("c-1", newest_first=True, limit=1).items[0]
    assert (entry.actor.id, entry.channel, entry.key) == (AGENT.id, Channel.MEMBER_CARE.value, "odd-s-1")


def test_a_refusal_is_a_response_and_undoes_the_request(post: Post, seen: Seen) -> None:
    assert post("/sales/s-1?customer=c-1").status_code == 201
    refused = post("/sales/s-2?customer=c-1")
    assert (refused.status_code, refused.json()) == (409, {"detail": ["no_change"]})
    assert seen.both() == (["s-1"], SUSPENDED)
    assert post("/sales/s-2?customer=c-2").status_code == 201
    assert seen.status("c-2") is SUSPENDED


def test_a_row_that_the_host_cannot_write_takes_our_change_with_it(post: Post, seen: Seen) -> None:
    assert post("/sales/s-1?customer=c-2").status_code == 201
    assert post("/sales/s-1?customer=c-1").status_code == 500
    assert seen.both() == (["s-1"], ACTIVE)


def test_an_error_of_the_database_undoes_the_request_and_no_other(post: Post, seen: Seen, address: str) -> None:
    with locked(address):
        assert post("/sales/s-1?customer=c-1").status_code == 500
        assert post("/sales/s-2?customer=c-2").status_code == 201
    assert seen.both() == (["s-2"], ACTIVE)


def test_a_commit_that_fails_is_told(post: Post, seen: Seen, address: str) -> None:
    """The transaction ends before there is a response."""
    with psycopg.connect(address) as connection:
        connection.execute("ALTER TABLE sale ADD UNIQUE (customer) DEFERRABLE INITIALLY DEFERRED")
        connection.execute("INSERT INTO sale VALUES ('s-1', 'c-1')")
    assert post("/sales/s-2?customer=c-1").status_code == 500
    assert seen.both() == (["s-1"], ACTIVE)
    assert post("/sales/s-2?customer=c-2").status_code == 201
