"""The frame by its keys: sizes, screens, help, themes, the palette, ASCII."""

from __future__ import annotations

import pytest
from textual import events
from textual.geometry import Size

from joytui.tui.screens.help import HelpDialog
from joytui.tui.state import LinkState
from tests.tui.opening import SIZE, console, fill, settle, text_of


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (300, 80), (40, 12), (20, 5), (3, 2)])
@pytest.mark.parametrize("screen", ["doctor", "logs", "usage", "keys"])
async def test_every_screen_at_every_size(screen, size):
    app = console(screen)
    async with app.run_test(size=size) as pilot:
        await fill(app, pilot)
        if size[0] >= 64:
            first = text_of(app).splitlines()[0]
            assert all(name in first for name in ("1 Doctor", "2 Logs", "3 Usage", "4 Keys"))


async def test_too_small_says_what_it_needs():
    app = console("doctor")
    async with app.run_test(size=(30, 8)) as pilot:
        await fill(app, pilot)
        assert "40×10" in text_of(app)
        await pilot.resize_terminal(100, 30)
        await settle(app, pilot)
        assert "40×10" not in text_of(app)


@pytest.mark.parametrize("over_it", [None, "question_mark", "ctrl+o"], ids=["screen", "dialog", "jump keys"])
async def test_sizes_that_overtake_each_other_come_to_rest(over_it):
    """A window that is dragged: the screen is laid out as it is now, and no size calls the other back."""
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        if over_it:
            await pilot.press(over_it)
        await settle(app, pilot)
        layouts = []
        app.screen.screen_layout_refresh_signal.subscribe(app, layouts.append)
        for size in (Size(100, 30), Size(*SIZE), Size(90, 20), Size(*SIZE)):
            app.screen.post_message(events.Resize(size, size))
            app.screen.call_later(lambda: None)  # two sizes in a row would be one
        await pilot.pause()
        assert app.screen.size == SIZE
        assert len(layouts) <= 4


async def test_number_keys_walk_the_screens_and_mouse_too():
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        for key, mode in (("2", "logs"), ("3", "usage"), ("4", "keys"), ("1", "doctor")):
            await pilot.press(key)
            await pilot.pause()
            assert app.current_mode == mode
        await pilot.click("Masthead", offset=(38, 0))
        await pilot.pause()
        assert app.current_mode == "keys"


async def test_help_is_made_from_the_bindings():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("question_mark")
        await settle(app, pilot)
        assert isinstance(app.screen, HelpDialog)
        shown = text_of(app)
        assert "next failed request" in shown
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpDialog)


async def test_theme_key_goes_round_and_says_so():
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+t")
        await settle(app, pilot)
        assert app.theme == "joytui-light"
        assert "theme: light" in text_of(app)


async def test_palette_offers_the_screens_actions():
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Test", "Copy fix", "Logs", "Quit", "Copy the try command"} <= titles
        assert "Down" not in titles


async def test_ascii_mode_draws_nothing_else():
    for screen in ("doctor", "logs", "usage", "keys"):
        app = console(screen, ascii=True)
        async with app.run_test(size=SIZE) as pilot:
            await fill(app, pilot)
            assert app.export_screenshot()
            filters = app.get_line_filters()
            lines = app.screen._compositor.render_strips()
            drawn = "".join(
                s.text for strip in lines for s in filters[-1].apply(list(strip), app.screen.background_colors[1])
            )
            assert drawn.isascii()


async def test_link_states_reach_the_masthead():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        app.link_state = LinkState("failed", note="port 8791 is taken by nginx (pid 7)", hint="free the port")
        await pilot.pause()
        shown = text_of(app)
        assert "port 8791 is taken by nginx" in shown
        assert "free the port" in shown


async def test_a_paste_of_garbage_is_what_is_left_of_it() -> None:
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("slash")
        app.post_message(events.Paste("\x1b[31mkey\x1b[0m:\x01codex-anna\nand more"))
        await settle(app, pilot)
        assert app.screen.query_one("#filter").value == "key:codex-anna"
        await pilot.press("f1")
        await settle(app, pilot)
        assert "FILTER" in text_of(app).split("LOGS")[0]  # what F1 promises stands first
