"""Which part of Codex's request a gateway refuses: asked with at most four more requests.

A plain request comes first. If it passes, the shape is what is refused: the field that the gateway names is left out
and tried; without a name, halves of Codex's extras are left out until one group remains.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

MORE_REQUESTS = 4

Body = dict[str, Any]
Try = Callable[[Body], bool]
"""Sends a body; True if the gateway takes it."""


def _drop_key(*names: str) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        for name in names:
            body.pop(name, None)

    return change


def _drop_tools(kind: str) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        if isinstance(body.get("tools"), list):
            body["tools"] = [tool for tool in body["tools"] if tool.get("type") != kind]

    return change


def _no_developer(body: Body) -> None:
    body["input"] = [item for item in body["input"] if item.get("role") != "developer"]


def _no_ids(body: Body) -> None:
    for item in body["input"]:
        item.pop("id", None)


def groups(body: Body) -> dict[str, Callable[[Body], None]]:
    """What can be left out of this body, by the name a person would use for it, the usual suspects first."""
    kinds = [str(tool.get("type")) for tool in body.get("tools", []) if isinstance(tool, dict)]
    found: dict[str, Callable[[Body], None]] = {f"tools[type={kind}]": _drop_tools(kind) for kind in reversed(kinds)}
    if any(item.get("type") == "additional_tools" for item in body["input"]):
        found["input[type=additional_tools]"] = lambda b: b.update(
            input=[item for item in b["input"] if item.get("type") != "additional_tools"]
        )
    found["input[role=developer]"] = _no_developer
    for name in (
        "include",
        "reasoning",
        "client_metadata",
        "prompt_cache_key",
        "text",
        "store",
        "parallel_tool_calls",
        "tool_choice",
    ):
        if name in body:
            found[name] = _drop_key(name)
    found["input[].id"] = _no_ids
    return found


def without(body: Body, names: Sequence[str], parts: Mapping[str, Callable[[Body], None]]) -> Body:
    """A copy without these groups. A body without tools also loses what only belongs to tools."""
    changed = copy.deepcopy(body)
    for name in names:
        parts[name](changed)
    if changed.get("tools") == []:
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            changed.pop(name, None)
    return changed


def named_groups(message: str, param: str | None, names: Sequence[str]) -> list[str]:
    """The groups that the gateway's own words point to, the most exact first."""
    text = f"{param or ''} {message}".lower()
    hits = []
    for name in names:
        word = re.sub(r".*=|\]$|\[\]\.", "", name).lower() if "=" in name else name.lower()
        if re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", text):
            hits.append(name)
    if not hits and re.search(r"\btools?\b", text):
        hits = [name for name in names if name.startswith("tools[")]
    return hits


def refused_field(body: Body, message: str, param: str | None, send: Try) -> str | None:
    """The name of the part without which the gateway takes the request; None if four requests do not tell."""
    parts = groups(body)
    names = list(parts)
    left = MORE_REQUESTS
    for name in named_groups(message, param, names)[:2]:
        left -= 1
        if send(without(body, [name], parts)):
            return name
    suspects = names
    while left > 0 and len(suspects) > 1:
        half = suspects[: (len(suspects) + 1) // 2]
        left -= 1
        suspects = half if send(without(body, half, parts)) else suspects[len(half) :]
    return " or ".join(suspects) if len(suspects) <= 3 else None
