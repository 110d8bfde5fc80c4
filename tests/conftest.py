"""What holds for every test: nothing of the developer's own machine leaks in, and what is required is not skipped."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from joytui.core import clock as core_clock
from tests.support.clock import CLOCK, NOW, Clock
from tests.support.cpu_seconds import CpuSeconds
from tests.support.faketime import MACHINE_CLOCK

REQUIRED = os.environ.get("JOYTUI_REQUIRE") == "1"

# A shell that has its own Codex, proxy, certificates or joytui must not decide what the tests see.
for name in list(os.environ):
    if name.startswith(("CODEX_", "JOY_TOKEN_", "OPENAI_")) or name.upper().endswith("_PROXY"):
        del os.environ[name]
# Without compiled modules each of the hundreds of processes compiles joytui anew: half of the run's time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "NO_COLOR", "JOYTUI_ADMIN_TOKEN"):
    os.environ.pop(name, None)
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"  # a test that wants a keyring names its own
_scratch = tempfile.TemporaryDirectory(prefix="joytui-tests-")
os.environ["JOYTUI_DATA_DIR"] = str(Path(_scratch.name) / "data")
os.environ["JOYTUI_CONFIG_FILE"] = str(Path(_scratch.name) / "config.toml")

# One instant for all tests: also for fixtures that outlive a test, so it is set here and not by a fixture.
core_clock.time_ns = CLOCK
os.environ.update(MACHINE_CLOCK)


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The clock of every test, to be moved by this one."""
    yield CLOCK
    CLOCK.moment = NOW


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("JOYTUI_CPU") == "1":
        config.pluginmanager.register(CpuSeconds())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes runs on request, and always in CI (JOYTUI_REQUIRE=1)."""
    for marker, variable, what in (
        ("codex", "JOYTUI_CODEX", "runs the real Codex from npm"),
        ("slow", "JOYTUI_SLOW", "takes long, most of it waiting for real terminals"),
    ):
        if REQUIRED or os.environ.get(variable) == "1":
            continue
        skip = pytest.mark.skip(reason=f"{what}: {variable}=1 pytest -m {marker}")
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(skip)
