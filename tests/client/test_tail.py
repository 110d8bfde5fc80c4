"""The tail over a real gateway: live, lost, back, and nothing missing; and the real Codex through it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from joytui.client.console import ConnectionState, ConsoleClient, RequestBatch
from joytui.client.local import connect, ensure, leave, stop
from joytui.client.trial import run_trial
from joytui.core.errors import RefusedError
from joytui.core.places import Places, places
from joytui.core.wire import KeyCreate
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    here = Machine(tmp_path)
    yield here
    here.call("gateway", "stop")


def places_of(machine: Machine) -> Places:
    return places(machine.env)


async def open_console(machine: Machine) -> ConsoleClient:
    return await connect(places_of(machine), env=machine.env)


async def post(console: ConsoleClient, key: str, request_id: str) -> int:
    import httpx

    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        answer = await client.post(
            f"{console.url}/openai/v1/responses",
            json={"model": "auto", "input": "say hi"},
            headers={"Authorization": f"Bearer {key}", "X-Request-ID": request_id},
        )
        assert answer.status_code < 500, answer.text
        return answer.status_code


async def until(stream: AsyncGenerator[RequestBatch], request_id: str) -> list[str]:
    """The request ids that have ended, up to this one."""
    ended: list[str] = []
    async with asyncio.timeout(HANG_S):
        async for batch in stream:
            ended += [record.request_id for record in batch.records if record.status is not None]
            if request_id in ended:
                return ended
    return ended


async def test_tail_goes_on_after_the_gateway_was_killed(machine: Machine) -> None:
    """Killed and started again on its port: the tail says that it waits, comes back, and misses nothing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        machine.env["JOYTUI_GATEWAY_PORT"] = str(probe.getsockname()[1])
    states: list[ConnectionState] = []
    waits = asyncio.Event()

    def hear(state: ConnectionState) -> None:
        states.append(state)
        if state.name == "waiting":
            waits.set()

    async with await open_console(machine) as console:
        key = (await console.create_key(KeyCreate(name="dev"))).key
        stream = console.tail(0, on_state=hear)
        assert await post(console, key, "first") == 200
        assert await until(stream, "first") == ["first"]
        assert console.local
        os.kill(console.local.pid, signal.SIGKILL)
        task = asyncio.create_task(until(stream, "third"))
        async with asyncio.timeout(HANG_S):
            await waits.wait()
        again = await ensure(places_of(machine), env=machine.env)
        assert again.url == console.url
        assert await post(console, key, "second") == 200
        assert await post(console, key, "third") == 200
        assert (await task)[-2:] == ["second", "third"]
        await stream.aclose()
    assert [state.name for state in states[:2]] == ["connecting", "live"]
    assert states[-1].name == "live"
    lost = next(state for state in states if state.name == "waiting")
    assert lost.error
    assert lost.retry_s > 0


async def test_tail_is_live_at_once_and_filters(machine: Machine) -> None:
    async with await open_console(machine) as console:
        created = await console.create_key(KeyCreate(name="dev"))
        live = asyncio.Event()
        stream = console.tail(filter="status:4xx", on_state=lambda s: live.set() if s.name == "live" else None)
        task = asyncio.create_task(until(stream, "denied"))
        async with asyncio.timeout(HANG_S):
            await live.wait()
        assert await post(console, created.key, "fine") == 200
        await console.disable_key(created.id)
        assert await post(console, created.key, "denied") == 403
        assert await task == ["denied"]
        await stream.aclose()


async def test_a_refused_filter_ends_the_tail(machine: Machine) -> None:
    async with await open_console(machine) as console:
        with pytest.raises(RefusedError, match="colour"):
            await anext(console.tail(filter="colour:red"))


async def test_pages_hang_together(machine: Machine) -> None:
    async with await open_console(machine) as console:
        created = await console.create_key(KeyCreate(name="dev"))
        for number in range(7):
            assert await post(console, created.key, f"r{number}") == 200
        seen: list[str] = []
        before = None
        while True:
            page = await console.requests("key:dev", limit=3, before=before)
            seen += [record.request_id for record in page.records]
            before = page.next
            if before is None:
                break
        assert seen == [f"r{number}" for number in reversed(range(7))]
        found = await console.request("r3")
        assert found is not None
        assert found.request_id == "r3"
        assert await console.request("no such id/with?signs") is None


async def test_the_last_console_takes_a_keyless_gateway_with_it(machine: Machine) -> None:
    here = places_of(machine)
    first, second = await open_console(machine), await open_console(machine)
    live = asyncio.Event()
    watching = asyncio.create_task(anext(second.tail(on_state=lambda s: live.set() if s.name == "live" else None)))
    async with asyncio.timeout(HANG_S):
        await live.wait()
    note = await leave(first, here)
    assert note == f"gateway keeps running at {first.url}; `joytui gateway stop`"
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert await leave(second, here) is None
    assert await stop(here) is None


@pytest.mark.codex
@pytest.mark.usefixtures("machine_clock")  # the key that it makes ends by the gateway's clock
async def test_a_real_turn(machine: Machine) -> None:
    """`codex exec` through the gateway: it works, the ledger has the turn, the key is gone, config.toml untouched."""
    from tests.support.real_codex import codex

    codex_home = Path(machine.env["CODEX_HOME"])
    codex_home.mkdir(parents=True, exist_ok=True)
    (codex_home / "config.toml").write_text('model = "nothing"\n')
    (codex_home / ".env").write_text("JOY_TOKEN_API_KEY=not-the-key\n")
    env = {**machine.env, "PATH": f"{Path(codex()).parent}:{machine.env['PATH']}"}
    lines: list[str] = []
    async with await open_console(machine) as console:
        outcome = await run_trial(console, on_line=lines.append, env=env)
        key = await console.key(outcome.key_id)
        assert outcome.works, (outcome, lines)
        assert key.state == "revoked"
        assert [record.status for record in outcome.requests] == [200]
        assert outcome.input_tokens == outcome.requests[0].input_tokens > 0
        assert outcome.said
        assert any("hi" in line for line in lines)
        failed = await run_trial(console, on_line=lines.append, env=env, model="no-such-model")
        assert not failed.works
        assert "404" in failed.summary
    assert not any("jt_local_" in line for line in lines)
    assert (codex_home / "config.toml").read_text() == 'model = "nothing"\n'
