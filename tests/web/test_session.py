"""A console that hangs: nobody waits for it forever, and it holds no place."""

from __future__ import annotations

import asyncio
import os
import sys

import aiohttp
import pytest
from aiohttp import web

from joytui.web import session
from joytui.web.child import Wish
from joytui.web.session import Session, converse
from tests.support.hang import HANG_S
from tests.support.served import gone

HANGS = "print('__GANGLION__', flush=True); import time; time.sleep(600)"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "STUCK_S", 0.5)
    monkeypatch.setattr(session, "QUIT_S", 0.5)


@pytest.mark.parametrize(
    "leaves",
    [True, pytest.param(False, marks=pytest.mark.slow)],
    ids=["the page goes", "the page stays"],
)
async def test_a_console_that_takes_no_input_is_ended(leaves: bool) -> None:
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def console(request: web.Request) -> web.WebSocketResponse:
        page = web.WebSocketResponse()
        await page.prepare(request)
        one = Session([sys.executable, "-c", HANGS], dict(os.environ), page)
        await converse(one, Wish(), page)
        assert one._process is not None
        ended.set_result(one._process.pid)
        return page

    app = web.Application()
    app.router.add_get("/", console)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        async with aiohttp.ClientSession() as browser, browser.ws_connect(f"http://{host}:{port}/") as page:
            for _ in range(4):
                await page.send_json(["stdin", "x" * 200_000])
            if leaves:
                await page.close()
            async with asyncio.timeout(HANG_S):
                while not page.closed:  # a browser answers the closing; without, the server waits ten seconds for it
                    await page.receive()
                assert gone(await ended)
    finally:
        await runner.cleanup()
