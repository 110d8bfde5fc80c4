"""Usage by its keys: the question, the table, an empty ledger."""

from __future__ import annotations

from textual.widgets import DataTable

from tests.tui.opening import LIVE, SIZE, console, fill, settle, text_of


async def test_usage_keys_change_the_question():
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        assert "6.1901 Cr" in text_of(app)
        await pilot.press("u")
        await settle(app, pilot)
        assert app.screen.snapshot.asked.metric == "tokens"
        await pilot.press("g")
        assert app.screen.snapshot.asked.group == "key"
        await pilot.press("d")
        assert app.screen.snapshot.asked.range == "day"
        await pilot.press("m")
        assert app.screen.snapshot.asked.range == "month"
        await pilot.press("w")
        assert app.screen.snapshot.asked.range == "week"


async def test_the_table_stands_behind_the_chart():
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("v")
        await settle(app, pilot)
        assert app.screen.query_one(DataTable).row_count == 28
        assert "2026-11-23" in text_of(app)
        await pilot.press("v")
        await settle(app, pilot)
        assert "23 Nov" in text_of(app)


async def test_empty_usage_says_what_will_be_there():
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        app.link_state = LIVE
        from joytui.tui.usage.snapshot import Question, UsageSnapshot

        app.screen.show(UsageSnapshot(Question(), totals={"requests": 0}))
        await settle(app, pilot)
        assert "Nothing was spent in the last 7 days" in text_of(app)
