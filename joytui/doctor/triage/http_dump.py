"""An HTTP exchange as tools print it: `curl -v`, `curl -i`, a proxy's or a browser's copy, HTTPie."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from joytui.core.joytoken import BASE_PATH
from joytui.doctor.answers import KEY, ROUTE, classify
from joytui.doctor.triage.answer import DOCTOR, Guess, guess
from joytui.doctor.triage.clean import plain
from joytui.doctor.triage.documents import Document
from joytui.doctor.triage.sayings import CURL, saying
from joytui.doctor.triage.status import KEY_ASK, Refused, on_key, on_route

_STATUS_LINE = re.compile(r"^[<\s]*HTTP/[\d.]+[ \t]+(\d{3})\b[^\n]*$", re.M)
_REQUEST_LINE = re.compile(r"^[>\s]*([A-Z]{3,7}) (\S{1,2000})(?: HTTP/[\d.]+)\s*$", re.M)
_HEADER = re.compile(r"^[<\s]*([A-Za-z][\w-]{0,60}):[ \t]?([^\n]*)$")
_SENT_HEADER = re.compile(r"^[>\s]*(authorization|x-api-key):\s*(\S?)", re.M | re.I)
BODY = 100_000


def read_dump(text: str) -> Document | None:
    """The last answer of the exchange decides; without one, curl's own words. None where it is no exchange."""
    text = plain(text)
    statuses = [found for found in _STATUS_LINE.finditer(text) if found[1] not in ("100", "101")]
    requested = list(_REQUEST_LINE.finditer(text))
    if not statuses:
        is_curl = "curl: (" in text or (requested and "* " in text)
        found = saying(re.sub(r"\s+", "", text), CURL) if is_curl else None
        return Document("http-dump", found.heard(_curl_words(text))) if found else None
    last = statuses[-1]
    if not requested and not re.match(r"^[<\s]*[\w-]+:", text[last.end() :].lstrip("\n")[:200]):
        return None  # a status line quoted in a message
    before = [found for found in requested if found.start() < last.start()]
    method, target = (before[-1][1], before[-1][2]) if before else ("", "")
    headers, body = _after(text[last.end() : last.end() + BODY])
    return Document("http-dump", _judged(int(last[1]), headers, body, method, target, text))


def _curl_words(text: str) -> str:
    found = re.search(r"curl: \(\d+\)[^\n]{0,300}", text)
    return found.group(0) if found else ""


def _after(text: str) -> tuple[dict[str, str], bytes]:
    headers: dict[str, str] = {}
    lines = text.lstrip("\n").split("\n")
    for number, line in enumerate(lines):
        found = _HEADER.match(line)
        if not found:
            rest = [
                one
                for one in lines[number:]
                if not re.match(r"^(?:[<*{}] |[<*>]$|\* |\d+ bytes)", one) or one.startswith('{"')
            ]
            return headers, "\n".join(rest).strip().encode("utf-8", "replace")
        headers[found[1].lower()] = found[2].strip()
    return headers, b""


def _judged(status: int, headers: dict[str, str], body: bytes, method: str, target: str, text: str) -> Guess | None:
    heard = f"HTTP {status} {method} {target}".strip()
    if status < 300:
        return _success(body, target, heard)
    if status >= 400 and method == "GET" and target.split("?")[0].endswith("/responses") and status in (404, 405):
        return guess(
            "redirected", "responses-unsupported", "base-url-path", ask="the same with `curl -X POST`: Codex sends POST"
        ).heard(heard)
    refusal = classify(status, headers, body)
    host = re.search(r"^[>\s]*Host:\s*(\S+)", text, re.M | re.I)
    url = target if "://" in target else f"https://{host.group(1) if host else 'gateway'}{target}" if target else None
    said = Refused(status, refusal.message, url)
    if refusal.cause == KEY:
        sent = _SENT_HEADER.search(text)
        if sent is None and method:
            return guess(
                "env-key-missing",
                "key-header-dropped",
                "key-missing",
                "redirected",
                ask="whether Codex itself fails with the same: " + KEY_ASK,
            ).heard(heard)
        return on_key(said, refusal.error).heard(f"{heard}: {refusal.message}")
    if refusal.cause == ROUTE:
        return _route(said, target).heard(f"{heard}: {refusal.message}")
    details = {name: refusal.details[name] for name in ("policy", "quota") if name in refusal.details}
    second = {
        "request-rejected": ("model-not-found",),
        "policy-rejected": ("edge-blocked",) if not refusal.error else (),
    }
    return guess(refusal.cause, *second.get(refusal.cause, ()), ask=DOCTOR, **details).heard(
        f"{heard}: {refusal.message}"
    )


def _route(said: Refused, target: str) -> Guess:
    path = urlsplit(target).path
    if path and not path.startswith(f"{BASE_PATH}/"):
        return guess("base-url-path", "not-a-gateway", ask="the line base_url = …")
    return on_route(said)


def _success(body: bytes, target: str, heard: str) -> Guess | None:
    """A 200 that is no event stream of /responses."""
    if not target.split("?")[0].endswith("/responses"):
        return Guess((), "the same for POST /openai/v1/responses, or " + DOCTOR, heard)
    start = body[:2000]
    if b"chat.completion.chunk" in start:
        return guess("chat-stream-on-responses").heard(heard)
    if b"response.completed" in body:
        return Guess((), DOCTOR, heard, "This exchange went well.")
    if b'"error"' in start:
        return guess("error-in-200", "stream-truncated", ask=DOCTOR).heard(heard)
    if b"data:" in start:
        return guess("stream-truncated", "stream-invalid", "stream-idle", ask="the whole stream, to its end").heard(
            heard
        )
    return guess("not-an-event-stream", "not-a-gateway", ask=DOCTOR).heard(heard)
