"""Unusual spending: its words, its requests, and the messages that stay until they are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from joytui.core.anomalies import Anomaly, Culprit
from joytui.core.filters import parse
from joytui.tui.usage.insight_text import insight_text
from joytui.tui.usage.outlier_words import requests_of, when, who
from joytui.tui.usage.outliers import while_away
from tests.support.clock import NOW
from tests.tui import data
from tests.tui.opening import SIZE, console, fill, settle, text_of

BEGIN = datetime(2026, 11, 21, 11, tzinfo=UTC)
RUNAWAY = Anomaly(
    BEGIN,
    BEGIN + timedelta(hours=4),
    10_661 * 10**9,
    12 * 10**9,
    (Culprit("key", "ci nightly", 10_600 * 10**9, 0), Culprit("owner", "Ben", 10_600 * 10**9, 0)),
)


def test_its_requests_are_those_of_the_culprit() -> None:
    text = requests_of(RUNAWAY)
    assert text == 'key:"ci nightly" since:2026-11-21T11:00:00Z until:2026-11-21T15:00:00Z'
    parse(text)
    parse(requests_of(Anomaly(BEGIN, BEGIN + timedelta(hours=1), 1, 0)))


@pytest.mark.parametrize(
    ("zone", "hours", "words"),
    [
        (UTC, 4, "Sat 21 Nov 11:00–15:00"),
        (ZoneInfo("Asia/Tokyo"), 4, "Sat 21 Nov 20:00–24:00"),
        (ZoneInfo("Asia/Tokyo"), 5, "Sat 21 Nov 20:00–Sun 22 Nov 01:00"),
    ],
)
def test_when_it_was_is_local(zone: object, hours: int, words: str) -> None:
    assert when(Anomaly(BEGIN, BEGIN + timedelta(hours=hours), 1, 0), zone) == words  # type: ignore[arg-type]


def test_the_person_comes_first() -> None:
    assert who(RUNAWAY) == "owner Ben · key ci nightly"
    assert "and 2 more" in while_away(RUNAWAY, "credits", UTC, 2)


@pytest.mark.parametrize("width", [76, 116, 196])
def test_the_forecast_says_what_it_assumes_and_fits(width: int) -> None:
    text = insight_text(data.insight(), NOW, UTC, width).plain
    assert "at the last 7 days' rate" in text
    assert "at the usual rate" in text
    assert text.splitlines()[-1].endswith("a shows it")
    assert all(len(line) < width for line in text.splitlines())


async def test_an_error_stays_until_it_is_read_and_can_be_read_again() -> None:
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        app.tell("nothing answers there", error=True)
        await settle(app, pilot)
        bar = app.screen.query_one("KeyBar")
        bar._seen(stays=True)  # as its timer does, once the words can have been read
        await settle(app, pilot)
        assert "✗ nothing answers there" in text_of(app)
        await pilot.press("down")
        await settle(app, pilot)
        assert "nothing answers there" not in text_of(app)
        app.tell("copied")
        bar._seen(stays=False)
        await settle(app, pilot)
        assert "copied" not in text_of(app)
        await pilot.press("exclamation_mark")
        await settle(app, pilot)
        assert "✗ nothing answers there" in text_of(app)
        assert text_of(app).index("✓ copied") < text_of(app).index("✗ nothing")
