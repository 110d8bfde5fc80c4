"""What a body is that is no event stream, and the error that it carries, in any of the usual envelopes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from joytui.core.json_object import json_object

Fields = dict[str, Any]
"""Of an error: `type`, `code`, `param` and `message`, as far as it has them; `status`, where an error within it names one."""

_DEEP = 4
_START = re.compile(r"\{\s*\\?[\"']")
_CUT_START = re.compile(r"(?:^|[\s.…,\[])[\"']?(?=(?:message|detail|type|code)[\"']\s*:\s*[\"'\d])")
_FIELD = re.compile(
    r"""\\{0,8}["'](message|detail|msg|type|code|param)\\{0,8}["']\s*:\s*(?:(\\{0,8})(["'])(.*?)(?:\2\3|\Z)|(\d{1,6})\b)""",
    re.S,
)
_WRAPPED = re.compile(
    r"(?:upstream|provider|backend)[_ ]?status(?:[_ ]code)?\W{1,4}(?:HTTP\W{0,2})?([45]\d\d)\b(?:.{0,40}?\bcause\W{1,4}(.*))?",
    re.S | re.I,
)
_STATUS_BEFORE = re.compile(r"(?<![\d.])([45]\d\d)\b[^\d{]{0,30}$")


def error_fields(data: Any) -> Fields:
    """The fields of an error in any of the usual envelopes: {"error": {…}}, {"error": "…"}, {"detail"}, flat.

    A relay's error that quotes its upstream's counts as the upstream's, which is what can be acted on.
    """
    return _fields(data, _DEEP)


def fields_in(text: str) -> Fields:
    """The error that a text holds: a body as it is, behind other words, broken over lines, or cut. {} where it holds none."""
    return _fields_in(text, _DEEP)


def _fields(data: Any, deep: int) -> Fields:
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(data, dict):
        return {}
    found = _own_fields(data)
    for quoted in (found.get("message"), _raw(data)):
        if isinstance(quoted, str) and not quoted.startswith("[{") and deep and (inner := _fields_in(quoted, deep - 1)):
            return {**found, **_as_answered(inner)}
    return found


def _raw(data: dict[str, Any]) -> Any:
    """What a router passes on of its provider's answer beside its own words: {"error": {…, "metadata": {"raw": "…"}}}."""
    inner = data.get("error")
    metadata = (inner if isinstance(inner, dict) else data).get("metadata")
    return metadata.get("raw") if isinstance(metadata, dict) else None


def _as_answered(inner: Fields) -> Fields:
    """An upstream's error with the status that its type means, where no status is quoted."""
    return {"status": 400, **inner} if inner.get("type") == "invalid_request_error" else inner


def _own_fields(data: dict[str, Any]) -> Fields:
    inner = data.get("error")
    if isinstance(inner, str) and not isinstance(data.get("message"), str):
        return {"message": inner}
    source = inner if isinstance(inner, dict) else data
    found: Fields = {}
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


def _fields_in(text: str, deep: int) -> Fields:
    if relayed := _WRAPPED.search(text):
        inner = _fields_in(relayed[2] or "", deep - 1) if deep else {}
        return {"message": (relayed[2] or "").strip(), **inner, "status": int(relayed[1])}
    start = _START.search(text)
    if start is None:
        cut = _CUT_START.search(text)  # the beginning was not copied
        rest = _by_pattern('{"' + text[cut.end() :]) if cut else {}
        return rest if "message" in rest and {"type", "code"} & set(rest) else {}
    body = text[start.start() :]
    found = next((one for data in _read(body) if (one := _fields(data, deep))), None) or _by_pattern(body)
    if not {"message", "type", "code"} & set(found):
        return {}
    if "status" not in found and (before := _STATUS_BEFORE.search(text[: start.start()][-60:])):
        found["status"] = int(before[1])
    return found


def _read(body: str) -> Iterator[Any]:
    """The JSON at the beginning of a text, read as it stands and with its line breaks taken out (a terminal's) or as blanks."""
    forms = (body,) if "\n" not in body else (body, body.replace("\n", ""), body.replace("\n", " "))
    for form in forms:
        try:
            yield json.JSONDecoder(strict=False).raw_decode(form)[0]
        except (ValueError, RecursionError):
            continue


def _by_pattern(body: str) -> Fields:
    """The fields of a body that is not JSON any more, since its end is missing or its escapes were broken: the innermost count."""
    found: Fields = {}
    for name, _, _, words, number in _FIELD.findall(body[:8000]):
        name = "message" if name in ("detail", "msg") else name
        if number or (words and not words.startswith("{")):
            found[name] = int(number) if number else re.sub(r"\\+[nrt]|\s+", " ", words).strip()
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
    if start[:1] == b"<":
        start = b"<" + start[1:].lstrip()  # a terminal may have broken the line there
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<title", b"<center", b"<h1")):
        return "html"
    return "json" if start[:1] in (b"{", b"[") else "text"
