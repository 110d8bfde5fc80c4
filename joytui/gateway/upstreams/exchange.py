"""What passes between the gateway and an upstream: one `ModelCall` in, one `Exchange` out.

An `Exchange` is an answer on its way to the client. Reading its `body` fills its `observation`; when the body has
ended, or `aclose` was called, the observation is final. An upstream that cannot be reached, refuses, or breaks is
also an `Exchange`, with a status and a body in JoyToken's error shape: `call` raises nothing that a network can cause.

    exchange = await upstream.call(ModelCall(...))
    try:
        async for chunk in exchange.body: …
    finally:
        await exchange.aclose()           # idempotent; releases the connection of a body that was not read to its end
    exchange.observation.input_tokens
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from joytui.gateway.upstreams.learning import Lessons

from joytui.core.echo import Echo
from joytui.core.redaction import DOOR_LIMIT, escaped_json
from joytui.gateway.bridge.errors import StreamError

Endpoint = Literal["responses", "chat/completions"]
Api = Literal["responses", "chat"]

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
MOST_NOTES = 64


@dataclass(slots=True)
class Observation:
    """What an answer said about itself while it passed. Tokens are counts, `cost_nano` nano-credits.

    `upstream_id`: the answer's id as the client sees it (Codex notes it): the upstream's own, or the bridge's.
    `usage_seen`: the token counts are the upstream's own; without it they are zero (nothing usable came). Whether they
    are believed is for `gateway.metering` to say.
    `cost_nano`: the upstream's `metadata.billing.credits_used`, summed over its records; None if it sent none.
    `first_token_at`: `time.monotonic()` of the first content (text, reasoning or tool call); None before that.
    `first_byte_at`: the same of the head of the upstream's answer; None if none came.
    `finish`: the upstream's own word ("stop", "tool_calls", "completed", "incomplete", …); None when none came. A Response
    that calls tools is no more than "completed": of that it is "tool_calls", too.
    `complete`: the answer came whole: a finish reason or terminal event in a stream, a readable body otherwise.
    `output_bytes`: length of the text, reasoning and arguments so far, of all choices, as UTF-8: what tokens are estimated
    from where the upstream does not tell them.
    `echo`: finds the upstream's own key, which an answer may repeat.
    """

    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    usage_seen: bool = False
    cost_nano: int | None = None
    upstream_id: str | None = None
    billing_id: str | None = None
    model_used: str | None = None
    provider: str | None = None
    tier: str | None = None
    first_token_at: float | None = None
    first_byte_at: float | None = None
    finish: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    complete: bool = False
    output_bytes: int = 0
    upstream: str | None = None
    notes: list[str] = field(default_factory=list)
    echo: Echo | None = None

    def note(self, text: str) -> None:
        """Adds a remark for the record, once. Of too many the first ones stay: a record has room for few."""
        if text not in self.notes and len(self.notes) < MOST_NOTES:
            self.notes.append(text)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One request for a model. `raw` is `body` as bytes, exactly what a pass-through sends; `model` is `body["model"]`; `asked` is
    the client's name for it where the settings give the upstream's another.

    `headers`: the client's own headers, lower-case names; an upstream picks from them by an allowlist.
    `metadata`: called once when the answer's usage is known; what it returns becomes the answer's JoyToken `metadata`
    where joytui writes the answer itself (offline model, bridge). Bytes that are passed through are not edited, but for
    the usage that a client did not ask for (`upstreams.usage_option`).
    `at_once`: the most bytes of output that one piece of a stream may have, larger events apart; None if nothing is held
    for them.
    """

    endpoint: Endpoint
    body: dict[str, Any]
    raw: bytes
    headers: Mapping[str, str]
    stream: bool
    request_id: str
    model: str
    metadata: Callable[[Observation], Any] | None = None
    asked: str | None = None
    at_once: int | None = None


async def _nothing() -> None:
    return None


@dataclass(slots=True)
class Exchange:
    """An answer: `status` and `headers` (content-type included, no length) and the `body` that goes to the client, in pieces
    that may be empty: something came, and there is nothing to pass on yet.

    `fail` gives the bytes that end a stream, wherever it is, with an error in the stream's own words; None if the body is
    there as a whole already.
    A whole answer that grows while it is read (put together from a stream) may become an error: `status` and `headers` hold once its
    body has ended.
    `from_upstream`: the status is the upstream's own; False if no upstream answered (502, 503, 504 by joytui).
    `undone`: no upstream has done the work and none will, so that another may be asked: it could not be reached, or said
    itself that it failed. One that fell silent or broke off may be at work still, and bill for it.
    """

    status: int
    headers: dict[str, str]
    body: AsyncIterator[bytes]
    observation: Observation
    close: Callable[[], Awaitable[None]] = _nothing
    fail: Callable[[StreamError], bytes] | None = None
    from_upstream: bool = True
    undone: bool = False

    async def aclose(self) -> None:
        """Ends the exchange and gives its connection back. May be called at any time, any number of times."""
        close, self.close = self.close, _nothing
        await close()

    async def read(self) -> bytes:
        """The whole body, then closed."""
        try:
            return b"".join([chunk async for chunk in self.body])
        finally:
            await self.aclose()


@dataclass(frozen=True, slots=True)
class UpstreamFacts:
    """What the status says about one upstream. `key_from`: where its key came from; None: it is called without one.

    `healthy`: False while another is asked first because this one failed a moment ago.
    """

    name: str
    url: str
    api: Api | None
    key_from: str | None
    healthy: bool = True


@runtime_checkable
class Upstream(Protocol):
    """Somewhere that answers model calls. `api` is what it speaks on `/responses`: its own, Chat by bridge, or not yet known."""

    @property
    def name(self) -> str: ...

    @property
    def api(self) -> Api | None: ...

    async def call(self, call: ModelCall) -> Exchange: ...

    async def models(self) -> Sequence[Mapping[str, Any]]:
        """The upstream's model entries as it gives them (`{"id": …}` or a catalog entry); empty when it has no list."""
        ...

    def facts(self) -> Sequence[UpstreamFacts]:
        """One for each upstream that is asked over HTTP."""
        ...

    def taught(self) -> Sequence[Lessons]:
        """The lessons of each upstream that is asked over HTTP."""
        ...

    async def aclose(self) -> None: ...


def error_body(message: str, error_type: str, code: str | None = None) -> bytes:
    """JoyToken's error shape: `{"error": {"message", "type"}}` (docs-dev.joytokens.ai, errors), with OpenAI's `code` where there is
    one."""
    error = {"message": message, "type": error_type, **({} if code is None else {"code": code})}
    return escaped_json(json.dumps({"error": error}, ensure_ascii=False)).encode()


class _OneChunk:
    """An iterator of one piece, which costs a tenth of a generator's."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._data:
            raise StopAsyncIteration
        data, self._data = self._data, b""
        return data


def one_chunk(data: bytes) -> AsyncIterator[bytes]:
    """A body that is already there."""
    return _OneChunk(data)


def error_exchange(
    status: int,
    message: str,
    error_type: str,
    *,
    headers: Mapping[str, str] | None = None,
    observation: Observation | None = None,
) -> Exchange:
    """An answer that joytui itself gives in JoyToken's error shape."""
    seen = observation or Observation()
    message = seen.echo.text(message[:DOOR_LIMIT]) if seen.echo else message
    seen.error_type, seen.error_message, seen.complete = error_type, message, True
    return Exchange(status, {"content-type": JSON, **(headers or {})}, one_chunk(error_body(message, error_type)), seen)
