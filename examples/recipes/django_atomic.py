"""The service within a transaction of Django's: a block as `transaction.atomic`, with the service in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, transaction  # type: ignore[import-untyped]
from django.db.models import Model  # type: ignore[import-untyped]

from custstatus import Actor, CustomerStatus, NoLabels, RefusedError, StatusLabel, StatusService

L = TypeVar("L", bound=StatusLabel)


@contextmanager
def atomic(service: StatusService[L], using: str = DEFAULT_DB_ALIAS) -> Iterator[StatusService[L]]:
    """The service on Django's connection, for one block: committed at its end, rolled back where it raises."""
    with transaction.atomic(using=using):
        yield service.inside(connections[using].connection)


# In use:


def sell(shop: StatusService[NoLabels], sale: Model, customer: str) -> bool:
    """Keep a sale that looks odd, and suspend its customer; whether the sale has done that."""
    with atomic(shop) as inside:
        sale.save(force_insert=True)
        desk = inside.acting(Actor("till-3"))
        try:
            desk.change(customer, CustomerStatus.SUSPENDED, reason="looks odd", key=f"odd-{sale.pk}")
        except RefusedError:  # suspended before, say: the sale stands all the same
            return False
    return True
