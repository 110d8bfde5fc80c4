"""Who may do what on the screens: every key of every screen and of the dialogs over a gateway, pressed with a token of each role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding

from joytui.core.places import places
from joytui.tui.app import ConsoleApp
from joytui.tui.link import Link
from joytui.tui.options import Options
from tests.gateway.served import Served
from tests.gateway.test_roles import state, tokens
from tests.support.hang import HANG_S
from tests.tui.opening import text_of

__all__ = ["tokens"]
SCREENS = ("logs", "usage", "keys")
LEAVES = ("quit", "suspend_process", "app.quit")
"""Actions that end the console."""
MACHINES = ("try_turn", "app.try_turn", "screenshot")
"""Actions that run a Codex of this machine, or write a file here."""
OVER = ("B", "H", "w")
"""Keys that open a dialog over the gateway: each of its keys is pressed as well. The last is Keys' alone."""
ANSWERS = ("x", "enter", "enter", "tab", "enter", "y")
"""What somebody types into a form or a question who wants it done."""


@asynccontextmanager
async def opened(
    gateway: Served, token: str, folder: Path, screen: str, **wishes: Any
) -> AsyncIterator[tuple[Any, Any]]:
    """The console over the gateway with this token, once it has something to show."""
    where = places({"JOYTUI_DATA_DIR": str(folder), "JOYTUI_CONFIG_FILE": str(folder / "config.toml")})

    def link(changed: Any) -> Link:
        return Link(where, changed, gateway_url=gateway.url, read_only=bool(wishes.get("read_only")))

    app = ConsoleApp(Options(places=where, screen=screen, theme="dark", start_gateway=False, link=link, **wishes))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.link_state.connected and app.link_state.role is not None)
        yield app, pilot


async def until(pilot: Any, holds: Any) -> None:
    async with asyncio.timeout(HANG_S):
        while not holds():
            await pilot.pause(0.02)


async def rest(app: Any, pilot: Any) -> None:
    """Until what a key began is done: the link and the tail of requests go on for ever."""
    await pilot.pause()
    async with asyncio.timeout(HANG_S):
        while any(not worker.is_finished for worker in app.workers if worker.group != "link"):
            await pilot.pause(0.01)
    await pilot.pause()


def keys_of(screen: Any) -> list[str]:
    """One key of each action of its own, but for those that leave the console or are of this machine."""
    bindings = [
        one for owner in type(screen).__mro__ for one in vars(owner).get("BINDINGS", ()) if isinstance(one, Binding)
    ]
    return [one.key.split(",")[0] for one in bindings if one.action not in (*LEAVES, *MACHINES)]


async def close_all(app: Any, pilot: Any) -> None:
    while len(app.screen_stack) > 1:
        app.pop_screen()
        await rest(app, pilot)


async def press_everything(app: Any, pilot: Any, screen: str) -> set[str]:
    """Every key of the screen, and in whatever it opens what somebody would answer. The dialogs that were open, by name."""
    seen = set()
    for key in keys_of(app.screen):
        await pilot.press(key)
        await rest(app, pilot)
        for answer in ANSWERS if len(app.screen_stack) > 1 else ():
            if len(app.screen_stack) > 1:
                seen.add(type(app.screen).__name__)
                await pilot.press(answer)
                await rest(app, pilot)
        await close_all(app, pilot)
        app.action_show_screen(screen)
        await rest(app, pilot)
    return seen


async def press_dialog(app: Any, pilot: Any, opens: str, screen: str) -> None:
    """Every key of a dialog that a key opens, each in a dialog of its own."""
    await pilot.press(opens)
    await rest(app, pilot)
    if len(app.screen_stack) == 1:
        return
    for key in keys_of(app.screen):
        await close_all(app, pilot)
        app.action_show_screen(screen)
        await pilot.press(opens)
        await rest(app, pilot)
        await pilot.press(key)
        await rest(app, pilot)
        for answer in ANSWERS:
            if len(app.screen_stack) > 2:
                await pilot.press(answer)
                await rest(app, pilot)
    await close_all(app, pilot)
    app.action_show_screen(screen)


async def everything(gateway: Served) -> dict[str, Any]:
    """All that somebody may have changed, without when a key was used last."""
    found = await state(gateway)
    for key in found["keys"]["keys"]:
        key.pop("last_used_at")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(("role", "read_only"), [("viewer", False), ("lead", True)])
async def test_who_only_reads_changes_nothing_by_any_key(
    gateway: Served, tokens: dict[str, str], role: str, read_only: bool, screen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", tokens[role])
    await gateway.chat((await gateway.new_key("ours", owner="ann"))["key"])
    await gateway.logs()
    before = await everything(gateway)
    async with opened(gateway, tokens[role], tmp_path, screen, read_only=read_only) as (app, pilot):
        await rest(app, pilot)
        await press_everything(app, pilot, screen)
        for key in OVER if screen == "keys" else OVER[:-1]:
            await press_dialog(app, pilot, key, screen)
    assert await everything(gateway) == before
    assert not (tmp_path / "config.toml").exists() or not read_only


@pytest.mark.slow
async def test_a_lead_changes_its_teams_things_alone(
    gateway: Served, tokens: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees and changes the keys of its team; of others' and of the wallets nothing is changed by any key."""
    monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", tokens["lead"])
    before = await everything(gateway)
    async with opened(gateway, tokens["lead"], tmp_path, "keys") as (app, pilot):
        await until(pilot, lambda: app.screen.snapshot.loaded)
        assert "lead of team" in text_of(app)
        assert [key.name for key in app.screen.snapshot.keys] == ["dev"]
        await press_everything(app, pilot, "keys")
        for key in OVER:
            await press_dialog(app, pilot, key, "keys")
    after = await everything(gateway)
    changed = {path for path in before if before[path] != after[path]}
    assert changed <= {"keys", "budgets"}
    assert changed, "the keys were pressed, and did something"
    theirs = [[key for key in found["keys"]["keys"] if key["name"] == "theirs"] for found in (before, after)]
    assert theirs[0] == theirs[1]


@pytest.mark.parametrize(("role", "says"), [("viewer", "key created"), ("lead", "a lead's token sees only its own")])
async def test_the_audit_log_by_role(
    gateway: Served, tokens: dict[str, str], role: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", tokens[role])
    async with opened(gateway, tokens[role], tmp_path, "keys") as (app, pilot):
        await pilot.press("H")
        await until(pilot, lambda: says in text_of(app))
        assert "✗" not in text_of(app).partition("Audit")[2]
