"""What a ticket says beside its failure: version, provider, model, statuses, addresses, request ids."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from joytui.doctor.triage.answer import Facts
from joytui.doctor.triage.clean import plain

_VERSION = re.compile(
    r"(?:OpenAI Codex v?|codex-cli |\bcodex v?|\"codexVersion\":\s*\"|cli_version\":\s*\")\(?v?(\d+\.\d+\.\d+)", re.I
)
_PROVIDER = re.compile(r"^[ \t]*provider:\s*(\S{1,80})\s*$", re.M)
_MODEL = re.compile(r"^[ \t]*model:\s*(\S{1,80})(?:\s.*)?$", re.M)
_STATUS = re.compile(r"(?:unexpected status|last status:|HTTP/[\d.]+|\"status\":)\s*(\d{3})\b")
_URL = re.compile(r"\b(?:https?|wss?)://[^\s\"'`<>,)\]}]{1,400}")
_REQUEST_ID = re.compile(r"(?:request[ _-]id|x-request-id|\"request_id\")\W{1,4}([\w.:-]{4,100})", re.I)
_THREAD_ID = re.compile(
    r"(?:session[ _-]id|thread[ _-]id|conversation[ _-]id|codex (?:exec )?resume)\W{1,4}([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b",
    re.I,
)
_MANUAL = re.compile(r"https?://(?:developers\.openai\.com|github\.com|platform\.openai\.com|help\.openai\.com)")
MOST = 5


def facts_of(text: str) -> Facts:
    """The facts in a pasted text."""
    text = plain(text[:200_000])
    return Facts(
        _first(_VERSION, text),
        _first(_PROVIDER, text),
        _first(_MODEL, text),
        tuple(int(status) for status in _each(_STATUS, text)),
        tuple(bare_url(url) for url in _each(_URL, text) if not _MANUAL.match(url)),
        _each(_REQUEST_ID, text),
        _each(_THREAD_ID, text),
    )


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
    found: dict[str, None] = {}
    for match in pattern.finditer(text):
        word = match.group(match.lastindex or 0)
        found.pop(word, None)
        found[word] = None
    return tuple(found)[-MOST:]
