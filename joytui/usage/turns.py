"""A turn of Codex in the form of a request: what Logs shows of it where no gateway saw it.

One turn is one row, whatever it asked for: its tokens are those of all its answers. What a rollout does not know (key, tier,
address, price, attempts) is null. Its texts come from files that anybody may have written, so they pass the one redaction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from joytui.causes.codex_failure import CodexFailure, read_failure
from joytui.codex.rollouts import Turn
from joytui.core.clock import rfc3339
from joytui.core.redaction import MASK, clean, clean_id
from joytui.core.repository import repository
from joytui.core.request import ROLLOUT, RequestRecord

ENDPOINT = "/responses"
"""What Codex calls for a turn, behind the provider's base_url (0.95 and later)."""
ANSWERED = 200
"""The status of a turn that completed: Codex takes an answer only from a response that has it."""
PREFIX = "codex-"
_NO_FAILURE = CodexFailure(None, None, None)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MISSING = re.compile(r"(Missing environment variable: `)(?![A-Z_][A-Z0-9_]*`)[^`]*")
_LIMIT = 200
_LONG = 300
_WORDS = 1000


def turn_row_id(turn: Turn) -> str:
    """The id of its row. Codex before 0.140 gives turns no id: there it is when the turn began, in Unix milliseconds."""
    began = round(turn.time.timestamp() * 1000)
    return f"{PREFIX}{_own(turn.thread) or 'unknown'}-{_own(turn.turn) or began}"


def turn_record(turn: Turn) -> RequestRecord:
    """The turn as a record. `status`: of a failed one that of the gateway's answer, where Codex kept it; null while it runs,
    and where it ended without one that is known (`error_type` says how)."""
    failed = turn.outcome == "failed"
    failure = failure_of(turn) if failed else _NO_FAILURE
    own, session = turn_row_id(turn), turn.session
    client = "/".join(part for part in (session.originator, session.codex_version) if part)
    return RequestRecord(
        id=own,
        time=rfc3339(turn.time),
        key=None,
        key_id=None,
        model=clean(turn.model, _LIMIT),
        model_used=None,
        provider=clean(turn.provider, _LIMIT),
        tier=None,
        endpoint=ENDPOINT,
        status=ANSWERED if turn.outcome == "completed" else failure.status,
        error_type=clean(_error_type(turn), _LIMIT),
        error_message=clean(_MISSING.sub(rf"\1{MASK}", turn.error or ""), _WORDS),
        cause=failure.cause,
        input_tokens=turn.tokens.input,
        cached_input_tokens=turn.tokens.cached,
        output_tokens=turn.tokens.output,
        reasoning_tokens=turn.tokens.reasoning,
        cost_nano=0,
        cost_source="none",
        ttft_ms=turn.ttft_ms,
        latency_ms=turn.duration_ms,
        stream=True,
        request_id=clean_id(failure.request_id, _LIMIT) or own,
        upstream_id=clean_id(turn.responses[-1], _LIMIT) if turn.responses else None,
        thread_id=_own(turn.thread),
        client=clean(client, _LIMIT),
        ip=None,
        turn_id=_own(turn.turn),
        project=clean(turn.cwd, _LONG),
        root_thread=_own(session.root_thread or (None if session.parent_thread else turn.thread)),
        parent_thread=_own(session.parent_thread),
        subagent=clean(session.subagent, _LIMIT),
        repo=clean(repository(session.origin or ""), _LONG),
        commit_hash=clean(session.commit, _LIMIT),
        branch=clean(session.branch, _LIMIT),
        source=ROLLOUT,
        sources=(ROLLOUT,),
        attempts=None,
    )


def _own(text: str | None) -> str | None:
    """An id of Codex's own: a UUID holds no secret, whatever it looks like."""
    return text if text and _UUID.fullmatch(text) else clean(text, _LIMIT)


def failure_of(turn: Turn) -> CodexFailure:
    """What Codex's words about its failure tell."""
    name = turn.error_info if isinstance(turn.error_info, str) else None
    return read_failure(turn.error or "", name=name, status=turn.http_status)


def _error_type(turn: Turn) -> str | None:
    """How it ended, where it did not complete: codex_error_info's name, "interrupted", "unfinished", "failed"."""
    if turn.outcome in ("completed", "running"):
        return None
    info = turn.error_info
    name = next(iter(info), None) if isinstance(info, Mapping) else info
    return name if turn.outcome == "failed" and isinstance(name, str) and name else turn.outcome
