"""What the fault gateway does, as data: a `Behaviour` is a small frozen value, and the registry knows it by name.

To add one, register it next to its like:

    add("E_418", error(418, "I am a teapot"))                    # the answer to POST /openai/v1/responses
    add("no_models", HEALTHY, models=missing("GET /models"))     # other routes
    add("tls_expired", HEALTHY, transport="tls:expired")         # how the port itself behaves

An answer is one `Reply`, or a tuple of them for the first, second, … request (the last repeats).
The gateway plays them byte for byte; nothing here knows about sockets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.support.http_by_hand import Request

Ending = Literal["complete", "cut", "reset", "hang"]


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. `pieces` are sent in turn as they stand (a number is a pause in seconds); with `chunked` each bytes piece is one
    chunk. `ending` is what happens after the last piece. `delay` passes before the first byte. `raw` replaces the whole answer.
    """

    status: int = 200
    pieces: tuple[bytes | float, ...] = ()
    content_type: str | None = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    chunked: bool = False
    ending: Ending = "complete"
    delay: float = 0.0
    raw: bytes | None = None


Answer = Reply | tuple[Reply, ...]

# Ends without a byte of an answer.
RESET = Reply(raw=b"", ending="reset")
CLOSE = Reply(raw=b"")
SILENCE = Reply(raw=b"", ending="hang")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One gateway. `responses` answers an admitted POST {base}/responses; None: there is no such route.

    `transport`: plain | tls:KIND (certificates.py) | black-hole (the handshake of TCP never ends) | plain-on-tls (a TLS port that tells a
    plain client so). `check_key` "strict": 401 for everything but `Bearer <the good key>`; "off": no key is asked for; "before-route": the
    key is checked before the path. `refusal` is what a bad key gets (`no_key`: what no key gets). `redirect`: (path prefix, status, target),
    where the target may name {self}, {host}, {other} and {tls}. `everywhere` answers every request. `hosts`: other behaviours by host name.
    `chat_stream` answers Chat Completions that ask for a stream, where there is the route at all. `when`: the first condition that holds
    for a POST to {base}/responses gives its answer instead of `responses`.
    """

    name: str
    responses: Answer | None
    models: Answer | None
    chat: Answer | None
    catalog: Answer | None
    transport: str = "plain"
    base: str = "/openai/v1"
    check_key: Literal["strict", "off", "before-route"] = "strict"
    refusal: Reply | None = None
    no_key: Reply | None = None
    redirect: tuple[str, int, str] | None = None
    everywhere: Reply | None = None
    hosts: tuple[tuple[str, Behaviour], ...] = ()
    chat_stream: Answer | None = None
    when: tuple[tuple[Callable[[Request], bool], Answer], ...] = ()


# Building blocks


def as_json(status: int, value: object, *headers: tuple[str, str]) -> Reply:
    """A JSON answer."""
    return Reply(status, (json.dumps(value, ensure_ascii=False).encode(),), headers=headers)


def as_text(status: int, body: str | bytes, content_type: str | None = "text/html", *headers: tuple[str, str]) -> Reply:
    """An answer with a body that is not JSON; empty: no body at all."""
    data = body.encode() if isinstance(body, str) else body
    return Reply(status, (data,) if data else (), content_type=content_type, headers=headers)


def error(
    status: int,
    message: str,
    error_type: str | None = None,
    *,
    code: str | None = None,
    request_id: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    **more: object,
) -> Reply:
    """An error in the gateway's documented envelope: {"error": {"message", "type", …}}."""
    body: dict[str, object] = {"type": error_type} if error_type is not None else {}
    body["message"] = message
    if code is not None:
        body["code"] = code
    extra = (("x-request-id", request_id),) if request_id else ()
    return as_json(status, {"error": {**body, **more}}, *extra, *headers)


def missing(route: str) -> Reply:
    """A 404 about the route, as this gateway words it."""
    return error(404, f"no route {route}", "not_found")


def event(kind: str | None, /, **fields: object) -> bytes:
    """One server-sent event with its type inside the JSON, as Codex wants it (and as an `event:` line, which Codex ignores)."""
    if kind is None:
        return b"data: " + json.dumps(fields, ensure_ascii=False).encode() + b"\n\n"
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


def stream(
    *pieces: bytes | float, ending: Ending = "complete", content_type: str | None = "text/event-stream"
) -> Reply:
    """A chunked event stream."""
    return Reply(200, tuple(pieces), content_type=content_type, chunked=True, ending=ending)


USAGE: dict[str, object] = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 40},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 107,
}


def message(text: str = "hi from the gateway", **item: object) -> dict[str, object]:
    """An assistant's message as an output item."""
    content = [{"type": "output_text", "text": text}]
    return {"type": "message", "role": "assistant", "content": content, **item}


CREATED = event("response.created", response={"id": "resp_1"})
ITEM_ADDED = event("response.output_item.added", output_index=0, item=message("", id="msg_1"))
DELTA = event("response.output_text.delta", item_id="msg_1", output_index=0, delta="hi from the gateway")
ITEM_DONE = event("response.output_item.done", output_index=0, item=message(id="msg_1"))
COMPLETED = event("response.completed", response={"id": "resp_1", "usage": USAGE})
WHOLE = (CREATED, ITEM_ADDED, DELTA, ITEM_DONE, COMPLETED)

HEALTHY = stream(*WHOLE)

# The routes beside /responses of a gateway with the documented contract.
MODELS = as_json(200, {"object": "list", "data": [{"id": "auto", "object": "model", "owned_by": "joytoken"}]})
CHAT = as_json(
    200,
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "auto",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
    },
)
CHAT_STREAM = stream(
    event(
        None,
        id="chatcmpl-1",
        object="chat.completion.chunk",
        choices=[{"index": 0, "delta": {"role": "assistant", "content": "hi"}}],
    ),
    event(
        None,
        id="chatcmpl-1",
        object="chat.completion.chunk",
        choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}],
    ),
    b"data: [DONE]\n\n",
)
CATALOG = as_json(
    200,
    {
        "code": 0,
        "message": "success",
        "data": {
            "models": [
                {"model_id": "m1", "model_key": "auto", "display_name": "Auto", "tier": "standard"},
                {"model_id": "m2", "model_key": "openai/gpt-4o-mini", "display_name": "GPT-4o mini", "tier": "economy"},
            ]
        },
    },
)

_registry: dict[str, Behaviour] = {}


def add(
    name: str,
    responses: Answer | None,
    *,
    models: Answer | None = MODELS,
    chat: Answer | None = CHAT,
    catalog: Answer | None = CATALOG,
    chat_stream: Answer | None = CHAT_STREAM,
    **fields: object,
) -> Behaviour:
    """Register a behaviour under its own name; returns it."""
    return add_whole(replace(Behaviour(name, responses, models, chat, catalog, chat_stream=chat_stream), **fields))  # type: ignore[arg-type]


def add_whole(plays: Behaviour) -> Behaviour:
    """Register a behaviour that is built already; returns it."""
    if plays.name in _registry:
        raise ValueError(f"there is a behaviour {plays.name!r} already")
    _registry[plays.name] = plays
    return plays


def registered(name: str) -> Behaviour:
    """A behaviour that was registered before; for modules that build on others."""
    return _registry[name]


def behaviour(name: str) -> Behaviour:
    """The behaviour of that name. KeyError with the nearest names if there is none."""
    _register_all()
    try:
        return _registry[name]
    except KeyError:
        import difflib

        near = ", ".join(difflib.get_close_matches(name, _registry, 5))
        raise KeyError(f"no behaviour {name!r}; near: {near or 'none'}") from None


def behaviour_names() -> tuple[str, ...]:
    """All registered names."""
    _register_all()
    return tuple(_registry)


def _register_all() -> None:
    """Imports the modules that register behaviours."""
    for layer in ("http", "network", "stream", "items", "endings", "wire", "envelopes", "parts", "asked"):
        import_module(f"tests.support.behaviours_{layer}")
