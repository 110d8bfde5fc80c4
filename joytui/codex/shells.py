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
_READ_BY = {
    ".zshrc": "interactive zsh shells", ".zprofile": "login shells of zsh", ".zlogin": "login shells of zsh", ".zshenv": "zsh shells",
    ".bashrc": "interactive bash shells", ".bash_profile": "login shells of bash", ".bash_login": "login shells of bash",
    ".profile": "login shells",
}  # fmt: skip


def key_places(variable: str, home: Path, current: str | None) -> tuple[KeyPlace, ...]:
    """Every line of the start files under `home` that sets the variable, in the order in which shells read them."""
    return tuple(
        KeyPlace(
            where, fingerprint(value) if value else None, shell, None if None in (value, current) else value == current
        )
        for where, shell, value in _assignments(variable, home)
    )


def key_values(variable: str, home: Path) -> tuple[tuple[str, str | None], ...]:
    """The same lines with their values, None if the shell would compute it: (place, value). Never to be shown."""
    return tuple((where, value) for where, _, value in _assignments(variable, home))


def read_by(place: KeyPlace) -> str:
    """Which shells read that file: no editor, app, cron or service is one."""
    return _READ_BY.get(Path(place.where.rpartition(":")[0]).name, f"{place.shell} shells")


def _assignments(variable: str, home: Path) -> tuple[tuple[str, str, str | None], ...]:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable, re.ASCII):
        return ()
    files = [(home / name, shell) for name, shell in _FILES]
    conf = home / ".config/fish/conf.d"
    try:
        files += [(path, "fish") for path in sorted(conf.glob("*.fish"))]
    except OSError:
        pass
    return tuple(line for path, shell in files for line in _in_file(path, shell, variable))


def _in_file(path: Path, shell: str, variable: str) -> list[tuple[str, str, str | None]]:
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
            found.append((f"{path}:{number}", shell, literal(match[1])))
    return found


def literal(text: str) -> str | None:
    """The value of a shell assignment where it is a plain literal; None if the shell would compute it."""
    text = text.strip()
    if match := re.match(r"'([^']*)'(?:\s*(?:[;#&].*)?)?$", text):
        return match[1]
    if match := re.match(r'"((?:[^"\\$`]|\\.)*)"(?:\s*(?:[;#&].*)?)?$', text):
        return re.sub(r"\\(.)", r"\1", match[1])
    if match := re.match(r"([^\s'\"$`\\;&#()<>|*?]*)(?:\s*(?:[;#&].*)?)?$", text):
        return match[1]
    return None
