"""Forms: choices are chosen, boxes are ticked, what is typed is checked at once, and one number opens one field."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from joytui.tui.keys.form import key_edit, read, texts_of
from joytui.tui.screens.key_form import KeyForm
from joytui.tui.screens.settings import FIELDS, SettingsDialog, changes_of, shown
from joytui.tui.settings import ConsoleSettings, load
from joytui.tui.widgets.form import Choice, FieldRow, Several, Tick
from tests.tui import data
from tests.tui.opening import console, fill, settle, text_of


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.slow)])
async def test_a_wrong_value_is_named_while_it_is_typed(size: tuple[int, int]) -> None:
    app = console("keys")
    async with app.run_test(size=size) as pilot:
        await fill(app, pilot)
        app.push_screen(KeyForm(data.NOW))
        await settle(app, pilot)
        assert "a key needs a name" not in text_of(app)
        app.screen.enter("daily_limit")
        await pilot.press("t", "w")
        await settle(app, pilot)
        assert "✗ an amount of credits" in text_of(app)
        assert "credits a day; blank = no limit" in text_of(app)  # the help, beside the field or in the frame
        await pilot.press("backspace", "backspace", "2")
        await settle(app, pilot)
        assert "✗ an amount of credits" not in text_of(app)


async def test_tiers_are_ticked() -> None:
    app = console("keys")
    wishes: list[object] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        app.push_screen(KeyForm(data.NOW, data.keys()[0]), wishes.append)
        await settle(app, pilot)
        ticks = list(app.screen.query_one(Several).query(Tick))
        assert "[ ] economy" in text_of(app)
        ticks[0].focus()
        await pilot.press("space", "down", "down", "enter")
        await settle(app, pilot)
        assert "[x] economy   [ ] standard   [x] premium" in text_of(app)
        await pilot.press("ctrl+s")
        await settle(app, pilot)
    (wish,) = wishes
    assert wish.tiers == ("economy", "premium")  # type: ignore[attr-defined]


def test_an_edited_key_is_sent_without_what_the_form_left_alone() -> None:
    for key in data.keys()[:3]:
        texts = texts_of(key)
        wish, _ = read(texts, data.NOW)
        assert wish is not None
        assert key_edit(wish, key).model_dump(exclude_unset=True) == {}
        other, _ = read({**texts, "tiers": "economy, premium", "weekly_limit": "", "owner": "zoe"}, data.NOW)
        assert other is not None
        sent = key_edit(other, key).model_dump(exclude_unset=True)
        unlimited = {} if key.policy.weekly_limit is None else {"weekly_limit": None}
        assert sent == {"owner": "zoe", "policy_changes": {"tiers": ["economy", "premium"], **unlimited}}


@pytest.mark.slow
async def test_a_choice_opens_and_arrows_go_on() -> None:
    app = console("keys")
    async with app.run_test(size=(120, 40)) as pilot:
        await fill(app, pilot)
        await pilot.press("comma")
        await settle(app, pilot)
        theme = app.screen.query_one("#theme", Choice)
        await pilot.press("down")
        assert app.focused is not theme
        await pilot.press("up", "enter", "down", "down", "enter")
        await settle(app, pilot)
        assert theme.value == "light"
        await pilot.press("ctrl+s")
        await settle(app, pilot)
        assert app.theme == "joytui-light"
        assert load(app.options.places.config_file) == ConsoleSettings(theme="light")


async def test_one_number_opens_one_field() -> None:
    app = console("usage")
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(app, pilot)
        await pilot.press("b")
        await settle(app, pilot)
        assert isinstance(app.screen, SettingsDialog)
        assert [row.field.name for row in app.screen.query(FieldRow)] == ["budget"]
        assert app.focused is app.screen.query_one("#budget", Input)
        await pilot.press(*"250", "enter")
        await settle(app, pilot)
        assert load(app.options.places.config_file).budget == "250"


def test_settings_as_texts_and_back() -> None:
    given = ConsoleSettings(theme="nord", ascii=False, budget="20", budget_period="week", start_gateway=False)
    texts = shown(given)
    assert set(texts) == {field.name for field in FIELDS}
    changes, problems = changes_of(texts)
    assert not problems
    assert changes == {
        "theme": "nord", "ascii": False, "budget": "20", "budget_period": "week", "gateway": None, "start_gateway": False,
    }  # fmt: skip
    assert set(changes_of({**texts, "budget": "much"})[1]) == {"budget"}
