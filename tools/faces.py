"""
Makes the faces that say nothing of their own: what blocks of what is awaited, and stores that pass every verb on.

    python tools/faces.py           writes them
    python tools/faces.py --check   says which are stale, and exits with 1

A made file stands in a folder `_made` beside its source. Signatures and docstrings are those of the source, letter for letter.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "custstatus"

RUN = '''
def _run(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that never waits, as none does over a store that blocks."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        work.close()
    raise RuntimeError("a store that blocks has waited")
'''

Verb = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """A class as it is written."""

    path: str
    text: str
    node: ast.ClassDef

    @classmethod
    def read(cls, path: str, name: str) -> Source:
        """The class of a name in a file of the package."""
        text = (PACKAGE / path).read_text()
        (node,) = (each for each in ast.parse(text).body if isinstance(each, ast.ClassDef) and each.name == name)
        return cls(path, text, node)

    def lines(self, first: int, last: int) -> str:
        """Some lines of the text, counted from 1, the last included."""
        return "".join(self.text.splitlines(keepends=True)[first - 1 : last])

    def docstring(self, node: ast.ClassDef | Verb) -> str:
        """A docstring as it is written, or nothing."""
        first = node.body[0]
        told = (
            isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
        )
        return self.lines(first.lineno, first.end_lineno or 0) if told else ""

    def verbs(self, leave: frozenset[str] = frozenset()) -> Iterator[Verb]:
        """The public functions of the class that are awaited, or of a protocol that blocks all of them."""
        waits = any(isinstance(each, ast.AsyncFunctionDef) for each in self.node.body)
        for each in self.node.body:
            wanted = isinstance(each, ast.AsyncFunctionDef) if waits else isinstance(each, ast.FunctionDef)
            if wanted and isinstance(each, Verb) and not each.name.startswith("_") and each.name not in leave:
                yield each

    def signature(self, verb: Verb) -> str:
        """From `def` to the colon."""
        text = self.lines(verb.lineno, verb.body[0].lineno - 1)
        return re.sub(r"^    async def", "    def", text)


def passed(verb: Verb) -> str:
    """The arguments of a call that passes on what a verb was given."""
    given = [each.arg for each in verb.args.args[1:]]
    if verb.args.vararg:
        given.append(f"*{verb.args.vararg.arg}")
    given += [f"{each.arg}={each.arg}" for each in verb.args.kwonlyargs]
    return ", ".join(given)


def imports(source: Source, used: str) -> str:
    """Those of the source's imports that a text uses, its docstrings aside."""
    used = re.sub(r'""".*?"""', "", used, flags=re.DOTALL)
    kept = []
    for node in ast.parse(source.text).body:
        typing = isinstance(node, ast.If)
        for each in node.body if isinstance(node, ast.If) else [node]:
            if isinstance(each, ast.ImportFrom) and each.module != "__future__":
                names = [alias.name for alias in each.names if re.search(rf"\b{alias.name}\b", used)]
                if names:
                    kept.append((typing, f"from {each.module} import {', '.join(names)}\n"))
    own = "".join(text for typing, text in kept if not typing)
    late = "".join(f"    {text}" for typing, text in kept if typing)
    return own + (f"\nif TYPE_CHECKING:\n{late}" if late else "")


def typevars(source: Source, used: str) -> str:
    """Those of its type variables."""
    found = re.findall(r"^(\w+) = (TypeVar\(.*\))$", source.text, flags=re.MULTILINE)
    return "".join(f"{name} = {made}\n" for name, made in found if re.search(rf"\b{name}\b", used))


def module(source: Source, purpose: str, more: str, body: str, names: list[str], less: str = "") -> str:
    """A made file."""
    bound = typevars(source, body)
    needed = imports(source, body + bound)
    typing = "from typing import TYPE_CHECKING\n" if "if TYPE_CHECKING" in needed else ""
    return (
        f'"""\n{purpose}\n\nMade of `{source.path}` by `make faces`: change that.\n"""\n\n'
        f"from __future__ import annotations\n\n{more}{typing}{needed.replace(less, '') if less else needed}\n"
        f"__all__ = {json_list(names)}\n\n{bound}\n{body}"
    )


def json_list(names: list[str]) -> str:
    """A list of names as it is written."""
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def blocking(source: Source, name: str, head: str, leave: frozenset[str] = frozenset()) -> str:
    """A class that drives every verb of the awaited one to its end at once."""
    told = source.docstring(source.node).replace("`AsyncStatusService.", "`StatusService.")
    text = f"class {name}:\n{head.replace('<docstring>', told)}"
    for verb in source.verbs(leave):
        call = f"_run(self._awaited.{verb.name}({passed(verb)}))"
        answer = call if ast.unparse(verb.returns or ast.Constant(None)) == "None" else f"return {call}"
        text += f"\n{source.signature(verb)}{source.docstring(verb)}        {answer}\n"
    return text.replace(" | AsyncIterable[Activity]", "")


def passing(source: Source, call: Callable[[Verb], str], *, waits: bool, leave: frozenset[str]) -> str:
    """Every verb of a store, each passed on."""
    text = ""
    for verb in source.verbs(leave):
        signature = source.signature(verb)
        text += f"\n{signature.replace('    def', '    async def', 1) if waits else signature}        {call(verb)}\n"
    return text


def _answered(verb: Verb, call: str) -> str:
    nothing = ast.unparse(verb.returns or ast.Constant(None)) == "None"
    return call if nothing else f"return {call}"


def desk() -> str:
    """The desk where a store blocks."""
    source = Source.read("service/desk.py", "AsyncDesk")
    head = '''<docstring>
    def __init__(self, awaited: AsyncDesk[L]) -> None:
        self._awaited = awaited

    @property
    def actor(self) -> Actor:
        """Who makes the changes."""
        return self._awaited.actor

    @property
    def channel(self) -> AnyChannel:
        """Over which channel."""
        return self._awaited.channel

    @property
    def requested_by(self) -> RequestedBy | None:
        """Who asked for the changes; None: by the kind of actor."""
        return self._awaited.requested_by

    def __repr__(self) -> str:
        return repr(self._awaited).removeprefix("Async")
'''
    body = RUN + "\n\n" + blocking(source, "Desk(Generic[L])", head)
    more = (
        "from collections.abc import Coroutine\nfrom typing import Generic\n"
        "from custstatus.records import Actor, AnyChannel, RequestedBy\nfrom custstatus.service.desk import AsyncDesk\n"
    )
    run = 'T = TypeVar("T")\n'
    made = module(source, "The desk where the store blocks.", more, body, ["Desk"])
    made = made.replace(
        "from typing import Any, Generic",
        "from custstatus.service.desk import AsyncDesk\nfrom typing import Any, Generic",
    )
    return made.replace("\n__all__", "\n__all__", 1).replace('L = TypeVar("L"', run + 'L = TypeVar("L"', 1)


def look() -> str:
    """Looking where a store blocks."""
    source = Source.read("service/look.py", "AsyncLook")
    head = "<docstring>\n    _awaited: AsyncLook[L]\n"
    body = RUN + "\n\n" + blocking(source, "Look(Generic[L])", head)
    more = "from collections.abc import Coroutine\nfrom custstatus.service.look import AsyncLook\n"
    made = module(source, "Looking where the store blocks.", more, body, ["Look"])
    return made.replace('L = TypeVar("L"', 'T = TypeVar("T")\nL = TypeVar("L"', 1)


def service() -> str:
    """The service where a store blocks."""
    source = Source.read("service/service.py", "AsyncStatusService")
    head = "    __doc__ = BlockingService.__doc__\n    _awaited: AsyncStatusService[L]\n"
    leave = frozenset({"open", "decide", "check"})
    body = RUN + "\n\n" + blocking(source, "StatusService(BlockingService[L], Look[L])", head, leave)
    more = (
        "from collections.abc import Coroutine\nfrom custstatus.service._made.look import Look\n"
        "from custstatus.service.blocking import BlockingService\nfrom custstatus.service.service import AsyncStatusService\n"
    )
    made = module(source, "The service where the store blocks.", more, body, ["StatusService"])
    return made.replace('L = TypeVar("L"', 'T = TypeVar("T")\nL = TypeVar("L"', 1)


def async_store() -> str:
    """The contract of stores that are awaited."""
    source = Source.read("adapters/protocol.py", "Store")
    text = '''class AsyncStore(Protocol):
    """
    The contract of `Store` for an engine that is awaited: every verb means what the verb of that name means there.

    It is used on one event loop, by any number of tasks at once. A verb that is cancelled has written all or nothing.
    """
'''
    for verb in source.verbs():
        signature = source.signature(verb).replace("    def", "    async def", 1)
        text += f"\n{signature}{source.docstring(verb)}        ...\n"
    text += '''

@runtime_checkable
class AsyncJoinableStore(Protocol):
    """An `AsyncStore` that can write within a transaction of the host's own."""

    def inside(self, connection: Any) -> AsyncStore:
        """As `JoinableStore.inside`: it awaits nothing, so that what must be asked of the engine is asked by the verbs."""
        ...
'''
    more = "from custstatus.adapters.protocol import ActivityBatch, Recorded, StoredActivity\n"
    return module(source, "What a store is that is awaited.", more, text, ["AsyncJoinableStore", "AsyncStore"])


def awaited() -> str:
    """A store that blocks, as one that is awaited."""
    source = Source.read("adapters/protocol.py", "Store")
    head = '''class Awaited:
    """
    A store that blocks, as an `AsyncStore`: each verb runs at once, and holds up the event loop while it does.

    The blocking service runs its coroutines on it. No verb lets other tasks go on in between.
    """

    __slots__ = ("store",)

    def __init__(self, store: Store) -> None:
        self.store = store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def inside(self, connection: Any) -> Awaited:
        """As `JoinableStore.inside`."""
        if not isinstance(self.store, JoinableStore):
            raise InvalidInputError("store", "a store that joins a host's transaction", type(self.store).__name__)
        return Awaited(self.store.inside(connection))
'''
    verbs = passing(
        source, lambda verb: _answered(verb, f"self.store.{verb.name}({passed(verb)})"), waits=True, leave=frozenset()
    )
    more = (
        "from typing import Self\nfrom custstatus.errors import InvalidInputError\n"
        "from custstatus.adapters.protocol import ActivityBatch, JoinableStore, Recorded, Store, StoredActivity\n"
    )
    return module(source, "A store that blocks, awaited.", more, head + verbs, ["Awaited"])


def operations() -> str:
    """Operations that a host calls by themselves, over a store that blocks."""
    found = [("upgrade_check", "check_upgrade"), ("replaying", "replay")]
    body, more = RUN, "from collections.abc import Coroutine\nfrom typing import TypeVar\n"
    more += "from custstatus.adapters._made.awaited import Awaited\nfrom custstatus.adapters.protocol import Store\n"
    typing = ""
    for file, name in found:
        text = (PACKAGE / "operations" / f"{file}.py").read_text()
        (node,) = (
            each for each in ast.parse(text).body if isinstance(each, ast.AsyncFunctionDef) and each.name == name
        )
        source = Source(f"operations/{file}.py", text, ast.ClassDef(name, [], [], [], []))
        head = (
            source.lines(node.lineno, node.body[0].lineno - 1)
            .replace("async def", "def", 1)
            .replace("AsyncStore", "Store")
        )
        given = ", ".join("Awaited(store)" if each.arg == "store" else each.arg for each in node.args.args)
        given += "".join(f", {each.arg}={each.arg}" for each in node.args.kwonlyargs)
        body += f"\n\n{head}{source.docstring(node)}    return _run(_{name}({given}))\n"
        more += f"from custstatus.operations.{file} import {name} as _{name}\n"
        answer = ast.unparse(node.returns or ast.Constant(None))
        more += f"from custstatus.operations.{file} import {answer}\n"
        needed = imports(source, head).replace("\nif TYPE_CHECKING:\n", "").replace("    from", "from")
        typing += "".join(line + "\n" for line in needed.splitlines() if line not in typing + more)
    return (
        '"""\nOperations that a host calls by themselves, where the store blocks.\n\n'
        'Made of `operations/upgrade_check.py` and `operations/replaying.py` by `make faces`: change those.\n"""\n\n'
        f"from __future__ import annotations\n\n{more}{typing}\n"
        f'__all__ = ["check_upgrade", "replay"]\n\nT = TypeVar("T")\n\n{body}'
    )


def sql_store() -> str:
    """The verbs of the SQL stores that block."""
    source = Source.read("adapters/sql/store.py", "AsyncSqlStore")
    text = re.sub(r"\b(async|await) ", "", source.lines(source.node.lineno, source.node.end_lineno or 0))
    text = (
        text.replace("class AsyncSqlStore", "class SqlStore")
        .replace("__aenter__", "__enter__")
        .replace("__aexit__", "__exit__")
    )
    return module(source, "The verbs of the SQL stores, where they block.", "", text, ["SqlStore"])


_PUBLIC = """\
from custstatus.adapters import (
    Account,
    ActivityBatch,
    Applied,
    Feed,
    FeedPage,
    HeldIdentifier,
    Lag,
    Page,
    Placed,
    Plan,
    PreparedChange,
    PreparedSet,
    Query,
    Recorded,
    SetResult,
    Snapshot,
    Store,
    Tally,
)
"""


def _kit(source: Source, purpose: str, more: str, text: str, name: str) -> str:
    """A made file of the kit, which knows public names only."""
    return (
        f'"""\n{purpose}\n\nMade of `{source.path}` by `make faces`: change that.\n"""\n\n'
        f"from __future__ import annotations\n\nfrom collections.abc import Mapping\n{more}\n{_PUBLIC}\n"
        f'__all__ = ["{name}"]\n\nT = TypeVar("T")\n\n\n{text}'
    )


def relay() -> str:
    """A store that passes every verb on to another."""
    source = Source.read("adapters/protocol.py", "Store")
    head = '''class Relay:
    """Every verb of a store, passed on to another."""

    def __init__(self, store: Store) -> None:
        self.store = store
'''
    verbs = passing(
        source, lambda verb: _answered(verb, f"self.store.{verb.name}({passed(verb)})"), waits=False, leave=frozenset()
    )
    return _kit(source, "A store that passes every verb on.", "from typing import TypeVar\n", head + verbs, "Relay")


def waited() -> str:
    """The verbs of a store that is awaited, each waited for."""
    source = Source.read("adapters/protocol.py", "Store")
    head = '''class Waited:
    """Every verb of a store that is awaited, as one that blocks until it is done."""

    store: AsyncStore

    def _wait(self, verb: Coroutine[Any, Any, T]) -> T:
        """The result of a verb, once it is there."""
        raise NotImplementedError
'''
    verbs = passing(
        source,
        lambda verb: _answered(verb, f"self._wait(self.store.{verb.name}({passed(verb)}))"),
        waits=False,
        leave=frozenset({"close"}),
    )
    more = (
        "from collections.abc import Coroutine\nfrom typing import TYPE_CHECKING, Any, TypeVar\n\n"
        "if TYPE_CHECKING:\n    from custstatus.aio import AsyncStore\n"
    )
    return _kit(source, "A store that is awaited, waited for.", more, head + verbs, "Waited")


FACES: dict[str, Callable[[], str]] = {
    "adapters/_made/async_store.py": async_store,
    "adapters/_made/awaited.py": awaited,
    "adapters/sql/_made/store.py": sql_store,
    "operations/_made/blocking.py": operations,
    "service/_made/desk.py": desk,
    "service/_made/look.py": look,
    "service/_made/service.py": service,
    "testing/_made/relay.py": relay,
    "testing/_made/waited.py": waited,
}
"""Every made file of the package, and what makes it."""


def stale() -> Iterator[str]:
    """The made files that are not what they would be made to be now; those that nothing makes too."""
    for path, make in FACES.items():
        file = PACKAGE / path
        if not file.exists() or file.read_text() != make():
            yield path
    for file in PACKAGE.rglob("_made/*.py"):
        path = file.relative_to(PACKAGE).as_posix()
        if path not in FACES and file.name != "__init__.py":
            yield path


def main() -> None:
    """Write them, or say which are stale."""
    if sys.argv[1:] == ["--check"]:
        found = list(stale())
        print("\n".join(f"{path} is stale: run make faces" for path in found) or "every face is as its source has it")
        sys.exit(1 if found else 0)
    for path, make in FACES.items():
        file = PACKAGE / path
        file.parent.mkdir(exist_ok=True)
        init = file.parent / "__init__.py"
        if not init.exists():
            init.write_text('"""Made by `make faces`: never edited."""\n')
        file.write_text(make())


if __name__ == "__main__":
    main()
