"""Django hands its connection over: what the host writes in a block and what we write is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import django
import pytest
from django.conf import settings
from django.db import IntegrityError, connections, models, transaction
from hosts import AGENT, Seen, locked, recipe
from psycopg.conninfo import conninfo_to_dict

from custstatus import CUSTOMER_STATUS, CustomerStatus, InvalidInputError, NoLabels, StatusService, StoreBusyError

ACTIVE, SUSPENDED = CustomerStatus.ACTIVE, CustomerStatus.SUSPENDED

RECIPE = recipe("django_atomic")
atomic, sell = RECIPE["atomic"], RECIPE["sell"]

Sale = Callable[..., models.Model]


@cache
def sales() -> type[models.Model]:
    """The host's model; Django is set up once for a process."""
    database = {"ENGINE": "django.db.backends.postgresql", "NAME": "none"}
    settings.configure(DATABASES={"default": database}, USE_TZ=True, LOGGING_CONFIG=None)
    django.setup()

    class Sale(models.Model):
        id = models.TextField(primary_key=True)
        customer = models.TextField()

        class Meta:
            app_label = "host"
            db_table = "sale"
            managed = False

    return Sale


@pytest.fixture
def connection(address: str) -> Iterator[Any]:
    """Django's connection to the database of this test."""
    sales()
    options = conninfo_to_dict(address)
    made = connections["default"]
    made.close()
    made.settings_dict["NAME"] = options.pop("dbname")
    made.settings_dict["OPTIONS"] = options
    yield made
    made.close()


@pytest.fixture
def sale(connection: Any) -> Sale:
    """Makes a row of the host's, not saved yet."""
    return lambda number, customer="c-1": sales()(id=number, customer=customer)


def test_both_are_committed_and_by_django_only(shop: StatusService[NoLabels], seen: Seen, sale: Sale) -> None:
    with transaction.atomic():
        assert sell(shop, sale("s-1"), "c-1")
        with atomic(shop) as inside:
            standing = inside.standing("c-1", CUSTOMER_STATUS)
        assert standing is not None
        assert standing.status is SUSPENDED
        assert seen.both() == ([], ACTIVE)
    assert seen.both() == (["s-1"], SUSPENDED)


def test_both_are_rolled_back(shop: StatusService[NoLabels], seen: Seen, sale: Sale) -> None:
    with suppress(LookupError), transaction.atomic():
        assert sell(shop, sale("s-1"), "c-1")
        raise LookupError
    assert seen.both() == ([], ACTIVE)
    with suppress(LookupError), atomic(shop) as inside:
        sale("s-1").save()
        inside.acting(AGENT).change("c-1", SUSPENDED, reason="looks odd")
        raise LookupError
    assert seen.both() == ([], ACTIVE)
    assert sell(shop, sale("s-1"), "c-1")  # with the same key: there is nothing of it left
    assert seen.both() == (["s-1"], SUSPENDED)


def test_a_row_that_the_host_cannot_write_takes_our_change_with_it(
    shop: StatusService[NoLabels], seen: Seen, sale: Sale
) -> None:
    sale("s-1").save()
    with pytest.raises(IntegrityError):
        sell(shop, sale("s-1"), "c-1")
    with suppress(IntegrityError), atomic(shop) as inside:
        inside.acting(AGENT).change("c-1", SUSPENDED, reason="looks odd")
        sale("s-1").save(force_insert=True)
    assert seen.both() == (["s-1"], ACTIVE)


def test_after_a_refusal_the_transaction_goes_on(shop: StatusService[NoLabels], seen: Seen, sale: Sale) -> None:
    with transaction.atomic():
        assert sell(shop, sale("s-1"), "c-1")
        assert not sell(shop, sale("s-2"), "c-1")
        assert sell(shop, sale("s-3", "c-2"), "c-2")
    assert seen.both() == (["s-1", "s-2", "s-3"], SUSPENDED)
    assert seen.status("c-2") is SUSPENDED


def test_an_error_of_the_database_undoes_the_block_and_not_what_is_round_it(
    connection: Any, shop: StatusService[NoLabels], seen: Seen, address: str, sale: Sale
) -> None:
    with locked(address), transaction.atomic():
        connection.cursor().execute("SET LOCAL lock_timeout = '1ms'")
        with pytest.raises(StoreBusyError):
            sell(shop, sale("s-1"), "c-1")
        assert sell(shop, sale("s-2", "c-2"), "c-2")
    assert seen.both() == (["s-2"], ACTIVE)
    assert seen.status("c-2") is SUSPENDED


def test_a_connection_without_a_transaction_is_told(connection: Any, shop: StatusService[NoLabels], seen: Seen) -> None:
    connection.ensure_connection()
    with pytest.raises(InvalidInputError, match="open transaction"):
        shop.inside(connection.connection).acting(AGENT).change("c-1", SUSPENDED, reason="looks odd")
    assert seen.both() == ([], ACTIVE)
