"""What is read of Codex's events: the attributes that are named here, and no other. No prompt, no argument of a tool, no address
of a person is read, whether or not Codex is configured to send it. (The events: observed with Codex 0.171.0.)

A request over a WebSocket (`codex.websocket_request`) is an attempt like one over HTTP; its answer is reported by the same
`codex.sse_event`. `codex.websocket_connect` is left out: it carries no request, and where it fails Codex asks over HTTP and tells
that. So is the warm-up of a new connection, a request that asks for no answer.

Times are the sender's: what is older than retention keeps its pieces, or lies in the future, is not a record that is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from joytui.causes import BY_CODE, CAUSES
from joytui.causes.answers import KEY, ROUTE, classify, named_cause, of_fields, read_words
from joytui.causes.error_bodies import error_fields
from joytui.core.clock import parse_time
from joytui.core.joytoken import AUTO_MODEL
from joytui.core.redaction import Clean, clean, clean_id
from joytui.gateway.catalog import Catalog, cost
from joytui.gateway.telemetry.otlp import LogRecord, Scalar
from joytui.ledger.records import DAY_MS
from joytui.ledger.retention import PIECE_DAYS
from joytui.ledger.telemetry import CLOCKS_MS, OVER_WEBSOCKET, Piece, PieceKind

NS = 1_000_000
MOST_TOKENS = 10**9
"""Of one request: a larger number is no count of tokens, and would fill a sum."""
NO_ANSWER = clean("no_answer", 100)
STREAM_FAILED = clean("response_failed", 100)
TRUNCATED = clean("stream_truncated", 100)
_MODEL_PATHS = ("/responses", "/responses/compact", "/chat/completions")
_BROKEN = ("stream disconnected", "transport error", "stream closed")
_IDLE = "idle timeout"
_REFUSED = re.compile(r"\b(?:last|unexpected) status:? (\d{3})\b(.*)", re.S)
"""Codex's words for what a gateway answered over a WebSocket, where there is no status otherwise."""
Attributes = Mapping[str, Scalar]
_NO_MODEL = Catalog()


def pieces(records: Iterable[LogRecord], now_ms: int, catalog: Catalog = _NO_MODEL) -> Iterator[Piece]:
    """What the records say about requests and their sessions and turns; everything else is left out."""
    for record in records:
        if (piece := _piece(record, now_ms, catalog)) is not None:
            yield piece


def _piece(record: LogRecord, now_ms: int, catalog: Catalog) -> Piece | None:
    said = record.attributes
    thread, at = _text(said, "conversation.id", 100), _moment(record)
    read = _EVENTS.get(str(said.get("event.name")))
    if thread is None or read is None or not now_ms - PIECE_DAYS * DAY_MS < at <= now_ms + CLOCKS_MS:
        return None
    if (kind := read(said)) is None:
        return None
    version = _text(said, "app.version", 40)
    piece = Piece(
        thread,
        _place(record.observed, at),
        kind,
        at,
        model=_text(said, "model", 200),
        client=clean("/".join(filter(None, (_text(said, "originator", 80), version))), 120),
        version=version,
    )
    return _TELLS[kind](piece, said, catalog)


def _place(observed: int, at: int) -> int:
    """Where it is in its thread: to the nanosecond where the two times of a record agree."""
    return observed if abs(observed // NS - at) <= CLOCKS_MS else at * NS


def _moment(record: LogRecord) -> int:
    """When it happened, in ms: `event.timestamp` (`timeUnixNano` is 0), else when it was recorded; 0 if nothing says it."""
    try:
        return int(parse_time(str(record.attributes["event.timestamp"])).timestamp() * 1000)
    except (KeyError, ValueError, OverflowError):
        return record.observed // NS


def _text(said: Attributes, name: str, limit: int) -> Clean | None:
    value = said.get(name)
    return clean(value, limit) if isinstance(value, str) else None


def _number(said: Attributes, name: str, most: int = MOST_TOKENS) -> int | None:
    """Codex writes numbers as texts in JSON and as integers in protobuf."""
    value = said.get(name)
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 20 else None


# --- which events -----------------------------------------------------------------------------------------------------


def _kind_of_request(said: Attributes) -> PieceKind | None:
    endpoint = said.get("endpoint", _MODEL_PATHS[0])
    return "attempt" if isinstance(endpoint, str) and endpoint.endswith(_MODEL_PATHS) else None


def _kind_of_stream(said: Attributes) -> PieceKind | None:
    if "error.message" in said:
        return "failed"
    return "done" if said.get("event.kind") == "response.completed" and "input_token_count" in said else None


_EVENTS: Mapping[str, Callable[[Attributes], PieceKind | None]] = {
    "codex.conversation_starts": lambda said: "session",
    "codex.user_prompt": lambda said: "turn",
    "codex.api_request": _kind_of_request,
    "codex.websocket_request": lambda said: "attempt",
    "codex.turn_ttft": lambda said: "token",
    "codex.sse_event": _kind_of_stream,
}


# --- what each says ---------------------------------------------------------------------------------------------------


def _session(piece: Piece, said: Attributes, catalog: Catalog) -> Piece:
    """Codex refuses every turn of a session whose key's variable is not set, and sends nothing."""
    unset = (
        said.get("auth.env_provider_key_name") == "configured" and said.get("auth.env_provider_key_present") is False
    )
    return piece._replace(provider=_text(said, "provider_name", 100), cause="key-unset" if unset else None, sure=unset)


def _nothing_more(piece: Piece, said: Attributes, catalog: Catalog) -> Piece:
    return piece


def _attempt(piece: Piece, said: Attributes, catalog: Catalog) -> Piece:
    over_websocket = said.get("event.name") == "codex.websocket_request"
    status = _number(said, "http.response.status_code", 999)
    if over_websocket and str(said.get("success")).lower() == "true":
        status = 200
    request_id = said.get("auth.request_id")
    piece = piece._replace(
        endpoint=OVER_WEBSOCKET if over_websocket else _text(said, "endpoint", 100),
        status=status,
        duration_ms=_number(said, "duration_ms", DAY_MS),
        request_id=clean_id(request_id, 200) if isinstance(request_id, str) else None,
    )
    if not piece.failed:
        return piece
    words = said.get("error.message")
    message = words if isinstance(words, str) else ""
    cause, sure = (None, False) if status is None else _refused(status, message, said, catalog)
    error_type = NO_ANSWER if status is None else None
    return piece._replace(error_type=error_type, error_message=clean(message, 500), cause=cause, sure=sure)


def _failed(piece: Piece, said: Attributes, catalog: Catalog) -> Piece:
    """The error of an answer that had begun: as the gateway put it (Codex repeats its event), or in Codex's words."""
    words = str(said["error.message"])
    error = _of_event(words)
    code, message = str(error.get("code") or error.get("type") or ""), str(error.get("message") or words)
    idle, broken = _IDLE in words.lower(), any(sign in words.lower() for sign in _BROKEN)
    if not error and (refused := _REFUSED.search(words)):
        cause, sure = _refused(int(refused[1]), refused[2], said, catalog)
        return piece._replace(
            status=int(refused[1]), error_type=None, error_message=clean(words, 500), cause=cause, sure=sure
        )
    named = BY_CODE.get(code.lower()) or named_cause(of_fields(error or {"message": words}, 200))
    cause = named if named in CAUSES else "stream-idle" if idle else "stream-truncated" if broken else "response-failed"
    error_type = clean(code, 100) or (TRUNCATED if idle or broken else STREAM_FAILED)
    sure = bool(code) or idle or broken
    return piece._replace(error_type=error_type, error_message=clean(message, 500), cause=cause, sure=sure)


def _done(piece: Piece, said: Attributes, catalog: Catalog) -> Piece:
    counts = [_number(said, f"{name}_token_count") or 0 for name in ("input", "output", "reasoning")]
    given, written, thought = counts
    cached = min(_number(said, "cached_token_count") or 0, given)
    model = catalog.get(piece.model) if piece.model else None
    priced = model is not None and model.prices is not None
    return piece._replace(
        input_tokens=given,
        cached_input_tokens=cached,
        output_tokens=written,
        reasoning_tokens=min(thought, written),
        cost_nano=cost(model.prices, given, cached, written) if model is not None and model.prices is not None else 0,
        cost_source="estimated" if priced else "none",
    )


_TELLS: Mapping[PieceKind, Callable[[Piece, Attributes, Catalog], Piece]] = {
    "session": _session,
    "turn": _nothing_more,
    "token": _nothing_more,
    "attempt": _attempt,
    "failed": _failed,
    "done": _done,
}


# --- causes -----------------------------------------------------------------------------------------------------------

_TOLD_APART = frozenset({402, 429, 500, 502, 503, 504})
"""Statuses with one meaning, whatever the body says: Codex reports only the status of a refusal."""


def _refused(status: int, message: str, said: Attributes, catalog: Catalog) -> tuple[str | None, bool]:
    """The likeliest cause of a refusal, and whether the status alone decides it."""
    refusal = classify(read_words(status, message))
    cause = refusal.cause
    if cause == KEY:
        cause = "key-rejected" if said.get("auth.header_attached", True) else "key-missing"
    elif cause == ROUTE:
        model = said.get("model")
        known = not isinstance(model, str) or model == AUTO_MODEL or model in catalog.models
        cause = "responses-unsupported" if known else "model-not-found"
    return (cause if cause in CAUSES else None), refusal.told or status in _TOLD_APART


def _of_event(words: str) -> dict[str, object]:
    """The error in a `response.failed` event, as its fields; {} for other words."""
    try:
        event = json.loads(words)
    except (ValueError, RecursionError):
        return {}
    response = event.get("response") if isinstance(event, dict) else None
    error = response.get("error") if isinstance(response, dict) else None
    return error_fields({"error": error}) if isinstance(error, dict) else {}
