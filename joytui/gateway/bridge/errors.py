"""Errors of the bridge: a request that cannot be translated, and the errors that an upstream sends in its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joytui.core.joytoken import INVALID_REQUEST, UPSTREAM_ERROR


class BridgeError(ValueError):
    """A request that has no meaning in Chat Completions; answered with 400 `invalid_request_error`."""

    status = 400
    error_type = INVALID_REQUEST


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error inside an answer. `code` is what Codex looks at; `type` is JoyToken's more stable field, for the record."""

    code: str
    message: str
    type: str | None = None

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}


CUT = StreamError(UPSTREAM_ERROR, "the upstream closed the stream before it gave a finish reason", UPSTREAM_ERROR)


def find_error(data: Mapping[str, Any]) -> StreamError | None:
    """The error that a chunk or a 200 body carries, None when it carries none.

    Known shapes: `{"error": {"message", "type", "code"?}}`, `{"error": "text"}`, and the catalog's
    `{"code": 50300, "message": …}` (JoyToken, errors; a 200 with an error envelope is in its SDKs' tests).
    """
    error = data.get("error")
    if isinstance(error, Mapping):
        return _from_object(error)
    if isinstance(error, str) and error:
        return StreamError(UPSTREAM_ERROR, error)
    code = data.get("code")
    if isinstance(code, int) and not isinstance(code, bool) and code and "choices" not in data and "message" in data:
        return StreamError(str(code), str(data["message"]))
    return None


def _from_object(error: Mapping[str, Any]) -> StreamError | None:
    if not error:
        return None
    kind = error.get("type")
    kind = kind if isinstance(kind, str) and kind else None
    code = error.get("code")
    code = str(code) if isinstance(code, (str, int)) and not isinstance(code, bool) and code else None
    message = error.get("message")
    text = message if isinstance(message, str) and message else (kind or code or "the upstream reported an error")
    return StreamError(code or kind or UPSTREAM_ERROR, text, kind)
