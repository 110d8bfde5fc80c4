"""A configuration in a place where Codex does not look, told only where it would explain the verdict.

Codex 0.169.0 reads `$CODEX_HOME/config.toml` (`~/.codex` by default) and no other user file (observed): not
`~/.config/codex/config.toml`, not `~/.codex/config.toml` while CODEX_HOME points elsewhere, no YAML, JSON or
`config.toml.txt`, and no `Config.toml` where the file system tells case apart.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from joytui.causes import CAUSES
from joytui.codex.layers import load_file
from joytui.codex.world import World
from joytui.core.plain_file import plain_content
from joytui.core.records import Evidence, Finding

BUILT_IN = ("openai", "ollama", "lmstudio")
SIZE_LIMIT = 1_000_000
_OTHER_NAMES = ("config.yaml", "config.yml", "config.json", "config.toml.txt", "config.txt", "config")
_YAML_LINE = re.compile(r"""^model_provider\s*:\s*["']?([\w.-]+)""", re.MULTILINE)


def with_unread_file(world: World, judged: Finding) -> Finding:
    """The judgement with the first such file that has what the effective configuration lacks: evidence, details.not_read."""
    lacks = CAUSES[judged.cause].lacks if judged.cause else ""
    if judged.works is not False or lacks != "provider" or judged.details.get("misplaced"):
        return judged
    if judged.details.get("origin", "default") != "default" and judged.cause != "provider-undefined":
        return judged  # a layer that Codex reads selects the provider
    for path in _candidates(world):
        if _has_what_lacks(_content(path), judged):
            told = f"Codex does not read {path}; move its lines to {world.config_file}"
            return judged.with_evidence(Evidence(told, str(path))).with_details(not_read=str(path))
    return judged


def _candidates(world: World) -> Iterator[Path]:
    """Regular files only, and never the very file that Codex reads by another name."""
    env, codex_home, read = world.invocation.env, Path(world.codex_home), Path(world.config_file)
    home = world.invocation.home or Path(env.get("HOME") or os.path.expanduser("~"))
    settings = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    places = [home / ".codex/config.toml", home / ".config/codex/config.toml", settings / "codex/config.toml"]
    for path in dict.fromkeys([*places, *_in_home(codex_home)]):
        try:
            usable = path.is_file() and path.stat().st_size <= SIZE_LIMIT
            same = usable and read.exists() and path.samefile(read)
        except (OSError, ValueError):
            continue
        if usable and not same and path != read:
            yield path


def _in_home(codex_home: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(codex_home))
    except (OSError, ValueError):
        return
    for name in names:
        if name != "config.toml" and (name.lower() == "config.toml" or name.lower() in _OTHER_NAMES):
            yield codex_home / name


def _content(path: Path) -> Mapping[str, Any]:
    """What the file says, as far as it can be read; empty otherwise. Of YAML only the line that selects a provider."""
    suffix = path.suffix.lower()
    try:
        if suffix in (".yaml", ".yml"):
            found = _YAML_LINE.search(plain_content(path).decode("utf-8-sig"))
            return {"model_provider": found[1], "model_providers": {found[1]: {}}} if found else {}
        if suffix == ".json":
            data = json.loads(plain_content(path).decode("utf-8-sig"))
            return data if isinstance(data, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return load_file("user", path).data


def _has_what_lacks(content: Mapping[str, Any], judged: Finding) -> bool:
    tables = content.get("model_providers")
    tables = tables if isinstance(tables, dict) else {}
    if judged.cause == "provider-undefined":
        return judged.details.get("provider") in tables
    selected = content.get("model_provider")
    return isinstance(selected, str) and bool(selected.strip()) and selected not in BUILT_IN
