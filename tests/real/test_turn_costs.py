"""`codex.turn_cost` as the real Codex emits it, beside the ledger: a run with a sub-agent, and an OTLP receiver of the test's own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from joytui.core.joytoken import config_block
from tests.bridge.chat_upstream import ChatUpstream
from tests.bridge.codex_tasks import Model
from tests.support.app_server import app_server
from tests.support.hang import poll
from tests.support.real_codex import NEWEST, codex
from tests.support.real_setup import Setup

pytestmark = [pytest.mark.codex, pytest.mark.slow]
RATE = Decimal("0.002")
CATALOG = '[[model]]\nkey = "m1"\ninput = "31"\noutput = "97"\n'


class _Receiver(ThreadingHTTPServer):
    """Keeps the attributes of every log record that is posted, as OTLP's JSON has them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.records: list[dict[str, Any]] = []


class _Post(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Receiver

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        data = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for resource in data.get("resourceLogs", ()):
            for scope in resource["scopeLogs"]:
                self.server.records += [_attributes(record) for record in scope["logRecords"]]
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


def _attributes(record: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in record["attributes"]}


@contextmanager
def receiver() -> Iterator[_Receiver]:
    server = _Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def test_codex_emits_what_the_ledger_has(setup: Setup) -> None:
    (setup.folder / "catalog.toml").write_text(CATALOG)
    async with ChatUpstream(Model()) as upstream:
        options = (
            "--upstream",
            upstream.url,
            "--upstream-key-env",
            "UP_KEY",
            "--catalog",
            str(setup.folder / "catalog.toml"),
        )
        env = {"UP_KEY": "up-secret-0123456789", "JOYTUI_GATEWAY_USD_PER_CREDIT": str(RATE)}
        await asyncio.to_thread(setup.start_gateway, *options, env=env)
        emitted, rows = await asyncio.to_thread(run_and_wait, setup)
    spent = {turn: sum(Decimal(row["cost_credits"]) for row in rows if row["turn_id"] == turn) for turn in emitted}
    assert len(emitted) == 2, "the turn, and that of its sub-agent"
    assert min(spent.values()) > 0
    assert emitted == {turn: f"{(credits * RATE).normalize():f}" for turn, credits in spent.items()}


def run_and_wait(setup: Setup) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """What Codex told the receiver of each turn's cost, and the gateway's rows."""
    setup.create_key("codex")
    with receiver() as heard:
        endpoint = f"http://127.0.0.1:{heard.server_port}/v1/logs"
        otel = f'[otel]\nexporter = {{ otlp-http = {{ endpoint = "{endpoint}", protocol = "json" }} }}\n'
        config = config_block(f"{setup.url}/openai/v1").replace('model = "auto"', 'model = "m1"')
        (setup.codex_home / "config.toml").write_text(config + otel)
        with app_server(codex(NEWEST), setup.env, setup.folder / "work") as server:
            thread = server.ask("thread/start", cwd=str(setup.folder / "work"))["thread"]["id"]
            assert server.turn(thread, "delegate now")["status"] == "completed"
            rows = setup.json_lines("logs", "--limit", "0")
            turns = {row["turn_id"] for row in rows}

            def costs() -> dict[str, str]:
                found = [one for one in list(heard.records) if one.get("event.name") == "codex.turn_cost"]
                return {one["turn.id"]: one["usage.estimated_usd"] for one in found}

            # Codex asks 150 s after its start
            poll(lambda: costs().keys() >= turns, lambda: f"the costs of {turns}, and there is {costs()}")
    return costs(), rows
