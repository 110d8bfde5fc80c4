"""What a Response repeats of its request: the fields of the Responses API's own object (openresponses.org, `ResponseResource`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BULKY: Mapping[str, Any] = {"instructions": None, "tools": []}
"""What stands for the instructions and tools where nobody reads them: they are 40 kB a turn with Codex, in three events."""
_FUNCTION = {"description": None, "parameters": None, "strict": None}


def echo(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request's settings, each with the API's default where it says none. What a Chat upstream cannot do has the value of
    what is done instead (`store`, `background`, `truncation`)."""
    return {
        "background": False,
        "frequency_penalty": _number(body, "frequency_penalty", 0),
        "instructions": body["instructions"] if isinstance(body.get("instructions"), str) else None,
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": body.get("max_tool_calls"),
        "parallel_tool_calls": bool(body.get("parallel_tool_calls", True)),
        "presence_penalty": _number(body, "presence_penalty", 0),
        "previous_response_id": None,
        "prompt_cache_key": body.get("prompt_cache_key"),
        "reasoning": _with({"effort": None, "summary": None}, body.get("reasoning")),
        "safety_identifier": body.get("safety_identifier"),
        "service_tier": _tier(body.get("service_tier")),
        "store": False,
        "temperature": _number(body, "temperature", 1),
        "text": _with({"format": {"type": "text"}}, body.get("text")),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": [_tool(tool) for tool in body.get("tools") or ()],
        "top_logprobs": _number(body, "top_logprobs", 0),
        "top_p": _number(body, "top_p", 1),
        "truncation": "disabled",
        "user": body.get("user"),
    }


def metadata_with(given: Any, record: Any) -> Any:
    """The client's own `metadata` with JoyToken's record beside it, where it has room: a member of the client's stays as it is.
    Without any of the client's, the record as it came: an object, or an array of several."""
    if not isinstance(given, Mapping) or not given:
        return record
    if isinstance(record, list):
        record = record[0] if len(record) == 1 else {"records": record}
    return {**record, **given}


def _number(body: Mapping[str, Any], name: str, default: int) -> Any:
    value = body.get(name)
    return default if value is None else value


def _with(default: dict[str, Any], given: Any) -> dict[str, Any]:
    return {**default, **{k: v for k, v in given.items() if v is not None}} if isinstance(given, Mapping) else default


def _tier(asked: Any) -> str:
    return asked if isinstance(asked, str) and asked != "auto" else "default"


def _tool(tool: Any) -> Any:
    return {**_FUNCTION, **tool} if isinstance(tool, Mapping) and tool.get("type") == "function" else tool
