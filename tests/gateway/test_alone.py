"""A gateway that a console started for itself: it goes with the last console, also where that is killed, and leaves
nothing behind but what it must keep."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from asyncio import FIRST_COMPLETED
from pathlib import Path

import httpx
import pytest

from joytui.core.gateway_state import GatewayState, read_state
from joytui.core.local_address import url_on_this_machine
from joytui.gateway.runtime import Gateway
from joytui.gateway.server import bind, run
from joytui.gateway.settings import GatewaySettings
from joytui.gateway.upstreams.factory import offline
from joytui.ledger.sqlite.engine import SqliteLedger
from tests.gateway.served import ADMIN
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.support.needs import needs
from tests.support.terminal import Terminal

pytestmark = needs("pidfd")
CONSOLE = [sys.executable, "-m", "joytui", "--screen", "keys"]


@pytest.fixture
def machine(tmp_path: Path):
    here = Machine(tmp_path)
    yield here
    here.call("gateway", "stop")


def started(machine: Machine, terminal: Terminal) -> GatewayState:
    """The gateway that the console in this terminal started, once its tail is live."""

    def live(screen: str) -> bool:
        state = read_state(machine.data / "gateway.json")
        return state is not None and "No key yet" in screen and state.url.split("//")[1] in screen

    terminal.wait_until(live, what="the gateway's address")
    state = read_state(machine.data / "gateway.json")
    assert state is not None
    return state


def wait_gone(pid: int, seconds: float) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], seconds)[0], f"the gateway (pid {pid}) still runs"
    finally:
        os.close(descriptor)


def test_a_console_that_is_left_takes_its_keyless_gateway_along(machine: Machine) -> None:
    with Terminal(CONSOLE, columns=100, lines=30, env=machine.env) as terminal:
        gateway = started(machine, terminal)
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert "keeps running" not in terminal.output
    wait_gone(gateway.pid, HANG_S)
    assert not {"gateway.json", "gateway.on-demand"} & {file.name for file in machine.data.iterdir()}


@pytest.mark.slow
def test_a_console_that_is_killed_leaves_a_gateway_that_ends_by_itself(machine: Machine) -> None:
    env = {
        **machine.env,
        "JOYTUI_GATEWAY_LONELY_S": "8",
    }  # longer than a busy machine takes from its start to the console's first look
    with Terminal(CONSOLE, columns=100, lines=30, env=env) as terminal:
        gateway = started(machine, terminal)
        terminal.interrupt(signal.SIGKILL)
        wait_gone(gateway.pid, HANG_S)
    assert read_state(machine.data / "gateway.json") is None
    assert "this gateway was started by a console, and stops" in (machine.data / "gateway.log").read_text()


async def test_only_a_gateway_that_is_nobodys_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one that a user started, not one with a key, not one that somebody looks at."""
    alone_s = Gateway.alone_s
    looked = asyncio.Event()

    def look(gateway: Gateway) -> float:
        looked.set()
        return alone_s.fget(gateway)  # type: ignore[misc]

    async def stays(why: str) -> None:
        """It looks a few times whether it is alone, and stays."""
        for _ in range(4):
            looked.clear()
            await asyncio.wait([task, waiting := asyncio.create_task(looked.wait())], return_when=FIRST_COMPLETED)
            assert waiting.done(), why

    monkeypatch.setattr(Gateway, "alone_s", property(look))
    settings = GatewaySettings(port=0, lonely_s=0.05)
    ledger = SqliteLedger.open_store(tmp_path / "ledger.sqlite3")
    listening = bind("127.0.0.1", 0)
    url = url_on_this_machine(settings.host, listening.getsockname()[1], tls=bool(settings.tls_cert))
    gateway = Gateway(settings, ledger, offline(), ADMIN, url)
    ready, nobodys = asyncio.Event(), False
    task = asyncio.create_task(run(gateway, listening, ready.set, signals=False, for_a_console=lambda: nobodys))
    await ready.wait()
    headers = {"authorization": f"Bearer {ADMIN}"}
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers, trust_env=False, verify=False) as http:
        await stays("a user started it")
        made = (await http.post("/console/v1/keys", json={"name": "k"})).json()
        nobodys = True
        await stays("it has a key")
        async with http.stream("GET", "/console/v1/requests/stream") as tail:
            assert tail.status_code == 200
            await http.post(f"/console/v1/keys/{made['id']}/revoke")
            await stays("a console looks at it")
    async with asyncio.timeout(HANG_S):
        await task
    ledger.close()
    listening.close()


@pytest.mark.parametrize("hard", [False, True], ids=["after a stop", "after kill -9 and a second life"])
def test_a_gateway_that_ended_leaves_one_file_of_its_store(machine: Machine, hard: bool) -> None:
    """The WAL is taken into the store: a copy of the one file is a copy of the ledger."""
    pid = machine.ask("gateway", "start")["pid"]
    key = machine.ask("keys", "create", "dev")["key"]
    url = machine.ask("gateway", "status")["url"]
    assert machine.send(url, key).status_code == 200
    assert len(machine.call("logs", "--json").json_lines) == 1
    if hard:
        os.kill(pid, signal.SIGKILL)
        wait_gone(pid, HANG_S)
        machine.ask("gateway", "start")
    machine.ask("gateway", "stop")
    assert [file.name for file in machine.data.glob("ledger.sqlite3*")] in (["ledger.sqlite3"], *_WITH_LOCK)


_WITH_LOCK = (["ledger.sqlite3", "ledger.sqlite3.lock"], ["ledger.sqlite3.lock", "ledger.sqlite3"])
