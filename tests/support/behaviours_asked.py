"""Behaviours that depend on the request: what its accept-encoding wants, which model it asks for, what its body holds."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from functools import partial

import zstandard

from tests.support.behaviours import (
    COMPLETED,
    CREATED,
    HEALTHY,
    ITEM_DONE,
    WHOLE,
    Answer,
    Reply,
    add,
    as_text,
    error,
    stream,
)
from tests.support.http_by_hand import Request

Condition = Callable[[Request], bool]

TEXT = b"".join(WHOLE)
GZIP, ZSTD = gzip.compress(TEXT, mtime=0), zstandard.compress(TEXT)
REFUSED = "this input is not known here"


def wants(coding: str) -> Condition:
    """Whether the request takes answers that are packed so."""
    return lambda request: coding in (request.header("accept-encoding") or "")


def holds(member: str, kind: str) -> Condition:
    """Whether an entry of that member of the body (`input`, `tools`) has this type."""
    return lambda request: any(
        isinstance(one, dict) and one.get("type") == kind for one in _body(request).get(member) or ()
    )


def asks_for_none_of(*models: str) -> Condition:
    return lambda request: _body(request).get("model") not in models


def _body(request: Request) -> dict[str, object]:
    return json.loads(request.body) if request.body.startswith(b"{") else {}


def _packed(label: str | None, body: bytes, status: int = 200) -> Reply:
    kind = "text/event-stream" if status == 200 else "application/json"
    return Reply(status, (body,), kind, (("content-encoding", label),) if label is not None else ())


def _when(name: str, condition: Condition, answer: Answer) -> None:
    add(f"Q_{name}", HEALTHY, when=((condition, answer),))


_if_gzip, _if_zstd = partial(_when, condition=wants("gzip")), partial(_when, condition=wants("zstd"))

# Packed as it was asked for, or always

add("Q_gzip_always", _packed("gzip", GZIP))
add("Q_zstd_always", _packed("zstd", ZSTD))
add("Q_deflate_always", _packed("deflate", zlib.compress(TEXT)))
_if_gzip("gzip", answer=_packed("gzip", GZIP))
_if_zstd("zstd_of_two_frames", answer=_packed("zstd", ZSTD + ZSTD))
add("Q_gzip_login", _packed("gzip", gzip.compress(b"<html><title>Log in</title></html>", mtime=0)))
_wallet = json.dumps({"error": {"type": "insufficient_quota", "message": "Wallet balance is too low"}}).encode()
add("Q_gzip_402", _packed("gzip", gzip.compress(_wallet, mtime=0), 402))
add("Q_zstd_402", _packed("zstd", zstandard.compress(_wallet), 402))

# Spoilt on the way

_if_gzip("gzip_unlabelled", answer=_packed(None, GZIP))
_if_gzip("gzip_cut", answer=_packed("gzip", GZIP[:-40]))
_if_gzip("gzip_without_its_sum", answer=_packed("gzip", GZIP[:-8]))
_if_zstd("zstd_cut", answer=_packed("zstd", ZSTD[:-5]))
_if_gzip("gzip_label_only", answer=_packed("gzip", TEXT))
_if_gzip("gzip_named_in_capitals", answer=_packed("GZIP", GZIP))
_if_gzip("two_labels", answer=_packed("gzip, identity", GZIP))
_if_gzip("zstd_named_gzip", answer=_packed("gzip", ZSTD))
_if_gzip("empty_gzip", answer=_packed("gzip", b""))
_squeezer = zlib.compressobj(wbits=31)
_first = _squeezer.compress(TEXT[:200]) + _squeezer.flush(zlib.Z_SYNC_FLUSH)
_rest = _squeezer.compress(TEXT[200:]) + _squeezer.flush()
_slow = stream(CREATED, 0.6, ITEM_DONE, 0.6, COMPLETED)
_held = Reply(200, (_first[:10], 1.6, _first[10:] + _rest), "text/event-stream", (("content-encoding", "gzip"),), True)
add("Q_gzip_held_back", _slow, when=((wants("gzip"), _held),))

# The wish for it refused

_if_zstd("406", answer=error(406, "Unsupported Accept-Encoding", "not_acceptable"))
_if_zstd("415", answer=error(415, "Unsupported encoding", "unsupported_media_type"))
_if_zstd("400_wordless", answer=as_text(400, "Bad Request", "text/plain"))
_if_zstd("403_page", answer=as_text(403, "<html><h1>403 Forbidden</h1></html>"))
_if_zstd("502_page", answer=as_text(502, "<html><h1>502 Bad Gateway</h1></html>"))

# Models and what their requests hold

for known in ("gpt-6.1-sol", "gpt-6.2-sol"):
    _when(f"knows_{known}", asks_for_none_of("auto", known), error(404, "model not found", "model_not_found"))
_when(
    "no_additional_tools",
    holds("input", "additional_tools"),
    error(400, f"{REFUSED}: 'additional_tools' (input[0].type)", "invalid_request_error"),
)
for tool in ("namespace", "custom", "tool_search"):
    _when(
        f"no_{tool}", holds("tools", tool), error(400, f"{REFUSED}: '{tool}' (tools[1].type)", "invalid_request_error")
    )
