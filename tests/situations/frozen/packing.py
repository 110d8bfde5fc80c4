"""Documents as text, one a line, in which every longer value that occurs more than once stands once.

A reference is the hash of what it stands for, so that a change of one value changes the lines that hold it and no others.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

_SHORT = 30  # characters of JSON below which a value is repeated where it stands


def pack(documents: Mapping[str, Any]) -> str:
    """The documents as JSON: {"shared": {reference: value}, "documents": {name: value}}, order of members kept. ValueError, not seen
    yet: they cannot be told apart when packed."""
    times: Counter[str] = Counter()
    for document in documents.values():
        _count(document, times)
    shared: dict[str, Any] = {}
    packed = {name: _packed(document, times, shared) for name, document in documents.items()}
    parts = (("shared", dict(sorted(shared.items()))), ("documents", packed))
    lines = (
        f'"{part}": {{\n' + ",\n".join(f"{_json(k)}: {_json(v)}" for k, v in values.items()) + "\n}"
        for part, values in parts
    )
    text = "{" + ",\n".join(lines) + "}\n"
    if unpack(text) != documents:
        raise ValueError("two values have the same reference, or a document holds the words of one")
    return text


def unpack(text: str) -> dict[str, Any]:
    """The documents again."""
    data = json.loads(text)
    whole: dict[str, Any] = {}
    return {name: _whole(document, data["shared"], whole) for name, document in data["documents"].items()}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parts(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _count(value: Any, times: Counter[str]) -> None:
    text = _json(value)
    if len(text) >= _SHORT:
        times[text] += 1
        if times[text] == 1:
            for part in _parts(value):
                _count(part, times)


def _packed(value: Any, times: Counter[str], shared: dict[str, Any]) -> Any:
    text = _json(value)
    if times[text] < 2:
        return _each(value, lambda part: _packed(part, times, shared))
    reference = _reference(text)
    if reference not in shared:
        shared[reference] = _each(value, lambda part: _packed(part, times, shared))
    return reference


def _reference(text: str) -> str:
    """36 bits of the hash: short, and `pack` sees to it that no two values have the same."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return f"@{base64.urlsafe_b64encode(digest)[:6].decode()}"


def _whole(value: Any, shared: Mapping[str, Any], whole: dict[str, Any]) -> Any:
    if isinstance(value, str) and value in shared:
        if value not in whole:
            whole[value] = _each(shared[value], lambda part: _whole(part, shared, whole))
        return whole[value]
    return _each(value, lambda part: _whole(part, shared, whole))


def _each(value: Any, change: Any) -> Any:
    """The same value with each of its parts changed; what has no parts stays."""
    if isinstance(value, dict):
        return {name: change(part) for name, part in value.items()}
    return [change(part) for part in value] if isinstance(value, list) else value
