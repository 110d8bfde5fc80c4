"""JSON from the wire, where only an object is of use."""

from __future__ import annotations

import json
from typing import Any


def json_object(data: bytes | str) -> dict[str, Any] | None:
    """The object that this text is; None for anything else, also for JSON that is nested too deep to be read."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
