"""The guided first run in the console: nothing before the word, four ticks, and what may stand in the way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from joytui.core.places import places
from joytui.core.records import Report
from joytui.tui.doctor import first_run
from joytui.tui.doctor.first_run import Ended, Told
from joytui.tui.screens.setup import SetupDialog
from tests.support.joytui_process import Machine
from tests.tui import data
from tests.tui.opening import console, fill, settle, text_of


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """This process at an empty home, no codex on its PATH, and a gateway that runs there."""
    here = Machine(tmp_path, {"PATH": "/nowhere", "CODEX_HOME": str(tmp_path / "home" / ".codex")})
    for name in ("HOME", "CODEX_HOME", "PATH", "JOYTUI_DATA_DIR", "JOYTUI_CONFIG_FILE", "JOYTUI_GATEWAY_PORT"):
        monkeypatch.setenv(name, here.env[name])
    monkeypatch.delenv("JOY_TOKEN_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    yield here
    here.call("gateway", "stop")


def steps(machine: Machine, report: Report, **wishes: Any) -> tuple[Ended, list[Told]]:
    told: list[Told] = []
    work = first_run.run((), places(machine.env), lambda: report, told.append, lambda line: None, **wishes)
    return asyncio.run(work), told


def test_the_steps_one_by_one_a_second_time_and_with_a_key_that_is_elsewhere(machine: Machine) -> None:
    home = machine.folder / "home" / ".codex"
    plan = first_run.planned((), places(machine.env))
    assert '+model_provider = "joytoken"' in plan.patch
    assert not plan.codex
    assert list(home.iterdir()) == []
    ended, told = steps(machine, data.HEALTHY)
    assert (ended.report, ended.turned) == (data.HEALTHY, False)
    passed = [one.step for one in told if one.status == "pass"]
    assert passed == ["gateway", "files", "doctor"]
    assert "npm install" in told[-1].words
    env = (home / ".env").read_text()
    assert env.startswith("JOY_TOKEN_API_KEY=jt_local_")
    assert not any("jt_local_" in one.words for one in told)
    before = (home / "config.toml").read_text()

    _, again = steps(machine, data.HEALTHY)
    assert "the key that is already set works" in next(
        one.words for one in again if one.step == "files" and one.status == "pass"
    )
    assert (home / ".env").read_text() == env

    (home / ".env").unlink()
    ended, told = steps(machine, data.HEALTHY)
    assert ended.elsewhere
    assert told[-1].status == "warn"
    assert not (home / ".env").exists()
    ended, _ = steps(machine, data.HEALTHY, new_key=True)
    assert ended.report is not None
    assert (home / ".env").read_text() not in ("", env)
    assert (home / "config.toml").read_text() == before

    from joytui.tui.doctor.fixing import take_back

    assert ".env" in take_back(places(machine.env))
    assert not (home / ".env").exists()


def test_the_preview_names_the_port_that_the_gateway_will_have(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOYTUI_GATEWAY_PORT", "9191")
    assert '+base_url = "http://127.0.0.1:9191/openai/v1"' in first_run.planned((), places(machine.env)).patch


async def test_the_dialog_asks_first_and_its_end_is_the_screen_s() -> None:
    app = console("doctor")
    async with app.run_test(size=(80, 24)) as pilot:
        await fill(app, pilot)
        await pilot.press("s")
        await settle(app, pilot)
        dialog = app.screen
        assert isinstance(dialog, SetupDialog)
        await pilot.press("enter")  # nothing is known yet, and nothing is begun
        assert dialog._work is None
        for told in data.SETUP_STEPS:
            dialog.post_message(SetupDialog.Step(told))
        dialog.post_message(SetupDialog.Over(Ended(data.HEALTHY, turned=True)))
        await settle(app, pilot)
        await pilot.press("a")  # as enter, which a button that was just pressed takes no second time
        while app.current_mode != "logs":  # its report is drawn before
            await pilot.pause()
        await settle(app, pilot)
        await pilot.press("1")
        await settle(app, pilot)
        assert "Codex works through the gateway" in text_of(app)
