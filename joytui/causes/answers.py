"""What a refusing answer means: status, error type and code, message and body to a cause.

Two results are questions rather than causes, and the walk answers them: KEY (which of the faults of a key), ROUTE (is
it the path, or does the gateway lack the route). How gateways put each cause is in joytui.causes (`Cause.gateway`); here is
the order in which the signs count. Sources: JoyToken's documentation (errors), and the answers that Codex was recorded with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from joytui.causes import BY_STATUS, CAUSES
from joytui.causes.error_bodies import body_kind, error_fields, fields_in
from joytui.core.joytoken import AUTO_MODEL

KEY: Final = "?key"
ROUTE: Final = "?route"
PAGE = 20_000

_CHALLENGE_TEXT = re.compile(
    r"captcha|attention required|just a moment|access denied|been blocked|are blocked|blocked by|checking your browser",
    re.I,
)


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A refusing answer as read. `type`, `code` and `param` as the error in its body has them; `message`: the error's own, or
    what stands for it, the title of a page or the text; `is_error` False: the body holds no error object.

    `kind`: that of `body_kind`. `text`: the beginning of the body (PAGE characters). `headers`: names in lower case.
    `inner_status`: what the upstream answered, where a relay quotes it.
    """

    status: int
    type: str | int | None = None
    code: str | int | None = None
    message: str = ""
    kind: str = "json"
    param: str | int | None = None
    is_error: bool = True
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    inner_status: int | None = None

    @property
    def names(self) -> set[str]:
        """What the error calls itself, in lower case; a terminal's line breaks do not count."""
        return {re.sub(r"\s+", "", str(name)).lower() for name in (self.type, self.code) if name is not None}

    @property
    def is_whole(self) -> bool:
        """Whether the body is an error whose end is there: what is cut may have said more."""
        return self.is_error and self.text.count("{") <= self.text.count("}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusing answer with its `cause` (or KEY, ROUTE), and the details of the finding that it makes.

    `told`: the answer's own type, code or words name the cause; otherwise its status suggests it.
    """

    cause: str
    answer: ErrorAnswer
    details: Mapping[str, Any] = field(default_factory=dict)
    told: bool = False


def of_fields(error: Mapping[str, Any], status: int = 0) -> ErrorAnswer:
    """An error by its fields, as `error_fields` gives them."""
    message = str(error.get("message") or "").strip()
    return ErrorAnswer(
        status,
        error.get("type"),
        error.get("code"),
        message,
        "json",
        error.get("param"),
        bool(error),
        message,
        inner_status=error.get("status"),
    )


def status_in(error: Mapping[str, Any]) -> int:
    """The HTTP status of an error whose status line was not pasted: gateways put it into `code`; otherwise 400, of which Codex prints
    the body alone."""
    code = str(error.get("code") or "")
    return int(code) if re.fullmatch(r"[45]\d\d", code) else 400


def read_error(body: bytes, status: int = 0) -> ErrorAnswer:
    """The error that a body holds in any usual envelope; without fields where it holds none."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return of_fields({}, status)
    return of_fields(error_fields(data), status)


def read_answer(status: int, headers: Mapping[str, str], body: bytes) -> ErrorAnswer:
    """A refusing answer (anything but 2xx) from the wire, or from what shows it whole."""
    found = read_error(body, status)
    kind = body_kind(body)
    text = body[:PAGE].decode("utf-8", "replace")
    message = found.message or (_page_title(text) if kind == "html" else body[:1000].decode("utf-8", "replace")).strip()
    return replace(found, message=message, kind=kind, text=text, headers=headers)


def read_words(status: int, words: str) -> ErrorAnswer:
    """A refusing answer from what a program shows of it: its body or the error's message, whole, cut or broken over lines."""
    body = words.strip()
    found = of_fields(fields_in(body), status)
    kind = body_kind(body.encode("utf-8", "replace"))
    message = found.message or (_page_title(body) if kind == "html" else body[:1000])
    return replace(found, message=message, kind="json" if found.is_error else kind, text=body[:PAGE])


def classify(answer: ErrorAnswer) -> Refusal:
    """What a refusing answer means."""
    told = _told(answer)
    cause, details = told or _cause(answer)
    if details.get("policy") == "model" and (allowed := allowed_models(answer.message)):
        details = {**details, "allowed": allowed}
    found = {"status": answer.status, **details}
    for name, value in (("type", answer.type), ("code", answer.code)):
        if value is not None:
            found[f"error_{name}"] = value
    return Refusal(cause, answer, found, told is not None)


def named_cause(answer: ErrorAnswer) -> str | None:
    """The cause that an error's own type, code or words name whatever the status; None if they name none."""
    found = _told(answer)
    return found[0] if found else None


def classify_inner(answer: ErrorAnswer) -> tuple[str, dict[str, Any]] | None:
    """The exact cause of an error reported inside a 200 or by response.failed, None if it says nothing exact."""
    if found := _by_name(answer):
        return found
    if _named(answer, "rate-limited"):
        return "rate-limited", {}
    if _names_key(answer):
        return KEY, {}
    return None


def part_of(cause: str, message: str) -> dict[str, Any]:
    """Which part of the policy or the quota a message is about: {"policy": "ip"} and the like; {} where it does not tell."""
    name, parts = _parts(cause)
    return next(({name: part} for part, pattern in parts if pattern.search(message)), {})


def allowed_models(message: str) -> list[str]:
    """The models that a refusal says the key may use instead, as it names them; auto first, since the router chooses within policy."""
    found = [name for pattern in _ALLOWED for named in pattern.finditer(message) for name in _MODEL.findall(named[1])]
    return sorted(dict.fromkeys(found), key=lambda name: name != AUTO_MODEL)


_MODEL = re.compile(r"[A-Za-z0-9][\w.:/\-]*[A-Za-z0-9]")
_ALLOWED = (
    re.compile(r"\b(?:fixed|pinned|restricted|limited) to (?:the )?(?:models? )?([^\s(),;]+)", re.I),
    re.compile(r"\(use it, or (\w+)\)"),
    re.compile(r"\bcan only (?:access|use) (?:the )?models?\s*[=:]?\s*\[?([^\]\n]+?)(?:\]|\. |\.?$)", re.I),
    re.compile(r"\ballowed models?(?: are)?\s*[=:]?\s*\[?([^\]\n]+?)(?:\]|\. |\.?$)", re.I),
)


def says_no_key(answer: ErrorAnswer) -> bool:
    """Whether the gateway says that it saw no key at all (rather than a wrong one)."""
    if _named(answer, "key-missing"):
        return True
    return _says(answer, "key-missing") and not re.search(r"\b(?:invalid|incorrect)\b", answer.message, re.I)


_OTHER_HEADER = re.compile(
    r"subscription key|application (?:token|credentials)|ocp-apim|\bx-goog-api-key\b|\bx-api-key\b|(?<![-\w])api-key\b[^.\n]{0,20}\bheader|\bheader\b[^.\n]{0,20}(?<![-\w])api-key\b",
    re.I,
)
_HEADER_NAME = re.compile(r"\bx-goog-api-key\b|\bx-api-key\b|\bocp-apim-subscription-key\b", re.I)


def other_header(message: str) -> str | None:
    """The header in which a gateway wants the key, by a message that misses it there; None if it speaks of none."""
    if re.search(r"\bauthorization\b|\bbearer\b", message, re.I):
        return None  # that one is accepted as well
    if not _OTHER_HEADER.search(message) or not re.search(
        r"\b(?:missing|no|required?|provide|include)\b", message, re.I
    ):
        return None
    named = _HEADER_NAME.search(message)
    return named[0].lower() if named else "api-key"


def is_about_key(answer: ErrorAnswer) -> bool:
    """Whether an error says that the key is wrong or missing."""
    return _names_key(answer) or _says(answer, "key-rejected") or _says(answer, "key-missing")


def is_about_model(answer: ErrorAnswer) -> bool:
    """Whether an error speaks of an unknown model rather than of a route."""
    if _named(answer, "model-not-found"):
        return True
    return _says(answer, "model-not-found") and not _says(answer, "responses-unsupported")


def is_edge_page(answer: ErrorAnswer) -> bool:
    """Whether the body is a page of a firewall or an edge."""
    return answer.kind in ("html", "text") and bool(_words("edge-blocked").search(answer.text))


# --- how gateways put it ----------------------------------------------------------------------------------------------


def _named(answer: ErrorAnswer, cause: str) -> bool:
    """Whether type or code name this cause."""
    return bool(answer.names & CAUSES[cause].gateway.codes)


def _says(answer: ErrorAnswer, cause: str) -> bool:
    """Whether the message has the words of this cause."""
    return bool(_words(cause).search(answer.message))


@cache
def _words(cause: str) -> re.Pattern[str]:
    return re.compile(CAUSES[cause].gateway.words, re.I)


@cache
def _parts(cause: str) -> tuple[str, tuple[tuple[str, re.Pattern[str]], ...]]:
    says = CAUSES[cause].gateway
    return says.part, tuple((part, re.compile(pattern, re.I)) for part, pattern in says.parts)


def _names_key(answer: ErrorAnswer) -> bool:
    return _named(answer, "key-rejected") or _named(answer, "key-missing")


def _is_edge(answer: ErrorAnswer) -> bool:
    return "cf-mitigated" in answer.headers or "x-squid-error" in answer.headers or is_edge_page(answer)


def _wrong_model(answer: ErrorAnswer) -> bool:
    return is_about_model(answer) and answer.kind != "html"


# --- by status --------------------------------------------------------------------------------------------------------


Found = tuple[str, dict[str, Any]]
"""A cause (or KEY, ROUTE) and its details."""


def _told(answer: ErrorAnswer) -> Found | None:
    """What the answer itself tells: type and code first, then words, then the status that a relay quotes of its upstream."""
    if _words("tls-protocol-mismatch").search(answer.text[:4000]):
        return "tls-protocol-mismatch", {"use": "https"}
    if answer.status == 407:
        return "proxy-denied", {}
    if found := _by_name(answer):
        return found
    if _relays(answer) and _is_about_upstreams_key(answer):
        return "upstream-key-rejected", {"seen_in_message": True}
    if _names_key(answer):  # an error that is about the key by its name is not about what its words mention beside it
        return _by_inner_status(answer) if answer.inner_status == 401 else None
    if found := _by_words(answer):
        return found
    return _by_inner_status(answer)


def _by_words(answer: ErrorAnswer) -> Found | None:
    """What the words settle, whatever the status."""
    page = answer.kind in ("html", "text")
    limited = answer.status == 429 or _named(answer, "rate-limited")
    for cause, pattern in _anywhere():
        if limited and cause == "request-too-large":  # too many tokens in a minute are not too many in a request
            continue
        if pattern.search(answer.message) or (page and pattern.search(answer.text)):
            if cause == "responses-unsupported" and answer.status in (404, 405, 501):  # the walk finds out more
                return ROUTE, {}
            title = {"page": answer.message[:200]} if cause == "edge-blocked" and answer.message else {}
            return cause, title or part_of(cause, answer.message)
    return None


@cache
def _anywhere() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (one, re.compile(CAUSES[one].gateway.anywhere, re.I)) for one in CAUSES if CAUSES[one].gateway.anywhere
    )


_RELAYED = re.compile(
    r"\blitellm\.(?:exceptions\.)?\w+Error\b|\b\w{3,40}Exception - |\bReceived Model Group=|\bprovider returned error\b|\b(?:upstream|provider) (?:returned|responded|answered|error)\b",
    re.I,
)


def _relays(answer: ErrorAnswer) -> bool:
    """Whether a relay says that these are the words of its upstream."""
    return bool(_RELAYED.search(answer.text[:4000]) or _RELAYED.search(answer.message))


def _is_about_upstreams_key(answer: ErrorAnswer) -> bool:
    return _says(answer, "key-rejected") or bool(
        re.search(
            r"\bincorrect api key provided\b|\binvalid x-api-key\b|\bAuthenticationError\b|\bExpiredToken|\bUnrecognizedClient|\bsecurity token\b[^.\n]{0,40}\b(?:expired|invalid)|\bcredentials?\b[^.\n]{0,30}\b(?:expired|invalid|could not be)",
            answer.message,
            re.I,
        )
    )


_OF_UPSTREAM = {401: "upstream-key-rejected", 405: ROUTE, 429: "rate-limited", 402: "insufficient-quota"}


def _by_inner_status(answer: ErrorAnswer) -> Found | None:
    """What a relay's upstream answered: the relay's own status says only that it did not succeed."""
    inner = answer.inner_status
    if inner is None or inner >= 500 or (inner == answer.status and inner not in (404, 405)):
        return None
    said = replace(answer, status=inner, inner_status=None)
    return (_on_404(said)[0] if inner == 404 else _OF_UPSTREAM.get(inner) or _other(said)[0]), {}


def _cause(answer: ErrorAnswer) -> Found:
    status = answer.status
    if status >= 500 and status != 501:
        return _server_side(answer), {}
    if 300 <= status < 400:
        return "redirected", {}
    reader = _BY_STATUS.get(status)
    if reader is None and (cause := BY_STATUS.get(status)):
        return cause, part_of(cause, answer.message)
    return (reader or _other)(answer)


_BY_NAME = (
    "task-stopped",
    "runaway-stopped",
    "insufficient-quota",
    "policy-rejected",
    "model-not-found",
    "upstream-error",
)


def _by_name(answer: ErrorAnswer) -> Found | None:
    """What error.type or error.code settles, whatever the status."""
    for cause in _BY_NAME:
        if _named(answer, cause):
            return cause, part_of(cause, answer.message)
    if answer.names & _OVERFLOW:
        return "request-too-large", {}
    return None


_OVERFLOW = CAUSES["request-too-large"].gateway.codes - {
    "request_too_large",
    "payload_too_large",
    "string_above_max_length",
}


def _server_side(answer: ErrorAnswer) -> str:
    if "cf-mitigated" in answer.headers or (answer.kind == "html" and _CHALLENGE_TEXT.search(answer.text)):
        return "edge-blocked"
    return "gateway-error" if answer.status == 500 else "upstream-error"


def _on_403(answer: ErrorAnswer) -> Found:
    message = answer.message
    if _names_key(answer):
        return KEY, {}
    if answer.kind == "html" or _is_edge(answer):
        return "edge-blocked", {"page": message[:200]} if message else {}
    if says_no_key(answer) or _says(answer, "key-rejected"):
        return KEY, {}
    if _says(answer, "insufficient-quota"):
        return "insufficient-quota", part_of("insufficient-quota", message)
    return "policy-rejected", part_of("policy-rejected", message)


def _on_404(answer: ErrorAnswer) -> Found:
    if _named(answer, "key-rejected"):
        return KEY, {}
    return ("model-not-found" if _wrong_model(answer) else ROUTE), {}


def _other(answer: ErrorAnswer) -> Found:
    """By what the answer says, the surest sign first."""
    if _named(answer, "request-too-large") or _says(answer, "request-too-large"):
        return "request-too-large", {}
    if _names_key(answer):
        return KEY, {}
    if _named(answer, "rate-limited"):
        return "rate-limited", {}
    if _wrong_model(answer):
        return "model-not-found", {}
    if _says(answer, "duplicate-request"):
        return "duplicate-request", {}
    if _says(answer, "insufficient-quota"):
        return "insufficient-quota", part_of("insufficient-quota", answer.message)
    if _says(answer, "key-rejected") or says_no_key(answer):
        return KEY, {}
    if answer.kind == "html" and _is_edge(answer):
        return "edge-blocked", {}
    if _named(answer, "responses-unsupported") or _says(answer, "responses-unsupported"):
        return ROUTE, {}
    return "request-rejected", {}


_BY_STATUS: Mapping[int, Callable[[ErrorAnswer], Found]] = {
    401: lambda _: (KEY, {}),
    403: _on_403,
    404: _on_404,
    405: lambda _: (ROUTE, {}),
    410: _on_404,
    501: lambda _: (ROUTE, {}),
}
"""Statuses that want a closer look; of the others `GatewaySays.statuses` tells."""


def _page_title(text: str) -> str:
    found = re.search(r"<title[^>]*>(.*?)</title>", text, re.I | re.S) or re.search(
        r"<h1[^>]*>(.*?)</h1>", text, re.I | re.S
    )
    return re.sub(r"<[^>]+>|\s+", " ", found.group(1)).strip()[:200] if found else ""
