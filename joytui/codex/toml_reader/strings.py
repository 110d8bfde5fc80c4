"""The strings of TOML 1.1: basic and literal, on one line or on several. Each function returns the value and the offset
behind its closing quote, or raises a Fault in Codex's words."""

from __future__ import annotations

import re

from joytui.codex.toml_reader.faults import Fault, lone_return

_BASIC_RUN = re.compile(r"[^\"\\\x00-\x08\x0a-\x1f\x7f]*")
_LITERAL_RUN = re.compile(r"[^'\x00-\x08\x0a-\x1f\x7f]*")
_BASIC_BLOCK_RUN = re.compile(r"(?:[^\"\\\x00-\x08\x0b-\x1f\x7f]|\r\n)*")
_LITERAL_BLOCK_RUN = re.compile(r"(?:[^'\x00-\x08\x0b-\x1f\x7f]|\r\n)*")
_LINE_CONTINUATION = re.compile(r"\\[ \t]*\r?\n[ \t\r\n]*")
_ESCAPES = {"b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"'}
_HEX_DIGITS = {
    letter: (count, re.compile(rf"[0-9A-Fa-f]{{0,{count}}}")) for letter, count in (("x", 2), ("u", 4), ("U", 8))
}
_SURROGATES = range(0xD800, 0xE000)
_LAST_CODE_POINT = 0x10FFFF


def read_string(text: str, at: int) -> tuple[str, int]:
    """The string whose first quote is at `at`, of any kind."""
    quote = text[at]
    return _block(text, at, quote) if text.startswith(quote * 3, at) else read_line_string(text, at)


def read_line_string(text: str, at: int) -> tuple[str, int]:
    """The string on one line whose quote is at `at`: all that a key may be."""
    quote, parts = text[at], []
    run = _BASIC_RUN if quote == '"' else _LITERAL_RUN
    at += 1
    while True:
        piece, at = _run(run, text, at)
        parts.append(piece)
        char = text[at : at + 1]
        if char == quote:
            return "".join(parts), at + 1
        if char != "\\":
            raise _no_string(quote, char, at)
        piece, at = _escape(text, at)
        parts.append(piece)


def _no_string(quote: str, char: str, at: int) -> Fault:
    if not char or char in "\r\n":
        return Fault(f"invalid {_kind(quote)} string, expected `{quote}`", at)
    if quote == '"':
        return Fault("invalid basic string, expected non-double-quote visible characters, `\\`", at)
    return Fault("invalid literal string, expected non-single-quote visible characters", at)


def _block(text: str, at: int, quote: str) -> tuple[str, int]:
    """Three quotes on each side. A newline right behind the opening ones is not part of it; up to two more quotes may
    stand right before the closing ones."""
    run, parts = (_BASIC_BLOCK_RUN if quote == '"' else _LITERAL_BLOCK_RUN), []
    at += 3
    at += 2 if text.startswith("\r\n", at) else int(text.startswith("\n", at))
    while True:
        piece, at = _run(run, text, at)
        parts.append(piece.replace("\r\n", "\n"))
        char = text[at : at + 1]
        if char == quote:
            quotes = len(text[at : at + 5]) - len(text[at : at + 5].lstrip(quote))
            at += quotes
            if quotes >= 3:
                return "".join((*parts, quote * (quotes - 3))), at
            parts.append(quote * quotes)
        elif char == "\\":
            piece, at = _block_escape(text, at)
            parts.append(piece)
        else:
            raise _no_block(quote, char, at)


def _no_block(quote: str, char: str, at: int) -> Fault:
    if not char:
        return Fault(f"invalid multi-line {_kind(quote)} string, expected `{quote}`", at)
    if char == "\r":
        return lone_return(at)
    return Fault(f"invalid multi-line {_kind(quote)} string, expected printable characters", at)


def _kind(quote: str) -> str:
    return "basic" if quote == '"' else "literal"


def _run(pattern: re.Pattern[str], text: str, at: int) -> tuple[str, int]:
    found = pattern.match(text, at)
    assert found is not None, "a run may be empty"
    return found[0], found.end()


def _block_escape(text: str, at: int) -> tuple[str, int]:
    blank = _LINE_CONTINUATION.match(text, at)
    return ("", blank.end()) if blank else _escape(text, at)


def _escape(text: str, at: int) -> tuple[str, int]:
    letter = text[at + 1 : at + 2]
    if letter in _ESCAPES:
        return _ESCAPES[letter], at + 2
    if letter not in _HEX_DIGITS:
        wanted = 'expected `b`, `e`, `f`, `n`, `r`, `\\`, `"`, `x`, `u`, `U`'
        raise Fault(f"missing escaped value, {wanted}", at + 1)
    count, pattern = _HEX_DIGITS[letter]
    digits, end = _run(pattern, text, at + 2)
    if len(digits) < count:
        raise Fault("too few unicode value digits, expected unicode hexadecimal value", end)
    code = int(digits, 16)
    if code in _SURROGATES or code > _LAST_CODE_POINT:
        raise Fault("invalid value, expected unicode hexadecimal value", at + 2, count)
    return chr(code), end
