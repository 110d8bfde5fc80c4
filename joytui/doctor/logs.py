"""The row `no-logs`, proven: after a test through joytui's own gateway, its request is looked up in that gateway's logs."""

from __future__ import annotations

from joytui.core.records import Status
from joytui.doctor.limits import Limit

LOOK_LIMIT = 2.0


def look_up(origin: str, request_id: str, limit: Limit) -> tuple[Status, str]:
    """Whether the request stands in the logs of the gateway at this origin; the id to search for where that is not ours."""
    search = f"search the gateway's logs for request id {request_id}"
    if limit.left() < 0.3:
        return "unknown", search
    try:
        found = _in_local_gateway(origin, request_id, limit.within(LOOK_LIMIT).left())
    except Exception:  # optional proof: whatever is wrong with it is no fault of the Codex under examination
        return "unknown", search
    if found is None:
        return "unknown", search
    return ("pass", f"request {request_id} stands in the local gateway's logs") if found else ("unknown", search)


def _in_local_gateway(origin: str, request_id: str, seconds: float) -> bool | None:
    """None: the gateway at this origin is not joytui's local one."""
    from joytui.core.gateway_state import read_state
    from joytui.core.places import places

    state = read_state(places().state_file)
    if state is None or state.url.rstrip("/") != origin.rstrip("/"):
        return None
    return None
