"""The forecast's sentence in `joytui usage --budget`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from joytui.cli.usage_insight import budget_view, forecast_lines, insight_lines
from joytui.core.anomalies import Anomaly, Rate
from joytui.core.money import NANO_PER_CREDIT as CR
from joytui.core.periods import hour_of
from joytui.usage.insight import Insight

AT = datetime(2026, 11, 18, 12, tzinfo=UTC)
STEADY = {hour_of(AT) - back: CR for back in range(48)}


RATE = "at 1.0000 Cr an hour, the last seven days' rate,"


def test_it_says_when_nothing_is_left() -> None:
    assert forecast_lines(STEADY, 30 * CR, AT) == [f"{RATE} it lasts until 2026-11-19 18:00 UTC"]
    assert forecast_lines(STEADY, -CR, AT) == [f"{RATE} nothing is left"]
    assert forecast_lines(STEADY, 10**6 * CR, AT) == [f"{RATE} it lasts longer than a year"]
    assert forecast_lines({}, CR, AT) == ["nothing was spent in the last seven days: no forecast"]


def test_an_evening_is_too_little_to_forecast_from() -> None:
    evening = {hour_of(AT) - back: CR for back in range(3)}
    assert forecast_lines(evening, 30 * CR, AT) == ["too early for a forecast: it needs a day of history"]
    assert budget_view(33 * CR, 3 * CR, evening, AT)["runs_out"] is None
    assert budget_view(78 * CR, 48 * CR, STEADY, AT)["runs_out"] == "2026-11-19T18:00:00.000Z"


def test_it_has_two_ends_where_spending_was_out_of_the_ordinary() -> None:
    hours = {hour_of(AT) - back: CR for back in range(21 * 24)}
    hours[hour_of(AT) - 30] = 500 * CR
    recent, usual = forecast_lines(hours, 100 * CR, AT)
    assert "the last seven days' rate" in recent
    assert usual.startswith(
        "at 1.0000 Cr an hour, the usual rate, without 499.00 Cr of unusual spending, it lasts until"
    )


def test_what_was_odd_for_days_says_on_which_day_it_ended() -> None:
    begin = datetime(2026, 11, 14, 3, tzinfo=UTC)
    lines = insight_lines(Insight("credits", Rate(0, None), (Anomaly(begin, begin + timedelta(hours=50), 9 * CR, CR),)))
    end = (begin + timedelta(hours=50)).astimezone()
    assert f"to {end:%Y-%m-%d %H:%M}, 9.00 Cr instead of 1.00 Cr" in lines[1]
