"""What a bundle is made of: looks at this machine once. Unscrubbed; nothing of it leaves before compose."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joytui import __version__
from joytui.codex.look import look
from joytui.codex.world import Invocation, World
from joytui.codex.world_data import credential_data, layers_data, request_data
from joytui.core.clock import rfc3339
from joytui.core.known_secrets import PROXY_VARIABLES, SAFE_VARIABLES
from joytui.core.records import Report, SurfaceCell, to_json
from joytui.doctor.examine import DEFAULT_TIMEOUT, examine
from joytui.doctor.failures import History, last_failures
from joytui.doctor.scrub import bare, known_secrets
from joytui.doctor.surfaces import surface_cells
from joytui.doctor.telemetry import exporter

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient

_CONFIG_VALUES = (
    "model", "model_provider", "base_url", "env_key", "wire_api", "name", "model_reasoning_effort", "approval_policy",
    "sandbox_mode", "profile",
)  # fmt: skip
RECORDS = 200
_RECORD_FIELDS = (
    "id", "time", "model", "model_used", "provider", "tier", "endpoint", "status", "error_type", "error_message", "cause",
    "input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "ttft_ms", "latency_ms", "stream",
    "request_id", "upstream_id", "thread_id", "notes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Material:
    """Everything before it is scrubbed. `secrets` are those to look for; `home` is the user's home folder."""

    generated_at: str
    doctor: Report
    config: Mapping[str, Any]
    versions: Mapping[str, Any]
    environment: Mapping[str, Any]
    history: History
    gateway: Mapping[str, Any]
    surfaces: tuple[SurfaceCell, ...]
    secrets: tuple[str, ...] = field(repr=False)
    home: str = ""


def gather(
    invocation: Invocation, generated_at: datetime, *, send: bool = False, gateway: Mapping[str, Any] | None = None
) -> Material:
    """Looks at an invocation's world. `send` False: nothing leaves this machine. `gateway`: what `records_of` gave."""
    world = look(invocation)
    report = examine(invocation, send=send, timeout=DEFAULT_TIMEOUT)
    return Material(
        generated_at=rfc3339(generated_at),
        doctor=report,
        config=_config(world),
        versions=_versions(world),
        environment=_environment(invocation.env),
        history=last_failures(Path(world.codex_home)),
        gateway=gateway or {"running": False},
        surfaces=surface_cells(invocation, verdict=report.verdict),
        secrets=known_secrets(world),
        home=invocation.env.get("HOME", ""),
    )


def _config(world: World) -> dict[str, Any]:
    """Each effective value with its origin: those of an allowlist, numbers and switches as they are, others only as set."""
    effective = {
        name: {"value": _value(name, found.value), "origin": found.origin, "layer": found.layer}
        for name, found in sorted(world.effective.items())
    }
    request, credential = request_data(world), credential_data(world)
    value = (world.credential.value if world.credential else None) or b""
    return {
        "codex_home": world.codex_home,
        "config_file": world.config_file,
        "layers": layers_data(world),
        "effective": effective,
        "request": _only(request, "method", "url", "shape") | {"url": bare(request["url"])} if request else None,
        "credential": _only(credential, "kind", "origin", "sent") | {"length": len(value)} if credential else None,
        "telemetry": _telemetry(world),
    }


def _telemetry(world: World) -> dict[str, Any]:
    """Whether Codex tells joytui's gateway of its requests, and where it says so."""
    found = exporter(world)
    if found is None:
        return {"on": False, "endpoint": None, "origin": None}
    return {"on": found.ours, "endpoint": bare(found.endpoint) if found.endpoint else None, "origin": found.origin}


def _only(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: data[name] for name in names}


def _value(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    last = name.rsplit(".", 1)[-1]
    if last == "base_url":
        return bare(str(value))
    return str(value)[:200] if last in _CONFIG_VALUES else "(set)"


def _versions(world: World) -> dict[str, Any]:
    return {
        "joytui": __version__,
        "codex": world.version if world.version_known else None,
        "codex_kind": world.binary.kind if world.binary else None,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _environment(env: Mapping[str, str]) -> dict[str, Any]:
    """Names of all variables; values of an allowlist only; proxies without their credentials."""
    return {
        "names": sorted(env),
        "values": {name: env[name][:200] for name in SAFE_VARIABLES if name in env},
        "proxies": {name: bare(env[name]) for name in PROXY_VARIABLES if name in env},
    }


async def records_of(
    console: ConsoleClient, key: str | None, generated_at: datetime, telemetry: str | None = None
) -> dict[str, Any]:
    """The gateway's records of the last hour for a plain key (None or unknown: those that came without a known key). `telemetry`:
    the fingerprint of the telemetry token that Codex posts with."""
    status = await console.status()
    key_id = (await console.check_key(key)).key_id if key else None
    since = rfc3339(generated_at - timedelta(hours=1))
    page = await console.requests(since=since, limit=RECORDS)
    own = [record for record in page.records if record.key_id == key_id]
    return {
        "running": True,
        "version": status.version,
        "upstream": bare(status.upstream) if status.upstream else None,
        "key": "known" if key_id else "not of this gateway",
        "telemetry_received": await _received(console, telemetry) if telemetry else None,
        "records": [
            {name: value for name, value in to_json(record).items() if name in _RECORD_FIELDS} for record in own
        ],
    }


async def _received(console: ConsoleClient, fingerprint: str) -> str | None:
    """When something came by that token last."""
    found = (one for one in await console.telemetry_tokens() if one.fingerprint == fingerprint)
    return next((one.last_received for one in found), None)
