"""Schemas of tools for vendors that know a part of JSON Schema alone: the same meaning, as far as that part has words for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from joytui.gateway.bridge.quirks import SchemaForm

DEEPEST = 16
"""References in references, beyond which a schema is taken for one that refers to itself: what is meant there is any object."""
MOST_REFERENCES = 1000
"""The references of one tool that are replaced. Ten in each of ten definitions would be ten thousand million."""
UNUSED = {"unused": {"type": "string", "description": "Leave this out."}}
_DEFINITIONS = ("$defs", "definitions")
_ANY = {"type": "object"}


def rewritten(schema: Any, forms: Collection[SchemaForm]) -> Any:
    """A tool's parameters. `inline`: without references. `items`: each array says what is in it. `members`: no object without
    properties. `one type`: no list of types. `required`: nothing is required that is not described."""
    return _Rewriting(schema, forms).of(schema)


class _Rewriting:
    def __init__(self, root: Any, forms: Collection[SchemaForm]) -> None:
        self._root = root
        self._forms = forms
        self._left = MOST_REFERENCES

    def of(self, schema: Any, depth: int = 0) -> Any:
        """`depth`: how many references led here."""
        if isinstance(schema, list):
            return [self.of(one, depth) for one in schema]
        if not isinstance(schema, Mapping):
            return schema
        if "inline" in self._forms:
            if isinstance(schema.get("$ref"), str):
                return self._inlined(schema, depth)
            schema = {name: value for name, value in schema.items() if name not in _DEFINITIONS}
        found = {name: self._member(name, value, depth) for name, value in schema.items()}
        kind = found.get("type")
        if "one type" in self._forms and isinstance(kind, list):
            found["type"] = kind = next((one for one in kind if one != "null"), "string")
        if "items" in self._forms and kind == "array" and not found.get("items"):
            found["items"] = {"type": "string"}
        if "required" in self._forms and isinstance(found.get("required"), list):
            found["required"] = [name for name in found["required"] if name in (found.get("properties") or ())]
        if "members" in self._forms and kind == "object" and not found.get("properties"):
            found["properties"] = UNUSED
        return found

    def _member(self, name: str, value: Any, depth: int) -> Any:
        """The names in `properties` are the tool's own: none of them is a word of JSON Schema."""
        if name == "properties" and isinstance(value, Mapping):
            return {one: self.of(schema, depth) for one, schema in value.items()}
        return self.of(value, depth)

    def _inlined(self, schema: Mapping[str, Any], depth: int) -> Any:
        self._left -= 1
        found = _referred(self._root, schema["$ref"]) if depth < DEEPEST and self._left > 0 else _ANY
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        return self.of({**found, **beside}, depth + 1)


def _referred(root: Any, reference: str) -> Mapping[str, Any]:
    """What a reference inside the schema refers to; any object for one that leads nowhere."""
    found = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else _ANY
