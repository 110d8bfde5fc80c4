"""Who may do what: every route of the console API and every command, by every role."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from joytui.cli.main import COMMANDS as joytui_commands
from joytui.cli.main import main
from joytui.client.console_api import PREFIX
from joytui.core.roles import ROLES
from joytui.gateway.routes import CONSOLE
from tests.gateway.served import Served

READS = (
    "/status", "/keys", "/keys/{id}", "/requests", "/requests/stream", "/requests/{id}", "/usage", "/tasks", "/latency", "/models",
    "/wallet", "/wallet/entries", "/policies", "/upstreams", "/fleet", "/telemetry/tokens", "/tokens",
)  # fmt: skip
"""What every role may ask for."""
CHANGES: Mapping[tuple[str, str], Any] = {
    ("post", "/keys"): {"name": "made"},
    ("patch", "/keys/{id}"): {"labels": ["new"]},
    ("post", "/keys/{id}/rotate"): {"old_expires_at": "2999-12-31T00:00:00Z"},
    ("post", "/keys/{id}/disable"): None,
    ("post", "/keys/{id}/enable"): None,
    ("post", "/keys/{id}/revoke"): None,
    ("put", "/wallet/{tier}"): {"balance": "5"},
    ("post", "/wallet/{tier}/credit"): {"amount": "1"},
    ("put", "/policies/{name}"): {"daily_limit": "5"},
    ("delete", "/upstreams/lessons"): None,
    ("post", "/telemetry/tokens"): {"name": "laptop"},
    ("delete", "/telemetry/tokens/{id}"): None,
    ("post", "/tokens"): {"name": "other"},
    ("delete", "/tokens/{id}"): None,
}
"""What an admin alone may do, each with a body that does it."""
NO_CHANGE = {("post", "/keys/check"): {"key": "dev"}}
EVERYTHING: Mapping[tuple[str, str], Any] = {**{("get", path): None for path in READS}, **NO_CHANGE, **CHANGES}

COMMANDS = {
    "read": (
        "keys list", "keys check dev", "logs --source gateway", "usage --source gateway", "tasks", "models", "fleet", "wallet show",
        "telemetry token list", "tokens list", "gateway upstreams",
    ),
    "change": (
        "keys create made", "keys edit dev --owner ann", "keys disable dev", "keys enable dev",
        "keys revoke made", "keys rotate dev --overlap 24h", "wallet set economy 5", "wallet credit economy 1", "telemetry token create laptop",
        "telemetry token revoke sender", "tokens create other --role admin", "tokens revoke viewer", "gateway upstreams forget",
    ),
}  # fmt: skip
"""What asks a gateway, by whether it changes something there."""
ELSEWHERE = ("doctor", "store", "try", "codex", "setup", "report", "triage", "serve", "completion")
"""Commands about this machine. What they ask of a gateway are routes as well."""


@pytest.fixture
async def tokens(gateway: Served) -> dict[str, str]:
    """A console token of each role, by the role, which is its name too; and something of everything to ask for."""
    await gateway.key("dev")
    await gateway.admin.post(f"{PREFIX}/telemetry/tokens", json={"name": "sender"})
    made = {}
    for role in ROLES:
        answer = await gateway.admin.post(f"{PREFIX}/tokens", json={"name": role, "role": role})
        assert (answer.status_code, answer.json()["role"]) == (201, role)
        made[role] = answer.json()["token"]
    return made


def test_every_route_is_in_the_table() -> None:
    assert sorted(EVERYTHING) == sorted((one.method, one.path.removeprefix(PREFIX)) for one in CONSOLE)


def test_every_command_is_in_the_table() -> None:
    ours = {line.split()[0] for lines in COMMANDS.values() for line in lines}
    assert sorted([*ours, *ELSEWHERE]) == sorted(joytui_commands)


async def ask(gateway: Served, token: str, method: str, path: str, body: Any, **named: str) -> tuple[int, str]:
    """The status, and the error's type."""
    method = "head" if path.endswith("/stream") else method  # an answer without an end
    filled = path.format(**{"id": "dev", "tier": "economy", "name": "team", **named})
    headers = {"authorization": f"Bearer {token}"}
    answer = await gateway.http.request(method.upper(), PREFIX + filled, json=body, headers=headers)
    return answer.status_code, answer.json()["error"]["type"] if answer.is_error and answer.content else ""


async def state(gateway: Served) -> dict[str, Any]:
    """All that somebody may have changed."""
    paths = ("keys", "tokens", "wallet", "wallet/entries", "policies", "telemetry/tokens", "upstreams")
    return {path: await gateway.ask(path) for path in paths}


async def test_a_viewer_reads_everything_and_changes_nothing(gateway: Served, tokens: dict[str, str]) -> None:
    before = await state(gateway)
    for (method, path), body in EVERYTHING.items():
        status, kind = await ask(gateway, tokens["viewer"], method, path, body)
        if (method, path) in CHANGES:
            assert (status, kind) == (403, "read_only_token"), (method, path)
        else:
            assert (status, kind) in ((200, ""), (404, "not_found")), (method, path)  # there is no request "dev"
    assert await state(gateway) == before


async def test_a_token_of_an_admin_does_everything(gateway: Served, tokens: dict[str, str]) -> None:
    for (method, path), body in EVERYTHING.items():
        status, _ = await ask(gateway, tokens["admin"], method, path, body)
        assert status not in (401, 403), (method, path)
        assert status < 300 or status == 404 or path.endswith(("/enable", "/revoke", "/disable")), (
            method,
            path,
            status,
        )


async def test_a_token_opens_nothing_once_it_is_revoked(gateway: Served, tokens: dict[str, str]) -> None:
    [row] = [row for row in (await gateway.ask("tokens"))["tokens"] if row["name"] == "admin"]
    assert await ask(gateway, tokens["admin"], "delete", "/tokens/{id}", None, id=row["id"]) == (200, "")
    assert await ask(gateway, tokens["admin"], "get", "/status", None) == (403, "invalid_token")


async def test_a_role_that_is_none_is_refused(gateway: Served) -> None:
    answer = await gateway.admin.post(f"{PREFIX}/tokens", json={"name": "x", "role": "owner"})
    assert (answer.status_code, answer.json()["error"]["message"].partition(":")[0]) == (400, "role")


async def run(line: str, gateway: Served) -> int:
    return await asyncio.to_thread(main, [*line.split(), "--gateway", gateway.url])


@pytest.mark.parametrize("role", ROLES)
async def test_commands(
    gateway: Served, tokens: dict[str, str], role: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in ("HOME", "CODEX_HOME", "JOYTUI_DATA_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", tokens[role])
    before = await state(gateway)
    for line in COMMANDS["read"]:
        assert await run(line, gateway) == 0, (line, capsys.readouterr())
    assert await state(gateway) == before
    for line in COMMANDS["change"]:
        code = await run(line, gateway)
        told = capsys.readouterr()
        assert code == (0 if role == "admin" else 1), (line, told)
        assert role == "admin" or "this needs the admin token, not a read-only one" in told.err, line
    assert (await state(gateway) == before) == (role == "viewer")
    assert tokens[role] not in "".join(capsys.readouterr())


async def test_the_commands_of_tokens(gateway: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", gateway.gateway.admin_token)
    for line, code, out, err in (
        ("tokens list", 0, "", "no console tokens yet"),
        ("tokens create wall --role viewer", 0, "jt", "wall (token_"),
        ("tokens create wall --role viewer", 0, "jt", "wall (token_"),
        ("tokens list", 0, "viewer", ""),
        ("tokens revoke wall", 2, "", "use the id"),
        ("tokens revoke nobody", 2, "", "no console token is called 'nobody'"),
        (f"tokens create {'x' * 81} --role admin", 2, "", "1 to 80 characters"),
        ("tokens create wall", 2, "", "--role"),
        ("tokens create wall --role owner", 2, "", "must be one of admin"),
    ):
        assert await run(line, gateway) == code, line
        told = capsys.readouterr()
        assert (out in told.out, err in told.err) == (True, True), (line, told)
