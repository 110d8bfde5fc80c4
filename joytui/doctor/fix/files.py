"""Changes of whole files: another encoding, a profile moved into its own file, lines out of $CODEX_HOME/.env."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joytui.codex import edit
from joytui.codex.dotenv import read_dotenv, without
from joytui.codex.world import World
from joytui.doctor.fix.draft import Draft, exists

Details = Mapping[str, Any]


def broken_file(world: World) -> str | None:
    """The file that stops Codex: the first that it cannot read or parse."""
    return next((layer.path for layer in world.layers if layer.state == "broken" and layer.path), None)


def readable(world: World, details: Details, draft: Draft) -> str | None:
    """A file in another encoding becomes UTF-8. None for a folder, or a file that may not be read."""
    place = broken_file(world)
    if place is None or not os.path.isfile(place) or not os.access(place, os.R_OK):  # Path.is_file raises (Python 3.11)
        return None
    data = draft.original(place) or b""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else _two_bytes(data) or "cp1252"
    draft.write(place, data.decode(encoding).removeprefix("\ufeff"))
    return f"Write {place} in UTF-8 (it is in {encoding})."


def _two_bytes(data: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of plain text is zero."""
    if data[1:40:2].count(0) > 10:
        return "utf-16-le"
    return "utf-16-be" if data[0:40:2].count(0) > 10 else None


def profile_moved(world: World, details: Details, draft: Draft) -> str | None:
    """[profiles.NAME] becomes NAME.config.toml, and the selector goes. None if that file exists."""
    name = str(details["profile"])
    file = str(Path(world.codex_home) / f"{name}.config.toml")
    if exists(file) or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return None
    user = world.config_file
    text = draft.text(user)
    if f"[profiles.{name}" in text:
        draft.write(file, _unnested(edit.table_text(text, ("profiles", name)), name))
        draft.remove(("profiles", name), file=user)
    draft.remove(("profile",), file=user)
    draft.then = ("codex -p <the profile's name>",)
    return f"Move [profiles.{name}] into {file}, and remove the older selector. Then: codex -p {name}"


def _unnested(text: str, name: str) -> str:
    """The lines of [profiles.NAME] and [profiles.NAME.x] as its own file."""
    own = re.compile(rf"^\[\s*profiles\s*\.\s*{re.escape(name)}\s*\][^\n]*\n?", re.M)
    below = re.compile(rf"^(\[+)\s*profiles\s*\.\s*{re.escape(name)}\s*\.\s*", re.M)
    return below.sub(r"\1", own.sub("", text))


def without_dotenv_key(world: World, details: Details, draft: Draft) -> str | None:
    """The line of $CODEX_HOME/.env that hides the shell's key goes."""
    variable = world.credential.variable if world.credential else details.get("variable")
    return _without_line(world, str(variable), draft) if variable else None


def without_dotenv_proxy(world: World, details: Details, draft: Draft) -> str | None:
    """A proxy that $CODEX_HOME/.env sets goes; one of the shell is the shell's matter."""
    variable = details.get("variable") or (world.plan.proxy.variable if world.plan else None)
    draft.ask_first = True
    return _without_line(world, str(variable), draft) if variable else None


def _without_line(world: World, variable: str, draft: Draft) -> str | None:
    place = f"{world.codex_home}/.env"
    if draft.original(place) is None:
        return None
    text = draft.text(place)
    kept = without(text, variable)
    if kept == text or any(item.name == variable for item in read_dotenv(kept, {})):
        return None
    draft.write(place, kept)
    return f"Remove the line {variable}=… from {place}: it overrides the shell."
