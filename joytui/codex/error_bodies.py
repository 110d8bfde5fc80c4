"""What a body is that is no event stream, and the error that it carries, in any of the usual envelopes."""

from __future__ import annotations

import json
from typing import Any

from joytui.core.json_object import json_object


def error_fields(data: Any) -> dict[str, Any]:
    """type, code and message of an error in any of the usual envelopes: {"error": {…}}, {"error": "…"}, {"detail"}, flat."""
    if not isinstance(data, dict):
        return {}
    inner = data.get("error")
    if isinstance(inner, str):
        return {"message": inner}
    source = inner if isinstance(inner, dict) else data
    found: dict[str, Any] = {}
    for name in ("type", "code", "message", "param"):
        value = source.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and not (name == "type" and value == "error"):
            found[name] = value
    if "message" not in found:
        for name in ("detail", "msg", "error_description", "title"):
            value = source.get(name)
            if value:
                found["message"] = value if isinstance(value, str) else json.dumps(value)[:1000]
                break
    return found


def carries_error(head: bytes) -> bool:
    """Whether JSON that came with status 200 reports an error. It may be cut off."""
    data = json_object(head)
    if data is None:
        return b'"error"' in head[:200] and b'"choices"' not in head[:200]
    if isinstance(data.get("error"), (dict, str)) and data.get("error"):
        return True
    return isinstance(data.get("code"), int) and data["code"] not in (0, 200) and isinstance(data.get("message"), str)


def body_kind(head: bytes) -> str:
    """What a body is, by its first bytes: "empty", "html", "json" or "text"."""
    start = head.lstrip()[:256].lower()
    if not start:
        return "empty"
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<title", b"<center", b"<h1")):
        return "html"
    return "json" if start[:1] in (b"{", b"[") else "text"
