"""JSON answers of the gateway's own: what a terminal would obey is escaped, since many of them end in one."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

from joytui.core.redaction import escaped_json


class JsonAnswer(JSONResponse):
    """Starlette's, in which no character is raw that cannot be printed."""

    def render(self, content: Any) -> bytes:
        data = super().render(content)
        return data if data.isascii() and b"\x7f" not in data else escaped_json(data.decode()).encode()
