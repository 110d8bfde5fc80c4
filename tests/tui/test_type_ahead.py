"""Keys that come in one burst: what stands behind the slash is text, not commands."""

from __future__ import annotations

from typing import Any

from textual import events

from tests.tui.opening import console, fill


async def burst(app: Any, pilot: Any, *keys: str) -> None:
    """All of them before the first is acted upon, as a slow connection brings them."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))
    for _ in range(8):
        await pilot.pause()


async def test_a_filter_in_one_burst() -> None:
    app = console("logs")
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        # 't' alone would try a turn, 'r' replay, 'q' end the console
        app.post_message(events.Key("slash", "/"))
        await burst(app, pilot, *"trq")
        assert app.screen.query_one("#filter").value == "trq"
        assert len(app.screen_stack) == 1


async def test_the_screen_too_and_the_end_of_the_line() -> None:
    app = console("doctor")
    async with app.run_test(size=(120, 40)) as pilot:
        await burst(app, pilot, "2")
        await fill(app, pilot)
        app.post_message(events.Key("slash", "/"))
        await burst(app, pilot, *"status:4xx", "enter")
        assert app.screen.filter_text == "status:4xx"
        assert not app.screen.has_class("-filtering")


async def test_keys_of_a_line_that_is_open_do_what_they_did() -> None:
    app = console("logs")
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        await pilot.press("slash", *"abc", "left", "backspace", "x")
        assert app.screen.query_one("#filter").value == "axc"
        await pilot.press("escape")
        assert not app.screen.has_class("-filtering")
