"""The arguments of one call: as models write them, and as the tool is to get them.

What is mended means one thing only: its text is not JSON and could be no other, or it is JSON that the tool's schema refuses and
takes in one other reading. Anything else stays as it is: the client says that it cannot read it, and the model tries again.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from joytui.gateway.bridge.tools import FREEFORM_PARAMETER


def value_of(text: str) -> Any:
    """The JSON of a text, unwrapped where it was encoded twice; None for no JSON."""
    value: Any = text
    for _ in range(3):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value


def mended(arguments: str, last: str = "") -> str:
    """Arguments as the tool is to get them: without `{}` before the real ones, not encoded twice, not said twice, and the last of
    pieces that each hold all so far."""
    if is_json(arguments):
        inner = value_of(arguments)
        return (
            json.dumps(inner, ensure_ascii=False)
            if arguments.lstrip()[:1] == '"' and isinstance(inner, dict)
            else arguments
        )
    arguments = _unwrapped(arguments)
    if is_json(arguments) or not arguments.lstrip().startswith("{"):
        return arguments
    decoder, values, rest = json.JSONDecoder(), [], arguments.strip()
    try:
        while rest:
            value, end = decoder.raw_decode(rest)
            values.append((value, rest[:end]))
            rest = rest[end:].lstrip()
    except (ValueError, RecursionError):
        return (
            last if last != arguments and isinstance(value_of(last), dict) and arguments.endswith(last) else arguments
        )
    said = [(value, text) for value, text in values if value != {}]
    if said and all(value == said[0][0] for value, _ in said):
        return said[0][1]
    return arguments


def repaired(arguments: str) -> str:
    """Arguments that are nearly JSON, as JSON: line breaks as they are in a text, a brace or a comma too many at the end, Python's
    quotation marks, one object in a list. What could be meant in two ways stays as it is: the client says that it cannot read it."""
    text = arguments.strip("\ufeff \n\r\t")
    if not text or (text[0] == "{" and is_json(text)):
        return text if text[:1] != arguments[:1] else arguments
    if text in ("null", "None"):
        return "{}"
    if text.startswith('{\\"'):  # encoded twice, without the quotation marks around it
        value = value_of(f'"{text}"')
        return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else arguments
    value = _nearly(text)
    if value is None and text[-1] == "}":  # the beginning was lost on the way
        value = next((found for lost in ("{", '{"') if (found := value_of(lost + text))), None)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else arguments


def _nearly(text: str) -> Any:
    plain = _LAST_COMMA.sub(lambda found: found[1] or "", text)
    plain = _BARE_NAME.sub(lambda found: found[1] or f'{found[2]}"{found[3]}"', plain)
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(plain)
    except (ValueError, RecursionError):
        return _of_python(text) if _PYTHON.match(text) else None
    return None if plain[end:].strip("}] \n,") else value


def _of_python(text: str) -> Any:
    """The value of a literal of Python that JSON has, too."""
    try:
        value = ast.literal_eval(text)
        return json.loads(json.dumps(value))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


_LAST_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+"?)|,(?=\s*[}\]])', re.DOTALL)
"""A text, which stays, or a comma behind the last member."""
_BARE_NAME = re.compile(r'("(?:[^"\\]|\\.)*+"?)|([{,]\s*)([A-Za-z_]\w*)(?=\s*:)', re.DOTALL)
"""A text, or a member's name without quotation marks."""
_PYTHON = re.compile(r"\{\s*'")


_FENCE = re.compile(r"\A\s*```\w{0,10}\s*(.*?)\s*```\s*\Z", re.DOTALL)
_MARKUP_BEHIND = re.compile(r"\s*(?:</?[\w:｜|▁-]{1,40}>|<[|｜][^<>]{1,40}[|｜]>|```)\s*\Z")


def _unwrapped(arguments: str) -> str:
    """Without a code fence around the arguments, or the model's own closing mark behind them."""
    if fenced := _FENCE.match(arguments):
        return fenced[1]
    behind = _MARKUP_BEHIND.search(arguments, max(0, len(arguments) - 100))
    return arguments[: behind.start()] if behind and is_json(arguments[: behind.start()]) else arguments


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def unwrap_freeform(arguments: str) -> str:
    """The text of a freeform call. Models that forget the wrapping, or rename its parameter, are understood."""
    try:
        data = json.loads(arguments, strict=False)
    except (ValueError, RecursionError):
        return arguments
    value = data.get(FREEFORM_PARAMETER) if isinstance(data, dict) else data
    if isinstance(value, str):
        return _out_of_fence(value)
    for _ in range(2):  # the one member, or the one in it
        if isinstance(data, dict) and len(data) == 1:
            data = next(iter(data.values()))
    if isinstance(data, list) and len(data) == 2:  # a command and its text
        data = data[1]
    return _out_of_fence(data) if isinstance(data, str) else arguments


_FENCED_TEXT = re.compile(r"\A\s*```[\w-]*\n((?:(?!```).)*?)\n?```\s*\Z", re.DOTALL)


def _out_of_fence(text: str) -> str:
    """A freeform text without the one code fence that is around all of it."""
    return fenced[1] if text.lstrip().startswith("```") and (fenced := _FENCED_TEXT.match(text)) else text


def fitted(arguments: str, schema: Mapping[str, Any]) -> str:
    """Arguments that are JSON, as the tool's schema has them: out of another object that has them whole (`{"arguments": {…}}`), and
    with numbers, lists and the like that came as texts, at any depth. What the schema takes, or would not take either way, stays as it came."""
    properties, given = schema.get("properties"), _object(arguments)
    if given is None or not isinstance(properties, Mapping):
        return arguments
    found = _as_schema(_inner(given, schema, properties), schema)
    try:
        return arguments if found is given else json.dumps(found, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return arguments


def _object(value: Any) -> dict[str, Any] | None:
    """An object, also where it came as its text."""
    value = value_of(value) if isinstance(value, str) and value.lstrip()[:1] == "{" else value
    return value if isinstance(value, dict) else None


def _inner(given: dict[str, Any], schema: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in the one member that has them, where the object itself has none."""
    listed = schema.get("required")
    required = {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
    closed = schema.get("additionalProperties") is False
    if given.keys() & properties.keys() or not (required or (closed and given)):
        return given
    found = [inner for value in given.values() if (inner := _object(value))]
    return found[0] if len(found) == 1 and required <= found[0].keys() <= properties.keys() else given


DEEPEST = 8
"""Objects in objects in which types are looked at."""


def _as_schema(value: Any, schema: Any, depth: int = DEEPEST) -> Any:
    """The value with its texts as the types that the schema names; itself where nothing changes."""
    if not isinstance(schema, Mapping) or not depth:
        return value
    value = _as_type(value, _types(schema))
    if isinstance(value, dict) and isinstance(properties := schema.get("properties"), Mapping):
        members = {name: _as_schema(one, properties.get(name), depth - 1) for name, one in value.items()}
        return value if all(members[name] is one for name, one in value.items()) else members
    if isinstance(value, list) and isinstance(inner := schema.get("items"), Mapping):
        items = [_as_schema(one, inner, depth - 1) for one in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


_CLASSES: Mapping[str, type | tuple[type, ...]] = {
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
    "null": type(None),
}


def _types(schema: Any, depth: int = DEEPEST) -> frozenset[str]:
    """The types that a property's schema names; none where it leaves one open."""
    if not isinstance(schema, Mapping) or not depth:
        return frozenset()
    told = schema.get("type")
    if told is not None:
        return frozenset(one for one in (told if isinstance(told, list) else [told]) if isinstance(one, str))
    choices = schema.get("anyOf") or schema.get("oneOf")
    found = [_types(one, depth - 1) for one in choices] if isinstance(choices, list) else []
    return frozenset().union(*found) if all(found) else frozenset()


def _as_type(value: Any, types: frozenset[str]) -> Any:
    """The value in one of these types, if a text or a number says the same in it; else as it is."""
    if not types or "string" in types or not isinstance(value, (str, float)):
        return value
    read = _literal(value) if isinstance(value, str) else value
    if read is None and str(value).strip().casefold() not in ("null", "none"):
        return value
    if isinstance(read, float) and not math.isfinite(read):
        return value
    if isinstance(read, float) and read.is_integer() and "number" not in types:
        read = int(read)
    fits = any(
        isinstance(read, _CLASSES.get(one, ())) and (one == "boolean") == (read is True or read is False)
        for one in types
    )
    return read if fits else value


def _literal(text: str) -> Any:
    """What a text says as JSON or Python; None where it is neither, too."""
    if (word := text.strip().casefold()) in ("true", "false"):
        return word == "true"
    value = value_of(text)
    return _of_python(text.strip()) if value is None and text.lstrip()[:1] in "[{" else value
