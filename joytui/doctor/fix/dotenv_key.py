"""The key into `$CODEX_HOME/.env`, which Codex reads wherever it is started (0.169.0, 0.171.0: also with `env -i`).

The value is taken from where the doctor found it: this environment, or a shell's start file where it is a plain assignment. It
is shown, logged and kept nowhere but in that file: what is shown of it is its length and fingerprint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from joytui.codex.credential import fits_header, is_variable_name, oddities
from joytui.codex.dotenv import read_dotenv, without
from joytui.codex.home import home_of
from joytui.codex.shell_commands import words_of
from joytui.codex.shells import key_values
from joytui.codex.world import World
from joytui.core.joytoken import KEY_PLACEHOLDER
from joytui.core.redaction import fingerprint
from joytui.doctor.fix.draft import Draft

_PLAIN = re.compile(r"[A-Za-z0-9_.\-]+")
BEATS = "From then on this file overrides every shell: change the key here."


def written(world: World, details: Mapping[str, Any], draft: Draft) -> str | None:
    """The line NAME=value of `.env`. None if no one value is found, or where it is none that a request can carry."""
    name = world.credential.variable if world.credential and world.credential.kind == "env_key" else None
    found = _value(world, name) if name and is_variable_name(name) else None
    if name is None or found is None or name.upper().startswith("CODEX_"):
        return None
    value, origin = found
    if (
        not value.strip()
        or not fits_header(value.encode("utf-8", "surrogateescape"))
        or oddities(value)
        or value == KEY_PLACEHOLDER
    ):
        return None
    place = f"{world.codex_home}/.env"
    before = draft.text(place)
    draft.write(place, _with_line(before, name, value))
    if not _sets(draft.text(place), name, value):
        return None
    draft.secret_of = name
    draft.ask_first = True
    draft.also = _for_this_shell(world, origin)
    return (
        f"Write {name} ({fingerprint(value)}, from {origin}) to {place}, readable by you alone: Codex reads that file wherever it is "
        f"started, by an editor, an app, cron or ssh, too. {BEATS}"
    )


def _value(world: World, name: str) -> tuple[str, str] | None:
    """The one value that the doctor knows, with its place."""
    own = world.invocation.env.get(name, "")
    if own.strip():
        return own, "this environment"
    found = [
        (value, where)
        for where, value in key_values(name, home_of(world.invocation.env, world.invocation.home))
        if value is not None
    ]
    return found[0] if len({value for value, _ in found}) == 1 else None


def _for_this_shell(world: World, origin: str) -> tuple[str, ...]:
    """What is enough where only this shell lacks the key: its own start file was not read since."""
    file = origin.rpartition(":")[0]
    words = words_of(world.invocation.env)
    return (words.read_in(file),) if file and words.reads(file) else ()


def _with_line(text: str, name: str, value: str) -> str:
    """The text with this variable's line, and no other of it."""
    kept = without(text, name)
    end = "\r\n" if "\r\n" in kept else "\n"
    break_before = "" if not kept or kept.endswith("\n") else end
    return f"{kept}{break_before}{name}={_quoted(value)}{end}"


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else f"'{value}'"


def _sets(text: str, name: str, value: str) -> bool:
    """Whether Codex would take this value from the file: a quote above that does not end swallows what follows."""
    found = [item.value for item in read_dotenv(text, {}) if item.name == name]
    return found[-1:] == [value]
