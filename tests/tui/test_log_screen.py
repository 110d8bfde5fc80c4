"""Logs by its keys: following, errors, the detail, the filter, an empty log."""

from __future__ import annotations

from datetime import timedelta

import pytest

from joytui.core.clock import rfc3339
from joytui.tui.logs.store import LogStore
from joytui.tui.screens.compare import CompareDialog
from tests.tui import data
from tests.tui.opening import LIVE, SIZE, console, fill, settle, text_of
from tests.tui.picture import take
from tests.tui.states import log_of_days


async def test_log_follows_pauses_and_resumes():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        view = app.screen.view
        assert view.follow
        assert view.cursor == 239
        await pilot.press("up", "up")
        await settle(app, pilot)
        assert not view.follow
        assert "paused" in text_of(app)
        app.store.append([{**data.requests(2)[0], "id": "req_new"}])
        view.catch_up()
        assert view.cursor == 237
        await pilot.press("f")
        await settle(app, pilot)
        assert view.follow
        assert view.cursor == 240
        await pilot.press("home")
        assert view.cursor == 0


async def test_errors_are_found_by_key():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        view = app.screen.view
        await pilot.press("E")
        assert view.shown.status(view.cursor) >= 400
        last = view.cursor
        await pilot.press("E")
        assert view.cursor < last
        await pilot.press("e")
        assert view.cursor == last
        await pilot.press("e")
        await settle(app, pilot)
        assert view.cursor == view.shown.failed[0]
        assert "· no later failure: back to the oldest here" in text_of(app)  # and no ✓: nothing was done
        await pilot.press("E")
        await settle(app, pilot)
        assert view.cursor == view.shown.failed[-1]
        assert "no earlier failure: back to the newest" in text_of(app)


async def test_a_failure_is_found_from_the_newest_row_that_is_followed():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("e")
        assert app.screen.selected().status >= 400
        app.screen.set_filter("is:running")
        await pilot.press("e")
        assert "no request failed" in text_of(app)
        app.screen.set_filter(f"id:{app.store.id(app.store.failed[0])}")
        await pilot.press("e")
        assert "this is the only failure" in text_of(app)


async def test_days_that_mix_are_named_above_their_rows_and_over_the_times():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await log_of_days("home")(app, pilot)
        view = app.screen.view
        lines = text_of(app).splitlines()
        top = next(place for place, line in enumerate(lines) if "status key" in line)
        assert lines[top].startswith(" 21 Nov  ")
        assert lines[top + 1].startswith(" Sat 21 Nov ───")
        assert view.day == "Sat 21 Nov"
        await pilot.press("G", *["up"] * 45)
        await settle(app, pilot)
        shown = text_of(app)
        assert " Mon 23 Nov · today ──" in shown
        assert view.day == "Sun 22 Nov"
        assert view.cursor == len(view.shown) - 1 - 45


async def test_a_click_and_the_cursor_count_the_lines_of_the_days():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await log_of_days("home")(app, pilot)
        view = app.screen.view
        await pilot.click(view, offset=(20, 0))
        assert view.cursor == 0  # the day's own line chooses nothing
        await pilot.click(view, offset=(20, 4))
        await settle(app, pilot)
        assert view.cursor == 3
        assert "#22404a" in take(app).rows[view.region.y + 4][30][1]
        for place in (0, 74, 75, 76, 112, 149):
            view.go(place)
            await settle(app, pilot)
            line = view.days.line(place) - int(view.scroll_y)
            assert 0 <= line < view.size.height
            assert view.days.place(view.days.line(place)) == place


async def test_older_rows_of_another_day_leave_those_in_sight_where_they_are():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        view = app.screen.view
        view.go(100)
        await settle(app, pilot)
        before = text_of(app).splitlines()
        older = LogStore()
        older.append(
            [
                {**row, "id": f"req-{n}", "time": rfc3339(data.NOW - timedelta(days=2, seconds=90 - n))}
                for n, row in enumerate(data.requests(80))
            ]
        )
        added = view.shown.prepend(older.block(range(80)))
        view.shift(added)
        await settle(app, pilot)
        after = text_of(app).splitlines()
        assert added == 80
        assert view.days.starts == [0, 80]
        assert [line[:60] for line in after[8:38]] == [line[:60] for line in before[8:38]]


async def test_detail_explains_a_refusal():
    app = console("logs")
    async with app.run_test(size=(160, 50)) as pilot:
        await fill(app, pilot)
        store = app.store
        app.screen.view.go(next(i for i in range(len(store)) if store.status[i] == 402))
        await pilot.press("enter")
        await settle(app, pilot)
        shown = text_of(app)
        assert "402 Payment Required · insufficient-quota" in shown
        assert "daily limit of 2 Cr reached" in shown
        await pilot.press("c")
        assert app.clipboard == app.screen.selected().request_id
        await pilot.press("escape")
        await settle(app, pilot)
        assert "WHO AND WHAT" not in text_of(app)


async def test_the_fix_of_a_stopped_task_is_to_resume_it():
    app = console("logs")
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        stopped = {"status": 400, "error_type": "runaway_stopped", "cause": "runaway-stopped"}
        app.store.append([{**data.requests(2)[0], **stopped}])
        app.screen.view.catch_up()
        await pilot.press("m")
        await settle(app, pilot)
        assert "A lists the tasks; u there resumes this one" in text_of(app)


async def test_filter_narrows_and_escape_widens():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("slash", *"status:4xx", "enter")
        await settle(app, pilot)
        shown = app.screen.view.shown
        before = len(shown)
        assert 0 < before < 240
        assert all(400 <= shown.status(i) < 500 for i in range(before))
        app.store.append([{**data.requests(2)[0], "id": "req_late", "status": 404}])
        app.screen.view.catch_up()
        assert len(shown) == before + 1
        await pilot.press("escape")
        assert len(app.screen.view.shown) == 241


@pytest.mark.parametrize("first", ["usage", "logs"])
async def test_no_old_line_stands_under_a_new_filter(first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a bar of Usage to Logs, opened before or not: no frame shows what the filter does not find."""
    app = console(first)
    async with app.run_test(size=SIZE) as pilot:
        app.store.append(data.requests())
        await fill(app, pilot)
        await pilot.press("3")
        await settle(app, pilot)
        frames: list[str] = []
        display = app._display
        monkeypatch.setattr(app, "_display", lambda *a: (frames.append(text_of(app)), display(*a)))
        app.show_logs("status:404")
        await settle(app, pilot)
        for _ in range(100):
            if any("✗ 404" in frame for frame in frames):
                break
            await pilot.pause()
        logs = [frame for frame in frames if "✓ 200" in frame or "✗ 404" in frame]
        assert "filter status:404" in text_of(app)
        assert logs
        assert not any("✓ 200" in frame for frame in logs)


async def test_escape_closes_then_widens_then_takes_the_marks_away() -> None:
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("up", "space", "slash", *"status:4xx", "enter", "enter", "slash")
        await settle(app, pilot)
        screen = app.screen
        left = []
        for _ in range(4):
            await pilot.press("escape")
            await settle(app, pilot)
            open_line, open_detail = screen.has_class("-filtering"), screen.has_class("-detail")
            left.append((open_line, open_detail, bool(screen.filter_text), bool(screen.view.marked)))
        assert left == [
            (False, True, True, True),
            (False, False, True, True),
            (False, False, False, True),
            (False, False, False, False),
        ]


async def test_a_marked_request_is_compared_with_one_that_a_filter_found() -> None:
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("up", "space")
        marked = app.screen.selected().request_id
        await pilot.press("slash", *"status:404", "enter", "equals_sign")
        await settle(app, pilot)
        assert isinstance(app.screen, CompareDialog)
        assert marked in text_of(app)


async def test_a_wrong_filter_is_named_and_nothing_changes():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("slash", *"stauts:4xx", "enter")
        await settle(app, pilot)
        assert "there is no field 'stauts'" in text_of(app)
        assert len(app.screen.view.shown) == 240


async def test_empty_log_says_where_codex_goes():
    app = console("logs")
    app.codex_goes_to = "https://api-dev.joytokens.ai/openai/v1"
    async with app.run_test(size=SIZE) as pilot:
        app.link_state = LIVE
        await settle(app, pilot)
        shown = text_of(app)
        assert "Your Codex talks to https://api-dev.joytokens.ai/openai/v1 directly" in shown
        assert 'base_url = "http://127.0.0.1:8791/openai/v1"' in shown
        await pilot.press("b")
        assert "127.0.0.1:8791" in app.clipboard


async def test_the_log_repaints_once_for_many_requests():
    app = console("logs")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        view = app.screen.view
        before = view.painted
        for row in data.requests(400):
            app.store.append([{**row, "id": f"again_{row['id']}"}])
        view.catch_up()
        await pilot.pause()
        assert 1 <= view.painted - before <= 4
        assert view.cursor == len(app.store) - 1
