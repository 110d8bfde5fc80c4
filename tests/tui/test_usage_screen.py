"""Usage by its keys: the question, the table, an empty ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from textual.widgets import DataTable

from joytui.core.token_counts import UsageTotals
from joytui.tui.charts.cells import percent
from joytui.tui.usage.reading import Sources, read
from joytui.tui.usage.snapshot import Question, UsageSnapshot
from joytui.tui.usage.sums import ranking
from joytui.tui.usage.texts import ranking_text, totals
from joytui.tui.widgets.sorted_table import SortedTable
from tests.tui import data
from tests.tui.opening import LIVE, SIZE, console, fill, settle, text_of, usage
from tests.tui.rollouts import write_session
from tests.tui.states import both_sources, usage_beside_before, wild_usage


async def test_usage_keys_change_the_question():
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        assert "6.19 Cr" in text_of(app)
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
        assert app.screen.query_one(DataTable).row_count == 28 + 1  # and the totals
        assert "share of credits" in text_of(app)
        assert "Mon 23 Nov" in text_of(app)
        await pilot.press("v")
        await settle(app, pilot)
        assert "23 Nov" in text_of(app)


async def test_empty_usage_says_what_will_be_there():
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        app.link_state = LIVE
        app.screen.show(UsageSnapshot(Question(), totals=UsageTotals()))
        await settle(app, pilot)
        assert "Nothing spent: last 7 days" in text_of(app)


@pytest.mark.parametrize("width", [110, 120, 150, 200, 300])
async def test_the_table_uses_the_width(width: int) -> None:
    """Its longest bar ends near the right edge, as far as bars go."""
    app = console("usage")
    async with app.run_test(size=(width, 40)) as pilot:
        await fill(app, pilot)
        await pilot.press("v")
        await settle(app, pilot)
        table = app.screen.query_one(SortedTable)
        assert table.virtual_size.width <= table.size.width
        assert table.virtual_size.width >= min(table.size.width - 3, 160)
        assert table.max_scroll_x == 0


@pytest.mark.parametrize("width", [76, 116, 196])
def test_both_sources_have_a_line_each(width: int) -> None:
    lines = totals(both_sources(), width).plain.splitlines()
    assert [line[:14].strip() for line in lines] == ["", "the gateway", "Codex's files"]
    assert all(len(line) <= width for line in lines)
    assert lines[0].index("OUTPUT") == lines[1].rindex("475k") == lines[2].rindex("421k")


def test_bars_of_the_ranking_have_one_scale() -> None:
    lines = ranking(usage())
    text = ranking_text(lines, "spend", -1, {}, 40).plain.splitlines()
    assert {len(line) for line in text} == {40}
    assert len({line.index("%") for line in text if "%" in line}) == 1


def test_a_part_is_never_rounded_to_all_or_nothing() -> None:
    assert [percent(part) for part in (0, 0.0001, 0.42, 0.999, 1, 1.2)] == ["0%", "<1%", "42%", "99%", "100%", "120%"]


async def test_numbers_that_cannot_be_read_again_stay_and_say_so() -> None:
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        app.screen.post_message(app.screen.Loaded(UsageSnapshot(Question(), problem="nothing answers here")))
        await settle(app, pilot)
        assert "▲ older numbers  ·  ✗ nothing answers here" in text_of(app)
        assert "6.19 Cr" in text_of(app)
        app.screen.post_message(app.screen.Loaded(usage()))
        await settle(app, pilot)
        assert "nothing answers" not in text_of(app)


async def test_a_window_that_is_over_is_not_read_again_and_time_stops_at_now() -> None:
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        assert not app.screen.settled()
        await pilot.press("right_square_bracket")
        await settle(app, pilot)
        assert "· this is the newest: [ goes back" in text_of(app)
        await pilot.press("left_square_bracket")
        app.screen.show(usage(app.screen.snapshot.asked))
        await settle(app, pilot)
        assert "Tue 10 – Mon 16 Nov" in text_of(app)
        assert app.screen.settled()


async def test_opening_and_coming_back_keep_the_trail() -> None:
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        app.screen.show(usage(Question(range="months")))
        await pilot.press("left", "enter")
        app.screen.show(usage(app.screen.snapshot.asked))
        await pilot.press(*["left"] * 8, "enter")
        assert app.screen._crumbs() == ["last 12 months", "this month", "today"]
        await pilot.press("left_square_bracket")
        assert app.screen.snapshot.asked.window(data.NOW, UTC).words == "Sun 22 Nov"
        await pilot.press("escape", "escape")
        assert app.screen.snapshot.asked == Question(range="months")
        await pilot.press("escape")
        assert app.screen.snapshot.asked == Question(range="months")


async def test_a_bar_that_flattens_the_others_is_clipped_and_says_so() -> None:
    app = console("usage")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("z")
        await settle(app, pilot)
        assert "no bar is high enough" in text_of(app)
        app.screen.show(wild_usage())
        await settle(app, pilot)
        assert "▲ clipped, Sat 21 Nov: 10,662.02 Cr · z shows it whole" in text_of(app)
        assert "▲11k" in text_of(app)
        assert " 1.5─" in text_of(app)
        await pilot.press("z")
        await settle(app, pilot)
        assert "▲11k" not in text_of(app)
        assert "10k─" in text_of(app)


def test_what_cost_nothing_stands_in_no_ranking_of_credits() -> None:
    beside = usage_beside_before()
    assert "deepseek-v4" not in [line.name for line in ranking(beside)]
    assert "deepseek-v4" in [line.name for line in ranking(replace(beside, asked=Question(metric="requests")))]


def test_the_window_before_stands_beside_this_one() -> None:
    lines = totals(usage_beside_before(), 76).plain.splitlines()
    assert [line[:9].strip() for line in lines] == ["", "now", "before"]
    assert lines[1][9:].startswith("5.17 Cr ▲ 5%")
    assert lines[2][9:].startswith("4.92 Cr")


async def test_codex_own_files_are_read_for_a_window_and_the_one_before(tmp_path: Path) -> None:
    home = tmp_path / "codex"
    for number, days in enumerate((0, 1, 6, 7, 9, 15)):
        write_session(
            home, f"0199f3a0-000{number}", data.NOW - timedelta(days=days, hours=1), "/src", [(1_000 + number, 0, 10)]
        )
    sources = Sources(None, home, tmp_path / "cache")
    now = await read(sources, Question(source="codex"), data.NOW, UTC)
    assert now.totals is not None
    assert now.before is not None
    assert (now.totals.requests, now.before.requests) == (3, 2)
    earlier = await read(sources, Question(source="codex", back=1), data.NOW, UTC)
    assert earlier.totals == now.before
    assert len(earlier.rows) == 2
    assert totals(now, 110).plain.splitlines()[1].split()[:4] == ["now", "3.0k", "▲", "50%"]
