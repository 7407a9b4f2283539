"""
The command line, an extra: `pip install 'custstatus[cli]'`.

It uses the public names of `custstatus` only, as any host would.
"""

from __future__ import annotations

import io
import logging
import sys

__all__ = ["main"]

_SILENCE = logging.NullHandler()
_MISSING = "custstatus: the command line needs typer and rich: pip install 'custstatus[cli]'"


def main() -> None:
    """Run the command line and exit: 0, 1 where something is wrong with what was found, 2 with how it was asked."""
    for stream in (sys.stdout, sys.stderr):
        # A pipe may be in an encoding that lacks a character of somebody's reason; that is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # Of a lost connection we tell ourselves, with what to do. A host's configuration that sets up logging still gets all of it.
    logging.getLogger("psycopg").addHandler(_SILENCE)
    try:
        from custstatus.cli.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("typer", "rich"):
            raise
        print(_MISSING, file=sys.stderr)
        sys.exit(1)
    run()
