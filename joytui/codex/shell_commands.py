"""How a variable is set, unset and shown in the shell that the user has: bash and zsh, fish, PowerShell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ShellWords:
    """Patterns with {name}, {value} (quoted already) and {file}. `start_file`: where a line is kept; `files`: those it reads.

    `added_pattern`: a list with one entry more; `breaks_pattern`: the variable once more, without line breaks in it.
    """

    shell: str
    set_pattern: str
    unset_pattern: str
    read_pattern: str
    added_pattern: str
    breaks_pattern: str
    editor: str
    start_file: str
    files: tuple[str, ...]

    @property
    def posix(self) -> bool:
        """Whether lines that are written for sh do here, too."""
        return self.shell not in ("fish", "PowerShell")

    def set(self, name: str, value: str) -> str:
        """Sets and exports it in this shell."""
        quoted = value if self.shell != "PowerShell" or value[:1] in "'\"" else f"'{value}'"
        return self.set_pattern.format(name=name, value=quoted)

    def unset(self, name: str) -> str:
        return self.unset_pattern.format(name=name)

    def read_in(self, file: str) -> str:
        """Reads a start file once more."""
        return self.read_pattern.format(file=shlex.quote(file) if " " in file else file)

    def edit(self, *files: str) -> str:
        """Opens files in the user's editor."""
        return f"{self.editor} {' '.join(map(shlex.quote, files))}"

    def added(self, name: str, entry: str) -> str:
        """The variable's list and this entry, as a value."""
        return self.added_pattern.format(name=name, value=entry)

    def without_breaks(self, name: str) -> str:
        return self.breaks_pattern.format(name=name)

    def reads(self, file: str) -> bool:
        """Whether a start file is one of this shell's."""
        return Path(file).name in self.files


_BASH = (".bashrc", ".bash_profile", ".bash_login", ".profile")
_ZSH = (".zshrc", ".zprofile", ".zshenv", ".zlogin")
_ADDED, _BREAKS = '"${{{name}:+${name},}}{value}"', """export {name}="$(printf %s "${name}" | tr -d '\\r\\n')\""""


def _posix(shell: str, start_file: str, files: tuple[str, ...]) -> ShellWords:
    return ShellWords(
        shell,
        "export {name}={value}",
        "unset {name}",
        "source {file}",
        _ADDED,
        _BREAKS,
        "${EDITOR:-vi}",
        start_file,
        files,
    )


_POSIX = _posix("sh", "your shell's start file", (*_BASH, *_ZSH))
_SHELLS = {
    "bash": _posix("bash", "~/.bashrc", _BASH),
    "zsh": _posix("zsh", "~/.zshrc", _ZSH),
    "fish": ShellWords(
        "fish", "set -gx {name} {value}", "set -e {name}", "source {file}", '"${name},{value}"',
        "set -gx {name} (printf %s $" + "{name} | tr -d '\\r\\n')", "vi", "~/.config/fish/config.fish", ("config.fish",),
    ),
    "powershell": ShellWords(
        "PowerShell", "$env:{name} = {value}", "Remove-Item Env:{name}", ". {file}", '"$env:{name},{value}"',
        "$env:{name} = $env:{name} -replace '[\\r\\n]'", "notepad", "$PROFILE", (),
    ),
}  # fmt: skip


def words_of(env: Mapping[str, str]) -> ShellWords:
    """The words of the shell that this environment belongs to; PowerShell's on Windows (outside of its bash and WSL)."""
    shell = env.get("SHELL", "")
    if not shell and env.get("OS") == "Windows_NT":
        return _SHELLS["powershell"]
    return _SHELLS.get(Path(shell).name.removesuffix(".exe"), _POSIX)


_LENGTH = re.compile(r"`echo \$\{#(\w+)\}`")
_EXPORT = re.compile(r"\bexport (\w+)=('?<[^<>\n]{1,40}>'?)")
_START_FILE = re.compile(r"~/\.(?:zshrc|bashrc)\b")


def translated(text: str, shell: str) -> str:
    """Advice that is written for bash and zsh, in the words of "PowerShell" or "fish"; as it is for others."""
    words = next((one for one in _SHELLS.values() if one.shell == shell), None)
    if words is None or words.posix:
        return text
    windows = words.shell == "PowerShell"
    text = _LENGTH.sub(r"`$env:\1.Length`" if windows else r"`string length -- $\1`", text)
    text = _EXPORT.sub(lambda found: words.set(found[1], f"'{found[2].strip(chr(39))}'"), text)
    text = re.sub(r"\bsource (?=~/\.(?:zshrc|bashrc))", words.read_pattern.split("{", maxsplit=1)[0], text)
    text = _START_FILE.sub(lambda _: words.start_file, text)
    if not windows:
        return text
    text = text.replace("`env | grep -i proxy`", "`Get-ChildItem Env:*proxy*`")
    return text.replace("~/.codex/", "%USERPROFILE%\\.codex\\").replace("~/.codex", "%USERPROFILE%\\.codex")
