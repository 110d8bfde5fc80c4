"""How amounts and moments are written, and which time a window is. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from joytui.gateway.refusals import no_money, used_up
from joytui.ledger.api import Shortfall
from joytui.tui.charts.ticks import ceiling
from joytui.tui.figures import (
    at_the_point,
    credits,
    day,
    exact_credits,
    local_times,
    moment_with_day,
    refusal,
    resets,
    when,
)
from joytui.tui.logs.axis import axis
from joytui.tui.usage.colours import NameColours
from joytui.tui.usage.drill import requests_filter
from joytui.tui.usage.snapshot import Question
from joytui.tui.usage.window import RANGES
from tests.support.clock import NOW

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("nano", "short", "full"),
    [
        (0, "0.00", "0.00"),
        (1, "<0.01", "0.000000001"),
        (4_999_999, "<0.01", "0.004999999"),
        (5_000_000, "0.01", "0.005"),
        (33_962_000, "0.03", "0.033962"),
        (5_000_000_000, "5.00", "5.00"),
        (10_661_647_500_000, "10,661.65", "10,661.6475"),
        (2**63 - 1, "9,223,372,036.85", "9,223,372,036.854775807"),
    ],
)
def test_amounts_have_two_decimals_and_their_full_figure(nano: int, short: str, full: str) -> None:
    assert (credits(nano), exact_credits(nano)) == (short, full)


def test_figures_of_any_length_stand_at_their_point() -> None:
    assert at_the_point(["-12.5", "3", "0.033962"]) == ["-12.5     ", "  3       ", "  0.033962"]


def test_moments_name_their_day_and_a_reset_its_distance() -> None:
    saturday = datetime(2026, 11, 28, 13, 57, 56, 120_000, tzinfo=UTC)
    assert when(saturday, BERLIN, NOW) == "Sat 28 Nov 14:57"
    assert day(saturday.replace(year=2025), NOW) == "Fri 28 Nov 2025"
    assert moment_with_day(int(saturday.timestamp() * 1000), BERLIN) == "Sat 28 Nov 2026 14:57:56.120"
    assert resets("2026-11-24T00:00:00Z", NOW + timedelta(hours=7), BERLIN) == "in 3 h (01:00)"
    assert resets("2026-11-30T00:00:00Z", NOW, BERLIN) == "in 6 days (Mon 30 Nov 01:00)"
    assert resets("soon", NOW, BERLIN) == "soon"


def test_the_gateways_utc_times_are_local_on_screens() -> None:
    said = "2 of the limit are left; resets 2026-11-30T00:00:00Z, or 2026-11-30 00:00 UTC"
    assert local_times(said, BERLIN) == "2 of the limit are left; resets Mon 30 Nov 01:00, or Mon 30 Nov 01:00"
    assert local_times(said, BERLIN, NOW).startswith("2 of the limit are left; resets in 6 days (Mon 30 Nov 01:00), or")
    assert local_times(said, BERLIN, NOW + timedelta(days=9)) == local_times(said, BERLIN)
    assert (
        local_times("model gpt-2026-11-30 is 2026-13-45T00:00:00Z", BERLIN)
        == "model gpt-2026-11-30 is 2026-13-45T00:00:00Z"
    )


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("zone", [UTC, BERLIN])
def test_a_window_follows_the_one_before_it(name: str, zone: ZoneInfo) -> None:
    windows = [Question(range=name, back=back).window(NOW, zone) for back in range(40)]
    for later, earlier in pairwise(windows):
        assert earlier.end == later.begin
        assert later.before == earlier.begin
    for one in windows:
        assert list(one.starts) == sorted(one.starts)
        assert one.starts[-1] < one.end
        assert one.words
    assert windows[0].begin <= NOW < windows[0].end


def test_a_day_on_which_the_clocks_change_has_another_hour() -> None:
    long_day = Question(range="calendar day", at=date(2026, 10, 25)).window(NOW, BERLIN)
    short_day = Question(range="calendar day", at=date(2026, 3, 29)).window(NOW, BERLIN)
    assert (len(long_day.starts), len(short_day.starts)) == (25, 23)
    assert long_day.words == "Sun 25 Oct"


def test_a_window_that_is_opened_lies_in_its_step() -> None:
    asked = Question(range="months", group="key")
    for range, bucket in (("calendar month", "day"), ("calendar day", "hour")):
        start = asked.window(NOW, BERLIN).starts[-1 if range == "calendar month" else 20]
        end = asked.window(NOW, BERLIN).bounds(
            asked.window(NOW, BERLIN).names[-1 if range == "calendar month" else 20]
        )[1]
        opened = asked.opened(start)
        assert opened is not None
        asked = opened
        assert (asked.range, asked.group, asked.bucket) == (range, "key", bucket)
        inner = asked.window(NOW, BERLIN)
        assert (inner.begin, inner.end) == (start, end)
    assert asked.opened(inner.starts[3]) is None
    text, _ = requests_filter(asked, inner.names[3], "ci", named=True, now=NOW, zone=BERLIN)
    assert text == "key:ci since:2026-11-21T03:00+01:00 until:2026-11-21T04:00+01:00"


def test_where_days_are_not_those_of_utc_hours_are_asked_for() -> None:
    assert Question(range="week").window(NOW, UTC).asked == "day"
    assert Question(range="week").window(NOW, BERLIN).asked == "hour"
    assert Question(range="months").window(NOW, BERLIN).asked == "month"


def test_hours_of_two_days_name_theirs() -> None:
    assert Question(range="day").window(NOW, UTC).labels[0] == "Sun 15:00"
    assert Question(range="calendar day").window(NOW, UTC).labels[0] == "00:00"


def test_a_range_asked_for_twice_is_the_calendars() -> None:
    asked = Question(range="week", back=2)
    assert asked.ranged("week") == Question(range="week")
    assert asked.ranged("week").ranged("week") == Question(range="calendar week")
    assert asked.ranged("week").ranged("week").ranged("week") == Question(range="week")


@pytest.mark.parametrize(
    ("bars", "highest"),
    [
        ([200, 180, 150, 190, 210, 10_661, 40], 210),
        ([200, 180, 150, 190, 210, 700, 40], None),
        ([5, 4, 6, 3, 4, 5, 6, 7, 900, 800], 7),
        ([0, 0, 0, 9_000, 0, 1], None),
        ([float("nan"), float("inf"), 1, 2, 3, 2], 3),
        ([], None),
    ],
)
def test_bars_that_flatten_the_others_are_clipped(bars: list[float], highest: float | None) -> None:
    assert ceiling(bars) == highest


def test_a_name_keeps_its_colour_whatever_its_rank() -> None:
    colours = NameColours()
    first = colours.slots(["premium", "standard", "economy"])
    assert colours.slots(["standard", "premium", "economy"]) == first
    assert colours.slots(["economy"]) == {"economy": first["economy"]}
    assert NameColours().slots(["economy", "standard", "premium"]).keys() == first.keys()
    shown = colours.slots(["a", "b", "c", "d", "standard", "e"])
    assert sorted(shown.values()) == [0, 1, 2, 3, 4]
    assert shown["standard"] == first["standard"]


@pytest.mark.parametrize("span", [300, 900, 3600, 6 * 3600, 86_400, 3 * 86_400, 30 * 86_400])
@pytest.mark.parametrize("width", [40, 78, 118, 198])
def test_the_times_under_the_chart_are_round_and_have_their_day(span: int, width: int) -> None:
    end = int(NOW.timestamp() * 1000)
    line = axis(end, span, width, UTC)
    assert len(line) == width
    labels = [part.strip() for part in line.split("│")[1:]]
    assert labels
    assert all(label and "…" not in label for label in labels)
    begin = NOW - timedelta(seconds=span)
    if begin.date() != NOW.date() and span < 86_400 * 3:
        assert labels[0].startswith(f"{begin:%a}") or labels[0].startswith(f"{NOW:%a}")


def test_a_limit_says_what_is_left_before_it_says_no() -> None:
    """In the gateway's own words for it; what is no such refusal stays as it is."""
    at_ms = int(NOW.timestamp() * 1000)
    lack = Shortfall("daily", None, 40 * 10**9, 32_367_940_000, 0, 10_530_000_000, at_ms)
    for refused, need in (
        (no_money(lack), "This request"),
        (used_up(lack), "This answer was ended because its next step"),
    ):
        text = refusal(refused.message, UTC, NOW)
        assert text.startswith(
            f"{need} may cost up to 10.53 Cr, and 7.63206 of the daily limit of 40.00 Cr are left; resets in "
        )
        assert refusal(f"402: {refused.message}", UTC, NOW).startswith("402: this ")
    for other in ("IP 10.0.0.1 is not allowed", no_money(Shortfall(None, "premium", 0, 0, 0, 1, at_ms)).message):
        assert refusal(other, UTC, NOW) == other
