"""An HTTP exchange as tools print it: `curl -v`, `curl -i`, a proxy's or a browser's copy, HTTPie."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from joytui.causes.answers import KEY, ROUTE, classify, read_answer
from joytui.causes.questions import DOCTOR
from joytui.core.joytoken import BASE_PATH
from joytui.doctor.triage.answer import Guess, guess
from joytui.doctor.triage.clean import plain, squeezed
from joytui.doctor.triage.documents import Document
from joytui.doctor.triage.signs import has_sign, heard, sign
from joytui.doctor.triage.status import Refused, decided, on_key, on_route

# White space is " " or a tab here: `\s` would take line ends too, and try every one of a thousand blank lines again from each.
_STATUS_LINE = re.compile(r"^[< \t]*HTTP/[\d.]+[ \t]+(\d{3})\b[^\n]*$", re.M)
_REQUEST_LINE = re.compile(r"^[> \t]*([A-Z]{3,7}) (\S{1,2000})(?: HTTP/[\d.]+)[ \t]*$", re.M)
_HEADER = re.compile(r"^[<\s]*([A-Za-z][\w-]{0,60}):[ \t]?([^\n]*)$")
_SENT_HEADER = re.compile(r"^[> \t]*(authorization|x-api-key):", re.M | re.I)
BODY = 100_000


def read_dump(text: str) -> Document | None:
    """The last answer of the exchange decides; without one, curl's own words. None if it is no exchange."""
    text = _unquoted(plain(text))
    statuses = [found for found in _STATUS_LINE.finditer(text) if found[1] not in ("100", "101")]
    requested = list(_REQUEST_LINE.finditer(text))
    if not statuses:
        is_curl = "curl: (" in text or (requested and "* " in text)
        found = heard("curl", squeezed(text)) if is_curl else None
        return Document("http-dump", found[1].heard(_curl_words(text))) if found else None
    last = statuses[-1]
    if (found := heard("curl", squeezed(text))) and found[1].causes == ("proxy-denied",):
        return Document("http-dump", found[1].heard(_curl_words(text)))  # the status is that of the proxy
    if not requested and not re.match(r"^[<\s]*[\w-]+:", text[last.end() :].lstrip("\n")[:200]):
        return None  # a status line quoted in a message
    before = [found for found in requested if found.start() < last.start()]
    method, target = (before[-1][1], before[-1][2]) if before else _of_command(text[: last.start()])
    headers, body = _after(text[last.end() : last.end() + BODY])
    judged = _judged(int(last[1]), headers, body, method, target, text)
    if judged is None:
        return Document("http-dump", None, note="This exchange went well.", healthy=True)
    return Document("http-dump", judged)


_COMMAND = re.compile(r"^[^\n]{0,80}\bcurl\b([^\n]{0,1000}(?:\\\n[^\n]{0,1000}){0,9})", re.M)
_ADDRESS = re.compile(r"https?://[^\s\"'<>]{1,500}")
_METHOD = re.compile(r"(?:^|\s)(?:-X|--request)[ =]?\"?([A-Z]{3,7})")


def _of_command(text: str) -> tuple[str, str]:
    """Method and address of the last curl command in a text, ("", "") without one."""
    commands = _COMMAND.findall(text)
    address = _ADDRESS.search(commands[-1]) if commands else None
    if address is None:
        return "", ""
    named = _METHOD.search(commands[-1])
    sends = re.search(r"\s(?:-d|--data\S{0,12}|--json)[ =]", commands[-1])
    return named[1] if named else "POST" if sends else "GET", address[0]


def _unquoted(text: str) -> str:
    """Without a mail's quoting, where an answer is in it; curl's own marks, of which a status line has another, stay."""
    return _QUOTES.sub("", text) if _QUOTED_STATUS.search(text) else text


_QUOTES = re.compile(r"^(?:> ?)+", re.M)
_QUOTED_STATUS = re.compile(r"^(?:> ?)+(?:< )?HTTP/\d", re.M)


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
    words = f"HTTP {status} {method} {target}".strip()
    if status < 300:
        return _success(body, target, words)
    if status >= 400 and method == "GET" and target.split("?")[0].endswith("/responses") and status in (404, 405):
        return sign("a GET of /responses").heard(words)
    refusal = classify(read_answer(status, headers, body))
    answer = refusal.answer
    host = re.search(r"^[> \t]*Host:[ \t]*(\S+)", text, re.M | re.I)
    url = target if "://" in target else f"https://{host.group(1) if host else 'gateway'}{target}" if target else None
    said = Refused(status, answer.message, url)
    if refusal.cause == KEY:
        sent = _SENT_HEADER.search(text)
        if sent is None and method:
            return sign("no key sent").heard(words)
        return on_key(said, answer).heard(f"{words}: {answer.message}")
    if refusal.cause == ROUTE:
        return _route(said, target).heard(f"{words}: {answer.message}")
    if refusal.told:
        return decided(refusal).heard(f"{words}: {answer.message}")
    details = {name: refusal.details[name] for name in ("policy", "quota") if name in refusal.details}
    names = ("refused in an exchange", *(() if answer.is_error else ("refused without an error object",)))
    seen = [sign(name, of=refusal.cause) for name in names if has_sign(name, of=refusal.cause)]
    near = [cause for one in seen for cause in one.causes]
    return guess(refusal.cause, *near, ask=DOCTOR, **details).heard(f"{words}: {answer.message}")


def _route(said: Refused, target: str) -> Guess:
    path = urlsplit(target).path
    if path and not path.startswith(f"{BASE_PATH}/"):
        return sign("no route at another path")
    return on_route(said)


_COMPLETED = re.compile(rb"event: ?response\.completed|[\"']type[\"']: ?[\"']response\.completed")


def _success(body: bytes, target: str, words: str) -> Guess | None:
    """What is wrong with a 200 of /responses; None if it is complete."""
    if _COMPLETED.search(body):
        return None
    if not target.split("?")[0].endswith("/responses"):
        return Guess((), "the same for POST /openai/v1/responses, or " + DOCTOR, words)
    start = body[:2000]
    if b"chat.completion.chunk" in start:
        return sign("200 with chunks of Chat Completions").heard(words)
    if b'"error"' in start:
        return sign("200 with an error").heard(words)
    if b"data:" in start:
        return sign("200 without an end").heard(words)
    return sign("200 without an event stream").heard(words)
