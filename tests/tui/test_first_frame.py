"""The first frame is made once, and what it does not show waits until it is out."""

from __future__ import annotations

from typing import Any

import pytest
from textual._compositor import Compositor
from textual.css.stylesheet import Stylesheet

from joytui.core.records import Report
from joytui.tui.screens.fresh import FreshScreen
from tests.tui import data
from tests.tui.opening import console, settle, text_of

SCREENS = ("doctor", "logs", "usage", "keys")


@pytest.mark.parametrize("screen", SCREENS)
async def test_it_is_drawn_once_and_its_stylesheets_are_parsed_once(
    screen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = console(screen)
    drawn: list[bool] = []
    parsed: list[bool] = []

    def drawing(self: Any, *words: Any, _render: Any = Compositor._render_chops) -> Any:
        drawn.append(app.drawn)
        return _render(self, *words)

    def parsing(self: Any, _reparse: Any = Stylesheet.reparse) -> None:
        parsed.append(app.drawn)
        _reparse(self)

    monkeypatch.setattr(Compositor, "_render_chops", drawing)
    monkeypatch.setattr(Stylesheet, "reparse", parsing)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(app, pilot)
        assert drawn.count(False) == 1
        assert parsed == []


@pytest.mark.parametrize("size", [(39, 30), (40, 10), (71, 19), (72, 20), (109, 33), (110, 34), (170, 50), (60, 9)])
async def test_a_screen_begins_with_the_classes_of_its_size(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = console("doctor")
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        begun = type(screen)().classes
        await settle(app, pilot)
        assert begun == {name for name in screen.classes if name in _size_classes(screen)}


def _size_classes(screen: Any) -> set[str]:
    return {name for _, name in (*screen.HORIZONTAL_BREAKPOINTS, *screen.VERTICAL_BREAKPOINTS)}


async def test_the_doctor_looks_when_it_is_out() -> None:
    seen: list[tuple[bool, str]] = []

    def examine(*_: Any) -> Report:
        seen.append((app.drawn, text_of(app)))
        return data.HEALTHY

    app = console("doctor", examine=examine)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(app, pilot)
    assert [drawn for drawn, _ in seen] == [True]
    assert all(name in seen[0][1] for name in ("1 Doctor", "2 Logs", "3 Usage", "4 Keys"))


@pytest.mark.parametrize("screen", ["usage", "keys"])
async def test_usage_and_keys_read_when_it_is_out(screen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bool] = []
    monkeypatch.setattr(FreshScreen, "action_reload", lambda self: read.append(self.console.drawn))
    app = console(screen)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(app, pilot)
    assert True in read
    assert False not in read
