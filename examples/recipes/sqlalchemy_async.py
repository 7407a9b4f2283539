"""The awaited service within a SQLAlchemy session's transaction: the session commits, or rolls back, what both have written."""

from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from custstatus import Actor, CustomerStatus, NoLabels, RefusedError, StatusLabel
from custstatus.aio import AsyncStatusService

L = TypeVar("L", bound=StatusLabel)


async def joined(service: AsyncStatusService[L], session: AsyncSession) -> AsyncStatusService[L]:
    """The service on the session's connection, until the session commits or rolls back."""
    connection = await (await session.connection()).get_raw_connection()
    return service.inside(connection.driver_connection)


# In use:


class Base(DeclarativeBase):
    """The host's own tables."""


class Sale(Base):
    """A sale of the host's."""

    __tablename__ = "sale"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer: Mapped[str]


async def sell(session: AsyncSession, shop: AsyncStatusService[NoLabels], sale: str, customer: str) -> bool:
    """Keep a sale that looks odd, and suspend its customer; whether the sale has done that."""
    session.add(Sale(id=sale, customer=customer))
    desk = (await joined(shop, session)).acting(Actor("till-3"))
    try:
        await desk.change(customer, CustomerStatus.SUSPENDED, reason="looks odd", key=f"odd-{sale}")
    except RefusedError:  # suspended before, say: the sale stands all the same
        return False
    return True
