"""What is new in a turn, as a short digest: it shows a breaker that a task sends the same turn again and again.

New is what came since the model last spoke: the user's words, or what tools gave, with the calls that they answer. Ids of calls and
the lines in which Codex says how long a command took are left out, since they differ each time (0.171.0, observed).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

DIGEST_BYTES = 8
_TOOL_CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call", "tool_search_call"})
_TOLD = ("type", "role", "name", "namespace", "arguments", "input", "action", "content", "output")
"""Of an item, what is said. All else is ids and states."""
_MEASURED = re.compile(r"^(?:Chunk ID|Wall time|Original token count): .*$", re.M)


class Turn(NamedTuple):
    """`digest`: of what is new, None where nothing is. `items`: how many items the whole input has."""

    digest: str | None
    items: int


def turn_of(body: Mapping[str, Any], task: str) -> Turn:
    """Of a request's JSON, of either model endpoint. The digest is keyed with the task, so that no two tasks can be compared by it."""
    given = body.get("input", body.get("messages"))
    items: Sequence[Any] = given if isinstance(given, list) else [given]
    new = [_said(item) for item in _newest(items)]
    if not new:
        return Turn(None, len(items))
    text = json.dumps(new, sort_keys=True)
    key = blake2b(task.encode("utf-8", "surrogatepass"), digest_size=32).digest()
    return Turn(blake2b(text.encode(), digest_size=DIGEST_BYTES, key=key).hexdigest(), len(items))


def _newest(items: Sequence[Any]) -> list[Any]:
    """The items behind the last that the model said, and the calls that stand right before them."""
    found: list[Any] = []
    calls = False
    for item in reversed(items):
        if _is_call(item):
            calls = True
        elif calls or _is_said_by_model(item):
            break
        found.append(item)
    return found


def _is_call(item: Any) -> bool:
    return isinstance(item, dict) and (item.get("type") in _TOOL_CALLS or bool(item.get("tool_calls")))


def _is_said_by_model(item: Any) -> bool:
    return isinstance(item, dict) and (item.get("role") == "assistant" or item.get("type") == "reasoning")


def _said(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    said = {name: _unmeasured(item[name]) for name in _TOLD if item.get(name) is not None}
    calls = item.get("tool_calls")
    if isinstance(calls, list):
        said["tool_calls"] = [call.get("function") if isinstance(call, dict) else call for call in calls]
    return said


def _unmeasured(value: Any) -> Any:
    """The same, without what was measured in its texts."""
    if isinstance(value, str):
        return _MEASURED.sub("", value)
    if isinstance(value, list):
        return [_unmeasured(part) for part in value]
    return {name: _unmeasured(part) for name, part in value.items()} if isinstance(value, dict) else value
