"""
A database that was written before, opened to be looked at: found, never made, and resolved without its organisation's code.

What a store holds is text; the configuration kept beside it names every label, status and action. Enums made of that
text serve for looking, where the organisation's own are not loaded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any, cast

from attrs import frozen

from custstatus import (
    SHIPPED,
    Action,
    AnyAction,
    AnyChannel,
    Channel,
    Condition,
    CustomerStatus,
    Lifecycle,
    NoLabels,
    OrgConfig,
    Status,
    StatusLabel,
    StatusService,
)
from custstatus.adapters import Log, Store
from custstatus.cli.addresses import shown, stored
from custstatus.cli.errors import CommandError
from custstatus.policies import Absent

__all__ = ["Kept", "opened", "resolved"]


class _LookedAt:
    """A store that is only looked at: a service over it does not leave its configuration there."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def keep_config(self, org: str, config_hash: str, text: str) -> None:
        """Keep nothing."""


@frozen
class Kept:
    """One organisation in an existing database."""

    store: Store
    org: str
    config: OrgConfig[StatusLabel] | None
    """Under which the last entry was made; None where there is no entry, or this version cannot resolve it."""

    @property
    def zone(self) -> tzinfo:
        """The organisation's time zone; UTC where the configuration is not known."""
        return UTC if self.config is None else self.config.time_zone

    def service(self) -> StatusService[StatusLabel]:
        """A service for looking only. What needs no configuration works without one."""
        return StatusService(self.store, self.config or OrgConfig(self.org, NoLabels))


@contextmanager
def opened(address: str | Path, org: str | None) -> Iterator[Kept]:
    """
    An organisation in a database, closed at the end.

    Args:
        address: The path of a SQLite file, or an address of PostgreSQL.
        org: None for the only one there is.

    Raises:
        CommandError: It is not clear which organisation is meant; there is no such file or server, the database is not one
            of ours, or it cannot be read.
    """
    with stored(str(address)) as there:
        store = cast("Store", _LookedAt(there))
        organisations, name = store.organisations(), shown(str(address))
        if org is None and len(organisations) > 1:
            raise CommandError(f"{name} has several organisations, say --org: {', '.join(organisations)}", code=2)
        if not organisations:
            raise CommandError(f"{name} has no organisation yet: a service that is opened on it makes one")
        if not organisations or (org is not None and org not in organisations):
            known = ", ".join(organisations) or "none"
            raise CommandError(f"{name} has no such organisation; it has: {known}")
        name = org or organisations[0]
        yield Kept(store, name, _config(store, name))


def _config(store: Store, org: str) -> OrgConfig[StatusLabel] | None:
    """The configuration of the organisation's last entry, if it can be resolved to the same hash."""
    last = store.page(Log(org=org, newest_first=True, limit=1)).items
    text = store.config(org, last[0].config) if last else None
    if text is None:
        return None
    try:
        config = resolved(text)
    except Exception:  # a text that is no such document may fail anywhere
        return None
    return config if config.hash == last[0].config else None


def resolved(text: str) -> OrgConfig[StatusLabel]:
    """A configuration over the shipped enums, and over enums made of its own text where it has others."""
    document = json.loads(text)
    statuses = {status.value: status for status in CustomerStatus}
    labels = {
        f"LABEL_{number}": (label["text"], statuses[label["status"]])
        for number, label in enumerate(document["labels"], 1)
    }
    lifecycles = {lifecycle.name: lifecycle for lifecycle in SHIPPED}
    for each in document["lifecycles"]:
        shipped = lifecycles.get(each["name"])
        if shipped is None or [status.value for status in shipped.statuses] != each["statuses"]:
            made = _enum(Status, each["name"], {value.upper(): value for value in each["statuses"]})
            lifecycles[each["name"]] = Lifecycle(each["name"], made, ())
    ours = [action.value for action in Action] == document["actions"]
    channels = {value: value for value in document["reason_optional"]}
    conditions = {rule["condition"] for rule in document["restrictions"] if rule["condition"] is not None}
    return OrgConfig.from_json(
        text,
        _enum(StatusLabel, "KeptLabel", labels) if labels else NoLabels,
        lifecycles=lifecycles.values(),
        actions=[Action if ours else _enum(AnyAction, "KeptAction", {value: value for value in document["actions"]})],
        channels=[Channel, _enum(AnyChannel, "KeptChannel", channels)] if channels else [Channel],
        conditions=[Condition.absent(name) for name in sorted(conditions)],
        policies={name: Absent() for name in document["policies"]},
    )


def _enum(base: Any, name: str, members: dict[str, Any]) -> Any:
    """An enum made of data: no type checker can know its members."""
    return base(name, members)
