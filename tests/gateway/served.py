"""A real gateway on a loopback socket, served in the test's own loop: SQLite in a file, uvicorn, httpx in front."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from joytui.core.local_address import url_on_this_machine
from joytui.gateway.alerts.setup import webhook_of
from joytui.gateway.runtime import Gateway
from joytui.gateway.server import bind, run
from joytui.gateway.settings import GatewaySettings
from joytui.gateway.upstream_keys import FILE_NAME, UpstreamKeys
from joytui.gateway.upstream_setup import upstream_of
from joytui.ledger.sql import reads
from joytui.ledger.sqlite.engine import SqliteLedger

ADMIN = "admin-token-of-the-tests"
SAY_HI = {"model": "auto", "messages": [{"role": "user", "content": "say hi"}]}


@dataclass
class Served:
    """`admin` speaks the console API, `http` is a bare client on the gateway's address. `stop` ends the gateway."""

    gateway: Gateway
    http: httpx.AsyncClient
    admin: httpx.AsyncClient
    stop: asyncio.Event

    @property
    def url(self) -> str:
        return self.gateway.url

    async def key(self, name: str = "", **policy: Any) -> str:
        """The plain key of a new key with this policy."""
        return (await self.new_key(name, policy=policy))["key"]

    async def new_key(self, name: str = "", **fields: Any) -> dict[str, Any]:
        """Without a name: dev, then dev-1, …"""
        count = len(self.gateway.keys)
        name = name or (f"dev-{count}" if count else "dev")
        answer = await self.admin.post("/console/v1/keys", json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def chat(self, key: str | None, body: Any = None, **headers: str) -> httpx.Response:
        return await self.post("chat/completions", key, body or SAY_HI, **headers)

    async def post(self, endpoint: str, key: str | None, body: Any, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            named["authorization"] = f"Bearer {key}"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.http.post(f"/openai/v1/{endpoint}", content=content, headers=named)

    async def logs(self, **params: Any) -> list[dict[str, Any]]:
        """Requests, newest first, once all of them have ended."""
        while self.gateway.running or self.gateway.ledger.waiting:
            await asyncio.sleep(0.005)
        await self.gateway.ledger.write(lambda batch: None)
        answer = await self.admin.get("/console/v1/requests", params=params)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["requests"])

    async def ask(self, path: str, **params: Any) -> Any:
        answer = await self.admin.get(f"/console/v1/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def last_seq(self) -> int:
        return await self.gateway.ledger.read(reads.last_seq)


@asynccontextmanager
async def served(folder: Path, **settings: Any) -> AsyncIterator[Served]:
    """A gateway with these settings and its store in the folder, until the block ends."""
    chosen = GatewaySettings(port=0, drain_s=1, **settings)
    ledger = SqliteLedger.open_store(folder / "data" / "ledger.sqlite3")
    listening = bind(chosen.host, 0)
    url = url_on_this_machine(chosen.host, listening.getsockname()[1], tls=bool(chosen.tls_cert))
    keys = UpstreamKeys(folder / "data" / FILE_NAME)
    gateway = Gateway(chosen, ledger, upstream_of(chosen, keys), ADMIN, url, webhook_of(chosen, keys))
    ready, stop = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run(gateway, listening, ready.set, signals=False, stop=stop))
    try:
        await ready.wait()
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
        options: dict[str, Any] = {
            "base_url": url,
            "trust_env": False,
            "verify": False,
            "timeout": 20,
            "limits": limits,
        }
        async with (
            httpx.AsyncClient(**options) as http,
            httpx.AsyncClient(**options, headers={"Authorization": f"Bearer {ADMIN}"}) as admin,
        ):
            yield Served(gateway, http, admin, stop)
    finally:
        stop.set()
        await task
        ledger.close()
        listening.close()
