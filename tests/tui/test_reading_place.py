"""The terminal's cursor stands on the chosen line after each frame: screen readers and magnifiers follow it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui.opening import console, fill, settle, text_of


def line_read(app: Any) -> str:
    return text_of(app).splitlines()[app.cursor_position.y]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("screen", "keys", "words"),
    [
        ("doctor", ("home", "down"), "Key variable is named"),
        ("logs", ("home",), "13:07:34"),
        ("logs", ("end", "up"), "14:05:27"),
        ("keys", ("down",), "codex-ben"),
        ("keys", ("V", *"mine", "enter"), "mine"),
        ("keys", ("C", "down", "down"), "owner"),
    ],
)
async def test_the_cursor_stands_on_the_chosen_line(screen: str, keys: tuple[str, ...], words: str) -> None:
    app = console(screen)
    async with app.run_test(size=(100, 30)) as pilot:
        await fill(app, pilot)
        for key in keys:
            await pilot.press(key)
        await settle(app, pilot)
        assert words in line_read(app)
