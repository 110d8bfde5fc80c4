"""What people write about a failure in their own words, or what is left of a message that was cut: never a single cause."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from joytui.doctor.triage.answer import DOCTOR, Guess, guess
from joytui.doctor.triage.sayings import CONFIG, CONNECTING, NO_STREAM, PROXY
from joytui.doctor.triage.status import KEY_ASK, OTHER_KEY_FAULTS


@dataclass(frozen=True, slots=True)
class Hint:
    pattern: re.Pattern[str]
    guess: Guess


def _hint(pattern: str, *causes: str, ask: str) -> Hint:
    return Hint(re.compile(pattern, re.I), guess(*causes, ask=ask))


def _hints() -> Iterator[Hint]:
    keys = ("key-rejected", "key-malformed", "key-unset", "key-header-dropped", *OTHER_KEY_FAULTS)
    yield _hint(
        r"\b401\b|unauthori[sz]ed|api key (?:is )?(?:invalid|not valid|wrong)|invalid_api_key|missing_api_key",
        *keys,
        ask=KEY_ASK,
    )
    yield _hint(
        r"\b402\b|payment required|insufficient[ _]quota|wallet|quota exceeded|budget exceeded|out of credits",
        "insufficient-quota",
        "rate-limited",
        ask="the gateway's log of it: `joytui logs --filter status:402`",
    )
    yield _hint(
        r"\b403\b|forbidden|policy_rejected|is not allowed|not in the allow",
        "policy-rejected",
        "edge-blocked",
        "key-rejected",
        "insufficient-quota",
        ask="the whole message, and `joytui keys check KEY`",
    )
    yield _hint(
        r"model not found|unknown model|model .{0,60}(?:does not exist|not found)",
        "model-not-found",
        "responses-unsupported",
        "base-url-path",
        ask="the line model = …, and the whole message",
    )
    yield _hint(
        r"\b40[45]\b|not found|no route",
        "responses-unsupported",
        "base-url-path",
        "model-not-found",
        "redirected",
        "not-a-gateway",
        ask="the whole message with its address, or " + DOCTOR,
    )
    yield _hint(
        r"\b429\b|too many requests|rate.?limit",
        "rate-limited",
        "insufficient-quota",
        "upstream-error",
        ask="the gateway's log of it",
    )
    yield _hint(
        r"\b50[0234]\b|bad gateway|service unavailable|internal server error",
        "upstream-error",
        "gateway-error",
        "connection-reset",
        ask=DOCTOR,
    )
    yield _hint(
        r"certificate|\btls\b|\bssl\b",
        "tls-untrusted",
        "tls-hostname-mismatch",
        "tls-expired",
        "tls-protocol-mismatch",
        ask=PROXY,
    )
    yield _hint(r"\bproxy\b", "proxy-unreachable", "proxy-denied", "proxy-invalid", "tls-untrusted", ask=PROXY)
    yield _hint(r"(?:no|not|nothing|empty|never|missing)\b.{0,40}\blogs?\b|logs?\b.{0,40}\b(?:empty|nothing|no)", "provider-not-selected", "base-url-missing", "config-missing", "provider-overridden", "key-unset", *CONNECTING[:4], ask=CONFIG)  # fmt: skip
    yield _hint(
        r"(?:log|sign) ?in|chatgpt",
        "provider-not-selected",
        "config-missing",
        "provider-overridden",
        "base-url-missing",
        ask=CONFIG,
    )
    yield _hint(
        r"stream|disconnect", *NO_STREAM, "stream-idle", "connection-reset", ask="the whole message, or " + DOCTOR
    )
    yield _hint(r"(?:empty|no|blank) (?:answer|response|output|reply)|prints nothing|says nothing", "stream-output-missing", "no-response", "connection-timeout", "not-an-event-stream", ask=DOCTOR)  # fmt: skip
    yield _hint(
        r"reconnect|hang(?:s|ing)?\b|stuck|time(?:d)? ?out|network|connect|refused|resolve|dns|lookup",
        *CONNECTING,
        "no-response",
        "rate-limited",
        ask=PROXY,
    )
    yield _hint(r"config(?:uration)?\.toml|toml", "config-syntax", "config-type", "unknown-keys", "config-unreadable", "provider-invalid", ask="the whole message, and " + CONFIG)  # fmt: skip


_HINTS = tuple(_hints())


def loosely(text: str, tight: str) -> Guess | None:
    """The first hint in words that hold no message of Codex, None where there is none."""
    for hint in _HINTS:
        if found := hint.pattern.search(text) or (hint.pattern.search(tight) if len(tight) < 400 else None):
            line = text[max(0, found.start() - 80) : found.end() + 80] if found.string is text else text[:200]
            return hint.guess.heard(" ".join(line.split()))
    return None
