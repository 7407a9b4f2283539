"""A network between us and a server that does not hold: every connection through it is cut, at any byte."""

from __future__ import annotations

import selectors
import socket
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from threading import Event, Thread
from types import TracebackType

from attrs import define, frozen

READY = b"Z\x00\x00\x00\x05"
"""How every message begins with which a server says that it is ready for what comes next."""

CONNECTED = 2
"""How often a server has said so when a store has connected: of the session, and of the settings it asks for."""


class Phase(Enum):
    """Where in the life of a connection it was cut."""

    CONNECTING = "connecting"
    REQUEST = "in a request"
    ANSWER = "in an answer"


@frozen
class Cut:
    """When a connection is cut, and what its two ends are told."""

    answers: bool
    """Whether it is the server's answers that are cut; else what it is asked."""
    turn: int
    """Which of them, from 0: one more comes whenever the other side has had its turn."""
    share: float
    """How much of it still comes through: any number of its bytes, none and all included, for 0 to 1."""
    connected: bool = True
    """Whether turns are counted from when the store has connected; else from the beginning."""
    reset: tuple[bool, bool] = (False, False)
    """Whether the client's end is reset, and the server's; else it is closed as if all had been said."""


@define(eq=False)
class _Link:
    """One connection: the client's end, the server's, and how far it has come."""

    near: socket.socket
    far: socket.socket
    cut: Cut
    ready: int = 0
    tail: bytes = b""
    """The last bytes of the answers, for a message may come in parts."""
    turn: int = -1
    """How many have been asked or answered, of what is cut, since they are counted."""

    @property
    def connected(self) -> bool:
        return self.ready >= CONNECTED

    def allowed(self, answers: bool, size: int) -> int | None:
        """How many of the next bytes come through before the cut; None where all do, and it does not come yet."""
        if answers is not self.cut.answers or (self.cut.connected and not self.connected):
            return None
        self.turn += 1
        return int(self.cut.share * (size + 1)) if self.turn == self.cut.turn else None

    def follow(self, answer: bytes) -> None:
        """Note how far a server says that it is."""
        if not self.connected:
            seen = self.tail + answer
            self.ready += seen.count(READY)
            self.tail = seen[1 - len(READY) :]


class CuttingProxy:
    """
    Listens on a port of its own, and passes on what comes, both ways, until the plan says otherwise.

    Args:
        port: Where the server listens on 127.0.0.1.
        plan: Says of every connection, when it is made, where it will be cut.
    """

    def __init__(self, port: int, plan: Callable[[], Cut]) -> None:
        self.cuts: Counter[Phase] = Counter()
        """How many connections were cut, by where they were."""
        self._server = port
        self._plan = plan
        self._ended = Event()
        self._selector = selectors.DefaultSelector()
        self._links: set[_Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> CuttingProxy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every connection, and listen no more."""
        self._ended.set()
        self._thread.join()
        for link in tuple(self._links):
            self._end(link, (False, False))
        self._listener.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            for key, _ in self._selector.select(timeout=0.05):
                if key.data is None:
                    self._accept()
                    continue
                link, answers = key.data
                if link in self._links:  # it may have been cut by what came from its other end
                    self._pass_on(link, answers)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        try:
            far = socket.create_connection(("127.0.0.1", self._server))
        except OSError:
            near.close()
            return
        for end in near, far:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(near, far, self._plan())
        self._links.add(link)
        self._selector.register(near, selectors.EVENT_READ, (link, False))
        self._selector.register(far, selectors.EVENT_READ, (link, True))

    def _pass_on(self, link: _Link, answers: bool) -> None:
        source, target = (link.far, link.near) if answers else (link.near, link.far)
        try:
            read = source.recv(65_536)
            allowed = link.allowed(answers, len(read)) if read else None
            if read:
                target.sendall(read[:allowed])
        except OSError:
            self._end(link, (True, True))
            return
        if not read:
            self._end(link, (False, False))
        elif allowed is not None:
            phase = Phase.ANSWER if answers else Phase.REQUEST
            self.cuts[phase if link.connected else Phase.CONNECTING] += 1
            self._end(link, link.cut.reset)
        elif answers:
            link.follow(read)

    def _end(self, link: _Link, reset: tuple[bool, bool]) -> None:
        self._links.discard(link)
        for end, abrupt in zip((link.near, link.far), reset, strict=True):
            self._selector.unregister(end)
            with suppress(OSError):  # it may be gone already
                if abrupt:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    end.shutdown(socket.SHUT_RDWR)
            end.close()
