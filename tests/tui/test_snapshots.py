"""The four screens as SVG, whose differences pytest-textual-snapshot shows side by side in a browser; every state of them is
held by `test_pictures`. They hold for one Textual and are skipped on others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.needs import TEXTUAL, needs
from tests.tui.opening import console, fill

pytestmark = needs(f"textual {TEXTUAL}")


async def filled(pilot: Any) -> None:
    await fill(pilot.app, pilot)


@pytest.mark.parametrize("screen", ["doctor", "logs", "usage", "keys"])
def test_dark(snap_compare, screen):
    assert snap_compare(console(screen), terminal_size=(120, 40), run_before=filled)
