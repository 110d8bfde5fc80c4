"""What a refusing answer means: status, error type and code, message and body to a cause.

Two results are questions rather than causes, and the walk answers them: KEY (which of the faults of a key), ROUTE (is
it the path, or does the gateway lack the route). Sources: joytoken.md section 3, and the answers that Codex was
recorded with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joytui.codex.error_bodies import body_kind, error_fields

KEY: Final = "?key"
ROUTE: Final = "?route"

_MODEL_CODES = {"model_not_found", "unknown_model", "invalid_model", "model_not_available", "deploymentnotfound"}
_QUOTA_CODES = {
    "insufficient_quota",
    "quota_exceeded",
    "insufficient_balance",
    "insufficient_funds",
    "insufficient_credits",
    "budget_exceeded",
    "billing_hard_limit_reached",
}
_KEY_CODES = {
    "invalid_api_key",
    "authentication_error",
    "invalid_authentication",
    "incorrect_api_key",
    "expired_api_key",
}
_RATE_CODES = {"rate_limit_exceeded", "rate_limited", "rate_limit_error", "too_many_requests"}
_SIZE_CODES = {"context_length_exceeded", "request_too_large", "string_above_max_length", "payload_too_large"}
_ROUTE_CODES = {
    "route_not_found",
    "unknown_url",
    "unknown_route",
    "endpoint_not_found",
    "no_route",
    "method_not_allowed",
}

_MODEL_TEXT = re.compile(
    r"\b(?:unknown|invalid|unsupported|unrecogni[sz]ed|no such) model\b"
    r"|\bmodels?\b[^.\n]{0,120}?\b(?:not found|could not be found|not exist|doesn't exist|unknown|not available|unavailable"
    r"|not supported|unsupported|not recogni[sz]ed|not in the catalog|not a valid)\b"
    r"|\bmodel_not_found\b|\bno (?:such )?(?:deployment|endpoints?) (?:found )?for (?:this )?model\b"
    r"|\b(?:is )?(?:not a valid|an? (?:invalid|unknown)) model\b|\bno endpoints found for\b|^\s*model: ?\S+\s*$"
    r"|模型[^。\n]{0,20}(?:不存在|未找到|找不到|不支持)|(?:未知|无效|不存在)的?模型",
    re.I,
)
_QUOTA_TEXT = re.compile(
    r"\binsufficient (?:quota|balance|credits?|funds)\b|\bquota (?:is )?(?:exceeded|exhausted|used up)\b|\bwallet\b"
    r"|\b(?:daily|weekly|monthly|total) (?:quota|limit|budget)\b|\bbudget (?:is )?(?:exceeded|exhausted|used up)\b"
    r"|\bbalance (?:is )?(?:too low|insufficient)\b|\bout of credits\b",
    re.I,
)
_KEY_TEXT = re.compile(
    r"\b(?:invalid|incorrect|unknown|wrong|bad|revoked|expired|inactive|malformed)(?: or missing)? (?:api[ _-]?)?(?:key|token)\b"
    r"|\b(?:api[ _-]?)?key\b[^.\n]{0,30}\b(?:is |was |has )?(?:invalid|incorrect|revoked|expired|not active|inactive|not valid)\b",
    re.I,
)
_NO_KEY_TEXT = re.compile(
    r"\b(?:missing|no)\b[^.\n]{0,20}\b(?:api[ _-]?key|authorization|bearer|credentials?|token)\b"
    r"|\b(?:api[ _-]?key|authorization header|bearer token|credentials?)\b[^.\n]{0,20}\b(?:is |are )?"
    r"(?:missing|required|not provided)\b|\bdidn't provide an api key\b",
    re.I,
)
_SIZE_TEXT = re.compile(
    r"\b(?:body|request|payload|input|prompt)\b[^.\n]{0,40}\b(?:too large|too long|too big|exceeds?)\b|\b8 ?mib\b"
    r"|\bcontext (?:length|window)\b|\bmaximum context\b|\bcontext_length_exceeded\b",
    re.I,
)
_ROUTE_TEXT = re.compile(
    r"\bno (?:such )?(?:route|handler|endpoint)\b|\bunknown (?:route|endpoint|path|url)\b|\bcannot (?:post|get)\b"
    r"|\b(?:route|endpoint|path|page|url|resource|handler)\b[^.\n]{0,80}\bnot (?:found|exist|supported|allowed)\b"
    r"|\binvalid url\b|\bpage not found\b|\bunrecogni[sz]ed request url\b|\bno route matched\b",
    re.I,
)
_EDGE_TEXT = re.compile(
    r"cloudflare|akamai|incapsula|imperva|sucuri|perimeterx|datadome|captcha|attention required|just a moment|access denied"
    r"|request blocked|web application firewall|\bwaf\b|been blocked|reference #\d|zscaler|fortiguard|forcepoint|netskope",
    re.I,
)
_CHALLENGE_TEXT = re.compile(
    r"captcha|attention required|just a moment|access denied|been blocked|are blocked|blocked by|checking your browser",
    re.I,
)
_TLS_PORT_TEXT = re.compile(r"plain HTTP request was sent to HTTPS port|sent an HTTP request to an HTTPS server", re.I)

_POLICY_PARTS = (
    ("ip", re.compile(r"\bips?\b|\bip[ _-]?address|\bcidr\b|\ballow-?list|\bnetwork\b", re.I)),
    ("tier", re.compile(r"\btiers?\b", re.I)),
    ("model", re.compile(r"\bmodels?\b|\bfixed[ _]model\b", re.I)),
    ("blocked", re.compile(r"\bblock(?:ed)?\b|\bdisabled\b|\bsuspended\b|\bbanned\b|\bfrozen\b", re.I)),
)
_QUOTA_PARTS = (
    ("daily", re.compile(r"\bdaily\b|\bper day\b|\btoday\b|\bday limit\b", re.I)),
    ("weekly", re.compile(r"\bweekly\b|\bper week\b|\bthis week\b", re.I)),
    ("monthly", re.compile(r"\bmonthly\b|\bper month\b", re.I)),
    ("total", re.compile(r"\btotal (?:quota|limit|budget)\b|\blifetime\b", re.I)),
    ("wallet", re.compile(r"\bwallet\b|\bbalance\b|\bcredits?\b|\bfunds?\b", re.I)),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusing answer as read: `cause` (or KEY, ROUTE), the error's fields, and what the doctor makes of them."""

    cause: str
    status: int
    error: Mapping[str, Any]
    message: str
    kind: str
    details: Mapping[str, Any] = field(default_factory=dict)


def read_error(body: bytes) -> dict[str, Any]:
    """type, code, message, param of an error body in any usual envelope; empty for no JSON."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(data, list) and data and isinstance(data[0], dict):
        data = data[0]
    return error_fields(data)


def classify(status: int, headers: Mapping[str, str], body: bytes) -> Refusal:
    """A refusing answer (anything but 2xx) as a Refusal."""
    error = read_error(body)
    kind = body_kind(body)
    message = str(
        error.get("message") or (_page_title(body) if kind == "html" else body[:1000].decode("utf-8", "replace"))
    ).strip()
    cause, details = _cause(status, _Read(headers, error, message, kind, body))
    found = {"status": status, **details}
    for name in ("type", "code"):
        if error.get(name) is not None:
            found[f"error_{name}"] = error[name]
    return Refusal(cause, status, error, message, kind, found)


def classify_inner(error: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The exact cause of an error reported inside a 200 or by response.failed, None where it says nothing exact."""
    names = _names(error)
    message = str(error.get("message") or "")
    found = _by_name(names, message)
    if found:
        return found
    if names & _RATE_CODES:
        return "rate-limited", {}
    if names & _KEY_CODES or "missing_api_key" in names:
        return KEY, {}
    return None


def policy_part(message: str) -> dict[str, Any]:
    """{"policy": "ip" | "tier" | "model" | "blocked"}, or nothing where the message does not tell."""
    return next(({"policy": part} for part, pattern in _POLICY_PARTS if pattern.search(message)), {})


def quota_part(message: str) -> dict[str, Any]:
    """{"quota": "daily" | "weekly" | "monthly" | "total" | "wallet"}, or nothing where the message does not tell."""
    return next(({"quota": part} for part, pattern in _QUOTA_PARTS if pattern.search(message)), {})


def says_no_key(error: Mapping[str, Any], message: str) -> bool:
    """Whether the gateway says that it saw no key at all (rather than a wrong one)."""
    if "missing_api_key" in _names(error):
        return True
    return bool(_NO_KEY_TEXT.search(message)) and not re.search(r"\b(?:invalid|incorrect)\b", message, re.I)


def is_about_model(error: Mapping[str, Any], message: str) -> bool:
    """Whether an error speaks of an unknown model rather than of a route."""
    if _names(error) & _MODEL_CODES:
        return True
    return bool(_MODEL_TEXT.search(message)) and not _ROUTE_TEXT.search(message)


def is_edge(headers: Mapping[str, str], kind: str, body: bytes) -> bool:
    """Whether a page of a firewall or an edge answers instead of the gateway."""
    if "cf-mitigated" in headers or "x-squid-error" in headers:
        return True
    return kind in ("html", "text") and bool(_EDGE_TEXT.search(body[:20000].decode("utf-8", "replace")))


# --- by status --------------------------------------------------------------------------------------------------------


Found = tuple[str, dict[str, Any]]
"""A cause (or KEY, ROUTE) and its details."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A refusing answer, read: `kind` is that of `body_kind`, `message` the error's or what stands for it."""

    headers: Mapping[str, str]
    error: Mapping[str, Any]
    message: str
    kind: str
    body: bytes

    @property
    def names(self) -> set[str]:
        return _names(self.error)

    @property
    def edge(self) -> bool:
        return is_edge(self.headers, self.kind, self.body)

    @property
    def wrong_key(self) -> bool:
        """Whether type or code name the key."""
        return bool(self.names & _KEY_CODES) or "missing_api_key" in self.names

    @property
    def wrong_model(self) -> bool:
        return is_about_model(self.error, self.message) and self.kind != "html"


def _cause(status: int, read: _Read) -> Found:
    if _TLS_PORT_TEXT.search(read.body[:4000].decode("utf-8", "replace")):
        return "tls-protocol-mismatch", {"use": "https"}
    if status == 407:
        return "proxy-denied", {}
    if exact := _by_name(read.names, read.message):
        return exact
    if status >= 500 and status != 501:
        return _server_side(status, read), {}
    if 300 <= status < 400:
        return "redirected", {}
    return _BY_STATUS.get(status, _other)(read)


def _by_name(names: set[str], message: str) -> Found | None:
    """What error.type or error.code settles, whatever the status."""
    if names & _QUOTA_CODES:
        return "insufficient-quota", quota_part(message)
    if "policy_rejected" in names:
        return "policy-rejected", policy_part(message)
    if names & _MODEL_CODES:
        return "model-not-found", {}
    if "context_length_exceeded" in names:
        return "request-too-large", {}
    return None


def _server_side(status: int, read: _Read) -> str:
    if "cf-mitigated" in read.headers or (
        read.kind == "html" and _CHALLENGE_TEXT.search(read.body[:20000].decode("utf-8", "replace"))
    ):
        return "edge-blocked"
    return "gateway-error" if status == 500 else "upstream-error"


def _on_402(read: _Read) -> Found:
    return "insufficient-quota", quota_part(read.message)


def _on_403(read: _Read) -> Found:
    message = read.message
    if read.wrong_key:
        return KEY, {}
    if read.kind == "html" or read.edge:
        return "edge-blocked", {"page": message[:200]} if message else {}
    if says_no_key(read.error, message) or _KEY_TEXT.search(message):
        return KEY, {}
    if _QUOTA_TEXT.search(message):
        return "insufficient-quota", quota_part(message)
    return "policy-rejected", policy_part(message)


def _on_404(read: _Read) -> Found:
    if read.names & _KEY_CODES:
        return KEY, {}
    return ("model-not-found" if read.wrong_model else ROUTE), {}


def _other(read: _Read) -> Found:
    """By what the answer says, the surest sign first."""
    message = read.message
    if read.names & _SIZE_CODES or _SIZE_TEXT.search(message):
        return "request-too-large", {}
    if read.wrong_key:
        return KEY, {}
    if read.names & _RATE_CODES:
        return "rate-limited", {}
    if read.wrong_model:
        return "model-not-found", {}
    if re.search(r"\bduplicate[ _]request(?:\b|[ _]id\b)", message, re.I):
        return "duplicate-request", {}
    if _QUOTA_TEXT.search(message):
        return "insufficient-quota", quota_part(message)
    if _KEY_TEXT.search(message) or says_no_key(read.error, message):
        return KEY, {}
    if read.kind == "html" and read.edge:
        return "edge-blocked", {}
    if read.names & _ROUTE_CODES or _ROUTE_TEXT.search(message):
        return ROUTE, {}
    return "request-rejected", {}


def _always(cause: str) -> Callable[[_Read], Found]:
    return lambda _: (cause, {})


_BY_STATUS: Mapping[int, Callable[[_Read], Found]] = {
    401: _always(KEY),
    402: _on_402,
    403: _on_403,
    404: _on_404,
    405: _always(ROUTE),
    501: _always(ROUTE),
    408: _always("no-response"),
    409: _always("duplicate-request"),
    410: _on_404,
    413: _always("request-too-large"),
    429: _always("rate-limited"),
}


def _names(error: Mapping[str, Any]) -> set[str]:
    return {str(error[name]).lower() for name in ("type", "code") if isinstance(error.get(name), str)}


def _page_title(body: bytes) -> str:
    text = body[:20000].decode("utf-8", "replace")
    found = re.search(r"<title[^>]*>(.*?)</title>", text, re.I | re.S) or re.search(
        r"<h1[^>]*>(.*?)</h1>", text, re.I | re.S
    )
    return re.sub(r"<[^>]+>|\s+", " ", found.group(1)).strip()[:200] if found else ""
