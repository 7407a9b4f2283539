"""Schemas of several steps for the tests of migrations: the shipped tables taken apart, and steps added to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType

import pytest

from custstatus.adapters.sql.schema import Schema

__all__ = ["edited", "in_three", "knowing", "more"]

_CONSUMERS = re.compile(r"^CREATE TABLE custstatus_consumer \(\n(?:    .*\n)*\).*;\n?", re.MULTILINE)
_BY_RUN = re.compile(r"^CREATE INDEX custstatus_entry_by_run .*;\n", re.MULTILINE)
_SHOP = re.compile(r"^    shop .*,\n", re.MULTILINE)


def in_three(shipped: Schema) -> Schema:
    """The same tables in three steps: without consumers and shops, with consumers, with shops."""
    (whole,) = shipped.steps
    (consumers,), (by_run,), (shop,) = (
        [found[0] for found in part.finditer(whole.text)] for part in (_CONSUMERS, _BY_RUN, _SHOP)
    )
    column = shop.strip().rstrip(",")
    return Schema.of(
        {
            "0001_accounts": whole.text.replace(consumers, "").replace(by_run, "").replace(shop, ""),
            "0002_consumers": consumers,
            "0003_runs": f"ALTER TABLE custstatus_entry ADD COLUMN {column};\n\n{by_run}",
        }
    )


def more(schema: Schema, texts: Mapping[str, str]) -> Schema:
    """A schema with further steps, by their names."""
    return Schema.of({step.name: step.text for step in schema.steps} | dict(texts))


def edited(schema: Schema, number: int = 1) -> Schema:
    """A schema of another build, in which the text of a step is another, and the tables are the same."""
    texts = {step.name: step.text + "\n\n-- edited\n" * (step.number == number) for step in schema.steps}
    return Schema.of(texts)


@contextmanager
def knowing(migrating: ModuleType, schema: Schema) -> Iterator[None]:
    """While an engine, by its module, is of the version that knows these steps, in this process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrating, "SCHEMA", schema)
        yield
