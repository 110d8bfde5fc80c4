"""`POST /openai/v1/responses` and `/chat/completions`: the order of checks, the call, and the answer on its way back.

A plain ASGI endpoint: this is the hot path. No byte of an answer leaves before its row is in the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from joytui.core.joytoken import AUTO_MODEL, HEADER_ERROR_ORIGIN, HEADER_USED_MODEL, HEADER_USED_PROVIDER
from joytui.core.redaction import clean
from joytui.core.request import Ended, Opened
from joytui.gateway import refusals, renewal
from joytui.gateway.aside import LARGE, aside
from joytui.gateway.bridge.errors import StreamError
from joytui.gateway.keyless import A_SECOND
from joytui.gateway.metering import metadata
from joytui.gateway.protocol import CLIENT, Client
from joytui.gateway.refusals import Refused, send_refusal
from joytui.gateway.request_body import (
    BYTES_PER_TOKEN,
    SMALL,
    ClientGone,
    ModelRequest,
    compacting,
    decompress,
    parse,
    read_body,
    read_size,
    too_large,
    written_again,
)
from joytui.gateway.routing import Ask, route
from joytui.gateway.runtime import Gateway
from joytui.gateway.stops import watch_for
from joytui.gateway.upstreams.answers import broken_event
from joytui.gateway.upstreams.exchange import Endpoint, Exchange, ModelCall, Observation
from joytui.gateway.visit import Visit
from joytui.ledger.api import DuplicateRequest, Runaway, Shortfall, StoreUnavailable
from joytui.ledger.records import Candidate, Limit, Reservation, Watch

T = TypeVar("T")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ModelEndpoint:
    """One of the two model endpoints as an ASGI application. `compact`: a conversation comes, and is to be compacted."""

    def __init__(self, gateway: Gateway, endpoint: Endpoint, *, compact: bool = False) -> None:
        self._gateway = gateway
        self._compact = compact
        self._endpoint: Endpoint = endpoint

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        peer = scope.get("client")
        visit = Visit(self._gateway, self._endpoint, headers, peer[0] if peer else None)
        answer: _Answer | None = None
        try:
            answer = _Answer(visit, *await self._admit(visit, receive), send)
        except (Refused, RecursionError) as error:
            refusal = error if isinstance(error, Refused) else refusals.too_deep()
            if refusal.step == "key" and not self._gateway.keyless.admits(visit.address):
                refusal = refusals.too_many_keyless(A_SECOND)
                visit.drop(refusal)
            elif (kept := visit.refuse(refusal)) is not None:
                await asyncio.wait([kept])
                if kept.exception() is None:  # refused all the same where the store cannot be written
                    visit.kept_as(kept.result())
            await send_refusal(send, refusal, visit.id_headers())
            return
        except ClientGone:
            return  # it never finished asking: nothing was admitted
        finally:
            if answer is None:
                visit.leave()
        await answer.deliver(scope[CLIENT])

    # --- admission ---------------------------------------------------------------------------------------------------

    async def _admit(self, visit: Visit, receive: Receive) -> tuple[ModelCall, asyncio.Future[None] | None]:
        """JoyToken's order: key, blocked and address, tiers, model, money. Gives the call, and the future of its row."""
        raw = await self._body_of_known_key(visit, receive)
        visit.size = size = len(raw)
        request, ask = await aside(size, lambda: self._read(raw, visit.address))
        visit.model, visit.stream = request.model, request.stream
        entry = visit.key
        assert entry is not None
        if (previous := request.previous) is not None and not (
            previous.isprintable() and await _kept(self._gateway.ledger.answered(entry.row.id, previous))
        ):  # what cannot be printed is no id, and half of a surrogate pair is nothing that a store could look for
            raise refusals.bad_request(
                "previous_response_id is only supported for a response that this key received; send the whole input"
            )
        visit.body_bytes = ask.input_tokens * BYTES_PER_TOKEN  # embedded files are not counted by their bytes
        candidates = route(entry.policy, ask, self._gateway.market)
        opened = visit.describe()
        if (refusal := visit.stopped()) is not None:
            raise refusal
        watch = await aside(size, lambda: watch_for(entry, opened, request)) if entry.policy.breaker else None
        limits = self._gateway.limits_of(entry, opened.root_thread)
        limited = bool(limits or self._gateway.wallets_on)
        if limited:
            chosen, kept = await self._reserve(opened, limits, candidates, watch), None
        elif opened.request_id is not None or watch is not None or self._gateway.ledger.troubled:
            chosen, kept = candidates[0], None
            ids_ms = self._gateway.settings.duplicate_window_s * 1000
            await self._let_through(opened, watch, self._gateway.ledger.open(opened, chosen, ids_ms, watch))
        else:
            chosen = candidates[0]
            kept = self._gateway.ledger.open(opened, chosen)
        visit.admit(chosen, opened, held=limited)
        return await self._call(visit, request, chosen), kept

    def _read(self, raw: bytes, address: str | None) -> tuple[ModelRequest, Ask]:
        """The request, and what it wants. Raises Refused, RecursionError."""
        request = parse(raw, self._endpoint)
        request = compacting(request) if self._compact else request
        return request, request.ask(address)

    async def _body_of_known_key(self, visit: Visit, receive: Receive) -> bytes:
        """The body, read to its end also where the key is refused: a client that still sends would not read why."""
        gateway, settings = self._gateway, self._gateway.settings
        try:
            entry = gateway.keys.judge(visit.secret)
        except Refused:
            await read_body(receive, settings.max_body_bytes, None)
            raise
        visit.key = entry
        entry.running += 1
        raw = await read_body(receive, settings.max_body_bytes, visit.share, visit.announced)
        gateway.keys.check_state(entry)
        if entry.running > settings.max_parallel_per_key:
            raise refusals.too_many(
                f"more than {settings.max_parallel_per_key} requests at the same time with this key"
            )
        if len(gateway.running) >= settings.max_parallel:
            raise refusals.too_many(f"more than {settings.max_parallel} requests at the same time")
        if raw is None:
            raise too_large(settings.max_body_bytes)
        if encoding := visit.headers.get("content-encoding", ""):
            raw = await aside(LARGE, partial(decompress, raw, encoding, settings.max_body_bytes))
            if not visit.share.take(len(raw)):
                raise refusals.no_room_for_body()
        visit.share.take_read(await aside(len(raw), partial(read_size, raw, gateway.bodies.limit + SMALL)))
        return raw

    async def _let_through(self, opened: Opened, watch: Watch | None, asked: asyncio.Future[T]) -> T:
        """What the store answered. A task that runs away is stopped, here and at every other gateway."""
        try:
            return cast(T, await _kept(asked))
        except Runaway as error:
            assert watch is not None
            why = clean(refusals.runaway(error), 200)
            stop = await _kept(self._gateway.ledger.stop_task(watch.task, "runaway", why, watch.scope))
            self._gateway.keep_stop(stop)
            raise refusals.task_stopped(stop) from None

    async def _reserve(
        self, opened: Opened, limits: Sequence[Limit], candidates: list[Candidate], watch: Watch | None
    ) -> Candidate:
        settings = self._gateway.settings
        wanted = Reservation(limits, candidates, settings.lease_s * 1000, settings.duplicate_window_s * 1000, watch)
        try:
            chosen = await self._let_through(opened, watch, self._gateway.ledger.reserve(opened, wanted))
        except Shortfall as lack:
            self._gateway.alerts.refused(opened.key_id, lack)
            raise refusals.no_money(lack) from None
        except asyncio.CancelledError:
            self._give_up(opened, 499, "client_disconnected")
            raise
        except Refused as refusal:
            if isinstance(refusal.__cause__, StoreUnavailable) and refusal.__cause__.in_doubt:
                self._give_up(opened, refusal.status, refusal.error_type)
            raise
        return chosen

    def _give_up(self, opened: Opened, status: int, error_type: str) -> None:
        """Ends a request that the store may have admitted, or may still admit: what it then holds is given back after that. One
        that was not admitted has no row, and gets none."""
        ended = Ended(None, None, None, status, clean(error_type, 100))
        self._gateway.ledger.end(opened, ended, None, held=True)

    # --- the call ----------------------------------------------------------------------------------------------------

    async def _call(self, visit: Visit, request: ModelRequest, chosen: Candidate) -> ModelCall:
        gateway = self._gateway
        body, raw = request.body, request.raw
        drop_tier = "tier" in body and not gateway.market.forwards_auto
        if body.get("model") != chosen.model or drop_tier:
            body = {name: value for name, value in body.items() if not (drop_tier and name == "tier")}
            body["model"] = chosen.model
            raw = await aside(len(raw), partial(written_again, body))
        routing_ms = visit.elapsed_ms()
        form = gateway.settings.metadata

        def describe(seen: Observation) -> Any:
            told = metadata(seen, chosen, visit.charged(seen), visit.shown_id, routing_ms)
            return [told] if form == "array" else told

        return ModelCall(
            self._endpoint, body, raw, visit.headers, request.stream, visit.shown_id, chosen.model,
            None if form == "off" else describe, at_once=renewal.at_once(visit),
        )  # fmt: skip


async def _kept(future: asyncio.Future[Any]) -> Any:
    """What the store answered. Raises Refused for a spent request id (409) and for a store that cannot be written."""
    try:
        return await future
    except DuplicateRequest as error:
        raise refusals.duplicate(str(error)) from None
    except StoreUnavailable as error:
        raise refusals.store_unavailable(error) from error


class _Answer:
    """The upstream's answer on its way to the client, watched for a client that goes away."""

    __slots__ = ("_begun", "_call", "_cut", "_gone", "_halted", "_kept", "_send", "_visit")

    def __init__(self, visit: Visit, call: ModelCall, kept: asyncio.Future[None] | None, send: Send) -> None:
        self._visit = visit
        self._call = call
        self._kept = kept
        self._send = send
        self._begun = False
        self._cut = False
        self._gone = False
        self._halted: Refused | None = None

    async def deliver(self, client: Client) -> None:
        visit = self._visit
        task = asyncio.current_task()
        assert task is not None

        def gone() -> None:
            self._gone = True
            task.cancel()

        def halt(refusal: Refused) -> None:
            if self._halted is None and not visit.ended:
                self._halted = refusal
                task.cancel()

        client.when_gone(gone)
        visit.halt = halt
        exchange: Exchange | None = None
        visit.sent = time.monotonic()
        try:
            if (stopped := visit.stopped()) is not None:
                raise stopped
            exchange = await visit.gateway.upstream.call(self._call)
            await self._pass_on(exchange)
        except asyncio.CancelledError:
            task.uncancel()
            if self._halted is not None and not self._gone:
                await self._halt(self._halted, exchange)
            elif not self._gone:
                await self._stopped(exchange)
        except (Refused, RecursionError) as error:
            refusal = error if isinstance(error, Refused) else refusals.too_deep()
            visit.refuse(refusal)
            if not self._begun:
                await send_refusal(self._send, refusal, visit.id_headers())
        finally:
            visit.halt = None
            client.forget(gone)
            visit.leave()
            if exchange is None:
                visit.end(500, Observation(), gone=self._gone)
            else:
                self._end(exchange)
                await exchange.aclose()

    def _end(self, exchange: Exchange) -> asyncio.Future[None] | None:
        """Hands the record over, once. It is kept before the last byte goes (`_kept_end`), so that who has an answer finds it
        in the logs, and what a client has whole is not free if the gateway dies."""
        seen, status = exchange.observation, exchange.status
        foreign = HEADER_ERROR_ORIGIN.lower() in exchange.headers
        gone = self._gone and not seen.complete
        refused = foreign and status in (401, 403)
        return self._visit.end(status, seen, gone=gone, cut=self._cut, upstream_key=refused)

    async def _kept_begin(self) -> None:
        """The row is in the store. Raises Refused if it cannot be."""
        if self._kept is not None:
            await _kept(self._kept)

    async def _kept_end(self, exchange: Exchange) -> None:
        kept = self._end(exchange)
        await self._kept_begin()  # where both are handed over by now, they are one transaction
        if kept is not None:
            await kept

    async def _halt(self, refusal: Refused, exchange: Exchange | None) -> None:
        """Its task was stopped, or its limit reached, before anything of the answer went to the client. What the upstream has done by
        then is charged."""
        seen = exchange.observation if exchange is not None else Observation()
        seen.error_type, seen.error_message = refusal.kept_type, refusal.message
        self._visit.end(refusal.status, seen, cut=True)
        if not self._begun:
            await send_refusal(self._send, refusal, self._visit.id_headers())

    async def _stopped(self, exchange: Exchange | None) -> None:
        """The gateway is stopped, and this request was still running when its time was over: say so, here and there."""
        seen = exchange.observation if exchange is not None else Observation()
        refusal = refusals.stopping("what has passed is charged") if self._begun else refusals.stopping()
        self._visit.interrupt(refusal, seen if self._begun else Observation())
        if not self._begun:
            await send_refusal(self._send, refusal, self._visit.id_headers())
            return
        event = broken_event(self._call, refusal.message)
        await self._send({"type": "http.response.body", "body": b"\n\n" + event, "more_body": False})

    async def _pass_on(self, exchange: Exchange) -> None:
        send = self._send
        if not self._call.stream or exchange.fail is None:
            try:
                body = await self._gathered(exchange)
            except Refused as refusal:
                await self._halt(refusal, exchange)
                return
            await self._kept_end(exchange)
            headers = [*self._headers(exchange), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        await self._kept_begin()
        await send({"type": "http.response.start", "status": exchange.status, "headers": self._headers(exchange)})
        self._begun = True
        last = await self._stream(exchange)
        await self._kept_end(exchange)
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _gathered(self, exchange: Exchange) -> bytes:
        """The whole body. Raises Refused where it still grows and can be paid for no longer: then its client gets nothing of it, and
        what was held is charged."""
        assert self._visit.candidate is not None
        seen = exchange.observation
        steps, grows, parts = renewal.Renewal(self._visit, self._visit.candidate, seen), not seen.complete, []
        try:
            async for piece in exchange.body:
                if grows:
                    await steps.keep_up()
                steps.passed = seen.output_bytes
                parts.append(piece)
        except Refused:
            await _end_of_body(exchange)
            seen.output_bytes = steps.passed
            raise
        return b"".join(parts)

    async def _stream(self, exchange: Exchange) -> bytes:
        """Passes a stream on as far as it can be paid for; returns what is still to be said at its end."""
        assert self._visit.candidate is not None
        steps = renewal.Renewal(self._visit, self._visit.candidate, exchange.observation)
        try:
            async for chunk in exchange.body:
                await steps.keep_up()
                if chunk:
                    await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
                steps.passed = exchange.observation.output_bytes
        except Refused as refusal:
            self._cut = True
            return await _cut_off(exchange, refusal, steps.passed)
        except asyncio.CancelledError:
            if self._halted is None or self._gone:
                raise
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            self._cut = True
            code = FINAL if self._call.endpoint == "responses" else self._halted.kept_type
            return await _cut_off(exchange, self._halted, steps.passed, code)
        return b""

    def _headers(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        visit = self._visit
        headers = [(n.lower().encode("latin-1"), _header(v)) for n, v in exchange.headers.items()]
        headers = [pair for pair in headers if pair[0] not in _OWN]
        headers += visit.id_headers()
        if exchange.status < 400 and visit.candidate is not None:
            seen = exchange.observation
            model = seen.model_used or visit.candidate.model
            provider = seen.provider or visit.candidate.provider or visit.gateway.upstream.name
            have = {name for name, _ in headers}
            for name, value in ((HEADER_USED_MODEL, model), (HEADER_USED_PROVIDER, provider)):
                if name.lower().encode() not in have and value != AUTO_MODEL:
                    headers.append((name.lower().encode(), _header(value)))
        return headers


FINAL = "invalid_prompt"
"""The code of `response.failed` after which Codex shows the message as it is, and does not retry (0.171.0, observed)."""


async def _cut_off(exchange: Exchange, refusal: Refused, passed: int, code: str | None = None) -> bytes:
    """Ends a stream for which no more could be reserved, or whose task was stopped, and tells the client so in the stream's own protocol.
    What it did not get is not charged."""
    await _end_of_body(exchange)
    assert exchange.fail is not None
    told = exchange.fail(StreamError(code or refusal.error_type, refusal.message, refusal.error_type))
    seen = exchange.observation
    seen.error_type, seen.error_message, seen.output_bytes = refusal.kept_type, refusal.message, passed
    return told


async def _end_of_body(exchange: Exchange) -> None:
    """Ends an answer before it is whole, and its connection."""
    if isinstance(exchange.body, AsyncGenerator):
        await exchange.body.aclose()
    await exchange.aclose()


def _header(value: str) -> bytes:
    """A value as a header can carry it. Names of models come from the upstream's JSON, and from the client's."""
    clean = value if value.isprintable() else "".join(c if c.isprintable() else " " for c in value)
    return clean.encode("latin-1", "replace")


_OWN = {b"x-request-id", b"x-daoe-request-id", b"content-length", b"transfer-encoding", b"connection"}
