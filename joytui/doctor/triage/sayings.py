"""Codex's texts and what each can mean. Codex 0.169.0, unchanged since 0.95.0 unless noted; all observed with the real one.

Patterns are written with spaces and matched without any, so that a terminal's or a mail program's line breaks do not
matter. Ordered: the surest words first; the first that matches a message decides. One cause means that the words leave
no other: only then is triage sure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from joytui.doctor.triage.answer import DOCTOR, Guess, guess

CONFIG = "config.toml, and the output of `joytui codex config`"
PROXY = (
    DOCTOR
    + " (it tries each step from the proxy to TLS); without joytui: `env | grep -i proxy`, and the line base_url = …"
)

CONNECTING = (
    "connection-refused",
    "proxy-unreachable",
    "tls-untrusted",
    "dns-failure",
    "proxy-invalid",
    "tls-hostname-mismatch",
    "tls-expired",
    "tls-protocol-mismatch",
    "proxy-denied",
    "connection-timeout",
    "base-url-missing",
    "base-url-invalid",
    "provider-not-selected",
    "provider-overridden",
    "connection-reset",
)
NO_STREAM = (
    "not-an-event-stream",
    "stream-truncated",
    "error-in-200",
    "chat-stream-on-responses",
    "stream-invalid",
    "not-a-gateway",
    "response-failed",
    "upstream-error",
    "insufficient-quota",
    "policy-rejected",
    "rate-limited",
    "key-rejected",
    "model-not-found",
    "base-url-path",
)
SILENT = (
    "no-response",
    "stream-output-missing",
    "connection-timeout",
    "tls-protocol-mismatch",
    "codex-flag-unsupported",
    "provider-not-selected",
    "base-url-missing",
)

_HIGH_DEMAND = "“High demand” is OpenAI's text: Codex shows it for any HTTP 500, here one of the gateway."
_WAITING = "“Waiting for network” does not mean that the network is down: Codex shows it for every fault before a request is out."
_CLOSED = (
    "“stream closed before response.completed” is one text for seven causes; the gateway answered 200 in all of them."
)
_RETRY = "“exceeded retry limit” hides the gateway's own words, and mostly nothing was retried."
_UPSELL = "This text sells a ChatGPT plan, but the answer came from the gateway: no ChatGPT plan mends it."


@dataclass(frozen=True, slots=True)
class Saying:
    """A message of Codex, blanks left out, and the causes that bring it."""

    pattern: re.Pattern[str]
    guess: Guess


def _say(pattern: str, *causes: str, ask: str = "", note: str = "") -> Saying:
    return Saying(re.compile(pattern.replace(" ", ""), re.I | re.S), guess(*causes, ask=ask, note=note))


_TYPED: tuple[Saying, ...] = (
    _say(r"redirect target uses unsupported URL scheme", "redirected"),
    _say(r"failed to parse ResponseCompleted", "stream-invalid"),
    _say(
        r"UTF8 error",
        "not-an-event-stream",
        "stream-invalid",
        "stream-truncated",
        ask="the gateway's answer: " + DOCTOR,
    ),
    _say(
        r"unknown variant `(?![^`]{0,60}`, expected (?:one of )?`[\w-]{1,60}`)",
        "config-type",
        "wire-api-invalid",
        ask="the whole message",
    ),
    _say(
        r"(?:Error loading config|config\.toml:\d+:\d+:).{0,2000}?"
        r"(?:unknown variant `|invalid type: |invalid value: |missing field `|did not match any variant|invalid transport)",
        "config-type",
    ),
    _say(r"in `mcp_servers\.|invalid transport", "config-type", "provider-invalid", ask="the table that is named"),
    _say(
        r"Error loading config[^:]{0,20}: model_providers\.[^:=\]]{1,80}: ",
        "provider-invalid",
        "config-type",
        ask="the provider's table",
    ),
    _say(
        r"Error loading config\.toml:.{0,600}?:\d+:\d+:|TOML parse error|cannot extend value of type|duplicate key|string values must"
        r"|key with no value, expected|invalid unquoted key",
        "config-syntax",
        "config-type",
        ask="the line that is named, with the one before it",
    ),
    _say(
        r"Failed to read (?:project )?config file|config\.toml.{0,80}(?:invalid utf-8|did not contain valid UTF-8|Permission denied)",
        "config-unreadable",
    ),
    _say(
        r"Is a directory \(os error|Permission denied \(os error|did not contain valid UTF-8",
        "config-unreadable",
        "model-catalog-missing",
        "config-type",
        ask="`ls -la` of the CODEX_HOME folder",
    ),
    _say(
        r"^(?:Error|ERROR): No such file or directory",
        "model-catalog-missing",
        "config-unreadable",
        "codex-flag-unsupported",
        ask="whether config.toml sets model_catalog_json, or names another file",
    ),
    _say(r"unknown variant `|invalid type: |invalid value: ", "config-type", "stream-invalid", ask=CONFIG),
    _say(r"Error loading rules:", "rules-invalid"),
    _say(
        r"Error loading config",
        "config-syntax",
        "config-type",
        "provider-invalid",
        "requirements-violated",
        "config-unreadable",
        "wire-api-removed",
        "provider-undefined",
        ask="the whole message",
    ),
)

_STARTING: tuple[Saying, ...] = (
    _say(r'wire_api = "chat"` is no longer supported', "wire-api-removed"),
    _say(r"unknown variant `[^`]{0,60}`, expected `responses`", "wire-api-invalid"),
    _say(r"Error finding codex home|CODEX_HOME points to", "codex-home-invalid"),
    _say(r"reserved built-in provider IDs", "provider-id-reserved"),
    _say(r"model_providers\.\S{1,60}? only supports changing", "provider-id-reserved", "provider-invalid"),
    _say(r"Model provider `[^`]{0,200}` not found", "provider-undefined"),
    _say(r"legacy `profile|contains legacy `|\[profiles?\.[^\]]{0,60}\]` config", "profile-legacy"),
    _say(r"config profile `[^`]{0,200}` not found", "profile-missing"),
    _say(
        r"Error parsing -c overrides|Unknown feature flag",
        "codex-flag-unsupported",
        "config-type",
        "config-syntax",
        ask="the whole command line",
    ),
    _say(r"error: unexpected argument|unrecognized subcommand", "codex-flag-unsupported"),
    _say(
        r"invalid value '[^']{0,200}' for '--profile",
        "codex-flag-unsupported",
        "profile-missing",
        ask="the command line",
    ),
    _say(r"invalid value '[^']{0,200}' for '-", "codex-flag-unsupported"),
    _say(r"provider auth command `", "auth-command-failed"),
    _say(
        r"access token could not be refreshed|Please sign in again|Not logged in",
        "env-key-missing",
        "openai-key-to-gateway",
        "provider-not-selected",
        ask=CONFIG,
    ),
    _say(r"No default OSS provider|OSS setup failed", "provider-overridden"),
    _say(r"Amazon Bedrock auth|GOOGLE_CLOUD_PROJECT", "provider-not-selected", "provider-overridden", ask=CONFIG),
    _say(
        r"model_catalog_json path `",
        "model-catalog-missing",
        "config-type",
        "model-empty",
        ask="that file's first lines",
    ),
    _say(
        r"required MCP servers? failed to initialize",
        "config-type",
        "request-rejected",
        ask="the table [mcp_servers.…] that is named, and whether its program is there",
    ),
    _say(r"No models are available", "model-empty", "model-catalog-missing", ask=CONFIG),
    _say(
        r"failed to read model instructions file",
        "config-unreadable",
        "config-type",
        "model-catalog-missing",
        ask="whether the file that is named exists",
    ),
    _say(
        r"failed to parse requirements|field `allowed_\w+` cannot be empty",
        "requirements-violated",
        "config-syntax",
        "config-type",
        ask="/etc/codex/requirements.toml",
    ),
    _say(
        r"unknown configuration field `[^`]{0,80}(?:env[-_]?key|envkey)[^`]{0,40}`",
        "unknown-keys",
        "env-key-missing",
        ask="the line that is named",
    ),
    _say(r"unknown configuration field", "unknown-keys"),
    _say(
        r"requirements (?:do|does) not allow|disallowed by requirements|not allowed by requirements|is not in the allowed set"
        r"|not in the allowed values|allowed values|disallowed",
        "requirements-violated",
    ),
    _say(r"choose one gateway credential source", "provider-invalid", "config-type", ask="the provider's table"),
    _say(r"expected any valid TOML value", "config-syntax", "config-type", ask="the line that is named"),
    *_TYPED,
)
"""Before any request: arguments, files, configuration."""


_ASKING: tuple[Saying, ...] = (
    _say(r"Incomplete response returned", "response-incomplete"),
    _say(r"idle timeout waiting for SSE", "stream-idle"),
    _say(
        r"error decoding response body|Transport error: network error",
        "stream-truncated",
        "connection-reset",
        ask=DOCTOR,
    ),
    _say(r"builder error", "base-url-invalid", "config-type", ask="the line base_url = …"),
    _say(r"too many redirects", "redirected", "not-a-gateway", ask="`curl -sI` of base_url: where does it lead?"),
    _say(
        r"experiencing high demand",
        "gateway-error",
        "upstream-error",
        ask="the gateway's log of it: " + DOCTOR,
        note=_HIGH_DEMAND,
    ),
    _say(r"Selected model is at capacity", "upstream-error", "response-failed", "rate-limited", ask=DOCTOR),
    _say(r"Quota exceeded\. Check your plan", "insufficient-quota", note=_UPSELL),
    _say(
        r"hit your usage limit|upgrade to Plus|Upgrade to Pro|usage limit reached",
        "rate-limited",
        "insufficient-quota",
        "policy-rejected",
        ask="the gateway's own answer: " + DOCTOR,
        note=_UPSELL,
    ),
    _say(
        r"ran out of room in the model's context",
        "request-too-large",
        "request-rejected",
        ask="whether a new thread works",
    ),
    _say(r"Invalid image in your last message", "request-rejected"),
    _say(r"Access blocked by Cloudflare", "edge-blocked", "policy-rejected", ask="from which network; the ray id"),
    _say(
        r"exceeded retry limit, last status: 429",
        "rate-limited",
        "insufficient-quota",
        ask="the gateway's log of it",
        note=_RETRY,
    ),
    _say(
        r"rate limit exceeded: |Rate limit reached",
        "rate-limited",
        "response-failed",
        "upstream-error",
        ask="the gateway's log of it",
    ),
    _say(r"response\.failed event received", "response-failed", "error-in-200", ask=DOCTOR),
    _say(r"stream closed before response\.completed", *NO_STREAM, ask=DOCTOR, note=_CLOSED),
    _say(r"waiting for network", *CONNECTING, ask=PROXY, note=_WAITING),
    _say(
        r"Connection failed: error sending request",
        "proxy-unreachable",
        "tls-untrusted",
        "dns-failure",
        *CONNECTING,
        ask=PROXY,
    ),
    _say(
        r"error sending request",
        "connection-reset",
        "tls-protocol-mismatch",
        "not-a-gateway",
        "proxy-unreachable",
        "proxy-invalid",
        *CONNECTING,
        ask=DOCTOR,
    ),
    _say(
        r"Sign in with ChatGPT|Welcome to Codex",
        "provider-not-selected",
        "config-missing",
        "provider-overridden",
        ask=CONFIG,
        note="The login screen hides the cause: Codex was not told to use the gateway.",
    ),
)
"""From the request on."""


SAYINGS: tuple[Saying, ...] = (*_STARTING, *_ASKING)


CURL: tuple[Saying, ...] = (
    _say(r"curl: \(5\)|Could not resolve proxy", "proxy-unreachable", "proxy-invalid", ask="`env | grep -i proxy`"),
    _say(r"curl: \(6\)|Could not resolve host", "dns-failure"),
    _say(
        r"curl: \(7\).{0,80}(?:refused|port \d+ after)|Connection refused",
        "connection-refused",
        "proxy-unreachable",
        ask="`env | grep -i proxy`",
    ),
    _say(r"curl: \(28\)", "connection-timeout", "no-response", ask="`curl -v` of base_url: does it say Connected?"),
    _say(r"curl: \(35\).{0,120}wrong version number|wrong version number", "tls-protocol-mismatch"),
    _say(r"curl: \(60\).{0,200}expired|certificate has expired", "tls-expired"),
    _say(
        r"curl: \(60\).{0,200}(?:subject name|does not match)|no alternative certificate subject name matches|curl: \(51\)",
        "tls-hostname-mismatch",
    ),
    _say(
        r"curl: \(60\)|self.signed certificate|unable to get local issuer certificate",
        "tls-untrusted",
        "tls-expired",
        "tls-hostname-mismatch",
        ask="the whole output of `curl -v`",
    ),
    _say(r"curl: \(56\).{0,120}(?:CONNECT|proxy)|CONNECT tunnel failed", "proxy-denied"),
    _say(
        r"curl: \(52\)|Empty reply from server|curl: \(56\)",
        "connection-reset",
        "tls-protocol-mismatch",
        "not-a-gateway",
        ask=DOCTOR,
    ),
)
"""curl's own words, which name the step that failed."""


def saying(tight: str, table: tuple[Saying, ...] = SAYINGS) -> Guess | None:
    """The guess of the first saying in a message that was squeezed."""
    for one in table:
        if one.pattern.search(tight):
            return one.guess
    return None
