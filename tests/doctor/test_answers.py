"""Refusing answers to causes: statuses, types, codes, messages, pages."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.causes import CAUSES
from joytui.causes.answers import KEY, ROUTE, ErrorAnswer, classify, classify_inner, read_answer
from joytui.doctor.codex_words import Patience, of_status, retry_after


def body(message: str = "", kind: str | None = None, code: str | None = None) -> bytes:
    error = {"message": message, **({"type": kind} if kind else {}), **({"code": code} if code else {})}
    return json.dumps({"error": error}).encode()


CASES = [
    (401, body("missing api key", "missing_api_key"), KEY, {}),
    (403, body("key is not ACTIVE", "invalid_api_key"), KEY, {}),
    (403, body("requested tier is not allowed", "policy_rejected"), "policy-rejected", {"policy": "tier"}),
    (403, body("Your key policy does not allow this IP"), "policy-rejected", {"policy": "ip"}),
    (403, body("model is blacklisted", "policy_rejected"), "policy-rejected", {"policy": "model"}),
    (403, body("this key is blocked", "policy_rejected"), "policy-rejected", {"policy": "blocked"}),
    (403, b"<html><title>Attention Required! | Cloudflare</title>", "edge-blocked", {}),
    (403, body("You exceeded your weekly quota"), "insufficient-quota", {"quota": "weekly"}),
    (403, body("out of credits: quota is used up", "policy_rejected"), "policy-rejected", {}),
    (402, body("daily quota exceeded", "insufficient_quota"), "insufficient-quota", {"quota": "daily"}),
    (402, body("Wallet balance is too low"), "insufficient-quota", {"quota": "wallet"}),
    (402, b"", "insufficient-quota", {}),
    (429, body("quota", "insufficient_quota"), "insufficient-quota", {}),
    (429, body("slow down"), "rate-limited", {}),
    (400, body("Model not found", "model_not_found"), "model-not-found", {}),
    (400, body("The model `x` does not exist"), "model-not-found", {}),
    (404, body("Model not found"), "model-not-found", {}),
    (404, body("no route POST /responses"), ROUTE, {}),
    (404, b'{"detail":"Not Found"}', ROUTE, {}),
    (405, body("Method not allowed"), ROUTE, {}),
    (400, body("body over 8 MiB", "invalid_request_error"), "request-too-large", {}),
    (400, body("", None, "context_length_exceeded"), "request-too-large", {}),
    (413, b"<html>", "request-too-large", {}),
    (409, body("duplicate request_id"), "duplicate-request", {}),
    (422, b'{"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}', "request-rejected", {}),
    (400, b"", "request-rejected", {}),
    (500, body("response writer does not support streaming", "stream_error"), "gateway-error", {}),
    (502, body("no usable model", "routing_error"), "upstream-error", {}),
    (503, b"<html><title>Just a moment...</title>", "edge-blocked", {}),
    (529, b"", "upstream-error", {}),
    (408, b"", "no-response", {}),
    (407, b"", "proxy-denied", {}),
    (400, b"<html>400 The plain HTTP request was sent to HTTPS port</html>", "tls-protocol-mismatch", {}),
]


@pytest.mark.parametrize(("status", "data", "cause", "details"), CASES)
def test_refusal(status: int, data: bytes, cause: str, details: dict[str, str]) -> None:
    refusal = classify(read_answer(status, {}, data))
    assert refusal.cause == cause
    assert details.items() <= refusal.details.items()


def test_errors_inside_a_200_keep_their_exact_cause() -> None:
    assert classify_inner(ErrorAnswer(200, "policy_rejected", message="ip not allowed")) == (
        "policy-rejected",
        {"policy": "ip"},
    )
    assert classify_inner(ErrorAnswer(200, "server_error", message="boom")) is None


@given(st.integers(300, 599), st.dictionaries(st.text(max_size=20), st.text(max_size=20)), st.binary(max_size=400))
def test_any_answer_has_a_cause(status: int, headers: dict[str, str], data: bytes) -> None:
    refusal = classify(read_answer(status, {k.lower(): v for k, v in headers.items()}, data))
    assert refusal.cause in CAUSES or refusal.cause in (KEY, ROUTE)
    of_status(refusal.answer, data, "http://x/responses", Patience())


@pytest.mark.parametrize(("text", "seconds"), [("3600", 3600.0), ("1.5", 1.5), ("nan", None), ("-1", None), ("", None)])
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}) == seconds


def test_codex_s_own_counts() -> None:
    patience = Patience()
    assert of_status(ErrorAnswer(500), b"", "u", patience).details() == {
        "codex_requests": 30,
        "codex_gives_up_after_s": 24.2,
    }
    assert of_status(ErrorAnswer(402), b"", "u", patience).details() == {
        "codex_requests": 6,
        "codex_gives_up_after_s": 6.2,
    }
    assert of_status(ErrorAnswer(429), b"", "u", patience).requests == 1
    assert of_status(ErrorAnswer(429, headers={"retry-after": "3600"}), b"", "u", patience).gives_up_after_s == 18000.0
    answer = ErrorAnswer(402, headers={"x-request-id": "req_1"})
    said = of_status(answer, body("Wallet is empty"), "http://h/responses", patience).says
    assert said == "unexpected status 402 Payment Required: Wallet is empty, url: http://h/responses, request id: req_1"
    answer = ErrorAnswer(418, headers={"x-oai-request-id": "req_2", "cf-ray": "8f-FRA"})
    said = of_status(answer, b"", "http://h/responses", patience).says
    assert said == (
        "unexpected status 418 I'm a teapot: Unknown error, url: http://h/responses, cf-ray: 8f-FRA, request id: req_2"
    )
