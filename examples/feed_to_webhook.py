"""
The feed, sent on to a webhook: every entry at least once, in order, as CloudEvents in batches.

The position is kept in the database after each batch that the receiver has accepted. Whoever is killed in between sends one batch
again, and the receiver knows what it has by source and id. What the receiver cannot take now (5xx, 429, no answer in time) is
sent again until it can; what it refuses (any other status) ends the program, for a person to look at. What failed and is tried
again is told on standard error, without addresses and without what the events hold.

    python examples/feed_to_webhook.py statuses.db acme https://crm.example/events
    python examples/feed_to_webhook.py postgresql://shop@db.internal/shop acme https://crm.example/events --hints
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from custstatus import Entry, SQLiteStore, StoreError
from custstatus.adapters import Feed, Store
from custstatus.adapters.postgres import Listener, PostgresStore
from custstatus.errors import PositionLostError
from custstatus.tables import to_cloudevent

LONGEST = 30.0
"""Seconds between two attempts at most."""


def deliver(url: str, entries: tuple[Entry, ...], source: str, timeout: float) -> None:
    """Post a batch until it is accepted; HTTPError where it is refused for good."""
    body = json.dumps([to_cloudevent(entry, source=source) for entry in entries]).encode()
    request = Request(url, body, {"Content-Type": "application/cloudevents-batch+json"})  # noqa: S310
    pause = 0.05
    while True:
        try:
            with urlopen(request, timeout=timeout):  # noqa: S310
                return
        except HTTPError as error:
            with error:
                if error.code < 500 and error.code != 429:
                    raise
                cause = str(error.code)
        except TimeoutError:
            cause = "no answer in time"
        except (OSError, HTTPException) as error:  # no connection, or half of an answer
            # By its kind alone: its text may be the receiver's, or name him.
            cause = type(error.reason if isinstance(error, URLError) else error).__name__
        again(f"the receiver could not take {len(entries)} entries ({cause})", pause)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST)


def again(what: str, pause: float) -> None:
    """Tell what has failed, and when it is tried again."""
    print(f"feed_to_webhook: {what}: again in {pause:g} s", file=sys.stderr, flush=True)


def relay(store: Store, org: str, consumer: str, send: Callable[[tuple[Entry, ...]], None], limit: int) -> bool:
    """Send one batch and keep the position after it; whether there was something to send."""
    after = store.position(org, consumer)
    try:
        page = store.feed(Feed(org=org, after=after, limit=limit))
    except PositionLostError:  # restored from a copy: all of it again, for the receiver knows what it has
        page = store.feed(Feed(org=org, limit=limit))
    if page.entries:
        send(page.entries)
        store.keep_position(org, consumer, page.position)
    return bool(page.entries)


def main(arguments: list[str] | None = None) -> None:
    """Relay until it is ended."""
    parser = argparse.ArgumentParser(description="Send the feed of an organisation to a webhook.")
    parser.add_argument("database", help="a file of SQLite, or the address of a PostgreSQL database")
    parser.add_argument("org")
    parser.add_argument("url", help="where the events are posted")
    parser.add_argument("--consumer", default="webhook", help="under which name the position is kept")
    parser.add_argument("--source", default="/custstatus", help="the URI of this system in the events")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for the receiver to answer")
    parser.add_argument("--every", type=float, default=1.0, help="seconds until the feed is asked again")
    parser.add_argument("--hints", action="store_true", help="ask sooner where PostgreSQL tells of something new")
    parser.add_argument("--once", action="store_true", help="end where there is nothing more")
    given = parser.parse_args(arguments)
    postgres = "=" in given.database or "://" in given.database
    if given.hints and not postgres:
        parser.error("--hints are of PostgreSQL: a file of SQLite gives none, leave them out")

    def send(entries: tuple[Entry, ...]) -> None:
        deliver(given.url, entries, given.source, given.timeout)

    with ExitStack() as stack:
        own: Any = PostgresStore if postgres else SQLiteStore
        store = stack.enter_context(own(given.database, create=False))
        listener = stack.enter_context(Listener(given.database, given.org)) if given.hints else None
        while True:
            try:
                if relay(store, given.org, given.consumer, send, given.batch):
                    continue
                if given.once:
                    return
                if listener is not None:
                    listener.wait(given.every)
                    continue
            except StoreError as error:  # busy, or lost for a while: the position says where it was
                if given.once:
                    raise
                # Its cause, which is the driver's, is left out: it may repeat a part of the address.
                again(f"the database could not be asked ({error})", given.every)
            time.sleep(given.every)


if __name__ == "__main__":
    main()
