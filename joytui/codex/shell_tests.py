"""The conditions of start files, as far as reading decides them: True, False, or None if only the shell could tell."""

from __future__ import annotations

import fnmatch
import operator
import os
import shutil
from collections.abc import Callable, Sequence

from joytui.codex.shell_state import ShellState, expanded

_FILES: dict[str, Callable[[str], bool]] = {
    "-f": os.path.isfile,
    "-d": os.path.isdir,
    "-e": os.path.exists,
    "-L": os.path.islink,
    "-h": os.path.islink,
    "-s": lambda path: os.path.isfile(path) and os.path.getsize(path) > 0,
    "-r": lambda path: os.access(path, os.R_OK),
    "-w": lambda path: os.access(path, os.W_OK),
    "-x": lambda path: os.access(path, os.X_OK),
}
_MOST_WORDS = 200
_LONGEST_PATTERN = 1000
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq, "-ne": operator.ne, "-lt": operator.lt, "-le": operator.le, "-gt": operator.gt, "-ge": operator.ge,
}  # fmt: skip


def tested(words: Sequence[str], state: ShellState, *, double: bool) -> bool | None:
    """`[ WORDS ]`, or `[[ WORDS ]]` (`double`), where patterns count and && and || join."""
    try:
        return _joined(list(words), state, double)
    except (OSError, ValueError):
        return None


def _joined(words: list[str], state: ShellState, double: bool) -> bool | None:
    if len(words) > _MOST_WORDS:
        return None
    either, both = ("||", "&&") if double else ("-o", "-a")
    for sign, one in ((either, _or), (both, _and)):
        if sign in words:
            at = words.index(sign)
            return one(_joined(words[:at], state, double), _joined(words[at + 1 :], state, double))
    if words[:1] == ["!"]:
        inner = _joined(words[1:], state, double)
        return None if inner is None else not inner
    return _single(words, state, double)


def _or(left: bool | None, right: bool | None) -> bool | None:
    return True if left or right else (None if left is None or right is None else False)


def _and(left: bool | None, right: bool | None) -> bool | None:
    return False if left is False or right is False else (None if left is None or right is None else True)


def _single(words: list[str], state: ShellState, double: bool) -> bool | None:
    values = [expanded(word, state) for word in words]
    if len(values) == 1:
        return None if values[0] is None else bool(values[0])
    if len(values) == 2:
        return _unary(words[0], values[1], state)
    if len(values) != 3 or values[0] is None or values[2] is None:
        return None
    left, sign, right = values[0], words[1], values[2]
    if sign in ("=", "==", "!="):
        quoted = words[2][:1] in "\"'"
        same = _fits(left, right) if double and not quoted else left == right
        return same if sign != "!=" or same is None else not same
    return _NUMBERS[sign](int(left), int(right)) if sign in _NUMBERS else None


def _fits(value: str, pattern: str) -> bool | None:
    return fnmatch.fnmatchcase(value, pattern) if len(pattern) <= _LONGEST_PATTERN else None


def _unary(sign: str, value: str | None, state: ShellState) -> bool | None:
    if value is None:
        return None
    if sign in ("-n", "-z"):
        return bool(value) is (sign == "-n")
    if sign == "-t":
        return state.interactive
    if sign == "-v":
        return value in state.variables
    if sign == "-o":
        return {"interactive": state.interactive, "login": state.login}.get(value)
    return _FILES[sign](str(state.path(value))) if sign in _FILES else None


def found_on_path(names: Sequence[str], state: ShellState) -> bool | None:
    """`command -v NAME`: True if a program is found; a function or a builtin might be meant otherwise."""
    path = state.get("PATH")
    known = names and path is not None and all(shutil.which(name, path=path) for name in names)
    return True if known else None


def matches(value: str | None, patterns: Sequence[str], state: ShellState) -> bool | None:
    """Whether a value fits one of the patterns of a `case`."""
    found: list[bool | None] = []
    for pattern in patterns:
        text = expanded(pattern, state)
        found.append(None if value is None or text is None else _fits(value, text))
    return True if True in found else (None if None in found else False)
