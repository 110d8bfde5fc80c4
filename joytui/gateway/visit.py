"""One model request on its way through the gateway: what is known of it so far, and its record at the end.

Ending is synchronous (a hand-over to the ledger's writer), since a request that is being cancelled cannot await.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Mapping
from functools import lru_cache

from joytui.core.clock import now_ms
from joytui.core.joytoken import DOCTOR_REQUEST_ID, HEADER_DAOE_REQUEST_ID, HEADER_REQUEST_ID
from joytui.core.redaction import MASK, Redactor, visible
from joytui.core.request import Ended, Opened
from joytui.gateway.addresses import client_address
from joytui.gateway.keyring import KeyEntry, credential
from joytui.gateway.metering import cause_of, charge
from joytui.gateway.refusals import Refused
from joytui.gateway.runtime import Gateway
from joytui.gateway.upstreams.exchange import Observation
from joytui.ledger.ids import request_id
from joytui.ledger.records import INTERRUPTED, Candidate, Charge, interrupted

CLIENT_GONE = 499
access = logging.getLogger("joytui.access")
_REDACT = Redactor()
_ID = re.compile(r"(?:chatcmpl|resp|msg|gen|bill|req)[-_][A-Za-z0-9_-]+")


class Visit:
    __slots__ = (
        "address",
        "admitted",
        "body_bytes",
        "candidate",
        "ended",
        "endpoint",
        "gateway",
        "headers",
        "held",
        "holds",
        "key",
        "model",
        "n",
        "opened",
        "request_id",
        "sent",
        "started",
        "started_at",
        "stream",
    )  # fmt: skip

    def __init__(self, gateway: Gateway, endpoint: str, headers: Mapping[str, str], peer: str | None) -> None:
        self.gateway = gateway
        self.endpoint = endpoint
        self.headers = headers
        self.started = time.monotonic()
        self.n = gateway.ledger.next_number()
        self.started_at = now_ms()
        self.request_id = request_id(self.n)
        self.address = client_address(peer, headers.get("x-forwarded-for"), gateway.trusted_proxies)
        self.sent: float | None = None
        self.key: KeyEntry | None = None
        self.model: str | None = None
        self.stream = False
        self.body_bytes = 0
        self.candidate: Candidate | None = None
        self.opened: Opened | None = None
        self.held = False
        self.holds = 0
        self.admitted = False
        self.ended = False

    @property
    def shown_id(self) -> str:
        """The client's own request id, or ours."""
        return self.client_id or self.request_id

    @property
    def client_id(self) -> str | None:
        """The client's X-Request-ID. (Codex sends other ids, the same on each retry: those are not taken for it.)"""
        return _text(self.headers.get("x-request-id"), 200)

    def id_headers(self) -> list[tuple[bytes, bytes]]:
        shown = self.shown_id.encode("latin-1", "replace")
        return [
            (HEADER_REQUEST_ID.lower().encode(), shown),
            (HEADER_DAOE_REQUEST_ID.lower().encode(), self.request_id.encode()),
        ]

    def describe(self) -> Opened:
        """The beginning of the record. A policy without logs keeps counts and cost: no threads, addresses, clients."""
        headers = self.headers
        logs = self.key is None or self.key.policy.logs
        turn_id, project = _turn(headers.get("x-codex-turn-metadata")) if logs else (None, None)
        return Opened(
            n=self.n,
            started_at=self.started_at,
            key_id=self.key.row.id if self.key else None,
            model=_text(self.model, 200),
            endpoint=f"/openai/v1/{self.endpoint}",
            stream=self.stream,
            request_id=self.client_id,
            thread_id=_text(headers.get("thread-id") or headers.get("session-id"), 100) if logs else None,
            project=project,
            client=self._client() if logs else None,
            ip=self.address if logs else None,
            turn_id=turn_id,
        )

    def _client(self) -> str | None:
        """Who asks: its user agent, which the doctor's requests have from Codex, as all else of theirs."""
        agent = self._own_text(self.headers.get("user-agent"), 120)
        asked_by_doctor = self.headers.get("x-request-id", "").startswith(DOCTOR_REQUEST_ID)
        return f"joytui doctor, as {agent}"[:120] if asked_by_doctor and agent else agent

    def _own_text(self, value: str | None, limit: int) -> str | None:
        """Text in which a careless client or upstream may have repeated the key of this very request."""
        key = credential(self.headers)
        return _text(value.replace(key, MASK) if value and key and len(key) >= 6 else value, limit)

    def admit(self, candidate: Candidate, opened: Opened, *, held: bool) -> None:
        self.candidate = candidate
        self.opened = opened
        self.held = held
        self.holds = candidate.estimate if held else 0
        self.admitted = True
        self.gateway.running[self.n] = self

    # --- the end -----------------------------------------------------------------------------------------------------

    def refuse(self, refusal: Refused) -> asyncio.Future[None] | None:
        """The record of a request that the gateway refused; the future, where there is one, is done when it is kept."""
        if self.ended:
            return None
        self.ended = True
        if self.admitted:  # let in, and then its row could not be kept
            self._close(self._refused(refusal))
            return None
        self._count(refusal.status, refusal.error_type, Observation(), Charge(), None)
        return self.gateway.ledger.refuse(self.describe(), self._refused(refusal))

    def _refused(self, refusal: Refused) -> Ended:
        message = _text(refusal.message, 500)
        return Ended(
            None, None, None, refusal.status, refusal.error_type, message, refusal.cause, latency_ms=self.elapsed_ms()
        )

    def end(
        self, status: int, seen: Observation, *, gone: bool = False, cut: bool = False, upstream_key: bool = False
    ) -> asyncio.Future[None] | None:
        """The record of an admitted request, whatever its end. `gone`: the client went away (499, usage estimated); `cut`: its
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
        cause = None if gone else cause_of(status, seen.error_type, complete=seen.complete, upstream_key=upstream_key)
        error_type, message = seen.error_type, self._own_text(seen.error_message, 500)
        if cause == "stream-truncated" and error_type is None:
            error_type, message = "stream_truncated", "the upstream ended its answer before it was complete"
        ttft = self._after(seen.first_token_at)
        kept = self._close(
            Ended(
                model_used=_text(seen.model_used, 200) or self.candidate.model,
                provider=_text(seen.provider, 100) or self.candidate.provider,
                tier=_text(seen.tier, 40) or self.candidate.tier,
                status=status,
                error_type=_text(error_type, 100),
                error_message=message,
                cause=cause,
                finish=_text(seen.finish, 40),
                **charged._asdict(),
                ttft_ms=ttft,
                latency_ms=self.elapsed_ms(),
                upstream_id=_id(seen.upstream_id),
                billing_id=_id(seen.billing_id),
                notes=self._own_text("; ".join(seen.notes), 500),
                queue_ms=self._after(self.sent),
                first_byte_ms=self._after(seen.first_byte_at),
            )
        )
        self._count(status, error_type, seen, charged, ttft)
        return kept

    def charged(self, seen: Observation) -> Charge:
        """What the answer costs as far as it has come."""
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
        used, charged = self.candidate, self.charged(seen)
        message = interrupted("the gateway was stopped before this request ended", charged)
        ended = Ended(used.model, used.provider, used.tier, 500, INTERRUPTED, message, refusal.cause)
        ended = ended._replace(latency_ms=self.elapsed_ms(), queue_ms=self._after(self.sent))
        self._close(ended._replace(**charged._asdict()))
        self._count(500, INTERRUPTED, seen, charged, None)

    def _close(self, ended: Ended) -> asyncio.Future[None]:
        assert self.opened is not None
        assert self.key is not None
        self.gateway.running.pop(self.n, None)
        return self.gateway.ledger.end(self.opened, ended, self.key.row.budget_id, held=self.held)

    def _count(
        self, status: int, error_type: str | None, seen: Observation, charged: Charge, ttft: float | None
    ) -> None:
        tokens, cost = charged[:4], charged.cost_nano
        model = (seen.model_used or self.candidate.model) if self.candidate else ""
        latency = self.elapsed_ms()
        self.gateway.metrics.ended(self.endpoint, model, status, error_type, tokens, cost, ttft, latency)
        if access.isEnabledFor(logging.INFO):
            fields = {
                "request": self.request_id,
                "key": self.key.row.id if self.key else None,
                "endpoint": self.endpoint,
                "model": model or _text(self.model, 200),
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


@lru_cache(maxsize=2048)
def _text(value: str | None, limit: int) -> str | None:
    """Text from outside as the store may keep it: no control characters, no secrets, no more than so much.

    Remembered, since clients and models are the same ones again and again.
    """
    if not value:
        return None
    if len(value) > 4096:
        value = value[:4096]
    return _REDACT.text(visible(value, limit=limit)).replace("\n", " ").strip() or None


def _id(value: str | None) -> str | None:
    """An upstream's id: as it is where it looks like one, else like any other text."""
    return value if value and len(value) <= 120 and _ID.fullmatch(value) else _text(value, 120)


def _turn(metadata: str | None) -> tuple[str | None, str | None]:
    """The turn that Codex is in and the folder that it works in, where its turn metadata says them (observed with 0.169.0 and
    0.171.0: `turn_id`, and `workspaces` by path)."""
    try:
        said = json.loads(metadata) if metadata else None
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(said, dict):
        return None, None
    turn, workspaces = said.get("turn_id"), said.get("workspaces")
    project = next(iter(workspaces)) if isinstance(workspaces, dict) and workspaces else None
    return _text(turn, 100) if isinstance(turn, str) else None, _text(project, 300)
