"""What runs in a process of its own because it forks, or because it might end the process."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from attrs import define, field
from engine import Engine
from organisation import ACME, AGENT, Label

from custstatus import Action, Effect, SQLiteStore, StatusService

PATIENCE = 10
"""Seconds after which who waits for ever is ended."""


@define
class Fork:
    """A fork of this process that runs a body once it is told to."""

    body: Callable[[], object]
    child: int = field(init=False)
    _told: int = field(init=False)
    _answers: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        told, self._told = os.pipe()
        self._answers, answers = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            signal.alarm(PATIENCE)
            os.read(told, 1)
            try:
                answer = str(self.body())
            except BaseException as error:
                answer = repr(error)
            os.write(answers, answer.encode())
            os._exit(0)
        os.close(told)
        os.close(answers)

    def run(self) -> str:
        """Tell it to run, and wait."""
        self.tell()
        return self.answer()

    def tell(self) -> None:
        """Tell it to run."""
        os.write(self._told, b"!")

    def answer(self) -> str:
        """What the body answers; nothing where it was ended."""
        with os.fdopen(self._answers) as answers:
            answer = answers.read()
        os.close(self._told)
        os.waitpid(self.child, 0)
        return answer


@define
class Parent:
    """A process with a store in use: one connection has written, one has read."""

    path: Path
    connections: list[sqlite3.Connection] = field(factory=list)
    inherited: list[str] = field(factory=list)
    """What is said on connections that were opened before the fork."""
    store: SQLiteStore = field(init=False)
    service: StatusService[Label] = field(init=False)

    def __attrs_post_init__(self) -> None:
        engine = Engine()
        sqlite3.connect = engine  # type: ignore[assignment]
        self.store = SQLiteStore(self.path, busy_timeout=PATIENCE / 2)
        self.service = StatusService(self.store, ACME)
        self.service.acting(AGENT).register("c")
        self.ask()
        sqlite3.connect = engine.connect  # type: ignore[assignment]
        self.connections = engine.opened
        engine.heard = self.inherited.append

    def ask(self) -> Effect:
        """A question about the one customer."""
        return self.service.decide("c", Action.TRANSACTION).effect

    def change(self, label: Label) -> int:
        """A change of the one customer; the version written."""
        return self.service.acting(AGENT).change("c", label, reason=f"to {label.text}").entries[-1].version


def use_in_a_fork(pipe: Connection, path: Path) -> None:
    """A fork reads and writes, and its parent does before and after; what was answered, and what was said between them."""
    parent = Parent(path)

    def body() -> object:
        parent.ask()
        return parent.change(Label.LOST_PHONE), parent.inherited

    parent.inherited.clear()
    fork = Fork(body)
    parent.change(Label.TRENDING)
    pipe.send((fork.run(), parent.change(Label.ABROAD)))


def write_in_a_fork_beside_its_parent(pipe: Connection, path: Path, kind: str) -> None:
    """
    A fork writes before and after its parent closes the store.

    Args:
        pipe: Where to answer.
        path: The file.
        kind: "inherited" writes to the store of its parent, "own" to one that it opens itself, and "connecting" to that of its
            parent, where another thread was in the middle of opening a connection.
    """
    parent = Parent(path)
    closed, close = os.pipe()
    heard, said = os.pipe()
    connected, go_on = threading.Event(), threading.Event()
    connect = sqlite3.connect

    def body() -> object:
        sqlite3.connect = connect
        if kind == "own":
            parent.store = SQLiteStore(path)
            parent.service = StatusService(parent.store, ACME)
        first = parent.change(Label.LOST_PHONE)
        os.write(said, b"!")
        os.read(closed, 1)
        return first, parent.change(Label.REGULAR)

    def slowly(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.execute("SELECT * FROM sqlite_master").fetchall()
        connected.set()
        go_on.wait()
        return connection

    connecting = threading.Thread(target=parent.ask)
    if kind == "connecting":
        Fork(lambda: None).run()  # after which the parent has to connect anew
        sqlite3.connect = slowly  # type: ignore[assignment]
        connecting.start()
        connected.wait()
    fork = Fork(body)
    sqlite3.connect = connect
    go_on.set()
    if kind == "connecting":
        connecting.join()
    os.close(said)
    fork.tell()
    os.read(heard, 1)  # nothing where the fork was refused, and has ended
    parent.store.close()
    os.write(close, b"!")
    pipe.send(fork.answer())


def close_in_a_fork(pipe: Connection, path: Path) -> None:
    """Forks close the store, used or not, and its parent goes on."""
    parent = Parent(path)
    unused = Fork(lambda: parent.store.close())
    used = Fork(lambda: (parent.change(Label.LOST_PHONE), parent.store.close()))
    pipe.send((unused.run(), used.run(), parent.change(Label.ABROAD), parent.service.account("c").version))


def fork_after_closing(pipe: Connection, path: Path) -> None:
    """Forks while there is still a store that was closed; what the interpreter says of it."""
    said: list[str] = []
    sys.unraisablehook = lambda unraisable: said.append(repr(unraisable.exc_value))
    store = SQLiteStore(path)
    store.close()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    pipe.send(said)


def fork_while_another_thread_writes(pipe: Connection, path: Path, body: str) -> None:
    """A fork is made while another thread is in the middle of a write."""
    parent = Parent(path)
    writing, go_on = threading.Event(), threading.Event()

    def hold(statement: str) -> None:
        if "INTO custstatus_entry" in statement:
            writing.set()
            go_on.wait()

    for connection in parent.connections:
        connection.set_trace_callback(hold)
    writer = threading.Thread(target=parent.change, args=(Label.TRENDING,))
    writer.start()
    writing.wait()
    fork = Fork(parent.store.close if body == "close" else lambda: parent.change(Label.LOST_PHONE))
    go_on.set()
    writer.join()
    pipe.send((fork.run(), parent.service.account("c").version))


def use_in_two_threads_of_a_fork(pipe: Connection, path: Path) -> None:
    """Two threads of a fork use the store for the first time, one while the other is still connecting."""
    parent = Parent(path)

    def body() -> object:
        connecting, done = threading.Event(), threading.Event()
        connect = sqlite3.connect

        def slowly(*arguments: Any, **options: Any) -> sqlite3.Connection:
            sqlite3.connect = connect
            connecting.set()
            done.wait(1)  # for ever, where the other waits for this one, as it may
            return connect(*arguments, **options)

        sqlite3.connect = slowly  # type: ignore[assignment]
        first = threading.Thread(target=parent.ask)
        first.start()
        connecting.wait()
        parent.change(Label.LOST_PHONE)
        done.set()
        first.join()
        return parent.inherited

    parent.inherited.clear()
    pipe.send(Fork(body).run())


def close_while_others_read(pipe: Connection, folder: Path) -> None:
    """Stores are closed while threads read from them without a pause; what those were told."""
    told: set[str] = set()
    for number in range(20):
        parent = Parent(folder / f"{number}.db")
        reading = threading.Barrier(9)

        def read(parent: Parent = parent, reading: threading.Barrier = reading) -> None:
            try:
                parent.ask()
                reading.wait()
                while True:
                    parent.ask()
                    parent.service.history()
            except Exception as error:
                told.add(type(error).__name__)

        readers = [threading.Thread(target=read) for _ in range(8)]
        for reader in readers:
            reader.start()
        reading.wait()
        parent.store.close()
        for reader in readers:
            reader.join()
    pipe.send(told)
