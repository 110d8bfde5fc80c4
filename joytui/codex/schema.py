"""Checks a merged configuration as Codex's typed deserialisation does: which value it refuses first, and in what words.

The fields and their types are data (schema.json), read off the real 0.169.0 binary by trial: `serde` says the type of
every field that it knows, and the warning about ignored keys tells the ones that it does not.

Types: "a string", "a boolean", "u64" …, "path string"; {"enum": […]}; {"list": T}; {"map": T}; {"struct": name};
{"one_of": [T, …], "else": the words where none fits}; {"untagged": what} for values that this reader does not look into.
An enum may have variants that carry a value: "with" {variant: T}, and "variant", what Codex calls such a one. "flat": Codex
names the table around the value in its words, not the value. "within": it names only so many parts of the path.
{"keybinding": true}: a keybinding, or a list of them. {"tagged": {type: [fields that it must have]}, "name": …}: a table with a `type`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from functools import cache
from importlib.resources import files
from typing import Any

from joytui.codex.keybindings import keybinding_fault
from joytui.codex.mcp_servers import transport_fault

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

_NEWER_FIELDS = frozenset(
    [
        "model_catalog_url",
        "gateway_oauth",
        "project_id",
        "location",
        "credential_file",
        "capabilities",
        "supports_standalone_web_search",
    ]
)

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class TypeFault:
    """A value that Codex refuses. `shown` is the path as Codex names it, `path` the exact one."""

    cause: str
    message: str
    path: Keys
    shown: str


@cache
def schema() -> dict[str, Any]:
    """The data file: {"top": {field: T}, "structs": {name: {field: T} | null}, "required": {name: [field]},
    "complete": structs of which every field is known, "closed": those that refuse every other field,
    "sequences": structs that may also be written as lists}."""
    loaded: dict[str, Any] = json.loads(files("joytui.codex").joinpath("schema.json").read_text("utf-8"))
    return loaded


def type_faults(config: Mapping[str, Any], *, chat_works: bool = False, like: str | None = None) -> Iterator[TypeFault]:
    """What Codex refuses, in the order of the merged document. It stops at the first; the rest would follow.

    `like` names an older version ("0.94.0", "0.140.0") whose missing keys are not checked.
    """
    absent = frozenset(schema()["absent"].get(like, ()))
    for fault in _type_faults(config, chat_works):
        newer_field = len(fault.path) > 2 and fault.path[0] == "model_providers" and fault.path[2] in _NEWER_FIELDS
        names = (_shown(fault.path[:end]) for end in range(1, len(fault.path) + 1))
        if not ((absent and not absent.isdisjoint(names)) or (like and newer_field)):
            yield fault


def _type_faults(config: Mapping[str, Any], chat_works: bool) -> Iterator[TypeFault]:
    top = schema()["top"]
    for name, value in config.items():
        if name in top:
            yield from _check(value, top[name], (name,), chat_works)


def _check(value: Any, kind: Any, path: Keys, chat: bool) -> Iterator[TypeFault]:
    if isinstance(kind, str):
        yield from _scalar(value, kind, path)
    elif "flat" in kind:
        yield from _shown_as(_shown(path[:-1]), value, kind, "flat", path, chat)
    elif "within" in kind:
        yield from _shown_as(_shown(path[: kind["within"]]), value, kind, "within", path, chat)
    elif "one_of" in kind:
        if all(any(True for _ in _check(value, one, path, chat)) for one in kind["one_of"]):
            yield TypeFault("config-type", kind["else"], path, _shown(path))
    elif "enum" in kind:
        yield from _enum(value, kind, path, chat)
    elif "list" in kind:
        yield from _list(value, kind["list"], path, chat)
    elif "map" in kind:
        if not isinstance(value, dict):
            yield _wrong(value, "a map", path)
        else:
            for name, item in value.items():
                yield from _check(item, kind["map"], (*path, name), chat)
    elif "struct" in kind:
        yield from _struct(value, kind["struct"], path, chat)
    elif "tagged" in kind:
        yield from _tagged(value, kind, path)
    elif "keybinding" in kind:
        yield from _keybinding(value, path)
    elif "feature" in kind and not isinstance(value, bool):
        wrong = _wrong(value, "a boolean", path)
        yield TypeFault(wrong.cause, wrong.message, path, _shown(path[:-1]))


def _shown_as(
    shown: str, value: Any, kind: Mapping[str, Any], mark: str, path: Keys, chat: bool
) -> Iterator[TypeFault]:
    for fault in _check(value, {name: part for name, part in kind.items() if name != mark}, path, chat):
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


def _struct(value: Any, name: str, path: Keys, chat: bool) -> Iterator[TypeFault]:
    if name == "GatewayOAuth":
        yield from _gateway_oauth(value, path)
        return
    if name == "RawWireApi":
        yield from _wire_api(value, path, chat)
        return
    if not isinstance(value, dict):
        count = schema()["sequences"].get(name)
        if isinstance(value, list) and count is not None:
            if len(value) < count:
                elements = f"{count} element{'s' if count > 1 else ''}"
                text = f"invalid length {len(value)}, expected struct {name} with {elements}"
                yield TypeFault("config-type", text, path, _shown(path))
        else:
            yield _wrong(value, f"struct {name}", path)
        return
    fields = schema()["structs"].get(name) or {}
    for key, item in value.items():
        if key in fields or "*" in fields:
            yield from _check(item, fields[key if key in fields else "*"], (*path, key), chat)
        elif name in schema()["closed"]:
            yield TypeFault("config-type", f"unknown field `{key}`, {_expected(fields)}", (*path, key), _shown(path))
    for missing in schema().get("required", {}).get(name, ()):
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


def _wire_api(value: Any, path: Keys, chat: bool) -> Iterator[TypeFault]:
    allowed = ("responses", "chat") if chat else ("responses",)
    if isinstance(value, str) and value in allowed:
        return
    if value == "chat":
        yield TypeFault("wire-api-removed", WIRE_API_REMOVED, path, _shown(path))
    elif isinstance(value, str):
        yield TypeFault("wire-api-invalid", f"unknown variant `{value}`, {_expected(allowed)}", path, _shown(path))
    else:
        yield _wrong(value, "a string", path)


def _enum(value: Any, kind: Mapping[str, Any], path: Keys, chat: bool) -> Iterator[TypeFault]:
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
        for fault in _check(inner, carrying[name], (*path, name), chat):
            yield replace(fault, shown=_shown((*path, *fault.path[len(path) + 1 :])))


def _list(value: Any, kind: Any, path: Keys, chat: bool) -> Iterator[TypeFault]:
    if not isinstance(value, list):
        yield _wrong(value, "a sequence", path)
        return
    for index, item in enumerate(value):
        for fault in _check(item, kind, (*path, index), chat):
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


def unknown_keys(config: Mapping[str, Any]) -> Iterator[Keys]:
    """The keys that Codex 0.169 ignores, in document order. Tables whose fields are not known to us are not judged."""
    yield from _unknown(config, schema()["top"], ())


def _unknown(table: Mapping[str, Any], fields: Mapping[str, Any], path: Keys) -> Iterator[Keys]:
    for name, value in table.items():
        kind = fields.get(name, fields.get("*"))
        if kind is None or kind == {"feature": False}:
            yield (*path, name)
        else:
            yield from _unknown_below(value, kind, (*path, name))


def _unknown_below(value: Any, kind: Any, path: Keys) -> Iterator[Keys]:
    if not isinstance(kind, dict):
        return
    if "struct" in kind and isinstance(value, dict):
        fields = schema()["structs"].get(kind["struct"]) or {}
        if fields and kind["struct"] in schema()["complete"]:
            yield from _unknown(value, fields, path)
            return
        for name, item in value.items():
            yield from _unknown_below(item, fields.get(name), (*path, name))
    elif "map" in kind and isinstance(value, dict):
        for name, item in value.items():
            yield from _unknown_below(item, kind["map"], (*path, name))
    elif "list" in kind and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown_below(item, kind["list"], (*path, index))


def feature_known(name: str, number: tuple[int, int, int]) -> bool:
    """Whether `--enable NAME` is accepted. Between the versions whose lists are known, a doubt speaks for the name."""
    lists: Mapping[str, list[str]] = schema()["features"]
    exact = lists.get(".".join(map(str, number)))
    if exact is not None:
        return name in exact or name in schema()["feature_aliases"]
    return any(name in names for names in lists.values()) or name in schema()["feature_aliases"]


def known_fields(path: Keys) -> tuple[str, ...]:
    """The fields that Codex knows in the table at this path: what a misspelt key may have meant."""
    fields: Mapping[str, Any] = schema()["top"]
    for part in path:
        kind = fields.get(str(part), fields.get("*"))
        while isinstance(kind, dict) and "map" in kind:
            fields, kind = {"*": kind["map"]}, None
        if isinstance(kind, dict) and "struct" in kind:
            fields = schema()["structs"].get(kind["struct"]) or {}
    return tuple(name for name in fields if name != "*")
