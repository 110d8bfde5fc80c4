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


LONGEST_CODE = 200
LONGEST_MESSAGE = 8000
"""Characters of an upstream's error that are looked at: the rest is in no word that somebody reads."""

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
        return StreamError(UPSTREAM_ERROR, error[:LONGEST_MESSAGE])
    code = data.get("code")
    if isinstance(code, int) and not isinstance(code, bool) and code and "choices" not in data and "message" in data:
        return StreamError(_word(code) or UPSTREAM_ERROR, _message(data["message"]) or "the upstream reported an error")
    return None


def _from_object(error: Mapping[str, Any]) -> StreamError | None:
    if not error:
        return None
    kind = error.get("type")
    kind = _word(kind) if isinstance(kind, str) else None
    code = _word(error.get("code"))
    text = _message(error.get("message")) or kind or code or "the upstream reported an error"
    return StreamError(code or kind or UPSTREAM_ERROR, text, kind)


def _word(code: Any) -> str | None:
    """A code as text; None for none, and for a number that has more digits than a code."""
    if isinstance(code, str):
        return code[:LONGEST_CODE] or None
    plain = isinstance(code, int) and not isinstance(code, bool) and code and abs(code) < 10**18
    return str(code) if plain else None


def _message(text: Any) -> str | None:
    return text[:LONGEST_MESSAGE] if isinstance(text, str) and text else None
