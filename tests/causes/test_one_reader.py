"""One reader of error answers: what the doctor and triage read from a refusal, the gateway records of it."""

from __future__ import annotations

import json

import pytest

from joytui.causes.answers import classify, read_answer
from joytui.gateway.metering import cause_of

ANSWERS = [
    (401, "You are not authorized to access this model", "policy-rejected"),
    (401, "IP 203.0.113.9 is not in the allowlist", "policy-rejected"),
    (429, "insufficient balance", "insufficient-quota"),
    (500, "余额不足", "insufficient-quota"),
    (503, "No available channel for model gpt-9 under group team", "model-not-found"),
    (403, "error code: 1010", "edge-blocked"),
    (400, "This model's maximum context length is 8192 tokens", "request-too-large"),
    (502, 'provider 400: {"error":{"message":"Unsupported parameter: store","type":"invalid_request_error"}}', "request-rejected"),
    (502, 'provider 401: {"error":{"message":"bad key"}}', "upstream-key-rejected"),
    (502, "provider invoke failed", "upstream-error"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "message", "cause"), ANSWERS, ids=[f"{one[0]} {one[1][:24]}" for one in ANSWERS])
def test_words_before_the_status(status: int, message: str, cause: str) -> None:
    body = json.dumps({"error": {"message": message}}).encode()
    assert classify(read_answer(status, {}, body)).cause == cause
    assert cause_of(status, None, message, complete=True) == cause


def test_type_and_code_before_words() -> None:
    body = json.dumps({"error": {"message": "insufficient balance", "code": "model_not_found"}}).encode()
    assert classify(read_answer(429, {}, body)).cause == "model-not-found"
    assert cause_of(429, "model_not_found", "insufficient balance", complete=True) == "model-not-found"
