"""Frozen data against today's: whatever was there is there still. And how it stands in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

UP = ("maximum", "maxLength", "maxItems")
DOWN = ("minimum", "minLength", "minItems")


def missing(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """What the old data has and the new one has no longer, or otherwise; a line each. Lists are sets here; a bound may be
    wider than it was (`maximum` of a JSON Schema and its like), and none may be new beside others."""
    here = path or "it"
    if isinstance(old, dict) and isinstance(new, dict):
        for name, before in old.items():
            place = f"{path} > {name}" if path else name
            if name not in new:
                if name not in UP + DOWN:
                    yield f"{place}: gone"
            elif name in UP + DOWN:
                if (new[name] < before) if name in UP else (new[name] > before):
                    yield f"{place}: was {before}, is {new[name]}"
            else:
                yield from missing(before, new[name], place)
        yield from (f"{here}: {name} is new" for name in UP + DOWN if name in new and name not in old and "type" in old)
    elif isinstance(old, list) and isinstance(new, list):
        for before in old:
            if not any(not list(missing(before, one)) for one in new):
                yield f"{here}: no {json.dumps(before, ensure_ascii=False)} any more"
    elif old != new or isinstance(old, bool) is not isinstance(new, bool):
        yield f"{here}: was {old!r}, is {new!r}"


def merged(old: Any, new: Any) -> Any:
    """The old data with what the new one has beyond it; where `missing` finds nothing."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {
            **{name: merged(old[name], new.get(name, old[name])) for name in old},
            **{n: v for n, v in new.items() if n not in old},
        }
    return new


def as_text(data: Any, width: int = 118, indent: int = 0) -> str:
    """JSON that people can read and `git diff` shows well: what fits stands on one line."""
    line = json.dumps(data, ensure_ascii=False)
    if len(line) + indent <= width or not data or not isinstance(data, (dict, list)):
        return line
    pad = " " * (indent + 1)
    if isinstance(data, dict):
        names = {name: json.dumps(name, ensure_ascii=False) + ": " for name in data}
        inner = [f"{pad}{names[name]}{as_text(one, width, indent + 1)}" for name, one in data.items()]
    else:
        inner = [pad + as_text(one, width, indent + 1) for one in data]
    first, last = "{}" if isinstance(data, dict) else "[]"
    return ",\n".join([first + "\n" + inner[0], *inner[1:]]) + f"\n{' ' * indent}{last}"
