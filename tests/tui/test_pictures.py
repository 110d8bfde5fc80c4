"""Every state of every screen as it was looked at and found good: 80x24, 120x40 and 200x60, dark and light.

A picture is text (`picture.py`): the words of the screen and the styles of its cells, so a change shows as a diff. In CI
(JOYTUI_REQUIRE=1) all are compared; with JOYTUI_SLOW=1 a sample: every third state at one size. `pytest --snapshot-update` writes
them again; `python -m tests.tui.contact_sheets FOLDER` draws them.
"""

from __future__ import annotations

import os
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import TEXTUAL, needs
from tests.tui.opening import settle
from tests.tui.picture import Picture, take, text_of
from tests.tui.readable import faults
from tests.tui.states import STATES, State, opened, wear

FOLDER = Path(__file__).parent / "pictures"
ALL = os.environ.get("JOYTUI_REQUIRE") == "1"
MOST_LINES = 60
READABLE = ("logs-", "usage-", "keys-")
"""Which states are judged by `readable`, at the sizes that are promised."""

pytestmark = [needs(f"textual {TEXTUAL}"), pytest.mark.slow]


async def at_rest(app: Any, pilot: Any) -> Picture:
    """What the screen shows once all is drawn: a dialog keeps what it found behind itself, such as a chart in the colours before."""
    await settle(app, pilot)
    for screen in app.screen_stack:
        screen.refresh()
    await pilot.pause()
    return take(app)


def sample() -> list[tuple[State, tuple[int, int]]]:
    """All in CI; else every third state at one of its sizes, the sizes in turn."""
    every = [(state, size) for state in STATES for size in state.sizes]
    return every if ALL else [(state, state.sizes[n % len(state.sizes)]) for n, state in enumerate(STATES[::3])]


@pytest.mark.parametrize(("state", "size"), [pytest.param(s, z, id=f"{s.name}-{z[0]}x{z[1]}") for s, z in sample()])
async def test_picture(state: State, size: tuple[int, int], pytestconfig: pytest.Config) -> None:
    found = {}
    async with opened(state, size) as (app, pilot):
        for theme in state.themes:
            if theme != state.themes[0]:
                await wear(app, pilot, theme)
            found[theme] = await at_rest(app, pilot)
        wrong = faults(app) if size[0] >= 80 and state.name.startswith(READABLE) else []
    assert not wrong, "\n".join(wrong)
    text = text_of(found)
    place = FOLDER / f"{size[0]}x{size[1]}" / f"{state.name}.txt"
    if pytestconfig.getoption("update_snapshots", False):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    before = place.read_text(encoding="utf-8") if place.exists() else ""
    change = list(unified_diff(before.splitlines(), text.splitlines(), "as it was", "as it is", lineterm="", n=1))
    assert not change, f"{place.name} has changed:\n" + "\n".join(change[:MOST_LINES])


def test_no_picture_is_left_of_a_state_that_is_gone() -> None:
    wanted = {f"{z[0]}x{z[1]}/{s.name}.txt" for s in STATES for z in s.sizes}
    assert {str(place.relative_to(FOLDER)) for place in FOLDER.rglob("*.txt")} == wanted


def test_a_picture_shows_words_and_styles() -> None:
    one = Picture(((("a", "red on black"), ("b", "red on black"), (" ", "- on -")),))
    other = Picture(((("a", "red on black"), ("b", "blue on black"), (" ", "- on -")),))
    assert text_of({"dark": one}).splitlines() == [
        "== dark",
        "ab",
        "-- styles",
        "a red on black",
        "b - on -",
        "",
        "a2b1",
    ]
    assert text_of({"dark": one}) != text_of({"dark": other})
