"""Where a shell's start files set a variable: the place and a fingerprint of the value, never the value."""

from __future__ import annotations

import re
from pathlib import Path

from joytui.codex.world import KeyPlace
from joytui.core.plain_file import plain_content
from joytui.core.redaction import fingerprint

_FILES = (
    (".zshrc", "zsh"), (".zprofile", "zsh"), (".zshenv", "zsh"), (".zlogin", "zsh"), (".bashrc", "bash"),
    (".bash_profile", "bash"), (".bash_login", "bash"), (".profile", "sh"), (".config/fish/config.fish", "fish"),
)  # fmt: skip
_MAX_FILE = 2**20


def key_places(variable: str, home: Path, current: str | None) -> tuple[KeyPlace, ...]:
    """Every line of the start files under `home` that sets the variable, in the order in which shells read them."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable, re.ASCII):
        return ()
    files = [(home / name, shell) for name, shell in _FILES]
    conf = home / ".config/fish/conf.d"
    try:
        files += [(path, "fish") for path in sorted(conf.glob("*.fish"))]
    except OSError:
        pass
    return tuple(place for path, shell in files for place in _in_file(path, shell, variable, current))


def _in_file(path: Path, shell: str, variable: str, current: str | None) -> list[KeyPlace]:
    try:
        if path.stat().st_size > _MAX_FILE:
            return []
        lines = plain_content(path).decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
    name = re.escape(variable)
    if shell == "fish":
        pattern = re.compile(rf"^\s*set\s+(?:-\S+\s+)*{name}\s+(.*)$")
    else:
        pattern = re.compile(rf"^\s*(?:(?:export|typeset|declare|readonly)\s+(?:-\w+\s+)*)?{name}=(.*)$")
    found = []
    for number, line in enumerate(lines, 1):
        if match := pattern.match(line):
            value = literal(match[1])
            same = None if value is None or current is None else value == current
            found.append(KeyPlace(f"{path}:{number}", fingerprint(value) if value else None, shell, same))
    return found


def literal(text: str) -> str | None:
    """The value of a shell assignment where it is a plain literal; None where the shell would compute it."""
    text = text.strip()
    if match := re.match(r"'([^']*)'(?:\s*(?:[;#&].*)?)?$", text):
        return match[1]
    if match := re.match(r'"((?:[^"\\$`]|\\.)*)"(?:\s*(?:[;#&].*)?)?$', text):
        return re.sub(r"\\(.)", r"\1", match[1])
    if match := re.match(r"([^\s'\"$`\\;&#()<>|*?]*)(?:\s*(?:[;#&].*)?)?$", text):
        return match[1]
    return None
