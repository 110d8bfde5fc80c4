"""Advice names the command as it can be typed: by its path where the shell does not find it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from joytui.cli.main import COMMANDS as REAL
from joytui.core import own_command
from joytui.core.own_command import COMMANDS, as_typed


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`.venv/bin/joytui` of this folder, started by that path."""
    program = tmp_path / ".venv" / "bin" / "joytui"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [".venv/bin/joytui"])
    monkeypatch.setenv("PATH", "/nowhere")
    own_command.own_command.cache_clear()
    yield program
    own_command.own_command.cache_clear()


def test_every_command_is_known() -> None:
    assert set(COMMANDS) == set(REAL)


def test_its_path_where_the_shell_does_not_find_it(started: Path) -> None:
    assert as_typed("`joytui doctor --fix` fixes it") == "`.venv/bin/joytui doctor --fix` fixes it"
    assert (
        as_typed("      \x1b[36mjoytui gateway start\x1b[0m") == "      \x1b[36m.venv/bin/joytui gateway start\x1b[0m"
    )
    for prose in (
        "joytui stores only its digest",
        "200 joytui doctor, as codex_exec",
        "/x/joytui doctor",
        "joytui-offline",
    ):
        assert as_typed(prose) == prose


def test_its_name_where_the_shell_finds_it(started: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(started.parent))
    assert as_typed("`joytui doctor`") == "`joytui doctor`"
