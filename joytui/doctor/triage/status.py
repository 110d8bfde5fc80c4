"""What a refusing answer leaves open, once it has gone through Codex: its status, the gateway's words, the address.

Codex shows `unexpected status 404 Not Found: MESSAGE, url: URL, request id: ID`, never the error's type or code
(Codex 0.169.0, observed). The address decides a lot: Codex always composes it as base_url + /responses (0.94 and older:
+ /chat/completions), so that a path that is not /openai/v1 + that is a fault of base_url.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from joytui.causes import CAUSES
from joytui.causes.answers import (
    KEY,
    ROUTE,
    ErrorAnswer,
    Refusal,
    classify,
    is_about_key,
    other_header,
    part_of,
    read_words,
    says_no_key,
)
from joytui.causes.questions import LOG
from joytui.codex.providers import OPENAI_HOSTS
from joytui.core.joytoken import BASE_PATH
from joytui.doctor.triage.answer import Guess, guess
from joytui.doctor.triage.clean import squeezed
from joytui.doctor.triage.signs import has_sign, sign

_UNEXPECTED = re.compile(
    r"(?i:unexpected)\s+status\s+(\d{3})(?!\d)((?:\s*<unknown\s+status\s+code>)?[^:{<]{0,60}):?\s*(.*?)\s*"
    r"(?:,\s*url:\s*([^\s,]+).*?)?(?:,\s*cf-ray:\s*([^,\s]+).*?)?(?:,\s*request\s+id:\s*([^\s,)]+).*?)?\s*$",
    re.S,
)
_LAST = re.compile(r"(?:(?i:exceeded) retry limit, )?last status: (?!429)(\d{3})")  # 429 is its own saying


@dataclass(frozen=True, slots=True)
class Refused:
    """One such message. `url` is None unless it is whole (a cut or wrapped address must not accuse a path)."""

    status: int
    message: str
    url: str | None = None
    request_id: str | None = None


# Another program's way to put it: a status, then the body.
_BODY_BEHIND = re.compile(
    r"(?:^|[\s:\[(])(?:HTTP(?:/[\d.]+)?\W{1,3})?([45]\d\d)(?:[\])]|[ \t]+[A-Z][A-Za-z' -]{1,40})?[\s:.,-]{0,6}([{<].*)",
    re.S,
)
_RETRYING = re.compile(r"[;,]?\s*retrying\s+\d+/\d+\s+in\s+[\d.]+\s?m?s.*$", re.S)


def refused(text: str) -> Refused | None:
    """The refusal in a record's text, None if it holds none."""
    text = _RETRYING.sub("", text[:6000])
    found = _UNEXPECTED.search(text)
    if found:
        status, _, message, url, _, request_id = found.groups()
        return Refused(int(status), message.strip(" ,"), _whole(url), request_id)
    if behind := _BODY_BEHIND.search(text):
        return Refused(int(behind[1]), behind[2].strip())
    last = _LAST.search(text)
    return Refused(int(last[1]), "") if last else None


def _whole(url: str | None) -> str | None:
    """The address up to its known end; the user's next words may have been joined to it. None if the end is missing."""
    if url is None:
        return None
    path = url.split("?", 1)[0]
    found = re.match(r".*(?:/responses|/chat/completions|/models)", path, re.S)
    return found[0] if found and "/" not in path[found.end() :] else None


def to_openai(url: str | None) -> bool:
    """Whether the request went to OpenAI itself."""
    return url is not None and (urlsplit(url).hostname or "") in OPENAI_HOSTS


def of_refusal(said: Refused, ignored: tuple[str, ...] = (), forms: Sequence[str] = ()) -> Guess:
    """What the refusal leaves open. `ignored`: the causes that Codex's warnings about ignored keys point at; `forms`: the message
    with its lines joined in other ways."""
    found = _told(said, forms)
    if found is None:
        reader = _BY_STATUS.get(said.status) or _by_body
        read = [reader(replace(said, message=words)) for words in dict.fromkeys((said.message, *forms))]
        found = min(read, key=lambda one: (len(one.causes), one.causes[0] == "request-rejected"))
    hinted = [cause for cause in ignored if (key := CAUSES[cause].ignored_key) and said.status in key.statuses]
    if hinted:
        found = guess(*hinted, *found.causes[:2], ask="the named line as ignored")
    return replace(found.heard(_shown(said)), said=found.said or _own_words(said))


def _own_words(said: Refused) -> str:
    """What the error in the refusal says, without the body around it; nothing of a page."""
    answer = read_words(said.status, said.message)
    return "" if answer.kind == "html" else answer.message


def _told(said: Refused, forms: Sequence[str]) -> Guess | None:
    """What the refusal's own words decide; its first line first, for a user's words may follow."""
    if to_openai(said.url):
        return None
    for words in dict.fromkeys((said.message.split("\n", 1)[0], said.message, *forms)):
        answer = read_words(said.status, words)
        refusal = classify(answer)
        if said.status == 401 and is_about_key(answer) and refusal.cause != "upstream-key-rejected":
            return None
        if refusal.told and words:
            return decided(refusal)
    return None


def decided(refusal: Refusal) -> Guess:
    """A refusal whose own words tell the cause."""
    if refusal.cause in (ROUTE, "responses-unsupported"):
        return sign("an upstream without the route")
    if refusal.cause == KEY:
        return on_key(Refused(refusal.answer.status, refusal.answer.message), refusal.answer)
    return replace(guess(refusal.cause, **_part(refusal)), said=refusal.answer.message)


def _part(refusal: Refusal) -> dict[str, Any]:
    return {name: refusal.details[name] for name in ("policy", "quota", "refused") if name in refusal.details}


_MONEY = re.compile(r"quota|balance|budget|billing|credit|wallet|\bplan\b|usage limit|额度|余额|配额|欠费", re.I)


def _plainly(refusal: Refusal) -> bool:
    """Whether a refusal whose cause only its status suggests leaves no other: a web server's own page, an error object with 500,
    or a limit of the rate whose words are there and speak of no money."""
    page = refusal.answer.kind == "html" and "</html>" in refusal.answer.text.lower()
    if refusal.cause == "rate-limited":
        return bool(refusal.answer.message) and not page and not _MONEY.search(refusal.answer.message)
    if refusal.cause == "gateway-error":
        return page or (refusal.answer.is_whole and bool(refusal.answer.message))
    return page and refusal.cause in ("upstream-error", "request-too-large")


def _shown(said: Refused) -> str:
    return f"HTTP {said.status}" + (f": {said.message[:200]}" if said.message else "")


def _by_body(said: Refused) -> Guess:
    if said.status < 200:
        return sign("no status of an answer")
    return of_answer(classify(_answer(said)), said.url)


def _answer(said: Refused) -> ErrorAnswer:
    """Codex prints error.message, or a body that has none as it is."""
    return read_words(said.status, said.message)


_SURE_BY_STATUS = ("upstream-error", "duplicate-request", "request-too-large", "model-not-found", "insufficient-quota")


def of_answer(refusal: Refusal, url: str | None = None) -> Guess:
    """What a refusing answer that is known whole (or nearly so) leaves open."""
    said = Refused(refusal.answer.status, refusal.answer.message, url)
    if refusal.cause == KEY:
        return on_key(said, refusal.answer)
    if refusal.told:
        return decided(refusal)
    if refusal.cause == ROUTE:
        return on_route(said)
    known_whole = url is not None or refusal.answer.is_whole
    plainly = refusal.cause == "request-rejected" and refusal.answer.kind != "html"
    sure = known_whole and (plainly or refusal.cause in _SURE_BY_STATUS)
    if sure or _plainly(refusal) or not has_sign("refused", of=refusal.cause):
        return guess(refusal.cause, **_part(refusal))
    return guess(refusal.cause, *sign("refused", of=refusal.cause).causes, ask=LOG, **_part(refusal))


# What a gateway quotes as the key that it got, and that is none.
_NO_KEY_AT_ALL = re.compile(
    r"provided(?::\s*|\s+)[\"'`]?(?:https?:|export(?-i:(?![a-z]))|bearer\b|[\"'“‘`$%<{]|[A-Z_]{4,40}=)", re.I
)


def on_key(said: Refused, answer: ErrorAnswer | None = None) -> Guess:
    """A gateway that refuses the key, or that says that it saw none."""
    message = said.message
    if to_openai(said.url):
        return sign("refused by OpenAI")
    if _NO_KEY_AT_ALL.search(message):
        return sign("something else than a key")
    if header := other_header(message):
        return replace(sign("a key in another header"), details={"header": header})
    if re.search(r"\bprovided:(?:\s*$|[/A-Z\u4e00-\u9fff])", message):
        return sign("a key that is not shown")
    if "platform.openai.com" in message:
        return sign("words of OpenAI at the gateway's address" if said.url else "words of OpenAI")
    if says_no_key(answer or ErrorAnswer(said.status, message=message)):
        return sign("no key seen")
    if re.search(r"upstream", message, re.I):
        return sign("key refused by an upstream")
    either = r"\b(?:invalid|incorrect) or missing\b|\bmissing or (?:invalid|incorrect)\b"
    if not message or re.search(either, message, re.I):
        return sign("key refused or missing")
    whole = said.url is not None or (answer is not None and answer.is_whole)
    # OpenAI's words, which a relay passes on of its own key; a terminal may have broken them anywhere
    relayed = "incorrectapikeyprovided" in squeezed(message).lower()
    plainly = whole and answer and is_about_key(answer) and not relayed
    return sign("a key that is plainly refused" if plainly else "key refused")


def _on_401(said: Refused) -> Guess:
    if not is_about_key(_answer(said)) and re.search(
        r"\b(?:wallet|quota|balance|budget|credits)\b", said.message, re.I
    ):
        return sign("401 about a budget")
    if re.search(r"\bupstream\b", said.message, re.I) or not _redirect_path(said.url):
        return on_key(said, _answer(said))
    about_key = on_key(said, _answer(said))
    if len(about_key.causes) == 1:  # a redirect loses a key, it spoils none
        return about_key
    redirected = sign("401 away from the path")
    if _usual_elsewhere(said.url):
        return replace(about_key, causes=(*about_key.causes, *redirected.causes))
    return guess(*redirected.causes, *about_key.causes, ask=redirected.ask)


def _usual_elsewhere(url: str | None) -> bool:
    """An address as other gateways have it: https, and a path that ends in /v1/responses."""
    parts = urlsplit(url or "")
    here = re.fullmatch(r"[\d.]+|localhost|\[.*", parts.hostname or "localhost") or str(parts.hostname).endswith(
        "joytokens.ai"
    )
    return parts.scheme == "https" and not here and parts.path.endswith("/v1/responses")


def _redirect_path(url: str | None) -> bool:
    """An address whose path is not the gateway's, or plain http to a named host: a redirect that drops the key."""
    parts = urlsplit(url or "")
    odd = parts.path not in ("", f"{BASE_PATH}/responses", f"{BASE_PATH}/chat/completions")
    plain = parts.scheme == "http" and not re.fullmatch(r"[\d.]+|localhost|\[.*", parts.hostname or "localhost")
    return bool(url) and (odd or plain)


def _on_403(said: Refused) -> Guess:
    message = said.message
    refusal = classify(_answer(said))
    if refusal.cause == KEY:
        return sign("403 without a key" if says_no_key(refusal.answer) else "403 about the key")
    if refusal.cause == "insufficient-quota":
        return replace(sign("403 about a budget"), details=part_of("insufficient-quota", message))
    if refusal.answer.kind == "html" and (said.url or "</html>" in refusal.answer.text.lower()):
        return sign("403 with a page")
    if refusal.cause == "edge-blocked" or re.search(r"cloudflare|access denied|blocked by", message, re.I):
        return sign("403 of an edge")
    name = "403"
    part = part_of("policy-rejected", message)
    if re.search(r"\banonymous\b", message, re.I):
        name = "403 of an anonymous request"
    elif re.search(r"\bmodels?\b.{0,80}\b(?:not exist|not found|unknown)", message, re.I | re.S):
        name = "403 about a model"
    elif part and (said.url or refusal.answer.is_whole):  # what is cut may have said something else
        return guess("policy-rejected", **part)
    return replace(sign(name), details=part)


def on_route(said: Refused) -> Guess:
    """404 and 405: a missing route, a wrong path, an unknown model."""
    path = urlsplit(said.url or "").path
    if _ENCODED.search(path) or re.search(rf"(?:/\S*(?:{_ENCODED.pattern})\S*)/responses", said.message, re.I):
        return _deformed(said)
    if said.status == 404 and re.search(r"\b(?:api[ _-]?)?key\b.{0,20}\bnot found", said.message, re.I):
        return sign("404 about the key")
    no_model = re.match(r"(?:the )?model\b.{0,80}?\bnot (?:found|exist)", said.message, re.I | re.S)
    if re.search(r"\bGET ?/", said.message) and said.url and not no_model:
        return sign("POST turned into GET")
    if said.status == 404 and classify(_answer(said)).cause == "model-not-found":
        return guess("model-not-found")
    if (
        said.status == 404
        and re.search(r"\bmodels?\b", said.message, re.I)
        and not re.search(r"\broute\b", said.message, re.I)
    ):
        return sign("404 about a model")
    if path == f"{BASE_PATH}/chat/completions":
        return sign("404 of an old Codex")
    if (said.status == 501 and _answer(said).kind != "html") or (
        path == f"{BASE_PATH}/responses" and _speaks_of_route(said)
    ):
        return sign("an upstream without the route")
    if path and path != f"{BASE_PATH}/responses":
        return _wrong_path(said, path)
    return sign("405" if said.status == 405 else "404")


def _wrong_path(said: Refused, path: str) -> Guess:
    """On JoyToken's own hosts only /openai/v1 is right. Elsewhere /v1 is usual: there a deformed path is wrong for sure, and
    a usual one that the gateway names as unknown is right for sure."""
    host = urlsplit(said.url or "").hostname or ""
    if said.status != 404:
        return _deformed(said) if _TWICE.search(path) else sign("another path")
    if host.endswith("joytokens.ai"):
        return sign("a deformed path" if _DEFORMED.fullmatch(path) else "another path")
    here = re.fullmatch(r"[\d.]*|localhost|.*:.*", host)
    if _TWICE.search(path) or (path == "/responses" and not here):
        return _deformed(said)
    if path.endswith("/v1/responses") and (not here or re.search(r"\binvalid url\b", said.message, re.I)):
        return sign("an upstream without the route") if _names_route(said) else sign("no route at a usual path")
    return sign("another path")


def is_twice(url: str) -> bool:
    """Whether an address has a part twice, or an endpoint before the one that Codex appends."""
    return bool(_TWICE.search(urlsplit(url).path))


def _deformed(said: Refused) -> Guess:
    """A path that is wrong for sure. Which one is right, is known of JoyToken's gateways alone."""
    parts = urlsplit(said.url or "")
    ours = str(parts.hostname).endswith("joytokens.ai") or parts.path.startswith("/openai/v1")
    return sign("a deformed path" if ours else "a deformed path elsewhere")


def _speaks_of_route(said: Refused) -> bool:
    """Whether a 404 is about a route (`no Route matched`, `Cannot POST`), and not only about a page."""
    spoken = r"\broute\b|\bendpoint\b|\bcannot post\b|\binvalid url\b|\b(?:unknown|unrecogni[sz]ed) request url\b|/responses\b"
    return classify(_answer(said)).cause == ROUTE and bool(re.search(spoken, _without_addresses(said.message), re.I))


def _names_route(said: Refused) -> bool:
    named = re.search(r"/responses|\bPOST\b", _without_addresses(said.message))
    return classify(_answer(said)).cause == ROUTE and bool(named)


def _without_addresses(message: str) -> str:
    """Codex adds the address that it asked, which a terminal may have broken so that it looks like a part of the message."""
    return re.sub(r"https?://\S+", "", message)


# A blank, quote or line end that stood in base_url, as it is sent.
_ENCODED = re.compile(r"%(?:20|22|27|0[ad]|e2%80%[89])", re.I)
# /openai/v1/responses with parts missing, doubled or swapped.
_DEFORMED = re.compile(r"(?:/(?:openai|v1|api|responses|chat|completions)){1,8}", re.I)
# A part that stands twice, or an endpoint before the one that Codex appends.
_TWICE = re.compile(r"/(v\d|openai|responses)/(?:.*/)?\1(?:/|$)|/(?:completions|models|messages|embeddings)/", re.I)

_BY_STATUS: Mapping[int, Callable[[Refused], Guess]] = {
    401: _on_401,
    402: lambda said: guess("insufficient-quota", **part_of("insufficient-quota", said.message)),
    403: _on_403,
    404: on_route,
    405: on_route,
}
