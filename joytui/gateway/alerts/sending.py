"""Sends an alert to a webhook, signed as the Standard Webhooks have it (github.com/standard-webhooks/standard-webhooks).

    webhook-id         the alert's id: the same at each try, so that a receiver takes it once
    webhook-timestamp  when this try was made, in seconds since 1970
    webhook-signature  "v1," and the base64 of the HMAC-SHA256 of "id.timestamp.body" with the secret

No redirect is followed, an answer is read up to ANSWER_BYTES, and a try ends after LIMIT_S. Neither the address, which of Slack and Teams
is a secret itself, nor the secret stands in a log or an error.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

from joytui.core.clock import now_ms
from joytui.core.errors import SettingsError
from joytui.core.redaction import Clean, Redactor, clean
from joytui.gateway.alerts.address import shown_webhook
from joytui.gateway.alerts.formats import Format, body_of
from joytui.ledger.alerts import AlertRow

if TYPE_CHECKING:
    import httpx

LIMIT_S = 15.0
CONNECT_S = 5.0
ANSWER_BYTES = 2_000
SECRET_LENGTH = 16
"""Characters of a part of the address from which on it may be the secret in it."""
LONGEST_WAIT_MS = 3_600_000
PREFIX = "whsec_"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try. `status` None: no answer came. `text`: the beginning of the answer, or what happened. `wait_ms`: how
    long the receiver asks us to wait."""

    status: int | None
    text: Clean | None
    wait_ms: int = 0

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def words(self) -> Clean | None:
        """Of one that failed."""
        if self.status is None:
            return self.text
        moved = "redirects are not followed" if 300 <= self.status < 400 else self.text
        return clean(f"HTTP {self.status}: {moved}" if moved else f"HTTP {self.status}", 400)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where alerts go. `secret`: the bytes that sign; None: nothing is signed."""

    url: str = field(repr=False)
    form: Format = "json"
    secret: bytes | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The address without what may be secret in it."""
        return shown_webhook(self.url)

    def client(self) -> httpx.AsyncClient:
        from joytui.client.http import http_client

        return http_client(self.url, read_timeout=LIMIT_S, connect_timeout=CONNECT_S)

    async def send(self, client: httpx.AsyncClient, row: AlertRow) -> Outcome:
        """One try. Raises nothing but what cancels it."""
        import httpx

        body = body_of(row, self.form)
        headers = {"content-type": "application/json", "accept-encoding": "identity", **self._signed(row.id, body)}
        try:
            async with (
                asyncio.timeout(LIMIT_S),
                client.stream("POST", self.url, content=body, headers=headers) as answer,
            ):
                return Outcome(answer.status_code, await self._beginning(answer), _wait_ms(answer))
        except TimeoutError:
            return self._without_answer(f"no answer within {LIMIT_S:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
            return self._without_answer(f"{type(error).__name__}: {error}")

    def _signed(self, alert_id: str, body: bytes) -> dict[str, str]:
        at = str(now_ms() // 1000)
        headers = {"webhook-id": alert_id, "webhook-timestamp": at}
        if self.secret is not None:
            headers["webhook-signature"] = signature(self.secret, alert_id, at, body)
        return headers

    async def _beginning(self, answer: httpx.Response) -> Clean | None:
        read = b""
        async for piece in answer.aiter_raw():
            read += piece
            if len(read) >= ANSWER_BYTES:
                break
        return self._clean(read[:ANSWER_BYTES].decode("utf-8", "replace"))

    def _without_answer(self, text: str) -> Outcome:
        return Outcome(None, self._clean(text))

    def _clean(self, text: str) -> Clean | None:
        parts = urlsplit(self.url)
        values = [value for _, value in parse_qsl(parts.query) if len(value) >= SECRET_LENGTH]
        pieces = [piece for piece in parts.path.split("/") if len(piece) >= SECRET_LENGTH]
        hidden = [self.url, parts.query, *(quote(value, safe="") for value in values), *values, *pieces]
        hidden += [parts.path] if len(parts.path) > 1 else []
        return clean(Redactor(hidden).text(" ".join(text.split())), 300)


def signature(secret: bytes, alert_id: str, timestamp: str, body: bytes) -> str:
    signed = hmac.new(secret, f"{alert_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"


def _wait_ms(answer: httpx.Response) -> int:
    """`Retry-After` in seconds, bounded; a date there is not read."""
    text = answer.headers.get("retry-after", "")
    return min(int(text) * 1000, LONGEST_WAIT_MS) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def read_secret(text: str) -> bytes:
    """The bytes of "whsec_…". Raises SettingsError, which does not repeat it."""
    try:
        secret = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.strip().startswith(PREFIX) or not 24 <= len(secret) <= 64:
        raise SettingsError(
            'the secret of the alerts is "whsec_" and the base64 of 24 to 64 bytes (what stood there is not repeated)',
            hint='echo "whsec_$(openssl rand -base64 32)"',
        )
    return secret
