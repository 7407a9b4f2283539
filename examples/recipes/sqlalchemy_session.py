"""The service within a SQLAlchemy session's transaction: the session commits, or rolls back, what both have written."""

from typing import TypeVar

from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from custstatus import Actor, CustomerStatus, NoLabels, RefusedError, StatusLabel, StatusService

L = TypeVar("L", bound=StatusLabel)


def joined(service: StatusService[L], session: Session) -> StatusService[L]:
    """The service on the session's connection, until the session commits or rolls back."""
    return service.inside(session.connection().connection.driver_connection)


# In use:


class Base(DeclarativeBase):
    """The host's own tables."""


class Sale(Base):
    """A sale of the host's."""

    __tablename__ = "sale"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer: Mapped[str]


def sell(session: Session, shop: StatusService[NoLabels], sale: str, customer: str) -> bool:
    """Keep a sale that looks odd, and suspend its customer; whether the sale has done that."""
    session.add(Sale(id=sale, customer=customer))
    desk = joined(shop, session).acting(Actor("till-3"))
    try:
        desk.change(customer, CustomerStatus.SUSPENDED, reason="looks odd", key=f"odd-{sale}")
    except RefusedError:  # suspended before, say: the sale stands all the same
        return False
    return True
