"""`joytui telemetry` and `joytui fleet` as a user types them, with a local gateway of their own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from joytui.core.clock import now_ms
from tests.support.clock import NOW
from tests.support.joytui_process import Machine
from tests.telemetry.otlp import as_json, attempt, done

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("machine_clock")]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    here = Machine(tmp_path)
    yield here
    here.call("gateway", "stop")


def test_on_arrives_and_off_leaves_nothing(machine: Machine) -> None:
    config = machine.folder / "home" / ".codex" / "config.toml"
    first = machine.call("telemetry", "on", "--yes")
    assert first.code == 0, first.err
    assert "gateway keeps running" in first.err
    exporter = tomllib.loads(config.read_text())["otel"]["exporter"]["otlp-http"]
    secret = exporter["headers"]["authorization"].removeprefix("Bearer ")
    assert secret not in first.err + first.out
    before = machine.call("telemetry", "status", "--json").json
    assert (before["on"], before["endpoint"], before["last_received"]) == (True, exporter["endpoint"], None)
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
    since = now_ms() - NOW.timestamp() * 1000
    body = as_json([attempt(since), done(since + 50)])
    assert httpx.post(exporter["endpoint"], content=body, headers=headers, trust_env=False).json() == {}
    after = machine.call("telemetry", "status", "--json").json
    assert after["token"] == before["token"]
    assert after["last_received"]
    again = machine.call("telemetry", "on", "--yes")
    assert (again.code, "already on" in again.err) == (0, True)
    [person] = machine.call("fleet", "--json").json["people"]
    assert (person["state"], person["codex_version"]) == ("ok", "0.171.0")
    assert "✓ ok" in machine.call("fleet").out
    off = machine.call("telemetry", "off", "--yes")
    assert (off.code, config.exists()) == (0, False)
    assert httpx.post(exporter["endpoint"], content=body, headers=headers, trust_env=False).status_code == 401
    assert machine.call("telemetry", "token", "list", "--json").json == {"tokens": []}


def test_a_token_is_made_listed_and_revoked(machine: Machine) -> None:
    made = machine.call("telemetry", "token", "create", "ann", "--owner", "ann", "--team", "core", "--json")
    assert made.code == 0, made.err
    assert made.json["token"].startswith("jtt_")
    assert (made.json["owner"], made.json["team"]) == ("ann", "core")
    assert machine.call("telemetry", "token", "create", "ann").code == 1
    assert made.json["token"] not in machine.call("telemetry", "token", "list", "--json").out
    assert "no telemetry since" not in machine.call("fleet").out
    assert machine.call("telemetry", "token", "revoke", "ann").code == 0
    assert machine.call("telemetry", "token", "revoke", "ann").code == 2
