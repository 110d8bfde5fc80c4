"""What holds for every test: nothing of the developer's own machine leaks in, and what is required is not skipped."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

REQUIRED = os.environ.get("JOYTUI_REQUIRE") == "1"
WITH_CODEX = REQUIRED or os.environ.get("JOYTUI_CODEX") == "1"

# A shell that has its own Codex, proxy, certificates or joytui must not decide what the tests see.
for name in list(os.environ):
    if name.startswith(("CODEX_", "JOY_TOKEN_", "OPENAI_")) or name.upper().endswith("_PROXY"):
        del os.environ[name]
for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "NO_COLOR", "JOYTUI_ADMIN_TOKEN"):
    os.environ.pop(name, None)
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"  # a test that wants a keyring names its own
_scratch = tempfile.TemporaryDirectory(prefix="joytui-tests-")
os.environ["JOYTUI_DATA_DIR"] = str(Path(_scratch.name) / "data")
os.environ["JOYTUI_CONFIG_FILE"] = str(Path(_scratch.name) / "config.toml")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The real Codex takes minutes: on request (JOYTUI_CODEX=1), and always in CI (JOYTUI_REQUIRE=1)."""
    if WITH_CODEX:
        return
    skip = pytest.mark.skip(reason="runs the real Codex from npm: JOYTUI_CODEX=1 pytest -m codex")
    for item in items:
        if item.get_closest_marker("codex"):
            item.add_marker(skip)
