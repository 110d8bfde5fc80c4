"""The four screens as SVG, whose differences pytest-textual-snapshot shows side by side in a browser; every state of them is
held by `test_pictures`. They hold for one Textual and are skipped on others."""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

import pytest

from tests.tui.opening import console, fill

PINNED = "8.2.8"
pytestmark = pytest.mark.skipif(
    version("textual") != PINNED and os.environ.get("JOYTUI_REQUIRE") != "1",
    reason=f"snapshots hold for textual {PINNED}, here is {version('textual')}: pip install textual=={PINNED}",
)


async def filled(pilot: Any) -> None:
    await fill(pilot.app, pilot)


@pytest.mark.parametrize("screen", ["doctor", "logs", "usage", "keys"])
def test_dark(snap_compare, screen):
    assert snap_compare(console(screen), terminal_size=(120, 40), run_before=filled)
