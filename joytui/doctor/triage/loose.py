"""What people write about a failure in their own words, or what is left of a message that was cut: never a single cause."""

from __future__ import annotations

import re
from dataclasses import dataclass

from joytui.doctor.triage.answer import DOCTOR, Guess, guess
from joytui.doctor.triage.sayings import CONFIG, CONNECTING, NO_STREAM, PROXY
from joytui.doctor.triage.status import KEY_ASK, OTHER_KEY_FAULTS


@dataclass(frozen=True, slots=True)
class Hint:
    """Words by which people name a failure, and what they may mean."""

    pattern: re.Pattern[str]
    guess: Guess


def _hint(pattern: str, causes: tuple[str, ...], ask: str) -> Hint:
    return Hint(re.compile(pattern, re.I), guess(*causes, ask=ask))


# The first that fits counts: status codes and set phrases before single words.
_HINTS = (
    _hint(
        r"\b401\b|unauthori[sz]ed|api key (?:is )?(?:invalid|not valid|wrong)|invalid_api_key|missing_api_key",
        ("key-rejected", "key-malformed", "key-unset", "key-header-dropped", *OTHER_KEY_FAULTS),
        KEY_ASK,
    ),
    _hint(
        r"\b402\b|payment required|insufficient[ _]quota|wallet|quota exceeded|budget exceeded|out of credits",
        ("insufficient-quota", "rate-limited"),
        "the gateway's log of it: `joytui logs --filter status:402`",
    ),
    _hint(
        r"\b403\b|forbidden|policy_rejected|is not allowed|not in the allow",
        ("policy-rejected", "edge-blocked", "key-rejected", "insufficient-quota"),
        "the whole message, and `joytui keys check KEY`",
    ),
    _hint(
        r"model not found|unknown model|model .{0,60}(?:does not exist|not found)",
        ("model-not-found", "responses-unsupported", "base-url-path"),
        "the line model = …, and the whole message",
    ),
    _hint(
        r"\b40[45]\b|not found|no route",
        ("responses-unsupported", "base-url-path", "model-not-found", "redirected", "not-a-gateway"),
        "the whole message with its address, or " + DOCTOR,
    ),
    _hint(
        r"\b429\b|too many requests|rate.?limit",
        ("rate-limited", "insufficient-quota", "upstream-error"),
        "the gateway's log of it",
    ),
    _hint(
        r"\b50[0234]\b|bad gateway|service unavailable|internal server error",
        ("upstream-error", "gateway-error", "connection-reset"),
        DOCTOR,
    ),
    _hint(
        r"certificate|\btls\b|\bssl\b",
        ("tls-untrusted", "tls-hostname-mismatch", "tls-expired", "tls-protocol-mismatch"),
        PROXY,
    ),
    _hint(r"\bproxy\b", ("proxy-unreachable", "proxy-denied", "proxy-invalid", "tls-untrusted"), PROXY),
    _hint(
        r"(?:no|not|nothing|empty|never|missing)\b.{0,40}\blogs?\b|logs?\b.{0,40}\b(?:empty|nothing|no)",
        (
            "provider-not-selected",
            "base-url-missing",
            "config-missing",
            "provider-overridden",
            "key-unset",
            *CONNECTING[:4],
        ),
        CONFIG,
    ),
    _hint(
        r"(?:log|sign) ?in|chatgpt",
        ("provider-not-selected", "config-missing", "provider-overridden", "base-url-missing"),
        CONFIG,
    ),
    _hint(
        r"stream|disconnect",
        (*NO_STREAM, "stream-idle", "connection-reset"),
        "the whole message, or " + DOCTOR,
    ),
    _hint(
        r"(?:empty|no|blank) (?:answer|response|output|reply)|prints nothing|says nothing",
        ("stream-output-missing", "no-response", "connection-timeout", "not-an-event-stream"),
        DOCTOR,
    ),
    _hint(
        r"reconnect|hang(?:s|ing)?\b|stuck|time(?:d)? ?out|network|connect|refused|resolve|dns|lookup",
        (*CONNECTING, "no-response", "rate-limited"),
        PROXY,
    ),
    _hint(
        r"config(?:uration)?\.toml|toml",
        ("config-syntax", "config-type", "unknown-keys", "config-unreadable", "provider-invalid"),
        "the whole message, and " + CONFIG,
    ),
)


def loosely(text: str, tight: str) -> Guess | None:
    """The first hint in words that hold no message of Codex, None where there is none."""
    for hint in _HINTS:
        if found := hint.pattern.search(text) or (hint.pattern.search(tight) if len(tight) < 400 else None):
            line = text[max(0, found.start() - 80) : found.end() + 80] if found.string is text else text[:200]
            return hint.guess.heard(" ".join(line.split()))
    return None
