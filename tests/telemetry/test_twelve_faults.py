"""Twelve people whose Codex talks to a gateway directly, each with another fault: what the team's view says of each, beside what the
doctor says on that machine.

Telemetry carries a status and no body. Where that decides the cause the two agree; where it does not the view says so (`sure`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from joytui.core.joytoken import KEY_VARIABLE
from joytui.core.wire import PersonView
from joytui.usage.fleet import why
from tests.gateway.served import Served, served
from tests.support.app_server import app_server
from tests.support.behaviours import behaviour
from tests.support.codex_run import bounded
from tests.support.fault_gateway import FaultGateway
from tests.support.hang import HANG_S
from tests.support.real_codex import NEWEST, codex
from tests.telemetry.test_real_codex import environment, token

pytestmark = [pytest.mark.codex, pytest.mark.slow, pytest.mark.usefixtures("machine_clock")]
AT_ONCE = 3
"""Of the twelve, so that a small machine can run them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`plays`: the gateway that Codex talks to; None: nobody is there. `says`: what the team's view tells, and whether it is sure;
    `doctor`: the verdict on the machine."""

    plays: str | None
    doctor: str
    says: str | None
    sure: bool = True
    model: str = "auto"
    path: str = "/openai/v1"
    key: str | None = None


FAULTS: Mapping[str, Fault] = {
    "no-key": Fault("healthy", "key-unset", "key-unset", key=""),
    "wrong-key": Fault("healthy", "key-rejected", "key-rejected", sure=False, key="jt_live_ffffffffffffffff"),
    "no-money": Fault("E_402", "insufficient-quota", "insufficient-quota"),
    "policy": Fault("E_403", "policy-rejected", "policy-rejected", sure=False),
    "model": Fault("model_not_found_404", "model-not-found", "model-not-found", sure=False, model="gpt-4711"),
    "chat-only": Fault("chat_only", "responses-unsupported", "responses-unsupported", sure=False),
    "too-fast": Fault("E_429_retry_after_0", "rate-limited", "rate-limited"),
    "boom": Fault("E_500", "gateway-error", "gateway-error"),
    "no-upstream": Fault("E_503", "upstream-error", "upstream-error"),
    "cut": Fault("F_cut_clean", "stream-truncated", "stream-truncated"),
    "quota-inside": Fault("F_failed_quota", "insufficient-quota", "insufficient-quota"),
    "nobody-there": Fault(None, "connection-refused", None, sure=False),
}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path / "gateway") as here:
        yield here


def machine(folder: Path, fault: Fault, plays: FaultGateway, gateway: Served, secret: str) -> dict[str, str]:
    """The environment of a person's shell, and the configuration that it leads to."""
    env = environment(folder, plays, gateway, secret, "json")
    file = folder / "ch" / "config.toml"
    text = file.read_text().replace('model = "auto"', f'model = "{fault.model}"')
    file.write_text(text.replace(plays.base_url, f"{plays.origin}{fault.path}"))
    if fault.key is not None:
        env[KEY_VARIABLE] = fault.key
    return {name: value for name, value in env.items() if value}


async def people(gateway: Served) -> dict[str, dict[str, Any]]:
    told = (await gateway.admin.get("/console/v1/fleet")).json()["people"]
    return {one["owner"]: one for one in told}


async def until_told(gateway: Served, name: str) -> dict[str, Any]:
    """The person, once telemetry of a request came; as they are where that takes too long."""
    person: dict[str, Any] = {}
    for _ in range(int(HANG_S * 10)):
        person = (await people(gateway))[name]
        if person["state"] != "silent":
            break
        await asyncio.sleep(0.1)
    return person


def doctor(env: Mapping[str, str], folder: Path) -> Any:
    """The verdict of `joytui doctor` in that shell."""
    path = f"{Path(codex(NEWEST)).parent}:{env['PATH']}"
    own = {"PATH": path, "JOYTUI_DATA_DIR": str(folder / "data"), "JOYTUI_CONFIG_FILE": str(folder / "joytui.toml")}
    command = [sys.executable, "-m", "joytui", "doctor", "--json"]
    return json.loads(bounded(command, {**env, **own}, folder / "work", HANG_S).stdout)["verdict"]


async def test_the_teams_view_says_what_the_doctor_says(gateway: Served, tmp_path: Path) -> None:
    few = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, fault: Fault) -> tuple[dict[str, Any], Any]:
        folder = tmp_path / name
        async with few:
            secret = await token(gateway, name)
            with ExitStack() as stack:
                plays = stack.enter_context(FaultGateway(behaviour(fault.plays or "healthy")))
                if fault.plays is None:
                    plays.close()
                env = machine(folder, fault, plays, gateway, secret)
                server = stack.enter_context(app_server(codex(NEWEST), env, folder / "work"))

                def fail() -> None:
                    thread = str(server.ask("thread/start")["thread"]["id"])
                    server.ask("turn/start", threadId=thread, input=[{"type": "text", "text": "say hi"}])

                await asyncio.to_thread(fail)
                person = await until_told(gateway, name)
                return person, await asyncio.to_thread(doctor, env, folder)

    told = dict(zip(FAULTS, await asyncio.gather(*(one(*item) for item in FAULTS.items())), strict=True))
    wanted = {name: ("failing", fault.says, fault.sure, fault.doctor) for name, fault in FAULTS.items()}
    seen = {
        name: (person["state"], person["cause"], person["sure"], verdict["cause"])
        for name, (person, verdict) in told.items()
    }
    assert seen == wanted
    assert all(says == verdict for _, says, sure, verdict in seen.values() if sure)
    for person, _ in told.values():
        words = why(PersonView(**person), "08:00")
        assert ("likely" in words or "doctor on that machine" in words) is not person["sure"], words


@pytest.mark.parametrize("plays", ["E_401", "E_402", "chat_only"])
async def test_who_ends_at_once_is_never_called_well(plays: str, gateway: Served, tmp_path: Path) -> None:
    """`codex exec` that fails may end before its telemetry leaves: then nobody heard of it, and the view says just that."""
    secret = await token(gateway)
    with FaultGateway(plays) as fails:
        env = environment(tmp_path, fails, gateway, secret, "json")
        command = [codex(NEWEST), "exec", "--skip-git-repo-check", "say hi"]
        done = await asyncio.to_thread(bounded, command, env, tmp_path / "work", HANG_S)
    assert done.exit_code == 1
    person = (await people(gateway))["ann"]
    words = why(PersonView(**person), "08:00")
    assert person["state"] in ("silent", "failing")
    assert person["state"] == "failing" or words.startswith(("no telemetry since", "nothing received yet")), words
