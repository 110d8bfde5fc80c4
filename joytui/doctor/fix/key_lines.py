"""What takes off that came along with a key: lines for a POSIX shell, tried on the value itself before they are shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from joytui.codex.credential import oddities
from joytui.codex.world import World
from joytui.core.redaction import Redactor


@dataclass(frozen=True, slots=True)
class Correction:
    """`line`: for a shell, with NAME for the variable; `takes_off`: what it makes of a value."""

    line: str
    takes_off: Callable[[str], str]


_CORRECTIONS = (
    Correction('export NAME="${NAME#*=}"', lambda value: re.sub(r"^(?:export )?[A-Za-z_]\w*=", "", value)),
    Correction("""export NAME="$(printf %s "$NAME" | tr -d "\\"'\\`")\"""", lambda value: re.sub(r"[\"'`]", "", value)),
    Correction(
        """export NAME="$(printf %s "$NAME" | sed 's/“//g;s/”//g;s/‘//g;s/’//g')\"""",
        lambda value: re.sub(r"[“”‘’]", "", value),
    ),
    Correction('export NAME="${NAME#*earer }"', lambda value: re.sub(r"^\s*[Bb]earer ", "", value)),
    Correction("""export NAME="$(printf %s "$NAME" | sed 's/^ *//;s/ *$//')\"""", lambda value: value.strip(" ")),
)
"""In the order in which they are typed."""


def corrected(world: World) -> tuple[str, ...]:
    """The lines that make the shell's value a clean key; none if no such lines do, or where one would have to be masked."""
    key = world.credential
    if key is None or key.variable is None or not key.variable.isidentifier() or key.value is None:
        return ()
    value, lines = key.value.decode("utf-8", "replace"), []
    for one in _CORRECTIONS:
        better = one.takes_off(value)
        if better != value and oddities(value):
            lines.append(one.line.replace("NAME", key.variable))
            value = better
    shown = Redactor(world.secrets)
    clean = bool(lines and value) and not oddities(value) and all(shown.text(line) == line for line in lines)
    return tuple(lines) if clean else ()
