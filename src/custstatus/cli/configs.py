"""Configurations as they are named on the command line: in a module, in a file of JSON, or kept in a database."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from custstatus import CuststatusError, OrgConfig
from custstatus.cli.addresses import is_postgres, shown
from custstatus.cli.errors import CommandError
from custstatus.cli.kept import opened, resolved

__all__ = ["config_of", "kept_config", "object_of"]


def config_of(name: str, org: str | None = None) -> OrgConfig[Any]:
    """
    The configuration of a name: `MODULE:NAME`, a `.json` file that `policy export` wrote, or a SQLite file or an address of
    PostgreSQL, where the last entry's counts.

    Raises:
        CommandError: There is none.
    """
    path = Path(name)
    if path.suffix == ".json":
        try:
            return resolved(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise CommandError(f"{name} cannot be read: {error.strerror}", code=2) from None
        except CuststatusError:
            raise
        except Exception as error:  # a text that is no such document may fail anywhere
            raise CommandError(f"{name} holds no configuration ({type(error).__name__})", code=2) from None
    if path.suffix in {".db", ".sqlite", ".sqlite3"}:
        return kept_config(path, org)
    if is_postgres(name):
        return kept_config(name, org)
    found = object_of(name)
    if not isinstance(found, OrgConfig):
        raise CommandError(f"{name} is no OrgConfig, but {type(found).__name__}", code=2)
    return found


def kept_config(address: str | Path, org: str | None) -> OrgConfig[Any]:
    """
    The configuration under which the last entry in a database was made.

    Raises:
        CommandError: There is none, or it is not clear which organisation is meant.
    """
    with opened(address, org) as kept:
        if kept.config is None:
            raise CommandError(
                f"{shown(str(address))}: no entry yet, or none whose configuration this version can resolve"
            )
        return kept.config


def object_of(name: str) -> Any:
    """
    What a module holds under `MODULE:NAME`, the working directory being searched first.

    Raises:
        CommandError: There is no such module, or it holds no such name.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise CommandError(f"{name!r}: expected MODULE:NAME, such as shop.statuses:ACME, or a file", code=2)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except CuststatusError as error:
        raise CommandError(f"{module_name} does not load: {error}", code=1) from error
    except (Exception, SystemExit) as error:  # whatever a host's module does when it is imported
        raise CommandError(f"{module_name} does not load: {type(error).__name__}: {error}", code=2) from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise CommandError(f"{module_name} has no {attribute}", code=2) from None
