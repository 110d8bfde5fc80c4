"""Starting a gateway that does not come up: why is told, however slowly it says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from joytui.client import spawn
from joytui.core.errors import UnreachableError
from joytui.core.places import places


async def failure(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> UnreachableError:
    """What is said where this script runs in the gateway's place."""
    program = folder / "gateway"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    monkeypatch.setattr(spawn.sys, "executable", str(program))
    where = places({"JOYTUI_DATA_DIR": str(folder / "data"), "JOYTUI_CONFIG_FILE": str(folder / "config.toml")})
    with pytest.raises(UnreachableError) as caught:
        await spawn.spawn_gateway(where, (), os.environ)
    assert caught.value.where == str(where.gateway_log)
    return caught.value


async def test_it_is_let_finish_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under load the reason came after the word "failed" was read: ended in between, it left "exit code -15"."""
    script = 'echo "failed store-taken"\nexec >&-\nsleep 0.2\necho "joytui: the store is taken" >&2\nexit 3'
    said = await failure(tmp_path, monkeypatch, script)
    assert said.what == "the local gateway did not start: the store is taken"
    assert said.kind == "store-taken"


async def test_one_that_was_ended_from_outside_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = await failure(tmp_path, monkeypatch, "kill -TERM $$")
    assert said.what.endswith("it was killed by signal 15 (Terminated)")


async def test_one_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawn, "START_DEADLINE", 0.3)
    os.mkfifo(tmp_path / "never")
    said = await failure(tmp_path, monkeypatch, f'echo $$ > "{tmp_path}/pid"\nexec cat "{tmp_path}/never"')
    assert "was not ready within" in said.what
    await spawn.end_process(int((tmp_path / "pid").read_text()))  # at once: it is gone, or was told to go
