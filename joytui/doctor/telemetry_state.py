"""Whether Codex's telemetry is on, and whether the gateway takes it: one line of the report. It is never a fault: no turn depends on it.

Nothing is told where no exporter is set. Where one is joytui's, an empty post with its own token asks the gateway, unless nothing
may leave the machine.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from joytui.codex.world import World
from joytui.core.records import TelemetryState
from joytui.doctor.limits import Limit
from joytui.doctor.scrub import bare

if TYPE_CHECKING:
    from joytui.doctor.telemetry import Exporter

ASKED_S = 2.0
"""At most, for the answer: the exporter itself waits longer, beside the turn."""
_EMPTY = b'{"resourceLogs":[]}'
_SAID = {401: "its token is not known there", 404: "no telemetry is taken there"}


def telemetry_state(world: World, limit: Limit, *, send: bool) -> TelemetryState | None:
    """What the report says of telemetry; None where Codex sends none."""
    if not any(key.startswith("otel.exporter") and wanted for key, wanted in world.wanted.items()):
        return None
    from joytui.doctor.telemetry import exporter

    found = exporter(world)
    if found is None:
        return None
    endpoint = bare(found.endpoint) if found.endpoint else None
    if not found.ours:
        where = endpoint or "an exporter of its own"
        return TelemetryState(
            False, endpoint, found.origin, None, f"Codex sends its telemetry to {where}, not to joytui"
        )
    fault = asyncio.run(_fault(found, min(ASKED_S, limit.left()))) if send else None
    if not send:
        return TelemetryState(
            True, endpoint, found.origin, None, f"Telemetry is on: Codex posts to {endpoint}; not asked there"
        )
    words = f"does not arrive: {endpoint} {fault}" if fault else f"arrives: Codex posts to {endpoint}"
    return TelemetryState(True, endpoint, found.origin, fault is None, f"Telemetry is on and {words}")


async def _fault(found: Exporter, seconds: float) -> str | None:
    """Why the gateway does not take it, in words; None where it does."""
    import httpx

    from joytui.client.http import http_client
    from joytui.core.errors import JoytuiError

    url = found.endpoint or ""
    headers = {"Authorization": f"Bearer {found.token}", "Content-Type": "application/json"}
    try:
        async with http_client(url, headers=headers, read_timeout=seconds, connect_timeout=seconds) as client:
            answer = await client.post(url, content=_EMPTY)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, JoytuiError) as error:
        return f"does not answer ({type(error).__name__})"
    if answer.status_code == 200:
        return None
    said = _SAID.get(answer.status_code)
    return f"answers {answer.status_code}" + (f", {said}" if said else "")
