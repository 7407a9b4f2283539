"""
The house: who may import whom, what has one home only, and what the core never touches.

Every check is a function from the texts of modules to faults. It finds none in the code as it is, and it finds the one that
is planted for it, so that no check can pass by looking nowhere.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest
from attrs import field, frozen

SOURCE = Path(__file__).parents[1] / "src" / "custstatus"

ORDER = (
    *("errors", "values", "bounds", "lifecycles", "lifecycles.charts", "lifecycles.lifecycle", "states", "records"),
    *("policies.conditions", "policies.rules", "policies.verdicts", "policies.policy", "policies.compiled"),
    *("policies.batches", "policies.idle", "policies.proofs", "policies.invariants", "policies"),
    *("policies.capillary", "policies.defaults", "policies.products", "policies.presets"),
    *(
        "config",
        "config.codec",
        "config.waivers",
        "config.faults",
        "config.document",
        "config.config",
        "policies.decisions",
    ),
    *("gate", "gate.refusal", "gate.request", "gate.prepared", "gate.outcome", "gate.sets"),
    *("gate.history", "gate.prepare", "gate.plan", "sealing"),
    *("adapters.queries", "adapters.feeds", "adapters.protocol", "adapters.cursors", "adapters"),
    *("adapters._made", "adapters._made.async_store", "adapters._made.awaited", "gate.loop"),
    *("tables.shapes", "tables.cells", "tables.csv", "tables.export", "tables.cloudevents", "tables"),
    *("policies.analysis.matrices", "policies.analysis.differences", "policies.analysis.linting", "policies.analysis"),
    *("operations.verify", "operations.timeline", "operations.record", "operations.sweep_limits", "operations.sweep"),
    *("operations.import_statuses", "operations.import_activities", "operations.reverse"),
    *("operations.upgrade_check", "operations.upgrade", "operations.replaying"),
    *("operations._made", "operations._made.blocking", "operations"),
    *("service", "service.look", "service.acting", "service.desk", "service.service"),
    *("service._made", "service._made.desk", "service._made.look", "service.blocking", "service._made.service", "aio"),
)
"""The core: each module imports from those before it only."""

FOR_TYPES_ONLY = {
    ("errors", "gate.refusal"),
    ("errors", "policies.decisions"),
    ("config.document", "config.config"),
    ("config.faults", "config.config"),
    ("config.config", "gate.prepared"),
    ("adapters.queries", "adapters.protocol"),
}
"""
Imports against the order, which only a type checker makes: an error carries a refusal or a decision; documents and faults
are a configuration's, which keeps what preparing has compiled of it; a query says what its rows are.
"""

FOR_ADAPTERS = {
    *("errors", "values", "bounds", "lifecycles.lifecycle", "states", "records", "config.codec"),
    *("gate.refusal", "gate.request", "gate.prepared", "gate.outcome", "gate.sets", "gate.history"),
}
"""What a store may know of the core, beside the contract and the cursors."""

SURFACES = (
    "",
    "adapters",
    "adapters.postgres",
    "adapters.sqlite",
    "aio",
    "errors",
    "operations",
    "policies",
    "policies.analysis",
    "policies.batches",
    "policies.presets",
    "tables",
)
"""Where the public names are: the package, and what few programs need beside it."""

SHARED = "adapters.sql"
"""What the SQL stores have in common."""

CONTRACT = {
    *("adapters", "adapters.protocol", "adapters.queries", "adapters.feeds", "adapters.cursors"),
    *("adapters._made", "adapters._made.async_store", "adapters._made.awaited"),
}

PARTS = {"adapters.memory": {"adapters.memory_queries"}}
"""Modules that are one adapter's own, beside it."""

HOMES = {
    "attrs": "",
    "statemachine": r"lifecycles\.(charts|lifecycle)|states",
    "cattrs": r"config\.codec",
    "sqlite3": r"adapters\.sqlite\..*",
    "psycopg": r"adapters\.postgres\..*",
    "pyarrow": r"tables\.csv",
    "hypothesis": r"testing(\..*)?",
    "typer": r"cli(\..*)?",
    "rich": r"cli(\..*)?",
}
"""Where each library may be imported; everywhere for attrs. What is neither here nor in the standard library has no home."""

IMPURE = {
    *("os", "pathlib", "io", "shutil", "tempfile", "glob"),
    *("time", "random", "secrets", "uuid", "locale"),
    *(
        "socket",
        "ssl",
        "http",
        "urllib",
        "asyncio",
        "threading",
        "multiprocessing",
        "concurrent",
        "subprocess",
        "sqlite3",
    ),
    *("logging", "warnings", "sys"),
}
CLOCK = r"\b(date|datetime)\.(now|utcnow|today)$"
CALLS = {"open", "print", "input", "exec", "eval", "__import__"}

VAGUE = re.compile(r"(^|_)(utils?|helpers?|managers?|common|misc)(_|$)|(Utils?|Helper|Manager)s?$")

Modules: TypeAlias = Mapping[str, str]
"""The text of each module by its name within the package; the package itself is the empty name."""


@cache
def modules() -> Modules:
    """The package as it is."""
    texts = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        texts[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text()
    return texts


parse = cache(ast.parse)


@cache
def nodes(text: str) -> tuple[ast.AST, ...]:
    """Every node of a text."""
    return tuple(ast.walk(parse(text)))


@frozen
class Import:
    """One name that a module imports."""

    module: str
    """Where from: of this package without its own name, of others the whole."""
    ours: bool
    name: str | None
    """The name taken from it; None where the module itself is imported."""
    typing: bool
    """Under `if TYPE_CHECKING`."""
    outer: bool = field(eq=False)
    """Made when the module is run, not when a function of it is."""
    line: int = field(eq=False)


def imports(name: str, text: str, known: Modules) -> Iterator[Import]:
    """Every import of a module, those within functions too."""
    typing = {
        id(inner)
        for node in nodes(text)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for branch in node.body
        for inner in ast.walk(branch)
    }
    for node in nodes(text):
        found: list[tuple[str, str | None]] = []
        if isinstance(node, ast.Import):
            found = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            found = [(start, alias.name) for alias in node.names]
        else:
            continue
        for module, taken in found:
            ours = module == "custstatus" or module.startswith("custstatus.")
            start = module.removeprefix("custstatus").removeprefix(".") if ours else module
            inner = f"{start}.{taken}".removeprefix(".")
            if ours and inner in known:  # `from custstatus import bounds` takes a module, no name of the package
                start, taken = inner, None
            yield Import(start, ours, taken, id(node) in typing, node.col_offset == 0, node.lineno)


def in_part(name: str, part: str) -> bool:
    """Whether a module is a part of the package, or in it."""
    return name == part or name.startswith(part + ".")


def order_faults(texts: Modules) -> Iterator[str]:
    """The core's modules import from those before them; no module is without a place."""
    for name, text in texts.items():
        if name == "" or any(in_part(name, part) for part in ("testing", "cli")):
            continue
        if in_part(name, "adapters") and name not in ORDER:
            continue
        if name not in ORDER:
            yield f"{name} has no place in the order of the core"
            continue
        for each in imports(name, text, texts):
            if not each.ours or each.module not in ORDER or each.module == name:
                continue
            if ORDER.index(each.module) > ORDER.index(name) and not (
                each.typing and (name, each.module) in FOR_TYPES_ONLY
            ):
                yield f"{name}:{each.line} imports {each.module}, which comes after it"


def adapter_faults(texts: Modules) -> Iterator[str]:
    """Adapters know values, the contract and themselves; the core knows of them only the contract."""
    for name, text in texts.items():
        for each in imports(name, text, texts):
            if not each.ours:
                continue
            if in_part(name, "adapters"):
                own = ".".join(name.split(".")[:2])
                shared = in_part(each.module, SHARED) and own != "adapters.memory"
                if each.module not in FOR_ADAPTERS | CONTRACT and not (
                    name not in CONTRACT and (shared or in_part(each.module, own) or each.module in PARTS.get(own, ()))
                ):
                    yield f"{name}:{each.line} imports {each.module or 'the package'}, which no adapter knows"
            elif name in ORDER and in_part(each.module, "adapters") and each.module not in CONTRACT:
                yield f"{name}:{each.line} imports {each.module}: the core knows the contract, not the stores"


def surface_faults(texts: Modules) -> Iterator[str]:
    """testing and cli import public names only; nothing imports testing, cli or the package itself."""
    public = {module: public_names(texts[module]) for module in SURFACES if module in texts}
    for name, text in texts.items():
        part = name.split(".")[0]
        outside = part in ("testing", "cli")
        for each in imports(name, text, texts):
            if not each.ours or (outside and in_part(each.module, part)):
                continue
            if in_part(each.module, "testing") or in_part(each.module, "cli"):
                yield f"{name}:{each.line} imports {each.module}, which nothing imports"
            elif not outside and each.module == "":
                yield f"{name}:{each.line} imports the package itself"
            elif outside and each.name not in public.get(each.module, ()):
                taken = f"{each.module}.{each.name}".strip(".") if each.name else each.module
                yield f"{name}:{each.line} imports {taken}, which is no public name"


def public_names(text: str) -> set[str]:
    """`__all__` of the package."""
    for node in parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def home_faults(texts: Modules) -> Iterator[str]:
    """Each library has one home; none is imported that has not. Nor has a relative import one: every import names all of it."""
    for name, text in texts.items():
        for each in imports(name, text, texts):
            top = each.module.split(".")[0]
            if each.ours or (top in sys.stdlib_module_names and top not in HOMES):
                continue
            home = HOMES.get(top)
            if home is None:
                yield f"{name}:{each.line} imports {top or each.module}, which has no home"
            elif home and not re.fullmatch(home, name):
                yield f"{name}:{each.line} imports {top}, whose home is {home}"


def purity_faults(texts: Modules) -> Iterator[str]:
    """No I/O, clock, randomness or environment in the core; the clock of a service is in `service.service`."""
    for name, text in texts.items():
        if name not in ORDER:
            continue
        for each in imports(name, text, texts):
            if not each.ours and each.module.split(".")[0] in IMPURE:
                yield f"{name}:{each.line} imports {each.module}"
        for node in nodes(text):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                yield f"{name}:{node.lineno} calls {node.func.id}()"
            if name != "service.service" and isinstance(node, ast.Attribute) and re.search(CLOCK, ast.unparse(node)):
                yield f"{name}:{node.lineno} reads a clock: {ast.unparse(node)}"


def size_faults(texts: Modules) -> Iterator[str]:
    """A file past 400 lines is two nouns."""
    for name, text in texts.items():
        lines = len(text.splitlines())
        if lines > 400:
            yield f"{name or 'the package'} has {lines} lines"


def name_faults(texts: Modules) -> Iterator[str]:
    """A name says what a thing is."""
    for name, text in texts.items():
        for part in name.split("."):
            if VAGUE.search(part):
                yield f"module {name}"
        for node in nodes(text):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and VAGUE.search(node.name):
                yield f"{name}:{node.lineno} {node.name}"


def class_faults(texts: Modules) -> Iterator[str]:
    """One word, one meaning: no two classes of the core and the stores have one name."""
    seen: dict[str, str] = {}
    for name, text in texts.items():
        if any(in_part(name, part) for part in ("testing", "cli")):
            continue
        for node in nodes(text):
            if isinstance(node, ast.ClassDef):
                first = seen.setdefault(node.name, name)
                if first != name:
                    yield f"{name}:{node.lineno} {node.name}, which {first} has as well"


def floor_faults(texts: Modules) -> Iterator[str]:
    """The house is no tower: of modules each of which imports the next when it is run, at most 14 stand in a row."""
    under = {
        name: {each.module for each in imports(name, text, texts) if each.ours and not each.typing and each.outer}
        & (set(texts) - {""}) - {name}
        for name, text in texts.items()
    }
    rooms = {name for name, text in texts.items() if any(other.startswith(f"{name}.") for other in texts)}

    @cache
    def floor(name: str) -> int:
        return 1 + max((floor(each) for each in under[name] - rooms), default=0)

    for name in texts:
        if floor(name) > 14:
            yield f"{name or 'the package'} stands on floor {floor(name)}"


def root_faults(texts: Modules) -> Iterator[str]:
    """The ground plot has at most 18 entries, each a noun."""
    entries = {name.split(".")[0] for name in texts}
    if len(entries) > 18:
        yield f"{len(entries)} entries: {', '.join(sorted(entries))}"


def purpose_faults(texts: Modules) -> Iterator[str]:
    """Every module says in its first line what lives there."""
    for name, text in texts.items():
        if not ast.get_docstring(parse(text)):
            yield f"{name or 'the package'} says nothing of its purpose"


def definition_faults(texts: Modules) -> Iterator[str]:
    """The package holds the public names and defines nothing."""
    for node in parse(texts[""]).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        names = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        if not (docstring or names or isinstance(node, ast.ImportFrom)):
            yield f"the package:{node.lineno} defines something: {ast.unparse(node)[:60]}"


Check: TypeAlias = Callable[[Modules], Iterator[str]]

PLANTED: list[tuple[Check, dict[str, str], str]] = [
    (
        order_faults,
        {"lifecycles.lifecycle": "from custstatus.states import CUSTOMER_STATUS"},
        "lifecycles.lifecycle:1 imports states",
    ),
    (
        order_faults,
        {"records": "def late():\n    from custstatus.config.config import OrgConfig"},
        "records:2 imports config.config",
    ),
    (order_faults, {"bounds": "from custstatus.gate import plan"}, "bounds:1 imports gate.plan"),
    (order_faults, {"policies.rules": "from custstatus.policies import verdicts"}, "imports policies.verdicts"),
    (
        order_faults,
        {"adapters.queries": "import custstatus.service.desk as d"},
        "adapters.queries:1 imports service.desk",
    ),
    (
        order_faults,
        {
            "records": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from custstatus.config.config import OrgConfig"
        },
        "records:3 imports config.config",
    ),
    (order_faults, {"errors": "from custstatus.gate.refusal import Refusal"}, "errors:1 imports gate.refusal"),
    (order_faults, {"newcomer": ""}, "newcomer has no place"),
    (order_faults, {"policies.newcomer": ""}, "policies.newcomer has no place"),
    (
        adapter_faults,
        {"adapters.memory": "from custstatus.gate.plan import plan"},
        "adapters.memory:1 imports gate.plan",
    ),
    (adapter_faults, {"adapters.memory": "from custstatus.policies.rules import block"}, "imports policies.rules"),
    (adapter_faults, {"adapters.memory": "from custstatus.config.config import OrgConfig"}, "imports config.config"),
    (
        adapter_faults,
        {"adapters.memory": "from custstatus.adapters.sqlite import SQLiteStore"},
        "imports adapters.sqlite",
    ),
    (
        adapter_faults,
        {"adapters.sqlite.store": "from custstatus.adapters.memory_queries import matches"},
        "imports adapters.memory_queries",
    ),
    (
        adapter_faults,
        {"adapters.memory_queries": "from custstatus.gate.plan import plan"},
        "adapters.memory_queries:1 imports gate.plan",
    ),
    (
        adapter_faults,
        {"adapters.sql.lists": "from custstatus.gate.loop import make"},
        "adapters.sql.lists:1 imports gate.loop",
    ),
    (
        adapter_faults,
        {"adapters.sql.running": "from custstatus.adapters.sqlite import SQLiteStore"},
        "imports adapters.sqlite",
    ),
    (
        adapter_faults,
        {"adapters.sql.rows": "from custstatus.service.service import utc_now"},
        "imports service.service",
    ),
    (adapter_faults, {"adapters.protocol": "from custstatus.adapters.memory import MemoryStore"}, "adapters.memory"),
    (adapter_faults, {"adapters.memory": "from custstatus import Account"}, "imports the package"),
    (
        adapter_faults,
        {"service.service": "from custstatus.adapters.memory import MemoryStore"},
        "service.service:1 imports adapters.memory",
    ),
    (surface_faults, {"testing.store": "from custstatus.records import Account"}, "imports records.Account"),
    (surface_faults, {"testing.store": "from custstatus import bounds"}, "imports bounds"),
    (surface_faults, {"testing.store": "from custstatus.cli import main"}, "imports cli"),
    (surface_faults, {"cli": "from custstatus import guard"}, "cli:1 imports guard"),
    (surface_faults, {"cli.card": "import custstatus.gate.plan"}, "cli.card:1 imports gate.plan"),
    (
        surface_faults,
        {"service.service": "from custstatus.testing import StoreContract"},
        "service.service:1 imports testing",
    ),
    (surface_faults, {"": "from custstatus.cli import main"}, ":1 imports cli"),
    (surface_faults, {"config.config": "from custstatus import Account"}, "config.config:1 imports the package itself"),
    (surface_faults, {"config.config": "import custstatus"}, "config.config:1 imports the package itself"),
    (home_faults, {"gate.plan": "from statemachine import State"}, "gate.plan:1 imports statemachine"),
    (home_faults, {"config.config": "import cattrs"}, "config.config:1 imports cattrs"),
    (home_faults, {"config.config": "from cattrs.gen import make"}, "config.config:1 imports cattrs"),
    (home_faults, {"adapters.memory": "import sqlite3"}, "adapters.memory:1 imports sqlite3"),
    (home_faults, {"cli.card": "import sqlite3"}, "cli.card:1 imports sqlite3"),
    (home_faults, {"records": "from hypothesis import strategies"}, "records:1 imports hypothesis"),
    (home_faults, {"service.service": "import typer"}, "service.service:1 imports typer"),
    (home_faults, {"testing.store": "import rich.table"}, "testing.store:1 imports rich"),
    (home_faults, {"testing.store": "import pytest"}, "imports pytest, which has no home"),
    (home_faults, {"policies.rules": "from . import verdicts"}, "policies.rules:1 imports ., which has no home"),
    (home_faults, {"policies.rules": "from ..config import OrgConfig"}, "imports ..config, which has no home"),
    (home_faults, {"adapters.orm": "import sqlalchemy"}, "imports sqlalchemy, which has no home"),
    (purity_faults, {"gate.plan": "import time"}, "gate.plan:1 imports time"),
    (purity_faults, {"gate.plan": "def late():\n    import os.path"}, "gate.plan:2 imports os.path"),
    (purity_faults, {"service.service": "from threading import Lock"}, "service.service:1 imports threading"),
    (purity_faults, {"config.config": "text = open('x').read()"}, "config.config:1 calls open()"),
    (
        purity_faults,
        {"config.config": "from datetime import datetime\nclock = datetime.now"},
        "config.config:2 reads a clock",
    ),
    (purity_faults, {"service.desk": "import datetime\ndatetime.datetime.now(None)"}, "service.desk:2 reads a clock"),
    (purity_faults, {"service.desk": "from datetime import date\ndate.today()"}, "service.desk:2 reads a clock"),
    (size_faults, {"records": "x = 1\n" * 401}, "records has 401 lines"),
    (name_faults, {"policies.utils": ""}, "module policies.utils"),
    (name_faults, {"sql_helpers": ""}, "module sql_helpers"),
    (name_faults, {"records": "class AccountManager:\n    pass"}, "records:1 AccountManager"),
    (name_faults, {"records": "def _date_utils():\n    pass"}, "records:1 _date_utils"),
    (
        class_faults,
        {"records": "class Refusal:\n    pass", "gate.refusal": "class Refusal:\n    pass"},
        "Refusal, which",
    ),
    (
        floor_faults,
        {f"newcomer{n}": f'"""N."""\nfrom custstatus.newcomer{n + 1} import x' for n in range(15)} | {"newcomer15": ""},
        "newcomer0 stands on floor 16",
    ),
    (root_faults, {f"newcomer{n}": "" for n in range(9)}, "entries: "),
    (purpose_faults, {"records": "x = 1"}, "records says nothing"),
    (definition_faults, {"": "def surprise():\n    pass"}, "the package:1 defines something"),
]

CHECKS = tuple(dict.fromkeys(check for check, _, _ in PLANTED))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_code_keeps_the_rule(check: Check) -> None:
    assert list(check(modules())) == []


@pytest.mark.parametrize(
    ("check", "planted", "fault"), PLANTED, ids=lambda value: value.__name__ if callable(value) else ""
)
def test_the_check_finds_what_is_planted(check: Check, planted: dict[str, str], fault: str) -> None:
    others = {name: text if name == "" else '"""Nothing."""' for name, text in modules().items()}
    assert list(check(others)) == []
    found = list(check({**others, **planted}))
    assert any(fault in each for each in found), found


def test_every_check_is_a_check() -> None:
    checks = {value for name, value in globals().items() if name.endswith("_faults")}
    assert checks == set(CHECKS)


def test_the_order_names_modules_that_exist() -> None:
    texts = modules()
    assert set(ORDER) <= set(texts)
    assert len(set(ORDER)) == len(ORDER)
    assert len(texts) >= 30


def test_no_exception_from_the_order_is_left_over() -> None:
    texts = modules()
    made = {
        (name, each.module)
        for name in ORDER
        for each in imports(name, texts[name], texts)
        if each.ours and each.typing and each.module in ORDER and ORDER.index(each.module) > ORDER.index(name)
    }
    assert made == FOR_TYPES_ONLY


def test_sql_files_are_no_longer_than_others() -> None:
    schemas = list(SOURCE.rglob("*.sql"))
    assert schemas
    assert [path.name for path in schemas if len(path.read_text().splitlines()) > 400] == []
