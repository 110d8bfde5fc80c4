"""The user's own keys: an action gets another one, shown wherever keys are shown; what does not hold is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.binding import Binding

from joytui.core.errors import SettingsError
from joytui.tui.keymap import name_of, problems
from joytui.tui.screens.logs import LogsScreen
from joytui.tui.settings import ConsoleSettings, load
from tests.tui.opening import console, fill, settle, text_of


@pytest.mark.parametrize(
    ("mode", "action", "name"),
    [
        ("logs", "replay", "logs.replay"),
        ("usage", "range('week')", "usage.range.week"),
        ("logs", "error(-1)", "logs.error.-1"),
        ("", "export", "export"),
        ("logs", "app.try_turn", "try_turn"),
        ("keys", "enable", "keys.disable"),
    ],
)
def test_an_action_has_a_name(mode: str, action: str, name: str) -> None:
    assert name_of(mode, action) == name


async def test_another_key_does_it_and_is_shown() -> None:
    app = console("logs", settings=ConsoleSettings(keymap={"logs.mark": "f5", "logs.fly": "y"}))
    async with app.run_test(size=(200, 40)) as pilot:
        await fill(app, pilot)
        assert "there is no action logs.fly" in text_of(app)
        app.screen.query_one("KeyBar")._forget()
        await settle(app, pilot)
        assert "f5 Mark" in text_of(app)
        await pilot.press("space")
        assert not app.screen.view.marked
        await pilot.press("f5")
        assert app.screen.view.marked


def test_what_does_not_hold_is_said() -> None:
    known = [one for one in LogsScreen.BINDINGS if isinstance(one, Binding)]
    assert problems({"logs.replay": "f9"}, known) == []
    assert problems({"logs.replay": "f"}, known) == ["f now does logs.replay, no longer logs.follow"]
    assert problems({"logs.replay": "f", "logs.follow": "F"}, known) == []
    assert problems({"logs.repaly": "f9"}, known) == ["there is no action logs.repaly, did you mean logs.replay?"]


def test_a_keymap_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[console.keymap]\n"logs.replay" = "R"\n')
    assert load(path).keymap == {"logs.replay": "R"}
    path.write_text("[console]\nkeymap = 3\n")
    with pytest.raises(SettingsError, match="table of actions and keys"):
        load(path)
