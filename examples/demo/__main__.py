"""
Replay a year of real shopping, day by day, and show what became of it.

The purchases are real (The Complete Journey by 84.51°, MIT licence); the rest of the story is made up around them.

    python -m examples.demo                                       of the small sample, in a temporary file
    python -m examples.demo --data examples/data --db year.db     of the full year, in a file to keep

It needs what the command line needs: `pip install '.[cli]'`.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shlex import quote

from rich.progress import BarColumn, Progress, TextColumn

from custstatus import CuststatusError, SQLiteStore
from examples.demo.errors import DemoError
from examples.demo.programme import PROGRAMME
from examples.demo.purchases import SAMPLE, Purchases
from examples.demo.replay import Outcome, Replay
from examples.demo.summary import Summary
from examples.demo.tables import console

WHAT, _, HOW = (__doc__ or "").strip().partition("\n\n")


def main() -> None:
    """Run the demo and exit: 0, 1 where something is wrong with the data, 2 with how it was asked."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a pipe may be in an encoding that lacks a character
    parser = argparse.ArgumentParser(
        "python -m examples.demo", description=WHAT, epilog=HOW, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=SAMPLE, help="the directory of the data; by default the sample")
    parser.add_argument("--db", type=Path, help="a new SQLite file to keep; by default a temporary one")
    asked = parser.parse_args()
    try:
        demo(asked.data, asked.db)
    except DemoError as error:
        _end(str(error), error.code)
    except (CuststatusError, OSError) as error:
        _end(str(error), 1)
    sys.exit(0)


def demo(data: Path, db: Path | None) -> None:
    """Replay the purchases in a directory, and print what the store then tells."""
    purchases = Purchases.read(data, PROGRAMME.time_zone)
    with _new_file(db) as path, closing(SQLiteStore(path)) as store:
        replay = Replay(store, purchases)
        outcome = _replayed(replay, (purchases.last_day - purchases.first_day).days + 1)
        Summary(replay.service, outcome, purchases).print(console(sys.stdout))
    if db is not None:
        customer = next(iter(outcome.played.values()), "CUSTOMER")
        print(f"Kept in {db}. Look inside: custstatus show {customer} --db {quote(str(db))}")


def _replayed(replay: Replay, days: int) -> Outcome:
    """What the replay did, with a bar on standard error where that is a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}")
    terminal = console(sys.stderr)
    with Progress(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
        task = bar.add_task("replaying", total=days)
        return replay.run(progress=lambda done: bar.update(task, completed=done))


@contextmanager
def _new_file(db: Path | None) -> Iterator[Path]:
    """A file that was not there before: the one that is named, or a temporary one."""
    if db is None:
        with tempfile.TemporaryDirectory(prefix="custstatus-") as directory:
            yield Path(directory) / "demo.db"
        return
    try:
        db.open("xb").close()
    except FileExistsError:
        raise DemoError(f"{db} exists already: name another file, or remove it first", code=2) from None
    except OSError as error:
        raise DemoError(f"{db} cannot be made: {error.strerror}", code=2) from None
    yield db


def _end(message: str, code: int) -> None:
    print(f"demo: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
