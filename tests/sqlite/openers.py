"""What runs in processes of its own while a store is opened by many at once."""

from __future__ import annotations

import threading
from multiprocessing.connection import Connection
from pathlib import Path

from organisation import AGENT
from soundness import opened


def open_at_once(pipe: Connection, paths: list[Path], name: str, threads: int) -> None:
    """Open each file when told, in several threads at once, each of which registers a customer; answer what went wrong."""
    for path in paths:
        wrong: list[str] = []
        together = threading.Barrier(threads)

        def enter(
            number: int, path: Path = path, together: threading.Barrier = together, wrong: list[str] = wrong
        ) -> None:
            together.wait()
            try:
                with opened(path) as service:
                    service.acting(AGENT).register(f"{name}-{number}")
            except Exception as error:
                wrong.append(f"{error!r} because of {error.__cause__!r}")

        openers = [threading.Thread(target=enter, args=(number,)) for number in range(threads)]
        pipe.send("ready")
        pipe.recv()
        for opener in openers:
            opener.start()
        for opener in openers:
            opener.join()
        pipe.send(wrong)
