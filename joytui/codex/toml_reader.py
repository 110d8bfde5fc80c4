"""Reads TOML 1.1 as Codex 0.169 does (the Rust crate toml 1.x): values, the place of every key, and its own error texts.

Why not a library: the standard tomllib refuses TOML 1.1, tomlkit needs a minute for the 6 MB that Codex loads in three
seconds, and neither says where a key stands. Values come as plain Python data, tables in document order.

    Document.data       nested dict / list / str / int / float / bool / date, time, datetime
    Document.places     key path -> offset of the key; elements of arrays of tables have their index in the path
    TomlError           message as Codex words it, line and column (1-based, in characters), the line's text

The texts were observed with Codex 0.169.0 over 110 malformed files (tests/codex/syntax_errors.json).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from joytui.codex.toml_values import ScalarError, read_scalar

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_KEY_TOKEN = re.compile(r"[^ \t\r\n.=\[\]{},#']+")
_TO_VALUE = re.compile(r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*=[ \t]*")
_BLANK = re.compile(r"[ \t]*")
_FILLER = re.compile(r"(?:[ \t\n]|\r\n|#[^\x00-\x08\x0a-\x1f\x7f]*)*")
_COMMENT = re.compile(r"#[^\x00-\x08\x0a-\x1f\x7f]*")
_SIMPLE_LINE = re.compile(
    r"[ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*"
    r"(?:\"([^\"\\\x00-\x08\x0a-\x1f\x7f]*)\"(?!\")|'([^'\x00-\x08\x0a-\x1f\x7f]*)'(?!')|(true|false)|([+-]?(?:0|[1-9][0-9]{0,17})))"
    r"[ \t]*(?:\r?\n|\Z)"
)
_STRING_RUN = re.compile(r"[^\"\\\x00-\x08\x0a-\x1f\x7f]*")
_ML_STRING_RUN = re.compile(r"(?:[^\"\\\x00-\x08\x0b-\x1f\x7f]|\r\n)*")
_LITERAL_RUN = re.compile(r"[^'\x00-\x08\x0a-\x1f\x7f]*")
_ML_LITERAL_RUN = re.compile(r"(?:[^'\x00-\x08\x0b-\x1f\x7f]|\r\n)*")
_ESCAPES = {"b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"'}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_VALUE_TOKEN = re.compile(r"[^\n\r,\]}#={\[\"']*")
_MAX_DEPTH = 80  # Codex's own limit is of that size; deeper input is an attack or an accident


class TomlError(Exception):
    """A syntax error: `message` in Codex's words at 1-based `line` and `column`; `text` is that line."""

    def __init__(self, message: str, line: int, column: int, text: str, width: int = 1) -> None:
        super().__init__(f"{line}:{column}: {message}")
        self.message, self.line, self.column, self.text, self.width = message, line, column, text, width


@dataclass(slots=True)
class Section:
    """A table header and its lines. `names`: the offset of each name in the header; `end`: behind its last `key = value`
    line, or behind the header where it has none. The first section of a document is its top, without a header."""

    path: Path
    start: int
    names: tuple[int, ...]
    end: int


@dataclass(slots=True)
class Document:
    """A parsed file. `line_of` and `column_of` are 1-based."""

    text: str
    data: dict[str, Any]
    places: dict[Path, int]
    sections: list[Section] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset."""
        if not self._starts:
            self._starts = [0, *(m.end() for m in re.finditer("\n", self.text))]
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def key_position(self, path: Path) -> tuple[int, int]:
        """Line and column of a key, or of the nearest one above it."""
        for end in range(len(path), 0, -1):
            if (offset := self.places.get(path[:end])) is not None:
                return self.position(offset)
        return 1, 1

    def value_position(self, path: Path) -> tuple[int, int]:
        """Line and column of the value of a key (of the key itself where a table header opens it)."""
        for end in range(len(path), 0, -1):
            if (offset := self.places.get(path[:end])) is not None:
                found = _TO_VALUE.match(self.text, offset)
                return self.position(found.end() if found else offset)
        return 1, 1

    def line_of(self, path: Path) -> int | None:
        """The line of a key; of the nearest table above it where the key itself is not written."""
        for end in range(len(path), 0, -1):
            if (offset := self.places.get(path[:end])) is not None:
                return self.position(offset)[0]
        return None


def read_toml(text: str) -> Document:
    """Parses a document (a leading BOM is skipped, as Codex does). Raises TomlError."""
    body = text.removeprefix("\ufeff")
    reader = _Reader(body)
    try:
        reader.document()
    except _Fault as fault:
        raise _as_error(body, fault) from None
    return Document(body, reader.root, reader.places, reader.sections)


def value_span(document: Document, path: Path) -> tuple[int, int] | None:
    """Where the value of a key stands in the text (start, end); None where no `key = value` sets it."""
    offset = document.places.get(path)
    if offset is None:
        return None
    reader = _Reader(document.text)
    reader.at = offset
    try:
        reader._key(first=False)
        reader._skip_blank()
        if not document.text.startswith("=", reader.at):
            return None
        reader.at += 1
        reader._skip_blank()
        start = reader.at
        reader._value((), 0)
    except _Fault:
        return None
    return start, reader.at


def key_span(document: Document, offset: int) -> tuple[int, int]:
    """The name that stands at an offset, quotes included."""
    reader = _Reader(document.text)
    reader.at = offset
    reader._key(first=False)
    return offset, reader.at


class _Fault(Exception):
    def __init__(self, message: str, offset: int, width: int = 1) -> None:
        super().__init__(message)
        self.message, self.offset, self.width = message, offset, width


def _as_error(text: str, fault: _Fault) -> TomlError:
    offset = min(fault.offset, len(text))
    anchor = offset - 1 if offset == len(text) and text.endswith("\n") else offset  # the end counts to the last line
    start = text.rfind("\n", 0, anchor) + 1
    end = text.find("\n", anchor)
    shown = text[start : end if end >= 0 else len(text)].rstrip("\r")
    return TomlError(fault.message, text.count("\n", 0, anchor) + 1, offset - start + 1, shown, max(fault.width, 1))


class _Reader:
    """A recursive-descent reader; `closed` marks tables that may not be extended any more, `dotted` those made by keys."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.root: dict[str, Any] = {}
        self.places: dict[Path, int] = {}
        self.table: dict[str, Any] = self.root
        self.prefix: Path = ()
        self.defined: set[int] = {id(self.root)}  # tables that a header defined
        self.dotted: dict[int, int] = {}  # tables made by dotted keys -> id of the table whose body made them
        self.inline: set[int] = set()  # inline tables and literal arrays: frozen
        self.array_tables: set[int] = set()
        self.bad_key: _Fault | None = None
        self.sections: list[Section] = [Section((), 0, (), 0)]
        self.kept: list[Any] = []  # references, so that no later object gets the id of one that is marked

    # --- structure

    def document(self) -> None:
        text, end = self.text, len(self.text)
        while True:
            self._simple_lines()
            self.at = _FILLER.match(text, self.at).end()  # type: ignore[union-attr]
            if self.at >= end:
                return
            at = self.at
            char = text[at]
            if char in "\r#":
                self._line_end()
            elif char == "[":
                names = self._header()
                self._line_end()
                self.sections.append(Section(self.prefix, at, names, min(self.at, end)))
            else:
                self._assignment(self.table, self.prefix)
                self._line_end()
                self.sections[-1].end = min(self.at, end)

    def _simple_lines(self) -> None:
        """The fast path: runs of plain `key = value` lines."""
        match, table, prefix, places = _SIMPLE_LINE.match, self.table, self.prefix, self.places
        while found := match(self.text, self.at):
            key = found[1]
            if key in table:
                return
            kind = found.lastindex
            if kind in (2, 3):
                table[key] = found[kind]
            elif kind == 4:
                table[key] = found[4] == "true"
            else:
                table[key] = int(found[5])
            places[(*prefix, key)] = found.start(1)
            self.at = self.sections[-1].end = found.end()

    def _line_end(self) -> None:
        text = self.text
        at = _BLANK.match(text, self.at).end()  # type: ignore[union-attr]
        if text.startswith("#", at):
            at = _COMMENT.match(text, at).end()  # type: ignore[union-attr]
            if at < len(text) and text[at] not in "\r\n":
                raise _Fault("invalid comment character, expected printable characters", at)
        if at >= len(text) or text[at] == "\n":
            self.at = at + 1
        elif text.startswith("\r\n", at):
            self.at = at + 2
        elif text[at] == "\r":
            raise _Fault("carriage return must be followed by newline, expected newline", at + 1)
        else:
            raise _Fault("unexpected key or value, expected newline, `#`", at)

    def _header(self) -> tuple[int, ...]:
        many = self.text.startswith("[[", self.at)
        close = "]]" if many else "]"
        self.at += len(close)
        parts = self._key_path()
        self._skip_blank()
        if not self.text.startswith(close, self.at):
            name = "array table" if many else "table"
            one = many and self.text.startswith("]", self.at)
            raise _Fault(f"unclosed {name}, expected `{']' if one else close}`", self.at + one)
        self._check_key()
        self.at += len(close)
        table: dict[str, Any] = self.root
        prefix: Path = ()
        for name, offset in parts[:-1]:
            table, prefix = self._step_into(table, prefix, name, offset, parts[0][1])
        self._open(table, prefix, parts[-1], many)
        return tuple(offset for _, offset in parts)

    def _step_into(
        self, table: dict[str, Any], prefix: Path, name: str, offset: int, first: int
    ) -> tuple[dict[str, Any], Path]:
        path: Path = (*prefix, name)
        child = table.get(name)
        if child is None:
            child = table[name] = {}
            self.places.setdefault(path, offset)
        elif isinstance(child, list) and id(child) in self.array_tables:
            return child[-1], (*path, len(child) - 1)
        elif not isinstance(child, dict) or id(child) in self.inline:
            raise _Fault(f"cannot extend value of type {_kind(child, self.inline)} with a dotted key", first)
        return child, path

    def _open(self, table: dict[str, Any], prefix: Path, last: tuple[str, int], many: bool) -> None:
        name, offset = last
        path: Path = (*prefix, name)
        child = table.get(name)
        if many:
            if child is None:
                child = table[name] = []
                self.array_tables.add(id(child))
                self.places[path] = offset
            elif id(child) not in self.array_tables:
                raise _Fault("duplicate key", offset, len(name))
            self.table, self.prefix = {}, (*path, len(child))
            child.append(self.table)
            self.places[self.prefix] = offset
            return
        if child is None:
            child = table[name] = {}
        elif not isinstance(child, dict) or {id(child)} & (self.inline | self.defined | self.dotted.keys()):
            raise _Fault("duplicate key", offset, len(name))
        self.places[path] = offset
        self.defined.add(id(child))
        self.table, self.prefix = child, path

    # --- keys

    def _assignment(self, table: dict[str, Any], prefix: Path, depth: int = 0) -> None:
        owner = id(table)
        parts = self._key_path(value=True)
        self._skip_blank()
        if not self.text.startswith("=", self.at):
            raise _Fault("key with no value, expected `=`", self.at)
        self._check_key()
        self.at += 1
        self._skip_blank()
        first = parts[0][1]
        checks: list[tuple[str, int]] = parts[:-1]
        for name, offset in checks:
            child = table.get(name)
            if child is None:
                child = table[name] = {}
                self.dotted[id(child)] = owner
                self.places.setdefault((*prefix, name), offset)
            elif not isinstance(child, dict) or (id(child) in self.inline and not depth):
                raise _Fault(f"cannot extend value of type {_kind(child, self.inline)} with a dotted key", first)
            elif self.dotted.get(id(child)) != owner:
                raise _Fault("duplicate key", offset, len(name))
            table, prefix = child, (*prefix, name)
        name, offset = parts[-1]
        path = (*prefix, name)
        value = self._value(path, depth)
        if name in table:
            raise _Fault("duplicate key", offset, len(name))
        table[name] = value
        self.places[path] = offset

    def _key_path(self, *, value: bool = False) -> list[tuple[str, int]]:
        parts: list[tuple[str, int]] = []
        while True:
            self._skip_blank()
            parts.append(self._key(first=value and not parts))
            self._skip_blank()
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1

    def _key(self, *, first: bool) -> tuple[str, int]:
        text, at = self.text, self.at
        char = text[at : at + 1]
        if char and char in "\"'":
            return self._string(char), at
        found = _KEY_TOKEN.match(text, at)
        if found is None:
            if char in ("{", "}", ",") and char and first:
                raise _Fault("invalid key-value pair, expected key", at)
            raise _Fault("unquoted keys cannot be empty, expected letters, numbers, `-`, `_`", at)
        bare = _BARE.match(text, at)
        self.at = found.end()
        if bare is None or bare.end() < found.end():
            wrong = bare.end() if bare else at
            self.bad_key = self.bad_key or _Fault(
                "invalid unquoted key, expected letters, numbers, `-`, `_`", wrong, found.end() - wrong
            )
        return found[0], at

    def _check_key(self) -> None:
        """Raises what was wrong in the characters of the last keys; Codex complains about the shape of a line first."""
        if self.bad_key:
            raise self.bad_key

    def _skip_blank(self) -> None:
        self.at = _BLANK.match(self.text, self.at).end()  # type: ignore[union-attr]

    # --- values

    def _value(self, path: Path, depth: int) -> Any:
        char = self.text[self.at : self.at + 1]
        if char and char in "\"'":
            return self._text_value(char)
        if char == "[":
            return self._array(path, depth + 1)
        if char == "{":
            return self._inline_table(path, depth + 1)
        found = _VALUE_TOKEN.match(self.text, self.at)
        assert found is not None
        try:
            value = read_scalar(found[0].rstrip(" \t"))
        except ScalarError as error:
            if found[0] and self.text[found.end() : found.end() + 1] in ("=", "{", "[", '"', "'") and not depth:
                raise _Fault("unexpected key or value, expected newline, `#`", found.end()) from None
            raise _Fault(error.message, self.at + error.at, error.width) from None
        self.at += value.length
        return value.value

    def _text_value(self, quote: str) -> str:
        if not self.text.startswith(quote * 3, self.at):
            return self._string(quote)
        return self._block_string(quote)

    def _string(self, quote: str) -> str:
        text, start = self.text, self.at + 1
        run = _STRING_RUN if quote == '"' else _LITERAL_RUN
        at, parts = start, []
        while True:
            found = run.match(text, at)
            assert found is not None
            parts.append(found[0])
            at = found.end()
            char = text[at : at + 1]
            if char == quote:
                self.at = at + 1
                return "".join(parts)
            if char == "\\":
                piece, at = self._escape(at)
                parts.append(piece)
            elif not char or char in "\r\n":
                name = "basic" if quote == '"' else "literal"
                raise _Fault(f"invalid {name} string, expected `{quote}`", at)
            elif quote == '"':
                raise _Fault("invalid basic string, expected non-double-quote visible characters, `\\`", at)
            else:
                raise _Fault("invalid literal string, expected non-single-quote visible characters", at)

    def _block_string(self, quote: str) -> str:
        text, at = self.text, self.at + 3
        at += 2 if text.startswith("\r\n", at) else int(text.startswith("\n", at))
        run, parts = (_ML_STRING_RUN if quote == '"' else _ML_LITERAL_RUN), []
        name = "basic" if quote == '"' else "literal"
        while True:
            found = run.match(text, at)
            assert found is not None
            parts.append(found[0].replace("\r\n", "\n"))
            at = found.end()
            char = text[at : at + 1]
            if not char:
                raise _Fault(f"invalid multi-line {name} string, expected `{quote}`", at)
            if char == quote:
                count = len(text[at : at + 5]) - len(text[at : at + 5].lstrip(quote))
                at += count
                if count >= 3:
                    self.at = at
                    return "".join((*parts, quote * (count - 3)))
                parts.append(quote * count)
            elif char == "\\":
                if blank := re.compile(r"\\[ \t]*\r?\n[ \t\r\n]*").match(text, at):
                    at = blank.end()
                else:
                    piece, at = self._escape(at)
                    parts.append(piece)
            elif char == "\r":
                raise _Fault("carriage return must be followed by newline, expected newline", at + 1)
            else:
                raise _Fault(f"invalid multi-line {name} string, expected printable characters", at)

    def _escape(self, at: int) -> tuple[str, int]:
        letter = self.text[at + 1 : at + 2]
        if letter in _ESCAPES and letter:
            return _ESCAPES[letter], at + 2
        if letter not in _HEX_DIGITS or not letter:
            wanted = 'expected `b`, `e`, `f`, `n`, `r`, `\\`, `"`, `x`, `u`, `U`'
            raise _Fault(f"missing escaped value, {wanted}", at + 1)
        count = _HEX_DIGITS[letter]
        digits = re.compile(rf"[0-9A-Fa-f]{{0,{count}}}").match(self.text, at + 2)[0]  # type: ignore[index]
        if len(digits) < count:
            raise _Fault("too few unicode value digits, expected unicode hexadecimal value", at + 2 + len(digits))
        code = int(digits, 16)
        if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
            raise _Fault("invalid value, expected unicode hexadecimal value", at + 2, count)
        return chr(code), at + 2 + count

    def _array(self, path: Path, depth: int) -> list[Any]:
        self._deeper(depth)
        self.at += 1
        items: list[Any] = []
        self.inline.add(id(items))
        self._keep(items)
        comma = True
        while True:
            self._filler("unclosed array, expected `]`")
            char = self.text[self.at]
            if char == "]":
                self.at += 1
                return items
            if char == ",":
                if comma:
                    raise _Fault("extra comma in array, expected value", self.at)
                comma = True
                self.at += 1
                continue
            if not comma:
                raise _Fault("missing comma between array elements, expected `,`", self.at)
            items.append(self._value((*path, len(items)), depth))
            comma = False

    def _inline_table(self, path: Path, depth: int) -> dict[str, Any]:
        self._deeper(depth)
        self.at += 1
        table: dict[str, Any] = {}
        comma = True
        while True:
            self._filler("unclosed inline table, expected `}`")
            char = self.text[self.at]
            if char == "}":
                self.at += 1
                self._freeze(table)
                return table
            if char == ",":
                if comma:
                    raise _Fault("extra comma in inline table, expected key", self.at)
                comma = True
                self.at += 1
                continue
            if not comma:
                if re.match(r"[^=\n]*\n", self.text[self.at : self.at + 200]):
                    raise _Fault("missing comma between key-value pairs, expected `,`", self.at)
                raise _Fault("extra assignment between key-value pairs, expected `,`", self.at)
            self._assignment(table, path, depth)
            comma = False

    def _filler(self, unclosed: str) -> None:
        before = self.at
        self.at = _FILLER.match(self.text, self.at).end()  # type: ignore[union-attr]
        if self.at >= len(self.text):
            raise _Fault(unclosed, before)
        if self.text[self.at] == "\r":
            raise _Fault("carriage return must be followed by newline, expected newline", self.at + 1)

    def _deeper(self, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise _Fault("cannot recurse further; max recursion depth met", self.at)

    def _freeze(self, table: dict[str, Any]) -> None:
        self.inline.add(id(table))
        self._keep(table)
        for value in table.values():
            if isinstance(value, dict) and id(value) not in self.inline:
                self._freeze(value)

    def _keep(self, value: Any) -> None:
        self.kept.append(value)


def _kind(value: Any, inline: set[int]) -> str:
    if isinstance(value, dict):
        return "inline table" if id(value) in inline else "table"
    names = ((bool, "boolean"), (int, "integer"), (float, "float"), (str, "string"), (list, "array"))
    return next((name for kind, name in names if isinstance(value, kind)), "datetime")
