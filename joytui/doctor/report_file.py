"""A report that `joytui doctor --json` wrote, read back. It may have been edited or cut: each value is what the record says."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from joytui.core.records import SCHEMA_VERSION, Report, json_fields


def report_from_json(data: Mapping[str, Any]) -> Report:
    """The report. Raises ValueError for anything else."""
    version = data.get("schema_version")
    if isinstance(version, int) and version != SCHEMA_VERSION:
        raise ValueError(f"a report of schema version {version}; this joytui reads version {SCHEMA_VERSION}")
    try:
        report: Report = _read(Report, _with_works(data), "")
    except RecursionError:
        raise ValueError("not a report of joytui doctor --json (nested too deep)") from None
    return report


def _with_works(data: Mapping[str, Any]) -> dict[str, Any]:
    """A warning has no `works` in its JSON form; the record has."""
    warnings = data.get("warnings")
    if not isinstance(warnings, list):
        return dict(data)
    return {**data, "warnings": [{"works": None, **one} if isinstance(one, dict) else one for one in warnings]}


_hints = cache(get_type_hints)


@cache
def _defaults(kind: Any) -> frozenset[str]:
    """Members that reports of older versions lack."""
    return frozenset(one.name for one in json_fields(kind) if one.default is not MISSING)


def _read(kind: Any, value: Any, at: str) -> Any:
    """The value as this type, a record or a part of one. Raises ValueError that names the place."""
    if is_dataclass(kind):
        return kind(**_fields(kind, value, at))  # type: ignore[operator]  # a class, not an instance
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _read(inner[0], value, at)
    if origin is Literal and isinstance(value, str) and value in inner:
        return value
    if origin is tuple and isinstance(value, list):
        return tuple(_read(inner[0], one, f"{at}[{number}]") for number, one in enumerate(value))
    if origin in (Mapping, dict) or kind is Any:
        return _data(inner[-1] if inner else Any, value, at, mapping=origin is not None)
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return value
    if isinstance(kind, type) and isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise _odd(at)


def _fields(kind: Any, value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _odd(at)
    found = {}
    hints = _hints(kind)
    for name in (one.name for one in json_fields(kind)):
        if name not in value and name in _defaults(kind):
            continue
        if name not in value:
            raise ValueError(f"not a report of joytui doctor --json ({_below(at, name)} is missing)")
        found[name] = _read(hints[name], value[name], _below(at, name))
    return found


def _data(inner: Any, value: Any, at: str, *, mapping: bool) -> Any:
    if not mapping:
        return value
    if not isinstance(value, dict):
        raise _odd(at)
    return {str(name): _read(inner, one, _below(at, str(name))) for name, one in value.items()}


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _odd(at: str) -> ValueError:
    return ValueError(f"not a report of joytui doctor --json ({at or 'all of it'} is not what stands there)")
