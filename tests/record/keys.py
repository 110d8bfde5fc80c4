"""Which keys of config.toml the binary knows, and of which type: by trial, each with a value that fits no type.

`--strict-config` tells the unknown ones. Codex's own loader answers, and stops at a provider that is defined nowhere; nothing is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.record.binary import Binary

NOWHERE = 'model_provider="defined-nowhere"'
NOT_FOUND = "`defined-nowhere` not found"  # Codex's words where everything else was read
DEPTH = 4
AT_ONCE = 4
_NOT_ASKED = ("features", "profiles")  # the features have their own list; a profile's keys are those of the top
_EXPECTED = re.compile(r"invalid (?:type|value): .*?, expected (.+)")
_VARIANTS = re.compile(r"unknown variant `[^`]*`, expected (?:one of )?(.+)")
_TAKEN = {
    "a boolean": "true",
    "i64": "1",
    "f64": "1.5",
    "a string": '"zz"',
}  # asked where Codex does not say what it expected
_BY_VALUES = {"f64": {"i64", "f64"}, **{kind: {kind} for kind in ("a boolean", "i64", "a string")}}
_NAME = "zz"  # stands for a name that the user chooses, and for a value that fits nothing


def strict(binary: Binary) -> bool:
    """Whether this version has --strict-config (the older ones do not tell unknown keys)."""
    return "unexpected argument" not in _said(binary, "model", "1")


def absent(binary: Binary, schema: Mapping[str, Any]) -> list[str]:
    """The keys of the schema that this version does not know. What lies below an absent table is not listed again."""
    missing: list[str] = []
    every = [path for path in paths(schema, schema["top"], (), DEPTH) if path[0] not in _NOT_ASKED]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for depth in sorted({len(path) for path in every}):
            shown = [".".join(path) for path in every if len(path) == depth]
            asked = [name for name in shown if not any(name.startswith(f"{one}.") for one in missing)]
            answers = pool.map(lambda name: known(binary, name), asked)
            missing += [name for name, there in zip(asked, answers, strict=True) if not there]
    return sorted(missing)


def known(binary: Binary, path: str) -> bool:
    """Whether the version knows the key."""
    return f"unknown configuration field `{_asked(path)}`" not in _said(binary, path, f"{{{_NAME}=1}}")


def refused(binary: Binary, path: str) -> bool:
    """Whether the version judges the key's value: then it knows the key. It does not tell every unknown key."""
    said = _said(binary, path, f"{{{_NAME}=1}}")
    return any(f"in `{path}{end}" in said for end in ("`", "."))


def added(binary: Binary, wanted: Iterable[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Keys that the schema does not hold, with the types that Codex says: {"top": {field: T}, "structs": {name: {field: T}}}.

    A key of a table that is new itself comes after the table's. One that the binary does not know is left out."""
    found: dict[str, Any] = {"top": {}, "structs": {}}
    for path in wanted:
        if not known(binary, path):
            continue
        *parents, field = path.split(".")
        struct = struct_at(schema, found, parents)
        fields = found["structs"].setdefault(struct, {}) if struct else found["top"]
        fields[field] = type_of(binary, path)
    return found


def type_of(binary: Binary, path: str) -> Any:
    """The type of a key in the words of schema.json, from what Codex says about a table and a string in its place."""
    for value in (f"{{{_NAME}=1}}", f'"{_NAME}"'):
        said = _said(binary, path, value)
        if variants := _VARIANTS.search(said):
            return {"enum": re.findall(r"`([^`]*)`", variants[1])}
        if expected := _EXPECTED.search(said):
            words = expected[1]
            if words.startswith("struct "):
                return {"struct": words.removeprefix("struct ").split()[0]}
            return {"keybinding": True} if words.startswith("a keybinding") else words
    taken = {kind for kind, value in _TAKEN.items() if NOT_FOUND in _said(binary, path, value)}
    return next((kind for kind, values in _BY_VALUES.items() if values == taken), "any")


def struct_at(schema: Mapping[str, Any], found: Mapping[str, Any], path: Iterable[str]) -> str | None:
    """The name of the struct at a path ("*" for any name); None at the top."""
    name: str | None = None
    for part in path:
        fields = (
            {**(schema["structs"].get(name) or {}), **found["structs"].get(name, {})}
            if name
            else {**schema["top"], **found["top"]}
        )
        kind = fields.get(part, fields.get("*"))
        if isinstance(kind, dict) and "one_of" in kind:  # true, or a table
            kind = next((one for one in kind["one_of"] if isinstance(one, dict)), None)
        if not (isinstance(kind, dict) and "struct" in kind):
            raise LookupError(f"{part} is no table of a known type; name it first")
        name = kind["struct"]
    return name


def paths(
    schema: Mapping[str, Any], fields: Mapping[str, Any], above: tuple[str, ...], depth: int
) -> Iterator[tuple[str, ...]]:
    """Every key of the schema, tables before what they hold; "*" for any name."""
    for name, kind in fields.items():
        here = (*above, name)
        if name != "*":
            yield here
        while isinstance(kind, dict) and "map" in kind:
            kind, here = kind["map"], (*here, "*")
        if isinstance(kind, dict) and "struct" in kind and depth:
            yield from paths(schema, schema["structs"].get(kind["struct"]) or {}, here, depth - 1)


def _asked(path: str) -> str:
    return path.replace("*", _NAME)


def _said(binary: Binary, path: str, value: str) -> str:
    return binary.ask(
        "exec", "--skip-git-repo-check", "--strict-config", "-c", NOWHERE, "-c", f"{_asked(path)}={value}", "hi"
    ).err
