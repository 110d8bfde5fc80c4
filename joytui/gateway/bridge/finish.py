"""Finish reasons: what vendors write, and what it means (JoyToken passes them through)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from joytui.gateway.bridge.errors import CONTEXT_FULL, StreamError

Meaning = Literal["completed", "max_output_tokens", "content_filter", "failed"]

CALLING = "tool_calls"
_CALL_WORDS = (CALLING, "tool_use", "tool_call", "function_call")
_WORDS: dict[str, Meaning] = {
    **dict.fromkeys(
        ("stop", "end_turn", "stop_sequence", "eos", "complete", "completed", "finish", "end"), "completed"
    ),
    **dict.fromkeys((*_CALL_WORDS, "pause_turn"), "completed"),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "model_length"), "max_output_tokens"),
    **dict.fromkeys(("content_filter", "safety", "recitation", "blocklist", "prohibited_content"), "content_filter"),
    **dict.fromkeys(("spii", "image_safety", "language", "refusal", "sensitive"), "content_filter"),
    **dict.fromkeys(("error", "malformed_function_call", "network_error", "insufficient_system_resource"), "failed"),
    **dict.fromkeys(("model_context_window_exceeded", "context_length_exceeded", "context_window_exceeded"), "failed"),
    **dict.fromkeys(("abort", "aborted", "cancelled", "canceled", "timeout"), "failed"),
    **dict.fromkeys(("unexpected_tool_call", "too_many_tool_calls", "malformed_response"), "failed"),
}


MEANINGS: Mapping[str, Meaning] = MappingProxyType(_WORDS)


def meaning(reason: str, words: Mapping[str, Meaning] = MEANINGS) -> Meaning:
    """What a finish reason says, in any case. An unknown word ends an answer like `stop` does."""
    return words.get(reason.strip().lower(), "completed")


def is_known(reason: str, words: Mapping[str, Meaning] = MEANINGS) -> bool:
    return reason.strip().lower() in words


def calls_tools(reason: str | None) -> bool:
    """Whether an answer ended with calls of tools, so that its client comes back with what they gave."""
    return reason is not None and reason.strip().lower() in _CALL_WORDS


def failure(reason: str) -> StreamError:
    """The error for a finish reason that means the turn is lost. Codex tries such a turn again."""
    word = reason.strip().lower()
    if word == "malformed_function_call":
        return StreamError(word, "the model made a malformed tool call and gave no answer; try again")
    if word.startswith(("model_context", "context_")):
        return StreamError(CONTEXT_FULL, f"the context is full: the upstream ended the answer with {reason!r}")
    return StreamError(word or "error", f"the upstream ended the answer with finish reason {reason!r}")
