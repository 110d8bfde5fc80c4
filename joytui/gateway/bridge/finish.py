"""Finish reasons: what vendors write, and what it means (JoyToken passes them through)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from joytui.gateway.bridge.errors import CONTEXT_FULL, StreamError

Meaning = Literal["completed", "max_output_tokens", "content_filter", "failed"]

CALLING = "tool_calls"
_CALL_WORDS = (CALLING, "tool_use", "tool_call", "function_call", "toolcalls", "tooluse", "toolcall", "functioncall")
_WORDS: dict[str, Meaning] = {
    **dict.fromkeys(
        ("stop", "end_turn", "stop_sequence", "eos", "complete", "completed", "finish", "end"), "completed"
    ),
    **dict.fromkeys((*_CALL_WORDS, "pause_turn"), "completed"),
    **dict.fromkeys(("eos_token", "normal", "success"), "completed"),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "model_length"), "max_output_tokens"),
    **dict.fromkeys(("limit", "token_limit", "max_length", "max_new_tokens"), "max_output_tokens"),
    **dict.fromkeys(("content_filter", "safety", "recitation", "blocklist", "prohibited_content"), "content_filter"),
    **dict.fromkeys(("content_filtered", "guardrail_intervened", "safety_check", "error_toxic"), "content_filter"),
    **dict.fromkeys(("spii", "image_safety", "language", "refusal", "sensitive"), "content_filter"),
    **dict.fromkeys(("error", "malformed_function_call", "network_error", "insufficient_system_resource"), "failed"),
    **dict.fromkeys(("model_context_window_exceeded", "context_length_exceeded", "context_window_exceeded"), "failed"),
    **dict.fromkeys(("abort", "aborted", "cancelled", "canceled", "timeout"), "failed"),
    **dict.fromkeys(("unexpected_tool_call", "too_many_tool_calls", "malformed_response"), "failed"),
}


MEANINGS: Mapping[str, Meaning] = MappingProxyType(_WORDS)


def _plain(reason: str) -> str:
    """The word in the spelling of `MEANINGS`: `content-filter`, `FINISH_REASON_STOP`, `function_call_filter: MALFORMED_FUNCTION_CALL`
    (Google)."""
    return reason.rpartition(":")[2].strip().lower().replace("-", "_").removeprefix("finish_reason_")


def meaning(reason: str, words: Mapping[str, Meaning] = MEANINGS) -> Meaning:
    """What a finish reason says, in any case. An unknown word ends an answer like `stop` does, unless a part of it says more."""
    word = _plain(reason)
    return words.get(word) or _by_part(word) or "completed"


_PARTS: tuple[tuple[str, Meaning], ...] = (
    ("error", "failed"),
    ("malformed", "failed"),
    ("filter", "content_filter"),
    ("safety", "content_filter"),
    ("length", "max_output_tokens"),
    ("max_tokens", "max_output_tokens"),
)


def _by_part(word: str) -> Meaning | None:
    return next((said for part, said in _PARTS if part in word), None)


def is_known(reason: str, words: Mapping[str, Meaning] = MEANINGS) -> bool:
    word = _plain(reason)
    return word in words or _by_part(word) is not None


def calls_tools(reason: str | None) -> bool:
    """Whether an answer ended with calls of tools, so that its client comes back with what they gave."""
    return reason is not None and _plain(reason) in _CALL_WORDS


def failure(reason: str) -> StreamError:
    """The error for a finish reason that means the turn is lost. Codex tries such a turn again."""
    word = _plain(reason)
    if word == "malformed_function_call":
        return StreamError(word, "the model made a malformed tool call and gave no answer; try again")
    if word.startswith(("model_context", "context_")):
        return StreamError(CONTEXT_FULL, f"the context is full: the upstream ended the answer with {reason!r}")
    return StreamError(word or "error", f"the upstream ended the answer with finish reason {reason!r}")
