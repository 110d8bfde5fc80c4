"""What the settings of VS Code and its kin set for their own terminal: their extensions do not get it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from joytui.core.plain_file import plain_content
from joytui.doctor.surfaces.machine import Machine

_LIMIT = 2**20
_EDITORS = ("Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf")
_OF_SYSTEM = {"linux": "linux", "wsl": "linux", "macos": "osx", "windows": "windows"}
_STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.S)
_STRING_OR_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', re.S)


def terminal_environment(machine: Machine) -> tuple[dict[str, str], str]:
    """The variables of `terminal.integrated.env.…`, and the file that sets them; of several editors the first that has some."""
    name = f"terminal.integrated.env.{_OF_SYSTEM[machine.system]}"
    for file in _files(machine):
        found = _settings(file).get(name)
        if isinstance(found, dict) and found:
            return {key: value for key, value in found.items() if isinstance(value, str) and "${" not in value}, str(
                file
            )
    return {}, ""


def _files(machine: Machine) -> Iterator[Path]:
    folder = {
        "macos": machine.home / "Library/Application Support",
        "windows": Path(machine.env.get("APPDATA") or machine.home / "AppData/Roaming"),
    }.get(machine.system, Path(machine.env.get("XDG_CONFIG_HOME") or machine.home / ".config"))
    yield machine.invocation.cwd / ".vscode/settings.json"
    yield from (folder / editor / "User/settings.json" for editor in _EDITORS)


def _settings(file: Path) -> dict[str, Any]:
    """A settings.json, comments and last commas allowed; {} where it cannot be read."""
    try:
        text = plain_content(file, _LIMIT).decode("utf-8-sig")
        bare = _STRING_OR_COMMENT.sub(lambda found: found[1] or "", text)
        loaded = json.loads(_STRING_OR_COMMA.sub(lambda found: found[1] or "", bare))
    except (OSError, ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
