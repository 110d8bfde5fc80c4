"""An OpenAI-compatible API somewhere else: model calls go to it as they are, or through the bridge."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx

from joytui.core.echo import Echo, Echoes
from joytui.core.joytoken import INVALID_REQUEST, UPSTREAM_ERROR
from joytui.gateway.aside import aside
from joytui.gateway.bridge.encode import object_bytes
from joytui.gateway.bridge.errors import BridgeError
from joytui.gateway.bridge.request import UNTOLD_LIMIT, loses_limit
from joytui.gateway.upstreams import answers
from joytui.gateway.upstreams.bridged import open_bridge
from joytui.gateway.upstreams.capability import NOT_THERE, RELEARN_AFTER_S, Capability, Learned
from joytui.gateway.upstreams.exchange import (
    Api,
    Endpoint,
    Exchange,
    ModelCall,
    Observation,
    UpstreamFacts,
    error_exchange,
    one_chunk,
)
from joytui.gateway.upstreams.headers import to_upstream
from joytui.gateway.upstreams.learning import REFUSED_FORM, SPEAKS_CHAT, Attempt, Lessons
from joytui.gateway.upstreams.observe import ChatReader
from joytui.gateway.upstreams.tailoring import Tailoring
from joytui.gateway.upstreams.transport import TransportOptions, call_timeout, upstream_client
from joytui.gateway.upstreams.usage_option import OPTION, with_usage

PROBE_TIMEOUT_S = 10.0
MOST_MISSING = 256
COOL_DOWN_S = 5.5
"""How long to wait where the other route says 429 right after one that is missing: LiteLLM takes its own 404 for a fault of
the model, which it asks for 5 s no more (1.108.7, observed)."""
MAX_LIST = 8 * 1024 * 1024


class Relay:
    """One upstream by its OpenAI base URL, to which `/responses` and `/chat/completions` are appended."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        name: str,
        key_from: str | None = None,
        api: Api | None = None,
        options: TransportOptions | None = None,
        tailoring: Tailoring | None = None,
    ) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self._key = key
        self._key_from = key_from if key else None
        self._options = options or TransportOptions()
        self._own = tailoring or Tailoring()
        self._echo = Echoes(key or "", self._own.secrets) if self._own.secrets else Echo(key or "")
        self._client, self._transport = upstream_client(self.url, self._options)
        self._timeout = call_timeout(self._options)
        self._capability = Capability(self._probe, api)
        self._takes_usage_option = True
        self.lessons = Lessons(self.url, name)
        self._both_missing: dict[str, float] = {}

    @property
    def api(self) -> Api | None:
        return self._capability.api

    @property
    def learned(self) -> Learned | None:
        """What was found out about the routes, for the status; None when it was set or not asked yet."""
        return self._capability.learned

    async def call(self, call: ModelCall) -> Exchange:
        call = self._own.renamed(call)
        if call.endpoint == "chat/completions":
            return await self._chat(call)
        api = "chat" if SPEAKS_CHAT in self.lessons.of(call.model) else await self._capability.get()
        exchange = await self._responses(call, api)
        if exchange.status not in NOT_THERE or not exchange.from_upstream or self._capability.fixed:
            return exchange
        now = await self._capability.after_missing()
        if api == "chat" and now != "responses":
            return exchange
        if now == "responses":
            self.lessons.forget(call.model)
        return await self._other_way(call, exchange, "responses" if api == "chat" else "chat", asked=now is not None)

    async def _other_way(self, call: ModelCall, missing: Exchange, api: Api, *, asked: bool) -> Exchange:
        """The route that a request was sent to is not there, for this model at least: the other one is tried, once. What worked is
        kept. If neither exists, the first answer says more. `asked`: the probe says the same of the whole upstream."""
        tried_at = self._both_missing.get(call.model)
        if tried_at is not None and time.monotonic() - tried_at < RELEARN_AFTER_S:
            return missing
        tried = await self._responses(call, api)
        if api == "chat" and tried.status == 429:
            await tried.aclose()
            await asyncio.sleep(COOL_DOWN_S)
            tried = await self._responses(call, api)
        if tried.status in NOT_THERE or not tried.from_upstream:
            self._both_missing = {
                **dict(list(self._both_missing.items())[-MOST_MISSING:]),
                call.model: time.monotonic(),
            }
            await tried.aclose()
            return missing
        await missing.aclose()
        if api == "chat" and not asked and tried.status in (200, 429):
            self.lessons.learn(call.model, (SPEAKS_CHAT,))
            tried.observation.note("the upstream has no /responses for this model, so /chat/completions was used")
        return tried

    async def _chat(self, call: ModelCall) -> Exchange:
        """Passed through. An upstream that has Responses only is named as such: joytui translates the other way alone."""
        exchange = await self._forward(call)
        missing = exchange.status in NOT_THERE and exchange.from_upstream
        if not missing or not await self._capability.lacks_chat():
            return exchange
        await exchange.aclose()
        text = (
            f"the upstream {self.name} has the Responses API only, and the gateway translates Responses to Chat"
            " Completions, not the other way: send this to /openai/v1/responses, or name an upstream that has"
            " /chat/completions"
        )
        refusal = error_exchange(400, text, INVALID_REQUEST, observation=exchange.observation)
        refusal.undone = True
        return refusal

    async def _responses(self, call: ModelCall, api: Api) -> Exchange:
        return await (self._bridge(call) if api == "chat" else self._forward(call))

    async def _forward(self, call: ModelCall) -> Exchange:
        """Passed through, with usage asked for; a client's own bytes for an upstream that is known to refuse that."""
        given, call = call, self._own.passed(call)
        refuses = not self._takes_usage_option or OPTION in self._own.quirks_of(self.url, call.model).refused
        asking = None if refuses else with_usage(call)
        exchange = await self._pass(call, asking)
        if loses_limit(given.body, call.body):
            exchange.observation.note(UNTOLD_LIMIT)
        if asking is None or exchange.status not in (400, 422):
            return exchange
        refusal = await exchange.read()
        if OPTION.encode() in refusal:
            again = await self._pass(call, None)
            self._takes_usage_option = again.status in (400, 422)  # then it was something else that it refused
            return again
        exchange.body = one_chunk(refusal)
        return exchange

    async def _pass(self, call: ModelCall, asking: bytes | None) -> Exchange:
        seen = Observation(upstream=self.name, echo=self._echo)
        sent = await self._send(call, call.endpoint, asking or call.raw, seen, bridged=False, stream=call.stream)
        if isinstance(sent, Exchange):
            return sent
        return await answers.passed_through(sent, call, seen, hide_usage=asking is not None)

    async def _bridge(self, call: ModelCall) -> Exchange:
        seen = Observation(upstream=self.name, echo=self._echo)
        quirks, known = self._own.quirks_of(self.url, call.model), self.lessons.of(call.model)
        attempt = Attempt(call.body, quirks, known, paid=call.at_once is not None)
        try:
            chat = await aside(len(call.raw), attempt.chat)
        except BridgeError as error:
            return error_exchange(error.status, str(error), error.error_type, observation=seen)
        while True:
            written = await aside(len(call.raw), partial(object_bytes, chat.body))
            streams = bool(chat.body.get("stream"))
            sent = await self._send(call, "chat/completions", written, seen, bridged=True, stream=streams)
            if isinstance(sent, Exchange):
                return sent
            if sent.status_code not in REFUSED_FORM:
                break
            body = await answers.refusal_body(sent)
            again = attempt.mended(answers.error_in(body, seen, plain=True), chat)
            if again is None:
                self.lessons.learn(call.model, attempt.sure)
                for note in attempt.notes:
                    seen.note(note)
                return await answers.refused(sent, seen, body)
            chat = again
        for note in attempt.notes:
            seen.note(note)
        if sent.status_code == 200:
            self.lessons.learn(call.model, attempt.lasting)
        return await answers.bridged(sent, open_bridge(call, chat, ChatReader(seen, attempt.quirks)), self._options)

    async def _send(
        self, call: ModelCall, endpoint: Endpoint, body: bytes, seen: Observation, *, bridged: bool, stream: bool
    ) -> httpx.Response | Exchange:
        """The upstream's answer with its body still to come, or the error when there is none."""
        headers = to_upstream(
            call.headers,
            key=self._key,
            request_id=call.request_id,
            stream=stream,
            bridged=bridged,
            more=self._own.headers,
        )
        try:
            response = await self._transport.post(f"{self.url}/{endpoint}", headers, body, self._timeout)
            seen.first_byte_at = time.monotonic()
            return response
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            status, message = answers.unreachable(error, self.origin)
            exchange = error_exchange(status, message, UPSTREAM_ERROR, observation=seen)
            exchange.from_upstream = False
            exchange.undone = isinstance(error, answers.NEVER_SENT)
            return exchange

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rsplit('@', 1)[-1]}"

    async def _probe(self, endpoint: Endpoint) -> int | None:
        own = self._own.headers
        headers = to_upstream({}, key=self._key, request_id="probe", stream=False, bridged=False, more=own)
        del headers["x-request-id"]  # a constant id might collide with another request of this key
        try:
            asked = self._client.stream("POST", f"{self.url}/{endpoint}", headers=headers, content=b"{}")
            async with asyncio.timeout(PROBE_TIMEOUT_S), asked as response:
                return response.status_code
        except (httpx.HTTPError, OSError):
            return None

    async def models(self) -> Sequence[Mapping[str, Any]]:
        for url in (f"{self.url}/models", f"{self.origin}/api/v1/models"):
            if (entries := await self._model_list(url)) is not None:
                return self._own.listed(entries)
        return self._own.listed(())

    async def _model_list(self, url: str) -> list[Mapping[str, Any]] | None:
        key = {"authorization": f"Bearer {self._key}"} if self._key else {}
        headers = {"accept": "application/json", **key, **self._own.headers}
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S), self._client.stream("GET", url, headers=headers) as response:
                if response.status_code != 200:
                    return None
                return model_entries(json.loads(await answers.whole(response, MAX_LIST, echo=self._echo)))
        except (httpx.HTTPError, OSError, ValueError, RecursionError, answers.BodyTooLarge):
            return None

    def facts(self) -> Sequence[UpstreamFacts]:
        return (UpstreamFacts(self.name, self.url, self.api, self._key_from),)

    def taught(self) -> Sequence[Lessons]:
        return (self.lessons,)

    async def aclose(self) -> None:
        await self._client.aclose()


def model_entries(data: Any) -> list[Mapping[str, Any]] | None:
    """Model entries of any known envelope: OpenAI's `data`, JoyToken's `data.models`, or a bare list; None for none."""
    found = data
    for _ in range(2):
        if isinstance(found, Mapping):
            found = found.get("data", found.get("models"))
    if not isinstance(found, list):
        return None
    return [entry for entry in found if isinstance(entry, Mapping)]
