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

NO_CALL = StreamError(
    UPSTREAM_ERROR, "the upstream says that it calls a tool, and there is no call to be read", UPSTREAM_ERROR
)
CUT = StreamError(UPSTREAM_ERROR, "the upstream closed the stream before it gave a finish reason", UPSTREAM_ERROR)
NO_SUMMARY = StreamError(UPSTREAM_ERROR, "the model returned no summary of the conversation", UPSTREAM_ERROR)

_MESSAGES = (
    *("message", "msg", "detail", "errormessage", "errormsg", "errmsg", "retmsg", "statusmsg", "faultstring"),
    *("reason", "exception", "description", "title"),
)
"""Where vendors put an error's words, the most telling first. Names are compared without case and underscores."""
_CODES = ("code", "errorcode", "errcode", "retcode", "statuscode", "status")
_NO_FAULT = ("", "0", "200", "True", "False", "OK", "Success", "success")
_FAULTS = ("error", "fail", "failed", "failure")
_FAULT_NAME = re.compile(r"err(or)?(message|msg|type|code)?|fault(string)?|\w*exception|__type", re.IGNORECASE)
"""A member that only an error has."""
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
    r"context[ _-]?(length|window|size|limit)|exceed_context|max(imum)?[ _](context|prompt[ _](tokens|length)|model length)"
    r"|(prompt|input|request|message)s?( tokens?)?( length)?( is| are)? too (long|large)(?!.*per minute)|too many (input )?tokens(?! per)"
    r"|(token|tokens)[^.]{0,40} (exceeds?|more than) (the )?(model|maximum|max|limit)|exceed(s|ed)? [^.]{0,20}(model )?token limit"
    r"|input (token count|length)[^.]{0,60}(exceed|should be|only supports)|exceeds? (the )?(max|maximum) (prompt |input )?length"
    r"|(max|maximum) (number of )?input (tokens|characters|length)|(max|maximum) number of tokens"
    r"|inputs[`'\"]? (tokens[^.]{0,40}(<=|less than|at most)|must have less than)"
    r"|tokens_limit_reached|longer than the max(imum)?( allowed)? length|(max|maximum) sequence length|contains \d+ tokens but"
    r"|number of input tokens.{0,30} (greater|more|larger) than|input exceeds? (the )?model|messages\[\d+\]\.content.{0,4} string too long"
    r"|コンテキスト長|reduce the length of (the|your) (messages|prompt|input)"
    r"|range of input length|上下文(长度|窗口|.{0,2}限制)|(输入|提示词?|prompt|tokens?).{0,12}(超|过长)|超(出|过).{0,12}(长度|tokens?)",
    re.IGNORECASE,
)
_NOT_OVERFLOW = re.compile(
    r"per (minute|day|hour)|\b[TR]P[MD]\b|rate.?limit|max_(completion_)?tokens\b.{0,24}( is too large|exceeds? (the )?(max|allowed|limit)|must be|should be)"
    r"|max tokens must be|maximum tokens you request|(max_|completion |output )tokens? .{0,60}at most",
    re.IGNORECASE,
)


def is_overflow(error: StreamError) -> bool:
    """Whether a vendor's words say that the context is full."""
    words = f"{error.code} {error.type or ''} {error.message}"
    return CONTEXT_FULL in words or bool(_OVERFLOW.search(words) and not _NOT_OVERFLOW.search(words))


def find_error(data: Mapping[str, Any]) -> StreamError | None:
    """The error that a chunk or a 200 body carries, None when it carries none. A full context gets the code that Codex knows.

    Shapes: `{"error": {"message", "type", "code"?}}`, `{"error": "text"}`, the catalog's `{"code": 50300, "message": …}`
    (JoyToken, errors), an error in a choice (OpenRouter), MiniMax's `base_resp`, FastAPI's `detail`, Cloudflare's `errors`, and
    any of these in an envelope (Tencent's `Response`, Volcengine's `ResponseMetadata`, Spark's `header`).
    """
    error = _stated(data) or _in_choice(data) or _base_resp(data)
    if error is None and not data.get("choices"):
        error = _unstated(data) or _enclosed(data)
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


_SAYS_ERROR = re.compile(r"\W{0,3}(\w{0,20}error|\w{0,20}exception|traceback|fatal)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
LONGEST_PAGE = 300
"""Characters of a page, or of a text, that are shown where an answer should be."""


def text_error(data: str) -> StreamError | None:
    """The error that a data line which is no JSON reports in plain words; None for a heartbeat."""
    return named_error(data[:LONGEST_MESSAGE]) if _SAYS_ERROR.match(data) else None


def plain_refusal(body: bytes) -> StreamError | None:
    """A refusal in one line of plain text; a page, which a proxy makes, is none."""
    text = body.strip()
    if not text or len(text) > LONGEST_PAGE or text[:1] in b"<{[" or b"\n" in text:
        return None
    return _with_code(StreamError(UPSTREAM_ERROR, text.decode("utf-8", "replace")))


def page_words(body: bytes) -> str:
    """What a body that is no JSON says to its reader: the title of a page, else its text."""
    text = body[:LONGEST_MESSAGE].decode("utf-8", "replace")
    title = _TITLE.search(text)
    return " ".join((title[1] if title else _TAG.sub(" ", text)).split())[:LONGEST_PAGE]


def _with_code(error: StreamError) -> StreamError:
    return replace(error, code=CONTEXT_FULL) if error.code != CONTEXT_FULL and is_overflow(error) else error


_NO_ENVELOPE = ("usage", "metadata", "orchestration")


def _stated(data: Mapping[str, Any]) -> StreamError | None:
    error = data.get("error")
    if error is None:  # nearly always, and asking whether that is a Mapping takes ten times as long
        return None
    if isinstance(error, Mapping):
        return _from_object(error)
    if isinstance(error, str) and error:
        return StreamError(_code(data) or UPSTREAM_ERROR, (_words(data) or error)[:LONGEST_MESSAGE])
    if isinstance(error, list) and (text := "; ".join(_said(error))):
        return StreamError(_code(data) or UPSTREAM_ERROR, text[:LONGEST_MESSAGE])
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
    if "usage" in data:
        return None
    plain = _by_plain_name(data)
    codes = (plain.get(name) for name in _CODES if name != "status")
    by_code = any(isinstance(c, (int, str)) and str(c) not in _NO_FAULT for c in codes)
    word = str(data.get("status") or data.get("object") or data.get("type") or "").lower()
    named = any(value and _FAULT_NAME.fullmatch(name) for name, value in plain.items())
    marked = by_code or data.get("success") is False or word in _FAULTS or named
    kind = data.get("type")
    event = (
        isinstance(kind, str) and ":" not in kind
    )  # one that says what it is; a type with a colon is a problem's (RFC 9457)
    if not (marked or ("detail" in data and not event) or data.get("errors")):
        return None
    text = _words(data)
    return StreamError(_code(data) or UPSTREAM_ERROR, text, _kind(data), None, _param(data)) if text else None


def _enclosed(data: Mapping[str, Any], *, deeper: bool = True) -> StreamError | None:
    """An error in the one object that an answer without choices consists of, apart from ids and the like, or in the one in that. A name
    that says so marks an object that has nothing but its words (Bedrock: `internalServerException`)."""
    for name, inner in data.items():
        if not isinstance(inner, Mapping) or not inner or name in _NO_ENVELOPE:
            continue
        low = {str(key).lower(): value for key, value in inner.items()}
        if error := _stated(low) or _unstated(inner):
            return error
        if _FAULT_NAME.fullmatch(name.replace("_", "")) and (error := _from_object(inner)):
            return error
    alone = next(iter(data.values())) if deeper and len(data) == 1 else None
    return _enclosed(alone, deeper=False) if isinstance(alone, Mapping) else None


def _by_plain_name(data: Mapping[str, Any]) -> dict[str, Any]:
    """The members by their names without case and underscores; `__type`, which is Amazon's, keeps them."""
    return {name if name == "__type" else name.replace("_", "").lower(): value for name, value in data.items()}


def _from_object(error: Mapping[str, Any]) -> StreamError | None:
    if not any(error.values()):
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
    plain = _by_plain_name(error)
    for name in _CODES:
        code = plain.get(name)
        if isinstance(code, str) and code:
            return code[:LONGEST_CODE]
        if isinstance(code, int) and not isinstance(code, bool) and 0 < abs(code) < 10**18:
            return str(code)
    return None


def _words(error: Mapping[str, Any]) -> str:
    """The words of an error: a text, an object with one inside, or a list of either (FastAPI, Cloudflare, zod's `issues`)."""
    plain = _by_plain_name(error)
    for name in (*_MESSAGES, "errors", "issues", "error"):
        if text := "; ".join(_said(plain.get(name))):
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
