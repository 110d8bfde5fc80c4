"""Who gets in: by the Host header, by the origin, by the link; and what is handed out."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from joytui.web.doors import doorkeeper
from tests.support.joytui_process import Machine
from tests.support.served import Served, start

EVIL = "http://evil.example"


async def status(url: str, path: str = "", **headers: str) -> int:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    address = URL(url + path, encoded=True)  # as it stands: a client would tidy up "../"
    async with aiohttp.ClientSession() as client, client.get(address, headers=names) as answer:
        return answer.status


async def opened(served: Served, **headers: str) -> int:
    """The status of a websocket's handshake; 101 where it is opened."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with aiohttp.ClientSession() as client:
        try:
            async with client.ws_connect(served.url + "ws", headers=names):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status


async def test_the_page_comes_with_its_own_files_and_no_others(served: Served):
    async with aiohttp.ClientSession() as client, client.get(served.url) as answer:
        assert answer.status == 200
        page = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    assert "http" not in page.replace(served.url, "")  # nothing from elsewhere: it works without the internet
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    for name in ("textual.js", "console.js", "xterm.css", "console.css", "mono.ttf", "mono-italic.ttf"):
        assert await status(served.url, name) == 200


@pytest.mark.parametrize(
    "path",
    ["static/js/textual.js", "download/x", "index.html", "../console.js/../server.py", "%2e%2e/server.py", "ws/x"],
)
async def test_no_file_is_served_by_its_path(served: Served, path: str):
    assert await status(served.url, path) in (403, 404)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example"]
)
async def test_another_host_header_is_refused(served: Served, host: str):
    assert await status(served.url, Host=host) == 421
    assert await opened(served, Host=host, Origin=f"http://{host}") == 421


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
async def test_who_comes_by_number_to_an_address_of_this_machine_gets_in():
    """A server on :: takes IPv4, too: the connection's own address is then IPv4 within IPv6."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="in")

    app = web.Application(middlewares=[doorkeeper(frozenset(), any_own_address=True)])
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        await web.SockSite(runner, listener).start()
        port = listener.getsockname()[1]
        for address in ("127.0.0.1", "[::1]"):
            assert await status(f"http://{address}:{port}/") == 200
            for other in ("localhost", "127.0.0.2", "[::2]"):
                assert await status(f"http://{address}:{port}/", Host=f"{other}:{port}") == 421
            assert await status(f"http://{address}:{port}/", Host=address) == 421  # port 80
    finally:
        await runner.cleanup()


async def test_localhost_is_another_name_for_the_same(served: Served):
    host = served.host.replace("127.0.0.1", "localhost")
    assert await status(served.url, Host=host) == 200


async def test_a_page_of_another_origin_gets_no_websocket(served: Served):
    assert await opened(served, Origin=served.origin) == 101
    for origin in (EVIL, "null", f"{served.origin}.evil.example", "file://", "http://127.0.0.1:1"):
        assert await opened(served, Origin=origin) == 403
    assert await opened(served) == 403  # a browser always says where it comes from


async def test_another_site_may_link_to_the_page_and_nothing_else(served: Served):
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert await status(served.url, **link) == 200
    assert await status(served.url, **{**link, "Sec_Fetch_Dest": "iframe"}) == 403
    assert await status(served.url, "textual.js", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors") == 403
    assert await status(served.url, Origin=EVIL) == 403


async def test_only_get_is_answered(served: Served):
    async with aiohttp.ClientSession() as client, client.post(served.url) as answer:
        assert answer.status == 405


async def test_a_private_console_is_only_where_its_link_leads(machine: Machine):
    served = start(machine, "--private", "--no-start")
    try:
        assert len(served.url) > len(served.origin) + 30
        assert await status(served.url) == 200
        for path in ("/", "/ws", "/console.js", "/x/"):
            assert await status(served.origin, path) in (403, 404)
    finally:
        assert served.end() == 0
    assert served.url not in served.words
    assert "only with this link" in served.words


@pytest.mark.slow
async def test_names_that_are_allowed_come_in_with_and_without_the_port(machine: Machine):
    served = start(machine, "--allow-host", "Wall.Example")
    try:
        port = served.host.rpartition(":")[2]
        assert await status(served.url, Host="wall.example") == 200
        assert await opened(served, Host=f"wall.example:{port}", Origin=f"http://wall.example:{port}") == 101
        assert await opened(served, Host="wall.example", Origin="https://wall.example") == 101  # behind a TLS proxy
        assert await opened(served, Host="wall.example", Origin=served.origin) == 403
    finally:
        served.end()
