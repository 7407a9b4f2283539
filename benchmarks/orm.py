"""The peer that most services would write: SQLAlchemy's ORM with a version column, the same tables, the same effects."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, Engine, String, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import flag_modified

__all__ = ["OrmPeer", "on_sqlite"]


class Base(DeclarativeBase):
    """The tables."""


class Account(Base):
    """An account, its version checked on every flush."""

    __tablename__ = "account"

    org: Mapped[str] = mapped_column(String, primary_key=True)
    customer: Mapped[str] = mapped_column(String, primary_key=True)
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class Standing(Base):
    """Where it is."""

    __tablename__ = "standing"

    org: Mapped[str] = mapped_column(String, primary_key=True)
    customer: Mapped[str] = mapped_column(String, primary_key=True)
    lifecycle: Mapped[str] = mapped_column(String, primary_key=True)
    status: Mapped[str]
    label: Mapped[str]
    since: Mapped[datetime] = mapped_column(DateTime)
    actor: Mapped[str]
    entry: Mapped[int]


class Entry(Base):
    """What happened."""

    __tablename__ = "entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    org: Mapped[str]
    customer: Mapped[str]
    version: Mapped[int]
    lifecycle: Mapped[str]
    from_status: Mapped[str]
    from_label: Mapped[str]
    to_status: Mapped[str]
    to_label: Mapped[str]
    effective_at: Mapped[datetime] = mapped_column(DateTime)
    recorded_at: Mapped[datetime] = mapped_column(DateTime)
    actor: Mapped[str]
    channel: Mapped[str]


class Text(Base):
    """The reason, apart."""

    __tablename__ = "text"

    org: Mapped[str] = mapped_column(String, primary_key=True)
    customer: Mapped[str] = mapped_column(String, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str]


def on_sqlite(path: Path) -> Engine:
    """An engine on a file, as durable as ours."""
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def pragmas(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    return engine


class OrmPeer:
    """A customer who is relabelled, suspended and reinstated, by the ORM."""

    def __init__(self, engine: Engine, changes: int) -> None:
        self.engine = engine
        self.changes = changes
        Base.metadata.create_all(self.engine)
        now = datetime.now(UTC).replace(tzinfo=None)
        with Session(self.engine) as session:
            session.add(Account(org="acme", customer="c-1"))
            place = {"status": "active", "label": "Regular", "since": now, "actor": "agent-7", "entry": 1}
            session.add(Standing(org="acme", customer="c-1", lifecycle="customer_status", **place))
            session.commit()
        self._places = cycle([("active", "Trending"), ("suspended", "Lost phone"), ("active", "Regular")])

    def close(self) -> None:
        """End its connections."""
        self.engine.dispose()

    def run(self) -> None:
        for _ in range(self.changes):
            self.change(*next(self._places))

    def change(self, status: str, label: str) -> None:
        with Session(self.engine) as session:
            account = session.get_one(Account, ("acme", "c-1"))
            standing = session.get_one(Standing, ("acme", "c-1", "customer_status"))
            if standing.status == status and standing.label == label:
                return
            now = max(datetime.now(UTC).replace(tzinfo=None), standing.since)
            version = standing.entry + 1
            session.add(
                Entry(
                    org="acme",
                    customer="c-1",
                    version=version,
                    lifecycle="customer_status",
                    from_status=standing.status,
                    from_label=standing.label,
                    to_status=status,
                    to_label=label,
                    effective_at=now,
                    recorded_at=now,
                    actor="agent-7",
                    channel="member_care",
                )
            )
            session.add(Text(org="acme", customer="c-1", version=version, reason="for the measure"))
            standing.status, standing.label, standing.since, standing.entry = status, label, now, version

            flag_modified(account, "customer")
            session.commit()
