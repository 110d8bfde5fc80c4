"""Follows a start file of fish without running it: `set -x`, `export`, sourced files, conditions; and fish's universal
variables, which it keeps in a file. Nothing is executed, and it never raises."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from joytui.codex.shell_state import MAX_VALUE, ShellState, is_name

_BLOCKS = ("if", "for", "while", "switch", "function", "begin")
_WORD = re.compile(r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\\.|[^\s;'"\\#&|]|(?<=\S)#)+|[;&|]+|#.*""")
_MAX_DEPTH = 20


def follow_fish(files: Sequence[Path], state: ShellState) -> None:
    """Reads the files in this order into the state."""
    for file in files:
        _read(file, state, maybe=False, depth=0)


def read_universal(file: Path, state: ShellState) -> None:
    """`set -U`: what fish stores for every shell, in its own file of variables."""
    for number, line in enumerate((state.read(file) or "").splitlines(), 1):
        if found := re.fullmatch(r"SETUVAR (?:--\w+ )*?(--export )?(?:--\w+ )*([A-Za-z_]\w*):(.*)", line):
            value = re.sub(r"\\x([0-9a-f]{2})", lambda one: chr(int(one[1], 16)), found[3]).replace("\\\\", "\\")
            if value != "\\x1d" and found[2] not in state.variables:  # a variable of the environment hides it
                state.set(found[2], value, f"{file}:{number}", export=bool(found[1]))


def _read(file: Path, state: ShellState, *, maybe: bool, depth: int) -> None:
    text = state.read(file) if depth <= _MAX_DEPTH else None
    if text is not None:
        _Script(state, str(file), maybe, depth).lines(text)


class _Script:
    """`blocks`: of each open block how its commands run: True, False, None (a condition that reading cannot decide)."""

    def __init__(self, state: ShellState, name: str, maybe: bool, depth: int) -> None:
        self.state = state
        self.name = name
        self.depth = depth
        self.certain = not maybe
        self.blocks: list[bool | None] = []
        self.last: bool | None = True

    def lines(self, text: str) -> None:
        for number, line in enumerate(text.replace("\\\n", "  ").splitlines(), 1):
            words: list[str] = []
            for word in (*(one[0] for one in _WORD.finditer(line)), ";"):
                if word[0] not in ";&|#":
                    words.append(word)
                    continue
                if words and not self._command(words, f"{self.name}:{number}"):
                    return
                if word[0] == "#":
                    break
                words = ["and"] if word == "&&" else (["or"] if word == "||" else [])

    def _runs(self) -> bool | None:
        if False in self.blocks:
            return False
        return None if None in self.blocks or not self.certain else True

    def _command(self, words: list[str], where: str) -> bool:
        """Whether the file goes on."""
        first = words[0]
        if first in _BLOCKS:
            self.blocks.append(self._condition(words[1:]) if first == "if" else (True if first == "begin" else None))
            if first == "function":
                self.blocks[-1] = False
        elif first == "else" and self.blocks:
            met = self.blocks[-1]
            self.blocks[-1] = None if met is None else not met
        elif first == "end":
            del self.blocks[-1:]
        elif first in ("and", "or"):
            return self._joined(first == "and", words[1:], where)
        elif first == "return" and self._runs():
            return False
        elif first == "return" and self._runs() is None:
            self.certain = False
        elif self._runs() is not False:
            self._simple(words, where, maybe=self._runs() is None)
        return True

    def _joined(self, wanted: bool, words: list[str], where: str) -> bool:
        if not words or self.last is (not wanted):
            return True
        self.blocks.append(None if self.last is None else True)
        goes_on = self._command(words, where)
        self.blocks.pop()
        return goes_on

    def _simple(self, words: list[str], where: str, *, maybe: bool) -> None:
        first, rest = words[0], words[1:]
        self.last = None
        if first == "set":
            self._set(rest, where, maybe)
        elif first == "export" and rest and "=" in rest[0]:
            name, _, raw = rest[0].partition("=")
            self.state.set(name, self._value(raw), where, export=True, maybe=maybe)
        elif first in ("source", "."):
            self._source(rest, where, maybe)
        elif first == "eval":
            self.state.note_beyond(where)
        else:
            self.last = self._condition(words)

    def _set(self, rest: list[str], where: str, maybe: bool) -> None:
        options = [word for word in rest if word.startswith("-")]
        names = [word for word in rest if not word.startswith("-")]
        short = "".join(word[1:] for word in options if not word.startswith("--"))
        if not names or not is_name(names[0]) or "l" in short:
            return
        if "q" in short or "--query" in options:
            self.last = names[0] in self.state.variables
            return
        if "e" in short or "--erase" in options:
            self.state.unset(names[0], where, maybe=maybe)
            return
        values = [self._value(word) for word in names[1:]]
        value = None if None in values else " ".join(value for value in values if value is not None)
        self.state.set(names[0], value, where, export="x" in short or "--export" in options, maybe=maybe)

    def _source(self, rest: list[str], where: str, maybe: bool) -> None:
        name = self._value(rest[0]) if rest else None
        if name is None:
            self.state.note_beyond(where)
        else:
            _read(self.state.path(name), self.state, maybe=maybe, depth=self.depth + 1)

    def _condition(self, words: list[str]) -> bool | None:
        if words[:1] == ["not"] or words[:1] == ["!"]:
            inner = self._condition(words[1:])
            return None if inner is None else not inner
        if words[:1] == ["status"] and len(words) > 1:
            kind = words[1].removeprefix("--")
            return {"is-interactive": self.state.interactive, "is-login": self.state.login}.get(kind)
        if words[:1] == ["test"] and len(words) == 3 and words[1] in ("-e", "-f", "-r", "-d", "-s"):
            value = self._value(words[2])
            path = self.state.path(value) if value else None
            return None if path is None else (os.path.isdir(path) if words[1] == "-d" else os.path.exists(path))
        if words[:2] == ["set", "-q"] and len(words) == 3:
            return words[2] in self.state.variables
        return True if words == ["true"] else (False if words == ["false"] else None)

    def _value(self, raw: str) -> str | None:
        """A word's value; None if only fish could compute it."""
        if "(" in re.sub(r"'(?:[^'\\]|\\.)*'", "", raw):
            return None
        out, double, room = [], False, MAX_VALUE
        for part in re.finditer(r"'((?:[^'\\]|\\.)*)'|(\")|\\(.)|\$([A-Za-z_]\w*)|(~)(?=/|$)|(.)", raw, re.S):
            single, quote, escaped, name, home, char = part.groups()
            if single is not None and not double:
                out.append(re.sub(r"\\([\\'])", r"\1", single))
            elif quote:
                double = not double
            elif name:
                known = self.state.get(name)
                room -= len(known or "")
                if known is None or room < 0:
                    return None
                out.append(known)
            elif home and not part.start():
                out.append(str(self.state.home))
            else:
                out.append(part[0] if single is not None else (escaped or home or char))
        return "".join(out)
