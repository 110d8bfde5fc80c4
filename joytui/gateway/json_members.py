"""A request's JSON object, read so that no other reader can read another request out of the same bytes.

JSON says nothing of a member that is there twice: some readers take the first, others the last. Some (Go's encoding/json,
.NET where it is told to) take a name in any case. What is judged here must be what the upstream reads, so both are refused.
Members of the object itself only: of those within it none decides which model runs, how long, or who pays.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from joytui.gateway import refusals
from joytui.gateway.aside import LARGE

READ = (
    "background", "conversation", "input", "max_completion_tokens", "max_output_tokens", "max_tokens", "messages", "model", "n",
    "previous_response_id", "service_tier", "store", "stream", "stream_options", "tier", "tools",
)  # fmt: skip
"""What the gateway judges, or an upstream bills by."""
_FOLDED = {name.replace("_", ""): name for name in READ}
_DECODER = json.JSONDecoder()
_SPACE = r"[ \t\n\r]*"
_OPEN, _COLON, _NEXT, _END = (re.compile(_SPACE + sign + _SPACE) for sign in (r"\{", ":", "([,}])", r"\Z"))
_LIST, _EMPTY, _NEXT_ELEMENT = (
    re.compile(sign) for sign in (rf"\[{_SPACE}", rf"\[{_SPACE}\]", rf"{_SPACE}([,\]]){_SPACE}")
)


def read_object(raw: bytes) -> dict[str, Any]:
    """The object in a body. Raises Refused (400): no JSON, no object, a member twice, or one that differs from a known one
    by case alone."""
    try:
        text = raw.decode(json.detect_encoding(raw), "surrogatepass")
        members = _members(text, _step_by_step if len(text) > LARGE else _DECODER.raw_decode)
    except (ValueError, RecursionError):
        raise refusals.bad_request("request body is not valid JSON") from None
    if members is None:
        raise refusals.bad_request("request body must be a JSON object")
    return _unambiguous(members)


def _members(text: str, read: Callable[[str, int], tuple[Any, int]]) -> list[tuple[str, Any]] | None:
    """Name and value of each member, in order; None for JSON that is not an object. `read`: what reads a value, and says where it ends.
    Raises ValueError, RecursionError."""
    at = _OPEN.match(text)
    if at is None:
        json.loads(text)
        return None
    found: list[tuple[str, Any]] = []
    place, sign = at.end(), ","
    if text.startswith("}", place):
        place, sign = place + 1, "}"
    while sign == ",":
        if not text.startswith('"', place):
            raise ValueError("a name is expected")
        name, place = _DECODER.raw_decode(text, place)
        value, place = read(text, _past(_COLON, text, place).end())
        found.append((name, value))
        after = _past(_NEXT, text, place)
        place, sign = after.end(), after[1]
    _past(_END, text, place)
    return found


def _step_by_step(text: str, place: int) -> tuple[Any, int]:
    """A value as the decoder reads it; the elements of a list one by one, so that other threads get their turn (`gateway.aside`)."""
    if not text.startswith("[", place):
        return _DECODER.raw_decode(text, place)
    if empty := _EMPTY.match(text, place):
        return [], empty.end()
    found, sign = [], ","
    place = _past(_LIST, text, place).end()
    while sign == ",":
        value, place = _DECODER.raw_decode(text, place)
        found.append(value)
        after = _past(_NEXT_ELEMENT, text, place)
        place, sign = (after.end(), ",") if after[1] == "," else (after.end(1), "]")
    return found, place


def _past(wanted: re.Pattern[str], text: str, place: int) -> re.Match[str]:
    found = wanted.match(text, place)
    if found is None:
        raise ValueError("no JSON")
    return found


def _unambiguous(members: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(members)
    if len(body) != len(members):
        twice, _ = Counter(name for name, _ in members).most_common(1)[0]
        raise refusals.bad_request(f"the member {_shown(twice)} occurs twice; send it once")
    for name in body:
        known = _FOLDED.get(name.casefold().replace("_", ""))
        if known is not None and name != known:
            raise refusals.bad_request(
                f"the member {_shown(name)} can be mistaken for {known}; send {known} exactly like this"
            )
    return body


def _shown(name: str) -> str:
    return repr(name[:40])
