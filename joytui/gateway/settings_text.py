"""The settings as their user sees them: each with its documentation, its value and where that comes from."""

from __future__ import annotations

import ast
import inspect
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joytui.gateway import settings as here
from joytui.gateway.settings import ENV_PREFIX, TABLE, GatewaySettings, UpstreamSettings, load_settings, masked, origins


@dataclass(frozen=True, slots=True)
class Setting:
    """`value` as JSON has it. `origin`: "default", "FILE:LINE", or the variable's name."""

    name: str
    text: str
    value: Any
    default: Any
    origin: str
    variable: str


def settings_of(config_file: Path, env: Mapping[str, str] = os.environ) -> list[Setting]:
    """All settings of the file and the environment, in the order of their declaration. Raises SettingsError."""
    loaded = load_settings(config_file, env).model_dump(mode="json")
    loaded |= masked(loaded)
    defaults = GatewaySettings.model_construct().model_dump(mode="json")
    origin = origins(config_file, env)
    texts = documentation()[GatewaySettings.__name__]
    return [
        Setting(name, texts[name], loaded[name], defaults[name], origin.get(name, "default"), ENV_PREFIX + name.upper())
        for name in GatewaySettings.model_fields
    ]


def documentation() -> dict[str, dict[str, str]]:
    """What is under each field, by class and name: read from the source, where it is written once."""
    found: dict[str, dict[str, str]] = {}
    for cls in ast.parse(inspect.getsource(here)).body:
        if not isinstance(cls, ast.ClassDef):
            continue
        for field, text in zip(cls.body, cls.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                assert isinstance(text, ast.Expr)
                assert isinstance(text.value, ast.Constant)
                found.setdefault(cls.name, {})[field.target.id] = " ".join(str(text.value.value).split())
    return found


def as_toml(settings: list[Setting]) -> Iterator[str]:
    """Lines of a settings file that says what holds: what is a default is there as a comment."""
    yield f"[{TABLE}]"
    for one in settings:
        if one.name == "upstreams":
            continue
        yield ""
        yield f"# {one.text}"
        if one.value is None:
            yield f"# {one.name}: not set"
        elif one.origin == "default":
            yield f"# {one.name} = {_toml(one.value)}"
        else:
            yield f"# from {one.origin}"
            yield f"{one.name} = {_toml(one.value)}"
    yield ""
    yield f"# [[{TABLE}.upstreams]]"
    for name, text in documentation()[UpstreamSettings.__name__].items():
        yield f"# {name}: {text}"
    for upstream in next(one.value for one in settings if one.name == "upstreams"):
        yield f"[[{TABLE}.upstreams]]"
        yield from (f"{name} = {_toml(value)}" for name, value in upstream.items() if value not in (None, [], {}))


def _toml(value: Any) -> str:
    """JSON's texts, numbers and booleans are TOML's as well; tables are in one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(k, ensure_ascii=False)} = {_toml(v)}' for k, v in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
