from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.joytui_process import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """An empty home without CODEX_HOME; whatever gateway was started in it is stopped."""
    here = Machine(tmp_path, {"SHELL": "/bin/zsh", "PATH": "/nowhere"})
    (here.folder / "home" / ".codex").rmdir()
    del here.env["CODEX_HOME"]
    yield here
    here.call("gateway", "stop")


@pytest.fixture
def config(machine: Machine) -> Path:
    return machine.folder / "home" / ".codex" / "config.toml"
