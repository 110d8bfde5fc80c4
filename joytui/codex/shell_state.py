"""What a shell knows while its start files run: its variables, which of them it exports, and what reading cannot tell."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from joytui.core.plain_file import plain_content

MAX_FILE = 2**20
MAX_FILES = 200
MAX_READ = 2 * 2**20
"""Bytes of all files together: one may read itself in, again and again."""
MAX_VALUE = 2**17
"""Of a variable: no program could be started with a longer one (MAX_ARG_STRLEN of Linux)."""
MAX_BEYOND = 200
_OWN = frozenset(
    [
        "BASH",
        "BASHPID",
        "BASH_VERSINFO",
        "COLUMNS",
        "DIRSTACK",
        "HOST",
        "HOSTNAME",
        "HOSTTYPE",
        "LINENO",
        "LINES",
        "MACHTYPE",
        "OLDPWD",
        "OSTYPE",
        "PPID",
        "RANDOM",
        "SECONDS",
        "SHELLOPTS",
        "SHLVL",
        "TTY",
        "TTYIDLE",
    ]
)
"""Set by the shell itself, to what reading cannot know."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?:(:?[-+=?])([^{}]*))?\}|([A-Za-z_]\w*|-))", re.ASCII)
_FILE_OF = re.compile(r"\$\(\s*(?:cat\s+|<\s*)([^\s|;&<>()]+|\"[^\"]+\")\s*\)")
_HEXADECIMAL = re.compile(r"\\x([0-9A-Fa-f]{1,2})")
_ANSI = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


@dataclass(slots=True)
class ShellState:
    """`variables`: name -> value, None if only the shell could compute it. `exported`: the names that a program gets.

    `origins`: "file:line" of the assignment that won. `open`: names of which a condition decides that reading cannot decide, with
    the place. `beyond`: places of code that reading does not follow and that could set anything. `files`: those that were read.
    """

    variables: dict[str, str | None]
    exported: set[str]
    flavour: str = "sh"
    login: bool = False
    interactive: bool = False
    origins: dict[str, str] = field(default_factory=dict)
    open: dict[str, str] = field(default_factory=dict)
    beyond: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    allexport: bool = False
    left: int = MAX_READ

    def read(self, file: Path) -> str | None:
        """A start file's text. None if nothing can be read, or where it is more than reading follows: then it is noted."""
        if len(self.files) >= MAX_FILES:
            return None
        try:
            data = plain_content(file, MAX_FILE + 1)
        except (OSError, ValueError):
            return None
        self.files.append(str(file))
        if len(data) > min(MAX_FILE, self.left):
            self.note_beyond(f"{file}:1")
            return None
        self.left -= len(data)
        return data.decode("utf-8", "surrogateescape")

    def note_beyond(self, where: str) -> None:
        if len(self.beyond) < MAX_BEYOND:
            self.beyond.append(where)

    @property
    def environment(self) -> dict[str, str]:
        """What a program gets that is started now, without what reading cannot tell."""
        return {
            name: value
            for name, value in self.variables.items()
            if name in self.exported and value is not None and name not in self.open
        }

    @property
    def home(self) -> Path:
        return Path(self.variables.get("HOME") or "/")

    def get(self, name: str) -> str | None:
        """A variable's value, "" where it is unset, None if reading cannot tell."""
        if name == "-":
            return "himBHs" if self.interactive else "hBc"
        if name in self.open or name in _OWN:
            return None
        if name in ("UID", "EUID") and name not in self.variables:
            return str(os.getuid()) if hasattr(os, "getuid") else None
        return self.variables.get(name, "")

    def set(self, name: str, value: str | None, where: str, *, export: bool = False, maybe: bool = False) -> None:
        """An assignment; `maybe`: a condition that reading cannot decide is before it. A value that no variable can have is one
        that reading cannot tell."""
        if value is not None and (len(value) > MAX_VALUE or "\0" in value):
            value = None
        export = export or self.allexport or name in self.exported
        if maybe:
            if export or name in self.variables:
                self.open[name] = where
            self.exported |= {name} if export else set()
            self.variables.setdefault(name, None)
            self.origins.setdefault(name, where)
            return
        self.open.pop(name, None)
        self.variables[name] = value
        self.origins[name] = where
        if export:
            self.exported.add(name)

    def export(self, name: str, where: str, *, maybe: bool = False) -> None:
        """`export NAME`: a variable that is set by now, or that will be, reaches programs."""
        if maybe and name not in self.exported and name in self.variables:
            self.open[name] = where
        self.exported.add(name)

    def unset(self, name: str, where: str, *, maybe: bool = False) -> None:
        if maybe:
            if name in self.variables:
                self.open[name] = where
            return
        self.variables.pop(name, None)
        self.exported.discard(name)
        self.open.pop(name, None)
        self.origins[name] = where

    def path(self, text: str) -> Path:
        """A file that a start file names: relative to the home, where shells start."""
        return self.home / text


def environment_state(env: Mapping[str, str], flavour: str, *, login: bool, interactive: bool) -> ShellState:
    """A shell that has just begun in this environment."""
    state = ShellState(dict(env), set(env), flavour, login, interactive)
    if interactive:
        state.variables.setdefault("PS1", "$ ")
    elif flavour == "sh":
        state.variables.setdefault("PS1", None)  # dash has it in any case
    if flavour in ("bash", "zsh"):
        state.variables[f"{flavour.upper()}_VERSION"] = "5"
    return state


def expanded(raw: str, state: ShellState) -> str | None:
    """A word's value; None if only the shell could compute it."""
    out: list[str] = []
    at, quoted, room = 0, False, MAX_VALUE
    if raw.startswith("~") and (len(raw) == 1 or raw[1] == "/"):
        out, at = [str(state.home)], 1
    while at < len(raw):
        char = raw[at]
        if char == '"':
            quoted, at = not quoted, at + 1
        elif char == "'" and not quoted:
            end = raw.find("'", at + 1)
            if end < 0:  # in a part of a word, of which the rest stands elsewhere
                return None
            out.append(raw[at + 1 : end])
            at = end + 1
        elif char == "\\":
            keeps = quoted and raw[at + 1 : at + 2] not in ('"', "\\", "$", "`", "\n")
            out.append("" if raw[at + 1 : at + 2] == "\n" else ("\\" if keeps else "") + raw[at + 1 : at + 2])
            at += 2
        elif char == "$" and raw.startswith("'", at + 1) and not quoted:
            at = _ansi(raw, at + 2, out)
        elif char == "$":
            piece, at = _dollar(raw, at, state)
            room -= len(piece or "")
            if piece is None or room < 0:
                return None
            out.append(piece)
        elif char == "`" or (char in "<>" and raw.startswith("(", at + 1)):
            return None
        else:
            out.append(char)
            at += 1
    value = "".join(out)
    return None if "\0" in value else value


def _ansi(raw: str, at: int, out: list[str]) -> int:
    while at < len(raw) and raw[at] != "'":
        if hexadecimal := _HEXADECIMAL.match(raw, at):
            out.append(chr(int(hexadecimal[1], 16)))
            at = hexadecimal.end()
        elif raw[at] == "\\":
            out.append(_ANSI.get(raw[at + 1 : at + 2], raw[at : at + 2]))
            at += 2
        else:
            out.append(raw[at])
            at += 1
    return at + 1


def _dollar(raw: str, at: int, state: ShellState) -> tuple[str | None, int]:
    if raw.startswith("$(id -u)", at):
        return state.get("UID"), at + len("$(id -u)")
    if found := _FILE_OF.match(raw, at):
        return _content(expanded(found[1], state), state), found.end()
    found = _VARIABLE.match(raw, at)
    if found is None:
        return ("$", at + 1) if raw[at + 1 : at + 2] in ("", " ", '"', "/") else (None, at + 1)
    name, operator, word = found[1] or found[4], found[2] or "", found[3] or ""
    value = state.get(name)
    if value is None:
        return None, found.end()
    is_set = bool(value) if operator.startswith(":") else name in state.variables
    if operator.endswith("+"):
        return (expanded(word, state) if is_set else ""), found.end()
    return (value if is_set or not operator else expanded(word, state)), found.end()


def _content(name: str | None, state: ShellState) -> str | None:
    """`$(cat FILE)`, which reading does itself."""
    if not name:
        return None
    try:
        return plain_content(state.path(name), MAX_FILE).decode("utf-8", "surrogateescape").rstrip("\n")
    except (OSError, ValueError):
        return ""


def is_name(text: str) -> bool:
    """Whether a shell could have a variable of this name."""
    return bool(_NAME.fullmatch(text))
