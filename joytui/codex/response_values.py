"""Values of Codex's event stream, read as its typed deserialisation (serde) reads them: what it refuses, and in what words.

Source: Codex 0.169.0, observed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_PARTS = {"input_text": "text", "output_text": "text", "input_image": "image_url", "input_audio": None}
_DETAILS = ("low", "high", "auto", "original")
_PHASES = ("commentary", "final_answer")
_METADATA = "internal_chat_message_metadata_passthrough"
CALLS = {"function_call": ("name", "arguments", "call_id"), "custom_tool_call": ("name", "input", "call_id")}
"""The calls of tools that Codex runs, with the fields that each must have (strings)."""


class Unreadable(ValueError):
    """A value that serde would refuse; the text is serde's."""


def message_text(item: Mapping[str, Any]) -> str | None:
    """The text of an assistant message, "" for another role, None if Codex cannot parse the item."""
    content, role = item.get("content"), item.get("role")
    if not isinstance(role, str) or not isinstance(content, list):
        return None
    if not all(isinstance(item.get(name), (str, type(None))) for name in ("id", "status", "phase")):
        return None
    if item.get("phase") not in (None, *_PHASES) or not _is_metadata(item.get(_METADATA)):
        return None
    if not all(isinstance(part, dict) and _is_part(part) for part in content):
        return None
    texts = [part["text"] for part in content if _PARTS[part["type"]] == "text"]
    return "".join(texts) if role == "assistant" else ""


def _is_part(part: Mapping[str, Any]) -> bool:
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in _PARTS:
        return False
    name = _PARTS[kind]
    if name is not None and not isinstance(part.get(name), str):
        return False
    if kind == "input_image":
        return part.get("detail") is None or part["detail"] in _DETAILS
    lists = ("annotations", "logprobs") if kind == "output_text" else ()
    return all(isinstance(part.get(one), (list, type(None))) for one in lists)


def _is_metadata(value: Any) -> bool:
    """A struct of optional fields; an empty list is read as one without any."""
    if isinstance(value, dict):
        return isinstance(value.get("turn_id"), (str, type(None)))
    return value is None or value == []


def completed_response(response: Any) -> Mapping[str, Any]:
    """The `response` of response.completed, as it is. Raises Unreadable if Codex could not read it."""
    if not isinstance(response, dict):
        raise Unreadable(f"invalid type: {_type_name(response)}, expected struct ResponseCompleted")
    if "id" not in response:
        raise Unreadable("missing field `id`")
    if not isinstance(response["id"], str):
        raise Unreadable(f"invalid type: {_type_name(response['id'])}, expected a string")
    usage = response.get("usage")
    if usage is not None:
        _check_usage(usage)
    end_turn = response.get("end_turn")
    if end_turn is not None and not isinstance(end_turn, bool):
        raise Unreadable(f"invalid type: {_type_name(end_turn)}, expected a boolean")
    return response


def _check_usage(usage: Any) -> None:
    if not isinstance(usage, dict):
        raise Unreadable(f"invalid type: {_type_name(usage)}, expected struct ResponseCompletedUsage")
    for name in ("input_tokens", "output_tokens", "total_tokens"):
        _check_count(usage, name)
    for details, name in (("input_tokens_details", "cached_tokens"), ("output_tokens_details", "reasoning_tokens")):
        inner = usage.get(details)
        if inner is None:
            continue
        if not isinstance(inner, dict):
            raise Unreadable(f"invalid type: {_type_name(inner)}, expected struct ResponseCompletedUsageDetails")
        _check_count(inner, name)


def _check_count(holder: Mapping[str, Any], name: str) -> None:
    if name not in holder:
        raise Unreadable(f"missing field `{name}`")
    value = holder[name]
    if isinstance(value, float) or (isinstance(value, int) and not -(2**63) <= value < 2**64):
        raise Unreadable("invalid number")
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unreadable(f"invalid type: {_type_name(value)}, expected i64")


def _type_name(value: Any) -> str:
    if isinstance(value, str):
        return f"string {json.dumps(value, ensure_ascii=False)}"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    names: tuple[tuple[Any, str], ...] = ((dict, "map"), (list, "sequence"), (type(None), "null"))
    return next((name for kind, name in names if isinstance(value, kind)), "number")
