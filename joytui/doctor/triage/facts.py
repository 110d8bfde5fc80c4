"""What a ticket says beside its failure: version, provider, model, statuses, addresses, request ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from joytui.doctor.triage.answer import Facts
from joytui.doctor.triage.clean import bare_lines, plain, records

_VERSION = re.compile(
    r"(?:OpenAI Codex v?|codex-cli |\bcodex v?|\"codexVersion\":\s*\"|cli_version\":\s*\")\(?v?(\d+\.\d+\.\d+)", re.I
)
_PROVIDER = re.compile(r"^[ \t]*provider:\s*(\S{1,80})\s*$", re.M)
_MODEL = re.compile(r"^[ \t]*model:\s*(\S{1,80})(?:\s.*)?$", re.M)
_STATUS = re.compile(r"(?:unexpected status|last status:|HTTP/[\d.]+|\"status\":)\s*(\d{3})\b")
_URL = re.compile(r"\b(?:https?|wss?)://[^\s\"'`<>,)\]}]{1,400}")
_REQUEST_ID = re.compile(
    r"(?:request[ _-]id|x-request-id|\"request_id\")\W{1,4}(?=\S{0,99}[\d_-])([\w.:-]{4,100})", re.I
)
_THREAD_ID = re.compile(
    r"(?:session[ _-]id|thread[ _-]id|conversation[ _-]id|codex (?:exec )?resume)\W{1,4}([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b",
    re.I,
)
_MANUAL = re.compile(r"https?://(?:developers\.openai\.com|github\.com|platform\.openai\.com|help\.openai\.com)")
MOST = 5


def facts_of(text: str) -> Facts:
    """The facts in a pasted text."""
    text = plain(text[:200_000])
    forms = [form for record in records(text) for form in record.forms]
    text = "\n".join(bare_lines(text))
    joined = "\n".join(forms)
    return Facts(
        _first(_VERSION, text),
        _first(_PROVIDER, text),
        _first(_MODEL, text),
        tuple(int(status) for status in _each(_STATUS, text)),
        _last(bare_url(url) for url in _urls(text, joined) if not _MANUAL.match(url)),
        _each(_REQUEST_ID, text) or _each(_REQUEST_ID, joined),
        _each(_THREAD_ID, text) or _each(_THREAD_ID, joined),
    )


def _urls(text: str, joined: str) -> Iterator[str]:
    """The addresses in a text; one that ends with its line goes on in the next where that makes it an endpoint's."""
    whole: list[str] | None = None
    for found in _URL.finditer(text):
        url = found[0]
        if text[found.end() : found.end() + 1] in ("\n", "") and not _ENDPOINT.search(url):
            whole = [one[0] for one in _URL.finditer(joined) if _ENDPOINT.search(one[0])] if whole is None else whole
            url = next((one for one in whole if one.startswith(url)), url)
        yield url


_ENDPOINT = re.compile(r"/(?:responses(?:/compact)?|chat/completions|models)$")


def bare_url(url: str) -> str:
    """Scheme, host, port and path: no user, no query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(an address that is none)"
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{port}{parts.path}"


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found.group(1) if found else None


def _each(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    """What a pattern found, each once, the last ones."""
    return _last(match.group(match.lastindex or 0) for match in pattern.finditer(text))


def _last(words: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for word in words:
        found.pop(word, None)
        found[word] = None
    return tuple(found)[-MOST:]
