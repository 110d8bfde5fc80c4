"""The row `no-logs`, proven: after a test through joytui's own gateway, its request is looked up in that gateway's logs."""

from __future__ import annotations

from urllib.parse import urlsplit

from joytui.core.loopback import is_loopback
from joytui.core.records import Status
from joytui.doctor.limits import Limit

LOOK_LIMIT = 2.0


def look_up(origin: str, request_id: str, limit: Limit) -> tuple[Status, str]:
    """Whether the request is in the logs of the gateway at this origin; the id to search for where that is not ours."""
    search = f"search the gateway's logs for request id {request_id}"
    if limit.left() < 0.3 or not _is_ours(origin):
        return "unknown", search
    try:
        found = _in_local_gateway(request_id, limit.within(LOOK_LIMIT).left())
    except Exception:  # optional proof: whatever is wrong with it is not a fault of the Codex under examination
        return "unknown", search
    if not found:
        return "unknown", search
    return "pass", f"request {request_id} is in the local gateway's logs"


def _is_ours(origin: str) -> bool:
    """Whether the local gateway's state file names this origin (not yet a proof that it is the one)."""
    from joytui.core.gateway_state import read_state
    from joytui.core.places import places

    state = read_state(places().state_file)
    if state is None:
        return False
    ours, theirs = urlsplit(state.url), urlsplit(origin)
    same_machine = is_loopback(state.url) and is_loopback(origin)
    return ours.port == theirs.port and (same_machine or ours.hostname == theirs.hostname)


def _in_local_gateway(request_id: str, seconds: float) -> bool:
    import asyncio

    from joytui.client.console import ConsoleClient
    from joytui.client.local import find
    from joytui.core.places import places

    async def ask() -> bool:
        async with asyncio.timeout(seconds):
            gateway = await find(places())
            if gateway is None:
                return False
            async with ConsoleClient(gateway.url, gateway.token) as console:
                while True:
                    if await console.request(request_id) is not None:
                        return True
                    await asyncio.sleep(0.1)  # the ledger writes a request when its answer has ended

    return asyncio.run(ask())
