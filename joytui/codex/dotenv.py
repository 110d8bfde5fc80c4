"""`$CODEX_HOME/.env`, which Codex loads before anything else and which overrides the shell (Rust crate dotenvy).

Observed with 0.169.0: quotes, `export`, blanks round `=`, trailing comments, CRLF and `${A}` work; broken lines are
skipped; a BOM spoils the first key; names beginning with CODEX_ are not taken; `KEY=` (empty) wipes a good shell value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_LINE = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*=(.*)", re.S | re.ASCII)
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_0-9]+)\}|([A-Za-z_0-9]+))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One variable that the file sets, with its line (1-based), and the last one where its value goes on."""

    name: str
    value: str
    line: int
    last: int


def read_dotenv(text: str, env: Mapping[str, str]) -> tuple[Assignment, ...]:
    """The assignments that Codex makes from this file, in order; the last one of a name wins."""
    found: list[Assignment] = []
    known = dict(env)
    number = 0
    lines = text.split("\n")
    while number < len(lines):
        start = number
        parts = [lines[number].removesuffix("\r")]
        begun = _LINE.fullmatch(parts[0])
        state = _after(begun[2]) if begun else _CLOSED
        while state[0] and number + 1 < len(lines):
            number += 1
            parts.append("\n" + lines[number].removesuffix("\r"))
            state = _after(parts[-1], *state)
        number += 1
        line = "".join(parts)
        match = _LINE.fullmatch(line)
        if not match or line.startswith("\ufeff"):
            continue
        value = _value(match[2], known)
        if value is None:
            continue
        known[match[1]] = value
        if not match[1].upper().startswith("CODEX_"):
            found.append(Assignment(match[1], value, start + 1, number))
    return tuple(found)


def without(text: str, name: str) -> str:
    """The text without the lines that set this variable; every other byte stays."""
    found = [range(item.line, item.last + 1) for item in read_dotenv(text, {}) if item.name == name]
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)  # as Codex parts them: a form feed ends no line
    return "".join(line for number, line in enumerate(lines, 1) if not any(number in own for own in found))


_CLOSED = ("", False)


def _after(text: str, quote: str = "", escaped: bool = False) -> tuple[str, bool]:
    """The quote that is open behind this part of a value (values may span lines), and whether the next character is escaped."""
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#":
            return _CLOSED
    return quote, escaped


def _value(raw: str, known: Mapping[str, str]) -> str | None:
    """The value of one line; None if the parser gives up on it."""
    text = raw.strip(" \t\r")
    parts: list[str] = []
    at, quote, ended = 0, "", False
    while at < len(text):
        char = text[at]
        if quote == "'":
            if char == "'":
                quote = ""
            else:
                parts.append(char)
        elif char == "\\":
            at += 1
            letter = text[at : at + 1]
            if not letter and not quote:  # the last character of the line is dropped
                break
            if letter == "n":  # also where nothing is quoted (0.169.0, observed)
                parts.append("\n")
            elif letter in ("\\", "'", '"', "$", " ") and letter:
                parts.append(letter)
            else:
                return None
        elif char == '"':
            quote = "" if quote else '"'
        elif char == "'" and not quote:
            quote = "'"
        elif char == "$":
            variable = _VARIABLE.match(text, at)
            if variable is None:
                parts.append("$")
            else:
                parts.append(known.get(variable[1] or variable[2], ""))
                at = variable.end() - 1
        elif not quote and char in " \t":
            ended = True
            rest = text[at:].strip()
            if rest and not rest.startswith("#"):
                return None
            break
        elif not quote and char == "#" and not ended and not parts:
            break
        else:
            parts.append(char)
        at += 1
    return None if quote else "".join(parts)
