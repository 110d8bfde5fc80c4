"""A real Chromium without a window, driven over the DevTools protocol: what a user of `joytui serve` sees and presses.

    async with Browser.started(folder) as browser:
        page = await browser.open(url)
        await page.wait_for("Doctor")
        await page.press("2")

The terminal in the page draws on a canvas, so its text is read from xterm.js itself, in the page. Nothing here sleeps:
the page tells when its terminal has changed.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.hang import HANG_S

LOOK_S = 0.3
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-proxy-server", "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip

# textual.js keeps its terminal to itself: this notes it where it is made, and tells of every change.
_NOTE_THE_TERMINAL = """
Object.defineProperty(Object.prototype, "webglAddon", {
  configurable: true,
  set(addon) {
    Object.defineProperty(this, "webglAddon", { value: addon, writable: true, configurable: true });
    window.seenTerminal = this.terminal;
    this.terminal.onWriteParsed(() => window.terminalChanged && window.terminalChanged(""));
  },
});
"""
_TEXT = """
(() => {
  const terminal = window.seenTerminal;
  if (!terminal) return document.body ? document.body.innerText : "";
  const buffer = terminal.buffer.active;
  const lines = Array.from({ length: terminal.rows }, (_, y) => buffer.getLine(y)?.translateToString(true) ?? "");
  const over = document.body.classList.contains("-over");
  return (over ? document.getElementById("why").textContent + "\\n" : "") + lines.join("\\n");
})()
"""


def chromium() -> str | None:
    """The browser on PATH, None if there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass
class Page:
    """One tab."""

    browser: Browser
    session: str
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, method: str, **params: Any) -> Any:
        return await self.browser.ask(method, session=self.session, **params)

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page (of its promise, if it is one)."""
        answer = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def text(self) -> str:
        """What stands on the terminal, with the words over it; the page's own text while there is no terminal."""
        return str(await self.evaluate(_TEXT))

    async def wait_until(self, holds: Callable[[str], bool], what: str, limit: float = HANG_S) -> str:
        """Until `holds(text)`; the text. Raises AssertionError with what stood there instead."""
        text = ""
        try:
            async with asyncio.timeout(limit):
                while True:
                    self.changed.clear()
                    if holds(text := await self.text()):
                        return text
                    with contextlib.suppress(TimeoutError):  # what changes outside of the terminal tells nobody
                        await asyncio.wait_for(self.changed.wait(), LOOK_S)
        except TimeoutError:
            raise AssertionError(f"waited {limit:g} s for {what}; {self.problems}\n{text}") from None

    async def wait_for(self, *texts: str, limit: float = HANG_S) -> str:
        return await self.wait_until(lambda screen: all(text in screen for text in texts), repr(texts), limit)

    async def press(self, *keys: str) -> None:
        """Characters, or the names "Enter" and "Escape", as the keyboard gives them."""
        codes = {"Enter": ("\r", 13), "Escape": ("", 27)}
        for key in keys:
            text, code = codes.get(key, (key, ord(key.upper()[0])))
            more = {"text": text} if text else {}
            await self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **more)
            await self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def resize(self, width: int, height: int) -> None:
        """The size of the window, in pixels."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def cells(self) -> tuple[int, int]:
        """Columns and lines of the terminal."""
        found = await self.evaluate("[window.seenTerminal.cols, window.seenTerminal.rows]")
        return int(found[0]), int(found[1])

    async def picture(self, width: int = 0, height: int = 0) -> bytes:
        """What is drawn, as a PNG; its upper left corner alone where a size in pixels is given."""
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        answer = await self.ask("Page.captureScreenshot", format="png", **({"clip": clip} if width else {}))
        return base64.b64decode(answer["data"])

    async def reload(self) -> None:
        await self.ask("Page.reload")


@dataclass
class Browser:
    """A browser process with an empty profile, and its DevTools connection."""

    _socket: aiohttp.ClientWebSocketResponse
    _waiting: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _pages: dict[str, Page] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    @staticmethod
    @contextlib.asynccontextmanager
    async def started(profile: Path, *, size: tuple[int, int] = (1280, 800)) -> AsyncIterator[Browser]:
        """Starts it with `profile` as its new, empty folder, and ends it with everything that it started."""
        command = chromium()
        assert command is not None, "no Chromium on PATH"
        home = {"HOME": str(profile), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        process = await asyncio.create_subprocess_exec(
            command, *FLAGS, f"--window-size={size[0]},{size[1]}", f"--user-data-dir={profile}", "about:blank",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env=home, start_new_session=True,
        )  # fmt: skip
        try:
            address = await asyncio.wait_for(_address(process), HANG_S)
            drain = asyncio.create_task(process.stderr.read())  # type: ignore[union-attr]
            async with (
                aiohttp.ClientSession() as client,
                client.ws_connect(address, max_msg_size=0, autoping=True) as socket,
            ):
                browser = Browser(socket)
                listening = asyncio.create_task(browser._listen())
                try:
                    yield browser
                finally:
                    listening.cancel()
                    drain.cancel()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def open(self, url: str, *, light: bool = False) -> Page:
        """A new tab on that address, of a user who likes dark pages (or light ones)."""
        context = (await self.ask("Target.createBrowserContext"))["browserContextId"]
        made = await self.ask("Target.createTarget", url="about:blank", browserContextId=context)
        session = (await self.ask("Target.attachToTarget", targetId=made["targetId"], flatten=True))["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.ask(f"{domain}.enable")
        await page.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        await page.ask("Runtime.addBinding", name="terminalChanged")
        await page.ask("Page.addScriptToEvaluateOnNewDocument", source=_NOTE_THE_TERMINAL)
        wish = {"name": "prefers-color-scheme", "value": "light" if light else "dark"}
        await page.ask("Emulation.setEmulatedMedia", features=[wish])
        await page.ask("Page.navigate", url=url)
        return page

    async def ask(self, method: str, *, session: str | None = None, **params: Any) -> Any:
        """One call of the protocol; its result. Raises AssertionError for the protocol's own errors."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send_json({**message, "sessionId": session} if session else message)
        found = await asyncio.wait_for(answer, HANG_S)
        assert "error" not in found, f"{method}: {found['error']}"
        return found["result"]

    async def _listen(self) -> None:
        async for message in self._socket:
            data = message.json()
            if "id" in data:
                self._waiting.pop(data["id"]).set_result(data)
            elif (page := self._pages.get(data.get("sessionId", ""))) is not None:
                _note(page, data["method"], data["params"])


def _note(page: Page, method: str, params: Any) -> None:
    match method:
        case "Runtime.bindingCalled":
            page.changed.set()
        case "Runtime.exceptionThrown":
            page.problems.append(str(params["exceptionDetails"].get("exception", params).get("description", params)))
        case "Log.entryAdded" if params["entry"]["level"] == "error":
            page.problems.append(params["entry"]["text"])
        case "Network.requestWillBeSent":
            page.requests.append(params["request"]["url"])
        case "Network.webSocketCreated":
            page.requests.append(params["url"])


async def _address(process: asyncio.subprocess.Process) -> str:
    said = b""
    assert process.stderr is not None
    while line := await process.stderr.readline():
        said += line
        if line.startswith(b"DevTools listening on "):
            return line.split()[-1].decode()
    raise AssertionError(f"the browser ended: {said[-2000:].decode('utf-8', 'replace')}")
