"""A host of our service for these tests: his organisation, his database, and what others see of it."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from attrs import define

from custstatus import CUSTOMER_STATUS, Actor, CustomerStatus, NoLabels, OrgConfig, StatusService
from custstatus.adapters.postgres import PostgresStore

FOLDER = Path(__file__).parents[2] / "examples" / "recipes"
"""Where the recipes are."""

SHOP = OrgConfig("shop", NoLabels)
"""The host's organisation."""

AGENT = Actor("agent-7")

CUSTOMERS = ("c-1", "c-2")
"""Who is registered."""


def recipe(name: str) -> dict[str, Any]:
    """The names of a recipe, run as it stands."""
    return runpy.run_path(str(FOLDER / f"{name}.py"), run_name=name)


def prepare(address: str) -> None:
    """Make an empty database one of the host's: with our tables, his own, and the customers."""
    with PostgresStore(address) as store:
        desk = StatusService(store, SHOP).acting(AGENT)
        for customer in CUSTOMERS:
            desk.register(customer)
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE sale (id text PRIMARY KEY, customer text)")


@define
class Seen:
    """What others see of a host's database."""

    address: str

    def sales(self) -> list[str]:
        """The host's rows that are committed."""
        with psycopg.connect(self.address) as connection:
            return [sale for (sale,) in connection.execute("SELECT id FROM sale ORDER BY id")]

    def status(self, customer: str = "c-1") -> CustomerStatus | None:
        """Where a customer stands, as committed."""
        with PostgresStore(self.address, create=False) as store:
            standing = StatusService(store, SHOP).standing(customer, CUSTOMER_STATUS)
            return None if standing is None else standing.status

    def both(self) -> tuple[list[str], CustomerStatus | None]:
        """The host's rows and our change."""
        return self.sales(), self.status()


@contextmanager
def locked(address: str, customer: str = "c-1") -> Iterator[None]:
    """While somebody else changes a customer, and takes long over it."""
    with psycopg.connect(address) as connection:
        connection.execute("SELECT FROM custstatus_account WHERE customer = %s FOR UPDATE", [customer])
        yield
