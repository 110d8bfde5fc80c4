"""What Codex's own words about a failed turn tell of the answer behind them: its status, the gateway's request id, a cause.

The words are those of `task_complete.error` in a rollout (Codex 0.171.0, observed):

    unexpected status 402 Payment Required: <message>, url: <url>, request id: <id>
    exceeded retry limit, last status: 429 Too Many Requests, request id: <id>
    {"error": {…}}                                         the body of a 400, without its status
    We’re currently experiencing high demand, …            an HTTP 500, whose answer is not shown
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from joytui.causes import CAUSES
from joytui.causes.answers import KEY, classify, named_cause, read_words, says_no_key

_UNEXPECTED = re.compile(r"unexpected status (\d{3})\b[^:]{0,60}:?\s*(.*)\Z", re.S)
_LAST = re.compile(r"last status: (\d{3})\b()")
_BEHIND = re.compile(r",\s*(?:url|cf-ray|request id): [^\s,]+")
_REQUEST_ID = re.compile(r"\brequest id: ([^\s,)]{1,200})")
_BY_NAME = {"internal_server_error": "gateway-error"}
"""What codex_error_info names where neither a status nor words of the gateway are left."""


@dataclass(frozen=True, slots=True)
class CodexFailure:
    """`status`, `request_id`: None if Codex's words hold none. `cause`: a cause id, None if the words decide nothing."""

    status: int | None
    request_id: str | None
    cause: str | None


def answer_in(words: str) -> str:
    """What the gateway said, without Codex's frame around it; Codex's own words where there is no such frame."""
    found = _UNEXPECTED.search(words)
    return (_BEHIND.sub("", found[2]).strip() if found else "") or words


def read_failure(words: str, *, name: str | None = None, status: int | None = None) -> CodexFailure:
    """Codex's words about a failure. `name`: what codex_error_info calls it; `status`: the one that it holds."""
    found = _UNEXPECTED.search(words) or _LAST.search(words)
    status = status or (int(found[1]) if found else None)
    named = _REQUEST_ID.search(words)
    said = _BEHIND.sub("", found[2]).strip() if found else words
    return CodexFailure(status, named[1] if named else None, _cause(status, said) or _BY_NAME.get(name or ""))


def _cause(status: int | None, said: str) -> str | None:
    if status is None and not said.lstrip().startswith("{"):
        return _known(named_cause(read_words(0, said)))
    answer = read_words(status or 400, said)
    cause = classify(answer).cause
    if cause == KEY:
        return "key-missing" if says_no_key(answer) else "key-rejected"
    return _known(cause)


def _known(cause: str | None) -> str | None:
    """The cause itself; None for a question that words do not answer."""
    return cause if cause in CAUSES else None
