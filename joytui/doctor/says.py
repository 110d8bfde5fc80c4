"""From Codex's words to causes, offline: at most three candidates, what tells them apart, and what to ask for.

Codex prints one text for many causes, and where it does, several candidates are named: a single one is only given
where the words leave no other. Texts are those of Codex 0.169.0 (unchanged since 0.95.0 unless noted).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joytui.core.causes import CAUSES, Cause
from joytui.core.redaction import Redactor
from joytui.doctor.answers import classify, policy_part, quota_part, says_no_key
from joytui.doctor.report import Paint

MOST = 3
WIDTH = 96
TEXT_LIMIT = 100_000

_STATUS = re.compile(
    r"unexpected status (\d{3})[^:]*:\s*(.*?)(?:, url: (\S+?))?(?:, cf-ray: [^,\s]+)?(?:, request id: \S+)?\s*(?:\||$)",
    re.S,
)
_OPENAI_URL = re.compile(r"\b(?:https|wss)://(?:api\.openai\.com|chatgpt\.com)/", re.I)


@dataclass(frozen=True, slots=True)
class Triage:
    """The candidates, likeliest first; `also` fit the same words but are rarer; `ask` is what to ask the user for."""

    candidates: tuple[Cause, ...]
    also: tuple[Cause, ...] = ()
    ask: str = ""
    details: Mapping[str, Any] | None = None

    def __bool__(self) -> bool:
        return bool(self.candidates)


@dataclass(frozen=True, slots=True)
class Saying:
    """A text of Codex, and what it can mean."""

    pattern: re.Pattern[str]
    causes: tuple[str, ...]
    ask: str = ""


def _saying(pattern: str, *causes: str, ask: str = "") -> Saying:
    return Saying(re.compile(pattern, re.I | re.S), causes, ask)


_DOCTOR = "the output of `joytui doctor` on that machine"
_CONFIG = "config.toml, and `joytui codex config`"

# Ordered: the surest words first. The first that matches decides.
SAYINGS: tuple[Saying, ...] = (
    _saying(r'wire_api = "chat"` is no longer supported', "wire-api-removed"),
    _saying(r"unknown variant `[^`]*`, expected `responses`", "wire-api-invalid"),
    _saying(r"Error finding codex home", "codex-home-invalid"),
    _saying(
        r"invalid utf-8|Failed to read config file|Is a directory \(os error|Permission denied", "config-unreadable"
    ),
    _saying(r"reserved built-in provider IDs", "provider-id-reserved"),
    _saying(r"model_providers\.\S+ only supports changing", "provider-id-reserved", "provider-invalid"),
    _saying(r"Model provider `[^`]*` not found", "provider-undefined"),
    _saying(r"legacy `profile|\[profiles?\.[^\]]*\]` config", "profile-legacy"),
    _saying(r"config profile `[^`]*` not found", "profile-missing"),
    _saying(r"unexpected argument|unrecognized subcommand|invalid value '[^']*' for '", "codex-flag-unsupported"),
    _saying(r"No models are available", "model-empty", "model-catalog-missing"),
    _saying(
        r"unknown configuration field `[^`]*env[-_]?key[^`]*`",
        "unknown-keys",
        "env-key-missing",
        ask="the line that is named",
    ),
    _saying(r"unknown configuration field", "unknown-keys"),
    _saying(
        r"(?:requirements|disallowed|not allowed by|is not in the allowed set|allowed values)", "requirements-violated"
    ),
    _saying(r"model_providers\.[^:]+: |choose one gateway credential source", "provider-invalid"),
    _saying(
        r"Error loading config\.toml:.*\d+:\d+:|TOML parse error|cannot extend value of type|duplicate key|string values must",
        "config-syntax",
    ),
    _saying(r"invalid type: |invalid value: |missing field `\w+`\s*\|?\s*in `", "config-type"),
    _saying(
        r"^\s*(?:Error|ERROR): No such file or directory",
        "model-catalog-missing",
        "config-unreadable",
        ask="whether config.toml sets model_catalog_json, or names another file",
    ),
    _saying(r"OSS setup failed", "provider-overridden"),
    _saying(r"failed to parse ResponseCompleted", "stream-invalid"),
    _saying(r"UTF8 error", "stream-invalid", "not-an-event-stream"),
    _saying(r"Incomplete response returned", "response-incomplete"),
    _saying(r"idle timeout waiting for SSE", "stream-idle"),
    _saying(r"Transport error: network error|error decoding response body", "stream-truncated", "connection-reset"),
    _saying(r"builder error", "base-url-invalid"),
    _saying(r"high demand, which may cause temporary errors", "gateway-error", "upstream-error", ask=_DOCTOR),
    _saying(r"Selected model is at capacity", "upstream-error", "response-failed", "rate-limited", ask=_DOCTOR),
    _saying(r"Quota exceeded\. Check your plan", "insufficient-quota"),
    _saying(
        r"usage limit|upgrade to Plus", "rate-limited", "insufficient-quota", ask="the gateway's answer: " + _DOCTOR
    ),
    _saying(r"ran out of room in the model's context", "request-too-large", "request-rejected"),
    _saying(r"Invalid image in your last message", "request-rejected"),
    _saying(r"Access blocked by Cloudflare", "edge-blocked", "policy-rejected"),
    _saying(
        r"exceeded retry limit, last status: 429", "rate-limited", "insufficient-quota", ask="the gateway's log of it"
    ),
    _saying(r"rate limit exceeded: ", "rate-limited", "response-failed"),
    _saying(r"response\.failed event received", "response-failed", "error-in-200"),
    _saying(
        r"stream closed before response\.completed",
        "not-an-event-stream",
        "stream-truncated",
        "error-in-200",
        ask=_DOCTOR + ": seven causes share this text",
    ),
    _saying(
        r"Sign in with ChatGPT|Welcome to Codex",
        "provider-not-selected",
        "config-missing",
        "provider-overridden",
        ask=_CONFIG,
    ),
)
_ALSO = {
    "not-an-event-stream": ("chat-stream-on-responses", "stream-invalid", "not-a-gateway"),
    "connection-refused": (
        "tls-untrusted",
        "dns-failure",
        "tls-hostname-mismatch",
        "tls-expired",
        "tls-protocol-mismatch",
        "proxy-denied",
        "proxy-invalid",
        "connection-timeout",
    ),
}


def triage(text: str) -> Triage:
    """The causes that fit what Codex printed; none for a text without a sign of failure."""
    whole = text[:TEXT_LIMIT].replace("’", "'")
    if not whole.strip():
        return _made(
            ["no-response", "stream-output-missing", "connection-timeout"],
            f"whether Codex ended by itself, and {_DOCTOR}",
        )
    words = _without_warnings(whole)
    for reader in (_missing_variable, _openai, _status, _known_saying, _network, _json_body, _empty_error):
        if found := reader(words if reader in (_json_body, _empty_error, _known_saying) else whole):
            return found
    return _warnings_alone(whole)


def _without_warnings(words: str) -> str:
    """The text without Codex's warnings, which stand beside many failures and explain few."""
    parts = re.split(r"(\n| \| )", words)
    kept, warning = [], False
    for part in parts:
        if part.lstrip().startswith("warning:"):
            warning = True
        elif part.startswith(("ERROR", "Error", "error", "{")):
            warning = False
        if not warning:
            kept.append(part)
    return "".join(kept)


def _warnings_alone(words: str) -> Triage:
    if "Falling back from WebSockets" in words:
        return _made(["websocket-fallback"])
    if "project-local config keys" in words:
        return _made(["project-keys-ignored"])
    if named := re.findall(r"`([\w.\-]+)` is ignored", words):
        return _made(["unknown-keys", *_MEANT.get(_folded(named[0]), ())], "the line that is named as ignored")
    return Triage(())


_MEANT = {
    "envkey": ("env-key-missing",),
    "baseurl": ("base-url-missing",),
    "modelprovider": ("provider-not-selected",),
    "modelprovidr": ("provider-not-selected",),
}


def _folded(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.rsplit(".", 1)[-1].lower())


def _made(causes: Sequence[str], ask: str = "", **details: Any) -> Triage:
    chosen = list(dict.fromkeys(causes))[:MOST]
    also = [name for name in (*causes[MOST:], *_ALSO.get(chosen[0], ())) if name not in chosen]
    return Triage(
        tuple(CAUSES[name] for name in chosen),
        tuple(CAUSES[name] for name in dict.fromkeys(also)),
        ask,
        details or None,
    )


def _missing_variable(words: str) -> Triage | None:
    found = re.search(r"Missing environment variable: `([^`]*)`", words)
    if not found:
        return None
    name = found.group(1)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or re.match(r"(?i)(?:jt|sk)[-_]", name) or "KEY>" in name:
        if re.match(r"(?i)(?:jt|sk|pk|ghp)[-_]|<|‹", name) or (len(name) > 20 and re.search(r"\d", name)):
            return _made(["env-key-is-secret", "env-key-invalid"], "the line env_key = … (without the key)")
        return _made(["env-key-invalid", "env-key-is-secret"], "the line env_key = … of config.toml")
    return _made(
        ["key-unset", "key-shadowed-by-dotenv", "key-stale-daemon"],
        f"whether `echo ${{#{name}}}` in that very terminal prints more than 0, and whether ~/.codex/.env exists",
    )


def _openai(words: str) -> Triage | None:
    """The address in the message is OpenAI's own."""
    falling_back = "Falling back from WebSockets" in words
    lookup = "failed to lookup address" in words
    if not _OPENAI_URL.search(words) and not (falling_back and lookup):
        return None
    if falling_back or "wss://" in words:
        if "model_provider` is ignored" in words:
            return _made(["provider-not-selected", "config-missing"], _CONFIG)
        return _made(
            ["provider-not-selected", "provider-overridden", "config-missing"], _CONFIG + ", and how codex is started"
        )
    return _made(["base-url-missing", "provider-not-selected", "provider-overridden"], _CONFIG)


def _status(words: str) -> Triage | None:
    said = [match for match in _STATUS.finditer(words) if "wss://" not in (match.group(3) or "")]
    if not said:
        return None
    found = said[-1]
    status, message, url = int(found.group(1)), found.group(2).strip(), found.group(3) or ""
    reader = _BY_STATUS.get(status)
    if reader is not None:
        return reader(message, url, words)
    body = message.encode("utf-8", "replace")
    refusal = classify(status, {}, _as_error(body))
    if refusal.cause.startswith("?") or refusal.cause not in CAUSES:
        return _on_404(message, url, words)
    near = {
        "request-rejected": ["model-not-found"],
        "upstream-error": ["gateway-error"],
        "duplicate-request": ["request-rejected"],
    }
    return _made(
        [refusal.cause, *near.get(refusal.cause, [])], "the gateway's log for the request id", **dict(refusal.details)
    )


def _as_error(message: bytes) -> bytes:
    import json

    return message if message[:1] in (b"{", b"<") else json.dumps({"error": {"message": message.decode()}}).encode()


def _on_401(message: str, url: str, words: str) -> Triage:
    ask = "the length of the key as the shell has it (`echo ${#JOY_TOKEN_API_KEY}`), and whether ~/.codex/.env exists"
    if re.search(r"`[^`]*env[-_]?key[^`]*` is ignored|`[^`]*(?:envkey|api_key)[^`]*` is ignored", words, re.I):
        return _made(["env-key-missing", "key-rejected"], "the line that is named as ignored")
    if says_no_key({}, message):
        return _made(["env-key-missing", "key-header-dropped", "key-missing"], ask)
    if re.search(r"\b(?:invalid|incorrect) or missing\b|\bmissing or (?:invalid|incorrect)\b", message, re.I):
        return _made(["key-malformed", "key-header-dropped", "key-rejected", *_OTHER_KEY_FAULTS], ask)
    if re.search(r"upstream", message, re.I):
        return _made(["upstream-key-rejected", "key-rejected"], ask)
    return _made(["key-rejected", "key-malformed", "key-shadowed-by-dotenv", *_OTHER_KEY_FAULTS], ask)


_OTHER_KEY_FAULTS = (
    "env-key-missing",
    "key-shadowed-by-dotenv",
    "openai-key-to-gateway",
    "key-stale-daemon",
    "redirected",
)


def _on_402(message: str, url: str, words: str) -> Triage:
    return _made(["insufficient-quota"], "which limit: the key's budgets and the wallet", **quota_part(message))


def _on_403(message: str, url: str, words: str) -> Triage:
    if re.search(r"invalid.{0,10}key|key.{0,20}(?:invalid|revoked|not active|inactive)", message, re.I):
        return _made(["key-rejected", "policy-rejected"], "the key's state in the gateway's console")
    if "<" in message[:20] or re.search(r"cloudflare|access denied|blocked by", message, re.I):
        return _made(["edge-blocked", "policy-rejected"], "from which network; the ray or reference id")
    return _made(["policy-rejected", "edge-blocked", "key-rejected"], "the key's policy", **policy_part(message))


def _on_404(message: str, url: str, words: str) -> Triage:
    path = re.sub(r"https?://[^/]+", "", url)
    if re.search(r"\bmodels?\b", message, re.I) and not re.search(r"\broute\b", message, re.I):
        return _made(["model-not-found", "responses-unsupported"], "the line model = …, and the catalog")
    if path.endswith("/chat/completions") and not path.endswith("/openai/v1/chat/completions/responses"):
        return _made(["chat-unsupported", "base-url-path"], _CONFIG)
    named = re.search(r"\b(GET|POST) (/\S*)", message)
    if named and named.group(1) == "GET":
        return _made(["redirected", "base-url-path"], "`curl -i -X POST` of that address: does it redirect?")
    if path and path != "/openai/v1/responses":
        return _made(["base-url-path", "base-url-invalid", "redirected"], "the line base_url = …")
    return _made(["responses-unsupported", "base-url-path", "model-not-found"], _DOCTOR)


def _on_405(message: str, url: str, words: str) -> Triage:
    return _made(["responses-unsupported", "redirected", "base-url-path"], _DOCTOR)


_BY_STATUS: Mapping[int, Callable[[str, str, str], Triage]] = {
    401: _on_401,
    402: _on_402,
    403: _on_403,
    404: _on_404,
    405: _on_405,
}


def _known_saying(words: str) -> Triage | None:
    for saying in SAYINGS:
        if saying.pattern.search(words):
            return _made(saying.causes, saying.ask)
    return None


def _network(words: str) -> Triage | None:
    if re.search(r"waiting for network|Connection failed: error sending request", words):
        return _made(
            ["connection-refused", "proxy-unreachable", "tls-untrusted"],
            f"`env | grep -i proxy`, base_url, and {_DOCTOR}",
        )
    if "error sending request" in words:
        return _made(["connection-reset", "tls-protocol-mismatch", "not-a-gateway"], _DOCTOR)
    if "failed to lookup address" in words:
        return _made(["dns-failure", "provider-not-selected"], "the host in base_url, and whether the VPN is on")
    if re.search(r"Reconnecting\.\.\. \d/\d", words) and "Falling back from WebSockets" not in words:
        return _made(["rate-limited", "no-response", "upstream-error"], _DOCTOR)
    return None


def _json_body(words: str) -> Triage | None:
    """Codex shows the body of a 400 as it is, without status or address."""
    found = re.search(r"(\{.*\}|<html.*)", words, re.S | re.I)
    if not found:
        found = re.search(r"^(?:ERROR|error):\s*(\S.{0,2000})", words, re.S | re.M)
    if not found:
        return None
    refusal = classify(400, {}, found.group(1).strip().encode("utf-8", "replace"))
    if refusal.cause == "?key":
        return _on_401(refusal.message, "", words)
    if refusal.cause.startswith("?"):
        return _on_404(refusal.message, "", words)
    second = {"request-rejected": ["response-failed", "model-not-found"], "model-not-found": ["request-rejected"]}
    return _made(
        [refusal.cause, *second.get(refusal.cause, ["request-rejected"])], "the gateway's log", **dict(refusal.details)
    )


def _empty_error(words: str) -> Triage | None:
    if re.search(r"^\s*(?:ERROR|error):\s*$", words, re.M):
        return _made(["request-rejected", "response-failed"], _DOCTOR)
    return None


# --- words ------------------------------------------------------------------------------------------------------------


def triage_json(found: Triage) -> dict[str, Any]:
    """The candidates as plain data."""

    def one(cause: Cause) -> dict[str, Any]:
        return {
            "cause": cause.id,
            "row": cause.row,
            "title": cause.title,
            "explanation": cause.explanation,
            "tell": cause.tell,
            "remedy": cause.remedy,
        }

    return {
        "schema_version": 1,
        "candidates": [one(cause) for cause in found.candidates],
        "also": [cause.id for cause in found.also],
        "ask": found.ask,
        "details": Redactor().data(dict(found.details or {})),
    }


def render_triage(found: Triage, paint: Paint) -> str:
    """The candidates for a person: each with what tells it apart, then what to ask for."""
    if not found:
        return "These words name no failure that I know. Ask for the output of `joytui doctor` on that machine."
    lines = [
        "It fits one cause:"
        if len(found.candidates) == 1 and not found.also
        else "It fits these causes, the likeliest first:"
    ]
    for number, cause in enumerate(found.candidates, 1):
        lines += ["", f"{paint(f'{number}. {cause.title}', 'bold')}   {paint(f'[{cause.id}, row {cause.row}]', 'dim')}"]
        lines += [
            _fill(cause.explanation),
            _fill(f"How to know it: {cause.tell}"),
            _fill(f"What to do: {cause.remedy}"),
        ]
    if found.also:
        lines += ["", _fill("Rarer, with the same words: " + ", ".join(cause.id for cause in found.also), "")]
    if found.ask:
        lines += ["", _fill(f"Ask for: {found.ask}.", "")]
    return "\n".join(lines)


def _fill(text: str, indent: str = "   ") -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )
