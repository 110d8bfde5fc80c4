"""Keys and requests of every kind, as a gateway meets them: what answers and stores are made of."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import httpx

from tests.support.behaviours import Behaviour, as_json, error, event, stream

KEYS: Mapping[str, tuple[str, ...]] = {
    "ada": ("--owner", "Ada", "--label", "codex", "--label", "été", "--weekly", "5000", "--total", "9000"),
    "fixed": ("--fixed-model", "gpt-5.5", "--allow-ip", "127.0.0.0/8", "--expires", "2999-12-31T00:00:00Z"),
    "quiet": ("--owner", "Zoë", "--no-logs"),
    "poor": ("--total", "0.0000001", "--daily", "0.5"),
    "abroad": ("--allow-ip", "203.0.113.0/24", "--block-ip", "203.0.113.7"),
    "cheap": ("--tier", "economy", "--block-model", "gpt-5.5"),
    "named": ("--policy", "team", "--label", "nightly"),
    "ended": (),
    "asleep": (),
}
"""The keys by name, with the options that `joytui keys create` makes them with; `named` has the policy POLICY, `ended` is
revoked then, and `asleep` disabled."""
POLICY = {
    "fixed_model": "gpt-5.5-mini",
    "tiers": ["economy"],
    "weekly_limit": "25.5",
    "blocked": True,
    "block_reason": "paused",
}
"""The named policy "team"."""

THREAD = "01a208af-2c14-7da1-9a05-4a3678be993e"
TASK = "01a208af-1111-7da1-9a05-4a3678be993e"
WORKSPACE = {
    "associated_remote_urls": {"origin": "https://git.example.com/team/app.git"},
    "latest_git_commit_hash": "351423882a8c90c4c4a92cdbc293f6b532063133",
    "has_changes": True,
}
CODEX = {
    "user-agent": "codex_cli_rs/0.169.0 (Debian 12; x86_64) dumb",
    "session-id": TASK,
    "thread-id": THREAD,
    "x-codex-parent-thread-id": TASK,
    "x-openai-subagent": "collab_spawn",
    "x-codex-turn-metadata": json.dumps({"root_turn_id": "turn-1", "workspaces": {"/home/ada/projet-été": WORKSPACE}}),
}
TICKET = "ticket-1"
"""The X-Request-ID of the first request."""

_USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 9,
    "total_tokens": 129,
    "prompt_tokens_details": {"cached_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
_BILL = {
    "billing_id": "bill-1",
    "tier": "standard",
    "model": "gpt-5.5",
    "provider": "openai",
    "billing": {"credits_used": "12.5", "input_tokens": 120, "output_tokens": 9},
}


def _model(key: str, tier: str, **prices: float) -> dict[str, Any]:
    known = {
        "model_key": key,
        "display_name": key.upper(),
        "tier": tier,
        "provider": "openai",
        "feature_tags": ["chat"],
    }
    scored = {"tags": ["lock"], "mci_score": 61.5} if prices else {}
    return {**known, **scored, **{f"customer_{name}_mtok": price for name, price in prices.items()}}


_MODELS = as_json(
    200,
    {
        "object": "list",
        "data": [
            _model("gpt-5.5-mini", "economy", input=100, output=600, cacheread=10.5),
            _model("gpt-5.5", "standard", input=1000, output=6000),
            _model("gpt-5.5-pro", "premium"),
        ],
    },
)


def _answer(**more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "hi", "reasoning_content": "a greeting"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    named = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5.5"}
    return {**named, "choices": [choice], "usage": _USAGE, **more}


def _chunk(finish: str | None = None, usage: Any = None, **delta: Any) -> bytes:
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}]
    named = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5.5"}
    return event(None, **named, choices=choices, usage=usage)


_BEGIN = _chunk(role="assistant", content="hi")
_WHOLE = stream(_BEGIN, _chunk("stop"), _chunk(usage=_USAGE), b"data: [DONE]\n\n")

_IN_TURN = (
    _WHOLE,
    as_json(200, _answer(metadata=_BILL)),
    error(402, "wallet is empty", "insufficient_quota", request_id="up-402"),
    error(500, "the model is not there", "upstream_error"),
    stream(_BEGIN, ending="cut"),
    stream(_BEGIN, ending="hang"),
    as_json(200, _answer()),
    _WHOLE,
)
UPSTREAM = Behaviour("chat_in_turn", responses=None, models=_MODELS, catalog=None, chat=_IN_TURN, chat_stream=_IN_TURN)
"""What the gateway relays to: Chat Completions alone, good and bad answers in the order in which `send` asks for them, and
good streams from then on."""

HANGING = replace(UPSTREAM, name="chat_hangs", chat_stream=stream(_BEGIN, ending="hang"))
"""One that begins each answer and never ends it."""


def send(client: httpx.Client, keys: Mapping[str, str]) -> list[tuple[str, httpx.Response]]:
    """One request after the other to a gateway that relays to UPSTREAM; what each was, and its answer."""
    return list(_sent(client, keys))


def _sent(client: httpx.Client, keys: Mapping[str, str]) -> Iterator[tuple[str, httpx.Response]]:
    def post(endpoint: str, key: str | None, headers: Mapping[str, str] = {}, **body: Any) -> httpx.Response:
        return _post(client, endpoint, keys.get(key, key) if key else None, headers, **body)

    ticket = {**CODEX, "x-request-id": TICKET}
    yield "responses, streamed", post("responses", "ada", ticket, stream=True)
    yield "responses", post("responses", "ada", CODEX, model="gpt-5.5")
    yield "refused upstream", post("chat/completions", "ada")
    yield "failed upstream", post("chat/completions", "ada")
    yield "cut off upstream", post("chat/completions", "ada", stream=True)
    begin(client, keys["ada"], lambda: None)
    yield "chat", post("chat/completions", "quiet", CODEX)
    yield "chat, streamed", post("chat/completions", "fixed", {"user-agent": "openai-python/2"}, stream=True)
    yield "sent twice", post("responses", "ada", ticket)
    yield "no key", post("responses", None)
    yield "unknown key", post("responses", "jt_local_unknown")
    yield "no money", post("responses", "poor", {"x-request-id": "ticket-2"})
    yield "address", post("responses", "abroad")
    yield "model", post("responses", "cheap", model="gpt-5.5")
    yield "tier", post("responses", "cheap", model="gpt-5.5-pro")
    yield "blocked", post("responses", "named")
    yield "revoked", post("responses", "ended")
    yield "disabled", post("responses", "asleep")
    yield "nothing to answer", post("chat/completions", "ada", messages=[])
    yield "the doctor's", post("responses", "ada", {**CODEX, "x-request-id": "joytui-doctor-1"}, stream=True)


def begin(client: httpx.Client, key: str, then: Callable[[], object]) -> None:
    """Asks for an answer that has no end, does something once it has begun, and goes away."""
    body = {"model": "auto", "input": "say hi", "stream": True}
    bearer = {"authorization": f"Bearer {key}"}
    with (
        contextlib.suppress(httpx.HTTPError),
        client.stream("POST", "/openai/v1/responses", json=body, headers=bearer) as answer,
    ):
        next(answer.iter_raw())
        then()


def wait_for_models(client: httpx.Client, headers: Mapping[str, str] = {}) -> None:
    """Until the gateway has the upstream's list of models, which it asks for when it starts."""
    for _ in range(5_000):
        if b"gpt-5.5-pro" in client.get("/console/v1/models", headers=headers).content:
            return
    raise AssertionError("the upstream's models did not come")


def wait_for_end(client: httpx.Client, headers: Mapping[str, str] = {}) -> None:
    """Until the request whose client went away has ended in the gateway's records: the last of `send` that does."""
    path = "/console/v1/requests/stream?after=0&filter=status:499"
    with client.stream("GET", path, headers=headers) as tail:
        lines = islice(tail.iter_lines(), 40)  # some lines every ten seconds, whatever happens
        assert any(line.startswith("data:") for line in lines)


def send_offline(client: httpx.Client, keys: Mapping[str, str]) -> None:
    """A few requests to a gateway with its built-in model: another thread, other models, one that is not there."""
    other = {**CODEX, "thread-id": "01a208af-0000-7da1-9a05-4a3678be993e", "x-request-id": "ticket-3"}
    _post(client, "responses", keys["ada"], other, stream=True, input="think first and say hi")
    _post(client, "responses", keys["turned"], {"x-request-id": "ticket-4"}, model="joytui-offline-mini")
    _post(client, "chat/completions", keys["ada"], model="nowhere/nothing")


def _post(
    client: httpx.Client, endpoint: str, key: str | None, headers: Mapping[str, str] = {}, **body: Any
) -> httpx.Response:
    known = {"authorization": f"Bearer {key}"} if key else {}
    asked = {"input": "say hi"} if endpoint == "responses" else {"messages": [{"role": "user", "content": "say hi"}]}
    return client.post(f"/openai/v1/{endpoint}", json={"model": "auto", **asked, **body}, headers={**known, **headers})
