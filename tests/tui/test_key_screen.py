"""Keys by its keys: made, shown once, revoked; and leaving the console with a gateway."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC
from typing import Any

import pytest
from textual.widgets import Input

from joytui.core.clock import rfc3339
from joytui.core.money import format_credits
from joytui.core.periods import hour_of, start_of_hour
from joytui.tui.keys.forecast import forecast_text
from joytui.tui.keys.snapshot import KeysSnapshot
from joytui.tui.keys.table import most_without_limit
from joytui.tui.screens.ask import Confirm
from joytui.tui.screens.key_form import KeyForm
from joytui.tui.screens.key_shown import KeyShown
from joytui.usage.limits import key_forecast
from tests.tui import data
from tests.tui.opening import SIZE, console, fill, settle, text_of


class Gateway:
    """The link's side of the Keys screen, answered from memory."""

    def __init__(self) -> None:
        self.wishes: list[Any] = []
        self.revoked: list[str] = []
        self.asked: list[Any] = []
        self.client = self

    def wanted(self) -> bool:
        return False

    async def keys(self) -> list[Any]:
        return list(reversed(data.keys()))

    async def create_key(self, wanted: Any) -> Any:
        from joytui.core.wire import KeyCreated

        self.wishes.append(wanted)
        first = data.keys()[0].model_dump()
        return KeyCreated(**{**first, "name": wanted.name, "key": "jt_local_" + "k" * 48})

    async def revoke_key(self, key_id: str) -> Any:
        self.revoked.append(key_id)
        return data.keys()[0]

    async def usage(self, by: Any, **asked: Any) -> Any:
        from joytui.core.wire import UsageView

        self.asked.append(asked)
        hours = data.spending_of_a_key()
        rows = [
            {"hour": rfc3339(start_of_hour(hour)), "key": "codex-anna", "cost_credits": format_credits(spent)}
            for hour, spent in hours.items()
        ]
        return UsageView.model_construct(rows=rows)

    async def leave(self) -> str | None:
        return "gateway keeps running at http://127.0.0.1:8791"


def with_gateway() -> tuple[Any, Gateway]:
    gateway = Gateway()
    app = console("keys", link=lambda changed: gateway)
    return app, gateway


async def test_a_key_is_made_shown_once_and_copied():
    app, gateway = with_gateway()
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("n")
        await settle(app, pilot)
        assert isinstance(app.screen, KeyForm)
        await pilot.press("enter")
        assert "a key needs a name" in text_of(app)
        await pilot.press(*"codex-dora")
        app.screen.query_one("#daily_limit", Input).value = "2"
        await pilot.press("enter")
        await settle(app, pilot)
        assert [(w.name, w.policy.daily_limit) for w in gateway.wishes] == [("codex-dora", "2")]
        assert isinstance(app.screen, KeyShown)
        assert "jt_local_kkkk" in text_of(app)
        await pilot.press("y")
        assert app.clipboard == "jt_local_" + "k" * 48
        await pilot.press("s")
        assert app.clipboard.startswith("export JOY_TOKEN_API_KEY=jt_local_")
        await pilot.press("b")
        assert 'base_url = "http://127.0.0.1:8791/openai/v1"' in app.clipboard
        await pilot.press("t")
        assert app.clipboard.startswith("codex exec")
        await pilot.press("escape")
        await settle(app, pilot)
        assert "jt_local_kkkk" not in text_of(app)


@pytest.mark.slow
async def test_the_key_under_the_cursor_has_its_forecast() -> None:
    app, gateway = with_gateway()
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        words = re.sub(r"\s+", " ", text_of(app).replace("│", " "))
        for part in ("daily limit gone today at 21:", "at the last 7 days' rate: 0.38 Cr/h", "without the 36.00"):
            assert part in words
        app.screen.show(app.screen.snapshot)
        await settle(app, pilot)
        assert [asked["only"] for asked in gateway.asked] == [["codex-anna"]], "asked once, and not at every look"
        await pilot.press("down", "down", "down", "down")
        await settle(app, pilot)
        assert gateway.asked[-1]["only"] == ["docs-bot"], "a revoked key spends nothing"


@pytest.mark.parametrize(
    ("place", "hours", "words"),
    [
        (0, {}, ("✓ nothing is being spent", "at the last 7 days' rate")),
        (2, {}, ("✗ total limit used up",)),
        (1, {}, ("✗ daily limit used up, resets in 10 h (00:00)",)),
        (0, {hour_of(data.NOW): 36 * 10**9}, ("? too early to tell: a forecast needs a day of history",)),
        (3, data.spending_of_a_key(), ("· 276.46 Cr in 30 days", "· 48.23 Cr in 30 days")),
    ],
)
@pytest.mark.parametrize("width", [40, 56, 74])
def test_a_forecast_in_words(place: int, hours: dict[int, int], words: tuple[str, ...], width: int) -> None:
    key = data.keys()[place]
    if place == 1:
        key = key.model_copy(update={"budgets": [key.budgets[0].model_copy(update={"left": "-0.01"})]})
    text = forecast_text(key, key_forecast(key.budgets, hours, data.NOW), data.NOW, UTC, width).plain
    assert all(len(line) <= width for line in text.splitlines())
    flat = re.sub(r"\s+", " ", text)
    assert all(part in flat for part in words)


async def test_revoking_asks_and_no_means_no():
    app, gateway = with_gateway()
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("down", "X")
        await settle(app, pilot)
        assert isinstance(app.screen, Confirm)
        assert "codex-ben" in text_of(app)
        await pilot.press("enter")  # "No" has the focus
        await settle(app, pilot)
        assert gateway.revoked == []
        await pilot.press("X")
        await settle(app, pilot)
        await pilot.press("y")
        await settle(app, pilot)
        assert gateway.revoked == ["key_01JD8Z4M5NBEN0"]


async def test_a_revoked_key_cannot_be_revoked_again():
    app, _ = with_gateway()
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        app.screen.table.move_cursor(row=4)
        await pilot.pause()
        assert app.screen.check_action("revoke", ()) is False


async def test_the_cursor_stays_on_its_key():
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("down", "down")
        app.screen.show(KeysSnapshot(tuple(reversed(data.keys())), loaded=True))
        await settle(app, pilot)
        assert app.screen.selected().name == "ci-nightly"


async def test_keys_are_sorted_by_key_and_by_mouse_and_totals_stay_last():
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        table = app.screen.table
        await pilot.press("down", "down")  # ci-nightly

        def names() -> list[str]:
            return [str(table.get_row_at(row)[0]) for row in range(table.row_count)]

        await pilot.press("o", "O")
        assert names() == ["workshop", "docs-bot", "codex-carl", "codex-ben", "codex-anna", "ci-nightly", "all 6 keys"]
        spent = next(line for line in text_of(app).splitlines() if "spent" in line and "budget" in line).index("spent")
        await pilot.click(table, offset=(spent + 1, 0))
        await settle(app, pilot)
        assert names()[:2] == ["codex-carl", "ci-nightly"]
        assert "▼ spent" in text_of(app)
        await pilot.click(table, offset=(spent + 1, 0))
        await settle(app, pilot)
        assert names()[0] == "docs-bot"
        assert names()[-1] == "all 6 keys"
        assert app.screen.selected().name == "ci-nightly"
        table.move_cursor(row=6)
        await settle(app, pilot)
        assert app.screen.selected() is None
        assert app.screen.check_action("edit", ()) is False


async def test_the_key_that_spends_most_without_a_limit_is_marked():
    free = {"policy": data.keys()[3].policy, "budgets": []}
    keys = [key.model_copy(update=free) for key in data.keys()[:3]]
    assert [most_without_limit(keys), most_without_limit(data.keys())] == [keys[2], None]
    app = console("keys")
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        app.screen.show(KeysSnapshot((*keys, *data.keys()[3:]), loaded=True))
        await pilot.press("down", "down")
        await settle(app, pilot)
        marked = [line for line in text_of(app).splitlines() if "▲ no limit" in line]
        assert [line.split()[0] for line in marked] == ["ci-nightly"]
        assert "without one: 24%" in " ".join(text_of(app).replace("│", " ").split())


async def test_quitting_says_where_the_gateway_runs_on():
    app, _ = with_gateway()
    async with app.run_test(size=SIZE) as pilot:
        await fill(app, pilot)
        await pilot.press("q")
        for _ in range(20):
            if app.goodbye:
                break
            await asyncio.sleep(0)
    assert app.goodbye == "gateway keeps running at http://127.0.0.1:8791"
