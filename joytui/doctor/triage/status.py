"""What a refusing answer leaves open, once it has gone through Codex: its status, the gateway's words, the address.

Codex shows `unexpected status 404 Not Found: MESSAGE, url: URL, request id: ID`, never the error's type or code
(Codex 0.169.0, observed). The address decides a lot: Codex always composes it as base_url + /responses (0.94 and older:
+ /chat/completions), so that a path that is not /openai/v1 + that is a fault of base_url.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from joytui.core.joytoken import BASE_PATH
from joytui.doctor.answers import KEY, ROUTE, Refusal, classify, policy_part, quota_part, says_no_key
from joytui.doctor.triage.answer import DOCTOR, Guess, guess
from joytui.doctor.triage.sayings import CONFIG

_UNEXPECTED = re.compile(
    r"unexpected\s+status\s+(\d{3})(?!\d)([^:{<]{0,60}):?\s*(.*?)\s*"
    r"(?:,\s*url:\s*([^\s,]+).*?)?(?:,\s*cf-ray:\s*([^,\s]+).*?)?(?:,\s*request\s+id:\s*([^\s,)]+).*?)?\s*$",
    re.S,
)
_LAST = re.compile(r"(?:exceeded retry limit, )?last status: (?!429)(\d{3})")  # 429 is a saying of its own
_OPENAI_HOSTS = ("api.openai.com", "chatgpt.com")

KEY_ASK = (
    "`echo ${#JOY_TOKEN_API_KEY}` (the key's length, not the key) in the very terminal where Codex runs, "
    "and whether ~/.codex/.env exists"
)
OTHER_KEY_FAULTS = (
    "env-key-missing",
    "key-shadowed-by-dotenv",
    "openai-key-to-gateway",
    "key-stale-daemon",
    "redirected",
    "key-unset",
    "auth-command-failed",
    "upstream-key-rejected",
)


@dataclass(frozen=True, slots=True)
class Refused:
    """One such message. `url` is None unless it is whole (a cut or wrapped address must not accuse a path)."""

    status: int
    message: str
    url: str | None = None
    request_id: str | None = None


def refused(text: str) -> Refused | None:
    """The refusal in a record's text, None where it holds none."""
    found = _UNEXPECTED.search(text[:6000])
    if found:
        status, _, message, url, _, request_id = found.groups()
        return Refused(int(status), message.strip(" ,"), _whole(url), request_id)
    last = _LAST.search(text)
    return Refused(int(last[1]), "") if last else None


def _whole(url: str | None) -> str | None:
    """The address up to its known end; the user's next words may have been joined to it. None where the end is missing."""
    if url is None:
        return None
    path = url.split("?", 1)[0]
    found = re.match(r".*(?:/responses|/chat/completions|/models)", path, re.S)
    return found[0] if found and "/" not in path[found.end() :] else None


def to_openai(url: str | None) -> bool:
    """Whether the request went to OpenAI itself."""
    return url is not None and (urlsplit(url).hostname or "") in _OPENAI_HOSTS


def of_refusal(said: Refused, ignored: tuple[str, ...] = ()) -> Guess:
    """What the refusal leaves open. `ignored`: the causes that Codex's warnings about ignored keys point at."""
    reader = _BY_STATUS.get(said.status)
    found = reader(said) if reader else _by_body(said)
    hinted = [cause for cause in ignored if cause in _IGNORED_MEANS.get(said.status, ())]
    if hinted:
        found = guess(*hinted, *found.causes[:2], ask="the line that is named as ignored")
    return found.heard(_shown(said))


_IGNORED_MEANS = {401: ("env-key-missing", "base-url-missing"), 403: ("env-key-missing",), 404: ("base-url-missing",)}


def _shown(said: Refused) -> str:
    return f"HTTP {said.status}" + (f": {said.message[:200]}" if said.message else "")


def _by_body(said: Refused) -> Guess:
    if said.status < 200:
        return guess("not-a-gateway", "connection-reset", "request-rejected", ask=DOCTOR)
    return of_answer(classify(said.status, {}, _as_body(said.message)), said.url)


def _as_body(message: str) -> bytes:
    """Codex prints a body that has no error.message as it is; what it took out of one is put back."""
    body = message if message[:1] in ("{", "<", "[") else json.dumps({"error": {"message": message}})
    return body.encode("utf-8", "replace")


def of_answer(refusal: Refusal, url: str | None = None) -> Guess:
    """What a refusing answer that is known whole (or nearly so) leaves open."""
    said = Refused(refusal.status, refusal.message, url)
    if refusal.cause == KEY:
        return on_key(said, refusal.error)
    if refusal.cause == ROUTE:
        return on_route(said)
    near = _NEAR.get(refusal.cause, ())
    details = {name: refusal.details[name] for name in ("policy", "quota") if name in refusal.details}
    return guess(refusal.cause, *near, ask="the gateway's log for the request id" if near else "", **details)


_NEAR: Mapping[str, tuple[str, ...]] = {
    "request-rejected": ("model-not-found", "response-failed"),
    "upstream-error": ("gateway-error",),
    "gateway-error": ("upstream-error", "insufficient-quota"),
    "duplicate-request": ("request-rejected",),
    "rate-limited": ("insufficient-quota",),
    "edge-blocked": ("policy-rejected",),
    "request-too-large": ("request-rejected",),
    "model-not-found": ("responses-unsupported", "policy-rejected"),
    "proxy-denied": ("request-rejected",),
    "no-response": ("upstream-error",),
}


def on_key(said: Refused, error: Mapping[str, object] | None = None) -> Guess:
    """A gateway that refuses the key, or that says that it saw none."""
    message = said.message
    if to_openai(said.url) or "platform.openai.com" in message:
        causes = ("base-url-missing", "provider-not-selected", "provider-overridden")
        behind = ("upstream-key-rejected", "key-rejected", "openai-key-to-gateway") if not to_openai(said.url) else ()
        order = (*behind, *causes) if said.url and behind else (*causes, *behind)
        return guess(*order, ask=CONFIG, note="The words are OpenAI's: it, and not the gateway, refused this key.")
    if says_no_key(error or {}, message):
        return guess("env-key-missing", "key-header-dropped", "key-missing", "redirected", "key-unset", ask=KEY_ASK)
    if re.search(r"upstream", message, re.I):
        return guess("upstream-key-rejected", "key-rejected", ask="the gateway's log of it: whose key was refused")
    if (
        re.search(r"\b(?:invalid|incorrect) or missing\b|\bmissing or (?:invalid|incorrect)\b", message, re.I)
        or not message
    ):
        return guess(
            "key-rejected", "key-malformed", "env-key-missing", "key-header-dropped", *OTHER_KEY_FAULTS, ask=KEY_ASK
        )
    return guess(
        "key-rejected",
        "key-malformed",
        "upstream-key-rejected",
        "key-shadowed-by-dotenv",
        *OTHER_KEY_FAULTS,
        ask=KEY_ASK,
    )


def _on_401(said: Refused) -> Guess:
    if re.search(r"\b(?:wallet|quota|balance|budget|credits)\b", said.message, re.I):
        return guess("insufficient-quota", "key-rejected", "key-malformed", ask="the gateway's log of it")
    if re.search(r"\bupstream\b", said.message, re.I) or not _redirect_path(said.url):
        return on_key(said)
    return guess("redirected", *on_key(said).causes, ask="`curl -sI` of base_url: does it redirect?")


def _redirect_path(url: str | None) -> bool:
    """An address whose path is not the gateway's, or plain http to a named host: a redirect that drops the key."""
    parts = urlsplit(url or "")
    odd = parts.path not in ("", f"{BASE_PATH}/responses", f"{BASE_PATH}/chat/completions")
    plain = parts.scheme == "http" and not re.fullmatch(r"[\d.]+|localhost|\[.*", parts.hostname or "localhost")
    return bool(url) and (odd or plain)


def _on_402(said: Refused) -> Guess:
    return guess("insufficient-quota", **quota_part(said.message))


def _on_403(said: Refused) -> Guess:
    message = said.message
    refusal = classify(403, {}, _as_body(message))
    if refusal.cause == KEY and says_no_key(refusal.error, message):
        return guess(
            "env-key-missing", "key-header-dropped", "key-missing", "key-rejected", "policy-rejected", ask=KEY_ASK
        )
    if refusal.cause == KEY:
        return guess(
            "key-rejected", "policy-rejected", ask="the key's state in the gateway's console: `joytui keys list`"
        )
    if refusal.cause == "insufficient-quota":
        return guess(
            "insufficient-quota", "policy-rejected", ask="the key's budgets and the wallet", **quota_part(message)
        )
    if refusal.cause == "edge-blocked" or re.search(r"cloudflare|access denied|blocked by", message, re.I):
        return guess("edge-blocked", "policy-rejected", ask="from which network it was sent; the ray or reference id")
    order = ("policy-rejected", "edge-blocked", "key-rejected")
    if re.search(r"\banonymous\b", message, re.I):
        order = ("env-key-missing", "policy-rejected", "key-header-dropped")
    elif re.search(r"\bmodels?\b.{0,80}\b(?:not exist|not found|unknown)", message, re.I | re.S):
        order = ("model-not-found", "policy-rejected", "key-rejected")
    return guess(
        *order,
        "insufficient-quota",
        "model-not-found",
        "env-key-missing",
        "key-missing",
        ask="the key's policy: `joytui keys check KEY`",
        **policy_part(message),
    )


def on_route(said: Refused) -> Guess:
    """404 and 405: a route that is not there, a path that is wrong, a model that nobody knows."""
    path = urlsplit(said.url or "").path
    if said.status == 404 and re.search(r"\b(?:api[ _-]?)?key\b.{0,20}\bnot found", said.message, re.I):
        return guess("key-rejected", "responses-unsupported", "base-url-path", ask=DOCTOR)
    no_model = re.match(r"(?:the )?model\b.{0,80}?\bnot (?:found|exist)", said.message, re.I | re.S)
    if re.search(r"\bGET /", said.message) and said.url and not no_model:
        return guess(
            "redirected", "base-url-path", "not-a-gateway", ask="`curl -si -X POST` of that address: does it redirect?"
        )
    if (
        said.status == 404
        and re.search(r"\bmodels?\b", said.message, re.I)
        and not re.search(r"\broute\b", said.message, re.I)
    ):
        return guess(
            "model-not-found", "responses-unsupported", "base-url-path", ask="the line model = …, and `joytui models`"
        )
    if path.endswith("/chat/completions") and path == f"{BASE_PATH}/chat/completions":
        return guess("chat-unsupported", "base-url-path", ask="`codex --version`, " + CONFIG)
    if path and path != f"{BASE_PATH}/responses":
        return _wrong_path(said, path)
    order = ("responses-unsupported", "base-url-path", "model-not-found")
    if said.status == 405:
        order = ("responses-unsupported", "redirected", "base-url-path")
    return guess(*order, "not-a-gateway", "request-rejected", "redirected", ask=DOCTOR + " (it tries both routes)")


def _wrong_path(said: Refused, path: str) -> Guess:
    """On JoyToken's own hosts only /openai/v1 is right; elsewhere the path may be, and something else be wrong."""
    host = urlsplit(said.url or "").hostname or ""
    if host.endswith("joytokens.ai") and said.status == 404 and _DEFORMED.fullmatch(path):
        return guess("base-url-path")
    return guess(
        "base-url-path",
        "redirected",
        "not-a-gateway",
        "base-url-invalid",
        "chat-unsupported",
        ask="the line base_url = … of config.toml",
    )


# /openai/v1/responses with parts missing, doubled or swapped.
_DEFORMED = re.compile(r"(?:/(?:openai|v1|api|responses|chat|completions)){1,8}", re.I)

_BY_STATUS: Mapping[int, Callable[[Refused], Guess]] = {
    401: _on_401,
    402: _on_402,
    403: _on_403,
    404: on_route,
    405: on_route,
}
