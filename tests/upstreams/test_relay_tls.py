"""An upstream over TLS: a certificate that is trusted, and one that is not."""

from __future__ import annotations

import asyncio
import json
import ssl

import pytest
import trustme

from joytui.gateway.upstreams.factory import make_upstream
from joytui.gateway.upstreams.transport import TransportOptions
from tests.upstreams.calling import ANSWER, error, model_call, read


@pytest.mark.parametrize("trusted", [True, False])
async def test_certificate(trusted: bool) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        body = json.dumps(ANSWER).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    mine = ssl.create_default_context()
    if trusted:
        authority.configure_trust(mine)
    relay = make_upstream(url, "k", api="responses", options=TransportOptions(verify=mine))
    exchange, data, _ = await read(relay, model_call("chat/completions", stream=False))
    await relay.aclose()
    server.close()
    if trusted:
        assert (exchange.status, json.loads(data)) == (200, ANSWER)
    else:
        assert (exchange.status, error(data)["type"], asked) == (502, "upstream_error", [])
        assert "certificate verify failed" in error(data)["message"]
