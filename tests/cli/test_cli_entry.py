"""The entry points, and what they do where the extra is missing or the terminal is not one."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

import pytest
from terminal import run

from custstatus.cli import main


def test_the_version() -> None:
    ran = run("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"{version('custstatus')}\n", "")


def test_it_runs_as_a_module() -> None:
    ran = subprocess.run([sys.executable, "-m", "custstatus.cli", "--version"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{version('custstatus')}\n", "")


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_how_to_install_it(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("custstatus.cli.", f"{missing}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    ran = run("--version")
    assert (ran.code, ran.out) == (1, "")
    assert "pip install 'custstatus[cli]'" in ran.error


def test_what_else_is_missing_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("custstatus.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "json", None)
    with pytest.raises(ModuleNotFoundError, match="json"):
        run("--version")


def test_it_can_be_piped_in_any_encoding(db: Path) -> None:
    raw = io.BytesIO()
    arguments = ["custstatus", "show", "h0001", "--db", str(db)]
    piped = io.TextIOWrapper(raw, encoding="ascii")
    with patch.object(sys, "argv", arguments), redirect_stdout(piped), pytest.raises(SystemExit) as ended:
        main()
    piped.flush()
    assert not ended.value.code
    assert b"Lost phone" in raw.getvalue()


@pytest.mark.parametrize("arguments", [("no-such-command",), ("show",), ("show", "h0001"), ("verify", "--days", "3")])
def test_bad_usage(arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert "Usage: custstatus" in ran.out + ran.err


@pytest.mark.parametrize("command", ["show", "verify", "diagram"])
def test_every_command_explains_itself(command: str) -> None:
    ran = run(command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert "--db" in ran.out
