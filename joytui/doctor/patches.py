"""Patches of the file in which a value stands, as unified diffs. None where there is no such file, or it does not parse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from joytui.codex.world import World

SIZE_LIMIT = 1_000_000
Keys = tuple[str, ...]


def set_value(world: World, path: Keys, value: Any) -> str | None:
    """Sets a key in the file that sets it now, in the user's config.toml where none does."""
    return _patched(_file_of(world, path), "set_key", path, value)


def remove_value(world: World, path: Keys) -> str | None:
    return _patched(_file_of(world, path), "remove_key", path)


def rename_value(world: World, path: Keys, new: str) -> str | None:
    """Gives a misspelt key its right name."""
    return _patched(_file_of(world, path), "rename_key", path, new)


def _file_of(world: World, path: Keys) -> str | None:
    for end in range(len(path), 0, -1):
        dotted = ".".join(path[:end])
        for key, wanted in world.wanted.items():
            if wanted and (key == dotted or key.startswith(dotted + ".")):
                layer = next((info for info in world.layers if info.name == wanted[0].layer and info.path), None)
                return layer.path if layer else None
    return world.config_file


def _patched(file: str | None, change: str, *arguments: Any) -> str | None:
    if file is None:
        return None
    try:
        from joytui.codex import edit

        data = Path(file).read_bytes()
        if len(data) > SIZE_LIMIT:
            return None
        edited: edit.Edited = getattr(edit, change)(data.decode("utf-8"), *arguments, name=file)
        return edited.patch or None
    except Exception:  # a patch is a courtesy: whatever stands in its way, the words of the fix remain
        return None
