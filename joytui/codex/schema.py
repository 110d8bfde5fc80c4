"""Checks a merged configuration as Codex's typed deserialisation does: which value it refuses first, and in what words.

The fields and their types are data (schema.json), read off the real 0.169.0 binary by trial: `serde` says the type of
every field that it knows, and the warning about ignored keys tells the ones that it does not. What newer versions add to
them, and what older ones lack, is in the versions' own files (codex/versions).

Types: "a string", "a boolean", "u64" …, "path string"; {"enum": […]}; {"list": T}; {"map": T}; {"struct": name};
{"one_of": [T, …], "else": the words where none fits}; {"untagged": what} for values that this reader does not look into.
An enum may have variants that carry a value: "with" {variant: T}, and "variant", what Codex calls such a one. "flat": Codex
names the table around the value, not the value itself. "within": it names only this many parts of the path.
{"keybinding": true}: a keybinding, or a list of them. {"tagged": {type: [fields that it must have]}, "name": …}: a table with a `type`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import Any

from joytui.codex.keybindings import keybinding_fault
from joytui.codex.mcp_servers import transport_fault
from joytui.codex.versions import Rules, parse_version, recorded_versions

_RANGES = {
    "u8": (0, 2**8 - 1), "u16": (0, 2**16 - 1), "u32": (0, 2**32 - 1), "u64": (0, 2**64 - 1), "usize": (0, 2**64 - 1),
    "i32": (-(2**31), 2**31 - 1), "i64": (-(2**63), 2**63 - 1), "a nonzero u64": (1, 2**64 - 1), "a nonzero usize": (1, 2**64 - 1),
    "a nonzero u16": (1, 2**16 - 1),
}  # fmt: skip
WIRE_API_REMOVED = (
    '`wire_api = "chat"` is no longer supported.\n'
    'How to fix: set `wire_api = "responses"` in your provider config.\n'
    "More info: https://github.com/openai/codex/discussions/7782"
)
_OAUTH_SOURCES = "choose one gateway credential source: credential_export or OAuth settings (authorization_url, token_url, and client_id)"

_NO_FEATURE = {"feature": False}  # a name that is ignored, its value all the same of a feature's type

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a document is read by: the keys and types, and whether `wire_api = "chat"` works."""

    schema: Mapping[str, Any]
    chat_works: bool


@dataclass(frozen=True, slots=True)
class TypeFault:
    """A value that Codex refuses. `shown` is the path as Codex names it, `path` the exact one."""

    cause: str
    message: str
    path: Keys
    shown: str


@cache
def base_schema() -> dict[str, Any]:
    """The data file: {"version": the one that it was read off, "top": {field: T}, "structs": {name: {field: T} | null}, "required": {name: [field]},
    "complete": structs of which every field is known, "closed": those that refuse every other field,
    "sequences": structs that may also be written as lists}."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text("utf-8"))
    return loaded


@cache
def schema_of(version: str) -> dict[str, Any]:
    """What a version with its own file knows: the data file with what newer versions up to this one added to it. What an
    older one lacks is in it all the same: see `type_faults`."""
    number, base = parse_version(version), parse_version(base_schema()["version"])
    whole = dict(base_schema())
    for recorded in recorded_versions():
        if number is None or base is None or not base < recorded.number <= number:
            continue
        structs, complete = dict(whole["structs"]), list(whole["complete"])
        for name, fields in recorded.new["structs"].items():
            structs[name] = {**(structs.get(name) or {}), **fields}
            if len(structs[name]) == recorded.elements.get(name):
                complete.append(name)
        known = structs["FeaturesToml"]
        named = {name: {"feature": True} for name in recorded.features if known.get(name, _NO_FEATURE) == _NO_FEATURE}
        whole |= {
            "top": {**whole["top"], **recorded.new["top"]},
            "structs": {**structs, "FeaturesToml": {**known, **named}},
            "complete": complete,
        }
    return whole


def type_faults(config: Mapping[str, Any], rules: Rules) -> Iterator[TypeFault]:
    """What this version of Codex refuses, in the order of the merged document. It stops at the first; the rest would follow.

    Keys that the version does not know are not checked.
    """
    absent = rules.recorded.absent
    reading = _Reading(schema_of(rules.recorded.version), rules.chat_is_default)
    for fault in _type_faults(config, reading):
        if not (absent and any(_named_by(fault.path[:end]) in absent for end in range(1, len(fault.path) + 1))):
            yield fault


def _named_by(path: Keys) -> str:
    """The key as the versions' files write it: any provider is "*"."""
    return _shown((path[0], "*", *path[2:]) if path[0] == "model_providers" and len(path) > 1 else path)


def _type_faults(config: Mapping[str, Any], by: _Reading) -> Iterator[TypeFault]:
    top = by.schema["top"]
    for name, value in config.items():
        if name in top:
            yield from _check(value, top[name], (name,), by)


def _check(value: Any, kind: Any, path: Keys, by: _Reading) -> Iterator[TypeFault]:
    if isinstance(kind, str):
        yield from _scalar(value, kind, path)
    elif "flat" in kind:
        yield from _shown_as(_shown(path[:-1]), value, kind, "flat", path, by)
    elif "within" in kind:
        yield from _shown_as(_shown(path[: kind["within"]]), value, kind, "within", path, by)
    elif "one_of" in kind:
        if all(any(True for _ in _check(value, one, path, by)) for one in kind["one_of"]):
            yield TypeFault("config-type", kind["else"], path, _shown(path))
    elif "enum" in kind:
        yield from _enum(value, kind, path, by)
    elif "list" in kind:
        yield from _list(value, kind["list"], path, by)
    elif "map" in kind:
        if not isinstance(value, dict):
            yield _wrong(value, "a map", path)
        else:
            for name, item in value.items():
                yield from _check(item, kind["map"], (*path, name), by)
    elif "struct" in kind:
        yield from _struct(value, kind["struct"], path, by)
    elif "tagged" in kind:
        yield from _tagged(value, kind, path)
    elif "keybinding" in kind:
        yield from _keybinding(value, path)
    elif "feature" in kind and not isinstance(value, bool):
        wrong = _wrong(value, "a boolean", path)
        yield TypeFault(wrong.cause, wrong.message, path, _shown(path[:-1]))


def _shown_as(
    shown: str, value: Any, kind: Mapping[str, Any], mark: str, path: Keys, by: _Reading
) -> Iterator[TypeFault]:
    for fault in _check(value, {name: part for name, part in kind.items() if name != mark}, path, by):
        yield replace(fault, shown=shown)


def _tagged(value: Any, kind: Mapping[str, Any], path: Keys) -> Iterator[TypeFault]:
    """A table whose `type` says which one it is, and what that one must have."""
    variants: Mapping[str, list[str]] = kind["tagged"]
    here = (*path, "type")
    if not isinstance(value, dict):
        yield _wrong(value, f"internally tagged enum {kind['name']}", path)
    elif "type" not in value:
        yield TypeFault("config-type", "missing field `type`", path, _shown(path))
    elif not isinstance(name := value["type"], str):
        yield _wrong(name, "variant identifier", here)
    elif name not in variants:
        yield TypeFault("config-type", f"unknown variant `{name}`, {_expected(variants)}", here, _shown(here))
    else:
        for needed in variants[name]:
            if needed not in value:
                yield TypeFault("config-type", f"missing field `{needed}`", path, _shown(path))


def _keybinding(value: Any, path: Keys) -> Iterator[TypeFault]:
    if not isinstance(value, (str, list, date, time)):
        yield _wrong(value, "a keybinding string or a list of keybinding strings", path)
        return
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, (str, date, time)):
            yield replace(_wrong(item, "a string", path), shown=_shown(path))
        elif told := keybinding_fault(str(item)):
            yield TypeFault("config-type", told, path, _shown(path))


def _struct(value: Any, name: str, path: Keys, by: _Reading) -> Iterator[TypeFault]:
    if name == "GatewayOAuth":
        yield from _gateway_oauth(value, path)
        return
    if name == "RawWireApi":
        yield from _wire_api(value, path, by)
        return
    if not isinstance(value, dict):
        count = by.schema["sequences"].get(name)
        if isinstance(value, list) and count is not None:
            if len(value) < count:
                elements = f"{count} element{'s' if count > 1 else ''}"
                text = f"invalid length {len(value)}, expected struct {name} with {elements}"
                yield TypeFault("config-type", text, path, _shown(path))
        else:
            yield _wrong(value, f"struct {name}", path)
        return
    fields = by.schema["structs"].get(name) or {}
    for key, item in value.items():
        if key in fields or "*" in fields:
            yield from _check(item, fields[key if key in fields else "*"], (*path, key), by)
        elif name in by.schema["closed"]:
            yield TypeFault("config-type", f"unknown field `{key}`, {_expected(fields)}", (*path, key), _shown(path))
    for missing in by.schema.get("required", {}).get(name, ()):
        if missing not in value:
            yield TypeFault("config-type", f"missing field `{missing}`", path, _shown(path))
    if name in _RULES and (told := _RULES[name](value)):
        yield TypeFault("config-type", told, path, _shown(path))


def _environment_policy(table: Mapping[str, Any]) -> str | None:
    mixed = "filters" in table and ("exclude" in table or "include_only" in table)
    return "cannot mix `filters` with legacy `exclude` or `include_only`" if mixed else None


_RULES: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    "RawMcpServerConfig": transport_fault,
    "ShellEnvironmentPolicyTomlRaw": _environment_policy,
}


def _gateway_oauth(value: Any, path: Keys) -> Iterator[TypeFault]:
    ready = isinstance(value, dict) and (
        "credential_export" in value or all(k in value for k in ("authorization_url", "token_url", "client_id"))
    )
    if not ready:
        yield TypeFault("provider-invalid", _OAUTH_SOURCES, path, _shown(path))


def _wire_api(value: Any, path: Keys, by: _Reading) -> Iterator[TypeFault]:
    allowed = ("responses", "chat") if by.chat_works else ("responses",)
    if isinstance(value, str) and value in allowed:
        return
    if value == "chat":
        yield TypeFault("wire-api-removed", WIRE_API_REMOVED, path, _shown(path))
    elif isinstance(value, str):
        yield TypeFault("wire-api-invalid", f"unknown variant `{value}`, {_expected(allowed)}", path, _shown(path))
    else:
        yield _wrong(value, "a string", path)


def _enum(value: Any, kind: Mapping[str, Any], path: Keys, by: _Reading) -> Iterator[TypeFault]:
    variants, carrying = kind["enum"], kind.get("with", {})
    if not isinstance(value, (str, dict)):
        yield TypeFault("config-type", "invalid type: unit variant, expected string only", path, _shown(path))
        return
    if isinstance(value, dict) and len(value) != 1:
        text = f"wanted exactly 1 element, {'more than 1 element' if value else 'found 0 elements'}"
        yield TypeFault("config-type", text, path, _shown(path))
        return
    name, inner = (value, None) if isinstance(value, str) else next(iter(value.items()))
    if name not in variants:
        yield TypeFault("config-type", f"unknown variant `{name}`, {_expected(variants)}", path, _shown(path))
    elif name in carrying and isinstance(value, str):
        yield TypeFault("config-type", f"invalid type: unit variant, expected {kind['variant']}", path, _shown(path))
    elif name in carrying:
        for fault in _check(inner, carrying[name], (*path, name), by):
            yield replace(fault, shown=_shown((*path, *fault.path[len(path) + 1 :])))


def _list(value: Any, kind: Any, path: Keys, by: _Reading) -> Iterator[TypeFault]:
    if not isinstance(value, list):
        yield _wrong(value, "a sequence", path)
        return
    for index, item in enumerate(value):
        for fault in _check(item, kind, (*path, index), by):
            yield replace(fault, shown=_shown(tuple(part for part in fault.path if not isinstance(part, int))))


def _scalar(value: Any, kind: str, path: Keys) -> Iterator[TypeFault]:
    if kind == "any":
        return
    if kind == "reasoning effort" and value == "":
        yield TypeFault("config-type", "reasoning_effort must not be empty", path, _shown(path))
    elif kind in ("a string", "path string", "reasoning effort"):
        if not isinstance(value, (str, date, time)):
            yield _wrong(value, "path string" if kind == "path string" else "a string", path)
    elif kind == "a boolean":
        if not isinstance(value, bool):
            yield _wrong(value, kind, path)
    elif kind in _RANGES:
        low, high = _RANGES[kind]
        if isinstance(value, bool) or not isinstance(value, int):
            yield _wrong(value, "u64" if kind == "a nonzero u64" else kind, path)
        elif not low <= value <= high:
            yield _wrong(value, kind, path, "value")
    elif kind == "f64" and (isinstance(value, bool) or not isinstance(value, (int, float))):
        yield _wrong(value, "f64", path)


def _wrong(value: Any, expected: str, path: Keys, what: str = "type") -> TypeFault:
    return TypeFault("config-type", f"invalid {what}: {_named(value)}, expected {expected}", path, _shown(path))


def _named(value: Any) -> str:
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{'NaN' if value != value else value}`"
    if isinstance(value, list):
        return "sequence"
    if isinstance(value, dict):
        return "map"
    return f'string "{value}"'


def _expected(variants: Any) -> str:
    names = [f"`{v}`" for v in variants]
    if len(names) == 1:
        return f"expected {names[0]}"
    return f"expected {' or '.join(names)}" if len(names) == 2 else f"expected one of {', '.join(names)}"


def _shown(path: Keys) -> str:
    return ".".join(str(part) for part in path)


# --- unknown keys


def unknown_keys(config: Mapping[str, Any], rules: Rules) -> Iterator[Keys]:
    """The keys that this version of Codex ignores, in document order. Tables whose fields are not known to us are not judged."""
    known = schema_of(rules.recorded.version)
    yield from _unknown(config, known["top"], (), known)


def _unknown(
    table: Mapping[str, Any], fields: Mapping[str, Any], path: Keys, schema: Mapping[str, Any]
) -> Iterator[Keys]:
    for name, value in table.items():
        kind = fields.get(name, fields.get("*"))
        if kind is None or kind == _NO_FEATURE:
            yield (*path, name)
        else:
            yield from _unknown_below(value, kind, (*path, name), schema)


def _unknown_below(value: Any, kind: Any, path: Keys, schema: Mapping[str, Any]) -> Iterator[Keys]:
    if not isinstance(kind, dict):
        return
    if "struct" in kind and isinstance(value, dict):
        fields = schema["structs"].get(kind["struct"]) or {}
        if fields and kind["struct"] in schema["complete"]:
            yield from _unknown(value, fields, path, schema)
            return
        for name, item in value.items():
            yield from _unknown_below(item, fields.get(name), (*path, name), schema)
    elif "map" in kind and isinstance(value, dict):
        for name, item in value.items():
            yield from _unknown_below(item, kind["map"], (*path, name), schema)
    elif "list" in kind and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_below(item, kind["list"], (*path, index), schema)


def feature_known(name: str, rules: Rules) -> bool:
    """Whether `--enable NAME` is accepted. Between the versions whose lists are known, a doubt speaks for the name."""
    exact = rules.number == rules.recorded.number
    lists = [rules.recorded] if exact else recorded_versions()
    return any(name in one.features for one in lists) or name in base_schema()["feature_aliases"]


def known_fields(path: Keys, rules: Rules) -> tuple[str, ...]:
    """The fields that this version of Codex knows in the table at this path: what a misspelt key may have meant."""
    known = schema_of(rules.recorded.version)
    fields: Mapping[str, Any] = known["top"]
    for part in path:
        kind = fields.get(str(part), fields.get("*"))
        while isinstance(kind, dict) and "map" in kind:
            fields, kind = {"*": kind["map"]}, None
        if isinstance(kind, dict) and "struct" in kind:
            fields = known["structs"].get(kind["struct"]) or {}
    return tuple(name for name in fields if name != "*")
