from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fixing.broken import GOOD, KEY, Broken
from tests.support.fault_gateway import FaultGateway
from tests.support.joytui_process import Machine

VERSION = ("--codex-version", "0.169.0")


@pytest.fixture(scope="module")
def gateway() -> Iterator[FaultGateway]:
    with FaultGateway("healthy") as playing:
        yield playing


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    here = Machine(tmp_path, {**KEY, "PATH": "/nowhere"})
    return here


@pytest.fixture
def home(machine: Machine) -> Path:
    return machine.folder / "home" / ".codex"


@pytest.fixture
def lay(home: Path, gateway: FaultGateway) -> Callable[[Broken], Path]:
    """Writes a broken configuration into CODEX_HOME; the path of its config.toml."""

    def fill(text: str) -> str:
        return text.replace("{ORIGIN}", gateway.origin).replace("{PORT}", str(gateway.port))

    def write(broken: Broken) -> Path:
        place = home / "config.toml"
        if isinstance(broken.config, str):
            place.write_bytes(fill(broken.config).encode())
        elif broken.config is not None:
            wide = broken.config.startswith(b"\xff\xfe")
            text = broken.config.decode("utf-16" if wide else "latin-1")
            place.write_bytes(b"\xff\xfe" + fill(text).encode("utf-16-le") if wide else fill(text).encode("latin-1"))
        for name, text in broken.files.items():
            (home / name).write_text(text)
        return place

    return write


@pytest.fixture
def good(lay: Callable[[Broken], Path]) -> str:
    """The text of the sound configuration."""
    return lay(Broken("good", "", GOOD)).read_text()


@pytest.fixture
def shell(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console's own process stands in that machine's shell."""
    for name in ("HOME", "CODEX_HOME", "PATH", "JOY_TOKEN_API_KEY"):
        monkeypatch.setenv(name, machine.env[name])
    monkeypatch.chdir(machine.folder)


async def until(pilot: object, true: Callable[[], bool]) -> None:
    """A worker opens the dialog: a few turns of the loop."""
    for _ in range(200):
        if true():
            return
        await pilot.pause(0.01)  # type: ignore[attr-defined]
    raise AssertionError("it did not come")
