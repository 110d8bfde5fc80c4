"""Codex's request in small: every top-level key of its body and one short tool of each kind, and the fewest tokens.

The three shapes and their keys are those of Codex 0.169.0 (recorded requests); Chat Completions is what 0.94.0 and
older send. There is no token limit in it, because Codex sends none.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joytui.codex.world import Shape

_PATCH_GRAMMAR = 'start: begin_patch end_patch\nbegin_patch: "*** Begin Patch" LF\nend_patch: "*** End Patch" LF?\n%import common.LF\n'
_CODE_GRAMMAR = "start: SOURCE\nSOURCE: /[\\s\\S]+/\n"


@dataclass(frozen=True, slots=True)
class Settings:
    """What of the configuration shapes the body: the model, its reasoning effort, and whether web search is off."""

    model: str
    effort: str | None = None
    verbosity: str | None = None
    web_search: bool = True


def prompt() -> str:
    """A prompt that no other request has: JoyToken may refuse the same text twice, with 409 `duplicate request_id`.

    Source: https://github.com/jd-opensource/joytoken-sdk-go, example/live-tools/main.go, where each prompt is unique.
    """
    return f"Reply with the single word ok. [{uuid.uuid4().hex[:12]}]"


def responses_body(shape: Shape, settings: Settings) -> dict[str, Any]:
    """The body of POST /responses for one of the three shapes."""
    thread = str(uuid.uuid4())
    items = [_message("developer", "Answer in one word. Call no tool."), _message("user", prompt())]
    if shape == "lite":
        items.insert(0, _additional_tools())
    body: dict[str, Any] = {"model": settings.model, "input": items}
    if shape != "lite":
        body["tools"] = _tools(shape, settings)
    body |= {
        "tool_choice": "auto",
        "parallel_tool_calls": shape != "lite",
        "reasoning": _reasoning(shape, settings),
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": thread,
    }
    if shape != "classic" or settings.verbosity:
        body["text"] = {"verbosity": settings.verbosity or "low"}
    body["client_metadata"] = _metadata(thread)
    return body


def plain_body(model: str) -> dict[str, Any]:
    """The least that the Responses API takes: model, one line of input, streamed."""
    return {"model": model, "input": prompt(), "stream": True}


def chat_body(settings: Settings) -> dict[str, Any]:
    """The body of POST /chat/completions as Codex 0.94.0 sends it, in small."""
    return {
        "model": settings.model,
        "messages": [
            {"role": "system", "content": "Answer in one word. Call no tool."},
            {"role": "user", "content": prompt()},
        ],
        "stream": True,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "shell",
                    "description": "Runs a command.",
                    "parameters": _parameters("cmd"),
                    "strict": False,
                },
            }
        ],
    }


def encode(body: Mapping[str, Any]) -> bytes:
    """JSON as it goes over the wire: no blanks, bytes of the environment as they came."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogateescape")


def _message(role: str, text: str) -> dict[str, Any]:
    return {
        "type": "message",
        "id": f"msg_{uuid.uuid4()}",
        "role": role,
        "content": [{"type": "input_text", "text": text}],
    }


def _parameters(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string"}},
        "required": [name],
        "additionalProperties": False,
    }


def _function(name: str, about: str, parameter: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "description": about,
        "strict": False,
        "parameters": _parameters(parameter),
    }


def _namespace(name: str, tools: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "namespace", "name": name, "description": "Sub-agents.", "tools": tools}


def _custom(name: str, about: str, grammar: str) -> dict[str, Any]:
    return {
        "type": "custom",
        "name": name,
        "description": about,
        "format": {"type": "grammar", "syntax": "lark", "definition": grammar},
    }


def _tools(shape: Shape, settings: Settings) -> list[dict[str, Any]]:
    tools = [_function("exec_command", "Runs a command.", "cmd")]
    if shape == "freeform":
        tools.append(_custom("apply_patch", "Edits files.", _PATCH_GRAMMAR))
        tools.append(
            {
                "type": "tool_search",
                "execution": "client",
                "description": "Finds tools.",
                "parameters": _parameters("query"),
            }
        )
    else:
        tools.append(_namespace("multi_agent_v1", [_function("close_agent", "Closes an agent.", "target")]))
    if settings.web_search:
        search: dict[str, Any] = {"type": "web_search", "external_web_access": False}
        if shape == "freeform":
            search["search_content_types"] = ["text", "image"]
        tools.append(search)
    return tools


def _additional_tools() -> dict[str, Any]:
    functions = [_custom("exec", "Runs code.", _CODE_GRAMMAR), _function("wait", "Waits.", "cell_id")]
    return {
        "type": "additional_tools",
        "id": f"at_{uuid.uuid4()}",
        "role": "developer",
        "tools": [
            _namespace("functions", functions),
            _namespace("collaboration", [_function("close_agent", "Closes an agent.", "target")]),
        ],
    }


def _reasoning(shape: Shape, settings: Settings) -> dict[str, Any]:
    if shape == "classic":
        effort = {"effort": settings.effort} if settings.effort else {}
        return {**effort, "summary": "auto"}
    if shape == "freeform":
        return {"effort": settings.effort or "medium"}
    return {"effort": settings.effort or "low", "context": "all_turns"}


def _metadata(thread: str) -> dict[str, str]:
    turn = str(uuid.uuid4())
    return {
        "x-codex-installation-id": str(uuid.uuid4()),
        "x-codex-window-id": f"{thread}:0",
        "x-codex-turn-metadata": json.dumps({"session_id": thread, "turn_id": turn, "request_kind": "doctor"}),
        "turn_id": turn,
        "root_turn_id": turn,
        "session_id": thread,
        "thread_id": thread,
    }
