"""What a gateway says of a request that is not sent: joytui's own answers that, and keeps no record of the question.

No document of JoyToken's knows it: there, and at any other gateway, None is the answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from joytui.core.joytoken import OWN_KEY_PATH
from joytui.core.json_object import json_object
from joytui.doctor.questions import Asker


@dataclass(frozen=True, slots=True)
class Foretold:
    """Whether the request would be let in, or how it would be refused. `running`: other requests of this key hold something."""

    allowed: bool
    status: int = 200
    error_type: str = ""
    message: str = ""
    running: bool = False

    @property
    def body(self) -> bytes:
        """The error's body, as the refusal would have it."""
        return json.dumps({"error": {"message": self.message, "type": self.error_type}}).encode()


def foretell(asker: Asker, model: str, size: int) -> Foretold | None:
    """What a request of this size (bytes) for this model would meet; None if the gateway does not say. Raises Cancelled."""
    query = urlencode({"model": model, "input_bytes": size}, errors="replace")
    found = asker.get(f"{OWN_KEY_PATH}?{query}")
    if found is None or found[0] != 200:
        return None
    data = (json_object(found[1]) or {}).get("data")
    return _read(data) if isinstance(data, dict) else None


def _read(data: dict[str, Any]) -> Foretold | None:
    allowed, status = data.get("allowed"), data.get("status")
    if not isinstance(allowed, bool) or not isinstance(status, int):
        return None
    if allowed:
        return Foretold(True)
    error_type, message = str(data.get("error_type") or ""), str(data.get("message") or "")[:1000]
    return Foretold(False, status, error_type, message, bool(data.get("running", True)))
