"""Refusals as other gateways and what stands before them word them, and answers that depend on the key or on its absence."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace

from tests.support.behaviours import (
    COMPLETED,
    CREATED,
    HEALTHY,
    ITEM_DONE,
    WHOLE,
    Reply,
    add,
    as_json,
    as_text,
    error,
    event,
    stream,
)


def problem(status: int, detail: str) -> Reply:
    """RFC 9457."""
    body = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail}
    return Reply(status, (json.dumps(body).encode(),), "application/problem+json")


# Envelopes

add("V_402_problem", problem(402, "Daily budget exhausted"))
add("V_403_problem", problem(403, "IP 10.0.0.1 is not in the allowlist"))
add("V_404_problem", problem(404, "No static resource openai/v1/responses."))
add("V_403_chinese", error(403, "请求的模型不在允许列表中", "policy_rejected"))
add("V_402_chinese", error(402, "余额不足", "insufficient_quota"))
add("V_400_chinese_model", error(400, "模型不存在", "invalid_request_error"))
add(
    "V_403_code_number",
    as_json(403, {"error": {"code": 403, "message": "IP not allowed", "status": "PERMISSION_DENIED"}}),
)
add("V_400_google_model", as_json(400, {"error": {"code": 400, "message": "models/auto is not found"}}))
add("V_404_anthropic", as_json(404, {"type": "error", "error": {"type": "not_found_error", "message": "model: auto"}}))
add(
    "V_401_anthropic",
    as_json(401, {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}),
)
add(
    "V_404_azure",
    as_json(
        404,
        {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}},
    ),
)
add("V_404_azure_resource", as_json(404, {"error": {"code": "404", "message": "Resource not found"}}))
add("V_400_openrouter", as_json(400, {"error": {"message": "auto is not a valid model ID", "code": 400}}))
add("V_404_openrouter", as_json(404, {"error": {"message": "No endpoints found for auto.", "code": 404}}))
add("V_402_openrouter", as_json(402, {"error": {"message": "Insufficient credits. Add more", "code": 402}}))
add(
    "V_400_litellm",
    as_json(400, {"error": {"message": "Invalid model name passed in model=auto.", "type": None, "code": "400"}}),
)
add(
    "V_400_litellm_budget",
    as_json(400, {"error": {"message": "Budget has been exceeded! Current cost: 1.0", "type": "budget_exceeded"}}),
)
add("V_401_kong", as_json(401, {"message": "No API key found in request"}))
add("V_404_kong", as_json(404, {"message": "no Route matched with those values"}))
add("V_403_kong", as_json(403, {"message": "Your IP address is not allowed"}))
add("V_403_aws_token", as_json(403, {"message": "Missing Authentication Token"}))
add(
    "V_403_squid",
    as_text(
        403, "<html><title>ERROR: Access Denied.</title></html>", "text/html", ("x-squid-error", "ERR_ACCESS_DENIED 0")
    ),
)
add("V_200_login", as_text(200, "<!doctype html><title>Sign in</title><form action=/login>"))
add("V_302_login", Reply(302, (), None, headers=(("location", "/login"),)))
add("V_400_auth_header", error(400, "Missing Authorization header", "invalid_request_error"))
add("V_400_headers_too_large", as_text(400, "<html><title>400 Request Header Or Cookie Too Large</title></html>"))
add("V_404_key", error(404, "api key not found", "invalid_api_key"))
add("V_403_model_code", error(403, "the words", "invalid_request_error", code="model_not_found"))
add("V_410_route", error(410, "This endpoint has been removed; use /v2", "gone"))
add("V_401_quota", error(401, "wallet empty", "insufficient_quota"))
add("V_500_null", as_text(500, "null", "application/json"))
add("V_503_retry_after_3600", error(503, "maintenance", "upstream_error", headers=[("retry-after", "3600")]))
for name, value in (("negative", "-1"), ("fraction", "0.5"), ("word", "soon"), ("huge", "99999999999")):
    add(f"V_429_retry_after_{name}", error(429, "slow", "rate_limited", headers=[("retry-after", value)]))

# By the key, or without one

add("V_bad_key_403", HEALTHY, refusal=error(403, "api key is invalid or not ACTIVE", "invalid_api_key"))
add("V_bad_key_page", HEALTHY, refusal=as_text(200, "<html><title>Sign in</title></html>"))
add("V_no_key_403", HEALTHY, no_key=as_text(403, "Forbidden", "text/plain"))
add("V_no_key_policy", HEALTHY, no_key=error(403, "anonymous access not allowed", "policy_rejected"))
add("V_no_key_400", HEALTHY, no_key=error(400, "Authorization header required", "invalid_request_error"))

# Answers that get worse or better, and encodings

add("V_503_then_good", (error(503, "x", "upstream_error"), HEALTHY))
add("V_404_then_good", (error(404, "x", "not_found"), HEALTHY))
add("V_cut_then_good", (stream(CREATED), HEALTHY))
add("V_head_1500ms", replace(HEALTHY, delay=1.5))
add("V_pause_800ms", stream(CREATED, 0.8, ITEM_DONE, COMPLETED))
add("V_deflate", Reply(200, (zlib.compress(b"".join(WHOLE)),), "text/event-stream", (("content-encoding", "deflate"),)))
add("V_identity", Reply(200, (b"".join(WHOLE),), "text/event-stream", (("content-encoding", "identity"),)))
add("V_html_type", stream(*WHOLE, content_type="text/html"))
add(
    "V_json_array",
    as_text(200, "[" + ",".join(p.split(b"data: ", 1)[1].decode().strip() for p in WHOLE) + "]", "application/json"),
)
add("V_error_event_policy", stream(event("error", error={"type": "policy_rejected", "message": "tier"})))
add("V_data_words", stream(b"data: internal error\n\n"))
for code in ("bio_policy", "content_policy_violation"):
    failed = event("response.failed", response={"id": "r", "error": {"code": code, "message": "the words"}})
    add(f"V_failed_{code}", stream(CREATED, failed))
add("V_redirect_to_v1", HEALTHY, redirect=("/v1", 308, "{self}/openai/v1"))
add("V_redirect_301", HEALTHY, redirect=("/openai/responses", 301, "{self}/openai/v1/responses"))
add("V_redirect_scheme", Reply(307, (), None, headers=(("location", "ftp://x/y"),)))
