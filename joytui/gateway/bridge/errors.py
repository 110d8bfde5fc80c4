"""Errors of the bridge: a request that cannot be translated, and the errors that an upstream sends in its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from joytui.core.joytoken import INSUFFICIENT_QUOTA, INVALID_API_KEY, INVALID_REQUEST, UPSTREAM_ERROR

CONTEXT_FULL = "context_length_exceeded"
"""The code after which Codex compacts: in an HTTP 400 or in `response.failed` (0.171.0, observed)."""
RATE_LIMIT = "rate_limit_exceeded"


class BridgeError(ValueError):
    """A request that has no meaning in Chat Completions; answered with 400 `invalid_request_error`."""

    status = 400
    error_type = INVALID_REQUEST


@dataclass(frozen=True, slots=True)
class StreamError:
    """An error inside an answer. `code` is what Codex looks at; `type` is JoyToken's more stable field, for the record.

    `status`: the HTTP status that the vendor means, where it sent 200 and its own number says so. `param`: the field of the
    request that it names.
    """

    code: str
    message: str
    type: str | None = None
    status: int | None = None
    param: str | None = None

    def to_json(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}


LONGEST_CODE = 200
LONGEST_MESSAGE = 8000
"""Characters of an upstream's error that are looked at: the rest is in no word that somebody reads."""

CUT = StreamError(UPSTREAM_ERROR, "the upstream closed the stream before it gave a finish reason", UPSTREAM_ERROR)
NO_SUMMARY = StreamError(UPSTREAM_ERROR, "the model returned no summary of the conversation", UPSTREAM_ERROR)

_MESSAGES = (
    "message",
    "msg",
    "Message",
    "detail",
    "error_message",
    "error_msg",
    "errorMessage",
    "status_msg",
    "reason",
    "title",
)
"""Where vendors put an error's words."""
_CODES = ("code", "error_code", "errorCode", "status_code", "status")
_FAULTS = ("error", "fail", "failed", "failure")
_MINIMAX: dict[int, tuple[int, str]] = {
    1002: (429, RATE_LIMIT),
    1004: (401, INVALID_API_KEY),
    1008: (402, INSUFFICIENT_QUOTA),
    1039: (400, CONTEXT_FULL),
    1041: (429, RATE_LIMIT),
    2013: (400, INVALID_REQUEST),
    2049: (401, INVALID_API_KEY),
    2056: (429, RATE_LIMIT),
}
"""MiniMax answers 200 and says in `base_resp` what it means (platform.minimax.io, error codes)."""
_OVERFLOW = re.compile(
    r"context[ _-]?(length|window|size|limit)|exceed_context|maximum context|max(imum)?[ _]prompt[ _]tokens"
    r"|(prompt|input|request|message)s?( is| are)? too (long|large)(?!.*per minute)|too many (input )?tokens(?! per)"
    r"|(token|tokens)[^.]{0,40} exceeds? (the )?(model|maximum|max|limit)|exceed(s|ed)? [^.]{0,20}(model )?token limit"
    r"|input (token count|length)[^.]{0,60}(exceed|should be)|exceeds? (the )?(max|maximum) (prompt |input )?length"
    r"|(max|maximum) number of (input )?tokens|reduce the length of (the|your) (messages|prompt|input)"
    r"|range of input length|上下文(长度|窗口)|(输入|提示词?|tokens?).{0,12}(超|过长)|超(出|过).{0,12}(长度|tokens?)",
    re.IGNORECASE,
)
_NOT_OVERFLOW = re.compile(
    r"per (minute|day|hour)|\b[TR]P[MD]\b|rate.?limit|max_(completion_)?tokens is too large", re.I
)


def is_overflow(error: StreamError) -> bool:
    """Whether a vendor's words say that the context is full."""
    words = f"{error.code} {error.type or ''} {error.message}"
    return CONTEXT_FULL in words or bool(_OVERFLOW.search(words) and not _NOT_OVERFLOW.search(words))


def find_error(data: Mapping[str, Any]) -> StreamError | None:
    """The error that a chunk or a 200 body carries, None when it carries none. A full context gets the code that Codex knows.

    Shapes: `{"error": {"message", "type", "code"?}}`, `{"error": "text"}`, the catalog's `{"code": 50300, "message": …}`
    (JoyToken, errors), an error in a choice (OpenRouter), MiniMax's `base_resp`, FastAPI's `detail`, Cloudflare's `errors`.
    """
    error = _stated(data) or _in_choice(data) or _base_resp(data)
    if error is None and not data.get("choices"):
        error = _unstated(data)
    return _with_code(error) if error else None


def refusal_in(data: Any) -> StreamError | None:
    """The error of a body whose HTTP status says that it is one, so that its words need no other mark."""
    if isinstance(data, list) and data:  # Gemini wraps it in a list
        data = data[0]
    if not isinstance(data, Mapping):
        return None
    if error := find_error(data):
        return error
    text = _words(data)
    return (
        _with_code(StreamError(_code(data) or UPSTREAM_ERROR, text, _kind(data), None, _param(data))) if text else None
    )


def named_error(data: str) -> StreamError:
    """The data of an event that is called `error`, whatever its form."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    return refusal_in(value) or _with_code(
        StreamError(UPSTREAM_ERROR, data.strip() or "the upstream reported an error")
    )


def _with_code(error: StreamError) -> StreamError:
    return replace(error, code=CONTEXT_FULL) if error.code != CONTEXT_FULL and is_overflow(error) else error


def _stated(data: Mapping[str, Any]) -> StreamError | None:
    error = data.get("error")
    if error is None:  # nearly always, and asking whether that is a Mapping takes ten times as long
        return None
    if isinstance(error, Mapping):
        return _from_object(error)
    if isinstance(error, str) and error:
        return StreamError(_code(data) or UPSTREAM_ERROR, (_words(data) or error)[:LONGEST_MESSAGE])
    return None


def _in_choice(data: Mapping[str, Any]) -> StreamError | None:
    choices = data.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    error = choice.get("error") if isinstance(choice, Mapping) else None
    return _from_object(error) if error is not None and isinstance(error, Mapping) else None


def _base_resp(data: Mapping[str, Any]) -> StreamError | None:
    told = data.get("base_resp")
    if told is None or not isinstance(told, Mapping) or not told.get("status_code"):
        return None
    number = told["status_code"]
    status, code = _MINIMAX.get(number, (None, UPSTREAM_ERROR)) if isinstance(number, int) else (None, UPSTREAM_ERROR)
    text = told.get("status_msg")
    return StreamError(code, f"{text or 'the upstream reported an error'} ({number})", code, status)


def _unstated(data: Mapping[str, Any]) -> StreamError | None:
    """An error without an `error` member: recognised by a code, a status, or text where an answer should be."""
    code = data.get("code", data.get("error_code"))
    by_code = isinstance(code, (int, str)) and not isinstance(code, bool) and code not in (0, "0", "", 200, "200")
    word = str(data.get("status") or data.get("object") or data.get("type") or "").lower()
    marked = by_code or data.get("success") is False or word in _FAULTS or "__type" in data
    if not (marked or "detail" in data or data.get("errors")) or "usage" in data:
        return None
    text = _words(data)
    return StreamError(_code(data) or UPSTREAM_ERROR, text, _kind(data), None, _param(data)) if text else None


def _from_object(error: Mapping[str, Any]) -> StreamError | None:
    if not error:
        return None
    kind = _kind(error)
    code = _code(error)
    text = _words(error) or kind or code or "the upstream reported an error"
    return StreamError(code or kind or UPSTREAM_ERROR, _with_cause(error, text), kind, None, _param(error))


def _with_cause(error: Mapping[str, Any], text: str) -> str:
    """OpenRouter's and LiteLLM's own words say little; what the vendor said is beside them."""
    more = error.get("metadata")
    raw = more.get("raw") if isinstance(more, Mapping) else None
    return f"{text}: {raw[:2000]}" if isinstance(raw, str) and raw and raw not in text else text


def _kind(error: Mapping[str, Any]) -> str | None:
    kind = error.get("type")
    return kind[:LONGEST_CODE] if isinstance(kind, str) and kind else None


def _param(error: Mapping[str, Any]) -> str | None:
    param = error.get("param")
    return param if isinstance(param, str) and param else None


def _code(error: Mapping[str, Any]) -> str | None:
    for name in _CODES:
        code = error.get(name)
        if isinstance(code, str) and code:
            return code[:LONGEST_CODE]
        if isinstance(code, int) and not isinstance(code, bool) and 0 < abs(code) < 10**18:
            return str(code)
    return None


def _words(error: Mapping[str, Any]) -> str:
    """The words of an error: a text, an object with one inside, or a list of either (FastAPI, Cloudflare)."""
    for name in (*_MESSAGES, "errors"):
        if text := "; ".join(_said(error.get(name))):
            return text[:LONGEST_MESSAGE]
    return ""


def _said(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, list):
        for one in value[:8]:
            yield from _said(one)
    elif isinstance(value, Mapping):
        place = value.get("loc")
        where = ".".join(map(str, place)) + ": " if isinstance(place, list) and place else ""
        inner = value.get("error")
        if text := _words(value) or (_words(inner) if isinstance(inner, Mapping) else ""):
            yield where + text
