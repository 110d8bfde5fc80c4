"""One model request on its way through the gateway: what is known of it so far, and its record at the end.

Ending is synchronous (a hand-over to the ledger's writer), since a request that is being cancelled cannot await.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from joytui.core.clock import now_ms
from joytui.core.echo import Echo
from joytui.core.joytoken import (
    DOCTOR_BODY,
    DOCTOR_REQUEST_ID,
    HEADER_DAOE_REQUEST_ID,
    HEADER_DOCTOR,
    HEADER_REQUEST_ID,
)
from joytui.core.redaction import DOOR_LIMIT, MASK, Clean, clean, clean_id, cut
from joytui.core.request import Ended, Opened, request_id
from joytui.gateway.addresses import client_address
from joytui.gateway.key_lookup import KeyEntry, credential
from joytui.gateway.metering import cause_of, charge
from joytui.gateway.refusals import STORE_UNAVAILABLE, Refused
from joytui.gateway.request_body import Share
from joytui.gateway.runtime import Gateway
from joytui.gateway.turn_metadata import TurnContext, root_thread, turn_context
from joytui.gateway.upstreams.exchange import Observation
from joytui.ledger.records import INTERRUPTED, Candidate, Charge, interrupted

CLIENT_GONE = 499
TRUNCATED = clean("stream_truncated", 100), clean("the upstream ended its answer before it was complete", 500)
access = logging.getLogger("joytui.access")


class Visit:
    __slots__ = (
        "address",
        "admitted",
        "body_bytes",
        "candidate",
        "ended",
        "endpoint",
        "gateway",
        "halt",
        "headers",
        "held",
        "holds",
        "key",
        "model",
        "n",
        "opened",
        "request_id",
        "secret",
        "sent",
        "share",
        "size",
        "started",
        "started_at",
        "stream",
    )  # fmt: skip

    def __init__(self, gateway: Gateway, endpoint: str, headers: Mapping[str, str], peer: str | None) -> None:
        self.gateway = gateway
        self.endpoint = endpoint
        self.headers = headers
        self.secret = credential(headers)  # what the client calls its key
        self.started = time.monotonic()
        self.n = gateway.ledger.next_number()
        self.started_at = now_ms()
        self.request_id = request_id(self.n)
        self.address = client_address(peer, headers.get("x-forwarded-for"), gateway.trusted_proxies)
        self.sent: float | None = None
        self.key: KeyEntry | None = None
        self.share = Share(gateway.bodies)
        self.size = 0  # bytes of the body, once it is there
        self.model: str | None = None
        self.stream = False
        self.body_bytes = 0
        self.candidate: Candidate | None = None
        self.opened: Opened | None = None
        self.held = False
        self.holds = 0
        self.admitted = False
        self.ended = False
        self.halt: Callable[[Refused], None] | None = None  # ends the answer that is under way

    @property
    def shown_id(self) -> str:
        """The client's own request id, or ours."""
        return self.client_id or self.request_id

    @property
    def task(self) -> Clean | None:
        """The root thread that it names, also where its policy keeps no threads."""
        return root_thread(self.headers, self._own_text)

    def stopped(self) -> Refused | None:
        """Why nothing of its task is answered; None where it is. While no task is stopped, this looks at nothing."""
        stops = self.gateway.stops
        return stops.refusal(self.task, self.key.row.budget_id) if stops and self.key is not None else None

    @property
    def announced(self) -> int:
        """The size of the body by the client's word; 0 if it says none."""
        told = self.headers.get("content-length", "")
        return int(told) if told.isascii() and told.isdigit() and len(told) < 16 else 0

    @property
    def client_id(self) -> Clean | None:
        """The client's X-Request-ID. (Codex sends other ids, the same on each retry: those are not taken for it.)"""
        return clean(self.headers.get("x-request-id"), 200)

    def id_headers(self) -> list[tuple[bytes, bytes]]:
        shown = self.shown_id.encode("latin-1", "replace")
        return [
            (HEADER_REQUEST_ID.lower().encode(), shown),
            (HEADER_DAOE_REQUEST_ID.lower().encode(), self.request_id.encode()),
        ]

    def describe(self) -> Opened:
        """The beginning of the record. A policy without logs keeps counts and cost: no threads, addresses, clients."""
        logs = self.key is None or self.key.policy.logs
        codex = turn_context(self.headers, self._own_text) if logs else TurnContext()
        return Opened(
            n=self.n,
            started_at=self.started_at,
            key_id=self.key.row.id if self.key else None,
            model=self._own_text(self.model, 200),
            endpoint=f"/openai/v1/{self.endpoint}",
            stream=self.stream,
            request_id=self.client_id,
            client=self._client() if logs else None,
            ip=self.address if logs else None,
            doctor=self._is_test(),
            **codex._asdict(),
        )

    def _client(self) -> Clean | None:
        """Who asks: its user agent, which the doctor's requests have from Codex, as all else of theirs."""
        agent = self._own_text(self.headers.get("user-agent"), 120)
        return clean(f"joytui doctor, as {agent}", 120) if self._is_test() and agent else agent

    def _is_test(self) -> bool:
        """Whether the doctor says that it asks, and asks no more than it does: a whole turn stays in what is counted, whoever
        calls it a test."""
        marked = HEADER_DOCTOR.lower() in self.headers
        marked = marked or self.headers.get("x-request-id", "").startswith(DOCTOR_REQUEST_ID)
        return marked and self.size <= DOCTOR_BODY

    def _own_text(self, value: str | None, limit: int, echo: Echo | None = None) -> Clean | None:
        """Text in which a careless client or upstream may have repeated the key of this very request."""
        if value and self.secret is not None and len(self.secret) >= 6:
            value = value[:DOOR_LIMIT].replace(self.secret, MASK)
        return clean(value, limit, echo)

    def admit(self, candidate: Candidate, opened: Opened, *, held: bool) -> None:
        self.candidate = candidate
        self.opened = opened
        self.held = held
        self.holds = candidate.estimate if held else 0
        self.admitted = True
        self.gateway.running[self.n] = self

    def leave(self) -> None:
        """It runs no longer: once, whatever its end."""
        self.share.give_back()
        if self.key is not None:
            self.key.running -= 1

    # --- the end -----------------------------------------------------------------------------------------------------

    def refuse(self, refusal: Refused) -> asyncio.Future[int] | None:
        """The record of a request that the gateway refused; the future, where there is one, is done when it is kept, with the number
        of its row."""
        if self.ended:
            return None
        self.ended = True
        if self.admitted:  # let in, and then its row could not be kept
            self._close(self._refused(refusal))
            return None
        if refusal.error_type == STORE_UNAVAILABLE:
            self.drop(refusal)
            return None
        self._count(refusal.status, clean(refusal.kept_type, 100), Charge(), None)
        if refusal.step == "key":
            return self.gateway.ledger.refuse(_keyless(self.describe()), self._refused(refusal), keyless=True)
        return self.gateway.ledger.refuse(self.describe(), self._refused(refusal))

    def kept_as(self, number: int) -> None:
        """Its answer has the id of its row: for another attempt at what was refused before, that is the row of the first."""
        self.request_id = request_id(number)

    def drop(self, refusal: Refused) -> None:
        """A refusal of which nothing is kept but a count: its sender has more than enough of them, or the store is unreachable."""
        self.ended = True
        if refusal.error_type == STORE_UNAVAILABLE:
            self.gateway.turned_away += 1
        self._count(refusal.status, clean(refusal.error_type, 100), Charge(), None)

    def _refused(self, refusal: Refused) -> Ended:
        error_type, message = clean(refusal.kept_type, 100), self._own_text(refusal.message, 500)
        return Ended(None, None, None, refusal.status, error_type, message, refusal.cause, latency_ms=self.elapsed_ms())

    def end(
        self, status: int, seen: Observation, *, gone: bool = False, cut: bool = False, upstream_key: bool = False
    ) -> asyncio.Future[None] | None:
        """The record of an admitted request, whatever its end. `gone`: the client disconnected (499, usage estimated); `cut`: its
        limit was reached. The future, where there is one, is done when the record is kept."""
        if self.ended or self.candidate is None:
            return None
        self.ended = True
        charged, remarks = self._charge(seen, status, stopped=gone or cut)
        for remark in remarks:
            seen.note(remark)
        if gone:
            status, seen.error_type = CLIENT_GONE, "client_disconnected"
            seen.error_message = "the client closed the connection before the answer was complete"
        error_type, message = self._told(seen.error_type, 100, seen), self._told(seen.error_message, 500, seen)
        said = (status, seen.error_type, (seen.error_message or "")[:DOOR_LIMIT])
        cause = None if gone else cause_of(*said, complete=seen.complete, upstream_key=upstream_key)
        if cause == "stream-truncated" and error_type is None:
            error_type, message = TRUNCATED
        ttft = self._after(seen.first_token_at)
        model, provider, tier = self.candidate.recorded()
        model = self._told(seen.model_used, 200, seen) or model
        kept = self._close(
            Ended(
                model_used=model,
                provider=self._told(seen.provider, 100, seen) or provider,
                tier=self._told(seen.tier, 40, seen) or tier,
                status=status,
                error_type=error_type,
                error_message=message,
                cause=cause,
                finish=self._told(seen.finish, 40, seen),
                **charged._asdict(),
                ttft_ms=ttft,
                latency_ms=self.elapsed_ms(),
                upstream_id=clean_id(seen.upstream_id, 120, seen.echo),
                billing_id=clean_id(seen.billing_id, 120, seen.echo),
                notes=self._told("; ".join(seen.notes), 500, seen),
                queue_ms=self._after(self.sent),
                first_byte_ms=self._after(seen.first_byte_at),
            )
        )
        self._count(status, error_type, charged, ttft, model)
        return kept

    def charged(self, seen: Observation) -> Charge:
        """What the answer costs so far."""
        return self._charge(seen, 200, stopped=False)[0]

    def _charge(self, seen: Observation, status: int, *, stopped: bool) -> tuple[Charge, list[str]]:
        """An error of the upstream costs what the upstream says, else nothing."""
        assert self.candidate is not None
        if status >= 400 and not stopped and seen.cost_nano is None:
            return Charge(), []
        catalog = self.gateway.market.catalog
        return charge(seen, self.candidate, catalog, body_bytes=self.body_bytes, held=self.holds, stopped=stopped)

    def interrupt(self, refusal: Refused, seen: Observation) -> None:
        """The record of an admitted request that ends because the gateway does: what has passed is charged, as after a crash."""
        if self.ended or self.candidate is None:
            return
        self.ended = True
        used, charged = self.candidate.recorded(), self.charged(seen)
        message = interrupted("the gateway stopped before this request ended", charged)
        ended = Ended(*used, 500, INTERRUPTED, message, refusal.cause)
        ended = ended._replace(latency_ms=self.elapsed_ms(), queue_ms=self._after(self.sent))
        self._close(ended._replace(**charged._asdict()))
        self._count(500, INTERRUPTED, charged, None, used[0])

    def _close(self, ended: Ended) -> asyncio.Future[None]:
        assert self.opened is not None
        assert self.key is not None
        self.gateway.running.pop(self.n, None)
        return self.gateway.ledger.end(self.opened, ended, self.key.row.budget_id, held=self.held)

    def _told(self, value: str | None, limit: int, seen: Observation) -> Clean | None:
        """What the upstream says, without its own key and this request's."""
        return self._own_text(value, limit, seen.echo)

    def _count(
        self, status: int, error_type: Clean | None, charged: Charge, ttft: float | None, model: Clean | None = None
    ) -> None:
        tokens, cost = charged[:4], charged.cost_nano
        latency = self.elapsed_ms()
        self.gateway.metrics.ended(self.endpoint, model, status, error_type, tokens, cost, ttft, latency)
        if access.isEnabledFor(logging.INFO):
            fields = {
                "request": self.request_id,
                "key": self.key.row.id if self.key else None,
                "endpoint": self.endpoint,
                "model": model or self._own_text(self.model, 200),
                "status": status,
                "error_type": error_type,
                "input_tokens": charged.input_tokens,
                "output_tokens": charged.output_tokens,
                "latency_ms": latency,
            }
            access.info("request", extra={"fields": fields})

    def _after(self, moment: float | None) -> float | None:
        """Milliseconds from the request's arrival to a moment of `time.monotonic()`."""
        return None if moment is None else round(max(0.0, (moment - self.started) * 1000), 3)

    def elapsed_ms(self) -> float:
        return round((time.monotonic() - self.started) * 1000, 3)


def _keyless(opened: Opened) -> Opened:
    """What is kept of a request without a valid key: enough to find it by. Anybody can send one, so it takes little room."""
    request_id, client = cut(opened.request_id, 48), cut(opened.client, 64)
    kept = TurnContext(thread_id=cut(opened.thread_id, 36))
    return opened._replace(request_id=request_id, client=client, **kept._asdict())
