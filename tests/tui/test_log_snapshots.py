"""Logs as pictures: a refusal explained, two requests compared, the pause."""

from __future__ import annotations

import pytest

from tests.tui.opening import console
from tests.tui.test_snapshots import filled, pytestmark  # noqa: F401  (the same Textual, or skipped)


@pytest.mark.parametrize(("size", "theme"), [((80, 24), "dark"), ((200, 60), "light")], ids=["80x24", "200x60-light"])
def test_log_detail_of_a_refusal(snap_compare, size, theme):
    assert snap_compare(console("logs", theme=theme), terminal_size=size, run_before=filled("E", "enter"))


def test_log_compare(snap_compare):
    keys = ("E", "space", "up", "equals_sign")
    assert snap_compare(console("logs"), terminal_size=(120, 40), run_before=filled(*keys))


def test_log_paused(snap_compare):
    assert snap_compare(console("logs"), terminal_size=(100, 30), run_before=filled("up", "up", "space"))
