"""`x` on each screen: what is shown becomes a file in each form, and no key is in it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from textual.widgets import Input

from joytui.core.errors import JoytuiError
from joytui.core.sheet import Sheet, csv_text, markdown_text
from joytui.tui.export.exported import Exported
from joytui.tui.export.svg import Bars, bars_svg
from joytui.tui.export.write import TakenError, free_name, write
from joytui.tui.screens.export import ExportDialog
from tests.tui.opening import SIZE, console, fill, settle, text_of

KEY = "jt_live_" + "k7Qm" * 8
COLOURS = {"background": "#000", "foreground": "#fff", "quiet": "#888", "rule": "#333"}


@pytest.mark.parametrize("mode", ["doctor", "logs", "usage", "keys"])
async def test_every_screen_gives_every_form(mode: str) -> None:
    app = console(mode)
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        exported = app.screen.exported()
    assert exported is not None
    assert ("svg" in exported.forms) is (mode in ("logs", "usage"))
    head, *rows = csv.reader(io.StringIO(exported.text("csv")))
    assert rows
    assert {len(row) for row in rows} == {len(head)}
    assert json.loads(exported.text("json"))
    assert exported.text("markdown").strip()
    if "svg" in exported.forms:
        bars = ElementTree.fromstring(exported.text("svg")).iter("{http://www.w3.org/2000/svg}rect")
        assert len(list(bars)) > 10


async def test_a_filter_holds_for_the_file_too() -> None:
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        app.screen.set_filter("status:402")
        await settle(app, pilot)
        exported = app.screen.exported()
        many = len(app.screen.view.shown)
    assert 0 < many < 240
    assert [row["status"] for row in json.loads(exported.text("json"))] == [402] * many
    assert exported.what == f"{many} requests · status:402"


async def test_the_file_is_written_where_it_was_said(tmp_path: Path) -> None:
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("x")
        await settle(app, pilot)
        assert isinstance(app.screen, ExportDialog)
        app.screen.query_one(Input).value = str(tmp_path / "keys.json")
        await settle(app, pilot)
        assert app.screen.form == "json"
        await pilot.press("enter")
        await settle(app, pilot)
        assert f"Written:{tmp_path / 'keys.json'}" in "".join(text_of(app).split())
    assert json.loads((tmp_path / "keys.json").read_text())["keys"][0]["name"] == "codex-anna"
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
async def test_a_file_that_is_there_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("mine")
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("x")
        await settle(app, pilot)
        app.screen.query_one(Input).value = str(tmp_path / "mine.csv")
        await settle(app, pilot)
        await pilot.press("enter")
        await settle(app, pilot)
        assert "⏎ again replaces it" in text_of(app)
        assert (tmp_path / "mine.csv").read_text() == "mine"
        await pilot.press("enter")
        await settle(app, pilot)
        assert len(app.screen_stack) == 1
    assert (tmp_path / "mine.csv").read_text().startswith("name,id,key")


async def test_an_empty_screen_says_that_there_is_nothing() -> None:
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("x")
        await settle(app, pilot)
        assert "there is nothing to export here yet" in text_of(app)


def exported(text: str) -> Exported:
    return Exported("name", "what", lambda: Sheet(("a", "b"), [(text, 1)]), lambda: {"a": text}, page=lambda: text)


def test_no_key_is_in_any_form() -> None:
    for form in ("csv", "json", "markdown"):
        assert KEY not in exported(f"Bearer {KEY} {KEY}").text(form)


def test_cells_are_harmless() -> None:
    sheet = Sheet(("a|b", "n"), [("=1+1\x1b[31m", 2), ("x|y\nz", None), (None, 3.5)])
    assert list(csv.reader(io.StringIO(csv_text(sheet))))[1][0].startswith("'=1+1")
    assert "\x1b" not in csv_text(sheet)
    lines = markdown_text(sheet, "T").splitlines()
    assert lines[:2] == ["## T", ""]
    assert "x\\|y z" in lines[5]
    assert lines[3] == "| --- | ---: |"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    one = exported("x")
    with pytest.raises(JoytuiError, match="folder"):
        write(one, "csv", str(tmp_path))
    with pytest.raises(JoytuiError, match="not written"):
        write(one, "csv", str(tmp_path / "none" / "x.csv"))
    written = write(one, "csv", str(tmp_path / "name.csv"))
    assert free_name(one, "csv", tmp_path) == "name-2.csv"
    with pytest.raises(TakenError):
        write(one, "csv", str(written))
    assert [path.name for path in tmp_path.iterdir()] == ["name.csv"]
    (tmp_path / "circle").symlink_to("circle")
    for path, replace in (("~nobody-of-this-name/x.csv", False), (str(tmp_path / "circle"), True)):
        with pytest.raises(JoytuiError, match="not written"):
            write(one, "csv", path, replace=replace)
    with pytest.raises(TakenError):
        write(one, "csv", str(tmp_path / "circle"))


def test_no_other_file_is_touched(tmp_path: Path) -> None:
    other = tmp_path / "x.csv.part"
    other.write_text("mine")
    written = write(exported("x"), "csv", str(tmp_path / "x.csv"))
    assert other.read_text() == "mine"
    assert written.stat().st_mode & 0o777 == 0o600


def test_the_chart_takes_any_number_and_any_name() -> None:
    bars = Bars("<b>", "credits", ["a", "b"], [("<x>", "#fff", [float("nan"), 1e300]), ("none", "#000", [0, -1])])
    text = bars_svg(bars, COLOURS)
    ElementTree.fromstring(text)
    assert "<b>" not in text
    ElementTree.fromstring(bars_svg(Bars("t", "u", [], []), COLOURS))
