"""The command as a user at a shell meets it: its words, its exit codes, its consoles, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pyte
import pytest

from joytui.client.local import connect
from joytui.core.places import places
from joytui.web.access import Access
from joytui.web.child import Wish, environment, size
from joytui.web.server import elsewhere
from joytui.web.token_notes import abandoned
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.support.served import Served, gone, start

pytestmark = pytest.mark.slow


class Wall:
    """A browser's side of one console: the websocket, and what it draws."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self.screen)

    async def wait_for(self, text: str) -> str:
        try:
            async with asyncio.timeout(HANG_S):
                while text not in (drawn := "\n".join(self.screen.display)):
                    message = await self.socket.receive()
                    assert message.type == aiohttp.WSMsgType.BINARY, (message, self.socket.close_code, drawn)
                    self._stream.feed(message.data)
        except TimeoutError:
            raise AssertionError(f"waited for {text!r}\n{drawn}") from None
        return drawn

    async def press(self, keys: str) -> None:
        await self.socket.send_str(json.dumps(["stdin", keys]))

    async def closed(self) -> tuple[int | None, str]:
        """Waits until the server has closed it; the code and the reason."""
        async with asyncio.timeout(HANG_S):
            while (message := await self.socket.receive()).type == aiohttp.WSMsgType.BINARY:
                pass
        return message.data, str(message.extra or "")


@contextlib.asynccontextmanager
async def wall(served: Served, query: str = "") -> AsyncIterator[Wall]:
    async with aiohttp.ClientSession() as client:
        address = f"{served.url}ws?width=100&height=30{query}"
        async with client.ws_connect(address, headers={"Origin": served.origin}) as socket:
            yield Wall(socket)


def keys(machine: Machine) -> dict[str, str]:
    """The states of the gateway's keys by their names."""
    return {key["name"]: key["state"] for key in machine.run("keys", "list", "--json").json["keys"]}


async def until_gone(pids: list[int]) -> None:
    async with asyncio.timeout(HANG_S):
        while not all(gone(pid) for pid in pids):
            await asyncio.sleep(0.05)  # nothing tells of the end of somebody else's child


async def test_a_change_is_refused_and_the_gateway_would_refuse_it_too(machine: Machine, served: Served):
    async with wall(served, "&screen=keys") as page:
        await page.wait_for("codex-anna")
        assert "read-only" in "\n".join(page.screen.display)
        await page.press("X")
        await page.wait_for("this console is read-only: keys stay as they are")
        (console,) = served.consoles()
        variables = Path(f"/proc/{console}/environ").read_bytes().split(b"\0")
        token = next(v for v in variables if v.startswith(b"JOYTUI_ADMIN_TOKEN=")).split(b"=", 1)[1].decode()
    assert token != (machine.data / "admin-token").read_text().strip()
    url = json.loads((machine.data / "gateway.json").read_text())["url"]
    said = machine.run("keys", "revoke", "codex-anna", "--gateway", url, env={"JOYTUI_ADMIN_TOKEN": token})
    assert said.code == 1
    assert "may only read" in said.err
    assert keys(machine)["codex-anna"] == "active"
    await until_gone([console])


async def test_a_leads_token_serves_what_it_sees_and_says_so(machine: Machine):
    url = json.loads((machine.data / "gateway.json").read_text())["url"]
    machine.run("teams", "create", "core")
    machine.run("teams", "add", "core", "ann")
    machine.run("keys", "create", "codex-ann", "--owner", "ann")
    token = machine.run("tokens", "create", "bea", "--role", "lead", "--team", "core").out.strip()
    known = machine.run("tokens", "list", "--json").json["tokens"]
    served = start(machine, "--gateway", url, env={"JOYTUI_ADMIN_TOKEN": token})
    async with wall(served, "&screen=keys") as page:
        drawn = await page.wait_for("codex-ann")
        assert "read-only · core" in drawn
        assert "codex-anna" not in drawn.replace("codex-ann ", "")
        await page.press("X")
        await page.wait_for("this console is read-only: keys stay as they are")
        await page.press("H")
        await page.wait_for("a lead's token sees only its own")
    assert machine.run("tokens", "list", "--json").json["tokens"] == known
    assert served.end() == 0
    assert "the consoles see what this lead's token sees: core" in served.words
    assert keys(machine)["codex-ann"] == "active"


async def test_a_console_knows_no_secret_that_it_does_not_need(machine: Machine):
    machine.data.parent.joinpath("home/.codex/config.toml").write_text('x = "MY_TOKEN"\n')
    secrets = {"GITHUB_TOKEN": "s3cret-1", "AWS_SECRET_ACCESS_KEY": "s3cret-2", "UPSTREAM_KEY": "s3cret-3"}
    served = start(machine, env={**secrets, "MY_TOKEN": "needed-1", "JOY_TOKEN_API_KEY": "needed-2"})
    try:
        async with wall(served) as page:
            await page.wait_for("Doctor")
            (console,) = served.consoles()
            variables = Path(f"/proc/{console}/environ").read_text()
            words = Path(f"/proc/{console}/cmdline").read_text()
    finally:
        served.end()
        machine.data.parent.joinpath("home/.codex/config.toml").unlink()
    assert "s3cret" not in variables
    assert "needed-1" in variables
    assert "needed-2" in variables
    token = (machine.data / "admin-token").read_text().strip()
    assert token not in variables + words
    assert variables.split("JOYTUI_ADMIN_TOKEN=")[1].split("\0")[0] not in words


async def test_its_token_goes_with_it_and_the_gateway_with_a_key_stays(machine: Machine):
    served = start(machine)
    token_names = [token["name"] for token in _tokens(machine)]
    assert any(str(served.process.pid) in name for name in token_names)
    assert served.end(signal.SIGINT) == 0
    assert "gateway keeps running" in served.words
    assert not any(str(served.process.pid) in token["name"] for token in _tokens(machine))


def _tokens(machine: Machine) -> list[dict[str, str]]:
    import httpx

    url = json.loads((machine.data / "gateway.json").read_text())["url"]
    head = {"Authorization": f"Bearer {(machine.data / 'admin-token').read_text().strip()}"}
    found: list[dict[str, str]] = httpx.get(
        f"{url}/console/v1/tokens", headers=head, trust_env=False, verify=False
    ).json()["tokens"]
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_no_console_is_left_behind(machine: Machine, number: signal.Signals):
    served = start(machine)
    async with wall(served) as first, wall(served, "&screen=logs") as second:
        await first.wait_for("Doctor")
        await second.wait_for("Logs")
        consoles = served.consoles()
        assert len(consoles) == 2
        code = await asyncio.to_thread(served.end, number)
        assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
        if number == signal.SIGTERM:
            assert await first.closed() == (1001, "the server was stopped")
    await until_gone(consoles)


async def test_more_consoles_than_the_limit_are_told_so(machine: Machine):
    served = start(machine, "--limit", "1")
    try:
        async with wall(served) as first:
            await first.wait_for("Doctor")
            async with wall(served) as second:
                code, reason = await second.closed()
            assert (code, reason) == (1013, "1 consoles are open already, the limit of this server (--limit)")
        async with wall(served) as third:  # as when a page is loaded again
            await third.wait_for("Doctor")
            await third.press("q")
            assert await third.closed() == (1000, "")
    finally:
        served.end()


async def test_what_no_page_sends_closes_that_socket_alone(served: Served):
    for text in ("x", "{}", "[]", "[1]", "[" * 5000):
        async with wall(served) as page:
            await page.socket.send_str(text)
            assert (await page.closed())[0] == 1008
    async with wall(served) as page:
        for message in (["resize", {"width": 10**9, "height": -1}], ["resize", "x"], ["stdin", 5], ["nothing"]):
            await page.socket.send_str(json.dumps(message))
        await page.press("3")
        await page.wait_for("Usage")


async def test_without_a_gateway_and_without_leave_to_start_one_it_says_so(tmp_path: Path):
    alone = Machine(tmp_path)
    served = start(alone, "--no-start")
    try:
        async with wall(served, "&screen=logs") as page:
            await page.wait_for("no gateway was running when this page was opened")
    finally:
        assert served.end() == 0
    assert "the local gateway is not running, and --no-start forbids starting it" in served.words
    assert not (alone.data / "gateway.json").exists()


async def test_with_changes_a_key_can_be_made(machine: Machine):
    served = start(machine, "--allow-changes", "--screen", "keys")
    try:
        async with wall(served) as page:
            await page.wait_for("codex-anna")
            await page.press("n")
            await page.wait_for("Daily limit")
            await page.press("codex-wall")
            await page.press("\r")
            await page.wait_for("Your new key")
    finally:
        assert served.end() == 0
    assert keys(machine)["codex-wall"] == "active"
    machine.run("keys", "revoke", "codex-wall")


def test_a_taken_port_names_who_has_it(machine: Machine):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = machine.call("serve", "--port", str(port), "--no-start")
    assert said.code == 3
    assert f"127.0.0.1:{port}: the port is taken by " in said.err
    assert f"(pid {os.getpid()})" in said.err
    assert f"joytui serve --port {port + 1}" in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--port", "http"), "a port from 0 to 65535"),
        (("--port", "65536"), "a port from 0 to 65535"),
        (("--limit", "0"), "from 1 to 64"),
        (("--host", "no.such.host.invalid"), "no address is known"),
        (("--host", "192.0.2.1"), "cannot listen there"),
        (("--host", "0.0.0.0", "--allow-changes"), "--allow-changes is for loopback"),
        (("--gateway", "http://127.0.0.1:9"), "another gateway needs a token"),
        (("--host", ""), "--host"),
    ],
)
def test_wrong_words_end_with_2(machine: Machine, words: tuple[str, ...], says: str):
    said = machine.run("serve", "--port", "0", *words)
    assert said.code == 2, said.err
    assert says in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_named_gateway_that_does_not_answer_ends_with_3(machine: Machine):
    said = machine.run("serve", "--port", "0", "--gateway", "http://127.0.0.1:9", env={"JOYTUI_ADMIN_TOKEN": "x" * 43})
    assert said.code == 3
    assert "nothing answers here" in said.err


def test_without_textual_serve_it_names_the_command(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    said = machine.call("serve")
    assert said.code == 2
    assert "needs textual-serve, which is not installed" in said.err
    assert f"{sys.executable}" in said.err
    assert "'textual-serve>=1.1.2'" in said.err


def test_another_address_than_loopback_is_warned_about(machine: Machine):
    served = start(machine, "--host", "0.0.0.0")
    assert served.end() == 0
    assert "anyone who can reach the port sees" in served.words
    assert "plain http" in served.words
    assert "for everyone who can reach this port" in served.words
    assert f"from other machines: {elsewhere('0.0.0.0', int(served.url.split(':')[2].strip('/')))[0]}/" in served.words


def test_where_other_machines_find_it():
    assert elsewhere("127.0.0.1", 80) == elsewhere("wall.example", 80) == []
    for host in ("0.0.0.0", "::"):
        found = elsewhere(host, 8792)
        assert f"http://{socket.gethostname().lower()}:8792" in found
        assert not any("127.0.0.1" in one or "0.0.0.0" in one for one in found)


async def test_the_token_of_a_server_that_was_killed_goes_and_no_other_does(machine: Machine, tmp_path: Path):
    """Another machine of the same name looks at the same gateway: its token stays, whatever its process is called here."""
    here = places(machine.env)
    admin = await connect(here, start=False)
    for stale in abandoned(here.data_dir):
        stale.drop()
    before = {token.id for token in await admin.tokens()}
    notes = set(here.data_dir.glob("serve-*"))  # of a server that lives
    elsewhere_made = await admin.create_token(f"joytui serve {platform.node()[:40]} 0123abcd 999999")
    killed = start(machine)
    killed.end(signal.SIGKILL)
    assert len([token for token in await admin.tokens() if token.id not in before]) == 2
    accesses = [
        Access(here, lambda text: None, gateway_url=None, start=False, changes=False, env=machine.env) for _ in range(2)
    ]
    for access in accesses:
        await access.open()
    both = {token.id for token in await admin.tokens()} - before
    assert elsewhere_made.id in both
    assert len(both) == 3, "the killed one's has gone; that of a server which lives has not"
    for access in accesses:
        await access.close()
    assert {token.id for token in await admin.tokens()} - before == {elsewhere_made.id}
    assert set(here.data_dir.glob("serve-*")) == notes
    await admin.delete_token(elsewhere_made.id)
    await admin.aclose()


def test_the_page_cannot_ask_for_anything_but_known_words():
    assert Wish.of({"screen": "../x", "theme": "--help", "width": "9" * 400, "height": "x"}) == Wish()
    assert Wish.of({"screen": "logs", "theme": "contrast-light", "width": "7", "height": "9999", "light": "1"}) == Wish(
        20, 200, "logs", "contrast-light", True
    )
    assert size(-5, None) == (80, 24)


def test_the_shell_of_the_server_does_not_decide_how_the_console_draws(tmp_path: Path):
    env = {
        "COLUMNS": "10",
        "TEXTUAL_DRIVER": "x:y",
        "JOYTUI_ADMIN_TOKEN": "admin",
        "CODEX_HOME": str(tmp_path),
        "LANG": "C",
    }
    made = environment(env, Wish(120, 40), {"JOYTUI_ADMIN_TOKEN": "reads"})
    assert made["COLUMNS"] == "120"
    assert "TEXTUAL_DRIVER" not in made
    assert made["JOYTUI_ADMIN_TOKEN"] == "reads"
    assert made["LANG"] == "C"


async def test_pages_that_come_together_get_one_token(machine: Machine) -> None:
    """All at once, when the token has gone: none gets less than the others, and no second token is left behind."""
    here = places(machine.env)
    access = Access(here, lambda text: None, gateway_url=None, start=False, changes=False, env=machine.env)
    await access.open()
    admin = await connect(here, start=False)
    mine = f" {os.getpid()}"
    for token in await admin.tokens():
        if token.name.endswith(mine):
            await admin.delete_token(token.id)
    answers = await asyncio.gather(*(access.words() for _ in range(6)))
    left = [token for token in await admin.tokens() if token.name.endswith(mine)]
    await access.close()
    after = [token for token in await admin.tokens() if token.name.endswith(mine)]
    await admin.aclose()
    assert all(answer == answers[0] for answer in answers)
    assert set(answers[0][1]) == {"JOYTUI_ADMIN_TOKEN"}
    assert (len(left), after) == (1, [])
