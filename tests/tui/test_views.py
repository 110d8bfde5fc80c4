"""Saved views: a screen as it was set up, under a name: saved, opened, deleted, and in an address of `joytui serve`."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from joytui.core.errors import SettingsError, UsageError
from joytui.core.places import places
from joytui.tui.app import ConsoleApp
from joytui.tui.column_choice import ColumnChoice
from joytui.tui.launch import _view
from joytui.tui.logs.format import TITLES, layout
from joytui.tui.options import Wishes
from joytui.tui.usage.saved import restored, saved
from joytui.tui.usage.snapshot import Question
from joytui.tui.views import View, delete_view, load_views, save_view
from joytui.tui.widgets.sorted_table import SortedTable
from joytui.web.child import Wish, command
from tests.tui.opening import SIZE, console, fill, settle, text_of


@pytest.mark.slow
async def test_a_view_is_saved_and_opened_and_deleted() -> None:
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        app.screen.set_filter("status:402")
        await pilot.press("V", *"no money", "enter")
        await settle(app, pilot)
        assert "a view's name has letters" in text_of(app)
        await pilot.press("home", *["delete"] * 8, *"no-money", "enter")
        await settle(app, pilot)
        assert "✓ saved as no-money" in text_of(app)
        assert load_views(app.options.places.config_file) == {
            "no-money": View("no-money", "logs", {"filter": "status:402"})
        }
        await pilot.press("escape", "3")
        await settle(app, pilot)
        await pilot.press("V", "enter")
        await settle(app, pilot)
        assert (app.current_mode, app.screen.filter_text) == ("logs", "status:402")
        await pilot.press("V", "delete")
        await settle(app, pilot)
        assert load_views(app.options.places.config_file) == {}


async def test_a_view_is_opened_at_the_start() -> None:
    view = View("team", "usage", {"group": "owner", "range": "month", "table": "yes", "group-by": "x"})
    app = console("usage", view=view)
    async with app.run_test(size=SIZE) as pilot:
        await settle(app, pilot)
        assert (app.screen.snapshot.asked.group, app.screen.snapshot.asked.range) == ("owner", "month")
        assert app.screen.has_class("-table")
        assert "the view team: it knows no group-by x" in text_of(app)


async def test_a_filter_that_does_not_hold_is_said() -> None:
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        app.open_view(View("old", "logs", {"filter": "stauts:4xx"}))
        await settle(app, pilot)
        assert app.current_mode == "logs"
        assert "the view old: there is no field 'stauts'" in text_of(app)


@pytest.mark.parametrize(
    ("screen", "columns", "titles"),
    [
        ("usage", "credits, failed", "day  owner  failed  credits  share of credits"),
        pytest.param("keys", "spent, owner", "name  owner  ▼ spent", marks=pytest.mark.slow),
        pytest.param("logs", "time, owner, client", "time  owner  client, or the reason", marks=pytest.mark.slow),
    ],
)
async def test_a_view_opens_a_screen_that_was_not_open_yet(screen: str, columns: str, titles: str) -> None:
    values = {"columns": columns, "group": "owner", "table": "yes", "sort": "-spent"}
    app = console("doctor")
    async with app.run_test(size=SIZE) as pilot:
        app.open_view(View("mine", screen, values))
        await settle(app, pilot)
        await fill(app, pilot)
        assert app.current_mode == screen
        lines = [line.strip() for line in text_of(app).splitlines()]
        assert titles in [re.sub(" {2,}", "  ", line) for line in lines] or table_titles(app) == titles.split("  ")


@pytest.mark.slow
async def test_columns_are_ticked_and_a_view_keeps_them() -> None:
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("C", "enter")
        await settle(app, pilot)
        assert app.screen.view_values() == {}, "nothing was changed, so what fits stays what fits"
        await pilot.press("C", "down", "space", "end", "space", "enter")
        await settle(app, pilot)
        kept = app.screen.view_values()["columns"].split(", ")
        assert "state" not in kept
        assert "expires" in kept
        assert table_titles(app)[0] == "name"
        await pilot.press("C", "a")
        await settle(app, pilot)
        assert app.screen.view_values() == {}


def table_titles(app: ConsoleApp) -> list[str]:
    return [str(column.label).strip() for column in app.screen.query_one(SortedTable).ordered_columns]


def test_columns_as_texts() -> None:
    choice = ColumnChoice(("spent", "owner"), ("spent", True))
    assert choice.saved() == {"columns": "spent, owner", "sort": "-spent"}
    assert ColumnChoice.restored(choice.saved(), ["owner", "spent"]) == (choice, "")
    assert ColumnChoice().saved() == {}
    wrong = {"columns": "spent,,colour", "sort": "age"}
    assert ColumnChoice.restored(wrong, ["spent"]) == (ColumnChoice(("spent",)), "no column is called colour, age")


@pytest.mark.parametrize("width", range(40, 240, 7))
def test_the_chosen_columns_of_logs_fit(width: int) -> None:
    for chosen in (TITLES, ("time", "status", "thread"), ("owner", "client"), ("project",)):
        columns = layout(width, chosen)
        assert {c.title.strip().partition(",")[0] for c in columns} <= set(chosen)
        assert len(columns) == 1 or sum(c.width + 1 for c in columns) <= width


@pytest.mark.parametrize(
    "asked",
    [
        Question(),
        Question("months", "owner", "tokens", "both"),
        Question("calendar week", back=1, tests=True),
        Question("calendar day", back=-2, at=date(2026, 11, 28)),
    ],
)
def test_a_question_comes_back(asked: Question) -> None:
    assert restored(saved(asked, table=True)) == (asked, "")


@pytest.mark.parametrize(
    "values",
    [{"back": "x"}, {"back": "100000"}, {"at": "28 Nov"}, {"at": "0001-01-01"}, {"tests": "1"}, {"range": "y"}],
)
def test_a_window_that_is_none_is_left_out(values: dict[str, str]) -> None:
    asked, problem = restored(values)
    assert asked == Question()
    assert problem == "it knows no " + " ".join(*values.items())


def test_a_window_that_has_not_begun_is_that_of_now() -> None:
    assert restored({"back": "-3"}) == (Question(), "")


def test_the_file_keeps_what_else_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n[gateway]\nport = 0   # any\n")
    save_view(path, View("a", "logs", {"filter": 'key:"x y"'}))
    assert path.read_text().startswith("# mine\n[gateway]\nport = 0   # any\n")
    assert load_views(path)["a"].values == {"filter": 'key:"x y"'}
    delete_view(path, "a")
    assert load_views(path) == {}
    with pytest.raises(SettingsError, match="name has"):
        save_view(path, View("../x", "logs"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("views = 1", "a table for each view"),
        ('[views.a]\nscreen = "attic"', "screen is one of"),
        ("[views.a]\nscreen = 1", "must be text"),
        ('[views."a b"]\nscreen = "logs"', "name has"),
    ],
)
def test_a_wrong_file_says_what_and_where(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=what) as caught:
        load_views(path)
    assert str(path) in str(caught.value.where)


def test_a_view_that_is_not_there(tmp_path: Path) -> None:
    where = places({"JOYTUI_DATA_DIR": str(tmp_path), "JOYTUI_CONFIG_FILE": str(tmp_path / "config.toml")})
    with pytest.raises(UsageError, match="no view is called 'team'"):
        _view(Wishes(view="team"), where)
    assert _view(Wishes(view="team", served="read-only"), where) == (None, "no view is called team")
    save_view(where.config_file, View("team", "usage"))
    assert _view(Wishes(view="team"), where) == (View("team", "usage"), "")


def test_an_address_names_a_view() -> None:
    words = command(Wish.of({"view": "team"}), [], changes=False, theme=None, screen=None)
    assert "--view=team" in words
    for wrong in ("../x", "--ascii", "a b", ""):
        assert Wish.of({"view": wrong}).view is None
