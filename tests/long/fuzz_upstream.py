"""A fuzzer over what an upstream answers: status, headers, bodies and streams, right ones, nearly right ones, and noise.

Whatever comes, the client has an answer whose fault is named rightly, the record ends with numbers that can be, nothing stays
held, and the gateway's log has no fault. An answer that breaks this is printed with the seed that makes it again.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import logging
import os
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.bridge.chat_upstream import _read_request
from tests.gateway.served import SAY_HI, Served, served
from tests.support.hang import HANG_S

ASK: dict[str, dict[str, Any]] = {
    "responses": {"model": "m", "input": "hi"},
    "chat/completions": {**SAY_HI, "model": "m"},
}
STATUSES = (*[200] * 30, 0, 99, 101, 199, 201, 204, 206, 299, 301, 304, 307, 400, 401, 402, 403, 404, 405, 409, 413, 418, 429,
            500, 501, 502, 503, 504, 520, 524, 599, 600, 666, 999, "2oo", "-1", "12345", "")  # fmt: skip
KEY_VARIABLE, KEY = "JOYTUI_FUZZ_KEY", "hihihisoyyyy"
"""The upstream's own key, of which the answers below say pieces."""
KINDS = (
    "application/json",
    "text/event-stream",
    "text/event-stream; charset=utf-8",
    "text/html",
    "",
    "APPLICATION/JSON",
    "x" * 300,
    "\xff\xfe",
)
HEADERS = (
    "retry-after: soon", "retry-after: 1e9", "x-daoe-used-model: \xe9\x80model", "x-daoe-used-model: " + "m" * 5000,
    "x-daoe-used-provider:", "content-encoding: gzip", "content-encoding: identity", "content-encoding: br", "location: //evil\x0b",
    "set-cookie: a=b", "content-length: 5", "connection: close", "no colon here", "x: " + "y" * 70_000, "x-request-id: theirs",
    "transfer-encoding: gzip", ": nameless",
)  # fmt: skip
ODD = (
    None, True, False, 0, -1, 1e400, float("nan"), 10**30, -(10**30), 0.5, "", "x", "9" * 5000, "\ud800", "\x00\x1b]0;x\x07", "é🦉", [],
    {}, [[]], {"a": {}}, "y" * 100_000, "NaN", "1e309", "\u202e", "stop", "completed", "assistant",
)  # fmt: skip
CHUNK = {
    "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "provider": "p",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi", "reasoning_content": "so",
                 "tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                 "finish_reason": None}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "prompt_tokens_details": {"cached_tokens": 1}},
    "metadata": [{"billing": {"credits_used": "0.01", "input_tokens": 5}, "billing_id": "bill-1", "tier": "standard"}],
}  # fmt: skip
COMPLETION = {
    **CHUNK, "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi", "tool_calls": []}, "finish_reason": "stop"}],
}  # fmt: skip
LAST = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
RESPONSE = {
    "id": "resp_1", "object": "response", "status": "completed", "model": "m", "error": None, "metadata": {},
    "output": [{"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}],
    "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7, "output_tokens_details": {"reasoning_tokens": 1}},
}  # fmt: skip
EVENTS = (
    {"type": "response.created", "response": {**RESPONSE, "status": "in_progress"}},
    {"type": "response.output_text.delta", "delta": "hi", "item_id": "msg_1"},
    {"type": "response.completed", "response": RESPONSE},
)
ERROR = {"error": {"message": "no", "type": "server_error", "code": "overloaded", "param": None}}


@dataclass(frozen=True)
class Round:
    """One request, and the bytes that answer it. `cut`: the connection ends after them."""

    seed: int
    endpoint: str
    stream: bool
    pieces: tuple[bytes, ...]
    cut: bool


@dataclass
class Upstream:
    """Answers each request for a model with the bytes of the round."""

    now: Round | None = None
    server: asyncio.Server | None = None

    async def __aenter__(self) -> Upstream:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        self.server.close()

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (seen := await _read_request(reader)) is not None:
                if seen.method == "GET" or self.now is None:
                    said = b'{"data": [{"id": "m"}]}'
                    writer.write(
                        b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                        % (len(said), said)
                    )
                    continue
                for piece in self.now.pieces:
                    writer.write(piece)
                    await writer.drain()
                if self.now.cut:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the gateway gave the connection up
        finally:
            writer.close()


@dataclass
class Faults(logging.Handler):
    """What the log must not have."""

    found: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(logging.WARNING)

    def __hash__(self) -> int:
        return id(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.found.append(self.format(record))


# --- making answers


def made(seed: int) -> Round:
    """The round of a seed."""
    dice = random.Random(seed)
    endpoint, stream = dice.choice(tuple(ASK)), dice.random() < 0.6
    streamed = stream if dice.random() < 0.85 else not stream
    body = _body(dice, endpoint, streamed)
    kind = ("text/event-stream" if streamed else "application/json") if dice.random() < 0.8 else dice.choice(KINDS)
    lines = [f"content-type: {kind}", *dice.sample(HEADERS, k=dice.choice((0, 0, 0, 1, 2)))]
    status = dice.choice(STATUSES)
    # a connection stays open only after what surely ends: the gateway waits for the rest of all else, as it should
    cut = dice.random() < 0.5 or status != 200 or len(lines) > 1
    framed = dice.choice(("chunked", "chunked", "length", "close"))
    if framed == "length":
        lines.append(f"content-length: {max(0, len(body) + dice.choice((0, 0, 0, 0, 7, -3)))}")
    elif framed == "chunked":
        lines.append("transfer-encoding: chunked")
    head = f"HTTP/1.1 {status} {dice.choice(('X', '', 'a b'))}\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n"
    parts = _parts(dice, body)
    if framed == "chunked":
        parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part]
        parts.append(dice.choice((b"", b"zz\r\n", b"0\r\n\r\n")) if cut else b"0\r\n\r\n")
    return Round(seed, endpoint, stream, (head.encode("latin-1"), *parts), cut or framed != "chunked")


def _body(dice: random.Random, endpoint: str, streamed: bool) -> bytes:
    if dice.random() < 0.05:
        return dice.randbytes(dice.choice((0, 1, 50, 5000)))
    if dice.random() < 0.03:
        depth = dice.choice((200, 400, 900, 940, 970, 990, 100_000))
        return b'{"choices":[{"delta":{"content":' * (not streamed) + b"[" * depth + b"]" * depth
    if not streamed:
        return _text(dice, dice.choice((COMPLETION, COMPLETION, RESPONSE, RESPONSE, ERROR, [COMPLETION], CHUNK)))
    events: list[Any] = list(EVENTS if endpoint == "responses" and dice.random() < 0.6 else (CHUNK, CHUNK, LAST))
    if dice.random() < 0.2:
        events.insert(dice.randrange(len(events) + 1), ERROR)
    end = dice.choice((b"\n\n", b"\n\n", b"\n\n", b"\r\n\r\n", b"\r\r", b"\n"))
    lines = [
        dice.choice((b"data: ", b"data: ", b"data:", b"event: x\ndata: ", b": c\ndata: ")) + _text(dice, event) + end
        for event in events
    ]
    return b"".join(lines) + dice.choice((b"data: [DONE]\n\n", b"data: [DONE]\n\n", b"", b"data: [DONE]"))


def _text(dice: random.Random, value: Any) -> bytes:
    data = json.loads(json.dumps(value))
    for _ in range(dice.choice((0, 0, 1, 1, 2, 4))):
        _change(dice, data)
    raw = bytearray(json.dumps(data, ensure_ascii=dice.random() < 0.7).encode("utf-8", "surrogatepass"))
    if raw and dice.random() < 0.05:
        raw[dice.randrange(len(raw))] = dice.randrange(256)
    return bytes(raw)


def _change(dice: random.Random, data: Any) -> None:
    """Somewhere within: a value becomes an odd one, goes, or comes twice."""
    while isinstance(data, (dict, list)) and data:
        place: Any = dice.choice(list(data)) if isinstance(data, dict) else dice.randrange(len(data))
        if not isinstance(data[place], (dict, list)) or not data[place] or dice.random() < 0.25:
            if dice.random() < 0.2:
                del data[place]
            else:
                data[place] = copy.deepcopy(dice.choice(ODD))
            return
        data = data[place]


def _parts(dice: random.Random, body: bytes) -> list[bytes]:
    places = sorted(dice.randrange(len(body) + 1) for _ in range(dice.choice((0, 0, 1, 3))))
    return [body[start:end] for start, end in zip([0, *places], [*places, len(body)], strict=True)]


# --- judging


async def fuzz(folder: Path, api: str, seeds: range, until: float | None = None) -> tuple[int, list[str]]:
    """How many rounds there were, and what was wrong. `until`: a moment of `time.monotonic()` after which none begins."""
    faults = Faults()
    loggers = [logging.getLogger(), logging.getLogger("joytui")]
    wrong: list[str] = []
    rounds = 0
    os.environ[KEY_VARIABLE] = KEY
    async with (
        Upstream() as upstream,
        served(folder, upstream=upstream.url, upstream_api=api, upstream_key_env=KEY_VARIABLE) as here,
    ):
        key = await here.key(total_limit="1000000")
        for logger in loggers:
            logger.addHandler(faults)
        async with httpx.AsyncClient(base_url=here.url, trust_env=False, timeout=HANG_S) as http:
            for seed in seeds:
                if until is not None and time.monotonic() > until:
                    break
                upstream.now, rounds = made(seed), rounds + 1
                if said := await _judged(here, http, key, upstream.now) or "; ".join(faults.found):
                    wrong.append(f"--api {api} --seed {seed}: {said}\n  asked {upstream.now.endpoint}, stream {upstream.now.stream}\n"
                                 f"  answered {b''.join(upstream.now.pieces)[:3000]!r}")  # fmt: skip
                    faults.found.clear()
        for logger in loggers:
            logger.removeHandler(faults)
        wrong += await _left(here)
    return rounds, wrong


async def _judged(here: Served, http: httpx.AsyncClient, key: str, asked: Round) -> str:
    """What is wrong with the answer to one request, "" for nothing."""
    body = {**ASK[asked.endpoint], "stream": asked.stream}
    try:
        answer = await http.post(f"/openai/v1/{asked.endpoint}", json=body, headers={"authorization": f"Bearer {key}"})
    except httpx.HTTPError as error:
        return f"no answer: {error!r}"
    theirs = asked.pieces[0].split(b" ", 2)[1].decode("latin-1")
    if answer.status_code not in (200, 502, 503, 504) and str(answer.status_code) != theirs:
        return f"status {answer.status_code}: {answer.text[:300]}"
    if answer.status_code in (502, 503, 504) and str(answer.status_code) != theirs:
        error = answer.json()["error"]
        if not error["message"] or error["type"] != "upstream_error":
            return f"an error of another form: {error}"
    (row,) = (await here.logs(limit=1))[:1]
    counts = [row[name] for name in ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")]
    if row["status"] is None or any(not 0 <= count < 2**53 for count in counts):
        return f"the record: {row}"
    return ""


async def _left(here: Served) -> list[str]:
    """What stays behind after all of them."""
    await here.logs(limit=1)
    (key,) = (await here.ask("keys"))["keys"]
    held = key["budgets"][0]["held"]
    size = len((await here.admin.get("/metrics")).content)
    return [*([f"held: {held}"] if held != "0" else []), *([f"/metrics has {size} bytes"] if size > 200_000 else [])]


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.long fuzz-upstream", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, help="this round alone")
    parser.add_argument(
        "--api", choices=["chat", "responses"], action="append", help="what the upstream speaks; both by default"
    )
    chosen = parser.parse_args(words)
    first = random.SystemRandom().randrange(10**9) if chosen.seed is None else chosen.seed
    apis = chosen.api or ["chat", "responses"]
    all_wrong: list[str] = []
    for number, api in enumerate(apis, 1):
        with tempfile.TemporaryDirectory() as folder:
            share = chosen.seconds / len(apis)
            seeds = range(first, first + (10**9 if chosen.seed is None else 1))
            rounds, wrong = asyncio.run(fuzz(Path(folder), api, seeds, time.monotonic() + share))
        print(f"{number}/{len(apis)} {api}: {rounds} answers, {len(wrong)} wrong, seeds from {first}")
        print("\n".join(wrong))
        all_wrong += wrong
    return 1 if all_wrong else 0


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
