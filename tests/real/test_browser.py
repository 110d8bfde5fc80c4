"""`joytui serve` in a real Chromium: what somebody sees who stands before the wall display."""

from __future__ import annotations

import asyncio
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.browser import Browser, Page, chromium
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine
from tests.support.needs import needs
from tests.support.served import start

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    needs("a browser"),
]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("wall"))
    assert made.run("gateway", "start").code == 0
    yield made
    made.run("gateway", "stop")


@pytest.fixture(scope="module")
def key(machine: Machine) -> str:
    return str(machine.ask("keys", "create", "codex-anna", "--daily", "500")["key"])


def gateway(machine: Machine) -> str:
    return str(json.loads((machine.data / "gateway.json").read_text())["url"])


async def send(machine: Machine, key: str, model: str = "auto") -> int:
    return int((await asyncio.to_thread(machine.send, gateway(machine), key, model)).status_code)


def colours(png: bytes) -> int:
    """How many different pixels a picture has."""
    width, data, place = int.from_bytes(png[16:20], "big"), b"", 8
    depth = {2: 3, 6: 4}[png[25]]
    while place < len(png):
        length, kind = int.from_bytes(png[place : place + 4], "big"), png[place + 4 : place + 8]
        data += png[place + 8 : place + 8 + length] if kind == b"IDAT" else b""
        place += length + 12
    lines, step = zlib.decompress(data), width * depth + 1
    return len(
        {lines[at : at + depth] for row in range(0, len(lines), step) for at in range(row + 1, row + step, depth)}
    )


async def until_drawn(page: Page, other_than: bytes = b"") -> bytes:
    """A picture with text on it (the canvas follows the terminal's text by a frame), and not the one before."""
    async with asyncio.timeout(HANG_S):
        while colours(picture := await page.picture(400, 160)) < 40 or picture == other_than:
            pass  # each picture waits for a frame
    return picture


async def test_a_day_before_the_wall_display(machine: Machine, key: str, tmp_path: Path):
    served = start(machine)
    try:
        async with Browser.started(tmp_path / "profile") as browser:
            page = await browser.open(served.url)
            await page.wait_for("Doctor", "read-only", "No Codex here")
            doctor = await until_drawn(page)

            await page.press("2")
            await page.wait_for("live", "0 requests")
            assert await send(machine, key) == 200
            await page.wait_for("1 request", "codex-anna")
            logs = await until_drawn(page, doctor)
            assert logs != doctor

            await page.press("4")
            await page.wait_for("codex-anna", "active")
            await page.press("X")
            await page.wait_for("this console is read-only: keys stay as they are")
            assert await send(machine, key) == 200
            # It stays until a key is pressed after there was time to read it.
            while "keys stay as they are" in await page.text():
                await page.press("j")
                await asyncio.sleep(0.2)

            wide, high = await page.cells()
            await page.resize(820, 460)
            await page.wait_until(lambda text: len(text.split("\n")) < high, "a smaller terminal")
            narrow, low = await page.cells()
            assert narrow < wide
            await page.wait_until(
                lambda text: "codex-anna" in text and "q Quit" in text.split("\n")[low - 1], "the keys below"
            )

            await page.reload()
            await page.wait_for("Doctor", "read-only")
            second = await browser.open(
                f"{served.url}?screen=usage&theme=contrast&fontsize=20&ping=http://127.0.0.1:1/"
            )
            await second.wait_for("Usage", "SPEND")
            assert (await second.cells())[0] < wide
            await second.press("q")
            await second.wait_for("The console has ended.")
            await page.wait_for("Doctor")

            assert page.problems == []
            assert second.problems == []
            hosts = {url.split("/")[2] for url in page.requests + second.requests if not url.startswith("data:")}
            assert hosts == {served.host}
    finally:
        assert served.end() == 0


async def test_a_light_browser_gets_a_light_console(machine: Machine, tmp_path: Path):
    served = start(machine)
    try:
        async with Browser.started(tmp_path / "profile") as browser:
            page = await browser.open(served.url, light=True)
            await page.wait_for("No Codex here")
            cell = "window.seenTerminal.buffer.active.getLine(1).getCell(60).getBgColor()"
            ground = int(await page.evaluate(cell))
            assert ground > 0xE00000
            edges = "[document.body, document.querySelector('.xterm-viewport')].map((it) => getComputedStyle(it).backgroundColor)"
            red, green, blue = ground >> 16, ground >> 8 & 255, ground & 255
            assert await page.evaluate(edges) == [f"rgb({red}, {green}, {blue})"] * 2, (
                "no strip of another colour at the edges"
            )
    finally:
        served.end()


NOTE_THE_COVER = """
window.underTheCover = [];
addEventListener("DOMContentLoaded", () => {
  const cover = document.getElementById("opening"), buffer = () => window.seenTerminal?.buffer.active;
  new MutationObserver(() => {
    const line = buffer()?.getLine(0)?.translateToString(true) ?? "";
    window.underTheCover.push([getComputedStyle(cover).display, line.trim() !== ""]);
  }).observe(document.body, { attributeFilter: ["class"] });
});
"""


async def test_the_cover_stays_until_there_is_something_to_see(machine: Machine, tmp_path: Path):
    served = start(machine)
    try:
        async with Browser.started(tmp_path / "profile") as browser:
            page = await browser.open(served.url)
            await page.ask("Page.addScriptToEvaluateOnNewDocument", source=NOTE_THE_COVER)
            await page.reload()
            await page.wait_for("No Codex here")
            await until_drawn(page)
            assert await page.evaluate("getComputedStyle(document.getElementById('opening')).display") == "none"
            seen = await page.evaluate("window.underTheCover")
            assert ["none", True] in seen
            assert ["none", False] not in seen, "an empty terminal was to be seen"
            assert (
                await page.evaluate("getComputedStyle(document.getElementById('opening')).backgroundColor")
                != "rgba(0, 0, 0, 0)"
            )
    finally:
        served.end()


async def test_the_page_comes_back_with_the_server(machine: Machine, tmp_path: Path):
    served = start(machine)
    port = served.host.rpartition(":")[2]
    async with Browser.started(tmp_path / "profile") as browser:
        page = await browser.open(served.url)
        await page.wait_for("Doctor")
        assert await asyncio.to_thread(served.end) == 0
        await page.wait_for("joytui serve was stopped. Trying again…")
        again = start(machine, "--port", port)
        try:
            await page.wait_until(lambda text: "Trying again" not in text and "Doctor" in text, "the console, again")
        finally:
            again.end()


async def test_a_page_elsewhere_reaches_no_console(machine: Machine, tmp_path: Path):
    """In the browser, from another origin on the same machine: neither the page's text nor the websocket."""
    served = start(machine)
    elsewhere = web.Application()
    elsewhere.router.add_get("/", _blank)
    runner = web.AppRunner(elsewhere)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with Browser.started(tmp_path / "profile") as browser:
            page = await browser.open(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            await page.wait_for("elsewhere")
            opened = await page.evaluate(_TRY_SOCKET % (served.url.replace("http", "ws") + "ws"))
            assert opened == "closed"
            for mode in ("cors", "no-cors"):
                assert await page.evaluate(_TRY_FETCH % (served.url, mode)) in ("refused", "opaque ")
        assert served.consoles() == []
    finally:
        await runner.cleanup()
        served.end()


async def _blank(_: web.Request) -> web.Response:
    return web.Response(text="<p>elsewhere</p>", content_type="text/html")


_TRY_SOCKET = """
new Promise((tell) => {
  const socket = new WebSocket("%s");
  socket.onopen = () => tell("opened");
  socket.onclose = () => tell("closed");
})
"""
_TRY_FETCH = """
fetch("%s", { mode: "%s" }).then(async (answer) => answer.type + " " + await answer.text(), () => "refused")
"""


def test_a_machine_without_a_browser_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", os.devnull)
    assert chromium() is None
