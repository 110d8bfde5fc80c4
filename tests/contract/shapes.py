"""Shapes: what JSON values look like, as JSON that people can read; and what of an old shape a new one no longer has.

    "null | string"                       one value of either type
    {"id": "string", "fix?": {...}}       an object; `fix` is there at times only
    {"*": "integer"}                      an object whose names are not ours to freeze
    ["integer"]                           a list
    {"|": "null", "title": "string"}      null, or an object; {"|": "null", "[]": "integer"}: null, or a list
    "'pass' | 'fail'"                     these very texts, where a script tells cases apart by them

Texts are "time" (RFC 3339, UTC) and "decimal" where all that were seen are. Whoever reads an old shape can read a value of the
new one if every member is still there, with no type that it did not have before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
DECIMAL = re.compile(r"-?\d+(\.\d+)?")
TEXTS = ("time", "decimal", "string")


@dataclass(frozen=True, slots=True)
class Shape:
    """`kinds`: the plain types, and literal texts in quotes. `members`: each with whether it is always there; None if no
    object was seen. `items`: of lists; None if none was seen. `others`: of an object whose names are not frozen."""

    kinds: frozenset[str] = frozenset()
    members: Mapping[str, tuple[Shape, bool]] | None = None
    items: Shape | None = None
    others: Shape | None = None

    def __or__(self, other: Shape) -> Shape:
        """What has been one of the two."""
        return Shape(
            _kinds(self.kinds | other.kinds),
            _either(self.members, other.members),
            _joined(self.items, other.items),
            _joined(self.others, other.others),
        )


NOTHING = Shape()


@dataclass(frozen=True, slots=True)
class Reading:
    """How values of one command are read: by their path ("table[].status"), as literal texts, or with names of any kind."""

    literal: Collection[str] = field(default=())
    open: Collection[str] = field(default=())

    def shape(self, value: Any, path: str = "") -> Shape:
        """The shape of a value as `json.loads` gives it."""
        if isinstance(value, dict):
            inner = {name: self.shape(one, f"{path}.{name}".lstrip(".")) for name, one in value.items()}
            if path in self.open:
                return Shape(others=_all(inner.values()))
            return Shape(members={name: (one, True) for name, one in inner.items()})
        if isinstance(value, list):
            return Shape(items=_all(self.shape(one, f"{path}[]") for one in value))
        return Shape(frozenset({self._kind(value, path)}))

    def _kind(self, value: Any, path: str) -> str:
        if not isinstance(value, str):
            return {type(None): "null", bool: "boolean", int: "integer", float: "number"}[type(value)]
        if path in self.literal:
            return f"'{value}'"
        return "time" if TIME.fullmatch(value) else "decimal" if DECIMAL.fullmatch(value) else "string"


PLAIN = Reading()


def _all(shapes: Any) -> Shape:
    found = NOTHING
    for one in shapes:
        found |= one
    return found


def _joined(one: Shape | None, other: Shape | None) -> Shape | None:
    return other if one is None else one if other is None else one | other


def _kinds(kinds: frozenset[str]) -> frozenset[str]:
    """Without what a wider type says already."""
    if {"integer", "number"} <= kinds:
        kinds -= {"integer"}
    if "string" in kinds or {"time", "decimal"} <= kinds:
        kinds = frozenset(kind for kind in kinds if not _is_text(kind)) | {"string"}
    return kinds


def _either(
    one: Mapping[str, tuple[Shape, bool]] | None, other: Mapping[str, tuple[Shape, bool]] | None
) -> Mapping[str, tuple[Shape, bool]] | None:
    if one is None or other is None:
        return one if other is None else other
    found = {}
    for name in {**one, **other}:
        (a, a_always), (b, b_always) = one.get(name, (NOTHING, False)), other.get(name, (NOTHING, False))
        found[name] = (a | b, a_always and b_always)
    return found


def _is_text(kind: str) -> bool:
    return kind in TEXTS or kind.startswith("'")


# --- what is lost, what has come


def lost(old: Shape, new: Shape, path: str = "") -> Iterator[str]:
    """What a reader of the old shape misses in the new one, or cannot read there; a line each."""
    here = path or "it"
    if old.kinds <= {"null"} and old.members is old.items is old.others is None:
        return  # nothing but null was ever seen: whatever comes is more
    for kind in sorted(old.kinds - {"null"}):
        if not any(_is_one(seen, kind) for seen in new.kinds):
            yield f"{here}: no {kind} any more"
    for kind in sorted(new.kinds):
        if not any(_is_one(kind, known) or (kind[0] == known[0] == "'") for known in old.kinds):
            yield f"{here}: {kind} at times, which it never was"
    yield from _lost_members(old, new, path)
    for what, before, now in (("list", old.items, new.items), ("object", old.others, new.others)):
        if before is None or now is None:
            if before is not now:
                yield f"{here}: {f'no {what} any more' if now is None else f'a {what} now'}"
        elif before != NOTHING:
            yield from lost(before, now, f"{path}{'[]' if what == 'list' else '.*'}".lstrip("."))


def _lost_members(old: Shape, new: Shape, path: str) -> Iterator[str]:
    if old.members is None or new.members is None:
        if old.members is not new.members:
            yield f"{path or 'it'}: {'no object any more' if new.members is None else 'an object now'}"
        return
    for name, (before, always) in old.members.items():
        place = f"{path}.{name}".lstrip(".")
        if name not in new.members:
            yield f"{place}: gone"
            continue
        now, still = new.members[name]
        if always and not still:
            yield f"{place}: not always there any more"
        yield from lost(before, now, place)


def _is_one(kind: str, known: str) -> bool:
    """Whether a value of this kind is one of the known kind, too."""
    return kind == known or (known == "number" and kind == "integer") or (known == "string" and _is_text(kind))


def grown(old: Shape, new: Shape) -> Shape:
    """The old shape, with what the new one has beyond it; where `lost` finds nothing."""
    if old.kinds <= {"null"} and old.members is old.items is old.others is None:
        return old | new
    literals = frozenset(kind for kind in new.kinds if kind.startswith("'") and "string" not in old.kinds)
    members = old.members
    if old.members is not None and new.members is not None:
        both = {name: (grown(one, new.members[name][0]), always) for name, (one, always) in old.members.items()}
        members = {**both, **{name: one for name, one in new.members.items() if name not in both}}
    return Shape(
        old.kinds | literals,
        members,
        old.items and new.items and grown(old.items, new.items),
        old.others and new.others and grown(old.others, new.others),
    )


# --- as JSON


def to_json(shape: Shape) -> Any:
    """The shape as it stands in a file."""
    kinds = " | ".join(sorted(shape.kinds))
    if shape.members is None and shape.items is None and shape.others is None:
        return kinds
    if shape.items is not None and not kinds and shape.members is None:
        return [] if shape.items == NOTHING else [to_json(shape.items)]
    data: dict[str, Any] = {"|": kinds} if kinds else {}
    if shape.items is not None:
        data["[]"] = to_json(shape.items)
    if shape.others is not None:
        data["*"] = to_json(shape.others)
    for name, (one, always) in (shape.members or {}).items():
        data[name if always else f"{name}?"] = to_json(one)
    return data


def from_json(data: Any) -> Shape:
    """The shape that `to_json` wrote."""
    if isinstance(data, str):
        return Shape(frozenset(part for part in data.split(" | ") if part))
    if isinstance(data, list):
        return Shape(items=from_json(data[0]) if data else NOTHING)
    rest = {name: from_json(one) for name, one in data.items() if name not in ("|", "[]", "*")}
    return Shape(
        from_json(data.get("|", "")).kinds,
        {name.removesuffix("?"): (one, not name.endswith("?")) for name, one in rest.items()}
        if rest or not data.keys() & {"[]", "*"}
        else None,
        from_json(data["[]"]) if "[]" in data else None,
        from_json(data["*"]) if "*" in data else None,
    )
