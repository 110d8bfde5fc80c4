"""The forecast's sentence in `joytui usage --budget`."""

from __future__ import annotations

from datetime import UTC, datetime

from joytui.cli.usage_insight import forecast_text
from joytui.core.money import NANO_PER_CREDIT as CR
from joytui.core.periods import hour_of

AT = datetime(2026, 11, 18, 12, tzinfo=UTC)
STEADY = {hour_of(AT) - back: CR for back in range(48)}


def test_it_says_when_nothing_is_left() -> None:
    assert forecast_text(STEADY, 30 * CR, AT) == "at 1.0000 Cr an hour it lasts until 2026-11-19 18:00 UTC"
    assert forecast_text(STEADY, -CR, AT) == "at 1.0000 Cr an hour, nothing is left"
    assert forecast_text(STEADY, 10**6 * CR, AT) == "at 1.0000 Cr an hour it lasts longer than a year"
    assert forecast_text({}, CR, AT) == "nothing was spent in the last seven days: no forecast"
