"""What stands in frames: a name that looks like markup is shown as it is and runs nothing, and `esc closes` is for the mouse, too."""

from __future__ import annotations

from typing import Any

import pytest

from joytui.tui.keys.snapshot import KeysSnapshot
from joytui.tui.people.owner import Subject
from joytui.tui.screens.ask import Ask
from joytui.tui.screens.key_check import CheckDialog
from joytui.tui.screens.key_form import KeyForm
from joytui.tui.screens.owner import OwnerDialog
from tests.tui import data
from tests.tui.opening import SIZE, console, fill, settle, text_of


@pytest.mark.slow
@pytest.mark.parametrize("name", ["[/x", "[@click=app.quit]q[/]", "[bold]b"])
async def test_it_is_shown_as_it_is(name: str) -> None:
    key = data.keys()[0].model_copy(update={"name": name, "owner": name})
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        app.screen.show(KeysSnapshot((key, *data.keys()[1:]), loaded=True))
        await settle(app, pilot)
        assert text_of(app).count(name) >= 2, "in the list and in the detail"
        dialogs: tuple[Any, ...] = (
            KeyForm(data.NOW, key), CheckDialog(key), OwnerDialog(Subject(name), data.NOW), Ask(name, name, name, "Go"),
        )  # fmt: skip
        for dialog in dialogs:
            app.push_screen(dialog)
            await settle(app, pilot)
            app.tell(f"the policy of {name} is changed", error=True)
            await settle(app, pilot)
            assert text_of(app).count(name) >= 2, type(dialog).__name__
            await pilot.press("escape")
            await settle(app, pilot)


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["question_mark", "V", "C", "r"])
async def test_the_mouse_closes_a_dialog_where_it_says_so(opened: str) -> None:
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press(opened)
        await settle(app, pilot)
        assert len(app.screen_stack) == 2
        (place,) = (
            (line.rfind("esc closes"), y) for y, line in enumerate(text_of(app).splitlines()) if "esc closes" in line
        )
        await pilot.click(offset=place)
        await settle(app, pilot)
        assert len(app.screen_stack) == 1
