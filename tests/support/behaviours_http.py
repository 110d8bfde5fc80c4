"""Behaviours of the HTTP layer: routes that are there or not, keys, and every status with the bodies that gateways send with it."""

from __future__ import annotations

from dataclasses import replace

from tests.support.behaviours import HEALTHY, MODELS, add, as_json, as_text, error, missing

REQUEST_ID = "req_jt_123"

# Gateways that work with Codex, each without something that is optional

add("healthy", HEALTHY)
add("healthy_open", HEALTHY, check_key="off")
add("healthy_key_first", HEALTHY, check_key="before-route")
add("responses_only", HEALTHY, models=None, chat=None, catalog=None)
add("no_models", HEALTHY, models=None)
add("models_401", HEALTHY, models=error(401, "Invalid or missing API key", "invalid_api_key"))
add("models_500", HEALTHY, models=error(500, "boom", "server_error"))
add("models_slow", HEALTHY, models=replace(MODELS, delay=8.0))
add("no_catalog", HEALTHY, catalog=None)
add("catalog_503", HEALTHY, catalog=as_json(503, {"code": 50300, "message": "admin-bff not available"}))

# Gateways that cannot serve a current Codex

add("chat_only", None)
add("chat_only_key_first", None, check_key="before-route")
add("chat_only_405", error(405, "Method not allowed", "method_not_allowed"))
add("nothing_there", None, models=None, chat=None, catalog=None)

# Keys

add("key_missing", error(401, "missing api key", "missing_api_key"))
add("key_inactive_403", error(403, "api key is invalid or not ACTIVE", "invalid_api_key"))
add(
    "key_upstream_401",
    error(401, "Incorrect API key provided", "invalid_api_key", headers=[("x-joytui-error-origin", "upstream")]),
)

# Statuses with the envelope of the contract

for status, text, kind in (
    (400, "Bad request", "invalid_request_error"),
    (401, "Key is disabled", "invalid_api_key"),
    (402, "Wallet balance is too low", "insufficient_quota"),
    (403, "Your key policy does not allow this IP", "policy_rejected"),
    (404, "Unknown route", "not_found"),
    (405, "Method not allowed", "method_not_allowed"),
    (406, "Not acceptable", "invalid_request_error"),
    (407, "Proxy authentication required", "proxy_error"),
    (408, "Request timed out", "timeout"),
    (409, "Conflict", "conflict"),
    (410, "Gone", "gone"),
    (413, "Body too large", "invalid_request_error"),
    (415, "Unsupported media type", "invalid_request_error"),
    (418, "I am a teapot", None),
    (422, "Field stream must be false", "invalid_request_error"),
    (425, "Too early", None),
    (426, "Upgrade required", None),
    (428, "Precondition required", None),
    (429, "Too many requests", "rate_limited"),
    (431, "Headers too large", "invalid_request_error"),
    (451, "Not available in your region", "policy_rejected"),
    (499, "Client closed request", None),
    (500, "Internal error", "server_error"),
    (501, "Not implemented", "not_implemented"),
    (502, "Upstream failed", "upstream_error"),
    (503, "No provider available", "upstream_error"),
    (504, "Upstream timed out", "upstream_error"),
    (507, "Insufficient storage", None),
    (520, "Unknown", None),
    (522, "Connection timed out", None),
    (524, "A timeout occurred", None),
    (529, "Overloaded", "overloaded_error"),
    (530, "Origin error", None),
    (599, "Network timeout", None),
):
    add(f"E_{status}", error(status, text, kind, request_id=REQUEST_ID))

# 400 and its kinds

add("E_400_empty", as_text(400, "", None))
add("E_400_text", as_text(400, "nope", "text/plain"))
add("E_400_long_body", as_text(400, "x" * 5000, "text/plain"))
add("E_400_context_length", error(400, "Too long", "invalid_request_error", code="context_length_exceeded"))
add(
    "E_400_image",
    error(
        400,
        "The image data you provided does not represent a valid image",
        "invalid_request_error",
        code="invalid_image",
    ),
)
add("E_400_tools", error(400, "Unsupported tool type: custom", "invalid_request_error", param="tools[1].type"))
add("E_400_unknown_field", error(400, "Unknown parameter: 'include'", "invalid_request_error", param="include"))
add("E_400_store", error(400, "store must be true", "invalid_request_error", param="store"))
add("E_400_quota", error(400, "wallet balance insufficient", "insufficient_quota"))
add("E_400_policy", error(400, "requested tier is not allowed", "policy_rejected"))
add("E_400_body_too_large", error(400, "request body exceeds 8 MiB", "invalid_request_error"))
add("model_not_found_400", error(400, "Model not found", "model_not_found"))
add("model_not_found_404", error(404, "Model not found", "model_not_found"))
add("model_not_found_422", error(422, "model 'auto' does not exist", "invalid_request_error", code="model_not_found"))
add("model_not_found_403", error(403, "model 'auto' does not exist", "model_not_found"))
add(
    "model_not_found_openai",
    error(
        404,
        "The model `auto` does not exist or you do not have access to it.",
        "invalid_request_error",
        code="model_not_found",
    ),
)
add("model_unknown_text", error(400, "unknown model: auto", "invalid_request_error"))

# 401 and 403

add("E_401_empty", as_text(401, "", None))
add("E_401_html", as_text(401, "<html><title>401 Authorization Required</title></html>"))
add("E_401_text", as_text(401, "Unauthorized", "text/plain"))
add("E_401_detail", as_json(401, {"detail": "Invalid authentication credentials"}))
add("E_401_flat", as_json(401, {"error": "invalid key"}))
add(
    "E_401_openai",
    error(
        401,
        "Incorrect API key provided: jt_live_****. You can find your API key at https://platform.openai.com/account/api-keys.",
        "invalid_request_error",
        code="invalid_api_key",
    ),
)
add(
    "E_401_www",
    error(401, "expired", "invalid_api_key", headers=[("www-authenticate", 'Bearer error="invalid_token"')]),
)
add("E_403_empty", as_text(403, "", None))
add("E_403_tier", error(403, "requested tier is not allowed", "policy_rejected"))
add("E_403_model", error(403, "model is on the key's blacklist", "policy_rejected"))
add("E_403_blocked", error(403, "key is blocked by policy", "policy_rejected"))
add("E_403_fixed_model", error(403, "fixed model mismatch: key is pinned to openai/gpt-4o-mini", "policy_rejected"))
add("E_403_invalid_key", error(403, "invalid api key", "invalid_api_key"))
add("E_403_quota", error(403, "daily quota exceeded", "insufficient_quota"))
add("E_403_plain", as_text(403, "Forbidden", "text/plain"))
add(
    "E_403_nginx",
    as_text(
        403,
        "<html><head><title>403 Forbidden</title></head><body><center><h1>403 Forbidden</h1></center><hr><center>nginx</center></body></html>",
    ),
)
add("E_403_json_no", error(403, "no", "policy_rejected"))
_CLOUDFLARE = (
    "<html><head><title>Attention Required! | Cloudflare</title></head><body>Sorry, you have been blocked</body></html>"
)
add("E_403_cloudflare_html", as_text(403, _CLOUDFLARE, "text/html", ("cf-ray", "8a1-FRA"), ("server", "cloudflare")))
add(
    "E_503_cloudflare_html",
    as_text(503, "<html><title>Just a moment...</title>Cloudflare</html>", "text/html", ("cf-ray", "8a1-FRA")),
)
add(
    "E_403_akamai",
    as_text(
        403,
        "<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY>Reference #18.1</BODY></HTML>",
        "text/html",
        ("server", "AkamaiGHost"),
    ),
)
add("E_451_html", as_text(451, "<html>Unavailable For Legal Reasons</html>"))

# 402 and quotas

add("E_402_daily", error(402, "daily quota exceeded", "insufficient_quota"))
add("E_402_weekly", error(402, "weekly quota exceeded", "insufficient_quota"))
add("E_402_empty", as_text(402, "", None))
add("E_402_html", as_text(402, "<html>Payment Required</html>"))

# 404, 405

add("E_404_html", as_text(404, "<html><title>404 Not Found</title></html>"))
add("E_404_empty", as_text(404, "", None))
add(
    "E_404_spring",
    as_json(
        404, {"timestamp": "2026-11-20T10:00:00Z", "status": 404, "error": "Not Found", "path": "/openai/v1/responses"}
    ),
)
add("E_404_go", as_text(404, "404 page not found\n", "text/plain"))
add("E_404_fastapi", as_json(404, {"detail": "Not Found"}))
add("E_404_everywhere", None, everywhere=error(404, "Unknown route", "not_found"))
add("E_404_html_everywhere", None, everywhere=as_text(404, "<html><title>404 Not Found</title></html>"))
add("E_405_empty", as_text(405, "", None, ("allow", "GET, HEAD")))
add("E_405_everywhere", None, everywhere=error(405, "Method not allowed", "method_not_allowed"))

# 409, 413, 422

add("E_409_duplicate", error(409, "duplicate request_id", "conflict"))
add("E_413_html", as_text(413, "<html><title>413 Request Entity Too Large</title></html>"))
add("E_422_fastapi", as_json(422, {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}))
add("E_422_role", error(422, "Invalid role: developer", "invalid_request_error", param="input[0].role"))

# 429 and its kinds

add(
    "E_429_insufficient_quota",
    error(429, "You exceeded your current quota", "insufficient_quota", code="insufficient_quota"),
)
add("E_429_insufficient_quota_type_only", error(429, "Wallet is empty", "insufficient_quota"))
add("E_429_insufficient_quota_code_only", error(429, "Wallet is empty", "rate_limit_error", code="insufficient_quota"))
add("E_429_msg_try_again", error(429, "Rate limit reached. Please try again in 1.5s.", "rate_limited"))
add("E_429_retry_after_0", error(429, "slow down", "rate_limited", headers=[("retry-after", "0")]))
add("E_429_retry_after_1", error(429, "slow down", "rate_limited", headers=[("retry-after", "1")]))
add("E_429_retry_after_2", error(429, "slow down", "rate_limited", headers=[("retry-after", "2")]))
add("E_429_retry_after_3600", error(429, "slow down", "rate_limited", headers=[("retry-after", "3600")]))
add(
    "E_429_retry_after_date",
    error(429, "slow down", "rate_limited", headers=[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")]),
)
add("E_429_retry_after_ms", error(429, "slow down", "rate_limited", headers=[("retry-after-ms", "1500")]))
add("E_429_empty", as_text(429, "", None))
add("E_429_html", as_text(429, "<html>Too many requests</html>"))
add("E_429_usage_limit_reached", error(429, "The usage limit has been reached", "usage_limit_reached"))
add("E_429_usage_not_included", error(429, "Not in your plan", "usage_not_included"))
add("E_429_once", (error(429, "slow down", "rate_limited"), HEALTHY))
add("E_429_retry_after_once", (error(429, "slow down", "rate_limited", headers=[("retry-after", "1")]), HEALTHY))

# 5xx and their kinds

add("E_500_empty", as_text(500, "", None))
add("E_500_html", as_text(500, "<html>Internal Server Error</html>"))
add("E_500_stream_error", error(500, "response writer does not support streaming", "stream_error"))
add("E_500_quota", error(500, "wallet freeze failed", "insufficient_quota"))
add("E_502_html", as_text(502, "<html><head><title>502 Bad Gateway</title></head><hr><center>nginx</center></html>"))
add("E_502_routing", error(502, "no usable model", "routing_error"))
add("E_503_retry_after_1", error(503, "No provider", "upstream_error", headers=[("retry-after", "1")]))
add("E_503_overloaded", error(503, "busy", "server_error", code="server_is_overloaded"))
add("E_503_slow_down", error(503, "busy", "server_error", code="slow_down"))
add("E_503_empty", as_text(503, "", None))
add("E_503_tea", error(503, "provider invoke failed", "upstream_error"))
add("E_504_html", as_text(504, "<html>Gateway Time-out</html>"))
add("flaky_503_once", (error(503, "No provider", "upstream_error"), HEALTHY))
add(
    "flaky_503_twice",
    (error(503, "No provider", "upstream_error"), error(503, "No provider", "upstream_error"), HEALTHY),
)
add("flaky_500_once", (error(500, "boom", "server_error"), HEALTHY))
add("flaky_401_once", (error(401, "try again", "invalid_api_key"), HEALTHY))
add("flaky_404_once", (error(404, "Unknown route", "not_found"), HEALTHY))

# Something else answers

add("portal", None, everywhere=as_text(200, "<html><title>Wi-Fi login</title><form></form></html>"))
add("portal_302", None, redirect=("/", 302, "http://{host}/login"))
add("static_server", None, everywhere=as_text(404, "<!DOCTYPE HTML><title>Error response</title><p>File not found"))
add(
    "unimplemented_501",
    None,
    everywhere=as_text(501, "<!DOCTYPE HTML><title>Error response</title>Unsupported method ('POST')"),
)

# Redirects

for status in (301, 302, 303, 307, 308):
    add(f"redirect_{status}", HEALTHY, redirect=("/old", status, "{self}/openai/v1"))
    add(f"redirect_{status}_relative", HEALTHY, redirect=("/old", status, "/openai/v1"))
    add(f"redirect_{status}_host", HEALTHY, redirect=("/old", status, "{other}/openai/v1"))
add("redirect_loop", HEALTHY, redirect=("/openai", 307, "{self}/openai"))
add("redirect_to_tls_301", HEALTHY, redirect=("/", 301, "{tls}/"))
add("redirect_to_tls_308", HEALTHY, redirect=("/", 308, "{tls}/"))
add("redirect_no_location", as_text(302, "", None))
add("not_modified_304", as_text(304, "", None))
add("E_403_forbidden_route", error(403, "no such route", "not_found"), models=missing("GET /openai/v1/models"))
