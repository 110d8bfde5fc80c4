"""`f` and `u` on the Doctor screen: the real doctor over a real file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from joytui.tui.screens.fix import FixDialog
from tests.fixing.broken import BROKEN, Broken
from tests.fixing.conftest import until
from tests.tui.opening import console, settle

WIRE = next(one for one in BROKEN if one.name == "wire_chat")


@pytest.mark.usefixtures("shell")
async def test_f_shows_the_diff_a_applies_it_u_puts_it_back(home: Path, lay: Callable[[Broken], Path]) -> None:
    from joytui.tui.doctor.worker import examine_here

    place = lay(WIRE)
    before = place.read_bytes()
    app = console("doctor", examine=examine_here)
    async with app.run_test(size=(110, 40)) as pilot:
        await settle(app, pilot)
        assert app.screen.snapshot.report.verdict.cause == "wire-api-removed"
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FixDialog))
        patch = str(app.screen.query_one("#patch").render())
        assert '-wire_api = "chat" # old' in patch
        assert '+wire_api = "responses" # old' in patch
        await pilot.press("n")
        await settle(app, pilot)
        assert place.read_bytes() == before

        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FixDialog))
        await pilot.press("a")
        await settle(app, pilot)
        assert 'wire_api = "responses" # old' in place.read_text()
        assert app.screen.snapshot.report.verdict.cause is None
        assert app.screen.check_action("fix", ()) is False

        await pilot.press("u")
        await settle(app, pilot)
        assert place.read_bytes() == before
        assert app.screen.snapshot.report.verdict.cause == "wire-api-removed"
        assert [path.name for path in home.iterdir()] == ["config.toml"]
