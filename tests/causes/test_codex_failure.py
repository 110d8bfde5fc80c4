"""Codex's words about a failed turn: the status, the request id and the cause behind them."""

from __future__ import annotations

import pytest

from joytui.causes.codex_failure import CodexFailure, answer_in, read_failure

TAIL = ", url: http://127.0.0.1:1/openai/v1/responses, request id: req_jt_123"
SAID = {
    "unexpected status 401 Unauthorized: Key is disabled": (401, "key-rejected"),
    "unexpected status 401 Unauthorized: missing api key": (401, "key-missing"),
    "unexpected status 402 Payment Required: Wallet balance is too low": (402, "insufficient-quota"),
    "unexpected status 403 Forbidden: Your key policy does not allow this IP": (403, "policy-rejected"),
    "unexpected status 404 Not Found: Model not found": (404, "model-not-found"),
    "unexpected status 404 Not Found: Unknown route": (404, None),
    "unexpected status 503 Service Unavailable: No provider available": (503, "upstream-error"),
    "exceeded retry limit, last status: 429 Too Many Requests": (429, "rate-limited"),
}


@pytest.mark.parametrize("words", SAID)
def test_words_with_a_status(words: str) -> None:
    status, cause = SAID[words]
    assert read_failure(words + TAIL) == CodexFailure(status, "req_jt_123", cause)
    assert read_failure(words) == CodexFailure(status, None, cause)


def test_what_the_gateway_said() -> None:
    assert (
        answer_in("unexpected status 402 Payment Required: Wallet balance is too low" + TAIL)
        == "Wallet balance is too low"
    )
    assert answer_in("exceeded retry limit, last status: 429 Too Many Requests") == (
        "exceeded retry limit, last status: 429 Too Many Requests"
    )


def test_words_without_a_status() -> None:
    body = '{"error": {"type": "invalid_request_error", "message": "Bad request"}}'
    assert read_failure(body, name="other") == CodexFailure(None, None, "request-rejected")
    busy = "We’re currently experiencing high demand, which may cause temporary errors."
    assert read_failure(busy, name="internal_server_error") == CodexFailure(None, None, "gateway-error")
    assert read_failure("stream disconnected before completion") == CodexFailure(None, None, None)
    assert read_failure("", name="http_connection_failed", status=402) == CodexFailure(402, None, "insufficient-quota")
