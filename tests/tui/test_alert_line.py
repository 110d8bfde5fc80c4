"""The line of alerts: what it shows, how it gives way, and that a key takes it away."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from joytui.core.clock import rfc3339
from joytui.core.wire import AlertView
from joytui.tui.alerts import HOURS, ShownAlert, alert_line, of_note
from joytui.tui.widgets.alert_line import AlertLine
from tests.tui import data
from tests.tui.opening import console, fill, text_of

USED_UP = ShownAlert(
    "1", data.NOW_MS, "key dev: daily limit reached", "10.00 of 10.00 credits spent; resets 2026-11-24 00:00 UTC."
)
GONE = ShownAlert("2", data.NOW_MS - 1, "gateway http://b:1 is gone", "Last heard from at 14:03 UTC.")


def a_view(alert_id: str, hours_ago: float, severity: Any = "critical") -> AlertView:
    at = data.NOW.timestamp() - hours_ago * 3600
    time = rfc3339(data.NOW.fromtimestamp(at, data.NOW.tzinfo))
    return AlertView(
        id=alert_id, time=time, kind="gateway", severity=severity, subject="gateway:1", title="gone", text="long", state="sent"
    )  # fmt: skip


def test_what_matters_of_the_last_hours_the_newest_first() -> None:
    rows = [a_view("old", HOURS + 0.1), a_view("a", 3), a_view("b", 1), a_view("small", 0, "warning")]
    assert [one.id for one in of_note(rows, data.NOW_MS)] == ["b", "a"]


@pytest.mark.parametrize("width", [40, 44, 80, 110, 200])
def test_it_fits_and_always_says_how_to_dismiss_it(width: int) -> None:
    line = alert_line((USED_UP, GONE), "D", width, UTC)
    assert line.cell_length == width
    assert line.plain.startswith(" ✗ key dev:")
    assert line.plain.endswith(" +1 more D dismiss ")
    assert ("10.00 credits spent; resets Tue 24 Nov 00:00." in line.plain) == (width >= 110)


async def test_there_is_no_line_without_an_alert_and_a_key_takes_each_away() -> None:
    app = console("keys")
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(app, pilot)
        line = app.screen.query_one(AlertLine)
        before = text_of(app)
        assert not line.display
        app.take_alerts((USED_UP, GONE))
        await pilot.pause()
        assert text_of(app).splitlines()[1].startswith(" ✗ key dev: daily limit reached")
        await pilot.press("D")
        await pilot.pause()
        assert text_of(app).splitlines()[1].startswith(" ✗ gateway http://b:1 is gone")
        await pilot.press("D")
        app.take_alerts((USED_UP, GONE))
        await pilot.pause()
        assert not line.display
        assert text_of(app) == before
        await pilot.press("question_mark")
        await pilot.pause()
        assert "hide the alert" not in text_of(app)


async def test_a_read_only_console_dismisses_too() -> None:
    app = console("keys", read_only=True)
    async with app.run_test(size=(80, 24)) as pilot:
        app.take_alerts((USED_UP,))
        await pilot.press("D")
        await pilot.pause()
        assert app.alerts == ()
